package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Codes of problems of decisions that were not carried out.
const (
	StaleDecision = "stale_decision" // the source is not what the user saw
	WouldOverlap  = "would_overlap"  // what it keeps would share time with what stands
	DaysLocked    = "locked"         // a participant's day is locked
)

// Decider carries out decide runs: what a user decided, in ledger and archive calendar.
type Decider Engine

var _ run.Handler = (*Decider)(nil)

// DecideInput is the input of a decide run.
type DecideInput struct {
	Decisions
	// Windows are the days of the participants; each decision is wholly in one of them.
	Windows []ledger.Days `json:"windows"`
	// Partial says that what can be carried out is carried out when the rest cannot. Without it all is carried out or nothing.
	Partial bool `json:"partial,omitempty"`
}

// DecideResult is what a decide run reports. Participants = kept + changed + merged + dropped + withdrawn + refused.
type DecideResult struct {
	Participants int `json:"participants" doc:"Appointments that were decided about."`
	Kept         int `json:"kept" doc:"That stand as the source has them, or as they stood."`
	Changed      int `json:"changed" doc:"That stand with changes of the user's."`
	Merged       int `json:"merged" doc:"For which another one stands."`
	Dropped      int `json:"dropped" doc:"That are kept out of the archive."`
	Withdrawn    int `json:"withdrawn" doc:"That were taken out of the archive."`
	Refused      int `json:"refused" doc:"Of decisions that were not carried out."`
	Created      int `json:"created" doc:"New appointments without a source; counted apart."`

	Written int `json:"written" doc:"Events written to the archive calendar."`
	Removed int `json:"removed" doc:"Events removed from the archive calendar."`
	Failed  int `json:"failed" doc:"Events that the archive calendar refused."`

	Refusals []Refusal     `json:"refusals,omitempty" doc:"The decisions that were not carried out, and why."`
	Hours    []HoursChange `json:"hours,omitempty" doc:"Customers whose minutes become others, over the days of the participants."`

	LedgerDamaged  bool `json:"ledger_damaged,omitempty" doc:"The ledger is not what was written. Nothing was added to it."`
	ArchiveMissing bool `json:"archive_missing,omitempty" doc:"The archive calendar is gone. Nothing was written."`

	Link string   `json:"link,omitempty" doc:"Hash of the run's link in the ledger's chain."`
	Cost run.Cost `json:"cost"`
}

// Refusal says why a decision was not carried out.
type Refusal struct {
	Decision string `json:"decision"`
	Action   string `json:"action,omitempty" doc:"The action that it answers."`
	Key      string `json:"key" doc:"The participant that it failed for."`
	Code     string `json:"code" doc:"stale_decision, would_overlap or locked."`
	Detail   string `json:"detail"`
}

// HoursChange is what the archive has of a customer before and after.
type HoursChange struct {
	Customer string `json:"customer" doc:"Empty: appointments without a customer."`
	Before   int    `json:"before_minutes"`
	After    int    `json:"after_minutes"`
}

// sealed adds what is known only when the run ends.
func (r *DecideResult) sealed(link string, cost run.Cost) { r.Link, r.Cost = link, cost }

// Balanced says whether every participant is in exactly one bucket.
func (r *DecideResult) Balanced() bool {
	return r.Participants == r.Kept+r.Changed+r.Merged+r.Dropped+r.Withdrawn+r.Refused
}

// Wrote is how many events the run wrote to the archive calendar, or removed from it.
func (r *DecideResult) Wrote() int { return r.Written + r.Removed }

// Sums says what became of the participants.
func (r *DecideResult) Sums() string {
	text := fmt.Sprintf("%d decided", r.Participants-r.Refused+r.Created)
	if r.Refused > 0 {
		text += fmt.Sprintf(", %d refused", r.Refused)
	}
	return text
}

// deciding is one attempt at a decide run.
type deciding struct {
	attempt *Attempt
	input   DecideInput
	surveys []*survey
	refused map[string]*Refusal // by decision
	begun   map[string]bool     // decisions of which an earlier attempt carried out a part
}

