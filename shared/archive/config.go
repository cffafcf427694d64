package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/rule"
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
	OnEdit         OnEdit       `json:"on_edit,omitempty"`
	LookBack       int          `json:"look_back"`       // days that every run without a period covers at least
	CreateCalendar bool         `json:"create_calendar"` // the first run may create the archive calendar
	Active         bool         `json:"active"`
	// Rules are the user's, each with its version. RuleChanges counts how often they were changed.
	Rules       []rule.Rule `json:"rules,omitempty"`
	RuleChanges int         `json:"rule_changes,omitempty"`
	Created     time.Time   `json:"created"`
	Updated     time.Time   `json:"updated"`

	// Version counts the changes of the config, for optimistic concurrency.
	Version int64 `json:"-"`
	// Unknown is what the stored config has that this program does not know.
	Unknown store.Unknown `json:"-"`
}

// OnEdit says what becomes of copies that somebody altered in the archive calendar, when a verify run of a job finds them.
type OnEdit string

const (
	AskOnEdit    OnEdit = "ask"
	RepairOnEdit OnEdit = "repair" // they get what the ledger has
	AdoptOnEdit  OnEdit = "adopt"  // the ledger takes what they show, as the user's decision
)

// onEdit is OnEdit with its default.
func (c *Config) onEdit() OnEdit { return cmp.Or(c.OnEdit, AskOnEdit) }

const (
	maxName     = 100
	maxLookBack = 366
	// writeAttempts is how often storing a config is tried while others are stored at the same time.
	writeAttempts = 8
)

// Settings returns what a plan depends on.
func (c *Config) Settings() (Settings, error) {
	return NewSettings(c.Timezone, c.Purpose, c.Overlaps, c.AllDayOverlaps, c.OnDrift)
}

// RuleSet returns the config's rules for a plan; nil: there are none. Rules that this program does not know are of kind fault.Malformed.
func (c *Config) RuleSet() (*rule.Set, error) {
	if len(c.Rules) == 0 {
		return nil, nil
	}
	set, err := rule.Compile(c.Rules)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the rules of config %s are unreadable: %w", c.ID, err)
	}
	return set, nil
}

// Validate checks a config; errors are of kind fault.Invalid and name the field. Of rules all fields that are at fault are named, see rule.Check.
func (c *Config) Validate() error { return c.replaces(nil) }

// replaces is Validate of a config that takes the place of another one; nil: of none. Rules that are as they were pass: a newer program may have written
// them, and the config can be changed all the same.
func (c *Config) replaces(was *Config) error {
	switch {
	case !validName(c.Name):
		return fault.Field("name", "must have 1 to %d characters, without control characters or space around them", maxName)
	case c.Source == (calendar.URI{}):
		return fault.Field("source", "is missing; give a calendar URI as in local://me/calendars/Work")
	case c.Archive == (calendar.URI{}):
		return fault.Field("archive", "is missing; give a calendar URI as in local://me/calendars/Archive")
	case c.Source.Same(c.Archive):
		return fault.Field("archive", "must not be the source calendar: the source is never written")
	case !slices.Contains([]OnEdit{"", AskOnEdit, RepairOnEdit, AdoptOnEdit}, c.OnEdit):
		return fault.Field("on_edit", "must be ask, repair or adopt, not %.40q", c.OnEdit)
	case c.LookBack < 0 || c.LookBack > maxLookBack:
		return fault.Field("look_back", "must be 0 to %d days", maxLookBack)
	}
	if _, err := c.Settings(); err != nil {
		return err
	}
	if was != nil && reflect.DeepEqual(c.Rules, was.Rules) {
		return nil
	}
	_, err := rule.Check(rule.Drafts(c.Rules))
	return err
}

func validName(name string) bool {
	control := func(r rune) bool { return r < ' ' }
	return name != "" && name == strings.TrimSpace(name) && utf8.RuneCountInString(name) <= maxName && !strings.ContainsFunc(name, control)
}

// Configs keeps archive configs, by user.
type Configs struct {
	table  store.Table
	ledger *ledger.Ledger
	newID  func() string
	clock  func() time.Time
	find   Finder // nil: calendars are compared by their spelling alone
}

// Finder returns the provider's id of the calendar that a URI names; empty where no listing has it.
type Finder func(ctx context.Context, uri calendar.URI) (id string, err error)

// Finding returns the same configs. They compare calendars by the ids that find returns, and return its errors.
func (s *Configs) Finding(find Finder) *Configs {
	with := *s
	with.find = find
	return &with
}

// NewConfigs returns the configs kept in table.
func NewConfigs(table store.Table, l *ledger.Ledger, newID func() string, clock func() time.Time) *Configs {
	return &Configs{table: table, ledger: l, newID: newID, clock: clock}
}

