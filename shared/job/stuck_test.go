package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// poisoned is a table that fails to tell of one config, as a record does that a defect of the program trips over.
type poisoned struct {
	store.Table
	of    string // config
	cause error
}

func (p *poisoned) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if p.of != "" && key.SK == "CONFIG#"+p.of {
		return store.Item{}, p.cause
	}
	return p.Table.Get(ctx, key)
}

// night is a world with a job that a defect keeps from being started, and what is told of it.
type night struct {
	*world
	*poisoned
	metrics      strings.Builder
	stuck, going []string
}

func newNight(t *testing.T) (*night, *Job) {
	w := newWorld(t, evening)
	bad := w.config("Bad")
	j := w.job(bad, daily("23:00", "Europe/Berlin"))
	w.Advance(j.Due.Sub(w.Now()))
	return &night{world: w, poisoned: &poisoned{Table: w.Table, of: bad.ID, cause: errors.New("index out of range")}}, j
}

func (n *night) tick() (Report, error) {
	n.t.Helper()
	d := &Dispatcher{
		Table: n.world.Table, Kinds: n.kinds(n.poisoned, n.queue), Clock: n.Now, Log: n.log, Metrics: telemetry.NewMetrics(&n.metrics, "dev", n.Now),
		Stuck: func(_ context.Context, j *Job) { n.stuck = append(n.stuck, j.ID) }, Going: func(_ context.Context, j *Job) { n.going = append(n.going, j.ID) },
	}
	return d.Tick(n.t.Context())
}

