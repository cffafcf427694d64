package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// heard is all that was written to it, from many goroutines.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

const (
	plantedTenant  = "11111111-1111-4111-8111-111111111111"
	plantedObject  = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	strangerObject = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	plantedClient  = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
)

// planted is what nobody but the user may ever read: what it is, and the text.
var planted = map[string]string{
	"a subject": "Zqsubject", "a subject of Graph": "Zqremote", "a body": "Zqbody", "a place": "Zqplace",
	"an attendee's address": "zqguest@example.com", "an attendee's name": "Zqguestname",
	"an organiser's address": "zqchair@example.com", "a customer": "Zqcustomer", "the token for Graph": "Zqgraphtoken",
	"a refresh token": "Zqrefresh", "the user's e-mail address": "zqmail@example.com",
	"the user's name": "Zqusername", "an unreadable record": "Zqunreadable", "a foreign token": "Zqforeigntoken", "a cookie": "Zqcookie",
}

// plantedInPath are values of requests that answers to them may name; logs may not.
var plantedInPath = map[string]string{
	"a mailbox":          "zqmailbox",
	"a calendar's name":  "Zqcalendar",
	"a config's name":    "Zqconfig",
	"a parameter":        "Zqparameter",
	"an idempotency key": "Zqkey",
}

func plantedFile(end string) string {
	at := time.Now().UTC().AddDate(0, 0, -1).Format("20060102")
	return strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//test//EN\nBEGIN:VEVENT\nUID:one@example.com\n"+
		"DTSTAMP:20261001T000000Z\nSUMMARY:Zqsubject\nDESCRIPTION:Zqbody "+strings.Repeat("Zqbody ", 9000)+"\nLOCATION:Zqplace\n"+
		"CATEGORIES:Zqcustomer - billable\nORGANIZER;CN=Zqguestname:mailto:zqchair@example.com\n"+
		"ATTENDEE;CN=Zqguestname:mailto:zqguest@example.com\nDTSTART:"+
		at+"T070000Z\nDTEND:"+at+end+"\nEND:VEVENT\nBEGIN:VEVENT\nUID:two@example.com\nDTSTAMP:20261001T000000Z\n"+
		"SUMMARY:Zqsubject - too\nDTSTART:"+at+"T073000Z\nDTEND:"+at+"T090000Z\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
}

