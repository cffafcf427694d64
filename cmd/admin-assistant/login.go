package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
)

// signInWithin is how long a person may take to sign in.
const signInWithin = 15 * time.Minute

func (p *program) loginCommand() *cobra.Command {
	var device bool
	var tenant string
	cmd := &cobra.Command{
		Use: "login", Short: "Sign in to a server", Args: cobra.NoArgs,
		Long: "Sign in with your Microsoft account, in the browser of this machine or, with --device, of any other. What later commands need is kept in\n" +
			"your own folder for configuration, for that server alone; with --profile under a name that stands for the server, too.",
		Example: `  admin-assistant login --profile work --api https://assistant.example.com
  admin-assistant --profile work whoami`,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.login(cmd.Context(), device, tenant) },
	}
	cmd.Flags().BoolVar(&device, "device", false, "show a code to enter in the browser of another machine")
	cmd.Flags().StringVar(&tenant, "tenant", "", "id of the tenant to sign in at, where the server lets several in")
	return cmd
}

// offer is how a server says that one signs in to it.
type offer struct {
	Authority string   `json:"authority"`
	Client    string   `json:"client_id"`
	Scope     string   `json:"scope"`
	Tenants   []string `json:"tenants"`
	More      bool     `json:"more"` // users of other tenants are let in as well
}

const guid = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`

var (
	guidOnly = regexp.MustCompile(`^` + guid + `$`)
	// A token that is good for another API is nothing that a server may ask for: no API of Microsoft's has a scope of this name.
	ownScope = regexp.MustCompile(`^(api://)?` + guid + `/access_as_user$`)
)

// check refuses an offer that is not that of an Admin Assistant.
func (o offer) check(api string) error {
	authority, err := url.Parse(o.Authority)
	if err != nil || authority.Scheme != "https" || authority.Host == "" || authority.User != nil ||
		strings.Trim(authority.Path, "/")+authority.RawQuery+authority.Fragment != "" ||
		!guidOnly.MatchString(o.Client) || !ownScope.MatchString(o.Scope) || len(o.Tenants) == 0 ||
		slices.ContainsFunc(o.Tenants, func(t string) bool { return !guidOnly.MatchString(t) }) {
		return fault.New(fault.Forbidden, "%s does not say in a way that can be trusted how to sign in", api)
	}
	return nil
}

func (p *program) login(ctx context.Context, device bool, tenant string) error {
	switch {
	case p.local:
		return usageError{errors.New("--local works without a sign-in")}
	case p.settings.Token != "":
		return fault.Field(tokenVariable, "is set and goes before a sign-in; unset it first")
	}
	at, err := p.signInPlace(true)
	if err != nil {
		return err
	}
	c, err := newClient(at.api, p.transport)
	if err != nil {
		return err
	}
	if !c.secret() {
		return errInClear(at.api)
	}
	var o offer
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/auth/config"}, &o); err != nil {
		return err
	}
	if err := o.check(at.api); err != nil {
		return err
	}
	in := signIn{API: at.api, Authority: strings.TrimRight(o.Authority, "/"), Tenant: "organizations", Client: o.Client, Scope: o.Scope}
	switch tenant = strings.ToLower(tenant); {
	case tenant != "" && o.More && !guidOnly.MatchString(tenant):
		return usageError{errors.New("--tenant must be the id of a tenant")}
	case tenant != "" && !o.More && !slices.Contains(o.Tenants, tenant):
		return usageError{fmt.Errorf("--tenant must be one of %s, whose users the server lets in", strings.Join(o.Tenants, ", "))}
	case tenant != "":
		in.Tenant = tenant
	case len(o.Tenants) == 1 && !o.More:
		in.Tenant = o.Tenants[0]
	}
	if before, err := p.signIns.read(at.file); err == nil && before.API == at.api {
		in.Claims = before.Claims
	}
	l, err := openLibrary(in, p.transport)
	if err != nil {
		return err
	}
	signing, cancel := context.WithTimeout(ctx, signInWithin)
	defer cancel()
	var got public.AuthResult
	if device {
		got, err = p.byDevice(signing, l, in)
	} else {
		got, err = p.byBrowser(signing, l, in)
	}
	if err != nil {
		return err
	}
	in.Account, in.Claims, in.Cache = got.Account.HomeAccountID, "", l.kept.Text

	// The server has to accept it, or else it is not kept.
	c.credentials = newToken{api: at.api, token: got.AccessToken}
	var who json.RawMessage
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &who); err != nil {
		return err
	}
	if err := p.keep(ctx, at.file, in); err != nil {
		return err
	}
	if p.output == "json" {
		return p.printJSON(who)
	}
	var me meView
	if err := json.Unmarshal(who, &me); err != nil {
		return fmt.Errorf("the answer of %s is not what was expected: %w", at.api, err)
	}
	_, err = fmt.Fprintf(p.out, "signed in to %s as %s\n", at.api, printable(me.Name))
	return err
}

