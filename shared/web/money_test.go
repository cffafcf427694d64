package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// demoMoney records customers of the sample month with their rates, and makes timesheets of October in each state. It returns the ids of what it made.
func demoMoney(t testing.TB, m *machine, config string) map[string]string {
	t.Helper()
	ids := map[string]string{}
	for name, rest := range map[string]string{
		"Acme": `"aliases": ["Acme GmbH"], "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00", "travel": "50%"}],
			"rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day"}], "day_minutes": 480, "locale": "de",
			"address": ["Hafenstr. 1", "20457 Hamburg"]`,
		"Globex":   `"emails": ["billing@globex.example"], "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "98.50"}]`,
		"Umbrella": `"currency": "GBP", "rates": [{"from": "2026-10-01", "work": "110.00"}]`,
	} {
		ids[name] = m.json("POST", "/v1/customers", fmt.Sprintf(`{"name": %q, %s}`, name, rest))["id"].(string)
	}
	for i, name := range []string{"Acme - billable", "Globex - billable", "Initech - billable", "Online", "Umbrella - non-billable"} {
		m.json("POST", "/v1/categories", fmt.Sprintf(`{"config": %q, "name": %q, "colour": "preset%d"}`, config, name, 3*i))
	}
	m.json("PUT", "/v1/archive-configs/"+config+"/rules", `{"rules": [
		{"id": "lunch", "name": "Lunch", "on": true, "all": [{"field": "subject", "op": "word", "any": ["lunch", "gym"]},
			{"field": "start_time", "op": "at_least", "any": ["11:30"]}], "then": {"exclude": true}},
		{"id": "acme", "name": "Acme by domain", "on": true, "all": [{"field": "organiser_domain", "op": "domain", "any": ["acme.example"]}],
			"then": {"category": "Acme - billable"}},
		{"id": "research", "name": "Research is Globex's", "on": true, "all": [{"field": "subject", "op": "contains", "any": ["research"]},
			{"field": "weekday", "op": "equals", "any": ["Friday"]}], "then": {"category": "Globex - billable", "privacy": "personal"}},
		{"id": "trains", "name": "Trains", "on": false, "all": [{"field": "subject", "op": "regex", "any": ["^(train|flight)"]}], "then": {"travel": true}}]}`)
	make := func(customer string) string {
		return m.json("POST", "/v1/timesheets", fmt.Sprintf(`{"config": %q, "customer": %q, "period": %q}`, config, customer, october))["id"].(string)
	}
	ids["draft"], ids["approved"], ids["locked"] = make("Acme"), make("Globex"), make("Umbrella")
	for _, state := range []string{"approved", "locked"} {
		m.json("POST", "/v1/timesheets/"+ids[state]+"/approve", `{"note": "agreed by phone"}`)
	}
	m.json("POST", "/v1/timesheets/"+ids["locked"]+"/lock", "")
	m.json("PUT", "/v1/timesheets/"+ids["locked"]+"/invoice", `{"invoice_ref": "2026-17"}`)
	return ids
}

// hostileMoney has scripts wherever customers and timesheets have text, and adds the ids of what it made.
func hostileMoney(t testing.TB, m *machine, config string, made map[string]string) {
	t.Helper()
	text, err := json.Marshal(hostile)
	must(t, err)
	made["hostile customer"] = m.json("POST", "/v1/customers", strings.NewReplacer("TEXT", string(text), "ALIAS", `"<b onclick=1>"`).Replace(
		`{"name": TEXT, "aliases": [ALIAS], "currency": "EUR", "address": [TEXT], "buyer_reference": TEXT,
			"order_number": TEXT, "rates": [{"from": "2026-01-01", "work": "100"}]}`))["id"].(string)
	category, err := json.Marshal(hostile + " - billable")
	must(t, err)
	m.json("POST", "/v1/categories", fmt.Sprintf(`{"config": %q, "name": %s}`, config, category))
	m.json("PUT", "/v1/archive-configs/"+config+"/rules", strings.NewReplacer("TEXT", string(text), "CATEGORY", string(category)).Replace(`{"rules": [
		{"id": "lunch", "name": TEXT, "on": true, "all": [{"field": "subject", "op": "contains", "any": ["lunch", TEXT]}], "then": {"exclude": true}},
		{"id": "off", "name": "off", "on": false, "all": [{"field": "subject", "op": "contains", "any": [TEXT]}], "then": {"category": CATEGORY}}]}`))
	made["hostile"] = m.json("POST", "/v1/timesheets", fmt.Sprintf(`{"config": %q, "customer": %s, "period": %q}`, config, text, october))["id"].(string)
	m.json("POST", "/v1/timesheets/"+made["hostile"]+"/approve", fmt.Sprintf(`{"note": %s}`, text))
	m.json("POST", "/v1/timesheets/"+made["hostile"]+"/lock", "")
	m.json("PUT", "/v1/timesheets/"+made["hostile"]+"/invoice", `{"invoice_ref": "<img src=x onerror=window.ran=2>"}`)
}

