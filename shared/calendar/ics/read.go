package ics

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// Read reads an iCalendar stream: everything that it holds, or an error. Several VCALENDARs, one after the other, are read as one; the first name counts.
//
// An event's id is its UID (where that is missing, one made from its content); an exception's is its master's with the original start, as
// series.InstanceID has it. Times keep the zone that they are written with: by a name that calendar.LoadZone knows, also out of a prefixed
// form ("/freeassociation.sourceforge.net/Europe/Berlin"), else by the TZID, which File.Zones then explains. Times without a zone stay floating.
//
// An event without DTEND lasts as long as its DURATION, else one day if it is all-day, else no time. Of two revisions of one event the newer one counts,
// by SEQUENCE, then LAST-MODIFIED. ChangeKey holds the SEQUENCE, LastModified the DTSTAMP where LAST-MODIFIED is missing. What the user
// answered is not in a file: Response is none.
//
// Errors name the line, and the UID where there is one. They are Invalid, but for those of r, which are handed on. RANGE=THISANDFUTURE and EXRULE, which
// today's calendars do not write, are errors: ignoring them would move meetings.
func Read(r io.Reader) (File, error) { return ReadUpTo(r, 0) }

// ReadUpTo reads as Read does, a file of so many bytes of events at most, as calendar.Event.Bytes counts them; 0: any number.
func ReadUpTo(r io.Reader, most int64) (File, error) {
	reader := reader{
		most:     most,
		zones:    map[string]definition{},
		names:    map[string]string{},
		unknown:  map[string]int{},
		original: map[string]*entry{},
	}
	err := scan(r, reader.property, func(p part) error {
		if p.Name == ical.CompTimezone {
			return reader.zone(p)
		}
		return reader.event(p)
	})
	if err != nil {
		return File{}, err
	}
	return reader.finish()
}

// reader gathers a file. What depends on a zone waits for the end of the file: a VTIMEZONE may come after its events.
type reader struct {
	name    string
	method  string
	entries []*entry
	values  int   // of lists, so far
	most    int64 // bytes of events; 0: any number
	bytes   int64 // of events, so far
	zones   map[string]definition
	names   map[string]string // what a TZID is called in events
	unknown map[string]int    // TZIDs that only a VTIMEZONE can explain, and the line that uses it first

	original map[string]*entry // those that are no exceptions, by UID
	lookup   series.Zones
}

type definition struct {
	calendar.Zone
	line int
}

// entry is an event that was read, with what is known only when the file is read to its end.
type entry struct {
	calendar.Event
	line     int
	sequence int
	lasts    *duration // instead of an end
	instead  *moment   // RECURRENCE-ID: the start that it replaces
	periods  []period  // of RDATE
	replaced bool      // by a newer revision
}

// moment is a date or a time as it is written.
type moment struct {
	calendar.DateTime
	wall time.Time
	date bool
	utc  bool
}

// day is the day that a moment means among days: an instant is the midnight of somebody's zone, which is the nearest one.
func (m moment) day() time.Time {
	if m.utc {
		return m.wall.Add(12 * time.Hour).Truncate(24 * time.Hour)
	}
	return m.wall.Truncate(24 * time.Hour)
}

// period is an instance that has an end of its own.
type period struct {
	start moment
	end   *moment
	lasts duration
}

func (r *reader) property(name, value string) {
	switch name {
	case "METHOD":
		r.method = strings.ToUpper(strings.TrimSpace(value))
	case "X-WR-CALNAME", "NAME":
		r.name = cmp.Or(r.name, unescape(value))
	}
}

// zone keeps a definition that is needed: of a name that calendar.LoadZone does not know.
func (r *reader) zone(p part) error {
	id := p.Props.Get(ical.PropTimezoneID)
	if id == nil {
		return invalid(p.number(nil), "the VTIMEZONE has no TZID")
	}
	name := unescape(strings.TrimSpace(id.Value))
	if _, known := known(name); known {
		return nil
	}
	z := definition{calendar.Zone{ID: name, Definition: p.text()}, p.number(nil)}
	switch other, known := r.zones[name]; {
	case known && other.Definition != z.Definition:
		return invalid(z.line, "the time zone %.100q is defined otherwise in line %d", name, other.line)
	case len(r.zones) == MaxZones:
		return invalid(z.line, "the file defines more than %d time zones of its own", MaxZones)
	}
	r.zones[name] = z
	return nil
}

