package timesheet

import (
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
)

// Mode is which way time is rounded.
type Mode = customer.Mode

const (
	Nearest = customer.Nearest // ties go up
	Up      = customer.Up
)

// Scope is what is rounded.
type Scope = customer.Scope

const (
	ByEntry    = customer.Entry    // each line
	ByDay      = customer.Day      // the sum of a position's lines of one date
	ByPosition = customer.Position // the sum of a position
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