// keep writes a sign-in in the place of what is there.
func (p *program) keep(ctx context.Context, file string, in signIn) error {
	waiting, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	unlock, err := p.signIns.lock(waiting)
	if err != nil {
		return err
	}
	defer unlock()
	return p.signIns.write(file, in)
}

// byBrowser signs in on the page of the sign-in service, which sends the browser back with a code.
func (p *program) byBrowser(ctx context.Context, l *library, in signIn) (public.AuthResult, error) {
	state, verifier := rand.Text(), oauth2.GenerateVerifier()
	back, err := land(state)
	if err != nil {
		return public.AuthResult{}, err
	}
	defer back.close()
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("response_mode", "query"), oauth2.SetAuthURLParam("prompt", "select_account"),
	}
	if in.Claims != "" {
		options = append(options, oauth2.SetAuthURLParam("claims", in.Claims))
	}
	page := oauth2.Config{ // the library's address lacks the scopes that a refresh token needs
		ClientID: in.Client, RedirectURL: back.address, Scopes: []string{"openid", "profile", "offline_access", in.Scope},
		Endpoint: oauth2.Endpoint{AuthURL: in.Authority + "/" + in.Tenant + "/oauth2/v2.0/authorize"},
	}
	address := page.AuthCodeURL(state, options...)
	fmt.Fprintf(p.err, "To sign in to %s, use the page that opens in the browser, or open it yourself:\n%s\n", in.API, address)
	go func() { _ = p.browse(address) }() // the address has been printed; some browsers return when they are closed
	code, err := back.wait(ctx)
	if refused := new(refusal.Error); errors.As(err, &refused) {
		err = ofSignIn(l.refused(refused.Refusal))
	}
	if err != nil {
		return public.AuthResult{}, err
	}
	got, err := l.AcquireTokenByAuthCode(ctx, code, back.address, l.scope, public.WithChallenge(verifier))
	return got, l.explainSignIn(err)
}

// byDevice signs in on the page of the sign-in service in another browser, where a code names this program.
func (p *program) byDevice(ctx context.Context, l *library, in signIn) (public.AuthResult, error) {
	var options []public.AcquireByDeviceCodeOption
	if in.Claims != "" {
		options = append(options, public.WithClaims(in.Claims))
	}
	flow, err := l.AcquireTokenByDeviceCode(ctx, l.scope, options...)
	if err != nil {
		return public.AuthResult{}, l.explainDevice(err)
	}
	fmt.Fprintf(p.err, "To sign in to %s, open %s in any browser and enter the code %s\n", in.API, printable(flow.Result.VerificationURL),
		printable(flow.Result.UserCode))
	got, err := flow.AuthenticationResult(ctx)
	return got, l.explainDevice(err)
}

// explainDevice is explainSignIn for a sign-in by a code, which many organisations block.
func (l *library) explainDevice(err error) error {
	err = l.explainSignIn(err)
	refused := new(refusal.Error)
	switch {
	case errors.As(err, &refused) && refused.Meaning() == refusal.Policy:
		return fault.New(fault.Forbidden, "your organisation lets nobody sign in by a code (%s); sign in without --device, on a machine with a browser",
			refused.Reason())
	case errors.As(err, &refused) && refused.Meaning() == refusal.Late:
		return fault.New(fault.Unauthenticated, "%w; if the page said that it is blocked, sign in without --device, on a machine with a browser", err)
	}
	return err
}