// moneyPages are the pages of what demoMoney made.
func moneyPages(made map[string]string) []string {
	pages := []string{"/timesheets?month=2026-10", "/timesheets?month=2025-02", "/timesheets/" + made["approved"] + "/lock",
		"/hours?on=2026-10-15", "/hours?on=2026-10-15&by=day", "/hours?view=year&on=2026-10-15&by=week", "/hours?on=2025-10-15",
		"/customers", "/customers/new?name=%3Cb%3E", "/customers/" + made["Acme"], "/customers/" + made["hostile customer"], "/categories", "/categories?check=yes",
		"/rules", "/rules?suggest=yes", "/rules/edit?id=lunch", "/rules/edit?name=%3Cb%3E&all[0].field=subject&all[0].any=%3Cb%3E",
		"/rules/try?period=" + url.QueryEscape(october)}
	for _, id := range []string{"draft", "approved", "locked", "hostile"} {
		pages = append(pages, "/timesheets/"+made[id])
	}
	return pages
}

func TestATimesheetFromDraftToLocked(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	m.json("POST", "/v1/customers", `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00"}],
		"rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day"}]}`)
	r := m.reader()
	month := r.page("/timesheets?month=2026-10")
	for _, want := range []string{"Timesheets, October 2026", "4 without a timesheet", ">18:40<", "€2,250.00", "Make it: Acme"} {
		if !strings.Contains(month.body, want) {
			t.Errorf("the month lacks %q: %s", want, month.body)
		}
	}
	if p := r.page("/timesheets?month=2025-02"); !strings.Contains(p.body, "Nothing to bill in this month") {
		t.Errorf("a month with nothing: %s", p.body)
	}
	form := with(month.form(t, "/timesheets"), "customer", "acme", "from", "2026-10-01", "to", "2026-10-31")
	one, again := r.do("POST", "/timesheets", form), r.do("POST", "/timesheets", form)
	if one.status != http.StatusSeeOther || one.to != again.to || !strings.HasPrefix(one.to, "/timesheets/") {
		t.Fatalf("made: %+v, and once more %+v", one, again)
	}
	at := one.to
	id := strings.TrimPrefix(at, "/timesheets/")
	if p := r.page("/timesheets?month=2026-10"); !strings.Contains(p.body, `class="pill s-draft"`) || !strings.Contains(p.body, `href="`+at+`"`) ||
		strings.Contains(p.body, "Make it: Acme") {
		t.Errorf("the month has no draft: %s", p.body)
	}
	draft := r.page(at)
	for _, want := range []string{
		"<h1>Acme, October 2026</h1>", "18:45 billed, 18:40 worked", "€2,250.00", "Time is rounded up to 15 minutes for each day.", "Acme steering",
		"4 appointments are left out:</b> private", "still for you to decide", "gaps between appointments", `href="` + at + `/file?format=pdf"`,
	} {
		if !strings.Contains(draft.body, want) {
			t.Errorf("the draft lacks %q: %s", want, draft.body)
		}
	}
	approving := draft.form(t, at+"/approve")
	without := r.do("POST", at+"/approve", with(approving, "idempotency_key", "none", "note", " "))
	if without.status != http.StatusUnprocessableEntity || !strings.Contains(without.body, `id="note-problem"`) {
		t.Errorf("without a note: %d %s", without.status, without.body)
	}
	stale := r.do("POST", at+"/approve", with(approving, "idempotency_key", "stale", "note", "agreed", "seen", "sha256:other"))
	if stale.status != http.StatusConflict || !strings.Contains(stale.body, "It has changed since you opened this page.") {
		t.Errorf("of what it was before: %d %s", stale.status, stale.body)
	}
	approved := r.do("POST", at+"/approve", with(approving, "note", "agreed\r\nby phone"))
	if approved.to != at {
		t.Fatalf("approved: %d %s", approved.status, approved.body)
	}
	second := r.do("POST", at+"/approve", with(approving, "note", "agreed", "idempotency_key", "second"))
	if second.status != http.StatusConflict || !strings.Contains(second.body, "Somebody was faster: this timesheet is approved already.") ||
		!strings.Contains(second.body, "Lock …") {
		t.Errorf("approved by somebody else: %d %s", second.status, second.body)
	}
	if p := r.do("POST", at+"/remove", approvedForm(r, at)); p.status != http.StatusConflict {
		t.Errorf("an approved one was deleted: %+v", p)
	}

	reopening := ptr(r.page(at)).form(t, at+"/reopen")
	if p := r.do("POST", at+"/reopen", with(reopening, "idempotency_key", "why")); p.status != http.StatusUnprocessableEntity ||
		!strings.Contains(p.body, `id="reason-problem"`) {
		t.Errorf("reopened without a reason: %d", p.status)
	}
	if p := r.do("POST", at+"/reopen", with(reopening, "reason", "a line is wrong")); p.to != at || !strings.Contains(r.page(at).body, "a line is wrong") {
		t.Errorf("reopened: %+v", p)
	}
	if p := r.do("POST", at+"/approve", with(ptr(r.page(at)).form(t, at+"/approve"), "note", "now it is right")); p.to != at {
		t.Fatalf("approved once more: %d %s", p.status, p.body)
	}

	preview := r.page(at + "/lock")
	for _, want := range []string{"This is for ever.", "1–31 October 2026", "€2,250.00", "Lock for ever"} {
		if !strings.Contains(preview.body, want) {
			t.Errorf("before it is locked it is not said %q: %s", want, preview.body)
		}
	}
	locking := preview.form(t, at+"/lock")
	if p := r.do("POST", at+"/lock", locking); p.to != at {
		t.Fatalf("locked: %d %s", p.status, p.body)
	}
	if p := r.do("POST", at+"/lock", with(locking, "idempotency_key", "twice")); p.status != http.StatusConflict ||
		!strings.Contains(p.body, "this timesheet is locked already") {
		t.Errorf("locked twice: %d %s", p.status, p.body)
	}
	if p := r.do("GET", at+"/lock", nil); p.to != at {
		t.Errorf("the preview of a locked one: %+v", p)
	}
	locked := r.page(at)
	for _, never := range []string{at + "/reopen", at + "/remove", at + "/approve"} {
		if strings.Contains(locked.body, never) {
			t.Errorf("a locked one offers %s", never)
		}
	}
	invoice := locked.form(t, at+"/invoice")
	if p := r.do("POST", at+"/invoice", with(invoice, "invoice_ref", strings.Repeat("x", 65), "idempotency_key", "long")); p.status !=
		http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="invoice_ref-problem"`) {
		t.Errorf("a reference that is too long: %d", p.status)
	}
	if p := r.do("POST", at+"/invoice", with(invoice, "invoice_ref", "2026-17")); p.to != at || !strings.Contains(r.page(at).body, `value="2026-17"`) {
		t.Errorf("the invoice: %+v", p)
	}

	for format, want := range map[string][2]string{
		"pdf": {"application/pdf", "inline"}, "xlsx": {"application/vnd.openxmlformats", "attachment"}, "csv": {"text/csv", "attachment"},
		"json": {"application/json", "attachment"}, "invoice-data": {"application/json", "attachment"},
		"xero&number=17&date=2026-11-02&due=2026-11-16&account=200&tax=none": {"text/csv", "attachment"},
	} {
		p := r.get(at + "/file?format=" + format)
		if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Type"), want[0]) ||
			!strings.HasPrefix(p.header.Get("Content-Disposition"), want[1]+"; filename*=UTF-8''") || p.body == "" {
			t.Errorf("%s: %d %v", format, p.status, p.header)
		}
		if strings.HasPrefix(format, "xero") && (!strings.Contains(p.body, "2026-11-16") && !strings.Contains(p.body, "16/11/2026")) {
			t.Errorf("Xero's file lacks what was filled in: %s", p.body)
		}
	}
	for _, path := range []string{"/file?format=none", "/file?format=xero&date=x"} {
		if p := r.get(at + path); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `role="alert"`) {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	if v := m.json("GET", "/v1/timesheets/"+id, ""); v["state"] != "locked" || v["invoice_ref"] != "2026-17" {
		t.Errorf("it is %v", v["state"])
	}
	third := r.do("POST", "/timesheets", with(form, "idempotency_key", "third"))
	if third.status != http.StatusConflict || !strings.Contains(third.body, "has days of the period") {
		t.Errorf("days that are locked: %d %s", third.status, third.body)
	}
	for field, value := range map[string]string{"customer": " ", "to": "2026-09-01", "from": "x"} {
		p := r.do("POST", "/timesheets", with(form, field, value, "idempotency_key", field))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
			t.Errorf("%s %q: %d", field, value, p.status)
		}
	}
	march := r.do("POST", "/timesheets", with(form, "customer", " ", "from", "2026-03-02", "to", "2026-03-31", "idempotency_key", "march"))
	if !strings.Contains(march.body, "Timesheets, March 2026") {
		t.Errorf("another month is shown than that of the form: %s", march.body)
	}
	other := r.do("POST", "/timesheets", with(form, "customer", "Globex", "idempotency_key", "globex"))
	removing := ptr(r.page(other.to)).form(t, other.to+"/remove")
	if p := r.do("POST", other.to+"/remove", removing); p.to != "/timesheets" || r.get(other.to).status != http.StatusNotFound {
		t.Errorf("a draft is deleted: %+v", p)
	}
	if p := r.get("/timesheets/none"); p.status != http.StatusNotFound {
		t.Errorf("one that is not there: %d", p.status)
	}
}

// approvedForm is what a page from before has that offered to delete the draft.
func approvedForm(r *reader, at string) url.Values {
	r.t.Helper()
	return with(ptr(r.page(at)).form(r.t, at+"/reopen"), "idempotency_key", "remove")
}

// TestATimesheetByKeys makes, approves and locks a timesheet without a mouse.
func TestATimesheetSaysWhereAWholeDayIsBilledBesideOthers(t *testing.T) {
	m := newMachine(t)
	month, conference := sample(t), []byte("SUMMARY:Conference in Graz\r\nCATEGORIES:Admin - non-billable")
	if !bytes.Contains(month, conference) {
		conference = bytes.ReplaceAll(conference, []byte("\r"), nil)
	}
	config := m.fill(bytes.Replace(month, conference, bytes.Replace(conference, []byte("Admin - non-billable"), []byte("Acme - billable"), 1), 1))
	m.work()
	m.archive(config)
	m.json("POST", "/v1/customers", `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00"}], "day_minutes": 480}`)
	at := "/timesheets/" + m.json("POST", "/v1/timesheets", `{"customer": "Acme", "period": "`+october+`"}`)["id"].(string)
	page := m.reader().page(at)
	for _, want := range []string{"One day has a line of the whole day beside others.", "All of them are billed.", "<li>Mon 26 Oct</li>"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q: %s", want, page.body)
		}
	}
}

