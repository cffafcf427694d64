package app

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/audit"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/outbox"
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
	o.do("ann", "POST", "/v1/customers", `{"name": "Acme", "emails": ["ap@acme.example"]}`, "id")
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
	if why, err := o.sheetPost().Held(t.Context(), letter.To); why != "bounced" || err != nil {
		t.Errorf("the address is held back for %q, %v", why, err)
	}
	must(t, mailer.ComesBack(t.Context(), mail.Return{ID: "sheet-none-1", For: "tenant#ann", To: []string{"x@acme.example"}, Why: mail.Bounced, Sent: time.Now()}))
}
