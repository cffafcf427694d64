package timesheet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// lasting is an entry with another length, as a changed source has it.
func lasting(e Entry, seconds int) Entry {
	e.Version++
	e.Hash += "'"
	e.Appointment.End = e.Appointment.Start.Add(time.Duration(seconds) * time.Second)
	return e
}

// next are the terms of the month after with sheets locked.
func (t Terms) next(locked ...*Sheet) Terms {
	t.Period = Period{t.Period.To.AddDays(1), t.Period.To.AddDays(28)}
	for _, s := range locked {
		t.Locked = append(slices.Clone(t.Locked), Locked{Sheet: *s, Customer: t.Customer})
	}
	return t
}

// brief says what the lines of a sheet bill, in minutes, and which line they supplement.
func brief(s *Sheet, sheets ...*Sheet) (lines []string) {
	for _, l := range s.Lines {
		text := fmt.Sprintf("%s %s %s %+d", l.Key, l.Customer, l.Rate, l.Billed/60)
		name, number, found := strings.Cut(l.Supplements, "#")
		for i, of := range sheets {
			if name == of.Hash() {
				text += fmt.Sprintf(" of sheet %d", i+1)
			}
		}
		if found {
			text += " line " + number
		}
		lines = append(lines, text)
	}
	return lines
}

func TestWhatChangedAfterTheLockIsSettledByTheNextSheet(t *testing.T) {
	terms := october("EUR", "120.00").rounded(15, Up, ByEntry, 0)
	before := timed("review", "2026-10-05 09:00", 50*60)
	sheet := compute(t, []Entry{before, timed("other", "2026-10-06 09:00", 60*60)}, terms)

	after := lasting(before, 80*60)
	now := []Entry{after, timed("other", "2026-10-06 09:00", 60*60), timed("new", "2026-10-07 09:00", 20*60), timed("november", "2026-11-02 09:00", 15*60)}
	second := compute(t, now, terms.next(sheet))
	want := []string{
		"review Acme 120.00 -60 of sheet 1 line 1", "review Acme 120.00 +90 of sheet 1 line 1", "new Acme 120.00 +30 of sheet 1", "november Acme 120.00 +15",
	}
	if diff := cmp.Diff(want, brief(second, sheet)); diff != "" {
		t.Error(diff)
	}
	if p := second.Positions; len(p) != 1 || p[0].Amount != "150.00" || p[0].Seconds != (80-50+20+15)*60 || p[0].Billed != (90-60+30+15)*60 {
		t.Errorf("positions %+v", p)
	}
	if second.Worked != (80-50+20+15)*60 || len(second.Overlaps) != 0 {
		t.Errorf("%d worked, overlaps %v", second.Worked, second.Overlaps)
	}

	third := compute(t, now, terms.next(sheet).next(second))
	if len(third.Lines) != 0 || len(third.Totals) != 0 {
		t.Errorf("what was settled is settled again: %v", brief(third))
	}
	now[0] = lasting(after, 10*60)
	third = compute(t, now[:2], terms.next(sheet).next(second)) // one is shorter again, two are withdrawn
	want = []string{
		"review Acme 120.00 -90 of sheet 2 line 2", "review Acme 120.00 +15 of sheet 2 line 2", "new Acme 120.00 -30 of sheet 2 line 3",
		"november Acme 120.00 -15 of sheet 2 line 4",
	}
	if diff := cmp.Diff(want, brief(third, sheet, second)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Total{{"EUR", "-240.00"}}, third.Totals); diff != "" {
		t.Error(diff)
	}
}

func TestTheExampleOfASupplement(t *testing.T) {
	for _, scope := range []Scope{ByEntry, ByDay, ByPosition} {
		terms := october("EUR", "120.00").rounded(30, Up, scope, 0)
		before := timed("a", "2026-10-05 09:00", 50*60)
		sheet := compute(t, []Entry{before}, terms)
		second := compute(t, []Entry{lasting(before, 80*60)}, terms.next(sheet))
		if sheet.Totals[0].Amount != "120.00" || second.Totals[0].Amount != "60.00" {
			t.Errorf("%s: got %v, then %v", scope, sheet.Totals, second.Totals)
		}
	}
}

