package archive

import (
	"slices"
	"testing"
	"time"

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
				b := books{newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{}}
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
	b := books{newest: map[string]*ledger.Entry{}, failed: map[string]*ledger.Entry{}}
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
	if want := []string{"archived", "declined", "withdrawn"}; !slices.Equal(keys, want) {
		t.Errorf("what stands is %q, want %q", keys, want)
	}
}

func TestBooksKnowHowFarTheOpenSpanReaches(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 10, 5, hour, 0, 0, 0, time.UTC) }
	span := func(from, to int) ledger.Span { return ledger.Span{From: at(from), To: at(to)} }
	open := books{head: ledger.Head{Open: "run", OpenFrom: at(9), OpenTo: at(12)}}
	for _, c := range []struct {
		name   string
		span   ledger.Span
		covers bool
		wide   ledger.Span
	}{
		{"the same", span(9, 12), true, span(9, 12)},
		{"within", span(10, 11), true, span(9, 12)},
		{"from before", span(8, 12), false, span(8, 12)},
		{"until later", span(9, 13), false, span(9, 13)},
		{"all around", span(8, 13), false, span(8, 13)},
		{"before all of it", span(6, 7), false, span(6, 12)},
		{"after all of it", span(14, 15), false, span(9, 15)},
	} {
		if got := open.covers(c.span); got != c.covers {
			t.Errorf("%s: covered %t", c.name, got)
		}
		if got := open.widened(c.span); got != c.wide {
			t.Errorf("%s: widened to %v, want %v", c.name, got, c.wide)
		}
	}
	closed := books{head: ledger.Head{Seq: 1}}
	if closed.covers(span(9, 12)) || closed.widened(span(9, 12)) != span(9, 12) {
		t.Error("what is sealed has a span")
	}
}
