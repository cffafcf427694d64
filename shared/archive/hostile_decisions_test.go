package archive

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

// hostileDecisions draws decisions about anything that a plan of the situation shows, and about what it does not show.
func hostileDecisions(t *rapid.T, s *situation) (list []decision.Decision) {
	seen := s.plan()
	var created []Seen
	for n := range upTo(t, 4, "decisions") {
		d := decision.Decision{ID: fmt.Sprintf("d%d", n), Seen: slices.Clone(created)}
		for i := range seen.Items {
			it := &seen.Items[i]
			if it.Key != "" && !slices.ContainsFunc(d.Seen, func(s Seen) bool { return s.Key == it.Key }) && !onceIn(t, 3, "not seen") {
				d.Seen = append(d.Seen, Seen{Key: it.Key, Hash: it.Hash})
			}
		}
		if onceIn(t, 5, "about nobody") {
			d.Seen = append(d.Seen, Seen{Key: one(t, "nobody", []string{"nobody", "e0", "u0@2026-10-25T00:00:00Z"}) + "?", Hash: "sha256:1"})
		}
		for i := range d.Seen {
			if onceIn(t, 8, "another hash") {
				d.Seen[i].Hash = "sha256:" + strings.Repeat("0", 64)
			}
			v := decision.Verdict{Key: d.Seen[i].Key, Word: one(t, "verdict", slices.DeleteFunc(slices.Clone(decision.Words), func(w decision.Word) bool {
				return w == decision.Create
			}))}
			other := one(t, "other", d.Seen).Key
			switch v.Word {
			case decision.Drop:
				if rapid.Bool().Draw(t, "by another") {
					v.By = other
				}
			case decision.Merge:
				v.Into = other
				if onceIn(t, 3, "changed") {
					v.Fields = &decision.Fields{Subject: &other}
				}
			case decision.Accept:
				if rapid.Bool().Draw(t, "some fields") {
					v.Only = []decision.Field{one(t, "field", decision.AllFields), one(t, "field", decision.AllFields)}
				}
			case decision.KeepAs:
				v.Fields = hostileFields(t)
			}
			if d.Verdicts = append(d.Verdicts, v); d.Check() != nil || onceIn(t, 3, "no verdict") {
				d.Verdicts = d.Verdicts[:len(d.Verdicts)-1]
			}
		}
		if onceIn(t, 3, "creates") {
			f, subject := hostileFields(t), "Trip"
			start := time.Date(2026, 10, 25, upTo(t, 2, "hour"), 0, 0, 0, time.UTC)
			end := start.Add(time.Hour)
			f.Start, f.End, f.Subject = &start, &end, &subject
			key := fmt.Sprintf("decision:c%d", n)
			d.Verdicts = append(d.Verdicts, decision.Verdict{Key: key, Word: decision.Create, Fields: f})
			p := NewPlan(Input{Window: s.window, Settings: s.settings, Decisions: []decision.Decision{d}})
			for i := range p.Items {
				if p.Items[i].Outcome == Created {
					created = append(created, Seen{Key: p.Items[i].Key, Hash: p.Items[i].Hash})
				}
			}
		}
		if d.Check() == nil {
			list = append(list, d)
		}
	}
	if err := decision.Check(list); err != nil {
		t.Fatal(err)
	}
	return list
}

func hostileFields(t *rapid.T) *decision.Fields {
	f := &decision.Fields{}
	at := func(label string) *time.Time {
		moment := time.Date(2026, 10, 25, 0, 15*upTo(t, 12, label), 0, 0, time.UTC)
		return &moment
	}
	switch upTo(t, 3, "times") {
	case 0:
		f.Start = at("start")
	case 1:
		f.End = at("end")
	case 2:
		f.Start, f.End = at("start"), at("end")
	}
	if rapid.Bool().Draw(t, "new subject") {
		f.Subject = &hostileSubjects[2+upTo(t, len(hostileSubjects)-3, "subject")]
	}
	if rapid.Bool().Draw(t, "new categories") {
		list := one(t, "categories", hostileCategories)
		f.Categories = &list
	}
	if onceIn(t, 3, "new sensitivity") {
		s := string(one(t, "sensitivity", []calendar.Sensitivity{calendar.Normal, calendar.Confidential}))
		f.Sensitivity = &s
	}
	if onceIn(t, 3, "new status") {
		s := string(one(t, "status", []calendar.ShowAs{calendar.Free, calendar.Tentative, calendar.Busy}))
		f.ShowAs = &s
	}
	return f
}

