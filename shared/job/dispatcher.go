package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	// lateAfter is how long after its time a job is late.
	lateAfter = 5 * time.Minute
	// reserve is how long before the deadline of its context a tick begins nothing more.
	reserve = 10 * time.Second
	// shardsAtOnce and callsAtOnce bound the requests that are under way: so many of the shards, and of a chunk's reads and sends.
	shardsAtOnce = 4
	callsAtOnce  = 8
	// chunk is how many jobs are started in one transaction, three operations each; a page of the due index has pageChunks of them.
	chunk      = store.MaxTransact / 3
	pageChunks = 3
)

// Dispatcher starts the runs of jobs that are due. Several may be at work at once: each run is started by one of them.
type Dispatcher struct {
	Table store.Table
	Kinds map[run.Kind]Kind
	Clock func() time.Time
	Log   zerolog.Logger
	// Metrics count late jobs and parked ones; nil if nobody looks at them.
	Metrics *telemetry.Metrics
	// Barred says for which of the users no runs may be started, and why: UserDisabled, TenantOut or NotSeen; nil: for none.
	Barred func(ctx context.Context, users []string) (map[string]Reason, error)
	// Unseen is called for every job that was paused just now because its user is NotSeen, unless the process dies before. It may be nil.
	Unseen func(ctx context.Context, j *Job)
	// Late is called for every job whose run was started late, once it was started, unless the process dies before. It may be nil.
	Late func(ctx context.Context, j *Job)
	// Parked is called once for every job that was parked just now, unless the process dies before. It may be nil.
	Parked func(ctx context.Context, j *Job)
	// Stuck is called for every job that still could not be started when it was tried again, each time; Going for every job that was started after
	// that. Both may be nil.
	Stuck, Going func(ctx context.Context, j *Job)
}

// Report is what a tick did, in jobs.
type Report struct {
	Started int // their runs were started
	Joined  int // of those, with a run that was under way for the same days already
	Resumed int // their run had been started before; the message that names it was sent now
	Late    int // of those started, later than five minutes
	Taken   int // another dispatcher, or the user, was faster
	Paused  int // they could not start runs
	Parked  int // this version of the program does not know their kind
	Stuck   int // a defect kept them from being started; they are set aside and tried again by themselves
	Dropped int // they were unreadable, and are no longer looked at
	Failed  int // something did not work; the next tick tries again
	Left    int // shards that were not looked at to their end, because time was up
}

func (r *Report) add(o Report) {
	r.Started += o.Started
	r.Joined += o.Joined
	r.Resumed += o.Resumed
	r.Late += o.Late
	r.Taken += o.Taken
	r.Paused += o.Paused
	r.Parked += o.Parked
	r.Stuck += o.Stuck
	r.Dropped += o.Dropped
	r.Failed += o.Failed
	r.Left += o.Left
}

// Tick starts everything that is due. It stops ten seconds before the deadline of ctx; the next tick goes on. What did not work is logged and
// counted, and the next tick tries it again. An error means that this is more than a bad job or two: a shard could not be looked at, or
// something failed and nothing was done. The report has the rest all the same.
func (d *Dispatcher) Tick(ctx context.Context) (Report, error) {
	t := &tick{Dispatcher: d, ctx: ctx, runs: run.NewStore(d.Table), begin: ctx, now: d.Clock()}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		t.begin, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	var shards errgroup.Group
	shards.SetLimit(shardsAtOnce)
	for shard := range Shards {
		shards.Go(func() error {
			t.shard(shard)
			return nil
		})
	}
	_ = shards.Wait() // collects nothing
	wait := 0
	if t.oldest > lateAfter {
		wait = int(t.oldest.Seconds())
	}
	d.Metrics.Count(telemetry.Counts{
		telemetry.JobWait:  wait,
		telemetry.JobsLate: t.report.Late, telemetry.JobsParked: t.report.Parked, telemetry.JobsStuck: t.report.Stuck, telemetry.JobsFailed: t.report.Failed,
	})
	level := zerolog.DebugLevel
	if t.report != (Report{}) {
		level = zerolog.InfoLevel
	}
	r := t.report
	d.Log.WithLevel(level).Int("started", r.Started).Int("joined", r.Joined).Int("resumed", r.Resumed).Int("late", r.Late).Int("taken", r.Taken).
		Int("paused", r.Paused).Int("parked", r.Parked).Int("stuck", r.Stuck).Int("dropped", r.Dropped).Int("failed", r.Failed).Int("left", r.Left).
		Msg("due jobs dispatched")
	if t.unseen == 0 && t.done > 0 {
		return r, nil
	}
	return r, errors.Join(t.errs...)
}

