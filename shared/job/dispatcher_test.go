package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/awstest"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/queue"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/dynamo"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/wiretest"
)

const user = "local#tester"

// world is one machine: a store and a queue, on a clock that moves when it is told to.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	t     testing.TB
	ids   atomic.Int64
	queue queue.Queue
	logs  bytes.Buffer
	log   zerolog.Logger // writes to logs, also of several at once
}

func newWorld(t testing.TB, now string) *world {
	clock := machinetest.NewClock(at(t, now), 0)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t, queue: machinetest.Queues(t, clock.Now).Queue("archive")}
	w.log = zerolog.New(zerolog.SyncWriter(&w.logs))
	return w
}

// NewID returns an id that sorts by time.
func (w *world) NewID() string {
	return ulid.MustNew(ulid.Timestamp(w.Now()), strings.NewReader(fmt.Sprintf("%010d", w.ids.Add(1)))).String()
}

func (w *world) configs() *archive.Configs {
	return archive.NewConfigs(w.Table, ledger.New(w.Table, w.Blobs, w.Key), w.NewID, w.Now)
}

// kinds are those of the real system, over the table and the queue.
func (w *world) kinds(table store.Table, q queue.Queue) map[run.Kind]Kind {
	configs := archive.NewConfigs(table, ledger.New(table, w.Blobs, w.Key), w.NewID, w.Now)
	described := run.MustKinds(archive.RunKind, archive.VerifyKind, archive.RepairKind, backup.RunKind, restore.RunKind, restore.DrillKind)
	return Kinds(described, configs, map[run.QueueName]queue.Queue{run.ArchiveQueue: q, run.BackupQueue: q})
}

func (w *world) jobs() *Jobs { return New(w.Table, w.kinds(w.Table, w.queue), w.NewID, w.Now) }

func (w *world) dispatcher() *Dispatcher {
	return &Dispatcher{Table: w.Table, Kinds: w.kinds(w.Table, w.queue), Clock: w.Now, Log: w.log}
}

func (w *world) tick() Report {
	w.t.Helper()
	r, err := w.dispatcher().Tick(w.t.Context())
	must(w.t, err)
	return r
}

// config makes an active config in Berlin that looks back three days.
func (w *world) config(name string) archive.Config {
	w.t.Helper()
	source, err := calendar.ParseURI("local://me/calendars/Work")
	must(w.t, err)
	into, err := calendar.ParseURI("local://me/calendars/" + name)
	must(w.t, err)
	c, err := w.configs().Create(w.t.Context(), user, archive.Config{
		Name: name, Source: source, Archive: into, Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Keep,
		OnDrift: archive.AskOnDrift, LookBack: 3,
	})
	must(w.t, err)
	return c
}

func (w *world) job(c archive.Config, s Schedule, change ...func(*Job)) *Job {
	w.t.Helper()
	in := Job{Kind: run.Archive, Config: c.ID, Schedule: s}
	for _, f := range change {
		f(&in)
	}
	j, err := w.jobs().Create(w.t.Context(), user, in)
	must(w.t, err)
	return j
}

func (w *world) get(id string) *Job {
	w.t.Helper()
	j, err := w.jobs().Get(w.t.Context(), user, id)
	must(w.t, err)
	return j
}

// runs are the user's, the newest first.
func (w *world) runs() []*run.Run {
	w.t.Helper()
	runs, next, err := run.NewStore(w.Table).List(w.t.Context(), user, "", 1000, "")
	must(w.t, err)
	if next != "" {
		w.t.Fatal("more than a page of runs")
	}
	return runs
}

// messages takes all messages off the queue and counts them by run.
func (w *world) messages() map[string]int {
	w.t.Helper()
	sent := map[string]int{}
	for {
		messages, err := w.queue.Receive(w.t.Context(), 10, time.Minute, 0)
		must(w.t, err)
		if len(messages) == 0 {
			return sent
		}
		for _, m := range messages {
			msg, err := run.ParseMessage(m.Body)
			must(w.t, err)
			sent[msg.RunID]++
			must(w.t, w.queue.Delete(w.t.Context(), m.Receipt))
		}
	}
}

