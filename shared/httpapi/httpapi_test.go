package httpapi

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

func TestDocument(t *testing.T) {
	s := newService(t)
	served := s.do("GET", "/openapi.json", nil).is(200)
	if object(served.json)["openapi"] != "3.1.0" {
		t.Errorf("openapi is %v", object(served.json)["openapi"])
	}
	t.Run("has every route with a tag and no other", func(t *testing.T) {
		var listed []string
		for path, item := range object(s.document["paths"]) {
			for method := range object(item) {
				listed = append(listed, strings.ToUpper(method)+" "+path)
			}
		}
		slices.Sort(listed)
		var want []string
		for pattern, r := range s.declared {
			if r.tag != "" {
				want = append(want, pattern)
			}
		}
		slices.Sort(want)
		if !slices.Equal(listed, want) {
			t.Errorf("got  %q\nwant %q", listed, want)
		}
	})
	t.Run("gives each operation an id of its own, its path parameters and a described success and failure", func(t *testing.T) {
		seen := map[string]bool{}
		for path, item := range object(s.document["paths"]) {
			for method, o := range object(item) {
				op := object(o)
				id, _ := op["operationId"].(string)
				if id == "" || seen[id] || op["summary"] == "" {
					t.Errorf("%s %s: operation id %q is empty or not its own, or there is no summary", method, path, id)
				}
				seen[id] = true
				var declared []string
				parameters, _ := op["parameters"].([]any)
				for _, p := range parameters {
					if p := object(p); p["in"] == "path" && p["required"] == true {
						declared = append(declared, fmt.Sprint("{", p["name"], "}"))
					}
				}
				slices.Sort(declared)
				if in := slices.Sorted(slices.Values(regexp.MustCompile(`\{\w+\}`).FindAllString(path, -1))); !slices.Equal(in, declared) {
					t.Errorf("%s %s: path parameters %v, declared %v", method, path, in, declared)
				}
				var good, bad bool
				for status, r := range object(op["responses"]) {
					good = good || status[0] == '2' || status[0] == '3'
					bad = bad || status == "500" && object(object(object(r)["content"])[problemContentType]) != nil
				}
				if !good || !bad {
					t.Errorf("%s %s: responses %v", method, path, op["responses"])
				}
			}
		}
	})
	t.Run("refers only to schemas that it has", func(t *testing.T) {
		schemas := object(object(s.document["components"])["schemas"])
		refs := regexp.MustCompile(`"\$ref":"([^"]+)"`).FindAllStringSubmatch(string(served.body), -1)
		if len(refs) < 20 {
			t.Fatalf("only %d references", len(refs))
		}
		for _, ref := range refs {
			if schemas[strings.TrimPrefix(ref[1], schemaPrefix)] == nil {
				t.Errorf("no schema for %s", ref[1])
			}
		}
	})
	t.Run("lets no unknown field pass", func(t *testing.T) {
		schemas := object(object(s.document["components"])["schemas"])
		for _, name := range []string{"ConfigInput", "RunInput", "JobInput", "JobSettings", "Schedule", "Window", "BackupInput", "BackupRetention"} {
			if object(schemas[name])["additionalProperties"] != false {
				t.Errorf("schema %s: %v", name, slices.Collect(maps.Keys(schemas)))
			}
		}
	})
}

