package timesheet

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// changed is a copy of a sheet with a change.
func changed(t *testing.T, s *Sheet, change func(s *Sheet)) *Sheet {
	t.Helper()
	var other Sheet
	if err := json.Unmarshal(s.JSON(), &other); err != nil {
		t.Fatal(err)
	}
	change(&other)
	return &other
}

// retotal makes positions and totals cost what their time does, and the sheet have the time of its positions.
func retotal(s *Sheet) {
	s.Billed, s.Totals = 0, []Total{}
	for i := range s.Positions {
		p := &s.Positions[i]
		s.Billed += p.Billed
		if p.Rate == "" {
			continue
		}
		units, _ := parseDecimal(p.Rate)
		p.Amount = decimalText(amount(p.Billed, rate{units: units}, 2), 2)
		s.Totals = AddUp(s.Totals, []Total{{p.Currency, p.Amount}})
	}
}

// stretch adds time to a line, its end with it.
func stretch(l *Line, seconds int64) {
	end, _ := time.Parse(time.RFC3339, l.End)
	l.End = end.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339)
	l.Seconds, l.Billed = l.Seconds+seconds, l.Billed+seconds
}

func TestASheetThatComputeWouldNotHaveMadeDoesNotHold(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.Customer, terms.DayMinutes = "", 480
	terms.Rates[0].Travel = "30.00"
	terms.Rounding = []Rounding{
		{day("2026-10-10"), 30, Up, ByEntry, 0}, {day("2026-01-01"), 15, Up, ByDay, 0}, {day("2026-10-20"), 60, Up, ByPosition, 0},
	}
	travels := func(a *calendar.Appointment) { a.Travel = true }
	entries := []Entry{
		timed("a", "2026-10-05 08:00", 20*60), timed("b", "2026-10-05 10:00", 20*60), with(timed("way", "2026-10-05 07:00", 30*60), travels),
		timed("c", "2026-10-12 08:00", 40*60), timed("d", "2026-10-21 08:00", 20*60), timed("e", "2026-10-22 08:00", 50*60),
		timed("f", "2026-10-22 08:30", 50*60),
		with(timed("free", "2026-10-06 08:00", 60*60), func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable }),
		with(timed("whole", "2026-10-07 00:00", 24*3600), func(a *calendar.Appointment) {
			a.AllDay, a.StartDate, a.EndDate = true, day("2026-10-07"), day("2026-10-08")
		}),
	}
	s := compute(t, entries, terms)
	if problem := s.wrong(berlin, terms.Rounding); problem != "" {
		t.Fatal(problem)
	}
	at := func(s *Sheet, key string) *Line {
		return &s.Lines[slices.IndexFunc(s.Lines, func(l Line) bool { return l.Key == key })]
	}
	find := func(s *Sheet, billing calendar.BillingType, kind Kind) *Position {
		return &s.Positions[slices.IndexFunc(s.Positions, func(p Position) bool { return p.BillingType == billing && p.Kind == kind })]
	}
	// work is what is billed of work by the day, by the entry and by the position
	work := func(s *Sheet, n int) *Position {
		return &s.Positions[n+slices.IndexFunc(s.Positions, func(p Position) bool { return p.BillingType == calendar.Billable && p.Kind == Work })]
	}
	if len(s.Positions) != 5 || work(s, 0).Billed != 525*60 || work(s, 1).Billed != 60*60 || work(s, 2).Billed != 120*60 {
		t.Fatalf("the positions are %+v", s.Positions)
	}
	for name, change := range map[string]func(s *Sheet){
		"more time on a line": func(s *Sheet) { at(s, "a").Seconds += 900; work(s, 0).Seconds += 900 },
		"more is billed of a line than its rounding": func(s *Sheet) {
			at(s, "c").Billed += 1800
			work(s, 1).Billed += 1800
			retotal(s)
		},
		"a line that is rounded with others bills more": func(s *Sheet) { at(s, "a").Billed += 600 },
		"no lines": func(s *Sheet) { s.Lines, s.Worked, s.Overlaps = []Line{}, 0, [][2]string{} },
		"a line less": func(s *Sheet) {
			s.Worked -= at(s, "c").Seconds
			s.Lines = slices.DeleteFunc(s.Lines, func(l Line) bool { return l.Key == "c" })
		},
		"a line twice": func(s *Sheet) {
			s.Lines = append(s.Lines, *at(s, "c"))
			work(s, 1).Seconds += 2400
			work(s, 1).Billed += 3600
			retotal(s)
		},
		"a line of another day": func(s *Sheet) { at(s, "a").Date = day("2026-10-06") },
		"a line of another month": func(s *Sheet) {
			l := at(s, "c")
			l.Start, l.End, l.Date = "2026-09-12T06:00:00Z", "2026-09-12T06:40:00Z", day("2026-09-12")
		},
		"a day of another month":            func(s *Sheet) { at(s, "whole").Date = day("2026-11-01") },
		"a day longer than a day":           func(s *Sheet) { at(s, "whole").Seconds, at(s, "whole").Billed = 86_460, 86_460 },
		"an end before the start":           func(s *Sheet) { l := at(s, "c"); l.Start, l.End = l.End, l.Start },
		"no end":                            func(s *Sheet) { at(s, "c").End = "" },
		"a whole day with an end":           func(s *Sheet) { at(s, "whole").End = at(s, "c").End },
		"a line takes back what it has not": func(s *Sheet) { l := at(s, "c"); l.Seconds, l.Billed = -l.Seconds, -l.Billed },
		"what is not billable at a rate": func(s *Sheet) {
			at(s, "free").Rate = "60.00"
			find(s, calendar.NonBillable, Work).Rate, find(s, calendar.NonBillable, Work).Currency = "60.00", "EUR"
			retotal(s)
		},
		"an amount without a rate":   func(s *Sheet) { find(s, calendar.NonBillable, Work).Amount = "60.00" },
		"a line at another rate":     func(s *Sheet) { at(s, "a").Rate = "61.00" },
		"a line of another customer": func(s *Sheet) { at(s, "a").Customer = "Beta" },
		"a position's time":          func(s *Sheet) { work(s, 0).Seconds++ },
		"time at the dearer rate":    func(s *Sheet) { work(s, 0).Seconds += 600; find(s, calendar.Billable, Travel).Seconds -= 600 },
		"billed at the dearer rate": func(s *Sheet) {
			work(s, 0).Billed += 600
			find(s, calendar.Billable, Travel).Billed -= 600
			retotal(s)
		},
		"billed by another rounding":  func(s *Sheet) { work(s, 0).Billed -= 900; work(s, 1).Billed += 900; retotal(s) },
		"counted by another rounding": func(s *Sheet) { work(s, 0).Seconds -= 900; work(s, 1).Seconds += 900 },
		"more is billed of a day":     func(s *Sheet) { work(s, 0).Billed += 900; retotal(s) },
		"more is billed of an entry":  func(s *Sheet) { work(s, 1).Billed += 900; retotal(s) },
		"more is billed by position":  func(s *Sheet) { work(s, 2).Billed += 900; retotal(s) },
		"less is billed by position":  func(s *Sheet) { work(s, 2).Billed -= 900; retotal(s) },
		"a position in one": func(s *Sheet) {
			work(s, 1).Seconds += work(s, 0).Seconds
			s.Positions = s.Positions[1:]
			retotal(s)
		},
		"a position without lines": func(s *Sheet) {
			s.Positions = append(s.Positions, Position{"Acme", calendar.Billable, Work, "90.00", "EUR", 0, 3600, ""})
			retotal(s)
		},
		"an empty position beside others": func(s *Sheet) {
			s.Positions = append(s.Positions, Position{"Acme", calendar.Billable, Work, "60.00", "EUR", 0, 0, "0.00"})
		},
		"a position's amount":  func(s *Sheet) { work(s, 0).Amount = "46.00" },
		"what is billed":       func(s *Sheet) { s.Billed++ },
		"what was worked":      func(s *Sheet) { s.Worked++ },
		"another order":        func(s *Sheet) { s.Lines[0], s.Lines[1] = s.Lines[1], s.Lines[0] },
		"an overlap less":      func(s *Sheet) { s.Overlaps = s.Overlaps[1:] },
		"a total":              func(s *Sheet) { s.Totals[0].Amount = "46.00" },
		"no total":             func(s *Sheet) { s.Totals = nil },
		"a total in no use":    func(s *Sheet) { s.Totals = append(s.Totals, Total{"CHF", "1.00"}) },
		"a total twice":        func(s *Sheet) { s.Totals = append(s.Totals, s.Totals[0]) },
		"a currency":           func(s *Sheet) { work(s, 0).Currency = "EUX" },
		"time of another coin": func(s *Sheet) { work(s, 0).Currency = "JPY" },
		"a rate that is none": func(s *Sheet) {
			for i := range s.Lines {
				if s.Lines[i].Kind == Travel {
					s.Lines[i].Rate = "x"
				}
			}
			find(s, calendar.Billable, Travel).Rate, find(s, calendar.Billable, Travel).Amount = "x", "0.00"
		},
	} {
		if other := changed(t, s, change); other.wrong(berlin, terms.Rounding) == "" {
			t.Errorf("%s: nobody notices", name)
		}
	}
	if s.wrong(berlin, terms.Rounding[:2]) == "" || s.wrong(time.UTC, terms.Rounding) != "" {
		t.Error("another rounding is taken for that of the sheet, or the days depend on the order")
	}
	if late := compute(t, []Entry{timed("late", "2026-10-05 00:30", 600)}, october("EUR", "60.00")); late.wrong(time.UTC, nil) == "" {
		t.Error("the day of another time zone is taken for that of the sheet")
	}
}

