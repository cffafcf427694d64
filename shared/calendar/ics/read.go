package ics

import (
	"cmp"
	"crypto/sha256"
	"errors"
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
	"adminassistant/shared/fault"
)

// Read reads an iCalendar stream: everything that it holds, and what of it had to be set aside. Several VCALENDARs, one after the other, are read as one; the
// first name counts.
//
// An event's id is its UID (where that is missing, one made from what it says); an exception's is its master's with the original start, as
// series.InstanceID has it. Times keep the zone that they are written with: by a name that calendar.LoadZone knows, also out of a prefixed
// form ("/freeassociation.sourceforge.net/Europe/Berlin"), else by the TZID, which File.Zones then explains. Where the file defines a known name otherwise,
// for the time in which it is used, the file's rules count, by a name of their own, and the event has an issue. Times without a zone stay floating.
//
// An event without DTEND lasts as long as its DURATION, else one day if it is all-day, else no time. Of two revisions of one event the newer one counts,
// by SEQUENCE, then DTSTAMP, then LAST-MODIFIED. LastModified is the DTSTAMP where LAST-MODIFIED is missing. What the user answered is not in a
// file: Response is none. A change of an instance that its series excludes is no event. A change with RANGE=THISANDFUTURE splits its series.
//
// What is wrong with one event sets that event aside, with its line. Errors are of the stream as a whole: it is no calendar, is larger than it may be, breaks
// off, or r fails, whose errors are handed on; the others are Invalid.
func Read(r io.Reader) (File, error) { return ReadUpTo(r, 0) }

// ReadUpTo reads as Read does, a file of so many bytes of events at most, as calendar.Event.Bytes counts them; 0: any number.
func ReadUpTo(r io.Reader, most int64) (File, error) {
	reader := reader{
		most:     most,
		zones:    map[zoneKey]*definition{},
		uses:     map[zoneKey]*use{},
		settings: map[int]*settings{},
		original: map[string]*entry{},
	}
	err := scan(r, handler{property: reader.property, component: func(p part) error {
		switch {
		case p.name == ical.CompTimezone:
			return reader.zone(p)
		case p.bad != nil:
			reader.setAside(p, p.bad)
		default:
			if err := reader.event(p); err != nil {
				return err
			}
		}
		return reader.admit(p.lines[0].number)
	}})
	if err != nil {
		return File{}, err
	}
	return reader.finish()
}

// reader gathers a file. What depends on a zone waits for the end of the file: a VTIMEZONE may come after its events.
type reader struct {
	name     string
	settings map[int]*settings // of each VCALENDAR
	entries  []*entry
	values   int   // of lists, so far
	most     int64 // bytes of events; 0: any number
	bytes    int64 // of events and of what is set aside, so far
	aside    []calendar.Aside

	zones   map[zoneKey]*definition
	order   []*definition // as they came
	unknown int           // how many of them have a name that calendar.LoadZone does not know
	uses    map[zoneKey]*use

	original map[string]*entry // those that are no exceptions, by UID
	lookup   series.Zones
}

// settings are the properties of a VCALENDAR that its events depend on.
type settings struct {
	method string
	zone   string // X-WR-TIMEZONE
	old    bool   // vCalendar 1.0
}

// entry is an event that was read, with what is known only when the file is read to its end.
type entry struct {
	calendar.Event
	line     int
	in       int        // its VCALENDAR
	lasts    *duration  // instead of an end
	instead  *moment    // RECURRENCE-ID: the start that it replaces
	onwards  bool       // it replaces all that follow, too
	made     zoneKey    // the zone that the start of an all-day event names
	days     string     // the zone whose days an all-day event means, if any is known
	moments  []dayInAll // of an all-day series, by what they are written as
	periods  []period   // of RDATE
	replaced bool       // by a newer revision
}

// dayInAll is a date of an all-day series that is written as a time.
type dayInAll struct {
	to *calendar.DateTime
	at moment
}

// moment is a date or a time as it is written.
type moment struct {
	calendar.DateTime
	wall time.Time
	date bool
	utc  bool
}

// period is an instance that has an end of its own.
type period struct {
	start moment
	end   *moment
	lasts duration
}

