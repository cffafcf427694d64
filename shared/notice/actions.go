package notice

import (
	"context"
	"slices"

	"adminassistant/shared/action"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// The end of a run raises one action at most: of the kind that its words name, else of kind run_failed. Runs of the same scope raise the same one again.
// What a run asks about appointments it has raised itself, before its end.

// runFailed is the cause of the action that a failed run raises. Runs of one scope that are of different kinds fail for reasons of their own.
func runFailed(r *run.Run) action.Cause {
	return action.Cause{Kind: action.RunFailed, Of: string(r.Kind) + "#" + r.Scope()}
}

// found is the cause of an action of a kind that a run's words name.
func found(r *run.Run, kind string) action.Cause {
	return action.Cause{Kind: action.Kind(kind), Of: r.Scope()}
}

// raise opens the action of a run that did not go well, or adds the run to the open one. The action says what the user is told.
func (n *Notices) raise(ctx context.Context, e *ending, told *notify.Notification) error {
	if outOfReach(e.Run) {
		return n.raiseUnreached(ctx, e.Run)
	}
	cause := runFailed(e.Run)
	if e.words.Action != "" {
		cause = found(e.Run, e.words.Action)
	}
	raised := action.Action{
		User: e.User, Cause: cause, Subject: action.Subject{Kind: "run", ID: e.ID}, Config: e.Config, At: e.Ended,
		Says: slices.Clone(told.Says),
	}
	if told.Command != "" {
		raised.Says = append(raised.Says, phrase.AsItIs(told.Command).New())
	}
	_, err := n.Actions.Raise(ctx, raised)
	return err
}

// resolve resolves all actions that runs like this one may have raised before it.
func (n *Notices) resolve(ctx context.Context, e *ending) error {
	causes := []action.Cause{runFailed(e.Run), unreached(e.Run), blocked}
	for _, kind := range e.kind.Actions {
		causes = append(causes, found(e.Run, kind))
	}
	_, err := n.Actions.ResolveGone(ctx, e.User, e.Ended, e.ID, causes...)
	return err
}
