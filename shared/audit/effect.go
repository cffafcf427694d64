package audit

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// endTimeout is how long it may take to record how a request ended, after the request itself has.
const endTimeout = 5 * time.Second

// Serve lets next answer a request of a signed-in user that may change something, and records it in that user's chain: that it began,
// before next sees it, and how it ended. When the first cannot be recorded, next is not called and the error says why; nothing was done
// and nothing answered. When the second cannot be recorded, the answer stands, since the effect is there: the first record shows
// that something began, the log has the rest, and Lost is called.
//
// The header X-Via says through what the user acted, such as an assistant; it becomes the detail "via".
//
// route is the pattern that the request matched, as in "DELETE /v1/runs/{id}". The resource is the action's first word and the last
// wildcard, or what the answer's Location ends with.
func (l *Log) Serve(w http.ResponseWriter, r *http.Request, route string, action Action, next http.Handler) error {
	ctx := r.Context()
	who, err := account.From(ctx)
	if err != nil {
		return err
	}
	kind, _, _ := strings.Cut(string(action), ".")
	e := Entry{
		User: who.Key(), Actor: who.Key(), Action: action, Resource: Resource{Kind: kind, ID: wildcard(route, r.URL)}, Outcome: Begun,
		Correlation: telemetry.Correlation(ctx), Personal: Personal{Name: who.Name, IP: remote(r.RemoteAddr), UserAgent: r.UserAgent()},
	}
	if via := r.Header.Get("X-Via"); via != "" {
		e.Details = Details{"via": ID(via)}
	}
	began := l.clock()
	records, err := l.Append(ctx, e)
	if err != nil {
		return fault.New(fault.Of(err), "nothing was done, because it could not be recorded: %w", err)
	}
	out := &answer{ResponseWriter: w, status: http.StatusInternalServerError} // what a panic comes to
	defer func() {
		e.Begun, e.Duration = records[0].ID, l.clock().Sub(began).Milliseconds()
		e.Outcome, e.Fault = outcomeOf(out.status)
		if location := out.Header().Get("Location"); e.Resource.ID == "" && location != "" {
			e.Resource.ID = path.Base(location)
		}
		ended := Details{"status": Int(int64(out.status))}
		if via, ok := e.Details["via"]; ok {
			ended["via"] = via
		}
		e.Details = ended
		// The first record has the personal fields; a user who is deleted by the request leaves none behind.
		e.Personal = Personal{}
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout) // also for a caller who hung up
		defer cancel()
		if _, err := l.Append(ending, e); err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("action", string(e.Action)).Str("resource", identifier(e.Resource.ID)).Str("outcome",
				string(e.Outcome)).
				Str("begun", e.Begun).Msg("audit record lost")
			if l.Lost != nil {
				l.Lost()
			}
		}
	}()
	next.ServeHTTP(out, r)
	if !out.answered {
		out.status = http.StatusOK
	}
	return nil
}

// answer notes the status of an answer.
type answer struct {
	http.ResponseWriter
	status   int
	answered bool
}

func (a *answer) WriteHeader(status int) {
	if !a.answered && status >= 200 { // others come before the answer
		a.status, a.answered = status, true
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.answered {
		a.status, a.answered = http.StatusOK, true
	}
	return a.ResponseWriter.Write(p)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// kindOf is the kind of failure that a status means.
var kindOf = map[int]fault.Kind{
	http.StatusUnauthorized: fault.Unauthenticated, http.StatusForbidden: fault.Forbidden, http.StatusNotFound: fault.NotFound,
	http.StatusConflict:           fault.Conflict,
	http.StatusPreconditionFailed: fault.Conflict, http.StatusLocked: fault.Locked, http.StatusTooManyRequests: fault.Throttled,
	http.StatusBadGateway: fault.Unavailable, http.StatusServiceUnavailable: fault.Unavailable, http.StatusGatewayTimeout: fault.Unavailable,
}

// outcomeOf says how a request with an answer of that status went.
func outcomeOf(status int) (Outcome, string) {
	kind, known := kindOf[status]
	switch {
	case status < 400:
		return OK, ""
	case status < 500:
		if !known {
			kind = fault.Invalid
		}
		return Refused, kind.String()
	}
	return Failed, kind.String() // unknown ones are internal
}

// wildcard returns the part of the path that the last wildcard of a route stands for, "" if it has none.
func wildcard(route string, u *url.URL) string {
	_, pattern, _ := strings.Cut(route, " ")
	parts, id := strings.Split(u.EscapedPath(), "/"), ""
	for i, p := range strings.Split(pattern, "/") {
		if strings.HasPrefix(p, "{") && p != "{$}" && i < len(parts) {
			id = parts[i]
		}
	}
	if plain, err := url.PathUnescape(id); err == nil {
		return plain
	}
	return id
}

// remote reads the address of a connection, with or without a port.
func remote(addr string) netip.Addr {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	ip, _ := netip.ParseAddr(addr) // the zero address if it is none
	return ip
}

// clockSkew is how far the clock that dates a run may be ahead of the one that dates its record.
const clockSkew = time.Minute

// RunEnded records that a run ended, as "run.<kind>.finished", with the digest of all that it says of itself, once however often it is called. The
// caller may forget the run only when there is no error. A run that has not ended, as far as r says, is of kind fault.Conflict: a record cannot be taken
// back.
func (l *Log) RunEnded(ctx context.Context, r *run.Run) error {
	if !r.State.Ended() {
		return fault.New(fault.Conflict, "run %s has not ended", r.ID)
	}
	since := r.Started
	if since.IsZero() {
		since = r.Created
	}
	since = since.Add(-clockSkew)
	e := Entry{
		User: r.User, Actor: System, Action: Action("run." + string(r.Kind) + ".finished"), Resource: Resource{Kind: "run", ID: r.ID}, Outcome: Failed,
		Correlation: r.Correlation, Details: Details{"state": ID(string(r.State)), "failed_items": Int(int64(r.Failed))},
	}
	if r.Config != "" {
		e.Details[configDetail] = ID(r.Config)
	}
	if digest, err := r.Digest(); err == nil { // else the run's record is damaged, and says nothing that could be sealed
		e.Details[digestDetail] = ID(digest)
	}
	if !r.Started.IsZero() {
		e.Duration = r.Ended.Sub(r.Started).Milliseconds()
	}
	if r.State == run.Succeeded || r.State == run.Cancelled {
		e.Outcome = OK
	} else if r.Problem != nil {
		e.Fault = r.Problem.Code
	}
	_, err := l.Once(ctx, since, e)
	return err
}

// Names of details.
const (
	configDetail = "config" // of a run
	digestDetail = "digest" // of a run, see run.Digest
)

// EndedRun is what a record says of a run that ended.
type EndedRun struct {
	ID     string
	Config string // empty: of none
	Digest string
}

// EndedRun returns what the record says of a run that ended; false if it is about something else.
func (r *Record) EndedRun() (EndedRun, bool) {
	digest, ok := r.Details[digestDetail].is.(string)
	if !ok || r.Resource.Kind != "run" {
		return EndedRun{}, false
	}
	config, _ := r.Details[configDetail].is.(string)
	return EndedRun{ID: r.Resource.ID, Config: config, Digest: digest}, true
}

// RemovedBackup returns the id of the backup that the record says was deleted; false if it says something else.
func (r *Record) RemovedBackup() (id string, ok bool) {
	return r.Resource.ID, r.Action == "backup.delete" && r.Resource.Kind == "backup" && r.Outcome != Refused
}
