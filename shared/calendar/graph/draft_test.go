package graph

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func someDraft() calendar.Draft {
	return calendar.Draft{
		Mark: "mark-1", TransactionID: "transaction-1", Subject: "Review",
		Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "Europe/Berlin"},
	}
}

func TestTimesOfDrafts(t *testing.T) {
	at := func(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }
	for _, tt := range []struct {
		name               string
		allDay             bool
		start, end         calendar.DateTime
		wantStart, wantEnd calendar.DateTime
		field              string // of the error
	}{
		{name: "an IANA zone goes by its Windows name", start: at("2026-10-05T09:00:00", "Europe/Vienna"), end: at("2026-10-05T10:00:00", "Europe/Vienna"),
			wantStart: at("2026-10-05T09:00:00", "W. Europe Standard Time"), wantEnd: at("2026-10-05T10:00:00", "W. Europe Standard Time")},
		{name: "a Windows zone stays", start: at("2026-10-05T09:00:00", "Pacific Standard Time"), end: at("2026-10-05T10:00:00", "UTC"),
			wantStart: at("2026-10-05T09:00:00", "Pacific Standard Time"), wantEnd: at("2026-10-05T10:00:00", "UTC"), field: "end"},
		{name: "no zone is UTC", start: at("2026-10-05T09:00:00", ""), end: at("2026-10-05T10:00:00.5", ""), wantStart: at("2026-10-05T09:00:00", "UTC"),
			wantEnd: at("2026-10-05T10:00:00.5", "UTC")},
		{name: "an offset counts", start: at("2026-10-05T09:00:00+02:00", ""), end: at("2026-10-05T10:00:00Z", ""), wantStart: at("2026-10-05T07:00:00", "UTC"),
			wantEnd: at("2026-10-05T10:00:00", "UTC")},
		{name: "a time that occurs twice is written in its zone where that means the first", start: at("2026-10-25T02:30:00", "Europe/Berlin"),
			end:       at("2026-10-25T03:30:00", "Europe/Berlin"),
			wantStart: at("2026-10-25T02:30:00", "W. Europe Standard Time"), wantEnd: at("2026-10-25T03:30:00", "W. Europe Standard Time")},
		{name: "a zone that Windows' zone differs from is written in UTC", start: at("1994-06-01T09:00:00", "Europe/Lisbon"),
			end:       at("2026-06-01T10:00:00", "Europe/Lisbon"),
			wantStart: at("1994-06-01T07:00:00", "UTC"), wantEnd: at("2026-06-01T10:00:00", "GMT Standard Time")},
		{name: "what Exchange calls UTC goes by its own name", start: at("2026-10-05T09:00:00", "tzone://Microsoft/Utc"),
			end:       at("2026-10-05T10:00:00", "TZONE://microsoft/utc"),
			wantStart: at("2026-10-05T09:00:00", "UTC"), wantEnd: at("2026-10-05T10:00:00", "UTC")},
		{name: "a zone that Windows does not have is written in UTC", start: at("2026-10-05T09:00:00", "Antarctica/Troll"),
			end:       at("2026-10-05T10:00:00", "Antarctica/Troll"),
			wantStart: at("2026-10-05T07:00:00", "UTC"), wantEnd: at("2026-10-05T08:00:00", "UTC")},
		{name: "days of what Exchange calls UTC", allDay: true, start: at("2026-10-05T00:00:00", "tzone://Microsoft/Utc"),
			end:       at("2026-10-06T00:00:00", "tzone://Microsoft/Utc"),
			wantStart: at("2026-10-05T00:00:00", "UTC"), wantEnd: at("2026-10-06T00:00:00", "UTC")},
		{name: "all-day events are midnights of one zone", allDay: true, start: at("2026-10-05T00:00:00", "Europe/Berlin"),
			end:       at("2026-10-07T00:00:00", "Europe/Berlin"),
			wantStart: at("2026-10-05T00:00:00", "W. Europe Standard Time"), wantEnd: at("2026-10-07T00:00:00", "W. Europe Standard Time")},
		{name: "an all-day event from 09:00", allDay: true, start: at("2026-10-05T09:00:00", "UTC"), end: at("2026-10-06T00:00:00", "UTC"), field: "start"},
		{name: "an all-day event without a day", allDay: true, start: at("2026-10-05T00:00:00", "UTC"), end: at("2026-10-05T00:00:00", "UTC"), field: "end"},
		{name: "zero length", start: at("2026-10-05T09:00:00", "UTC"), end: at("2026-10-05T09:00:00", "UTC"), wantStart: at("2026-10-05T09:00:00", "UTC"),
			wantEnd: at("2026-10-05T09:00:00", "UTC")},
		{name: "an end before the start", start: at("2026-10-05T09:00:00", "UTC"), end: at("2026-10-05T08:59:59", "UTC"), field: "end"},
		{name: "no start", end: at("2026-10-05T08:59:59", "UTC"), field: "start"},
		{name: "a zone nobody knows", start: at("2026-10-05T09:00:00", "Mars/Olympus"), end: at("2026-10-05T09:00:00", "UTC"), field: "start"},
		{name: "a day that is none", start: at("2026-02-30T09:00:00", "UTC"), end: at("2026-10-05T09:00:00", "UTC"), field: "start"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := someDraft()
			d.AllDay, d.Start, d.End = tt.allDay, tt.start, tt.end
			body, _, err := payload(&d)
			if tt.field != "" {
				if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
					t.Fatalf("error %v of kind %s on %q, want invalid on %q", err, fault.Of(err), fault.FieldOf(err), tt.field)
				}
				return
			}
			if err != nil || body["start"] != tt.wantStart || body["end"] != tt.wantEnd {
				t.Errorf("from %v to %v, %v, want %v to %v", body["start"], body["end"], err, tt.wantStart, tt.wantEnd)
			}
		})
	}
}

