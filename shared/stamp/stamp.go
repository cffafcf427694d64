// Package stamp has an authority outside say when the heads of ledgers were there (RFC 3161), so that who has the signing key and the table cannot date a
// head back.
//
// Once a day the heads of the day before are put under one Merkle root, and one time-stamp is asked for that root: the authority sees a hash of
// hashes, and not how many ledgers there are, whose, or what is in them. With the path from a head to the root the time-stamp holds for the head.
//
// Items in the store, none of which has anything of an appointment:
//
//	ANCHOR#<day>#<shard> / HEAD#<config>   the newest head of a ledger on a UTC day, until it is stamped
//	ANCHORED#<config> / <day>              a head with its path
//	ANCHORS / TOKEN#<day>#<root>           the time-stamp of a root
//	ANCHORS / STATE                        up to which day all is done, and until when somebody is at it
package stamp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Authority gives time-stamps.
type Authority interface {
	// Stamp returns a token of the digest, which is of SHA-256. Errors are of kind fault.Unavailable or fault.Malformed.
	Stamp(ctx context.Context, digest []byte) (token []byte, err error)
}

// Opener opens signed notes, as ledger.Signer does.
type Opener interface {
	Open(ctx context.Context, signed string) (text string, err error)
}

// Anchors are the time-stamps of all ledgers.
type Anchors struct {
	Table     store.Table
	Authority Authority
	Name      string // address of the authority
	Trust     *Trust
	Signer    Opener
	Clock     func() time.Time

	mu   sync.Mutex
	next time.Time // when there is something to do, as far as this process knows
}

const (
	// shards is over how many partitions the heads of a day are spread: at night all of them come at once.
	shards = 16
	// pending is how long a head waits for its time-stamp at most.
	pending = 60 * 24 * time.Hour
	// settled is how long after the end of a day its heads are there.
	settled = 30 * time.Minute
	// working is how long one process has the day to itself, and pause how long it is until the next try after a failure.
	working = 5 * time.Minute
	pause   = 15 * time.Minute
	// mostDays is how many days are made up for.
	mostDays = 30
	// newest is how many of a ledger's time-stamps are verified.
	newest = 40
)

func stateKey() store.Key { return store.Key{PK: "ANCHORS", SK: "STATE"} }

func pendingPartition(day calendar.Date, shard int) string {
	return fmt.Sprintf("ANCHOR#%s#%02d", day, shard)
}

func shardOf(config string) int {
	sum := sha256.Sum256([]byte(config))
	return int(sum[0]) % shards
}

func tokenKey(day calendar.Date, root string) store.Key {
	return store.Key{PK: "ANCHORS", SK: "TOKEN#" + day.String() + "#" + root}
}

const headPrefix = "HEAD#"

func anchoredPartition(config string) string { return "ANCHORED#" + config }

// head is a head that waits.
type head struct {
	Head string `json:"head"`

	config string
	key    store.Key
}

// anchored is a head that was stamped.
type anchored struct {
	Head  string `json:"head"`
	Root  string `json:"root"` // hex
	Index int64  `json:"index"`
	Size  int64  `json:"size"`
	Path  []Hash `json:"path"`
}

// stored is the time-stamp of a root.
type stored struct {
	Token     []byte    `json:"token"`
	Time      time.Time `json:"time"`
	Authority string    `json:"authority"`
}

// state says up to which day all is done.
type state struct {
	Through calendar.Date `json:"through,omitzero"`
	Until   time.Time     `json:"until,omitzero"` // somebody is at it

	version int64
	unknown store.Unknown
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("stamp: %v", err)) // plain data
	}
	return data
}

// Keep notes the newest head of a ledger on a UTC day, to be stamped when that is over.
func (a *Anchors) Keep(ctx context.Context, config string, day calendar.Date, checkpoint string) error {
	item := store.Item{
		Key:     store.Key{PK: pendingPartition(day, shardOf(config)), SK: headPrefix + config},
		Expires: a.Clock().Add(pending), Data: mustJSON(head{Head: checkpoint}),
	}
	if _, err := a.Table.Put(ctx, item, store.Any()); err != nil {
		return fmt.Errorf("note a head to be stamped: %w", err)
	}
	return nil
}

