// Package undo knows what taking a run back comes to: which of its items are undone, which are left as they are and why, and what a run of kind undo
// reports. What it takes to undo the runs of a kind is known by whoever carries such runs out, see Undoer.
package undo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// Input is the input of an undo run. Its options' Force undoes also what was changed in the calendar since.
type Input struct {
	// Run is the run that the user wants undone, and Of who undoes it.
	Run string      `json:"run"`
	Of  run.Undoing `json:"of"`
	// Runs are those that are undone, the newest first: Run is the last of them.
	Runs []string `json:"runs"`
	// PlanHash is that of the plan that the user saw; see Plan. A dry run has none.
	PlanHash string `json:"plan_hash,omitempty"`
	// Cascade says that later runs which stand in the way are undone too, those that Runs does not name yet.
	Cascade bool `json:"cascade,omitempty"`
}

// InputOf returns the input of an undo run. Errors are of kind fault.Malformed.
func InputOf(r *run.Run) (in Input, err error) {
	if err := json.Unmarshal(r.Input, &in); err != nil || in.Run == "" || len(in.Runs) == 0 {
		return in, fault.New(fault.Malformed, "what run %s is to undo is unreadable", r.ID)
	}
	return in, nil
}

// Outcome is what becomes of an item.
type Outcome string

const (
	Undone  Outcome = "undone"
	Skipped Outcome = "skipped" // it is left as it is, for a Reason
)

// Step is what undoing does to the calendar.
type Step string

const (
	Removes Step = "removes" // the event that the run created
	Changes Step = "changes" // the event back to what it was
	Creates Step = "creates" // the event anew that the run removed
	Records Step = "records" // nothing: the ledger alone has it
	Gone    Step = "gone"    // nothing: the event is gone already
	Nothing Step = "nothing" // it is left as it is, or undone already
)

// Reason is why an item is left as it is.
type Reason string

const (
	ChangedSince Reason = "changed_since"       // a later run gave it another version
	Altered      Reason = "altered_in_calendar" // the calendar does not show what we wrote
	Locked       Reason = "locked"              // its day is locked
	Approved     Reason = "approved_timesheet"  // its day is on a timesheet that is approved
	Erased       Reason = "erased"              // what it was before is erased
	Adopted      Reason = "adopted"             // another ledger made the copy, so it is not ours to remove
)

// Reasons are all of them, in the order in which they are told.
var Reasons = []Reason{ChangedSince, Altered, Locked, Approved, Erased, Adopted}

