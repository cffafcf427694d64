package chaos_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// verifier carries out verify runs over a table and a provider.
func (w *world) verifier(t store.Table, p calendar.Provider) *archive.Verifier {
	return &archive.Verifier{Engine: (*archive.Engine)(w.runner(t, p)), Chain: func(ctx context.Context, user, config string) (archive.Chain, error) {
		all := proof.Verifier{
			Ledger: ledger.New(t, w.Blobs, w.Key), Runs: run.NewStore(t), Audit: w.log(), Backups: backup.New(t, w.Blobs), Signer: w.Key, Clock: w.clock,
		}
		v, err := all.Verify(ctx, user, config, nil)
		return archive.Chain{OK: v.OK, Links: v.Links, Entries: v.Entries, Misfits: v.Misfits, First: v.First, Head: v.Head}, err
	}}
}

// compared carries out a verify run of the days of newRun, or with whole of all days.
func (w *world) compared(c archive.Config, whole bool) (*run.Run, archive.VerifyResult, []archive.Finding) {
	w.t.Helper()
	r := w.newRun(c)
	r.Kind = run.Verify
	if whole {
		r.From, r.To = calendar.Date{}, calendar.Date{}
	}
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatal("a verify run is under way")
	}
	must(w.t, w.verifier(w.Table, w.provider).Run(w.t.Context(), r))
	return w.verified(r.ID)
}

func (w *world) verified(id string) (*run.Run, archive.VerifyResult, []archive.Finding) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result archive.VerifyResult
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result, w.found(r)
}

func (w *world) found(r *run.Run) (findings []archive.Finding) {
	w.t.Helper()
	for page := range r.Pages {
		items, err := run.NewStore(w.Table).Items(w.t.Context(), r, page)
		must(w.t, err)
		for _, it := range items {
			var f archive.Finding
			must(w.t, json.Unmarshal(it.Plan, &f))
			findings = append(findings, f)
		}
	}
	return findings
}

// clean demands that nothing differs.
func (w *world) clean(c archive.Config, whole bool, copies int) archive.VerifyResult {
	w.t.Helper()
	r, result, findings := w.compared(c, whole)
	if r.State != run.Succeeded || !result.Clean || len(findings) > 0 || result.View.Compared != copies {
		w.t.Errorf("%s %+v %+v\n%+v", r.State, r.Problem, result, findings)
	}
	return result
}

// edit changes a copy in the archive calendar, as a user does in Outlook.
func (w *world) edit(id string, change object) {
	w.t.Helper()
	change["id"] = id
	text, err := json.Marshal(change)
	must(w.t, err)
	_, err = w.sim.PutEvent(me, w.named("Archive"), text)
	must(w.t, err)
}

// heldOf returns the copy of the i-th meeting.
func (w *world) heldOf(c archive.Config, subject string) *ledger.Entry {
	w.t.Helper()
	for _, e := range w.standing(c) {
		if e.Appointment.Subject == subject {
			return e
		}
	}
	w.t.Fatalf("nothing stands of %q", subject)
	return nil
}

func kinds(findings []archive.Finding) (list []string) {
	for _, f := range findings {
		one := string(f.Outcome) + " " + f.Appointment.Subject
		for _, d := range f.Differences {
			one += " " + d.Field
		}
		list = append(list, one)
	}
	slices.Sort(list)
	return list
}

func same(t *testing.T, findings []archive.Finding, want ...string) {
	t.Helper()
	if got := kinds(findings); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestAVerificationOfAMonthTakesTwoRequests(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(300)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		for range 2 { // the first one reads the texts
			w.connect()
			w.sim.ResetLog()
			result := w.clean(c, false, 300)
			t.Logf("%+v", result.Cost)
		}
		if n := len(w.sim.Log()); n > 2 {
			t.Errorf("it takes %d requests", n)
		}
	})
}

