package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// travelled is a calendar of days in September 2026 of which some have journeys between the office and Acme.
func travelled(days ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	event := func(day, from, to, subject, location, category string) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s-%s\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:%s\r\nDTSTART:%sT%s00Z\r\nDTEND:%sT%s00Z\r\n",
			day, from, subject, day, from, day, to)
		if location != "" {
			b.WriteString("LOCATION:" + location + "\r\n")
		}
		if category != "" {
			b.WriteString("CATEGORIES:" + category + "\r\n")
		}
		b.WriteString("END:VEVENT\r\n")
	}
	for _, day := range days {
		day, journey := strings.CutSuffix(day, "+")
		event(day, "0700", "0800", "Planning", "Office", "Admin - non-billable")
		if journey {
			event(day, "0810", "0850", "Travel to Acme", "", "Acme - billable")
		}
		event(day, "0900", "1000", "Review", "Acme HQ", "Acme - billable")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func TestMissingJourneysAreListedAskedAboutAndDecided(t *testing.T) {
	s := newService(t)
	id := s.calendar("local://me/calendars/Work")
	fill := func(days ...string) {
		t.Helper()
		s.do("POST", "/v1/calendars/"+id+"/import", travelled(days...), "Content-Type", "text/calendar").is(200)
	}
	fill("20261001+", "20261002+", "20261005", "20261006")
	config := s.do("POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive", "timezone": "Europe/Berlin"}`).is(201).str("id")
	s.run(config)

	listed := s.do("GET", "/v1/places?period=2026-10-01+to+2026-10-31", nil).is(200).items()
	if got := fmt.Sprint(listed); got != "[map[also:[] customer:Acme entries:4 last:2026-10-06 name:Acme HQ] "+
		"map[also:[] entries:4 last:2026-10-06 name:Office]]" {
		t.Error(got)
	}
	const october = "period=2026-10-01+to+2026-10-31"
	gaps := s.do("GET", "/v1/travel/gaps?"+october, nil).is(200)
	found := object(gaps.json)["gaps"].([]any)
	if len(found) != 2 {
		t.Fatalf("gaps %s", gaps.body)
	}
	first := object(found[0])
	if got := fmt.Sprint(first["minutes"], first["journeys"], first["start"], first["end"], first["category"], first["unreachable"],
		object(first["from"])["place"], object(first["to"])["place"]); got !=
		"40 22026-10-05T08:20:00Z2026-10-05T09:00:00ZAcme - billablefalseOfficeAcme HQ" {
		t.Error(got)
	}
	if open := s.do("GET", "/v1/actions?state=open", nil).is(200).items(); len(open) != 0 {
		t.Errorf("listing asks: %v", open)
	}

	ask := func() answer {
		t.Helper()
		return s.do("POST", "/v1/travel/gaps", `{"period": "2026-10-01 to 2026-10-31"}`).is(200)
	}
	for range 2 { // each is asked once
		if a := ask(); a.str("open") != "2" {
			t.Errorf("%s", a.body)
		}
	}
	open := s.do("GET", "/v1/actions?state=open&kind=missing_travel", nil).is(200).items()
	if len(open) != 2 {
		t.Fatalf("actions %v", open)
	}
	s.run(config) // a night later they are asked about all the same
	about := func(day string) (id string, detail answer) {
		t.Helper()
		for _, a := range s.do("GET", "/v1/actions?state=open&kind=missing_travel", nil).is(200).items() {
			detail = s.do("GET", "/v1/actions/"+fmt.Sprint(object(a)["id"]), nil).is(200)
			if strings.HasPrefix(detail.str("span.from"), day) {
				return detail.str("id"), detail
			}
		}
		t.Fatalf("nothing is asked about %s", day)
		return "", detail
	}
	monday, detail := about("2026-10-05")
	suggestion := object(object(detail.json)["suggestions"].([]any)[0])
	fields := object(object(suggestion["verdicts"].([]any)[0])["fields"])
	if got := fmt.Sprint(detail.str("why"), suggestion["why"], fields["subject"], fields["start"], fields["end"], fields["categories"]); got !=
		"They were at different places on one day, and no journey between them is recorded."+
			"Of your 2 journeys between the two places half took 40 minutes or less."+
			"Travel to Acme HQ2026-10-05T08:20:00Z2026-10-05T09:00:00Z[Acme - billable]" {
		t.Error(got)
	}
	s.do("POST", "/v1/actions/"+monday+"/resolve", map[string]any{"verdicts": suggestion["verdicts"]}).is(202)
	s.work()
	if got := s.do("GET", "/v1/actions/"+monday, nil).is(200).str("state"); got != "resolved" {
		t.Errorf("the action is %s", got)
	}
	made := fmt.Sprint(s.do("GET", "/v1/ledger/work/days/2026-10-05", nil).is(200).items())
	if !strings.Contains(made, "Travel to Acme HQ") || !strings.Contains(made, "travel:true") {
		t.Errorf("the day is %s", made)
	}
	if got := s.do("GET", "/v1/hours?config=work&period=2026-10-05", nil).is(200).str("total.travel_minutes"); got != "40" {
		t.Errorf("%s minutes of travel", got)
	}

	tuesday, _ := about("2026-10-06")
	s.do("POST", "/v1/actions/"+tuesday+"/dismiss", nil).is(200)
	if a := ask(); object(a.json)["open"] != nil || len(object(a.json)["gaps"].([]any)) != 1 {
		t.Errorf("what was dismissed is asked again: %s", a.body)
	}

	fill("20261007", "20261008")
	s.run(config)
	if a := ask(); a.str("open") != "2" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/v1/places/aliases", `{"name": "acme  hq", "of": "Office"}`).is(204)
	if a := ask(); a.str("resolved") != "2" || len(object(a.json)["gaps"].([]any)) != 0 {
		t.Errorf("with one place for both: %s", a.body)
	}
	s.do("DELETE", "/v1/places/aliases?name=ACME+HQ", nil).is(204)
	s.do("DELETE", "/v1/places/aliases?name=ACME+HQ", nil).problem(404, "not_found", "")
	s.do("POST", "/v1/places/aliases", `{"name": "Online", "of": "Office"}`).problem(422, "invalid", "name")
	s.do("POST", "/v1/places/aliases", `{"name": "Office", "of": "office"}`).problem(422, "invalid", "of")
	s.do("GET", "/v1/travel/gaps?from=2025-01-01&to=2026-10-31", nil).problem(422, "invalid", "period")
}
