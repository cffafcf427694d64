package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Erase cancels a user's runs that have not ended, and removes all runs that ended before an instant, with their items and leases;
// a zero instant removes all there are. Before a run is removed or stays behind, also is called for what others keep by its id and
// config; of an unreadable run only the id is known. Runs that stay are bare of items.
//
// A run that stays shows the worker that is at it, and whoever gets its message, that it has ended.
func (s *Store) Erase(ctx context.Context, user string, before, now time.Time, also func(context.Context, *Run) error) error {
	q := store.Query{PK: store.UserPartition(user), Prefix: "RUN#", Limit: store.MaxTransact}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("erase runs: %w", err)
		}
		for _, item := range page.Items {
			if err := s.erase(ctx, user, item, before, now, also); err != nil {
				return fmt.Errorf("erase run %s: %w", strings.TrimPrefix(item.SK, "RUN#"), err)
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

func (s *Store) erase(ctx context.Context, user string, item store.Item, before, now time.Time, also func(context.Context, *Run) error) error {
	r, err := decode(item)
	if err != nil {
		r = &Run{ID: strings.TrimPrefix(item.SK, "RUN#"), User: user, State: Failed}
	}
	if r, err = s.stop(ctx, r, now); err != nil {
		return err
	}
	if err := also(ctx, r); err != nil {
		return err
	}
	if err := store.Clear(ctx, s.table, store.Query{PK: itemKey(r.ID, 0).PK}); err != nil {
		return err
	}
	if !before.IsZero() && !r.Ended.Before(before) {
		return nil
	}
	gone := []store.Key{item.Key, r.noteKey()}
	for _, name := range append(r.FormerLeases, r.Lease) {
		if name != "" {
			gone = append(gone, LeaseKey(name))
		}
	}
	return store.Remove(ctx, s.table, gone...)
}

// stopAttempts is how often stop tries again when a worker stored the run meanwhile.
const stopAttempts = 5

// stop cancels the run if it has not ended.
func (s *Store) stop(ctx context.Context, r *Run, now time.Time) (*Run, error) {
	for range stopAttempts {
		if r.State.Ended() {
			return r, nil
		}
		err := s.Finish(ctx, r, Cancelled, now)
		if !errors.Is(err, store.ErrConflict) {
			return r, err
		}
		if r, err = s.Get(ctx, r.User, r.ID); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "the run makes progress all the time; try again")
}

// EraseConfig removes what is kept by the config alone, whatever runs there are: which runs are under way, and the lease of its archive
// calendar by the name that it has before its first run.
func (s *Store) EraseConfig(ctx context.Context, config, lease string) error {
	if err := store.Clear(ctx, s.table, store.Query{PK: "ACTIVE#" + config}); err != nil {
		return fmt.Errorf("erase the runs under way of config %s: %w", config, err)
	}
	if err := s.table.Delete(ctx, LeaseKey(lease), store.Any()); err != nil {
		return fmt.Errorf("erase the lease of config %s: %w", config, err)
	}
	return nil
}
