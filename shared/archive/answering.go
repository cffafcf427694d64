package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// CopyAnswers are what a user answers to actions about copies in the archive calendar of one config, and to findings that nobody asked about.
type CopyAnswers struct {
	Config Config
	RepairInput
	// Actions say what becomes of what actions ask about, by their ids.
	Actions  map[string]RepairMode
	From, To calendar.Date // zero: the days that the actions are about, or else all
	DryRun   bool
}

// Repair returns the repair run that carries answers out, to be started by the caller; the actions are claimed for it. Errors of kind fault.Invalid name the
// field; an action that is decided already, or is about to be, is an *action.Taken.
func (d *Deciding) Repair(ctx context.Context, user string, all CopyAnswers) (*run.Run, error) {
	if n := len(all.Actions) + len(all.Answers); n > limit.Decisions {
		return nil, fault.Field("actions", "are %d with answers; a request takes at most %d, so send several", n, limit.Decisions)
	}
	in := all.RepairInput
	in.Answers, in.Actions = maps.Clone(in.Answers), slices.Sorted(maps.Keys(all.Actions))
	if in.Answers == nil {
		in.Answers = map[string]RepairMode{}
	}
	asked, err := d.Actions.Many(ctx, user, in.Actions)
	if err != nil {
		return nil, err
	}
	var span action.Span
	for _, a := range asked {
		at, mode := "actions."+a.ID, all.Actions[a.ID]
		switch {
		case a.Finding == "":
			return nil, fault.Field(at, "is not about a copy in an archive calendar; decide it")
		case a.Config != all.Config.ID:
			return nil, fault.Field(at, "is about another config")
		case !slices.Contains(FindingKind(a.Rule).Answers(), mode):
			return nil, fault.Field(at, "must be one of %v, since it is %s", FindingKind(a.Rule).Answers(), a.Rule)
		case in.Answers[a.Finding] != "":
			return nil, fault.Field(at, "is about finding %s, which has an answer already", a.Finding)
		}
		in.Answers[a.Finding] = mode
		span.Add(a.Span.From, a.Span.To)
	}
	r := &run.Run{ID: d.NewID(), User: user, Kind: run.Repair, Config: all.Config.ID, From: all.From, To: all.To, Options: run.Options{DryRun: all.DryRun}}
	if len(asked) > 0 && len(asked) == len(in.Answers) && in.Mode == LeaveFindings && r.From == (calendar.Date{}) {
		settings, err := all.Config.Settings()
		if err != nil {
			return nil, err
		}
		r.From, r.To = calendar.DateOf(span.From, settings.Zone), calendar.DateOf(span.To, settings.Zone)
	}
	if r.Input, err = json.Marshal(in); err != nil {
		return nil, fmt.Errorf("input of a repair: %w", err)
	}
	if all.DryRun || len(in.Actions) == 0 {
		return r, nil
	}
	return r, d.claim(ctx, user, r.ID, in.Actions)
}

// repaired gives the actions free that a repair run was to answer and did not. Those whose findings are gone it has resolved before its end.
func (d *Deciding) repaired(ctx context.Context, r *run.Run) error {
	var in RepairInput
	if err := json.Unmarshal(r.Input, &in); err != nil {
		return fault.New(fault.Malformed, "the input of run %s is unreadable: %v", r.ID, err)
	}
	if len(in.Actions) == 0 {
		return nil
	}
	return d.Actions.Release(ctx, r.User, r.ID, in.Actions)
}
