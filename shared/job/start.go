package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Kind is how jobs of one kind start their runs.
type Kind struct {
	// Queue takes the messages of the runs.
	Queue queue.Queue
	// Days returns the first and the last day of the run that a job starts for the time at. Errors that are not transient or
	// internal mean that the job cannot start runs as it is; of kind fault.Conflict, that its config is inactive.
	Days func(ctx context.Context, j *Job, at time.Time) (from, to calendar.Date, err error)
}

// Archives is how archive jobs start their runs.
func Archives(configs *archive.Configs, messages queue.Queue) Kind {
	return Kind{Queue: messages, Days: func(ctx context.Context, j *Job, at time.Time) (from, to calendar.Date, err error) {
		c, err := configs.Get(ctx, j.User, j.Config)
		switch {
		case err != nil:
			return from, to, err
		case !c.Active:
			return from, to, fault.New(fault.Conflict, "config %q is not active; activate it first", c.Name)
		case j.Window.Days == 0:
			return configs.Window(ctx, c, at)
		}
		zone, err := calendar.LoadZone(c.Timezone)
		if err != nil {
			return from, to, err
		}
		from, to = j.Window.days(at, zone)
		return from, to, nil
	}}
}

// noKind is what is wrong with a job of a kind that only another version of the program knows.
func noKind(j *Job) error { return fmt.Errorf("job %s: nobody starts runs of kind %q", j.ID, j.Kind) }

// newRun is the run that the job starts.
func (j *Job) newRun(id, correlation string, from, to calendar.Date, now time.Time) *run.Run {
	return &run.Run{
		ID: id, User: j.User, Kind: j.Kind, Config: j.Config, From: from, To: to, Job: j.ID, State: run.Queued,
		Progress: run.NewProgress("queued", 0, 0), Correlation: correlation, Created: now.UTC(),
	}
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