func (r *reader) of(in int) *settings {
	s := r.settings[in]
	if s == nil {
		s = &settings{}
		r.settings[in] = s
	}
	return s
}

func (r *reader) property(in int, name, value string) {
	switch name {
	case "METHOD":
		r.of(in).method = strings.ToUpper(strings.TrimSpace(value))
	case "VERSION":
		r.of(in).old = strings.TrimSpace(value) == "1.0"
	case "X-WR-TIMEZONE":
		r.of(in).zone = unescape(strings.TrimSpace(value))
	case "X-WR-CALNAME", "NAME":
		r.name = cmp.Or(r.name, unescape(value))
	}
}

// setAside notes what cannot be read.
func (r *reader) setAside(p part, err error) {
	a := calendar.Aside{Line: p.number(nil), UID: p.uid, Subject: p.subject, Reason: calendar.Unreadable}
	var wrong wrongTime
	if errors.As(err, &wrong) {
		a.Reason = calendar.InvalidTime
	}
	var at lineError
	if errors.As(err, &at) {
		a.Line, err = at.line, at.err
	}
	a.Detail = err.Error()
	r.bytes += int64(len(a.UID) + len(a.Subject) + len(a.Detail))
	r.aside = append(r.aside, a)
}

// setEntryAside notes an event of which something turned out to be wrong at the end of the file.
func (r *reader) setEntryAside(e *entry, err error) {
	e.replaced = true
	r.setAside(part{lines: []line{{number: e.line}}, uid: e.ICalUID, subject: e.Subject}, err)
}

// wrongTime is what is wrong with when an event is.
type wrongTime struct{ error }

func (w wrongTime) Unwrap() error { return w.error }

// event reads a VEVENT. Its errors are of the file as a whole.
func (r *reader) event(p part) error {
	e := &entry{line: p.number(nil), in: p.calendar}
	of := r.of(p.calendar)
	get := func(name string) *ical.Prop { return p.Props.Get(name) }
	text := func(name string) string {
		if prop := get(name); prop != nil {
			return unescape(prop.Value)
		}
		return ""
	}
	if err := plain(p); err != nil {
		r.setAside(p, err)
		return nil
	}
	uid := strings.TrimSpace(text(ical.PropUID))
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
	if body := text(propHTML); body != "" && (e.Body.Content == "" || PlainText(body) != "") {
		e.Body = calendar.Body{ContentType: "html", Content: body}
	}
	for _, name := range []string{propTeams, propMeet, "CONFERENCE", ical.PropURL} {
		if prop := get(name); prop != nil && e.OnlineURL == "" {
			e.OnlineURL = strings.TrimSpace(prop.Value)
		}
	}
	for _, prop := range p.Props[ical.PropCategories] {
		if of.old {
			prop.Value = strings.ReplaceAll(prop.Value, ";", ",")
		}
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
	e.Cancelled = status == "CANCELLED" || of.method == "CANCEL"
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
		if n, err := strconv.ParseInt(strings.TrimSpace(prop.Value), 10, 32); err == nil && n >= 0 {
			e.Sequence = int(n)
		}
	}
	for _, stamp := range []struct {
		name string
		to   *time.Time
	}{{ical.PropCreated, &e.Created}, {ical.PropLastModified, &e.LastModified}, {ical.PropDateTimeStamp, &e.Stamp}} {
		if prop := get(stamp.name); prop != nil {
			if at, _, _, err := parseTime(prop.Value, false); err == nil { // Google writes CREATED:00001231T000000Z, for not known
				*stamp.to = at
			}
		}
	}
	if e.LastModified.IsZero() {
		e.LastModified = e.Stamp
	}
	values := r.values
	err := r.times(e, p)
	if err == nil {
		err = r.recurrence(e, p)
	}
	if r.values > MaxValues {
		return invalid(p.number(nil), "event %.200q: the file has more than %d categories, attendees and dates", uid, MaxValues)
	}
	if err != nil {
		r.values = values
		p.uid, p.subject = uid, e.Subject
		r.setAside(p, err)
		return nil
	}
	r.bytes += e.Bytes()
	r.entries = append(r.entries, e)
	return nil
}

