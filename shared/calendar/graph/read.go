package graph

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// markProperty is the single-value extended property that holds calendar.Draft.Mark on our copies. The namespace is ours alone.
// It never changes: copies that were written with another one would no longer be known as ours.
const markProperty = "String {b1d2c9a0-7c7e-4f52-9e0b-3a7f6f4d2c11} Name AdminAssistantMark"

// light are the properties of a listing: all that an Event has but the body.
var light = []string{
	"id", "iCalUId", "type", "seriesMasterId", "originalStart", "subject", "bodyPreview", "start", "end", "originalStartTimeZone", "originalEndTimeZone",
	"isAllDay", "isCancelled", "isOrganizer", "responseStatus", "showAs", "importance", "sensitivity", "location", "categories", "organizer", "attendees",
	"onlineMeeting", "onlineMeetingUrl", "createdDateTime", "lastModifiedDateTime", "changeKey",
}

// withMark expands our mark, which calendarView cannot be filtered by.
var withMark = []string{"singleValueExtendedProperties($filter=id eq '" + markProperty + "')"}

// Events reads a window by calendarView, page by page, each with PageSize events. Bodies are left out. A window in which something is broken is read
// in ever smaller parts, until only days are left that cannot be read; they are in an Unread.
func (p *Provider) Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error) {
	all := calendar.Gathering{Most: p.mostEvents}
	err := p.Walk(ctx, account, calendarID, from, to, time.Time{}, func(e calendar.Event) (time.Time, error) { return time.Time{}, all.Add(e) })
	if unread := new(calendar.Unread); err != nil && !errors.As(err, &unread) {
		return nil, err
	}
	return all.Events, err
}

// Walk reads a window as Events does, from since on. It remembers sixteen bytes of each event: pages may repeat one when the calendar changes between
// them, and parts of a window that is read anew do.
func (p *Provider) Walk(ctx context.Context, account, calendarID string, from, to, since time.Time,
	each func(calendar.Event) (until time.Time, err error)) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	first := from
	if day := since.Add(-series.Margin); !since.IsZero() && day.After(from) {
		first = day
	}
	if !first.Before(to) && !first.Equal(from) {
		return nil
	}
	var stopped error
	handed := map[[16]byte]bool{}
	unread, err := p.windows(ctx, first, to, func(low, high time.Time) error {
		query := users.ItemCalendarsItemCalendarViewRequestBuilderGetQueryParameters{
			StartDateTime: new(low.UTC().Format(time.RFC3339)), EndDateTime: new(high.UTC().Format(time.RFC3339)),
			Select: light, Expand: withMark, Top: &p.pageSize,
		}
		return p.pages(ctx, account, get(cal.CalendarView().BaseRequestBuilder, query), func(value json.RawMessage) error {
			page, err := decodeLight(value)
			if err != nil {
				return err
			}
			for i := range page {
				e := &page[i]
				if id := short(e.ID); !handed[id] && !beside(e, from, to) && !before(e, since) {
					handed[id] = true
					if _, stopped = each(*e); stopped != nil {
						return stopped
					}
				}
			}
			return nil
		})
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		return fmt.Errorf("read events: %w", err)
	case unread != nil:
		return unread
	}
	return nil
}

// short is the start of an id's hash.
func short(id string) (h [16]byte) {
	sum := sha256.Sum256([]byte(id))
	copy(h[:], sum[:])
	return h
}

// before says whether a timed event starts before since.
func before(e *calendar.Event, since time.Time) bool {
	if e.AllDay || since.IsZero() {
		return false
	}
	start, err := e.Start.Instant(time.UTC)
	return err == nil && start.Before(since)
}

const (
	// maxWindow is less than the longest window that the service lists: https://learn.microsoft.com/graph/api/calendar-list-calendarview.
	maxWindow = 1800 * 24 * time.Hour
	// maxBroken is how many windows may fail in the search for what is broken. It finds some days of a month, or one of ten years.
	maxBroken = 150
)

// windows calls read for windows that together are [from, to): of at most maxWindow, and for those in which something is broken again with smaller
// ones. unread are the days that are left; nil: none.
func (p *Provider) windows(ctx context.Context, from, to time.Time, read func(from, to time.Time) error) (unread *calendar.Unread, err error) {
	const day = 24 * time.Hour
	var open []calendar.Span // the next one last
	for high := to; high.After(from) || len(open) == 0; {
		low := slices.MaxFunc([]time.Time{from, high.Add(-maxWindow)}, time.Time.Compare)
		open = append(open, calendar.Span{From: low, To: high})
		high = low
	}
	return narrow(open, day, maxBroken, read)
}

