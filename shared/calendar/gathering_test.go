package calendar

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"adminassistant/shared/fault"
)

func TestAGatheringHasAnEnd(t *testing.T) {
	g := Gathering{Most: 1 << 20}
	n := 0
	var err error
	for ; err == nil && n < 10_000; n++ {
		err = g.Add(Event{ID: fmt.Sprint(n), Subject: strings.Repeat("x", 1<<10)})
	}
	if fault.Of(err) != fault.Invalid || !errors.Is(err, ErrTooMuch) || !strings.Contains(err.Error(), "more than 1 MB of events") || n < 300 || n > 1024 {
		t.Errorf("after %d events of more than a kilobyte: %v", n, err)
	}
	var all Gathering
	for range 10_000 {
		if err := all.Add(Event{Subject: "x"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheInstancesOfASeriesShareTheirText(t *testing.T) {
	body := Body{Content: strings.Repeat("x", 100<<10)}
	for name, add := range map[string]Event{
		"instances of one series": {Type: Occurrence, SeriesMasterID: "s", Body: body},
		"events by themselves":    {Body: body},
	} {
		g := Gathering{Most: 1 << 20}
		var err error
		for range 20 {
			if err == nil {
				err = g.Add(add)
			}
		}
		if (err != nil) != (name == "events by themselves") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBytesAreThoseInMemory compares with what the heap holds. A field that is not counted would let a calendar in that does not fit.
func TestBytesAreThoseInMemory(t *testing.T) {
	text := func() string { return strings.Repeat("x", 10_000) }
	events := make([]Event, 200)
	held := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := held()
	var counted int64
	for i := range events {
		e := &events[i]
		e.ID, e.ICalUID, e.SeriesMasterID, e.Subject, e.BodyPreview, e.Location, e.Mark, e.OnlineURL = text(), text(), text(), text(), text(), text(), text(), text()
		e.Body.Content, e.BodyDigest, e.ChangeKey, e.ETag, e.Organizer = text(), text(), text(), text(), Person{text(), text()}
		e.Start.Local, e.End.Local = text(), text()
		e.Categories = []string{text(), text()}
		e.Attendees = make([]Attendee, 500)
		e.Attendees[0].Person = Person{text(), text()}
		e.Recurrence = &Recurrence{Rules: []string{text()}, Dates: make([]DateTime, 500), Without: []DateTime{{text(), text()}}}
		counted += e.Bytes()
	}
	counted -= int64(len(events) * sizeOf.event) // which were there before
	if used := held() - before; used > counted*11/10 || used < counted*9/10 {
		t.Errorf("counted as %d bytes, and takes %d", counted, used)
	}
	runtime.KeepAlive(events)
}
