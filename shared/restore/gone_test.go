package restore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

// many are n events that are different from each other.
func many(n int) (m memory) {
	for i := range n {
		m.things = append(m.things, single(fmt.Sprint("n", i), fmt.Sprint("Work ", i), "2026-10-05T10:00", "2026-10-05T11:00"))
	}
	return m
}

// TestACalendarThatIsGoneMeanwhileIsNotMadeAnew deletes the calendar after the first chunk. A new one of its name would hold the rest alone, and the
// sums would tell of all.
func TestACalendarThatIsGoneMeanwhileIsNotMadeAnew(t *testing.T) {
	for _, again := range []bool{false, true} {
		w := newWorld(t)
		w.file = many(100)
		r := w.start(restore.Skip)
		if err := w.runner(w.Table, w.Blobs, &dyingLater{Provider: w.calendar, writes: 1}).Run(t.Context(), r); !errors.Is(err, wiretest.ErrDied) {
			t.Fatal(err)
		}
		info, err := w.calendar.Calendar(t.Context(), uri("Copy"))
		must(t, err)
		must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
		if again {
			w.make(uri("Copy"))
		}
		w.Advance(2 * time.Minute)
		r, err = run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		err = w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r)
		if err == nil || fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "start the restore again") {
			t.Errorf("made again by somebody %v: %v", again, err)
		}
		if _, err := w.calendar.Calendar(t.Context(), uri("Copy")); (err == nil) != again {
			t.Errorf("made again by somebody %v: the calendar: %v", again, err)
		}
	}
}

// dyingLater ends the process after so many writes.
type dyingLater struct {
	calendar.Provider
	writes int
}

func (d *dyingLater) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	if d.writes--; d.writes < 0 {
		return nil, wiretest.ErrDied
	}
	return d.Provider.Create(ctx, account, id, drafts)
}

// TestAnArchiveIsWrittenByItsRunsAlone restores into calendars that configs archive into, there already or not yet.
func TestAnArchiveIsWrittenByItsRunsAlone(t *testing.T) {
	for name, there := range map[string]bool{"one that is there": true, "one that its first run is still to make": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file = many(3)
			elsewhere := uri("Copy")
			elsewhere.Account = "somebody"
			w.archives = []calendar.URI{elsewhere, uri("Other")}
			if there {
				w.make(uri("Copy"))
			}
			if _, result := w.restore(restore.Skip); result.Counts.Created != 3 {
				t.Errorf("of a calendar that is nobody's archive: %+v", result)
			}

			w = newWorld(t)
			w.file, w.archives = many(3), []calendar.URI{uri("COPY")}
			if there {
				w.make(uri("Copy"))
			}
			for _, dry := range []bool{false, true} {
				r := w.start(restore.Duplicate, func(r *run.Run, _ *restore.Input) { r.Options.DryRun = dry })
				if err := w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r); fault.Of(err) != fault.Conflict ||
					!strings.Contains(err.Error(), "archive of one of your configs") {
					t.Errorf("dry %v: %v", dry, err)
				}
			}
			info, err := w.calendar.Calendar(t.Context(), uri("Copy"))
			if (err == nil) != there {
				t.Errorf("the calendar: %v", err)
			}
			if there {
				events, err := w.calendar.Events(t.Context(), "me", info.ID, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
				must(t, err)
				if len(events) > 0 {
					t.Errorf("%d events were written", len(events))
				}
			}
		})
	}
}
