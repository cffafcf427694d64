package archive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

func (w *world) deciding() *archive.Deciding {
	return &archive.Deciding{
		Configs: w.configs(w.Table), Ledger: ledger.New(w.Table, w.Blobs, w.Key), Runs: run.NewStore(w.Table),
		Actions: action.New(w.Table, w.NewID, w.Now), NewID: w.NewID,
	}
}

// settleBy carries out what is asked, and returns the run with its result.
func (w *world) settleBy(c archive.Config, asked archive.Asked) (*run.Run, archive.DecideResult) {
	w.t.Helper()
	r := w.startDeciding(c, asked)
	must(w.t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(w.t.Context(), r))
	return w.decided(r.ID)
}

func (w *world) startDeciding(c archive.Config, asked archive.Asked) *run.Run {
	w.t.Helper()
	asked.Config = c.ID
	r, err := w.deciding().Run(w.t.Context(), user, asked)
	must(w.t, err)
	r.State, r.Created = run.Queued, w.Now()
	r, _, err = run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	return r
}

func (w *world) decided(id string) (*run.Run, archive.DecideResult) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	must(w.t, w.deciding().Ended(w.t.Context(), r))
	var result archive.DecideResult
	must(w.t, json.Unmarshal(r.Result, &result))
	if !result.Balanced() {
		w.t.Errorf("the sums do not balance: %+v", result)
	}
	return r, result
}

// held returns the newest version that the ledger has of the appointment with a subject.
func (w *world) held(c archive.Config, subject string) ledger.Entry {
	w.t.Helper()
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).AsOf(w.t.Context(), c.ID, ledger.Span{
		From: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
	}, time.Time{})
	must(w.t, err)
	for _, e := range entries {
		if e.Appointment.Subject == subject {
			return e
		}
	}
	w.t.Fatalf("the ledger has nothing called %q", subject)
	return ledger.Entry{}
}

// about is an answer with one verdict for each of some appointments by their subjects.
func (w *world) about(c archive.Config, verdicts map[string]decision.Verdict) (a archive.Answer) {
	w.t.Helper()
	for subject, v := range verdicts {
		v.Key = w.held(c, subject).Key
		if v.By != "" {
			v.By = w.held(c, v.By).Key
		}
		if v.Into != "" {
			v.Into = w.held(c, v.Into).Key
		}
		a.Verdicts = append(a.Verdicts, v)
	}
	slices.SortFunc(a.Verdicts, func(a, b decision.Verdict) int { return strings.Compare(a.Key, b.Key) })
	return a
}

// questions are the actions of a kind that an archive run's plan has.
func (w *world) questions(r *run.Run, kind string) (found []archive.Action) {
	w.t.Helper()
	file, err := w.Blobs.Get(w.t.Context(), archive.PlanKey(r.ID))
	must(w.t, err)
	defer file.Close()
	data, err := io.ReadAll(file)
	must(w.t, err)
	var plan struct{ Actions []archive.Action }
	must(w.t, json.Unmarshal(data, &plan))
	for _, a := range plan.Actions {
		if a.Kind == kind {
			found = append(found, a)
		}
	}
	return found
}

// quiet archives once more, and fails if that finds something to write or to ask.
func (w *world) quiet(c archive.Config) {
	w.t.Helper()
	_, result := w.archive(c)
	if result.Written != 0 || result.Actions != 0 || !result.Balanced {
		w.t.Errorf("the night after writes %d and asks %d: %+v", result.Written, result.Actions, result)
	}
	w.verify(c)
}

func (w *world) shows(want ...string) {
	w.t.Helper()
	if got := w.copies(); !slices.Equal(got, want) {
		w.t.Errorf("the archive calendar has %q, want %q", got, want)
	}
}

func at(s string) *time.Time {
	t, err := time.ParseInLocation("2006-01-02T15:04", s, must1(time.LoadLocation("Europe/Berlin")))
	if err != nil {
		panic(err)
	}
	return &t
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func text(s string) *string { return &s }

func TestAnOverlapIsDecided(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	if _, result := w.archive(c); result.Counts.Conflicted != 2 || result.Actions != 1 {
		t.Fatalf("the night: %+v", result)
	}
	w.shows()
	r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Review": {Word: decision.Keep}, "Call": {Word: decision.Drop, By: "Review"},
	})}})
	if r.State != run.Succeeded || result.Kept != 1 || result.Dropped != 1 || result.Written != 1 || result.Removed != 0 {
		t.Errorf("the decision: %s %+v", r.State, result)
	}
	if want := []archive.HoursChange{{Customer: "Acme", Before: 0, After: 60}}; !slices.Equal(result.Hours, want) {
		t.Errorf("hours %+v, want %+v", result.Hours, want)
	}
	w.shows("Review 2026-10-05T07:00")
	call := w.held(c, "Call")
	if call.Outcome != ledger.Superseded || call.Reason != archive.ReasonDecision ||
		call.Decision != archive.DecisionID(r.ID, 0) || call.By != w.held(c, "Review").Source.ID {
		t.Errorf("the dropped one is %s, %s, by %s of %s", call.Outcome, call.Reason, call.By, call.Decision)
	}
	w.quiet(c)
}

