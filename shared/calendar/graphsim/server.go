// Package graphsim is a Microsoft Graph simulator: an http.Handler that speaks Graph's REST dialect for calendars, with its state in memory.
//
// It serves tests and the demo. It is stricter than the service where the service is lax (what a client should not send is an error), has the
// service's limits, its time behaviour and, on request, its failures, and keeps a log of what it was sent.
//
// All methods of Server may be called from many goroutines at once.
package graphsim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"adminassistant/shared/calendar"
)

// Options are a server's settings; the zero value is a fast and flawless service.
type Options struct {
	Token       string        // the bearer token that is accepted; empty: any
	RoundTrip   time.Duration // what each HTTP request costs by itself
	ServiceTime time.Duration // what each operation on a mailbox costs, while it counts as one of those at once
	Limits      Limits
	// Queue lets a request beyond Limits.Concurrent wait for its turn, where the service answers 429.
	Queue bool
	// RetryAfter is sent with the 429 of a request beyond Limits.Concurrent; empty: "1".
	RetryAfter string
	// RepeatStatus answers a create with the transactionId and the content of an earlier one; 0: 201.
	RepeatStatus int
	// DuplicateStatus answers a create with the transactionId of an earlier one and other content, 400 or 409; 0: 409. With TellExisting the
	// error names the event that is there ("@event.existingEventId").
	DuplicateStatus int
	TellExisting    bool
	// ZonesAsWritten serves the names of time zones as they were written; otherwise they become Windows names where there is one.
	ZonesAsWritten bool
	// TextBecomesHTML serves text bodies as HTML, as Exchange does, unless plain text is asked for.
	TextBecomesHTML bool
	// Permissions are those of Microsoft Graph that whoever asks has, as far as settings and categories of mailboxes go; nil: all. See SetPermissions.
	Permissions []string
	Switches    Switches // those that are on from the beginning
	Faults      []Fault
	// Log receives every entry of the log as a JSON line; KeepEntries of them stay in memory, 0: 20,000.
	Log         io.Writer
	KeepEntries int
	Clock       Clock // nil: the machine's
}

// Server is the simulator.
type Server struct {
	options Options
	clock   Clock
	traps   traps
	log     logbook
	watch   watch
	changes atomic.Int64 // counts what changes the state
	served  atomic.Int64 // counts events that were served under bump_keys
	windows atomic.Int64 // counts windows that were read under skips

	permissions atomic.Pointer[[]string]

	switches atomic.Pointer[Switches]
	turns    atomic.Int64

	mu        sync.RWMutex
	token     string
	mailboxes []*mailbox
	ids       uint64          // counts ids that were given
	zones     []calendar.Zone // those that only seeds explain
}

var _ http.Handler = (*Server)(nil)

// New makes a server without mailboxes. Options.Faults and Options.Switches must be ones that SetFaults and SetSwitches accept; it panics otherwise.
func New(o Options) *Server {
	o.Limits = o.Limits.filled()
	fill(&o.RetryAfter, "1")
	fill(&o.RepeatStatus, http.StatusCreated)
	fill(&o.DuplicateStatus, http.StatusConflict)
	fill(&o.KeepEntries, 20_000)
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	s := &Server{options: o, clock: o.Clock, token: o.Token, log: logbook{out: o.Log, keep: o.KeepEntries}}
	if err := cmp.Or(s.SetFaults(o.Faults...), s.SetSwitches(o.Switches)); err != nil {
		panic("graphsim: " + err.Error())
	}
	s.SetPermissions(o.Permissions)
	return s
}

// SetToken makes another bearer token the only one that is accepted; the old one has expired.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// SetFaults replaces all faults. Errors are Invalid.
func (s *Server) SetFaults(faults ...Fault) error {
	return s.arm(nil, faults)
}

// AddFaults adds faults to those that are there. Errors are Invalid.
func (s *Server) AddFaults(faults ...Fault) error {
	s.traps.mu.Lock()
	old := slices.Clone(s.traps.all)
	s.traps.mu.Unlock()
	return s.arm(old, faults)
}

func (s *Server) arm(all []*trap, faults []Fault) error {
	for _, f := range faults {
		t, err := newTrap(f)
		if err != nil {
			return err
		}
		all = append(all, t)
	}
	s.traps.mu.Lock()
	defer s.traps.mu.Unlock()
	s.traps.all = all
	return nil
}

// Faults returns the faults, with how often they struck.
func (s *Server) Faults() []Fault {
	s.traps.mu.Lock()
	defer s.traps.mu.Unlock()
	faults := make([]Fault, len(s.traps.all))
	for i, t := range s.traps.all {
		faults[i] = t.Fault
	}
	return faults
}

