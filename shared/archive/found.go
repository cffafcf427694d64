package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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
	Source  calendar.Known `json:"source"`
	Archive calendar.Known `json:"archive"`
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

// named is the source and the archive of the attempt's config.
func (a *Attempt) named() (source, archive calendar.Named) {
	return calendar.NewNamed(a.config.Source, a.found.Source), calendar.NewNamed(a.config.Archive, a.found.Archive)
}

// noting returns what notes the calendars that the attempt found, if they are not noted so.
func (a *Attempt) noting() []store.Op {
	now := a.found
	source, archive := a.named()
	if a.source.info.ID != "" {
		now.Source = source.Seen(a.source.info)
	}
	if !a.archive.missing {
		now.Archive = archive.Seen(a.archive.info)
	}
	if a.access != Writing || now == a.found {
		return nil
	}
	data, err := json.Marshal(now)
	if err != nil {
		panic("archive: " + err.Error()) // plain data
	}
	return []store.Op{{Put: &store.Item{Key: foundKey(a.run.User, a.config.ID), Data: data}}}
}

// otherwise says which of the config's calendars were found by something else than what the config names them by.
func (a *Attempt) otherwise() (texts []string) {
	source, archive := a.named()
	if text := source.Otherwise(a.source.info); text != "" {
		texts = append(texts, text)
	}
	if text := archive.Otherwise(a.archive.info); text != "" && !a.archive.missing {
		texts = append(texts, text)
	}
	return texts
}

// notes returns the notes of all configs of a user, by config.
func (s *Configs) notes(ctx context.Context, user string) (map[string]found, error) {
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(user), Prefix: foundPrefix})
	if err != nil {
		return nil, fmt.Errorf("read what calendars of configs were known by: %w", err)
	}
	notes := make(map[string]found, len(items))
	for _, item := range items {
		notes[strings.TrimPrefix(item.SK, foundPrefix)] = foundAmong(ctx, item.Key, items)
	}
	return notes, nil
}

// named returns the source and the archive of each config of a user, active or not.
func (s *Configs) named(ctx context.Context, user string) (sources, archives []calendar.Named, err error) {
	all, err := s.all(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	notes, err := s.notes(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		note := notes[all[i].ID]
		sources = append(sources, calendar.NewNamed(all[i].Source, note.Source))
		archives = append(archives, calendar.NewNamed(all[i].Archive, note.Archive))
	}
	return sources, archives, nil
}

// Archives returns the calendars into which a user's configs archive, active or not.
func (s *Configs) Archives(ctx context.Context, user string) ([]calendar.Named, error) {
	_, archives, err := s.named(ctx, user)
	return archives, err
}

// Known returns a calendar with what it was known by, if one of the user's configs names its source or its archive so and found it before.
func (s *Configs) Known(ctx context.Context, user string, uri calendar.URI) (calendar.Named, error) {
	sources, archives, err := s.named(ctx, user)
	if err != nil {
		return calendar.Named{}, err
	}
	for _, one := range append(sources, archives...) {
		if one.URI.Same(uri) && one.Known != (calendar.Known{}) {
			return one, nil
		}
	}
	return calendar.Named{URI: uri}, nil
}

// locator finds the ids of calendars of a user's configs.
type locator struct {
	*Configs
	user  string
	notes map[string]found // nil: they were not needed yet
}

// locate sets the id of a config's place, if the provider has the calendar. One that has neither the name nor the id any more by which the config names it
// has the id that it was known by.
func (l *locator) locate(ctx context.Context, config string, role Role, p *Place) (err error) {
	if l.find == nil {
		return nil
	}
	if p.ID, err = l.find(ctx, p.URI); err != nil || p.ID != "" {
		return err
	}
	if l.notes == nil {
		if l.notes, err = l.Configs.notes(ctx, l.user); err != nil {
			return err
		}
	}
	known := l.notes[config].Source
	if role == ArchiveRole {
		known = l.notes[config].Archive
	}
	p.ID = calendar.NewNamed(p.URI, known).Known.ID
	return nil
}

// errNamedByID refuses to create a calendar whose name would be the id of one that is gone.
func errNamedByID(k calendar.Known) error {
	return fault.New(fault.NotFound, "archive calendar %q is gone, and the config names it by its id; bring it back, or make another config that names "+
		"a calendar by its name", k.Name)
}
