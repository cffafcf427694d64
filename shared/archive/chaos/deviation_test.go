package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// under makes a world in which switches are on.
func under(t *testing.T, switches ...string) *world {
	t.Helper()
	return newWorld(t, graphsim.Options{Switches: graphsim.MustSwitches(switches...)})
}

func (w *world) switches(texts ...string) {
	w.t.Helper()
	must(w.t, w.sim.SetSwitches(graphsim.MustSwitches(texts...)))
}

// weekly puts a series of four Mondays into Work, of which the second one was moved by a day, and returns its id.
func (w *world) weekly() string {
	w.t.Helper()
	date := october(5, 18)
	id := w.put(object{
		"subject": "Stand-up", "showAs": "busy", "start": at(date, "W. Europe Standard Time"), "end": at(date.Add(30*time.Minute), "W. Europe Standard Time"),
		"recurrence": object{
			"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}},
			"range":   object{"type": "numbered", "numberOfOccurrences": 4, "startDate": date.Format("2006-01-02")},
		},
	})
	w.put(object{"id": id + "@20261012T160000Z", "start": at(october(13, 18), "W. Europe Standard Time"),
		"end": at(october(13, 19), "W. Europe Standard Time"), "subject": "Stand-up on Tuesday"})
	return id
}

// first returns the id of the first event in Work.
func (w *world) first() string {
	w.t.Helper()
	events, err := w.sim.Events(me, w.source)
	must(w.t, err)
	return events[0].ID
}

func (w *world) head(c archive.Config) ledger.Head {
	w.t.Helper()
	found, err := w.Table.GetMany(w.t.Context(), []store.Key{ledger.HeadKey(c.ID)})
	must(w.t, err)
	head, err := ledger.HeadOf(c.ID, found)
	must(w.t, err)
	return head
}

// told returns the actions and the issues in the plan of a run.
func (w *world) told(r *run.Run) (actions, issues []string) {
	w.t.Helper()
	plan, err := w.Blobs.Get(w.t.Context(), archive.PlanKey(r.ID))
	must(w.t, err)
	defer plan.Close()
	var p struct {
		Items   []struct{ Issues []string }
		Actions []archive.Action
	}
	must(w.t, json.NewDecoder(plan).Decode(&p))
	for _, a := range p.Actions {
		actions = append(actions, a.Kind+": "+a.Detail)
	}
	for _, it := range p.Items {
		issues = append(issues, it.Issues...)
	}
	return actions, issues
}

func TestEventsAreTheSameUnderWhateverIDs(t *testing.T) {
	changes := []string{"icaluid=shared", "icaluid=null", "icaluid=changed", "ids_change", "original_start=null", "all_day_original=utc"}
	for _, before := range append([]string{""}, changes...) {
		for _, after := range changes {
			if before == after && before != "icaluid=changed" && before != "ids_change" {
				continue
			}
			t.Run(before+" then "+after, func(t *testing.T) {
				w := newWorld(t, graphsim.Options{})
				if before != "" {
					w.switches(before)
				}
				w.month(12)
				w.weekly()
				w.put(object{"subject": "Holidays", "isAllDay": true, "showAs": "busy", "start": at(october(20, 0), "W. Europe Standard Time"),
					"end": at(october(21, 0), "W. Europe Standard Time"), "recurrence": object{
						"pattern": object{"type": "daily", "interval": 2}, "range": object{"type": "numbered", "numberOfOccurrences": 2, "startDate": "2026-10-20"}}})
				c := w.config(archive.AskOnDrift)
				r, first := w.archive(c)
				if r.State != run.Succeeded || first.Counts.Archived != 18 {
					t.Fatalf("%s %+v", r.State, first)
				}
				w.switches(after)
				w.sim.Turn()
				for range 2 {
					r, result := w.archive(c)
					if r.State != run.Succeeded || result.Counts.Unchanged != 18 || result.Counts.Vanished != 0 || result.Written != 0 || result.Actions != 0 {
						t.Errorf("%s %+v", r.State, result)
					}
				}
				if n := len(w.copies()); n != 18 {
					t.Errorf("%d copies", n)
				}
				w.check(c)
			})
		}
	}
}

