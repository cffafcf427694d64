package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/action"
	"adminassistant/shared/limit"
)

// actionKind is action.Kind in answers and queries.
type actionKind string

// Schema implements huma.SchemaProvider.
func (actionKind) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{
		string(action.Overlap), string(action.Drift), string(action.OrphanModification), string(action.MissingCategory),
		string(action.ArchiveMissing), string(action.LedgerDamaged), string(action.ShrunkWindow), string(action.KeysChanged), string(action.UnreadableDays),
		string(action.MailboxOutOfReach), string(action.SignInNeeded), string(action.Blocked), string(action.NotSeen), string(action.RunFailed),
	}}
}

// actionView is an action as a response has it.
type actionView struct {
	ID      string             `json:"id"`
	Kind    actionKind         `json:"kind"`
	State   string             `json:"state" enum:"open,resolved,dismissed"`
	Subject actionSubjectView  `json:"subject" doc:"What it is about."`
	Detail  string             `json:"detail" doc:"What happened and what to do."`
	Since   time.Time          `json:"since" doc:"When what it is about happened last."`
	History []actionChangeView `json:"history" nullable:"false" doc:"The first change, and the newest ones."`
	Created time.Time          `json:"created"`
	Updated time.Time          `json:"updated"`
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

func viewAction(a *action.Action) actionView {
	v := actionView{
		ID: a.ID, Kind: actionKind(a.Kind), State: string(a.State), Subject: actionSubjectView{a.Subject.Kind, a.Subject.ID}, Detail: a.Detail, Since: a.At,
		History: make([]actionChangeView, len(a.History)), Created: a.Created, Updated: a.Updated,
	}
	for i, c := range a.History {
		v.History[i] = actionChangeView{At: c.At, State: string(c.State), You: c.By == a.User, Why: c.Why}
	}
	return v
}

type actionAnswer struct{ Body actionView }

func (s *server) actionRoutes() {
	handle(s, route{
		pattern: "GET /v1/actions", access: byUsers, tag: tagActions, summary: "List actions, the newest first",
		description: "A page may have few actions, or none, and still have a next.",
	}, s.listActions)
	handle(s, route{
		pattern: "GET /v1/actions/{id}", access: byUsers, tag: tagActions, summary: "Show an action",
	}, s.withAction((*action.Actions).Get))
	handle(s, route{
		pattern: "POST /v1/actions/{id}/dismiss", access: byUsers, class: limit.Writes, action: "action.dismiss",
		tag: tagActions, summary: "Say that an action does not matter",
		description: "When the same happens again, there will be another action.",
	}, s.withAction((*action.Actions).Dismiss))
	handle(s, route{
		pattern: "POST /v1/actions/{id}/resolve", access: byUsers, class: limit.Writes, action: "action.resolve",
		tag: tagActions, summary: "Say that what an action is about is done",
		description: "Not of every kind: overlap and drift need a decision about appointments; archive_missing, ledger_damaged, shrunk_window, keys_changed, " +
			"unreadable_days, mailbox_out_of_reach, blocked, not_seen and sign_in_needed are resolved by the next run that succeeds, or by signing in. " +
			"An action of kind run_failed is also resolved by itself when a later run of the same config succeeds.",
	}, s.withAction((*action.Actions).Resolve))
}

func (s *server) listActions(ctx context.Context, in *struct {
	Paging
	State string     `query:"state" enum:"open,resolved,dismissed" doc:"Only actions of this state."`
	Kind  actionKind `query:"kind" doc:"Only actions of this kind."`
}) (*page[actionView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	actions, next, err := s.Actions.List(ctx, who, action.State(in.State), action.Kind(in.Kind), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(actions, next, viewAction), nil
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