func TestASupplementTakesBackAtTheOldRate(t *testing.T) {
	terms := october("EUR", "100.00")
	before := timed("a", "2026-10-05 09:00", 3600)
	sheet := compute(t, []Entry{before, timed("b", "2026-10-06 09:00", 3600)}, terms)
	later := terms.next(sheet)
	later.Rates = []Rate{{From: day("2026-01-01"), Work: "110.00"}}
	second := compute(t, []Entry{lasting(before, 7200), timed("b", "2026-10-06 09:00", 3600)}, later)
	want := []Position{
		{"Acme", "billable", "work", "100.00", "EUR", -3600, -3600, "-100.00"}, {"Acme", "billable", "work", "110.00", "EUR", 7200, 7200, "220.00"},
	}
	if diff := cmp.Diff(want, second.Positions); diff != "" {
		t.Error(diff)
	}
	later.Currency = "CHF"
	second = compute(t, []Entry{lasting(before, 7200), timed("b", "2026-10-06 09:00", 3600)}, later)
	if diff := cmp.Diff([]Total{{"CHF", "220.00"}, {"EUR", "-100.00"}}, second.Totals); diff != "" {
		t.Error(diff)
	}
}

func TestACustomerThatChangesIsTakenBackAtTheOldOne(t *testing.T) {
	terms := october("EUR", "60.00")
	a := timed("a", "2026-10-05 09:00", 3600)
	b := with(lasting(a, 3600), func(a *calendar.Appointment) { a.Customer = "Beta" })
	ofAcme := compute(t, []Entry{a}, terms)
	beta := terms
	beta.Customer = "Beta"
	ofBeta := compute(t, []Entry{a}, beta)
	if len(ofBeta.Lines) != 0 {
		t.Fatalf("Beta's sheet has %v", brief(ofBeta))
	}
	if diff := cmp.Diff([]string{"a Acme 60.00 -60 of sheet 1 line 1"}, brief(compute(t, []Entry{b}, terms.next(ofAcme)), ofAcme)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a Beta 60.00 +60 of sheet 1"}, brief(compute(t, []Entry{b}, beta.next(ofBeta)), ofBeta)); diff != "" {
		t.Error(diff)
	}
	all := terms
	all.Customer = ""
	both := all.next()
	both.Locked = []Locked{{Sheet: *ofAcme, Customer: "Acme"}, {Sheet: *ofBeta, Customer: "Beta"}}
	want := []string{"a Acme 60.00 -60 of sheet 1 line 1", "a Beta 60.00 +60 of sheet 1 line 1"}
	gamma := with(timed("c", "2026-10-06 09:00", 60), func(a *calendar.Appointment) { a.Customer = "Gamma" })
	if diff := cmp.Diff(want, brief(compute(t, []Entry{b, gamma}, both), ofAcme)); diff != "" {
		t.Error(diff)
	}
}

func TestACustomerThatGotAnotherNameIsTheSame(t *testing.T) {
	terms := october("EUR", "60.00")
	a := timed("a", "2026-10-05 09:00", 3600)
	sheet := compute(t, []Entry{a}, terms)
	renamed := with(a, func(a *calendar.Appointment) { a.Customer = "Acme AG" })
	later := terms.next(sheet)
	later.Customer = "Acme AG"
	later.Named = func(name string) string {
		if name == "Acme" {
			return "Acme AG"
		}
		return name
	}
	if got := brief(compute(t, []Entry{renamed}, later), sheet); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	other := with(timed("b", "2026-11-05 09:00", 60), func(a *calendar.Appointment) { a.Customer = "Acme" })
	if got := compute(t, []Entry{renamed, other}, later); got.Lines[0].Customer != "Acme AG" || got.Positions[0].Customer != "Acme AG" {
		t.Errorf("got %s", got.JSON())
	}
	if got := brief(compute(t, nil, later), sheet); !cmp.Equal(got, []string{"a Acme 60.00 -60 of sheet 1 line 1"}) {
		t.Errorf("withdrawn: got %v", got)
	}
}

