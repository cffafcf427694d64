package graphsim

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// record is an event as it is kept: a single one, a series master, or, among its Exceptions, what one occurrence has of its own. It is part of a saved state.
type record struct {
	ID       string `json:"id"` // the immutable one
	Calendar string `json:"calendar"`
	UID      string `json:"iCalUId"`
	// Props are the properties that are served as they are. An exception has those alone in which it differs.
	Props object            `json:"props"`
	Start calendar.DateTime `json:"start"` // as written; of an exception: zero if unchanged
	End   calendar.DateTime `json:"end"`

	Recurrence *recurrence         `json:"recurrence,omitempty"`
	Without    []calendar.DateTime `json:"without,omitempty"`    // original starts of occurrences that were deleted
	Cancelled  []string            `json:"cancelled,omitempty"`  // their occurrence ids
	Exceptions map[string]*record  `json:"exceptions,omitempty"` // by id of the occurrence
	Original   time.Time           `json:"original,omitzero"`    // of an exception

	Single map[string]any `json:"single,omitempty"` // single-value extended properties by id
	Multi  map[string]any `json:"multi,omitempty"`

	Created     time.Time `json:"created"`
	Modified    time.Time `json:"modified"`
	Change      int64     `json:"change"` // counts the changes
	Transaction string    `json:"transaction,omitempty"`
	Print       string    `json:"print,omitempty"`  // fingerprint of the content that it was created with
	Hidden      bool      `json:"hidden,omitempty"` // until the create is repeated

	from, to time.Time // Start and End as instants
	rewrites int       // how often the service still changes it by itself
}

// defaults are an event's properties where a create does not say otherwise.
func (m *mailbox) defaults() object {
	return object{
		"subject": "", "body": object{"contentType": "html", "content": ""}, "importance": "normal", "sensitivity": "normal", "showAs": "busy", "isAllDay": false,
		"categories": []any{}, "attendees": []any{}, "location": noLocation(), "locations": []any{}, "isReminderOn": true,
		"reminderMinutesBeforeStart": json.Number("15"), "responseRequested": true, "allowNewTimeProposals": true, "isOnlineMeeting": false,
		"onlineMeetingProvider": "unknown", "onlineMeeting": nil, "onlineMeetingUrl": nil, "hideAttendees": false, "hasAttachments": false,
		"isCancelled": false, "isDraft": false, "isOrganizer": true, "responseStatus": object{"response": "organizer", "time": "0001-01-01T00:00:00Z"},
		"organizer": object{"emailAddress": object{"name": m.Name, "address": m.Address}},
	}
}

func noLocation() object {
	return object{"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": object{}, "coordinates": object{}}
}

// fixed are the properties of an event that a client cannot set.
var fixed = []string{"id", "changeKey", "createdDateTime", "lastModifiedDateTime", "bodyPreview", "cancelledOccurrences", "hasAttachments", "iCalUId",
	"isCancelled", "isDraft", "isOrganizer", "onlineMeeting", "onlineMeetingUrl", "organizer", "originalStart", "originalStartTimeZone",
	"originalEndTimeZone", "responseStatus", "seriesMasterId", "type", "webLink"}

// eventChange is what a request sets of an event: properties that are checked.
type eventChange struct {
	props         object // without the following
	start, end    *calendar.DateTime
	recurrence    object
	hasRecurrence bool // it may be null
	single, multi map[string]any
	transaction   *string
	print         string
}

