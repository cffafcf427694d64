package ledger

import (
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
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
