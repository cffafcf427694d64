package notice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/fault"
	"adminassistant/shared/notify"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// wants has ann want the digest by e-mail and in the application, in Berlin.
func (w *world) wants(at string, by account.Channels) {
	w.t.Helper()
	w.set(func(s *account.Settings) { s.DigestAt, s.Zone, s.Notifications.Digest = at, "Europe/Berlin", by })
	profile, err := w.users.Of(w.t.Context(), annKey)
	must(w.t, err)
	must(w.t, w.DigestWanted(w.t.Context(), annKey, profile.Settings))
}

var everywhere = account.Channels{InApp: true, Email: true}

// asks raises questions of ann's.
func (w *world) asks(kind action.Kind, keys ...string) {
	w.t.Helper()
	var asked []action.Action
	for _, key := range keys {
		asked = append(asked, action.Ask(kind, w.config, action.Question{Participants: []action.Participant{{Key: key, Hash: "sha256:1"}}}))
	}
	_, err := w.Actions.Settle(w.t.Context(), action.Findings{
		User: annKey, Config: w.config, Run: "R1", Asked: asked, Near: func(action.Span) bool { return false },
	})
	must(w.t, err)
}

func (w *world) at(text string) {
	w.t.Helper()
	t, err := time.Parse(time.RFC3339, text)
	must(w.t, err)
	w.clock.Set(t)
}

func (w *world) digests() {
	w.t.Helper()
	must(w.t, w.Digests(w.t.Context()))
}

// digested are the digests that ann was told, the newest first.
func (w *world) digested() (list []*notify.Notification) {
	for _, n := range w.notes() {
		if n.Class == notify.Digest {
			list = append(list, n)
		}
	}
	return list
}

func TestTheDigestComesOnceADayWhileSomethingIsOpen(t *testing.T) {
	w := newWorld(t) // it is noon, less an hour, in Berlin
	w.wants("08:00", everywhere)
	w.digests()
	w.at("2026-10-13T05:59:00Z")
	w.asks(action.Overlap, "k1", "k2")
	w.asks(action.Drift, "k3")
	w.digests()
	if got := w.digested(); len(got) != 0 {
		t.Fatalf("before its time: %+v", got)
	}
	w.at("2026-10-13T06:00:30Z")
	w.digests()
	w.digests()
	got := w.digested()
	if len(got) != 1 {
		t.Fatalf("%d digests", len(got))
	}
	n := got[0]
	list, _, err := w.Actions.List(t.Context(), annKey, action.Filter{}, 9, "")
	must(t, err)
	if n.Title != "3 things open" || n.Text != "Waiting for you: 2 overlaps and 1 change in the source." || len(n.Points) != 3 || len(n.Heads) != 1 ||
		n.Points[0].Link != "/v1/actions/"+list[2].ID || n.Points[0].Text != `1 overlap, since 13 October 2026, of "work"` ||
		n.Heads[0] != "head of "+w.config+"\nsigned\n" {
		t.Errorf("%+v", n)
	}
	for _, a := range list {
		_, err := w.Actions.Dismiss(t.Context(), annKey, a.ID)
		must(t, err)
		w.at("2026-10-14T06:01:00Z")
		w.digests()
		w.at("2026-10-15T06:01:00Z")
	}
	w.digests()
	if got := w.digested(); len(got) != 2 || got[0].Title != "2 things open" {
		t.Errorf("%d digests, the last %+v", len(got), got[0])
	}
}

func TestTheDigestNamesTheOldest(t *testing.T) {
	w := newWorld(t)
	w.wants("08:00", everywhere)
	var keys []string
	for i := range 25 {
		keys = append(keys, fmt.Sprint("k", i))
	}
	w.asks(action.Overlap, keys...)
	w.at("2026-10-13T06:01:00Z")
	w.digests()
	if n := w.digested()[0]; n.Title != "25 things open" || len(n.Points) != 10 || !strings.Contains(n.Text, "These are the 10 oldest.") {
		t.Errorf("%+v", n)
	}
}