func TestWhatDoesNotHoldIsNamed(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.DayMinutes = 24 * 60
	whole := with(timed("whole", "2026-10-07 00:00", 24*3600), func(a *calendar.Appointment) {
		a.AllDay, a.StartDate, a.EndDate = true, day("2026-10-07"), day("2026-10-09")
	})
	s := compute(t, []Entry{whole, timed("long", "2026-10-10 08:00", 30*3600), timed("b", "2026-10-12 08:00", 900)}, terms)
	if problem := s.wrong(berlin, nil); problem != "" || len(s.Positions) != 1 || len(s.Lines) != 4 {
		t.Fatal(problem, s.Positions)
	}
	of := func(currency, rate, amount string) func(s *Sheet) {
		return func(s *Sheet) {
			for i := range s.Lines {
				s.Lines[i].Rate = rate
			}
			s.Positions[0].Currency, s.Positions[0].Rate, s.Positions[0].Amount, s.Totals = currency, rate, amount, []Total{{currency, amount}}
		}
	}
	for name, c := range map[string]struct {
		change func(s *Sheet)
		says   string
	}{
		"the first day is none of the period": {func(s *Sheet) { s.Period.From = day("2026-10-08") }, "line 1 is not of the period"},
		"the last day is none of the period":  {func(s *Sheet) { s.Period.To = day("2026-10-11") }, "line 4 is not of the period"},
		"a whole day longer than a day": {func(s *Sheet) {
			s.Lines[1].Seconds, s.Lines[1].Billed = 86_460, 86_460
			s.Positions[0].Seconds, s.Positions[0].Billed, s.Worked = s.Positions[0].Seconds+60, s.Positions[0].Billed+60, s.Worked+60
			retotal(s)
		}, "line 2 has more time than a day"},
		"an entry less long than it says": {func(s *Sheet) { s.Lines[3].Seconds++ }, "line 4 has another time"},
		"a day twice":                     {func(s *Sheet) { s.Lines[1].Date = s.Lines[0].Date }, "line 2 bills or takes back once more"},
		"no position":                     {func(s *Sheet) { s.Positions = nil }, "the time of its lines"},
		"a currency that is none":         {of("EUX", "60.00", "4695"), "position 1 has a rate or currency that is none"},
		"a rate that is none":             {of("EUR", "sixty", "0.00"), "position 1 has a rate or currency that is none"},
		"an amount":                       {func(s *Sheet) { s.Positions[0].Amount = "1.00" }, "position 1 has another amount"},
		"an amount without a rate":        {of("EUR", "", "1.00"), "position 1 has an amount without a rate"},
		"a position without lines": {func(s *Sheet) {
			s.Positions = append(s.Positions, Position{Customer: "Beta", BillingType: calendar.Billable, Kind: Work})
		},
			"position 2 has no lines"},
		"what is billed": {func(s *Sheet) { s.Billed-- }, "the time of its positions"},
	} {
		if got := changed(t, s, c.change).wrong(berlin, nil); !strings.HasPrefix(got, c.says) {
			t.Errorf("%s: got %q, want %q", name, got, c.says)
		}
	}
	facts := map[string]*ledger.Facts{}
	if got := s.untrue(facts, berlin, nil); got != "line 1 has no entry that is proven" {
		t.Errorf("got %q", got)
	}
}

