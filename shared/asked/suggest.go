package asked

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

// Suggestion is one answer to a question, ready to be given.
type Suggestion struct {
	// Rule is the word of the rule that suggests it, and Why says in a sentence what speaks for it.
	Rule string
	Why  string
	// Verdicts are about participants; what already stands as it should has none. One that creates has no key.
	Verdicts []decision.Verdict
}

// The words of the rules, in the order in which they suggest.
const (
	ByEarlier   = "earlier_decision"
	ByCustomer  = "only_customer"
	ByOrganiser = "you_organise"
	ByAccepted  = "more_accepted"
	ByLongest   = "longest"
	ByTrimming  = "trim"
	ByJourneys  = "usual_journey"
)

// part is a participant as its time counts in suggestions.
type part struct {
	*Participant
	at      *calendar.Appointment
	settled bool // it stands in the archive as the source has it, so that keeping it needs no verdict
}

// Suggestions returns what speaks for itself, the best first; none if no rule fits. Earlier decisions are suggested of every question about appointments;
// the other rules are about appointments that share time. After a suggestion no participants share time any more, and none has time that it did not have.
func (q *Question) Suggestions() []Suggestion {
	if len(q.Participants) == 0 || q.Others > 0 || q.Finding != "" {
		return nil
	}
	parts := make([]part, len(q.Participants))
	for i := range q.Participants {
		p := &q.Participants[i]
		parts[i] = part{Participant: p, at: p.Stands()}
		if p.Archive != nil && p.from == p.Hash {
			parts[i].at, parts[i].settled = p.Archive, true
		}
	}
	var all []Suggestion
	suggest := func(s *Suggestion) {
		if s != nil && len(s.Verdicts) > 0 && !slices.ContainsFunc(all, func(o Suggestion) bool { return reflect.DeepEqual(o.Verdicts, s.Verdicts) }) {
			all = append(all, *s)
		}
	}
	if q.Kind == action.MissingTravel {
		suggest(q.journey())
		return all
	}
	suggest(earlier(parts))
	if q.Kind != action.Overlap || slices.ContainsFunc(parts, func(p part) bool { return p.at == nil || !p.at.Start.Before(p.at.End) }) {
		return all
	}
	top := highest(parts)
	for _, r := range []struct {
		word, why string
		winner    *part
	}{
		{ByCustomer, "%s is the only one with a customer.", only(parts, func(p *part) bool { return p.at.Customer != "" })},
		{ByOrganiser, "%s is the only one that you organise.", ofKnown(parts, func() *part {
			return only(parts, func(p *part) bool { return p.Organiser })
		})},
		{ByAccepted, "More attendees accepted %s than the others.", ofKnown(parts, func() *part {
			return most(parts, func(p *part) int64 { return int64(p.Accepted) })
		})},
		{ByLongest, "%s is the longest.", most(parts, func(p *part) int64 { return int64(p.at.Duration()) })},
	} {
		if r.winner == nil {
			continue
		}
		if top == nil {
			top = r.winner
		}
		suggest(wins(parts, r.winner, r.word, fmt.Sprintf(r.why, called(r.winner))))
	}
	suggest(trimmed(parts, top))
	return all
}

// journey creates the travel that is missing before the later participant; nil if nothing is known of one that the ledger had.
func (q *Question) journey() *Suggestion {
	if q.Travel == nil || len(q.Participants) != 2 {
		return nil
	}
	to := &q.Participants[0]
	for i := range q.Participants {
		p := &q.Participants[i]
		if p.Archive == nil || p.Newest != p.Version {
			return nil // it is not what it was when the journey was missing
		}
		if p.Archive.Start.After(to.Archive.Start) {
			to = p
		}
	}
	a := calendar.Appointment{
		Subject: "Travel", Start: q.Travel.Start, End: q.Travel.Start.Add(time.Duration(q.Travel.Minutes) * time.Minute),
		Sensitivity: calendar.Normal, ShowAs: calendar.Busy,
	}
	if place := strings.Join(strings.Fields(to.Archive.Location), " "); place != "" && to.Archive.Sensitivity == calendar.Normal {
		a.Subject += " to " + place
	}
	if q.Travel.Category != "" {
		a.Categories = []string{q.Travel.Category}
	}
	return &Suggestion{
		Rule: ByJourneys, Why: fmt.Sprintf("Of your %d journeys between the two places half took %d minutes or less.", q.Travel.Journeys, q.Travel.Minutes),
		Verdicts: []decision.Verdict{{Word: decision.Create, Fields: whole(&a)}},
	}
}

// called is a participant in a sentence.
func called(p *part) string { return fmt.Sprintf("%q", p.at.Subject) }

// earlier repeats what was decided of all participants before.
func earlier(parts []part) *Suggestion {
	s := &Suggestion{Rule: ByEarlier, Why: "You decided so before."}
	keys := map[string]bool{}
	for i := range parts {
		keys[parts[i].Key] = true
	}
	var left []calendar.Appointment
	for i := range parts {
		p := &parts[i]
		if p.Earlier == nil || p.Earlier.Word == decision.Create {
			return nil
		}
		v := *p.Earlier
		if v.Word == decision.Merge && !keys[v.Target()] {
			return nil
		}
		if !keys[v.By] {
			v.By = ""
		}
		s.Verdicts = append(s.Verdicts, v)
		if at := p.at; at != nil && (v.Word == decision.Keep || v.Word == decision.KeepAs || v.Word == decision.Accept) {
			stays := *at
			if v.Fields != nil {
				stays.Start, stays.End = *cmp.Or(v.Fields.Start, &stays.Start), *cmp.Or(v.Fields.End, &stays.End)
			}
			if stays.End.Sub(stays.Start) < decision.AtLeast {
				return nil
			}
			left = append(left, stays)
		}
	}
	check := decision.Decision{ID: "suggested", Verdicts: s.Verdicts}
	for i := range parts {
		check.Seen = append(check.Seen, decision.Seen{Key: parts[i].Key, Hash: parts[i].Hash})
	}
	if check.Check() != nil || shareTime(left) {
		return nil
	}
	return s
}