func TestAnEditUnderAnotherIDIsANewVersion(t *testing.T) {
	for _, name := range []string{"icaluid=null", "icaluid=shared", "icaluid=changed", "ids_change"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{})
			w.moved = name == "ids_change"
			w.month(3)
			id := w.weekly()
			c := w.config(archive.AcceptOnDrift)
			w.archive(c)
			w.switches(name)
			w.sim.Turn()
			w.put(object{"id": w.first(), "body": object{"contentType": "text", "content": "Another agenda"}})
			w.put(object{"id": id + "@20261019T160000Z", "body": object{"contentType": "text", "content": "Another agenda"}})
			r, result := w.archive(c)
			if r.State != run.Succeeded || result.Counts.Drifted != 2 || result.Counts.Unchanged != 5 || result.Written != 2 || len(w.copies()) != 7 {
				t.Errorf("%s %+v, %d copies", r.State, result, len(w.copies()))
			}
			w.check(c)
			w.verify(c)
		})
	}
}

func TestABrokenEventInTheArchiveKeepsNothingFromBeingWritten(t *testing.T) {
	w := under(t, "poison=Broken")
	w.month(3)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	calendars, err := w.sim.Calendars(me)
	must(t, err)
	broken := meeting(11)
	broken["subject"] = "Broken"
	text, err := json.Marshal(broken)
	must(t, err)
	_, err = w.sim.PutEvent(me, calendars[len(calendars)-1].ID, text)
	must(t, err)
	w.put(meeting(11))
	if r, result := w.archive(c); r.State != run.Succeeded || result.Written != 1 {
		t.Errorf("%s %+v, %+v", r.State, result, r.Problem)
	}
}

func TestWhenNothingKnowsTheEventsAnyMore(t *testing.T) {
	for _, tt := range []struct {
		name    string
		later   int // by how many places the new ones are
		written int // with force
	}{{"at other times", 50, 12}, {"at the same times, under other names", 0, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{})
			w.month(12)
			c := w.config(archive.AskOnDrift)
			w.archive(c)
			events, err := w.sim.Events(me, w.source)
			must(t, err)
			for i, e := range events {
				must(t, w.sim.RemoveEvent(me, e.ID))
				imported := meeting(i + tt.later)
				imported["subject"] = fmt.Sprintf("Imported %d", i)
				w.put(imported)
			}
			for range 2 {
				r, result := w.archive(c)
				actions, _ := w.told(r)
				if r.State != run.Failed || !result.KeysChanged || result.Written != 0 || len(w.copies()) != 12 || r.Problem == nil || r.Problem.Code != "conflict" ||
					!slices.ContainsFunc(actions, func(a string) bool { return strings.HasPrefix(a, "keys_changed: 12 of the 12") }) {
					t.Errorf("%s %+v, %+v, %q", r.State, result, r.Problem, actions)
				}
			}
			forced := w.newRun(c)
			forced.Options.Force = true
			forced, _, err = run.NewStore(w.Table).Create(t.Context(), forced)
			must(t, err)
			must(t, w.runner(w.Table, w.provider).Run(t.Context(), forced))
			if r, result := w.result(forced.ID); r.State != run.Succeeded || result.KeysChanged || result.Written != tt.written {
				t.Errorf("with force: %s %+v", r.State, result)
			}
		})
	}
}

func TestFewerThanTenAreNoEventsUnderOtherIDs(t *testing.T) {
	for _, tt := range []struct{ held, gone, fresh int }{{12, 9, 12}, {12, 12, 9}, {24, 12, 12}} {
		t.Run(fmt.Sprintf("%d of %d are gone and %d are new", tt.gone, tt.held, tt.fresh), func(t *testing.T) {
			w := newWorld(t, graphsim.Options{})
			w.month(tt.held)
			c := w.config(archive.AskOnDrift)
			w.archive(c)
			events, err := w.sim.Events(me, w.source)
			must(t, err)
			for _, e := range events[:tt.gone] {
				must(t, w.sim.RemoveEvent(me, e.ID))
			}
			for i := range tt.fresh {
				w.put(meeting(100 + i))
			}
			if r, result := w.archive(c); r.State != run.Succeeded || result.KeysChanged || result.Written != tt.fresh || result.Counts.Vanished != tt.gone {
				t.Errorf("%s %+v", r.State, result)
			}
		})
	}
}

