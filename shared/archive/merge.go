package archive

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// mergeDuplicates finds events that are listed twice. Two are the same if they have the same id, the same iCalUId and start, or the same
// subject, times and all-day flag. The relation is transitive. One of each set is kept, the others are merged into it.
func (p *planner) mergeDuplicates() {
	open := p.open()
	sets := newSets(len(open))
	fold := cases.Fold()
	byID := make(map[string]int, len(open))
	for i, c := range open {
		joinSame(sets, byID, c.EventID, i)
	}
	type likeness struct {
		subject string
		end     time.Time
		allDay  bool
	}
	for from, to := 0, 0; from < len(open); from = to {
		start := open[from].Appointment.Start
		for to = from + 1; to < len(open) && open[to].Appointment.Start.Equal(start); to++ {
		}
		if to == from+1 {
			continue // no other event starts at that time
		}
		byUID, byLikeness := map[string]int{}, map[likeness]int{}
		for i := from; i < to; i++ {
			c := open[i]
			if uid := c.Event.ICalUID; uid != "" {
				joinSame(sets, byUID, uid, i)
			}
			subject := c.Appointment.Subject
			if p.Version >= Alike {
				subject = plainly(subject)
			}
			if subject = foldSubject(fold, subject); subject != "" {
				joinSame(sets, byLikeness, likeness{subject, c.Appointment.End, c.Appointment.AllDay}, i)
			}
		}
	}

	kept := make([]*candidate, len(open)) // by set
	for i, c := range open {
		set := sets.find(i)
		if k := kept[set]; k == nil || preferred(c, k) {
			kept[set] = c
		}
	}
	for i, c := range open {
		if k := kept[sets.find(i)]; k != c {
			c.give(Merged, "", k)
			k.merged = append(k.merged, c)
		}
	}
}

// preferred says whether a is kept rather than b.
func preferred(a, b *candidate) bool {
	switch {
	case a.Event.Cancelled != b.Event.Cancelled:
		return !a.Event.Cancelled
	case a.Event.IsOrganizer != b.Event.IsOrganizer:
		return a.Event.IsOrganizer
	case !a.Event.LastModified.Equal(b.Event.LastModified):
		return a.Event.LastModified.After(b.Event.LastModified)
	}
	return a.EventID < b.EventID
}

// plainly returns a subject with letters in one form, and with single spaces.
func plainly(s string) string { return strings.Join(strings.Fields(norm.NFKC.String(s)), " ") }

// foldSubject returns the subject without surrounding space and without case.
func foldSubject(fold cases.Caser, s string) string {
	s = strings.TrimSpace(s)
	for i := 0; i < len(s); i++ {
		if s[i] > unicode.MaxASCII {
			return fold.String(s)
		}
	}
	return strings.ToLower(s)
}

// sets is a union-find structure over 0..n-1.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) find(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(i, j int) { s[s.find(i)] = s.find(j) }

// joinSame joins i with the first one that had the same key.
func joinSame[K comparable](s sets, seen map[K]int, key K, i int) {
	if j, ok := seen[key]; ok {
		s.join(i, j)
		return
	}
	seen[key] = i
}
