package local

import (
	"fmt"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

func TestCalendarsAreCapped(t *testing.T) {
	p, _ := fresh(t)
	ann := p.For("tenant#ann")
	uri := func(i int) calendar.URI { // of several accounts
		return calendar.URI{Provider: calendar.ProviderLocal, Account: fmt.Sprint("account", i%3), Calendar: fmt.Sprint("c", i)}
	}
	var last calendar.Info
	for i := range limit.LocalCalendars {
		var err error
		if last, err = ann.CreateCalendar(t.Context(), uri(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ann.CreateCalendar(t.Context(), uri(limit.LocalCalendars)); fault.Of(err) != fault.Conflict {
		t.Errorf("one too many: %v", err)
	}
	if _, err := p.For("tenant#bob").CreateCalendar(t.Context(), uri(0)); err != nil {
		t.Errorf("another user: %v", err)
	}
	if err := ann.DeleteCalendar(t.Context(), last.URI.Account, last.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.CreateCalendar(t.Context(), uri(limit.LocalCalendars)); err != nil {
		t.Errorf("in the place of a deleted one: %v", err)
	}
}
