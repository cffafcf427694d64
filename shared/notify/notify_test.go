package notify

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/phrase"
	"adminassistant/shared/queue"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/wiretest"
)

const (
	ann = "tenant#ann"
	bob = "tenant#bob"
)

var monday = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// world is notifications over a real store and queue, and a mailer that puts mails into a folder.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	*Notifications
	t      *testing.T
	queue  *queues.Queue
	mailer *Mailer
	folder string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := machinetest.NewClock(monday, 0)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t, queue: machinetest.Queues(t, clock.Now).Queue("notify"), folder: t.TempDir()}
	w.Notifications = New(w.Table, w.queue, w.Now)
	box, err := outbox.Open(w.folder, "assistant@example.com", w.Now)
	must(t, err)
	w.mailer = &Mailer{
		Deliveries:    queue.Deliveries{Queue: w.queue, Log: zerolog.Nop(), FirstPause: time.Second, Visibility: time.Minute},
		Notifications: w.Notifications, Profile: account.NewUsers(w.Table, w.Now).Of, Sender: box, Base: "https://api.example.com", Clock: w.Now,
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shown and mailed are settings under which problems are told by one channel alone, both by both.
var shown, mailed, both = settings(true, false), settings(false, true), settings(true, true)

func settings(inApp, email bool) account.Settings {
	s := account.DefaultSettings()
	s.Notifications.Problems = account.Channels{InApp: inApp, Email: email}
	if email {
		s.Email = "ann@example.com"
	}
	return s
}

// user gives ann a profile with settings, and returns them.
func (w *world) user(s account.Settings) account.Settings {
	w.t.Helper()
	users := account.NewUsers(w.Table, w.Now)
	p := account.Principal{Tenant: "tenant", Object: "ann"}
	if _, err := users.Admit(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
	profile, err := users.Get(w.t.Context(), p.Tenant, p.Object)
	must(w.t, err)
	_, err = users.UpdateSettings(w.t.Context(), p, s, profile.SettingsVersion)
	must(w.t, err)
	return s
}

// failed is a notification of ann's nth run.
func failed(n int) Notification {
	return Notification{
		ID: ID(monday.Add(time.Duration(n)*time.Second), fmt.Sprintf("run R%d", n)), User: ann, Class: Problems, State: "failed", Percent: 40,
		Title: fmt.Sprintf(`Run %d of "work" failed`, n), Text: "Microsoft 365 did not answer.\nNothing is lost.",
		Command: "admin-assistant archive run --config 'a & b'", Link: "/v1/runs/R1",
	}
}

func (w *world) tell(s account.Settings, n Notification) {
	w.t.Helper()
	must(w.t, w.Tell(w.t.Context(), s, n))
}

func (w *world) get(n Notification) *Notification {
	w.t.Helper()
	got, err := w.Get(w.t.Context(), n.User, n.ID)
	must(w.t, err)
	return got
}

// listed checks what ann is shown, by titles.
func (w *world) listed(unread bool, want ...Notification) {
	w.t.Helper()
	list, next, err := w.List(w.t.Context(), ann, unread, 100, "")
	must(w.t, err)
	var got, ids []string
	for _, n := range list {
		got = append(got, n.ID)
	}
	for _, n := range want {
		ids = append(ids, n.ID)
	}
	if !slices.Equal(got, ids) || next != "" {
		w.t.Errorf("unread %v: listed %q, want %q; next %q", unread, got, ids, next)
	}
}

func (w *world) waiting(want int) {
	w.t.Helper()
	stats, err := w.queue.Stats(w.t.Context())
	must(w.t, err)
	if stats.Waiting != want || stats.Dead != 0 {
		w.t.Errorf("%d messages wait, want %d; %d are dead", stats.Waiting, want, stats.Dead)
	}
}

func TestIDs(t *testing.T) {
	if ID(monday, "a") != ID(monday, "a") || ID(monday, "a") == ID(monday, "b") {
		t.Error("an id does not stand for its transaction")
	}
	if ID(monday, "b") >= ID(monday.Add(time.Millisecond), "a") || len(ID(time.Time{}, "a")) != 26 {
		t.Error("ids do not sort by time")
	}
}

func TestTell(t *testing.T) {
	t.Run("one notification for each transaction, however often it is told", func(t *testing.T) {
		w := newWorld(t)
		for range 3 {
			w.tell(shown, failed(1))
			w.Advance(time.Minute)
		}
		w.tell(shown, failed(2))
		w.listed(false, failed(2), failed(1))
		w.waiting(0)
		want := failed(1)
		want.Created, want.Updated, want.stored = monday, monday, 1
		if diff := cmp.Diff(&want, w.get(want), cmp.AllowUnexported(Notification{})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another state shows in place, and is to be read", func(t *testing.T) {
		w := newWorld(t)
		running := failed(1)
		running.State, running.Class, running.Percent, running.Command = "running", Runs, 10, ""
		w.tell(both, running)
		_, err := w.MarkRead(t.Context(), ann, running.ID)
		must(t, err)
		w.listed(true)
		w.Advance(time.Minute)
		w.tell(both, failed(1))
		w.listed(true, failed(1))
		got := w.get(failed(1))
		if got.State != "failed" || got.Percent != 40 || got.Command == "" || got.Class != Problems || !got.Created.Equal(monday) ||
			!got.Updated.Equal(monday.Add(time.Minute)) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the settings say by which channels", func(t *testing.T) {
		noAddress := both
		noAddress.Email = ""
		for name, c := range map[string]struct {
			settings account.Settings
			listed   int
			messages int
		}{
			"in the application": {shown, 1, 0}, "by e-mail": {mailed, 0, 1}, "by both": {both, 1, 1}, "by none": {settings(false, false), 0, 0},
			"by e-mail, without an address": {noAddress, 1, 0},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				w.tell(c.settings, failed(1))
				w.listed(false, []Notification{failed(1)}[:c.listed]...)
				w.listed(true, []Notification{failed(1)}[:c.listed]...)
				w.waiting(c.messages)
				items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + ann})
				must(t, err)
				if want := min(1, c.listed+c.messages); len(items) != want {
					t.Errorf("%d are stored, want %d", len(items), want)
				}
			})
		}
	})
	t.Run("each class has its channels", func(t *testing.T) {
		for _, class := range []Class{Runs, Problems, Actions, SignIn} {
			w := newWorld(t)
			s := account.Settings{}
			*map[Class]*account.Channels{
				Runs: &s.Notifications.Runs, Problems: &s.Notifications.Problems, Actions: &s.Notifications.Actions, SignIn: &s.Notifications.SignIn,
			}[class] = account.Channels{InApp: true}
			for i, of := range []Class{Runs, Problems, Actions, SignIn} {
				n := failed(i)
				n.Class = of
				w.tell(s, n)
			}
			list, _, err := w.List(t.Context(), ann, false, 10, "")
			if err != nil || len(list) != 1 || list[0].Class != class {
				t.Errorf("%s: %v, %v", class, list, err)
			}
		}
	})
	t.Run("it goes after some months", func(t *testing.T) {
		w := newWorld(t)
		w.tell(shown, failed(1))
		w.Advance(keep + time.Second)
		w.listed(false)
	})
}

