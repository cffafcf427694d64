package ics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

var stamp = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

func written(t testing.TB, f File) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, stamp); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// differ says how two files differ; empty if they do not.
func differ(a, b File) string { return cmp.Diff(a, b, cmpopts.EquateEmpty()) }

func TestWhatIsWrittenKeepsToTheLetter(t *testing.T) {
	long := strings.Repeat("Größe 日本語 🎉 ", 40)
	text := written(t, File{Name: "a,b;c\\d", Events: []calendar.Event{{
		ID: "1", Subject: long, Body: calendar.Body{ContentType: "text", Content: "one\r\ntwo\rthree\nbell\a tab\t end, semi; back\\"}, Location: "\xFF",
		Start: calendar.DateTime{Local: "2026-10-05T09:00:00.0000000", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: "2026-10-05T10:00:00Z"},
		Organizer: calendar.Person{Name: "A \"B\"\r\nC: D; E, F", Address: "a@example.com\r\nX-EVIL:1"},
		OnlineURL: "https://example.com/\r\nX-EVIL:1", ICalUID: "u\r\nX-EVIL:1", Categories: []string{"a,b", "c;d"},
	}}})
	if !strings.HasSuffix(text, "\r\nEND:VCALENDAR\r\n") || strings.Contains(text, "\nX-EVIL") {
		t.Errorf("%s", text)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\a") {
			t.Errorf("%d octets: %q", len(line), line)
		}
	}
	unfolded := strings.ReplaceAll(text, "\r\n ", "")
	for _, line := range []string{"SUMMARY:" + long, `DESCRIPTION:one\ntwo\nthree\nbell tab	 end\, semi\; back\\`, "DTSTAMP:20261005T120000Z",
		"DTSTART;TZID=Europe/Berlin:20261005T090000", "DTEND:20261005T100000Z",
		`ORGANIZER;CN="A ^'B^'^nC: D; E, F":mailto:a@example.comX-EVIL:1`, `CATEGORIES:a\,b,c\;d`, `X-WR-CALNAME:a\,b\;c\\d`, `UID:u\nX-EVIL:1`} {
		if !strings.Contains(unfolded, "\r\n"+line+"\r\n") {
			t.Errorf("%s is not in\n%s", line, unfolded)
		}
	}
}

