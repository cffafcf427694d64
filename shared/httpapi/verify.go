package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// VerifyDays are the days that a verify run looks at.
type VerifyDays struct {
	Period string `json:"period,omitempty" doc:"Days in words, as in \"last month\"; without it, and from and to, all days."`
	From   string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
	To     string `json:"to,omitempty" doc:"Last day, included."`
}

func (s *server) verifyRoutes() {
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/verify", access: byUsers, class: limit.Starts, action: "run.start",
		tag: tagRuns, summary: "Start a run that compares the archive calendar with the ledger", success: http.StatusAccepted, document: alsoOK,
		description: "It writes neither. It also compares the ledger with all that was sealed of it, and adds the sums of runs up. What differs is in the run's " +
			"items: missing, altered (with the fields, and both values), duplicate_copy, orphan_copy, foreign, calendar_missing, unsettled. The run ends " +
			"succeeded if nothing differs, partial if something does, failed if the ledger is not what was written.",
	}, s.startVerify)
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/repair", access: byUsers, class: limit.Starts, action: "run.start",
		tag: tagRuns, summary: "Start a run that brings archive calendar and ledger together", success: http.StatusAccepted, document: alsoOK,
		description: "It compares as a verification does. With mode repair the archive calendar gets what the ledger has: what is missing is created again, " +
			"what was altered is put back, orphans are removed. With mode adopt the ledger takes what you changed in the archive calendar, as your decision. " +
			"Foreign events, duplicates, and what is missing are left unless you say so. Actions of kind altered are answered by their ids: 409 with the code " +
			"decided_already says that one is answered, or about to be. The run can be undone.",
	}, s.startRepair)
}

// repairInput is what a repair run does.
type repairInput struct {
	VerifyDays
	Mode         string                `json:"mode,omitempty" enum:"repair,adopt,leave" default:"leave" doc:"What becomes of findings that answers do not name."`
	Missing      bool                  `json:"missing,omitempty" doc:"With mode adopt: what is missing is withdrawn."`
	AllowOverlap bool                  `json:"allow_overlap,omitempty" doc:"What is adopted may share time with other appointments."`
	Answers      map[string]repairMode `json:"answers,omitempty" maxProperties:"200" doc:"By the id of a finding: what becomes of it."`
	Actions      map[string]repairMode `json:"actions,omitempty" maxProperties:"200" doc:"By the id of an action of kind altered: what becomes of it."`
	DryRun       bool                  `json:"dry_run,omitempty" doc:"Say what would be done, and write nothing."`
}

// repairMode is archive.RepairMode in a request.
type repairMode string

// Schema implements huma.SchemaProvider.
func (repairMode) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{
		string(archive.RepairFindings), string(archive.AdoptFindings), string(archive.LeaveFindings),
	}}
}

func (s *server) startRepair(ctx context.Context, in *struct {
	ByIDOrName
	Body repairInput
}) (*runAnswer, error) {
	c, who, err := s.archiveOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := active(c); err != nil {
		return nil, err
	}
	b := &in.Body
	what := archive.CopyAnswers{
		Config: c, RepairInput: archive.RepairInput{Mode: archive.RepairMode(b.Mode), Missing: b.Missing, AllowOverlap: b.AllowOverlap},
		Actions: map[string]archive.RepairMode{}, DryRun: b.DryRun,
	}
	if b.Missing && what.Mode != archive.AdoptFindings {
		return nil, fault.Field("missing", "is for mode adopt")
	}
	if what.Mode == archive.LeaveFindings && len(b.Answers)+len(b.Actions) == 0 {
		return nil, fault.Field("mode", "must be repair or adopt, unless answers or actions say what becomes of single findings")
	}
	for id, answer := range b.Answers {
		if what.Answers == nil {
			what.Answers = map[string]archive.RepairMode{}
		}
		what.Answers[id] = archive.RepairMode(answer)
	}
	for id, answer := range b.Actions {
		what.Actions[id] = archive.RepairMode(answer)
	}
	days := &run.Run{}
	if err := b.days(ctx, s, c, days); err != nil {
		return nil, err
	}
	what.From, what.To = days.From, days.To
	r, err := s.Deciding.Repair(ctx, who, what)
	if taken := (*action.Taken)(nil); errors.As(err, &taken) {
		return nil, withCode(codeDecidedAlready, "%s", err)
	}
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, who, r)
}

// days sets the days of a run of a config's, if there are any.
func (in *VerifyDays) days(ctx context.Context, s *server, c archive.Config, r *run.Run) error {
	if *in == (VerifyDays{}) {
		return nil
	}
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return err
	}
	w, err := window(in.Period, in.From, in.To, settings.Zone, s.Clock(), own.Weekday())
	if err != nil {
		return err
	}
	r.From, r.To = w.From, w.To
	return nil
}

// archiveOf returns the caller's config by its id or name, if the caller may reach its calendars.
func (s *server) archiveOf(ctx context.Context, idOrName string) (c archive.Config, who string, err error) {
	if who, err = user(ctx); err != nil {
		return c, "", err
	}
	if c, err = s.Configs.Named(ctx, who, idOrName); err != nil {
		return c, "", err
	}
	return c, who, s.reach(ctx, who, c.Source, c.Archive)
}

func (s *server) startVerify(ctx context.Context, in *struct {
	ByIDOrName
	Body *VerifyDays
}) (*runAnswer, error) {
	c, who, err := s.archiveOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Verify, Config: c.ID}
	if in.Body != nil {
		if err := in.Body.days(ctx, s, c, r); err != nil {
			return nil, err
		}
	}
	return s.launch(ctx, who, r)
}
