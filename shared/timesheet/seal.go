package timesheet

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/signing"
)

// FileFormat is what a sheet's file says that it is. It stands also for the rules by which its sums are made, see Sheet.wrong: other rules need another
// name, or sheets that were locked by these would hold no longer.
const FileFormat = "admin-assistant-timesheet/1"

// file is a sheet with what proves it. Its last member, the seal, is a signed note of the SHA-256 of all bytes before it.
type file struct {
	Format   string       `json:"format"`
	ID       string       `json:"id"`
	State    State        `json:"state"`
	Timezone string       `json:"timezone"`
	Made     time.Time    `json:"made"`
	Paper    Paper        `json:"paper"`
	Sheet    Sheet        `json:"sheet"`
	Proof    *proof.Proof `json:"proof,omitempty"`
	Seal     string       `json:"seal,omitempty"`
}

// sealText is what is signed of a file's bytes.
func sealText(kind string, content []byte) string {
	sum := sha256.Sum256(content)
	return "admin-assistant/timesheet-" + kind + "\n" + hex.EncodeToString(sum[:]) + "\n"
}

const sealMember = `,"seal":`

// File is the sheet's own form: the canonical sheet with what it says beside its lines and, of a locked one, what proves it. That one is made once,
// so that it is the same to the byte whenever it is asked for. Lines that are not what was approved, and a file that is not what the record says, are of
// kind fault.Malformed.
func (s *Sheets) File(ctx context.Context, r *Record, d *Document) ([]byte, error) {
	f := file{
		Format: FileFormat, ID: r.ID, State: r.State, Timezone: r.Zone, Made: r.Made, Sheet: *d.Sheet,
		Paper: Paper{d.From, d.To, d.Locale, d.BuyerReference, d.OrderNumber, d.Rounding},
	}
	if r.State != Final {
		return append(encodeFile(&f), '\n'), nil
	}
	kept, err := s.Blobs.Get(ctx, fileKey(r))
	switch {
	case err == nil:
		defer kept.Close()
		data, err := io.ReadAll(kept)
		if err != nil {
			return nil, fmt.Errorf("read the file of timesheet %s: %w", r.ID, err)
		}
		if err := s.still(ctx, r, &f, data); err != nil {
			return nil, err
		}
		return data, nil
	case !errors.Is(err, blob.ErrNotFound):
		return nil, fmt.Errorf("read the file of timesheet %s: %w", r.ID, err)
	}
	data, err := s.seal(ctx, r, &f)
	if err != nil {
		return nil, err
	}
	if err := s.Blobs.Put(ctx, fileKey(r), bytes.NewReader(data)); err != nil {
		return nil, fmt.Errorf("store the file of timesheet %s: %w", r.ID, err)
	}
	return data, nil
}

// still says whether a file that was made before holds, and says what the sheet says now. One that does not is of kind fault.Malformed.
func (s *Sheets) still(ctx context.Context, r *Record, now *file, data []byte) error {
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return err
	}
	before, v, err := readFile(data, key.Public())
	if err != nil {
		return fault.New(fault.Malformed, "the file of timesheet %s was changed where it lies: %v", r.ID, err)
	}
	before.Proof, before.Seal = nil, ""
	if v.Link != r.Link || !bytes.Equal(encodeFile(before), encodeFile(now)) {
		return fault.New(fault.Malformed, "timesheet %s is not what was sealed: its record was changed since, or another file lies in its place", r.ID)
	}
	return nil
}

func fileKey(r *Record) string { return blobKey(r, r.Hash) + ".file" }

// seal makes the file of a locked sheet.
func (s *Sheets) seal(ctx context.Context, r *Record, f *file) ([]byte, error) {
	frozen, err := s.frozen(ctx, r, r.Hash)
	if err != nil {
		return nil, err
	}
	entries, err := s.Ledger.Pick(ctx, r.Config, frozen.Places)
	if err != nil {
		return nil, err
	}
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return nil, err
	}
	doc, unsealed, err := proof.ProveSheet(ctx, s.Ledger, key, r.Config, r.Hash, r.Link, entries)
	if err != nil {
		return nil, err
	}
	if unsealed > 0 {
		return nil, fault.New(fault.Malformed, "%d entries of timesheet %s are not in the ledger's chain; verify the ledger", unsealed, r.ID)
	}
	f.Proof = doc
	text := encodeFile(f)
	text = text[:len(text)-1] // without its brace
	signed, err := key.Sign(ctx, sealText("file", text))
	if err != nil {
		return nil, fmt.Errorf("seal the timesheet: %w", err)
	}
	seal, err := json.Marshal(signed)
	if err != nil {
		return nil, fmt.Errorf("seal the timesheet: %w", err)
	}
	return append(append(append(text, sealMember...), seal...), "}\n"...), nil
}

func encodeFile(f *file) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		panic(fmt.Sprintf("timesheet: a file does not encode: %v", err)) // plain data
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// pdfSeal is the comment behind the end of a PDF that has the seal over all bytes before it.
const pdfSeal = "\n%admin-assistant-seal "

