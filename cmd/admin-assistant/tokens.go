package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"adminassistant/shared/account/msal"
	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
)

// credentials give out the tokens that requests carry.
type credentials interface {
	// Token returns a token; it is empty when there is none. refused is one that the API did not accept, empty at first.
	Token(ctx context.Context, refused string) (string, error)
	// Unaccepted says what to do about requests that are not accepted, whether they had a token or not, for the API's reason.
	Unaccepted(reason string) error
}

// fixedToken is a token that somebody else has got.
type fixedToken struct{ api, token string }

const tokenVariable = "ADMIN_ASSISTANT_TOKEN"

var headerValue = regexp.MustCompile(`^[!-~]+$`)

func (f fixedToken) Token(context.Context, string) (string, error) {
	if !headerValue.MatchString(f.token) {
		return "", fault.Field(tokenVariable, "is not a token")
	}
	return f.token, nil
}

func (f fixedToken) Unaccepted(reason string) error {
	return fault.New(fault.Unauthenticated, "%s does not accept %s: %s", f.api, tokenVariable, reason)
}

// newToken is that of a sign-in which is not kept yet.
type newToken struct{ api, token string }

func (n newToken) Token(context.Context, string) (string, error) { return n.token, nil }

func (n newToken) Unaccepted(reason string) error {
	return fault.New(fault.Unauthenticated, "%s does not accept the sign-in: %s", n.api, reason)
}

const (
	// early is how long before its end a token is not used any more. The library has the same.
	early = 5 * time.Minute
	// askFor is how long the sign-in service may take.
	askFor = 30 * time.Second
	// waitFor is how long other commands may take that have the sign-in.
	waitFor = 2 * askFor
)

// tokens gives out the access tokens of a sign-in, and refreshes them. It may be used from many goroutines at once, and the sign-in by many
// processes.
type tokens struct {
	place
	signIns   signIns
	transport http.RoundTripper

	mu      sync.Mutex
	held    string
	expires time.Time
}

// Token returns the token that is held, else that of the file, else it refreshes. Without a sign-in there is no token.
func (t *tokens) Token(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" && t.held != refused && time.Until(t.expires) > early {
		return t.held, nil
	}
	if _, err := t.signIns.read(t.file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	waiting, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	unlock, err := t.signIns.lock(waiting)
	if err != nil {
		return "", err
	}
	defer unlock()
	in, err := t.signIns.read(t.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fault.New(fault.Unauthenticated, "%w; sign in with: %s", err, t.login)
	case in.API != t.api:
		return "", fault.New(fault.Unauthenticated, "the sign-in in %s is for another server; sign in with: %s", t.file, t.login)
	case in.Account == "":
		return "", t.ended("")
	}
	// A command that is interrupted completes the exchange all the same: the old refresh token may be good for nothing any more.
	asking, stop := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer stop()
	l, err := openLibrary(in, t.transport)
	if err != nil {
		return "", err
	}
	got, err := l.silent(asking, in.Account, refused)
	if needed := new(signInNeeded); errors.As(err, &needed) {
		in.Account, in.Cache, in.Claims = "", nil, needed.claims
		return "", errors.Join(t.ended(needed.reason), t.signIns.write(t.file, in))
	}
	if err != nil {
		return "", err
	}
	if !bytes.Equal(in.Cache, l.kept.Text) {
		in.Cache = l.kept.Text
		if err := t.signIns.write(t.file, in); err != nil {
			return "", err
		}
	}
	t.held, t.expires = got.AccessToken, got.ExpiresOn
	return t.held, nil
}

// ended is the failure of a sign-in that is good for nothing any more, for the service's reason, which may be empty.
func (t *tokens) ended(reason string) error {
	if reason != "" {
		reason = " (" + reason + ")"
	}
	return fault.New(fault.Unauthenticated, "the sign-in to %s has ended%s; sign in with: %s", t.api, reason, t.login)
}

func (t *tokens) Unaccepted(reason string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == "" {
		hint := ""
		if onThisMachine(t.api) {
			hint = "; if it was started on this machine with: admin-assistant serve, name its data folder with --data"
		}
		return fault.New(fault.Unauthenticated, "nobody is signed in to %s; sign in with: %s%s", t.api, t.login, hint)
	}
	return fault.New(fault.Unauthenticated, "%s does not accept the sign-in (%s); sign in with: %s", t.api, reason, t.login)
}

// library is Microsoft's, for one sign-in.
type library struct {
	public.Client
	kept    *msal.Cache
	send    *sender
	scope   []string
	consent string // where an administrator allows the program
}