// tick is one Tick.
type tick struct {
	*Dispatcher
	ctx   context.Context // of every request
	begin context.Context // ends when nothing more is begun
	runs  *run.Store
	now   time.Time

	mu     sync.Mutex
	report Report
	unseen int // shards that could not be read
	done   int // jobs with which nothing more is to be done, such as those whose runs were named to a worker
	oldest time.Duration
	errs   []error
}

// maxErrors is how many errors a tick returns; the log has them all.
const maxErrors = 10

// note adds to the report. What went wrong is logged.
func (t *tick) note(r Report, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.add(r)
	t.done += r.Taken + r.Paused + r.Parked + r.Dropped
	if err == nil {
		return
	}
	telemetry.Failure(t.Log.Error(), err).Int("jobs", max(r.Failed, 1)).Msg("jobs not dispatched")
	if len(t.errs) < maxErrors {
		t.errs = append(t.errs, err)
	}
}

// finished notes that nothing more is to be done with a job.
func (t *tick) finished() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
}

// waited notes since when the longest due of some jobs has waited.
func (t *tick) waited(items []store.Item) {
	if len(items) == 0 {
		return
	}
	since, _, _ := strings.Cut(items[0].IndexSK, "#")
	if at, err := time.Parse(dueTime, since); err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.oldest = max(t.oldest, t.now.Sub(at))
	}
}

// shard starts what is due in a shard, the longest due first.
func (t *tick) shard(shard int) {
	q := store.Query{Index: true, PK: shardKey(shard), To: t.now.UTC().Add(time.Second).Format(dueTime), Limit: pageChunks * chunk}
	for {
		if t.begin.Err() != nil {
			t.note(Report{Left: 1}, nil)
			return
		}
		page, err := t.Table.Query(t.ctx, q)
		if err != nil {
			t.note(Report{Left: 1}, fmt.Errorf("read what is due: %w", err))
			t.mu.Lock()
			t.unseen++
			t.mu.Unlock()
			return
		}
		t.waited(page.Items)
		for len(page.Items) > 0 {
			if t.begin.Err() != nil {
				t.note(Report{Left: 1}, nil)
				return
			}
			n := min(chunk, len(page.Items))
			t.chunk(page.Items[:n])
			page.Items = page.Items[n:]
		}
		if page.Next == "" {
			return
		}
		q.Cursor = page.Next
	}
}

// claim is a job that is due, and the run that it starts.
type claim struct {
	job   *Job
	run   *run.Run // nil if the job has a start already
	late  bool
	was   Job // as it was due
	tries int // how often it was tried before, if it was stuck
}

// chunk starts some jobs: their runs are stored, then named to the workers, then the jobs are relieved of their starts.
func (t *tick) chunk(items []store.Item) {
	barred, err := t.barred(items)
	if err != nil {
		t.note(Report{Failed: len(items)}, fmt.Errorf("look for users that are disabled: %w", err))
		return
	}
	claims := make([]*claim, len(items))
	each(items, func(i int) { claims[i] = t.prepare(items[i], barred) })

	var due, started []*claim
	for _, c := range claims {
		switch {
		case c == nil:
		case c.run == nil:
			started = append(started, c)
		default:
			due = append(due, c)
		}
	}
	started = append(started, t.claim(due)...)

	sent := make([]*claim, len(started))
	each(started, func(i int) {
		c := started[i]
		if err := c.job.send(t.ctx, t.Kinds[c.job.Kind].Queue); err != nil {
			t.note(Report{Failed: 1}, err)
			return
		}
		sent[i] = c
		t.finished()
		if c.run == nil {
			t.note(Report{Resumed: 1}, nil)
		}
	})
	t.relieve(slices.DeleteFunc(sent, func(c *claim) bool { return c == nil }))
	each(started, func(i int) {
		c := started[i]
		if c.late && t.Late != nil {
			t.Late(t.ctx, c.job)
		}
		if c.tries >= toldAfter && t.Going != nil {
			t.Going(t.ctx, c.job)
		}
	})
}

// barred returns those users of the jobs for whom no runs may be started.
func (t *tick) barred(items []store.Item) (map[string]Reason, error) {
	if t.Barred == nil {
		return nil, nil
	}
	var users []string
	for _, item := range items {
		users = append(users, item.User())
	}
	slices.Sort(users)
	return t.Barred(t.Log.WithContext(t.ctx), slices.Compact(users))
}

