package archive

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

func TestBodyText(t *testing.T) {
	for _, tt := range []struct{ name, html, want string }{
		{"tags are no text", "<p>Agenda: <b>bud</b>get</p>", "Agenda: budget"},
		{"what ends a line parts words", "one<br>two<div>three</div><ul><li>four</li></ul>", "one two three four"},
		{"nobody reads a head, a style or a script", "<html><head><title>x</title><style>p{}</style></head><body>a<script>b()</script>c</body></html>", "ac"},
		{"a head without an end ends with the body", "<html><head><title>x<body>a", ""},
		{"entities are characters, and spaces of any kind one", "a&nbsp;&amp;\u200b&#10; b", "a & b"},
		{"a link counts by its address", `<a href="https://example.com/a">here</a>`, "here <https://example.com/a>"},
		{"but once where the text has it", `<a href="https://example.com/a">https://example.com/a</a>`, "https://example.com/a"},
		{"comments do not count", "a<!-- b -->c", "ac"},
	} {
		if got := bodyText(calendar.Body{ContentType: "html", Content: tt.html}); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	if got := bodyText(calendar.Body{ContentType: "text", Content: " a <b>\r\nb "}); got != "a <b> b" {
		t.Errorf("a text: %q", got)
	}
}

func TestWhatTheServiceMayHaveDoneByItself(t *testing.T) {
	long := strings.Repeat("ab ", 100)
	for _, tt := range []struct {
		name          string
		field         int
		written, read string
		want          bool
	}{
		{"seconds", inStart, "2026-10-05T09:00:30Z", "2026-10-05T09:00:00Z", true},
		{"a minute", inStart, "2026-10-05T09:00:00Z", "2026-10-05T09:01:00Z", false},
		{"a day", inEnd, "2026-10-05", "2026-10-06", false},
		{"a subject that is cut", inSubject, long, long[:252] + "...", true},
		{"a subject that begins like it", inSubject, "Review of October", "Review", false},
		{"another subject", inSubject, "Review", "Preview", false},
		{"a location in another writing", inLocation, "Room 1, Berlin", "Room 1; Berlin", true},
		{"another location", inLocation, "Room 1", "Room 2", false},
		{"another set of categories", inCategories, "Acme - billable", "Acme - billable\nOnline", false},
		{"another sensitivity", inSensitivity, "private", "normal", false},
		{"a status that was not known", inShowAs, "unknown", "busy", true},
		{"another status", inShowAs, "free", "busy", false},
		{"any text", inBody, "a", "b", true},
	} {
		if got := maybeOurs(tt.field, tt.written, tt.read); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestFormsAreTheSameHoweverTheyAreWritten(t *testing.T) {
	zone, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	a := calendar.Event{
		Subject: "A  b ", Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "Europe/Berlin"},
		End: calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "W. Europe Standard Time"}, Categories: []string{"Two", "One", "One"},
		Body: calendar.Body{ContentType: "text", Content: "a\nb"},
	}
	b := calendar.Event{
		Subject: "A b", Start: calendar.DateTime{Local: "2026-10-05T07:00:00.0000000", Zone: "UTC"},
		End:        calendar.DateTime{Local: "2026-10-05T08:00:00", Zone: "UTC"},
		Categories: []string{"One", "Two"}, Sensitivity: calendar.Normal, ShowAs: calendar.Busy, Importance: calendar.NormalImportance,
		Body: calendar.Body{ContentType: "html", Content: "<div>a<br>b</div>"},
	}
	if x, y := formOf(&a, zone), formOf(&b, zone); x != y {
		t.Errorf("%q\n%q", x, y)
	}
	days := calendar.Event{AllDay: true, Start: calendar.DateTime{Local: "2026-10-05T00:00:00", Zone: "UTC"}}
	days.End = calendar.DateTime{Local: "2026-10-07T00:00:00", Zone: "UTC"}
	if f := formOf(&days, zone); f[inStart] != "2026-10-05" || f[inEnd] != "2026-10-07" || f[inAllDay] != "true" {
		t.Errorf("%q", f)
	}
}

func TestBaselinesAreKeptByDays(t *testing.T) {
	b := baseline{draft: sumOf("a"), key: sumOf("b")}
	for i := range b.fields {
		b.fields[i] = sumOf(formNames[i])
	}
	got, ok := decodeBaseline(b.encode())
	if !ok || got != b {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{"", "A", b.encode()[4:], "B" + b.encode()[1:]} {
		if _, ok := decodeBaseline(text); ok {
			t.Errorf("%q is a baseline", text)
		}
	}
	day := time.Date(2026, 10, 5, 23, 59, 0, 0, time.UTC)
	if baselineDay(day) != "2026-10-05" || baselineDay(day.Add(time.Minute)) != "2026-10-06" {
		t.Error("days")
	}
}
