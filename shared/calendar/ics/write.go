package ics

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// maxOctets is how long a line may be before it is folded (RFC 5545, section 3.1).
const maxOctets = 75

// Write writes a file as one VCALENDAR. stamp becomes the DTSTAMP of every event.
//
// The UID is the event's ICalUID, or its ID where that is missing or another event of the file has taken it. A time is written in the zone in which
// the event was made, StartZone or EndZone, where that is known, else in its own; an instant that no wall time of the zone can tell is written in UTC. Every
// zone that is used is defined by a VTIMEZONE, from File.Zones or from Go's time zone data. An Occurrence goes without saying when its master is in the
// file; by itself it is written like an Exception. An HTML body is written as X-ALT-DESC, with its plain text as DESCRIPTION.
//
// Not written are: what the user answered, BodyPreview, ETag, a ChangeKey that is no number, ShowAs Unknown (which reads as Busy), and fractions of a second.
//
// Errors are Invalid: times that cannot be understood and zones that nobody knows, named with the event; or they come from w.
func Write(w io.Writer, f File, stamp time.Time) error {
	enc := newWriter(f, stamp)
	spans := map[string]span{}
	for i := range f.Events {
		if enc.implied(&f.Events[i]) {
			continue
		}
		if err := enc.survey(&f.Events[i], spans); err != nil {
			return fmt.Errorf("event %.200q: %w", f.Events[i].ID, err)
		}
	}
	fold := &folder{w: bufio.NewWriter(w)}
	fold.line("BEGIN:VCALENDAR")
	fold.line("VERSION:2.0")
	fold.line("PRODID:-//Admin Assistant//Calendar//EN")
	fold.line("CALSCALE:GREGORIAN")
	if f.Name != "" {
		fold.line("X-WR-CALNAME:" + escape(f.Name))
	}
	for _, name := range slices.Sorted(maps.Keys(spans)) {
		zone, ok := enc.own[name]
		if _, err := calendar.LoadZone(name); err == nil || !ok {
			loc, err := enc.lookup(name)
			if err != nil {
				return err
			}
			zone = define(name, loc, spans[name].first, spans[name].last)
		}
		for text := range strings.SplitSeq(strings.TrimSpace(zone.Definition), "\n") {
			fold.line(strings.TrimSuffix(text, "\r"))
		}
	}
	events := ical.NewEncoder(fold)
	for i := range f.Events {
		e := &f.Events[i]
		if enc.implied(e) {
			continue
		}
		component, err := enc.event(e)
		if err == nil {
			err = events.Encode(&ical.Calendar{Component: component})
		}
		if err != nil {
			return fmt.Errorf("event %.200q: %w", e.ID, err)
		}
	}
	fold.line("END:VCALENDAR")
	return fold.w.Flush()
}

// span is the years that a zone is needed for.
type span struct{ first, last int }

// writer knows what an event's lines depend on beyond itself.
type writer struct {
	stamp   time.Time
	lookup  series.Zones
	own     map[string]calendar.Zone
	masters map[string]*calendar.Event // by id
	uids    map[string]string          // by id, of all that are not exceptions
}

func newWriter(f File, stamp time.Time) *writer {
	w := &writer{stamp: stamp.UTC(), lookup: Lookup(f.Zones), own: map[string]calendar.Zone{}, masters: map[string]*calendar.Event{}, uids: map[string]string{}}
	for _, z := range f.Zones {
		w.own[z.ID] = z
	}
	taken := map[string]bool{}
	for i := range f.Events {
		e := &f.Events[i]
		if e.Type == calendar.Master {
			w.masters[e.ID] = e
		}
		if instance(e) {
			continue
		}
		uid := e.ICalUID
		if uid == "" || taken[uid] {
			uid = e.ID
		}
		taken[uid] = true
		w.uids[e.ID] = uid
	}
	return w
}

// instance says whether e is one of a series.
func instance(e *calendar.Event) bool {
	return e.Type == calendar.Exception || e.Type == calendar.Occurrence
}

// implied says whether e follows from its master, which is written too.
func (w *writer) implied(e *calendar.Event) bool {
	return e.Type == calendar.Occurrence && w.masters[e.SeriesMasterID] != nil
}

// stamped is a time as a property writes it.
type stamped struct {
	value string
	zone  string // TZID; empty: none
	date  bool
	year  int
}