// Anchor has the heads of the days that are over stamped, if that is due. It may be called at any time, by any number of processes: of each day's
// heads the authority is asked once. After an error it is tried again a while later.
func (a *Anchors) Anchor(ctx context.Context) error {
	now := a.Clock().UTC()
	a.mu.Lock()
	wait := now.Before(a.next)
	a.mu.Unlock()
	if wait {
		return nil
	}
	last := calendar.DateOf(now.Add(-settled), time.UTC).AddDays(-1)
	st, err := a.state(ctx)
	if err != nil {
		return err
	}
	switch {
	case !st.Through.Before(last):
		a.wait(calendar.StartOfDay(last.AddDays(2), time.UTC).Add(settled))
		return nil
	case now.Before(st.Until):
		a.wait(st.Until)
		return nil
	}
	st.Until = now.Add(working)
	if err := a.put(ctx, st); err != nil {
		if errors.Is(err, store.ErrConflict) { // another process was faster
			a.wait(now.Add(time.Minute))
			return nil
		}
		return err
	}
	first := last.AddDays(1 - mostDays)
	if first.Before(st.Through) {
		first = st.Through.AddDays(1)
	}
	for day := first; !last.Before(day); day = day.AddDays(1) {
		if err := a.day(ctx, day); err != nil {
			a.wait(now.Add(pause))
			st.Until = now.Add(pause)
			return errors.Join(fmt.Errorf("stamp the heads of %s: %w", day, err), a.put(context.WithoutCancel(ctx), st))
		}
		st.Through = day
	}
	st.Until = time.Time{}
	if err := a.put(ctx, st); err != nil {
		return fmt.Errorf("note that heads are stamped: %w", err)
	}
	a.wait(calendar.StartOfDay(last.AddDays(2), time.UTC).Add(settled))
	return nil
}

func (a *Anchors) wait(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = until
}

func (a *Anchors) state(ctx context.Context) (*state, error) {
	st := &state{}
	item, err := a.Table.Get(ctx, stateKey())
	if errors.Is(err, store.ErrNotFound) {
		return st, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read up to when heads are stamped: %w", err)
	}
	if st.unknown, err = store.Decode(item.Data, st); err != nil {
		return nil, fault.New(fault.Malformed, "up to when heads are stamped is unreadable: %v", err)
	}
	st.version = item.Version
	return st, nil
}

func (a *Anchors) put(ctx context.Context, st *state) error {
	data, err := st.unknown.Encode(st)
	if err != nil {
		return err
	}
	cond := store.VersionIs(st.version)
	if st.version == 0 {
		cond = store.Absent()
	}
	version, err := a.Table.Put(ctx, store.Item{Key: stateKey(), Data: data}, cond)
	if err == nil {
		st.version = version
	}
	return err
}

// day stamps the heads of a day.
func (a *Anchors) day(ctx context.Context, day calendar.Date) error {
	heads, err := a.heads(ctx, day)
	if err != nil || len(heads) == 0 {
		return err
	}
	texts := make([]string, len(heads))
	for i := range heads {
		texts[i] = heads[i].Head
	}
	h, root, err := tree(texts)
	if err != nil {
		return err
	}
	name := hex.EncodeToString(root[:])
	if err := a.token(ctx, day, name, root[:]); err != nil {
		return err
	}
	items := make([]store.Item, len(heads))
	keys := make([]store.Key, len(heads))
	for i := range heads {
		path, err := pathOf(h, int64(len(heads)), int64(i))
		if err != nil {
			return err
		}
		items[i] = store.Item{
			Key:  store.Key{PK: anchoredPartition(heads[i].config), SK: day.String()},
			Data: mustJSON(anchored{Head: texts[i], Root: name, Index: int64(i), Size: int64(len(heads)), Path: path}),
		}
		keys[i] = heads[i].key
	}
	if err := a.Table.BatchPut(ctx, items); err != nil {
		return fmt.Errorf("store time-stamps: %w", err)
	}
	if err := store.Remove(ctx, a.Table, keys...); err != nil {
		return fmt.Errorf("remove heads that are stamped: %w", err)
	}
	zerolog.Ctx(ctx).Info().Int("heads", len(heads)).Str("day", day.String()).Msg("heads of ledgers stamped")
	return nil
}

// heads are those of a day that wait, by their configs. One that this installation did not sign is left out.
func (a *Anchors) heads(ctx context.Context, day calendar.Date) (all []head, err error) {
	for shard := range shards {
		items, err := store.All(ctx, a.Table, store.Query{PK: pendingPartition(day, shard), Prefix: headPrefix})
		if err != nil {
			return nil, fmt.Errorf("read the heads to be stamped: %w", err)
		}
		for _, item := range items {
			h := head{config: strings.TrimPrefix(item.SK, headPrefix), key: item.Key}
			err := json.Unmarshal(item.Data, &h)
			if err == nil {
				err = a.opens(ctx, h.config, h.Head)
			}
			if fault.Of(err) == fault.Unavailable {
				return nil, err
			}
			if err != nil {
				telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("config", h.config).Msg("what waits to be stamped is no head of a ledger")
				continue
			}
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b head) int { return cmp.Compare(a.config, b.config) })
	return all, nil
}

// opens says whether a head is one of the config's ledger, signed here.
func (a *Anchors) opens(ctx context.Context, config, signed string) error {
	text, err := a.Signer.Open(ctx, signed)
	if err != nil {
		return err
	}
	c, err := ledger.ParseCheckpoint(text)
	if err != nil || c.Origin != ledger.Origin(config) {
		return fault.New(fault.Malformed, "it is no head of this ledger")
	}
	return nil
}

