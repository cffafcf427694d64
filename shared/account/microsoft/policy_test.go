package microsoft

import (
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
)

func TestAnOrganisationThatDoesNotLetUsAct(t *testing.T) {
	for _, row := range []struct {
		name    string
		block   func(*world)
		lift    func(*world)
		meaning refusal.Meaning
		says    string
	}{
		{"for a policy about places", func(w *world) { w.Policy(ann, 53003) }, func(w *world) { w.Policy(ann, 0) }, refusal.Policy, "AADSTS53003"},
		{"for the sign-in frequency", func(w *world) { w.Policy(ann, 70043) }, func(w *world) { w.Policy(ann, 0) }, refusal.Policy, "sign-in frequency"},
		{"for want of consent", func(w *world) { w.RequireConsent(web, true) }, func(w *world) { w.RequireConsent(web, false) }, refusal.Consent, "has to allow"},
	} {
		t.Run(row.name+" loses no sign-in, and is asked again later", func(t *testing.T) {
			w := newWorld(t, entrasim.Options{Strict: true})
			w.expiring(true)
			w.api().signIn(ann)
			worker, other := w.worker(), w.worker()
			row.block(w)
			_, err := worker.token(annKey)
			refused := new(refusal.Error)
			if fault.Of(err) != fault.Forbidden || !errors.As(err, &refused) || refused.Meaning() != row.meaning || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("got %v of kind %s", err, fault.Of(err))
			}
			since := w.now()
			asked := w.asked()
			for _, p := range []*process{worker, other} {
				if _, again := p.token(annKey); again == nil || again.Error() != err.Error() || fault.Of(again) != fault.Forbidden {
					t.Errorf("then got %v", again)
				}
			}
			if w.asked() != asked {
				t.Error("the service is asked again at once")
			}
			state, err := w.api().State(t.Context(), annKey)
			if err != nil || !state.SignedIn || fault.Of(state.Blocked) != fault.Forbidden || since.Sub(state.BlockedSince).Abs() > time.Minute {
				t.Errorf("the state is %+v, %v", state, err)
			}
			w.advance(blockedFor + time.Second)
			if _, err := other.token(annKey); fault.Of(err) != fault.Forbidden || w.asked() != asked+1 {
				t.Errorf("a while later: %v, asked %d times", err, w.asked()-asked)
			}
			if later, _ := w.api().State(t.Context(), annKey); !later.BlockedSince.Equal(state.BlockedSince) {
				t.Errorf("it is blocked since %s now", later.BlockedSince)
			}
			row.lift(w)
			w.advance(blockedFor + time.Second)
			worker.needs(annKey)
			if state, _ := w.api().State(t.Context(), annKey); state.Blocked != nil {
				t.Errorf("it is blocked still: %+v", state)
			}
		})
	}
	t.Run("is over with a new sign-in", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{Strict: true})
		w.expiring(true)
		w.api().signIn(ann)
		w.Policy(ann, 70043)
		worker := w.worker()
		if _, err := worker.token(annKey); fault.Of(err) != fault.Forbidden {
			t.Fatal(err)
		}
		w.api().signIn(ann)
		worker.needs(annKey)
	})
	t.Run("stays noted while the service is away", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{Strict: true})
		w.expiring(true)
		w.api().signIn(ann)
		w.Policy(ann, 53003)
		worker := w.worker()
		_, _ = worker.token(annKey)
		w.advance(blockedFor + time.Second)
		w.Break(entrasim.Token, 503)
		if _, err := worker.token(annKey); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		if state, _ := w.api().State(t.Context(), annKey); state.Blocked == nil {
			t.Error("nobody knows of it any more")
		}
	})
}

func TestPassingErrorsCostNoSignIn(t *testing.T) {
	for _, e := range entrasim.Passing {
		w := newWorld(t, entrasim.Options{Strict: true})
		w.expiring(true)
		w.api().signIn(ann)
		worker := w.worker()
		w.Fail(entrasim.Token, e)
		_, err := worker.token(annKey)
		var asks interface{ RetryAfter() time.Duration }
		if !fault.Of(err).Transient() || (e.RetryAfter != "") != (errors.As(err, &asks) && asks.RetryAfter() == time.Second) {
			t.Errorf("%+v: got %v of kind %s", e, err, fault.Of(err))
		}
		worker.needs(annKey)
	}
}

func TestACredentialThatHasEndedIsTheOperators(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.expiring(true)
	w.api().signIn(ann)
	w.ExpireSecret(web)
	worker := w.worker()
	for range 2 {
		if _, err := worker.token(annKey); fault.Of(err) != fault.Setup || !strings.Contains(err.Error(), "AADSTS7000222") {
			t.Errorf("got %v of kind %s", err, fault.Of(err))
		}
	}
	if state, _ := w.api().State(t.Context(), annKey); !state.SignedIn || state.Blocked != nil {
		t.Errorf("the user's sign-in is touched: %+v", state)
	}
}

func TestAChangedPasswordEndsNothingHere(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.expiring(true)
	w.api().signIn(ann)
	worker := w.worker()
	w.ChangePassword(ann)
	worker.needs(annKey)
	w.Revoke(ann)
	if _, err := worker.token(annKey); !errors.Is(err, ErrSignInNeeded) {
		t.Errorf("after a revocation: %v", err)
	}
}
