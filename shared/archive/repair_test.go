package archive_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// holds is a chain that nobody compares.
func holds(context.Context, string, string) (archive.Chain, error) {
	return archive.Chain{OK: true}, nil
}

func (w *world) verifier(t store.Table, p calendar.Provider) *archive.Verifier {
	return &archive.Verifier{Engine: (*archive.Engine)(w.runner(t, p)), Chain: holds}
}

func (w *world) verified(c archive.Config, change ...func(*run.Run)) (*run.Run, archive.VerifyResult, []archive.Finding) {
	w.t.Helper()
	r := w.start(c, append([]func(*run.Run){func(r *run.Run) { r.Kind = run.Verify }}, change...)...)
	must(w.t, w.verifier(w.Table, w.calendar).Run(w.t.Context(), r))
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	var result archive.VerifyResult
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result, w.findings(r)
}

func (w *world) findings(r *run.Run) (all []archive.Finding) {
	w.t.Helper()
	for page := range r.Pages {
		items, err := run.NewStore(w.Table).Items(w.t.Context(), r, page)
		must(w.t, err)
		for _, it := range items {
			var f archive.Finding
			must(w.t, json.Unmarshal(it.Plan, &f))
			all = append(all, f)
		}
	}
	return all
}

// edited has a user change the copy of a subject in the archive calendar.
func (w *world) edited(subject string, change func(*calendar.Draft)) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	for _, e := range w.read(info.ID) {
		if e.Subject != subject {
			continue
		}
		d := calendar.Draft{
			Mark: e.Mark, Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location, Categories: e.Categories,
			ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity,
		}
		if change == nil {
			_, err = w.calendar.Delete(w.t.Context(), "me", info.ID, []string{e.ID})
			must(w.t, err)
			return
		}
		change(&d)
		results, err := w.calendar.Update(w.t.Context(), "me", info.ID, []calendar.Update{{ID: e.ID, Draft: d}})
		must(w.t, err)
		must(w.t, results[0].Err)
		return
	}
	w.t.Fatalf("there is no copy of %q", subject)
}

func (w *world) repairRun(c archive.Config, in archive.RepairInput) *run.Run {
	w.t.Helper()
	return w.start(c, func(r *run.Run) {
		r.Kind = run.Repair
		var err error
		r.Input, err = json.Marshal(in)
		must(w.t, err)
	})
}

// newest returns the newest versions of all that the ledger has, by what they were archived as first.
func (w *world) newest(c archive.Config) map[string]ledger.Entry {
	w.t.Helper()
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(w.t.Context(), c.ID, from, from.AddDate(10, 0, 0))
	must(w.t, err)
	newest := map[string]ledger.Entry{}
	for _, e := range entries {
		if e.State == ledger.Intended {
			w.t.Errorf("%s is still intended", e.Key)
		}
		if e.Outcome != ledger.Moved && e.State == ledger.Done && newest[e.Key].Version < e.Version {
			newest[e.Key] = e
		}
	}
	return newest
}

// TestARepairWhoseWorkerDiesAnywhere repairs and adopts with a process that dies at each request, and another that goes on.
func TestARepairWhoseWorkerDiesAnywhere(t *testing.T) {
	for _, mode := range []archive.RepairMode{archive.RepairFindings, archive.AdoptFindings} {
		t.Run(string(mode), func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				c := w.config()
				for i, day := range []string{"05", "06", "07", "08"} {
					w.add([]string{"One", "Two", "Three", "Four"}[i], "2026-10-"+day+"T09:00", "2026-10-"+day+"T10:00")
				}
				w.archive(c)
				before := w.copies()
				w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
				w.edited("Two", func(d *calendar.Draft) {
					d.Start, d.End = calendar.DateTime{Local: "2026-10-20T09:00:00", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-20T11:00:00", Zone: "UTC"}
				})
				w.edited("Three", nil)
				edited := w.copies()
				r := w.repairRun(c, archive.RepairInput{Mode: mode, Missing: true})
				work := func(t store.Table, p calendar.Provider) error {
					r, err := run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
					must(w.t, err)
					if r.State.Ended() {
						return nil
					}
					return (&archive.Repairer{Verifier: *w.verifier(t, p)}).Run(w.t.Context(), r)
				}
				if err := work(dying.Table(w.Table), dying.Provider(w.calendar)); err != nil {
					w.Advance(2 * time.Minute) // the lease is over
					must(t, work(w.Table, w.calendar))
				}
				got, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				var result archive.RepairResult
				must(t, json.Unmarshal(got.Result, &result))
				want := before
				if mode == archive.AdoptFindings {
					want = edited
					if result.Adopted != 2 || result.Withdrawn != 1 || result.Left+result.Failed != 0 {
						t.Errorf("%+v", result)
					}
					decided, err := archive.DecisionsOf(got)
					must(t, err)
					ids := map[string]bool{}
					for _, d := range decided {
						ids[d.ID] = true
					}
					for _, e := range w.newest(c) {
						if e.Run == r.ID && !ids[e.Decision] {
							t.Errorf("%s was made by no decision that the run keeps: %q", e.Key, e.Decision)
						}
					}
				} else if result.Recreated != 1 || result.PutBack != 2 || result.Left+result.Failed != 0 {
					t.Errorf("%+v", result)
				}
				if shows := w.copies(); !slices.Equal(shows, want) || got.State != run.Succeeded {
					t.Errorf("%s: the archive shows %v, want %v", got.State, shows, want)
				}
				if items := w.findings(got); len(items) != 3 {
					t.Errorf("the run has %d items", len(items))
				}
				for _, e := range w.newest(c) {
					if e.Version > 2 {
						t.Errorf("%s has %d versions", e.Key, e.Version)
					}
				}
				if v, _, found := w.verified(c); v.State != run.Succeeded {
					t.Errorf("afterwards there is %+v", found)
				}
			})
		})
	}
}

