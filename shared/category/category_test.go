package category_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		customer   string
		billing    calendar.BillingType
		err        error
	}{
		{"customer first", "Acme - billable", "Acme", calendar.Billable, nil},
		{"billing type first", "billable - Acme", "Acme", calendar.Billable, nil},
		{"non-billable", "Acme - non-billable", "Acme", calendar.NonBillable, nil},
		{"non-billable first", "non-billable - Acme", "Acme", calendar.NonBillable, nil},
		{"any case", "ACME - BillABLE", "ACME", calendar.Billable, nil},
		{"any case of the longer one", "NON-Billable - acme", "acme", calendar.NonBillable, nil},
		{"space around the parts", "  Acme  -  billable ", "Acme", calendar.Billable, nil},
		{"a customer with hyphens and spaces", "Meyer-Smith & Sons -x - billable", "Meyer-Smith & Sons -x", calendar.Billable, nil},
		{"Admin is a customer", "Admin - non-billable", "Admin", calendar.NonBillable, nil},
		{"Break is a customer", "Break - non-billable", "Break", calendar.NonBillable, nil},
		{"Admin in any case and order is the same customer", "non-billable - ADMIN", "Admin", calendar.NonBillable, nil},
		{"a billable Admin is somebody of that name", "ADMIN - billable", "ADMIN", calendar.Billable, nil},
		{"Online is a marker", "Online", "", "", nil},
		{"Online in any case", " ONLINE ", "", "", nil},
		{"a customer called Online", "Online - billable", "Online", calendar.Billable, nil},

		{"an en dash", "Acme – billable", "Acme", calendar.Billable, nil},
		{"an em dash", "billable — Acme", "Acme", calendar.Billable, nil},
		{"an em dash without space, as it is printed in books", "Acme—billable", "Acme", calendar.Billable, nil},
		{"an en dash with space on one side", "Acme– non-billable", "Acme", calendar.NonBillable, nil},
		{"a minus sign", "Acme − billable", "Acme", calendar.Billable, nil},
		{"no-break spaces", "Acme\u00a0-\u202fbillable", "Acme", calendar.Billable, nil},
		{"tabs and a line break", "Acme\t-\r\n billable", "Acme", calendar.Billable, nil},
		{"a hyphen that does not break, in the billing type", "Acme - non\u2011billable", "Acme", calendar.NonBillable, nil},
		{"an en dash in the billing type", "Acme – Non–Billable", "Acme", calendar.NonBillable, nil},
		{"break in any spelling", "BREAK — non–billable", "Break", calendar.NonBillable, nil},
		{"Online between no-break spaces", "\u00a0online\u00a0", "", "", nil},
		{"the customer's spelling stays", " Müller\u00a0 &  Söhne – billable", "Müller\u00a0 &  Söhne", calendar.Billable, nil},
		{"decomposed accents stay as they are", "Mu\u0308ller – billable", "Mu\u0308ller", calendar.Billable, nil},
		{"a plain separator goes before a dash in the name", "Müller – Söhne - billable", "Müller – Söhne", calendar.Billable, nil},
		{"a dash with space goes before one without", "Köln–Bonn – billable", "Köln–Bonn", calendar.Billable, nil},
		{"a dash without space beside a plain separator", "Köln–Bonn - billable", "Köln–Bonn", calendar.Billable, nil},

		{"empty", "", "", "", category.ErrNoBillingType},
		{"space", "   ", "", "", category.ErrNoBillingType},
		{"a customer alone", "Acme", "", "", category.ErrNoBillingType},
		{"a billing type alone", "billable", "", "", category.ErrNoBillingType},
		{"another billing type", "Acme - chargeable", "", "", category.ErrNoBillingType},
		{"a billing type with something after it", "Acme - billable!", "", "", category.ErrNoBillingType},
		{"no space around the hyphen", "Acme-billable", "", "", category.ErrNoBillingType},
		{"a space on one side only", "Acme -billable", "", "", category.ErrNoBillingType},
		{"two customers", "Acme - Globex", "", "", category.ErrNoBillingType},
		{"two separators", "Acme - Berlin - billable", "", "", category.ErrSeparators},
		{"three separators", "Acme - a - b - billable", "", "", category.ErrSeparators},
		{"two separators that share a space", "billable - - Acme", "", "", category.ErrSeparators},
		{"no customer before the billing type", " - billable", "", "", category.ErrNoCustomer},
		{"no customer after the billing type", "billable - ", "", "", category.ErrNoCustomer},
		{"a billing type as the customer", "billable - non-billable", "", "", category.ErrTwoTypes},
		{"the same billing type twice", "Billable - billable", "", "", category.ErrTwoTypes},
		{"the separator alone", " - ", "", "", category.ErrNoBillingType},
		{"two dashes", "Acme – Berlin – billable", "", "", category.ErrSeparators},
		{"a dash and a plain separator, with the billing type at the dash", "Acme - Berlin – billable", "", "", category.ErrSeparators},
		{"two dashes without space", "Köln–Bonn–billable", "", "", category.ErrNoBillingType},
		{"a billing type alone with its dash", "non–billable", "", "", category.ErrNoBillingType},
		{"no customer before a dash", " – billable", "", "", category.ErrNoCustomer},
		{"no customer before a dash without space", "–billable", "", "", category.ErrNoBillingType},
		{"a hyphen that does not break, without space", "Acme\u2011billable", "", "", category.ErrNoBillingType},
		{"another word before the dash of the billing type", "Acme - nun-billable", "", "", category.ErrNoBillingType},
		{"no dash in the billing type", "Acme - non.billable", "", "", category.ErrNoBillingType},
	} {
		t.Run(tt.name, func(t *testing.T) {
			customer, billing, err := category.Read(tt.text)
			if customer != tt.customer || billing != tt.billing || !errors.Is(err, tt.err) {
				t.Errorf("%q is %q, %q, %v; want %q, %q, %v", tt.text, customer, billing, err, tt.customer, tt.billing, tt.err)
			}
		})
	}
}

func TestBothOrdersAreReadAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer := rapid.StringMatching(`[A-Za-z]([A-Za-z0-9 &.-]{0,12}[a-z])?`).Draw(t, "customer")
		billing := rapid.SampledFrom([]string{"billable", "non-billable", "Billable", "NON-BILLABLE"}).Draw(t, "billing")
		c1, b1, err1 := category.Read(customer + " - " + billing)
		c2, b2, err2 := category.Read(billing + " - " + customer)
		if c1 != c2 || b1 != b2 || !errors.Is(err1, err2) {
			t.Fatalf("%q with %q: %q %q %v, and the other way round %q %q %v", customer, billing, c1, b1, err1, c2, b2, err2)
		}
	})
}

// dashes are the ones of the reference below, written out.
const dashes = "-\u058a\u05be\u1400\u1806\u2010-\u2015" +
	"\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead\u2212"

var (
	white     = `[\t\n\v\f\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]`
	dash      = `[` + dashes + `]`
	edges     = regexp.MustCompile(`^` + white + `*|` + white + `*$`)
	separator = regexp.MustCompile(white + dash + white)
	types     = map[*regexp.Regexp]calendar.BillingType{
		regexp.MustCompile(`^(?i:billable)$`):                     calendar.Billable,
		regexp.MustCompile(`^(?i:non)` + dash + `(?i:billable)$`): calendar.NonBillable,
	}
)

// slowType, slowPair and slowRead are a second reading of categories, by expressions.
func slowType(s string) calendar.BillingType {
	for expression, billing := range types {
		if expression.MatchString(s) {
			return billing
		}
	}
	return ""
}

func slowPair(left, right string) (customer string, billing calendar.BillingType) {
	left, right = edges.ReplaceAllString(left, ""), edges.ReplaceAllString(right, "")
	if slowType(left) != "" {
		left, right = right, left
	}
	if billing = slowType(right); left == "" || billing == "" || slowType(left) != "" {
		return "", ""
	}
	for _, own := range []string{"Admin", "Break"} {
		if billing == calendar.NonBillable && strings.EqualFold(left, own) {
			left = own
		}
	}
	return left, billing
}

// separators are all places of white space, a dash and white space; two may share white space.
func separators(text string) (places [][]int) {
	for from := 0; ; {
		at := separator.FindStringIndex(text[from:])
		if at == nil {
			return places
		}
		places = append(places, []int{from + at[0], from + at[1]})
		_, size := utf8.DecodeRuneInString(text[from+at[0]:])
		from += at[0] + size
	}
}

func slowRead(text string) (customer string, billing calendar.BillingType) {
	var plain [][]int
	places := separators(text)
	for _, at := range places {
		if text[at[0]:at[1]] == " - " {
			plain = append(plain, at)
		}
	}
	if len(plain) == 1 {
		if customer, billing = slowPair(text[:plain[0][0]], text[plain[0][1]:]); customer != "" {
			return customer, billing
		}
	}
	bare := strings.FieldsFunc(text, func(r rune) bool { return r == '–' || r == '—' })
	switch {
	case len(places) == 1:
		return slowPair(text[:places[0][0]], text[places[0][1]:])
	case len(places) == 0 && slowType(edges.ReplaceAllString(text, "")) == "" && strings.Count(text, "–")+strings.Count(text, "—") == 1 && len(bare) == 2:
		return slowPair(bare[0], bare[1])
	}
	return "", ""
}

// check compares Read with the second reading.
func check(t interface{ Errorf(string, ...any) }, text string) {
	customer, billing, err := category.Read(text)
	switch {
	case err != nil:
		if customer != "" || billing != "" {
			t.Errorf("%q is an error and yet %q, %q", text, customer, billing)
		}
	case customer == "":
		if !strings.EqualFold(strings.TrimSpace(text), "online") || billing != "" {
			t.Errorf("%q is valid without a customer", text)
		}
		return
	case !strings.Contains(text, customer) && customer != "Admin" && customer != "Break":
		t.Errorf("%q has the customer %q in another spelling", text, customer)
	}
	if wantCustomer, wantBilling := slowRead(text); customer != wantCustomer || billing != wantBilling {
		t.Errorf("%q is %q, %q, %v; want %q, %q", text, customer, billing, err, wantCustomer, wantBilling)
	}
}

func TestReadAgreesWithASecondReading(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"-", " - ", "–", "—", "\u2011", " ", "\u00a0", "\t", "billable", "Billable", "non", "non-billable", "non–billable", "Acme", "Köln", "admin", "Online", "x",
	})
	rapid.Check(t, func(t *rapid.T) { check(t, strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")) })
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "Online", "Acme - billable", "non-billable - Acme", " - ", " - billable", "a - b - c", "billable - non-billable",
		"\xff - billable", "Admin - non-billable", "x - - billable", "billable - - x", "Acme – billable", "a—non\u2011billable", "non–billable",
		"Müller – Söhne - billable", "a\u00a0-\u00a0billable", "a –\xff billable", "\u3000—\u3000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}
