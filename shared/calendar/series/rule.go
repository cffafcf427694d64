package series

import (
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"adminassistant/shared/fault"
)

const (
	// MaxRule is the longest recurrence rule, in bytes.
	MaxRule = 2000
	// maxInterval keeps the arithmetic of the library far from overflow.
	maxInterval = 1_000_000
	// maxTimes is how many times of day a rule that is not finer than daily may name: one a minute.
	maxTimes = 24 * 60
	// lastYear is where the library stops looking for a rule's next date.
	lastYear = rrule.MAXYEAR
	// cycle is the number of years after which all dates fall on the same days of the week as before.
	cycle = 400
)

// rule is one RRULE. Its times are walls: what a calendar and a clock show, as a time.Time in UTC.
type rule struct {
	rrule.ROption
	until string // as written; empty: there is none
	skip  skip
}

// skip says what becomes of a date that a month does not have (RFC 7529, section 4.1).
type skip string

const (
	omit     skip = "" // it does not happen
	backward skip = "BACKWARD"
	forward  skip = "FORWARD"
)

// CheckRule says whether a recurrence rule can be understood. Errors are Invalid.
func CheckRule(text string) error {
	_, err := parseRule(text)
	return err
}

// parseRule reads the value of an RRULE, in any case, with what real exports add to it: blanks, a semicolon at the end, and RSCALE=GREGORIAN with SKIP
// (RFC 7529), for the days 29 to 31 of a month.
func parseRule(text string) (rule, error) {
	bad := func(format string, args ...any) (rule, error) {
		return rule{}, fault.New(fault.Invalid, "recurrence rule %.100q: "+format, append([]any{text}, args...)...)
	}
	if len(text) > MaxRule {
		return bad("is longer than %d bytes", MaxRule)
	}
	var r rule
	var parts []string
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSpace(text)), ";") {
		part = strings.TrimSpace(part)
		switch key, value, _ := strings.Cut(part, "="); {
		case part == "" || part == "RSCALE=GREGORIAN" || part == "SKIP=OMIT":
		case part == "SKIP=BACKWARD" || part == "SKIP=FORWARD":
			r.skip = skip(value)
		case key == "RSCALE" || key == "SKIP":
			return bad("%s is not supported; the Gregorian calendar is, with SKIP=OMIT, BACKWARD or FORWARD", part)
		case key == "UNTIL":
			r.until = value
			if _, _, err := parseUntil(value); err != nil {
				return bad("UNTIL is no date or time")
			}
		case key == "COUNT" && strings.Trim(value, "0") == "":
			return bad("COUNT must be at least 1")
		case key == "DTSTART" || key == "BYEASTER": // the library's own
			return bad("%s is not part of RFC 5545", key)
		default:
			parts = append(parts, part)
		}
	}
	option, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return bad("%v", err)
	}
	r.ROption = *option
	for _, list := range []*[]int{&r.Bysetpos, &r.Bymonth, &r.Bymonthday, &r.Byyearday, &r.Byweekno, &r.Byhour, &r.Byminute, &r.Bysecond} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	r.Interval = max(r.Interval, 1)
	r.Dtstart = time.Unix(0, 0) // any: the library would ask the clock
	switch _, err := rrule.NewRRule(r.ROption); {
	case err != nil:
		return bad("%v", err)
	case r.Count < 0:
		return bad("COUNT must be at least 1")
	case r.Interval > maxInterval || option.Interval < 0:
		return bad("INTERVAL must be 1 to %d", maxInterval)
	case r.Freq <= rrule.DAILY && max(len(r.Byhour), 1)*max(len(r.Byminute), 1)*max(len(r.Bysecond), 1) > maxTimes:
		return bad("names more than %d times a day", maxTimes)
	case r.skip != omit && (r.Freq > rrule.MONTHLY || r.Freq == rrule.YEARLY && len(r.Bymonth) == 0 && len(r.Bymonthday) > 0 || len(r.Bymonthday) > 1 ||
		len(r.Bymonthday) == 1 && r.Bymonthday[0] < 0 || len(r.Byyearday)+len(r.Byweekno)+len(r.Byweekday)+len(r.Bysetpos) > 0 ||
		len(r.Byhour)+len(r.Byminute)+len(r.Bysecond) > 0):
		return bad("SKIP=%s is supported for one day of a month alone", r.skip)
	}
	return r, nil
}

