package restore

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// Settings are what a plan depends on besides file and calendar.
type Settings struct {
	Policy Policy
	// Scope is what marks are derived from, together with what is restored: for skip and replace the calendar, so that a second restore
	// finds the copies of the first; for duplicate the run, so that each run makes one copy.
	Scope string
	// From and To bound the period, [From, To); both zero: there is none.
	From, To time.Time
	// Zone is where floating times are read.
	Zone *time.Location
	// Notifies says that the calendar's provider tells the people who were invited when an event of the user's changes.
	Notifies bool
	// Outlook says that the calendar keeps of an event what Microsoft 365 keeps.
	Outlook bool
	// Only are the keys that the plan is about; nil: all. The others have what they are the same as, and nothing becomes of them. It is set when the
	// failed items of another run are tried again: then copies that carry their mark were begun by that run, and are finished.
	Only map[string]bool
	// Begun are things whose writing was begun by a run that did not get to its end, by key. Copies that carry their mark are finished.
	Begun map[string]Begun
}

// Item is what is decided about one thing of the file. Existing is the event that it is the same as, and Switch says that one of the
// two is a series and the other is not, so that the one cannot become the other.
type Item struct {
	Key      string  `json:"key"`
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason,omitempty"`
	Existing string  `json:"existing,omitempty"`
	Switch   bool    `json:"switch,omitempty"`
	// Ours says that the existing event carries the mark that the copy is to have.
	Ours bool `json:"ours,omitempty"`
	// ChangeKey is that of an existing event of ours, where replacing it takes several steps.
	ChangeKey string `json:"change_key,omitempty"`
	// Instance is the original start of the one instance of the series Existing that is meant.
	Instance time.Time `json:"instance,omitzero"`
	// Before is when the existing series was changed last: when it shows a later time, it shows that it was replaced.
	Before time.Time `json:"before,omitzero"`
	// Leftover is an event to delete, too: the existing one replaced it, but an earlier attempt stopped before deleting it.
	Leftover string `json:"leftover,omitempty"`
	// Fields are those in which the existing event changes, in the words of an import; none: it is as the file has it.
	Fields []string `json:"fields,omitempty"`
	// Gone are the ids of instances of the series that the calendar has without it: they go, since the series has them. Apart are those that stay, as far as
	// it takes to find them in the series: it is written without them.
	Gone  []string         `json:"gone,omitempty"`
	Apart []calendar.Event `json:"apart,omitempty"`
}

// Planner finds out what becomes of the things of a file. It is given first all that the file holds, then all that the calendar holds.
//
// Two are the same when the calendar's carries the mark that a restore of the file's would give it, when both have the same iCalendar UID,
// or the same subject (trimmed, case-folded, not empty), start, end, all-day flag and, of series, rules. An instance of a series has the UID of the series,
// so it is the same as an instance that would have started when it would, and as nothing else. An event is matched by one thing of the
// file only, by the strongest of these reasons: of two that are alike in the file, where the calendar has one, one is still missing.
//
// It keeps some 300 bytes for each thing of the file and the id of each event that is the same as one; where they may be replaced, some 100 more for each of
// the two, to say in which fields they differ.
type Planner struct {
	Settings
	file, calendar reading
	expander       *series.Expander

	things                []thing
	named                 bool // the file is known
	byMark, byUID, byLike index
	byInstance            index      // instances of series, by series and original start
	bySeries              index      // instances of series that the file does not have, by the mark that a copy of the series would have
	taken                 []existing // events that are the same as something in the file
}

// thing is what is known of one thing of the file.
type thing struct {
	uid, like, detail hash // detail is of what it says
	own               hash // of an instance, which has the UID of its series
	key, mark         hash
	series            bool
	outcome           Outcome // empty: still to be decided
	reason            string
	match             int32 // in Planner.taken; -1: none
	strength          uint8
	instance          *instance    // nil: it is no instance of a series that the file does not have
	alone             []alone      // instances of it that the calendar has without the series
	print             *fingerprint // where it may replace something
}