// TestPartsOfAPositionHaveTheOrderOfTheirRounding: lines of whole days come first, whatever day they are of.
func TestPartsOfAPositionHaveTheOrderOfTheirRounding(t *testing.T) {
	terms := october("EUR", "60.00")
	terms.DayMinutes = 480
	terms.Rounding = []Rounding{{day("2026-01-01"), 15, Up, ByDay, 0}, {day("2026-10-10"), 30, Up, ByEntry, 0}, {day("2026-10-20"), 60, Up, ByPosition, 0}}
	whole := with(timed("whole", "2026-10-21 00:00", 24*3600), func(a *calendar.Appointment) {
		a.AllDay, a.StartDate, a.EndDate = true, day("2026-10-21"), day("2026-10-22")
	})
	s := compute(t, []Entry{whole, timed("a", "2026-10-12 08:00", 600), timed("b", "2026-10-05 08:00", 600)}, terms)
	for range 20 {
		if problem := s.wrong(berlin, terms.Rounding); problem != "" {
			t.Fatal(problem)
		}
	}
}

// TestALineThatTakesBackNoMoneyHolds: its time was rounded to nothing.
func TestALineThatTakesBackNoMoneyHolds(t *testing.T) {
	terms := october("EUR", "60.00").rounded(15, Nearest, ByEntry, 0)
	before := timed("a", "2026-10-05 08:00", 180)
	s := compute(t, []Entry{lasting(before, 3600)}, terms.next(compute(t, []Entry{before}, terms)))
	if problem := s.wrong(berlin, terms.Rounding); problem != "" || len(s.Lines) != 2 || s.Lines[0].Billed+s.Lines[1].Billed != 3600 {
		t.Error(problem, s.Lines)
	}
}

