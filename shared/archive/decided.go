package archive

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
)

// decided is what decisions make of a plan.
type decided struct {
	decisions []decision.Decision
	rulings   map[string]*ruling
	creations map[string]*creation
	// shown has what stands of held ones that a decision took out, nil, or that have no source and a verdict.
	shown  map[*Standing]*calendar.Appointment
	gone   map[*Standing]*Item    // what becomes of held ones without a source
	voided map[*Standing][]string // issues of held ones without a source whose verdict does not hold
	items  []*Item                // those of no event of the source: created ones, and the vanished ones that are decided
	issues []string
	void   []Void
}

// ruling is the newest verdict about a key, with what it is about: a candidate, what is held without one, or a creation.
type ruling struct {
	decision *decision.Decision
	verdict  *decision.Verdict
	fields   *decision.Fields // also those that another verdict of a merge gives
	hash     string           // that the user saw

	source   *candidate
	held     *Standing
	creation *creation
	away     *candidate // it is outside of the window: the plan of its own day settles it
	into     []*ruling  // what is merged into it

	void   string   // why the verdict does not hold; empty: it does
	result *version // what stands; nil: nothing
}

// creation is an appointment that a decision created.
type creation struct {
	version
	key, hash string
	decision  string
	held      *Standing // what the ledger has of it; nil: nothing
	out       bool      // a decision took it out again
}

// id is the key: there is no event.
func (c *creation) id() string { return c.key }

func (c *creation) seen() Seen { return Seen{Key: c.key, Hash: c.hash} }

// decide puts into their buckets the candidates about which there is a verdict that holds. All others go on as if there were none.
func (p *planner) decide() {
	d := &p.decided
	if len(d.decisions) == 0 && len(d.creations) == 0 {
		return
	}
	d.shown, d.gone, d.voided = map[*Standing]*calendar.Appointment{}, map[*Standing]*Item{}, map[*Standing][]string{}
	parties := p.findParticipants()
	rulings := make([]*ruling, 0, len(d.rulings))
	for _, key := range slices.Sorted(maps.Keys(d.rulings)) {
		if r := d.rulings[key]; r.known() {
			rulings = append(rulings, r)
		}
	}
	for _, r := range rulings {
		if r.check(); r.void == "" && r.merged() {
			if into := d.rulings[r.verdict.Target()]; into.decision == r.decision {
				into.into = append(into.into, r)
			}
		}
	}
	for _, r := range rulings {
		r.judge()
	}
	for _, r := range rulings {
		if r.merged() && r.void == "" {
			if into := d.rulings[r.verdict.Target()]; into.void != "" || into.result == nil {
				r.void = fmt.Sprintf("decision %q does not hold: what it merges this into does not stand", r.decision.ID)
			}
		}
	}
	for _, r := range rulings {
		var by party
		switch {
		case r.merged():
			by = parties[r.verdict.Target()]
		case r.verdict.By != "":
			by = parties[r.verdict.By]
		}
		p.settle(r, by)
		if r.void != "" {
			d.void = append(d.void, Void{Decision: r.decision.ID, Key: r.verdict.Key, Why: r.void})
		}
	}
	slices.SortFunc(d.void, func(a, b Void) int {
		return cmp.Or(strings.Compare(a.Decision, b.Decision), strings.Compare(a.Key, b.Key))
	})
	p.listCreations()
}

