package archive

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rs/zerolog"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// Runner carries out archive runs.
type Runner Engine

var _ run.Handler = (*Runner)(nil)

// Run carries out a run, or continues it where another worker stopped. When the plan is refused, the run ends as failed and the error is nil.
// For errors see run.Handler.
func (r *Runner) Run(ctx context.Context, rn *run.Run) error {
	a, err := (*Engine)(r).Open(ctx, rn, accessOf(rn))
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if a.damaged != nil {
		return a.endDamaged(ctx, &Result{Balanced: true, LedgerDamaged: true})
	}
	s, err := a.survey(ctx)
	if err != nil {
		return err
	}
	if problem := s.refusal(); problem != nil {
		return s.end(ctx, run.Failed, problem)
	}
	if a.lost > 0 {
		return s.end(ctx, run.Partial, s.archiveMissing())
	}
	if err := s.checkArchive(ctx); err != nil {
		return err
	}
	if err := s.keepHours(); err != nil {
		return err
	}
	s.compareVersions()
	if a.access == Writing {
		renamed, err := s.renamings(ctx)
		if err != nil {
			return err
		}
		if _, err := a.Write(ctx, append(s.changes(), renamed...)); err != nil {
			return err
		}
	}
	switch {
	case s.unread != nil:
		return s.end(ctx, run.Partial, s.unreadable())
	case a.count(Written.failed) > 0:
		return s.end(ctx, run.Partial, nil)
	}
	return s.end(ctx, run.Succeeded, nil)
}

func accessOf(rn *run.Run) Access {
	if rn.Options.DryRun {
		return ReadOnly
	}
	return Writing
}

// Result is what an archive run reports.
type Result struct {
	Counts   Counts `json:"counts"`
	Balanced bool   `json:"balanced"`
	Written  int    `json:"written" doc:"Events written to the archive calendar."`
	Failed   int    `json:"failed" doc:"Events that the archive calendar refused."`
	Overlaps int    `json:"overlaps" doc:"Groups of appointments that share time."`
	Actions  int    `json:"actions" doc:"Things that the user has to decide."`

	// Raised, Waiting and Resolved are of a run that carried out its plan.
	Raised   map[action.Kind]int `json:"raised,omitempty" doc:"Of them, those that no earlier run asked, by the kind of the action."`
	Waiting  int                 `json:"waiting,omitempty" doc:"Of them, those that wait for the user: all but what the user dismissed."`
	Resolved int                 `json:"resolved,omitempty" doc:"Open actions that the run resolved, because what they asked about is gone."`

	Shrunk bool `json:"shrunk,omitempty" doc:"The source shows far fewer events than the ledger holds, so that nothing was done."`

	ArchiveMissing bool `json:"archive_missing,omitempty" doc:"The archive calendar is gone, and the ledger holds appointments in it. Nothing was written."`
	LedgerDamaged  bool `json:"ledger_damaged,omitempty" doc:"The ledger is not what was written. Nothing was added to it."`
	KeysChanged    bool `json:"keys_changed,omitempty" doc:"The source shows its events under other ids than the ledger, so that nothing was done."`
	UnreadableDays int  `json:"unreadable_days,omitempty" doc:"Days of the source that could not be read. All others were archived."`
	Unsettled      int  `json:"unsettled,omitempty" doc:"In a dry run: entries that an earlier run left open. They count as not archived here."`
	Adopted        int  `json:"adopted,omitempty" doc:"Copies of another ledger that this ledger adopted, or in a dry run would adopt."`
	LeftAside      int  `json:"left_aside,omitempty" doc:"Copies of another ledger that were not adopted: a second one of an event, or of an unknown event."`

	// DuplicateCopies counts what the run saw of them: it looks into the archive calendar where it creates copies.
	DuplicateCopies int `json:"duplicate_copies,omitempty" doc:"Events of the user's in the archive calendar that carry a mark of ours: pasted copies of copies."`

	// Otherwise is told as long as the config names a calendar by what it is not known by any more.
	Otherwise []string `json:"found_otherwise,omitempty" doc:"Calendars that were found by something else than what the config names them by."`

	Hours []HoursChange `json:"hours,omitempty" doc:"Of a replace run: customers whose minutes become others."`

	// Shadow is told where an administrator has a version of the plan shadowed.
	Shadow *Shadow `json:"shadow,omitempty" doc:"What another version of the plan would change. Nothing was changed by it."`

	Link string   `json:"link,omitempty" doc:"Hash of the run's link in the ledger's chain."`
	Cost run.Cost `json:"cost"`
}