// known returns the name by which calendar.LoadZone knows a TZID.
func known(tzid string) (name string, ok bool) {
	name = tzid
	for {
		if _, err := calendar.LoadZone(name); err == nil {
			return name, true
		}
		if !strings.HasPrefix(tzid, "/") { // only such a TZID is made of a prefix and a name (RFC 5545, section 3.2.19)
			return "", false
		}
		if _, name, ok = strings.Cut(name, "/"); !ok {
			return "", false
		}
	}
}

// zoneName returns what a TZID is called in events, and notes where one that needs a definition is first used.
func (r *reader) zoneName(tzid string, p part, prop *ical.Prop) string {
	name, seen := r.names[tzid]
	if !seen {
		var ok bool
		if name, ok = known(tzid); !ok {
			name = tzid
			r.unknown[tzid] = p.number(prop)
		}
		r.names[tzid] = name
	}
	return name
}

// event reads a VEVENT.
func (r *reader) event(p part) error {
	e := &entry{line: p.number(nil)}
	r.entries = append(r.entries, e)
	get := func(name string) *ical.Prop { return p.Props.Get(name) }
	text := func(name string) string {
		if prop := get(name); prop != nil {
			return unescape(prop.Value)
		}
		return ""
	}
	uid := strings.TrimSpace(text(ical.PropUID))
	bad := func(prop *ical.Prop, format string, args ...any) error {
		return invalid(p.number(prop), "event %.200q: "+format, append([]any{uid}, args...)...)
	}
	if uid == "" {
		uid = contentID(p)
	}
	e.ID, e.ICalUID, e.Type = uid, uid, calendar.Single

	e.Subject = text(ical.PropSummary)
	e.Location = text(ical.PropLocation)
	e.Mark = text(propMark)
	if body := text(ical.PropDescription); body != "" {
		e.Body = calendar.Body{ContentType: "text", Content: body}
	}
	if body := text(propHTML); body != "" {
		e.Body = calendar.Body{ContentType: "html", Content: body}
	}
	for _, name := range []string{propTeams, propMeet, "CONFERENCE", ical.PropURL} {
		if prop := get(name); prop != nil && e.OnlineURL == "" {
			e.OnlineURL = strings.TrimSpace(prop.Value)
		}
	}
	for _, prop := range p.Props[ical.PropCategories] {
		if r.values += strings.Count(prop.Value, ","); r.values <= MaxValues {
			for _, c := range splitList(prop.Value) {
				if c = strings.TrimSpace(c); c != "" {
					e.Categories = append(e.Categories, c)
				}
			}
		}
	}
	if prop := get(ical.PropOrganizer); prop != nil {
		e.Organizer = person(prop)
	}
	for _, prop := range p.Props[ical.PropAttendee] {
		r.values++
		e.Attendees = append(e.Attendees, attendee(prop))
	}
	e.Sensitivity, e.ShowAs, e.Importance = calendar.Normal, calendar.Busy, calendar.NormalImportance
	e.Response = calendar.NoResponse
	status := strings.ToUpper(text(ical.PropStatus))
	e.Cancelled = status == "CANCELLED" || r.method == "CANCEL"
	switch class := strings.ToUpper(text(ical.PropClass)); class {
	case "", "PUBLIC":
	case "X-PERSONAL":
		e.Sensitivity = calendar.Personal
	case "CONFIDENTIAL":
		e.Sensitivity = calendar.Confidential
	default: // RFC 5545, section 3.8.1.3
		e.Sensitivity = calendar.Private
	}
	busy := strings.ToUpper(text(propBusy))
	switch {
	case busyWords[busy] != "":
		e.ShowAs = busyWords[busy]
	case strings.EqualFold(text(ical.PropTransparency), "TRANSPARENT"):
		e.ShowAs = calendar.Free
	case status == "TENTATIVE":
		e.ShowAs = calendar.Tentative
	}
	switch n, _ := strconv.Atoi(text(ical.PropPriority)); {
	case n >= 1 && n <= 4:
		e.Importance = calendar.High
	case n >= 6 && n <= 9:
		e.Importance = calendar.Low
	case n == 0 && text(propImportance) == "2":
		e.Importance = calendar.High
	case n == 0 && text(propImportance) == "0":
		e.Importance = calendar.Low
	}
	if prop := get(ical.PropSequence); prop != nil {
		if n, err := strconv.Atoi(strings.TrimSpace(prop.Value)); err == nil && n >= 0 {
			e.sequence, e.ChangeKey = n, strconv.Itoa(n)
		}
	}
	for _, stamp := range []struct {
		name string
		to   *time.Time
	}{{ical.PropCreated, &e.Created}, {ical.PropLastModified, &e.LastModified}, {ical.PropDateTimeStamp, &e.LastModified}} {
		if prop := get(stamp.name); prop != nil && stamp.to.IsZero() {
			if at, _, _, err := parseTime(prop.Value, false); err == nil { // Google writes CREATED:00001231T000000Z, for not known
				*stamp.to = at
			}
		}
	}
	if err := r.times(e, p, bad); err != nil {
		return err
	}
	if err := r.recurrence(e, p, bad); err != nil {
		return err
	}
	if r.values > MaxValues {
		return bad(nil, "the file has more than %d categories, attendees and dates", MaxValues)
	}
	if r.bytes += e.Bytes(); r.most > 0 && r.bytes > r.most {
		return bad(nil, "the file has more than %d MB of events, more than can be read at once here; split it into several", r.most>>20)
	}
	return nil
}

