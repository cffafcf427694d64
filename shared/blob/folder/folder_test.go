package folder

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/blob/blobtest"
	"adminassistant/shared/fault"
)

func open(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
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

func TestFolder(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Blob { return open(t, filepath.Join(t.TempDir(), "blobs")) })
}

func put(t *testing.T, f *Folder, key, data string) {
	t.Helper()
	if err := f.Put(t.Context(), key, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "blobs")
	put(t, open(t, dir), "x/y", "data")
	for name, want := range map[string]fs.FileMode{"": 0o700, "x+": 0o700, "x+/y": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %o, want %o", name, got, want)
		}
	}
}

func TestOpenRemovesWhatACrashLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	put(t, open(t, dir), "a", "data")
	old, young := filepath.Join(dir, newFolder, "old"), filepath.Join(dir, newFolder, "young")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * abandonedAfter)
	for _, name := range []string{old, filepath.Join(dir, "a")} {
		if err := os.Chtimes(name, long, long); err != nil {
			t.Fatal(err)
		}
	}
	f := open(t, dir)
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the abandoned file: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the file that may still be written: %v", err)
	}
	if objects, err := f.List(t.Context(), ""); err != nil || len(objects) != 1 {
		t.Errorf("objects: %+v, %v, want the one that was put", objects, err)
	}
}

func TestAFolderOutsideIsNotReached(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link+")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")); err != nil {
		t.Skip(err)
	}
	f := open(t, dir)
	for _, key := range []string{"link/secret", "file"} {
		if r, err := f.Get(t.Context(), key); err == nil {
			r.Close()
			t.Errorf("get %s opened a file outside", key)
		} else if key != "file" && (fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), dir+" is a symbolic link")) {
			t.Errorf("get %s: %v (%v)", key, err, fault.Of(err))
		}
	}
	if err := f.Put(t.Context(), "link/new", strings.NewReader("x")); fault.Of(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "symbolic link") {
		t.Errorf("put: %v (%v)", err, fault.Of(err))
	}
	if objects, err := f.List(t.Context(), ""); err != nil || len(objects) != 0 {
		t.Errorf("objects: %+v, %v, want none", objects, err)
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); !os.IsNotExist(err) {
		t.Errorf("the file outside: %v", err)
	}
}

func TestPutsAndDeletesAtOnce(t *testing.T) {
	f := open(t, t.TempDir())
	var wg sync.WaitGroup
	for _, key := range []string{"d/e/a", "d/e/b"} {
		wg.Go(func() {
			for range 100 {
				if err := f.Put(t.Context(), key, strings.NewReader(key)); err != nil {
					t.Errorf("put: %v", err)
				}
				if err := f.Delete(t.Context(), key); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left are %v, %v, want the folder for new files", entries, err)
	}
}

func wantUnavailable(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v of kind %s, want one of kind unavailable that says %q", err, fault.Of(err), text)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(name); fault.Of(err) != fault.Invalid {
			t.Errorf("error %v of kind %s, want kind invalid", err, fault.Of(err))
		}
		_, err := Open(filepath.Join(name, "below"))
		wantUnavailable(t, err, name)
	})
	t.Run("a folder that is read-only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("permissions do not bind this user")
		}
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir)
		wantUnavailable(t, err, "writable")
	})
}

func FuzzKey(f *testing.F) {
	for _, key := range []string{"a/b", "../a", "a+/b", "a/..", "", "..."} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, k string) {
		if blob.CheckKey(k) != nil {
			return
		}
		name := file(k)
		if !filepath.IsLocal(name) || !fs.ValidPath(name) {
			t.Errorf("%q is the file %q", k, name)
		}
		if back, ok := key(name); !ok || back != k {
			t.Errorf("%q is the file %q, which is %q", k, name, back)
		}
		if blob.CheckPrefix(k) != nil || blob.CheckPrefix(k[:len(k)/2]) != nil {
			t.Errorf("%q, or half of it, is no prefix", k)
		}
	})
}
