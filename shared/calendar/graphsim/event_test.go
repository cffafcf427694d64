package graphsim

import (
	"strings"
	"testing"
	"time"
)

func TestAnEventIsCreatedReadChangedAndDeleted(t *testing.T) {
	clock := &stepClock{now: time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC)}
	_, c := start(t, Options{Clock: clock})
	created := c.do("POST", "/me/events", draft("Acme review", "2026-10-05T09:00:00", "2026-10-05T10:30:00",
		"body", `{"contentType":"HTML","content":"<p>Agenda &amp; <b>notes</b></p>"}`, "location", `{"displayName":"Room 4"}`,
		"categories", `["Acme - billable"]`, "sensitivity", `"Private"`, "singleValueExtendedProperties", marked("ledger 1"))).is(201)
	created.has("subject", "Acme review", "type", "singleInstance", "bodyPreview", "Agenda & notes", "body/contentType", "html", "sensitivity", "private",
		"locations/0/displayName", "Room 4", "isReminderOn", "false", "isOrganizer", "true", "organizer/emailAddress/address", user,
		"start/dateTime", "2026-10-05T07:00:00.0000000", "start/timeZone", "UTC", "originalStartTimeZone", "W. Europe Standard Time",
		"singleValueExtendedProperties", "")
	id, tag, uid := created.field("id"), created.field("@odata.etag"), created.field("iCalUId")
	if !strings.HasPrefix(uid, "040000008200E00074C5B7101A82E00800000000") || len(uid) != 112 {
		t.Errorf("iCalUId %s", uid)
	}
	if created.header.Get("Location") == "" || created.header.Get("ETag") != tag || tag != `W/"`+created.field("changeKey")+`"` {
		t.Error(created.header, tag)
	}

	clock.now = clock.now.Add(time.Hour)
	changed := c.do("PATCH", "/me/events/"+id, `{"subject":"Acme workshop","showAs":"tentative"}`, "If-Match", tag).is(200)
	changed.has("subject", "Acme workshop", "iCalUId", uid, "createdDateTime", "2026-10-05T06:00:00.0000000Z",
		"lastModifiedDateTime", "2026-10-05T07:00:00.0000000Z")
	if changed.field("changeKey") == created.field("changeKey") {
		t.Error("the change key is the same")
	}
	c.do("PATCH", "/me/events/"+id, `{"subject":"late"}`, "If-Match", tag).is(412, "ErrorIrresolvableConflict")
	c.do("DELETE", "/me/events/"+id, "", "If-Match", tag).is(412)
	c.do("GET", "/me/events/"+id+"?$select=subject", "").is(200).has("subject", "Acme workshop", "showAs", "", "@odata.etag", changed.field("@odata.etag"))
	c.do("GET", "/me/events/"+id+"?$expand=singleValueExtendedProperties($filter=id eq '"+mark+"')", "").is(200).
		has("singleValueExtendedProperties/0/value", "ledger 1")
	c.do("DELETE", "/me/events/"+id, "", "If-Match", changed.field("@odata.etag")).is(204)
	c.do("GET", "/me/events/"+id, "").is(404, "ErrorItemNotFound")
	c.do("DELETE", "/me/events/"+id, "").is(404)
	c.sim.AssertNobodyInvited(t)
}

