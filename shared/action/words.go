package action

import (
	"maps"
	"slices"
	"strings"

	"adminassistant/shared/phrase"
)

// kinds are all that there are.
var kinds = []Kind{
	Overlap, Drift, OrphanModification, MissingCategory, MissingTravel, StaleDecision, Retention, Altered, ArchiveMissing, LedgerDamaged, ShrunkWindow,
	KeysChanged, UnreadableDays, MailboxOutOfReach, SignInNeeded, RunFailed, Blocked, NotSeen, JobStuck,
}

// Kinds are all that there are, in order.
func Kinds() []Kind { return slices.Sorted(slices.Values(kinds)) }

// Counts says how many there are of each kind: "3 overlaps and 1 change in the source". The most frequent come first.
func Counts(of map[Kind]int) phrase.Value {
	sorted := slices.SortedFunc(maps.Keys(of), func(a, b Kind) int {
		if of[a] != of[b] {
			return of[b] - of[a]
		}
		return strings.Compare(string(a), string(b))
	})
	var parts []phrase.Phrase
	for _, kind := range sorted {
		if of[kind] > 0 {
			parts = append(parts, count(kind, of[kind]))
		}
	}
	return phrase.All(parts...)
}

// count is how many there are of a kind.
func count(kind Kind, n int) phrase.Phrase {
	if !slices.Contains(kinds, kind) { // of a newer version
		return phrase.New("count.other", phrase.N(n), phrase.Name(string(kind)))
	}
	return phrase.New("count."+string(kind), phrase.N(n))
}

// Things counts things that the user has to decide: "1 thing", "4 things".
func Things(n int) phrase.Phrase { return phrase.New("thing", phrase.N(n)) }
