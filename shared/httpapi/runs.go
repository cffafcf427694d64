package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/blob"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

type runInput struct {
	Kind    string `json:"kind" enum:"archive"`
	Config  string `json:"config" minLength:"1" doc:"Id or name of an archive config."`
	Period  string `json:"period,omitempty" doc:"Days in words, as in \"last week\". Without it, from and to: what is not archived yet, and look_back days."`
	From    string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
	To      string `json:"to,omitempty" doc:"Last day, included."`
	Future  bool   `json:"future,omitempty" doc:"Also days that are still to come. Without it they are refused, but for a dry run: a record is of what was."`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Make the plan and write nothing."`
	Force   bool   `json:"force,omitempty" doc:"Go on although the window shrank against the ledger."`
	Replace bool   `json:"replace,omitempty" doc:"Archive the period anew: what differs is replaced, but for what was decided and what is locked. Needs a period."`
	Adopt   bool   `json:"adopt,omitempty" doc:"Use an archive calendar that holds other events, and take copies of another ledger over into this one."`
}

// runView is a run as a response has it.
type runView struct {
	ID          string       `json:"id"`
	Kind        runKind      `json:"kind"`
	Config      string       `json:"config" doc:"Id of the archive config."`
	Calendar    string       `json:"calendar,omitempty" doc:"URI of the calendar that a run which is no archive is about."`
	Job         string       `json:"job,omitempty" doc:"The job that started the run."`
	From        string       `json:"from,omitempty" format:"date" doc:"First day of the window; without it, all there is."`
	To          string       `json:"to,omitempty" format:"date" doc:"Last day of the window, included."`
	DryRun      bool         `json:"dry_run"`
	Force       bool         `json:"force"`
	Adopt       bool         `json:"adopt"`
	AttemptOf   string       `json:"attempt_of,omitempty" doc:"The run whose failed items this one retries."`
	State       string       `json:"state" enum:"queued,running,succeeded,partial,failed,cancelled"`
	Progress    run.Progress `json:"progress"`
	Problem     *run.Problem `json:"problem,omitempty" doc:"Why the run failed."`
	Failed      int          `json:"failed" doc:"Items that failed."`
	Correlation string       `json:"correlation_id"`
	Created     time.Time    `json:"created"`
	Started     *time.Time   `json:"started,omitempty"`
	Ended       *time.Time   `json:"ended,omitempty"`

	result resultView
}

// MarshalJSON adds the result by its name.
func (v runView) MarshalJSON() ([]byte, error) {
	type plain runView
	text, err := json.Marshal(plain(v))
	if err != nil {
		return nil, err
	}
	return v.result.into(text)
}

