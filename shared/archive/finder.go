package archive

import (
	"context"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// NewFinder returns what finds calendars for one request. It lists each account once, by list, which gets a calendar of the account. That a calendar cannot
// be found is no error, whatever the reason, unless the provider may answer later.
func NewFinder(list func(context.Context, calendar.URI) ([]calendar.Info, error)) Finder {
	type listing struct {
		infos []calendar.Info
		err   error
	}
	listed := map[string]listing{}
	return func(ctx context.Context, uri calendar.URI) (string, error) {
		key := uri.Provider + "://" + strings.ToLower(uri.Account)
		l, known := listed[key]
		if !known {
			l.infos, l.err = list(ctx, uri)
			listed[key] = l
		}
		if l.err != nil {
			if fault.Of(l.err).Transient() {
				return "", l.err
			}
			return "", nil
		}
		info, err := calendar.Pick(l.infos, uri)
		if err != nil { // there is none, or several of the name
			return "", nil
		}
		return info.ID, nil
	}
}
