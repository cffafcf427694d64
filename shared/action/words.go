package action

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// names are what actions are called when they are counted: one, and many.
var names = map[Kind][2]string{
	Overlap:            {"overlap", "overlaps"},
	Drift:              {"change in the source", "changes in the source"},
	OrphanModification: {"modification of nothing", "modifications of nothing"},
	MissingCategory:    {"missing customer", "missing customers"},
	MissingTravel:      {"missing journey", "missing journeys"},
	StaleDecision:      {"decision that no longer holds", "decisions that no longer hold"},
	Retention:          {"crowd of appointments missing from the source", "crowds of appointments missing from the source"},
	Altered:            {"change in the archive calendar", "changes in the archive calendar"},
	ArchiveMissing:     {"missing archive calendar", "missing archive calendars"},
	LedgerDamaged:      {"damaged ledger", "damaged ledgers"},
	ShrunkWindow:       {"calendar that shows too little", "calendars that show too little"},
	KeysChanged:        {"calendar with other ids", "calendars with other ids"},
	UnreadableDays:     {"calendar with unreadable days", "calendars with unreadable days"},
	MailboxOutOfReach:  {"mailbox out of reach", "mailboxes out of reach"},
	SignInNeeded:       {"sign-in at Microsoft 365", "sign-ins at Microsoft 365"},
	RunFailed:          {"failed run", "failed runs"},
	Blocked:            {"organisation that blocks us", "organisations that block us"},
	NotSeen:            {"long absence", "long absences"},
	JobStuck:           {"job that does not start", "jobs that do not start"},
}

// Kinds are all that there are.
func Kinds() []Kind { return slices.Sorted(maps.Keys(names)) }

// Counts says how many there are of each kind, in words: "3 overlaps and 1 change in the source". The most frequent come first.
func Counts(of map[Kind]int) string {
	kinds := slices.SortedFunc(maps.Keys(of), func(a, b Kind) int {
		if of[a] != of[b] {
			return of[b] - of[a]
		}
		return strings.Compare(string(a), string(b))
	})
	var parts []string
	for _, kind := range kinds {
		name := names[kind]
		if name[0] == "" { // of a newer version
			name = [2]string{string(kind), string(kind)}
		}
		switch n := of[kind]; {
		case n == 1:
			parts = append(parts, "1 "+name[0])
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, name[1]))
		}
	}
	if last := len(parts) - 1; last > 0 {
		return strings.Join(parts[:last], ", ") + " and " + parts[last]
	}
	return strings.Join(parts, "")
}

// Things counts things that the user has to decide: "1 thing", "4 things".
func Things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}
