package archive

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

func TestANightShiftIsAskedAboutOnItsOwnDayAlone(t *testing.T) {
	sunday := calendar.Window{From: date("2026-10-04"), To: date("2026-10-04"), Zone: berlin}
	shift := func(more ...with) calendar.Event {
		return busy("shift", "2026-10-04T22:00:00", "2026-10-05T06:00:00", append([]with{billed}, more...)...)
	}
	held := heldAfter(t, newPlan(day(shift()), sunday, timesheet, nil))
	if len(held) != 1 {
		t.Fatalf("%+v", held)
	}
	for name, change := range map[string]with{
		"cancelled": cancelled, "declined": declined, "free": shown(calendar.Free), "without a category": categories(), "of another subject": subject("another"),
		"as it was": func(*calendar.Event) {},
	} {
		t.Run(name, func(t *testing.T) {
			changed := day(shift(change))
			today := newPlan(changed, monday, timesheet, held)
			if got := outcomesOf(today)["shift"]; got != "excluded: outside_window" || len(today.Actions) != 0 || today.Counts.Vanished != 0 {
				t.Errorf("in the window of the day after it is %s, actions %q", got, actionsOf(today))
			}
			want, actions := "drifted", []string{"drift shift"}
			if name == "as it was" {
				want, actions = "unchanged", []string{}
			}
			its := newPlan(changed, sunday, timesheet, held)
			if got := outcomesOf(its)["shift"]; got != want || !slices.Equal(actionsOf(its), actions) {
				t.Errorf("in its own window it is %s, actions %q", got, actionsOf(its))
			}
		})
	}
}

// keptOut returns what a ledger says when a user decided to keep the event out.
func keptOut(t *testing.T, e calendar.Event, outcome ledger.Outcome) Standing {
	t.Helper()
	it := itemOf(t, planOf(day(e)), e.ID)
	return Standing{Key: it.Key, SourceHash: it.Hash, Outcome: outcome, Decision: "d1", EventID: it.EventID, Appointment: it.Appointment}
}

func TestWhatIsDecidedStaysOutAsLongAsItsSourceIsTheSame(t *testing.T) {
	for _, outcome := range []ledger.Outcome{ledger.Declined, ledger.Withdrawn} {
		held := []Standing{keptOut(t, busy("a", "09:00", "10:00"), outcome)}
		for _, row := range []struct {
			name   string
			events []calendar.Event
			want   outcomes
		}{
			{"its source is the same", day(busy("a", "09:00", "10:00")), outcomes{"a": "superseded: decision"}},
			{"it stands in nobody's way", day(busy("a", "09:00", "10:00"), busy("b", "09:00", "10:00", high)), outcomes{"a": "superseded: decision", "b": "archived"}},
			{"its source changed", day(busy("a", "09:00", "10:00", subject("another"))), outcomes{"a": "archived"}},
			{
				"its source changed, and collides", day(busy("a", "09:00", "10:00", subject("x")), busy("b", "09:30", "11:00")),
				outcomes{"a": "conflicted", "b": "conflicted"},
			},
			{"its source is gone", nil, outcomes{}},
			{"another event has its key", day(busy("z", "09:00", "10:00", uid("uid-a"))), outcomes{"z": "archived"}},
			{"it is left out anyhow", day(busy("a", "09:00", "10:00", typed(calendar.Master))), outcomes{"a": "excluded: series_master"}},
		} {
			t.Run(string(outcome)+": "+row.name, func(t *testing.T) {
				p := newPlan(row.events, monday, settings, held)
				if got := outcomesOf(p); fmt.Sprint(got) != fmt.Sprint(row.want) {
					t.Errorf("got %v, want %v", got, row.want)
				}
				if got := len(p.Actions); (got > 0) != strings.Contains(row.name, "collides") {
					t.Errorf("actions %q", actionsOf(p))
				}
				for i := range p.Items {
					if it := &p.Items[i]; (it.Decision == "d1") != (it.Reason == ReasonDecision) {
						t.Errorf("%s is made so by %q", it.Reason, it.Decision)
					}
				}
			})
		}
	}
}

func TestWhatIsDecidedComesThroughThePlanOfALedger(t *testing.T) {
	events := day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00"))
	first := newPlan(events, monday, settings, []Standing{keptOut(t, events[0], ledger.Withdrawn)})
	held := heldAfter(t, first)
	i := slices.IndexFunc(held, func(s Standing) bool { return s.EventID == "a" })
	if len(held) != 2 || i < 0 {
		t.Fatalf("%+v", held)
	}
	if a, b := held[i], held[1-i]; a.Outcome != ledger.Declined || a.Decision != "d1" || b.Outcome != ledger.Archived || b.Decision != "" {
		t.Errorf("%+v", held)
	}
	second := newPlan(events, monday, settings, held)
	if got, want := outcomesOf(second), (outcomes{"a": "superseded: decision", "b": "unchanged"}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := itemOf(t, second, "a").Decision; got != "d1" {
		t.Errorf("by decision %q", got)
	}
	events[0].Subject = "another"
	if got := outcomesOf(newPlan(events, monday, settings, heldAfter(t, second)))["a"]; got != "archived" {
		t.Errorf("with another source it is %s", got)
	}
	lost := newPlan(day(busy("c", "09:00", "10:00"), tentative("d", "09:30", "10:30")), monday, settings, nil)
	if held := heldAfter(t, lost); len(held) != 1 || held[0].EventID != "c" {
		t.Errorf("what lost by its rank is %+v", held)
	}
}

func TestSameSource(t *testing.T) {
	whole := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	short := whole[:len("sha256:")+32]
	other := "sha256:" + strings.Repeat("0123456789abcdef", 3) + strings.Repeat("f", 16)
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"the same hash", whole, whole, true},
		{"another hash", whole, "sha256:" + strings.Repeat("f", 64), false},
		{"another hash that begins alike", whole, other, false},
		{"a hash and how a mark has it", whole, short, true},
		{"a mark's hash of two that begin alike", other, short, true},
		{"a mark's hash and another", "sha256:" + strings.Repeat("f", 64), short, false},
		{"two marks' hashes", short, short, true},
		{"two other marks' hashes", short, "sha256:" + strings.Repeat("f", 32), false},
		{"a beginning that is shorter than a mark's", whole, short[:len(short)-1], false},
		{"a beginning that is longer than a mark's", whole, whole[:len(short)+1], false},
		{"a mark without a hash", whole, "sha256:", false},
		{"no hash", whole, "", false},
		{"none at all", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if sameSource(c.a, c.b) != c.same || sameSource(c.b, c.a) != c.same {
				t.Errorf("%s and %s: %t and %t, want %t", c.a, c.b, sameSource(c.a, c.b), sameSource(c.b, c.a), c.same)
			}
		})
	}
	if got := markedHash(ledger.Mark{Hash: ledger.HashInMark(whole)}); got != short {
		t.Errorf("a mark has %s as %s", whole, got)
	}
}
