package calendar

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestParsePeriod(t *testing.T) {
	for _, c := range []struct{ text, today, from, to string }{
		// 2026-10-07 is a Wednesday.
		{"today", "2026-10-07", "2026-10-07", "2026-10-07"},
		{" TODAY\t", "2026-10-07", "2026-10-07", "2026-10-07"},
		{"yesterday", "2026-03-01", "2026-02-28", "2026-02-28"},
		{"last 1 day", "2026-10-07", "2026-10-06", "2026-10-06"},
		{"Last  30   Days", "2026-10-07", "2026-09-07", "2026-10-06"},
		{"this week", "2026-10-07", "2026-10-05", "2026-10-11"},
		{"this week", "2026-10-05", "2026-10-05", "2026-10-11"},
		{"this week", "2026-10-11", "2026-10-05", "2026-10-11"},
		{"last week", "2026-10-07", "2026-09-28", "2026-10-04"},
		{"last month", "2026-10-07", "2026-09-01", "2026-09-30"},
		{"last month", "2026-01-31", "2025-12-01", "2025-12-31"},
		{"last month", "2024-03-31", "2024-02-01", "2024-02-29"},
		{"2026-10-05", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"2027-01-01", "2026-10-07", "2027-01-01", "2027-01-01"},
		{"05-10-2026", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"5-10-2026", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"5-Oct-2024", "2026-10-07", "2024-10-05", "2024-10-05"},
		{"05-Oct", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"5-october", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"5-10", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"7-10", "2026-10-07", "2026-10-07", "2026-10-07"},
		{"8-10", "2026-10-07", "2025-10-08", "2025-10-08"},
		{"29-Feb", "2026-10-07", "2024-02-29", "2024-02-29"},
		{"29-2", "1903-01-01", "1896-02-29", "1896-02-29"},

		{"tomorrow", "2026-10-31", "2026-11-01", "2026-11-01"},
		{"next week", "2026-10-07", "2026-10-12", "2026-10-18"},
		{"next 2 days", "2026-10-07", "2026-10-08", "2026-10-09"},
		{"this month", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"next month", "2026-12-31", "2027-01-01", "2027-01-31"},
		{"this quarter", "2026-12-31", "2026-10-01", "2026-12-31"},
		{"last quarter", "2026-02-10", "2025-10-01", "2025-12-31"},
		{"next quarter", "2026-12-10", "2027-01-01", "2027-03-31"},
		{"last year", "2026-02-10", "2025-01-01", "2025-12-31"},
		{"2026-10", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"2024-2", "2026-10-07", "2024-02-01", "2024-02-29"},
		{"2026", "2026-10-07", "2026-01-01", "2026-12-31"},
		{"October", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"October", "2026-10-01", "2026-10-01", "2026-10-31"},
		{"October", "2026-09-30", "2025-10-01", "2025-10-31"},
		{"feb", "2025-01-15", "2024-02-01", "2024-02-29"},
		{"Sept", "2026-10-07", "2026-09-01", "2026-09-30"},
		{"Oct 2026", "2026-01-07", "2026-10-01", "2026-10-31"},
		{"october-2026", "2026-01-07", "2026-10-01", "2026-10-31"},
		{"2026 October", "2026-01-07", "2026-10-01", "2026-10-31"},
		{"Q3 2026", "2026-01-07", "2026-07-01", "2026-09-30"},
		{"2026-Q4", "2026-01-07", "2026-10-01", "2026-12-31"},
		{"q1", "2026-01-07", "2026-01-01", "2026-03-31"},
		{"q4", "2026-01-07", "2025-10-01", "2025-12-31"},
		{"15.10.2026", "2026-10-07", "2026-10-15", "2026-10-15"},
		{"5.10.", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"5.10", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"15 Oct 2026", "2026-10-07", "2026-10-15", "2026-10-15"},
		{"5 October", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"Oct 5", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"October 5, 2024", "2026-10-07", "2024-10-05", "2024-10-05"},

		{"Sep to Oct", "2026-10-07", "2026-09-01", "2026-10-31"},
		{"Nov to Feb", "2026-10-07", "2025-11-01", "2026-02-28"},
		{"Nov to Feb 2025", "2026-10-07", "2024-11-01", "2025-02-28"},
		{"2025-11 to Feb", "2026-10-07", "2025-11-01", "2026-02-28"},
		{"2026-10-01..2026-10-15", "2026-10-07", "2026-10-01", "2026-10-15"},
		{"1.10. \u2013 15.10.", "2026-10-20", "2026-10-01", "2026-10-15"},
		{"Oct - 15 Oct", "2026-10-20", "2026-10-01", "2026-10-15"},
		{"Q3 to October", "2026-11-20", "2026-07-01", "2026-10-31"},
		{"today - tomorrow", "2026-10-07", "2026-10-07", "2026-10-08"},

		{"01-10-2026 - 31-10-2026", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"2026-10-01 TO 2026-10-31", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"1-10 - 5-10", "2026-10-07", "2026-10-01", "2026-10-05"},
		{"1-10 to 31-10", "2026-10-07", "2026-10-01", "2026-10-31"},
		{"8-Oct to 10-Oct", "2026-10-07", "2025-10-08", "2025-10-10"},
		{"28-Dec to 3-Jan", "2026-01-10", "2025-12-28", "2026-01-03"},
		{"28-Dec to 3-Jan", "2026-01-01", "2025-12-28", "2026-01-03"},
		{"28-Dec to 3-Jan", "2026-12-27", "2025-12-28", "2026-01-03"},
		{"5-Oct to 5-Oct", "2026-10-07", "2026-10-05", "2026-10-05"},
		{"2024-12-28 to 3-Jan", "2026-10-07", "2024-12-28", "2025-01-03"},
		{"28-Dec to 2025-01-03", "2026-10-07", "2024-12-28", "2025-01-03"},
		{"28-Dec to 2027-01-03", "2026-10-07", "2026-12-28", "2027-01-03"},
		{"1-Oct to yesterday", "2026-10-07", "2026-10-01", "2026-10-06"},
		{"last month to today", "2026-10-07", "2026-09-01", "2026-10-07"},
		{"last week - this week", "2026-10-07", "2026-09-28", "2026-10-11"},
		{"last 3 days to today", "2026-10-07", "2026-10-04", "2026-10-07"},
	} {
		t.Run(c.text+" on "+c.today, func(t *testing.T) {
			today, err := ParseDate(c.today)
			if err != nil {
				t.Fatal(err)
			}
			from, to, err := ParsePeriod(c.text, today, time.Monday)
			if err != nil || from.String() != c.from || to.String() != c.to {
				t.Fatalf("got %v to %v, %v; want %s to %s", from, to, err, c.from, c.to)
			}
		})
	}
}

func TestWeeksBeginOnAnyDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		today := Date{2026, time.January, 1}.AddDays(rapid.IntRange(0, 1000).Draw(t, "day"))
		start := time.Weekday(rapid.IntRange(0, 6).Draw(t, "start"))
		from, to, err := ParsePeriod("this week", today, start)
		if err != nil || from.Weekday() != start || from.AddDays(6) != to || today.Before(from) || to.Before(today) {
			t.Fatalf("the week of %v from %v on is %v to %v, %v", today, start, from, to, err)
		}
		if lastFrom, lastTo, err := ParsePeriod("last week", today, start); err != nil || lastFrom.AddDays(7) != from || lastTo.AddDays(1) != from {
			t.Fatalf("the week before %v is %v to %v, %v", from, lastFrom, lastTo, err)
		}
	})
}

func TestParsePeriodSaysWhatIsWrong(t *testing.T) {
	today := Date{2026, time.October, 7}
	for text, want := range map[string]string{
		"":                            `the period "" was not understood; expected`,
		"soon":                        `the period "soon" was not understood; expected`,
		"next":                        `the period "next" was not understood; expected`,
		"next fortnight":              `the period "next fortnight" was not understood; expected`,
		"this 3 days":                 `the period "this 3 days" was not understood; expected`,
		"2026-13":                     `the period "2026-13" is a day or month that does not exist`,
		"0000-10":                     `the period "0000-10" is a day or month that does not exist`,
		"2026-00":                     `the period "2026-00" is a day or month that does not exist`,
		"Q5 2026":                     `the period "Q5 2026" was not understood; expected`,
		"q0":                          `the period "q0" was not understood; expected`,
		"Oc":                          `the period "Oc" was not understood; expected`,
		"Octobre":                     `the period "Octobre" was not understood; expected`,
		"15..10":                      `"15" in the period "15..10" was not understood; expected`,
		"5 10":                        `the period "5 10" was not understood; expected`,
		"15.10-2026":                  `the period "15.10-2026" was not understood; expected`,
		"Oct 32":                      `the period "Oct 32" was not understood; expected`,
		"5 Oct 26":                    `the period "5 Oct 26" was not understood; expected`,
		"last days":                   `the period "last days" was not understood; expected`,
		"last 0 days":                 `the period "last 0 days" was not understood; expected`,
		"last -3 days":                `the period "last -3 days" was not understood; expected`,
		"last 99999999999999999 days": `the period "last 99999999999999999 days" was not understood; expected`,
		"2026-02-30":                  `the period "2026-02-30" is a day or month that does not exist`,
		"2026-1-5":                    `the period "2026-1-5" was not understood; expected`,
		"05-10-26":                    `the period "05-10-26" was not understood; expected`,
		"31-Feb":                      `the period "31-Feb" was not understood; expected`,
		"5-Okt":                       `the period "5-Okt" was not understood; expected`,
		"5-13":                        `the period "5-13" is a day or month that does not exist`,
		"5-10-":                       `the period "5-10-" was not understood; expected`,
		"5":                           `the period "5" was not understood; expected`,
		"5 - 10":                      `"5" in the period "5 - 10" was not understood; expected`,
		"1-10-2026-31-10-2026":        `the period "1-10-2026-31-10-2026" was not understood; expected`,
		"2026-10-01 to 30.02.2026":    `"30.02.2026" in the period "2026-10-01 to 30.02.2026" is a day or month that does not exist`,
		"30.2.":                       `the period "30.2." is a day or month that does not exist`,
		"30.2":                        `the period "30.2" is a day or month that does not exist`,
		"31-4-2026":                   `the period "31-4-2026" is a day or month that does not exist`,
		"to 5-10":                     `"" in the period "to 5-10"`,
		"5-10 to":                     `"" in the period "5-10 to"`,
		"1-10 to 2-10 to 3-10":        `"2-10 to 3-10" in the period "1-10 to 2-10 to 3-10" was not understood; expected`,
		"today to yesterday":          "ends, 2026-10-06, before it begins, 2026-10-07",
		"2026-10-05 - 2026-10-04":     "before it begins",
		"9999-12-31 to 1-1":           "years 1 to 9999",
	} {
		_, _, err := ParsePeriod(text, today, time.Monday)
		if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
		if strings.Contains(want, "understood") && !strings.Contains(err.Error(), "15-Oct") {
			t.Errorf("%q: %v does not say what is accepted", text, err)
		}
	}
	if _, _, err := ParsePeriod("last 9 days", Date{1, time.January, 5}, time.Monday); err == nil {
		t.Error("a day before year 1 was accepted")
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, seed := range []string{
		"today", "last 7 days", "this week", "last month", "2026-10-05", "05-10-2026", "5-Oct", "5-10", "28-Dec to 3-Jan", "1-10 - 31-10", "29-feb to 28-2",
		"next week", "2026-10", "October", "Oct 2026", "Q3 2026", "15.10.2026", "Oct 5, 2026", "nov to feb", "2026", "this quarter", "1.10...2.10.",
	} {
		f.Add(seed, 739_000, 1)
	}
	f.Fuzz(func(t *testing.T, text string, day, weekStart int) {
		today := Date{1, time.January, 1}.AddDays(int(uint(day) % 3_652_059))
		from, to, err := ParsePeriod(text, today, time.Weekday(uint(weekStart)%7))
		if err != nil {
			if fault.Of(err) != fault.Invalid || from != (Date{}) || to != (Date{}) {
				t.Fatalf("%q: got %v to %v, %v", text, from, to, err)
			}
			return
		}
		if !from.Valid() || !to.Valid() || to.Before(from) {
			t.Fatalf("%q is %v to %v", text, from, to)
		}
		if capitals, _, err := ParsePeriod("  "+strings.ToUpper(text)+" ", today, time.Weekday(uint(weekStart)%7)); err != nil || capitals != from {
			t.Fatalf("%q in capitals begins %v, %v, not %v", text, capitals, err, from)
		}
	})
}
