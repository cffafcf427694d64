package customer

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func day(t testing.TB, text string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARecordThatIsWrongIsRefusedByField(t *testing.T) {
	const whole = `{"name": "Acme", "aliases": ["Acme GmbH", "ACME Inc"], "currency": "EUR",
		"rates": [{"from": "2026-01-01", "work": "120.00", "travel": "60"}, {"from": "2026-07-01", "work": "125.5", "travel": "50%"}],
		"rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day", "least": 30}],
		"day_minutes": 480, "travel_policy": "both", "locale": "de", "buyer_reference": "04011000-1234512345-06", "order_number": "PO 7",
		"address": ["Acme GmbH", "Hauptstraße 1", "10115 Berlin"], "emails": ["ap@acme.example", "billing@acme.example"]}`
	for _, c := range []struct{ from, to, field, says string }{
		{`"name": "Acme"`, `"name": "Acme"`, "", ""},
		{`"Acme"`, `""`, "name", "missing"},
		{`"Acme"`, `" Acme"`, "name", "space"},
		{`"Acme"`, `"Ac\nme"`, "name", "control"},
		{`"Acme"`, `"Ac\u2028me"`, "name", "control"},
		{`"Acme"`, `"` + strings.Repeat("ä", 100) + `"`, "", ""},
		{`"Acme"`, `"` + strings.Repeat("ä", 101) + `"`, "name", "100"},
		{`"Acme"`, `"Smith-Jones"`, "", ""},
		{`"Acme"`, `"Acme - East"`, "name", "category"},
		{`"Acme"`, `"Acme – East"`, "", ""}, // a plain dash goes before others
		{`"Acme"`, `"Acme -"`, "name", "category"},
		{`"Acme"`, `"Billable"`, "name", "category"},
		{`"Acme"`, `"NON-billable"`, "name", "category"},
		{`"ACME Inc"`, `""`, "aliases[1]", "missing"},
		{`"ACME Inc"`, `"acme  gmbh"`, "aliases[1]", "already"},
		{`"ACME Inc"`, `"acme"`, "aliases[1]", "already"},
		{`"EUR"`, `"eur"`, "currency", "ISO 4217"},
		{`"EUR"`, `"XYZ"`, "currency", "ISO 4217"},
		{`"EUR"`, `""`, "currency", "there are rates"},
		{`"currency": "EUR",
		"rates": [{"from": "2026-01-01", "work": "120.00", "travel": "60"}, `, `"rates": [`, "currency", "there are rates"},
		{`"2026-07-01"`, `"2026-01-01"`, "rates[1].from", "another rate"},
		{`"from": "2026-07-01", `, ``, "rates[1].from", "missing"},
		{`"120.00"`, `""`, "rates[0].work", "decimal"},
		{`"120.00"`, `"-1"`, "rates[0].work", "decimal"},
		{`"120.00"`, `"1,5"`, "rates[0].work", "decimal"},
		{`"120.00"`, `"1.23456"`, "rates[0].work", "4"},
		{`"120.00"`, `"1.2345"`, "", ""},
		{`"120.00"`, `"0"`, "", ""},
		{`"120.00"`, `".5"`, "rates[0].work", "decimal"},
		{`"120.00"`, `"5."`, "rates[0].work", "decimal"},
		{`"120.00"`, `"1e3"`, "rates[0].work", "decimal"},
		{`"120.00"`, `"50%"`, "rates[0].work", "decimal"},
		{`"120.00"`, `"1234567890"`, "rates[0].work", "9"},
		{`"120.00"`, `"123456789"`, "", ""},
		{`"120.00"`, `"١٢"`, "rates[0].work", "decimal"},
		{`"travel": "60"`, `"travel": "sixty"`, "rates[0].travel", "decimal"},
		{`"travel": "50%"`, `"travel": "%"`, "rates[1].travel", "share"},
		{`"travel": "50%"`, `"travel": "33.33333%"`, "rates[1].travel", "share"},
		{`"travel": "50%"`, `"travel": ""`, "", ""},
		{`"125.5", "travel": "50%"`, `"999999999", "travel": "100%"`, "", ""},
		{`"125.5", "travel": "50%"`, `"999999999", "travel": "100.0001%"`, "rates[1].travel", "more than a rate may be"},
		{`"125.5", "travel": "50%"`, `"200", "travel": "499999999.9999%"`, "", ""},                                      // 999,999,999.9998
		{`"125.5", "travel": "50%"`, `"333333333.3333", "travel": "300%"`, "", ""},                                      // 999,999,999.9999
		{`"125.5", "travel": "50%"`, `"950977129", "travel": "105.155%"`, "rates[1].travel", "more than a rate may be"}, // 999,999,999.99995
		{`"increment": 15`, `"increment": 7`, "rounding[0].increment", "divides"},
		{`"increment": 15`, `"increment": -15`, "rounding[0].increment", "divides"},
		{`"increment": 15`, `"increment": 120`, "rounding[0].increment", "divides"},
		{`"increment": 15`, `"increment": 60`, "", ""},
		{`"increment": 15, "mode": "up", "scope": "day", "least": 30`, `"increment": 0`, "", ""},
		{`"increment": 15, "mode": "up", "scope": "day"`, `"increment": 0`, "rounding[0].scope", "entry, day or position"},
		{`"mode": "up"`, `"mode": "down"`, "rounding[0].mode", "nearest or up"},
		{`"mode": "up", `, ``, "rounding[0].mode", "nearest or up"},
		{`"increment": 15, "mode": "up"`, `"increment": 1, "mode": "up"`, "", ""},
		{`"increment": 15, "mode": "up"`, `"increment": 1`, "rounding[0].mode", "nearest or up"},
		{`"increment": 15, "mode": "up", "scope": "day", "least": 30`, `"increment": 1, "mode": "up"`, "rounding[0].scope", "entry, day or position"},
		{`"increment": 15, "mode": "up", "scope": "day", "least": 30`, `"least": 1`, "rounding[0].scope", "entry, day or position"},
		{`"increment": 15, "mode": "up", "scope": "day", "least": 30`, `"scope": "week"`, "rounding[0].scope", "entry, day or position"},
		{`"increment": 15, "mode": "up", "scope": "day", "least": 30`, `"mode": "down"`, "rounding[0].mode", "nearest or up"},
		{`"least": 30`, `"least": 1440`, "", ""},
		{`"travel": "50%"`, `"travel": "5x%"`, "rates[1].travel", "must be a share"},
		{`"scope": "day"`, `"scope": "week"`, "rounding[0].scope", "entry, day or position"},
		{`"scope": "day", `, ``, "rounding[0].scope", "entry, day or position"},
		{`"least": 30`, `"least": -1`, "rounding[0].least", "1440"},
		{`"least": 30`, `"least": 1441`, "rounding[0].least", "1440"},
		{`"rounding": [`, `"rounding": [{"from": "2026-01-01", "increment": 6, "mode": "up", "scope": "day"}, `, "rounding[1].from", "another rounding"},
		{`"rounding": [{"from": "2026-01-01", `, `"rounding": [{`, "rounding[0].from", "missing"},
		{`480`, `1441`, "day_minutes", "1440"},
		{`480`, `-1`, "day_minutes", "1440"},
		{`480`, `1440`, "", ""},
		{`"both"`, `"all"`, "travel_policy", "to, both or none"},
		{`"de"`, `"fr"`, "locale", "en or de"},
		{`"PO 7"`, `"PO\t7"`, "order_number", "control"},
		{`"04011000-1234512345-06"`, `"` + strings.Repeat("4", 101) + `"`, "buyer_reference", "100"},
		{`"Hauptstraße 1"`, `""`, "address[1]", "missing"},
		{`"billing@acme.example"`, `"billing"`, "emails[1]", "e-mail"},
		{`"billing@acme.example"`, `"Billing <billing@acme.example>"`, "emails[1]", "alone"},
		{`"billing@acme.example"`, `"AP@acme.example"`, "emails[1]", "twice"},
	} {
		if !strings.Contains(whole, c.from) {
			t.Fatalf("no %s", c.from)
		}
		var customer Customer
		if err := json.Unmarshal([]byte(strings.Replace(whole, c.from, c.to, 1)), &customer); err != nil {
			t.Fatal(err)
		}
		err := customer.Validate()
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s for %s: %v", c.to, c.from, err)
		case c.field == "":
		case err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s for %s: %v at %q, want %s at %s", c.to, c.from, err, fault.FieldOf(err), c.says, c.field)
		}
	}
}

