package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/asked"
	"adminassistant/shared/limit"
)

// actionKind is action.Kind in answers and queries.
type actionKind string

// Schema implements huma.SchemaProvider.
func (actionKind) Schema(huma.Registry) *huma.Schema {
	var kinds []any
	for _, kind := range action.Kinds() {
		kinds = append(kinds, string(kind))
	}
	return &huma.Schema{Type: huma.TypeString, Enum: kinds}
}

// ActionView is an action as a response has it. Its name is exported so that what has all of it is described as well.
type ActionView struct {
	ID      string             `json:"id"`
	Kind    actionKind         `json:"kind"`
	State   string             `json:"state" enum:"open,resolved,dismissed"`
	Subject actionSubjectView  `json:"subject" doc:"What it is about."`
	Detail  string             `json:"detail" doc:"What happened and what to do."`
	Config  string             `json:"config,omitempty" doc:"Id of the archive config that it is about."`
	Rule    string             `json:"rule,omitempty" doc:"Word of the rule that asked, of an action about appointments."`
	Span    *actionSpanView    `json:"span,omitempty" doc:"When its appointments are."`
	Since   time.Time          `json:"since" doc:"When what it is about happened last."`
	History []actionChangeView `json:"history" nullable:"false" doc:"The first change, and the newest ones."`
	Created time.Time          `json:"created"`
	Updated time.Time          `json:"updated"`
}

type actionSpanView struct {
	From time.Time `json:"from" doc:"The earliest start."`
	To   time.Time `json:"to" doc:"The latest end."`
}

// actionDetail is an action with what it asks about.
type actionDetail struct {
	ActionView
	Why          string            `json:"why,omitempty" doc:"Why it was asked, in a sentence."`
	Participants []participantView `json:"participants" nullable:"false" doc:"The appointments that it is about, by key."`
	Others       int               `json:"others,omitempty" doc:"How many more it is about."`
	Suggestions  []suggestionView  `json:"suggestions" nullable:"false" doc:"Answers that something speaks for, the best first; none when no rule fits."`
	Finding      *findingView      `json:"finding,omitempty" doc:"What a verification found, of a question about a copy in the archive calendar."`
}

// findingView is archive.Finding in an answer.
type findingView struct {
	ID          string           `json:"id" doc:"By which a repair answers it."`
	Found       findingKind      `json:"found" doc:"What is wrong."`
	Key         string           `json:"key,omitempty" doc:"Of the ledger. Left out: it has nothing of it."`
	EventID     string           `json:"event_id,omitempty" doc:"In the archive calendar."`
	Appointment *appointment     `json:"appointment,omitempty" doc:"What the ledger has; or else what the calendar shows."`
	Differences []differenceView `json:"differences" nullable:"false" doc:"The fields in which the copy differs."`
	Detail      string           `json:"detail,omitempty"`
	Answers     []repairMode     `json:"answers" nullable:"false" doc:"What can become of it, as the repair of the config takes it, besides that it is left."`
}

type differenceView struct {
	Field    string `json:"field"`
	Ledger   string `json:"ledger"`
	Calendar string `json:"calendar"`
}

// findingKind is archive.FindingKind in answers.
type findingKind string

// Schema implements huma.SchemaProvider.
func (findingKind) Schema(huma.Registry) *huma.Schema { return wordsOf(archive.FindingKinds) }

func viewFinding(q *asked.Question) *findingView {
	if q.Finding == "" {
		return nil
	}
	v := &findingView{ID: q.Finding, Found: findingKind(q.Rule), Differences: []differenceView{}, Answers: []repairMode{}}
	for _, mode := range archive.FindingKind(q.Rule).Answers() {
		v.Answers = append(v.Answers, repairMode(mode))
	}
	if f := q.Found; f != nil {
		v.Key, v.EventID, v.Appointment, v.Detail = f.Key, f.EventID, &appointment{f.Appointment}, f.Detail
		for _, d := range f.Differences {
			v.Differences = append(v.Differences, differenceView(d))
		}
	}
	return v
}

