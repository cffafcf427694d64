package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// Zones returns none: every zone of Exchange has a name that it knows.
func (p *Provider) Zones(context.Context, string, string) ([]calendar.Zone, error) { return nil, nil }

// AdoptZones adopts none: Exchange knows zones by their names alone.
func (p *Provider) AdoptZones(context.Context, string, string, []calendar.Zone) (map[string]string, error) {
	return nil, nil
}

// exceptionsTogether is how many exceptions are read before their series are handed over, unless one series has more.
const exceptionsTogether = 5 * batchSize

var (
	// whole are the properties of an event with its body and what makes it a series.
	whole = append([]string{"body", "recurrence"}, light...)
	// repeating are the properties that say when a series happens. The last two are answered for one series by its id alone, and the exceptions only if they
	// are selected and expanded: https://learn.microsoft.com/graph/api/resources/event. The selection holds for the exceptions as well, so it is short.
	repeating = []string{"id", "type", "start", "end", "originalStartTimeZone", "isAllDay", "recurrence", "cancelledOccurrences", "exceptionOccurrences"}
)

// keptPerPage keeps a page of whole events within the memory of a small function: a backup reads one after the other.
const keptPerPage int32 = 50

// Kept reads the calendar's events page by page; for the series among them, twenty at a time, what a listing leaves out: the instances that
// were deleted and those that were changed; and for these their bodies and marks, which come with an event of its own alone. It remembers sixteen bytes of
// each event, because pages may repeat one when the calendar changes between them.
//
// An exception of a series that is not there, because the user was invited to that instance alone, is a calendar.Lone. Of a series that is
// refused to us, as others' private ones may be, its instances show which were deleted and changed. Should something disappear while it is read, the
// error is fault.Unavailable.
//
// Where something is broken the listing is read in parts, by when the events start. The minutes that are left, in which something starts that cannot be
// read, are in an Unread; everything else was handed over.
func (p *Provider) Kept(ctx context.Context, account, calendarID string, each func(calendar.Kept) error) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	k := keeping{Provider: p, account: account, calendar: calendarID, each: each, series: map[string]bool{}}
	seen := map[[16]byte]bool{}
	query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{Select: whole, Expand: withMark, Top: new(min(p.pageSize, keptPerPage))}
	page := func(value json.RawMessage) error {
		events, err := decodeEvents(value)
		if err != nil {
			return err
		}
		var series []graphSeries
		if err := readJSON(value, &series); err != nil {
			return err
		}
		for i, e := range events {
			id := short(e.ID)
			if seen[id] {
				continue
			}
			seen[id] = true
			if err := k.accept(ctx, e, series[i]); err != nil {
				return err
			}
		}
		return nil
	}
	err = p.pages(ctx, account, get(cal.Events().BaseRequestBuilder, query), page)
	if k.stopped == nil && corrupt(err) {
		var unread *calendar.Unread
		unread, err = narrow(everStarting(), time.Minute, maxBrokenStarts, func(from, to time.Time) error {
			query.Filter = new(startingIn(from, to))
			return p.pages(ctx, account, get(cal.Events().BaseRequestBuilder, query), page)
		})
		if unread != nil && k.broken != nil {
			k.broken.Spans = append(k.broken.Spans, unread.Spans...)
		} else if unread != nil {
			k.broken = unread
		}
	}
	if err == nil {
		err = k.flush(ctx)
	}
	if err == nil {
		err = k.handLone()
	}
	if k.stopped != nil {
		return k.stopped
	}
	if err != nil {
		return fmt.Errorf("read the calendar: %w", err)
	}
	if k.broken != nil {
		slices.SortFunc(k.broken.Spans, func(a, b calendar.Span) int { return a.From.Compare(b.From) })
		k.broken.Spans = slices.Compact(k.broken.Spans)
		return k.broken
	}
	return nil
}

// maxBrokenStarts is how many listings may fail in the search for what is broken. It finds more than a dozen events.
const maxBrokenStarts = 400

// The years in which an event can start in Outlook, and how many of them are one part of a search.
const (
	firstYear = 1600
	lastYear  = 4600
	yearsPart = 200
)

