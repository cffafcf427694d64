package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/customer"
	"adminassistant/shared/export"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/imports"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail"
	"adminassistant/shared/notice"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/place"
	"adminassistant/shared/proof"
	"adminassistant/shared/queue"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/signing"
	"adminassistant/shared/stamp"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/timesheet/pdf"
	"adminassistant/shared/timesheet/xlsx"
	"adminassistant/shared/undo"
)

// system is what one machine and the cloud have in common: all but the adapters.
type system struct {
	settings  Settings
	log       zerolog.Logger
	metrics   *telemetry.Metrics // nil: nobody looks at them
	limits    httpapi.Limits     // nil: on one machine nobody else is kept from anything
	table     store.Table
	blobs     blob.Blob
	archives  queue.Queue
	backups   queue.Queue // of backups, restores and drills
	notices   queue.Queue // of notifications that are due by e-mail
	own       *local.Provider
	keeper    secret.Keeper // of the installation's master key
	signing   *signing.Installed
	witness   witness        // nil: nobody keeps heads
	anchors   *stamp.Anchors // nil: nobody stamps them
	entries   *ledger.Ledger
	configs   *archive.Configs
	customers *customer.Customers
	runs      *run.Store
	audit     *audit.Log
	users     *account.Users
	tenants   *tenant.Tenants
	sessions  *session.Sessions
	signIn    httpapi.SignIn // nil: nobody signs in with a browser
	providers *calendars
	notice    *notice.Notices
	flags     *flag.Flags
	post      mail.Sender       // of what users send; nil: they cannot
	cli       httpapi.CLISignIn // without a client: nobody signs in
	machine   *httpapi.Machine  // nil: no browser gets in without a sign-in
	clock     func() time.Time  // nil: the machine's
	version   string            // of the software
	alone     bool              // whoever runs the process is the one user, and may reach all mailboxes that the credentials do: on one machine
	network   http.RoundTripper // to Microsoft Graph and its sign-in; nil: the machine's
}

// witness keeps the heads of ledgers where who can write the table cannot reach them.
type witness interface {
	archive.Witness
	// Kept returns heads that are kept of a config's ledger, and what is wrong with what there is in place of others.
	Kept(ctx context.Context, config string) (heads, problems []string, err error)
}

// kinds has a line for each kind of run: what it is, and who carries its runs out.
var kinds = []struct {
	run.Description
	handler func(*system) run.Handler
}{
	{archive.RunKind, (*system).archiver},
	{archive.DecideKind, (*system).decider},
	{archive.VerifyKind, func(y *system) run.Handler { return y.archiveVerifier() }},
	{archive.RepairKind, func(y *system) run.Handler { return &archive.Repairer{Verifier: *y.archiveVerifier()} }},
	{backup.RunKind, (*system).backuper},
	{restore.RunKind, (*system).restorer},
	{restore.DrillKind, (*system).driller},
	{undo.RunKind, (*system).undoer},
	{imports.RunKind, (*system).importer},
}

// Kinds are the kinds of runs that there are.
var Kinds = func() run.Kinds {
	var all []run.Description
	for _, kind := range kinds {
		all = append(all, kind.Description)
	}
	return run.MustKinds(all...)
}()

// connect wires what stands on table and blobs alone, and the calendars' providers.
func (y *system) connect(credentials credentials) {
	if y.clock == nil {
		y.clock = time.Now
	}
	y.signing = signing.New(y.table, y.keeper)
	y.entries = ledger.New(y.table, y.blobs, y.signing)
	y.entries.Most = y.settings.memory().Events()
	y.configs = archive.NewConfigs(y.table, y.entries, y.newID, y.clock)
	y.customers = customer.New(y.table, y.newID, y.clock)
	y.runs = run.NewStore(y.table)
	y.audit = audit.New(y.table, y.clock, y.newID)
	y.audit.Lost = func() { y.metrics.Count(telemetry.Counts{telemetry.AuditRecordsLost: 1}) }
	y.users, y.sessions = account.NewUsers(y.table, y.clock), session.New(y.table, y.clock)
	y.tenants = tenant.New(y.table, y.settings.SignInTenants, y.clock)
	y.flags = flag.New(y.table, y.clock)
	y.own = local.New(y.table, y.newID, y.clock)
	y.own.MostEvents = y.settings.memory().Events()
	y.providers = &calendars{
		settings: y.settings, local: y.own, listings: listing.New(y.table),
		graph: &once[*graph.Provider]{make: newGraph(y.settings, credentials, y.graphOptions)},
	}
	if !y.alone && !y.settings.GraphDelegated {
		y.providers.reach = y.users.Reach
	}
	y.notice = y.newNotices()
	y.users.Returned = y.notice.Returned
}

