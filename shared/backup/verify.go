package backup

import (
	"context"
	"errors"
	"io"
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
