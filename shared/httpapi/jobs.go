package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// JobSettings are what can be changed of a job; what is left out has its default.
type JobSettings struct {
	Name      string           `json:"name,omitempty" doc:"By which the job can be found, in place of its id; unique among your jobs, in any case."`
	Schedule  job.Schedule     `json:"schedule"`
	Window    job.Window       `json:"window,omitzero" doc:"Which days a run covers; not of a drill."`
	Jitter    *int             `json:"jitter,omitempty" minimum:"0" maximum:"60" doc:"Minutes of delay at most; by default 10, and more where many jobs are due."`
	Calendar  string           `json:"calendar,omitempty" enum:"source,archive" doc:"Which calendar of the config; by default source. Not of an archive job."`
	Retention backup.Retention `json:"retention,omitzero" doc:"Which backups stay: those that one of the rules keeps; without any rule all. Only of a backup job."`
}

// Check says what is wrong with the settings of a job of a kind, without asking for what there is. Errors are of kind fault.Invalid and name the field.
func (in *JobSettings) Check(kind run.Kind, terms run.JobTerms) error {
	j := job.Job{Kind: kind, Config: "given"}
	in.apply(&j)
	if in.Jitter == nil {
		j.Jitter = job.DefaultJitter
	}
	return j.Check(terms)
}

func (in *JobSettings) apply(j *job.Job) {
	j.Name, j.Schedule, j.Window, j.Jitter, j.Calendar, j.Retention = in.Name, in.Schedule, in.Window, job.ByLoad, job.Calendar(in.Calendar), in.Retention
	if in.Jitter != nil {
		j.Jitter = *in.Jitter
	}
}

// jobInput is a job as a request has it.
type jobInput struct {
	Kind   jobKind `json:"kind" doc:"What the job's runs do."`
	Config string  `json:"config" minLength:"1" doc:"Id or name of an archive config."`
	JobSettings
}

// jobReason is job.Reason in answers.
type jobReason string

// Schema implements huma.SchemaProvider.
func (jobReason) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{
		string(job.ByUser), string(job.ConfigInactive), string(job.UserDisabled), string(job.SignInNeeded), string(job.NotSeen), string(job.Broken),
		string(job.UnknownKind), string(job.TenantOut),
	}}
}

// jobView is a job as a response has it.
type jobView struct {
	ID        string            `json:"id"`
	Name      string            `json:"name,omitempty" doc:"By which the job can be found, in place of its id."`
	Kind      jobKind           `json:"kind"`
	Config    string            `json:"config" doc:"Id of the archive config."`
	Schedule  job.Schedule      `json:"schedule"`
	Window    job.Window        `json:"window"`
	Jitter    int               `json:"jitter" doc:"In minutes."`
	Calendar  string            `json:"calendar,omitempty" enum:"source,archive"`
	Retention *backup.Retention `json:"retention,omitempty" doc:"Which backups stay; of a backup job."`
	State     string            `json:"state" enum:"active,paused"`
	Reason    jobReason         `json:"reason,omitempty" doc:"Why the job is paused."`
	Detail    string            `json:"detail,omitempty" doc:"What is in the job's way, if it did not pause by itself."`
	Due       *time.Time        `json:"due,omitempty" doc:"The next time of the schedule; of an active job."`
	Starts    *time.Time        `json:"starts,omitempty" doc:"When the next run begins: the next time, and what the jitter adds to it."`
	LastRun   string            `json:"last_run,omitempty" doc:"Id of the run that the job started last."`
	LastDue   *time.Time        `json:"last_due,omitempty" doc:"For which time of the schedule it started one last."`
	Created   time.Time         `json:"created"`
	Updated   time.Time         `json:"updated"`
	Next      []nextView        `json:"next,omitempty" doc:"The next five times of the schedule; of an active job that is shown by itself."`
}

