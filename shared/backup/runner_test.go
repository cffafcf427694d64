package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

func TestABackupHoldsAllOfACalendar(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r, result := w.backUp()
	if r.State != run.Succeeded || result.Counts != sampleCounts || result.ID != r.ID || result.LeftOut != 0 || r.Failed != 0 || r.Progress.Percent != 100 {
		t.Fatalf("%s %+v %+v %+v", r.State, r.Problem, r.Progress, result)
	}
	w.sound(r.ID)

	var want []calendar.Kept
	must(t, w.calendar.Kept(t.Context(), "me", w.work.ID, func(k calendar.Kept) error {
		want = append(want, k)
		return nil
	}))
	c := w.open(r.ID)
	var got []calendar.Kept
	must(t, c.Each(t.Context(), func(k calendar.Kept) error {
		got = append(got, k)
		return nil
	}))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the calendar (-) and the backup (+):\n%s", diff)
	}
	zones, err := c.Zones(t.Context())
	must(t, err)
	if len(zones) != 1 || zones[0].ID != "Here" {
		t.Errorf("zones %+v", zones)
	}
	if m := c.Manifest; m.Software != "test" || m.Calendar != (Calendar{URI: uri("Work"), ID: w.work.ID, Name: "Work"}) || m.Window != nil ||
		m.Counts != sampleCounts {
		t.Errorf("%+v", m)
	}
	if n := strings.Count(w.file(r.ID, ICS), "BEGIN:VEVENT"); n != 6 {
		t.Errorf("the iCalendar file has %d events", n)
	}
}

func TestTheSameCalendarIsTheSameBytes(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	first, a := w.backUp()
	w.Advance(time.Hour)
	second, b := w.backUp()
	if x, y := w.file(first.ID, JSONL), w.file(second.ID, JSONL); x != y {
		t.Errorf("%s\nis not\n%s", x, y)
	}
	if x, y := w.file(first.ID, CSV), w.file(second.ID, CSV); x != y {
		t.Errorf("%s\nis not\n%s", x, y)
	}
	if a.Content != b.Content {
		t.Errorf("content %s and %s", a.Content, b.Content)
	}
	w.imports(strings.Replace(strings.Replace(sample, "Lunch", "Dinner", 1), "LAST-MODIFIED:20260901T100000Z", "LAST-MODIFIED:20260902T100000Z", -1))
	if _, c := w.backUp(); c.Content == a.Content {
		t.Error("another calendar has the same content")
	}
}

func TestContentDoesNotDependOnTheOrder(t *testing.T) {
	var a, b, c digest
	for _, line := range []string{"one", "two", "three"} {
		a.add([]byte(line))
	}
	for _, line := range []string{"three", "one", "two"} {
		b.add([]byte(line))
	}
	for _, line := range []string{"one", "two", "three", "three"} {
		c.add([]byte(line))
	}
	if a.String() != b.String() || a.String() == c.String() || a.String() == (&digest{}).String() {
		t.Errorf("%s %s %s", &a, &b, &c)
	}
}

