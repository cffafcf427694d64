//go:build !windows

package datafolder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adminassistant/shared/fault"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder makes a folder of a mode, whatever the mask of new files.
func folder(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.Chmod(dir, mode))
	return dir
}

// modeOf is a folder's mode, that of a link's target.
func modeOf(t *testing.T, dir string) os.FileMode {
	t.Helper()
	about, err := os.Stat(dir)
	must(t, err)
	return about.Mode().Perm()
}

func TestOpen(t *testing.T) {
	for _, row := range []struct {
		name      string
		mode      os.FileMode
		tightened bool
	}{
		{"a folder of one's own stays", 0o700, false},
		{"one that everybody may read is tightened", 0o755, true},
		{"one that everybody may write is tightened", 0o777, true},
		{"one that a group may pass through is tightened", 0o710, true},
		{"one that others may pass through is tightened", 0o701, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := folder(t, row.mode)
			for _, want := range []bool{row.tightened, false} { // the second time it is as it should be
				if tightened, err := Open(dir); err != nil || tightened != want || modeOf(t, dir) != 0o700 {
					t.Errorf("tightened: %v, mode %o, %v", tightened, modeOf(t, dir), err)
				}
			}
		})
	}
	t.Run("one that is not there is made, for its owner alone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a", "b")
		if tightened, err := Open(dir); err != nil || tightened || modeOf(t, dir) != 0o700 || modeOf(t, filepath.Dir(dir)) != 0o700 {
			t.Errorf("tightened: %v, mode %o, %v", tightened, modeOf(t, dir), err)
		}
	})
	t.Run("a link of one's own leads to the folder that is tightened", func(t *testing.T) {
		dir, link := folder(t, 0o755), filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(dir, link))
		if tightened, err := Open(link); err != nil || !tightened || modeOf(t, dir) != 0o700 {
			t.Errorf("tightened: %v, mode %o, %v", tightened, modeOf(t, dir), err)
		}
	})
	for name, make := range map[string]func(t *testing.T) string{
		"a file": func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			must(t, os.WriteFile(file, nil, 0o600))
			return file
		},
		"a link to nowhere": func(t *testing.T) string {
			link := filepath.Join(t.TempDir(), "link")
			must(t, os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link))
			return link
		},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			dir := make(t)
			if _, err := Open(dir); fault.Of(err) != fault.Invalid || strings.Count(err.Error(), dir) != 1 || !strings.Contains(err.Error(), "--data") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestALinkOfTheAdministratorIsFollowed(t *testing.T) {
	for owner, want := range map[int]bool{0: true, 1000: true, 1001: false, -1: false} {
		if trusted(owner, 1000) != want {
			t.Errorf("one of account %d: not %v", owner, want)
		}
	}
}

// TestAFolderOfAnotherAccountIsRefused needs the administrator's rights to give folders away.
func TestAFolderOfAnotherAccountIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		// The one thing that is another account's everywhere.
		if _, err := Open("/"); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "belongs to another account") {
			t.Errorf("got %v", err)
		}
		t.Skip("only the administrator can give folders away")
	}
	const other = 65534
	t.Run("the folder, which stays as it is", func(t *testing.T) {
		dir := folder(t, 0o755)
		must(t, os.Chown(dir, other, other))
		if _, err := Open(dir); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "belongs to another account") || modeOf(t, dir) != 0o755 {
			t.Errorf("mode %o, %v", modeOf(t, dir), err)
		}
	})
	t.Run("what a link of one's own leads to", func(t *testing.T) {
		dir, link := folder(t, 0o755), filepath.Join(t.TempDir(), "link")
		must(t, os.Chown(dir, other, other))
		must(t, os.Symlink(dir, link))
		if _, err := Open(link); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "belongs to another account") || modeOf(t, dir) != 0o755 {
			t.Errorf("mode %o, %v", modeOf(t, dir), err)
		}
	})
	t.Run("a link to one's own folder", func(t *testing.T) {
		dir, link := folder(t, 0o755), filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(dir, link))
		must(t, os.Lchown(link, other, other))
		if _, err := Open(link); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "is a link") || modeOf(t, dir) != 0o755 {
			t.Errorf("mode %o, %v", modeOf(t, dir), err)
		}
	})
}
