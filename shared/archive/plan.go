// Package archive decides what of a calendar goes into its archive, and carries out that decision.
//
// A Plan is pure: the same Input gives the same plan, in whatever order its parts come. An Attempt reads and writes the ledger and the archive
// calendar, and nothing else changes them. Each kind of run uses an Attempt; Runner is the one for archive runs.
package archive

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
)

// Purpose says what an archive is for.
type Purpose string

const (
	General   Purpose = "general"   // everything, whatever its status
	Timesheet Purpose = "timesheet" // what somebody pays for or has to account for, and travel
)

// Policy says what becomes of appointments that share time.
type Policy string

const (
	Keep    Policy = "keep"    // archive all of them and report the overlap
	Ask     Policy = "ask"     // leave it to the user
	Resolve Policy = "resolve" // the higher rank wins; equal ranks are the user's to decide
)

// OnDrift says what becomes of an appointment whose source changed after it was archived.
type OnDrift string

const (
	AskOnDrift    OnDrift = "ask"
	AcceptOnDrift OnDrift = "accept" // append a new version, unless it would collide with others
)

// Settings is the part of an archive config that a plan depends on.
type Settings struct {
	Zone           *time.Location
	Purpose        Purpose
	Overlaps       Policy
	AllDayOverlaps bool // all-day appointments take part in overlaps
	OnDrift        OnDrift
	// Version is that of the plan. No config has it: a flag decides.
	Version Version
}

// Version is a version of the plan. The zero one is in force.
type Version int

const (
	First Version = iota
	// Alike takes events at the same time for duplicates also where letters or white space within their subjects are written otherwise: programs write
	// "ü" as one character or as two, and a space that does not break a line as another one.
	Alike
)

// Outcome is the bucket that an event ends in; each event is in exactly one.
type Outcome string

const (
	Archived   Outcome = "archived"   // new in the archive
	Unchanged  Outcome = "unchanged"  // in the archive already, and the source is the same
	Merged     Outcome = "merged"     // a duplicate of the event By
	Absorbed   Outcome = "absorbed"   // a modification that changed the event By
	Superseded Outcome = "superseded" // collides with the event By, which ranks higher
	Conflicted Outcome = "conflicted" // collides, and the user has to decide
	Excluded   Outcome = "excluded"   // does not belong into this archive, for Reason
	Drifted    Outcome = "drifted"    // archived, and changed in the source since
	Vanished   Outcome = "vanished"   // archived, and no longer in the source; counted apart
	Created    Outcome = "created"    // the user made it by a decision, and it has no source; counted apart
)

// Outcomes lists all of them in the order in which they are reported.
var Outcomes = []Outcome{Archived, Unchanged, Merged, Absorbed, Superseded, Conflicted, Excluded, Drifted, Vanished, Created}

// Reasons for exclusion, those for being superseded, and the one for what the user decided.
const (
	ReasonInvalidTime     = calendar.InvalidTime
	ReasonUnreadable      = calendar.Unreadable // set aside where its file was read
	ReasonOutsideWindow   = "outside_window"
	ReasonSeriesMaster    = "series_master"
	ReasonOwnCopy         = "own_copy" // a copy that we wrote ourselves, found in a source calendar
	ReasonOrphan          = "orphan_modification"
	ReasonCancelled       = "cancelled"
	ReasonDeclined        = "declined"
	ReasonFree            = "free"
	ReasonPersonal        = "personal"
	ReasonInvalidCategory = "invalid_category"
	ReasonRank            = "rank"
	ReasonDecision        = "decision" // the user decided so
)

// Item is what the plan decided about one event.
type Item struct {
	EventID     string
	Key         string // source key: iCalUId and original start, else the id
	Hash        string // content hash, see contentHash
	Outcome     Outcome
	Reason      string
	By          string // id of the event that merged, absorbed or superseded this one
	ByKey       string // source key of that event
	Decision    string // id of the decision that put the event into its bucket
	Verdict     decision.Word
	Appointment calendar.Appointment
	Changes     []ledger.Change
	Issues      []string

	Body  *calendar.Body  // the text that a decision gave it; nil: the source's
	Event *calendar.Event // the source; nil for a vanished and for a created one
	Held  *Standing       // what the archive holds, for unchanged, drifted and vanished ones, and whatever is decided
	// Accept says of what is held that Appointment takes its place without asking: the config or a decision says so.
	Accept bool
	out    bool // a decision leaves nothing of it standing
}

