package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/limit"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

func (s *server) undoRoutes() {
	handle(s, route{
		pattern: "POST /v1/runs/{id}/undo", access: byUsers, class: limit.Starts, action: "run.undo",
		tag: tagRuns, summary: "Undo what a run wrote", success: http.StatusAccepted, document: s.undoAnswers,
		description: "With preview=true nothing is written, and the answer is what would happen, with a plan_hash; with dry_run a run finds that out, which " +
			"takes as long as it takes. Otherwise that plan_hash is needed: when something changed since, the answer is 409 with the code changed, or the " +
			"run fails with it. The answer is then 202 with a run of kind undo, which can be undone like " +
			"any other. What was changed since, by a later run or in the calendar, is left as it is.",
	}, s.undoRun)
}

type undoInput struct {
	PlanHash string `json:"plan_hash,omitempty" doc:"That of the preview; needed unless this is one."`
	Cascade  bool   `json:"cascade,omitempty" doc:"Undo also the later runs that stand in the way, first."`
	Force    bool   `json:"force,omitempty" doc:"Undo also what was changed in the calendar since."`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Start a run that finds out what would happen, and writes nothing: its result has the plan_hash."`
}

// undoPlanView is what undoing would do, as a response has it.
type undoPlanView struct {
	Runs   []string             `json:"runs" doc:"The runs that are undone, the newest first."`
	Later  []string             `json:"later" doc:"Runs that wrote later versions of the same, the newest first; with cascade they are undone first."`
	Items  []undoItemView       `json:"items" doc:"The newest first."`
	More   int                  `json:"more,omitempty" doc:"How many items are not listed."`
	Counts undo.Totals          `json:"counts"`
	Hours  []undo.CustomerHours `json:"hours"`
	Hash   string               `json:"plan_hash" doc:"To be given when it is carried out."`
}

type undoItemView struct {
	Key         string       `json:"key"`
	Outcome     string       `json:"outcome" enum:"undone,skipped"`
	Does        string       `json:"does" enum:"removes,changes,creates,records,gone,nothing" doc:"What happens in the calendar."`
	Reason      string       `json:"reason,omitempty" enum:"changed_since,altered_in_calendar,locked,approved_timesheet,erased,adopted" doc:"Why it stays."`
	Detail      string       `json:"detail,omitempty" doc:"The reason in words."`
	By          string       `json:"by,omitempty" doc:"The later run that stands in the way."`
	Version     int          `json:"version,omitempty" doc:"Number of the version in the ledger that stands."`
	Restores    int          `json:"restores,omitempty" doc:"Number of the version that stands again; without it there is none."`
	Decision    string       `json:"decision,omitempty" doc:"The decision that is taken back."`
	Appointment appointment  `json:"appointment" doc:"As it stands."`
	Becomes     *appointment `json:"becomes,omitempty" doc:"As it stands again; missing where nothing does."`
}

// mostUndone is how many items of a preview are shown.
const mostUndone = 1000

func viewUndo(p *undo.Plan) undoPlanView {
	v := undoPlanView{Runs: p.Runs, Later: p.Later, Counts: p.Counts, Hours: p.Hours, Hash: p.Hash, More: max(0, len(p.Items)-mostUndone)}
	v.Items = make([]undoItemView, len(p.Items)-v.More)
	for i := range v.Items {
		it := &p.Items[i]
		v.Items[i] = undoItemView{
			Key: it.Key, Outcome: string(it.Outcome), Does: string(it.Does), Reason: string(it.Reason), Detail: it.Detail, By: it.By, Version: it.Version,
			Restores: it.Restores, Decision: it.Decision, Appointment: appointment{it.Appointment},
		}
		if it.Becomes != nil {
			v.Items[i].Becomes = &appointment{*it.Becomes}
		}
	}
	return v
}

type undoAnswer struct {
	Status   int
	Location string `header:"Location" doc:"Of the run that was started, or is under way."`
	Body     any
}

// undoAnswers documents the answers of an undo.
func (s *server) undoAnswers(op *huma.Operation) {
	schemas := s.api.OpenAPI().Components.Schemas
	of := func(t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, "")}}
	}
	op.Responses = map[string]*huma.Response{
		"200": {Description: "What would happen: with preview.", Content: of(reflect.TypeFor[undoPlanView]())},
		"202": {Description: "The run that undoes it: a new one, or the same when it is under way already.", Content: of(reflect.TypeFor[runView]())},
	}
}

func (s *server) undoRun(ctx context.Context, in *struct {
	ByID
	Preview bool `query:"preview" doc:"Show what would happen, and write nothing."`
	Body    *undoInput
}) (*undoAnswer, error) {
	how := undoInput{}
	if in.Body != nil {
		how = *in.Body
	}
	of, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if of.Config != "" {
		c, err := s.Configs.Get(ctx, of.User, of.Config)
		if err == nil {
			err = s.reach(ctx, of.User, c.Source, c.Archive)
		}
		if err != nil {
			return nil, err
		}
	}
	asked := undo.Asked{Cascade: how.Cascade, Force: how.Force, DryRun: how.DryRun, PlanHash: how.PlanHash}
	if how.DryRun {
		asked.PlanHash = ""
	}
	var r *run.Run
	switch {
	case in.Preview:
		var plan undo.Plan
		if _, plan, err = s.Undo.Plan(ctx, of.User, of.ID, asked); err == nil {
			return &undoAnswer{Status: http.StatusOK, Body: viewUndo(&plan)}, nil
		}
	case how.DryRun:
		r, _, err = s.Undo.New(ctx, of.User, of.ID, asked)
	default:
		r, err = s.Undo.Confirmed(ctx, of.User, of.ID, asked)
	}
	switch {
	case errors.Is(err, undo.ErrUnderWay):
		return nil, withCode(codeRunUnderWay, "%s", err)
	case errors.Is(err, undo.ErrNothing):
		return nil, withCode(codeNothingToUndo, "%s", err)
	case errors.Is(err, undo.ErrChanged):
		return nil, withCode(codeChanged, "%s", err)
	case err != nil:
		return nil, err
	}
	started, err := s.launch(ctx, of.User, r)
	if err != nil {
		return nil, err
	}
	return &undoAnswer{Status: http.StatusAccepted, Location: started.Location, Body: started.Body}, nil
}
