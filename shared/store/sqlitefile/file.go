// Package sqlitefile keeps one SQLite file safely: what is committed survives a killed process and a power cut, several
// processes may use the file at once, and a file that is not ours, or is newer than this program, is left alone.
//
// Reads run on a pool of connections and never wait for writes (write-ahead log). Writes of one process share one connection
// and, when many come at once, one commit: a commit waits for the disk, so a thousand writers cost about as much as one.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"adminassistant/shared/fault"
)

const (
	// BusyTimeout is how long a write waits for another process to finish its own.
	BusyTimeout = 10 * time.Second
	// largestBatch bounds how many writes share a commit, and so how long the first of them waits.
	largestBatch = 256
	// pragmas of every connection. FULL makes a commit wait until the log is on the disk; with NORMAL a power cut could
	// undo what was acknowledged.
	pragmas = "_busy_timeout=10000&_synchronous=FULL&_dqs=0&_defensive=1&_pragma=cache_size(-8000)&_pragma=temp_store(MEMORY)"
)

// Schema is what a file holds.
type Schema struct {
	Name        string // for errors: "store"
	Application int32  // PRAGMA application_id, which distinguishes our files from everybody else's
	// Steps are the scripts that make the tables: Steps[i] makes version i+1 of a file of version i (PRAGMA user_version). Never changed, only
	// added to.
	Steps []string
}

// File is an open file. It may be used from many goroutines.
type File struct {
	name, path string
	memory     bool

	db      *sql.DB  // of the writer
	writer  *Tx      // of the writing goroutine; nobody else uses it once that runs
	pool    *sql.DB  // of the readers; nil in memory
	readers chan *Tx // those that are free
	opened  int      // readers in all

	jobs    chan *job
	closing context.Context
	stop    context.CancelFunc
	stopped chan struct{} // closed when the writing goroutine has ended
	close   func() error
}

// Open opens the file, or makes it with mode 0600 in a folder that is made with mode 0700. The path ":memory:" is a file
// that is gone when closed, for tests. Errors: fault.Invalid when what is there is not ours or is newer than this program;
// fault.Unavailable when it cannot be read or written; fault.Throttled when another process keeps it busy.
func Open(path string, schema Schema) (*File, error) {
	f := &File{name: schema.Name, path: path, memory: path == ":memory:", jobs: make(chan *job), stopped: make(chan struct{})}
	f.readers = make(chan *Tx, max(4, 2*runtime.GOMAXPROCS(0)))
	f.closing, f.stop = context.WithCancel(context.Background())
	f.close = sync.OnceValue(f.shut)
	dsn := "file::memory:?" + pragmas
	if !f.memory {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, fault.New(fault.Invalid, "open %s %s: %v", f.name, path, err)
		}
		f.path = abs
		if err := f.create(); err != nil {
			return nil, err
		}
		dsn = dataSource(abs)
	}
	if err := f.open(dsn, schema); err != nil {
		close(f.stopped)
		_ = f.close()
		return nil, err
	}
	go f.write()
	return f, nil
}

// create makes an empty file if there is none. One that exists is not even opened: closing it would release the locks
// that other connections of this process hold on it (POSIX record locks belong to the process).
func (f *File) create() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fault.New(fault.Unavailable, "the folder of the %s %s cannot be made: %v; make it, or choose another", f.name, f.path, err)
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		if info, err := os.Stat(f.path); err == nil && info.IsDir() {
			return fault.New(fault.Invalid, "the %s %s is a folder, not a file", f.name, f.path)
		}
		return nil
	case err != nil:
		return fault.New(fault.Unavailable, "the %s %s cannot be made: %v; make its folder writable, or choose another", f.name, f.path, err)
	}
	return file.Close()
}

func dataSource(abs string) string {
	path := filepath.ToSlash(abs)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a Windows drive
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&" + pragmas
}

func (f *File) open(dsn string, schema Schema) error {
	var err error
	if f.db, err = sql.Open("sqlite", dsn); err != nil {
		return f.classify(err)
	}
	if f.writer, err = f.connect(f.db); err != nil {
		return err
	}
	if err := f.prepare(schema); err != nil || f.memory {
		return err
	}
	if f.pool, err = sql.Open("sqlite", dsn+"&_query_only=1"); err != nil {
		return f.classify(err)
	}
	for range cap(f.readers) {
		reader, err := f.connect(f.pool)
		if err != nil {
			return err
		}
		f.readers <- reader
		f.opened++
	}
	return nil
}