// Item is one thing that the run wrote, and what undoing makes of it.
type Item struct {
	Key     string  `json:"key"`
	Outcome Outcome `json:"outcome"`
	Does    Step    `json:"does"`
	Reason  Reason  `json:"reason,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	By      string  `json:"by,omitempty"`
	// Version is the one that stands, and Restores the one that stands again; 0: none.
	Version  int    `json:"version,omitempty"`
	Restores int    `json:"restores,omitempty"`
	Decision string `json:"decision,omitempty"`
	// Stands says that the appointment is archived now.
	Stands bool `json:"-"`

	Appointment calendar.Appointment  `json:"appointment"`
	Becomes     *calendar.Appointment `json:"becomes,omitempty"`
}

// Skip leaves the item as it is.
func (it *Item) Skip(reason Reason, format string, args ...any) {
	it.Outcome, it.Reason, it.Does, it.Detail = Skipped, reason, Nothing, fmt.Sprintf(format, args...)
	it.Becomes = nil
}

// Totals are of items.
type Totals struct {
	Participants int            `json:"participants" doc:"What the run wrote: undone + skipped + failed."`
	Undone       int            `json:"undone"`
	Skipped      int            `json:"skipped" doc:"Left as they are."`
	Failed       int            `json:"failed,omitempty" doc:"The calendar refused."`
	By           map[Reason]int `json:"skipped_by,omitempty" doc:"How many were left as they are for which reason."`
}

// Add counts one item; failed says that the calendar refused it.
func (c *Totals) Add(it *Item, failed bool) {
	c.Participants++
	switch {
	case it.Outcome == Skipped:
		if c.By == nil {
			c.By = map[Reason]int{}
		}
		c.Skipped++
		c.By[it.Reason]++
	case failed:
		c.Failed++
	default:
		c.Undone++
	}
}

// Balanced says whether each item is counted once.
func (c *Totals) Balanced() bool {
	skipped := 0
	for _, n := range c.By {
		skipped += n
	}
	return c.Participants == c.Undone+c.Skipped+c.Failed && skipped == c.Skipped
}

// String says how many were undone, and why others were not: "5 undone, 2 left as they are (1 changed_since, 1 locked)".
func (c *Totals) String() string {
	text := fmt.Sprintf("%d undone", c.Undone)
	if c.Failed > 0 {
		text += fmt.Sprintf(", %d failed", c.Failed)
	}
	if c.Skipped == 0 {
		return text
	}
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(c.By)) {
		why = append(why, fmt.Sprintf("%d %s", c.By[reason], reason))
	}
	return fmt.Sprintf("%s, %d left as they are (%s)", text, c.Skipped, strings.Join(why, ", "))
}

// CustomerHours is how long a customer's timed appointments are, of those that the run wrote.
type CustomerHours struct {
	Customer string `json:"customer" doc:"Empty: appointments of no customer."`
	Before   int64  `json:"before_seconds" doc:"As they stand."`
	After    int64  `json:"after_seconds" doc:"When the run is undone."`
}

// Plan is what undoing would do.
type Plan struct {
	Runs   []string        `json:"runs"`           // that are undone, the newest first
	Later  []string        `json:"later"`          // that wrote later versions of the same, the newest first; with Cascade they are among Runs
	Items  []Item          `json:"items"`          // the newest first
	More   int             `json:"more,omitempty"` // how many items are not shown
	Counts Totals          `json:"counts"`
	Hours  []CustomerHours `json:"hours"`
	Hash   string          `json:"plan_hash"` // of all that the user is shown
}

// NewPlan counts items, and says of hours what becomes of them. Runs and later are sorted.
func NewPlan(runs, later []string, force bool, items []Item) Plan {
	newest := func(ids []string) []string {
		ids = slices.Clone(ids)
		slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
		return slices.Compact(ids)
	}
	p := Plan{Runs: newest(runs), Later: newest(later), Items: items}
	if p.Later == nil {
		p.Later = []string{}
	}
	hours := map[string]*CustomerHours{}
	of := func(a *calendar.Appointment) *CustomerHours {
		if hours[a.Customer] == nil {
			hours[a.Customer] = &CustomerHours{Customer: a.Customer}
		}
		return hours[a.Customer]
	}
	for i := range items {
		it := &items[i]
		p.Counts.Add(it, false)
		var now *calendar.Appointment
		if it.Stands {
			now = &it.Appointment
		}
		then := it.Becomes
		if it.Does == Nothing {
			then = now
		}
		if now != nil && !now.AllDay {
			of(now).Before += int64(now.Duration().Seconds())
		}
		if then != nil && !then.AllDay {
			of(then).After += int64(then.Duration().Seconds())
		}
	}
	p.Hours = []CustomerHours{}
	for _, h := range hours {
		p.Hours = append(p.Hours, *h)
	}
	slices.SortFunc(p.Hours, func(a, b CustomerHours) int { return cmp.Compare(a.Customer, b.Customer) })
	p.Hash = p.hash(force)
	return p
}

// hash stands for all that the user is shown.
func (p *Plan) hash(force bool) string {
	text, err := json.Marshal(struct {
		Runs  []string
		Force bool
		Items []Item
	}{p.Runs, force, p.Items})
	if err != nil {
		panic("undo: " + err.Error()) // plain data
	}
	sum := sha256.Sum256(append([]byte("undo-plan/1\n"), text...))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Result is what an undo run reports.
type Result struct {
	Runs     []string        `json:"runs" doc:"The runs that were undone, the newest first."`
	Later    []string        `json:"later,omitempty" doc:"Of a dry run: later runs that stand in the way; with cascade they are undone first."`
	PlanHash string          `json:"plan_hash,omitempty" doc:"Of a dry run: to be given when it is carried out."`
	Counts   Totals          `json:"counts"`
	Balanced bool            `json:"balanced"`
	Written  int             `json:"written" doc:"Events of the calendar that were removed, changed or created."`
	Hours    []CustomerHours `json:"hours,omitempty"`
	// Decisions no longer count, since the versions that they made are undone.
	Decisions []string `json:"decisions,omitempty" doc:"Decisions that were taken back."`

	LedgerDamaged bool     `json:"ledger_damaged,omitempty" doc:"The ledger is not what was written. Nothing was added to it."`
	Link          string   `json:"link,omitempty" doc:"Hash of the run's link in the ledger's chain."`
	Cost          run.Cost `json:"cost"`
}

// Wrote is how many events of the calendar the run removed, changed or created.
func (r *Result) Wrote() int { return r.Written }

// Sums says how many were undone, and why others were not.
func (r *Result) Sums() string { return r.Counts.String() }