func (s *server) viewJob(j *job.Job) jobView {
	v := jobView{
		ID: j.ID, Name: j.Name, Kind: jobKind(j.Kind), Config: j.Config, Schedule: j.Schedule, Window: j.Window, Jitter: j.Jitter, Calendar: string(j.Calendar),
		State: string(j.State), Reason: jobReason(j.Reason), Detail: j.Detail, Due: orNil(j.Due), Starts: orNil(j.Starts()), LastRun: j.LastRun,
		LastDue: orNil(j.LastDue), Created: j.Created, Updated: j.Updated,
	}
	if terms := s.Kinds.Of(j.Kind).Job; terms != nil && terms.Retention {
		v.Retention = &j.Retention
	}
	return v
}

// nextView is a time at which a job is due.
type nextView struct {
	Due   time.Time `json:"due"`
	Local string    `json:"local" format:"date-time" doc:"The same as clocks in the schedule's zone show it."`
}

// nextTimes is how many of a job's times to come are shown.
const nextTimes = 5

type jobAnswer struct {
	ETag     string `header:"ETag" doc:"Goes into If-Match when the job is changed or removed. A job that starts a run has another one afterwards."`
	Location string `header:"Location" doc:"Of a job that was created."`
	Body     jobView
}

func (s *server) answerJob(j *job.Job) (*jobAnswer, error) {
	out := &jobAnswer{ETag: etag(j.Version), Body: s.viewJob(j)}
	if j.State != job.Active {
		return out, nil
	}
	zone, err := calendar.LoadZone(j.Schedule.Zone)
	if err != nil {
		return nil, fault.New(fault.Malformed, "job %s: %w", j.ID, err)
	}
	times, err := j.Next(nextTimes)
	if err != nil {
		return nil, fault.New(fault.Malformed, "job %s: %w", j.ID, err)
	}
	for _, at := range times {
		out.Body.Next = append(out.Body.Next, nextView{Due: at, Local: at.In(zone).Format(time.RFC3339)})
	}
	return out, nil
}

func (s *server) jobRoutes() {
	handle(s, route{
		pattern: "POST /v1/jobs", access: byUsers, class: limit.Writes, action: "job.create",
		tag: tagJobs, summary: "Create a job", success: http.StatusCreated,
		description: "A new job is active: its first run starts at the next time of its schedule.",
	}, s.createJob)
	handle(s, route{pattern: "GET /v1/jobs", access: byUsers, tag: tagJobs, summary: "List jobs"}, s.listJobs)
	handle(s, route{
		pattern: "GET /v1/jobs/health", access: byUsers, tag: tagJobs, summary: "Show whether your jobs do what they should",
	}, s.jobHealth)
	handle(s, route{pattern: "GET /v1/jobs/{id}", access: byUsers, tag: tagJobs, summary: "Show a job with its next times"}, s.getJob)
	handle(s, route{
		pattern: "PUT /v1/jobs/{id}", access: byUsers, class: limit.Writes, action: "job.replace", needs: headerIfMatch,
		tag: tagJobs, summary: "Replace what a job's schedule and runs are",
		description: "The kind and the config stay. What is left out gets its default. A job whose schedule stays keeps its next time.",
	}, s.putJob)
	handle(s, route{
		pattern: "DELETE /v1/jobs/{id}", access: byUsers, class: limit.Removals, action: "job.remove", needs: headerIfMatch,
		tag: tagJobs, summary: "Remove a job",
		description: "Its runs stay, those that are under way too.",
	}, s.deleteJob)
	handle(s, route{
		pattern: "POST /v1/jobs/{id}/pause", access: byUsers, class: limit.Writes, action: "job.pause",
		tag: tagJobs, summary: "Keep a job from starting runs",
		description: "A run that is under way goes on.",
	}, s.pauseJob)
	handle(s, route{
		pattern: "POST /v1/jobs/{id}/resume", access: byUsers, class: limit.Writes, action: "job.resume",
		tag: tagJobs, summary: "Let a paused job start runs again",
		description: "At its next time from now; what it missed is not made up.",
	}, s.resumeJob)
	handle(s, route{
		pattern: "POST /v1/jobs/{id}/trigger", access: byUsers, class: limit.Starts, action: "job.trigger",
		tag: tagJobs, summary: "Start a run of a job now", success: http.StatusAccepted, document: alsoOK,
		description: "Outside its schedule, whether it is paused or not. Answers 202 with the new run, or 200 with the same run when it is under " +
			"way already.",
	}, s.triggerJob)
	handle(s, route{
		pattern: "GET /v1/jobs/{id}/runs", access: byUsers, tag: tagJobs, summary: "List the runs that a job started, the newest first",
		description: "A page may have few runs, or none, and still have a next: those of its config are looked through.",
	}, s.jobRuns)
}

