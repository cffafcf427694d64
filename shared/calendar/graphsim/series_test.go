package graphsim

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
)

func recurring(pattern, days string) string {
	return `{"pattern":` + pattern + `,"range":` + days + `}`
}

func TestSeriesAreExpandedAcrossTheChangeOfTheClocks(t *testing.T) {
	_, c := start(t, Options{})
	id := c.post(draft("Steering", "2026-10-19T09:00:00", "2026-10-19T10:00:00", "recurrence",
		recurring(`{"type":"weekly","interval":1,"daysOfWeek":["monday"]}`, `{"type":"endDate","startDate":"2026-10-19","endDate":"2026-11-02"}`)))
	a := c.do("GET", "/me/calendarView?startDateTime=2026-10-01&endDateTime=2026-12-01", "").is(200)
	if got := a.all("start/dateTime"); got != "2026-10-19T07:00:00.0000000 2026-10-26T08:00:00.0000000 2026-11-02T08:00:00.0000000" {
		t.Error(got)
	}
	a.has("value/1/type", "occurrence", "value/1/seriesMasterId", id, "value/1/originalStart", "2026-10-26T08:00:00Z", "value/1/recurrence", "")
	if a.field("value/0/iCalUId") == a.field("value/1/iCalUId") {
		t.Error("two occurrences have one iCalUId")
	}
	c.do("GET", "/me/events", "").has("value/0/type", "seriesMaster", "value/0/id", id, "value/0/recurrence/pattern/daysOfWeek/0", "monday",
		"value/0/recurrence/range/recurrenceTimeZone", "W. Europe Standard Time", "value/1", "")
	c.do("GET", "/me/events/"+id+"/instances?startDateTime=2026-10-20&endDateTime=2026-10-30", "").is(200).
		has("value/0/originalStart", "2026-10-26T08:00:00Z", "value/1", "")
	occurrence := a.field("value/1/id")
	c.do("GET", "/me/events/"+occurrence, "").is(200).has("type", "occurrence", "start/dateTime", "2026-10-26T08:00:00.0000000")
	c.do("GET", "/me/events/"+occurrence+"/instances?"+october, "").is(400)
	c.do("GET", "/me/events/"+strings.Replace(occurrence, "1026", "1027", 1), "").is(404)
}

