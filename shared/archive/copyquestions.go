package archive

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// CopyQuestions is what a run asked about copies.
type CopyQuestions struct {
	Raised   int `json:"raised,omitempty" doc:"Findings that the run was the first to ask about."`
	Waiting  int `json:"waiting,omitempty" doc:"All findings of the run that wait for you, also those that earlier runs asked about."`
	Resolved int `json:"resolved,omitempty" doc:"Questions that were resolved, because what they asked about is gone."`
	NotAsked int `json:"not_asked,omitempty" doc:"Findings that nobody was asked about, since there are too many."`
}

// Why says in a sentence what the user is asked about a finding; empty: about those nobody is asked.
func (k FindingKind) Why() string {
	switch k {
	case Missing:
		return "The copy of an archived appointment is gone from the archive calendar."
	case Altered:
		return "A copy in the archive calendar shows something else than the ledger has."
	case DuplicateCopy:
		return "Somebody copied an archived appointment in the archive calendar."
	case OrphanCopy:
		return "The archive calendar shows a copy of what the ledger does not have in the archive any more."
	case Foreign:
		return "There is an event in the archive calendar that is not in the ledger."
	}
	return ""
}

// Answers are what can become of a finding of the kind, besides that it is left.
func (k FindingKind) Answers() []RepairMode {
	switch k {
	case Missing, Altered:
		return []RepairMode{RepairFindings, AdoptFindings}
	case OrphanCopy:
		return []RepairMode{RepairFindings}
	case DuplicateCopy, Foreign:
		return []RepairMode{AdoptFindings}
	}
	return nil
}

// askAboutCopies raises a question for each finding, and resolves those of which nothing is found any more, as far as the comparison v looked. waits says
// which findings wait for their user. unlisted is how many findings there are besides.
func (a *Attempt) askAboutCopies(ctx context.Context, v *view, findings []Finding, unlisted int, waits func(*Finding) bool) (CopyQuestions, error) {
	f := action.Findings{
		User: a.run.User, Config: a.config.ID, Run: a.run.ID, Kinds: []action.Kind{action.Altered}, Most: limit.Decisions, Guard: a.hold.Guard, Done: a.hold.Done,
	}
	for i := range findings {
		one := &findings[i]
		if one.Outcome.Why() == "" || one.Outcome == Missing && v.counts.Retention() || !waits(one) {
			continue
		}
		q, err := one.question(a.config.ID)
		if err != nil {
			return CopyQuestions{}, err
		}
		f.Asked = append(f.Asked, q)
	}
	within := func(t time.Time) bool { return v.from.IsZero() || !t.Before(v.from) && t.Before(v.to) }
	f.Near = func(s action.Span) bool { return within(s.From) && within(s.Last) }
	f.Looked = func(q *action.Action) bool {
		if v.counts.Unread > 0 || v.counts.UnreadDays > 0 || unlisted > 0 || v.counts.CalendarMissing {
			return false // what was not found may be there
		}
		return q.Updated.Before(a.run.Created) // else a run asked that compared after this one
	}
	settled, err := action.New(a.table, a.NewID, a.Clock).Settle(ctx, f)
	return CopyQuestions{Raised: settled.Raised[action.Altered], Waiting: settled.Open, Resolved: settled.Resolved, NotAsked: settled.Left}, err
}

// question is what is asked about a finding, without what is in the calendar. It is the same as long as the copy differs in the same way.
func (f *Finding) question(config string) (action.Action, error) {
	differs := f.Differences
	if f.Outcome != Altered && f.Outcome != Missing { // what the ledger does not have is all that it shows
		differs = []Difference{{Field: "start", Calendar: f.Appointment.Start.UTC().String()}, {Field: "end", Calendar: f.Appointment.End.UTC().String()},
			{Field: "subject", Calendar: f.Appointment.Subject}, {Field: "categories", Calendar: strings.Join(f.Appointment.Categories, "\n")}}
	}
	text, err := json.Marshal(struct {
		Version int
		Differs []Difference
	}{f.Version, differs})
	if err != nil {
		return action.Action{}, fmt.Errorf("ask about a copy: %w", err)
	}
	q := action.Question{Rule: string(f.Outcome), Finding: f.id(), Participants: []action.Participant{{
		Key: f.name(), Version: f.Version, Hash: fmt.Sprintf("sha256:%x", sha256.Sum256(text)),
	}}}
	q.Span.Add(f.Appointment.Start, f.Appointment.End)
	for i := range f.Differences {
		if d := &f.Differences[i]; d.Field == formNames[inStart] || d.Field == formNames[inEnd] {
			if t, err := time.Parse(time.RFC3339Nano, d.Calendar); err == nil {
				q.Span.Add(t, t)
			}
		}
	}
	asks := action.Ask(action.Altered, config, q)
	asks.Detail = f.Outcome.Why()
	var fields []string
	for _, d := range f.Differences {
		fields = append(fields, strings.ReplaceAll(d.Field, "_", " "))
	}
	if len(fields) > 0 {
		asks.Detail += " They differ in: " + strings.Join(fields, ", ") + "."
	}
	return asks, nil
}

// leftToJob says whether a job's verification leaves a finding to the repair that follows it, by the config.
func leftToJob(rn *run.Run, c *Config, f *Finding) bool {
	return rn.Job != "" && f.Outcome == Altered && slices.Contains([]RepairMode{RepairFindings, AdoptFindings}, RepairMode(c.onEdit()))
}
