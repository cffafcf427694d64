package action

import (
	"testing"

	"adminassistant/shared/phrase"
)

func TestCounts(t *testing.T) {
	for want, of := range map[string]map[Kind]int{
		"":                                                {},
		"1 overlap":                                       {Overlap: 1, Drift: 0},
		"2 changes in the source and 1 overlap":           {Overlap: 1, Drift: 2},
		"3 overlaps, 3 failed runs and 1 lunch":           {Overlap: 3, RunFailed: 3, "lunch": 1},
		"2 missing customers and 2 overlaps":              {Overlap: 2, MissingCategory: 2},
		"2 decisions that no longer hold":                 {StaleDecision: 2},
		"1 modification of nothing":                       {OrphanModification: 1},
		"2 changes in the archive calendar":               {Altered: 2},
		"1 crowd of appointments missing from the source": {Retention: 1},
	} {
		if got := phrase.New("as_it_is", Counts(of)).String(); got != want {
			t.Errorf("%v are %q, should be %q", of, got, want)
		}
	}
	if Things(1).String() != "1 thing" || Things(2).String() != "2 things" {
		t.Errorf("%s, %s", Things(1), Things(2))
	}
}

func TestEveryKindHasANameAndKnowsWhatEndsIt(t *testing.T) {
	kinds := map[Kind]bool{}
	for _, kind := range Kinds() {
		kinds[kind] = true
		if !phrase.Has("count."+string(kind)+".one") || !phrase.Has("count."+string(kind)+".many") {
			t.Errorf("%s has no name", kind)
		}
	}
	for kind := range ends {
		if !kinds[kind] {
			t.Errorf("%s is resolved by something and is no kind", kind)
		}
	}
}
