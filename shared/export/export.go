// Package export writes all that is kept of a user into one file, a ZIP:
//
//	about.txt                    what is in the file, and what is not
//	records.jsonl                every record in the user's own part of the store, as it is stored
//	ledger/<config>.jsonl        every version of every entry, with all texts, the oldest first
//	ledger/<config>-head.txt     the signed head of the ledger, and the key that signs it
//	timesheets/<id>-<name>.json  a timesheet that was approved, with what proves it; and the same as .pdf
//	audit.json                   the audit log
package export

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"adminassistant/shared/audit"
	"adminassistant/shared/ledger"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
	"adminassistant/shared/timesheet"
)

// Exporter writes what there is of users.
type Exporter struct {
	Table   store.Table
	Ledger  *ledger.Ledger
	Sheets  *timesheet.Sheets
	Audit   *audit.Log
	Signing *signing.Installed
	// Configs are the ids of all archive configs of a user.
	Configs func(ctx context.Context, user string) ([]string, error)
	Clock   func() time.Time
}

// secretPrefix begins the keys of what is sealed for a user, which nobody is shown.
const secretPrefix = "SECRET#"

// about says what the file has. %s is when it was made.
const about = `All that Admin Assistant kept of you at %s.

records.jsonl       every record: settings, archive configs, jobs, customers, actions, decisions, timesheets, runs, backups
ledger/             every version of every appointment that was archived, and the signed head of each ledger
timesheets/         the timesheets that were approved, with what proves them: admin-assistant timesheet verify FILE
audit.json          what was done by you and for you

Not in it are the files of backups (admin-assistant backup download), local calendars (admin-assistant calendar export), files that you uploaded,
and tokens of Microsoft 365, which nobody is shown. What is in Outlook stays there.
`

// Write writes what is kept of a user. Errors are those of the stores.
func (x *Exporter) Write(ctx context.Context, user string, to io.Writer) error {
	z := zip.NewWriter(to)
	if err := x.text(z, "about.txt", fmt.Sprintf(about, x.Clock().UTC().Format(time.RFC3339))); err != nil {
		return err
	}
	sheets, err := x.records(ctx, z, user)
	if err != nil {
		return err
	}
	configs, err := x.Configs(ctx, user)
	if err != nil {
		return err
	}
	for _, config := range configs {
		if err := x.ledger(ctx, z, config); err != nil {
			return err
		}
	}
	for _, id := range sheets {
		if err := x.sheet(ctx, z, user, id); err != nil {
			return err
		}
	}
	w, err := x.file(z, "audit.json")
	if err != nil {
		return err
	}
	if err := x.Audit.Export(ctx, user, audit.Filter{}, audit.JSON, w); err != nil {
		return err
	}
	return z.Close()
}

// file begins a file.
func (x *Exporter) file(z *zip.Writer, name string) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.Clock().UTC()})
}

func (x *Exporter) text(z *zip.Writer, name, text string) error {
	w, err := x.file(z, name)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

// records writes the records of a user's own partition, and returns the ids of the timesheets among them.
func (x *Exporter) records(ctx context.Context, z *zip.Writer, user string) (sheets []string, err error) {
	w, err := x.file(z, "records.jsonl")
	if err != nil {
		return nil, err
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	q := store.Query{PK: store.UserPartition(user)}
	for {
		page, err := x.Table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the records: %w", err)
		}
		for _, item := range page.Items {
			if strings.HasPrefix(item.SK, secretPrefix) {
				continue
			}
			if id, ok := strings.CutPrefix(item.SK, timesheet.Prefix); ok {
				sheets = append(sheets, id)
			}
			record := struct {
				Key  string          `json:"key"`
				Data json.RawMessage `json:"data,omitempty"`
			}{Key: item.SK}
			if json.Valid(item.Data) {
				record.Data = item.Data
			}
			if err := lines.Encode(record); err != nil {
				return nil, err
			}
		}
		if page.Next == "" {
			return sheets, nil
		}
		q.Cursor = page.Next
	}
}

// ledger writes the ledger of a config.
func (x *Exporter) ledger(ctx context.Context, z *zip.Writer, config string) error {
	head, err := x.Ledger.Head(ctx, config)
	if err != nil {
		return err
	}
	if head.Seq == 0 && head.Open == "" {
		return nil
	}
	w, err := x.file(z, "ledger/"+config+".jsonl")
	if err != nil {
		return err
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	if err := x.Ledger.Walk(ctx, config, time.Time{}, time.Time{}, func(e *ledger.Entry) error {
		if err := x.Ledger.Load(ctx, e); err != nil {
			return err
		}
		return lines.Encode(e)
	}); err != nil {
		return err
	}
	key, err := x.Signing.Key(ctx)
	if err != nil {
		return err
	}
	return x.text(z, "ledger/"+config+"-head.txt", head.Checkpoint+"\n"+key.Public()+"\n")
}

// sheet writes the files of a timesheet that was approved.
func (x *Exporter) sheet(ctx context.Context, z *zip.Writer, user, id string) error {
	r, err := x.Sheets.Get(ctx, user, id)
	if err != nil {
		return err
	}
	if r.State == timesheet.Draft {
		return nil
	}
	for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
		f, err := x.Sheets.Export(ctx, user, id, format, timesheet.Xero{})
		if err != nil {
			return err
		}
		if err := x.text(z, "timesheets/"+id+"-"+f.Name, string(f.Content)); err != nil {
			return err
		}
	}
	return nil
}
