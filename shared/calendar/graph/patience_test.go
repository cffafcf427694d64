package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

// patience repeats whatever fails for a passing reason at once, and remembers the failures.
type patience struct {
	failures []error
	requests int // of which one failed
}

func (p *patience) retry() func(context.Context, error) error {
	p.requests++
	return func(_ context.Context, failure error) error {
		p.failures = append(p.failures, failure)
		if !fault.Of(failure).Transient() {
			return failure
		}
		return nil
	}
}

// filled is a calendar with 45 events and a series of 20 days.
func (w *world) filled() (calendarID, seriesID string, ids []string) {
	w.t.Helper()
	calendarID = w.archive()
	series := calendar.Draft{
		Mark: "series", Subject: "Daily",
		Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "UTC"}, End: calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "UTC"},
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=20"}},
	}
	results, err := w.Create(w.t.Context(), me, calendarID, append(numbered(45), series))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			w.t.Fatal(r.Err)
		}
		ids = append(ids, r.ID)
	}
	w.sim.ResetLog()
	return calendarID, ids[45], ids[:45]
}

// reading is a call that reads, by requests to path.
type reading struct {
	name, path string
	requests   int
	read       func(ctx context.Context, p calendar.Provider) (events int, err error)
	events     int
}

func (w *world) readings(id, series string, ids []string) []reading {
	from, to := now, now.AddDate(0, 0, 30)
	marks := make([]string, 45)
	for i, d := range numbered(45) {
		marks[i] = d.Mark
	}
	const events = "/users/*/calendars/*/events"
	return []reading{
		{"events", "/users/*/calendars/*/calendarView", 10, func(ctx context.Context, p calendar.Provider) (int, error) {
			events, err := p.Events(ctx, me, id, from, to)
			return len(events), err
		}, 65},
		{"many bodies", "/users/*/calendars/*/calendarView", 10, func(ctx context.Context, p calendar.Provider) (int, error) {
			bodies, err := p.Bodies(ctx, me, id, ids, from, to)
			return len(bodies), err
		}, 45},
		{"few bodies", "/$batch", 2, func(ctx context.Context, p calendar.Provider) (int, error) {
			bodies, err := p.Bodies(ctx, me, id, ids[:30], from, to)
			return len(bodies), err
		}, 30},
		{"find", "/$batch", 3, func(ctx context.Context, p calendar.Provider) (int, error) {
			found, err := p.Find(ctx, me, id, ids)
			return len(found), err
		}, 45},
		{"marked", "/$batch", 6, func(ctx context.Context, p calendar.Provider) (int, error) {
			found, err := p.Marked(ctx, me, id, marks)
			return len(found), err
		}, 45},
		{"instances", events + "/*/instances", 3, func(ctx context.Context, p calendar.Provider) (int, error) {
			events, err := p.Instances(ctx, me, id, series, from, to)
			return len(events), err
		}, 20},
		{"marks", events, 1, func(ctx context.Context, p calendar.Provider) (n int, err error) {
			return n, p.Marks(ctx, me, id, func(string, string) error { n++; return nil })
		}, 46},
		{"kept", events, 7, func(ctx context.Context, p calendar.Provider) (n int, err error) {
			return n, p.Kept(ctx, me, id, func(calendar.Kept) error { n++; return nil })
		}, 46},
		{"calendars", "/users/*/calendars", 1, func(ctx context.Context, p calendar.Provider) (int, error) {
			infos, err := p.Calendars(ctx, me)
			return len(infos), err
		}, 2},
	}
}

func TestAPatientReadingGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	for _, r := range w.readings(w.filled()) {
		for nth := 1; nth <= r.requests; nth++ {
			t.Run(fmt.Sprintf("%s, request %d", r.name, nth), func(t *testing.T) {
				var patience patience
				w.sim.ResetLog()
				w.faults(graphsim.Fault{Path: r.path, Scope: "request", Nth: nth, Kind: graphsim.FaultUnavailable})
				n, err := r.read(t.Context(), w.Patiently(patience.retry))
				if err != nil || n != r.events || len(patience.failures) != 1 {
					t.Errorf("%d read, want %d; %v after the failures %v", n, r.events, err, patience.failures)
				}
				sent := 0
				for _, e := range w.sim.Log() {
					if r.path != "/$batch" || e.Path == "/v1.0/$batch" {
						sent++
					}
				}
				if r.name == "kept" {
					sent-- // the series among them, in a batch
				}
				if sent != r.requests+1 {
					t.Errorf("%d requests were sent, want %d and one again", sent, r.requests)
				}
			})
		}
	}
}

func TestAReadingThatIsNotPatientSendsNothingAgain(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	for _, r := range w.readings(w.filled()) {
		t.Run(r.name, func(t *testing.T) {
			w.sim.ResetLog()
			w.faults(graphsim.Fault{Path: r.path, Scope: "request", Nth: 1, Kind: graphsim.FaultUnavailable})
			if _, err := r.read(t.Context(), w.Provider); fault.Of(err) != fault.Unavailable {
				t.Errorf("the error is %v", err)
			}
			if n := len(w.sim.Log()); n != 1 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestAPatientReadingEndsWithWhatEndsThePatience(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	enough := errors.New("enough")
	for _, r := range w.readings(w.filled()) {
		t.Run(r.name, func(t *testing.T) {
			asked := 0
			w.sim.ResetLog()
			w.faults(graphsim.Fault{Path: r.path, Scope: "request", Kind: graphsim.FaultThrottle})
			_, err := r.read(t.Context(), w.Patiently(func() func(context.Context, error) error {
				return func(_ context.Context, failure error) error {
					if asked++; fault.Of(failure) != fault.Throttled {
						t.Errorf("it is asked about %v", failure)
					}
					if asked == 3 {
						return enough
					}
					return nil
				}
			}))
			if !errors.Is(err, enough) || asked != 3 || len(w.sim.Log()) != 3 {
				t.Errorf("%v after %d questions and %d requests", err, asked, len(w.sim.Log()))
			}
		})
	}
}

func TestOfABatchOnlyWhatFailedIsAskedForAgain(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id, _, ids := w.filled()
	const one = "/users/*/calendars/*/events/*"
	w.faults(
		graphsim.Fault{Path: one, Nth: 3, Kind: graphsim.FaultThrottle, RetryAfter: "1"},
		graphsim.Fault{Path: one, Nth: 7, Kind: graphsim.FaultUnavailable, RetryAfter: "30"},
		graphsim.Fault{Path: one, Nth: 9, Kind: graphsim.FaultTimeout},
		graphsim.Fault{Path: one, Nth: 17 + 2, Kind: graphsim.FaultThrottle, RetryAfter: "2"}, // the second of the three that are repeated
	)
	var patience patience
	found, err := w.Patiently(patience.retry).Find(t.Context(), me, id, append(slices.Clone(ids[:30]), "no-such-event"))
	if err != nil || len(found) != 30 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for got, e := range found {
		if e.ID != got {
			t.Errorf("%s is found as %s", got, e.ID)
		}
	}
	var sizes []int
	for _, e := range w.sim.Log() {
		sizes = append(sizes, len(e.Sub))
	}
	if want := []int{20, 3, 1, 10, 1}; !slices.Equal(sizes, want) {
		t.Errorf("the batches have %v requests, want %v", sizes, want)
	}
	var waits []time.Duration
	for _, err := range patience.failures {
		f := new(Failure)
		errors.As(err, &f)
		waits = append(waits, f.RetryAfter())
	}
	if want := []time.Duration{30 * time.Second, 2 * time.Second}; !slices.Equal(waits, want) || patience.requests != 2 { // two of three went further
		t.Errorf("the waits are %v for %d requests, want %v", waits, patience.requests, want)
	}
}

// TestBatchesAdaptToWhatTheServiceCarriesOut halves them when requests within them are refused, and lets them grow again.
func TestBatchesAdaptToWhatTheServiceCarriesOut(t *testing.T) {
	w := newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches("batch_429")}, nil)
	id := w.archive()
	sizes := func() (sizes []int) {
		for _, e := range w.sim.Log() {
			sizes = append(sizes, len(e.Sub))
		}
		w.sim.ResetLog()
		return sizes
	}
	results, err := w.Create(t.Context(), me, id, numbered(60))
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, r := range results {
		if r.Err == nil {
			made++
		} else if fault.Of(r.Err) != fault.Throttled {
			t.Error(r.Err)
		}
	}
	if want := []int{20, 10, 5, 4, 5, 4, 5, 4, 3}; !slices.Equal(sizes(), want) {
		t.Errorf("the batches do not have %v requests", want)
	}
	if want := 9*4 - 1; made != want {
		t.Errorf("%d were made, want %d", made, want)
	}
	if err := w.sim.SetSwitches(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create(t.Context(), me, id, numbered(300)); err != nil {
		t.Fatal(err)
	}
	if want := []int{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 20, 20, 20, 20}; !slices.Equal(sizes()[:len(want)], want) {
		t.Errorf("the batches do not grow as in %v", want)
	}
}

func TestTheLongestWaitOfABatchCounts(t *testing.T) {
	for _, waits := range [][]string{{"", "30", "2"}, {"30", "2", ""}, {"2", "", "30"}} {
		w := newWorld(t, graphsim.Options{}, nil)
		id, _, ids := w.filled()
		var faults []graphsim.Fault
		for i, wait := range waits {
			faults = append(faults, graphsim.Fault{Path: "/users/*/calendars/*/events/*", Nth: 2 + 3*i, Kind: graphsim.FaultThrottle, RetryAfter: wait})
		}
		w.faults(faults...)
		_, err := w.Find(t.Context(), me, id, ids[:15])
		if f := new(Failure); !errors.As(err, &f) || f.RetryAfter() != 30*time.Second {
			t.Errorf("after answers that ask for %q: %v after %s", waits, err, f.RetryAfter())
		}
	}
}

// stopped is a clock that shows one time.
type stopped time.Time

func (s stopped) Now() time.Time { return time.Time(s) }

func (stopped) Sleep(context.Context, time.Duration) {}

func TestAWaitUntilADateCountsFromTheServicesClock(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute} {
		w := newWorld(t, graphsim.Options{Clock: stopped(now.Add(skew))}, func(o *Options) { o.Clock = func() time.Time { return now } })
		id, _, ids := w.filled()
		until := now.Add(skew + 10*time.Second).Format(http.TimeFormat)
		for _, path := range []string{"/users/*/calendars", "/$batch", "/users/*/calendars/*/events/*"} {
			w.faults(graphsim.Fault{Path: path, Kind: graphsim.FaultThrottle, RetryAfter: until})
			_, err := w.Find(t.Context(), me, id, ids[:2])
			if path == "/users/*/calendars" {
				_, err = w.Calendars(t.Context(), me)
			}
			if f := new(Failure); !errors.As(err, &f) || f.RetryAfter() != 10*time.Second {
				t.Errorf("%s, a clock that is %s ahead: %v after %s, want 10s", path, skew, err, f.RetryAfter())
			}
		}
	}
}

func TestACalendarIsMadeOnceHoweverOftenItIsAskedFor(t *testing.T) {
	uri := calendar.URI{Provider: calendar.ProviderGraph, Account: me, Calendar: "Activity Archive"}
	for name, f := range map[string]graphsim.Fault{
		"the answer was lost":      {Kind: graphsim.FaultCut, When: graphsim.After},
		"half the answer was lost": {Kind: graphsim.FaultCut, When: graphsim.During},
		"it took too long":         {Kind: graphsim.FaultTimeout, When: graphsim.After},
		"nothing was made":         {Kind: graphsim.FaultTimeout},
		"it was throttled":         {Kind: graphsim.FaultThrottle},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, nil)
			f.Method, f.Path, f.Nth = "POST", "/users/*/calendars", 1
			w.faults(f)
			p := w.Patiently(new(patience).retry)
			if _, err := p.CreateCalendar(t.Context(), uri); !fault.Of(err).Transient() {
				t.Fatalf("the first attempt ends with %v", err)
			}
			made, err := p.CreateCalendar(t.Context(), uri)
			if errors.Is(err, calendar.ErrExists) {
				made, err = p.Calendar(t.Context(), uri)
			}
			if err != nil || made.Name != uri.Calendar {
				t.Fatalf("the second attempt ends with %+v, %v", made, err)
			}
			all, err := p.Calendars(t.Context(), me)
			if n := len(slices.DeleteFunc(all, func(i calendar.Info) bool { return i.Name != uri.Calendar })); err != nil || n != 1 {
				t.Errorf("there are %d calendars of the name, %v", n, err)
			}
		})
	}
}

