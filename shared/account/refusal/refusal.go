// Package refusal knows what the refusals of Entra ID mean: who can do something about one, and whether it passes by itself.
//
// All who ask for tokens read them by the one table here: workers that act for users, the application that reaches mailboxes by itself, the command
// line, and the page to which a browser comes back. The service's texts are for nobody: they quote requests, and whoever made a link may have written
// one. Of an answer only the service's own words and numbers are kept.
//
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
package refusal

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

// Meaning is what a refusal amounts to.
type Meaning int

const (
	Unknown    Meaning = iota // an answer that is none of the service's
	SignIn                    // only the user can go on, by signing in again
	Policy                    // a policy of the organisation: an administrator can change it; the sign-in stands
	Consent                   // an administrator has to allow the application; the sign-in stands
	NotLetIn                  // the user may not use the application at all
	Declined                  // the user said no
	Late                      // nobody signed in in time
	Busy                      // asked too often: later
	Passing                   // does not work now: later
	Credential                // the application's own secret, certificate or identity is not good any more
	Setup                     // the application's registration is not as it has to be
)

// Refusal is an answer of the service that is no success.
type Refusal struct {
	Status int    // of HTTP; 0: the browser brought it
	Word   string // OAuth's; empty: the answer is none of the service's
	Number int    // as in AADSTS50173; 0: none
	Sub    string // suberror; may be empty
	Claims string // a claims challenge, JSON; mostly empty
	// Wait is how long the service asks to wait; 0: it does not say.
	Wait time.Duration
}

const (
	maxClaims   = 4 << 10 // bytes of a claims challenge
	longestWait = 24 * time.Hour
)

var (
	plainWord = regexp.MustCompile(`^[a-z_]{1,40}$`)
	number    = regexp.MustCompile(`^AADSTS([0-9]{1,9})\b`)
)

// Read reads an answer.
func Read(status int, header http.Header, text []byte, now time.Time) *Refusal {
	var body struct {
		Word    string `json:"error"`
		Numbers []int  `json:"error_codes"`
		Text    string `json:"error_description"`
		Sub     string `json:"suberror"`
		Claims  string `json:"claims"`
	}
	r := &Refusal{Status: status, Wait: retryAfter(header.Get("Retry-After"), now)}
	if json.Unmarshal(text, &body) != nil || !plainWord.MatchString(body.Word) {
		return r
	}
	r.Word, r.Number = body.Word, numberIn(body.Text)
	if len(body.Numbers) > 0 {
		r.Number = body.Numbers[0]
	}
	if plainWord.MatchString(body.Sub) {
		r.Sub = body.Sub
	}
	var object map[string]json.RawMessage
	if len(body.Claims) <= maxClaims && json.Unmarshal([]byte(body.Claims), &object) == nil {
		r.Claims = body.Claims
	}
	return r
}

// Brought is what a browser brings back from the sign-in page in place of a code: the parameters error and error_description. Whoever calls has
// made sure that the browser answers a request of ours.
func Brought(word, description string) *Refusal {
	if !plainWord.MatchString(word) {
		return &Refusal{}
	}
	return &Refusal{Word: word, Number: numberIn(description)}
}

func numberIn(text string) int {
	found := number.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1]) // digits
	return n
}

// Reason names the refusal in nothing but the service's own terms: "AADSTS50173", else the word; empty if there is neither.
func (r *Refusal) Reason() string {
	if r.Number > 0 {
		return "AADSTS" + strconv.Itoa(r.Number)
	}
	return r.Word
}

// numbers is the table of those numbers that say more than the word with which they come.
var numbers = map[int]Meaning{
	50196: Busy, 90055: Busy, // too often, and too much of the whole organisation: invalid_grant and invalid_request that are none
	90024: Passing, 90033: Passing, 90006: Passing, 90012: Passing, 90020: Passing, 50185: Passing,
	// The identity of another provider is not known yet, as in the first minutes after it was set up.
	70021: Passing, 700211: Passing, 700212: Passing, 700213: Passing,
	53000: Policy, 53001: Policy, 53002: Policy, 53003: Policy, 53004: Policy, 530002: Policy, 530003: Policy, 530032: Policy, 530034: Policy,
	530035: Policy, 50005: Policy, 50097: Policy, 50131: Policy, 70043: Policy, 700084: SignIn,
	65001: Consent, 90094: Consent, 90095: Consent, 65004: Declined,
	50105: NotLetIn, 50020: NotLetIn, 90072: NotLetIn,
	7000222: Credential, 7000215: Credential, 700027: Credential, 700024: Credential, 7000112: Credential, 700030: Credential,
	50027: Credential, 700023: Credential,
	7000218: Setup, 700025: Setup, 700016: Setup, 50011: Setup, 90008: Setup, 90009: Setup, 500011: Setup, 50194: Setup, 9002327: Setup, 9002325: Setup,
	70020: Late, 70018: Declined,
}

