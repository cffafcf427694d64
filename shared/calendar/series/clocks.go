package series

import (
	"cmp"

	"adminassistant/shared/calendar"
)

// Clocks names the zone on whose clocks a series repeats, which is empty for a series of days and for one whose times float. known says whether zones
// has it. For a custom zone Exchange gives no more than a name ("tzone://Microsoft/Custom"): nobody knows when such a series happens in summer and
// in winter, although its first start is an instant.
func Clocks(master *calendar.Event, zones Zones) (zone string, known bool) {
	if master.Type != calendar.Master || master.AllDay || master.Start.Floats() {
		return "", true
	}
	if zone = cmp.Or(master.StartZone, master.Start.Zone); zone == "" {
		return "", true
	}
	_, err := zones(zone)
	return zone, err == nil
}
