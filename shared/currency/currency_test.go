package currency

import (
	"strings"
	"testing"

	text "golang.org/x/text/currency"
)

func TestAmountsHaveTheDecimalsOfISO4217(t *testing.T) {
	for code, want := range map[string]int{"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "IQD": 3, "CLF": 4, "HUF": 2, "ISK": 0, "XCG": 2} {
		if got, ok := Places(code); !ok || got != want {
			t.Errorf("%s has %d decimals (%t), want %d", code, got, ok, want)
		}
	}
	for _, code := range []string{"", "eur", "EURO", "XXX", "XTS", "XAU", "DEM", "ABC", "EUR USD"} {
		if _, ok := Places(code); ok {
			t.Errorf("%q is a currency", code)
		}
	}
}

func TestCodesAreThoseThatOthersKnow(t *testing.T) {
	newer := []string{"MRU", "SLE", "UYW", "VED", "VES", "XCG", "ZWG"} // came after the tables that we compare with
	count := 0
	for _, codes := range byPlaces {
		for code := range strings.FieldsSeq(codes) {
			count++
			if _, err := text.ParseISO(code); err != nil && !strings.Contains(strings.Join(newer, " "), code) {
				t.Errorf("%s: %v", code, err)
			}
		}
	}
	if count != len(places) {
		t.Errorf("%d codes of %d are there twice", count-len(places), count)
	}
}
