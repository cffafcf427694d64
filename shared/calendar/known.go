package calendar

import (
	"errors"
	"fmt"
)

// Known is what a calendar was known by when it was found last. Ids of calendars may change, and so may their names.
type Known struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// ByID says that the calendar is named by an id, which may be another one than it has now.
	ByID bool `json:"by_id,omitempty"`
	// By is the URI that it was found by; empty: it was not noted.
	By string `json:"by,omitempty"`
}

// Named is a calendar as somebody names it: by its name or by its id. It is found by the other one, too, when it was found before.
type Named struct {
	URI   URI
	Known Known
}

// NewNamed is a calendar that is named by a URI. What another calendar was known by, which was named in its place before, does not count.
func NewNamed(uri URI, known Known) Named {
	if known.By != "" && known.By != uri.String() {
		known = Known{}
	}
	return Named{uri, known}
}

// Pick finds the calendar that the URI names, as the function Pick does; and where there is none of that name or id, by what it was known by besides.
// Errors are Pick's.
func (n Named) Pick(list []Info) (Info, error) {
	info, err := Pick(list, n.URI)
	if !errors.Is(err, ErrNotFound) {
		return info, err
	}
	for _, other := range []string{n.Known.ID, n.Known.Name} {
		if other == "" || other == n.URI.Calendar {
			continue
		}
		also := n.URI
		also.Calendar = other
		if info, e := Pick(list, also); !errors.Is(e, ErrNotFound) {
			return info, e
		}
	}
	return info, err
}

// Seen is what is known of the calendar that was found.
func (n Named) Seen(info Info) Known {
	return Known{ID: info.ID, Name: info.Name, ByID: n.Known.ByID || n.URI.Calendar == info.ID, By: n.URI.String()}
}

// Otherwise says by what else the calendar was found than by what the URI names it by; empty: by that.
func (n Named) Otherwise(info Info) string {
	switch _, err := Pick([]Info{info}, n.URI); {
	case err == nil:
		return ""
	case n.Known.ByID:
		return fmt.Sprintf("calendar %q has another id than the one that it is named by here; it was found by its name", info.Name)
	}
	return fmt.Sprintf("calendar %q is named %q here, as it was before; it was found by its id", info.Name, n.URI.Calendar)
}
