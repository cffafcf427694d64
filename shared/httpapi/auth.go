package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/refusal"
	"adminassistant/shared/account/session"
	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/telemetry"
)

// SignIn is the service at which browsers sign in: microsoft.Client, or one that does more at the end of a sign-in.
type SignIn interface {
	// Begin is the page on which the user signs in. user is who is signed in here and signs in once more; empty: nobody is.
	Begin(ctx context.Context, user string, r microsoft.Request) (string, error)
	// Redeem completes a sign-in. What is wrong with it is of kind fault.Unauthenticated or fault.Forbidden, with a text for the user;
	// microsoft.ErrMore comes with the identity of who has to sign in once more.
	Redeem(context.Context, microsoft.Response) (microsoft.Identity, error)
	// SignOut is the page on which the user signs out of the service too; hint is microsoft.Identity.LogoutHint.
	SignOut(ctx context.Context, tenant, hint string) (string, error)
	// Consent is where an administrator of a tenant allows the application; an empty tenant is any.
	Consent(ctx context.Context, tenant string) (string, error)
	// Forget removes what is kept to act for a user while the user is away.
	Forget(ctx context.Context, user string) error
}

var _ SignIn = (*microsoft.Client)(nil)

const (
	sessionCookie = "__Host-session"
	loginCookie   = "__Host-login"
	// chooseCookie makes the next sign-in ask with which account: the service would take the one that is signed in there without a word.
	chooseCookie = "__Host-choose"
	chooseFor    = 24 * time.Hour
	headerCSRF   = "X-CSRF-Token"

	// maxReturn is the longest path to which a sign-in returns, in bytes.
	maxReturn = 2048
	// maxCode is the longest authorization code, in bytes.
	maxCode = 8 << 10
	// maxHint is the longest user name that is proposed, in bytes.
	maxHint = 320

	routeSession = "GET /auth/session"

	// checkEvery is how old may be what the sign-in service said of a session's user: it ends no session of ours when somebody leaves, or is no
	// administrator any more. For what administrators change it has to be younger.
	checkEvery   = 4 * time.Hour
	checkChanges = 15 * time.Minute
)

type sessionKey struct{}

// sessionOf returns the session that made the request; nil if it was made with a token.
func sessionOf(ctx context.Context) *session.Session {
	it, _ := ctx.Value(sessionKey{}).(*session.Session)
	return it
}

// SessionID is the id of the session by which a request is made; empty: it is made by none.
func SessionID(ctx context.Context) string {
	if it := sessionOf(ctx); it != nil {
		return it.ID
	}
	return ""
}

// authenticate says who makes a request: by its Authorization header, if there is one, else by its session. A browser sends cookies by itself, and
// the header only for a script that means it; so a header counts alone, and needs no token against forged requests.
func (s *server) authenticate(h http.Header, r *http.Request, to *route) (account.Principal, *session.Session, error) {
	_, token := r.Header["Authorization"]
	cookie, err := r.Cookie(s.sessionCookie())
	if !s.browsers() || token || err != nil {
		who, err := s.Authenticate(r)
		s.refused(h, err, token)
		return who, nil, err
	}
	it, err := s.Sessions.Find(r.Context(), cookie.Value)
	if err != nil {
		if fault.Of(err) == fault.Unauthenticated {
			s.setSession(h, "", -1)
		}
		s.refused(h, err, true)
		return account.Principal{}, nil, s.unknownSession(r, err)
	}
	if it.Noted { // it lasts longer now, and its cookie with it
		s.keep(h, cookie.Value, &it)
	}
	if unsafe(r.Method) && !to.page && !it.Proves(r.Header.Get(headerCSRF)) { // that of a page is in its form
		return account.Principal{}, nil, &coded{codeCSRF, headerCSRF,
			"a request of a browser session that changes something has to carry the header " + headerCSRF + ", as " + routeSession + " returns it"}
	}
	if s.unchecked(&it, to) {
		return account.Principal{}, nil, errUnchecked
	}
	return it.Principal, &it, nil
}