// graphOptions are those of the provider of Microsoft 365 that follow from where the system runs.
func (y *system) graphOptions(o *graph.Options) {
	o.ForOwners, o.Transport = !y.alone && !y.settings.GraphDelegated, y.network
}

// newNotices returns who tells users of their runs and jobs.
func (y *system) newNotices() *notice.Notices {
	n := &notice.Notices{
		Kinds: Kinds, Actions: action.New(y.table, y.newID, y.clock), Notifications: notify.New(y.table, y.notices, y.clock), Jobs: y.jobs(), Runs: y.runs,
		Configs: y.configs, Profile: y.users.Of, Flags: y.flags, Clock: y.clock, Log: y.log, Records: y.table, Signer: y.signing,
		EndDigest: y.users.EndDigest,
		Head: func(ctx context.Context, config string) (string, error) {
			head, err := y.entries.Head(ctx, config)
			return head.Checkpoint, err
		},
	}
	if y.settings.GraphDelegated {
		n.SignIn = func(ctx context.Context, user string) (microsoft.State, error) {
			client, err := y.providers.users.get(ctx)
			if err != nil {
				return microsoft.State{}, err
			}
			return client.State(ctx, user)
		}
	}
	return n
}

// queues are where runs wait for their workers.
func (y *system) queues() map[run.QueueName]queue.Queue {
	return map[run.QueueName]queue.Queue{run.ArchiveQueue: y.archives, run.BackupQueue: y.backups}
}

// starters are who starts runs, by their queues.
func (y *system) starters() map[run.QueueName]*run.Starter {
	all := map[run.QueueName]*run.Starter{}
	for name, q := range y.queues() {
		all[name] = &run.Starter{Runs: y.runs, Queue: q}
	}
	return all
}

// jobs are the jobs of all users.
func (y *system) jobs() *job.Jobs { return job.New(y.table, y.jobKinds(), y.newID, y.clock) }

// jobKinds are how jobs start their runs.
func (y *system) jobKinds() map[run.Kind]job.Kind { return job.Kinds(Kinds, y.configs, y.queues()) }

// api returns the HTTP API.
func (y *system) api(authenticate func(*http.Request) (account.Principal, error)) http.Handler {
	undoers := y.undoers()
	tenants := y.tenants
	if len(y.settings.SignInTenants) == 0 { // nobody signs in
		tenants = nil
	}
	sheets := y.timesheets()
	sheets.Outputs, sheets.Post = timesheet.Outputs{PDF: pdf.Write, XLSX: xlsx.Write}, y.sheetPost()
	undoers.Kinds, undoers.Blind = Kinds, y.providers.sealed && y.settings.GraphDelegated
	return httpapi.New(httpapi.Services{
		Configs: y.configs, Customers: y.customers, Places: place.New(y.table), Timesheets: sheets, Runs: y.runs,
		Kinds: Kinds, Starters: y.starters(), Undo: undoers, Deciding: y.deciding(),
		Tryouts: &archive.Tryouts{Ledger: y.entries, Runs: y.runs, Blobs: y.blobs}, Jobs: y.jobs(),
		Backups: backup.New(y.table, y.blobs), Uploads: y.uploads(), Ledger: y.entries, Verifier: y.verifier(), Signing: y.signing, Stamps: y.anchors, Blobs: y.blobs,
		Requests: idempotency.New(y.table, y.clock), Accounts: account.NewNamedAccounts(y.table), Ping: y.table.Ping,
		Flags: y.flags, Users: y.users, Tenants: tenants, Eraser: y.eraser(y.users), Exporter: y.exporter(sheets), Audit: y.audit, Limits: y.limits,
		Actions: y.notice.Actions, Notifications: y.notice.Notifications, Digests: y.notice,
		Provider: y.providers.shown,
		Local:    func(user string) httpapi.Importer { return y.own.For(user) },
		Clock:    y.clock, NewID: y.newID, Log: y.log, Version: y.version, Memory: y.settings.memory(),
		Authenticate: authenticate, SignIn: y.signIn, Machine: y.machine, CLI: y.cli, Web: y.web(undoers, tenants, sheets),
		Attempts: session.NewAttempts(y.table, y.clock), Sessions: y.sessions, Metrics: y.metrics,
	})
}