func configKey(user, id string) store.Key {
	return store.OfUser(user, "CONFIG#"+id)
}

// nameKey is the item that reserves a config's name among a user's configs.
func nameKey(user, name string) store.Key {
	return store.OfUser(user, "CONFIGNAME#"+strings.ToLower(name))
}

// configCount is the item that changes whenever one of a user's configs is created or edited. So no two are stored at once, and each is
// compared with all others.
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

// Create stores a new config, which is active. Errors of kind fault.Conflict: the name is another config's, there are limit.Configs already,
// the archive calendar is another config's archive or source, or the source is another's archive.
func (s *Configs) Create(ctx context.Context, user string, c Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	c.ID, c.Active, c.Created, c.Version, c.Unknown = s.newID(), true, s.clock().UTC(), 1, store.Unknown{}
	c.Updated = c.Created
	c.Rules = slices.Clone(c.Rules)
	c.RuleChanges = rule.Number(c.Rules, nil, 0)
	if err := s.write(ctx, user, &c, nil); err != nil {
		return Config{}, err
	}
	return c, nil
}

// write stores a config in place of was, nil for a new one. It tries again while other configs of the user's are stored. When was has changed
// in the store, the error is store.ErrConflict.
func (s *Configs) write(ctx context.Context, user string, c, was *Config) error {
	for range writeAttempts {
		ops, err := s.prepare(ctx, user, c, was)
		if err != nil {
			return err
		}
		err = s.table.Transact(ctx, ops)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store the config: %w", err)
		}
	}
	return fault.New(fault.Unavailable, "other configs are created and edited at the same moment; try again")
}

// prepare returns the transaction that stores a config in place of was. It fails once another of the user's configs has been stored.
func (s *Configs) prepare(ctx context.Context, user string, c, was *Config) ([]store.Op, error) {
	count := store.Item{Key: configCount(user), Data: []byte("{}")}
	unchanged, taken, version := store.Absent(), false, int64(0)
	there, err := s.table.GetMany(ctx, []store.Key{count.Key, nameKey(user, c.Name), configKey(user, c.ID)})
	if err != nil {
		return nil, fmt.Errorf("count the configs: %w", err)
	}
	for _, item := range there {
		switch item.Key {
		case count.Key:
			unchanged, count.Data = store.VersionIs(item.Version), item.Data
		case configKey(user, c.ID):
			version = item.Version
		default:
			taken = was == nil || nameKey(user, was.Name) != item.Key
		}
	}
	if was != nil && version != was.Version {
		return nil, fmt.Errorf("store config %s: %w", c.ID, store.ErrConflict)
	}
	if taken {
		return nil, fault.New(fault.Conflict, "there is a config named %q already", c.Name)
	}
	all, err := s.all(ctx, user)
	if err != nil {
		return nil, err
	}
	if was == nil && len(all) >= limit.Configs {
		return nil, fault.New(fault.Conflict, "there are %d archive configs already, as many as there may be; delete one first", len(all))
	}
	claims, err := s.claims(ctx, user, c, all)
	if err != nil {
		return nil, err
	}
	if err := refusal(claims[0], was, claims[1:]); err != nil {
		return nil, err
	}
	ops := []store.Op{{Put: configItem(user, c), If: store.Absent()}, {Put: &count, If: unchanged}}
	if was != nil {
		ops[0].If = store.VersionIs(version)
	}
	if was == nil || nameKey(user, was.Name) != nameKey(user, c.Name) {
		ops = append(ops, store.Op{Put: nameItem(user, c), If: store.Absent()})
		if was != nil {
			free := nameKey(user, was.Name)
			ops = append(ops, store.Op{Delete: &free})
		}
	}
	return ops, nil
}

// claims returns the claim of c, and then those of all other configs. Only calendars whose ids may matter to c are looked up.
func (s *Configs) claims(ctx context.Context, user string, c *Config, all []Config) ([]Claim, error) {
	claims := []Claim{claimOf(c)}
	wanted := map[*Place]bool{}
	l := &locator{Configs: s, user: user}
	for i := range all {
		if all[i].ID != c.ID {
			claims = append(claims, claimOf(&all[i]))
		}
	}
	mine := &claims[0]
	if mine.Source.near(mine.Archive) {
		wanted[&mine.Source], wanted[&mine.Archive] = true, true
	}
	for i := range claims[1:] {
		for _, p := range pairs(mine, &claims[i+1]) {
			if p.mine.near(*p.theirs) {
				wanted[p.mine], wanted[p.theirs] = true, true
			}
		}
	}
	for i := range claims {
		for _, at := range claims[i].places() {
			if !wanted[at.Place] {
				continue
			}
			if err := l.locate(ctx, claims[i].ID, at.role, at.Place); err != nil {
				return nil, err
			}
		}
	}
	return claims, nil
}

