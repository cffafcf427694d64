package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// State is what a user may do at all.
type State string

const (
	Active   State = "active"
	Disabled State = "disabled" // an administrator has shut the user out
	Erasing  State = "erasing"  // the user's data is being erased; see Eraser
	Erased   State = "erased"   // nothing is left but this word; the next sign-in begins afresh
)

// Profile is what is known of a user. It is kept at USER#<tenant>#<object> / PROFILE, in the index as USERS#<tenant> / <object>.
type Profile struct {
	Tenant string `json:"tenant"`
	Object string `json:"object"`
	Name   string `json:"name,omitempty"` // as the sign-in service gave it last
	// UserName and Address name the own mailbox, as the sign-in service gave them last; see Reach.
	UserName string        `json:"user_name,omitempty"`
	Address  string        `json:"address,omitempty"`
	Role     Role          `json:"role,omitempty"` // set here by an administrator; the sign-in may bring more
	Created  time.Time     `json:"created,omitzero"`
	Seen     calendar.Date `json:"seen,omitzero"` // the last day, in UTC, with a request
	Ban      *Ban          `json:"disabled,omitempty"`
	Erasing  time.Time     `json:"erasing,omitzero"` // since when
	Erased   time.Time     `json:"erased,omitzero"`

	Settings Settings `json:"settings,omitzero"`
	// SettingsVersion counts the changes of the settings, for optimistic concurrency.
	SettingsVersion int64 `json:"settings_version,omitempty"`

	stored  int64
	unknown store.Unknown
}

// Ban says who disabled a user, and when.
type Ban struct {
	By string    `json:"by"` // object id of the administrator
	At time.Time `json:"at"`
}

// State of the user. One who is disabled and whose data is being erased is Erasing; the ban shows in Ban.
func (p Profile) State() State {
	switch {
	case !p.Erased.IsZero():
		return Erased
	case !p.Erasing.IsZero():
		return Erasing
	case p.Ban != nil:
		return Disabled
	}
	return Active
}

func (p *Profile) key() store.Key { return profileKey(p.Tenant, p.Object) }

const profileSK = "PROFILE"

func profileKey(tenant, object string) store.Key {
	return store.OfUser(Principal{Tenant: tenant, Object: object}.Key(), profileSK)
}

// keepErased is how long it stays known that a user was erased: as long as the table can be restored to a time before it (35 days),
// and a day more. A ban is kept until it is lifted.
const keepErased = 36 * 24 * time.Hour

func (p *Profile) item() store.Item {
	data, err := p.unknown.Encode(p)
	if err != nil {
		panic(fmt.Sprintf("account: %v", err)) // plain data
	}
	item := store.Item{Key: p.key(), IndexPK: "USERS#" + p.Tenant, IndexSK: p.Object, Data: data}
	if !p.Erased.IsZero() && p.Ban == nil {
		item.Expires = p.Erased.Add(keepErased)
	}
	return item
}

func decodeProfile(item store.Item) (Profile, error) {
	p := Profile{Settings: DefaultSettings()}
	unknown, err := store.Decode(item.Data, &p)
	if err != nil || p.key() != item.Key {
		return Profile{}, fault.New(fault.Malformed, "the profile of a user is unreadable: %v", err)
	}
	p.stored, p.unknown = item.Version, unknown
	return p, nil
}

// What a user who is not let in is answered.
var (
	errDisabled = fault.New(fault.Forbidden, "an administrator of your organisation has disabled your account here; ask them to enable it")
	errErasing  = fault.New(fault.Forbidden, "your data is being erased; you can sign in again when that is done")
)

// afterErasure is how long after its end an erasure keeps the user out: other passes of it that are under way have ended then.
const afterErasure = time.Minute

// refusal is why the user is not let in; nil when there is no reason.
func (p Profile) refusal(now time.Time) error {
	switch {
	case p.Ban != nil:
		return errDisabled
	case p.State() == Erasing, p.State() == Erased && now.Before(p.Erased.Add(afterErasure)):
		return errErasing
	}
	return nil
}

const (
	// rememberFor is how long another process may go on with what a profile said before it was changed.
	rememberFor = 30 * time.Second
	// maxRemembered is how many profiles a process remembers at most, well under a kilobyte each.
	maxRemembered = 16384
	// attempts is how often a change is tried when others change the same at that moment.
	attempts = 8
	// maxName is the largest size of a name in bytes.
	maxName = 256
)

// Users keeps the profiles of all users. All its methods may be called from many goroutines at once.
type Users struct {
	// Returned is called when a user makes a request who was not seen for a week, before that is noted; after an error, with the next request once
	// more. It may be nil.
	Returned func(ctx context.Context, user string) error

	table  store.Table
	clock  func() time.Time
	memory memory
}

// AwayAfter is after how many days without a request a user has returned.
const AwayAfter = 7