// readRulings finds the newest verdict about each key, and what was created.
func (d *decided) readRulings() {
	if len(d.decisions) == 0 {
		return
	}
	d.rulings = map[string]*ruling{}
	if d.creations == nil {
		d.creations = map[string]*creation{}
	}
	for i := range d.decisions {
		one := &d.decisions[i]
		mine := make(map[string]*ruling, len(one.Verdicts))
		hashes := make(map[string]string, len(one.Seen))
		for _, s := range one.Seen {
			hashes[s.Key] = s.Hash
		}
		rule := func(v *decision.Verdict) {
			mine[v.Key] = &ruling{decision: one, verdict: v, fields: v.Fields, hash: hashes[v.Key]}
			d.rulings[v.Key] = mine[v.Key]
			if v.Word == decision.Create {
				d.create(one, v)
			}
		}
		for j := range one.Verdicts {
			rule(&one.Verdicts[j])
		}
		for j := range one.Verdicts {
			v := &one.Verdicts[j]
			if v.Word != decision.Merge {
				continue
			}
			into := v.Target()
			if mine[into] == nil { // it takes part without a verdict of its own
				rule(&decision.Verdict{Key: into, Word: decision.Merge})
			}
			if v.Fields != nil {
				mine[into].fields = v.Fields
			}
		}
	}
}

// create notes what a decision creates.
func (d *decided) create(of *decision.Decision, v *decision.Verdict) {
	c := d.creations[v.Key]
	if c == nil {
		c = &creation{key: v.Key}
		d.creations[v.Key] = c
	}
	made := version{Appointment: calendar.Appointment{Sensitivity: calendar.Normal, ShowAs: calendar.Busy, Importance: calendar.NormalImportance}}
	if !made.amend(v.Fields) {
		c.out = true
		return
	}
	made.changes = slices.DeleteFunc(made.changes, func(c ledger.Change) bool { return c.Reason == ReasonDecision }) // from nothing
	c.version, c.decision = made, of.ID
	c.hash = StandingHash(&c.Appointment, digestOrNone(c.body))
}

func digestOrNone(b *calendar.Body) string {
	if b == nil {
		return ""
	}
	return BodyDigest(*b)
}

// findParticipants finds what the rulings are about, and returns whatever has one of the keys that they name.
func (p *planner) findParticipants() map[string]party {
	d := &p.decided
	parties := map[string]party{}
	for key, r := range d.rulings {
		parties[key] = nil
		if r.verdict.By != "" {
			parties[r.verdict.By] = nil
		}
	}
	// Of candidates with one key the one counts that goes into the archive or would, as it does for what is held; then the first.
	goes := func(c *candidate) bool { return !c.decided() || c.Decision != "" }
	other := map[string]bool{} // keys of what no decision is made about
	for _, c := range p.all {
		at, named := parties[c.Key]
		switch {
		case !named:
		case c.Event.Type == calendar.Master, c.Reason == ReasonOwnCopy, decision.Created(c.Key):
			other[c.Key] = true
		case at == nil || goes(c) && !goes(at.(*candidate)):
			parties[c.Key] = c
		}
	}
	for _, h := range p.held {
		if at, named := parties[h.Key]; named && at == nil {
			parties[h.Key] = h
		}
	}
	for key, c := range d.creations {
		if _, named := parties[key]; named {
			parties[key] = c
		}
	}
	for _, s := range p.out {
		other[s.Key] = true
	}
	moved := p.findMoved(parties)
	for key, r := range d.rulings {
		if c := moved[key]; c != nil {
			parties[key] = c
		}
		switch at := parties[key].(type) {
		case *candidate:
			r.source, r.held = at, at.held
			if at.Reason == ReasonOutsideWindow && (at.held == nil || !p.inWindow(at.held.Appointment.Start)) {
				r.source, r.away = nil, at
			}
		case *Standing:
			r.held = at
		case *creation:
			r.creation = at
		default:
			if !other[key] {
				d.issues = append(d.issues, fmt.Sprintf("decision %q is about a key that is not here: %q", r.decision.ID, key))
				d.void = append(d.void, Void{Decision: r.decision.ID, Key: key, Why: "it is not in the calendar and not in the archive"})
			}
		}
	}
	return parties
}

