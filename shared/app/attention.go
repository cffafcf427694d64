package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// attention decides what a user has to see to of what becomes of runs and jobs, and what the user is told of it. All of it may be told
// it any number of times, by processes that die in between.
type attention struct {
	actions       *action.Actions
	notifications *notify.Notifications
	jobs          *job.Jobs
	configs       *archive.Configs
	profile       func(ctx context.Context, user string) (account.Profile, error)
	// signIn tells the state of a user's sign-in at Microsoft; nil: nobody acts for users there.
	signIn func(ctx context.Context, user string) (microsoft.State, error)
	clock  func() time.Time
	log    zerolog.Logger
}

func (y *system) newAttention() *attention {
	a := &attention{
		actions: action.New(y.table, y.newID, y.clock), notifications: notify.New(y.table, y.notices, y.clock), jobs: job.New(y.table, y.kinds(), y.newID, y.clock),
		configs: y.configs, profile: y.users.Of, clock: y.clock, log: y.log,
	}
	if y.settings.GraphDelegated {
		a.signIn = func(ctx context.Context, user string) (microsoft.State, error) {
			client, err := y.providers.users.get(ctx)
			if err != nil {
				return microsoft.State{}, err
			}
			return client.State(ctx, user)
		}
	}
	return a
}

// signInNeeded is the cause of the action that only a sign-in ends.
var signInNeeded = action.Cause{Kind: action.SignInNeeded}

// scope tells apart what runs of one kind are about: their config, else their calendar.
func scope(r *run.Run) string { return cmp.Or(r.Config, run.CalendarScope(r.User, r.Calendar)) }

func runFailed(r *run.Run) action.Cause {
	return action.Cause{Kind: action.RunFailed, Of: string(r.Kind) + "#" + scope(r)}
}

func windowShrank(r *run.Run) action.Cause {
	return action.Cause{Kind: action.ShrunkWindow, Of: scope(r)}
}

// outcome is what is read of a run's result, whatever its kind.
type outcome struct {
	Written   int  `json:"written"`
	Shrunk    bool `json:"shrunk"`
	Differing int  `json:"differing"` // of a drill
}

// longTold is after how long the end of a run is nothing to tell any more: longer than a message can be under way, and shorter than what was
// told of it is kept. On one machine dead letters stay for ever, and each process that begins looks at them.
const longTold = 30 * 24 * time.Hour

// runEnded raises and resolves what a run that ended needs of its user, and tells the user of it. A run that its user cancelled is
// nothing to tell, and a job's run that went well and wrote nothing is none either: it costs one request to the store.
func (a *attention) runEnded(ctx context.Context, r *run.Run) error {
	if a.clock().Sub(r.Ended) > longTold {
		return nil
	}
	var out outcome
	if len(r.Result) > 0 {
		if err := json.Unmarshal(r.Result, &out); err != nil {
			zerolog.Ctx(ctx).Error().Str("run", r.ID).Msg("unreadable result of a run")
		}
	}
	switch r.State {
	case run.Succeeded:
		return a.succeeded(ctx, r, out)
	case run.Partial, run.Failed:
		return a.failed(ctx, r, out)
	}
	return nil
}

func (a *attention) succeeded(ctx context.Context, r *run.Run, out outcome) error {
	if r.Options.DryRun {
		return nil // whoever asked for it looks at it
	}
	if _, err := a.actions.Settled(ctx, r.User, r.Ended, r.ID, runFailed(r), windowShrank(r)); err != nil {
		return err
	}
	if r.Job != "" && out.Written == 0 {
		return nil
	}
	p, here, err := a.user(ctx, r.User)
	if err != nil || !here {
		return err
	}
	c, err := a.config(ctx, r)
	if err != nil {
		return err
	}
	n := notification(r, notify.Runs)
	n.Title = c.titled(r) + " went well"
	switch {
	case out.Written > 0:
		n.Text = fmt.Sprintf("The run of %s wrote %d events. All of it is recorded.", days(r), out.Written)
	case r.Kind == run.Archive:
		n.Text = fmt.Sprintf("The run of %s found nothing new.", days(r))
	default:
		n.Text = fmt.Sprintf("The run of %s did all that it was to do.", days(r))
	}
	n.Command = show(r.ID)
	return a.notifications.Tell(ctx, p.Settings, n)
}