// keepHours notes in a replace run what becomes of the hours, while nothing is written. Each write stores the run, so that a later attempt knows it.
func (s *survey) keepHours() (err error) {
	a := s.attempt
	if !a.run.Options.Replace || len(a.run.Result) > 0 {
		return nil
	}
	before, after := a.books.archived(), a.books.archived()
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; s.writes(it) && !it.out && (it.Outcome == Archived || it.Outcome == Created || it.Accept) {
			after[it.Key] = &it.Appointment
		}
	}
	a.run.Result, err = json.Marshal(Result{Hours: hoursBetween(before, after, func(a *calendar.Appointment) bool { return s.window.Contains(a.Start) })})
	return err
}

// sealed adds what is known only when the run ends: the hash of its link and its cost.
func (r *Result) sealed(link string, cost run.Cost) { r.Link, r.Cost = link, cost }

// endDamaged ends a run that may add nothing to the ledger.
func (a *Attempt) endDamaged(ctx context.Context, result report) error {
	zerolog.Ctx(ctx).Error().Err(a.damaged).Msg("ledger damaged")
	a.run.Problem = &run.Problem{
		Code:   LedgerDamaged,
		Detail: a.damaged.Error() + "; nothing was written. See what does not fit: admin-assistant ledger verify --config " + a.config.ID,
	}
	return a.End(ctx, run.Failed, result, nil)
}

// LedgerDamaged is the code of the problem of a run that found the ledger to be not what was written.
const LedgerDamaged = "ledger_damaged"

// end stores what became of each event, and ends the run.
func (s *survey) end(ctx context.Context, state run.State, problem *run.Problem) error {
	a := s.attempt
	items := make([]run.Item, len(s.plan.Items))
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		s.noteCuts(it)
		s.noteElsewhere(it)
		data, err := json.Marshal(it)
		if err != nil {
			return fmt.Errorf("store items: %w", err)
		}
		w := a.wrote[it.Key]
		items[i] = run.Item{Key: it.Key, Plan: data, Written: w.shown(), Problem: w.Problem}
	}
	if err := s.storePlan(ctx); err != nil {
		return err
	}
	if err := s.storeLeftOut(ctx); err != nil {
		return err
	}
	settled, err := s.settleQuestions(ctx, state)
	if err != nil {
		return err
	}
	result := Result{
		Counts: s.plan.Counts, Balanced: s.plan.Balanced(), Written: a.count(Written.shown), Failed: a.count(Written.failed), Overlaps: len(s.plan.Overlaps),
		Actions: len(s.plan.Actions), Shrunk: s.shrunk, KeysChanged: s.rekeyed,
		ArchiveMissing: a.lost > 0, Unsettled: a.unsettled, Adopted: s.adopted + a.count(Written.adopted), LeftAside: s.leftAside,
		DuplicateCopies: s.duplicates, Raised: settled.Raised, Waiting: settled.Open, Resolved: settled.Resolved, Otherwise: a.otherwise(), Shadow: s.shadow,
	}
	if a.run.Options.Replace && len(a.run.Result) > 0 {
		var kept Result
		if err := json.Unmarshal(a.run.Result, &kept); err != nil {
			return fmt.Errorf("read what the run kept: %w", err)
		}
		result.Hours = kept.Hours
	}
	a.run.Problem = problem
	through := s.window.To
	if s.unread != nil {
		result.UnreadableDays = len(s.unread.Spans)
		through = calendar.DateOf(s.unread.Spans[0].From, s.settings.Zone).AddDays(-1)
	}
	if state != run.Failed && a.lost == 0 && s.only == nil && !through.Before(s.window.From) {
		a.reached(through)
	}
	if err := a.End(ctx, state, &result, items); err != nil {
		return err
	}
	s.tellShadow(ctx)
	c := &s.plan.Counts
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("fetched", c.Fetched).Int("archived", c.Archived).Int("unchanged", c.Unchanged).
		Int("conflicted", c.Conflicted).Int("drifted", c.Drifted).Int("vanished", c.Vanished).Int("failed", result.Failed).Msg("archive run finished")
	return nil
}

