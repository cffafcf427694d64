package job

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := calendar.LoadZone(name)
	must(t, err)
	return z
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func times(t testing.TB, s Schedule) *Timetable {
	t.Helper()
	table, err := s.Timetable()
	must(t, err)
	return table
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	must(t, err)
	return v
}

func daily(at, zone string) Schedule { return Schedule{Repeat: Daily, At: at, Zone: zone} }

func expression(text, zone string) Schedule { return Schedule{Repeat: Cron, Cron: text, Zone: zone} }

func TestNext(t *testing.T) {
	const berlin = "Europe/Berlin"
	for _, c := range []struct {
		name     string
		schedule Schedule
		after    string
		want     []string
	}{
		{"daily, at the same local time all year", daily("23:59", berlin), "2026-10-24T12:00:00Z",
			[]string{"2026-10-24T21:59:00Z", "2026-10-25T22:59:00Z", "2026-10-26T22:59:00Z"}},
		{"the time itself is over", daily("23:59", berlin), "2026-10-24T21:59:00Z", []string{"2026-10-25T22:59:00Z"}},
		{"a time that is skipped is due when clocks go on", daily("02:30", berlin), "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"a time that occurs twice is due the first time", daily("02:30", berlin), "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"between the two of them it is due the next day", daily("02:30", berlin), "2026-10-25T00:45:00Z", []string{"2026-10-26T01:30:00Z"}},
		{"where midnight is skipped the day begins late", daily("00:00", "America/Sao_Paulo"), "2018-11-03T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
		{"a day that a zone leaves out is due with the next one's first instant", daily("12:00", "Pacific/Apia"), "2011-12-29T20:00:00Z",
			[]string{"2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
		{"weekly", Schedule{Repeat: Weekly, At: "18:00", Weekdays: []string{"friday", "monday"}, Zone: berlin}, "2026-10-05T16:00:00Z",
			[]string{"2026-10-09T16:00:00Z", "2026-10-12T16:00:00Z", "2026-10-16T16:00:00Z"}},
		{"monthly", Schedule{Repeat: Monthly, At: "06:00", Day: 15, Zone: "UTC"}, "2026-10-15T06:00:00Z", []string{"2026-11-15T06:00:00Z", "2026-12-15T06:00:00Z"}},
		{"the last day of every month", Schedule{Repeat: Monthly, At: "06:00", Day: LastDay, Zone: "UTC"}, "2027-12-31T06:00:00Z",
			[]string{"2028-01-31T06:00:00Z", "2028-02-29T06:00:00Z", "2028-03-31T06:00:00Z", "2028-04-30T06:00:00Z"}},
		{"a month without the day has its last one", Schedule{Repeat: Monthly, At: "06:00", Day: 30, Zone: "UTC"}, "2027-01-30T06:00:00Z",
			[]string{"2027-02-28T06:00:00Z", "2027-03-30T06:00:00Z"}},
		{"cron", expression("30 2 1,15 * *", "UTC"), "2026-10-05T00:00:00Z", []string{"2026-10-15T02:30:00Z", "2026-11-01T02:30:00Z"}},
		{"cron, by day of month or day of week", expression("0 6 13 * FRI", "UTC"), "2026-10-05T00:00:00Z",
			[]string{"2026-10-09T06:00:00Z", "2026-10-13T06:00:00Z", "2026-10-16T06:00:00Z"}},
		{"cron, what is skipped and what follows is due once", expression("0,30 * * * *", berlin), "2026-03-29T00:30:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
		{"cron, the hour that comes twice is over the first time", expression("0,30 * * * *", berlin), "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"}},
		{"cron, eight years from leap day to leap day", expression("0 0 29 2 *", "UTC"), "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := times(t, c.schedule)
			after := at(t, c.after)
			for _, want := range c.want {
				after = table.Next(after)
				if got := after.Format(time.RFC3339); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		})
	}
}

func TestScheduleThatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule Schedule
		field    string
		says     string
	}{
		{"no zone", daily("23:59", ""), "schedule.zone", "unknown time zone"},
		{"an unknown zone", daily("23:59", "Europe/Atlantis"), "schedule.zone", "Europe/Atlantis"},
		{"a zone that is a path", daily("23:59", "../UTC"), "schedule.zone", "unknown time zone"},
		{"no repeat", Schedule{At: "23:59", Zone: "UTC"}, "schedule.repeat", "expected daily"},
		{"an unknown repeat", Schedule{Repeat: "hourly", At: "23:59", Zone: "UTC"}, "schedule.repeat", "hourly"},
		{"no time", daily("", "UTC"), "schedule.at", "missing"},
		{"hour 24", daily("24:00", "UTC"), "schedule.at", "24:00"},
		{"one digit", daily("9:00", "UTC"), "schedule.at", "HH:MM"},
		{"seconds", daily("09:00:00", "UTC"), "schedule.at", "HH:MM"},
		{"weekly without days", Schedule{Repeat: Weekly, At: "09:00", Zone: "UTC"}, "schedule.weekdays", "missing"},
		{"no such weekday", Schedule{Repeat: Weekly, At: "09:00", Weekdays: []string{"Mon"}, Zone: "UTC"}, "schedule.weekdays", "Mon"},
		{"a weekday twice", Schedule{Repeat: Weekly, At: "09:00", Weekdays: []string{"monday", "monday"}, Zone: "UTC"}, "schedule.weekdays", "twice"},
		{"monthly without a day", Schedule{Repeat: Monthly, At: "09:00", Zone: "UTC"}, "schedule.day", "missing"},
		{"day 32", Schedule{Repeat: Monthly, At: "09:00", Day: 32, Zone: "UTC"}, "schedule.day", "32"},
		{"day -1", Schedule{Repeat: Monthly, At: "09:00", Day: -1, Zone: "UTC"}, "schedule.day", "-1"},
		{"daily with weekdays", Schedule{Repeat: Daily, At: "09:00", Weekdays: []string{"monday"}, Zone: "UTC"}, "schedule.weekdays", "leave it out"},
		{"daily with a cron expression", Schedule{Repeat: Daily, At: "09:00", Cron: "0 9 * * *", Zone: "UTC"}, "schedule.cron", "leave it out"},
		{"cron with a time", Schedule{Repeat: Cron, At: "09:00", Cron: "0 9 * * *", Zone: "UTC"}, "schedule.at", "leave it out"},
		{"cron without an expression", expression("", "UTC"), "schedule.cron", "missing"},
		{"four fields", expression("0 9 * *", "UTC"), "schedule.cron", "five fields"},
		{"six fields", expression("0 0 9 * * *", "UTC"), "schedule.cron", "five fields"},
		{"a descriptor", expression("@daily", "UTC"), "schedule.cron", "five fields"},
		{"an interval", expression("@every 1h", "UTC"), "schedule.cron", "five fields"},
		{"a zone of its own", expression("TZ=UTC 0 9 * *", "UTC"), "schedule.cron", "five fields"},
		{"a zone and nothing else", expression("TZ=UTC", "UTC"), "schedule.cron", "five fields"},
		{"a question mark", expression("0 9 ? * *", "UTC"), "schedule.cron", "five fields"},
		{"everything up to five", expression("0 9 *-5 * *", "UTC"), "schedule.cron", "five fields"},
		{"minute 60", expression("60 9 * * *", "UTC"), "schedule.cron", "60"},
		{"month 13", expression("0 9 * 13 *", "UTC"), "schedule.cron", "13"},
		{"weekday 7", expression("0 9 * * 7", "UTC"), "schedule.cron", "7"},
		{"no step", expression("0/0 9 * * *", "UTC"), "schedule.cron", "step"},
		{"31 February", expression("0 9 31 2 *", "UTC"), "schedule.cron", "never comes"},
		{"31 of the short months", expression("0 9 31 2,4,6,9,11 *", "UTC"), "schedule.cron", "never comes"},
		{"no minute at all", expression(", 9 * * *", "UTC"), "schedule.cron", "never comes"},
		{"every minute", expression("* * * * *", "UTC"), "schedule.cron", "more often"},
		{"every four minutes", expression("*/4 * * * *", "UTC"), "schedule.cron", "more often"},
		{"two in one hour", expression("0,4 9 * * *", "UTC"), "schedule.cron", "more often"},
		{"over the hour", expression("2,58 9,10 * * *", "UTC"), "schedule.cron", "more often"},
		{"over midnight", expression("1,59 0,23 * * *", "UTC"), "schedule.cron", "more often"},
		{"over the midnight of one night a year", expression("1,59 0,23 1 1,2 0", "UTC"), "schedule.cron", "more often"},
		{"a long one", expression("0 9 "+strings.Repeat("1,", 300)+"1 * *", "UTC"), "schedule.cron", "characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.schedule.Timetable()
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v on field %q, want %q on %q", err, fault.FieldOf(err), c.says, c.field)
			}
		})
	}
	for _, good := range []string{"*/5 * * * *", "0,5 9 * * *", "59 23 1 * *", "1,59 0,23 1 * *", "0 0 29 2 *", "0 9 1-7 jan-mar,dec MON", "  0  9 * * * "} {
		t.Run(good+" is right", func(t *testing.T) { times(t, expression(good, "UTC")) })
	}
}

