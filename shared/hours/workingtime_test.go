package hours

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// day is a day as text: "2026-10-05 09:00-17:30 worked 450 breaks 60 rest 840 stretch 240 [12:00-13:00] short_rest".
func (d *WorkingDay) day() string {
	clock := func(t time.Time) string {
		if calendar.DateOf(t, berlin) != d.Date {
			return "24:00"
		}
		return t.In(berlin).Format("15:04")
	}
	text := fmt.Sprintf("%s %s-%s worked %v", d.Date, clock(d.First), clock(d.Last), Minutes(d.Worked))
	if d.Breaks > 0 {
		text += fmt.Sprint(" breaks ", Minutes(d.Breaks))
	}
	if d.Rest > 0 {
		text += fmt.Sprint(" rest ", Minutes(d.Rest))
	}
	if d.Stretch != d.Worked {
		text += fmt.Sprint(" stretch ", Minutes(d.Stretch))
	}
	for _, g := range d.Gaps {
		text += " [" + clock(g.From) + "-" + clock(g.To) + "]"
	}
	for _, w := range d.Warnings {
		text += " " + string(w)
	}
	return text
}

func TestWorkingTime(t *testing.T) {
	const who = "Acme"
	at := func(key, from, to string, more ...func(*calendar.Appointment)) ledger.Entry {
		return entry(key, from, to, who, calendar.Billable, more...)
	}
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		from    string
		to      string
		want    string
		left    string
	}{
		{"a day has its first begin, its last end, and what is between", []ledger.Entry{
			at("a", "2026-10-05 09:00", "2026-10-05 12:00"), at("b", "2026-10-05 13:00", "2026-10-05 17:30"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 09:00-17:30 worked 450 breaks 60 stretch 270 [12:00-13:00]", ""},
		{"time that appointments share counts once, and what touches is no gap", []ledger.Entry{
			at("a", "2026-10-05 09:00", "2026-10-05 11:00"), at("b", "2026-10-05 10:00", "2026-10-05 10:30"), at("c", "2026-10-05 11:00", "2026-10-05 12:00"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 09:00-12:00 worked 180", ""},
		{"a gap that is too short is no break, and ends no stretch", []ledger.Entry{
			at("a", "2026-10-05 09:00", "2026-10-05 12:00"), at("b", "2026-10-05 12:14", "2026-10-05 15:15"), at("c", "2026-10-05 15:30", "2026-10-05 16:00"),
		}, "2026-10-05", "2026-10-05",
			"2026-10-05 09:00-16:00 worked 391 breaks 15 stretch 361 [12:00-12:14] [15:15-15:30] short_breaks long_stretch", ""},
		{"rest is what lies before the first begin", []ledger.Entry{
			at("a", "2026-10-05 14:00", "2026-10-05 22:00"), at("b", "2026-10-06 08:59", "2026-10-06 10:00"), at("c", "2026-10-07 09:00", "2026-10-07 10:00"),
		}, "2026-10-06", "2026-10-07", "2026-10-06 08:59-10:00 worked 61 rest 659 short_rest|2026-10-07 09:00-10:00 worked 60 rest 1380", ""},
		{"rest that is just long enough warns of nothing", []ledger.Entry{
			at("a", "2026-10-05 20:00", "2026-10-05 22:00"), at("b", "2026-10-06 09:00", "2026-10-06 10:00"),
		}, "2026-10-06", "2026-10-06", "2026-10-06 09:00-10:00 worked 60 rest 660", ""},
		{"work past midnight is split there, and the rest of the second day lies within it", []ledger.Entry{
			at("a", "2026-10-05 22:00", "2026-10-06 02:00"), at("b", "2026-10-06 02:30", "2026-10-06 03:00"), at("c", "2026-10-06 09:00", "2026-10-06 12:00"),
		}, "2026-10-05", "2026-10-06", "2026-10-05 22:00-24:00 worked 120|" +
			"2026-10-06 00:00-12:00 worked 330 breaks 30 rest 360 stretch 180 [02:00-02:30] [03:00-09:00] short_rest", ""},
		{"a night that goes on into a day without more work has no rest to be short", []ledger.Entry{
			at("a", "2026-10-05 22:00", "2026-10-06 02:00"), at("b", "2026-10-06 04:00", "2026-10-06 05:00"),
		}, "2026-10-06", "2026-10-06", "2026-10-06 00:00-05:00 worked 180 breaks 120 stretch 120 [02:00-04:00]", ""},
		{"the longest limits", []ledger.Entry{
			at("a", "2026-10-05 06:00", "2026-10-05 12:00"), at("b", "2026-10-05 12:45", "2026-10-05 16:46"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 06:00-16:46 worked 601 breaks 45 stretch 360 [12:00-12:45] long_day", ""},
		{"more than nine hours ask for three quarters of an hour of breaks", []ledger.Entry{
			at("a", "2026-10-05 06:00", "2026-10-05 11:00"), at("b", "2026-10-05 11:44", "2026-10-05 15:45"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 06:00-15:45 worked 541 breaks 44 stretch 300 [11:00-11:44] short_breaks", ""},
		{"the hour that the clocks repeat counts, the one that they skip does not", []ledger.Entry{
			at("a", "2026-10-25 00:00", "2026-10-25 04:00"), at("b", "2027-03-28 00:00", "2027-03-28 04:00"),
		}, "2026-10-25", "2027-03-28", "2026-10-25 00:00-04:00 worked 300|2027-03-28 00:00-04:00 worked 180 rest 221520", ""},
		{"breaks that are in the calendar, what has no customer, and what takes no time are no work", []ledger.Entry{
			at("a", "2026-10-05 09:00", "2026-10-05 10:00"), at("z", "2026-10-05 07:00", "2026-10-05 07:00"),
			entry("break", "2026-10-05 10:00", "2026-10-05 11:00", "Break", calendar.NonBillable),
			entry("admin", "2026-10-05 11:00", "2026-10-05 12:00", "Admin", calendar.NonBillable),
			entry("paid", "2026-10-05 12:00", "2026-10-05 13:00", "Break", calendar.Billable),
			entry("own", "2026-10-05 14:00", "2026-10-05 15:00", "", ""),
			entry("way", "2026-10-05 15:00", "2026-10-05 16:00", "", "", travel), at("p", "2026-10-05 16:00", "2026-10-05 17:00", private),
			at("c", "2026-10-05 18:00", "2026-10-05 19:00", private, cancelled), at("d", "2026-10-05 18:00", "2026-10-05 19:00", declined),
			at("f", "2026-10-05 18:00", "2026-10-05 19:00", free), allDay("w", "2026-10-04", "2026-10-05", who),
			at("early", "2026-10-04 18:00", "2026-10-04 19:00", cancelled),
		}, "2026-10-05", "2026-10-05",
			"2026-10-05 09:00-17:00 worked 300 breaks 180 stretch 120 [10:00-11:00] [13:00-15:00]", "1 cancelled 1 declined 1 free"},
		{"what is just as long as a limit warns of nothing", []ledger.Entry{
			at("a", "2026-10-05 06:00", "2026-10-05 12:00"), at("b", "2026-10-05 12:45", "2026-10-05 16:45"), at("c", "2026-10-06 08:00", "2026-10-06 14:00"),
			at("d", "2026-10-07 08:00", "2026-10-07 13:00"), at("e", "2026-10-07 13:30", "2026-10-07 17:30"),
		}, "2026-10-05", "2026-10-07", "2026-10-05 06:00-16:45 worked 600 breaks 45 stretch 360 [12:00-12:45]|" +
			"2026-10-06 08:00-14:00 worked 360 rest 915|2026-10-07 08:00-17:30 worked 540 breaks 30 rest 1080 stretch 300 [13:00-13:30]", ""},
		{"of breaks that are too short by both rules one warning tells", []ledger.Entry{
			at("a", "2026-10-05 06:00", "2026-10-05 11:00"), at("b", "2026-10-05 11:15", "2026-10-05 15:30"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 06:00-15:30 worked 555 breaks 15 stretch 300 [11:00-11:15] short_breaks", ""},
		{"four hours without work after a night are its rest, a minute less is a break", []ledger.Entry{
			at("a", "2026-10-04 22:00", "2026-10-05 02:00"), at("b", "2026-10-05 06:00", "2026-10-05 07:00"),
			at("c", "2026-10-05 23:00", "2026-10-06 02:00"), at("d", "2026-10-06 05:59", "2026-10-06 07:00"),
		}, "2026-10-05", "2026-10-06", "2026-10-05 00:00-24:00 worked 240 breaks 240 rest 960 stretch 120 [02:00-06:00] [07:00-23:00]|" +
			"2026-10-06 00:00-07:00 worked 181 breaks 239 stretch 120 [02:00-05:59]", ""},
		{"four hours without work are a rest that is too short", []ledger.Entry{
			at("a", "2026-10-04 22:00", "2026-10-05 02:00"), at("b", "2026-10-05 06:00", "2026-10-05 07:00"),
		}, "2026-10-05", "2026-10-05", "2026-10-05 00:00-07:00 worked 180 rest 240 stretch 120 [02:00-06:00] short_rest", ""},
		{"whole days of the period are counted, and no days before and after it", []ledger.Entry{
			allDay("w", "2026-10-05", "2026-10-06", who), allDay("x", "2026-10-06", "2026-10-06", who), allDay("y", "2026-10-07", "2026-10-07", who),
			allDay("z", "2026-10-04", "2026-10-04", who), at("late", "2026-10-06 23:00", "2026-10-07 01:00"), at("next", "2026-10-07 18:00", "2026-10-07 19:00", free),
		}, "2026-10-05", "2026-10-06", "2026-10-06 23:00-24:00 worked 60", "2 all_day"},
		{"what is archived no more is no work", []ledger.Entry{func() ledger.Entry {
			e := at("a", "2026-10-05 09:00", "2026-10-05 10:00")
			e.Outcome = ledger.Superseded
			return e
		}()}, "2026-10-05", "2026-10-05", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rand.Shuffle(len(c.entries), func(i, j int) { c.entries[i], c.entries[j] = c.entries[j], c.entries[i] })
			r := Work(c.entries, days(c.from, c.to), DefaultLimits(), time.Monday)
			var got []string
			for i := range r.Days {
				got = append(got, r.Days[i].day())
			}
			if text := strings.Join(got, "|"); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			var left []string
			for why, n := range r.LeftOut {
				left = append(left, fmt.Sprint(n, " ", why))
			}
			slices.Sort(left)
			if text := strings.Join(left, " "); text != c.left {
				t.Errorf("left out are %s", text)
			}
		})
	}
}

func TestWhatALimitIsSetToIsWhatIsWarnedOf(t *testing.T) {
	var entries []ledger.Entry
	for d := 5; d <= 10; d++ {
		entries = append(entries, entry(fmt.Sprint(d), fmt.Sprintf("2026-10-%02d 08:00", d), fmt.Sprintf("2026-10-%02d 16:01", d), "Acme", calendar.Billable))
	}
	r := Work(entries, days("2026-10-05", "2026-10-10"), DefaultLimits(), time.Monday)
	if len(r.Weeks) != 1 || r.Weeks[0].Worked != 48*time.Hour+6*time.Minute || len(r.Weeks[0].Warnings) != 1 || r.Worked != r.Weeks[0].Worked {
		t.Errorf("the week is %+v", r.Weeks)
	}
	if r := Work(entries, days("2026-10-05", "2026-10-10"), DefaultLimits(), time.Wednesday); len(r.Weeks) != 2 || r.Weeks[0].From != date("2026-09-30") ||
		len(r.Weeks[1].Warnings) != 0 {
		t.Errorf("by weeks from Wednesday: %+v", r.Weeks)
	}
	r = Work(entries, days("2026-10-05", "2026-10-10"), Limits{}, time.Monday)
	for _, d := range r.Days {
		if len(d.Warnings) > 0 {
			t.Errorf("without limits: %+v", d)
		}
	}
	if len(r.Weeks[0].Warnings) > 0 {
		t.Errorf("without limits: %+v", r.Weeks)
	}
	for field, l := range map[string]Limits{
		"most_day": {Day: -1}, "most_week": {Week: 169 * time.Hour}, "least_rest": {Rest: 25 * time.Hour},
		"most_stretch": {Stretch: -1}, "least_break": {LeastBreak: -1},
	} {
		if err := l.Check(); fault.FieldOf(err) != field || fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, ok := range []Limits{DefaultLimits(), {Day: 24 * time.Hour, Week: 7 * 24 * time.Hour, Rest: 24 * time.Hour, Stretch: 24 * time.Hour}} {
		if err := ok.Check(); err != nil {
			t.Error(err)
		}
	}
	tooMuch := Limits{Week: 7*24*time.Hour + 1}
	if err := tooMuch.Check(); err == nil || !strings.Contains(err.Error(), "0 to 10080 minutes") {
		t.Errorf("got %v", err)
	}
	full := Work(entries, days("2026-10-05", "2026-10-10"), Limits{Week: 48*time.Hour + 6*time.Minute}, time.Monday)
	if len(full.Weeks[0].Warnings) > 0 {
		t.Errorf("a week that is just full: %+v", full.Weeks)
	}
}

// TestNoMinuteOfWorkIsLostOrInventedAtMidnight compares with a count of minutes.
func TestNoMinuteOfWorkIsLostOrInventedAtMidnight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := calendar.StartOfDay(date("2026-10-23"), berlin)
		minutes := map[int64]bool{}
		var entries []ledger.Entry
		for i := range rapid.IntRange(0, 12).Draw(t, "entries") {
			from := first.Add(time.Duration(rapid.IntRange(0, 5*24*60).Draw(t, "from")) * time.Minute)
			long := rapid.IntRange(1, 40*60).Draw(t, "minutes")
			e := entry(fmt.Sprint(i), "2026-10-05 09:00", "2026-10-05 10:00", "Acme", calendar.Billable)
			e.Appointment.Start, e.Appointment.End = from, from.Add(time.Duration(long)*time.Minute)
			entries = append(entries, e)
			for m := range long {
				minutes[from.Unix()/60+int64(m)] = true
			}
		}
		w := days("2026-10-24", "2026-10-27")
		want := map[calendar.Date]int{}
		for m := range minutes {
			if at := time.Unix(m*60, 0); w.Contains(at) {
				want[calendar.DateOf(at, berlin)]++
			}
		}
		r := Work(entries, w, DefaultLimits(), time.Monday)
		if len(r.Days) != len(want) {
			t.Fatalf("%d days, want %d", len(r.Days), len(want))
		}
		whole := time.Duration(0)
		for _, d := range r.Days {
			gaps := time.Duration(0)
			for _, g := range d.Gaps {
				gaps += g.To.Sub(g.From)
			}
			if d.Worked != time.Duration(want[d.Date])*time.Minute || d.Worked+gaps != d.Last.Sub(d.First) || d.Breaks > gaps {
				t.Fatalf("%s: worked %s, gaps %s, breaks %s, want %d minutes", d.Date, d.Worked, gaps, d.Breaks, want[d.Date])
			}
			whole += d.Worked
		}
		if whole != r.Worked {
			t.Fatalf("%s in all, %s by day", r.Worked, whole)
		}
	})
}

// asked is a ledger that keeps of which days it was asked.
type asked struct {
	span    ledger.Span
	entries []ledger.Entry
}

func (a *asked) AsOf(_ context.Context, _ string, span ledger.Span, _ time.Time) ([]ledger.Entry, error) {
	a.span = span
	return a.entries, nil
}

func TestWorkingTimeLooksAtTheDayBefore(t *testing.T) {
	a := &asked{entries: []ledger.Entry{entry("a", "2026-10-24 20:00", "2026-10-24 22:00", "Acme", billable),
		entry("b", "2026-10-25 08:00", "2026-10-25 09:00", "Acme", billable)}}
	reader := &Reader{Ledger: a}
	r, err := reader.WorkingTime(t.Context(), "work", days("2026-10-25", "2026-10-26"), DefaultLimits(), time.Monday)
	if err != nil || len(r.Days) != 1 || r.Days[0].Rest != 11*time.Hour || len(r.Days[0].Warnings) != 0 { // ten by the clocks
		t.Errorf("%+v, %v", r, err)
	}
	if from, to := a.span.From.In(berlin).Format(time.RFC3339), a.span.To.In(berlin).Format(time.RFC3339); from != "2026-10-24T00:00:00+02:00" ||
		to != "2026-10-27T00:00:00+01:00" {
		t.Errorf("it asked for %s to %s", from, to)
	}
	whole := days("2026-01-01", "2026-01-01")
	whole.To = whole.From.AddDays(MaxDays - 1)
	if _, err := reader.WorkingTime(t.Context(), "work", whole, DefaultLimits(), time.Monday); err != nil {
		t.Error(err)
	}
	whole.To = whole.From.AddDays(MaxDays)
	if _, err := reader.WorkingTime(t.Context(), "work", whole, DefaultLimits(), time.Monday); fault.FieldOf(err) != "period" {
		t.Errorf("of a day more: %v", err)
	}
}

func TestWorkingTimeAsAFile(t *testing.T) {
	entries := []ledger.Entry{
		entry("a", "2026-10-05 22:00", "2026-10-06 02:00", "Acme", calendar.Billable),
		entry("b", "2026-10-06 08:00", "2026-10-06 09:00:30", "Acme", calendar.Billable),
	}
	var out bytes.Buffer
	if err := Work(entries, days("2026-10-05", "2026-10-06"), DefaultLimits(), time.Monday).WriteCSV(&out, berlin); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\r\n"); lines != 3 {
		t.Errorf("%d lines end as RFC 4180 has it", lines)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows[1:] {
		got = append(got, strings.Join(row, ";"))
	}
	want := []string{"2026-10-05;22:00:00;24:00;120;0;;120;;", "2026-10-06;00:00:00;09:00:30;180.5;0;360;120;02:00:00-08:00:00;short_rest"}
	if !slices.Equal(got, want) || len(rows[0]) != 9 {
		t.Errorf("got %q", got)
	}
}
