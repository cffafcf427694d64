package calendar

import (
	"time"

	"adminassistant/shared/fault"
)

// Wall is what a calendar and a clock on the wall show, in no time zone.
type Wall struct {
	Date
	Hour, Minute, Second, Nanosecond int
}

// InstantOf returns when the clocks of zone show w, in zone. A time that a change of the clocks skips is read with the offset from UTC
// that held before the change; of one that occurs twice it is the first (RFC 5545, section 3.3.5).
func InstantOf(w Wall, zone *time.Location) time.Time {
	return time.Unix(w.instant(zone), int64(w.Nanosecond)).In(zone)
}

// instant is InstantOf in seconds since 1970.
func (w Wall) instant(zone *time.Location) int64 {
	at := w.utc()
	offset, change := offsetAt(at, zone)
	if at-offset < change {
		offset = offsetOf(time.Unix(change-1, 0).In(zone))
	}
	return at - offset
}

// utc reads w in UTC, in seconds since 1970.
func (w Wall) utc() int64 {
	return time.Date(w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC).Unix()
}

// StartOfDay returns the first instant of the day in zone, in zone: midnight, the first one where midnight occurs twice, and where
// it is skipped the moment of the change. Where the whole day is skipped, it is the start of the next one.
func StartOfDay(day Date, zone *time.Location) time.Time {
	at := Wall{Date: day}.utc()
	offset, change := offsetAt(at, zone)
	return time.Unix(max(at-offset, change), 0).In(zone)
}

// offsetAt finds the first period of constant offset in zone that ends after its clocks would show at, a wall time counted in seconds
// as if it were UTC. It returns that period's offset and first instant. If at-offset comes before that instant, then the change of the
// clocks at which the period begins skips at.
func offsetAt(at int64, zone *time.Location) (offset, change int64) {
	const most = 26 * 60 * 60 // no offset is as far from UTC, so a period that ended by then cannot show at
	t := time.Unix(at-most, 0).In(zone)
	for {
		start, end := t.ZoneBounds()
		offset := offsetOf(t)
		if !end.IsZero() && !end.After(t) {
			// On 31 December of a leap year package time ends a period that goes by a rule too early, at that day's beginning in UTC.
			end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
		}
		switch {
		case !end.IsZero() && at >= end.Unix()+offset:
			t = end
		case start.IsZero():
			return offset, at - most
		default:
			return offset, start.Unix()
		}
	}
}

// offsetOf returns how many seconds the clocks of t's zone are ahead of UTC at t.
func offsetOf(t time.Time) int64 {
	_, offset := t.Zone()
	return int64(offset)
}

// Instant returns when it is, in UTC. A Local with Z or an offset says so by itself; else it is read in Zone, or in the floating zone if Zone
// is empty, by the rules of InstantOf. A date alone is its midnight.
//
// Errors are Invalid: a Local that is not such a time or is empty, ErrUnknownZone, and an instant before 0001-01-02 or after 9999-12-30,
// which could not be written as RFC 3339 in every zone.
func (d DateTime) Instant(floating *time.Location) (time.Time, error) {
	w, offset, fixed, ok := parseTime(d.Local)
	if !ok {
		return time.Time{}, errTime(d.Local)
	}
	var seconds int64
	if fixed {
		seconds = w.utc() - offset
	} else {
		zone := floating
		if d.Zone != "" {
			var err error
			if zone, err = LoadZone(d.Zone); err != nil {
				return time.Time{}, err
			}
		}
		seconds = w.instant(zone)
	}
	if seconds < firstInstant || seconds >= endInstant {
		return time.Time{}, errTime(d.Local)
	}
	return time.Unix(seconds, int64(w.Nanosecond)).UTC(), nil
}

// The instants that every zone shows in the years 1 to 9999 are from firstInstant up to, and without, endInstant.
var firstInstant, endInstant = Wall{Date: firstDay}.utc(), Wall{Date: lastDay.AddDays(1)}.utc()

// Floats says whether it is a time that is meant in whatever zone it is read in.
func (d DateTime) Floats() bool {
	_, _, fixed, ok := parseTime(d.Local)
	return ok && !fixed && d.Zone == ""
}

// Wall returns what is written in Local, whatever its offset or Zone. Errors are Invalid.
func (d DateTime) Wall() (Wall, error) {
	w, _, _, ok := parseTime(d.Local)
	if !ok {
		return Wall{}, errTime(d.Local)
	}
	return w, nil
}

func errTime(text string) error {
	if text == "" {
		return fault.New(fault.Invalid, "the date and time is missing")
	}
	return fault.New(fault.Invalid, "%.60q is not a date and time: expected one like 2026-10-05T09:00:00", text)
}

// parseTime reads RFC 3339 with up to nine fractional digits. Z or an offset may be left out; fixed says whether there is one, and
// offset how many seconds it is ahead of UTC. The time may be left out too, and is midnight then.
func parseTime(text string) (w Wall, offset int64, fixed, ok bool) {
	date, rest, ok := cutDate(text)
	w.Date = date
	if !ok || !w.Valid() || rest == "" {
		return w, 0, false, ok && w.Valid()
	}
	if len(rest) < len("T00:00:00") || rest[0]|' ' != 't' || rest[3] != ':' || rest[6] != ':' {
		return w, 0, false, false
	}
	var ok1, ok2, ok3 bool
	w.Hour, ok1 = twoDigits(rest, 1)
	w.Minute, ok2 = twoDigits(rest, 4)
	w.Second, ok3 = twoDigits(rest, 7)
	if !ok1 || !ok2 || !ok3 || w.Hour > 23 || w.Minute > 59 || w.Second > 59 {
		return w, 0, false, false
	}
	rest = rest[9:]
	if rest != "" && rest[0] == '.' {
		i := 1
		for unit := 100_000_000; i < len(rest) && rest[i]-'0' <= 9; i++ {
			w.Nanosecond += int(rest[i]-'0') * unit
			unit /= 10
		}
		if i == 1 || i > 10 {
			return w, 0, false, false
		}
		rest = rest[i:]
	}
	switch {
	case rest == "":
		return w, 0, false, true
	case rest == "Z" || rest == "z":
		return w, 0, true, true
	case len(rest) != len("+00:00") || rest[3] != ':' || rest[0] != '+' && rest[0] != '-':
		return w, 0, false, false
	}
	hours, ok1 := twoDigits(rest, 1)
	minutes, ok2 := twoDigits(rest, 4)
	offset = int64(hours)*3600 + int64(minutes)*60
	if rest[0] == '-' {
		offset = -offset
	}
	return w, offset, true, ok1 && ok2 && hours <= 23 && minutes <= 59
}
