package reality

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/wiretest"
)

const me = "me@example.com"

var now = time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)

// world is a mailbox with an event in it.
type world struct {
	t       *testing.T
	sim     *graphsim.Server
	service Service
	event   string
}

func newWorld(t *testing.T, zone string, set graphsim.Switches) *world {
	t.Helper()
	sim := graphsim.New(graphsim.Options{Switches: set})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return build(t, sim, zone, server.URL, nil)
}

func build(t *testing.T, sim *graphsim.Server, zone, url string, transport http.RoundTripper) *world {
	t.Helper()
	w := &world{t: t, sim: sim}
	must(t, w.sim.AddMailbox(graphsim.Mailbox{ID: me, TimeZone: zone}))
	var err error
	w.event, err = w.sim.PutEvent(me, "", []byte(`{"subject":"Mine","start":{"dateTime":"2026-12-01T09:00:00","timeZone":"UTC"},
		"end":{"dateTime":"2026-12-01T10:00:00","timeZone":"UTC"}}`))
	must(t, err)
	w.service, err = graph.New(graph.Options{BaseURL: url + "/v1.0", Token: "token", Transport: transport})
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask asks everything and returns the findings.
func (w *world) ask() (findings []Finding, err error) {
	err = Ask(w.t.Context(), w.service, me, "Scratch", now, func(f Finding) { findings = append(findings, f) })
	return findings, err
}

// clean checks that the mailbox is as it was, and that nobody heard of it.
func (w *world) clean() {
	w.t.Helper()
	w.sim.AssertNobodyInvited(w.t)
	calendars, err := w.sim.Calendars(me)
	must(w.t, err)
	events, err := w.sim.Events(me, "")
	must(w.t, err)
	if len(calendars) != 1 || len(events) != 1 || events[0].ID != w.event || events[0].Subject != "Mine" {
		w.t.Errorf("calendars %+v, events %+v", calendars, events)
	}
	for _, e := range w.sim.Log() {
		if strings.Contains(e.Path, w.event) || e.Method != http.MethodGet && !strings.Contains(e.Path, "/calendars") {
			w.t.Errorf("%s %s", e.Method, e.Path)
		}
	}
}

func TestADocumentedService(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu", "UTC"} {
		t.Run(zone, func(t *testing.T) {
			w := newWorld(t, zone, nil)
			findings, err := w.ask()
			if err != nil || len(findings) != len(questions)+len(writing) {
				t.Fatalf("%d findings, %v", len(findings), err)
			}
			for _, f := range findings {
				if f.Verdict != Documented && f.Verdict != Unasked || f.Verdict == Unasked && f.Detail == "" {
					t.Errorf("%+v", f)
				}
			}
			w.clean()
		})
	}
}

// TestEachSwitch: what a switch is about is as assumed, and nothing else is. Of the others nothing can be asked.
func TestEachSwitch(t *testing.T) {
	askable := map[string][]string{
		"original_start": {"original start"}, "all_day_original": {"all-day instance"}, "icaluid": {"iCalUId"}, "body_404": {"text of an event"},
		"get_private": {"private event"}, "page_504": {"page of a thousand"}, "bump_keys": {"Does a change key", "change key that a write"},
		"no_members": {"within its calendar"}, "rewrites": {"change key that a write", "Does a change key"}, "series_conflicts": {"without conflicts"},
		"lost_patch": {"change of an instance"}, "mailbox_404": {"within reach"}, "filter": {"filter"}, "calendar_ids_change": {"creating a calendar"},
		"cuts": {"300 characters"}, "zones": {"zones of Windows"}, "minutes": {"seconds"}, "instance_fields": {"own sensitivity"},
		"permanent_delete": {"deleting for good"}, "locked": {"without locks"}, "skips": {"every event"}, "lag": {"shown at once"},
	}
	one := map[string]string{"transaction_ids=kept": "free when", "transaction_ids=dead": "second create"}
	silent := []string{"icaluid=own", "icaluid=changed"} // as documented, within one minute
	for _, set := range graphsim.EachSwitch() {
		t.Run(set.String(), func(t *testing.T) {
			var about []string
			for name := range set {
				about = askable[name]
			}
			if only, is := one[set.String()]; is {
				about = []string{only}
			}
			if slices.Contains(silent, set.String()) {
				about = nil
			}
			synctest.Test(t, func(t *testing.T) {
				w := within(t, set)
				findings, err := w.ask()
				if _, stays := set["undeletable"]; stays {
					if err == nil || !strings.Contains(err.Error(), "yours to delete in Outlook") {
						t.Errorf("a calendar that cannot be deleted: %v", err)
					}
					return
				}
				must(t, err)
				assumed := 0
				for _, f := range findings {
					is := slices.ContainsFunc(about, func(part string) bool { return strings.Contains(f.Question, part) })
					if f.Verdict == Assumed && is {
						assumed++
					} else if f.Verdict == Assumed || f.Verdict == Otherwise {
						t.Errorf("%+v", f)
					}
				}
				if assumed == 0 && len(about) > 0 {
					t.Errorf("nothing is as assumed of %q", about)
				}
				w.clean()
			})
		})
	}
}