// TestNothingOfAUserIsTold lives through a user's day, with failures of all kinds, and looks for what was planted in logs, metrics and the
// problems that are answered.
func TestNothingOfAUserIsTold(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error": {"code": "ErrorInvalidRequest", "message": "Zqremote of %s with %s"}}`, "zqguest@example.com", r.Header.Get("Authorization"))
	}))
	t.Cleanup(remote.Close)
	sim := entrasim.New(entrasim.Options{
		Apps:  []entrasim.App{{Client: plantedClient}},
		Users: []entrasim.User{{Tenant: plantedTenant, Object: plantedObject, Name: "Zqusername"}, {Tenant: plantedTenant, Object: strangerObject, Name: "Stranger"}},
		Clock: time.Now,
	})
	entra, err := sim.Start("")
	must(t, err)
	t.Cleanup(func() { _ = entra.Close() })
	verifier, err := bearer.New(bearer.Options{
		Authority: entra.URL, Audiences: []string{plantedClient}, Clients: []string{plantedClient}, Tenants: []string{plantedTenant},
		HTTPClient: entra.Client, Clock: time.Now,
	})
	must(t, err)

	o := openOne(t)
	logs, metrics := &heard{}, &heard{}
	o.log, err = telemetry.NewLogger(logs, "debug", time.Now)
	must(t, err)
	o.metrics = telemetry.NewMetrics(metrics, "dev", time.Now)
	o.settings.GraphURL, o.settings.GraphToken = remote.URL+"/v1.0", "Zqgraphtoken"
	o.keeper = testKeeper()
	o.connect(fromSettings(o.settings))
	o.api = o.system.api(verifier.Authenticate)
	token, strange := sim.Token(plantedObject), sim.Token(strangerObject)

	var problems []string
	told := map[int]int{} // answers by status
	send := func(token, method, path, body string, header ...string) map[string]any {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", "__Host-session=Zqcookie")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		o.api.ServeHTTP(w, r)
		told[w.Code]++
		if w.Code >= 400 {
			problems = append(problems, fmt.Sprintf("%s %s: %d %v %s", method, path, w.Code, w.Header(), w.Body))
		}
		var v map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &v) // an answer without a body has no fields
		return v
	}
	ask := func(method, path, body string, header ...string) map[string]any {
		return send(token, method, path, body, header...)
	}

	// what works
	ask("PUT", "/v1/me/settings", `{"email": "zqmail@example.com", "notifications": {"problems": {"in_app": true, "email": true}}}`, "If-Match", "*")
	work := fmt.Sprint(ask("POST", "/v1/calendars", `{"uri": "local://zqmailbox/calendars/Zqcalendar"}`, "Idempotency-Key", "Zqkey")["id"])
	imported := ask("POST", "/v1/calendars/"+work+"/import", plantedFile("T080000Z"), "Content-Type", "text/calendar")
	if fmt.Sprint(imported["added"]) != "2" {
		t.Fatalf("imported %v", imported)
	}
	config := fmt.Sprint(ask("POST", "/v1/archive-configs",
		`{"name": "Zqconfig", "source": "local://zqmailbox/calendars/Zqcalendar", "archive": "local://zqmailbox/calendars/Copy", "timezone": "UTC"}`)["id"])
	afar := fmt.Sprint(ask("POST", "/v1/archive-configs",
		`{"name": "Zqconfig afar", "source": "msgraph://zqmailbox@example.com/calendars/Zqcalendar", `+
			`"archive": "local://zqmailbox/calendars/More", "timezone": "UTC"}`)["id"])
	archived := func(config string) map[string]any {
		id := fmt.Sprint(ask("POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "last 3 days"}`)["id"])
		w := o.worker(run.ArchiveQueue, time.Second, time.Minute)
		messages, err := o.archives.Receive(t.Context(), 10, time.Minute, 0)
		must(t, err)
		for _, m := range messages {
			if err := w.Handle(t.Context(), m); err != nil && fault.Of(err) == fault.Internal {
				t.Fatal(err)
			}
		}
		return ask("GET", "/v1/runs/"+id, "")
	}
	if r := archived(config); r["state"] != "succeeded" {
		t.Fatalf("the run ended as %v", r)
	}
	ask("POST", "/v1/calendars/"+work+"/import", plantedFile("T081500Z"), "Content-Type", "text/calendar") // drifts
	archived(config)
	failed := archived(afar)
	if failed["state"] != "failed" {
		t.Fatalf("the run on Graph ended as %v", failed)
	}
	folder := t.TempDir()
	box, err := outbox.Open(folder, "assistant@example.com", time.Now)
	must(t, err)
	mailer := o.mailer(box, nil, time.Second, time.Minute)
	due, err := o.notices.Receive(t.Context(), 10, time.Minute, 0)
	must(t, err)
	for _, m := range due {
		must(t, mailer.Handle(t.Context(), m))
	}
	mails, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	must(t, err)
	toUser := fmt.Sprint(ask("GET", "/v1/notifications", ""), ask("GET", "/v1/actions", "")) // what e-mails are made of
	if len(mails) != 1 || !strings.Contains(toUser, "failed") || !strings.Contains(logs.String(), "notification handled") {
		t.Fatalf("%d e-mails; the user is told %s", len(mails), toUser)
	}
	day := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	ledger, err := json.Marshal(ask("GET", "/v1/ledger/"+config+"/days/"+day, ""))
	must(t, err)
	if !strings.Contains(string(ledger), "Zqsubject") {
		t.Fatalf("the ledger does not have what was planted: %.300s", ledger)
	}
	for _, path := range []string{"events?period=last+3+days", "overlaps?period=last+3+days", "export"} {
		ask("GET", "/v1/calendars/"+work+"/"+path, "")
	}
	backedUp := func(calendar string) (id string) {
		id = fmt.Sprint(ask("POST", "/v1/backups", `{"calendar": "`+calendar+`"}`)["id"])
		o.work()
		return id
	}
	copied := backedUp("local://zqmailbox/calendars/Zqcalendar")
	if r := ask("GET", "/v1/runs/"+copied, ""); r["state"] != "succeeded" {
		t.Fatalf("the backup ended as %v", r)
	}
	for _, path := range []string{"", "/files/events.jsonl.zst", "/files/Zqparameter"} {
		ask("GET", "/v1/backups/"+copied+path, "")
	}
	backedUp("msgraph://zqmailbox@example.com/calendars/Zqcalendar")
	send(strange, "GET", "/v1/backups/"+copied, "")
	ask("GET", "/v1/backups?calendar=local://zqmailbox/calendars/Zqcalendar", "")
	ask("POST", "/v1/backups/"+copied+"/verify", "")
	ask("POST", "/v1/ledger/"+config+"/verify", "")
	ask("GET", "/v1/audit", "")

	// what fails
	send("", "GET", "/v1/me", "")
	send("Zqforeigntoken", "GET", "/v1/me", "")
	send(token[:len(token)-6]+"Zqfoo1", "GET", "/v1/me", "")
	send(strange, "GET", "/v1/ledger/"+config+"/days/"+day, "")
	send(strange, "GET", "/v1/calendars/"+work+"/events?period=last+3+days", "")
	ask("GET", "/v1/users", "")
	ask("GET", "/v1/Zqparameter", "")
	ask("PATCH", "/v1/me", "")
	ask("GET", "/v1/runs?colour=Zqparameter", "")
	ask("GET", "/v1/runs?cursor=Zqparameter", "")
	ask("GET", "/v1/calendars?provider=msgraph&account="+url.QueryEscape("zqmailbox@example.com"), "")
	ask("POST", "/v1/calendars", `{"uri": "local://zqmailbox/calendars/Zqcalendar"}`)
	ask("POST", "/v1/calendars", `{"uri": "msgraph://zqmailbox@example.com/calendars/Zqcalendar"}`)
	ask("POST", "/v1/calendars", `{"uri": "Zqsubject Zqbody", "Zqsubject": "Zqrefresh"`)
	ask("POST", "/v1/calendars", `{"uri": 7, "note": "Zqrefresh"}`)
	ask("POST", "/v1/calendars", `{"uri": "local://a/calendars/b"}`, "Idempotency-Key", "Zqkey")
	ask("POST", "/v1/calendars/"+work+"/import", strings.Replace(plantedFile("T080000Z"), "DTEND:", "DTEND:Zqparameter", 1), "Content-Type", "text/calendar")
	ask("POST", "/v1/calendars/"+work+"/import", "Zqbody", "Content-Type", "text/calendar")
	ask("PUT", "/v1/me/settings", `{"email": "zqmail@example.com Zqbody"}`, "If-Match", "*")
	ask("POST", "/v1/calendars", strings.Repeat("Zqbody", 2<<20))
	for range 12 {
		ask("POST", "/v1/runs", `{"kind": "archive", "config": "none"}`)
	}
	for key, data := range map[store.Key]string{
		{PK: "USER#" + plantedTenant + "#" + plantedObject, SK: "CONFIG#unreadable"}: `{"name": {"Zqunreadable": "Zqunreadable"}}`,
		{PK: "USER#" + plantedTenant + "#" + plantedObject, SK: "RUN#unreadable"}:    `{"id": ["Zqunreadable"]}`,
		{PK: "USER#" + plantedTenant + "#" + plantedObject, SK: "SECRET#microsoft"}:  `{"sealed": "Zqrefresh"}`,
	} {
		_, err := o.table.Put(t.Context(), store.Item{Key: key, Data: []byte(data)}, store.Any())
		must(t, err)
	}
	ask("GET", "/v1/archive-configs/unreadable", "")
	ask("GET", "/v1/runs/unreadable", "")
	ask("GET", "/v1/runs", "")
	ask("DELETE", "/v1/me", "", "X-Confirm", plantedObject)
	ask("GET", "/v1/me", "")

	for _, status := range []int{200, 201, 202, 400, 401, 403, 404, 405, 409, 413, 422, 429, 500} {
		if told[status] == 0 {
			t.Errorf("nothing was answered with %d: %v", status, told)
		}
	}
	if n := strings.Count(logs.String(), "\n"); n < 40 || !strings.Contains(metrics.String(), "RunsFailed") {
		t.Errorf("%d lines of logs, metrics %s", n, metrics)
	}
	look := func(where, text string, for_ ...map[string]string) {
		t.Helper()
		for _, words := range for_ {
			for what, word := range words {
				for line := range strings.Lines(text) {
					if strings.Contains(strings.ToLower(line), strings.ToLower(word)) {
						t.Errorf("%s tell %s: %.600s", where, what, line)
					}
				}
			}
		}
	}
	secrets := map[string]string{
		"the access token":                  token,
		"the signature of the access token": token[strings.LastIndex(token, ".")+1:],
		"another's access token":            strange,
		"a broken access token":             "Zqfoo1",
	}
	look("logs", logs.String(), planted, plantedInPath, secrets)
	look("metrics", metrics.String(), planted, plantedInPath, secrets)
	look("problems", strings.Join(problems, "\n"), planted, secrets)
	unnamed := maps.Clone(plantedInPath)
	delete(unnamed, "a config's name")
	look("notifications", toUser, planted, unnamed, secrets)
}
