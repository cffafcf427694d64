package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBodiesThatMeanTwoThings(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	run := func(more string) string {
		return `{"kind": "archive", "config": "` + configID + `", "dry_run": true` + more + `}`
	}
	for _, tt := range []struct {
		name, path, body string
		status           int
		code, field      string
	}{
		{"a field twice", "/v1/runs", run(`, "kind": "archive"`), 400, codeUnparsable, "kind"},
		{"a field in two cases", "/v1/runs", run(`, "Kind": "evil"`), 400, codeUnparsable, "Kind"},
		{"a field in two spellings", "/v1/runs", run(`, "\u006bind": "evil"`), 400, codeUnparsable, "kind"},
		{"a field in another case", "/v1/runs", strings.Replace(run(""), "kind", "Kind", 1), 422, "invalid", "kind"},
		{"a field of a field twice", "/v1/jobs", `{"window": {"from": 1, "FROM": 2}}`, 400, codeUnparsable, "window.FROM"},
		{"UTF-16", "/v1/runs", "{\x00}\x00", 400, codeUnparsable, ""},
		{"null for a text", "/v1/backups", `{"config": "` + configID + `", "which": null}`, 422, "invalid", "which"},
		{"null for an object", "/v1/jobs", `{"kind": "backup", "window": null}`, 422, "invalid", "window"},
		{"null for a flag", "/v1/runs", run(`, "adopt": null`), 422, "invalid", "adopt"},
		{"half a day", "/v1/archive-configs", `{"look_back": 2.5}`, 422, "invalid", "archive"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.do("POST", tt.path, tt.body).problem(tt.status, tt.code, tt.field)
			s.do("POST", tt.path, tt.body, headerIdempotency, strings.ReplaceAll(tt.name, " ", "-")).problem(tt.status, tt.code, tt.field)
		})
	}
	t.Run("an integer in other words, behind a byte order mark", func(t *testing.T) {
		for i, number := range []string{"229", "229.0", "2.29e2"} {
			made := s.do("POST", "/v1/archive-configs", "\ufeff"+configText(t, fmt.Sprint("n", i), number)).is(201)
			if got := made.str("look_back"); got != "229" {
				t.Errorf("%s became %s", number, got)
			}
		}
		s.do("POST", "/v1/archive-configs", configText(t, "half", "229.5")).problem(422, "invalid", "look_back")
	})
}

// configText is the JSON of a config that looks back for so many days.
func configText(t *testing.T, name, days string) string {
	t.Helper()
	text, err := json.Marshal(config(name, map[string]any{
		"source": "local://me/calendars/Source " + name, "archive": "local://me/calendars/Archive " + name, "look_back": 12345,
	}))
	check(t, err)
	return strings.Replace(string(text), "12345", days, 1)
}

func TestQueriesThatMeanTwoThings(t *testing.T) {
	s := newService(t)
	calendarID := s.calendar(seeded)
	for _, tt := range []struct {
		query  string
		status int
		field  string
	}{
		{"/v1/audit?from=", 400, "from"},
		{"/v1/audit?from", 400, "from"},
		{"/v1/calendars?account=", 400, "account"},
		{"/v1/calendars/" + calendarID + "/events?period=today&timezone=", 400, "timezone"},
		{"/v1/runs?limit=", 400, "limit"},
		{"/v1/runs?limit=5&limit=5", 400, "limit"},
		{"/v1/runs?limit=5&limit=", 400, "limit"},
		{"/v1/runs?limit=5&lim%69t=6", 400, "limit"},
		{"/v1/runs?Limit=5", 422, "Limit"},
		{"/v1/runs?colour=", 400, "colour"},
		{"/v1/runs?colour=red", 422, "colour"},
		{"/v1/runs?limit=%zz", 400, ""},
		{"/v1/runs?limit=5;colour=red", 400, ""},
		{"/v1/runs?cursor=&limit=5", 200, ""},
		{"/v1/runs?", 200, ""},
	} {
		answer := s.do("GET", tt.query, nil).is(tt.status)
		if field, _ := object(answer.json)["field"].(string); field != tt.field {
			t.Errorf("%s: the problem is of %q", tt.query, field)
		}
	}
}

func TestManyUnknownFields(t *testing.T) {
	s := newService(t)
	var body strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&body, `,"n%06d":1`, i)
	}
	answer := s.do("POST", "/v1/calendars", `{"uri": 7`+body.String()+"}").problem(422, "invalid", "uri")
	errors, _ := object(answer.json)["errors"].([]any)
	if len(errors) != maxErrors || answer.str("error_count") != "200001" || object(errors[19])["field"] != "n000018" {
		t.Errorf("%d of %s are listed: %.2000s", len(errors), answer.str("error_count"), answer.body)
	}
	long := strings.Repeat("ü", 20_000)
	if answer := s.do("POST", "/v1/calendars", `{"`+long+`": 1, "uri": 7}`).is(422); len(answer.body) > 10*maxField {
		t.Errorf("the answer to a field of 40,000 bytes has %d", len(answer.body))
	}
	if answer := s.do("POST", "/v1/calendars", `{"`+long+`": 1, "`+long+`": 7}`).is(400); len(answer.body) > 10*maxField+maxDetail {
		t.Errorf("the answer to one that is there twice has %d", len(answer.body))
	}
}

