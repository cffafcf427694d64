package web_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"adminassistant/shared/app"
)

// lately is a calendar with two appointments on every day of the last 40.
func lately() []byte {
	var b bytes.Buffer
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for i := range 80 {
		day := time.Now().UTC().AddDate(0, 0, -i/2).Format("20060102")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:e%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%sT%02d0000Z\r\nDTEND:%sT%02d0000Z\r\n"+
			"SUMMARY:Work %d\r\nCATEGORIES:Acme - billable\r\nEND:VEVENT\r\n", i, day, 8+i%2*4, day, 9+i%2*4, i)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.Bytes()
}

// newOutlookMachine is a machine that reaches a simulated mailbox of Microsoft 365, which has the appointments of lately.
func newOutlookMachine(t *testing.T) *machine {
	t.Helper()
	settings, stop, err := app.OpenDemoMailbox(app.Settings{Data: t.TempDir(), Lease: time.Minute}, bytes.NewReader(lately()))
	must(t, err)
	t.Cleanup(func() { must(t, stop()) })
	return openMachine(t, settings)
}

const inOutlook = "msgraph://" + app.DemoAccount + "/calendars/primary"

// clicks follows a link or presses a button, and waits for the page that it leads to.
func (p *person) clicks(selector string) {
	p.t.Helper()
	_, err := chromedp.RunResponse(p.ctx, chromedp.Click(chromedp.CSS(selector)))
	must(p.t, err)
}

// fills writes into a field in the place of what is there.
func (p *person) fills(selector, text string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.Focus(chromedp.CSS(selector))))
	p.types(text)
}

// at is the path of the page that is shown.
func (p *person) at() string {
	p.t.Helper()
	return script[string](p, "location.pathname")
}

// tabs presses the tabulator until what a selector means has the focus.
func (p *person) tabs(selector string) {
	p.t.Helper()
	for range 80 {
		must(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(kb.Tab)))
		if script[bool](p, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
	}
	p.t.Fatalf("no tabulator leads to %s at %s", selector, p.at())
}

// types writes into the field that has the focus, in the place of what is there.
func (p *person) types(text string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), chromedp.KeyEvent(text)))
}

// ended waits for the end of the run whose page is shown, without which no script would show it, and loads the page anew.
func (p *person) ended() {
	p.t.Helper()
	if state := p.m.ended(strings.TrimPrefix(p.at(), "/runs/")); state != "succeeded" {
		p.t.Fatalf("the run %s: %s", state, p.text())
	}
	p.sees(p.at())
}

// TestAFirstVisitInABrowser goes from the first page to a month of a mailbox of Microsoft 365 beside its archive, and counts what that takes.
func TestAFirstVisitInABrowser(t *testing.T) {
	m := newOutlookMachine(t)
	m.work()
	p := m.chromium()
	_, err := chromedp.Call(p.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	must(t, err)
	steps := 0
	click := func(selector string) { t.Helper(); steps++; p.clicks(selector) }
	p.sees("/")
	click(`main a[href="/setup"]`)
	if zone := script[string](p, `document.querySelector("#timezone").value`); zone != "Europe/Berlin" {
		t.Errorf("the zone that the browser has is not proposed, but %s", zone)
	}
	steps++
	p.fills("#source", inOutlook)
	click(`main form button`)
	m.eventually("the page shows what would happen", func() bool { return strings.Contains(p.text(), "What became of each event") })
	if text := p.text(); !strings.Contains(text, "try-out") || strings.Contains(text, "were written") {
		t.Errorf("what would happen: %s", text)
	}
	if entries := m.json("GET", "/v1/ledger/work/days/"+time.Now().UTC().AddDate(0, 0, -3).Format(time.DateOnly), "")["items"].([]any); len(entries) != 0 {
		t.Errorf("the try-out archived %v", entries)
	}
	click(`main button.primary`)
	m.eventually("the page shows what was archived", func() bool { return strings.Contains(p.text(), "were written to the archive.") })
	click(`main a[href^="/calendar"]`)
	if text := p.text(); !strings.Contains(text, "as they are") || !strings.Contains(text, "Work ") {
		t.Errorf("the calendar beside its archive: %s", text)
	}
	if steps > 6 {
		t.Errorf("it took %d steps", steps)
	}
	archived := 0
	for i := range 31 {
		day := time.Now().UTC().AddDate(0, 0, -i).Format(time.DateOnly)
		archived += len(m.json("GET", "/v1/ledger/work/days/"+day, "")["items"].([]any))
	}
	if archived < 60 {
		t.Errorf("of the month %d appointments are archived", archived)
	}
	if jobs := m.json("GET", "/v1/jobs", "")["items"].([]any); len(jobs) != 2 {
		t.Errorf("there are %d jobs", len(jobs))
	}
	if refused := p.refused(); refused != "" {
		t.Errorf("the policy refused %s", refused)
	}
}

// TestSetUpByKeys sets an archive up with the keyboard alone: with our script, and in a browser that runs none.
func TestSetUpByKeys(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(map[bool]string{false: "with script", true: "without script"}[without], func(t *testing.T) {
			m := newOutlookMachine(t)
			m.work()
			p := m.chromium()
			p.t = t
			p.withoutScript(without)
			p.sees("/today")
			p.tabs(`main a[href="/setup"]`)
			p.presses(kb.Enter)
			p.tabs("#source")
			p.types(inOutlook)
			p.tabs("#timezone")
			p.types("Europe/Berlin")
			p.tabs(`main button.primary`)
			p.presses(kb.Enter)
			p.ended()
			p.tabs(`main button.primary`)
			p.presses(kb.Enter)
			p.ended()
			if text := p.text(); !strings.Contains(text, "were written to the archive.") {
				t.Errorf("at the end: %s", text)
			}
		})
	}
}