func TestReading(t *testing.T) {
	t.Run("one is marked, as often as one likes", func(t *testing.T) {
		w := newWorld(t)
		w.tell(shown, failed(1))
		w.tell(shown, failed(2))
		for range 2 {
			n, err := w.MarkRead(t.Context(), ann, failed(1).ID)
			if err != nil || !n.Read.Equal(monday) {
				t.Fatalf("%+v, %v", n, err)
			}
			w.Advance(time.Hour)
		}
		w.listed(true, failed(2))
		w.listed(false, failed(2), failed(1))
		if n, err := w.Unread(t.Context(), ann); n != 1 || err != nil {
			t.Errorf("%d unread, %v", n, err)
		}
	})
	t.Run("nobody else's, and none that is not shown", func(t *testing.T) {
		w := newWorld(t)
		w.tell(mailed, failed(1))
		w.tell(shown, failed(2))
		for user, id := range map[string]string{ann: failed(1).ID, bob: failed(2).ID} {
			if _, err := w.MarkRead(t.Context(), user, id); fault.Of(err) != fault.NotFound {
				t.Errorf("%s: %v", user, err)
			}
		}
		w.listed(true, failed(2))
	})
	t.Run("all, or up to what was seen", func(t *testing.T) {
		w := newWorld(t)
		var all []Notification
		for i := range 2*MostCounted + 20 {
			w.tell(shown, failed(i))
			all = append(all, failed(i))
		}
		slices.Reverse(all)
		if n, err := w.Unread(t.Context(), ann); n != MostCounted || err != nil {
			t.Errorf("%d unread, %v", n, err)
		}
		if n, err := w.MarkAllRead(t.Context(), ann, failed(2*MostCounted+17).ID); n != 2*MostCounted+18 || err != nil {
			t.Errorf("%d marked, %v", n, err)
		}
		w.listed(true, all[:2]...)
		if n, err := w.MarkAllRead(t.Context(), ann, ""); n != 2 || err != nil {
			t.Errorf("%d marked, %v", n, err)
		}
		w.listed(true)
		if n, err := w.Unread(t.Context(), ann); n != 0 || err != nil {
			t.Errorf("%d unread, %v", n, err)
		}
	})
	t.Run("all at once with others who change some", func(t *testing.T) {
		w := newWorld(t)
		for i := range 40 {
			w.tell(shown, failed(i))
		}
		var both sync.WaitGroup
		both.Go(func() {
			for i := range 40 {
				n := failed(i)
				if _, err := w.MarkRead(t.Context(), ann, n.ID); err != nil && fault.Of(err) != fault.Unavailable {
					t.Error(err)
				}
			}
		})
		if _, err := w.MarkAllRead(t.Context(), ann, ""); err != nil {
			t.Error(err)
		}
		both.Wait()
		w.listed(true)
	})
	t.Run("what the user has seen to needs no reading", func(t *testing.T) {
		w := newWorld(t)
		w.tell(both, failed(1))
		for range 2 {
			must(t, w.Amend(t.Context(), ann, failed(1).ID, "resolved", phrase.New("sign_in.done"), phrase.Text{phrase.New("sign_in.done.text")}))
		}
		w.listed(true)
		if n := w.get(failed(1)); n.State != "resolved" || n.Title != "You signed in to Microsoft 365 again" || n.Command != "" ||
			n.Mail != Dropped || n.stored != 2 {
			t.Errorf("%+v", n)
		}
		must(t, w.Amend(t.Context(), ann, failed(2).ID, "resolved", phrase.Phrase{}, nil)) // there is none
	})
}

