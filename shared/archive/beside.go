package archive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Beside is one appointment as the source calendar and the archive have it.
type Beside struct {
	Key     string
	EventID string
	// Outcome is what a run would make of it now: Archived is not archived yet. Reason and By say more, as in a plan.
	Outcome  Outcome
	Reason   string
	By       string // subject of the event that won, merged or absorbed it; empty: none, or it is not among these
	Decision string // id of the decision that made it so
	Issues   []string
	// Source is what the calendar has, Archive what the archive has; nil: nothing. One of them is there.
	Source, Archive *calendar.Appointment
	// Version is the newest of the ledger; 0: it has none.
	Version int
}

// Stands is what counts: what the archive has, else what the calendar has.
func (b *Beside) Stands() *calendar.Appointment {
	if b.Archive != nil {
		return b.Archive
	}
	return b.Source
}

// Compare returns what a source calendar and the archive of a config have in a window, by start. events are those of the source that overlap the window;
// where they cannot be read, AsSeen tells what runs saw. Nothing is written, and no lease is taken. It takes a handful of requests, whatever there is on
// other days.
//
// A text of an event that its listing leaves out counts as what the ledger has: only a run reads it.
func (e *Engine) Compare(ctx context.Context, user string, c *Config, w calendar.Window, events []calendar.Event) ([]Beside, error) {
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	a, err := e.looking(ctx, user, c, w)
	if err != nil {
		return nil, err
	}
	s := &survey{attempt: a, settings: settings, window: w, events: slices.Clone(events)}
	s.events = slices.DeleteFunc(s.events, func(e calendar.Event) bool { return !w.Holds(&e) })
	if err := s.findMoved(ctx); err != nil {
		return nil, err
	}
	s.assumeBodies()
	decisions, err := a.decisions(ctx, nil)
	if err != nil {
		return nil, err
	}
	s.plan = NewPlan(Input{
		Events: s.events, Window: w, Settings: settings, Standing: a.books.standing(), Copies: a.books.copies(), Decisions: decisions, Locks: a.books.head.Locks,
	})
	return s.beside(), nil
}

// looking is an attempt at nothing, that knows what the ledger has of a window.
func (e *Engine) looking(ctx context.Context, user string, c *Config, w calendar.Window) (*Attempt, error) {
	table := &store.Counter{Table: e.Table}
	l := ledger.New(table, e.Blobs, e.Signer)
	head, err := l.Head(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	a := &Attempt{Engine: e, table: table, run: &run.Run{User: user}, config: *c, books: books{
		ledger: l, config: c.ID, head: head, newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{}, copied: map[string]bool{},
	}}
	entries, err := l.Range(ctx, c.ID, w.Start().Add(-head.Longest), w.End())
	if err != nil {
		return nil, err
	}
	a.books.remember(entries)
	return a, nil
}

// findMoved reads what the ledger has of the events on other days, from which they may have moved here.
func (s *survey) findMoved(ctx context.Context) error {
	var lineages []string
	for i := range s.events {
		e := &s.events[i]
		start, err := e.Start.Instant(s.settings.Zone)
		if key := sourceKey(e, start); err == nil && s.attempt.books.newest[key] == nil {
			lineages = append(lineages, ledger.Lineage(e, key))
		}
	}
	if len(lineages) == 0 {
		return nil
	}
	_, err := s.attempt.books.find(ctx, lineages)
	return err
}

// assumeBodies gives events that were listed without their texts the digests that the ledger has.
func (s *survey) assumeBodies() {
	byID := s.bySource()
	for i := range s.events {
		e := &s.events[i]
		if k := byID[e.ID]; k != nil && e.BodyUnread {
			e.BodyDigest, e.BodyUnread = k.BodyDigest, false
		}
	}
}

// beside makes the pairs of the plan.
func (s *survey) beside() []Beside {
	subjects := map[string]string{}
	for i := range s.events {
		subjects[s.events[i].ID] = s.events[i].Subject
	}
	var all []Beside
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		b := Beside{
			Key: it.Key, EventID: it.EventID, Outcome: it.Outcome, Reason: it.Reason, By: subjects[it.By], Decision: it.Decision, Issues: it.Issues,
		}
		held := s.attempt.books.newest[it.Key]
		if held != nil {
			b.Version = held.Version
			if held.Outcome == ledger.Archived {
				b.Archive = &held.Appointment
			}
		}
		if it.Event != nil {
			if read, err := readAppointment(it.Event, s.settings); err == nil {
				b.Source = &read
			} else {
				b.Source = &it.Appointment
			}
		}
		if it.Outcome == Excluded && it.Reason == ReasonOutsideWindow { // it began before, and was planned with its own day
			if held == nil {
				b.Outcome, b.Reason = Archived, ""
			} else if b.Outcome, b.Reason = outcomeOf(held), held.Reason; b.Outcome == Unchanged && !sameSource(held.SourceHash, it.Hash) {
				b.Outcome = Drifted
			}
		}
		if b.Stands() == nil || it.Outcome == Excluded && (it.Reason == ReasonOwnCopy || it.Reason == ReasonSeriesMaster) {
			continue
		}
		all = append(all, b)
	}
	return append(all, s.attempt.reaching(s.window, all)...)
}

// reaching returns what the archive has that began before the window, reaches into it, and is not among those that the source has.
func (a *Attempt) reaching(w calendar.Window, found []Beside) []Beside {
	known := map[string]bool{}
	for i := range found {
		known[found[i].Key] = true
	}
	var all []Beside
	for _, e := range a.books.newest {
		b := asKept(e, w)
		if b != nil && !known[b.Key] && b.Archive != nil && b.Archive.Start.Before(w.Start()) {
			if b.Source = nil; b.Outcome != Created { // the source would have it otherwise
				b.Outcome = Vanished
			}
			all = append(all, *b)
		}
	}
	slices.SortFunc(all, byStart)
	return all
}

// outcomeOf is what a plan would call what the ledger has.
func outcomeOf(e *ledger.Entry) Outcome {
	switch e.Outcome {
	case ledger.Archived:
		if e.Source.ID == "" {
			return Created
		}
		return Unchanged
	case ledger.Conflicted:
		return Conflicted
	}
	return Superseded
}

// SourceEvents returns the events of a config's source calendar that overlap a window. With an error that is a *calendar.Unread they are all that could
// be read.
func SourceEvents(ctx context.Context, p interface {
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
	Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error)
}, c *Config, w calendar.Window) ([]calendar.Event, error) {
	infos, err := p.Calendars(ctx, c.Source.Account)
	if err != nil {
		return nil, fmt.Errorf("find the source calendar: %w", err)
	}
	info, err := calendar.Pick(infos, c.Source)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, fmt.Errorf("find the source calendar: %w", err))
	}
	events, err := p.Events(ctx, c.Source.Account, info.ID, w.Start(), w.End())
	if err != nil {
		err = fmt.Errorf("read the source calendar: %w", err)
	}
	return events, err
}