// alone is an instance that the calendar has without its series.
type alone struct {
	id     string
	named  calendar.Event // how the calendar names it
	refuse string         // why it must not be replaced
}

// instance is a changed instance of a series, and what the calendar has of it.
type instance struct {
	named  calendar.Event // how the file names it
	series string         // id of the series in the calendar; empty: it is not there
	at     time.Time      // original start
	refuse string         // why it must not be replaced
	print  *fingerprint   // of what the calendar has

	missing string // why the series does not have it
}

// The reasons why two are the same, the strongest last.
const (
	alike = iota + 1
	sameUID
	sameMark
)

// existing is what is known of an event of the calendar.
type existing struct {
	id       string
	change   string    // key of the last change
	modified time.Time // the last change; zero: nobody says
	like     hash
	series   bool
	ours     bool   // carries the mark of the thing that takes it
	refuse   string // why it must not be replaced
	print    *fingerprint
	taken    bool
}

// NewPlanner returns a planner. file and calendar find the zones that are defined nowhere but in them.
func NewPlanner(s Settings, file, existing series.Zones) *Planner {
	p := &Planner{Settings: s, file: reading{file, s.Zone}, calendar: reading{existing, s.Zone}}
	if p.periodical() {
		p.expander = series.NewExpander(s.From, s.To, file)
		if s.Zone != nil {
			p.expander.In(s.Zone)
		}
	}
	return p
}

func (s *Settings) periodical() bool { return !s.From.IsZero() || !s.To.IsZero() }

// Incoming gives the planner the next thing of the file.
func (p *Planner) Incoming(k *calendar.Kept) {
	if k.Aside != nil {
		p.things = append(p.things, thing{uid: hashOf("aside", k.Event.ID, k.Event.ICalUID), match: -1, outcome: SetAside, reason: k.Aside.Detail})
		return
	}
	t := thing{series: k.Event.Type == calendar.Master, match: -1, detail: p.file.detail(&k.Event)}
	var err error
	if t.like, err = p.file.likeness(&k.Event); err == nil {
		err = p.file.check(k)
	}
	if k.Event.ICalUID != "" {
		t.uid = hashOf("uid", k.Event.ICalUID)
	}
	if lone(&k.Event) {
		t.instance = &instance{named: naming(&k.Event)}
		t.own = instanceHash(&k.Event)
	}
	in := true
	if err == nil && p.expander != nil {
		in, err = p.within(k)
	}
	switch {
	case err != nil:
		t.outcome, t.reason = Failed, err.Error()
	case !in:
		t.outcome = Outside
	}
	if t.outcome == "" && p.replaces() {
		fitting := *k
		if p.Outlook {
			fitting.FitOutlook()
		}
		own, _ := belonging(&fitting, p.file.zones)
		print := comparing{reading: p.file}.of(&fitting, own, nil)
		t.print = &print
	}
	p.things = append(p.things, t)
}

// replaces says whether an event of the calendar may be replaced.
func (p *Planner) replaces() bool { return p.Policy == Replace || p.Only != nil || len(p.Begun) > 0 }

// was is the fingerprint of an event of the calendar; nil where nothing is replaced.
func (p *Planner) was(k *calendar.Kept) *fingerprint {
	if !p.replaces() {
		return nil
	}
	print := comparing{reading: p.calendar, raw: true}.of(k, k.Exceptions, nil)
	return &print
}

// lone says whether an event is an instance of a series that is not where it is.
func lone(e *calendar.Event) bool { return e.Type == calendar.Exception && e.ICalUID != "" }

func instanceHash(e *calendar.Event) hash {
	return hashOf("instance", e.ICalUID, stamp(e.OriginalStart))
}

// naming is what of an instance says which one of its series it is.
func naming(e *calendar.Event) calendar.Event {
	return calendar.Event{ICalUID: e.ICalUID, RecurrenceID: e.RecurrenceID, OriginalStart: e.OriginalStart, StartZone: e.StartZone, AllDay: e.AllDay}
}

