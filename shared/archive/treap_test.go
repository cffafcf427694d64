package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// entry is an appointment for the slow search that the tree is compared with.
type entry struct {
	at, other int
	id        string
}

func (e entry) node() *treap {
	return newTreap(nine.Add(time.Duration(e.at)), nine.Add(time.Duration(e.other)), &candidate{Item: &Item{EventID: e.id}})
}

func TestTreapFindsWhatASlowSearchFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree *treap
		var all []entry
		for i := range 80 - upTo(t, 80, "steps less") {
			if len(all) > 0 && onceIn(t, 5, "remove") {
				gone := upTo(t, len(all)-1, "which")
				tree = tree.remove(all[gone].node())
				all = slices.Delete(all, gone, gone+1)
				continue
			}
			e := entry{upTo(t, 2, "at"), upTo(t, 5, "other"), fmt.Sprintf("%c%d", 'a'+rune(upTo(t, 25, "letter")), i)}
			tree = tree.insert(e.node())
			all = append(all, e)
		}
		tree = tree.remove(entry{2, 2, "none of them"}.node())

		at, from, to := upTo(t, 2, "asked"), upTo(t, 5, "from"), upTo(t, 5, "to")
		moment := func(n int) time.Time { return nine.Add(time.Duration(n)) }
		// best returns the lowest value of the entries that fit, or -1.
		best := func(fits func(entry) bool, value func(entry) int) int {
			found := -1
			for _, e := range all {
				if v := value(e); fits(e) && (found < 0 || v < found) {
					found = v
				}
			}
			return found
		}
		offset := func(found time.Time, ok bool) int {
			if !ok {
				return -1
			}
			return int(found.Sub(nine))
		}
		check := func(what string, got, want int) {
			if got != want {
				t.Fatalf("%s: got %d, want %d, of %v", what, got, want, all)
			}
		}

		floor := best(func(e entry) bool { return e.at <= at }, func(e entry) int { return at - e.at })
		if floor >= 0 {
			floor = at - floor
		}
		check("floor", offset(tree.floor(moment(at))), floor)
		ceiling := best(func(e entry) bool { return e.at > at && e.other < to }, func(e entry) int { return e.at })
		check("ceiling", offset(tree.ceilingBelow(moment(at), moment(to))), ceiling)
		here := func(e entry) bool { return e.at == at }
		if lowest := best(here, func(e entry) int { return e.other }); lowest >= 0 {
			check("lowest", int(tree.lowest(moment(at)).Sub(nine)), lowest)
			check("highest", int(tree.highest(moment(at)).Sub(nine)), 5-best(here, func(e entry) int { return 5 - e.other }))
		}
		want := ""
		for _, e := range all {
			if here(e) && e.other >= from && e.other <= to && (want == "" || e.id < want) {
				want = e.id
			}
		}
		got := ""
		if c := tree.smallestID(moment(at), moment(from), moment(to)); c != nil {
			got = c.EventID
		}
		if got != want {
			t.Fatalf("smallest id at %d from %d to %d: got %q, want %q, of %v", at, from, to, got, want, all)
		}
	})
}