func TestReferencePage(t *testing.T) {
	s := newService(t)
	page := s.do("GET", "/docs", nil).is(200)
	style := s.do("GET", "/docs/style.css", nil).is(200)
	if kind := page.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		t.Errorf("content type %s", kind)
	}
	if policy := page.Header.Get("Content-Security-Policy"); policy != referencePolicy || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("policy %s", policy)
	}
	for _, text := range []string{string(page.body), string(style.body)} {
		for _, outside := range []string{`="http`, `"//`, "<script", "@import", "url(", " style=", " onclick"} {
			if strings.Contains(text, outside) {
				t.Errorf("the page has %q", outside)
			}
		}
	}
	if shown := strings.Count(string(page.body), "<summary>Example</summary>"); shown != len(patterns(s)) {
		t.Errorf("%d operations have an example", shown)
	}
	for _, text := range []string{
		`curl -X PUT "$API/v1/customers/Acme"`, `-H 'If-Match: "1"'`, `"order_number": "PO-4711"`, "\nDTSTART:20261006T100000Z\n", "is answered 201",
		`<a href="#headers">Idempotency-Key</a>`, `<a href="#status-409">409</a>`, "<b>Names: </b>", "As in Every night.",
	} {
		if !strings.Contains(html.UnescapeString(string(page.body)), text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	for _, r := range s.declared {
		method, path := r.split()
		if r.tag != "" && !strings.Contains(string(page.body), `<span class="method">`+method+`</span> <code>`+path+`</code>`) {
			t.Errorf("the page lacks %s", r.pattern)
		}
	}
	for _, c := range codes {
		if !strings.Contains(string(page.body), `id="problem-`+c.Code+`"`) {
			t.Errorf("the page lacks the code %s", c.Code)
		}
	}
	for _, target := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(string(page.body), -1) {
		if !strings.Contains(string(page.body), `id="`+target[1]+`"`) {
			t.Errorf("the page links to #%s, which is not there", target[1])
		}
	}
	if root := s.do("GET", "/", nil).is(302); root.Header.Get("Location") != "/docs" {
		t.Errorf("the root leads to %s", root.Header.Get("Location"))
	}
}

func TestTheReferencePageShowsWhatIsLookedFor(t *testing.T) {
	s := newService(t)
	const undo, day = `<code>/v1/runs/{id}/undo</code>`, `<code>/v1/ledger/{config}/days/{date}</code>`
	for sought, want := range map[string][2]bool{
		"": {true, true}, "UNDO": {true, false}, "post /v1/runs/": {true, false}, "plan_hash": {true, false}, " days/ ": {false, true}, "nothing of the kind": {},
		strings.Repeat("x", mostSought+1): {true, true},
	} {
		page := string(s.do("GET", "/docs?q="+url.QueryEscape(sought), nil).is(200).body)
		if got := [2]bool{strings.Contains(page, undo), strings.Contains(page, day)}; got != want {
			t.Errorf("%q: %v, want %v", sought, got, want)
		}
		if open := strings.Contains(page, "<details open>"); open != (want != [2]bool{} && want != [2]bool{true, true}) {
			t.Errorf("%q: what was found is folded: %t", sought, !open)
		}
		if none := strings.Contains(page, "Nothing contains that."); none != (sought == "nothing of the kind") {
			t.Errorf("%q: %t", sought, none)
		}
		for _, target := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if !strings.Contains(page, `id="`+target[1]+`"`) {
				t.Errorf("%q: the page links to #%s, which is not there", sought, target[1])
			}
		}
	}
	if page := string(s.do("GET", "/docs?q="+url.QueryEscape(`"><script>`), nil).is(200).body); strings.Contains(page, "<script") {
		t.Error("what is looked for stands in the page as it was written")
	}
}

func TestEveryKindOfFailureHasAStatus(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 422, fault.NotFound: 404, fault.Conflict: 409, fault.Unauthenticated: 401, fault.Forbidden: 403,
		fault.Throttled: 429, fault.Unavailable: 503, fault.Malformed: 500, fault.Setup: 503, fault.Locked: 423,
	}
	for k := fault.Internal; k <= fault.Locked; k++ {
		p := problemOf(t.Context(), fault.New(k, "text"))
		if p.Status != want[k] || p.Code != k.String() || p.Title == "" {
			t.Errorf("%s: %+v, want status %d", k, p, want[k])
		}
		if public := p.Detail == "text"; public != k.Public() {
			t.Errorf("%s: detail %q", k, p.Detail)
		}
	}
	if len(statusOf) != len(want) {
		t.Errorf("%d kinds have a status, %d are known", len(statusOf), len(want))
	}
	seen := map[string]bool{}
	for _, c := range codes {
		if seen[c.Code] || c.Status < 400 || c.Title == "" {
			t.Errorf("code %+v", c)
		}
		seen[c.Code] = true
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there is a kind after the last one that is known here")
			}
		}()
		_ = (fault.Locked + 1).String()
	}()
}