func TestWhatMovesBetweenPeriodsIsBilledOnce(t *testing.T) {
	terms := october("EUR", "60.00")
	a := timed("a", "2026-10-05 09:00", 3600)
	sheet := compute(t, []Entry{a}, terms)
	moved := a
	moved.Hash = "sha256:moved"
	moved.Appointment.Start, moved.Appointment.End = at("2026-11-05 09:00"), at("2026-11-05 10:00")
	second := compute(t, []Entry{moved}, terms.next(sheet))
	if diff := cmp.Diff([]string{"a Acme 60.00 -60 of sheet 1 line 1", "a Acme 60.00 +60"}, brief(second, sheet)); diff != "" {
		t.Error(diff)
	}
	back := compute(t, []Entry{a}, terms.next(sheet).next(second))
	if diff := cmp.Diff([]string{"a Acme 60.00 +60 of sheet 2 line 2", "a Acme 60.00 -60 of sheet 2 line 2"}, brief(back, sheet, second)); diff != "" {
		t.Error(diff)
	}
	hidden := with(lasting(a, 3600), func(a *calendar.Appointment) { a.Sensitivity = calendar.Private })
	second = compute(t, []Entry{hidden}, terms.next(sheet))
	if diff := cmp.Diff([]string{"a Acme 60.00 -60 of sheet 1 line 1"}, brief(second, sheet)); diff != "" || len(second.LeftOut) != 0 {
		t.Error(diff, second.LeftOut)
	}
}

func TestAnEntryWithoutTimeIsSettledWithoutALineThatTakesItBack(t *testing.T) {
	terms := october("EUR", "60.00")
	none := timed("a", "2026-10-05 09:00", 0)
	sheet := compute(t, []Entry{none}, terms)
	if got := brief(compute(t, nil, terms.next(sheet)), sheet); len(got) != 0 {
		t.Errorf("withdrawn: got %v", got)
	}
	second := compute(t, []Entry{lasting(none, 3600)}, terms.next(sheet))
	if diff := cmp.Diff([]string{"a Acme 60.00 +60 of sheet 1 line 1"}, brief(second, sheet)); diff != "" {
		t.Error(diff)
	}
	if third := compute(t, []Entry{lasting(none, 3600)}, terms.next(sheet).next(second)); len(third.Lines) != 0 {
		t.Errorf("then: got %v", brief(third))
	}
}

func TestAPeriodAcrossALockedOneIsRefused(t *testing.T) {
	terms := october("EUR", "60.00")
	sheet := compute(t, nil, terms)
	for from, wrong := range map[string]bool{"2026-10-31": true, "2026-11-01": false, "2026-09-01": true} {
		later := terms.next(sheet)
		later.Period = Period{day(from), day("2026-11-30")}
		if _, err := Compute(nil, later); wrong != (fault.FieldOf(err) == "period") {
			t.Errorf("from %s: got %v", from, err)
		}
		later.Locked[0].Customer = "Beta"
		if _, err := Compute(nil, later); err != nil {
			t.Errorf("with another customer's sheet, from %s: got %v", from, err)
		}
	}
}

// history is a ledger of three months that changes between the sheets that are made of it.
type history struct {
	entries map[string]Entry
	n       int
}