// inactive gives a job's error the code that an archive config has which is not active.
func inactive(err error) error {
	if errors.Is(err, job.ErrInactive) {
		return withCode(codeConfigInactive, "%s", err)
	}
	return err
}

func (s *server) createJob(ctx context.Context, in *struct{ Body jobInput }) (*jobAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Named(ctx, who, in.Body.Config)
	if err != nil {
		return nil, err
	}
	wanted := job.Job{Kind: run.Kind(in.Body.Kind), Config: c.ID}
	in.Body.apply(&wanted)
	j, err := s.Jobs.Create(ctx, who, wanted)
	if err != nil {
		return nil, inactive(err)
	}
	out, err := s.answerJob(j)
	if err != nil {
		return nil, err
	}
	out.Location = "/v1/jobs/" + j.ID
	return out, nil
}

func (s *server) listJobs(ctx context.Context, in *struct {
	Paging
	Config string `query:"config" doc:"Only jobs of this archive config, by id or name."`
	State  string `query:"state" enum:"active,paused"`
}) (*page[jobView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	config, err := s.ofConfig(ctx, who, in.Config)
	if err != nil {
		return nil, err
	}
	var found []*job.Job
	next := in.Cursor
	for { // to the end of a short list: a user has few jobs
		var jobs []*job.Job
		if jobs, next, err = s.Jobs.List(ctx, who, in.Limit-len(found), next); err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if (config == "" || j.Config == config) && (in.State == "" || string(j.State) == in.State) {
				found = append(found, j)
			}
		}
		if next == "" || len(found) == in.Limit {
			return onePage(found, next, s.viewJob), nil
		}
	}
}

func (s *server) job(ctx context.Context, id string) (*job.Job, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return s.Jobs.Get(ctx, who, id)
}

// changingJob returns the job that a request changes or removes, if it is the version that its caller has read.
func (s *server) changingJob(ctx context.Context, id string, read IfMatch) (*job.Job, error) {
	j, err := s.job(ctx, id)
	if err != nil {
		return nil, err
	}
	return j, read.check(j.Version)
}

func (s *server) getJob(ctx context.Context, in *ByIDOrName) (*jobAnswer, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.answerJob(j)
}

