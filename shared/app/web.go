package app

import (
	"cmp"
	"context"
	"errors"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/limit"
	"adminassistant/shared/place"
	"adminassistant/shared/roster"
	"adminassistant/shared/run"
	"adminassistant/shared/setup"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/undo"
	"adminassistant/shared/web"
)

// web returns the pages for people.
func (y *system) web(undoers *undo.Undoers, tenants *tenant.Tenants, sheets *timesheet.Sheets) *httpapi.Web {
	return web.New(web.Services{
		Configs: y.configs, Runs: y.runs, Kinds: Kinds, Undo: undoers, Deciding: y.deciding(), Jobs: y.jobs(), Ledger: y.entries, Blobs: y.blobs,
		Launcher: &run.Launcher{Kinds: Kinds, Starters: y.starters(), Clock: y.clock, NewID: y.newID},
		Money: web.Money{
			Timesheets: sheets, Customers: y.customers, Places: place.New(y.table), Tryouts: &archive.Tryouts{Ledger: y.entries, Runs: y.runs, Blobs: y.blobs},
			Categories: y.categoriesOf, MostFile: cmp.Or(y.settings.memory(), limit.OneMachine).Answer(),
		},
		Actions: y.notice.Actions, Users: y.users, Sessions: y.sessions, Audit: y.audit, Notifications: y.notice.Notifications,
		Setup:   &setup.Setup{Configs: y.configs, Jobs: y.jobs(), Accounts: account.NewNamedAccounts(y.table)},
		Sources: y.sources, Calendars: y.calendarsOf,
		Compare: y.engine().Compare, AsSeen: y.engine().AsSeen, Events: y.sourceEvents, Reach: y.reachable, MayName: y.mayName,
		Backups: backup.New(y.table, y.blobs), Uploads: y.uploads(), Accounts: account.NewNamedAccounts(y.table),
		Verifier: y.verifier(), Signing: y.signing, Eraser: y.eraser(y.users),
		Roster: &roster.Roster{Users: y.users, Jobs: y.jobs(), Sessions: y.sessions, Tenants: tenants, Audit: y.audit},
		DigestWanted: func(ctx context.Context, user string, s account.Settings) error {
			return y.notice.DigestWanted(ctx, user, s)
		},
		Clock: y.clock, NewID: y.newID, SignIn: y.signIn != nil,
	})
}

// sourceEvents returns the events of a config's source calendar. Where users' tokens cannot be opened, it is not readable.
func (y *system) sourceEvents(ctx context.Context, user string, c *archive.Config, w calendar.Window) ([]calendar.Event, bool, error) {
	if y.providers.sealed && y.settings.GraphDelegated && c.Source.Provider == calendar.ProviderGraph {
		return nil, false, nil
	}
	p, err := y.providers.of(ctx, user, c.Source)
	if err != nil {
		return nil, false, err
	}
	events, err := archive.SourceEvents(ctx, p, c, w)
	var unread *calendar.Unread
	if errors.As(err, &unread) { // all but some days
		err = nil
	}
	return events, err == nil, err
}

// sources are the calendars of this system that a user named, and the default ones of the own mailbox, or on one machine of those that the user named.
func (y *system) sources(ctx context.Context, user string) ([]string, error) {
	var uris []string
	if y.settings.HasGraph() && !y.alone {
		uris = append(uris, calendar.URI{Provider: calendar.ProviderGraph, Account: "me", Calendar: "primary"}.String())
	}
	named := account.NewNamedAccounts(y.table)
	if y.settings.HasGraph() && y.alone {
		mailboxes, err := named.List(ctx, user, calendar.ProviderGraph)
		if err != nil {
			return nil, err
		}
		for _, name := range mailboxes {
			uris = append(uris, calendar.URI{Provider: calendar.ProviderGraph, Account: name, Calendar: "primary"}.String())
		}
	}
	accounts, err := named.List(ctx, user, calendar.ProviderLocal)
	if err != nil {
		return nil, err
	}
	for _, name := range accounts {
		infos, err := y.own.For(user).Calendars(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			uris = append(uris, calendar.URI{Provider: calendar.ProviderLocal, Account: name, Calendar: info.Name}.String())
		}
	}
	return uris, nil
}

// calendarsOf lists the calendars of an account.
func (y *system) calendarsOf(ctx context.Context, user string, uri calendar.URI) ([]calendar.Info, error) {
	p, err := y.providers.shown(ctx, user, uri)
	if err != nil {
		return nil, err
	}
	return p.Calendars(ctx, uri.Account)
}

// categoriesOf returns who keeps the categories of the account of a calendar. Providers that only list calendars keep none.
func (y *system) categoriesOf(ctx context.Context, user string, uri calendar.URI) (web.Categories, error) {
	p, err := y.providers.shown(ctx, user, uri)
	if err != nil {
		return nil, err
	}
	lists, ok := p.(web.Categories)
	if !ok {
		return nil, fault.New(fault.Conflict, "mailboxes are reached by runs alone on this server: see to categories in Outlook")
	}
	return lists, nil
}

// reachable refuses a config with a calendar in a mailbox that the user may not name.
func (y *system) reachable(ctx context.Context, user string, c *archive.Config) error {
	for _, uri := range []calendar.URI{c.Source, c.Archive} {
		if err := y.mayName(ctx, user, uri); err != nil {
			return err
		}
	}
	return nil
}

// mayName refuses a calendar in a mailbox that the user may not name.
func (y *system) mayName(ctx context.Context, user string, uri calendar.URI) error {
	p, err := y.providers.shown(ctx, user, uri)
	if err != nil {
		return nil // what keeps a calendar from being reached is for the run to say
	}
	if _, err := calendar.OneName(ctx, p, uri.Account); errors.Is(err, calendar.ErrNoMailbox) {
		return err
	}
	return nil
}