// timesheets returns who keeps the timesheets of all users. It draws none, so that the fonts are in those programs alone that do.
func (y *system) timesheets() *timesheet.Sheets {
	return &timesheet.Sheets{
		Table: y.table, Blobs: y.blobs, Ledger: y.entries, Configs: y.configs, Customers: y.customers, Actions: y.notice.Actions, Signing: y.signing,
		Clock: y.clock, NewID: y.newID,
		Sender: func(ctx context.Context, user string) (timesheet.Party, error) {
			p, err := y.users.Of(ctx, user)
			if err != nil && fault.Of(err) != fault.NotFound {
				return timesheet.Party{}, err
			}
			if lines := strings.Split(p.Settings.Letterhead, "\n"); lines[0] != "" {
				return timesheet.Party{Name: lines[0], Lines: lines[1:], Email: p.Settings.Email}, nil
			}
			return timesheet.Party{Name: p.Name, Email: p.Settings.Email}, nil
		},
	}
}

// exporter returns who writes all that is kept of a user into a file.
func (y *system) exporter(sheets *timesheet.Sheets) *export.Exporter {
	return &export.Exporter{
		Table: y.table, Ledger: y.entries, Sheets: sheets, Audit: y.audit, Signing: y.signing, Clock: y.clock,
		Configs: y.configsOf,
	}
}

// configsOf are the ids of a user's archive configs.
func (y *system) configsOf(ctx context.Context, user string) (ids []string, err error) {
	for cursor := ""; ; {
		page, next, err := y.configs.List(ctx, user, limit.Configs, cursor)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			ids = append(ids, c.ID)
		}
		if cursor = next; next == "" {
			return ids, nil
		}
	}
}

// sheetPost returns who sends timesheets.
func (y *system) sheetPost() timesheet.Post {
	post := timesheet.Post{
		Sender: y.post,
		Held: func(ctx context.Context, address string) (*timesheet.Held, error) {
			m, err := y.notice.Notifications.SheetsReturned(ctx, address)
			if err != nil || m == nil {
				return nil, err
			}
			held := &timesheet.Held{Why: m.Why, Since: m.At, Again: timesheet.ByWord}
			switch {
			case m.ForNobody():
				held.Again = timesheet.ByNobody
			case m.Why == mail.Complained:
				held.Again = timesheet.ByConfirmation
			}
			return held, nil
		},
		Again: func(ctx context.Context, user string, c *customer.Customer, address string, confirmed bool) error {
			if err := y.notice.Notifications.SheetsAgain(ctx, address, confirmed); err != nil {
				return err
			}
			_, err := y.audit.Append(ctx, audit.Entry{
				User: user, Actor: user, Action: "customer.mailed_again", Resource: audit.Resource{Kind: "customer", ID: c.ID}, Outcome: audit.OK,
				Correlation: telemetry.Correlation(ctx), Details: audit.Details{"to": audit.ID(strings.ToLower(address))},
			})
			return err
		},
		Sent: func(ctx context.Context, user string, r *timesheet.Record, m timesheet.Sent) error {
			_, err := y.audit.Append(ctx, audit.Entry{
				User: user, Actor: user, Action: "timesheet.sent", Resource: audit.Resource{Kind: "timesheet", ID: r.ID}, Outcome: audit.OK,
				Correlation: telemetry.Correlation(ctx),
				Details:     audit.Details{"sheet": audit.ID(m.Hash), "to": audit.ID(strings.ToLower(m.To)), "mail": audit.ID(m.ID)},
			})
			return err
		},
	}
	if y.limits != nil {
		post.Allow = func(ctx context.Context, user string) error { return y.limits.Allow(ctx, user, limit.Mails) }
	}
	return post
}