// brute finds when schedules are due by looking at the clock every minute: a minute that clocks show for the first time, or pass by,
// is due then. matches tells the minutes of each schedule, in minutes since 1970 as clocks show them.
func brute(from, to time.Time, z *time.Location, matches ...func(minute int64) bool) [][]time.Time {
	wall := func(t time.Time) int64 {
		_, offset := t.In(z).Zone()
		return (t.Unix() + int64(offset)) / 60
	}
	due := make([][]time.Time, len(matches))
	shown := wall(from.Add(-time.Minute))
	for t := from; t.Before(to); t = t.Add(time.Minute) {
		first, now := shown+1, wall(t)
		for i, match := range matches {
			for m := first; m <= now; m++ {
				if match(m) {
					due[i] = append(due[i], t)
					break
				}
			}
		}
		shown = max(shown, now)
	}
	return due
}

// minuteOf reads a wall time in minutes since 1970.
func minuteOf(m int64) (day time.Time, ofDay int) {
	return time.Unix(m/1440*86400, 0).UTC(), int(m % 1440)
}

// TestNextAgainstTheClock looks at every minute of ten years in zones whose clocks change in every way.
func TestNextAgainstTheClock(t *testing.T) {
	type rule struct {
		schedule Schedule
		matches  func(int64) bool
	}
	rules := []rule{
		{Schedule{Repeat: Weekly, At: "01:30", Weekdays: []string{"sunday", "thursday"}}, func(m int64) bool {
			if m%1440 != 90 {
				return false
			}
			day, _ := minuteOf(m)
			return day.Weekday() == time.Sunday || day.Weekday() == time.Thursday
		}},
		{Schedule{Repeat: Monthly, At: "02:15", Day: 31}, func(m int64) bool {
			if m%1440 != 135 {
				return false
			}
			day, _ := minuteOf(m)
			return day.AddDate(0, 0, 1).Day() == 1
		}},
		{Schedule{Repeat: Cron, Cron: "*/20 0-3 * * *"}, func(m int64) bool { return m%1440 < 240 && m%20 == 0 }},
		{Schedule{Repeat: Cron, Cron: "45 2,23 25-31 3,10 *"}, func(m int64) bool {
			if of := m % 1440; of != 165 && of != 23*60+45 {
				return false
			}
			day, _ := minuteOf(m)
			return day.Day() >= 25 && (day.Month() == time.March || day.Month() == time.October)
		}},
	}
	for _, hhmm := range []string{"00:00", "00:30", "02:00", "02:30", "03:00", "12:00", "23:59"} {
		clock, err := time.Parse("15:04", hhmm)
		must(t, err)
		of := int64(clock.Hour()*60 + clock.Minute())
		rules = append(rules, rule{Schedule{Repeat: Daily, At: hhmm}, func(m int64) bool { return m%1440 == of }})
	}
	for _, name := range []string{
		"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Asia/Tehran", "Australia/Lord_Howe", "Pacific/Apia",
		"America/Havana", "Africa/Casablanca", "Pacific/Chatham", "Antarctica/Troll", "Asia/Kathmandu", "Europe/Moscow",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := zone(t, name)
			from := time.Date(2010, time.January, 2, 0, 0, 0, 0, time.UTC)
			to := from.AddDate(10, 0, 0)
			if name == "Africa/Cairo" {
				from, to = from.AddDate(10, 0, 0), to.AddDate(10, 0, 0) // its present rules began in 2023
			}
			var matches []func(int64) bool
			for _, r := range rules {
				matches = append(matches, r.matches)
			}
			due := brute(from, to, z, matches...)
			for i, r := range rules {
				r.schedule.Zone = name
				table := times(t, r.schedule)
				next := table.Next(from.Add(-time.Nanosecond))
				for n, want := range due[i] {
					if !next.Equal(want) {
						t.Fatalf("%+v: time %d is %v, want %v", r.schedule, n, next.In(z), want.In(z))
					}
					next = table.Next(next)
				}
				if next.Before(to) {
					t.Fatalf("%+v: %v is one too many", r.schedule, next.In(z))
				}
			}
			// From every minute around every change of the clocks the same is next.
			dense := times(t, expression("*/5 * * * *", name))
			for _, end := from.In(z).ZoneBounds(); !end.IsZero() && end.Before(to); _, end = end.ZoneBounds() {
				around := brute(end.Add(-4*time.Hour), end.Add(30*time.Hour), z, func(m int64) bool { return m%5 == 0 })[0]
				for at := end.Add(-4 * time.Hour); at.Before(end.Add(4 * time.Hour)); at = at.Add(time.Minute) {
					i, _ := slices.BinarySearchFunc(around, at.Add(1), time.Time.Compare)
					if got := dense.Next(at); !got.Equal(around[i]) {
						t.Fatalf("after %v: %v, want %v", at.In(z), got.In(z), around[i].In(z))
					}
				}
			}
		})
	}
}