func TestWhatAListingLacksIsAskedForByItsID(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(30)
	w.weekly()
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	w.switches("skips=1")
	for range 5 {
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Unchanged != 34 || result.Counts.Vanished != 0 || result.Actions != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
	}
	t.Run("and one that is refused has not vanished", func(t *testing.T) {
		w.switches("skips=1", "get_private=403")
		private := 0
		for range 30 {
			r, result := w.archive(c)
			if r.State != run.Succeeded || result.Counts.Vanished != 0 || result.Actions != 0 {
				t.Fatalf("%s %+v", r.State, result)
			}
			if result.Counts.Unchanged == 33 {
				private++
			}
		}
		if private == 0 || private == 30 {
			t.Errorf("%d of 30 nights lacked a private event", private)
		}
	})
	t.Run("and one that is not there has", func(t *testing.T) {
		w.switches()
		events, err := w.sim.Events(me, w.source)
		must(t, err)
		must(t, w.sim.RemoveEvent(me, events[3].ID))
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Vanished != 1 || result.Actions != 1 {
			t.Errorf("%s %+v", r.State, result)
		}
	})
}

func TestEventsThatRetentionMovedAway(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(1000) // the first of them are on 1 October, the last ones on 11 October
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	events, err := w.sim.Events(me, w.source)
	must(t, err)
	for _, e := range events[:20] {
		must(t, w.sim.RemoveEvent(me, e.ID))
	}
	r, result := w.archive(c)
	actions, _ := w.told(r)
	if r.State != run.Succeeded || result.Counts.Vanished != 20 || len(actions) != 1 ||
		!strings.HasPrefix(actions[0], "retention: 20 appointments that were archived, up to 2026-10-01,") {
		t.Errorf("%s %+v, %q", r.State, result, actions)
	}
	if len(w.copies()) != 1000 {
		t.Errorf("%d copies", len(w.copies()))
	}
	w.check(c)
}

func TestADayThatCannotBeRead(t *testing.T) {
	w := under(t, "poison=Broken")
	w.month(300) // from 1 to 4 October, and early on 5 October
	w.put(meeting(1899))
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	broken := meeting(100) // on 2 October
	broken["subject"] = "Broken"
	id := w.put(broken)
	fresh := meeting(1800)
	w.put(fresh)
	for range 2 {
		r, result := w.archive(c)
		actions, _ := w.told(r)
		if r.State != run.Partial || result.UnreadableDays == 0 || result.Counts.Vanished != 0 || r.Problem == nil ||
			!strings.Contains(r.Problem.Detail, "2026-10-02") || len(actions) != 1 || !strings.HasPrefix(actions[0], "unreadable_days: ") {
			t.Errorf("%s %+v, %+v, %q", r.State, result, r.Problem, actions)
		}
		if got := len(w.copies()); got != 302 {
			t.Errorf("%d copies", got)
		}
	}
	head := w.head(c)
	if through := head.Through.String(); through != "2026-10-30" {
		t.Errorf("archived through %s", through)
	}
	must(t, w.sim.RemoveEvent(me, id))
	if r, result := w.archive(c); r.State != run.Succeeded || result.UnreadableDays != 0 || result.Counts.Unchanged != 302 {
		t.Errorf("afterwards: %s %+v", r.State, result)
	}
	w.check(c)
}

func TestADayThatCannotBeReadIsNoWindowThatShrank(t *testing.T) {
	w := under(t, "poison=Broken")
	w.month(40) // all of them on 1 October
	w.put(meeting(1800))
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	broken := meeting(100)
	broken["subject"], broken["start"], broken["end"] = "Broken", at(october(1, 9), "UTC"), at(october(1, 10), "UTC")
	w.put(broken)
	if r, result := w.archive(c); r.State != run.Partial || result.Shrunk || result.Counts.Unchanged != 1 || result.UnreadableDays != 1 {
		t.Errorf("%s %+v, %+v", r.State, result, r.Problem)
	}
}

