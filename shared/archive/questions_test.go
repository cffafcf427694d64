package archive_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

func (w *world) actions() *action.Actions { return action.New(w.Table, w.NewID, w.Now) }

// asked returns the user's actions of a state, the oldest first.
func (w *world) asked(state action.State) []*action.Action {
	w.t.Helper()
	list, _, err := w.actions().List(w.t.Context(), user, action.Filter{State: state}, 500, "")
	must(w.t, err)
	slices.Reverse(list)
	return list
}

// asks checks how many actions of each kind are open, as in "drift 2, overlap 1".
func (w *world) asks(want string) {
	w.t.Helper()
	if got := kinds(w.asked(action.Open)); got != want {
		w.t.Errorf("open are %q, should be %q", got, want)
	}
}

func kinds(actions []*action.Action) string {
	counts := map[action.Kind]int{}
	for _, a := range actions {
		counts[a.Kind]++
	}
	var all []string
	for kind, n := range counts {
		all = append(all, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// edit changes an event of the source calendar: it is then as add would make it.
func (w *world) edit(id, subject, start, end string, change ...func(*calendar.Draft)) {
	w.t.Helper()
	d := calendar.Draft{
		Subject: subject, Start: calendar.DateTime{Local: start + ":00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: end + ":00", Zone: "Europe/Berlin"},
		Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
	}
	for _, c := range change {
		c(&d)
	}
	results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: d}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

func days(from, to string) func(*run.Run) {
	return func(r *run.Run) { r.From, r.To = day(from), day(to) }
}

func labelled(categories ...string) func(*calendar.Draft) {
	return func(d *calendar.Draft) { d.Categories = categories }
}

func TestARunAsksOnceAndResolvesByItself(t *testing.T) {
	w := newWorld(t)
	w.add("Secret review", "2026-10-06T09:00", "2026-10-06T10:00", func(d *calendar.Draft) { d.Location = "Secret place" })
	b := w.add("Secret talk", "2026-10-06T09:30", "2026-10-06T11:00")
	c := w.config()
	r, result := w.archive(c)
	if result.Actions != 1 || result.Raised[action.Overlap] != 1 || result.Waiting != 1 || result.Resolved != 0 {
		t.Errorf("%+v", result)
	}
	w.asks("overlap 1")
	asked := w.asked(action.Open)[0]
	if asked.Config != c.ID || asked.Subject != (action.Subject{Kind: "run", ID: r.ID}) || asked.Rule != "equal_rank" || len(asked.Participants) != 2 ||
		!strings.Contains(asked.Detail, "none of them ranks higher") {
		t.Errorf("%+v", asked)
	}
	for _, p := range asked.Participants {
		if p.Version != 1 || !strings.HasPrefix(p.Hash, "sha256:") {
			t.Errorf("%+v", p)
		}
	}
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		must(t, err)
		return parsed
	}
	if want := (action.Span{From: at("2026-10-06T07:00:00Z"), Last: at("2026-10-06T07:30:00Z"), To: at("2026-10-06T09:00:00Z")}); asked.Span != want {
		t.Errorf("span %+v", asked.Span)
	}
	items, err := store.All(t.Context(), w.Table, store.Query{PK: store.UserPartition(user), Prefix: "ACTION"})
	must(t, err)
	for _, item := range items {
		if bytes.Contains(item.Data, []byte("Secret")) {
			t.Errorf("an action has what is in the calendar: %s", item.Data)
		}
	}

	_, result = w.archive(c)
	if result.Actions != 1 || len(result.Raised) != 0 || result.Waiting != 1 {
		t.Errorf("the next night: %+v", result)
	}
	if again := w.asked(""); len(again) != 1 || len(again[0].History) != 1 {
		t.Errorf("after the next night: %+v", again)
	}
	w.edit(b, "Secret talk", "2026-10-06T10:00", "2026-10-06T11:00")
	r, result = w.archive(c)
	if result.Actions != 0 || result.Resolved != 1 || result.Waiting != 0 {
		t.Errorf("the user made room: %+v", result)
	}
	if gone := w.asked(action.Resolved); len(gone) != 1 || gone[0].History[1].Why != r.ID || gone[0].History[1].By != "" {
		t.Errorf("%+v", gone)
	}
	w.asks("")
}

func TestWhatARunAsks(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.Purpose = archive.Timesheet })
	changes, goes := w.add("Changes", "2026-10-05T09:00", "2026-10-05T10:00"), w.add("Goes", "2026-10-05T11:00", "2026-10-05T12:00")
	w.add("Extended: of nothing", "2026-10-07T09:00", "2026-10-07T10:00")
	unread := w.add("Unreadable", "2026-10-08T09:00", "2026-10-08T10:00", labelled("Lunch"))
	w.add("Drive", "2026-10-08T11:00", "2026-10-08T12:00", labelled())
	w.add("Drive to Acme", "2026-10-08T13:00", "2026-10-08T14:00")
	w.add("Dentist", "2026-10-08T15:00", "2026-10-08T16:00", labelled())
	_, result := w.archive(c)
	if result.Actions != 3 || result.Raised[action.MissingCategory] != 2 || result.Raised[action.OrphanModification] != 1 {
		t.Errorf("%+v", result)
	}
	w.asks("missing_category 2, orphan_modification 1")
	w.edit(changes, "Changed", "2026-10-05T09:00", "2026-10-05T10:00")
	w.remove(goes)
	w.archive(c)
	w.asks("drift 2, missing_category 2, orphan_modification 1")
	rules := map[string]int{}
	for _, a := range w.asked(action.Open) {
		rules[a.Rule]++
		if want := map[string]int{"changed": 1, "vanished": 1, "travel_no_customer": 1}[a.Rule]; a.Participants[0].Version != want {
			t.Errorf("%s: %+v", a.Rule, a.Participants)
		}
	}
	if len(rules) != 5 || rules["no_original"] != 1 || rules["no_customer"] != 1 {
		t.Errorf("%v", rules)
	}
	w.edit(changes, "Changes", "2026-10-05T09:00", "2026-10-05T10:00")
	w.edit(unread, "Unreadable", "2026-10-08T09:00", "2026-10-08T10:00")
	_, result = w.archive(c)
	if result.Resolved != 2 {
		t.Errorf("%+v", result)
	}
	w.asks("drift 1, missing_category 1, orphan_modification 1")
}

func TestAGeneralArchiveAsksForNoCategory(t *testing.T) {
	w := newWorld(t)
	w.add("Unreadable", "2026-10-08T09:00", "2026-10-08T10:00", labelled("Lunch"))
	w.add("Drive", "2026-10-08T11:00", "2026-10-08T12:00", labelled())
	w.archive(w.config())
	w.asks("")
}

func TestTheVersionThatWaitsIsTheOneThatIsAsked(t *testing.T) {
	w := newWorld(t)
	a := w.add("A", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("B", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	w.archive(c)
	first := w.asked(action.Open)[0]
	w.edit(a, "A", "2026-10-06T09:15", "2026-10-06T10:15") // without an original start, its key is another one; the ledger keeps the first
	w.archive(c)
	w.asks("overlap 1")
	second := w.asked(action.Open)[0]
	if second.ID == first.ID || second.Participants[0].Key != first.Participants[0].Key || second.Participants[1].Key != first.Participants[1].Key {
		t.Errorf("first %+v, then %+v", first.Participants, second.Participants)
	}
	if a, b := second.Participants[0].Version, second.Participants[1].Version; a+b != 3 {
		t.Errorf("versions %d and %d", a, b)
	}
}

func TestRunsThatChangeNothingAskNothing(t *testing.T) {
	overlap := func(w *world) archive.Config {
		w.add("A", "2026-10-06T09:00", "2026-10-06T10:00")
		w.add("B", "2026-10-06T09:30", "2026-10-06T10:30")
		return w.config()
	}
	t.Run("a dry run", func(t *testing.T) {
		w := newWorld(t)
		c := overlap(w)
		if _, result := w.archive(c, func(r *run.Run) { r.Options.DryRun = true }); result.Actions != 1 || len(result.Raised) != 0 {
			t.Errorf("%+v", result)
		}
		w.asks("")
	})
	t.Run("a dry run resolves nothing either", func(t *testing.T) {
		w := newWorld(t)
		c := overlap(w)
		w.archive(c)
		for _, e := range w.events() {
			w.remove(e.ID)
		}
		w.archive(c, func(r *run.Run) { r.Options.DryRun = true })
		w.asks("overlap 1")
	})
	t.Run("a plan that is refused", func(t *testing.T) {
		w := newWorld(t)
		w.month(30)
		c := overlap(w)
		w.archive(c)
		for _, e := range w.events() {
			w.remove(e.ID)
		}
		w.add("C", "2026-10-07T09:00", "2026-10-07T10:00")
		w.add("D", "2026-10-07T09:30", "2026-10-07T10:30")
		before := kinds(w.asked(action.Open))
		if r, result := w.archive(c); r.State != run.Failed || !result.Shrunk || len(result.Raised)+result.Resolved != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		w.asks(before)
	})
	t.Run("an archive calendar that is gone", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		w.archive(c)
		info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
		must(t, err)
		must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
		w.add("A", "2026-10-06T09:00", "2026-10-06T10:00")
		w.add("B", "2026-10-06T09:30", "2026-10-06T10:30")
		if r, result := w.archive(c); r.State != run.Partial || len(result.Raised) != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		w.asks("")
	})
}

func TestARunOfSomeDaysResolvesNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	gone := []string{w.add("A", "2026-10-06T09:00", "2026-10-06T10:00")}
	w.add("B", "2026-10-06T09:30", "2026-10-06T10:30")
	moves := w.add("Moves", "2026-10-10T09:00", "2026-10-10T10:00")
	c := w.config()
	w.archive(c)
	w.edit(moves, "Moves", "2026-10-20T09:00", "2026-10-20T10:00")
	w.archive(c)
	w.asks("drift 1, overlap 1")
	for _, id := range gone {
		w.remove(id)
	}
	for _, some := range [][2]string{{"2026-10-01", "2026-10-05"}, {"2026-10-07", "2026-10-09"}, {"2026-10-20", "2026-10-20"}, {"2026-10-10", "2026-10-10"}} {
		w.archive(c, days(some[0], some[1]))
		w.asks("drift 1, overlap 1")
	}
	w.edit(moves, "Moves", "2026-10-10T09:00", "2026-10-10T10:00")
	w.archive(c, days("2026-10-06", "2026-10-06"))
	w.asks("drift 1")
	w.archive(c, days("2026-10-10", "2026-10-10"))
	w.asks("")
}

// TestWhatBeganBeforeTheWindowIsLookedAt has a newcomer that collides with what is archived of the evening before.
func TestWhatBeganBeforeTheWindowIsLookedAt(t *testing.T) {
	w := newWorld(t)
	w.add("Late", "2026-10-05T22:00", "2026-10-06T02:00")
	c := w.config()
	w.archive(c)
	b := w.add("Early", "2026-10-06T01:00", "2026-10-06T03:00")
	w.archive(c)
	w.asks("overlap 1")
	w.archive(c, days("2026-10-06", "2026-10-31"))
	if all := w.asked(""); len(all) != 1 {
		t.Errorf("asked twice: %+v", all)
	}
	w.remove(b)
	w.archive(c, days("2026-10-06", "2026-10-31"))
	w.asks("")
}

func TestManyThatAreMissingAreToldOnceInAMonth(t *testing.T) {
	w := newWorld(t)
	w.month(200) // of half hours: until the 5th
	c := w.config()
	w.archive(c)
	events := w.events()
	for i, night := range []string{"2026-10-31", "2026-11-01", "2026-11-02"} {
		for _, e := range events[i*12 : i*12+12] {
			w.remove(e.ID)
		}
		w.archive(c, days("2026-10-01", night))
		w.asks("retention 1")
	}
	if all := w.asked(""); len(all) != 1 || all[0].Rule != "many_vanished" {
		t.Errorf("%+v", all)
	}
	w.archive(c, func(r *run.Run) { r.Options.Force = true })
	w.asks("retention 1")
	_, err := w.actions().Dismiss(t.Context(), user, w.asked(action.Open)[0].ID)
	must(t, err)
	w.remove(events[100].ID)
	w.archive(c)
	w.asks("")
}

func TestManyQuestionsAreNamedByTheirCauses(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		start := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 2 * time.Hour)
		for range 2 {
			w.add(fmt.Sprintf("Work %d", i), start.Format("2006-01-02T15:04"), start.Add(time.Hour+time.Duration(i)*time.Second).Format("2006-01-02T15:04"),
				func(d *calendar.Draft) { d.Subject += d.TransactionID })
		}
	}
	c := w.config()
	if _, result := w.archive(c); result.Raised[action.Overlap] != 120 || result.Actions != 120 {
		t.Errorf("%+v", result)
	}
	w.asks("overlap 120")
}

