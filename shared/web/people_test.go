package web_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/app"
)

var screenshots = flag.String("screenshots", "", "folder into which pictures of the main pages are made, of the sample month")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine is the whole system on one machine, served as "serve" does.
type machine struct {
	t      testing.TB
	local  *app.Local
	served *app.Served
	url    string
	data   string // its folder
	work   func() // begins to carry out runs, once
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	return openMachine(t, app.Settings{Data: t.TempDir(), Lease: time.Minute})
}

func openMachine(t testing.TB, settings app.Settings) *machine {
	t.Helper()
	local, err := app.OpenLocal(settings, "test", io.Discard)
	must(t, err)
	m := &machine{t: t, local: local, data: settings.Data}
	server := httptest.NewUnstartedServer(nil)
	m.served, err = local.Serve(server.Listener.Addr().String(), "admin-assistant browser")
	must(t, err)
	server.Config.Handler = m.served
	server.Start()
	m.url = server.URL
	working, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	begun := false
	m.work = func() {
		begun = true
		go func() { worked <- local.Work(working) }()
	}
	t.Cleanup(func() {
		server.Close()
		stop()
		if begun {
			<-worked
		}
		must(t, m.served.Close())
		must(t, local.Close())
	})
	return m
}

// ask asks the API as the machine's own user does.
func (m *machine) ask(method, path, kind, body string) map[string]any {
	m.t.Helper()
	r := httptest.NewRequestWithContext(m.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("If-Match", "*")
	w := httptest.NewRecorder()
	m.local.Handler().ServeHTTP(w, r)
	answer := map[string]any{}
	if w.Code >= http.StatusBadRequest {
		m.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		must(m.t, json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return answer
}

func (m *machine) json(method, path, body string) map[string]any {
	m.t.Helper()
	return m.ask(method, path, "application/json", body)
}

// fill puts a file into a calendar, and makes a config that archives it. It returns the config's id.
func (m *machine) fill(file []byte) string {
	m.t.Helper()
	id := m.json("POST", "/v1/calendars", `{"uri": "local://me/calendars/Work"}`)["id"].(string)
	m.ask("POST", "/v1/calendars/"+id+"/import", "text/calendar", string(file))
	c := m.json("POST", "/v1/archive-configs", `{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive",
		"timezone": "Europe/Berlin", "overlaps": "resolve", "verify": "none"}`)
	return c["id"].(string)
}

const october = "2026-10-01 to 2026-10-31"

// archive starts an archive run of October 2026 and waits for its end.
func (m *machine) archive(config string) string {
	m.t.Helper()
	id := m.json("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": %q}`, config, october))["id"].(string)
	m.ended(id)
	return id
}

// ended waits until a run has ended, and returns its state.
func (m *machine) ended(run string) (state string) {
	m.t.Helper()
	m.eventually("run "+run+" ends", func() bool {
		state = m.json("GET", "/v1/runs/"+run, "")["state"].(string)
		return state != "queued" && state != "running"
	})
	return state
}

// eventually waits until something that happens by itself has happened.
func (m *machine) eventually(what string, happened func() bool) {
	m.t.Helper()
	within, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-within.Done():
			m.t.Fatalf("it did not happen that %s", what)
		case <-tick.C:
		}
	}
}

// reader is who reads pages without a script: a client that keeps cookies, and sends forms as they are.
type reader struct {
	*machine
	client *http.Client
}

func (m *machine) reader() *reader {
	m.t.Helper()
	jar, err := cookiejar.New(nil)
	must(m.t, err)
	r := &reader{m, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if page := r.get("/" + m.served.Once()); page.status != http.StatusSeeOther || page.to != "/" {
		m.t.Fatalf("the address that works once: %+v", page)
	}
	return r
}

// read is a page that was read.
type read struct {
	status int
	to     string // where it leads
	body   string
	header http.Header
}

func (r *reader) do(method, path string, form url.Values) read {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(form.Encode()))
	must(r.t, err)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := r.client.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(r.t, err)
	return read{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

func (r *reader) get(path string) read { r.t.Helper(); return r.do(http.MethodGet, path, nil) }

// page reads a page that is there, where a redirect leads.
func (r *reader) page(path string) read {
	r.t.Helper()
	p := r.get(path)
	for range 3 {
		if p.status == http.StatusSeeOther || p.status == http.StatusFound {
			p = r.get(p.to)
		}
	}
	if p.status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, p.status, p.body)
	}
	return p
}

var (
	formOf  = regexp.MustCompile(`(?s)<form [^>]*method="post" action="([^"]+)"[^>]*>(.*?)</form>`)
	inputOf = regexp.MustCompile(`<input [^>]*>`)
	valueOf = regexp.MustCompile(` (name|value|type)="([^"]*)"`)
	areaOf  = regexp.MustCompile(`(?s)<textarea [^>]*name="([^"]+)"[^>]*>(.*?)</textarea>`)
	plain   = strings.NewReplacer("&amp;", "&", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#39;", "'")
)

// form returns the fields of the form that goes to an address, as a browser would send them.
func (p *read) form(t testing.TB, action string) url.Values {
	t.Helper()
	for _, f := range formOf.FindAllStringSubmatch(p.body, -1) {
		if f[1] != action {
			continue
		}
		values := url.Values{}
		for _, input := range inputOf.FindAllString(f[2], -1) {
			of := map[string]string{}
			for _, a := range valueOf.FindAllStringSubmatch(input, -1) {
				of[a[1]] = plain.Replace(a[2])
			}
			if of["name"] != "" && (of["type"] != "checkbox" || strings.Contains(input, " checked")) {
				values.Set(of["name"], of["value"])
			}
		}
		for _, area := range areaOf.FindAllStringSubmatch(f[2], -1) {
			values.Set(area[1], plain.Replace(area[2]))
		}
		for _, s := range regexp.MustCompile(`(?s)<select [^>]*name="([^"]+)".*?</select>`).FindAllStringSubmatch(f[2], -1) {
			chosen := regexp.MustCompile(`<option value="([^"]*)" selected`).FindStringSubmatch(s[0])
			if chosen == nil {
				chosen = regexp.MustCompile(`<option value="([^"]*)"`).FindStringSubmatch(s[0])
			}
			values.Set(s[1], chosen[1])
		}
		return values
	}
	t.Fatalf("there is no form that goes to %s in %s", action, p.body)
	return nil
}

// sample is October 2026 of a consultant, as the demo has it.
func sample(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("../../cmd/admin-assistant/demo/sample.ics")
	must(t, err)
	return file
}

// historyOf is the address of the history of an appointment that a page of the ledger has.
func historyOf(t testing.TB, page read) string {
	t.Helper()
	found := regexp.MustCompile(`href="(/ledger/history[^"]+)"`).FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("no history: %s", page.body)
	}
	return strings.ReplaceAll(found[1], "&amp;", "&")
}

var reviewAddress = regexp.MustCompile(`/review/[0-9A-Z]+`)

// recent is a calendar with four appointments of yesterday.
func recent() []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	day := time.Now().UTC().AddDate(0, 0, -1).Format("20060102")
	for i, e := range [][4]string{
		{"T080000Z", "T093000Z", "Contoso review", "Contoso - billable"}, {"T100000Z", "T103000Z", "Contoso stand-up", "Contoso"},
		{"T110000Z", "T113000Z", "Acme call", "Acme - billable"}, {"T120000Z", "T123000Z", "Lunch", ""},
	} {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:r%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%s%s\r\nDTEND:%s%s\r\nSUMMARY:%s\r\n",
			i, day, e[0], day, e[1], e[2])
		if e[3] != "" {
			b.WriteString("CATEGORIES:" + e[3] + "\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}
