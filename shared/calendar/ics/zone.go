package ics

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

const (
	// A VTIMEZONE's rules are followed over these years.
	firstZoneYear, lastZoneYear = 1900, 2100
	// maxObservances is how many rules and parts a VTIMEZONE may have; real ones have two to a dozen.
	maxObservances = 64
	// maxChanges is how often the clocks of one zone may change.
	maxChanges = 10_000
)

// change is a moment from which on the clocks of a zone are ahead of UTC by so many seconds.
type change struct {
	at       int64 // seconds since 1970
	from, to int   // offset before and from then on
	dst      bool
	name     string
}

// Location makes a time zone of its definition, good from 1900 to 2100. The abbreviations of its times are all "local". Errors are Invalid.
func Location(z calendar.Zone) (*time.Location, error) {
	loc, err := location(z)
	if err != nil {
		return nil, fmt.Errorf("time zone %.100q: %w", z.ID, err)
	}
	return loc, nil
}

func location(z calendar.Zone) (*time.Location, error) {
	var changes []change
	err := scan(strings.NewReader("BEGIN:VCALENDAR\r\n"+z.Definition+"\r\nEND:VCALENDAR\r\n"), handler{
		property: func(int, string, string) {},
		component: func(p part) error {
			if p.name != ical.CompTimezone || p.bad != nil {
				return p.bad
			}
			var err error
			changes, err = changesOf(p.Component)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return nil, fault.New(fault.Invalid, "the VTIMEZONE has no STANDARD and no DAYLIGHT part")
	}
	loc, err := time.LoadLocationFromTZData(z.ID, tzif(changes))
	return loc, fault.Wrap(fault.Invalid, err)
}

// changesOf lists when the clocks change by a VTIMEZONE, in order.
func changesOf(zone *ical.Component) (changes []change, err error) {
	parts := 0
	for _, c := range zone.Children {
		if c.Name != ical.CompTimezoneStandard && c.Name != ical.CompTimezoneDaylight {
			continue
		}
		this := change{dst: c.Name == ical.CompTimezoneDaylight}
		if this.from, err = offset(c.Props.Get(ical.PropTimezoneOffsetFrom)); err != nil {
			return nil, err
		}
		if this.to, err = offset(c.Props.Get(ical.PropTimezoneOffsetTo)); err != nil {
			return nil, err
		}
		begins := c.Props.Get(ical.PropDateTimeStart)
		if begins == nil {
			return nil, fault.New(fault.Invalid, "%s has no DTSTART", c.Name)
		}
		start, _, _, err := parseTime(begins.Value, false)
		if err != nil {
			return nil, err
		}
		walls := []time.Time{start}
		rules := c.Props[ical.PropRecurrenceRule]
		if parts += 1 + len(rules); parts > maxObservances {
			return nil, fault.New(fault.Invalid, "the VTIMEZONE has more than %d parts", maxObservances)
		}
		for _, rule := range rules {
			if !strings.Contains(strings.ToUpper(rule.Value), "FREQ=YEARLY") {
				return nil, fault.New(fault.Invalid, "recurrence rule %.100q: the rule of a time zone must be yearly", rule.Value)
			}
			year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
			more, err := series.Starts(rule.Value, start, year(firstZoneYear), year(lastZoneYear+1), time.FixedZone("", this.from))
			if err != nil {
				return nil, err
			}
			walls = append(walls, more...)
		}
		for _, dates := range c.Props[ical.PropRecurrenceDates] {
			for text := range strings.SplitSeq(dates.Value, ",") {
				wall, _, _, err := parseTime(text, false)
				if err != nil {
					return nil, err
				}
				if walls = append(walls, wall); len(walls) > maxChanges {
					break
				}
			}
		}
		for _, wall := range walls {
			this.at = wall.Unix() - int64(this.from)
			changes = append(changes, this)
		}
		if len(changes) > maxChanges {
			return nil, fault.New(fault.Invalid, "the VTIMEZONE changes the clocks more than %d times", maxChanges)
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	return slices.CompactFunc(changes, func(a, b change) bool { return a.at == b.at }), nil
}

// strict says whether a definition keeps to the letter of RFC 5545, section 3.6.5, so that it may be written as it was read.
func strict(z calendar.Zone) bool {
	var open []string
	parts := 0
	for text := range strings.SplitSeq(strings.TrimSuffix(z.Definition, "\r\n"), "\r\n") {
		end := paramsEnd(text)
		name, _, ok := cutName(text)
		if !ok || end < 0 || text[:len(name)] != name || strings.Contains(name, "_") || printable(text) != text {
			return false
		}
		value, params := text[end+1:], text[len(name):end]
		good := true
		switch {
		case name == "BEGIN":
			open = append(open, value)
			good = len(open) == 1 && value == ical.CompTimezone || len(open) == 2 && (value == ical.CompTimezoneStandard || value == ical.CompTimezoneDaylight)
			parts++
		case name == "END":
			good = len(open) > 0 && open[len(open)-1] == value
			open = open[:max(len(open)-1, 0)]
		case name == ical.PropTimezoneID:
			good = params == "" && len(open) == 1 && escape(unescape(value)) == value
		case len(open) == 2 && (name == ical.PropDateTimeStart || name == ical.PropRecurrenceDates):
			for one := range strings.SplitSeq(value, ",") {
				_, date, utc, err := parseTime(one, false)
				good = good && params == "" && err == nil && !date && !utc && len(one) == len(localForm)
			}
		case len(open) == 2 && (name == ical.PropTimezoneOffsetFrom || name == ical.PropTimezoneOffsetTo):
			seconds, err := offset(&ical.Prop{Name: name, Value: value})
			good = params == "" && err == nil && offsetText(seconds) == value
		case len(open) == 2 && name == ical.PropRecurrenceRule:
			utc := calendar.DateTime{Local: "2026-01-01T00:00:00", Zone: "UTC"} // UNTIL is an instant
			written, err := series.StrictRule(value, &calendar.Event{Start: utc, End: utc}, calendar.LoadZone)
			good = params == "" && err == nil && written == value
		case name == ical.PropTimezoneName, name == ical.PropComment:
			good = params == "" && len(open) == 2 && escape(unescape(value)) == value
		default:
			good = params == "" && strings.HasPrefix(name, "X-")
		}
		if !good {
			return false
		}
	}
	return parts > 1 && len(open) == 0
}

// offset reads a UTC-OFFSET, +hhmm or +hhmmss, as seconds.
func offset(p *ical.Prop) (int, error) {
	if p == nil {
		return 0, fault.New(fault.Invalid, "TZOFFSETFROM or TZOFFSETTO is missing")
	}
	text := strings.TrimSpace(p.Value)
	digits := strings.TrimLeft(text, "+-")
	form := "150405"
	if len(digits) == 4 {
		form = "1504"
	}
	t, err := time.Parse(form, digits)
	if err != nil || len(text) > len(digits)+1 {
		return 0, fault.New(fault.Invalid, "%s %.20q is no offset such as +0100", p.Name, text)
	}
	seconds := t.Hour()*60*60 + t.Minute()*60 + t.Second()
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, nil
}

// tzif writes changes in the form in which a system keeps its time zones (RFC 8536, version 2): times, what each changes to, and the
// kinds that there are. Kind 0 is what held before the first change.
func tzif(changes []change) []byte {
	type kind struct {
		offset int32
		dst    bool
	}
	kinds := []kind{{offset: int32(changes[0].from)}}
	indexes := make([]byte, len(changes))
	for i, c := range changes {
		k := kind{int32(c.to), c.dst}
		index := slices.Index(kinds[1:], k) + 1 // there are at most maxObservances
		if index == 0 {
			index = len(kinds)
			kinds = append(kinds, k)
		}
		indexes[i] = byte(index)
	}
	const abbreviation = "local\x00"
	var b bytes.Buffer
	header := func(counts ...uint32) {
		b.WriteString("TZif2" + strings.Repeat("\x00", 15))
		_ = binary.Write(&b, binary.BigEndian, counts) // a buffer has no errors
	}
	header(0, 0, 0, 0, 0, 0) // the part for readers of version 1 is empty
	header(0, 0, 0, uint32(len(changes)), uint32(len(kinds)), uint32(len(abbreviation)))
	for _, c := range changes {
		_ = binary.Write(&b, binary.BigEndian, c.at)
	}
	b.Write(indexes)
	for _, k := range kinds {
		_ = binary.Write(&b, binary.BigEndian, k.offset)
		_ = binary.Write(&b, binary.BigEndian, k.dst)
		b.WriteByte(0) // where the abbreviation begins
	}
	b.WriteString(abbreviation + "\n\n")
	return b.Bytes()
}

// define writes the VTIMEZONE of a zone for times in the given years: what changes by a rule that goes on for ever as that rule, what came
// before, or follows no rule, date by date.
func define(id string, loc *time.Location, first, last int) calendar.Zone {
	groups := map[change][]change{} // by what the clocks change from and to
	var keys []change
	for _, c := range changesIn(loc, min(first, 2037)) {
		key := c
		key.at = 0
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], c)
	}
	var parts []observance
	for _, key := range keys {
		all := groups[key]
		tail, rule := yearly(all)
		single := slices.Clone(all[:len(all)-len(tail)])
		single = slices.DeleteFunc(single, func(c change) bool { return year(c) > last })
		if len(single) > 0 {
			parts = append(parts, observance{single, ""})
		}
		if len(tail) > 0 {
			parts = append(parts, observance{tail[:1], rule})
		}
	}
	slices.SortStableFunc(parts, func(a, b observance) int { return cmp.Compare(a.changes[0].at, b.changes[0].at) })

	lines := []string{"BEGIN:VTIMEZONE", "TZID:" + escape(id)}
	for _, p := range parts {
		lines = append(lines, p.lines()...)
	}
	return calendar.Zone{ID: id, Definition: strings.Join(append(lines, "END:VTIMEZONE", ""), "\r\n")}
}

// observance is one STANDARD or DAYLIGHT part: changes that are alike but for their time, the first one repeated by rule where there is one.
type observance struct {
	changes []change
	rule    string
}

func (o observance) lines() []string {
	c := o.changes[0]
	name := ical.CompTimezoneStandard
	if c.dst {
		name = ical.CompTimezoneDaylight
	}
	lines := []string{"BEGIN:" + name, "DTSTART:" + wallBefore(c).Format(localForm), "TZOFFSETFROM:" + offsetText(c.from), "TZOFFSETTO:" + offsetText(c.to),
		"TZNAME:" + escape(c.name)}
	if o.rule != "" {
		lines = append(lines, "RRULE:"+o.rule)
	}
	for _, c := range o.changes[1:] { // of several in one line, some readers see the first alone
		lines = append(lines, "RDATE:"+wallBefore(c).Format(localForm))
	}
	return append(lines, "END:"+name)
}

// changesIn lists how the clocks of a zone change from the beginning of a year to lastZoneYear; the first one is what holds as that year begins.
func changesIn(loc *time.Location, first int) []change {
	var changes []change
	t := time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC).In(loc)
	now := state(t)
	if begin, _ := t.ZoneBounds(); begin.IsZero() { // there never was a change before
		t = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Duration(now.to) * time.Second).In(loc)
		now.from = now.to
	} else {
		t = begin
		now.from = state(t.Add(-time.Second)).to
	}
	for {
		now.at = t.Unix()
		if len(changes) == 0 || now.to != now.from || now.name != changes[len(changes)-1].name {
			changes = append(changes, now)
		}
		_, next := t.ZoneBounds()
		if next.IsZero() || next.Year() > lastZoneYear {
			return changes
		}
		if !next.After(t) { // by a defect of the library, on the last day of a leap year after 2037
			next = t.AddDate(0, 0, 1)
		}
		t = next
		before := now.to
		now = state(t)
		now.from = before
	}
}

