package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
)

// LeftOutKey is where the events that a run left out are kept in blob storage, for tryouts of rules: the ledger has only what was archived, or
// may be. A list of calendar.Event with what rules look at; of people it has the domains of their addresses alone.
func LeftOutKey(run string) string { return "runs/" + run + "/left-out.json" }

// byWhatItIs are the reasons for which an event is left out that other rules, or another purpose, might see otherwise.
var byWhatItIs = []string{ReasonCancelled, ReasonDeclined, ReasonFree, ReasonPersonal, ReasonInvalidCategory}

// leftOut returns what a plan leaves out, as it is kept.
func (p *Plan) leftOut() (events []calendar.Event) {
	for i := range p.Items {
		it := &p.Items[i]
		if it.Outcome != Excluded || it.Event == nil || !slices.Contains(byWhatItIs, it.Reason) && !strings.HasPrefix(it.Reason, ReasonRule) {
			continue
		}
		e := it.Event
		kept := calendar.Event{
			ID: e.ID, ICalUID: e.ICalUID, Type: e.Type, SeriesMasterID: e.SeriesMasterID, OriginalStart: e.OriginalStart, Subject: e.Subject, Start: e.Start,
			End: e.End, StartZone: e.StartZone, EndZone: e.EndZone, AllDay: e.AllDay, Cancelled: e.Cancelled, IsOrganizer: e.IsOrganizer, Response: e.Response,
			ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity, Location: e.Location, Categories: e.Categories,
		}
		kept.Organizer.Address = atDomain(e.Organizer.Address)
		for _, a := range e.Attendees {
			of := calendar.Attendee{Person: calendar.Person{Address: atDomain(a.Address)}}
			if of.Address != "" && !slices.Contains(kept.Attendees, of) {
				kept.Attendees = append(kept.Attendees, of)
			}
		}
		events = append(events, kept)
	}
	return events
}

// atDomain is an address without who it is.
func atDomain(address string) string {
	domain := rule.DomainOf(address)
	if domain == "" {
		return ""
	}
	return "@" + domain
}

// storeLeftOut keeps what the run leaves out. Of a retry, which looks at a part, nothing is kept.
func (s *survey) storeLeftOut(ctx context.Context) error {
	events := s.plan.leftOut()
	if s.only != nil || len(events) == 0 {
		return nil
	}
	text, err := json.Marshal(events)
	if err != nil {
		return fmt.Errorf("store what was left out: %w", err)
	}
	if err := s.attempt.Blobs.Put(ctx, LeftOutKey(s.attempt.run.ID), bytes.NewReader(text)); err != nil {
		return fmt.Errorf("store what was left out: %w", err)
	}
	return nil
}

// mostRuns is how many runs of a config are looked at for what they left out.
const mostRuns = 1000

// leftOut returns the events that start in a window and that runs left out, as the run saw them that looked at their day. Of several runs that did, the one
// counts that looked furthest back, so that few have to be read.
func (t *Tryouts) leftOut(ctx context.Context, user, config string, w calendar.Window) (events []calendar.Event, err error) {
	runs, err := t.archiveRuns(ctx, user, config, w)
	if err != nil {
		return nil, err
	}
	for day := w.To; !day.Before(w.From); {
		var best *run.Run
		for _, r := range runs { // the newest first
			if !day.Before(r.From) && !r.To.Before(day) && (best == nil || r.From.Before(best.From)) {
				best = r
			}
		}
		if best == nil {
			day = day.AddDays(-1)
			continue
		}
		days := calendar.Window{From: best.From, To: day, Zone: w.Zone}
		if days.From.Before(w.From) {
			days.From = w.From
		}
		some, err := t.leftOutBy(ctx, best.ID)
		if err != nil {
			return nil, err
		}
		for i := range some {
			if start, err := some[i].Start.Instant(w.Zone); err == nil && days.Contains(start) {
				events = append(events, some[i])
			}
		}
		day = days.From.AddDays(-1)
	}
	return events, nil
}

// archiveRuns returns the archive runs of a config that looked at days of a window, the newest first.
func (t *Tryouts) archiveRuns(ctx context.Context, user, config string, w calendar.Window) (found []*run.Run, err error) {
	for cursor, seen := "", 0; seen < mostRuns; {
		page, next, err := t.Runs.List(ctx, user, config, 200, cursor)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			whole := r.Kind == run.Archive && r.AttemptOf == "" && (r.State == run.Succeeded || r.State == run.Partial)
			if whole && !w.To.Before(r.From) && !r.To.Before(w.From) {
				found = append(found, r)
			}
		}
		if seen, cursor = seen+len(page), next; next == "" {
			break
		}
	}
	return found, nil
}

// leftOutBy returns what one run left out; none if nothing is kept of it.
func (t *Tryouts) leftOutBy(ctx context.Context, id string) (events []calendar.Event, err error) {
	content, err := t.Blobs.Get(ctx, LeftOutKey(id))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what run %s left out: %w", id, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := json.NewDecoder(content).Decode(&events); err != nil {
		return nil, fault.New(fault.Malformed, "what run %s left out is unreadable: %v", id, err)
	}
	return events, nil
}