func TestTimesAreDecided(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	w.archive(c)
	_, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Review": {Word: decision.Keep}, "Call": {Word: decision.KeepAs, Fields: &decision.Fields{Start: at("2026-10-05T10:00")}},
	})}})
	if result.Kept != 1 || result.Changed != 1 || result.Written != 2 {
		t.Errorf("the decision: %+v", result)
	}
	w.shows("Call 2026-10-05T08:00", "Review 2026-10-05T07:00")
	w.quiet(c)

	// A correction keeps what was decided before.
	_, result = w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Call": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Beta - billable"}}},
	})}})
	call := w.held(c, "Call")
	if result.Changed != 1 || call.Appointment.Customer != "Beta" || !call.Appointment.Start.Equal(*at("2026-10-05T10:00")) {
		t.Errorf("the correction: %+v; customer %q at %s", result, call.Appointment.Customer, call.Appointment.Start)
	}
	if want := []archive.HoursChange{{Customer: "Acme", Before: 90, After: 60}, {Customer: "Beta", Before: 0, After: 30}}; !slices.Equal(result.Hours, want) {
		t.Errorf("hours %+v, want %+v", result.Hours, want)
	}
	w.shows("Call 2026-10-05T08:00", "Review 2026-10-05T07:00")
	w.quiet(c)

	// When the source changes, the user is asked again, and what stands stays.
	w.change("Call", func(d *calendar.Draft) { d.Subject = "Call with Beta" })
	r, night := w.archive(c)
	if night.Written != 0 || night.Counts.Drifted != 1 || len(w.questions(r, archive.ActionDrift)) != 1 {
		t.Errorf("the night after a change: %+v", night)
	}
}

// change edits the event of a subject in the source calendar.
func (w *world) change(subject string, edit func(*calendar.Draft)) {
	w.t.Helper()
	for _, e := range w.events() {
		if e.Subject == subject {
			w.rewrite(e.ID, edit)
			return
		}
	}
	w.t.Fatalf("the source has no %q", subject)
}

func TestSeveralAreMergedIntoOne(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	w.archive(c)
	_, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Review": {Word: decision.Merge, Fields: &decision.Fields{Subject: text("Review and call")}}, "Call": {Word: decision.Merge, Into: "Review"},
	})}})
	if result.Merged != 1 || result.Changed != 1 || result.Written != 1 {
		t.Errorf("the decision: %+v", result)
	}
	one := w.held(c, "Review and call")
	if one.Appointment.Duration() != 90*time.Minute {
		t.Errorf("the one that stands takes %s", one.Appointment.Duration())
	}
	w.quiet(c)
	// Its category is corrected, and it keeps its time and its name.
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Review and call": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Beta - billable"}}},
	})}})
	if one = w.held(c, "Review and call"); one.Appointment.Duration() != 90*time.Minute || one.Appointment.Customer != "Beta" {
		t.Errorf("corrected: %s of %s", one.Appointment.Duration(), one.Appointment.Customer)
	}
	w.shows("Review and call 2026-10-05T07:00")
	w.quiet(c)
}

func TestWhatIsWrongIsWithdrawn(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	gone := w.add("Cancelled", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	w.archive(c)
	w.remove(gone)
	r, night := w.archive(c)
	asked := w.questions(r, archive.ActionDrift)
	if night.Counts.Vanished != 1 || len(asked) != 1 {
		t.Fatalf("the night: %+v", night)
	}
	_, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Withdraw}}),
		{Seen: asked[0].Seen, Verdicts: []decision.Verdict{{Key: asked[0].Seen[0].Key, Word: decision.Withdraw}}},
	}})
	if result.Withdrawn != 2 || result.Removed != 2 || result.Written != 0 {
		t.Errorf("the decision: %+v", result)
	}
	w.shows()
	if e := w.held(c, "Review"); e.Outcome != ledger.Withdrawn || e.CopyID != "" {
		t.Errorf("the ledger has it %s, copy %q", e.Outcome, e.CopyID)
	}
	w.quiet(c) // it is not archived again

	// The user wants it after all.
	_, result = w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}})}})
	if result.Kept != 1 || result.Written != 1 {
		t.Errorf("kept after all: %+v", result)
	}
	w.shows("Review 2026-10-05T07:00")
	w.quiet(c)
}