func TestTimesKeepTheirInstantWhateverTheZone(t *testing.T) {
	names := []string{"UTC", "Europe/Berlin", "Europe/Lisbon", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Africa/Casablanca",
		"Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Antarctica/Troll", "W. Europe Standard Time", "Etc/GMT+5", "Asia/Tehran"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		zone, err := calendar.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		local := time.Unix(rapid.Int64Range(0, 2e9).Draw(t, "at"), 0).In(zone).Format("2006-01-02T15:04:05")
		d := someDraft()
		d.Start = calendar.DateTime{Local: local, Zone: name}
		d.End = d.Start
		body, _, err := payload(&d)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := d.Start.Instant(time.UTC)
		got, err := body["start"].(calendar.DateTime).Instant(time.UTC)
		if err != nil || !got.Equal(want) {
			t.Errorf("%v is written as %v, %v", d.Start, body["start"], err)
		}
	})
}

func TestPayloads(t *testing.T) {
	d := someDraft()
	d.Subject, d.Location, d.Categories = "Re\x00view\r\n\u2028of \x1b[31m\xff plans", "Room\t3", []string{"Acme\n - billable"}
	d.Body = calendar.Body{ContentType: "HTML", Content: "<p>a\x00b</p>\r\n\tc"}
	body, size, err := payload(&d)
	if err != nil {
		t.Fatal(err)
	}
	encoded, _ := json.Marshal(body)
	if size != len(encoded) {
		t.Errorf("size is %d, want %d", size, len(encoded))
	}
	want := `{"body":{"content":"\u003cp\u003eab\u003c/p\u003e\r\n\tc","contentType":"html"},"categories":["Acme  - billable"],` +
		`"end":{"dateTime":"2026-10-05T10:00:00","timeZone":"W. Europe Standard Time"},"importance":"normal","isAllDay":false,"isReminderOn":false,` +
		`"location":{"displayName":"Room 3"},"sensitivity":"normal","showAs":"busy",` +
		`"singleValueExtendedProperties":[{"id":"String {b1d2c9a0-7c7e-4f52-9e0b-3a7f6f4d2c11} Name AdminAssistantMark","value":"mark-1"}],` +
		`"start":{"dateTime":"2026-10-05T09:00:00","timeZone":"W. Europe Standard Time"},"subject":"Re view   of  [31m` + "\ufffd" +
		` plans","transactionId":"transaction-1"}`
	if string(encoded) != want {
		t.Errorf("payload is\n%s\nwant\n%s", encoded, want)
	}

	d.Mark = ""
	if _, _, err := payload(&d); fault.FieldOf(err) != "mark" {
		t.Errorf("a draft without a mark: %v", err)
	}
	d = someDraft()
	d.Body.Content = strings.Repeat("x", 4<<20)
	if _, _, err := payload(&d); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a draft of over 4 MB: %v", err)
	}
}
