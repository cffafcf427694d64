package main

import (
	"context"
	"encoding/base64"
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

	"github.com/spf13/cobra"

	"adminassistant/shared/account/refusal"
	"adminassistant/shared/app"
	"adminassistant/shared/fault"
)

// exitMissing is the exit code of a doctor who finds that something is missing.
const exitMissing = 3

// state of a step of the set-up.
type state string

const (
	done    state = "ok"
	missing state = "missing"
	unseen  state = "unknown" // cannot be seen from here
	foreign state = "n/a"     // does not apply here
)

// ofAPI is the registration that most steps are about.
const ofAPI = `the registration of the API ("A" in the README)`

// finding is what can be said of one step of the set-up.
type finding struct {
	Step  string `json:"step"`
	State state  `json:"state"`
	What  string `json:"what"`
	Do    string `json:"do,omitempty"` // what helps
}

// doctor collects findings about a server and the sign-in service that it names.
type doctor struct {
	*program
	api   string
	offer offer
	found []finding
}

func (d *doctor) say(step string, s state, what, do string) {
	d.found = append(d.found, finding{step, s, what, do})
}

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say which steps of the set-up in Entra ID are missing", Args: cobra.NoArgs,
		Long: "Say which steps of the set-up in Entra ID are missing, as far as the answers of the server and of the sign-in service and your own token show it.\n" +
			"Nothing is changed. Sign in first to see all of it; what cannot be seen is named, too, with what to do. With --local it looks at the\n" +
			"application that reaches mailboxes from this machine.\n\n" +
			"Exit codes: 0 nothing is missing, 3 something is missing, 1 it could not be found out.",
		Example: `  admin-assistant doctor --api https://assistant.example.com
  admin-assistant --profile work doctor
  admin-assistant --local doctor`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &doctor{program: p}
			look := d.lookAtServer
			if p.local {
				look = d.lookHere
			}
			if err := look(cmd.Context()); err != nil {
				return err
			}
			return d.report()
		},
	}
}

// report prints the findings. What is missing makes the exit code.
func (d *doctor) report() error {
	if d.output == "json" {
		if err := d.printJSON(map[string]any{"findings": d.found}); err != nil {
			return err
		}
	} else {
		for _, f := range d.found {
			fmt.Fprintf(d.out, "%-8s %s: %s\n", f.State, f.Step, printable(d.told(f.What)))
			if f.Do != "" {
				fmt.Fprintf(d.out, "%-8s Do: %s\n", "", printable(d.told(f.Do)))
			}
		}
	}
	n := 0
	for _, f := range d.found {
		if f.State == missing {
			n++
		}
	}
	if d.output != "json" {
		switch n {
		case 0:
			fmt.Fprintln(d.out, "\nNothing is missing, as far as can be seen.")
		case 1:
			fmt.Fprintln(d.out, "\nOne thing is missing.")
		default:
			fmt.Fprintf(d.out, "\n%s missing.\n", counted(n, "thing is", "things are"))
		}
	}
	if n > 0 {
		return exitError{exitMissing}
	}
	return nil
}

// lookAtServer looks at a server's sign-in.
func (d *doctor) lookAtServer(ctx context.Context) error {
	at, err := d.signInPlace(false)
	if err != nil {
		return err
	}
	d.api = at.api
	c, err := newClient(at.api, d.transport)
	if err != nil {
		return err
	}
	var failed *apiError
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/auth/config"}, &d.offer)
	if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		d.say("server", done, at.api+" answers; it is for the one account of its machine", "")
		d.say("sign-in", foreign, "nobody signs in to it, so that no registration of an API is needed",
			"to look at the application that reaches mailboxes from a machine: admin-assistant --local doctor")
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.offer.check(at.api); err != nil {
		d.say("settings", missing, err.Error(), "compare the settings sign-in-authority, -audience, -client and -tenants with the registrations")
		return nil
	}
	d.offer.Authority = strings.TrimRight(d.offer.Authority, "/")
	d.say("server", done, at.api+" answers, and says where one signs in", "")
	for _, tenant := range d.offer.Tenants {
		if err := d.lookAtTenant(ctx, tenant); err != nil {
			return err
		}
	}
	if err := d.lookAtCommandLine(ctx); err != nil {
		return err
	}
	if err := d.lookAtWeb(ctx); err != nil {
		return err
	}
	if !c.secret() {
		d.say("token", unseen, "a token is not sent in the clear", "reach the server by https")
		return nil
	}
	if err := d.lookAtToken(ctx, c, at); err != nil || !d.offer.More {
		return err
	}
	return d.lookAtTenants(ctx, c)
}

