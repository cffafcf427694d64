package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func labels(c column, zone *time.Location) string {
	var all []string
	for _, tick := range c.ticks(zone) {
		all = append(all, fmt.Sprintf("%d %s", tick.row, tick.label))
	}
	return strings.Join(all, ", ")
}

func TestADayHasTheMinutesThatItHas(t *testing.T) {
	zone := berlin(t)
	for _, tt := range []struct {
		day     calendar.Date
		minutes int
		want    string // of the ticks from one o'clock on
	}{
		{calendar.Date{Year: 2026, Month: 10, Day: 24}, 1440, "13 01:00, 25 02:00, 37 03:00"},
		{calendar.Date{Year: 2026, Month: 10, Day: 25}, 1500, "13 01:00, 25 02:00 CEST, 37 02:00 CET, 49 03:00, "},
		{calendar.Date{Year: 2026, Month: 3, Day: 29}, 1380, "13 01:00 CET, 25 03:00 CEST, 37 04:00, "},
	} {
		col := span{0, 24}.of(tt.day, zone)
		if col.minutes != tt.minutes || col.hours() != tt.minutes/60 {
			t.Errorf("%s has %d minutes and %d hours", tt.day, col.minutes, col.hours())
		}
		if got := labels(col, zone); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.day, got, tt.want)
		}
	}
	col := span{8, 18}.of(calendar.Date{Year: 2026, Month: 10, Day: 25}, zone)
	if col.minutes != 600 || !strings.HasPrefix(labels(col, zone), "1 08:00, 13 09:00") {
		t.Errorf("the day of the change from eight o'clock on: %d minutes, %s", col.minutes, labels(col, zone))
	}
}

func TestTheHoursThatAreDrawnCoverWhatThereIs(t *testing.T) {
	zone := berlin(t)
	day := calendar.Date{Year: 2026, Month: 10, Day: 15}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 10, when.Day(), when.Hour(), when.Minute(), 0, 0, zone)
	}
	for _, tt := range []struct {
		from, to string
		want     span
	}{
		{"15 09:00", "15 10:00", span{8, 18}},
		{"15 06:30", "15 10:00", span{6, 18}},
		{"15 09:00", "15 18:01", span{8, 19}},
		{"15 20:00", "15 20:00", span{8, 21}},
		{"14 22:00", "15 03:00", span{0, 18}},
		{"15 22:00", "16 03:00", span{8, 24}},
		{"16 22:00", "16 23:00", span{8, 18}},
		{"14 07:00", "16 23:00", span{0, 24}},
	} {
		got := usual
		got.cover(at(tt.from), at(tt.to), day, zone)
		if got != tt.want {
			t.Errorf("%s to %s: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestBlocksStandSideBySideWithinTheirGroupAlone(t *testing.T) {
	zone := berlin(t)
	col := span{8, 18}.of(calendar.Date{Year: 2026, Month: 10, Day: 15}, zone)
	times := func(all ...string) (out []timed) {
		for _, text := range all {
			var h1, m1, h2, m2 int
			if _, err := fmt.Sscanf(text, "%d:%d-%d:%d", &h1, &m1, &h2, &m2); err != nil {
				t.Fatal(err)
			}
			out = append(out, timed{time.Date(2026, 10, 15, h1, m1, 0, 0, zone), time.Date(2026, 10, 15, h2, m2, 0, 0, zone), strings.HasSuffix(text, " light")})
		}
		return out
	}
	for _, tt := range []struct {
		name string
		of   []string
		want []string
	}{
		{"alone", []string{"9:00-10:00"}, []string{"r13 s12 x1 w60"}},
		{"one after the other", []string{"9:00-10:00", "10:00-11:00"}, []string{"r13 s12 x1 w60", "r25 s12 x1 w60"}},
		{"a chain of three needs two", []string{"9:00-11:00", "10:00-12:00", "11:30-12:30"}, []string{"r13 s24 x1 w30", "r25 s24 x31 w30", "r43 s12 x1 w30"}},
		{"what begins when another one ends takes its place", []string{"9:00-10:00", "9:30-11:00", "10:00-10:30"},
			[]string{"r13 s12 x1 w30", "r19 s18 x31 w30", "r25 s6 x1 w30"}},
		{"the next group has all the room", []string{"9:00-10:00", "9:30-10:30", "13:00-14:00"}, []string{"r13 s12 x1 w30", "r19 s12 x31 w30", "r61 s12 x1 w60"}},
		{"no time is one line", []string{"9:00-9:00"}, []string{"r13 s5 x1 w60"}},
		{"what is drawn longer pushes the next one aside", []string{"9:00-9:10", "9:15-10:00"}, []string{"r13 s5 x1 w30", "r16 s9 x31 w30"}},
		{"what counts for nothing has half the room", []string{"9:00-10:00", "9:30-10:30 light", "9:45-10:45 light"},
			[]string{"r13 s12 x1 w30", "r19 s12 x31 w15", "r22 s12 x46 w15"}},
		{"before the hours", []string{"7:00-9:00"}, []string{"r1 s12 x1 w60"}},
		{"at the end", []string{"17:50-18:00"}, []string{"r116 s5 x1 w60"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, b := range col.place(times(tt.of...)) {
				if b.class() != tt.want[i] {
					t.Errorf("%s is at %s, want %s", tt.of[i], b.class(), tt.want[i])
				}
			}
		})
	}
}

// TestNoBlocksCoverEachOther places whatever there may be.
func TestNoBlocksCoverEachOther(t *testing.T) {
	zone := berlin(t)
	rapid.Check(t, func(t *rapid.T) {
		col := span{0, 24}.of(calendar.Date{Year: 2026, Month: 10, Day: rapid.SampledFrom([]int{24, 25}).Draw(t, "day")}, zone)
		var all []timed
		for range rapid.IntRange(0, 40).Draw(t, "how many") {
			from := col.start.Add(time.Duration(rapid.IntRange(-100, col.minutes).Draw(t, "from")) * time.Minute)
			until := from.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "minutes")) * time.Minute)
			all = append(all, timed{from, until, rapid.Bool().Draw(t, "light")})
		}
		blocks := col.place(all)
		for i, a := range blocks {
			if a.row < 1 || a.rows < leastRows || a.row+a.rows-1 > max(col.minutes/rowMinutes, 0)+leastRows || a.col < 1 || a.col+a.cols-1 > gridColumns {
				t.Fatalf("block %d is at %+v, of %d minutes", i, a, col.minutes)
			}
			for j, b := range blocks[:i] {
				if a.row < b.row+b.rows && b.row < a.row+a.rows && a.col < b.col+b.cols && b.col < a.col+a.cols {
					t.Fatalf("blocks %d and %d cover each other: %+v, %+v", i, j, a, b)
				}
			}
		}
	})
}
