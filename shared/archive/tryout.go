package archive

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
)

// Tryouts say beforehand what rules would do, by what the ledger has and what runs left out. They ask no calendar, and write nothing.
type Tryouts struct {
	Ledger *ledger.Ledger
	Runs   *run.Store
	Blobs  blob.Blob
}

// Tryout is what becomes otherwise when rules take the place of others. Each event is planned twice from the snapshot of it, with what the user
// decided, as if nothing were archived yet.
type Tryout struct {
	Before, After Counts
	// Minutes are those of timed appointments that go into the archive, neither cancelled nor declined, by customer and billing type.
	Minutes []RuledMinutes
	Changed []RuledItem
	Rules   []TriedRule // those that are tried, in their order
}

// RuledMinutes are the minutes of a customer and billing type; without a customer both are empty.
type RuledMinutes struct {
	Customer      string
	BillingType   calendar.BillingType
	Before, After float64
}

// RuledItem is an event that becomes something else.
type RuledItem struct {
	Before, After *Item
	Rules         []string // the ids of the rules that do it, and of those that do not do it any more; none: it follows from what became of others
}

// RuleState says in a word what a rule does in a period.
type RuleState string

const (
	RuleActs     RuleState = "acts"
	RuleOff      RuleState = "off"
	RuleDead     RuleState = "dead"     // it matches nothing
	RuleShadowed RuleState = "shadowed" // it matches, and other rules always came first
	RuleIdle     RuleState = "idle"     // it matches, and there was nothing left to do, such as of events that have a category of their own
)

// TriedRule is what a rule did.
type TriedRule struct {
	Rule           rule.Rule
	Matched, Acted int // events
	State          RuleState
	By             []string // the ids of the rules that came first, the most frequent one first
}

// Try compares what two lists of rules make of the events that start in a window. Windows longer than limit.RunDays are of kind fault.Invalid.
func (t *Tryouts) Try(ctx context.Context, user string, c *Config, before, after []rule.Rule, w calendar.Window) (*Tryout, error) {
	if w.Days() > limit.RunDays {
		return nil, fault.Field("period", "has %d days; at most %d are tried at once", w.Days(), limit.RunDays)
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	was, err := rule.Compile(before)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the rules of config %s are unreadable: %w", c.ID, err)
	}
	then, err := rule.Compile(after)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the rules cannot be tried: %w", err)
	}
	s, err := t.snapshots(ctx, user, c.ID, w)
	if err != nil {
		return nil, err
	}
	in := s.input()
	in.Window, in.Settings = w, settings
	return tryRules(in, was, then), nil
}

// snapshots are what the ledger has of a window's events, the newest version of each, and what runs left out.
type snapshots struct {
	entries   []ledger.Entry
	decisions []decision.Decision
	left      []calendar.Event // none that the ledger has
}

// snapshots reads what the ledger has of the events that start in a window, and what was decided about them.
func (t *Tryouts) snapshots(ctx context.Context, user, config string, w calendar.Window) (*snapshots, error) {
	entries, err := t.Ledger.AsOf(ctx, config, ledger.Span{From: w.Start(), To: w.End()}, time.Time{})
	if err != nil {
		return nil, err
	}
	s := &snapshots{entries: entries}
	newest, ids := make(map[string]*ledger.Entry, len(entries)), map[string]bool{}
	for i := range entries {
		e := &entries[i]
		newest[e.Key] = e
		if e.Decision != "" {
			ids[RunOf(e.Decision)] = true
		}
	}
	if s.left, err = t.leftOut(ctx, user, config, w); err != nil {
		return nil, err
	}
	known := make(map[string]bool, 2*len(entries))
	for i := range entries {
		known[entries[i].Source.ID], known[entries[i].Key] = true, true
	}
	s.left = slices.DeleteFunc(s.left, func(e calendar.Event) bool {
		start, err := e.Start.Instant(w.Zone)
		return err != nil || known[e.ID] || known[sourceKey(&e, start)]
	})
	if len(ids) == 0 {
		return s, nil
	}
	decided, err := decidedIn(ctx, t.Runs, user, ids)
	if err != nil {
		return nil, err
	}
	// A decision may be about other days, too.
	s.decisions = counting(decided, newest)
	for i := range s.decisions {
		d := &s.decisions[i]
		d.Verdicts = slices.DeleteFunc(d.Verdicts, func(v decision.Verdict) bool { return newest[v.Key] == nil })
	}
	s.decisions = slices.DeleteFunc(s.decisions, func(d decision.Decision) bool { return len(d.Verdicts) == 0 })
	return s, nil
}

