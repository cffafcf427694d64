package archive

import (
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestDifference(t *testing.T) {
	twin := subject("x")
	testOutcomes{
		{
			name:   "what is held as it is stays",
			held:   day(busy("a", "09:00", "10:00")),
			events: day(busy("a", "09:00", "10:00"), busy("b", "10:00", "11:00")),
			want:   outcomes{"a": "unchanged", "b": "archived"},
		}, {
			name:   "volatile fields are no change",
			held:   day(busy("a", "09:00", "10:00")),
			events: day(busy("a", "09:00", "10:00", modified("2026-10-09T00:00:00Z"), func(e *calendar.Event) { e.ChangeKey, e.ETag = "new", "new" })),
			want:   outcomes{"a": "unchanged"},
		}, {
			name:    "what changed since is asked about",
			held:    day(busy("a", "09:00", "10:00")),
			events:  day(busy("a", "09:00", "10:00", subject("another"))),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:     "or accepted, when the config says so",
			settings: accepting,
			held:     day(busy("a", "09:00", "10:00")),
			events:   day(busy("a", "09:00", "10:00", subject("another"))),
			want:     outcomes{"a": "drifted"},
		}, {
			name:    "what is gone vanished",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events:  day(busy("b", "11:00", "12:00")),
			want:    outcomes{"a": "vanished", "b": "unchanged"},
			actions: []string{"drift a"},
		}, {
			name:     "an accepting config does not accept that something is gone",
			settings: accepting,
			held:     day(busy("a", "09:00", "10:00")),
			events:   nil,
			want:     outcomes{"a": "vanished"},
			actions:  []string{"drift a"},
		}, {
			name:   "an instance of a series is known by the start that its series gave it",
			held:   day(busy("a", "09:00", "10:00", originally("2026-10-05T07:00:00Z")), busy("b", "11:00", "12:00", uid("uid-a"), originally("2026-10-05T09:00:00Z"))),
			events: day(busy("a", "15:00", "16:00", originally("2026-10-05T07:00:00Z")), busy("b", "11:00", "12:00", uid("uid-a"), originally("2026-10-05T09:00:00Z"))),
			want:   outcomes{"a": "drifted", "b": "unchanged"}, actions: []string{"drift a"},
		}, {
			name:    "an instance that moved out of the window drifted",
			held:    day(busy("a", "09:00", "10:00", originally("2026-10-05T07:00:00Z"))),
			events:  day(busy("a", "2026-10-06T09:00:00", "2026-10-06T10:00:00", originally("2026-10-05T07:00:00Z"))),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:   "another id under the same key is the same appointment",
			held:   day(busy("a", "09:00", "10:00", subject("x"))),
			events: day(busy("b", "09:00", "10:00", subject("x"), uid("uid-a"))),
			want:   outcomes{"b": "unchanged"},
		}, {
			name:    "a single event that moved drifted: its iCalUId tells that it is the same",
			held:    day(busy("a", "09:00", "10:00")),
			events:  day(busy("a", "13:00", "14:00")),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:    "a single event that moved out of the window drifted, too",
			held:    day(busy("a", "09:00", "10:00")),
			events:  day(busy("a", "2026-10-06T13:00:00", "2026-10-06T14:00:00")),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:    "but not when it is the duplicate of another now",
			held:    day(busy("a", "09:00", "10:00", tellingMore)),
			events:  day(busy("a", "13:00", "14:00", twin), busy("b", "13:00", "14:00", twin, organized)),
			want:    outcomes{"a": "vanished, merged into b", "b": "archived"},
			actions: []string{"drift a"},
		}, {
			name:    "an instance of a series never stands for another one",
			held:    day(busy("a", "09:00", "10:00", originally("2026-10-05T07:00:00Z"))),
			events:  day(busy("b", "09:00", "10:00", uid("uid-a"), originally("2026-10-04T07:00:00Z"))),
			want:    outcomes{"a": "vanished", "b": "conflicted"},
			actions: []string{"drift a", "overlap a b"},
		}, {
			name:    "without an iCalUId the id is the key",
			held:    day(busy("a", "09:00", "10:00", uid(""))),
			events:  day(busy("a", "13:00", "14:00", uid(""))),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:     "one that is cancelled in the source since is still archived, and asked about",
			settings: timesheet,
			held:     day(busy("a", "09:00", "10:00", billed)),
			events:   day(busy("a", "09:00", "10:00", billed, cancelled)),
			want:     outcomes{"a": "drifted"},
			actions:  []string{"drift a"},
		}, {
			name:     "one that the purpose leaves out, and that did not change, is no drift",
			settings: timesheet,
			held:     day(busy("a", "09:00", "10:00")),
			events:   day(busy("a", "09:00", "10:00")),
			want:     outcomes{"a": "excluded: personal"},
		}, {
			name:    "one whose time is no time any more drifted",
			held:    day(busy("a", "09:00", "10:00", originally("2026-10-05T07:00:00Z"))),
			events:  day(busy("a", "", "", originally("2026-10-05T07:00:00Z"))),
			want:    outcomes{"a": "drifted"},
			actions: []string{"drift a"},
		}, {
			name:   "a duplicate that was archived stands for the one that is kept now",
			held:   day(busy("a", "09:00", "10:00", twin)),
			events: day(busy("a", "09:00", "10:00", twin), busy("b", "09:00", "10:00", twin, modified("2026-10-05T00:00:00Z"))),
			want:   outcomes{"a": "merged into b", "b": "unchanged"},
		}, {
			name:    "and drifts with it",
			held:    day(busy("a", "09:00", "10:00", twin)),
			events:  day(busy("a", "09:00", "10:00", twin), busy("b", "09:00", "10:00", twin, modified("2026-10-05T00:00:00Z"), tellingMore)),
			want:    outcomes{"a": "merged into b", "b": "drifted"},
			actions: []string{"drift b"},
		}, {
			name:    "of two archived ones that are duplicates now the merged one is asked about",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events:  day(busy("a", "09:00", "10:00", twin, originally("2026-10-05T07:00:00Z")), busy("b", "09:00", "10:00", twin, originally("2026-10-05T09:00:00Z"))),
			want:    outcomes{"a": "drifted", "b": "merged into a"},
			actions: []string{"drift a", "drift a b"},
		}, {
			name:    "one that is a modification now is asked about",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "10:00", "10:30")),
			events:  day(busy("a", "09:00", "10:00"), busy("b", "10:00", "10:30", subject("Extended"))),
			want:    outcomes{"a": "drifted", "b": "absorbed into a"},
			actions: []string{"drift a", "drift a b"},
		}, {
			name:    "a modification that comes later changes what is archived, and is asked about",
			held:    day(busy("a", "09:00", "10:00")),
			events:  day(busy("a", "09:00", "10:00"), extendedAt("m", "10:00", "10:30")),
			want:    outcomes{"a": "drifted", "m": "absorbed into a"},
			actions: []string{"drift a"},
		}, {
			name:   "a series master never stands for an instance of its series",
			held:   day(busy("i", "09:00", "10:00", originally("2026-10-05T07:00:00Z"), uid("u"))),
			events: day(busy("a", "09:00", "10:00", typed(calendar.Master), uid("u")), busy("i", "09:00", "10:00", originally("2026-10-05T07:00:00Z"), uid("u"))),
			want:   outcomes{"a": "excluded: series_master", "i": "unchanged"},
		}, {
			name:    "not even when that is gone",
			held:    day(busy("i", "09:00", "10:00", originally("2026-10-05T07:00:00Z"), uid("u"))),
			events:  day(busy("a", "09:00", "10:00", typed(calendar.Master), uid("u"))),
			want:    outcomes{"a": "excluded: series_master", "i": "vanished"},
			actions: []string{"drift i"},
		}, {
			name:     "one that is left out never stands for one that is not",
			settings: timesheet,
			held:     day(busy("b", "10:00", "11:00", billed, uid("u"), originally("2026-10-05T07:00:00Z"))),
			events: day(
				busy("a", "09:00", "10:00", billed, cancelled, uid("u"), originally("2026-10-05T07:00:00Z")),
				busy("b", "10:00", "11:00", billed, uid("u"), originally("2026-10-05T07:00:00Z")),
			),
			want: outcomes{"a": "excluded: cancelled", "b": "unchanged"},
		}, {
			name: "nor does a duplicate stand for one whose key it carries",
			held: day(busy("b", "11:00", "12:00", uid("u"), originally("2026-10-05T07:00:00Z"))),
			events: day(
				busy("a", "09:00", "10:00", uid("u"), originally("2026-10-05T07:00:00Z"), twin), busy("c", "09:00", "10:00", twin, organized),
				busy("b", "11:00", "12:00", uid("u"), originally("2026-10-05T07:00:00Z")),
			),
			want: outcomes{"a": "merged into c", "c": "archived", "b": "unchanged"},
		}, {
			name:    "nor does one of another day that has its iCalUId",
			held:    day(busy("b", "10:00", "11:00", uid("u"))),
			events:  day(busy("a", "2026-10-04T10:00:00", "11:00", uid("u")), busy("b", "12:00", "13:00", uid("u"))),
			want:    outcomes{"a": "excluded: outside_window", "b": "drifted"},
			actions: []string{"drift b"},
		}, {
			name:     "two instances with one key are told apart by their ids",
			settings: keeping,
			held: day(
				busy("a", "09:00", "10:00", uid("u"), originally("2026-10-05T07:00:00Z")), busy("b", "11:00", "12:00", uid("u"), originally("2026-10-05T07:00:00Z")),
			),
			events: day(
				busy("a", "09:00", "10:00", uid("u"), originally("2026-10-05T07:00:00Z")), busy("b", "11:00", "12:00", uid("u"), originally("2026-10-05T07:00:00Z")),
			),
			want: outcomes{"a": "unchanged", "b": "unchanged"},
		},
	}.run(t)
}