// NewUsers returns the users kept in table.
func NewUsers(table store.Table, clock func() time.Time) *Users {
	return &Users{table: table, clock: clock, memory: memory{limit: maxRemembered}}
}

// Admit lets an authenticated user in and adds the role that an administrator has given here. The first time it makes the profile. A
// user who is disabled, or whose data is being erased, is of kind fault.Forbidden. It is asked with every request, so that it
// remembers what it read: a change made by another process counts after 30 seconds at the latest, one made through this Users at once.
func (u *Users) Admit(ctx context.Context, p Principal) (Principal, error) {
	profile, err := u.known(ctx, p)
	if err != nil {
		return Principal{}, err
	}
	if err := profile.refusal(u.clock()); err != nil {
		return Principal{}, err
	}
	if p.Role != RoleAdmin {
		p.Role = RoleUser
	}
	if profile.Role == RoleAdmin {
		p.Role = RoleAdmin
	}
	return p, nil
}

// AdmitLeaving is Admit for the request that erases the user's own data, which may be made again while that is under way. A user of
// whom nothing is kept is of kind fault.NotFound: no profile is made to be erased.
func (u *Users) AdmitLeaving(ctx context.Context, p Principal) (Principal, error) {
	profile, err := u.Get(ctx, p.Tenant, p.Object)
	if fault.Of(err) == fault.NotFound || err == nil && profile.Ban == nil && profile.State() == Erased {
		return Principal{}, fault.New(fault.NotFound, "nothing is kept of you")
	}
	if err != nil {
		return Principal{}, err
	}
	if profile.State() != Erasing || profile.Ban != nil {
		return u.Admit(ctx, p)
	}
	p.Role = RoleUser
	return p, nil
}

// Settings returns the settings of a user who was admitted, as Admit remembers them.
func (u *Users) Settings(ctx context.Context, p Principal) (Settings, error) {
	profile, err := u.known(ctx, p)
	return profile.Settings, err
}

// Remembered returns the profile of a user who was admitted, as Admit remembers it.
func (u *Users) Remembered(ctx context.Context, p Principal) (Profile, error) { return u.known(ctx, p) }

// known returns the profile of who makes a request, as it is remembered or stored; the first time it is made.
func (u *Users) known(ctx context.Context, p Principal) (Profile, error) {
	now := u.clock()
	if profile, ok := u.memory.get(p.Key(), now); ok && !profile.learns(p) {
		return profile, nil
	}
	for range attempts {
		era := u.memory.now()
		profile, err := u.Get(ctx, p.Tenant, p.Object)
		missing := fault.Of(err) == fault.NotFound
		if err != nil && !missing {
			return Profile{}, err
		}
		changed := profile
		switch {
		case missing, profile.State() == Erased && profile.refusal(now) == nil:
			changed = Profile{Tenant: p.Tenant, Object: p.Object, Created: now.UTC().Truncate(time.Second), Settings: DefaultSettings(), stored: profile.stored}
			fallthrough
		case profile.State() == Active:
			changed.Seen = u.seen(ctx, &profile, calendar.DateOf(now, time.UTC))
			if name := cut(p.Name); name != "" {
				changed.Name = name
			}
			for _, name := range []struct {
				from string
				to   *string
			}{{p.UserName, &changed.UserName}, {p.Address, &changed.Address}} {
				if name.from != "" && len(name.from) <= maxName {
					*name.to = name.from
				}
			}
		}
		if changed != profile {
			switch err := u.put(ctx, &changed); {
			case errors.Is(err, store.ErrConflict):
				continue
			case err != nil && changed.Created != profile.Created:
				return Profile{}, err
			case err != nil: // that somebody was seen is not worth a refusal
				telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("user not noted as seen")
			}
		}
		u.memory.put(p.Key(), changed, now, era)
		return changed, nil
	}
	return Profile{}, errBusy
}

// seen is the day on which a user was seen last who is seen on this one.
func (u *Users) seen(ctx context.Context, p *Profile, day calendar.Date) calendar.Date {
	if u.Returned == nil || !p.Seen.Valid() || !p.Seen.AddDays(AwayAfter).Before(day) {
		return day
	}
	if err := u.Returned(ctx, Principal{Tenant: p.Tenant, Object: p.Object}.Key()); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("the return of a user was not followed up")
		return p.Seen
	}
	return day
}

// learns says whether a request brings a name of the user's mailbox where the profile has none.
func (p *Profile) learns(from Principal) bool {
	return p.State() == Active && (p.UserName == "" && from.UserName != "" && len(from.UserName) <= maxName ||
		p.Address == "" && from.Address != "" && len(from.Address) <= maxName)
}

// cut shortens a name to what is kept of it.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	n := 0
	for i := range name {
		if i > maxName {
			break
		}
		n = i
	}
	return name[:n]
}

