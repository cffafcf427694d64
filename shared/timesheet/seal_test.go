package timesheet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/store"
	"adminassistant/shared/timesheet"
)

// blobOf is what blob storage has of a locked sheet: its lines (""), or its file (".file").
func (w *world) blobOf(r *timesheet.Record, what string) (key string, content []byte) {
	w.t.Helper()
	key = "timesheets/" + r.Config + "/" + r.ID + "/" + strings.TrimPrefix(r.Hash, "sha256:") + what
	from, err := w.Blobs.Get(w.t.Context(), key)
	must(w.t, err)
	defer from.Close()
	content, err = io.ReadAll(from)
	must(w.t, err)
	return key, content
}

// edit changes a text in a stored item of the user's.
func (w *world) edit(sk, from, to string) {
	w.t.Helper()
	item, err := w.table.Get(w.t.Context(), store.OfUser(ann, sk))
	must(w.t, err)
	if !bytes.Contains(item.Data, []byte(from)) {
		w.t.Fatalf("%s has no %s: %s", sk, from, item.Data)
	}
	item.Data = bytes.ReplaceAll(item.Data, []byte(from), []byte(to))
	_, err = w.table.Put(w.t.Context(), store.Item{Key: item.Key, Data: item.Data}, store.Any())
	must(w.t, err)
}

// TestNothingIsSignedThatIsNotWhatWasLocked has somebody who can write the table and the bucket, and has no key.
func TestNothingIsSignedThatIsNotWhatWasLocked(t *testing.T) {
	for name, change := range map[string]func(w *world, r, other *timesheet.Record){
		"the address of who is paid": func(w *world, r, _ *timesheet.Record) { w.edit("SHEET#"+r.ID, `"Name":"Ann"`, `"Name":"Eve"`) },
		"the rounding in words":      func(w *world, r, _ *timesheet.Record) { w.edit("SHEET#"+r.ID, `"increment":15`, `"increment":30`) },
		"the order number":           func(w *world, r, _ *timesheet.Record) { w.edit("SHEET#"+r.ID, `4711`, `4712`) },
		"the time zone":              func(w *world, r, _ *timesheet.Record) { w.edit("SHEET#"+r.ID, `Europe/Berlin`, `Europe/Athens`) },
		"the link":                   func(w *world, r, _ *timesheet.Record) { w.edit("SHEET#"+r.ID, `"link":2`, `"link":3`) },
		"a byte of the file": func(w *world, r, _ *timesheet.Record) {
			key, content := w.blobOf(r, ".file")
			content[len(content)/2] ^= 1
			must(w.t, w.Blobs.Put(w.t.Context(), key, bytes.NewReader(content)))
		},
		"the file is cut": func(w *world, r, _ *timesheet.Record) {
			key, content := w.blobOf(r, ".file")
			must(w.t, w.Blobs.Put(w.t.Context(), key, bytes.NewReader(content[:len(content)-1])))
		},
		"the file of another sheet": func(w *world, r, other *timesheet.Record) {
			key, _ := w.blobOf(r, ".file")
			_, content := w.blobOf(other, ".file")
			must(w.t, w.Blobs.Put(w.t.Context(), key, bytes.NewReader(content)))
		},
		"a file with another key": func(w *world, r, _ *timesheet.Record) {
			other := newWorld(w.t)
			other.archive(entry("a", 1, "2026-10-05 09:00", 50))
			_, content := other.blobOf(other.locked(october), ".file")
			key, _ := w.blobOf(r, ".file")
			must(w.t, w.Blobs.Put(w.t.Context(), key, bytes.NewReader(content)))
		},
	} {
		w := newWorld(t)
		w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("n", 1, "2026-11-05 09:00", 50))
		r := w.locked(october)
		other := w.locked(november)
		change(w, r, other)
		for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
			if _, err := w.Export(t.Context(), ann, r.ID, format, timesheet.Xero{}); fault.Of(err) != fault.Malformed {
				t.Errorf("%s, %s: got %v", name, format, err)
			}
		}
		if _, err := w.Export(t.Context(), ann, other.ID, timesheet.PDF, timesheet.Xero{}); err != nil {
			t.Errorf("%s: the other sheet: %v", name, err)
		}
	}
}

