package archive

import (
	"slices"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

func TestPrivacy(t *testing.T) {
	raised := func(from string) []ledger.Change {
		return []ledger.Change{{Field: "sensitivity", From: from, To: "private", Reason: "personal"}}
	}
	for _, tt := range []struct {
		name    string
		event   calendar.Event
		want    calendar.Sensitivity
		changes []ledger.Change
	}{
		{"normal becomes private", busy("a", "09:00", "10:00"), calendar.Private, raised("normal")},
		{"one that says nothing is normal", busy("a", "09:00", "10:00", sensitive("")), calendar.Private, raised("normal")},
		{"personal becomes private", busy("a", "09:00", "10:00", sensitive(calendar.Personal)), calendar.Private, raised("personal")},
		{"private stays", busy("a", "09:00", "10:00", sensitive(calendar.Private)), calendar.Private, nil},
		{"confidential is never lowered", busy("a", "09:00", "10:00", sensitive(calendar.Confidential)), calendar.Confidential, nil},
		{"a category makes it nobody's secret", busy("a", "09:00", "10:00", billed), calendar.Normal, nil},
		{"so does an invalid one", busy("a", "09:00", "10:00", categories("Lunch")), calendar.Normal, nil},
		{"so does the marker", busy("a", "09:00", "10:00", categories("Online")), calendar.Normal, nil},
		{"so does travel", busy("a", "09:00", "10:00", subject("Drive home")), calendar.Normal, nil},
		{"a category lowers nothing", busy("a", "09:00", "10:00", billed, sensitive(calendar.Confidential)), calendar.Confidential, nil},
		{"a cancelled one is personal, too", busy("a", "09:00", "10:00", cancelled), calendar.Private, raised("normal")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := day(tt.event)
			it := itemOf(t, planOf(events), "a")
			if it.Appointment.Sensitivity != tt.want || !slices.Equal(it.Changes, tt.changes) {
				t.Errorf("got %s %v, want %s %v", it.Appointment.Sensitivity, it.Changes, tt.want, tt.changes)
			}
			if events[0].Sensitivity != tt.event.Sensitivity {
				t.Error("the source was changed")
			}
		})
	}
}
