package archive

import (
	"fmt"
	"slices"
	"testing"

	"adminassistant/shared/calendar"
)

func TestRank(t *testing.T) {
	for _, same := range []calendar.ShowAs{calendar.Busy, calendar.OutOfOffice, calendar.WorkingElsewhere, calendar.Unknown} {
		if rankOf(&calendar.Appointment{ShowAs: same}) != rankOf(&calendar.Appointment{ShowAs: calendar.Busy}) {
			t.Errorf("%s does not rank like busy", same)
		}
	}
	last := ranks
	for _, as := range []calendar.ShowAs{calendar.Busy, calendar.Tentative} {
		for _, importance := range []calendar.Importance{calendar.High, calendar.NormalImportance, calendar.Low} {
			r := rankOf(&calendar.Appointment{ShowAs: as, Importance: importance})
			if r >= last || r <= rankFree {
				t.Errorf("%s %s ranks %d, after %d", as, importance, r, last)
			}
			last = r
		}
	}
	for _, importance := range []calendar.Importance{calendar.High, calendar.NormalImportance, calendar.Low} {
		if rankOf(&calendar.Appointment{ShowAs: calendar.Free, Importance: importance}) != rankFree {
			t.Errorf("importance %s lifts a free one", importance)
		}
	}
}

func TestOverlapsByRank(t *testing.T) {
	testOutcomes{
		{
			name:   "touching is not sharing",
			events: day(busy("a", "09:00", "10:00"), busy("b", "10:00", "11:00")),
			want:   outcomes{"a": "archived", "b": "archived"},
		}, {
			name:    "equal rank is the user's to decide",
			events:  day(busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30")),
			want:    outcomes{"a": "conflicted", "b": "conflicted"},
			actions: []string{"overlap a b"},
		}, {
			name:   "busy before tentative, whatever the importance",
			events: day(busy("a", "09:00", "10:00", low), tentative("b", "09:00", "10:00", high)),
			want:   outcomes{"a": "archived", "b": "superseded by a"},
		}, {
			name:   "tentative before free, whatever the importance",
			events: day(tentative("a", "09:00", "10:00", low), free("b", "09:00", "10:00", high)),
			want:   outcomes{"a": "archived", "b": "superseded by a"},
		}, {
			name:   "importance decides among busy ones",
			events: day(busy("a", "09:00", "10:00", high), busy("b", "09:59", "11:00"), busy("c", "11:00", "12:00", low), busy("d", "11:59", "13:00")),
			want:   outcomes{"a": "archived", "b": "superseded by a", "c": "superseded by d", "d": "archived"},
		}, {
			name:   "free ones are both kept",
			events: day(free("a", "09:00", "10:00", high), free("b", "09:00", "10:00")),
			want:   outcomes{"a": "archived", "b": "archived"},
		}, {
			name: "superseded by the highest, then the earliest, then the smallest id",
			events: day(
				tentative("t", "09:00", "12:00"), busy("a", "09:00", "09:10"), busy("b", "10:00", "10:10", high),
				tentative("u", "13:00", "15:00"), busy("d", "14:00", "14:10"), busy("c", "13:30", "13:40"),
			),
			want: outcomes{"a": "archived", "b": "archived", "t": "superseded by b", "c": "archived", "d": "archived", "u": "superseded by c"},
		}, {
			name:   "one that is superseded drops nothing itself",
			events: day(busy("a", "09:00", "10:00", high), busy("b", "09:30", "11:00"), tentative("c", "10:30", "11:30")),
			want:   outcomes{"a": "archived", "b": "superseded by a", "c": "archived"},
		}, {
			name: "one that waits drops nothing; what collides with it waits, too",
			events: day(
				busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), tentative("c", "10:15", "11:00"), free("d", "10:45", "12:00"),
				free("e", "11:30", "12:00"),
			),
			want:    outcomes{"a": "conflicted", "b": "conflicted", "c": "conflicted", "d": "conflicted", "e": "archived"},
			actions: []string{"overlap a b c d"},
		}, {
			name: "waiting goes on within a rank until nothing changes",
			events: day(
				busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), tentative("c", "10:15", "11:00"), tentative("d", "10:45", "12:00"),
				tentative("e", "11:45", "13:00"),
			),
			want:    outcomes{"a": "conflicted", "b": "conflicted", "c": "conflicted", "d": "conflicted", "e": "conflicted"},
			actions: []string{"overlap a b c d e"},
		}, {
			name:    "a free one that waits does not make other free ones wait",
			events:  day(busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), free("c", "10:15", "12:00"), free("d", "11:00", "12:00")),
			want:    outcomes{"a": "conflicted", "b": "conflicted", "c": "conflicted", "d": "archived"},
			actions: []string{"overlap a b c"},
		}, {
			name:    "one that is superseded does not make its equals wait",
			events:  day(busy("a", "09:00", "10:00", high), busy("b", "09:30", "11:00"), busy("c", "10:30", "11:30")),
			want:    outcomes{"a": "archived", "b": "superseded by a", "c": "archived"},
			actions: []string{},
		}, {
			name:   "superseded rather than waiting, when both could be",
			events: day(busy("x", "08:00", "09:00", high), busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), tentative("c", "08:30", "09:15")),
			want:   outcomes{"x": "archived", "a": "conflicted", "b": "conflicted", "c": "superseded by x"}, actions: []string{"overlap a b"},
		}, {
			name:   "a long meeting collides with every short one inside it",
			events: day(busy("a", "09:00", "17:00"), tentative("b", "09:10", "09:20"), tentative("c", "12:00", "12:10"), tentative("d", "16:50", "17:10")),
			want:   outcomes{"a": "archived", "b": "superseded by a", "c": "superseded by a", "d": "superseded by a"},
		}, {
			name:    "one action for each component of conflicted ones",
			events:  day(busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), busy("c", "10:30", "11:30"), busy("d", "11:00", "12:00")),
			want:    outcomes{"a": "conflicted", "b": "conflicted", "c": "conflicted", "d": "conflicted"},
			actions: []string{"overlap a b", "overlap c d"},
		}, {
			name:    "an instant inside another collides",
			events:  day(busy("a", "09:00", "10:00"), busy("b", "09:30", "09:30")),
			want:    outcomes{"a": "conflicted", "b": "conflicted"},
			actions: []string{"overlap a b"},
		}, {
			name:   "an instant at either end does not, nor do two of them",
			events: day(busy("a", "09:00", "10:00"), busy("b", "09:00", "09:00"), busy("c", "10:00", "10:00"), busy("d", "10:00", "10:00")),
			want:   outcomes{"a": "archived", "b": "archived", "c": "archived", "d": "archived"},
		}, {
			name:   "cancelled and declined ones collide with nothing",
			events: day(busy("a", "09:00", "10:00"), busy("b", "09:00", "10:00", cancelled), busy("c", "09:00", "10:00", declined)),
			want:   outcomes{"a": "archived", "b": "archived", "c": "archived"},
		}, {
			name:   "all-day ones collide with nothing",
			events: day(busy("a", "09:00", "10:00"), wholeDays("b", "2026-10-05", "2026-10-06", high), wholeDays("c", "2026-10-05", "2026-10-06", high)),
			want:   outcomes{"a": "archived", "b": "archived", "c": "archived"},
		}, {
			name:     "unless the config says so",
			settings: wholeDay,
			events:   day(busy("a", "09:00", "10:00"), wholeDays("b", "2026-10-05", "2026-10-06", high)),
			want:     outcomes{"a": "superseded by b", "b": "archived"},
		},
	}.run(t)
}

