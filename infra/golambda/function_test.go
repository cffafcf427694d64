package golambda

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adminassistant/infra/infratest"
)

func TestBuilt(t *testing.T) {
	folder := t.TempDir()
	if err := infratest.Functions(folder, "api", "archive"); err != nil {
		t.Fatal(err)
	}
	bootstrap := func(name string) string { return filepath.Join(folder, name, "bootstrap") }
	refused := func(t *testing.T, name string) {
		t.Helper()
		err := Built(folder, "api", name)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "make build") {
			t.Errorf("got %v, which does not say that %s is to be built", err, name)
		}
	}

	t.Run("functions that are there are built", func(t *testing.T) {
		if err := Built(folder, "api", "archive"); err != nil {
			t.Error(err)
		}
	})
	t.Run("one without a program is not", func(t *testing.T) { refused(t, "notify") })
	t.Run("a program that cannot be run is none", func(t *testing.T) {
		if err := os.Chmod(bootstrap("archive"), 0o644); err != nil {
			t.Fatal(err)
		}
		refused(t, "archive")
	})
	t.Run("an empty program is none", func(t *testing.T) {
		if err := infratest.Functions(folder, "empty"); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(bootstrap("empty"), 0); err != nil {
			t.Fatal(err)
		}
		refused(t, "empty")
	})
	t.Run("a folder is none", func(t *testing.T) {
		if err := os.MkdirAll(bootstrap("folder"), 0o755); err != nil {
			t.Fatal(err)
		}
		refused(t, "folder")
	})
}