func TestABadJobIsNoOutage(t *testing.T) {
	t.Run("others start, the tick succeeds, and the bad one is set aside", func(t *testing.T) {
		n, bad := newNight(t)
		good := n.job(n.world.config("Good"), daily("23:00", "Europe/Berlin"))
		n.Advance(good.Due.Sub(n.Now()))
		if r, err := n.tick(); r != (Report{Started: 1, Stuck: 1}) || err != nil {
			t.Fatalf("got %+v, %v", r, err)
		}
		got := n.get(bad.ID)
		if got.State != Active || !got.Due.Equal(bad.Due) || got.Detail == "" || strings.Contains(got.Detail, "index out of range") || got.LastRun != "" {
			t.Errorf("got %+v", got)
		}
		if log := n.logs.String(); !strings.Contains(log, "index out of range") || !strings.Contains(log, bad.ID) {
			t.Errorf("the log says %s", log)
		}
		if counted := n.metrics.String(); !strings.Contains(counted, `"JobsStuck":1`) || strings.Contains(counted, "JobsFailed") {
			t.Errorf("counted %s", counted)
		}
	})
	t.Run("alone it fails one tick, and then rests for longer and longer, up to an hour", func(t *testing.T) {
		n, bad := newNight(t)
		var failed []int
		for minute := range 4 * 60 {
			switch r, err := n.tick(); {
			case r == Report{Stuck: 1} && err != nil:
				failed = append(failed, minute)
			case r != Report{} || err != nil:
				t.Fatalf("minute %d: %+v, %v", minute, r, err)
			}
			n.Advance(time.Minute)
		}
		if want := []int{0, 5, 15, 35, 75, 135, 195}; !slices.Equal(failed, want) {
			t.Errorf("tried in minutes %v, want %v", failed, want)
		}
		if len(n.stuck) != len(failed)-1 || n.stuck[0] != bad.ID { // the user hears when it was tried again
			t.Errorf("told %d times of %d", len(n.stuck), len(failed))
		}
	})
	t.Run("it goes on by itself when the defect is mended, with one run for what it missed", func(t *testing.T) {
		n, bad := newNight(t)
		for range 30 {
			_, _ = n.tick()
			n.Advance(time.Minute)
		}
		n.of = ""
		n.Advance(10 * time.Minute)
		if r, err := n.tick(); r != (Report{Started: 1, Late: 1}) || err != nil {
			t.Fatalf("got %+v, %v", r, err)
		}
		got := n.get(bad.ID)
		if got.Parked != nil || got.Detail != "" || got.LastRun == "" || !got.LastDue.Equal(bad.Due) || !slices.Equal(n.going, []string{bad.ID}) {
			t.Errorf("got %+v; going are %v", got, n.going)
		}
		n.Advance(24 * time.Hour)
		n.world.end(got.LastRun, "succeeded")
		if _, err := n.tick(); err != nil || len(n.going) != 1 {
			t.Errorf("the next night: %v, going are %v", err, n.going)
		}
	})
	t.Run("that failed once, and not again, is told to nobody", func(t *testing.T) {
		n, _ := newNight(t)
		_, _ = n.tick()
		n.of = ""
		n.Advance(firstRest)
		if r, err := n.tick(); r != (Report{Started: 1}) || err != nil || len(n.stuck)+len(n.going) != 0 {
			t.Errorf("got %+v, %v; told %v %v", r, err, n.stuck, n.going)
		}
	})
	t.Run("a program that does not know of such jobs tries it, and does not drop it", func(t *testing.T) {
		n, bad := newNight(t)
		_, _ = n.tick()
		got := n.get(bad.ID)
		got.Parked.Tries = 0 // as one reads it that knows no tries
		got.unpark()
		if got.Due.IsZero() || got.State != Active {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("what passes does not count against the job", func(t *testing.T) {
		n, bad := newNight(t)
		n.cause = fault.New(fault.Throttled, "slow down")
		for range 3 {
			if r, err := n.tick(); r != (Report{Failed: 1}) || fault.Of(err) != fault.Throttled {
				t.Fatalf("got %+v, %v", r, err)
			}
			n.Advance(time.Minute)
		}
		if got := n.get(bad.ID); got.Parked != nil || got.Detail != "" {
			t.Errorf("got %+v", got)
		}
		if !strings.Contains(n.metrics.String(), `"JobsFailed":1`) {
			t.Errorf("counted %s", n.metrics.String())
		}
	})
	t.Run("one that was started, and cannot be relieved of its start, is not stuck", func(t *testing.T) {
		n, j := newNight(t)
		n.of = ""
		d := n.dispatcher()
		d.Table = &refusing{Table: n.world.Table, job: j.ID, after: 1}
		if r, err := d.Tick(t.Context()); r != (Report{Started: 1, Failed: 1}) || err != nil {
			t.Fatalf("got %+v, %v", r, err)
		}
		if got := n.get(j.ID); got.Start == nil || got.Parked != nil || got.Detail != "" || !got.LastDue.Equal(j.Due) {
			t.Errorf("got %+v", got)
		}
		n.Advance(takeOver)
		if r, err := n.tick(); r != (Report{Resumed: 1}) || err != nil {
			t.Errorf("a minute later: %+v, %v", r, err)
		}
	})
	t.Run("one whose run cannot be stored is set aside alone", func(t *testing.T) {
		n, bad := newNight(t)
		n.of = ""
		good := n.job(n.world.config("Good"), daily("23:00", "Europe/Berlin"))
		n.Advance(good.Due.Sub(n.Now()))
		d := n.dispatcher()
		d.Table = &refusing{Table: n.world.Table, job: bad.ID}
		if r, err := d.Tick(t.Context()); r != (Report{Started: 1, Stuck: 1}) || err != nil {
			t.Fatalf("got %+v, %v", r, err)
		}
		got := n.get(bad.ID)
		if got.Start != nil || got.LastRun != "" || !got.Due.Equal(bad.Due) || got.Parked == nil || n.get(good.ID).LastRun == "" {
			t.Errorf("got %+v", got)
		}
	})
}

// refusing is a table that takes no transaction about one job, from a number on.
type refusing struct {
	store.Table
	job   string
	after int
}

func (r *refusing) Transact(ctx context.Context, ops []store.Op) error {
	for _, op := range ops {
		if op.Put != nil && op.Put.SK == "JOB#"+r.job {
			if r.after--; r.after >= 0 {
				break
			}
			return fault.New(fault.Internal, "the item is too large")
		}
	}
	return r.Table.Transact(ctx, ops)
}

// deaf is a queue that takes nothing.
type deaf struct{ queue.Queue }

func (deaf) Send(context.Context, []byte, time.Duration) error {
	return fault.New(fault.Internal, "no permission")
}

// blind is a table that does not show one shard.
type blind struct {
	store.Table
	shard string
}

func (b *blind) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if q.PK == b.shard {
		return store.Page{}, fault.New(fault.Unavailable, "no answer")
	}
	return b.Table.Query(ctx, q)
}

func TestATickFailsWhenItGotNothingDoneOrDidNotSeeAll(t *testing.T) {
	due := func(t *testing.T, n int) *world {
		w := newWorld(t, evening)
		for i := range n {
			w.job(w.config(fmt.Sprint("C", i)), daily("23:00", "Europe/Berlin"))
		}
		w.Advance(time.Hour)
		return w
	}
	t.Run("no run was named to a worker", func(t *testing.T) {
		w := due(t, 3)
		d := w.dispatcher()
		d.Kinds = w.kinds(w.Table, deaf{w.queue})
		if r, err := d.Tick(t.Context()); r != (Report{Started: 3, Failed: 3}) || err == nil {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("a shard was not seen, though others were", func(t *testing.T) {
		w := due(t, 40)
		d := w.dispatcher()
		d.Table = &blind{Table: w.Table, shard: shardKey(3)}
		if r, err := d.Tick(t.Context()); r.Left != 1 || r.Started == 0 || err == nil {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("one was set aside for its own reason, and another one failed", func(t *testing.T) {
		w := due(t, 1)
		paused := w.job(w.config("Paused"), daily("23:00", "Europe/Berlin"))
		paused.Schedule.Zone = "Europe/Atlantis"
		w.put(paused.item())
		w.Advance(24 * time.Hour)
		d := w.dispatcher()
		d.Kinds = w.kinds(w.Table, deaf{w.queue})
		if r, err := d.Tick(t.Context()); r.Paused != 1 || r.Failed != 1 || err != nil {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("nothing was due", func(t *testing.T) {
		if r, err := newWorld(t, evening).dispatcher().Tick(t.Context()); r != (Report{}) || err != nil {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

func TestHowLongTheLongestDueJobWaitedIsCounted(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{5 * time.Minute, ""}, {5*time.Minute + time.Second, `"JobWait":301`}, {2 * time.Hour, `"JobWait":7200`}} {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.job(w.config("B"), daily("23:30", "Europe/Berlin"))
		w.Advance(j.Starts().Sub(w.Now()) + c.after)
		var counted strings.Builder
		d := w.dispatcher()
		d.Metrics = telemetry.NewMetrics(&counted, "dev", w.Now)
		_, err := d.Tick(t.Context())
		must(t, err)
		if got := counted.String(); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "JobWait") ||
			c.want != "" && !strings.Contains(got, `{"Name":"JobWait","Unit":"Seconds"}`) {
			t.Errorf("after %s: %s", c.after, got)
		}
	}
}
