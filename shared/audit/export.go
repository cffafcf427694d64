package audit

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/spreadsheet"
)

// Format of an export.
type Format string

const (
	// CSV is RFC 4180 in UTF-8, with a header and CRLF. Details are one cell of JSON. Cells are as spreadsheet.Cell makes them.
	CSV Format = "csv"
	// JSON is an array of records, each on a line of its own, with all that is needed to compute the chain again.
	JSON Format = "json"
)

// ContentType is the format's media type.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/json"
}

// Export writes the records that fit the filter, the oldest first, up to the one that is the newest when it begins. It holds one page of
// them in memory at a time. After an error what was written is incomplete, and a CSV file does not show it: a server has to cut
// the connection then. An unknown format, or what is wrong with the filter, is of kind fault.Invalid, and nothing is written.
func (l *Log) Export(ctx context.Context, user string, filter Filter, format Format, w io.Writer) error {
	filter, err := filter.normal()
	if err != nil {
		return err
	}
	var out writer
	switch format {
	case CSV:
		out = newCSV(w)
	case JSON:
		out = &jsonArray{w: bufio.NewWriter(w)}
	default:
		return fault.Field("format", "must be csv or json, not %q", string(format))
	}
	newest, err := l.head(ctx, user)
	if err != nil {
		return err
	}
	q := filter.query(user)
	if newest != nil && newest.Seq > 0 {
		q.To = min(q.To, newest.ID+" ") // that one included
	}
	q.Limit = readAtOnce
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		for i := range page.Items {
			r := read(&page.Items[i])
			if !filter.matches(&r) {
				continue
			}
			if err := out.record(&r); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if err := out.end(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// writer writes an export.
type writer interface {
	record(*Record) error
	end() error
}

type jsonArray struct {
	w     *bufio.Writer
	begun bool
}

func (a *jsonArray) record(r *Record) error {
	before := ",\n"
	if !a.begun {
		a.begun, before = true, "[\n"
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, _ = a.w.WriteString(before) // an error of bufio stays
	_, err = a.w.Write(data)
	return err
}

func (a *jsonArray) end() error {
	last := "\n]\n"
	if !a.begun {
		last = "[]\n"
	}
	_, _ = a.w.WriteString(last)
	return a.w.Flush()
}

var csvHeader = []string{
	"seq", "id", "time", "user", "actor", "action", "resource_kind", "resource_id", "outcome", "fault", "begun", "duration_ms", "correlation_id", "details",
	"name", "ip", "user_agent", "prev", "hash",
}

type csvTable struct{ w *csv.Writer }

func newCSV(w io.Writer) csvTable {
	t := csvTable{csv.NewWriter(w)}
	t.w.UseCRLF = true
	_ = t.w.Write(csvHeader) // into a buffer; its errors stay until the end
	return t
}

func (t csvTable) record(r *Record) error {
	ip, details := "", ""
	if r.Personal.IP.IsValid() {
		ip = r.Personal.IP.String()
	}
	if len(r.Details) > 0 {
		details = string(mustJSON(r.Details))
	}
	cells := []string{
		strconv.Itoa(r.Seq), r.ID, r.Time.Format(time.RFC3339Nano), r.User, r.Actor, string(r.Action), r.Resource.Kind, r.Resource.ID,
		string(r.Outcome), r.Fault, r.Begun, strconv.FormatInt(r.Duration, 10), r.Correlation, details, r.Personal.Name, ip, r.Personal.UserAgent, r.Prev, r.Hash,
	}
	for i := range cells {
		cells[i] = spreadsheet.Cell(cells[i])
	}
	return t.w.Write(cells)
}

func (t csvTable) end() error {
	t.w.Flush()
	return t.w.Error()
}
