package timesheet

import (
	"math/big"
	"strings"

	"adminassistant/shared/fault"
)

const (
	ratePlaces = 4 // decimals that a rate may have
	rateWhole  = 9 // digits before them
	rateUnit   = 10_000
)

// rate is what an hour costs, in ten thousandths. The zero rate is none.
type rate struct {
	units int64
	text  string // as it was written
}

func (r rate) none() bool { return r.text == "" }

// parseDecimal reads digits with at most four behind a point, in ten thousandths.
func parseDecimal(text string) (units int64, ok bool) {
	whole, part, point := strings.Cut(text, ".")
	if whole == "" || len(whole) > rateWhole || point && part == "" || len(part) > ratePlaces {
		return 0, false
	}
	for _, c := range []byte(whole + part + strings.Repeat("0", ratePlaces-len(part))) {
		if c < '0' || c > '9' {
			return 0, false
		}
		units = units*10 + int64(c-'0')
	}
	return units, true
}

func parseRate(field, text string) (rate, error) {
	units, ok := parseDecimal(text)
	if !ok {
		return rate{}, fault.Field(field, "must be a decimal as in 120.00, with at most %d digits before the point and %d behind it, not %.30q",
			rateWhole, ratePlaces, text)
	}
	return rate{units, text}, nil
}

// mostRate is the highest rate, in ten thousandths.
const mostRate = 1_000_000_000*rateUnit - 1

// share is the rate of travel that is a share of the rate of work, rounded to four places; false: it is higher than rates may be.
func (r rate) share(percent int64, places int) (rate, bool) {
	units := halfAway(new(big.Int).Mul(big.NewInt(r.units), big.NewInt(percent)), big.NewInt(100*rateUnit))
	if units.Cmp(big.NewInt(mostRate)) > 0 {
		return rate{}, false
	}
	text := decimalText(units, ratePlaces)
	for whole := len(text) - ratePlaces; len(text) > whole+places && strings.HasSuffix(text, "0"); {
		text = text[:len(text)-1]
	}
	return rate{units.Int64(), strings.TrimSuffix(text, ".")}, true
}

// amount is what seconds cost at a rate, in the currency's minor unit, rounded half away from zero.
func amount(seconds int64, r rate, places int) *big.Int {
	product := new(big.Int).Mul(big.NewInt(seconds), big.NewInt(r.units))
	product.Mul(product, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil))
	return halfAway(product, big.NewInt(3600*rateUnit))
}

// halfAway is a/b for a positive b, rounded to the next integer, and halves away from zero.
func halfAway(a, b *big.Int) *big.Int {
	twice := new(big.Int).Abs(a)
	twice.Lsh(twice, 1).Add(twice, b)
	q := twice.Quo(twice, new(big.Int).Lsh(b, 1))
	if a.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

// decimalText writes n minor units as a decimal.
func decimalText(n *big.Int, places int) string {
	digits := new(big.Int).Abs(n).String()
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if places == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}