func TestPayloadsAreChecked(t *testing.T) {
	sim, c := start(t, Options{})
	const from, to = "2026-10-05T09:00:00", "2026-10-05T10:00:00"
	for name, test := range map[string]struct{ body, code string }{
		"an unknown property":            {draft("x", from, to, "colour", `"red"`), "RequestBodyRead"},
		"an unknown property further in": {draft("x", from, to, "location", `{"name":"y"}`), "RequestBodyRead"},
		"another case":                   {draft("x", from, to, "Sensitivity", `"private"`), "RequestBodyRead"},
		"a number for a text":            {draft("x", from, to, "subject", `5`), "RequestBodyRead"},
		"a text for a boolean":           {draft("x", from, to, "isAllDay", `"false"`), "RequestBodyRead"},
		"a fraction for an integer":      {draft("x", from, to, "reminderMinutesBeforeStart", `1.5`), "RequestBodyRead"},
		"an integer beyond 32 bits":      {draft("x", from, to, "reminderMinutesBeforeStart", `3000000000`), "RequestBodyRead"},
		"a text for a list":              {draft("x", from, to, "categories", `"Acme"`), "RequestBodyRead"},
		"null in a list":                 {draft("x", from, to, "categories", `[null]`), "RequestBodyRead"},
		"a text for an object":           {draft("x", from, to, "location", `"Room"`), "RequestBodyRead"},
		"a word that is none":            {draft("x", from, to, "showAs", `"away"`), "RequestBodyRead"},
		"a property of the service's":    {draft("x", from, to, "iCalUId", `"x"`), "ErrorInvalidPropertySet"},
		"control characters":             {draft("a\x01b", from, to), "ErrorPropertyValidationFailure"},
		"no end": {
			`{"subject":"x","isReminderOn":false,"start":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"}}`, "ErrorPropertyValidationFailure"},
		"no time zone": {draft("x", from, to, "start", `{"dateTime":"2026-10-05T09:00:00"}`), "TimeZoneNotSupportedException"},
		"an unknown time zone": {draft("x", from, to, "start",
			`{"dateTime":"2026-10-05T09:00:00","timeZone":"Mars/Olympus"}`), "TimeZoneNotSupportedException"},
		"UTC as the service calls it": {draft("x", from, to, "start",
			`{"dateTime":"2026-10-05T09:00:00","timeZone":"tzone://Microsoft/Utc"}`), "TimeZoneNotSupportedException"},
		"such an end": {draft("x", from, to, "end",
			`{"dateTime":"2026-10-05T10:00:00","timeZone":"TZONE://microsoft/utc"}`), "TimeZoneNotSupportedException"},
		"a zone that Windows does not have": {draft("x", from, to, "start",
			`{"dateTime":"2026-10-05T09:00:00","timeZone":"Antarctica/Troll"}`), "TimeZoneNotSupportedException"},
		"a recurrence in UTC as the service calls it": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"daily","interval":1},"range":{"type":"noEnd","startDate":"2026-10-05","recurrenceTimeZone":"tzone://Microsoft/Utc"}}`),
			"TimeZoneNotSupportedException"},
		"no date and time":                     {draft("x", from, to, "start", `{"timeZone":"UTC"}`), "ErrorPropertyValidationFailure"},
		"a date alone":                         {draft("x", "2026-10-05", to), "RequestBodyRead"},
		"a day that does not exist":            {draft("x", "2026-02-30T09:00:00", to), "RequestBodyRead"},
		"an offset that is not the zone's":     {draft("x", "2026-10-05T09:00:00Z", to), "ErrorPropertyValidationFailure"},
		"an end before the start":              {draft("x", to, from), "ErrorPropertyValidationFailure"},
		"an all-day event that starts at nine": {draft("x", from, "2026-10-06T00:00:00", "isAllDay", "true"), "ErrorPropertyValidationFailure"},
		"an all-day event of no day":           {draft("x", "2026-10-05T00:00:00", "2026-10-05T00:00:00", "isAllDay", "true"), "ErrorPropertyValidationFailure"},
		"an all-day event of two zones": {draft("x", "2026-10-05T00:00:00", "2026-10-06T00:00:00", "isAllDay", "true", "end",
			`{"dateTime":"2026-10-06T00:00:00","timeZone":"UTC"}`), "ErrorPropertyValidationFailure"},
		"an extended property without a type": {draft("x", from, to, "singleValueExtendedProperties",
			`[{"id":"{66f5a359-4659-4830-9070-00047ec6ac6e} Name Mark","value":"x"}]`), "ErrorInvalidProperty"},
		"an extended property of a number": {draft("x", from, to, "singleValueExtendedProperties", `[{"id":"`+mark+`","value":5}]`), "RequestBodyRead"},
		"what is no JSON":                  {`{"subject":`, "BadRequest"},
		"JSON and more":                    {draft("x", from, to) + "}", "BadRequest"},
		"an array":                         {`[]`, "BadRequest"},
		"a recurrence without a range": {draft("x", from, to, "recurrence", `{"pattern":{"type":"daily","interval":1}}`),
			"ErrorPropertyValidationFailure"},
		"a weekly one without days": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"weekly","interval":1},"range":{"type":"noEnd","startDate":"2026-10-05"}}`), "ErrorPropertyValidationFailure"},
		"a recurrence that ends before it starts": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"daily","interval":1},"range":{"type":"endDate","startDate":"2026-10-05","endDate":"2026-10-04"}}`), "ErrorPropertyValidationFailure"},
		"a recurrence that starts elsewhere": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"daily","interval":1},"range":{"type":"noEnd","startDate":"2026-10-06"}}`), "ErrorPropertyValidationFailure"},
		"a recurrence every no days": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"daily","interval":0},"range":{"type":"noEnd","startDate":"2026-10-05"}}`), "ErrorPropertyValidationFailure"},
		"a recurrence in an unknown zone": {draft("x", from, to, "recurrence",
			`{"pattern":{"type":"daily","interval":1},"range":{"type":"noEnd","startDate":"2026-10-05","recurrenceTimeZone":"Mars"}}`), "TimeZoneNotSupportedException"},
	} {
		t.Run(name, func(t *testing.T) {
			c.in(t).do("POST", "/me/events", test.body).is(400, test.code)
		})
	}
	c.do("POST", "/me/events", draft("x", from, to), "Content-Type", "text/plain").is(400)
	if events, err := sim.Events(user, ""); err != nil || len(events) != 0 {
		t.Errorf("%d events were made, %v", len(events), err)
	}

	id := c.post(draft("x", from, to))
	c.do("PATCH", "/me/events/"+id, `{"end":{"dateTime":"2026-10-04T09:00:00","timeZone":"UTC"}}`).is(400)
	c.do("PATCH", "/me/events/"+id, `{"isAllDay":true}`).is(400)
	c.do("PATCH", "/me/events/"+id, `{"transactionId":"t"}`).is(400)
	c.do("GET", "/me/events/"+id, "").is(200).has("end/dateTime", "2026-10-05T08:00:00.0000000", "isAllDay", "false")
	c.do("POST", "/me/events", draft("x", from, to), "Prefer", `outlook.timezone="Mars"`).is(400, "TimeZoneNotSupportedException")
	if events, _ := sim.Events(user, ""); len(events) != 1 {
		t.Errorf("there are %d events", len(events))
	}
}

func TestTimesAreToldInTheZoneThatIsAskedFor(t *testing.T) {
	_, c := start(t, Options{})
	id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	a := c.do("GET", "/me/events/"+id, "", "Prefer", `IdType="ImmutableId", outlook.timezone="Eastern Standard Time"`).is(200)
	a.has("start/dateTime", "2026-10-05T03:00:00.0000000", "start/timeZone", "Eastern Standard Time")
	if got := a.header.Get("Preference-Applied"); got != `IdType="ImmutableId", outlook.timezone="Eastern Standard Time"` {
		t.Error(got)
	}
	c.zone = "Asia/Tokyo"
	c.do("GET", "/me/events/"+id, "").has("start/dateTime", "2026-10-05T16:00:00.0000000", "start/timeZone", "Asia/Tokyo",
		"originalStartTimeZone", "W. Europe Standard Time")

	days := c.post(draft("Fair", "2026-10-05T00:00:00", "2026-10-07T00:00:00", "isAllDay", "true"))
	c.do("GET", "/me/events/"+days, "").has("start/dateTime", "2026-10-05T00:00:00.0000000", "end/dateTime", "2026-10-07T00:00:00.0000000")
	iana := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "start", `{"dateTime":"2026-10-05T09:00:00","timeZone":"America/New_York"}`,
		"end", `{"dateTime":"2026-10-05T10:00:00","timeZone":"America/New_York"}`))
	c.do("GET", "/me/events/"+iana, "").has("originalStartTimeZone", "Eastern Standard Time")
}

func TestIdsAreImmutableOnRequestAlone(t *testing.T) {
	_, c := start(t, Options{})
	id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	regular := c.do("GET", "/me/events/"+id, "", "Prefer", "").is(200).field("id")
	if regular == id || !strings.HasPrefix(regular, "AAMk") {
		t.Errorf("%s and %s", id, regular)
	}
	c.do("GET", "/me/events/"+regular, "").is(200).has("id", id)
}

func TestBodies(t *testing.T) {
	_, c := start(t, Options{TextBecomesHTML: true})
	id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "body", `{"contentType":"text","content":"a < b"}`))
	if a := c.do("GET", "/me/events/"+id, "").has("body/contentType", "html", "bodyPreview", "a < b"); !strings.Contains(a.field("body/content"), "a &lt; b") {
		t.Error(a.text)
	}
	c.do("GET", "/me/events/"+id, "", "Prefer", `outlook.body-content-type="text"`).has("body/contentType", "text", "body/content", "a < b")
	c.do("PATCH", "/me/events/"+id, `{"body":{"contentType":"html","content":"<style>p{}</style><p>one</p><p>two</p>"}}`).is(200)
	c.do("GET", "/me/events/"+id, "", "Prefer", `outlook.body-content-type="text"`).has("body/content", "one\ntwo")
}

func TestARepeatedTransactionID(t *testing.T) {
	body := draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", `"t-1"`, "singleValueExtendedProperties", marked("m"))
	other := draft("y", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", `"t-1"`)
	t.Run("with the same content is answered with the event", func(t *testing.T) {
		sim, c := start(t, Options{})
		id := c.do("POST", "/me/events", body).is(201).has("transactionId", "t-1").field("id")
		c.do("POST", "/me/events", body).is(201).has("id", id)
		if events, _ := sim.Events(user, ""); len(events) != 1 || events[0].TransactionID != "t-1" || events[0].Extended[mark] != "m" {
			t.Errorf("%+v", events)
		}
	})
	t.Run("can be answered 200", func(t *testing.T) {
		_, c := start(t, Options{RepeatStatus: 200})
		c.do("POST", "/me/events", body).is(201)
		c.do("POST", "/me/events", body).is(200)
	})
	t.Run("with other content is a conflict", func(t *testing.T) {
		_, c := start(t, Options{})
		c.post(body)
		c.do("POST", "/me/events", other).is(409, "ErrorDuplicateTransactionId").has("error/@event.existingEventId", "")
	})
	t.Run("with other content is a bad request that names the event", func(t *testing.T) {
		_, c := start(t, Options{DuplicateStatus: 400, TellExisting: true})
		id := c.post(body)
		c.do("POST", "/me/events", other).is(400, "ErrorDuplicateTransactionId").has("error/@event.existingEventId", id)
	})
	t.Run("is free when its event is gone", func(t *testing.T) {
		_, c := start(t, Options{})
		id := c.post(body)
		c.do("DELETE", "/me/events/"+id, "").is(204)
		if another := c.post(other); another == id {
			t.Error("the old event came back")
		}
	})
}

func TestNobodyIsInvitedUnseen(t *testing.T) {
	const from, to = "2026-10-05T09:00:00", "2026-10-05T10:00:00"
	attendees := `[{"emailAddress":{"address":"maria@acme.example"},"type":"required"}]`
	for name, test := range map[string]struct {
		body string
		what string
	}{
		"attendees":            {draft("x", from, to, "attendees", attendees), "attendees are invited"},
		"an online meeting":    {draft("x", from, to, "isOnlineMeeting", "true"), "online meeting"},
		"a requested response": {draft("x", from, to, "responseRequested", "true"), "response"},
		"a reminder by default": {`{"subject":"x","start":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"},
			"end":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"}}`, "reminder"},
		"a reminder":         {draft("x", from, to, "isReminderOn", "true"), "reminder"},
		"a refused one, too": {draft("x", to, from, "attendees", attendees), "attendees are invited"},
	} {
		t.Run(name, func(t *testing.T) {
			sim, c := start(t, Options{})
			c.do("POST", "/me/events", test.body)
			seen := sim.Violations()
			if len(seen) != 1 || !strings.Contains(seen[0].What, test.what) || seen[0].Request != 1 {
				t.Errorf("%v", seen)
			}
			r := &recorder{}
			sim.AssertNobodyInvited(r)
			if r.errors != 1 {
				t.Errorf("%d errors", r.errors)
			}
		})
	}
	t.Run("what happens to a meeting is reported to its attendees", func(t *testing.T) {
		sim, c := start(t, Options{})
		id, err := sim.PutEvent(user, "", []byte(draft("x", from, to, "attendees", attendees)))
		if err != nil {
			t.Fatal(err)
		}
		sim.AssertNobodyInvited(t)
		c.do("PATCH", "/me/events/"+id, `{"subject":"y"}`).is(200)
		c.do("POST", "/me/events/"+id+"/forward", `{"toRecipients":[]}`).is(202)
		c.do("DELETE", "/me/events/"+id, "").is(204)
		c.do("POST", "/me/sendMail", `{"message":{"subject":"hello","toRecipients":[{"emailAddress":{"address":"maria@acme.example"}}]}}`).is(202)
		c.do("POST", "/me/sendMail", `{"message":{"colour":"red"}}`).is(400)
		if seen := sim.Violations(); len(seen) != 5 {
			t.Errorf("%v", seen)
		}
		if mails, _ := sim.Mails(user); len(mails) != 1 || mails[0]["subject"] != "hello" {
			t.Errorf("%v", mails)
		}
	})
	t.Run("what happens to an instance of a series of meetings is reported to its attendees", func(t *testing.T) {
		sim, c := start(t, Options{})
		id, err := sim.PutEvent(user, "",
			[]byte(draft("x", from, to, "attendees", attendees, "recurrence",
				recurring(`{"type":"daily","interval":1}`, `{"type":"noEnd","startDate":"`+from[:10]+`"}`))))
		if err != nil {
			t.Fatal(err)
		}
		instances := c.do("GET", "/me/events/"+id+"/instances?startDateTime="+from[:10]+"&endDateTime=2026-12-01", "").is(200)
		c.do("PATCH", "/me/events/"+instances.field("value/1/id"), `{"subject":"y"}`).is(200)
		c.do("PATCH", "/me/events/"+instances.field("value/1/id"), `{"subject":"z"}`).is(200)
		c.do("DELETE", "/me/events/"+instances.field("value/2/id"), "").is(204)
		c.do("DELETE", "/me/events/"+instances.field("value/1/id"), "").is(204)
		c.do("PATCH", "/me/events/"+id, `{"recurrence":`+recurring(`{"type":"daily","interval":2}`, `{"type":"noEnd","startDate":"`+from[:10]+`"}`)+`}`).is(200)
		c.do("DELETE", "/me/events/"+id, "").is(204)
		if seen := sim.Violations(); len(seen) != 6 {
			t.Errorf("%v", seen)
		}
	})
	t.Run("an answer to an invitation is one without the answer being sent", func(t *testing.T) {
		sim, c := start(t, Options{})
		id, err := sim.PutEvent(user, "", []byte(draft("x", from, to, "isOrganizer", "false", "responseStatus", `{"response":"notResponded"}`)))
		if err != nil {
			t.Fatal(err)
		}
		c.do("POST", "/me/events/"+id+"/decline", `{"sendResponse":false}`).is(202)
		c.do("GET", "/me/events/"+id, "").has("responseStatus/response", "declined")
		sim.AssertNobodyInvited(t)
		c.do("POST", "/me/events/"+id+"/accept", `{}`).is(202)
		if seen := sim.Violations(); len(seen) != 1 {
			t.Errorf("%v", seen)
		}
	})
}