var errBusy = fault.New(fault.Unavailable, "the user's profile is changed by others at the same time; try again")

// put stores a profile if nobody else changed it, else store.ErrConflict.
func (u *Users) put(ctx context.Context, p *Profile) error {
	cond := store.VersionIs(p.stored)
	if p.stored == 0 {
		cond = store.Absent()
	}
	version, err := u.table.Put(ctx, p.item(), cond)
	if err != nil {
		return fmt.Errorf("store the user's profile: %w", err)
	}
	p.stored = version
	return nil
}

// Get returns the profile of a user of a tenant; one that is not there is of kind fault.NotFound.
func (u *Users) Get(ctx context.Context, tenant, object string) (Profile, error) {
	none := fault.New(fault.NotFound, "there is no user %s", object)
	key := profileKey(tenant, object)
	if key.Check() != nil {
		return Profile{}, none
	}
	item, err := u.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return Profile{}, none
	}
	if err != nil {
		return Profile{}, fmt.Errorf("read the user's profile: %w", err)
	}
	return decodeProfile(item)
}

// Of is Get by the user's Principal.Key.
func (u *Users) Of(ctx context.Context, user string) (Profile, error) {
	tenant, object, _ := strings.Cut(user, "#")
	return u.Get(ctx, tenant, object)
}

// change reads a profile, changes it and stores it, again when somebody else changed it meanwhile. A change that returns false is none.
func (u *Users) change(ctx context.Context, tenant, object string, change func(*Profile) (bool, error)) (Profile, error) {
	for range attempts {
		p, err := u.Get(ctx, tenant, object)
		if err != nil {
			return Profile{}, err
		}
		changed, err := change(&p)
		if err != nil {
			return Profile{}, err
		}
		if !changed {
			return p, nil
		}
		err = u.put(ctx, &p)
		u.memory.forget(Principal{Tenant: tenant, Object: object}.Key()) // also after an error: it may have been stored
		if !errors.Is(err, store.ErrConflict) {
			return p, err
		}
	}
	return Profile{}, errBusy
}

// UpdateSettings replaces the user's settings if they still have that version, else store.ErrConflict. Errors of kind fault.Invalid
// name the field.
func (u *Users) UpdateSettings(ctx context.Context, p Principal, s Settings, version int64) (Profile, error) {
	s, err := s.normal()
	if err != nil {
		return Profile{}, err
	}
	return u.change(ctx, p.Tenant, p.Object, func(profile *Profile) (bool, error) {
		if err := profile.refusal(u.clock()); err != nil {
			return false, err
		}
		if profile.SettingsVersion != version {
			return false, fmt.Errorf("store the settings: %w", store.ErrConflict)
		}
		profile.Settings = s
		profile.SettingsVersion++
		return true, nil
	})
}

// EndDigest has the daily digest come to a user by e-mail no more, and returns the profile. All other settings stay.
func (u *Users) EndDigest(ctx context.Context, user string) (Profile, error) {
	tenant, object, _ := strings.Cut(user, "#")
	return u.change(ctx, tenant, object, func(profile *Profile) (bool, error) {
		digest := &profile.Settings.Notifications.Digest
		if !digest.Email {
			return false, nil
		}
		digest.Email = false
		profile.SettingsVersion++
		return true, nil
	})
}

// Administrator returns the context's principal if it is an administrator; else the error is of kind fault.Forbidden, or that of From.
func Administrator(ctx context.Context) (Principal, error) {
	p, err := From(ctx)
	if err != nil {
		return Principal{}, err
	}
	if !p.Admin() {
		return Principal{}, fault.New(fault.Forbidden, "only administrators may do that")
	}
	return p, nil
}

// List returns a page of a tenant's users, by object id. Unreadable profiles are left out, and logged.
func (u *Users) List(ctx context.Context, tenant string, limit int, cursor string) (profiles []Profile, next string, err error) {
	page, err := u.table.Query(ctx, store.Query{Index: true, PK: "USERS#" + tenant, Limit: limit, Cursor: cursor})
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	for _, item := range page.Items {
		p, err := decodeProfile(item)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("user", telemetry.Hash(item.PK)).Msg("unreadable profile left out")
			continue
		}
		profiles = append(profiles, p)
	}
	return profiles, page.Next, nil
}

// Disable shuts a user of the administrator's tenant out, until Enable. It outlives an erasure of the user's data. A user who is not
// there is of kind fault.NotFound; nobody can disable themselves (fault.Forbidden), which would leave a tenant without administrators.
func (u *Users) Disable(ctx context.Context, by Principal, object string) (Profile, error) {
	if object == by.Object {
		return Profile{}, fault.New(fault.Forbidden, "you cannot disable yourself; ask another administrator")
	}
	return u.change(ctx, by.Tenant, object, func(p *Profile) (bool, error) {
		if p.Ban != nil {
			return false, nil
		}
		p.Ban = &Ban{By: by.Object, At: u.clock().UTC().Truncate(time.Second)}
		return true, nil
	})
}