// admit says whether the bytes so far are within most. Its errors are of the file as a whole.
func (r *reader) admit(line int) error {
	if r.most > 0 && r.bytes > r.most {
		return invalid(line, "the file has more than %d MB of events, more than can be read at once here; split it into several", r.most>>20)
	}
	return nil
}

// badTime makes the error for a time of a property.
func badTime(p part, prop *ical.Prop, err error) error {
	return wrongTime{invalid(p.number(prop), "%s: %w", prop.Name, err)}
}

// times reads when an event is.
func (r *reader) times(e *entry, p part) error {
	prop := p.Props.Get(ical.PropDateTimeStart)
	if prop == nil && e.Cancelled { // RFC 5546, section 3.2.5: what is cancelled may go without
		prop = p.Props.Get(ical.PropRecurrenceID)
	}
	if prop == nil {
		return wrongTime{invalid(p.number(nil), "DTSTART is missing")}
	}
	start, err := r.moment(p, prop, prop.Value)
	if err != nil {
		return badTime(p, prop, err)
	}
	e.Start, e.AllDay = start.DateTime, start.date
	if tzid := prop.Params.Get(ical.PropTimezoneID); start.date && tzid != "" {
		e.made = zoneKey{p.calendar, strings.TrimSpace(paramUnescapes.Replace(tzid))}
	}
	if prop := p.Props.Get(propZone); prop != nil && start.date {
		e.made = zoneKey{p.calendar, unescape(prop.Value)}
	}
	end := start
	switch ends, lasts := p.Props.Get(ical.PropDateTimeEnd), p.Props.Get(ical.PropDuration); {
	case ends != nil:
		if end, err = r.moment(p, ends, ends.Value); err != nil {
			return badTime(p, ends, err)
		}
		switch {
		case !end.date && !start.date && (end.Zone == "") != (start.Zone == ""): // one of the two forgot its zone
			end.Zone, end.utc = start.Zone, start.utc
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
			return badTime(p, lasts, err)
		}
		e.lasts = &d
	}
	e.End = end.DateTime
	if all := p.Props.Get(propAllDay); !start.date && all != nil && strings.EqualFold(all.Value, "TRUE") && e.lasts == nil && midnight(start) && midnight(end) {
		e.AllDay = true // as old Outlook writes it
		if key, ok := keyOf(e.Start.Zone); ok {
			e.made = key
		}
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
func (r *reader) recurrence(e *entry, p part) error {
	if prop := p.Props.Get("EXRULE"); prop != nil {
		return invalid(p.number(prop), "EXRULE is not supported; RFC 5545 has given it up for EXDATE")
	}
	if prop := p.Props.Get(ical.PropRecurrenceID); prop != nil {
		switch span := prop.Params.Get(ical.ParamRange); strings.ToUpper(span) {
		case "":
		case "THISANDFUTURE":
			e.onwards = true
		default:
			return invalid(p.number(prop), "RECURRENCE-ID with RANGE=%.30s is not supported; RFC 5545 has given it up", span)
		}
		m, err := r.moment(p, prop, prop.Value)
		if err != nil {
			return badTime(p, prop, err)
		}
		e.Type, e.instead = calendar.Exception, &m
		return nil
	}
	var rec calendar.Recurrence
	for _, prop := range p.Props[ical.PropRecurrenceRule] {
		rule := strings.Trim(strings.TrimSpace(prop.Value), ";")
		if !strings.Contains(strings.ToUpper(rule), "FREQ=") && r.of(p.calendar).old {
			return invalid(p.number(&prop), "the recurrence rule is of vCalendar, VERSION:1.0, which is read without series; save the calendar as iCalendar")
		}
		if err := series.CheckRule(rule); err != nil {
			return invalid(p.number(&prop), "%w", err)
		}
		rec.Rules = append(rec.Rules, rule)
		if u := r.uses[zoneKey{p.calendar, e.zoneText()}]; u != nil {
			u.follow(rule)
		}
	}
	for _, list := range []struct {
		name string
		to   *[]calendar.DateTime
	}{{ical.PropRecurrenceDates, &rec.Dates}, {ical.PropExceptionDates, &rec.Without}} {
		var all []moment
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
					return badTime(p, &prop, err)
				}
				if m.date && !e.AllDay {
					m.Local = m.wall.Format(time.DateOnly)
				}
				all = append(all, m)
			}
		}
		for _, m := range all {
			*list.to = append(*list.to, m.DateTime)
		}
		for i, m := range all {
			if e.AllDay {
				e.moments = append(e.moments, dayInAll{&(*list.to)[i], m})
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

// moment reads a date or a time of a property. Its zone is that of a zoneKey until the file is read to its end.
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
		key := zoneKey{p.calendar, paramUnescapes.Replace(tzid)}
		r.use(key, m.wall, p.lines[0].number)
		zone = key.text()
	}
	m.DateTime = dateTime(m.wall, zone)
	return m, nil
}

// finish works out what depends on the whole file: zones, ends, revisions, exceptions.
func (r *reader) finish() (File, error) {
	f := File{Name: r.name}
	f.Zones = r.resolve()
	r.lookup = Lookup(f.Zones)

	exceptions := map[string]*entry{}
	for _, e := range r.entries {
		err := r.rezone(e)
		if err == nil {
			err = r.complete(e)
		}
		if err != nil {
			r.setEntryAside(e, err)
			continue
		}
		if e.instead == nil {
			r.revise(r.original, e.ICalUID, e)
		}
	}
	for _, e := range r.entries {
		if e.instead == nil || e.replaced {
			continue
		}
		if err := r.place(e); err != nil {
			r.setEntryAside(e, wrongTime{fmt.Errorf("RECURRENCE-ID: %w", err)})
			continue
		}
		r.revise(exceptions, e.ID, e)
	}
	r.split()
	r.leaveOut()
	f.Events = make([]calendar.Event, 0, len(r.entries))
	for i, e := range r.entries {
		if !e.replaced {
			f.Events = append(f.Events, e.Event)
			for _, one := range e.periods {
				instance, err := r.instance(e, one)
				if err != nil {
					r.setEntryAside(e, wrongTime{fmt.Errorf("RDATE: %w", err)})
					continue
				}
				if exceptions[instance.ID] == nil {
					f.Events = append(f.Events, instance)
				}
				r.bytes += instance.Bytes() - int64(len(instance.Body.Content))
				if err := r.admit(e.line); err != nil {
					return File{}, err
				}
				if len(f.Events) > MaxEvents {
					return File{}, invalid(e.line, "the file has more than %d events, further dates with an end of their own included", MaxEvents)
				}
			}
		}
		r.entries[i] = nil // it is no longer needed, and there may be many
	}
	slices.SortStableFunc(r.aside, func(a, b calendar.Aside) int { return cmp.Compare(a.Line, b.Line) })
	f.Aside = r.aside
	return f, nil
}

// leaveOut drops the changes of instances that their series excludes: they are no events (RFC 5545, section 3.8.5.1).
func (r *reader) leaveOut() {
	excluding := map[string]func(time.Time) bool{}
	for _, e := range r.entries {
		master := r.original[e.SeriesMasterID]
		if e.replaced || e.instead == nil || master == nil || master.Recurrence == nil || len(master.Recurrence.Without) == 0 {
			continue
		}
		excludes := excluding[master.ID]
		if excludes == nil {
			var err error
			if excludes, err = series.Excluding(&master.Event, r.lookup); err != nil {
				continue // whoever expands the series says what is wrong
			}
			excluding[master.ID] = excludes
		}
		if excludes(e.OriginalStart) {
			e.replaced = true
			master.Issues = append(master.Issues, "an instance is changed in line "+strconv.Itoa(e.line)+" and excluded; it is left out")
		}
	}
}

// complete computes an end from a duration, and writes what a series repeats by as RFC 5545 wants it.
func (r *reader) complete(e *entry) (err error) {
	if e.lasts != nil {
		if e.End, err = r.after(e.Start, *e.lasts, e.AllDay); err != nil {
			return wrongTime{err}
		}
		e.EndZone = e.End.Zone
	}
	for _, d := range e.moments {
		*d.to = dateTime(r.day(d.at, e.days), "")
	}
	if e.Recurrence == nil {
		return nil
	}
	like := e.Event
	like.StartZone = cmp.Or(e.StartZone, e.days)
	e.Recurrence, err = series.Strict(&like, r.lookup)
	return err
}

// day is the day that a moment means among the days of a zone.
func (r *reader) day(m moment, made string) time.Time {
	if m.date || !m.utc && (m.Zone == "" || m.Zone == made || made == "") {
		return m.wall.Truncate(24 * time.Hour)
	}
	at, err := r.instant(m.DateTime, nil)
	if err != nil {
		return m.wall.Truncate(24 * time.Hour)
	}
	return series.Day(at, made, r.lookup)
}

// after returns the time that comes a duration after start: days by the calendar of its zone, then time that passes.
func (r *reader) after(start calendar.DateTime, d duration, allDay bool) (calendar.DateTime, error) {
	wall, err := wallOf(start)
	if err != nil {
		return start, err
	}
	wall = wall.AddDate(0, 0, d.days)
	switch {
	case allDay && (d.days < 0 || d.exact < 0):
		return dateTime(wall.AddDate(0, 0, int(d.exact/(24*time.Hour))-1), ""), nil
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

// place says which instance of which series an exception replaces. Where its series is not in the file, it keeps how the file names the instance.
func (r *reader) place(e *entry) (err error) {
	e.SeriesMasterID, e.RecurrenceID = e.ICalUID, e.instead.DateTime
	if e.instead.date {
		e.RecurrenceID = calendar.DateTime{Local: e.instead.wall.Format(time.DateOnly)}
	}
	var master *calendar.Event
	if original := r.original[e.ICalUID]; original != nil && original.Type == calendar.Master {
		master = &original.Event
		if master.AllDay {
			e.RecurrenceID = calendar.DateTime{Local: r.day(*e.instead, cmp.Or(original.days, e.days)).Format(time.DateOnly)}
		}
	}
	if e.OriginalStart, err = series.Place(&e.Event, master, r.lookup); err != nil {
		return err
	}
	if master != nil {
		e.RecurrenceID = calendar.DateTime{}
	}
	e.ID = series.InstanceID(e.ICalUID, e.OriginalStart)
	return nil
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

// revise keeps the newest of the entries that have a key. Of two that say different things and are equally new, the later one of the file is set aside.
func (r *reader) revise(entries map[string]*entry, key string, e *entry) {
	old := entries[key]
	if old == nil {
		entries[key] = e
		return
	}
	newer := cmp.Or(e.Revision(&old.Event), e.LastModified.Compare(old.LastModified))
	switch {
	case newer > 0:
		old.replaced, entries[key] = true, e
	case newer == 0 && (e.onwards != old.onwards || !reflect.DeepEqual(e.Event, old.Event)):
		r.setEntryAside(e, fault.New(fault.Invalid, "%.200q is in line %d too, with the same SEQUENCE and date but other content", e.ID, old.line))
	default:
		e.replaced = true
	}
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

// contentID makes an id for an event that has no UID, of what it says: without the lines that differ at each download, in any order.
func contentID(p part) string {
	var says []string
	for _, l := range p.lines {
		name, _, _ := cutName(l.text)
		switch name {
		case ical.PropDateTimeStamp, ical.PropCreated, ical.PropLastModified, ical.PropSequence, "REQUEST-STATUS":
			continue
		}
		if !strings.HasPrefix(name, "X-") || name == propHTML {
			says = append(says, l.text)
		}
	}
	slices.Sort(says)
	sum := sha256.Sum256([]byte(strings.Join(says, "\r\n")))
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
	propZone       = "X-ADMIN-ASSISTANT-ZONE" // of an all-day event: the zone in which it was made
	noMail         = "invalid:nomail"         // what stands for an address that is not known
)

// busyWords are Outlook's words for free and busy (MS-OXCICAL, section 2.1.3.1.1.20.31).
var busyWords = map[string]calendar.ShowAs{"FREE": calendar.Free, "TENTATIVE": calendar.Tentative, "BUSY": calendar.Busy,
	"OOF": calendar.OutOfOffice, "WORKINGELSEWHERE": calendar.WorkingElsewhere}

// answers are the words of PARTSTAT.
var answers = map[string]calendar.Response{"ACCEPTED": calendar.Accepted, "DECLINED": calendar.Declined,
	"TENTATIVE": calendar.TentativelyAccepted, "NEEDS-ACTION": calendar.NotResponded}