// everStarting are the parts of all time, the first one last.
func everStarting() (parts []calendar.Span) {
	for year := lastYear; year > firstYear; year -= yearsPart {
		parts = append(parts, calendar.Span{From: newYear(year - yearsPart), To: newYear(year)})
	}
	return parts
}

func newYear(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }

// startingIn is a filter for the events that start in a span. The first and the last span have no end on their outer side, so that together the
// spans have every event.
func startingIn(from, to time.Time) string {
	const layout = "2006-01-02T15:04:05.0000000"
	var terms []string
	if from.After(newYear(firstYear)) {
		terms = append(terms, "start/dateTime ge '"+from.Format(layout)+"'")
	}
	if to.Before(newYear(lastYear)) {
		terms = append(terms, "start/dateTime lt '"+to.Format(layout)+"'")
	}
	return strings.Join(terms, " and ")
}

// keeping is a Kept under way.
type keeping struct {
	*Provider
	account, calendar string
	each              func(calendar.Kept) error
	stopped           error            // what each returned
	waiting           []master         // for flush
	series            map[string]bool  // ids of those that are there
	lone              []calendar.Event // instances that were listed by themselves
	broken            *calendar.Unread // what cannot be read; nil: nothing
}

// leaveOut notes that an event cannot be read that starts at start.
func (k *keeping) leaveOut(start calendar.DateTime, cause error) error {
	zone, err := calendar.LoadZone(cmp.Or(start.Zone, "UTC"))
	if err != nil {
		return cause // nobody could be told when it is
	}
	at, err := start.Instant(zone)
	if err != nil {
		return cause
	}
	if k.broken == nil {
		k.broken = &calendar.Unread{Err: cause}
	}
	at = at.UTC().Truncate(time.Minute)
	k.broken.Spans = append(k.broken.Spans, calendar.Span{From: at, To: at.Add(time.Minute)})
	return nil
}

// master is a series as a listing shows it.
type master struct {
	event      calendar.Event
	series     graphSeries
	exceptions []calendar.Event // with their ids and times alone
}

func (k *keeping) hand(one calendar.Kept) error {
	k.stopped = k.each(one)
	return k.stopped
}

// accept hands an event over, or lets it wait if it is a series.
func (k *keeping) accept(ctx context.Context, e calendar.Event, s graphSeries) error {
	switch e.Type {
	case calendar.Master:
	case calendar.Occurrence, calendar.Exception: // which come with their series, if that is there
		k.lone = append(k.lone, e)
		return nil
	default:
		e.Type = calendar.Single
		return k.hand(calendar.Kept{Event: e})
	}
	k.series[e.ID] = true
	k.waiting = append(k.waiting, master{event: e, series: s})
	if len(k.waiting) < batchSize {
		return nil
	}
	return k.flush(ctx)
}

// flush hands the waiting series over.
func (k *keeping) flush(ctx context.Context) error {
	masters, err := k.complete(ctx, k.waiting)
	if err != nil {
		return err
	}
	k.waiting = nil
	for len(masters) > 0 {
		n, exceptions := 1, len(masters[0].exceptions)
		for n < len(masters) && exceptions+len(masters[n].exceptions) <= exceptionsTogether {
			exceptions += len(masters[n].exceptions)
			n++
		}
		if err := k.handAll(ctx, masters[:n]); err != nil {
			return err
		}
		masters = masters[n:]
	}
	return nil
}

// handLone hands over the instances whose series is not there.
func (k *keeping) handLone() error {
	for _, e := range k.lone {
		if k.series[e.SeriesMasterID] {
			continue
		}
		if err := k.hand(calendar.Kept{Event: calendar.Lone(e)}); err != nil {
			return err
		}
	}
	return nil
}

