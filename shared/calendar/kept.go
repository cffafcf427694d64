package calendar

import "strings"

// Zone is a time zone that only a calendar itself explains: LoadZone does not know it.
type Zone struct {
	ID         string `json:"id"`         // the name that events use: a TZID
	Definition string `json:"definition"` // the VTIMEZONE (RFC 5545, section 3.6.5), unfolded, lines ended by CR LF
}

// Kept is what a calendar keeps as one: an event by itself, or a series with those of its instances that were changed by themselves.
type Kept struct {
	// Event is of type Single, or a Master with its Recurrence, or an Exception whose series is elsewhere: see Lone. Recurrence.Without names the instances
	// that were deleted. The body is there.
	Event Event `json:"event"`
	// Exceptions of a Master, by OriginalStart, each with its body. One may belong to no occurrence that the series has.
	Exceptions []Event `json:"exceptions,omitempty"`
	// Aside says that this is no event, but what of a file could not be read.
	Aside *Aside `json:"-"`
}

// Lone is an instance whose series is not there: an Exception that names no series but by ICalUID, which becomes that of the series. It is no event by
// itself to whoever puts it where the series is: there it changes one instance. Where nobody knows of which occurrence it is the instance, it is a Single.
func Lone(e Event) Event {
	e.SeriesMasterID = ""
	if e.OriginalStart.IsZero() {
		e.Type, e.RecurrenceID = Single, DateTime{}
		return e
	}
	e.Type, e.ICalUID = Exception, seriesUID(e.ICalUID)
	return e
}

// exchangeUID begins the iCalUIds that Exchange makes. The eight digits after it are zero, but of an instance they are its day
// (MS-OXOCAL, 2.2.1.27 and 2.2.1.28).
const exchangeUID = "040000008200E00074C5B7101A82E008"

// seriesUID is the iCalUId of the series to which the instance with an iCalUId belongs: the same one, but for those of Exchange.
func seriesUID(uid string) string {
	const day = len("07EA0A0C")
	if end := len(exchangeUID); len(uid) >= end+day && strings.EqualFold(uid[:end], exchangeUID) {
		return uid[:end] + strings.Repeat("0", day) + uid[end+day:]
	}
	return uid
}