// end ends a run as a worker would.
func (w *world) end(id string, state run.State) {
	w.t.Helper()
	runs := run.NewStore(w.Table)
	r, err := runs.Get(w.t.Context(), user, id)
	must(w.t, err)
	must(w.t, runs.Finish(w.t.Context(), r, state, w.Now()))
}

func TestTick(t *testing.T) {
	t.Run("a job starts its run when it is due, once", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		if r := w.tick(); r != (Report{}) {
			t.Fatalf("too early: %+v", r)
		}
		w.Advance(2 * time.Hour)
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Fatalf("got %+v", r)
		}
		r := w.runs()[0]
		want := &run.Run{
			ID: runID(j.ID, j.Due), User: user, Kind: run.Archive, Config: j.Config, From: calendar.Date{Year: 2026, Month: 10, Day: 2},
			To: calendar.Date{Year: 2026, Month: 10, Day: 4}, Job: j.ID, State: run.Queued, Progress: run.NewProgress("queued", 0, 0),
			Correlation: r.ID, Created: w.Now(), Active: "archive#2026-10-02#2026-10-04#{DryRun:false Force:false Adopt:false}#",
		}
		if text, wantText := jsonOf(t, r), jsonOf(t, want); text != wantText {
			t.Errorf("got %s\nwant %s", text, wantText)
		}
		if diff := cmp.Diff(map[string]int{r.ID: 1}, w.messages()); diff != "" {
			t.Error(diff)
		}
		got := w.get(j.ID)
		if !got.Due.Equal(j.Due.AddDate(0, 0, 1)) || got.Start != nil || got.LastRun != r.ID || !got.LastDue.Equal(j.Due) {
			t.Errorf("got %+v", got)
		}
		w.Advance(2 * time.Minute)
		if r := w.tick(); r != (Report{}) {
			t.Errorf("again: %+v", r)
		}
	})
	t.Run("jitter delays the run and not its days", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"), func(j *Job) { j.Jitter = 60 })
		if j.offset() < 2*time.Minute {
			t.Fatalf("the job's offset is %v, too small to test with", j.offset())
		}
		w.Advance(j.Starts().Sub(w.Now()) - time.Second)
		if r := w.tick(); r != (Report{}) {
			t.Errorf("a second before: %+v", r)
		}
		w.Advance(time.Second)
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Errorf("in time: %+v", r)
		}
		if to := w.runs()[0].To.String(); to != "2026-10-04" {
			t.Errorf("the run ends with %s, the day before the next one's beginning", to)
		}
	})
	t.Run("jitter leaves no time out, however close they are", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), expression("*/5 * * * *", "UTC"), func(j *Job) { j.Jitter = 60 })
		w.Advance(time.Hour)
		for range 12 {
			for id := range w.messages() {
				w.end(id, run.Succeeded)
			}
			if r := w.tick(); r.Started != 1 {
				t.Fatalf("%v: %+v", w.Now(), r)
			}
			w.Advance(5 * time.Minute)
		}
	})
	t.Run("missed times are caught up by one run of the days until now", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(10 * 24 * time.Hour) // 22:00, ten days later
		if r := w.tick(); r != (Report{Started: 1, Late: 1}) {
			t.Fatalf("got %+v", r)
		}
		if r := w.runs()[0]; r.To.String() != "2026-10-13" { // the last of the missed times was on the 14th
			t.Errorf("the run ends with %v", r.To)
		}
		if got := w.get(j.ID); !got.Due.Equal(at(t, "2026-10-15T21:00:00Z")) || !got.LastDue.Equal(at(t, "2026-10-14T21:00:00Z")) {
			t.Errorf("due %v, last %v", got.Due, got.LastDue)
		}
	})
	t.Run("the window of a job", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "America/New_York"), func(j *Job) { j.Window.Days = 7 })
		w.Advance(8 * time.Hour) // after 03:00 on the 6th in UTC, which is the 6th in Berlin
		w.tick()
		if r := w.runs()[0]; r.From.String() != "2026-09-29" || r.To.String() != "2026-10-05" {
			t.Errorf("from %v to %v", r.From, r.To)
		}
	})
	t.Run("a run under way for the same days stands for the job's", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		j := w.job(c, daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		from, to, err := w.configs().Window(t.Context(), c, w.Now())
		must(t, err)
		other, _, err := run.NewStore(w.Table).Create(t.Context(), &run.Run{
			ID: "01K0000000000000000000000A", User: user, Kind: run.Archive, Config: c.ID, From: from, To: to, State: run.Running,
		})
		must(t, err)
		if r := w.tick(); r != (Report{Started: 1, Joined: 1}) {
			t.Errorf("got %+v", r)
		}
		if len(w.runs()) != 1 || w.messages()[other.ID] != 1 || w.get(j.ID).LastRun != other.ID || !w.get(j.ID).Due.After(w.Now()) {
			t.Errorf("%d runs, job %+v", len(w.runs()), w.get(j.ID))
		}
	})
	t.Run("a note that outlived its run is no run", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		w.job(c, daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		from, to, err := w.configs().Window(t.Context(), c, w.Now())
		must(t, err)
		gone := &run.Run{ID: "01K0000000000000000000000A", User: user, Kind: run.Archive, Config: c.ID, From: from, To: to}
		must(t, w.Table.Transact(t.Context(), gone.Creation(store.Absent())[1:]))
		if r := w.tick(); r != (Report{Started: 1}) || len(w.messages()) != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("two jobs for the same days share a run", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		for { // until two are in one shard
			a, b := w.job(c, daily("23:00", "Europe/Berlin")), w.job(c, daily("23:00", "Europe/Berlin"))
			if a.item().IndexPK == b.item().IndexPK {
				break
			}
			must(t, w.jobs().RemoveAll(t.Context(), user, ""))
		}
		w.Advance(time.Hour)
		if r := w.tick(); r != (Report{Started: 2, Joined: 1}) || len(w.runs()) != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a job put back to an earlier state does not start its run again", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		w.tick()
		for id := range w.messages() {
			w.end(id, run.Succeeded)
		}
		_, err := w.Table.Put(t.Context(), *j.item(), store.Any())
		must(t, err)
		if r := w.tick(); r != (Report{Started: 1, Joined: 1}) || len(w.runs()) != 1 || len(w.messages()) != 0 {
			t.Errorf("got %+v, %d runs", r, len(w.runs()))
		}
		if got := w.get(j.ID); !got.Due.After(w.Now()) || got.Start != nil {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("late jobs are counted, and told to whoever wants to know", func(t *testing.T) {
		w := newWorld(t, evening)
		late := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.job(w.config("B"), daily("23:04", "Europe/Berlin"))
		var lines bytes.Buffer
		d := w.dispatcher()
		var told []string
		d.Late = func(_ context.Context, j *Job) {
			if j.Start != nil {
				t.Error("told before its run was started")
			}
			told = append(told, j.ID+" "+j.LastRun+" "+j.LastDue.UTC().Format(time.RFC3339))
		}
		d.Metrics = telemetry.NewMetrics(&lines, "dev", w.Now)
		w.Advance(time.Hour + lateAfter + time.Second)
		_, err := d.Tick(t.Context())
		must(t, err)
		if !strings.Contains(lines.String(), `"JobsLate":1`) {
			t.Errorf("got %q", lines.String())
		}
		if want := []string{late.ID + " " + w.get(late.ID).LastRun + " 2026-10-05T21:00:00Z"}; !cmp.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
	t.Run("when time is up the rest is left to the next tick", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), reserve)
		defer cancel()
		r, err := w.dispatcher().Tick(ctx)
		must(t, err)
		if r != (Report{Left: Shards}) || len(w.runs()) != 0 {
			t.Errorf("got %+v", r)
		}
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Errorf("the next: %+v", r)
		}
	})
	t.Run("a store that does not answer is told", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d := w.dispatcher()
		if _, err := d.Tick(ctx); err != nil {
			t.Errorf("nothing was begun, and yet: %v", err)
		}
		d.Table = (&wiretest.Wire{DieAt: 1}).Table(w.Table)
		if r, err := d.Tick(t.Context()); err == nil || r.Left != Shards {
			t.Errorf("got %+v and %v", r, err)
		}
	})
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

// TestPoison puts jobs that cannot start runs before a good one, all in one shard.
func TestPoison(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(w *world, c archive.Config, j *Job)
		want   Report
		reason Reason // that the job is paused for
		again  Report // of the next tick
	}{
		{"an unreadable record", func(w *world, _ archive.Config, j *Job) {
			item := j.item()
			item.Data = []byte(`{"id":`)
			w.put(item)
		}, Report{Dropped: 1}, "", Report{}},
		{"a record of another job", func(w *world, _ archive.Config, j *Job) {
			item := j.item()
			item.Data = []byte(strings.ReplaceAll(string(item.Data), j.ID, "01K0000000000000000000000B"))
			w.put(item)
		}, Report{Dropped: 1}, "", Report{}},
		{"a job without a time", func(w *world, _ archive.Config, j *Job) {
			item := j.item()
			j.Due = time.Time{}
			item.Data = []byte(jsonOf(w.t, j))
			w.put(item)
		}, Report{Dropped: 1}, "", Report{}},
		{"an unknown zone", func(w *world, _ archive.Config, j *Job) {
			j.Schedule.Zone = "Europe/Atlantis"
			w.put(j.item())
		}, Report{Paused: 1}, Broken, Report{}},
		{"a schedule that nobody can read", func(w *world, _ archive.Config, j *Job) {
			j.Schedule.At = "soon"
			w.put(j.item())
		}, Report{Paused: 1}, Broken, Report{}},
		{"no config", func(w *world, c archive.Config, _ *Job) {
			must(w.t, w.configs().Delete(w.t.Context(), user, c.ID, c.Version))
		}, Report{Paused: 1}, Broken, Report{}},
		{"an inactive config", func(w *world, c archive.Config, _ *Job) {
			c.Active = false
			_, err := w.configs().Update(w.t.Context(), user, c)
			must(w.t, err)
		}, Report{Paused: 1}, ConfigInactive, Report{}},
		{"a kind of another version", func(w *world, _ archive.Config, j *Job) {
			j.Kind = "dream"
			w.put(j.item())
		}, Report{Parked: 1}, UnknownKind, Report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "2026-10-05T20:00:00Z")
			bad, good := w.config("Bad"), w.config("Good")
			spoiled, fine := w.job(bad, daily("23:00", "Europe/Berlin")), w.job(good, daily("23:00", "Europe/Berlin"))
			for spoiled.item().IndexPK != fine.item().IndexPK || spoiled.ID > fine.ID {
				must(t, w.jobs().RemoveAll(t.Context(), user, good.ID))
				fine = w.job(good, daily("23:00", "Europe/Berlin"))
			}
			c.spoil(w, bad, spoiled)
			w.Advance(time.Hour)
			want := c.want
			want.Started++
			r, err := w.dispatcher().Tick(t.Context())
			if r != want || (err != nil) != (want.Failed > 0) {
				t.Errorf("got %+v and %v, want %+v", r, err, want)
			}
			if runs := w.runs(); len(runs) != 1 || runs[0].Job != fine.ID {
				t.Errorf("%d runs", len(runs))
			}
			if c.reason != "" {
				if j := w.get(spoiled.ID); j.State != Paused || j.Reason != c.reason || j.Detail == "" || !j.Due.IsZero() {
					t.Errorf("got %+v", j)
				}
			}
			if !strings.Contains(w.logs.String(), spoiled.ID) {
				t.Errorf("the log does not name the job: %s", w.logs.String())
			}
			w.Advance(2 * time.Minute)
			if r, _ := w.dispatcher().Tick(t.Context()); r != c.again {
				t.Errorf("the next tick: %+v, want %+v", r, c.again)
			}
		})
	}
}

