package timesheet

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/spreadsheet"
)

// columns are those of CSV.
var columns = []string{
	"date", "start", "end", "customer", "billing_type", "kind", "subject", "time", "seconds", "billed", "billed_seconds", "rate", "currency", "flags",
	"supplements",
	"key", "version", "hash",
}

// CSV writes the lines, one a row, in UTF-8 with CRLF. Times are those of the sheet's zone. Nothing in it is taken for a formula.
func (d *Document) CSV() []byte {
	rows := [][]string{columns}
	for i := range d.Sheet.Lines {
		l := &d.Sheet.Lines[i]
		from, to := d.Clock(l)
		flags := make([]string, len(l.Flags))
		for n, f := range l.Flags {
			flags[n] = string(f)
		}
		rows = append(rows, []string{
			l.Date.String(), from, to, spreadsheet.Cell(l.Customer), string(l.BillingType), string(l.Kind), spreadsheet.Cell(l.Subject),
			Hours(l.Seconds), strconv.FormatInt(l.Seconds, 10), Hours(l.Billed), strconv.FormatInt(l.Billed, 10), l.Rate, d.Sheet.CurrencyOf(l),
			strings.Join(flags, " "), l.Supplements, spreadsheet.Cell(l.Key), strconv.Itoa(l.Version), spreadsheet.Cell(l.Hash),
		})
	}
	return table(rows)
}

func table(rows [][]string) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	_ = w.WriteAll(rows) // a buffer takes everything
	return out.Bytes()
}

// xeroColumns are those of Xero's template for the import of sales invoices.
var xeroColumns = []string{
	"*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4", "POCity", "PORegion", "POPostalCode", "POCountry",
	"*InvoiceNumber", "Reference", "*InvoiceDate", "*DueDate", "Total", "InventoryItemCode", "*Description", "*Quantity", "*UnitAmount", "Discount",
	"*AccountCode", "*TaxType", "TaxAmount", "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2", "Currency", "BrandingTheme",
}

// Xero is what an import into Xero has to know beside the sheet. What is left empty is chosen in Xero.
type Xero struct {
	InvoiceNumber string // empty: the reference of the invoice, or else the number of the sheet
	Date, Due     calendar.Date
	Account, Tax  string
}

// Xero writes the CSV for Xero's import of invoices, one row a position that has an amount. The quantity is hours where four decimals hold them exactly and
// Xero, which multiplies and rounds to two decimals, comes to our amount; else it is 1, and the time stands in the description.
func (d *Document) Xero(x Xero) []byte {
	number := x.InvoiceNumber
	if number == "" {
		if number = d.InvoiceRef; number == "" {
			number = d.ID
		}
	}
	date := func(day calendar.Date) string {
		if day == (calendar.Date{}) {
			return ""
		}
		return fmt.Sprintf("%02d/%02d/%04d", day.Day, int(day.Month), day.Year)
	}
	rows := [][]string{xeroColumns}
	for i := range d.Sheet.Positions {
		p := &d.Sheet.Positions[i]
		if p.Amount == "" {
			continue
		}
		quantity, unit := "1", p.Amount
		if hours, exact := exactHours(p.Billed); exact && p.xeroAgrees() {
			quantity, unit = hours, p.Rate
		}
		contact := d.To.Name
		if contact == "" {
			contact = p.Customer
		}
		row := make([]string, len(xeroColumns))
		row[0], row[1] = spreadsheet.Cell(contact), spreadsheet.Cell(d.To.Email)
		for n, line := range d.To.Lines[:min(len(d.To.Lines), 4)] {
			row[2+n] = spreadsheet.Cell(line)
		}
		row[10], row[11], row[12], row[13] = spreadsheet.Cell(number), spreadsheet.Cell(d.OrderNumber), date(x.Date), date(x.Due)
		row[16] = spreadsheet.Cell(fmt.Sprintf("%s, %s, %s h, %s to %s", p.Customer, p.Kind, Hours(p.Billed), d.Sheet.Period.From, d.Sheet.Period.To))
		row[17], row[18], row[20], row[21], row[27] = quantity, unit, spreadsheet.Cell(x.Account), spreadsheet.Cell(x.Tax), p.Currency
		rows = append(rows, row)
	}
	return table(rows)
}

// xeroAgrees says whether the time of a position at its rate, rounded to two decimals, is its amount, whichever way halves are rounded.
func (p *Position) xeroAgrees() bool {
	product, _ := new(big.Rat).SetString(p.Rate)
	sum, _ := new(big.Rat).SetString(p.Amount)
	cents := new(big.Rat).Mul(sum, big.NewRat(100, 1))
	off := sum.Sub(sum, product.Mul(product, big.NewRat(p.Billed, 3600)))
	return cents.IsInt() && off.Abs(off).Cmp(big.NewRat(1, 200)) < 0
}

// exactHours writes seconds as hours with at most four decimals; false: that many do not hold them.
func exactHours(seconds int64) (string, bool) {
	units := new(big.Int).Mul(big.NewInt(seconds), big.NewInt(10_000))
	units, rest := units.QuoRem(units, big.NewInt(3600), new(big.Int))
	if rest.Sign() != 0 {
		return "", false
	}
	text := strings.TrimRight(decimalText(units, 4), "0")
	return strings.TrimSuffix(text, "."), true
}
