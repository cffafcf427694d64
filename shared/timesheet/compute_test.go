package timesheet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

var berlin = zone("Europe/Berlin")

func zone(name string) *time.Location {
	z, err := calendar.LoadZone(name)
	if err != nil {
		panic(err)
	}
	return z
}

func day(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// at is a time on a clock in Berlin.
func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, berlin)
	if err != nil {
		t, err = time.ParseInLocation("2006-01-02 15:04", text, berlin)
	}
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// timed is billable work for Acme.
func timed(key, start string, seconds int) Entry {
	return Entry{Key: key, Version: 1, Hash: "sha256:" + key, Appointment: calendar.Appointment{
		Subject: key, Start: at(start), End: at(start).Add(time.Duration(seconds) * time.Second), Customer: "Acme", BillingType: calendar.Billable,
	}}
}

// minutes are entries of one day, one after the other.
func minutes(of ...int) (entries []Entry) {
	for i, n := range of {
		entries = append(entries, timed(fmt.Sprintf("e%d", i), fmt.Sprintf("2026-10-05 %02d:00", 8+i), 60*n))
	}
	return entries
}

func with(e Entry, change func(a *calendar.Appointment)) Entry {
	change(&e.Appointment)
	return e
}

// october is the month without rounding at a rate.
func october(currency, rate string) Terms {
	t := Terms{Zone: berlin, Period: Period{day("2026-10-01"), day("2026-10-31")}, Customer: "Acme", Currency: currency}
	if rate != "" {
		t.Rates = []Rate{{From: day("2026-01-01"), Work: rate}}
	}
	return t
}

func (t Terms) rounded(increment int, mode Mode, scope Scope, least int) Terms {
	t.Rounding = []Rounding{{day("2026-01-01"), increment, mode, scope, least}}
	return t
}

func compute(t *testing.T, entries []Entry, terms Terms) *Sheet {
	t.Helper()
	s, err := Compute(entries, terms)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMoneyStandsOnPositions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []Entry
		terms   Terms
		want    string
	}{
		{"5 minutes at 60.00", minutes(5), october("EUR", "60.00"), "5.00"},
		{"10 minutes at 60.00", minutes(10), october("EUR", "60.00"), "10.00"},
		{"twice 15 minutes at 27.50", minutes(15, 15), october("EUR", "27.50"), "13.75"},
		{"6 times 1 minute at 100", minutes(1, 1, 1, 1, 1, 1), october("EUR", "100"), "10.00"},
		{"25 minutes at 34.34", minutes(25), october("EUR", "34.34"), "14.31"},
		{"15 minutes at 27.50, a half goes up", minutes(15), october("EUR", "27.50"), "6.88"},
		{"7 minutes at 9,000 JPY", minutes(7), october("JPY", "9000"), "1050"},
		{"7 minutes at 12.345 KWD", minutes(7), october("KWD", "12.345"), "1.440"},
		{"1 second at the dearest rate", []Entry{timed("a", "2026-10-05 08:00", 1)}, october("CLF", "999999999.9999"), "277777.7778"},
		{"no time", []Entry{timed("a", "2026-10-05 08:00", 0)}, october("EUR", "120"), "0.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := compute(t, tt.entries, tt.terms)
			if len(s.Positions) != 1 || s.Positions[0].Amount != tt.want || len(s.Totals) != 1 || s.Totals[0] != (Total{tt.terms.Currency, tt.want}) {
				t.Errorf("got %+v, %+v, want %s", s.Positions, s.Totals, tt.want)
			}
		})
	}
}

