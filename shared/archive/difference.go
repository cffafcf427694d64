package archive

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
)

// matchLedger compares the candidates with what the ledger says. An appointment that the archive holds is unchanged or drifted, never new: the
// archive does not change by itself, and the user accepts what changed since. One that the user decided to keep out stays out as long as its
// source is as the user saw it.
func (p *planner) matchLedger(standing []Standing) {
	p.uniqueKeys()
	byKey := make(map[string]*Standing, len(standing))
	for i := range standing {
		s := &standing[i]
		switch {
		case s.Outcome == ledger.Conflicted: // that of the window's days is found anew
			if !p.inWindow(s.Appointment.Start) {
				p.waiting = append(p.waiting, s)
			}
		case s.Outcome != ledger.Archived:
			p.out = append(p.out, s)
		case decision.Created(s.Key):
			p.decided.holdCreated(s)
		default:
			p.held = append(p.held, s)
			byKey[s.Key] = s
		}
	}
	slices.SortFunc(p.held, func(a, b *Standing) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(p.waiting, func(a, b *Standing) int { return strings.Compare(a.Key, b.Key) })
	p.keepOut(p.out)
	sources := p.sources()
	for _, c := range sources {
		if h := byKey[c.Key]; h != nil {
			p.match(c, h)
		}
	}
	p.matchByID(sources)
	p.matchMoved(sources)
	p.matchByTime(sources)
	p.decided.readRulings()
	// A duplicate that was archived before it was merged counts as the copy of the one that was kept, unless somebody decided about it.
	for _, c := range p.all {
		for _, m := range c.merged {
			if c.held == nil && m.held != nil && (!c.decided() || c.Outcome == Excluded) && p.decided.rulings[m.held.Key] == nil {
				p.matched[m.held] = nil
				p.match(c, m.held)
				m.held = nil
			}
		}
	}

	p.decide()
	var accepted []*candidate
	for _, c := range p.all {
		if c.held == nil || c.Decision != "" {
			continue
		}
		changed := !c.comesFrom(c.held)
		otherwise := p.replace && StandingHash(&c.Appointment, "") != StandingHash(&c.held.Appointment, "")
		switch {
		case !c.decided() && !changed && otherwise:
			c.Outcome, c.Held = Drifted, c.held
			accepted = append(accepted, c)
		case !c.decided() && !changed:
			c.Outcome, c.Held = Unchanged, c.held
		case !c.decided() && (p.OnDrift == AcceptOnDrift && !c.void || c.addsText(c.held)):
			c.Outcome, c.Held = Drifted, c.held
			accepted = append(accepted, c)
		case !c.decided(), c.Outcome == Excluded && changed && p.inWindow(c.held.Appointment.Start):
			// What does not belong into the archive any more, say because it was cancelled, stays there until the user removes it.
			rule, detail := RuleChanged, "changed after it was archived"
			if c.Reason != "" {
				rule = RuleLeftOut
				detail += "; now " + c.Reason
			}
			c.Outcome, c.Reason, c.Held = Drifted, "", c.held
			p.ask(ActionDrift, rule, detail, c)
		case c.Outcome == Merged, c.Outcome == Absorbed:
			rule := RuleMerged
			if c.Outcome == Absorbed {
				rule = RuleAbsorbed
			}
			p.ask(ActionDrift, rule, "archived, and now "+string(c.Outcome)+" into another", c, c.by)
		}
	}
	p.accept(accepted)
}

// keepOut leaves out the candidates that the user decided to keep out, if the source still is the version that the user saw. The key of a single event
// has the start that it had when the ledger first saw it, so that one that moved since is known by its lineage.
func (p *planner) keepOut(standing []*Standing) {
	if len(standing) == 0 {
		return
	}
	byKey, single := make(map[string]*Standing, len(standing)), map[string][]*Standing{}
	for _, s := range standing {
		byKey[s.Key] = s
		if s.single() {
			single[s.Lineage] = append(single[s.Lineage], s)
		}
	}
	for _, c := range p.open() {
		s := byKey[c.Key]
		if s == nil {
			of := single[ledger.Lineage(c.Event, c.Key)]
			if i := slices.IndexFunc(of, func(s *Standing) bool { return c.comesFrom(s) }); i >= 0 {
				s = of[i]
			}
		}
		if s != nil && c.comesFrom(s) {
			c.Outcome, c.Reason, c.Decision = Superseded, ReasonDecision, s.Decision
		}
	}
}

// sources returns the candidates that may be the source of what is held, the undecided ones first: one that was merged, absorbed or excluded
// may have the same key as an undecided one, and what is held then belongs to the undecided one. Series masters are left out.
func (p *planner) sources() []*candidate {
	sources := make([]*candidate, 0, len(p.all))
	var others []*candidate
	for _, c := range p.all {
		switch {
		case c.Event.Type == calendar.Master:
		case !c.decided():
			sources = append(sources, c)
		default:
			others = append(others, c)
		}
	}
	return append(sources, others...)
}

// match notes the candidate as the source of what is held, unless another one is.
func (p *planner) match(c *candidate, h *Standing) {
	if p.matched[h] == nil {
		p.matched[h], c.held = c, h
		c.Key = h.Key
	}
}

// matchByID finds events by their ids. An event keeps its id while its iCalUId, and with it its key, may be missing one day and mean something else on
// another.
func (p *planner) matchByID(sources []*candidate) {
	free := map[string][]*Standing{}
	for _, h := range p.held {
		if p.matched[h] == nil && h.EventID != "" && (h.single() || p.inWindow(h.Appointment.Start)) {
			free[h.EventID] = append(free[h.EventID], h)
		}
	}
	matchFree(p, sources, free, func(c *candidate) string { return c.EventID })
}

// matchFree matches the sources that have no held one yet with those that are free under the same name, and returns the matched ones.
func matchFree[K comparable](p *planner, sources []*candidate, free map[K][]*Standing, name func(*candidate) K) (matched []*candidate) {
	if len(free) == 0 {
		return nil
	}
	for _, c := range sources {
		if c.held != nil || c.Outcome == Merged || c.Outcome == Absorbed || c.Reason == ReasonOwnCopy {
			continue
		}
		if of := name(c); len(free[of]) > 0 {
			p.match(c, free[of][0])
			free[of] = free[of][1:]
			matched = append(matched, c)
		}
	}
	return matched
}

// matchByTime finds events by what a person would know them by, when neither their key nor their id is the one of before: some calendars give other ones
// at each export. Of those without a subject only one that says all the same is known again. What is held is of the window, so that nothing is taken for an
// event of another day that was not looked at.
func (p *planner) matchByTime(sources []*candidate) {
	type likeness struct {
		subject, source string
		start, end      int64
		allDay          bool
	}
	fold := cases.Fold()
	like := func(a *calendar.Appointment, subject, source string) likeness {
		l := likeness{subject: foldSubject(fold, subject), start: a.Start.UnixNano(), end: a.End.UnixNano(), allDay: a.AllDay}
		if l.subject == "" {
			l.source = source
		}
		return l
	}
	free := map[likeness][]*Standing{}
	for _, h := range p.held {
		if p.matched[h] == nil && p.inWindow(h.Appointment.Start) {
			l := like(&h.Appointment, h.Appointment.Subject, h.SourceHash)
			free[l] = append(free[l], h)
		}
	}
	for _, c := range matchFree(p, sources, free, func(c *candidate) likeness { return like(&c.Appointment, c.Event.Subject, c.Hash) }) {
		if uid, ok := uidOf(c.held.Key); ok && uid != c.Event.ICalUID {
			c.Issues = append(c.Issues, "its iCalendar UID is another one than when it was archived; it is known by its subject and time")
		}
	}
}

// matchMoved finds events without an original start that moved. Their key has the start that they had when they were archived, so that only
// the iCalUId is still the same.
func (p *planner) matchMoved(sources []*candidate) {
	free := map[string][]*Standing{}
	for _, h := range p.held {
		if uid, ok := uidOf(h.Key); ok && p.matched[h] == nil && (h.single() || p.inWindow(h.Appointment.Start)) {
			free[uid] = append(free[uid], h)
		}
	}
	if len(free) == 0 {
		return
	}
	for _, c := range sources {
		e := c.Event
		if c.held != nil || c.Outcome == Merged || c.Outcome == Absorbed || !e.OriginalStart.IsZero() {
			continue
		}
		if left := free[e.ICalUID]; e.ICalUID != "" && len(left) > 0 {
			p.match(c, left[0])
			free[e.ICalUID] = left[1:]
		}
	}
}

// uidOf returns the iCalUId in a source key. ok says whether the key consists of an iCalUId and a start.
func uidOf(key string) (uid string, ok bool) {
	i := strings.LastIndexByte(key, '@')
	if i < 0 {
		return "", false
	}
	if _, err := time.Parse(time.RFC3339Nano, key[i+1:]); err != nil {
		return "", false
	}
	return key[:i], true
}

// uniqueKeys makes sure that no two appointments share a source key. They would if a source listed one instance twice, at different times.
func (p *planner) uniqueKeys() {
	seen := make(map[string]bool, len(p.all))
	for _, c := range p.all {
		if c.decided() {
			continue
		}
		for seen[c.Key] {
			c.Key += "#" + c.EventID
		}
		seen[c.Key] = true
	}
}

// accept accepts the new versions of drifted ones without asking. The user is asked only about those whose new time collides with something
// else that is archived.
func (p *planner) accept(drifted []*candidate) {
	if len(drifted) == 0 {
		return
	}
	var claims []*claim
	moved := make(map[*candidate]*claim, len(drifted))
	for _, c := range drifted {
		if p.Overlaps != Keep && p.contends(&c.Appointment) && !sameTime(&c.Appointment, &c.held.Appointment) {
			moved[c] = newClaim(c, &c.Appointment, c)
			claims = append(claims, moved[c])
		}
	}
	for _, h := range p.held {
		if a := p.stands(h); a != nil && p.contends(a) {
			claims = append(claims, newClaim(h, a, p.matched[h]))
		}
	}
	claims = append(claims, p.settledClaims()...)
	standing := newSpans(claims)
	busy := newSpans(slices.DeleteFunc(slices.Clone(claims), (*claim).free))
	for _, c := range drifted {
		c.Accept = true
		if m := moved[c]; m != nil {
			others := standing
			if m.free() { // free ones do not collide with each other
				others = busy
			}
			for other := range others.all(m) {
				if other.newcomer != c {
					c.Accept = false
					break
				}
			}
		}
		switch {
		case p.locked(&c.held.Appointment), p.locked(&c.Appointment):
			c.Accept = false
			p.ask(ActionDrift, RuleLocked, "changed after it was archived, and its day is locked", c)
		case !c.Accept:
			p.ask(ActionDrift, RuleCollides, "changed after it was archived, and would collide with others", c)
		}
	}
}

// locked says whether nothing changes what is archived of the appointment's day.
func (p *planner) locked(a *calendar.Appointment) bool {
	return len(p.locks) > 0 && p.locks.Has(a.Customer, a.Day(p.Zone))
}

func sameTime(a, b *calendar.Appointment) bool { return a.Start.Equal(b.Start) && a.End.Equal(b.End) }
