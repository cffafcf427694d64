package timesheet

import (
	"context"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Format is a form in which a sheet is exported.
type Format string

// The formats that this package writes. Others are written by those whom Outputs names.
const (
	JSON    Format = "json"
	CSV     Format = "csv"
	XeroCSV Format = "xero"
	Invoice Format = "invoice-data"
	PDF     Format = "pdf"
	XLSX    Format = "xlsx"
)

// Formats are all formats.
var Formats = []Format{JSON, CSV, XeroCSV, Invoice, PDF, XLSX}

// Outputs write the formats that need more than this package.
type Outputs struct {
	PDF, XLSX func(*Document) ([]byte, error)
}

// Exported is a sheet as a file.
type Exported struct {
	Name, Type string
	Content    []byte
}

// Export writes a sheet in a format. It changes nothing. An unknown format is of kind fault.Invalid.
func (s *Sheets) Export(ctx context.Context, user, id string, format Format, x Xero) (*Exported, error) {
	v, err := s.Show(ctx, user, id)
	if err != nil {
		return nil, err
	}
	d := v.Document
	e := &Exported{}
	ending := string(format)
	switch format {
	case JSON:
		e.Type = "application/json"
		e.Content, err = s.File(ctx, v.Record, d)
	case CSV:
		e.Type, e.Content = "text/csv; charset=utf-8", d.CSV()
	case XeroCSV:
		if x.Date == (calendar.Date{}) {
			x.Date = calendar.DateOf(s.Clock(), d.Zone)
		}
		if x.Due == (calendar.Date{}) {
			x.Due = x.Date
		}
		e.Type, ending, e.Content = "text/csv; charset=utf-8", "xero.csv", d.Xero(x)
	case Invoice:
		e.Type, ending, e.Content = "application/json", "invoice.json", d.InvoiceData()
	case XLSX:
		e.Type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		e.Content, err = s.Outputs.XLSX(d)
	case PDF:
		e.Type = "application/pdf"
		e.Content, err = s.pdf(ctx, v)
	default:
		return nil, fault.Field("format", "must be json, csv, xero, invoice-data, pdf or xlsx, not %.20q", string(format))
	}
	if err != nil {
		return nil, err
	}
	e.Name = d.FileName() + "." + ending
	return e, nil
}

// pdf draws a sheet. That of a locked one has its file in it, and is sealed.
func (s *Sheets) pdf(ctx context.Context, v *View) ([]byte, error) {
	if v.Record.State != Final {
		return s.Outputs.PDF(v.Document)
	}
	var err error
	if v.Document.Seal.File, err = s.File(ctx, v.Record, v.Document); err != nil {
		return nil, err
	}
	drawn, err := s.Outputs.PDF(v.Document)
	if err != nil {
		return nil, err
	}
	return s.SealPDF(ctx, drawn)
}
