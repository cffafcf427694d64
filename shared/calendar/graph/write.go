package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// writing is some events to be written, and what became of each.
type writing struct {
	account string
	steps   []step
	of      []int // which result each step is for
	results []calendar.WriteResult
}

func (w *writing) add(result int, s step) {
	w.steps, w.of = append(w.steps, s), append(w.of, result)
}

// run sends the steps in batches. A failure of a batch as a whole that is worth another attempt is the result of what it held, and of all that would
// have come after it, if an earlier batch was answered. Every other failure as a whole is the error: then nothing is known about any event.
func (w *writing) run(ctx context.Context, p *Provider) error {
	done, err := p.batches(ctx, w.account, w.steps, func(first int, answers []answer) error {
		for i, a := range answers {
			w.results[w.of[first+i]] = result(a)
		}
		return nil
	})
	if err != nil && (done == 0 || !fault.Of(err).Transient()) {
		return err
	}
	for _, i := range w.of[done:] {
		w.results[i] = calendar.WriteResult{Err: err}
	}
	return nil
}

// inUTC writes once more, with their times in UTC, events whose time zone the mailbox does not know: the name of a zone is of no account for an event by
// itself or an instance. A series repeats on the clocks of its zone, so it stays refused. of returns the draft of a result and the request for it.
func (w *writing) inUTC(ctx context.Context, p *Provider, of func(i int) (*calendar.Draft, *kiota.RequestInformation)) error {
	again := &writing{account: w.account, results: w.results}
	for i, r := range w.results {
		if r.Err == nil || !unknownZone(r.Err) {
			continue
		}
		draft, request := of(i)
		if draft.Recurrence != nil {
			continue
		}
		body, size, err := payload(draft)
		if err != nil {
			return err
		}
		for _, name := range []string{"start", "end"} {
			d := body[name].(calendar.DateTime)
			if at, err := d.Instant(nil); err == nil && !draft.AllDay {
				d.Local = at.Format(wallTime)
			}
			d.Zone = "UTC"
			body[name] = d
		}
		if request.Method == kiota.PATCH {
			delete(body, "transactionId")
		}
		again.add(i, step{RequestInformation: request, body: body, size: size})
	}
	if len(again.steps) == 0 {
		return nil
	}
	err := again.run(ctx, p)
	if err != nil && fault.Of(err).Transient() { // the first writing is known, and these are to be tried again
		for _, i := range again.of {
			w.results[i] = calendar.WriteResult{Err: err}
		}
		return nil
	}
	return err
}

// result is what an answer says about its event. A deleted event's answer has no body.
func result(a answer) calendar.WriteResult {
	if a.err != nil || len(a.body) == 0 || string(a.body) == "null" {
		return calendar.WriteResult{Err: a.err}
	}
	var event struct {
		ID        string `json:"id"`
		ChangeKey string `json:"changeKey"`
	}
	if err := readJSON(a.body, &event); err != nil {
		return calendar.WriteResult{Err: err}
	}
	return calendar.WriteResult{ID: event.ID, ChangeKey: event.ChangeKey}
}

// Create writes new events. A draft whose transaction id was used before answers for the event that has it, if that carries the draft's mark; what
// of it differs is put right as far as the service accepts that, but for a series, which would lose its exceptions. If it does not carry it, the
// draft's result is a Conflict.
func (p *Provider) Create(ctx context.Context, account, calendarID string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	w := &writing{account: account, results: make([]calendar.WriteResult, len(drafts))}
	for i := range drafts {
		body, size, err := payload(&drafts[i])
		if err != nil {
			w.results[i].Err = err
			continue
		}
		w.add(i, step{RequestInformation: request(kiota.POST, cal.Events().BaseRequestBuilder), body: body, size: size})
	}
	if err := w.run(ctx, p); err != nil {
		return nil, fmt.Errorf("create events: %w", err)
	}
	err = w.inUTC(ctx, p, func(i int) (*calendar.Draft, *kiota.RequestInformation) {
		return &drafts[i], request(kiota.POST, cal.Events().BaseRequestBuilder)
	})
	if err != nil {
		return nil, fmt.Errorf("create events: %w", err)
	}
	for i := range w.results {
		if r := &w.results[i]; r.Err == nil && r.ID == "" {
			r.Err = fault.New(fault.Unavailable, "Microsoft 365 did not say which event it made")
		}
	}
	if err := p.settle(ctx, account, calendarID, drafts, w.results); err != nil {
		return nil, fmt.Errorf("create events: %w", err)
	}
	return w.results, nil
}

