package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

const (
	// chunkWrites is how many events and changed instances are written together: twice the twenty requests that fit into one of Graph's batches. A
	// series with more is a chunk by itself.
	chunkWrites = 40
	// chunkThings is how many things are dealt with together: their items are one page.
	chunkThings = 200
	// chunkBytes is about how large the texts of a chunk may be, so that the memory of a run does not depend on them.
	chunkBytes = 8 << 20
)

// carryOut does what the plan says, chunk by chunk, from where an earlier attempt stopped.
func (a *attempt) carryOut(ctx context.Context) error {
	plan, err := openLines(ctx, a.Blobs, PlanKey(a.run.User, a.run.ID))
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	defer plan.close()
	if !a.run.Options.DryRun && len(a.source.zones) > 0 {
		a.drafting.renamed, err = run.Retry(ctx, a.patience, func() (map[string]string, error) {
			return a.target.AdoptZones(ctx, a.target.uri.Account, a.target.info.ID, a.source.zones)
		})
		if err != nil {
			return fmt.Errorf("make the file's time zones known to the calendar: %w", err)
		}
	}
	var tasks []*task
	read, writes, size := 0, 0, 0
	flush := func() error {
		if err := a.chunk(ctx, tasks); err != nil {
			return err
		}
		tasks, writes, size = nil, 0, 0
		if a.progress.Done < a.progress.Total && a.patience.Late(ctx) {
			return run.ErrHandOn
		}
		return nil
	}
	err = a.source.Each(ctx, func(k calendar.Kept) error {
		var it Item
		if err := plan.next(&it); err != nil {
			return errChanged(err)
		}
		if read++; read <= a.progress.Done {
			return nil
		}
		t, err := a.newTask(it, k)
		if err != nil {
			return err
		}
		tasks = append(tasks, t)
		if n := t.writes(); n > 0 {
			writes += n
			size += t.size()
		}
		if writes >= chunkWrites || len(tasks) == chunkThings || size >= chunkBytes {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := plan.next(&Item{}); !errors.Is(err, io.EOF) {
		return errChanged(err)
	}
	if len(tasks) > 0 {
		return flush()
	}
	return nil
}

// errChanged is the failure of a file that does not hold what the plan was made for.
func errChanged(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the plan: %w", err)
	}
	return fault.New(fault.Conflict, "what is restored is not what it was when the run began; start the restore again")
}

// chunk deals with the next things of the file, and stores what became of them.
func (a *attempt) chunk(ctx context.Context, tasks []*task) error {
	if !a.run.Options.DryRun {
		if err := a.intend(ctx, tasks); err != nil {
			return err
		}
		if err := a.write(ctx, tasks, a.resumed); err != nil {
			return err
		}
		a.resumed = false // what comes now was not begun by anybody
	}
	var items []run.Item
	for _, t := range tasks {
		a.progress.Done++
		if t.item.Outcome == none {
			continue
		}
		it, err := t.runItem()
		if err != nil {
			return err
		}
		if it.Written && !a.run.Options.DryRun {
			a.progress.Written++
		}
		if it.Problem != nil {
			a.progress.Failed++
		}
		a.progress.Counts.add(t.outcome())
		items = append(items, it)
	}
	a.run.Progress = run.NewProgress("writing", a.progress.Done, a.progress.Total)
	a.run.Failed = a.progress.Failed
	if a.drill {
		return a.commit(ctx)
	}
	if err := a.result(); err != nil {
		return err
	}
	ops := a.written(tasks)
	if len(items) > 0 {
		page, err := a.run.AddPage(items)
		if err != nil {
			return err
		}
		ops = append(ops, page)
	}
	return a.commit(ctx, ops...)
}

// result puts what the run has come to into its record.
func (a *attempt) result() (err error) {
	p := &a.progress
	a.run.Result, err = json.Marshal(Result{
		Counts: p.Counts, Balanced: p.Counts.Balanced(), Written: p.Written, UnderWay: a.target.underWay,
		Backup: a.input.Backup, Policy: a.input.Policy, Otherwise: a.otherwise, CreatedCalendar: p.Made || a.run.Options.DryRun && a.target.missing(),
	})
	return err
}

// end ends a restore.
func (a *attempt) end(ctx context.Context) error {
	state, c := run.Succeeded, a.progress.Counts
	switch {
	case !c.Balanced():
		state, a.run.Problem = run.Failed, run.NewProblem(errUnbalanced(c))
	case c.Failed > 0 || c.Refused > 0 || c.SetAside > 0:
		state = run.Partial
	}
	if err := a.result(); err != nil {
		return err
	}
	if err := a.finish(ctx, state); err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("read", c.Read).Int("created", c.Created).Int("skipped", c.Skipped).Int("replaced", c.Replaced).
		Int("refused", c.Refused).Int("failed", c.Failed).Int("set_aside", c.SetAside).
		Int("outside", c.OutsidePeriod).Bool("dry_run", a.run.Options.DryRun).Msg("restore run finished")
	return nil
}
