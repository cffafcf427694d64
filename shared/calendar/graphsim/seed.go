package graphsim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// maxUnrolled is how many instances of a series that Outlook's patterns cannot express become events of their own, over at most unrolledYears.
const (
	maxUnrolled   = 1000
	unrolledYears = 5
)

// PutEvent adds an event to a calendar (of the empty id: to the default one), or changes the one that has its id: JSON of Graph's event,
// with every property that the types know, also those that a client cannot set (id, iCalUId, attendees, organizer, isCancelled,
// responseStatus ...). It returns the event's immutable id. An occurrence's id ("<series>@20261005T070000Z") changes that occurrence.
// Nobody counts as invited. Errors are Invalid or NotFound.
func (s *Server) PutEvent(mailbox, calendarID string, event []byte) (id string, err error) {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return "", err
	}
	defer unlock()
	raw, err := readObject(event)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err)
	}
	fill(&calendarID, m.defaultID())
	if m.calendar(calendarID) == nil {
		return "", fault.New(fault.NotFound, "mailbox %s has no calendar %q", mailbox, calendarID)
	}
	it, err := m.put(calendarID, raw)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err)
	}
	return it.id, nil
}

// put adds or changes an event without regard to what a client may do.
func (m *mailbox) put(calendarID string, raw object) (*item, error) {
	e, err := readEvent(raw, true)
	if err != nil {
		return nil, err
	}
	text := func(name string) string {
		v, _ := extract(e.props, name)
		t, _ := v.(string)
		return t
	}
	id, uid := immutableID(text("id")), text("iCalUId")
	created, modified := text("createdDateTime"), text("lastModifiedDateTime")
	for _, name := range []string{
		"changeKey", "type", "seriesMasterId", "originalStart", "originalStartTimeZone", "originalEndTimeZone", "bodyPreview", "webLink", "cancelledOccurrences",
	} {
		delete(e.props, name) // they follow from the rest
	}
	var r *record
	if it, err := m.locate(id); err == nil {
		if err := m.change(it, e); err != nil {
			return nil, err
		}
		if r = it.record; it.own != nil || !it.original.IsZero() {
			return m.locate(id)
		}
	} else {
		if r, err = m.create(calendarID, id, e); err != nil {
			return nil, err
		}
		m.add(r)
	}
	if uid != "" {
		r.UID = uid
	}
	if t, err := time.Parse(time.RFC3339Nano, created); err == nil {
		r.Created = t.UTC()
	}
	if t, err := time.Parse(time.RFC3339Nano, modified); err == nil {
		r.Modified = t.UTC()
	}
	return r.item(), nil
}

// RemoveEvent deletes an event or an occurrence by its immutable id. Errors are NotFound.
func (s *Server) RemoveEvent(mailbox, id string) error {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return err
	}
	defer unlock()
	it, err := m.locate(id)
	if err != nil {
		return fault.New(fault.NotFound, "mailbox %s has no event %q", mailbox, id)
	}
	m.drop(it)
	return nil
}

// Seed adds events to a calendar (of the empty id: to the default one). Errors are Invalid or NotFound; what came before the event at fault stays.
//
// Series that Outlook's recurrence patterns can express become series, with their exceptions and without the dates that do not happen; others become single
// events, up to 1,000 from their first five years. Floating times are in the mailbox's zone.
func (s *Server) Seed(mailbox, calendarID string, events []calendar.Event) error {
	return s.seed(mailbox, calendarID, ics.File{Events: events})
}

// LoadICS adds what an iCalendar file holds, as Seed does.
func (s *Server) LoadICS(mailbox, calendarID string, r io.Reader) error {
	file, err := ics.Read(r)
	if err != nil {
		return err
	}
	return s.seed(mailbox, calendarID, file)
}

func (s *Server) seed(mailbox, calendarID string, file ics.File) error {
	s.addZones(file.Zones)
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return err
	}
	defer unlock()
	fill(&calendarID, m.defaultID())
	if m.calendar(calendarID) == nil {
		return fault.New(fault.NotFound, "mailbox %s has no calendar %q", mailbox, calendarID)
	}
	exceptions := map[string][]calendar.Event{}
	masters := map[string]bool{}
	for _, e := range file.Events {
		masters[e.ID] = masters[e.ID] || e.Type == calendar.Master
	}
	for _, e := range file.Events {
		if e.Type == calendar.Exception && masters[e.SeriesMasterID] {
			exceptions[e.SeriesMasterID] = append(exceptions[e.SeriesMasterID], e)
		}
	}
	for _, e := range file.Events {
		if e.Type == calendar.Exception && masters[e.SeriesMasterID] {
			continue
		}
		if e.Type == calendar.Master {
			err = m.seedSeries(calendarID, e, exceptions[e.ID])
		} else {
			_, err = m.seedOne(calendarID, e, nil)
		}
		if err != nil {
			return fault.Wrap(fault.Invalid, fmt.Errorf("event %.100q: %w", e.ID, err))
		}
	}
	return nil
}

