package backup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

func TestVerifyFindsWhateverChanged(t *testing.T) {
	flip := func(data []byte) []byte { data[len(data)/2] ^= 1; return data }
	for _, c := range []struct {
		name   string
		change func([]byte) []byte // nil: deleted
	}{
		{"a byte", flip},
		{"the end cut off", func(data []byte) []byte { return data[:len(data)-5] }},
		{"something appended", func(data []byte) []byte { return append(data, 'x') }},
		{"a frame without content appended", func(data []byte) []byte { return append(data, "\x50\x2a\x4d\x18\x00\x00\x00\x00"...) }},
		{"nothing left", func([]byte) []byte { return nil }},
		{"other content", func([]byte) []byte { return zipped(t, []byte(head)) }},
		{"deleted", nil},
	} {
		for _, name := range []string{fileNames[JSONL], fileNames[ICS], fileNames[CSV]} {
			t.Run(c.name+" of "+name, func(t *testing.T) {
				w := newWorld(t)
				w.imports(sample)
				r, _ := w.backUp()
				key := w.open(r.ID).key(name)
				if c.change == nil {
					must(t, w.Blobs.Delete(t.Context(), key))
				} else {
					stored, err := w.Blobs.Get(t.Context(), key)
					must(t, err)
					data, err := io.ReadAll(stored)
					must(t, err)
					must(t, stored.Close())
					must(t, w.Blobs.Put(t.Context(), key, bytes.NewReader(c.change(data))))
				}
				report, err := w.backups().Verify(t.Context(), user, r.ID)
				must(t, err)
				if report.OK || len(report.Files) != 3 {
					t.Errorf("%+v", report)
				}
				for _, f := range report.Files {
					if (f.Problem != "") != (f.Name == name) {
						t.Errorf("%+v", f)
					}
				}
			})
		}
	}
	t.Run("lines of another backup with the same number of events", func(t *testing.T) {
		w := newWorld(t)
		w.imports(sample)
		r, _ := w.backUp()
		c := w.open(r.ID)
		text := strings.Replace(w.file(r.ID, JSONL), "Lunch", "Lynch", 1)
		packed := zipped(t, []byte(text))
		must(t, w.Blobs.Put(t.Context(), c.key(fileNames[JSONL]), bytes.NewReader(packed)))
		f := c.Manifest.File(JSONL)
		raw, stored := newMeter(), newMeter()
		_, _ = io.WriteString(raw, text)
		_, _ = stored.Write(packed)
		f.Size, f.Compressed = raw.size(), stored.size() // as if somebody had changed the manifest with the file
		if err := c.verify(t.Context(), JSONL); err == nil || !strings.Contains(err.Error(), "other content") {
			t.Errorf("%v", err)
		}
	})
}

func TestABackupWithoutItsManifestIsNone(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r, _ := w.backUp()
	key := w.open(r.ID).key(manifestName)
	for name, text := range map[string]string{
		"broken":             "{",
		"of another version": `{"format":"admin-assistant-backup","version":2}`,
		"empty":              "",
		"too long":           strings.Repeat(" ", maxManifest+1),
	} {
		must(t, w.Blobs.Put(t.Context(), key, strings.NewReader(text)))
		if _, err := w.backups().Open(t.Context(), user, r.ID); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, w.Blobs.Delete(t.Context(), key))
	if _, err := w.backups().Open(t.Context(), user, r.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("deleted: %v", err)
	}
	must(t, w.backups().Delete(t.Context(), user, r.ID))
	w.sound()
}

func TestABackupIsItsUsersAlone(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r, _ := w.backUp()
	for _, other := range []string{"local#other", user + "#", ""} {
		if _, err := w.backups().Open(t.Context(), other, r.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("%q opens it: %v", other, err)
		}
		if err := w.backups().Delete(t.Context(), other, r.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("%q deletes it: %v", other, err)
		}
		if _, err := w.backups().Newest(t.Context(), other, uri("Work"), w.work.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("%q finds it: %v", other, err)
		}
	}
	if _, err := w.open(r.ID).Key("../" + manifestName); fault.Of(err) != fault.NotFound {
		t.Errorf("a file that is none: %v", err)
	}
	w.sound(r.ID)
}

// TestDeletingSurvivesDyingAnywhere wants that a backup of which something is deleted is no longer there for anybody, and that deleting goes on.
func TestDeletingSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.imports(sample)
		r, _ := w.backUp()
		err := New(dying.Table(w.Table), dying.Blobs(w.Blobs)).Delete(t.Context(), user, r.ID)
		if !dying.Dead() {
			must(t, err)
		}
		_, gone := w.backups().Get(t.Context(), user, r.ID)
		if whole := len(w.objects()) == 4; (gone == nil) != whole && gone == nil {
			t.Errorf("%d objects are left of a backup that is there", len(w.objects()))
		}
		listed, _, err := w.backups().List(t.Context(), user, Filter{}, 10, "")
		must(t, err)
		if (len(listed) == 1) != (gone == nil) {
			t.Errorf("it is listed %d times, and %v", len(listed), gone)
		}
		if dying.DieAt%2 == 0 {
			if err := w.backups().Delete(t.Context(), user, r.ID); err != nil && fault.Of(err) != fault.NotFound {
				t.Error(err)
			}
			w.sound()
		} else {
			next, _ := w.backUp()
			if gone == nil {
				w.sound(r.ID, next.ID)
			} else {
				w.sound(next.ID)
			}
		}
	})
}