func tellingMore(e *calendar.Event) { e.Location = "Room 7" }

func TestDriftIsAcceptedUnlessItCollides(t *testing.T) {
	for _, tt := range []struct {
		name         string
		held, events []calendar.Event
		accepted     []string // of the drifted ones; the others are asked about
		asked        []string
	}{
		{
			name:     "a new text",
			held:     day(busy("a", "09:00", "10:00")),
			events:   day(busy("a", "09:00", "10:00", tellingMore)),
			accepted: []string{"a"},
		}, {
			name:     "a free hour",
			held:     day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events:   day(busy("a", "10:00", "11:00"), busy("b", "11:00", "12:00")),
			accepted: []string{"a"},
		}, {
			name:     "one that overlaps what it was itself",
			held:     day(busy("a", "09:00", "10:00")),
			events:   day(busy("a", "09:30", "10:30")),
			accepted: []string{"a"},
		}, {
			name:   "an hour that is taken",
			held:   day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events: day(busy("a", "11:30", "12:30"), busy("b", "11:00", "12:00")),
			asked:  []string{"a"},
		}, {
			name:   "an hour that is taken by one that vanished",
			held:   day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events: day(busy("a", "11:30", "12:30")),
			asked:  []string{"a", "b"},
		}, {
			name:   "two that move to one hour",
			held:   day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events: day(busy("a", "14:00", "15:00"), busy("b", "14:30", "15:30")),
			asked:  []string{"a", "b"},
		}, {
			name:     "one that already shared its time and does not move",
			held:     day(busy("a", "09:00", "10:00"), tentative("b", "09:00", "10:00")),
			events:   day(busy("a", "09:00", "10:00", tellingMore), tentative("b", "09:00", "10:00")),
			accepted: []string{"a"},
		}, {
			name:     "free beside free",
			held:     day(free("a", "09:00", "10:00"), free("b", "11:00", "12:00")),
			events:   day(free("a", "11:00", "12:00"), free("b", "11:00", "12:00")),
			accepted: []string{"a"},
		}, {
			name:     "one that is cancelled takes no time",
			held:     day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")),
			events:   day(busy("a", "11:00", "12:00", cancelled), busy("b", "11:00", "12:00")),
			accepted: []string{"a"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := heldAfter(t, newPlan(tt.held, monday, keeping, nil))
			plan := newPlan(tt.events, monday, accepting, held)
			var accepted, asked []string
			for _, it := range plan.Items {
				if it.Accept {
					accepted = append(accepted, it.EventID)
				}
			}
			for _, a := range plan.Actions {
				asked = append(asked, a.EventIDs...)
			}
			if !slices.Equal(accepted, tt.accepted) || !slices.Equal(asked, tt.asked) {
				t.Errorf("accepted %q and asked about %q, want %q and %q", accepted, asked, tt.accepted, tt.asked)
			}
		})
	}
}

