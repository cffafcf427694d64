package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestLocksCoverTheirDaysAndNoOthers(t *testing.T) {
	october := func(day int) calendar.Date { return calendar.Date{Year: 2026, Month: 10, Day: day} }
	locks := Locks{}.with("Acme", Days{october(5), october(9)}).with("ACME ", Days{october(10), october(12)}).with("Acme", Days{october(20), october(21)})
	locks = locks.with(Everybody, Days{october(30), october(30)})
	if of := locks["acme"]; len(of) != 2 || of[0] != (Days{october(5), october(12)}) {
		t.Errorf("%+v", locks)
	}
	for day, want := range map[int]bool{4: false, 5: true, 9: true, 10: true, 12: true, 13: false, 20: true, 21: true, 22: false, 30: true} {
		if got := locks.Has("acme", october(day)); got != want {
			t.Errorf("day %d of Acme: %t", day, got)
		}
		if got := locks.Has("Beta", october(day)); got != (day == 30) {
			t.Errorf("day %d of Beta: %t", day, got)
		}
	}
}

func TestNobodyLocksDaysWhileARunWrites(t *testing.T) {
	l := &Ledger{}
	head := Head{Open: "R1"}
	if err := l.Lock(t.Context(), "work", &head, "Acme", Days{}); fault.Of(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}

func TestASheetLocksItsDaysAndIsALinkOfTheChain(t *testing.T) {
	w := newWorld(t)
	e := entry("a", 1, monday)
	w.write(e)
	head := w.head()
	days := Days{calendar.Date{Year: 2026, Month: 10, Day: 1}, calendar.Date{Year: 2026, Month: 10, Day: 31}}
	ending := Ending{Run: "SHEET1", Sheet: "sha256:1234", Time: monday}
	lock := func(head *Head, days Days, own ...store.Op) error {
		return w.LockSheet(t.Context(), config, head, []string{"Acme", "Acme Ltd"}, days, ending, func(link *Sealing) ([]store.Op, error) {
			if link.Seq() != head.Seq+1 || link.Hash() == "" {
				t.Errorf("the link will be %d, %q after %d", link.Seq(), link.Hash(), head.Seq)
			}
			return own, nil
		})
	}
	if err := lock(head, days); fault.Of(err) != fault.Conflict {
		t.Errorf("while a run writes: %v", err)
	}
	link, err := w.Prepare(t.Context(), config, *head, Ending{Run: "run1", Time: monday}, []*Entry{e})
	if err == nil {
		err = w.Seal(t.Context(), head, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := lock(head, Days{days.To, days.From}); fault.FieldOf(err) != "to" {
		t.Errorf("days the wrong way round: %v", err)
	}
	stale := *head
	mine := store.Key{PK: "OWN", SK: "ITEM"}
	if err := lock(head, days, store.Op{Put: &store.Item{Key: mine, Data: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	if err := lock(&stale, days); !errors.Is(err, store.ErrConflict) {
		t.Errorf("with a head that is old: %v", err)
	}
	if _, err := w.table.Get(t.Context(), mine); err != nil {
		t.Errorf("the caller's own operation: %v", err)
	}
	read, err := w.Head(t.Context(), config)
	if err != nil || read.Seq != 2 || !read.Locks.Has("acme ltd", days.To) || !read.Locks.Has("ACME", days.From) || read.Locks.Has("Beta", days.From) {
		t.Errorf("the head is %+v, %v", read, err)
	}
	if err := w.Check(t.Context(), config, &read); err != nil {
		t.Error(err)
	}
	in, err := w.Inspect(t.Context(), config)
	if err != nil || !in.Report.OK || in.Links[1].Sheet != "sha256:1234" || in.Links[1].Run != "SHEET1" || in.Links[1].Entries != 0 {
		t.Errorf("inspected: %+v, %v", in.Report, err)
	}
	chain, err := w.Chain(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if !chain.Locks(2, "sha256:1234") {
		t.Error("link 2 does not lock the sheet")
	}
	for sheet, link := range map[string]int{"": 1, "sha256:5678": 2, "sha256:1234": 1} {
		if chain.Locks(link, sheet) {
			t.Errorf("link %d locks %q", link, sheet)
		}
	}
	failing := errors.New("no")
	err = w.LockSheet(t.Context(), config, head, nil, days, ending, func(*Sealing) ([]store.Op, error) { return nil, failing })
	if now, err2 := w.Head(t.Context(), config); !errors.Is(err, failing) || err2 != nil || now.Seq != 2 {
		t.Errorf("when the caller cannot: %v, %d links", err, now.Seq)
	}
}

func TestWhatStandsNowOfWhatLinksSealedSince(t *testing.T) {
	w := newWorld(t)
	seal := func(run string, entries ...*Entry) {
		t.Helper()
		for _, e := range entries {
			e.Run = run
		}
		w.write(entries...)
		head := w.head()
		link, err := w.Prepare(t.Context(), config, *head, Ending{Run: run, Time: monday}, entries)
		if err == nil {
			err = w.Seal(t.Context(), head, link)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	later := monday.AddDate(0, 1, 0)
	seal("run1", entry("a", 1, monday), entry("gone", 1, monday), entry("same", 1, monday), entry("moves", 1, monday))
	seal("run2", entry("a", 2, monday), with(entry("gone", 2, monday), func(e *Entry) { e.Outcome = Withdrawn }), entry("later", 1, later),
		with(entry("moves", 2, monday), func(e *Entry) { e.Outcome = Moved }), entry("moves", 2, later))
	seal("run3", entry("a", 3, monday), with(entry("failed", 1, monday), func(e *Entry) { e.State = Failed }))
	now := func(seq int, wanted func(time.Time, int) bool) map[string]string {
		t.Helper()
		found, err := w.Now(t.Context(), config, seq, wanted)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]string{}
		for key, e := range found {
			told[key] = ""
			if e != nil {
				told[key] = fmt.Sprintf("%d at %s", e.Version, e.Appointment.Start.Format(time.DateOnly))
			}
		}
		return told
	}
	all := func(time.Time, int) bool { return true }
	monthly := func(start time.Time, seq int) bool { return start.Before(later) && seq > 1 }
	for _, tt := range []struct {
		name   string
		seq    int
		wanted func(time.Time, int) bool
		want   map[string]string
	}{
		{"after the first link", 1, all, map[string]string{
			"a": "3 at 2026-10-05", "gone": "", "later": "1 at 2026-11-05", "moves": "2 at 2026-11-05", "failed": "",
		}},
		{"after the second one", 2, all, map[string]string{"a": "3 at 2026-10-05", "failed": ""}},
		{"after the last one", 3, all, map[string]string{}},
		{"of one month", 0, monthly, map[string]string{"a": "3 at 2026-10-05", "gone": "", "moves": "2 at 2026-11-05", "failed": ""}},
	} {
		if diff := cmp.Diff(tt.want, now(tt.seq, tt.wanted)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	picked, err := w.Pick(t.Context(), config, []Version{{"a", 2, monday}, {"moves", 2, later}, {"none", 1, monday}, {"a", 9, monday}})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(picked, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	expect(t, "picked", names(picked), []string{"a/2", "moves/2"})
	if picked[0].Place() != (Version{"a", 2, monday}) {
		t.Errorf("the place of a is %v", picked[0].Place())
	}
	if none, err := w.Pick(t.Context(), config, nil); err != nil || len(none) != 0 {
		t.Errorf("of none: %v, %v", none, err)
	}
}