// suggestionView is an answer to an action, ready to be sent.
type suggestionView struct {
	Rule     string        `json:"rule" enum:"earlier_decision,only_customer,you_organise,more_accepted,longest,trim,usual_journey" doc:"Which suggests it."`
	Why      string        `json:"why" doc:"What speaks for it, in a sentence."`
	Verdicts []verdictView `json:"verdicts" nullable:"false" doc:"As POST /v1/actions/{id}/resolve takes them."`
}

type participantView struct {
	Key       string       `json:"key" doc:"Source key."`
	Version   int          `json:"version" doc:"The ledger's newest when it was asked; 0: it had none."`
	Hash      string       `json:"hash" doc:"Content hash of the source that it was asked about."`
	Newest    int          `json:"newest" doc:"The ledger's newest version now; 0: it has none."`
	Outcome   string       `json:"outcome,omitempty" enum:"archived,superseded,conflicted,declined,withdrawn" doc:"What the ledger's newest version says."`
	Decision  string       `json:"decision,omitempty" doc:"Id of the decision that made the newest version."`
	Archive   *appointment `json:"archive,omitempty" doc:"What the archive has. Left out: it has nothing."`
	Source    *appointment `json:"source,omitempty" doc:"What the source had when it was asked. Left out: nothing, see gone, or it is not known any more."`
	Gone      bool         `json:"gone" doc:"The source had it no longer."`
	Fields    []fieldView  `json:"fields" nullable:"false" doc:"What the two sides say, field by field. What neither says is left out."`
	Rank      int          `json:"rank" doc:"By which what shares time is compared; the higher one wins."`
	Organiser *bool        `json:"organiser,omitempty" doc:"You organise it. Left out: it is not known."`
	Accepted  *int         `json:"accepted,omitempty" doc:"How many attendees accepted. Left out: it is not known."`
}

type fieldView struct {
	Field   string `json:"field" doc:"As in the appointment; text_or_people when the sides differ in something that has no field."`
	Archive string `json:"archive" doc:"Empty: nothing. Times are in UTC."`
	Source  string `json:"source"`
	Differs bool   `json:"differs"`
}

type actionSubjectView struct {
	Kind string `json:"kind" enum:"run,config,job,user"`
	ID   string `json:"id"`
}

type actionChangeView struct {
	At    time.Time `json:"at"`
	State string    `json:"state" enum:"open,resolved,dismissed" doc:"From then on."`
	You   bool      `json:"you" doc:"You did it; else it came about by itself."`
	Why   string    `json:"why,omitempty" doc:"Id of what brought it about, such as a run."`
}

func viewAction(a *action.Action) ActionView {
	v := ActionView{
		ID: a.ID, Kind: actionKind(a.Kind), State: string(a.State), Subject: actionSubjectView{a.Subject.Kind, a.Subject.ID}, Detail: a.Detail, Since: a.At,
		History: make([]actionChangeView, len(a.History)), Created: a.Created, Updated: a.Updated, Config: a.Config, Rule: a.Rule,
	}
	if a.Span != (action.Span{}) {
		v.Span = &actionSpanView{From: a.Span.From, To: a.Span.To}
	}
	for i, c := range a.History {
		v.History[i] = actionChangeView{At: c.At, State: string(c.State), You: c.By == a.User, Why: c.Why}
	}
	return v
}

func viewQuestion(q *asked.Question) actionDetail {
	v := actionDetail{ActionView: viewAction(q.Action), Why: q.Why, Participants: make([]participantView, len(q.Participants)), Others: q.Others}
	for i := range q.Participants {
		v.Participants[i] = viewParticipant(&q.Participants[i])
	}
	v.Suggestions, v.Finding = []suggestionView{}, viewFinding(q)
	for _, s := range q.Suggestions() {
		one := suggestionView{Rule: s.Rule, Why: s.Why, Verdicts: make([]verdictView, len(s.Verdicts))}
		for i := range s.Verdicts {
			one.Verdicts[i] = viewVerdict(&s.Verdicts[i])
		}
		v.Suggestions = append(v.Suggestions, one)
	}
	return v
}

