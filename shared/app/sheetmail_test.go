package app

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/audit"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/notify"
)

func TestAMailWithATimesheetIsAuditedWithoutItsAddressAndToldOfWhenItComesBack(t *testing.T) {
	o := openOne(t)
	box, err := outbox.Open(t.TempDir(), "aa@example.com", time.Now)
	must(t, err)
	o.post = box
	o.api = o.system.api(asNamed)
	o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	o.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "Europe/Berlin"}`, "id")
	customer := o.do("ann", "POST", "/v1/customers", `{"name": "Acme", "emails": ["ap@acme.example"]}`, "id")
	sheet := o.do("ann", "POST", "/v1/timesheets", `{"customer": "Acme", "period": "2020-01-01"}`, "id")
	o.do("ann", "POST", "/v1/timesheets/"+sheet+"/approve", `{}`, "id")
	o.do("ann", "POST", "/v1/timesheets/"+sheet+"/send", `{"to": "ap@acme.example"}`, "id")

	var sent *audit.Record
	page, err := o.audit.List(t.Context(), "tenant#ann", audit.Filter{Action: "timesheet"}, 100, "")
	must(t, err)
	for i, r := range page.Records {
		if r.Action == "timesheet.sent" {
			sent = &page.Records[i]
		}
	}
	r, err := o.timesheets().Get(t.Context(), "tenant#ann", sheet)
	must(t, err)
	if sent == nil || sent.Details["sheet"] != audit.ID(r.Hash) || sent.Details["to"] != audit.ID("ap@acme.example") || sent.Resource.ID != sheet {
		t.Fatalf("the log has %+v", sent)
	}
	for key, text := range o.kept() {
		if strings.HasPrefix(key, "AUDIT#") && strings.Contains(text, "acme.example") {
			t.Errorf("%s has the address", key)
		}
	}

	letter := r.History[len(r.History)-1].Sent
	back := mail.Return{ID: letter.ID, For: "tenant#ann", To: []string{letter.To}, Why: mail.Bounced, Sent: time.Now()}
	mailer := o.mailer(box, nil, time.Second, time.Second)
	must(t, mailer.ComesBack(t.Context(), back))
	if list := o.list("/v1/notifications?"); len(list) != 1 || list[0]["title"] != "A timesheet that you sent came back" {
		t.Errorf("the user is told %v", list)
	}
	r, err = o.timesheets().Get(t.Context(), "tenant#ann", sheet)
	must(t, err)
	if m := r.History[len(r.History)-1].Sent; m.Returned != mail.Bounced {
		t.Errorf("the history has %+v", m)
	}
	if held, err := o.sheetPost().Held(t.Context(), letter.To); err != nil || held == nil || held.Why != mail.Bounced {
		t.Errorf("the address is held back for %+v, %v", held, err)
	}
	o.letsThroughAgain(t, customer, sheet, letter.To, mailer)
	must(t, mailer.ComesBack(t.Context(), mail.Return{ID: "sheet-none-1", For: "tenant#ann", To: []string{"x@acme.example"}, Why: mail.Bounced, Sent: time.Now()}))
}

// letsThroughAgain has the user let sheets to an address through again that mail came back from, once as it bounced and once after a complaint.
func (o *one) letsThroughAgain(t *testing.T, customer, sheet, address string, mailer *notify.Mailer) {
	t.Helper()
	path := "/v1/customers/" + customer
	held := func() (all []any) {
		t.Helper()
		all, _ = o.answered("GET", path, "")["mail_returned"].([]any)
		return all
	}
	again := func(body string) map[string]any { return o.answered("POST", path+"/mail-again", body) }
	if all := held(); len(all) != 1 || all[0].(map[string]any)["address"] != address || all[0].(map[string]any)["why"] != "bounced" ||
		all[0].(map[string]any)["again"] != "word" || all[0].(map[string]any)["since"] == "" {
		t.Errorf("the customer says %v", all)
	}
	if p := again(`{"address": "other@acme.example"}`); p["code"] != "invalid" || p["field"] != "body.address" && p["field"] != "address" {
		t.Errorf("another address: %v", p)
	}
	if p := o.answered("POST", "/v1/timesheets/"+sheet+"/send", `{"to": "`+address+`"}`); p["code"] != "conflict" {
		t.Errorf("while it is held back: %v", p)
	}
	if p := again(`{"address": "` + address + `"}`); p["mail_returned"] != nil || p["id"] != customer {
		t.Errorf("by the user's word: %v", p)
	}
	if p := o.answered("POST", "/v1/timesheets/"+sheet+"/send", `{"to": "`+address+`"}`); p["id"] != sheet {
		t.Errorf("after that: %v", p)
	}
	complained := mail.Return{ID: "sheet-" + sheet + "-2", For: "tenant#ann", To: []string{address}, Why: mail.Complained, Sent: time.Now().Add(time.Minute)}
	must(t, mailer.ComesBack(t.Context(), complained))
	if all := held(); len(all) != 1 || all[0].(map[string]any)["again"] != "confirmation" {
		t.Errorf("after a complaint the customer says %v", all)
	}
	for _, body := range []string{`{"address": "` + address + `"}`, `{"address": "` + address + `", "confirm": "yes"}`} {
		if p := again(body); p["code"] != "invalid" || !strings.Contains(p["detail"].(string), "ask them") {
			t.Errorf("%s after a complaint: %v", body, p)
		}
	}
	if p := o.page("ann", path[len("/v1"):], nil); p.Code != 200 || !strings.Contains(p.Body.String(), "Mail came back") ||
		!strings.Contains(p.Body.String(), "No timesheets go to "+address) || !strings.Contains(p.Body.String(), "The address once more") {
		t.Errorf("the page of the customer: %d %s", p.Code, p.Body)
	}
	mailPage := path[len("/v1"):] + "/mail"
	if p := o.page("ann", mailPage, url.Values{"address": {address}, "confirm": {"yes"}}); p.Code != 422 || !strings.Contains(p.Body.String(), "ask them before") {
		t.Errorf("the form without the address: %d %s", p.Code, p.Body)
	}
	if p := o.page("ann", mailPage, url.Values{"address": {address}, "confirm": {" " + strings.ToUpper(address)}}); p.Code != 303 || held() != nil {
		t.Errorf("confirmed: %d %s", p.Code, p.Body)
	}
	o.letsMailToAnnThrough(t, mailer)
	page, err := o.audit.List(t.Context(), "tenant#ann", audit.Filter{Action: "customer.mailed_again"}, 10, "")
	must(t, err)
	if len(page.Records) != 2 || page.Records[0].Details["to"] != audit.ID(address) || page.Records[0].Resource.ID != customer {
		t.Errorf("the log has %+v", page.Records)
	}
	for key, text := range o.kept() {
		if strings.HasPrefix(key, "AUDIT#") && strings.Contains(text, "acme.example") {
			t.Errorf("%s has the address", key)
		}
	}
}

// letsMailToAnnThrough has ann's own address be held back, and let through again on the page of settings, in German.
func (o *one) letsMailToAnnThrough(t *testing.T, mailer *notify.Mailer) {
	t.Helper()
	o.do("ann", "PUT", "/v1/me/settings", `{"email": "ann@example.com", "locale": "de"}`, "", "If-Match", "*")
	back := mail.Return{ID: "01K7", For: "tenant#ann", To: []string{"ann@example.com"}, Why: mail.Bounced, Sent: time.Now()}
	must(t, mailer.ComesBack(t.Context(), back))
	for _, want := range []bool{true, false} {
		p := o.page("ann", "/settings", nil)
		if shown := strings.Contains(p.Body.String(), "E-Mail kam zurück") && strings.Contains(p.Body.String(), `action="/settings/mail"`); shown != want {
			t.Errorf("the settings: %d %s", p.Code, p.Body)
		}
		told := o.page("ann", "/notifications", nil).Body.String()
		if !strings.Contains(told, "Eine E-Mail an Sie kam zurück") || strings.Contains(told, "came back") {
			t.Errorf("told is %s", told)
		}
		if p := o.page("ann", "/settings/mail", url.Values{"a": {"b"}}); p.Code != 303 {
			t.Errorf("let through: %d %s", p.Code, p.Body)
		}
	}
	if p := o.page("ann", "/runs/none", nil); p.Code != 404 || !strings.Contains(p.Body.String(), "Das gibt es nicht") {
		t.Errorf("what is not there: %d %s", p.Code, p.Body)
	}
}

// answered is what ann is answered.
func (o *one) answered(method, path, body string) map[string]any {
	_, answer := o.ask(method, path, body)
	return answer
}
