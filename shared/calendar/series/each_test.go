package series

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// each collects what Each hands over, in the order of Expand.
func each(t interface{ Fatal(...any) }, x *Expander, m calendar.Event, replaced ...time.Time) (events []calendar.Event) {
	if err := x.Each(m, replaced, func(e calendar.Event) error {
		events = append(events, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(events, func(a, b calendar.Event) int { return a.OriginalStart.Compare(b.OriginalStart) })
	return events
}

func ids(events []calendar.Event) (list []string) {
	for i := range events {
		list = append(list, events[i].ID)
	}
	return list
}

func TestEachHandsOverWhatExpandReturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := master("2026-10-20T00:30:00", "2026-10-20T01:00:00", berlin, randomRule(t))
		if rapid.Bool().Draw(t, "two rules") {
			m.Recurrence.Rules = append(m.Recurrence.Rules, randomRule(t))
		}
		m.Recurrence.Dates = at(berlin, "2026-10-25T02:30:00", "2026-10-20T00:30:00")
		from := time.Date(2026, 10, rapid.IntRange(1, 31).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 0, rapid.IntRange(1, 20).Draw(t, "days"))
		all, err := Expand(m, nil, from, to, calendar.LoadZone)
		if err != nil {
			t.Skip(err)
		}
		if got := each(t, NewExpander(from, to, calendar.LoadZone), m); !slices.Equal(ids(got), ids(all)) {
			t.Fatalf("Each: %v\nExpand: %v", ids(got), ids(all))
		}
		if err := NewExpander(from, to, calendar.LoadZone).Check(m, nil); err != nil {
			t.Fatal(err)
		}
		since := from.Add(time.Duration(rapid.IntRange(-50, 500).Draw(t, "since")) * time.Hour)
		until := since.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "until")) * time.Hour)
		x := NewExpander(from, to, calendar.LoadZone)
		x.Narrow(since, until)
		var want []string
		for i := range all {
			if at := all[i].OriginalStart; !at.Before(since) && !at.After(until) {
				want = append(want, all[i].ID)
			}
		}
		if got := ids(each(t, x, m)); !slices.Equal(got, want) {
			t.Fatalf("from %s to %s: %v\nwant %v", since, until, got, want)
		}
	})
}

func TestEachLeavesOutWhatExceptionsReplace(t *testing.T) {
	m := master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY;COUNT=3")
	x := NewExpander(instant(t, "2026-10-01"), instant(t, "2026-11-01"), calendar.LoadZone)
	got := each(t, x, m, instant(t, "2026-10-06T07:00:00Z"))
	if want := []string{"m@20261005T070000Z", "m@20261007T070000Z"}; !slices.Equal(ids(got), want) {
		t.Errorf("got %v", ids(got))
	}
}

func TestAnErrorOfWhoTakesTheInstancesStopsEach(t *testing.T) {
	enough, n := errors.New("enough"), 0
	m := master("2026-10-05T09:00:00", "2026-10-05T10:00:00", berlin, "FREQ=DAILY")
	err := NewExpander(instant(t, "2026-10-01"), instant(t, "2026-11-01"), calendar.LoadZone).Each(m, nil, func(calendar.Event) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if err != enough || n != 3 {
		t.Error(err, n)
	}
}

// A page of a series costs what the page has, not what comes after it.
func TestNarrowEndsTheWalkThroughASeries(t *testing.T) {
	m := master("2020-01-01T00:00:00", "2020-01-01T00:01:00", berlin, "FREQ=MINUTELY", "FREQ=MINUTELY;INTERVAL=7")
	from := instant(t, "2026-01-01")
	x := NewExpander(from, from.AddDate(10, 0, 0), calendar.LoadZone)
	n := 0
	err := x.Each(m, nil, func(e calendar.Event) error {
		if n++; n == 10 {
			x.Narrow(from, e.OriginalStart)
		}
		return nil
	})
	if days := x.work.days; err != nil || n < 10 || days > 100_000 {
		t.Errorf("%d instances, walked %d days' worth: %v", n, days, err)
	}
}

// TestEachHoldsNoInstance walks through more instances than would fit, and looks at what is held when all but the last were handed over.
func TestEachHoldsNoInstance(t *testing.T) {
	m := master("2016-01-01T00:00:00", "2016-01-01T00:01:00", berlin, "FREQ=MINUTELY;INTERVAL=3")
	m.Attendees = make([]calendar.Attendee, 50)
	from := instant(t, "2026-01-01")
	held := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before, n, most := held(), 0, int64(0)
	err := NewExpander(from, from.AddDate(2, 0, 0), calendar.LoadZone).Each(m, nil, func(calendar.Event) error {
		if n++; n%100_000 == 0 {
			most = max(most, held()-before)
		}
		return nil
	})
	if err != nil || n < MaxInstances || most > 20<<20 {
		t.Errorf("%d instances, %d bytes held: %v", n, most, err)
	}
}

func TestCheckRefusesWhatExpandRefuses(t *testing.T) {
	from := instant(t, "2026-10-05")
	for _, rule := range []string{"FREQ=SECONDLY", "FREQ=FORTNIGHTLY"} {
		m := master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", rule)
		_, want := Expand(m, nil, from, from.AddDate(0, 0, 4), calendar.LoadZone)
		got := NewExpander(from, from.AddDate(0, 0, 4), calendar.LoadZone).Check(m, nil)
		if fault.Of(got) != fault.Invalid || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
	m := master("2026-10-05T09:00:00", "2026-10-05T10:00:00", "UTC", "FREQ=DAILY;COUNT=2")
	bad := calendar.Event{ID: "x", Type: calendar.Exception, Start: calendar.DateTime{Local: "soon"}}
	if err := NewExpander(from, from.AddDate(0, 0, 4), calendar.LoadZone).Check(m, []calendar.Event{bad}); fault.Of(err) != fault.Invalid {
		t.Error(err)
	}
}
