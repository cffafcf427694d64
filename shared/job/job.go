// Package job knows jobs: schedules that start runs. Jobs is what users do with them; Dispatcher starts what is due.
//
// Items in the store:
//
//	USER#<user> / JOB#<id>   a job; in the index as DUE#<shard> / <RFC 3339 in UTC>#<id> while the dispatcher has to look at it
//	USER#<user> / JOBS       counts how often a job was created, so that two that are created at once see each other
//
// A job starts a run in two steps. One transaction stores the run, notes that it is under way, and stores the job with its next time
// and the run as its start. After the run's message is sent, a second write takes the start off the job. Until then the job is in the
// index one minute after the transaction, so that the dispatcher sends the message if whoever made the start is no more. Whoever else
// changes a job that has a start sends its message first.
//
// A job that cannot be started because of a defect of the program is stuck: it stays due, and the dispatcher tries it again after five minutes,
// then ten, up to an hour. It keeps no other job waiting.
//
// A job of a kind that the program does not know, since a newer version made it, is parked when it is due: it is paused, and the dispatcher
// looks at it every hour. The first version that knows the kind goes on with it as if its time had been missed.
package job

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// State of a job.
type State string

const (
	Active State = "active"
	Paused State = "paused"
)

// Reason is why a job is paused.
type Reason string

const (
	ByUser         Reason = "user"            // somebody asked for it
	ConfigInactive Reason = "config_inactive" // its config was deactivated
	UserDisabled   Reason = "user_disabled"   // an administrator has shut its user out
	SignInNeeded   Reason = "sign_in_needed"  // the user has to sign in to Microsoft again
	NotSeen        Reason = "not_seen"        // the user has made no request for long, and may have left
	TenantOut      Reason = "tenant_out"      // users of its user's tenant are let in no more
	Broken         Reason = "broken"          // it cannot start runs; Job.Detail says why
	UnknownKind    Reason = "unknown_kind"    // this version of the program does not know its kind; it goes on by itself when one does
)

// Window says which days a run of the job covers. They end with the day before the one on which the job was due, in the config's zone.
type Window struct {
	Days int `json:"days,omitempty" minimum:"0" maximum:"366" doc:"The last so many days. Without it, archives go on from the last one, backups are whole."`
}

const (
	maxDays = 366
	maxName = 100 // characters
)

// validName says whether a job may have the name; none is one, too.
func validName(name string) bool {
	return name == strings.TrimSpace(name) && utf8.RuneCountInString(name) <= maxName && !strings.ContainsFunc(name, unicode.IsControl)
}

// days returns the w.Days days before the local day of that time in zone.
func (w Window) days(at time.Time, zone *time.Location) (from, to calendar.Date) {
	to = calendar.DateOf(at, zone).AddDays(-1)
	return to.AddDays(1 - w.Days), to
}

// Calendar is which of its config's calendars a job is about.
type Calendar string

const (
	SourceCalendar  Calendar = "source"
	ArchiveCalendar Calendar = "archive"
)

const (
	// DefaultJitter is the Jitter by load of a job that is due with few others, in minutes.
	DefaultJitter = 10
	// MaxJitter is the largest Jitter, in minutes.
	MaxJitter = 60
)

// Job is a schedule that starts runs of a config.
type Job struct {
	ID       string   `json:"id"`
	User     string   `json:"user"`           // account.Principal.Key
	Name     string   `json:"name,omitempty"` // the user's; unique among the user's jobs, in any case
	Kind     run.Kind `json:"kind"`
	Config   string   `json:"config"` // id
	Schedule Schedule `json:"schedule"`
	Window   Window   `json:"window"`
	// Calendar is what a backup or a drill is about.
	Calendar Calendar `json:"calendar,omitempty"`
	// Retention goes to the backups that the job starts.
	Retention backup.Retention `json:"retention,omitzero"`
	// Jitter is up to how many minutes after its time the job starts its run; how long exactly follows from its id. It keeps jobs
	// that are due at the same time apart. The days of the run are those of the time itself.
	Jitter int `json:"jitter"`

	State  State  `json:"state"`
	Reason Reason `json:"reason,omitempty"` // of a paused one
	Detail string `json:"detail,omitempty"` // of one that did not pause by its user's will, or is stuck, for the user
	// Due is the next time of the schedule; zero while the job is paused. Starts says when its run begins.
	Due     time.Time `json:"due,omitzero"`
	LastRun string    `json:"last_run,omitempty"` // id of the run that it started last
	LastDue time.Time `json:"last_due,omitzero"`  // for which time of the schedule it started one last
	Start   *Start    `json:"start,omitempty"`
	Parked  *Parked   `json:"parked,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"` // by its user

	// Version counts the changes of the job, those of the dispatcher too, for optimistic concurrency.
	Version int64 `json:"-"`
	// Unknown is what the stored job has that this program does not know.
	Unknown store.Unknown `json:"-"`
}

