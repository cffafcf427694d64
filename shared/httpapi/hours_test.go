package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// billedWeek is a week of work in Berlin.
const billedWeek = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Review\r\nDTSTART:20261005T070000Z\r\nDTEND:20261005T083000Z\r\n" +
	"CATEGORIES:Acme - billable\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Call\r\nDTSTART:20261005T080000Z\r\nDTEND:20261005T090000Z\r\n" +
	"CATEGORIES:ACME GmbH - billable\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Travel home\r\nDTSTART:20261005T100000Z\r\nDTEND:20261005T103000Z\r\n" +
	"CATEGORIES:Acme - billable\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:4\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Dentist\r\nDTSTART:20261006T100000Z\r\nDTEND:20261006T103000Z\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:5\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Late\r\nDTSTART:20261006T213000Z\r\nDTEND:20261006T223000Z\r\n" +
	"CATEGORIES:=Globex - non-billable\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestHours(t *testing.T) {
	s := newService(t)
	s.do("GET", "/v1/hours?period=2026-10-05", nil).problem(404, "not_found", "")
	id := s.calendar("local://me/calendars/Work")
	s.do("POST", "/v1/calendars/"+id+"/import", billedWeek, "Content-Type", "text/calendar").is(200)
	config := func(name string) string {
		return s.do("POST", "/v1/archive-configs", `{"name": "`+name+`", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive of `+name+`",
			"timezone": "Europe/Berlin", "overlaps": "keep"}`).is(201).str("id")
	}
	s.run(config("work"))
	s.do("POST", "/v1/customers", `{"name": "Acme", "aliases": ["Acme GmbH"]}`).is(201)

	got := s.do("GET", "/v1/hours?period=2026-10-01+to+2026-10-31", nil).is(200)
	for field, want := range map[string]string{
		"config": "work", "timezone": "Europe/Berlin", "from": "2026-10-01", "to": "2026-10-31", "by": "customer",
		"rows": "[map[billable_minutes:0 entries:1 key:=Globex minutes:60 new:true non_billable_minutes:60 travel_minutes:0] " +
			"map[billable_minutes:150 entries:3 key:Acme minutes:180 non_billable_minutes:0 travel_minutes:30]]",
		"total.minutes": "240", "worked_minutes": "210", "left_out": "map[private:1]", "overlap_count": "1", "gap_count": "2",
		"gaps": "[map[date:2026-10-05 end:2026-10-05T10:00:00Z minutes:60 start:2026-10-05T09:00:00Z] " +
			"map[date:2026-10-06 end:2026-10-06T21:30:00Z minutes:660 start:2026-10-06T10:30:00Z]]",
	} {
		if got := got.str(field); got != want {
			t.Errorf("%s: %s\nwant %s", field, got, want)
		}
	}
	overlap := object(object(got.json)["overlaps"].([]any)[0])
	if text := fmt.Sprint(object(overlap["first"])["subject"], object(overlap["second"])["subject"], overlap["start"], overlap["end"], overlap["minutes"]); text !=
		"ReviewCall2026-10-05T08:00:00Z2026-10-05T08:30:00Z30" {
		t.Error(text)
	}
	for by, want := range map[string]string{"day": "2026-10-05 2026-10-06", "week": "2026-10-05", "billing": "billable non-billable"} {
		var keys []string
		for _, row := range object(s.do("GET", "/v1/hours?config=WORK&from=2026-10-01&to=2026-10-31&by="+by, nil).is(200).json)["rows"].([]any) {
			keys = append(keys, fmt.Sprint(object(row)["key"]))
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("by %s: %s", by, got)
		}
	}
	s.do("PUT", "/v1/me/settings", `{"week_start": "sunday"}`, "If-Match", "*").is(200)
	if got := s.do("GET", "/v1/hours?period=2026-10-05&by=week", nil).is(200).str("rows"); !strings.Contains(got, "key:2026-10-04") {
		t.Errorf("with weeks that begin on Sunday: %s", got)
	}
	csv := s.do("GET", "/v1/hours/export?period=2026-10-01+to+2026-10-31", nil).is(200)
	if string(csv.body) != "customer,entries,billable_minutes,non_billable_minutes,travel_minutes,minutes\r\n'=Globex,1,0,60,0,60\r\nAcme,3,150,0,30,180\r\n" ||
		csv.Header.Get("Content-Disposition") != `attachment; filename*=UTF-8''hours-2026-10-01-2026-10-31.csv` {
		t.Errorf("%v %s", csv.Header, csv.body)
	}
	found := s.do("GET", "/v1/customers/new?period=2026-10-01+to+2026-10-31", nil).is(200).items()
	if text := fmt.Sprint(found); text != "[map[entries:1 last:2026-10-06 minutes:60 name:=Globex spellings:[=Globex]]]" {
		t.Error(text)
	}
	s.do("GET", "/v1/hours", nil).problem(422, "invalid", "period")
	working := s.do("GET", "/v1/hours/working-time?period=2026-10-01+to+2026-10-31", nil).is(200)
	if days := object(working.json)["days"].([]any); len(days) == 0 || object(days[0])["first_begin"] == nil || working.str("timezone") != "Europe/Berlin" {
		t.Errorf("working time is %s", working.body)
	}
	strict := s.do("GET", "/v1/hours/working-time?period=2026-10-01+to+2026-10-31&most_day=1&breaks=false", nil).is(200)
	if !strings.Contains(string(strict.body), "long_day") || strings.Contains(string(strict.body), "short_breaks") {
		t.Errorf("with limits it is %s", strict.body)
	}
	csv = s.do("GET", "/v1/hours/working-time/export?period=2026-10-01+to+2026-10-31", nil).is(200)
	if !strings.HasPrefix(string(csv.body), "date,first_begin,") ||
		!strings.Contains(csv.Header.Get("Content-Disposition"), "working-time-2026-10-01-2026-10-31.csv") {
		t.Errorf("the file is %s", csv.body)
	}
	s.do("GET", "/v1/hours/working-time", nil).problem(422, "invalid", "period")
	s.do("GET", "/v1/hours/working-time?period=2026-10-05&most_day=1441", nil).problem(422, "invalid", "most_day")
	s.do("GET", "/v1/hours/working-time?from=2025-01-01&to=2026-12-31", nil).problem(422, "invalid", "period")
	s.do("GET", "/v1/hours?period=2026-10-05&by=moon", nil).problem(422, "invalid", "by")
	s.do("GET", "/v1/hours?from=2025-01-01&to=2026-12-31", nil).problem(422, "invalid", "period")
	s.do("GET", "/v1/hours?config=none&period=2026-10-05", nil).problem(404, "not_found", "")
	config("other")
	s.do("GET", "/v1/hours?period=2026-10-05", nil).problem(422, "invalid", "config")
}
