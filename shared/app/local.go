package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/ledger"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/run"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/telemetry"
)

// Local is the whole system on one machine: API and worker over embedded stores in the data folder. Several processes may have
// the folder open at once.
type Local struct {
	// Principal is the only user: the account that the process runs under.
	Principal account.Principal

	handler http.Handler
	worker  *run.Worker
	closers []io.Closer
}

// OpenLocal opens or makes the data folder and wires everything. Logs go to out.
func OpenLocal(s Settings, version string, out io.Writer) (_ *Local, err error) {
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
	dir, err := s.DataDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "data folder %s cannot be made: %v; name another one with --data", dir, err)
	}
	table, err := sqlite.Open(filepath.Join(dir, "store.db"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, table)
	messages, err := queues.Open(filepath.Join(dir, "queue.db"), time.Now)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, messages)
	blobs, err := folder.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	l.closers = append(l.closers, blobs)

	own := local.New(table, newID, time.Now)
	providers, err := newCalendars(s, own)
	if err != nil {
		return nil, err
	}
	entries := ledger.New(table, blobs)
	configs := archive.NewConfigs(table, entries, newID, time.Now)
	runs := run.NewStore(table)
	archives := messages.Queue("archive")
	l.worker = &run.Worker{
		Runs: runs, Queue: archives, Log: log, Clock: time.Now, BusyDelay: time.Second, Visibility: s.Lease,
		Handlers: map[run.Kind]run.Handler{run.Archive: &archive.Runner{
			Table: table, Blobs: blobs, Provider: providers.of,
			Clock: time.Now, NewID: newID, LeaseFor: s.Lease, HandOn: s.HandOn,
		}},
	}
	l.handler = httpapi.New(httpapi.Services{
		Configs: configs, Runs: runs, Starter: &run.Starter{Runs: runs, Queue: archives}, Ledger: entries, Blobs: blobs, Table: table,
		Provider: providers.of,
		Local:    func(user string) httpapi.Importer { return own.For(user) },
		Clock:    time.Now, NewID: newID, Log: log, Version: version,
		Authenticate: func(*http.Request) (account.Principal, error) { return l.Principal, nil },
	})
	return l, nil
}

// Handler returns the API.
func (l *Local) Handler() http.Handler { return l.handler }

// Work carries out the runs that the queue names, until ctx ends.
func (l *Local) Work(ctx context.Context) error { return l.worker.Poll(ctx) }

// Close closes the stores.
func (l *Local) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i].Close())
	}
	l.closers = nil
	return errors.Join(errs...)
}

// newID returns an id that sorts by the time at which it was made.
func newID() string { return ulid.MustNew(ulid.Timestamp(time.Now()), rand.Reader).String() }

// osPrincipal returns the user that the operating system knows.
func osPrincipal() (account.Principal, error) {
	u, err := user.Current()
	if err != nil {
		return account.Principal{}, fmt.Errorf("who runs this: %w", err)
	}
	name := u.Name
	if name == "" {
		name = u.Username
	}
	return account.Principal{Tenant: "local", Object: u.Username, Name: name}, nil
}