func TestAPeriodHasWhatHappensInIt(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"a day between", "2026-10-04", "2026-10-04", nil},
		{"the day of an instance of a series", "2026-10-26", "2026-10-26", []string{"standup"}},
		{"the day from which an instance was moved", "2026-10-19", "2026-10-19", nil},
		{"the day to which an instance was moved", "2026-10-20", "2026-10-20", []string{"standup"}},
		{"the day of an instance that was deleted", "2026-10-12", "2026-10-12", nil},
		{"the last day of two", "2026-10-08", "2026-10-08", []string{"lunch", "off"}},
		{"the day after two", "2026-10-09", "2026-10-09", nil},
		{"a week", "2026-10-05", "2026-10-11", []string{"lunch", "off", "review", "standup"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(sample)
			r, result := w.backUp(days(c.from, c.to))
			var got []string
			must(t, w.open(r.ID).Each(t.Context(), func(k calendar.Kept) error {
				got = append(got, k.Event.ICalUID)
				return nil
			}))
			slices.Sort(got)
			if !slices.Equal(got, c.want) || r.State != run.Succeeded {
				t.Errorf("%s: %q, want %q", r.State, got, c.want)
			}
			if slices.Contains(c.want, "standup") && result.Counts.Exceptions != 1 {
				t.Errorf("the series is not there whole: %+v", result.Counts)
			}
			if window := w.open(r.ID).Manifest.Window; window == nil || window.Timezone != "Europe/Berlin" || window.From.String() != c.from {
				t.Errorf("window %+v", window)
			}
			if _, err := w.backups().Newest(t.Context(), user, uri("Work"), w.work.ID); fault.Of(err) != fault.NotFound {
				t.Errorf("a part is taken for all of the calendar: %v", err)
			}
		})
	}
}

// TestAPeriodHasWhatTakesNoTime has events without a length at both ends of a day: the day has the one at which it begins.
func TestAPeriodHasWhatTakesNoTime(t *testing.T) {
	w := newWorld(t)
	event := func(uid, from, to string) string {
		return "BEGIN:VEVENT\nUID:" + uid + "\nDTSTART;TZID=Europe/Berlin:" + from + "\nDTEND;TZID=Europe/Berlin:" + to + "\nSUMMARY:" + uid + "\nEND:VEVENT\n"
	}
	w.imports("BEGIN:VCALENDAR\nVERSION:2.0\n" + event("begin", "20261007T000000", "20261007T000000") + event("end", "20261008T000000", "20261008T000000") +
		event("before", "20261006T230000", "20261007T000000") + "END:VCALENDAR\n")
	r, _ := w.backUp(days("2026-10-07", "2026-10-07"))
	var got []string
	must(t, w.open(r.ID).Each(t.Context(), func(k calendar.Kept) error {
		got = append(got, k.Event.ICalUID)
		return nil
	}))
	if !slices.Equal(got, []string{"begin"}) {
		t.Errorf("%q", got)
	}
}

// odd tells an event that iCalendar cannot tell, beside the calendar's own.
type odd struct{ Provider }

func (o odd) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	if err := each(calendar.Kept{Event: calendar.Event{ID: "odd", Subject: "odd", Start: calendar.DateTime{Local: "soon"}}}); err != nil {
		return err
	}
	return o.Provider.Kept(ctx, account, id, each)
}

func TestWhatICalendarCannotTellIsNamedAndNotLost(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	started := w.start()
	must(t, w.runner(w.Table, w.Blobs, odd{w.calendar}).Run(t.Context(), started))
	r, result := w.result(started.ID)
	if r.State != run.Partial || r.Failed != 1 || result.LeftOut != 1 || result.Counts.Events != sampleCounts.Events+1 {
		t.Errorf("%s, %d failed, %+v", r.State, r.Failed, result)
	}
	items, err := run.NewStore(w.Table).Items(t.Context(), r, 0)
	must(t, err)
	if len(items) != 1 || items[0].Key != "odd" || items[0].Problem == nil {
		t.Errorf("items %+v", items)
	}
	w.sound(r.ID)
	if !strings.Contains(w.file(r.ID, JSONL), `"odd"`) || !strings.Contains(w.file(r.ID, CSV), "odd") || strings.Contains(w.file(r.ID, ICS), "odd") {
		t.Error("the event is not where it can be told, or where it cannot")
	}
}

// broken cannot give out what starts at two times.
type broken struct{ Provider }

func (b broken) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	if err := b.Provider.Kept(ctx, account, id, each); err != nil {
		return err
	}
	at := time.Date(2026, 10, 13, 9, 0, 0, 0, time.UTC)
	return fmt.Errorf("read: %w", &calendar.Unread{Err: fault.New(fault.Malformed, "broken"), Spans: []calendar.Span{
		{From: at, To: at.Add(time.Minute)}, {From: at.Add(25 * time.Hour), To: at.Add(25*time.Hour + time.Minute)},
	}})
}

