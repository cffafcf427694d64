package xlsx

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/timesheet"
)

// read lets openpyxl read a workbook: by sheet the rows, each cell as it is there, with the format of its number.
func read(t *testing.T, file []byte) (sheets map[string][][][2]any) {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("..", "..", "..", ".tools", "openpyxl", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); errors.Is(err, fs.ErrNotExist) {
		const none = "there is no other software to read workbooks; make tools installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "read.py"))
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(file), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &sheets); err != nil {
		t.Fatal(err)
	}
	return sheets
}

var berlin = func() *time.Location {
	z, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return z
}()

var october = timesheet.Terms{
	Zone: berlin, Period: timesheet.Period{From: calendar.Date{Year: 2026, Month: 10, Day: 1}, To: calendar.Date{Year: 2026, Month: 10, Day: 31}},
	Currency: "EUR", Rates: []timesheet.Rate{{From: calendar.Date{Year: 2026, Month: 1, Day: 1}, Work: "34.34", Travel: "17.1717"}},
}

func document(t *testing.T, subjects ...string) *timesheet.Document {
	t.Helper()
	var entries []timesheet.Entry
	for i, subject := range subjects {
		start := time.Date(2026, 10, 1+i, 7, 30, 0, 0, time.UTC)
		entries = append(entries, timesheet.Entry{Key: fmt.Sprintf("k%02d", i), Version: 1, Hash: "sha256:x", Appointment: calendar.Appointment{
			Subject: subject, Start: start, End: start.Add(time.Duration(7*i+50) * time.Minute), Customer: "Acme", BillingType: calendar.Billable, Travel: i%3 == 2,
		}})
	}
	entries[0].Appointment.Sensitivity = calendar.Private
	entries = append(entries, timesheet.Entry{Key: "over", Version: 1, Hash: "sha256:x", Appointment: calendar.Appointment{
		Subject: "over", Start: time.Date(2026, 10, 2, 7, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 3, 7, 0, 0, 0, time.UTC), Customer: "Acme",
		BillingType: "billable",
	}})
	sheet, err := timesheet.Compute(entries, october)
	if err != nil {
		t.Fatal(err)
	}
	gap := timesheet.Issue{Kind: timesheet.Gap, Start: time.Date(2026, 10, 2, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 2, 10, 0, 0, 0, time.UTC)}
	gap.Date = calendar.DateOf(gap.Start, berlin)
	return &timesheet.Document{Sheet: sheet, Zone: berlin, Issues: []timesheet.Issue{gap}}
}

