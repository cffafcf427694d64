package timesheet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// lasts is an entry of Acme's from one local time to another, as in "2026-10-05 08:00".
func lasts(key, from, to string, change ...func(a *calendar.Appointment)) Entry {
	e := timed(key, from, int(at(to).Sub(at(from)).Seconds()))
	for _, c := range change {
		c(&e.Appointment)
	}
	return e
}

func others(a *calendar.Appointment)    { a.Customer = "Zeta" }
func hidden(a *calendar.Appointment)    { a.Sensitivity, a.Customer = calendar.Private, "" }
func cancelled(a *calendar.Appointment) { a.Cancelled = true }
func declined(a *calendar.Appointment)  { a.Declined = true }
func free(a *calendar.Appointment)      { a.ShowAs = calendar.Free }

func TestIssues(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []Entry
		want    string
	}{
		{"time without anything between the lines of a day", []Entry{
			lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"), lasts("b", "2026-10-05 08:30", "2026-10-05 09:00"), lasts("c", "2026-10-05 10:00", "2026-10-05 11:00"),
			lasts("d", "2026-10-06 07:00", "2026-10-06 08:00"),
		}, "gap 08:00-08:30|gap 09:00-10:00"},
		{"whatever lies in between fills it, and is not named", []Entry{
			lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"), lasts("b", "2026-10-05 12:00", "2026-10-05 13:00"),
			lasts("x", "2026-10-05 07:30", "2026-10-05 09:00", others), lasts("y", "2026-10-05 10:00", "2026-10-05 12:00", hidden),
		}, "gap 09:00-10:00"},
		{"what takes no time fills none", []Entry{
			lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"), lasts("b", "2026-10-05 09:00", "2026-10-05 10:00"),
			lasts("x", "2026-10-05 08:00", "2026-10-05 09:00", cancelled), lasts("y", "2026-10-05 08:00", "2026-10-05 09:00", declined, others),
			lasts("z", "2026-10-05 08:00", "2026-10-05 09:00", free), lasts("0", "2026-10-05 08:30", "2026-10-05 08:30"),
		}, "gap 08:00-09:00"},
		{"before the first line and behind the last one of a day there are none", []Entry{
			lasts("x", "2026-10-05 05:00", "2026-10-05 06:00", others), lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"),
			lasts("y", "2026-10-05 09:00", "2026-10-05 10:00", others), lasts("b", "2026-10-06 07:00", "2026-10-06 08:00"),
		}, ""},
		{"what goes on past midnight ends its day there", []Entry{
			lasts("a", "2026-10-05 20:00", "2026-10-05 21:00"), lasts("b", "2026-10-05 21:30", "2026-10-06 01:00"), lasts("x", "2026-10-06 03:00", "2026-10-06 04:00"),
			lasts("c", "2026-10-06 06:00", "2026-10-06 07:00"), lasts("d", "2026-10-06 07:10", "2026-10-06 08:00"),
		}, "gap 21:00-21:30|gap 04:00-06:00|gap 07:00-07:10"},
		{"an entry that began before the period", []Entry{
			lasts("a", "2026-09-30 20:00", "2026-10-01 01:00"), lasts("x", "2026-09-30 20:00", "2026-10-01 01:00", others),
			lasts("y", "2026-09-30 20:00", "2026-09-30 22:00"), lasts("z", "2026-09-30 20:00", "2026-10-01 01:00", free),
			lasts("p", "2026-09-30 20:00", "2026-10-01 01:00", func(a *calendar.Appointment) { a.Sensitivity = calendar.Private }),
			lasts("n", "2026-09-30 20:00", "2026-10-01 01:00", hidden), lasts("until", "2026-09-30 20:00", "2026-10-01 00:00"),
		}, "reaches_in 20:00-01:00 a"},
		{"in the order of the days, however they come", []Entry{
			lasts("g", "2026-10-02 12:00", "2026-10-02 13:00"), lasts("f", "2026-10-02 09:00", "2026-10-02 10:00"), lasts("c", "2026-10-01 11:00", "2026-10-01 12:00"),
			lasts("b", "2026-09-30 23:30", "2026-10-01 00:30"), lasts("d", "2026-10-01 08:00", "2026-10-01 09:00"), lasts("a", "2026-09-30 23:30", "2026-10-01 01:00"),
		}, "reaches_in 23:30-01:00 a|reaches_in 23:30-00:30 b|gap 09:00-11:00|gap 10:00-12:00"},
		{"what takes no time begins and ends no day, and neither does a whole day", []Entry{
			lasts("0", "2026-10-05 06:00", "2026-10-05 06:00"), lasts("a", "2026-10-05 08:00", "2026-10-05 09:00"), lasts("b", "2026-10-05 10:00", "2026-10-05 11:00"),
			lasts("1", "2026-10-05 12:00", "2026-10-05 12:00"), lasts("x", "2026-10-05 07:00", "2026-10-05 07:30", others),
			lasts("w", "2026-10-05 00:00", "2026-10-06 00:00", func(a *calendar.Appointment) {
				a.AllDay, a.StartDate, a.EndDate = true, day("2026-10-05"), day("2026-10-06")
			}),
		}, "gap 09:00-10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := october("EUR", "60")
			terms.LeaveOut, terms.DayMinutes = idle, 480
			_, issues, err := reckon(c.entries, &terms)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range issues {
				clock := func(t time.Time) string { return t.In(berlin).Format("15:04") }
				got = append(got, strings.TrimSpace(fmt.Sprint(i.Kind, " ", clock(i.Start), "-", clock(i.End), " ", i.Key)))
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
		})
	}
}