func TestRequestsThatAreRefused(t *testing.T) {
	s := newService(t)
	calendarID, configID := s.seed("keep")
	ended := s.run(configID)
	events := "/v1/calendars/" + calendarID + "/events?"
	valid := config("another", nil)
	with := func(change map[string]any) map[string]any { return config("another", change) }
	for _, tt := range []struct {
		name         string
		method, path string
		body         any
		status       int
		code, field  string
		header       []string
	}{
		{name: "a route that is not there", method: "GET", path: "/v1/nothing", status: 404, code: codeNoRoute},
		{name: "a path that is not clean", method: "GET", path: "/v1//me", status: 404, code: codeNoRoute},
		{name: "a slash too many", method: "GET", path: "/v1/me/", status: 404, code: codeNoRoute},
		{name: "a method that the route does not know", method: "PATCH", path: "/v1/me", status: 405, code: codeMethod},
		{name: "nobody signed in", method: "GET", path: "/v1/me", status: 401, code: "unauthenticated", header: []string{headerUser, "nobody"}},
		{name: "an unknown parameter", method: "GET", path: "/v1/runs?colour=red", status: 422, code: "invalid", field: "colour"},
		{name: "a limit of nothing", method: "GET", path: "/v1/runs?limit=0", status: 422, code: "invalid", field: "limit"},
		{name: "a limit too high", method: "GET", path: "/v1/runs?limit=201", status: 422, code: "invalid", field: "limit"},
		{name: "a limit that is no number", method: "GET", path: "/v1/runs?limit=many", status: 422, code: "invalid", field: "limit"},
		{name: "a cursor of runs that is none", method: "GET", path: "/v1/runs?cursor=x!", status: 422, code: "invalid", field: "cursor"},
		{name: "a cursor of calendars that is none", method: "GET", path: "/v1/calendars?cursor=x!", status: 422, code: "invalid", field: "cursor"},
		{name: "a cursor of items that is none", method: "GET", path: "/v1/runs/" + ended + "/items?cursor=MC4wLjA", status: 422, code: "invalid", field: "cursor"},

		{name: "no body", method: "POST", path: "/v1/calendars", status: 400, code: codeUnparsable},
		{name: "half a body", method: "POST", path: "/v1/calendars", body: `{"uri": "loc`, status: 400, code: codeUnparsable},
		{name: "a body and more", method: "POST", path: "/v1/calendars", body: `{"uri": "local://me/calendars/X"} true`, status: 400, code: codeUnparsable},
		{
			name: "a body of another type", method: "POST", path: "/v1/calendars", body: `{"uri": "local://me/calendars/X"}`, status: 415,
			code: codeMediaType, header: []string{"Content-Type", "text/plain"},
		},
		{
			name: "an unknown field", method: "POST", path: "/v1/calendars", body: `{"uri": "local://me/calendars/X", "colour": "red"}`, status: 422,
			code: "invalid", field: "colour",
		},
		{name: "a field of the wrong type", method: "POST", path: "/v1/calendars", body: `{"uri": 7}`, status: 422, code: "invalid", field: "uri"},
		{name: "a field that is missing", method: "POST", path: "/v1/calendars", body: `{}`, status: 422, code: "invalid", field: "uri"},
		{name: "an array for an object", method: "POST", path: "/v1/calendars", body: `[]`, status: 422, code: "invalid"},
		{name: "a URI of nothing", method: "POST", path: "/v1/calendars", body: `{"uri": "me/Work"}`, status: 422, code: "invalid", field: "uri"},
		{name: "a calendar that is there", method: "POST", path: "/v1/calendars", body: `{"uri": "local://me/calendars/WORK"}`, status: 409, code: "conflict"},
		{
			name: "a provider without connection", method: "POST", path: "/v1/calendars", body: `{"uri": "msgraph://me@example.com/calendars/X"}`,
			status: 422, code: "invalid",
		},
		{name: "calendars of nobody in particular", method: "GET", path: "/v1/calendars?provider=msgraph", status: 422, code: "invalid", field: "account"},
		{name: "an unknown provider", method: "GET", path: "/v1/calendars?provider=carrier-pigeon", status: 422, code: "invalid", field: "provider"},
		{name: "a URI and an account", method: "GET", path: "/v1/calendars?account=me&uri=local://me/calendars/Work", status: 422, code: "invalid", field: "uri"},
		{name: "an id of no calendar", method: "GET", path: "/v1/calendars/abc", status: 404, code: "not_found"},
		{name: "an id that is a name", method: "GET", path: "/v1/calendars/" + calendarIDOf("local://me/calendars/Work"), status: 404, code: "not_found"},

		{name: "no period", method: "GET", path: events, status: 422, code: "invalid", field: "period"},
		{name: "a period in no words that are known", method: "GET", path: events + "period=some+day", status: 422, code: "invalid", field: "period"},
		{name: "a period twice", method: "GET", path: events + "period=today&from=2026-10-01", status: 422, code: "invalid", field: "period"},
		{name: "a window without an end", method: "GET", path: events + "from=2026-10-01", status: 422, code: "invalid", field: "to"},
		{name: "a window without a beginning", method: "GET", path: events + "to=2026-10-01", status: 422, code: "invalid", field: "from"},
		{name: "a window that ends before it starts", method: "GET", path: events + "from=2026-10-02&to=2026-10-01", status: 422, code: "invalid", field: "to"},
		{name: "a day that does not exist", method: "GET", path: events + "from=2026-02-30&to=2026-03-01", status: 422, code: "invalid", field: "from"},
		{name: "a window of centuries", method: "GET", path: events + "from=1900-01-01&to=2026-10-01", status: 422, code: "invalid", field: "to"},
		{name: "an unknown zone", method: "GET", path: events + "period=today&timezone=Mars/Base", status: 422, code: "invalid", field: "timezone"},

		{name: "an import without a type", method: "POST", path: "/v1/calendars/" + calendarID + "/import", body: week, status: 415, code: codeMediaType},
		{
			name: "an import of what is no calendar", method: "POST", path: "/v1/calendars/" + calendarID + "/import", body: "no calendar", status: 422,
			code: "invalid", header: []string{"Content-Type", "text/calendar"},
		},
		{
			name: "an import into nowhere", method: "POST", path: "/v1/calendars/abc/import", body: week, status: 404, code: "not_found",
			header: []string{"Content-Type", "text/calendar"},
		},

		{
			name: "a config without a name", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"name": ""}), status: 422,
			code: "invalid", field: "name",
		},
		{
			name: "a config of an unknown zone", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"timezone": "Mars/Base"}),
			status: 422, code: "invalid", field: "timezone",
		},
		{
			name: "a config that names one calendar twice", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"archive": seeded}),
			status: 422, code: "invalid", field: "archive",
		},
		{
			name: "a config with a source that is no URI", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"source": "Work"}),
			status: 422, code: "invalid", field: "source",
		},
		{
			name: "a config of an unknown purpose", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"purpose": "fun"}),
			status: 422, code: "invalid", field: "purpose",
		},
		{
			name: "a config that looks back too far", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"look_back": 367}),
			status: 422, code: "invalid", field: "look_back",
		},
		{
			name: "a config with a rule that is none", method: "POST", path: "/v1/archive-configs",
			body: with(map[string]any{"rules": []any{map[string]any{}}}), status: 422, code: "invalid", field: "rules[0].all",
		},
		{
			name: "a config that tells its own state", method: "POST", path: "/v1/archive-configs", body: with(map[string]any{"active": true}),
			status: 422, code: "invalid", field: "active",
		},
		{name: "a config whose name is taken", method: "POST", path: "/v1/archive-configs", body: config("WORK", nil), status: 409, code: "conflict"},
		{name: "a config that is not there", method: "GET", path: "/v1/archive-configs/none", status: 404, code: "not_found"},
		{
			name: "a change without If-Match", method: "PUT", path: "/v1/archive-configs/" + configID, body: valid, status: 428,
			code: codeNoPrecondition, field: "If-Match",
		},
		{
			name: "a change of what was changed", method: "PUT", path: "/v1/archive-configs/" + configID, body: valid, status: 412, code: codeMismatch,
			field: "If-Match", header: []string{"If-Match", `"99"`},
		},
		{
			name: "a change with a weak tag", method: "PUT", path: "/v1/archive-configs/" + configID, body: valid, status: 412, code: codeMismatch,
			field: "If-Match", header: []string{"If-Match", `W/"1"`},
		},
		{
			name: "a change of calendars after something was archived", method: "PUT", path: "/v1/archive-configs/" + configID,
			body: with(map[string]any{"archive": "local://me/calendars/Elsewhere"}), status: 409, code: "conflict", header: []string{"If-Match", "*"},
		},
		{name: "a deletion without If-Match", method: "DELETE", path: "/v1/archive-configs/" + configID, status: 428, code: codeNoPrecondition, field: "If-Match"},
		{
			name: "a deletion of what was changed", method: "DELETE", path: "/v1/archive-configs/" + configID, status: 412, code: codeMismatch,
			field: "If-Match", header: []string{"If-Match", `"99"`},
		},
		{
			name: "a deletion of a config with a ledger", method: "DELETE", path: "/v1/archive-configs/" + configID, status: 409, code: "conflict",
			header: []string{"If-Match", "*"},
		},

		{
			name: "a run of a kind that is not known", method: "POST", path: "/v1/runs", body: `{"kind": "dance", "config": "work"}`, status: 422,
			code: "invalid", field: "kind",
		},
		{name: "a run of no config", method: "POST", path: "/v1/runs", body: `{"kind": "archive", "config": "none"}`, status: 404, code: "not_found"},
		{
			name: "a run of a period that is none", method: "POST", path: "/v1/runs",
			body: `{"kind": "archive", "config": "work", "period": "some day"}`, status: 422, code: "invalid", field: "period",
		},
		{
			name: "a run that ends before it starts", method: "POST", path: "/v1/runs",
			body: `{"kind": "archive", "config": "work", "from": "2026-10-02", "to": "2026-10-01"}`, status: 422, code: "invalid", field: "to",
		},
		{name: "a run that is not there", method: "GET", path: "/v1/runs/none", status: 404, code: "not_found"},
		{name: "items of an unknown outcome", method: "GET", path: "/v1/runs/" + ended + "/items?outcome=eaten", status: 422, code: "invalid", field: "outcome"},
		{name: "a retry of a run without failures", method: "POST", path: "/v1/runs/" + ended + "/retry", status: 409, code: codeNothingToRetry},
		{name: "a cancellation of a run that has ended", method: "POST", path: "/v1/runs/" + ended + "/cancel", status: 409, code: codeRunEnded},

		{name: "a ledger of no config", method: "GET", path: "/v1/ledger/none/days/2026-10-12", status: 404, code: "not_found"},
		{name: "a day that is none", method: "GET", path: "/v1/ledger/work/days/someday", status: 422, code: "invalid", field: "date"},
		{name: "a day that is a week", method: "GET", path: "/v1/ledger/work/days/last%20week", status: 422, code: "invalid", field: "date"},
		{name: "an instant that is none", method: "GET", path: "/v1/ledger/work/days/2026-10-12?as_of=noon", status: 422, code: "invalid", field: "as_of"},
		{name: "a history of nothing", method: "GET", path: "/v1/ledger/work/history", status: 422, code: "invalid", field: "key"},
		{name: "a verification of no config", method: "POST", path: "/v1/ledger/none/verify", status: 404, code: "not_found"},

		{
			name: "a page of another site", method: "POST", path: "/v1/archive-configs/" + configID + "/deactivate", status: 403, code: codeCrossOrigin,
			header: []string{"Sec-Fetch-Site", "cross-site"},
		},
		{
			name: "a script of another site", method: "POST", path: "/v1/archive-configs/" + configID + "/deactivate", status: 403,
			code: codeCrossOrigin, header: []string{"Origin", "https://evil.example"},
		},
		{
			name: "a key that cannot be one", method: "POST", path: "/v1/archive-configs/" + configID + "/deactivate", status: 422, code: "invalid",
			field: headerIdempotency, header: []string{headerIdempotency, "two words"},
		},
		{name: "a provider that does not answer", method: "GET", path: "/v1/calendars?account=down", status: 503, code: "unavailable"},
		{name: "a provider that fails unexpectedly", method: "GET", path: "/v1/calendars?account=broken", status: 500, code: "internal"},
		{name: "a panic", method: "GET", path: "/v1/calendars?account=panics", status: 500, code: "internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.do(tt.method, tt.path, tt.body, tt.header...).problem(tt.status, tt.code, tt.field)
			if strings.Contains(string(a.body), "secret") {
				t.Errorf("an internal error is shown: %s", a.body)
			}
		})
	}
	s.t = t
	if a := s.do("PATCH", "/v1/me", nil); a.Header.Get("Allow") != "DELETE, GET, HEAD" {
		t.Errorf("allowed are %q", a.Header.Get("Allow"))
	}
	if log := s.log.String(); !strings.Contains(log, "secret-detail") || !strings.Contains(log, "request panicked") {
		t.Errorf("the log lacks the internal errors: %s", log)
	}
}

