// Package graph keeps calendars in Microsoft 365, behind the same port as our own: calendar.Provider over Microsoft Graph.
//
// Every request is sent once, with a deadline of its own, as soon as the mailbox's Budget allows it. Whether a failure is worth another
// attempt is for the caller to decide, by its fault.Kind and by RetryAfter (see Failure). Nothing below repeats a request by itself, but for
// what Patiently does, or follows a redirect. After a write whose outcome is unknown (fault.Unavailable) the caller asks Marked before it
// repeats the write.
//
// A copy that we write has nobody to notify: it never carries attendees, an online meeting or a reminder, and asks for no response.
package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// DefaultBaseURL is Graph's public cloud. National clouds have others: https://learn.microsoft.com/graph/deployments.
const DefaultBaseURL = "https://graph.microsoft.com/v1.0"

const (
	defaultTimeout  = 30 * time.Second
	defaultPageSize = 500
	maxPageSize     = 1000 // of calendarView
	maxName         = 255  // bytes of a calendar's name
)

// Options say how to reach Microsoft Graph, and as whom. Exactly one of Token, Credential, App and PerUser is set.
type Options struct {
	// BaseURL is the address of the service with its version; empty is DefaultBaseURL. It is https, except with a fixed Token, or on this machine.
	BaseURL string
	// Token is a fixed bearer token, for test servers and proxies.
	Token string
	// Credential gives a token for each request, and renews it.
	Credential azcore.TokenCredential
	// App signs in as an application.
	App App
	// PerUser leaves it to As: the Provider itself may ask for nothing.
	PerUser bool
	// ForOwners leaves it to For: the Provider itself may ask for nothing. Beside Token, Credential or App, of which it is the exception.
	ForOwners bool

	// Budgets are what the process may ask of each mailbox; all providers of a process share one. Nil makes one of the service's own limits.
	Budgets *Budgets
	// Transport sends requests; nil is one like http.DefaultTransport.
	Transport http.RoundTripper
	// Clock gives the time; nil is time.Now.
	Clock func() time.Time
	// Timeout is how long one request may last, signing in and reading the answer included; 0 is 30 seconds.
	Timeout time.Duration
	// PageSize is how many events a page of a listing has, up to 1,000; 0 is 500.
	PageSize int
	// MostEvents is how many bytes of events a reading returns at most, as calendar.Gathering counts them; 0: any number.
	MostEvents int64
}

// Provider is the calendars of Microsoft 365. The account in its methods is a user principal name or the id of a user; in those of a Provider that
// For returned it is whatever the owner names a mailbox.
type Provider struct {
	client   *client
	budgets  *Budgets
	pageSize int32
	// mostEvents is Options.MostEvents.
	mostEvents int64
	retry      func() func(context.Context, error) error // nil: nothing is repeated
	owner      Owner                                     // nil: whoever asks may reach all that the sign-in does
	owners     *applications                             // nil: For returns no Provider
}

// Owner is who reaches some mailboxes of a tenant through an application that reaches all of them.
type Owner interface {
	// Tenant is the id of the tenant whose mailboxes these are.
	Tenant() string
	// Mailbox returns the id or address of the mailbox that an account names, and calendar.ErrNoMailbox when it is none of these. It is asked with
	// every request, so it should remember.
	Mailbox(ctx context.Context, account string) (string, error)
}

var _ calendar.Provider = (*Provider)(nil)

// New makes a Provider. It sends nothing. Errors are Invalid and name the setting.
func New(o Options) (*Provider, error) {
	if o.PageSize < 0 || o.PageSize > maxPageSize {
		return nil, fault.Field("graph.page_size", "must be 1 to %d, not %d", maxPageSize, o.PageSize)
	}
	o.BaseURL = cmp.Or(o.BaseURL, DefaultBaseURL)
	o.PageSize = cmp.Or(o.PageSize, defaultPageSize)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Budgets == nil {
		o.Budgets = NewBudgets(Limits{}, o.Clock, nil)
	}
	c, err := newClient(&o)
	if err != nil {
		return nil, err
	}
	p := &Provider{client: c, budgets: o.Budgets, pageSize: int32(o.PageSize), mostEvents: o.MostEvents}
	if o.ForOwners {
		p.owners = newApplications(&o, c)
	}
	return p, nil
}

// Stats counts what the Provider has sent and received so far.
func (p *Provider) Stats() calendar.Traffic { return p.client.counts.traffic() }

