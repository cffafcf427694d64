package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// place is a calendar of a run.
type place struct {
	provider Provider
	uri      calendar.URI
	info     calendar.Info
	missing  bool   // there is no such calendar
	patient  bool   // the provider repeats requests that failed by itself, each one alone
	account  string // the one name of its account, whatever the URI calls it
	// siblings are all calendars of its account.
	siblings []calendar.Info
}

// unmade is the URI that reserves a calendar which is not there yet: the same for all names of its account.
func (p *place) unmade() calendar.URI {
	uri := p.uri
	uri.Account = p.account
	return uri
}

// settles is for how long the calendar may not show yet what was written.
func (p *place) settles() time.Duration {
	if p.uri.Provider == calendar.ProviderLocal {
		return 0
	}
	return run.Settling
}

// findArchive finds the archive calendar, for runs that do without the source.
func (a *Attempt) findArchive(ctx context.Context) error {
	list, err := a.list(ctx, &a.archive, a.config.Archive)
	if err != nil {
		return fmt.Errorf("list the archive's calendars: %w", err)
	}
	a.archive.siblings = list
	_, archive := a.named()
	a.archive.info, err = archive.Pick(list)
	switch {
	case errors.Is(err, calendar.ErrNotFound):
		a.archive.missing = true
	case err != nil:
		return fmt.Errorf("archive calendar: %w", err)
	}
	return nil
}

// findCalendars finds source and archive calendar. It lists the calendars once where both are in one account.
func (a *Attempt) findCalendars(ctx context.Context) error {
	if a.run.Kind == run.Verify || a.run.Kind == run.Repair {
		return a.findArchive(ctx)
	}
	c := &a.config
	list, err := a.list(ctx, &a.source, c.Source)
	if err != nil {
		return fmt.Errorf("list the source's calendars: %w", err)
	}
	source, archive := a.named()
	if a.source.info, err = source.Pick(list); err != nil {
		return fmt.Errorf("source calendar: %w", err)
	}
	a.archive = place{provider: a.source.provider, uri: c.Archive, patient: a.source.patient, account: a.source.account}
	if together, err := a.together(ctx); err != nil {
		return err
	} else if !together {
		if list, err = a.list(ctx, &a.archive, c.Archive); err != nil {
			return fmt.Errorf("list the archive's calendars: %w", err)
		}
	}
	a.archive.siblings = list
	a.archive.info, err = archive.Pick(list)
	switch {
	case errors.Is(err, calendar.ErrNotFound):
		a.archive.missing = true
	case err != nil:
		return fmt.Errorf("archive calendar: %w", err)
	case a.archive.info.ID == a.source.info.ID && c.Archive.Provider == c.Source.Provider:
		return fault.Field("archive", "names the source calendar: the source is never written")
	}
	return nil
}

// together says whether source and archive are in one account, by whatever names.
func (a *Attempt) together(ctx context.Context) (bool, error) {
	if a.config.Archive.Provider != a.config.Source.Provider {
		return false, nil
	}
	name, err := calendar.OneName(ctx, a.source.provider, a.config.Archive.Account)
	if err != nil {
		return false, fmt.Errorf("list the archive's calendars: %w", err)
	}
	return name == a.source.account, nil
}

// list lists the calendars of the account that a URI names, and sets up the place to read them.
func (a *Attempt) list(ctx context.Context, p *place, uri calendar.URI) (list []calendar.Info, err error) {
	p.uri = uri
	if p.provider, err = a.Provider(ctx, a.run.User, uri); err != nil {
		return nil, err
	}
	if k, ok := p.provider.(knowing); ok && a.beside != nil {
		if err := k.Know(a.beside); err != nil {
			return nil, err
		}
	}
	if p.account, err = calendar.OneName(ctx, p.provider, uri.Account); err != nil {
		return nil, err
	}
	list, err = run.Retry(ctx, &a.patience, func() ([]calendar.Info, error) { return p.provider.Calendars(ctx, uri.Account) })
	if able, ok := p.provider.(patient); ok {
		p.provider, p.patient = able.Patiently(func() func(context.Context, error) error { return a.patience.Trial().Again }), true
	}
	return list, err
}

// read makes a request that reads, and repeats it when it fails. A patient provider does that by itself: of a request of many pages it repeats
// only the page that failed.
func read[T any](ctx context.Context, a *Attempt, p *place, request func() (T, error)) (T, error) {
	if p.patient {
		return request()
	}
	return run.Retry(ctx, &a.patience, request)
}

