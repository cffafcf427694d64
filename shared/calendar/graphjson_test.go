package calendar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unsafe"

	"adminassistant/shared/fault"
)

const graphFull = `{
	"id": "AAMk1", "@odata.etag": "W/\"e1\"", "iCalUId": "0400", "type": "exception", "seriesMasterId": "AAMk0", "originalStart": "2026-10-05T07:00:00Z",
	"subject": "Acme review", "body": {"contentType": "HTML", "content": "<p>Agenda</p>"}, "bodyPreview": "Agenda",
	"start": {"dateTime": "2026-10-05T08:00:00.0000000", "timeZone": "UTC"},
	"end": {"dateTime": "2026-10-05T09:00:00.0000000", "timeZone": "W. Europe Standard Time"},
	"originalStartTimeZone": "Europe/Berlin", "originalEndTimeZone": "Europe/Vienna", "isAllDay": false, "isCancelled": true, "isOrganizer": true,
	"responseStatus": {"response": "TentativelyAccepted", "time": "0001-01-01T00:00:00Z"}, "showAs": "OOF", "importance": "High", "sensitivity": "Confidential",
	"location": {"displayName": "Room 1", "coordinates": {"latitude": 1.5}}, "locations": [{}], "categories": ["Acme - billable", "Online"],
	"organizer": {"emailAddress": {"name": "Ada", "address": "ada@example.com"}},
	"attendees": [{"type": "Optional", "status": {"response": "accepted"}, "emailAddress": {"name": "Bo", "address": "bo@example.com"}},
		{"emailAddress": null, "status": null, "type": null}],
	"onlineMeeting": {"joinUrl": "https://example.com/join"}, "onlineMeetingUrl": "https://example.com/other",
	"createdDateTime": "2026-09-01T10:00:00.1234567Z", "lastModifiedDateTime": "2026-09-02T12:00:00+02:00", "changeKey": "ck",
	"reminderMinutesBeforeStart": 15, "recurrence": {"pattern": {}}}`