func TestAnAppointmentOfTheUsersOwnIsCreated(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{{Verdicts: []decision.Verdict{{Word: decision.Create, Fields: &decision.Fields{
		Start: at("2026-10-07T14:00"), End: at("2026-10-07T15:00"), Subject: text("Phone"), Categories: &[]string{"Beta - billable"}, Body: text("About the offer."),
	}}}}}})
	if r.State != run.Succeeded || result.Created != 1 || result.Participants != 0 || result.Written != 1 {
		t.Errorf("the decision: %s %+v", r.State, result)
	}
	w.shows("Phone 2026-10-07T12:00", "Review 2026-10-05T07:00")
	w.quiet(c)
	for _, e := range w.read(must1(w.calendar.Calendar(t.Context(), uri("Archive"))).ID) {
		if e.Subject == "Phone" && !strings.Contains(e.Body.Content, "About the offer.") {
			t.Errorf("the copy says %q", e.Body.Content)
		}
	}
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Phone": {Word: decision.KeepAs, Fields: &decision.Fields{End: at("2026-10-07T16:00")}},
	})}})
	if e := w.held(c, "Phone"); e.Appointment.Duration() != 2*time.Hour || e.Appointment.Customer != "Beta" {
		t.Errorf("corrected: %s of %q", e.Appointment.Duration(), e.Appointment.Customer)
	}
	w.quiet(c)
	_, result = w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Phone": {Word: decision.Withdraw}})}})
	if result.Withdrawn != 1 || result.Removed != 1 {
		t.Errorf("withdrawn: %+v", result)
	}
	w.shows("Review 2026-10-05T07:00")
	w.quiet(c)
}

func TestADriftIsAcceptedOrNot(t *testing.T) {
	w := newWorld(t)
	w.add("Moved", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Renamed", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	w.archive(c)
	w.change("Moved", func(d *calendar.Draft) {
		d.Start.Local, d.End.Local = "2026-10-05T11:00:00", "2026-10-05T12:30:00"
	})
	w.change("Renamed", func(d *calendar.Draft) { d.Subject = "Another name" })
	r, _ := w.archive(c)
	asked := w.questions(r, archive.ActionDrift)
	if len(asked) != 2 {
		t.Fatalf("%d actions", len(asked))
	}
	moved := w.held(c, "Moved")
	var answers []archive.Answer
	for _, a := range asked {
		v := decision.Verdict{Key: a.Seen[0].Key, Word: decision.KeepArchived}
		if v.Key == moved.Key {
			v.Word = decision.Accept
		}
		// What the ledger has is older than what was seen, which is in the source alone.
		answers = append(answers, archive.Answer{Seen: a.Seen, Verdicts: []decision.Verdict{v}})
	}
	if _, err := w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: answers}); !errors.Is(err, archive.ErrStale) {
		t.Errorf("without the action that asked: %v", err)
	}
	for i := range answers {
		answers[i].Action = w.raise(c, action.Drift, asked[i])
	}
	run1, result := w.settleBy(c, archive.Asked{Answers: answers})
	if run1.State != run.Succeeded || result.Changed != 1 || result.Kept != 1 || result.Written != 1 {
		t.Errorf("the decision: %s %+v", run1.State, result)
	}
	w.shows("Moved 2026-10-05T09:00", "Renamed 2026-10-06T07:00")
	w.quiet(c)
	w.open(0)

	w.change("Another name", func(d *calendar.Draft) { d.Subject = "A third name" })
	if r, _ = w.archive(c); len(w.questions(r, archive.ActionDrift))+len(w.questions(r, archive.ActionStale)) != 1 {
		t.Error("nobody is asked when the source changes once more")
	}
}

// raise returns the stored action of a plan.
func (w *world) raise(c archive.Config, kind action.Kind, asked archive.Action) string {
	w.t.Helper()
	q := action.Question{}
	for _, s := range asked.Seen {
		q.Participants = append(q.Participants, action.Participant{Key: s.Key, Hash: s.Hash})
	}
	q.Span.Add(*at("2026-10-05T00:00"), *at("2026-10-07T00:00"))
	a := action.Ask(kind, c.ID, q)
	last, err := w.deciding().Actions.Last(w.t.Context(), user, a.Cause)
	must(w.t, err)
	return last.ID
}

func (w *world) open(want int) {
	w.t.Helper()
	open, _, err := w.deciding().Actions.List(w.t.Context(), user, action.Filter{State: action.Open}, 100, "")
	must(w.t, err)
	if len(open) != want {
		w.t.Errorf("%d actions are open, want %d", len(open), want)
	}
}

func TestADecisionThatCannotBeCarriedOutChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	w.add("Other", "2026-10-12T09:00", "2026-10-12T10:00")
	w.add("Late", "2026-10-28T09:00", "2026-10-28T10:00")
	c := w.config()
	night, _ := w.archive(c)
	asked := w.questions(night, archive.ActionOverlap)
	before := w.copies()

	both := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}, "Call": {Word: decision.Keep}})
	both.Seen = asked[0].Seen
	both.Action = w.raise(c, action.Overlap, asked[0])
	other := w.about(c, map[string]decision.Verdict{"Other": {Word: decision.KeepAs, Fields: &decision.Fields{Subject: text("Renamed")}}})
	late := w.about(c, map[string]decision.Verdict{"Late": {Word: decision.Withdraw}})

	r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{both, other, late}})
	if r.State != run.Failed || r.Problem == nil || r.Problem.Code != archive.WouldOverlap || result.Refused != 4 && result.Refused != 2 {
		t.Errorf("two that share time: %s %+v %+v", r.State, r.Problem, result)
	}
	w.shows(before...)
	w.open(1)

	r, result = w.settleBy(c, archive.Asked{Answers: []archive.Answer{both, other, late}, Partial: true})
	if r.State != run.Partial || result.Refused != 2 || result.Changed != 1 || result.Withdrawn != 1 || len(result.Refusals) != 1 ||
		result.Refusals[0].Action != both.Action || result.Refusals[0].Code != archive.WouldOverlap {
		t.Errorf("what can be carried out: %s %+v", r.State, result)
	}
	w.shows("Renamed 2026-10-12T07:00")
	w.open(1)

	both.AllowOverlap = true
	if _, err := w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: []archive.Answer{both}}); fault.FieldOf(err) != "decisions[0].note" {
		t.Errorf("an overlap without a note: %v", err)
	}
	both.Note = "two people were there"
	if r, result = w.settleBy(c, archive.Asked{Answers: []archive.Answer{both}}); r.State != run.Succeeded || result.Kept != 2 {
		t.Errorf("with a note: %s %+v", r.State, result)
	}
	w.shows("Call 2026-10-05T07:30", "Renamed 2026-10-12T07:00", "Review 2026-10-05T07:00")
	w.open(0)
	w.quiet(c)

	// The source changes before the run gets to it.
	stale := w.startDeciding(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Renamed": {Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Berlin")}}}),
	}})
	w.change("Other", func(d *calendar.Draft) { d.Location = "Bonn" })
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), stale))
	if r, result = w.decided(stale.ID); r.State != run.Failed || r.Problem.Code != archive.StaleDecision || result.Refused != 1 {
		t.Errorf("stale: %s %+v %+v", r.State, r.Problem, result)
	}
}

func TestOneOfTwoDecisionsCounts(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	night, _ := w.archive(c)
	asked := w.questions(night, archive.ActionOverlap)
	answer := w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}, "Call": {Word: decision.Drop}})
	answer.Action = w.raise(c, action.Overlap, asked[0])

	first := w.startDeciding(c, archive.Asked{Answers: []archive.Answer{answer}})
	_, err := w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: []archive.Answer{answer}})
	var taken *action.Taken
	if !errors.As(err, &taken) || taken.By != first.ID || fault.Of(err) != fault.Conflict {
		t.Errorf("while the first is under way: %v", err)
	}
	must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), first))
	w.decided(first.ID)
	w.open(0)
	_, err = w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: []archive.Answer{answer}})
	if !errors.As(err, &taken) || taken.By != "" || !strings.Contains(err.Error(), first.ID) {
		t.Errorf("after the first: %v", err)
	}
}