func TestDaysThatWereNotReadDoNotCountAsArchived(t *testing.T) {
	w := under(t, "poison=Broken")
	w.month(300)
	broken := meeting(100)
	broken["subject"] = "Broken"
	w.put(broken)
	c := w.config(archive.AskOnDrift)
	if r, result := w.archive(c); r.State != run.Partial || result.Written == 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if through := w.head(c).Through.String(); through != "2026-10-01" {
		t.Errorf("archived through %s", through)
	}
}

// wordless is a provider that refuses the texts of events.
type wordless struct{ calendar.Provider }

func (wordless) Bodies(context.Context, string, string, []string, time.Time, time.Time) (map[string]calendar.Body, error) {
	return map[string]calendar.Body{}, nil
}

func TestATextThatIsRefusedIsNoEmptyText(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(4)
	c := w.config(archive.AskOnDrift)
	refusing := func() (*run.Run, archive.Result, []string, []string) {
		r := w.start(c)
		must(t, w.runner(w.Table, wordless{w.provider}).Run(t.Context(), r))
		r, result := w.result(r.ID)
		actions, issues := w.told(r)
		return r, result, actions, issues
	}
	r, result, _, issues := refusing()
	if r.State != run.Succeeded || result.Counts.Archived != 4 || len(issues) != 4 || !strings.Contains(issues[0], "text is refused") {
		t.Errorf("%s %+v, %q", r.State, result, issues)
	}
	if r, result, actions, issues := refusing(); r.State != run.Succeeded ||
		result.Counts.Unchanged != 4 || result.Written != 0 || len(actions) != 0 || len(issues) != 4 {
		t.Errorf("the night after: %s %+v, %q, %q", r.State, result, actions, issues)
	}
	// It can be read, and nobody is asked about that.
	r, result = w.archive(c)
	if actions, issues := w.told(r); r.State != run.Succeeded || result.Counts.Drifted != 4 || result.Written != 4 || len(actions)+len(issues) != 0 {
		t.Errorf("when they can be read: %s %+v, %q, %q", r.State, result, actions, issues)
	}
	for _, e := range w.copies() {
		if !strings.Contains(e.Body.Content, "Agenda") {
			t.Errorf("the text of %s is %q", e.Subject, e.Body.Content)
		}
	}
	if _, result := w.archive(c); result.Counts.Unchanged != 4 {
		t.Errorf("then: %+v", result)
	}
	// A text that is refused now was there before: it does not count as changed.
	w.switches("bump_keys")
	if r, result, actions, issues := refusing(); r.State != run.Succeeded || result.Counts.Unchanged != 4 || len(actions) != 0 || len(issues) != 4 {
		t.Errorf("when they are refused again: %s %+v, %q, %q", r.State, result, actions, issues)
	}
	w.check(c)
}

