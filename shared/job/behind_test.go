package job

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/store/storetest"
)

// TestAnIndexThatLagsStartsNothingTwice lives through nights in which two dispatchers see what is due late, and as it was before.
func TestAnIndexThatLagsStartsNothingTwice(t *testing.T) {
	for _, lag := range []time.Duration{5 * time.Second, time.Minute, 150 * time.Second} {
		t.Run(fmt.Sprint("by ", lag), func(t *testing.T) {
			const users, nights = 20, 3
			w := newWorld(t, "2026-10-05T20:00:00Z")
			open := func(name string) store.Table {
				began := w.Now()
				table, err := sqlite.Open(filepath.Join(t.TempDir(), name), func() time.Time { return began }) // nothing that has expired goes
				must(t, err)
				t.Cleanup(func() { _ = table.Close() })
				return table
			}
			late := &storetest.Late{Table: open("table.db"), Index: open("index.db"), Clock: w.Now, Lag: lag}
			w.Table = late
			all := w.crowdOf(w.jobs(), users, ByLoad)
			dispatchers := []*Dispatcher{}
			for range 2 {
				dispatchers = append(dispatchers, &Dispatcher{Table: late, Kinds: w.kinds(late, w.queue), Clock: w.Now, Log: zerolog.Nop()})
			}
			w.Set(at(t, "2026-10-05T23:59:00Z"))
			started := 0
			for range nights {
				for range 20 {
					for _, d := range dispatchers { // the schedule ticks twice
						r, err := d.Tick(t.Context())
						must(t, err)
						started += r.Started
					}
					w.Advance(time.Minute)
				}
				w.Advance(24*time.Hour - 20*time.Minute)
			}
			if started != users*nights {
				t.Errorf("%d runs were started, want %d", started, users*nights)
			}
			for _, j := range all {
				list, _, err := run.NewStore(late).List(t.Context(), j.User, j.Config, 10, "")
				must(t, err)
				days := map[string]bool{}
				for _, r := range list {
					days[r.From.String()+r.To.String()] = true
				}
				if len(list) != nights || len(days) != nights {
					t.Errorf("%s has %d runs, of %d times", j.User, len(list), len(days))
				}
			}
		})
	}
}
