package ics

import (
	"html"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

const (
	dateForm  = "20060102"
	localForm = "20060102T150405"
	utcForm   = "20060102T150405Z"
	wallForm  = "2006-01-02T15:04:05"
)

// unescape reads a TEXT (RFC 5545, section 3.3.11). A backslash that escapes nothing stands for itself, as careless programs mean it.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 'n', 'N':
			b.WriteByte('\n')
		case '\\', ';', ',', ':', '"':
			b.WriteByte(c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escape writes a TEXT. Line ends become LF, other control characters but the tab are left out: the RFC has no way to write them.
func escape(text string) string {
	return escapes.Replace(printable(text))
}

var escapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// printable is text as UTF-8 without control characters but for tab and LF.
func printable(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\t' && r != '\n', r == 0x7F:
			return -1
		}
		return r
	}, text)
}

// splitList splits a list of TEXTs at its commas.
func splitList(text string) []string {
	var list []string
	begin := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ',':
			list = append(list, unescape(text[begin:i]))
			begin = i + 1
		}
	}
	return append(list, unescape(text[begin:]))
}

// Parameter values cannot hold quotes and line ends; RFC 6868 writes them with a caret.
var (
	paramEscapes   = strings.NewReplacer("^", "^^", "\n", "^n", `"`, "^'")
	paramUnescapes = strings.NewReplacer("^^", "^", "^n", "\n", "^N", "\n", "^'", `"`)
)

// parseTime reads a date or a time: its form shows whether it is a date, and whether it is an instant (with Z). A date is its midnight.
func parseTime(text string, dateWanted bool) (wall time.Time, date, utc bool, err error) {
	text = strings.TrimSpace(text)
	if dateWanted && len(text) > len(dateForm) && strings.HasPrefix(text[len(dateForm):], "T000000") {
		text = text[:len(dateForm)]
	}
	switch len(text) {
	case len(dateForm):
		wall, err = time.Parse(dateForm, text)
		date = true
	case len(utcForm):
		wall, err = time.Parse(utcForm, text)
		utc = true
	default:
		wall, err = time.Parse(localForm, text)
	}
	if err != nil || dateWanted && !date || wall.Year() < 2 || wall.Year() > 9998 { // a year is left free on both sides, for zones
		return wall, date, utc, fault.New(fault.Invalid, "%.60q is no date or time", text)
	}
	return wall, date, utc, nil
}

// dateTime is a wall time in the zone of that name.
func dateTime(wall time.Time, zone string) calendar.DateTime {
	return calendar.DateTime{Local: wall.Format(wallForm), Zone: zone}
}

// wallOf reads a calendar.DateTime as it is written.
func wallOf(d calendar.DateTime) (time.Time, error) {
	w, err := d.Wall()
	return time.Date(w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC), err
}

// duration is days on the calendar, and a time that passes (RFC 5545, section 3.3.6).
type duration struct {
	days  int
	exact time.Duration
}

// parseDuration reads a DURATION that is not longer than a hundred years.
func parseDuration(text string) (d duration, err error) {
	if rest, negative := strings.CutPrefix(strings.TrimSpace(text), "-"); negative {
		d, err = parseDuration("+" + rest)
		return duration{-d.days, -d.exact}, err
	}
	bad := func() (duration, error) {
		return duration{}, fault.New(fault.Invalid, "%.60q is no duration such as P1D or PT1H30M", text)
	}
	const day = 24 * 60 * 60
	const longest = 100 * 366 * day // seconds
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "+"), "P")
	if !ok || rest == "" {
		return bad()
	}
	units := map[byte]int64{'W': 7 * day, 'D': day}
	for rest != "" {
		if rest[0] == 'T' {
			units, rest = map[byte]int64{'H': 60 * 60, 'M': 60, 'S': 1}, rest[1:]
		}
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) {
			return bad()
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		unit := units[rest[digits]]
		switch {
		case err != nil || unit == 0 || n > longest/unit:
			return bad()
		case unit >= day:
			d.days += int(n * unit / day)
		default:
			d.exact += time.Duration(n*unit) * time.Second
		}
		rest = rest[digits+1:]
		if d.days > longest/day || d.exact > longest*time.Second {
			return bad()
		}
	}
	return d, nil
}

// PlainText is what a reader sees of an HTML page, near enough for a program that shows no HTML: tags are left out, the ones that end a line end one.
func PlainText(page string) string {
	var b strings.Builder
	for page != "" {
		text, tag, found := strings.Cut(page, "<")
		b.WriteString(strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' {
				return ' '
			}
			return r
		}, text))
		if !found {
			break
		}
		if strings.HasPrefix(tag, "!--") {
			_, page, _ = strings.Cut(tag, "-->")
			continue
		}
		tag, page, _ = strings.Cut(tag, ">")
		name, _, _ := strings.Cut(strings.ToLower(strings.Trim(tag, "/ ")), " ")
		switch name {
		case "style", "script", "head", "title":
			if !strings.HasPrefix(tag, "/") {
				if i := strings.Index(strings.ToLower(page), "</"+name); i >= 0 {
					page = page[i:]
				} else {
					page = ""
				}
			}
		case "br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6":
			if name == "br" || strings.HasPrefix(tag, "/") {
				b.WriteByte('\n')
			}
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.TrimSpace(html.UnescapeString(strings.Join(lines, "\n")))
}