// readyArchive creates the archive calendar if it is missing and the config allows it, and reserves it by its id. One that may only be read is
// refused before anything is written: Microsoft 365 may answer that it deleted something there, and delete nothing.
func (a *Attempt) readyArchive(ctx context.Context) error {
	switch {
	case !a.archive.missing && !a.archive.info.CanEdit:
		return fault.New(fault.Forbidden, "archive calendar %q may only be read, so nothing was written; let its owner share it with you as an editor, "+
			"or archive into another calendar", a.archive.info.Name)
	case !a.archive.missing:
		return nil
	}
	uri := a.config.Archive
	if !a.config.CreateCalendar {
		return fault.New(fault.NotFound, "archive calendar %q not found in %s; create it with: admin-assistant calendar create %s", uri.Calendar, uri.Account, uri)
	}
	if _, archive := a.named(); archive.Known.ByID {
		return errNamedByID(archive.Known)
	}
	info, err := run.Retry(ctx, &a.patience, func() (calendar.Info, error) { return a.archive.provider.CreateCalendar(ctx, uri) })
	exists := errors.Is(err, calendar.ErrExists)
	if exists { // the answer to an earlier try was lost, or somebody else created it
		info, err = run.Retry(ctx, &a.patience, func() (calendar.Info, error) { return a.archive.provider.Calendar(ctx, uri) })
	}
	if err != nil {
		return fmt.Errorf("create the archive calendar: %w", err)
	}
	a.archive.info, a.archive.missing = info, false
	if err := a.hold.Move(ctx, run.LeaseName(a.run.User, uri, info.ID)); err != nil || !exists {
		return err
	}
	return a.refuseOccupied(ctx) // whoever was faster may have written it
}

// checkArchive returns an error if the survey's changes must not be written: the archive calendar is another config's, or an appointment would
// then be in it twice. With the option Adopt it adopts the copies of other ledgers.
func (s *survey) checkArchive(ctx context.Context) error {
	a := s.attempt
	changes := s.changes()
	if len(changes) == 0 && !a.run.Options.Adopt {
		return nil
	}
	if err := a.checkShared(ctx); err != nil {
		return err
	}
	first := a.books.head.Seq == 0 && a.books.head.Open == ""
	switch {
	case a.archive.missing:
		return nil
	case a.run.Options.Adopt:
		return s.adopt(ctx)
	case first:
		return a.refuseOccupied(ctx)
	}
	return s.refuseTwice(ctx, changes)
}

// checkShared refuses to write an archive calendar that is also another config's archive or source. Configs that are not active do not count,
// so that of two that share one from earlier times one can go on.
func (a *Attempt) checkShared(ctx context.Context) error {
	configs, _, err := a.configs().List(ctx, a.run.User, limit.Configs, "")
	if err != nil {
		return err
	}
	mine := claimOf(&a.config)
	mine.Source.ID, mine.Archive.ID = a.source.info.ID, a.archive.info.ID
	configs = slices.DeleteFunc(configs, func(c Config) bool { return !c.Active })
	others := make([]Claim, len(configs))
	notes := map[string]found{}
	if len(configs) > 1 {
		if notes, err = a.configs().notes(ctx, a.run.User); err != nil {
			return err
		}
	}
	listed := map[string][]calendar.Info{a.archive.account: a.archive.siblings}
	for i := range configs {
		others[i] = claimOf(&configs[i])
		if others[i].ID == mine.ID {
			continue
		}
		note := notes[others[i].ID]
		known := []calendar.Known{note.Source, note.Archive}
		for at, p := range []*Place{&others[i].Source, &others[i].Archive} {
			if !p.near(mine.Archive) {
				continue
			}
			list, err := a.listOnce(ctx, listed, p.URI)
			if err != nil {
				return err
			}
			if info, err := calendar.NewNamed(p.URI, known[at]).Pick(list); err == nil {
				p.ID = info.ID
			}
		}
	}
	for _, s := range Shares(mine, others) {
		if s.Of == ArchiveRole {
			return fault.New(fault.Conflict, "%s, so nothing was written; deactivate one of the two configs", s)
		}
	}
	return nil
}

// listOnce lists the calendars of another config's account, unless listed has them. It is the archive calendar's mailbox perhaps, by a name of which
// nobody here knows that. What cannot be listed for good has none.
func (a *Attempt) listOnce(ctx context.Context, listed map[string][]calendar.Info, uri calendar.URI) ([]calendar.Info, error) {
	name, err := calendar.OneName(ctx, a.archive.provider, uri.Account)
	if err == nil {
		list, there := listed[name]
		if there {
			return list, nil
		}
		if list, err = run.Retry(ctx, &a.patience, func() ([]calendar.Info, error) { return a.archive.provider.Calendars(ctx, uri.Account) }); err == nil {
			listed[name] = list
			return list, nil
		}
	}
	if fault.Of(err).Transient() {
		return nil, fmt.Errorf("list the calendars of another config: %w", err)
	}
	if name != "" {
		listed[name] = nil
	}
	return nil, nil
}

