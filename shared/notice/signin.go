package notice

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// All runs that fail because their user has to sign in at Microsoft again give one action and one notification, and the user's jobs are
// paused. A sign-in resolves the action and resumes the jobs.

// signInNeeded is the cause of the action that a sign-in resolves.
var signInNeeded = action.Cause{Kind: action.SignInNeeded}

// signInMissing says whether a run failed because its user has to sign in, and if so asks the user to; or because the organisation does not let
// us act, and if so tells the user. If the user has signed in since the run, nothing more happens.
func (n *Notices) signInMissing(ctx context.Context, p account.Profile, e *ending) (bool, error) {
	if n.SignIn == nil || e.Problem == nil || e.Problem.Code != fault.Unauthenticated.String() && e.Problem.Code != fault.Forbidden.String() {
		return false, nil
	}
	state, err := n.SignIn(ctx, e.User)
	if err != nil {
		return false, err
	}
	if e.Problem.Code == fault.Forbidden.String() {
		return state.Blocked != nil, n.tellBlocked(ctx, p, e.Run, state)
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
	what := phrase.New("sign_in.text")
	at := state.Since
	if at.IsZero() {
		at = r.Ended
	}
	raised, err := n.Actions.Raise(ctx, action.Action{
		User: r.User, Cause: signInNeeded, Subject: action.Subject{Kind: "run", ID: r.ID}, At: at,
		Says: phrase.Text{what, run.Safe, phrase.New("sign_in.do").New()},
	})
	if err != nil {
		return err
	}
	if err := n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: signInNotification(raised), User: r.User, Class: notify.SignIn, State: "needed", Heading: phrase.New("sign_in.title"),
		Says: phrase.Text{what, run.Safe, phrase.New("sign_in.go_on").New()}, Link: "/auth/login",
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

// blocked is the cause of the action that an administrator of the organisation resolves.
var blocked = action.Cause{Kind: action.Blocked}

// tellBlocked raises the action and tells the user that the organisation does not let us act, once a week at most. The jobs go on trying: an
// administrator may change it any day, and asking the user to sign in every morning would help for a day at most.
func (n *Notices) tellBlocked(ctx context.Context, p account.Profile, r *run.Run, state microsoft.State) error {
	if state.Blocked == nil {
		return nil
	}
	text := phrase.Text{
		phrase.New("blocked.text", phrase.On(state.BlockedSince), phrase.Failed(state.Blocked.Error())), phrase.New("blocked.again"), run.Safe,
	}
	if _, err := n.Actions.Raise(ctx, action.Action{
		User: r.User, Cause: blocked, Subject: action.Subject{Kind: "run", ID: r.ID}, Says: text, At: r.Ended,
	}); err != nil {
		return err
	}
	week := r.Ended.UTC().Truncate(7 * 24 * time.Hour)
	return n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: notify.ID(week, "blocked "+week.Format(time.DateOnly)), User: r.User, Class: notify.SignIn, State: "blocked",
		Heading: phrase.New("blocked.title"), Says: text, Link: "/v1/runs/" + r.ID,
	})
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
	if _, err := n.Actions.ResolveGone(ctx, user, n.Clock(), "", blocked); err != nil {
		return err
	}
	raised, err := n.Actions.Last(ctx, user, signInNeeded)
	if err != nil || raised == nil {
		return err
	}
	title, text := phrase.New("sign_in.done"), phrase.Text{phrase.New("sign_in.done.text")}
	if err := n.Notifications.Amend(ctx, user, signInNotification(raised), "done", title, text); err != nil {
		return err
	}
	_, err = n.Actions.ResolveGone(ctx, user, n.Clock(), "", signInNeeded)
	return err
}

// notSeen is the cause of the action that the user's next request resolves.
var notSeen = action.Cause{Kind: action.NotSeen}

// WarnDays is how many days before jobs pause their user is told so.
const WarnDays = 7

// Unseen is told of a job that was paused because its user has made no request for so many days. It pauses the user's other jobs, too, and tells the
// user once.
func (n *Notices) Unseen(ctx context.Context, user string, days int) error {
	p, here, err := n.user(ctx, user)
	if err != nil || !here {
		return err
	}
	text := phrase.Text{phrase.New("not_seen.text", phrase.N(days)), phrase.New("not_seen.why"), run.Safe}
	raised, err := n.Actions.Raise(ctx, action.Action{
		User: user, Cause: notSeen, Subject: action.Subject{Kind: "user", ID: p.Object}, Says: text, At: n.Clock(),
	})
	if err != nil {
		return err
	}
	if err := n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: notify.ID(raised.Created, "not seen "+raised.ID), User: user, Class: notify.SignIn, State: "paused",
		Heading: phrase.New("not_seen.title"), Says: text, Link: "/auth/login",
	}); err != nil {
		return err
	}
	return n.Jobs.PauseAll(ctx, user, "", job.NotSeen)
}

// UnseenSoon tells a user, once, that the jobs will pause on a day unless the user makes a request.
func (n *Notices) UnseenSoon(ctx context.Context, user string, seen, pause calendar.Date) error {
	p, here, err := n.user(ctx, user)
	if err != nil || !here {
		return err
	}
	day := time.Date(seen.Year, seen.Month, seen.Day, 0, 0, 0, 0, time.UTC)
	return n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: notify.ID(day, "not seen since "+seen.String()), User: user, Class: notify.SignIn, State: "soon",
		Heading: phrase.New("not_seen.soon", phrase.Day(pause)), Says: phrase.Text{phrase.New("not_seen.soon.text", phrase.Day(seen), phrase.Day(pause))},
		Link: "/auth/login",
	})
}

// Returned is called when a user makes a request who was not seen for some time. The jobs that waited for that go on.
func (n *Notices) Returned(ctx context.Context, user string) error {
	if err := n.Jobs.ResumeAll(ctx, user, "", job.NotSeen); err != nil {
		return err
	}
	_, err := n.Actions.ResolveGone(ctx, user, n.Clock(), "", notSeen)
	return err
}