func TestBodies(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	huge := `{"uri": "` + strings.Repeat("x", maxBody) + `"}`
	s.do("POST", "/v1/calendars", huge).problem(413, codeTooLarge, "")
	s.do("POST", "/v1/calendars", io.MultiReader(strings.NewReader(huge))).problem(413, codeTooLarge, "") // its length is not known before
	s.do("POST", "/v1/calendars", io.MultiReader(strings.NewReader(huge)), headerIdempotency, "k1").problem(413, codeTooLarge, "")
	s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/X"}`+strings.Repeat(" ", maxBody-100)).is(201)

	filler := "X-FILLER:" + strings.Repeat("x", 60) + "\r\n"
	large := strings.TrimSuffix(week, "END:VCALENDAR\r\n") +
		"BEGIN:VEVENT\r\nUID:big@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:20261016T070000Z\r\nDTEND:20261016T080000Z\r\n" +
		strings.Repeat(filler, 20) + "END:VEVENT\r\n" + strings.Repeat(filler, 7<<20/70) + "END:VCALENDAR\r\n"
	if len(large) <= maxBody {
		t.Fatalf("%d bytes are not more than a request may have", len(large))
	}
	if total := s.do("POST", "/v1/calendars/"+id+"/import", large, "Content-Type", "text/calendar").is(200).str("total"); total != "6" {
		t.Errorf("%s events imported", total)
	}
}