// strangers returns the copies of other ledgers in the archive calendar, by event id. others is how many of its events are not a ledger's copies.
func (a *Attempt) strangers(ctx context.Context) (copies map[string]ledger.Mark, others int, err error) {
	_, err = read(ctx, a, &a.archive, func() (struct{}, error) {
		copies, others = map[string]ledger.Mark{}, 0
		return struct{}{}, a.archive.provider.Marks(ctx, a.archive.uri.Account, a.archive.info.ID, func(id, mark string) error {
			switch m, ok := ledger.ParseMark(mark); {
			case !ok:
				others++
			case a.strange(m):
				copies[id] = m
			}
			return nil
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("look into the archive calendar: %w", err)
	}
	return copies, others, nil
}

// strange says whether a copy is another ledger's. To an empty ledger all are, even those with its config's id.
func (a *Attempt) strange(m ledger.Mark) bool {
	return m.Config != a.config.ID || a.books.head.Seq == 0 && a.books.head.Open == ""
}

// refuseOccupied refuses to let the first run write an archive calendar that holds what this ledger did not write.
func (a *Attempt) refuseOccupied(ctx context.Context) error {
	copies, others, err := a.strangers(ctx)
	switch {
	case err != nil:
		return err
	case len(copies) > 0:
		return errStrangers(a.archive.info.Name, len(copies))
	case others > 0:
		return fault.New(fault.Conflict, "archive calendar %q holds events that are not ours; run again with --adopt to archive into it all the same",
			a.archive.info.Name)
	}
	return nil
}

func errStrangers(name string, copies int) error {
	return fault.New(fault.Conflict, "archive calendar %q holds copies that another ledger made (%d), of another config or another data folder; "+
		"so that nothing is there twice, run again with --adopt to take them into this one", name, copies)
}

// refuseTwice refuses to create copies of which another ledger has written one into the archive calendar already.
func (s *survey) refuseTwice(ctx context.Context, changes []Change) error {
	a := s.attempt
	creates := map[string]bool{}
	var span ledger.Span
	for i := range changes {
		e := &changes[i].Entry
		if changes[i].Kind != Create {
			continue
		}
		if len(creates) == 0 {
			span = ledger.Span{From: e.Appointment.Start, To: e.Appointment.End}
		}
		span.From, span.To = earlier(span.From, e.Appointment.Start), later(span.To, e.Appointment.End)
		creates[ledger.KeyInMark(e.Key)] = true
	}
	if len(creates) == 0 {
		return nil
	}
	there, err := read(ctx, a, &a.archive, func() ([]calendar.Event, error) {
		return a.archive.provider.Events(ctx, a.archive.uri.Account, a.archive.info.ID, span.From, later(span.To, span.From.Add(1)))
	})
	if unread := new(calendar.Unread); err != nil && !errors.As(err, &unread) { // a copy that is broken does not keep others from being written
		return fmt.Errorf("look into the archive calendar: %w", err)
	}
	s.findDuplicates(there)
	twice := 0
	for i := range there {
		if m, ok := ledger.ParseMark(there[i].Mark); ok && a.strange(m) && creates[m.Key] {
			twice++
		}
	}
	if twice > 0 {
		return errStrangers(a.archive.info.Name, twice)
	}
	return nil
}

// findDuplicates counts those of the archive calendar's events that a user made of our copies: Outlook copies an event with all that it has, our mark too.
// One counts only beside the copy that the ledger knows. Nobody else touches them: a copy is known by its mark and its id.
func (s *survey) findDuplicates(there []calendar.Event) {
	known, ids := map[string]string{}, map[string]bool{} // the id of the copy, by the key in its mark
	for _, e := range s.attempt.books.newest {
		if e.CopyID != "" {
			known[ledger.KeyInMark(e.Key)] = e.CopyID
		}
	}
	for i := range there {
		ids[there[i].ID] = true
	}
	s.duplicates = 0
	for i := range there {
		m, ok := ledger.ParseMark(there[i].Mark)
		if id := known[m.Key]; ok && !s.attempt.strange(m) && id != "" && id != there[i].ID && ids[id] {
			s.duplicates++
		}
	}
}
