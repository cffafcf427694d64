package archive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// ofCopies are the questions about copies that are of a state: the finding's kind and the key, in order.
func (w *world) ofCopies(state action.State) (all []string, ids map[string]string) {
	w.t.Helper()
	ids = map[string]string{}
	list, _, err := w.actions().List(w.t.Context(), user, action.Filter{State: state, Kind: action.Altered}, 300, "")
	must(w.t, err)
	for _, a := range list {
		name := a.Rule + " " + a.Span.From.Format("02")
		all, ids[name] = append(all, name), a.ID
	}
	slices.Sort(all)
	return all, ids
}

func (w *world) asksOfCopies(state action.State, want ...string) map[string]string {
	w.t.Helper()
	got, ids := w.ofCopies(state)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s are %q, want %q", state, got, want)
	}
	return ids
}

// answers carries out what a user answers to actions about copies.
func (w *world) answers(c archive.Config, actions map[string]archive.RepairMode, change ...func(*archive.CopyAnswers)) (archive.RepairResult, *run.Run) {
	w.t.Helper()
	all := archive.CopyAnswers{Config: c, RepairInput: archive.RepairInput{Mode: archive.LeaveFindings}, Actions: actions}
	for _, f := range change {
		f(&all)
	}
	r, err := w.deciding().Repair(w.t.Context(), user, all)
	must(w.t, err)
	return w.repaired(r)
}

// repaired carries a repair run out.
func (w *world) repaired(r *run.Run) (result archive.RepairResult, _ *run.Run) {
	w.t.Helper()
	r.State, r.Created = run.Queued, w.Now()
	_, _, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	must(w.t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(w.t.Context(), r))
	must(w.t, w.deciding().Ended(w.t.Context(), r))
	must(w.t, json.Unmarshal(r.Result, &result))
	return result, r
}

// fourEdits archives six appointments and has a user change one copy, remove one, copy one, and enter an event of their own.
func (w *world) fourEdits() archive.Config {
	c := w.config()
	for i, subject := range []string{"One", "Two", "Three", "Four"} {
		day := fmt.Sprintf("2026-10-%02dT", 5+i)
		w.add(subject, day+"09:00", day+"10:00")
	}
	w.archive(c)
	w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
	w.edited("Two", nil)
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	own := func(subject, mark, day string) {
		at := func(hour string) calendar.DateTime { return calendar.DateTime{Local: day + hour, Zone: "UTC"} }
		results, err := w.calendar.Create(w.t.Context(), "me", info.ID, []calendar.Draft{{
			Subject: subject, Mark: mark, Start: at("T15:00:00"), End: at("T16:00:00"), ShowAs: calendar.Busy, TransactionID: w.NewID(),
		}})
		must(w.t, err)
		must(w.t, results[0].Err)
	}
	for _, e := range w.read(info.ID) {
		if e.Subject == "Three" {
			own("Three", strings.Replace(e.Mark, "/1/", "/2/", 1), "2026-10-09") // local calendars have each mark once
		}
	}
	own("Own", "", "2026-10-12")
	return c
}

func TestEachFindingIsAskedAboutOnceAndAnsweredByItself(t *testing.T) {
	w := newWorld(t)
	c := w.fourEdits()
	_, result, findings := w.verified(c)
	if len(findings) != 4 || result.Asks.Raised != 4 || result.Asks.Waiting != 4 || result.Asks.NotAsked != 0 {
		t.Fatalf("%d findings, %+v", len(findings), result.Asks)
	}
	ids := w.asksOfCopies(action.Open, "altered 05", "duplicate_copy 09", "foreign 12", "missing 06")
	_, again, _ := w.verified(c)
	if again.Asks.Raised != 0 || again.Asks.Waiting != 4 {
		t.Errorf("the second time %+v", again.Asks)
	}
	w.asksOfCopies(action.Open, "altered 05", "duplicate_copy 09", "foreign 12", "missing 06")
	w.quiet(c) // a night neither reads nor resolves them
	w.asksOfCopies(action.Open, "altered 05", "duplicate_copy 09", "foreign 12", "missing 06")

	_, err := w.actions().Dismiss(t.Context(), user, ids["duplicate_copy 09"])
	must(t, err)
	for id, mode := range map[string]archive.RepairMode{
		ids["altered 05"]: archive.LeaveFindings, ids["foreign 12"]: archive.RepairFindings,
	} {
		_, err := w.deciding().Repair(t.Context(), user, archive.CopyAnswers{Config: c, Actions: map[string]archive.RepairMode{id: mode}})
		if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "actions."+id {
			t.Errorf("%s: %v", mode, err)
		}
	}
	preview, _ := w.answers(c, map[string]archive.RepairMode{ids["altered 05"]: archive.AdoptFindings}, func(a *archive.CopyAnswers) { a.DryRun = true })
	if preview.Adopted != 1 || preview.Asks != (archive.CopyQuestions{}) {
		t.Errorf("preview %+v", preview)
	}
	w.asksOfCopies(action.Open, "altered 05", "foreign 12", "missing 06")

	done, r := w.answers(c, map[string]archive.RepairMode{
		ids["altered 05"]: archive.AdoptFindings, ids["missing 06"]: archive.RepairFindings, ids["foreign 12"]: archive.AdoptFindings,
	})
	if done.Adopted != 1 || done.Recreated != 1 || done.Created != 1 || done.Asks.Resolved != 3 {
		t.Errorf("%+v", done)
	}
	if from, to := r.From.String(), r.To.String(); from != "2026-10-05" || to != "2026-10-12" {
		t.Errorf("it looked at %s to %s", from, to)
	}
	w.asksOfCopies(action.Open)
	a, err := w.actions().Get(t.Context(), user, ids["missing 06"])
	must(t, err)
	if last := a.History[len(a.History)-1]; last.By != user || last.Why != r.ID || a.State != action.Resolved || a.Deciding != "" {
		t.Errorf("%+v", a)
	}
	_, last, _ := w.verified(c)
	if last.View.Differs() != 1 || last.Asks != (archive.CopyQuestions{}) {
		t.Errorf("what is to stay is asked again: %+v %+v", last.View, last.Asks)
	}
}