func TestTheDigestAsAnEMail(t *testing.T) {
	w := newWorld(t)
	w.wants("08:00", account.Channels{Email: true})
	w.asks(action.Overlap, "secret key")
	w.at("2026-10-13T06:01:00Z")
	w.digests()
	w.mailed(1)
	files, err := filepath.Glob(filepath.Join(w.folder, "*.eml"))
	must(t, err)
	file, err := os.Open(files[0])
	must(t, err)
	defer func() { must(t, file.Close()) }()
	reader, err := gomail.CreateReader(file)
	must(t, err)
	unsubscribe := strings.Trim(reader.Header.Get("List-Unsubscribe"), "<>")
	if reader.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.HasPrefix(unsubscribe, base+UnsubscribePath+"?lang=en&token=") {
		t.Errorf("%q, %q", unsubscribe, reader.Header.Get("List-Unsubscribe-Post"))
	}
	content, err := os.ReadFile(files[0])
	must(t, err)
	list, _, err := w.Actions.List(t.Context(), annKey, action.Filter{}, 9, "")
	must(t, err)
	for _, want := range []string{base + "/review/" + list[0].ID, "head of " + w.config, "1 overlap, since 12 October 2026"} {
		if !strings.Contains(strings.ReplaceAll(string(content), "=\r\n", ""), want) {
			t.Errorf("it does not say %q:\n%s", want, content)
		}
	}
	if strings.Contains(string(content), "secret key") {
		t.Error("it has a key")
	}
	user, err := w.Unsubscribe(t.Context(), strings.TrimPrefix(unsubscribe, base+UnsubscribePath+"?lang=en&token="))
	if err != nil || user != annKey {
		t.Errorf("%q, %v", user, err)
	}
	w.at("2026-10-14T06:01:00Z")
	w.digests()
	w.mailed(1)
	if _, err := w.Table.Get(t.Context(), digestKey(annKey)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("who wants none has a record: %v", err)
	}
	if _, err := w.Unsubscribe(t.Context(), "none"); fault.Of(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

func TestOtherEMailsCannotBeEndedAlike(t *testing.T) {
	w := newWorld(t)
	w.tell(w.ended("failed"))
	w.mailed(1)
	files, err := filepath.Glob(filepath.Join(w.folder, "*.eml"))
	must(t, err)
	content, err := os.ReadFile(files[0])
	must(t, err)
	if strings.Contains(string(content), "List-Unsubscribe") {
		t.Errorf("%s", content)
	}
}

func TestADigestThatWasMissedComesOnce(t *testing.T) {
	w := newWorld(t)
	w.wants("08:00", everywhere)
	w.asks(action.Overlap, "k1")
	w.at("2026-10-20T12:00:00Z")
	w.digests()
	w.digests()
	if got := w.digested(); len(got) != 1 {
		t.Errorf("%d", len(got))
	}
	w.at("2026-10-21T06:00:00Z")
	w.digests()
	if got := w.digested(); len(got) != 2 {
		t.Errorf("the next day: %d", len(got))
	}
}

func TestTheDigestFollowsTheSettings(t *testing.T) {
	w := newWorld(t)
	w.wants("08:00", everywhere)
	w.asks(action.Overlap, "k1")
	w.wants("20:15", everywhere)
	w.at("2026-10-12T18:14:00Z")
	w.digests()
	if got := w.digested(); len(got) != 0 {
		t.Errorf("before: %d", len(got))
	}
	w.at("2026-10-12T18:15:00Z")
	w.digests()
	if got := w.digested(); len(got) != 1 {
		t.Errorf("then: %d", len(got))
	}
	w.wants("20:15", account.Channels{})
	w.at("2026-10-14T18:15:00Z")
	w.digests()
	if got := w.digested(); len(got) != 1 {
		t.Errorf("unwanted: %d", len(got))
	}
}

func TestARunThatAsksSeesToTheDigest(t *testing.T) {
	w := newWorld(t)
	w.set(func(s *account.Settings) { s.Notifications.Digest = everywhere }) // the process died before the record was stored
	w.tell(w.ended("succeeded", asking(asks3)))
	if _, err := w.Table.Get(t.Context(), digestKey(annKey)); err != nil {
		t.Error(err)
	}
}

func TestADigestSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.wants("08:00", everywhere)
		w.asks(action.Overlap, "k1")
		w.at("2026-10-13T06:01:00Z")
		if err := w.over(dying.Table(w.Table)).Digests(context.Background()); !dying.Dead() {
			must(t, err)
		}
		w.digests()
		w.digests()
		if got := w.digested(); len(got) != 1 {
			t.Errorf("%d digests", len(got))
		}
		w.mailed(1)
	})
}

func TestWhoIsGoneOrShutOutGetsNoDigest(t *testing.T) {
	w := newWorld(t)
	w.wants("08:00", everywhere)
	w.asks(action.Overlap, "k1")
	gone := &digest{Due: w.clock.Now()}
	item := gone.item("tenant#gone")
	_, err := w.Table.Put(t.Context(), item, store.Absent())
	must(t, err)
	broken := gone.item(annKey)
	broken.Data = []byte(`[]`)
	_, err = w.Table.Put(t.Context(), broken, store.Any())
	must(t, err)
	w.at("2026-10-12T09:00:30Z")
	w.digests()
	if _, err := w.Table.Get(t.Context(), item.Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of who is gone: %v", err)
	}
	w.at("2026-10-13T06:01:00Z")
	w.digests()
	if got := w.digested(); len(got) != 1 {
		t.Errorf("after an unreadable record: %d", len(got))
	}
}
