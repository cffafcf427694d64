package archive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

func TestWhatIsMissing(t *testing.T) {
	hourly := func(n int) (events []calendar.Event) {
		for i := range n {
			events = append(events, busy(fmt.Sprintf("e%02d", i), fmt.Sprintf("%02d:00", i+2), fmt.Sprintf("%02d:30", i+2)))
		}
		return events
	}
	for _, tt := range []struct {
		name    string
		held    int
		missing []int
		want    []string // kinds of actions
	}{
		{"one is asked about, be it the oldest", 5, []int{0}, []string{ActionDrift}},
		{"two among others are asked about each", 5, []int{0, 2}, []string{ActionDrift, ActionDrift}},
		{"two that are older than all others have been moved away", 5, []int{0, 1}, []string{ActionRetention}},
		{"nine among others are asked about each", 20, []int{0, 2, 3, 4, 5, 6, 7, 8, 9}, slices.Repeat([]string{ActionDrift}, 9)},
		{"ten at once have been moved away", 20, []int{0, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []string{ActionRetention}},
		{"two that are all there was are asked about each", 2, []int{0, 1}, []string{ActionDrift, ActionDrift}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := heldAfter(t, planOf(hourly(tt.held)))
			var left []calendar.Event
			for i, e := range hourly(tt.held) {
				if !slices.Contains(tt.missing, i) {
					left = append(left, e)
				}
			}
			plan := newPlan(left, monday, settings, held)
			var kinds []string
			about := 0
			for _, a := range plan.Actions {
				kinds, about = append(kinds, a.Kind), about+len(a.Seen)
			}
			if !slices.Equal(kinds, tt.want) || about != len(tt.missing) || plan.Counts.Vanished != len(tt.missing) {
				t.Errorf("%q about %d, %v", kinds, about, plan.Counts)
			}
			if kinds[0] == ActionRetention && (!strings.Contains(plan.Actions[0].Detail, "up to 2026-10-05") ||
				!strings.HasPrefix(plan.Actions[0].Detail, fmt.Sprint(len(tt.missing)))) {
				t.Error(plan.Actions[0].Detail)
			}
		})
	}
}

func TestWhatIsThereAndNotShownHasNotVanished(t *testing.T) {
	held := heldAfter(t, planOf(day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00"))))
	in := Input{Window: monday, Settings: settings, Standing: held}
	vanished := func() (ids []string) {
		plan := NewPlan(in)
		for _, it := range plan.Items {
			ids = append(ids, it.EventID)
		}
		if len(plan.Actions) != len(ids) || plan.Counts.Vanished != len(ids) {
			t.Errorf("%+v", plan)
		}
		return ids
	}
	in.Hidden = map[string]bool{"a": true}
	if got := vanished(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("hidden: %q", got)
	}
	eleven := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	in.Hidden, in.Unread = nil, &calendar.Unread{Spans: []calendar.Span{{From: eleven, To: eleven.Add(time.Hour)}}}
	if got := vanished(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("unread: %q", got)
	}
}

func TestOurMarkOnAnEventOfTheUsers(t *testing.T) {
	e := busy("copy", "09:00", "10:00", func(e *calendar.Event) { e.Mark = "work/uid@2026-10-05T07:00:00Z/1" })
	for _, tt := range []struct {
		name   string
		copies map[string]bool
		want   Outcome
	}{
		{"is a copy of ours if the copies are not known", nil, Excluded},
		{"is a copy of ours if it has the id of one", map[string]bool{"copy": true}, Excluded},
		{"is the user's copy if it has another id", map[string]bool{"other": true}, Archived},
		{"is the user's copy if there are no copies", map[string]bool{}, Archived},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := NewPlan(Input{Events: day(e), Window: monday, Settings: settings, Copies: tt.copies})
			if it := plan.Items[0]; it.Outcome != tt.want || it.Outcome == Excluded && it.Reason != ReasonOwnCopy {
				t.Errorf("%s %s", it.Outcome, it.Reason)
			}
		})
	}
}

func TestACopyOfOursIsNotTheSourceThatIsMissing(t *testing.T) {
	held := heldAfter(t, planOf(day(busy("a", "09:00", "10:00"))))
	copied := busy("copy", "09:00", "10:00", subject("a"), func(e *calendar.Event) { e.Mark = "work/uid@2026-10-05T07:00:00Z/1" })
	plan := NewPlan(Input{Events: day(copied), Window: monday, Settings: settings, Standing: held, Copies: map[string]bool{"copy": true}})
	if plan.Counts.Vanished != 1 || plan.Counts.Excluded != 1 {
		t.Errorf("%v", plan.Counts)
	}
}

func TestEventsUnderOtherKeys(t *testing.T) {
	a, b := busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00")
	rekeyed := func(e calendar.Event, changes ...with) calendar.Event {
		e.ICalUID = "other-" + e.ICalUID
		for _, change := range changes {
			change(&e)
		}
		return e
	}
	id := func(id string) with { return func(e *calendar.Event) { e.ID = id } }
	for _, tt := range []struct {
		name   string
		events []calendar.Event
		want   map[string]Outcome
	}{
		{"are known by their ids", day(rekeyed(a), rekeyed(b)), map[string]Outcome{"a": Unchanged, "b": Unchanged}},
		{"are known by their ids when they moved", day(rekeyed(a, func(e *calendar.Event) { e.Start, e.End = clock("14:00"), clock("15:00") }), b),
			map[string]Outcome{"a": Drifted, "b": Unchanged}},
		{"are known by time and subject", day(rekeyed(a, id("x")), rekeyed(b, id("y"))), map[string]Outcome{"x": Unchanged, "y": Unchanged}},
		{"are known by their ids before that", day(rekeyed(a, id("b"), subject("b")), rekeyed(b, id("a"), subject("a"))),
			map[string]Outcome{"a": Drifted, "b": Drifted}},
		{"are others at another time", day(rekeyed(a, id("x"), func(e *calendar.Event) { e.End = clock("10:30") }), b),
			map[string]Outcome{"x": Archived, "a": Vanished, "b": Unchanged}},
		{"are others with another subject", day(rekeyed(a, id("x"), subject("another")), b), map[string]Outcome{"x": Archived, "a": Vanished, "b": Unchanged}},
		{"are the same with a subject in another case", day(rekeyed(a, id("x"), subject(" A ")), b), map[string]Outcome{"x": Drifted, "b": Unchanged}},
		{"are two if there are two", day(a, rekeyed(a, id("x"), subject("a"), high), b), map[string]Outcome{"a": Unchanged, "x": Merged, "b": Unchanged}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := heldAfter(t, newPlan(day(a, b), monday, keeping, nil))
			got := map[string]Outcome{}
			for _, it := range newPlan(tt.events, monday, keeping, held).Items {
				got[it.EventID] = it.Outcome
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAnotherUIDIsNotedWhereTheEventIsKnownByItsTimeAlone(t *testing.T) {
	a := busy("a", "09:00", "10:00")
	held := heldAfter(t, newPlan(day(a), monday, keeping, nil))
	for name, test := range map[string]struct {
		uid, id string
		noted   bool
	}{"another UID": {"other", "x", true}, "another UID under the same id": {"other", "a", false}, "the same UID": {a.ICalUID, "x", false}} {
		e := a
		e.ID, e.ICalUID = test.id, test.uid
		it := itemOf(t, newPlan(day(e), monday, keeping, held), test.id)
		if noted := len(it.Issues) == 1; it.Outcome != Unchanged || noted != test.noted {
			t.Errorf("%s: %s %q", name, it.Outcome, it.Issues)
		}
	}
}