func (h *history) list(rnd *rand.Rand) (all []Entry) {
	for _, e := range h.entries {
		all = append(all, e)
	}
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// change adds, changes, moves or withdraws an entry.
func (h *history) change(t *rapid.T) {
	keys := make([]string, 0, len(h.entries))
	for key := range h.entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	what := rapid.IntRange(0, 3).Draw(t, "what")
	h.n++
	if len(keys) == 0 || what == 0 {
		h.entries[fmt.Sprintf("e%02d", h.n)] = randomEntry(t, fmt.Sprintf("e%02d", h.n), h.n)
		return
	}
	key := rapid.SampledFrom(keys).Draw(t, "key")
	if what == 1 {
		delete(h.entries, key)
		return
	}
	e := randomEntry(t, key, h.n)
	h.entries[key] = e
}

func randomEntry(t *rapid.T, key string, version int) Entry {
	start := at("2026-10-01 00:00").Add(time.Duration(rapid.IntRange(0, 92*24*12).Draw(t, "start")) * 5 * time.Minute)
	e := Entry{Key: key, Version: version, Hash: fmt.Sprintf("sha256:%s-%d", key, version)}
	e.Appointment = calendar.Appointment{
		Subject: key, Start: start,
		End:         start.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")*rapid.SampledFrom([]int{1, 30, 60}).Draw(t, "unit")) * time.Second),
		Customer:    rapid.SampledFrom([]string{"Acme", "Acme", "Beta", ""}).Draw(t, "customer"),
		BillingType: rapid.SampledFrom([]calendar.BillingType{calendar.Billable, calendar.Billable, calendar.NonBillable}).Draw(t, "type"),
		Travel:      rapid.Bool().Draw(t, "travel"),
		Sensitivity: rapid.SampledFrom([]calendar.Sensitivity{calendar.Normal, calendar.Normal, "", calendar.Private}).Draw(t, "sensitivity"),
	}
	if rapid.IntRange(0, 5).Draw(t, "whole days") == 0 {
		a := &e.Appointment
		a.AllDay, a.StartDate = true, calendar.DateOf(start, berlin)
		a.EndDate = a.StartDate.AddDays(rapid.IntRange(1, 4).Draw(t, "days"))
		a.Start, a.End = calendar.StartOfDay(a.StartDate, berlin).UTC(), calendar.StartOfDay(a.EndDate, berlin).UTC()
	}
	return e
}

func randomTerms(t *rapid.T) Terms {
	terms := Terms{Zone: berlin, Period: Period{day("2026-10-01"), day("2026-10-31")}}
	terms.Currency = rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency")
	terms.Customer = rapid.SampledFrom([]string{"", "Acme"}).Draw(t, "of")
	terms.DayMinutes = rapid.SampledFrom([]int{0, 450}).Draw(t, "day")
	for _, from := range rapid.SliceOfNDistinct(rapid.IntRange(0, 80), 0, 3, rapid.ID).Draw(t, "rates") {
		terms.Rates = append(terms.Rates, Rate{
			From: day("2026-10-01").AddDays(from), Work: rapid.SampledFrom([]string{"120.00", "34.34", "27.5", "27.50"}).Draw(t, "work"),
			Travel: rapid.SampledFrom([]string{"", "60", "50%", "33.3%"}).Draw(t, "travel rate"),
		})
	}
	for _, from := range rapid.SliceOfNDistinct(rapid.IntRange(0, 80), 0, 3, rapid.ID).Draw(t, "roundings") {
		terms.Rounding = append(terms.Rounding, Rounding{
			day("2026-10-01").AddDays(from), rapid.SampledFrom([]int{0, 6, 15, 30, 60}).Draw(t, "increment"), rapid.SampledFrom([]Mode{Nearest, Up}).Draw(t, "mode"),
			rapid.SampledFrom([]Scope{ByEntry, ByDay, ByPosition}).Draw(t, "scope"), rapid.SampledFrom([]int{0, 0, 20}).Draw(t, "least"),
		})
	}
	return terms
}

// sumOf adds what positions bill, by all but the rounding.
func sumOf(sheets ...*Sheet) map[string][2]int64 {
	sums := map[string][2]int64{}
	for _, s := range sheets {
		for _, p := range s.Positions {
			key := fmt.Sprintf("%s %s %s %s %s", p.Customer, p.BillingType, p.Kind, p.Rate, p.Currency)
			sums[key] = [2]int64{sums[key][0] + p.Seconds, sums[key][1] + p.Billed}
		}
	}
	for key, sum := range sums {
		if sum == [2]int64{} {
			delete(sums, key)
		}
	}
	return sums
}

// TestEveryDifferenceIsSettledExactlyOnce locks month after month while the entries change, and compares all sheets together with what the entries
// come to in the end.
func TestEveryDifferenceIsSettledExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		h := &history{entries: map[string]Entry{}}
		terms := randomTerms(t)
		periods := []Period{
			{day("2026-10-01"), day("2026-10-31")}, {day("2026-11-01"), day("2026-11-15")}, {day("2026-11-16"), day("2026-11-30")},
			{day("2026-12-01"), day("2027-01-31")},
			{day("2028-01-01"), day("2028-01-31")}, // settles what is left
		}
		last := len(periods) - 1
		rnd.Shuffle(last, func(i, j int) { periods[i], periods[j] = periods[j], periods[i] }) // locked in any order
		var locked []*Sheet
		var kept []string
		for _, period := range periods {
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				h.change(t)
			}
			with := terms
			with.Period = period
			for _, i := range rnd.Perm(len(locked)) {
				with.Locked = append(with.Locked, Locked{Sheet: *locked[i], Customer: terms.Customer})
			}
			s, err := Compute(h.list(rnd), with)
			if err != nil {
				t.Fatal(err)
			}
			if problem := s.wrong(with.Zone, with.Rounding); problem != "" {
				t.Fatalf("a sheet that was computed does not hold: %s\n%s", problem, s.JSON())
			}
			locked, kept = append(locked, s), append(kept, s.Hash())
		}
		var fresh []*Sheet
		for _, period := range periods[:last] {
			with := terms
			with.Period = period
			s, err := Compute(h.list(rnd), with)
			if err != nil {
				t.Fatal(err)
			}
			fresh = append(fresh, s)
		}
		if diff := cmp.Diff(sumOf(fresh...), sumOf(locked...)); diff != "" {
			t.Fatalf("all sheets together bill otherwise than what there is now (-now +billed):\n%s", diff)
		}
		for i, s := range locked {
			if s.Hash() != kept[i] {
				t.Fatalf("sheet %d changed after it was locked", i+1)
			}
		}
	})
}