// Standing is the newest that the ledger has about one source key: that it is archived, that the user decided to keep it out, or that it waits for the
// user's decision.
type Standing struct {
	Key        string
	Lineage    string         // see ledger.Lineage; empty: not known
	SourceHash string         // content hash of the source that it was made from
	Outcome    ledger.Outcome // ledger.Archived, ledger.Declined, ledger.Withdrawn or ledger.Conflicted
	Decision   string         // id of the decision that made it so
	EventID    string         // of the source
	// Appointment is what the archive has, or would have if the user had not kept it out.
	Appointment calendar.Appointment
	// Source is the event that it was made from; nil: not known.
	Source *calendar.Event
}

// single says whether the source is known to be no instance of a series. Then its iCalUId alone identifies it, wherever it moves.
func (s *Standing) single() bool { return s.Lineage != "" && s.Lineage != s.Key }

// Overlap is a group of appointments that are connected by sharing time.
type Overlap struct {
	EventIDs []string `json:"event_ids"`
	Outcome  string   `json:"outcome"` // OverlapKept, OverlapResolved or OverlapConflict
}

const (
	OverlapKept     = "kept"
	OverlapResolved = "resolved"
	OverlapConflict = "conflict"
)

// Action is something that the user has to decide.
type Action struct {
	Kind     string   `json:"kind"`
	EventIDs []string `json:"event_ids"` // sorted, each once
	Seen     []Seen   `json:"seen"`      // what the action is about, by key, each once
	Detail   string   `json:"detail"`
	Rule     Rule     `json:"-"` // that asked
}

// Seen is the version of a source that the user sees when deciding about it.
type Seen = decision.Seen

const (
	ActionOverlap        = "overlap"
	ActionDrift          = "drift"
	ActionOrphan         = "orphan_modification"
	ActionNoCategory     = "missing_category" // of an archive run alone, see askForCategories
	ActionShrunkWindow   = "shrunk_window"
	ActionArchiveMissing = "archive_missing"
	ActionStale          = "stale_decision"  // the source changed since the decision about it
	ActionRetention      = "retention"       // many are missing from the source at once
	ActionKeysChanged    = "keys_changed"    // see action.KeysChanged
	ActionUnreadable     = "unreadable_days" // see action.UnreadableDays
)

// Counts is how many events ended in each bucket.
type Counts struct {
	Fetched    int `json:"fetched"`
	Archived   int `json:"archived"`
	Unchanged  int `json:"unchanged"`
	Merged     int `json:"merged"`
	Absorbed   int `json:"absorbed"`
	Superseded int `json:"superseded"`
	Conflicted int `json:"conflicted"`
	Excluded   int `json:"excluded"`
	Drifted    int `json:"drifted"`
	Vanished   int `json:"vanished"`
	Created    int `json:"created,omitempty"`
}

// Of returns the counter of an outcome.
func (c *Counts) Of(o Outcome) *int {
	switch o {
	case Archived:
		return &c.Archived
	case Unchanged:
		return &c.Unchanged
	case Merged:
		return &c.Merged
	case Absorbed:
		return &c.Absorbed
	case Superseded:
		return &c.Superseded
	case Conflicted:
		return &c.Conflicted
	case Excluded:
		return &c.Excluded
	case Drifted:
		return &c.Drifted
	case Vanished:
		return &c.Vanished
	case Created:
		return &c.Created
	}
	panic("archive: unknown outcome " + string(o))
}

// Balanced says whether every fetched event is in exactly one bucket: nothing lost, doubled or invented.
func (c Counts) Balanced() bool {
	return c.Fetched == c.Archived+c.Unchanged+c.Merged+c.Absorbed+c.Superseded+c.Conflicted+c.Excluded+c.Drifted
}

// Plan is what an archive run would do, and why.
type Plan struct {
	Window   calendar.Window
	Counts   Counts
	Items    []Item // by start, then event id
	Overlaps []Overlap
	Actions  []Action
	Issues   []string // of decisions that are about nothing here
	Void     []Void   // the verdicts that do not hold, by decision and key
	// Rules says what each of the user's rules did, in their order; nil: there are none.
	Rules []RuleUse
}

// Void is a verdict that does not hold.
type Void struct {
	Decision, Key string
	Why           string
}

// Balanced says whether the plan's sums balance.
func (p *Plan) Balanced() bool { return p.Counts.Balanced() }