// withoutScript has the browser run no script of pages.
func (p *person) withoutScript(yes bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: yes})
	must(p.t, err)
}

// TestRestoreByKeys backs a calendar up, looks at what restoring it would do, does it and takes it back, with the keyboard alone: with our script, and in a
// browser that runs none.
func TestRestoreByKeys(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(map[bool]string{false: "with script", true: "without script"}[without], func(t *testing.T) {
			m := newMachine(t)
			m.fill(sample(t))
			m.work()
			p := m.chromium()
			p.t = t
			p.withoutScript(without)
			p.sees("/backups")
			p.tabs(`button[value="backup"]`)
			p.presses(kb.Enter)
			p.ended()
			p.sees("/backups")
			p.tabs(`td a[href^="/restore"]`)
			p.presses(kb.Enter)
			p.tabs("#into")
			p.types("local://me/calendars/Again")
			p.tabs(`main button.primary`)
			p.presses(kb.Enter)
			p.ended()
			if text := p.text(); !strings.Contains(text, "Nothing is written yet.") {
				t.Errorf("what would happen: %s", text)
			}
			p.tabs(`main button.primary`)
			p.presses(kb.Enter)
			p.ended()
			if text := p.text(); !strings.Contains(text, "were written to the calendar.") {
				t.Errorf("restored: %s", text)
			}
			p.tabs(`a[href$="/undo"]`)
			p.presses(kb.Enter)
			p.tabs(`main button.primary`)
			p.presses(kb.Enter)
			p.ended()
		})
	}
}

// TestSentTwiceAndBackAgain presses a button twice, goes back and presses it once more: with and without script, it takes effect once.
func TestSentTwiceAndBackAgain(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(map[bool]string{false: "with script", true: "without script"}[without], func(t *testing.T) {
			m := newMachine(t)
			m.fill(sample(t))
			p := m.chromium()
			p.t = t
			p.withoutScript(without)
			p.sees("/backups")
			runs := func() int { return len(m.json("GET", "/v1/runs", "")["items"].([]any)) }
			_, err := chromedp.RunResponse(p.ctx, chromedp.DoubleClick(chromedp.CSS(`button[value="backup"]`)))
			must(t, err)
			m.eventually("a run is shown", func() bool { return strings.HasPrefix(p.at(), "/runs/") })
			if n := runs(); n != 1 {
				t.Errorf("pressed twice it began %d runs", n)
			}
			m.work()
			p.ended()
			form := m.reader()
			page := form.page("/backups")
			first := form.sends(page, "/backups", "do", "backup")
			again := form.sends(page, "/backups", "do", "backup")
			if first.to != again.to || runs() != 2 {
				t.Errorf("the same form led to %s and %s, and there are %d runs", first.to, again.to, runs())
			}
		})
	}
}

// TestABackupIsWatched looks at a backup while it goes on, until its page shows the end by itself.
func TestABackupIsWatched(t *testing.T) {
	m := newMachine(t)
	m.fill(sample(t))
	p := m.chromium()
	p.sees("/backups")
	p.clicks(`button[value="backup"]`)
	if n := script[float64](p, `document.querySelectorAll("progress").length`); n != 1 {
		t.Errorf("before it is its turn: %s", p.text())
	}
	m.work()
	m.eventually("the page shows the end", func() bool { return strings.Contains(p.text(), "events were backed up") })
	if refused := p.refused(); refused != "" {
		t.Errorf("the policy refused %s", refused)
	}
}