// lookAtTenants looks at those that were added, which administrators of the first one are shown.
func (d *doctor) lookAtTenants(ctx context.Context, c *client) error {
	const list = "admin-assistant admin tenant list"
	var answer struct {
		Items []tenantView `json:"items"`
	}
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/tenants"}, &answer); err != nil {
		if kind := fault.Of(err); kind == fault.Unavailable || kind == fault.Throttled {
			return err
		}
		d.say("added tenants", unseen, "users of tenants are let in that the settings do not name; administrators of "+d.tenant()+" see which", list)
		return nil
	}
	for _, t := range answer.Items {
		if t.Named || t.State != "in" {
			continue
		}
		if err := d.lookAtTenant(ctx, t.ID); err != nil {
			return err
		}
	}
	d.say("added tenants", done, "users of tenants are let in that the settings do not name: "+list, "")
	return nil
}

// ask sends a request without a token and follows no redirect. Answers of the service are small.
func (d *doctor) ask(ctx context.Context, method, at string, form url.Values) (*http.Response, []byte, error) {
	asking, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	r, err := http.NewRequestWithContext(asking, method, at, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := (&http.Client{Transport: d.transport, CheckRedirect: noRedirect}).Do(r)
	if err != nil {
		var network *url.Error
		if errors.As(err, &network) {
			err = network.Err
		}
		return nil, nil, fault.New(fault.Unavailable, "%s does not answer: %w", r.URL.Host, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, nil, fault.New(fault.Unavailable, "%s did not answer in full: %w", r.URL.Host, err)
	}
	return answer, text, nil
}

func (d *doctor) lookAtTenant(ctx context.Context, tenant string) error {
	answer, text, err := d.ask(ctx, http.MethodGet, d.offer.Authority+"/"+tenant+"/v2.0/.well-known/openid-configuration", nil)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusOK {
		d.say("tenant", done, "Entra ID knows "+tenant, "")
		return nil
	}
	refused := refusal.Read(answer.StatusCode, answer.Header, text, time.Now())
	if refused.Meaning() == refusal.Passing || refused.Meaning() == refusal.Busy {
		return refused.Err()
	}
	d.say("tenant", missing, fmt.Sprintf("Entra ID does not know %s (%s)", tenant, refused.Reason()),
		"compare the setting sign-in-tenants, and what admin tenant list shows, with the tenant id on the overview page of Entra ID, and "+
			"sign-in-authority with its cloud")
	return nil
}

// authorize is the address of a sign-in that shows no page.
func (d *doctor) authorize(client, back, scope string) string {
	tenant := "organizations"
	if len(d.offer.Tenants) == 1 {
		tenant = d.offer.Tenants[0]
	}
	return d.offer.Authority + "/" + tenant + "/oauth2/v2.0/authorize?" + url.Values{
		"client_id": {client}, "redirect_uri": {back}, "response_type": {"code"}, "response_mode": {"query"}, "scope": {scope}, "state": {"doctor"},
		"prompt": {"none"}, "code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"}, "nonce": {"doctor"},
	}.Encode()
}

var serviceNumber = regexp.MustCompile(`AADSTS[0-9]{1,9}`)

// refused is what the service says to a sign-in that shows no page; nil, if nothing is wrong but that nobody is signed in.
func (d *doctor) refused(ctx context.Context, at, back string) (*refusal.Refusal, error) {
	answer, text, err := d.ask(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	var r *refusal.Refusal
	if to, err := answer.Location(); err == nil && strings.HasPrefix(to.String(), back) {
		r = refusal.Brought(to.Query().Get("error"), to.Query().Get("error_description"))
	} else { // a page for people, which alone says it where the address to go back to is not known
		r = refusal.Brought("invalid_request", serviceNumber.FindString(string(text)))
	}
	switch r.Meaning() {
	case refusal.SignIn:
		return nil, nil
	case refusal.Passing, refusal.Busy:
		return nil, r.Err()
	}
	return r, nil
}

func (d *doctor) lookAtCommandLine(ctx context.Context) error {
	const step = "command line"
	r, err := d.refused(ctx, d.authorize(d.offer.Client, "http://localhost", "openid "+d.offer.Scope), "http://localhost")
	switch {
	case err != nil:
		return err
	case r != nil && r.Number == 0:
		d.say(step, unseen, "the sign-in service shows a page that says nothing", "sign in: admin-assistant login")
	case r != nil:
		d.say(step, missing, plain(r), `in the registration of the command line: platform "Mobile and desktop applications" with the redirect address `+
			"http://localhost, delegated permission access_as_user of the API, and User.Read")
		return nil
	default:
		d.say(step, done, "its application is registered, with http://localhost", "")
	}
	return d.lookAtDevice(ctx)
}

// lookAtDevice begins a sign-in by a code and asks for it once, which shows whether it may succeed.
func (d *doctor) lookAtDevice(ctx context.Context) error {
	const step = "login --device"
	tenant := "organizations"
	if len(d.offer.Tenants) == 1 {
		tenant = d.offer.Tenants[0]
	}
	at := d.offer.Authority + "/" + tenant + "/oauth2/v2.0/"
	answer, text, err := d.ask(ctx, http.MethodPost, at+"devicecode", url.Values{"client_id": {d.offer.Client}, "scope": {"openid " + d.offer.Scope}})
	if err != nil {
		return err
	}
	var begun struct {
		Code string `json:"device_code"`
	}
	if answer.StatusCode == http.StatusOK && json.Unmarshal(text, &begun) == nil && begun.Code != "" {
		answer, text, err = d.ask(ctx, http.MethodPost, at+"token", url.Values{
			"client_id": {d.offer.Client}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {begun.Code},
		})
		if err != nil {
			return err
		}
	}
	r := refusal.Read(answer.StatusCode, answer.Header, text, time.Now())
	switch {
	case r.Word == "authorization_pending":
		d.say(step, done, "public client flows are allowed; whether a policy blocks device codes, a sign-in shows alone", "")
	case r.Number == 7000218:
		d.say(step, foreign, "public client flows are not allowed, so that nobody signs in by a code; the browser works without",
			"only if you want it: in the registration of the command line, Authentication, allow public client flows")
	case r.Meaning() == refusal.Passing || r.Meaning() == refusal.Busy:
		return r.Err()
	default:
		d.say(step, missing, plain(r), "look at the registration of the command line and at the API's scope access_as_user")
	}
	return nil
}

// plain is a refusal for people.
func plain(r *refusal.Refusal) string { return r.Err().Error() }

// lookAtWeb looks at where the server sends browsers.
func (d *doctor) lookAtWeb(ctx context.Context) error {
	const step = "web sign-in"
	answer, text, err := d.ask(ctx, http.MethodGet, d.api+"/auth/login", nil)
	if err != nil {
		return err
	}
	to, err := answer.Location()
	switch {
	case answer.StatusCode == http.StatusNotFound:
		d.say(step, foreign, "this deployment has no sign-in with a browser", "for one, set sign-in-credentials and public-url")
		return nil
	case err != nil:
		var said problem
		_ = json.Unmarshal(text, &said)
		d.say(step, missing, fmt.Sprintf("the server does not send browsers to the sign-in service: %s", said.Detail),
			"look at the log of the function Api for \"nobody can sign in on the web\"")
		return nil
	}
	q := to.Query()
	back, client := q.Get("redirect_uri"), q.Get("client_id")
	if !strings.HasPrefix(to.String(), d.offer.Authority+"/") || !guidOnly.MatchString(client) {
		d.say(step, missing, "the server sends browsers elsewhere than it says", "compare sign-in-authority and sign-in-audience with the registration")
		return nil
	}
	r, err := d.refused(ctx, d.authorize(client, back, q.Get("scope")), back)
	switch {
	case err != nil:
		return err
	case r != nil && r.Number == 0:
		d.say(step, unseen, "the sign-in service shows a page that says nothing", "sign in: open "+d.api+"/auth/login")
	case r != nil:
		d.say(step, missing, plain(r), `in `+ofAPI+`: platform "Web" with the redirect addresses `+back+" and "+
			strings.TrimSuffix(back, "callback")+"signed-out")
	default:
		d.say(step, done, "its application is registered, with "+back, "")
	}
	if strings.Contains(q.Get("scope"), "Calendars.ReadWrite") {
		d.say("mailboxes", unseen, "each is reached by its user's own sign-in; whether an administrator has consented, a sign-in shows",
			"the administrator opens "+refusal.ConsentAddress(d.offer.Authority, d.tenant(), client))
	}
	d.say("credential", unseen, "how the API's application shows who it is, and until when, cannot be seen from here",
		"prefer federated; note the end of a secret, which is two years at most")
	return nil
}

// tenant is the first one that is let in.
func (d *doctor) tenant() string { return d.offer.Tenants[0] }

// said is what a token says.
type said struct {
	Version  string   `json:"ver"`
	Audience string   `json:"aud"`
	Scopes   string   `json:"scp"`
	Tenant   string   `json:"tid"`
	Roles    []string `json:"roles"`
	Groups   []any    `json:"groups"`
	HasMany  any      `json:"_claim_names"`
	UPN      string   `json:"upn"`
	Email    string   `json:"email"`
	key      string
	bytes    int
}

// readToken reads an own token. Nobody is let in by that: the server checks it.
func readToken(token string) (said, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return said{}, false
	}
	s := said{bytes: len(token)}
	var head struct {
		Key string `json:"kid"`
	}
	for i, into := range []any{&head, &s} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return said{}, false
		}
	}
	s.key = head.Key
	return s, true
}