func viewParticipant(p *asked.Participant) participantView {
	v := participantView{
		Key: p.Key, Version: p.Version, Hash: p.Hash, Newest: p.Newest, Outcome: string(p.Outcome), Decision: p.Decision, Gone: p.Gone, Rank: p.Rank,
		Fields: []fieldView{},
	}
	if p.Archive != nil {
		v.Archive = &appointment{*p.Archive}
	}
	if p.Source != nil {
		v.Source = &appointment{*p.Source}
	}
	for _, f := range p.Fields() {
		v.Fields = append(v.Fields, fieldView{Field: f.Name, Archive: f.Archive, Source: f.Source, Differs: f.Differs})
	}
	if p.People {
		v.Organiser, v.Accepted = &p.Organiser, &p.Accepted
	}
	return v
}

type actionAnswer struct{ Body ActionView }

func (s *server) actionRoutes() {
	handle(s, route{
		pattern: "GET /v1/actions", access: byUsers, tag: tagActions, summary: "List actions, the newest first",
		description: "A page may have few actions, or none, and still have a next.",
	}, s.listActions)
	handle(s, route{
		pattern: "GET /v1/actions/{id}", access: byUsers, tag: tagActions, summary: "Show an action, with what it asks about",
		description: "Of each appointment that it is about: what the archive has and what the source had when it was asked, field by field. The verdicts of a " +
			"suggestion can be sent to POST /v1/actions/{id}/resolve as they are.",
	}, s.showAction)
	handle(s, route{
		pattern: "POST /v1/actions/{id}/dismiss", access: byUsers, class: limit.Writes, action: "action.dismiss",
		tag: tagActions, summary: "Say that an action does not matter",
		description: "When the same happens again, there will be another action. A question about appointments is asked again only when one of them changes.",
	}, s.withAction((*action.Actions).Dismiss))
	handle(s, route{
		pattern: "POST /v1/actions/{id}/resolve", access: byUsers, class: limit.Writes, action: "action.resolve",
		tag: tagActions, summary: "Say that what an action is about is done, or decide it", document: s.resolveAnswers,
		description: "With verdicts it is decided: the answer is 202 with the run that carries the decision out, as of POST /v1/decisions. Without them your " +
			"word is enough, but not of every kind: overlap, drift and stale_decision need a decision about appointments, altered the repair of the config " +
			"with the action's id; archive_missing, ledger_damaged, " +
			"shrunk_window, keys_changed, unreadable_days, mailbox_out_of_reach, blocked, not_seen and sign_in_needed are resolved by the next run that " +
			"succeeds, or by signing in. " +
			"An action of kind run_failed is also resolved by itself when a later run of the same config succeeds.",
	}, s.resolveAction)
}

func (s *server) listActions(ctx context.Context, in *struct {
	Paging
	Period
	State  string     `query:"state" enum:"open,resolved,dismissed" doc:"Only actions of this state."`
	Kind   actionKind `query:"kind" doc:"Only actions of this kind."`
	Config string     `query:"config" doc:"Only actions about this archive config: its id or name."`
}) (*page[ActionView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	f := action.Filter{State: action.State(in.State), Kind: action.Kind(in.Kind)}
	if in.Config != "" {
		c, err := s.config(ctx, in.Config)
		if err != nil {
			return nil, err
		}
		f.Config = c.ID
	}
	if in.Period != (Period{}) {
		settings, err := s.settings(ctx)
		if err != nil {
			return nil, err
		}
		w, err := in.window(s.Clock(), settings)
		if err != nil {
			return nil, err
		}
		f.From, f.To = w.Start(), w.End()
	}
	actions, next, err := s.Actions.List(ctx, who, f, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(actions, next, viewAction), nil
}

func (s *server) showAction(ctx context.Context, in *ByID) (*struct{ Body actionDetail }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.Actions.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	q, err := (&asked.Reader{Ledger: s.Ledger, Blobs: s.Blobs, Runs: s.Runs}).Read(ctx, a)
	if err != nil {
		return nil, err
	}
	return &struct{ Body actionDetail }{viewQuestion(q)}, nil
}

// withAction answers with what do returns for an action of who asks.
func (s *server) withAction(
	do func(*action.Actions, context.Context, string, string) (*action.Action, error),
) func(context.Context, *ByID) (*actionAnswer, error) {
	return func(ctx context.Context, in *ByID) (*actionAnswer, error) {
		who, err := user(ctx)
		if err != nil {
			return nil, err
		}
		a, err := do(s.Actions, ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &actionAnswer{Body: viewAction(a)}, nil
	}
}