func TestAPathKnowsTheMethodsThatAreDeclaredForIt(t *testing.T) {
	s := newService(t)
	want := map[string][]string{}
	for _, r := range s.declared {
		if method, path := r.split(); s.server.has(r) {
			want[path] = append(want[path], method)
			if method == "GET" {
				want[path] = append(want[path], "HEAD")
			}
		}
	}
	for path, methods := range want {
		slices.Sort(methods)
		target := strings.ReplaceAll(strings.ReplaceAll(path, "{$}", ""), "{", "%7B") // ids that are none
		for _, method := range []string{"OPTIONS", "TRACE", "PATCH", "GET", "HEAD", "POST", "PUT", "DELETE", "get", "LIST"} {
			if slices.Contains(methods, method) {
				continue
			}
			w := httptest.NewRecorder()
			s.server.ServeHTTP(w, httptest.NewRequest(method, target, nil))
			if got := w.Header().Get("Allow"); w.Code != http.StatusMethodNotAllowed || got != strings.Join(methods, ", ") {
				t.Errorf("%s %s: answered %d, allowed are %q, want %v", method, path, w.Code, got, methods)
			}
		}
	}
	if len(want) < 40 {
		t.Errorf("only %d paths were asked", len(want))
	}
	for path, allow := range map[string]string{"/v1/jobs/health": "GET, HEAD", "/v1/backups/drills": "POST", "/auth/login": "", "/v1/nothing": "", "/v1/me/": ""} {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, httptest.NewRequest("OPTIONS", path, nil))
		if w.Header().Get("Allow") != allow {
			t.Errorf("%s: allowed are %q", path, w.Header().Get("Allow"))
		}
	}
}

// TestEveryBodyOfTheDocumentRefusesNull sends null for every field of every body that the document does not call nullable.
func TestEveryBodyOfTheDocumentRefusesNull(t *testing.T) {
	s := newService(t)
	asked := 0
	administrators := []string{"/v1/users/", "/v1/flags/", "/v1/tenants/"} // whom alone these are for
	doc := s.server.api.OpenAPI()
	for path, item := range doc.Paths {
		for _, method := range []string{"POST", "PUT"} {
			op := operationOf(item, method)
			if op == nil || op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
				continue
			}
			schema := op.RequestBody.Content["application/json"].Schema
			for schema.Ref != "" {
				schema = doc.Components.Schemas.SchemaFromRef(schema.Ref)
			}
			for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
				property := schema.Properties[name]
				for property.Ref != "" {
					property = doc.Components.Schemas.SchemaFromRef(property.Ref)
				}
				if property.Nullable || property.Type == "" {
					continue
				}
				if slices.ContainsFunc(administrators, func(of string) bool { return strings.HasPrefix(path, of) }) {
					continue
				}
				asked++
				answer := s.do(method, strings.NewReplacer("{", "", "}", "").Replace(path), `{"`+name+`": null}`, "If-Match", "*", headerConfirm, "x")
				if answer.StatusCode == 404 || answer.StatusCode == 428 {
					t.Errorf("%s %s: answered %d before the body was read", method, path, answer.StatusCode)
				} else if !strings.Contains(string(answer.body), name) || answer.StatusCode != 422 {
					t.Errorf("%s %s: null for %s is answered with %d: %s", method, path, name, answer.StatusCode, answer.body)
				}
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d fields were asked", asked)
	}
}

func TestWhatMayBeDamagedIsRefused(t *testing.T) {
	s := newService(t)
	id := s.calendar("local://me/calendars/Work")
	latin := strings.Replace(week, "Dentist", "Z\xfcrich", 1)
	damaged := strings.ToValidUTF8(latin, "\ufffd")
	for _, to := range []string{"/v1/calendars/" + id + "/import", "/v1/uploads"} {
		t.Run(to[strings.LastIndex(to, "/"):]+" of text", func(t *testing.T) {
			for _, kind := range []string{"text/calendar", "text/calendar; charset=utf-8"} {
				if got := s.do("POST", to, damaged, "Content-Type", kind).problem(400, codeUnparsable, ""); !strings.Contains(got.str("detail"), contentFile) {
					t.Errorf("says %q", got.str("detail"))
				}
			}
		})
	}
	t.Run("a file that is sent as it is may have any character", func(t *testing.T) {
		s.do("POST", "/v1/uploads", damaged, "Content-Type", contentFile).is(201)
		s.do("POST", "/v1/calendars/"+id+"/import", damaged, "Content-Type", contentFile).is(200)
		s.do("POST", "/v1/uploads", week, "Content-Type", "text/calendar").is(201)
	})
	t.Run("one that lies across two reads is seen", func(t *testing.T) {
		for cut := range len(replacement) + 1 {
			parts := io.MultiReader(strings.NewReader("a"+replacement[:cut]), strings.NewReader(replacement[cut:]+"b"))
			_, err := io.ReadAll(&wholeText{ReadCloser: io.NopCloser(parts), ctx: t.Context()})
			if ofBody(err) == nil {
				t.Errorf("cut after %d bytes: %v", cut, err)
			}
		}
		text := strings.Repeat("\uffef\xbf\xbd\xef", 9)
		if got, err := io.ReadAll(&wholeText{ReadCloser: io.NopCloser(iotest.OneByteReader(strings.NewReader(text)))}); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("a name in JSON is refused, unless it is written so that nobody can have made it", func(t *testing.T) {
		s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/Z`+replacement+`rich"}`).problem(400, codeUnparsable, "")
		s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/Z\ufffdrich"}`).is(201)
	})
}