var errUnchecked = &coded{
	code: codeUnchecked, detail: "the sign-in service has to say once more who you are, which mostly needs nothing of you; go to /auth/login?check=true",
}

// unchecked says whether the sign-in service has to be asked about a session's user before a route is answered. Whoever leaves may leave at any time.
func (s *server) unchecked(it *session.Session, to *route) bool {
	if s.SignIn == nil || to.access == byAuthenticated {
		return false
	}
	age, most := s.Clock().Sub(it.Checked), checkEvery
	if method, _ := to.split(); to.access == byAdministrators && unsafe(method) {
		most = checkChanges
	}
	return age >= most
}

// refused answers how to authenticate (RFC 6750), and counts credentials that were no good. A genuine token that does not allow enough is
// fault.Forbidden.
func (s *server) refused(h http.Header, err error, presented bool) {
	if err == nil {
		return
	}
	challenge := "Bearer"
	switch kind := fault.Of(err); {
	case kind == fault.Forbidden:
		challenge += ` error="insufficient_scope"`
		if s.CLI.Scope != "" {
			challenge += `, scope="` + s.CLI.Scope + `"`
		}
	case kind != fault.Unauthenticated:
		return
	case presented:
		challenge += ` error="invalid_token"`
	}
	if presented {
		s.Metrics.Count(telemetry.Counts{telemetry.SignInFailures: 1})
	}
	h.Set("WWW-Authenticate", challenge)
}

func unsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// setCookie sets a cookie that no script and no other host can read or set. A negative age removes it.
func setCookie(h http.Header, name, value string, seconds int) {
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	h.Add("Set-Cookie", c.String())
}

// keep gives a browser its session for as long as that lasts.
func (s *server) keep(h http.Header, cookie string, it *session.Session) {
	s.setSession(h, cookie, max(1, int(it.Ends().Sub(s.Clock())/time.Second)))
}