func (f *File) connect(db *sql.DB) (*Tx, error) {
	conn, err := db.Conn(f.closing)
	if err != nil {
		return nil, f.classify(err)
	}
	return &Tx{file: f, conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// prepare makes sure that the file is ours and has the tables of this program's version.
func (f *File) prepare(schema Schema) error {
	err := f.within("BEGIN", func() error { return f.recognise(schema) })
	if err != nil {
		return err
	}
	// Both of these change a new file only. Turning the log on needs the file for itself, and does not wait by itself.
	for deadline := time.Now().Add(BusyTimeout); ; time.Sleep(20 * time.Millisecond) {
		_, err := f.writer.conn.ExecContext(f.closing, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL")
		if err == nil {
			break
		}
		if err = f.classify(err); fault.Of(err) != fault.Throttled || time.Now().After(deadline) {
			return err
		}
	}
	return f.migrate(schema)
}

// within runs fn in a transaction that begins so.
func (f *File) within(begin string, fn func() error) error {
	if _, err := f.writer.conn.ExecContext(f.closing, begin); err != nil {
		return f.classify(err)
	}
	err := fn()
	if err != nil {
		_, _ = f.writer.conn.ExecContext(context.Background(), "ROLLBACK")
		return err
	}
	_, err = f.writer.conn.ExecContext(f.closing, "COMMIT")
	return f.classify(err)
}

// recognise refuses what is not ours, without changing anything. It looks several times, so it needs a transaction.
func (f *File) recognise(schema Schema) error {
	var application, version, objects int
	for _, q := range []struct {
		query string
		into  *int
	}{
		{"PRAGMA application_id", &application},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &objects},
	} {
		if err := f.writer.conn.QueryRowContext(f.closing, q.query).Scan(q.into); err != nil {
			return f.classify(err)
		}
	}
	empty := application == 0 && version == 0 && objects == 0
	if !empty && application != int(schema.Application) {
		return fault.New(fault.Invalid, "%s is a SQLite file of another program, not a %s; choose another path", f.path, f.name)
	}
	if version > len(schema.Steps) {
		return fault.New(fault.Invalid,
			"the %s %s was written by a newer version of this program (schema %d, this one knows up to %d); upgrade the program, or choose another path",
			f.name, f.path, version, len(schema.Steps))
	}
	return nil
}

// migrate runs the steps that the file has not seen. Another process may be doing the same, so it looks once more when the file is locked.
func (f *File) migrate(schema Schema) error {
	return f.within("BEGIN IMMEDIATE", func() error {
		if err := f.recognise(schema); err != nil {
			return err
		}
		var version int
		if err := f.writer.conn.QueryRowContext(f.closing, "PRAGMA user_version").Scan(&version); err != nil {
			return f.classify(err)
		}
		if version == len(schema.Steps) {
			return nil
		}
		script := strings.Join(schema.Steps[version:], ";\n") +
			fmt.Sprintf(";\nPRAGMA application_id = %d; PRAGMA user_version = %d", schema.Application, len(schema.Steps))
		_, err := f.writer.conn.ExecContext(f.closing, script)
		return f.classify(err)
	})
}

// Close waits for the reads and the write that are under way, refuses all later ones, and closes the file.
func (f *File) Close() error { return f.close() }

func (f *File) shut() error {
	f.stop()
	<-f.stopped
	var errs []error
	closeConn := func(t *Tx) {
		for _, s := range t.statements { // each would keep the file open
			errs = append(errs, s.Close())
		}
		errs = append(errs, t.conn.Close())
	}
	for range f.opened {
		closeConn(<-f.readers)
	}
	if f.pool != nil {
		errs = append(errs, f.pool.Close())
	}
	if f.writer != nil {
		closeConn(f.writer)
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	return f.classify(errors.Join(errs...))
}

// Tx is a connection that runs statements. Each SQL text is prepared once for a connection, so texts are constants and few.
//
// A statement is not interrupted: waking a goroutine to watch over it would last as long as most of them do. Reads look
// at their context before each row.
type Tx struct {
	file       *File
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	ctx        context.Context // of the read; nil while writing
}

func (t *Tx) statement(query string) (*sql.Stmt, error) {
	if s := t.statements[query]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, t.file.classify(err)
	}
	t.statements[query] = s
	return s, nil
}

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	return t.exec(context.Background(), query, args...)
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, t.file.classify(err)
	}
	return result.RowsAffected()
}

// Query calls row for each row that the statement returns, until row says that it wants no more.
func (t *Tx) Query(query string, args []any, row func(scan func(...any) error) (more bool, err error)) error {
	s, err := t.statement(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return t.file.classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		if t.ctx != nil && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
		more, err := row(rows.Scan)
		if err != nil {
			return t.file.classify(err)
		}
		if !more {
			return nil
		}
	}
	return t.file.classify(rows.Err())
}

