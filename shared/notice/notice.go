// Package notice decides what a user is told of runs and jobs, and which actions follow. It has the rules; package phrase has the words, package action
// keeps what is open, package notify tells the user, and each kind of run says what only it can (run.Description).
//
// Every method may be called any number of times for the same thing, by processes that die in between: the effect is there once.
package notice

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Notices tells users, and keeps their actions. Errors are those of the store and the queue; after one the call may be repeated.
type Notices struct {
	Kinds         run.Kinds
	Actions       *action.Actions
	Notifications *notify.Notifications
	Jobs          *job.Jobs
	Runs          runs
	Configs       configs
	Flags         *flag.Flags // nil: all is as the program itself says
	Profile       func(ctx context.Context, user string) (account.Profile, error)
	// SignIn returns the state of a user's sign-in at Microsoft; nil: nobody acts for users there.
	SignIn func(ctx context.Context, user string) (microsoft.State, error)
	// Records has those of digests; nil: there are none. Head returns the signed head of a config's ledger; empty: it has none.
	Records store.Table
	Head    func(ctx context.Context, config string) (string, error)
	// Signer signs the addresses that end the digest, and EndDigest ends its e-mails.
	Signer    signer
	EndDigest func(ctx context.Context, user string) (account.Profile, error)
	Clock     func() time.Time
	Log       zerolog.Logger
}

// configs are the archive configs.
type configs interface {
	Get(ctx context.Context, user, id string) (archive.Config, error)
}

// longTold is for how long after its end the user is told of a run. It is longer than a message can be under way, and shorter than a
// notification is kept. On one machine dead letters stay for ever, and each new process looks at them again.
const longTold = 30 * 24 * time.Hour

// RunEnded has to be called when a run has ended. It raises and resolves the actions that follow, and tells the user. The user is not told of a
// run that was cancelled, of a dry run that went well, and of a job's run that went well, wrote nothing and asks nothing new. The last is what happens most
// nights: then the one request to the store looks for actions to resolve.
func (n *Notices) RunEnded(ctx context.Context, r *run.Run) error {
	if n.Clock().Sub(r.Ended) > longTold {
		return nil
	}
	result, err := n.Kinds.Result(r)
	if err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("run", r.ID).Msg("unreadable result of a run")
	}
	e := &ending{Run: r, kind: n.Kinds.Of(r.Kind)}
	e.words = e.kind.Words(r, result)
	if result != nil {
		e.wrote = result.Wrote()
	}
	switch {
	case r.State == run.Succeeded && e.words.Action == "":
		return n.wentWell(ctx, e)
	case r.State == run.Succeeded || r.State == run.Partial || r.State == run.Failed:
		return n.wentWrong(ctx, e)
	}
	return nil
}

// ending is a run that has ended.
type ending struct {
	*run.Run
	kind  run.Description
	words run.Words // of its kind
	wrote int
}

func (n *Notices) wentWell(ctx context.Context, e *ending) error {
	if e.Options.DryRun {
		return nil // whoever asked for it looks at it
	}
	if err := n.resolve(ctx, e); err != nil {
		return err
	}
	if e.Job != "" && e.wrote == 0 && e.words.Asks.Of == "" {
		return nil
	}
	p, here, err := n.user(ctx, e.User)
	if err != nil || !here {
		return err
	}
	return n.tellAsking(ctx, p, e, notify.Runs)
}

// tellAsking tells the user how a run went that left nothing to be done, with what it asks.
func (n *Notices) tellAsking(ctx context.Context, p account.Profile, e *ending, class notify.Class) error {
	if e.words.Asks.Of != "" && p.Settings.Notifications.Actions != (account.Channels{}) { // who wants to hear nothing of actions hears of the run
		class = notify.Actions
	}
	if err := n.tell(ctx, p, e, class, nil); err != nil || e.words.Asks.Of == "" {
		return err
	}
	return n.DigestWanted(ctx, e.User, p.Settings)
}

// tellAsked tells the user what a run asks that went wrong: how it went is told apart.
func (n *Notices) tellAsked(ctx context.Context, p account.Profile, e *ending) error {
	if e.words.Asks.Of == "" || e.Options.DryRun {
		return nil
	}
	about, err := n.about(ctx, e.Run)
	if err != nil {
		return err
	}
	return n.Notifications.Tell(ctx, p.Settings, notify.Notification{
		ID: notify.ID(e.Created, "actions "+e.ID), User: e.User, Class: notify.Actions, State: string(e.State), Percent: 100, Link: "/v1/runs/" + e.ID,
		Heading: about.title(e.Kind, e.words.Asks), Says: e.words.AsksText, Command: about.questions(),
	})
}

func (n *Notices) wentWrong(ctx context.Context, e *ending) error {
	if e.Options.DryRun && e.State == run.Succeeded {
		return nil // whoever asked for it looks at it
	}
	p, here, err := n.user(ctx, e.User)
	if err != nil || !here {
		return err
	}
	if told, err := n.signInMissing(ctx, p, e); told || err != nil {
		return err
	}
	if e.words.Complete {
		if err := n.resolve(ctx, e); err != nil || e.words.Known && e.Job != "" {
			return err
		}
		return n.tellAsking(ctx, p, e, notify.Problems)
	}
	if err := n.tell(ctx, p, e, notify.Problems, func(what *notify.Notification) error {
		if e.Options.DryRun {
			return nil // it needs nobody
		}
		return n.raise(ctx, e, what)
	}); err != nil {
		return err
	}
	if err := n.tellAsked(ctx, p, e); err != nil {
		return err
	}
	return n.DigestWanted(ctx, e.User, p.Settings)
}

// tell tells the user of a run's end. Before that it lets first see what will be told, unless first is nil.
func (n *Notices) tell(ctx context.Context, p account.Profile, e *ending, class notify.Class, first func(*notify.Notification) error) error {
	about, err := n.about(ctx, e.Run)
	if err != nil {
		return err
	}
	what := notify.Notification{
		ID: notify.ID(e.Created, "run "+e.ID), User: e.User, Class: class, State: string(e.State), Percent: e.Progress.Percent, Link: "/v1/runs/" + e.ID,
	}
	what.Heading, what.Says, what.Command = n.text(e, about)
	if first != nil {
		if err := first(&what); err != nil {
			return err
		}
	}
	return n.Notifications.Tell(ctx, p.Settings, what)
}

// user returns the profile of a user. A user who is not there any more, or is about to be erased, is told nothing.
func (n *Notices) user(ctx context.Context, user string) (p account.Profile, here bool, err error) {
	p, err = n.Profile(ctx, user)
	if fault.Of(err) == fault.NotFound {
		return p, false, nil
	}
	state := p.State()
	return p, err == nil && state != account.Erasing && state != account.Erased, err
}