// explainSignIn is explain for a sign-in, after which there is no other one that would help.
func (l *library) explainSignIn(err error) error { return ofSignIn(l.explain(err)) }

func ofSignIn(err error) error {
	if needed := new(signInNeeded); errors.As(err, &needed) {
		return fault.New(fault.Unauthenticated, "the sign-in did not succeed (%s); try again", needed.reason)
	}
	return err
}

func (p *program) logoutCommand() *cobra.Command {
	var everywhere bool
	cmd := &cobra.Command{
		Use: "logout", Short: "Forget the sign-in to a server, and the profile if one is named", Args: cobra.NoArgs,
		Long: "Forget the sign-in to a server on this machine, and the profile if one is named. With --everywhere the server ends all access: your sessions in\n" +
			"all browsers, and what it keeps to act for you while you are away. Your jobs wait until you sign in on the web again. Other machines on which\n" +
			"you used this command stay signed in until you do the same there, or have your sessions revoked in Entra ID; a new password ends them, too.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.local {
				return usageError{errors.New("--local works without a sign-in")}
			}
			at, err := p.signInPlace(true)
			if err != nil {
				return err
			}
			if everywhere {
				if err := p.endAllAccess(cmd.Context(), at); err != nil {
					return err
				}
			}
			waiting, cancel := context.WithTimeout(cmd.Context(), waitFor)
			defer cancel()
			unlock, err := p.signIns.lock(waiting)
			if err != nil {
				return err
			}
			defer unlock()
			text := "signed out"
			if err := os.Remove(at.file); errors.Is(err, fs.ErrNotExist) {
				text = "nobody was signed in"
			} else if err != nil {
				return fmt.Errorf("forget the sign-in: %w", err)
			}
			if p.output == "json" {
				return p.printJSON(map[string]bool{"signed_out": text == "signed out"})
			}
			if everywhere {
				text += "; all sessions and all that acted for you at the server have ended"
			}
			_, err = fmt.Fprintln(p.out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&everywhere, "everywhere", false, "end all access at the server, too")
	return cmd
}

// endAllAccess has the server end all sessions of the user, and forget what it keeps to act for the user.
func (p *program) endAllAccess(ctx context.Context, at place) error {
	c, err := newClient(at.api, p.transport)
	if err != nil {
		return err
	}
	if !c.secret() {
		return errInClear(at.api)
	}
	c.credentials = &tokens{place: at, signIns: p.signIns, transport: p.transport}
	if p.settings.Token != "" {
		c.credentials = fixedToken{at.api, p.settings.Token}
	}
	_, err = c.do(ctx, request{method: http.MethodPost, path: "/auth/logout", query: url.Values{"everywhere": {"true"}}}, nil)
	return err
}

// meView is what the API says of the user who asks.
type meView struct {
	Tenant    string   `json:"tenant"`
	Object    string   `json:"object"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Mailboxes []string `json:"mailboxes"` // that were granted
	Version   string   `json:"version"`

	MailReturned *returnedView `json:"mail_returned"`
}

func (p *program) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show as whom and where you are signed in", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var who json.RawMessage
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &who); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(who)
			}
			var me meView
			if err := json.Unmarshal(who, &me); err != nil {
				return fmt.Errorf("the answer of %s is not what was expected: %w", c.base, err)
			}
			server := c.base
			if p.local {
				server = "this machine, without one"
			}
			rows := []table.Row{{"Role", me.Role}, {"Tenant", me.Tenant}, {"Object", me.Object}}
			for _, mailbox := range me.Mailboxes {
				rows = append(rows, table.Row{"Mailbox", mailbox})
			}
			rows = append(rows, me.MailReturned.rows()...)
			p.printTable(table.Row{"User", me.Name}, append(rows, table.Row{"Server", server}, table.Row{"Version", me.Version}))
			return nil
		}),
	}
}