// findMoved returns the candidates whose key has another start since somebody decided about them: those without an original start that are of the
// iCalUId in a key that nothing has.
func (p *planner) findMoved(parties map[string]party) map[string]*candidate {
	lost := map[string]string{} // keys by iCalUId
	for _, key := range slices.Sorted(maps.Keys(p.decided.rulings)) {
		if uid, ok := uidOf(key); ok && parties[key] == nil && lost[uid] == "" {
			lost[uid] = key
		}
	}
	if len(lost) == 0 {
		return nil
	}
	moved := map[string]*candidate{}
	for _, c := range p.all {
		key := lost[c.Event.ICalUID]
		if key == "" || !c.Event.OriginalStart.IsZero() || c.Event.Type == calendar.Master || c.Reason == ReasonOwnCopy || p.decided.rulings[c.Key] != nil {
			continue
		}
		if moved[key] == nil {
			moved[key] = c
		}
	}
	return moved
}

func (r *ruling) known() bool {
	return r.source != nil || r.held != nil || r.creation != nil || r.away != nil
}

// merged says whether the participant is merged into another one.
func (r *ruling) merged() bool {
	return r.verdict.Word == decision.Merge && r.verdict.Target() != r.verdict.Key
}

// sameAs says whether the candidate is the version of the source that has a content hash.
func (c *candidate) sameAs(hash string) bool {
	var was *calendar.Event
	if c.held != nil && sameSource(c.held.SourceHash, hash) {
		was = c.held.Source
	}
	return c.Item.comesFrom(hash, was)
}

// check voids a verdict that was about another version.
func (r *ruling) check() {
	same := true
	switch {
	case r.source != nil:
		same = r.source.sameAs(r.hash)
	case r.creation != nil:
		same = r.verdict.Word == decision.Create || sameSource(r.creation.hash, r.hash)
	case r.away != nil:
		same = r.away.sameAs(r.hash)
	default:
		same = sameSource(r.held.SourceHash, r.hash)
	}
	if !same {
		r.void = fmt.Sprintf("decision %q does not hold any more: the source changed since", r.decision.ID)
	}
}

// base is the participant before the verdict.
func (r *ruling) base() version {
	switch {
	case r.source == nil && r.creation == nil && r.held == nil:
		return version{Appointment: r.away.Appointment}
	case r.source != nil:
		return version{Appointment: r.source.Appointment, changes: r.source.Changes, issues: r.source.Issues}
	case r.creation != nil:
		return r.creation.version
	}
	v := version{Appointment: r.held.Appointment}
	if s := r.held.Source; s != nil && personal(&v.Appointment) {
		if was := orElse(s.Sensitivity, calendar.Normal); v.Sensitivity == calendar.Private && secrecy(was) < secrecy(calendar.Private) {
			v.changes = []ledger.Change{{Field: "sensitivity", From: string(was), To: string(v.Sensitivity), Reason: ReasonPersonal}}
		}
	}
	return v
}

// judge finds what stands after the verdict.
func (r *ruling) judge() {
	if r.void != "" {
		return
	}
	v := r.base()
	fits := "" // why it does not
	word := r.verdict.Word
	into := word == decision.Keep || word == decision.KeepAs || word == decision.Merge && !r.merged()
	switch {
	case into:
		whole := v.Appointment
		for _, other := range r.into {
			whole = stretch(whole, other.base().Appointment)
		}
		v.become(whole, false)
		if !v.amend(r.fields) {
			fits = "it would have no time, or less than one minute"
		}
	case word == decision.Create:
		if r.creation.out {
			fits = "it would have no time, or less than one minute"
		}
	case word == decision.Accept && (r.source == nil || r.held == nil):
		fits = "there is no other version of it to accept"
	case word == decision.Accept:
		if only := r.verdict.Only; len(only) > 0 {
			v.become(take(r.held.Appointment, v.Appointment, only), true)
			if was := r.held.Source; was != nil && !slices.Contains(only, decision.Body) && bodyDigest(was) != bodyDigest(r.source.Event) {
				v.body = &was.Body
			}
		}
		if !v.timed() {
			fits = "it would end before it starts"
		}
	case word == decision.KeepArchived && r.held == nil:
		fits = "it is not in the archive"
	case word == decision.KeepArchived:
		v.changes = append(slices.Clip(v.changes), differences(&v.Appointment, &r.held.Appointment)...)
		v.Appointment = r.held.Appointment
	default:
		return // out, or merged into another
	}
	if fits != "" {
		r.void = fmt.Sprintf("decision %q (%s) does not apply: %s", r.decision.ID, word, fits)
		return
	}
	r.result = &v
}