func TestWritingWhatGraphReturns(t *testing.T) {
	at := func(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }
	when := func(text string) time.Time { at, _ := time.Parse(time.RFC3339, text); return at }
	f := File{Events: []calendar.Event{
		{ID: "AAM=", ICalUID: "0400", Type: calendar.Master, Start: at("2026-03-23T08:00:00.0000000", "UTC"), End: at("2026-03-23T09:00:00.0000000", "UTC"),
			StartZone: "W. Europe Standard Time", EndZone: "W. Europe Standard Time", Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY"}},
			ChangeKey: "x+/=", ShowAs: calendar.Unknown},
		{ID: "AAO=", ICalUID: "0400", Type: calendar.Occurrence, SeriesMasterID: "AAM=", OriginalStart: when("2026-03-30T07:00:00Z"),
			Start: at("2026-03-30T07:00:00", "UTC"), End: at("2026-03-30T08:00:00", "UTC")},
		{ID: "AAE=", ICalUID: "0400", Type: calendar.Exception, SeriesMasterID: "AAM=", OriginalStart: when("2026-04-06T07:00:00Z"),
			Start: at("2026-04-07T07:00:00", "UTC"), End: at("2026-04-07T08:00:00", "UTC"), StartZone: "tzone://Microsoft/Custom"},
		{ID: "AAX=", ICalUID: "0500", Type: calendar.Occurrence, SeriesMasterID: "elsewhere", OriginalStart: when("2026-04-06T07:00:00Z"),
			Start: at("2026-04-06T07:00:00", "UTC"), End: at("2026-04-06T08:00:00", "UTC")},
		{ID: "AAC=", ICalUID: "0400", Type: calendar.Single, Start: at("2026-10-25T01:30:00", "UTC"), End: at("2026-10-25T02:30:00", "UTC"),
			StartZone: "Europe/Berlin"},
		{ID: "AAD=", ICalUID: "0600", AllDay: true, Start: at("2026-10-25T00:00:00.0000000", "UTC"), End: at("2026-10-26T00:00:00.0000000", "UTC"),
			StartZone: "Europe/Berlin"},
	}}
	text := written(t, f)
	var got []string
	for line := range strings.SplitSeq(text[strings.Index(text, "BEGIN:VEVENT"):], "\r\n") {
		if name, _, _ := cutName(line); name == "UID" || name == "DTSTART" || name == "RECURRENCE-ID" || name == "SEQUENCE" {
			got = append(got, line)
		}
	}
	want := []string{
		"DTSTART;TZID=W. Europe Standard Time:20260323T090000", "UID:0400",
		"DTSTART:20260407T070000Z", "RECURRENCE-ID;TZID=W. Europe Standard Time:20260406T090000", "UID:0400",
		"DTSTART:20260406T070000Z", "RECURRENCE-ID:20260406T070000Z", "UID:0500",
		"DTSTART:20261025T013000Z", "UID:AAC=", // the second 02:30 in Berlin, which no wall time stands for
		"DTSTART;VALUE=DATE:20261025", "UID:0600",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := instances(t, mustRead(t, text), "2026-03-20", "2026-04-15"); strings.Count(got, "\n") != 5 {
		t.Errorf("%s", got)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	good := calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "UTC"}
	for name, test := range map[string]struct {
		event calendar.Event
		want  string
	}{
		"no start":        {calendar.Event{ID: "e1", End: good}, `event "e1": start`},
		"no end":          {calendar.Event{ID: "e1", Start: good}, `event "e1": end`},
		"an unknown zone": {calendar.Event{ID: "e1", Start: calendar.DateTime{Local: good.Local, Zone: "Mars/Olympus"}, End: good}, `"Mars/Olympus"`},
		"clocks that nobody explains": {calendar.Event{ID: "e1", Type: calendar.Master, Start: good, End: good, StartZone: "tzone://Microsoft/Custom",
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=2"}}}, `event "e1": it repeats on the clocks of "tzone://Microsoft/Custom"`},
		"a bad rule": {calendar.Event{ID: "e1", Start: good, End: good, Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY\r\nX-EVIL:1"}}},
			`event "e1": recurrence rule`},
	} {
		t.Run(name, func(t *testing.T) {
			err := Write(&bytes.Buffer{}, File{Events: []calendar.Event{test.event}}, stamp)
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.Of(err) != fault.Invalid {
				t.Error(err)
			}
		})
	}
	full := errors.New("disk full")
	if err := Write(errWriter{full}, File{}, stamp); !errors.Is(err, full) {
		t.Error(err)
	}
}

type errWriter struct{ error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.error }

func TestAnEmptyFile(t *testing.T) {
	if f := mustRead(t, written(t, File{Name: "Empty"})); f.Name != "Empty" || len(f.Events) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestPlainText(t *testing.T) {
	for page, want := range map[string]string{
		"<html><head><title>x</title><style>p { a:b }</style></head><body><p>One&nbsp;&amp; two</p>\r\n" +
			"<div>three <b>four</b> five</div></body></html>": "One\u00A0& two\nthree four five",
		"a<br/>b<br>c":         "a\nb\nc",
		"a<!-- <b> --> c":      "a c",
		"<script>alert(1)":     "",
		"1 < 2":                "1",
		"no tags at all":       "no tags at all",
		"<P>loud</P><P>er</P>": "loud\ner",
	} {
		if got := PlainText(page); got != want {
			t.Errorf("%q: got %q, want %q", page, got, want)
		}
	}
}

// randomFile draws a file as Read would return it.
func randomFile(t *rapid.T) File {
	words := rapid.OneOf(rapid.SampledFrom([]string{"Acme review", "a, b; c\\d\ne", "Größe 日本語 🎉", `"quoted" ^ 'caret'`, "tab\tx", ":;,=", `\n`, " leading"}),
		rapid.StringMatching(`[a-zA-Z0-9 ,;:\\"^äß€🎉-]{1,120}`))
	trimmed := rapid.Map(words, func(s string) string {
		if s = strings.TrimSpace(s); s == "" {
			return "x"
		}
		return s
	})
	maybe := func(g *rapid.Generator[string], label string) string {
		if rapid.Bool().Draw(t, label+"?") {
			return g.Draw(t, label)
		}
		return ""
	}
	custom := mustReadZone()
	f := File{Name: maybe(trimmed, "name")}
	usesCustom := false
	instant := func(label string) time.Time {
		return time.Unix(rapid.Int64Range(0, 3_000_000_000).Draw(t, label), 0).UTC()
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "events") {
		zone := rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "W. Europe Standard Time",
			custom.ID}).Draw(t, "zone")
		start := instant("start")
		length := time.Duration(rapid.IntRange(0, 100_000).Draw(t, "length")) * time.Second
		e := calendar.Event{Type: calendar.Single, Subject: maybe(words, "subject"), Location: maybe(words, "location"), Mark: maybe(words, "mark"),
			Response: calendar.NoResponse,
			ShowAs: rapid.SampledFrom([]calendar.ShowAs{calendar.Free, calendar.Tentative, calendar.Busy, calendar.OutOfOffice,
				calendar.WorkingElsewhere}).Draw(t, "show"),
			Sensitivity: rapid.SampledFrom([]calendar.Sensitivity{calendar.Normal, calendar.Personal, calendar.Private, calendar.Confidential}).Draw(t, "sensitivity"),
			Importance:  rapid.SampledFrom([]calendar.Importance{calendar.Low, calendar.NormalImportance, calendar.High}).Draw(t, "importance"),
			Cancelled:   rapid.Bool().Draw(t, "cancelled"), LastModified: instant("modified")}
		e.ID = fmt.Sprintf("%d-%s", i, trimmed.Draw(t, "uid"))
		e.ICalUID = e.ID
		if rapid.Bool().Draw(t, "created?") {
			e.Created = instant("created")
		}
		if rapid.Bool().Draw(t, "sequence?") {
			e.Sequence = rapid.IntRange(0, 99).Draw(t, "sequence")
		}
		e.Stamp = instant("stamp")
		if content := maybe(words, "body"); content != "" {
			e.Body = calendar.Body{ContentType: rapid.SampledFrom([]string{"text", "html"}).Draw(t, "type"), Content: content}
		}
		e.Categories = rapid.SliceOfN(trimmed, 0, 3).Draw(t, "categories")
		if rapid.Bool().Draw(t, "url?") {
			e.OnlineURL = "https://example.com/?a=b;c,d:e"
		}
		person := func(label string) calendar.Person {
			return calendar.Person{Name: maybe(words, label), Address: maybe(rapid.StringMatching(`[a-z]{1,10}@example\.com`), label+" address")}
		}
		e.Organizer = person("organizer")
		for range rapid.IntRange(0, 3).Draw(t, "attendees") {
			e.Attendees = append(e.Attendees, calendar.Attendee{
				Person: person("attendee"),
				Type:   rapid.SampledFrom([]string{"required", "optional", "resource"}).Draw(t, "role"),
				Response: rapid.SampledFrom([]calendar.Response{
					calendar.NoResponse, calendar.Accepted, calendar.Declined, calendar.TentativelyAccepted, calendar.NotResponded,
				}).Draw(t, "answer"),
			})
		}
		at := func(at time.Time) calendar.DateTime { return dateTime(at, zone) }
		made := zone
		if e.AllDay = rapid.Bool().Draw(t, "all day"); e.AllDay {
			start, length, zone = start.Truncate(24*time.Hour), length.Truncate(24*time.Hour)+24*time.Hour, ""
			made = rapid.SampledFrom([]string{"", "Pacific/Auckland"}).Draw(t, "made")
		}
		usesCustom = usesCustom || zone == custom.ID
		e.Start, e.End, e.StartZone, e.EndZone = at(start), at(start.Add(length)), made, made
		var exceptions []calendar.Event
		if rapid.Bool().Draw(t, "series") {
			e.Type = calendar.Master
			until := "20301231T000000Z" // of the start's type
			switch {
			case e.AllDay:
				until = "20301231"
			case zone == "":
				until = "20301231T000000"
			}
			e.Recurrence = &calendar.Recurrence{Rules: []string{rapid.SampledFrom([]string{"FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;UNTIL=" + until + ";BYDAY=MO,FR",
				"FREQ=MONTHLY;BYDAY=-1FR"}).Draw(t, "rule")}}
			for j := range rapid.IntRange(0, 3).Draw(t, "dates") {
				e.Recurrence.Dates = append(e.Recurrence.Dates, at(start.AddDate(0, 0, 2*j)))
				e.Recurrence.Without = append(e.Recurrence.Without, at(start.AddDate(0, 0, 10+j)))
			}
			for j := range rapid.IntRange(0, 2).Draw(t, "exceptions") {
				x := e
				x.Type, x.Recurrence, x.SeriesMasterID, x.Attendees = calendar.Exception, nil, e.ID, nil
				loc, err := Lookup([]calendar.Zone{custom})(zone)
				if zone == "" {
					loc, err = time.UTC, nil
				}
				if err != nil {
					t.Fatal(err)
				}
				if x.OriginalStart, err = (calendar.DateTime{Local: at(start.AddDate(0, 0, j)).Local}).Instant(loc); err != nil {
					t.Fatal(err)
				}
				x.ID = series.InstanceID(e.ID, x.OriginalStart)
				x.Start, x.End = at(start.AddDate(0, 0, j+30)), at(start.AddDate(0, 0, j+30).Add(length))
				exceptions = append(exceptions, x)
			}
		}
		f.Events = append(append(f.Events, e), exceptions...)
	}
	if usesCustom {
		f.Zones = []calendar.Zone{custom}
	}
	return f
}

func mustReadZone() calendar.Zone {
	return calendar.Zone{ID: "(UTC+01:37) Own, Zone", Definition: ownZone(`(UTC+01:37) Own\, Zone`, "TZNAME:Own") + "\r\n"}
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := randomFile(t)
		var b bytes.Buffer
		if err := Write(&b, f, stamp); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) {
				t.Fatalf("%d octets: %q", len(line), line)
			}
		}
		reread, err := Read(&b)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if d := differ(f, reread); d != "" {
			t.Fatalf("%s\n%s", d, text)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("Acme - billable", "text", "Kim \"K\" Muster", "kim@example.com", int64(1_790_000_000), int64(3600), "Europe/Berlin")
	f.Add("a,b;c\\d\ne^f", "<p>x</p>", ":;,\"'", "", int64(1_792_888_200), int64(0), "UTC")
	f.Fuzz(func(t *testing.T, subject, body, name, address string, start, length int64, zone string) {
		at := func(seconds int64) calendar.DateTime {
			return calendar.DateTime{Local: time.Unix(seconds, 0).UTC().Format(wallForm), Zone: zone}
		}
		e := calendar.Event{ID: "1", Subject: subject, Body: calendar.Body{ContentType: "html", Content: body}, Categories: []string{subject},
			Organizer: calendar.Person{Name: name, Address: address}, Start: at(start), End: at(start + length)}
		var b bytes.Buffer
		if err := Write(&b, File{Name: name, Events: []calendar.Event{e}}, stamp); err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		reread, err := Read(&b)
		if err != nil {
			if y := time.Unix(start, 0).UTC().Year(); y > 3 && y < 9000 && length > -1e9 && length < 1e9 && len(subject)+len(body)+len(name)+len(address) < 500 {
				t.Fatal(err)
			}
			return
		}
		if got := reread.Events[0]; len(reread.Events) != 1 || got.Subject != printable(subject) || got.Body.Content != printable(body) {
			t.Fatalf("%+v", reread)
		}
	})
}

// tenYears is an export of ten years: 18,000 single events, 1,000 series and 1,000 exceptions to them.
func tenYears() File {
	f := File{Name: "Ten years"}
	begin := time.Date(2016, 1, 4, 8, 0, 0, 0, time.UTC)
	zones := []string{"Europe/Berlin", "W. Europe Standard Time", "America/New_York", "UTC", "Asia/Tokyo"}
	add := func(id string, at time.Time, zone string, change func(*calendar.Event)) {
		e := calendar.Event{ID: id, ICalUID: id, Type: calendar.Single, Subject: "Meeting " + id,
			Body:  calendar.Body{ContentType: "html", Content: "<p>Agenda of " + id + "</p>" + strings.Repeat("<br>point", 20)},
			Start: dateTime(at, zone), End: dateTime(at.Add(45*time.Minute), zone), StartZone: zone, EndZone: zone, Response: calendar.NoResponse,
			ShowAs: calendar.Busy, Sensitivity: calendar.Normal,
			Importance: calendar.NormalImportance, Categories: []string{"Acme - billable"}, LastModified: at, Stamp: at, Location: "Room 1, second floor",
			Attendees: []calendar.Attendee{{Person: calendar.Person{Name: "Kim Muster", Address: "kim@example.com"}, Type: "required", Response: calendar.Accepted}}}
		change(&e)
		f.Events = append(f.Events, e)
	}
	for i := range 18_000 {
		add(fmt.Sprintf("single-%d@example.com", i), begin.Add(time.Duration(i)*292*time.Minute), zones[i%len(zones)], func(*calendar.Event) {})
	}
	for i := range 1_000 {
		id, zone, at := fmt.Sprintf("series-%d@example.com", i), zones[i%len(zones)], begin.AddDate(0, 0, 3*i)
		add(id, at, zone, func(e *calendar.Event) {
			e.Type, e.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=20"},
				Without: []calendar.DateTime{dateTime(at.AddDate(0, 0, 14), zone)}}
		})
		add(id, at.AddDate(0, 0, 8), zone, func(e *calendar.Event) {
			e.Type, e.SeriesMasterID = calendar.Exception, id
			e.OriginalStart, _ = dateTime(at.AddDate(0, 0, 7), zone).Instant(nil)
			e.ID = series.InstanceID(id, e.OriginalStart)
		})
	}
	return f
}

func TestTenYearsSurvive(t *testing.T) {
	f := tenYears()
	text := written(t, f)
	reread := mustRead(t, text)
	a, _ := json.Marshal(f)
	b, _ := json.Marshal(reread)
	if !bytes.Equal(a, b) {
		t.Fatal(differ(f, reread))
	}
	events, err := Expand(reread, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	if want := 18_000 + 1_000*19; err != nil || len(events) != want {
		t.Errorf("%d events, not %d; %v", len(events), want, err)
	}
	t.Logf("%d events, %d MB", len(f.Events), len(text)>>20)
}

func BenchmarkTenYears(b *testing.B) {
	f := tenYears()
	text := written(b, f)
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			mustRead(b, text)
		}
	})
	b.Run("Write", func(b *testing.B) {
		for b.Loop() {
			written(b, f)
		}
	})
	b.Run("Expand", func(b *testing.B) {
		for b.Loop() {
			if _, err := Expand(f, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestAnEventThatTakesNoTimeIsWrittenWithoutEnd(t *testing.T) {
	at := calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "Europe/Berlin"}
	f := File{Events: []calendar.Event{{ID: "u", ICalUID: "u", Type: calendar.Single, Start: at, End: at}}}
	text := written(t, f)
	if e := mustRead(t, text).Events[0]; strings.Contains(text, "DTEND") || e.End != at {
		t.Errorf("%+v\n%s", e.End, text)
	}
}