func TestHalvesAreRoundedAwayFromZero(t *testing.T) {
	for _, tt := range []struct {
		seconds int64
		rate    string
		places  int
		want    string
	}{
		{-15 * 60, "27.50", 2, "-6.88"}, {15 * 60, "27.50", 2, "6.88"}, {-25 * 60, "34.34", 2, "-14.31"}, {0, "27.50", 2, "0.00"},
		{1, "18.00", 2, "0.01"}, {1, "17.9999", 2, "0.00"}, {-1, "18.00", 2, "-0.01"}, {-1, "17.9999", 2, "0.00"}, {1800, "1", 0, "1"}, {-1800, "1", 0, "-1"},
		{1799, "1", 0, "0"}, {3600, "0.0050", 2, "0.01"}, {3600, "0.0049", 2, "0.00"},
	} {
		r, err := parseRate("rate", tt.rate)
		if err != nil {
			t.Fatal(err)
		}
		if got := decimalText(amount(tt.seconds, r, tt.places), tt.places); got != tt.want {
			t.Errorf("%d s at %s: got %s, want %s", tt.seconds, tt.rate, got, tt.want)
		}
	}
}

func TestTimeIsRounded(t *testing.T) {
	of := func(m ...int) (seconds []int64) {
		for _, n := range m {
			seconds = append(seconds, int64(n)*60)
		}
		return seconds
	}
	for _, tt := range []struct {
		name    string
		seconds []int64
		terms   Terms
		want    int64 // seconds
	}{
		{"5 + 7 + 9 up to 15 by entry", of(5, 7, 9), october("", "").rounded(15, Up, ByEntry, 0), 45 * 60},
		{"5 + 7 + 9 up to 15 by day", of(5, 7, 9), october("", "").rounded(15, Up, ByDay, 0), 30 * 60},
		{"5 + 7 + 9 up to 15 by position", of(5, 7, 9), october("", "").rounded(15, Up, ByPosition, 0), 30 * 60},
		{"7 to the nearest 15", of(7), october("", "").rounded(15, Nearest, ByEntry, 0), 0},
		{"7 to the nearest 6", of(7), october("", "").rounded(6, Nearest, ByEntry, 0), 6 * 60},
		{"3 to the nearest 6", of(3), october("", "").rounded(6, Nearest, ByEntry, 0), 6 * 60},
		{"15 to the nearest 30", of(15), october("", "").rounded(30, Nearest, ByEntry, 0), 30 * 60},
		{"7:30 to the nearest 15", []int64{450}, october("", "").rounded(15, Nearest, ByEntry, 0), 15 * 60},
		{"7:29 to the nearest 15", []int64{449}, october("", "").rounded(15, Nearest, ByEntry, 0), 0},
		{"nothing up to 15", of(0), october("", "").rounded(15, Up, ByEntry, 30), 0},
		{"a second up to 15", []int64{1}, october("", "").rounded(15, Up, ByDay, 0), 15 * 60},
		{"an exact multiple", of(30), october("", "").rounded(15, Up, ByPosition, 0), 30 * 60},
		{"a second more than one", []int64{1801}, october("", "").rounded(15, Up, ByPosition, 0), 45 * 60},
		{"to the minute", []int64{89, 90}, october("", "").rounded(1, Nearest, ByEntry, 0), 180},
		{"to the hour", of(60, 61), october("", "").rounded(60, Up, ByEntry, 0), 3 * 3600},
		{"the least of each entry", of(5, 7, 40), october("", "").rounded(15, Up, ByEntry, 30), (30 + 30 + 45) * 60},
		{"the least of the day", of(5, 7), october("", "").rounded(15, Up, ByDay, 60), 60 * 60},
		{"the least without an increment", of(5, 7), october("", "").rounded(0, "", ByEntry, 6), (6 + 7) * 60},
		{"the least for what is rounded to nothing", of(5), october("", "").rounded(15, Nearest, ByEntry, 10), 10 * 60},
		{"no rounding", []int64{61, 7}, october("", ""), 68},
		{"none before the first day of one", of(5), Terms{Rounding: []Rounding{{day("2026-10-06"), 15, Up, ByEntry, 0}}}, 5 * 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.terms.Zone == nil {
				rounding := tt.terms.Rounding
				tt.terms = october("", "")
				tt.terms.Rounding = rounding
			}
			var entries []Entry
			sum := int64(0)
			for i, n := range tt.seconds {
				entries = append(entries, timed(fmt.Sprintf("e%d", i), fmt.Sprintf("2026-10-05 %02d:00", 8+2*i), int(n)))
				sum += n
			}
			s := compute(t, entries, tt.terms)
			if s.Billed != tt.want || s.Positions[0].Billed != tt.want || s.Positions[0].Seconds != sum || s.Worked != sum {
				t.Errorf("got %d billed in %+v, %d worked; want %d", s.Billed, s.Positions, s.Worked, tt.want)
			}
			lines := int64(0)
			for _, l := range s.Lines {
				lines += l.Billed
			}
			scope := ByPosition
			if len(tt.terms.Rounding) > 0 {
				scope = tt.terms.Rounding[0].Scope
			}
			if scope == ByEntry && lines != tt.want || scope != ByEntry && lines != sum {
				t.Errorf("the lines bill %d", lines)
			}
		})
	}
}

