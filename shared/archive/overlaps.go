package archive

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// rank orders appointments that compete for the same time; a higher one wins. Busy, out of office, working elsewhere and unknown rank above
// tentative, and within each of the two importance decides. Free claims no time and is the lowest.
type rank int

const rankFree, ranks rank = 0, 7

func rankOf(a *calendar.Appointment) rank {
	r := rank(1)
	switch a.ShowAs {
	case calendar.Free:
		return rankFree
	case calendar.Tentative:
	default:
		r = 4
	}
	switch a.Importance {
	case calendar.High:
		r += 2
	case calendar.NormalImportance:
		r++
	}
	return r
}

// Rank is the rank of an appointment among those that share its time, from 0; the higher one wins.
func Rank(a *calendar.Appointment) int { return int(rankOf(a)) }

// claim is an appointment's claim on time: of a newcomer, or of what the archive holds already.
type claim struct {
	eventID    string
	of         party
	start, end time.Time
	rank       rank
	newcomer   *candidate // nil: the archive holds it
}

func (c *claim) free() bool { return c.rank == rankFree }

func compareClaims(a, b *claim) int {
	if order := a.start.Compare(b.start); order != 0 {
		return order
	}
	return cmp.Or(a.end.Compare(b.end), strings.Compare(a.eventID, b.eventID))
}

// contends says whether an appointment takes part in overlaps.
func (p *planner) contends(a *calendar.Appointment) bool {
	return !a.Cancelled && !a.Declined && (!a.AllDay || p.AllDayOverlaps)
}

// resolveOverlaps decides about newcomers that share time with each other or with what the archive holds, and archives the rest. What the
// archive holds, and what the user decided to archive, stays, whatever its rank.
func (p *planner) resolveOverlaps() {
	var held []*claim
	for _, h := range p.held {
		if a := p.stands(h); a != nil && p.contends(a) {
			held = append(held, newClaim(p.standsAs(h), a, nil))
		}
	}
	held = append(held, p.settledClaims()...)
	waiting := p.waitingClaims()
	newcomers := p.newcomers(append(slices.Clone(held), waiting...))
	slices.SortFunc(newcomers, compareClaims) // once, so that the sorting of parts below is fast

	switch p.Overlaps {
	case Ask:
		p.askAboutGroups(newcomers, append(slices.Clone(held), waiting...))
	case Resolve:
		p.resolveByRank(newcomers, held, waiting)
	}
	var conflicted []*claim
	for _, n := range newcomers {
		switch {
		case n.newcomer.Outcome == Conflicted:
			conflicted = append(conflicted, n)
		case !n.newcomer.decided():
			n.newcomer.Outcome = Archived
		}
	}
	p.askAboutConflicts(conflicted, append(slices.Clone(held), waiting...))
	p.reportGroups(append(newcomers, held...))
}

// newcomers are the claims of those that share time with each other or with what is there, and perhaps of a few more. The others, nearly all in an
// ordinary calendar, are archived at once: claims of all of them would need much room.
func (p *planner) newcomers(there []*claim) (claims []*claim) {
	others := newSpans(there)
	open := p.open() // in order of start
	open = slices.DeleteFunc(open, func(c *candidate) bool {
		if p.contends(&c.Appointment) {
			return false
		}
		c.Outcome = Archived
		return true
	})
	var furthest time.Time // end of those before
	for i, c := range open {
		a := &c.Appointment
		alone := !a.Start.Before(furthest) && (i+1 == len(open) || !open[i+1].Appointment.Start.Before(a.End))
		furthest = later(furthest, a.End)
		if alone && others.first(&claim{start: a.Start, end: a.End}) == nil {
			c.Outcome = Archived
		} else {
			claims = append(claims, newClaim(c, a, c))
		}
	}
	return claims
}

// waitingClaims are those of what waits for the user on days before the window: what shares time with it waits, too.
func (p *planner) waitingClaims() (claims []*claim) {
	for _, s := range p.waiting {
		if p.contends(&s.Appointment) && p.decided.rulings[s.Key] == nil {
			claims = append(claims, newClaim(s, &s.Appointment, nil))
		}
	}
	return claims
}

func newClaim(of party, a *calendar.Appointment, c *candidate) *claim {
	return &claim{eventID: of.id(), of: of, start: a.Start, end: a.End, rank: rankOf(a), newcomer: c}
}

// askAboutGroups leaves to the user every newcomer that shares time with another one, or with what is held. Free ones claim no time.
func (p *planner) askAboutGroups(newcomers, held []*claim) {
	standing := newSpans(slices.DeleteFunc(slices.Clone(held), (*claim).free))
	busy := slices.DeleteFunc(slices.Clone(newcomers), (*claim).free)
	for group := range connected(busy) {
		for _, n := range group {
			if len(group) > 1 || standing.first(n) != nil {
				n.newcomer.Outcome = Conflicted
			}
		}
	}
}