func TestWhatAUserDoesInTheArchiveCalendarIsFound(t *testing.T) {
	for _, first := range []bool{true, false} {
		inBubble(t, nil, func(t *testing.T, w *world) {
			w.month(12)
			c := w.config(archive.AskOnDrift)
			w.archive(c)
			if !first { // the copies have been looked at before
				w.clean(c, false, 12)
			}
			entry := func(n string) *ledger.Entry { return w.heldOf(c, "Meeting "+n) }
			start := entry("1").Appointment.Start.Add(20 * time.Minute)
			w.edit(entry("1").CopyID, object{"start": at(start, "UTC"), "end": at(start.Add(time.Hour), "UTC")})
			w.edit(entry("2").CopyID, object{"subject": "Renamed"})
			w.edit(entry("3").CopyID, object{"categories": []string{"Globex - billable"}})
			w.edit(entry("4").CopyID, object{"sensitivity": "normal", "location": object{"displayName": "At home"}})
			w.edit(entry("5").CopyID, object{"body": object{"contentType": "html", "content": "<p>Another agenda</p>"}})
			far := time.Date(2026, 12, 24, 10, 0, 0, 0, time.UTC)
			w.edit(entry("6").CopyID, object{"start": at(far, "UTC"), "end": at(far.Add(15*time.Minute), "UTC")})
			must(t, w.sim.RemoveEvent(me, entry("7").CopyID))
			must(t, w.sim.MoveEvent(me, entry("8").CopyID, w.source))
			_, err := w.sim.CopyEvent(me, entry("9").CopyID, w.named("Archive"))
			must(t, err)
			w.edit(entry("10").CopyID, object{"categories": []string{" Acme  - billable"}, "subject": "Meeting  10 "}) // white space
			text, err := json.Marshal(object{
				"subject": "Dentist", "start": at(october(5, 0), "UTC"), "end": at(october(5, 30), "UTC"),
			})
			must(t, err)
			_, err = w.sim.PutEvent(me, w.named("Archive"), text)
			must(t, err)
			for _, whole := range []bool{false, true} {
				r, result, findings := w.compared(c, whole)
				want := []string{
					"altered Meeting 1 start end", "altered Meeting 2 subject", "altered Meeting 3 categories", "altered Meeting 4 location sensitivity",
					"altered Meeting 6 start end", "duplicate_copy Meeting 9", "foreign Dentist", "missing Meeting 7", "missing Meeting 8",
				}
				if !first {
					want = append(want, "altered Meeting 5 body")
				}
				slices.Sort(want)
				same(t, findings, want...)
				if r.State != run.Partial || result.Clean {
					t.Errorf("%s %+v", r.State, result)
				}
			}
		})
	}
}

// TestEachSwitchMakesNoFalseFindings verifies twice what nobody touched, however the service behaves.
func TestEachSwitchMakesNoFalseFindings(t *testing.T) {
	sets := graphsim.EachSwitch()
	random := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		set := graphsim.Switches{}
		for range 5 {
			for name, value := range sets[random.IntN(len(sets))] {
				set[name] = value
			}
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		_, loses := set["retention"]
		_, poison := set["poison"]
		_, readOnly := set["reviewer"]
		if loses || poison || readOnly {
			continue // they have tests of their own
		}
		t.Run(set.String(), func(t *testing.T) {
			inBubble(t, set, func(t *testing.T, w *world) {
				w.month(14)
				long := meeting(14)
				long["subject"], long["categories"] = strings.Repeat("Long ", 60), []string{strings.Repeat("Category ", 40)}
				w.put(long)
				days := meeting(15)
				days["isAllDay"], days["start"], days["end"] = true, object{"dateTime": "2026-10-12T00:00:00", "timeZone": "W. Europe Standard Time"},
					object{"dateTime": "2026-10-14T00:00:00", "timeZone": "W. Europe Standard Time"}
				w.put(days)
				c := w.config(archive.AskOnDrift)
				if r, result := w.archive(c); r.State != run.Succeeded || result.Written != 16 {
					t.Fatalf("%s %+v %+v", r.State, result, r.Problem)
				}
				for i := range 3 {
					w.clean(c, i == 2, 16)
					w.sim.Turn()
				}
				w.edit(w.heldOf(c, "Meeting 1").CopyID, object{"subject": "Renamed"})
				time.Sleep(10 * time.Second)
				if _, ids := set["ids_change"]; ids {
					return // the copy has another id than the test knows
				}
				_, _, findings := w.compared(c, false)
				same(t, findings, "altered Meeting 1 subject")
			})
		})
	}
}

