package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// AsSeen returns what a source calendar and the archive of a config have in a window, by start, as far as it can be told without the source: what r, the
// newest archive run of these days, made of each event, and what the ledger has had since. r may be nil: then the ledger alone is asked, and of what it
// does not have nothing is known. Nothing is written, and no lease is taken.
//
// The run's items are in the order of their starts, so that those of a day are found by halves: it takes a handful of requests and the pages of these days,
// whatever there is on other days.
func (e *Engine) AsSeen(ctx context.Context, user string, c *Config, w calendar.Window, r *run.Run) ([]Beside, error) {
	a, err := e.looking(ctx, user, c, w)
	if err != nil {
		return nil, err
	}
	all := map[string]*Beside{}
	for _, e := range a.books.newest {
		if b := asKept(e, w); b != nil {
			all[e.Key] = b
		}
	}
	if r != nil {
		items, err := seenItems(ctx, run.NewStore(a.table), r, w.Start().Add(-a.books.head.Longest), w.End())
		if err != nil {
			return nil, err
		}
		subjects := map[string]string{}
		for i := range items {
			subjects[items[i].EventID] = items[i].Appointment.Subject
		}
		for i := range items {
			it := &items[i]
			if held := a.books.newest[it.Key]; held != nil && held.Run != r.ID && held.Time.After(r.Created) {
				continue // decided, or seen otherwise, since
			}
			see(it, all, w, subjects)
		}
	}
	pairs := make([]Beside, 0, len(all))
	for _, b := range all {
		pairs = append(pairs, *b)
	}
	slices.SortFunc(pairs, byStart)
	return pairs, nil
}

func byStart(a, b Beside) int {
	return cmp.Or(a.Stands().Start.Compare(b.Stands().Start), strings.Compare(a.Key, b.Key))
}

// touches says whether an appointment is in a window, in part or whole.
func touches(at *calendar.Appointment, w calendar.Window) bool {
	return at.Start.Before(w.End()) && (at.End.After(w.Start()) || !at.Start.Before(w.Start()))
}

// asKept is the pair of what the ledger has: what the calendar had when a run looked; nil: it is of other days, or nothing any more.
func asKept(e *ledger.Entry, w calendar.Window) *Beside {
	at := &e.Appointment
	if !touches(at, w) || e.Outcome == ledger.Withdrawn {
		return nil
	}
	b := &Beside{Key: e.Key, EventID: e.Source.ID, Outcome: outcomeOf(e), Reason: e.Reason, Decision: e.Decision, Version: e.Version}
	source := SourceOf(e)
	b.Source = &source
	if e.Outcome == ledger.Archived {
		if b.Archive = at; b.Outcome == Created {
			b.Source = nil
		}
	}
	return b
}

// see adds to the pairs by their keys what a run made of an event. subjects are those of the run's events.
func see(it *itemJSON, all map[string]*Beside, w calendar.Window, subjects map[string]string) {
	b := all[it.Key]
	switch it.Outcome {
	case Unchanged, Archived, Created:
		return // the ledger has it
	case Vanished:
		if b != nil && b.Archive != nil {
			b.Outcome, b.Source = Vanished, nil
		}
		return
	case Drifted:
		if b == nil && touches(&it.Appointment, w) {
			b = &Beside{Key: it.Key, EventID: it.EventID}
			all[it.Key] = b
		}
		if b != nil {
			b.Outcome, b.Source = Drifted, &it.Appointment
		}
		return
	}
	if b != nil || !touches(&it.Appointment, w) || it.Key == "" {
		return
	}
	all[it.Key] = &Beside{
		Key: it.Key, EventID: it.EventID, Outcome: it.Outcome, Reason: it.Reason, By: subjects[it.By], Decision: it.Decision, Issues: it.Issues,
		Source: &it.Appointment,
	}
}

// seenItems returns the items of an archive run that start from an instant on and before another one.
func seenItems(ctx context.Context, runs *run.Store, r *run.Run, from, until time.Time) ([]itemJSON, error) {
	read := map[int][]itemJSON{}
	page := func(n int) ([]itemJSON, error) {
		if items, ok := read[n]; ok {
			return items, nil
		}
		stored, err := runs.Items(ctx, r, n)
		if err != nil {
			return nil, err
		}
		items := make([]itemJSON, len(stored))
		for i := range stored {
			if err := json.Unmarshal(stored[i].Plan, &items[i]); err != nil {
				return nil, fault.New(fault.Malformed, "item %s of run %s is unreadable: %v", stored[i].Key, r.ID, err)
			}
		}
		read[n] = items
		return items, nil
	}
	first, beyond := 0, r.Pages // the wanted items begin on the page first or a later one, and before the page beyond
	for beyond-first > 1 {
		middle := (first + beyond) / 2
		items, err := page(middle)
		if err != nil {
			return nil, fmt.Errorf("find items: %w", err)
		}
		if len(items) > 0 && items[0].Appointment.Start.Before(from) {
			first = middle
		} else {
			beyond = middle
		}
	}
	var found []itemJSON
	for n := first; n < r.Pages; n++ {
		items, err := page(n)
		if err != nil {
			return nil, fmt.Errorf("read items: %w", err)
		}
		for i := range items {
			switch start := items[i].Appointment.Start; {
			case !start.Before(until):
				return found, nil
			case !start.Before(from):
				found = append(found, items[i])
			}
		}
	}
	return found, nil
}
