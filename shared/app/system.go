package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
	"adminassistant/shared/queue"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
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
	entries   *ledger.Ledger
	configs   *archive.Configs
	runs      *run.Store
	audit     *audit.Log
	users     *account.Users
	sessions  *session.Sessions
	signIn    httpapi.SignIn // nil: nobody signs in with a browser
	providers *calendars
	attention *attention
	cli       httpapi.CLISignIn // without a client: nobody signs in
	clock     func() time.Time  // nil: the machine's
}

// connect wires what stands on table and blobs alone, and the calendars' providers.
func (y *system) connect(credentials credentials) {
	if y.clock == nil {
		y.clock = time.Now
	}
	y.entries = ledger.New(y.table, y.blobs)
	y.configs = archive.NewConfigs(y.table, y.entries, y.newID, y.clock)
	y.runs = run.NewStore(y.table)
	y.audit = audit.New(y.table, y.clock, y.newID)
	y.audit.Lost = func() { y.metrics.Count(telemetry.Counts{telemetry.AuditRecordsLost: 1}) }
	y.users, y.sessions = account.NewUsers(y.table, y.clock), session.New(y.table, y.clock)
	y.own = local.New(y.table, y.newID, y.clock)
	y.providers = &calendars{
		settings: y.settings, local: y.own, graph: &once[*graph.Provider]{make: newGraph(y.settings, credentials)}, listings: listing.New(y.table),
	}
	y.attention = y.newAttention()
}

// api returns the HTTP API.
func (y *system) api(version string, authenticate func(*http.Request) (account.Principal, error)) http.Handler {
	return httpapi.New(httpapi.Services{
		Configs: y.configs, Runs: y.runs, Starter: &run.Starter{Runs: y.runs, Queue: y.archives}, Jobs: job.New(y.table, y.kinds(), y.newID, y.clock),
		Backups: backup.New(y.table, y.blobs), BackupStarter: &run.Starter{Runs: y.runs, Queue: y.backups},
		Uploads: y.uploads(), Ledger: y.entries, Blobs: y.blobs,
		Requests: idempotency.New(y.table, y.clock), Accounts: account.NewNamedAccounts(y.table), Ping: y.table.Ping,
		Users: y.users, Eraser: y.eraser(y.users), Audit: y.audit, Limits: y.limits,
		Actions: y.attention.actions, Notifications: y.attention.notifications,
		Provider: y.providers.shown,
		Local:    func(user string) httpapi.Importer { return y.own.For(user) },
		Clock:    y.clock, NewID: y.newID, Log: y.log, Version: version,
		Authenticate: authenticate, SignIn: y.signIn, Attempts: session.NewAttempts(y.table, y.clock), Sessions: y.sessions, Metrics: y.metrics, CLI: y.cli,
	})
}

// worker returns who carries out the runs that messages of a queue name. busyDelay is how long a run waits for another one of
// its archive calendar, and visibility how long its message stays hidden.
func (y *system) worker(messages queue.Queue, busyDelay, visibility time.Duration, handlers map[run.Kind]run.Handler) *run.Worker {
	return &run.Worker{
		Runs: y.runs, Queue: messages, Handlers: handlers, Log: y.log, Metrics: y.metrics, Clock: y.clock,
		BusyDelay: busyDelay, Visibility: visibility, Ended: y.ended,
	}
}

// ended is told of every run that has ended, at least once.
func (y *system) ended(ctx context.Context, r *run.Run) error {
	if err := y.audit.RunEnded(ctx, r); err != nil {
		return err
	}
	return y.attention.runEnded(ctx, r)
}

// mailer returns who sends the notifications that messages name. firstPause and visibility are as in a worker.
func (y *system) mailer(sender mail.Sender, limits notify.Limits, firstPause, visibility time.Duration) *notify.Mailer {
	return &notify.Mailer{
		Deliveries:    queue.Deliveries{Queue: y.notices, Log: y.log, Metrics: y.metrics, FirstPause: firstPause, Visibility: visibility},
		Notifications: y.attention.notifications, Profile: y.attention.profile, Sender: sender, Limits: limits, Base: y.settings.PublicURL, Clock: y.clock,
	}
}

// archiver returns who carries out archive runs.
func (y *system) archiver() *archive.Runner {
	return &archive.Runner{
		Table: y.table, Blobs: y.blobs, Provider: y.providers.of,
		Clock: y.clock, NewID: y.newID, LeaseFor: y.settings.Lease, HandOn: y.settings.HandOn,
	}
}

// backuper returns who carries out backup runs; version is of the software.
func (y *system) backuper(version string) *backup.Runner {
	return &backup.Runner{
		Table: y.table, Blobs: y.blobs, Zone: y.configs.Zone, Clock: y.clock, NewID: y.newID, Software: version, HandOn: y.settings.HandOn,
		Provider: func(ctx context.Context, user string, uri calendar.URI) (backup.Provider, error) {
			return y.providers.of(ctx, user, uri)
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
	return restore.NewUploads(y.table, y.blobs, y.newID, y.clock)
}

// restorer returns who carries out restore runs.
func (y *system) restorer() *restore.Runner {
	return &restore.Runner{
		Table: y.table, Blobs: y.blobs, Open: restore.Opener(backup.New(y.table, y.blobs), y.uploads()), Provider: y.providers.of, Archives: y.configs.Archives,
		Clock: y.clock, NewID: y.newID, LeaseFor: y.settings.Lease, HandOn: y.settings.HandOn,
	}
}

// backupWorker returns who carries out the runs of the backup queue; version is of the software.
func (y *system) backupWorker(busyDelay, visibility time.Duration, version string) *run.Worker {
	restorer := y.restorer()
	drill := &restore.Drill{Runner: *restorer, Backups: backup.New(y.table, y.blobs)}
	w := y.worker(y.backups, busyDelay, visibility, map[run.Kind]run.Handler{run.Backup: y.backuper(version), run.Restore: restorer, run.Drill: drill})
	w.Ended = func(ctx context.Context, r *run.Run) error {
		return errors.Join(drill.Ended(ctx, r), y.ended(ctx, r))
	}
	return w
}

// kinds are how jobs start their runs.
func (y *system) kinds() map[run.Kind]job.Kind {
	return map[run.Kind]job.Kind{
		run.Archive: job.Archives(y.configs, y.archives), run.Backup: job.Backups(y.configs, y.backups), run.Drill: job.Drills(y.configs, y.backups),
	}
}

// dispatcher returns who starts the runs of jobs that are due.
func (y *system) dispatcher() *job.Dispatcher {
	return &job.Dispatcher{
		Table: y.table, Kinds: y.kinds(), Clock: y.clock, Log: y.log, Metrics: y.metrics, Barred: y.users.Barred, Late: y.attention.late,
	}
}

// newID returns an id that sorts by the time at which it was made.
func (y *system) newID() string {
	return ulid.MustNew(ulid.Timestamp(y.clock()), rand.Reader).String()
}