func (s *server) viewRun(r *run.Run) (v runView, err error) {
	v = runView{
		ID: r.ID, Kind: runKind(r.Kind), Config: r.Config, Calendar: r.Calendar, Job: r.Job, From: r.From.String(), To: r.To.String(),
		DryRun: r.Options.DryRun, Force: r.Options.Force,
		Adopt: r.Options.Adopt, AttemptOf: r.AttemptOf, State: string(r.State), Progress: r.Progress, Problem: r.Problem, Failed: r.Failed,
		Correlation: r.Correlation, Created: r.Created, Started: orNil(r.Started), Ended: orNil(r.Ended),
	}
	v.result.member = s.Kinds.Of(r.Kind).Member
	v.result.result, err = s.Kinds.Result(r)
	return v, err
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type runAnswer struct {
	Status   int
	Location string `header:"Location" doc:"Of a run that was started, or is under way."`
	Body     runView
}

func (s *server) answerRun(r *run.Run) (*runAnswer, error) {
	v, err := s.viewRun(r)
	return &runAnswer{Status: http.StatusOK, Body: v}, err
}

func (s *server) runRoutes() {
	handle(s, route{
		pattern: "POST /v1/runs", access: byUsers, class: limit.Starts, action: "run.start",
		tag: tagRuns, summary: "Start a run that archives a period", success: http.StatusAccepted, document: alsoOK,
		description: "Answers 202 with the new run, or 200 with the same run when it is under way already.",
	}, s.startRun)
	handle(s, route{
		pattern: "GET /v1/runs", access: byUsers, tag: tagRuns, summary: "List runs, the newest first",
		description: "With kind or state a page may have few runs, or none, and still have a next.",
	}, s.listRuns)
	handle(s, route{
		pattern: "GET /v1/runs/{id}", access: byUsers, tag: tagRuns, summary: "Show a run",
		description: "While its state is queued or running, ask again after some seconds. It ends succeeded, partial, failed or cancelled. What it reports " +
			"stands in the member that its kind has for that: of an archive run, result.",
	}, s.getRun)
	handle(s, route{pattern: "GET /v1/runs/{id}/items", access: byUsers, tag: tagRuns, summary: "List what became of each event"}, s.listItems)
	handle(s, route{
		pattern: "GET /v1/runs/{id}/plan", access: byUsers, tag: tagRuns, summary: "Show the run's whole plan", document: s.planBody,
	}, s.getPlan)
	handle(s, route{
		pattern: "POST /v1/runs/{id}/retry", access: byUsers, class: limit.Starts, action: "run.retry",
		tag: tagRuns, summary: "Run the failed items of an ended run again", success: http.StatusAccepted, document: alsoOK,
	}, s.retryRun)
	handle(s, route{
		pattern: "POST /v1/runs/{id}/cancel", access: byUsers, class: limit.Writes, action: "run.cancel",
		tag: tagRuns, summary: "Cancel a run that has not ended",
		description: "What it has written so far stays, and is in the ledger; the next run goes on from there.",
	}, s.cancelRun)
}

func (s *server) startRun(ctx context.Context, in *struct{ Body runInput }) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Named(ctx, who, in.Body.Config)
	if err != nil {
		return nil, err
	}
	if err := s.reach(ctx, who, c.Source, c.Archive); err != nil {
		return nil, err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Configs.NewRun(ctx, &c, archive.Wanted{Period: in.Body.Period, From: in.Body.From, To: in.Body.To, Future: in.Body.Future, Options: run.Options{
		DryRun: in.Body.DryRun, Force: in.Body.Force, Adopt: in.Body.Adopt, Replace: in.Body.Replace,
	}}, s.Clock(), own.Weekday())
	if err != nil {
		return nil, ifInactive(err)
	}
	return s.launch(ctx, who, r)
}

// active says whether runs of the config may be started.
func active(c archive.Config) error { return ifInactive(c.MayRun()) }

// ifInactive gives the failure that a config is not active the code that it has.
func ifInactive(err error) error {
	if errors.Is(err, archive.ErrInactive) {
		return withCode(codeConfigInactive, "%s", err)
	}
	return err
}

// launch starts a run of the user's, which goes to the queue of its kind.
func (s *server) launch(ctx context.Context, who string, r *run.Run) (*runAnswer, error) {
	launcher := run.Launcher{Kinds: s.Kinds, Starters: s.Starters, Clock: s.Clock, NewID: s.NewID}
	r, created, err := launcher.Launch(ctx, who, r)
	if err != nil {
		return nil, err
	}
	return s.answerStart(r, created)
}

// answerStart answers with a run that was created, or was under way already.
func (s *server) answerStart(r *run.Run, created bool) (*runAnswer, error) {
	out, err := s.answerRun(r)
	out.Location = "/v1/runs/" + r.ID
	if created {
		out.Status = http.StatusAccepted
	}
	return out, err
}

// alsoOK documents the answer of a start that found the run under way; 202 is documented as the success.
func alsoOK(op *huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {Description: "The same run is under way already."}}
}

// runPages is how many pages of runs are looked at for one of a kind.
const runPages = 10

func (s *server) listRuns(ctx context.Context, in *struct {
	Paging
	Config   string    `query:"config" doc:"Only runs of this archive config, by id or name."`
	Calendar string    `query:"calendar" doc:"Only those without a config that name the calendar by this URI." example:"local://me/calendars/Work"`
	Kind     runKind   `query:"kind" doc:"Only runs of this kind."`
	State    string    `query:"state" enum:"queued,running,succeeded,partial,failed,cancelled" doc:"Only runs in this state."`
	Since    time.Time `query:"since" doc:"Only runs that were asked for at this instant or later."`
}) (*page[runView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	config, err := s.ofConfig(ctx, who, in.Config)
	if err != nil {
		return nil, err
	}
	if in.Calendar != "" {
		if in.Config != "" {
			return nil, fault.Field("calendar", "is of runs without a config; leave config out")
		}
		uri, err := parseURI("calendar", in.Calendar)
		if err != nil {
			return nil, err
		}
		config = run.CalendarScope(who, uri.String())
	}
	var found []*run.Run
	next := in.Cursor
	for range runPages {
		var runs []*run.Run
		if runs, next, err = s.Runs.List(ctx, who, config, in.Limit-len(found), next); err != nil {
			return nil, err
		}
		for _, r := range runs {
			if r.Created.Before(in.Since) { // and so are all that come after it
				next = ""
				break
			}
			if (in.Kind == "" || runKind(r.Kind) == in.Kind) && (in.State == "" || string(r.State) == in.State) {
				found = append(found, r)
			}
		}
		if next == "" || len(found) == in.Limit {
			break
		}
	}
	return s.pageOfRuns(found, next)
}

// ofConfig is the id of the config that a list is limited to, which may be named by its name; empty if it is not.
func (s *server) ofConfig(ctx context.Context, who, idOrName string) (string, error) {
	if idOrName == "" {
		return "", nil
	}
	c, err := s.Configs.Named(ctx, who, idOrName)
	return c.ID, err
}

func (s *server) pageOfRuns(runs []*run.Run, next string) (_ *page[runView], err error) {
	views := make([]runView, len(runs))
	for i, r := range runs {
		if views[i], err = s.viewRun(r); err != nil {
			return nil, err
		}
	}
	return onePage(views, next, func(v runView) runView { return v }), nil
}

func (s *server) run(ctx context.Context, id string) (*run.Run, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return s.Runs.Get(ctx, who, id)
}

func (s *server) getRun(ctx context.Context, in *ByID) (*runAnswer, error) {
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.answerRun(r)
}

type itemView struct {
	Key     string       `json:"key" doc:"Source key of the event."`
	Written bool         `json:"written" doc:"The archive calendar has it through this run."`
	Problem *run.Problem `json:"problem,omitempty"`
	Plan    itemPlan     `json:"plan"`
}

// place is where a page of items ended: before item Index of page Page as they are stored.
type place struct{ Page, Index int }

func parsePlace(cursor string) (p place, err error) {
	if cursor == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return p, errCursor()
	}
	if n, err := fmt.Sscanf(string(text), "%d.%d", &p.Page, &p.Index); err != nil || n != 2 || p.Page < 0 || p.Index < 0 || p.cursor() != cursor {
		return place{}, errCursor()
	}
	return p, nil
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.Page, p.Index))
}

