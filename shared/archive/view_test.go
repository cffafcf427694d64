package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
	"adminassistant/shared/wiretest"
)

// allDays has a run look at all days there are.
func allDays(r *run.Run) { r.From, r.To = calendar.Date{}, calendar.Date{} }

// ownEvent puts an event of the user's into the archive calendar, and returns its id.
func (w *world) ownEvent(subject, start, end, mark string) string {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	results, err := w.calendar.Create(w.t.Context(), "me", info.ID, []calendar.Draft{{
		Mark: mark, TransactionID: w.NewID(), Subject: subject, Start: calendar.DateTime{Local: start + ":00", Zone: "UTC"},
		End: calendar.DateTime{Local: end + ":00", Zone: "UTC"}, ShowAs: calendar.Busy,
	}})
	must(w.t, err)
	must(w.t, results[0].Err)
	return results[0].ID
}

// found are findings, as "outcome subject", sorted.
func found(findings []archive.Finding) (list []string) {
	for _, f := range findings {
		list = append(list, string(f.Outcome)+" "+f.Appointment.Subject)
	}
	slices.Sort(list)
	return list
}

func TestAVerificationOfAllDaysLooksAtTheFirstAndTheLastAndBeyond(t *testing.T) {
	w := newWorld(t)
	w.add("First", "2026-10-01T00:00", "2026-10-01T00:30")
	w.add("Middle", "2026-10-15T09:00", "2026-10-15T10:00")
	w.add("Last", "2026-10-31T23:00", "2026-10-31T23:59")
	c := w.config()
	w.archive(c)
	if r, _, _ := w.verified(c, allDays); r.State != run.Succeeded {
		t.Errorf("of what nobody touched: %s", r.State)
	}
	w.edited("First", func(d *calendar.Draft) { d.Subject = "Renamed" })
	w.edited("Last", nil)
	w.ownEvent("Dentist", "2027-02-01T09:00", "2027-02-01T10:00", "")
	want := []string{"altered First", "foreign Dentist", "missing Last"}
	if _, result, got := w.verified(c, allDays); !slices.Equal(found(got), want) || result.View.NoCopyBefore != (calendar.Date{}) {
		t.Errorf("found %v, want %v; no copy before %s", found(got), want, result.View.NoCopyBefore)
	}
}

func TestACopyOfACopyIsTheUsersAlsoWhenTheLedgerHasNothingOfItAnyMore(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	w.archive(c)
	e := w.held(c, "Review")
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{"Review": {Word: decision.Withdraw}})}})
	w.ownEvent("Pasted", "2026-10-05T12:00", "2026-10-05T13:00", e.Draft.Mark)
	r, result, got := w.verified(c)
	if !slices.Equal(found(got), []string{"duplicate_copy Pasted"}) || r.State != run.Partial || result.View.Compared != 0 {
		t.Errorf("found %v, %+v", found(got), result.View)
	}
	repair := w.repairRun(c, archive.RepairInput{Mode: archive.RepairFindings})
	must(t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(t.Context(), repair))
	w.shows("Pasted 2026-10-05T12:00")
}

func TestRunsWhoseSumsDoNotBalanceAreFound(t *testing.T) {
	w := newWorld(t)
	w.month(3)
	c := w.config()
	first := w.start(c)
	must(t, w.runner(w.Table, picky{w.calendar, "Work 1"}).Run(t.Context(), first))
	for range 21 {
		w.archive(c)
	}
	w.archive(c, dryRun)
	if _, result, _ := w.verified(c, allDays); !result.Clean || result.Bookkeeping.Runs != 23 {
		t.Errorf("of runs that balance: %+v", result)
	}
	items, err := store.All(t.Context(), w.Table, store.Query{PK: store.UserPartition(user), Prefix: "RUN#"})
	must(t, err)
	for _, item := range items {
		item.Data = []byte(strings.Replace(string(item.Data), `"fetched":3`, `"fetched":4`, 1))
		_, err = w.Table.Put(t.Context(), item, store.Any())
		must(t, err)
	}
	r, result, got := w.verified(c)
	books := result.Bookkeeping
	if result.Clean || r.State != run.Partial || books.Problems != 23 || len(books.Wrong) != 20 || len(got) != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if oldest := books.Problems - len(books.Wrong); oldest != 3 || !strings.Contains(books.Wrong[0], "do not balance") {
		t.Errorf("%v", books.Wrong)
	}
}

// TestAVerificationDuringWhichARunBeginsBeginsAnew has a run write while the archive calendar is read, and die before it seals anything.
func TestAVerificationDuringWhichARunBeginsBeginsAnew(t *testing.T) {
	opened := 0
	for at := 1; ; at++ {
		w := newWorld(t)
		id := w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
		c := w.config(accepting)
		w.archive(c)
		w.rewrite(id, func(d *calendar.Draft) { d.Subject = "Renamed" })
		before := w.head(c.ID)
		r := w.start(c)
		v := w.start(c, func(r *run.Run) { r.Kind = run.Verify })
		dying := &wiretest.Wire{DieAt: at}
		ended := false
		err := w.verifier(w.Table, &interrupting{w.calendar, func() {
			ended = w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r) == nil
		}}).Run(t.Context(), v)
		after := w.head(c.ID)
		written := strings.HasPrefix(w.copies()[0], "Renamed")
		switch {
		case ended && opened == 0:
			t.Fatal("the run never dies between what it writes and its seal")
		case ended:
			return
		case after.Hash == before.Hash && after.Open != before.Open && written:
			opened++
			if !errors.Is(err, run.ErrBusy) {
				t.Errorf("the run dies at request %d: %v, %s", at, err, w.again(v.ID).State)
			}
		case err != nil && !errors.Is(err, run.ErrBusy):
			t.Errorf("the run dies at request %d: %v", at, err)
		}
	}
}

