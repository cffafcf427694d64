package calendar

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// MaxLine is how long the subject, the location and each category of an event are at most in Microsoft 365, in UTF-16 units.
const MaxLine = 255

// cutLine returns a text as Microsoft 365 keeps it, and whether it had to be cut. A text that is cut ends with three dots.
func cutLine(s string) (string, bool) {
	units, end := 0, 0 // end is where the text is cut
	for i, r := range s {
		n := max(utf16.RuneLen(r), 1)
		if units += n; units > MaxLine {
			return s[:end] + "...", true
		}
		if units <= MaxLine-len("...") {
			end = i + len(string(r))
		}
	}
	return s, false
}

// FitOutlook makes of a draft what Microsoft 365 keeps of it, and says in words for the user what it cannot keep. A draft that fits stays as it is.
// instance says that the draft is for an instance of a series.
func (d *Draft) FitOutlook(instance bool) (notes []string) {
	notes = fitLines(&d.Subject, &d.Location, &d.Categories)
	if (d.Recurrence != nil || instance) && fitMinutes(&d.Start, &d.End) {
		notes = append(notes, noSeconds)
	}
	return notes
}

// FitOutlook makes of what a calendar keeps what Microsoft 365 keeps of it, as Draft.FitOutlook does.
func (k *Kept) FitOutlook() (notes []string) {
	e := &k.Event
	notes = fitLines(&e.Subject, &e.Location, &e.Categories)
	if e.Type != Master {
		return notes
	}
	times := []*DateTime{&e.Start, &e.End}
	if e.Recurrence != nil {
		r := *e.Recurrence
		r.Without, r.Dates = append([]DateTime(nil), r.Without...), append([]DateTime(nil), r.Dates...)
		for _, list := range [][]DateTime{r.Without, r.Dates} {
			for i := range list {
				times = append(times, &list[i])
			}
		}
		e.Recurrence = &r
	}
	k.Exceptions = append([]Event(nil), k.Exceptions...)
	for i := range k.Exceptions {
		x := &k.Exceptions[i]
		for _, note := range fitLines(&x.Subject, &x.Location, &x.Categories) {
			notes = append(notes, fmt.Sprintf("%s, in the instance of %s", note, x.OriginalStart.UTC().Format(time.RFC3339)))
		}
		times = append(times, &x.Start, &x.End)
		x.OriginalStart = x.OriginalStart.Truncate(time.Minute)
	}
	if fitMinutes(times...) {
		notes = append(notes, noSeconds)
	}
	return notes
}

const noSeconds = "Microsoft 365 keeps series in whole minutes: the seconds are left out"

func fitLines(subject, location *string, categories *[]string) (notes []string) {
	fit := func(name string, s string) string {
		cut, was := cutLine(s)
		if was {
			notes = append(notes, fmt.Sprintf("Microsoft 365 keeps %d characters of %s: its end is left out", MaxLine, name))
		}
		return cut
	}
	*subject, *location = fit("a subject", *subject), fit("a location", *location)
	for i, c := range *categories {
		if cut := fit("a category", c); cut != c {
			list := append([]string(nil), *categories...)
			list[i] = cut
			*categories = list
		}
	}
	return notes
}

// fitMinutes leaves the seconds of times out, and says whether there were any.
func fitMinutes(times ...*DateTime) (changed bool) {
	for _, d := range times {
		w, err := d.Wall()
		if err != nil || w.Second == 0 && w.Nanosecond == 0 {
			continue
		}
		_, clock, _ := strings.Cut(d.Local, "T")
		end := strings.IndexAny(clock, "Zz+-")
		if end < 0 {
			end = len(clock)
		}
		w.Second, w.Nanosecond = 0, 0
		d.Local = fmt.Sprintf("%sT%02d:%02d:00%s", w.Date, w.Hour, w.Minute, clock[end:])
		changed = true
	}
	return changed
}
