package backup

import (
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// OwnClocks are series that cannot be restored to Microsoft 365, because it does not accept the time zone in which they repeat.
type OwnClocks struct {
	Series int        `json:"series"`
	First  []OwnClock `json:"first"` // up to maxOwnClocks of them
}

// OwnClock is such a series.
type OwnClock struct {
	ID      string `json:"id"`
	Subject string `json:"subject"` // its beginning
	Zone    string `json:"zone"`    // as the calendar names it
}

const (
	maxOwnClocks = 50
	maxOwnText   = 100 // characters
)

// add notes k if it is such a series; zones finds the zones that only the calendar explains, too.
func (o *OwnClocks) add(k *calendar.Kept, zones series.Zones) {
	zone, _ := series.Clocks(&k.Event, zones)
	if _, ok := calendar.WindowsName(zone); zone == "" || ok {
		return
	}
	if o.Series++; len(o.First) < maxOwnClocks {
		o.First = append(o.First, OwnClock{ID: k.Event.ID, Subject: beginning(k.Event.Subject), Zone: beginning(zone)})
	}
}

func beginning(text string) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), maxOwnText)])
}
