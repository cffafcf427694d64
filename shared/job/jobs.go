package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// MaxJobs is how many jobs a user may have.
const MaxJobs = 50

// attempts is how often a change is tried when others change the same at that moment.
const attempts = 5

// Jobs keeps the jobs of users.
type Jobs struct {
	table store.Table
	runs  *run.Store
	kinds map[run.Kind]Kind
	newID func() string
	clock func() time.Time

	perMinute int
}

// New returns the jobs kept in table, of the kinds that there are.
func New(table store.Table, kinds map[run.Kind]Kind, newID func() string, clock func() time.Time) *Jobs {
	return &Jobs{table: table, runs: run.NewStore(table), kinds: kinds, newID: newID, clock: clock, perMinute: perMinute}
}

// Create stores a new job, active, from j's kind, config, name, schedule, window, jitter, which may be ByLoad, calendar and retention. What is wrong with them
// is of kind fault.Invalid and names the field; a config that is not there is fault.NotFound, one that is not active is ErrInactive, and
// one job more than MaxJobs fault.Conflict.
func (s *Jobs) Create(ctx context.Context, user string, j Job) (*Job, error) {
	now := s.clock().UTC()
	made := &Job{ID: s.newID(), User: user, Kind: j.Kind, Config: j.Config, Created: now, Version: 1}
	made.set(&j, s.kinds[j.Kind].Terms, now)
	times, err := s.check(ctx, made, now)
	if err != nil {
		return nil, err
	}
	made.activate(times, now)
	if j.Jitter == ByLoad {
		if made.Jitter, err = s.byLoad(ctx, made.Due); err != nil {
			return nil, err
		}
	}
	for range attempts {
		err := s.create(ctx, made)
		if err == nil {
			return made, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "other jobs are created at the same moment; try again")
}

// create stores the job unless the user has too many; store.ErrConflict when another one is created at the same time.
func (s *Jobs) create(ctx context.Context, j *Job) error {
	count := store.Item{Key: store.Key{PK: jobKey(j.User, "").PK, SK: "JOBS"}, Data: []byte("{}")}
	unchanged := store.Absent()
	switch item, err := s.table.Get(ctx, count.Key); {
	case err == nil:
		unchanged, count.Data = store.VersionIs(item.Version), item.Data
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("count the jobs: %w", err)
	}
	items, err := s.items(ctx, j.User)
	if err != nil {
		return err
	}
	if err := nameIsFree(readable(ctx, items), j); err != nil {
		return err
	}
	if len(items) >= MaxJobs {
		return fault.New(fault.Conflict, "there are %d jobs already, as many as there may be; remove one first", len(items))
	}
	if err := s.table.Transact(ctx, []store.Op{{Put: j.item(), If: store.Absent()}, {Put: &count, If: unchanged}}); err != nil {
		return fmt.Errorf("store the job: %w", err)
	}
	return nil
}

// nameIsFree says whether no other one of a user's jobs has the name of j.
func nameIsFree(jobs []*Job, j *Job) error {
	if j.Name == "" {
		return nil
	}
	for _, other := range jobs {
		if other.ID != j.ID && calendar.Folded(other.Name) == calendar.Folded(j.Name) {
			return fault.New(fault.Conflict, "there is a job %q already; jobs have different names", other.Name)
		}
	}
	return nil
}

// Named returns the job of a user that has the id or, in any case, the name; one that is not there is of kind fault.NotFound.
func (s *Jobs) Named(ctx context.Context, user, idOrName string) (*Job, error) {
	j, err := s.Get(ctx, user, idOrName)
	if fault.Of(err) != fault.NotFound {
		return j, err
	}
	items, failed := s.items(ctx, user)
	if failed != nil {
		return nil, failed
	}
	for _, other := range readable(ctx, items) {
		if other.Name != "" && calendar.Folded(other.Name) == calendar.Folded(idOrName) {
			return other, nil
		}
	}
	return nil, err
}

// set gives the job what its user may change of one. terms are those of its kind.
func (j *Job) set(to *Job, terms run.JobTerms, now time.Time) {
	j.Name, j.Schedule, j.Window, j.Jitter, j.Calendar, j.Retention, j.Updated = to.Name, to.Schedule, to.Window, to.Jitter, to.Calendar, to.Retention, now
	if j.Jitter == ByLoad {
		j.Jitter = DefaultJitter // until somebody looks
	}
	if j.Calendar == "" && terms.Calendar {
		j.Calendar = SourceCalendar
	}
}

// check says whether the job can start runs, and returns its times.
func (s *Jobs) check(ctx context.Context, j *Job, now time.Time) (*Timetable, error) {
	kind, ok := s.kinds[j.Kind]
	if !ok {
		var kinds []string
		for _, k := range slices.Sorted(maps.Keys(s.kinds)) {
			kinds = append(kinds, string(k))
		}
		return nil, fault.Field("kind", "is %.20q: expected %s", string(j.Kind), strings.Join(kinds, " or "))
	}
	times, err := j.check(kind.Terms)
	if err != nil {
		return nil, err
	}
	_, err = kind.Prepare(ctx, j, now)
	return times, err
}

// items returns all jobs of a user as they are stored.
func (s *Jobs) items(ctx context.Context, user string) ([]store.Item, error) {
	key := jobKey(user, "")
	items, err := store.All(ctx, s.table, store.Query{PK: key.PK, Prefix: key.SK})
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return items, nil
}

// readable returns the jobs that can be read; the log has the others.
func readable(ctx context.Context, items []store.Item) []*Job {
	jobs := make([]*Job, 0, len(items))
	for _, item := range items {
		j, err := decode(item)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("job", strings.TrimPrefix(item.SK, "JOB#")).Msg("unreadable job left out")
			continue
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// Get returns a user's job; one that is not there is of kind fault.NotFound.
func (s *Jobs) Get(ctx context.Context, user, id string) (*Job, error) {
	item, err := s.item(ctx, user, id)
	if err != nil {
		return nil, err
	}
	return decode(item)
}

func (s *Jobs) item(ctx context.Context, user, id string) (store.Item, error) {
	item, err := s.table.Get(ctx, jobKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return item, fault.New(fault.NotFound, "there is no job %s", id)
	}
	if err != nil {
		return item, fmt.Errorf("read job %s: %w", id, err)
	}
	return item, nil
}

// List returns a page of a user's jobs, by id. Unreadable ones are left out.
func (s *Jobs) List(ctx context.Context, user string, limit int, cursor string) (jobs []*Job, next string, err error) {
	key := jobKey(user, "")
	page, err := s.table.Query(ctx, store.Query{PK: key.PK, Prefix: key.SK, Limit: limit, Cursor: cursor})
	if err != nil {
		return nil, "", fmt.Errorf("list jobs: %w", err)
	}
	return readable(ctx, page.Items), page.Next, nil
}

// Update gives the job of j.ID the name, schedule, window, jitter, which may be ByLoad, calendar and retention of j if it still has j.Version, else
// store.ErrConflict. A job whose schedule stays keeps its next time.
func (s *Jobs) Update(ctx context.Context, user string, j Job) (*Job, error) {
	stored, err := s.Get(ctx, user, j.ID)
	if err != nil {
		return nil, err
	}
	if stored.Version != j.Version {
		return nil, fmt.Errorf("store job %s: %w", j.ID, store.ErrConflict)
	}
	kind, ok := s.kinds[stored.Kind]
	if !ok {
		return nil, noKind(stored)
	}
	if j.Name != stored.Name {
		items, err := s.items(ctx, user)
		if err == nil {
			err = nameIsFree(readable(ctx, items), &j)
		}
		if err != nil {
			return nil, err
		}
	}
	stored.unpark()
	now := s.clock().UTC()
	same := stored.Schedule.equal(j.Schedule)
	stored.set(&j, kind.Terms, now)
	times, err := stored.check(kind.Terms)
	if err != nil {
		return nil, err
	}
	if stored.State == Active && !same {
		stored.Due = times.Next(now)
	}
	if j.Jitter == ByLoad && !stored.Due.IsZero() {
		if stored.Jitter, err = s.byLoad(ctx, stored.Due); err != nil {
			return nil, err
		}
	}
	return stored, s.store(ctx, stored)
}

// store stores a job that was changed, if nobody else changed it. The message of a start is sent before, so that none is lost with it. One of
// which nobody knows the queue stays with the job.
func (s *Jobs) store(ctx context.Context, j *Job) error {
	if _, known := s.kinds[j.Kind]; known {
		if err := s.announce(ctx, j); err != nil {
			return err
		}
		j.Start = nil
	}
	return s.put(ctx, j)
}

// put stores a job that was changed, with its start, if nobody else changed it. The message of the start is left to the dispatcher.
func (s *Jobs) put(ctx context.Context, j *Job) error {
	version, err := s.table.Put(ctx, *j.item(), store.VersionIs(j.Version))
	if err != nil {
		return fmt.Errorf("store job %s: %w", j.ID, err)
	}
	j.Version = version
	return nil
}

// announce sends the message of the job's start, if it has one.
func (s *Jobs) announce(ctx context.Context, j *Job) error {
	if j.Start == nil {
		return nil
	}
	kind, ok := s.kinds[j.Kind]
	if !ok {
		return noKind(j)
	}
	return j.send(ctx, kind.Queue)
}

// change reads a job, changes it and stores it, again when somebody else changed it meanwhile. A change that returns false is none.
func (s *Jobs) change(ctx context.Context, user, id string, change func(*Job) (bool, error)) (*Job, error) {
	return s.changeBy(ctx, user, id, s.store, change)
}

func (s *Jobs) changeBy(ctx context.Context, user, id string, keep func(context.Context, *Job) error, change func(*Job) (bool, error)) (*Job, error) {
	for range attempts {
		j, err := s.Get(ctx, user, id)
		if err != nil {
			return nil, err
		}
		changed, err := change(j)
		if err != nil || !changed {
			return j, err
		}
		if err = keep(ctx, j); !errors.Is(err, store.ErrConflict) {
			return j, err
		}
	}
	return nil, fault.New(fault.Unavailable, "job %s changes all the time; try again", id)
}

// Pause keeps the job from starting runs until it is resumed. Its run that is under way goes on.
func (s *Jobs) Pause(ctx context.Context, user, id string, why Reason) (*Job, error) {
	return s.change(ctx, user, id, func(j *Job) (bool, error) {
		if j.State == Paused && j.Reason == why {
			return false, nil
		}
		j.pause(why, "")
		return true, nil
	})
}

// Resume makes a paused job due again at its next time from now; what it missed is not made up. A job that cannot start runs stays
// paused, and the error says why.
func (s *Jobs) Resume(ctx context.Context, user, id string) (*Job, error) {
	return s.change(ctx, user, id, func(j *Job) (bool, error) {
		if j.State == Active {
			return false, nil
		}
		if _, known := s.kinds[j.Kind]; !known {
			return false, noKind(j)
		}
		now := s.clock()
		times, err := s.check(ctx, j, now)
		if err == nil {
			j.activate(times, now)
		}
		return true, err
	})
}

// Trigger starts a run of the job now, outside its schedule, whether it is paused or not. If the same is under way that run is
// returned, and created is false.
func (s *Jobs) Trigger(ctx context.Context, user, id string) (_ *run.Run, created bool, err error) {
	now := s.clock()
	runID := s.newID()
	for range attempts {
		j, err := s.Get(ctx, user, id)
		if err != nil {
			return nil, false, err
		}
		kind, ok := s.kinds[j.Kind]
		if !ok {
			return nil, false, noKind(j)
		}
		j.unpark()
		prepared, err := kind.Prepare(ctx, j, now)
		if err != nil {
			return nil, false, err
		}
		if err := s.announce(ctx, j); err != nil { // the start is about to be replaced
			return nil, false, err
		}
		r, created, err := begin(ctx, s.table, s.runs, j, j.newRun(runID, telemetry.Correlation(ctx), prepared, now), now)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		if err := s.store(ctx, j); err != nil && !errors.Is(err, store.ErrConflict) { // the run is stored: the dispatcher does the rest
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Str("job", id).Str("run", r.ID).Msg("start left to the dispatcher")
		}
		return r, created, nil
	}
	return nil, false, fault.New(fault.Unavailable, "job %s changes all the time; try again", id)
}

// Remove removes the job if it still has that version, else store.ErrConflict. Its runs stay. An unreadable job can be removed, too.
func (s *Jobs) Remove(ctx context.Context, user, id string, version int64) error {
	item, err := s.item(ctx, user, id)
	if err != nil {
		return err
	}
	if item.Version != version {
		return fmt.Errorf("remove job %s: %w", id, store.ErrConflict)
	}
	if j, err := decode(item); err == nil {
		if err := s.announce(ctx, j); err != nil {
			return err
		}
	}
	if err := s.table.Delete(ctx, item.Key, store.VersionIs(version)); err != nil {
		return fmt.Errorf("remove job %s: %w", id, err)
	}
	return nil
}

// PauseAll pauses a user's active jobs of a config, or all of them if config is empty. It sends nothing: a worker of one kind of runs, which pauses
// the jobs of all kinds, does not reach the queues of the others.
func (s *Jobs) PauseAll(ctx context.Context, user, config string, why Reason) error {
	return s.all(ctx, user, config, func(j *Job) error {
		_, err := s.changeBy(ctx, user, j.ID, s.put, func(j *Job) (bool, error) {
			if j.State == Paused {
				return false, nil
			}
			j.pause(why, "")
			return true, nil
		})
		return err
	})
}

// ResumeAll resumes those of a user's jobs of a config, or of all if config is empty, that are paused for that reason. One that cannot
// start runs stays paused for the reason that it has now. Like PauseAll it sends nothing.
func (s *Jobs) ResumeAll(ctx context.Context, user, config string, why Reason) error {
	return s.all(ctx, user, config, func(j *Job) error {
		_, err := s.changeBy(ctx, user, j.ID, s.put, func(j *Job) (bool, error) {
			if j.State != Paused || j.Reason != why {
				return false, nil
			}
			now := s.clock()
			times, err := s.check(ctx, j, now)
			if err == nil {
				j.activate(times, now)
				return true, nil
			}
			other, its := obstacle(err)
			if !its {
				return false, err
			}
			if other == why {
				return false, nil
			}
			j.pause(other, run.NewProblem(err).Detail)
			return true, nil
		})
		return err
	})
}

// RemoveAll removes a user's jobs of a config, or all of them if config is empty.
func (s *Jobs) RemoveAll(ctx context.Context, user, config string) error {
	return s.all(ctx, user, config, func(j *Job) (err error) {
		for range attempts {
			if err = s.Remove(ctx, user, j.ID, j.Version); !errors.Is(err, store.ErrConflict) {
				return err
			}
			if j, err = s.Get(ctx, user, j.ID); err != nil {
				return err
			}
		}
		return err
	})
}

// all calls f for the jobs of a config. One that is gone meanwhile is no error, and one that fails does not stop the others.
func (s *Jobs) all(ctx context.Context, user, config string, f func(*Job) error) error {
	items, err := s.items(ctx, user)
	if err != nil {
		return err
	}
	var errs []error
	for _, j := range readable(ctx, items) {
		if config != "" && j.Config != config {
			continue
		}
		if err := f(j); err != nil && fault.Of(err) != fault.NotFound {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