func TestATimesheetByKeys(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	p.sees("/timesheets?month=2026-10")
	at := p.presses(kb.Enter)
	if !strings.HasPrefix(at, "/timesheets/") || !strings.Contains(p.text(), "Acme, October 2026") {
		t.Fatalf("Enter leads to %s: %s", at, p.text())
	}
	must(t, chromedp.Do(p.ctx, chromedp.KeyEvent("a"))) // the note is needed, so that one is led to it
	m.eventually("the note has the focus", func() bool { return script[string](p, "document.activeElement.name || ''") == "note" })
	must(t, chromedp.Do(p.ctx, chromedp.KeyEvent("all of it agreed"), chromedp.KeyEvent(kb.Tab)))
	if to := p.presses(kb.Enter); to != at {
		t.Fatalf("approving leads to %s", to)
	}
	if state := m.json("GET", "/v1"+at, "")["state"]; state != "approved" {
		t.Fatalf("it is %v", state)
	}
	if to := p.presses("l"); to != at+"/lock" || !strings.Contains(p.text(), "This is for ever") {
		t.Fatalf("l leads to %s", to)
	}
	if to := p.presses(kb.Escape); to != at {
		t.Errorf("Escape leads to %s", to)
	}
	p.presses("l")
	if to := p.presses(kb.Enter); to != at {
		t.Fatalf("locking leads to %s", to)
	}
	if state := m.json("GET", "/v1"+at, "")["state"]; state != "locked" {
		t.Errorf("it is %v", state)
	}
	if refused := p.refused(); refused != "" {
		t.Errorf("the policy refused %s", refused)
	}
	must(t, chromedp.Do(p.ctx, chromedp.KeyEvent("p")))
	m.eventually("the PDF stands beside the page", func() bool {
		tabs, err := chromedp.Targets(p.ctx)
		must(t, err)
		return slices.ContainsFunc(tabs, func(tab *target.Info) bool { return strings.HasSuffix(tab.URL, at+"/file?format=pdf") })
	})
	if here := p.at(); here != at {
		t.Errorf("the page went away to %s", here)
	}
}

