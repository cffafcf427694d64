package web_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"adminassistant/shared/proof"
)

// sends fills in a form of a page and sends it.
func (r *reader) sends(page read, to string, pairs ...string) read {
	r.t.Helper()
	return r.do("POST", to, with(page.form(r.t, to), pairs...))
}

// runOf is the id of the run to which an answer leads.
func (r *reader) runOf(p read) string {
	r.t.Helper()
	id, ok := strings.CutPrefix(p.to, "/runs/")
	if p.status != http.StatusSeeOther || !ok {
		r.t.Fatalf("it leads to no run: %d to %q %s", p.status, p.to, p.body)
	}
	return id
}

// hands a file in by a form.
func (r *reader) hands(form url.Values, to, name string, content []byte) read {
	r.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for field, values := range form {
		must(r.t, w.WriteField(field, values[0]))
	}
	f, err := w.CreateFormFile("file", name)
	must(r.t, err)
	_, err = f.Write(content)
	must(r.t, err)
	must(r.t, w.Close())
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.url+to, &b)
	must(r.t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := r.client.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(r.t, err)
	return read{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

// says demands texts of a page.
func (p read) says(t testing.TB, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q: %s", want, p.body)
		}
	}
}

var backupAddress = regexp.MustCompile(`/backups/[0-9A-Z]+`)