// seedOne adds a single event, or a series master with its recurrence.
func (m *mailbox) seedOne(calendarID string, e calendar.Event, r *recurrence) (*record, error) {
	props := m.graphEvent(e)
	change := &eventChange{props: props, start: m.seedTime(e, e.Start), end: m.seedTime(e, e.End)}
	id := itemID(e.ID)
	if m.byID[id] != nil {
		return nil, fmt.Errorf("it is there already")
	}
	rec, err := m.create(calendarID, id, change)
	if err != nil {
		return nil, err
	}
	rec.Recurrence = r
	if e.ICalUID != "" {
		rec.UID = e.ICalUID
	}
	if !e.LastModified.IsZero() {
		rec.Created, rec.Modified = e.LastModified.UTC(), e.LastModified.UTC()
	}
	if !e.Created.IsZero() {
		rec.Created = e.Created.UTC()
	}
	m.add(rec)
	return rec, nil
}

// seedSeries adds a series, or its instances if Outlook has no pattern for it.
func (m *mailbox) seedSeries(calendarID string, e calendar.Event, exceptions []calendar.Event) error {
	start := m.seedTime(e, e.Start)
	zoneName := start.Zone
	if e.StartZone != "" && !e.AllDay {
		zoneName = e.StartZone
	}
	loc, err := m.server.loadZone(zoneName)
	if err != nil {
		return err
	}
	wall, err := start.Wall()
	if err != nil {
		return err
	}
	var r *recurrence
	if e.Recurrence != nil && len(e.Recurrence.Rules) == 1 && len(e.Recurrence.Dates) == 0 && zoneName == start.Zone {
		r, _ = recurrenceOf(e.Recurrence.Rules[0], wall, zoneName, loc)
	}
	if r == nil {
		from, err := m.instant(*start)
		if err != nil {
			return err
		}
		instances, err := series.Expand(e, exceptions, from.Add(-series.Margin), from.AddDate(unrolledYears, 0, 0), m.server.loadZone)
		if err != nil {
			return err
		}
		for _, one := range instances[:min(len(instances), maxUnrolled)] {
			if _, err := m.seedOne(calendarID, one, nil); err != nil {
				return err
			}
		}
		return nil
	}
	master, err := m.seedOne(calendarID, e, r)
	if err != nil {
		return err
	}
	for _, d := range e.Recurrence.Without {
		master.Without = append(master.Without, d)
		w, err := d.Wall()
		if err != nil {
			return err
		}
		master.Cancelled = append(master.Cancelled, fmt.Sprintf("OID.%s.%s", master.ID, w.Date))
	}
	for _, x := range exceptions {
		own := &record{ID: series.InstanceID(master.ID, x.OriginalStart), Calendar: calendarID, Original: x.OriginalStart.UTC(), Created: master.Created,
			Modified: master.Modified, Change: 1}
		own.Props = m.graphEvent(x)
		own.Start, own.End = *m.seedTime(x, x.Start), *m.seedTime(x, x.End)
		whole := record{Props: own.Props, Start: own.Start, End: own.End}
		if err := m.workOut(&whole); err != nil {
			return err
		}
		own.from, own.to = whole.from, whole.to
		if master.Exceptions == nil {
			master.Exceptions = map[string]*record{}
		}
		master.Exceptions[own.ID] = own
	}
	return nil
}

// itemID is the id that an event of another provider gets here: one that is like Outlook's stays.
func itemID(id string) string {
	if strings.HasPrefix(id, itemPrefix) || id == "" {
		return id
	}
	return itemPrefix + token("seed "+id) + "="
}

// seedTime writes a time with a zone and without an offset. One that floats is in the mailbox's zone, and so are the days of an all-day event. What cannot be
// read stays as it is: whoever uses it gets the error.
func (m *mailbox) seedTime(e calendar.Event, d calendar.DateTime) *calendar.DateTime {
	fill(&d.Zone, m.TimeZone)
	wall, err := d.Wall()
	if e.AllDay && err == nil {
		return &calendar.DateTime{Local: timeOf(calendar.Wall{Date: wall.Date}), Zone: m.TimeZone}
	}
	if at, err := m.instant(d); err == nil {
		d = m.plain(d, at)
	}
	return &d
}