func TestDifferenceOfMovedSingleEvents(t *testing.T) {
	held := heldAfter(t, newPlan(day(busy("a", "09:00", "10:00")), monday, settings, nil))
	moved := day(busy("a", "2026-10-06T09:00:00", "2026-10-06T10:00:00"))
	tuesday := calendar.Window{From: date("2026-10-06"), To: date("2026-10-06"), Zone: berlin}

	t.Run("a ledger that knows it for a single event finds it from another day", func(t *testing.T) {
		single := slices.Clone(held)
		single[0].Lineage = "uid-a"
		it := itemOf(t, newPlan(moved, tuesday, settings, single), "a")
		if it.Outcome != Drifted || it.Key != "uid-a@2026-10-05T07:00:00Z" || it.Held == nil || hours(&it.Held.Appointment) != "09:00-10:00" {
			t.Errorf("%+v", it)
		}
	})
	t.Run("one that may be of a series does not pass for it", func(t *testing.T) {
		if it := itemOf(t, newPlan(moved, tuesday, settings, held), "a"); it.Outcome != Archived || it.Key != "uid-a@2026-10-06T07:00:00Z" {
			t.Errorf("%+v", it)
		}
	})
	t.Run("what the ledger holds of other days does not vanish", func(t *testing.T) {
		plan := newPlan(nil, tuesday, settings, held)
		if len(plan.Items) != 0 || len(plan.Actions) != 0 {
			t.Errorf("%v %v", plan.Items, plan.Actions)
		}
	})
}