// readEvent checks an event in a request or in a seed, which may set everything.
func readEvent(raw object, seed bool) (*eventChange, error) {
	props, err := graphTypes().checkObject("event", raw, func(name string) bool {
		return name == "singleValueExtendedProperties" || name == "multiValueExtendedProperties"
	})
	if err != nil {
		return nil, err
	}
	if !seed {
		for _, name := range fixed {
			if _, there := props[name]; there {
				return nil, readOnly(name)
			}
		}
	}
	e := &eventChange{props: props, print: fingerprint(raw)}
	for _, t := range []struct {
		name string
		to   **calendar.DateTime
	}{{"start", &e.start}, {"end", &e.end}} {
		if v, there := extract(props, t.name); there {
			d, err := readTime(t.name, v)
			if err != nil {
				return nil, err
			}
			if err := checkZone(d.Zone); err != nil && !seed {
				return nil, err
			}
			*t.to = &d
		}
	}
	if v, there := extract(props, "recurrence"); there {
		e.hasRecurrence = true
		e.recurrence, _ = v.(object)
		span, _ := e.recurrence["range"].(object)
		if zone, _ := span["recurrenceTimeZone"].(string); zone != "" && !seed {
			if err := checkZone(zone); err != nil {
				return nil, err
			}
		}
	}
	if v, there := extract(props, "transactionId"); there {
		text, _ := v.(string)
		e.transaction = &text
	}
	for name, to := range map[string]*map[string]any{"singleValueExtendedProperties": &e.single, "multiValueExtendedProperties": &e.multi} {
		v, _ := extract(props, name)
		list, _ := v.([]any)
		if *to, err = readExtended(list); err != nil {
			return nil, err
		}
	}
	// Where null is sent, the property gets its default back.
	for name, v := range props {
		if v == nil {
			props[name] = (&mailbox{}).defaults()[name]
		}
	}
	locations, some := props["locations"].([]any)
	if location, there := props["location"].(object); there {
		props["locations"] = []any{location}
		if location["displayName"] == "" || location["displayName"] == nil {
			props["locations"] = []any{}
		}
	} else if some {
		props["location"] = noLocation()
		if len(locations) > 0 {
			props["location"] = locations[0]
		}
	}
	if location, there := props["location"].(object); there {
		whole := noLocation()
		maps.Copy(whole, location)
		props["location"] = whole
	}
	if body, there := props["body"].(object); there {
		whole := object{"contentType": "html", "content": ""}
		maps.Copy(whole, body)
		props["body"] = whole
	}
	return e, nil
}

func extract(o object, name string) (any, bool) {
	v, there := o[name]
	delete(o, name)
	return v, there
}

// fingerprint is equal for creates of the same content.
func fingerprint(raw object) string {
	rest := maps.Clone(raw)
	delete(rest, "transactionId")
	text, _ := json.Marshal(rest) // of JSON, so it can be written; with its keys in order
	return fmt.Sprintf("%x", sha256.Sum256(text))[:32]
}

// apply changes a record of a master or a single event. Nothing is changed if there is an error.
func (m *mailbox) apply(r *record, e *eventChange) error {
	next := *r
	next.Props = maps.Clone(r.Props)
	maps.Copy(next.Props, e.props)
	if e.start != nil {
		next.Start = *e.start
	}
	if e.end != nil {
		next.End = *e.end
	}
	if err := m.workOut(&next); err != nil {
		return err
	}
	switch {
	case e.hasRecurrence && e.recurrence == nil:
		next.Recurrence = nil
	case e.hasRecurrence:
		var err error
		if next.Recurrence, err = readRecurrence(e.recurrence, next.Start); err != nil {
			return err
		}
		fill(&next.Recurrence.Range.RecurrenceTimeZone, next.Start.Zone)
		if err := m.shift(&next); err != nil {
			return err
		}
	case r.Recurrence != nil && e.start != nil:
		moved := *r.Recurrence
		wall, _ := next.Start.Wall()
		moved.Range.StartDate = wall.Date.String()
		next.Recurrence = &moved
		if err := m.shift(&next); err != nil {
			return err
		}
	}
	if e.hasRecurrence || r.Recurrence != nil && (e.start != nil || e.end != nil) {
		// A series that gets another pattern or other times loses its exceptions.
		next.Exceptions, next.Without, next.Cancelled = nil, nil, nil
	}
	next.Single, next.Multi = overlay(r.Single, e.single), overlay(r.Multi, e.multi)
	*r = next
	return nil
}

// overlay adds values; null removes one.
func overlay(old, changes map[string]any) map[string]any {
	if len(changes) == 0 {
		return old
	}
	next := maps.Clone(old)
	if next == nil {
		next = map[string]any{}
	}
	maps.Copy(next, changes)
	maps.DeleteFunc(next, func(_ string, v any) bool { return v == nil })
	return next
}

// shift moves a series to the first day on or after its start that its pattern names.
func (m *mailbox) shift(r *record) error {
	wall, _ := r.Start.Wall()
	days, err := r.Recurrence.first(wall)
	if err != nil || days == 0 {
		return err
	}
	for _, d := range []*calendar.DateTime{&r.Start, &r.End} {
		w, _ := d.Wall()
		w.Date = w.AddDays(days)
		d.Local = timeOf(w)
	}
	r.Recurrence.Range.StartDate = wall.AddDays(days).String()
	return m.workOut(r)
}

