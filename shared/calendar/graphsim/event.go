package graphsim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// view serves events of a calendar as this request asks for them; in is nil where what is hidden has been left out already.
func (c *call) view(q *query, in *Calendar) *view {
	return &view{preferences: c.preferences, server: c.server, query: q, hide: in != nil && in.HidePrivate}
}

// calendarView lists what happens in a window: single events, and the occurrences and exceptions of series.
func (c *call) calendarView(args []string) (*reply, error) {
	q, err := c.query("event", "startDateTime", "endDateTime", "$top", "$skip", "$skiptoken", "$select", "$orderby", "$filter", "$expand", "$count")
	if err != nil {
		return nil, err
	}
	if err := q.window(); err != nil {
		return nil, err
	}
	if mentions(q.filter, "singleValueExtendedProperties") || mentions(q.filter, "multiValueExtendedProperties") {
		return nil, badFilter("calendarView cannot be filtered by an extended property")
	}
	in, err := c.mailbox.readable(args[0])
	if err != nil {
		return nil, err
	}
	var items []*item
	for _, r := range c.mailbox.records {
		switch {
		case r.Calendar != in.ID || r.Hidden || r.Recurrence == nil && !overlaps(r.from, r.to, q.from, q.to):
		case r.Recurrence == nil:
			items = append(items, r.item())
		default:
			instances, err := c.mailbox.occurrences(r, q.from, q.to)
			if err != nil {
				return nil, err
			}
			items = append(items, instances...)
		}
	}
	slices.SortStableFunc(items, func(a, b *item) int { return a.from.Compare(b.from) })
	return c.items(q, in, c.server.skip(items), "calendarView")
}

// listEvents lists single events and series masters, the newest first.
func (c *call) listEvents(args []string) (*reply, error) {
	q, err := c.query("event", "$top", "$skip", "$skiptoken", "$select", "$orderby", "$filter", "$expand", "$count")
	if err != nil {
		return nil, err
	}
	in, err := c.mailbox.readable(args[0])
	if err != nil {
		return nil, err
	}
	everywhere := false
	if mentions(q.filter, "singleValueExtendedProperties") {
		switch c.server.value("filter") {
		case "400":
			return nil, badFilter("The filter is not supported.")
		case "empty":
			return c.items(q, in, nil, "events")
		case "mailbox":
			everywhere = true
		}
	}
	var items []*item
	for _, r := range slices.Backward(c.mailbox.records) {
		if (r.Calendar == in.ID || everywhere) && !r.Hidden {
			items = append(items, r.item())
		}
	}
	return c.items(q, in, items, "events")
}

// instances lists those of a series in a window.
func (c *call) instances(args []string) (*reply, error) {
	q, err := c.query("event", "startDateTime", "endDateTime", "$top", "$skip", "$skiptoken", "$select", "$orderby", "$filter", "$expand", "$count")
	if err != nil {
		return nil, err
	}
	if err := q.window(); err != nil {
		return nil, err
	}
	it, err := c.mailbox.find(args[0], args[1])
	if err != nil {
		return nil, err
	}
	if it.kind != calendar.Master {
		return nil, fail(http.StatusBadRequest, "ErrorInvalidOperation", "Your request can't be completed. Only a series master has instances.")
	}
	items, err := c.mailbox.occurrences(it.record, q.from, q.to)
	if err != nil {
		return nil, err
	}
	return c.items(q, c.mailbox.calendar(it.Calendar), items, "instances")
}

