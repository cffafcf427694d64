package sqlitefile

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"adminassistant/shared/fault"
)

var numbers = Schema{Name: "numbers", Application: 0x41417401, Steps: []string{
	"CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT",
}}

func open(t testing.TB, path string, schema Schema) *File {
	t.Helper()
	f, err := Open(path, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func insert(n int) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO numbers (n) VALUES (?)", n)
		return err
	}
}

func stored(t testing.TB, f *File) map[int]bool {
	t.Helper()
	got := map[int]bool{}
	err := f.Read(t.Context(), func(tx *Tx) error {
		return tx.Query("SELECT n FROM numbers", nil, func(scan func(...any) error) (bool, error) {
			var n int
			err := scan(&n)
			got[n] = true
			return true, err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantFault(t *testing.T, err error, kind fault.Kind, texts ...string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Fatalf("error %v of kind %s, want kind %s", err, fault.Of(err), kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Run("a new file and its folder are for their owner only", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a b", "100%?#.db")
		f := open(t, path, numbers)
		if err := f.Write(t.Context(), insert(1)); err != nil {
			t.Fatal(err)
		}
		for _, made := range []struct {
			path string
			mode os.FileMode
		}{{filepath.Dir(path), 0o700}, {path, 0o600}, {path + "-wal", 0o600}} {
			info, err := os.Stat(made.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != made.mode {
				t.Errorf("mode of %s is %o, want %o", made.path, got, made.mode)
			}
		}
	})
	t.Run("what was written is there when the file is reopened", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		f, err := Open(path, numbers)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(t.Context(), insert(7)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if !stored(t, open(t, path, numbers))[7] {
			t.Error("it is gone")
		}
	})
	t.Run("commits wait for the disk", func(t *testing.T) {
		f := open(t, filepath.Join(t.TempDir(), "numbers.db"), numbers)
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "page_size": "8192", "busy_timeout": "10000"} {
			var got string
			if err := f.writer.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %s, %v, want %s", pragma, got, err, want)
			}
		}
	})
	t.Run("an older file is brought up to date", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		f, err := Open(path, numbers)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(t.Context(), insert(7)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		newer := numbers
		newer.Steps = append([]string{}, append(numbers.Steps, "ALTER TABLE numbers ADD COLUMN name TEXT NOT NULL DEFAULT 'seven'")...)
		f = open(t, path, newer)
		err = f.Read(t.Context(), func(tx *Tx) error {
			return tx.Query("SELECT name FROM numbers WHERE n = 7", nil, func(scan func(...any) error) (bool, error) {
				var name string
				err := scan(&name)
				if name != "seven" {
					t.Errorf("name is %q", name)
				}
				return true, err
			})
		})
		if err != nil {
			t.Error(err)
		}
		t.Run("and is then refused by the older program", func(t *testing.T) {
			_, err := Open(path, numbers)
			wantFault(t, err, fault.Invalid, "newer version", "upgrade")
		})
	})
	t.Run("a step that fails changes nothing", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		broken := numbers
		broken.Steps = []string{"CREATE TABLE numbers (n INTEGER); CREATE TABLE numbers (n INTEGER)"}
		if _, err := Open(path, broken); err == nil {
			t.Fatal("no error")
		}
		open(t, path, numbers)
	})
	t.Run("a file of another program is refused and left alone", func(t *testing.T) {
		for name, script := range map[string]string{
			"with tables":         "CREATE TABLE t (a)",
			"with an application": "PRAGMA application_id = 5",
			"with a version":      "PRAGMA user_version = 1",
		} {
			path := filepath.Join(t.TempDir(), "other.db")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(script); err != nil {
				t.Fatal(err)
			}
			_ = db.Close()
			before, _ := os.ReadFile(path)
			_, err = Open(path, numbers)
			wantFault(t, err, fault.Invalid, path, "another program")
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Errorf("%s: the file was changed", name)
			}
		}
	})
	t.Run("a file that is no database is refused and left alone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "notes.txt")
		text := strings.Repeat("meeting notes\n", 1000)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, numbers)
		wantFault(t, err, fault.Invalid, path, "no SQLite file")
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Error("the file was changed")
		}
	})
	t.Run("a folder is refused", func(t *testing.T) {
		_, err := Open(t.TempDir(), numbers)
		wantFault(t, err, fault.Invalid, "is a folder")
	})
	t.Run("a folder that cannot be made is unavailable", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(filepath.Join(file, "numbers.db"), numbers)
		wantFault(t, err, fault.Unavailable, "cannot be made")
	})
	t.Run("a read-only folder or file is unavailable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("permissions do not bind this user")
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "old.db")
		f, err := Open(path, numbers)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		_ = os.Chmod(path, 0o400)
		_ = os.Chmod(dir, 0o500)
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
		_, err = Open(path, numbers)
		wantFault(t, err, fault.Unavailable, "writable")
		_, err = Open(filepath.Join(dir, "new.db"), numbers)
		wantFault(t, err, fault.Unavailable, "writable")
	})
	t.Run("many may open a new file at once", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				f, err := Open(path, numbers)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				defer f.Close()
				if err := f.Write(t.Context(), insert(i)); err != nil {
					t.Errorf("write: %v", err)
				}
			})
		}
		wg.Wait()
		if got := stored(t, open(t, path, numbers)); len(got) != 16 {
			t.Errorf("stored are %v, want 16", got)
		}
	})
}