func TestThereAreNotTooMany(t *testing.T) {
	w := newWorld(t)
	var items []store.Item
	for i := range most + 300 {
		n := failed(i)
		n.Created = monday
		items = append(items, n.item())
	}
	must(t, w.Table.BatchPut(t.Context(), items))
	for i := most + 300; ; i++ {
		before := w.count()
		w.tell(shown, failed(i))
		if w.count() < before {
			break
		}
		if i > most+300+20*pruneEvery {
			t.Fatal("nobody looks")
		}
	}
	if n := w.count(); n != most {
		t.Errorf("%d are left", n)
	}
	if _, err := w.Get(t.Context(), ann, failed(0).ID); fault.Of(err) != fault.NotFound {
		t.Errorf("the oldest one is there: %v", err)
	}
}

func (w *world) count() int {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.Table, store.Query{PK: "USER#" + ann, Prefix: prefix})
	must(w.t, err)
	return len(items)
}

func TestWhatIsUnreadableIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.tell(shown, failed(1))
	item := store.Item{Key: key(ann, failed(2).ID), IndexPK: unreadOf(ann), IndexSK: failed(2).ID, Data: []byte(`{"id": "x"}`)}
	_, err := w.Table.Put(t.Context(), item, store.Any())
	must(t, err)
	w.listed(false, failed(1))
	if n, err := w.MarkAllRead(t.Context(), ann, ""); n != 1 || err != nil {
		t.Errorf("%d marked, %v", n, err)
	}
	if _, err := w.Get(t.Context(), ann, failed(2).ID); fault.Of(err) != fault.Malformed {
		t.Errorf("read: %v", err)
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.tell(both, failed(1))
	others := failed(2)
	others.User = bob
	w.tell(shown, others)
	must(t, Erase(t.Context(), w.Table, ann))
	if n := w.count(); n != 0 {
		t.Errorf("%d are left", n)
	}
	w.get(others)
}

