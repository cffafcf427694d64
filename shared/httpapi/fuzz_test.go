package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/gateway"
)

// FuzzFunction asks the whole API, with its store, as the function does: by events of the gateway. Nothing in path, query, header or body
// makes an answer of status 500 or more.
func FuzzFunction(f *testing.F) {
	s := newService(f, func(s *service, services *Services) {
		calendars := local.New(s.table, services.NewID, services.Clock)
		services.Provider = func(_ context.Context, user string, uri calendar.URI) (Provider, error) { // without those that are down
			if uri.Provider != calendar.ProviderLocal {
				return nil, fault.New(fault.Invalid, "no connection to %s", uri.Provider)
			}
			return calendars.For(user), nil
		}
	})
	calendarID, configID := s.seed("keep")
	runID := s.run(configID)
	last := LastResort{NewID: s.services.NewID, Log: zerolog.Nop()}
	function := gateway.Handler{API: s.server, Unreadable: last.Unreadable, TooLarge: last.TooLarge, Panicked: last.Panicked}

	for _, path := range []string{
		"/", "/%", "/%25", "/\n", "/\x00", "/v1/me?", "/v1/me#", "/v1/me%", "/v1/me\n", "/v1%2Fme", "//evil.example/x", "/v1/../me", "/v1//me", "/v1/me/", "/:", "",
		"/\u202e", "/v1/runs/%2F", "/v1/runs/\x00", "/v1/runs/a?b#c", "/v1/runs/" + runID + "/items", "/v1/calendars/" + calendarID, "/v1/jobs/health", "/docs",
		"/v1/backups/drills/manifest", "/v1/backups/../files/calendar.ics", "/v1/archive-configs/" + configID,
	} {
		f.Add("GET", path, "", "", "", []byte(nil), false)
		f.Add("DELETE", path, "a=%&b", headerIfMatch, `W/"x`, []byte(nil), true)
	}
	events := "/v1/calendars/" + calendarID + "/events"
	for _, query := range []string{
		"from=", "from", "=", "&", ";", "%", "%zz=1", "limit=1&limit=2", "cursor=x!", "cursor=%00", "period=%ff", "period=today&timezone=%00",
		"limit=99999999999999999999",
		"from=2026-10-01&to=9999-12-31", "from=0000-00-00&to=0001-01-01", "period=last+9999999999+days", "%6Cimit=1",
	} {
		f.Add("GET", events, query, "", "", []byte(nil), false)
		f.Add("GET", "/v1/audit", query, "", "", []byte(nil), false)
		f.Add("GET", "/v1/runs", query, "", "", []byte(nil), false)
	}
	f.Add("GET", "/v1/ledger/"+configID+"/history", "key=%00", "", "", []byte(nil), false)
	f.Add("GET", "/v1/ledger/"+configID+"/days/2026-10-12", "as_of=2026-10-06T12:00:00Z", "", "", []byte(nil), false)
	for name, value := range map[string]string{
		headerIdempotency: "\x00", headerCorrelation: "\n", headerCSRF: "x", "Content-Type": "application/json; charset=\"", "Content-Length": "-1",
		"Transfer-Encoding": "chunked", "Cookie": "__Host-session=;=;", "Origin": "null", "X-Forwarded-Proto": "https", "Expect": "100-continue", "": "x", "\n": "",
	} {
		f.Add("POST", "/v1/archive-configs", "", name, value, []byte(`{"name": "x"}`), false)
	}
	for _, body := range []string{
		"", "{", "null", "[]", `{"kind": "archive", "Kind": "evil"}`, `{"a": 1, "a": 2}`, `{"look_back": 229.0, "which": null}`,
		`{"uri": "local://me/calendars/\u0000"}`, "\ufeff{}", "\xff\xfe{\x00", "{\x00", strings.Repeat("[", 20_000), `{"n": 1e999999999}`,
		`{"` + strings.Repeat("n", 70_000) + `": 1}`, "\xff", `{"\ud800": "\udfff"}`,
		`{"kind": "archive", "config": "` + configID + `", "dry_run": true, "period": "last month"}`, `{"name": "x", "source": "local://me/calendars/Work"}`,
	} {
		for _, path := range []string{"/v1/runs", "/v1/archive-configs", "/v1/calendars", "/v1/jobs", "/v1/backups", "/v1/restores"} {
			f.Add("POST", path, "", headerIdempotency, "k", []byte(body), false)
		}
		f.Add("PUT", "/v1/me/settings", "", headerIfMatch, "*", []byte(body), true)
	}
	for _, body := range []string{
		week, "BEGIN:VCALENDAR\r\n", "\x28\xb5\x2f\xfd", "subject,start,end\n\"", `{"format":"admin-assistant-backup","version":1,"version":2}`,
	} {
		f.Add("POST", "/v1/calendars/"+calendarID+"/import", "", "Content-Type", "text/calendar", []byte(body), true)
		f.Add("POST", "/v1/uploads", "", "Content-Type", "application/octet-stream", []byte(body), true)
	}

	f.Fuzz(func(t *testing.T, method, path, query, name, value string, body []byte, encoded bool) {
		status, raw := ask(t, &function, method, path, query, name, value, body, encoded)
		if status < 200 || status >= 500 || !utf8.Valid(raw) {
			t.Errorf("answered %d: %.1000s\n%s", status, raw, s.log)
		}
	})
}

// ask hands the event of a request to a function.
func ask(t testing.TB, function *gateway.Handler, method, path, query, name, value string, body []byte, encoded bool) (int, []byte) {
	t.Helper()
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RawPath: path, RawQueryString: query, Headers: map[string]string{"content-type": "application/json"}, Body: string(body),
	}
	for known := range e.Headers {
		if strings.EqualFold(known, name) {
			delete(e.Headers, known) // the gateway names each header once
		}
	}
	if name+value != "" {
		e.Headers[name] = value
	}
	e.RequestContext.HTTP.Method = method
	if e.IsBase64Encoded = encoded; encoded {
		e.Body = base64.StdEncoding.EncodeToString(body)
	}
	payload, err := json.Marshal(e)
	check(t, err)
	raw, err := function.Invoke(t.Context(), payload)
	check(t, err)
	var answer events.APIGatewayV2HTTPResponse
	check(t, json.Unmarshal(raw, &answer))
	return answer.StatusCode, raw
}

// TestTheFunctionTellsWhatFails shows that FuzzFunction would see a failure.
func TestTheFunctionTellsWhatFails(t *testing.T) {
	s := newService(t)
	s.server.mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic("broken") })
	s.server.declare(&route{pattern: "GET /broken", access: anyone})
	s.server.index()
	last := LastResort{NewID: s.services.NewID, Log: zerolog.Nop()}
	function := gateway.Handler{API: s.server, Unreadable: last.Unreadable, TooLarge: last.TooLarge, Panicked: last.Panicked}
	for path, want := range map[string]int{"/broken": 500, "/broken?": 404, "/docs": 200} {
		if status, raw := ask(t, &function, "GET", path, "", "", "", nil, false); status != want {
			t.Errorf("%s: answered %d: %s", path, status, raw)
		}
	}
}