func (a *attention) failed(ctx context.Context, r *run.Run, out outcome) error {
	p, here, err := a.user(ctx, r.User)
	if err != nil || !here {
		return err
	}
	if a.signIn != nil && r.Problem != nil && r.Problem.Code == fault.Unauthenticated.String() {
		state, err := a.signIn(ctx, r.User) // what the user has done about it since counts
		if err == nil && !state.SignedIn {
			return a.askToSignIn(ctx, p, r, state)
		}
		if err != nil {
			return err
		}
		if over, err := a.signedInSince(ctx, r); over || err != nil {
			return err
		}
	}
	c, err := a.config(ctx, r)
	if err != nil {
		return err
	}
	n, cause := notification(r, notify.Problems), runFailed(r)
	if r.Kind == run.Backup && r.State == run.Partial { // the file that restores has all there is: nothing to see to
		if _, err := a.actions.Settled(ctx, r.User, r.Ended, r.ID, cause); err != nil {
			return err
		}
		n.Title = c.titled(r) + fmt.Sprintf(": %d events are not in its iCalendar file", r.Failed)
		n.Text = fmt.Sprintf("The backup of %s is complete and was proven. iCalendar cannot tell %d of its events; its other files have them.", days(r), r.Failed)
		n.Command = show(r.ID)
		return a.notifications.Tell(ctx, p.Settings, n)
	}
	switch {
	case out.Shrunk:
		cause = windowShrank(r)
		n.Title = c.titled(r) + " stopped: far fewer events than before"
		n.Text = fmt.Sprintf("The calendar shows far fewer events in %s than the archive holds, so the run changed nothing. %s", days(r), safe)
		n.Text += "\nIf the events are gone indeed, run it again with force. If not, look at the calendar first."
		n.Command = c.again(r, "--force")
	case r.State == run.Partial:
		n.Title = c.titled(r) + fmt.Sprintf(": %d events failed", r.Failed)
		n.Text = fmt.Sprintf("The run of %s did all but %d events, which the calendar refused. %s\nTry the events that failed again.", days(r), r.Failed, safe)
		n.Command = "admin-assistant archive retry " + r.ID
	case out.Differing > 0:
		n.Title = c.titled(r) + fmt.Sprintf(": %d events differ", out.Differing)
		n.Text = "What was restored is not what the newest backup holds. Calendar and backups are as they were. Look at what differs, and make a new backup."
		n.Command = show(r.ID)
	case r.Kind == run.Drill && r.Problem != nil && r.Problem.Code == fault.NotFound.String():
		n.Title = c.titled(r) + ": there is nothing to restore"
		n.Text = "There is no backup of the whole calendar yet, or the calendar was not found. Make a backup first."
		first := *r
		first.Kind, first.Job = run.Backup, ""
		n.Command = c.again(&first)
	default:
		n.Title = c.titled(r) + " failed"
		n.Text = fmt.Sprintf("The run of %s failed: %s. %s", days(r), why(r), safe)
		if r.Job != "" {
			n.Text += "\nIts job tries again at its next time."
		}
		n.Command = c.again(r)
	}
	if !r.Options.DryRun {
		raised := action.Action{User: r.User, Cause: cause, Subject: action.Subject{Kind: "run", ID: r.ID}, Detail: n.Text, At: r.Ended}
		if n.Command != "" {
			raised.Detail += "\n" + n.Command
		}
		if _, err := a.actions.Raise(ctx, raised); err != nil {
			return err
		}
	}
	return a.notifications.Tell(ctx, p.Settings, n)
}

// safe says what every failure leaves as it is.
const safe = "Nothing is lost or doubled: what was recorded before stays, and the next run goes on from there."

// user returns the profile of a user. One who is not there any more, or is about to be erased, is told nothing.
func (a *attention) user(ctx context.Context, user string) (p account.Profile, here bool, err error) {
	p, err = a.profile(ctx, user)
	if fault.Of(err) == fault.NotFound {
		return p, false, nil
	}
	state := p.State()
	return p, err == nil && state != account.Erasing && state != account.Erased, err
}