func TestOtherSoftwareReadsTheWorkbook(t *testing.T) {
	subjects := []string{
		"private", "=1+1", "@SUM(A1)", "-2", " spaces ", "Größe <b> & \"c\"", "emoji 🎉", "line\nbreak", "nul\x00", "bad \xff", strings.Repeat("ä", 40_000), "",
		"0012",
	}
	d := document(t, subjects...)
	file, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Write(d); err != nil || !bytes.Equal(file, again) {
		t.Error("a second time it is another file")
	}
	sheets := read(t, file)
	positions, entries, issues := sheets["Positions"], sheets["Entries"], sheets["Issues"]
	if len(sheets) != 3 || len(positions) != 1+2+1+1 || len(entries) != 1+len(d.Sheet.Lines) || len(issues) != 1+1+1+1+1 {
		t.Fatalf("got %d positions, %d entries, %d issues", len(positions), len(entries), len(issues))
	}
	for i, p := range d.Sheet.Positions {
		row := positions[1+i]
		if row[0][0] != p.Customer || row[3][0] != p.Rate || row[6][0] != fmt.Sprint(p.Seconds) || row[7][0] != fmt.Sprint(p.Billed) ||
			row[8][0] != p.Amount || row[8][1] != "#,##0.00" || row[3][1] != "#,##0.00##" {
			t.Errorf("position %+v is read as %v", p, row)
		}
		if row[4][0] != fmt.Sprintf("duration %d", p.Seconds) || row[5][0] != fmt.Sprintf("duration %d", p.Billed) || row[5][1] != "[h]:mm" {
			t.Errorf("durations of %+v are read as %v", p, row)
		}
	}
	seconds := d.Sheet.Positions[0].Seconds + d.Sheet.Positions[1].Seconds
	if time := positions[3]; time[0][0] != "Total time" || time[4][0] != fmt.Sprintf("duration %d", seconds) || time[6][0] != fmt.Sprint(seconds) ||
		time[5][0] != fmt.Sprintf("duration %d", d.Sheet.Billed) || time[7][0] != fmt.Sprint(d.Sheet.Billed) {
		t.Errorf("the time is read as %v", time)
	}
	if total := positions[4]; total[8][0] != d.Sheet.Totals[0].Amount || total[9][0] != "EUR" {
		t.Errorf("the total is read as %v", total)
	}
	sum := int64(0)
	for i, l := range d.Sheet.Lines {
		row := entries[1+i]
		subject, _ := row[6][0].(string)
		want := strings.NewReplacer("\x00", "\ufffd", "\xff", "\ufffd").Replace(l.Subject)
		if runes := []rune(want); len(runes) > longest {
			want = string(runes[:longest])
		}
		if subject != want || row[6][1] == "formula" {
			t.Errorf("the subject %.40q is read as %.40q (%v)", l.Subject, subject, row[6][1])
		}
		from, to := d.Clock(&d.Sheet.Lines[i])
		if row[0][0] != l.Date.String() || row[1][0] != from+":00" || row[2][0] != to+":00" || row[15][0] != l.Key ||
			row[9][0] != fmt.Sprint(l.Seconds) || row[10][0] != fmt.Sprint(l.Billed) {
			t.Errorf("line %+v is read as %.200v", l, row)
		}
		if row[7][0] != fmt.Sprintf("duration %d", l.Seconds) {
			t.Errorf("%d seconds are read as %v", l.Seconds, row[7])
		}
		sum += l.Seconds
	}
	if sum != seconds {
		t.Errorf("the lines have %d seconds", sum)
	}
	want := [][3]any{{"left out", "private", "k00"}, {"overlap", nil, "k01"}, {"flag", "crosses_midnight", "over"}, {"gap", "2026-10-02", nil}}
	for i, w := range want {
		if diff := cmp.Diff(w, [3]any{issues[1+i][0][0], issues[1+i][1][0], issues[1+i][2][0]}); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAmountsHaveTheDecimalsOfTheirCurrency(t *testing.T) {
	for text, want := range map[string]string{"1050": "#,##0", "-5.00": "#,##0.00", "1.440": "#,##0.000", "0": "#,##0"} {
		if c := amount(text); c.number != text || formats[c.style] != want {
			t.Errorf("%s: got %+v, %s", text, c, formats[c.style])
		}
	}
	if c := amount(""); c != (cell{}) {
		t.Errorf("none: got %+v", c)
	}
}

// TestTimeThatIsTakenBackIsNoRowOfHashes: Excel shows a negative number as such if its format is one of times.
func TestTimeThatIsTakenBackIsNoRowOfHashes(t *testing.T) {
	for seconds, want := range map[int64]string{3600: "[h]:mm", 0: "[h]:mm", -3600: `[h]:mm;\-0.0000" d"`} {
		if c := lasting(seconds); formats[c.style] != want {
			t.Errorf("%d: got %+v, %s", seconds, c, formats[c.style])
		}
	}
	d := document(t, "a")
	back := d.Sheet.Lines[0]
	back.Seconds, back.Billed = -back.Seconds, -back.Billed
	d.Sheet.Lines = append(d.Sheet.Lines, back)
	file, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	rows := read(t, file)["Entries"]
	if row := rows[len(rows)-1]; row[9][0] != fmt.Sprint(back.Seconds) || row[7][1] != `[h]:mm;\-0.0000" d"` {
		t.Errorf("read as %v", row)
	}
}

func TestWhatLooksLikeAnEscapeIsKept(t *testing.T) {
	for text, want := range map[string]string{"_x000D_": "_x005F_x000D_", "_x00G0_": "_x00G0_", "a_xyz": "a_xyz"} {
		if got := fitting(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// parts are the files of a workbook.
func parts(t *testing.T, file []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || f.Method != zip.Deflate || all[f.Name] != "" {
			t.Fatalf("%s: %v, method %d, or twice", f.Name, err, f.Method)
		}
		all[f.Name] = string(content)
	}
	return all
}

func parse[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := xml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

type relationships struct {
	All []struct {
		ID     string `xml:"Id,attr"`
		Type   string `xml:"Type,attr"`
		Target string `xml:"Target,attr"`
	} `xml:"Relationship"`
}

// TestAWorkbookIsWhole: some programs refuse a workbook, or repair it, of which a part is not announced, and others do not look.
func TestAWorkbookIsWhole(t *testing.T) {
	file, err := Write(document(t, "private", "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	all := parts(t, file)
	types := parse[struct {
		Defaults []struct {
			Extension   string `xml:"Extension,attr"`
			ContentType string `xml:"ContentType,attr"`
		} `xml:"Default"`
		Overrides []struct {
			PartName    string `xml:"PartName,attr"`
			ContentType string `xml:"ContentType,attr"`
		} `xml:"Override"`
	}](t, all["[Content_Types].xml"])
	const office = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	want := map[string]string{"/xl/workbook.xml": office + "sheet.main+xml", "/xl/styles.xml": office + "styles+xml"}
	for i := range 3 {
		want[fmt.Sprintf("/xl/worksheets/sheet%d.xml", i+1)] = office + "worksheet+xml"
	}
	got := map[string]string{}
	for _, o := range types.Overrides {
		if got[o.PartName] = o.ContentType; all[strings.TrimPrefix(o.PartName, "/")] == "" {
			t.Errorf("%s is announced, and not there", o.PartName)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(types.Defaults) != 2 || len(all) != 3+len(want) {
		t.Errorf("other types are %v, and there are %d parts", types.Defaults, len(all))
	}
	root := parse[relationships](t, all["_rels/.rels"]).All
	if len(root) != 1 || !strings.HasSuffix(root[0].Type, "/officeDocument") || root[0].Target != "xl/workbook.xml" {
		t.Errorf("the workbook is %v", root)
	}
	book := parse[struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			No   string `xml:"sheetId,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}](t, all["xl/workbook.xml"])
	targets := map[string]string{}
	for _, r := range parse[relationships](t, all["xl/_rels/workbook.xml.rels"]).All {
		if targets[r.ID] != "" {
			t.Errorf("%s is two parts", r.ID)
		}
		targets[r.ID] = r.Type[strings.LastIndex(r.Type, "/"):] + " " + r.Target
	}
	var sheets []string
	for _, s := range book.Sheets {
		sheets = append(sheets, s.Name+" "+s.No+targets[s.ID])
		delete(targets, s.ID)
	}
	if got := strings.Join(sheets, ", "); got != "Positions 1/worksheet worksheets/sheet1.xml, Entries 2/worksheet worksheets/sheet2.xml, "+
		"Issues 3/worksheet worksheets/sheet3.xml" {
		t.Errorf("the sheets are %s", got)
	}
	if len(targets) != 1 || !slices.Contains(slices.Collect(maps.Values(targets)), "/styles styles.xml") {
		t.Errorf("the other parts are %v", targets)
	}
}

func TestEachStyleHasItsFormatAndCellsTheirPlaces(t *testing.T) {
	file, err := Write(document(t, "private", "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	all := parts(t, file)
	looks := parse[struct {
		Formats struct {
			Count int `xml:"count,attr"`
			All   []struct {
				ID   int    `xml:"numFmtId,attr"`
				Code string `xml:"formatCode,attr"`
			} `xml:"numFmt"`
		} `xml:"numFmts"`
		Fonts []struct {
			Bold *struct{} `xml:"b"`
		} `xml:"fonts>font"`
		Cells struct {
			Count int `xml:"count,attr"`
			All   []struct {
				Format int    `xml:"numFmtId,attr"`
				Font   int    `xml:"fontId,attr"`
				Number string `xml:"applyNumberFormat,attr"`
			} `xml:"xf"`
		} `xml:"cellXfs"`
	}](t, all["xl/styles.xml"])
	codes := map[int]string{0: ""}
	for _, f := range looks.Formats.All {
		if f.ID < 164 || codes[f.ID] != "" { // those before are the format's own
			t.Errorf("format %d is one of others: %s", f.ID, f.Code)
		}
		codes[f.ID] = f.Code
	}
	if looks.Formats.Count != len(looks.Formats.All) || looks.Cells.Count != len(looks.Cells.All) || len(looks.Cells.All) != len(formats) {
		t.Fatalf("got %+v", looks)
	}
	for i, c := range looks.Cells.All {
		bold := looks.Fonts[c.Font].Bold != nil
		if code, ok := codes[c.Format]; !ok || code != formats[i] || bold != (style(i) == heading) || (c.Number == "1") != (code != "") {
			t.Errorf("style %d is %+v, %q; bold: %v", i, c, code, bold)
		}
	}
	for n, titles := range []string{
		"Customer, Billing type, Kind, Rate, Time, Billed, Seconds, Billed seconds, Amount, Currency",
		"Date, Start, End, Customer, Billing type, Kind, Subject, Time, Billed, Seconds, Billed seconds, Rate, Currency, Flags, Supplements, Key, Version, Hash",
		"Issue, Reason, Key, Other key",
	} {
		sheet := parse[struct {
			Columns []struct {
				Min   int `xml:"min,attr"`
				Max   int `xml:"max,attr"`
				Width int `xml:"width,attr"`
			} `xml:"cols>col"`
			Rows []struct {
				No    int `xml:"r,attr"`
				Cells []struct {
					At    string `xml:"r,attr"`
					Style int    `xml:"s,attr"`
					Text  string `xml:"is>t"`
				} `xml:"c"`
			} `xml:"sheetData>row"`
		}](t, all[fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1)])
		var head []string
		for r, row := range sheet.Rows {
			if row.No != r+1 {
				t.Errorf("sheet %d: row %d is number %d", n+1, r+1, row.No)
			}
			for _, c := range row.Cells {
				if !regexp.MustCompile(fmt.Sprintf("^[A-Z]%d$", r+1)).MatchString(c.At) {
					t.Errorf("sheet %d, row %d has cell %s", n+1, r+1, c.At)
				}
				if r == 0 {
					if head = append(head, c.Text); c.Style != int(heading) {
						t.Errorf("sheet %d: %s is no heading", n+1, c.At)
					}
				}
			}
		}
		if got := strings.Join(head, ", "); got != titles {
			t.Errorf("sheet %d has %s", n+1, got)
		}
		for i, c := range sheet.Columns {
			if c.Min != i+1 || c.Max != i+1 || c.Width < 8 {
				t.Errorf("sheet %d: column %d is %+v", n+1, i+1, c)
			}
		}
		if len(sheet.Columns) != len(head) {
			t.Errorf("sheet %d has %d columns and %d titles", n+1, len(sheet.Columns), len(head))
		}
	}
}

func TestEveryColumnOfAnEntryIsWritten(t *testing.T) {
	d := document(t, "private", "a")
	l := &d.Sheet.Lines[1]
	l.Customer, l.BillingType, l.Kind, l.Rate = "Acme", calendar.Billable, timesheet.Work, "34.34"
	l.Supplements, l.Key, l.Version, l.Hash = "sha256:x#1", "=key", 7, "+hash"
	l.Flags = []timesheet.Flag{timesheet.CrossesMidnight, timesheet.ZeroLength}
	unpriced := *l
	unpriced.Rate, unpriced.Flags, unpriced.Supplements, unpriced.Start, unpriced.End = "", nil, "", "", ""
	d.Sheet.Lines = append(d.Sheet.Lines, unpriced)
	d.Sheet.Positions = append(d.Sheet.Positions, timesheet.Position{Customer: "Acme", BillingType: calendar.Billable, Kind: timesheet.Work})
	file, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	sheets := read(t, file)
	text := func(row [][2]any) string {
		var cells []string
		for _, c := range row {
			cells = append(cells, fmt.Sprint(c[0]))
		}
		return strings.Join(cells[3:6], "|") + "|" + strings.Join(cells[11:], "|")
	}
	rows := sheets["Entries"]
	if got := text(rows[2]); got != "Acme|billable|work|34.34|EUR|crosses_midnight zero_length|sha256:x#1|=key|7|+hash" {
		t.Errorf("got %s", got)
	}
	if got := text(rows[3]); got != "Acme|billable|work|<nil>|<nil>|<nil>|<nil>|=key|7|+hash" {
		t.Errorf("got %s", got)
	}
	if rows[2][1][0] == nil || rows[3][1][0] != nil || rows[3][2][0] != nil {
		t.Errorf("a whole day has a start and an end: %v", rows[3])
	}
	position := sheets["Positions"][2]
	if position[3][0] != nil || position[8][0] != nil || position[9][0] != nil {
		t.Errorf("a position without a rate is read as %v", position)
	}
}

func TestACellHasAtMostWhatSpreadsheetsTake(t *testing.T) {
	for text, want := range map[string]int{
		strings.Repeat("ä", longest): longest, strings.Repeat("ä", longest+1): longest, strings.Repeat("🎉", longest/2): longest / 2,
		strings.Repeat("🎉", longest): longest / 2, "a" + strings.Repeat("🎉", longest/2): 1 + longest/2, "aa" + strings.Repeat("🎉", longest): 1 + longest/2,
	} {
		if got := fitting(text); len([]rune(got)) != want || !strings.HasPrefix(text, got) {
			t.Errorf("%.9q...: got %d letters, want %d", text, len([]rune(got)), want)
		}
	}
}

func TestDaysThatSpreadsheetsCountOtherwiseAreText(t *testing.T) {
	for text, want := range map[string]string{"2026-10-05": "46300", "1900-03-01": "61", "1900-02-28": "", "0001-01-02": ""} {
		d, err := calendar.ParseDate(text)
		if got := day(d); err != nil || got.number != want || want == "" && got.text != text {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}