// localPath returns a path of ours to which a browser may be sent, query and fragment included. Browsers drop some characters and take a backslash for a
// slash, so that only what reads the same to everybody passes; the error is of kind fault.Invalid.
func localPath(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "/", nil
	case !visible(text, maxReturn), strings.Contains(text, `\`), err != nil, u.Scheme != "", u.Host != "", u.User != nil, u.Opaque != "",
		!strings.HasPrefix(text, "/"), path.Clean(u.EscapedPath()) != u.EscapedPath(), strings.HasPrefix(u.Path, "/auth/"):
		return "", fault.Field("return", "has to be the path of a page here, as in /docs")
	}
	return text, nil
}

// login sends a browser to the sign-in service.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	to, err := s.begin(w.Header(), r)
	if err != nil {
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// begin is where a browser signs in that asks for it.
func (s *server) begin(h http.Header, r *http.Request) (string, error) {
	q := r.URL.Query()
	back, err := localPath(q.Get("return"))
	if err != nil {
		return "", err
	}
	hint := q.Get("login_hint")
	if len(hint) > maxHint {
		return "", fault.Field("login_hint", "has over %d bytes", maxHint)
	}
	who, err := s.already(r)
	if err != nil {
		return "", err
	}
	attempt := session.NewAttempt(who.key(), back)
	attempt.Tenant = q.Get("tenant")
	prompt := q.Get("prompt")
	if prompt != "" && prompt != microsoft.SelectAccount {
		return "", fault.Field("prompt", "is %.20q: there is %s alone", prompt, microsoft.SelectAccount)
	}
	if _, err := r.Cookie(chooseCookie); err == nil {
		prompt = microsoft.SelectAccount
	}
	if q.Get("check") == "true" && who != nil {
		attempt.Silent, attempt.Tenant, prompt, hint = true, who.Tenant, microsoft.Silent, cmp.Or(who.Hint, who.Account)
	}
	return s.toSignIn(r.Context(), h, attempt, microsoft.Request{LoginHint: hint, Prompt: prompt}, who.key())
}

// toSignIn begins a sign-in, sets its cookie, and returns the page of the sign-in service. who is the key of the user who is signed in and signs
// in once more; empty: nobody is. What is asked besides is in the request.
func (s *server) toSignIn(ctx context.Context, h http.Header, attempt session.Attempt, ask microsoft.Request, who string) (string, error) {
	ask.State, ask.Nonce, ask.Challenge = attempt.State, attempt.Nonce(), oauth2.S256ChallengeFromVerifier(attempt.Verifier())
	ask.Tenant = attempt.Tenant
	page, err := s.SignIn.Begin(ctx, who, ask)
	if err != nil {
		return "", err
	}
	if err := s.Attempts.Begin(ctx, attempt); err != nil {
		return "", err
	}
	setCookie(h, loginCookie, attempt.Cookie, int(session.AttemptFor/time.Second))
	return page, nil
}

// there is a session that a browser has already; nil: none.
type there session.Session

func (t *there) key() string {
	if t == nil {
		return ""
	}
	return t.Key()
}

// already is the session of the browser; nil: nobody is signed in.
func (s *server) already(r *http.Request) (*there, error) {
	cookie, err := r.Cookie(s.sessionCookie())
	if err != nil {
		return nil, nil // nobody is
	}
	it, err := s.Sessions.Find(r.Context(), cookie.Value)
	if err != nil && fault.Of(err) == fault.Unauthenticated {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return (*there)(&it), nil
}

var (
	errNotBegun = &coded{
		code: codeSignIn, detail: "this sign-in was not begun in this browser, or is over ten minutes old, or was completed before; sign in again",
	}
	errIncomplete = &coded{code: codeSignIn, detail: "the sign-in service sent an answer that is not complete; sign in again"}
	errNotAllowed = &coded{
		code:   codeSignIn,
		detail: "the sign-in service did not let you in; sign in again, and ask your organisation's administrator if that does not help",
	}
	errNotNow     = fault.New(fault.Throttled, "the sign-in service is asked too much just now; try again in a few minutes")
	errCancelled  = &coded{code: codeSignIn, detail: "you did not sign in, or did not allow what is needed; sign in again if you want to"}
	errSignInDown = fault.New(fault.Unavailable, "the sign-in service does not work just now; try again in a minute")
)

// callback is where the sign-in service sends a browser back to.
func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	setCookie(w.Header(), loginCookie, "", -1)
	back, who, err := s.complete(w.Header(), r)
	if err != nil {
		if kind := fault.Of(err); kind == fault.Unauthenticated || kind == fault.Forbidden { // maybe with another account
			setCookie(w.Header(), chooseCookie, "1", int(chooseFor/time.Second))
		}
		if fault.Of(err) == fault.Unauthenticated {
			err = withCode(codeSignIn, "%s", err.Error())
		}
		problem := problemOf(ctx, err)
		if fault.Of(err) == fault.Setup {
			s.Metrics.Count(telemetry.Counts{telemetry.SetupFaults: 1})
		}
		if problem.Status < 500 && err != errCancelled {
			s.Metrics.Count(telemetry.Counts{telemetry.SignInFailures: 1})
		}
		s.refuse(w, r, problem)
		return
	}
	if who.Object != "" {
		zerolog.Ctx(ctx).Info().Str("user", telemetry.Hash(who.Key())).Msg("signed in")
	}
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusSeeOther)
}

// complete ends a sign-in that this browser began: the user has a new session then, whatever session the browser had before, and its cookie is set.
// Where the user has to show more, back is the page of the sign-in service once more, and nobody is signed in yet.
func (s *server) complete(h http.Header, r *http.Request) (back string, who account.Principal, err error) {
	ctx, q := r.Context(), r.URL.Query()
	cookie, err := r.Cookie(loginCookie)
	if err != nil {
		return "", who, errNotBegun
	}
	attempt, err := s.Attempts.Complete(ctx, single(q, "state"), cookie.Value)
	if errors.Is(err, session.ErrNoAttempt) {
		return "", who, errNotBegun
	}
	if err != nil {
		return "", who, err
	}
	if q.Has("error") {
		refused := refusal.Brought(single(q, "error"), single(q, "error_description"))
		if attempt.Silent && (refused.Meaning() == refusal.SignIn || refused.Meaning() == refusal.Policy || refused.Meaning() == refusal.Consent) {
			// The service does not say it without the user. The session stays unchecked, and good for nothing, until there is another sign-in.
			return "/auth/login?return=" + url.QueryEscape(attempt.Return), who, nil
		}
		return "", who, s.providerError(ctx, refused, attempt.Tenant)
	}
	code := single(q, "code")
	if code == "" || len(code) > maxCode {
		return "", who, errIncomplete
	}
	identity, err := s.SignIn.Redeem(ctx, microsoft.Response{
		Code: code, Verifier: attempt.Verifier(), Nonce: attempt.Nonce(), Tenant: attempt.Tenant, Asked: attempt.Of,
	})
	if errors.Is(err, microsoft.ErrMore) {
		h.Del("Set-Cookie") // which would remove the new attempt's cookie
		next := session.NewAttempt(identity.Key(), attempt.Return)
		next.Tenant = attempt.Tenant
		back, err = s.toSignIn(ctx, h, next, microsoft.Request{LoginHint: identity.Account}, identity.Key())
		return back, who, err
	}
	if err != nil {
		return "", who, err
	}
	in := session.SignIn{Principal: identity.Principal, Account: identity.Account, Hint: identity.LogoutHint}
	if attempt.Silent {
		if done, err := s.check(r, in); done || err != nil {
			return attempt.Return, account.Principal{}, err
		}
	}
	setCookie(h, chooseCookie, "", -1)
	return attempt.Return, identity.Principal, s.beginSession(h, r, in)
}

// check notes in the browser's session what the sign-in service has just said; false if the session is another user's, or has ended.
func (s *server) check(r *http.Request, in session.SignIn) (bool, error) {
	old, err := s.already(r)
	if err != nil || old == nil || old.Key() != in.Key() {
		return false, err
	}
	err = s.Sessions.Check(r.Context(), old.ID, in)
	if fault.Of(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// beginSession gives a browser a new session, in the place of the one that it may have had, and records it.
func (s *server) beginSession(h http.Header, r *http.Request, who session.SignIn) error {
	ctx := r.Context()
	value, it, err := s.Sessions.Start(ctx, who, r.UserAgent())
	if err != nil {
		return err
	}
	if _, err := s.Audit.Append(ctx, audit.Entry{
		User: who.Key(), Actor: who.Key(), Action: "session.begin", Resource: audit.Resource{Kind: "session", ID: it.ID}, Outcome: audit.OK,
		Correlation: telemetry.Correlation(ctx), Personal: audit.Personal{Name: who.Name, IP: remote(r.RemoteAddr), UserAgent: r.UserAgent()},
	}); err != nil {
		s.end(ctx, it)
		return fault.New(fault.Of(err), "you are not signed in, because it could not be recorded: %w", err)
	}
	if old, err := r.Cookie(s.sessionCookie()); err == nil {
		if before, err := s.Sessions.Find(ctx, old.Value); err == nil {
			s.end(ctx, before)
		}
	}
	s.keep(h, value, &it)
	return nil
}

// end ends a session that no browser has any more; if that fails, it expires by itself.
func (s *server) end(ctx context.Context, it session.Session) {
	if err := s.Sessions.End(ctx, it.Key(), it.ID); err != nil && fault.Of(err) != fault.NotFound {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("session not ended")
	}
}

// single returns a parameter that is there exactly once, else "".
func single(q url.Values, name string) string {
	if len(q[name]) != 1 {
		return ""
	}
	return q[name][0]
}

// errorWords are those errors of sign-in services that the log has by name. Any other may be what the maker of a link wanted there.
var errorWords = []string{
	"access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_client", "invalid_grant", "invalid_request",
	"invalid_resource", "invalid_scope", "login_required", "server_error", "temporarily_unavailable", "unauthorized_client", "unsupported_response_type",
}

// providerError is what an error means with which the sign-in service sends a browser back. Its description is for nobody: whoever made the link may
// have written it.
func (s *server) providerError(ctx context.Context, refused *refusal.Refusal, tenant string) error {
	if refused.Word == "" {
		return errIncomplete
	}
	logged := "another"
	if slices.Contains(errorWords, refused.Word) {
		logged = refused.Word
	}
	zerolog.Ctx(ctx).Warn().Str("error", logged).Int("number", refused.Number).Msg("sign-in refused by the service")
	switch refused.Meaning() {
	case refusal.Consent:
		at, err := s.SignIn.Consent(ctx, tenant)
		if err != nil {
			return err
		}
		return withCode(codeSignIn, "your organisation's administrator has to allow this application before anybody can use it; the administrator opens %s", at)
	case refusal.NotLetIn:
		return withCode(codeSignIn, "%s", refused.Err())
	case refusal.Declined:
		return errCancelled
	case refusal.Passing:
		return errSignInDown
	case refusal.Busy:
		return errNotNow
	case refusal.Credential, refusal.Setup:
		return refused.Err()
	}
	return errNotAllowed
}

// remote is the address of who asks, with or without a port; the zero address if it is none.
func remote(addr string) netip.Addr {
	if with, err := netip.ParseAddrPort(addr); err == nil {
		return with.Addr()
	}
	ip, _ := netip.ParseAddr(addr)
	return ip
}

type sessionView struct {
	Token  string    `json:"csrf_token" doc:"Has to come as X-CSRF-Token with every request of this session that is not a GET."`
	Object string    `json:"object" doc:"Entra object id of who is signed in."`
	Name   string    `json:"name"`
	Began  time.Time `json:"began"`
	Ends   time.Time `json:"ends" doc:"When it ends if it is not used again: 12 hours after its last use, 7 days after its beginning at the latest."`
}

// listedSessionView is a session as its user sees it among all.
type listedSessionView struct {
	ID      string    `json:"id"`
	Agent   string    `json:"user_agent" doc:"What the browser said of itself."`
	Began   time.Time `json:"began"`
	Used    time.Time `json:"used" doc:"To within 5 minutes."`
	Ends    time.Time `json:"ends"`
	Current bool      `json:"current" doc:"It is the one that asks."`
}

type endedAnswer struct {
	SetCookie []string `header:"Set-Cookie" doc:"Removes the session's cookie."`
}

const tagAuth = "auth"

func (s *server) authRoutes() {
	s.handlePlain(route{
		pattern: "GET /auth/login", access: anyone, where: withSignIn, tag: tagAuth, summary: "Sign in with a browser", document: loginQuery,
		description: "Leads to the sign-in service and from there back to the path of return, with a session in a cookie. Errors are a page for people, and " +
			"problems for others.",
	}, s.login)
	s.handlePlain(route{pattern: "GET /auth/callback", access: anyone, where: withSignIn}, s.callback)
	s.handlePlain(route{pattern: "GET /auth/sign-out", access: anyone, where: withSignIn}, s.signOutPage)
	s.handlePlain(route{
		pattern: "POST /auth/sign-out", access: anyone, where: withSignIn, class: limit.Writes, body: body{kinds: []string{formKind}},
	}, s.signOutForm)
	s.handlePlain(route{pattern: "GET /auth/signed-out", access: anyone, where: withSignIn}, s.signedOutPage)
	handle(s, route{
		pattern: routeSession, access: byUsers, where: withSessions, tag: tagAuth, summary: "Show the session that asks, with its token",
		description: "Requests of a session that are not a GET have to carry the token in the header " + headerCSRF + ". Those with an " +
			"Authorization header need none, and have no session.",
	}, s.getSession)
	handle(s, route{
		pattern: "POST /auth/logout", access: byAuthenticated, class: limit.Writes, action: "session.end", where: withSessions,
		tag: tagAuth, summary: "Sign out", success: http.StatusNoContent,
		description: "With everywhere you are signed out in all browsers, within 30 seconds, and what is kept to act for you while you are away is forgotten. " +
			"Access tokens of other programs stay valid until they expire. The session at the sign-in service goes on; the page /auth/sign-out ends it, too.",
	}, s.logout)
	handle(s, route{
		pattern: "GET /auth/sessions", access: byUsers, where: withSessions,
		tag: tagAuth, summary: "List the browsers in which you are signed in, the oldest first",
		description: "One that signed in just now may be missing.",
	}, s.listSessions)
	handle(s, route{
		pattern: "DELETE /auth/sessions/{id}", access: byUsers, class: limit.Removals, action: "session.end", where: withSessions,
		tag: tagAuth, summary: "Sign out in another browser", success: http.StatusNoContent,
	}, s.endSession)
}

// loginQuery describes the parameters of a sign-in.
func loginQuery(op *huma.Operation) {
	op.Parameters = []*huma.Param{{
		Name: "return", In: "query", Description: "The path of the page that is shown then; empty: /.",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "uri-reference"},
	}, {
		Name: "login_hint", In: "query", Description: "User name that is proposed.", Schema: &huma.Schema{Type: huma.TypeString},
	}, {
		Name: "tenant", In: "query", Description: "Id of the tenant to sign in at, where several are let in; guests have to name the one whose guests they are.",
		Schema: &huma.Schema{Type: huma.TypeString},
	}, {
		Name: "prompt", In: "query", Description: "To be asked with which account.",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{microsoft.SelectAccount}},
	}, {
		Name: "check", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean},
		Description: "The session goes on when the sign-in service says so without a page; else the user signs in anew. After a problem " + codeUnchecked + ".",
	}}
}

func (s *server) getSession(ctx context.Context, _ *struct{}) (*struct{ Body sessionView }, error) {
	it := sessionOf(ctx)
	if it == nil {
		return nil, fault.New(fault.NotFound, "this request is made without a session")
	}
	return &struct{ Body sessionView }{sessionView{Token: it.Token, Object: it.Object, Name: it.Name, Began: it.Began, Ends: it.Ends()}}, nil
}

func (s *server) logout(ctx context.Context, in *struct {
	Everywhere bool `query:"everywhere" doc:"End all access: in all browsers, and what is kept to act for you."`
}) (*endedAnswer, error) {
	who, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.signOut(ctx, who.Key(), sessionOf(ctx), in.Everywhere); err != nil {
		return nil, err
	}
	h := http.Header{}
	s.signedOut(h)
	return &endedAnswer{SetCookie: h["Set-Cookie"]}, nil
}

// signOut ends a session, if there is one, or all access: all sessions of the user and what is kept to act for the user.
func (s *server) signOut(ctx context.Context, who string, it *session.Session, everywhere bool) error {
	var err error
	switch {
	case everywhere:
		err = s.Sessions.EndAll(ctx, who)
		if err == nil && s.SignIn != nil {
			err = s.SignIn.Forget(ctx, who)
		}
	case it != nil:
		err = s.Sessions.End(ctx, who, it.ID)
	}
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	return err
}

// signedOut makes a browser forget its session, and the next sign-in ask with which account.
func (s *server) signedOut(h http.Header) {
	s.setSession(h, "", -1)
	if s.SignIn != nil {
		setCookie(h, chooseCookie, "1", int(chooseFor/time.Second))
	}
}

func (s *server) listSessions(ctx context.Context, in *Paging) (*page[listedSessionView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.Sessions.List(ctx, who)
	if err != nil {
		return nil, err
	}
	views := make([]listedSessionView, len(all))
	for i, it := range all {
		mine := sessionOf(ctx)
		views[i] = listedSessionView{ID: it.ID, Agent: it.Agent, Began: it.Began, Used: it.Used, Ends: it.Ends(), Current: mine != nil && mine.ID == it.ID}
	}
	return cut(*in, views, func(v listedSessionView) string { return timeKey(v.Began.Format(time.RFC3339Nano)) + "\x00" + v.ID })
}

func (s *server) endSession(ctx context.Context, in *struct {
	ID string `path:"id" doc:"As the list has it."`
}) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.Sessions.End(ctx, who, in.ID)
}
