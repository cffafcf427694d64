package refusal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

var now = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

func TestWhatRefusalsMean(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		want   Meaning
		kind   fault.Kind
		says   string
	}{
		{"a sign-in that has ended", 400, answer("invalid_grant", 50173, "bad_token"), SignIn, fault.Unauthenticated, "sign in again (AADSTS50173)"},
		{"more that is asked of the user", 400, answer("interaction_required", 50076, "basic_action"), SignIn, fault.Unauthenticated, "AADSTS50076"},
		{"a number that nobody knows", 400, answer("invalid_grant", 123456, ""), SignIn, fault.Unauthenticated, "AADSTS123456"},
		{"a policy about places", 400, answer("invalid_grant", 53003, "message_only"), Policy, fault.Forbidden, "can except the application (AADSTS53003)"},
		{"a policy of another number", 400, answer("interaction_required", 99, "message_only"), Policy, fault.Forbidden, "administrator"},
		{"a policy without its sub-error", 400, answer("invalid_grant", 53003, ""), Policy, fault.Forbidden, "administrator"},
		{"the sign-in frequency", 400, answer("invalid_grant", 70043, "token_expired"), Policy, fault.Forbidden, "sign-in frequency"},
		{"a consent that is missing", 400, answer("invalid_grant", 65001, "consent_required"), Consent, fault.Forbidden, "has to allow"},
		{"a consent that only its sub-error names", 400, answer("invalid_grant", 0, "consent_required"), Consent, fault.Forbidden, "has to allow"},
		{"a consent by its word", 400, answer("consent_required", 0, ""), Consent, fault.Forbidden, "has to allow"},
		{"too often, as an invalid grant", 400, answer("invalid_grant", 50196, ""), Busy, fault.Throttled, "slow down"},
		{"too much of a tenant", 400, answer("invalid_request", 90055, ""), Busy, fault.Throttled, "slow down"},
		{"too often, by its status alone", 429, "", Busy, fault.Throttled, "(status 429)"},
		{"a budget that is used up", 400, answer("temporarily_unavailable", 90024, ""), Passing, fault.Unavailable, "try again later (AADSTS90024)"},
		{"a word alone", 400, answer("temporarily_unavailable", 0, ""), Passing, fault.Unavailable, "(temporarily_unavailable)"},
		{"a server's problem, whatever it says", 500, answer("invalid_grant", 50173, "bad_token"), Passing, fault.Unavailable, "try again later"},
		{"a proxy's page", 502, "<html>", Passing, fault.Unavailable, "(status 502)"},
		{"a time-out", 408, "", Passing, fault.Unavailable, "try again"},
		{"an identity that is not known yet", 400, answer("invalid_request", 70021, ""), Passing, fault.Unavailable, "passes within minutes"},
		{"a subject that is not known yet", 401, answer("invalid_client", 700213, ""), Passing, fault.Unavailable, "issuer, subject and audience"},
		{"a secret that has ended", 401, answer("invalid_client", 7000222, ""), Credential, fault.Setup, "make a new one in Entra ID"},
		{"another secret", 401, answer("invalid_client", 7000215, ""), Credential, fault.Setup, "does not accept the application's secret"},
		{"a certificate that is not registered", 401, answer("invalid_client", 700027, ""), Credential, fault.Setup, "AADSTS700027"},
		{"public flows that are not allowed", 401, answer("invalid_client", 7000218, ""), Setup, fault.Setup, "public client flows"},
		{"no permission to sign in", 400, answer("invalid_request", 90008, ""), Setup, fault.Setup, "User.Read"},
		{"one tenant alone", 400, answer("invalid_request", 50194, ""), Setup, fault.Setup, "one organisation alone"},
		{"anything else", 400, answer("invalid_scope", 70011, ""), Setup, fault.Setup, "ask whoever runs this installation"},
		{"a user who is not assigned", 400, answer("access_denied", 50105, ""), NotLetIn, fault.Forbidden, "not among those"},
		{"a user who said no", 400, answer("access_denied", 65004, ""), Declined, fault.Forbidden, "declined"},
		{"a user who said no to a program", 400, answer("authorization_declined", 70018, ""), Declined, fault.Forbidden, "declined"},
		{"nobody in time", 400, answer("expired_token", 70020, ""), Late, fault.Unauthenticated, "in time"},
		{"an answer that is none", 400, "{}", Unknown, fault.Unavailable, "cannot be read (status 400)"},
		{"a word that is none", 400, `{"error": "<b>"}`, Unknown, fault.Unavailable, "cannot be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := Read(row.status, http.Header{}, []byte(row.body), now)
			err := r.Err()
			if r.Meaning() != row.want || fault.Of(err) != row.kind || !strings.Contains(err.Error(), row.says) {
				t.Errorf("means %d, %s: %v", r.Meaning(), fault.Of(err), err)
			}
			if strings.Contains(err.Error(), "secret-text") {
				t.Errorf("it quotes the answer: %v", err)
			}
			if r.Ours() != (row.kind == fault.Setup) {
				t.Error("it is not whose it is")
			}
		})
	}
}

// answer is a body as the service writes it.
func answer(word string, number int, sub string) string {
	numbers := ""
	if number > 0 {
		numbers = fmt.Sprint(number)
	}
	return fmt.Sprintf(`{"error": %q, "error_codes": [%s], "suberror": %q, "error_description": "AADSTS%d: secret-text"}`, word, numbers, sub, number)
}

func TestWhatABrowserBrings(t *testing.T) {
	for description, want := range map[string]int{
		"AADSTS90094: The grant requires admin permission.": 90094, "see AADSTS65001": 0, "AADSTS": 0, "": 0, "AADSTS99999999999999999999": 0,
	} {
		if got := Brought("access_denied", description); got.Number != want || got.Word != "access_denied" {
			t.Errorf("%q is %+v", description, got)
		}
	}
	if r := Brought("<script>", "AADSTS65001: x"); r.Meaning() != Unknown || r.Reason() != "" {
		t.Errorf("got %+v", r)
	}
}

func TestHowLongToWait(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3": 3 * time.Second, "0.5": time.Second / 2, "": 0, "-3": 0, "soon": 0, "NaN": 0, "1e99": 24 * time.Hour, " 7 ": 7 * time.Second,
		"Mon, 05 Oct 2026 09:00:20 GMT": 20 * time.Second, "Mon, 05 Oct 2026 08:00:00 GMT": 0, "Mon, 05 Oct 2037 09:00:00 GMT": 24 * time.Hour,
	} {
		err := Read(429, http.Header{"Retry-After": {text}}, nil, now).Err()
		var asks interface{ RetryAfter() time.Duration }
		if !errors.As(err, &asks) || asks.RetryAfter() != want {
			t.Errorf("%q is %v", text, asks.RetryAfter())
		}
	}
}

func TestAChallengeIsKeptIfItIsOne(t *testing.T) {
	good := `{"access_token":{"capolids":{"essential":true}}}`
	for claims, want := range map[string]string{good: good, "no JSON": "", `["x"]`: "", `{"x": "` + strings.Repeat("y", maxClaims) + `"}`: ""} {
		body := fmt.Sprintf(`{"error": "interaction_required", "claims": %q}`, claims)
		if got := Read(400, http.Header{}, []byte(body), now).Claims; got != want {
			t.Errorf("%.40q is %.40q", claims, got)
		}
	}
}

func TestWhereAnAdministratorAllowsTheApplication(t *testing.T) {
	if got := ConsentAddress("https://login.microsoftonline.com/", "T", "C"); got != "https://login.microsoftonline.com/T/adminconsent?client_id=C" {
		t.Error(got)
	}
}
