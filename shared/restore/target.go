package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// target is the calendar that is written.
type target struct {
	Provider
	uri     calendar.URI
	account string        // the one name of its account, whatever the URI calls it
	info    calendar.Info // ID "": it is not there
	patient bool          // the provider repeats by itself what failed of a reading
	// underWay is the run of the restore that writes it now.
	underWay string
}

// patient is a Provider that can repeat by itself each reading request of a call that failed. See archive's provider of that name.
type patient interface {
	Patiently(retry func() func(ctx context.Context, failure error) error) calendar.Provider
}

// reach makes p the provider of the target.
func (a *attempt) reach(p Provider) {
	a.target.Provider, a.target.patient = p, false
	if able, ok := p.(patient); ok {
		a.target.Provider = able.Patiently(func() func(context.Context, error) error { return a.patience.Trial().Again })
		a.target.patient = true
	}
}

// read makes a request that reads the target, and repeats it when it fails. A patient provider does that by itself: of a request of many parts it
// repeats only what failed.
func read[T any](ctx context.Context, a *attempt, request func() (T, error)) (T, error) {
	if a.target.patient {
		return request()
	}
	return run.Retry(ctx, a.patience, request)
}

// missing says that there is no such calendar yet.
func (t *target) missing() bool { return t.info.ID == "" }

// unmade is the URI that reserves the calendar while it is not there: the same for all names of its account.
func (t *target) unmade() calendar.URI {
	uri := t.uri
	uri.Account = t.account
	return uri
}

// notifies says whether the calendar's provider tells the people who were invited when an event changes.
func (t *target) notifies() bool { return t.uri.Provider != calendar.ProviderLocal }

// settles is for how long the calendar may not show yet what was written.
func (t *target) settles() time.Duration {
	if t.uri.Provider == calendar.ProviderLocal {
		return 0
	}
	return run.Settling
}

// errGone is the failure of a run whose calendar somebody deleted. A new one of its name would hold the rest alone.
func (t *target) errGone() error {
	return fault.New(fault.Conflict, "calendar %q, which the restore was writing, is not there any more; start the restore again", t.uri.Calendar)
}

// findCalendar finds the calendar that is written. One that is not there has no id; the run may create it.
func (a *attempt) findCalendar(ctx context.Context) (err error) {
	p, err := a.Provider(ctx, a.run.User, a.target.uri)
	if err != nil {
		return err
	}
	a.reach(p)
	if a.target.account, err = calendar.OneName(ctx, a.target.Provider, a.target.uri.Account); err != nil {
		return fmt.Errorf("list the calendars: %w", err)
	}
	list, err := read(ctx, a, func() ([]calendar.Info, error) { return a.target.Calendars(ctx, a.target.uri.Account) })
	if err != nil {
		return fmt.Errorf("list the calendars: %w", err)
	}
	a.target.info, err = a.pick(ctx, list, a.target.uri)
	if err == nil || errors.Is(err, calendar.ErrNotFound) {
		if err := a.refuseArchive(ctx, list); err != nil {
			return err
		}
	}
	switch {
	case a.progress.Calendar != "" && (errors.Is(err, calendar.ErrNotFound) || err == nil && a.target.info.ID != a.progress.Calendar):
		return a.target.errGone()
	case errors.Is(err, calendar.ErrNotFound) && a.input.CreateCalendar:
		return nil
	case errors.Is(err, calendar.ErrNotFound):
		return fault.New(fault.NotFound, "calendar %q not found in %s; let the restore create it, or create it with: admin-assistant calendar create %s",
			a.target.uri.Calendar, a.target.uri.Account, a.target.uri)
	case err != nil:
		return err
	case !a.target.info.CanEdit:
		return fault.New(fault.Forbidden, "calendar %q may only be read; restore into another one", a.target.info.Name)
	}
	return nil
}

// pick finds the calendar that a URI names in its account's list. One that is not there by that is found by what it was known by besides.
func (a *attempt) pick(ctx context.Context, list []calendar.Info, uri calendar.URI) (calendar.Info, error) {
	info, err := calendar.Pick(list, uri)
	if a.Known == nil || !errors.Is(err, calendar.ErrNotFound) {
		return info, err
	}
	named, e := a.Known(ctx, a.run.User, uri)
	if e != nil {
		return info, e
	}
	if info, err = named.Pick(list); err == nil {
		a.otherwise = named.Otherwise(info)
	}
	return info, err
}

// refuseArchive refuses a calendar into which a config archives, or will: verifying the archive would call what is restored foreign.
func (a *attempt) refuseArchive(ctx context.Context, list []calendar.Info) error {
	archives, err := a.Archives(ctx, a.run.User)
	if err != nil {
		return fmt.Errorf("find the archives: %w", err)
	}
	listed := map[string][]calendar.Info{a.target.account: list}
	for _, named := range archives {
		uri := named.URI
		if uri.Provider != a.target.uri.Provider {
			continue
		}
		name, err := calendar.OneName(ctx, a.target.Provider, uri.Account)
		if err != nil && !fault.Of(err).Transient() {
			continue // it cannot be reached, under whatever name
		}
		if err != nil {
			return fmt.Errorf("find the archives: %w", err)
		}
		there, known := listed[name]
		if !known && a.target.notifies() && !a.target.missing() { // perhaps the same mailbox, by a name of which nobody here knows that
			there, err = run.Retry(ctx, a.patience, func() ([]calendar.Info, error) { return a.target.Calendars(ctx, uri.Account) })
			if err != nil && fault.Of(err).Transient() {
				return fmt.Errorf("find the archives: %w", err)
			}
			listed[name] = there
		}
		info, err := named.Pick(there)
		if err == nil && info.ID == a.target.info.ID ||
			a.target.missing() && name == a.target.account && calendar.SameName(uri.Calendar, a.target.uri.Calendar) {
			return fault.New(fault.Conflict, "calendar %q is the archive of one of your configs and shows what its ledger holds; restore into another calendar",
				a.target.uri.Calendar)
		}
	}
	return nil
}

// createCalendar makes the calendar, after noting that it was not there: what undoes the run has to know. It is reserved by its id from then on.
func (a *attempt) createCalendar(ctx context.Context) (err error) {
	begun, tries := a.progress.Made, 0
	a.progress.Made = true
	if err := a.commit(ctx); err != nil {
		return err
	}
	a.target.info, err = run.Retry(ctx, a.patience, func() (calendar.Info, error) {
		tries++
		return a.target.CreateCalendar(ctx, a.target.uri)
	})
	if errors.Is(err, calendar.ErrExists) { // somebody was faster, or an answer was lost
		if a.progress.Made = begun || tries > 1; !a.progress.Made {
			if err := a.commit(ctx); err != nil {
				return err
			}
		}
		a.target.info, err = run.Retry(ctx, a.patience, func() (calendar.Info, error) { return a.target.Calendar(ctx, a.target.uri) })
	}
	if err != nil {
		return fmt.Errorf("create the calendar: %w", err)
	}
	return a.hold.Move(ctx, run.LeaseName(a.run.User, a.target.uri, a.target.info.ID))
}