// TestANightWithOpenQuestionsCostsOneQueryMore compares a night that asks nothing with one that asks what is open.
func TestANightWithOpenQuestionsCostsOneQueryMore(t *testing.T) {
	night := func(prepare func(*world)) (requests int) {
		w := newWorld(t)
		w.month(20)
		prepare(w)
		c := w.config()
		w.archive(c)
		var stored wiretest.Wire
		r := w.start(c)
		must(t, w.runner(stored.Table(w.Table), w.calendar).Run(t.Context(), r))
		return stored.Requests()
	}
	quiet := night(func(*world) {})
	asking := night(func(w *world) {
		for range 4 {
			w.add("A", "2026-10-06T09:00", "2026-10-06T10:00", func(d *calendar.Draft) { d.Subject += d.TransactionID })
		}
	})
	if asking != quiet+1 {
		t.Errorf("%d requests, and %d with open questions", quiet, asking)
	}
}

// TestARunThatDiesAnywhereAsksOnce lets the process die at every request of a run that asks many questions and resolves others.
func TestARunThatDiesAnywhereAsksOnce(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		old := w.add("Old", "2026-10-02T09:00", "2026-10-02T10:00")
		w.add("Old too", "2026-10-02T09:30", "2026-10-02T10:30")
		c := w.config()
		w.archive(c)
		w.remove(old)
		for i := range 60 {
			start := time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 2 * time.Hour)
			for n := range 2 {
				w.add(fmt.Sprintf("Work %d.%d", i, n), start.Format("2006-01-02T15:04"), start.Add(time.Hour).Format("2006-01-02T15:04"))
			}
		}
		r := w.start(c)
		if err := w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); !dying.Dead() {
			must(t, err)
		}
		w.Advance(2 * time.Minute) // the lease ends
		if dying.DieAt%2 == 0 {    // another run comes first
			w.archive(c, func(r *run.Run) { r.From = day("2026-09-01") })
		}
		left, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if !left.State.Ended() {
			must(t, w.runner(w.Table, w.calendar).Run(t.Context(), left))
		}
		w.asks("overlap 60")
		if all := w.asked(""); len(all) != 61 || all[0].State != action.Resolved {
			t.Errorf("%d are there, the first %s", len(all), all[0].State)
		}
		if _, result := w.result(r.ID); dying.DieAt%2 == 1 && result.Raised[action.Overlap] != 60 {
			t.Errorf("the run says that it raised %v", result.Raised)
		}
	})
}