func (s *situation) decided(list []decision.Decision) Plan {
	return NewPlan(Input{Events: s.events, Window: s.window, Settings: s.settings, Standing: s.held, Decisions: list})
}

func TestPlanWithDecisionsPutsEveryEventIntoOneBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		list := hostileDecisions(t, &s)
		before := asJSON(t, list) + asJSON(t, s.events) + asJSON(t, s.held)
		p := s.decided(list)
		everyEventOnce(t, p, s.events, s.held)
		want := asJSON(t, p)
		if asJSON(t, list)+asJSON(t, s.events)+asJSON(t, s.held) != before {
			t.Fatal("the input was changed")
		}
		keys := map[string]bool{}
		for i := range p.Items {
			it := &p.Items[i]
			switch a := &it.Appointment; it.Outcome {
			case Archived, Unchanged, Drifted, Vanished, Created:
				if it.Key == "" || keys[it.Key] {
					t.Fatalf("%q is the key of two", it.Key)
				}
				keys[it.Key] = true
				if it.Decision != "" && (a.Start.IsZero() || a.End.Before(a.Start)) {
					t.Fatalf("%s stands at no time: %+v", it.EventID, a)
				}
			}
			if it.Decision != "" && it.Event != nil && it.Verdict != decision.KeepArchived && len(it.Changes) > 0 {
				changesFollow(t, it)
			}
		}
		asked := map[string]bool{}
		for _, a := range p.Actions {
			if asked[a.Kind+asJSON(t, a.Seen)] {
				t.Fatalf("asked twice: %v", a)
			}
			asked[a.Kind+asJSON(t, a.Seen)] = true
		}
		s.events = rapid.Permutation(s.events).Draw(t, "order of events")
		s.held = rapid.Permutation(s.held).Draw(t, "order of held")
		if got := asJSON(t, s.decided(list)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

// changesFollow checks that each change of a field begins where the one before it ended, and that the last one ends with the appointment.
func changesFollow(t fataler, it *Item) {
	at := map[string]string{}
	for _, c := range it.Changes {
		if before, ok := at[c.Field]; ok && before != c.From || c.From == c.To {
			t.Fatalf("%s was %q, and the changes say %v", c.Field, before, it.Changes)
		}
		at[c.Field] = c.To
	}
	a := &it.Appointment
	for field, now := range map[string]string{
		"start": instant(a.Start), "end": instant(a.End), "sensitivity": string(a.Sensitivity), "subject": a.Subject, "show_as": string(a.ShowAs),
		"categories": strings.Join(a.Categories, ", "),
	} {
		if last, ok := at[field]; ok && last != now {
			t.Fatalf("%s is %q, and the changes end with %v", field, now, it.Changes)
		}
	}
}

// What was carried out stays as it is, whatever was decided.
func TestPlanWithDecisionsIsStableAfterItWasCarriedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		s.held = nil
		list := hostileDecisions(t, &s)
		for i := range list { // these are about what is archived, and say nothing before
			list[i].Verdicts = slices.DeleteFunc(list[i].Verdicts, func(v decision.Verdict) bool {
				return v.Word == decision.Accept || v.Word == decision.KeepArchived
			})
		}
		first := s.decided(list)
		s.held = heldAfter(t, first)
		second := s.decided(list)
		everyEventOnce(t, second, s.events, s.held)
		if second.Counts.Archived != 0 || second.Counts.Drifted != 0 || second.Counts.Vanished != 0 || second.Counts.Created != first.Counts.Created ||
			second.Counts.Unchanged != first.Counts.Archived {
			t.Fatalf("%v, then %v", first.Counts, second.Counts)
		}
		if a, b := asJSON(t, s.held), asJSON(t, heldAfter(t, second)); a != b {
			t.Fatalf("held  %s\nafter %s", a, b)
		}
	})
}