// noteCuts says on an item what the archive calendar does not keep of the copy that the run wrote, or would write.
func (s *survey) noteCuts(it *Item) {
	a := s.attempt
	if a.archive.uri.Provider != calendar.ProviderGraph || !a.wrote[it.Key].shown() && !s.writes(it) {
		return
	}
	d := calendar.Draft{Subject: it.Appointment.Subject, Location: it.Appointment.Location, Categories: it.Appointment.Categories}
	it.Issues = append(it.Issues, d.FitOutlook(false)...)
}

// noteElsewhere says on an item that its copy is in another calendar than the archive, where the run did not find it to change it.
func (s *survey) noteElsewhere(it *Item) {
	if name, there := s.attempt.elsewhere[it.Key]; there {
		it.Issues = append(it.Issues, fmt.Sprintf("its copy was moved to calendar %q, where it stays as it was; the archive has a new one, so delete the other "+
			"one if you do not need it", name))
	}
}

// refusal returns why the plan must not be carried out; nil if it may be.
func (s *survey) refusal() *run.Problem {
	if !s.plan.Balanced() {
		return &run.Problem{Code: fault.Internal.String(), Detail: "the sums do not balance: " + s.plan.Counts.String()}
	}
	if s.attempt.run.Options.Force || s.only != nil {
		return nil
	}
	held, fetched := s.attempt.books.heldIn(s.window, s.unread), 0
	for i := range s.plan.Items {
		if it := &s.plan.Items[i]; it.Event != nil && it.Reason != ReasonOutsideWindow {
			fetched++
		}
	}
	if held-fetched < many || 2*fetched >= held {
		return s.otherKeys(held)
	}
	detail := fmt.Sprintf("the source shows %s where the ledger holds %d; if that is right, run again with force", run.Counted(fetched, "event", "events"), held)
	s.shrunk = true
	s.plan.Actions = append(s.plan.Actions, Action{Kind: ActionShrunkWindow, EventIDs: []string{}, Seen: []Seen{}, Detail: detail})
	return &run.Problem{Code: fault.Conflict.String(), Detail: detail}
}

// otherKeys returns why nothing must be written if the source has most of what is held no longer, and as many events that are new: Outlook may have given
// all of them other ids, and every hour would count twice.
func (s *survey) otherKeys(held int) *run.Problem {
	missing, fresh := s.plan.Counts.Vanished, 0
	for i := range s.plan.Items {
		it := &s.plan.Items[i]
		waits := it.Outcome == Archived || it.Outcome == Superseded || it.Outcome == Conflicted
		if waits && s.attempt.books.newest[it.Key] == nil && s.attempt.wrote[it.Key] == (Written{}) {
			fresh++
		}
	}
	if missing < many || fresh < many || 2*missing <= held {
		return nil
	}
	detail := fmt.Sprintf("%d of the %d appointments that were archived of these days are no longer in the source, and %d others are new: Outlook may have "+
		"given the same events other ids. Nothing was written, so that no hour counts twice; if they are other events indeed, run again with force",
		missing, held, fresh)
	s.rekeyed = true
	s.plan.Actions = append(s.plan.Actions, Action{Kind: ActionKeysChanged, EventIDs: []string{}, Seen: []Seen{}, Detail: detail})
	return &run.Problem{Code: fault.Conflict.String(), Detail: detail}
}

// archiveMissing returns the problem of a run whose archive calendar is gone, and adds the action for it to the plan.
func (s *survey) archiveMissing() *run.Problem {
	problem := s.attempt.archiveMissing()
	s.plan.Actions = append(s.plan.Actions, Action{Kind: ActionArchiveMissing, EventIDs: []string{}, Seen: []Seen{}, Detail: problem.Detail})
	return problem
}

// archiveMissing is the problem of a run whose archive calendar is gone.
func (a *Attempt) archiveMissing() *run.Problem {
	uri := a.config.Archive
	appointments := run.Counted(a.lost, "appointment", "appointments")
	detail := fmt.Sprintf("archive calendar %q is gone, though the ledger holds %s in it, so nothing was written; bring it back, in Outlook from "+
		"the deleted items, or begin with an empty one: admin-assistant calendar create %s", uri.Calendar, appointments, uri)
	return &run.Problem{Code: fault.NotFound.String(), Detail: detail}
}
