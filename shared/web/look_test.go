package web

import (
	"strings"
	"testing"
	"time"
)

func TestATimeThatClocksShowTwiceSaysItsZone(t *testing.T) {
	berlin := berlin(t)
	howe, err := time.LoadLocation("Australia/Lord_Howe") // by half an hour
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		at   string
		zone *time.Location
		want string
	}{
		{"2026-10-24T23:59:00Z", berlin, "01:59"}, {"2026-10-25T00:00:00Z", berlin, "02:00 CEST"}, {"2026-10-25T00:59:59Z", berlin, "02:59 CEST"},
		{"2026-10-25T01:00:00Z", berlin, "02:00 CET"}, {"2026-10-25T01:59:59Z", berlin, "02:59 CET"}, {"2026-10-25T02:00:00Z", berlin, "03:00"},
		{"2027-03-28T00:59:00Z", berlin, "01:59"}, {"2027-03-28T01:00:00Z", berlin, "03:00"}, {"2026-10-15T07:00:00Z", berlin, "09:00"},
		{"2026-04-04T14:29:00Z", howe, "01:29"}, {"2026-04-04T14:30:00Z", howe, "01:30 +11"}, {"2026-04-04T15:00:00Z", howe, "01:30 +1030"},
		{"2026-04-04T15:30:00Z", howe, "02:00"}, {"2026-10-25T00:30:00Z", time.UTC, "00:30"},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := clock(at, tt.zone); got != tt.want {
			t.Errorf("%s in %s is %s, not %s", tt.at, tt.zone, got, tt.want)
		}
	}
}

func TestWhatLastsForDaysIsOnTheFirstLineWithRoom(t *testing.T) {
	got := bands([][2]int{{3, 6}, {0, 1}, {1, 3}, {0, 6}, {4, 4}, {2, 2}})
	want := []band{{1, 3, 6}, {1, 0, 1}, {2, 1, 3}, {0, 0, 6}, {2, 4, 4}, {1, 2, 2}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d is at %v, not at %v", i, got[i], want[i])
		}
	}
	if len(bands(nil)) != 0 {
		t.Error("of nothing there are lines")
	}
}

func TestABrowserIsCalledWhatPeopleCallIt(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0": "Edge, Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36":                 "Chrome, Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile Safari/1":  "Safari, iPhone",
		"Mozilla/5.0 (Android 14; Mobile; rv:129.0) Gecko/129.0 Firefox/129.0":                                                          "Firefox, Android",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15":         "Safari, macOS",
		"Go-http-client/1.1": "Go-http-client/1.1", "": "", "Safari/1": "Safari/1", "Linux": "Linux",
	} {
		if got := browserNamed(agent); got != want {
			t.Errorf("%q is %q, not %q", agent, got, want)
		}
	}
}

func TestACalendarIsCalledByItsName(t *testing.T) {
	for address, want := range map[string]string{"local://me/calendars/A%20b": "A b", "": "", "nothing": "nothing"} {
		if got := calendarName(address); got != want {
			t.Errorf("%q is called %q, not %q", address, got, want)
		}
	}
}

func TestAPeriodThatIsNoneOfThoseOfferedStaysChosen(t *testing.T) {
	v := &view{speech: speech{"en"}}
	for _, chosen := range []string{"2026-10-01 to 2026-10-31", "last month", ""} {
		var b strings.Builder
		if err := v.periods(chosen).Render(&b); err != nil {
			t.Fatal(err)
		}
		want, options := chosen, len(trials)
		if strings.HasPrefix(chosen, "2026") {
			options++
		}
		if chosen == "" {
			want = usualTrial
		}
		if n := strings.Count(b.String(), "<option"); n != options || !strings.Contains(b.String(), `<option value="`+want+`" selected>`) {
			t.Errorf("of %q there are %d periods: %s", chosen, n, b.String())
		}
	}
}
