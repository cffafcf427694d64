package archive

import (
	"strings"
	"unicode"

	"adminassistant/shared/calendar"
)

var travelWords = map[string]bool{
	"travel": true, "drive": true, "driving": true, "flight": true, "flying": true, "commute": true, "commuting": true, "transit": true,
	"transport": true, "journey": true, "trip": true, "departure": true, "arrival": true, "airport": true, "station": true,
}

// findTravel marks appointments whose subject has a travel word as a whole word, any case, and those that a rule makes travel.
func (p *planner) findTravel() {
	for _, c := range p.open() {
		p.markTravel(c)
		c.Issues = append(c.Issues, readTravel(&c.Appointment)...)
	}
}

// readTravel marks an appointment whose subject has a travel word. It returns what is wrong with one that is marked.
func readTravel(a *calendar.Appointment) (issues []string) {
	if a.Travel = a.Travel || hasTravelWord(a.Subject); a.Travel && a.Customer == "" {
		return []string{"travel without a customer category"}
	}
	return nil
}

func hasTravelWord(subject string) bool {
	for word := range strings.FieldsFuncSeq(subject, betweenWords) {
		// No travel word is longer than 12 bytes, in any case. Longer words need not be looked up.
		if len(word) <= 12 && travelWords[strings.ToLower(word)] {
			return true
		}
	}
	return false
}

func betweenWords(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '_'
}