// TestCopiesThatAreWrittenAnewKeepTheirTexts changes what is made of events that did not change themselves, so that nobody had to read their texts.
func TestCopiesThatAreWrittenAnewKeepTheirTexts(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(4)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	anew := func(p calendar.Provider, privacy calendar.Sensitivity) {
		t.Helper()
		var err error
		all := []rule.Condition{{Field: rule.Subject, Op: rule.Contains, Any: []string{"meeting"}}}
		c.Rules = []rule.Rule{{ID: "private", Name: "All is private", On: true, All: all, Then: rule.Effect{Privacy: privacy}}}
		c, err = w.configs(w.Table).Update(t.Context(), user, c)
		must(t, err)
		r := w.newRun(c)
		r.Options.Replace = true
		r, _, err = run.NewStore(w.Table).Create(t.Context(), r)
		must(t, err)
		must(t, w.runner(w.Table, p).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Written == 0 {
			t.Errorf("%s: %s %+v", privacy, r.State, result)
		}
		for _, e := range w.copies() {
			if !strings.Contains(e.Body.Content, "Agenda") || e.Sensitivity == calendar.Normal {
				t.Errorf("%s: %s is %s with the text %q", privacy, e.Subject, e.Sensitivity, e.Body.Content)
			}
		}
		w.check(c)
	}
	anew(w.provider, calendar.Private)
	anew(wordless{w.provider}, calendar.Confidential) // the ledger has them
	anew(w.provider, calendar.Private)
}

func TestTextsAreArchivedThoughTheirIDsAreRefused(t *testing.T) {
	for _, name := range []string{"body_404", "get_private=403"} {
		w := under(t, name)
		w.month(12)
		c := w.config(archive.AskOnDrift)
		r, result := w.archive(c)
		if _, issues := w.told(r); r.State != run.Succeeded || result.Counts.Archived != 12 || len(issues) != 0 {
			t.Errorf("%s: %s %+v, %q", name, r.State, result, issues)
		}
		for _, e := range w.copies() {
			if !strings.Contains(e.Body.Content, "Agenda") {
				t.Errorf("%s: the text of %s is %q", name, e.Subject, e.Body.Content)
			}
		}
	}
}

func TestPeopleWhoAreWrittenInAnotherWay(t *testing.T) {
	w := under(t, "people_change")
	w.month(6)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	for i := range 4 {
		w.sim.Turn()
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Unchanged != 6 || result.Actions != 0 {
			t.Errorf("turn %d: %s %+v", i+1, r.State, result)
		}
	}
	w.put(object{"id": w.first(), "attendees": []object{{"emailAddress": object{"name": "Bob", "address": "bob@example.com"}}}})
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Drifted != 1 {
		t.Errorf("somebody else: %s %+v", r.State, result)
	}
}

// TestPeopleAndIDsThatChangeTogether notes other ids on nights on which people are written as they were not when the event was archived.
func TestPeopleAndIDsThatChangeTogether(t *testing.T) {
	for before := range 3 {
		w := under(t, "people_change", "ids_change")
		w.month(12)
		for range before {
			w.sim.Turn()
		}
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		for i := range 4 {
			w.sim.Turn()
			if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Unchanged != 12 || result.Actions != 0 {
				t.Errorf("archived after %d turns, %d later: %s %+v", before, i+1, r.State, result)
			}
		}
	}
}

// TestANightOnWhichPeopleAreWrittenInAnotherWay costs no more than any other, whatever became of the events.
func TestANightOnWhichPeopleAreWrittenInAnotherWay(t *testing.T) {
	w := under(t, "people_change")
	w.mixture()
	c := w.config(archive.AskOnDrift)
	if _, first := w.archive(c); first.Counts.Superseded == 0 {
		t.Errorf("%+v", first)
	}
	for range 2 {
		w.sim.Turn()
		w.sim.ResetLog()
		r := w.start(c)
		var stored wiretest.Wire
		must(t, w.runner(stored.Table(w.Table), w.provider).Run(t.Context(), r))
		if requests := len(w.sim.Log()); requests > 2 || stored.Requests() > 10 {
			t.Errorf("%d requests to Graph and %d to the store", requests, stored.Requests())
		}
	}
}

func TestChangeKeysThatAlwaysChangeOnlyCostRequests(t *testing.T) {
	w := under(t, "bump_keys")
	w.month(60)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Unchanged != 60 || result.Written != 0 || result.Actions != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestACopyWhoseIDChangedIsFoundByItsMark(t *testing.T) {
	w := under(t, "ids_change")
	w.moved = true
	w.month(5)
	c := w.config(archive.AcceptOnDrift)
	w.archive(c)
	for i := range 3 {
		w.sim.Turn()
		w.put(object{"id": w.first(), "subject": fmt.Sprint("Edited ", i)})
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Drifted != 1 || result.Written != 1 || len(w.copies()) != 5 {
			t.Errorf("%s %+v, %d copies", r.State, result, len(w.copies()))
		}
	}
	w.check(c)
	for _, e := range w.copies() {
		if e.Subject == "Edited 2" {
			must(t, w.sim.RemoveEvent(me, e.ID))
		}
	}
	w.put(object{"id": w.first(), "subject": "Edited once more"})
	if r, result := w.archive(c); r.State != run.Succeeded || result.Written != 1 || len(w.copies()) != 5 {
		t.Errorf("one that is gone: %s %+v, %d copies", r.State, result, len(w.copies()))
	}
	w.check(c)
}
