package imports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/wiretest"
)

const user = "tenant#ann"

var (
	at  = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	uri = calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: "Work"}
)

// world is a store with a calendar, and a runner whose process may die.
type world struct {
	t       *testing.T
	table   store.Table
	own     *local.Provider
	uploads *restore.Uploads
	runner  *Runner
	n       int
}

func newWorld(t *testing.T, w *wiretest.Wire) *world {
	t.Helper()
	table, err := sqlite.Open(":memory:", func() time.Time { return at })
	must(t, err)
	t.Cleanup(func() { _ = table.Close() })
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	world := &world{t: t, table: table}
	clock := func() time.Time { return at }
	world.own = local.New(table, world.id, clock).For(user)
	_, err = world.own.CreateCalendar(t.Context(), uri)
	must(t, err)
	world.uploads = restore.NewUploads(table, blobs, world.id, clock)
	reached, uploads := w.Table(table), restore.NewUploads(w.Table(table), w.Blobs(blobs), world.id, clock)
	world.runner = &Runner{
		Table: reached, Blobs: w.Blobs(blobs), Open: uploads.Content, Used: uploads.Used, Folder: restore.KeepIn, Clock: clock, NewID: world.id,
		Local: func(user string) Calendars { return local.New(reached, world.id, clock).For(user) }, LeaseFor: time.Minute,
	}
	return world
}

func (w *world) id() string { w.n++; return fmt.Sprintf("id-%06d", w.n) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file has so many events with a subject.
func file(n int, subject string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n")
	for i := range n {
		day := at.AddDate(0, 0, i%20).Format("20060102")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%sT090000Z\r\nDTEND:%sT100000Z\r\nSUMMARY:%s\r\nEND:VEVENT\r\n",
			i, day, day, subject)
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// queued uploads a file and stores a run that imports it.
func (w *world) queued(text string, options run.Options, strict bool) *run.Run {
	w.t.Helper()
	u, err := w.uploads.Put(w.t.Context(), user, strings.NewReader(text))
	must(w.t, err)
	input, err := json.Marshal(Input{Upload: u.ID, SHA256: u.SHA256, Strict: strict})
	must(w.t, err)
	r, _, err := run.NewStore(w.table).Create(w.t.Context(), &run.Run{
		ID: w.id(), User: user, Kind: run.Import, Calendar: uri.String(), Options: options, Input: input, State: run.Queued, Created: at,
	})
	must(w.t, err)
	return r
}

func (w *world) stored(id string) *run.Run {
	w.t.Helper()
	r, err := run.NewStore(w.table).Get(w.t.Context(), user, id)
	must(w.t, err)
	return r
}

// subjects counts the events by their subjects.
func (w *world) subjects() map[string]int {
	w.t.Helper()
	info, err := w.own.Calendar(w.t.Context(), uri)
	must(w.t, err)
	found := map[string]int{}
	must(w.t, w.own.Kept(w.t.Context(), uri.Account, info.ID, func(k calendar.Kept) error { found[k.Event.Subject]++; return nil }))
	return found
}

func result(t *testing.T, r *run.Run) (out Result) {
	t.Helper()
	must(t, json.Unmarshal(r.Result, &out))
	return out
}

// TestARunAndItsEventsAreThereTogether has the process die at every request, and another one go on.
func TestARunAndItsEventsAreThereTogether(t *testing.T) {
	for _, n := range []int{3, 46} { // what fits into one transaction, and what does not
		t.Run(fmt.Sprint(n, " events"), func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, wire *wiretest.Wire) {
				w := newWorld(t, &wiretest.Wire{})
				must(t, w.runner.Run(t.Context(), w.queued(file(2, "old"), run.Options{}, false)))
				r := w.queued(file(n, "new"), run.Options{}, false)
				runner := *w.runner
				runner.Table, runner.Local = wire.Table(w.table), func(user string) Calendars {
					return local.New(wire.Table(w.table), w.id, runner.Clock).For(user)
				}
				_ = runner.Run(t.Context(), r)
				found := w.subjects()
				switch r := w.stored(r.ID); {
				case r.State == run.Succeeded && found["new"] == n && len(found) == 1:
					if got := result(t, r); got.Added != n-2 || got.Changed != 2 || got.Total != n {
						t.Errorf("it reports %+v", got)
					}
				case !r.State.Ended() && found["old"] == 2 && len(found) == 1:
					w.runner.Clock = func() time.Time { return at.Add(time.Hour) } // nobody has the calendar any more
					must(t, w.runner.Run(t.Context(), r))
					if got := result(t, r); got.Added != n-2 || got.Changed != 2 || w.subjects()["new"] != n {
						t.Errorf("the next worker reports %+v", got)
					}
				default:
					t.Errorf("the run is %s, and there are %v", r.State, found)
				}
			})
		})
	}
}

