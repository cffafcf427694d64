package functions_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/mail/mailtest"
)

// TestATimesheetIsSentToItsCustomer goes from a draft to the message that SES gets, through the function of the API.
func TestATimesheetIsSentToItsCustomer(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	box := d.postbox()
	api := d.start("api", func(_ *lambdatest.Options, env map[string]string) {
		env["AWS_ENDPOINT_URL_SESV2"], env["ADMIN_ASSISTANT_MAIL_SET"] = box.url, mailSet
	})
	ask := func(method, path, content string, status int, changes ...string) map[string]any {
		t.Helper()
		r := d.request("api-get-me.json", at(method, path), header("content-type", "application/json"), body(content))
		for i := 0; i < len(changes); i += 2 {
			header(changes[i], changes[i+1])(&r)
		}
		return read[map[string]any](t, d.ask(api, r), status)
	}
	config := d.config()
	ask(http.MethodPut, "/v1/me/settings", `{"email": "`+address+`", "letterhead": "Ann Muster"}`, http.StatusOK, "if-match", "*")
	customer, _ := ask(http.MethodPost, "/v1/customers", `{"name": "Acme", "locale": "de", "emails": ["billing@acme.example"]}`, http.StatusCreated)["id"].(string)
	id, _ := ask(http.MethodPost, "/v1/timesheets", `{"config": "`+config.ID+`", "customer": "Acme", "period": "2026-10-01"}`, http.StatusCreated)["id"].(string)
	ask(http.MethodPost, "/v1/timesheets/"+id+"/approve", `{"note": "so"}`, http.StatusOK)
	for range 2 {
		ask(http.MethodPost, "/v1/timesheets/"+id+"/send", `{"to": "billing@acme.example"}`, http.StatusOK, "idempotency-key", "one")
	}
	sent := box.sent()
	if len(sent) != 1 || sent[0].FromEmailAddress != mailFrom || sent[0].ConfigurationSetName != mailSet || !strings.Contains(sent[0].EmailTags[0].Value, id) {
		t.Fatalf("sent %+v", sent)
	}
	m, _ := mailtest.Read(t, bytes.NewReader(sent[0].Content.Raw.Data))
	if m.To != "<billing@acme.example>" || m.ReplyTo != "<"+address+">" || !strings.HasPrefix(m.Subject, "Leistungsnachweis") || len(m.Files) != 1 ||
		!bytes.HasPrefix(m.Files[0].Content, []byte("%PDF-")) {
		t.Errorf("it is %s", sent[0].Content.Raw.Data[:600])
	}
	records := d.request("api-get-me.json", at(http.MethodGet, "/v1/audit"))
	records.RawQueryString = "action=timesheet.sent"
	if got := read[map[string]any](t, d.ask(api, records), http.StatusOK); len(got["items"].([]any)) != 1 {
		t.Errorf("the audit log has %v", got)
	}
	d.comesBack(t, box, customer, id, ask)
	ask(http.MethodPost, "/v1/timesheets/"+id+"/lock", "", http.StatusOK)

	// Whoever erases themselves is told what is to be kept, and exports it before.
	warning := ask(http.MethodGet, "/v1/me/erasure", "", http.StatusOK)
	export := d.ask(api, d.request("api-get-me.json", at(http.MethodGet, "/v1/me/export")))
	if export.status != http.StatusSeeOther {
		t.Fatalf("the export is answered with %d %s", export.status, export.body)
	}
	got, err := http.Get(export.header.Get("Location"))
	must(t, err)
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	must(t, err)
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || !slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.Contains(f.Name, id) && strings.HasSuffix(f.Name, ".pdf") }) {
		t.Errorf("the export is no ZIP with the timesheet: %v", err)
	}
	leave := func(query string) answer {
		r := d.request("api-get-me.json", at(http.MethodDelete, "/v1/me"), header("x-confirm", object))
		r.RawQueryString = query
		return d.ask(api, r)
	}
	refused(t, leave(""), http.StatusConflict, "conflict")
	if a := leave("kept=" + warning["kept"].(string)); a.status != http.StatusAccepted {
		t.Errorf("the erasure is answered with %d %s", a.status, a.body)
	}
	d.discreet("api", "acme.example")
}

// comesBack has SES say that the sheet came back: none is sent to the address until the user lets them through.
func (d *deployment) comesBack(t *testing.T, box *postbox, customer, sheet string,
	ask func(method, path, content string, status int, changes ...string) map[string]any) {
	t.Helper()
	const to = `{"to": "billing@acme.example"}`
	mailer := d.start("notify", func(_ *lambdatest.Options, env map[string]string) { env["AWS_ENDPOINT_URL_SESV2"] = box.url })
	event := d.replay("sqs-mail-returned-with-malformed.json", "notify")
	event.Records = event.Records[:1]
	body := strings.ReplaceAll(event.Records[0].Body, address, "billing@acme.example")
	for _, tag := range box.sent()[0].EmailTags {
		body = regexp.MustCompile(`"`+tag.Name+`":\["[^"]*"\]`).ReplaceAllString(body, `"`+tag.Name+`":["`+tag.Value+`"]`)
	}
	event.Records[0].Body = body
	d.deliverAll(t, mailer, "notify", event)
	held, _ := ask(http.MethodGet, "/v1/customers/"+customer, "", http.StatusOK)["mail_returned"].([]any)
	if len(held) != 1 || held[0].(map[string]any)["address"] != "billing@acme.example" || held[0].(map[string]any)["why"] != "bounced" {
		t.Fatalf("the customer says %v", held)
	}
	ask(http.MethodPost, "/v1/timesheets/"+sheet+"/send", to, http.StatusConflict, "idempotency-key", "two")
	now := ask(http.MethodPost, "/v1/customers/"+customer+"/mail-again", `{"address": "billing@acme.example"}`, http.StatusOK)
	if now["mail_returned"] != nil {
		t.Errorf("the customer still says %v", now)
	}
	ask(http.MethodPost, "/v1/timesheets/"+sheet+"/send", to, http.StatusOK, "idempotency-key", "three")
	if sent := box.sent(); len(sent) != 2 {
		t.Errorf("%d mails were sent", len(sent))
	}
}