// times reads when an event is.
func (r *reader) times(e *entry, p part, bad func(*ical.Prop, string, ...any) error) error {
	prop := p.Props.Get(ical.PropDateTimeStart)
	if prop == nil {
		return bad(nil, "DTSTART is missing")
	}
	start, err := r.moment(p, prop, prop.Value)
	if err != nil {
		return bad(prop, "DTSTART: %v", err)
	}
	e.Start, e.AllDay = start.DateTime, start.date
	end := start
	switch ends, lasts := p.Props.Get(ical.PropDateTimeEnd), p.Props.Get(ical.PropDuration); {
	case ends != nil:
		if end, err = r.moment(p, ends, ends.Value); err != nil {
			return bad(ends, "DTEND: %v", err)
		}
		switch {
		case end.date && !start.date: // midnight of that day, where the event begins
			end.Zone = start.Zone
		case start.date && !end.date: // the day that it reaches into counts
			if end.wall != end.wall.Truncate(24*time.Hour) {
				end.wall = end.wall.AddDate(0, 0, 1)
			}
			end = moment{DateTime: dateTime(end.wall.Truncate(24*time.Hour), ""), wall: end.wall.Truncate(24 * time.Hour)}
		}
	case lasts != nil:
		d, err := parseDuration(lasts.Value)
		if err != nil {
			return bad(lasts, "DURATION: %v", err)
		}
		e.lasts = &d
	}
	e.End = end.DateTime
	if all := p.Props.Get(propAllDay); !start.date && all != nil && strings.EqualFold(all.Value, "TRUE") && e.lasts == nil && midnight(start) && midnight(end) {
		e.AllDay = true // as old Outlook writes it
		e.Start.Zone, e.End.Zone = "", ""
	}
	if e.AllDay && e.lasts == nil && e.End.Local == e.Start.Local {
		e.End = dateTime(start.wall.AddDate(0, 0, 1), "")
	}
	e.StartZone, e.EndZone = e.Start.Zone, e.End.Zone
	return nil
}

func midnight(m moment) bool { return !m.utc && m.wall == m.wall.Truncate(24*time.Hour) }