// settle carries out a ruling. by is what took the place of the participant; nil: nothing did, or nothing that is known.
func (p *planner) settle(r *ruling, by party) {
	switch {
	case r.creation != nil:
		p.decided.settleCreation(r)
	case r.source != nil:
		p.settleSource(r, by)
	case r.held != nil:
		p.decided.settleHeld(r, by)
	}
}

func (p *planner) settleSource(r *ruling, by party) {
	c, h := r.source, r.held
	if r.void != "" {
		c.Issues = append(slices.Clip(c.Issues), r.void)
		c.void = true
		return
	}
	changed := h != nil && !c.comesFrom(h)
	c.By, c.by = "", nil
	c.Reason, c.Decision, c.Verdict, c.Held = ReasonDecision, r.decision.ID, r.verdict.Word, h
	if r.result == nil {
		c.Outcome, c.ByKey, c.out = Superseded, r.verdict.By, true
		if by != nil {
			c.give(Superseded, ReasonDecision, by)
		}
		if h != nil {
			p.decided.shown[h] = nil
		}
		return
	}
	c.take(r.result)
	switch {
	case h == nil:
		c.Outcome = Archived
		return
	case r.verdict.Word == decision.KeepArchived:
		c.Outcome = Unchanged
	case changed:
		c.Outcome, c.Accept = Drifted, true
	default:
		c.Outcome, c.Accept = Unchanged, r.differs(h)
	}
}

// take gives the item what a decision left.
func (it *Item) take(v *version) {
	it.Appointment, it.Changes, it.Issues, it.Body = v.Appointment, v.changes, v.issues, v.body
}

// differs says whether what the ledger has differs from what stands after the verdict.
func (r *ruling) differs(h *Standing) bool {
	return StandingHash(&h.Appointment, "") != StandingHash(&r.result.Appointment, "") || r.result.body != nil && h.Decision != r.decision.ID
}

// settleHeld carries out a ruling about what is held and has no source here.
func (d *decided) settleHeld(r *ruling, by party) {
	h := r.held
	if r.void != "" {
		d.voided[h] = []string{r.void}
		return
	}
	it := &Item{
		EventID: h.EventID, Key: h.Key, Hash: h.SourceHash, Outcome: Vanished, Reason: ReasonDecision, Decision: r.decision.ID, Verdict: r.verdict.Word,
		Appointment: h.Appointment, Held: h,
	}
	if r.result == nil {
		d.shown[h] = nil
		it.ByKey, it.out = r.verdict.By, true
		if by != nil {
			it.By, it.ByKey = by.id(), by.seen().Key
		}
	} else {
		it.take(r.result)
		it.Accept = r.differs(h)
		d.shown[h] = &it.Appointment
	}
	d.gone[h] = it
}

func (d *decided) settleCreation(r *ruling) {
	c := r.creation
	switch {
	case r.void != "" && c.decision == "": // nothing of it is in these decisions
		d.issues = append(d.issues, fmt.Sprintf("%s: %q", r.void, c.key))
	case r.void != "":
		c.issues = append(slices.Clip(c.issues), r.void)
	case r.result == nil:
		c.out = true
	default:
		c.version, c.decision = *r.result, r.decision.ID
	}
}