// TestANotificationSurvivesDyingAnywhere lets the processes that tell and that mail die at every single request, before it took effect and
// after it. In the end there is one notification, and one e-mail.
func TestANotificationSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		s := w.user(both)
		wired := New(dying.Table(w.Table), dying.Queue(w.queue), w.Now)
		err := wired.Tell(t.Context(), s, failed(1))
		if err == nil {
			mailer := *w.mailer
			mailer.Notifications, mailer.Queue = wired, dying.Queue(w.queue)
			err = mailer.Handle(t.Context(), w.receive())
		}
		if dying.Dead() == (err == nil) {
			t.Fatalf("%v", err)
		}
		w.Advance(2 * time.Minute) // the message comes again
		w.tell(s, failed(1))       // as whoever told of it first is told again
		for m := w.receive(); m.ID != ""; m = w.receive() {
			must(t, w.mailer.Handle(t.Context(), m))
		}
		w.listed(false, failed(1))
		if got := w.get(failed(1)); got.Mail != Sent {
			t.Errorf("the e-mail is %q", got.Mail)
		}
		if files := w.mails(); len(files) != 1 {
			t.Errorf("%d e-mails", len(files))
		}
		w.waiting(0)
	})
}

func TestCorrelation(t *testing.T) {
	w := newWorld(t)
	must(t, w.Tell(telemetry.WithCorrelation(t.Context(), zerolog.Nop(), "correlation-1"), both, failed(1)))
	msg, err := ParseMessage(w.receive().Body)
	if want := (Message{User: ann, Notification: failed(1).ID, Correlation: "correlation-1"}); err != nil || msg != want {
		t.Errorf("%+v, %v", msg, err)
	}
	if n := w.get(failed(1)); strings.Contains(n.Text+n.Title, "correlation") {
		t.Errorf("%+v", n)
	}
}

// TestAChangedStateIsToldInTheReadersLanguage tells of a transaction twice, as records keep it and as the user reads it.
func TestAChangedStateIsToldInTheReadersLanguage(t *testing.T) {
	w := newWorld(t)
	for _, state := range []string{"needed", "done"} {
		n := failed(1)
		n.State, n.Heading, n.Says = state, phrase.New("sign_in.title"), phrase.Text{phrase.New("sign_in.text")}
		if state == "done" {
			n.Heading, n.Says = phrase.New("sign_in.done"), phrase.Text{phrase.New("sign_in.done.text")}
		}
		w.tell(shown, n)
	}
	n := w.get(failed(1))
	title, text, _ := n.In(phrase.For("de", "UTC"))
	if title != "Sie haben sich neu bei Microsoft 365 angemeldet" || !strings.HasPrefix(text, "Ihre Aufträge") ||
		n.Title != "You signed in to Microsoft 365 again" || n.Text != "Your jobs go on at their next times." {
		t.Errorf("%q, %q, %+v", title, text, n)
	}
	n.Says = phrase.Text{phrase.New("of a newer version")}
	if title, text, _ := n.In(phrase.For("de", "UTC")); title != n.Title || text != n.Text {
		t.Errorf("what a newer version stored is %q, %q", title, text)
	}
	n.Heading, n.Says, n.Title, n.Text = phrase.Phrase{}, nil, "Old", "Stored before."
	if title, text, _ := n.In(phrase.For("de", "UTC")); title != "Old" || text != "Stored before." {
		t.Errorf("what was stored before is %q, %q", title, text)
	}
}