func TestCopiesThatRetentionTook(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("retention=28"), func(t *testing.T, w *world) {
		w.put(meeting(0))
		must(t, w.sim.SetSwitches(nil))
		w.month(200)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		must(t, w.sim.SetSwitches(graphsim.MustSwitches("retention=28")))
		r, result, findings := w.compared(c, false)
		if r.State != run.Partial || result.View.Missing == 0 || result.View.Missing != len(findings) || !result.View.Retention() {
			t.Errorf("%s %+v", r.State, result.View)
		}
		if words := archive.VerifyKind.Words(r, &result); !strings.Contains(words.Text.String(), "retention") || words.Action != "archive_missing" {
			t.Errorf("the user is told %+v", words)
		}
	})
}

func TestADayOfTheArchiveThatCannotBeRead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(200)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		w.clean(c, false, 200)
		w.edit(w.heldOf(c, "Meeting 3").CopyID, object{"subject": "Broken"})
		must(t, w.sim.SetSwitches(graphsim.MustSwitches("poison=Broken")))
		r, result, findings := w.compared(c, false)
		if r.State != run.Partial || result.View.Missing > 0 || result.View.UnreadDays == 0 || len(findings) > 0 {
			t.Errorf("%s %+v %v", r.State, result.View, kinds(findings))
		}
	})
}

func TestAnArchiveCalendarThatIsGoneIsFound(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(3)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		must(t, w.sim.RemoveCalendar(me, w.named("Archive")))
		r, result, findings := w.compared(c, false)
		same(t, findings, "calendar_missing ")
		if r.State != run.Partial || !result.View.CalendarMissing {
			t.Errorf("%s %+v", r.State, result)
		}
	})
}

// repaired carries out a repair run of the days of newRun.
func (w *world) repaired(c archive.Config, in archive.RepairInput, change ...func(*run.Run)) (*run.Run, archive.RepairResult, []archive.Finding) {
	w.t.Helper()
	r := w.repairOf(c, in, change...)
	must(w.t, w.repairer(w.Table, w.provider).Run(w.t.Context(), r))
	return w.repairedAs(r.ID)
}

func (w *world) repairer(t store.Table, p calendar.Provider) *archive.Repairer {
	return &archive.Repairer{Verifier: *w.verifier(t, p)}
}

func (w *world) repairOf(c archive.Config, in archive.RepairInput, change ...func(*run.Run)) *run.Run {
	w.t.Helper()
	r := w.newRun(c)
	r.Kind = run.Repair
	var err error
	r.Input, err = json.Marshal(in)
	must(w.t, err)
	for _, f := range change {
		f(r)
	}
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatal("a repair is under way")
	}
	return r
}

func (w *world) repairedAs(id string) (*run.Run, archive.RepairResult, []archive.Finding) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result archive.RepairResult
	if r.Result != nil {
		must(w.t, json.Unmarshal(r.Result, &result))
	}
	return r, result, w.found(r)
}

// mess archives some meetings and has a user do all that can be done to their copies.
func (w *world) mess() archive.Config {
	w.month(10)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	w.clean(c, false, 10)
	w.edit(w.heldOf(c, "Meeting 1").CopyID, object{"subject": "Renamed"})
	start := october(20, 9)
	w.edit(w.heldOf(c, "Meeting 2").CopyID, object{"start": at(start, "UTC"), "end": at(start.Add(time.Hour), "UTC")})
	w.edit(w.heldOf(c, "Meeting 3").CopyID, object{
		"categories": []string{"Initech - billable"}, "body": object{"contentType": "html", "content": "<p>New text</p>"},
	})
	must(w.t, w.sim.RemoveEvent(me, w.heldOf(c, "Meeting 4").CopyID))
	_, err := w.sim.CopyEvent(me, w.heldOf(c, "Meeting 5").CopyID, w.named("Archive"))
	must(w.t, err)
	text, err := json.Marshal(object{
		"subject": "Dentist", "start": at(october(21, 9), "UTC"), "end": at(october(21, 10), "UTC"), "categories": []string{"Break - non-billable"},
	})
	must(w.t, err)
	_, err = w.sim.PutEvent(me, w.named("Archive"), text)
	must(w.t, err)
	return c
}

// shows returns the copies in the archive calendar, as "subject start end categories".
func (w *world) showsAll() (list []string) {
	for _, e := range w.copies() {
		start, err := e.Start.Instant(time.UTC)
		must(w.t, err)
		end, err := e.End.Instant(time.UTC)
		must(w.t, err)
		list = append(list, strings.Join([]string{e.Subject, start.Format(wall), end.Format(wall), strings.Join(e.Categories, ","), e.Body.Content}, " | "))
	}
	slices.Sort(list)
	return list
}

