// Reads iCalendar files as ical.js does, and prints what happens; in and out as read.py.
// usage: node read.mjs FOLDER, which has node_modules
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(resolve(process.argv[2]) + "/");
const { default: ICAL } = await import(require.resolve("ical.js"));

// a date, a floating time, or an instant in UTC
function moment(time) {
  if (time.isDate) return time.toString();
  if (time.zone.tzid === "floating") return time.toString();
  return new Date(time.toUnixTime() * 1000).toISOString().replace(".000Z", "Z");
}

function happens(text, from, to) {
  const root = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of root.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  const events = root.getAllSubcomponents("vevent").map((c) => new ICAL.Event(c, { exceptions: [] }));
  const masters = new Map(events.filter((e) => !e.isRecurrenceException()).map((e) => [e.uid, e]));
  const all = [];
  const add = (summary, start, end) => all.push([summary ?? "", moment(start), moment(end)]);
  for (const e of events) {
    if (!e.isRecurrenceException()) continue;
    const master = masters.get(e.uid);
    if (master?.isRecurring()) master.relateException(e);
    else add(e.summary, e.startDate, e.endDate);
  }
  const end = ICAL.Time.fromDateString(to);
  for (const e of masters.values()) {
    if (!e.isRecurring()) {
      add(e.summary, e.startDate, e.endDate);
      continue;
    }
    const times = e.iterator();
    let n = 0;
    for (let next = times.next(); next && next.compareDateOnlyTz(end, ICAL.Timezone.utcTimezone) <= 0; next = times.next()) {
      if (++n > 100000) throw new Error("too many instances");
      const one = e.getOccurrenceDetails(next);
      add(one.item.summary, one.startDate, one.endDate);
    }
  }
  return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = happens(asked.ics, asked.from, asked.to);
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