func TestEachDayIsRoundedByItself(t *testing.T) {
	for scope, want := range map[Scope]int64{ByEntry: 4 * 15, ByDay: 2 * 15, ByPosition: 15} {
		terms := october("EUR", "60.00").rounded(15, Up, scope, 0)
		entries := []Entry{
			timed("a", "2026-10-05 09:00", 180), timed("b", "2026-10-05 10:00", 180), timed("c", "2026-10-06 09:00", 180), timed("d", "2026-10-06 10:00", 180),
		}
		sheet := compute(t, entries, terms)
		if sheet.Billed != want*60 {
			t.Errorf("by %s: got %d minutes, want %d", scope, sheet.Billed/60, want)
		}
		entries[3] = lasting(entries[3], 11*60) // 6 minutes become 14, and of both days 20
		if s := compute(t, entries, terms.next(sheet)); s.Billed != map[Scope]int64{ByEntry: 0, ByDay: 0, ByPosition: 15}[scope]*60 {
			t.Errorf("by %s: the supplement bills %d minutes", scope, s.Billed/60)
		}
	}
}

func TestPositionsPartWhereRateOrRoundingChange(t *testing.T) {
	terms := october("EUR", "")
	terms.Rates = []Rate{
		{From: day("2026-10-10"), Work: "100.00", Travel: "50%"}, {From: day("2026-10-01"), Work: "90.00"}, {From: day("2026-10-20"), Work: "90.0"},
	}
	terms.Rounding = []Rounding{
		{day("2026-10-15"), 15, Up, ByPosition, 0}, {day("2026-10-01"), 15, Up, ByPosition, 0}, {day("2026-10-21"), 30, Up, ByPosition, 0},
	}
	travel := func(e Entry) Entry {
		return with(e, func(a *calendar.Appointment) { a.Travel, a.BillingType = true, "" })
	}
	s := compute(t, []Entry{
		timed("before", "2026-10-09 23:00", 600), timed("after", "2026-10-10 00:00", 600), timed("again", "2026-10-20 10:00", 600),
		timed("rounded otherwise", "2026-10-21 10:00", 600), travel(timed("no rate", "2026-10-09 08:00", 600)), travel(timed("half", "2026-10-10 08:00", 600)),
		with(timed("free", "2026-10-10 09:00", 600), func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable }),
	}, terms)
	want := []Position{
		{"Acme", "billable", "travel", "", "EUR", 600, 900, ""},
		{"Acme", "billable", "travel", "50.00", "EUR", 600, 900, "12.50"},
		{"Acme", "billable", "work", "90.00", "EUR", 1200, 1800, "45.00"},
		{"Acme", "billable", "work", "90.00", "EUR", 600, 1800, "45.00"},
		{"Acme", "billable", "work", "100.00", "EUR", 600, 900, "25.00"},
		{"Acme", "non-billable", "work", "", "EUR", 600, 900, ""},
	}
	if diff := cmp.Diff(want, s.Positions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Total{{"EUR", "127.50"}}, s.Totals); diff != "" {
		t.Error(diff)
	}
	if l := s.Lines[0]; l.Key != "no rate" || l.Rate != "" || !cmp.Equal(l.Flags, []Flag{NoRate}) || l.BillingType != calendar.Billable {
		t.Errorf("travel without a rate: %+v", l)
	}
}

