package archive

import (
	"slices"
	"testing"

	"adminassistant/shared/ledger"
)

func TestBooksKnowWhatWasRefusedLast(t *testing.T) {
	version := func(n int, state ledger.State, change ...func(*ledger.Entry)) ledger.Entry {
		e := ledger.Entry{Key: "k", Version: n, State: state, Outcome: ledger.Archived}
		for _, f := range change {
			f(&e)
		}
		return e
	}
	is := func(o ledger.Outcome) func(*ledger.Entry) { return func(e *ledger.Entry) { e.Outcome = o } }
	replacing := func(e *ledger.Entry) { e.Replaces = "copy" }
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		refused int // version; 0: none
		newest  int
	}{
		{"nothing was", []ledger.Entry{version(1, ledger.Done)}, 0, 1},
		{"the first one was", []ledger.Entry{version(1, ledger.Failed)}, 1, 0},
		{"two were", []ledger.Entry{version(1, ledger.Failed), version(2, ledger.Failed)}, 2, 0},
		{"one was, and then there was one", []ledger.Entry{version(1, ledger.Failed), version(2, ledger.Done)}, 0, 2},
		{"one was taken out, and the next one was", []ledger.Entry{
			version(1, ledger.Done), version(2, ledger.Done, is(ledger.Withdrawn)), version(3, ledger.Failed),
		}, 3, 2},
		{"one was, one was not and was taken out, and the next one was", []ledger.Entry{
			version(1, ledger.Failed), version(2, ledger.Done), version(3, ledger.Done, is(ledger.Withdrawn)), version(4, ledger.Failed),
		}, 4, 3},
		{"a change was", []ledger.Entry{version(1, ledger.Done), version(2, ledger.Failed, replacing)}, 0, 1},
		{"a move was", []ledger.Entry{version(1, ledger.Done), version(2, ledger.Done, is(ledger.Moved)), version(2, ledger.Failed, replacing)}, 0, 1},
		{"nobody knows yet", []ledger.Entry{version(1, ledger.Intended)}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // in whatever order they are read
				b := books{newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{}, copied: map[string]bool{}}
				b.remember(c.entries)
				refused, newest := 0, 0
				if f := b.refused("k"); f != nil {
					refused = f.Version
				}
				if e := b.newest["k"]; e != nil {
					newest = e.Version
				}
				if refused != c.refused || newest != c.newest {
					t.Errorf("refused is version %d, the newest is %d, want %d and %d", refused, newest, c.refused, c.newest)
				}
				slices.Reverse(c.entries)
			}
		})
	}
}

func TestBooksCountWhatPlansStartFrom(t *testing.T) {
	b := books{newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{}, copied: map[string]bool{}}
	entries := []ledger.Entry{
		{Key: "archived", Version: 1, State: ledger.Done, Outcome: ledger.Archived}, {Key: "archived", Version: 2, State: ledger.Done, Outcome: ledger.Archived},
		{Key: "declined", Version: 1, State: ledger.Done, Outcome: ledger.Declined}, {Key: "withdrawn", Version: 1, State: ledger.Done, Outcome: ledger.Withdrawn},
		{Key: "superseded", Version: 1, State: ledger.Done, Outcome: ledger.Superseded},
		{Key: "conflicted", Version: 1, State: ledger.Done, Outcome: ledger.Conflicted},
		{Key: "moved", Version: 1, State: ledger.Done, Outcome: ledger.Moved}, {Key: "intended", Version: 1, State: ledger.Intended, Outcome: ledger.Archived},
		{Key: "failed", Version: 1, State: ledger.Failed, Outcome: ledger.Archived},
	}
	if got := b.remember(entries); got != 3 {
		t.Errorf("%d are new, want 3", got)
	}
	if got := b.remember(entries); got != 0 {
		t.Errorf("%d are new the second time", got)
	}
	var keys []string
	for _, s := range b.standing() {
		keys = append(keys, s.Key)
	}
	if want := []string{"archived", "conflicted", "declined", "withdrawn"}; !slices.Equal(keys, want) {
		t.Errorf("what stands is %q, want %q", keys, want)
	}
}
