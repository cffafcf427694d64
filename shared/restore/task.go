package restore

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// Entry is what became of one thing of the file: the plan of a run's item.
type Entry struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	Subject string  `json:"subject"`
	Start   string  `json:"start,omitempty"` // UTC, or of an all-day event a date; of a series that of its first instance
	End     string  `json:"end,omitempty"`
	AllDay  bool    `json:"all_day,omitempty"`
	Series  bool    `json:"series,omitempty"`
	// Aside is why it was set aside, in the word of an import: unreadable or invalid_time. Line and UID say where it stands in the file.
	Aside string `json:"aside,omitempty"`
	Line  int    `json:"line,omitempty"`
	UID   string `json:"uid,omitempty"`
	// Instance is the original start, UTC, of the one instance of a series that is meant.
	Instance string `json:"instance,omitempty"`
	// Fields are those of the replaced event that change, or changed, in the words of an import; none: it is as the file has it.
	Fields []string `json:"fields,omitempty"`
	// EventID is of the event that was created, or is the same.
	EventID string `json:"event_id,omitempty"`
	// ReplacedID is of the event whose place was taken; as it was, it is in the run's object "before".
	ReplacedID string `json:"replaced_id,omitempty"`
	// RemovedIDs are of instances of the series that were in the calendar without it; as they were, they are in "before", too.
	RemovedIDs []string `json:"removed_ids,omitempty"`
	// Wrote stands for what was written, see fingerprint: what undoing compares with what is there then. Empty: it is not known.
	Wrote string `json:"wrote,omitempty"`
	// FurtherIDs are of changed instances that belong to no occurrence of their series, and were created by themselves.
	FurtherIDs []string `json:"further_ids,omitempty"`
	// Notes are what the calendar does not keep of it, in words for the user; in a dry run what it would not.
	Notes []string `json:"notes,omitempty"`
}

// longestSubject is how much of a subject an item has, in bytes.
const longestSubject = 400

// task is one thing of the file, and what is to be done about it.
type task struct {
	item  Item
	of    string // of one instance that is replaced alone: the id of its series
	kept  calendar.Kept
	draft calendar.Draft
	entry Entry
	done  bool // it is written, or needs no writing
	begun bool // something of it is in the calendar through this run
	// intended says that this attempt noted that its writing begins.
	intended bool
	problem  *run.Problem
}

// one says whether the task replaces one instance of a series alone.
func (t *task) one() bool { return !t.item.Instance.IsZero() }

// newTask returns what is to be done about a thing of the file. A thing of which no draft can be made has failed already.
func (a *attempt) newTask(it Item, k calendar.Kept) (*task, error) {
	apart, err := a.without(&k, it.Apart)
	if err != nil {
		return nil, err
	}
	notes := append(a.fit(&k), apart...)
	t := &task{item: it, kept: k, entry: Entry{Outcome: it.Outcome, Reason: it.Reason, EventID: it.Existing, Series: k.Event.Type == calendar.Master}}
	t.entry.Subject = k.Event.Subject
	if len(t.entry.Subject) > longestSubject {
		t.entry.Subject = k.Event.Subject[:longestSubject] // JSON replaces the half of a character
	}
	if start, end, err := a.drafting.span(&k.Event); err == nil {
		layout := time.RFC3339
		if t.entry.AllDay = k.Event.AllDay; t.entry.AllDay {
			layout = time.DateOnly
		}
		t.entry.Start, t.entry.End = start.UTC().Format(layout), end.UTC().Format(layout)
	}
	if k.Aside != nil {
		t.entry.Aside, t.entry.Line, t.entry.UID = k.Aside.Reason, k.Aside.Line, k.Aside.UID
	}
	if !it.Instance.IsZero() {
		t.entry.Instance = it.Instance.UTC().Format(time.RFC3339)
	}
	switch it.Outcome {
	case Created, Replaced:
	case Failed:
		t.fail(fault.New(fault.Invalid, "%s", it.Reason))
		return t, nil
	default:
		t.done = true
		return t, nil
	}
	mark, err := markOf(a.progress.Scope, it.Key)
	if err != nil {
		return nil, err
	}
	if t.draft, err = a.drafting.draft(&k.Event, mark); err != nil {
		t.fail(err)
		return t, nil
	}
	t.draft.TransactionID = a.transaction(mark)
	t.entry.Notes, t.entry.RemovedIDs, t.entry.Fields, t.entry.Wrote = notes, it.Gone, it.Fields, a.wrote(&k).String()
	if it.Outcome == Replaced {
		t.entry.ReplacedID = cmp.Or(it.Leftover, it.Existing)
	}
	return t, nil
}

// without takes instances out of a series that the calendar keeps apart from it, and says so.
func (a *attempt) without(k *calendar.Kept, apart []calendar.Event) (notes []string, err error) {
	if len(apart) == 0 {
		return nil, nil
	}
	r := *k.Event.Recurrence
	r.Without = slices.Clone(r.Without)
	for i := range apart {
		at, err := series.Place(&apart[i], &k.Event, a.drafting.zones)
		if err != nil {
			return nil, err
		}
		slot := a.fileSlot(&k.Event, at)
		k.Exceptions = slices.DeleteFunc(slices.Clone(k.Exceptions), func(e calendar.Event) bool { return a.fileSlot(&k.Event, e.OriginalStart) == slot })
		r.Without = append(r.Without, series.Without(&k.Event, at))
		notes = append(notes, fmt.Sprintf("the instance of %s stays as the calendar has it", at.UTC().Format(time.RFC3339)))
	}
	k.Event.Recurrence = &r
	return notes, nil
}

// fit makes of a thing of the file what the calendar can keep of it, and says what it cannot.
func (a *attempt) fit(k *calendar.Kept) (notes []string) {
	if a.target.uri.Provider == calendar.ProviderLocal {
		return nil
	}
	return k.FitOutlook()
}

// transaction is what makes creating the event with the mark a single create, however often this run does it. Another run may create
// it anew, after somebody has deleted it.
func (a *attempt) transaction(mark string) string {
	return hashOf("transaction", a.run.ID, mark).String()
}

// writes is about how many events the task writes: a changed instance is one, and so is one that goes.
func (t *task) writes() int {
	if t.done {
		return 0
	}
	n := 1 + len(t.kept.Exceptions)
	if r := t.kept.Event.Recurrence; r != nil {
		n += len(r.Without)
	}
	return n
}

// size is about how much memory the task takes for long texts.
func (t *task) size() int {
	n := len(t.draft.Body.Content)
	for i := range t.kept.Exceptions {
		n += len(t.kept.Exceptions[i].Body.Content)
	}
	return n
}

func (t *task) written(id string) { t.done, t.begun, t.entry.EventID = true, true, id }

func (t *task) fail(err error) {
	if t.done = true; t.problem == nil {
		t.problem = run.NewProblem(err)
	}
}

// outcome is what the task is counted as.
func (t *task) outcome() Outcome {
	if t.problem != nil {
		return Failed
	}
	return t.item.Outcome
}

// runItem is the run's item about the task.
func (t *task) runItem() (run.Item, error) {
	t.entry.Outcome = t.outcome()
	if t.problem != nil {
		t.entry.Reason = t.problem.Detail
	}
	plan, err := json.Marshal(t.entry)
	if err != nil {
		return run.Item{}, fmt.Errorf("store an item: %w", err)
	}
	return run.Item{Key: t.item.Key, Plan: plan, Written: t.begun, Problem: t.problem}, nil
}
