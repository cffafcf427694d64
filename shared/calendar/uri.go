package calendar

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

// The providers that a URI can name.
const (
	ProviderGraph = "msgraph" // Outlook, through Microsoft Graph
	ProviderLocal = "local"   // calendars in our own store
)

// primary is the name that stands for an account's default calendar, whatever that one is called.
const primary = "primary"

const uriForms = "expected msgraph://<account>/calendars/<name-or-id> or local://<account>/calendars/<name>"

// URI names one calendar of one account of a provider. Account is an e-mail address, an id or, for local calendars, any name;
// Calendar is a calendar's name, its id, or "primary". All three are kept as they were written. The zero URI names nothing.
type URI struct{ Provider, Account, Calendar string }

// ParseURI reads a calendar URI: msgraph://me@example.com/calendars/primary.
//
// Provider is "msgraph" or "local", any case. Account and name are %-encoded, but may hold anything that is unambiguous as it is,
// spaces and letters of any language too. A name between double quotes is read as it stands, with no %-encoding in it.
// Outside quotes a slash in a name is written %2F and a percent sign %25. Neither part may be blank, hold control
// characters or be other than UTF-8. Errors are Invalid and name the part that is wrong.
func ParseURI(text string) (URI, error) {
	wrong := func(what string) (URI, error) {
		return URI{}, fault.New(fault.Invalid, "calendar URI %.200q: %s; %s", text, what, uriForms)
	}
	provider, rest, found := strings.Cut(strings.TrimSpace(text), "://")
	if !found {
		return wrong("the provider is missing")
	}
	u := URI{Provider: strings.ToLower(provider)}
	if u.Provider != ProviderGraph && u.Provider != ProviderLocal {
		return wrong("the provider is neither msgraph nor local")
	}
	account, rest, _ := strings.Cut(rest, "/")
	collection, name, found := strings.Cut(rest, "/")
	if !found || collection != "calendars" {
		return wrong("the account must be followed by /calendars/ and a name")
	}

	var err error
	if u.Account, err = url.PathUnescape(account); err != nil {
		return wrong("the account has a % without two hex digits after it, write %25")
	}
	if fault := faultIn(u.Account); fault != "" {
		return wrong("the account " + fault)
	}
	if strings.HasPrefix(name, `"`) {
		if len(name) < 2 || !strings.HasSuffix(name, `"`) {
			return wrong("the calendar's name has no closing quote")
		}
		u.Calendar = name[1 : len(name)-1]
	} else {
		if strings.Contains(name, "/") {
			return wrong("the calendar's name has a slash, write %2F or quote the name")
		}
		if u.Calendar, err = url.PathUnescape(name); err != nil {
			return wrong("the calendar's name has a % without two hex digits after it, write %25 or quote the name")
		}
	}
	if fault := faultIn(u.Calendar); fault != "" {
		return wrong("the calendar's name " + fault)
	}
	return u, nil
}

// faultIn says why a decoded account or name cannot be one; empty if it can.
func faultIn(part string) string {
	switch {
	case strings.TrimSpace(part) == "":
		return "is missing"
	case !utf8.ValidString(part):
		return "is not UTF-8"
	case strings.ContainsFunc(part, unicode.IsControl):
		return "has control characters"
	}
	return ""
}

// String is the canonical form, %-encoded throughout: ParseURI(u.String()) is u again. The zero URI is empty text.
func (u URI) String() string {
	if u == (URI{}) {
		return ""
	}
	return u.Provider + "://" + url.PathEscape(u.Account) + "/calendars/" + url.PathEscape(u.Calendar)
}

// MarshalText writes the canonical form.
func (u URI) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what ParseURI reads; empty text is the zero URI.
func (u *URI) UnmarshalText(text []byte) (err error) {
	*u = URI{}
	if len(text) > 0 {
		*u, err = ParseURI(string(text))
	}
	return err
}

// IsPrimary says whether u names the account's default calendar.
func (u URI) IsPrimary() bool { return SameName(u.Calendar, primary) }

// Same says whether u and v are the same text but for case: of one provider, account and calendar name.
// Different URIs may still name one calendar, by its name, its id and "primary"; only the provider's id decides that.
func (u URI) Same(v URI) bool {
	return u.Provider == v.Provider && SameName(u.Account, v.Account) && SameName(u.Calendar, v.Calendar)
}

// SameName compares names of calendars or accounts, without regard to case in any language or to space around them.
func SameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