// complete reads when series happen. Those that are gone by now are left out. They are asked for in the mailbox, since within their calendar the service
// does not tell their instances; those that the mailbox does not have, as in a calendar of somebody else, within the calendar.
func (k *keeping) complete(ctx context.Context, masters []master) (there []master, err error) {
	user, err := k.user(ctx, k.account)
	if err != nil {
		return nil, err
	}
	cal, err := k.Provider.calendar(ctx, k.account, k.calendar)
	if err != nil {
		return nil, err
	}
	expand := []string{"exceptionOccurrences"}
	inMailbox, inCalendar := make([]step, len(masters)), make([]step, len(masters))
	for i, m := range masters {
		inMailbox[i] = step{RequestInformation: get(user.Events().ByEventId(m.event.ID).BaseRequestBuilder,
			users.ItemEventsEventItemRequestBuilderGetQueryParameters{Select: repeating, Expand: expand})}
		inCalendar[i] = step{RequestInformation: get(cal.Events().ByEventId(m.event.ID).BaseRequestBuilder,
			users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: repeating, Expand: expand})}
	}
	var elsewhere []int
	read := func(m master, a answer) error {
		if corrupt(a.err) {
			return k.leaveOut(m.event.Start, a.err)
		}
		refused := a.err != nil && fault.Of(a.err) == fault.Forbidden
		if a.err != nil && !refused {
			return a.err
		}
		if !refused {
			if err := m.complete(a.body); err != nil {
				return err
			}
		}
		if m.event.Type != calendar.Master { // not any more
			return errChanged()
		}
		if err := m.series.into(&m.event); err != nil {
			return fmt.Errorf("series %s: %w", m.event.ID, err)
		}
		if refused {
			if err := k.observe(ctx, &m); corrupt(err) {
				return k.leaveOut(m.event.Start, err)
			} else if err != nil {
				return err
			}
		}
		there = append(there, m)
		return nil
	}
	err = k.reads(ctx, k.account, inMailbox, func(first int, answers []answer) error {
		for i, a := range answers {
			if a.err != nil && fault.Of(a.err) == fault.NotFound {
				elsewhere = append(elsewhere, first+i)
			} else if err := read(masters[first+i], a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(elsewhere) == 0 {
		return there, err
	}
	steps := make([]step, len(elsewhere))
	for i, at := range elsewhere {
		steps[i] = inCalendar[at]
	}
	err = k.reads(ctx, k.account, steps, func(first int, answers []answer) error {
		for i, a := range answers {
			if a.err != nil && fault.Of(a.err) == fault.NotFound {
				continue
			}
			if err := read(masters[elsewhere[first+i]], a); err != nil {
				return err
			}
		}
		return nil
	})
	return there, err
}

// observed is how far beyond today the instances are read of a series that is refused by its id.
const observed = 2 * 365 * 24 * time.Hour

// observe works out from the instances of a series which of them were deleted and changed, where the series is refused by its id. Where the instances
// are, too, it stays as the listing shows it.
func (k *keeping) observe(ctx context.Context, m *master) error {
	zone, err := calendar.LoadZone(cmp.Or(m.event.Start.Zone, "UTC"))
	if err != nil {
		return nil // nobody knows when it happens
	}
	start, err := m.event.Start.Instant(zone)
	if err != nil {
		return fault.New(fault.Internal, "the start of a series: %v", err)
	}
	from, to := start.Add(-series.Margin), k.client.clock().Add(observed)
	if !from.Before(to) {
		return nil
	}
	instances, err := k.Instances(ctx, k.account, k.calendar, m.event.ID, from, to)
	if kind := fault.Of(err); err != nil && (kind == fault.Forbidden || kind == fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	shown := make(map[int64]bool, len(instances))
	for _, e := range instances {
		shown[e.OriginalStart.Unix()] = true
		if e.Type == calendar.Exception {
			m.exceptions = append(m.exceptions, e)
		}
	}
	expected, err := series.Expand(m.event, nil, from, to, calendar.LoadZone)
	if err != nil {
		return fmt.Errorf("series %s: %w", m.event.ID, err)
	}
	for _, e := range expected {
		if at := e.OriginalStart; !shown[at.Unix()] && at.Before(to.Add(-series.Margin)) {
			m.event.Recurrence.Without = append(m.event.Recurrence.Without, e.Start)
		}
	}
	return nil
}

func errChanged() error {
	return fault.New(fault.Unavailable, "the calendar was changed while it was read; read it again")
}

// complete reads from the answer of a GET when the series happens, if it still is one.
func (m *master) complete(body json.RawMessage) error {
	now, err := decodeEvent(body)
	if err != nil {
		return err
	}
	m.event.Type, m.event.Start, m.event.End, m.event.StartZone, m.event.AllDay = now.Type, now.Start, now.End, now.StartZone, now.AllDay
	if m.event.Type != calendar.Master {
		return nil
	}
	var series struct {
		graphSeries
		Cancelled  *[]string       `json:"cancelledOccurrences"`
		Exceptions json.RawMessage `json:"exceptionOccurrences"`
	}
	if err := readJSON(body, &series); err != nil {
		return err
	}
	if series.Cancelled == nil || len(series.Exceptions) == 0 || series.Exceptions[0] != '[' {
		return fault.New(fault.Malformed, "Microsoft 365 does not tell which instances of series %q were deleted or changed, so that the calendar "+
			"cannot be read whole", m.event.Subject)
	}
	m.series = series.graphSeries
	m.series.CancelledOccurrences = *series.Cancelled
	exceptions, err := decodeEvents(series.Exceptions)
	slices.SortFunc(exceptions, func(a, b calendar.Event) int { return strings.Compare(a.ID, b.ID) })
	m.exceptions = slices.CompactFunc(exceptions, func(a, b calendar.Event) bool { return a.ID == b.ID })
	return err
}

// handAll reads the exceptions of series and hands all of it over.
func (k *keeping) handAll(ctx context.Context, masters []master) error {
	var ids []string
	for _, m := range masters {
		for _, x := range m.exceptions {
			ids = append(ids, x.ID)
		}
	}
	exceptions := make(map[string]calendar.Event, len(ids))
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: append([]string{"body"}, light...), Expand: withMark}
	if err := k.byID(ctx, k.account, k.calendar, ids, query, func(id string, e *calendar.Event) { exceptions[id] = *e }); err != nil {
		return err
	}
	for _, m := range masters {
		one := calendar.Kept{Event: m.event}
		for _, x := range m.exceptions {
			e, there := exceptions[x.ID]
			if !there || e.Withheld || e.OriginalStart.IsZero() {
				var err error
				if e, err = k.amongInstances(ctx, &m, x); corrupt(err) {
					if err := k.leaveOut(x.Start, err); err != nil {
						return err
					}
					continue
				} else if err != nil {
					return err
				}
			}
			original, err := k.originalStart(ctx, k.account, m.event.AllDay, e.OriginalStart, m.series.Recurrence.Range.RecurrenceTimeZone, m.event.StartZone)
			if err != nil {
				return err
			}
			e.OriginalStart = original
			e.Type = calendar.Exception
			e.SeriesMasterID = cmp.Or(e.SeriesMasterID, m.event.ID)
			one.Exceptions = append(one.Exceptions, e)
		}
		slices.SortFunc(one.Exceptions, func(a, b calendar.Event) int { return a.OriginalStart.Compare(b.OriginalStart) })
		if err := k.hand(one); err != nil {
			return err
		}
	}
	return nil
}

// amongInstances reads an exception that is refused by its id, or does not say what it is an exception of, among the instances of its series. One that
// does not tell it there either would be restored beside the instance that it replaces, so it is an error.
func (k *keeping) amongInstances(ctx context.Context, m *master, x calendar.Event) (calendar.Event, error) {
	cal, err := k.Provider.calendar(ctx, k.account, k.calendar)
	if err != nil {
		return calendar.Event{}, err
	}
	start, err := x.Start.Instant(time.UTC)
	if err != nil {
		return calendar.Event{}, fault.New(fault.Internal, "the start of an exception: %v", err)
	}
	query := users.ItemCalendarsItemEventsItemInstancesRequestBuilderGetQueryParameters{
		StartDateTime: new(start.Add(-series.Margin).UTC().Format(time.RFC3339)), EndDateTime: new(start.Add(series.Margin).UTC().Format(time.RFC3339)),
		Select: append([]string{"body"}, light...), Expand: withMark, Top: new(min(k.pageSize, keptPerPage)),
	}
	var found calendar.Event
	err = k.pages(ctx, k.account, get(cal.Events().ByEventId(m.event.ID).Instances().BaseRequestBuilder, query), func(value json.RawMessage) error {
		page, err := decodeEvents(value)
		for _, e := range page {
			if e.ID == x.ID {
				found = e
			}
		}
		return err
	})
	switch {
	case err != nil && fault.Of(err) != fault.NotFound:
		return found, err
	case err != nil || found.ID == "":
		return found, errChanged()
	case found.OriginalStart.IsZero():
		return found, fault.New(fault.Malformed, "Microsoft 365 does not tell which instance of series %q the one of %s replaces, so that the calendar cannot be "+
			"read whole: delete that instance in Outlook, or save it anew", m.event.Subject, start.Format(time.DateOnly))
	}
	return found, nil
}

// originalStart is the original start of an instance. Of an all-day one it is a day, as its midnight in UTC, whatever zone the service wrote that in: that
// of the series, which zones name, the first one first, else that of the mailbox.
func (p *Provider) originalStart(ctx context.Context, account string, allDay bool, original time.Time, zones ...string) (time.Time, error) {
	original = original.UTC()
	if !allDay || original.Equal(original.Truncate(24*time.Hour)) {
		return original, nil
	}
	for _, zone := range zones {
		if windows, _ := calendar.WindowsName(zone); zone != "" && windows != "UTC" {
			return series.OriginalDay(original, zone), nil
		}
	}
	zone, err := p.MailboxZone(ctx, account)
	if err != nil && fault.Of(err).Transient() {
		return original, err
	}
	return series.OriginalDay(original, zone), nil // without a zone it is the nearest day
}

// seriesZones returns the names that a series gives its zone.
func (p *Provider) seriesZones(ctx context.Context, account, calendarID, masterID string) (zones []string, err error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: []string{"id", "recurrence", "originalStartTimeZone"}}
	text, err := p.page(ctx, account, get(cal.Events().ByEventId(masterID).BaseRequestBuilder, query))
	if err != nil {
		return nil, err
	}
	var s struct {
		graphSeries
		Zone string `json:"originalStartTimeZone"`
	}
	return []string{s.Recurrence.Range.RecurrenceTimeZone, s.Zone}, readJSON(text, &s)
}

// Instances asks the service for the instances, of windows of at most maxWindow. Bodies are left out. Of all-day series it returns the instances that start in
// the window in some time zone, that is within series.Margin of it.
func (p *Provider) Instances(ctx context.Context, account, calendarID, masterID string, from, to time.Time) ([]calendar.Event, error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	if masterID == "" {
		return nil, fault.Field("id", "is missing")
	}
	var zones []string // of the series, read when they are needed
	events := calendar.Gathering{Most: p.mostEvents}
	seen := map[string]bool{}
	low, high := from.Add(-series.Margin), to.Add(series.Margin) // for days, which the service writes in a zone of its own
	for ; low.Before(high); low = low.Add(maxWindow) {
		end := slices.MinFunc([]time.Time{low.Add(maxWindow), high}, time.Time.Compare)
		query := users.ItemCalendarsItemEventsItemInstancesRequestBuilderGetQueryParameters{
			StartDateTime: new(low.UTC().Format(time.RFC3339)), EndDateTime: new(end.UTC().Format(time.RFC3339)),
			Select: light, Expand: withMark, Top: &p.pageSize,
		}
		some, err := p.listing(ctx, account, get(cal.Events().ByEventId(masterID).Instances().BaseRequestBuilder, query))
		if err != nil {
			return nil, fmt.Errorf("read the instances of a series: %w", err)
		}
		for _, e := range some {
			start, err := e.Start.Instant(time.UTC)
			if err != nil {
				return nil, fault.New(fault.Internal, "the start of an instance: %v", err)
			}
			margin := time.Duration(0)
			if e.AllDay {
				margin = series.Margin
				if midnight := e.OriginalStart.Truncate(24 * time.Hour); zones == nil && !midnight.Equal(e.OriginalStart) {
					if zones, err = p.seriesZones(ctx, account, calendarID, masterID); err != nil {
						return nil, fmt.Errorf("read the zone of a series: %w", err)
					}
				}
				if e.OriginalStart, err = p.originalStart(ctx, account, true, e.OriginalStart, zones...); err != nil {
					return nil, fmt.Errorf("read the zone of the mailbox: %w", err)
				}
			}
			if !seen[e.ID] && !start.Before(from.Add(-margin)) && start.Before(to.Add(margin)) {
				seen[e.ID] = true
				if err := events.Add(e); err != nil {
					return nil, err
				}
			}
		}
	}
	return events.Events, nil
}
