package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestCustomersAreRecordedAndChanged(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	if p := r.page("/customers"); !strings.Contains(p.body, "No customers yet") {
		t.Errorf("without one: %s", p.body)
	}
	form := ptr(r.page("/customers/new?name=Acme")).form(t, "/customers")
	if form.Get("name") != "Acme" || form.Get("rates[0].from") != "" || form.Get("locale") != "en" {
		t.Errorf("what is proposed: %v", form)
	}
	all := with(form, "aliases", "Acme GmbH\r\n\r\nACME Holding", "currency", "eur", "rates[0].from", "2026-01-01", "rates[0].work", "120,50",
		"rates[0].travel", "50 %",
		"rounding[0].from", "2026-01-01", "rounding[0].increment", "15", "rounding[0].mode", "up", "rounding[0].scope", "day", "rounding[0].least", "30",
		"day_minutes", "480", "travel_policy", "both", "locale", "de", "address", "Hafenstr. 1\r\n20457 Hamburg", "emails", "a@acme.example",
		"order_number", "4711", "buyer_reference", "K-17")
	for field, wrong := range map[string][3]string{
		"name": {"name", " "}, "aliases": {"aliases", "ok\nAcme"}, "currency": {"currency", "XXY"}, "rates-0-work": {"rates[0].work", "1.2.3"},
		"rates-0-from": {"rates[0].from", ""}, "rates-0-travel": {"rates[0].travel", "x"}, "rounding-0-least": {"rounding[0].least", "x"},
		"rounding-0-from": {"rounding[0].from", "yesterday"}, "day_minutes": {"day_minutes", "2000"}, "emails": {"emails", "nobody"},
	} {
		p := r.do("POST", "/customers", with(all, wrong[0], wrong[1], "idempotency_key", field))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
			t.Errorf("%s %q: %d %s", field, wrong[1], p.status, p.body)
		}
	}
	one, again := r.do("POST", "/customers", all), r.do("POST", "/customers", all)
	if one.to != "/customers?saved=1" || again.to != one.to {
		t.Fatalf("recorded: %+v", one)
	}
	items := m.json("GET", "/v1/customers", "")["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("there are %d", len(items))
	}
	c := items[0].(map[string]any)
	rate, rounding := c["rates"].([]any)[0].(map[string]any), c["rounding"].([]any)[0].(map[string]any)
	if len(c["aliases"].([]any)) != 2 || c["currency"] != "EUR" || rate["work"] != "120.50" || rate["travel"] != "50%" || rounding["increment"] != 15.0 ||
		rounding["least"] != 30.0 || c["day_minutes"] != 480.0 || c["travel_policy"] != "both" || c["locale"] != "de" || len(c["address"].([]any)) != 2 ||
		c["order_number"] != "4711" || c["buyer_reference"] != "K-17" || c["emails"].([]any)[0] != "a@acme.example" {
		t.Errorf("recorded is %v", c)
	}
	if p := r.page("/customers"); !strings.Contains(p.body, "€120.50") || !strings.Contains(p.body, "up to 15 min, for each day") ||
		!strings.Contains(p.body, "50 %") {
		t.Errorf("the list: %s", p.body)
	}
	twice := r.do("POST", "/customers", with(form, "name", "ACME", "idempotency_key", "twice"))
	if twice.status != http.StatusConflict || !strings.Contains(twice.body, "There is a customer") {
		t.Errorf("the same name: %d %s", twice.status, twice.body)
	}

	at := "/customers/" + c["id"].(string)
	page := r.page(at)
	edit := page.form(t, at)
	if edit.Get("rates[0].work") != "120.50" || edit.Get("rates[1].from") != "" || !edit.Has("rates[1].from") || edit.Get("rounding[0].scope") != "day" {
		t.Errorf("the form has %v", edit)
	}
	second := with(edit, "rates[0].from", "", "rates[0].work", "", "rates[0].travel", "", "rates[1].from", "2026-07-01",
		"rates[1].work", "130", "aliases", "Acme GmbH", "address", "Hafenstr. 2", "idempotency_key", "second")
	if p := r.do("POST", at, second); p.to != at+"?saved=1" || !strings.Contains(r.page(p.to).body, "Saved.") {
		t.Fatalf("saved: %d %s", p.status, p.body)
	}
	if rates := m.json("GET", "/v1"+at, "")["rates"].([]any); len(rates) != 1 || rates[0].(map[string]any)["work"] != "130" {
		t.Errorf("the rates are %v", rates)
	}
	stale := r.do("POST", at, with(edit, "name", "Acme 2", "address", "Hafenstr. 3", "idempotency_key", "stale"))
	if stale.status != http.StatusConflict || !strings.Contains(stale.body, "It was changed meanwhile.") || !strings.Contains(stale.body, `value="Acme 2"`) {
		t.Errorf("changed meanwhile: %d %s", stale.status, stale.body)
	}
	if p := r.do("POST", at, with(stale.form(t, at), "address", "Hafenstr. 3")); p.to != at+"?saved=1" || m.json("GET", "/v1"+at, "")["name"] != "Acme 2" {
		t.Errorf("sent once more: %+v", p)
	}

	other := m.json("POST", "/v1/customers", `{"name": "Globex", "aliases": ["Globex Inc"]}`)["id"].(string)
	merging := ptr(r.page(at)).form(t, at+"/merge")
	if p := r.do("POST", at+"/merge", with(merging, "other", " ", "idempotency_key", "none")); p.status != http.StatusUnprocessableEntity ||
		!strings.Contains(p.body, `id="other-problem"`) {
		t.Errorf("merged with nothing: %d %s", p.status, p.body)
	}
	if p := r.do("POST", at+"/merge", with(merging, "other", "globex")); p.to != at+"?saved=1" || r.get("/customers/"+other).status != http.StatusNotFound {
		t.Errorf("merged: %+v", p)
	}
	if aliases := m.json("GET", "/v1"+at, "")["aliases"].([]any); len(aliases) != 4 {
		t.Errorf("the aliases are %v", aliases)
	}
	old := with(merging, "other", "Initech", "idempotency_key", "old")
	if p := r.do("POST", at+"/merge", old); p.status != http.StatusConflict {
		t.Errorf("merged from an old page: %+v", p)
	}
	if p := r.do("POST", at+"/remove", with(merging, "idempotency_key", "old")); p.status != http.StatusConflict {
		t.Errorf("deleted from an old page: %+v", p)
	}
	if p := r.do("POST", at+"/remove", ptr(r.page(at)).form(t, at+"/remove")); p.to != "/customers" || r.get(at).status != http.StatusNotFound {
		t.Errorf("deleted: %+v", p)
	}
}