// TestATimesheetWithoutScript does the same in a browser that runs no script, by the keys that every browser has.
func TestATimesheetWithoutScript(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	enter := func(on string) string {
		t.Helper()
		must(t, chromedp.Do(p.ctx, chromedp.Focus(chromedp.CSS(on))))
		_, err := chromedp.RunResponse(p.ctx, chromedp.KeyEvent(kb.Enter))
		must(t, err)
		at, err := chromedp.Run(p.ctx, chromedp.Location())
		must(t, err)
		return strings.TrimPrefix(at, m.url)
	}
	p.sees("/timesheets?month=2026-10")
	at := enter(`button.primary`)
	if !strings.HasPrefix(at, "/timesheets/") {
		t.Fatalf("making leads to %s", at)
	}
	must(t, chromedp.Do(p.ctx, chromedp.SendKeys(chromedp.CSS("#note"), "all of it agreed")))
	if to := enter(`form[action$="/approve"] button`); to != at {
		t.Fatalf("approving leads to %s", to)
	}
	if to := enter(`a[href$="/lock"]`); to != at+"/lock" {
		t.Fatalf("the first step leads to %s", to)
	}
	if to := enter(`form[action$="/lock"] button`); to != at {
		t.Fatalf("locking leads to %s", to)
	}
	if state := m.json("GET", "/v1"+at, "")["state"]; state != "locked" {
		t.Errorf("it is %v", state)
	}
}

