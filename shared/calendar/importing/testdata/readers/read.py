"""Reads iCalendar files as the packages icalendar and recurring-ical-events do, and prints what happens.

Each line of the input is JSON: {"ics": text, "from": day, "to": day}. Each line of the output is a list of [subject, start, end], or {"error": text}.
"""

import datetime
import json
import sys

import icalendar
import recurring_ical_events


def moment(value):
    """A date, a floating time, or an instant in UTC."""
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def end(event):
    if "DTEND" in event:
        return event["DTEND"].dt
    start = event["DTSTART"].dt
    if "DURATION" in event:
        return start + event["DURATION"].dt
    return start if isinstance(start, datetime.datetime) else start + datetime.timedelta(days=1)


for line in sys.stdin:
    asked = json.loads(line)
    try:
        calendar = icalendar.Calendar.from_ical(asked["ics"])
        broken = [str(error) for event in calendar.walk() for error in event.errors]
        if broken:
            raise ValueError("; ".join(broken))
        days = [datetime.date.fromisoformat(asked[name]) for name in ("from", "to")]
        answer = sorted(
            [str(event.get("SUMMARY", "")), moment(event["DTSTART"].dt), moment(end(event))]
            for event in recurring_ical_events.of(calendar).between(*days)
        )
    except Exception as error:  # whatever it is, it is the answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
