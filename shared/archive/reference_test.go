package archive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

// The steps that use fast searches are compared here with the same rules, carried out in the slow and plain way.

var nine = utc("2026-10-05T09:00:00Z")

// meeting is a timed appointment of the day.
type meeting struct {
	id         string
	start, end int // seconds after nine
	categories []string
	kind       string // the subject, when it is a modification
	dead       bool   // cancelled
	showAs     calendar.ShowAs
	importance calendar.Importance
	held       bool
}

func drawMeeting(t *rapid.T, n int) *meeting {
	m := &meeting{id: fmt.Sprintf("%c%d", 'a'+rune(upTo(t, 25, "letter")), n)}
	m.start = 60*upTo(t, 24, "minute") + upTo(t, 1, "second")
	m.end = m.start + 60*one(t, "minutes", []int{5, 0, 1, 2, 10, 20, 6}) + 30*upTo(t, 1, "half a minute")
	m.showAs = one(t, "shown", []calendar.ShowAs{calendar.Busy, calendar.Tentative, calendar.Free, calendar.OutOfOffice})
	m.importance = one(t, "importance", []calendar.Importance{calendar.NormalImportance, calendar.High, calendar.Low})
	return m
}

func drawMeetings(t *rapid.T, most int, more func(*meeting)) []*meeting {
	meetings := make([]*meeting, most-upTo(t, most, "less"))
	for i := range meetings {
		meetings[i] = drawMeeting(t, i)
		more(meetings[i])
	}
	return meetings
}

func (m *meeting) event() calendar.Event {
	at := func(seconds int) calendar.DateTime {
		return calendar.DateTime{Local: nine.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339)}
	}
	e := busy(m.id, "", "", times(at(m.start), at(m.end)), shown(m.showAs), important(m.importance), categories(m.categories...))
	if e.Cancelled = m.dead; m.kind != "" {
		e.Subject = m.kind + ": " + m.id
	}
	return e
}

func eventsOf(meetings []*meeting) []calendar.Event {
	events := make([]calendar.Event, len(meetings))
	for i, m := range meetings {
		events[i] = m.event()
	}
	return events
}

func (m *meeting) shared(o *meeting) bool { return m.start < o.end && o.start < m.end }

// slowOriginal looks at every meeting for the original of the modification m.
func slowOriginal(m *meeting, all []*meeting) (best *meeting) {
	set := func(m *meeting) []string { return slices.Compact(slices.Sorted(slices.Values(m.categories))) }
	distance := func(a, b int) int { return max(a-b, b-a) }
	overlap := func(o *meeting) int { return max(0, min(m.end, o.end)-max(m.start, o.start)) }
	apart := func(o *meeting) int {
		switch m.kind {
		case "Extended":
			return distance(m.start, o.end)
		case "Shortened":
			return distance(m.end, o.end)
		case "Early start":
			return distance(m.end, o.start)
		}
		return distance(m.start, o.start)
	}
	for _, o := range all {
		fits := apart(o) <= 300
		switch m.kind {
		case "Shortened":
			fits = m.shared(o)
		case "Early start":
			fits = fits && m.start <= o.start
		}
		if !fits || o.dead || o.kind != "" || len(m.categories) > 0 && len(o.categories) > 0 && !slices.Equal(set(m), set(o)) {
			continue
		}
		if best == nil || apart(o) < apart(best) || apart(o) == apart(best) && (overlap(o) > overlap(best) || overlap(o) == overlap(best) && o.id < best.id) {
			best = o
		}
	}
	return best
}

// slowModify applies all modifications to the meetings, and says what became of each modification.
func slowModify(all []*meeting) map[string]string {
	became := map[string]string{}
	var modifications []*meeting
	for _, m := range all {
		if m.kind != "" && !m.dead {
			modifications = append(modifications, m)
		}
	}
	slices.SortFunc(modifications, func(a, b *meeting) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return strings.Compare(a.id, b.id)
	})
	for _, m := range modifications {
		o := slowOriginal(m, all)
		if o == nil {
			became[m.id] = "excluded: orphan_modification"
			continue
		}
		became[m.id] = "absorbed into " + o.id
		length := m.end - m.start
		switch m.kind {
		case "Extended":
			o.end += length
		case "Shortened":
			if o.end-o.start > 60 {
				o.end = max(o.end-length, o.start+60)
			}
		case "Early start":
			o.start = m.start
		case "Late start":
			if o.end-o.start > 60 {
				o.start = min(o.start+length, o.end-60)
			}
		}
	}
	for _, m := range all {
		if became[m.id] == "" {
			became[m.id] = fmt.Sprintf("archived from %d to %d", m.start, m.end)
		}
	}
	return became
}

func TestModificationsFindWhatASlowSearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		meetings := drawMeetings(t, 14, func(m *meeting) {
			m.kind = one(t, "kind", []string{"", "Extended", "Shortened", "Early start", "Late start", "", ""})
			m.categories = one(t, "categories", [][]string{nil, {"X"}, {"X", "Y"}, {"Y", "X", "Y"}, nil})
			m.dead = onceIn(t, 10, "cancelled")
		})
		plan := newPlan(eventsOf(meetings), monday, keeping, nil)
		want := slowModify(meetings)
		got := outcomesOf(plan)
		for _, it := range plan.Items {
			if it.Outcome == Archived {
				got[it.EventID] = fmt.Sprintf("archived from %d to %d", int(it.Appointment.Start.Sub(nine).Seconds()), int(it.Appointment.End.Sub(nine).Seconds()))
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

// slowRank is higher for what wins.
func slowRank(m *meeting) int {
	importance := map[calendar.Importance]int{calendar.Low: 0, calendar.NormalImportance: 1, calendar.High: 2}[m.importance]
	switch m.showAs {
	case calendar.Free:
		return 0
	case calendar.Tentative:
		return 10 + importance
	}
	return 20 + importance
}

// slowResolve decides about the newcomers among the meetings by rank.
func slowResolve(all []*meeting) outcomes {
	became := outcomes{}
	state := func(o *meeting) string { return strings.Fields(became[o.id] + " ?")[0] }
	others := func(m *meeting, fits func(o *meeting) bool) (found []*meeting) {
		for _, o := range all {
			if o != m && m.shared(o) && fits(o) {
				found = append(found, o)
			}
		}
		return found
	}
	for _, m := range all {
		if m.held {
			became[m.id] = "unchanged"
		}
	}
	for rank := 30; rank >= 0; rank-- {
		var mine []*meeting
		for _, m := range all {
			if !m.held && slowRank(m) == rank {
				mine = append(mine, m)
			}
		}
		isFree := func(o *meeting) bool { return slowRank(o) == 0 }
		for _, m := range mine {
			winners := others(m, func(o *meeting) bool { return slowRank(o) > rank && (state(o) == "archived" || o.held) })
			slices.SortFunc(winners, func(a, b *meeting) int {
				switch {
				case slowRank(a) != slowRank(b):
					return slowRank(b) - slowRank(a)
				case a.start != b.start:
					return a.start - b.start
				}
				return strings.Compare(a.id, b.id)
			})
			if len(winners) > 0 {
				became[m.id] = "superseded by " + winners[0].id
			}
		}
		for changed := true; changed; {
			changed = false
			for _, m := range mine {
				if became[m.id] == "" && len(others(m, func(o *meeting) bool {
					return (o.held || state(o) == "conflicted") && !(isFree(o) && isFree(m))
				})) > 0 {
					became[m.id], changed = "conflicted", true
				}
			}
		}
		var both []*meeting
		for _, m := range mine {
			if became[m.id] == "" && !isFree(m) && len(others(m, func(o *meeting) bool { return slowRank(o) == rank && became[o.id] == "" && !o.held })) > 0 {
				both = append(both, m)
			}
		}
		for _, m := range both {
			became[m.id] = "conflicted"
		}
		for _, m := range mine {
			if became[m.id] == "" {
				became[m.id] = "archived"
			}
		}
	}
	return became
}

// slowAsk leaves to the user what is not free and shares time with something else that is not.
func slowAsk(all []*meeting) outcomes {
	became := outcomes{}
	for _, m := range all {
		became[m.id] = "archived"
		if m.held {
			became[m.id] = "unchanged"
			continue
		}
		for _, o := range all {
			if o != m && m.shared(o) && m.showAs != calendar.Free && o.showAs != calendar.Free {
				became[m.id] = "conflicted"
			}
		}
	}
	return became
}

// slowGroups connects all that share time, pair by pair, and returns the sorted ids of each group.
func slowGroups(all []*meeting) [][]string {
	group := map[*meeting]int{}
	for i, m := range all {
		group[m] = i
	}
	for _, a := range all {
		for _, b := range all {
			if from, to := group[b], group[a]; a != b && a.shared(b) && from != to {
				for m, g := range group {
					if g == from {
						group[m] = to
					}
				}
			}
		}
	}
	ids := map[int][]string{}
	for m, g := range group {
		ids[g] = append(ids[g], m.id)
	}
	var groups [][]string
	for _, g := range ids {
		slices.Sort(g)
		groups = append(groups, g)
	}
	slices.SortFunc(groups, slices.Compare)
	return groups
}

func TestOverlapsAreWhatASlowComparisonSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := one(t, "held ones", []int{0, 3, 1})
		meetings := drawMeetings(t, 14, func(m *meeting) {
			if m.held = most > 0 && rapid.Bool().Draw(t, "held"); m.held {
				most--
			}
		})
		var before []*meeting
		for _, m := range meetings {
			if m.held {
				before = append(before, m)
			}
		}
		held := heldAfter(t, newPlan(eventsOf(before), monday, keeping, nil))
		for _, policy := range []struct {
			settings Settings
			slow     func([]*meeting) outcomes
		}{{settings, slowResolve}, {asking, slowAsk}} {
			plan := newPlan(eventsOf(meetings), monday, policy.settings, held)
			got, want := outcomesOf(plan), policy.slow(meetings)
			if !maps.Equal(got, want) {
				t.Fatalf("%s: got  %v\nwant %v", policy.settings.Overlaps, got, want)
			}

			// One action for each component of conflicted ones, with the held ones that it collides with.
			var conflicted []*meeting
			for _, m := range meetings {
				if want[m.id] == "conflicted" {
					conflicted = append(conflicted, m)
				}
			}
			actions := [][]string{}
			for _, ids := range slowGroups(conflicted) {
				for _, h := range before {
					if slices.ContainsFunc(conflicted, func(m *meeting) bool {
						bothFree := m.showAs == calendar.Free && h.showAs == calendar.Free
						return slices.Contains(ids, m.id) && m.shared(h) && !bothFree && (policy.settings.Overlaps == Resolve || h.showAs != calendar.Free)
					}) {
						ids = append(ids, h.id)
					}
				}
				slices.Sort(ids)
				actions = append(actions, ids)
			}
			slices.SortFunc(actions, slices.Compare)
			planned := [][]string{}
			for _, a := range plan.Actions {
				planned = append(planned, a.EventIDs)
			}
			if !slices.EqualFunc(planned, actions, slices.Equal) {
				t.Fatalf("%s: asked about %v, want %v", policy.settings.Overlaps, planned, actions)
			}

			groups := slices.DeleteFunc(slowGroups(meetings), func(ids []string) bool { return len(ids) < 2 })
			planned = planned[:0]
			for _, o := range plan.Overlaps {
				planned = append(planned, slices.Sorted(slices.Values(o.EventIDs)))
				outcome := OverlapKept
				for _, id := range o.EventIDs {
					switch {
					case want[id] == "conflicted":
						outcome = OverlapConflict
					case strings.HasPrefix(want[id], "superseded") && outcome == OverlapKept:
						outcome = OverlapResolved
					}
				}
				if o.Outcome != outcome {
					t.Fatalf("%v is %s, want %s", o.EventIDs, o.Outcome, outcome)
				}
			}
			slices.SortFunc(planned, slices.Compare)
			if !slices.EqualFunc(planned, groups, slices.Equal) {
				t.Fatalf("groups %v, want %v", planned, groups)
			}
		}
	})
}

