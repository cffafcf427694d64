package ics

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
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
	"adminassistant/shared/fault"
)

// maxOctets is how long a line may be before it is folded (RFC 5545, section 3.1).
const maxOctets = 75

// Write writes a file as one VCALENDAR, to the letter of RFC 5545. stamp becomes the DTSTAMP of every event that has none.
//
// The UID is the event's ICalUID, or its ID where that is missing or another event of the file has it. A time is written in the zone in which
// the event was made, StartZone or EndZone, where that is known, else in its own; an instant that no wall time of the zone stands for is written in UTC. Every
// zone that is used is defined by a VTIMEZONE, from File.Zones or from Go's time zone data. An Occurrence goes without saying when its master is in the
// file; by itself it is written like an Exception. An HTML body is written as X-ALT-DESC, with its plain text as DESCRIPTION.
//
// Not written are: what the user answered, BodyPreview, ETag, ChangeKey, ShowAs Unknown (which reads as Busy), and fractions of a second.
//
// Errors are Invalid: times that cannot be understood and zones that nobody knows, that of a series on whose clocks it repeats among them, named with
// the event; or they come from w.
func Write(w io.Writer, f File, stamp time.Time) error {
	enc := newWriter(f.Zones, stamp)
	masters := map[string]*calendar.Event{} // by id
	uids := map[string]string{}             // by id, of all that are not instances
	for i := range f.Events {
		e := &f.Events[i]
		if e.Type == calendar.Master {
			masters[e.ID] = e
		}
		if !instance(e) {
			uids[e.ID] = enc.uid(e)
		}
	}
	// implied: it goes without saying, or is no event
	of := func(e *calendar.Event) (master *calendar.Event, uid string, implied bool) {
		if !instance(e) {
			return nil, uids[e.ID], false
		}
		master = masters[e.SeriesMasterID]
		return master, uids[e.SeriesMasterID], master != nil && (e.Type == calendar.Occurrence || enc.excluded(master, e))
	}
	for i := range f.Events {
		e := &f.Events[i]
		master, _, implied := of(e)
		if implied {
			continue
		}
		if err := enc.survey(e, master); err != nil {
			return fmt.Errorf("event %.200q: %w", e.ID, err)
		}
	}
	fold := &folder{w: bufio.NewWriter(w)}
	if err := enc.begin(fold, f.Name); err != nil {
		return err
	}
	for i := range f.Events {
		e := &f.Events[i]
		master, uid, implied := of(e)
		if implied {
			continue
		}
		component, err := enc.event(e, master, uid)
		if err == nil {
			err = fold.component(component)
		}
		if err != nil {
			return fmt.Errorf("event %.200q: %w", e.ID, err)
		}
	}
	return fold.end()
}

// Survey writes a calendar that is too large for a File. It is shown everything twice: by Add, to learn which time zones are needed and for
// which years, and then by Write. What comes out is what the function Write makes of the same events.
type Survey struct{ w *writer }

// NewSurvey begins one, of events in zones that only their calendar explains. stamp becomes the DTSTAMP of every event that has none.
func NewSurvey(zones []calendar.Zone, stamp time.Time) *Survey {
	return &Survey{newWriter(zones, stamp)}
}

// Add notes what an event, or a series with its exceptions, needs. Errors are Invalid: then iCalendar cannot express it, and Write leaves it out.
func (s *Survey) Add(k *calendar.Kept) error {
	err := s.w.survey(&k.Event, nil)
	for i := range k.Exceptions {
		if err == nil && !s.w.excluded(&k.Event, &k.Exceptions[i]) {
			err = s.w.survey(&k.Exceptions[i], &k.Event)
		}
	}
	return err
}

