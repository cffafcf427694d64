package restore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

func (w *world) uploads() *restore.Uploads {
	return restore.NewUploads(w.Table, w.Blobs, w.NewID, w.Now)
}

// restoreUpload starts restoring an uploaded file and carries it out.
func (w *world) restoreUpload(u restore.Upload, change ...func(*run.Run, *restore.Input)) (*run.Run, error) {
	w.t.Helper()
	r := w.start(restore.Skip, append(change, func(_ *run.Run, in *restore.Input) {
		in.Backup, in.Upload, in.SHA256 = "", u.ID, u.SHA256
	})...)
	runner := w.runner(w.Table, w.Blobs, w.calendar)
	runner.Open = restore.Opener(backup.New(w.Table, w.Blobs), w.uploads())
	if err := runner.Run(w.t.Context(), r); err != nil {
		return nil, err
	}
	r, _ = w.result(r.ID)
	return r, nil
}

// held is what a file holds.
func held(t *testing.T, data []byte) (m memory) {
	t.Helper()
	s, err := backup.Read(bytes.NewReader(data))
	must(t, err)
	defer s.Close()
	must(t, s.Each(func(k calendar.Kept) error {
		m.things = append(m.things, k)
		return nil
	}))
	m.zones = s.Zones
	return m
}

// TestFilesOfOthersRestore restores what Outlook, Google and Apple export.
func TestFilesOfOthersRestore(t *testing.T) {
	names, err := filepath.Glob("testdata/*.ics")
	must(t, err)
	if len(names) < 3 {
		t.Fatal(names)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			must(t, err)
			w := newWorld(t)
			u, err := w.uploads().Put(t.Context(), user, bytes.NewReader(data))
			must(t, err)
			r, err := w.restoreUpload(u)
			must(t, err)
			if r.State != run.Succeeded {
				_, entries := w.items(r)
				t.Fatalf("%s %+v %+v", r.State, r.Problem, entries)
			}
			if diff := cmp.Diff(w.canonical(held(t, data)), w.canonical(w.kept(uri("Copy")))); diff != "" {
				t.Errorf("(-file +calendar):\n%s", diff)
			}
			again, err := w.restoreUpload(u)
			must(t, err)
			if _, result := w.result(again.ID); result.Counts.Skipped != result.Counts.Read || result.Counts.Read == 0 {
				t.Errorf("again: %+v", result)
			}
		})
	}
}

