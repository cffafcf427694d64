package web_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// person is who sits before a Chromium.
type person struct {
	t   testing.TB
	ctx context.Context
	m   *machine
}

// missing skips a test where the machine lacks something, but not where CI=true.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// watch notes in each page what the policy refused, and whether a script ran that is none of ours.
const watch = `window.refused = []; document.addEventListener("securitypolicyviolation", (e) => window.refused.push(e.violatedDirective + " " + e.blockedURI));`

// chromium starts a browser that is let in to the machine.
func (m *machine) chromium() *person {
	m.t.Helper()
	binary := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			binary = cmp.Or(binary, found)
		}
	}
	if binary == "" {
		missing(m.t, "there is no chromium, chromium-browser or google-chrome here, and CHROMIUM names none; make tools installs one")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(m.t.Context(), options...)
	m.t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	m.t.Cleanup(end)
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil {
		m.t.Fatalf("start %s: %v", binary, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	m.t.Cleanup(cancel)
	p := &person{m.t, ctx, m}
	_, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	must(m.t, err)
	p.sees("/" + m.served.Once())
	return p
}

// sees opens a page.
func (p *person) sees(path string) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.Navigate(p.m.url+path)))
}

// presses presses a key, which leads to another page, and returns its address.
func (p *person) presses(key string) string {
	p.t.Helper()
	_, err := chromedp.RunResponse(p.ctx, chromedp.KeyEvent(key))
	must(p.t, err)
	return script[string](p, "location.pathname + location.search")
}

// text is that of the page, without what is around it. While another page is loaded it is empty.
func (p *person) text() string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector("main")?.innerText || ""`))
	if p.ctx.Err() != nil {
		p.t.Fatal(err)
	}
	return text
}

// script is what an expression comes to in the page that is shown.
func script[T any](p *person, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	must(p.t, err)
	return value
}

// as has the browser be so wide, of a scheme, and of a language.
func (p *person) as(width, height int, scheme, language string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: 1,
	})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
	must(p.t, err)
}

// refused are what the policy refused in the page that is shown.
func (p *person) refused() string {
	p.t.Helper()
	return script[string](p, `window.refused.join(", ")`)
}

// axe is axe-core, which finds what keeps people from using a page.
func axe(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(cmp.Or(os.Getenv("AXE"), filepath.Join("..", "..", ".tools", "axe", "node_modules", "axe-core", "axe.min.js")))
	if err != nil {
		missing(t, "there is no axe-core here; make tools installs it, and AXE names one elsewhere")
	}
	return string(text)
}

// found runs axe in the page that is shown, and returns what it finds.
func (p *person) found(axe string) string {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](axe+";0")))
	return script[string](p, `axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"]}).then((r) =>
		r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target + " " + n.failureSummary).join("; ")).join("\n"))`)
}

// hostile has scripts wherever a calendar has text.
const hostile = `<script>window.ran=1</script><img src=x onerror=window.ran=2>"'><svg onload=window.ran=3>`