// itemOutcome is the outcome of a run's item in a query.
type itemOutcome string

// Schema implements huma.SchemaProvider.
func (itemOutcome) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{
		"archived", "unchanged", "merged", "absorbed", "superseded", "conflicted", "excluded", "drifted", "vanished", "created",
		"skipped", "replaced", "refused", "failed", "set_aside", "outside_period", "undone",
		"missing", "altered", "duplicate_copy", "orphan_copy", "foreign", "calendar_missing", "unsettled",
		"added", "changed", "removed", "older",
	}}
}

// itemsInput asks for a run's items.
type itemsInput struct {
	ByID
	Paging
	Outcome itemOutcome `query:"outcome" doc:"Only items with this outcome."`
	Failed  bool        `query:"failed" doc:"Only items that failed."`
}

// fits says whether the item is one of those that are asked for.
func (in *itemsInput) fits(it *run.Item) (bool, error) {
	if in.Failed && it.Problem == nil {
		return false, nil
	}
	if in.Outcome == "" {
		return true, nil
	}
	var plan struct {
		Outcome string `json:"outcome"`
	}
	if err := json.Unmarshal(it.Plan, &plan); err != nil {
		return false, fault.New(fault.Malformed, "item %s is unreadable: %v", it.Key, err)
	}
	return plan.Outcome == string(in.Outcome), nil
}

func (s *server) listItems(ctx context.Context, in *itemsInput) (*page[itemView], error) {
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	at, err := parsePlace(in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &page[itemView]{Body: list[itemView]{Items: []itemView{}}}
	for ; at.Page < r.Pages; at = (place{Page: at.Page + 1}) {
		items, err := s.Runs.Items(ctx, r, at.Page)
		if err != nil {
			return nil, err
		}
		for ; at.Index < len(items); at.Index++ {
			it := &items[at.Index]
			fits, err := in.fits(it)
			if err != nil {
				return nil, err
			}
			if !fits {
				continue
			}
			if len(out.Body.Items) == in.Limit {
				out.Body.Next = at.cursor()
				return out, nil
			}
			out.Body.Items = append(out.Body.Items, itemView{Key: it.Key, Written: it.Written, Problem: it.Problem, Plan: itemPlan(it.Plan)})
		}
	}
	return out, nil
}

// getPlan sends the plan as it was stored when the run ended.
func (s *server) getPlan(ctx context.Context, in *ByID) (*planAnswer, error) {
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	stored, err := s.Blobs.Get(ctx, archive.PlanKey(r.ID))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "run %s has no plan; it is %s", r.ID, r.State)
	}
	if err != nil {
		return nil, err
	}
	defer stored.Close()
	plan := s.newWhole()
	if _, err := io.Copy(plan, stored); err != nil {
		return nil, fmt.Errorf("read the plan of run %s: %w", r.ID, err)
	}
	return &planAnswer{ContentType: "application/json", Body: plan.bytes()}, nil
}

type planAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) planBody(op *huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The plan, in the form that \"archive plan --output json\" prints.",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[planDocument](), true, ""),
		}},
	}}
}

func (s *server) retryRun(ctx context.Context, in *ByID) (*runAnswer, error) {
	r, err := s.run(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	again, err := s.Kinds.Again(r)
	switch {
	case errors.Is(err, run.ErrUnderWay):
		return nil, withCode(codeRunUnderWay, "%s", err)
	case errors.Is(err, run.ErrNoRetry):
		return nil, withCode(codeNothingToRetry, "%s", err)
	case err != nil:
		return nil, err
	}
	if r.Config != "" {
		c, err := s.Configs.Get(ctx, r.User, r.Config)
		if err == nil {
			err = active(c)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.launch(ctx, r.User, again)
}

func (s *server) cancelRun(ctx context.Context, in *ByID) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Runs.Cancel(ctx, who, in.ID, s.Clock())
	if errors.Is(err, run.ErrEnded) {
		return nil, withCode(codeRunEnded, "%s", err)
	}
	if err != nil {
		return nil, err
	}
	return s.answerRun(r)
}