// Counting returns a Provider with the connections, the sign-in and the budgets of p, whose Stats begin at zero: for one run of many.
func (p *Provider) Counting() (*Provider, error) {
	return p.with(*p.client)
}

// with returns a Provider like p that repeats nothing, with a client like this one whose counts begin at zero.
func (p *Provider) with(like client) (*Provider, error) {
	c, err := like.counting()
	if err != nil {
		return nil, err
	}
	own := *p
	own.client, own.retry = c, nil
	return &own, nil
}

// Patiently returns a Provider like p that repeats failed requests, but only those that read: a page of a listing, or the parts of a batch that
// failed. retry is called once for each request and returns what decides about its failures: nil, perhaps after a pause, repeats the request,
// and an error is the result of the reading. So a long reading goes on from where it was.
func (p *Provider) Patiently(retry func() func(ctx context.Context, failure error) error) calendar.Provider {
	own := *p
	own.retry = retry
	return &own
}

// persist makes a request, which only reads, and repeats it as Patiently says. One that failed and went further than the one before is another request.
func (p *Provider) persist(ctx context.Context, request func() (further bool, err error)) error {
	_, err := request()
	if err == nil || p.retry == nil {
		return err
	}
	for retry := p.retry(); ; {
		if err := retry(ctx, err); err != nil {
			return err
		}
		further, again := request()
		switch err = again; {
		case err == nil:
			return nil
		case further:
			retry = p.retry()
		}
	}
}

// As returns a Provider with the connections and the budgets of p that acts for a user, whose Stats begin at zero. An error is Invalid: tokens
// of users do not go over a network in clear.
func (p *Provider) As(user SignIn) (*Provider, error) {
	own := *p.client
	if err := encrypted(own.base); err != nil {
		return nil, err
	}
	own.auth = bearerOf(user, own.clock)
	return p.with(own)
}

// For returns a Provider with the connections and the budgets of p that reaches an owner's mailboxes alone, as the application in the owner's tenant.
// Its Stats begin at zero. An error is Invalid: the application cannot sign in there.
func (p *Provider) For(o Owner) (*Provider, error) {
	if p.owners == nil {
		return nil, fault.New(fault.Internal, "Microsoft 365 is asked for an owner by what is not for owners")
	}
	auth, err := p.owners.in(o.Tenant())
	if err != nil {
		return nil, err
	}
	like := *p.client
	like.auth = auth
	own, err := p.with(like)
	if err != nil {
		return nil, err
	}
	own.owner, own.owners = o, nil
	return own, nil
}

// Mailbox returns one name for all by which an account is known here to be the same mailbox. Errors: calendar.ErrNoMailbox, and the owner's.
func (p *Provider) Mailbox(ctx context.Context, account string) (string, error) {
	if p.owner != nil {
		return p.owner.Mailbox(ctx, account)
	}
	return strings.ToLower(strings.TrimSpace(account)), nil
}

// user begins the address of everything that is an account's. It is the one way to a mailbox: nothing else makes an address out of an account.
func (p *Provider) user(ctx context.Context, account string) (*users.UserItemRequestBuilder, error) {
	if strings.TrimSpace(account) == "" {
		return nil, fault.Field("calendar.account", "is missing")
	}
	if p.owner != nil {
		mailbox, err := p.owner.Mailbox(ctx, account)
		if err != nil {
			return nil, err
		}
		account = mailbox
	}
	return p.client.users.ByUserId(account), nil
}

// budget is that of the mailbox which an account names.
func (p *Provider) budget(ctx context.Context, account string) (*budget, error) {
	mailbox, err := p.Mailbox(ctx, account)
	if err != nil {
		return nil, err
	}
	if p.owner != nil { // somebody in another tenant may have been granted a mailbox of this name, which is not there
		mailbox = p.owner.Tenant() + "#" + mailbox
	}
	return p.budgets.of(mailbox), nil
}

// calendar begins the address of everything that is in a calendar.
func (p *Provider) calendar(ctx context.Context, account, id string) (*users.ItemCalendarsCalendarItemRequestBuilder, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(id) == "" {
		return nil, fault.Field("calendar.id", "is missing")
	}
	return user.Calendars().ByCalendarId(id), nil
}

// graphCalendar is the part of a microsoft.graph.calendar that we read.
type graphCalendar struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	IsDefault bool   `json:"isDefaultCalendar"`
	CanEdit   bool   `json:"canEdit"`
}

func (c graphCalendar) info(account string) calendar.Info {
	uri := calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: c.Name}
	return calendar.Info{ID: c.ID, Name: c.Name, URI: uri, Primary: c.IsDefault, CanEdit: c.CanEdit}
}

