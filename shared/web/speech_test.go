package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
)

func TestTheLanguageIsTheUsersElseTheBrowsers(t *testing.T) {
	for _, tt := range []struct {
		browser, locale string
		chosen          bool
		want            string
	}{
		{"de-DE,de;q=0.9,en;q=0.8", "en", false, "de"},
		{"de-DE,de;q=0.9,en;q=0.8", "en", true, "en"},
		{"en-GB", "de-CH", true, "de"},
		{"en-GB", "de-CH", false, "en"},
		{"fr", "en", false, "en"},
		{"", "en", false, "en"},
		{";;;", "", false, "en"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", tt.browser)
		if got := speechOf(r, &account.Settings{Locale: tt.locale}, tt.chosen); got.lang != tt.want {
			t.Errorf("%+v: %s", tt, got.lang)
		}
	}
}

func TestDatesAndHoursAreWrittenAsPeopleWriteThem(t *testing.T) {
	day := func(text string) calendar.Date {
		d, err := calendar.ParseDate(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	en, de := speech{"en"}, speech{"de"}
	for _, tt := range []struct{ got, want string }{
		{en.days(day("2026-10-12"), day("2026-10-18")), "12–18 October 2026"},
		{de.days(day("2026-10-12"), day("2026-10-18")), "12.–18. Oktober 2026"},
		{en.days(day("2026-10-26"), day("2026-11-01")), "26 October – 1 November 2026"},
		{de.days(day("2026-12-28"), day("2027-01-03")), "28. Dezember 2026 – 3. Januar 2027"},
		{en.days(day("2026-10-12"), day("2026-10-12")), "12 October 2026"},
		{en.days(calendar.Date{}, calendar.Date{}), "all days"},
		{de.longDay(day("2026-10-15")), "Donnerstag, 15. Oktober 2026"},
		{en.longDay(day("2026-10-15")), "Thursday 15 October 2026"},
		{en.shortDay(day("2026-10-15")), "Thu 15 Oct"},
		{de.shortDay(day("2026-10-15")), "Do, 15. Okt."},
		{hours(90 * time.Minute), "1:30"}, {hours(0), "0:00"}, {hours(-30 * time.Minute), "−0:30"}, {change(90 * time.Minute), "+1:30"},
		{en.spoken(150 * time.Minute), "2 hours 30 minutes"}, {de.spoken(60 * time.Minute), "1 Stunde"}, {en.spoken(time.Minute), "1 minute"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	now := time.Date(2026, 10, 15, 12, 0, 0, 0, time.UTC)
	if got := en.moment(now.Add(-time.Hour), now, time.UTC) + ", " + de.moment(now.AddDate(0, 0, -1), now, time.UTC); got != "today 11:00, Mi, 14. Okt., 12:00" {
		t.Errorf("moments are %q", got)
	}
}

func TestWhatIsVendoredIsWhatWasLookedAt(t *testing.T) {
	if sum := sha256.Sum256(htmxText); hex.EncodeToString(sum[:]) != htmxSum {
		t.Error("htmx has another SHA-256")
	}
	if len(scriptText) > 10<<10 {
		t.Errorf("the script of our own has %d bytes", len(scriptText))
	}
	for name, content := range newStatic().files {
		for _, outside := range []string{"@import", "url(http", "//cdn", "sourceMappingURL"} {
			if strings.Contains(string(content), outside) {
				t.Errorf("%s has %q", name, outside)
			}
		}
	}
}

func TestSentencesBeginWithACapitalLetter(t *testing.T) {
	for text, want := range map[string]string{"": "", "choose a file": "Choose a file.", "über 4 MB.": "Über 4 MB.", "ö": "Ö."} {
		if got := sentence(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}