// items answers with a page of events: filtered, in order.
func (c *call) items(q *query, in *Calendar, items []*item, context string) (*reply, error) {
	if most := c.server.number("page_504"); most > 0 && q.top > most {
		return nil, fail(http.StatusGatewayTimeout, "GatewayTimeout", "The request timed out.")
	}
	v := c.view(q, in)
	v.instances = context == "instances"
	if q.filter != nil {
		items = slices.DeleteFunc(items, func(it *item) bool { return !q.filter.holds(v.facts(it)) })
	}
	if len(q.order) > 0 {
		slices.SortStableFunc(items, func(a, b *item) int { return q.compare(v.facts(a), v.facts(b)) })
	}
	if slices.ContainsFunc(items, c.server.poisoned) {
		return nil, corrupt()
	}
	return c.page(q, len(items), func(i int) object { return v.event(items[i]) }, "calendars('"+in.ID+"')/"+context), nil
}

// facts looks up the properties of an event as it is served; times are in UTC, whatever zone was asked for.
func (v *view) facts(it *item) facts {
	return func(path string) any {
		name, rest, _ := strings.Cut(path, "/")
		switch name {
		case "start":
			return factsOf(object{"dateTime": it.from.Format(graphTime), "timeZone": "UTC"})(rest)
		case "end":
			return factsOf(object{"dateTime": it.to.Format(graphTime), "timeZone": "UTC"})(rest)
		case "id":
			return v.id(it.id)
		case "singleValueExtendedProperties":
			return extendedList(it.extended())
		case "multiValueExtendedProperties":
			return extendedList(it.Multi)
		}
		return factsOf(v.property(it, name, v.hide && it.private()))(rest)
	}
}

func extendedList(values map[string]any) []any {
	list := make([]any, 0, len(values))
	for id, value := range values {
		list = append(list, object{"id": id, "value": value})
	}
	return list
}

func (c *call) getEvent(args []string) (*reply, error) {
	q, err := c.query("event", "$select", "$expand")
	if err != nil {
		return nil, err
	}
	it, err := c.mailbox.find(args[0], args[1])
	if err != nil {
		return nil, err
	}
	if err := c.withheld(it, q); err != nil {
		return nil, err
	}
	v := c.view(q, nil)
	v.byID, v.in = true, args[0] != anyCalendar
	return c.one(http.StatusOK, v.event(it), "events/$entity"), nil
}

// written answers with an event after a write.
func (c *call) written(status int, it *item) *reply {
	v := c.view(&query{}, nil)
	answer := c.one(status, v.event(it), "events/$entity")
	if status == http.StatusCreated {
		answer.set("Location", c.base+"/users/"+c.mailbox.ID+"/events/"+v.id(it.id))
	}
	return answer
}