func TestSpansFindWhatASlowSearchFinds(t *testing.T) {
	toClaim := func(m *meeting) *claim {
		return &claim{eventID: m.id, start: nine.Add(time.Duration(m.start)), end: nine.Add(time.Duration(m.end))}
	}
	rapid.Check(t, func(t *rapid.T) {
		meetings := drawMeetings(t, 20, func(*meeting) {})
		asked := drawMeeting(t, 99)
		claims := make([]*claim, len(meetings))
		var want []string
		slices.SortFunc(meetings, func(a, b *meeting) int {
			if a.start != b.start {
				return a.start - b.start
			}
			return strings.Compare(a.id, b.id)
		})
		for i, m := range meetings {
			claims[i] = toClaim(m)
			if m.shared(asked) {
				want = append(want, m.id)
			}
		}
		s := newSpans(rapid.Permutation(claims).Draw(t, "order"))
		var got []string
		for c := range s.all(toClaim(asked)) {
			got = append(got, c.eventID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		switch first := s.first(toClaim(asked)); {
		case first == nil && len(want) > 0, first != nil && (len(want) == 0 || first.eventID != want[0]):
			t.Fatalf("the first is %v, want the first of %v", first, want)
		}
	})
}

// String is how a failure prints a claim.
func (c *claim) String() string {
	return fmt.Sprintf("%s[%s,%s)/%d", c.eventID, instant(c.start), instant(c.end), c.rank)
}

// slowRenamed says what becomes of meetings whose iCalUIds may be others than before: pair by pair, by UID first, then by subject
// and time; without a subject all has to be the same.
func slowRenamed(before, now []calendar.Event) (became outcomes, vanished int) {
	became = outcomes{}
	taken := map[string]bool{}
	same := func(a, b calendar.Event, uid bool) bool {
		if uid {
			return a.ICalUID == b.ICalUID
		}
		subject := strings.TrimSpace(a.Subject)
		return strings.EqualFold(subject, strings.TrimSpace(b.Subject)) && (subject != "" || a.Subject == b.Subject && a.Location == b.Location) &&
			a.Start == b.Start && a.End == b.End
	}
	for _, uid := range []bool{true, false} {
		for _, e := range now {
			for _, h := range before {
				if became[e.ID] != "" || taken[h.ID] || !same(e, h, uid) {
					continue
				}
				taken[h.ID], became[e.ID] = true, "drifted"
				if e.Subject == h.Subject && e.Location == h.Location && e.Start == h.Start && e.End == h.End {
					became[e.ID] = "unchanged"
				}
			}
		}
	}
	for _, e := range now {
		if became[e.ID] == "" {
			became[e.ID] = "archived"
		}
	}
	return became, len(before) - len(taken)
}

func TestEventsWhoseUIDChangedAreWhatASlowComparisonSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var before, now []calendar.Event
		for i := range upTo(t, 8, "events") {
			at := fmt.Sprintf("%02d:00", 8+i) // no two are alike
			e := busy(fmt.Sprintf("e%d", i), at, at[:3]+"30", uid(fmt.Sprintf("uid%d", i)))
			e.Subject = one(t, "subject", []string{"Call", "Größe", "", "Review"})
			before = append(before, e)
			if onceIn(t, 6, "gone") {
				continue
			}
			if onceIn(t, 2, "renamed") {
				e.ID, e.ICalUID = "new-"+e.ID, "new-"+e.ICalUID
			}
			switch one(t, "change", []string{"", "", "", "place", "case", "time", "subject"}) {
			case "place":
				e.Location = "Room 1"
			case "case":
				e.Subject = " " + strings.ToUpper(e.Subject)
			case "time":
				e.End = clock(at[:3] + "45")
			case "subject":
				e.Subject += " moved"
			}
			now = append(now, e)
		}
		held := heldAfter(t, newPlan(before, monday, keeping, nil))
		plan := newPlan(now, monday, keeping, held)
		want, vanished := slowRenamed(before, now)
		got := outcomes{}
		for _, it := range plan.Items {
			if it.Outcome != Vanished {
				got[it.EventID] = string(it.Outcome)
			}
		}
		if !maps.Equal(got, want) || plan.Counts.Vanished != vanished || !plan.Balanced() {
			t.Fatalf("got  %v, %d vanished\nwant %v, %d", got, plan.Counts.Vanished, want, vanished)
		}
	})
}

