package archive

import (
	"crypto/sha256"
	"fmt"

	"adminassistant/shared/calendar"
)

// FindingKind says what is wrong with a copy, or with an event in the archive calendar.
type FindingKind string

const (
	Missing         FindingKind = "missing"          // the ledger has it, and there is no copy
	Altered         FindingKind = "altered"          // the copy shows something else
	DuplicateCopy   FindingKind = "duplicate_copy"   // an event with a mark of ours that is not the copy: somebody copied that
	OrphanCopy      FindingKind = "orphan_copy"      // a copy that we wrote of what the ledger does not have in the archive any more
	Foreign         FindingKind = "foreign"          // an event without a mark of this ledger
	CalendarMissing FindingKind = "calendar_missing" // there is no archive calendar, though the ledger holds appointments in it
	Unsettled       FindingKind = "unsettled"        // a run was interrupted, and it is unknown whether the copy is there
)

// FindingKinds lists all of them.
var FindingKinds = []FindingKind{Missing, Altered, DuplicateCopy, OrphanCopy, Foreign, CalendarMissing, Unsettled}

// Finding is a difference between the ledger and the archive calendar.
type Finding struct {
	ID      string      `json:"id"` // short, the same in every run that finds it
	Outcome FindingKind `json:"outcome"`
	Key     string      `json:"key,omitempty"`      // of the ledger
	Version int         `json:"version,omitempty"`  // that stands
	EventID string      `json:"event_id,omitempty"` // in the archive calendar
	// Appointment is what the ledger has; of what it does not have, what the calendar shows.
	Appointment calendar.Appointment `json:"appointment"`
	Differences []Difference         `json:"differences,omitempty"`
	Detail      string               `json:"detail,omitempty"`
	// Done says what a repair made of it; see Repaired.
	Done   Repaired `json:"done,omitempty"`
	Reason string   `json:"reason,omitempty"` // why it was left

	held  *held           // nil: the ledger has nothing that stands
	event *calendar.Event // nil: there is none, or it was not read
}

// Difference is a field in which a copy differs from what the ledger has.
type Difference struct {
	Field    string `json:"field"`
	Ledger   string `json:"ledger"`
	Calendar string `json:"calendar"`
}

// id is a short name of the finding, by which its user can answer it.
func (f *Finding) id() string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(string(f.Outcome)+" "+f.name())))[:10]
}

// name is what names the finding in a run's items.
func (f *Finding) name() string {
	if f.Key != "" && f.Outcome != DuplicateCopy && f.Outcome != OrphanCopy {
		return f.Key
	}
	return f.EventID
}

// CopyCounts is how the archive calendar compares with the ledger.
type CopyCounts struct {
	Compared int `json:"compared" doc:"Copies that were compared, those that differ too."`

	Missing         int `json:"missing" doc:"Appointments of the ledger that have no copy."`
	Altered         int `json:"altered" doc:"Copies that show something else than the ledger has."`
	DuplicateCopies int `json:"duplicate_copies" doc:"Events with a mark of ours that are not the copy: somebody copied one."`
	OrphanCopies    int `json:"orphan_copies" doc:"Copies of ours of what the ledger does not have in the archive any more."`
	Foreign         int `json:"foreign" doc:"Events that are not ours."`
	Unsettled       int `json:"unsettled" doc:"Copies of which a run that was interrupted did not learn whether they are there."`

	CalendarMissing bool `json:"calendar_missing,omitempty" doc:"There is no archive calendar, though the ledger holds appointments in it."`
	// Unread are copies or texts that the provider did not show.
	Unread     int `json:"unread,omitempty" doc:"Copies whose content the provider did not show; nothing is said about them."`
	UnreadDays int `json:"unread_days,omitempty" doc:"Days of the archive calendar that could not be read."`
	// NoCopyBefore is the day before which no copy is there, while all later ones are.
	NoCopyBefore calendar.Date `json:"no_copy_before,omitzero" format:"date" doc:"All that is missing lies before this day, and all later copies are there."`
}

// count returns the number of a kind.
func (c *CopyCounts) count(kind FindingKind) *int {
	switch kind {
	case Missing:
		return &c.Missing
	case Altered:
		return &c.Altered
	case DuplicateCopy:
		return &c.DuplicateCopies
	case OrphanCopy:
		return &c.OrphanCopies
	case Foreign:
		return &c.Foreign
	case Unsettled:
		return &c.Unsettled
	}
	return new(int)
}

// Differs is how many findings there are.
func (c *CopyCounts) Differs() int {
	n := 0
	for _, kind := range FindingKinds {
		n += *c.count(kind)
	}
	if c.CalendarMissing {
		n++
	}
	return n
}

// Retention says whether a policy of the mailbox is the likely reason for what is missing: it takes what is older than a date, or many at once.
func (c *CopyCounts) Retention() bool {
	return c.Missing >= many || c.Missing > 1 && c.NoCopyBefore != (calendar.Date{})
}
