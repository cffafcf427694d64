package ledger

import (
	"fmt"
	"testing"

	"adminassistant/shared/calendar"
)

func TestShown(t *testing.T) {
	tuesday := monday.AddDate(0, 0, 1)
	is := func(e *Entry, o Outcome, s State) *Entry {
		return with(e, func(e *Entry) { e.Outcome, e.State = o, s })
	}
	for _, c := range []struct {
		name    string
		entries []*Entry
		want    int
	}{
		{"nothing", nil, 0},
		{"each key once", []*Entry{entry("a", 1, monday), entry("a", 2, monday), entry("b", 1, tuesday), entry("b", 2, monday)}, 2},
		{"not what waits", []*Entry{is(entry("a", 1, monday), Conflicted, Done), is(entry("b", 1, monday), Superseded, Done), entry("c", 1, monday)}, 1},
		{"not what was taken out", []*Entry{entry("a", 1, tuesday), is(entry("a", 2, monday), Withdrawn, Done), is(entry("b", 1, monday), Declined, Done)}, 0},
		{"what was put back", []*Entry{is(entry("a", 1, monday), Withdrawn, Done), entry("a", 2, monday)}, 1},
		{"what is no more, be its last version read first", []*Entry{is(entry("a", 2, monday), Withdrawn, Done), entry("a", 1, tuesday)}, 0},
		{"as it was before what was refused or is not known", []*Entry{
			entry("a", 1, monday), is(entry("a", 2, monday), Withdrawn, Intended), entry("b", 1, monday), is(entry("b", 2, monday), Withdrawn, Failed),
			is(entry("c", 1, monday), Archived, Intended), is(entry("d", 1, monday), Archived, Failed),
		}, 2},
		{"what moved, at its new place", []*Entry{entry("a", 1, monday), is(entry("a", 2, monday), Moved, Done), entry("a", 2, tuesday)}, 1},
		{"what moves, at its old place", []*Entry{entry("a", 1, monday), is(entry("a", 2, monday), Moved, Done), is(entry("a", 2, tuesday), Archived, Intended)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.writeAndSeal(tuesday, c.entries...) // what else is in the partition does not count
			if got, err := w.Shown(t.Context(), config); err != nil || got != c.want {
				t.Errorf("%d are shown, %v, want %d", got, err, c.want)
			}
			if got, err := w.Shown(t.Context(), "home"); err != nil || got != 0 {
				t.Errorf("another config shows %d, %v", got, err)
			}
		})
	}
	t.Run("however many there are", func(t *testing.T) {
		w := newWorld(t)
		const n = 60 // more than a page of the store has
		for i := range n {
			w.write(with(entry(fmt.Sprint("k", i), 1, monday), func(e *Entry) { e.Source.Body = calendar.Body{ContentType: "text", Content: noise(i, maxInline)} }))
		}
		if got, err := w.Shown(t.Context(), config); err != nil || got != n {
			t.Errorf("%d are shown, %v", got, err)
		}
	})
}