func TestALineIsReplacedWhenOnlyItsHashDiffers(t *testing.T) {
	terms := october("EUR", "60.00")
	a := timed("a", "2026-10-05 09:00", 3600)
	sheet := compute(t, []Entry{a}, terms)
	a.Hash, a.Version, a.Appointment.Subject = "sha256:other", 2, "a <b> & c"
	second := compute(t, []Entry{a}, terms.next(sheet))
	if diff := cmp.Diff([]string{"a Acme 60.00 -60 of sheet 1 line 1", "a Acme 60.00 +60 of sheet 1 line 1"}, brief(second, sheet)); diff != "" {
		t.Error(diff)
	}
	if second.Totals[0].Amount != "0.00" || !strings.Contains(string(second.JSON()), `"a <b> & c"`) {
		t.Errorf("got %s", second.JSON())
	}
}

func TestALineIsReplacedWhenItsHashStaysAndItsCustomerChanges(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.Customer = ""
	a := timed("a", "2026-10-05 09:00", 3600)
	sheet := compute(t, []Entry{a}, terms)
	second := compute(t, []Entry{with(a, func(a *calendar.Appointment) { a.Customer = "Beta" })}, terms.next(sheet))
	if diff := cmp.Diff([]string{"a Acme 60.00 -60 of sheet 1 line 1", "a Beta 60.00 +60 of sheet 1 line 1"}, brief(second, sheet)); diff != "" {
		t.Error(diff)
	}
}

