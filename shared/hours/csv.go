package hours

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"adminassistant/shared/spreadsheet"
)

// Minutes are how many minutes a duration has, to the fourth place.
func Minutes(long time.Duration) float64 { return math.Round(long.Minutes()*1e4) / 1e4 }

// WriteCSV writes the rows of a report, in which time is added up by by, as a CSV file (RFC 4180). No cell is a formula.
func (r *Report) WriteCSV(w io.Writer, by By) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	minutes := func(long time.Duration) string { return strconv.FormatFloat(Minutes(long), 'f', -1, 64) }
	records := [][]string{{string(by), "entries", "billable_minutes", "non_billable_minutes", "travel_minutes", "minutes"}}
	for _, row := range r.Rows {
		records = append(records, []string{
			spreadsheet.Cell(row.Key), strconv.Itoa(row.Entries), minutes(row.Billable), minutes(row.NonBillable), minutes(row.Travel), minutes(row.Whole()),
		})
	}
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("write hours: %w", err)
	}
	return nil
}