func TestARecordHasAtMostSoMuch(t *testing.T) {
	many := func(n int, text string) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf(text, i))
		}
		return all
	}
	rates, roundings := make([]Rate, 201), make([]Rounding, 101)
	for i := range rates {
		rates[i] = Rate{From: day(t, "2020-01-01").AddDays(i), Work: "1"}
	}
	for i := range roundings {
		roundings[i] = Rounding{From: day(t, "2020-01-01").AddDays(i)}
	}
	for field, c := range map[string]struct{ most, over Customer }{
		"aliases":  {Customer{Aliases: many(50, "A%d")}, Customer{Aliases: many(51, "A%d")}},
		"address":  {Customer{Address: Address{Lines: many(10, "A%d")}}, Customer{Address: Address{Lines: many(11, "A%d")}}},
		"emails":   {Customer{Address: Address{Emails: many(10, "a%d@x.example")}}, Customer{Address: Address{Emails: many(11, "a%d@x.example")}}},
		"rates":    {Customer{Terms: Terms{Currency: "EUR", Rates: rates[1:]}}, Customer{Terms: Terms{Currency: "EUR", Rates: rates}}},
		"rounding": {Customer{Terms: Terms{Rounding: roundings[1:]}}, Customer{Terms: Terms{Rounding: roundings}}},
	} {
		c.most.Name, c.over.Name = "Acme", "Acme"
		if err := c.most.Validate(); err != nil {
			t.Errorf("%s: %v", field, err)
		}
		if err := c.over.Validate(); fault.FieldOf(err) != field {
			t.Errorf("one of %s too many: %v", field, err)
		}
	}
}