func (w *world) put(item *store.Item) {
	w.t.Helper()
	_, err := w.Table.Put(w.t.Context(), *item, store.Any())
	must(w.t, err)
}

// TestDispatchersAtOnce lets two dispatchers start 10,000 jobs: every job starts one run, which one message names.
func TestDispatchersAtOnce(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	newWorld(t, evening).atOnce(n)
}

func (w *world) atOnce(n int) {
	t := w.t
	c := newCrowd(w, w.Table, n)
	w.Advance(3 * time.Hour)
	if started := w.together(w.dispatcher(), w.dispatcher()); started != n {
		t.Errorf("%d jobs started their runs", started)
	}
	c.check(1)
	w.Advance(takeOver)
	if r := w.tick(); r != (Report{}) {
		t.Errorf("left over: %+v", r)
	}
}

// together lets dispatchers tick at once, and one of them again where another transaction was in the way too often. It returns how many
// jobs started their runs.
func (w *world) together(all ...*Dispatcher) (started int) {
	w.t.Helper()
	var running sync.WaitGroup
	reports := make([]Report, len(all))
	errs := make([]error, len(all))
	for i, d := range all {
		running.Go(func() { reports[i], errs[i] = d.Tick(w.t.Context()) })
	}
	running.Wait()
	must(w.t, errors.Join(errs...))
	failed := 0
	for _, r := range reports {
		started, failed = started+r.Started, failed+r.Failed
	}
	for failed > 0 {
		w.Advance(takeOver)
		r := w.tick()
		started, failed = started+r.Started, r.Failed
	}
	return started
}

