package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/archive"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// statusOf is the HTTP status of each kind of failure. A malformed record is damage on our side, not the caller's doing.
var statusOf = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.Throttled:       http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Malformed:       http.StatusInternalServerError,
	fault.Setup:           http.StatusServiceUnavailable,
	fault.Locked:          http.StatusLocked,
}

// The codes of problems that are finer than a kind of failure.
const (
	codeUnparsable           = "unparsable"
	codeNoRoute              = "no_such_route"
	codeMethod               = "method_not_allowed"
	codeTooLarge             = "too_large"
	codeMediaType            = "unsupported_media_type"
	codeMismatch             = "precondition_failed"
	codeNoPrecondition       = "precondition_required"
	codeIdempotencyMismatch  = "idempotency_key_reused"
	codeIdempotencyUnderWay  = "idempotency_key_in_use"
	codeConfigInactive       = "config_inactive"
	codeRunEnded             = "run_ended"
	codeRunUnderWay          = "run_under_way"
	codeNothingToRetry       = "nothing_to_retry"
	codeNothingToUndo        = "nothing_to_undo"
	codeChanged              = "changed"
	codeDecidedAlready       = "decided_already"
	codeCalendarInUse        = "calendar_in_use"
	codeCrossOrigin          = "cross_origin"
	codeAnswerTooLarge       = "answer_too_large"
	codeSignIn               = "sign_in_failed"
	codeCSRF                 = "csrf_token"
	codeUnchecked            = "sign_in_check"
	internalDetail           = "something went wrong on our side; the log has the details under the correlation id"
	changedMeanwhile         = "it was changed by somebody else meanwhile; read it again"
	typePrefix               = "/docs#problem-"
	problemContentType       = "application/problem+json"
	bodyNotJSON              = "the body must be JSON, with Content-Type: application/json"
	unreadableBody           = "the request's body could not be read to its end"
	humaUnreadableBodyDetail = "cannot read request body" // what huma says of it
)

// code is a stable word for a sort of problem.
type code struct {
	Code   string
	Status int
	Title  string
}

// codes says what each code of a problem means: the kinds of failure, and the finer ones.
var codes = []code{
	{fault.Internal.String(), statusOf[fault.Internal], "Something went wrong on our side"},
	{fault.Invalid.String(), statusOf[fault.Invalid], "A field of the request is wrong"},
	{fault.NotFound.String(), statusOf[fault.NotFound], "There is no such thing, or it is not yours"},
	{fault.Conflict.String(), statusOf[fault.Conflict], "The present state does not allow it"},
	{fault.Unauthenticated.String(), statusOf[fault.Unauthenticated], "Nobody is signed in"},
	{fault.Forbidden.String(), statusOf[fault.Forbidden], "You may not do that"},
	{fault.Throttled.String(), statusOf[fault.Throttled], "Too much at once; try again later"},
	{fault.Unavailable.String(), statusOf[fault.Unavailable], "Something that is needed does not answer; try again later"},
	{fault.Malformed.String(), statusOf[fault.Malformed], "A stored record is unreadable"},
	{fault.Setup.String(), statusOf[fault.Setup], "The installation needs its operator"},
	{fault.Locked.String(), statusOf[fault.Locked], "The period is locked"},
	{codeUnparsable, http.StatusBadRequest, "The request cannot be read"},
	{codeNoRoute, http.StatusNotFound, "There is no such route"},
	{codeMethod, http.StatusMethodNotAllowed, "The route does not know the method"},
	{codeTooLarge, http.StatusRequestEntityTooLarge, "The body is too large"},
	{codeMediaType, http.StatusUnsupportedMediaType, "The body's content type is not the one that is needed"},
	{codeMismatch, http.StatusPreconditionFailed, "It was changed since you read it"},
	{codeNoPrecondition, http.StatusPreconditionRequired, "The If-Match header is missing"},
	{codeIdempotencyMismatch, http.StatusUnprocessableEntity, "The idempotency key was used for another request"},
	{codeIdempotencyUnderWay, http.StatusConflict, "The request with this idempotency key is still under way"},
	{codeConfigInactive, http.StatusConflict, "The archive config is not active"},
	{codeRunEnded, http.StatusConflict, "The run has ended"},
	{codeRunUnderWay, http.StatusConflict, "The run has not ended yet"},
	{codeNothingToRetry, http.StatusConflict, "The run has no failed items"},
	{codeNothingToUndo, http.StatusConflict, "There is nothing to undo"},
	{codeChanged, http.StatusConflict, "Something changed since you saw what would happen"},
	{archive.StaleDecision, http.StatusConflict, "An appointment is not what you saw when you decided"},
	{codeDecidedAlready, http.StatusConflict, "The action is decided already"},
	{codeCalendarInUse, http.StatusConflict, "The calendar is an archive config's"},
	{codeAnswerTooLarge, http.StatusUnprocessableEntity, "The answer would be too large"},
	{codeCrossOrigin, http.StatusForbidden, "Another site's page may not do that"},
	{codeCSRF, http.StatusForbidden, "The token of the browser session is missing or wrong"},
	{codeUnchecked, http.StatusUnauthorized, "The sign-in service has to say once more who you are"},
	{codeSignIn, http.StatusBadRequest, "The sign-in did not succeed"},
}

