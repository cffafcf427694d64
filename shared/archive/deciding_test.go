package archive_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

func keepAs(fields decision.Fields) decision.Verdict {
	return decision.Verdict{Word: decision.KeepAs, Fields: &fields}
}

func TestADecisionSeesWhatChangesItsAppointmentOnTheDaysBesideIt(t *testing.T) {
	for _, beside := range []struct{ name, start, end string }{
		{"Early start: Release", "2026-10-05T23:30", "2026-10-06T00:00"},
		{"Extended: Release", "2026-10-07T00:00", "2026-10-07T00:30"},
	} {
		w := newWorld(t)
		w.add("Release", "2026-10-06T00:00", "2026-10-06T23:58")
		c := w.config()
		w.archive(c)
		answer := w.about(c, map[string]decision.Verdict{"Release": keepAs(decision.Fields{Location: text("Bonn")})})
		w.add(beside.name, beside.start, beside.end)
		if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}}); r.State != run.Failed || r.Problem.Code != archive.StaleDecision {
			t.Errorf("with %q: %s %+v", beside.name, r.State, result)
		}
	}
}

func TestADriftToAnotherDayIsMeasuredAgainstWhatStandsThere(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Other", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	w.archive(c)
	w.change("Review", func(d *calendar.Draft) { d.Start.Local, d.End.Local = "2026-10-20T09:30:00", "2026-10-20T10:30:00" })
	night, _ := w.archive(c)
	answer := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Accept}})
	answer.Action = w.raise(c, action.Drift, w.questions(night, archive.ActionDrift)[0])
	if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}}); r.State != run.Failed || r.Problem.Code != archive.WouldOverlap {
		t.Errorf("%s %+v", r.State, result)
	}
	w.shows("Other 2026-10-20T07:00", "Review 2026-10-05T07:00")
}

func TestAnAnswerCountsWhoseRunIsAboutToBeStored(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	night, _ := w.archive(c)
	answer := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}, "Call": {Word: decision.Drop}})
	answer.Action = w.raise(c, action.Overlap, w.questions(night, archive.ActionOverlap)[0])
	asked := archive.Asked{Config: c.ID, Answers: []archive.Answer{answer}}

	first, err := w.deciding().Run(t.Context(), user, asked)
	must(t, err)
	var taken *action.Taken
	if _, err := w.deciding().Run(t.Context(), user, asked); !errors.As(err, &taken) || taken.By != first.ID {
		t.Errorf("at the same time: %v", err)
	}
	w.Advance(2 * time.Minute) // the first was never started
	second, err := w.deciding().Run(t.Context(), user, asked)
	must(t, err)
	second.State, second.Created = run.Queued, w.Now()
	_, _, err = run.NewStore(w.Table).Create(t.Context(), second)
	must(t, err)
	w.Advance(2 * time.Minute)
	if _, err := w.deciding().Run(t.Context(), user, asked); !errors.As(err, &taken) || taken.By != second.ID {
		t.Errorf("while the second waits for its turn: %v", err)
	}
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), second))
	w.decided(second.ID)
	w.open(0)
}

func TestActionsThatCannotAllBeClaimedAreFree(t *testing.T) {
	w := newWorld(t)
	for _, day := range []string{"2026-10-05", "2026-10-06"} {
		w.add("Review "+day, day+"T09:00", day+"T10:00")
		w.add("Call "+day, day+"T09:30", day+"T10:30")
	}
	c := w.config()
	night, _ := w.archive(c)
	var answers []archive.Answer
	for i, asked := range w.questions(night, archive.ActionOverlap) {
		day := []string{"2026-10-05", "2026-10-06"}[i]
		answer := w.about(c, map[string]decision.Verdict{"Review " + day: {Word: decision.Keep}, "Call " + day: {Word: decision.Drop}})
		answer.Action = w.raise(c, action.Overlap, asked)
		answers = append(answers, answer)
	}
	w.settleBy(c, archive.Asked{Answers: answers[1:]})
	var taken *action.Taken
	_, err := w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: answers})
	if !errors.As(err, &taken) || taken.Action.ID != answers[1].Action {
		t.Fatalf("one of them is decided: %v", err)
	}
	if r, _ := w.settleBy(c, archive.Asked{Answers: answers[:1]}); r.State != run.Succeeded {
		t.Errorf("the other one alone: %s", r.State)
	}
	w.open(0)
}