func TestWhatCannotBeReadIsNamedAndAllElseIsBackedUp(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	started := w.start()
	must(t, w.runner(w.Table, w.Blobs, broken{odd{w.calendar}}).Run(t.Context(), started))
	r, result := w.result(started.ID)
	if r.State != run.Partial || r.Failed != 3 || result.LeftOut != 1 || len(result.Unread) != 2 || result.Counts.Events != sampleCounts.Events+1 {
		t.Errorf("%s, %d failed, %+v", r.State, r.Failed, result)
	}
	items, err := run.NewStore(w.Table).Items(t.Context(), r, 0)
	must(t, err)
	var keys []string
	for _, it := range items {
		if it.Problem != nil {
			keys = append(keys, it.Key)
		}
	}
	slices.Sort(keys)
	if want := []string{"2026-10-13T09:00:00Z", "2026-10-14T10:00:00Z", "odd"}; !slices.Equal(keys, want) {
		t.Errorf("items are %q, want %q", keys, want)
	}
	w.sound(r.ID)
	if m := w.open(r.ID).Manifest; !slices.EqualFunc(m.Unread, result.Unread, time.Time.Equal) {
		t.Errorf("the manifest says %v, the result %v", m.Unread, result.Unread)
	}
	words := RunKind.Words(r, &result)
	for _, want := range []string{"lacks events", "13 October 2026 at 09:00 UTC and 14 October 2026 at 10:00 UTC", "cannot hold 1 further"} {
		if words.Complete || !strings.Contains(words.Title.String(), "could not be read") || !strings.Contains(words.Text.String(), want) {
			t.Errorf("the words %+v lack %q", words, want)
		}
	}
}

// TestABackupSurvivesDyingAnywhere lets the process die at every single request to the store, the blobs and the calendar, before it took
// effect and after it, and between any two events. Whoever comes next makes the backup, once, and leaves nothing else behind.
func TestABackupSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.imports(sample)
		job := retaining("nightly", Retention{Last: 1})
		w.backUp(job)
		w.Advance(time.Hour)
		r := w.start(job)
		err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), r)
		if !dying.Dead() {
			must(t, err)
		}
		again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if _, err := w.backups().Get(t.Context(), user, r.ID); (err == nil) != again.State.Ended() {
			t.Errorf("the run is %s, and its backup: %v", again.State, err)
		}
		var others []string
		if dying.DieAt%2 == 0 { // another run comes first
			other, _ := w.backUp(func(r *run.Run) { r.Input = json.RawMessage(`{"timezone":"UTC"}`) })
			others = append(others, other.ID)
		}
		if !again.State.Ended() {
			must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
		}
		ended, result := w.result(r.ID)
		if ended.State != run.Succeeded || result.Counts != sampleCounts {
			t.Errorf("%s %+v", ended.State, result)
		}
		w.Advance(time.Hour)
		last, _ := w.backUp(job) // what died in tidying up is for the next one
		w.sound(append(others, last.ID)...)
	})
}

// TestTwoWorkersOfARunDoNotSpoilEachOther lets a second worker make the whole backup while the first one is at any of its events, and at the end.
func TestTwoWorkersOfARunDoNotSpoilEachOther(t *testing.T) {
	for n := range sampleCounts.Singles + sampleCounts.Series {
		t.Run(fmt.Sprintf("at event %d", n), func(t *testing.T) {
			w := newWorld(t)
			w.imports(sample)
			r := w.start()
			at := 0
			first := meddling{w.calendar, func() {
				if at++; at != n+1 {
					return
				}
				again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
				w.imports(strings.NewReplacer("Lunch", "Dinner", "LAST-MODIFIED:20260901T100000Z", "LAST-MODIFIED:20260902T100000Z").Replace(sample))
			}}
			must(t, w.runner(w.Table, w.Blobs, first).Run(t.Context(), r))
			w.sound(r.ID)
			if strings.Contains(w.file(r.ID, JSONL), "Dinner") {
				t.Error("the first worker's file counts, although the second one ended the run")
			}
		})
	}
	t.Run("at once", func(t *testing.T) {
		w := newWorld(t)
		w.imports(sample)
		r := w.start()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				own, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				if err == nil && !own.State.Ended() {
					err = w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), own)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.sound(r.ID)
	})
}