// candidate is one event on its way through the steps.
type candidate struct {
	*Item
	at       int          // its item's place among the planner's
	modifies modification // what kind of modification it is, if any
	merged   []*candidate // its duplicates
	held     *Standing    // what the archive holds under its key, also when it ends in another bucket
	by       party        // what merged, absorbed or superseded it
	void     bool         // there is a verdict about it that does not hold
	ruled    *ruled       // what the user's rules make of it; nil: none matches
}

// party is what a plan can name: a candidate, or what the archive holds.
type party interface {
	id() string
	seen() Seen
}

func (c *candidate) id() string { return c.EventID }

func (c *candidate) seen() Seen { return Seen{Key: c.Key, Hash: c.Hash} }

func (s *Standing) id() string { return s.EventID }

func (s *Standing) seen() Seen { return Seen{Key: s.Key, Hash: s.SourceHash} }

// give puts the candidate into a bucket, and notes the other one that is the reason.
func (c *candidate) give(o Outcome, reason string, to party) {
	c.Outcome, c.Reason, c.By, c.by = o, reason, to.id(), to
}

// compare orders candidates by start, then id, then by all else that a plan can show. So no step depends on the order of the input, even where
// a source lists one id several times.
func compare(a, b *candidate) int {
	if order := a.Appointment.Start.Compare(b.Appointment.Start); order != 0 {
		return order
	}
	if order := strings.Compare(a.EventID, b.EventID); order != 0 {
		return order
	}
	return cmp.Or(
		strings.Compare(a.Hash, b.Hash), strings.Compare(a.Reason, b.Reason), slices.Compare(a.Issues, b.Issues),
		strings.Compare(a.Event.ICalUID, b.Event.ICalUID), a.Event.OriginalStart.Compare(b.Event.OriginalStart),
		a.Event.LastModified.Compare(b.Event.LastModified), strings.Compare(a.Event.ChangeKey, b.Event.ChangeKey),
	)
}

func (c *candidate) exclude(reason string) { c.Outcome, c.Reason = Excluded, reason }

// decided says whether a step has put the candidate into a bucket.
func (c *candidate) decided() bool { return c.Outcome != "" }

// planner carries the candidates from step to step.
type planner struct {
	Settings
	window   calendar.Window
	start    time.Time // of the window
	end      time.Time
	items    []Item                   // of the candidates
	all      []*candidate             // in the order of compare
	held     []*Standing              // by key; what the archive holds
	matched  map[*Standing]*candidate // the source of each one that is held
	vanished []*Standing              // held ones that are no longer in the source
	waiting  []*Standing              // what waits for the user on days before the window
	copies   map[string]bool          // see Input
	locks    ledger.Locks
	replace  bool
	overlaps []Overlap
	actions  []Action
	out      []*Standing // what a decision keeps out
	decided  decided
	rules    []rule.Rule
}

// Input is all that a plan depends on.
type Input struct {
	Events   []calendar.Event
	Window   calendar.Window
	Settings Settings
	// Rules are the user's rules; nil: there are none.
	Rules    *rule.Set
	Standing []Standing // one for each source key
	// Aside is what of a file could not be read; it is excluded with its reason.
	Aside []calendar.Aside
	// Decisions are those that count, the oldest first, as decision.Check lets them pass. Of several about one key the last one counts.
	Decisions []decision.Decision
	// Copies are the ids of the copies that the ledger wrote. An event with our mark and another id is the user's, who copied a copy: Outlook copies all
	// properties. Nil: they are not known, and the mark alone counts.
	Copies map[string]bool
	// Hidden are the ids of events that are in the source, which does not show them.
	Hidden map[string]bool
	// Replace takes what is made of an unchanged source otherwise now, say because of the config, for a change that is accepted.
	Replace bool
	// Locks are the days on which a changed source changes nothing of what is archived without asking.
	Locks ledger.Locks
	// Unread are the days that the source could not read; nil: none.
	Unread *calendar.Unread
	// Modified has, by the id of an event, the changes of its times by modifications that are not among the events: those which the ledger knows.
	Modified map[string][]ledger.Change
}

// NewPlan decides about every event. It neither reads nor writes anything, and keeps events and standing for the plan's items.
// The cost is n log n in the number of events, whatever they are.
func NewPlan(in Input) Plan {
	p := &planner{
		Settings: in.Settings, window: in.Window, start: in.Window.Start(), end: in.Window.End(), matched: map[*Standing]*candidate{}, copies: in.Copies,
		locks: in.Locks, replace: in.Replace, decided: decided{decisions: in.Decisions},
	}
	p.normalise(in.Events, in.Aside)
	p.mergeDuplicates()
	p.applyRules(in.Rules)
	p.categorise()
	p.findTravel()
	p.applyModifications()
	p.modifyAgain(in.Modified)
	p.protectPrivacy()
	p.selectByPurpose()
	p.matchLedger(in.Standing)
	p.resolveOverlaps()
	p.findVanished(&in)
	p.askAboutVoid()
	return p.finish()
}

