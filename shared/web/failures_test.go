package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var problemOf = regexp.MustCompile(`<p (?:id="[^"]*" )?class="problem"[^>]*>([^<]*)<`)

// TestWhatIsWrongIsSaidInTheLanguageOfThePage sends forms that are wrong, and finds no English in what is said of them.
func TestWhatIsWrongIsSaidInTheLanguageOfThePage(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	m.json("POST", "/v1/customers", `{"name": "Globex", "aliases": ["Globex Inc"], "emails": ["a@globex.example"]}`)
	r := m.reader()
	r.do("POST", "/settings", with(ptr(r.page("/settings")).form(t, "/settings"), "locale", "de", "timezone", "Europe/Berlin"))
	make := func(customer string) string {
		body := fmt.Sprintf(`{"config": %q, "customer": %q, "period": %q}`, config, customer, october)
		return "/timesheets/" + m.json("POST", "/v1/timesheets", body)["id"].(string)
	}
	sheet, approved := make("Acme"), make("Globex")
	m.json("POST", "/v1"+approved+"/approve", `{"note": "agreed"}`)
	english := regexp.MustCompile(`(?i)\b(is|must|has|the|there|are)\b`)
	n := 0
	for _, form := range []struct {
		page, to string
		wrong    [][]string
	}{
		{"/customers/new?name=Acme", "/customers", [][]string{
			{"name", " "}, {"name", "a - b - c"}, {"name", "Globex"}, {"name", "globex inc"}, {"aliases", "Acme"}, {"aliases", "ok\nGlobex"}, {"currency", "XXY"},
			{"rates[0].from", "2026-01-01", "rates[0].work", "1"}, {"rates[0].work", "1"}, {"rates[0].from", "x", "currency", "EUR"},
			{"rates[0].from", "2026-01-01", "rates[0].work", "1.2.3", "currency", "EUR"},
			{"rates[0].from", "2026-01-01", "rates[0].work", "1", "rates[0].travel", "x", "currency", "EUR"},
			{"rates[0].from", "2026-01-01", "rates[0].work", "1", "rates[0].travel", "x%", "currency", "EUR"},
			{"rounding[0].from", "2026-01-01", "rounding[0].increment", "7"}, {"rounding[0].from", "2026-01-01", "rounding[0].least", "x"},
			{"rounding[0].from", "2026-01-01", "rounding[0].increment", "15", "rounding[0].mode", "x"}, {"day_minutes", "2000"}, {"locale", "xx"},
			{"emails", "nobody"}, {"emails", "Anna <a@acme.example>"}, {"emails", "a@acme.example\na@acme.example"}, {"order_number", strings.Repeat("x", 200)},
			{"travel_policy", "x"},
		}},
		{"/timesheets?month=2026-10", "/timesheets", [][]string{
			{"customer", " "}, {"customer", "a", "from", ""}, {"customer", "a", "from", "x"}, {"customer", "a", "from", "2026-10-05", "to", "2026-10-01"},
			{"customer", "a", "from", "1990-01-01", "to", "2026-10-01"}, {"customer", "Globex"}, {"customer", strings.Repeat("x", 200)},
		}},
		{sheet, sheet + "/approve", [][]string{{"note", ""}, {"note", strings.Repeat("x", 600)}, {"note", "a\x01b"}}},
		{approved, approved + "/reopen", [][]string{{"reason", ""}}},
		{approved, approved + "/send", [][]string{{"to", "other@example.com"}}},
		{"/categories", "/categories", [][]string{{"name", ""}, {"name", "Acme"}, {"name", "Acme - billable", "colour", "red"}}},
		{"/rules/edit", "/rules/try", [][]string{
			{"name", ""}, {"name", "a"}, {"name", "a", "all[0].any", "b"}, {"name", "a", "all[0].any", "b", "then.category", "x"},
			{"name", "a", "all[0].any", "b", "then.category", "Online"}, {"name", "a", "all[0].op", "at_least", "all[0].any", "b", "then.exclude", "yes"},
			{"name", "a", "all[0].field", "weekday", "all[0].any", "b", "then.exclude", "yes"}, {"name", "a", "all[0].field", "all_day", "all[0].any", "b"},
			{"name", "a", "all[0].field", "start_time", "all[0].any", "b"}, {"name", "a", "all[0].field", "duration", "all[0].any", "b"},
			{"name", "a", "all[0].op", "regex", "all[0].any", "("}, {"name", "a", "all[0].op", "word", "all[0].any", "-"},
			{"name", "a", "all[0].field", "attendee_domain", "all[0].op", "domain", "all[0].any", "a@b"},
		}},
	} {
		values := ptr(r.page(form.page)).form(t, form.to)
		for _, wrong := range form.wrong {
			n++
			p := r.do("POST", form.to, with(values, append(wrong, "idempotency_key", fmt.Sprint("k", n))...))
			found := problemOf.FindAllStringSubmatch(p.body, -1)
			if p.status != http.StatusUnprocessableEntity && p.status != http.StatusConflict || len(found) == 0 {
				t.Errorf("%s with %q: %d %s", form.to, wrong, p.status, found)
			}
			if strings.Contains(wrong[1], "\n") && !strings.Contains(p.body, ">Zeile 2: ") {
				t.Errorf("%s with %q does not say which line: %q", form.to, wrong, found)
			}
			for _, f := range found {
				if english.MatchString(f[1]) {
					t.Errorf("%s with %q says %q", form.to, wrong, f[1])
				}
			}
		}
	}
}
