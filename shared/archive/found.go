package archive

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// The ids of calendars may change, and so may their names. A config names each calendar by one of the two, and the last run that found it notes both:
//
//	USER#<user> / CONFIGFOUND#<config>   the config's calendars, as they were found last
//
// found is that note.
type found struct {
	Source  known `json:"source"`
	Archive known `json:"archive"`
}

// known is a calendar by both its names.
type known struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	// ByID says that the config names the calendar by an id, which may be another one than it has now.
	ByID bool `json:"by_id,omitempty"`
}

const foundPrefix = "CONFIGFOUND#"

func foundKey(user, config string) store.Key { return store.OfUser(user, foundPrefix+config) }

// foundAmong reads the note from items that were read. One that is unreadable counts as none: the config names its calendars all the same.
func foundAmong(ctx context.Context, key store.Key, items []store.Item) (f found) {
	at := slices.IndexFunc(items, func(item store.Item) bool { return item.Key == key })
	if at < 0 {
		return f
	}
	if err := json.Unmarshal(items[at].Data, &f); err != nil {
		zerolog.Ctx(ctx).Error().Str("note", key.SK).Msg("unreadable note of a config's calendars begun anew")
		return found{}
	}
	return f
}

// pick finds the calendar that a config names, as calendar.Pick does; and where there is none of that name or id, by what it was known by besides.
func (k known) pick(list []calendar.Info, uri calendar.URI) (calendar.Info, error) {
	info, err := calendar.Pick(list, uri)
	if !errors.Is(err, calendar.ErrNotFound) {
		return info, err
	}
	for _, other := range []string{k.ID, k.Name} {
		if other == "" || other == uri.Calendar {
			continue
		}
		also := uri
		also.Calendar = other
		if info, e := calendar.Pick(list, also); !errors.Is(e, calendar.ErrNotFound) {
			return info, e
		}
	}
	return info, err
}

// seen is what is known of a calendar that was found by a URI.
func (k known) seen(info calendar.Info, uri calendar.URI) known {
	return known{ID: info.ID, Name: info.Name, ByID: k.ByID || uri.Calendar == info.ID}
}

// noting returns what notes the calendars that the attempt found, if they are not noted so.
func (a *Attempt) noting() []store.Op {
	now := a.found
	if a.source.info.ID != "" {
		now.Source = now.Source.seen(a.source.info, a.config.Source)
	}
	if !a.archive.missing {
		now.Archive = now.Archive.seen(a.archive.info, a.config.Archive)
	}
	if a.access != Writing || now.Source == a.found.Source && now.Archive == a.found.Archive {
		return nil
	}
	data, err := json.Marshal(now)
	if err != nil {
		panic("archive: " + err.Error()) // plain data
	}
	return []store.Op{{Put: &store.Item{Key: foundKey(a.run.User, a.config.ID), Data: data}}}
}

// errNamedByID refuses to create a calendar whose name would be the id of one that is gone.
func errNamedByID(k known) error {
	return fault.New(fault.NotFound, "archive calendar %q is gone, and the config names it by its id; bring it back, or make another config that names "+
		"a calendar by its name", k.Name)
}