// resolveByRank goes from the highest rank down. A newcomer that overlaps one of higher rank that stands, or is held, is superseded by it; of
// several by the highest, then the earliest, then the one of the smallest id. Otherwise it is conflicted if it overlaps a held one, a
// conflicted one of higher rank, or another of its own rank. Otherwise it stands.
func (p *planner) resolveByRank(newcomers, held, waiting []*claim) {
	var heldOf, ofRank, waitingOf [ranks][]*claim
	for _, w := range waiting {
		waitingOf[w.rank] = append(waitingOf[w.rank], w)
	}
	for _, h := range held {
		heldOf[h.rank] = append(heldOf[h.rank], h)
	}
	for _, n := range newcomers {
		ofRank[n.rank] = append(ofRank[n.rank], n)
	}
	var heldIn, waitingIn, standing, conflicted [ranks]spans
	for r := range ranks {
		heldIn[r], waitingIn[r] = newSpans(heldOf[r]), newSpans(waitingOf[r])
	}
	for r := ranks - 1; r >= 0; r-- {
		// above returns the one that supersedes n, of those of higher rank that stand or are held.
		above := func(n *claim) *claim {
			for higher := ranks - 1; higher > r; higher-- {
				if w := firstOf(standing[higher].first(n), heldIn[higher].first(n)); w != nil {
					return w
				}
			}
			return nil
		}
		// waits says whether n overlaps a held one that does not rank higher, or a conflicted one of higher rank.
		waits := func(n *claim) bool {
			for higher := r + 1; higher < ranks; higher++ {
				if conflicted[higher].first(n) != nil || waitingIn[higher].first(n) != nil {
					return true
				}
			}
			if !n.free() && waitingIn[r].first(n) != nil {
				return true
			}
			for lower := rankFree; lower <= r; lower++ {
				if lower == rankFree && n.free() {
					continue // free claims no time
				}
				if heldIn[lower].first(n) != nil {
					return true
				}
			}
			return false
		}

		var left []*claim
		for _, n := range ofRank[r] {
			if w := above(n); w != nil {
				n.newcomer.give(Superseded, ReasonRank, w.of)
			} else {
				left = append(left, n)
			}
		}
		groups := connected(left)
		if r == rankFree { // free ones neither collide with each other nor make each other wait
			groups = slices.Chunk(left, 1)
		}
		var stand, wait []*claim
		for group := range groups {
			if len(group) > 1 || waits(group[0]) {
				wait = append(wait, group...)
			} else {
				stand = append(stand, group...)
			}
		}
		for _, n := range wait {
			n.newcomer.Outcome = Conflicted
		}
		standing[r], conflicted[r] = newSpans(stand), newSpans(wait)
	}
}

// firstOf returns the earlier of two, at the same start the one of the smaller id. Either may be nil.
func firstOf(a, b *claim) *claim {
	if a == nil || b != nil && cmp.Or(b.start.Compare(a.start), strings.Compare(b.eventID, a.eventID)) < 0 {
		return b
	}
	return a
}

// mostNamed is how many held ones an action names at most; it names the earliest. Nobody needs a list of thousands, and all actions together
// must not grow with the square of the calendar.
const mostNamed = 50

// askAboutConflicts makes one action for each connected component of conflicted ones. It names the held ones that they collide with.
func (p *planner) askAboutConflicts(conflicted, held []*claim) {
	if len(conflicted) == 0 {
		return
	}
	if p.Overlaps == Ask { // free ones claim no time
		held = slices.DeleteFunc(slices.Clone(held), (*claim).free)
	}
	standing := newSpans(held)
	for group := range connected(conflicted) {
		whole := &claim{start: group[0].start, end: group[0].end}
		var about, with []party
		for _, n := range group {
			about = append(about, n.of)
			whole.end = later(whole.end, n.end)
		}
		busy := newSpans(slices.DeleteFunc(slices.Clone(group), (*claim).free))
		for h := range standing.all(whole) {
			if len(with) == mostNamed {
				break
			}
			if !h.free() || busy.first(h) != nil {
				with = append(with, h.of)
			}
		}
		rule, detail := RuleEqualRank, "they share time, and none ranks higher"
		switch {
		case p.Overlaps == Ask:
			rule, detail = RuleSharedTime, "they share time"
		case len(with) > 0:
			rule, detail = RuleArchivedFirst, "collides with what is archived already, and does not rank lower"
		}
		p.ask(ActionOverlap, rule, detail, append(about, with...)...)
	}
}

// reportGroups lists the groups of two and more that share time, whatever was decided about them.
func (p *planner) reportGroups(claims []*claim) {
	for group := range connected(claims) {
		if len(group) < 2 {
			continue
		}
		overlap := Overlap{Outcome: OverlapKept}
		for _, n := range group {
			overlap.EventIDs = append(overlap.EventIDs, n.eventID)
			switch {
			case n.newcomer == nil:
			case n.newcomer.Outcome == Conflicted:
				overlap.Outcome = OverlapConflict
			case n.newcomer.Outcome == Superseded && overlap.Outcome == OverlapKept:
				overlap.Outcome = OverlapResolved
			}
		}
		p.overlaps = append(p.overlaps, overlap)
	}
}

// connected yields the connected components of claims that share time, each in order. It compares each start with the furthest end so far,
// not with the end of the one before: a long appointment collides with every short one inside it.
func connected(claims []*claim) iter.Seq[[]*claim] {
	return func(yield func([]*claim) bool) {
		sorted := sortedClaims(claims, compareClaims)
		var furthest time.Time
		from := 0
		for i, c := range sorted {
			if i > from && !c.start.Before(furthest) {
				if !yield(sorted[from:i:i]) {
					return
				}
				from = i
			}
			if i == from || c.end.After(furthest) {
				furthest = c.end
			}
		}
		if from < len(sorted) {
			yield(sorted[from:])
		}
	}
}

// sortedClaims returns a sorted copy.
func sortedClaims(claims []*claim, order func(a, b *claim) int) []*claim {
	sorted := slices.Clone(claims)
	slices.SortFunc(sorted, order)
	return sorted
}