// meddling does something before each event.
type meddling struct {
	Provider
	meddle func()
}

func (m meddling) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	return m.Provider.Kept(ctx, account, id, func(k calendar.Kept) error {
		m.meddle()
		return each(k)
	})
}

func TestACancelledRunLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r := w.start()
	cancelling := meddling{w.calendar, func() {
		w.Advance(time.Minute) // so that the progress is told
		again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if !again.State.Ended() {
			must(t, run.NewStore(w.Table).Finish(t.Context(), again, run.Cancelled, w.Now()))
		}
	}}
	must(t, w.runner(w.Table, w.Blobs, cancelling).Run(t.Context(), r))
	if r, _ := w.result(r.ID); r.State != run.Cancelled {
		t.Errorf("the run is %s", r.State)
	}
	w.sound()
}

// failingBlobs fails some of the requests.
type failingBlobs struct {
	blob.Blob
	fail func(key string) error // of a Put; nil: it goes through
}

func (f failingBlobs) Put(ctx context.Context, key string, r io.Reader) error {
	err := f.fail(key)
	if err == nil {
		return f.Blob.Put(ctx, key, r)
	}
	_, _ = io.CopyN(io.Discard, r, 100)
	return err
}

func TestAFullDiskLeavesNoBackup(t *testing.T) {
	for _, name := range []string{fileNames[JSONL], fileNames[ICS], fileNames[CSV], manifestName} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.imports(sample)
				r := w.start()
				full := failingBlobs{w.Blobs, func(key string) error {
					if strings.HasSuffix(key, name) {
						return fault.Wrap(fault.Unavailable, syscall.ENOSPC)
					}
					return nil
				}}
				if err := w.runner(w.Table, full, w.calendar).Run(t.Context(), r); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("the run: %v", err)
				}
				if _, err := w.backups().Open(t.Context(), user, r.ID); fault.Of(err) != fault.NotFound {
					t.Errorf("the backup: %v", err)
				}
				again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				must(t, run.NewStore(w.Table).Finish(t.Context(), again, run.Failed, w.Now())) // as the worker does in the end
				next, _ := w.backUp()
				w.sound(next.ID)
			})
		})
	}
}

func TestAPassingFailureIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.imports(sample)
		r := w.start()
		failed := map[string]bool{}
		flaky := failingBlobs{w.Blobs, func(key string) error {
			if !failed[key] {
				failed[key] = true
				return fault.New(fault.Throttled, "slow down")
			}
			return nil
		}}
		must(t, w.runner(w.Table, flaky, w.calendar).Run(t.Context(), r))
		ended, result := w.result(r.ID)
		if ended.State != run.Succeeded || result.Cost.Retries != 4 || result.Counts != sampleCounts {
			t.Errorf("%s %+v", ended.State, result)
		}
		w.sound(r.ID)
	})
}

// rotten changes a byte of what is stored.
type rotten struct {
	blob.Blob
	name string
}