// openLibrary makes one with what it kept of a sign-in. It asks nobody for anything.
func openLibrary(in signIn, transport http.RoundTripper) (*library, error) {
	authority, err := url.Parse(in.Authority)
	if err != nil || authority.Host == "" {
		return nil, fault.New(fault.Invalid, "%q is not the address of a sign-in service", in.Authority)
	}
	l := &library{
		kept: &msal.Cache{Text: in.Cache, Unreadable: &signInNeeded{reason: "unreadable"}},
		send: &sender{host: authority.Host, transport: transport, scope: []string{in.Scope}}, scope: []string{in.Scope},
		consent: refusal.ConsentAddress(in.Authority, in.Tenant, in.Client),
	}
	l.Client, err = public.New(in.Client, public.WithAuthority(in.Authority+"/"+in.Tenant), public.WithCache(l.kept), public.WithHTTPClient(l.send),
		public.WithInstanceDiscovery(false)) // the server has said where to sign in
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s/%s is not where one can sign in", in.Authority, in.Tenant)
	}
	return l, nil
}

// silent returns a token from what the library kept, or refreshes it if that one is over or was refused.
func (l *library) silent(ctx context.Context, account, refused string) (public.AuthResult, error) {
	ask := func() (public.AuthResult, error) {
		got, err := l.AcquireTokenSilent(ctx, l.scope, public.WithSilentAccount(public.Account{HomeAccountID: account}))
		if err != nil && got.AccessToken != "" { // it tried to refresh one that is still good
			err = nil
		}
		return got, l.explain(err)
	}
	got, err := ask()
	if err == nil && got.AccessToken == refused {
		forgetAccess(l.kept)
		return ask()
	}
	return got, err
}

// forgetAccess leaves the library nothing but the refresh token.
func forgetAccess(c *msal.Cache) {
	var object map[string]json.RawMessage
	if json.Unmarshal(c.Text, &object) != nil {
		return
	}
	delete(object, "AccessToken")
	if text, err := json.Marshal(object); err == nil {
		c.Text = text
	}
}

// sender carries the library's requests to the sign-in service, and to nobody else.
type sender struct {
	host      string
	transport http.RoundTripper
	scope     []string
	refusal   *refusal.Refusal // the last answer that was an error
}

const maxAnswer = 1 << 20 // bytes of an answer of the service

// Do sends a request and follows no redirect.
func (s *sender) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || !strings.EqualFold(r.URL.Host, s.host) {
		return nil, fault.New(fault.Internal, "the sign-in service named an address at %q, which is not its own: not followed", r.URL.Host)
	}
	s.refusal = nil
	got, err := (&http.Client{Transport: s.transport, CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxAnswer {
		return nil, fault.New(fault.Unavailable, "an answer of the sign-in service is over %d bytes", maxAnswer)
	}
	if got.StatusCode != http.StatusOK {
		s.refusal = refusal.Read(got.StatusCode, got.Header, text, time.Now())
	} else if r.Method == http.MethodPost {
		text = msal.InWords(s.scope, text)
	}
	got.Body, got.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return got, nil
}

// CloseIdleConnections is the library's; the connections are not its own.
func (s *sender) CloseIdleConnections() {}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// signInNeeded means that only the user can go on, by signing in again.
type signInNeeded struct {
	reason string // the service's word or number
	claims string // what that sign-in has to show (JSON); mostly empty
}

func (e *signInNeeded) Error() string { return "sign in again (" + e.reason + ")" }

// explain says what an error of the library means. The library's errors hold the request, with tokens, and quote answers: nothing of them is
// kept but the service's word and number, and what a network says.
func (l *library) explain(err error) error {
	needed, known, network := new(signInNeeded), new(fault.Error), new(url.Error)
	switch a := l.send.refusal; {
	case err == nil:
		return nil
	case errors.As(err, &needed):
		return needed
	case errors.As(err, &known):
		return known
	case a != nil:
		return l.refused(a)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "the sign-in was not completed in time")
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Unavailable, "the sign-in was interrupted")
	case errors.As(err, &network):
		return fault.New(fault.Unavailable, "the sign-in service at %s does not answer: %w", l.send.host, network.Err)
	case strings.Contains(err.Error(), "no token found"): // the library has no other sign of it
		return &signInNeeded{reason: "no token"}
	case strings.Contains(err.Error(), "declined scopes"): // nor of this
		return fault.New(fault.Forbidden, "the sign-in did not give access to the server; sign in again and allow what is asked for")
	}
	return fault.New(fault.Unavailable, "the answer of the sign-in service at %s cannot be read", l.send.host)
}

// signInFrequency is the number with which a policy asks for a new sign-in every so often. Here the user is there to do so.
const signInFrequency = 70043

// refused says what a refusal means to the user of this program.
func (l *library) refused(r *refusal.Refusal) error {
	switch meaning := r.Meaning(); {
	case meaning == refusal.SignIn, r.Number == signInFrequency:
		return &signInNeeded{reason: r.Reason(), claims: r.Claims}
	case meaning == refusal.Consent:
		return fault.New(fault.Forbidden, "an administrator of your organisation has to allow this program first (%s); the administrator opens %s",
			r.Reason(), l.consent)
	case meaning == refusal.Declined:
		return errDeclined
	}
	return r.Err()
}

var errDeclined = fault.New(fault.Forbidden, "the sign-in was declined")