func TestOverlapsAreAskedAbout(t *testing.T) {
	testOutcomes{
		{
			name:     "each group of two or more",
			settings: asking,
			events:   day(busy("a", "09:00", "10:00", high), tentative("b", "09:30", "10:30"), busy("c", "10:30", "11:00")),
			want:     outcomes{"a": "conflicted", "b": "conflicted", "c": "archived"},
			actions:  []string{"overlap a b"},
		}, {
			name:     "the group goes as far as its furthest end",
			settings: asking,
			events:   day(busy("a", "09:00", "12:00"), busy("b", "09:10", "09:20"), busy("c", "11:00", "11:10"), busy("d", "12:00", "12:10")),
			want:     outcomes{"a": "conflicted", "b": "conflicted", "c": "conflicted", "d": "archived"},
			actions:  []string{"overlap a b c"},
		}, {
			name:     "free ones are archived and connect nothing",
			settings: asking,
			events:   day(busy("a", "09:00", "10:00"), free("b", "09:30", "10:30"), busy("c", "10:00", "11:00")),
			want:     outcomes{"a": "archived", "b": "archived", "c": "archived"},
		}, {
			name:     "what is archived already is not asked about again, but what collides with it is",
			settings: asking,
			held:     day(busy("a", "09:00", "10:00")),
			events:   day(busy("a", "09:00", "10:00"), busy("b", "09:30", "10:30"), free("c", "09:30", "10:30"), busy("d", "10:30", "11:00")),
			want:     outcomes{"a": "unchanged", "b": "conflicted", "c": "archived", "d": "archived"},
			actions:  []string{"overlap a b"},
		}, {
			name:     "a free one that is archived already claims no time",
			settings: asking,
			held:     day(free("a", "09:00", "10:00")),
			events:   day(free("a", "09:00", "10:00"), busy("b", "09:30", "10:30")),
			want:     outcomes{"a": "unchanged", "b": "archived"},
		},
	}.run(t)
}

