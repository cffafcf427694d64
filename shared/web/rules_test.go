package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// rulesOf are the ids of a config's rules in their order; those that are off have a minus.
func (m *machine) rulesOf(config string) string {
	m.t.Helper()
	var ids []string
	for _, r := range m.json("GET", "/v1/archive-configs/"+config+"/rules", "")["rules"].([]any) {
		id := r.(map[string]any)["id"].(string)
		if r.(map[string]any)["on"] == false {
			id = "-" + id
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// change returns the form of a page that does something with a rule.
func changeOf(t *testing.T, page read, id, does string) url.Values {
	t.Helper()
	for _, form := range formOf.FindAllStringSubmatch(page.body, -1) {
		one := read{body: form[0]}
		if form[1] != "/rules" {
			continue
		}
		if values := one.form(t, "/rules"); values.Get("id") == id && values.Get("do") == does {
			return values
		}
	}
	t.Fatalf("nothing does %s with %s", does, id)
	return nil
}

func TestRulesAreWrittenTriedAndOrdered(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	if p := r.page("/rules"); !strings.Contains(p.body, "Nothing is archived yet") {
		t.Errorf("without a config: %s", p.body)
	}
	config := m.fill(sample(t))
	if p := r.page("/rules"); !strings.Contains(p.body, "No rules yet") {
		t.Errorf("without a rule: %s", p.body)
	}
	if p := r.page("/rules/try?period=2026-10-01+to+2026-10-31"); !strings.Contains(p.body, "Nothing to try it on") {
		t.Errorf("with nothing archived: %s", p.body)
	}
	m.work()
	m.archive(config)
	form := ptr(r.page("/rules/edit")).form(t, "/rules/try")
	lunch := with(form, "name", "Lunch & gym!", "all[0].field", "subject", "all[0].op", "word", "all[0].any", "lunch | gym", "then.exclude", "yes", "on", "yes",
		"period", october)
	for field, wrong := range map[string][]string{
		"name": {"name", ""}, "all-0-op": {"all[0].op", "at_least"}, "all-0-any": {"all[0].any", ""}, "then-category": {"then.exclude", ""},
	} {
		for _, at := range []string{"/rules/try", "/rules/edit"} {
			one := with(lunch, wrong...)
			if wrong[1] == "" {
				one.Del(wrong[0])
			}
			if field == "all-0-any" {
				one.Set("all[0].any", "")
			}
			p := r.do("POST", at, with(one, "idempotency_key", at+field))
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
				t.Errorf("%s to %s: %d %s", field, at, p.status, p.body)
			}
		}
	}
	if m.rulesOf(config) != "" {
		t.Fatalf("something was saved: %s", m.rulesOf(config))
	}
	for range 2 { // as often as one likes
		tried := r.do("POST", "/rules/try", lunch)
		for _, want := range []string{"Nothing is saved yet.", "Break, non-billable", "−4:30", "Events that change", "Lunch &amp; gym!", `value="lunch | gym"`} {
			if tried.status != http.StatusOK || !strings.Contains(tried.body, want) {
				t.Errorf("tried: %d lacks %q: %s", tried.status, want, tried.body)
			}
		}
	}
	saving := with(lunch, "idempotency_key", "save")
	one, again := r.do("POST", "/rules/edit", saving), r.do("POST", "/rules/edit", saving)
	if one.to != "/rules" || again.to != "/rules" || m.rulesOf(config) != "lunch-gym" {
		t.Fatalf("saved: %d %s; there is %s", one.status, one.body, m.rulesOf(config))
	}
	list := r.page("/rules")
	for _, want := range []string{"Lunch &amp; gym!", "When subject has the word “lunch” or “gym”", "→ left out"} {
		if !strings.Contains(list.body, want) {
			t.Errorf("the list lacks %q: %s", want, list.body)
		}
	}
	stale := r.do("POST", "/rules/edit", with(lunch, "name", "Other", "idempotency_key", "stale"))
	if stale.status != http.StatusConflict || !strings.Contains(stale.body, "The rules were changed meanwhile.") ||
		!strings.Contains(stale.body, `value="Other"`) {
		t.Errorf("from an old page: %d %s", stale.status, stale.body)
	}

	add := func(name string, more ...string) {
		t.Helper()
		f := with(ptr(r.page("/rules/edit")).form(t, "/rules/try"), append([]string{"name", name, "all[0].field", "subject", "all[0].op", "contains", "all[0].any",
			"acme", "then.category", "Acme - billable", "on", "yes", "idempotency_key", name}, more...)...)
		if p := r.do("POST", "/rules/edit", f); p.to != "/rules" {
			t.Fatalf("%s: %d %s", name, p.status, p.body)
		}
	}
	globex := with(ptr(r.page("/rules/edit")).form(t, "/rules/try"), "name", "Globex", "all[0].any", "nothing", "then.exclude", "yes", "on", "yes",
		"period", october)
	if p := r.do("POST", "/rules/try", globex); !strings.Contains(p.body, "Every event becomes what it becomes without that.") {
		t.Errorf("a rule is not compared with those that are saved: %s", p.body)
	}
	add("Acme")
	add("Acme", "then.privacy", "personal", "then.travel", "yes", "idempotency_key", "again",
		"all[1].field", "subject", "all[1].op", "regex", "all[1].any", "^(a|b)")
	if got := m.rulesOf(config); got != "lunch-gym acme acme-2" {
		t.Fatalf("there are %s", got)
	}
	if p := r.page("/rules"); !strings.Contains(p.body, "→ is for Acme - billable, at least personal, travel") || !strings.Contains(p.body, "matches “^(a|b)”") {
		t.Errorf("the list: %s", p.body)
	}
	for _, step := range [][3]string{
		{"acme-2", "up", "lunch-gym acme-2 acme"}, {"lunch-gym", "down", "acme-2 lunch-gym acme"}, {"acme", "turn", "acme-2 lunch-gym -acme"},
		{"acme", "turn", "acme-2 lunch-gym acme"}, {"acme-2", "remove", "lunch-gym acme"},
	} {
		if p := r.do("POST", "/rules", changeOf(t, r.page("/rules"), step[0], step[1])); p.to != "/rules" || m.rulesOf(config) != step[2] {
			t.Errorf("%s %s: %d, and there are %s", step[1], step[0], p.status, m.rulesOf(config))
		}
	}
	old := changeOf(t, r.page("/rules"), "acme", "remove")
	r.do("POST", "/rules", changeOf(t, r.page("/rules"), "acme", "turn"))
	if p := r.do("POST", "/rules", old); p.status != http.StatusConflict || !strings.Contains(p.body, "changed meanwhile") ||
		m.rulesOf(config) != "lunch-gym -acme" {
		t.Errorf("from an old page: %d, and there are %s", p.status, m.rulesOf(config))
	}
	if p := r.do("POST", "/rules", with(changeOf(t, r.page("/rules"), "acme", "turn"), "do", "nothing")); p.status != http.StatusUnprocessableEntity {
		t.Errorf("nothing to do: %d", p.status)
	}

	edit := ptr(r.page("/rules/edit?id=acme")).form(t, "/rules/try")
	if edit.Get("name") != "Acme" || edit.Get("then.category") != "Acme - billable" || edit.Has("on") || edit.Get("all[0].any") != "acme" {
		t.Errorf("the form has %v", edit)
	}
	if p := r.do("POST", "/rules/edit", with(edit, "name", "Acme too", "on", "yes", "idempotency_key", "too")); p.to != "/rules" ||
		m.rulesOf(config) != "lunch-gym acme" || !strings.Contains(r.page("/rules").body, "Acme too") {
		t.Errorf("changed: %+v, and there are %s", p, m.rulesOf(config))
	}
	if p := r.get("/rules/edit?id=none"); p.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", p.status)
	}
	all := r.page("/rules/try?period=" + url.QueryEscape(october))
	for _, want := range []string{"with your rules and without any", "−4:30", "What each rule did", "nothing was left to do"} {
		if !strings.Contains(all.body, want) {
			t.Errorf("what the rules do lacks %q: %s", want, all.body)
		}
	}
	if p := r.get("/rules/try?period=x"); p.status != http.StatusUnprocessableEntity {
		t.Errorf("days that are none: %d", p.status)
	}
}

func TestASuggestedRuleIsLookedAtBeforeItIsSaved(t *testing.T) {
	m := newMachine(t)
	config := m.fill(regular())
	r := m.reader()
	if p := r.page("/rules?suggest=yes"); !strings.Contains(p.body, "Nothing in the last 90 days is regular enough.") {
		t.Errorf("with nothing archived: %s", p.body)
	}
	m.work()
	m.ended(m.json("POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "last 30 days"}`)["id"].(string))
	page := r.page("/rules?suggest=yes")
	address := regexp.MustCompile(`href="(/rules/edit\?[^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(address) < 1 || !strings.Contains(page.body, "5 of 5 such events were that.") {
		t.Fatalf("nothing is suggested: %s", page.body)
	}
	form := ptr(r.page(strings.ReplaceAll(address[len(address)-1][1], "&amp;", "&"))).form(t, "/rules/try")
	if form.Get("all[0].any") == "" || form.Get("then.category") != "Acme - billable" || form.Get("name") == "" {
		t.Errorf("the form has %v", form)
	}
	if p := r.do("POST", "/rules/edit", with(form, "idempotency_key", "x")); p.to != "/rules" || m.rulesOf(config) == "" {
		t.Errorf("saved: %d %s", p.status, p.body)
	}
}

// regular is a calendar with an appointment on each of the last five days, always of the same customer.
func regular() []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for i := range 5 {
		day := time.Now().UTC().AddDate(0, 0, -1-i).Format("20060102")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:w%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%sT080000Z\r\nDTEND:%sT090000Z\r\n"+
			"SUMMARY:Retro\r\nCATEGORIES:Acme - billable\r\nEND:VEVENT\r\n", i, day, day)
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}

func TestRulesAreWrittenInTheLanguageOfThePage(t *testing.T) {
	m := newMachine(t)
	config := m.fill(recent())
	r := m.reader()
	r.do("POST", "/settings", with(ptr(r.page("/settings")).form(t, "/settings"), "locale", "de"))
	form := with(ptr(r.page("/rules/edit")).form(t, "/rules/try"), "name", "Frei", "then.exclude", "yes", "all[0].field", "weekday", "all[0].op", "equals",
		"all[0].any", "samstag | Sonntag", "idempotency_key", "a")
	row := func(i int, field, text string) {
		form.Set(fmt.Sprintf("all[%d].field", i), field)
		form.Set(fmt.Sprintf("all[%d].op", i), "equals")
		form.Set(fmt.Sprintf("all[%d].any", i), text)
	}
	row(1, "all_day", "Ja")
	row(2, "show_as", "free")
	if p := r.do("POST", "/rules/edit", form); p.to != "/rules" {
		t.Fatalf("saved: %d %s", p.status, p.body)
	}
	all := m.json("GET", "/v1/archive-configs/"+config+"/rules", "")["rules"].([]any)[0].(map[string]any)["all"]
	if got := fmt.Sprint(all); !strings.Contains(got, "[Saturday Sunday]") || !strings.Contains(got, "[true]") || !strings.Contains(got, "[free]") {
		t.Errorf("saved is %s", got)
	}
	if p := r.page("/rules"); !strings.Contains(p.body, "Wochentag ist „Samstag“ oder „Sonntag“, und ganztägig ist „ja“") {
		t.Errorf("the list: %s", p.body)
	}
}
