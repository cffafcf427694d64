package undo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

func appointment(customer string, minutes int) calendar.Appointment {
	start := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	return calendar.Appointment{Customer: customer, Start: start, End: start.Add(time.Duration(minutes) * time.Minute)}
}

func TestHoursOfAPlan(t *testing.T) {
	acme, globex, day := appointment("Acme", 60), appointment("Globex", 30), appointment("Acme", 24*60)
	day.AllDay = true
	skipped := undo.Item{Key: "skipped", Does: undo.Removes, Appointment: acme, Stands: true, Becomes: &globex}
	skipped.Skip(undo.Altered, "somebody changed %s", "it")
	items := []undo.Item{
		{Key: "removed", Outcome: undo.Undone, Does: undo.Removes, Appointment: acme, Stands: true},
		{Key: "gone", Outcome: undo.Undone, Does: undo.Gone, Appointment: acme, Stands: true},
		{Key: "created", Outcome: undo.Undone, Does: undo.Creates, Appointment: acme, Becomes: &globex},
		{Key: "changed", Outcome: undo.Undone, Does: undo.Changes, Appointment: acme, Stands: true, Becomes: &globex},
		{Key: "kept", Outcome: undo.Undone, Does: undo.Records, Appointment: acme, Stands: true, Becomes: &acme},
		{Key: "noted", Outcome: undo.Undone, Does: undo.Records, Appointment: acme},
		{Key: "done", Outcome: undo.Undone, Does: undo.Nothing, Appointment: globex},
		{Key: "days", Outcome: undo.Undone, Does: undo.Removes, Appointment: day, Stands: true},
		skipped,
	}
	p := undo.NewPlan([]string{"A", "C", "A", "B"}, []string{"D", "E"}, false, items)
	want := []undo.CustomerHours{{Customer: "Acme", Before: 5 * 3600, After: 2 * 3600}, {Customer: "Globex", After: 3600}}
	if diff := cmp.Diff(want, p.Hours); diff != "" {
		t.Errorf("hours:\n%s", diff)
	}
	if !slices.Equal(p.Runs, []string{"C", "B", "A"}) || !slices.Equal(p.Later, []string{"E", "D"}) {
		t.Errorf("runs %v, later %v", p.Runs, p.Later)
	}
	if p.Counts.Participants != 9 || p.Counts.Undone != 8 || p.Counts.Skipped != 1 || !p.Counts.Balanced() || skipped.Becomes != nil ||
		skipped.Detail != "somebody changed it" {
		t.Errorf("%+v, %+v", p.Counts, skipped)
	}
}

func TestTheHashOfAPlanCoversWhatIsShown(t *testing.T) {
	item := undo.Item{Key: "k", Outcome: undo.Undone, Does: undo.Removes, Version: 1, Appointment: appointment("Acme", 60)}
	other := item
	other.Version = 2
	hash := undo.NewPlan([]string{"A"}, nil, false, []undo.Item{item}).Hash
	if !strings.HasPrefix(hash, "sha256:") || undo.NewPlan([]string{"A"}, []string{"B"}, false, []undo.Item{item}).Hash != hash {
		t.Errorf("hash %s", hash)
	}
	for name, p := range map[string]undo.Plan{
		"another run":     undo.NewPlan([]string{"B"}, nil, false, []undo.Item{item}),
		"by force":        undo.NewPlan([]string{"A"}, nil, true, []undo.Item{item}),
		"another version": undo.NewPlan([]string{"A"}, nil, false, []undo.Item{other}),
		"one more":        undo.NewPlan([]string{"A"}, nil, false, []undo.Item{item, item}),
	} {
		if p.Hash == hash {
			t.Errorf("%s: the same hash", name)
		}
	}
}

func TestTotals(t *testing.T) {
	var c undo.Totals
	for _, one := range []struct {
		outcome undo.Outcome
		reason  undo.Reason
		failed  bool
	}{{undo.Undone, "", false}, {undo.Undone, "", true}, {undo.Skipped, undo.Locked, false}, {undo.Skipped, undo.ChangedSince, false},
		{undo.Skipped, undo.Locked, true}} {
		c.Add(&undo.Item{Outcome: one.outcome, Reason: one.reason}, one.failed)
	}
	if got := c.String(); got != "1 undone, 1 failed, 3 left as they are (1 changed_since, 2 locked)" || !c.Balanced() || c.Participants != 5 {
		t.Errorf("%s, %+v", got, c)
	}
	for _, wrong := range []undo.Totals{{Participants: 1}, {Participants: 1, Skipped: 1}, {Participants: 2, Undone: 1}} {
		if wrong.Balanced() {
			t.Errorf("%+v balances", wrong)
		}
	}
	if got := (&undo.Totals{Participants: 2, Undone: 2}).String(); got != "2 undone" {
		t.Errorf("%s", got)
	}
}

func TestWordsAboutAnUndo(t *testing.T) {
	skipped := &undo.Result{Counts: undo.Totals{Participants: 3, Undone: 1, Skipped: 2, By: map[undo.Reason]int{undo.Locked: 2}}}
	for name, c := range map[string]struct {
		run    run.Run
		result run.Result
		says   string
		action string
	}{
		"all of it":        {run.Run{State: run.Succeeded}, &undo.Result{}, "", ""},
		"some is left":     {run.Run{State: run.Succeeded}, skipped, ": 2 were left as they are", ""},
		"some failed":      {run.Run{State: run.Partial}, skipped, "", ""},
		"things changed":   {run.Run{State: run.Failed, Problem: &run.Problem{Code: undo.Changed}}, &undo.Result{}, "things have changed", ""},
		"damaged ledger":   {run.Run{State: run.Failed}, &undo.Result{LedgerDamaged: true}, "the ledger is not what was written", "ledger_damaged"},
		"without a result": {run.Run{State: run.Failed}, nil, "", ""},
	} {
		words := undo.RunKind.Words(&c.run, c.result)
		if !strings.Contains(words.Title.String(), c.says) || c.says == "" && words.Title.String() != "" || words.Action != c.action {
			t.Errorf("%s: %+v", name, words)
		}
	}
}