// state is what holds in a zone at t.
func state(t time.Time) change {
	name, offset := t.Zone()
	return change{to: offset, dst: t.IsDST(), name: name}
}

// yearly finds the longest tail of changes that come once a year up to lastZoneYear by one rule, and the rule. All must be alike but for their
// time. A tail of under 28 years proves nothing: only then has every day of the week fallen on every date.
func yearly(changes []change) (tail []change, rule string) {
	if year(changes[len(changes)-1]) != lastZoneYear {
		return nil, ""
	}
	var low, high, lastWeek int
	begin := len(changes)
	sameDay, sameWeekday := true, true
	end := wallBefore(changes[begin-1])
	for i := len(changes) - 1; i >= 0; i-- {
		at := wallBefore(changes[i])
		weekday, day := sameWeekday && at.Weekday() == end.Weekday(), sameDay && at.Day() == end.Day()
		lo, hi := at.Day(), at.Day()
		if begin < len(changes) {
			lo, hi = min(lo, low), max(hi, high)
		}
		if at.Year() != lastZoneYear-(len(changes)-1-i) || at.Month() != end.Month() || at.Hour() != end.Hour() || at.Minute() != end.Minute() ||
			at.Second() != end.Second() || !day && (!weekday || hi-lo > 6) {
			break
		}
		begin, low, high, sameDay, sameWeekday = i, lo, hi, day, weekday
		if at.AddDate(0, 0, 7).Month() != at.Month() {
			lastWeek++
		}
	}
	tail = changes[begin:]
	if len(tail) < 28 {
		return nil, ""
	}
	rule = fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d", end.Month())
	weekday := strings.ToUpper(end.Weekday().String()[:2])
	switch {
	case sameDay:
		rule += fmt.Sprintf(";BYMONTHDAY=%d", end.Day())
	case lastWeek == len(tail):
		rule += ";BYDAY=-1" + weekday
	case low%7 == 1:
		rule += fmt.Sprintf(";BYDAY=%d%s", low/7+1, weekday)
	default:
		days := make([]string, 7)
		for i := range days {
			days[i] = fmt.Sprint(low + i)
		}
		rule += ";BYMONTHDAY=" + strings.Join(days, ",") + ";BYDAY=" + weekday
	}
	return tail, rule
}

// wallBefore is what the clocks show when they are changed.
func wallBefore(c change) time.Time { return time.Unix(c.at+int64(c.from), 0).UTC() }

func year(c change) int { return wallBefore(c).Year() }

func offsetText(seconds int) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := fmt.Sprintf("%s%02d%02d", sign, seconds/3600, seconds/60%60)
	if s := seconds % 60; s != 0 {
		text += fmt.Sprintf("%02d", s)
	}
	return text
}