// listCreations makes items of what was created.
func (p *planner) listCreations() {
	d := &p.decided
	for _, key := range slices.Sorted(maps.Keys(d.creations)) {
		c := d.creations[key]
		if c.out && c.held != nil && d.rulings[key] != nil && p.inWindow(c.held.Appointment.Start) { // the archive still has it
			r := d.rulings[key]
			d.items = append(d.items, &Item{
				EventID: c.id(), Key: c.key, Hash: c.hash, Outcome: Vanished, Reason: ReasonDecision, Decision: r.decision.ID, Verdict: r.verdict.Word,
				ByKey: r.verdict.By, Appointment: c.held.Appointment, Held: c.held, out: true,
			})
		}
		if c.out || c.decision == "" || !p.inWindow(c.Start) {
			continue
		}
		it := &Item{
			EventID: c.id(), Key: c.key, Hash: c.hash, Outcome: Created, Reason: ReasonDecision, Decision: c.decision, Verdict: decision.Create, Held: c.held,
		}
		if r := d.rulings[key]; r != nil && r.void == "" {
			it.Verdict = r.verdict.Word
		}
		it.take(&c.version)
		it.Accept = c.held != nil && (StandingHash(&c.held.Appointment, "") != StandingHash(&c.Appointment, "") || c.body != nil && c.held.Decision != c.decision)
		d.items = append(d.items, it)
	}
}

// holdCreated notes what the ledger has of what decisions created. No event of the source is its source.
func (d *decided) holdCreated(s *Standing) {
	if d.creations == nil {
		d.creations = map[string]*creation{}
	}
	d.creations[s.Key] = &creation{version: version{Appointment: s.Appointment}, key: s.Key, hash: s.SourceHash, held: s}
}

// isGone says whether a decision was made about a held one without a source. Then it is an item, and nobody is asked.
func (d *decided) isGone(h *Standing) bool {
	it := d.gone[h]
	if it == nil {
		return false
	}
	d.items = append(d.items, it)
	return true
}

// stands returns what stands of a held one; nil: nothing, a decision took it out.
func (p *planner) stands(h *Standing) *calendar.Appointment {
	if a, ok := p.decided.shown[h]; ok {
		return a
	}
	if c := p.matched[h]; c != nil && c.Accept {
		return &c.Appointment
	}
	return &h.Appointment
}

// standsAs returns a held one as this plan leaves it: where another version takes its place, whoever is asked about it is asked about that one.
func (p *planner) standsAs(h *Standing) party {
	if c := p.matched[h]; c != nil && c.Accept {
		return c
	}
	return h
}

// settledClaims are those of what decisions put into the archive. It stands as what is held does.
func (p *planner) settledClaims() (claims []*claim) {
	d := &p.decided
	if len(d.decisions) == 0 && len(d.creations) == 0 {
		return nil
	}
	for _, c := range p.all {
		if c.Outcome == Archived && c.Decision != "" && p.contends(&c.Appointment) {
			claims = append(claims, newClaim(c, &c.Appointment, nil))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.creations)) {
		if c := d.creations[key]; !c.out && p.contends(&c.Appointment) {
			claims = append(claims, newClaim(c, &c.Appointment, nil))
		}
	}
	return claims
}

// askAboutVoid asks about what a decision no longer settles, if nothing else asks about it.
func (p *planner) askAboutVoid() {
	var void []*candidate
	for _, c := range p.all {
		if c.void && c.Decision == "" && (c.Outcome == Archived || c.Outcome == Superseded || c.Outcome == Drifted) {
			void = append(void, c)
		}
	}
	if len(void) == 0 {
		return
	}
	asked := map[string]bool{}
	for _, a := range p.actions {
		for _, s := range a.Seen {
			asked[s.Key] = true
		}
	}
	for _, c := range void {
		if !asked[c.Key] {
			i := slices.IndexFunc(c.Issues, func(issue string) bool { return strings.HasPrefix(issue, "decision ") })
			p.ask(ActionStale, RuleStale, c.Issues[i], c)
		}
	}
}