// TestWhatIsWrittenIsNotLost sends a form whose session has ended: it is refused, and the form has what was written when its page is opened once more.
func TestWhatIsWrittenIsNotLost(t *testing.T) {
	m := newMachine(t)
	m.fill(sample(t))
	p := m.chromium()
	other := m.reader()
	p.sees("/settings")
	p.fills("#email", "anna@example.com")
	script[bool](p, `((document.querySelector("#week_start").value = "sunday"), (document.querySelector("[name='mail.problems']").checked = true))`)
	page := other.page("/settings")
	for _, end := range regexp.MustCompile(`/settings/sessions/[0-9a-f]+/end`).FindAllString(page.body, -1) {
		other.do("POST", end, page.form(t, end))
	}
	p.clicks(`main form button.primary`)
	if text := p.text(); !strings.Contains(text, "You are not signed in") || !strings.Contains(text, "What you wrote is kept in this tab") {
		t.Fatalf("without a session: %s", text)
	}
	if to := script[string](p, `document.querySelector("a.givenback").getAttribute("href")`); to != "/settings" {
		t.Errorf("it leads back to %s", to)
	}
	written := func() string {
		return script[string](p, `[document.querySelector("#email").value, document.querySelector("#week_start").value,
			document.querySelector("[name='mail.problems']").checked].join(" ")`)
	}
	p.sees("/" + m.served.Once())
	p.sees("/settings")
	if got := written(); got != "anna@example.com sunday true" {
		t.Errorf("the form has %s", got)
	}
	p.sees("/settings")
	if got := written(); got != " monday false" {
		t.Errorf("once more it has %s", got)
	}
	p.fills("#email", "berta@example.com")
	p.clicks(`main form button.primary`)
	if kept := script[bool](p, `sessionStorage.getItem("form") !== null`); kept {
		t.Error("what was taken is kept")
	}
	p.sees("/nothing")
	p.sees("/settings")
	if got := written(); got != "berta@example.com monday false" {
		t.Errorf("what was saved is %s", got)
	}
}

// TestARunsPageSaysWhenNobodyAnswers has the network go away and come back while a run is watched.
func TestARunsPageSaysWhenNobodyAnswers(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	p := m.chromium()
	id := m.json("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": %q}`, config, october))["id"].(string)
	p.sees("/runs/" + id)
	reaches := func(is bool) {
		t.Helper()
		_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Offline: !is, DownloadThroughput: -1, UploadThroughput: -1}},
		})
		must(t, err)
	}
	const says = "No answer just now"
	if strings.Contains(p.text(), says) {
		t.Error("it says so while there is an answer")
	}
	reaches(false)
	m.eventually("the page says that there is no answer", func() bool { return strings.Contains(p.text(), says) })
	reaches(true)
	m.eventually("the page says so no longer", func() bool { return !strings.Contains(p.text(), says) })
	m.work()
	m.eventually("the page shows the end", func() bool { return strings.Contains(p.text(), "71 were written to the archive.") })
}

// TestAReviewByThumb answers one question after the other on a phone: the answers are where the thumb is, without moving the page.
func TestAReviewByThumb(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	p.as(320, 640, "light", "de")
	p.sees(reviewAddress.FindString(m.reader().page("/calendar?view=day&on=2026-10-15").body))
	const inReach = `[...document.querySelectorAll("form > .buttons button")].filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect()).every((b) =>
		b.top > innerHeight / 2 && b.bottom <= innerHeight)`
	if !script[bool](p, inReach) {
		t.Error("an answer is out of reach")
	}
	if script[bool](p, `document.querySelector("button[value=own]").checkVisibility()`) {
		t.Error("what is chosen by oneself can be sent though nothing is")
	}
	asked := p.at()
	p.clicks(`button[value="suggestion0"]`)
	if at := p.at(); at == asked || !strings.HasPrefix(at, "/review/") {
		t.Errorf("an answer leads to %s", at)
	}
	script[bool](p, `(document.querySelector("details.own").open = true)`)
	if !script[bool](p, `document.querySelector("button[value=own]").checkVisibility()`) {
		t.Error("what is chosen by oneself cannot be sent")
	}
}

// TestPagesOnPaper looks at pages as they are printed: light, without what can be pressed, and a week as a grid.
func TestPagesOnPaper(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	made := demoMoney(t, m, config)
	p := m.chromium()
	p.as(703, 1000, "dark", "en")
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	must(t, err)
	for path, shown := range map[string]string{
		"/timesheets/" + made["draft"]: "table.lines", "/timesheets/" + made["locked"]: "table.lines", "/calendar?view=week&on=2026-10-15": ".week .hours",
		"/calendar?view=month&on=2026-10-15": ".month .names", "/hours?on=2026-10-15": ".tally td.bars",
	} {
		p.sees(path)
		if pressed := script[string](p, `[...document.querySelectorAll("nav, .top, button, .button, input, textarea, select, .tabs")]
			.filter((e) => e.checkVisibility())			.map((e) => e.outerHTML.slice(0, 80)).join("\n")`); pressed != "" {
			t.Errorf("%s has on paper %s", path, pressed)
		}
		if !script[bool](p, fmt.Sprintf("document.querySelector(%q).checkVisibility()", shown)) {
			t.Errorf("%s lacks %s on paper", path, shown)
		}
		colour := script[string](p, `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color`)
		if colour != "rgb(255, 255, 255)rgb(0, 0, 0)" {
			t.Errorf("%s is %s on paper", path, colour)
		}
		if over := script[string](p, tooWide); over != "" {
			t.Errorf("%s is wider than the paper: %s", path, over)
		}
	}
}
