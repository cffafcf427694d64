package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Kind is how jobs of one kind start their runs.
type Kind struct {
	// Terms are the settings that its jobs may have.
	Terms run.JobTerms
	// Queue takes the messages of the runs.
	Queue queue.Queue
	// Prepare returns what is particular to the run that a job starts for the time at: its days, calendar and input. Errors that are not
	// transient or internal mean that the job cannot start runs as it is; ErrInactive, that its config is inactive.
	Prepare func(ctx context.Context, j *Job, at time.Time) (run.Run, error)
}

// Kinds are how jobs start runs of those kinds that they may start. The messages of a kind's runs go to the queue that it names.
func Kinds(kinds run.Kinds, configs *archive.Configs, queues map[run.QueueName]queue.Queue) map[run.Kind]Kind {
	all := map[run.Kind]Kind{}
	for _, name := range kinds.ForJobs() {
		d := kinds[name]
		all[name] = Kind{Terms: *d.Job, Queue: queues[d.Queue], Prepare: func(ctx context.Context, j *Job, at time.Time) (run.Run, error) {
			return prepare(ctx, configs, *d.Job, j, at)
		}}
	}
	return all
}

// prepare is Kind.Prepare of jobs that have the settings of the terms.
func prepare(ctx context.Context, configs *archive.Configs, terms run.JobTerms, j *Job, at time.Time) (r run.Run, err error) {
	c, err := configs.Get(ctx, j.User, j.Config)
	if err != nil {
		return run.Run{}, err
	}
	if !c.Active {
		return run.Run{}, fault.New(fault.Conflict, "config %q is %w; activate it first", c.Name, ErrInactive)
	}
	if terms.Calendar {
		r.Calendar = j.calendar(c).String()
	}
	if terms.Retention {
		if r.Input, err = json.Marshal(backup.Input{Retention: j.Retention, Job: j.ID}); err != nil {
			return run.Run{}, fmt.Errorf("input of the run of job %s: %w", j.ID, err)
		}
	}
	switch {
	case j.Window.Days > 0:
		r.From, r.To, err = j.days(c, at)
	case terms.GoesOn:
		r.From, r.To, err = configs.Window(ctx, c, at)
	}
	return r, err
}

// ErrInactive means that a job's config starts no runs. It comes in an error of kind fault.Conflict that names the config.
var ErrInactive = errors.New("not active")

// calendar is the one of the config's that the job is about.
func (j *Job) calendar(c archive.Config) calendar.URI {
	if j.Calendar == ArchiveCalendar {
		return c.Archive
	}
	return c.Source
}

// days are those of the job's window in the config's zone.
func (j *Job) days(c archive.Config, at time.Time) (from, to calendar.Date, err error) {
	zone, err := calendar.LoadZone(c.Timezone)
	if err != nil {
		return from, to, err
	}
	from, to = j.Window.days(at, zone)
	return from, to, nil
}

// obstacle says why a job is to be paused whose run could not be prepared; false if that was not the job's fault.
func obstacle(err error) (Reason, bool) {
	switch of := fault.Of(err); {
	case of == fault.Internal || of.Transient():
		return "", false
	case errors.Is(err, ErrInactive):
		return ConfigInactive, true
	}
	return Broken, true
}

// noKind is what is wrong with a job of a kind that only another version of the program knows.
func noKind(j *Job) error {
	return fault.New(fault.Conflict, "job %s is of kind %.20q, which this version of the program does not know; it goes on by itself when one does",
		j.ID, string(j.Kind))
}

// newRun completes the run that was prepared for the job.
func (j *Job) newRun(id, correlation string, prepared run.Run, now time.Time) *run.Run {
	r := prepared
	r.ID, r.User, r.Kind, r.Config, r.Job, r.State = id, j.User, j.Kind, j.Config, j.ID, run.Queued
	r.Progress, r.Correlation, r.Created = run.NewProgress("queued", 0, 0), correlation, now.UTC()
	return &r
}

// start notes on the job that it starts the run.
func (j *Job) start(r *run.Run, now time.Time) {
	j.LastRun, j.Start = r.ID, &Start{Run: r.ID, Correlation: r.Correlation, Made: now.UTC().Truncate(time.Second)}
}

// send sends the message of the job's start.
func (j *Job) send(ctx context.Context, q queue.Queue) error {
	r := run.Run{ID: j.Start.Run, User: j.User, Kind: j.Kind, Correlation: j.Start.Correlation}
	return r.Send(ctx, q)
}

// begin stores r, a run of j, and with it j as its caller has prepared it, if nobody else changed j meanwhile; else
// store.ErrConflict. If the same is under way, or r was stored before, that run stands for r. The run that is returned is the job's
// start, unless it has ended: then there is nothing to send.
func begin(ctx context.Context, table store.Table, runs *run.Store, j *Job, r *run.Run, now time.Time) (*run.Run, bool, error) {
	free := store.Absent()
	for range 3 { // a run may end between two looks
		j.start(r, now)
		err := table.Transact(ctx, append(r.Creation(free), j.put()))
		if err == nil {
			j.Version++
			return r, true, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, false, fmt.Errorf("store the run of job %s: %w", j.ID, err)
		}
		item, err := table.Get(ctx, jobKey(j.User, j.ID))
		if errors.Is(err, store.ErrNotFound) || err == nil && item.Version != j.Version {
			return nil, false, store.ErrConflict
		}
		if err != nil {
			return nil, false, fmt.Errorf("read job %s: %w", j.ID, err)
		}
		other, err := runs.Get(ctx, r.User, r.ID)
		if fault.Of(err) == fault.NotFound {
			other, free, err = runs.UnderWay(ctx, r)
		}
		if err != nil {
			return nil, false, err
		}
		if other == nil {
			continue
		}
		j.start(other, now)
		if other.State.Ended() {
			j.Start = nil
		}
		if _, err := table.Put(ctx, *j.item(), store.VersionIs(j.Version)); err != nil {
			return nil, false, fmt.Errorf("store job %s: %w", j.ID, err)
		}
		j.Version++
		return other, false, nil
	}
	return nil, false, fault.New(fault.Unavailable, "another run of the window began or ended at the same moment; try again")
}