// createEvent makes an event. One with the transactionId of an event that is there makes none: if its content is the same, the answer is that
// event, else an error.
func (c *call) createEvent(args []string) (*reply, error) {
	if _, err := c.query("event"); err != nil {
		return nil, err
	}
	in, err := c.mailbox.writable(args[0])
	if err != nil {
		return nil, err
	}
	if len(c.body) > c.server.options.Limits.EventBytes {
		return nil, fail(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
	}
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	change, err := readEvent(raw, false)
	if err != nil {
		return nil, err
	}

	if err := c.bound(change, nil); err != nil {
		return nil, err
	}
	transaction := ""
	if change.transaction != nil {
		transaction = *change.transaction
	}
	dead := c.server.value("transaction_ids") == "dead"
	var repeated *record
	for _, r := range c.mailbox.records {
		if transaction != "" && r.Transaction == transaction && !dead {
			repeated = r
		}
		if r.Hidden && (r.Print == change.print || r == repeated) {
			r.Hidden = false
			c.server.changes.Add(1)
		}
	}
	if repeated != nil {
		if repeated.Print == change.print && repeated.Calendar == in.ID {
			return c.written(c.server.options.RepeatStatus, repeated.item()), nil
		}
		return nil, c.duplicate(repeated)
	}
	if c.mailbox.spent(transaction) {
		return nil, c.duplicate(nil)
	}
	r, err := c.mailbox.create(in.ID, "", change)
	if err != nil {
		return nil, err
	}
	r.Hidden = c.fault.is(FaultLate) && !dead
	r.rewrites = 2
	c.mailbox.add(r)
	return c.written(http.StatusCreated, r.item()), nil
}

// duplicate is the answer to a transactionId that made another event; nil: one that is gone.
func (c *call) duplicate(r *record) error {
	f := &failure{status: c.server.options.DuplicateStatus, code: "ErrorDuplicateTransactionId",
		message: "Your request can't be completed. The TransactionId specified in the request has already been used to create a different event."}
	if c.server.options.TellExisting && r != nil {
		f.also = map[string]any{"@event.existingEventId": c.view(nil, nil).id(r.ID)}
	}
	return f
}

// ifMatch holds a write back if the event is not in the version that the client knows.
func (c *call) ifMatch(it *item) error {
	want := c.header.Get("If-Match")
	if want == "" || want == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(want, ",") {
		if strings.TrimSpace(tag) == it.etag() {
			return nil
		}
	}
	return irresolvable(http.StatusPreconditionFailed)
}

// target finds the event that a write is about.
func (c *call) target(args []string) (*item, error) {
	it, err := c.mailbox.find(args[0], args[1])
	if err != nil {
		return nil, err
	}
	if _, err := c.mailbox.writable(it.Calendar); err != nil {
		return nil, err
	}
	if err := c.passing(it); err != nil {
		return nil, err
	}
	return it, c.ifMatch(it)
}

// notifies records that the attendees of a meeting hear of its change.
func (c *call) notifies(it *item, how string) {
	if attendees, _ := it.prop("attendees").([]any); len(attendees) > 0 && it.prop("isOrganizer") == true {
		c.violation(how)
	}
}

func (c *call) changeEvent(args []string) (*reply, error) {
	if _, err := c.query("event"); err != nil {
		return nil, err
	}
	it, err := c.target(args)
	if err != nil {
		return nil, err
	}
	if len(c.body) > c.server.options.Limits.EventBytes {
		return nil, fail(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
	}
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	change, err := readEvent(raw, false)
	if err != nil {
		return nil, err
	}
	if change.transaction != nil && *change.transaction != it.Transaction {
		return nil, readOnly("transactionId")
	}
	c.notifies(it, "the attendees are told of the change")
	if err := c.bound(change, it); err != nil {
		return nil, err
	}
	before := it.clone()
	if err := c.mailbox.change(it, change); err != nil {
		return nil, err
	}
	changed, err := c.mailbox.locate(it.id)
	if err != nil {
		return nil, err
	}
	changed.rewrites = 2
	answer := c.written(http.StatusOK, changed)
	if c.loses(it) {
		*it.record = *before
	}
	return answer, nil
}

// change changes an event; a change of one occurrence makes an exception of it.
func (m *mailbox) change(it *item, e *eventChange) error {
	if it.original.IsZero() {
		if err := m.apply(it.record, e); err != nil {
			return err
		}
		m.touch(it.record)
		return nil
	}
	if e.hasRecurrence && e.recurrence != nil {
		return badValue("An occurrence cannot have a recurrence.")
	}
	// What the occurrence is, with the change, must be an event by itself.
	whole := record{Props: maps.Clone(it.Props), Start: m.plain(it.start, it.from), End: m.plain(it.end, it.to)}
	own := record{ID: it.id, Calendar: it.Calendar, Props: object{}, Original: it.original, Created: it.Created}
	if it.own != nil {
		own = *it.own
		own.Props = maps.Clone(own.Props)
		maps.Copy(whole.Props, own.Props)
	}
	if err := m.apply(&whole, e); err != nil {
		return err
	}
	if e.start != nil {
		if err := m.crosses(it, whole.from); err != nil {
			return err
		}
	}
	maps.Copy(own.Props, e.props)
	own.Start, own.End, own.from, own.to = whole.Start, whole.End, whole.from, whole.to
	own.Single, own.Multi = overlay(own.Single, e.single), overlay(own.Multi, e.multi)
	own.Change = max(own.Change, it.Change)
	if it.Exceptions == nil {
		it.Exceptions = map[string]*record{}
	}
	it.Exceptions[it.id] = &own
	m.touch(&own)
	m.touch(it.record)
	return nil
}

// crosses refuses what Outlook does not let an occurrence do: move to the day of the one before or after it, or past it.
// https://learn.microsoft.com/graph/api/event-update
func (m *mailbox) crosses(it *item, start time.Time) error {
	loc, err := m.server.loadZone(it.Start.Zone)
	if err != nil {
		return err
	}
	times := []time.Time{start, it.from, it.original}
	low, high := slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)
	others, err := m.occurrences(it.record, low.AddDate(0, 0, -1), high.AddDate(0, 0, 1))
	if err != nil {
		return err
	}
	day := calendar.DateOf(start, loc)
	for _, o := range others {
		other := calendar.DateOf(o.from, loc)
		if o.original.Before(it.original) && !other.Before(day) || o.original.After(it.original) && !day.Before(other) {
			return fail(http.StatusBadRequest, "ErrorOccurrenceCrossingBoundary", "Modified occurrence is crossing or overlapping adjacent occurrence.")
		}
	}
	return nil
}

// plain writes a time without an offset: in its zone, or in UTC if its zone would read it as another instant than at.
func (m *mailbox) plain(d calendar.DateTime, at time.Time) calendar.DateTime {
	wall, err := d.Wall()
	inZone := calendar.DateTime{Local: timeOf(wall), Zone: d.Zone}
	if back, err2 := m.instant(inZone); err != nil || err2 != nil || !back.Equal(at) {
		return calendar.DateTime{Local: at.UTC().Format(graphTime), Zone: "UTC"}
	}
	return inZone
}

func (c *call) deleteEvent(args []string) (*reply, error) {
	if _, err := c.query("event"); err != nil {
		return nil, err
	}
	if found, err := c.mailbox.find(args[0], args[1]); err == nil && c.server.on("reviewer") && c.mailbox.calendar(found.Calendar).ReadOnly {
		return noContent(), nil
	}
	it, err := c.target(args)
	if err != nil {
		return nil, err
	}
	c.notifies(it, "the attendees are told of the cancellation")
	c.mailbox.drop(it)
	return noContent(), nil
}

// drop deletes an event, a series, or one occurrence of it.
func (m *mailbox) drop(it *item) {
	if it.original.IsZero() {
		m.remove(it.record)
		return
	}
	delete(it.Exceptions, it.id)
	day := it.original
	without := calendar.DateTime{Local: it.original.UTC().Format("2006-01-02T15:04:05Z")}
	if it.Props["isAllDay"] == true {
		without.Local = day.UTC().Format(time.DateOnly)
	} else if loc, err := m.server.loadZone(it.Start.Zone); err == nil {
		day = day.In(loc)
	}
	it.Without = append(it.Without, without)
	it.Cancelled = append(it.Cancelled, fmt.Sprintf("OID.%s.%s", it.ID, day.Format(time.DateOnly)))
	m.touch(it.record)
}

// act does what a POST below an event asks for. The answers to an invitation change the user's response.
func (c *call) act(action string, args []string) (*reply, error) {
	it, err := c.target(args)
	if err != nil {
		return nil, err
	}
	response := map[string]string{"accept": "accepted", "tentativelyAccept": "tentativelyAccepted", "decline": "declined"}[action]
	switch {
	case action == "cancel":
		c.mailbox.drop(it)
	case response != "" && it.prop("isOrganizer") == true:
		return nil, fail(http.StatusBadRequest, "ErrorInvalidRequest",
			"Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.")
	case response != "":
		status := object{"response": response, "time": c.at.UTC().Format(time.RFC3339)}
		if err := c.mailbox.change(it, &eventChange{props: object{"responseStatus": status}}); err != nil {
			return nil, err
		}
	}
	return &reply{status: http.StatusAccepted}, nil
}