// signedInSince says whether a run failed for want of a sign-in that was asked for, and that has come since: all of that is told and done.
func (a *attention) signedInSince(ctx context.Context, r *run.Run) (bool, error) {
	asked, err := a.actions.Last(ctx, r.User, signInNeeded)
	return asked != nil && asked.State == action.Resolved && !asked.At.After(r.Ended) && !asked.Updated.Before(r.Ended), err
}

// askToSignIn raises the action, tells the user and pauses the jobs: without a sign-in every run of theirs would fail like r.
func (a *attention) askToSignIn(ctx context.Context, p account.Profile, r *run.Run, state microsoft.State) error {
	const what = "Microsoft asks you to sign in again. Until you do, your calendars cannot be read, and your jobs are paused. " + safe
	at := state.Since
	if at.IsZero() {
		at = r.Ended
	}
	raised, err := a.actions.Raise(ctx, action.Action{User: r.User, Cause: signInNeeded, Subject: action.Subject{Kind: "run", ID: r.ID}, Detail: what + "\nSign in on the web.", At: at})
	if err != nil {
		return err
	}
	n := notify.Notification{
		ID: signInNotification(raised), User: r.User, Class: notify.SignIn, State: "needed", Title: "Sign in to Microsoft 365 again",
		Text: what + "\nSign in on the web; your jobs then go on by themselves.", Link: "/auth/login",
	}
	if err := a.notifications.Tell(ctx, p.Settings, n); err != nil {
		return err
	}
	if err := a.jobs.PauseAll(ctx, r.User, "", job.SignInNeeded); err != nil {
		return err
	}
	if state, err = a.signIn(ctx, r.User); err == nil && state.SignedIn { // meanwhile, before there was anything to resume
		return a.signedIn(ctx, r.User)
	}
	return err
}

func signInNotification(raised *action.Action) string {
	return notify.ID(raised.Created, "sign-in "+raised.ID)
}

// signedIn resumes what waited for a user to sign in at Microsoft, and resolves the action. A job that cannot be resumed for a reason of
// its own stays paused, and does not stop the others.
func (a *attention) signedIn(ctx context.Context, user string) error {
	if err := a.jobs.ResumeAll(ctx, user, "", job.SignInNeeded); err != nil {
		if fault.Of(err).Transient() {
			return err // the action stays open, too, for the next sign-in
		}
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("jobs not resumed after a sign-in")
	}
	raised, err := a.actions.Last(ctx, user, signInNeeded)
	if err != nil || raised == nil {
		return err
	}
	if err := a.notifications.Amend(ctx, user, signInNotification(raised), "done", "You signed in to Microsoft 365 again", "Your jobs go on at their next times."); err != nil {
		return err
	}
	_, err = a.actions.Settled(ctx, user, a.clock(), "", signInNeeded)
	return err
}

// late tells the user of a job whose run was started late. That it cannot be told is logged and not more: the run goes on.
func (a *attention) late(ctx context.Context, j *job.Job) {
	ctx = telemetry.WithCorrelation(ctx, a.log.With().Str("job", j.ID).Str("user", telemetry.Hash(j.User)).Logger(), j.LastRun)
	if err := a.tellLate(ctx, j); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("user not told of a late job")
	}
}

func (a *attention) tellLate(ctx context.Context, j *job.Job) error {
	p, here, err := a.user(ctx, j.User)
	if err != nil || !here {
		return err
	}
	r := &run.Run{ID: j.LastRun, User: j.User, Kind: j.Kind, Config: j.Config}
	c, err := a.config(ctx, r)
	if err != nil {
		return err
	}
	n := notify.Notification{
		ID: notify.ID(j.LastDue, "job "+j.ID+" "+j.LastDue.UTC().Format(time.RFC3339)), User: j.User, Class: notify.Problems, State: "late", Percent: 100,
		Title: c.titled(r) + " was started late", Link: "/v1/runs/" + j.LastRun,
		Text: "The job was started more than five minutes after its time. Nothing is lost: one run makes up for all times that were missed.",
	}
	n.Command = show(j.LastRun)
	return a.notifications.Tell(ctx, p.Settings, n)
}

