package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// naming finds the id of the thing of a request that a text names. What names nothing is of kind fault.NotFound, or returned as it is.
type naming func(s *server, ctx context.Context, r *http.Request, text string) (id string, err error)

// namings are by how the paths of their routes begin.
var namings = map[string]naming{
	"/v1/archive-configs/{id}": (*server).namedConfig, "/v1/ledger/{config}": (*server).namedConfig, "/v1/customers/{id}": (*server).namedCustomer,
	"/v1/jobs/{id}": (*server).namedJob, "/v1/calendars/{id}": (*server).namedCalendar, "/v1/categories/{id}": (*server).namedCategory,
	"/v1/users/{object}": (*server).namedUser, "/v1/tenants/{tenant}": (*server).namedTenant,
}

// namingOf is the one of a route's path; nil: ids alone name what it is about.
func namingOf(path string) naming {
	for begin, find := range namings {
		if strings.HasPrefix(path, begin) {
			return find
		}
	}
	return nil
}

// byID returns the request with the id of the thing that its path names, in the place of the name. Only ids go on from here: to the handler and the audit
// log, which a name would tell what the thing is about. It is the first wildcard of the route. What names nothing stays, for the handler to say so.
func (s *server) byID(r *http.Request, to *route) (*http.Request, error) {
	_, pattern := to.split()
	find := namingOf(pattern)
	if find == nil {
		return r, nil
	}
	parts := strings.Split(r.URL.EscapedPath(), "/")
	at := slices.IndexFunc(strings.Split(pattern, "/"), func(part string) bool { return strings.HasPrefix(part, "{") })
	text, err := url.PathUnescape(parts[at])
	if err != nil || isID(text) {
		return r, nil
	}
	id, err := find(s, r.Context(), r, text)
	if fault.Of(err) == fault.NotFound || err == nil && id == text {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	parts[at] = url.PathEscape(id)
	path := *r.URL
	path.RawPath = strings.Join(parts, "/")
	if path.Path, err = url.PathUnescape(path.RawPath); err != nil {
		return nil, err
	}
	named := r.WithContext(r.Context())
	named.URL = &path
	return named, nil
}

// isID says whether a text has the form of an id, for which no name is looked up.
func isID(text string) bool {
	if _, err := ulid.ParseStrict(text); err == nil {
		return true
	}
	return objectID.MatchString(text)
}

// objectID matches the ids of Entra ID.
var objectID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// oneOf is the one of several things that a text names; without any it is the text itself. When there are more, the error is of kind fault.Conflict and
// lists them: nothing is chosen for whoever asked.
func oneOf(word, text string, all []string) (string, error) {
	switch len(all) {
	case 0:
		return text, nil
	case 1:
		return all[0], nil
	}
	slices.Sort(all)
	return "", fault.New(fault.Conflict, "%q may be any of %d: %s; name the %s by its id", text, len(all), strings.Join(all, ", "), word)
}

func (s *server) namedConfig(ctx context.Context, _ *http.Request, text string) (string, error) {
	c, err := s.config(ctx, text)
	return c.ID, err
}

func (s *server) namedCustomer(ctx context.Context, _ *http.Request, text string) (string, error) {
	who, err := user(ctx)
	if err != nil {
		return "", err
	}
	c, err := s.Customers.Named(ctx, who, text)
	return c.ID, err
}

func (s *server) namedJob(ctx context.Context, _ *http.Request, text string) (string, error) {
	who, err := user(ctx)
	if err != nil {
		return "", err
	}
	j, err := s.Jobs.Named(ctx, who, text)
	if err != nil {
		return "", err
	}
	return j.ID, nil
}

// namedCategory looks among the categories of the account that the query names.
func (s *server) namedCategory(ctx context.Context, r *http.Request, text string) (string, error) {
	q := r.URL.Query()
	_, _, lists, uri, err := s.account(ctx, ofCategories{Calendar: q.Get("calendar"), Config: q.Get("config")})
	if err != nil {
		return "", err
	}
	list, err := lists.Categories(ctx, uri.Account)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, c := range list {
		if c.ID == text {
			return c.ID, nil
		}
		if calendar.Folded(c.Name) == calendar.Folded(text) {
			ids = append(ids, c.ID)
		}
	}
	return oneOf("category", text, ids)
}

// ownAccount is how users call their own mailbox.
const ownAccount = "me"

// namedCalendar looks among the calendars of the user's local accounts and of the own mailbox. Where one of the name may be and nobody can look, nothing is
// chosen.
func (s *server) namedCalendar(ctx context.Context, _ *http.Request, text string) (string, error) {
	if uri, err := base64.RawURLEncoding.Strict().DecodeString(text); err == nil && strings.Contains(string(uri), "://") {
		return text, nil
	}
	who, err := user(ctx)
	if err != nil {
		return "", err
	}
	accounts, err := s.Accounts.List(ctx, who, calendar.ProviderLocal)
	if err != nil {
		return "", err
	}
	places := []calendar.URI{{Provider: calendar.ProviderGraph, Account: ownAccount}}
	for _, of := range accounts {
		places = append(places, calendar.URI{Provider: calendar.ProviderLocal, Account: of})
	}
	ids := map[string]string{} // by URI
	for _, place := range places {
		infos, err := s.list(ctx, who, place)
		switch kind := fault.Of(err); {
		case err == nil:
		case kind == fault.Invalid || kind == fault.NotFound || kind == fault.Unauthenticated || kind == fault.Forbidden:
			continue // the user has none there
		default:
			return "", err
		}
		for _, info := range infos {
			if calendar.Folded(info.Name) == calendar.Folded(text) {
				v := viewCalendar(place, info)
				ids[v.URI] = v.ID
			}
		}
	}
	var uris []string
	for uri := range ids {
		uris = append(uris, uri)
	}
	uri, err := oneOf("calendar", text, uris)
	if err != nil || len(uris) == 0 {
		return text, err
	}
	return ids[uri], nil
}

// usersAtOnce is how many users are read at once where one is looked for.
const usersAtOnce = 200

// namedUser looks among the users of the administrator's tenant. What the sign-in calls users for people names nobody: several may have it.
func (s *server) namedUser(ctx context.Context, _ *http.Request, text string) (string, error) {
	by, err := account.Administrator(ctx)
	if err != nil || !strings.Contains(text, "@") {
		return text, nil // whoever guards the route says what is wrong
	}
	var objects []string
	for cursor, more := "", true; more; more = cursor != "" {
		profiles, next, err := s.Users.List(ctx, by.Tenant, usersAtOnce, cursor)
		if err != nil {
			return "", err
		}
		for _, p := range profiles {
			if calendar.Folded(p.UserName) == calendar.Folded(text) || calendar.Folded(p.Address) == calendar.Folded(text) {
				objects = append(objects, p.Object)
			}
		}
		cursor = next
	}
	return oneOf("user", text, objects)
}

// namedTenant looks among the tenants that the operator's administrators see.
func (s *server) namedTenant(ctx context.Context, _ *http.Request, text string) (string, error) {
	if _, err := s.roster().Operator(ctx); err != nil {
		return text, nil // as in namedUser
	}
	all, err := s.Tenants.List(ctx)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, t := range all {
		if t.Name != "" && calendar.Folded(t.Name) == calendar.Folded(text) {
			ids = append(ids, t.ID)
		}
	}
	return oneOf("tenant", text, ids)
}