func TestDriftShowsBothVersions(t *testing.T) {
	held := heldAfter(t, newPlan(day(busy("a", "09:00", "10:00")), monday, settings, nil))
	plan := newPlan(day(busy("a", "09:00", "10:30", subject("longer"))), monday, settings, held)
	text := asJSON(t, plan)
	for _, want := range []string{`"outcome":"drifted"`, `"appointment":{"subject":"longer"`, `"held":{"subject":"a"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

func TestDriftSaysWhy(t *testing.T) {
	plan := func(s Settings, before, now []calendar.Event) Plan {
		return newPlan(now, monday, s, heldAfter(t, newPlan(before, monday, keeping, nil)))
	}
	a, b := busy("a", "09:00", "10:00", billed), busy("b", "11:00", "12:00", billed)
	merging := plan(settings, day(b, busy("c", "11:00", "12:00", uid("c"))), day(b, busy("c", "11:00", "12:00", uid("c"), subject("b"))))
	for want, p := range map[string]Plan{
		"changed after it was archived":                                plan(settings, day(a), day(busy("a", "09:00", "10:30", billed))),
		"changed after it was archived; now cancelled":                 plan(timesheet, day(a), day(busy("a", "09:00", "10:00", billed, cancelled))),
		"changed after it was archived; now outside_window":            plan(settings, day(a), day(busy("a", "2026-10-07T09:00:00", "2026-10-07T10:00:00"))),
		"changed after it was archived, and would collide with others": plan(accepting, day(a, b), day(busy("a", "11:00", "12:00", billed), b)),
		"archived, and no longer in the source":                        plan(settings, day(a), nil),
		"archived, and now merged into another":                        merging,
	} {
		if len(p.Actions) != 1 || p.Actions[0].Kind != ActionDrift || p.Actions[0].Detail != want {
			t.Errorf("got %v, want %q", p.Actions, want)
		}
	}
}

func TestCutKey(t *testing.T) {
	for key, want := range map[string]string{
		"u@2026-10-05T07:00:00Z": "u", "a@b@2026-10-05T07:00:00.5Z": "a@b", "u": "", "u@": "", "u@2026-10-05T07:00:00Z#id": "", "": "",
	} {
		if uid, ok := uidOf(key); uid != want || ok != (want != "") {
			t.Errorf("%q is of %q, %t", key, uid, ok)
		}
	}
}
