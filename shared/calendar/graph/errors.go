package graph

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Failure is a refusal by Microsoft 365, wrapped in its fault.Kind. Its text says what happened and holds nothing that was sent or answered
// but the service's own code. Where the service, or a Budget of ours, says how long to wait, RetryAfter has it:
//
//	var wait interface{ RetryAfter() time.Duration }
//	if errors.As(err, &wait) { ... wait.RetryAfter() ... }
type Failure struct {
	Status int    // HTTP status, of the request or of its part of a batch; 0: nothing was sent
	Code   string // Graph's word for the reason ("ErrorItemNotFound"); it may be empty
	ID     string // by which Microsoft's support finds the request; it may be empty
	Claims string // of a 401: what the user's next sign-in has to show (a claims challenge, JSON); mostly empty

	text       string
	retryAfter time.Duration
	existing   string // the event that has the transaction id already, where Graph names it
}

func (f *Failure) Error() string {
	switch {
	case f.Status == 0:
		return f.text
	case f.Code == "":
		return fmt.Sprintf("%s (status %d)", f.text, f.Status)
	}
	return fmt.Sprintf("%s (%s, status %d)", f.text, f.Code, f.Status)
}

// RetryAfter is how long to wait before another attempt; 0 when nobody said.
func (f *Failure) RetryAfter() time.Duration { return f.retryAfter }

// NoEffect says whether the request surely changed nothing. Of a server's problem nobody knows.
func (f *Failure) NoEffect() bool {
	return f.Status < http.StatusInternalServerError && f.Status != http.StatusRequestTimeout
}

// Is makes a Failure one of calendar's own errors.
func (f *Failure) Is(target error) bool {
	switch target {
	case calendar.ErrNotFound:
		return gone(f.Code)
	case calendar.ErrOutOfReach:
		return f.text == outOfReach
	case calendar.ErrTaken:
		return strings.EqualFold(f.Code, codeDuplicate)
	case calendar.ErrExists:
		return strings.EqualFold(f.Code, "ErrorFolderExists")
	}
	return false
}

// graphError is the body of an answer that is no success: https://learn.microsoft.com/graph/errors.
type graphError struct {
	Error struct {
		Code       string `json:"code"`
		InnerError struct {
			RequestID string `json:"request-id"`
		} `json:"innerError"`
		// The event that has the transaction id already; the service spells it both ways, or leaves it out.
		ExistingEventID string `json:"existingEventId"`
		Annotated       string `json:"@event.existingEventId"`
	} `json:"error"`
}

// maxWord is the longest code or id that is kept of an answer, in bytes; real ones are shorter.
const maxWord = 80

// newFailure classifies an answer that is no success. Its text need not be Graph's JSON: a proxy's page will do.
func newFailure(status int, header http.Header, text []byte, now time.Time) error {
	var body graphError
	_ = json.Unmarshal(text, &body) // the status alone says enough
	e := &body.Error
	f := &Failure{Status: status, Code: word(e.Code), ID: word(e.InnerError.RequestID), retryAfter: parseRetryAfter(header, now)}
	if status == http.StatusUnauthorized {
		f.Claims = parseChallenge(header.Values("WWW-Authenticate"))
	}
	f.existing = cmp.Or(e.Annotated, e.ExistingEventID)
	var kind fault.Kind
	kind, f.text = meaning(status, f.Code)
	return fault.Wrap(kind, f)
}

// word is text if it looks like a code or an id, else nothing: what is shown to people must not be whatever a server sends.
func word(text string) string {
	if len(text) > maxWord || strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}) {
		return ""
	}
	return text
}

const (
	codeDuplicate = "ErrorDuplicateTransactionId"
	codeCorrupt   = "ErrorCorruptData"
	codeNoUser    = "ErrorInvalidUser"
)

// gone says whether a code means that the calendar or event of an id is not there. No other 404 does: ResourceNotFound and
// MailboxNotEnabledForRESTAPI are about the mailbox, and come and go.
func gone(code string) bool {
	switch strings.ToLower(code) {
	case "erroritemnotfound", "errorfoldernotfound", "errorinvalididmalformed", "errorinvalidid":
		return true
	}
	return false
}

const (
	outOfReach = "the mailbox is out of reach: Microsoft 365 moves it, or it is inactive, unlicensed, or hosted on premises; " +
		"if this stays for days, ask the administrator of your Microsoft 365"
	notAllowed = "Microsoft 365 does not allow this for the calendar: it may be read-only or not shared with us"
	// notReached is notAllowed for an application, which has its permissions from an administrator.
	notReached = "Microsoft 365 does not let the application reach this mailbox: an administrator has not granted that in Exchange, or did so within " +
		"the last two hours, which it takes to count"
	atTheSameTime = "Microsoft 365 changed the same event at that moment"
)

// unknownZone says whether a write was refused because the mailbox does not know the time zone.
func unknownZone(err error) bool {
	f := new(Failure)
	if !errors.As(err, &f) {
		return false
	}
	switch strings.ToLower(f.Code) {
	case "timezonenotsupportedexception", "errorinvalidtimezone":
		return true
	}
	return false
}