func TestARepairLetsTheCalendarShowTheLedger(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(10)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		before := w.showsAll()
		must(t, w.sim.RemoveCalendar(me, w.source)) // the source is not needed
		w.edit(w.heldOf(c, "Meeting 1").CopyID, object{"subject": "Renamed"})
		must(t, w.sim.RemoveEvent(me, w.heldOf(c, "Meeting 4").CopyID))
		r, result, _ := w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings}, func(r *run.Run) { r.Options.DryRun = true })
		if r.State != run.Succeeded || result.Recreated != 1 || result.PutBack != 1 || result.Link != "" || slices.Equal(before, w.showsAll()) {
			t.Errorf("the dry run: %s %+v", r.State, result)
		}
		r, result, _ = w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings})
		if r.State != run.Succeeded || result.Recreated != 1 || result.PutBack != 1 || result.Left != 0 || result.Link == "" {
			t.Errorf("%s %+v %+v", r.State, result, r.Problem)
		}
		if got := w.showsAll(); !slices.Equal(got, before) {
			t.Errorf("the archive shows\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(before, "\n"))
		}
		w.verify(c)
		w.clean(c, true, 10)
		w.polite()
	})
}

func TestARepairLeavesWhatIsTheUsers(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := w.mess()
		r, result, findings := w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings})
		if r.State != run.Partial || result.Recreated != 1 || result.PutBack != 3 || result.Left != 2 || result.Failed != 0 {
			t.Errorf("%s %+v %+v", r.State, result, findings)
		}
		_, _, findings = w.compared(c, false)
		same(t, findings, "duplicate_copy Meeting 5", "foreign Dentist")
		w.verify(c)
		w.polite()
	})
}

func TestWhatTheUserChangedInTheArchiveIsAdopted(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		c := w.mess()
		shown := w.showsAll()
		_, _, findings := w.compared(c, false)
		answers := map[string]archive.RepairMode{}
		for _, f := range findings {
			if f.Outcome == archive.Foreign {
				answers[f.ID] = archive.AdoptFindings
			}
		}
		r, result, findings := w.repaired(c, archive.RepairInput{Mode: archive.AdoptFindings, Answers: answers})
		if r.State != run.Partial || result.Adopted != 3 || result.Created != 1 || result.Left != 2 || result.Withdrawn != 0 {
			t.Errorf("%s %+v %+v", r.State, result, findings)
		}
		decided, err := archive.DecisionsOf(r)
		must(t, err)
		if len(decided) != 4 {
			t.Fatalf("the run keeps %+v", decided)
		}
		if got := w.showsAll(); !slices.Equal(got, shown) {
			t.Errorf("the archive shows\n%s\nbefore\n%s", strings.Join(got, "\n"), strings.Join(shown, "\n"))
		}
		renamed := w.heldOf(c, "Renamed")
		if renamed.Decision == "" || renamed.Reason != "decision" || !renamed.Kept || renamed.Run != r.ID || renamed.Draft.Subject != "Renamed" {
			t.Errorf("%+v", renamed)
		}
		if e := w.heldOf(c, "Meeting 2"); !e.Appointment.Start.Equal(october(20, 9)) || !e.Appointment.End.Equal(october(20, 10)) {
			t.Errorf("%+v", e.Appointment)
		}
		if e := w.heldOf(c, "Meeting 3"); e.Appointment.Customer != "Initech" || !strings.Contains(e.Draft.Body.Content, "New text") {
			t.Errorf("%+v", e)
		}
		if e := w.heldOf(c, "Dentist"); !strings.HasPrefix(e.Key, "decision:"+r.ID) || e.Appointment.Customer != "Break" {
			t.Errorf("%+v", e)
		}
		w.verify(c)
		_, _, findings = w.compared(c, false)
		same(t, findings, "duplicate_copy Meeting 5", "missing Meeting 4")
		_, result, _ = w.repaired(c, archive.RepairInput{Mode: archive.AdoptFindings, Missing: true})
		if result.Withdrawn != 1 || result.Left != 1 {
			t.Errorf("%+v", result)
		}
		_, _, findings = w.compared(c, true)
		same(t, findings, "duplicate_copy Meeting 5")
		// Later edits of what was adopted are found, and repaired to what was adopted.
		w.edit(renamed.CopyID, object{"subject": "Renamed again"})
		if _, result, _ = w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings}); result.PutBack != 1 {
			t.Errorf("%+v", result)
		}
		w.heldOf(c, "Renamed")
		w.verify(c)
		w.polite()
	})
}