func TestBackupsAreListedAndFound(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	other, err := w.calendar.CreateCalendar(t.Context(), uri("Other"))
	must(t, err)
	var ids []string
	for i := range 25 {
		w.Advance(time.Hour)
		r, _ := w.backUp(func(r *run.Run) {
			switch i % 5 {
			case 1:
				r.Calendar = uri("Other").String()
			case 2:
				retaining("nightly", Retention{})(r)
			case 3:
				r.Calendar = uri(w.work.ID).String()
			}
		})
		ids = append(ids, r.ID)
	}
	of := func(f Filter) (got []string) {
		cursor := ""
		for {
			records, next, err := w.backups().List(t.Context(), user, f, 3, cursor)
			must(t, err)
			for _, r := range records {
				got = append(got, r.ID)
			}
			if next == "" {
				return got
			}
			cursor = next
		}
	}
	want := func(fits ...int) (want []string) {
		for i := len(ids) - 1; i >= 0; i-- {
			if slices.Contains(fits, i%5) {
				want = append(want, ids[i])
			}
		}
		return want
	}
	for name, c := range map[string]struct{ got, want []string }{
		"all":                {of(Filter{}), want(0, 1, 2, 3, 4)},
		"of a job":           {of(Filter{Job: "nightly"}), want(2)},
		"of a config":        {of(Filter{Config: "work"}), want(2)},
		"of another config":  {of(Filter{Config: "play"}), nil},
		"by name":            {of(Filter{Calendar: uri("work")}), want(0, 2, 3, 4)},
		"by id":              {of(Filter{Calendar: uri(w.work.ID)}), want(0, 2, 3, 4)},
		"of the other":       {of(Filter{Calendar: uri("Other")}), want(1)},
		"of the other's id":  {of(Filter{Calendar: uri(other.ID)}), want(1)},
		"of another account": {of(Filter{Calendar: calendar.URI{Provider: "local", Account: "you", Calendar: "Work"}}), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	for id, want := range map[string]string{w.work.ID: ids[24], other.ID: ids[21]} {
		counted := &store.Counter{Table: w.Table}
		r, err := New(counted, w.Blobs).Newest(t.Context(), user, calendar.URI{Provider: "local", Account: "ME", Calendar: "whatever"}, id)
		must(t, err)
		if r.ID != want || counted.Requests() > 2 {
			t.Errorf("the newest one is %s, want %s; %d requests", r.ID, want, counted.Requests())
		}
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	w.backUp()
	w.backUp(days("2026-10-05", "2026-10-06"))
	must(t, w.Blobs.Put(t.Context(), folderOf("local#other", "1")+"x/"+manifestName, strings.NewReader("{}")))
	must(t, w.Blobs.Put(t.Context(), folderOf(user, "2")+"x/"+manifestName, strings.NewReader("{}"))) // of a run that died
	must(t, Erase(t.Context(), w.Table, w.Blobs, user))
	must(t, Erase(t.Context(), w.Table, w.Blobs, user))
	objects, err := w.Blobs.List(t.Context(), "")
	must(t, err)
	if !slices.EqualFunc(objects, []string{folderOf("local#other", "1") + "x/" + manifestName}, func(o blob.Object, key string) bool { return o.Key == key }) {
		t.Errorf("left are %+v", objects)
	}
	if records, err := w.backups().all(t.Context(), user); err != nil || len(records) != 0 {
		t.Errorf("%+v, %v", records, err)
	}
}

// TestABackupThatGoesMeanwhileIsNotDamaged deletes a backup before each of the files is read.
func TestABackupThatGoesMeanwhileIsNotDamaged(t *testing.T) {
	for n := range Formats {
		w := newWorld(t)
		w.imports(sample)
		r, _ := w.backUp()
		reads := 0
		blobs := before{w.Blobs, func(key string) {
			if strings.HasSuffix(key, manifestName) {
				return
			}
			if reads == n {
				must(t, w.backups().Delete(t.Context(), user, r.ID))
			}
			reads++
		}}
		report, err := New(w.Table, blobs).Verify(t.Context(), user, r.ID)
		if err == nil || fault.Of(err) != fault.NotFound || errors.Is(err, ErrDamaged) {
			t.Errorf("before file %d: %+v, %v", n, report, err)
		}
	}
}

// before is blob storage in which something happens before an object is read.
type before struct {
	blob.Blob
	get func(key string)
}

func (b before) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	b.get(key)
	return b.Blob.Get(ctx, key)
}

func TestABackupIsTheOneThatItsRunMade(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	r, result := w.backUp(func(r *run.Run) { r.Config = "c1" })
	c := w.open(r.ID)
	if c.Record.Manifest == "" || result.Manifest != c.Record.Manifest || ManifestOf(r) != c.Record.Manifest {
		t.Errorf("the record has the manifest %q, the run %q", c.Record.Manifest, result.Manifest)
	}
	if c.Manifest.LedgerHead != "head of c1" {
		t.Errorf("the manifest has the head %q", c.Manifest.LedgerHead)
	}
	recorded := func(change func(*Record), want string) string {
		t.Helper()
		changed := *c.Record
		change(&changed)
		problem, err := w.backups().Recorded(t.Context(), &changed, want)
		must(t, err)
		return problem
	}
	if problem := recorded(func(*Record) {}, result.Manifest); problem != "" {
		t.Errorf("as it was made: %s", problem)
	}
	if problem := recorded(func(*Record) {}, strings.Repeat("0", 64)); problem == "" {
		t.Error("of another run: no problem")
	}
	for name, change := range map[string]func(*Record){
		"job": func(r *Record) { r.Job = "x" }, "calendar": func(r *Record) { r.Calendar.Name = "Home" }, "from": func(r *Record) { r.From.Year = 2026 },
		"to": func(r *Record) { r.To.Year = 2026 }, "made": func(r *Record) { r.Made = r.Made.Add(time.Hour) },
		"counts": func(r *Record) { r.Counts.Events++ }, "bytes": func(r *Record) { r.Bytes++ }, "manifest": func(r *Record) { r.Manifest = "" },
	} {
		if problem := recorded(change, result.Manifest); problem == "" {
			t.Errorf("%s changed: no problem", name)
		}
	}

	elsewhere := *c.Record
	elsewhere.Attempt = ""
	_, err := w.Table.Put(t.Context(), *elsewhere.item(), store.Any())
	must(t, err)
	if problem := recorded(func(*Record) {}, result.Manifest); problem == "" {
		t.Error("without a place for its files: no problem")
	}
	_, err = w.Table.Put(t.Context(), *c.Record.item(), store.Any())
	must(t, err)

	key := c.key(manifestName)
	rewritten := *c.Manifest
	rewritten.Counts.Singles, rewritten.Counts.Events = rewritten.Counts.Singles+1, rewritten.Counts.Events+1
	data, digest, err := rewritten.encode()
	must(t, err)
	must(t, w.Blobs.Put(t.Context(), key, bytes.NewReader(data)))
	if _, err := w.backups().Open(t.Context(), user, r.ID); !errors.Is(err, ErrDamaged) {
		t.Errorf("a manifest that was rewritten: %v", err)
	}
	if report, err := w.backups().Verify(t.Context(), user, r.ID); err != nil || report.OK || report.Files[0].Name != manifestName {
		t.Errorf("a manifest that was rewritten: %+v, %v", report, err)
	}
	if problem := recorded(func(*Record) {}, result.Manifest); problem == "" {
		t.Error("a manifest that was rewritten: no problem")
	}
	if problem := recorded(func(r *Record) { r.Manifest, r.Counts = digest, rewritten.Counts }, result.Manifest); problem == "" {
		t.Error("a manifest that was rewritten with its record: no problem")
	}
	must(t, w.Blobs.Delete(t.Context(), key))
	if problem := recorded(func(*Record) {}, result.Manifest); problem == "" {
		t.Error("a manifest that is gone: no problem")
	}
}

// TestBackupsOfOneMailbox stores backups of a calendar of Outlook as its mailbox was named at the time.
func TestBackupsOfOneMailbox(t *testing.T) {
	w := newWorld(t)
	named := func(account string) calendar.URI {
		return calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: "primary"}
	}
	put := func(id, account, calendarID string, change func(*store.Item)) {
		t.Helper()
		r := &Record{ID: id, User: user}
		r.Calendar.URI, r.Calendar.ID = named(account), calendarID
		item := r.item()
		if change != nil {
			change(item)
		}
		_, err := w.Table.Put(t.Context(), *item, store.Absent())
		must(t, err)
	}
	former := func(account string) func(*store.Item) {
		return func(item *store.Item) { item.IndexPK = indexByName(user, named(account), "AAMk1") }
	}
	newest := func(account, want string) {
		t.Helper()
		if r, err := w.backups().Newest(t.Context(), user, named(account), "AAMk1"); err != nil || r.ID != want {
			t.Errorf("of %s: %+v, %v; want %s", account, r, err, want)
		}
	}
	put("01", "me@example.com", "AAMk1", former("me@example.com"))
	newest("ME@example.com", "01")
	if _, err := w.backups().Newest(t.Context(), user, named("me"), "AAMk1"); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	put("03", "me", "AAMk1", nil)
	put("04", "me", "AAMk2", nil)
	for _, account := range []string{"me", "me@example.com", "another"} {
		newest(account, "03")
	}
	put("05", "me@example.com", "AAMk1", former("me@example.com"))
	newest("me@example.com", "05")
	newest("me", "03")
}