// recurrence reads what makes an event a series, or an exception to one.
func (r *reader) recurrence(e *entry, p part, bad func(*ical.Prop, string, ...any) error) error {
	if prop := p.Props.Get("EXRULE"); prop != nil {
		return bad(prop, "EXRULE is not supported; RFC 5545 has given it up for EXDATE")
	}
	if prop := p.Props.Get(ical.PropRecurrenceID); prop != nil {
		if span := prop.Params.Get(ical.ParamRange); span != "" {
			return bad(prop, "RECURRENCE-ID with RANGE=%.30s is not supported; split the series in two there", span)
		}
		m, err := r.moment(p, prop, prop.Value)
		if err != nil {
			return bad(prop, "RECURRENCE-ID: %v", err)
		}
		e.Type, e.instead = calendar.Exception, &m
		return nil
	}
	var rec calendar.Recurrence
	for _, prop := range p.Props[ical.PropRecurrenceRule] {
		rule := strings.Trim(strings.TrimSpace(prop.Value), ";")
		if err := series.CheckRule(rule); err != nil {
			return bad(&prop, "%v", err)
		}
		rec.Rules = append(rec.Rules, rule)
	}
	for _, list := range []struct {
		name string
		to   *[]calendar.DateTime
	}{{ical.PropRecurrenceDates, &rec.Dates}, {ical.PropExceptionDates, &rec.Without}} {
		for _, prop := range p.Props[list.name] {
			if r.values += 1 + strings.Count(prop.Value, ","); r.values > MaxValues {
				return nil // the caller sees to it
			}
			for text := range strings.SplitSeq(prop.Value, ",") {
				if strings.TrimSpace(text) == "" {
					continue
				}
				begins, ends, isPeriod := strings.Cut(text, "/")
				m, err := r.moment(p, &prop, begins)
				if err == nil && isPeriod {
					err = r.period(e, p, &prop, m, ends)
				}
				if err != nil {
					return bad(&prop, "%s: %v", prop.Name, err)
				}
				switch {
				case e.AllDay:
					m.DateTime = dateTime(m.day(), "")
				case m.date:
					m.Local = m.wall.Format(time.DateOnly)
				}
				*list.to = append(*list.to, m.DateTime)
			}
		}
	}
	if len(rec.Rules)+len(rec.Dates)+len(rec.Without) > 0 {
		e.Type, e.Recurrence = calendar.Master, &rec
	}
	return nil
}

// period reads the second half of a PERIOD, an end or a duration.
func (r *reader) period(e *entry, p part, prop *ical.Prop, start moment, ends string) (err error) {
	one := period{start: start}
	if strings.Contains(strings.ToUpper(ends), "P") {
		one.lasts, err = parseDuration(ends)
	} else {
		var end moment
		end, err = r.moment(p, prop, ends)
		one.end = &end
	}
	e.periods = append(e.periods, one)
	return err
}

// moment reads a date or a time of a property.
func (r *reader) moment(p part, prop *ical.Prop, text string) (m moment, err error) {
	m.wall, m.date, m.utc, err = parseTime(text, strings.EqualFold(prop.Params.Get(ical.ParamValue), "DATE"))
	if err != nil {
		return m, err
	}
	zone := ""
	switch tzid := strings.TrimSpace(prop.Params.Get(ical.PropTimezoneID)); {
	case m.utc:
		zone = "UTC"
	case !m.date && tzid != "":
		zone = r.zoneName(paramUnescapes.Replace(tzid), p, prop)
	}
	m.DateTime = dateTime(m.wall, zone)
	return m, nil
}

// finish works out what depends on the whole file: zones, ends, revisions, exceptions.
func (r *reader) finish() (File, error) {
	f := File{Name: r.name}
	for tzid, line := range r.unknown {
		z, ok := r.zones[tzid]
		if !ok {
			return File{}, invalid(line, "the time zone %.100q is unknown, and the file has no VTIMEZONE for it", tzid)
		}
		if _, err := Location(z.Zone); err != nil {
			return File{}, invalid(z.line, "%w", err)
		}
		f.Zones = append(f.Zones, z.Zone)
	}
	slices.SortFunc(f.Zones, func(a, b calendar.Zone) int { return strings.Compare(a.ID, b.ID) })
	r.lookup = Lookup(f.Zones)

	entries := r.entries
	exceptions := map[string]*entry{}
	for _, e := range entries {
		if err := r.complete(e); err != nil {
			return File{}, invalid(e.line, "event %.200q: %w", e.ICalUID, err)
		}
		if e.instead == nil {
			if err := revise(r.original, e.ICalUID, e); err != nil {
				return File{}, err
			}
		}
	}
	for _, e := range entries {
		if e.instead == nil {
			continue
		}
		if err := r.place(e); err != nil {
			return File{}, invalid(e.line, "event %.200q: RECURRENCE-ID: %w", e.ICalUID, err)
		}
		if err := revise(exceptions, e.ID, e); err != nil {
			return File{}, err
		}
	}
	f.Events = make([]calendar.Event, 0, len(entries))
	for i, e := range entries {
		if !e.replaced {
			f.Events = append(f.Events, e.Event)
			for _, one := range e.periods {
				instance, err := r.instance(e, one)
				if err != nil {
					return File{}, invalid(e.line, "event %.200q: RDATE: %w", e.ICalUID, err)
				}
				if exceptions[instance.ID] == nil {
					f.Events = append(f.Events, instance)
				}
				if r.bytes += instance.Bytes() - int64(len(instance.Body.Content)); r.most > 0 && r.bytes > r.most {
					return File{}, invalid(e.line, "the file has more than %d MB of events, more than can be read at once here; split it into several", r.most>>20)
				}
				if len(f.Events) > MaxEvents {
					return File{}, invalid(e.line, "the file has more than %d events, further dates with an end of their own included", MaxEvents)
				}
			}
		}
		entries[i] = nil // it is no longer needed, and there may be many
	}
	return f, nil
}