// narrow calls read for each of the spans, of which open has the next one last, and for those in which something is broken again with smaller ones. unread
// are the spans of one step that are left; nil: none. most is how many may fail.
func narrow(open []calendar.Span, step time.Duration, most int, read func(from, to time.Time) error) (unread *calendar.Unread, err error) {
	for broken := 0; len(open) > 0; {
		w := open[len(open)-1]
		open = open[:len(open)-1]
		err := read(w.From, w.To)
		if err == nil {
			continue
		}
		if broken++; !corrupt(err) || broken > most {
			return nil, err
		}
		if steps := (w.To.Sub(w.From) + step - 1) / step; steps > 1 {
			middle := w.From.Add(steps / 2 * step)
			open = append(open, calendar.Span{From: middle, To: w.To}, calendar.Span{From: w.From, To: middle})
			continue
		}
		if unread == nil {
			unread = &calendar.Unread{Err: err}
		}
		unread.Spans = append(unread.Spans, w)
	}
	return unread, nil
}

// beside says whether a timed event neither overlaps the window nor starts in it. The service also lists events that end when the window
// starts. Days are left to it: what an all-day event covers depends on the zone of whoever looks.
func beside(e *calendar.Event, from, to time.Time) bool {
	if e.AllDay {
		return false
	}
	start, err := e.Start.Instant(time.UTC)
	if err != nil {
		return false
	}
	end, err := e.End.Instant(time.UTC)
	if err != nil {
		return false
	}
	return !start.Before(to) || !end.After(from) && start.Before(from)
}

