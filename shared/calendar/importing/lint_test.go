package importing_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// lint checks that a file keeps to the letter of RFC 5545. It shares nothing with the reader and the writer.
func lint(t interface {
	Helper()
	Errorf(string, ...any)
}, text string) {
	t.Helper()
	for _, fault := range lints(text) {
		t.Errorf("not RFC 5545: %s", fault)
	}
}

// content is a content line.
type content struct {
	name   string
	params map[string][]string
	value  string
}

// component is a component with its lines.
type component struct {
	name     string
	lines    []content
	children []*component
}

func (c *component) all(name string) (found []content) {
	for _, l := range c.lines {
		if l.name == name {
			found = append(found, l)
		}
	}
	return found
}

func (c *component) one(name string) *content {
	if all := c.all(name); len(all) > 0 {
		return &all[0]
	}
	return nil
}

type linter struct{ faults []string }

func (l *linter) say(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

func lints(text string) []string {
	l := &linter{}
	var root component
	open := []*component{&root}
	for _, line := range l.unfold(text) {
		c, ok := l.line(line)
		if !ok {
			continue
		}
		last := open[len(open)-1]
		switch c.name {
		case "BEGIN":
			child := &component{name: c.value}
			last.children = append(last.children, child)
			open = append(open, child)
		case "END":
			if c.value != last.name || len(open) == 1 {
				l.say("END:%s does not end %s", c.value, last.name)
				return l.faults
			}
			open = open[:len(open)-1]
		default:
			last.lines = append(last.lines, c)
		}
	}
	if len(open) > 1 || len(root.children) != 1 || root.children[0].name != "VCALENDAR" || len(root.lines) > 0 {
		l.say("it is not one VCALENDAR")
		return l.faults
	}
	l.calendar(root.children[0])
	return l.faults
}

// unfold checks line ends and lengths (section 3.1).
func (l *linter) unfold(text string) (lines []string) {
	if !strings.HasSuffix(text, "\r\n") {
		l.say("it does not end in CR LF")
	}
	for physical := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(physical) > 75 || !utf8.ValidString(physical) || strings.ContainsFunc(physical, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			l.say("%d octets, or no text: %q", len(physical), physical)
		}
		if rest, folded := strings.CutPrefix(physical, " "); folded && len(lines) > 0 {
			lines[len(lines)-1] += rest
		} else {
			lines = append(lines, physical)
		}
	}
	return lines
}

var (
	lineForm  = regexp.MustCompile(`^([A-Z0-9-]+)((?:;[A-Z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)$`)
	paramForm = regexp.MustCompile(`;([A-Z0-9-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)`)
)

func (l *linter) line(text string) (c content, ok bool) {
	m := lineForm.FindStringSubmatch(text)
	if m == nil {
		l.say("no content line: %q", text)
		return c, false
	}
	c = content{m[1], map[string][]string{}, m[3]}
	for _, p := range paramForm.FindAllStringSubmatch(m[2], -1) {
		if c.params[p[1]] != nil {
			l.say("parameter %s twice: %q", p[1], text)
		}
		c.params[p[1]] = append(c.params[p[1]], strings.Trim(p[2], `"`))
	}
	return c, true
}

// counts checks how often properties are there.
func (l *linter) counts(c *component, once, atMostOnce string) {
	for name := range strings.FieldsSeq(once) {
		if n := len(c.all(name)); n != 1 {
			l.say("%s has %d %s", c.name, n, name)
		}
	}
	for name := range strings.FieldsSeq(atMostOnce) {
		if n := len(c.all(name)); n > 1 {
			l.say("%s has %d %s", c.name, n, name)
		}
	}
}

func (l *linter) calendar(c *component) {
	l.counts(c, "VERSION PRODID", "CALSCALE METHOD")
	if v := c.one("VERSION"); v != nil && v.value != "2.0" {
		l.say("VERSION:%s", v.value)
	}
	zones := map[string]bool{}
	instances := map[string]bool{}
	starts := map[string]moment{}
	for _, child := range c.children {
		switch child.name {
		case "VTIMEZONE":
			l.zone(child, zones)
		case "VEVENT":
			if start, uid := child.one("DTSTART"), child.one("UID"); start != nil && uid != nil && child.one("RECURRENCE-ID") == nil {
				starts[uid.value] = l.moment(*start, start.value)
			}
		default:
			l.say("a %s", child.name)
		}
	}
	used := map[string]bool{}
	for _, child := range c.children {
		if child.name == "VEVENT" {
			l.event(child, zones, used, instances, starts)
		}
	}
	for zone := range zones {
		if !used[zone] {
			l.say("VTIMEZONE %s is not used", zone)
		}
	}
}

