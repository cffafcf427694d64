package archive

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/ledger"
)

// modification is a kind of appointment that only says how another one really went.
type modification string

const (
	extended   modification = "extended"    // begins at the original's end: it ended later, by the modification's length
	shortened  modification = "shortened"   // overlaps the original: it ended earlier, by the modification's length
	earlyStart modification = "early_start" // ends at the original's start: it began when the modification did
	lateStart  modification = "late_start"  // begins at the original's start: it began later, by the modification's length
)

const (
	// nearby is the longest time between two times that count as the same.
	nearby = 5 * time.Minute
	// shortest is the length that a modification leaves to an appointment at least.
	shortest = time.Minute
)

// modificationOf returns the kind of modification that the subject names, or "": a keyword, alone or before a colon or a dash of any kind. Neither case
// nor how much white space there is counts.
func modificationOf(subject string) modification {
	subject = strings.TrimSpace(subject)
	if subject == "" || !strings.ContainsRune("eEsSlL", rune(subject[0])) {
		return "" // this is nearly every subject, and spares it the rest
	}
	keyword := subject
	if end := strings.IndexFunc(subject, endsKeyword); end >= 0 {
		keyword = subject[:end]
	}
	switch calendar.Folded(keyword) {
	case "extended", "extension":
		return extended
	case "shortened":
		return shortened
	case "early start":
		return earlyStart
	case "late start":
		return lateStart
	}
	return ""
}