// mailReturned notes that a mail with a timesheet came back, and tells its user.
func (y *system) mailReturned(ctx context.Context, r mail.Return) error {
	sheet, err := y.timesheets().MailReturned(ctx, r)
	if err != nil || sheet == nil {
		return err
	}
	return y.notice.SheetReturned(ctx, sheet.ID, r)
}

// verifier returns who compares ledgers with all that lies around them.
func (y *system) verifier() *proof.Verifier {
	v := &proof.Verifier{
		Ledger: y.entries, Runs: y.runs, Audit: y.audit, Backups: backup.New(y.table, y.blobs), Signer: y.signing, Clock: y.clock,
		Sheets: y.timesheets().Hashes,
	}
	if y.witness != nil {
		v.Kept = y.witness.Kept
	}
	v.Stamps = y.stamps()
	return v
}

// worker returns who carries out the runs that messages of a queue name: those of the kinds that go there. busyDelay is how long a run
// waits for another one of its archive calendar, and visibility how long its message stays hidden.
func (y *system) worker(name run.QueueName, busyDelay, visibility time.Duration) *run.Worker {
	w := y.newWorker(y.queues()[name], busyDelay, visibility)
	w.Flags = flag.Kept{Flags: y.flags, Owner: string(name)} // queues are named after their parts
	w.Handlers = map[run.Kind]run.Handler{}
	for _, kind := range kinds {
		if kind.Queue == name {
			w.Handlers[kind.Kind] = kind.handler(y)
		}
	}
	return w
}

// newWorker returns a worker of a queue that carries no runs out yet. As it is it can end the runs whose messages became dead letters.
func (y *system) newWorker(messages queue.Queue, busyDelay, visibility time.Duration) *run.Worker {
	w := &run.Worker{
		Runs: y.runs, Queue: messages, Kinds: Kinds, Log: y.log, Metrics: y.metrics, Clock: y.clock, BusyDelay: busyDelay, Visibility: visibility,
	}
	w.Ended = func(ctx context.Context, r *run.Run) error {
		var err error
		if cleaner, ok := w.Handlers[r.Kind].(cleaner); ok {
			err = cleaner.Ended(ctx, r)
		}
		return errors.Join(err, y.ended(ctx, r))
	}
	return w
}

// cleaner is a handler whose runs leave something behind when they are ended by somebody else.
type cleaner interface {
	Ended(ctx context.Context, r *run.Run) error
}

// ended is called for every run that has ended, at least once.
func (y *system) ended(ctx context.Context, r *run.Run) error {
	if err := y.audit.RunEnded(ctx, r); err != nil {
		return err
	}
	if err := y.deciding().Ended(ctx, r); err != nil {
		return err
	}
	return y.notice.RunEnded(ctx, r)
}

// mailer returns who sends the notifications that messages name. firstPause and visibility are as in a worker.
func (y *system) mailer(sender mail.Sender, limits notify.Limits, firstPause, visibility time.Duration) *notify.Mailer {
	return &notify.Mailer{
		Deliveries:    queue.Deliveries{Queue: y.notices, Log: y.log, Metrics: y.metrics, FirstPause: firstPause, Visibility: visibility},
		Notifications: y.notice.Notifications, Profile: y.notice.Profile, Sender: sender, Limits: limits, Base: y.settings.PublicURL, Clock: y.clock,
		Returned: y.notice.MailReturned, Others: y.mailReturned,
		Unsubscribe: func(ctx context.Context, user string, in phrase.Language) (string, error) {
			return y.notice.UnsubscribeAddress(ctx, y.settings.PublicURL, user, in)
		},
	}
}

// archiver returns who carries out archive runs.
func (y *system) archiver() run.Handler { return (*archive.Runner)(y.engine()) }