// listing reads all events of a request, each id once.
func (p *Provider) listing(ctx context.Context, account string, r *kiota.RequestInformation) ([]calendar.Event, error) {
	events := calendar.Gathering{Most: p.mostEvents}
	seen := map[string]bool{}
	err := p.pages(ctx, account, r, func(value json.RawMessage) error {
		page, err := decodeLight(value)
		if err != nil {
			return err
		}
		for _, e := range page {
			if !seen[e.ID] { // pages may repeat one when the calendar changes between them
				seen[e.ID] = true
				if err := events.Add(e); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return events.Events, err
}

// pages hands the array of each page of a listing to each, and follows the links from page to page to the end, or until each returns an error.
func (p *Provider) pages(ctx context.Context, account string, r *kiota.RequestInformation, each func(value json.RawMessage) error) error {
	seen := map[string]bool{}
	for {
		text, err := p.page(ctx, account, r)
		if err != nil {
			return err
		}
		var page struct {
			Value json.RawMessage `json:"value"`
			Next  string          `json:"@odata.nextLink"`
		}
		if err := readJSON(text, &page); err != nil {
			return err
		}
		if len(page.Value) == 0 || page.Value[0] != '[' {
			return fault.New(fault.Unavailable, "the answer of Microsoft 365 is no listing") // it must not be mistaken for an empty one
		}
		switch err := each(page.Value); {
		case err != nil:
			return err
		case page.Next == "":
			return nil
		case seen[page.Next]:
			return fault.New(fault.Internal, "the pages of a listing go in a circle")
		}
		seen[page.Next] = true
		next, err := url.Parse(page.Next)
		if err != nil {
			return fault.New(fault.Internal, "the address of a listing's next page cannot be read")
		}
		r = kiota.NewRequestInformation()
		r.Method, r.UrlTemplate = kiota.GET, "{+next}"
		r.Headers.Add("Accept", "application/json")
		r.Headers.Add("Prefer", preferences)
		r.SetUri(*p.client.base.ResolveReference(next))
	}
}

// page asks for one page of a listing. One that times out is asked for again with half as many events. A patient Provider waits before that, as
// before every other repetition.
func (p *Provider) page(ctx context.Context, account string, r *kiota.RequestInformation) (text []byte, err error) {
	for {
		smaller := false
		err = p.persist(ctx, func() (further bool, err error) {
			text, err = p.do(ctx, account, r)
			smaller = timedOut(ctx, err) && halve(r)
			return smaller, err
		})
		if !smaller || p.retry != nil {
			return text, err
		}
	}
}

// timedOut says whether a request took the service, or us, too long.
func timedOut(ctx context.Context, err error) bool {
	f := new(Failure)
	return errors.As(err, &f) && f.Status == http.StatusGatewayTimeout || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}

// halve lets a request for a page ask for half as many events. It returns false when there are none to spare.
func halve(r *kiota.RequestInformation) bool {
	at, err := r.GetUri()
	if err != nil {
		return false
	}
	smaller, query := *at, at.Query()
	n, err := strconv.Atoi(query.Get("$top"))
	if err != nil || n < 2 {
		return false
	}
	query.Set("$top", strconv.Itoa(n/2))
	smaller.RawQuery = query.Encode()
	r.SetUri(smaller)
	return true
}

// decodeEvents reads the array of a listing. Errors are Internal: the service has answered something that no event is.
func decodeEvents(value json.RawMessage) ([]calendar.Event, error) {
	events, err := calendar.DecodeGraph(bytes.NewReader(value))
	if err != nil {
		return nil, fault.New(fault.Internal, "an event in the answer of Microsoft 365 cannot be read: %v", err)
	}
	var marks []struct {
		Properties []struct {
			ID    string `json:"id"`
			Value string `json:"value"`
		} `json:"singleValueExtendedProperties"`
	}
	if err := readJSON(value, &marks); err != nil {
		return nil, err
	}
	for i, m := range marks {
		for _, property := range m.Properties {
			if strings.EqualFold(property.ID, markProperty) {
				events[i].Mark = property.Value
			}
		}
	}
	return events, nil
}

// decodeLight reads the array of a light listing, which leaves the bodies out.
func decodeLight(value json.RawMessage) ([]calendar.Event, error) {
	events, err := decodeEvents(value)
	for i := range events {
		events[i].BodyUnread = true
	}
	return events, err
}

// decodeEvent reads one event.
func decodeEvent(text json.RawMessage) (calendar.Event, error) {
	events, err := decodeEvents(slices.Concat([]byte("["), text, []byte("]")))
	if err != nil {
		return calendar.Event{}, err
	}
	if len(events) != 1 {
		return calendar.Event{}, fault.New(fault.Internal, "the answer of Microsoft 365 is no event")
	}
	return events[0], nil
}

const (
	// fewBodies is how many bodies are asked for one by one, in batches. Each costs the service as much as a page of a window does.
	fewBodies = 2 * batchSize
	// bodiesPerPage keeps a page of texts within the memory of a small function, and a window of a thousand within five round trips.
	bodiesPerPage int32 = 200
)

// Bodies reads few bodies in batches, and many with the window that they are in. Those that are refused by their ids, for a moment or for good, are
// read with the window, and those that this does not show by their ids once more.
func (p *Provider) Bodies(ctx context.Context, account, calendarID string, ids []string, from, to time.Time) (map[string]calendar.Body, error) {
	ids = unique(ids)
	bodies := make(map[string]calendar.Body, len(ids))
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, there := bodies[id]; return there })
	}
	byID := func() error {
		query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: []string{"id", "body"}}
		return p.byID(ctx, account, calendarID, missing(), query, func(id string, e *calendar.Event) {
			if !e.Withheld {
				bodies[id] = e.Body
			}
		})
	}
	window := func() error { return p.windowBodies(ctx, account, calendarID, missing(), from, to, bodies) }
	ways := []func() error{byID, window, byID}
	if len(ids) > fewBodies {
		ways = []func() error{window, byID}
	}
	for _, read := range ways {
		if len(missing()) == 0 {
			break
		}
		if err := read(); err != nil {
			return nil, fmt.Errorf("read texts of events: %w", err)
		}
	}
	return bodies, nil
}

// windowBodies puts those of the bodies into bodies that the window has. Days that cannot be read have none.
func (p *Provider) windowBodies(ctx context.Context, account, calendarID string, ids []string, from, to time.Time, bodies map[string]calendar.Body) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	_, err = p.windows(ctx, from, to, func(from, to time.Time) error {
		query := users.ItemCalendarsItemCalendarViewRequestBuilderGetQueryParameters{
			StartDateTime: new(from.UTC().Format(time.RFC3339)), EndDateTime: new(to.UTC().Format(time.RFC3339)),
			Select: []string{"id", "body"}, Top: new(min(p.pageSize, bodiesPerPage)),
		}
		return p.pages(ctx, account, get(cal.CalendarView().BaseRequestBuilder, query), func(value json.RawMessage) error {
			page, err := decodeEvents(value)
			if err != nil {
				return err
			}
			for _, e := range page {
				if wanted[e.ID] {
					bodies[e.ID] = e.Body
				}
			}
			return nil
		})
	})
	return err
}

// byID reads those of the events that are there. Those that are refused are Withheld.
func (p *Provider) byID(ctx context.Context, account, calendarID string, ids []string,
	query users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters, each func(id string, e *calendar.Event)) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	var steps []step
	ids = unique(ids)
	for _, id := range ids {
		steps = append(steps, step{RequestInformation: get(cal.Events().ByEventId(id).BaseRequestBuilder, query)})
	}
	return p.readEach(ctx, account, ids, steps, each)
}

