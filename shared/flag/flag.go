// Package flag knows what is switched on, and for which users: a new behaviour, or one that has to be stopped, for nobody, for all, or for a share of
// the users, without a deployment. Administrators decide for the users of their tenant.
//
// Items in the store:
//
//	FLAGS#<tenant> / FLAGS   what the administrators of the tenant decided
package flag

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Name is the name of a flag. Names are part of the API: they are never used again for something else.
type Name string

const (
	// DeleteOldBackups lets backup runs delete what the retention of their job no longer keeps. Off, all of them stay.
	DeleteOldBackups Name = "backup.delete_old"
	// AlikeDuplicates is archive.Alike, the second version of the plan. It can be shadowed.
	AlikeDuplicates Name = "plan.alike_duplicates"
	// StuckJobAction gives users an action about a job of theirs that a defect keeps from being started. Off, we alone are told.
	StuckJobAction Name = "job.stuck_action"
)

// Definition is what the program itself says of a flag.
type Definition struct {
	What    string
	Default bool // where no administrator has decided, and where nobody can be asked
	Owner   string
	// Since is the day on which the program got it. A flag is meant to go again: see Old.
	Since string
	// Kept says that runs keep, until they end, the value that they started with.
	Kept bool
	// Shadows says that it may have the state Shadow: runs can tell what it would change.
	Shadows bool
}

// Known are all flags.
var Known = map[Name]Definition{
	DeleteOldBackups: {What: "Backup runs delete what the retention no longer keeps.", Default: true, Owner: "backup", Since: "2026-11-30", Kept: true},
	AlikeDuplicates: {
		What:  "Events at the same time count as duplicates also where letters or white space within their subjects are written otherwise.",
		Owner: "archive", Since: "2026-11-30", Kept: true, Shadows: true,
	},
	StuckJobAction: {What: "Users get an action about a job that a defect keeps from being started.", Default: true, Owner: "job", Since: "2026-11-30"},
}

// old is the age from which a flag should be decided for good.
const old = 180 * 24 * time.Hour

// Old says whether a flag is older than half a year: then it is no flag any more, but a setting, or nothing.
func (d Definition) Old(now time.Time) bool {
	since, err := time.Parse(time.DateOnly, d.Since)
	return err == nil && now.Sub(since) > old
}

// State says for whom a flag is on.
type State string

const (
	Off     State = "off"
	On      State = "on"
	Percent State = "percent" // for a share of the users
	Shadow  State = "shadow"  // for nobody; runs tell what it would change, and change nothing by it
)

// Flag is what an administrator decided.
type Flag struct {
	Name  Name  `json:"name"`
	State State `json:"state"`
	// Percent is the share, in hundredths of a percent, 0 to 10,000, of State Percent.
	Percent int `json:"percent,omitempty"`
	// Allow are users for whom it is on, and Deny those for whom it is off, whatever State says: their object ids. Who is in both is denied.
	Allow []string  `json:"allow,omitempty"`
	Deny  []string  `json:"deny,omitempty"`
	By    string    `json:"by"` // object id of the administrator
	At    time.Time `json:"at"`
}

// Whole is a share of all users.
const Whole = 10_000

// maxListed is how many users Allow and Deny may name, each.
const maxListed = 100

// bucket is where among Whole a user stands with a flag: always the same. So a share that grows takes nobody out.
func bucket(name Name, user string) int {
	sum := sha256.Sum256([]byte(string(name) + "\x00" + user))
	return int(binary.BigEndian.Uint64(sum[:8]) % Whole)
}

// On says whether the flag is on for a user, by account.Principal.Key.
func (f Flag) On(user string) bool {
	_, object, _ := strings.Cut(user, "#")
	switch {
	case slices.Contains(f.Deny, object):
		return false
	case slices.Contains(f.Allow, object):
		return true
	case f.State == Percent:
		return bucket(f.Name, user) < f.Percent
	}
	return f.State == On
}

// Shadowed says whether runs of a user tell what the flag would change.
func (f Flag) Shadowed(user string) bool {
	_, object, _ := strings.Cut(user, "#")
	return f.State == Shadow && !slices.Contains(f.Deny, object) && !slices.Contains(f.Allow, object)
}