// problemDetails is an error as a response has it (RFC 9457).
type problemDetails struct {
	Type        string         `json:"type" format:"uri-reference" doc:"Where the code is explained."`
	Title       string         `json:"title" doc:"What the code means."`
	Status      int            `json:"status"`
	Detail      string         `json:"detail" doc:"What happened this time, and what to do."`
	Code        string         `json:"code" doc:"A stable word to tell problems apart by."`
	Field       string         `json:"field,omitempty" doc:"Path of the input that is at fault."`
	Correlation string         `json:"correlation_id" doc:"Names the request in the log."`
	Errors      []fieldProblem `json:"errors,omitempty" doc:"The inputs at fault, if there are several; the first 20."`
	ErrorCount  int            `json:"error_count,omitempty" doc:"How many inputs are at fault, if there are several."`
}

// fieldProblem is one of several inputs at fault.
type fieldProblem struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

func (p *problemDetails) Error() string               { return p.Detail }
func (p *problemDetails) GetStatus() int              { return p.Status }
func (p *problemDetails) ContentType(_ string) string { return problemContentType }

const (
	// maxErrors is how many inputs at fault a problem lists.
	maxErrors = 20
	// maxField and maxDetail bound the parts of a problem that repeat what was asked, in bytes.
	maxField  = 256
	maxDetail = 2048
	notKnown  = "is not a known field"
)

// short is text, cut off after most bytes at the end of a letter.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// newProblem makes the problem of a code.
func newProblem(ctx context.Context, code, field, detail string) *problemDetails {
	field, detail = short(field, maxField), short(detail, maxDetail)
	for _, c := range codes {
		if c.Code == code {
			return &problemDetails{
				Type: typePrefix + code, Title: c.Title, Status: c.Status, Detail: detail, Code: code, Field: field,
				Correlation: telemetry.Correlation(ctx),
			}
		}
	}
	panic("httpapi: unknown code " + code)
}

// coded is a failure with a code of its own, finer than its kind.
type coded struct {
	code, field, detail string
}

func (c *coded) Error() string { return c.detail }

func withCode(code, format string, args ...any) error {
	return &coded{code: code, detail: fmt.Sprintf(format, args...)}
}

// inField is an error with the name of the field that it is about.
type inField struct {
	field string
	error
}

func (e *inField) Unwrap() error { return e.error }

// at names the field of an invalid input; nil and other kinds of failure stay what they are.
func at(field string, err error) error {
	if err == nil || fault.Of(err) != fault.Invalid {
		return err
	}
	return &inField{field, err}
}