func TestEveryRowIsAskedAbout(t *testing.T) {
	rows := map[int]bool{}
	for _, q := range slices.Concat(questions, writing) {
		if rows[q.row] = true; (q.ask == nil) == (q.unasked == "") {
			t.Errorf("%q is asked, or not", q.text)
		}
	}
	for row := 1; row <= 33; row++ {
		if !rows[row] {
			t.Errorf("nothing is asked about row %d", row)
		}
	}
}

// TestRandomSwitches: whatever is on, all questions are answered, and the mailbox is as it was.
func TestRandomSwitches(t *testing.T) {
	for seed := range uint64(20) {
		set := graphsim.RandomSwitches(rand.New(rand.NewPCG(seed, 5)), 0.3)
		delete(set, "undeletable")
		delete(set, "retention")
		t.Run(set.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := within(t, set)
				findings, err := w.ask()
				if err != nil || len(findings) != len(questions)+len(writing) {
					t.Errorf("%d findings, %v", len(findings), err)
				}
				must(t, w.sim.SetSwitches(nil))
				w.clean()
			})
		})
	}
}

// within makes a world in a bubble, in which time passes by itself.
func within(t *testing.T, set graphsim.Switches) *world {
	t.Helper()
	time.Sleep(time.Until(now))
	sim := graphsim.New(graphsim.Options{Switches: set})
	return build(t, sim, "Europe/Berlin", "http://localhost", wiretest.Serve(t, sim))
}

func TestAListingThatLacksSomething(t *testing.T) {
	w := newWorld(t, "Europe/Berlin", graphsim.MustSwitches("skips=3"))
	findings, err := w.ask()
	must(t, err)
	for _, f := range findings {
		if f.Row == 16 && (f.Verdict != Assumed || f.Detail != "7 of 8 events") {
			t.Errorf("%+v", f)
		}
	}
	w.clean()
}

func TestEveryDayOfTheWeek(t *testing.T) {
	for day := range 7 {
		w := newWorld(t, "Europe/Berlin", nil)
		at := now.AddDate(0, 0, day)
		err := Ask(t.Context(), w.service, me, "Scratch", at, func(f Finding) {
			if f.Verdict == Assumed || f.Verdict == Otherwise {
				t.Errorf("on %s: %+v", at.Weekday(), f)
			}
		})
		must(t, err)
		w.clean()
	}
}

func TestWhatIsNeitherDocumentedNorAssumed(t *testing.T) {
	event, window := "/users/*/calendars/*/events/*", "/users/*/calendars/*/calendarView"
	for name, tt := range map[string]struct {
		path  string
		nth   int
		about string
	}{
		"a text that is refused in another way":          {event, 3, "text of an event"},
		"a private event that is refused in another way": {event, 10, "private event"},
		"a long window that is refused in another way":   {window, 8, "1,825 days"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "Europe/Berlin", nil)
			must(t, w.sim.SetFaults(graphsim.Fault{
				Method: http.MethodGet, Path: tt.path, Kind: graphsim.FaultError, Status: http.StatusGone, Code: "Gone", Nth: tt.nth,
			}))
			findings, err := w.ask()
			must(t, err)
			for _, f := range findings {
				if (f.Verdict == Otherwise) != strings.Contains(f.Question, tt.about) {
					t.Errorf("%+v", f)
				}
			}
			w.clean()
		})
	}
}

// TestTheScratchCalendarIsRemoved whatever fails, also when whoever asked goes away.
func TestTheScratchCalendarIsRemoved(t *testing.T) {
	for nth := 1; ; nth++ {
		w := newWorld(t, "Europe/Berlin", nil)
		must(t, w.sim.SetFaults(graphsim.Fault{Kind: graphsim.FaultThrottle, Nth: nth, Path: "/users/**"}))
		_, err := w.ask()
		if calendars, _ := w.sim.Calendars(me); len(calendars) == 2 {
			if err == nil || !strings.Contains(err.Error(), `"Scratch", which is yours to delete`) {
				t.Errorf("request %d: the calendar is left, %v", nth, err)
			}
			must(t, w.sim.RemoveCalendar(me, calendars[1].ID))
		} else if (err == nil) != (w.sim.Faults()[0].Struck == 0) {
			t.Errorf("request %d: %v", nth, err)
		}
		w.clean()
		if w.sim.Faults()[0].Struck == 0 {
			break
		}
	}
	w := newWorld(t, "Europe/Berlin", nil)
	ctx, leave := context.WithCancel(t.Context())
	if err := Ask(ctx, w.service, me, "Scratch", now, func(Finding) { leave() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.clean()
}

func TestACalendarOfThatNameIsNotTouched(t *testing.T) {
	w := newWorld(t, "Europe/Berlin", nil)
	id, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Scratch"})
	must(t, err)
	if findings, err := w.ask(); err == nil || len(findings) > 0 {
		t.Errorf("%+v, %v", findings, err)
	}
	must(t, w.sim.RemoveCalendar(me, id))
	w.clean()
}
