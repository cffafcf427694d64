package archive

import (
	"context"
	"slices"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// asked are the kinds of actions that plans ask for. The others are raised by what the run as a whole came to.
var asked = []action.Kind{action.Overlap, action.Drift, action.OrphanModification, action.MissingCategory, action.StaleDecision, action.Retention}

// askForCategories asks about what a timesheet lacks for want of a customer: what was left out because none can be read from its categories, and travel
// without one. What has no category at all is private, and nobody is asked; nor about what the user has decided.
func (s *survey) askForCategories() {
	if s.settings.Purpose != Timesheet {
		return
	}
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		rule, of := RuleNoCustomer, &it.Appointment
		if it.Outcome == Unchanged && it.Held != nil {
			of = &it.Held.Appointment // what the archive has may have been corrected
		}
		e := s.attempt.books.newest[it.Key]
		switch {
		case it.Decision != "" || it.Held != nil && it.Held.Decision != "":
			continue
		case it.Outcome == Excluded && it.Reason == ReasonInvalidCategory && (e == nil || e.Outcome != ledger.Archived):
		case (it.Outcome == Archived || it.Outcome == Unchanged || it.Outcome == Drifted && it.Accept) && of.Travel && of.Customer == "":
			rule = RuleTravelNoCustomer
		default:
			continue
		}
		s.plan.Actions = append(s.plan.Actions, Action{
			Kind: ActionNoCategory, EventIDs: []string{it.EventID}, Seen: []Seen{{Key: it.Key, Hash: it.Hash}}, Rule: rule, Detail: "it has no customer",
		})
	}
}

// settleQuestions raises what the plan asks, and resolves what it asks no longer. It does so while the run has its archive calendar, before it ends: a run
// that dies in between does it once more, and nobody else does meanwhile. A run that carries out no plan, or a part of one, does nothing.
func (s *survey) settleQuestions(ctx context.Context, state run.State) (action.Settled, error) {
	a := s.attempt
	if a.access != Writing || state == run.Failed || a.lost > 0 || s.only != nil {
		return action.Settled{}, nil
	}
	f := action.Findings{
		User: a.run.User, Config: a.config.ID, Run: a.run.ID, Kinds: asked, Asks: a.asks, Near: s.near, Guard: a.hold.Guard, Done: a.hold.Done,
	}
	items := make(map[Seen]*Item, len(s.plan.Items))
	planned := make(map[string]bool, len(s.plan.Items))
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; it.Reason != ReasonOutsideWindow {
			items[Seen{Key: it.Key, Hash: it.Hash}], planned[it.Key] = it, true
		}
	}
	retention := false
	if a.run.Options.Force { // the user has said that what is missing is gone
		f.Kinds = slices.DeleteFunc(slices.Clone(asked), func(kind action.Kind) bool { return kind == action.Retention })
	}
	for i := range s.plan.Actions {
		if q := &s.plan.Actions[i]; len(q.Seen) > 0 && slices.Contains(f.Kinds, action.Kind(q.Kind)) {
			f.Asked = append(f.Asked, s.question(q, items))
			retention = retention || q.Kind == ActionRetention
		}
	}
	f.Looked = func(q *action.Action) bool {
		return s.lookedAt(q, planned, retention) && !s.stillStale(q, items, f.Asked)
	}
	settled, err := action.New(a.table, a.NewID, a.Clock).Settle(ctx, f)
	a.also = append(a.also, settled.Ops...)
	return settled, err
}

// question is what the plan asks, without what is in the calendar.
func (s *survey) question(of *Action, items map[Seen]*Item) action.Action {
	q := action.Question{Rule: string(of.Rule)}
	for _, seen := range of.Seen {
		p := action.Participant{Key: seen.Key, Hash: seen.Hash}
		e := s.attempt.books.newest[seen.Key]
		if e != nil {
			p.Version = e.Version
		}
		it := items[seen]
		switch {
		case it != nil:
			q.Span.Add(it.Appointment.Start, it.Appointment.End)
			if it.Held != nil {
				q.Span.Add(it.Held.Appointment.Start, it.Held.Appointment.End)
			}
		case e != nil:
			q.Span.Add(e.Appointment.Start, e.Appointment.End)
		}
		q.Participants = append(q.Participants, p)
	}
	kind := action.Kind(of.Kind)
	asks := action.Ask(kind, s.attempt.config.ID, q)
	if kind == action.Retention {
		// What a policy moves away are others every night. It is told once in a month of theirs.
		asks.Of = s.attempt.config.ID + "#" + q.Span.Last.In(s.settings.Zone).Format("2006-01")
	}
	asks.Detail = of.Rule.Why()
	return asks
}

