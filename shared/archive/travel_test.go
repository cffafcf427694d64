package archive

import (
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestTravelWords(t *testing.T) {
	for word := range strings.FieldsSeq("travel drive driving flight flying commute commuting transit transport journey trip departure arrival airport station") {
		for _, subject := range []string{
			word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:], "my " + word + " home", word + ": Munich", "(" + word + ")",
			"to-" + word + "-from", "München→" + word, "1 " + word + "\tlater",
		} {
			if !hasTravelWord(subject) {
				t.Errorf("%q is no travel", subject)
			}
		}
		for _, subject := range []string{word + "s", "x" + word, word + "2", word + "_x", "ü" + word, word + "é", word + "\u0301"} {
			if hasTravelWord(subject) {
				t.Errorf("%q is travel", subject)
			}
		}
	}
	for _, subject := range []string{"", "   ", "Review", "roundtrip", "driver", "stationery", "travelling", "\xff\xfe"} {
		if hasTravelWord(subject) {
			t.Errorf("%q is travel", subject)
		}
	}
}

func TestTravel(t *testing.T) {
	const missing = "travel without a customer category"
	for _, tt := range []struct {
		name     string
		event    calendar.Event
		customer string
		issues   []string
	}{
		{"keeps its customer", busy("a", "09:00", "10:00", subject("Flight to Oslo"), categories("Acme - billable")), "Acme", nil},
		{"keeps its customer when that does not pay for it", busy("a", "09:00", "10:00", subject("Flight to Oslo"), categories("Acme - non-billable")), "Acme", nil},
		{"is an issue without a category", busy("a", "09:00", "10:00", subject("Drive")), "", []string{missing}},
		{"is an issue with the marker alone", busy("a", "09:00", "10:00", subject("Drive"), categories("Online")), "", []string{missing}},
		{
			"is an issue with an invalid category, besides that",
			busy("a", "09:00", "10:00", subject("Drive"), categories("Acme")),
			"",
			[]string{`invalid category "Acme": expected "<customer> - billable" or "<customer> - non-billable"`, missing},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := itemOf(t, planOf(day(tt.event)), "a")
			if !it.Appointment.Travel || it.Appointment.Customer != tt.customer || !slices.Equal(it.Issues, tt.issues) {
				t.Errorf("travel %t, customer %q, issues %q", it.Appointment.Travel, it.Appointment.Customer, it.Issues)
			}
		})
	}
}
