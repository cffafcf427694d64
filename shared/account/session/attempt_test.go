package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func (w *world) attempts() *Attempts { return NewAttempts(w.table, w.clock) }

func (w *world) begun(user, back string) Attempt {
	w.t.Helper()
	a := NewAttempt(user, back)
	if err := w.attempts().Begin(w.ctx(), a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestAttempts(t *testing.T) {
	refused := func(w *world, state, cookie string) {
		w.t.Helper()
		if _, err := w.attempts().Complete(w.ctx(), state, cookie); !errors.Is(err, ErrNoAttempt) || fault.Of(err) != fault.NotFound {
			w.t.Errorf("%v", err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(*world)
	}{
		{"is completed as it was begun, by the secrets that the service was told of", func(w *world) {
			begun := w.begun(ann.Key(), "/docs")
			got, err := w.attempts().Complete(w.ctx(), begun.State, begun.Cookie)
			if err != nil || got != begun || got.Nonce() != begun.Nonce() || got.Verifier() != begun.Verifier() {
				w.t.Errorf("%+v, %v", got, err)
			}
			if !got.Of(ann.Key()) || got.Of(bob.Key()) || got.Of("") {
				w.t.Error("whose it is")
			}
		}},
		{"may be nobody's yet", func(w *world) {
			begun := w.begun("", "/")
			if got, err := w.attempts().Complete(w.ctx(), begun.State, begun.Cookie); err != nil || got.Of(ann.Key()) || got.Of("") {
				w.t.Errorf("%+v, %v", got, err)
			}
		}},
		{"is completed once", func(w *world) {
			a := w.begun("", "/")
			if _, err := w.attempts().Complete(w.ctx(), a.State, a.Cookie); err != nil {
				w.t.Error(err)
			}
			refused(w, a.State, a.Cookie)
		}},
		{"is not completed by another browser, and stays", func(w *world) {
			a, other := w.begun("", "/"), w.begun("", "/")
			refused(w, a.State, other.Cookie)
			refused(w, a.State, "")
			refused(w, "", a.Cookie)
			if _, err := w.attempts().Complete(w.ctx(), a.State, a.Cookie); err != nil {
				w.t.Error(err)
			}
		}},
		{"lasts ten minutes, whatever the store still returns", func(w *world) {
			a, late := w.begun("", "/"), w.begun("", "/")
			w.later(10*time.Minute - time.Second)
			if _, err := w.attempts().Complete(w.ctx(), a.State, a.Cookie); err != nil {
				w.t.Error(err)
			}
			w.later(time.Second)
			refused(w, late.State, late.Cookie)
		}},
		{"leaves nothing in the table that completes it or names the user, and for ten minutes", func(w *world) {
			a := w.begun(ann.Key(), "/docs")
			item, err := w.table.Get(w.ctx(), attemptKey(a.State))
			if err != nil || !item.Expires.Equal(w.clock().Add(10*time.Minute)) {
				w.t.Errorf("expires %s, %v", item.Expires, err)
			}
			for _, secret := range []string{a.State, a.Cookie, a.Nonce(), a.Verifier(), ann.Key()} {
				if strings.Contains(item.PK+item.SK+string(item.Data), secret) {
					w.t.Errorf("the table holds %s", secret)
				}
			}
		}},
		{"that is unreadable is damage", func(w *world) {
			a := w.begun("", "/")
			if _, err := w.table.Put(w.ctx(), store.Item{Key: attemptKey(a.State), Data: []byte("[]")}, store.Any()); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.attempts().Complete(w.ctx(), a.State, a.Cookie); fault.Of(err) != fault.Malformed {
				w.t.Errorf("%v", err)
			}
		}},
		{"has four secrets of its own", func(w *world) {
			a, b := NewAttempt("", "/"), NewAttempt("", "/")
			all := []string{a.State, a.Cookie, a.Nonce(), a.Verifier(), b.State, b.Cookie, b.Nonce(), b.Verifier()}
			slices.Sort(all)
			if len(slices.Compact(all)) != 8 || len(all[0]) != 43 {
				w.t.Errorf("%q", all)
			}
		}},
	} {
		t.Run("a sign-in "+c.name, func(t *testing.T) { c.do(newWorld(t, true)) })
	}
}

func TestOfManyCallbacksOneCompletesASignIn(t *testing.T) {
	w := newWorld(t, false)
	a := w.begun("", "/")
	var completed atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch _, err := w.attempts().Complete(context.WithoutCancel(t.Context()), a.State, a.Cookie); {
			case err == nil:
				completed.Add(1)
			case !errors.Is(err, ErrNoAttempt):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if completed.Load() != 1 {
		t.Errorf("%d completed it", completed.Load())
	}
}