// TestSheetsThatSayTheSameAreSealedEachByItsOwnLink locks those of two customers without a line, whose hashes are equal.
func TestSheetsThatSayTheSameAreSealedEachByItsOwnLink(t *testing.T) {
	w := newWorld(t)
	for i, customer := range []string{"Xavier", "Yolanda"} {
		id := w.create(customer, october).Record.ID
		must(t, discard(w.Approve(t.Context(), ann, id, "nothing was done")))
		r, err := w.Lock(t.Context(), ann, id)
		must(t, err)
		for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
			file, err := w.Export(t.Context(), ann, id, format, timesheet.Xero{})
			must(t, err)
			v, err := timesheet.Verify(file.Content, "")
			must(t, err)
			if v.Link != r.Link || v.Link != i+1 || v.ID != id {
				t.Errorf("%s: link %d of sheet %s, want %d of %s", customer, v.Link, v.ID, r.Link, id)
			}
		}
	}
}

func TestAnInvoiceOfALockedSheetChangesNothingThatIsSealed(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	must(t, discard(w.Invoice(t.Context(), ann, r.ID, "INV-7")))
	for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
		file, err := w.Export(t.Context(), ann, r.ID, format, timesheet.Xero{})
		must(t, err)
		must(t, discard(timesheet.Verify(file.Content, "")))
	}
}

// TestAFileThatCouldNotBeMadeAtTheLockIsMadeWhenItIsAskedFor has blob storage out of order for a while.
func TestAFileThatCouldNotBeMadeAtTheLockIsMadeWhenItIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	key, first := w.blobOf(r, ".file")
	must(t, w.Blobs.Delete(t.Context(), key))
	file, err := w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	if _, kept := w.blobOf(r, ".file"); !bytes.Equal(kept, file.Content) || !bytes.Equal(first, kept) {
		t.Error("it is another file")
	}
}

func TestLinesThatWereChangedBetweenApprovalAndLockAreNotLocked(t *testing.T) {
	for name, change := range map[string]func(s *timesheet.Sheet){
		"nothing":   func(*timesheet.Sheet) {},
		"a subject": func(s *timesheet.Sheet) { s.Lines[0].Subject = "another" },
		"more hours": func(s *timesheet.Sheet) {
			s.Positions[0].Billed += 3600
			s.Billed += 3600
			s.Positions[0].Amount, s.Totals[0].Amount = "240.00", "240.00"
		},
		"another key": func(s *timesheet.Sheet) { s.Lines[0].Key = "b" },
	} {
		w := newWorld(t)
		w.archive(entry("a", 1, "2026-10-05 09:00", 50))
		id := w.create("Acme", october).Record.ID
		r, err := w.Approve(t.Context(), ann, id, "")
		must(t, err)
		_, content := w.blobOf(r, "")
		var frozen struct {
			Sheet    timesheet.Sheet  `json:"sheet"`
			Places   []ledger.Version `json:"places"`
			Rounding json.RawMessage  `json:"rounding"`
		}
		must(t, json.Unmarshal(content, &frozen))
		change(&frozen.Sheet)
		content, err = json.Marshal(frozen)
		must(t, err)
		hash := frozen.Sheet.Hash()
		w.edit("SHEET#"+id, r.Hash, hash)
		w.edit("SHEETS#work", r.Hash, hash)
		r.Hash = hash
		must(t, w.Blobs.Put(t.Context(), "timesheets/work/"+id+"/"+strings.TrimPrefix(hash, "sha256:"), bytes.NewReader(content)))
		if _, err = w.Lock(t.Context(), ann, id); name == "nothing" {
			must(t, err)
			continue
		}
		w.refused(err, fault.Malformed, "not what the ledger has")
		if r, err := w.Get(t.Context(), ann, id); err != nil || r.State != timesheet.Approved {
			t.Errorf("%s: half done: %+v, %v", name, r, err)
		}
	}
}