func (s *server) putJob(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
	Body JobSettings
}) (*jobAnswer, error) {
	j, err := s.changingJob(ctx, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	in.Body.apply(j)
	if j, err = s.Jobs.Update(ctx, j.User, *j); err != nil {
		return nil, ifChanged(err)
	}
	return s.answerJob(j)
}

func (s *server) deleteJob(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
}) (*struct{}, error) {
	j, err := s.changingJob(ctx, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, ifChanged(s.Jobs.Remove(ctx, j.User, j.ID, j.Version))
}

func (s *server) pauseJob(ctx context.Context, in *ByIDOrName) (*jobAnswer, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	j, err = s.Jobs.Pause(ctx, j.User, j.ID, job.ByUser)
	if err != nil {
		return nil, err
	}
	return s.answerJob(j)
}

func (s *server) resumeJob(ctx context.Context, in *ByIDOrName) (*jobAnswer, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	j, err = s.Jobs.Resume(ctx, j.User, j.ID)
	if err != nil {
		return nil, inactive(err)
	}
	return s.answerJob(j)
}

func (s *server) triggerJob(ctx context.Context, in *ByIDOrName) (*runAnswer, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r, created, err := s.Jobs.Trigger(ctx, j.User, j.ID)
	if err != nil {
		return nil, inactive(err)
	}
	return s.answerStart(r, created)
}

func (s *server) jobRuns(ctx context.Context, in *struct {
	ByIDOrName
	Paging
}) (*page[runView], error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	runs, next, err := s.Jobs.History(ctx, j.User, j.ID, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return s.pageOfRuns(runs, next)
}

// queueView is how much waits for the workers of a kind of runs.
type queueView struct {
	Kind    jobKind `json:"kind"`
	Waiting int     `json:"waiting" doc:"Messages that wait, or are being worked on."`
	Age     *int    `json:"age,omitempty" doc:"Of the oldest one, in seconds; where one waits and the queue knows."`
}

// jobHealthView is how a user's jobs are.
type jobHealthView struct {
	Late    []jobView   `json:"late" nullable:"false" doc:"Jobs that should have started a run more than five minutes ago."`
	Failing []jobView   `json:"failing" nullable:"false" doc:"Jobs of which the last three runs failed."`
	Queues  []queueView `json:"queues,omitempty" doc:"What waits, of all users together; for administrators alone."`
}

func (s *server) jobHealth(ctx context.Context, _ *struct{}) (*struct{ Body jobHealthView }, error) {
	p, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	h, err := s.Jobs.Health(ctx, p.Key())
	if err != nil {
		return nil, err
	}
	view := jobHealthView{Late: onePage(h.Late, "", s.viewJob).Body.Items, Failing: onePage(h.Failing, "", s.viewJob).Body.Items}
	if !p.Admin() {
		return &struct{ Body jobHealthView }{view}, nil
	}
	queues, err := s.Jobs.Queues(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range slices.Sorted(maps.Keys(queues)) {
		q := queueView{Kind: jobKind(kind), Waiting: queues[kind].Waiting}
		if oldest := queues[kind].Oldest; !oldest.IsZero() {
			age := int(s.Clock().Sub(oldest) / time.Second)
			q.Age = &age
		}
		view.Queues = append(view.Queues, q)
	}
	return &struct{ Body jobHealthView }{view}, nil
}

// follow lets the jobs of a config do what the config does: rest while it is not active, go on when it is, and go when it is gone. It
// looks again afterwards, so that of two changes at once the jobs follow the later one. A process that dies on the way leaves
// jobs that the dispatcher pauses, or that the next attempt resumes.
func (s *server) follow(ctx context.Context, who, config string) error {
	for range attempts {
		before, err := s.activity(ctx, who, config)
		if err != nil {
			return err
		}
		switch before {
		case configGone:
			err = s.Jobs.RemoveAll(ctx, who, config)
		case configIdle:
			err = s.Jobs.PauseAll(ctx, who, config, job.ConfigInactive)
		case configActive:
			err = s.Jobs.ResumeAll(ctx, who, config, job.ConfigInactive)
		}
		if err != nil {
			return err
		}
		after, err := s.activity(ctx, who, config)
		if err != nil || after == before {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the config changes all the time; try again")
}

// activity is what the jobs of a config depend on.
type activity int

const (
	configGone activity = iota
	configIdle
	configActive
)

func (s *server) activity(ctx context.Context, who, config string) (activity, error) {
	c, err := s.Configs.Get(ctx, who, config)
	switch {
	case fault.Of(err) == fault.NotFound:
		return configGone, nil
	case err != nil:
		return 0, err
	case c.Active:
		return configActive, nil
	}
	return configIdle, nil
}
