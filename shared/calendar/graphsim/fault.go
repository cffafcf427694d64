package graphsim

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"adminassistant/shared/fault"
)

// What a Fault does.
const (
	FaultLatency     = "latency"      // the request lasts Delay longer
	FaultThrottle    = "throttle"     // 429
	FaultUnavailable = "unavailable"  // 503
	FaultTimeout     = "timeout"      // 504
	FaultError       = "error"        // Status and Code
	FaultExpired     = "expired"      // 401: the token has expired
	FaultCut         = "cut"          // the connection is cut; of a batch's sub-request, that of the whole batch, whose other requests are carried out
	FaultRepeat      = "repeat"       // a page repeats an event: the last one of the page before it, or its own first one
	FaultForeignLink = "foreign_link" // the next link leads to another host
	FaultLate        = "late"         // 504; the event that the request created cannot be seen before the request is repeated
)

// When a fault strikes.
const (
	Before = "before" // nothing has happened; the default
	After  = "after"  // the request has had its effect, its answer is lost
	During = "during" // of a cut: half the answer has been sent
)

// Fault is one line of a fault script. It counts the requests that it is about, and strikes those of them that nth, every,
// probability and times leave; a fault that says none of them strikes every one.
type Fault struct {
	// What it is about; what is empty does not matter. A path is what follows the version, as in "/users/*/calendars/*/events": * stands for
	// anything without a slash, ** for anything.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Scope  string `json:"scope,omitempty"` // "request": whole HTTP requests alone; "sub": those in batches alone
	Holds  string `json:"holds,omitempty"` // a text that the body has

	Nth         int     `json:"nth,omitempty"`         // the nth, counted from 1
	Every       int     `json:"every,omitempty"`       // each nth
	Times       int     `json:"times,omitempty"`       // at most so often
	Probability float64 `json:"probability,omitempty"` // each one with this probability
	Seed        uint64  `json:"seed,omitempty"`        // of the probability

	Kind       string   `json:"kind"`
	When       string   `json:"when,omitempty"`        // of timeout, unavailable, error, cut
	Delay      Duration `json:"delay,omitempty"`       // of latency
	RetryAfter string   `json:"retry_after,omitempty"` // the header, as it is sent; empty: there is none
	Status     int      `json:"status,omitempty"`      // of error
	Code       string   `json:"code,omitempty"`        // of error

	Seen   int `json:"seen,omitempty"`   // requests that it was about, so far
	Struck int `json:"struck,omitempty"` // those that it struck
}

// Duration is a time.Duration that JSON writes as "200ms".
type Duration time.Duration

// MarshalText writes "200ms".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "200ms".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// ReadFaults reads a script: one Fault a line, as JSON; lines that are empty or begin with # do not count. Errors are Invalid and name the line.
func ReadFaults(r io.Reader) ([]Fault, error) {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil, err
	}
	var faults []Fault
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		in := json.NewDecoder(bytes.NewReader(line))
		in.DisallowUnknownFields()
		var f Fault
		err := in.Decode(&f)
		if err == nil {
			_, err = newTrap(f)
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "fault script, line %d: %v", i+1, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

// trap is a Fault at work.
type trap struct {
	Fault
	path   *regexp.Regexp
	random *rand.Rand
}

func newTrap(f Fault) (*trap, error) {
	switch f.Kind {
	case FaultLatency, FaultThrottle, FaultUnavailable, FaultTimeout, FaultExpired, FaultCut, FaultRepeat, FaultForeignLink, FaultLate:
	case FaultError:
		if f.Status < 400 || f.Status > 599 {
			return nil, fault.Field("status", "of an error must be 400 to 599, not %d", f.Status)
		}
	default:
		return nil, fault.Field("kind", "is unknown: %.40q", f.Kind)
	}
	switch {
	case f.When != "" && f.When != Before && f.When != After && (f.When != During || f.Kind != FaultCut):
		return nil, fault.Field("when", "is %.40q: expected before or after, or during for a cut", f.When)
	case f.Scope != "" && f.Scope != "request" && f.Scope != "sub":
		return nil, fault.Field("scope", "is %.40q: expected request or sub", f.Scope)
	case f.Probability < 0 || f.Probability > 1:
		return nil, fault.Field("probability", "must be 0 to 1")
	}
	t := &trap{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0))}
	if f.Path != "" {
		pattern := regexp.QuoteMeta(f.Path)
		pattern = strings.ReplaceAll(pattern, `\*\*`, ".*")
		pattern = strings.ReplaceAll(pattern, `\*`, "[^/]*")
		var err error
		if t.path, err = regexp.Compile("^" + pattern + "$"); err != nil {
			return nil, fault.Field("path", "%v", err)
		}
	}
	return t, nil
}

// about says whether the trap is about a request.
func (t *trap) about(method, path string, sub bool, body []byte) bool {
	return (t.Method == "" || strings.EqualFold(t.Method, method)) && (t.path == nil || t.path.MatchString(path)) &&
		(t.Scope == "" || (t.Scope == "sub") == sub) && bytes.Contains(body, []byte(t.Holds))
}

// snaps counts a request that the trap is about and says whether it strikes.
func (t *trap) snaps() bool {
	t.Seen++
	switch {
	case t.Times > 0 && t.Struck >= t.Times,
		t.Nth > 0 && t.Seen != t.Nth,
		t.Every > 0 && t.Seen%t.Every != 0,
		t.Probability > 0 && t.random.Float64() >= t.Probability:
		return false
	}
	t.Struck++
	return true
}

// traps are all faults of a server.
type traps struct {
	mu  sync.Mutex
	all []*trap
}

// strike is what the faults do to one request: latencies add up, of the others the first one counts.
type strike struct {
	Fault
	latency time.Duration
}

func (s strike) is(kind string) bool { return s.Kind == kind }

func (t *traps) strike(method, path string, sub bool, body []byte) strike {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s strike
	for _, one := range t.all {
		if !one.about(method, path, sub, body) || s.Kind != "" && one.Kind != FaultLatency || !one.snaps() {
			continue
		}
		if one.Kind == FaultLatency {
			s.latency += time.Duration(one.Delay)
			continue
		}
		s.Fault = one.Fault
	}
	return s
}

// failure is the answer that the fault gives in place of the real one; nil if it leaves that alone.
func (s strike) failure() error {
	f := &failure{retryAfter: s.RetryAfter}
	switch s.Kind {
	case FaultThrottle:
		f.status, f.code, f.message = http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."
	case FaultUnavailable:
		f.status, f.code, f.message = http.StatusServiceUnavailable, "ServiceUnavailable", "The service is unavailable."
	case FaultTimeout, FaultLate:
		f.status, f.code, f.message = http.StatusGatewayTimeout, "GatewayTimeout", "The request timed out."
	case FaultExpired:
		return expired()
	case FaultError:
		f.status, f.code, f.message = s.Status, s.Code, http.StatusText(s.Status)
	default:
		return nil
	}
	return f
}

// after says whether the request takes effect although it is answered otherwise.
func (s strike) after() bool {
	return s.When == After || s.When == During || s.Kind == FaultLate || s.Kind == FaultRepeat || s.Kind == FaultForeignLink
}

func expired() error {
	return fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
}
