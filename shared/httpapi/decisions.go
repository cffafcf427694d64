package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

func (s *server) decisionRoutes() {
	handle(s, route{
		pattern: "POST /v1/decisions", access: byUsers, class: limit.Starts, action: "decision.make",
		tag: tagActions, summary: "Decide about appointments", success: http.StatusAccepted, document: alsoOK,
		description: "Up to 200 decisions of one archive config, carried out by one run of kind decide: each answers an action, or corrects appointments that " +
			"nobody asked about. With preview the run writes nothing, and its result says what would become of the hours. 409 with the code " +
			"stale_decision: an appointment is not what you saw; with decided_already: the action is decided, or about to be, and the detail says by what.",
	}, s.decide)
}

// decisionKey is decision.Seen in a request.
type decisionKey struct {
	Key  string `json:"key"`
	Hash string `json:"hash" doc:"Content hash of the source, as in the action or the ledger."`
}

// verdictWord is decision.Word in requests and answers.
type verdictWord string

// Schema implements huma.SchemaProvider.
func (verdictWord) Schema(huma.Registry) *huma.Schema { return wordsOf(decision.Words) }

// verdictField is decision.Field in requests and answers.
type verdictField string

// Schema implements huma.SchemaProvider.
func (verdictField) Schema(huma.Registry) *huma.Schema { return wordsOf(decision.AllFields) }

func wordsOf[T ~string](all []T) *huma.Schema {
	words := make([]any, len(all))
	for i, word := range all {
		words[i] = string(word)
	}
	return &huma.Schema{Type: huma.TypeString, Enum: words}
}

// verdictView is decision.Verdict in requests and answers.
type verdictView struct {
	Key     string         `json:"key,omitempty" doc:"Source key; may be left out of create."`
	Verdict verdictWord    `json:"verdict" doc:"What becomes of the appointment."`
	By      string         `json:"by,omitempty" doc:"Of drop: the key of the one that won."`
	Into    string         `json:"into,omitempty" doc:"Of merge: the key of the one that stands."`
	Only    []verdictField `json:"only,omitempty" nullable:"false" doc:"Of accept: the fields that are accepted; all without it."`
	Fields  *verdictFields `json:"fields,omitempty" doc:"Of keep_as, create and merge: the new values."`
}

type verdictFields struct {
	Start       *time.Time `json:"start,omitempty"`
	End         *time.Time `json:"end,omitempty" doc:"A minute after the start, or later."`
	Subject     *string    `json:"subject,omitempty"`
	Location    *string    `json:"location,omitempty"`
	Categories  *[]string  `json:"categories,omitempty" nullable:"false" doc:"Empty: none."`
	Sensitivity *string    `json:"sensitivity,omitempty"`
	ShowAs      *string    `json:"show_as,omitempty"`
	Body        *string    `json:"body,omitempty" doc:"Plain text."`
}

func (v *verdictView) verdict() decision.Verdict {
	d := decision.Verdict{Key: v.Key, Word: decision.Word(v.Verdict), By: v.By, Into: v.Into, Fields: (*decision.Fields)(v.Fields)}
	for _, f := range v.Only {
		d.Only = append(d.Only, decision.Field(f))
	}
	return d
}

func viewVerdict(d *decision.Verdict) verdictView {
	v := verdictView{Key: d.Key, Verdict: verdictWord(d.Word), By: d.By, Into: d.Into, Fields: (*verdictFields)(d.Fields)}
	for _, f := range d.Only {
		v.Only = append(v.Only, verdictField(f))
	}
	return v
}

// VerdictsInput is what becomes of appointments.
type VerdictsInput struct {
	Verdicts     []verdictView `json:"verdicts" minItems:"1" nullable:"false" doc:"One for each appointment."`
	Note         string        `json:"note,omitempty" doc:"Why; 500 characters at most."`
	AllowOverlap bool          `json:"allow_overlap,omitempty" doc:"What stands then may share time with other appointments; needs a note."`
	Supplement   bool          `json:"supplement,omitempty" doc:"Locked days may change; needs a note. The customer's next timesheet settles the difference."`
}