// TestNextProperties holds for all daily schedules: every day has its time, and times only grow.
func TestNextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe",
			"Asia/Kolkata", "America/Havana"}).Draw(t, "zone")
		clock := time.Unix(60*int64(rapid.IntRange(0, 1439).Draw(t, "at")), 0).UTC()
		table, err := daily(clock.Format("15:04"), name).Timetable()
		if err != nil {
			t.Fatal(err)
		}
		z, _ := calendar.LoadZone(name)
		after := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "after"), 0)
		last := table.Next(after)
		if !last.After(after) || last.Sub(after) > 26*time.Hour {
			t.Fatalf("after %v comes %v", after.In(z), last.In(z))
		}
		for range 400 {
			next := table.Next(last)
			if !next.After(last) || calendar.DateOf(next, z) != calendar.DateOf(last, z).AddDays(1) {
				t.Fatalf("after %v comes %v", last.In(z), next.In(z))
			}
			last = next
		}
	})
}

// TestAround compares with walking from time to time.
func TestAround(t *testing.T) {
	schedules := []Schedule{
		daily("23:59", "Europe/Berlin"), expression("*/5 * * * *", "Europe/Berlin"), expression("*/10 1-3 1-5 jan *", "America/New_York"),
		{Repeat: Monthly, At: "02:30", Day: 31, Zone: "Europe/Berlin"}, {Repeat: Weekly, At: "12:00", Weekdays: []string{"sunday"}, Zone: "UTC"},
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(schedules).Draw(t, "schedule")
		table, err := s.Timetable()
		if err != nil {
			t.Fatal(err)
		}
		due := table.Next(time.Unix(rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(t, "due"), 0))
		at := due.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "behind")))
		last, next := due, table.Next(due)
		for !next.After(at) {
			last, next = next, table.Next(next)
		}
		if gotLast, gotNext := table.around(due, at); !gotLast.Equal(last) || !gotNext.Equal(next) {
			t.Fatalf("around %v: %v and %v, want %v and %v", at, gotLast, gotNext, last, next)
		}
	})
}