var offsetForm = regexp.MustCompile(`^[+-]([01]\d|2[0-3])[0-5]\d([0-5]\d)?$`)

func (l *linter) zone(c *component, zones map[string]bool) {
	l.counts(c, "TZID", "LAST-MODIFIED TZURL")
	id := c.one("TZID")
	if id == nil {
		return
	}
	if zones[unescaped(id.value)] {
		l.say("VTIMEZONE %s twice", id.value)
	}
	zones[unescaped(id.value)] = true
	if len(c.children) == 0 {
		l.say("VTIMEZONE %s has no parts", id.value)
	}
	for _, part := range c.children {
		if part.name != "STANDARD" && part.name != "DAYLIGHT" {
			l.say("VTIMEZONE %s has a %s", id.value, part.name)
		}
		l.counts(part, "DTSTART TZOFFSETFROM TZOFFSETTO", "RRULE")
		for _, name := range []string{"TZOFFSETFROM", "TZOFFSETTO"} {
			if p := part.one(name); p != nil && (!offsetForm.MatchString(p.value) || strings.Trim(p.value, "-0") == "" && p.value[0] == '-') {
				l.say("%s:%s", name, p.value)
			}
		}
		for _, name := range []string{"DTSTART", "RDATE"} {
			for _, p := range part.all(name) {
				for one := range strings.SplitSeq(p.value, ",") {
					if m := l.moment(p, one); m.date || m.utc || m.zone != "" {
						l.say("%s:%s of a time zone", name, one)
					}
				}
			}
		}
		if p := part.one("RRULE"); p != nil {
			l.rule(p.value, moment{zone: "any"})
		}
	}
}

// moment is a DATE or DATE-TIME.
type moment struct {
	date, utc bool
	zone      string
	wall      time.Time
}

func (m moment) sort() string { return fmt.Sprint(m.date, m.utc, m.zone != "") }

func (l *linter) moment(p content, text string) (m moment) {
	var err error
	if zone := p.params["TZID"]; len(zone) > 0 {
		m.zone = zone[0]
	}
	value := strings.Join(p.params["VALUE"], ",")
	switch len(text) {
	case 8:
		m.date = true
		m.wall, err = time.Parse("20060102", text)
	case 15:
		m.wall, err = time.Parse("20060102T150405", text)
	default:
		m.utc = true
		m.wall, err = time.Parse("20060102T150405Z", text)
	}
	switch {
	case err != nil:
		l.say("%s:%s is no time", p.name, text)
	case m.date != (value == "DATE"), value != "" && value != "DATE" && value != "DATE-TIME":
		l.say("%s with VALUE=%s:%s", p.name, value, text)
	case (m.date || m.utc) && m.zone != "":
		l.say("%s;TZID=%s:%s", p.name, m.zone, text)
	}
	return m
}

var (
	texts     = []string{"SUMMARY", "DESCRIPTION", "LOCATION", "UID", "COMMENT", "X-ALT-DESC"}
	numbers   = map[string]int{"SEQUENCE": 1<<31 - 1, "PRIORITY": 9}
	words     = map[string][]string{"STATUS": {"TENTATIVE", "CONFIRMED", "CANCELLED"}, "TRANSP": {"OPAQUE", "TRANSPARENT"}}
	badEscape = regexp.MustCompile(`\\[^\\;,nN]|\\$`)
	bare      = regexp.MustCompile(`(^|[^\\])(\\\\)*[;,]`)
)

