package xlsx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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
