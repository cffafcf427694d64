package archive_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// expect compares what was told with what is wanted.
func expect(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (- wanted, + got):\n%s", what, diff)
	}
}

// head is the end of the config's ledger.
func (w *world) head(id string) ledger.Head {
	w.t.Helper()
	head, err := ledger.New(w.Table, w.Blobs, w.Key).Head(w.t.Context(), id)
	must(w.t, err)
	return head
}

// entries are all that the config's ledger has, by start, key and version.
func (w *world) entries(id string) []ledger.Entry {
	w.t.Helper()
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(w.t.Context(), id, from, from.AddDate(10, 0, 0))
	must(w.t, err)
	return entries
}

// versions are the entries about a subject, the oldest first.
func (w *world) versions(id, subject string) []ledger.Entry {
	w.t.Helper()
	of := slices.DeleteFunc(w.entries(id), func(e ledger.Entry) bool { return e.Appointment.Subject != subject })
	slices.SortStableFunc(of, func(a, b ledger.Entry) int { return a.Version - b.Version })
	return of
}

// again reads a run as its next worker does.
func (w *world) again(id string) *run.Run {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	return r
}

// rewrite changes an event of the source.
func (w *world) rewrite(id string, change func(*calendar.Draft)) {
	w.t.Helper()
	found, err := w.calendar.Find(w.t.Context(), "me", w.source.ID, []string{id})
	must(w.t, err)
	e := found[id]
	d := calendar.Draft{
		Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location, Categories: e.Categories, ShowAs: e.ShowAs,
		Importance: e.Importance, Sensitivity: e.Sensitivity,
	}
	change(&d)
	results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: d}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

// wired is a provider of which a test watches, or gets in the way of, some requests. What is nil goes through.
type wired struct {
	calendar.Provider
	listed   func(account string, list []calendar.Info) []calendar.Info
	event    func(e *calendar.Event) // of each that is listed
	bodies   func(ids []string)
	creating func(drafts []calendar.Draft) error // before they are; an error is that of all of them
	updating func(updates []calendar.Update) error
	looking  func()                       // for marks
	made     func(uri calendar.URI) error // instead of making a calendar; then it is made
}

func (p wired) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	list, err := p.Provider.Calendars(ctx, account)
	if err == nil && p.listed != nil {
		list = p.listed(account, list)
	}
	return list, err
}

func (p wired) Events(ctx context.Context, account, id string, from, to time.Time) ([]calendar.Event, error) {
	events, err := p.Provider.Events(ctx, account, id, from, to)
	for i := range events {
		if p.event != nil {
			p.event(&events[i])
		}
	}
	return events, err
}

func (p wired) Bodies(ctx context.Context, account, id string, ids []string, from, to time.Time) (map[string]calendar.Body, error) {
	if p.bodies != nil {
		p.bodies(ids)
	}
	return p.Provider.Bodies(ctx, account, id, ids, from, to)
}

func (p wired) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	if p.creating != nil {
		if err := p.creating(drafts); err != nil {
			return nil, err
		}
	}
	return p.Provider.Create(ctx, account, id, drafts)
}

func (p wired) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	if p.updating != nil {
		if err := p.updating(updates); err != nil {
			return nil, err
		}
	}
	return p.Provider.Update(ctx, account, id, updates)
}

func (p wired) Marked(ctx context.Context, account, id string, marks []string) (map[string]calendar.Event, error) {
	if p.looking != nil {
		p.looking()
	}
	return p.Provider.Marked(ctx, account, id, marks)
}

func (p wired) CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	if p.made != nil {
		if err := p.made(uri); err != nil {
			return calendar.Info{}, err
		}
	}
	return p.Provider.CreateCalendar(ctx, uri)
}

// tired returns a provider that creates so many times, and then wants to be left alone for hours.
func tired(p calendar.Provider, times int) calendar.Provider {
	return wired{Provider: p, creating: func([]calendar.Draft) error {
		if times--; times < 0 {
			return fault.Wrap(fault.Throttled, throttled{2 * time.Hour})
		}
		return nil
	}}
}
