// Package restore puts what a backup or an uploaded file holds into a calendar, exactly once in effect and without telling anybody, and
// proves that backups restore.
//
// A Planner is pure: it is given what the file holds and what the calendar holds, and says what becomes of each thing of the file. Runner does
// the talking: it reads both, has the plan stored before anything is written, and carries it out chunk by chunk. Drill restores the
// newest backup of a calendar into a scratch calendar, compares, and removes what it made. Uploads keeps files until they are restored.
//
// Items in the store:
//
//	RUN#<id> / RESTORE             how far a restore or a drill is (progress)
//	USER#<user> / UPLOAD#<id>      an uploaded file; expires
//	USER#<user> / UPLOADS          changes whenever the user uploads a file, so that no two are counted at once
//	USER#<user> / RESTORING#<provider>#<calendar>#<run>
//	                               a restore that writes the calendar, until it is known that nothing of it is half written
//	USER#<user> / SCRATCH#<run>    the scratch calendar of a drill, from before it is made until it is known to be gone
//
// Objects in blob storage, where <user> is the SHA-256 of the user's key:
//
//	uploads/<user>/<id>            an uploaded file
//	restores/<user>/<run>/plan     what a run decided about each thing of its file
//	restores/<user>/<run>/before   the events that a run replaces, as they were: what undoing it needs
package restore

import (
	"crypto/sha256"
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Policy says what becomes of an event that the calendar holds already.
type Policy string

const (
	Skip      Policy = "skip"      // what is there stays, and the file's is left out
	Replace   Policy = "replace"   // what is there becomes what the file holds
	Duplicate Policy = "duplicate" // everything is created, whatever is there
)

// Input is the input of a restore run besides the calendar that it writes, run.Run.Calendar, and its days; it is the run's Input as JSON.
type Input struct {
	Backup string `json:"backup,omitempty"` // id of the backup; empty: Upload is set
	Upload string `json:"upload,omitempty"`
	// SHA256 is of the uploaded file, in hexadecimal: at every attempt it must be the same.
	SHA256 string `json:"sha256,omitempty"`
	Policy Policy `json:"policy"`
	// Zone is where the days of the period begin and end, and in which floating times are read.
	Zone string `json:"timezone"`
	// CreateCalendar allows the run to create the calendar if it does not exist.
	CreateCalendar bool `json:"create_calendar,omitempty"`
	// Strict restores all of the file or nothing: an event that would be set aside is an error.
	Strict bool `json:"strict,omitempty"`
}

// Check says whether the input makes sense. Errors are of kind fault.Invalid and name the field.
func (in *Input) Check() error {
	switch in.Policy {
	case Skip, Replace, Duplicate:
	default:
		return fault.Field("policy", "is %.40q: expected skip, replace or duplicate", string(in.Policy))
	}
	if (in.Backup == "") == (in.Upload == "") {
		return fault.Field("backup", "or upload must be given, and not both")
	}
	if _, err := calendar.LoadZone(in.Zone); err != nil {
		return fault.Field("timezone", "%w", err)
	}
	return nil
}

// Outcome says what became of a thing of the file, or in a dry run what would.
type Outcome string

const (
	Created  Outcome = "created"   // a copy was made
	Skipped  Outcome = "skipped"   // it is there already
	Replaced Outcome = "replaced"  // the event that was there is now as the file has it
	Refused  Outcome = "refused"   // it is there, and must not be replaced; the reason says why and what to do
	Failed   Outcome = "failed"    // it could not be read, or the calendar would not have it
	SetAside Outcome = "set_aside" // the file's text of it is broken or says what cannot be; the reason says why, with the line
	Outside  Outcome = "outside_period"
)

// Counts are of things of the file: an event by itself is one, and so is a series with all that belongs to it.
type Counts struct {
	Read          int `json:"read"`
	InPeriod      int `json:"in_period"`
	Created       int `json:"created"`
	Skipped       int `json:"skipped"`
	Replaced      int `json:"replaced"`
	Refused       int `json:"refused"`
	Failed        int `json:"failed"`
	SetAside      int `json:"set_aside"`
	OutsidePeriod int `json:"outside_period"`
}

// of returns the count of an outcome.
func (c *Counts) of(o Outcome) *int {
	switch o {
	case Created:
		return &c.Created
	case Skipped:
		return &c.Skipped
	case Replaced:
		return &c.Replaced
	case Refused:
		return &c.Refused
	case SetAside:
		return &c.SetAside
	case Outside:
		return &c.OutsidePeriod
	}
	return &c.Failed
}

// Has is how many things have an outcome.
func (c Counts) Has(o Outcome) int { return *c.of(o) }

// add counts one thing of the file.
func (c *Counts) add(o Outcome) {
	c.Read++
	if o != Outside {
		c.InPeriod++
	}
	*c.of(o)++
}

// Balanced says whether each thing that was read has exactly one outcome.
func (c Counts) Balanced() bool {
	return c.Read == c.InPeriod+c.OutsidePeriod && c.InPeriod == c.Created+c.Skipped+c.Replaced+c.Refused+c.Failed+c.SetAside
}

// String writes the sums.
func (c Counts) String() string {
	aside := ""
	if c.SetAside > 0 {
		aside = fmt.Sprintf(" + %d set aside", c.SetAside)
	}
	return fmt.Sprintf("%d read = %d created + %d skipped + %d replaced + %d refused + %d failed%s + %d outside the period",
		c.Read, c.Created, c.Skipped, c.Replaced, c.Refused, c.Failed, aside, c.OutsidePeriod)
}

// Result is what a restore run reports.
type Result struct {
	Counts          Counts `json:"counts"`
	Balanced        bool   `json:"balanced"`
	Written         int    `json:"written" doc:"Events and series that were written to the calendar."`
	CreatedCalendar bool   `json:"created_calendar,omitempty" doc:"The calendar was not there before."`
	Backup          string `json:"backup,omitempty" doc:"The backup that was restored."`
	// Otherwise is what calendar.Named.Otherwise says.
	Otherwise string `json:"found_otherwise,omitempty" doc:"By what else the calendar was found than by what the run names it by."`
	Policy    Policy `json:"policy"`
	// UnderWay is the run that the result depends on: what a preview shows changes with it, and a restore waits for it.
	UnderWay string `json:"under_way,omitempty" doc:"Another restore into the calendar that has not ended. This run waits for it, unless it is a dry run."`
}

// folder is where the objects of a run lie.
func folder(user, run string) string { return userFolder("restores", user) + run + "/" }

// userFolder is where all objects of a user are. It is of the whole hash: erasing a user must not meet another one's.
func userFolder(kind, user string) string {
	return fmt.Sprintf("%s/%x/", kind, sha256.Sum256([]byte(user)))
}

// PlanKey is where what a run decided about each thing of its file is kept in blob storage.
func PlanKey(user, run string) string { return folder(user, run) + "plan" }

// BeforeKey is where the events that a run replaces are kept in blob storage, as they were.
func BeforeKey(user, run string) string { return folder(user, run) + "before" }