func TestWhatAnImportChangesIsKept(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	first := w.queued(file(3, "old"), run.Options{}, false)
	must(t, w.runner.Run(t.Context(), first))
	second := w.queued(strings.Replace(file(4, "old"), "SUMMARY:old", "SUMMARY:new", 1), run.Options{}, false)
	must(t, w.runner.Run(t.Context(), second))
	for r, want := range map[*run.Run][]string{first: {"0", "1", "2"}, second: {"0 old", "3"}} {
		kept, err := w.runner.kept(t.Context(), user, r.ID)
		must(t, err)
		var got []string
		for _, k := range kept {
			text := k.UID
			if len(k.Was) > 0 {
				text += " " + k.Was[0].Subject
			}
			got = append(got, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("kept are %q, want %q", got, want)
		}
	}
	if got := result(t, second); got.Changed != 1 || got.Added != 1 || got.Unchanged != 2 || got.Sums() != got.Report().String() || got.Wrote() != 2 {
		t.Errorf("it reports %+v", got)
	}
	items, err := run.NewStore(w.table).Items(t.Context(), second, 0)
	if err != nil || len(items) != 2 || !items[0].Written || items[0].Key != "0/" {
		t.Errorf("items %+v, %v", items, err)
	}
}

func TestWhatIsNotImported(t *testing.T) {
	broken := strings.Replace(file(3, "new"), "T090000Z", "T250000Z", 1)
	t.Run("a dry run writes nothing, and needs no calendar for itself", func(t *testing.T) {
		w := newWorld(t, &wiretest.Wire{})
		r := w.queued(broken, run.Options{DryRun: true}, false)
		must(t, w.runner.Run(t.Context(), r))
		if got := result(t, r); r.State != run.Partial || got.Added != 2 || got.SetAside != 1 || len(w.subjects()) > 0 || r.Lease != "" {
			t.Errorf("the run is %s with %+v, there are %v", r.State, got, w.subjects())
		}
		items, err := run.NewStore(w.table).Items(t.Context(), r, 0)
		if err != nil || len(items) != 3 || items[0].Written || !strings.Contains(string(items[2].Plan), `"line":`) {
			t.Errorf("items %+v, %v", items, err)
		}
		if _, err := w.uploads.Content(t.Context(), user, "id-000000", ""); fault.Of(err) != fault.NotFound {
			t.Error(err)
		}
	})
	t.Run("strict takes all of it or nothing", func(t *testing.T) {
		w := newWorld(t, &wiretest.Wire{})
		if err := w.runner.Run(t.Context(), w.queued(broken, run.Options{}, true)); fault.Of(err) != fault.Invalid || len(w.subjects()) > 0 {
			t.Errorf("%v, there are %v", err, w.subjects())
		}
	})
	t.Run("while another run has the calendar it waits", func(t *testing.T) {
		w := newWorld(t, &wiretest.Wire{})
		info, err := w.own.Calendar(t.Context(), uri)
		must(t, err)
		key := run.LeaseKey(run.LeaseName(user, uri, info.ID))
		lease, err := json.Marshal(map[string]any{"holder": "another", "until": at.Add(time.Minute)})
		must(t, err)
		_, err = w.table.Put(t.Context(), store.Item{Key: key, Data: lease}, store.Absent())
		must(t, err)
		if err := w.runner.Run(t.Context(), w.queued(file(1, "a"), run.Options{}, false)); err != run.ErrBusy {
			t.Error(err)
		}
	})
	t.Run("what is no message of ours is malformed, and what is gone not found", func(t *testing.T) {
		w := newWorld(t, &wiretest.Wire{})
		r := w.queued(file(1, "a"), run.Options{}, false)
		r.Input = []byte("[]")
		if err := w.runner.Run(t.Context(), r); fault.Of(err) != fault.Malformed {
			t.Error(err)
		}
		r.Input = []byte(`{"upload": "none", "sha256": ""}`)
		if err := w.runner.Run(t.Context(), r); fault.Of(err) != fault.NotFound {
			t.Error(err)
		}
	})
}

func TestRead(t *testing.T) {
	text := file(100, "a")
	packer, err := zstd.NewWriter(nil)
	must(t, err)
	for name, data := range map[string][]byte{"plain": []byte(text), "compressed": packer.EncodeAll([]byte(text), nil)} {
		if f, err := Read(data, 0); err != nil || len(f.Events) != 100 {
			t.Errorf("%s: %d events, %v", name, len(f.Events), err)
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "half": packer.EncodeAll([]byte(text), nil)[:40], "another": []byte("{}")} {
		if _, err := Read(data, 0); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
