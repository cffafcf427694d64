package web_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
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
