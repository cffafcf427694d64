package timesheet

import "adminassistant/shared/calendar"

// Mode is which way time is rounded.
type Mode string

const (
	Nearest Mode = "nearest" // ties go up
	Up      Mode = "up"
)

// Scope is what is rounded.
type Scope string

const (
	ByEntry    Scope = "entry"    // each line
	ByDay      Scope = "day"      // the sum of a position's lines of one date
	ByPosition Scope = "position" // the sum of a position
)

// Rounding is how time is rounded from a day on.
type Rounding struct {
	From      calendar.Date `json:"from"`
	Increment int           `json:"increment"` // minutes, a divisor of 60; 0: nothing is rounded
	Mode      Mode          `json:"mode"`
	Scope     Scope         `json:"scope"`
	Least     int           `json:"least"` // minutes that what is rounded counts at least, if it is more than nothing
}

// same says whether two roundings do the same.
func (r Rounding) same(other Rounding) bool {
	r.From = other.From
	return r == other
}

// of returns the seconds that are billed for seconds, which are not negative.
func (r Rounding) of(seconds int64) int64 {
	if seconds <= 0 {
		return 0
	}
	billed := seconds
	if step := int64(r.Increment) * 60; step > 0 {
		if r.Mode == Up {
			billed += step - 1
		} else {
			billed += step / 2
		}
		billed -= billed % step
	}
	return max(billed, int64(r.Least)*60)
}