var (
	errTenantOut = fault.New(fault.Forbidden, "users of your organisation are not let in here any more")
	errDisabled  = fault.New(fault.Forbidden, "an administrator of your organisation has disabled your account here")
	errUnseen    = fault.New(fault.Forbidden, "you were not here for long; the job goes on by itself with your next request or sign-in")
)

// each calls f for every index of s, a few at once.
func each[T any](s []T, f func(i int)) {
	var calls errgroup.Group
	calls.SetLimit(callsAtOnce)
	for i := range s {
		calls.Go(func() error {
			f(i)
			return nil
		})
	}
	_ = calls.Wait() // collects nothing
}

// prepare reads a job from the index and makes its next run. It returns nil when nothing more is to be done with the job.
func (t *tick) prepare(item store.Item, barred map[string]Reason) *claim {
	j, err := decode(item)
	if err != nil {
		t.drop(item, err)
		return nil
	}
	kind, known := t.Kinds[j.Kind]
	if !known {
		t.park(j)
		return nil
	}
	tries := 0
	if j.Parked != nil {
		tries = j.Parked.Tries
	}
	j.unpark()
	if j.Start == nil && j.Due.IsZero() {
		t.drop(item, fault.New(fault.Malformed, "job %s is in the index of what is due and has no time", j.ID))
		return nil
	}
	if j.Start != nil {
		return &claim{job: j}
	}
	switch barred[j.User] {
	case UserDisabled:
		t.pause(j, UserDisabled, errDisabled)
		return nil
	case TenantOut:
		t.pause(j, TenantOut, errTenantOut)
		return nil
	case NotSeen:
		if t.pause(j, NotSeen, errUnseen) && t.Unseen != nil {
			t.Unseen(t.ctx, j)
		}
		return nil
	}
	times, err := j.check(kind.Terms)
	if err != nil {
		t.pause(j, Broken, err)
		return nil
	}
	now := t.Clock()
	shifted := now.Add(-j.offset()) // the clock by which the job goes
	last, next := times.around(j.Due, shifted)
	prepared, err := kind.Prepare(t.ctx, j, last)
	if err != nil {
		if why, its := obstacle(err); its {
			t.pause(j, why, err)
		} else {
			t.failed(&claim{job: j, was: *j, tries: tries}, err)
		}
		return nil
	}
	id := runID(j.ID, j.Due)
	c := &claim{job: j, run: j.newRun(id, id, prepared, now), late: shifted.Sub(j.Due) > lateAfter, was: *j, tries: tries}
	j.Due, j.LastDue = next, last
	return c
}

// claim stores the runs and returns the jobs whose runs have to be named to the workers.
func (t *tick) claim(due []*claim) []*claim {
	var started []*claim
	begun := func(c *claim, r Report) {
		r.Started = 1
		if c.late {
			r.Late = 1
			t.log(c.job).Warn().Str("run", c.run.ID).Time("due", c.job.LastDue).Msg("job late")
		}
		t.note(r, nil)
	}
	now := t.Clock()
	done := t.together(due, func(c *claim) []store.Op {
		c.job.start(c.run, now)
		return append(c.run.Creation(store.Absent()), c.job.put())
	}, func(c *claim) {
		_, created, err := begin(t.ctx, t.Table, t.runs, c.job, c.run, now)
		switch {
		case errors.Is(err, store.ErrConflict):
			t.note(Report{Taken: 1}, nil)
		case err != nil:
			t.failed(c, err)
		case created:
			begun(c, Report{})
			started = append(started, c)
		default:
			begun(c, Report{Joined: 1})
			if c.job.Start != nil {
				started = append(started, c)
			} else {
				t.finished()
			}
		}
	})
	for _, c := range done {
		begun(c, Report{})
	}
	return append(started, done...)
}

// relieve takes the starts off jobs whose messages were sent.
func (t *tick) relieve(sent []*claim) {
	t.together(sent, func(c *claim) []store.Op {
		c.job.Start = nil
		return []store.Op{c.job.put()}
	}, nil)
}

