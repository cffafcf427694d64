package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

func TestAlikeDuplicates(t *testing.T) {
	for _, c := range []struct {
		name, one, other string
		first, alike     bool // whether they are merged
	}{
		{"the same subject", "Acme review", "Acme review", true, true},
		{"another case", "Acme review", "ACME Review", true, true},
		{"a letter that is composed otherwise", "Müller", "Mu\u0308ller", false, true},
		{"a space that does not break the line", "Acme review", "Acme\u00a0review", false, true},
		{"two spaces", "Acme review", "Acme  review", false, true},
		{"a tab", "Acme review", "Acme\treview", false, true},
		{"letters of another width", "Acme", "\uff21\uff43\uff4d\uff45", false, true},
		{"another subject", "Acme review", "Acme reviews", false, false},
		{"words that are one", "Acme review", "Acmereview", false, false},
		{"no subject", "", "\u00a0", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := []calendar.Event{
				busy("a", "09:00", "10:00", subject(c.one)),
				busy("b", "09:00", "10:00", subject(c.other)),
			}
			for version, want := range map[Version]bool{First: c.first, Alike: c.alike} {
				s := keeping
				s.Version = version
				plan := NewPlan(Input{Events: events, Window: monday, Settings: s})
				if merged := plan.Counts.Merged == 1; merged != want || !plan.Balanced() {
					t.Errorf("version %d: %+v", version, plan.Counts)
				}
			}
		})
	}
}

// TestWhatTheFirstVersionMergesAlikeMerges: the second version takes nothing apart.
func TestWhatTheFirstVersionMergesAlikeMerges(t *testing.T) {
	subjects := []string{"Müller", "Mu\u0308ller", "MÜLLER", "Acme review", "Acme\u00a0review", "acme  Review", "Acme", ""}
	rapid.Check(t, func(t *rapid.T) {
		var events []calendar.Event
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			start := rapid.IntRange(9, 10).Draw(t, "start")
			text := rapid.SampledFrom(subjects).Draw(t, "subject")
			events = append(events, busy(fmt.Sprintf("e%d", i), fmt.Sprintf("%02d:00", start), fmt.Sprintf("%02d:00", start+1),
				subject(text)))
		}
		s := keeping
		in := Input{Events: events, Window: monday, Settings: s}
		first := NewPlan(in)
		in.Settings.Version = Alike
		alike := NewPlan(in)
		if !first.Balanced() || !alike.Balanced() || alike.Counts.Merged < first.Counts.Merged {
			t.Fatalf("%+v, %+v", first.Counts, alike.Counts)
		}
		in.Settings.Version = First
		d := shadowOf(in, Alike)
		if d.Before != first.Counts || d.After != alike.Counts {
			t.Fatalf("told are %+v and %+v", d.Before, d.After)
		}
		changed := 0
		for i := range first.Items { // both are sorted by start and id, and here nothing else is in them
			a, b := &first.Items[i], &alike.Items[i]
			if a.EventID != b.EventID {
				t.Fatal("the order is another")
			}
			if a.Outcome != b.Outcome || a.By != b.By || a.Reason != b.Reason {
				changed++
			}
		}
		if changed != d.Changed || len(d.Events) != min(changed, maxShadowed) {
			t.Fatalf("told are %d changes, %d of them by name, of %d", d.Changed, len(d.Events), changed)
		}
		if same := shadowOf(in, First); same.Changed != 0 || same.Events != nil || same.Hours != nil {
			t.Fatalf("the same version changes %+v", same)
		}
	})
}

func TestAShadowTellsHoursAndSomeOfTheEvents(t *testing.T) {
	var events []calendar.Event
	for i := range 30 { // two an hour, the second one written otherwise
		for _, text := range []string{"Acme review", "Acme\u00a0review"} {
			start := fmt.Sprintf("%02d:%02d", 6+i/4, i%4*15)
			end := fmt.Sprintf("%02d:%02d", 6+(i+1)/4, (i+1)%4*15)
			events = append(events, busy(fmt.Sprintf("e%02d%d", i, len(text)), start, end, subject(text), billed))
		}
	}
	d := shadowOf(Input{Events: events, Window: monday, Settings: keeping}, Alike)
	if d.Changed != 30 || len(d.Events) != maxShadowed || d.Before.Archived != 60 || d.After.Archived != 30 || d.After.Merged != 30 {
		t.Errorf("told are %d, %d by name, %+v, %+v", d.Changed, len(d.Events), d.Before, d.After)
	}
	if want := []HoursChange{{Customer: "Acme", Before: 900, After: 450}}; !slices.Equal(d.Hours, want) {
		t.Errorf("hours %+v", d.Hours)
	}
	if diff := cmp.Diff(ShadowedState{Outcome: Merged, By: d.Events[0].After.By}, d.Events[0].After); diff != "" || d.Events[0].Before.Outcome != Archived {
		t.Error(d.Events[0])
	}
}

func TestWhatAPlanAloneHasIsTold(t *testing.T) {
	at := func(customer string, minutes int) calendar.Appointment {
		start := utc("2026-10-05T07:00:00Z")
		return calendar.Appointment{Customer: customer, Start: start, End: start.Add(time.Duration(minutes) * time.Minute)}
	}
	item := func(id string, o Outcome, customer string, minutes int, more ...func(*Item)) Item {
		it := Item{EventID: id, Key: "key-" + id, Outcome: o, Appointment: at(customer, minutes)}
		for _, change := range more {
			change(&it)
		}
		return it
	}
	held := func(customer string, minutes int) func(*Item) {
		return func(it *Item) { it.Held = &Standing{Key: it.Key, Appointment: at(customer, minutes)} }
	}
	accepted := func(it *Item) { it.Accept = true }
	out := func(it *Item) { it.out = true }
	was := &Plan{Window: monday, Items: []Item{
		item("a", Unchanged, "Held", 10, held("Held", 10)), item("b", Drifted, "New", 20, held("Old", 30)), item("c", Archived, "Gone", 40, out),
	}}
	then := &Plan{Window: monday, Items: []Item{
		item("b", Drifted, "New", 20, held("Old", 30), accepted), item("c", Archived, "Gone", 40), item("d", Vanished, "Held", 10, held("Held", 10)),
	}}
	d := between(was, then)
	want := []ShadowedEvent{
		{EventID: "a", Key: "key-a", Before: ShadowedState{Outcome: Unchanged}},
		{EventID: "d", Key: "key-d", After: ShadowedState{Outcome: Vanished}},
	}
	if diff := cmp.Diff(want, d.Events); diff != "" || d.Changed != 2 {
		t.Errorf("%d %s", d.Changed, diff)
	}
	if diff := cmp.Diff([]HoursChange{{"Gone", 0, 40}, {"New", 0, 20}, {"Old", 30, 0}}, d.Hours); diff != "" {
		t.Error(diff)
	}
}
