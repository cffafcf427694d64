package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/user"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"adminassistant/shared/account"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/datafolder"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/migration"
	"adminassistant/shared/notify"
	"adminassistant/shared/pause"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/telemetry"
)

// Local is the whole system on one machine: API and worker over embedded stores in the data folder. Several processes may have
// the folder open at once.
type Local struct {
	// Principal is the only user: the account that the process runs under.
	Principal account.Principal

	system     *system
	handler    http.Handler
	stations   []station
	dispatcher *job.Dispatcher
	mailer     *notify.Mailer
	outbox     *outbox.Outbox
	log        zerolog.Logger
	closers    []io.Closer
}

// station is a queue and who works it off.
type station struct {
	queue  *queues.Queue
	worker *run.Worker
}

// OpenFolder makes the data folder if it is not there, and sees to it that it is this account's alone. tightened says that other accounts could open
// it until now. Errors are datafolder.Open's.
func OpenFolder(s Settings) (dir string, tightened bool, err error) {
	if dir, err = s.DataDir(); err != nil {
		return "", false, err
	}
	tightened, err = datafolder.Open(dir)
	return dir, tightened, err
}

// OpenLocal opens or makes the data folder and wires everything. Logs go to out.
func OpenLocal(s Settings, version string, out io.Writer) (_ *Local, err error) {
	if s.GraphDelegated {
		return nil, fault.Field("ADMIN_ASSISTANT_GRAPH_DELEGATED", "is of the deployed system; on one machine set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET")
	}
	l := &Local{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.Principal, err = osPrincipal(); err != nil {
		return nil, err
	}
	log, err := telemetry.NewLogger(out, cmp.Or(s.LogLevel, "warn"), time.Now)
	if err != nil {
		return nil, err
	}
	dir, _, err := OpenFolder(s)
	if err != nil {
		return nil, err
	}
	y := &system{settings: s, log: log, version: version, alone: true}
	table, err := sqlite.Open(filepath.Join(dir, "store.db"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, table)
	y.table = table
	steps := &migration.Migration{Table: table, Steps: migration.Steps, Clock: time.Now, Software: version}
	if _, err := steps.Run(context.Background()); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	messages, err := queues.Open(filepath.Join(dir, "queue.db"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, messages)
	archives, backups := messages.Queue(string(run.ArchiveQueue)), messages.Queue(string(run.BackupQueue))
	y.archives, y.backups, y.notices = archives, backups, messages.Queue("notify")
	objects, err := folder.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, objects)
	y.blobs = objects
	master, err := keyfile.Open(filepath.Join(dir, "master.key"))
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	y.keeper = secret.New(master, time.Now, secret.Limits{})
	y.connect(fromSettings(s))
	if err := y.openAnchors(nil); err != nil {
		return nil, err
	}
	if s.HasGraph() { // what is wrong with its settings shows at once
		if _, err := y.providers.graph.get(context.Background()); err != nil {
			return nil, err
		}
	}
	l.stations = []station{
		{archives, y.worker(run.ArchiveQueue, time.Second, s.Lease)},
		{backups, y.worker(run.BackupQueue, time.Second, s.Lease)},
	}
	l.dispatcher, l.log = y.dispatcher(), log
	box, err := outbox.Open(filepath.Join(dir, "outbox"), cmp.Or(s.MailFrom, localSender), time.Now)
	if err != nil {
		return nil, err
	}
	y.post = box
	l.mailer, l.outbox = y.mailer(box, nil, time.Second, mailTime), box
	l.system, l.handler = y, y.api(func(*http.Request) (account.Principal, error) { return l.Principal, nil })
	return l, nil
}

// Handler returns the API for this process, which is the user's.
func (l *Local) Handler() http.Handler { return l.handler }

const (
	// localSender is who e-mails come from on one machine. They go to a folder.
	localSender = "admin-assistant@localhost"
	// mailTime is how long a notification is another process's alone that sends it.
	mailTime = 30 * time.Second
)

// Work starts the runs of jobs that are due and carries out the runs that the queues name, until ctx ends, fails those whose messages
// became dead letters, and puts notifications that are due by e-mail into the folder outbox.
func (l *Local) Work(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range l.stations {
		group.Go(func() error { return s.worker.Poll(ctx) })
		group.Go(func() error { return l.bury(ctx, s) })
	}
	group.Go(func() error { return l.dispatch(ctx) })
	group.Go(func() error { return l.mailer.Poll(ctx, l.mailer.Handle) })
	return group.Wait()
}

// WorkFor is Work for somebody who waits for what it does. Where every further attempt would fail, too, since the disk is full, it ends with that error,
// of kind fault.Unavailable; it returns nil when ctx ends.
func (l *Local) WorkFor(ctx context.Context) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for _, s := range l.stations {
		s.worker.Failed = func(err error) {
			if errors.Is(err, fault.ErrFull) {
				stop(err)
			}
		}
	}
	_ = l.Work(working)
	if err := context.Cause(working); errors.Is(err, fault.ErrFull) {
		return err
	}
	return nil
}

// dispatch starts what is due, now and at every full minute. A tick that has begun goes to its end; what went wrong in it is in the
// log, and tried again by the next one.
func (l *Local) dispatch(ctx context.Context) error {
	for {
		ticking, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		_ = l.system.tick(ticking, l.dispatcher)
		l.lookForReturned(ticking)
		cancel()
		now := l.dispatcher.Clock()
		if err := pause.For(ctx, now.Truncate(time.Minute).Add(time.Minute).Sub(now)); err != nil {
			return err
		}
	}
}

// lookForReturned notes the mails that came back. What goes wrong is only logged: the next tick looks again.
func (l *Local) lookForReturned(ctx context.Context) {
	unreadable, err := l.outbox.Returned(func(r mail.Return) error {
		r.For = l.Principal.Key()
		return l.mailer.ComesBack(l.log.WithContext(ctx), r)
	})
	if err != nil {
		telemetry.Failure(l.log.Warn(), err).Msg("mails that came back not noted")
	}
	if unreadable > 0 {
		l.log.Warn().Int("files", unreadable).Msg("files among the mails that came back are no mails of ours")
	}
}

const (
	// lookForDead is how often new dead letters are looked for.
	lookForDead = time.Minute
	// deadAtOnce is how many of the latest dead letters are looked at.
	deadAtOnce = 100
)

// bury fails the runs that dead letters name. The letters stay where they are, for the machine's owner.
func (l *Local) bury(ctx context.Context, s station) error {
	seen := map[string]bool{}
	tick := time.NewTicker(lookForDead)
	defer tick.Stop()
	for {
		letters, err := s.queue.DeadLetters(ctx, deadAtOnce)
		if err != nil && ctx.Err() == nil {
			telemetry.Failure(l.log.Warn(), err).Msg("dead letters not read")
		}
		for _, letter := range letters {
			if seen[letter.ID] {
				continue
			}
			err := s.worker.Bury(ctx, letter.Body)
			if err != nil && ctx.Err() == nil {
				telemetry.Failure(l.log.Warn(), err).Str("message_id", letter.ID).Msg("dead letter names no run that could be failed")
			}
			seen[letter.ID] = err == nil || !fault.Of(err).Transient()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Close closes the stores.
func (l *Local) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i].Close())
	}
	l.closers = nil
	return errors.Join(errs...)
}

// osPrincipal returns the user that the operating system knows, who administers what is theirs alone.
func osPrincipal() (account.Principal, error) {
	u, err := user.Current()
	if err != nil {
		return account.Principal{}, fmt.Errorf("who runs this: %w", err)
	}
	name := u.Name
	if name == "" {
		name = u.Username
	}
	return account.Principal{Tenant: "local", Object: u.Username, Name: name, Role: account.RoleAdmin}, nil
}