func TestHoursStandBesideTheMoney(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	r := m.reader()
	if p := r.page("/hours?on=2026-10-15"); !strings.Contains(p.body, "No hours on these days") {
		t.Errorf("with nothing: %s", p.body)
	}
	m.work()
	m.archive(config)
	if p := r.page("/hours?on=2026-10-15"); strings.Contains(p.body, "Comes to") || !strings.Contains(p.body, `href="/customers/new?name=Acme"`) {
		t.Errorf("without a rate there is money, or Acme is known: %s", p.body)
	}
	m.json("POST", "/v1/customers", `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "100"}]}`)
	for path, says := range map[string][]string{
		"?on=2026-10-15": {"<h1>Hours, October 2026</h1>", "/hours?view=month&amp;on=2026-09-01&amp;by=customer",
			"<b>84:40</b>", "<b>18:40</b>", "€1,866.67", `class="b-billable"`,
			`class="b-travel"`, `class="b-nonbillable"`, "35 gaps"},
		"?view=week&on=2026-10-15":           {"<h1>Hours, 12–18 October 2026</h1>", "<b>2:40</b>", "€266.67", "/hours?view=week&amp;on=2026-10-22&amp;by=customer"},
		"?view=year&on=2026-10-15&by=week":   {"<h1>Hours, 2026</h1>", "Week of Mon 5 Oct", "/hours?view=year&amp;on=2025-01-01&amp;by=week"},
		"?on=2026-10-15&by=day":              {"Thu 22 Oct", `class="columns-chart"`, "0:45"},
		"?on=2026-10-15&by=billing":          {"By billing type", "72:55"},
		"?on=2026-10-15&by=category":         {"Acme - billable", "Admin - non-billable"},
		"?from=2026-10-05&to=2026-10-06":     {"<h1>Hours, 5–6 October 2026</h1>", "from=2026-10-05&amp;to=2026-10-06&amp;by=day", "€300.00"},
		"?from=2026-10-05&to=2026-10-06&by=": {"€300.00"},
	} {
		page := r.page("/hours" + path)
		for _, want := range says {
			if !strings.Contains(page.body, want) {
				t.Errorf("%s lacks %q: %s", path, want, page.body)
			}
		}
	}
	if p := r.page("/hours?on=2026-10-15"); strings.Index(p.body, "no customer") < strings.Index(p.body, "Umbrella") {
		t.Error("who is nobody's does not come last")
	}
	for path, field := range map[string]string{"?on=x": "on", "?from=2026-10-05": "to", "?from=2025-01-01&to=2026-10-05": "to", "?on=0001-01-01&view=week": "on"} {
		if p := r.get("/hours" + path); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `role="alert"`) {
			t.Errorf("%s: %d, not a problem of %s", path, p.status, field)
		}
	}
	file := r.get("/hours/file?on=2026-10-15&by=customer")
	if file.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(file.body, "Acme") ||
		!strings.Contains(file.header.Get("Content-Disposition"), "hours-2026-10-01-2026-10-31.csv") {
		t.Errorf("the file: %d %v %s", file.status, file.header, file.body)
	}
	if week := r.page("/calendar?view=week&on=2026-10-15"); !strings.Contains(week.body, "€266.67") {
		t.Errorf("the week has no money: %s", week.body)
	}
	if month := r.page("/calendar?view=month&on=2026-10-15"); !strings.Contains(month.body, "€1,866.67") {
		t.Errorf("the month has other money than the hours: %s", month.body)
	}
	if month := r.page("/calendar?view=month&on=2026-09-15"); !strings.Contains(month.body, "Acme data model") || strings.Contains(month.body, "€") {
		t.Errorf("a month has money of the days beside it: %s", month.body)
	}
}

