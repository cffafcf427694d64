package httpapi

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// askedFor is what a request asked for.
type askedFor struct {
	url     *url.URL
	pattern string // of its route; "" without one
}

type askedKey struct{}

// minUnsaid is the length in bytes from which on a value is left out of error texts. A shorter one tells nothing, and may be part of any word.
const minUnsaid = 3

// unsaid is an error without what its text has of the request's path and query.
type unsaid struct {
	error
	text string
}

func (u *unsaid) Error() string { return u.text }
func (u *unsaid) Unwrap() error { return u.error }

// forLog returns err as the log may have it: what its text repeats of the path and the query of the request of ctx is replaced by "...".
func forLog(ctx context.Context, err error) error {
	a, ok := ctx.Value(askedKey{}).(askedFor)
	if !ok {
		return err
	}
	var pairs []string
	for _, value := range a.values() {
		pairs = append(pairs, value, "...")
	}
	return &unsaid{err, strings.NewReplacer(pairs...).Replace(err.Error())}
}

// values returns the parts of path and query that are not the route's, the longest first, in all spellings in which an error may have them.
func (a askedFor) values() []string {
	fixed := strings.Split(a.pattern, "/")
	var raw []string
	for segment := range strings.SplitSeq(a.url.EscapedPath(), "/") {
		if value, err := url.PathUnescape(segment); err == nil && !slices.Contains(fixed, value) {
			raw = append(raw, value)
		}
	}
	for name, values := range a.url.Query() {
		raw = append(append(raw, name), values...)
	}
	var all []string
	for _, value := range raw {
		parts := []string{value}
		if strings.Contains(value, "://") { // a calendar's URI, of which an error may name the account alone
			parts = append(parts, strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == ':' || r == '?' })...)
		}
		for _, part := range parts {
			quoted := strconv.Quote(part)
			for _, spelt := range []string{part, quoted[1 : len(quoted)-1], url.PathEscape(part), url.QueryEscape(part)} {
				if len(spelt) >= minUnsaid {
					all = append(all, spelt)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}