func (r rotten) Put(ctx context.Context, key string, from io.Reader) error {
	if !strings.HasSuffix(key, r.name) {
		return r.Blob.Put(ctx, key, from)
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return r.Blob.Put(ctx, key, strings.NewReader(string(data)))
}

func TestARunFailsWhenWhatItWroteDoesNotReadBack(t *testing.T) {
	for _, name := range fileNames {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(sample)
			r := w.start()
			if err := w.runner(w.Table, rotten{w.Blobs, name}, w.calendar).Run(t.Context(), r); !errors.Is(err, ErrDamaged) || fault.Of(err) != fault.Malformed {
				t.Errorf("the run: %v", err)
			}
			if _, err := w.backups().Open(t.Context(), user, r.ID); fault.Of(err) != fault.NotFound {
				t.Errorf("the backup: %v", err)
			}
		})
	}
}

func TestARunIsHandedOnWhenItsTimeIsUp(t *testing.T) {
	for _, name := range []string{fileNames[CSV], fileNames[ICS]} {
		t.Run("at "+name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(sample)
			r := w.start()
			ctx, cancel := context.WithDeadline(t.Context(), w.Now().Add(100*365*24*time.Hour)) // of the world's clock alone
			defer cancel()
			deadline, _ := ctx.Deadline()

			late := failingBlobs{w.Blobs, func(key string) error {
				if strings.HasSuffix(key, name) { // what comes before it is there
					w.Advance(deadline.Sub(w.Now()) - 30*time.Second)
				}
				return nil
			}}
			if err := w.runner(w.Table, late, odd{w.calendar}).Run(ctx, r); !errors.Is(err, run.ErrHandOn) {
				t.Fatalf("the run: %v", err)
			}
			again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
			must(t, err)
			if again.State != run.Running {
				t.Errorf("the run is %s", again.State)
			}
			unread := meddling{w.calendar, func() { t.Error("the calendar is read again") }}
			must(t, w.runner(w.Table, w.Blobs, unread).Run(t.Context(), again))
			w.sound(r.ID)
			ended, result := w.result(r.ID)
			if ended.State != run.Partial || result.Counts.Events != sampleCounts.Events+1 || result.LeftOut != 1 {
				t.Errorf("%s %+v", ended.State, result)
			}
			if items, err := run.NewStore(w.Table).Items(t.Context(), ended, 0); err != nil || len(items) != 1 || items[0].Key != "odd" {
				t.Errorf("%+v, %v", items, err)
			}
		})
	}
}

func TestACalendarThatCannotBeReadInTimeFailsTheRun(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r := w.start()
	ctx, cancel := context.WithDeadline(t.Context(), w.Now().Add(100*365*24*time.Hour))
	defer cancel()
	deadline, _ := ctx.Deadline()
	slow := meddling{w.calendar, func() { w.Advance(deadline.Sub(w.Now()) - 30*time.Second) }}
	err := w.runner(w.Table, w.Blobs, slow).Run(ctx, r)
	if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "on a machine of yours") {
		t.Errorf("the run: %v", err)
	}
	if keys := w.objects(); len(keys) != 0 {
		t.Errorf("left are %q", keys)
	}
}

func retaining(job string, r Retention) func(*run.Run) {
	return func(rn *run.Run) {
		rn.Config = "work"
		rn.Input, _ = json.Marshal(Input{Job: job, Retention: r})
	}
}

func TestRetentionTouchesItsOwnJobsBackupsAlone(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	adHoc, _ := w.backUp()
	other, _ := w.backUp(retaining("weekly", Retention{Last: 5}))
	var mine []string
	for range 5 {
		w.Advance(24 * time.Hour)
		r, _ := w.backUp(retaining("nightly", Retention{Last: 2, Weekly: 2}))
		mine = append(mine, r.ID)
	}
	// 2, 3, 4, 5 and 6 November 2026 are one week, whose newest one is among the last two.
	w.sound(adHoc.ID, other.ID, mine[3], mine[4])
	w.Advance(72 * time.Hour) // the next week
	r := w.start(retaining("nightly", Retention{Last: 1, Weekly: 2}))
	runner := w.runner(w.Table, w.Blobs, w.calendar)
	var told []string
	runner.Deleted = func(_ context.Context, by *run.Run, id string) error {
		told = append(told, by.ID+" "+id)
		return nil
	}
	must(t, runner.Run(t.Context(), r))
	w.sound(adHoc.ID, other.ID, mine[4], r.ID)
	if !slices.Equal(told, []string{r.ID + " " + mine[3]}) {
		t.Errorf("told of %q", told)
	}
}

