package graphsim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBatch(t *testing.T) {
	sim, c := start(t, Options{})

	t.Run("answers each request by itself", func(t *testing.T) {
		c := c.in(t)
		id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
		a := c.do("POST", "/$batch", `{"requests":[
			{"id":"one","method":"get","url":"/me/events/`+id+`?$select=subject","headers":{"Prefer":"outlook.timezone=\"UTC\", IdType=\"ImmutableId\""}},
			{"id":"two","method":"DELETE","url":"me/events/`+id+`","headers":{"If-Match":"W/\"stale\""}},
			{"id":"three","method":"POST","url":"/users/`+user+`/events","headers":{"Content-Type":"application/json"},"body":{"subject":5}},
			{"id":"four","method":"GET","url":"/users/nobody@consulting.example/calendars"}]}`).is(200)
		got := map[string]answer{}
		for _, r := range a.at("responses").([]any) {
			one := answer{t: t, json: r}
			got[one.field("id")] = one
		}
		got["one"].has("status", "200", "body/subject", "x", "body/id", id, "headers/Preference-Applied", `outlook.timezone="UTC", IdType="ImmutableId"`)
		got["two"].has("status", "412", "body/error/code", "ErrorIrresolvableConflict")
		got["three"].has("status", "400", "body/error/code", "RequestBodyRead")
		got["four"].has("status", "404", "body/error/code", "ErrorInvalidUser")
	})
	t.Run("keeps to the order that dependsOn asks for", func(t *testing.T) {
		c := c.in(t)
		step := func(id, url, after string) string {
			return `{"id":"` + id + `","method":"GET","url":"` + url + `","dependsOn":[` + after + `]}`
		}
		a := c.do("POST", "/$batch", `{"requests":[`+step("3", "/me/calendars", `"2"`)+`,`+step("2", "/me/calendars", `"1"`)+`,`+
			step("1", "/me/calendars", ``)+`]}`).is(200)
		a.has("responses/0/id", "1", "responses/1/id", "2", "responses/2/id", "3", "responses/2/status", "200")
		a = c.do("POST", "/$batch", `{"requests":[`+step("1", "/me/nothing", ``)+`,`+step("2", "/me/calendars", `"1"`)+`,`+
			step("3", "/me/calendars", `"2"`)+`]}`).is(200)
		a.has("responses/0/status", "400", "responses/1/status", "424", "responses/1/body/error/code", "FailedDependency", "responses/2/status", "424")
	})
	for name, body := range map[string]string{
		"no requests":              `{"requests":[]}`,
		"an unknown member":        `{"requests":[{"id":"1","method":"GET","url":"/me/events"}],"more":1}`,
		"21 requests":              batchOf(21, "x"),
		"an id twice":              `{"requests":[{"id":"1","method":"GET","url":"/me/events"},{"id":"1","method":"GET","url":"/me/events"}]}`,
		"no id":                    `{"requests":[{"method":"GET","url":"/me/events"}]}`,
		"an absolute address":      `{"requests":[{"id":"1","method":"GET","url":"https://graph.microsoft.com/v1.0/me/events"}]}`,
		"a version in the address": `{"requests":[{"id":"1","method":"GET","url":"/v1.0/me/events"}]}`,
		"a batch in a batch":       `{"requests":[{"id":"1","method":"POST","url":"/$batch","headers":{"Content-Type":"application/json"},"body":{}}]}`,
		"an unknown method":        `{"requests":[{"id":"1","method":"COPY","url":"/me/events"}]}`,
		"a body without its type":  `{"requests":[{"id":"1","method":"POST","url":"/me/events","body":{}}]}`,
		"a change without body":    `{"requests":[{"id":"1","method":"PATCH","url":"/me/events/x"}]}`,
		"a number as a header":     `{"requests":[{"id":"1","method":"GET","url":"/me/events","headers":{"A":1}}]}`,
		"a dependency on nothing":  `{"requests":[{"id":"1","method":"GET","url":"/me/events","dependsOn":["2"]}]}`,
		"a dependency on itself":   `{"requests":[{"id":"1","method":"GET","url":"/me/events","dependsOn":["1"]}]}`,
		"a circle of dependencies": `{"requests":[{"id":"1","method":"GET","url":"/me/events","dependsOn":["2"]},
			{"id":"2","method":"GET","url":"/me/events","dependsOn":["1"]}]}`,
		"an unknown member further": `{"requests":[{"id":"1","method":"GET","url":"/me/events","atomicityGroup":"g"}]}`,
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			c.in(t).do("POST", "/$batch", body).is(400)
		})
	}
	t.Run("is called by POST with a token", func(t *testing.T) {
		c := c.in(t)
		c.do("GET", "/$batch", "").is(405)
		c.do("POST", "/$batch", batchOf(1, "z"), "Authorization", "").is(401)
		c.do("POST", "/%24batch", batchOf(1, "z")).is(200)
	})
	if events, _ := sim.Events(user, ""); len(events) != 2 {
		t.Errorf("there are %d events", len(events))
	}
}

