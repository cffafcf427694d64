package backup

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/spreadsheet"
	"adminassistant/shared/strictjson"
)

// zoneRow is the type of a row that explains a time zone: id is its name, body its definition.
const zoneRow = "timeZone"

// column is one column of a CSV file: how an event writes it, and reads it again.
type column struct {
	name  string
	write func(*calendar.Event) string
	read  func(*calendar.Event, string) error
}

func textColumn[T ~string](name string, of func(*calendar.Event) *T) column {
	return column{name, func(e *calendar.Event) string { return string(*of(e)) }, func(e *calendar.Event, s string) error {
		*of(e) = T(s)
		return nil
	}}
}

func boolColumn(name string, of func(*calendar.Event) *bool) column {
	return column{name, func(e *calendar.Event) string { return map[bool]string{true: "true"}[*of(e)] }, func(e *calendar.Event, s string) error {
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			*of(e) = true
		case "", "false", "no", "0":
			*of(e) = false
		default:
			return errors.New("must be true or empty")
		}
		return nil
	}}
}

func instantColumn(name string, of func(*calendar.Event) *time.Time) column {
	return column{name, func(e *calendar.Event) string {
		if of(e).IsZero() {
			return ""
		}
		return of(e).UTC().Format(time.RFC3339Nano)
	}, func(e *calendar.Event, s string) error {
		if s == "" {
			return nil
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return errors.New("must be an instant as in 2026-10-05T07:00:00Z")
		}
		*of(e) = t.UTC()
		return nil
	}}
}

// localColumn is a wall-clock time; what people write, as in "2026-10-05 09:00", is read too.
func localColumn(name string, of func(*calendar.Event) *string) column {
	return column{name, func(e *calendar.Event) string { return *of(e) }, func(e *calendar.Event, s string) error {
		*of(e) = s
		for form, whole := range map[string]string{
			time.DateOnly:      "2006-01-02T15:04:05",
			"2006-01-02 15:04": "2006-01-02T15:04:05",
			"2006-01-02T15:04": "2006-01-02T15:04:05",
			time.DateTime:      "2006-01-02T15:04:05",
		} {
			if t, err := time.Parse(form, s); err == nil {
				*of(e) = t.Format(whole)
				break
			}
		}
		return nil
	}}
}

func listColumn[T any](name string, of func(*calendar.Event) *[]T, write func(T) string, read func(string) T) column {
	return column{name, func(e *calendar.Event) string {
		items := make([]string, len(*of(e)))
		for i, v := range *of(e) {
			items[i] = listEscapes.Replace(write(v))
			if items[i] == "" {
				items[i] = `\-`
			}
		}
		return strings.Join(items, "\n")
	}, func(e *calendar.Event, s string) error {
		if s == "" {
			return nil
		}
		if strings.Count(s, "\n") > maxValues {
			return fmt.Errorf("has more than %d values", maxValues)
		}
		for item := range strings.SplitSeq(s, "\n") {
			*of(e) = append(*of(e), read(listUnescapes.Replace(item)))
		}
		return nil
	}}
}

