package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Report is what became of proving a backup again.
type Report struct {
	OK    bool
	Files []FileReport
}

// FileReport is what became of one file.
type FileReport struct {
	Name    string
	Problem string // empty: the file is what the manifest says
}

// Verify reads all files of a backup, computes everything that the manifest says of them anew, and compares. One that is not there is of kind
// fault.NotFound; other errors mean that it could not be found out.
func (b *Backups) Verify(ctx context.Context, user, id string) (Report, error) {
	c, err := b.Open(ctx, user, id)
	if errors.Is(err, ErrDamaged) {
		return Report{Files: []FileReport{{Name: manifestName, Problem: err.Error()}}}, nil
	}
	if err != nil {
		return Report{}, err
	}
	report := Report{OK: true}
	for _, format := range Formats {
		f := FileReport{Name: fileNames[format]}
		if err := c.verify(ctx, format); errors.Is(err, ErrDamaged) {
			f.Problem, report.OK = err.Error(), false
		} else if err != nil {
			return Report{}, err
		}
		report.Files = append(report.Files, f)
	}
	return report, nil
}

func (c *Content) verify(ctx context.Context, format Format) error {
	if format == JSONL {
		return c.Each(ctx, nil)
	}
	return c.read(ctx, c.Manifest.File(format), func(r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
}

// Recorded says in what a backup is not what was recorded of it when it was made; empty: in nothing. want is the digest of the manifest that its
// run reported. It reads the manifest and no file.
func (b *Backups) Recorded(ctx context.Context, r *Record, want string) (problem string, err error) {
	if r.Manifest != want {
		return "is not the one that its run made", nil
	}
	if r.Going { // what is left of it goes, too
		return "", nil
	}
	c, err := b.Open(ctx, r.User, r.ID)
	switch {
	case errors.Is(err, ErrDamaged):
		return "has a manifest that is not the one which was recorded", nil
	case fault.Of(err) == fault.NotFound && err != nil:
		if _, err := b.Get(ctx, r.User, r.ID); fault.Of(err) == fault.NotFound && err != nil { // it went meanwhile
			return "", nil
		}
		return "has lost its manifest", nil
	case fault.Of(err) == fault.Invalid && err != nil: // its record names a place where nothing can be
		return "does not say where its files are", nil
	case err != nil:
		return "", err
	}
	m := c.Manifest
	var window Window
	if m.Window != nil {
		window = *m.Window
	}
	if r.Calendar != m.Calendar || r.From != window.From || r.To != window.To || !r.Made.Equal(m.Made) || r.Counts != m.Counts || r.Bytes != m.bytes() ||
		r.Job != m.Job {
		return "says other things of itself than its manifest", nil
	}
	return "", nil
}

// Each shows all backups of a user, those that are being deleted too. One that is unreadable is shown with its id and nothing else.
func (b *Backups) Each(ctx context.Context, user string, each func(*Record) error) error {
	items, err := store.All(ctx, b.table, store.Query{PK: store.UserPartition(user), Prefix: recordPrefix})
	if err != nil {
		return fmt.Errorf("list backups: %w", err)
	}
	for i := range items {
		r, err := readRecord(items[i])
		if err != nil || r.User != user || items[i].Key != recordKey(user, r.ID) {
			r = &Record{ID: strings.TrimPrefix(items[i].SK, recordPrefix), User: user}
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
