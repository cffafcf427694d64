package microsoft

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

func reply(r *http.Request, status int, text string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}
}

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		text   string
		kind   fault.Kind
		reason string // of a SignInNeeded
		claims string
	}{
		{"a grant that has ended", 400, `{"error":"invalid_grant","error_codes":[50173],"error_description":"SECRET"}`, fault.Unauthenticated, "AADSTS50173", ""},
		{"without a number", 400, `{"error":"invalid_grant"}`, fault.Unauthenticated, "invalid_grant", ""},
		{"more is asked", 400, `{"error":"interaction_required","error_codes":[50076],"claims":"{\"a\":1}"}`, fault.Unauthenticated, "AADSTS50076", `{"a":1}`},
		{"a sign-in is asked", 400, `{"error":"login_required"}`, fault.Unauthenticated, "login_required", ""},
		{"consent was taken back", 400, `{"error":"consent_required","error_codes":[65001]}`, fault.Unauthenticated, "AADSTS65001", ""},
		{"a challenge that is none", 400, `{"error":"interaction_required","claims":"SECRET"}`, fault.Unauthenticated, "interaction_required", ""},
		{"a challenge that is too long", 400, `{"error":"interaction_required","claims":"{\"a\":\"` + strings.Repeat("a", maxClaims) + `\"}"}`,
			fault.Unauthenticated, "interaction_required", ""},
		{"a loop", 400, `{"error":"invalid_grant","error_codes":[50196]}`, fault.Throttled, "", ""},
		{"too many", 429, ``, fault.Throttled, "", ""},
		{"an outage", 500, `{"error":"invalid_grant"}`, fault.Unavailable, "", ""},
		{"too slow", 408, ``, fault.Unavailable, "", ""},
		{"a passing error", 400, `{"error":"temporarily_unavailable"}`, fault.Unavailable, "", ""},
		{"not allowed", 400, `{"error":"access_denied"}`, fault.Forbidden, "", ""},
		{"a wrong secret", 401, `{"error":"invalid_client","error_codes":[7000215],"error_description":"SECRET"}`, fault.Internal, "", ""},
		{"a page", 403, `<html>SECRET`, fault.Internal, "", ""},
		{"a word that is none", 400, `{"error":"SECRET <b>"}`, fault.Internal, "", ""},
		{"a redirect", 307, ``, fault.Internal, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := refusal(row.status, "5", []byte(row.text), noon)
			if fault.Of(err) != row.kind || strings.Contains(fmt.Sprintf("%v %+v", err, err), "SECRET") {
				t.Errorf("got %v of kind %s, want %s", err, fault.Of(err), row.kind)
			}
			needed := new(SignInNeeded)
			if errors.As(err, &needed) != (row.reason != "") || needed.Reason != row.reason || needed.Claims != row.claims {
				t.Errorf("got %+v", needed)
			}
			var waits interface{ RetryAfter() time.Duration }
			if errors.As(err, &waits) != (row.kind == fault.Throttled) || waits != nil && waits.RetryAfter() != 5*time.Second {
				t.Errorf("told to wait: %v", waits)
			}
		})
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(400, "5", []byte(`{"error":"interaction_required","error_codes":[50076],"claims":"{\"a\":1}"}`))
	f.Add(429, "Mon, 05 Oct 2026 12:00:30 GMT", []byte(`{}`))
	f.Add(503, "1e300", []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, retryAfter string, text []byte) {
		err := refusal(status, retryAfter, text, noon)
		if got := err.Error(); len(got) > 300 || strings.ContainsAny(got, "<>{}\"\n") {
			t.Errorf("text is %q", got)
		}
		var waits interface{ RetryAfter() time.Duration }
		if errors.As(err, &waits) && (waits.RetryAfter() < 0 || waits.RetryAfter() > longestWait) {
			t.Errorf("told to wait %s", waits.RetryAfter())
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 0.5 ": 500 * time.Millisecond, "-1": 0, "NaN": 0, "Inf": longestWait, "1e300": longestWait, "soon": 0,
		"Mon, 05 Oct 2026 12:00:30 GMT": 30 * time.Second, "Mon, 05 Oct 2026 11:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(text, noon); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestErrorsNobodyKnows(t *testing.T) {
	for text, kind := range map[string]fault.Kind{
		"json decode error: raw message was: SECRET": fault.Unavailable, "no token found": fault.Unauthenticated,
		"token response failed because declined scopes are present: SECRET": fault.Forbidden,
	} {
		if err := explain(errors.New(text), noon); fault.Of(err) != kind || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v of kind %s", text, err, fault.Of(err))
		}
	}
}
