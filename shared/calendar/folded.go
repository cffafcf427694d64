package calendar

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Folded is a name or text as it is compared: no difference of case, white space (no-break spaces too) or of how an accent is encoded counts.
func Folded(text string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(strings.Join(strings.Fields(text), " "))))
}
