package graph

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

var now = time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name, text, date string
		want             time.Duration
	}{
		{"absent is nothing", "", "", 0},
		{"seconds", "3", "", 3 * time.Second},
		{"seconds with a fraction", "0.25", "", 250 * time.Millisecond},
		{"seconds among spaces", " 7 ", "", 7 * time.Second},
		{"seconds do not ask what time it is", "7", "Mon, 05 Oct 2026 02:05:00 GMT", 7 * time.Second},
		{"a date without one of the answer counts from our clock", "Mon, 05 Oct 2026 02:00:30 GMT", "", 30 * time.Second},
		{"a date of a clock that is ahead", "Mon, 05 Oct 2026 02:05:10 GMT", "Mon, 05 Oct 2026 02:05:00 GMT", 10 * time.Second},
		{"a date of a clock that is behind", "Mon, 05 Oct 2026 01:55:10 GMT", " Mon, 05 Oct 2026 01:55:00 GMT", 10 * time.Second},
		{"a date beside one that is none", "Mon, 05 Oct 2026 02:00:30 GMT", "today", 30 * time.Second},
		{"a date of the answer itself", "Mon, 05 Oct 2026 02:05:00 GMT", "Mon, 05 Oct 2026 02:05:00 GMT", 0},
		{"a date that is past", "Mon, 05 Oct 2026 01:00:30 GMT", "", 0},
		{"a date before that of the answer", "Mon, 05 Oct 2026 02:04:00 GMT", "Mon, 05 Oct 2026 02:05:00 GMT", 0},
		{"a date of another century", "Mon, 05 Oct 2126 01:00:30 GMT", "", 24 * time.Hour},
		{"very long", "86400000", "", 24 * time.Hour},
		{"more than a number can be", "1e400", "", 24 * time.Hour},
		{"less than a number can be", "-1e400", "", 0},
		{"infinite", "Inf", "", 24 * time.Hour},
		{"not a number", "NaN", "", 0},
		{"negative", "-5", "", 0},
		{"a word", "soon", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseRetryAfter(http.Header{"Retry-After": {tt.text}, "Date": {tt.date}}, now); got != tt.want {
				t.Errorf("%q is %s, want %s", tt.text, got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "3", "0.25", "-1", "1e9", "0x1p-2", "Mon, 05 Oct 2026 02:00:30 GMT"} {
		f.Add(seed, "Mon, 05 Oct 2026 02:05:00 GMT")
	}
	f.Fuzz(func(t *testing.T, text, date string) {
		if got := parseRetryAfter(http.Header{"Retry-After": {text}, "Date": {date}}, now); got < 0 || got > longestWait {
			t.Errorf("%q is %s", text, got)
		}
	})
}

func TestFailuresAreClassified(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		code   string
		kind   fault.Kind
		is     error
	}{
		{"a bad request is invalid", 400, "ErrorInvalidRequest", fault.Invalid, nil},
		{"an id that is none is not found", 400, "ErrorInvalidIdMalformed", fault.NotFound, calendar.ErrNotFound},
		{"a zone that nobody knows is invalid", 400, "TimeZoneNotSupportedException", fault.Invalid, nil},
		{"a transaction id of another event is a conflict", 400, "ErrorDuplicateTransactionId", fault.Conflict, nil},
		{"an expired token is unauthenticated", 401, "InvalidAuthenticationToken", fault.Unauthenticated, nil},
		{"a read-only calendar is forbidden", 403, "ErrorAccessDenied", fault.Forbidden, nil},
		{"an event that is gone is not found", 404, "ErrorItemNotFound", fault.NotFound, calendar.ErrNotFound},
		{"a calendar that is gone is not found", 404, "ErrorFolderNotFound", fault.NotFound, calendar.ErrNotFound},
		{"an account that nobody has is invalid, and no event that is gone", 404, "ErrorInvalidUser", fault.Invalid, nil},
		{"a user whom the directory does not know is no event that is gone", 404, "Request_ResourceNotFound", fault.Invalid, nil},
		{"a mailbox that is not enabled is unavailable", 404, "MailboxNotEnabledForRESTAPI", fault.Unavailable, calendar.ErrOutOfReach},
		{"a mailbox that is not found is unavailable", 404, "ResourceNotFound", fault.Unavailable, calendar.ErrOutOfReach},
		{"what is not found for no reason is unavailable", 404, "", fault.Unavailable, calendar.ErrOutOfReach},
		{"what is gone for no reason is unavailable", 410, "", fault.Unavailable, calendar.ErrOutOfReach},
		{"what is locked is unavailable", 423, "ErrorItemLocked", fault.Unavailable, nil},
		{"a repeated transaction id is a conflict", 409, "ErrorDuplicateTransactionId", fault.Conflict, nil},
		{"a calendar's name that is in use exists", 409, "ErrorFolderExists", fault.Conflict, calendar.ErrExists},
		{"a conflict is one", 409, "ErrorInvalidChangeKey", fault.Conflict, nil},
		{"a conflict that passes is unavailable", 409, "ErrorIrresolvableConflict", fault.Unavailable, nil},
		{"a condition that nobody made is unavailable", 412, "ErrorIrresolvableConflict", fault.Unavailable, nil},
		{"a condition that nobody made is unavailable whatever its code", 412, "", fault.Unavailable, nil},
		{"too large is invalid", 413, "RequestEntityTooLarge", fault.Invalid, nil},
		{"after a failed one is unavailable", 424, "FailedDependency", fault.Unavailable, nil},
		{"too many requests are throttled", 429, "ApplicationThrottled", fault.Throttled, nil},
		{"an error of the service is unavailable", 500, "", fault.Unavailable, nil},
		{"an outage is unavailable", 503, "ServiceUnavailable", fault.Unavailable, nil},
		{"a timeout is unavailable", 504, "GatewayTimeout", fault.Unavailable, nil},
		{"a redirect is internal", 302, "", fault.Internal, nil},
		{"a teapot is internal", 418, "", fault.Internal, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := fmt.Sprintf(`{"error":{"code":%q,"message":"about Secret subject","innerError":{"request-id":"11-22"}}}`, tt.code)
			err := newFailure(tt.status, http.Header{"Retry-After": {"2.5"}}, []byte(text), now)
			if fault.Of(err) != tt.kind {
				t.Errorf("kind is %s, want %s", fault.Of(err), tt.kind)
			}
			for _, sentinel := range []error{calendar.ErrNotFound, calendar.ErrExists, calendar.ErrAmbiguous, calendar.ErrOutOfReach} {
				if errors.Is(err, sentinel) != (sentinel == tt.is) {
					t.Errorf("is %v: %t", sentinel, errors.Is(err, sentinel))
				}
			}
			f := new(Failure)
			if !errors.As(err, &f) || f.Status != tt.status || f.Code != tt.code || f.ID != "11-22" || f.RetryAfter() != 2500*time.Millisecond {
				t.Errorf("failure is %+v", f)
			}
			if strings.Contains(err.Error(), "Secret") || tt.code != "" && !strings.Contains(err.Error(), tt.code) {
				t.Errorf("text is %q", err)
			}
		})
	}
}

