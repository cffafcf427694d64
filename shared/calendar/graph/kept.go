package graph

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
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
// A series that is hidden from us, as others' private ones are, is handed over as the listing shows it. Should something disappear while it
// is read, the error is fault.Unavailable.
func (p *Provider) Kept(ctx context.Context, account, calendarID string, each func(calendar.Kept) error) error {
	cal, err := p.calendar(account, calendarID)
	if err != nil {
		return err
	}
	k := keeping{Provider: p, account: account, calendar: calendarID, each: each}
	seen := map[[16]byte]bool{}
	query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{Select: whole, Expand: withMark, Top: new(min(p.pageSize, keptPerPage))}
	err = p.pages(ctx, account, get(cal.Events().BaseRequestBuilder, query), func(value json.RawMessage) error {
		events, err := decodeEvents(value)
		if err != nil {
			return err
		}
		var series []graphSeries
		if err := readJSON(value, &series); err != nil {
			return err
		}
		for i, e := range events {
			sum := sha256.Sum256([]byte(e.ID))
			id := [16]byte(sum[:])
			if seen[id] || e.Type == calendar.Occurrence || e.Type == calendar.Exception { // which come with their series
				continue
			}
			seen[id] = true
			if err := k.accept(ctx, e, series[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = k.flush(ctx)
	}
	if k.stopped != nil {
		return k.stopped
	}
	if err != nil {
		return fmt.Errorf("read the calendar: %w", err)
	}
	return nil
}

// keeping is a Kept under way.
type keeping struct {
	*Provider
	account, calendar string
	each              func(calendar.Kept) error
	stopped           error    // what each returned
	waiting           []master // for flush
}

// master is a series as a listing shows it.
type master struct {
	event      calendar.Event
	series     graphSeries
	exceptions []string // ids
}

func (k *keeping) hand(one calendar.Kept) error {
	k.stopped = k.each(one)
	return k.stopped
}

// accept hands an event over, or lets it wait if it is a series.
func (k *keeping) accept(ctx context.Context, e calendar.Event, s graphSeries) error {
	if e.Type != calendar.Master {
		e.Type = calendar.Single
		return k.hand(calendar.Kept{Event: e})
	}
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

// complete reads when series happen. Those that are gone by now are left out.
func (k *keeping) complete(ctx context.Context, masters []master) ([]master, error) {
	cal, err := k.Provider.calendar(k.account, k.calendar)
	if err != nil {
		return nil, err
	}
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: repeating, Expand: []string{"exceptionOccurrences"}}
	steps := make([]step, len(masters))
	for i, m := range masters {
		steps[i] = step{RequestInformation: get(cal.Events().ByEventId(m.event.ID).BaseRequestBuilder, query)}
	}
	var there []master
	err = k.reads(ctx, k.account, steps, func(first int, answers []answer) error {
		for i, a := range answers {
			m := masters[first+i]
			switch {
			case a.err != nil && fault.Of(a.err) == fault.NotFound:
				continue
			case a.err != nil && fault.Of(a.err) == fault.Forbidden:
			case a.err != nil:
				return a.err
			default:
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
			there = append(there, m)
		}
		return nil
	})
	return there, err
}

func errChanged() error {
	return fault.New(fault.Unavailable, "the calendar was changed while it was read; read it again")
}

// complete reads from the answer of a GET when the series happens.
func (m *master) complete(body json.RawMessage) error {
	now, err := decodeEvent(body)
	if err != nil {
		return err
	}
	m.event.Type, m.event.Start, m.event.End, m.event.StartZone, m.event.AllDay = now.Type, now.Start, now.End, now.StartZone, now.AllDay
	var series struct {
		graphSeries
		Exceptions []struct {
			ID string `json:"id"`
		} `json:"exceptionOccurrences"`
	}
	if err := readJSON(body, &series); err != nil {
		return err
	}
	m.series = series.graphSeries
	for _, x := range series.Exceptions {
		m.exceptions = append(m.exceptions, x.ID)
	}
	m.exceptions = unique(m.exceptions)
	return nil
}

// handAll reads the exceptions of series and hands all of it over.
func (k *keeping) handAll(ctx context.Context, masters []master) error {
	var ids []string
	for _, m := range masters {
		ids = append(ids, m.exceptions...)
	}
	exceptions := make(map[string]calendar.Event, len(ids))
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: append([]string{"body"}, light...), Expand: withMark}
	if err := k.byID(ctx, k.account, k.calendar, ids, query, func(id string, e *calendar.Event) { exceptions[id] = *e }); err != nil {
		return err
	}
	for _, m := range masters {
		one := calendar.Kept{Event: m.event}
		for _, id := range m.exceptions {
			e, there := exceptions[id]
			if !there {
				return errChanged()
			}
			if e.OriginalStart = e.OriginalStart.UTC(); m.event.AllDay { // a day, whatever zone its midnight is written in
				e.OriginalStart = series.OriginalDay(e.OriginalStart, m.event.StartZone)
			}
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

// maxWindow is less than the longest window that the service expands series in.
const maxWindow = 1800 * 24 * time.Hour

// Instances asks the service for the instances, of windows of at most maxWindow. Bodies are left out. Of all-day series it returns the instances that start in
// the window in some time zone, that is within series.Margin of it.
func (p *Provider) Instances(ctx context.Context, account, calendarID, masterID string, from, to time.Time) ([]calendar.Event, error) {
	cal, err := p.calendar(account, calendarID)
	if err != nil {
		return nil, err
	}
	if masterID == "" {
		return nil, fault.Field("id", "is missing")
	}
	var events []calendar.Event
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
			}
			if !seen[e.ID] && !start.Before(from.Add(-margin)) && start.Before(to.Add(margin)) {
				seen[e.ID] = true
				events = append(events, e)
			}
		}
	}
	return events, nil
}
