package calendar

import (
	"errors"
	"fmt"
	"reflect"

	"adminassistant/shared/fault"
)

// ErrTooMuch means that there is more than may be held at once. Its errors are of kind fault.Invalid.
var ErrTooMuch = errors.New("calendar: too much at once")

// Gathering collects the events of one reading, up to a size in memory: a calendar may hold far more than fits, above all by a series that happens
// every minute. The zero Gathering has no end.
type Gathering struct {
	Most   int64 // bytes, as Event.Bytes counts them; 0: any number
	Events []Event

	bytes  int64
	series string // of the event before: the instances of a series share their text
}

// Add takes an event. When it does not fit any more, the error is ErrTooMuch and says what to do where a period is read.
func (g *Gathering) Add(e Event) error {
	g.bytes += e.Bytes()
	if e.Type == Occurrence && e.SeriesMasterID != "" {
		if e.SeriesMasterID == g.series {
			g.bytes -= int64(len(e.Body.Content))
		}
		g.series = e.SeriesMasterID
	}
	if g.Most > 0 && g.bytes > g.Most {
		return fault.Wrap(fault.Invalid, &tooMuch{fmt.Sprintf("the calendar has more than %d MB of events in the period, more than can be read at once; "+
			"take a shorter period, or end the series that happen most often", g.Most>>20)})
	}
	g.Events = append(g.Events, e)
	return nil
}

var sizeOf = struct{ event, attendee, time, text int }{
	int(reflect.TypeFor[Event]().Size()), int(reflect.TypeFor[Attendee]().Size()), int(reflect.TypeFor[DateTime]().Size()), int(reflect.TypeFor[string]().Size()),
}

// tooMuch is ErrTooMuch with a text for the reader.
type tooMuch struct{ text string }

func (e *tooMuch) Error() string { return e.text }
func (e *tooMuch) Unwrap() error { return ErrTooMuch }

// Bytes is about what the event takes in memory: itself and its texts.
func (e *Event) Bytes() int64 {
	n := sizeOf.event + len(e.ID) + len(e.ICalUID) + len(e.SeriesMasterID) + len(e.Subject) + len(e.Body.Content) + len(e.BodyPreview) +
		len(e.BodyDigest) + len(e.Start.Local) + len(e.End.Local) + len(e.Location) + len(e.Mark) + len(e.ChangeKey) + len(e.ETag) + len(e.OnlineURL) +
		len(e.Organizer.Name) + len(e.Organizer.Address)
	for _, c := range e.Categories {
		n += sizeOf.text + len(c)
	}
	for i := range e.Attendees {
		n += sizeOf.attendee + len(e.Attendees[i].Name) + len(e.Attendees[i].Address)
	}
	if r := e.Recurrence; r != nil {
		for _, rule := range r.Rules {
			n += sizeOf.text + len(rule)
		}
		for _, list := range [][]DateTime{r.Dates, r.Without} {
			for i := range list {
				n += sizeOf.time + len(list[i].Local) + len(list[i].Zone)
			}
		}
	}
	return int64(n)
}