// name gives each thing of the file its key and its mark, when all are known: a thing is known by its UID, or without one by what it says. Where
// several are known by the same, what they say tells the first from the second, so that the order of the file does not matter.
func (p *Planner) name() {
	if p.named {
		return
	}
	p.named = true
	order := p.order(func(s, t *thing) int {
		a, b := s.identity(), t.identity()
		return cmp.Or(slices.Compare(a[:], b[:]), slices.Compare(s.detail[:], t.detail[:]))
	})
	nth, last := 0, hash{}
	for _, i := range order {
		t := &p.things[i]
		identity := t.identity()
		if nth++; identity != last {
			nth, last = 0, identity
		}
		t.key = hashOf("key", string(identity[:]), strconv.Itoa(nth))
		t.mark = markHash(p.Scope, t.key)
	}
	for _, x := range []*index{&p.byMark, &p.byUID, &p.byLike, &p.byInstance, &p.bySeries} {
		*x = newIndex(len(order))
	}
	for i := range p.things {
		t := &p.things[i]
		if t.outcome != "" {
			continue
		}
		p.byMark.add(t.mark, int32(i))
		if t.instance != nil && p.Policy != Duplicate {
			p.bySeries.add(markHash(p.Scope, hashOf("key", string(t.uid[:]), "0")), int32(i))
		}
		if p.Policy != Duplicate {
			p.byUID.add(t.uid, int32(i))
			p.byInstance.add(t.own, int32(i))
			p.byLike.add(t.like, int32(i))
		}
	}
}

func (t *thing) identity() hash {
	if t.own != (hash{}) {
		return t.own
	}
	if t.uid != (hash{}) {
		return t.uid
	}
	return t.detail
}

// none is the outcome of a thing that the plan is not about.
const none Outcome = "none"

// within says whether the period has anything of k: an event by itself that starts in it or overlaps it, a series with an instance that does.
func (p *Planner) within(k *calendar.Kept) (bool, error) {
	if k.Event.Type == calendar.Master {
		return p.expander.Happens(k.Event, k.Exceptions)
	}
	return p.expander.Contains(k.Event)
}

// Existing gives the planner the next event of the calendar, and returns whether it is the same as something in the file.
func (p *Planner) Existing(k *calendar.Kept) bool {
	p.name()
	e := existing{id: k.Event.ID, change: k.Event.ChangeKey, modified: k.Event.LastModified, series: k.Event.Type == calendar.Master}
	if p.Notifies && notifies(k) {
		e.refuse = reasonInvited
	}
	if k.Event.Mark != "" && !strings.HasPrefix(k.Event.Mark, markPrefix) {
		e.refuse = reasonArchive
	}
	at, same := int32(len(p.taken)), false
	claim := func(in *index, key hash, strength uint8) {
		for i := range in.all(key) {
			t := &p.things[i]
			if strength == sameUID && in == &p.byUID && (t.instance != nil || lone(&k.Event)) {
				same = p.related(t, k, e.refuse) || same
				continue
			}
			same = true
			if strength > t.strength || strength == t.strength && e.id < p.taken[t.match].id {
				t.match, t.strength = at, strength
			}
		}
	}
	if mark, ok := parseMark(k.Event.Mark); ok {
		claim(&p.byMark, mark, sameMark)
		for i := range p.bySeries.all(mark) {
			if same = true; e.series {
				p.find(p.things[i].instance, k, e.refuse)
			}
		}
	}
	if k.Event.ICalUID != "" {
		claim(&p.byUID, hashOf("uid", k.Event.ICalUID), sameUID)
		if lone(&k.Event) {
			claim(&p.byInstance, instanceHash(&k.Event), sameUID)
		}
	}
	// One whose times cannot be read is like no other.
	e.like, _ = p.calendar.likeness(&k.Event)
	for range p.byLike.all(e.like) {
		same = true
		break
	}
	if same {
		e.print = p.was(k)
		p.taken = append(p.taken, e)
	}
	return same
}