// problemOf answers err to the caller, and logs what is not the caller's doing. The text of an internal error is for the log alone.
func problemOf(ctx context.Context, err error) *problemDetails {
	var ready *problemDetails
	var own *coded
	var tooLarge *http.MaxBytesError
	var named *inField
	var several rule.Problems
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &own):
		return newProblem(ctx, own.code, own.field, own.detail)
	case errors.As(err, &tooLarge):
		return bodyTooLarge(ctx, tooLarge.Limit)
	}
	kind, detail := fault.Of(err), err.Error()
	if kind == fault.Internal {
		switch {
		case errors.Is(err, store.ErrConflict):
			kind, detail = fault.Conflict, changedMeanwhile
		case errors.Is(err, calendar.ErrNotFound):
			kind = fault.NotFound
		case errors.Is(err, calendar.ErrExists), errors.Is(err, calendar.ErrAmbiguous):
			kind = fault.Conflict
		case errors.Is(err, blob.ErrNotFound):
			kind, detail = fault.NotFound, "it is not stored, or not any more"
		}
	}
	log := zerolog.Ctx(ctx)
	switch {
	case kind == fault.Internal || kind == fault.Malformed:
		telemetry.Failure(log.Error(), forLog(ctx, err)).Msg("request failed")
	case kind == fault.Setup:
		telemetry.Failure(log.Error(), forLog(ctx, err)).Msg("Microsoft does not accept the installation")
	case kind.Transient():
		telemetry.Failure(log.Warn(), forLog(ctx, err)).Msg("request failed")
	}
	if !kind.Public() {
		detail = internalDetail
	}
	field := fault.FieldOf(err)
	if errors.As(err, &named) {
		field = named.field
	}
	if errors.As(err, &several) {
		return newProblem(ctx, kind.String(), field, several[0].Error()).listing(several)
	}
	return newProblem(ctx, kind.String(), field, detail)
}

// listing adds the inputs that are at fault, if there are several.
func (p *problemDetails) listing(several []error) *problemDetails {
	if len(several) < 2 {
		return p
	}
	p.ErrorCount = len(several)
	for _, err := range several[:min(len(several), maxErrors)] {
		field := fault.FieldOf(err)
		p.Errors = append(p.Errors, fieldProblem{
			Field: short(field, maxField), Detail: short(strings.TrimPrefix(err.Error(), field+" "), maxDetail),
		})
	}
	return p
}

func bodyTooLarge(ctx context.Context, limit int64) *problemDetails {
	return newProblem(ctx, codeTooLarge, "", fmt.Sprintf("the body is over %d bytes", limit))
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, p *problemDetails) {
	w.Header().Set("Content-Type", problemContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // whoever hung up does not read it
}

// huma makes an error response of its own where a request does not fit its types; these two make it one of ours. It takes names in any case,
// unless it is told not to.
func init() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(context.Background(), status, detail, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		return humaProblem(ctx.Context(), status, detail, errs)
	}
}