func TestEveryActionOfAPlanIsOfAKindThatIsKept(t *testing.T) {
	for _, kind := range []string{
		archive.ActionOverlap, archive.ActionDrift, archive.ActionOrphan, archive.ActionNoCategory, archive.ActionShrunkWindow, archive.ActionArchiveMissing,
		archive.ActionStale, archive.ActionRetention, archive.ActionKeysChanged, archive.ActionUnreadable,
	} {
		if !slices.Contains(action.Kinds(), action.Kind(kind)) {
			t.Errorf("%q", kind)
		}
	}
}

func TestWhoForcesARunIsNotAskedAboutWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	w.month(30)
	c := w.config()
	w.archive(c)
	for _, e := range w.events()[:14] {
		w.remove(e.ID)
	}
	w.archive(c, func(r *run.Run) { r.Options.Force = true })
	w.asks("")
	w.archive(c)
	w.asks("retention 1")
}

func TestARetryResolvesNothingAndAsksNothing(t *testing.T) {
	w := newWorld(t)
	b := w.add("B", "2026-10-06T09:30", "2026-10-06T10:30")
	w.add("A", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Refused", "2026-10-08T09:00", "2026-10-08T10:00")
	c := w.config()
	failed := w.start(c)
	must(t, w.runner(w.Table, picky{w.calendar, "Refused"}).Run(t.Context(), failed))
	w.asks("overlap 1")
	first := w.asked(action.Open)[0].ID
	w.edit(b, "B", "2026-10-06T09:45", "2026-10-06T10:45")
	retry, result := w.archive(c, func(r *run.Run) { r.AttemptOf = failed.ID })
	if retry.State != run.Succeeded || result.Written != 1 || len(result.Raised) != 0 || result.Resolved != 0 {
		t.Errorf("%s %+v", retry.State, result)
	}
	if all := w.asked(""); len(all) != 1 || all[0].ID != first || all[0].State != action.Open {
		t.Errorf("%+v", all)
	}
}

func TestADecisionThatHoldsNoLongerIsAskedAboutUntilItsUserDecides(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Withdraw}})}})
	w.change("Review", func(d *calendar.Draft) { d.Location = "Berlin" })
	if _, night := w.archive(c); night.Raised[action.StaleDecision] != 1 || night.Counts.Archived != 1 {
		t.Fatalf("the night: %+v", night)
	}
	for range 2 {
		if _, night := w.archive(c); night.Resolved != 0 || night.Written != 0 {
			t.Errorf("a night with nothing changed: %+v", night)
		}
		w.open(1)
	}
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}})}})
	if _, night := w.archive(c); night.Resolved != 1 {
		t.Errorf("the night after it was decided: %+v", night)
	}
	w.open(0)
}

func TestWhoChangesTheSourceOnceMoreIsAskedNoLongerAboutTheDecision(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Withdraw}})}})
	w.change("Review", func(d *calendar.Draft) { d.Location = "Berlin" })
	w.archive(c)
	w.change("Review", func(d *calendar.Draft) { d.Location = "Bonn" })
	if _, night := w.archive(c); night.Resolved != 1 || night.Raised[action.Drift] != 1 {
		t.Errorf("the night: %+v", night)
	}
	w.open(1)
}