func TestALineIsReplacedWhenItsHashStaysAndWhatIsBilledChanges(t *testing.T) {
	a := timed("a", "2026-10-05 23:30", 3600)
	for name, c := range map[string]struct {
		change func(*calendar.Appointment)
		zone   string
		want   string
	}{
		"nothing":                      {func(*calendar.Appointment) {}, "", ""},
		"the start":                    {func(a *calendar.Appointment) { a.Start = a.Start.Add(-time.Hour) }, "", "a Acme 60.00 -60,a Acme 60.00 +120"},
		"the end":                      {func(a *calendar.Appointment) { a.End = a.End.Add(time.Hour) }, "", "a Acme 60.00 -60,a Acme 60.00 +120"},
		"the billing type":             {func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable }, "", "a Acme 60.00 -60,a Acme  +60"},
		"that it is travel":            {func(a *calendar.Appointment) { a.Travel = true }, "", "a Acme 60.00 -60,a Acme 30.00 +60"},
		"the day, in another zone":     {func(*calendar.Appointment) {}, "Asia/Tokyo", "a Acme 60.00 -60,a Acme 60.00 +60"},
		"the spelling of its customer": {func(a *calendar.Appointment) { a.Customer = "ACME" }, "", ""},
	} {
		terms := october("EUR", "60.00")
		terms.Rates[0].Travel = "30.00"
		sheet := compute(t, []Entry{a}, terms)
		later := terms.next(sheet)
		if c.zone != "" {
			later.Zone = zone(c.zone)
		}
		var got []string
		for _, l := range compute(t, []Entry{with(a, c.change)}, later).Lines {
			got = append(got, fmt.Sprintf("%s %s %s %+d", l.Key, l.Customer, l.Rate, l.Billed/60))
		}
		slices.SortFunc(got, func(a, b string) int { // the one that is taken back first
			return strings.Compare(a[strings.LastIndex(a, " "):], b[strings.LastIndex(b, " "):]) * -1
		})
		if text := strings.Join(got, ","); text != c.want {
			t.Errorf("%s: got %q, want %q", name, text, c.want)
		}
	}
}

func TestASheetOfAllCustomersIsSettledForOneOfThem(t *testing.T) {
	all := october("EUR", "60.00")
	all.Customer = ""
	b := with(timed("b", "2026-10-06 09:00", 3600), func(a *calendar.Appointment) { a.Customer = "Beta" })
	sheet := compute(t, []Entry{timed("a", "2026-10-05 09:00", 3600), b}, all)
	acme := all.next(sheet)
	acme.Customer = "Acme"
	added := timed("new", "2026-10-07 09:00", 1800)
	want := []string{"a Acme 60.00 -60 of sheet 1 line 1", "new Acme 60.00 +30 of sheet 1"}
	if diff := cmp.Diff(want, brief(compute(t, []Entry{added}, acme), sheet)); diff != "" {
		t.Error(diff)
	}
	want = []string{"a Acme 60.00 -60 of sheet 1 line 1", "b Beta 60.00 -60 of sheet 1 line 2", "new Acme 60.00 +30 of sheet 1"}
	if diff := cmp.Diff(want, brief(compute(t, []Entry{added}, all.next(sheet)), sheet)); diff != "" {
		t.Error(diff)
	}
}

func TestASupplementIsTakenBackAlsoWhereTheSheetOfItsDaysIsNotGiven(t *testing.T) {
	terms := october("EUR", "60.00").rounded(15, Up, ByDay, 0)
	a := timed("a", "2026-10-05 09:00", 50*60)
	first := compute(t, []Entry{a}, terms)
	second := compute(t, []Entry{lasting(a, 80*60)}, terms.next(first))
	third := terms.next(first).next(second)
	third.Locked = third.Locked[1:]
	if got := brief(compute(t, nil, third), first, second); !cmp.Equal(got, []string{"a Acme 60.00 -80 of sheet 2 line 2"}) {
		t.Errorf("got %v", got)
	}
}