// readEach reads those of the events that are there, each of which has an id and a step. Those that are refused are Withheld.
func (p *Provider) readEach(ctx context.Context, account string, ids []string, steps []step, each func(id string, e *calendar.Event)) error {
	return p.reads(ctx, account, steps, func(first int, answers []answer) error {
		for i, a := range answers {
			id := ids[first+i]
			switch {
			case a.err != nil && fault.Of(a.err) == fault.NotFound:
				continue
			case a.err != nil && (fault.Of(a.err) == fault.Forbidden || corrupt(a.err)):
				each(id, &calendar.Event{ID: id, Withheld: true})
				continue
			case a.err != nil:
				return a.err
			}
			e, err := decodeEvent(a.body)
			if err != nil {
				return err
			}
			each(id, &e)
		}
		return nil
	})
}

// Anywhere reads those of the events that are in the mailbox, in whatever calendar, without their bodies: ids are immutable, and stay when an event is
// moved to another calendar. Those that are refused are Withheld.
func (p *Provider) Anywhere(ctx context.Context, account string, ids []string) (map[string]calendar.Event, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return nil, err
	}
	ids = unique(ids)
	steps := make([]step, len(ids))
	for i, id := range ids {
		query := users.ItemEventsEventItemRequestBuilderGetQueryParameters{Select: light, Expand: withMark}
		steps[i] = step{RequestInformation: get(user.Events().ByEventId(id).BaseRequestBuilder, query)}
	}
	found := map[string]calendar.Event{}
	err = p.readEach(ctx, account, ids, steps, func(id string, e *calendar.Event) {
		e.BodyUnread = !e.Withheld
		found[id] = *e
	})
	if err != nil {
		return nil, fmt.Errorf("find events in the mailbox: %w", err)
	}
	return found, nil
}

// Find reads those of the events that are there, without their bodies.
func (p *Provider) Find(ctx context.Context, account, calendarID string, ids []string) (map[string]calendar.Event, error) {
	found := make(map[string]calendar.Event, len(ids))
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: light, Expand: withMark}
	err := p.byID(ctx, account, calendarID, ids, query, func(id string, e *calendar.Event) {
		e.BodyUnread = !e.Withheld
		found[id] = *e
	})
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	return found, nil
}

// unique returns what there is in list but the empty text, each once.
func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}

// reads sends any number of steps that only read, one batch after the other, and hands each batch's answers to each, with the index of the first
// of them. When an answer is an error that may pass, a patient Provider repeats that step alone; any other fails the reading, with the one of
// these errors that asks for the longest wait.
func (p *Provider) reads(ctx context.Context, account string, steps []step, each func(first int, answers []answer) error) error {
	budget, err := p.budget(ctx, account)
	if err != nil {
		return err
	}
	for first := 0; first < len(steps); first += batchSize {
		some := steps[first:min(first+batchSize, len(steps))]
		answers := make([]answer, len(some))
		open := make([]int, len(some)) // those without an answer that stays
		for i := range open {
			open[i] = i
		}
		err := p.persist(ctx, func() (further bool, err error) {
			for len(open) > 0 {
				now := open[:min(budget.together(), len(open))]
				asked := make([]step, len(now))
				for i, at := range now {
					asked[i] = some[at]
				}
				got, err := p.batch(ctx, account, asked)
				if err != nil {
					return further, err
				}
				var failed []int
				for i, at := range now {
					answers[at] = got[i]
					if failure := got[i].err; failure != nil && fault.Of(failure).Transient() {
						failed, err = append(failed, at), slower(err, failure)
					}
				}
				further = further || len(failed) < len(now)
				if open = append(failed, open[len(now):]...); err != nil {
					return further, err
				}
			}
			return further, nil
		})
		if err != nil {
			return err
		}
		if err := each(first, answers); err != nil {
			return err
		}
	}
	return nil
}

// Marked finds copies of ours by their marks, one request of a batch for each. Of two with one mark it returns the older one. A service that does not
// filter by marks, or finds nothing by them, or what other calendars have, is not believed: then the calendar's marks are listed.
func (p *Provider) Marked(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error) {
	marks = unique(marks)
	if len(marks) == 0 {
		return map[string]calendar.Event{}, nil
	}
	budget, err := p.budget(ctx, account)
	if err != nil {
		return nil, err
	}
	var found map[string]calendar.Event
	if budget.filters() != filterUseless {
		if found, err = p.filtered(ctx, account, calendarID, marks); err != nil {
			return nil, fmt.Errorf("find our copies: %w", err)
		}
	}
	if len(found) > 0 {
		budget.learnFilter(filterWorks)
	}
	if budget.filters() == filterWorks {
		return found, nil
	}
	found, err = p.listed(ctx, account, calendarID, marks)
	if err != nil {
		return nil, fmt.Errorf("find our copies: %w", err)
	}
	return found, nil
}

