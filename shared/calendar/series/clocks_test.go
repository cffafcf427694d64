package series

import (
	"testing"

	"adminassistant/shared/calendar"
)

func TestClocks(t *testing.T) {
	const custom = "tzone://Microsoft/Custom"
	const seven = "2026-10-05T07:00:00"
	at := func(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }
	for _, tt := range []struct {
		name  string
		event calendar.Event
		zone  string
		known bool
	}{
		{"of the zone in which it was made", calendar.Event{Type: calendar.Master, Start: at(seven, "UTC"), StartZone: "Europe/Berlin"}, "Europe/Berlin", true},
		{"of the zone of its start", calendar.Event{Type: calendar.Master, Start: at("2026-10-05T09:00:00", "Europe/Berlin")}, "Europe/Berlin", true},
		{"of a zone that nobody explains", calendar.Event{Type: calendar.Master, Start: at(seven, "UTC"), StartZone: custom}, custom, false},
		{"of none: it is days", calendar.Event{Type: calendar.Master, Start: at("2026-10-05T00:00:00", "UTC"), StartZone: custom, AllDay: true}, "", true},
		{"of none: it floats", calendar.Event{Type: calendar.Master, Start: at(seven, ""), StartZone: custom}, "", true},
		{"of none: its start is an instant", calendar.Event{Type: calendar.Master, Start: at("2026-10-05T07:00:00Z", "")}, "", true},
		{"of none: it is no series", calendar.Event{Type: calendar.Single, Start: at(seven, "UTC"), StartZone: custom}, "", true},
	} {
		if zone, known := Clocks(&tt.event, calendar.LoadZone); zone != tt.zone || known != tt.known {
			t.Errorf("%s: %q, known %t", tt.name, zone, known)
		}
	}
}