func TestLockedDaysAreNotDecided(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Other", "2026-10-12T09:00", "2026-10-12T10:00", func(d *calendar.Draft) { d.Categories = []string{"Beta - billable"} })
	c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
	w.archive(c)
	books := ledger.New(w.Table, w.Blobs, w.Key)
	head, err := books.Head(t.Context(), c.ID)
	must(t, err)
	must(t, books.Lock(t.Context(), c.ID, &head, "ACME ", ledger.Days{From: day("2026-10-01"), To: day("2026-10-31")}))
	w.verify(c)

	for subject, fields := range map[string]*decision.Fields{
		"Review": {Subject: text("Changed")},                 // it is on a locked day
		"Other":  {Categories: &[]string{"Acme - billable"}}, // it would be
	} {
		change := map[string]decision.Verdict{subject: {Word: decision.KeepAs, Fields: fields}}
		r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, change)}})
		if r.State != run.Failed || r.Problem.Code != archive.DaysLocked || result.Refused != 1 {
			t.Errorf("%s: %s %+v", subject, r.State, result)
		}
	}
	r, _ := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Other": {Word: decision.KeepAs, Fields: &decision.Fields{Subject: text("Changed")}},
	})}})
	if r.State != run.Succeeded {
		t.Errorf("another customer's: %s", r.State)
	}
	leaving := map[string]decision.Verdict{"Review": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Beta - billable"}}}}
	if r, _ := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, leaving)}}); r.State != run.Failed || r.Problem.Code != archive.DaysLocked {
		t.Errorf("what leaves a locked day: %s", r.State)
	}
	w.change("Review", func(d *calendar.Draft) { d.Subject, d.Categories = "Another", []string{"Beta - billable"} })
	night, result := w.archive(c)
	if result.Written != 0 || len(w.questions(night, archive.ActionDrift)) != 1 {
		t.Errorf("a locked day takes in a change: %+v", result)
	}

	asked, _, err := w.deciding().Actions.List(t.Context(), user, action.Filter{State: action.Open, Kind: action.Drift}, 1, "")
	must(t, err)
	supplement := archive.Answer{Action: asked[0].ID, Verdicts: []decision.Verdict{{Key: asked[0].Participants[0].Key, Word: decision.Accept}}, Supplement: true}
	_, err = w.deciding().Run(t.Context(), user, archive.Asked{Config: c.ID, Answers: []archive.Answer{supplement}})
	if fault.FieldOf(err) != "decisions[0].note" {
		t.Errorf("a supplement without a note: %v", err)
	}
	supplement.Note = "the customer knows"
	if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{supplement}}); r.State != run.Succeeded || result.Changed != 1 {
		t.Errorf("a supplement: %s %+v", r.State, result)
	}
	if night, result := w.archive(c); result.Written != 0 || len(w.questions(night, archive.ActionDrift)) != 0 {
		t.Errorf("the night after: %+v", result)
	}
}

func TestADecisionIsCarriedOutOnceWhateverFails(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
		w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
		w.add("Wrong", "2026-10-07T09:00", "2026-10-07T10:00")
		w.add("Late", "2026-10-30T09:00", "2026-10-30T10:00")
		c := w.config()
		w.archive(c)
		created := decision.Verdict{Word: decision.Create, Fields: &decision.Fields{
			Start: at("2026-10-07T14:00"), End: at("2026-10-07T15:00"), Subject: text("Phone"),
		}}
		r := w.startDeciding(c, archive.Asked{Answers: []archive.Answer{
			w.about(c, map[string]decision.Verdict{
				"Review": {Word: decision.KeepAs, Fields: &decision.Fields{Subject: text("Review 2")}}, "Call": {Word: decision.Drop, By: "Review"},
			}),
			w.about(c, map[string]decision.Verdict{"Wrong": {Word: decision.Withdraw}}),
			w.about(c, map[string]decision.Verdict{"Late": {Word: decision.KeepAs, Fields: &decision.Fields{Start: at("2026-10-30T08:00")}}}),
			{Verdicts: []decision.Verdict{created}},
		}})
		_ = (*archive.Decider)(w.runner(dying.Table(w.Table), dying.Provider(w.calendar))).Run(t.Context(), r)
		w.Advance(2 * time.Minute)
		if r = w.again(r.ID); !r.State.Ended() {
			must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), r))
		}
		r, result := w.decided(r.ID)
		if r.State != run.Succeeded || result.Participants != 4 || result.Created != 1 || len(result.Hours) == 0 {
			t.Errorf("the decision: %s %+v", r.State, result)
		}
		w.shows("Late 2026-10-30T07:00", "Phone 2026-10-07T12:00", "Review 2 2026-10-05T07:00")
		w.quiet(c)
	})
}

func TestADecisionIsUndoneAndDoneAgain(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	w.add("Wrong", "2026-10-07T09:00", "2026-10-07T10:00")
	c := w.config()
	night, _ := w.archive(c)
	before := w.shown()
	overlap := w.about(c, map[string]decision.Verdict{
		"Review": {Word: decision.Keep}, "Call": {Word: decision.KeepAs, Fields: &decision.Fields{Start: at("2026-10-05T10:00")}},
	})
	overlap.Action = w.raise(c, action.Overlap, w.questions(night, archive.ActionOverlap)[0])
	r, _ := w.settleBy(c, archive.Asked{Answers: []archive.Answer{
		overlap, w.about(c, map[string]decision.Verdict{"Wrong": {Word: decision.Withdraw}}),
		{Verdicts: []decision.Verdict{{Word: decision.Create, Fields: &decision.Fields{
			Start: at("2026-10-07T14:00"), End: at("2026-10-07T15:00"), Subject: text("Phone"),
		}}}},
	}})
	after := w.shown()
	w.open(0)
	w.quiet(c)

	back, result := w.undo(r.ID, how{})
	must(t, w.deciding().Ended(t.Context(), back))
	if result.Counts.Skipped+result.Counts.Failed > 0 || result.Counts.Undone != 4 {
		t.Errorf("undone: %+v", result.Counts)
	}
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("the view of before (- then, + now):\n%s", diff)
	}
	w.open(1)
	if _, night := w.archive(c); night.Written != 0 || night.Counts.Conflicted != 2 {
		t.Errorf("the night after: %+v", night)
	}
	w.open(1)

	again, result := w.undo(back.ID, how{})
	must(t, w.deciding().Ended(t.Context(), again))
	if result.Counts.Skipped+result.Counts.Failed > 0 {
		t.Errorf("done again: %+v", result.Counts)
	}
	if diff := cmp.Diff(after, w.shown()); diff != "" {
		t.Errorf("the view of after (- then, + now):\n%s", diff)
	}
	w.quiet(c)
}