// slowVerdict is what a decision says about a meeting. Seconds are after nine.
type slowVerdict struct {
	decision   int
	word       decision.Word
	stale      bool   // the user saw another version
	start, end int    // of keep_as and create; less than nothing: none
	by, into   string // ids of meetings
}

// slowDecide finds what of the meetings is left for the rules: what the decisions let stand is held from then on, with its times, and what they take
// out is not there. became says what became of the decided ones; void are those whose verdict does not hold.
func slowDecide(all []*meeting, said []map[string]slowVerdict) (left []*meeting, became outcomes, void map[string]bool) {
	newest := map[string]slowVerdict{}
	for _, verdicts := range said {
		for id, v := range verdicts {
			newest[id] = v
		}
		for _, v := range verdicts {
			if _, its := verdicts[v.into]; v.into != "" && !its {
				newest[v.into] = slowVerdict{decision: v.decision, word: decision.Merge, start: -1, end: -1}
			}
		}
	}
	stands := func(v slowVerdict) bool {
		return v.word == decision.Keep || v.word == decision.KeepAs || v.word == decision.Merge && v.into == ""
	}
	times := map[string][2]int{} // of those that stand
	for _, m := range all {
		v, ok := newest[m.id]
		if !ok || v.stale || !stands(v) {
			continue
		}
		start, end := m.start, m.end
		for _, o := range all {
			if w := newest[o.id]; w.into == m.id && w.decision == v.decision && !w.stale {
				start, end = min(start, o.start), max(end, o.end)
			}
		}
		if v.start >= 0 {
			start = v.start
		}
		if v.end >= 0 {
			end = v.end
		}
		if v.start < 0 && v.end < 0 || end-start >= 60 {
			times[m.id] = [2]int{start, end}
		}
	}
	became, void = outcomes{}, map[string]bool{}
	for _, m := range all {
		v, decided := newest[m.id]
		at, standing := times[m.id]
		_, intoStands := times[v.into]
		switch {
		case !decided:
			left = append(left, m)
		case standing:
			became[m.id] = "archived: decision"
			if m.held {
				became[m.id] = "unchanged: decision"
			}
			settled := *m
			settled.held, settled.start, settled.end = true, at[0], at[1]
			left = append(left, &settled)
		case v.stale || stands(v) || v.into != "" && !intoStands:
			void[m.id] = true
			left = append(left, m)
		case v.into != "":
			became[m.id] = "superseded by " + v.into
		case v.by != "":
			became[m.id] = "superseded by " + v.by
		default:
			became[m.id] = "superseded: decision"
		}
	}
	for id, v := range newest {
		if v.word == decision.Create {
			became[id] = "created: decision"
			left = append(left, &meeting{id: id, start: v.start, end: v.end, held: true, showAs: calendar.Busy, importance: calendar.NormalImportance})
		}
	}
	return left, became, void
}

