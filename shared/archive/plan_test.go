package archive

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

// everyEventOnce checks that nothing is lost, doubled or invented: each event is in exactly one bucket, and the sums are those of the items.
func everyEventOnce(t fataler, p Plan, events []calendar.Event, held []Standing) {
	if !p.Balanced() || p.Counts.Fetched != len(events) {
		t.Fatalf("not balanced: %v of %d", p.Counts, len(events))
	}
	sources, counts := map[*calendar.Event]bool{}, Counts{Fetched: len(events)}
	for i := range p.Items {
		it := &p.Items[i]
		*counts.Of(it.Outcome)++
		if it.Outcome == Vanished || it.Outcome == Created {
			if it.Event != nil || it.Outcome == Vanished && it.Held == nil {
				t.Fatalf("%s, with a source: %+v", it.Outcome, it)
			}
			continue
		}
		if it.Event == nil || sources[it.Event] || it.Event.ID != it.EventID {
			t.Fatalf("no event of its own: %+v", it)
		}
		sources[it.Event] = true
		decided := it.Decision != ""
		if decided != (it.Reason == ReasonDecision) || (it.Reason != "") != (it.Outcome == Excluded || it.Outcome == Superseded || decided) {
			t.Fatalf("%s for %q", it.Outcome, it.Reason)
		}
		if (it.By != "") != (it.Outcome == Merged || it.Outcome == Absorbed || it.Outcome == Superseded) && !(it.Outcome == Superseded && decided) {
			t.Fatalf("%s by %q", it.Outcome, it.By)
		}
		if (it.Held != nil) != (it.Outcome == Unchanged || it.Outcome == Drifted) && !(it.Outcome == Superseded && decided) {
			t.Fatalf("%s holds %v", it.Outcome, it.Held)
		}
	}
	if counts != p.Counts {
		t.Fatalf("counted %v, the plan has %v", counts, p.Counts)
	}
	if len(sources) != len(events) || p.Counts.Vanished > len(held) {
		t.Fatalf("%d events became %d, of %d held ones %d vanished", len(events), len(sources), len(held), p.Counts.Vanished)
	}
}

func TestPlanPutsEveryEventIntoOneBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		p := s.plan()
		everyEventOnce(t, p, s.events, s.held)
		if !slices.IsSortedFunc(p.Items, func(a, b Item) int {
			return cmp.Or(a.Appointment.Start.Compare(b.Appointment.Start), strings.Compare(a.EventID, b.EventID))
		}) {
			t.Fatal("the items are out of order")
		}
		keys := map[string]bool{}
		for _, it := range p.Items {
			switch it.Outcome {
			case Archived, Unchanged, Drifted, Vanished:
				if it.Key == "" || keys[it.Key] {
					t.Fatalf("%q is the key of two", it.Key)
				}
				keys[it.Key] = true
			}
			if a := it.Appointment; it.Outcome == Archived && (a.Start.IsZero() || a.End.Before(a.Start)) {
				t.Fatalf("archived without a time: %+v", a)
			}
		}
		for _, h := range s.held {
			if i := slices.IndexFunc(p.Items, func(it Item) bool { return it.Key == h.Key && it.Outcome == Archived }); i >= 0 {
				t.Fatalf("%q is held already, and archived again", h.Key)
			}
		}
	})
}

func TestPlanDoesNotDependOnTheOrderOfItsInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		want := asJSON(t, s.plan())
		s.events = rapid.Permutation(s.events).Draw(t, "order of events")
		s.held = rapid.Permutation(s.held).Draw(t, "order of held")
		if got := asJSON(t, s.plan()); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func TestPlanLeavesItsInputAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		events, held := asJSON(t, s.events), asJSON(t, s.held)
		s.plan()
		if asJSON(t, s.events) != events || asJSON(t, s.held) != held {
			t.Fatal("the input was changed")
		}
	})
}

func TestPlanArchivesNothingThatCollides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		s.settings.Overlaps = one(t, "policy", []Policy{Resolve, Ask})
		p := &planner{Settings: s.settings}
		var newcomers, standing []*Item
		plan := s.plan()
		for i := range plan.Items {
			switch it := &plan.Items[i]; {
			case it.Outcome == Archived && p.contends(&it.Appointment):
				newcomers = append(newcomers, it)
				standing = append(standing, it)
			case it.Held != nil:
				held := &Item{EventID: it.EventID, Appointment: it.Held.Appointment}
				if it.Accept {
					held.Appointment = it.Appointment
				}
				if p.contends(&held.Appointment) {
					standing = append(standing, held)
				}
			}
		}
		for _, a := range newcomers {
			for _, b := range standing {
				bothFree := a.Appointment.ShowAs == calendar.Free && b.Appointment.ShowAs == calendar.Free
				oneFree := a.Appointment.ShowAs == calendar.Free || b.Appointment.ShowAs == calendar.Free
				if a != b && a.Appointment.Overlaps(&b.Appointment) && !bothFree && !(oneFree && s.settings.Overlaps == Ask) {
					t.Fatalf("%s is archived beside %s", a.EventID, b.EventID)
				}
			}
		}
	})
}

func TestPlanDropsNothingWithoutAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		plan := s.plan()
		actions := map[string][]int{} // of kind overlap, by event
		for i, a := range plan.Actions {
			if !slices.IsSorted(a.EventIDs) || len(slices.Compact(slices.Clone(a.EventIDs))) != len(a.EventIDs) {
				t.Fatalf("%v", a)
			}
			if a.Kind == ActionOverlap {
				// A hostile source may give the id of a held one to another event, too.
				if len(a.EventIDs) < 2 && !slices.ContainsFunc(s.held, func(h Standing) bool { return h.EventID == a.EventIDs[0] }) {
					t.Fatalf("a conflict of one: %v", a)
				}
				for _, id := range a.EventIDs {
					actions[id] = append(actions[id], i)
				}
			}
		}
		// Winners are identified by id, which a hostile source may use twice.
		byID := map[string][]*calendar.Appointment{}
		for i := range plan.Items {
			it := &plan.Items[i]
			switch {
			case it.Outcome == Archived:
				byID[it.EventID] = append(byID[it.EventID], &it.Appointment)
			case it.Held != nil:
				byID[it.Held.EventID] = append(byID[it.Held.EventID], &it.Held.Appointment, &it.Appointment)
			}
		}
		for i := range s.held {
			byID[s.held[i].EventID] = append(byID[s.held[i].EventID], &s.held[i].Appointment)
		}
		for i := range plan.Items {
			it := &plan.Items[i]
			switch it.Outcome {
			case Superseded:
				if !slices.ContainsFunc(byID[it.By], func(w *calendar.Appointment) bool {
					return w.Overlaps(&it.Appointment) && rankOf(w) > rankOf(&it.Appointment)
				}) {
					t.Fatalf("%s is superseded by %s, which does not collide with it and rank higher", it.EventID, it.By)
				}
			case Conflicted:
				// A hostile source may give its id to a held one, too, and actions of others may name that.
				alsoHeld := slices.ContainsFunc(s.held, func(h Standing) bool { return h.EventID == it.EventID })
				if n := len(actions[it.EventID]); n != 1 && !(alsoHeld && n > 1) {
					t.Fatalf("%s is conflicted, and in %d actions", it.EventID, len(actions[it.EventID]))
				}
			}
			if (it.Outcome == Superseded && s.settings.Overlaps != Resolve) || (it.Outcome == Conflicted && s.settings.Overlaps == Keep) {
				t.Fatalf("%s is %s under %s", it.EventID, it.Outcome, s.settings.Overlaps)
			}
		}
	})
}

func TestPlanIsStableAfterItWasCarriedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		s.held = nil
		first := s.plan()
		held := heldAfter(t, first)
		if len(held) != first.Counts.Archived {
			t.Fatalf("%d of %d archived ones are held", len(held), first.Counts.Archived)
		}
		s.held = held
		second := s.plan()
		everyEventOnce(t, second, s.events, s.held)
		if len(first.Items) != len(second.Items) {
			t.Fatalf("%v, then %v", first.Counts, second.Counts)
		}
		for i := range first.Items {
			a, b := &first.Items[i], &second.Items[i]
			want := a.Outcome
			if want == Archived {
				want = Unchanged
			}
			if a.Event != b.Event || b.Outcome != want || b.Reason != a.Reason || b.By != a.By || b.Key != a.Key || b.Hash != a.Hash {
				t.Fatalf("first  %s %s %s by %q, key %s\nsecond %s %s %s by %q, key %s",
					a.EventID, a.Outcome, a.Reason, a.By, a.Key, b.EventID, b.Outcome, b.Reason, b.By, b.Key)
			}
		}
		if !reflect.DeepEqual(first.Overlaps, second.Overlaps) || !reflect.DeepEqual(first.Actions, second.Actions) {
			t.Fatalf("first  %v %v\nsecond %v %v", first.Overlaps, first.Actions, second.Overlaps, second.Actions)
		}
	})
}

func TestPlanTellsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		for _, it := range s.plan().Items {
			if it.Event == nil || it.Appointment.Start.IsZero() {
				continue
			}
			bare := newPlan([]calendar.Event{*it.Event}, s.window, s.settings, nil).Items[0]
			for field, values := range map[string][2]string{
				"start":       {instant(bare.Appointment.Start), instant(it.Appointment.Start)},
				"end":         {instant(bare.Appointment.End), instant(it.Appointment.End)},
				"sensitivity": {cmp.Or(string(it.Event.Sensitivity), "normal"), string(it.Appointment.Sensitivity)},
			} {
				at := values[0]
				for _, c := range it.Changes {
					if c.Field == field {
						if c.From != at || c.To == at || c.Reason == "" {
							t.Fatalf("%s was %s, and the changes say %v", field, at, it.Changes)
						}
						at = c.To
					}
				}
				if at != values[1] && !slices.Contains([]modification{extended, shortened, earlyStart, lateStart}, modificationOf(it.Event.Subject)) {
					t.Fatalf("%s is %s, and the changes end with %s", field, values[1], at)
				}
			}
		}
	})
}