// parseUntil reads an UNTIL in the three forms of RFC 5545: a date, a local time, an instant (UTC, with Z).
func parseUntil(text string) (at time.Time, layout string, err error) {
	for _, layout = range []string{"20060102", "20060102T150405", "20060102T150405Z"} {
		if len(text) == len(layout) {
			break
		}
	}
	at, err = time.Parse(layout, text)
	return at, layout, err
}

// last returns the last wall at which the rule may have an instance. RFC 5545 wants UNTIL to be a date where the start is one, and an
// instant where the start has a zone, but calendars write every mixture. In a series of times a date includes its whole day. In a series of
// dates day says which day an instant means.
func (r rule) last(loc *time.Location, dates bool, day func(time.Time) time.Time) time.Time {
	if r.until == "" {
		return time.Date(lastYear, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	at, layout, _ := parseUntil(r.until)
	switch {
	case layout == "20060102":
		return at.Add(24*time.Hour - time.Second)
	case !strings.HasSuffix(layout, "Z"):
		return at
	case !dates && loc == nil:
		return at
	case !dates:
		return wallOf(at.In(loc))
	}
	return day(at)
}

// spellOut makes explicit what the rule leaves to its start, so that it means the same from any other start of the same phase.
func (r rule) spellOut(start time.Time) rule {
	noDay := len(r.Byyearday) == 0 && len(r.Bymonthday) == 0 && len(r.Byweekday) == 0
	switch {
	case r.Freq == rrule.YEARLY && noDay && len(r.Byweekno) == 0:
		if len(r.Bymonth) == 0 {
			r.Bymonth = []int{int(start.Month())}
		}
		r.Bymonthday = []int{start.Day()}
	case r.Freq == rrule.MONTHLY && noDay:
		r.Bymonthday = []int{start.Day()}
	case r.Freq <= rrule.WEEKLY && noDay:
		r.Byweekday = []rrule.Weekday{[...]rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}[start.Weekday()]}
	}
	if r.Freq < rrule.HOURLY && len(r.Byhour) == 0 {
		r.Byhour = []int{start.Hour()}
	}
	if r.Freq < rrule.MINUTELY && len(r.Byminute) == 0 {
		r.Byminute = []int{start.Minute()}
	}
	if r.Freq < rrule.SECONDLY && len(r.Bysecond) == 0 {
		r.Bysecond = []int{start.Second()}
	}
	return r
}

// starts hands yield, in order, the rule's walls from low up to high (neither before start nor after last) until it says no.
func (r rule) starts(start, last, low, high time.Time, w *work, yield func(time.Time) bool) error {
	if high.Year() > lastYear || start.Before(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)) {
		return fault.New(fault.Invalid, "a series must lie in the years 1 to %d", lastYear)
	}
	if end := last.Add(time.Second); end.Before(high) {
		high = end
	}
	r = r.spellOut(start)
	if r.skip != omit && (len(r.Bymonthday) != 1 || r.Bymonthday[0] < 29) {
		r.skip = omit
	}
	left, counted, first := r.Count, r.Count > 0, true
	r.Count = 0
	from := start
	if !counted && low.After(start) {
		from = r.seek(start, low)
	}
	walk := r.daily
	switch {
	case r.Freq >= rrule.HOURLY:
		walk = r.withinDays
	case r.skip != omit:
		walk = r.skipping
	}
	return walk(start, from, high, w, func(t time.Time) bool {
		if t.Before(start) {
			return true
		}
		if first && !t.Equal(start) {
			left-- // the start always counts as the first instance (RFC 5545, section 3.3.10), even one that the rule does not name
		}
		if first = false; !t.Before(high) || counted && left == 0 {
			return false
		}
		if !t.Before(low) && !yield(t) {
			return false
		}
		left--
		return left > 0 || !counted
	})
}