// related notes that one of two that have a UID in common is an instance of the other, and says whether that is so.
func (p *Planner) related(t *thing, k *calendar.Kept, refuse string) bool {
	switch {
	case t.instance != nil && k.Event.Type == calendar.Master:
		p.find(t.instance, k, refuse)
	case t.series && lone(&k.Event):
		t.alone = append(t.alone, alone{id: k.Event.ID, named: naming(&k.Event), refuse: refuse})
	default:
		return false
	}
	return true
}

// find notes which instance of a series of the calendar the file means.
func (p *Planner) find(in *instance, k *calendar.Kept, refuse string) {
	in.series, in.refuse, in.missing, in.print = k.Event.ID, refuse, "", nil
	at, err := series.Place(&in.named, &k.Event, p.calendar.zones)
	if err != nil {
		in.missing = err.Error()
		return
	}
	in.at = at
	slot := originalDay(&k.Event, at)
	here := func(e calendar.Event) bool { return originalDay(&k.Event, e.OriginalStart) == slot }
	if i := slices.IndexFunc(k.Exceptions, here); i >= 0 {
		if out, err := series.Excludes(&k.Event, at, p.calendar.zones); err == nil && !out {
			in.print = p.was(&calendar.Kept{Event: k.Exceptions[i]})
			return
		}
	}
	events, err := series.Expand(k.Event, nil, at.Add(-edge), at.Add(edge), p.calendar.zones)
	i := slices.IndexFunc(events, here)
	if err != nil || i < 0 {
		in.missing = fmt.Sprintf(reasonNoInstance, at.UTC().Format(time.RFC3339))
		return
	}
	in.print = p.was(&calendar.Kept{Event: events[i]})
}

const (
	reasonNoInstance = "its series is in the calendar, and has no instance at %s; restore the series, or use the policy duplicate"

	reasonInvited = "replacing it would send messages to the people who were invited to it; restore it with the policy skip or duplicate"
	reasonBegun   = "an earlier restore stopped while it wrote it"
	reasonArchive = "it is a copy that the ledger of an archive keeps; restore into another calendar, or with the policy skip or duplicate"
)

// notifies says whether Exchange would tell people that the event, or one of its instances, changed or is gone.
func notifies(k *calendar.Kept) bool {
	if k.Event.IsOrganizer && len(k.Event.Attendees) > 0 {
		return true
	}
	return slices.ContainsFunc(k.Exceptions, func(e calendar.Event) bool {
		return (e.IsOrganizer || k.Event.IsOrganizer) && len(e.Attendees) > 0
	})
}

// Forget drops what the planner was given of the calendar, so that it can be given anew.
func (p *Planner) Forget() {
	p.taken = nil
	for i := range p.things {
		p.things[i].match, p.things[i].strength, p.things[i].alone = -1, 0, nil
		if in := p.things[i].instance; in != nil {
			in.series, in.at, in.refuse, in.missing, in.print = "", time.Time{}, "", "", nil
		}
	}
}

// Items decides, and hands each thing's item to each, in the order of the file.
func (p *Planner) Items(each func(Item) error) error {
	p.name()
	p.assign()
	for i := range p.things {
		if err := each(p.item(&p.things[i])); err != nil {
			return err
		}
	}
	return nil
}