// Start is a run of a job whose message may not have been sent yet.
type Start struct {
	Run         string    `json:"run"`
	Correlation string    `json:"correlation_id"`
	Made        time.Time `json:"made"`
}

// Parked is what becomes of a job that was due, or had a start, in a version of the program that did not know its kind.
type Parked struct {
	Due  time.Time `json:"due,omitzero"` // the Due that it had; zero if it was paused, or is stuck and still has it
	Look time.Time `json:"look"`         // when the dispatcher looks at it again
	// Tries is how often a job that is stuck was tried since it started a run; 0 of another.
	Tries int `json:"tries,omitempty"`
}

// Shards is how many partitions the due index has.
const Shards = 16

const (
	// parkedFor is how long a parked job rests before the dispatcher looks at it again.
	parkedFor = time.Hour
	// firstRest is how long one rests that is stuck for the first time. It doubles each time, up to parkedFor.
	firstRest = 5 * time.Minute
	// toldAfter is how many times a job is tried before its user hears that it is stuck.
	toldAfter = 2
)

// takeOver is when the dispatcher looks at a start that is still there. It is the longest time that whoever made it can be alive:
// the dispatcher's function lasts a minute, the API's half of that.
const takeOver = time.Minute

func jobKey(user, id string) store.Key {
	return store.OfUser(user, "JOB#"+id)
}

// hash spreads ids over shards and jitter.
func hash(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])
}

func shardKey(shard int) string { return fmt.Sprintf("DUE#%02d", shard) }

// offset is how long after its time the job starts its run, in whole seconds. It takes other bits of the hash than the shard does.
func (j *Job) offset() time.Duration {
	return time.Duration(hash(j.ID)/Shards%uint64(j.Jitter*60+1)) * time.Second
}

// Starts is when the job's next run begins; zero while it is paused.
func (j *Job) Starts() time.Time {
	if j.Due.IsZero() {
		return time.Time{}
	}
	return j.Due.Add(j.offset())
}

// dueTime is how the index writes instants: of one length, so that they sort.
const dueTime = "2006-01-02T15:04:05Z"

func (j *Job) item() *store.Item {
	data, err := j.Unknown.Encode(j)
	if err != nil {
		panic(fmt.Sprintf("job: %v", err)) // plain data
	}
	item := &store.Item{Key: jobKey(j.User, j.ID), Data: data}
	look := j.Starts()
	if j.Start != nil {
		look = j.Start.Made.Add(takeOver)
	}
	if j.Parked != nil {
		look = j.Parked.Look
	}
	if !look.IsZero() {
		item.IndexPK, item.IndexSK = shardKey(int(hash(j.ID)%Shards)), look.UTC().Format(dueTime)+"#"+j.ID
	}
	return item
}

// put is the operation that stores the job if nobody else changed it.
func (j *Job) put() store.Op { return store.Op{Put: j.item(), If: store.VersionIs(j.Version)} }

// decode reads a job; one that is unreadable, or lies under a key that is not its own, is of kind fault.Malformed.
func decode(item store.Item) (*Job, error) {
	j := &Job{}
	unknown, err := store.Decode(item.Data, j)
	if err != nil {
		return nil, fault.New(fault.Malformed, "job %s is unreadable: %v", strings.TrimPrefix(item.SK, "JOB#"), err)
	}
	if jobKey(j.User, j.ID) != item.Key || j.Jitter < 0 || j.Jitter > MaxJitter {
		return nil, fault.New(fault.Malformed, "job %s is unreadable: it says things that cannot be", strings.TrimPrefix(item.SK, "JOB#"))
	}
	j.Version, j.Unknown = item.Version, unknown
	return j, nil
}

