package notice

import (
	"context"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// All runs that fail because their user has to sign in at Microsoft again give one action and one notification, and the user's jobs are
// paused. A sign-in resolves the action and resumes the jobs.

// signInNeeded is the cause of the action that a sign-in resolves.
var signInNeeded = action.Cause{Kind: action.SignInNeeded}

// signInMissing says whether a run failed because its user has to sign in, and if so asks the user to. If the user
// has signed in since the run, nothing more happens.
func (n *Notices) signInMissing(ctx context.Context, p account.Profile, e *ending) (bool, error) {
	if n.SignIn == nil || e.Problem == nil || e.Problem.Code != fault.Unauthenticated.String() {
		return false, nil
	}
	state, err := n.SignIn(ctx, e.User)
	if err != nil {
		return false, err
	}
	if !state.SignedIn {
		return true, n.askToSignIn(ctx, p, e.Run, state)
	}
	asked, err := n.Actions.Last(ctx, e.User, signInNeeded)
	if err != nil || asked == nil {
		return false, err
	}
	return !asked.At.After(e.Ended) && !asked.Updated.Before(e.Ended), nil // it was asked for, and seen to since, whatever became of the action
}

// askToSignIn raises the action, tells the user and pauses the jobs: without a sign-in every run of theirs would fail like r.
func (n *Notices) askToSignIn(ctx context.Context, p account.Profile, r *run.Run, state microsoft.State) error {
	const what = "Microsoft asks you to sign in again. Until you do, your calendars cannot be read, and your jobs are paused. " + run.Safe
	at := state.Since
	if at.IsZero() {
		at = r.Ended
	}
	raised, err := n.Actions.Raise(ctx, action.Action{
		User: r.User, Cause: signInNeeded, Subject: action.Subject{Kind: "run", ID: r.ID}, Detail: what + "\nSign in on the web.", At: at,
	})
	if err != nil {
		return err
	}
	if err := n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: signInNotification(raised), User: r.User, Class: notify.SignIn, State: "needed", Title: "Sign in to Microsoft 365 again",
		Text: what + "\nSign in on the web; your jobs then go on by themselves.", Link: "/auth/login",
	}); err != nil {
		return err
	}
	if err := n.Jobs.PauseAll(ctx, r.User, "", job.SignInNeeded); err != nil {
		return err
	}
	if state, err = n.SignIn(ctx, r.User); err == nil && state.SignedIn { // meanwhile, when there was nothing to resume yet
		return n.SignedIn(ctx, r.User)
	}
	return err
}

func signInNotification(raised *action.Action) string {
	return notify.ID(raised.Created, "sign-in "+raised.ID)
}

// SignedIn has to be called when a user has signed in at Microsoft. It resumes the jobs that wait for that, and resolves the action. A job that cannot
// be resumed for a reason of its own stays paused, and does not stop the others.
func (n *Notices) SignedIn(ctx context.Context, user string) error {
	if err := n.Jobs.ResumeAll(ctx, user, "", job.SignInNeeded); err != nil {
		if fault.Of(err).Transient() {
			return err // the action stays open, too, for the next sign-in
		}
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("jobs not resumed after a sign-in")
	}
	raised, err := n.Actions.Last(ctx, user, signInNeeded)
	if err != nil || raised == nil {
		return err
	}
	const title, text = "You signed in to Microsoft 365 again", "Your jobs go on at their next times."
	if err := n.Notifications.Amend(ctx, user, signInNotification(raised), "done", title, text); err != nil {
		return err
	}
	_, err = n.Actions.ResolveGone(ctx, user, n.Clock(), "", signInNeeded)
	return err
}