// Enable lets a user of the administrator's tenant in again. A user who is not there is of kind fault.NotFound.
func (u *Users) Enable(ctx context.Context, by Principal, object string) (Profile, error) {
	return u.change(ctx, by.Tenant, object, func(p *Profile) (bool, error) {
		changed := p.Ban != nil
		p.Ban = nil
		return changed, nil
	})
}

// Barred returns those of the users, named by their keys, that are disabled now, and of the others those that were seen last before a day, with the
// day on which they were; the zero day: none. Unreadable profiles are logged, and bar nobody.
func (u *Users) Barred(ctx context.Context, users []string, before calendar.Date) (disabled map[string]bool, unseen map[string]calendar.Date, err error) {
	keys := make([]store.Key, len(users))
	for i, user := range users {
		keys[i] = store.OfUser(user, profileSK)
	}
	items, err := u.table.GetMany(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("read profiles: %w", err)
	}
	disabled, unseen = map[string]bool{}, map[string]calendar.Date{}
	for _, item := range items {
		p, err := decodeProfile(item)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("user", telemetry.Hash(item.PK)).Msg("unreadable profile bars nobody")
			continue
		}
		key := Principal{Tenant: p.Tenant, Object: p.Object}.Key()
		switch {
		case p.Ban != nil:
			disabled[key] = true
		case p.Seen.Valid() && p.Seen.Before(before):
			unseen[key] = p.Seen
		}
	}
	return disabled, unseen, nil
}

// SetRole gives a user of the administrator's tenant a role. It cannot take away the role that the sign-in brings. A user who is not
// there is of kind fault.NotFound, one whose data is or was erased fault.Conflict; nobody can demote themselves (fault.Forbidden).
func (u *Users) SetRole(ctx context.Context, by Principal, object string, role Role) (Profile, error) {
	switch {
	case role != RoleUser && role != RoleAdmin:
		return Profile{}, fault.Field("role", "is %.20q: expected user or admin", string(role))
	case object == by.Object && role != RoleAdmin:
		return Profile{}, fault.New(fault.Forbidden, "you cannot take the role of administrator from yourself; ask another administrator")
	}
	return u.change(ctx, by.Tenant, object, func(p *Profile) (bool, error) {
		if s := p.State(); s == Erasing || s == Erased {
			return false, fault.New(fault.Conflict, "user %s is %s", object, s)
		}
		if p.Role == role || p.Role == "" && role == RoleUser {
			return false, nil
		}
		p.Role = role
		return true, nil
	})
}

// leave marks a user whose data is to be erased, and drops what the profile itself holds of it. The user is refused from then on. What
// is marked already stays as it is.
func (u *Users) leave(ctx context.Context, tenant, object string) (Profile, error) {
	return u.change(ctx, tenant, object, func(p *Profile) (bool, error) {
		if s := p.State(); s == Erasing || s == Erased {
			return false, nil
		}
		*p = Profile{Tenant: p.Tenant, Object: p.Object, Ban: p.Ban, Erasing: u.clock().UTC(), stored: p.stored}
		return true, nil
	})
}

// left notes that nothing is left of a user who was marked.
func (u *Users) left(ctx context.Context, tenant, object string) error {
	_, err := u.change(ctx, tenant, object, func(p *Profile) (bool, error) {
		if p.State() != Erasing {
			return false, nil
		}
		*p = Profile{Tenant: p.Tenant, Object: p.Object, Ban: p.Ban, Erased: u.clock().UTC(), stored: p.stored}
		return true, nil
	})
	return err
}

// memory remembers profiles for a while, in two generations: when the young one has half of the limit it becomes the old one, and
// the old one is forgotten.
type memory struct {
	limit int

	mu         sync.Mutex
	era        uint64 // counts what was forgotten on purpose
	young, old map[string]remembered
}

type remembered struct {
	profile Profile
	until   time.Time
}

func (m *memory) get(key string, now time.Time) (Profile, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.young[key]
	if !ok {
		r, ok = m.old[key]
	}
	return r.profile, ok && now.Before(r.until)
}

// now is to be asked before a profile is read that put gets.
func (m *memory) now() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.era
}

// put remembers a profile that was read at read, unless something was forgotten since: it may have been this one.
func (m *memory) put(key string, p Profile, read time.Time, era uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if era != m.era {
		return
	}
	if m.young == nil || len(m.young) >= m.limit/2 {
		m.young, m.old = map[string]remembered{}, m.young
	}
	m.young[key] = remembered{p, read.Add(rememberFor)}
}

func (m *memory) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.era++
	delete(m.young, key)
	delete(m.old, key)
}