func (d *doctor) lookAtToken(ctx context.Context, c *client, at place) error {
	c.credentials = &tokens{place: at, signIns: d.signIns, transport: d.transport}
	if d.settings.Token != "" {
		c.credentials = fixedToken{at.api, d.settings.Token}
	}
	token, err := c.credentials.Token(ctx, "")
	switch kind := fault.Of(err); {
	case kind == fault.Forbidden || kind == fault.Setup || kind == fault.Unauthenticated && err != nil:
		d.say("token", missing, err.Error(), "")
		return nil
	case err != nil:
		return err
	case token == "":
		d.say("token", unseen, "nobody is signed in here, so that the rest cannot be seen", at.login+", and run this again")
		return nil
	}
	s, ok := readToken(token)
	if !ok {
		d.say("token", unseen, "it cannot be read", "")
		return nil
	}
	if s.Version == "2.0" {
		d.say("token version", done, "2.0: one audience, one issuer", "")
	} else {
		d.say("token version", missing, fmt.Sprintf("access tokens are of version %q: they work, and their audience depends on how one asks", s.Version),
			"in the manifest of "+ofAPI+": \"requestedAccessTokenVersion\": 2")
	}
	if !slices.Contains(strings.Fields(s.Scopes), "access_as_user") {
		d.say("scope", missing, "the token does not have access_as_user", "in "+ofAPI+", Expose an API: add the scope access_as_user")
	} else {
		d.say("scope", done, "access_as_user", "")
	}
	if len(s.Groups) > 0 || s.HasMany != nil || s.bytes > largeToken {
		d.say("groups claim", missing, "tokens name groups ("+strconv.Itoa(s.bytes>>10)+" KB): with many they are too large for the gateway, which takes 10 KB",
			"in "+ofAPI+", Token configuration: remove the groups claim")
	} else {
		d.say("groups claim", done, "tokens name no groups", "")
	}
	if err := d.lookAtKeys(ctx, s); err != nil {
		return err
	}
	return d.lookAtAnswers(ctx, c, s)
}

