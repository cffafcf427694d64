package account

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// note is a step that notes the passes it took part in.
func note(passes *[]Erasure) Step {
	return Step{Name: "note", Erase: func(_ context.Context, e Erasure) error { *passes = append(*passes, e); return nil }}
}

func (w *world) erase(e *Eraser, by Principal, object string) Progress {
	w.t.Helper()
	p, err := e.Erase(w.t.Context(), by, object)
	must(w.t, err)
	return p
}

func TestErase(t *testing.T) {
	t.Run("marks first, takes the steps, and ends when nobody can be at work any more", func(t *testing.T) {
		w := newWorld(t)
		here, elsewhere := w.process(), w.process()
		w.admitted(here, ann)
		w.admitted(elsewhere, ann)
		_, err := here.UpdateSettings(t.Context(), ann, Settings{Zone: "Europe/Berlin", WeekStart: "sunday", Locale: "de", Email: "ann@example.com"}, 0)
		must(t, err)
		for _, sk := range []string{"A", "SECRET#microsoft", "ZZZ"} {
			_, err := w.table.Put(t.Context(), store.Item{Key: store.Key{PK: "USER#home#ann", SK: sk}, Data: []byte(`{}`)}, store.Any())
			must(t, err)
		}
		left := func() (sks string) {
			items, err := store.All(t.Context(), w.table, store.Query{PK: "USER#home#ann"})
			must(t, err)
			for _, item := range items {
				sks += item.SK + " "
			}
			return sks
		}
		begun := w.now
		var passes []Erasure
		refused := Step{Name: "refused", Erase: func(ctx context.Context, _ Erasure) error {
			_, err := here.Admit(ctx, ann)
			w.fails(fault.Forbidden, err)
			return nil
		}}
		e := NewEraser(here, refused, note(&passes))

		p := w.erase(e, ann, "ann")
		if p.Done || !p.Begun.Equal(begun) || p.Step != "" || !p.Again.Equal(begun.Add(latecomers)) {
			t.Errorf("first: %+v", p)
		}
		marked := w.profile(ann)
		if marked.State() != Erasing || marked.Name != "" || marked.Settings != (Settings{}) && marked.Settings != DefaultSettings() || !marked.Created.IsZero() {
			t.Errorf("marked: %+v", marked)
		}
		if got := left(); got != "A PROFILE ZZZ " {
			t.Errorf("after the first pass: %s", got)
		}
		w.now = begun.Add(rememberFor)
		_, err = elsewhere.Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		if _, err := elsewhere.AdmitLeaving(t.Context(), ann); err != nil {
			t.Errorf("the user cannot go on with it: %v", err)
		}
		w.now = begun.Add(latecomers - time.Nanosecond)
		if p := w.erase(e, boss, "ann"); p.Done || !p.Begun.Equal(begun) {
			t.Errorf("too early: %+v", p)
		}
		w.now = begun.Add(latecomers)
		if p := w.erase(e, boss, "ann"); !p.Done {
			t.Errorf("last: %+v", p)
		}
		if got := left(); got != "PROFILE " {
			t.Errorf("at the end: %s", got)
		}
		want := []Erasure{{"home#ann", "home#ann", begun, false}, {"home#ann", "home#boss", begun, false}, {"home#ann", "home#boss", begun, true}}
		for i, got := range passes {
			if i >= len(want) || got != want[i] {
				t.Errorf("pass %d: %+v", i, got)
			}
		}
		if len(passes) != len(want) {
			t.Errorf("%d passes", len(passes))
		}

		ended := w.now
		if p := w.erase(e, boss, "ann"); !p.Done || len(passes) != len(want) {
			t.Errorf("once more: %+v, %d passes", p, len(passes))
		}
		_, err = here.AdmitLeaving(t.Context(), ann)
		w.fails(fault.NotFound, err)
		_, err = w.process().Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		w.now = ended.Add(afterErasure)
		w.admitted(w.process(), ann)
		if p := w.profile(ann); p.State() != Active || !p.Created.Equal(w.now) || p.SettingsVersion != 0 || p.Settings != DefaultSettings() {
			t.Errorf("afresh: %+v", p)
		}
	})
	t.Run("it is known for 36 days that a user was erased", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		e := NewEraser(u)
		w.erase(e, boss, "ann")
		w.now = w.now.Add(latecomers)
		w.erase(e, boss, "ann")
		w.now = w.now.Add(keepErased - time.Second)
		if p := w.profile(ann); p.State() != Erased {
			t.Errorf("%+v", p)
		}
		w.now = w.now.Add(time.Second)
		_, err := u.Get(t.Context(), "home", "ann")
		w.fails(fault.NotFound, err)
	})
	t.Run("a ban outlives the erasure", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		_, err := u.Disable(t.Context(), boss, "ann")
		must(t, err)
		e := NewEraser(u)
		w.erase(e, boss, "ann")
		_, err = u.AdmitLeaving(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		w.now = w.now.Add(latecomers)
		w.erase(e, boss, "ann")
		w.now = w.now.Add(10 * keepErased)
		_, err = u.Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		_, err = u.SetRole(t.Context(), boss, "ann", RoleAdmin)
		w.fails(fault.Conflict, err)
		_, err = u.Enable(t.Context(), boss, "ann")
		must(t, err)
		w.admitted(u, ann)
	})
	t.Run("a step that fails leaves the user marked, and the next call goes on", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		var passes []Erasure
		broken := true
		e := NewEraser(u, Step{Name: "ledger", Erase: func(context.Context, Erasure) error {
			if broken {
				return fault.New(fault.Unavailable, "the store does not answer")
			}
			return nil
		}}, note(&passes))
		_, err := e.Erase(t.Context(), boss, "ann")
		w.fails(fault.Unavailable, err)
		if !strings.Contains(err.Error(), "ledger") || len(passes) != 0 || w.profile(ann).State() != Erasing {
			t.Errorf("%v, %d passes", err, len(passes))
		}
		w.now = w.now.Add(latecomers)
		_, err = e.Erase(t.Context(), boss, "ann")
		w.fails(fault.Unavailable, err)
		if w.profile(ann).State() != Erasing {
			t.Error("erased without all of the steps")
		}
		broken = false
		if p := w.erase(e, boss, "ann"); !p.Done || len(passes) != 1 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("one call works no longer than it has time, and says at what it was", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		e := NewEraser(u, Step{Name: "ledger", Erase: func(ctx context.Context, _ Erasure) error {
			<-ctx.Done()
			return errors.New("stopped")
		}})
		e.within = time.Second
		if p := w.erase(e, boss, "ann"); p.Done || p.Step != "ledger" || !p.Again.Equal(w.now) {
			t.Errorf("%+v", p)
		}
	})
	t.Run("it reaches nobody of another tenant", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		_, err := NewEraser(u).Erase(t.Context(), eboss, "ann")
		w.fails(fault.NotFound, err)
		if w.profile(ann).State() != Active {
			t.Error("erased")
		}
	})
	t.Run("one who never signed in makes no profile to be erased", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		_, err := u.AdmitLeaving(t.Context(), ann)
		w.fails(fault.NotFound, err)
		_, err = u.Get(t.Context(), "home", "ann")
		w.fails(fault.NotFound, err)
	})
}
