package timesheet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"

	"adminassistant/shared/calendar"
	"adminassistant/shared/currency"
)

// invoiceData is what an invoice as EN 16931 has it needs of a sheet. docs/invoice-data.schema.json says the same as a JSON schema.
type invoiceData struct {
	Format          string            `json:"format"`
	Sheet           string            `json:"sheet"`
	SheetHash       string            `json:"sheet_hash"`
	State           State             `json:"state"`
	InvoiceRef      string            `json:"invoice_ref"`
	BuyerReference  string            `json:"buyer_reference"`  // BT-10
	OrderNumber     string            `json:"order_number"`     // BT-13
	InvoicingPeriod Period            `json:"invoicing_period"` // BG-14
	Seller          invoiceParty      `json:"seller"`           // BG-4
	Buyer           invoiceParty      `json:"buyer"`            // BG-7
	Positions       []invoicePosition `json:"positions"`        // BG-25
	Totals          []Total           `json:"totals"`           // without tax
}

type invoiceParty struct {
	Name    string   `json:"name"`
	Address []string `json:"address"`
	Email   string   `json:"email"`
}

type invoicePosition struct {
	ID          string               `json:"id"`   // BT-126
	Name        string               `json:"name"` // BT-153
	Customer    string               `json:"customer"`
	BillingType calendar.BillingType `json:"billing_type"`
	Kind        Kind                 `json:"kind"`
	Quantity    string               `json:"quantity"`            // BT-129
	Unit        string               `json:"unit"`                // BT-130: MIN, or SEC where whole minutes do not hold it
	BaseQty     string               `json:"price_base_quantity"` // BT-149: an hour
	Price       string               `json:"price"`               // BT-146
	Currency    string               `json:"currency"`
	Amount      string               `json:"amount"` // BT-131
	Reversal    bool                 `json:"reversal"`
}

// InvoiceFormat names the form of InvoiceData.
const InvoiceFormat = "admin-assistant-invoice-data/1"

// InvoiceData writes what an invoice needs: the positions that have an amount, in minutes at the price of an hour. What supplements take back stands
// apart, with a negative quantity, as far as it can be told from the rest of its position.
func (d *Document) InvoiceData() []byte {
	data := invoiceData{
		Format: InvoiceFormat, Sheet: d.ID, SheetHash: d.Sheet.Hash(), State: d.State, InvoiceRef: d.InvoiceRef, BuyerReference: d.BuyerReference,
		OrderNumber: d.OrderNumber, InvoicingPeriod: d.Sheet.Period, Seller: newInvoiceParty(d.From), Buyer: newInvoiceParty(d.To),
		Positions: []invoicePosition{}, Totals: d.Sheet.Totals,
	}
	for i := range d.Sheet.Positions {
		p := &d.Sheet.Positions[i]
		if p.Amount == "" {
			continue
		}
		for _, part := range d.Sheet.parts(p) {
			quantity, unit, base := fmt.Sprint(part.Billed/60), "MIN", "60"
			if part.Billed%60 != 0 {
				quantity, unit, base = fmt.Sprint(part.Billed), "SEC", "3600"
			}
			data.Positions = append(data.Positions, invoicePosition{
				ID: fmt.Sprint(len(data.Positions) + 1), Name: fmt.Sprintf("%s, %s", p.Customer, p.Kind), Customer: p.Customer, BillingType: p.BillingType, Kind: p.Kind,
				Quantity: quantity, Unit: unit, BaseQty: base, Price: p.Rate, Currency: p.Currency, Amount: part.Amount, Reversal: part.Billed < 0,
			})
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(data); err != nil {
		panic(fmt.Sprintf("timesheet: invoice data does not encode: %v", err)) // it has texts alone
	}
	return out.Bytes()
}

// parts takes a position apart into what it adds and what it takes back, if both have an amount and their amounts are together that of the position.
func (s *Sheet) parts(p *Position) []Position {
	whole := []Position{*p}
	back := int64(0)
	for i := range s.Lines {
		l := &s.Lines[i]
		switch other := s.positionOf(l); {
		case !l.Reverses() || other == nil || !equalRates(other.Rate, p.Rate) || other.Customer != p.Customer || other.BillingType != p.BillingType ||
			other.Kind != p.Kind:
		case other != p: // the rounding parts it, so that the line may be of either
			return whole
		default:
			back += l.Billed
		}
	}
	places, ok := currency.Places(p.Currency)
	units, ok2 := parseDecimal(p.Rate)
	if back == 0 || back == p.Billed || !ok || !ok2 {
		return whole
	}
	r := rate{units: units}
	adds, takes := amount(p.Billed-back, r, places), amount(back, r, places)
	if decimalText(new(big.Int).Add(adds, takes), places) != p.Amount {
		return whole
	}
	plus, minus := *p, *p
	plus.Billed, plus.Amount = p.Billed-back, decimalText(adds, places)
	minus.Billed, minus.Amount = back, decimalText(takes, places)
	return []Position{plus, minus}
}

func newInvoiceParty(p Party) invoiceParty {
	if p.Lines == nil {
		p.Lines = []string{}
	}
	return invoiceParty{p.Name, p.Lines, p.Email}
}