// check says what is wrong with a flag; errors are of kind fault.Invalid and name the field, or of fault.NotFound.
func (f Flag) check() error {
	definition, ok := Known[f.Name]
	if !ok {
		return fault.New(fault.NotFound, "there is no flag %.50q; there are: %s", string(f.Name), strings.Join(names(), ", "))
	}
	switch {
	case f.State == Shadow && !definition.Shadows:
		return fault.Field("state", "is shadow: nothing tells what %s would change; expected off, on or percent", f.Name)
	case f.State != Off && f.State != On && f.State != Percent && f.State != Shadow:
		return fault.Field("state", "is %.20q: expected off, on, percent or shadow", string(f.State))
	case f.Percent < 0 || f.Percent > Whole || f.State != Percent && f.Percent != 0:
		return fault.Field("percent", "must be 0 to 100, and goes with the state percent alone")
	}
	for field, list := range map[string][]string{"allow": f.Allow, "deny": f.Deny} {
		if len(list) > maxListed {
			return fault.Field(field, "names %d users: at most %d", len(list), maxListed)
		}
		for _, object := range list {
			if object == "" || strings.ContainsAny(object, "# ") {
				return fault.Field(field, "must have object ids")
			}
		}
	}
	return nil
}

func names() (list []string) {
	for name := range Known {
		list = append(list, string(name))
	}
	slices.Sort(list)
	return list
}

// decisions are the stored flags of a tenant.
type decisions struct {
	Flags map[Name]Flag `json:"flags"`

	version int64
	unknown store.Unknown
}

// fresh is how long what was read counts.
const fresh = 30 * time.Second

// attempts is how often a change is tried while others are made.
const attempts = 5

// Flags are the flags of all tenants. All of it may be used from many goroutines.
type Flags struct {
	table store.Table
	clock func() time.Time

	mu   sync.Mutex
	held map[string]*holding // by tenant
}

// holding is what was read last.
type holding struct {
	flags map[Name]Flag
	until time.Time
}

// New returns the flags that are kept in table.
func New(table store.Table, clock func() time.Time) *Flags {
	return &Flags{table: table, clock: clock, held: map[string]*holding{}}
}

func key(tenant string) store.Key { return store.Key{PK: "FLAGS#" + tenant, SK: "FLAGS"} }

func (f *Flags) read(ctx context.Context, tenant string) (decisions, error) {
	item, err := f.table.Get(ctx, key(tenant))
	if errors.Is(err, store.ErrNotFound) {
		return decisions{Flags: map[Name]Flag{}}, nil
	}
	if err != nil {
		return decisions{}, fmt.Errorf("read flags: %w", err)
	}
	return decode(item)
}

func decode(item store.Item) (d decisions, err error) {
	d.Flags = map[Name]Flag{}
	if d.unknown, err = store.Decode(item.Data, &d); err != nil {
		return d, fault.New(fault.Malformed, "the flags of a tenant are unreadable: %w", err)
	}
	d.version = item.Version
	return d, nil
}

// On says whether a flag is on for a user. What was read counts for 30 seconds. When it cannot be read, the last value counts, else what the program
// says; that is logged. A flag that the program does not know is a defect.
func (f *Flags) On(ctx context.Context, name Name, user string) bool {
	definition, ok := Known[name]
	if !ok {
		panic("flag: there is no " + string(name))
	}
	if decided, ok := f.of(ctx, tenantOf(user))[name]; ok {
		return decided.On(user)
	}
	return definition.Default
}

// shadowed, behind the name of a flag, says of a run that it tells what the flag would change.
const shadowed = ":shadow"

// Kept has the values of those flags of a part of the program that runs keep from their start.
type Kept struct {
	Flags *Flags
	Owner string // of the flags
}

// Beside is what is to be read beside a run of a user: nothing where what was read before still counts.
func (k Kept) Beside(user string) []store.Key {
	if tenant := tenantOf(user); k.Flags.known(tenant) == nil {
		return []store.Key{key(tenant)}
	}
	return nil
}

// Started returns the values for a user, and which of the flags a run shadows. read is what Beside asked for, if it is there.
func (k Kept) Started(ctx context.Context, user string, read []store.Item) map[string]bool {
	tenant := tenantOf(user)
	h := k.Flags.known(tenant)
	if h == nil {
		d, err := decisions{}, error(nil)
		if at := slices.IndexFunc(read, func(item store.Item) bool { return item.Key == key(tenant) }); at >= 0 {
			d, err = decode(read[at])
		}
		h = k.Flags.hold(ctx, tenant, k.Flags.clock(), d, err)
	}
	all := map[string]bool{}
	for name, definition := range Known {
		if !definition.Kept || definition.Owner != k.Owner {
			continue
		}
		decided, ok := h.flags[name]
		all[string(name)] = ok && decided.On(user) || !ok && definition.Default
		if decided.Shadowed(user) {
			all[string(name)+shadowed] = true
		}
	}
	return all
}

