package notice

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/action"
	"adminassistant/shared/flag"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// JobLate tells the user of a job whose run was started late. If that fails, it is only logged: the run goes on.
func (n *Notices) JobLate(ctx context.Context, j *job.Job) {
	n.tellOfJob(ctx, j, j.LastDue, notify.Notification{
		State: "late", Percent: 100, Heading: phrase.New("job.late"), Says: phrase.Text{phrase.New("job.late.text")},
		Link: "/v1/runs/" + j.LastRun, Command: show(j.LastRun),
	})
}

// JobParked tells the user of a job that waits for a version of the program that knows its kind. When it then starts its run late, the
// notification says that instead. If telling fails, that is only logged.
func (n *Notices) JobParked(ctx context.Context, j *job.Job) {
	if j.Reason != job.UnknownKind {
		return // its user has paused it
	}
	n.tellOfJob(ctx, j, j.Parked.Due, notify.Notification{
		State: "waiting", Heading: phrase.New("job.waits"), Says: phrase.Text{phrase.New("job.waits.text")}, Link: "/v1/jobs/" + j.ID,
		Command: program + "job show " + j.ID,
	})
}

// stuck is the cause of the action about a job that cannot be started.
func stuck(j *job.Job) action.Cause { return action.Cause{Kind: action.JobStuck, Of: j.ID} }

// JobStuck raises an action for the user of a job that a defect of the program keeps from being started. If that fails, it is only logged: it is
// tried with the job.
func (n *Notices) JobStuck(ctx context.Context, j *job.Job) {
	if n.Flags != nil && !n.Flags.On(ctx, flag.StuckJobAction, j.User) {
		return
	}
	n.ofJob(ctx, j, func(ctx context.Context, about about) error {
		_, err := n.Actions.Raise(ctx, action.Action{
			User: j.User, Cause: stuck(j), Subject: action.Subject{Kind: "job", ID: j.ID}, At: n.Clock(),
			Says: phrase.Text{
				phrase.New("job.stuck", phrase.Is(about.title(j.Kind, phrase.AsItIs(""))), phrase.Failed(j.Detail)), phrase.New("job.stuck.text").New(),
			},
		})
		return err
	})
}

// JobGoing resolves the action about a job that was stuck and has been started.
func (n *Notices) JobGoing(ctx context.Context, j *job.Job) {
	n.ofJob(ctx, j, func(ctx context.Context, _ about) error {
		_, err := n.Actions.ResolveGone(ctx, j.User, n.Clock(), j.LastRun, stuck(j))
		return err
	})
}

// tellOfJob completes a notification of a job that was due at a time, and tells the user. Its heading goes on after the job's name.
func (n *Notices) tellOfJob(ctx context.Context, j *job.Job, due time.Time, what notify.Notification) {
	n.ofJob(ctx, j, func(ctx context.Context, about about) error {
		p, here, err := n.user(ctx, j.User)
		if err != nil || !here {
			return err
		}
		what.ID, what.User, what.Class = notify.ID(due, "job "+j.ID+" "+due.UTC().Format(time.RFC3339)), j.User, notify.Problems
		what.Heading = about.title(j.Kind, what.Heading)
		return n.Notifications.Tell(ctx, p.Settings, what)
	})
}

// ofJob calls do with what a job is about whose user is still here. What goes wrong is only logged.
func (n *Notices) ofJob(ctx context.Context, j *job.Job, do func(ctx context.Context, of about) error) {
	ctx = telemetry.WithCorrelation(ctx, n.Log.With().Str("job", j.ID).Str("user", telemetry.Hash(j.User)).Logger(), j.LastRun)
	err := func() error {
		if _, here, err := n.user(ctx, j.User); err != nil || !here {
			return err
		}
		about, err := n.about(ctx, &run.Run{User: j.User, Config: j.Config})
		if err != nil {
			return err
		}
		return do(ctx, about)
	}()
	if err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("user not told of a job")
	}
}
