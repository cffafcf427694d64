package restore

import (
	"context"
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// begin reserves the calendar, makes it if it is not there, and stores the run as running.
func (a *attempt) begin(ctx context.Context) (err error) {
	if !a.progress.Planned {
		a.run.Progress = run.NewProgress("reading", 0, 0)
	}
	name := run.LeaseName(a.run.User, a.target.unmade(), a.target.info.ID)
	if a.run.Options.DryRun {
		name = ""
	}
	if err := a.reserve(ctx, name); err != nil {
		return err
	}
	if a.target.missing() && !a.run.Options.DryRun {
		if err := a.createCalendar(ctx); err != nil {
			return err
		}
	}
	joining, err := a.join(ctx)
	if err != nil {
		return err
	}
	a.progress.Calendar = a.target.info.ID
	a.drafting = drafting{
		reading: reading{zones: ics.Lookup(a.source.zones)}, zone: a.input.Zone, explains: a.target.uri.Provider == calendar.ProviderLocal,
	}
	if a.drafting.floating, err = calendar.LoadZone(a.input.Zone); err != nil {
		return err
	}
	return a.commit(ctx, joining...)
}

// reserve begins the attempt in the store, with the lease of that name; with none it only reads.
func (a *attempt) reserve(ctx context.Context, name string) error {
	var found []store.Item
	if name != "" {
		var err error
		if found, err = a.Table.GetMany(ctx, []store.Key{run.LeaseKey(name)}); err != nil {
			return fmt.Errorf("read the lease: %w", err)
		}
	}
	h, err := run.Begin(ctx, a.Table, a.run, name, a.run.ID+"/"+a.NewID(), a.LeaseFor, a.Clock, found)
	if err == nil {
		a.hold = h
	}
	return err
}

// commit stores the run and how far it is, guarded by the hold.
func (a *attempt) commit(ctx context.Context, also ...store.Op) error {
	if err := a.hold.Commit(ctx, append(also, a.progress.put(a.run.ID))...); err != nil {
		return fmt.Errorf("store how far the run is: %w", err)
	}
	a.progress.stored()
	return nil
}

// finish stores the run's final state and gives the calendar free.
func (a *attempt) finish(ctx context.Context, state run.State) error {
	a.run.Progress.Total = a.progress.Total
	a.hold.Ends(state)
	ops := a.hold.Ending()
	if a.note != nil && !a.run.Options.DryRun {
		ops = append(ops, a.closeNote())
	}
	if err := a.Table.Transact(ctx, ops); err != nil {
		return fmt.Errorf("end the run: %w", err)
	}
	a.hold.Done()
	return nil
}
