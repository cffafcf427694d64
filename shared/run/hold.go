package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// LeaseName is the one name by which runs reserve a calendar: by its id when it is known, else by the URI that is to become it.
func LeaseName(user string, uri calendar.URI, id string) string {
	if id == "" {
		return user + "#" + uri.String()
	}
	return user + "#" + uri.Provider + "#" + id
}

// Hold is one worker's hold on a run and, unless the attempt only reads, on the calendar that it writes. Whoever lost one of them to another
// worker can store nothing more through it: store.ErrConflict.
type Hold struct {
	table store.Table
	run   *Run
	clock func() time.Time
	lease *Lease // nil: the attempt only reads

	ending, over bool // the operations were handed out that end the run; they went through
}

// Begin reserves the calendar of that name (name "": a reading attempt, nothing is reserved) and stores the run as running, in one
// transaction. holder is another one for each attempt; the calendar stays reserved for length after the last sign of life. found are items
// that were just read, the lease among them if it is there: see LeaseKey. What it guards may be read with it. Begin returns ErrBusy while
// another attempt has the calendar, and store.ErrConflict when somebody else stored the run; the run is then as it was.
func Begin(
	ctx context.Context, t store.Table, r *Run, name string, holder string, length time.Duration, clock func() time.Time, found []store.Item,
) (*Hold, error) {
	h := &Hold{table: t, run: r, clock: clock}
	before := *r
	now := clock()
	if r.State == Queued {
		r.State, r.Started = Running, now.UTC()
	}
	var err error
	if name == "" {
		if err = t.Transact(ctx, []store.Op{r.Put()}); err != nil {
			err = fmt.Errorf("store run %s: %w", r.ID, err)
		}
	} else {
		r.reserves(name)
		h.lease, err = take(ctx, t, found, name, holder, length, now, r.Put())
	}
	if err != nil {
		*r = before
		return nil, err
	}
	r.Stored()
	return h, nil
}

// reserves notes the name of the lease that the run takes. The names of those that it took before are kept for whoever erases the run.
func (r *Run) reserves(name string) {
	if r.Lease == name {
		return
	}
	former := slices.DeleteFunc(slices.Clone(r.FormerLeases), func(s string) bool { return s == name })
	if r.Lease != "" {
		former = append(former, r.Lease)
	}
	r.Lease, r.FormerLeases = name, former
}

// Move reserves name as well and gives the former one free, in one transaction: a calendar that was reserved by its URI has got an id. It
// returns ErrBusy while another attempt has name; what was held before is then still held.
func (h *Hold) Move(ctx context.Context, name string) error {
	if h.lease == nil || h.run.Lease == name {
		return nil
	}
	found, err := h.table.GetMany(ctx, []store.Key{LeaseKey(name)})
	if err != nil {
		return fmt.Errorf("read the lease: %w", err)
	}
	before, now := *h.run, h.clock()
	h.run.reserves(name)
	lease, err := take(ctx, h.table, found, name, h.lease.holder, h.lease.length, now, h.lease.Release(), h.run.Put())
	if err != nil {
		*h.run = before
		return err
	}
	h.lease = lease
	h.run.Stored()
	return nil
}

// Guard returns the operations that belong into every transaction of the attempt: the run as it is, and the lease renewed. Call Done
// after they went through.
func (h *Hold) Guard() []store.Op {
	h.ending = false
	ops := []store.Op{h.run.Put()}
	if h.lease != nil {
		ops = append(ops, h.lease.Renew(h.clock()))
	}
	return ops
}

// Done notes that the operations of Guard or Ending went through.
func (h *Hold) Done() {
	h.run.Stored()
	if h.lease != nil {
		h.lease.Renewed()
	}
	h.over = h.ending
}

// Commit stores the run together with other operations, guarded.
func (h *Hold) Commit(ctx context.Context, also ...store.Op) error {
	if err := h.table.Transact(ctx, append(h.Guard(), also...)); err != nil {
		return fmt.Errorf("store run %s: %w", h.run.ID, err)
	}
	h.Done()
	return nil
}

// Ends sets the run's final state, before Ending.
func (h *Hold) Ends(state State) { h.run.Ends(state, h.clock()) }

// Ending returns the operations that store the end of the run and give the calendar free; call Done after they went through.
func (h *Hold) Ending() []store.Op {
	h.ending = true
	ops := h.run.ending()
	if h.lease != nil {
		ops = append(ops, h.lease.Release())
	}
	return ops
}

// releaseTime is how long giving a calendar free may take, even when the worker's own time is up.
const releaseTime = 5 * time.Second

// Release gives the calendar free after an attempt that did not end the run, so that the next need not wait. It logs what fails. After one
// that did, it does nothing; so it may be deferred.
func (h *Hold) Release(ctx context.Context) {
	if h.lease == nil || h.over {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	op := h.lease.Release()
	if _, err := h.table.Put(ctx, *op.Put, op.If); err != nil && !errors.Is(err, store.ErrConflict) {
		zerolog.Ctx(ctx).Warn().AnErr("error", err).Msg("lease not released")
	}
}