func TestAWindowIsArchivedAnewOnPurpose(t *testing.T) {
	w := newWorld(t)
	w.add("Moved", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Decided", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Out", "2026-10-07T09:00", "2026-10-07T10:00")
	w.add("Locked", "2026-10-12T09:00", "2026-10-12T10:00", func(d *calendar.Draft) { d.Categories = []string{"Beta - billable"} })
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Decided": {Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Bonn")}}}),
		w.about(c, map[string]decision.Verdict{"Out": {Word: decision.Withdraw}}),
	}})
	books := ledger.New(w.Table, w.Blobs, w.Key)
	head := w.head(c.ID)
	must(t, books.Lock(t.Context(), c.ID, &head, "Beta", ledger.Days{From: day("2026-10-01"), To: day("2026-10-31")}))
	longer := func(d *calendar.Draft) { d.End.Local = d.End.Local[:11] + "11:30:00" }
	w.change("Moved", longer)
	w.change("Locked", longer)

	before := w.copies()
	replacing := func(r *run.Run) { r.Options.Replace = true }
	if _, result := w.archive(c, replacing, dryRun); result.Written != 0 || !slices.Equal(w.copies(), before) ||
		!slices.Equal(result.Hours, []archive.HoursChange{{Customer: "Acme", Before: 120, After: 210}}) {
		t.Errorf("the preview: %+v", result)
	}
	r, result := w.archive(c, replacing)
	if result.Written != 1 || len(w.questions(r, archive.ActionDrift)) != 1 || !result.Balanced {
		t.Errorf("%+v", result)
	}
	if e := w.held(c, "Moved"); e.Appointment.Duration() != 150*time.Minute {
		t.Errorf("replaced: %s", e.Appointment.Duration())
	}
	if e := w.held(c, "Decided"); e.Appointment.Location != "Bonn" {
		t.Errorf("what was decided is at %q", e.Appointment.Location)
	}
	if e := w.held(c, "Locked"); e.Appointment.Duration() != time.Hour {
		t.Errorf("locked: %s", e.Appointment.Duration())
	}
	if e := w.held(c, "Out"); e.Outcome != ledger.Withdrawn {
		t.Errorf("withdrawn: %s", e.Outcome)
	}
	if _, result := w.archive(c, replacing); result.Written != 0 {
		t.Errorf("once more: %+v", result)
	}
	w.verify(c)
}

func TestWhatWaitsFromTheDayBeforeKeepsOthersWaiting(t *testing.T) {
	for _, policy := range []archive.Policy{archive.Resolve, archive.Ask} {
		w := newWorld(t)
		w.add("Late", "2026-10-05T23:00", "2026-10-06T01:00")
		w.add("Early", "2026-10-06T00:30", "2026-10-06T02:00")
		c := w.config(func(c *archive.Config) { c.Overlaps = policy })
		w.archive(c, func(r *run.Run) { r.From, r.To = day("2026-10-05"), day("2026-10-06") })
		w.open(1)
		_, result := w.archive(c, func(r *run.Run) { r.From, r.To = day("2026-10-06"), day("2026-10-06") })
		if result.Written != 0 || result.Counts.Conflicted != 1 {
			t.Errorf("%s: the night after: %+v", policy, result)
		}
		w.open(1)
		w.shows()
	}
}

