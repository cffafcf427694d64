package microsoft

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"adminassistant/shared/account/refusal"
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

// maxError is how many bytes are read of an error.
const maxError = 64 << 10

// explain says what an error of the library means. The library's errors hold the request, with tokens and secrets, and quote answers; nothing of
// them is kept but the service's word and number, and what a network says.
func explain(err error, now time.Time) error {
	call, known, network := msal.CallErr{}, new(fault.Error), new(url.Error)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &call) && call.Resp != nil:
		text, _ := io.ReadAll(io.LimitReader(call.Resp.Body, maxError)) // the library has read it already
		return explained(refusal.Read(call.Resp.StatusCode, call.Resp.Header, text, now))
	case errors.As(err, &network):
		return fault.Wrap(fault.Unavailable, fmt.Errorf("Microsoft's sign-in service did not answer: %w", network.Err))
	case strings.Contains(err.Error(), "no token found"): // the library has no other sign of it
		return signInNeeded("", "")
	case strings.Contains(err.Error(), "declined scopes"): // nor of this
		return fault.New(fault.Forbidden, "the sign-in did not give access to calendars and mailbox settings; sign in again and allow both")
	}
	return fault.New(fault.Unavailable, "the answer of Microsoft's sign-in service cannot be read")
}

// explained is a refusal as the callers of this package know it.
func explained(r *refusal.Refusal) error {
	if r.Meaning() == refusal.SignIn {
		return signInNeeded(r.Reason(), r.Claims)
	}
	return r.Err()
}