func TestAVerificationThatMeetsARunWaitsForIt(t *testing.T) {
	var w *world
	var c archive.Config
	for at := 1; ; at++ { // where the run dies with entries open, so that its lease goes on for a minute
		w = newWorld(t)
		c = w.config()
		w.month(60)
		r := w.start(c)
		dying := &wiretest.Wire{DieAt: at}
		if err := w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); err == nil {
			t.Fatal("the run never has entries open")
		}
		entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(t.Context(), c.ID, time.Time{}, w.Now())
		must(t, err)
		if slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.State == ledger.Intended }) {
			break
		}
	}
	v := w.start(c, func(r *run.Run) { r.Kind = run.Verify })
	if err := w.verifier(w.Table, w.calendar).Run(t.Context(), v); err != run.ErrBusy { //nolint:errorlint // as it is
		t.Errorf("got %v", err)
	}
	w.Advance(2 * time.Minute)
	must(t, w.verifier(w.Table, w.calendar).Run(t.Context(), v))
	got, err := run.NewStore(w.Table).Get(t.Context(), user, v.ID)
	must(t, err)
	if !slices.ContainsFunc(w.findings(got), func(f archive.Finding) bool { return f.Outcome == archive.Unsettled }) || got.State != run.Partial {
		t.Errorf("%s %+v", got.State, w.findings(got))
	}
}

func TestADamagedLedgerIsNeverRepaired(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.archive(c)
	w.edited("One", nil)
	r := w.repairRun(c, archive.RepairInput{Mode: archive.RepairFindings})
	repairer := &archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}
	repairer.Chain = func(context.Context, string, string) (archive.Chain, error) {
		return archive.Chain{First: &ledger.Misfit{Problem: "an entry is missing"}}, nil
	}
	must(t, repairer.Run(t.Context(), r))
	r, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
	must(t, err)
	if r.State != run.Failed || r.Problem.Code != archive.LedgerDamaged || !strings.Contains(r.Problem.Detail, "an entry is missing") || len(w.copies()) != 0 {
		t.Errorf("%s %+v, %v", r.State, r.Problem, w.copies())
	}
	result, err := run.MustKinds(archive.RepairKind).Result(r)
	must(t, err)
	if words := archive.RepairKind.Words(r, result); words.Action != "ledger_damaged" {
		t.Errorf("the user is told %+v", words)
	}
	verifier := w.verifier(w.Table, w.calendar)
	verifier.Chain = repairer.Chain
	v := w.start(c, func(r *run.Run) { r.Kind = run.Verify })
	must(t, verifier.Run(t.Context(), v))
	v, err = run.NewStore(w.Table).Get(t.Context(), user, v.ID)
	must(t, err)
	if v.State != run.Failed || v.Problem.Code != archive.LedgerDamaged || v.Pages != 0 {
		t.Errorf("%s %+v", v.State, v.Problem)
	}
}

