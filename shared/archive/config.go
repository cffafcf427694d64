package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

// Config is an archive config: which calendar is archived into which one, and how.
type Config struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	Source         calendar.URI `json:"source"`
	Archive        calendar.URI `json:"archive"`
	Timezone       string       `json:"timezone"` // IANA
	Purpose        Purpose      `json:"purpose"`
	Overlaps       Policy       `json:"overlaps"`
	AllDayOverlaps bool         `json:"all_day_overlaps"`
	OnDrift        OnDrift      `json:"on_drift"`
	LookBack       int          `json:"look_back"`       // days that every run without a period covers at least
	CreateCalendar bool         `json:"create_calendar"` // the first run may create the archive calendar
	Active         bool         `json:"active"`
	Created        time.Time    `json:"created"`
	Updated        time.Time    `json:"updated"`

	// Version counts the changes of the config, for optimistic concurrency.
	Version int64 `json:"-"`
	// Unknown is what the stored config has that this program does not know.
	Unknown store.Unknown `json:"-"`
}

const (
	maxName     = 100
	maxLookBack = 366
	// createAttempts is how often a new config is tried again that another one got in the way of.
	createAttempts = 8
)

// Settings returns what a plan depends on.
func (c *Config) Settings() (Settings, error) {
	return NewSettings(c.Timezone, c.Purpose, c.Overlaps, c.AllDayOverlaps, c.OnDrift)
}

// Validate checks a config; errors are of kind fault.Invalid and name the field.
func (c *Config) Validate() error {
	switch {
	case strings.TrimSpace(c.Name) == "" || c.Name != strings.TrimSpace(c.Name) || utf8.RuneCountInString(c.Name) > maxName || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' }):
		return fault.Field("name", "must have 1 to %d characters, without control characters or space around them", maxName)
	case c.Source == (calendar.URI{}):
		return fault.Field("source", "is missing; give a calendar URI as in local://me/calendars/Work")
	case c.Archive == (calendar.URI{}):
		return fault.Field("archive", "is missing; give a calendar URI as in local://me/calendars/Archive")
	case c.Source.Same(c.Archive):
		return fault.Field("archive", "must not be the source calendar: the source is never written")
	case c.LookBack < 0 || c.LookBack > maxLookBack:
		return fault.Field("look_back", "must be 0 to %d days", maxLookBack)
	}
	_, err := c.Settings()
	return err
}

// Configs keeps archive configs, by user.
type Configs struct {
	table  store.Table
	ledger *ledger.Ledger
	newID  func() string
	clock  func() time.Time
}

// NewConfigs returns the configs kept in table.
func NewConfigs(table store.Table, l *ledger.Ledger, newID func() string, clock func() time.Time) *Configs {
	return &Configs{table: table, ledger: l, newID: newID, clock: clock}
}

func configKey(user, id string) store.Key {
	return store.OfUser(user, "CONFIG#"+id)
}

// nameKey is the item that makes a config's name its own within a user's configs.
func nameKey(user, name string) store.Key {
	return store.OfUser(user, "CONFIGNAME#"+strings.ToLower(name))
}

// configCount is the item that changes whenever a user gets a config, so that no two are created at once.
func configCount(user string) store.Key { return store.OfUser(user, "CONFIGS") }

func configItem(user string, c *Config) *store.Item {
	data, err := c.Unknown.Encode(c)
	if err != nil {
		panic(fmt.Sprintf("archive: %v", err)) // plain data
	}
	return &store.Item{Key: configKey(user, c.ID), Data: data}
}

func nameItem(user string, c *Config) *store.Item {
	return &store.Item{Key: nameKey(user, c.Name), Data: fmt.Appendf(nil, "%q", c.ID)}
}

// Create stores a new config, active. A name that is taken is of kind fault.Conflict, as is one config more than limit.Configs.
func (s *Configs) Create(ctx context.Context, user string, c Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	c.ID, c.Active, c.Created, c.Version, c.Unknown = s.newID(), true, s.clock().UTC(), 1, store.Unknown{}
	c.Updated = c.Created
	for range createAttempts {
		err := s.create(ctx, user, &c)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return Config{}, err
		}
	}
	return Config{}, fault.New(fault.Unavailable, "other configs are created at the same moment; try again")
}

// create stores a new config unless its name is taken or there are too many; store.ErrConflict when another one is created at the same time.
func (s *Configs) create(ctx context.Context, user string, c *Config) error {
	count := store.Item{Key: configCount(user), Data: []byte("{}")}
	unchanged := store.Absent()
	there, err := s.table.GetMany(ctx, []store.Key{count.Key, nameKey(user, c.Name)})
	if err != nil {
		return fmt.Errorf("count the configs: %w", err)
	}
	for _, item := range there {
		if item.Key != count.Key {
			return nameTaken(c.Name)
		}
		unchanged, count.Data = store.VersionIs(item.Version), item.Data
	}
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(user), Prefix: "CONFIG#"})
	if err != nil {
		return fmt.Errorf("count the configs: %w", err)
	}
	if len(items) >= limit.Configs {
		return fault.New(fault.Conflict, "there are %d archive configs already, as many as there may be; delete one first", len(items))
	}
	err = s.table.Transact(ctx, []store.Op{
		{Put: configItem(user, c), If: store.Absent()},
		{Put: nameItem(user, c), If: store.Absent()},
		{Put: &count, If: unchanged},
	})
	if err != nil {
		return fmt.Errorf("store the config: %w", err)
	}
	return nil
}

func nameTaken(name string) error {
	return fault.New(fault.Conflict, "there is a config named %q already", name)
}

