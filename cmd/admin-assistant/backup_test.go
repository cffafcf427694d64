package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/backup"
)

func TestABackupOfACalendar(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("backup", "run", "--calendar", work).ok().says("succeeded", "events:")
	m.local("backup", "run", "--calendar", work, "--period", "2026-10-01 to 2026-10-31").ok().says("succeeded")

	var listed []struct {
		ID     string
		From   string
		Counts backup.Counts
	}
	if m.local("--output", "json", "backup", "list").ok().decode(&listed); len(listed) != 2 ||
		listed[0].From != "2026-10-01" {
		t.Fatalf("%+v", listed)
	}
	m.local("backup", "list", "--calendar", work).ok().says(listed[0].ID, listed[1].ID, "2026-10-01 to 2026-10-31", work)
	id := listed[1].ID
	m.local("backup", "show", "last").ok().says("made ", "events.jsonl.zst").without(id) // a later one
	m.local("backup", "show", id).ok().says(id, "events.jsonl.zst", "calendar.ics.zst", "events.csv.zst", m.server())
	m.local("backup", "verify", id).ok().says("events.jsonl.zst: proven", "calendar.ics.zst: proven", "events.csv.zst: proven")
	m.local("archive", "show", id).ok().says("backup " + id)

	for format, begins := range map[string]string{"jsonl": `{"format":"admin-assistant-backup"`, "ics": "BEGIN:VCALENDAR\r\n", "csv": "\ufefftype,id,"} {
		out := m.local("backup", "download", id, "--format", format).ok().out
		if !strings.HasPrefix(out, begins) {
			t.Errorf("%s: %.80q", format, out)
		}
		path := filepath.Join(m.files, "backup."+format)
		m.local("backup", "download", id, path, "--format", format).ok()
		if data, err := os.ReadFile(path); err != nil || string(data) != out {
			t.Errorf("%s: %d bytes in the file, %d on standard output, %v", format, len(data), len(out), err)
		}
	}
	t.Run("a file that is there is not written over without asking", func(t *testing.T) {
		path := filepath.Join(m.files, "precious")
		for _, args := range [][]string{{"backup", "download", id, path}, {"calendar", "export", work, path}} {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := m.local(args...)
			if data, err := os.ReadFile(path); r.code != exitUsage || !strings.Contains(r.err, "--yes") || err != nil || string(data) != "precious" {
				t.Errorf("%q: %d %s, the file: %.20q, %v", args, r.code, r.err, data, err)
			}
			m.local(append([]string{"--yes"}, args...)...).ok()
			if data, err := os.ReadFile(path); err != nil || string(data) == "precious" {
				t.Errorf("%q: the file: %.20q, %v", args, data, err)
			}
		}
	})
	device := filepath.Join(m.files, "device")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	m.local("backup", "download", id, device).ok()
	if info, err := os.Lstat(device); err != nil || info.Mode().IsRegular() {
		t.Errorf("a device became a file: %v", err)
	}
	m.local("calendar", "create", "local://me/calendars/Again").ok()
	m.local("calendar", "import", "local://me/calendars/Again", filepath.Join(m.files, "backup.ics")).ok().says("57 added")

	t.Run("a damaged one is found, and not downloaded", func(t *testing.T) {
		m.ownData(t)
		err := filepath.WalkDir(filepath.Join(m.data, "blobs"), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.Contains(path, id) || !strings.HasSuffix(path, "events.csv.zst") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data[len(data)/2] ^= 1
			return os.WriteFile(path, data, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := m.local("backup", "verify", id); r.code != exitFailed || !strings.Contains(r.out, "events.csv.zst: backup: damaged") ||
			!strings.Contains(r.out, "events.jsonl.zst: proven") {
			t.Errorf("%d %s%s", r.code, r.out, r.err)
		}
		path := filepath.Join(m.files, "damaged.csv")
		if r := m.local("backup", "download", id, path, "--format", "csv"); r.code != exitFailed || !strings.Contains(r.err, "backup verify") {
			t.Errorf("%d %s%s", r.code, r.out, r.err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file: %v", err)
		}
	})
	if r := m.local("backup", "delete", id); r.code != exitUsage {
		t.Errorf("deleted without asking: %d %s", r.code, r.err)
	}
	m.local("--yes", "backup", "delete", id).ok()
	if r := m.local("backup", "show", id); r.code != exitFailed || !strings.Contains(r.err, "there is no backup") {
		t.Errorf("%d %s", r.code, r.err)
	}
	for _, args := range [][]string{
		{"backup", "run"}, {"backup", "run", "--calendar", work, "--config", "x"}, {"backup", "download", listed[0].ID, "--format", "pdf"},
		{"backup", "show"},
	} {
		if r := m.local(args...); r.code != exitUsage {
			t.Errorf("%q: %d %s", args, r.code, r.err)
		}
	}
}

func TestAFileThatIsElsewhereIsFetchedWithoutTheToken(t *testing.T) {
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.URL.RawQuery != "signed=1" {
			t.Errorf("the bucket is asked %s with %v", r.URL, r.Header)
		}
		_, _ = w.Write([]byte("content"))
	}))
	defer bucket.Close()
	to := bucket.URL + "/file?signed=1"
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("the API is asked with %v", r.Header)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}))
	defer api.Close()
	c, err := newClient(api.URL, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.credentials = fixedToken{api: api.URL, token: "token"}
	answer, err := c.send(t.Context(), request{method: http.MethodGet, path: "/v1/backups/1/files/x", elsewhere: true})
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	for name, address := range map[string]string{
		"in the clear":         "http://bucket.example/file?signed=1",
		"where nobody answers": "http://127.0.0.1:1/file?signed=1",
	} {
		to = address
		if _, err := c.send(t.Context(), request{method: http.MethodGet, path: "/v1/backups/1/files/x", elsewhere: true}); err == nil ||
			strings.Contains(err.Error(), "signed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.send(t.Context(), request{method: http.MethodGet, path: "/v1/backups/1/files/x"}); err == nil {
		t.Error("what should be here is fetched from elsewhere")
	}
}

func TestALargeFileGoesElsewhereWithoutTheToken(t *testing.T) {
	data := make([]byte, throughGateway+1)
	status, got := http.StatusOK, 0
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if got = len(body); err != nil || r.Header.Get("Authorization") != "" || r.URL.RawQuery != "signed=1" || r.Method != http.MethodPut ||
			r.ContentLength != int64(len(data)) {
			t.Errorf("the bucket is asked %s %s with %v, %v", r.Method, r.URL, r.Header, err)
		}
		w.WriteHeader(status)
	}))
	defer bucket.Close()
	to := bucket.URL + "/file?signed=1"
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/v1/uploads/direct":
			fmt.Fprintf(w, `{"id": "1", "url": %q}`, to)
		case "/v1/uploads/1/arrived":
			sum := sha256.Sum256(data)
			if want := fmt.Sprintf(`{"bytes":%d,"sha256":"%x"}`, len(data), sum); string(body) != want {
				t.Errorf("told %s, want %s", body, want)
			}
			fmt.Fprint(w, `{"id": "2"}`)
		default:
			fmt.Fprint(w, `{"id": "3"}`)
		}
	}))
	defer api.Close()
	c, err := newClient(api.URL, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	c.credentials = fixedToken{api: api.URL, token: "token"}
	if id, err := c.handIn(t.Context(), data); err != nil || id != "2" || got != len(data) {
		t.Errorf("it is %q, %d bytes, %v", id, got, err)
	}
	if id, err := c.handIn(t.Context(), data[:throughGateway]); err != nil || id != "3" {
		t.Errorf("one that is small enough is %q, %v", id, err)
	}
	to = ""
	if id, err := c.handIn(t.Context(), data); err != nil || id != "3" {
		t.Errorf("where the server takes it itself it is %q, %v", id, err)
	}
	status = http.StatusForbidden
	for name, address := range map[string]string{
		"in the clear":         "http://bucket.example/file?signed=1",
		"where nobody answers": "http://127.0.0.1:1/file?signed=1",
		"where it is refused":  bucket.URL + "/file?signed=1",
		"nowhere":              "http://[/?signed=1",
	} {
		to, asked = address, nil
		if _, err := c.handIn(t.Context(), data); err == nil || strings.Contains(err.Error(), "signed") || slices.Contains(asked, "/v1/uploads/1/arrived") {
			t.Errorf("%s: %v, asked %q", name, err, asked)
		}
	}
}