// meaning is the table of what answers mean: by code, where the status alone would mislead or say too little, else by status.
func meaning(status int, code string) (fault.Kind, string) {
	switch strings.ToLower(code) {
	case "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "resourcenotfound":
		return fault.Unavailable, outOfReach
	case "errorinvaliduser", "errornonexistentmailbox", "request_resourcenotfound":
		return fault.Invalid, "Microsoft 365 does not know the account" // not found are calendars and events alone
	case "erroritemnotfound", "errorfoldernotfound":
		return fault.NotFound, "Microsoft 365 does not have what was asked for"
	case "errorinvalididmalformed", "errorinvalidid":
		return fault.NotFound, "Microsoft 365 has no calendar or event of this id"
	case "errorirresolvableconflict":
		return fault.Unavailable, atTheSameTime
	case "errorfolderexists":
		return fault.Conflict, "a calendar of this name is there already"
	case strings.ToLower(codeDuplicate):
		return fault.Conflict, "the transaction id was used for another event"
	case "timezonenotsupportedexception", "errorinvalidtimezone":
		return fault.Invalid, "the mailbox does not know the time zone; give the event another one, or restore it into a local calendar"
	case "erroroccurrencecrossingboundary":
		return fault.Invalid, "Microsoft 365 does not let an instance of a series move to the day of the instance before or after it, or past it; " +
			"move it to a day between them, or restore the series into a local calendar"
	case "errormessagesizeexceeded", "errorexceededmessagelimit":
		return fault.Invalid, "the event is too large for Microsoft 365"
	case strings.ToLower(codeCorrupt):
		return fault.Malformed, "Microsoft 365 cannot read an event of this calendar itself: look for it in Outlook, and delete it there or save it anew"
	case "errorquotaexceeded":
		return fault.Forbidden, "the mailbox is full"
	}
	switch status {
	case http.StatusBadRequest:
		return fault.Invalid, "Microsoft 365 does not accept the request"
	case http.StatusUnauthorized:
		return fault.Unauthenticated, "Microsoft 365 no longer accepts the sign-in"
	case http.StatusForbidden:
		return fault.Forbidden, notAllowed
	case http.StatusNotFound, http.StatusGone:
		return fault.Unavailable, outOfReach
	case http.StatusConflict:
		return fault.Conflict, "the calendar was changed by somebody else at the same time"
	case http.StatusPreconditionFailed: // we send no condition that could fail
		return fault.Unavailable, atTheSameTime
	case http.StatusLocked:
		return fault.Unavailable, "Microsoft 365 keeps the event locked for a moment"
	case http.StatusRequestEntityTooLarge:
		return fault.Invalid, "the event is too large for Microsoft 365"
	case http.StatusTooManyRequests:
		return fault.Throttled, "Microsoft 365 asks us to slow down"
	case http.StatusFailedDependency:
		return fault.Unavailable, "Microsoft 365 left the request out because one before it failed"
	case http.StatusRequestTimeout:
		return fault.Unavailable, "Microsoft 365 did not answer in time"
	}
	if status >= 500 {
		return fault.Unavailable, "Microsoft 365 has a problem"
	}
	return fault.Internal, "Microsoft 365 gave an answer that we do not understand"
}

// noSuchAccount says whether a listing of calendars failed because there is no mailbox of that name.
func noSuchAccount(err error) bool {
	f := new(Failure)
	return errors.As(err, &f) && (fault.Of(err) == fault.NotFound || strings.EqualFold(f.Code, codeNoUser))
}

// corrupt says whether the service failed on what it keeps itself.
func corrupt(err error) bool {
	f := new(Failure)
	return errors.As(err, &f) && strings.EqualFold(f.Code, codeCorrupt)
}

// maxChallenge is the longest claims challenge that is kept, in bytes; real ones have some hundred.
const maxChallenge = 4 << 10

// claimsParameter finds the claims challenge within a WWW-Authenticate header: base64, of one alphabet or the other, padded or not.
var claimsParameter = regexp.MustCompile(`(?i)^bearer .*\bclaims="([A-Za-z0-9+/_-]+)={0,2}"`)

// parseChallenge returns what the service wants to be shown, as JSON; empty if it does not say, or not so that it could be passed on.
// https://learn.microsoft.com/entra/identity-platform/claims-challenge
func parseChallenge(headers []string) string {
	for _, h := range headers {
		found := claimsParameter.FindStringSubmatch(h)
		if found == nil {
			continue
		}
		text, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(found[1]))
		var object map[string]json.RawMessage
		if err == nil && len(text) <= maxChallenge && json.Unmarshal(text, &object) == nil && len(object) > 0 {
			return string(text)
		}
	}
	return ""
}

// slower is the one of two errors that asks for the longer wait; either may be nil.
func slower(a, b error) error {
	wait := func(err error) time.Duration {
		f := new(Failure)
		if errors.As(err, &f) {
			return f.retryAfter
		}
		return 0
	}
	if a == nil || b != nil && wait(b) > wait(a) {
		return b
	}
	return a
}

// longestWait caps what a header can ask for, so that a nonsensical one is no overflow.
const longestWait = 24 * time.Hour

// parseRetryAfter reads the Retry-After header of an answer: seconds, which Graph also sends with a fraction, or an HTTP date (RFC 9110,
// section 10.2.3), which counts from the answer's own Date, since the service's clock need not be ours; now is ours, for an answer without one.
// What is neither, negative or past is 0.
func parseRetryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if at, err := http.ParseTime(text); err == nil {
		if answered, err := http.ParseTime(strings.TrimSpace(header.Get("Date"))); err == nil {
			now = answered
		}
		return min(max(at.Sub(now), 0), longestWait)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	if seconds >= longestWait.Seconds() {
		return longestWait
	}
	return time.Duration(seconds * float64(time.Second))
}
