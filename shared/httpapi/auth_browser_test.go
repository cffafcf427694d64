package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// person is who sits before a Chromium.
type person struct {
	t   *testing.T
	ctx context.Context
}

// chromium starts a Chromium that finds the API at its address and takes the certificates here for good. Where the machine has none the test is skipped,
// but not where CI=true.
func chromium(t *testing.T, w *web) *person {
	t.Helper()
	binary := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			binary = cmp.Or(binary, found)
		}
	}
	if binary == "" {
		const none = "there is no chromium, chromium-browser or google-chrome here, and CHROMIUM names none; make tools installs one"
		if os.Getenv("CI") == "true" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.WSURLReadTimeout(time.Minute), chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", "MAP example.com:443 "+w.address+", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if _, err := chromedp.Run(ctx, chromedp.Location()); err != nil { // the browser lives as long as this context
		t.Fatalf("start %s: %v", binary, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	if _, err := chromedp.Call(ctx, devtools.SetBypassCSP, devtools.SetBypassCSPParams{Enabled: true}); err != nil { // our scripts are not the pages'
		t.Fatal(err)
	}
	return &person{t, ctx}
}

// sees opens an address and returns the text of the page that is shown then.
func (p *person) sees(address string) string {
	p.t.Helper()
	check(p.t, chromedp.Do(p.ctx, chromedp.Navigate(address)))
	return p.text()
}

// follows does what leads to another page, and returns the text of that page.
func (p *person) follows(step chromedp.Action[chromedp.Void]) string {
	p.t.Helper()
	_, err := chromedp.RunResponse(p.ctx, step)
	check(p.t, err)
	return p.text()
}

func (p *person) text() string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS("body")))
	check(p.t, err)
	return text
}

// script is what an expression comes to in the page that is shown.
func script[T any](p *person, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	check(p.t, err)
	return value
}

type fetched struct {
	Status int            `json:"status"`
	Body   map[string]any `json:"body"`
}

// fetch asks the API from the page that is shown.
func (p *person) fetch(method, path, token string) fetched {
	p.t.Helper()
	return script[fetched](p, fmt.Sprintf(`(async (method, path, token) => {
		const answer = await fetch(path, {method: method, headers: token ? {"X-CSRF-Token": token} : {}});
		const text = await answer.text();
		return {status: answer.status, body: text ? JSON.parse(text) : {}};
	})(%q, %q, %q)`, method, path, token))
}

// TestChromium signs in as a person does. That a browser takes the cookies, sends them and keeps them from scripts, and keeps other sites' pages from the
// API, nothing else can show.
func TestChromium(t *testing.T) {
	w := newWeb(t)
	p := chromium(t, w)
	p.sees(site + "/auth/login?return=/docs")
	p.follows(chromedp.Click(chromedp.CSS(`button[value="` + ann + `"]`)))
	if at, cookies := script[string](p, `location.href`), script[string](p, `document.cookie`); at != site+"/docs" || cookies != "" {
		t.Errorf("it leads to %s, and scripts see the cookies %q", at, cookies)
	}
	if me := p.fetch("GET", "/v1/me", ""); me.Status != 200 || me.Body["object"] != ann {
		t.Fatalf("after signing in: %+v", me)
	}
	if got := p.fetch("POST", "/auth/logout", ""); got.Status != 403 || got.Body["code"] != codeCSRF {
		t.Errorf("without the token: %+v", got)
	}

	p.sees(w.sim.URL() + "/" + homeTenant + "/oauth2/v2.0/logout") // a page of another site
	script[string](p, `fetch("`+site+`/auth/logout?everywhere=true", {method: "POST", mode: "no-cors", credentials: "include"}).then(a => a.type, e => e.name)`)
	if got := script[string](p, `fetch("`+site+`/auth/session", {credentials: "include"}).then(() => "read", () => "refused")`); got != "refused" {
		t.Errorf("the token is %s by a page of another site", got)
	}
	shown := p.follows(chromedp.Evaluate[chromedp.Void](`(() => {
		const form = document.createElement("form");
		form.method = "post";
		form.action = "` + site + `/auth/logout";
		document.body.replaceChildren(form);
		form.submit();
	})()`))
	if !strings.Contains(shown, codeCrossOrigin) {
		t.Errorf("a form of another site is answered %s", shown)
	}
	if shown := p.sees(site + "/v1/me"); !strings.Contains(shown, ann) {
		t.Errorf("a page of another site signed the user out: %s", shown)
	}

	token, _ := p.fetch("GET", "/auth/session", "").Body["csrf_token"].(string)
	if got := p.fetch("POST", "/auth/logout", token); got.Status != 204 {
		t.Errorf("with the token %q: %+v", token, got)
	}
	if me := p.fetch("GET", "/v1/me", ""); me.Status != 401 {
		t.Errorf("after signing out: %+v", me)
	}

	p.sees(site + "/auth/login")
	if shown := p.follows(chromedp.Click(chromedp.CSS(`button[name="cancel"]`))); !strings.Contains(shown, "You did not sign in") {
		t.Errorf("after cancelling: %s", shown)
	}
}