// TestHoursOfAnAliasAreItsCustomers adds up what is written under two names.
func TestHoursOfAnAliasAreItsCustomers(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	m.json("POST", "/v1/customers", `{"name": "The Umbrella", "aliases": ["Umbrella", "GLOBEX"]}`)
	r := m.reader()
	for _, path := range []string{"/hours?on=2026-10-15&view=week", "/calendar?view=week&on=2026-10-15"} {
		page := r.page(path)
		table := page.body[strings.LastIndex(page.body, "<tbody>"):]
		if strings.Contains(table, ">Globex<") || !strings.Contains(table, "The Umbrella") || !strings.Contains(table, "9:30") {
			t.Errorf("%s: %s", path, table)
		}
	}
}

func TestMissingJourneysAreAskedAbout(t *testing.T) {
	m := newMachine(t)
	config := m.fill(journeys())
	m.work()
	m.archive(config)
	r := m.reader()
	form := ptr(r.page("/hours?on=2026-10-15")).form(t, "/hours/journeys")
	p := r.do("POST", "/hours/journeys", form)
	if p.status != http.StatusSeeOther || !strings.HasSuffix(p.to, "&asked=1") {
		t.Fatalf("asked: %+v", p)
	}
	if page := r.page(p.to); !strings.Contains(page.body, "One journey is for you to decide.") {
		t.Errorf("it is not said: %s", page.body)
	}
	if page := r.page("/review"); !strings.Contains(page.body, "A journey is missing") {
		t.Errorf("it is not asked: %s", page.body)
	}
	if p := r.do("POST", "/hours/journeys", with(form, "back", "https://other.example/", "idempotency_key", "back")); !strings.HasPrefix(p.to, "/hours?") {
		t.Errorf("it leads elsewhere: %+v", p)
	}
	september := with(form, "from", "2026-09-01", "to", "2026-09-30", "idempotency_key", "sep")
	if p := r.do("POST", "/hours/journeys", september); !strings.HasSuffix(p.to, "&asked=0") ||
		!strings.Contains(r.page(p.to).body, "No journey is missing") {
		t.Errorf("of days with nothing: %+v", p)
	}
}

// journeys is a calendar with two journeys between two places, and a day on which one is missing.
func journeys() []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for i, e := range [][4]string{
		{"06T080000Z", "06T090000Z", "Acme review", "Hamburg"}, {"06T090000Z", "06T093000Z", "Travel to Bremen", ""},
		{"06T093000Z", "06T103000Z", "Globex review", "Bremen"},
		{"07T080000Z", "07T090000Z", "Acme review", "Hamburg"}, {"07T090000Z", "07T093000Z", "Travel to Bremen", ""},
		{"07T093000Z", "07T103000Z", "Globex review", "Bremen"},
		{"15T080000Z", "15T090000Z", "Acme review", "Hamburg"}, {"15T100000Z", "15T110000Z", "Globex review", "Bremen"},
	} {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:j%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:202610%s\r\nDTEND:202610%s\r\nSUMMARY:%s\r\nLOCATION:%s\r\n"+
			"CATEGORIES:Acme - billable\r\nEND:VEVENT\r\n", i, e[0], e[1], e[2], e[3])
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}