func TestACorrectionAfterAWithdrawalBeginsWithTheSource(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	for _, v := range []decision.Verdict{
		keepAs(decision.Fields{Location: text("Bonn")}), {Word: decision.Withdraw}, keepAs(decision.Fields{Subject: text("New")}),
	} {
		asked := archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": v})}}
		if r, result := w.settleBy(c, asked); r.State != run.Succeeded {
			t.Fatalf("%s: %s %+v", v.Word, r.State, result)
		}
	}
	if e := w.held(c, "New"); e.Appointment.Location != "" {
		t.Errorf("it is at %q again", e.Appointment.Location)
	}
}

func TestADecisionAnswersAnActionOfItsOwnConfig(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	other := w.config(func(c *archive.Config) { c.Name, c.Archive = "other", uri("Other archive") })
	night, _ := w.archive(c)
	answer := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}, "Call": {Word: decision.Drop}})
	answer.Action = w.raise(c, action.Overlap, w.questions(night, archive.ActionOverlap)[0])
	w.archive(other)
	_, err := w.deciding().Run(t.Context(), user, archive.Asked{Config: other.ID, Answers: []archive.Answer{answer}})
	if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "decisions[0].action" {
		t.Errorf("got %v", err)
	}
}

func TestARunSaysHowManyDecisionsItCannotCarryOut(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-12T09:00", "2026-10-12T10:00")
	c := w.config()
	w.archive(c)
	r := w.startDeciding(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Review": keepAs(decision.Fields{Location: text("Bonn")})}),
		w.about(c, map[string]decision.Verdict{"Call": keepAs(decision.Fields{Location: text("Bonn")})}),
	}})
	for _, subject := range []string{"Review", "Call"} {
		w.change(subject, func(d *calendar.Draft) { d.Importance = calendar.High })
	}
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), r))
	if r, result := w.decided(r.ID); r.State != run.Failed || !strings.HasPrefix(r.Problem.Detail, "2 decisions cannot") || len(result.Refusals) != 2 {
		t.Errorf("%s %+v", r.State, r.Problem)
	}
}

// underAnotherID has the copy of a subject under another id, with its mark.
func (w *world) underAnotherID(subject string) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	events := w.read(info.ID)
	e := events[slices.IndexFunc(events, func(e calendar.Event) bool { return e.Subject == subject })]
	_, err = w.calendar.Delete(w.t.Context(), "me", info.ID, []string{e.ID})
	must(w.t, err)
	results, err := w.calendar.Create(w.t.Context(), "me", info.ID, []calendar.Draft{{
		Mark: e.Mark, TransactionID: w.NewID(), Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location,
		Categories: e.Categories, ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity,
	}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

func TestWhatIsWithdrawnGoesAlsoUnderAnotherID(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	night, _ := w.archive(c)
	w.underAnotherID("Review")
	w.underAnotherID("Call")
	withdraw := map[string]decision.Verdict{"Review": {Word: decision.Withdraw}}
	if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, withdraw)}}); r.State != run.Succeeded || result.Removed != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	w.shows("Call 2026-10-06T07:00")
	if plan := w.preview(night.ID, how{}); of(plan, "Call") != "undone removes" {
		t.Errorf("undoing %+v", plan.Items)
	}
	w.undo(night.ID, how{})
	w.shows()
	w.quiet(c)
}

func TestAnUndoNamesEachDecisionOnceThatItTakesBack(t *testing.T) {
	w := newWorld(t)
	for n, day := range []string{"2026-10-05", "2026-10-06", "2026-10-07"} {
		w.add([]string{"First", "Second", "Third"}[n], day+"T09:00", day+"T10:00")
	}
	c := w.config()
	w.archive(c)
	here := func() decision.Verdict { return keepAs(decision.Fields{Location: text("Bonn")}) }
	r, _ := w.settleBy(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"First": here(), "Third": here()}), w.about(c, map[string]decision.Verdict{"Second": here()}),
	}})
	want := []string{archive.DecisionID(r.ID, 0), archive.DecisionID(r.ID, 1)}
	if _, result := w.undo(r.ID, how{}); !slices.Equal(result.Decisions, want) {
		t.Errorf("it takes back %v, want %v", result.Decisions, want)
	}
}

func TestOnlyWhatIsDecidedIsWritten(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	w.archive(c)
	r := w.startDeciding(c, archive.Asked{Partial: true, Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Drop}}),
		w.about(c, map[string]decision.Verdict{"Call": keepAs(decision.Fields{Location: text("Bonn")})}),
	}})
	w.change("Call", func(d *calendar.Draft) { d.Location = "Berlin" })
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), r))
	if r, result := w.decided(r.ID); r.State != run.Partial || result.Written != 0 || result.Refused != 1 || result.Dropped != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	w.shows() // what was refused waits for the night
}