func TestASheetOfAllCustomersAndOneOfOneDoNotShareDays(t *testing.T) {
	one := october("EUR", "60.00")
	all := one
	all.Customer = ""
	for name, c := range map[string][2]Terms{"one after all": {all, one}, "all after one": {one, all}, "all twice": {all, all}} {
		sheet := compute(t, nil, c[0])
		later := c[1]
		later.Locked = []Locked{{Sheet: *sheet, Customer: c[0].Customer}}
		if _, err := Compute(nil, later); fault.FieldOf(err) != "period" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALockedLineHasBothTimesOrNone(t *testing.T) {
	terms := october("EUR", "60.00")
	for name, change := range map[string]func(*Line){
		"no start": func(l *Line) { l.Start = "" }, "no end": func(l *Line) { l.End = "" },
		"an end before its start": func(l *Line) { l.Start, l.End = l.End, l.Start },
	} {
		sheet := compute(t, minutes(30), terms)
		change(&sheet.Lines[0])
		if _, err := Compute(nil, terms.next(sheet)); fault.FieldOf(err) != "locked[0].lines[0]" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTimeThatWasRoundedToNothingIsTakenBackToo(t *testing.T) {
	terms := october("EUR", "60.00").rounded(15, Nearest, ByEntry, 0)
	a := timed("a", "2026-10-05 09:00", 7*60)
	sheet := compute(t, []Entry{a}, terms)
	sheet.Lines[0].Flags = nil // as a file may have it
	second := compute(t, []Entry{lasting(a, 20*60)}, terms.next(sheet))
	if p := second.Positions; len(second.Lines) != 2 || len(p) != 1 || p[0].Seconds != 13*60 || p[0].Billed != 15*60 || second.Lines[0].Seconds != -7*60 {
		t.Errorf("got %s", second.JSON())
	}
	if strings.Contains(string(second.JSON()), "null") || sheet.Lines[0].Flags != nil {
		t.Errorf("got %s", second.JSON())
	}
}

func TestAWholeDayCountsOnceWhereTheSheetOfAnotherCustomerIsGiven(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.DayMinutes = 480
	beta := terms
	beta.Customer = "Beta"
	terms.Locked = []Locked{{Sheet: *compute(t, nil, beta), Customer: "Beta"}}
	whole := with(timed("a", "2026-10-05 00:00", 0), func(a *calendar.Appointment) {
		a.AllDay, a.StartDate, a.EndDate, a.End = true, day("2026-10-05"), day("2026-10-07"), at("2026-10-07 00:00")
	})
	if s := compute(t, []Entry{whole}, terms); len(s.Lines) != 2 || s.Billed != 2*480*60 {
		t.Errorf("got %v", brief(s))
	}
}

func TestASheetThatIsGivenTwiceCountsOnce(t *testing.T) {
	terms := october("EUR", "60.00").rounded(15, Up, ByDay, 0)
	sheet := compute(t, minutes(5, 5), terms)
	later := terms.next(sheet)
	later.Locked = append(later.Locked, later.Locked[0])
	if got := compute(t, nil, later); len(got.Lines) != 2 || got.Billed != -15*60 {
		t.Errorf("got %s", got.JSON())
	}
}

func TestWhatASupplementBilledIsRoundedWithItsOwnPeriod(t *testing.T) {
	terms := october("EUR", "60.00").rounded(60, Up, ByPosition, 0)
	a, b := timed("a", "2026-10-05 09:00", 50*60), timed("b", "2026-10-06 09:00", 5*60)
	sheet := compute(t, []Entry{a, b}, terms) // 55 are 60
	b = lasting(b, 20*60)
	november := timed("n", "2026-11-05 09:00", 5*60)
	second := compute(t, []Entry{a, b, november}, terms.next(sheet)) // 70 are 120, and 5 are 60
	b = lasting(b, 30*60)
	third := compute(t, []Entry{a, b, november}, terms.next(sheet).next(second)) // 80 are 120 still
	if sheet.Billed != 3600 || second.Billed != 2*3600 || third.Billed != 0 {
		t.Errorf("got %d, then %d, then %d minutes", sheet.Billed/60, second.Billed/60, third.Billed/60)
	}
}

func TestEachDayOfAWholeDayEntryIsSettledByItself(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.DayMinutes = 480
	days := with(timed("a", "2026-10-05 00:00", 0), func(a *calendar.Appointment) {
		a.AllDay, a.StartDate, a.EndDate, a.End = true, day("2026-10-05"), day("2026-10-08"), at("2026-10-08 00:00")
	})
	sheet := compute(t, []Entry{days}, terms)
	if got := compute(t, []Entry{days}, terms.next(sheet)); len(sheet.Lines) != 3 || len(got.Lines) != 0 {
		t.Fatalf("unchanged: got %v of %v", brief(got, sheet), brief(sheet))
	}
	days.Appointment.StartDate, days.Appointment.Start = day("2026-10-06"), at("2026-10-06 00:00")
	if got := brief(compute(t, []Entry{days}, terms.next(sheet)), sheet); !cmp.Equal(got, []string{"a Acme 60.00 -480 of sheet 1 line 1"}) {
		t.Errorf("a day less: got %v", got)
	}
}
