package timesheet

import (
	"fmt"
	"strings"

	"adminassistant/shared/calendar"
)

// Language is how a customer reads days, sums and times.
type Language struct {
	// German is one of the two that there are; the other is English.
	German bool
}

// LanguageOf is that of a locale, as in "de" or "de-AT"; what is not known is English.
func LanguageOf(locale string) Language {
	return Language{German: strings.HasPrefix(strings.ToLower(locale), "de")}
}

var months = [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// Date writes a day: 5 Oct 2026, 05.10.2026.
func (l Language) Date(d calendar.Date) string {
	if l.German {
		return fmt.Sprintf("%02d.%02d.%04d", d.Day, int(d.Month), d.Year)
	}
	return fmt.Sprintf("%d %s %04d", d.Day, months[d.Month-1], d.Year)
}

// Period writes a run of days: 1 Oct 2026 – 31 Oct 2026.
func (l Language) Period(p Period) string {
	if p.From == p.To {
		return l.Date(p.From)
	}
	return l.Date(p.From) + " – " + l.Date(p.To)
}

// Decimal writes a decimal with the language's marks: 2,250.00, 2.250,00.
func (l Language) Decimal(text string) string {
	mark, group := ".", ","
	if l.German {
		mark, group = ",", "."
	}
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "−", text[1:]
	}
	whole, part, point := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if point {
		whole += mark + part
	}
	return sign + whole
}

// Time writes a duration as h:mm.
func (l Language) Time(seconds int64) string { return strings.Replace(Hours(seconds), "-", "−", 1) }