// filtered finds copies by a filter. None is found where the service refuses that.
func (p *Provider) filtered(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	budget, err := p.budget(ctx, account)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, mark := range marks {
		query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{
			Filter: new("singleValueExtendedProperties/Any(ep: ep/id eq '" + markProperty + "' and ep/value eq '" + strings.ReplaceAll(mark, "'", "''") + "')"),
			Select: light, Expand: withMark, Top: new(int32(10)),
		}
		steps = append(steps, step{RequestInformation: get(cal.Events().BaseRequestBuilder, query)})
	}
	hits := map[string]calendar.Event{}
	err = p.reads(ctx, account, steps, func(_ int, answers []answer) error {
		for _, a := range answers {
			if refused := new(Failure); errors.As(a.err, &refused) && refused.Status == http.StatusBadRequest && fault.Of(a.err) == fault.Invalid {
				budget.learnFilter(filterUseless)
				continue
			}
			if a.err != nil {
				return a.err
			}
			var page struct {
				Value json.RawMessage `json:"value"`
			}
			if err := readJSON(a.body, &page); err != nil {
				return err
			}
			if len(page.Value) == 0 {
				return fault.New(fault.Unavailable, "the answer of Microsoft 365 is no listing")
			}
			events, err := decodeLight(page.Value)
			if err != nil {
				return err
			}
			for _, e := range events {
				hits[e.ID] = e
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.carrying(ctx, account, calendarID, marks, hits)
}

// listed finds copies among the marks of the whole calendar, and finds out by one of these whether a filter finds it.
func (p *Provider) listed(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error) {
	hits := map[string]calendar.Event{}
	any := ""
	err := p.marked(ctx, account, calendarID, func(e calendar.Event) error {
		if _, wanted := slices.BinarySearch(marks, e.Mark); wanted {
			hits[e.ID] = e
		}
		any = cmp.Or(any, e.Mark)
		return nil
	})
	if err != nil {
		return nil, err
	}
	budget, err := p.budget(ctx, account)
	if err != nil {
		return nil, err
	}
	if any != "" && budget.filters() == filterUnknown {
		known, err := p.filtered(ctx, account, calendarID, []string{any})
		switch {
		case err != nil:
			return nil, err
		case len(known) > 0:
			budget.learnFilter(filterWorks)
		default:
			budget.learnFilter(filterUseless)
		}
	}
	return p.carrying(ctx, account, calendarID, marks, hits)
}

// carrying returns by mark those of the hits that are in the calendar, and of two with one mark the older one. One that is listed and refused by its id is
// as the listing shows it.
func (p *Provider) carrying(
	ctx context.Context, account, calendarID string, marks []string, hits map[string]calendar.Event,
) (map[string]calendar.Event, error) {
	found := map[string]calendar.Event{}
	there, err := p.Find(ctx, account, calendarID, slices.Sorted(maps.Keys(hits)))
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		e := there[id]
		if e.Mark == "" {
			e = hits[id]
		}
		other, twice := found[e.Mark]
		if _, wanted := slices.BinarySearch(marks, e.Mark); wanted && (!twice || e.Created.Before(other.Created)) {
			found[e.Mark] = e
		}
	}
	return found, nil
}

// Marks reads the calendar's events without what is in them, in the largest pages that there are.
func (p *Provider) Marks(ctx context.Context, account, calendarID string, each func(id, mark string) error) error {
	return p.marked(ctx, account, calendarID, func(e calendar.Event) error { return each(e.ID, e.Mark) })
}

// marked hands every event by itself and every series to each, with its id, its mark and when it was made, and without a body.
func (p *Provider) marked(ctx context.Context, account, calendarID string, each func(calendar.Event) error) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{
		Select: []string{"id", "createdDateTime"}, Expand: withMark, Top: new(int32(maxPageSize)),
	}
	var stopped error
	err = p.pages(ctx, account, get(cal.Events().BaseRequestBuilder, query), func(value json.RawMessage) error {
		events, err := decodeLight(value)
		if err != nil {
			return err
		}
		for _, e := range events {
			if stopped = each(e); stopped != nil {
				return stopped
			}
		}
		return nil
	})
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		return fmt.Errorf("read the marks of events: %w", err)
	}
	return nil
}