// lookAtKeys sees whether tokens are signed with keys of all applications, or with one of the API's own.
func (d *doctor) lookAtKeys(ctx context.Context, s said) error {
	answer, text, err := d.ask(ctx, http.MethodGet, d.offer.Authority+"/"+s.Tenant+"/discovery/v2.0/keys", nil)
	if err != nil {
		return err
	}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if answer.StatusCode != http.StatusOK || json.Unmarshal(text, &set) != nil {
		d.say("claims mapping", unseen, "the keys of the sign-in service cannot be read", "run this again")
		return nil
	}
	for _, key := range set.Keys {
		if key.ID == s.key {
			d.say("claims mapping", done, "tokens are signed with the keys of all", "")
			return nil
		}
	}
	d.say("claims mapping", missing, "tokens are signed with a key of the API's own: they work, and claims are not what they are elsewhere",
		"take the claims mapping policy off "+ofAPI)
	return nil
}

// lookAtAnswers looks at what the server says to the user's token.
func (d *doctor) lookAtAnswers(ctx context.Context, c *client, s said) error {
	var me meView
	var failed *apiError
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me)
	switch {
	case fault.Of(err) == fault.Unauthenticated && err != nil, errors.As(err, &failed) && failed.Status < http.StatusInternalServerError:
		d.say("server", missing, "it does not accept your token: "+err.Error(), "compare sign-in-audience, -client, -programs and -tenants with the registrations")
		return nil
	case err != nil:
		return err
	}
	d.say("server", done, "it accepts your token", "")
	if me.Role == "admin" {
		d.say("administrator", done, "you are one", "")
	} else {
		d.say("administrator", unseen, "you are none; whether somebody is, cannot be seen",
			"in the enterprise application of the API, Users and groups: assign the role admin to a person, else there is no first administrator")
	}
	d.say("assignment", unseen, "who may sign in cannot be seen from here",
		"in the enterprise application of the API, Properties: assignment required, and assign the groups that may; else the whole directory gets in")
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/v1/calendars", query: url.Values{"provider": {"msgraph"}, "account": {"me"}}}, nil)
	switch {
	case err == nil:
		d.say("your mailbox", done, "the server reaches it, or has its calendars from your last sign-in", "")
	case errors.As(err, &failed) && failed.Code == fault.Setup.String():
		d.say("your mailbox", missing, failed.Detail, `look at the registration of the mailboxes ("B" in the README), and at docs/runbooks/setup-faults.md`)
	case errors.As(err, &failed) && failed.Code == fault.Forbidden.String():
		d.say("your mailbox", missing, failed.Detail, "in Exchange Online: New-ManagementRoleAssignment as in the README, and up to two hours")
	case errors.As(err, &failed) && failed.Code == fault.Invalid.String():
		d.say("your mailbox", foreign, failed.Detail, "")
	case errors.As(err, &failed):
		d.say("your mailbox", unseen, failed.Detail, "sign in on the web once, or check with Test-ServicePrincipalAuthorization")
	default:
		return err
	}
	if s.UPN == "" && s.Email == "" {
		d.say("optional claims", missing, "tokens have neither upn nor email, so that the server does not know your mailbox by its address",
			"in "+ofAPI+", Token configuration: add upn and email to access tokens")
	} else {
		d.say("optional claims", done, "tokens name your mailbox", "")
	}
	d.say("other mailboxes", unseen, "whether the application reaches more than it should, Exchange alone says",
		"Test-ServicePrincipalAuthorization for one mailbox inside and one outside; grant no Graph application permission in Entra ID")
	return nil
}

