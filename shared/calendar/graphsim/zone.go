package graphsim

import (
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
)

// loadZone finds a time zone that an event names: a known one, or one that a seed explained.
func (s *Server) loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	loc, err := calendar.LoadZone(name)
	if err == nil {
		return loc, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return ics.Lookup(s.zones)(name)
}

// Names of zones that the service returns and does not accept: UTC, and any zone that only a seed explained.
const (
	tzone       = "tzone://Microsoft/"
	tzoneCustom = tzone + "Custom"
)

func isTzone(name string) bool {
	return len(name) >= len(tzone) && strings.EqualFold(name[:len(tzone)], tzone)
}

// zoneName is the name under which a zone is served.
func (s *Server) zoneName(name string) string {
	if isTzone(name) || name == "" {
		return name
	}
	if _, err := calendar.LoadZone(name); err != nil {
		return tzoneCustom
	}
	if windows, ok := calendar.WindowsName(name); ok && !s.options.ZonesAsWritten {
		return windows
	}
	return name
}

// checkZone refuses the zones that a client cannot write: the service knows those of Windows, by their own and by their IANA names.
func checkZone(name string) error {
	if _, ok := calendar.WindowsName(name); !ok || isTzone(name) {
		return badZone(name)
	}
	return nil
}

// readTime reads a dateTimeTimeZone of a request. It must name its zone. An offset is accepted only where it agrees with the zone, as Z and UTC do: what the
// service makes of another one is not documented.
func readTime(name string, v any) (calendar.DateTime, error) {
	o, _ := v.(object)
	text, _ := o["dateTime"].(string)
	zone, _ := o["timeZone"].(string)
	if o == nil || text == "" {
		return calendar.DateTime{}, badValue("The property '%s' is required: a dateTime and a timeZone.", name)
	}
	loc, err := calendar.LoadZone(zone)
	if err != nil {
		return calendar.DateTime{}, badZone(zone)
	}
	d := calendar.DateTime{Local: text, Zone: zone}
	wall, err := d.Wall()
	if err == nil {
		_, err = d.Instant(nil)
	}
	if err != nil || !strings.Contains(strings.ToUpper(text), "T") {
		return calendar.DateTime{}, badBody("Cannot convert the literal '%.60s' of property '%s/dateTime' to the expected type 'Edm.DateTime'.", text, name)
	}
	at, _ := d.Instant(nil)
	if back, _ := (calendar.DateTime{Local: timeOf(wall)}).Instant(loc); !back.Equal(at) {
		return calendar.DateTime{}, badValue("The property '%s/dateTime' has an offset that is not that of its time zone: '%.60s'.", name, text)
	}
	d.Local = timeOf(wall)
	return d, nil
}

// timeOf writes a wall time as Graph does.
func timeOf(w calendar.Wall) string {
	return time.Date(w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, w.Nanosecond, time.UTC).Format(graphTime)
}

const graphTime = "2006-01-02T15:04:05.0000000"

// isMidnight says whether a wall time is one.
func isMidnight(w calendar.Wall) bool { return w == calendar.Wall{Date: w.Date} }
