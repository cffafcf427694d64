package httpapi

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"

	"adminassistant/shared/mail"
	"adminassistant/shared/timesheet"
)

// counted counts mails.
type counted struct{ sent int }

func (c *counted) Send(_ context.Context, m mail.Mail) error {
	c.sent++
	return m.Check()
}

// customerOf changes the only customer.
func (s *service) customerOf(change map[string]any) {
	s.t.Helper()
	all := s.do("GET", "/v1/customers", nil).is(200).items()
	c := object(all[0])
	id := c["id"].(string)
	for _, name := range []string{"id", "created", "updated"} {
		delete(c, name)
	}
	maps.Copy(c, change)
	s.do("PUT", "/v1/customers/"+id, c, headerIfMatch, s.do("GET", "/v1/customers/"+id, nil).is(200).Header.Get("ETag")).is(200)
}

func TestTimesheets(t *testing.T) {
	box := &counted{}
	s := newService(t, func(_ *service, services *Services) { services.Timesheets.Post.Sender = box })
	s.do("POST", "/v1/timesheets", `{"customer": "Acme", "period": "2026-10-12 to 2026-10-18"}`).problem(422, "invalid", "config")
	_, configID := s.seed("keep")
	s.run(configID)
	s.do("POST", "/v1/customers", `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00"}], "locale": "de"}`).is(201)

	made := s.do("POST", "/v1/timesheets", `{"customer": "ACME", "period": "2026-10-12 to 2026-10-18"}`).is(201)
	id := made.str("id")
	at := "/v1/timesheets/" + id
	if made.Header.Get("Location") != at || made.str("state") != "draft" || made.str("customer") != "Acme" || made.str("from") != "2026-10-12" {
		t.Errorf("got %s", made.body)
	}
	sheet := object(object(s.do("GET", at, nil).is(200).json)["sheet"])
	if lines := sheet["lines"].([]any); len(lines) == 0 || object(lines[0])["rate"] != "120.00" || len(sheet["totals"].([]any)) != 1 {
		t.Errorf("got %v", sheet)
	}
	for field, body := range map[string]string{
		"period": `{"customer": "Acme", "period": "someday"}`, "customer": `{"customer": " ", "period": "last week"}`,
	} {
		s.do("POST", "/v1/timesheets", body).problem(422, "invalid", field)
	}
	s.do("POST", at+"/lock", nil).problem(409, "conflict", "")
	s.do("GET", at+"/export?format=docx", nil).problem(422, "invalid", "format")
	problems := object(s.do("GET", at, nil).json)["problems"].([]any)
	if len(problems) == 0 {
		t.Fatal("the week has nothing that has to be acknowledged")
	}
	s.do("POST", at+"/approve", `{}`).problem(422, "invalid", "note")
	approved := s.do("POST", at+"/approve", `{"note": "agreed"}`).is(200)
	if approved.str("state") != "approved" || !strings.HasPrefix(approved.str("hash"), "sha256:") {
		t.Errorf("got %s", approved.body)
	}
	s.do("DELETE", at, nil).problem(409, "conflict", "")
	s.do("POST", at+"/reopen", `{"reason": "forgot one"}`).is(200)
	s.do("POST", at+"/approve", `{"note": "agreed"}`).is(200)
	locked := s.do("POST", at+"/lock", nil).is(200)
	if locked.str("state") != "locked" || locked.str("link") != "2" {
		t.Errorf("got %s", locked.body)
	}
	s.do("POST", at+"/reopen", `{"reason": "no"}`).problem(409, "conflict", "")
	if got := s.do("PUT", at+"/invoice", `{"invoice_ref": "INV-7"}`).is(200); got.str("invoice_ref") != "INV-7" {
		t.Errorf("got %s", got.body)
	}
	s.do("POST", at+"/send", `{"to": "ap@acme.example"}`).problem(409, "conflict", "")
	s.customerOf(map[string]any{"emails": []string{"ap@acme.example"}})
	s.do("POST", at+"/send", `{"to": "boss@acme.example"}`).problem(422, "invalid", "to")
	for range 2 {
		sent := s.do("POST", at+"/send", `{"to": "ap@acme.example"}`, headerIdempotency, "a").is(200)
		history := sent.json.(map[string]any)["history"].([]any)
		if m := object(object(history[len(history)-1])["sent"]); m["to"] != "ap@acme.example" || m["done"] != true || m["hash"] != locked.str("hash") {
			t.Errorf("the history is %v", history)
		}
	}
	if box.sent != 1 {
		t.Errorf("%d mails were sent", box.sent)
	}
	for _, format := range timesheet.Formats {
		file := s.do("GET", at+"/export?format="+string(format), nil).is(200)
		if !strings.Contains(file.Header.Get("Content-Disposition"), "timesheet-2026-10-12-2026-10-18-acme.") {
			t.Errorf("%s: got %v", format, file.Header)
		}
		if format == timesheet.JSON || format == timesheet.PDF {
			if v, err := timesheet.Verify([]byte(file.body), ""); err != nil || v.Hash != locked.str("hash") {
				t.Errorf("%s: %v", format, err)
			}
		}
	}
	xero := s.do("GET", at+"/export?format=xero&date=2026-11-02&account=200&number=9", nil).is(200)
	if !bytes.Contains([]byte(xero.body), []byte(",9,")) || !strings.Contains(string(xero.body), "02/11/2026") {
		t.Errorf("got %s", xero.body)
	}
	s.do("GET", at+"/export?format=xero&due=soon", nil).problem(422, "invalid", "due")
	if list := s.do("GET", "/v1/timesheets?limit=1", nil).is(200).items(); len(list) != 1 || object(list[0])["id"] != id {
		t.Errorf("got %v", list)
	}
	if report := s.do("POST", "/v1/ledger/"+configID+"/verify", nil).is(200); report.str("ok") != "true" {
		t.Errorf("the ledger does not hold: %s", report.body)
	}
	s.do("POST", "/v1/timesheets", `{"customer": "Acme", "period": "2026-10-18 to 2026-10-19"}`).problem(409, "conflict", "")
	s.do("GET", at, nil, headerUser, "bob").problem(404, "not_found", "")
}
