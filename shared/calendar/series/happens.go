package series

import (
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/calendar"
)

// errHappens stops the walk through a series at the first instance that is wanted.
var errHappens = errors.New("happens")

// Happens says whether any instance of a series is in the window, as Expand would find it. It stops at the first one. Errors are Invalid.
func (x *Expander) Happens(master calendar.Event, exceptions []calendar.Event) (bool, error) {
	s, err := x.read(master)
	if err != nil {
		return false, fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	for _, e := range exceptions {
		if s.excludes(e.OriginalStart) {
			continue
		}
		in, err := x.Contains(e)
		if err != nil {
			return false, fmt.Errorf("exception %.200q: %w", e.ID, err)
		}
		if in {
			return true, nil
		}
	}
	err = x.walk(s, originals(exceptions), func(time.Time) error { return errHappens })
	if err != nil && !errors.Is(err, errHappens) {
		return false, fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	return err != nil, nil
}