func TestEachOfTwoCurrenciesHasItsTotal(t *testing.T) {
	s := &Sheet{
		Period: october("EUR", "").Period, LeftOut: []LeftOut{}, Overlaps: [][2]string{}, Billed: 7200, Worked: 7200,
		Lines: []Line{
			{Key: "a", Date: day("2026-10-05"), Start: "2026-10-05T07:00:00Z", End: "2026-10-05T08:00:00Z", Customer: "Acme", BillingType: calendar.Billable,
				Kind: Work, Rate: "60.00", Seconds: 3600, Billed: 3600},
			{Key: "b", Date: day("2026-10-06"), Start: "2026-10-06T07:00:00Z", End: "2026-10-06T08:00:00Z", Customer: "Beta", BillingType: calendar.Billable,
				Kind: Work, Rate: "60.00", Seconds: 3600, Billed: 3600},
		},
		Positions: []Position{
			{"Acme", calendar.Billable, Work, "60.00", "EUR", 3600, 3600, "60.00"}, {"Beta", calendar.Billable, Work, "60.00", "USD", 3600, 3600, "60.00"},
		},
		Totals: []Total{{"EUR", "60.00"}, {"USD", "60.00"}},
	}
	if problem := s.wrong(berlin, nil); problem != "" {
		t.Fatal(problem)
	}
	for _, totals := range [][]Total{{{"EUR", "60.00"}, {"EUR", "60.00"}}, {{"USD", "60.00"}, {"EUR", "60.00"}}, {{"EUR", "120.00"}}} {
		if s.Totals = totals; s.wrong(berlin, nil) == "" {
			t.Errorf("%v: nobody notices", totals)
		}
	}
}