func TestNewCustomersAreProposed(t *testing.T) {
	m := newMachine(t)
	config := m.fill(recent())
	m.work()
	id := m.json("POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "last 30 days"}`)["id"].(string)
	m.ended(id)
	r := m.reader()
	page := r.page("/customers")
	if !strings.Contains(page.body, "not recorded yet") || !strings.Contains(page.body, `href="/customers/new?name=Contoso"`) ||
		!strings.Contains(page.body, "1 appointment, 1:30") {
		t.Errorf("nobody is proposed: %s", page.body)
	}
	r.do("POST", "/customers", ptr(r.page("/customers/new?name=Contoso")).form(t, "/customers"))
	if page := r.page("/customers"); strings.Contains(page.body, "/customers/new?name=Contoso") || !strings.Contains(page.body, "/customers/new?name=Acme") {
		t.Errorf("it is proposed still: %s", page.body)
	}
}

func TestNumbersAreWrittenAsInTheLanguage(t *testing.T) {
	m := newMachine(t)
	id := m.json("POST", "/v1/customers", `{"name": "Acme", "currency": "EUR",
		"rates": [{"from": "2026-01-01", "work": "1200.50", "travel": "12.5%"}]}`)["id"].(string)
	r := m.reader()
	settings := ptr(r.page("/settings")).form(t, "/settings")
	r.do("POST", "/settings", with(settings, "locale", "de", "timezone", "Europe/Berlin"))
	if p := r.page("/customers"); !strings.Contains(p.body, "1.200,50\u00a0€") || !strings.Contains(p.body, "12,5 %") {
		t.Errorf("the list: %s", p.body)
	}
	at := "/customers/" + id
	form := ptr(r.page(at)).form(t, at)
	if form.Get("rates[0].work") != "1200,50" || form.Get("rates[0].travel") != "12,5%" {
		t.Errorf("the form: %v", form)
	}
	if p := r.do("POST", at, form); p.to != at+"?saved=1" {
		t.Fatalf("saved as it was: %d %s", p.status, p.body)
	}
	if rate := m.json("GET", "/v1"+at, "")["rates"].([]any)[0].(map[string]any); rate["work"] != "1200.50" || rate["travel"] != "12.5%" {
		t.Errorf("the rate is %v", rate)
	}
}

func TestCategoriesAreSeenTo(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	if p := r.page("/categories"); !strings.Contains(p.body, "Nothing is archived yet") {
		t.Errorf("without a calendar: %s", p.body)
	}
	config := m.fill(recent())
	if p := r.page("/categories"); !strings.Contains(p.body, "No categories yet") {
		t.Errorf("without one: %s", p.body)
	}
	form := ptr(r.page("/categories")).form(t, "/categories")
	for field, value := range map[string]string{"name": "Acme", "colour": "green"} {
		p := r.do("POST", "/categories", with(form, "name", "Acme - billable", field, value, "idempotency_key", field))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
			t.Errorf("%s %q: %d %s", field, value, p.status, p.body)
		}
	}
	if p := r.do("POST", "/categories", with(form, "name", "Acme - billable", "colour", "preset3")); p.to != "/categories" {
		t.Fatalf("made: %d %s", p.status, p.body)
	}
	page := r.page("/categories")
	if !strings.Contains(page.body, "colour-preset3") || !strings.Contains(page.body, "Acme, billable") ||
		!strings.Contains(page.body, "/customers/new?name=Acme") {
		t.Errorf("the list: %s", page.body)
	}
	list := m.json("GET", "/v1/categories?config="+config, "")["items"].([]any)
	at := "/categories/" + list[0].(map[string]any)["id"].(string)
	if p := r.do("POST", at+"/colour", with(page.form(t, at+"/colour"), "colour", "preset7")); p.to != "/categories" ||
		!strings.Contains(r.page("/categories").body, "colour-preset7") {
		t.Errorf("recoloured: %+v", p)
	}
	if p := r.do("POST", "/categories/none/colour", with(page.form(t, at+"/colour"), "idempotency_key", "none")); p.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", p.status)
	}
	renamed := r.do("POST", "/categories/rename", with(page.form(t, "/categories/rename"), "to", "Acme Ltd - billable"))
	if renamed.to != "/categories?carrying=1" || !strings.Contains(r.page(renamed.to).body, "One event still carries the old name") {
		t.Errorf("renamed: %d %s %s", renamed.status, renamed.to, renamed.body)
	}
	wrong := r.do("POST", "/categories/rename", with(page.form(t, "/categories/rename"), "to", "Acme", "idempotency_key", "wrong"))
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `role="alert"`) {
		t.Errorf("renamed to what cannot be read: %d", wrong.status)
	}
	check := r.page("/categories?check=yes")
	for _, want := range []string{"4 events were looked at; 1 of them without a category.", "Contoso stand-up", "Carried by events, and not in the list"} {
		if !strings.Contains(check.body, want) {
			t.Errorf("the check lacks %q: %s", want, check.body)
		}
	}
	if p := r.do("POST", at+"/remove", page.form(t, at+"/remove")); p.to != "/categories" || strings.Contains(r.page("/categories").body, ">Acme - billable<") {
		t.Errorf("deleted: %+v", p)
	}
}