// Log returns the last Options.KeepEntries requests, in order of arrival. One that is still under way is not among them.
func (s *Server) Log() []Entry { return s.log.all() }

// ResetLog forgets the entries and the violations so far.
func (s *Server) ResetLog() {
	s.log.reset()
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	s.watch.seen = nil
}

// LogError says why the log could not be written to Options.Log, if it could not.
func (s *Server) LogError() error { return s.log.err() }

// MaxInFlight is how many requests a mailbox was asked to carry out at once at most, those that were turned away included.
func (s *Server) MaxInFlight(mailbox string) int {
	m := s.mailbox(mailbox)
	if m == nil {
		return 0
	}
	return m.gate.seen()
}

// Changes counts the writes so far: it differs if the state does.
func (s *Server) Changes() int64 { return s.changes.Load() }

// newID makes an id that no other thing of the server has.
func (s *Server) newID(prefix string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return prefix + token(fmt.Sprint("id ", s.ids))
}

// token is a name in disguise, the same in every process.
func token(name string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:40]
}

const maxURL = 16 << 10 // bytes, as HTTP.sys has it

// ServeHTTP answers a request of Graph's, and those for the simulator itself under /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sim/") {
		s.serveSim(w, r)
		return
	}
	began := s.clock.Now()
	n := s.log.begin()
	id := token(fmt.Sprint("request ", n))
	entry := Entry{N: n, Time: began.UTC(), Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Headers: headersOf(r.Header)}
	c := &call{
		server: s, at: began, method: r.Method, rawQuery: r.URL.RawQuery, header: r.Header, entry: &entry,
		requestID: fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:32]),
	}
	// What the service has received it carries out, whether or not anybody waits for the answer.
	ctx := context.WithoutCancel(r.Context())
	s.clock.Sleep(ctx, s.options.RoundTrip/2)
	answer, cut := s.answer(ctx, c, r)
	s.clock.Sleep(ctx, s.options.RoundTrip-s.options.RoundTrip/2)

	var body []byte
	if answer.body != nil {
		var err error
		if body, err = json.Marshal(answer.body); err != nil {
			answer = c.answer(err)
			body, _ = json.Marshal(answer.body)
		}
	}
	entry.Status, entry.RetryAfter, entry.Answer = answer.status, answer.header.Get("Retry-After"), len(body)
	if cut != "" {
		entry.Status = 0
	}
	entry.Took = s.clock.Now().Sub(began)
	s.log.add(entry)
	if cut != "" && cut != During {
		panic(http.ErrAbortHandler) // net/http then closes the connection
	}

	header := w.Header()
	maps.Copy(header, answer.header)
	header.Set("Date", s.clock.Now().UTC().Format(http.TimeFormat)) // by the simulator's clock, not by the machine's
	header.Set("request-id", c.requestID)
	header.Set("client-request-id", c.clientRequestID())
	if len(c.applied) > 0 {
		header.Set("Preference-Applied", strings.Join(c.applied, ", "))
	}
	if body != nil {
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(answer.status)
	if cut == During {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

const contentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// answer carries out a whole HTTP request. If the connection is to be cut, cut says when.
func (s *Server) answer(ctx context.Context, c *call, r *http.Request) (answer *reply, cut string) {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	base, path, err := segments(r.URL.EscapedPath())
	c.base, c.path = scheme+r.Host+base, path
	if err == nil {
		err = s.receive(c, r)
	}
	if err != nil {
		return c.answer(err), ""
	}
	if c.path[0] != "$batch" {
		return s.run(ctx, c, false)
	}

	c.fault = s.traps.strike(c.method, "/$batch", false, c.body)
	c.entry.Fault = c.fault.Kind
	s.clock.Sleep(ctx, c.fault.latency)
	if !c.fault.after() {
		if err := c.fault.failure(); err != nil {
			return c.answer(err), ""
		}
		if c.fault.is(FaultCut) {
			return c.answer(bad("cut")), Before
		}
	}
	answer, subCut := s.batch(ctx, c)
	switch err := c.fault.failure(); {
	case c.fault.is(FaultCut):
		return answer, c.fault.When
	case subCut:
		return answer, After
	case err != nil:
		return c.answer(err), ""
	}
	return answer, ""
}

// receive reads the request and checks whether it may come in at all.
func (s *Server) receive(c *call, r *http.Request) error {
	if len(r.URL.RequestURI()) > maxURL {
		return fail(http.StatusRequestURITooLong, "UriTooLong", "The request URI is longer than %d bytes.", maxURL)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(s.options.Limits.RequestBytes)+1))
	c.entry.Bytes = len(body)
	if err != nil {
		return bad("The request body could not be read.")
	}
	if len(body) > s.options.Limits.RequestBytes {
		return tooLarge()
	}
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(unpacked, int64(s.options.Limits.RequestBytes)+1))
		}
		if err != nil {
			return bad("The request body is not gzip, as its Content-Encoding says.")
		}
		if len(body) > s.options.Limits.RequestBytes {
			return tooLarge()
		}
	default:
		return fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Encoding '%.40s' is not supported.", encoding)
	}
	c.body = body
	if c.path[0] != "$batch" {
		c.entry.Body = bodyOf(body)
	}

	s.mu.RLock()
	want := s.token
	s.mu.RUnlock()
	kind, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case !strings.EqualFold(kind, "Bearer") || got == "":
		return fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.")
	case want != "" && got != want:
		return expired()
	}
	c.tenant = tenantOf(got)
	c.entry.Tenant = c.tenant
	return nil
}