func TestAppointmentsThatAreFarApartAreSurveyedApart(t *testing.T) {
	w := newWorld(t)
	w.add("First", "2026-10-01T09:00", "2026-10-01T10:00")
	w.add("Near", "2026-10-10T09:00", "2026-10-10T10:00")
	w.add("Far", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	w.archive(c)
	var answers []archive.Answer
	for _, subject := range []string{"Far", "First", "Near"} {
		answers = append(answers, w.about(c, map[string]decision.Verdict{subject: keepAs(decision.Fields{Location: text("Bonn")})}))
	}
	r := w.startDeciding(c, archive.Asked{Answers: answers})
	var in archive.DecideInput
	must(t, json.Unmarshal(r.Input, &in))
	want := []ledger.Days{{From: day("2026-09-30"), To: day("2026-10-11")}, {From: day("2026-10-19"), To: day("2026-10-21")}}
	if !slices.Equal(in.Windows, want) || r.From != want[0].From || r.To != want[1].To {
		t.Errorf("surveyed are %v, run %s to %s, want %v", in.Windows, r.From, r.To, want)
	}
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), r))
	if r, result := w.decided(r.ID); r.State != run.Succeeded || result.Written != 3 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestUndoingADriftTwiceLeavesWhatStoodBefore(t *testing.T) {
	w := newWorld(t)
	id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
	c := w.config(accepting)
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Room 2" })
	drift, _ := w.archive(c)
	w.undo(drift.ID, how{})
	plan := w.preview(drift.ID, how{})
	if of(plan, "Workshop") != "undone nothing" || len(plan.Later) != 0 {
		t.Errorf("undone once more: %+v", plan)
	}
}

func TestNothingIsDecidedWhereTheArchiveCalendarIsGone(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	answer := w.about(c, map[string]decision.Verdict{"Review": keepAs(decision.Fields{Location: text("Bonn")})})
	r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}})
	if r.State != run.Failed || r.Problem.Code != fault.NotFound.String() || !result.ArchiveMissing || w.copies() != nil {
		t.Errorf("%s %+v %+v", r.State, r.Problem, result)
	}
	if e := w.held(c, "Review"); e.Version != 1 {
		t.Errorf("the ledger has version %d", e.Version)
	}
}

func TestAMergeNeedsNoVerdictAboutWhatItMergesInto(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T10:00", "2026-10-05T11:00")
	c := w.config()
	w.archive(c)
	answer := w.about(c, map[string]decision.Verdict{"Call": {Word: decision.Merge, Into: "Review"}})
	r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}})
	if r.State != run.Succeeded || result.Merged != 1 || result.Removed != 1 || result.Written != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	if e := w.held(c, "Review"); e.Appointment.Duration() != 2*time.Hour {
		t.Errorf("it lasts %s", e.Appointment.Duration())
	}
	w.shows("Review 2026-10-05T07:00")
	w.quiet(c)
}

func TestDaysAreNoHours(t *testing.T) {
	w := newWorld(t)
	w.add("Fair", "2026-10-05T00:00", "2026-10-07T00:00", func(d *calendar.Draft) { d.AllDay, d.Start.Zone, d.End.Zone = true, "", "" })
	c := w.config()
	w.archive(c)
	asked := archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Fair": {Word: decision.Withdraw}})}}
	if r, result := w.settleBy(c, asked); r.State != run.Succeeded || len(result.Hours) != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestAnUndoneDecisionWhoseActionIsErasedAsksNobody(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	night, _ := w.archive(c)
	answer := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}, "Call": {Word: decision.Drop}})
	answer.Action = w.raise(c, action.Overlap, w.questions(night, archive.ActionOverlap)[0])
	r, _ := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}})
	must(t, store.Clear(t.Context(), w.Table, store.Query{PK: store.UserPartition(user), Prefix: "ACTION#"}))
	back, _ := w.undo(r.ID, how{})
	must(t, w.deciding().Ended(t.Context(), back))
	w.open(0)
}

func TestWhatCollidesWithADriftThatIsAcceptedIsAskedOnce(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config(accepting)
	w.archive(c)
	w.change("Review", func(d *calendar.Draft) { d.Location = "Bonn" })
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	night, _ := w.archive(c)
	w.open(1)
	asked := w.questions(night, archive.ActionOverlap)[0]
	if _, result := w.archive(c); len(result.Raised) > 0 || result.Resolved > 0 || result.Waiting != 1 {
		t.Errorf("the same night once more: %+v", result)
	}
	answer := w.about(c, map[string]decision.Verdict{"Call": {Word: decision.Drop}})
	answer.Action, answer.Seen = w.raise(c, action.Overlap, asked), nil
	if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}}); r.State != run.Succeeded {
		t.Errorf("answered: %s %+v", r.State, result)
	}
	w.open(0)
}