// shareTime says whether any two of some appointments do.
func shareTime(all []calendar.Appointment) bool {
	for i := range all {
		for j := range all[:i] {
			if all[i].Overlaps(&all[j]) {
				return true
			}
		}
	}
	return false
}

// only returns the only participant that fits; nil: none does, or several.
func only(parts []part, fits func(*part) bool) (found *part) {
	for i := range parts {
		if !fits(&parts[i]) {
			continue
		}
		if found != nil {
			return nil
		}
		found = &parts[i]
	}
	return found
}

// most returns the participant that has more of something than any other; nil: several have as much.
func most(parts []part, of func(*part) int64) *part {
	best := of(&parts[0])
	for i := range parts {
		best = max(best, of(&parts[i]))
	}
	return only(parts, func(p *part) bool { return of(p) == best })
}

// highest returns the participant of the highest rank; nil: there are several.
func highest(parts []part) *part {
	return most(parts, func(p *part) int64 { return int64(p.Rank) })
}

// ofKnown returns what a rule finds if it is known of all participants who takes part.
func ofKnown(parts []part, found func() *part) *part {
	if slices.ContainsFunc(parts, func(p part) bool { return !p.People }) {
		return nil
	}
	return found()
}

// keep adds the verdict by which a participant stands as it is.
func (s *Suggestion) keep(p *part) {
	if !p.settled {
		s.Verdicts = append(s.Verdicts, decision.Verdict{Key: p.Key, Word: decision.Keep})
	}
}

// wins keeps the winner and drops what shares its time. The others stand, unless they share time with each other: then nobody knows, and it is nil.
func wins(parts []part, winner *part, rule, why string) *Suggestion {
	s := &Suggestion{Rule: rule, Why: why}
	var left []calendar.Appointment
	for i := range parts {
		p := &parts[i]
		if p.Key != winner.Key && p.at.Overlaps(winner.at) {
			s.Verdicts = append(s.Verdicts, decision.Verdict{Key: p.Key, Word: decision.Drop, By: winner.Key})
			continue
		}
		s.keep(p)
		left = append(left, *p.at)
	}
	if shareTime(left) {
		return nil
	}
	return s
}

// trimmed keeps the winner, and of the others what remains beside it. Something has to remain, and the remains must not share time.
func trimmed(parts []part, winner *part) *Suggestion {
	if winner == nil || winner.at.AllDay {
		return nil
	}
	s := &Suggestion{Rule: ByTrimming, Why: called(winner) + " stands, and of the others what remains beside it."}
	left, remains := []calendar.Appointment{*winner.at}, false
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Key == winner.Key:
			s.keep(p)
			continue
		case !p.at.Overlaps(winner.at):
			s.keep(p)
			left = append(left, *p.at)
			continue
		case p.at.AllDay:
			return nil
		}
		pieces := beside(p.at, winner.at)
		for n, piece := range pieces {
			left, remains = append(left, piece), true
			if n == 0 {
				s.Verdicts = append(s.Verdicts, decision.Verdict{Key: p.Key, Word: decision.KeepAs, Fields: times(&piece)})
			} else {
				s.Verdicts = append(s.Verdicts, decision.Verdict{Word: decision.Create, Fields: whole(&piece)})
			}
		}
		if len(pieces) == 0 {
			s.Verdicts = append(s.Verdicts, decision.Verdict{Key: p.Key, Word: decision.Drop, By: winner.Key})
		}
	}
	if !remains || shareTime(left) {
		return nil
	}
	return s
}

// beside is what remains of an appointment before and after another one, as far as it is long enough for an appointment.
func beside(a, other *calendar.Appointment) (pieces []calendar.Appointment) {
	before, after := *a, *a
	before.End, after.Start = other.Start, other.End
	for _, piece := range []calendar.Appointment{before, after} {
		if piece.Duration() >= decision.AtLeast {
			pieces = append(pieces, piece)
		}
	}
	return pieces
}

// times are the times of an appointment.
func times(a *calendar.Appointment) *decision.Fields {
	return &decision.Fields{Start: instantOf(a.Start), End: instantOf(a.End)}
}

// whole are all fields of an appointment.
func whole(a *calendar.Appointment) *decision.Fields {
	f := times(a)
	categories, sensitivity, showAs := slices.Clone(a.Categories), string(a.Sensitivity), string(a.ShowAs)
	f.Subject, f.Categories = given(a.Subject), &categories
	f.Location, f.Sensitivity, f.ShowAs = given(a.Location), given(sensitivity), given(showAs)
	if f.Subject == nil {
		f.Subject = given("(no subject)")
	}
	if categories == nil {
		f.Categories = &[]string{}
	}
	return f
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func instantOf(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}