// drawDecisions draws decisions of somebody who saw the plan, and the same as the slow comparison has them.
func drawDecisions(t *rapid.T, meetings []*meeting, seen Plan) (list []decision.Decision, said []map[string]slowVerdict) {
	for n := range 3 {
		d := decision.Decision{ID: fmt.Sprintf("d%d", n), Kind: "overlap"}
		verdicts := map[string]slowVerdict{}
		at := func(seconds int) *time.Time {
			moment := nine.Add(time.Duration(seconds) * time.Second)
			return &moment
		}
		keys := map[string]string{}
		for i := range seen.Items {
			it := &seen.Items[i]
			keys[it.EventID] = it.Key
			d.Seen = append(d.Seen, Seen{Key: it.Key, Hash: it.Hash})
		}
		for i, m := range meetings {
			v := slowVerdict{decision: n, start: -1, end: -1, stale: onceIn(t, 6, "stale")}
			written := decision.Verdict{Key: keys[m.id], Fields: nil}
			other := one(t, "other", meetings)
			switch upTo(t, 9, "verdict") {
			case 0:
				v.word = decision.Keep
			case 1:
				v.word = decision.KeepAs
				written.Fields = &decision.Fields{}
				if v.end = m.start + 30*upTo(t, 10, "new end"); rapid.Bool().Draw(t, "has a new start") {
					v.start = v.end - 60 - upTo(t, 600, "new length")
					if v.start < 0 {
						v.start, v.end = 0, v.end-v.start
					}
					written.Fields.Start = at(v.start)
				}
				written.Fields.End = at(v.end)
			case 2:
				v.word = decision.Drop
			case 3:
				v.word, v.by = decision.Drop, other.id
			case 4, 5:
				v.word, v.into = decision.Merge, other.id
				if v.into == m.id {
					v.into = ""
				}
			case 6:
				v.word = one(t, "out", []decision.Word{decision.Withdraw, decision.Merge})
			default:
				continue
			}
			if v.stale {
				for j := range d.Seen {
					if d.Seen[j].Key == written.Key {
						d.Seen[j].Hash = fmt.Sprintf("sha256:%d", i)
					}
				}
			}
			written.Word, written.By, written.Into = v.word, keys[v.by], keys[v.into]
			verdicts[m.id], d.Verdicts = v, append(d.Verdicts, written)
		}
		if onceIn(t, 3, "creates") {
			m, subject, key := drawMeeting(t, 100+n), "created", fmt.Sprintf("decision:x%d", n)
			if m.end-m.start >= 60 {
				verdicts[key] = slowVerdict{decision: n, word: decision.Create, start: m.start, end: m.end}
				d.Verdicts = append(d.Verdicts, decision.Verdict{
					Key: key, Word: decision.Create, Fields: &decision.Fields{Start: at(m.start), End: at(m.end), Subject: &subject},
				})
			}
		}
		if d.Check() == nil {
			list, said = append(list, d), append(said, verdicts)
		}
	}
	return list, said
}