func humaProblem(ctx context.Context, status int, detail string, errs []error) *problemDetails {
	p := &problemDetails{}
	switch status {
	case 0: // huma asks what an error looks like
		return p
	case http.StatusBadRequest:
		if detail == "request body is required" {
			detail = "the request needs a body, and has none"
		}
		p = newProblem(ctx, codeUnparsable, "", detail)
	case http.StatusRequestTimeout:
		p = newProblem(ctx, codeUnparsable, "", unreadableBody+" in time")
	case http.StatusRequestEntityTooLarge:
		p = newProblem(ctx, codeTooLarge, "", detail)
	case http.StatusUnsupportedMediaType:
		return newProblem(ctx, codeMediaType, "", bodyNotJSON)
	case http.StatusUnprocessableEntity:
		p = newProblem(ctx, fault.Invalid.String(), "", detail)
	default:
		if detail == humaUnreadableBodyDetail && len(errs) == 1 {
			var tooLarge *http.MaxBytesError
			if errors.As(errs[0], &tooLarge) {
				return bodyTooLarge(ctx, tooLarge.Limit)
			}
			if wrong := ofBody(errs[0]); wrong != nil {
				return wrong
			}
			return newProblem(ctx, codeUnparsable, "", unreadableBody)
		}
		return problemOf(ctx, errors.Join(append(errs, errors.New(detail))...))
	}
	for _, err := range errs {
		d, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		p.Errors = append(p.Errors, ofDetail(d.ErrorDetail()))
	}
	unknown := func(f fieldProblem) int { // huma lists what is unknown in no order
		if f.Detail == notKnown {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(p.Errors, func(a, b fieldProblem) int {
		if unknown(a) != 1 || unknown(b) != 1 {
			return unknown(a) - unknown(b)
		}
		return strings.Compare(a.Field, b.Field)
	})
	if len(p.Errors) > 0 {
		p.Field = p.Errors[0].Field
		p.Detail = strings.TrimSpace(p.Field + " " + p.Errors[0].Detail)
	}
	if p.ErrorCount = len(p.Errors); p.ErrorCount == 1 {
		p.Errors, p.ErrorCount = nil, 0
	}
	p.Errors = p.Errors[:min(len(p.Errors), maxErrors)]
	return p
}

// wordings are how the framework begins to say what is wrong with a value, and what we say, with the rest of it in the place of %s; the first that fits
// counts.
var wordings = []struct{ theirs, ours string }{
	{"invalid integer", "must be a whole number"},
	{"invalid float", "must be a number"},
	{"invalid boolean", "must be true or false"},
	{"invalid date/time", "must be a time as in 2026-11-02T12:00:00Z"},
	{"expected boolean", "must be true or false"},
	{"expected integer", "must be a whole number"},
	{"expected number to be a multiple of ", "must be a multiple of %s"},
	{"expected number >= ", "must be at least %s"},
	{"expected number <= ", "must be at most %s"},
	{"expected number > ", "must be more than %s"},
	{"expected number < ", "must be less than %s"},
	{"expected number", "must be a number"},
	{"expected length >= 1", "is empty"},
	{"expected length >= ", "must have at least %s characters"},
	{"expected length <= ", "must have at most %s characters"},
	{"expected array length >= 1", "is empty"},
	{"expected array length >= ", "must have at least %s items"},
	{"expected array length <= ", "must have at most %s items"},
	{"expected array items to be unique", "must have nothing twice"},
	{"expected array", "must be an array"},
	{"expected object with at ", "must have at %s"},
	{"expected object", "must be an object"},
	{"expected string to be RFC 3339 date-time", "must be a time as in 2026-11-02T12:00:00Z"},
	{"expected string to be RFC 3339 date", "must be a day as in 2026-11-02"},
	{"expected string to be RFC 5322 email", "must be an e-mail address"},
	{"expected string to be base64 encoded", "must be base64"},
	{"expected string to match pattern ", "must match the pattern %s"},
	{"expected string to be ", "must be %s"},
	{"expected string", "must be a string"},
	{`expected value to be one of "`, `must be one of %s`},
	{"expected ", "is wrong: expected %s"},
}

func inOurWords(theirs string) string {
	for _, w := range wordings {
		rest, fits := strings.CutPrefix(theirs, w.theirs)
		if longer := rest != "" && unicode.IsDigit(rune(rest[0])) && !strings.Contains(w.ours, "%s"); fits && !longer { // 1 is not the beginning of 10
			return strings.ReplaceAll(w.ours, "%s", strings.TrimSuffix(rest, `"`))
		}
	}
	return theirs
}

// ofDetail names a field as we do: without saying that it is in the body or the query. The value is left out: it may be anything.
func ofDetail(d *huma.ErrorDetail) fieldProblem {
	at, field, found := strings.Cut(d.Location, ".")
	if !found {
		field = ""
	}
	detail := d.Message
	switch {
	case strings.HasPrefix(detail, "expected required property "): // huma names the object that lacks it
		name, _, _ := strings.Cut(strings.TrimPrefix(detail, "expected required property "), " ")
		field, detail = strings.TrimPrefix(field+"."+name, "."), "is missing"
	case strings.HasPrefix(detail, "required ") && strings.HasSuffix(detail, " is missing"):
		detail = "is missing"
	case detail == "unexpected property":
		detail = notKnown
	case detail == "unknown query parameter":
		detail = "is not a known parameter"
	case at == "body" && field == "":
		detail = "the body " + inOurWords(detail)
	default:
		detail = inOurWords(detail)
	}
	return fieldProblem{Field: short(field, maxField), Detail: short(detail, maxDetail)}
}

// notReady is the failure of a store that does not answer, whatever the reason.
func notReady(err error) error {
	if fault.Of(err).Transient() {
		return err
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("the store cannot be reached: %w", err))
}