func FuzzBatch(f *testing.F) {
	f.Add(batchOf(3, "x"))
	f.Add(`{"requests":[{"id":"1","method":"GET","url":"/me/calendarView?startDateTime=2026-10-01&endDateTime=2026-11-01&$select=id","dependsOn":[]}]}`)
	f.Add(`{"requests":[{"id":"1","method":"PATCH","url":"/me/events/a%2Fb","headers":{"Content-Type":"application/json"},"body":{"subject":null}}]}`)
	f.Add(`{"requests":[{"id":"1","method":"POST","url":"/me/events","headers":{"Content-Type":"application/json"},
		"body":{"start":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-10-05T09:00:00","timeZone":"UTC"},
		"recurrence":{"pattern":{"type":"daily","interval":1},"range":{"type":"noEnd"}}}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		sim := New(Options{})
		if err := sim.AddMailbox(Mailbox{ID: user}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/v1.0/$batch", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		var answer struct {
			Responses []struct {
				ID     string
				Status int
			}
			Error struct{ Code string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err, w.Body)
		}
		if w.Code != http.StatusOK && answer.Error.Code == "" || w.Code == http.StatusOK && len(answer.Responses) == 0 || w.Code >= 500 {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		for _, one := range answer.Responses {
			if one.Status < 200 || one.Status >= 500 {
				t.Fatalf("answered %s", w.Body)
			}
		}
	})
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{"subject eq 'x' or (isAllDay eq true and not startswith(subject,'a''b'))", "categories/any(c:c eq 'x')",
		"start/dateTime ge '2026-10-01T00:00:00'", "singleValueExtendedProperties/Any(ep: ep/id eq '" + mark + "' and ep/value eq 'x')",
		"reminderMinutesBeforeStart lt -5", "lastModifiedDateTime gt 2026-01-01T00:00:00Z"} {
		f.Add(text)
	}
	event := factsOf(object{"subject": "x", "categories": []any{"x"}, "isAllDay": true, "start": object{"dateTime": "2026-10-05T09:00:00"}})
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseFilter("event", text)
		if err != nil {
			return
		}
		n.holds(event)
		negated, err := parseFilter("event", "("+text+") and not ("+text+")")
		if err == nil && negated.holds(event) {
			t.Errorf("%q holds, and does not", text)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("$select=subject,start&$top=5&$skip=2&$orderby=start/dateTime desc")
	f.Add("$expand=singleValueExtendedProperties($filter=id eq '" + mark + "'),attachments&$count=true")
	f.Add("startDateTime=2026-10-01T00:00:00%2B02:00&endDateTime=2026-10-02&$skiptoken=c2tpcDox")
	f.Fuzz(func(t *testing.T, raw string) {
		c := &call{rawQuery: raw}
		q, err := c.query("event", "$top", "$skip", "$skiptoken", "$select", "$orderby", "$filter", "$expand", "$count", "startDateTime", "endDateTime")
		if err == nil && (q.top < 1 || q.top > largestPage || q.skip < 0) {
			t.Errorf("%+v", q)
		}
	})
}