// named returns the item of an event.
func named(t fataler, p Plan, id string) *Item {
	i := slices.IndexFunc(p.Items, func(it Item) bool { return it.EventID == id })
	if i < 0 {
		t.Fatalf("the plan has no item %q", id)
	}
	return &p.Items[i]
}

func TestDecisionsAreWhatASlowComparisonSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := one(t, "held ones", []int{0, 3, 1})
		meetings := drawMeetings(t, 9, func(m *meeting) {
			if m.held = most > 0 && rapid.Bool().Draw(t, "held"); m.held {
				most--
			}
		})
		if len(meetings) == 0 {
			return
		}
		var before []*meeting
		for _, m := range meetings {
			if m.held {
				before = append(before, m)
			}
		}
		events := eventsOf(meetings)
		held := heldAfter(t, newPlan(eventsOf(before), monday, keeping, nil))
		list, said := drawDecisions(t, meetings, newPlan(events, monday, settings, held))
		for _, policy := range []struct {
			settings Settings
			slow     func([]*meeting) outcomes
		}{{settings, slowResolve}, {asking, slowAsk}} {
			plan := planDecided(events, policy.settings, held, list...)
			everyEventOnce(t, plan, events, held)
			left, want, void := slowDecide(meetings, said)
			after := policy.slow(left)
			for id, became := range after {
				if want[id] == "" {
					want[id] = became
				}
			}
			if got := outcomesOf(plan); !maps.Equal(got, want) {
				t.Fatalf("%s: got  %v\nwant %v\nafter %s", policy.settings.Overlaps, got, want, asJSON(t, list))
			}
			for _, m := range left {
				if a := named(t, plan, m.id).Appointment; int(a.Start.Sub(nine).Seconds()) != m.start || int(a.End.Sub(nine).Seconds()) != m.end {
					t.Fatalf("%s is at %s, want %d to %d", m.id, hours(&a), m.start, m.end)
				}
			}
			asked := map[string]bool{}
			for _, a := range plan.Actions {
				for _, id := range a.EventIDs {
					asked[id] = a.Kind == ActionOverlap || asked[id]
				}
			}
			for _, m := range meetings {
				stale := slices.ContainsFunc(plan.Actions, func(a Action) bool { return a.Kind == ActionStale && slices.Equal(a.EventIDs, []string{m.id}) })
				outcome := strings.Fields(want[m.id])[0]
				if wanted := void[m.id] && !asked[m.id] && (outcome == "archived" || outcome == "superseded"); stale != wanted {
					t.Fatalf("%s, which is %s, is asked about as stale: %t, want %t", m.id, outcome, stale, wanted)
				}
				if issues := named(t, plan, m.id).Issues; (len(issues) > 0) != void[m.id] {
					t.Fatalf("%s has issues %q, void %t", m.id, issues, void[m.id])
				}
			}
			groups := slices.DeleteFunc(slowGroups(left), func(ids []string) bool { return len(ids) < 2 })
			planned := [][]string{}
			for _, o := range plan.Overlaps {
				planned = append(planned, slices.Sorted(slices.Values(o.EventIDs)))
			}
			slices.SortFunc(planned, slices.Compare)
			if !slices.EqualFunc(planned, groups, slices.Equal) {
				t.Fatalf("groups %v, want %v", planned, groups)
			}
		}
	})
}