// recorder stands in for a test that fails.
type recorder struct{ errors int }

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.errors++ }

func TestEventsAreFoundByExtendedProperty(t *testing.T) {
	_, c := start(t, Options{})
	for _, m := range []string{"a", "b", "c"} {
		c.post(draft("copy "+m, "2026-10-05T09:00:00", "2026-10-05T10:00:00", "singleValueExtendedProperties", marked(m)))
	}
	c.post(draft("foreign", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	expand := "&$expand=singleValueExtendedProperties($filter=id eq '" + mark + "')"
	a := c.do("GET", "/me/events?"+byMark("a", "c", "nothing")+expand, "").is(200)
	if a.all("subject") != "copy c copy a" || a.field("value/0/singleValueExtendedProperties/0/value") != "c" {
		t.Error(a.text)
	}
	if got := c.do("GET", "/me/events?"+byMark("A"), "").is(200).all("subject"); got != "" {
		t.Errorf("values are compared without regard to case: %s", got)
	}
	otherCase := strings.Replace(strings.ToUpper(mark[:45]), "STRING", "string", 1) + mark[45:]
	byID := "/me/events?$filter=singleValueExtendedProperties/any(p:p/id eq '" + otherCase + "' and p/value ne null)"
	if got := c.do("GET", byID, "").is(200).all("subject"); got != "copy c copy b copy a" {
		t.Errorf("by id alone: %s", got)
	}
	c.do("GET", "/me/calendarView?"+october+"&"+byMark("a"), "").is(400, "ErrorInvalidUrlQueryFilter")
	if a := c.do("GET", "/me/calendarView?"+october+expand, "").is(200); a.field("value/0/singleValueExtendedProperties/0/id") != mark {
		t.Error(a.text)
	}
	id := c.do("GET", "/me/events?"+byMark("a"), "").field("value/0/id")
	c.do("PATCH", "/me/events/"+id, `{"singleValueExtendedProperties":[{"id":"`+mark+`","value":"z"}]}`).is(200)
	if got := c.do("GET", "/me/events?"+byMark("a", "z"), "").all("subject"); got != "copy a" {
		t.Error(got)
	}
}

func TestListsAreFilteredAndOrdered(t *testing.T) {
	_, c := start(t, Options{})
	c.post(draft("Beta", "2026-10-06T09:00:00", "2026-10-06T10:00:00", "categories", `["Acme - billable"]`))
	c.post(draft("Alpha", "2026-10-07T09:00:00", "2026-10-07T11:00:00", "showAs", `"oof"`))
	c.post(draft("Gamma's", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "isAllDay", "false"))
	for query, want := range map[string]string{
		"$orderby=subject":                                              "Alpha Beta Gamma's",
		"$orderby=subject desc":                                         "Gamma's Beta Alpha",
		"$orderby=start/dateTime":                                       "Gamma's Beta Alpha",
		"$orderby=showAs desc,subject desc":                             "Alpha Gamma's Beta",
		"$filter=subject eq 'gamma''s'":                                 "Gamma's",
		"$filter=startswith(subject,'Al') or contains(subject, 'et')":   "Alpha Beta",
		"$filter=not (subject eq 'Beta') and isAllDay eq false":         "Gamma's Alpha",
		"$filter=start/dateTime ge '2026-10-06T07:00:00'":               "Alpha Beta",
		"$filter=start/dateTime lt '2026-10-06T07:00:00Z'":              "Gamma's",
		"$filter=categories/any(c:c eq 'Acme - billable')":              "Beta",
		"$filter=categories/any()":                                      "Beta",
		"$filter=showAs ne 'busy' and reminderMinutesBeforeStart ge 15": "Alpha",
		"$filter=seriesMasterId eq null and subject gt 'b'":             "Gamma's Beta",
		"$filter=lastModifiedDateTime ge 2020-01-01T00:00:00Z":          "Gamma's Alpha Beta",
		"$top=2&$skip=2":                                                "Beta",
	} {
		if got := c.do("GET", "/me/events?"+query, "").is(200).all("subject"); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{"subject", "subject eq", "subject eq 5", "subject like 'x'", "subject eq 'x", "(subject eq 'x'", "subject eq 'x')",
		"colour eq 'x'", "isAllDay eq 'true'", "start eq 'x'", "categories eq 'x'", "contains(isAllDay,'x')", "contains(subject)", "subject/any(x:x eq 'y')",
		"categories/any(c:d eq 'x')", "categories/all(c:c eq 'x')", "length(subject) gt 1", "start/dateTime gt 'noon'",
		"singleValueExtendedProperties/any(e:e/id eq 'Mark')", "not", "", strings.Repeat("(", 60) + "isAllDay eq true" + strings.Repeat(")", 60)} {
		if a := c.do("GET", "/me/events?$filter="+query, ""); a.status != 400 {
			t.Errorf("%s: answered %d %s", query, a.status, a.text)
		}
	}
}

func TestPages(t *testing.T) {
	_, c := start(t, Options{})
	for i := range 25 {
		c.post(draft("event", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", `"t`+string(rune('a'+i))+`"`))
	}
	var sizes []int
	ids := map[string]bool{}
	for next := "/me/calendarView?" + october + "&$select=subject&$count=true"; next != ""; {
		a := c.do("GET", next, "").is(200).has("@odata.count", "25", "value/0/start", "")
		for id := range strings.SplitSeq(a.all("id"), " ") {
			ids[id] = true
		}
		sizes = append(sizes, len(strings.Split(a.all("id"), " ")))
		if next = a.field("@odata.nextLink"); next != "" && !strings.HasPrefix(next, c.base) {
			t.Fatal(next)
		}
	}
	if len(ids) != 25 || len(sizes) != 3 || sizes[2] != 5 {
		t.Errorf("%d events in pages of %v", len(ids), sizes)
	}
	if got := c.do("GET", "/me/calendarView?"+october+"&$top=1000", "").is(200); got.field("@odata.nextLink") != "" {
		t.Error("there is a next page")
	}
}