// tenantOf is the tenant that a token names. Its signature is not looked at: what the simulator is for is where a client sends which token.
func tenantOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	var claims struct {
		Tenant string `json:"tid"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Tenant
}

func tooLarge() error {
	return fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Maximum request length exceeded.")
}

// run carries out a request to a mailbox, one of a batch or one by itself, within the mailbox's limits and under the faults that strike it.
func (s *Server) run(ctx context.Context, c *call, sub bool) (answer *reply, cut string) {
	c.inspect()
	c.fault = s.traps.strike(c.method, "/"+strings.Join(c.path, "/"), sub, c.body)
	if c.entry.Fault = c.fault.Kind; c.entry.Fault == "" && c.fault.latency > 0 {
		c.entry.Fault = FaultLatency
	}
	if !c.fault.after() {
		if err := c.fault.failure(); err != nil {
			s.clock.Sleep(ctx, c.fault.latency)
			return c.answer(err), ""
		}
		if c.fault.is(FaultCut) {
			s.clock.Sleep(ctx, c.fault.latency)
			return c.answer(bad("cut")), Before
		}
	}
	answer, err := s.admit(ctx, c)
	if err != nil {
		answer = c.answer(err)
	}
	switch err := c.fault.failure(); {
	case c.fault.is(FaultCut):
		return answer, c.fault.When
	case err != nil:
		return c.answer(err), ""
	}
	return answer, ""
}

// admit carries out a request if the mailbox has room for it.
func (s *Server) admit(ctx context.Context, c *call) (*reply, error) {
	m, path, err := s.addressed(c.tenant, c.path)
	if err != nil {
		return nil, err
	}
	c.mailbox, c.entry.Mailbox = m, m.ID
	if err := c.prefer(); err != nil {
		return nil, err
	}
	limits := s.options.Limits
	now := s.clock.Now()
	if wait, ok := m.requests.admit(now, 1, limits.Requests, limits.RequestSpan); !ok {
		return nil, throttled("RequestsPerMailbox", wait)
	}
	if c.method != http.MethodGet {
		if wait, ok := m.uploads.admit(now, int64(len(c.body)), limits.Uploads, limits.UploadSpan); !ok {
			return nil, throttled("UploadBytesPerMailbox", wait)
		}
	}
	if !m.gate.enter(limits.Concurrent, s.options.Queue) {
		return nil, throttled("MailboxConcurrency", s.options.RetryAfter)
	}
	defer m.gate.leave()
	s.clock.Sleep(ctx, s.options.ServiceTime+c.fault.latency)
	if err := m.outOfReach(); err != nil {
		return nil, err
	}
	return c.route(path)
}

// addressed finds the mailbox of a path among those of a tenant, and what of the path follows it.
func (s *Server) addressed(tenant string, path []string) (*mailbox, []string, error) {
	var name string
	switch {
	case path[0] == "me":
		path = path[1:]
	case path[0] == "users" && len(path) > 1:
		name, path = path[1], path[2:]
	default:
		return nil, nil, bad("Resource not found for the segment '%.100s'.", path[0])
	}
	m := s.mailboxIn(tenant, name)
	if m == nil {
		return nil, nil, fail(http.StatusNotFound, "ErrorInvalidUser", "The requested user '%.100s' is invalid.", name)
	}
	if m.NotEnabled {
		return nil, nil, fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	}
	return m, path, nil
}