// open returns the candidates that no step has decided yet, in order.
func (p *planner) open() []*candidate {
	open := make([]*candidate, 0, len(p.all))
	for _, c := range p.all {
		if !c.decided() {
			open = append(open, c)
		}
	}
	return open
}

// ask adds an action: something that the user has to decide.
func (p *planner) ask(kind string, rule Rule, detail string, about ...party) {
	a := Action{Kind: kind, Rule: rule, Detail: detail}
	for _, one := range about {
		a.EventIDs, a.Seen = append(a.EventIDs, one.id()), append(a.Seen, one.seen())
	}
	slices.Sort(a.EventIDs)
	a.EventIDs = slices.Compact(a.EventIDs)
	sortSeen(a.Seen)
	a.Seen = slices.Compact(a.Seen)
	p.actions = append(p.actions, a)
}

func sortSeen(seen []Seen) {
	slices.SortFunc(seen, func(s, t Seen) int { return cmp.Or(strings.Compare(s.Key, t.Key), strings.Compare(s.Hash, t.Hash)) })
}

// finish returns the plan with its counts.
func (p *planner) finish() Plan {
	plan := Plan{Window: p.window, Overlaps: p.overlaps, Issues: slices.Sorted(slices.Values(p.decided.issues)), Void: p.decided.void, Rules: p.ruleUses()}
	plan.Counts.Fetched = len(p.all)
	order := make([]int, 0, len(p.all)) // the places of the items, in the plan's order
	for _, c := range p.all {
		order = append(order, c.at)
		if c.by != nil {
			c.ByKey = c.by.seen().Key
		}
		if c.Reason == ReasonOrphan {
			p.ask(ActionOrphan, RuleNoOriginal, fmt.Sprintf("there is no appointment for this %s to change", strings.ReplaceAll(string(c.modifies), "_", " ")), c)
		}
	}
	plan.Items = p.items
	for _, h := range p.vanished {
		plan.Items = append(plan.Items, Item{
			EventID: h.EventID, Key: h.Key, Hash: h.SourceHash, Outcome: Vanished, Appointment: h.Appointment, Held: h, Issues: p.decided.voided[h],
		})
	}
	for _, it := range p.decided.items {
		plan.Items = append(plan.Items, *it)
	}
	for at := len(order); at < len(plan.Items); at++ {
		order = append(order, at)
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &plan.Items[i], &plan.Items[j]
		if order := a.Appointment.Start.Compare(b.Appointment.Start); order != 0 {
			return order
		}
		if order := strings.Compare(a.EventID, b.EventID); order != 0 {
			return order
		}
		return strings.Compare(a.Key, b.Key)
	})
	arrange(plan.Items, order)
	for i := range plan.Items {
		*plan.Counts.Of(plan.Items[i].Outcome)++
	}
	plan.Actions = p.actions
	slices.SortStableFunc(plan.Actions, func(a, b Action) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), slices.Compare(a.EventIDs, b.EventIDs), strings.Compare(a.Detail, b.Detail))
	})
	return plan
}

// arrange puts the items into an order in their place: where there are very many, a second list of them would be most of what a plan needs. order has for
// each place where its item is now, and is of no use afterwards.
func arrange(items []Item, order []int) {
	for first := range order {
		if order[first] == first {
			continue
		}
		moved, to := items[first], first
		for from := order[to]; from != first; from = order[to] {
			items[to] = items[from]
			order[to], to = to, from
		}
		items[to], order[to] = moved, to
	}
}

func (p *planner) inWindow(t time.Time) bool { return !t.Before(p.start) && t.Before(p.end) }

// instant formats a time for changes and keys.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// String returns the counts as text for people.
func (c Counts) String() string {
	text := fmt.Sprintf("fetched %d = "+
		"archived %d + unchanged %d + merged %d + absorbed %d + superseded %d + conflicted %d + excluded %d + drifted %d; vanished %d",
		c.Fetched, c.Archived, c.Unchanged, c.Merged, c.Absorbed, c.Superseded, c.Conflicted, c.Excluded, c.Drifted, c.Vanished)
	if c.Created > 0 {
		text += fmt.Sprintf(", created %d", c.Created)
	}
	return text
}