// Run carries out a run, or continues it where another worker stopped. For errors see run.Handler.
func (d *Decider) Run(ctx context.Context, rn *run.Run) error {
	a, err := (*Engine)(d).Open(ctx, rn, accessOf(rn))
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	x := &deciding{attempt: a, refused: map[string]*Refusal{}, begun: map[string]bool{}}
	if err := json.Unmarshal(rn.Input, &x.input); err != nil {
		return fault.New(fault.Malformed, "the decisions of run %s are unreadable: %v", rn.ID, err)
	}
	switch {
	case a.damaged != nil:
		return a.endDamaged(ctx, &DecideResult{LedgerDamaged: true})
	case a.lost > 0:
		a.run.Problem = a.archiveMissing()
		return a.End(ctx, run.Failed, &DecideResult{ArchiveMissing: true}, nil)
	}
	if err := x.look(ctx); err != nil {
		return err
	}
	if err := x.keep(); err != nil {
		return err
	}
	if len(x.refused) > 0 && !x.input.Partial && len(x.begun) == 0 {
		return x.end(ctx, run.Failed, nil)
	}
	var changes []Change
	for _, s := range x.surveys {
		if err := s.checkArchive(ctx); err != nil {
			return err
		}
		changes = append(changes, s.changes()...)
	}
	if a.access == Writing {
		if _, err := a.Write(ctx, changes); err != nil {
			return err
		}
	}
	if len(x.refused) > 0 || a.count(Written.failed) > 0 {
		return x.end(ctx, run.Partial, changes)
	}
	return x.end(ctx, run.Succeeded, changes)
}

// keep notes in the run what is not carried out, and, while nothing is written, what becomes of the hours. Each write stores the run, so that a later attempt
// knows it, and so does every other run that comes before one.
func (x *deciding) keep() (err error) {
	kept := DecideResult{Refusals: slices.Collect(x.refusals())}
	if len(x.attempt.run.Result) == 0 {
		kept.Hours = x.hours()
	} else {
		var before DecideResult
		if err := json.Unmarshal(x.attempt.run.Result, &before); err != nil {
			return fmt.Errorf("read what the run kept: %w", err)
		}
		kept.Hours = before.Hours
	}
	x.attempt.run.Result, err = json.Marshal(kept)
	return err
}

// refusals are those of the decisions, in their order.
func (x *deciding) refusals() iter.Seq[Refusal] {
	return func(yield func(Refusal) bool) {
		for i := range x.input.Decisions.Decisions {
			if r := x.refused[x.input.Decisions.Decisions[i].ID]; r != nil && !yield(*r) {
				return
			}
		}
	}
}