// notification is that of a run.
func notification(r *run.Run, class notify.Class) notify.Notification {
	return notify.Notification{
		ID: notify.ID(r.Created, "run "+r.ID), User: r.User, Class: class, State: string(r.State), Percent: r.Progress.Percent, Link: "/v1/runs/" + r.ID,
	}
}

// named is what a run is about, in words. Calendars are not named: their URIs hold addresses.
type named struct {
	id, name string
	archive  string // URI of the config's archive calendar
}

// config returns what a run is about; a config that is gone has its id for a name.
func (a *attention) config(ctx context.Context, r *run.Run) (named, error) {
	if r.Config == "" {
		return named{}, nil
	}
	c, err := a.configs.Get(ctx, r.User, r.Config)
	switch kind := fault.Of(err); {
	case err == nil:
		return named{c.ID, c.Name, c.Archive.String()}, nil
	case kind == fault.NotFound || kind == fault.Malformed:
		return named{id: r.Config, name: r.Config}, nil
	}
	return named{}, err
}

// kindNames begin the titles of notifications.
var kindNames = map[run.Kind]string{run.Archive: "Archive run", run.Backup: "Backup", run.Restore: "Restore", run.Drill: "Restore drill"}

// titled begins the title of a notification.
func (c named) titled(r *run.Run) string {
	title := cmp.Or(kindNames[r.Kind], "Run")
	if c.name == "" {
		return title
	}
	return fmt.Sprintf("%s of %q", title, c.name)
}

// plainWord is a name that a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// again is the command that does again what a run did, with further flags; empty where none can without naming a calendar.
func (c named) again(r *run.Run, flags ...string) string {
	name := c.name
	if !plainWord.MatchString(name) {
		name = c.id
	}
	var command string
	switch {
	case r.Kind == run.Archive:
		command = "admin-assistant archive run --config " + name
	case r.Job != "":
		return "admin-assistant job trigger " + r.Job
	case c.id == "":
		return ""
	case r.Kind == run.Backup:
		command = "admin-assistant backup run --config " + name
		if r.Calendar == c.archive {
			flags = append(flags, "--archive")
		}
	case r.Kind == run.Drill:
		command = "admin-assistant backup drill --config " + name
		if r.Calendar == c.archive {
			flags = append(flags, "--which archive")
		}
	}
	if r.From != (calendar.Date{}) {
		command += fmt.Sprintf(` --period "%s to %s"`, r.From, r.To)
	}
	if r.Options.Adopt {
		flags = append(flags, "--adopt")
	}
	if r.Options.DryRun {
		flags = append(flags, "--dry-run")
	}
	for _, flag := range flags {
		command += " " + flag
	}
	return command
}

// show is the command that shows a run of any kind.
func show(id string) string { return "admin-assistant archive show " + id }

// days are those of a run's window, in words.
func days(r *run.Run) string {
	switch {
	case r.From == (calendar.Date{}) && r.To == (calendar.Date{}):
		return "all days"
	case r.From == r.To:
		return r.From.String()
	}
	return r.From.String() + " to " + r.To.String()
}

// reasons tell kinds of failure. The text of a failure itself may name calendars and addresses; the run has it.
var reasons = map[string]string{
	fault.Invalid.String():         "something that it was given does not fit",
	fault.NotFound.String():        "a calendar or a config that it needs was not found",
	fault.Conflict.String():        "the state of things did not allow it",
	fault.Unauthenticated.String(): "access to the calendar was refused",
	fault.Forbidden.String():       "access to the calendar is not allowed",
	fault.Throttled.String():       "the calendar service asked to slow down for too long",
	fault.Unavailable.String():     "a service did not answer at any attempt",
	fault.Malformed.String():       "something that is stored cannot be read",
	fault.Locked.String():          "the period is locked",
}

// why says why a run failed.
func why(r *run.Run) string {
	code := ""
	if r.Problem != nil {
		code = r.Problem.Code
	}
	return cmp.Or(reasons[code], "something went wrong on our side")
}