func TestPatterns(t *testing.T) {
	const open = `{"type":"noEnd","startDate":"%"}`
	for name, test := range map[string]struct{ start, pattern, days, want string }{
		"every second day": {"2026-10-05", `{"type":"daily","interval":2}`, `{"type":"numbered","startDate":"%","numberOfOccurrences":3}`,
			"10-05 10-07 10-09"},
		"Monday and Wednesday, fortnightly": {"2026-10-05", `{"type":"weekly","interval":2,"daysOfWeek":["monday","wednesday"],"firstDayOfWeek":"monday"}`,
			open, "10-05 10-07 10-19 10-21 11-02 11-04"},
		"the 31st, or the last day": {"2026-10-31", `{"type":"absoluteMonthly","interval":1,"dayOfMonth":31}`, open, "10-31 11-30 12-31"},
		"the last Friday": {"2026-10-30", `{"type":"relativeMonthly","interval":1,"daysOfWeek":["friday"],"index":"last"}`, open,
			"10-30 11-27 12-25"},
		"the second weekday": {"2026-10-02",
			`{"type":"relativeMonthly","interval":1,"daysOfWeek":["monday","tuesday","wednesday","thursday","friday"],"index":"second"}`, open, "10-02 11-03 12-02"},
		"every 24 December": {"2026-12-24", `{"type":"absoluteYearly","interval":1,"dayOfMonth":24,"month":12}`, open, "12-24"},
		"the fourth Thursday of November": {"2026-11-26", `{"type":"relativeYearly","interval":1,"daysOfWeek":["thursday"],"month":11,"index":"fourth"}`,
			open, "11-26"},
		"a start that the pattern does not name": {"2026-10-05", `{"type":"weekly","interval":1,"daysOfWeek":["thursday"]}`,
			`{"type":"numbered","startDate":"%","numberOfOccurrences":2}`, "10-08 10-15"},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := start(t, Options{})
			c.zone = "W. Europe Standard Time"
			c.post(draft("x", test.start+"T09:00:00", test.start+"T10:00:00", "recurrence", recurring(test.pattern, strings.Replace(test.days, "%", test.start, 1))))
			end := "2026-12-31T23:00:00Z"
			if strings.Count(test.want, " ") == 5 {
				end = "2026-11-15"
			}
			var days []string
			a := c.do("GET", "/me/calendarView?startDateTime=2026-10-01&endDateTime="+end, "").is(200)
			for start := range strings.SplitSeq(a.all("start/dateTime"), " ") {
				if !strings.HasSuffix(start, "T09:00:00.0000000") {
					t.Error(start)
				}
				days = append(days, start[5:10])
			}
			if got := strings.Join(days, " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestOccurrencesAreChangedAndDeletedByThemselves(t *testing.T) {
	sim, c := start(t, Options{})
	id := c.post(draft("Daily", "2026-10-05T09:00:00", "2026-10-05T09:15:00", "recurrence",
		recurring(`{"type":"daily","interval":1}`, `{"type":"numbered","startDate":"2026-10-05","numberOfOccurrences":4}`)))
	view := func() answer { return c.do("GET", "/me/calendarView?"+october, "").is(200) }
	before := c.do("GET", "/me/events/"+id, "")
	second, third := view().field("value/1/id"), view().field("value/2/id")

	c.do("PATCH", "/me/events/"+second,
		`{"subject":"Moved","start":{"dateTime":"2026-10-06T14:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-10-06T15:00:00","timeZone":"UTC"}}`).is(200).
		has("type", "exception", "originalStart", "2026-10-06T07:00:00Z", "seriesMasterId", id)
	c.do("PATCH", "/me/events/"+second, `{"showAs":"free"}`).is(200).has("subject", "Moved", "showAs", "free", "start/dateTime", "2026-10-06T14:00:00.0000000")
	c.do("PATCH", "/me/events/"+third, `{"end":{"dateTime":"2026-10-01T14:00:00","timeZone":"UTC"}}`).is(400)
	c.do("DELETE", "/me/events/"+third, "").is(204)
	c.do("GET", "/me/events/"+third, "").is(404)
	if a := view(); a.all("subject") != "Daily Moved Daily" || a.all("type") != "occurrence exception occurrence" || a.field("value/1/id") != second {
		t.Error(a.text)
	}
	after := c.do("GET", "/me/events/"+id+"?$select=cancelledOccurrences,changeKey,exceptionOccurrences&$expand=exceptionOccurrences", "").is(200).
		has("cancelledOccurrences/0", "OID."+id+".2026-10-07", "exceptionOccurrences/0/id", second, "exceptionOccurrences/0/subject", "",
			"exceptionOccurrences/1", "")
	c.do("GET", "/me/events/"+id+"?$select=subject,exceptionOccurrences&$expand=exceptionOccurrences", "").is(200).
		has("exceptionOccurrences/0/subject", "Moved", "cancelledOccurrences", "")
	for _, query := range []string{
		"/me/events/" + id + "?$select=subject&$expand=exceptionOccurrences", "/me/events/" + id + "?$select=exceptionOccurrences", "/me/events/" + id,
	} {
		c.do("GET", query, "").is(200).has("exceptionOccurrences", "", "cancelledOccurrences", "")
	}
	c.do("GET", "/me/events?$select=cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences", "").is(200).
		has("value/0/id", id, "value/0/exceptionOccurrences", "", "value/0/cancelledOccurrences/0", "")
	if after.field("changeKey") == before.field("changeKey") {
		t.Error("the series' change key is the same")
	}
	if _, err := sim.PutEvent(user, "", []byte(`{"id":"`+second+`","subject":"Moved again"}`)); err != nil {
		t.Fatal(err)
	}
	if got := view().all("subject"); got != "Daily Moved again Daily" {
		t.Error(got)
	}
	if events, err := sim.Events(user, ""); err != nil || len(events) != 2 || events[0].Type != calendar.Master || events[1].Type != calendar.Exception ||
		events[1].Subject != "Moved again" {
		t.Errorf("%+v %v", events, err)
	}

	c.do("PATCH", "/me/events/"+id, `{"subject":"Standup"}`).is(200)
	if got := view().all("subject"); got != "Standup Moved again Standup" {
		t.Error(got)
	}
	c.do("PATCH", "/me/events/"+id, `{"start":{"dateTime":"2026-10-05T08:00:00","timeZone":"W. Europe Standard Time"}}`).is(200)
	if got := view().all("subject"); got != "Standup Standup Standup Standup" {
		t.Errorf("a series at another time keeps its exceptions: %s", got)
	}
	c.do("PATCH", "/me/events/"+id, `{"recurrence":null}`).is(200).has("type", "singleInstance")
	c.do("DELETE", "/me/events/"+id, "").is(204)
	if got := view().all("subject"); got != "" {
		t.Error(got)
	}
}

func TestAnOccurrenceStaysBetweenItsNeighbours(t *testing.T) {
	_, c := start(t, Options{})
	id := c.post(draft("Weekly", "2026-10-05T09:00:00", "2026-10-05T09:15:00", "recurrence",
		recurring(`{"type":"weekly","interval":1,"daysOfWeek":["monday"]}`, `{"type":"numbered","startDate":"2026-10-05","numberOfOccurrences":4}`)))
	second := c.do("GET", "/me/events/"+id+"/instances?"+october, "").is(200).field("value/1/id")
	move := func(start string) answer {
		return c.do("PATCH", "/me/events/"+second, `{"start":{"dateTime":"`+start+`","timeZone":"W. Europe Standard Time"},"end":{"dateTime":"`+start+
			`","timeZone":"W. Europe Standard Time"}}`)
	}
	for _, day := range []string{"2026-10-05T23:00:00", "2026-10-04T09:00:00", "2026-10-19T00:00:00", "2026-10-28T09:00:00"} {
		move(day).is(400, "ErrorOccurrenceCrossingBoundary")
	}
	for _, day := range []string{"2026-10-06T00:00:00", "2026-10-18T23:00:00", "2026-10-12T10:00:00"} {
		move(day).is(200)
	}
	third := c.do("GET", "/me/events/"+id+"/instances?"+october, "").field("value/2/id")
	c.do("DELETE", "/me/events/"+third, "").is(204)
	move("2026-10-20T09:00:00").is(200)
}

func TestAllDaySeries(t *testing.T) {
	_, c := start(t, Options{})
	c.zone = "America/New_York"
	c.post(draft("Holiday", "2026-10-05T00:00:00", "2026-10-06T00:00:00", "isAllDay", "true", "recurrence",
		recurring(`{"type":"weekly","interval":1,"daysOfWeek":["monday"]}`, `{"type":"noEnd","startDate":"2026-10-05"}`)))
	a := c.do("GET", "/me/calendarView?"+october, "").is(200)
	if got := a.all("start/dateTime"); !strings.HasPrefix(got, "2026-10-05T00:00:00.0000000 2026-10-12T00:00:00.0000000") {
		t.Error(got)
	}
	second := a.field("value/1/id")
	c.do("DELETE", "/me/events/"+second, "").is(204)
	if got := c.do("GET", "/me/calendarView?"+october, "").all("originalStart"); got != "2026-10-05T00:00:00Z 2026-10-19T00:00:00Z 2026-10-26T00:00:00Z" {
		t.Error(got)
	}
}

// A pattern of Outlook that is written as an RRULE can be read back from it.
func TestPatternsSurviveTheWayThroughARule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := calendar.Date{Year: 2026, Month: 10, Day: 1}.AddDays(rapid.IntRange(0, 700).Draw(t, "day"))
		r := &recurrence{Pattern: pattern{Interval: rapid.IntRange(1, 20).Draw(t, "interval"), FirstDayOfWeek: "monday", Index: "first"},
			Range: spanOfDays{Type: "noEnd", EndDate: noDate}}
		p := &r.Pattern
		p.Type = rapid.SampledFrom([]string{"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}).Draw(t, "type")
		if p.Type == "weekly" {
			p.FirstDayOfWeek = rapid.SampledFrom(dayNames).Draw(t, "first day")
		}
		if p.Type == "weekly" || strings.HasPrefix(p.Type, "relative") {
			p.DaysOfWeek = rapid.SliceOfNDistinct(rapid.SampledFrom(dayNames), 1, 7, rapid.ID).Draw(t, "days")
		}
		if strings.HasPrefix(p.Type, "relative") {
			p.Index = rapid.SampledFrom([]string{"first", "second", "third", "fourth", "last"}).Draw(t, "index")
		} else if strings.HasPrefix(p.Type, "absolute") {
			p.DayOfMonth = rapid.IntRange(1, 28).Draw(t, "day of month")
		}
		if strings.HasSuffix(p.Type, "Yearly") {
			p.Month = rapid.IntRange(1, 12).Draw(t, "month")
		}
		if rapid.Bool().Draw(t, "numbered") {
			r.Range.Type, r.Range.NumberOfOccurrences = "numbered", rapid.IntRange(1, 99).Draw(t, "count")
		}
		wall := calendar.Wall{Date: day, Hour: 9}
		days, err := r.first(wall)
		if err != nil {
			t.Skip(err)
		}
		wall.Date = day.AddDays(days)
		r.Range.StartDate = wall.Date.String()
		loc, _ := calendar.LoadZone("Europe/Berlin")
		back, ok := recurrenceOf(r.rule(), wall, "", loc)
		if !ok {
			t.Fatalf("%s cannot be told", r.rule())
		}
		if back.rule() != r.rule() || back.Range != r.Range {
			t.Fatalf("%s became %s", r.rule(), back.rule())
		}
	})
}
