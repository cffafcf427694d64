package job

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/store/storetest"
)

// crowdOf makes jobs of n users that are due at 23:59 in UTC, of a jitter or ByLoad.
func (w *world) crowdOf(jobs *Jobs, n, jitter int) (all []*Job) {
	w.t.Helper()
	for i := range n {
		who := fmt.Sprintf("tenant#user%05d", i)
		source, err := calendar.ParseURI("local://me/calendars/Work")
		must(w.t, err)
		into, err := calendar.ParseURI("local://me/calendars/Archive")
		must(w.t, err)
		c, err := w.configs().Create(w.t.Context(), who, archive.Config{
			Name: "work", Source: source, Archive: into, Timezone: "UTC", Purpose: archive.General, Overlaps: archive.Keep, OnDrift: archive.AskOnDrift, LookBack: 3,
		})
		must(w.t, err)
		j, err := jobs.Create(w.t.Context(), who, Job{
			Kind: run.Archive, Config: c.ID, Schedule: Schedule{Repeat: Daily, At: "23:59", Zone: "UTC"}, Jitter: jitter,
		})
		must(w.t, err)
		all = append(all, j)
	}
	return all
}

// night ticks every minute for an hour and a half from 23:59 on, over a table that takes only so much.
func (w *world) night(table *storetest.Capacity, until time.Duration) (total Report) {
	w.t.Helper()
	d := &Dispatcher{Table: table, Kinds: w.kinds(table, w.queue), Clock: w.Now, Log: zerolog.Nop()}
	for range int(until / time.Minute) {
		r, _ := d.Tick(context.Background()) // what the table refuses is tried again
		total.add(r)
		w.Advance(time.Minute)
	}
	return total
}

// TestACrowd has a table as new as one of the first night start the jobs of a hundred thousand users who are all due at 23:59, on a smaller scale.
func TestACrowd(t *testing.T) {
	const scale = 0.01
	n := int(100_000 * scale)
	crowd := func(t *testing.T, jitter int) (*world, *storetest.Capacity, []*Job) {
		w := newWorld(t, "2026-10-05T20:00:00Z")
		jobs := w.jobs()
		jobs.perMinute = int(perMinute * scale)
		all := w.crowdOf(jobs, n, jitter)
		w.Set(at(t, "2026-10-05T23:59:00Z"))
		return w, &storetest.Capacity{Table: w.Table, Clock: w.Now, Whole: 4000 / 2 * scale, Partition: 1000 / 2 * scale}, all // half is the runs'
	}
	t.Run("whose jitter is by its load is started in time", func(t *testing.T) {
		w, table, all := crowd(t, ByLoad)
		longest := 0
		for _, j := range all {
			longest = max(longest, j.Jitter)
		}
		if all[0].Jitter != DefaultJitter || longest <= DefaultJitter || longest >= MaxJitter {
			t.Errorf("the first one waits up to %d minutes, the longest up to %d", all[0].Jitter, longest)
		}
		r := w.night(table, 90*time.Minute)
		t.Logf("%+v, %.1f units a start, %d refused, up to %d minutes", r, table.Written()/float64(n), table.Refused(), longest)
		if r.Started != n || r.Late > 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("that starts at once is late, and complete", func(t *testing.T) {
		w, table, _ := crowd(t, 0)
		r := w.night(table, 90*time.Minute)
		t.Logf("%+v, %d refused", r, table.Refused())
		if r.Started != n || r.Late == 0 || table.Refused() == 0 {
			t.Errorf("%+v, %d were refused", r, table.Refused())
		}
	})
	t.Run("of few has the jitter of few", func(t *testing.T) {
		w := newWorld(t, "2026-10-05T20:00:00Z")
		for _, j := range w.crowdOf(w.jobs(), 20, ByLoad) {
			if j.Jitter != DefaultJitter {
				t.Errorf("up to %d minutes", j.Jitter)
			}
		}
	})
	t.Run("that grows without end has the longest jitter there is", func(t *testing.T) {
		w := newWorld(t, "2026-10-05T20:00:00Z")
		jobs := w.jobs()
		jobs.perMinute = 1
		all := w.crowdOf(jobs, 300, ByLoad)
		if last := all[len(all)-1]; last.Jitter != MaxJitter {
			t.Errorf("up to %d minutes", last.Jitter)
		}
		// one that is changed is counted anew
		j := all[len(all)-1]
		j.Schedule, j.Jitter = Schedule{Repeat: Daily, At: "03:00", Zone: "UTC"}, ByLoad
		changed, err := jobs.Update(t.Context(), j.User, *j)
		must(t, err)
		if changed.Jitter != DefaultJitter {
			t.Errorf("at another time, up to %d minutes", changed.Jitter)
		}
	})
}
