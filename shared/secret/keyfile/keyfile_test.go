package keyfile

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/secrettest"
)

var anna = secret.Context{Purpose: secret.MicrosoftToken, User: "local#anna"}

func open(t testing.TB, path string) *Wrapper {
	t.Helper()
	w, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// line is a line of a key file whose key consists of one byte.
func line(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), masterSize))) + "\n"
}

func write(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	secrettest.Run(t, func(t testing.TB) secret.Wrapper { return open(t, path) })
}

func TestAKeyFileIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	var wg sync.WaitGroup
	var wrappers [20]*Wrapper
	for i := range wrappers {
		wg.Go(func() {
			var err error
			if wrappers[i], err = Open(path); err != nil {
				t.Errorf("open: %v", err)
			}
		})
	}
	wg.Wait()
	for _, w := range wrappers {
		if w.newest != wrappers[0].newest {
			t.Error("two processes have different keys")
		}
	}
	if other := open(t, filepath.Join(t.TempDir(), "master.key")); other.newest == wrappers[0].newest {
		t.Error("another file has the same key")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder has %v, error %v, want the key file alone", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the file's mode is %s, error %v", info.Mode(), err)
	}
}

func TestAKeyFileIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"that the group can read", line(1), 0o640, "chmod 600"},
		{"that anybody can read", line(1), 0o604, "chmod 600"},
		{"that the group can change", line(1), 0o620, "chmod 600"},
		{"that is empty", "", 0o600, "holds no key"},
		{"that has comments alone", "# nothing\n\n", 0o600, "holds no key"},
		{"with a key that is too short", base64.StdEncoding.EncodeToString(make([]byte, 31)), 0o600, "32 bytes in base64 in line 1"},
		{"with a key that is too long", base64.StdEncoding.EncodeToString(make([]byte, 33)), 0o600, "32 bytes in base64 in line 1"},
		{"with something else in a line", "# keys\n" + line(1) + "secret!\n", 0o600, "in line 3"},
		{"with a key in hex", strings.Repeat("ab", masterSize), 0o600, "in line 1"},
		{"with two keys in a line", line(1)[:44] + " " + line(2), 0o600, "in line 1"},
		{"that is huge", strings.Repeat(line(1), 2000), 0o600, "over 65536 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.text)
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v of kind %s, want one of kind invalid that says %q", err, fault.Of(err), c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret!") || strings.Contains(err.Error(), line(1)[:20])) {
				t.Errorf("the error shows what is in the file: %v", err)
			}
			if text, _ := os.ReadFile(path); string(text) != c.text {
				t.Error("the file was changed")
			}
		})
	}
	t.Run("that is a folder", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := Open(dir); fault.Of(err) != fault.Invalid {
			t.Errorf("error %v of kind %s, want kind invalid", err, fault.Of(err))
		}
	})
	t.Run("in a folder that is not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none", "master.key")
		if _, err := Open(path); fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v of kind %s, want kind unavailable", err, fault.Of(err))
		}
	})
}

func TestRotation(t *testing.T) {
	path := write(t, line(1))
	running := open(t, path)
	keeper := func(w secret.Wrapper) secret.Keeper { return secret.New(w, time.Now, secret.Limits{}) }
	old, err := keeper(running).Seal(t.Context(), anna, []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(line(1)+"# since today\r\n"+line(2)), 0o600); err != nil {
		t.Fatal(err)
	}
	rotated := open(t, path)
	recent, err := keeper(rotated).Seal(t.Context(), anna, []byte("recent"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, w secret.Wrapper, sealed []byte, want string) {
		t.Helper()
		if got, err := keeper(w).Open(t.Context(), anna, sealed); err != nil || string(got) != want {
			t.Errorf("opened %q with error %v, want %q", got, err, want)
		}
	}
	t.Run("the last key seals", func(t *testing.T) {
		check(t, open(t, write(t, line(2))), recent, "recent")
	})
	t.Run("what the first key sealed still opens", func(t *testing.T) { check(t, rotated, old, "old") })
	t.Run("a process that runs on learns of the new key", func(t *testing.T) { check(t, running, recent, "recent") })
	t.Run("what a removed key sealed is unreadable", func(t *testing.T) {
		path := write(t, line(2))
		_, err := keeper(open(t, path)).Open(t.Context(), anna, old)
		if !errors.Is(err, secret.ErrUnreadable) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want unreadable, with the file's name", err)
		}
	})
	t.Run("a key file that went away makes nothing unreadable", func(t *testing.T) {
		path := write(t, line(3))
		w := open(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := keeper(w).Open(t.Context(), anna, old); fault.Of(err) != fault.Unavailable {
			t.Errorf("error %v of kind %s, want kind unavailable", err, fault.Of(err))
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	for _, text := range []string{"", "#", line(1), line(1) + line(2), "# x\r\n\r\n " + line(3), line(4)[:40], "====", "\n\n\n", "AAAA\nAAAA"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parse(text)
		if err != nil {
			return
		}
		if m.byID[m.newest] == nil {
			t.Fatal("the newest key is none of the file")
		}
		reread, err := parse(append(text, "\n"+line('a')...))
		if err != nil && len(text) < maxFile-100 {
			t.Fatalf("with one more key: %v", err)
		}
		if err == nil && reread.byID[m.newest] == nil {
			t.Error("one more key hides another")
		}
	})
}