// Events with the same id, content and time must be ordered in the same way, in whatever order they come.
func TestPlanTellsDuplicatesOfOneIDApart(t *testing.T) {
	for _, change := range []with{
		uid("another"), originally("2026-10-04T07:00:00Z"), typed(calendar.Master), organized, modified("2026-10-01T00:00:00Z"), cancelled, madeIn("UTC"),
		func(e *calendar.Event) { e.Mark = "1 k h" },
		func(e *calendar.Event) { e.ChangeKey = "k" },
		func(e *calendar.Event) { e.Start.Zone = "Nowhere/At_All" },
	} {
		a, b := busy("a", "09:00", "10:00"), busy("a", "09:00", "10:00", change)
		there, back := asJSON(t, planOf(day(a, b))), asJSON(t, planOf(day(b, a)))
		if there != back {
			t.Errorf("%s\n%s", there, back)
		}
	}
}

func TestCountsSayWhetherTheyBalance(t *testing.T) {
	for _, o := range Outcomes {
		c := Counts{Fetched: 1}
		if c.Balanced() {
			t.Fatal("one event in no bucket")
		}
		*c.Of(o)++
		if c.Balanced() != (o != Vanished && o != Created) {
			t.Errorf("one event that is %s: %v", o, c)
		}
		*c.Of(o)++
		if c.Balanced() {
			t.Errorf("one event that is %s twice: %v", o, c)
		}
	}
	want := "fetched 1 = archived 2 + unchanged 3 + merged 4 + absorbed 5 + superseded 6 + conflicted 7 + excluded 8 + drifted 9; vanished 10"
	if got := (Counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0}).String(); got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzPlan(f *testing.F) {
	for _, seed := range []string{
		`[]`,
		`{"value": [{"id": "a", "iCalUId": "u", "subject": "Review",
			"start": {"dateTime": "2026-10-05T09:00:00.0000000", "timeZone": "UTC"},
			"end": {"dateTime": "2026-10-05T10:00:00", "timeZone": "W. Europe Standard Time"}}]}`,
		`[{"id": "a", "subject": "Extended: x", "start": {"dateTime": "2026-10-05T09:00:00"}, "end": {"dateTime": "2026-10-05T10:00:00"}},
			{"id": "b", "start": {"dateTime": "2026-10-05T08:00:00"}, "end": {"dateTime": "2026-10-05T09:04:00"}, "categories": ["Acme - billable"]}, {"id": "b"}]`,
		`[{"id": "a", "isAllDay": true, "start": {"dateTime": "2026-10-05"}, "end": {"dateTime": "2026-10-06"}, "showAs": "free", "sensitivity": "confidential"},
			{"id": "m", "type": "seriesMaster"}]`,
		`[{"id": "a", "originalStart": "2026-10-05T09:00:00Z", "iCalUId": "u", "type": "occurrence",
			"start": {"dateTime": "2026-10-05T09:00:00"}, "end": {"dateTime": "2026-10-05T09:00:00"}, "importance": "high", "isCancelled": true}]`,
	} {
		f.Add([]byte(seed), byte(0))
		f.Add([]byte(seed), byte(255))
	}
	f.Fuzz(func(t *testing.T, text []byte, choice byte) {
		events, err := calendar.DecodeGraph(bytes.NewReader(text))
		if err != nil {
			return
		}
		s := Settings{
			Zone: berlin, Purpose: []Purpose{General, Timesheet}[choice&1], Overlaps: []Policy{Keep, Ask, Resolve, Resolve}[choice>>1&3],
			AllDayOverlaps: choice&8 != 0, OnDrift: []OnDrift{AskOnDrift, AcceptOnDrift}[choice>>4&1],
		}
		first := newPlan(events, monday, s, nil)
		everyEventOnce(t, first, events, nil)
		held := heldAfter(t, first)
		if len(held) != first.Counts.Archived {
			t.Fatalf("%d of %d are held", len(held), first.Counts.Archived)
		}
		second := newPlan(events, monday, s, held)
		everyEventOnce(t, second, events, held)
		if second.Counts.Unchanged != first.Counts.Archived || second.Counts.Archived != 0 {
			t.Fatalf("%v, then %v", first.Counts, second.Counts)
		}
	})
}

// newPlan is NewPlan with its input as arguments.
func newPlan(events []calendar.Event, window calendar.Window, s Settings, standing []Standing) Plan {
	return NewPlan(Input{Events: events, Window: window, Settings: s, Standing: standing})
}
