package calendar

// Zone is a time zone that only a calendar itself explains: LoadZone does not know it.
type Zone struct {
	ID         string `json:"id"`         // the name that events use: a TZID
	Definition string `json:"definition"` // the VTIMEZONE (RFC 5545, section 3.6.5), unfolded, lines ended by CR LF
}

// Kept is what a calendar keeps as one: an event by itself, or a series with those of its instances that were changed by themselves.
type Kept struct {
	// Event is of type Single, or a Master with its Recurrence; in a file also an Exception whose series is elsewhere. Recurrence.Without names the instances
	// that were deleted. The body is there.
	Event Event `json:"event"`
	// Exceptions of a Master, by OriginalStart, each with its body. One may belong to no occurrence that the series has.
	Exceptions []Event `json:"exceptions,omitempty"`
	// Aside says that this is no event, but what of a file could not be read.
	Aside *Aside `json:"-"`
}