// crowd is many users with a config and a job each.
type crowd struct {
	w     *world
	table store.Table
	users map[string]string // by job
}

func newCrowd(w *world, table store.Table, n int) *crowd {
	w.t.Helper()
	source, err := calendar.ParseURI("local://me/calendars/Work")
	must(w.t, err)
	into, err := calendar.ParseURI("local://me/calendars/Archive")
	must(w.t, err)
	c := &crowd{w: w, table: table, users: make(map[string]string, n)}
	items := make([]store.Item, 0, 2*n)
	for i := range n {
		config := archive.Config{
			ID: fmt.Sprintf("01JX%022d", i), Name: "A", Source: source, Archive: into, Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Keep,
			OnDrift: archive.AskOnDrift, LookBack: 3, Active: true,
		}
		j := &Job{
			ID: fmt.Sprintf("01JY%022d", i), User: fmt.Sprintf("local#user%06d", i), Kind: run.Archive, Config: config.ID,
			Schedule: daily("23:59", "Europe/Berlin"), Jitter: 10,
		}
		j.activate(times(w.t, j.Schedule), w.Now())
		items = append(items, *j.item(), store.Item{Key: store.Key{PK: "USER#" + j.User, SK: "CONFIG#" + config.ID}, Data: []byte(jsonOf(w.t, config))})
		c.users[j.ID] = j.User
	}
	must(w.t, table.BatchPut(w.t.Context(), items))
	return c
}