func FuzzCron(f *testing.F) {
	for _, text := range []string{
		"30 2 * * 1-5", "*/5 * * * *", "0 0 29 2 *", "0 0 31 2 *", "TZ=", "@every 1s", "1-59/9223372036854775807 * * * *", ", , , , ,",
		"0 0 1 JAN sun",
	} {
		f.Add(text, int64(1_792_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, from int64) {
		table, err := expression(text, "Europe/Berlin").Timetable()
		if err != nil {
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "schedule.cron" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		last := table.Next(time.Unix(from%4_000_000_000, 0))
		for range 10 {
			next := table.Next(last)
			if next.IsZero() || !next.After(last) {
				t.Fatalf("%q: after %v comes %v", text, last, next)
			}
			last = next
		}
	})
}

func FuzzSchedule(f *testing.F) {
	for _, s := range []Schedule{
		daily("23:59", "Europe/Berlin"), expression("30 2 * * 1-5", "Asia/Tehran"), {Repeat: Weekly, At: "00:00", Weekdays: []string{"monday"}, Zone: "UTC"},
		{Repeat: Monthly, At: "02:30", Day: 31, Zone: "America/Havana"},
	} {
		text, err := json.Marshal(s)
		must(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"repeat":"weekly","weekdays":[""],"at":"\u0000"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Schedule
		if json.Unmarshal(text, &s) != nil {
			return
		}
		table, err := s.Timetable()
		if err != nil {
			if fault.Of(err) != fault.Invalid || !strings.HasPrefix(fault.FieldOf(err), "schedule.") {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		now := time.Date(2026, time.October, 5, 9, 0, 0, 0, time.UTC)
		if next := table.Next(now); !next.After(now) {
			t.Fatalf("%s: %v comes after %v", text, next, now)
		}
	})
}