func FuzzFailuresSayNothingOfWhatWasAnswered(f *testing.F) {
	f.Add(404, "3", []byte(`{"error":{"code":"ErrorItemNotFound"}}`))
	f.Add(502, "", []byte("<html>Bad gateway</html>"))
	f.Add(409, "", []byte(`{"error":{"code":"ErrorDuplicateTransactionId","@event.existingEventId":"AAkA"}}`))
	f.Fuzz(func(t *testing.T, status int, retryAfter string, text []byte) {
		err := newFailure(status, http.Header{"Retry-After": {retryAfter}}, text, now)
		known := new(Failure)
		if !errors.As(err, &known) || len(known.Code) > maxWord {
			t.Fatalf("failure is %+v", known)
		}
		if got := err.Error(); strings.ContainsAny(got, "<>{}\"\n") {
			t.Errorf("text is %q", got)
		}
	})
}

func TestAClaimsChallengeIsReadFromA401(t *testing.T) {
	const claims = `{"access_token":{"acrs":{"essential":true,"value":"c?>1"}}}`
	encoded := base64.StdEncoding.EncodeToString([]byte(claims))
	head := `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="`
	for _, tt := range []struct {
		name   string
		status int
		header []string
		want   string
	}{
		{"as the service writes it", 401, []string{head + encoded + `"`}, claims},
		{"without padding", 401, []string{head + strings.TrimRight(encoded, "=") + `"`}, claims},
		{"in the alphabet of addresses", 401, []string{head + base64.URLEncoding.EncodeToString([]byte(claims)) + `"`}, claims},
		{"beside another way to sign in", 401, []string{`Negotiate`, head + encoded + `", x="y"`}, claims},
		{"of another status", 403, []string{head + encoded + `"`}, ""},
		{"none", 401, nil, ""},
		{"of another way to sign in", 401, []string{`Digest claims="` + encoded + `"`}, ""},
		{"another parameter", 401, []string{`Bearer xclaims="` + encoded + `"`}, ""},
		{"not base64", 401, []string{head + `{}"`}, ""},
		{"not JSON", 401, []string{head + base64.StdEncoding.EncodeToString([]byte("hello")) + `"`}, ""},
		{"no object", 401, []string{head + base64.StdEncoding.EncodeToString([]byte(`["a"]`)) + `"`}, ""},
		{"empty", 401, []string{head + base64.StdEncoding.EncodeToString([]byte(`{}`)) + `"`}, ""},
		{"too long", 401, []string{head + base64.StdEncoding.EncodeToString([]byte(`{"a":"`+strings.Repeat("a", maxChallenge)+`"}`)) + `"`}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := new(Failure)
			if err := newFailure(tt.status, http.Header{"Www-Authenticate": tt.header}, nil, now); !errors.As(err, &f) || f.Claims != tt.want {
				t.Errorf("claims are %q, want %q", f.Claims, tt.want)
			}
			if f.Claims != "" && strings.Contains(f.Error(), "acrs") {
				t.Errorf("text is %q", f)
			}
		})
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiY3AxIn19fQ=="`)
	f.Add(`bearer claims="e30"`)
	f.Fuzz(func(t *testing.T, header string) {
		got := parseChallenge([]string{header})
		if got != "" && (!json.Valid([]byte(got)) || got[0] != '{' && strings.TrimSpace(got)[0] != '{' || len(got) > maxChallenge) {
			t.Errorf("claims are %q", got)
		}
	})
}