// complete computes an end from a duration, and gives further dates without a time the time of their series.
func (r *reader) complete(e *entry) (err error) {
	if e.lasts != nil {
		if e.End, err = r.after(e.Start, *e.lasts, e.AllDay); err != nil {
			return err
		}
		e.EndZone = e.End.Zone
	}
	if e.Recurrence == nil || e.AllDay {
		return nil
	}
	start, err := wallOf(e.Start)
	for i, d := range e.Recurrence.Dates {
		if isDate(d) {
			day, _ := wallOf(d)
			e.Recurrence.Dates[i] = dateTime(day.Add(start.Sub(start.Truncate(24*time.Hour))), e.Start.Zone)
		}
	}
	return err
}

// after returns the time that comes a duration after start: days by the calendar of its zone, then time that passes.
func (r *reader) after(start calendar.DateTime, d duration, allDay bool) (calendar.DateTime, error) {
	wall, err := wallOf(start)
	if err != nil {
		return start, err
	}
	wall = wall.AddDate(0, 0, d.days)
	switch {
	case allDay:
		days := max(int((d.exact+24*time.Hour-1)/(24*time.Hour)), 0)
		if d.days+days == 0 {
			days = 1
		}
		return dateTime(wall.AddDate(0, 0, days), ""), nil
	case d.exact == 0:
		return dateTime(wall, start.Zone), nil
	case start.Zone == "":
		return dateTime(wall.Add(d.exact), ""), nil
	}
	at, err := r.instant(dateTime(wall, start.Zone), nil)
	if err != nil {
		return start, err
	}
	loc, err := r.lookup(start.Zone)
	if err != nil {
		return start, err
	}
	return calendar.DateTime{Local: series.Local(at.Add(d.exact), loc), Zone: start.Zone}, nil
}

// instant reads a time in its zone; one without a zone in the floating one, UTC if that is nil.
func (r *reader) instant(d calendar.DateTime, floating *time.Location) (time.Time, error) {
	loc := floating
	if loc == nil {
		loc = time.UTC
	}
	if d.Zone != "" {
		var err error
		if loc, err = r.lookup(d.Zone); err != nil {
			return time.Time{}, err
		}
	}
	return calendar.DateTime{Local: d.Local}.Instant(loc)
}

// place says which instance of which series an exception replaces. Its RECURRENCE-ID should be written like the master's DTSTART;
// a date for a series of times means the instance of that day, a time for a series of dates its day.
func (r *reader) place(e *entry) (err error) {
	m := e.instead
	e.SeriesMasterID = e.ICalUID
	master := r.original[e.ICalUID]
	switch {
	case master == nil:
		e.OriginalStart, err = r.instant(m.DateTime, nil)
	case master.AllDay:
		e.OriginalStart = m.day()
	default:
		var floating *time.Location
		if master.Start.Zone != "" {
			if floating, err = r.lookup(master.Start.Zone); err != nil {
				return err
			}
		}
		if m.date {
			var start time.Time
			if start, err = wallOf(master.Start); err != nil {
				return err
			}
			m.DateTime = dateTime(m.wall.Add(start.Sub(start.Truncate(24*time.Hour))), "")
		}
		e.OriginalStart, err = r.instant(m.DateTime, floating)
	}
	e.ID = series.InstanceID(e.ICalUID, e.OriginalStart)
	return err
}

