package microsoft

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"adminassistant/shared/fault"
)

// ErrSignInNeeded means that only the user can go on, by signing in again; it is of kind fault.Unauthenticated. SignInNeeded has the details.
var ErrSignInNeeded = errors.New("microsoft: sign-in needed")

// SignInNeeded is an ErrSignInNeeded.
type SignInNeeded struct {
	Reason string // the service's word or number for it, as in AADSTS50173; may be empty
	Claims string // the claims challenge (JSON) that the next sign-in has to carry, in Request.Claims; mostly empty
}

func (e *SignInNeeded) Error() string {
	const text = "access to Microsoft 365 was not given or has ended; sign in again"
	if e.Reason == "" {
		return text
	}
	return text + " (" + e.Reason + ")"
}

// Is makes it an ErrSignInNeeded.
func (e *SignInNeeded) Is(target error) bool { return target == ErrSignInNeeded }

func signInNeeded(reason, claims string) error {
	return fault.Wrap(fault.Unauthenticated, &SignInNeeded{Reason: reason, Claims: claims})
}

// throttled is a refusal that passes. Callers find RetryAfter by errors.As.
type throttled struct{ wait time.Duration }

func (e *throttled) Error() string { return "Microsoft's sign-in service asks us to slow down" }

// RetryAfter is how long to wait before another attempt; 0 when nobody said.
func (e *throttled) RetryAfter() time.Duration { return e.wait }

const (
	maxError  = 64 << 10 // bytes that are read of an error
	maxClaims = 4 << 10  // bytes of a claims challenge
	// loopDetected is the number with which the service stops an application that asks for the same too often, as an invalid_grant that is none.
	loopDetected = 50196
	longestWait  = 24 * time.Hour
)

// answer is an error of the service: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
type answer struct {
	Word    string `json:"error"`
	Numbers []int  `json:"error_codes"`
	Claims  string `json:"claims"`
}

// reason names the error, in nothing but the service's own terms.
func (a *answer) reason() string {
	if len(a.Numbers) > 0 {
		return "AADSTS" + strconv.Itoa(a.Numbers[0])
	}
	return a.Word
}

var plainWord = regexp.MustCompile(`^[a-z_]{1,40}$`)

// explain says what an error of the library means. The library's errors hold the request, with tokens and secrets, and quote answers; nothing of
// them is kept but the service's word and number, and what a network says.
func explain(err error, now time.Time) error {
	call, known, network := msal.CallErr{}, new(fault.Error), new(url.Error)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &call) && call.Resp != nil:
		text, _ := io.ReadAll(io.LimitReader(call.Resp.Body, maxError)) // the library has read it already
		return refusal(call.Resp.StatusCode, call.Resp.Header.Get("Retry-After"), text, now)
	case errors.As(err, &network):
		return fault.Wrap(fault.Unavailable, fmt.Errorf("Microsoft's sign-in service did not answer: %w", network.Err))
	case strings.Contains(err.Error(), "no token found"): // the library has no other sign of it
		return signInNeeded("", "")
	case strings.Contains(err.Error(), "declined scopes"): // nor of this
		return fault.New(fault.Forbidden, "the sign-in did not give access to calendars and mailbox settings; sign in again and allow both")
	}
	return fault.New(fault.Unavailable, "the answer of Microsoft's sign-in service cannot be read")
}

// refusal classifies an answer that is no success.
func refusal(status int, retryAfter string, text []byte, now time.Time) error {
	var a answer
	if json.Unmarshal(text, &a) != nil || !plainWord.MatchString(a.Word) {
		a = answer{}
	}
	switch {
	case status == http.StatusTooManyRequests, a.Word == "invalid_grant" && slices.Contains(a.Numbers, loopDetected):
		return fault.Wrap(fault.Throttled, &throttled{parseRetryAfter(retryAfter, now)})
	case status >= 500 || status == http.StatusRequestTimeout:
		return fault.New(fault.Unavailable, "Microsoft's sign-in service has a problem: status %d", status)
	}
	switch a.Word {
	case "invalid_grant", "interaction_required", "login_required", "consent_required":
		var object map[string]json.RawMessage
		if len(a.Claims) > maxClaims || json.Unmarshal([]byte(a.Claims), &object) != nil {
			a.Claims = ""
		}
		return signInNeeded(a.reason(), a.Claims)
	case "temporarily_unavailable", "server_error":
		return fault.New(fault.Unavailable, "Microsoft's sign-in service has a problem (%s)", a.reason())
	case "unauthorized_client", "access_denied":
		return fault.New(fault.Forbidden, "the organisation does not let its users use this application (%s); ask its administrator", a.reason())
	case "":
		return fault.New(fault.Internal, "Microsoft's sign-in service gave an answer that we do not understand: status %d", status)
	}
	return fault.New(fault.Internal, "Microsoft's sign-in service does not accept how this application is set up: %s (%s)", a.Word, a.reason())
}

// parseRetryAfter reads a Retry-After header: seconds, or an HTTP date (RFC 9110, section 10.2.3). What is neither, negative or past is 0.
func parseRetryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(seconds > 0):
		return 0
	case seconds >= longestWait.Seconds():
		return longestWait
	}
	return time.Duration(seconds * float64(time.Second))
}