// decider returns who carries out decide runs.
func (y *system) decider() run.Handler { return (*archive.Decider)(y.engine()) }

// deciding returns who turns what users decide into decide runs.
func (y *system) deciding() *archive.Deciding {
	return &archive.Deciding{Configs: y.configs, Ledger: y.entries, Runs: y.runs, Actions: y.notice.Actions, NewID: y.newID}
}

// undoer returns who carries out undo runs.
func (y *system) undoer() run.Handler { return y.undoers() }

func (y *system) undoers() *undo.Undoers {
	return &undo.Undoers{Runs: y.runs, Of: map[run.Undoing]undo.Undoer{
		run.UndoneInLedger: (*archive.Undoer)(y.engine()), run.UndoneInCalendar: &restore.Undoer{Runner: *y.newRestorer()},
		run.UndoneImport: &imports.Undoer{Runner: *y.newImporter()},
	}}
}

// archiveVerifier returns who carries out verify runs.
func (y *system) archiveVerifier() *archive.Verifier {
	return &archive.Verifier{Engine: y.engine(), Start: y.starts, Chain: func(ctx context.Context, user, config string) (archive.Chain, error) {
		v, err := y.verifier().Verify(ctx, user, config, nil)
		return archive.Chain{
			OK: v.OK, Links: v.Links, Entries: v.Entries, Misfits: v.Misfits, First: v.First, Unfinished: v.Unfinished, Head: v.Head,
		}, err
	}}
}

// starts starts a run of a config that another one asks for.
func (y *system) starts(ctx context.Context, r *run.Run) error {
	_, _, err := y.starters()[run.ArchiveQueue].Start(ctx, r)
	return err
}

// engine returns who opens attempts at runs of configs.
func (y *system) engine() *archive.Engine {
	r := &archive.Engine{
		Table: y.table, Blobs: y.blobs, Signer: y.signing,
		Provider: func(ctx context.Context, user string, uri calendar.URI) (archive.Provider, error) {
			return y.providers.of(ctx, user, uri)
		},
		Beside: y.providers.beside, Approved: y.timesheets().ApprovedDays, Metrics: y.metrics,
		Clock: y.clock, NewID: y.newID, LeaseFor: y.settings.Lease, HandOn: y.settings.HandOn,
	}
	if w := y.sees(); w != nil {
		r.Witness = w
	}
	return r
}

// backuper returns who carries out backup runs.
func (y *system) backuper() run.Handler {
	return &backup.Runner{
		Table: y.table, Blobs: y.blobs, Zone: y.configs.Zone, Known: y.configs.Known, Clock: y.clock, NewID: y.newID, Software: y.version,
		HandOn: y.settings.HandOn,
		Provider: func(ctx context.Context, user string, uri calendar.URI) (backup.Provider, error) {
			return y.providers.of(ctx, user, uri)
		},
		Head: func(ctx context.Context, config string) (string, error) {
			head, err := y.entries.Head(ctx, config)
			return head.Checkpoint, err
		},
		Deleted: func(ctx context.Context, r *run.Run, id string) error {
			_, err := y.audit.Append(ctx, audit.Entry{
				User: r.User, Actor: audit.System, Action: "backup.delete", Resource: audit.Resource{Kind: "backup", ID: id}, Outcome: audit.OK,
				Correlation: r.Correlation, Details: audit.Details{"run": audit.ID(r.ID)},
			})
			return err
		},
	}
}

// uploads returns the files that users handed in.
func (y *system) uploads() *restore.Uploads {
	uploads := restore.NewUploads(y.table, y.blobs, y.newID, y.clock)
	uploads.MostEvents = y.settings.memory().Events()
	return uploads
}

// restorer returns who carries out restore runs.
func (y *system) restorer() run.Handler { return y.newRestorer() }