func FuzzAnswersOfBatches(f *testing.F) {
	f.Add([]byte(`{"responses":[{"id":"0","status":201,"body":{"id":"a"}},{"id":"1","status":429,"headers":{"retry-after":3}}]}`))
	f.Add([]byte(`{"responses":[{"id":"7","status":200},{"id":null,"status":0,"headers":{"Retry-After":null},"body":"dGV4dA=="}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := &client{clock: func() time.Time { return now }, counts: &counts{}, auth: &bearer{}}
		answers, err := c.readBatch(text, 2, "")
		if err == nil && len(answers) != 2 {
			t.Errorf("%d answers", len(answers))
		}
	})
}

func TestAnswersOfABatch(t *testing.T) {
	c := &client{clock: func() time.Time { return now }, counts: &counts{}, auth: &bearer{}}
	answers, err := c.readBatch([]byte(`{"responses":[
		{"id":"3","status":429,"headers":{"retry-AFTER":"1.5"},"body":{"error":{"code":"ApplicationThrottled"}}},
		{"id":"0","status":201,"headers":{"Content-Type":"application/json"},"body":{"id":"a","changeKey":"k"}},
		{"id":"4","status":429,"headers":{"Retry-After":7}},
		{"id":"1","status":424,"headers":null,"body":null},
		{"id":"5","status":503,"headers":{"Retry-After":"Mon, 05 Oct 2026 02:05:20 GMT"}},
		{"id":"6","status":503,"headers":{"Retry-After":"Mon, 05 Oct 2026 03:00:20 GMT","date":"Mon, 05 Oct 2026 03:00:00 GMT"}},
		{"id":"9","status":200}
	]}`), 7, "Mon, 05 Oct 2026 02:05:00 GMT")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		kind fault.Kind
		wait time.Duration
	}{{}, {kind: fault.Unavailable}, {kind: fault.Unavailable}, {fault.Throttled, 1500 * time.Millisecond}, {fault.Throttled, 7 * time.Second},
		{fault.Unavailable, 20 * time.Second}, {fault.Unavailable, 20 * time.Second}} {
		err := answers[i].err
		f := new(Failure)
		errors.As(err, &f)
		if i == 0 && (err != nil || result(answers[0]) != (calendar.WriteResult{ID: "a", ChangeKey: "k"})) ||
			i > 0 && (fault.Of(err) != want.kind || f.RetryAfter() != want.wait) {
			t.Errorf("answer %d is %s, %v after %s, want %+v", i, answers[i].body, err, f.RetryAfter(), want)
		}
	}
	if got := c.counts.traffic().Throttled; got != 2 {
		t.Errorf("%d throttled, want 2", got)
	}
	if _, err := c.readBatch([]byte(`{"responses":[{"id":"0","status":201},{"id":"1","status":401}]}`), 2, ""); fault.Of(err) != fault.Unauthenticated {
		t.Errorf("a sign-in that ended in the middle is %v", err)
	}
	if _, err := c.readBatch([]byte("<html>"), 2, ""); fault.Of(err) != fault.Unavailable {
		t.Errorf("a page of a proxy is %v", err)
	}
}