func TestWhatCannotBeAdoptedIsLeftWithAReason(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(6)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		w.edit(w.heldOf(c, "Meeting 1").CopyID, object{"importance": "low"})
		other := w.heldOf(c, "Meeting 4").Appointment // which it would share time with
		w.edit(w.heldOf(c, "Meeting 2").CopyID, object{"start": at(other.Start, "UTC"), "end": at(other.End, "UTC")})
		text, err := json.Marshal(object{
			"subject": "Meeting with others", "start": at(october(21, 9), "UTC"), "end": at(october(21, 10), "UTC"),
			"attendees": []object{{"type": "required", "emailAddress": object{"name": "Ann", "address": "ann@example.com"}}},
		})
		must(t, err)
		_, err = w.sim.PutEvent(me, w.named("Archive"), text)
		must(t, err)
		_, _, findings := w.compared(c, false)
		in := archive.RepairInput{Mode: archive.AdoptFindings, Answers: map[string]archive.RepairMode{}}
		for _, f := range findings {
			in.Answers[f.ID] = archive.AdoptFindings
		}
		r, result, findings := w.repaired(c, in)
		if r.State != run.Partial || result.Left != 3 || result.Adopted+result.Created != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
		for _, f := range findings {
			if f.Reason == "" {
				t.Errorf("%s of %q has no reason", f.Outcome, f.Appointment.Subject)
			}
		}
		in.AllowOverlap = true
		if _, result, _ = w.repaired(c, in); result.Adopted != 1 || result.Left != 2 {
			t.Errorf("with overlaps: %+v", result)
		}
		w.verify(c)
	})
}

func TestAnOrphanIsRemovedAndNothingElse(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(4)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		gone := w.heldOf(c, "Meeting 1")
		must(t, w.sim.MoveEvent(me, gone.CopyID, w.source))
		w.repaired(c, archive.RepairInput{Mode: archive.AdoptFindings, Missing: true}) // it is withdrawn, and stands in another calendar
		must(t, w.sim.MoveEvent(me, gone.CopyID, w.named("Archive")))
		_, _, findings := w.compared(c, false)
		same(t, findings, "orphan_copy Meeting 1")
		_, result, _ := w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings})
		if result.Removed != 1 || result.Left != 0 || len(w.copies()) != 3 {
			t.Errorf("%+v, %d copies", result, len(w.copies()))
		}
		w.clean(c, true, 3)
		w.verify(c)
	})
}

func TestACalendarThatGoesWhileItIsRepaired(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.month(4)
		c := w.config(archive.AskOnDrift)
		w.archive(c)
		must(t, w.sim.RemoveEvent(me, w.heldOf(c, "Meeting 1").CopyID))
		r := w.repairOf(c, archive.RepairInput{Mode: archive.RepairFindings})
		err := w.repairer(w.Table, &vanishing{Provider: w.provider, gone: func() { must(t, w.sim.RemoveCalendar(me, w.named("Archive"))) }}).Run(t.Context(), r)
		if err == nil || !strings.Contains(err.Error(), "was deleted while the run wrote it") {
			t.Errorf("got %v", err)
		}
		must(t, run.NewStore(w.Table).Finish(t.Context(), r, run.Failed, w.clock()))
		r, result, _ := w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings})
		if r.State != run.Failed || r.Problem == nil || !strings.Contains(r.Problem.Detail, "is gone") || !strings.Contains(r.Problem.Detail, "calendar create") {
			t.Errorf("%s %+v %+v", r.State, r.Problem, result)
		}
		_, err = w.sim.AddCalendar(me, graphsim.Calendar{Name: "Archive"})
		must(t, err)
		if r, result, _ = w.repaired(c, archive.RepairInput{Mode: archive.RepairFindings}); r.State != run.Succeeded || len(w.copies()) != 4 {
			t.Errorf("%s %+v %+v, %d copies", r.State, r.Problem, result, len(w.copies()))
		}
		w.clean(c, true, 4)
		w.verify(c)
	})
}