func TestSupplementsHaveNoGaps(t *testing.T) {
	terms := october("EUR", "60")
	a, b := lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"), lasts("b", "2026-10-05 15:00", "2026-10-05 16:00")
	sheet := compute(t, []Entry{a, b}, terms)
	later := terms.next(sheet)
	_, issues, err := reckon([]Entry{
		lasting(a, 7200), lasting(b, 7200), lasts("n", "2026-11-05 07:00", "2026-11-05 08:00"), lasts("m", "2026-11-05 09:00", "2026-11-05 10:00"),
	}, &later)
	if err != nil || len(issues) != 1 || issues[0].Date != day("2026-11-05") || !issues[0].Start.Equal(at("2026-11-05 08:00")) {
		t.Errorf("got %+v, %v", issues, err)
	}
}

func TestWhatTakesNoTimeIsLeftOutWhereTheTermsSaySo(t *testing.T) {
	entries := []Entry{
		lasts("a", "2026-10-05 07:00", "2026-10-05 08:00"), lasts("b", "2026-10-05 09:00", "2026-10-05 10:00", cancelled),
		lasts("c", "2026-10-05 11:00", "2026-10-05 12:00", declined), lasts("d", "2026-10-05 13:00", "2026-10-05 14:00", free),
		lasts("e", "2026-10-05 15:00", "2026-10-05 16:00", cancelled, hidden),
	}
	terms := october("EUR", "60")
	if s := compute(t, entries, terms); len(s.Lines) != 4 || s.Totals[0].Amount != "240.00" || len(s.LeftOut) != 1 {
		t.Errorf("as the format has it: %+v", s)
	}
	terms.LeaveOut = idle
	s := compute(t, entries, terms)
	if fmt.Sprint(s.LeftOut) != "[{b cancelled} {c declined} {d free} {e private}]" || len(s.Lines) != 1 || s.Totals[0].Amount != "60.00" {
		t.Errorf("left out are %v, %+v", s.LeftOut, s.Totals)
	}
	terms.LeaveOut = []Reason{Declined}
	if s := compute(t, entries, terms); fmt.Sprint(s.LeftOut) != "[{c declined} {e private}]" {
		t.Errorf("left out are %v", s.LeftOut)
	}
	text := `{"timezone": "Europe/Berlin", "period": {"from": "2026-10-01", "to": "2026-10-31"}, "leave_out": ["free", "cancelled"]}`
	if read, err := ReadTerms(strings.NewReader(text)); err != nil || !read.leaves(Free) || !read.leaves(Cancelled) || read.leaves(Declined) {
		t.Errorf("read are %v, %v", read.LeaveOut, err)
	}
	if _, err := ReadTerms(strings.NewReader(strings.Replace(text, "free", "private", 1))); fault.FieldOf(err) != "leave_out[0]" {
		t.Errorf("got %v", err)
	}
}