func (in *VerdictsInput) answer(of string) archive.Answer {
	a := archive.Answer{Action: of, Note: in.Note, AllowOverlap: in.AllowOverlap, Supplement: in.Supplement}
	for i := range in.Verdicts {
		a.Verdicts = append(a.Verdicts, in.Verdicts[i].verdict())
	}
	return a
}

type decisionInput struct {
	VerdictsInput
	Action string        `json:"action,omitempty" doc:"Id of the action that it answers; without it nobody asked."`
	Seen   []decisionKey `json:"seen,omitempty" nullable:"false" doc:"The appointments as you saw them; without it as the action has them, or the ledger."`
}

type decisionsInput struct {
	Config    string          `json:"config" doc:"Archive config, by id or name."`
	Decisions []decisionInput `json:"decisions" minItems:"1" maxItems:"200" nullable:"false"`
	Partial   bool            `json:"partial,omitempty" doc:"Carry out what can be carried out, when something cannot; without it all or nothing."`
	Preview   bool            `json:"preview,omitempty" doc:"Write nothing; the run's result says what would happen."`
}

func (s *server) decide(ctx context.Context, in *struct{ Body decisionsInput }) (*runAnswer, error) {
	asked := archive.Asked{Partial: in.Body.Partial, DryRun: in.Body.Preview}
	for i := range in.Body.Decisions {
		d := &in.Body.Decisions[i]
		a := d.answer(d.Action)
		for _, k := range d.Seen {
			a.Seen = append(a.Seen, decision.Seen{Key: k.Key, Hash: k.Hash})
		}
		asked.Answers = append(asked.Answers, a)
	}
	return s.carryOut(ctx, in.Body.Config, asked)
}

// carryOut starts the run that carries out what the caller decided about a config.
func (s *server) carryOut(ctx context.Context, config string, asked archive.Asked) (*runAnswer, error) {
	c, who, err := s.archiveOf(ctx, config)
	if err == nil {
		err = active(c)
	}
	if err != nil {
		return nil, err
	}
	asked.Config = c.ID
	r, err := s.Deciding.Run(ctx, who, asked)
	var taken *action.Taken
	switch {
	case errors.Is(err, archive.ErrStale):
		return nil, withCode(archive.StaleDecision, "%s", err)
	case errors.As(err, &taken):
		return nil, withCode(codeDecidedAlready, "%s", err)
	case err != nil:
		return nil, err
	}
	return s.launch(ctx, who, r)
}

type resolveInput struct {
	VerdictsInput
	Preview bool `json:"preview,omitempty" doc:"Write nothing; the run's result says what would happen."`
}

type resolveAnswer struct {
	Status   int
	Location string `header:"Location" doc:"Of the run that carries the decision out."`
	Body     any
}

// resolveAnswers documents the answers of resolving an action.
func (s *server) resolveAnswers(op *huma.Operation) {
	schemas := s.api.OpenAPI().Components.Schemas
	of := func(t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, "")}}
	}
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The action: without verdicts.", Content: of(reflect.TypeFor[ActionView]())},
		"202": {Description: "The run that carries the decision out.", Content: of(reflect.TypeFor[runView]())},
	}
}

func (s *server) resolveAction(ctx context.Context, in *struct {
	ByID
	Body *resolveInput
}) (*resolveAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body == nil {
		a, err := s.Actions.Resolve(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &resolveAnswer{Status: http.StatusOK, Body: viewAction(a)}, nil
	}
	a, err := s.Actions.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if len(a.Participants) == 0 {
		return nil, fault.Field("verdicts", "are of actions about appointments, and action %s is about none", a.ID)
	}
	started, err := s.carryOut(ctx, a.Config, archive.Asked{Answers: []archive.Answer{in.Body.answer(a.ID)}, DryRun: in.Body.Preview})
	if field := fault.FieldOf(err); fault.Of(err) == fault.Invalid {
		const first = "decisions[0]."
		return nil, fault.Field(strings.TrimPrefix(field, first), "%s", strings.TrimPrefix(err.Error(), field+" "))
	}
	if err != nil {
		return nil, err
	}
	return &resolveAnswer{Status: http.StatusAccepted, Location: started.Location, Body: started.Body}, nil
}