// within finds the keywords of modifications anywhere in a text, as whole words.
var within = regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(extended|extension|shortened|early\s+start|late\s+start)(?:[^\pL\pN]|$)`)

// misplaced returns the keyword in a subject that is no modification's, as it is written there; empty: there is none.
func misplaced(subject string) string {
	if text := strings.ToLower(subject); !strings.Contains(text, "exten") && !strings.Contains(text, "shorten") && !strings.Contains(text, "start") {
		return "" // this is nearly every subject, and spares it the slow expression
	}
	if m := within.FindStringSubmatch(subject); m != nil {
		return strings.Join(strings.Fields(m[1]), " ")
	}
	return ""
}

// endsKeyword says whether r is a dash or a colon, also one of full width.
func endsKeyword(r rune) bool { return r == ':' || r == '：' || category.Dash(r) }

// applyModifications changes the original of each modification, and the modification is absorbed. They go in order of start, then id, and each
// one changes the original as the earlier ones left it. One without an original is excluded, and the user is asked.
func (p *planner) applyModifications() {
	var modifications, originals []*candidate
	for _, c := range p.open() {
		a := &c.Appointment
		if a.AllDay || a.Cancelled || a.Declined {
			continue
		}
		if c.modifies = modificationOf(a.Subject); c.modifies != "" {
			modifications = append(modifications, c)
			continue
		}
		originals = append(originals, c)
		if keyword := misplaced(a.Subject); keyword != "" {
			c.Issues = append(c.Issues, fmt.Sprintf("%q here changes no other appointment; to change one, begin with it and a colon, as in %q",
				keyword, strings.ToUpper(keyword[:1])+strings.ToLower(keyword[1:])+": reason"))
		}
	}
	if len(modifications) == 0 {
		return
	}
	search := newOriginals(originals, modifications)
	changed := map[*candidate]bool{}
	for _, m := range modifications {
		original := search.find(m)
		if original == nil {
			m.exclude(ReasonOrphan)
			continue
		}
		m.give(Absorbed, "", original)
		search.move(original, func() { m.applyTo(original) })
		changed[original] = true
	}
	for c := range changed {
		c.Hash = contentHash(c)
	}
	slices.SortFunc(p.all, compare)
}

// modifyAgain changes times as modifications did that are not among the events.
func (p *planner) modifyAgain(modified map[string][]ledger.Change) {
	if len(modified) == 0 {
		return
	}
	for _, c := range p.open() {
		changes := modified[c.EventID]
		if len(changes) == 0 {
			continue
		}
		for _, change := range changes {
			at, err := time.Parse(time.RFC3339Nano, change.To)
			switch {
			case err != nil:
				continue
			case change.Field == "start":
				c.Appointment.Start = at
			default:
				c.Appointment.End = at
			}
			c.Changes = append(c.Changes, change)
		}
		c.Hash = contentHash(c)
	}
	slices.SortFunc(p.all, compare)
}

// byModification are the changes that modifications made, among those of an entry.
func byModification(changes []ledger.Change) (some []ledger.Change) {
	for _, c := range changes {
		if slices.Contains([]modification{extended, shortened, earlyStart, lateStart}, modification(c.Reason)) {
			some = append(some, c)
		}
	}
	return some
}

// applyTo changes the original's times by the modification m.
func (m *candidate) applyTo(original *candidate) {
	a := &original.Appointment
	start, end, length := a.Start, a.End, m.Appointment.Duration()
	switch m.modifies {
	case extended:
		a.End = end.Add(length)
	case shortened:
		a.End = earlier(end, later(end.Add(-length), start.Add(shortest)))
	case earlyStart:
		a.Start = m.Appointment.Start
	case lateStart:
		a.Start = later(start, earlier(start.Add(length), end.Add(-shortest)))
	}
	note := func(field string, from, to time.Time) {
		if !from.Equal(to) {
			original.Changes = append(original.Changes, ledger.Change{Field: field, From: instant(from), To: instant(to), Reason: string(m.modifies)})
		}
	}
	note("start", start, a.Start)
	note("end", end, a.End)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// originals finds the original of a modification. Appointments are indexed by start and by end, once for every set of categories that a
// modification carries and once for all of them, so that each search is logarithmic whatever the calendar. Appointments that are near no
// modification are left out.
type originals struct {
	all   *timeline
	bySet map[string]*timeline // by categorySet; only sets that a modification may ask for
}

// timeline indexes appointments by either of their times.
type timeline struct{ starts, ends *treap }

func newOriginals(candidates, modifications []*candidate) *originals {
	o := &originals{bySet: map[string]*timeline{}}
	for _, m := range modifications {
		if set := categorySet(m); set == "" {
			o.all = &timeline{}
		} else {
			o.bySet[set], o.bySet[""] = &timeline{}, &timeline{}
		}
	}
	claims := make([]*claim, len(modifications))
	for i, m := range modifications {
		claims[i] = newClaim(m, &m.Appointment, m)
	}
	reach := newSpans(claims)
	for _, c := range candidates {
		around := claim{start: c.Appointment.Start.Add(-nearby - 1), end: c.Appointment.End.Add(nearby + 1)}
		if reach.first(&around) == nil {
			continue // it is too far from every modification, and nothing else could move it
		}
		for _, t := range o.timelines(c) {
			t.insert(c)
		}
	}
	return o
}

// timelines returns the timelines that c belongs to.
func (o *originals) timelines(c *candidate) []*timeline {
	in := make([]*timeline, 0, 2)
	if o.all != nil {
		in = append(in, o.all)
	}
	if t := o.bySet[categorySet(c)]; t != nil {
		in = append(in, t)
	}
	return in
}

// move calls change, which alters c's times, and updates the indexes.
func (o *originals) move(c *candidate, change func()) {
	in := o.timelines(c)
	for _, t := range in {
		t.remove(c)
	}
	change()
	for _, t := range in {
		t.insert(c)
	}
}

// find returns the nearest original of m, nil if there is none. Of equally near ones the one with the longer overlap is chosen, then the one of
// the smaller id.
func (o *originals) find(m *candidate) *candidate {
	set := categorySet(m)
	if set == "" {
		return o.all.find(m).original
	}
	// A modification with categories fits originals with the same ones and originals with none.
	return o.bySet[set].find(m).better(o.bySet[""].find(m)).original
}

// match is a possible original, with the measures by which the best one is chosen.
type match struct {
	original *candidate
	apart    time.Duration
	overlap  time.Duration
}

func (a match) better(b match) match {
	switch {
	case b.original == nil:
		return a
	case a.original == nil:
		return b
	case a.apart != b.apart:
		if a.apart < b.apart {
			return a
		}
		return b
	case a.overlap != b.overlap:
		if a.overlap > b.overlap {
			return a
		}
		return b
	case a.original.EventID <= b.original.EventID:
		return a
	}
	return b
}

// find returns the best match of m in the timeline. Only two times can be the nearest: the last one that is not after the wanted time, and the
// first one after it. Among appointments that share such a time the tree gives the winner.
func (t *timeline) find(m *candidate) match {
	start, end := m.Appointment.Start, m.Appointment.End
	var best match
	consider := func(c *candidate, apart time.Duration) {
		if c != nil {
			o := &c.Appointment
			overlap := max(0, earlier(o.End, end).Sub(later(o.Start, start)))
			best = best.better(match{c, apart.Abs(), overlap})
		}
	}
	switch m.modifies {
	case extended:
		for _, at := range t.ends.around(start) {
			if at.Sub(start).Abs() <= nearby {
				consider(t.endingAt(at, start, end), at.Sub(start))
			}
		}
	case shortened:
		if at, ok := t.ends.floor(end); ok && at.After(start) {
			if c := t.endingAt(at, start, end); c.Appointment.Overlaps(&m.Appointment) {
				consider(c, at.Sub(end))
			} else if at, ok := t.ends.before(end); ok && at.After(start) {
				// Those that end exactly at m's end are all empty, and share no time with it. All that end earlier, but after its start, do.
				consider(t.endingAt(at, start, end), at.Sub(end))
			}
		}
		if at, ok := t.ends.ceilingBelow(end, end); ok {
			if end.After(start) {
				consider(t.endingAt(at, start, end), at.Sub(end))
			} else {
				consider(t.ends.smallestID(at, time.Time{}, end.Add(-1)), at.Sub(end))
			}
		}
	case earlyStart:
		for _, at := range t.starts.around(end) {
			if at.Sub(end).Abs() <= nearby && !at.Before(start) {
				consider(t.startingAt(at, start, end), at.Sub(end))
			}
		}
	case lateStart:
		for _, at := range t.starts.around(start) {
			if at.Sub(start).Abs() <= nearby {
				consider(t.startingAt(at, start, end), at.Sub(start))
			}
		}
	}
	return best
}

// endingAt returns, of the appointments that end at that instant, the one that overlaps [start, end) longest. Of equally long overlaps the one
// with the smallest id is returned.
func (t *timeline) endingAt(at, start, end time.Time) *candidate {
	from, to := time.Time{}, farFuture
	if until := earlier(at, end); until.After(start) {
		if c := t.ends.smallestID(at, from, start); c != nil {
			return c // all that begin at start or earlier overlap equally long
		}
		if first := t.ends.lowest(at); first.Before(until) {
			from, to = first, first
		}
	}
	return t.ends.smallestID(at, from, to)
}

// startingAt returns, of the appointments that start at that instant, the one that overlaps [start, end) longest. Of equally long overlaps the
// one with the smallest id is returned.
func (t *timeline) startingAt(at, start, end time.Time) *candidate {
	from, to := time.Time{}, farFuture
	if since := later(at, start); end.After(since) {
		if c := t.starts.smallestID(at, end, farFuture); c != nil {
			return c // all that last until end or longer overlap equally long
		}
		if last := t.starts.highest(at); last.After(since) {
			from, to = last, last
		}
	}
	return t.starts.smallestID(at, from, to)
}

func (t *timeline) insert(c *candidate) {
	a := &c.Appointment
	t.starts = t.starts.insert(newTreap(a.Start, a.End, c))
	t.ends = t.ends.insert(newTreap(a.End, a.Start, c))
}

func (t *timeline) remove(c *candidate) {
	a := &c.Appointment
	t.starts = t.starts.remove(newTreap(a.Start, a.End, c))
	t.ends = t.ends.remove(newTreap(a.End, a.Start, c))
}

// categorySet returns a name for the set of c's categories, whatever their order, as they are compared. The empty set is "".
func categorySet(c *candidate) string {
	set := make([]string, 0, len(c.Appointment.Categories))
	for _, name := range c.Appointment.Categories {
		set = append(set, calendar.Folded(name))
	}
	slices.Sort(set)
	return strings.Join(slices.Compact(set), "\x00")
}