// A list has an item on each line of its cell.
var (
	listEscapes   = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	listUnescapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\-`, "")
)

func own(s string) string { return s }

func writeDateTime(d calendar.DateTime) string { return strings.TrimSuffix(d.Local+" "+d.Zone, " ") }

func readDateTime(s string) (d calendar.DateTime) {
	d.Local, d.Zone, _ = strings.Cut(s, " ")
	return d
}

func recurrence(e *calendar.Event) *calendar.Recurrence {
	if e.Recurrence == nil {
		e.Recurrence = &calendar.Recurrence{}
	}
	return e.Recurrence
}

// ofSeries is a column of series alone.
func ofSeries(c column) column {
	write, read := c.write, c.read
	c.write = func(e *calendar.Event) string {
		if e.Recurrence == nil {
			return ""
		}
		return write(e)
	}
	c.read = func(e *calendar.Event, s string) error {
		if s == "" {
			return nil
		}
		return read(e, s)
	}
	return c
}

// columns are those of a CSV file, in their order.
var columns = []column{
	textColumn("type", func(e *calendar.Event) *calendar.Type { return &e.Type }),
	textColumn("id", func(e *calendar.Event) *string { return &e.ID }),
	textColumn("series_id", func(e *calendar.Event) *string { return &e.SeriesMasterID }),
	instantColumn("original_start", func(e *calendar.Event) *time.Time { return &e.OriginalStart }),
	textColumn("subject", func(e *calendar.Event) *string { return &e.Subject }),
	localColumn("start", func(e *calendar.Event) *string { return &e.Start.Local }),
	textColumn("start_zone", func(e *calendar.Event) *string { return &e.Start.Zone }),
	localColumn("end", func(e *calendar.Event) *string { return &e.End.Local }),
	textColumn("end_zone", func(e *calendar.Event) *string { return &e.End.Zone }),
	boolColumn("all_day", func(e *calendar.Event) *bool { return &e.AllDay }),
	textColumn("location", func(e *calendar.Event) *string { return &e.Location }),
	listColumn("categories", func(e *calendar.Event) *[]string { return &e.Categories }, own, own),
	textColumn("show_as", func(e *calendar.Event) *calendar.ShowAs { return &e.ShowAs }),
	textColumn("importance", func(e *calendar.Event) *calendar.Importance { return &e.Importance }),
	textColumn("sensitivity", func(e *calendar.Event) *calendar.Sensitivity { return &e.Sensitivity }),
	boolColumn("cancelled", func(e *calendar.Event) *bool { return &e.Cancelled }),
	textColumn("response", func(e *calendar.Event) *calendar.Response { return &e.Response }),
	boolColumn("is_organizer", func(e *calendar.Event) *bool { return &e.IsOrganizer }),
	textColumn("organizer_name", func(e *calendar.Event) *string { return &e.Organizer.Name }),
	textColumn("organizer_address", func(e *calendar.Event) *string { return &e.Organizer.Address }),
	{"attendees", func(e *calendar.Event) string {
		if len(e.Attendees) == 0 {
			return ""
		}
		text, err := json.Marshal(e.Attendees)
		if err != nil {
			panic(fmt.Sprintf("backup: %v", err)) // plain data
		}
		return string(text)
	}, func(e *calendar.Event, s string) error {
		if s == "" {
			return nil
		}
		if values([]byte(s)) > maxValues {
			return fmt.Errorf("has more than %d values", maxValues)
		}
		return strictjson.Unmarshal([]byte(s), &e.Attendees)
	}},
	textColumn("online_url", func(e *calendar.Event) *string { return &e.OnlineURL }),
	ofSeries(listColumn("rrule", func(e *calendar.Event) *[]string { return &recurrence(e).Rules }, own, own)),
	ofSeries(listColumn("rdate", func(e *calendar.Event) *[]calendar.DateTime { return &recurrence(e).Dates }, writeDateTime, readDateTime)),
	ofSeries(listColumn("exdate", func(e *calendar.Event) *[]calendar.DateTime { return &recurrence(e).Without }, writeDateTime, readDateTime)),
	textColumn("made_in_zone", func(e *calendar.Event) *string { return &e.StartZone }),
	textColumn("made_in_end_zone", func(e *calendar.Event) *string { return &e.EndZone }),
	textColumn("ical_uid", func(e *calendar.Event) *string { return &e.ICalUID }),
	instantColumn("created", func(e *calendar.Event) *time.Time { return &e.Created }),
	instantColumn("last_modified", func(e *calendar.Event) *time.Time { return &e.LastModified }),
	textColumn("body_type", func(e *calendar.Event) *string { return &e.Body.ContentType }),
	textColumn("body", func(e *calendar.Event) *string { return &e.Body.Content }),
	{"recurrence_id", func(e *calendar.Event) string { return writeDateTime(e.RecurrenceID) }, func(e *calendar.Event, s string) error {
		e.RecurrenceID = readDateTime(s)
		return nil
	}},
}

// byteOrderMark shows spreadsheets that a file is UTF-8.
const byteOrderMark = "\ufeff"

// csvWriter writes a row for each event, series and exception.
type csvWriter struct {
	w     *csv.Writer
	cells []string
}

func newCSVWriter(w io.Writer, zones []calendar.Zone) (*csvWriter, error) {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, err
	}
	c := &csvWriter{w: csv.NewWriter(w), cells: make([]string, len(columns))}
	c.w.UseCRLF = true
	for i := range columns {
		c.cells[i] = columns[i].name
	}
	if err := c.w.Write(c.cells); err != nil {
		return nil, err
	}
	for _, z := range zones {
		if err := c.row(&calendar.Event{Type: zoneRow, ID: z.ID, Body: calendar.Body{Content: z.Definition}}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *csvWriter) add(k *calendar.Kept) error {
	err := c.row(&k.Event)
	for i := range k.Exceptions {
		if err == nil {
			err = c.row(&k.Exceptions[i])
		}
	}
	return err
}

// lineEnds makes one kind of all line ends: a reader of CSV may not distinguish them within a cell.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func (c *csvWriter) row(e *calendar.Event) error {
	for i := range columns {
		c.cells[i] = spreadsheet.Cell(lineEnds.Replace(columns[i].write(e)))
	}
	return c.w.Write(c.cells)
}

// Close writes what is left.
func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// maxCells is how many cells a row may have; a good one has one for each of columns.
const maxCells = 1000

// rowLimit ends the reading of a row that is too long, or has too many cells: they are all held before one can be looked at. It takes rows apart as
// encoding/csv does, which passes over the rest of a line after a quote that is in a wrong place.
type rowLimit struct {
	r     io.Reader
	left  int
	cells int
	at    int // what was read last of a cell, one of the constants below
	ended bool
	err   error
}

const (
	cellBegins = iota
	cellPlain
	cellQuoted
	cellQuote // a quote in a quoted cell: its end, or the first half of two
	cellReturn
	cellWrong // what is left of the line does not count
)

func (l *rowLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		l.err = fault.New(fault.Invalid, "a row is longer than %d MB", maxLine>>20)
		if l.at == cellQuoted {
			l.err = fault.New(fault.Invalid, "a row is longer than %d MB: a cell begins with a quote and has none at its end", maxLine>>20)
		}
		return 0, l.err
	}
	n, err := l.r.Read(p)
	l.left -= n
	l.ended = l.ended || err == io.EOF
	for _, c := range p[:n] {
		if l.pass(c); l.cells > maxCells {
			l.err = fault.New(fault.Invalid, "a row has more than %d cells", maxCells)
			return 0, l.err
		}
	}
	return n, err
}

func (l *rowLimit) pass(c byte) {
	switch {
	case l.at == cellQuoted && c == '"':
		l.at = cellQuote
	case l.at == cellQuoted:
	case c == '\n':
		l.at, l.cells = cellBegins, 0
	case l.at == cellWrong:
	case c == ',' && l.at != cellReturn:
		l.cells++
		l.at = cellBegins
	case c == '"' && (l.at == cellBegins || l.at == cellQuote):
		l.at = cellQuoted
	case c == '\r' && l.at == cellQuote:
		l.at = cellReturn
	case c == '"', l.at == cellQuote, l.at == cellReturn:
		l.at = cellWrong
	default:
		l.at = cellPlain
	}
}

// unending says whether the file ends in a quoted cell.
func (l *rowLimit) unending() bool { return l.ended && l.at == cellQuoted }

// csvFile is a CSV file of which the first row was read.
type csvFile struct {
	zones   []calendar.Zone
	r       *csv.Reader
	limit   *rowLimit
	columns []*column
	old     bool     // it has not all columns that are written today
	ahead   []string // the first row that explains no time zone; nil: there is none
	bad     []badRow // rows before it that cannot be read
}

// badRow is a row that cannot be read; the others can.
type badRow struct {
	line int
	row  []string // as far as it could be taken apart
	err  error    // Invalid
}

func (b *badRow) Error() string { return b.err.Error() }

// needed are the columns that a file of somebody else must have.
var needed = []string{"subject", "start", "end"}

func openCSV(r *bufio.Reader) (*csvFile, error) {
	if bom, err := r.Peek(len(byteOrderMark)); err == nil && string(bom) == byteOrderMark {
		_, _ = r.Discard(len(bom))
	}
	c := &csvFile{limit: &rowLimit{r: r, left: maxLine}}
	c.r = csv.NewReader(c.limit)
	c.r.ReuseRecord = true
	first, err := c.next()
	var wrong *badRow
	switch {
	case err == io.EOF:
		return nil, fault.New(fault.Invalid, "the file is empty")
	case errors.As(err, &wrong):
		return nil, fault.New(fault.Invalid, "line %d: %w", wrong.line, wrong.err)
	case err != nil:
		return nil, err
	}
	found := map[string]bool{}
	for i, name := range first {
		name = strings.ToLower(strings.TrimSpace(name))
		column := columnOf(name)
		if column == nil {
			return nil, c.invalid(i, fault.Field(name, "is not a column that is known here; see docs/backup-format.md"))
		}
		if found[name] {
			return nil, c.invalid(i, fault.Field(name, "is there twice"))
		}
		found[name] = true
		c.columns = append(c.columns, column)
	}
	c.old = !found["recurrence_id"]
	for _, name := range needed {
		if !found[name] {
			return nil, c.invalid(0, fault.Field(name, "is a column that has to be there"))
		}
	}
	for {
		row, err := c.next()
		if err == io.EOF {
			return c, nil
		}
		var e calendar.Event
		if err == nil && c.cell(row, "type") != zoneRow {
			c.ahead = slices.Clone(row)
			return c, nil
		}
		if err == nil {
			err = c.read(row, &e)
		}
		if errors.As(err, &wrong) {
			wrong.row = slices.Clone(wrong.row)
			if c.bad = append(c.bad, *wrong); len(c.bad) > maxZones { // no time zones come after so many
				return c, nil
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(c.zones) == maxZones {
			return nil, c.invalid(0, fault.New(fault.Invalid, "the file explains more than %d time zones", maxZones))
		}
		c.zones = append(c.zones, calendar.Zone{ID: e.ID, Definition: strings.ReplaceAll(e.Body.Content, "\n", "\r\n")})
	}
}

func columnOf(name string) *column {
	for i := range columns {
		if columns[i].name == name {
			return &columns[i]
		}
	}
	return nil
}

// next returns a row, good until the next call, or io.EOF. A badRow is passed over.
func (c *csvFile) next() ([]string, error) {
	if c.ahead != nil {
		row := c.ahead
		c.ahead = nil
		return row, nil
	}
	c.limit.left = maxLine
	row, err := c.r.Read()
	var wrong *csv.ParseError
	switch {
	case c.limit.err != nil:
		return nil, c.limit.err
	case errors.As(err, &wrong) && wrong.Err == csv.ErrFieldCount:
		return nil, &badRow{wrong.Line, row, fault.New(fault.Invalid, "has %d cells, not %d", len(row), c.r.FieldsPerRecord)}
	case errors.As(err, &wrong) && c.limit.unending():
		return nil, fault.New(fault.Invalid, "line %d: a cell begins with a quote and has none at its end, so that nobody knows which rows follow", wrong.StartLine)
	case errors.As(err, &wrong):
		return nil, &badRow{wrong.StartLine, row, fault.New(fault.Invalid, "line %d, column %d: %w", wrong.Line, wrong.Column, wrong.Err)}
	}
	return row, err
}

// invalid says in which line something is wrong with a cell of the row that was read last.
func (c *csvFile) invalid(cell int, err error) error {
	return fault.New(fault.Invalid, "line %d: %w", c.line(cell), err)
}

func (c *csvFile) line(cell int) int {
	line, _ := c.r.FieldPos(cell)
	return line
}

func (c *csvFile) cell(row []string, name string) string {
	for i := range c.columns {
		if c.columns[i].name == name && i < len(row) {
			return spreadsheet.Text(row[i])
		}
	}
	return ""
}

// read reads a row as an event. The error is a badRow.
func (c *csvFile) read(row []string, e *calendar.Event) error {
	for i, column := range c.columns {
		err := error(nil)
		if !utf8.ValidString(row[i]) {
			err = errors.New("is not UTF-8; save the table as \"CSV UTF-8\"")
		} else {
			err = column.read(e, spreadsheet.Text(row[i]))
		}
		if err != nil {
			return &badRow{c.line(i), row, fault.Field(column.name, "%w", err)}
		}
	}
	return nil
}

// aside is a row that is set aside.
func (c *csvFile) aside(b *badRow) calendar.Kept {
	text := func(name string) string { return strings.ToValidUTF8(c.cell(b.row, name), "\ufffd") }
	return setAside(calendar.Aside{
		Line: b.line, UID: cmp.Or(text("ical_uid"), text("id")), Subject: text("subject"), Reason: calendar.Unreadable, Detail: b.Error(),
	})
}

// each reads all rows that follow, and where they are. A series comes with its exceptions, which are right below it. A row that cannot be read is set aside.
func (c *csvFile) each(each func(place, calendar.Kept) error) error {
	aside := func(b *badRow) error { return each(place{line: b.line}, c.aside(b)) }
	for i := range c.bad {
		if err := aside(&c.bad[i]); err != nil {
			return err
		}
	}
	var k calendar.Kept
	var at place
	give := func() error {
		if at.line == 0 {
			return nil
		}
		return each(at, k)
	}
	for {
		row, err := c.next()
		if err == io.EOF {
			return give()
		}
		if err == nil {
			err = c.accept(row, &k, &at, give)
		}
		var wrong *badRow
		if errors.As(err, &wrong) {
			err = aside(wrong)
		}
		if err != nil {
			return err
		}
	}
}

// accept takes a row: it belongs to k, or begins what is k from then on, after give has given what it was.
func (c *csvFile) accept(row []string, k *calendar.Kept, at *place, give func() error) error {
	var e calendar.Event
	if err := c.read(row, &e); err != nil {
		return err
	}
	line := c.line(0)
	bad := func(err error) error { return &badRow{line, row, err} }
	if e.ID == "" {
		e.ID = "row-" + strconv.Itoa(line)
	}
	if c.old {
		loneOfOld(&e)
	}
	if e.Type == "" && e.Recurrence != nil {
		e.Type = calendar.Master
	}
	if e.Type == calendar.Exception && e.SeriesMasterID != "" {
		switch {
		case at.line == 0 || e.SeriesMasterID != k.Event.ID || k.Event.Type != calendar.Master:
			return bad(fault.Field("series_id", "must be the id of the series right above, which can be read; sort the file as it was"))
		case len(k.Exceptions) == maxExceptions:
			return bad(errExceptions())
		}
		if err := checkException(k, &e, len(k.Exceptions)); err != nil {
			return bad(err)
		}
		k.Exceptions = append(k.Exceptions, e)
		return nil
	}
	one := calendar.Kept{Event: e}
	if e.Type == calendar.Master && e.Recurrence == nil { // without a rule or a date left
		one.Event.Recurrence = &calendar.Recurrence{}
	}
	if err := check(&one); err != nil {
		return bad(err)
	}
	if err := give(); err != nil {
		return err
	}
	*k, *at = one, place{line: line}
	return nil
}