// assign gives each event to one thing: to the one that it is the same as for the strongest reason, and among those that are merely alike
// in an order that does not depend on that of file and calendar.
func (p *Planner) assign() {
	order := p.order(func(s, t *thing) int {
		return cmp.Or(cmp.Compare(t.strength, s.strength), slices.Compare(s.mark[:], t.mark[:]))
	})
	free := map[hash][]int32{} // events by what they are like
	for i := range p.taken {
		if p.taken[i].like != (hash{}) {
			free[p.taken[i].like] = append(free[p.taken[i].like], int32(i))
		}
	}
	for _, list := range free {
		slices.SortFunc(list, func(a, b int32) int { return strings.Compare(p.taken[b].id, p.taken[a].id) })
	}
	for _, i := range order {
		t := &p.things[i]
		if t.outcome != "" || t.instance != nil && t.instance.series != "" {
			continue
		}
		if t.strength > alike && !p.taken[t.match].taken {
			p.take(t, t.match)
			continue
		}
		t.match, t.strength = -1, 0
		if p.Policy == Duplicate || t.like == (hash{}) {
			continue
		}
		list := free[t.like]
		for len(list) > 0 && p.taken[list[len(list)-1]].taken {
			list = list[:len(list)-1]
		}
		if len(list) > 0 {
			p.take(t, list[len(list)-1])
			t.strength = alike
			list = list[:len(list)-1]
		}
		free[t.like] = list
	}
}

// order returns the things of the file in an order.
func (p *Planner) order(compare func(s, t *thing) int) []int32 {
	order := make([]int32, len(p.things))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return compare(&p.things[a], &p.things[b]) })
	return order
}

func (p *Planner) take(t *thing, event int32) {
	t.match = event
	p.taken[event].taken, p.taken[event].ours = true, t.strength == sameMark
}

func (p *Planner) item(t *thing) (it Item) {
	it = Item{Key: t.key.String(), Outcome: t.outcome, Reason: t.reason}
	if p.Only != nil && !p.Only[it.Key] {
		return Item{Key: it.Key, Outcome: none}
	}
	if t.outcome != "" {
		return it
	}
	if in := t.instance; in != nil && in.series != "" {
		it.Existing, it.Instance = in.series, in.at
		switch {
		case in.missing != "":
			it.Outcome, it.Reason = Refused, in.missing
		case p.Policy != Replace:
			it.Outcome = Skipped
		case in.refuse != "":
			it.Outcome, it.Reason = Refused, in.refuse
		default:
			it.Outcome, it.Fields = Replaced, changed(in.print, t.print)
		}
		return it
	}
	defer func() {
		if it.Outcome == Created || it.Outcome == Replaced {
			p.beside(t, &it)
		}
	}()
	if t.match < 0 {
		it.Outcome = Created
		return it
	}
	e := &p.taken[t.match]
	it.Existing, it.Ours = e.id, e.ours
	begun, known := p.Begun[it.Key]
	unfinished := known && e.ours && begun.ChangeKey != e.change
	switch {
	case p.Policy != Replace && !unfinished && (p.Only == nil || !e.ours): // else it was begun by the run whose failed items are tried again
		it.Outcome = Skipped
	case e.refuse != "":
		it.Outcome, it.Reason = Refused, e.refuse
	default:
		it.Outcome, it.Switch, it.Fields = Replaced, e.series != t.series, changed(e.print, t.print)
		if e.ours && t.series {
			it.ChangeKey = e.change
		}
		if t.series && e.series {
			it.Before = e.modified
		}
		if unfinished {
			it.Reason = reasonBegun
		}
		if unfinished && p.Policy == Replace && p.replaceable(begun.Replaces) {
			it.Leftover = begun.Replaces
		}
	}
	return it
}

// beside decides about the instances of a series that the calendar has without it.
func (p *Planner) beside(t *thing, it *Item) {
	for _, one := range t.alone {
		if p.Policy == Replace && one.refuse == "" {
			it.Gone = append(it.Gone, one.id)
		} else {
			it.Apart = append(it.Apart, one.named)
		}
	}
}

// replaceable says whether the event of that id is the same as something in the file, was taken by nothing, and may go.
func (p *Planner) replaceable(id string) bool {
	return id != "" && slices.ContainsFunc(p.taken, func(e existing) bool { return e.id == id && !e.taken && e.refuse == "" })
}

// errUnbalanced is the failure of a run whose sums do not balance.
func errUnbalanced(c Counts) error {
	return fault.Wrap(fault.Internal, fmt.Errorf("the sums do not balance: %s", c))
}
