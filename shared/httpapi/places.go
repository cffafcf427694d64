package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// findFor is how long looking for the calendars of configs may take in a request that lists them. Without an answer they are compared by
// their spelling.
const findFor = 3 * time.Second

// finder returns what finds calendars of a user's for one request.
func (s *server) finder(who string) archive.Finder {
	return archive.NewFinder(func(ctx context.Context, uri calendar.URI) ([]calendar.Info, error) { return s.list(ctx, who, uri) })
}

// list lists the calendars of the account that a URI names.
func (s *server) list(ctx context.Context, who string, uri calendar.URI) ([]calendar.Info, error) {
	p, err := s.providerOf(ctx, who, uri)
	if err != nil {
		return nil, err
	}
	return p.Calendars(ctx, uri.Account)
}

// reach refuses calendars in mailboxes that the user may not name. What else keeps a calendar from being reached is for the run to say.
func (s *server) reach(ctx context.Context, who string, uris ...calendar.URI) error {
	for _, uri := range uris {
		if _, err := s.providerOf(ctx, who, uri); errors.Is(err, calendar.ErrNoMailbox) {
			return err
		}
	}
	return nil
}

// shares returns, by config, what the configs of a user share that they must not.
func (s *server) shares(ctx context.Context, who string) (map[string][]archive.Share, error) {
	within, cancel := context.WithTimeout(ctx, findFor)
	defer cancel()
	claims, err := s.Configs.Finding(s.finder(who)).Claims(within, who)
	if err != nil && fault.Of(err).Transient() { // configs are listed without a mailbox, too
		claims, err = s.Configs.Claims(ctx, who)
	}
	if err != nil {
		return nil, err
	}
	shares := map[string][]archive.Share{}
	for _, c := range claims {
		shares[c.ID] = archive.Shares(c, claims)
	}
	return shares, nil
}

// unowned refuses a calendar that is the source or the archive of a config.
func (s *server) unowned(ctx context.Context, who string, f found) error {
	owners, err := s.Configs.Finding(s.finder(who)).Owners(ctx, who, archive.Place{URI: f.uri, ID: f.info.ID})
	if err != nil || len(owners) == 0 {
		return err
	}
	words := make([]string, len(owners))
	for i, o := range owners {
		words[i] = o.Owned()
	}
	text := strings.Join(words, ", and ")
	if f.uri.Provider != calendar.ProviderLocal {
		return withCode(codeCalendarInUse, "calendar %q is %s, and is not deleted here", f.info.Name, text)
	}
	return withCode(codeCalendarInUse, "calendar %q is %s; to delete it all the same, give force=true (on the command line: --force)", f.info.Name, text)
}
