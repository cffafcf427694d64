package restore

import (
	"cmp"
	"context"
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// makePlan reads file and calendar, decides, and stores what was decided and what is replaced.
func (a *attempt) makePlan(ctx context.Context) error {
	settings := Settings{
		Policy: a.input.Policy, Scope: a.progress.Scope, Zone: a.drafting.floating, Notifies: a.target.notifies(),
		Outlook: a.target.uri.Provider != calendar.ProviderLocal, Begun: a.begun(),
	}
	if a.run.From != (calendar.Date{}) || a.run.To != (calendar.Date{}) {
		w, err := calendar.NewWindow(a.run.From, a.run.To, a.drafting.floating)
		if err != nil {
			return err
		}
		settings.From, settings.To = w.Start(), w.End()
	}
	if err := a.strict(ctx); err != nil {
		return err
	}
	var err error
	if settings.Only, err = a.only(ctx); err != nil {
		return err
	}
	var zones []calendar.Zone
	if !a.target.missing() {
		if zones, err = read(ctx, a, func() ([]calendar.Zone, error) {
			return a.target.Zones(ctx, a.target.uri.Account, a.target.info.ID)
		}); err != nil {
			return fmt.Errorf("read the calendar's time zones: %w", err)
		}
	}
	p := NewPlanner(settings, a.drafting.zones, ics.Lookup(zones))
	if err := a.source.Each(ctx, func(k calendar.Kept) error {
		p.Incoming(&k)
		return nil
	}); err != nil {
		return fmt.Errorf("read what is to be restored: %w", err)
	}
	if !a.target.missing() {
		if _, err := read(ctx, a, func() (struct{}, error) { return struct{}{}, a.readCalendar(ctx, p) }); err != nil {
			return fmt.Errorf("read the calendar: %w", err)
		}
	}
	a.progress.Total = 0
	err = spool(ctx, a.Blobs, PlanKey(a.run.User, a.run.ID), func(line func(any) error) error {
		return p.Items(func(it Item) error {
			a.progress.Total++
			return line(it)
		})
	})
	if err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	a.progress.Planned = true
	a.run.Progress = run.NewProgress("planning", 0, a.progress.Total)
	return a.commit(ctx)
}

// strict refuses a file of which something would be set aside, or whose times cannot be read, if all or nothing of it is to be restored.
func (a *attempt) strict(ctx context.Context) error {
	if !a.input.Strict {
		return nil
	}
	var first *calendar.Aside
	n := 0
	err := a.source.Each(ctx, func(k calendar.Kept) error {
		aside := k.Aside
		if _, _, err := a.drafting.span(&k.Event); aside == nil && err != nil {
			aside = &calendar.Aside{UID: cmp.Or(k.Event.ICalUID, k.Event.ID), Subject: k.Event.Subject, Reason: calendar.InvalidTime, Detail: err.Error()}
		}
		if aside != nil {
			if n++; first == nil {
				first = aside
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what is to be restored: %w", err)
	}
	if first != nil {
		return fault.New(fault.Invalid, "nothing was restored: %d of the file's events cannot be, first of them %s", n, *first)
	}
	return nil
}

// readCalendar gives the planner what the calendar holds, and keeps what may be replaced as it is.
func (a *attempt) readCalendar(ctx context.Context, p *Planner) error {
	p.Forget()
	if p.Policy != Replace && p.Only == nil && len(p.Begun) == 0 || a.run.Options.DryRun {
		return a.kept(ctx, func(k *calendar.Kept) error {
			p.Existing(k)
			return nil
		})
	}
	return spool(ctx, a.Blobs, BeforeKey(a.run.User, a.run.ID), func(line func(any) error) error {
		return a.kept(ctx, func(k *calendar.Kept) error {
			if !p.Existing(k) {
				return nil
			}
			return line(k)
		})
	})
}

const (
	// signOfLife is after how many events a reader shows that it is alive, and looks at the clock.
	signOfLife = 1000
	// mostLate is how many attempts may end while they are still reading: nobody can take up another's reading.
	mostLate = 3
)

// kept reads the calendar.
func (a *attempt) kept(ctx context.Context, each func(*calendar.Kept) error) error {
	read := 0
	return a.target.Kept(ctx, a.target.uri.Account, a.target.info.ID, func(k calendar.Kept) error {
		if read++; read%signOfLife == 0 {
			if a.patience.Late(ctx) {
				return a.late(ctx)
			}
			if err := a.commit(ctx); err != nil {
				return err
			}
		}
		return each(&k)
	})
}

// late hands the run on while it is still reading, unless that has happened too often.
func (a *attempt) late(ctx context.Context) error {
	if a.progress.Late++; a.progress.Late == mostLate {
		return fault.New(fault.Conflict, "calendar %q holds too much to be read by one worker; use another calendar", a.target.info.Name)
	}
	if err := a.commit(ctx); err != nil {
		return err
	}
	return run.ErrHandOn
}

// only returns the keys of the failed items of the run that this one retries; nil: it retries none.
func (a *attempt) only(ctx context.Context) (map[string]bool, error) {
	if a.run.AttemptOf == "" {
		return nil, nil
	}
	return a.runs().FailedKeys(ctx, a.run.User, a.run.AttemptOf)
}