// KeptShadow says whether a run that started with these values tells what a flag would change.
func KeptShadow(kept map[string]bool, name Name) bool { return kept[string(name)+shadowed] }

// KeptOn is the value of a flag that a run started with.
func KeptOn(kept map[string]bool, name Name) bool {
	if value, ok := kept[string(name)]; ok {
		return value
	}
	return Known[name].Default
}

func tenantOf(user string) string {
	tenant, _, _ := strings.Cut(user, "#")
	return tenant
}

// of returns what is decided for a tenant.
func (f *Flags) of(ctx context.Context, tenant string) map[Name]Flag {
	if h := f.known(tenant); h != nil {
		return h.flags
	}
	asked := f.clock()
	d, err := f.read(ctx, tenant)
	return f.hold(ctx, tenant, asked, d, err).flags
}

// known returns what was read of a tenant, if it still counts, else nil.
func (f *Flags) known(tenant string) *holding {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.held[tenant]; h != nil && f.clock().Before(h.until) {
		return h
	}
	return nil
}

// hold holds what was read, which counts from when it was asked for; after an error what was read before.
func (f *Flags) hold(ctx context.Context, tenant string, asked time.Time, d decisions, err error) *holding {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := &holding{flags: d.Flags, until: asked.Add(fresh)}
	if err != nil {
		next.until = f.clock().Add(fresh) // who does not answer is not asked each time, however long that took
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("flags not read")
		if next.flags = nil; f.held[tenant] != nil {
			next.flags = f.held[tenant].flags
		}
	}
	f.held[tenant] = next
	return next
}

// List returns what is decided for a tenant, by name; a flag that is not in it is as the program has it.
func (f *Flags) List(ctx context.Context, tenant string) (map[Name]Flag, error) {
	d, err := f.read(ctx, tenant)
	return d.Flags, err
}

// Set stores what an administrator of a tenant, by the object id, decided. It takes effect within 30 seconds everywhere.
func (f *Flags) Set(ctx context.Context, tenant, by string, decided Flag) (Flag, error) {
	if err := decided.check(); err != nil {
		return Flag{}, err
	}
	decided.By, decided.At = by, f.clock().UTC()
	err := f.change(ctx, tenant, func(d *decisions) bool { d.Flags[decided.Name] = decided; return true })
	return decided, err
}

// change stores a change, again when somebody else made one meanwhile. One that returns false is none.
func (f *Flags) change(ctx context.Context, tenant string, change func(*decisions) bool) error {
	for range attempts {
		d, err := f.read(ctx, tenant)
		if err != nil {
			return err
		}
		if d.Flags == nil {
			d.Flags = map[Name]Flag{}
		}
		if !change(&d) {
			return nil
		}
		data, err := d.unknown.Encode(d)
		if err != nil {
			return fmt.Errorf("store flags: %w", err)
		}
		condition := store.Absent()
		if d.version > 0 {
			condition = store.VersionIs(d.version)
		}
		_, err = f.table.Put(ctx, store.Item{Key: key(tenant), Data: data}, condition)
		if err == nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.held[tenant] = &holding{flags: maps.Clone(d.Flags), until: f.clock().Add(fresh)}
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store flags: %w", err)
		}
	}
	return fault.New(fault.Conflict, "the flags are changed by others at the same time; try again")
}

// Erase takes a user out of all lists.
func (f *Flags) Erase(ctx context.Context, user string) error {
	tenant, object, _ := strings.Cut(user, "#")
	is := func(o string) bool { return o == object }
	return f.change(ctx, tenant, func(d *decisions) (changed bool) {
		for name, decided := range d.Flags {
			if slices.ContainsFunc(decided.Allow, is) || slices.ContainsFunc(decided.Deny, is) {
				decided.Allow = slices.DeleteFunc(slices.Clone(decided.Allow), is)
				decided.Deny = slices.DeleteFunc(slices.Clone(decided.Deny), is)
				d.Flags[name], changed = decided, true
			}
		}
		return changed
	})
}
