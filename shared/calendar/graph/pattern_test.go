package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// seriesDraft is a series that begins at 09:00, or with the day.
func seriesDraft(day calendar.Date, zone string, allDay bool, rule string) calendar.Draft {
	d := someDraft()
	d.AllDay = allDay
	d.Start = calendar.DateTime{Local: day.String() + "T09:00:00", Zone: zone}
	d.End = calendar.DateTime{Local: day.String() + "T09:30:00", Zone: zone}
	if allDay {
		d.Start.Local, d.End.Local = day.String()+"T00:00:00", day.AddDays(1).String()+"T00:00:00"
	}
	d.Recurrence = &calendar.Recurrence{Rules: []string{rule}}
	return d
}

// patternOf is what Graph gets of a draft's recurrence.
func patternOf(d calendar.Draft) (*graphRecurrence, error) {
	start, _, err := times(&d)
	if err != nil {
		return nil, err
	}
	return recurrence(&d, start)
}

// starts are when a series has its first instances: up to 200 in eleven years.
func starts(t rapid.TB, e calendar.Event) []string {
	t.Helper()
	from, err := e.Start.Instant(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	e.ID, e.Type = "x", calendar.Master
	instances, err := series.Expand(e, nil, from.AddDate(0, 0, -2), from.AddDate(12, 0, 0), calendar.LoadZone)
	if err != nil {
		t.Fatalf("%v: %v", e.Recurrence.Rules, err)
	}
	return firstOf(instances, from)
}

func firstOf(instances []calendar.Event, from time.Time) []string {
	list := []string{}
	for _, i := range instances {
		if i.OriginalStart.Before(from.AddDate(11, 0, 0)) {
			list = append(list, i.OriginalStart.UTC().Format("2006-01-02T15:04"))
		}
	}
	slices.Sort(list)
	return list[:min(len(list), 200)]
}

// original is the series as its draft has it, and readBack is the series that is read from what Graph got.
func original(d calendar.Draft) calendar.Event {
	return calendar.Event{AllDay: d.AllDay, Start: d.Start, End: d.End, StartZone: d.Start.Zone, Recurrence: d.Recurrence}
}

func readBack(t rapid.TB, d calendar.Draft, r *graphRecurrence) calendar.Event {
	t.Helper()
	start, end, err := times(&d)
	if err != nil {
		t.Fatal(err)
	}
	e := calendar.Event{AllDay: d.AllDay, Start: start, End: end, StartZone: start.Zone}
	if err := (&graphSeries{Recurrence: *r}).into(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRulesAsPatterns(t *testing.T) {
	day := func(year, month, day int) calendar.Date {
		return calendar.Date{Year: year, Month: time.Month(month), Day: day}
	}
	monday := day(2026, 10, 5)
	for _, tt := range []struct {
		rule  string
		start calendar.Date
		want  graphPattern
		span  graphRange
	}{
		{rule: "FREQ=DAILY;INTERVAL=3", want: graphPattern{Type: "daily", Interval: 3}},
		{rule: "freq=daily;byday=mo,tu,we,th,fr;",
			want: graphPattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{"monday", "tuesday", "wednesday", "thursday", "friday"}, FirstDayOfWeek: "monday"}},
		{rule: "FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=WE,MO;COUNT=5",
			want: graphPattern{Type: "weekly", Interval: 2, DaysOfWeek: []string{"monday", "wednesday"}, FirstDayOfWeek: "sunday"},
			span: graphRange{Type: "numbered", NumberOfOccurrences: 5}},
		{rule: "FREQ=WEEKLY", want: graphPattern{Type: "weekly", Interval: 1, DaysOfWeek: []string{"monday"}, FirstDayOfWeek: "monday"}},
		{rule: "FREQ=MONTHLY", want: graphPattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 5}},
		{rule: "FREQ=MONTHLY;BYMONTHDAY=-1", start: day(2026, 10, 31), want: graphPattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 31}},
		{rule: "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", start: day(2026, 10, 30), want: graphPattern{Type: "absoluteMonthly", Interval: 1, DayOfMonth: 30}},
		{rule: "FREQ=MONTHLY;BYDAY=1MO", want: graphPattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: []string{"monday"}, Index: "first"}},
		{rule: "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20270301", start: day(2026, 10, 30),
			want: graphPattern{Type: "relativeMonthly", Interval: 1, DaysOfWeek: []string{"monday", "tuesday", "wednesday", "thursday", "friday"}, Index: "last"},
			span: graphRange{Type: "endDate", EndDate: "2027-03-01"}},
		{rule: "FREQ=YEARLY", want: graphPattern{Type: "absoluteYearly", Interval: 1, Month: 10, DayOfMonth: 5}},
		{rule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", start: day(2027, 2, 28), want: graphPattern{Type: "absoluteYearly", Interval: 1, Month: 2, DayOfMonth: 29}},
		{rule: "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", start: day(2026, 11, 26),
			want: graphPattern{Type: "relativeYearly", Interval: 1, Month: 11, DaysOfWeek: []string{"thursday"}, Index: "fourth"}},
		{rule: "FREQ=DAILY;UNTIL=20261031T225959Z", want: graphPattern{Type: "daily", Interval: 1}, span: graphRange{Type: "endDate", EndDate: "2026-10-31"}},
		{rule: "FREQ=DAILY;UNTIL=20261031T070000Z", want: graphPattern{Type: "daily", Interval: 1}, span: graphRange{Type: "endDate", EndDate: "2026-10-30"}},
		{rule: "FREQ=DAILY;UNTIL=20260101", want: graphPattern{Type: "daily", Interval: 1}, span: graphRange{Type: "numbered", NumberOfOccurrences: 1}},
		{rule: "FREQ=DAILY;COUNT=1096", want: graphPattern{Type: "daily", Interval: 1}, span: graphRange{Type: "endDate", EndDate: "2029-10-04"}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if tt.start == (calendar.Date{}) {
				tt.start = monday
			}
			if tt.span.Type == "" {
				tt.span.Type = "noEnd"
			}
			tt.span.StartDate, tt.span.RecurrenceTimeZone = tt.start.String(), "W. Europe Standard Time"
			got, err := patternOf(seriesDraft(tt.start, "Europe/Vienna", false, tt.rule))
			if err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(&graphRecurrence{tt.want, tt.span}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRulesThatNoPatternSays(t *testing.T) {
	day := calendar.Date{Year: 2026, Month: 8, Day: 31} // a Monday, the fifth one and the last
	for rule, reason := range map[string]string{
		"FREQ=HOURLY":                               "repeats in a way",
		"FREQ=DAILY;BYHOUR=9,15":                    "times of day",
		"FREQ=DAILY;INTERVAL=1000":                  "interval 1000",
		"FREQ=DAILY;INTERVAL=2;BYDAY=MO":            "repeats in a way",
		"FREQ=DAILY;BYMONTH=8":                      "names months",
		"FREQ=WEEKLY;BYDAY=TU":                      "does not name the day of its first instance, 2026-08-31",
		"FREQ=MONTHLY":                              "one day",
		"FREQ=MONTHLY;BYMONTHDAY=31":                "one day",
		"FREQ=MONTHLY;BYMONTHDAY=1,31":              "one day",
		"FREQ=MONTHLY;BYMONTHDAY=-2":                "one day",
		"FREQ=MONTHLY;BYMONTHDAY=31,30,29":          "one day",
		"FREQ=MONTHLY;BYMONTHDAY=31,30;BYSETPOS=-1": "one day",
		"FREQ=MONTHLY;BYDAY=MO":                     "by a place",
		"FREQ=MONTHLY;BYDAY=5MO":                    "by a place",
		"FREQ=MONTHLY;BYDAY=1MO,-1MO":               "by their places",
		"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-1":       "several places",
		"FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=31":       "repeats in a way",
		"FREQ=YEARLY;BYMONTH=8,9;BYDAY=-1MO":        "names months",
		"FREQ=YEARLY;BYDAY=35MO":                    "names no month",
		"FREQ=YEARLY;BYYEARDAY=243":                 "by their number",
		"FREQ=YEARLY;BYWEEKNO=36":                   "by their number",
		"FREQ=DAILY;COUNT=5000000":                  "",
		"FREQ=SOMETIMES":                            "",
	} {
		t.Run(rule, func(t *testing.T) {
			r, err := patternOf(seriesDraft(day, "Europe/Berlin", false, rule))
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), reason) ||
				reason != "" && !strings.Contains(err.Error(), "restore the series into a local calendar") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	for name, change := range map[string]func(*calendar.Draft){
		"two rules":      func(d *calendar.Draft) { d.Recurrence.Rules = append(d.Recurrence.Rules, "FREQ=WEEKLY") },
		"no rule":        func(d *calendar.Draft) { d.Recurrence.Rules = nil },
		"a further date": func(d *calendar.Draft) { d.Recurrence.Dates = []calendar.DateTime{d.Start} },
		"a zone that Windows' zone differs from": func(d *calendar.Draft) {
			*d = seriesDraft(calendar.Date{Year: 1994, Month: 6, Day: 1}, "Europe/Lisbon", false, "FREQ=DAILY")
		},
		"a time that its clocks show twice": func(d *calendar.Draft) {
			d.Start.Local, d.End.Local = "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := seriesDraft(day, "Europe/Berlin", false, "FREQ=DAILY")
			change(&d)
			if r, err := patternOf(d); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "recurrence" {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// drawRule draws rules of which patterns say some.
func drawRule(t *rapid.T) string {
	parts := []string{"FREQ=" + rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "frequency")}
	some := func(name string, one *rapid.Generator[string], most, odds int) {
		if rapid.IntRange(0, odds).Draw(t, "has "+name) == 0 {
			parts = append(parts, name+"="+strings.Join(rapid.SliceOfN(one, 1, most).Draw(t, name), ","))
		}
	}
	number := func(low, high int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(low, high).Filter(func(n int) bool { return n != 0 }), func(n int) string { return fmt.Sprint(n) })
	}
	weekday := rapid.SampledFrom([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"})
	some("INTERVAL", number(1, 4), 1, 2)
	some("WKST", weekday, 1, 2)
	some("BYDAY", rapid.SampledFrom([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU", "1MO", "2TU", "+3WE", "4TH", "5FR", "-1FR", "-2SA"}), 3, 1)
	if rapid.IntRange(0, 4).Draw(t, "last days") == 0 {
		parts = append(parts, "BYMONTHDAY="+rapid.SampledFrom([]string{"31,30,29,28", "28,29,30", "29,28", "30,31", "-1", "27,28"}).Draw(t, "days"))
	} else {
		some("BYMONTHDAY", number(-3, 31), 2, 3)
	}
	some("BYMONTH", number(1, 12), 2, 2)
	some("BYSETPOS", number(-2, 5), 2, 2)
	switch rapid.IntRange(0, 3).Draw(t, "end") {
	case 0:
		parts = append(parts, fmt.Sprintf("COUNT=%d", rapid.IntRange(1, 1500).Draw(t, "count")))
	case 1:
		until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 5*365*24).Draw(t, "until")) * time.Hour)
		parts = append(parts, "UNTIL="+until.Format(rapid.SampledFrom([]string{"20060102", "20060102T150405Z", "20060102T150405"}).Draw(t, "form")))
	}
	return strings.Join(parts, ";")
}

// drawSeries draws a series that begins on a day that its rule names, if it names one.
func drawSeries(t *rapid.T) calendar.Draft {
	rule := drawRule(t)
	if series.CheckRule(rule) != nil {
		t.Skip("no rule")
	}
	day := calendar.Date{Year: 2026, Month: 1, Day: 1}.AddDays(rapid.IntRange(0, 1000).Draw(t, "day"))
	low := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
	if found, err := series.Starts(rule, low, low, low.AddDate(3, 0, 0), time.UTC); err == nil && len(found) > 0 {
		day = calendar.DateOf(found[0], time.UTC)
	}
	zone := rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "UTC", "", "Australia/Sydney", "Asia/Kolkata"}).Draw(t, "zone")
	return seriesDraft(day, zone, rapid.Bool().Draw(t, "all day"), rule)
}

// A pattern says what its rule says, or there is none.
func TestPatternsMeanTheirRules(t *testing.T) {
	said := 0
	rapid.Check(t, func(t *rapid.T) {
		d := drawSeries(t)
		r, err := patternOf(d)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		said++
		if diff := gocmp.Diff(starts(t, original(d)), starts(t, readBack(t, d, r))); diff != "" {
			t.Fatalf("%s as %+v (-rule +pattern):\n%s", d.Recurrence.Rules[0], *r, diff)
		}
	})
	if said == 0 {
		t.Error("no rule had a pattern")
	}
}

// What is read from Graph can be written to it.
func TestPatternsComeBack(t *testing.T) {
	days := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	rapid.Check(t, func(t *rapid.T) {
		p := graphPattern{Interval: rapid.IntRange(1, 20).Draw(t, "interval")}
		p.Type = rapid.SampledFrom([]string{"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}).Draw(t, "type")
		relative := strings.HasPrefix(p.Type, "relative")
		if p.Type == "weekly" {
			p.FirstDayOfWeek = rapid.SampledFrom(days).Draw(t, "first day")
		}
		if p.Type == "weekly" || relative {
			p.DaysOfWeek = rapid.SliceOfNDistinct(rapid.SampledFrom(days), 1, 7, rapid.ID).Draw(t, "days")
			slices.SortFunc(p.DaysOfWeek, func(a, b string) int { return slices.Index(days, a) - slices.Index(days, b) })
		}
		if strings.HasSuffix(p.Type, "Yearly") {
			p.Month = rapid.IntRange(1, 12).Draw(t, "month")
		}
		if relative {
			p.Index = rapid.SampledFrom([]string{"first", "second", "third", "fourth", "last"}).Draw(t, "index")
		} else if strings.HasPrefix(p.Type, "absolute") {
			most := 31
			if p.Month != 0 {
				most = time.Date(2024, time.Month(p.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
			}
			p.DayOfMonth = rapid.IntRange(1, most).Draw(t, "day of month")
		}
		r := graphRange{Type: "noEnd", RecurrenceTimeZone: "W. Europe Standard Time"}
		rule, err := (&graphSeries{Recurrence: graphRecurrence{p, r}}).rule(time.UTC, false)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 700).Draw(t, "day"))
		found, err := series.Starts(rule, from, from, from.AddDate(21, 0, 0), time.UTC)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", rule, err)
		}
		day := calendar.DateOf(found[0], time.UTC)
		r.StartDate = day.String()
		switch rapid.IntRange(0, 2).Draw(t, "range") {
		case 0:
			r.Type, r.NumberOfOccurrences = "numbered", rapid.IntRange(1, 999).Draw(t, "count")
		case 1:
			r.Type, r.EndDate = "endDate", day.AddDays(rapid.IntRange(0, 3000).Draw(t, "days")).String()
		}
		allDay := rapid.Bool().Draw(t, "all day")
		d := seriesDraft(day, "W. Europe Standard Time", allDay, "FREQ=DAILY")
		d.Recurrence = readBack(t, d, &graphRecurrence{p, r}).Recurrence
		got, err := patternOf(d)
		if err != nil {
			t.Fatalf("%s: %v", d.Recurrence.Rules[0], err)
		}
		if diff := gocmp.Diff(&graphRecurrence{p, r}, got); diff != "" {
			t.Fatalf("%s (-read +written):\n%s", d.Recurrence.Rules[0], diff)
		}
	})
}

// The service, as the simulator has it, expands a series as its draft means it.
func TestTheServiceExpandsWhatTheDraftMeans(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, func(o *Options) {
		o.PageSize, o.Budgets = 1000, NewBudgets(Limits{Requests: 1_000_000}, time.Now, nil) // for the search for the smallest series at fault
	})
	id := w.archive()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		d := drawSeries(t)
		n++
		d.Mark, d.TransactionID = fmt.Sprint("mark-", n), fmt.Sprint("transaction-", n)
		results, err := w.Create(context.Background(), me, id, []calendar.Draft{d})
		if err != nil {
			t.Fatal(err)
		}
		if results[0].Err != nil {
			if fault.Of(results[0].Err) != fault.Invalid || strings.Contains(results[0].Err.Error(), "does not accept") {
				t.Fatalf("%s: %v", d.Recurrence.Rules[0], results[0].Err)
			}
			return
		}
		from, err := d.Start.Instant(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		instances, err := w.Instances(context.Background(), me, id, results[0].ID, from.AddDate(0, 0, -2), from.AddDate(12, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(starts(t, original(d)), firstOf(instances, from)); diff != "" {
			t.Fatalf("%s from %v (-draft +service):\n%s", d.Recurrence.Rules[0], d.Start, diff)
		}
		if _, err := w.Delete(context.Background(), me, id, []string{results[0].ID}); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever a rule is, it is said as it is meant or refused.
func FuzzRulesAsPatterns(f *testing.F) {
	for _, rule := range []string{
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU;COUNT=1200", "FREQ=MONTHLY;BYMONTHDAY=31,30,29,28;BYSETPOS=-1",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29,28;BYSETPOS=-1;UNTIL=20400101T000000Z", "FREQ=MONTHLY;BYDAY=-1FR",
		"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=OMIT;BYMONTH=3;BYDAY=SU;BYSETPOS=-1;", "freq=daily; byday=MO,mo", "FREQ=DAILY;FREQ=WEEKLY",
		"FREQ=MONTHLY;BYDAY=+1MO;BYSETPOS=1",
	} {
		f.Add(rule, 40, true)
	}
	f.Fuzz(func(t *testing.T, rule string, day int, allDay bool) {
		if series.CheckRule(rule) != nil {
			return
		}
		d := seriesDraft(calendar.Date{Year: 2026, Month: 1, Day: 1}.AddDays(day%1000), "Europe/Berlin", allDay, rule)
		r, err := patternOf(d)
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if diff := gocmp.Diff(starts(t, original(d)), starts(t, readBack(t, d, r))); diff != "" {
			t.Fatalf("%s as %+v (-rule +pattern):\n%s", rule, *r, diff)
		}
	})
}

// An instant that ends a series of days means the day that it has where the series was made, in a pattern as in the rule.
func TestAnInstantThatEndsASeriesOfDaysMeansItsDayWhereItWasMade(t *testing.T) {
	for _, row := range []struct{ zone, until, last string }{
		{"Europe/Berlin", "20260108T120000Z", "2026-01-08"}, {"Europe/Berlin", "20260108T225959Z", "2026-01-08"},
		{"Europe/Berlin", "20260108T000000Z", "2026-01-08"}, {"America/New_York", "20260109T045959Z", "2026-01-08"},
		{"Australia/Sydney", "20260108T120000Z", "2026-01-08"}, {"Australia/Sydney", "20260108T140000Z", "2026-01-09"}, {"", "20260108T110000Z", "2026-01-08"},
	} {
		d := seriesDraft(calendar.Date{Year: 2026, Month: 1, Day: 1}, row.zone, true, "FREQ=DAILY;UNTIL="+row.until)
		r, err := patternOf(d)
		if err != nil || r.Range.EndDate != row.last {
			t.Errorf("%s in %q: %v, %+v, want %s", row.until, row.zone, err, r, row.last)
			continue
		}
		if diff := gocmp.Diff(starts(t, original(d)), starts(t, readBack(t, d, r))); diff != "" {
			t.Errorf("%s in %q (-rule +pattern):\n%s", row.until, row.zone, diff)
		}
	}
}