func TestAQuestionAboutACopyIsResolvedWhenTheDifferenceIsGone(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.archive(c)
	w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
	w.verified(c)
	w.asksOfCopies(action.Open, "altered 05")

	w.verified(c, func(r *run.Run) { // which does not look at that day
		r.From, r.To = day("2026-10-06"), day("2026-10-31")
	})
	w.asksOfCopies(action.Open, "altered 05")

	w.edited("Another", func(d *calendar.Draft) { d.Subject = "A third" })
	_, result, _ := w.verified(c)
	if result.Asks.Raised != 1 || result.Asks.Resolved != 1 {
		t.Errorf("another difference: %+v", result.Asks)
	}
	ids := w.asksOfCopies(action.Open, "altered 05")
	w.edited("A third", func(d *calendar.Draft) { d.Subject = "One" })
	r, result, _ := w.verified(c)
	if r.State != run.Succeeded || result.Asks.Resolved != 1 {
		t.Errorf("%s %+v", r.State, result.Asks)
	}
	w.asksOfCopies(action.Open)
	a, err := w.actions().Get(t.Context(), user, ids["altered 05"])
	must(t, err)
	if last := a.History[len(a.History)-1]; last.By != "" || last.Why != r.ID {
		t.Errorf("%+v", last)
	}
}

func TestAVerificationThatBeganBeforeAQuestionDoesNotResolveIt(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.archive(c)
	early := w.start(c, func(r *run.Run) { r.Kind = run.Verify })
	w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
	w.repaired(&run.Run{ID: w.NewID(), User: user, Kind: run.Repair, Config: c.ID, Input: json.RawMessage(`{"mode":"leave"}`)}) // which asks about what it leaves
	w.edited("Another", func(d *calendar.Draft) { d.Subject = "One" })                                                          // as the early one saw it
	must(t, w.verifier(w.Table, w.calendar).Run(t.Context(), early))
	w.asksOfCopies(action.Open, "altered 05")
	w.verified(c)
	w.asksOfCopies(action.Open)
}

func TestOfTwoAnswersAboutACopyOneCounts(t *testing.T) {
	w := newWorld(t)
	c := w.fourEdits()
	w.verified(c)
	ids := w.asksOfCopies(action.Open, "altered 05", "duplicate_copy 09", "foreign 12", "missing 06")
	about := archive.CopyAnswers{Config: c, RepairInput: archive.RepairInput{Mode: archive.LeaveFindings},
		Actions: map[string]archive.RepairMode{ids["altered 05"]: archive.RepairFindings}}
	first, err := w.deciding().Repair(t.Context(), user, about)
	must(t, err)
	first.State, first.Created = run.Queued, w.Now()
	_, _, err = run.NewStore(w.Table).Create(t.Context(), first)
	must(t, err)
	about.Actions[ids["altered 05"]] = archive.AdoptFindings
	var taken *action.Taken
	if _, err := w.deciding().Repair(t.Context(), user, about); !errors.As(err, &taken) || taken.By != first.ID || fault.Of(err) != fault.Conflict {
		t.Errorf("the second: %v", err)
	}
	// A run that is given up gives its actions free.
	first.Ends(run.Cancelled, w.Now())
	must(t, run.NewStore(w.Table).Update(t.Context(), first))
	must(t, w.deciding().Ended(t.Context(), first))
	if a, err := w.actions().Get(t.Context(), user, ids["altered 05"]); err != nil || a.Deciding != "" || a.State != action.Open {
		t.Errorf("%+v, %v", a, err)
	}
	done, _ := w.answers(c, about.Actions)
	if done.Adopted != 1 {
		t.Errorf("%+v", done)
	}
	if _, err := w.deciding().Repair(t.Context(), user, about); !errors.As(err, &taken) || taken.By != "" {
		t.Errorf("after it: %v", err)
	}
	// A verdict is no answer to it.
	asked := archive.Asked{Config: c.ID, Answers: []archive.Answer{{Action: ids["missing 06"], Verdicts: nil}}}
	if _, err := w.deciding().Run(t.Context(), user, asked); fault.FieldOf(err) != "decisions[0].action" {
		t.Errorf("a verdict: %v", err)
	}
}