// Read runs fn for reading only. Each statement of it sees what was committed when it began.
func (f *File) Read(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.memory { // its one connection is the writer's
		return f.Write(ctx, fn)
	}
	if f.closing.Err() != nil {
		return f.errClosed()
	}
	select {
	case tx := <-f.readers:
		tx.ctx = ctx
		defer func() {
			tx.ctx = nil
			f.readers <- tx
		}()
		return fn(tx)
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closing.Done():
		return f.errClosed()
	}
}

// Write runs fn in a transaction and commits. When fn fails nothing of it is written, and its error is returned. A context
// that is done before fn was called stops it; after that Write waits for the outcome.
func (f *File) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{run: fn, done: make(chan error, 1)}
	select {
	case f.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closing.Done():
		return f.errClosed()
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-j.done
	}
}

func (f *File) errClosed() error {
	return fault.New(fault.Unavailable, "the %s %s is closed", f.name, f.path)
}

// job is one Write. Whoever sets claimed has it: the writer to run it, or its caller to give it up.
type job struct {
	run     func(*Tx) error
	claimed atomic.Bool
	done    chan error
}

// write is the one goroutine that writes.
func (f *File) write() {
	defer close(f.stopped)
	for {
		select {
		case j := <-f.jobs:
			f.commit(j)
		case <-f.closing.Done():
			return
		}
	}
}

// commit runs first, and all writes that came while the file was being locked, in one transaction.
func (f *File) commit(first *job) {
	err := f.begin()
	jobs := []*job{first}
	for more := true; more && len(jobs) < largestBatch; {
		select {
		case j := <-f.jobs:
			jobs = append(jobs, j)
		default:
			more = false
		}
	}
	outcome := make([]error, len(jobs))
	for i, j := range jobs {
		if !j.claimed.CompareAndSwap(false, true) {
			continue // its caller has given up
		}
		if err == nil {
			outcome[i], err = f.runOne(j)
		}
	}
	if err == nil {
		_, err = f.writer.Exec("COMMIT")
	}
	if err != nil {
		_, _ = f.writer.Exec("ROLLBACK") // fails where SQLite has done so by itself
	}
	for i, j := range jobs {
		if err != nil {
			outcome[i] = err // also of those that went well: nothing is committed
		}
		j.done <- outcome[i]
	}
}

// begin locks the file for writing. Close stops its waiting for other processes.
func (f *File) begin() error {
	_, err := f.writer.exec(f.closing, "BEGIN IMMEDIATE")
	if err != nil && f.closing.Err() != nil {
		return f.errClosed()
	}
	return err
}

// runOne runs one write of a batch so that its failure leaves the others alone. fatal is a failure of the whole transaction.
func (f *File) runOne(j *job) (outcome, fatal error) {
	if _, err := f.writer.Exec("SAVEPOINT one"); err != nil {
		return nil, err
	}
	if outcome = j.run(f.writer); outcome != nil {
		if _, err := f.writer.Exec("ROLLBACK TO one"); err != nil {
			return nil, outcome // SQLite has rolled all of it back: the disk is full, or broken
		}
	}
	_, fatal = f.writer.Exec("RELEASE one")
	return outcome, fatal
}

// coder is the driver's error.
type coder interface{ Code() int }

// classify gives what SQLite reports a kind, and the user something to do.
func (f *File) classify(err error) error {
	var code coder
	if err == nil || !errors.As(err, &code) {
		return err
	}
	switch code.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return fault.New(fault.Throttled, "the %s %s is in use by another process; try again: %v", f.name, f.path, err)
	case sqlite3.SQLITE_FULL:
		return fault.New(fault.Unavailable, "the disk of the %s %s is %w", f.name, f.path, fault.ErrFull)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
		return fault.New(fault.Unavailable, "the %s %s cannot be opened for writing; make the file and its folder writable for this user: %v", f.name, f.path, err)
	case sqlite3.SQLITE_NOTADB:
		return fault.New(fault.Invalid, "%s is no SQLite file, so it is no %s; choose another path: %v", f.path, f.name, err)
	case sqlite3.SQLITE_CORRUPT:
		return fault.New(fault.Malformed, "the %s %s is damaged; put back a copy of it: %v", f.name, f.path, err)
	case sqlite3.SQLITE_IOERR:
		return fault.New(fault.Unavailable, "the disk of the %s %s does not work: %v", f.name, f.path, err)
	}
	return err
}