// check looks whether every job has started runs runs, each named by one message, and has its next time to come.
func (c *crowd) check(runs int) {
	t := c.w.t
	t.Helper()
	sent := c.w.messages()
	if len(sent) != len(c.users)*runs {
		t.Fatalf("messages name %d runs of %d jobs", len(sent), len(c.users))
	}
	for id, times := range sent {
		if times != 1 {
			t.Fatalf("run %s is named %d times", id, times)
		}
	}
	for id, user := range c.users {
		items, err := store.All(t.Context(), c.table, store.Query{PK: "USER#" + user})
		must(t, err)
		found := 0
		for _, item := range items {
			if name, ok := strings.CutPrefix(item.SK, "RUN#"); ok {
				found++
				if sent[name] == 0 {
					t.Fatalf("run %s is not named", name)
				}
			}
			if item.SK == "JOB#"+id {
				if j, err := decode(item); err != nil || j.Start != nil || !j.Due.After(c.w.Now()) {
					t.Fatalf("job %s: %+v, %v", id, j, err)
				}
			}
		}
		if found != runs {
			t.Fatalf("job %s has started %d runs", id, found)
		}
	}
}

// TestAMonth ticks every five minutes through a month in which clocks change, some ticks missed.
func TestAMonth(t *testing.T) {
	w := newWorld(t, "2026-10-09T22:00:30Z")
	night := w.job(w.config("Night"), daily("02:30", "Europe/Berlin"), func(j *Job) { j.Window.Days = 1 })
	hour := w.job(w.config("Hour"), expression("0 */6 * * *", "Europe/Berlin"), func(j *Job) { j.Window.Days, j.Jitter = 2, 10 })
	week := w.job(w.config("Week"), Schedule{Repeat: Weekly, At: "23:59", Weekdays: []string{"sunday"}, Zone: "America/New_York"}, func(j *Job) { j.Jitter = 60 })
	var days []string
	counts := map[string]int{}
	d := w.dispatcher()
	end := at(t, "2026-11-09T22:00:00Z")
	for n := 0; w.Now().Before(end); n++ {
		if n%7 != 3 {
			_, err := d.Tick(t.Context())
			must(t, err)
		}
		for id, n := range w.messages() {
			if n != 1 {
				t.Errorf("run %s is named %d times", id, n)
			}
			r, err := run.NewStore(w.Table).Get(t.Context(), user, id)
			must(t, err)
			counts[r.Job]++
			if r.Job == night.ID {
				days = append(days, r.To.String())
			}
			w.end(id, run.Succeeded)
		}
		w.Advance(5 * time.Minute)
	}
	var want []string
	for day := (calendar.Date{Year: 2026, Month: 10, Day: 9}); len(want) < 31; day = day.AddDays(1) {
		want = append(want, day.String())
	}
	if diff := cmp.Diff(want, days); diff != "" {
		t.Errorf("days of the nightly job (-want +got):\n%s", diff)
	}
	if counts[hour.ID] != 31*4-1 || counts[week.ID] != 5 {
		t.Errorf("the other jobs ran %d and %d times", counts[hour.ID], counts[week.ID])
	}
}