func TestDecodeGraphReadsEveryFieldThatWeHave(t *testing.T) {
	want := Event{
		ID: "AAMk1", ETag: `W/"e1"`, ICalUID: "0400", Type: Exception, SeriesMasterID: "AAMk0", OriginalStart: time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC),
		Subject: "Acme review", Body: Body{"html", "<p>Agenda</p>"}, BodyPreview: "Agenda",
		Start: DateTime{"2026-10-05T08:00:00.0000000", "UTC"}, End: DateTime{"2026-10-05T09:00:00.0000000", "W. Europe Standard Time"},
		StartZone: "Europe/Berlin", EndZone: "Europe/Vienna", Cancelled: true, IsOrganizer: true,
		Response: TentativelyAccepted, ShowAs: OutOfOffice, Importance: High, Sensitivity: Confidential,
		Location: "Room 1", Categories: []string{"Acme - billable", "Online"}, Organizer: Person{"Ada", "ada@example.com"},
		Attendees: []Attendee{{Person{"Bo", "bo@example.com"}, "optional", Accepted}, {}}, OnlineURL: "https://example.com/join",
		Created: time.Date(2026, 9, 1, 10, 0, 0, 123456700, time.UTC), LastModified: time.Date(2026, 9, 2, 10, 0, 0, 0, time.UTC), ChangeKey: "ck",
	}
	for _, text := range []string{
		`{"@odata.context": "https://example.com/$metadata", "value": [` + graphFull + `], "@odata.nextLink": null, "@odata.count": 1}`,
		`[` + graphFull + `]`,
		"\ufeff \n[" + graphFull + "]\r\n",
	} {
		got, err := DecodeGraph(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil || !reflect.DeepEqual(got, []Event{want}) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
}

func TestDecodeGraphFillsInWhatIsMissingOrUnknown(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		want         Event
	}{
		{"nothing but an id", ``, Event{}},
		{"everything null", `, "iCalUId": null, "type": null, "originalStart": null, "subject": null, "body": null, "start": null, "end": null, "isAllDay": null,
			"responseStatus": null, "showAs": null, "location": null, "categories": null, "organizer": null, "attendees": null,
			"onlineMeeting": null, "onlineMeetingUrl": null, "createdDateTime": null`, Event{}},
		{"nulls within", `, "body": {"content": null}, "start": {"dateTime": null, "timeZone": null}, "location": {"displayName": null},
			"organizer": {"emailAddress": null}, "onlineMeeting": {"joinUrl": null}`, Event{}},
		{"no time zone", `, "start": {"dateTime": "2026-10-05T08:00:00"}, "end": {"dateTime": "2026-10-05T08:00:00", "timeZone": null}`,
			Event{Start: DateTime{"2026-10-05T08:00:00", "UTC"}, End: DateTime{"2026-10-05T08:00:00", "UTC"}}},
		{"a zone without a time", `, "start": {"timeZone": "UTC"}`, Event{}},
		{"a time that is none is for others to judge", `, "start": {"dateTime": "soon", "timeZone": "UTC"}`, Event{Start: DateTime{"soon", "UTC"}}},
		{"words that are not known", `, "showAs": "away", "importance": "urgent", "sensitivity": "secret", "responseStatus": {"response": "maybe"}`,
			Event{ShowAs: Unknown, Importance: NormalImportance, Sensitivity: Private, Response: NoResponse}},
		{"an older meeting's address", `, "onlineMeetingUrl": "https://example.com/other"`, Event{OnlineURL: "https://example.com/other"}},
		{"Graph's own zero time", `, "createdDateTime": "0001-01-01T00:00:00Z"`, Event{}},
		{"a master", `, "type": "SeriesMaster"`, Event{Type: Master}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.ID = "1"
			got, err := DecodeGraph(strings.NewReader(`[{"id": "1"` + c.fields + `}]`))
			if err != nil || !reflect.DeepEqual(got, []Event{c.want}) {
				t.Fatalf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestDecodeGraphKeepsOrderAndRepeats(t *testing.T) {
	got, err := DecodeGraph(strings.NewReader(`{"value": [{"id": "2"}, {"id": "1"}, {"id": "2"}]}`))
	if err != nil || len(got) != 3 || got[0].ID+got[1].ID+got[2].ID != "212" {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, text := range []string{`[]`, `{"value": []}`} {
		if got, err := DecodeGraph(strings.NewReader(text)); err != nil || len(got) != 0 {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestDecodeGraphNamesTheElementThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`[{"id": "1"}, {}]`: "value[1].id is missing",
		`[{"id": ""}]`:      "value[0].id is missing",
		`[null]`:            "value[0].id is missing",
		`[{"id": 5}]`:       "value[0].id must be a string",
		`[{"id": "1"}, 5]`:  "value[1] must be an object",
		`[[]]`:              "value[0] must be an object",
		`[{"id": "1", "start": {"dateTime": 5}}]`:                            "value[0].start.dateTime must be a string",
		`[{"id": "1", "start": "2026-10-05T08:00:00"}]`:                      "value[0].start must be an object",
		`[{"id": "1", "isAllDay": "no"}]`:                                    "value[0].isAllDay must be true or false",
		`[{"id": "1", "categories": "x"}]`:                                   "value[0].categories must be an array",
		`[{"id": "1", "categories": [5]}]`:                                   "value[0].categories[] must be a string",
		`[{"id": "1", "attendees": [{"emailAddress": "x"}]}]`:                "value[0].attendees[].emailAddress must be an object",
		`[{"id": "1", "type": "series"}]`:                                    `value[0].type is "series"`,
		`[{"id": "1", "originalStart": "2026-10-05T08:00:00"}]`:              `value[0].originalStart is "2026-10-05T08:00:00"`,
		`[{"id": "1", "createdDateTime": "yesterday"}]`:                      `value[0].createdDateTime is "yesterday"`,
		`[{"id": "1", "lastModifiedDateTime": "9999-12-31T23:59:59-01:00"}]`: `value[0].lastModifiedDateTime is "9999`,
		`{"value": null}`:                          "value must be an array",
		`{"value": {}}`:                            "value must be an array",
		`{"value": [], "value": []}`:               "value is there twice",
		`{"error": {"code": "ErrorAccessDenied"}}`: "value is missing",
		`"x"`:                       "must be a JSON array, or an object with the array value",
		`null`:                      "must be a JSON array, or an object with the array value",
		`[] []`:                     "more text after the events",
		`{"value": []} x`:           "not JSON: byte",
		`[{"id": "1"} {"id": "2"}]`: "not JSON: byte",
		`[{"id": "1"}}`:             "not JSON: byte",
		`{"value" []}`:              "not JSON: byte",
		`{value: []}`:               "not JSON: byte",
		``:                          "ends too early",
		`[`:                         "ends too early",
		`[{"id": "1"}`:              "ends too early",
		`[{"id": "1`:                "ends too early",
		`{"value": [{"id": "1"}]`:   "ends too early",
	} {
		got, err := DecodeGraph(strings.NewReader(text))
		if err == nil || got != nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestAPartOfAListingIsRefused(t *testing.T) {
	for _, text := range []string{
		`{"value": [{"id": "1"}], "@odata.nextLink": "https://example.com/next"}`,
		`{"@odata.nextLink": "https://example.com/next", "value": [{"id": "1"}]}`,
		`{"@odata.NextLink": 5, "value": []}`,
	} {
		if got, err := DecodeGraph(strings.NewReader(text)); !errors.Is(err, ErrIncomplete) || fault.Of(err) != fault.Invalid || got != nil {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestDecodeGraphHasLimits(t *testing.T) {
	text := `[{"id": "1"}, {"id": "2"}]`
	if got, err := (&graphDecoder{maxEvents: 2}).decode(strings.NewReader(text), int64(len(text))); err != nil || len(got) != 2 {
		t.Fatalf("at the limit: %v, %v", got, err)
	}
	if _, err := (&graphDecoder{maxEvents: 1}).decode(strings.NewReader(text), 1000); fault.FieldOf(err) != "value[1]" ||
		!strings.Contains(err.Error(), "at most 1 events") {
		t.Errorf("too many events: %v", err)
	}
	if _, err := (&graphDecoder{maxEvents: 2}).decode(strings.NewReader(text), int64(len(text))-1); fault.Of(err) != fault.Invalid ||
		!strings.Contains(err.Error(), "more than 25 bytes") {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := (&graphDecoder{maxEvents: 2}).decode(strings.NewReader(text+strings.Repeat(" ", 5000)), 1000); err == nil {
		t.Error("too many bytes after the events were accepted")
	}
}

func TestVeryManyEventsAreReadIntoRoomThatFits(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"value": [`)
	const n = 5000
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"id": "%06d", "subject": "Review", "location": {"displayName": "Room 1"}}`, i)
	}
	text.WriteString("]}")
	plain, err := DecodeGraph(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	// whatever is said of the size, the events are the same
	for _, size := range []int64{0, 1, int64(text.Len()), 1 << 40} {
		events, err := DecodeLargeGraph(strings.NewReader(text.String()), size, nil)
		if err != nil || !reflect.DeepEqual(events, plain) {
			t.Fatalf("%d bytes: %v, %d events", size, err, len(events))
		}
		if size == int64(text.Len()) && cap(events) > n+n/20 {
			t.Errorf("room for %d events was made for %d", cap(events), n)
		}
		if cap(events) > MaxGraphEvents+MaxGraphEvents/50 {
			t.Errorf("%d bytes: room for %d events", size, cap(events))
		}
		if unsafe.StringData(events[0].Location) != unsafe.StringData(events[n-1].Location) {
			t.Error("what all events have in common is there more than once")
		}
	}
	changed, err := DecodeLargeGraph(strings.NewReader(text.String()), 0, func(e *Event) { e.Subject = "" })
	if err != nil || changed[0].Subject != "" || changed[n-1].Subject != "" {
		t.Errorf("%v, %+v", err, changed[n-1])
	}
}

func TestAReadErrorIsReturnedAsItIs(t *testing.T) {
	cut := errors.New("connection cut")
	for _, text := range []string{``, `[{"id": "1"}`, `[{"id": "1"}]`} {
		if got, err := DecodeGraph(io.MultiReader(strings.NewReader(text), iotest.ErrReader(cut))); !errors.Is(err, cut) || got != nil {
			t.Errorf("after %s: got %v, %v", text, got, err)
		}
	}
}

func FuzzDecodeGraph(f *testing.F) {
	f.Add([]byte(`[` + graphFull + `]`))
	f.Add([]byte(`{"value": [{"id": "1", "start": {"dateTime": "2026-10-05T08:00:00.0000000"}, "showAs": "x"}], "@odata.nextLink": ""}`))
	f.Add([]byte("\ufeff[]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := DecodeGraph(bytes.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid || events != nil {
				t.Fatalf("got %v, %v", events, err)
			}
			return
		}
		if !json.Valid(bytes.TrimPrefix(text, []byte("\ufeff"))) {
			t.Fatal("what is not JSON was read")
		}
		for _, e := range events {
			if e.ID == "" || e.Start.Local != "" && e.Start.Zone == "" {
				t.Fatalf("got %+v", e)
			}
		}
		if _, err := json.Marshal(events); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkDecodeGraph(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`{"value": [`)
	for i := range 1000 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprint(&text, graphFull)
	}
	text.WriteString(`]}`)
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeGraph(bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func TestUTCGoesByItsOwnName(t *testing.T) {
	for _, name := range []string{"tzone://Microsoft/Utc", "TZONE://MICROSOFT/UTC", "UTC"} {
		events, err := DecodeGraph(strings.NewReader(`[{"id":"a","start":{"dateTime":"2026-10-05T09:00:00","timeZone":"` + name + `"},
			"end":{"dateTime":"2026-10-05T10:00:00","timeZone":"` + name + `"},"originalStartTimeZone":"` + name + `","originalEndTimeZone":"` + name + `"}]`))
		if err != nil {
			t.Fatal(err)
		}
		if e := events[0]; e.Start.Zone != "UTC" || e.End.Zone != "UTC" || e.StartZone != "UTC" || e.EndZone != "UTC" {
			t.Errorf("%s is told as %+v", name, e)
		}
	}
}

// TestReadingManyEventsTakesTheirRoomAlone counts the bytes that are asked for, which are the same on every machine.
func TestReadingManyEventsTakesTheirRoomAlone(t *testing.T) {
	const n = 5000
	one := `{"id": "1", "subject": "Review", "start": {"dateTime": "2026-10-05T08:00:00", "timeZone": "UTC"}}`
	text := "[" + strings.Repeat(one+",", n-1) + one + "]"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	events, err := DecodeLargeGraph(strings.NewReader(text), int64(len(text)), nil)
	runtime.ReadMemStats(&after)
	if err != nil || len(events) != n {
		t.Fatalf("%d events, %v", len(events), err)
	}
	size := unsafe.Sizeof(Event{})
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 2*uint64(size) {
		t.Errorf("an event of %d bytes took %d", size, each)
	}
}