// token asks for the time-stamp of a root, unless it is there from an earlier try.
func (a *Anchors) token(ctx context.Context, day calendar.Date, name string, root []byte) error {
	_, err := a.Table.Get(ctx, tokenKey(day, name))
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	token, err := a.Authority.Stamp(ctx, root)
	if err != nil {
		return err
	}
	at, err := a.Trust.Check(token, root)
	if err != nil {
		return err
	}
	item := store.Item{Key: tokenKey(day, name), Data: mustJSON(stored{Token: token, Time: at, Authority: hostOf(a.Name)})}
	if _, err := a.Table.Put(ctx, item, store.Any()); err != nil {
		return fmt.Errorf("store a time-stamp: %w", err)
	}
	return nil
}

// Stamped is a head that an authority saw.
type Stamped struct {
	Day  calendar.Date
	Head string
	Time time.Time
}

// Of returns the newest heads of a config's ledger that were stamped, newest first, and what is wrong with what is there in place of others.
func (a *Anchors) Of(ctx context.Context, config string) (heads []Stamped, problems []string, err error) {
	page, err := a.Table.Query(ctx, store.Query{PK: anchoredPartition(config), Desc: true, Limit: newest})
	if err != nil {
		return nil, nil, fmt.Errorf("read time-stamps: %w", err)
	}
	for _, item := range page.Items {
		day, err := calendar.ParseDate(item.SK)
		if err != nil {
			continue
		}
		p, err := a.proof(ctx, config, day, item.Data)
		var at time.Time
		if err == nil {
			at, err = p.time(a.Trust)
		}
		switch kind := fault.Of(err); {
		case err == nil && at.Before(calendar.StartOfDay(day, time.UTC)):
			problems = append(problems, fmt.Sprintf("the time-stamp of %s is older than the day of the head", day))
		case err == nil:
			heads = append(heads, Stamped{Day: day, Head: p.Head, Time: at})
		case kind == fault.Malformed || kind == fault.NotFound:
			problems = append(problems, fmt.Sprintf("the time-stamp of %s does not hold: %s", day, err))
		default:
			return nil, nil, err
		}
	}
	return heads, problems, nil
}

// Proof is the newest time-stamp of a config's ledger, or that of a day; without any the error is of kind fault.NotFound. It has no key yet.
func (a *Anchors) Proof(ctx context.Context, config string, day calendar.Date) (*Proof, error) {
	q := store.Query{PK: anchoredPartition(config), Desc: true, Limit: 1}
	if day != (calendar.Date{}) {
		q.Prefix = day.String()
	}
	page, err := a.Table.Query(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read time-stamps: %w", err)
	}
	if len(page.Items) == 0 {
		return nil, fault.New(fault.NotFound, "no head of this ledger has a time-stamp yet; each day's is asked for when the day is over")
	}
	found, err := calendar.ParseDate(page.Items[0].SK)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the day of a time-stamp is unreadable")
	}
	return a.proof(ctx, config, found, page.Items[0].Data)
}

// proof puts a head and the time-stamp of its root together.
func (a *Anchors) proof(ctx context.Context, config string, day calendar.Date, data []byte) (*Proof, error) {
	var of anchored
	if err := json.Unmarshal(data, &of); err != nil {
		return nil, fault.New(fault.Malformed, "it is unreadable")
	}
	if err := a.opens(ctx, config, of.Head); err != nil {
		return nil, err
	}
	item, err := a.Table.Get(ctx, tokenKey(day, of.Root))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "it is gone")
	}
	if err != nil {
		return nil, fmt.Errorf("read a time-stamp: %w", err)
	}
	var token stored
	if err := json.Unmarshal(item.Data, &token); err != nil {
		return nil, fault.New(fault.Malformed, "it is unreadable")
	}
	return &Proof{
		Format: ProofFormat, Head: of.Head, Index: of.Index, Size: of.Size, Path: of.Path, Token: token.Token, Authority: token.Authority,
	}, nil
}

// Erase removes what is kept of the ledgers of configs: their heads that wait, and those that were stamped. Time-stamps are of roots, and stay.
func Erase(ctx context.Context, table store.Table, today calendar.Date, configs []string) error {
	for _, config := range configs {
		if err := store.Clear(ctx, table, store.Query{PK: anchoredPartition(config)}); err != nil {
			return fmt.Errorf("erase time-stamps: %w", err)
		}
		var waiting []store.Key
		for back := range mostDays + 1 {
			waiting = append(waiting, store.Key{PK: pendingPartition(today.AddDays(-back), shardOf(config)), SK: headPrefix + config})
		}
		if err := store.Remove(ctx, table, waiting...); err != nil {
			return fmt.Errorf("erase heads to be stamped: %w", err)
		}
	}
	return nil
}