// withHostile adds events whose every text is hostile to a file.
func withHostile(file []byte) []byte {
	var b strings.Builder
	escaped := strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`).Replace(hostile)
	for i, day := range []int{15, 16} {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:hostile%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:202610%dT090000Z\r\nDTEND:202610%dT100000Z\r\n"+
			"SUMMARY:%s\r\nLOCATION:%s\r\nDESCRIPTION:%s\r\nCATEGORIES:%s - billable\r\nORGANIZER;CN=x:mailto:x@example.com\r\nEND:VEVENT\r\n",
			i, day, day, escaped, escaped, escaped, escaped)
	}
	return bytes.Replace(file, []byte("END:VCALENDAR"), []byte(b.String()+"END:VCALENDAR"), 1)
}

// tooWide is what in a page is wider than the window; empty: nothing.
const tooWide = `document.documentElement.scrollWidth <= innerWidth ? "" : [...document.querySelectorAll("main *")].filter((e) =>
	e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll, .vh")).slice(0, 3).map((e) => e.outerHTML.slice(0, 150)).join("\n") || "?"`

// tooSmall is what in a page can be pressed and is lower than so many pixels; empty: nothing.
const tooSmall = `[...document.querySelectorAll("button, a.button, select, input:not([type=checkbox], [type=hidden]), .tabs a, nav a:not(.brand), summary")]
	.filter((e) => e.checkVisibility() && !e.closest(".vh") && e.getBoundingClientRect().height < %d - .5).slice(0, 3)
	.map((e) => e.outerHTML.slice(0, 150)).join("\n")`

// undrawn are the blocks of a calendar that are not drawn; empty: none.
const undrawn = `[...document.querySelectorAll(".week .e, .month .cell:not(.other) .e, .legend .e")].filter((e) => !e.checkVisibility())
	.slice(0, 3).map((e) => e.outerHTML.slice(0, 150)).join("\n")`

// TestEveryPageInABrowser looks at every page at several widths, light and dark, in both languages: nobody is kept out, nothing is wider than the window,
// the policy refuses nothing, and what calendars have for scripts does not run.
func TestEveryPageInABrowser(t *testing.T) {
	m := newMachine(t)
	config := m.fill(withHostile(sample(t)))
	m.work()
	run := m.archive(config)
	tried := m.json("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": %q, "dry_run": true}`, config, october))["id"].(string)
	m.ended(tried)
	finds := axe(t)
	p := m.chromium()
	day := m.reader().page("/calendar?view=day&on=2026-10-15").body
	question := reviewAddress.FindString(day)
	history := historyOf(t, m.reader().page("/ledger?on=2026-10-15"))
	made := demoMoney(t, m, config)
	hostileMoney(t, m, config, made)
	m.json("POST", "/v1/jobs", fmt.Sprintf(`{"kind": "archive", "config": %q, "schedule": {"repeat": "daily", "at": "23:59", "zone": "UTC"}}`, config))
	pages := []string{
		"/today", "/calendar?view=week&on=2026-10-15", "/calendar?view=day&on=2026-10-15", "/calendar?view=day&on=2026-10-25",
		"/calendar?view=month&on=2026-10-15", question, question + "?show=merge", "/runs", "/runs/" + run, "/runs/" + run + "?outcome=conflicted",
		"/runs/" + tried, "/runs/" + run + "/undo", "/settings", "/setup", "/jobs", "/notifications", "/audit", "/ledger?on=2026-10-15", history, "/nothing",
	}
	pages = append(pages, moneyPages(made)...)
	pages = append(pages, m.keptPages(config)...)
	for _, look := range []struct {
		width            int
		scheme, language string
	}{{320, "dark", "en"}, {640, "light", "de"}, {768, "dark", "de"}, {1280, "light", "en"}} {
		t.Run(fmt.Sprintf("%d %s %s", look.width, look.scheme, look.language), func(t *testing.T) {
			p.t = t
			p.as(look.width, 900, look.scheme, look.language)
			for _, path := range pages {
				p.sees(path)
				if got := script[string](p, `document.documentElement.lang`); got != look.language {
					t.Errorf("%s is in %s", path, got)
				}
				script[bool](p, `document.querySelectorAll("details").forEach((d) => { d.open = true }) || true`) // what is folded away counts as well
				if small := script[string](p, fmt.Sprintf(tooSmall, map[bool]int{true: 44, false: 24}[look.width == 320])); small != "" {
					t.Errorf("%s has what a thumb misses: %s", path, small)
				}
				if hidden := script[string](p, undrawn); hidden != "" {
					t.Errorf("%s does not draw %s", path, hidden)
				}
				if over := script[string](p, tooWide); over != "" {
					t.Errorf("%s is wider than the window: %s", path, over)
				}
				if found := p.found(finds); found != "" {
					t.Errorf("%s: %s", path, found)
				}
				if refused := p.refused(); refused != "" {
					t.Errorf("%s: the policy refused %s", path, refused)
				}
				if ran := script[float64](p, `window.ran || 0`); ran != 0 {
					t.Errorf("%s ran a script of a calendar", path)
				}
			}
		})
	}
	p.t = t
	p.as(1280, 900, "light", "en")
	p.sees("/calendar?view=week&on=2026-10-15")
	const shows = `[...document.querySelectorAll(".e b")].some((b) => b.textContent.includes("<script>window.ran=1</script>"))`
	if shown := script[bool](p, shows); !shown {
		t.Error("the hostile appointments are not shown")
	}
}

// TestReviewByKeys decides, takes back and goes on without a mouse.
func TestReviewByKeys(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	p.sees("/review")
	first := script[string](p, "location.pathname")
	if at := p.presses(kb.ArrowRight); !strings.HasPrefix(at, "/review/") || at == first {
		t.Errorf("right leads to %s", at)
	}
	if at := p.presses(kb.ArrowLeft); at != first {
		t.Errorf("left leads to %s, not to %s", at, first)
	}
	for !strings.Contains(p.text(), "3 appointments share time") {
		p.presses(kb.ArrowRight)
	}
	asked := script[string](p, "location.pathname")
	at := p.presses("x")
	if !strings.Contains(at, "run=") || strings.HasPrefix(at, asked) {
		t.Fatalf("an answer leads to %s", at)
	}
	_, decided, _ := strings.Cut(at, "run=")
	if state := m.ended(decided); state != "succeeded" {
		t.Errorf("the decision %s", state)
	}
	if at := p.presses("u"); at != "/runs/"+decided+"/undo" {
		t.Fatalf("u leads to %s", at)
	}
	undoing := p.presses(kb.Enter)
	if !strings.HasPrefix(undoing, "/runs/") || strings.Contains(undoing, decided) {
		t.Fatalf("Enter leads to %s", undoing)
	}
	m.ended(strings.TrimPrefix(undoing, "/runs/"))
	m.eventually("the question is open again", func() bool {
		p.sees(asked)
		return strings.Contains(p.text(), "Keep all")
	})
	p.sees("/calendar?view=week&on=2026-10-15")
	if at := p.presses(kb.ArrowRight); !strings.Contains(at, "on=2026-10-22") {
		t.Errorf("in the calendar right leads to %s", at)
	}
	p.sees("/settings")
	must(t, chromedp.Do(p.ctx, chromedp.Focus(chromedp.CSS("#email")), chromedp.KeyEvent("tud")))
	if value := script[string](p, `document.querySelector("#email").value`); value != "tud" {
		t.Errorf("keys in a field do something else than write: %q", value)
	}
}

// TestARunIsWatched looks at a run while it goes on, until its page shows the end by itself; and goes back to a form and sends it once more.
func TestARunIsWatched(t *testing.T) {
	m := newMachine(t)
	m.fill(sample(t))
	p := m.chromium()
	p.sees("/runs")
	must(t, chromedp.Do(p.ctx, chromedp.SendKeys(chromedp.CSS("#period"), october)))
	_, err := chromedp.RunResponse(p.ctx, chromedp.Click(chromedp.CSS(`button[value="run"]`)))
	must(t, err)
	if text := p.text(); !strings.Contains(text, "waiting") || script[float64](p, `document.querySelectorAll("progress").length`) != 1 {
		t.Errorf("before it is its turn: %s", text)
	}
	m.work()
	m.eventually("the page shows the end", func() bool { return strings.Contains(p.text(), "71 were written to the archive.") })
	if refused := p.refused(); refused != "" {
		t.Errorf("the policy refused %s", refused)
	}
	if n := script[float64](p, `document.querySelectorAll("[hx-get]").length`); n != 0 {
		t.Error("the page goes on asking")
	}
	script[bool](p, "history.back() || true") // which may bring the page back as it was
	m.eventually("the form is shown again", func() bool { return strings.Contains(p.text(), "Archive now") })
	script[bool](p, `document.querySelector('button[value="run"]').click() || true`)
	m.eventually("a run is shown", func() bool {
		return strings.Contains(p.text(), "What became of it") || strings.Contains(p.text(), "waiting")
	})
	m.eventually("no run goes on", func() bool {
		for _, r := range m.json("GET", "/v1/runs", "")["items"].([]any) {
			if state := r.(map[string]any)["state"]; state == "queued" || state == "running" {
				return false
			}
		}
		return true
	})
	if entries := m.json("GET", "/v1/ledger/work/days/2026-10-12?limit=200", "")["items"].([]any); len(entries) == 0 {
		t.Error("nothing is archived")
	} else {
		for _, e := range entries {
			if v := e.(map[string]any)["version"]; v != 1.0 {
				t.Errorf("something was archived twice: %v", e)
			}
		}
	}
}

// TestAReviewWithoutScript answers a question in a browser that runs no script, by the keys that every browser has.
func TestAReviewWithoutScript(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	question := reviewAddress.FindString(m.reader().page("/calendar?view=day&on=2026-10-15").body)
	p.sees(question)
	must(t, chromedp.Do(p.ctx, chromedp.Focus(chromedp.CSS(`button[value="drop_all"]`))))
	_, err = chromedp.RunResponse(p.ctx, chromedp.KeyEvent(kb.Enter))
	must(t, err)
	at, err := chromedp.Run(p.ctx, chromedp.Location())
	must(t, err)
	_, decided, answered := strings.Cut(at, "run=")
	if !answered {
		t.Fatalf("an answer leads to %s", at)
	}
	if state := m.ended(decided); state != "succeeded" {
		t.Errorf("the decision %s", state)
	}
}

// TestScreenshots makes the pictures of the README.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("no folder is given: -screenshots")
	}
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	made := demoMoney(t, m, config)
	p := m.chromium()
	question := reviewAddress.FindString(m.reader().page("/calendar?view=day&on=2026-10-15").body)
	for _, shot := range []struct {
		name, path, scheme string
		width, height      int
	}{
		{"week", "/calendar?view=week&on=2026-10-15", "light", 1280, 860}, {"week-dark", "/calendar?view=week&on=2026-10-15", "dark", 1280, 860},
		{"review", question + "?show=keep_all", "light", 1280, 660}, {"phone", "/calendar?view=week&on=2026-10-15", "light", 375, 760},
		{"timesheet", "/timesheets/" + made["draft"], "light", 1280, 860}, {"hours", "/hours?on=2026-10-15", "light", 1280, 860},
		{"rules", "/rules/try?period=" + url.QueryEscape(october), "light", 1280, 860},
	} {
		p.as(shot.width, shot.height, shot.scheme, "en")
		p.sees(shot.path)
		quality := int64(80)
		picture, err := chromedp.Call(p.ctx, devtools.CaptureScreenshot, devtools.CaptureScreenshotParams{
			Format: devtools.CaptureScreenshotFormatWebp, Quality: &quality,
		})
		must(t, err)
		must(t, os.WriteFile(filepath.Join(*screenshots, shot.name+".webp"), picture.Data, 0o644))
	}
}

// TestTimesAreDragged drags the end of an appointment on the line of time, and one as a whole: the fields have what comes of it, and are sent.
func TestTimesAreDragged(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	p := m.chromium()
	p.as(1280, 900, "light", "en")
	p.sees(reviewAddress.FindString(m.reader().page("/calendar?view=day&on=2026-10-15").body))
	times := func(i int) string {
		return script[string](p, fmt.Sprintf(`["verdict", "start", "end"].map((name) => document.getElementById(name + "-%d").value).join(" ")`, i))
	}
	// drag presses at a share of a bar's width, and moves by so many minutes.
	drag := func(i int, at, minutes float64) {
		t.Helper()
		box := script[[]float64](p, fmt.Sprintf(`(() => { const bar = document.querySelector(".timeline rect[data-at='%d']"), b = bar.getBoundingClientRect(),
			line = bar.closest(".timeline"), w = line.getBoundingClientRect().width; return [b.left, b.width, b.top + b.height / 2, w / line.dataset.minutes]; })()`, i))
		x := box[0] + max(2, min(box[1]-2, at*box[1]))
		for _, step := range []struct {
			kind input.DispatchMouseEventType
			by   float64
		}{
			{input.DispatchMouseEventTypeMousePressed, 0}, {input.DispatchMouseEventTypeMouseMoved, minutes / 2},
			{input.DispatchMouseEventTypeMouseMoved, minutes}, {input.DispatchMouseEventTypeMouseReleased, minutes},
		} {
			_, err := chromedp.Call(p.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: step.kind, X: x + step.by*box[3], Y: box[2], Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1,
			})
			must(t, err)
		}
	}
	if got := times(0); got != " 2026-10-15T09:00 2026-10-15T11:00" {
		t.Fatalf("before: %s", got)
	}
	drag(0, 1, -58)
	if got := times(0); got != "keep_as 2026-10-15T09:00 2026-10-15T10:00" {
		t.Errorf("its end was dragged: %s", got)
	}
	drag(2, 0.5, 31)
	if got := times(2); got != "keep_as 2026-10-15T12:00 2026-10-15T13:00" {
		t.Errorf("all of it was dragged: %s", got)
	}
	drag(1, 0, 300)
	if got := times(1); got != " 2026-10-15T10:00 2026-10-15T12:00" {
		t.Errorf("its start was dragged behind its end: %s", got)
	}
	if refused := p.refused(); refused != "" {
		t.Errorf("the policy refused %s", refused)
	}
	_, err := chromedp.RunResponse(p.ctx, chromedp.Click(chromedp.CSS(`button[value="own"]`)))
	must(t, err)
	at := script[string](p, "location.pathname + location.search")
	_, decided, sent := strings.Cut(at, "run=")
	if !sent {
		t.Fatalf("it was not sent: %s: %s", at, p.text())
	}
	if state := m.ended(decided); state != "succeeded" {
		t.Errorf("the decision %s", state)
	}
}