func TestADecisionThatWasBegunGoesOnWhateverChangesMeanwhile(t *testing.T) {
	halves := 0
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
		c := w.config()
		w.archive(c)
		r := w.startDeciding(c, archive.Asked{Answers: []archive.Answer{
			w.about(c, map[string]decision.Verdict{"Review": {Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Bonn")}}}),
		}})
		_ = (*archive.Decider)(w.runner(dying.Table(w.Table), dying.Provider(w.calendar))).Run(t.Context(), r)
		w.change("Review", func(d *calendar.Draft) { d.Subject = "Changed" })
		w.Advance(2 * time.Minute)
		begun := w.head(c.ID).Open == r.ID
		if r = w.again(r.ID); !r.State.Ended() {
			must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), r))
		}
		r, result := w.decided(r.ID)
		if begun {
			halves++
			if r.State != run.Succeeded || result.Changed != 1 {
				t.Errorf("begun: %s %+v", r.State, result)
			}
		}
		if r.State == run.Succeeded == (result.Refused > 0) {
			t.Errorf("%s %+v", r.State, result)
		}
		w.verify(c)
	})
	if halves == 0 {
		t.Error("no run was left half done")
	}
}

func TestADecisionThatWasRefusedIsNotCarriedOutByALaterNight(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Other", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("In its way", "2026-10-06T11:00", "2026-10-06T12:00")
	c := w.config()
	w.archive(c)
	r, result := w.settleBy(c, archive.Asked{Partial: true, Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Review": {Word: decision.KeepAs, Fields: &decision.Fields{Subject: text("Renamed")}}}),
		w.about(c, map[string]decision.Verdict{"Other": {Word: decision.KeepAs, Fields: &decision.Fields{
			Start: at("2026-10-06T11:30"), End: at("2026-10-06T12:30"),
		}}}),
	}})
	if r.State != run.Partial || result.Refused != 1 || result.Changed != 1 {
		t.Fatalf("the decision: %s %+v", r.State, result)
	}
	w.quiet(c)
	w.shows("In its way 2026-10-06T09:00", "Other 2026-10-06T07:00", "Renamed 2026-10-05T07:00")
}

func TestWhatMovedWhileItWaitedIsDecidedByTheKeyThatTheLedgerHas(t *testing.T) {
	w := newWorld(t)
	id := w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Call", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config()
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Start.Local, d.End.Local = "2026-10-05T10:00:00", "2026-10-05T11:00:00" })
	w.archive(c)
	for n, word := range []decision.Word{decision.Drop, decision.Keep, decision.Withdraw} {
		answer := w.about(c, map[string]decision.Verdict{"Review": {Word: word}})
		answer.AllowOverlap, answer.Note = true, "both"
		if r, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{answer}}); r.State != run.Succeeded || result.Refused > 0 {
			t.Errorf("%s: %s %+v", word, r.State, result)
		}
		if e := w.held(c, "Review"); e.Version != 3+n {
			t.Errorf("%s made version %d", word, e.Version)
		}
		w.archive(c)
		w.verify(c)
	}
}

func TestWhatANightCarriedOutOfADecideRunInBetweenIsNotRefused(t *testing.T) {
	for n := 8; n < 60; n++ {
		w := newWorld(t)
		w.month(60)
		c := w.config()
		w.archive(c)
		var answers []archive.Answer
		for i := range 60 {
			answers = append(answers, w.about(c, map[string]decision.Verdict{
				fmt.Sprintf("Work %d", i): {Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Berlin")}},
			}))
		}
		r := w.startDeciding(c, archive.Asked{Answers: answers, Partial: true})
		dying := &wiretest.Wire{DieAt: n}
		if err := (*archive.Decider)(w.runner(dying.Table(w.Table), w.calendar)).Run(t.Context(), r); err == nil {
			t.Fatal("no worker died between two chunks")
		}
		if done := len(w.reversals(c, r.ID)); done == 0 || done >= 60 {
			continue
		}
		w.Advance(2 * time.Minute)
		if _, night := w.archive(c); night.Written == 0 {
			t.Fatalf("the night goes on with nothing: %+v", night)
		}
		for i := range 60 {
			w.change(fmt.Sprintf("Work %d", i), func(d *calendar.Draft) { d.Location = "Bonn" })
		}
		must(t, (*archive.Decider)(w.runner(w.Table, w.calendar)).Run(t.Context(), w.again(r.ID)))
		if r, result := w.decided(r.ID); r.State != run.Succeeded || result.Changed != 60 || result.Refused != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		w.verify(c)
		return
	}
}

func TestManyDecisionsCostFewRequestsToTheStore(t *testing.T) {
	w := newWorld(t)
	const pairs = 30
	for i := range pairs {
		at := time.Date(2026, 10, 1+i%30, 7, 0, 0, 0, time.UTC)
		w.add(fmt.Sprint("One ", i), at.Format("2006-01-02T15:04"), at.Add(time.Hour).Format("2006-01-02T15:04"))
		w.add(fmt.Sprint("Two ", i), at.Add(30*time.Minute).Format("2006-01-02T15:04"), at.Add(90*time.Minute).Format("2006-01-02T15:04"))
	}
	c := w.config()
	night, _ := w.archive(c)
	var answers []archive.Answer
	for _, q := range w.questions(night, archive.ActionOverlap) {
		answers = append(answers, archive.Answer{
			Action:   w.raise(c, action.Overlap, q),
			Verdicts: []decision.Verdict{{Key: q.Seen[0].Key, Word: decision.Keep}, {Key: q.Seen[1].Key, Word: decision.Drop, By: q.Seen[0].Key}},
		})
	}
	r, result := w.settleBy(c, archive.Asked{Answers: answers})
	if len(answers) != pairs || r.State != run.Succeeded || result.Written != pairs {
		t.Fatalf("%d answers: %s %+v", len(answers), r.State, result)
	}
	if result.Cost.Store >= 3*pairs {
		t.Errorf("%d requests to the store for %d actions", result.Cost.Store, pairs)
	}
	w.open(0)
	w.quiet(c)
}

func TestAnInstanceThatADecisionMovedFarAwayIsStillLookedUpInItsSeries(t *testing.T) {
	w := newWorld(t)
	w.add("Standup", "2026-10-05T09:00", "2026-10-05T10:00", func(d *calendar.Draft) {
		d.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=2"}}
	})
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{{Verdicts: []decision.Verdict{{
		Key: w.held(c, "Standup").Key, Word: decision.KeepAs,
		Fields: &decision.Fields{Start: at("2026-10-28T09:00"), End: at("2026-10-28T10:00"), Subject: text("Moved")},
	}}}}})
	w.shows("Moved 2026-10-28T08:00", "Standup 2026-10-06T07:00")
	if _, result := w.archive(c, func(r *run.Run) { r.From = day("2026-10-26") }); result.Counts.Vanished > 0 || result.Actions > 0 {
		t.Errorf("a night that sees only where it was moved: %+v", result)
	}
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Moved": {Word: decision.Keep}})}})
	w.shows("Moved 2026-10-28T08:00", "Standup 2026-10-06T07:00") // as it was corrected
	w.quiet(c)
}