// interrupting is a provider that has something happen before a calendar is walked over.
type interrupting struct {
	calendar.Provider
	meanwhile func()
}

func (p *interrupting) Walk(ctx context.Context, account, id string, from, to, since time.Time, each func(calendar.Event) (time.Time, error)) error {
	if meanwhile := p.meanwhile; meanwhile != nil {
		p.meanwhile = nil
		meanwhile()
	}
	return p.Provider.Walk(ctx, account, id, from, to, since, each)
}

func TestAnUndoThatIsNotCarriedOutTellsOfNoHours(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	night, _ := w.archive(c)
	r := w.toUndo(night.ID, how{})
	w.edited("Review", func(d *calendar.Draft) { d.Subject = "Renamed" })
	must(t, w.undoers(w.Table, w.calendar).Run(t.Context(), r))
	if r, result := w.undone(r.ID); r.State != run.Failed || len(result.Hours) != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestWhatMovedToDaysThatAreNotLookedAtIsNotCompared(t *testing.T) {
	w := newWorld(t)
	w.add("Stays", "2026-10-20T09:00", "2026-10-20T10:00")
	id := w.add("Moves", "2026-10-20T11:00", "2026-10-20T12:00")
	c := w.config(accepting)
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Start.Local, d.End.Local = "2026-11-10T09:00:00", "2026-11-10T10:00:00" })
	w.archive(c, func(r *run.Run) { r.To = day("2026-11-30") })
	if _, result, got := w.verified(c); result.View.Compared != 1 || len(got) != 0 {
		t.Errorf("of October: %+v %v", result.View, found(got))
	}
	if _, result, got := w.verified(c, allDays); result.View.Compared != 2 || len(got) != 0 {
		t.Errorf("of all days: %+v %v", result.View, found(got))
	}
}

// blind is a provider that does not show the events of a day.
type blind struct {
	calendar.Provider
	day calendar.Span
}

func (p blind) Walk(ctx context.Context, account, id string, from, to, since time.Time, each func(calendar.Event) (time.Time, error)) error {
	err := p.Provider.Walk(ctx, account, id, from, to, since, func(e calendar.Event) (time.Time, error) {
		if start, err := e.Start.Instant(time.UTC); err == nil && !start.Before(p.day.From) && start.Before(p.day.To) {
			return time.Time{}, nil
		}
		return each(e)
	})
	if err != nil {
		return err
	}
	return &calendar.Unread{Spans: []calendar.Span{p.day}, Err: fault.New(fault.Unavailable, "it fails")}
}

func (p blind) Find(context.Context, string, string, []string) (map[string]calendar.Event, error) {
	return nil, nil
}

func (p blind) Marked(context.Context, string, string, []string) (map[string]calendar.Event, error) {
	return nil, nil
}

func TestNothingIsMissingOnADayThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	for _, day := range []string{"2026-10-05", "2026-10-06"} {
		w.add("Work "+day, day+"T09:00", day+"T10:00")
	}
	c := w.config()
	w.archive(c)
	from := time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)
	look := func() (*run.Run, archive.VerifyResult) {
		v := w.start(c, func(r *run.Run) { r.Kind = run.Verify })
		must(t, w.verifier(w.Table, blind{w.calendar, calendar.Span{From: from, To: from.AddDate(0, 0, 1)}}).Run(t.Context(), v))
		v = w.again(v.ID)
		var result archive.VerifyResult
		must(t, json.Unmarshal(v.Result, &result))
		return v, result
	}
	if v, result := look(); v.State != run.Partial || !result.Clean {
		t.Errorf("where nothing else differs: %s %+v", v.State, result)
	}
	w.edited("Work 2026-10-06", nil)
	v, result := look()
	if got := found(w.findings(v)); !slices.Equal(got, []string{"missing Work 2026-10-06"}) || result.View.Unread != 1 || result.View.UnreadDays != 1 {
		t.Errorf("found %v, %+v", got, result.View)
	}
}

// refusing is a provider that refuses to remove anything.
type refusing struct{ calendar.Provider }

func (p refusing) Delete(_ context.Context, _, _ string, ids []string) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(ids))
	for i, id := range ids {
		results[i] = calendar.WriteResult{ID: id, Err: fault.New(fault.Forbidden, "the calendar refuses it")}
	}
	return results, nil
}

func TestAnUndoThatTheCalendarRefusesIsPartial(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	night, _ := w.archive(c)
	r := w.toUndo(night.ID, how{})
	must(t, w.undoers(w.Table, refusing{w.calendar}).Run(t.Context(), r))
	if r, result := w.undone(r.ID); r.State != run.Partial || result.Counts.Failed != 1 || result.Counts.Undone != 0 || result.Written != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	w.shows("Review 2026-10-05T07:00")
}

func TestAnUndoNotesAllThatItUndoesBeforeItBegins(t *testing.T) {
	w := newWorld(t)
	id := w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config(accepting)
	first, _ := w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Bonn" })
	second, _ := w.archive(c)
	r, _ := w.undo(first.ID, how{cascade: true})
	in, err := undo.InputOf(r)
	must(t, err)
	if in.Cascade || !slices.Equal(in.Runs, []string{second.ID, first.ID}) {
		t.Errorf("it undoes %+v", in)
	}
}