// seek returns a start of the same phase, at least one whole period before low where there is one: the library walks through all
// periods from a rule's start, and the first one may be cut short.
func (r rule) seek(start, low time.Time) time.Time {
	whole := func(periods int) int { return max(periods-1, 0) / r.Interval * r.Interval }
	days := int((low.Unix() - start.Unix()) / (24 * 60 * 60))
	switch r.Freq {
	case rrule.YEARLY:
		if n := whole(low.Year() - start.Year()); n > 0 {
			return time.Date(start.Year()+n, 1, 1, 0, 0, 0, 0, time.UTC)
		}
	case rrule.MONTHLY:
		if n := whole((low.Year()-start.Year())*12 + int(low.Month()) - int(start.Month())); n > 0 {
			return time.Date(start.Year(), start.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		}
	case rrule.WEEKLY:
		return start.AddDate(0, 0, 7*whole(days/7))
	case rrule.DAILY:
		return start.AddDate(0, 0, whole(days))
	default:
		return start.AddDate(0, 0, max(days-1, 0)) // withinDays reads its phase from the real start
	}
	return start
}

// daily walks a rule that is not finer than daily. The library gives up on a rule without further dates only in the year 9999, so the
// walk is moved as close to it as the calendar's cycle allows.
func (r rule) daily(_, from, high time.Time, w *work, yield func(time.Time) bool) error {
	if r.Freq == rrule.MONTHLY || r.Freq == rrule.YEARLY && len(r.Bymonth) > 0 {
		// The sixth Monday of a month never comes, and the library would look beyond its tables for it.
		never := func(d rrule.Weekday) bool { return d.N() > 5 || d.N() < -5 }
		if kept := slices.DeleteFunc(slices.Clone(r.Byweekday), never); len(kept) == 0 && len(r.Byweekday) > 0 {
			return nil
		} else {
			r.Byweekday = kept
		}
	}
	move := (lastYear - high.Year()) / cycle * cycle
	r.Dtstart = from.AddDate(move, 0, 0)
	r.Until = time.Date(lastYear, 12, 31, 23, 59, 59, 0, time.UTC)
	walk, err := rrule.NewRRule(r.ROption)
	if err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	at := r.Dtstart
	for next := walk.Iterator(); ; {
		t, ok := next()
		if !ok {
			return w.spend(int((r.Until.Unix()-at.Unix())/(24*60*60)) / r.Interval)
		}
		if err := w.spend(1 + int((t.Unix()-at.Unix())/(24*60*60))/r.Interval); err != nil {
			return err
		}
		if at = t; !yield(t.AddDate(-move, 0, 0)) {
			return nil
		}
	}
}

// skipping walks a rule of one day in each month that it names, the day before or after it where a month does not have that day.
func (r rule) skipping(start, from, high time.Time, w *work, yield func(time.Time) bool) error {
	months := r.Interval
	if r.Freq == rrule.YEARLY {
		months = 1
	}
	first := time.Date(start.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC)
	if low := from.AddDate(0, -2, 0); low.After(first) { // by whole periods
		n := (low.Year()-first.Year())*12 + int(low.Month()) - int(first.Month())
		first = first.AddDate(0, n/months*months, 0)
	}
	clock := start.Sub(start.Truncate(24 * time.Hour))
	for ; first.Before(high); first = first.AddDate(0, months, 0) {
		if err := w.spend(1); err != nil {
			return err
		}
		if r.Freq == rrule.YEARLY && (first.Year()-start.Year())%r.Interval != 0 || len(r.Bymonth) > 0 && !slices.Contains(r.Bymonth, int(first.Month())) {
			continue
		}
		day, next := first.AddDate(0, 0, r.Bymonthday[0]-1), first.AddDate(0, 1, 0)
		switch {
		case day.Before(next):
		case r.skip == backward:
			day = next.AddDate(0, 0, -1)
		default:
			day = next
		}
		if !yield(day.Add(clock)) {
			return nil
		}
	}
	return nil
}

// withinDays walks a rule that is finer than daily: for each day that its parts allow it asks the library for the times of that day
// alone. Asked for all of it at once, the library would step through every second between two days, and for ever if no time of day fits.
func (r rule) withinDays(start, from, high time.Time, w *work, yield func(time.Time) bool) error {
	unit := [...]time.Duration{rrule.HOURLY: time.Hour, rrule.MINUTELY: time.Minute, rrule.SECONDLY: time.Second}[r.Freq]
	step := int64(unit/time.Second) * int64(r.Interval)
	phase := start.Truncate(unit)
	if !r.reaches(phase, step) || !r.fits() {
		return nil
	}
	days := rule{ROption: rrule.ROption{Freq: rrule.DAILY, Interval: 1, Bymonth: r.Bymonth, Bymonthday: r.Bymonthday,
		Byyearday: r.Byyearday, Byweekno: r.Byweekno, Byweekday: r.Byweekday, Byhour: []int{0}, Byminute: []int{0}, Bysecond: []int{0}}}
	times := rrule.ROption{Freq: r.Freq, Interval: r.Interval, Bysetpos: r.Bysetpos, Byhour: r.Byhour, Byminute: r.Byminute, Bysecond: r.Bysecond}

	var failed error
	err := days.daily(start, from.Truncate(24*time.Hour), high, w, func(day time.Time) bool {
		if !day.Before(high) {
			return false
		}
		steps := max(day.Unix()-phase.Unix()+step-1, 0) / step
		times.Dtstart = time.Unix(phase.Unix()+steps*step, 0).UTC()
		times.Until = day.Add(24*time.Hour - time.Second)
		if times.Dtstart.After(times.Until) {
			return true
		}
		walk, err := rrule.NewRRule(times)
		if err != nil {
			failed = fault.Wrap(fault.Invalid, err)
			return false
		}
		if failed = w.spend(int(24*60*60/step) / 10); failed != nil { // a step costs the library a tenth of what a day does
			return false
		}
		for next := walk.Iterator(); ; {
			if failed = w.spend(3); failed != nil {
				return false
			}
			t, ok := next()
			if !ok {
				return true
			}
			if !yield(t) {
				return false
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// reaches says whether steps of so many seconds from phase ever come to a time of day that the rule names. The library looks for one without end.
func (r rule) reaches(phase time.Time, step int64) bool {
	hours, minutes, seconds := orAll(r.Byhour, 24), orAll(r.Byminute, 60), orAll(r.Bysecond, 60)
	if r.Freq < rrule.MINUTELY { // finer parts add times to each step instead of choosing among the steps
		minutes = []int{phase.Minute()}
	}
	if r.Freq < rrule.SECONDLY {
		seconds = []int{phase.Second()}
	}
	const day = 24 * 60 * 60
	a, b := step, int64(day)
	for b != 0 {
		a, b = b, a%b
	}
	at := phase.Unix() % day
	for _, h := range hours {
		for _, m := range minutes {
			for _, s := range seconds {
				if (int64(h*3600+m*60+s)-at)%a == 0 {
					return true
				}
			}
		}
	}
	return false
}

// fits says whether one of the rule's BYSETPOS exists in a period: an hour has only so many of its minutes and seconds.
func (r rule) fits() bool {
	size := 1
	if r.Freq < rrule.MINUTELY {
		size *= len(r.Byminute)
	}
	if r.Freq < rrule.SECONDLY {
		size *= len(r.Bysecond)
	}
	return len(r.Bysetpos) == 0 || slices.ContainsFunc(r.Bysetpos, func(p int) bool { return -size <= p && p <= size && p != 0 })
}

func orAll(list []int, n int) []int {
	if len(list) > 0 {
		return list
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