func TestCorrelation(t *testing.T) {
	s := newService(t)
	for _, tt := range []struct {
		name, sent string
		kept       bool
	}{
		{"one that is sent is kept", "abc-123", true},
		{"the longest one is kept", strings.Repeat("x", 128), true},
		{"one that is too long is not", strings.Repeat("x", 129), false},
		{"one with a space is not", "a b", false},
		{"one of other letters is not", "ä", false},
		{"none is made up", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			got := s.do("GET", "/v1/runs/none", nil, headerCorrelation, tt.sent).problem(404, "not_found", "").Header.Get(headerCorrelation)
			if (got == tt.sent) != tt.kept || got == "" {
				t.Errorf("got %q", got)
			}
		})
	}
	s.t = t
	_, configID := s.seed("keep")
	started := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID}, headerCorrelation, "from-the-caller").is(202)
	if got := started.str("correlation_id"); got != "from-the-caller" {
		t.Errorf("the run has %q", got)
	}
}

func TestLog(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	s.do("GET", "/v1/calendars/"+id+"/events?period=last+week", nil, headerCorrelation, "c1").is(200)
	s.do("GET", "/v1/unknown/private-path", nil).is(404)
	var line map[string]any
	for text := range strings.SplitSeq(s.log.String(), "\n") {
		if strings.Contains(text, `"c1"`) {
			check(t, json.Unmarshal([]byte(text), &line))
		}
	}
	if line["route"] != "GET /v1/calendars/{id}/events" || line["method"] != "GET" || line["status"] != 200.0 ||
		line["user"] != telemetry.Hash("local#ana") || line["took"] == nil {
		t.Errorf("line %v", line)
	}
	for _, secret := range []string{"last+week", "last week", "ana", "private-path", id} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestIdempotency(t *testing.T) {
	s := newService(t)
	create := func(name, key string) answer {
		return s.do("POST", "/v1/calendars", map[string]any{"uri": "local://me/calendars/" + name}, headerIdempotency, key)
	}
	t.Run("a repeat is answered as the first one was", func(t *testing.T) {
		s.t = t
		first, again := create("A", "key-a").is(201), create("A", "key-a").is(201)
		if string(first.body) != string(again.body) || first.Header.Get("Location") != again.Header.Get("Location") ||
			again.Header.Get(headerReplayed) != "true" || first.Header.Get(headerReplayed) != "" {
			t.Errorf("first %s %v, again %s %v", first.body, first.Header, again.body, again.Header)
		}
		if first.Header.Get(headerCorrelation) == again.Header.Get(headerCorrelation) {
			t.Error("the repeat has the first one's correlation id")
		}
		create("A", "").problem(409, "conflict", "") // without a key it is another request
	})
	t.Run("a refusal is repeated too", func(t *testing.T) {
		s.t = t
		create("A", "key-refused").problem(409, "conflict", "")
		if again := create("A", "key-refused").is(409); again.Header.Get(headerReplayed) != "true" {
			t.Error("it was tried again")
		}
	})
	t.Run("another request with the key is refused", func(t *testing.T) {
		s.t = t
		create("B", "key-a").problem(422, codeIdempotencyMismatch, headerIdempotency)
	})
	t.Run("somebody else's key is another one", func(t *testing.T) {
		s.t = t
		s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/A"}`, headerIdempotency, "key-a", headerUser, "bob").is(201)
	})
	t.Run("a failure of ours is not kept", func(t *testing.T) {
		s.t = t
		body := `{"uri": "local://down/calendars/A"}`
		for range 2 {
			if a := s.do("POST", "/v1/calendars", body, headerIdempotency, "key-down").problem(503, "unavailable", ""); a.Header.Get(headerReplayed) != "" {
				t.Error("it was kept")
			}
		}
		for range 2 {
			a := s.do("POST", "/v1/calendars", `{"uri": "local://panics/calendars/A"}`, headerIdempotency, "key-panic").problem(500, "internal", "")
			if a.Header.Get(headerReplayed) != "" {
				t.Error("it was kept")
			}
		}
	})
	t.Run("a streamed body counts too", func(t *testing.T) {
		s.t = t
		id := create("Files", "").is(201).str("id")
		send := func(text string) answer {
			return s.do("POST", "/v1/calendars/"+id+"/import", io.MultiReader(strings.NewReader(text)), "Content-Type", "text/calendar", headerIdempotency, "key-import")
		}
		if first, again := send(week).is(200), send(week).is(200); string(first.body) != string(again.body) || again.str("added") != "5" {
			t.Errorf("first %s, again %s", first.body, again.body)
		}
		send(week+"\r\n").problem(422, codeIdempotencyMismatch, headerIdempotency)
	})
	t.Run("of many at once one takes effect", func(t *testing.T) {
		s.t = t
		const callers = 24
		statuses := make([]int, callers)
		replayed := make([]bool, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				req, err := http.NewRequest("POST", s.url+"/v1/calendars", strings.NewReader(`{"uri":"local://me/calendars/Race"}`))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set(headerIdempotency, "key-race")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				body, _ := io.ReadAll(res.Body)
				statuses[i], replayed[i] = res.StatusCode, res.Header.Get(headerReplayed) == "true"
				if res.StatusCode == 409 && !strings.Contains(string(body), codeIdempotencyUnderWay) {
					t.Errorf("refused with %s", body)
				}
			})
		}
		wg.Wait()
		first := 0
		for i, status := range statuses {
			switch {
			case status == 201 && !replayed[i]:
				first++
			case status != 201 && status != 409:
				t.Errorf("status %d", status)
			}
		}
		if first != 1 {
			t.Errorf("%d took effect: %v", first, statuses)
		}
		create("Race", "key-race").is(201)
	})
	t.Run("a day later the key is free", func(t *testing.T) {
		s.t = t
		s.now.Add(int64((idempotency.KeptFor + time.Second) / time.Second))
		create("C", "key-a").is(201)
	})
}