// Calendars lists the calendars of an account, by name.
func (p *Provider) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	user, err := p.user(ctx, account)
	if err != nil {
		return nil, err
	}
	var list []calendar.Info
	query := users.ItemCalendarsRequestBuilderGetQueryParameters{Select: []string{"id", "name", "isDefaultCalendar", "canEdit"}, Top: new(int32(100))}
	err = p.pages(ctx, account, get(user.Calendars().BaseRequestBuilder, query), func(value json.RawMessage) error {
		var page []graphCalendar
		if err := readJSON(value, &page); err != nil {
			return err
		}
		for _, c := range page {
			if !slices.ContainsFunc(list, func(i calendar.Info) bool { return i.ID == c.ID }) {
				list = append(list, c.info(account))
			}
		}
		return nil
	})
	if p.owner != nil && noSuchAccount(err) {
		return nil, calendar.ErrNoMailbox
	}
	if err != nil {
		return nil, fmt.Errorf("list calendars: %w", err)
	}
	slices.SortFunc(list, func(a, b calendar.Info) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Calendar finds the one that uri names, with one listing.
func (p *Provider) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	list, err := p.Calendars(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, err
	}
	return calendar.Pick(list, uri)
}

// anID is what the id of a calendar looks like, and no name.
var anID = regexp.MustCompile(`^A[A-Z][A-Za-z]k[A-Za-z0-9+/_=-]{40,}$`)

// CreateCalendar makes an empty calendar. Exchange may treat names that differ by case alone as two, so the names that are there are read first,
// and once more afterwards: the id that the answer names need not be the one that stays.
// Errors: calendar.ErrExists, and fault.Invalid when the name is blank, too long, an id, or has control characters.
func (p *Provider) CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	name := strings.TrimSpace(uri.Calendar)
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return calendar.Info{}, fault.Field("calendar", "must have a name of at most %d bytes, without control characters", maxName)
	}
	if anID.MatchString(name) {
		return calendar.Info{}, fault.Field("calendar", "is named by an id that no calendar has any more; name it by its name")
	}
	user, err := p.user(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, err
	}
	switch found, err := p.Calendar(ctx, uri); {
	case err == nil:
		return calendar.Info{}, calendar.Told(fault.Conflict, calendar.ErrExists, "calendar %q of %s exists already: id %s", found.Name, uri.Account, found.ID)
	case !errors.Is(err, calendar.ErrNotFound):
		return calendar.Info{}, err
	}
	text, err := p.do(ctx, uri.Account, post(user.Calendars().BaseRequestBuilder, map[string]string{"name": name}))
	if err != nil {
		return calendar.Info{}, fmt.Errorf("create calendar %q: %w", name, err)
	}
	var made graphCalendar
	if err := readJSON(text, &made); err != nil {
		return calendar.Info{}, err
	}
	list, err := p.Calendars(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, fmt.Errorf("look for the calendar that was made: %w", err)
	}
	// Where another one of the name was made at the same time, ours is known by its id.
	for _, by := range []calendar.URI{{Account: uri.Account, Calendar: made.ID}, {Account: uri.Account, Calendar: name}} {
		if found, err := calendar.Pick(list, by); err == nil {
			return found, nil
		}
	}
	return made.info(uri.Account), nil
}

// DiscardCalendar deletes a calendar so that its user cannot get it back, where Microsoft 365 offers that: not in every national cloud. Elsewhere it
// deletes the calendar as DeleteCalendar does. Errors: calendar.ErrNotFound.
func (p *Provider) DiscardCalendar(ctx context.Context, account, calendarID string) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	_, err = p.do(ctx, account, request(kiota.POST, cal.PermanentDelete().BaseRequestBuilder))
	if err == nil || errors.Is(err, calendar.ErrNotFound) || fault.Of(err) == fault.Throttled || fault.Of(err) == fault.Unauthenticated {
		return wrapDelete(err)
	}
	return p.DeleteCalendar(ctx, account, calendarID)
}

func wrapDelete(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("delete calendar: %w", err)
}

// DeleteCalendar removes a calendar with all its events. Errors: calendar.ErrNotFound.
func (p *Provider) DeleteCalendar(ctx context.Context, account, calendarID string) error {
	cal, err := p.calendar(ctx, account, calendarID)
	if err != nil {
		return err
	}
	_, err = p.do(ctx, account, request(kiota.DELETE, cal.BaseRequestBuilder))
	return wrapDelete(err)
}