// TestNightsOnWhichClocksChange ticks every minute of the nights around both changes of the year in Berlin: each job starts in the minute
// in which it should, once a night.
func TestNightsOnWhichClocksChange(t *testing.T) {
	for _, c := range []struct {
		first  string // of three nights, in UTC
		starts map[string][]string
	}{
		{"2026-10-24T00:00:00Z", map[string][]string{ // 03:00 is 02:00 again on the 25th, at 01:00 UTC
			"02:00": {"2026-10-24T00:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"},
			"02:30": {"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
			"03:00": {"2026-10-24T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"},
		}},
		{"2027-03-27T00:00:00Z", map[string][]string{ // 02:00 is 03:00 at once on the 28th, at 01:00 UTC
			"02:00": {"2027-03-27T01:00:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z"},
			"02:30": {"2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"},
			"03:00": {"2027-03-27T02:00:00Z", "2027-03-28T01:00:00Z", "2027-03-29T01:00:00Z"},
		}},
	} {
		t.Run(c.first, func(t *testing.T) {
			first := at(t, c.first)
			w := newWorld(t, first.Add(-time.Hour).Format(time.RFC3339))
			times := map[string]string{} // by job
			for when := range c.starts {
				times[w.job(w.config(when), daily(when, "Europe/Berlin")).ID] = when
			}
			d := w.dispatcher()
			got := map[string][]string{}
			for night := range 3 {
				w.Set(first.AddDate(0, 0, night))
				for range 151 {
					_, err := d.Tick(t.Context())
					must(t, err)
					for id := range w.messages() {
						r, err := run.NewStore(w.Table).Get(t.Context(), user, id)
						must(t, err)
						got[times[r.Job]] = append(got[times[r.Job]], w.Now().Format(time.RFC3339))
						w.end(id, run.Succeeded)
					}
					w.Advance(time.Minute)
				}
			}
			if diff := cmp.Diff(c.starts, got); diff != "" {
				t.Errorf("starts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAJobSurvivesDyingAnywhere lets the process die at every single request to the store and to the queue, before it took effect
// and after it. The ticks that follow start every run once, and every run is named to a worker.
func TestAJobSurvivesDyingAnywhere(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world, wire *wiretest.Wire, due *Job) error
		want func(t *testing.T, w *world, due *Job)
	}{
		{"a tick", func(w *world, wire *wiretest.Wire, _ *Job) error {
			return w.wiredTick(wire)
		}, startedOnce},
		{"a tick after one that died before it sent", func(w *world, wire *wiretest.Wire, _ *Job) error {
			w.dieBeforeSending()
			w.Advance(takeOver)
			return w.wiredTick(wire)
		}, startedOnce},
		{"a pause after a tick that died before it sent", func(w *world, wire *wiretest.Wire, due *Job) error {
			w.dieBeforeSending()
			_, err := w.wiredJobs(wire).Pause(w.t.Context(), user, due.ID, ByUser)
			return err
		}, startedOnce},
		{"a change of the schedule after a tick that died before it sent", func(w *world, wire *wiretest.Wire, due *Job) error {
			w.dieBeforeSending()
			changed := *w.get(due.ID)
			changed.Schedule.At = "04:00"
			_, err := w.wiredJobs(wire).Update(w.t.Context(), user, changed)
			return err
		}, startedOnce},
		{"a removal after a tick that died before it sent", func(w *world, wire *wiretest.Wire, due *Job) error {
			w.dieBeforeSending()
			return w.wiredJobs(wire).RemoveAll(w.t.Context(), user, due.Config)
		}, func(t *testing.T, w *world, due *Job) {
			if len(w.runsOf(due.ID)) != 1 {
				t.Errorf("the job started %d runs", len(w.runsOf(due.ID)))
			}
		}},
		{"a run that is asked for after a tick that died before it sent", func(w *world, wire *wiretest.Wire, due *Job) error {
			w.dieBeforeSending()
			w.Advance(24 * time.Hour) // so that its days are others
			_, _, err := w.wiredJobs(wire).Trigger(w.t.Context(), user, due.ID)
			return err
		}, func(t *testing.T, w *world, due *Job) {
			if n := len(w.runsOf(due.ID)); n < 2 || n > 3 { // the first, what the next tick made up, and perhaps the one asked for
				t.Errorf("the job started %d runs", n)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, wire *wiretest.Wire) {
				w := newWorld(t, "2026-10-05T20:00:00Z")
				var jobs []*Job
				for i := range 3 {
					jobs = append(jobs, w.job(w.config(fmt.Sprintf("C%d", i)), daily("23:00", "Europe/Berlin")))
				}
				joining := w.job(archive.Config{ID: jobs[0].Config}, daily("23:00", "Europe/Berlin"))
				w.Advance(time.Hour)
				err := c.do(w, wire, jobs[2])
				if !wire.Dead() {
					must(t, err)
				}
				for range 3 {
					w.Advance(takeOver)
					w.tick()
				}

				sent := w.messages()
				for _, r := range w.runs() {
					if sent[r.ID] == 0 {
						t.Errorf("run %s is not named to a worker", r.ID)
					}
				}
				c.want(t, w, jobs[2])
				startedOnce(t, w, jobs[1])
				if shared := len(w.runsOf(jobs[0].ID)) + len(w.runsOf(joining.ID)); shared < 1 || shared > 2 {
					t.Errorf("the jobs of one config started %d runs", shared)
				}
				if r := w.tick(); r != (Report{}) {
					t.Errorf("left over: %+v", r)
				}
			})
		})
	}
}

func startedOnce(t *testing.T, w *world, j *Job) {
	t.Helper()
	runs := w.runsOf(j.ID)
	got := w.get(j.ID)
	if len(runs) == 0 || runs[len(runs)-1].ID != runID(j.ID, j.Due) {
		t.Fatalf("the job started %d runs", len(runs))
	}
	ran := map[calendar.Date]bool{}
	for _, r := range runs {
		if ran[r.To] {
			t.Errorf("two runs end with %v", r.To)
		}
		ran[r.To] = true
	}
	if got.Start != nil || got.State == Active && !got.Due.After(w.Now()) {
		t.Errorf("got %+v", got)
	}
}

func (w *world) runsOf(job string) (runs []*run.Run) {
	for _, r := range w.runs() {
		if r.Job == job {
			runs = append(runs, r)
		}
	}
	return runs
}

func (w *world) wiredTick(wire *wiretest.Wire) error {
	table, q := wire.Table(w.Table), wire.Queue(w.queue)
	d := &Dispatcher{Table: table, Kinds: w.kinds(table, q), Clock: w.Now, Log: zerolog.Nop()}
	_, err := d.Tick(w.t.Context())
	return err
}

func (w *world) wiredJobs(wire *wiretest.Wire) *Jobs {
	table, q := wire.Table(w.Table), wire.Queue(w.queue)
	return New(table, w.kinds(table, q), w.NewID, w.Now)
}

// dieBeforeSending is a tick that stores its runs and sends nothing.
func (w *world) dieBeforeSending() {
	w.t.Helper()
	d := &Dispatcher{Table: w.Table, Kinds: w.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue)), Clock: w.Now, Log: zerolog.Nop()}
	if r, err := d.Tick(w.t.Context()); err == nil || r.Started == 0 {
		w.t.Fatalf("got %+v and %v", r, err)
	}
}

// BenchmarkDispatcher starts the runs of 100,000 jobs in every round on files as one machine has them, and of fewer on DynamoDB Local,
// where the number of requests is of interest and the time is the engine's.
func BenchmarkDispatcher(b *testing.B) {
	files := func(b *testing.B) *world {
		w := newWorld(b, evening)
		table, err := sqlite.Open(filepath.Join(b.TempDir(), "store.db"), w.Now)
		must(b, err)
		b.Cleanup(func() { table.Close() })
		file, err := queues.Open(filepath.Join(b.TempDir(), "queue.db"), w.Now)
		must(b, err)
		b.Cleanup(func() { file.Close() })
		w.Table, w.queue = table, file.Queue("archive")
		return w
	}
	for _, c := range []struct {
		name    string
		n, most int // jobs, and dispatchers at once
	}{{"sqlite", 100_000, 1}, {"sqlite, two at once", 100_000, 2}, {"dynamo", 2_000, 1}, {"dynamo, two at once", 2_000, 2}} {
		b.Run(c.name, func(b *testing.B) {
			w := files(b)
			if strings.HasPrefix(c.name, "dynamo") {
				w.Table = onDynamoDB(b)
			}
			w.dispatch(b, c.n, c.most)
		})
	}
}

// onDynamoDB makes a table in DynamoDB Local that is gone after the test.
func onDynamoDB(t testing.TB) store.Table {
	cfg := awstest.DynamoDB(t)
	return dynamo.New(cfg, awstest.Table(t, cfg, dynamo.Schema))
}

// TestDispatchersAtOnceOnDynamoDB is TestDispatchersAtOnce on the other engine, with fewer jobs.
func TestDispatchersAtOnceOnDynamoDB(t *testing.T) {
	w := newWorld(t, evening)
	w.Table = onDynamoDB(t)
	w.atOnce(500)
}

// dispatch starts the runs of n jobs a day in every round, by so many dispatchers at once.
func (w *world) dispatch(b *testing.B, n, dispatchers int) {
	c := newCrowd(w, w.Table, n)
	counter := &store.Counter{Table: w.Table}
	all := make([]*Dispatcher, dispatchers)
	for i := range all {
		all[i] = &Dispatcher{
			Table: counter, Kinds: w.kinds(counter, w.queue), Clock: w.Now, Log: zerolog.Nop(), Barred: barred(account.NewUsers(counter, w.Now)),
		}
	}
	rounds := 0
	for b.Loop() {
		w.Advance(24 * time.Hour)
		if started := w.together(all...); started != n {
			b.Fatalf("%d jobs started their runs", started)
		}
		rounds++
	}
	b.ReportMetric(float64(n*rounds)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(float64(counter.Requests())/float64(n*rounds), "requests/job")
	c.check(rounds)
}
