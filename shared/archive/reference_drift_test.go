package archive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/decision"
)

// archived is a meeting of which the archive holds a version of before, or none; gone says that the source has it no more.
type archived struct {
	*meeting
	was  [2]int // when it was, in seconds after nine
	gone bool
}

// changed says whether the source has it at another time than the archive.
func (a *archived) changed() bool { return a.held && !a.gone && a.was != [2]int{a.start, a.end} }

// slowAnswer is what a decision says about one of them.
type slowAnswer struct {
	word       decision.Word
	only       []decision.Field
	stale      bool
	start, end int // of keep_as; less than nothing: none
}

// slowDrift finds what an answer makes of one of them, pair for pair as the table of verdicts has it: what stands and when, and the plan's word for it.
// void says that the answer does not hold, so that all is as if there were none.
func slowDrift(a *archived, v slowAnswer) (stands bool, at [2]int, became string, void bool) {
	source, known := [2]int{a.start, a.end}, !a.gone
	base := source
	if a.gone {
		base = a.was
	}
	switch v.word {
	case "":
		void = true
	case decision.Keep:
		stands, at = true, base
	case decision.KeepAs:
		if at = base; v.start >= 0 {
			at[0] = v.start
		}
		if v.end >= 0 {
			at[1] = v.end
		}
		stands, void = true, at[1]-at[0] < 60
	case decision.Accept:
		at = source
		if len(v.only) > 0 {
			at = a.was
			if slices.Contains(v.only, decision.Start) {
				at[0] = a.start
			}
			if slices.Contains(v.only, decision.End) {
				at[1] = a.end
			}
		}
		stands, void = true, !a.held || !known || at[1] < at[0]
	case decision.KeepArchived:
		stands, at, void = true, a.was, !a.held
	}
	if v.word == "" || v.stale {
		void = true
	}
	switch {
	case void && !a.held:
		return false, source, "", true
	case void && a.gone:
		return true, a.was, "vanished", true
	case void && a.changed():
		return true, a.was, "drifted", true
	case void:
		return true, a.was, "unchanged", true
	case a.gone:
		became = "vanished: decision"
	case !stands:
		became = "superseded: decision"
	case !a.held:
		became = "archived: decision"
	case a.changed() && v.word != decision.KeepArchived:
		became = "drifted: decision"
	default:
		became = "unchanged: decision"
	}
	return stands, at, became, false
}

func drawArchived(t *rapid.T) (all []*archived) {
	for _, m := range drawMeetings(t, 8, func(*meeting) {}) {
		a := &archived{meeting: m}
		if a.held = !onceIn(t, 3, "new"); a.held {
			a.was = [2]int{a.start, a.end}
			switch upTo(t, 3, "since") {
			case 0:
				a.was[0] -= 60 * (1 + upTo(t, 9, "earlier"))
			case 1:
				a.was[1] += 60 * (1 + upTo(t, 9, "later"))
			case 2:
				a.gone = rapid.Bool().Draw(t, "gone")
			}
		}
		all = append(all, a)
	}
	return all
}

func drawAnswer(t *rapid.T, a *archived) (v slowAnswer) {
	v = slowAnswer{start: -1, end: -1, stale: onceIn(t, 8, "stale")}
	switch v.word = one(t, "verdict", []decision.Word{
		"", decision.Keep, decision.KeepAs, decision.Accept, decision.Accept, decision.KeepArchived, decision.KeepArchived, decision.Drop, decision.Withdraw,
	}); v.word {
	case decision.KeepAs:
		if v.end = 60 * upTo(t, 30, "end"); rapid.Bool().Draw(t, "starts") {
			v.start = max(0, v.end-60*(1+upTo(t, 9, "length")))
			v.end = max(v.end, v.start+60)
		}
	case decision.Accept:
		v.only = one(t, "only", [][]decision.Field{nil, nil, {decision.Start}, {decision.End}, {decision.Subject}, {decision.Start, decision.End}})
	}
	return v
}