func TestACustomerIsFoundByEverySpellingOfItsNames(t *testing.T) {
	book := NewBook([]Customer{{Name: "Zeta"}, {Name: "Müller", Aliases: []string{"Müller & Söhne"}}, {Name: "acme"}})
	for name, want := range map[string]string{
		"acme": "acme", "ACME": "acme", " Acme ": "acme", "Mu\u0308ller": "Müller", "MÜLLER &\u00a0SÖHNE": "Müller", "Zeta": "Zeta",
		"Omega": "Omega", "Mueller": "Mueller",
	} {
		if got := book.Named(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
		if found := book.Find(name); (found != nil) != (name != "Omega" && name != "Mueller") {
			t.Errorf("%q: %v", name, found)
		}
	}
	var order []string
	for _, c := range book.All() {
		order = append(order, c.Name)
	}
	if got := strings.Join(order, " "); got != "acme Müller Zeta" {
		t.Errorf("in the order %s", got)
	}
}

func TestWhatIsNotSaidHasADefault(t *testing.T) {
	for _, c := range []struct {
		of       Customer
		policy   Policy
		language string
	}{
		{Customer{}, TravelTo, "en"},
		{Customer{Terms: Terms{Travel: NoTravel}, Address: Address{Locale: "de"}}, NoTravel, "de"},
	} {
		if p, l := c.of.Policy(), c.of.Language(); p != c.policy || l != c.language {
			t.Errorf("got %s and %s, want %s and %s", p, l, c.policy, c.language)
		}
	}
}

func TestANameIsSpelledAsMostSpellIt(t *testing.T) {
	got := Spellings(map[string]int{"ACME": 2, "Acme": 3, "acme": 1, "Beta": 1, "beta": 1, "Müller": 1, "MÜLLER ": 2})
	if want := map[string]string{"acme": "Acme", "beta": "Beta", "müller": "MÜLLER "}; !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