// TestWhatASupplementTakesBackIsNamedOnce looks at the lines by which 50 minutes became 80.
func TestWhatASupplementTakesBackIsNamedOnce(t *testing.T) {
	terms := october("EUR", "60.00").rounded(15, Up, ByEntry, 0)
	whole := with(timed("whole", "2026-10-07 00:00", 24*3600), func(a *calendar.Appointment) {
		a.AllDay, a.StartDate, a.EndDate = true, day("2026-10-07"), day("2026-10-08")
	})
	terms.DayMinutes = 480
	before := timed("a", "2026-10-05 08:00", 50*60)
	next := terms.next(compute(t, []Entry{before, whole}, terms))
	s := compute(t, []Entry{lasting(before, 80*60), timed("n", "2026-11-05 08:00", 50*60)}, next)
	if problem := s.wrong(berlin, next.Rounding); problem != "" || len(s.Lines) != 4 {
		t.Fatal(problem, len(s.Lines))
	}
	at := slices.IndexFunc(s.Lines, func(l Line) bool { return l.Key == "a" && l.Reverses() })
	other := slices.IndexFunc(s.Lines, func(l Line) bool { return l.Key == "whole" })
	for name, change := range map[string]func(back *Line, s *Sheet){
		"nothing is named":        func(back *Line, _ *Sheet) { back.Supplements = "" },
		"a sheet and no line":     func(back *Line, _ *Sheet) { back.Supplements, _, _ = strings.Cut(back.Supplements, "#") },
		"less time than it lasts": func(back *Line, s *Sheet) { back.Seconds += 60; s.Positions[0].Seconds += 60 },
		"more time than it lasts": func(back *Line, s *Sheet) { back.Seconds -= 60; s.Positions[0].Seconds -= 60 },
		"it is billed":            func(back *Line, _ *Sheet) { back.Billed = -back.Billed },
		"one line is named twice": func(back *Line, s *Sheet) { s.Lines[other].Supplements = back.Supplements },
		"the new one more":        func(_ *Line, s *Sheet) { stretch(&s.Lines[at+1], 60) },
		"the sum of the position": func(_ *Line, s *Sheet) { s.Positions[0].Seconds++ },
		"a time that is none":     func(back *Line, _ *Sheet) { back.Start = "x" },
		"a whole day of two": func(_ *Line, s *Sheet) {
			l := &s.Lines[other]
			s.Positions[0].Seconds += 90_000 + l.Seconds
			l.Seconds = -90_000
		},
		"what is not billable had": func(back *Line, s *Sheet) { back.BillingType = calendar.NonBillable },
	} {
		if got := changed(t, s, func(s *Sheet) { change(&s.Lines[at], s) }); got.wrong(berlin, next.Rounding) == "" {
			t.Errorf("%s: nobody notices", name)
		}
	}
}

func TestALineWithoutTimeHasAPosition(t *testing.T) {
	terms := october("EUR", "60.00")
	before := timed("a", "2026-10-05 08:00", 50*60)
	next := terms.next(compute(t, []Entry{before}, terms))
	s := compute(t, []Entry{with(lasting(before, 0), func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable })}, next)
	if problem := s.wrong(berlin, nil); problem != "" || len(s.Positions) != 2 || s.Positions[1].Seconds != 0 {
		t.Fatal(problem, s.Positions)
	}
	if s.Positions = s.Positions[:1]; s.wrong(berlin, nil) == "" {
		t.Error("nobody notices that it has none")
	}
}

