package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"adminassistant/shared/httpapi"
	"adminassistant/shared/web"
)

func TestPagesWorkWithoutScript(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	r := m.reader()
	m.work()

	first := r.page("/")
	if !strings.Contains(first.body, "Nothing needs you.") || !strings.Contains(first.body, `href="/calendar"`) {
		t.Errorf("the first page: %s", first.body)
	}
	t.Run("a run is tried out, and archived, once", func(t *testing.T) {
		form := ptr(r.page("/runs")).form(t, "/runs")
		form.Set("period", october)
		form.Set("do", "try")
		tried := r.do("POST", "/runs", form)
		if tried.status != http.StatusSeeOther || !strings.HasPrefix(tried.to, "/runs/") {
			t.Fatalf("starting: %+v", tried)
		}
		m.ended(strings.TrimPrefix(tried.to, "/runs/"))
		page := r.page(tried.to)
		if !strings.Contains(page.body, "Archive, try-out") || !strings.Contains(page.body, "the sums balance") {
			t.Errorf("the try-out: %s", page.body)
		}
		archiving := page.form(t, "/runs")
		one, other := r.do("POST", "/runs", archiving), r.do("POST", "/runs", archiving)
		if one.to != other.to || one.status != http.StatusSeeOther || other.status != http.StatusSeeOther {
			t.Errorf("sent twice: %+v, %+v", one, other)
		}
		m.ended(strings.TrimPrefix(one.to, "/runs/"))
		if runs := m.json("GET", "/v1/runs", "")["items"].([]any); len(runs) != 2 {
			t.Errorf("there are %d runs", len(runs))
		}
		done := r.page(one.to)
		for _, want := range []string{"71 were written to the archive.", `href="` + one.to + `?outcome=conflicted#items"`, "the sums balance"} {
			if !strings.Contains(done.body, want) {
				t.Errorf("the run lacks %q: %s", want, done.body)
			}
		}
		conflicted := r.page(one.to + "?outcome=conflicted")
		if n := strings.Count(conflicted.body, `<td class="told">`); n != 7 {
			t.Errorf("%d items are conflicted", n)
		}
		archiving.Set("period", "last week")
		if again := r.do("POST", "/runs", archiving); again.status != http.StatusUnprocessableEntity || !strings.Contains(again.body, "This form was sent already") {
			t.Errorf("another form with the same key: %+v", again)
		}
	})
	t.Run("the week shows what became of it", func(t *testing.T) {
		week := r.page("/calendar?view=week&on=2026-10-15")
		for _, want := range []string{
			"<h1>12–18 October 2026</h1>", `class="e kept`, `class="e ask`, `class="e ghost`, "Archived today", "14 of 14 as they are", "Hours of the week",
			", Thursday 15 October 2026, 4 hours, in calendar and archive",
		} {
			if !strings.Contains(week.body, want) {
				t.Errorf("the week lacks %q: %s", want, week.body)
			}
		}
		if strings.Contains(week.body, " style=") || strings.Contains(week.body, " on") && regexp.MustCompile(` on[a-z]+=`).MatchString(week.body) {
			t.Error("the week has a style or a script of its own")
		}
		change := r.page("/calendar?view=day&on=2026-10-25")
		if !strings.Contains(change.body, "Sunday 25 October 2026") {
			t.Errorf("the day of the change: %s", change.body)
		}
		for _, path := range []string{"/calendar?view=week&on=2026-13-01", "/calendar?view=week&on=0001-01-01"} {
			if p := r.get(path); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "role=\"alert\"") {
				t.Errorf("%s: %d", path, p.status)
			}
		}
		if p := r.get("/calendar?config=none"); p.status != http.StatusNotFound {
			t.Errorf("a config that is not there: %d", p.status)
		}
	})
	t.Run("a question is answered, and the answer taken back", func(t *testing.T) {
		day := r.page("/calendar?view=day&on=2026-10-15")
		at := reviewAddress.FindString(day.body)
		question := r.page(at)
		for _, want := range []string{"Thursday 15 October: 3 appointments share time", "Initech strategy", "09:00–11:00", "<svg", "Keep all", "+5:00"} {
			if !strings.Contains(question.body, want) {
				t.Errorf("the question lacks %q: %s", want, question.body)
			}
		}
		form := question.form(t, at)
		if nothing := r.do("POST", at, with(form, "do", "own", "idempotency_key", "one")); nothing.status != http.StatusUnprocessableEntity ||
			!strings.Contains(nothing.body, "Nothing is chosen") {
			t.Errorf("without a choice: %d %s", nothing.status, nothing.body)
		}
		wrong := with(form, "do", "own", "idempotency_key", "two", "verdict.0", "keep_as", "start.0", "2026-10-15T09:00", "end.0", "2026-10-15T08:00")
		if p := r.do("POST", at, wrong); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "2026-10-15T08:00") {
			t.Errorf("an end before the start: %d", p.status)
		}
		own := with(form, "do", "own", "idempotency_key", "three", "verdict.0", "keep", "verdict.1", "drop", "verdict.2", "drop")
		answered := r.do("POST", at, own)
		if answered.status != http.StatusSeeOther || !strings.Contains(answered.to, "run=") || strings.HasPrefix(answered.to, at+"?") {
			t.Fatalf("answered: %+v", answered)
		}
		to, _ := url.Parse(answered.to)
		decided := to.Query().Get("run")
		if state := m.ended(decided); state != "succeeded" {
			t.Fatalf("the decision %s", state)
		}
		if next := r.page(answered.to).body; !strings.Contains(next, "Your decision is being carried out.") || !strings.Contains(next, "/runs/"+decided+"/undo") {
			t.Errorf("the next question: %s", next)
		}
		m.eventually("the question is settled", func() bool { return strings.Contains(r.page(at).body, "This is settled") })
		preview := r.page("/runs/" + decided + "/undo")
		if !strings.Contains(preview.body, "What would happen") || !strings.Contains(preview.body, "−2:00") {
			t.Errorf("the preview: %s", preview.body)
		}
		undoing := preview.form(t, "/runs/"+decided+"/undo")
		undone := r.do("POST", "/runs/"+decided+"/undo", undoing)
		if undone.status != http.StatusSeeOther {
			t.Fatalf("undoing: %+v", undone)
		}
		m.ended(strings.TrimPrefix(undone.to, "/runs/"))
		m.eventually("the question is open again", func() bool { return strings.Contains(r.page(at).body, "Keep all") })
		late := with(undoing, "idempotency_key", "late")
		if p := r.do("POST", "/runs/"+decided+"/undo", late); p.status < 400 {
			t.Errorf("undone twice: %+v", p)
		}
	})
	t.Run("a question is dismissed", func(t *testing.T) {
		at := reviewAddress.FindString(r.page("/review").body)
		form := ptr(r.page(at)).form(t, at+"/dismiss")
		if p := r.do("POST", at+"/dismiss", form); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/review") {
			t.Errorf("dismissed: %+v", p)
		}
		if state := m.json("GET", "/v1/actions/"+strings.TrimPrefix(at, "/review/"), "")["state"]; state != "dismissed" {
			t.Errorf("it is %v", state)
		}
	})
	t.Run("settings are saved, and what is wrong stands beside its field", func(t *testing.T) {
		form := ptr(r.page("/settings")).form(t, "/settings")
		wrong := r.do("POST", "/settings", with(form, "timezone", "Mars/Base", "idempotency_key", "mars"))
		if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="timezone-problem"`) ||
			!strings.Contains(wrong.body, `value="Mars/Base"`) {
			t.Errorf("a wrong zone: %d %s", wrong.status, wrong.body)
		}
		saved := r.do("POST", "/settings", with(form, "locale", "de", "timezone", "Europe/Berlin"))
		if saved.to != "/settings?saved=1" {
			t.Fatalf("saved: %+v", saved)
		}
		if page := r.page(saved.to); !strings.Contains(page.body, `<html lang="de">`) || !strings.Contains(page.body, "Gespeichert.") {
			t.Errorf("the settings in German: %s", page.body)
		}
		stale := r.do("POST", "/settings", with(form, "locale", "en", "idempotency_key", "stale"))
		if stale.status != http.StatusConflict && stale.status != http.StatusPreconditionFailed {
			t.Errorf("settings that were changed meanwhile: %+v", stale)
		}
		if page := r.page("/calendar?on=2026-10-15&config=" + config); !strings.Contains(page.body, "12.–18. Oktober 2026") {
			t.Errorf("the week in German: %s", page.body)
		}
	})
	t.Run("a session that is ended is out", func(t *testing.T) {
		other := m.reader()
		page := other.page("/settings")
		ends := regexp.MustCompile(`/settings/sessions/[0-9a-f]+/end`).FindAllString(page.body, -1)
		for _, end := range ends {
			other.do("POST", end, page.form(t, end))
		}
		if p := r.get("/today"); p.status != http.StatusUnauthorized || !strings.Contains(p.body, "<h1>") {
			t.Errorf("after its end: %d %s", p.status, p.body)
		}
	})
}

func ptr(p read) *read { return &p }

// with is a form with other values.
func with(form url.Values, pairs ...string) url.Values {
	other := url.Values{}
	for name, values := range form {
		other[name] = values
	}
	for i := 0; i < len(pairs); i += 2 {
		other.Set(pairs[i], pairs[i+1])
	}
	return other
}

// TestNoPageIsForStrangers asks every page that is declared without a session.
func TestNoPageIsForStrangers(t *testing.T) {
	m := newMachine(t)
	stranger := &reader{m, &http.Client{CheckRedirect: m.reader().client.CheckRedirect}}
	pages := web.New(web.Services{}).Pages
	if len(pages) < 20 {
		t.Errorf("there are only %d pages", len(pages))
	}
	for _, p := range pages {
		method, path, _ := strings.Cut(p.Pattern, " ")
		want := http.StatusUnauthorized
		switch {
		case path == "/erased":
			want = http.StatusOK // who was erased is nobody any more
		case p.Access == httpapi.Anyone:
			want = http.StatusNotFound // a file that is not there
		}
		at := strings.NewReplacer("{id}", "none", "{name}", "none", "{object}", "none", "{tenant}", "none").Replace(path)
		if got := stranger.do(method, at, nil); got.status != want {
			t.Errorf("%s: %d", p.Pattern, got.status)
		}
		if method == http.MethodPost && p.Action == "" || method == http.MethodGet && p.Action != "" {
			t.Errorf("%s is recorded as %q", p.Pattern, p.Action)
		}
	}
}

func TestPagesAreGuardedAsTheAPIIs(t *testing.T) {
	m := newMachine(t)
	m.fill(sample(t))
	r := m.reader()
	stranger := &reader{m, &http.Client{CheckRedirect: r.client.CheckRedirect}}
	for _, path := range []string{"/today", "/calendar", "/review", "/runs", "/settings"} {
		p := stranger.get(path)
		if p.status != http.StatusUnauthorized || !strings.Contains(p.body, "You are not signed in") || !strings.Contains(p.body, "admin-assistant browser") {
			t.Errorf("a stranger at %s: %d %s", path, p.status, p.body)
		}
		in := r.get(path)
		policy := in.header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
		} {
			if !strings.Contains(policy, want) || !strings.Contains(p.header.Get("Content-Security-Policy"), want) {
				t.Errorf("%s lacks %s in %q", path, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || in.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, in.header)
		}
	}
	form := ptr(r.page("/runs")).form(t, "/runs")
	for name, wrong := range map[string]url.Values{
		"without a token": with(form, "csrf_token", ""), "with another token": with(form, "csrf_token", "x"), "with nothing": {},
	} {
		if p := r.do("POST", "/runs", wrong); p.status != http.StatusForbidden || !strings.Contains(p.body, "The page is too old") ||
			!strings.Contains(p.body, "<body class=\"plain\" data-refused>") {
			t.Errorf("a form %s: %d %s", name, p.status, p.body)
		}
	}
	if p := stranger.do("POST", "/runs", form); p.status != http.StatusUnauthorized {
		t.Errorf("a stranger's form: %d", p.status)
	}
	if p := r.do("POST", "/runs", with(form, "period", strings.Repeat("x", 2<<20))); p.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too large: %d", p.status)
	}
	if runs := m.json("GET", "/v1/runs", "")["items"].([]any); len(runs) != 0 {
		t.Errorf("%d runs were started", len(runs))
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", m.url+"/runs", strings.NewReader(`{"config": "work"}`))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := r.client.Do(req)
	must(t, err)
	if res.Body.Close(); res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON in the place of a form: %d", res.StatusCode)
	}
	if p := r.get("/nothing"); p.status != http.StatusNotFound || !strings.Contains(p.body, "There is no such page") ||
		strings.Contains(p.body, "data-refused") {
		t.Errorf("a page that is not there: %d %s", p.status, p.body)
	}
	if p := r.get("/v1/nothing"); p.status != http.StatusNotFound || !strings.Contains(p.header.Get("Content-Type"), "problem+json") {
		t.Errorf("a route of the API that is not there: %v", p.header)
	}
	if p := r.get("/runs/none"); p.status != http.StatusNotFound || !strings.Contains(p.body, "There is no such thing") {
		t.Errorf("a run that is not there: %d", p.status)
	}
	style := regexp.MustCompile(`/static/app\.[0-9a-f]{16}\.css`).FindString(r.page("/today").body)
	file := stranger.get(style)
	if file.status != http.StatusOK || !strings.Contains(file.header.Get("Cache-Control"), "max-age=31536000, immutable") ||
		file.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style: %d %v", file.status, file.header)
	}
	if p := stranger.get("/static/app.0000000000000000.css"); p.status != http.StatusNotFound {
		t.Errorf("a file of another version: %d", p.status)
	}
}

// TestAFirstVisitEndsWithAnArchivedMonth goes from nothing to the calendar beside its archive, with forms alone.
func TestAFirstVisitEndsWithAnArchivedMonth(t *testing.T) {
	m := newMachine(t)
	r := m.reader()
	m.work()
	for _, path := range []string{"/today", "/calendar", "/runs"} {
		if p := r.page(path); !strings.Contains(p.body, "Nothing is archived yet") || !strings.Contains(p.body, `href="/setup"`) {
			t.Errorf("%s: %s", path, p.body)
		}
	}
	if p := r.page("/review"); !strings.Contains(p.body, "Nothing needs you") {
		t.Errorf("nothing to review: %s", p.body)
	}
	id := m.json("POST", "/v1/calendars", `{"uri": "local://me/calendars/Mine"}`)["id"].(string)
	m.ask("POST", "/v1/calendars/"+id+"/import", "text/calendar", string(sample(t)))
	form := ptr(r.page("/setup")).form(t, "/setup")
	if form.Get("source") != "local://me/calendars/Mine" || form.Get("archive") != "" {
		t.Errorf("what is proposed: %v", form)
	}
	for field, value := range map[string]string{"source": "Work", "archive": "local://me/calendars/Mine", "timezone": "Mars/Base", "name": ""} {
		p := r.do("POST", "/setup", with(form, field, value, "idempotency_key", field))
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-problem"`) {
			t.Errorf("%s %q: %d %s", field, value, p.status, p.body)
		}
	}
	begun := with(form, "timezone", "Europe/Berlin")
	tried := r.do("POST", "/setup", begun)
	if again := r.do("POST", "/setup", begun); tried.status != http.StatusSeeOther || again.to != tried.to {
		t.Fatalf("set up: %+v, and once more %+v", tried, again)
	}
	if state := m.ended(strings.TrimPrefix(tried.to, "/runs/")); state != "succeeded" {
		t.Fatalf("the try-out %s", state)
	}
	if entries := m.json("GET", "/v1/ledger/work/days/2026-10-12", "")["items"].([]any); len(entries) != 0 {
		t.Errorf("the try-out wrote %v", entries)
	}
	if jobs := m.json("GET", "/v1/jobs", "")["items"].([]any); len(jobs) != 2 {
		t.Errorf("there are %d jobs", len(jobs))
	}
	archived := r.do("POST", "/runs", with(ptr(r.page(tried.to)).form(t, "/runs"), "period", october))
	if state := m.ended(strings.TrimPrefix(archived.to, "/runs/")); state != "succeeded" {
		t.Errorf("the first archive run %s", state)
	}
	if week := r.page("/calendar?view=week&on=2026-10-15"); !strings.Contains(week.body, "14 of 14 as they are") {
		t.Errorf("the week: %s", week.body)
	}
}