// time writes d, preferably in the zone made.
func (w *writer) time(d calendar.DateTime, made string, date bool) (stamped, error) {
	wall, err := wallOf(d)
	if err != nil {
		return stamped{}, err
	}
	if date {
		return stamped{value: wall.Format(dateForm), date: true, year: wall.Year()}, nil
	}
	fixed := instantText(d.Local)
	if d.Zone == "" && !fixed {
		return stamped{value: wall.Format(localForm), year: wall.Year()}, nil
	}
	own := time.UTC
	if d.Zone != "" {
		if own, err = w.lookup(d.Zone); err != nil {
			return stamped{}, err
		}
	}
	zone, loc := d.Zone, own
	if made != "" && made != d.Zone {
		if l, err := w.lookup(made); err == nil {
			zone, loc = made, l
		}
	}
	at, err := calendar.DateTime{Local: d.Local}.Instant(own)
	if err != nil {
		return stamped{}, err
	}
	if zone != d.Zone || fixed {
		local := at.In(loc)
		wall = time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
		if instantText(series.Local(at, loc)) {
			loc = time.UTC
		}
	}
	if loc.String() == "UTC" || zone == "" {
		return stamped{value: at.Format(utcForm), year: at.Year()}, nil
	}
	return stamped{value: wall.Format(localForm), zone: zone, year: wall.Year()}, nil
}

// instantText says whether a time is written with Z or an offset.
func instantText(local string) bool {
	return len(local) > len(time.DateOnly) && strings.ContainsAny(strings.ToUpper(local[len(time.DateOnly):]), "Z+-")
}

// property makes a property of a time.
func (s stamped) property(name string) *ical.Prop {
	p := ical.NewProp(name)
	p.Value = s.value
	if s.date {
		p.Params.Set(ical.ParamValue, "DATE")
	}
	if s.zone != "" {
		p.Params.Set(ical.PropTimezoneID, paramText(s.zone))
	}
	return p
}

// times writes all times of an event, by the property they belong to.
func (w *writer) times(e *calendar.Event, take func(property string, s stamped)) error {
	start, err := w.time(e.Start, e.StartZone, e.AllDay)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	take(ical.PropDateTimeStart, start)
	end, err := w.time(e.End, e.EndZone, e.AllDay)
	if err != nil {
		return fmt.Errorf("end: %w", err)
	}
	take(ical.PropDateTimeEnd, end)
	if instance(e) {
		like := e
		if m := w.masters[e.SeriesMasterID]; m != nil {
			like = m
		}
		original := calendar.DateTime{Local: e.OriginalStart.UTC().Format(wallForm)}
		zone := ""
		if like.Start.Zone != "" || instantText(like.Start.Local) {
			original.Zone, zone = "UTC", start.zone
			if like != e {
				s, err := w.time(like.Start, like.StartZone, like.AllDay)
				if err != nil {
					return fmt.Errorf("start of the series: %w", err)
				}
				zone = s.zone
			}
		}
		s, err := w.time(original, zone, like.AllDay)
		if err != nil {
			return fmt.Errorf("original start: %w", err)
		}
		take(ical.PropRecurrenceID, s)
	}
	if e.Recurrence == nil {
		return nil
	}
	for _, list := range []struct {
		name  string
		dates []calendar.DateTime
	}{{ical.PropRecurrenceDates, e.Recurrence.Dates}, {ical.PropExceptionDates, e.Recurrence.Without}} {
		for _, d := range list.dates {
			s, err := w.time(d, "", e.AllDay || isDate(d))
			if err != nil {
				return fmt.Errorf("%s: %w", list.name, err)
			}
			take(list.name, s)
		}
	}
	return nil
}

// survey notes which zones an event needs, and for which years. A series goes on for as long as zones are known.
func (w *writer) survey(e *calendar.Event, spans map[string]span) error {
	return w.times(e, func(_ string, s stamped) {
		if s.zone == "" {
			return
		}
		needed, seen := spans[s.zone]
		if !seen {
			needed = span{s.year, s.year}
		}
		needed.first, needed.last = min(needed.first, s.year-1), max(needed.last, s.year+1)
		if e.Recurrence != nil && len(e.Recurrence.Rules) > 0 {
			needed.last = lastZoneYear
		}
		spans[s.zone] = needed
	})
}

