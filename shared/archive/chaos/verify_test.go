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

// copyOf returns the copy of the i-th meeting.
func (w *world) copyOf(c archive.Config, subject string) *ledger.Entry {
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
			entry := func(n string) *ledger.Entry { return w.copyOf(c, "Meeting "+n) }
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
				w.edit(w.copyOf(c, "Meeting 1").CopyID, object{"subject": "Renamed"})
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
		if words := archive.VerifyKind.Words(r, &result); !strings.Contains(words.Text, "retention") || words.Action != "archive_missing" {
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
		w.edit(w.copyOf(c, "Meeting 3").CopyID, object{"subject": "Broken"})
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
