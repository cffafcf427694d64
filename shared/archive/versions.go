package archive

import (
	"context"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/flag"
	"adminassistant/shared/telemetry"
)

// Shadow is what becomes otherwise when another version of the plan takes the place of the one that counts.
type Shadow struct {
	Flag    string `json:"flag" doc:"The flag that would put it in force."`
	Before  Counts `json:"before" doc:"Events by what becomes of them, as it is."`
	After   Counts `json:"after"`
	Changed int    `json:"changed" doc:"Events that become something else."`
	// Events are the first maxShadowed of them.
	Events []ShadowedEvent `json:"events,omitempty" doc:"Some of them, by start."`
	Hours  []HoursChange   `json:"hours,omitempty" doc:"Customers whose minutes become others, of the events of this run."`
}

// ShadowedEvent is an event that becomes something else.
type ShadowedEvent struct {
	EventID string        `json:"event_id"`
	Key     string        `json:"key"`
	Before  ShadowedState `json:"before"`
	After   ShadowedState `json:"after"`
}

// ShadowedState is what becomes of an event; the zero one is that a plan does not have it.
type ShadowedState struct {
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	By      string  `json:"by,omitempty" doc:"The event that merged, absorbed or superseded it."`
}

// maxShadowed is how many events a Shadow names: it lies in the run's record.
const maxShadowed = 20

// compareVersions notes what the version of the plan that is shadowed would change. It reads nothing more: what only that version would have to read
// counts as unread. A retry is about single events, and shadows nothing.
func (s *survey) compareVersions() {
	if s.only != nil || s.settings.Version != First || !flag.KeptShadow(s.attempt.run.Flags, flag.AlikeDuplicates) {
		return
	}
	s.shadow = shadowOf(s.input, Alike)
	s.shadow.Flag = string(flag.AlikeDuplicates)
}

// tellShadow logs and counts what was noted.
func (s *survey) tellShadow(ctx context.Context) {
	if s.shadow == nil {
		return
	}
	zerolog.Ctx(ctx).Info().Str("flag", s.shadow.Flag).Int("changed", s.shadow.Changed).Msg("plan shadowed")
	if s.shadow.Changed > 0 {
		s.attempt.Metrics.Count(telemetry.Counts{telemetry.PlansDiffer: 1})
	}
}

// shadowOf plans twice and compares. The plan that counts is not one of the two: what the run found in the archive calendar since has changed it.
func shadowOf(in Input, version Version) *Shadow {
	was := NewPlan(in)
	in.Settings.Version = version
	then := NewPlan(in)
	return between(&was, &then)
}

// between compares two plans of the same events.
func between(was, then *Plan) *Shadow {
	after := make(map[string][]*Item, len(then.Items)) // a source may list one id several times, in one order
	for i := range then.Items {
		it := &then.Items[i]
		after[it.EventID] = append(after[it.EventID], it)
	}
	d := &Shadow{Before: was.Counts, After: then.Counts}
	note := func(it *Item, before, after ShadowedState) {
		if before == after {
			return
		}
		if d.Changed++; len(d.Events) < maxShadowed {
			d.Events = append(d.Events, ShadowedEvent{EventID: it.EventID, Key: it.Key, Before: before, After: after})
		}
	}
	for i := range was.Items {
		it := &was.Items[i]
		var becomes ShadowedState
		if others := after[it.EventID]; len(others) > 0 {
			becomes, after[it.EventID] = others[0].shadowed(), others[1:]
		}
		note(it, it.shadowed(), becomes)
	}
	for i := range then.Items { // what the other plan alone has, such as something that vanishes by it
		it := &then.Items[i]
		if others := after[it.EventID]; len(others) > 0 && others[0] == it {
			after[it.EventID] = others[1:]
			note(it, ShadowedState{}, it.shadowed())
		}
	}
	d.Hours = hoursBetween(was.counting(), then.counting(), func(a *calendar.Appointment) bool { return was.Window.Contains(a.Start) })
	return d
}

func (it *Item) shadowed() ShadowedState {
	return ShadowedState{Outcome: it.Outcome, Reason: it.Reason, By: it.By}
}

// counting are the appointments of a plan that the archive has or gets, by key.
func (p *Plan) counting() map[string]*calendar.Appointment {
	all := map[string]*calendar.Appointment{}
	for i := range p.Items {
		it := &p.Items[i]
		switch it.Outcome {
		case Archived, Created:
			if !it.out {
				all[it.Key] = &it.Appointment
			}
		case Unchanged, Drifted, Vanished:
			if it.Held != nil && !it.Accept {
				all[it.Key] = &it.Held.Appointment
			} else {
				all[it.Key] = &it.Appointment
			}
		}
	}
	return all
}
