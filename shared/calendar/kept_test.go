package calendar

import (
	"testing"
	"time"
)

func TestLone(t *testing.T) {
	at := time.Date(2026, 10, 12, 16, 0, 0, 0, time.UTC)
	const class = "040000008200E00074C5B7101A82E008"
	for _, tt := range []struct {
		name string
		e    Event
		want Type
		uid  string
	}{
		{name: "one that tells its original start is an instance", want: Exception, uid: "M",
			e: Event{Type: Exception, SeriesMasterID: "gone", ICalUID: "M", OriginalStart: at, RecurrenceID: DateTime{Local: "2026-10-12"}}},
		{name: "an occurrence to which somebody was invited is one, too", want: Exception, uid: "M",
			e: Event{Type: Occurrence, SeriesMasterID: "gone", ICalUID: "M", OriginalStart: at}},
		{name: "one that does not tell it is an event by itself", want: Single, uid: "M",
			e: Event{Type: Exception, SeriesMasterID: "gone", ICalUID: "M", RecurrenceID: DateTime{Local: "2026-10-12"}}},
		{name: "Exchange's iCalUId becomes that of the series", want: Exception, uid: class + "00000000" + "AB12",
			e: Event{Type: Exception, ICalUID: class + "07EA0A0C" + "AB12", OriginalStart: at}},
		{name: "in whatever letters it is written", want: Exception, uid: "040000008200e00074c5b7101a82e008" + "00000000" + "ab12",
			e: Event{Type: Exception, ICalUID: "040000008200e00074c5b7101a82e008" + "07ea0a0c" + "ab12", OriginalStart: at}},
		{name: "an iCalUId that ends where the day would is left", want: Exception, uid: class + "07EA0A0",
			e: Event{Type: Exception, ICalUID: class + "07EA0A0", OriginalStart: at}},
		{name: "that of an event by itself is left", want: Single, uid: class + "07EA0A0C" + "AB12",
			e: Event{Type: Exception, ICalUID: class + "07EA0A0C" + "AB12"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Lone(tt.e)
			if got.Type != tt.want || got.SeriesMasterID != "" || got.ICalUID != tt.uid || !got.OriginalStart.Equal(tt.e.OriginalStart) ||
				(got.RecurrenceID == tt.e.RecurrenceID) != (tt.want == Exception || tt.e.RecurrenceID == DateTime{}) {
				t.Errorf("%+v", got)
			}
		})
	}
}