// Write writes the calendar. events has to give the same as Add was shown, in the same order. What Add could not note is left out. Errors are those
// of events, and of w.
func (s *Survey) Write(w io.Writer, name string, events func(each func(calendar.Kept) error) error) error {
	s.w.used = map[uint64]struct{}{} // it may be written a second time
	fold := &folder{w: bufio.NewWriter(w)}
	if err := s.w.begin(fold, name); err != nil {
		return err
	}
	err := events(func(k calendar.Kept) error {
		components, err := s.w.kept(&k, s.w.uid(&k.Event))
		if err != nil {
			return nil // as Add said
		}
		for _, c := range components {
			if err := fold.component(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fold.end()
}

// span is the years that a zone is needed for.
type span struct{ first, last int }

// writer knows what an event's lines depend on beyond itself.
type writer struct {
	stamp  time.Time
	lookup series.Zones
	own    map[string]calendar.Zone
	spans  map[string]span // by zone
	// used has hashes of the UIDs that were given away. Two that happen to have the same are distinguished by the second one's id.
	used map[uint64]struct{}
	// excludes says what the series asked about last leaves out.
	excludes struct {
		of   *calendar.Event
		says func(original time.Time) bool
	}
}

func newWriter(zones []calendar.Zone, stamp time.Time) *writer {
	w := &writer{stamp: stamp.UTC(), lookup: Lookup(zones), own: map[string]calendar.Zone{}, spans: map[string]span{}, used: map[uint64]struct{}{}}
	for _, z := range zones {
		w.own[z.ID] = z
	}
	return w
}

// excluded says whether a series leaves out the instance that e would change.
func (w *writer) excluded(master, e *calendar.Event) bool {
	if master.Recurrence == nil || len(master.Recurrence.Without) == 0 {
		return false
	}
	if w.excludes.of != master {
		excludes, err := series.Excluding(master, w.lookup)
		if err != nil {
			excludes = func(time.Time) bool { return false } // times says what is wrong
		}
		w.excludes.of, w.excludes.says = master, excludes
	}
	return w.excludes.says(e.OriginalStart)
}

// uid gives an event its UID. An instance by itself has that of its series, as others of it have.
func (w *writer) uid(e *calendar.Event) string {
	if instance(e) {
		return cmp.Or(e.ICalUID, e.ID)
	}
	hash := func(uid string) uint64 {
		sum := sha256.Sum256([]byte(uid))
		return binary.LittleEndian.Uint64(sum[:])
	}
	uid := e.ICalUID
	if _, used := w.used[hash(uid)]; uid == "" || used {
		uid = e.ID
	}
	w.used[hash(uid)] = struct{}{}
	return uid
}

// begin writes all that comes before the events.
func (w *writer) begin(fold *folder, name string) error {
	fold.line("BEGIN:VCALENDAR")
	fold.line("VERSION:2.0")
	fold.line("PRODID:-//Admin Assistant//Calendar//EN")
	fold.line("CALSCALE:GREGORIAN")
	if name != "" {
		fold.line("X-WR-CALNAME:" + escape(name))
	}
	for _, name := range slices.Sorted(maps.Keys(w.spans)) {
		zone, ok := w.own[name]
		if _, err := calendar.LoadZone(name); err == nil || !ok || !strict(zone) {
			loc, err := w.lookup(name)
			if err != nil {
				return err
			}
			zone = define(name, loc, w.spans[name].first, w.spans[name].last)
		}
		for text := range strings.SplitSeq(strings.TrimSpace(zone.Definition), "\n") {
			fold.line(strings.TrimSuffix(text, "\r"))
		}
	}
	return nil
}

// kept makes the VEVENTs of an event, or of a series and its exceptions.
func (w *writer) kept(k *calendar.Kept, uid string) ([]*ical.Component, error) {
	component, err := w.event(&k.Event, nil, uid)
	if err != nil {
		return nil, err
	}
	components := []*ical.Component{component}
	for i := range k.Exceptions {
		if w.excluded(&k.Event, &k.Exceptions[i]) {
			continue
		}
		if component, err = w.event(&k.Exceptions[i], &k.Event, uid); err != nil {
			return nil, err
		}
		components = append(components, component)
	}
	return components, nil
}

// instance says whether e is one of a series.
func instance(e *calendar.Event) bool {
	return e.Type == calendar.Exception || e.Type == calendar.Occurrence
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
func (w *writer) times(e, master *calendar.Event, add func(property string, s stamped)) error {
	if zone, known := series.Clocks(e, w.lookup); !known { // written in UTC it would be an hour off for half of the year
		return fault.New(fault.Invalid, "it repeats on the clocks of %.80q, a time zone that nobody explains", zone)
	}
	start, err := w.time(e.Start, e.StartZone, e.AllDay)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	add(ical.PropDateTimeStart, start)
	end, err := w.time(e.End, e.EndZone, e.AllDay)
	if err != nil {
		return fmt.Errorf("end: %w", err)
	}
	if end != start { // an end has to be later; without one there is no time between
		add(ical.PropDateTimeEnd, end)
	}
	if instance(e) {
		like := e
		if master != nil {
			like = master
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
		date := like.AllDay
		if day := len(e.RecurrenceID.Local) == len(time.DateOnly); like == e && (day || e.RecurrenceID.Local != "" && e.RecurrenceID.Floats()) {
			original, zone, date = e.RecurrenceID, "", day // which instant that is, the series alone says
		}
		s, err := w.time(original, zone, date)
		if err != nil {
			return fmt.Errorf("original start: %w", err)
		}
		add(ical.PropRecurrenceID, s)
	}
	if e.Recurrence == nil {
		return nil
	}
	strict, err := w.strict(e)
	if err != nil {
		return err
	}
	made := start.zone
	if made == "" && strings.HasSuffix(start.value, "Z") {
		made = "UTC"
	}
	for _, list := range []struct {
		name  string
		dates []calendar.DateTime
	}{{ical.PropRecurrenceDates, strict.Dates}, {ical.PropExceptionDates, strict.Without}} {
		for _, d := range list.dates {
			s, err := w.time(d, made, e.AllDay)
			if err != nil {
				return fmt.Errorf("%s: %w", list.name, err)
			}
			add(list.name, s)
		}
	}
	return nil
}

// strict is what a series repeats by, as RFC 5545 knows it: a rule that it does not know is written out date by date, for as long as zones are known.
func (w *writer) strict(e *calendar.Event) (*calendar.Recurrence, error) {
	strict, err := series.Strict(e, w.lookup)
	if err != nil || !slices.ContainsFunc(strict.Rules, func(rule string) bool { return !series.IsPlain(rule) }) {
		return strict, err
	}
	all := *e
	all.Recurrence = &calendar.Recurrence{Rules: strict.Rules, Dates: strict.Dates}
	instances, err := series.Expand(all, nil, time.Unix(0, 0).AddDate(-100, 0, 0), time.Date(lastZoneYear+1, 1, 1, 0, 0, 0, 0, time.UTC), w.lookup)
	if err != nil {
		return nil, err
	}
	strict.Rules, strict.Dates = nil, nil
	for _, instance := range instances {
		strict.Dates = append(strict.Dates, instance.Start)
	}
	return strict, nil
}

// survey notes which zones an event of a series, or by itself, needs, and for which years. A series goes on for as long as zones are known.
func (w *writer) survey(e, master *calendar.Event) error {
	if err := checkRules(e); err != nil {
		return err
	}
	return w.times(e, master, func(_ string, s stamped) {
		if s.zone == "" {
			return
		}
		needed, seen := w.spans[s.zone]
		if !seen {
			needed = span{s.year, s.year}
		}
		needed.first, needed.last = min(needed.first, s.year-1), max(needed.last, s.year+1)
		if e.Recurrence != nil && len(e.Recurrence.Rules) > 0 {
			needed.last = lastZoneYear
		}
		w.spans[s.zone] = needed
	})
}

// checkRules says whether the rules of a series can be written: one at most (RFC 5545, section 3.8.5.3).
func checkRules(e *calendar.Event) error {
	if e.Recurrence == nil {
		return nil
	}
	if n := len(e.Recurrence.Rules); n > 1 {
		return fault.New(fault.Invalid, "the series has %d recurrence rules; iCalendar has one", n)
	}
	for _, rule := range e.Recurrence.Rules {
		if err := series.CheckRule(rule); err != nil {
			return err
		}
	}
	return nil
}

// event makes the VEVENT of an event, with the UID of its series if it is an instance; empty: there is none.
func (w *writer) event(e, master *calendar.Event, uid string) (*ical.Component, error) {
	c := ical.NewComponent(ical.CompEvent)
	raw := func(name, value string) *ical.Prop {
		p := ical.NewProp(name)
		if p.Value = value; value != "" {
			c.Props.Add(p)
		}
		return p
	}
	text := func(name, value string) { raw(name, escape(value)) }

	if uid == "" && instance(e) {
		uid = e.ICalUID
	}
	text(ical.PropUID, cmp.Or(uid, e.ID))
	if e.Stamp.IsZero() {
		raw(ical.PropDateTimeStamp, w.stamp.Format(utcForm))
	} else {
		raw(ical.PropDateTimeStamp, e.Stamp.UTC().Format(utcForm))
	}
	for name, at := range map[string]time.Time{ical.PropCreated: e.Created, ical.PropLastModified: e.LastModified} {
		if !at.IsZero() {
			raw(name, at.UTC().Format(utcForm))
		}
	}
	if e.Sequence > 0 {
		raw(ical.PropSequence, strconv.Itoa(e.Sequence))
	}
	if e.AllDay {
		text(propZone, e.StartZone)
	}
	type sort struct {
		name, zone string
		octets     int // distinguishes dates, local times and instants
	}
	var last sort
	var shared strings.Builder // the value of a line that dates of one sort share
	end := func() {
		if all := c.Props[last.name]; shared.Len() > 0 {
			all[len(all)-1].Value = shared.String()
		}
		shared.Reset()
	}
	err := w.times(e, master, func(name string, s stamped) {
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
	if err := checkRules(e); err != nil {
		return nil, err
	}
	if e.Recurrence != nil {
		strict, err := w.strict(e)
		if err != nil {
			return nil, err
		}
		for _, rule := range strict.Rules {
			raw(ical.PropRecurrenceRule, rule)
		}
	}

	text(ical.PropSummary, e.Subject)
	text(ical.PropLocation, e.Location)
	text(propMark, e.Mark)
	if strings.EqualFold(e.Body.ContentType, "html") {
		text(ical.PropDescription, PlainText(e.Body.Content))
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

func (f *folder) component(c *ical.Component) error {
	return ical.NewEncoder(f).Encode(&ical.Calendar{Component: c})
}

// end writes what comes after the events.
func (f *folder) end() error {
	f.line("END:VCALENDAR")
	return f.w.Flush()
}

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