// settle finds out about the drafts whose transaction id was used before: by their marks, else by the event that the answer named.
func (p *Provider) settle(ctx context.Context, account, calendarID string, drafts []calendar.Draft, results []calendar.WriteResult) error {
	type repeat struct {
		index    int
		existing string
	}
	var repeats []repeat
	var marks []string
	for i, r := range results {
		if f := new(Failure); errors.As(r.Err, &f) && strings.EqualFold(f.Code, codeDuplicate) {
			repeats = append(repeats, repeat{i, f.existing})
			marks = append(marks, drafts[i].Mark)
		}
	}
	if len(repeats) == 0 {
		return nil
	}
	// later leaves it to another attempt, unless that would fail as this one did.
	later := func(err error) error {
		if !fault.Of(err).Transient() {
			return err
		}
		for _, r := range repeats {
			results[r.index] = calendar.WriteResult{Err: err}
		}
		return nil
	}
	found, err := p.Marked(ctx, account, calendarID, marks)
	if err != nil {
		return later(err)
	}
	var named []string
	for _, r := range repeats {
		if _, ok := found[drafts[r.index].Mark]; !ok {
			named = append(named, r.existing)
		}
	}
	query := users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{Select: []string{"id", "changeKey"}, Expand: withMark}
	err = p.byID(ctx, account, calendarID, named, query, func(_ string, e *calendar.Event) {
		if e.Mark != "" {
			found[e.Mark] = *e
		}
	})
	if err != nil {
		return later(err)
	}
	var updates []calendar.Update
	var of []int
	for _, r := range repeats {
		switch e, ours := found[drafts[r.index].Mark]; {
		case !ours:
		case drafts[r.index].Recurrence != nil:
			results[r.index] = calendar.WriteResult{ID: e.ID, ChangeKey: e.ChangeKey}
		default:
			updates, of = append(updates, calendar.Update{ID: e.ID, Draft: drafts[r.index]}), append(of, r.index)
		}
	}
	updated, err := p.Update(ctx, account, calendarID, updates)
	if err != nil {
		return later(err)
	}
	for i, r := range updated {
		if r.Err != nil && !fault.Of(r.Err).Transient() { // refused for good: it is there all the same, as the earlier create made it
			r = calendar.WriteResult{ID: updates[i].ID}
		}
		results[of[i]] = r
	}
	return nil
}

// Update replaces events by drafts, all of what a draft has.
func (p *Provider) Update(ctx context.Context, account, calendarID string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	w := &writing{account: account, results: make([]calendar.WriteResult, len(updates))}
	for i := range updates {
		body, size, err := payload(&updates[i].Draft)
		if err == nil && updates[i].ID == "" {
			err = fault.Field("id", "is missing")
		}
		if err != nil {
			w.results[i].Err = err
			continue
		}
		delete(body, "transactionId") // which is of the event's making
		w.add(i, step{RequestInformation: request(kiota.PATCH, cal.Events().ByEventId(updates[i].ID).BaseRequestBuilder), body: body, size: size})
	}
	if err := w.run(ctx, p); err != nil {
		return nil, fmt.Errorf("update events: %w", err)
	}
	err = w.inUTC(ctx, p, func(i int) (*calendar.Draft, *kiota.RequestInformation) {
		return &updates[i].Draft, request(kiota.PATCH, cal.Events().ByEventId(updates[i].ID).BaseRequestBuilder)
	})
	if err != nil {
		return nil, fmt.Errorf("update events: %w", err)
	}
	for i := range w.results {
		if r := &w.results[i]; r.Err == nil && r.ID == "" {
			r.ID = updates[i].ID
		}
	}
	return w.results, nil
}

// Delete removes events.
func (p *Provider) Delete(ctx context.Context, account, calendarID string, ids []string) ([]calendar.WriteResult, error) {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return nil, err
	}
	w := &writing{account: account, results: make([]calendar.WriteResult, len(ids))}
	for i, id := range ids {
		if id == "" {
			continue
		}
		w.add(i, step{RequestInformation: request(kiota.DELETE, cal.Events().ByEventId(id).BaseRequestBuilder)})
	}
	if err := w.run(ctx, p); err != nil {
		return nil, fmt.Errorf("delete events: %w", err)
	}
	for i := range w.results {
		r := &w.results[i]
		if errors.Is(r.Err, calendar.ErrNotFound) {
			r.Err = nil
		}
		if r.Err == nil {
			*r = calendar.WriteResult{ID: ids[i]}
		}
	}
	return w.results, nil
}