func TestWrite(t *testing.T) {
	for _, path := range []string{":memory:", "file"} {
		if path == "file" {
			path = filepath.Join(t.TempDir(), "numbers.db")
		}
		f := open(t, path, numbers)
		refuse := errors.New("refused")
		// Of many at once, each on its own fate.
		const n = 500
		outcomes := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				outcomes[i] = f.Write(t.Context(), func(tx *Tx) error {
					if err := insert(i)(tx); err != nil {
						return err
					}
					if i%3 == 0 {
						return refuse
					}
					return nil
				})
			})
		}
		wg.Wait()
		got := stored(t, f)
		for i, err := range outcomes {
			if i%3 == 0 && (!errors.Is(err, refuse) || got[i]) || i%3 != 0 && (err != nil || !got[i]) {
				t.Errorf("write %d: %v, stored: %t", i, err, got[i])
			}
		}
	}
}

func TestFullDisk(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "numbers.db"), numbers)
	if _, err := f.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 10"); err != nil {
		t.Fatal(err)
	}
	err := f.Write(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec("CREATE TABLE large (data BLOB)")
		if err == nil {
			_, err = tx.Exec("INSERT INTO large VALUES (zeroblob(1000000))")
		}
		return err
	})
	wantFault(t, err, fault.Unavailable, "full", "free some space")
	if !errors.Is(err, fault.ErrFull) {
		t.Errorf("%v is not fault.ErrFull", err)
	}
	if err := f.Write(t.Context(), insert(1)); err != nil {
		t.Errorf("a smaller write after it: %v", err)
	}
	if !stored(t, f)[1] {
		t.Error("the smaller write is not there")
	}
}

// lock takes the write lock of path, as another process would.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		_ = conn.Close()
		_ = db.Close()
	})
}

func TestWhileAnotherHasTheLock(t *testing.T) {
	t.Run("reads go on, a write waits, and gives up with its context", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		f := open(t, path, numbers)
		unlock := lock(t, path)
		defer unlock()
		if got := stored(t, f); len(got) != 0 {
			t.Errorf("stored are %v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		given, waited := make(chan error), make(chan error)
		go func() { given <- f.Write(ctx, insert(1)) }()
		go func() { waited <- f.Write(t.Context(), insert(2)) }()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("write whose context ended: %v", err)
		}
		unlock()
		if err := <-waited; err != nil {
			t.Errorf("write that waited: %v", err)
		}
		if got := stored(t, f); got[1] || !got[2] {
			t.Errorf("stored are %v, want 2 only", got)
		}
	})
	t.Run("a write that waits too long is throttled", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		f := open(t, path, numbers)
		if _, err := f.writer.conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 30"); err != nil {
			t.Fatal(err)
		}
		defer lock(t, path)()
		wantFault(t, f.Write(t.Context(), insert(1)), fault.Throttled, "another process", "try again")
	})
	t.Run("closing ends the waiting", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "numbers.db")
		f := open(t, path, numbers)
		defer lock(t, path)()
		done := make(chan error)
		go func() { done <- f.Write(t.Context(), insert(1)) }()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		wantFault(t, <-done, fault.Unavailable, "closed")
		wantFault(t, f.Write(t.Context(), insert(1)), fault.Unavailable, "closed")
		wantFault(t, f.Read(t.Context(), func(*Tx) error { return nil }), fault.Unavailable, "closed")
	})
}

// TestMain lets the test binary be the other process: SQLITEFILE_CHILD is a file into which it writes numbers, from the one
// given on, and prints each one that is committed.
func TestMain(m *testing.M) {
	path := os.Getenv("SQLITEFILE_CHILD")
	if path == "" {
		os.Exit(m.Run())
	}
	var from, count int
	_, _ = fmt.Sscan(os.Getenv("SQLITEFILE_RANGE"), &from, &count)
	f, err := Open(path, numbers)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := from + worker; n < from+count; n += 4 {
				if err := f.Write(context.Background(), insert(n)); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(n)
			}
		})
	}
	wg.Wait()
}

func child(t *testing.T, path string, from, count int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITEFILE_CHILD="+path, fmt.Sprintf("SQLITEFILE_RANGE=%d %d", from, count))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestAKilledProcessLosesNothingThatItCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "numbers.db")
	for round := range 3 {
		cmd, out := child(t, path, round*1_000_000, 1_000_000)
		var committed []int
		for out.Scan() {
			var n int
			if _, err := fmt.Sscan(out.Text(), &n); err != nil {
				t.Fatalf("child says %q", out.Text())
			}
			if committed = append(committed, n); len(committed) == 200 {
				_ = cmd.Process.Kill() // what it still prints until it dies is committed too
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		got := stored(t, open(t, path, numbers))
		for _, n := range committed {
			if !got[n] {
				t.Errorf("round %d: %d was committed and is gone", round, n)
			}
		}
	}
}

func TestProcessesShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "numbers.db")
	f := open(t, path, numbers)
	const each = 200
	var children []*exec.Cmd
	for i := range 2 {
		cmd, out := child(t, path, (i+1)*1000, each)
		children = append(children, cmd)
		go func() {
			for out.Scan() {
			}
		}()
	}
	for n := range each {
		if err := f.Write(t.Context(), insert(n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("child: %v", err)
		}
	}
	if got := len(stored(t, f)); got != 3*each {
		t.Errorf("%d numbers are stored, want %d", got, 3*each)
	}
}