// SealPDF adds the seal to the PDF of a locked sheet.
func (s *Sheets) SealPDF(ctx context.Context, pdf []byte) ([]byte, error) {
	key, err := s.Signing.Key(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := key.Sign(ctx, sealText("pdf", pdf))
	if err != nil {
		return nil, fmt.Errorf("seal the timesheet: %w", err)
	}
	return append(append(bytes.Clone(pdf), pdfSeal...), base64.StdEncoding.EncodeToString([]byte(signed))+"\n"...), nil
}

// Verified is what a sheet's file proves.
type Verified struct {
	ID      string    `json:"id"`
	Period  Period    `json:"period"`
	Totals  []Total   `json:"totals"`
	Hash    string    `json:"hash"`
	Lines   int       `json:"lines"`
	Link    int       `json:"link"`   // of the ledger's chain
	Links   int       `json:"links"`  // that the chain had when its head was signed
	Signer  string    `json:"signer"` // name and hash of the key that signed
	Key     string    `json:"key"`
	Sealed  time.Time `json:"sealed,omitzero"` // when the last of the entries was sealed
	Ledger  string    `json:"ledger"`
	FromPDF bool      `json:"from_pdf"`
}

// MaxFile is the largest file that Verify takes.
const MaxFile = 128 << 20

// Verify checks the file of a locked sheet, JSON or PDF, by itself. Key is the public key that the reader trusts; empty: that of the file. What does
// not hold is of kind fault.Malformed and says why; what is no sheet is of kind fault.Invalid.
func Verify(data []byte, key string) (*Verified, error) {
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		_, v, err := readFile(data, key)
		return v, err
	}
	at := bytes.LastIndex(data, []byte(pdfSeal))
	if at < 0 {
		return nil, errNot("the PDF has no seal: it is of a sheet that is not locked, or its end is missing")
	}
	content, tail := data[:at], data[at+len(pdfSeal):]
	signed, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSuffix(tail, []byte("\n"))))
	if err != nil || base64.StdEncoding.EncodeToString(signed)+"\n" != string(tail) { // which takes line ends anywhere
		return nil, errNot("the PDF's seal is unreadable")
	}
	attached, err := attachment(content)
	if err != nil {
		return nil, err
	}
	_, v, err := readFile(attached, key)
	if err != nil {
		return nil, err
	}
	if !sealed(v.Key, string(signed), sealText("pdf", content)) {
		return nil, errNot("the PDF is not the one that was sealed")
	}
	v.FromPDF = true
	return v, nil
}

// sealed says whether a seal is the note of a text, signed with the key, and nothing else: a note may have signatures of others, which nobody checks here.
func sealed(key, seal, text string) bool {
	opened, err := signing.OpenWith(key, seal)
	return err == nil && opened == text && strings.Count(strings.TrimPrefix(seal, text), "\n") == 2 // an empty line, and the signature
}

func errNot(format string, args ...any) error {
	return fault.New(fault.Malformed, "THE TIMESHEET DOES NOT HOLD: %s", fmt.Sprintf(format, args...))
}

var embedded = regexp.MustCompile(`<< /Type /EmbeddedFile /Length (\d+) /Filter /FlateDecode [^\n]*>>\s+stream\n`)

// attachment takes the file out of a PDF of ours.
func attachment(pdf []byte) ([]byte, error) {
	at := embedded.FindSubmatchIndex(pdf)
	if at == nil {
		return nil, errNot("nothing is attached to the PDF that proves it")
	}
	size, err := strconv.Atoi(string(pdf[at[2]:at[3]]))
	if err != nil || size > len(pdf)-at[1] {
		return nil, errNot("what is attached to the PDF is cut off")
	}
	r, err := zlib.NewReader(bytes.NewReader(pdf[at[1] : at[1]+size]))
	if err != nil {
		return nil, errNot("what is attached to the PDF is unreadable")
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil || len(content) > MaxFile {
		return nil, errNot("what is attached to the PDF is unreadable")
	}
	return content, nil
}

// readFile reads a file, and checks it as Verify does.
func readFile(data []byte, key string) (*file, *Verified, error) {
	f := &file{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err == nil && f.Format != FileFormat {
		return nil, nil, fault.New(fault.Invalid, "this is no timesheet as \"timesheet export\" writes it: its format is %.40q", f.Format)
	} else if err != nil {
		return nil, nil, fault.New(fault.Invalid, "this is no timesheet as \"timesheet export\" writes it as PDF or JSON")
	}
	if f.State != Final || f.Proof == nil {
		return nil, nil, errNot("it is %.20s, and nothing vouches for it before it is locked", f.State)
	}
	at := bytes.LastIndex(data, []byte(sealMember))
	seal, err := json.Marshal(f.Seal)
	if err != nil || at < 0 || string(data[at:]) != sealMember+string(seal)+"}\n" {
		return nil, nil, errNot("its seal is not where it belongs")
	}
	checked, err := f.Proof.Check(key)
	if err != nil {
		return nil, nil, errNot("%v", err)
	}
	if !sealed(f.Proof.Key, f.Seal, sealText("file", data[:at])) {
		return nil, nil, errNot("it is not what was sealed")
	}
	v := &Verified{
		ID: f.ID, Period: f.Sheet.Period, Totals: f.Sheet.Totals, Hash: f.Sheet.Hash(), Lines: len(f.Sheet.Lines), Links: checked.Links, Signer: checked.Signer,
		Key: f.Proof.Key, Sealed: checked.To, Ledger: checked.Origin,
	}
	for seq, hash := range checked.Sheets {
		if hash == v.Hash {
			v.Link = seq
		}
	}
	if v.Link == 0 {
		return nil, nil, errNot("no link of the ledger has its hash, %s", v.Hash)
	}
	facts := make(map[string]*ledger.Facts, len(checked.Facts))
	for i := range checked.Facts {
		of := &checked.Facts[i]
		facts[lineName(of.Key, of.Version)] = of
	}
	zone, err := calendar.LoadZone(f.Timezone)
	if err != nil {
		return nil, nil, errNot("its time zone, %.80q, is none that is known", f.Timezone)
	}
	if problem := f.Sheet.untrue(facts, zone, f.Paper.Rounding); problem != "" {
		return nil, nil, errNot("%s", problem)
	}
	return f, v, nil
}