func (y *system) newRestorer() *restore.Runner {
	return &restore.Runner{
		Table: y.table, Blobs: y.blobs, Open: restore.Opener(backup.New(y.table, y.blobs), y.uploads()),
		Archives: y.configs.Archives, Known: y.configs.Known,
		Provider: func(ctx context.Context, user string, uri calendar.URI) (restore.Provider, error) {
			return y.providers.of(ctx, user, uri)
		},
		Clock: y.clock, NewID: y.newID, LeaseFor: y.settings.Lease, HandOn: y.settings.HandOn,
	}
}

// driller returns who carries out drills.
func (y *system) driller() run.Handler {
	return &restore.Drill{Runner: *y.newRestorer(), Backups: backup.New(y.table, y.blobs)}
}

// importFor is how long a calendar stays reserved for an import, which gives no sign of life while it writes.
const importFor = 5 * time.Minute

// importer returns who carries out import runs.
func (y *system) importer() run.Handler { return y.newImporter() }

func (y *system) newImporter() *imports.Runner {
	uploads := y.uploads()
	return &imports.Runner{
		Table: y.table, Blobs: y.blobs, Open: uploads.Content, Used: uploads.Used, Folder: restore.KeepIn,
		Local: func(user string) imports.Calendars { return y.own.For(user) },
		Clock: y.clock, NewID: y.newID, LeaseFor: max(y.settings.Lease, importFor), MostEvents: y.settings.memory().Events(),
	}
}

// dispatcher returns who starts the runs of jobs that are due.
func (y *system) dispatcher() *job.Dispatcher {
	return &job.Dispatcher{
		Table: y.table, Kinds: y.jobKinds(), Clock: y.clock, Log: y.log, Metrics: y.metrics, Barred: y.barred, Unseen: y.unseen,
		Late: y.notice.JobLate, Parked: y.notice.JobParked, Stuck: y.notice.JobStuck, Going: y.notice.JobGoing,
	}
}

// barred says for which users no runs may be started: those whom an administrator has shut out, and where an application reaches the mailboxes, those who
// were not here for long. Who is about to be one of those is told.
func (y *system) barred(ctx context.Context, users []string) (map[string]job.Reason, error) {
	today, days := calendar.DateOf(y.clock(), time.UTC), y.unseenDays()
	var warn calendar.Date
	if days > 0 {
		warn = today.AddDays(notice.WarnDays - days)
	}
	disabled, unseen, err := y.users.Barred(ctx, users, warn)
	if err != nil {
		return nil, err
	}
	why := map[string]job.Reason{}
	for user := range disabled {
		why[user] = job.UserDisabled
	}
	for _, user := range users {
		id, _, _ := strings.Cut(user, "#")
		out, err := y.tenants.Out(ctx, id)
		if err != nil {
			return nil, err
		}
		if out && why[user] == "" {
			why[user] = job.TenantOut
		}
	}
	for user, seen := range unseen {
		pause := seen.AddDays(days)
		if why[user] != "" {
			continue
		}
		if pause.Before(today) {
			why[user] = job.NotSeen
		} else if err := y.notice.UnseenSoon(ctx, user, seen, pause.AddDays(1)); err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("user not told that jobs will pause")
		}
	}
	return why, nil
}

// unseenDays is for how many days jobs go on of a user who makes no request; 0: for ever. On one machine nobody leaves, and where users' own sign-ins
// reach the mailboxes Entra ID ends them.
func (y *system) unseenDays() int {
	if y.alone || y.settings.GraphDelegated {
		return 0
	}
	return y.settings.UnseenDays
}

// unseen is told of a job that was paused because its user was not here for long.
func (y *system) unseen(ctx context.Context, j *job.Job) {
	if err := y.notice.Unseen(ctx, j.User, y.unseenDays()); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("user not told that jobs are paused")
	}
}

// tick starts what is due: the runs of jobs, digests, and once a day the time-stamps of heads.
func (y *system) tick(ctx context.Context, dispatcher *job.Dispatcher) error {
	_, err := dispatcher.Tick(ctx)
	y.anchor(y.log.WithContext(ctx))
	return errors.Join(err, y.notice.Digests(ctx))
}

// newID returns an id that sorts by the time at which it was made.
func (y *system) newID() string {
	return ulid.MustNew(ulid.Timestamp(y.clock()), rand.Reader).String()
}