func TestATimesheetIsSentOnce(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	id := m.json("POST", "/v1/timesheets", fmt.Sprintf(`{"config": %q, "customer": "Umbrella", "period": %q}`, config, october))["id"].(string)
	at := "/timesheets/" + id
	if p := r.page(at); strings.Contains(p.body, at+"/send") || strings.Contains(p.body, "Send it") {
		t.Errorf("a draft can be sent: %s", p.body)
	}
	m.json("POST", "/v1"+at+"/approve", `{"note": "agreed"}`)
	if p := r.page(at); !strings.Contains(p.body, "no address for timesheets yet") || !strings.Contains(p.body, `href="/customers/new?name=Umbrella"`) {
		t.Errorf("nobody is recorded: %s", p.body)
	}
	of := m.json("POST", "/v1/customers", `{"name": "Umbrella"}`)["id"].(string)
	if p := r.page(at); !strings.Contains(p.body, "no address for timesheets yet") || !strings.Contains(p.body, `href="/customers/`+of+`#emails"`) {
		t.Errorf("there is no address: %s", p.body)
	}
	m.json("PUT", "/v1/customers/"+of, `{"name": "Umbrella", "emails": ["bills@umbrella.example", "ann@umbrella.example"]}`)
	form := ptr(r.page(at)).form(t, at+"/send")
	if form.Get("to") != "bills@umbrella.example" {
		t.Errorf("it is sent to %q", form.Get("to"))
	}
	if p := r.do("POST", at+"/send", with(form, "to", "other@example.com", "idempotency_key", "other")); p.status != http.StatusUnprocessableEntity ||
		!strings.Contains(p.body, `id="to-problem"`) {
		t.Errorf("to an address that is not the customer's: %d %s", p.status, p.body)
	}
	one, again := r.do("POST", at+"/send", form), r.do("POST", at+"/send", form)
	if one.to != at || again.to != at {
		t.Fatalf("sent: %d %s", one.status, one.body)
	}
	sent := 0
	for _, c := range m.json("GET", "/v1"+at, "")["history"].([]any) {
		if c.(map[string]any)["sent"] != nil {
			sent++
		}
	}
	if page := r.page(at); sent != 1 || !strings.Contains(page.body, "sent to bills@umbrella.example") {
		t.Errorf("%d were sent: %s", sent, page.body)
	}
}

// TestAMonthFindsItsTimesheetsAmongMany makes more of another month, and one of another config.
func TestAMonthFindsItsTimesheetsAmongMany(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	other := m.json("POST", "/v1/archive-configs", `{"name": "other", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Other",
		"timezone": "Europe/Berlin", "create_calendar": true, "verify": "none"}`)["id"].(string)
	make := func(config, customer, period string) string {
		return m.json("POST", "/v1/timesheets", fmt.Sprintf(`{"config": %q, "customer": %q, "period": %q}`, config, customer, period))["id"].(string)
	}
	mine, beside := make(config, "Acme", "2026-10-05 to 2026-10-09"), make(other, "Acme", october)
	for range 101 {
		make(config, "Globex", "2026-11-01 to 2026-11-30")
	}
	body := m.reader().page("/timesheets?month=2026-10&config=" + config).body
	card, _, _ := strings.Cut(body, `id="other"`)
	if !strings.Contains(card, `href="/timesheets/`+mine+`"`) || !strings.Contains(card, "5–9 October 2026") {
		t.Errorf("the month lacks its timesheet: %s", card)
	}
	if strings.Contains(card, beside) || strings.Contains(card, "Globex") {
		t.Errorf("the month has what is not its own: %s", card)
	}
	next := regexp.MustCompile(`href="(/timesheets\?[^"]*after=[^"]+)"`).FindStringSubmatch(body)
	if next == nil || !strings.Contains(ptr(m.reader().page(strings.ReplaceAll(next[1], "&amp;", "&"))).body, "All timesheets") {
		t.Errorf("there is no next page: %s", body)
	}
}