// workOut checks a record's times and works out its instants.
func (m *mailbox) workOut(r *record) (err error) {
	if r.from, err = m.instant(r.Start); err != nil {
		return err
	}
	if r.to, err = m.instant(r.End); err != nil {
		return err
	}
	if r.to.Before(r.from) {
		return badValue("The end of the event is before its start.")
	}
	if r.Props["isAllDay"] != true {
		return nil
	}
	start, _ := r.Start.Wall()
	end, _ := r.End.Wall()
	switch {
	case !isMidnight(start) || !isMidnight(end):
		return badValue("The start and the end of an all-day event must be at midnight.")
	case r.Start.Zone != r.End.Zone:
		return badValue("The start and the end of an all-day event must have the same time zone.")
	case !start.Before(end.Date):
		return badValue("An all-day event must last at least 24 hours.")
	}
	return nil
}

func (m *mailbox) instant(d calendar.DateTime) (time.Time, error) {
	loc, err := m.server.loadZone(d.Zone)
	if err != nil {
		return time.Time{}, badZone(d.Zone)
	}
	return calendar.DateTime{Local: d.Local}.Instant(loc)
}

// create makes a record of a whole event.
func (m *mailbox) create(calendarID, id string, e *eventChange) (*record, error) {
	if e.start == nil || e.end == nil {
		return nil, badValue("The properties 'start' and 'end' are required.")
	}
	now := m.server.clock.Now().UTC().Truncate(100 * time.Nanosecond)
	r := &record{ID: id, Calendar: calendarID, Props: m.defaults(), Print: e.print, Created: now}
	if e.transaction != nil {
		r.Transaction = *e.transaction
	}
	if err := m.apply(r, e); err != nil {
		return nil, err
	}
	if r.ID == "" {
		r.ID = m.server.newID(itemPrefix) + "="
	}
	r.UID = newUID(r.ID, now)
	m.touch(r)
	return r, nil
}

// newUID makes a global object id as Exchange does (MS-OXOCAL, section 2.2.1.27), with no instance date.
func newUID(id string, now time.Time) string {
	filetime := uint64(now.UnixNano()/100) + 116_444_736_000_000_000
	return fmt.Sprintf("%s00000000%016X000000000000000010000000%X", uidPrefix, filetime, sha256.Sum256([]byte(id)))[:len(uidPrefix)+8+16+16+8+32]
}

const uidPrefix = "040000008200E00074C5B7101A82E008"

// instanceUID is the UID of an occurrence: Exchange's says its day, so that each one has another.
func instanceUID(uid string, original time.Time) string {
	if len(uid) < len(uidPrefix)+8 || !strings.EqualFold(uid[:len(uidPrefix)], uidPrefix) {
		return uid
	}
	day := fmt.Sprintf("%04X%02X%02X", original.Year(), int(original.Month()), original.Day())
	return uid[:len(uidPrefix)] + day + uid[len(uidPrefix)+8:]
}

// touch makes a change visible.
func (m *mailbox) touch(r *record) {
	r.Change++
	r.Modified = m.server.clock.Now().UTC().Truncate(100 * time.Nanosecond)
	m.server.changes.Add(1)
}

// add keeps a new record.
func (m *mailbox) add(r *record) {
	m.records = append(m.records, r)
	m.byID[r.ID] = r
}

func (m *mailbox) remove(r *record) {
	m.bury(r)
	m.records = slices.DeleteFunc(m.records, func(other *record) bool { return other == r })
	delete(m.byID, r.ID)
	m.server.changes.Add(1)
}

// changeKey differs for every version of every event.
func (r *record) changeKey() string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d", r.ID, r.Change)))[:24]
}

// item is an event as it is served: a record, or an occurrence of one.
type item struct {
	*record // what it is made of: for an occurrence or exception its master

	id       string
	kind     calendar.Type
	own      *record // of an exception
	start    calendar.DateTime
	end      calendar.DateTime
	from, to time.Time
	original time.Time // of an occurrence or exception
}

func (r *record) item() *item {
	it := &item{record: r, id: r.ID, kind: calendar.Single, start: r.Start, end: r.End, from: r.from, to: r.to}
	if r.Recurrence != nil {
		it.kind = calendar.Master
	}
	return it
}

// prop is one of the properties that are kept as they are.
func (it *item) prop(name string) any {
	if it.own != nil {
		if v, there := it.own.Props[name]; there {
			return v
		}
	}
	return it.Props[name]
}