// Get returns a user's config, named by id. One that is not there, or not the user's, is of kind fault.NotFound.
func (s *Configs) Get(ctx context.Context, user, id string) (Config, error) {
	item, err := s.table.Get(ctx, configKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return Config{}, fault.New(fault.NotFound, "there is no config %s", id)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read config %s: %w", id, err)
	}
	return decodeConfig(item)
}

func decodeConfig(item store.Item) (Config, error) {
	var c Config
	unknown, err := store.Decode(item.Data, &c)
	if err != nil {
		return Config{}, fault.New(fault.Malformed, "config %s is unreadable: %v", item.SK, err)
	}
	c.Version, c.Unknown = item.Version, unknown
	return c, nil
}

// Zone returns the time zone of a user's config.
func (s *Configs) Zone(ctx context.Context, user, id string) (*time.Location, error) {
	c, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	return calendar.LoadZone(c.Timezone)
}

// Archives returns the calendars into which a user's configs archive, active or not.
func (s *Configs) Archives(ctx context.Context, user string) ([]calendar.URI, error) {
	configs, _, err := s.List(ctx, user, limit.Configs, "")
	if err != nil {
		return nil, err
	}
	archives := make([]calendar.URI, len(configs))
	for i, c := range configs {
		archives[i] = c.Archive
	}
	return archives, nil
}

// List returns a page of a user's configs, by id.
func (s *Configs) List(ctx context.Context, user string, limit int, cursor string) (configs []Config, next string, err error) {
	page, err := s.table.Query(ctx, store.Query{PK: store.UserPartition(user), Prefix: "CONFIG#", Limit: limit, Cursor: cursor})
	if err != nil {
		return nil, "", fmt.Errorf("list configs: %w", err)
	}
	for _, item := range page.Items {
		c, err := decodeConfig(item)
		if err != nil {
			return nil, "", err
		}
		configs = append(configs, c)
	}
	return configs, page.Next, nil
}

// Named returns a user's config, named by id or by name, any case.
func (s *Configs) Named(ctx context.Context, user, idOrName string) (Config, error) {
	item, err := s.table.Get(ctx, nameKey(user, idOrName))
	if errors.Is(err, store.ErrNotFound) {
		return s.Get(ctx, user, idOrName)
	}
	if err != nil {
		return Config{}, fmt.Errorf("find config %q: %w", idOrName, err)
	}
	var id string
	if err := json.Unmarshal(item.Data, &id); err != nil {
		return Config{}, fault.New(fault.Malformed, "the name of config %q is unreadable: %v", idOrName, err)
	}
	return s.Get(ctx, user, id)
}

// Update replaces the config of c.ID if it still has c.Version, else store.ErrConflict. Once something is archived the calendars
// stay what they are: the ledger speaks of them.
func (s *Configs) Update(ctx context.Context, user string, c Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	old, err := s.Get(ctx, user, c.ID)
	if err != nil {
		return Config{}, err
	}
	if c.Source != old.Source || c.Archive != old.Archive {
		used, err := s.used(ctx, c.ID)
		if err != nil {
			return Config{}, err
		}
		if used {
			return Config{}, fault.New(fault.Conflict, "config %q has archived already, so its calendars cannot change; create another config", old.Name)
		}
	}
	version := c.Version
	c.Created, c.Updated, c.Version, c.Unknown = old.Created, s.clock().UTC(), version+1, old.Unknown
	ops := []store.Op{{Put: configItem(user, &c), If: store.VersionIs(version)}}
	if nameKey(user, c.Name) != nameKey(user, old.Name) {
		taken := nameKey(user, old.Name)
		ops = append(ops, store.Op{Put: nameItem(user, &c), If: store.Absent()}, store.Op{Delete: &taken})
	}
	err = s.table.Transact(ctx, ops)
	if errors.Is(err, store.ErrConflict) && version == old.Version && len(ops) > 1 {
		return Config{}, nameTaken(c.Name)
	}
	if err != nil {
		return Config{}, fmt.Errorf("store config %s: %w", c.ID, err)
	}
	return c, nil
}

// Delete removes a config that never archived anything; one that did is of kind fault.Conflict, since its ledger needs it.
func (s *Configs) Delete(ctx context.Context, user, id string, version int64) error {
	c, err := s.Get(ctx, user, id)
	if err != nil {
		return err
	}
	used, err := s.used(ctx, id)
	if err != nil {
		return err
	}
	if used {
		return fault.New(fault.Conflict, "config %q has archived already and its ledger stays; deactivate it instead", c.Name)
	}
	config, name := configKey(user, id), nameKey(user, c.Name)
	if err := s.table.Transact(ctx, []store.Op{{Delete: &config, If: store.VersionIs(version)}, {Delete: &name}}); err != nil {
		return fmt.Errorf("delete config %s: %w", id, err)
	}
	return nil
}

// used says whether the config has a ledger.
func (s *Configs) used(ctx context.Context, id string) (bool, error) {
	head, err := s.ledger.Head(ctx, id)
	return head.Seq > 0 || head.Open != "", err
}

// Window returns the days that a run without a period covers: from the last archived day to yesterday, at least the config's look-back.
// What is more than limit.RunDays is left to the next run.
func (s *Configs) Window(ctx context.Context, c Config, now time.Time) (from, to calendar.Date, err error) {
	zone, err := calendar.LoadZone(c.Timezone)
	if err != nil {
		return from, to, err
	}
	head, err := s.ledger.Head(ctx, c.ID)
	if err != nil {
		return from, to, err
	}
	to = calendar.DateOf(now, zone).AddDays(-1)
	from = to.AddDays(1 - max(1, c.LookBack))
	if head.Through != (calendar.Date{}) && head.Through.Before(from) {
		from = head.Through
		if longest := from.AddDays(limit.RunDays - 1); longest.Before(to) {
			to = longest
		}
	}
	return from, to, nil
}