// look surveys the windows, and finds the decisions that cannot be carried out.
func (x *deciding) look(ctx context.Context) error {
	left := x.input.Decisions.Decisions
	for _, w := range x.input.Windows {
		s, err := x.attempt.newSurvey(w.From, w.To)
		if err != nil {
			return err
		}
		x.surveys = append(x.surveys, s)
		s.own, s.only = left, keysOf(left)
		if err := s.look(ctx); err != nil {
			return err
		}
		x.noteBegun(s)
		// What is not of this window's days is the next one's; the last one has what is of none.
		if len(x.surveys) < len(x.input.Windows) {
			here := slices.Clone(left)
			here, left = divide(here, s.knows)
			s.own, s.only = here, keysOf(here)
			if err := s.makePlan(ctx); err != nil {
				return err
			}
		}
		if err := x.refuse(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// divide divides decisions into those that fit and the others.
func divide(all []Decided, fits func(*Decided) bool) (some, others []Decided) {
	for i := range all {
		if fits(&all[i]) {
			some = append(some, all[i])
		} else {
			others = append(others, all[i])
		}
	}
	return some, others
}

// keysOf are all keys that decisions have verdicts about.
func keysOf(decided []Decided) map[string]bool {
	keys := map[string]bool{}
	for i := range decided {
		for j := range decided[i].Verdicts {
			v := &decided[i].Verdicts[j]
			keys[v.Key] = true
			if v.Word == decision.Merge {
				keys[v.Target()] = true
			}
		}
	}
	return keys
}

// knows says whether a decision is about what the survey found: something it has a verdict about, or creates, is here.
func (s *survey) knows(d *Decided) bool {
	keys := keysOf([]Decided{*d})
	return slices.ContainsFunc(s.plan.Items, func(it Item) bool { return keys[it.Key] })
}

// noteBegun finds the decisions that an earlier attempt at this run began to carry out, or a run that came in between: they go on, whatever happened since.
func (x *deciding) noteBegun(s *survey) {
	for _, e := range s.attempt.books.newest {
		if e.Decision != "" && RunOf(e.Decision) == s.attempt.run.ID {
			x.begun[e.Decision] = true
		}
	}
}

// refuse takes out the decisions that cannot be carried out, and plans again without them, until the rest can.
func (x *deciding) refuse(ctx context.Context, s *survey) error {
	for {
		known := len(x.refused)
		for i := range s.own {
			d := &s.own[i]
			if x.begun[d.ID] {
				continue
			}
			if r := s.refusalOf(d); r != nil {
				r.Decision, r.Action = d.ID, d.Action
				x.refused[d.ID] = r
			}
		}
		if len(x.refused) == known {
			return nil
		}
		s.own = slices.DeleteFunc(slices.Clone(s.own), func(d Decided) bool { return x.refused[d.ID] != nil })
		s.only = keysOf(s.own)
		if err := s.makePlan(ctx); err != nil {
			return err
		}
	}
}

// refusalOf returns why a decision cannot be carried out; nil if it can.
func (s *survey) refusalOf(d *Decided) *Refusal {
	for _, v := range s.plan.Void {
		if v.Decision == d.ID {
			return &Refusal{Key: v.Key, Code: StaleDecision, Detail: v.Why}
		}
	}
	mine := map[string]*Item{}
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; it.Decision == d.ID {
			mine[it.Key] = it
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keysOf([]Decided{*d}))) {
		it := mine[key]
		if it == nil {
			return &Refusal{Key: key, Code: StaleDecision, Detail: "it is not among what can be decided here any more: the source changed since"}
		}
		if day, locked := s.lockedBy(it); locked && !d.Supplement {
			return &Refusal{Key: key, Code: DaysLocked, Detail: fmt.Sprintf("%s is locked, so that nothing changes what is archived of it, unless the decision "+
				"is to be a supplement: then the customer's next timesheet settles the difference", day)}
		}
	}
	if d.AllowOverlap || s.settings.Overlaps == Keep {
		return nil
	}
	if one, other := s.collision(mine); one != "" {
		return &Refusal{
			Key: one, Code: WouldOverlap,
			Detail: fmt.Sprintf("it would share time with %s, which stands; change its times, or allow the overlap and say why", other),
		}
	}
	return nil
}

// lockedBy says whether a change of the item touches a locked day, and which one.
func (s *survey) lockedBy(it *Item) (day calendar.Date, locked bool) {
	if len(s.attempt.books.head.Locks) == 0 || !s.writes(it) {
		return day, false
	}
	if e := s.attempt.books.newest[it.Key]; e != nil && e.Outcome == ledger.Archived {
		if day, locked = s.attempt.lockedDay(&e.Appointment, s.settings.Zone); locked {
			return day, true
		}
	}
	if it.out {
		return day, false
	}
	return s.attempt.lockedDay(&it.Appointment, s.settings.Zone)
}

// lockedDay is the local day to which an appointment belongs, and whether it is locked for the appointment's customer.
func (a *Attempt) lockedDay(at *calendar.Appointment, zone *time.Location) (calendar.Date, bool) {
	day := at.Day(zone)
	return day, a.books.head.Locks.Has(at.Customer, day)
}

// carriedOut makes of what the archive has, by key, what it has when the survey's decisions are carried out.
func (s *survey) carriedOut(archived map[string]*calendar.Appointment) {
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		switch {
		case it.Decision == "" || s.only != nil && !s.only[it.Key]:
		case it.out:
			delete(archived, it.Key)
		default:
			archived[it.Key] = &it.Appointment
		}
	}
}

// collision returns an item of a decision, and what stands that it would share time with; empty: nothing. What shared that time before is no reason.
func (s *survey) collision(mine map[string]*Item) (key, other string) {
	contends := func(a *calendar.Appointment) bool {
		return !a.Cancelled && !a.Declined && a.ShowAs != calendar.Free && (!a.AllDay || s.settings.AllDayOverlaps)
	}
	before, after := s.attempt.books.archived(), s.attempt.books.archived()
	s.carriedOut(after)
	for _, key := range slices.Sorted(maps.Keys(mine)) {
		a := after[key]
		if a == nil || !contends(a) {
			continue
		}
		if was := before[key]; was != nil && contends(was) && sameTime(was, a) {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(after)) {
			b := after[other]
			if other != key && contends(b) && a.Start.Before(b.End) && b.Start.Before(a.End) {
				return key, other
			}
		}
	}
	return "", ""
}

// end stores what became of each participant, and ends the run.
func (x *deciding) end(ctx context.Context, state run.State, changes []Change) error {
	a := x.attempt
	result := &DecideResult{Written: a.count(Written.shown), Removed: a.count(func(w Written) bool { return w.Removed }), Failed: a.count(Written.failed)}
	items, err := x.items(result)
	if err != nil {
		return err
	}
	if !result.Balanced() {
		return fault.New(fault.Internal, "the sums of decide run %s do not balance: %+v", a.run.ID, *result)
	}
	var kept struct{ Hours []HoursChange }
	if err := json.Unmarshal(a.run.Result, &kept); err != nil {
		return fmt.Errorf("read what the run kept: %w", err)
	}
	result.Hours = kept.Hours
	if state == run.Failed && len(result.Refusals) > 0 {
		first := &result.Refusals[0]
		a.run.Problem = &run.Problem{Code: first.Code, Detail: first.Detail}
		if n := len(result.Refusals); n > 1 {
			a.run.Problem.Detail = fmt.Sprintf("%d decisions cannot be carried out, so that nothing was written; the first: %s", n, first.Detail)
		}
	}
	if err := a.End(ctx, state, result, items); err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("participants", result.Participants).Int("refused", result.Refused).
		Int("written", result.Written).Int("removed", result.Removed).Int("failed", result.Failed).Msg("decide run finished")
	return nil
}

// items returns what became of each participant, in the order of the decisions, and counts it.
func (x *deciding) items(result *DecideResult) (items []run.Item, err error) {
	planned := map[string]*Item{}
	for _, s := range x.surveys {
		for i := range s.plan.Items {
			if it := &s.plan.Items[i]; it.Decision != "" && RunOf(it.Decision) == x.attempt.run.ID {
				planned[it.Key] = it
			}
		}
	}
	for i := range x.input.Decisions.Decisions {
		d := &x.input.Decisions.Decisions[i]
		refusal := x.refused[d.ID]
		if refusal != nil {
			result.Refusals = append(result.Refusals, *refusal)
		}
		for j := range d.Verdicts {
			v := &d.Verdicts[j]
			it := planned[v.Key]
			if it == nil || refusal != nil {
				it = &Item{Key: v.Key, EventID: v.Key, Decision: d.ID, Verdict: v.Word, Reason: ReasonDecision}
				if e := x.attempt.books.newest[v.Key]; e != nil {
					it.Appointment = e.Appointment
				}
			}
			data, err := json.Marshal(it)
			if err != nil {
				return nil, fmt.Errorf("store items: %w", err)
			}
			w := x.attempt.wrote[v.Key]
			item := run.Item{Key: v.Key, Plan: data, Written: w.shown() || w.Removed, Problem: w.Problem}
			if refusal != nil {
				item.Written, item.Problem = false, &run.Problem{Code: refusal.Code, Detail: refusal.Detail}
			}
			items = append(items, item)
			result.count(v, refusal != nil)
		}
	}
	slices.SortFunc(result.Refusals, func(a, b Refusal) int {
		return cmp.Or(strings.Compare(a.Decision, b.Decision), strings.Compare(a.Key, b.Key))
	})
	return items, nil
}

// count counts a participant, or what is created, by its verdict.
func (r *DecideResult) count(v *decision.Verdict, refused bool) {
	switch {
	case v.Word == decision.Create && refused:
		return
	case v.Word == decision.Create:
		r.Created++
		return
	}
	r.Participants++
	switch {
	case refused:
		r.Refused++
	case v.Word == decision.Drop:
		r.Dropped++
	case v.Word == decision.Withdraw:
		r.Withdrawn++
	case v.Word == decision.Merge && v.Target() != v.Key:
		r.Merged++
	case v.Word == decision.KeepAs, v.Word == decision.Merge, v.Word == decision.Accept:
		r.Changed++
	default:
		r.Kept++
	}
}

// hours compares what the archive has of each customer before and after, over the windows. Nothing must have been written yet.
func (x *deciding) hours() []HoursChange {
	before, after := x.attempt.books.archived(), x.attempt.books.archived()
	for _, s := range x.surveys {
		s.carriedOut(after)
	}
	return hoursBetween(before, after, func(a *calendar.Appointment) bool {
		return slices.ContainsFunc(x.surveys, func(s *survey) bool { return s.window.Contains(a.Start) })
	})
}

// hoursBetween compares the minutes of each customer before and after, of the timed appointments that count.
func hoursBetween(before, after map[string]*calendar.Appointment, counts func(*calendar.Appointment) bool) []HoursChange {
	minutes := map[string]*HoursChange{}
	add := func(of map[string]*calendar.Appointment, to func(*HoursChange) *int) {
		for _, a := range of {
			if a.AllDay || !counts(a) {
				continue
			}
			if minutes[a.Customer] == nil {
				minutes[a.Customer] = &HoursChange{Customer: a.Customer}
			}
			*to(minutes[a.Customer]) += int(a.Duration() / time.Minute)
		}
	}
	add(before, func(h *HoursChange) *int { return &h.Before })
	add(after, func(h *HoursChange) *int { return &h.After })
	var changed []HoursChange
	for _, customer := range slices.Sorted(maps.Keys(minutes)) {
		if h := minutes[customer]; h.Before != h.After {
			changed = append(changed, *h)
		}
	}
	return changed
}
