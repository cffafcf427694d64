package graphsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

func TestFaults(t *testing.T) {
	event := draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", `"t"`, "singleValueExtendedProperties", marked("m"))
	count := func(sim *Server) int {
		events, _ := sim.Events(user, "")
		return len(events)
	}
	t.Run("a throttled request says what the script says, or nothing", func(t *testing.T) {
		for _, retryAfter := range []string{"3", "0.25", "", "86400"} {
			_, c := start(t, Options{Faults: []Fault{{Kind: FaultThrottle, RetryAfter: retryAfter, Times: 1}}})
			a := c.do("POST", "/me/events", event).is(429, "ApplicationThrottled")
			if got, there := a.header["Retry-After"]; there != (retryAfter != "") || there && got[0] != retryAfter {
				t.Errorf("%q: %v", retryAfter, got)
			}
			c.do("POST", "/me/events", event).is(201)
		}
	})
	t.Run("503 and 504 strike before or after the commit", func(t *testing.T) {
		for kind, status := range map[string]int{FaultUnavailable: 503, FaultTimeout: 504} {
			for when, want := range map[string]int{"": 0, Before: 0, After: 1} {
				sim, c := start(t, Options{Faults: []Fault{{Kind: kind, When: when, Method: "POST"}}})
				c.do("POST", "/me/events", event).is(status)
				if got := count(sim); got != want {
					t.Errorf("%s %s: %d events", kind, when, got)
				}
			}
		}
	})
	t.Run("a connection is cut before, during or after", func(t *testing.T) {
		for when, want := range map[string]int{Before: 0, During: 1, After: 1} {
			sim, c := start(t, Options{Faults: []Fault{{Kind: FaultCut, When: when, Method: "POST"}}})
			if a, err := c.try("POST", "/me/events", event); err == nil {
				t.Errorf("%s: answered %d %s", when, a.status, a.text)
			}
			if got := count(sim); got != want {
				t.Errorf("%s: %d events", when, got)
			}
			if log := sim.Log(); log[len(log)-1].Status != 0 || log[len(log)-1].Fault != FaultCut {
				t.Errorf("%+v", log)
			}
		}
	})
	t.Run("a sub-request that is cut ends the whole batch", func(t *testing.T) {
		sim, c := start(t, Options{Faults: []Fault{{Kind: FaultCut, Scope: "sub", Nth: 2}}})
		if _, err := c.try("POST", "/$batch", batchOf(4, "")); err == nil {
			t.Error("answered")
		}
		if got := count(sim); got != 3 {
			t.Errorf("%d events", got)
		}
	})
	t.Run("sub-requests are hit as whole requests are", func(t *testing.T) {
		sim, c := start(t, Options{Faults: []Fault{
			{Kind: FaultThrottle, Scope: "sub", Nth: 1, RetryAfter: "0.5"},
			{Kind: FaultTimeout, Scope: "sub", Path: "/me/events", When: After, Nth: 2},
			{Kind: FaultError, Status: 500, Code: "InternalServerError", Path: "/me/calendars"},
		}})
		a := c.do("POST", "/$batch", batchOf(3, "")).is(200)
		statuses := a.field("responses/0/status") + a.field("responses/1/status") + a.field("responses/2/status")
		if strings.Count(statuses, "429") != 1 || strings.Count(statuses, "504") != 1 || strings.Count(statuses, "201") != 1 || count(sim) != 2 {
			t.Errorf("%s, %d events", a.text, count(sim))
		}
		c.do("GET", "/me/calendars", "").is(500, "InternalServerError")
	})
	t.Run("a batch itself can be hit", func(t *testing.T) {
		sim, c := start(t, Options{Faults: []Fault{{Kind: FaultTimeout, When: After, Path: "/$batch", Times: 1}, {Kind: FaultUnavailable, Path: "/$batch", Nth: 2}}})
		c.do("POST", "/$batch", batchOf(2, "a")).is(504)
		c.do("POST", "/$batch", batchOf(2, "b")).is(200)
		if count(sim) != 4 {
			t.Errorf("%d events", count(sim))
		}
	})
	t.Run("a token expires", func(t *testing.T) {
		_, c := start(t, Options{Faults: []Fault{{Kind: FaultExpired, Nth: 2}}})
		c.do("GET", "/me/calendars", "").is(200)
		c.do("GET", "/me/calendars", "").is(401, "InvalidAuthenticationToken")
		c.do("GET", "/me/calendars", "").is(200)
	})
	t.Run("pages repeat an event", func(t *testing.T) {
		_, c := start(t, Options{})
		for i := range 4 {
			c.post(draft(fmt.Sprint(i), "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
		}
		if err := c.sim.SetFaults(Fault{Kind: FaultRepeat, Path: "/me/calendarView"}); err != nil {
			t.Fatal(err)
		}
		first := c.do("GET", "/me/calendarView?$top=2&"+october, "").is(200)
		second := c.do("GET", first.field("@odata.nextLink"), "").is(200)
		if got := first.all("subject") + "|" + second.all("subject"); got != "0 0 1|1 2 3" {
			t.Error(got)
		}
	})
	t.Run("a next link leads elsewhere", func(t *testing.T) {
		_, c := start(t, Options{Faults: []Fault{{Kind: FaultForeignLink}}})
		c.post(draft("a", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
		c.post(draft("b", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
		if link := c.do("GET", "/me/events?$top=1", "").is(200).field("@odata.nextLink"); !strings.HasPrefix(link, "https://graph.example.net/v1.0/me/events?") {
			t.Error(link)
		}
	})
	t.Run("a commit shows after the first retry", func(t *testing.T) {
		sim, c := start(t, Options{Faults: []Fault{{Kind: FaultLate, Method: "POST", Nth: 1}}})
		c.do("POST", "/me/events", event).is(504)
		if got := c.do("GET", "/me/events?"+byMark("m"), "").is(200).all("id") + c.do("GET", "/me/calendarView?"+october, "").all("id"); got != "" ||
			count(sim) != 1 {
			t.Errorf("%q, %d events", got, count(sim))
		}
		id := c.do("POST", "/me/events", event).is(201).field("id")
		if got := c.do("GET", "/me/events?"+byMark("m"), "").all("id"); got != id || count(sim) != 1 {
			t.Errorf("%q, %d events", got, count(sim))
		}
	})
	t.Run("latency passes inside the mailbox", func(t *testing.T) {
		clock := &stepClock{}
		_, c := start(t, Options{Clock: clock, Faults: []Fault{{Kind: FaultLatency, Delay: Duration(time.Second)},
			{Kind: FaultLatency, Delay: Duration(time.Second), Every: 2}}})
		c.do("GET", "/me/calendars", "").is(200)
		c.do("GET", "/me/calendars", "").is(200)
		if clock.slept != 3*time.Second {
			t.Error(clock.slept)
		}
	})
	t.Run("chance follows its seed", func(t *testing.T) {
		pattern := func(seed uint64) (text string) {
			_, c := start(t, Options{Faults: []Fault{{Kind: FaultUnavailable, Probability: 0.5, Seed: seed}}})
			for range 40 {
				text += fmt.Sprint(c.do("GET", "/me/calendars", "").status == 200, " ")
			}
			return text
		}
		a, b, other := pattern(7), pattern(7), pattern(8)
		if a != b || a == other || !strings.Contains(a, "true") || !strings.Contains(a, "false") {
			t.Errorf("%s\n%s\n%s", a, b, other)
		}
	})
}

func TestFaultScripts(t *testing.T) {
	faults, err := ReadFaults(strings.NewReader("# comment\n\n" +
		`{"kind":"latency","delay":"200ms","path":"/users/*/calendars/**"}` + "\n" + `{"kind":"cut","when":"during","probability":0.5,"seed":3}` + "\n"))
	if err != nil || len(faults) != 2 || time.Duration(faults[0].Delay) != 200*time.Millisecond {
		t.Fatal(faults, err)
	}
	for _, line := range []string{
		`{"kind":"flood"}`, `{"kind":"cut","colour":1}`, `{"kind":"timeout","when":"during"}`, `{"kind":"error","status":200}`, `{"kind":"cut","scope":"all"}`,
		`{"kind":"cut","probability":2}`, `{"kind":"latency","delay":"soon"}`, `{`,
	} {
		if _, err := ReadFaults(strings.NewReader("\n" + line)); err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", line, err)
		}
	}
	trap, err := newTrap(faults[0])
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/users/a/calendars/b/events": true, "/users/a/b/calendars/c": false, "/me/calendars/x": false} {
		if trap.about("GET", path, false, nil) != want {
			t.Error(path)
		}
	}
}

func TestTheSimulatorIsSteeredOverHTTP(t *testing.T) {
	var out bytes.Buffer
	sim, c := start(t, Options{Log: &out})
	root := strings.TrimSuffix(c.base, "/v1.0") + "/_sim/"
	if a := c.do("POST", root+"faults", `{"kind":"throttle","nth":9,"retry_after":"7"}`); a.status != 204 {
		t.Fatal(a.status, a.text)
	}
	c.do("GET", "/me/events?$select=subject", "", "Retry-Attempt", "1").is(200)
	c.do("POST", "/$batch", batchOf(1, "x"), "client-request-id", "abc").is(200)
	log := sim.Log()
	if len(log) != 2 || log[0].Method != "GET" || log[0].Path != "/v1.0/me/events" || log[0].Query != "$select=subject" || log[0].Status != 200 ||
		log[0].Headers["Retry-Attempt"] != "1" ||
		log[0].Headers["Prefer"] != `IdType="ImmutableId"` || log[0].Mailbox != user {
		t.Errorf("%+v", log)
	}
	sub := log[1].Sub
	if len(sub) != 1 || sub[0].ID != "1" || sub[0].Status != 201 || !strings.Contains(string(sub[0].Body), `"event x0"`) ||
		log[1].Headers["Client-Request-Id"] != "abc" {
		t.Errorf("%+v", log[1])
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var second Entry
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil || second.N != 2 || len(second.Sub) != 1 {
		t.Error(err, lines)
	}
	raw := func(path string) string {
		r, err := c.http.Get(root + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var text bytes.Buffer
		_, _ = text.ReadFrom(r.Body)
		return text.String()
	}
	if got := raw("log"); strings.Count(got, "\n") != 2 || got != out.String() {
		t.Error(got)
	}
	if got := raw("faults"); !strings.Contains(got, `"seen":3`) { // the batch and its request count each
		t.Error(got)
	}
	c.do("POST", "/me/events", `{"attendees":[{}]}`)
	if got := raw("violations"); strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
	c.do("DELETE", root+"faults", "")
	c.do("DELETE", root+"log", "")
	if len(sim.Faults()) != 0 || len(sim.Log()) != 0 || len(sim.Violations()) != 0 {
		t.Error("something is left")
	}
	if r, err := c.http.Get(root + "nothing"); err != nil || r.StatusCode != 404 {
		t.Error(r, err)
	}
}

func TestTheLogKeepsTheLastEntries(t *testing.T) {
	sim, c := start(t, Options{KeepEntries: 3})
	for range 10 {
		c.do("GET", "/me/calendars", "").is(200)
	}
	if log := sim.Log(); len(log) != 3 || log[0].N != 8 || log[2].N != 10 {
		t.Errorf("%+v", log)
	}
}

const calendarFile = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" +
	"BEGIN:VTIMEZONE\r\nTZID:Site time\r\n" +
	"BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260901T000000Z\r\nDTSTART;TZID=Europe/Berlin:20261005T090000\r\nDTEND;TZID=Europe/Berlin:20261005T100000\r\n" +
	"SUMMARY:Weekly\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\n" +
	"EXDATE;TZID=Europe/Berlin:20261012T090000\r\nORGANIZER;CN=Maria:mailto:maria@acme.example\r\nATTENDEE;CN=Alex:mailto:" + user + "\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260901T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261019T090000\r\n" +
	"DTSTART;TZID=Europe/Berlin:20261020T140000\r\nDTEND;TZID=Europe/Berlin:20261020T150000\r\nSUMMARY:Weekly (moved)\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:odd\r\nDTSTAMP:20260901T000000Z\r\nDTSTART;TZID=Site time:20261006T090000\r\nDTEND;TZID=Site time:20261006T100000\r\n" +
	"SUMMARY:Odd\r\nRRULE:FREQ=DAILY;BYHOUR=9,11;COUNT=3\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:fair\r\nDTSTAMP:20260901T000000Z\r\nDTSTART;VALUE=DATE:20261007\r\nDTEND;VALUE=DATE:20261009\r\nSUMMARY:Fair\r\nEND:VEVENT\r\n" +
	"END:VCALENDAR\r\n"

const seeded = "2026-10-05T07:00:00.0000000 Weekly\n2026-10-06T06:00:00.0000000 Odd\n2026-10-06T08:00:00.0000000 Odd\n2026-10-07T00:00:00.0000000 Fair\n" +
	"2026-10-07T06:00:00.0000000 Odd\n2026-10-20T12:00:00.0000000 Weekly (moved)\n2026-10-26T08:00:00.0000000 Weekly\n"

func listing(c *client) (text string) {
	a := c.do("GET", "/me/calendarView?$top=100&"+october, "").is(200)
	for i := range a.at("value").([]any) {
		text += a.field(fmt.Sprintf("value/%d/start/dateTime", i)) + " " + a.field(fmt.Sprintf("value/%d/subject", i)) + "\n"
	}
	return text
}

func TestAMailboxIsFilledFromACalendarFileAndSurvivesARestart(t *testing.T) {
	sim, c := start(t, Options{})
	if err := sim.LoadICS(user, "", strings.NewReader(calendarFile)); err != nil {
		t.Fatal(err)
	}
	if got := listing(c); got != seeded {
		t.Fatal(got)
	}
	c.do("GET",
		"/me/events?$filter=subject eq 'Weekly'&$select=cancelledOccurrences,recurrence,isOrganizer,attendees,iCalUId,originalStartTimeZone", "").is(200).
		has(
			"value/0/recurrence/pattern/type", "weekly", "value/0/recurrence/range/numberOfOccurrences", "4", "value/0/isOrganizer", "false",
			"value/0/attendees/0/emailAddress/address", user, "value/0/iCalUId", "weekly", "value/0/originalStartTimeZone", "W. Europe Standard Time")
	id := c.post(draft("x", "2026-11-05T09:00:00", "2026-11-05T10:00:00", "transactionId", `"t"`, "reminderMinutesBeforeStart", "20"))
	c.do("POST", "/me/outlook/masterCategories", `{"displayName":"Acme - billable"}`).is(201)
	before := c.do("GET", "/me/events/"+id, "").text
	sim.AssertNobodyInvited(t)

	path := filepath.Join(t.TempDir(), "state.json")
	if err := sim.SaveFile(path); err != nil {
		t.Fatal(err)
	}
	second, c2 := start(t, Options{})
	if err := second.LoadFile(path); err != nil {
		t.Fatal(err)
	}
	if got := listing(c2); got != seeded {
		t.Error(got)
	}
	if got := strings.ReplaceAll(c2.do("GET", "/me/events/"+id, "").text, c2.base, c.base); got != before {
		t.Errorf("%s\nbecame %s", before, got)
	}
	c2.do("GET", "/me/outlook/masterCategories", "").has("value/0/displayName", "Acme - billable")
	if next := c2.post(draft("y", "2026-11-05T09:00:00", "2026-11-05T10:00:00")); next == id {
		t.Error("an id was given twice")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second.LoadFile(path); fault.Of(err) != fault.Malformed {
		t.Error(err)
	}
	if got := listing(c2); got != seeded {
		t.Error("a file that cannot be read left traces")
	}
}

func TestAMailboxIsChangedFromOutside(t *testing.T) {
	sim, c := start(t, Options{})
	id, err := sim.PutEvent(user, "",
		[]byte(draft("Review", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "id", `"AAkALgOwn"`, "iCalUId", `"uid-1"`, "isCancelled", "true",
			"lastModifiedDateTime", `"2026-10-01T12:00:00Z"`)))
	if err != nil || id != "AAkALgOwn" {
		t.Fatal(id, err)
	}
	a := c.do("GET", "/me/events/"+id, "").is(200).has("iCalUId", "uid-1", "isCancelled", "true", "lastModifiedDateTime", "2026-10-01T12:00:00.0000000Z")
	if _, err := sim.PutEvent(user, "", []byte(`{"id":"`+id+`","subject":"Review 2"}`)); err != nil {
		t.Fatal(err)
	}
	if b := c.do("GET", "/me/events/"+id, "").has("subject", "Review 2", "iCalUId", "uid-1"); b.field("changeKey") == a.field("changeKey") ||
		b.field("lastModifiedDateTime") == a.field("lastModifiedDateTime") {
		t.Error(b.text)
	}
	if _, err := sim.PutEvent(user, "", []byte(`{"subject":"no time"}`)); fault.Of(err) != fault.Invalid {
		t.Error(err)
	}
	if _, err := sim.PutEvent(user, "nothing", []byte(`{}`)); fault.Of(err) != fault.NotFound {
		t.Error(err)
	}
	if err := sim.RemoveEvent(user, id); err != nil {
		t.Fatal(err)
	}
	if err := sim.RemoveEvent(user, id); fault.Of(err) != fault.NotFound {
		t.Error(err)
	}
	if err := sim.AddMailbox(Mailbox{ID: strings.ToUpper(user)}); fault.Of(err) != fault.Conflict {
		t.Error(err)
	}
	archive, _ := sim.AddCalendar(user, Calendar{Name: "Archive"})
	if _, err := sim.AddCalendar(user, Calendar{ID: archive, Name: "Renamed"}); err != nil {
		t.Fatal(err)
	}
	if list, _ := sim.Calendars(user); len(list) != 2 || list[1].Name != "Renamed" {
		t.Errorf("%+v", list)
	}
	if err := sim.RemoveCalendar(user, archive); err != nil {
		t.Fatal(err)
	}
	c.do("GET", "/me/calendars/"+archive+"/events", "").is(404)
}

func TestAFaultMayBeAboutWhatTheBodyHas(t *testing.T) {
	trap, err := newTrap(Fault{Kind: FaultThrottle, Holds: "Acme contract"})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]bool{"": false, `{"subject":"Acme"}`: false, `{"subject":"Acme contract"}`: true} {
		if trap.about("POST", "/x", true, []byte(body)) != want {
			t.Errorf("%s: not %v", body, want)
		}
	}
}