func TestWhatAJobRepairsIsNotAskedAndWhatTheRepairLeavesIs(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.OnEdit = archive.AdoptOnEdit })
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Two", "2026-10-06T09:00", "2026-10-06T10:00")
	w.archive(c)
	w.edited("One", func(d *calendar.Draft) { // where Two stands, which nobody allowed
		d.Start, d.End = calendar.DateTime{Local: "2026-10-06T07:30:00", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-06T08:00:00", Zone: "UTC"}
	})
	_, result, _ := w.verified(c, func(r *run.Run) { r.Job = "job" })
	if result.View.Altered != 1 || result.Asks.Waiting != 0 {
		t.Errorf("%+v %+v", result.View, result.Asks)
	}
	w.asksOfCopies(action.Open)
	if _, byHand, _ := w.verified(c); byHand.Asks.Raised != 1 { // nothing follows that one
		t.Errorf("by hand: %+v", byHand.Asks)
	}
	_, ids := w.ofCopies(action.Open)
	_, err := w.deciding().Repair(t.Context(), user, archive.CopyAnswers{
		Config: archive.Config{ID: "another"}, Actions: map[string]archive.RepairMode{ids["altered 05"]: archive.AdoptFindings},
	})
	if fault.FieldOf(err) != "actions."+ids["altered 05"] {
		t.Errorf("of another config: %v", err)
	}
	w.edited("One", func(d *calendar.Draft) { d.Location = "Bonn" }) // so that it is another question
	in, err := json.Marshal(archive.RepairInput{Mode: archive.AdoptFindings, Only: []archive.FindingKind{archive.Altered}})
	must(t, err)
	left, _ := w.repaired(&run.Run{ID: w.NewID(), User: user, Kind: run.Repair, Config: c.ID, Job: "job", Input: in})
	if left.Left != 1 || left.Asks.Raised != 1 {
		t.Errorf("%+v", left)
	}
	w.asksOfCopies(action.Open, "altered 05")
}

func TestManyMissingCopiesAreOneThingAndNotMany(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	for i := range 11 {
		day := fmt.Sprintf("2026-10-%02dT", 5+i)
		w.add(fmt.Sprint("No ", i), day+"09:00", day+"10:00")
	}
	w.archive(c)
	for i := range 10 {
		w.edited(fmt.Sprint("No ", i), nil)
	}
	r, result, _ := w.verified(c)
	if result.Asks.Raised != 0 || result.View.Missing != 10 {
		t.Errorf("%+v %+v", result.View, result.Asks)
	}
	if words := archive.VerifyKind.Words(r, &result); words.Action != string(action.ArchiveMissing) || !strings.Contains(words.Text.String(), "retention") {
		t.Errorf("%+v", words)
	}
}

// TestNothingIsAdoptedOnLockedDays names what it leaves there. The archive calendar may still be put right: that changes nothing of what is archived.
func TestNothingIsAdoptedOnLockedDays(t *testing.T) {
	w := newWorld(t)
	c := w.fourEdits()
	w.edited("Four", func(d *calendar.Draft) { // onto a locked day
		d.Start, d.End = calendar.DateTime{Local: "2026-10-05T11:00:00", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-05T12:00:00", Zone: "UTC"}
	})
	head := w.head(c.ID)
	days := ledger.Days{From: day("2026-10-05"), To: day("2026-10-05")}
	must(t, ledger.New(w.Table, w.Blobs, w.Key).Lock(t.Context(), c.ID, &head, "Acme", days))
	repair := func(mode archive.RepairMode) (archive.RepairResult, []archive.Finding) {
		input, err := json.Marshal(archive.RepairInput{Mode: mode, Only: []archive.FindingKind{archive.Altered}})
		must(t, err)
		result, r := w.repaired(&run.Run{ID: w.NewID(), User: user, Kind: run.Repair, Config: c.ID, Input: input})
		return result, w.findings(r)
	}
	before := w.copies()
	result, findings := repair(archive.AdoptFindings)
	left := 0
	for _, f := range findings {
		if f.Outcome == archive.Altered && f.Done == archive.Left {
			left++
			if !strings.Contains(f.Reason, "2026-10-05 is locked") {
				t.Errorf("%q", f.Reason)
			}
		}
	}
	if left != 2 || result.Adopted != 0 || !slices.Equal(before, w.copies()) {
		t.Errorf("%d were left: %+v", left, result)
	}
	if result, _ := repair(archive.RepairFindings); result.PutBack != 2 {
		t.Errorf("%+v", result)
	}
}
