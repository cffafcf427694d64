package archive

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"adminassistant/shared/calendar"
)

// What a copy shows is compared field by field. The fields of a form are, by their numbers, those named here.
const (
	inStart = iota
	inEnd
	inAllDay
	inSubject
	inLocation
	inCategories
	inSensitivity
	inShowAs
	inImportance
	inBody
	formFields
)

var formNames = [formFields]string{
	inStart: "start", inEnd: "end", inAllDay: "all_day", inSubject: "subject", inLocation: "location", inCategories: "categories",
	inSensitivity: "sensitivity", inShowAs: "show_as", inImportance: "importance", inBody: "body",
}

// form is what an event shows, each field in a form in which it does not matter how it is written: times are instants, or dates of an all-day event;
// categories are a set; texts have single spaces; a body is its words.
type form [formFields]string

// formOf returns the form of an event. Floating times are read in zone.
func formOf(e *calendar.Event, zone *time.Location) (f form) {
	f[inStart], f[inEnd] = e.Start.Local, e.End.Local
	if from, to, err := e.Days(zone); e.AllDay && err == nil {
		f[inStart], f[inEnd] = from.String(), to.String()
	} else {
		for i, d := range map[int]calendar.DateTime{inStart: e.Start, inEnd: e.End} {
			if t, err := d.Instant(zone); err == nil {
				f[i] = instant(t)
			}
		}
	}
	f[inAllDay] = strconv.FormatBool(e.AllDay)
	f[inSubject], f[inLocation] = singleSpaced(e.Subject), singleSpaced(e.Location)
	var categories []string
	for _, c := range e.Categories {
		categories = append(categories, singleSpaced(c))
	}
	slices.Sort(categories)
	f[inCategories] = strings.Join(slices.Compact(categories), "\n")
	f[inSensitivity] = string(orElse(e.Sensitivity, calendar.Normal))
	f[inShowAs] = string(orElse(e.ShowAs, calendar.Busy))
	f[inImportance] = string(orElse(e.Importance, calendar.NormalImportance))
	f[inBody] = bodyText(e.Body)
	return f
}

// formOfDraft returns the form of what was written.
func formOfDraft(d *calendar.Draft, zone *time.Location) form {
	return formOf(&calendar.Event{
		Subject: d.Subject, Body: d.Body, Start: d.Start, End: d.End, AllDay: d.AllDay, Location: d.Location, Categories: d.Categories,
		ShowAs: d.ShowAs, Importance: d.Importance, Sensitivity: d.Sensitivity,
	}, zone)
}

// sum is the beginning of a hash. It is compared with few others.
type sum [8]byte

func sumOf(parts ...string) (s sum) {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	copy(s[:], h.Sum(nil))
	return s
}

// sum is that of a field. White space does not count in a body.
func (f *form) sum(i int) sum {
	if i == inBody {
		return sumOf(solid(f[i]))
	}
	return sumOf(f[i])
}

// light is the sum of all fields but the body.
func (f *form) light() sum { return sumOf(f[:inBody]...) }

// maybeOurs says whether a field that was written as one text may be read as another without anybody's edit: the service leaves seconds out, and the
// ends of long lines, and may write a location in its own way. Of what it makes of a body nobody can tell.
func maybeOurs(i int, written, read string) bool {
	if written == read {
		return true
	}
	switch i {
	case inBody:
		return true
	case inStart, inEnd:
		w, err := time.Parse(time.RFC3339Nano, written)
		r, err2 := time.Parse(time.RFC3339Nano, read)
		return err == nil && err2 == nil && w.Truncate(time.Minute).Equal(r.Truncate(time.Minute))
	case inSubject:
		return isCut(written, read)
	case inLocation:
		return isCut(written, read) || lettersOf(written) == lettersOf(read)
	case inCategories:
		w, r := strings.Split(written, "\n"), strings.Split(read, "\n")
		return slices.EqualFunc(w, r, func(w, r string) bool { return w == r || isCut(w, r) })
	case inShowAs:
		return written == string(calendar.Unknown)
	}
	return false
}

// isCut says whether one line is the other as a service keeps it that cuts long lines.
func isCut(whole, cut string) bool {
	begins := strings.TrimRight(strings.TrimSuffix(cut, "..."), " ")
	return len(utf16.Encode([]rune(cut))) >= calendar.MaxLine-len("... ") && strings.HasPrefix(whole, begins)
}

func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// mostShown is how many characters of a field are shown in a finding.
const mostShown = 200

// shownField is a field as a finding shows it.
func (f *form) shownField(i int) string {
	s := f[i]
	if i == inCategories {
		s = strings.ReplaceAll(s, "\n", ", ")
	}
	if runes := []rune(s); len(runes) > mostShown {
		s = string(runes[:mostShown]) + "..."
	}
	return s
}