func TestAJobsVerificationRepairsWhatTheConfigSays(t *testing.T) {
	for _, on := range []archive.OnEdit{archive.AskOnEdit, archive.RepairOnEdit, archive.AdoptOnEdit} {
		t.Run(string(on), func(t *testing.T) {
			w := newWorld(t)
			c := w.config(func(c *archive.Config) { c.OnEdit = on })
			w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
			w.add("Two", "2026-10-06T09:00", "2026-10-06T10:00")
			w.archive(c)
			w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
			w.edited("Two", nil) // which is nothing that a job may decide
			var started []*run.Run
			v := w.verifier(w.Table, w.calendar)
			v.Start = func(ctx context.Context, r *run.Run) error {
				_, _, err := run.NewStore(w.Table).Create(ctx, r)
				started = append(started, r)
				return err
			}
			ended := func(job string) {
				r, _, _ := w.verified(c, func(r *run.Run) { r.Job = job })
				for range 2 { // its message comes twice
					must(t, v.Ended(t.Context(), r))
				}
			}
			ended("")
			if len(started) != 0 {
				t.Fatalf("a user's own verification starts %+v", started[0])
			}
			ended("J1")
			if on == archive.AskOnEdit {
				if len(started) != 0 {
					t.Fatalf("it starts %+v", started[0])
				}
				return
			}
			if len(started) == 0 || slices.ContainsFunc(started, func(r *run.Run) bool { return r.ID != started[0].ID }) {
				t.Fatalf("it starts %d runs", len(started))
			}
			must(t, (&archive.Repairer{Verifier: *v}).Run(t.Context(), started[0]))
			must(t, v.Ended(t.Context(), started[0]))
			want := []string{"Another 2026-10-05T07:00"}
			if on == archive.RepairOnEdit {
				want = []string{"One 2026-10-05T07:00"}
			}
			if got := w.copies(); !slices.Equal(got, want) {
				t.Errorf("the archive shows %v, want %v", got, want)
			}
			_, _, found := w.verified(c)
			if len(found) != 1 || found[0].Outcome != archive.Missing {
				t.Errorf("left is %+v", found)
			}
		})
	}
}

func TestOnEditIsOneOfThree(t *testing.T) {
	w := newWorld(t)
	c := archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AskOnDrift, OnEdit: "forget",
	}
	if _, err := w.configs(w.Table).Create(t.Context(), user, c); fault.FieldOf(err) != "on_edit" {
		t.Errorf("got %v", err)
	}
}

func TestCategoriesThatAreTakenAwayInTheArchiveStayAway(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.archive(c)
	w.edited("One", func(d *calendar.Draft) { d.Categories = nil })
	r := w.repairRun(c, archive.RepairInput{Mode: archive.AdoptFindings})
	must(t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(t.Context(), r))
	decided, err := archive.DecisionsOf(w.again(r.ID))
	must(t, err)
	if len(decided) != 1 || decided[0].Verdicts[0].Fields.Categories == nil || len(*decided[0].Verdicts[0].Fields.Categories) != 0 {
		t.Errorf("decided: %+v", decided)
	}
	w.quiet(c)
}

// vanishing is a provider whose archive calendar somebody deletes when it is about to be written.
type vanishing struct {
	calendar.Provider
	gone func()
}

func (p *vanishing) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	p.gone()
	return p.Provider.Update(ctx, account, id, updates)
}

func TestACalendarThatIsDeletedDuringARepairIsToldAndNothingIsHalfDone(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("One", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Two", "2026-10-06T09:00", "2026-10-06T10:00")
	w.archive(c)
	before := w.copies()
	w.edited("One", func(d *calendar.Draft) { d.Subject = "Another" })
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	r := w.repairRun(c, archive.RepairInput{Mode: archive.RepairFindings})
	gone := false
	p := &vanishing{w.calendar, func() {
		if !gone {
			must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
		}
		gone = true
	}}
	err = (&archive.Repairer{Verifier: *w.verifier(w.Table, p)}).Run(t.Context(), r)
	if !gone || fault.Of(err) != fault.NotFound {
		t.Fatalf("%v", err)
	}
	// Whoever tries the run again says it, and when there is a calendar again, it is filled.
	w.Advance(2 * time.Minute)
	must(t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(t.Context(), w.again(r.ID)))
	got, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
	must(t, err)
	if got.State != run.Failed || got.Problem == nil || !strings.Contains(got.Problem.Detail, "calendar create") {
		t.Errorf("%s %+v", got.State, got.Problem)
	}
	_, err = w.calendar.CreateCalendar(t.Context(), uri("Archive"))
	must(t, err)
	must(t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(t.Context(), w.repairRun(c, archive.RepairInput{Mode: archive.RepairFindings})))
	if !slices.Equal(before, w.copies()) {
		t.Errorf("the calendar has %q, want %q", w.copies(), before)
	}
	w.verify(c)
}