func TestABackupIsMadeProvenAndRestored(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	m.work()
	r.page("/backups").says(t, "Nothing is archived yet", `href="/setup"`)
	config := m.fill(sample(t))
	r.page("/backups").says(t, "No backups yet", "work: calendar Work", "work: archive Archive")

	wrong := r.sends(r.page("/backups"), "/backups", "from", "2026-10-31", "to", "2026-10-01", "do", "backup")
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="to-problem"`) {
		t.Errorf("days that end before they begin: %d %s", wrong.status, wrong.body)
	}
	nobodys := r.sends(r.page("/backups"), "/backups", "calendar", "nowhere://x", "do", "backup")
	if nobodys.status != http.StatusUnprocessableEntity || !strings.Contains(nobodys.body, `id="calendar-problem"`) {
		t.Errorf("a calendar that is none: %d %s", nobodys.status, nobodys.body)
	}
	form := r.page("/backups")
	made := r.sends(form, "/backups", "calendar", config+" source", "do", "backup")
	if again := r.sends(form, "/backups", "calendar", config+" source", "do", "backup"); again.to != made.to {
		t.Errorf("sent twice it made %s and %s", made.to, again.to)
	}
	id := r.runOf(made)
	if state := m.ended(id); state != "succeeded" {
		t.Fatalf("the backup %s", state)
	}
	r.page(made.to).says(t, "events were backed up", `href="/backups/`+id+`"`)
	r.page("/runs").says(t, " events, ")
	r.page("/backups").says(t, `href="/backups/`+id+`"`, "all days", `href="/restore?backup=`+id+`"`)
	page := r.page("/backups/" + id)
	page.says(t, "local://me/calendars/Work", "events.jsonl.zst", "calendar.ics.zst", "events.csv.zst", "everything, as JSON lines")

	file := r.page("/backups/" + id + "/files/events.jsonl.zst")
	if !strings.HasPrefix(file.body, "\x28\xb5\x2f\xfd") || file.header.Get("Content-Disposition") != `attachment; filename="`+id+`-events.jsonl.zst"` ||
		file.header.Get("Content-Encoding") != "" {
		t.Errorf("the file: %v", file.header)
	}
	if p := r.get("/backups/" + id + "/files/none"); p.status != http.StatusNotFound {
		t.Errorf("a file that is none: %d", p.status)
	}
	r.page("/backups/"+id+"/proof").says(t, "every file is what it was")

	drill := r.sends(r.page("/backups"), "/backups", "calendar", config+" source", "do", "drill")
	if state := m.ended(r.runOf(drill)); state != "succeeded" {
		t.Errorf("the drill %s", state)
	}
	r.page(drill.to).says(t, "All of it restores as it was.", `href="/backups/`+id+`"`)

	r.page("/restore").says(t, "From a backup", `href="/restore?backup=`+id+`"`, "From a file")
	asked := r.page("/restore?backup=" + id)
	if into := asked.form(t, "/restore").Get("into"); into != "local://me/calendars/Work" {
		t.Errorf("it is proposed to restore into %s", into)
	}
	for field, value := range map[string]string{"into": "Work", "from": "never"} {
		p := r.sends(asked, "/restore", field, value, "do", "try", "idempotency_key", field)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
			t.Errorf("%s %q: %d %s", field, value, p.status, p.body)
		}
	}
	tried := r.sends(asked, "/restore", "into", "local://me/calendars/New", "from", "2026-10-05", "to", "2026-10-11", "do", "try")
	if state := m.ended(r.runOf(tried)); state != "succeeded" {
		t.Fatalf("the preview %s", state)
	}
	preview := r.page(tried.to)
	preview.says(t, "This is what would happen. Nothing is written yet.", "Restore, try-out", "outside the period")
	if calendars := fmt.Sprint(m.json("GET", "/v1/calendars?account=me", "")); strings.Contains(calendars, "New") {
		t.Errorf("the preview made the calendar: %s", calendars)
	}
	done := r.sends(preview, "/restore")
	if again := r.sends(preview, "/restore"); again.to != done.to {
		t.Errorf("sent twice it restored as %s and %s", done.to, again.to)
	}
	restored := r.runOf(done)
	if state := m.ended(restored); state != "succeeded" {
		t.Fatalf("the restore %s", state)
	}
	r.page(done.to).says(t, "were written to the calendar.", "The calendar local://me/calendars/New is new.", `href="/runs/`+restored+`/undo"`)
	undo := r.page("/runs/" + restored + "/undo")
	undone := r.sends(undo, "/runs/"+restored+"/undo")
	if state := m.ended(r.runOf(undone)); state != "succeeded" {
		t.Errorf("undoing the restore %s", state)
	}

	r.page("/backups/"+id+"/delete").says(t, "Delete this backup?", "It does not come back.")
	if p := r.sends(r.page("/backups/"+id+"/delete"), "/backups/"+id+"/delete"); p.to != "/backups" {
		t.Errorf("deleted: %+v", p)
	}
	if p := r.get("/backups/" + id); p.status != http.StatusNotFound {
		t.Errorf("a backup that was deleted: %d", p.status)
	}
}

func TestABackupOfAnArchiveIsRestoredBesideIt(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	made := r.sends(r.page("/backups"), "/backups", "calendar", config+" archive", "do", "backup")
	m.ended(r.runOf(made))
	asked := r.page("/restore?backup=" + r.runOf(made))
	asked.says(t, "It is a backup of an archive")
	if into := asked.form(t, "/restore").Get("into"); into != "local://me/calendars/Archive%20restored" {
		t.Errorf("it is proposed to restore into %s", into)
	}
}

func TestABackupThatIsDamagedIsSaidToBe(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	r := m.reader()
	m.work()
	made := r.sends(r.page("/backups"), "/backups", "calendar", config+" source", "do", "backup")
	id := r.runOf(made)
	m.ended(id)
	damage := func(name string) {
		t.Helper()
		var found string
		must(t, filepath.WalkDir(m.data, func(path string, _ os.DirEntry, err error) error {
			if filepath.Base(path) == name && strings.Contains(path, id) {
				found = path
			}
			return err
		}))
		text, err := os.ReadFile(found)
		must(t, err)
		must(t, os.WriteFile(found, append(text, ' '), 0o600))
	}
	damage("events.csv.zst")
	r.page("/backups/"+id+"/proof").says(t, "This backup is damaged", "events.csv.zst")
	damage("manifest.json")
	r.page("/backups/"+id).says(t, "What is stored of this backup is not what was recorded")
}

func TestAFileIsRestored(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	m.work()
	form := ptr(r.page("/restore")).form(t, "/restore/file")
	if p := r.hands(form, "/restore/file", "empty.ics", nil); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Choose a file first.") {
		t.Errorf("without a file: %d %s", p.status, p.body)
	}
	for name, content := range map[string]string{"<b>.ics": "no calendar", "a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:<script>x</script>"} {
		p := r.hands(with(form, "idempotency_key", name), "/restore/file", name, []byte(content))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="file-problem"`) || strings.Contains(p.body, "<script>x") ||
			strings.Contains(p.body, "<b>.ics") {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	whole := with(form, "idempotency_key", "c")
	kept := r.hands(whole, "/restore/file", "sample.ics", sample(t))
	if again := r.hands(whole, "/restore/file", "sample.ics", sample(t)); again.to != kept.to || kept.status != http.StatusSeeOther {
		t.Fatalf("the file leads to %q and then %q: %s", kept.to, again.to, kept.body)
	}
	asked := r.page(kept.to)
	asked.says(t, "A file for calendars, iCalendar", "kept until")
	tried := r.sends(asked, "/restore", "into", "local://me/calendars/Mine", "do", "try")
	if state := m.ended(r.runOf(tried)); state != "succeeded" {
		t.Fatalf("the preview %s", state)
	}
	done := r.sends(r.page(tried.to), "/restore")
	if state := m.ended(r.runOf(done)); state != "succeeded" {
		t.Fatalf("the restore %s", state)
	}
	r.page(done.to).says(t, "were written to the calendar.")
	if p := r.get("/restore?upload=none"); p.status != http.StatusNotFound {
		t.Errorf("a file that is not there: %d", p.status)
	}
}