// Check says whether the job may be stored, as far as that depends on it alone. terms are those of its kind. Errors are of kind fault.Invalid and name the
// field.
func (j *Job) Check(terms run.JobTerms) error {
	_, err := j.check(terms)
	return err
}

// check says whether the job may be stored, and returns its times. terms are those of its kind. Errors are of kind fault.Invalid and name the
// field.
func (j *Job) check(terms run.JobTerms) (*Timetable, error) {
	switch {
	case !validName(j.Name):
		return nil, fault.Field("name", "must have at most %d characters, without control characters or space around them", maxName)
	case j.Config == "":
		return nil, fault.Field("config", "is missing; give the id or name of an archive config")
	case j.Window.Days < 0 || j.Window.Days > maxDays:
		return nil, fault.Field("window.days", "is %d: expected 0 to %d", j.Window.Days, maxDays)
	case j.Jitter < 0 || j.Jitter > MaxJitter:
		return nil, fault.Field("jitter", "is %d: expected 0 to %d minutes", j.Jitter, MaxJitter)
	case j.Calendar != "" && j.Calendar != SourceCalendar && j.Calendar != ArchiveCalendar:
		return nil, fault.Field("calendar", "is %.20q: expected source or archive", string(j.Calendar))
	}
	for _, f := range []struct {
		name         string
		given, taken bool
	}{
		{"window.days", j.Window.Days != 0, terms.Days},
		{"calendar", j.Calendar != "", terms.Calendar},
		{"retention", j.Retention != (backup.Retention{}), terms.Retention},
	} {
		if f.given && !f.taken {
			return nil, fault.Field(f.name, "does not belong to a job of kind %s; leave it out", j.Kind)
		}
	}
	if err := j.Retention.Check(); err != nil {
		return nil, err
	}
	return j.Schedule.Timetable()
}

// Next returns up to n of the times of the schedule that are to come, the first one that the job is due at; none while it is paused.
func (j *Job) Next(n int) ([]time.Time, error) {
	times, err := j.Schedule.Timetable()
	if err != nil {
		return nil, err
	}
	var next []time.Time
	for at := j.Due; !at.IsZero() && len(next) < n; at = times.Next(at) {
		next = append(next, at)
	}
	return next, nil
}

// runID is the id of the run that a job starts for one of its times: always the same, so that even a job that was put back to an
// earlier state does not start it twice.
func runID(job string, due time.Time) string {
	sum := sha256.Sum256([]byte(job + "@" + due.UTC().Format(time.RFC3339)))
	id := ulid.ULID{}
	_ = id.SetTime(uint64(due.UnixMilli())) // fails for times after the year 10889
	_ = id.SetEntropy(sum[:10])             // has the right length
	return id.String()
}

// pause stops the job from being due.
func (j *Job) pause(why Reason, detail string) {
	j.State, j.Reason, j.Detail, j.Due, j.Parked = Paused, why, detail, time.Time{}, nil
}

// activate makes the job due at its next time after now.
func (j *Job) activate(times *Timetable, now time.Time) {
	j.State, j.Reason, j.Detail, j.Due, j.Parked = Active, "", "", times.Next(now), nil
}

// park lets the job rest until the dispatcher looks at it again. One that is paused already stays so for its reason. It returns whether
// the job was not parked before.
func (j *Job) park(look time.Time, why string) bool {
	if j.Parked != nil {
		j.Parked.Look = look
		return false
	}
	due := j.Due
	if j.State == Active {
		j.pause(UnknownKind, why)
	}
	j.Parked = &Parked{Due: due, Look: look}
	return true
}

// stick lets a job rest that could not be started for no fault of its own, and returns how often it has been tried. It stays due.
func (j *Job) stick(tries int, now time.Time, why string) int {
	j.Detail = why
	j.Parked = &Parked{Look: now.Add(min(firstRest<<min(tries, 8), parkedFor)), Tries: tries + 1}
	return tries + 1
}

// unpark makes a parked job what it was before, to be tried.
func (j *Job) unpark() {
	if j.Parked == nil {
		return
	}
	if j.Parked.Tries > 0 {
		j.Detail = ""
	}
	if j.Reason == UnknownKind {
		j.State, j.Reason, j.Detail, j.Due = Active, "", "", j.Parked.Due
	}
	j.Parked = nil
}