func TestShareOfTheRateOfWork(t *testing.T) {
	for share, want := range map[string]string{"50": "60.00", "33.3": "39.96", "12.3456": "14.8147", "0": "0.00", "100": "120.00", "0.0001": "0.0001"} {
		units, ok := parseDecimal(share)
		r, err := parseRate("rate", "120.00")
		got, ok2 := r.share(units, 2)
		if other, ok3 := r.share(units, 0); !ok || !ok2 || !ok3 || err != nil || got.text != want || other.units != got.units {
			t.Errorf("%s%%: got %v, want %s", share, got, want)
		}
	}
	if r, ok := (rate{1_200_000, "120"}).share(50*rateUnit, 0); !ok || r.text != "60" {
		t.Errorf("without decimals: got %q", r.text)
	}
}

// TestAShareIsNoHigherThanARateMayBe: what is longer than a rate would be none on the next sheet.
func TestAShareIsNoHigherThanARateMayBe(t *testing.T) {
	terms := october("EUR", "999999999")
	for share, want := range map[string]string{"100%": "999999999.00", "100.0001%": "", "300%": "", "999999999%": ""} {
		terms.Rates[0].Travel = share
		s, err := Compute([]Entry{with(timed("a", "2026-10-05 08:00", 3600), func(a *calendar.Appointment) { a.Travel = true })}, terms)
		switch {
		case want == "" && (fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "rates[0].travel"):
			t.Errorf("%s: got %v", share, err)
		case want != "" && (err != nil || s.Lines[0].Rate != want || s.wrong(berlin, nil) != "" || checkLocked("locked[0]", s) != nil):
			t.Errorf("%s: got %v, %v", share, s, err)
		}
	}
	if r, ok := (rate{9_999_999_999_999, "999999999.9999"}).share(100*rateUnit, 2); !ok || r.text != "999999999.9999" {
		t.Errorf("the highest rate is refused: %v, %v", r, ok)
	}
	if _, ok := (rate{9_509_771_290_000, "950977129"}).share(105_1550, 2); ok { // 999,999,999.99995
		t.Error("what is rounded to more than a rate may be is taken")
	}
}