func TestMarksAreReadInTheLargestPages(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id, _, _ := w.filled()
	seen := 0
	if err := w.Marks(t.Context(), me, id, func(string, string) error { seen++; return nil }); err != nil || seen != 46 {
		t.Errorf("%d marks are listed, %v", seen, err)
	}
	log := w.sim.Log()
	if len(log) != 1 || !strings.Contains(log[0].Query, "$top=1000") || !strings.Contains(log[0].Query, "$select=id,createdDateTime&") {
		t.Errorf("%d requests, the first one is %s", len(log), log[0].Query)
	}
}

// TestAReadingGoesOnWhileSomethingComesOfIt gives up at the second failure of which nothing came.
func TestAReadingGoesOnWhileSomethingComesOfIt(t *testing.T) {
	for _, set := range []string{"mailbox_404", "batch_429", "mailbox_404,batch_429", "page_504=60", "page_504=60,filter=empty"} {
		t.Run(set, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, nil)
			id, series, ids := w.filled()
			if err := w.sim.SetSwitches(graphsim.MustSwitches(strings.Split(set, ",")...)); err != nil {
				t.Fatal(err)
			}
			patient := w.Patiently(func() func(context.Context, error) error {
				failed := 0
				return func(_ context.Context, failure error) error {
					if failed++; failed > 1 {
						return failure
					}
					return nil
				}
			})
			for _, r := range w.readings(id, series, ids) {
				if events, err := r.read(t.Context(), patient); err != nil || events != r.events {
					t.Errorf("%s: %d of %d events, %v", r.name, events, r.events, err)
				}
			}
		})
	}
	t.Run("and not when nothing comes of it", func(t *testing.T) {
		w := newWorld(t, graphsim.Options{}, nil)
		id, series, ids := w.filled()
		all := 0
		patient := w.Patiently(func() func(context.Context, error) error {
			tries := 0
			return func(_ context.Context, failure error) error {
				all++
				if tries++; tries == 3 || all == 100 {
					return failure
				}
				return nil
			}
		})
		for _, r := range w.readings(id, series, ids) {
			all = 0
			w.faults(graphsim.Fault{Path: r.path, Kind: graphsim.FaultUnavailable, RetryAfter: "0.001"})
			if _, err := r.read(t.Context(), patient); fault.Of(err) != fault.Unavailable || all != 3 {
				t.Errorf("%s: %d tries, %v", r.name, all, err)
			}
		}
		all = 0
		w.faults(graphsim.Fault{Scope: "sub", Kind: graphsim.FaultUnavailable, RetryAfter: "0.001"})
		if _, err := patient.Find(t.Context(), me, id, ids); fault.Of(err) != fault.Unavailable || all != 3 {
			t.Errorf("each part of a batch: %d tries, %v", all, err)
		}
	})
}
