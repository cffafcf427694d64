package hours

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
)

var berlin = func() *time.Location {
	zone, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

func date(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func days(from, to string) calendar.Window {
	return calendar.Window{From: date(from), To: date(to), Zone: berlin}
}

// entry is an archived appointment of a customer, from one local time to another, as in "2026-10-05 09:00".
func entry(key, from, to, who string, billing calendar.BillingType, more ...func(*calendar.Appointment)) ledger.Entry {
	at := func(text string) time.Time {
		t, err := time.ParseInLocation("2006-01-02 15:04:05", text+":00"[:max(0, 19-len(text))], berlin)
		if err != nil {
			panic(err)
		}
		return t.UTC()
	}
	a := calendar.Appointment{
		Subject: key, Start: at(from), End: at(to), Customer: who, BillingType: billing, Sensitivity: calendar.Normal, ShowAs: calendar.Busy,
	}
	for _, change := range more {
		change(&a)
	}
	return ledger.Entry{Key: key, Version: 1, Outcome: ledger.Archived, State: ledger.Done, Appointment: a}
}

func travel(a *calendar.Appointment)    { a.Travel = true }
func private(a *calendar.Appointment)   { a.Sensitivity = calendar.Private }
func personal(a *calendar.Appointment)  { a.Sensitivity = calendar.Personal }
func cancelled(a *calendar.Appointment) { a.Cancelled = true }
func declined(a *calendar.Appointment)  { a.Declined = true }
func free(a *calendar.Appointment)      { a.ShowAs = calendar.Free }

// allDay is an appointment of whole days, the last included.
func allDay(key, first, last, who string, more ...func(*calendar.Appointment)) ledger.Entry {
	from, to := date(first), date(last).AddDays(1)
	e := entry(key, first+" 00:00", first+" 00:00", who, calendar.Billable, more...)
	a := &e.Appointment
	a.AllDay, a.StartDate, a.EndDate = true, from, to
	a.Start, a.End = calendar.StartOfDay(from, berlin), calendar.StartOfDay(to, berlin)
	return e
}

// told are rows as text: "Acme 90+30+15 in 3", billable, non-billable and travel minutes.
func told(rows []Row) string {
	var all []string
	for _, r := range rows {
		text := fmt.Sprintf("%s %v+%v+%v in %d", r.Key, Minutes(r.Billable), Minutes(r.NonBillable), Minutes(r.Travel), r.Entries)
		if r.New {
			text += " new"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

const billable, nonBillable = calendar.Billable, calendar.NonBillable

func book() *customer.Book {
	return customer.NewBook([]customer.Customer{
		{Name: "Acme", Aliases: []string{"Acme GmbH"}, Terms: customer.Terms{DayMinutes: 480}}, {Name: "Globex"},
	})
}

func TestTimeIsAddedUp(t *testing.T) {
	week := []ledger.Entry{
		entry("a", "2026-10-05 09:00", "2026-10-05 10:30", "Acme", billable),
		entry("b", "2026-10-05 11:00", "2026-10-05 11:30", "ACME  gmbh", nonBillable),
		entry("c", "2026-10-05 12:00", "2026-10-05 12:45", "acme", billable, travel),
		entry("d", "2026-10-06 09:00", "2026-10-06 10:00", "initech", billable),
		entry("e", "2026-10-06 10:00", "2026-10-06 11:00", "Initech", billable),
		entry("f", "2026-10-06 11:00", "2026-10-06 12:00", "Initech", billable),
		entry("g", "2026-10-11 09:00", "2026-10-11 09:20", "Admin", nonBillable),
		entry("h", "2026-10-12 09:00", "2026-10-12 10:00", "", "", travel),
		allDay("i", "2026-10-12", "2026-10-13", "Acme"),
		allDay("j", "2026-10-12", "2026-10-12", "Globex"),
	}
	for by, want := range map[By]string{
		ByCustomer: " 0+0+60 in 1; Acme 1050+30+45 in 5; Admin 0+20+0 in 1; Initech 180+0+0 in 3 new",
		ByDay: "2026-10-05 90+30+45 in 3; 2026-10-06 180+0+0 in 3; 2026-10-11 0+20+0 in 1; 2026-10-12 480+0+60 in 2; " +
			"2026-10-13 480+0+0 in 1",
		ByWeek:    "2026-10-05 270+50+45 in 7; 2026-10-12 960+0+60 in 3",
		ByBilling: " 0+0+60 in 1; billable 1230+0+45 in 7; non-billable 0+50+0 in 2",
		ByCategory: " 0+0+60 in 1; Acme - billable 1050+0+45 in 4; Acme - non-billable 0+30+0 in 1; Admin - non-billable 0+20+0 in 1; " +
			"Initech - billable 180+0+0 in 3",
	} {
		r := Sum(week, days("2026-10-05", "2026-10-18"), book(), by, time.Monday)
		if got := told(r.Rows); got != want {
			t.Errorf("by %s: %s\nwant %s", by, got, want)
		}
		if got := told([]Row{r.Total}); got != " 1230+50+105 in 10" || r.Worked != (1230+50+105)*time.Minute || fmt.Sprint(r.LeftOut) != "map[all_day:1]" {
			t.Errorf("by %s: %s, worked %s, left out %v", by, got, r.Worked, r.LeftOut)
		}
	}
	sundays := Sum(week, days("2026-10-05", "2026-10-18"), book(), ByWeek, time.Sunday)
	if got := told(sundays.Rows); got != "2026-10-04 270+30+45 in 6; 2026-10-11 960+20+60 in 4" {
		t.Errorf("weeks that begin on Sunday: %s", got)
	}
}

func TestTimeBelongsToTheDayOfItsStart(t *testing.T) {
	entries := []ledger.Entry{
		entry("before", "2026-10-04 23:00", "2026-10-05 01:00", "Acme", billable),
		entry("night", "2026-10-05 23:30", "2026-10-06 02:00", "Acme", billable),
		entry("after", "2026-10-06 00:00", "2026-10-06 01:00", "Acme", billable),
		allDay("long", "2026-10-01", "2026-10-09", "Acme"),
	}
	r := Sum(entries, days("2026-10-05", "2026-10-05"), book(), ByDay, time.Monday)
	if got := told(r.Rows); got != "2026-10-05 630+0+0 in 2" {
		t.Error(got)
	}
	for day, want := range map[string]string{"2026-10-25": "180", "2027-03-28": "60"} { // when the clocks change
		r := Sum([]ledger.Entry{entry("a", day+" 01:30", day+" 03:30", "Acme", billable)}, days(day, day), book(), ByCustomer, time.Monday)
		if got := fmt.Sprint(Minutes(r.Total.Billable)); got != want {
			t.Errorf("on %s: %s minutes, want %s", day, got, want)
		}
	}
}

func TestWhatIsNoTimeOfACustomerIsLeftOutAndCounted(t *testing.T) {
	other := func(o ledger.Outcome) ledger.Entry {
		e := entry(string(o), "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable)
		e.Outcome = o
		return e
	}
	r := Sum([]ledger.Entry{
		entry("a", "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable, private, cancelled),
		entry("b", "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable, personal),
		entry("c", "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable, cancelled),
		entry("d", "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable, declined),
		entry("e", "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable, free),
		entry("f", "2026-10-05 09:00", "2026-10-05 10:00", "", ""),
		allDay("g", "2026-10-05", "2026-10-05", "Globex"),
		allDay("h", "2026-10-05", "2026-10-05", "Nobody"),
		allDay("i", "2026-10-05", "2026-10-05", "Acme", private),
		entry("zero", "2026-10-05 09:00", "2026-10-05 09:00", "Acme", billable),
		other(ledger.Superseded), other(ledger.Conflicted), other(ledger.Declined), other(ledger.Withdrawn),
	}, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday)
	if got, want := fmt.Sprint(r.LeftOut), "map[all_day:2 cancelled:1 declined:1 free:1 no_customer:1 private:3]"; got != want {
		t.Errorf("left out %s, want %s", got, want)
	}
	if got := told(r.Rows); got != "Acme 0+0+0 in 1" || r.OverlapCount != 0 || r.Worked != 0 {
		t.Errorf("%s, %d overlaps, worked %s", got, r.OverlapCount, r.Worked)
	}
}

func TestOverlapsAndGapsAreNamed(t *testing.T) {
	r := Sum([]ledger.Entry{
		entry("reaches in", "2026-10-04 22:00", "2026-10-05 08:30", "Acme", billable),
		entry("a", "2026-10-05 08:00", "2026-10-05 08:15", "Acme", billable),
		entry("b", "2026-10-05 09:00", "2026-10-05 12:00", "Acme", billable),
		entry("c", "2026-10-05 10:00", "2026-10-05 10:30", "Globex", billable),
		entry("d", "2026-10-05 11:30", "2026-10-05 13:00", "Globex", billable),
		entry("lunch", "2026-10-05 13:00", "2026-10-05 14:00", "", "", private),
		entry("e", "2026-10-05 14:00", "2026-10-05 15:00", "Globex", billable),
		entry("cancelled", "2026-10-05 15:00", "2026-10-05 16:00", "Globex", billable, cancelled),
		entry("f", "2026-10-05 16:00", "2026-10-05 17:00", "Globex", billable),
		entry("g", "2026-10-06 09:00", "2026-10-06 10:00", "Globex", billable),
	}, days("2026-10-05", "2026-10-06"), book(), ByCustomer, time.Monday)
	var overlaps, gaps []string
	for _, o := range r.Overlaps {
		overlaps = append(overlaps, fmt.Sprintf("%s+%s %s-%s", o.First.Key, o.Second.Key, o.From.In(berlin).Format("15:04"), o.To.In(berlin).Format("15:04")))
	}
	for _, g := range r.Gaps {
		gaps = append(gaps, fmt.Sprintf("%s-%s", g.From.In(berlin).Format("02 15:04"), g.To.In(berlin).Format("15:04")))
	}
	if got := strings.Join(overlaps, ", "); got != "b+c 10:00-10:30, b+d 11:30-12:00" || r.OverlapCount != 2 {
		t.Errorf("overlaps: %s (%d)", got, r.OverlapCount)
	}
	if got := strings.Join(gaps, ", "); got != "05 08:30-09:00, 05 15:00-16:00" || r.GapCount != 2 {
		t.Errorf("gaps: %s (%d)", got, r.GapCount)
	}
	if r.Worked != (15+240+60+60+60)*time.Minute {
		t.Errorf("worked %s", r.Worked)
	}
}

func TestOnlySoManyOverlapsAndGapsAreNamed(t *testing.T) {
	var same, apart []ledger.Entry
	for i := range 1000 {
		same = append(same, entry(fmt.Sprintf("k%04d", i), "2026-10-05 09:00", "2026-10-05 10:00", "Acme", billable))
		at := fmt.Sprintf("2026-10-05 %02d:%02d:%02d", i/3600, i/60%60, i%60)
		if i%2 == 0 {
			apart = append(apart, entry(fmt.Sprintf("k%04d", i), at, at[:len(at)-1]+fmt.Sprint(i%10+1), "Acme", billable))
		}
	}
	r := Sum(same, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday)
	if r.OverlapCount != 1000*999/2 || len(r.Overlaps) != 500 || r.Worked != time.Hour {
		t.Errorf("%d overlaps, %d named; worked %s", r.OverlapCount, len(r.Overlaps), r.Worked)
	}
	apart = append(apart, entry("one", "2026-10-05 12:00", "2026-10-05 13:00", "Acme", billable),
		entry("two", "2026-10-05 14:00", "2026-10-05 15:00", "Acme", billable))
	if r = Sum(apart, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday); r.GapCount != 501 || len(r.Gaps) != 500 {
		t.Errorf("%d gaps, %d named", r.GapCount, len(r.Gaps))
	}
}

// TestSumsAreThoseOfTheMinutes compares random days with a clock that looks at every minute.
func TestSumsAreThoseOfTheMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const minutes = 600
		var entries []ledger.Entry
		there, counted := make([]int, minutes), make([]int, minutes)
		whole, first, last := 0, minutes, 0
		type pair struct{ a, b string }
		overlapping := map[pair]bool{}
		type span struct {
			key      string
			from, to int
		}
		var spans []span
		for i := range rapid.IntRange(0, 12).Draw(t, "entries") {
			from := rapid.IntRange(0, minutes-61).Draw(t, "from")
			long := rapid.IntRange(1, 60).Draw(t, "long")
			hidden := rapid.Bool().Draw(t, "private")
			key := fmt.Sprintf("k%02d", i)
			at := func(m int) string { return fmt.Sprintf("2026-10-05 %02d:%02d", 8+m/60, m%60) }
			e := entry(key, at(from), at(from+long), "Acme", billable)
			if hidden {
				private(&e.Appointment)
			} else {
				whole += long
				spans = append(spans, span{key, from, from + long})
			}
			entries = append(entries, e)
			first, last = min(first, from), max(last, from+long)
			for m := from; m < from+long; m++ {
				there[m]++
				if !hidden {
					counted[m]++
				}
			}
		}
		for _, a := range spans {
			for _, b := range spans {
				if a.key < b.key && a.from < b.to && b.from < a.to {
					overlapping[pair{a.key, b.key}] = true
				}
			}
		}
		worked, gaps := 0, 0
		for m := range minutes {
			if counted[m] > 0 {
				worked++
			}
			if m > first && m < last && there[m] == 0 && there[m-1] > 0 {
				gaps++
			}
		}
		r := Sum(entries, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday)
		if r.Total.Whole() != time.Duration(whole)*time.Minute || r.Worked != time.Duration(worked)*time.Minute || r.GapCount != gaps {
			t.Fatalf("%s, worked %s, %d gaps; want %d, %d, %d", r.Total.Whole(), r.Worked, r.GapCount, whole, worked, gaps)
		}
		named := map[pair]bool{}
		for _, o := range r.Overlaps {
			named[pair{min(o.First.Key, o.Second.Key), max(o.First.Key, o.Second.Key)}] = true
		}
		if !maps.Equal(named, overlapping) || r.OverlapCount != len(overlapping) {
			t.Fatalf("overlaps %v, want %v", named, overlapping)
		}
	})
}

func TestUnknownCustomersAreFound(t *testing.T) {
	entries := []ledger.Entry{
		entry("a", "2026-10-05 09:00", "2026-10-05 10:00", "Acme GmbH", billable),
		entry("b", "2026-10-05 09:00", "2026-10-05 10:00", "initech", billable),
		entry("c", "2026-10-07 09:00", "2026-10-07 10:00", "Initech", billable),
		entry("d", "2026-10-06 09:00", "2026-10-06 10:00", "Initech", billable, private),
		entry("e", "2026-10-05 09:00", "2026-10-05 10:00", "Hooli", nonBillable),
		entry("f", "2026-10-05 09:00", "2026-10-05 10:00", "Admin", nonBillable),
		entry("g", "2026-10-05 09:00", "2026-10-05 10:00", "", ""),
		allDay("h", "2026-10-05", "2026-10-05", "Hooli"),
	}
	gone := entry("i", "2026-10-05 09:00", "2026-10-05 10:00", "Gone", billable)
	gone.Outcome = ledger.Withdrawn
	got := Unknowns(append(entries, gone), days("2026-10-05", "2026-10-31"), book())
	if text, want := fmt.Sprint(got), "[{Hooli [Hooli] 2 1h0m0s 2026-10-05} {Initech [Initech initech] 3 3h0m0s 2026-10-07}]"; text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
}

func TestHoursInASpreadsheetAreNoFormulas(t *testing.T) {
	r := Sum([]ledger.Entry{
		entry("a", "2026-10-05 09:00", "2026-10-05 10:30:10", "=cmd|' /C calc'!A0", billable),
		entry("b", "2026-10-05 11:00", "2026-10-05 11:30", `Acme, "Inc"`, nonBillable),
		entry("c", "2026-10-05 12:00", "2026-10-05 12:20", `Acme, "Inc"`, billable, travel),
	}, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday)
	var out strings.Builder
	if err := r.WriteCSV(&out, ByCustomer); err != nil {
		t.Fatal(err)
	}
	want := "customer,entries,billable_minutes,non_billable_minutes,travel_minutes,minutes\r\n" +
		"'=cmd|' /C calc'!A0,1,90.1667,0,0,90.1667\r\n\"Acme, \"\"Inc\"\"\",2,0,30,20,50\r\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestTheOrderOfEntriesDoesNotMatter(t *testing.T) {
	entries := []ledger.Entry{
		entry("a", "2026-10-05 09:00", "2026-10-05 10:30", "initech", billable),
		entry("b", "2026-10-05 09:00", "2026-10-05 11:30", "Initech", billable),
		entry("c", "2026-10-05 10:00", "2026-10-05 11:00", "Acme", billable),
	}
	tell := func(r *Report) string {
		text := told(r.Rows)
		for _, o := range r.Overlaps {
			text += " " + o.First.Key + o.Second.Key
		}
		return text
	}
	want := tell(Sum(slices.Clone(entries), days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday))
	slices.SortFunc(entries, func(a, b ledger.Entry) int { return -cmp.Compare(a.Key, b.Key) })
	if got := tell(Sum(entries, days("2026-10-05", "2026-10-05"), book(), ByCustomer, time.Monday)); got != want || !strings.HasPrefix(want, "Acme") {
		t.Errorf("%s or %s", got, want)
	}
}
