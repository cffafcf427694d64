package graph

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func TestRulesOfSeries(t *testing.T) {
	for _, tt := range []struct{ name, pattern, span, want string }{
		{"daily", `{"type":"daily","interval":3}`, `{"type":"noEnd"}`, "FREQ=DAILY;INTERVAL=3"},
		{"weekly", `{"type":"weekly","interval":1,"daysOfWeek":["monday","friday"],"firstDayOfWeek":"sunday"}`, `{"type":"numbered","numberOfOccurrences":4}`,
			"FREQ=WEEKLY;WKST=SU;BYDAY=MO,FR;COUNT=4"},
		{"a day of the month", `{"type":"absoluteMonthly","interval":1,"dayOfMonth":15}`, `{"type":"noEnd"}`, "FREQ=MONTHLY;BYMONTHDAY=15"},
		{"the last day of a month that may be short", `{"type":"absoluteMonthly","interval":2,"dayOfMonth":31}`, `{"type":"noEnd"}`,
			"FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31,30,29,28;BYSETPOS=-1"},
		{"the second Tuesday", `{"type":"relativeMonthly","interval":1,"daysOfWeek":["tuesday"],"index":"second"}`, `{"type":"noEnd"}`,
			"FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2"},
		{"the last working day", `{"type":"relativeMonthly","interval":1,"daysOfWeek":["monday","tuesday","wednesday","thursday","friday"],"index":"last"}`,
			`{"type":"noEnd"}`, "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"},
		{"a day of the year", `{"type":"absoluteYearly","interval":1,"month":2,"dayOfMonth":29}`, `{"type":"noEnd"}`,
			"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29,28;BYSETPOS=-1"},
		{"the first Monday of March", `{"type":"relativeYearly","interval":1,"month":3,"daysOfWeek":["monday"],"index":"first"}`, `{"type":"noEnd"}`,
			"FREQ=YEARLY;BYMONTH=3;BYDAY=MO;BYSETPOS=1"},
		{"up to a day", `{"type":"daily","interval":1}`, `{"type":"endDate","endDate":"2026-10-31","recurrenceTimeZone":"W. Europe Standard Time"}`,
			"FREQ=DAILY;UNTIL=20261031T225959Z"},
		{"an unknown pattern", `{"type":"lunar","interval":1}`, `{"type":"noEnd"}`, ""},
		{"an unknown range", `{"type":"daily","interval":1}`, `{"type":"sometime"}`, ""},
		{"no day of the week", `{"type":"weekly","interval":1}`, `{"type":"noEnd"}`, ""},
		{"no month", `{"type":"absoluteYearly","interval":1,"dayOfMonth":1}`, `{"type":"noEnd"}`, ""},
		{"an end that is no day", `{"type":"daily","interval":1}`, `{"type":"endDate","endDate":"soon"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s graphSeries
			if err := json.Unmarshal([]byte(`{"recurrence":{"pattern":`+tt.pattern+`,"range":`+tt.span+`}}`), &s); err != nil {
				t.Fatal(err)
			}
			e := calendar.Event{StartZone: "W. Europe Standard Time", Start: calendar.DateTime{Local: "2026-10-05T07:00:00", Zone: "UTC"},
				End: calendar.DateTime{Local: "2026-10-05T08:00:00", Zone: "UTC"}}
			err := s.into(&e)
			if tt.want == "" {
				if fault.Of(err) != fault.Internal || err == nil {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil || e.Recurrence.Rules[0] != tt.want {
				t.Errorf("rule is %+v, %v, want %s", e.Recurrence, err, tt.want)
			}
		})
	}
}

func TestASeriesIsToldInItsZone(t *testing.T) {
	s := graphSeries{CancelledOccurrences: []string{"OID.AAMkA.x.2026-10-26"}}
	s.Recurrence.Pattern = graphPattern{Type: "weekly", DaysOfWeek: []string{"Monday"}}
	s.Recurrence.Range = graphRange{Type: "noEnd", RecurrenceTimeZone: "W. Europe Standard Time"}
	e := calendar.Event{Start: calendar.DateTime{Local: "2026-10-05T07:00:00.0000000", Zone: "UTC"},
		End: calendar.DateTime{Local: "2026-10-05T08:00:00.0000000", Zone: "UTC"}}
	if err := s.into(&e); err != nil {
		t.Fatal(err)
	}
	at := func(local string) calendar.DateTime {
		return calendar.DateTime{Local: local, Zone: "W. Europe Standard Time"}
	}
	want := calendar.Event{Start: at("2026-10-05T09:00:00"), End: at("2026-10-05T10:00:00"), Recurrence: &calendar.Recurrence{
		Rules: []string{"FREQ=WEEKLY;BYDAY=MO"}, Without: []calendar.DateTime{at("2026-10-26T09:00:00")},
	}}
	if d := cmp.Diff(want, e); d != "" {
		t.Error(d)
	}
}