func TestEntriesBelongToTheDayOnWhichTheyStart(t *testing.T) {
	allDay := func(key, from, to string) Entry {
		return with(timed(key, from+" 00:00", 0), func(a *calendar.Appointment) {
			a.AllDay, a.StartDate, a.EndDate = true, day(from), day(to)
			a.End = calendar.StartOfDay(a.EndDate, berlin).UTC()
		})
	}
	hidden := func(e Entry) Entry {
		return with(e, func(a *calendar.Appointment) { a.Sensitivity = calendar.Personal })
	}
	nobody := func(e Entry) Entry {
		return with(e, func(a *calendar.Appointment) { a.Customer, a.BillingType = "", "" })
	}
	beta := func(e Entry) Entry { return with(e, func(a *calendar.Appointment) { a.Customer = "Beta" }) }
	entries := []Entry{
		timed("reaches in", "2026-09-30 23:30", 3600), timed("first", "2026-10-01 00:00", 60), timed("last", "2026-10-31 23:59:59", 7200),
		timed("next month", "2026-11-01 00:00", 60), timed("to midnight", "2026-10-06 22:00", 7200), timed("over midnight", "2026-10-07 22:00", 7201),
		timed("autumn", "2026-10-25 01:30", 3*3600), timed("nothing", "2026-10-08 10:00", 0), hidden(timed("private", "2026-10-08 11:00", 60)),
		hidden(timed("private in November", "2026-11-08 11:00", 60)), nobody(timed("nobody's", "2026-10-08 12:00", 60)),
		beta(timed("Beta's", "2026-10-09 11:00", 60)),
		beta(hidden(timed("Beta's private one", "2026-10-09 12:00", 60))), hidden(nobody(timed("nobody's private one", "2026-10-09 13:00", 60))),
		allDay("around the end", "2026-10-30", "2026-11-03"), allDay("around the beginning", "2026-09-29", "2026-10-03"),
		hidden(allDay("private days", "2026-09-29", "2026-10-03")),
	}
	terms := october("EUR", "60.00")
	terms.DayMinutes = 480
	s := compute(t, entries, terms)
	type short struct {
		Key, Date string
		Seconds   int64
		Flags     string
	}
	var got []short
	for _, l := range s.Lines {
		flags := make([]string, len(l.Flags))
		for i, f := range l.Flags {
			flags[i] = string(f)
		}
		got = append(got, short{l.Key, l.Date.String(), l.Seconds, strings.Join(flags, " ")})
	}
	want := []short{
		{"around the beginning", "2026-10-01", 28800, "all_day"}, {"around the beginning", "2026-10-02", 28800, "all_day"},
		{"around the end", "2026-10-30", 28800, "all_day"}, {"around the end", "2026-10-31", 28800, "all_day"},
		{"first", "2026-10-01", 60, ""}, {"to midnight", "2026-10-06", 7200, ""}, {"over midnight", "2026-10-07", 7201, "crosses_midnight"},
		{"nothing", "2026-10-08", 0, "zero_length"}, {"autumn", "2026-10-25", 3 * 3600, ""}, {"last", "2026-10-31", 7200, "crosses_midnight"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantLeft := []LeftOut{{"private days", Private}, {"private", Private}, {"nobody's", NoCustomer}, {"nobody's private one", Private}}
	if diff := cmp.Diff(wantLeft, s.LeftOut); diff != "" {
		t.Error(diff)
	}
	if sum := int64(4*28800 + 60 + 7200 + 7201 + 3*3600 + 7200); s.Worked != sum || s.Billed != sum {
		t.Errorf("%d worked, %d billed, want %d", s.Worked, s.Billed, sum)
	}

	terms.DayMinutes, terms.Customer = 0, ""
	s = compute(t, entries, terms)
	wantLeft = []LeftOut{
		{"around the beginning", WholeDay}, {"private days", Private}, {"private", Private}, {"nobody's", NoCustomer}, {"Beta's private one", Private},
		{"nobody's private one", Private}, {"around the end", WholeDay},
	}
	if diff := cmp.Diff(wantLeft, s.LeftOut); diff != "" {
		t.Error(diff)
	}
	if len(s.Positions) != 2 || s.Positions[0].Customer != "Acme" || s.Positions[1].Customer != "Beta" {
		t.Errorf("positions of all customers: %+v", s.Positions)
	}
}

func TestDaysOnWhichClocksChange(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     int64
	}{{"2026-10-25 01:30", "2026-10-25 03:30", 180 * 60}, {"2027-03-28 01:30", "2027-03-28 03:30", 60 * 60}} {
		e := timed("a", tt.from, 0)
		e.Appointment.End = at(tt.to)
		terms := october("", "")
		terms.Period = Period{day(tt.from[:10]), day(tt.from[:10])}
		if s := compute(t, []Entry{e}, terms); s.Billed != tt.want || s.Worked != tt.want {
			t.Errorf("%s to %s: got %d and %d, want %d", tt.from, tt.to, s.Billed, s.Worked, tt.want)
		}
	}
}

func TestTimeThatLinesShareCountsOnceAsWorked(t *testing.T) {
	entries := []Entry{
		timed("long", "2026-10-05 09:00", 4*3600), timed("inside", "2026-10-05 10:00", 3600), timed("after it", "2026-10-05 11:00", 3600),
		timed("at its end", "2026-10-05 13:00", 3600), timed("no time", "2026-10-05 10:30", 0), timed("across the end", "2026-10-05 12:30", 3600),
	}
	s := compute(t, entries, october("EUR", "60.00"))
	want := [][2]string{{"across the end", "at its end"}, {"across the end", "long"}, {"after it", "long"}, {"inside", "long"}}
	if diff := cmp.Diff(want, s.Overlaps); diff != "" {
		t.Error(diff)
	}
	if s.Billed != 8*3600 || s.Worked != 5*3600 {
		t.Errorf("%d billed, %d worked", s.Billed, s.Worked)
	}
}

func TestACustomerIsOneHoweverItIsSpelled(t *testing.T) {
	spelled := func(e Entry, name string) Entry {
		return with(e, func(a *calendar.Appointment) { a.Customer = name })
	}
	entries := []Entry{timed("a", "2026-10-05 09:00", 60), spelled(timed("b", "2026-10-06 09:00", 60), "ACME"), timed("c", "2026-10-07 09:00", 60)}
	for of, want := range map[string]string{"Acme": "Acme", "": "Acme", "acme": "Acme"} {
		terms := october("EUR", "60.00")
		terms.Customer = of
		s := compute(t, entries, terms)
		if len(s.Positions) != 1 || s.Positions[0].Customer != want || s.Positions[0].Seconds != 180 || s.Lines[1].Customer != "ACME" {
			t.Errorf("of %q: got %+v", of, s.Positions)
		}
	}
	if s := compute(t, entries[:2], october("EUR", "60.00")); s.Positions[0].Customer != "ACME" {
		t.Errorf("of two spellings as frequent as each other: %+v", s.Positions)
	}
}

func TestARateThatIsWrittenInTwoWaysIsOne(t *testing.T) {
	terms := october("EUR", "27.5")
	terms.DayMinutes = 1440
	terms.Rates[0].Travel = "17.50"
	terms.Rates = append(terms.Rates, Rate{From: day("2026-10-06"), Work: "27.50", Travel: "17.5"}, Rate{From: day("2026-10-09"), Work: "27.500"})
	var entries []Entry
	for _, date := range []string{"2026-10-05", "2026-10-06", "2026-10-09"} {
		entries = append(entries, timed("w"+date, date+" 08:00", 3600),
			with(timed("t"+date, date+" 10:00", 3600), func(a *calendar.Appointment) { a.Travel = true }))
	}
	s := compute(t, entries, terms)
	var rates []string
	for _, l := range s.Lines {
		rates = append(rates, l.Rate)
	}
	if got := strings.Join(rates, ","); got != "27.5,17.50,27.5,17.50,27.5," || len(s.Positions) != 3 || s.Totals[0].Amount != "117.50" {
		t.Errorf("got %s, %+v", got, s.Positions)
	}
}

func TestAPositionIsWrittenAsMostOfItsLinesAre(t *testing.T) {
	for want, spelled := range map[string][]string{
		"acme": {"ACME", "acme", "acme"}, "ACME": {"acme", "ACME", "ACME"}, "Acme": {"acme", "Acme"}, "aCME": {"aCME", "acme", "acMe"},
	} {
		entries := minutes(1, 1, 1)[:len(spelled)]
		for i := range entries {
			entries[i].Appointment.Customer = spelled[i]
		}
		for range 8 { // in whatever order a map has them
			if s := compute(t, entries, october("EUR", "60")); len(s.Positions) != 1 || s.Positions[0].Customer != want {
				t.Fatalf("%v: got %+v", spelled, s.Positions)
			}
		}
	}
}

func TestOneKeyTwiceIsRefused(t *testing.T) {
	for _, entries := range [][]Entry{{timed("a", "2026-10-05 09:00", 60), timed("a", "2026-10-06 09:00", 60)}, {timed("", "2026-10-05 09:00", 60)}} {
		if _, err := Compute(entries, october("", "")); fault.Of(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
	}
}