// version is the record whose changes the item shows.
func (it *item) version() *record {
	if it.own != nil {
		return it.own
	}
	return it.record
}

func (it *item) etag() string { return `W/"` + it.version().changeKey() + `"` }

// extended are the single-value extended properties.
func (it *item) extended() map[string]any {
	if it.own != nil {
		return overlay(it.Single, it.own.Single)
	}
	return it.Single
}

// private says whether only the owner may see what is in it.
func (it *item) private() bool {
	s := it.prop("sensitivity")
	return s == "private" || s == "confidential"
}

// master is the record as package series wants it.
func (r *record) master() calendar.Event {
	e := calendar.Event{ID: r.ID, Type: calendar.Master, Start: r.Start, End: r.End, AllDay: r.Props["isAllDay"] == true}
	if r.Recurrence != nil {
		e.Recurrence = &calendar.Recurrence{Rules: []string{r.Recurrence.rule()}, Without: r.Without}
		if !e.AllDay {
			e.StartZone = r.Recurrence.Range.RecurrenceTimeZone
		}
	}
	return e
}

// occurrences returns those that start in [from, to) or overlap it, in order.
func (m *mailbox) occurrences(r *record, from, to time.Time) ([]*item, error) {
	var exceptions []calendar.Event
	for id, x := range r.Exceptions {
		e := calendar.Event{ID: id, Type: calendar.Exception, OriginalStart: x.Original, Start: x.Start, End: x.End, AllDay: r.Props["isAllDay"] == true}
		if v, there := x.Props["isAllDay"]; there {
			e.AllDay = v == true
		}
		exceptions = append(exceptions, e)
	}
	events, err := series.Expand(r.master(), exceptions, from, to, m.server.loadZone)
	if err != nil {
		return nil, badValue("recurrence: %v", err)
	}
	var items []*item
	for _, e := range events {
		it := &item{record: r, id: e.ID, kind: calendar.Occurrence, start: e.Start, end: e.End, original: e.OriginalStart}
		if own := r.Exceptions[e.ID]; own != nil {
			it.kind, it.own = calendar.Exception, own
		}
		if it.from, err = m.instant(it.start); err == nil {
			it.to, err = m.instant(it.end)
		}
		if err != nil {
			return nil, err
		}
		if overlaps(it.from, it.to, from, to) {
			items = append(items, it)
		}
	}
	slices.SortStableFunc(items, func(a, b *item) int { return a.from.Compare(b.from) })
	return items, nil
}

// overlaps says whether an event starts in a window or overlaps it.
func overlaps(start, end, from, to time.Time) bool {
	return start.Before(to) && (end.After(from) || !start.Before(from))
}

// exception is one of a series' exceptions.
func (it *item) exception(id string) *item {
	own := it.Exceptions[id]
	return &item{record: it.record, id: id, kind: calendar.Exception, own: own, start: own.Start, end: own.End, from: own.from, to: own.to, original: own.Original}
}

// find finds an event by its id of either kind, if it is in the calendar and may be seen.
func (m *mailbox) find(calendarID, id string) (*item, error) {
	if calendarID != anyCalendar {
		if _, err := m.readable(calendarID); err != nil {
			return nil, err
		}
	}
	it, err := m.locate(m.server.settledID(immutableID(id)))
	switch {
	case err != nil:
		return nil, err
	case it.Hidden || calendarID != anyCalendar && it.Calendar != calendarID:
		return nil, notFound()
	}
	if in := m.calendar(it.Calendar); in.Denied || in.HidePrivate && it.private() {
		return nil, denied()
	}
	return it, nil
}

// locate finds an event by its immutable id.
func (m *mailbox) locate(id string) (*item, error) {
	if r := m.byID[id]; r != nil {
		return r.item(), nil
	}
	at := strings.LastIndex(id, "@")
	if at < 0 && len(id) < 2 {
		return nil, fail(http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
	}
	if at < 0 || m.byID[id[:at]] == nil {
		return nil, notFound()
	}
	master := m.byID[id[:at]].item()
	if master.Exceptions[id] != nil {
		return master.exception(id), nil
	}
	original, err := time.Parse("20060102T150405Z", id[at+1:])
	if err != nil || master.kind != calendar.Master {
		return nil, notFound()
	}
	all, err := m.occurrences(master.record, original.Add(-series.Margin), original.Add(series.Margin))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(o *item) bool { return o.id == id })
	if i < 0 {
		return nil, notFound()
	}
	return all[i], nil
}