// fileForm are the members of a sheet's file.
type fileForm struct {
	Format   string          `json:"format"`
	ID       string          `json:"id"`
	State    timesheet.State `json:"state"`
	Timezone string          `json:"timezone"`
	Made     time.Time       `json:"made"`
	Paper    timesheet.Paper `json:"paper"`
	Sheet    timesheet.Sheet `json:"sheet"`
	Proof    *proof.Proof    `json:"proof,omitempty"`
	Other    string          `json:"other,omitempty"` // no member of a file
}

// forged is the file of a sheet that a program made which has the key, and other ideas of what is true: before the ledger locks the sheet, and before it is
// signed, it is changed.
func (w *world) forged(file []byte, before, after func(f *fileForm)) []byte {
	w.t.Helper()
	var f fileForm
	must(w.t, json.Unmarshal(file, &f))
	before(&f)
	head, err := w.Ledger.Head(w.t.Context(), "work")
	must(w.t, err)
	must(w.t, w.Ledger.LockSheet(w.t.Context(), "work", &head, []string{"Nobody"}, ledger.Days{From: f.Sheet.Period.From, To: f.Sheet.Period.To},
		ledger.Ending{Run: f.ID, Sheet: f.Sheet.Hash(), Time: now}, func(*ledger.Sealing) ([]store.Op, error) { return nil, nil }))
	window, err := calendar.NewWindow(f.Sheet.Period.From, f.Sheet.Period.To, berlin)
	must(w.t, err)
	entries, err := w.Ledger.AsOf(w.t.Context(), "work", ledger.Span{From: window.Start(), To: window.End()}, time.Time{})
	must(w.t, err)
	key, err := w.Signing.Key(w.t.Context())
	must(w.t, err)
	head, err = w.Ledger.Head(w.t.Context(), "work")
	must(w.t, err)
	f.Proof, _, err = proof.ProveSheet(w.t.Context(), w.Ledger, key, "work", f.Sheet.Hash(), head.Seq, entries)
	must(w.t, err)
	after(&f)
	text, err := json.Marshal(f)
	must(w.t, err)
	text = text[:len(text)-1]
	sum := sha256.Sum256(text)
	signed, err := key.Sign(w.t.Context(), "admin-assistant/timesheet-file\n"+hex.EncodeToString(sum[:])+"\n")
	must(w.t, err)
	return fmt.Appendf(text, ",\"seal\":%s}\n", must2(json.Marshal(signed)))
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestASignatureIsNotEnoughForASheetToHold(t *testing.T) {
	w := newWorld(t)
	private := entry("p", 1, "2026-10-07 09:00", 50)
	private.Appointment.Sensitivity = calendar.Private
	w.archive(entry("a", 1, "2026-10-05 12:00", 50), private)
	r := w.locked(october)
	file, err := w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	nothing := func(*fileForm) {}
	if v, err := timesheet.Verify(w.forged(file.Content, nothing, nothing), ""); err != nil || v.Lines != 1 {
		t.Fatalf("got %+v, %v", v, err)
	}
	v, err := timesheet.Verify(file.Content, "")
	must(t, err)
	key := must2(w.Signing.Key(t.Context())).Public()
	name, _, _ := strings.Cut(key, "+")
	want := timesheet.Verified{ID: r.ID, Period: october, Totals: []timesheet.Total{{Currency: "EUR", Amount: "120.00"}}, Hash: r.Hash, Lines: 1,
		Link: r.Link, Links: 2, Signer: name, Key: key, Sealed: now, Ledger: ledger.Origin("work")}
	if diff := cmp.Diff(want, *v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var form fileForm
	must(t, json.Unmarshal(file.Content, &form))
	if form.ID != r.ID || !form.Made.Equal(now) || form.Timezone != "Europe/Berlin" || form.State != timesheet.Final || form.Paper.OrderNumber != "4711" {
		t.Errorf("the file says %+v", form)
	}
	for name, c := range map[string]struct {
		before, after func(f *fileForm)
		kind          fault.Kind
		says          string
	}{
		"another subject":          {func(f *fileForm) { f.Sheet.Lines[0].Subject = "another" }, nothing, fault.Malformed, "another subject"},
		"an entry that is private": {func(f *fileForm) { f.Sheet.Lines[0].Key = "p" }, nothing, fault.Malformed, "no entry that is proven"},
		"another version":          {func(f *fileForm) { f.Sheet.Lines[0].Version = 2 }, nothing, fault.Malformed, "no entry that is proven"},
		"more is billed": {func(f *fileForm) {
			f.Sheet.Positions[0].Billed += 3600
			f.Sheet.Billed += 3600
			f.Sheet.Positions[0].Amount, f.Sheet.Totals[0].Amount = "240.00", "240.00"
		}, nothing, fault.Malformed, "the time of its lines"},
		"another sheet than that of the link": {nothing, func(f *fileForm) { f.Sheet.Worked++ }, fault.Malformed, "no link of the ledger"},
		"another rounding than it says":       {nothing, func(f *fileForm) { f.Paper.Rounding[0].Increment = 6 }, fault.Malformed, "another time"},
		"a time zone that is none":            {nothing, func(f *fileForm) { f.Timezone = "Mars/Olympus" }, fault.Malformed, "time zone"},
		"a time zone with another day":        {nothing, func(f *fileForm) { f.Timezone = "Pacific/Kiritimati" }, fault.Malformed, "another day"},
		"only approved":                       {nothing, func(f *fileForm) { f.State = timesheet.Approved }, fault.Malformed, "it is approved"},
		"no proof":                            {nothing, func(f *fileForm) { f.Proof = nil }, fault.Malformed, "nothing vouches"},
		"no links":                            {nothing, func(f *fileForm) { f.Proof.Links = nil }, fault.Malformed, "which the proof does not have"},
		"no entries":                          {nothing, func(f *fileForm) { f.Proof.Entries = nil }, fault.Malformed, "no entry that is proven"},
		"a member that nobody knows":          {nothing, func(f *fileForm) { f.Other = "x" }, fault.Invalid, "as PDF or JSON"},
		"another format":                      {nothing, func(f *fileForm) { f.Format = "admin-assistant-timesheet/2" }, fault.Invalid, "its format is"},
	} {
		_, err := timesheet.Verify(w.forged(file.Content, c.before, c.after), "")
		if fault.Of(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// broken is blob storage that is out of order.
type broken struct {
	blob.Blob
	get, put bool
}

var errBroken = errors.New("out of order")

func (b *broken) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if b.get && strings.HasSuffix(key, ".file") {
		return nil, errBroken
	}
	return b.Blob.Get(ctx, key)
}

func (b *broken) Put(ctx context.Context, key string, content io.Reader) error {
	if b.put {
		return errBroken
	}
	return b.Blob.Put(ctx, key, content)
}

func TestAFileIsNotHandedOutThatCannotBeKept(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	must(t, discard(w.Approve(t.Context(), ann, id, "")))
	blobs := w.Blobs
	w.Blobs = &broken{blobs, false, true}
	if r, err := w.Lock(t.Context(), ann, id); err != nil || r.State != timesheet.Final {
		t.Fatalf("the lock needs no file: %+v, %v", r, err)
	}
	for _, b := range []*broken{{blobs, false, true}, {blobs, true, false}} {
		w.Blobs = b
		for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
			if _, err := w.Export(t.Context(), ann, id, format, timesheet.Xero{}); !errors.Is(err, errBroken) {
				t.Errorf("%+v, %s: got %v", b, format, err)
			}
		}
	}
	w.Blobs = blobs
	must(t, discard(w.Export(t.Context(), ann, id, timesheet.PDF, timesheet.Xero{})))
}

func TestNoFileIsMadeOfEntriesThatTheChainDoesNotHave(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	key, _ := w.blobOf(r, ".file")
	must(t, w.Blobs.Delete(t.Context(), key))
	items, err := store.All(t.Context(), w.table, store.Query{PK: "LEDGER#work"})
	must(t, err)
	changed := 0
	for _, item := range items {
		if !bytes.Contains(item.Data, []byte(`"id":"id-a"`)) {
			continue
		}
		changed++
		item.Data = bytes.Replace(item.Data, []byte(`"id":"id-a"`), []byte(`"id":"id-b"`), 1)
		must(t, discard(w.table.Put(t.Context(), store.Item{Key: item.Key, Data: item.Data, IndexPK: item.IndexPK, IndexSK: item.IndexSK}, store.Any())))
	}
	_, err = w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	if changed != 1 {
		t.Fatalf("%d entries were changed", changed)
	}
	w.refused(err, fault.Malformed, "1 entries of timesheet "+r.ID)
}

func TestAFileHasTextsAsTheyAre(t *testing.T) {
	w := newWorld(t)
	e := entry("a", 1, "2026-10-05 09:00", 50)
	e.Appointment.Subject = "R&D <b>\u2028 \"quoted\" \x00"
	w.archive(e)
	r := w.locked(october)
	file, err := w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	if v, err := timesheet.Verify(file.Content, ""); err != nil || !bytes.Contains(file.Content, []byte(`"subject":"R&D <b>`)) {
		t.Errorf("%+v, %v: %s", v, err, file.Content)
	}
}

func TestWhatIsAttachedToAPDFIsReadWithinIt(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	file, err := w.Export(t.Context(), ann, r.ID, timesheet.PDF, timesheet.Xero{})
	must(t, err)
	found := regexp.MustCompile(`/Type /EmbeddedFile /Length (\d+) [^\n]*>>\s+stream\n`).FindSubmatchIndex(file.Content)
	with := func(from, to int, text string) []byte {
		return append(append(bytes.Clone(file.Content[:from]), text...), file.Content[to:]...)
	}
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"longer than the file":     {with(found[2], found[3], "99999999"), "cut off"},
		"longer than any":          {with(found[2], found[3], "99999999999999999999"), "cut off"},
		"shorter than it is":       {with(found[2], found[3], "20"), "unreadable"},
		"nothing":                  {with(found[2], found[3], "0"), "unreadable"},
		"no stream of zlib":        {with(found[1], found[1]+2, "xx"), "unreadable"},
		"nothing is attached":      {with(found[0], found[0]+1, "x"), "nothing is attached"},
		"as it is":                 {file.Content, ""},
		"a seal that is no base64": {append(bytes.Clone(file.Content[:len(file.Content)-2]), "!\n"...), "seal is unreadable"},
	} {
		_, err := timesheet.Verify(c.file, "")
		if (c.says == "") != (err == nil) || err != nil && (fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
}

// TestASealHasOneSignature: a note may have signatures of others behind the one that is checked, which nobody checks.
func TestASealHasOneSignature(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	key, err := w.Signing.Key(t.Context())
	must(t, err)
	name, _, _ := strings.Cut(key.Public(), "+")
	file, err := w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	pdf, err := w.Export(t.Context(), ann, r.ID, timesheet.PDF, timesheet.Xero{})
	must(t, err)
	var f struct {
		Seal string `json:"seal"`
	}
	must(t, json.Unmarshal(file.Content, &f))
	lines := strings.Split(f.Seal, "\n")
	at := bytes.LastIndex(pdf.Content, []byte(" ")) + 1
	pdfSeal := string(must2(base64.StdEncoding.DecodeString(string(pdf.Content[at : len(pdf.Content)-1]))))
	for _, more := range []string{lines[len(lines)-2] + "\n", "— somebody AAAAAAAAAA==\n", "— " + name + " AAAAAAAAAA==\n"} {
		changed := bytes.Replace(file.Content, must2(json.Marshal(f.Seal)), must2(json.Marshal(f.Seal+more)), 1)
		if _, err := timesheet.Verify(changed, ""); bytes.Equal(changed, file.Content) || fault.Of(err) != fault.Malformed {
			t.Errorf("%q behind the seal: %v", more, err)
		}
		changed = append(bytes.Clone(pdf.Content[:at]), base64.StdEncoding.EncodeToString([]byte(pdfSeal+more))+"\n"...)
		if _, err := timesheet.Verify(changed, ""); fault.Of(err) != fault.Malformed {
			t.Errorf("%q behind the seal of the PDF: %v", more, err)
		}
	}
}
