package backup

import "adminassistant/shared/fault"

// Input is the input of a backup run besides its calendar and its days; it is the run's Input as JSON.
type Input struct {
	Retention Retention `json:"retention,omitzero"`
	// Job is the job that started the run; empty: somebody did.
	Job string `json:"job,omitempty"`
	// Timezone is the zone of the run's days; empty: that of its config.
	Timezone string `json:"timezone,omitempty"`
}

// Retention says which backups of a calendar stay: those that one of the rules keeps. A rule of 0 keeps none, and without any rule
// all stay.
type Retention struct {
	Last    int `json:"last,omitempty" minimum:"0" maximum:"1000" doc:"The newest so many."`
	Daily   int `json:"daily,omitempty" minimum:"0" maximum:"1000" doc:"The newest one of each of the last so many days that have one."`
	Weekly  int `json:"weekly,omitempty" minimum:"0" maximum:"1000" doc:"The newest one of each of the last so many weeks that have one."`
	Monthly int `json:"monthly,omitempty" minimum:"0" maximum:"1000" doc:"The newest one of each of the last so many months that have one."`
}

// maxKept is the largest number in a rule.
const maxKept = 1000

// Check says whether the rules are within their bounds. Errors are of kind fault.Invalid and name the field, as in "retention.daily".
func (r Retention) Check() error {
	for _, rule := range []struct {
		name string
		kept int
	}{{"last", r.Last}, {"daily", r.Daily}, {"weekly", r.Weekly}, {"monthly", r.Monthly}} {
		if rule.kept < 0 || rule.kept > maxKept {
			return fault.Field("retention."+rule.name, "is %d: expected 0 to %d", rule.kept, maxKept)
		}
	}
	return nil
}