func unescaped(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\n`, "\n").Replace(text)
}

func (l *linter) event(c *component, zones, used, instances map[string]bool, starts map[string]moment) {
	l.counts(c, "UID DTSTAMP DTSTART", "CLASS CREATED DESCRIPTION GEO LAST-MODIFIED LOCATION ORGANIZER PRIORITY SEQUENCE STATUS SUMMARY TRANSP URL "+
		"RECURRENCE-ID RRULE DTEND DURATION")
	uid, begins := c.one("UID"), c.one("DTSTART")
	if uid == nil || begins == nil {
		return
	}
	start := l.moment(*begins, begins.value)
	start.wall = start.wall.UTC()
	which := uid.value
	if p := c.one("RECURRENCE-ID"); p != nil {
		m := l.moment(*p, p.value)
		if like, ok := starts[uid.value]; ok && m.sort() != like.sort() {
			l.say("RECURRENCE-ID:%s is of another type than DTSTART of its series", p.value)
		}
		if c.one("RRULE") != nil {
			l.say("an instance with RRULE")
		}
		which += " " + m.zone + p.value
	}
	if instances[which] {
		l.say("%s twice", which)
	}
	instances[which] = true
	if p := c.one("DTEND"); p != nil {
		end := l.moment(*p, p.value)
		if end.date != start.date || start.zone == "" && !start.utc && (end.zone != "" || end.utc) {
			l.say("DTEND:%s is of another type than DTSTART:%s", p.value, begins.value)
		}
		if end.sort() == start.sort() && end.zone == start.zone && !end.wall.After(start.wall) && start.zone == "" { // where the clocks are set back it may seem so
			l.say("DTEND:%s is not after DTSTART:%s", p.value, begins.value)
		}
		if c.one("DURATION") != nil {
			l.say("DTEND and DURATION")
		}
	}
	for _, p := range c.lines {
		if zone := p.params["TZID"]; len(zone) > 0 {
			if used[zone[0]] = true; !zones[zone[0]] {
				l.say("%s;TZID=%s is not defined", p.name, zone[0])
			}
		}
		switch {
		case p.name == "DTSTAMP" || p.name == "CREATED" || p.name == "LAST-MODIFIED":
			if m := l.moment(p, p.value); !m.utc {
				l.say("%s:%s is not in UTC", p.name, p.value)
			}
		case p.name == "RDATE" || p.name == "EXDATE":
			for one := range strings.SplitSeq(p.value, ",") {
				if m := l.moment(p, one); m.sort() != start.sort() {
					l.say("%s:%s is of another type than DTSTART", p.name, one)
				}
			}
		case p.name == "RRULE":
			l.rule(p.value, start)
		case slices.Contains(texts, p.name):
			if badEscape.MatchString(strings.ReplaceAll(p.value, `\\`, "")) || bare.MatchString(p.value) {
				l.say("%s:%s is not escaped", p.name, p.value)
			}
		case p.name == "CATEGORIES":
			if badEscape.MatchString(strings.ReplaceAll(p.value, `\\`, "")) || p.value == "" {
				l.say("CATEGORIES:%s", p.value)
			}
		case numbers[p.name] > 0:
			if n, err := strconv.Atoi(p.value); err != nil || n < 0 || n > numbers[p.name] {
				l.say("%s:%s", p.name, p.value)
			}
		case words[p.name] != nil:
			if !slices.Contains(words[p.name], p.value) {
				l.say("%s:%s", p.name, p.value)
			}
		case p.name == "ATTENDEE" || p.name == "ORGANIZER" || p.name == "URL":
			if u, err := url.Parse(p.value); err != nil || u.Scheme == "" {
				l.say("%s:%s is no URI", p.name, p.value)
			}
		}
	}
}

// ranges are the least and largest absolute numbers of the parts of a rule; all but the first four may be negative.
var ranges = map[string][2]int{"BYSECOND": {0, 60}, "BYMINUTE": {0, 59}, "BYHOUR": {0, 23}, "BYMONTH": {1, 12}, "BYMONTHDAY": {1, 31}, "BYYEARDAY": {1, 366},
	"BYWEEKNO": {1, 53}, "BYSETPOS": {1, 366}}

var byDay = regexp.MustCompile(`^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$`)

func (l *linter) rule(text string, start moment) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		if _, twice := parts[name]; twice || value == "" {
			l.say("RRULE:%s: %s", text, part)
		}
		parts[name] = value
	}
	freq := parts["FREQ"]
	if !slices.Contains([]string{"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, freq) {
		l.say("RRULE:%s: FREQ", text)
	}
	by := 0
	for name, value := range parts {
		if strings.HasPrefix(name, "BY") && name != "BYSETPOS" {
			by++
		}
		switch limits, known := ranges[name]; {
		case known:
			for one := range strings.SplitSeq(value, ",") {
				n, err := strconv.Atoi(one)
				negative := n < 0
				if negative {
					n = -n
				}
				if err != nil || n < limits[0] || n > limits[1] || negative && (limits[0] == 0 || name == "BYMONTH") {
					l.say("RRULE:%s: %s", text, name)
				}
			}
		case name == "BYDAY":
			for one := range strings.SplitSeq(value, ",") {
				m := byDay.FindStringSubmatch(one)
				if m == nil || m[1] != "" && freq != "MONTHLY" && freq != "YEARLY" || m[1] != "" && parts["BYWEEKNO"] != "" {
					l.say("RRULE:%s: BYDAY", text)
				}
			}
		case name == "INTERVAL" || name == "COUNT":
			if n, err := strconv.Atoi(value); err != nil || n < 1 {
				l.say("RRULE:%s: %s", text, name)
			}
		case name == "WKST":
			if byDay.FindStringSubmatch(value) == nil || len(value) != 2 {
				l.say("RRULE:%s: WKST", text)
			}
		case name == "UNTIL":
			p := content{name: "UNTIL", params: map[string][]string{}}
			if len(value) == 8 {
				p.params["VALUE"] = []string{"DATE"}
			}
			if m := l.moment(p, value); m.date != start.date || m.utc != (start.utc || start.zone != "") {
				l.say("RRULE:%s: UNTIL is of another type than DTSTART", text)
			}
		case name != "FREQ":
			l.say("RRULE:%s: %s", text, name)
		}
	}
	switch {
	case parts["UNTIL"] != "" && parts["COUNT"] != "":
		l.say("RRULE:%s: UNTIL and COUNT", text)
	case parts["BYSETPOS"] != "" && by == 0:
		l.say("RRULE:%s: BYSETPOS alone", text)
	case parts["BYWEEKNO"] != "" && freq != "YEARLY", parts["BYYEARDAY"] != "" && slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY"}, freq),
		parts["BYMONTHDAY"] != "" && freq == "WEEKLY":
		l.say("RRULE:%s: a part that %s does not have", text, freq)
	}
}

func TestTheLintFindsWhatIsNotRFC5545(t *testing.T) {
	const good = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261005T090000Z\r\n" +
		"RRULE:FREQ=DAILY;UNTIL=20261009T000000Z\r\nSUMMARY:a\\, b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if faults := lints(good); len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, change := range [][2]string{
		{"\r\nUID:u", "\nUID:u"}, {"UID:u\r\n", ""}, {"a\\, b", "a, b"}, {"a\\, b", `a\x`}, {"UNTIL=20261009T000000Z", "UNTIL=20261009"},
		{"UNTIL=20261009T000000Z", "UNTIL=20261009T000000"}, {";UNTIL", ";COUNT=3;UNTIL"}, {"DTSTART:", "DTSTART;TZID=Nowhere:"},
		{"20261005T090000Z", "20261305T090000Z"}, {"SUMMARY:a", "SUMMARY;X=\"a\"b:a"}, {"SUMMARY:a", "SUMMARY:" + strings.Repeat("x", 80)},
		{"FREQ=DAILY", "FREQ=DAILY;BYDAY=1MO"}, {"FREQ=DAILY", "FREQ=DAILY;SKIP=OMIT"}, {"SUMMARY:a", "EXDATE;VALUE=DATE:20261006\r\nSUMMARY:a"},
		{"SUMMARY:a", "DTEND:20261005T090000Z\r\nSUMMARY:a"}, {"END:VEVENT\r\n", "END:VEVENT\r\nBEGIN:VTODO\r\nEND:VTODO\r\n"},
	} {
		if text := strings.Replace(good, change[0], change[1], 1); len(lints(text)) == 0 {
			t.Errorf("%q instead of %q is not found", change[1], change[0])
		}
	}
}