// lookHere looks at the application that reaches mailboxes from this machine.
func (d *doctor) lookHere(ctx context.Context) error {
	d.say("sign-in", foreign, "nobody signs in to this machine's stores", "to look at a server: admin-assistant doctor --api ADDRESS")
	s := d.settings
	if s.GraphClient == "" {
		d.say("mailboxes", foreign, "Microsoft 365 is not connected from here as an application",
			"to connect it, set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET or _CERTIFICATE")
		return nil
	}
	outlook, err := app.Outlook(ctx, s)
	if err != nil {
		return err
	}
	return d.lookAtApplication(ctx, outlook.Permissions)
}

// lookAtApplication looks at the application that reaches mailboxes, by the permissions that Entra ID grants it for all of them.
func (d *doctor) lookAtApplication(ctx context.Context, granted func(context.Context) ([]string, error)) error {
	permissions, err := granted(ctx)
	switch kind := fault.Of(err); {
	case err == nil:
	case kind == fault.Setup:
		d.say("mailboxes", missing, err.Error(), `look at the registration of the mailboxes ("B" in the README)`)
		return nil
	default:
		return err
	}
	d.say("mailboxes", done, "Entra ID accepts the application", "")
	if wide := slices.DeleteFunc(permissions, func(p string) bool { return !strings.HasPrefix(p, "Calendars.") && !strings.HasPrefix(p, "Mail") }); len(wide) > 0 {
		d.say("Graph permissions", missing, "Entra ID grants "+strings.Join(wide, ", ")+" for all mailboxes of the organisation; what Exchange confines adds to that",
			"remove these application permissions from the registration, and grant roles in Exchange Online (RBAC for Applications)")
	} else {
		d.say("Graph permissions", done, "none are granted in Entra ID, so that Exchange alone says which mailboxes are reached", "")
	}
	d.say("categories", unseen, "whether categories may be changed, which is optional, Exchange alone says; without it they are read-only",
		"grant \"Application MailboxSettings.ReadWrite\" in place of \"Application MailboxSettings.Read\"")
	d.say("Exchange", unseen, "which mailboxes are reached, Exchange alone says",
		"Test-ServicePrincipalAuthorization for one mailbox inside and one outside; what was granted just now counts within two hours")
	return nil
}
