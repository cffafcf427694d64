package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// withLasting adds a fair of two weeks, a conference of three days, an appointment over midnight, and one in the hour that clocks show twice, to a file.
func withLasting(file []byte) []byte {
	var b strings.Builder
	for i, e := range [][3]string{
		{"DTSTART;VALUE=DATE:20261015", "DTEND;VALUE=DATE:20261029", "Fair in Hanover"}, {"DTSTART;VALUE=DATE:20261021", "DTEND;VALUE=DATE:20261024", "Camp"},
		{"DTSTART:20261022T200000Z", "DTEND:20261023T020000Z", "Night shift"}, {"DTSTART:20261025T003000Z", "DTEND:20261025T013000Z", "Switch over"},
	} {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:lasting%d@example.com\r\nDTSTAMP:20261001T000000Z\r\n%s\r\n%s\r\nSUMMARY:%s\r\n"+
			"CATEGORIES:Acme - billable\r\nEND:VEVENT\r\n",
			i, e[0], e[1], e[2])
	}
	return bytes.Replace(file, []byte("END:VCALENDAR"), []byte(b.String()+"END:VCALENDAR"), 1)
}

func TestAnAppointmentIsCorrectedWithoutBeingAsked(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	week := r.page("/calendar?view=week&on=2026-10-12").body
	at := strings.ReplaceAll(regexp.MustCompile(`<a href="(/ledger/history[^"]+)"><b>Globex testing<`).FindStringSubmatch(week)[1], "&amp;", "&")
	page := r.page(at)
	page.says(t, "Correct it", `value="2026-10-12T08:30"`, `value="Globex - billable"`, "Mon 12 Oct, 08:30–12:00")
	if form := page.form(t, "/ledger/history"); form.Get("version") != "1" || form.Get("subject") != "Globex testing" {
		t.Errorf("the form has %v", form)
	}
	for name, c := range map[string]struct {
		field, value, says string
		status             int
	}{
		"nothing changed":           {"subject", "Globex testing", "Nothing is changed yet.", http.StatusUnprocessableEntity},
		"no time":                   {"start", "noon", `id="start-problem"`, http.StatusUnprocessableEntity},
		"an end before it":          {"end", "2026-10-12T08:00", `value="2026-10-12T08:00"`, http.StatusUnprocessableEntity},
		"the answer of another tab": {"version", "7", "It has changed since you opened this page.", http.StatusConflict},
		"another one":               {"key", "none", "", http.StatusNotFound},
	} {
		p := r.sends(page, "/ledger/history", c.field, c.value, "do", "keep", "idempotency_key", strings.ReplaceAll(name, " ", "-"))
		if p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	stale := r.sends(page, "/ledger/history", "subject", "Mine", "version", "7", "do", "keep", "idempotency_key", "stale")
	if stale.says(t, `value="Globex testing"`); strings.Contains(stale.body, "Mine") {
		t.Errorf("what was changed by another tab is not shown as it is: %s", stale.body)
	}
	if strings.Contains(page.body, "Sensitivity") {
		t.Error("of what is not private it says so")
	}
	corrected := r.sends(page, "/ledger/history", "end", "2026-10-12T11:00", "category", "Acme - billable; ", "do", "keep")
	if again := r.sends(page, "/ledger/history", "end", "2026-10-12T11:00", "category", "Acme - billable; ", "do", "keep"); again.to != corrected.to {
		t.Errorf("sent twice it led to %s and %s", corrected.to, again.to)
	}
	if state := m.ended(r.runOf(corrected)); state != "succeeded" {
		t.Fatalf("the correction %s", state)
	}
	r.page(corrected.to).says(t, `href="`+corrected.to+`/undo"`)
	now := r.page(at)
	now.says(t, "Version 2: archived", "<del>Mon 12 Oct, 08:30–12:00</del> → <ins>Mon 12 Oct, 08:30–11:00</ins>", "<del>Globex</del> → <ins>Acme</ins>")
	out := r.sends(now, "/ledger/history", "do", "drop")
	if state := m.ended(r.runOf(out)); state != "succeeded" {
		t.Fatalf("leaving it out %s", state)
	}
	gone := r.page(at)
	gone.says(t, "Take it in", "Version 3")
	if strings.Contains(gone.body, `value="drop"`) {
		t.Error("what is left out can be left out")
	}
	back := r.sends(gone, "/ledger/history", "do", "keep")
	if state := m.ended(r.runOf(back)); state != "succeeded" {
		t.Fatalf("taking it in %s", state)
	}
	r.page(at).says(t, "Version 4: archived", "Correct it")
}

func TestWhatWaitsForADecisionIsNotCorrectedBesideIt(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	day := r.page("/ledger?on=2026-10-15").body
	at := strings.ReplaceAll(regexp.MustCompile(`href="(/ledger/history[^"]+)">Initech strategy<`).FindStringSubmatch(day)[1], "&amp;", "&")
	page := r.page(at)
	page.says(t, "It waits for your decision.")
	if !reviewAddress.MatchString(page.body) || strings.Contains(page.body, `name="subject"`) {
		t.Errorf("the page: %s", page.body)
	}
	week := r.page("/calendar?view=week&on=2026-10-15").body
	if !regexp.MustCompile(`<a href="/review/[0-9A-Z]+"><b>Initech strategy<`).MatchString(week) {
		t.Errorf("in the week it does not lead to its question")
	}
}

func TestWhatLastsForDaysIsOneBlockOverThem(t *testing.T) {
	m := newMachine(t)
	config := m.fill(withLasting(sample(t)))
	m.work()
	m.archive(config)
	r := m.reader()
	week := r.page("/calendar?view=week&on=2026-10-20").body
	for _, want := range []string{
		`class="e kept short r1 b7"><div><span class="when">all day</span> <a href="/ledger/history`, `class="e kept short r2 b3"`,
		", Thursday 22 October 2026, in calendar and archive", "02:30 CEST<span class=\"until\">–02:30 CET</span>", `class="day weekend shifted"`,
		`own" aria-hidden="true"><span class="r25">02:00 CEST</span><span class="r37">02:00 CET</span><span class="r49">03:00</span>`,
	} {
		if !strings.Contains(week, want) {
			t.Errorf("the week lacks %q: %s", want, week)
		}
	}
	if n := strings.Count(week, " cont\""); n != 6+2+2 { // and the conference of the sample
		t.Errorf("on %d days they go on", n)
	}
	if regexp.MustCompile(` cont"><div><span class="when">all day</span> <a`).MatchString(week) {
		t.Error("what goes on unseen can get the focus")
	}
	if next := r.page("/calendar?view=week&on=2026-10-27").body; !strings.Contains(next, `class="e kept short r1 b3"`) {
		t.Errorf("the week after: %s", next)
	}
	if day := r.page("/calendar?view=day&on=2026-10-25").body; !strings.Contains(day, "02:30 CEST–02:30 CET") {
		t.Errorf("the day of the change: %s", day)
	}
	made := demoMoney(t, m, config)
	sheet := r.page("/timesheets/" + made["draft"]).body
	var days []string
	for _, d := range regexp.MustCompile(`<th scope="rowgroup">([^<]+)<`).FindAllStringSubmatch(sheet, -1) {
		days = append(days, d[1])
	}
	if len(days) < 15 || days[0] != "Fri 2 Oct" || days[len(days)-1] != "Fri 30 Oct" {
		t.Errorf("the days of the timesheet are not in their order: %v", days)
	}
}

func TestTheMonthsTimesheetsHaveBars(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	page := r.page("/timesheets?month=2026-10").body
	rows := strings.Count(page, `<td class="n phone">`)
	if n := strings.Count(page, ` y="1" width="1000"`); n != 1 {
		t.Errorf("%d customers have the longest bar", n)
	}
	if n := strings.Count(page, `class="line-bar"`); n != rows || rows < 4 || !strings.Contains(page, `<rect class="b-billable" x="0" y="1" width="1000"`) {
		t.Errorf("%d bars of %d customers: %s", n, rows, page)
	}
	week := r.page("/calendar?view=week&on=2026-10-12").body
	if strings.Contains(week, `<th scope="col" class="n">Travel`) || !strings.Contains(week, `<th scope="col" class="n">Billable`) {
		t.Error("a column of hours that nobody has is shown")
	}
	if away := r.page("/calendar?view=week&on=2026-10-22").body; !strings.Contains(away, `<th scope="col" class="n">Travel`) {
		t.Error("a column of hours is left out that somebody has")
	}
}

func TestAQuestionsAppointmentsAreInTheOrderOfTheirStarts(t *testing.T) {
	m := newMachine(t)
	var b strings.Builder
	for i, from := range []string{"12", "10", "11"} {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:a%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:20261006T%s0000Z\r\nDTEND:20261006T133000Z\r\n"+
			"SUMMARY:From %s\r\nCATEGORIES:Acme - billable\r\nEND:VEVENT\r\n", i, from, from)
	}
	config := m.fill([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n" + b.String() + "END:VCALENDAR\r\n"))
	m.work()
	m.archive(config)
	r := m.reader()
	r.page("/today").says(t, "3 appointments share time")
	page := r.page("/review")
	got := regexp.MustCompile(`<b>From (\d+)</b>`).FindAllStringSubmatch(page.body, -1)
	if len(got) < 3 || got[0][1] != "10" || got[1][1] != "11" || got[2][1] != "12" {
		t.Errorf("they are in the order %v", got)
	}
	page.says(t, `aria-label="From 10 12:00–15:30, From 11 13:00–15:30, From 12 14:00–15:30"`,
		`x="0.000%" y="2" width="87.500%" height="24"><rect data-at="0"`, `x="50.000%" y="58" width="37.500%"`, "<text x=\"7\" y=\"16\">From 11</text>")
	at := reviewAddress.FindString(page.body)
	answered := r.sends(page, at, "verdict.0", "drop", "verdict.1", "drop", "verdict.2", "keep", "do", "own")
	to, err := url.Parse(answered.to)
	must(t, err)
	m.ended(to.Query().Get("run"))
	r.page("/ledger?on=2026-10-06").says(t, ">From 12</a></td><td class=\"long\">Acme</td><td class=\"told\">archived")
}

func TestSettingsBeginWithWhatHolds(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	r := m.reader()
	form := ptr(r.page("/settings")).form(t, "/settings")
	if form.Get("timezone") != "Europe/Berlin" || form.Get("locale") != "en" {
		t.Errorf("of who has chosen nothing: %v", form)
	}
	r.page("/settings").says(t, "data-zone", "Go-http-client/1.1</span> <span class=\"pill succeeded\">this one</span>")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url+"/settings", nil)
	must(t, err)
	req.Header.Set("Accept-Language", "de-AT")
	res, err := r.client.Do(req)
	must(t, err)
	var body bytes.Buffer
	_, err = body.ReadFrom(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if !strings.Contains(body.String(), `<option value="de" selected>`) {
		t.Errorf("of a German browser: %s", body.String())
	}
	r.sends(r.page("/settings"), "/settings", "timezone", "UTC", "locale", "en")
	if page := r.page("/settings").body; strings.Contains(page, "data-zone") || !strings.Contains(page, `value="UTC"`) {
		t.Errorf("of who has chosen UTC: %s", page)
	}
	_ = config
}

// TestATimeThatIsShownTwiceStaysTheOneThatItWas corrects something else of an appointment in the hour that clocks show twice.
func TestATimeThatIsShownTwiceStaysTheOneThatItWas(t *testing.T) {
	m := newMachine(t)
	config := m.fill([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:twice@example.com\r\nDTSTAMP:20261001T000000Z\r\n" +
		"DTSTART:20261025T003000Z\r\nDTEND:20261025T013000Z\r\nSUMMARY:Switch over\r\nCLASS:PRIVATE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	m.work()
	m.archive(config)
	r := m.reader()
	at := historyOf(t, r.page("/ledger?on=2026-10-25"))
	page := r.page(at)
	page.says(t, `id="start" name="start"`, `value="2026-10-25T02:30"`, "Sun 25 Oct, 02:30 CEST–02:30 CET", "<dt>Sensitivity</dt><dd>private</dd>")
	corrected := r.sends(page, "/ledger/history", "subject", "Switched over", "do", "keep")
	if state := m.ended(r.runOf(corrected)); state != "succeeded" {
		t.Fatalf("the correction %s", state)
	}
	now := r.page(at)
	now.says(t, "<del>Switch over</del> → <ins>Switched over</ins>")
	if strings.Contains(now.body, "<del>Sun 25 Oct") {
		t.Errorf("its times are others: %s", now.body)
	}
}