// event makes the VEVENT.
func (w *writer) event(e *calendar.Event) (*ical.Component, error) {
	c := ical.NewComponent(ical.CompEvent)
	raw := func(name, value string) *ical.Prop {
		p := ical.NewProp(name)
		if p.Value = value; value != "" {
			c.Props.Add(p)
		}
		return p
	}
	text := func(name, value string) { raw(name, escape(value)) }

	uid := w.uids[e.ID]
	if instance(e) {
		if uid = w.uids[e.SeriesMasterID]; uid == "" {
			uid = e.ICalUID
		}
	}
	if uid == "" {
		uid = e.ID
	}
	text(ical.PropUID, uid)
	raw(ical.PropDateTimeStamp, w.stamp.Format(utcForm))
	for name, at := range map[string]time.Time{ical.PropCreated: e.Created, ical.PropLastModified: e.LastModified} {
		if !at.IsZero() {
			raw(name, at.UTC().Format(utcForm))
		}
	}
	if n, err := strconv.ParseUint(e.ChangeKey, 10, 31); err == nil {
		raw(ical.PropSequence, strconv.FormatUint(n, 10))
	}
	type sort struct {
		name, zone string
		octets     int // tells dates, local times and instants apart
	}
	var last sort
	var shared strings.Builder // the value of a line that dates of one sort share
	end := func() {
		if all := c.Props[last.name]; shared.Len() > 0 {
			all[len(all)-1].Value = shared.String()
		}
		shared.Reset()
	}
	err := w.times(e, func(name string, s stamped) {
		this := sort{name, s.zone, len(s.value)}
		if this == last {
			shared.WriteString("," + s.value)
			return
		}
		end()
		last = this
		shared.WriteString(s.value)
		c.Props.Add(s.property(name))
	})
	end()
	if err != nil {
		return nil, err
	}
	if e.Recurrence != nil {
		for _, rule := range e.Recurrence.Rules {
			if err := series.CheckRule(rule); err != nil {
				return nil, err
			}
			raw(ical.PropRecurrenceRule, rule)
		}
	}

	text(ical.PropSummary, e.Subject)
	text(ical.PropLocation, e.Location)
	text(propMark, e.Mark)
	if strings.EqualFold(e.Body.ContentType, "html") {
		text(ical.PropDescription, plainText(e.Body.Content))
		raw(propHTML, escape(e.Body.Content)).Params.Set(ical.ParamFormatType, "text/html")
	} else {
		text(ical.PropDescription, e.Body.Content)
	}
	if len(e.Categories) > 0 {
		escaped := make([]string, len(e.Categories))
		for i, category := range e.Categories {
			escaped[i] = escape(category)
		}
		raw(ical.PropCategories, strings.Join(escaped, ","))
	}
	raw(ical.PropURL, strings.ReplaceAll(printable(e.OnlineURL), "\n", ""))
	if e.Organizer != (calendar.Person{}) {
		c.Props.Add(personProperty(ical.PropOrganizer, e.Organizer))
	}
	for _, a := range e.Attendees {
		c.Props.Add(attendeeProperty(a))
	}
	switch e.Sensitivity {
	case calendar.Personal:
		raw(ical.PropClass, "X-PERSONAL")
	case calendar.Private:
		raw(ical.PropClass, "PRIVATE")
	case calendar.Confidential:
		raw(ical.PropClass, "CONFIDENTIAL")
	}
	switch e.Importance {
	case calendar.High:
		raw(ical.PropPriority, "1")
	case calendar.Low:
		raw(ical.PropPriority, "9")
	}
	for word, shown := range busyWords {
		if e.ShowAs == shown {
			raw(propBusy, word)
		}
	}
	if e.ShowAs == calendar.Free {
		raw(ical.PropTransparency, "TRANSPARENT")
	}
	switch {
	case e.Cancelled:
		raw(ical.PropStatus, "CANCELLED")
	case e.ShowAs == calendar.Tentative:
		raw(ical.PropStatus, "TENTATIVE")
	}
	return c, nil
}

func personProperty(name string, who calendar.Person) *ical.Prop {
	p := ical.NewProp(name)
	if p.Value = noMail; who.Address != "" {
		p.Value = "mailto:" + strings.ReplaceAll(printable(who.Address), "\n", "")
	}
	if who.Name != "" {
		p.Params.Set(ical.ParamCommonName, paramText(who.Name))
	}
	return p
}

func attendeeProperty(a calendar.Attendee) *ical.Prop {
	p := personProperty(ical.PropAttendee, a.Person)
	switch a.Type {
	case "optional":
		p.Params.Set(ical.ParamRole, "OPT-PARTICIPANT")
	case "resource":
		p.Params.Set(ical.ParamCalendarUserType, "RESOURCE")
	default:
		p.Params.Set(ical.ParamRole, "REQ-PARTICIPANT")
	}
	for word, answer := range answers {
		if a.Response == answer {
			p.Params.Set(ical.ParamParticipationStatus, word)
		}
	}
	return p
}

func paramText(text string) string { return paramEscapes.Replace(printable(text)) }

// folder writes content lines, folded, never within a letter. A line may not be given to it in pieces.
type folder struct{ w *bufio.Writer }

func (f *folder) line(text string) { _, _ = f.Write([]byte(text + "\r\n")) } // errors come back from Flush

func (f *folder) Write(text []byte) (int, error) {
	n := len(text)
	text = bytes.TrimSuffix(text, []byte("\r\n"))
	for room := maxOctets; len(text) > room; room = maxOctets - 1 {
		end := room
		for end > room-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		_, _ = f.w.Write(text[:end])
		_, _ = f.w.WriteString("\r\n ")
		text = text[end:]
	}
	_, _ = f.w.Write(text)
	_, err := f.w.WriteString("\r\n")
	return n, err
}