func TestOverlapsAreKept(t *testing.T) {
	testOutcomes{
		{
			name:     "all are archived and nobody is asked",
			settings: keeping,
			held:     day(busy("h", "09:00", "10:00")),
			events:   day(busy("h", "09:00", "10:00"), busy("a", "09:00", "10:00"), tentative("b", "09:30", "10:30"), free("c", "09:30", "10:30")),
			want:     outcomes{"h": "unchanged", "a": "archived", "b": "archived", "c": "archived"},
		},
	}.run(t)
}

func TestOverlapsWithWhatIsHeld(t *testing.T) {
	testOutcomes{
		{
			name:   "of higher rank: superseded by it",
			held:   day(busy("h", "09:00", "10:00")),
			events: day(busy("h", "09:00", "10:00"), tentative("a", "09:30", "10:30")),
			want:   outcomes{"h": "unchanged", "a": "superseded by h"},
		}, {
			name:    "of equal rank: conflicted, alone",
			held:    day(busy("h", "09:00", "10:00")),
			events:  day(busy("h", "09:00", "10:00"), busy("a", "09:30", "10:30"), busy("b", "10:30", "11:00")),
			want:    outcomes{"h": "unchanged", "a": "conflicted", "b": "archived"},
			actions: []string{"overlap a h"},
		}, {
			name:    "of lower rank: conflicted, because what is archived stands",
			held:    day(tentative("h", "09:00", "10:00")),
			events:  day(tentative("h", "09:00", "10:00"), busy("a", "09:30", "10:30", high)),
			want:    outcomes{"h": "unchanged", "a": "conflicted"},
			actions: []string{"overlap a h"},
		}, {
			name:   "touching it is not sharing",
			held:   day(busy("h", "09:00", "10:00")),
			events: day(busy("h", "09:00", "10:00"), busy("a", "10:00", "10:30"), busy("b", "08:00", "09:00")),
			want:   outcomes{"h": "unchanged", "a": "archived", "b": "archived"},
		}, {
			name:   "free beside free",
			held:   day(free("h", "09:00", "10:00")),
			events: day(free("h", "09:00", "10:00"), free("a", "09:30", "10:30")),
			want:   outcomes{"h": "unchanged", "a": "archived"},
		}, {
			name:    "a free one that is held stands before a busy newcomer",
			held:    day(free("h", "09:00", "10:00")),
			events:  day(free("h", "09:00", "10:00"), busy("a", "09:30", "10:30")),
			want:    outcomes{"h": "unchanged", "a": "conflicted"},
			actions: []string{"overlap a h"},
		}, {
			name:    "one that vanished still stands",
			held:    day(busy("h", "09:00", "10:00")),
			events:  day(busy("a", "09:30", "10:30"), tentative("b", "09:00", "09:30")),
			want:    outcomes{"h": "vanished", "a": "conflicted", "b": "superseded by h"},
			actions: []string{"drift h", "overlap a h"},
		}, {
			name:    "one that drifted stands where it was archived",
			held:    day(busy("h", "09:00", "10:00")),
			events:  day(busy("h", "11:00", "12:00"), tentative("a", "09:30", "10:00"), tentative("b", "11:00", "12:00")),
			want:    outcomes{"h": "drifted", "a": "superseded by h", "b": "archived"},
			actions: []string{"drift h"},
		}, {
			name:     "one that drifted and is accepted stands where it is now",
			settings: accepting,
			held:     day(busy("h", "09:00", "10:00")),
			events:   day(busy("h", "11:00", "12:00"), tentative("a", "09:30", "10:00"), tentative("b", "11:00", "12:00")),
			want:     outcomes{"h": "drifted", "a": "archived", "b": "superseded by h"},
		}, {
			name:   "one that was cancelled when it was archived does not stand",
			held:   day(busy("h", "09:00", "10:00", cancelled)),
			events: day(busy("h", "09:00", "10:00", cancelled), busy("a", "09:00", "10:00")),
			want:   outcomes{"h": "unchanged", "a": "archived"},
		}, {
			name:   "an all-day one does not stand",
			held:   day(wholeDays("h", "2026-10-05", "2026-10-06")),
			events: day(wholeDays("h", "2026-10-05", "2026-10-06"), busy("a", "09:00", "10:00")),
			want:   outcomes{"h": "unchanged", "a": "archived"},
		}, {
			name:     "unless the config says so",
			settings: wholeDay,
			held:     day(wholeDays("h", "2026-10-05", "2026-10-06")),
			events:   day(wholeDays("h", "2026-10-05", "2026-10-06"), tentative("a", "09:00", "10:00")),
			want:     outcomes{"h": "unchanged", "a": "superseded by h"},
		}, {
			name:    "it stands before a newcomer of higher rank that would win over others",
			held:    day(tentative("h", "09:00", "10:00")),
			events:  day(tentative("h", "09:00", "10:00"), busy("a", "09:30", "10:30"), tentative("b", "10:15", "11:00")),
			want:    outcomes{"h": "unchanged", "a": "conflicted", "b": "conflicted"},
			actions: []string{"overlap a b h"},
		}, {
			name:   "of a held and a new winner of one rank the earlier is named",
			held:   day(busy("h", "10:00", "11:00")),
			events: day(busy("h", "10:00", "11:00"), busy("n", "09:00", "09:10"), tentative("a", "09:00", "12:00"), tentative("b", "10:30", "12:00")),
			want:   outcomes{"h": "unchanged", "n": "archived", "a": "superseded by n", "b": "superseded by h"},
		}, {
			name: "all that it collides with are named, and nothing else",
			held: day(tentative("h", "09:00", "09:30"), tentative("i", "09:30", "10:00"), tentative("j", "10:00", "11:00"), free("k", "09:00", "10:00")),
			events: day(
				tentative("h", "09:00", "09:30"), tentative("i", "09:30", "10:00"), tentative("j", "10:00", "11:00"), free("k", "09:00", "10:00"),
				busy("a", "09:00", "10:00"),
			),
			want:    outcomes{"h": "unchanged", "i": "unchanged", "j": "unchanged", "k": "unchanged", "a": "conflicted"},
			actions: []string{"overlap a h i k"},
		}, {
			name:    "a free one that is held is not named for the free one that waits beside it",
			held:    day(free("k", "10:15", "10:30")),
			events:  day(free("k", "10:15", "10:30"), busy("a", "09:00", "10:00"), busy("b", "09:00", "10:00"), free("c", "09:30", "11:00")),
			want:    outcomes{"k": "unchanged", "a": "conflicted", "b": "conflicted", "c": "conflicted"},
			actions: []string{"overlap a b c"},
		},
	}.run(t)
}