// input returns the events as their source had them. What was taken out otherwise than by a decision, as by an undo, stays out.
func (s *snapshots) input() Input {
	in := Input{Decisions: s.decisions, Modified: map[string][]ledger.Change{}, Events: slices.Clone(s.left)}
	for i := range s.entries {
		e := &s.entries[i]
		if decision.Created(e.Key) {
			continue
		}
		event := e.Source
		event.Body, event.BodyDigest, event.BodyUnread, event.Mark = calendar.Body{}, e.BodyDigest, false, ""
		in.Events = append(in.Events, event)
		if changes := byModification(e.Changes); len(changes) > 0 {
			in.Modified[event.ID] = changes
		}
		if e.Outcome == ledger.Withdrawn || e.Outcome == ledger.Declined {
			in.Standing = append(in.Standing, Standing{
				Key: e.Key, Lineage: e.Lineage, SourceHash: e.SourceHash, Outcome: e.Outcome, Decision: e.Decision, EventID: e.Source.ID,
				Appointment: e.Appointment, Source: &e.Source,
			})
		}
	}
	return in
}

// tryRules plans twice.
func tryRules(in Input, before, after *rule.Set) *Tryout {
	in.Rules = before
	was := NewPlan(in)
	in.Rules = after
	then := NewPlan(in)
	t := &Tryout{Before: was.Counts, After: then.Counts, Minutes: ruledMinutes(&was, &then), Rules: triedRules(after.Rules, then.Rules)}
	byEvent := make(map[[2]string]*Item, len(was.Items))
	for i := range was.Items {
		it := &was.Items[i]
		byEvent[[2]string{it.EventID, it.Key}] = it
	}
	for i := range then.Items {
		it := &then.Items[i]
		if old := byEvent[[2]string{it.EventID, it.Key}]; old != nil && differ(old, it) {
			t.Changed = append(t.Changed, RuledItem{Before: old, After: it, Rules: rulesOf(old, it)})
		}
	}
	return t
}

// differ says whether two plans make different things of an event.
func differ(a, b *Item) bool {
	return a.Outcome != b.Outcome || a.Reason != b.Reason || a.By != b.By || StandingHash(&a.Appointment, "") != StandingHash(&b.Appointment, "")
}

// rulesOf returns the ids of the rules that did something to one of two items and not to the other.
func rulesOf(was, then *Item) []string {
	did := func(it *Item) map[ledger.Change]bool {
		all := map[ledger.Change]bool{}
		for _, c := range it.Changes {
			if isRules(&c) {
				c.Version = 0
				all[c] = true
			}
		}
		if strings.HasPrefix(it.Reason, ReasonRule) {
			all[ledger.Change{Reason: it.Reason}] = true
		}
		return all
	}
	ids := map[string]bool{}
	a, b := did(was), did(then)
	for _, pair := range [][2]map[ledger.Change]bool{{a, b}, {b, a}} {
		for c := range pair[0] {
			if !pair[1][c] {
				ids[strings.TrimPrefix(c.Reason, ReasonRule)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// ruledMinutes adds up what two plans put into the archive.
func ruledMinutes(was, then *Plan) []RuledMinutes {
	sums := map[[2]string]*[2]time.Duration{}
	for i, p := range []*Plan{was, then} {
		for j := range p.Items {
			it := &p.Items[j]
			a := &it.Appointment
			if it.Outcome != Archived && it.Outcome != Created || a.AllDay || a.Cancelled || a.Declined {
				continue
			}
			of := [2]string{a.Customer, string(a.BillingType)}
			if sums[of] == nil {
				sums[of] = &[2]time.Duration{}
			}
			sums[of][i] += a.Duration()
		}
	}
	minutes := make([]RuledMinutes, 0, len(sums))
	for of, sum := range sums {
		minutes = append(minutes, RuledMinutes{Customer: of[0], BillingType: calendar.BillingType(of[1]), Before: sum[0].Minutes(), After: sum[1].Minutes()})
	}
	slices.SortFunc(minutes, func(a, b RuledMinutes) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(string(a.BillingType), string(b.BillingType)))
	})
	return minutes
}

// triedRules says of each rule what it did.
func triedRules(rules []rule.Rule, uses []RuleUse) []TriedRule {
	tried := make([]TriedRule, len(rules))
	for i := range rules {
		t := &tried[i]
		t.Rule, t.Matched, t.Acted = rules[i], uses[i].Matched, uses[i].Acted
		for _, first := range slices.SortedFunc(maps.Keys(uses[i].Behind), func(a, b int) int {
			return cmp.Or(uses[i].Behind[b]-uses[i].Behind[a], a-b)
		}) {
			t.By = append(t.By, rules[first].ID)
		}
		switch {
		case !rules[i].On:
			t.State = RuleOff
		case t.Matched == 0:
			t.State = RuleDead
		case t.Acted > 0:
			t.State = RuleActs
		case behind(uses[i].Behind) == t.Matched:
			t.State = RuleShadowed
		default:
			t.State = RuleIdle
		}
	}
	return tried
}

func behind(of map[int]int) (n int) {
	for _, m := range of {
		n += m
	}
	return n
}