func claimOf(c *Config) Claim {
	return Claim{ID: c.ID, Name: c.Name, Active: c.Active, Source: Place{URI: c.Source}, Archive: Place{URI: c.Archive}}
}

// all returns all configs of a user, by id.
func (s *Configs) all(ctx context.Context, user string) ([]Config, error) {
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(user), Prefix: "CONFIG#"})
	if err != nil {
		return nil, fmt.Errorf("list configs: %w", err)
	}
	configs := make([]Config, len(items))
	for i, item := range items {
		if configs[i], err = decodeConfig(item); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

// Owners returns those of a user's configs, active or not, that have the calendar as source or archive.
func (s *Configs) Owners(ctx context.Context, user string, p Place) ([]Share, error) {
	all, err := s.all(ctx, user)
	if err != nil {
		return nil, err
	}
	claims := make([]Claim, len(all))
	l := &locator{Configs: s, user: user}
	for i := range all {
		claims[i] = claimOf(&all[i])
		for _, at := range claims[i].places() {
			if !at.near(p) {
				continue
			}
			if err := l.locate(ctx, all[i].ID, at.role, at.Place); err != nil {
				return nil, err
			}
		}
	}
	return owners(p, claims), nil
}

// Claims returns the claims of all configs of a user, with the ids of those calendars that are found.
func (s *Configs) Claims(ctx context.Context, user string) ([]Claim, error) {
	all, err := s.all(ctx, user)
	if err != nil {
		return nil, err
	}
	claims := make([]Claim, len(all))
	l := &locator{Configs: s, user: user}
	for i := range all {
		claims[i] = claimOf(&all[i])
		for _, at := range claims[i].places() {
			if err := l.locate(ctx, all[i].ID, at.role, at.Place); err != nil {
				return nil, err
			}
		}
	}
	return claims, nil
}

// Get returns a user's config by its id. When the user has none of that id, the error is of kind fault.NotFound.
func (s *Configs) Get(ctx context.Context, user, id string) (Config, error) {
	item, err := s.table.Get(ctx, configKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return Config{}, errNoConfig(id)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read config %s: %w", id, err)
	}
	return decodeConfig(item)
}

// GetBeside is Get that reads other items in the same request, and returns those of them that there are.
func (s *Configs) GetBeside(ctx context.Context, user, id string, others []store.Key) (c Config, items []store.Item, err error) {
	if len(others) == 0 {
		c, err = s.Get(ctx, user, id)
		return c, nil, err
	}
	if items, err = s.table.GetMany(ctx, append([]store.Key{configKey(user, id)}, others...)); err != nil {
		return Config{}, nil, fmt.Errorf("read config %s: %w", id, err)
	}
	at := slices.IndexFunc(items, func(item store.Item) bool { return item.Key == configKey(user, id) })
	if at < 0 {
		return Config{}, nil, errNoConfig(id)
	}
	c, err = decodeConfig(items[at])
	return c, slices.Delete(items, at, at+1), err
}

func errNoConfig(id string) error { return fault.New(fault.NotFound, "there is no config %s", id) }

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

// Named returns a user's config by its id, or by its name in any case. Errors are Get's.
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

// Update replaces the config c.ID. When its version is no longer c.Version, the error is store.ErrConflict. Once a config has archived
// something its calendars cannot change, since the ledger is about them: that is of kind fault.Conflict. Other errors are Create's.
func (s *Configs) Update(ctx context.Context, user string, c Config) (Config, error) {
	old, err := s.Get(ctx, user, c.ID)
	if err != nil {
		return Config{}, err
	}
	if err := c.replaces(&old); err != nil {
		return Config{}, err
	}
	if old.Version != c.Version {
		return Config{}, fmt.Errorf("store config %s: %w", c.ID, store.ErrConflict)
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
	c.Created, c.Updated, c.Unknown = old.Created, s.clock().UTC(), old.Unknown
	c.Rules = slices.Clone(c.Rules)
	c.RuleChanges = rule.Number(c.Rules, old.Rules, old.RuleChanges)
	if err := s.write(ctx, user, &c, &old); err != nil {
		return Config{}, err
	}
	c.Version++
	return c, nil
}

// Delete removes a config that never archived anything. For one that did the error is of kind fault.Conflict, since its ledger needs it.
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
	config, name, note := configKey(user, id), nameKey(user, c.Name), foundKey(user, id)
	if err := s.table.Transact(ctx, []store.Op{{Delete: &config, If: store.VersionIs(version)}, {Delete: &name}, {Delete: &note}}); err != nil {
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