func TestOverlapsAreReported(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings Settings
		events   []calendar.Event
		want     []string
	}{
		{"nothing shares time", settings, day(busy("a", "09:00", "10:00"), busy("b", "10:00", "11:00")), []string{}},
		{"kept by policy", keeping, day(busy("a", "09:00", "10:00"), busy("b", "09:00", "11:00"), busy("c", "11:00", "12:00")), []string{"a b: kept"}},
		{"kept because free claims no time", settings, day(free("a", "09:00", "10:00"), free("b", "09:30", "11:00")), []string{"a b: kept"}},
		{"resolved by rank", settings, day(busy("a", "09:00", "10:00"), tentative("b", "09:30", "11:00")), []string{"a b: resolved"}},
		{"a conflict", settings, day(busy("a", "09:00", "10:00"), busy("b", "09:30", "11:00")), []string{"a b: conflict"}},
		{
			"a conflict beside one that is resolved",
			settings,
			day(busy("a", "09:00", "10:00"), busy("b", "09:30", "11:00"), tentative("d", "10:50", "12:00"), busy("c", "11:30", "12:30")),
			[]string{"a b d c: conflict"},
		},
		{
			"each group apart, by time, with the furthest end",
			settings,
			day(
				busy("c", "12:00", "13:00"), busy("a", "09:00", "12:00"), tentative("d", "12:30", "12:40"), tentative("b", "09:10", "09:20"),
				tentative("e", "11:00", "11:30"),
			),
			[]string{"a b e: resolved", "c d: resolved"},
		},
		{
			"cancelled, declined and all-day ones are no part of it",
			keeping,
			day(busy("a", "09:00", "10:00"), busy("b", "09:00", "10:00", cancelled), busy("c", "09:00", "10:00", declined), wholeDays("d", "2026-10-05", "2026-10-06")),
			[]string{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := groupsOf(newPlan(tt.events, monday, tt.settings, nil)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOverlapActionsSayWhy(t *testing.T) {
	two := day(busy("a", "09:00", "10:00"), busy("b", "09:30", "11:00"))
	held := heldAfter(t, newPlan(two[:1], monday, settings, nil))
	for want, plan := range map[string]Plan{
		"they share time, and none ranks higher":                          newPlan(two, monday, settings, nil),
		"they share time":                                                 newPlan(two, monday, asking, nil),
		"collides with what is archived already, and does not rank lower": newPlan(two, monday, settings, held),
	} {
		if len(plan.Actions) != 1 || plan.Actions[0].Detail != want {
			t.Errorf("got %v, want %q", plan.Actions, want)
		}
	}
}

func TestOverlapActionsNameSoManyHeldOnesAndNoMore(t *testing.T) {
	var held []Standing
	for i := range 3 * mostNamed {
		held = append(held, heldAfter(t, planOf(day(tentative(fmt.Sprintf("h%03d", i), "09:00", "10:00"))))...)
	}
	plan := newPlan(day(busy("a", "09:00", "10:00")), monday, settings, held)
	for _, a := range plan.Actions {
		if a.Kind == ActionOverlap && (len(a.EventIDs) != 1+mostNamed || a.EventIDs[0] != "a" || a.EventIDs[1] != "h000") {
			t.Errorf("named are %q", a.EventIDs)
		}
	}
	if got := plan.Counts.Conflicted; got != 1 {
		t.Errorf("%d conflicted", got)
	}
}