// Meaning is what the refusal amounts to.
func (r *Refusal) Meaning() Meaning {
	switch {
	case r.Status == http.StatusTooManyRequests:
		return Busy
	case r.Status >= http.StatusInternalServerError, r.Status == http.StatusRequestTimeout: // whatever else it says
		return Passing
	case r.Sub == "message_only": // a new sign-in would only show a message
		return Policy
	case r.Sub == "consent_required":
		return Consent
	}
	if known, ok := numbers[r.Number]; ok {
		return known
	}
	switch r.Word {
	case "":
		return Unknown
	case "invalid_grant", "interaction_required", "login_required", "account_selection_required":
		return SignIn
	case "consent_required":
		return Consent
	case "temporarily_unavailable", "server_error":
		return Passing
	case "access_denied", "authorization_declined":
		return Declined
	case "expired_token", "code_expired":
		return Late
	case "invalid_client":
		return Credential
	}
	return Setup
}

// Ours says whether it is for the operator of the installation, and no user can do anything about it.
func (r *Refusal) Ours() bool { return slices.Contains([]Meaning{Credential, Setup}, r.Meaning()) }

// advice is what can be done about refusals of which the number says it.
var advice = map[int]string{
	70043: "a policy of your organisation asks for a new sign-in every so often, also of programs that work while you sleep; its administrator can " +
		"exempt this application from the sign-in frequency (Conditional Access). Until then a sign-in of yours helps for a while",
	7000222: "the client secret of the application has ended: whoever runs this installation has to make a new one in Entra ID and store it here",
	7000218: "the application's registration does not allow public client flows, or it has the redirect address under another platform than " +
		"\"Mobile and desktop applications\"",
	700016: "the application is not registered in this organisation, or is another one",
	50011:  "the address to which a sign-in comes back is not among the redirect addresses of the application's registration",
	90008:  "the application's registration lacks the permission User.Read, without which it gets no token for itself",
	90009:  "the application asks for a token for itself by another name than its id",
	500011: "the API is not registered in this organisation, or it has another identifier",
	50194:  "the application is registered for one organisation alone: name that one as the tenant",
	9002327: "the redirect address is registered under the platform \"Single-page application\"; it has to be under \"Web\", or for the command line under " +
		"\"Mobile and desktop applications\"",
	50105: "you are not among those whom your organisation has assigned to this application; ask its administrator",
	50020: "your account is not of an organisation that is let in, or a guest there; sign in with another account",
	65004: "the sign-in was declined",
}

// Federation says whether the refusal is about the identity of another provider that stands for the application.
func (r *Refusal) federation() bool {
	return r.Number == 70021 || r.Number >= 700211 && r.Number <= 700213
}

// Error is the refusal for people. Its text has nothing of what was sent.
type Error struct {
	*Refusal
	text string
}

func (e *Error) Error() string { return e.text }

// RetryAfter is how long the service asks to wait; 0 when it did not say.
func (e *Error) RetryAfter() time.Duration { return e.Wait }

// Err is the refusal as an error that says what to do. Its kind is fault.Unauthenticated for SignIn and Late, fault.Forbidden for what an
// administrator or the user decides, fault.Throttled and fault.Unavailable for what passes, fault.Setup for what is the operator's. It wraps an Error.
// Meaning Unknown is of kind fault.Unavailable.
func (r *Refusal) Err() error {
	kind, text := fault.Forbidden, advice[r.Number]
	switch r.Meaning() {
	case SignIn:
		kind, text = fault.Unauthenticated, "access to Microsoft 365 was not given or has ended; sign in again"
	case Policy:
		if text == "" {
			text = "a policy of your organisation (Conditional Access) does not let this application act for you from where it runs; its administrator can " +
				"except the application"
		}
	case Consent:
		text = "an administrator of your organisation has to allow this application first"
	case NotLetIn:
		if text == "" {
			text = "the organisation does not let you use this application; ask its administrator"
		}
	case Declined:
		text = "the sign-in was declined"
	case Late:
		kind, text = fault.Unauthenticated, "nobody signed in in time"
	case Busy:
		kind, text = fault.Throttled, "Microsoft's sign-in service asks us to slow down"
	case Passing:
		kind, text = fault.Unavailable, "Microsoft's sign-in service has a problem; try again later"
		if r.federation() {
			text = "Entra ID does not know yet the identity by which the application shows who it is; just after set-up that passes within minutes, else " +
				"whoever runs this installation has to compare issuer, subject and audience of the federated credential"
		}
	case Credential:
		kind = fault.Setup
		if text == "" {
			text = "Microsoft's sign-in service does not accept the application's secret or certificate; whoever runs this installation has to replace it"
		}
	case Setup:
		kind = fault.Setup
		if text == "" {
			text = "Microsoft's sign-in service does not accept how the application is set up; ask whoever runs this installation"
		}
	default:
		kind, text = fault.Unavailable, "the answer of Microsoft's sign-in service cannot be read"
	}
	if reason := r.Reason(); reason != "" {
		text += " (" + reason + ")"
	} else if r.Status != 0 {
		text += " (status " + strconv.Itoa(r.Status) + ")"
	}
	return fault.Wrap(kind, &Error{r, text})
}

// retryAfter reads a Retry-After header: seconds, or an HTTP date (RFC 9110, section 10.2.3). What is neither, negative or past is 0.
func retryAfter(text string, now time.Time) time.Duration {
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

// ConsentAddress is where an administrator allows an application for a whole organisation. tenant is its id, authority the sign-in service.
func ConsentAddress(authority, tenant, client string) string {
	return strings.TrimSuffix(authority, "/") + "/" + tenant + "/adminconsent?client_id=" + client
}