func TestAKeepOfWhatWasCorrectedKeepsItCorrectedUntilTheSourceChanges(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{
		w.about(c, map[string]decision.Verdict{"Review": {Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Bonn"), Body: text("by phone")}}}),
	}})
	before := w.held(c, "Review")
	_, result := w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Keep}})}})
	e := w.held(c, "Review")
	if e.Appointment.Location != "Bonn" || e.BodyDigest != before.BodyDigest || result.Changed != 1 || result.Kept != 0 {
		t.Errorf("%q %+v", e.Appointment.Location, result)
	}
	w.quiet(c)

	// The source's new version is another thing: to keep that is to keep it as the source has it.
	w.change("Review", func(d *calendar.Draft) { d.Location = "Kiel" })
	r, _ := w.archive(c)
	asked := append(w.questions(r, archive.ActionStale), w.questions(r, archive.ActionDrift)...)
	if len(asked) != 1 || len(asked[0].Seen) != 1 {
		t.Fatalf("it asks %+v", asked)
	}
	seen, id := asked[0].Seen[0], w.raise(c, action.Kind(asked[0].Kind), asked[0])
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{{Action: id, Verdicts: []decision.Verdict{{Key: seen.Key, Word: decision.Keep}}}}})
	if got := w.held(c, "Review").Appointment.Location; got != "Kiel" {
		t.Errorf("it is in %q", got)
	}
}

func TestOf200AnswersThreeThatAreStaleKeepNothingBack(t *testing.T) {
	w := newWorld(t)
	w.month(200)
	c := w.config()
	w.archive(c)
	var answers []archive.Answer
	for _, e := range w.newest(c) {
		answers = append(answers, archive.Answer{
			Verdicts: []decision.Verdict{{Key: e.Key, Word: decision.KeepAs, Fields: &decision.Fields{Location: text("Berlin")}}},
		})
	}
	for _, i := range []int{3, 77, 199} {
		w.change(fmt.Sprintf("Work %d", i), func(d *calendar.Draft) { d.Location = "Bonn" })
	}
	before := w.copies()
	r, result := w.settleBy(c, archive.Asked{Answers: answers})
	if len(answers) != 200 || r.State != run.Failed || len(result.Refusals) != 3 || !slices.Equal(before, w.copies()) {
		t.Errorf("all or nothing: %s, %d refused", r.State, len(result.Refusals))
	}
	r, result = w.settleBy(c, archive.Asked{Answers: answers, Partial: true})
	if len(result.Refusals) != 3 || result.Changed != 197 || r.State != run.Partial {
		t.Errorf("what can be: %s %+v", r.State, result)
	}
	for _, one := range result.Refusals {
		if one.Code != archive.StaleDecision || one.Detail == "" {
			t.Errorf("%+v", one)
		}
	}
	w.verify(c)
}