// near says whether the run looked at any of the time of a question.
func (s *survey) near(span action.Span) bool {
	return span.From.Before(s.window.End()) && !span.Last.Before(s.window.Start())
}

// seesAll says whether the run looked at all the days on which something of a span starts.
func (s *survey) seesAll(span action.Span) bool {
	if !s.window.Contains(span.From) || !s.window.Contains(span.Last) {
		return false
	}
	if s.unread != nil {
		for _, u := range s.unread.Spans {
			if span.From.Before(u.To) && !span.Last.Before(u.From) {
				return false
			}
		}
	}
	return true
}

// lookedAt says whether the run looked at all that an open question is about. planned are the keys in its plan; retention says that the plan has found many
// to be missing.
func (s *survey) lookedAt(q *action.Action, planned map[string]bool, retention bool) bool {
	books := &s.attempt.books
	for _, p := range q.Participants {
		if e := books.newest[p.Key]; e != nil && s.hidden[e.Source.ID] {
			return false
		}
	}
	switch {
	case s.seesAll(q.Span):
		return true
	case q.Kind == action.Retention && retention: // what is missing now takes the place of what was missing before
		return s.window.Contains(q.Span.Last)
	case q.Others > 0:
		return false
	}
	before := s.window.Start().Add(-books.head.Longest)
	for _, p := range q.Participants {
		e := books.newest[p.Key]
		// What began before the window and lasts into it stands in the way all the same: the plan knows it.
		stands := q.Kind == action.Overlap && heldFrom(e, before, s.window.Start())
		if !planned[p.Key] && !stands && (e == nil || !s.seesAll(action.Span{From: e.Appointment.Start, Last: e.Appointment.Start})) {
			return false
		}
	}
	return true
}

// stillStale says whether a question about a decision that does not hold any more is still one. The first night asks it and goes on without the decision, so
// that later ones know of none: the source is the one that was asked about, and neither has its user decided since nor does anything else ask about it.
func (s *survey) stillStale(q *action.Action, items map[Seen]*Item, asked []action.Action) bool {
	if q.Kind != action.StaleDecision {
		return false
	}
	return slices.ContainsFunc(q.Participants, func(p action.Participant) bool {
		it, e := items[Seen{Key: p.Key, Hash: p.Hash}], s.attempt.books.newest[p.Key]
		return it != nil && it.Decision == "" && e != nil && e.Decision == "" && e.Reverses == "" && !slices.ContainsFunc(asked, func(a action.Action) bool {
			return slices.ContainsFunc(a.Participants, func(other action.Participant) bool { return other.Key == p.Key })
		})
	})
}

// heldFrom says whether an entry is of the archive and starts between two instants.
func heldFrom(e *ledger.Entry, from, to time.Time) bool {
	return e != nil && e.Outcome != ledger.Conflicted && e.Outcome != ledger.Superseded && calendar.Span{From: from, To: to}.Contains(e.Appointment.Start)
}

// SourceOf is the appointment of an entry as its source had it: what a decision made otherwise is put back.
func SourceOf(e *ledger.Entry) calendar.Appointment {
	a, from := e.Appointment, &e.Source
	if e.Decision == "" {
		return a
	}
	if start, err := from.Start.Instant(time.UTC); err == nil && !from.AllDay {
		if end, err := from.End.Instant(time.UTC); err == nil {
			a.Start, a.End, a.AllDay, a.StartDate, a.EndDate = start, end, false, calendar.Date{}, calendar.Date{}
		}
	}
	a.Subject, a.Location, a.Categories = from.Subject, from.Location, from.Categories
	a.ShowAs, a.Importance = orElse(from.ShowAs, calendar.Unknown), orElse(from.Importance, calendar.NormalImportance)
	a.Sensitivity = orElse(from.Sensitivity, calendar.Normal)
	ruleAgain(&a, e.Changes)
	a.Travel = travelByRule(e.Changes)
	readAnew(&a)
	protect(&a)
	return a
}