// TestDecisionsAboutDriftAreWhatASlowComparisonSays has drift accepted, whole or in part, and not, and the same of what is gone from the source or new.
func TestDecisionsAboutDriftAreWhatASlowComparisonSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawArchived(t)
		if len(all) == 0 {
			return
		}
		var before, now []*meeting
		for _, a := range all {
			if a.held {
				was := *a.meeting
				was.start, was.end = a.was[0], a.was[1]
				before = append(before, &was)
			}
			if !a.gone {
				now = append(now, a.meeting)
			}
		}
		held, events := heldAfter(t, newPlan(eventsOf(before), monday, keeping, nil)), eventsOf(now)
		seen := newPlan(events, monday, settings, held)
		at := func(seconds int) *time.Time {
			if seconds < 0 {
				return nil
			}
			moment := nine.Add(time.Duration(seconds) * time.Second)
			return &moment
		}
		answers := map[string]slowAnswer{}
		var list []decision.Decision
		for n, a := range all {
			v, it := drawAnswer(t, a), named(t, seen, a.id)
			if answers[a.id] = v; v.word == "" {
				continue
			}
			verdict := decision.Verdict{Key: it.Key, Word: v.word, Only: v.only}
			if v.word == decision.KeepAs {
				verdict.Fields = &decision.Fields{Start: at(v.start), End: at(v.end)}
			}
			hash := it.Hash
			if v.stale {
				hash = "sha256:" + strings.Repeat("0", 64)
			}
			list = append(list, decision.Decision{
				ID: fmt.Sprintf("d%d", n), Kind: "drift", Seen: []Seen{{Key: it.Key, Hash: hash}}, Verdicts: []decision.Verdict{verdict},
			})
		}
		if err := decision.Check(list); err != nil {
			t.Fatal(err)
		}
		for _, policy := range []struct {
			settings Settings
			slow     func([]*meeting) outcomes
		}{{settings, slowResolve}, {asking, slowAsk}} {
			plan := planDecided(events, policy.settings, held, list...)
			everyEventOnce(t, plan, events, held)
			want, times, issues := outcomes{}, map[string][2]int{}, map[string]bool{}
			var left []*meeting
			for _, a := range all {
				v := answers[a.id]
				stands, when, became, void := slowDrift(a, v)
				issues[a.id] = void && v.word != ""
				if became != "" {
					want[a.id] = became
				}
				m := *a.meeting
				m.start, m.end = when[0], when[1]
				m.held = stands
				if stands || became == "" {
					left = append(left, &m)
				}
				if became == "drifted" { // the plan shows what the source has, beside what stands
					when = [2]int{a.start, a.end}
				}
				if times[a.id] = when; !stands && became != "" {
					delete(times, a.id)
				}
			}
			for id, became := range policy.slow(left) {
				if want[id] == "" {
					want[id] = became
				}
			}
			if got := outcomesOf(plan); !maps.Equal(got, want) {
				t.Fatalf("%s: got  %v\nwant %v\nafter %s", policy.settings.Overlaps, got, want, asJSON(t, list))
			}
			asked := map[string]bool{}
			for _, a := range plan.Actions {
				for _, id := range a.EventIDs {
					asked[id] = asked[id] || a.Kind == ActionDrift || a.Kind == ActionRetention
				}
			}
			for _, a := range all {
				it := named(t, plan, a.id)
				if when, there := times[a.id]; there {
					if got := [2]int{int(it.Appointment.Start.Sub(nine).Seconds()), int(it.Appointment.End.Sub(nine).Seconds())}; got != when {
						t.Fatalf("%s, which is %s, is at %v, want %v, after %s", a.id, want[a.id], got, when, asJSON(t, list))
					}
				}
				if want[a.id] == "drifted: decision" && !it.Accept {
					t.Fatalf("%s changed, and what was decided does not take its place", a.id)
				}
				if (len(it.Issues) > 0) != issues[a.id] {
					t.Fatalf("%s has issues %q, void %t", a.id, it.Issues, issues[a.id])
				}
				if wanted := want[a.id] == "drifted" || want[a.id] == "vanished"; wanted && !asked[a.id] || asked[a.id] && !wanted {
					t.Fatalf("%s, which is %s, is asked about: %t", a.id, want[a.id], asked[a.id])
				}
			}
		}
	})
}
