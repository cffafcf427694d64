package localkey

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

const address = "127.0.0.1:8080"

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

func leave(t *testing.T, dir, at string) (Key, func() error) {
	t.Helper()
	key, remove, err := Leave(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	return key, remove
}

func TestLeave(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "server-127.0.0.1-8080.key")
	key, remove := leave(t, dir, address)
	t.Run("what was left is read", func(t *testing.T) {
		if got, err := Read(dir, address); got != key || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("its owner alone may read it", func(t *testing.T) {
		if about, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && about.Mode().Perm() != 0o600 {
			t.Errorf("got %v, %v", about, err)
		}
	})
	t.Run("every start has another one, and a link in its place is not followed", func(t *testing.T) {
		letter := filepath.Join(t.TempDir(), "letter")
		if err := errors.Join(os.WriteFile(letter, []byte("mine"), 0o644), os.Remove(name), os.Symlink(letter, name)); err != nil {
			t.Fatal(err)
		}
		next, _ := leave(t, dir, address)
		if got, err := Read(dir, address); got != next || next == key || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if text, err := os.ReadFile(letter); err != nil || string(text) != "mine" {
			t.Errorf("got %q, %v", text, err)
		}
	})
	t.Run("servers of one folder have each their own", func(t *testing.T) {
		for _, other := range []string{"127.0.0.1:8081", "127.0.0.2:8080", "[::1]:8080"} {
			theirs, removeTheirs := leave(t, dir, other)
			ours, err := Read(dir, address)
			if got, otherErr := Read(dir, other); got != theirs || ours == theirs || errors.Join(err, otherErr, removeTheirs()) != nil {
				t.Errorf("%s: got %q, %v, %v", other, got, err, otherErr)
			}
		}
	})
	t.Run("nothing is left in the end", func(t *testing.T) {
		if err := remove(); err != nil {
			t.Error(err)
		}
		if _, err := Read(dir, address); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		if files, err := os.ReadDir(dir); len(files) > 0 || err != nil {
			t.Errorf("files %v, %v", files, err)
		}
	})
	t.Run("what is no key is not one", func(t *testing.T) {
		for _, text := range []string{"", "short", string(key) + "A", strings.ToLower(string(key)), string(key) + "\nX-Header: 1"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := Read(dir, address); got != "" || fault.Of(err) != fault.Invalid || text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("%q: got %q, %v", text, got, err)
			}
		}
	})
	t.Run("an address that is none is refused", func(t *testing.T) {
		for _, at := range []string{"", "8080", "localhost:8080", "../x:1", "127.0.0.1"} {
			_, err := Read(dir, at)
			_, _, leaveErr := Leave(dir, at)
			if fault.Of(err) != fault.Invalid || fault.Of(leaveErr) != fault.Invalid {
				t.Errorf("%q: got %v, %v", at, err, leaveErr)
			}
		}
	})
}

func TestADoorOpens(t *testing.T) {
	key, _ := leave(t, t.TempDir(), address)
	other, _ := leave(t, t.TempDir(), address)
	d := NewDoor(key, func() time.Time { return noon }, "ask --again")
	for text, want := range map[string]bool{
		string(key): true, string(other): false, "": false, string(key[:25]): false, string(key) + "A": false, strings.ToLower(string(key)): false,
		key.Once(noon): false,
	} {
		if d.Opens(text) != want {
			t.Errorf("%q: not %v", text, want)
		}
	}
}

func TestAKeyThatIsGoodOnce(t *testing.T) {
	key, _ := leave(t, t.TempDir(), address)
	other, _ := leave(t, t.TempDir(), address)
	now := noon
	door := func() *Door {
		now = noon
		return NewDoor(key, func() time.Time { return now }, "ask --again")
	}
	refused := func(t *testing.T, err error, says string) {
		t.Helper()
		if fault.Of(err) != fault.Unauthenticated || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "ask --again") {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	t.Run("is good once", func(t *testing.T) {
		d, once := door(), key.Once(noon)
		if err := d.Redeem(once); err != nil {
			t.Fatal(err)
		}
		refused(t, d.Redeem(once), "used already")
		if err := d.Redeem(key.Once(noon)); err != nil {
			t.Errorf("another one: %v", err)
		}
		refused(t, d.Redeem(once), "used already")
	})
	t.Run("of many who come at once, one gets in", func(t *testing.T) {
		d := door()
		for range 1500 {
			once := key.Once(noon)
			var in atomic.Int32
			var all sync.WaitGroup
			begin := make(chan struct{})
			for range 8 {
				all.Go(func() {
					<-begin
					if d.Redeem(once) == nil {
						in.Add(1)
					}
				})
			}
			close(begin)
			all.Wait()
			if in.Load() != 1 {
				t.Fatalf("%d got in", in.Load())
			}
		}
	})
	t.Run("is good for an hour", func(t *testing.T) {
		d, once := door(), key.Once(noon)
		now = noon.Add(OnceFor)
		refused(t, d.Redeem(once), "too old")
		now = noon.Add(OnceFor - time.Second)
		if err := d.Redeem(once); err != nil {
			t.Error(err)
		}
	})
	t.Run("what is too old is forgotten", func(t *testing.T) {
		d := door()
		for range 3 {
			if err := d.Redeem(key.Once(now)); err != nil {
				t.Fatal(err)
			}
			now = now.Add(OnceFor)
		}
		if len(d.used) != 1 {
			t.Errorf("%d are remembered", len(d.used))
		}
	})
	t.Run("one that the key did not make is refused, and not remembered", func(t *testing.T) {
		d, once := door(), key.Once(noon)
		end, rest, _ := strings.Cut(once, ".")
		for _, text := range []string{
			"", ".", "..", string(key), other.Once(noon), once + "A", once[:len(once)-1], "9" + once, end + "0." + rest, strings.ToLower(once), once + "=",
			key.sign("once"), "." + key.sign("once "),
		} {
			refused(t, d.Redeem(text), "started anew")
		}
		if len(d.used) != 0 {
			t.Errorf("%d are remembered", len(d.used))
		}
	})
	t.Run("stands in an address as it is, without the key", func(t *testing.T) {
		if once := key.Once(noon); url.QueryEscape(once) != once || strings.Contains(once, string(key)) {
			t.Error(once)
		}
	})
}