// together writes what ops returns for every job, in one transaction, and returns the jobs for which it was written. Jobs that somebody else
// has changed meanwhile are left out: whoever did has sent the message of a start, and will start what is due. If it cannot be done
// for all, it is tried with fewer; alone, unless nil, is called with one that is in conflict with something else.
func (t *tick) together(claims []*claim, ops func(*claim) []store.Op, alone func(*claim)) []*claim {
	if len(claims) == 0 {
		return nil
	}
	var all []store.Op
	for _, c := range claims {
		all = append(all, ops(c)...)
	}
	err := t.Table.Transact(t.ctx, all)
	switch {
	case err == nil:
		for _, c := range claims {
			c.job.Version++
		}
		return claims
	case fault.Of(err).Transient():
		t.note(Report{Failed: len(claims)}, fmt.Errorf("store what jobs start: %w", err))
		return nil
	case errors.Is(err, store.ErrConflict):
		unchanged, err := t.unchanged(claims)
		if err != nil {
			t.note(Report{Failed: len(claims)}, err)
			return nil
		}
		if len(unchanged) < len(claims) {
			if alone != nil {
				t.note(Report{Taken: len(claims) - len(unchanged)}, nil)
			}
			return t.together(unchanged, ops, alone)
		}
		if len(claims) == 1 {
			if alone != nil {
				alone(claims[0])
			}
			return nil
		}
	case len(claims) == 1:
		err = fmt.Errorf("store what the job starts: %w", err)
		if alone != nil {
			t.failed(claims[0], err)
		} else { // its run was started
			t.note(Report{Failed: 1}, fmt.Errorf("job %s: %w", claims[0].job.ID, err))
		}
		return nil
	}
	half := len(claims) / 2
	return append(t.together(claims[:half:half], ops, alone), t.together(claims[half:], ops, alone)...)
}

// unchanged returns the jobs that nobody else has changed since they were read.
func (t *tick) unchanged(claims []*claim) ([]*claim, error) {
	keys := make([]store.Key, len(claims))
	for i, c := range claims {
		keys[i] = jobKey(c.job.User, c.job.ID)
	}
	items, err := t.Table.GetMany(t.ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read jobs again: %w", err)
	}
	versions := make(map[store.Key]int64, len(items))
	for _, item := range items {
		versions[item.Key] = item.Version
	}
	var same []*claim
	for i, c := range claims {
		if versions[keys[i]] == c.job.Version {
			same = append(same, c)
		}
	}
	return same, nil
}

// failed notes that a job could not be started. One that fails for no passing reason is set aside for a while, so that it does not fail every
// minute; that it is due is not forgotten.
func (t *tick) failed(c *claim, cause error) {
	err := fmt.Errorf("job %s: %w", c.was.ID, cause)
	if fault.Of(cause).Transient() {
		t.note(Report{Failed: 1}, err)
		return
	}
	t.note(Report{}, err)
	j := c.was
	tries := j.stick(c.tries, t.Clock(), run.NewProblem(cause).Detail)
	item := j.item()
	item.Version = j.Version
	if t.store(*item, Report{Stuck: 1}) && tries >= toldAfter && t.Stuck != nil {
		t.Stuck(t.ctx, &j)
	}
}

// drop takes an unreadable job out of the index, and leaves it in the table for an operator.
func (t *tick) drop(item store.Item, cause error) {
	telemetry.Failure(t.Log.Error(), cause).Str("job", strings.TrimPrefix(item.SK, "JOB#")).Msg("unreadable job dropped")
	item.IndexPK, item.IndexSK = "", ""
	t.store(item, Report{Dropped: 1})
}

// pause keeps a job that cannot start runs from being due again, until its user has looked at it. It returns whether it did.
func (t *tick) pause(j *Job, why Reason, cause error) bool {
	telemetry.Failure(t.log(j).Warn(), cause).Str("reason", string(why)).Msg("job paused")
	j.pause(why, run.NewProblem(cause).Detail)
	item := j.item()
	item.Version = j.Version
	return t.store(*item, Report{Paused: 1})
}

// park lets a job rest whose kind only another version of the program knows.
func (t *tick) park(j *Job) {
	why := noKind(j)
	first := j.park(t.Clock().Add(parkedFor), run.NewProblem(why).Detail)
	telemetry.Failure(t.log(j).Error(), why).Str("kind", string(j.Kind)).Msg("job parked")
	item := j.item()
	item.Version = j.Version
	if t.store(*item, Report{Parked: 1}) && first && t.Parked != nil {
		t.Parked(t.ctx, j)
	}
}

// store stores an item if nobody else changed it, and returns whether it did.
func (t *tick) store(item store.Item, done Report) bool {
	_, err := t.Table.Put(t.ctx, item, store.VersionIs(item.Version))
	switch {
	case err == nil:
		t.note(done, nil)
		return true
	case errors.Is(err, store.ErrConflict):
		t.note(Report{Taken: 1}, nil)
	default:
		t.note(Report{Failed: 1}, fmt.Errorf("store job %s: %w", strings.TrimPrefix(item.SK, "JOB#"), err))
	}
	return false
}

func (t *tick) log(j *Job) *zerolog.Logger {
	log := t.Log.With().Str("job", j.ID).Str("user", telemetry.Hash(j.User)).Logger()
	return &log
}