func TestOldBackupsStayWhereThatIsSwitchedOff(t *testing.T) {
	for name, c := range map[string]struct {
		kept map[string]bool
		gone bool
	}{"off": {map[string]bool{"backup.delete_old": false}, false}, "on": {map[string]bool{"backup.delete_old": true}, true}, "nobody said": {nil, true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.imports(sample)
			first, _ := w.backUp(retaining("nightly", Retention{Last: 1}))
			w.Advance(24 * time.Hour)
			r := w.start(retaining("nightly", Retention{Last: 1}))
			r.Flags = c.kept
			must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), r))
			if c.gone {
				w.sound(r.ID)
			} else {
				w.sound(first.ID, r.ID)
			}
			stored, err := run.NewStore(w.Table).Get(t.Context(), r.User, r.ID)
			must(t, err)
			if len(stored.Flags) != len(c.kept) || c.kept != nil && stored.Flags["backup.delete_old"] != c.kept["backup.delete_old"] {
				t.Errorf("the run keeps %v", stored.Flags)
			}
		})
	}
}

// TestRetentionDoesNotCountWhatIsGoing has a backup of which the deletion stopped half way: it is nothing to have, and another one is kept in its place.
func TestRetentionDoesNotCountWhatIsGoing(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	var made []string
	for range 4 {
		w.Advance(time.Hour)
		r, _ := w.backUp(retaining("nightly", Retention{Last: 9}))
		made = append(made, r.ID)
	}
	if err := New(w.Table, undeletable{w.Blobs}).Delete(t.Context(), user, made[2]); !errors.Is(err, errUndeletable) {
		t.Fatal(err)
	}
	in := Input{Job: "nightly", Retention: Retention{Last: 2}}
	var deleted []string
	must(t, w.backups().retain(t.Context(), user, made[3], in, time.UTC, func(id string) error {
		deleted = append(deleted, id)
		return nil
	}))
	if !slices.Equal(deleted, made[:1]) {
		t.Errorf("of %q it deleted %q", made, deleted)
	}
}

// undeletable are blobs that stay.
type undeletable struct{ blob.Blob }

var errUndeletable = errors.New("it stays")

func (undeletable) Delete(context.Context, string) error { return errUndeletable }

// A clock that was wrong made a backup that is said to be of the future. What is made after it was put right is the newest all the same.
func TestRetentionKeepsWhatTheRunHasMadeWhateverTheClockSaid(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	w.Advance(365 * 24 * time.Hour)
	future, _ := w.backUp(retaining("nightly", Retention{Last: 1}))
	w.Advance(-365 * 24 * time.Hour)
	for range 3 {
		r, _ := w.backUp(retaining("nightly", Retention{Last: 1}))
		w.sound(future.ID, r.ID)
		w.Advance(24 * time.Hour)
	}
}

// A calendar that was deleted by accident and made anew is empty, and its backups are all that is left of the first one.
func TestRetentionOfACalendarLeavesThoseOfAnotherOne(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	full, _ := w.backUp(retaining("nightly", Retention{Last: 1}))
	info, err := w.calendar.Calendar(t.Context(), uri("Work"))
	must(t, err)
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	_, err = w.calendar.CreateCalendar(t.Context(), uri("Work"))
	must(t, err)
	var empty *run.Run
	for range 3 {
		w.Advance(24 * time.Hour)
		empty, _ = w.backUp(retaining("nightly", Retention{Last: 1}))
	}
	w.sound(full.ID, empty.ID)
}