func TestIdempotencyTakesOverFromWhoIsGone(t *testing.T) {
	entered, held := make(chan struct{}), make(chan struct{})
	leave := sync.OnceFunc(func() { close(held) })
	var first atomic.Bool
	s := newService(t, func(_ *service, services *Services) {
		local := services.Local
		services.Local = func(user string) Importer {
			if first.CompareAndSwap(false, true) {
				close(entered)
				<-held
			}
			return local(user)
		}
	})
	t.Cleanup(leave) // before the server is closed
	id := s.calendar(seeded)
	send := func() answer {
		return s.do("POST", "/v1/calendars/"+id+"/import", week, "Content-Type", "text/calendar", headerIdempotency, "k")
	}
	done := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", s.url+"/v1/calendars/"+id+"/import", strings.NewReader(week))
		req.Header.Set("Content-Type", "text/calendar")
		req.Header.Set(headerIdempotency, "k")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- 0
			return
		}
		_ = res.Body.Close()
		done <- res.StatusCode
	}()
	<-entered
	if a := send().problem(409, codeIdempotencyUnderWay, headerIdempotency); a.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to ask again")
	}
	s.now.Add(int64(idempotency.ClaimedFor / time.Second))
	second := send().is(200)
	if second.str("added") != "5" {
		t.Errorf("took over: %s", second.body)
	}
	leave()
	if status := <-done; status != 200 {
		t.Errorf("the first one got %d", status)
	}
	if again := send().is(200); string(again.body) != string(second.body) || again.Header.Get(headerReplayed) != "true" {
		t.Errorf("again: %s", again.body)
	}
}

