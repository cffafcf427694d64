package outlook_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

var seeds = flag.Uint64("seeds", 5, "how many random sets of switches restores and drills are tried with")

// further is what Outlook need not keep as it is: a series at seconds, an instance that is private by itself, a long subject, a zone that few know.
const further = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//test//EN
BEGIN:VEVENT
UID:seconds@example.com
DTSTART;TZID=Europe/Berlin:20261006T090030
DTEND;TZID=Europe/Berlin:20261006T091545
RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=5
EXDATE;TZID=Europe/Berlin:20261013T090030
SUMMARY:To the second
END:VEVENT
BEGIN:VEVENT
UID:seconds@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20261020T090030
DTSTART;TZID=Europe/Berlin:20261021T110020
DTEND;TZID=Europe/Berlin:20261021T113040
SUMMARY:To the second moved
CATEGORIES:Globex - billable
PRIORITY:1
CLASS:PRIVATE
END:VEVENT
BEGIN:VEVENT
UID:long@example.com
DTSTART;TZID=Asia/Tokyo:20261007T120000
DTEND;TZID=Asia/Tokyo:20261007T130000
SUMMARY:LONG
LOCATION:LONG
END:VEVENT
END:VCALENDAR
`

// inBubble runs a test on a mailbox with switches, in time that passes by itself.
func inBubble(t *testing.T, set graphsim.Switches, test func(t *testing.T, w *world)) {
	packed, err := store.Pack(make([]byte, 100<<10)) // the channels of the compression belong to no bubble
	must(t, err)
	_, err = store.Unpack(packed)
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 9, 1, 6, 0, 0, 0, time.UTC)))
		sim := graphsim.New(graphsim.Options{})
		w := build(t, sim, "http://localhost", wiretest.Serve(t, sim))
		must(t, sim.SetSwitches(set))
		test(t, w)
	})
}

// sets are every switch alone, none, and random sets.
func sets() []graphsim.Switches {
	all := append([]graphsim.Switches{{}}, graphsim.EachSwitch()...)
	for seed := range *seeds {
		all = append(all, graphsim.RandomSwitches(rand.New(rand.NewPCG(seed, 7)), 0.3))
	}
	return all
}

// fillMore puts both samples into a local calendar "Work".
func (w *world) fillMore() calendar.URI {
	w.t.Helper()
	work := w.fill(calendar.ProviderLocal)
	info, err := w.own.Calendar(w.t.Context(), work)
	must(w.t, err)
	text := strings.ReplaceAll(strings.ReplaceAll(further, "LONG", strings.Repeat("Long ", 60)), "\n", "\r\n")
	f, err := ics.Read(strings.NewReader(text))
	must(w.t, err)
	_, err = w.own.Import(w.t.Context(), me, info.ID, f, importing.Options{Strict: true})
	must(w.t, err)
	return work
}

// fitted is what the mailbox can keep of what was told.
func fitted(told []string) []string {
	long := strings.Repeat("Long ", 60)
	seconds := regexp.MustCompile(`:[0-9][0-9]Z`)
	told = slices.Clone(told)
	for i := range told {
		told[i] = seconds.ReplaceAllString(strings.ReplaceAll(told[i], long, long[:252]+"..."), ":00Z")
	}
	slices.Sort(told)
	return told
}

// TestRestoresWithSwitches restores into mailboxes of every kind, again, and in the place of what is there: each time all of it is there once.
func TestRestoresWithSwitches(t *testing.T) {
	for _, set := range sets() {
		t.Run(set.String(), func(t *testing.T) {
			inBubble(t, set, func(t *testing.T, w *world) {
				first := w.backUp(w.fillMore())
				copied := uri(calendar.ProviderGraph, "Copy")
				visible := set["instance_fields"] == "master" // a private instance cannot be kept
				state, failed := run.Succeeded, 0
				if visible {
					state, failed = run.Partial, 1
				}
				check := func(name string, r *run.Run, result restore.Result, want restore.Counts) {
					t.Helper()
					want.Read, want.InPeriod = 8, 8
					if r.State != state || result.Counts != want {
						t.Errorf("%s: %s %+v %+v %+v", name, r.State, result, r.Problem, w.entries(r))
					}
					time.Sleep(time.Minute)
					must(t, w.sim.SetSwitches(nil))
					if diff := cmp.Diff(fitted(w.canonical(first)), w.canonical(w.backUp(copied))); diff != "" && !visible {
						t.Errorf("%s (-calendar +copy):\n%s", name, diff)
					}
					must(t, w.sim.SetSwitches(set))
				}
				r, result := w.restore(first, copied, restore.Skip)
				check("new", r, result, restore.Counts{Created: 8 - failed, Failed: failed})
				notes := 0
				for _, e := range w.entries(r) {
					notes += len(e.Notes)
					if e.Outcome == restore.Failed && !strings.Contains(e.Reason, "private") {
						t.Errorf("%+v", e)
					}
				}
				if notes < 3 {
					t.Errorf("%d notes say what is not kept", notes)
				}
				if visible {
					return
				}
				r, result = w.restore(first, copied, restore.Skip)
				check("again", r, result, restore.Counts{Skipped: 8})
				if _, on := set["get_private"]; on { // who was invited to what is private cannot be seen, so that it is not replaced
					return
				}
				r, result = w.restore(first, copied, restore.Replace)
				check("in its place", r, result, restore.Counts{Replaced: 8})
			})
		})
	}
}

// TestDrillsWithSwitches: a drill passes wherever the mailbox keeps what it is given, and says so where it does not.
func TestDrillsWithSwitches(t *testing.T) {
	for _, set := range sets() {
		t.Run(set.String(), func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, w *world) {
				copied := uri(calendar.ProviderGraph, "Copy")
				r, _ := w.restore(w.backUp(w.fillMore()), copied, restore.Skip)
				if r.State != run.Succeeded {
					t.Fatalf("%+v %+v", r.Problem, w.entries(r))
				}
				w.backUp(copied)
				before, err := w.graph.Calendars(t.Context(), me)
				must(t, err)
				must(t, w.sim.SetSwitches(set))
				for n := range 2 {
					var result restore.DrillResult
					r := w.carryOut(&restore.Drill{Runner: w.runner(), Backups: backup.New(w.table, w.blobs)},
						&run.Run{Kind: run.Drill, Calendar: copied.String()}, nil, &result)
					want := run.Succeeded
					switch _, stays := set["undeletable"]; {
					case set["instance_fields"] == "master":
						want = run.Failed
					case stays:
						want = run.Partial
						if r.Problem == nil || !strings.Contains(r.Problem.Detail, "Restore drill 2026-09-01 "+r.ID) {
							t.Errorf("the problem does not name the calendar: %+v", r.Problem)
						}
					}
					if r.State != want || result.Compared != 8 || (want == run.Failed) != (result.Differing > 0) {
						t.Errorf("drill %d: %s %+v %+v", n, r.State, result, r.Problem)
					}
				}
				must(t, w.sim.SetSwitches(nil))
				if _, stays := set["undeletable"]; stays { // the next drill that can removes all
					var result restore.DrillResult
					w.carryOut(&restore.Drill{Runner: w.runner(), Backups: backup.New(w.table, w.blobs)},
						&run.Run{Kind: run.Drill, Calendar: copied.String()}, nil, &result)
				}
				after, err := w.graph.Calendars(t.Context(), me)
				must(t, err)
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("calendars (-before +after):\n%s", diff)
				}
			})
		})
	}
}

// TestInstancesOfOneSeriesAreWrittenOneAfterTheOther: they are one item of the mailbox, and writes to that conflict.
func TestInstancesOfOneSeriesAreWrittenOneAfterTheOther(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		first := w.backUp(w.fillMore())
		w.sim.ResetLog()
		if r, _ := w.restore(first, uri(calendar.ProviderGraph, "Copy"), restore.Skip); r.State != run.Succeeded {
			t.Fatalf("%+v", r.Problem)
		}
		written := 0
		for _, e := range w.sim.Log() {
			series := map[string]bool{}
			for _, sub := range e.Sub {
				path, err := url.PathUnescape(sub.Path)
				must(t, err)
				id, _, instance := strings.Cut(path[strings.LastIndex(path, "/")+1:], "@20")
				if !instance || sub.Method == "GET" {
					continue
				}
				if written++; series[id] {
					t.Error("one request writes two instances of a series")
				}
				series[id] = true
			}
		}
		if written < 6 {
			t.Errorf("%d instances were written: the test does not test much", written)
		}
	})
}

// feigning answers that it deleted events, and deletes none.
type feigning struct{ calendar.Provider }

func (feigning) Delete(_ context.Context, _, _ string, ids []string) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(ids))
	for i, id := range ids {
		results[i].ID = id
	}
	return results, nil
}

// TestWhatWasNotDeletedIsNotSaidToBe deletes instances in a calendar that may only be read, which answers that it did.
func TestWhatWasNotDeletedIsNotSaidToBe(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		first := w.backUp(w.fillMore())
		runner := w.runner()
		runner.Provider = func(ctx context.Context, who string, u calendar.URI) (restore.Provider, error) {
			p, err := w.provider(ctx, who, u)
			return feigning{p}, err
		}
		var result restore.Result
		r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: uri(calendar.ProviderGraph, "Copy").String()},
			restore.Input{Backup: first, Policy: restore.Skip, Zone: zone, CreateCalendar: true}, &result)
		if r.State != run.Partial || result.Counts.Failed != 3 {
			t.Errorf("%s %+v", r.State, result)
		}
		for _, e := range w.entries(r) {
			if e.Outcome == restore.Failed && !strings.Contains(e.Reason, "still there") {
				t.Errorf("%+v", e)
			}
		}
	})
}

// undoing loses the first answer to a create, and somebody deletes what it made.
type undoing struct {
	calendar.Provider
	w    *world
	once *sync.Once
}

func (p undoing) Create(ctx context.Context, account, id string, drafts []calendar.Draft) (results []calendar.WriteResult, err error) {
	results, err = p.Provider.Create(ctx, account, id, drafts)
	p.once.Do(func() {
		for _, r := range results {
			must(p.w.t, p.w.sim.RemoveEvent(me, r.ID))
		}
		results, err = nil, fault.New(fault.Unavailable, "the answer was lost")
	})
	return results, err
}

// TestWhatSomebodyDeletedMeanwhileIsRestored where its transaction id stays taken.
func TestWhatSomebodyDeletedMeanwhileIsRestored(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("transaction_ids=kept"), func(t *testing.T, w *world) {
		first := w.backUp(w.fillMore())
		runner, once := w.runner(), &sync.Once{}
		runner.Provider = func(ctx context.Context, who string, u calendar.URI) (restore.Provider, error) {
			p, err := w.provider(ctx, who, u)
			return undoing{p, w, once}, err
		}
		var result restore.Result
		copied := uri(calendar.ProviderGraph, "Copy")
		r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: copied.String()},
			restore.Input{Backup: first, Policy: restore.Skip, Zone: zone, CreateCalendar: true}, &result)
		if r.State != run.Succeeded || result.Counts.Created != 8 {
			t.Errorf("%s %+v %+v", r.State, result, w.entries(r))
		}
		if diff := cmp.Diff(fitted(w.canonical(first)), w.canonical(w.backUp(copied))); diff != "" {
			t.Errorf("(-calendar +copy):\n%s", diff)
		}
	})
}