// graphEvent is what an event says beside its times, as Graph's properties.
func (m *mailbox) graphEvent(e calendar.Event) object {
	person := func(p calendar.Person) object {
		return object{"emailAddress": object{"name": p.Name, "address": p.Address}}
	}
	o := object{
		"subject": e.Subject, "isAllDay": e.AllDay, "isCancelled": e.Cancelled, "isReminderOn": false, "responseRequested": len(e.Attendees) > 0,
		"body": object{"contentType": "text", "content": e.Body.Content}, "categories": []any{}, "attendees": []any{},
		"isOrganizer": e.IsOrganizer || e.Organizer.Address == "" || calendar.SameName(e.Organizer.Address, m.Address),
	}
	if e.Body.ContentType != "" {
		o["body"].(object)["contentType"] = e.Body.ContentType
	}
	for _, k := range e.Categories {
		o["categories"] = append(o["categories"].([]any), k)
	}
	for _, a := range e.Attendees {
		one := person(a.Person)
		one["type"], one["status"] = "required", object{"response": "none", "time": "0001-01-01T00:00:00Z"}
		if a.Type != "" {
			one["type"] = a.Type
		}
		if a.Response != "" {
			one["status"].(object)["response"] = string(a.Response)
		}
		o["attendees"] = append(o["attendees"].([]any), one)
	}
	if e.Organizer != (calendar.Person{}) {
		o["organizer"] = person(e.Organizer)
	}
	if e.Location != "" {
		location := noLocation()
		location["displayName"] = e.Location
		o["location"], o["locations"] = location, []any{maps.Clone(location)}
	}
	if e.OnlineURL != "" {
		o["isOnlineMeeting"], o["onlineMeetingProvider"] = true, "teamsForBusiness"
		o["onlineMeeting"] = object{"joinUrl": e.OnlineURL}
	}
	response := e.Response
	if response == "" || response == calendar.NoResponse {
		response = calendar.NoResponse
		if o["isOrganizer"] == true {
			response = calendar.Organizer
		}
	}
	o["responseStatus"] = object{"response": string(response), "time": "0001-01-01T00:00:00Z"}
	for name, word := range map[string]string{"showAs": string(e.ShowAs), "importance": string(e.Importance), "sensitivity": string(e.Sensitivity)} {
		if word != "" {
			o[name] = word
		}
	}
	return o
}

// Stored is an event as the simulator keeps it, in Graph's terms.
type Stored struct {
	calendar.Event                   // times in the zones in which they were written; its Mark is empty
	Calendar       string            // the id of its calendar
	TransactionID  string            // it was created with
	Extended       map[string]string // single-value extended properties by id
	Graph          json.RawMessage   // what a GET of the event by its immutable id answers, in UTC
}

// Events returns the single events, series masters and exceptions of a calendar (of the empty id: of all), in order of creation. Errors are NotFound.
func (s *Server) Events(mailbox, calendarID string) ([]Stored, error) {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v := &view{preferences: inUTC, server: s, query: &query{}, plain: true}
	v.immutable = true
	var all []Stored
	for _, r := range m.records {
		if calendarID != "" && r.Calendar != calendarID {
			continue
		}
		items := []*item{r.item()}
		for _, id := range slices.Sorted(maps.Keys(r.Exceptions)) {
			items = append(items, items[0].exception(id))
		}
		for _, it := range items {
			one, err := v.stored(it)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

func (v *view) stored(it *item) (Stored, error) {
	text, err := json.Marshal(v.event(it))
	if err != nil {
		return Stored{}, err
	}
	events, err := calendar.DecodeGraph(strings.NewReader("[" + string(text) + "]"))
	if err != nil {
		return Stored{}, err
	}
	one := Stored{Event: events[0], Calendar: it.Calendar, Graph: text, Extended: map[string]string{}}
	one.Start, one.End = it.start, it.end
	if it.original.IsZero() {
		one.TransactionID = it.Transaction
	}
	for id, value := range it.extended() {
		one.Extended[id], _ = value.(string)
	}
	if it.kind == calendar.Master {
		one.Recurrence = it.master().Recurrence
	}
	return one, nil
}