func TestALineIsThatOfItsEntry(t *testing.T) {
	line := Line{
		Key: "a", Version: 1, Hash: "sha256:a", Date: day("2026-10-05"), Start: "2026-10-05T07:00:00Z", End: "2026-10-05T08:00:00Z", Customer: "Acme",
		BillingType: calendar.Billable, Kind: Work, Subject: "Review", Seconds: 3600, Billed: 3600,
	}
	facts := ledger.Facts{
		Key: "a", Version: 1, Hash: "sha256:a", Outcome: ledger.Archived, Subject: "Review", Start: "2026-10-05T07:00:00Z", End: "2026-10-05T08:00:00Z",
		Customer: "ACME Ltd", BillingType: "billable", Sensitivity: "normal",
	}
	wholeLine, wholeFacts := line, facts
	wholeLine.Start, wholeLine.End = "", ""
	wholeFacts.AllDay, wholeFacts.StartDate, wholeFacts.EndDate = true, "2026-10-05", "2026-10-07"
	for name, c := range map[string]struct {
		change func(l *Line, f *ledger.Facts)
		whole  bool
		says   string
	}{
		"as it is":                     {func(*Line, *ledger.Facts) {}, false, ""},
		"a whole day":                  {func(*Line, *ledger.Facts) {}, true, ""},
		"its last day":                 {func(l *Line, _ *ledger.Facts) { l.Date = day("2026-10-06") }, true, ""},
		"the day before":               {func(l *Line, _ *ledger.Facts) { l.Date = day("2026-10-04") }, true, "another day"},
		"the day after":                {func(l *Line, _ *ledger.Facts) { l.Date = day("2026-10-07") }, true, "another day"},
		"hours of a whole day":         {func(_ *Line, f *ledger.Facts) { f.AllDay = true }, false, "other times"},
		"a whole day of hours":         {func(_ *Line, f *ledger.Facts) { f.AllDay = false }, true, "other times"},
		"another hash":                 {func(l *Line, _ *ledger.Facts) { l.Hash = "sha256:b" }, false, "another hash"},
		"another start":                {func(l *Line, _ *ledger.Facts) { l.Start = "2026-10-05T06:00:00Z" }, false, "other times"},
		"another end":                  {func(l *Line, _ *ledger.Facts) { l.End = "2026-10-05T09:00:00Z" }, false, "other times"},
		"another subject":              {func(l *Line, _ *ledger.Facts) { l.Subject = "Other" }, false, "another subject"},
		"a journey as work":            {func(_ *Line, f *ledger.Facts) { f.Travel = true }, false, "another kind"},
		"work as a journey":            {func(l *Line, _ *ledger.Facts) { l.Kind = Travel }, false, "another kind"},
		"a journey":                    {func(l *Line, f *ledger.Facts) { l.Kind, f.Travel = Travel, true }, false, ""},
		"a journey of no type":         {func(l *Line, f *ledger.Facts) { l.Kind, f.Travel, f.BillingType = Travel, true, "" }, false, ""},
		"a journey that is not billed": {func(l *Line, f *ledger.Facts) { l.Kind, f.Travel, f.BillingType = Travel, true, "non-billable" }, false, "billing type"},
		"work of no type, billed":      {func(_ *Line, f *ledger.Facts) { f.BillingType = "" }, false, "billing type"},
		"work of no type":              {func(l *Line, f *ledger.Facts) { l.BillingType, f.BillingType = "", "" }, false, ""},
		"work that is not billed":      {func(_ *Line, f *ledger.Facts) { f.BillingType = "non-billable" }, false, "billing type"},
		"withdrawn":                    {func(_ *Line, f *ledger.Facts) { f.Outcome = ledger.Withdrawn }, false, "not archived"},
		"private":                      {func(_ *Line, f *ledger.Facts) { f.Sensitivity = "private" }, false, "private"},
	} {
		l, f := line, facts
		if c.whole {
			l, f = wholeLine, wholeFacts
		}
		c.change(&l, &f)
		if got := l.unlike(&f); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want %q", name, got, c.says)
		}
	}
	if line.unlike(nil) == "" {
		t.Error("a line without an entry holds")
	}
}
