package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// backUp makes a backup of a calendar and returns its id.
func (w *world) backUp(u calendar.URI) string {
	w.t.Helper()
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Backup, Calendar: u.String(), Input: []byte(`{}`), State: run.Queued, Created: w.Now()}
	_, _, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	b := &backup.Runner{
		Table: w.Table, Blobs: w.Blobs,
		Provider: func(context.Context, string, calendar.URI) (backup.Provider, error) { return w.calendar, nil },
		Zone:     func(context.Context, string, string) (*time.Location, error) { return time.UTC, nil },
		Clock:    w.Now, NewID: w.NewID, Software: "test", HandOn: time.Minute,
	}
	must(w.t, b.Run(w.t.Context(), r))
	r, err = run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	if r.State != run.Succeeded {
		w.t.Fatalf("backup: %s %+v", r.State, r.Problem)
	}
	var result backup.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	return result.ID
}

func (w *world) drill(t store.Table, b blob.Blob, p calendar.Provider) *restore.Drill {
	return &restore.Drill{Runner: *w.runner(t, b, p), Backups: backup.New(t, b)}
}

func (w *world) startDrill() *run.Run {
	w.t.Helper()
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Drill, Calendar: uri("Work").String(), State: run.Queued, Created: w.Now()}
	_, _, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	return r
}

func (w *world) drilled(id string) (*run.Run, restore.DrillResult) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result restore.DrillResult
	if len(r.Result) > 0 {
		must(w.t, json.Unmarshal(r.Result, &result))
	}
	return r, result
}

// calendars returns the names of all calendars.
func (w *world) calendars() (names []string) {
	w.t.Helper()
	list, err := w.calendar.Calendars(w.t.Context(), "me")
	must(w.t, err)
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

// notes returns how many scratch calendars are noted.
func (w *world) notes() int {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.Table, store.Query{PK: "USER#" + user, Prefix: "SCRATCH#"})
	must(w.t, err)
	return len(items)
}

// working fills the calendar "Work" and backs it up.
func (w *world) working() string {
	w.t.Helper()
	w.make(uri("Work"))
	must(w.t, w.importing("Work", everything().things...))
	return w.backUp(uri("Work"))
}

func TestDrill(t *testing.T) {
	t.Run("a backup that restores passes, and nothing stays behind", func(t *testing.T) {
		w := newWorld(t)
		id := w.working()
		r := w.startDrill()
		must(t, w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), r))
		r, result := w.drilled(r.ID)
		if r.State != run.Succeeded || result.Backup != id || result.Compared != 6 || result.Differing != 0 || result.Restored.Created != 6 {
			t.Errorf("%s %+v %+v", r.State, result, r.Problem)
		}
		if diff := cmp.Diff([]string{"Work"}, w.calendars()); diff != "" || w.notes() != 0 {
			t.Errorf("%d notes, calendars %s", w.notes(), diff)
		}
	})

	t.Run("every field that a copy does not keep is found", func(t *testing.T) {
		for field, spoil := range map[string]func(*calendar.Draft){
			"subject":     func(d *calendar.Draft) { d.Subject += "!" },
			"body":        func(d *calendar.Draft) { d.Body.Content += "!" },
			"start":       func(d *calendar.Draft) { d.Start = calendar.DateTime{Local: "2026-10-05T07:30:00", Zone: "UTC"} },
			"end":         func(d *calendar.Draft) { d.End = calendar.DateTime{Local: "2026-10-05T09:30:00", Zone: "UTC"} },
			"location":    func(d *calendar.Draft) { d.Location = "" },
			"categories":  func(d *calendar.Draft) { d.Categories = nil },
			"show_as":     func(d *calendar.Draft) { d.ShowAs = calendar.Free },
			"importance":  func(d *calendar.Draft) { d.Importance = calendar.Low },
			"sensitivity": func(d *calendar.Draft) { d.Sensitivity = calendar.Normal },
		} {
			w := newWorld(t)
			w.working()
			r := w.startDrill()
			must(t, w.drill(w.Table, w.Blobs, spoiling{Provider: w.calendar, subject: "Acme", draft: spoil}).Run(t.Context(), r))
			r, result := w.drilled(r.ID)
			if r.State != run.Failed || result.Differing != 1 || len(result.Differences) != 1 || !slices.Equal(result.Differences[0].Fields, []string{field}) {
				t.Errorf("%s: %s %+v", field, r.State, result)
			}
			if r.Problem == nil || !strings.Contains(r.Problem.Detail, "1 of 6") || w.notes() != 0 || len(w.calendars()) != 1 {
				t.Errorf("%s: %+v %v", field, r.Problem, w.calendars())
			}
			if text := fmt.Sprintf("%s %+v", r.Result, r.Problem); strings.Contains(text, "Acme") || strings.Contains(text, "ann@") {
				t.Errorf("%s: the report tells content: %s", field, text)
			}
		}
	})

	t.Run("instances that were not deleted or not changed are found, and copies of nothing", func(t *testing.T) {
		for name, test := range map[string]struct {
			spoil spoiling
			want  []string
		}{
			"a deletion is forgotten": {spoiling{keepDeleted: true}, []string{"instances"}},
			"a change is half":        {spoiling{subject: "Standup moved", draft: func(d *calendar.Draft) { d.Location = "" }}, []string{"exceptions"}},
			"a change is in time": {spoiling{subject: "Standup moved", draft: func(d *calendar.Draft) { d.End = at("2026-10-15T12:00") }},
				[]string{"instances", "exceptions"}},
			"an event is lost": {spoiling{lose: "Acme"}, []string{"missing"}},
		} {
			w := newWorld(t)
			w.working()
			r := w.startDrill()
			test.spoil.Provider = w.calendar
			must(t, w.drill(w.Table, w.Blobs, test.spoil).Run(t.Context(), r))
			r, result := w.drilled(r.ID)
			if r.State != run.Failed || result.Differing != 1 || len(result.Differences) != 1 || !slices.Equal(result.Differences[0].Fields, test.want) {
				t.Errorf("%s: %s %+v", name, r.State, result)
			}
		}
	})

	t.Run("without a backup it says what to do", func(t *testing.T) {
		w := newWorld(t)
		w.make(uri("Work"))
		if err := w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), w.startDrill()); fault.Of(err) != fault.NotFound ||
			!strings.Contains(err.Error(), "backup") {
			t.Error(err)
		}
	})

	t.Run("what cancelled drills leave behind goes when they have ended, or with the next drill", func(t *testing.T) {
		for _, told := range []bool{true, false} {
			w := newWorld(t)
			w.working()
			r := w.startDrill()
			if err := w.drill(w.Table, w.Blobs, cancelling{w.calendar, w, r.ID}).Run(t.Context(), r); !errors.Is(err, store.ErrConflict) {
				t.Fatal(err)
			}
			if w.notes() != 1 || len(w.calendars()) != 2 {
				t.Fatalf("%d notes, %v", w.notes(), w.calendars())
			}
			if told {
				ended, _ := w.drilled(r.ID)
				must(t, w.drill(w.Table, w.Blobs, w.calendar).Ended(t.Context(), ended))
			} else {
				w.Advance(2 * time.Minute)
				must(t, w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), w.startDrill()))
			}
			if w.notes() != 0 || len(w.calendars()) != 1 {
				t.Errorf("told %v: %d notes, %v", told, w.notes(), w.calendars())
			}
		}
	})

	t.Run("a calendar that got another name is not deleted", func(t *testing.T) {
		w := newWorld(t)
		w.working()
		r := w.startDrill()
		if err := w.drill(w.Table, w.Blobs, cancelling{w.calendar, w, r.ID}).Run(t.Context(), r); !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		ended, _ := w.drilled(r.ID)
		must(t, w.drill(w.Table, w.Blobs, renamed{w.calendar}).Ended(t.Context(), ended))
		if w.notes() != 0 || len(w.calendars()) != 2 {
			t.Errorf("%d notes, %v", w.notes(), w.calendars())
		}
	})
}