// instance makes an exception of a further date that has an end of its own.
func (r *reader) instance(master *entry, one period) (calendar.Event, error) {
	e := &entry{Event: master.Event, instead: &one.start}
	e.Type, e.Recurrence = calendar.Exception, nil
	e.Start, e.StartZone = one.start.DateTime, one.start.Zone
	var err error
	if one.end != nil {
		e.End = one.end.DateTime
	} else if e.End, err = r.after(e.Start, one.lasts, e.AllDay); err != nil {
		return e.Event, err
	}
	e.EndZone = e.End.Zone
	err = r.place(e)
	return e.Event, err
}

// revise keeps the newest of the entries that have a key.
func revise(entries map[string]*entry, key string, e *entry) error {
	old := entries[key]
	if old == nil {
		entries[key] = e
		return nil
	}
	newer := cmp.Or(cmp.Compare(e.sequence, old.sequence), e.LastModified.Compare(old.LastModified))
	if newer == 0 && !reflect.DeepEqual(e.Event, old.Event) {
		return invalid(e.line, "event %.200q is in line %d too, with the same SEQUENCE and date but other content", e.ID, old.line)
	}
	if newer > 0 {
		old.replaced, entries[key] = true, e
	} else {
		e.replaced = true
	}
	return nil
}

// person reads an ORGANIZER or ATTENDEE: the address is a mailto: URI, or a parameter where Apple writes a path of its own.
func person(prop *ical.Prop) calendar.Person {
	p := calendar.Person{Name: paramUnescapes.Replace(prop.Params.Get(ical.ParamCommonName))}
	value := strings.TrimSpace(prop.Value)
	if len(value) >= len("mailto:") && strings.EqualFold(value[:len("mailto:")], "mailto:") {
		p.Address = strings.TrimSpace(value[len("mailto:"):])
	} else if mail := prop.Params.Get("EMAIL"); mail != "" {
		p.Address = mail
	} else if !strings.EqualFold(value, noMail) {
		p.Address = value
	}
	return p
}

func attendee(prop ical.Prop) calendar.Attendee {
	a := calendar.Attendee{Person: person(&prop), Type: "required", Response: calendar.NoResponse}
	switch strings.ToUpper(prop.Params.Get(ical.ParamRole)) {
	case "OPT-PARTICIPANT", "NON-PARTICIPANT":
		a.Type = "optional"
	}
	switch strings.ToUpper(prop.Params.Get(ical.ParamCalendarUserType)) {
	case "RESOURCE", "ROOM":
		a.Type = "resource"
	}
	if answer, ok := answers[strings.ToUpper(prop.Params.Get(ical.ParamParticipationStatus))]; ok {
		a.Response = answer
	}
	return a
}

// contentID makes an id for an event that has no UID.
func contentID(p part) string {
	sum := sha256.Sum256([]byte(p.text()))
	return fmt.Sprintf("sha256-%x", sum[:16])
}

const (
	propMark       = "X-ADMIN-ASSISTANT-MARK"
	propHTML       = "X-ALT-DESC"
	propTeams      = "X-MICROSOFT-SKYPETEAMSMEETINGURL"
	propMeet       = "X-GOOGLE-CONFERENCE"
	propBusy       = "X-MICROSOFT-CDO-BUSYSTATUS"
	propImportance = "X-MICROSOFT-CDO-IMPORTANCE"
	propAllDay     = "X-MICROSOFT-CDO-ALLDAYEVENT"
	noMail         = "invalid:nomail" // what stands for an address that is not known
)

// busyWords are Outlook's words for free and busy (MS-OXCICAL, section 2.1.3.1.1.20.31).
var busyWords = map[string]calendar.ShowAs{"FREE": calendar.Free, "TENTATIVE": calendar.Tentative, "BUSY": calendar.Busy,
	"OOF": calendar.OutOfOffice, "WORKINGELSEWHERE": calendar.WorkingElsewhere}

// answers are the words of PARTSTAT.
var answers = map[string]calendar.Response{"ACCEPTED": calendar.Accepted, "DECLINED": calendar.Declined,
	"TENTATIVE": calendar.TentativelyAccepted, "NEEDS-ACTION": calendar.NotResponded}