func TestUploads(t *testing.T) {
	file, err := os.ReadFile("testdata/outlook.ics")
	must(t, err)

	t.Run("a file stays for a day", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now()) // objects are as old as the system's clock says
		u, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		if u.Format != backup.ICS || u.Events != 3 || u.Bytes != int64(len(file)) || u.Expires.Sub(u.Created) != restore.UploadFor {
			t.Errorf("%+v", u)
		}
		if _, err := w.uploads().Get(t.Context(), "local#other", u.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("another user: %v", err)
		}
		w.Advance(restore.UploadFor + time.Hour)
		if _, err := w.uploads().Get(t.Context(), user, u.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("after a day: %v", err)
		}
		second, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		objects, err := w.Blobs.List(t.Context(), "uploads/")
		must(t, err)
		if len(objects) != 1 || !strings.HasSuffix(objects[0].Key, second.ID) {
			t.Errorf("%+v", objects)
		}
	})

	t.Run("the same file is the same upload, and stays for a day from then on", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		first, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		w.Advance(restore.UploadFor - time.Hour)
		second, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		if second.ID != first.ID || second.Expires.Sub(second.Created) != restore.UploadFor {
			t.Errorf("%+v, and %+v", first, second)
		}
		w.Advance(2 * time.Hour)
		if r, err := w.restoreUpload(second); err != nil || r.State != run.Succeeded {
			t.Errorf("%+v, %v", r, err)
		}
		other, err := w.uploads().Put(t.Context(), "local#other", bytes.NewReader(file))
		if err != nil || other.ID == first.ID {
			t.Errorf("another user's: %+v, %v", other, err)
		}
	})

	t.Run("another file of the same length is another upload", func(t *testing.T) {
		w := newWorld(t)
		first, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		other := bytes.Replace(file, []byte("SUMMARY"), []byte("summary"), 1)
		if second, err := w.uploads().Put(t.Context(), user, bytes.NewReader(other)); err != nil || second.ID == first.ID || second.Bytes != first.Bytes {
			t.Errorf("%+v, and %+v, %v", first, second, err)
		}
	})

	t.Run("a file that cannot be noted again stays what it was", func(t *testing.T) {
		w := newWorld(t)
		first, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		down := fault.New(fault.Unavailable, "down")
		again := restore.NewUploads(unwritable{w.Table, down}, w.Blobs, w.NewID, w.Now)
		if _, err := again.Put(t.Context(), user, bytes.NewReader(file)); !errors.Is(err, down) {
			t.Fatal(err)
		}
		if r, err := w.restoreUpload(first); err != nil || r.State != run.Succeeded {
			t.Errorf("%+v, %v", r, err)
		}
		other := bytes.Replace(file, []byte("SUMMARY"), []byte("summary"), 1)
		if _, err := again.Put(t.Context(), user, bytes.NewReader(other)); !errors.Is(err, down) {
			t.Fatal(err)
		}
		if objects, err := w.Blobs.List(t.Context(), "uploads/"); err != nil || len(objects) != 1 {
			t.Errorf("of one that was not noted: %d objects, %v", len(objects), err)
		}
	})

	t.Run("a compressed file is read like any other", func(t *testing.T) {
		w := newWorld(t)
		packer, err := zstd.NewWriter(nil)
		must(t, err)
		u, err := w.uploads().Put(t.Context(), user, bytes.NewReader(packer.EncodeAll(file, nil)))
		must(t, err)
		r, err := w.restoreUpload(u)
		must(t, err)
		if r.State != run.Succeeded {
			t.Errorf("%s %+v", r.State, r.Problem)
		}
	})

	t.Run("there may be only so many", func(t *testing.T) {
		w := newWorld(t)
		other := func(n int) *bytes.Reader {
			return bytes.NewReader(append(bytes.Clone(file), strings.Repeat("\r\n", n)...))
		}
		for n := range limit.Uploads {
			_, err := w.uploads().Put(t.Context(), user, other(n))
			must(t, err)
		}
		if _, err := w.uploads().Put(t.Context(), user, other(3)); err != nil {
			t.Errorf("one that is there: %v", err)
		}
		if _, err := w.uploads().Put(t.Context(), user, other(limit.Uploads)); fault.Of(err) != fault.Conflict {
			t.Error(err)
		}
		if objects, err := w.Blobs.List(t.Context(), "uploads/"); err != nil || len(objects) != limit.Uploads {
			t.Errorf("%d objects, %v", len(objects), err)
		}
		if _, err := w.uploads().Put(t.Context(), "local#other", bytes.NewReader(file)); err != nil {
			t.Errorf("another user: %v", err)
		}
	})

	t.Run("a file that is not what it was is refused", func(t *testing.T) {
		w := newWorld(t)
		u, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		objects, err := w.Blobs.List(t.Context(), "uploads/")
		must(t, err)
		must(t, w.Blobs.Put(t.Context(), objects[0].Key, bytes.NewReader(append(file, '\n'))))
		if _, err := w.restoreUpload(u); fault.Of(err) != fault.Conflict {
			t.Error(err)
		}
		must(t, w.Blobs.Delete(t.Context(), objects[0].Key))
		if _, err := w.restoreUpload(u, func(r *run.Run, _ *restore.Input) { r.From, r.To = day(1), day(1) }); fault.Of(err) != fault.NotFound {
			t.Error(err)
		}
	})
}

func day(n int) calendar.Date { return calendar.Date{Year: 2026, Month: 10, Day: n} }