func TestJobsAreMadeAndChanged(t *testing.T) {
	m := newMachine(t)
	m.fill(sample(t))
	r := m.reader()
	form := ptr(r.page("/jobs")).form(t, "/jobs")
	if !strings.Contains(r.page("/jobs").body, "Nothing happens by itself yet") {
		t.Error("without a job nothing is said")
	}
	wrong := r.do("POST", "/jobs", with(form, "at", "25:00", "idempotency_key", "a"))
	if p := wrong; p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="at-problem"`) {
		t.Errorf("a wrong time: %d", p.status)
	}
	for _, made := range []struct{ repeat, says string }{{"daily", "daily at 22:15"}, {"weekly", "Friday at 22:15"}, {"monthly", "on day 31 at 22:15"}} {
		f := with(form, "at", "22:15", "repeat", made.repeat, "weekday", "friday", "day", "31", "idempotency_key", made.repeat)
		if p := r.do("POST", "/jobs", f); p.to != "/jobs" {
			t.Fatalf("%s: %+v", made.repeat, p)
		}
		if p := r.page("/jobs"); !strings.Contains(p.body, made.says) {
			t.Errorf("%q is not said: %s", made.says, p.body)
		}
	}
	jobs := m.json("GET", "/v1/jobs", "")["items"].([]any)
	id := jobs[0].(map[string]any)["id"].(string)
	act := func(does string) read {
		t.Helper()
		at := "/jobs/" + id + "/" + does
		return r.do("POST", at, ptr(r.page("/jobs")).form(t, at))
	}
	state := func() any { return m.json("GET", "/v1/jobs/"+id, "")["state"] }
	if p := act("pause"); p.to != "/jobs" || state() != "paused" || !strings.Contains(r.page("/jobs").body, ">paused<") {
		t.Errorf("paused: %+v, %v", p, state())
	}
	if p := act("resume"); p.to != "/jobs" || state() != "active" {
		t.Errorf("resumed: %+v, %v", p, state())
	}
	if p := act("trigger"); !strings.HasPrefix(p.to, "/runs/") {
		t.Errorf("triggered: %+v", p)
	}
	if p := r.page("/today"); !strings.Contains(p.body, "Archive") || !strings.Contains(p.body, "22:15") {
		t.Errorf("today: %s", p.body)
	}
	if p := act("remove"); p.to != "/jobs" {
		t.Errorf("removed: %+v", p)
	}
	if left := m.json("GET", "/v1/jobs", "")["items"].([]any); len(left) != 2 {
		t.Errorf("%d jobs are left", len(left))
	}
}

func TestTheLedgerIsReadAsItWasKnown(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	day := r.page("/ledger?on=2026-10-12")
	for _, want := range []string{"Ledger, Monday 12 October 2026", "Globex testing", "Mon 12 Oct, 08:30–12:00", "1 sealed run"} {
		if !strings.Contains(day.body, want) {
			t.Errorf("the day lacks %q: %s", want, day.body)
		}
	}
	key := regexp.MustCompile(`key=([^"&]+)">Globex testing<`).FindStringSubmatch(day.body)
	if key == nil {
		t.Fatalf("no history: %s", day.body)
	}
	decoded, err := url.QueryUnescape(key[1])
	must(t, err)
	answer := m.json("POST", "/v1/decisions", `{"config": "work", "decisions": [{"verdicts": [{"key": "`+decoded+
		`", "verdict": "keep_as", "fields": {"subject": "Globex tests"}}]}]}`)
	if state := m.ended(answer["id"].(string)); state != "succeeded" {
		t.Fatalf("the correction %s", state)
	}
	history := r.page("/ledger/history?config=" + config + "&key=" + key[1])
	for _, want := range []string{
		"<h1>Globex tests</h1>", "Version 2: archived", "Version 1: archived", "<del>Globex testing</del> → <ins>Globex tests</ins>", "you decided so",
	} {
		if !strings.Contains(history.body, want) {
			t.Errorf("the history lacks %q: %s", want, history.body)
		}
	}
	if before := r.page("/ledger?on=2026-10-12&as_of=2026-10-13T00:00"); !strings.Contains(before.body, "Nothing is recorded of this day") {
		t.Errorf("before anything was archived: %s", before.body)
	}
	for path, status := range map[string]int{"/ledger?on=x": 422, "/ledger?as_of=x": 422, "/ledger/history?key=none": 404, "/ledger?config=none": 404} {
		if p := r.get(path); p.status != status {
			t.Errorf("%s: %d", path, p.status)
		}
	}
}

func TestWhatHappenedIsTold(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	r := m.reader()
	if p := r.page("/notifications"); !strings.Contains(p.body, "Nothing was told yet") {
		t.Errorf("without a notification: %s", p.body)
	}
	m.work()
	run := m.archive(config)
	m.eventually("it is told", func() bool { return strings.Contains(r.page("/notifications").body, `href="/runs/`+run+`"`) })
	page := r.page("/notifications")
	if !strings.Contains(page.body, "card unread") {
		t.Errorf("it is not new: %s", page.body)
	}
	if p := r.do("POST", "/notifications/read", page.form(t, "/notifications/read")); p.to != "/notifications" {
		t.Errorf("read: %+v", p)
	}
	if p := r.page("/notifications"); strings.Contains(p.body, "card unread") || strings.Contains(p.body, "Mark all as read") {
		t.Errorf("it is new still: %s", p.body)
	}
	log := r.page("/audit")
	for _, want := range []string{"notification.read", "run.start", "run.archive.finished", "session.begin", "the system"} {
		if !strings.Contains(log.body, want) {
			t.Errorf("the log lacks %s: %s", want, log.body)
		}
	}
	some := r.page("/audit?action=session&outcome=ok").body
	if !strings.Contains(some, "session.begin") || strings.Contains(some, "<code>run.start") {
		t.Errorf("of one action: %s", some)
	}
	if p := r.page("/audit?action=%3Cx"); !strings.Contains(p.body, `id="action-problem"`) {
		t.Errorf("an action that is none: %s", p.body)
	}
}