// exported is the archive calendar as an iCalendar file, and its id.
func (m *machine) exported() (id, text string) {
	m.t.Helper()
	id = m.json("GET", "/v1/calendars?uri=local://me/calendars/Archive", "")["items"].([]any)[0].(map[string]any)["id"].(string)
	r := httptest.NewRequestWithContext(m.t.Context(), "GET", "/v1/calendars/"+id+"/export", nil)
	w := httptest.NewRecorder()
	m.local.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		m.t.Fatalf("export: %d %s", w.Code, w.Body)
	}
	return id, w.Body.String()
}

// meddles has somebody change copies in the archive calendar, each subject into the one that follows, and enter an event.
func (m *machine) meddles(subjects ...string) {
	m.t.Helper()
	id, text := m.exported()
	for i := 0; i < len(subjects); i += 2 {
		if n := strings.Count(text, "SUMMARY:"+subjects[i]+"\r\n"); n != 1 {
			m.t.Fatalf("%d copies of %q", n, subjects[i])
		}
		text = strings.Replace(text, "SUMMARY:"+subjects[i]+"\r\n", "SUMMARY:"+subjects[i+1]+"\r\n", 1)
	}
	m.ask("POST", "/v1/calendars/"+id+"/import", "text/calendar", text)
	m.ask("POST", "/v1/calendars/"+id+"/import", "text/calendar", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\nBEGIN:VEVENT\r\n"+
		"UID:own@example.com\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20261003T150000Z\r\nDTEND:20261003T153000Z\r\nSUMMARY:Own note\r\n"+
		"END:VEVENT\r\nEND:VCALENDAR\r\n")
}

// answerOf is the field of a form that says what becomes of the finding with a subject.
func answerOf(t *testing.T, page read, subject string) string {
	t.Helper()
	found := regexp.MustCompile(`for="answer-([0-9a-f]+)">[^<]*: ` + subject).FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("%s has no answer: %s", subject, page.body)
	}
	return "answer." + found[1]
}

func TestWhatAVerificationFindsIsRepairedOrAdopted(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	r := m.reader()
	verify := func() read {
		t.Helper()
		started := r.sends(r.page("/ledger"), "/ledger/verify")
		m.ended(r.runOf(started))
		return r.page(started.to)
	}
	m.archive(config)
	clean := verify()
	clean.says(t, "The ledger is what was written. Sealed runs: 1; entries: ", "The archive calendar shows all of it as it is")
	if strings.Contains(clean.body, "/repair") {
		t.Error("where nothing differs something can be repaired")
	}
	m.meddles("Umbrella report", "Umbrella final report", "Globex rollout", "Globex roll-out", "Globex design", "Globex designs")
	found := verify()
	found.says(t, "What differs", "<del>Umbrella report</del> → <ins>Umbrella final report</ins>", "Own note", "somebody changed the copy", ">3<")
	at := regexp.MustCompile(`/runs/[0-9A-Z]+/repair`).FindString(found.body)
	nothing := r.sends(found, at, "mode", "leave", "do", "run")
	if nothing.status != http.StatusUnprocessableEntity || !strings.Contains(nothing.body, `id="mode-problem"`) {
		t.Errorf("without an answer: %d %s", nothing.status, nothing.body)
	}
	answers := []string{
		"mode", "leave", answerOf(t, found, "Umbrella report"), "repair", answerOf(t, found, "Globex rollout"), "adopt", answerOf(t, found, "Own note"), "adopt",
	}
	tried := r.sends(found, at, append(answers, "do", "try", "idempotency_key", "try")...)
	m.ended(r.runOf(tried))
	preview := r.page(tried.to)
	preview.says(t, "This is what would happen. Nothing is written yet.", "put back", "adopted", "taken in")
	if _, text := m.exported(); !strings.Contains(text, "Umbrella final report") {
		t.Error("the preview repaired something")
	}
	again := regexp.MustCompile(`/runs/[0-9A-Z]+/repair`).FindString(preview.body)
	done := r.sends(preview, again)
	if twice := r.sends(preview, again); twice.to != done.to {
		t.Errorf("sent twice it repaired as %s and %s", done.to, twice.to)
	}
	m.ended(r.runOf(done))
	r.page(done.to).says(t, "3 findings were dealt with.", "/undo")
	_, shows := m.exported()
	if strings.Contains(shows, "Umbrella final report") || !strings.Contains(shows, "Globex roll-out") || !strings.Contains(shows, "Own note") {
		t.Error("the archive calendar is not as it was answered")
	}
	left := verify()
	left.says(t, "Globex design", ">1<")
	at = regexp.MustCompile(`/runs/[0-9A-Z]+/repair`).FindString(left.body)
	rest := r.sends(left, at, "mode", "repair", "do", "run")
	if state := m.ended(r.runOf(rest)); state != "succeeded" {
		t.Errorf("the repair of all others %s", state)
	}
	verify().says(t, "The archive calendar shows all of it as it is")
	archived := r.get("/runs")
	for _, run := range regexp.MustCompile(`/runs/[0-9A-Z]+`).FindAllString(archived.body, -1) {
		if strings.Contains(r.page(run).body, "71 were written") {
			if p := r.do("POST", run+"/repair", ptr(left).form(t, at)); p.status != http.StatusNotFound && p.status != http.StatusUnprocessableEntity {
				t.Errorf("an archive run is repaired: %d", p.status)
			}
		}
	}
}

