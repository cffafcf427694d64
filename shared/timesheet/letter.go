package timesheet

import (
	"fmt"
	"strings"
)

// Letter is what a mail with a sheet says to the customer, in the language of a locale. file is the name of the file that comes with it.
func (d *Document) Letter(locale, file string) (subject, text string) {
	l := LanguageOf(locale)
	w := letterWords[l.German]
	from := d.From.Name
	period := l.Period(d.Sheet.Period)
	subject = strings.Join(given(w.title, period, d.OrderNumber, from), ", ")

	out := &strings.Builder{}
	fmt.Fprintf(out, "%s\n\n", w.greeting)
	fmt.Fprintf(out, w.here+"\n\n", period, d.To.Name)
	fmt.Fprintf(out, "  %s: %s h\n", w.time, l.Time(d.Sheet.Billed))
	for _, t := range d.Sheet.Totals {
		fmt.Fprintf(out, "  %s: %s %s\n", w.amount, l.Decimal(t.Amount), t.Currency)
	}
	for _, line := range []struct{ name, text string }{{w.number, d.ID}, {w.order, d.OrderNumber}, {w.buyer, d.BuyerReference}, {w.invoice, d.InvoiceRef}} {
		if line.text != "" {
			fmt.Fprintf(out, "  %s: %s\n", line.name, line.text)
		}
	}
	switch d.State {
	case Final:
		fmt.Fprintf(out, "\n%s\n\n  admin-assistant timesheet verify %s\n", w.locked, file)
	default:
		fmt.Fprintf(out, "\n%s\n", w.approved)
	}
	fmt.Fprintf(out, "\n%s\n", w.regards)
	for _, line := range append(given(from), d.From.Lines...) {
		fmt.Fprintln(out, line)
	}
	return subject, out.String()
}

// given are the texts that are there.
func given(texts ...string) (all []string) {
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

// letterWords are what a letter says in English, and in German (true).
var letterWords = map[bool]struct {
	title, greeting, here, time, amount, number, order, buyer, invoice, locked, approved, regards string
}{
	false: {
		title: "Timesheet", greeting: "Hello,", here: "Please find attached the timesheet of %s for %s.", time: "Time billed", amount: "Amount",
		number: "Timesheet no.", order: "Order number", buyer: "Your reference", invoice: "Invoice",
		locked: "It is final. Whoever wants to check it can do so without an account and without a connection:", regards: "Kind regards",
		approved: "It is approved, and not final yet.",
	},
	true: {
		title: "Leistungsnachweis", greeting: "Guten Tag,", here: "anbei der Leistungsnachweis vom %s für %s.", time: "Berechnete Zeit", amount: "Betrag",
		number: "Nachweis Nr.", order: "Bestellnummer", buyer: "Ihre Referenz", invoice: "Rechnung",
		locked: "Er ist abgeschlossen. Wer ihn prüfen möchte, braucht dafür weder Konto noch Verbindung:", regards: "Mit freundlichen Grüßen",
		approved: "Er ist freigegeben und noch nicht abgeschlossen.",
	},
}
