// Package importing decides what becomes of the events of a file in a calendar, and says so. It is pure: it reads and writes nothing.
//
// An event is identified by its UID, an instance of a series by its original start as well; which of two revisions is newer, SEQUENCE says and then DTSTAMP
// (RFC 5545, section 3.8.7.4; RFC 5546, section 2.1.5). What a file does not name stays as it is.
package importing

import (
	"fmt"
	"time"

	"adminassistant/shared/calendar"
)

// Options say how a file is imported.
type Options struct {
	// DryRun writes nothing, and reports what would be written.
	DryRun bool
	// Strict imports all of the file or nothing: an event that would be set aside is an error.
	Strict bool
	// Mirror removes what the file does not have, but for what carries a mark. Whatever would be set aside is an error then: it is not known what it was.
	Mirror bool
}

// Outcome says what became of an event.
type Outcome string

const (
	Added     Outcome = "added"
	Changed   Outcome = "changed"
	Unchanged Outcome = "unchanged"
	Older     Outcome = "older"    // the calendar has a newer revision, which stays
	Excluded  Outcome = "excluded" // a change of an instance that its series leaves out, which is no event
	// Removed is an instance in the calendar that is older than the series in the file, or that the series leaves out; of a mirror also what the file lacks.
	Removed Outcome = "removed"
)

// Imported is what became of one event: a series or a single event, or one changed instance.
type Imported struct {
	UID      string   `json:"uid"`
	Instance string   `json:"instance,omitempty" doc:"Of a changed instance: when the series would have it begin, an instant in UTC or a date."`
	Subject  string   `json:"subject"`
	Outcome  Outcome  `json:"outcome" enum:"added,changed,older,excluded,removed"`
	Fields   []string `json:"fields,omitempty" doc:"Of a changed one: what differs."`
}

// Unit is what an import changes together: an event, or a series, its master first, with its changed instances.
type Unit struct {
	ID string // in the calendar
	// Was is what the calendar had, and Is what it has since; none: there was none, or is none.
	Was, Is []calendar.Event
}

// Report is the account of an import. Each event of the file is in exactly one of the sums but Removed, whose events are in the calendar alone.
type Report struct {
	Total     int              `json:"total" doc:"Events in the file, a series and each of its changed instances as one."`
	Added     int              `json:"added" doc:"Events that were not there before."`
	Changed   int              `json:"changed" doc:"Events that were there already and differed."`
	Unchanged int              `json:"unchanged" doc:"Events that were there already and are the same."`
	Older     int              `json:"older" doc:"Events of which the calendar has a newer revision, which stays."`
	Excluded  int              `json:"excluded" doc:"Changes of instances that their series leaves out, which are no events."`
	SetAside  int              `json:"set_aside" doc:"Events that could not be imported."`
	Removed   int              `json:"removed" doc:"What is gone from the calendar: instances that a newer series lacks; of a mirror also what the file lacks."`
	Items     []Imported       `json:"items" nullable:"false" doc:"All but the unchanged ones, in the order of the file."`
	Aside     []calendar.Aside `json:"aside" nullable:"false" doc:"What was set aside, and why."`
	DryRun    bool             `json:"dry_run" doc:"Nothing was written."`
}

// Add counts what became of events.
func (r *Report) Add(items ...Imported) {
	for _, it := range items {
		switch it.Outcome {
		case Added:
			r.Added++
		case Changed:
			r.Changed++
		case Unchanged:
			r.Unchanged++
		case Older:
			r.Older++
		case Excluded:
			r.Excluded++
		case Removed:
			r.Removed++
		}
		if it.Outcome != Removed {
			r.Total++
		}
		if it.Outcome != Unchanged {
			r.Items = append(r.Items, it)
		}
	}
}

// PutAside counts what was set aside.
func (r *Report) PutAside(aside ...calendar.Aside) {
	r.Total += len(aside)
	r.SetAside += len(aside)
	r.Aside = append(r.Aside, aside...)
}

// String is the sums in words.
func (r Report) String() string {
	events := "events"
	if r.Total == 1 {
		events = "event"
	}
	text := fmt.Sprintf("%d %s in the file: %d added, %d changed, %d unchanged", r.Total, events, r.Added, r.Changed, r.Unchanged)
	for _, further := range []struct {
		n    int
		word string
	}{{r.Older, "older than what is there"}, {r.Excluded, "excluded by their series"}, {r.SetAside, "set aside"}} {
		if further.n > 0 {
			text += fmt.Sprintf(", %d %s", further.n, further.word)
		}
	}
	if r.Removed > 0 {
		text += fmt.Sprintf("; %d removed from the calendar", r.Removed)
	}
	return text
}

// Gone is what became of events that are removed.
func Gone(events []calendar.Event) (items []Imported) {
	for i := range events {
		items = append(items, item(&events[i], Removed))
	}
	return items
}

// item is what became of e.
func item(e *calendar.Event, outcome Outcome, fields ...string) Imported {
	it := Imported{UID: e.ICalUID, Subject: e.Subject, Outcome: outcome, Fields: fields}
	if e.Type == calendar.Exception {
		layout := time.RFC3339
		if e.AllDay && e.OriginalStart.Equal(e.OriginalStart.Truncate(24*time.Hour)) {
			layout = time.DateOnly
		}
		it.Instance = e.OriginalStart.UTC().Format(layout)
	}
	return it
}