func TestTheLedgerIsProvenToOthers(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	config := m.fill(sample(t))
	m.work()
	r.page("/ledger/head").says(t, "Nothing is sealed yet")
	m.archive(config)
	page := r.page("/ledger?on=2026-10-12")
	page.says(t, `href="/ledger/head?config=`+config+`"`, `href="/ledger/proof?config=`+config+`&amp;on=2026-10-12"`)
	day := r.page("/ledger/proof?on=2026-10-12")
	doc, err := proof.Parse(strings.NewReader(day.body))
	must(t, err)
	checked, err := doc.Check("")
	must(t, err)
	if len(checked.Facts)+checked.Private == 0 || checked.Links != 1 || !strings.Contains(day.header.Get("Content-Disposition"), "proof-2026-10-12.json") {
		t.Errorf("it proves %+v: %v", checked, day.header)
	}
	if p := r.get("/ledger/proof?on=2027-10-12"); p.status != http.StatusNotFound {
		t.Errorf("the proof of a day without anything: %d", p.status)
	}
	if strings.Contains(r.page("/ledger?on=2027-10-12").body, "/ledger/proof") {
		t.Error("a proof of a day without anything is offered")
	}
	head := r.page("/ledger/head/file").body
	r.page("/ledger/head").says(t, "Keep it as a file", doc.Key)
	m.json("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "2026-11-01 to 2026-11-30", "future": true}`, config))
	m.eventually("one more run is sealed", func() bool { return strings.Contains(r.page("/ledger/head").body, "2 sealed runs") })
	earlier := url.QueryEscape(strings.ReplaceAll(head, "\n", "\r\n"))
	r.page("/ledger/head?since="+earlier).says(t, "The ledger continues this head, and all of it is what was written.")
	other := r.page("/ledger/head?since=" + url.QueryEscape(strings.Replace(head, "1\n", "7\n", 1)))
	if !strings.Contains(other.body, `id="since-problem"`) {
		t.Errorf("a head that is none: %s", other.body)
	}
}

// keptPages are the pages about backups, restores, verifying, users and erasing, with hostile texts wherever there are any of others.
func (m *machine) keptPages(config string) []string {
	m.t.Helper()
	r := m.reader()
	made := r.sends(r.page("/backups"), "/backups", "calendar", config+" source", "do", "backup")
	m.ended(r.runOf(made))
	backup := "/backups/" + r.runOf(made)
	form := ptr(r.page("/restore")).form(m.t, "/restore/file")
	upload := r.hands(form, "/restore/file", hostile+".ics", withHostile(sample(m.t))).to
	tried := r.sends(r.page(upload), "/restore", "into", "local://me/calendars/"+url.PathEscape(hostile), "do", "try")
	m.ended(r.runOf(tried))
	drill := r.sends(r.page("/backups"), "/backups", "calendar", config+" source", "do", "drill")
	m.ended(r.runOf(drill))
	m.meddles("Umbrella report", hostile)
	verify := r.sends(r.page("/ledger"), "/ledger/verify")
	m.ended(r.runOf(verify))
	found := r.page(verify.to)
	repair := r.sends(found, verify.to+"/repair", "mode", "repair", "do", "try")
	m.ended(r.runOf(repair))
	return []string{
		"/backups", backup, backup + "/proof", backup + "/delete", made.to, "/restore", "/restore?backup=" + strings.TrimPrefix(backup, "/backups/"), upload,
		tried.to, drill.to, verify.to, repair.to, "/ledger/head", "/ledger/head?since=" + url.QueryEscape(hostile), "/users",
		"/users/" + url.PathEscape(m.local.Principal.Object), "/settings/erase", "/erased?again=2026-11-30T08:00:00Z", "/erased?done=yes",
	}
}
