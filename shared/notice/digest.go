package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// The digest tells a user who wants it once a day what is open. A record in the index says when it is due next:
//
//	USER#<user> / DIGEST   in the index as DIGESTS / <due>#<user>
//
// It is there while the digest is wanted. It is looked after when settings change and when something is raised, so that it comes into being
// again if a process died between the settings and the record.

const (
	digestSK    = "DIGEST"
	digestsPK   = "DIGESTS"
	digestDue   = "2006-01-02T15:04:05Z"
	digestsPage = 100
	// named is how many of the open actions a digest names; they are the oldest.
	named = 10
	// heads is of how many ledgers a digest has the head.
	heads = 10
)

type digest struct {
	Due time.Time `json:"due"`
	// At and Zone are those of the settings that it was made for.
	At   string `json:"at"`
	Zone string `json:"zone"`
}

func digestKey(user string) store.Key { return store.OfUser(user, digestSK) }

func (d *digest) item(user string) store.Item {
	data, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("notice: %v", err)) // plain data
	}
	return store.Item{Key: digestKey(user), IndexPK: digestsPK, IndexSK: d.Due.UTC().Format(digestDue) + "#" + user, Data: data}
}

// newDigest is the digest that is due next after now.
func newDigest(s *account.Settings, now time.Time) (*digest, error) {
	d := &digest{At: s.DigestTime(), Zone: s.Zone}
	daily, err := job.Schedule{Repeat: job.Daily, At: d.At, Zone: d.Zone}.Timetable()
	if err != nil {
		return nil, fmt.Errorf("when the digest is due: %w", err)
	}
	d.Due = daily.Next(now)
	return d, nil
}

// EraseDigest removes the record of a user's digest.
func EraseDigest(ctx context.Context, table store.Table, user string) error {
	if err := table.Delete(ctx, digestKey(user), store.Any()); err != nil {
		return fmt.Errorf("erase the digest: %w", err)
	}
	return nil
}

// DigestWanted has to be called with a user's settings when they have changed. It may be called at any time.
func (n *Notices) DigestWanted(ctx context.Context, user string, s account.Settings) error {
	if n.Records == nil {
		return nil
	}
	if s.Notifications.Digest == (account.Channels{}) {
		return EraseDigest(ctx, n.Records, user)
	}
	item, err := n.Records.Get(ctx, digestKey(user))
	switch {
	case err == nil:
		var d digest
		if json.Unmarshal(item.Data, &d) == nil && d.At == s.DigestTime() && d.Zone == s.Zone {
			return nil
		}
	case !errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("read when the digest is due: %w", err)
	}
	return n.putDigest(ctx, user, &s, item.Version)
}

// putDigest stores when the digest is due next, if its record still has that version.
func (n *Notices) putDigest(ctx context.Context, user string, s *account.Settings, version int64) error {
	d, err := newDigest(s, n.Clock())
	if err != nil {
		return err
	}
	cond := store.VersionIs(version)
	if version == 0 {
		cond = store.Absent()
	}
	if _, err := n.Records.Put(ctx, d.item(user), cond); err != nil && !errors.Is(err, store.ErrConflict) { // somebody else has just done the same
		return fmt.Errorf("store when the digest is due: %w", err)
	}
	return nil
}

// Digests tells every user whose digest is due. What fails for one user is in the log and tried again by the next call, and so is what is left when
// ctx is about to end. Several processes may do this at once: each digest is told once.
func (n *Notices) Digests(ctx context.Context) error {
	q := store.Query{Index: true, PK: digestsPK, To: n.Clock().UTC().Add(time.Second).Format(digestDue), Limit: digestsPage}
	var errs []error
	for {
		page, err := n.Records.Query(ctx, q)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("read which digests are due: %w", err))...)
		}
		for _, item := range page.Items {
			if ctx.Err() != nil {
				return errors.Join(append(errs, ctx.Err())...)
			}
			if err := n.digest(ctx, item); err != nil {
				telemetry.Failure(n.Log.Error(), err).Str("user", telemetry.Hash(item.User())).Msg("digest not told")
				if len(errs) < named {
					errs = append(errs, err)
				}
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return errors.Join(errs...)
		}
	}
}

// digest tells one user, and notes when the next digest is due. If the process dies in between, the same digest is told again, and is there once.
func (n *Notices) digest(ctx context.Context, item store.Item) error {
	user := item.User()
	ctx = telemetry.WithCorrelation(ctx, n.Log.With().Str("user", telemetry.Hash(user)).Logger(), "")
	p, here, err := n.user(ctx, user)
	if err != nil {
		return err
	}
	if !here || p.Settings.Notifications.Digest == (account.Channels{}) {
		return EraseDigest(ctx, n.Records, user)
	}
	var d digest
	if err := json.Unmarshal(item.Data, &d); err != nil {
		zerolog.Ctx(ctx).Error().Msg("unreadable record of a digest begun anew")
	} else if d.Due.After(n.Clock()) {
		return nil // the index lags behind: it is told already
	} else if p.State() == account.Active {
		if err := n.tellDigest(ctx, user, p, d.Due); err != nil {
			return err
		}
	}
	return n.putDigest(ctx, user, &p.Settings, item.Version)
}

// tellDigest tells a user what is open; nothing if nothing is.
func (n *Notices) tellDigest(ctx context.Context, user string, p account.Profile, due time.Time) error {
	counts, oldest, configs, err := n.Actions.Waiting(ctx, user, named)
	if err != nil || len(oldest) == 0 {
		return err
	}
	total := 0
	for _, of := range counts {
		total += of
	}
	what := notify.Notification{
		ID: notify.ID(due, "digest "+due.UTC().Format(time.RFC3339)), User: user, Class: notify.Digest, State: "open", Percent: 100,
		Heading: phrase.New("digest.title", phrase.N(total)), Says: phrase.Text{phrase.New("digest.text", action.Counts(counts))},
		Command: program + "action list", Link: "/v1/actions?state=open",
	}
	if total > len(oldest) {
		what.Says = append(what.Says, phrase.New("digest.oldest", phrase.N(len(oldest))))
	}
	names := map[string]string{}
	for _, a := range oldest {
		name, known := names[a.Config]
		if !known && a.Config != "" {
			c, err := n.Configs.Get(ctx, user, a.Config)
			switch kind := fault.Of(err); {
			case err == nil:
				name = c.Name
			case kind != fault.NotFound && kind != fault.Malformed:
				return err
			}
			names[a.Config] = name
		}
		one, since := action.Counts(map[action.Kind]int{a.Kind: 1}), phrase.On(a.Created)
		says := phrase.New("digest.point", one, since)
		if name != "" {
			says = phrase.New("digest.point.of", one, since, phrase.Name(name))
		}
		what.Points = append(what.Points, notify.Point{Says: says, Link: "/v1/actions/" + a.ID})
	}
	for _, config := range configs[:min(len(configs), heads)] {
		head, err := n.Head(ctx, config)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("digest without the head of a ledger")
			continue
		}
		if head != "" {
			what.Heads = append(what.Heads, head)
		}
	}
	return n.Notifications.Tell(ctx, p.Settings, what)
}