func TestAnExpiredIdempotencyRecordThatTheStoreStillReturnsIsNoRecord(t *testing.T) {
	var ahead atomic.Int64 // of the store's clock, which therefore still returns what has expired
	s := newService(t, func(s *service, services *Services) {
		clock := services.Clock
		services.Requests = idempotency.New(s.table, func() time.Time { return clock().Add(time.Duration(ahead.Load())) })
	})
	create := func(name string) answer {
		return s.do("POST", "/v1/calendars", map[string]any{"uri": "local://me/calendars/" + name}, headerIdempotency, "k")
	}
	create("A").is(201)
	ahead.Store(int64(idempotency.KeptFor - time.Second))
	create("B").problem(422, codeIdempotencyMismatch, headerIdempotency)
	ahead.Store(int64(idempotency.KeptFor))
	create("B").is(201)
}

func TestHealth(t *testing.T) {
	s := newService(t, func(s *service, services *Services) { services.Ping = unreachable })
	s.do("GET", "/healthz", nil, headerUser, "nobody").is(200)
	s.do("GET", "/readyz", nil).problem(503, "unavailable", "")
	newService(t).do("GET", "/readyz", nil, headerUser, "nobody").is(200)
}

func TestOfManyChangesOfOneVersionOneHappens(t *testing.T) {
	s := newService(t)
	created := s.do("POST", "/v1/archive-configs", config("work", nil)).is(201)
	const callers = 16
	statuses := make([]int, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			body, _ := json.Marshal(config("work", map[string]any{"look_back": i}))
			req, err := http.NewRequest("PUT", s.url+"/v1/archive-configs/"+created.str("id"), strings.NewReader(string(body)))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("If-Match", created.Header.Get("ETag"))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = res.Body.Close()
			statuses[i] = res.StatusCode
		})
	}
	wg.Wait()
	slices.Sort(statuses)
	if statuses[0] != 200 || statuses[1] != 412 || statuses[callers-1] != 412 {
		t.Errorf("statuses %v", statuses)
	}
}

func TestAChangeThatLosesARaceIsAMismatch(t *testing.T) {
	for _, err := range []error{store.ErrConflict, fmt.Errorf("store config: %w", store.ErrConflict)} {
		if p := problemOf(t.Context(), ifChanged(err)); p.Status != 412 || p.Code != codeMismatch {
			t.Errorf("%v: %+v", err, p)
		}
		if p := problemOf(t.Context(), err); p.Status != 409 || p.Detail != changedMeanwhile {
			t.Errorf("%v without If-Match: %+v", err, p)
		}
	}
}