// spoiling is a calendar that does not keep what it is given.
type spoiling struct {
	calendar.Provider
	subject     string // of the drafts that are spoilt
	draft       func(*calendar.Draft)
	keepDeleted bool
	lose        string // subject of events that are not told
}

func (s spoiling) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	drafts = slices.Clone(drafts)
	for i := range drafts {
		if s.draft != nil && drafts[i].Subject == s.subject {
			s.draft(&drafts[i])
		}
		if r := drafts[i].Recurrence; s.keepDeleted && r != nil {
			drafts[i].Recurrence = &calendar.Recurrence{Rules: r.Rules}
		}
	}
	return s.Provider.Create(ctx, account, id, drafts)
}

func (s spoiling) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	updates = slices.Clone(updates)
	for i := range updates {
		if s.draft != nil && updates[i].Draft.Subject == s.subject {
			s.draft(&updates[i].Draft)
		}
	}
	return s.Provider.Update(ctx, account, id, updates)
}

func (s spoiling) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	if s.keepDeleted {
		return make([]calendar.WriteResult, len(ids)), nil
	}
	return s.Provider.Delete(ctx, account, id, ids)
}

func (s spoiling) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	return s.Provider.Kept(ctx, account, id, func(k calendar.Kept) error {
		if s.lose != "" && k.Event.Subject == s.lose {
			return nil
		}
		return each(k)
	})
}

// renamed tells every calendar by another name.
type renamed struct{ calendar.Provider }

func (r renamed) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	list, err := r.Provider.Calendars(ctx, account)
	for i := range list {
		list[i].Name += " (mine now)"
	}
	return list, err
}

// TestADrillSurvivesDyingAnywhere lets the process die at every single request, before it took effect and after it. Whoever comes next ends the
// drill, and nothing stays behind.
func TestADrillSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.working()
		r := w.startDrill()
		err := w.drill(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), r)
		if !dying.Dead() {
			must(t, err)
		}
		w.Advance(2 * time.Minute) // the lease ends
		again, _ := w.drilled(r.ID)
		if !again.State.Ended() {
			must(t, w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
		}
		r, result := w.drilled(r.ID)
		if r.State != run.Succeeded || result.Compared != 6 || result.Differing != 0 || !result.Restored.Balanced() {
			t.Errorf("%s %+v %+v", r.State, result, r.Problem)
		}
		if w.notes() != 0 || len(w.calendars()) != 1 {
			t.Errorf("%d notes, %v", w.notes(), w.calendars())
		}
	})
}