// TestHostileFilesLeaveNothing hands in what must not get in.
func TestHostileFilesLeaveNothing(t *testing.T) {
	packer, err := zstd.NewWriter(nil)
	must(t, err)
	for name, data := range map[string][]byte{
		"nothing":              {},
		"no calendar":          []byte("hello, world"),
		"a bomb":               packer.EncodeAll(bytes.Repeat([]byte("BEGIN:VCALENDAR\r\n"), 8<<20), nil),
		"half a frame":         packer.EncodeAll([]byte("BEGIN:VCALENDAR\r\n"), nil)[:10],
		"a line without end":   append([]byte("BEGIN:VCALENDAR\r\nX-A:"), bytes.Repeat([]byte("x"), limit.BodyBytes-100)...),
		"too many bytes":       bytes.Repeat([]byte("x"), limit.BodyBytes+1),
		"a line of other JSON": []byte("{\"format\":\"zip\",\"version\":7}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if _, err := w.uploads().Put(t.Context(), user, bytes.NewReader(data)); fault.Of(err) != fault.Invalid {
				t.Error(err)
			}
			objects, err := w.Blobs.List(t.Context(), "")
			must(t, err)
			items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + user})
			must(t, err)
			if len(objects) != 0 || len(items) != 0 {
				t.Errorf("it left %d objects and %d items", len(objects), len(items))
			}
		})
	}
	t.Run("a series without end, every second", func(t *testing.T) {
		w := newWorld(t)
		u, err := w.uploads().Put(t.Context(), user,
			strings.NewReader("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261005T090000Z\r\nDTEND:20261005T090001Z\r\n"+
				"RRULE:FREQ=SECONDLY\r\nEXDATE:20261005T090007Z\r\nSUMMARY:Tick\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		must(t, err)
		r, err := w.restoreUpload(u)
		must(t, err)
		if r.State != run.Partial || r.Failed != 1 || len(w.kept(uri("Copy")).things) != 0 {
			t.Errorf("%s %+v, %d events", r.State, r.Problem, len(w.kept(uri("Copy")).things))
		}
	})
}

// unwritable is a table in which nothing can be changed.
type unwritable struct {
	store.Table
	err error
}

func (u unwritable) Transact(context.Context, []store.Op) error { return u.err }

// TestFilesThatAreUploadedByThemselves puts files where Begin says, as a client does that has an address for it.
// between is a table at which something else happens just before a transaction or a removal, once.
type between struct {
	store.Table
	other func()
}

func (b *between) meanwhile() {
	if other := b.other; other != nil {
		b.other = nil
		other()
	}
}

func (b *between) Transact(ctx context.Context, ops []store.Op) error {
	b.meanwhile()
	return b.Table.Transact(ctx, ops)
}

func (b *between) Delete(ctx context.Context, key store.Key, c store.Condition) error {
	b.meanwhile()
	return b.Table.Delete(ctx, key, c)
}

// TestAFileThatIsUploadedOnceMoreIsThere has the same file uploaded again while what used it first lets go of it.
func TestAFileThatIsUploadedOnceMoreIsThere(t *testing.T) {
	file, err := os.ReadFile("testdata/outlook.ics")
	must(t, err)
	for _, c := range []struct {
		name  string
		again func(w *world, put func(store.Table) restore.Upload, used func(store.Table)) restore.Upload
	}{
		{"before", func(w *world, put func(store.Table) restore.Upload, used func(store.Table)) restore.Upload {
			u := put(w.Table)
			used(w.Table)
			return u
		}},
		{"after", func(w *world, put func(store.Table) restore.Upload, used func(store.Table)) restore.Upload {
			used(w.Table)
			return put(w.Table)
		}},
		{"while it is let go", func(w *world, put func(store.Table) restore.Upload, used func(store.Table)) (u restore.Upload) {
			used(&between{w.Table, func() { u = put(w.Table) }})
			return u
		}},
		{"let go while it is uploaded", func(w *world, put func(store.Table) restore.Upload, used func(store.Table)) restore.Upload {
			return put(&between{w.Table, func() { used(w.Table) }})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			first, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
			must(t, err)
			since := w.Now()
			w.Advance(time.Minute)
			u := c.again(w, func(table store.Table) restore.Upload {
				u, err := restore.NewUploads(table, w.Blobs, w.NewID, w.Now).Put(t.Context(), user, bytes.NewReader(file))
				must(t, err)
				return u
			}, func(table store.Table) {
				must(t, restore.NewUploads(table, w.Blobs, w.NewID, w.Now).Used(t.Context(), user, first.ID, since))
			})
			if r, err := w.restoreUpload(u); err != nil || r.State != run.Succeeded {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestFilesThatAreUploadedByThemselves(t *testing.T) {
	file, err := os.ReadFile("testdata/outlook.ics")
	must(t, err)
	sum := func(data []byte) string {
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	begin := func(w *world, data []byte) string {
		t.Helper()
		id, key, err := w.uploads().Begin(t.Context(), user, int64(len(data)))
		must(t, err)
		must(t, w.Blobs.Put(t.Context(), key, bytes.NewReader(data)))
		return id
	}
	t.Run("are restored like others", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		id := begin(w, file)
		if _, err := w.uploads().Get(t.Context(), user, id); fault.Of(err) != fault.NotFound {
			t.Errorf("before it is noted: %v", err)
		}
		u, err := w.uploads().Arrived(t.Context(), user, id, int64(len(file)), sum(file))
		must(t, err)
		if u.ID != id || u.Format != backup.ICS || !u.Unread || u.Events != 0 || u.Expires.Sub(u.Created) != restore.UploadFor {
			t.Errorf("%+v", u)
		}
		if r, err := w.restoreUpload(u); err != nil || r.State != run.Succeeded {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("are the same upload as the same file", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		first, err := w.uploads().Put(t.Context(), user, bytes.NewReader(file))
		must(t, err)
		u, err := w.uploads().Arrived(t.Context(), user, begin(w, file), int64(len(file)), sum(file))
		must(t, err)
		objects, err := w.Blobs.List(t.Context(), "uploads/")
		must(t, err)
		if u.ID != first.ID || len(objects) != 1 || !strings.HasSuffix(objects[0].Key, first.ID) {
			t.Errorf("%+v, %+v", u, objects)
		}
		again, err := w.uploads().Arrived(t.Context(), user, u.ID, int64(len(file)), sum(file))
		if err != nil || again.ID != u.ID {
			t.Errorf("noted once more: %+v, %v", again, err)
		}
	})
	t.Run("that are not what was said are not restored", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		u, err := w.uploads().Arrived(t.Context(), user, begin(w, file), int64(len(file)), strings.Repeat("0", 64))
		must(t, err)
		if _, err := w.restoreUpload(u); fault.Of(err) != fault.Conflict {
			t.Errorf("%v", err)
		}
	})
	t.Run("have to be there, whole, and files of ours", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		id := begin(w, file)
		for name, c := range map[string]struct {
			user, id string
			size     int64
			kind     fault.Kind
		}{
			"another id":       {user, w.NewID(), int64(len(file)), fault.NotFound},
			"no id":            {user, "../" + id, int64(len(file)), fault.NotFound},
			"somebody else's":  {"local#other", id, int64(len(file)), fault.NotFound},
			"of another size":  {user, id, int64(len(file)) + 1, fault.Conflict},
			"no calendar file": {user, begin(w, []byte("hello")), 5, fault.Invalid},
		} {
			if _, err := w.uploads().Arrived(t.Context(), c.user, c.id, c.size, sum(file)); fault.Of(err) != c.kind {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("have a size that files may have", func(t *testing.T) {
		w := newWorld(t)
		for size, ok := range map[int64]bool{-1: false, 0: false, 1: true, limit.UploadBytes: true, limit.UploadBytes + 1: false} {
			if _, _, err := w.uploads().Begin(t.Context(), user, size); (err == nil) != ok || err != nil && fault.Of(err) != fault.Invalid {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	})
	t.Run("may not be too many, noted or not, and go after a day", func(t *testing.T) {
		w := newWorld(t)
		w.Set(time.Now())
		for i := range limit.Uploads {
			begin(w, append(bytes.Clone(file), byte(i)))
		}
		if _, _, err := w.uploads().Begin(t.Context(), user, 1); fault.Of(err) != fault.Conflict {
			t.Errorf("one more: %v", err)
		}
		w.Advance(restore.UploadFor + time.Hour)
		if _, _, err := w.uploads().Begin(t.Context(), user, 1); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}
