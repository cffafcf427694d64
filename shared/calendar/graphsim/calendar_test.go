package graphsim

import (
	"strings"
	"testing"

	"adminassistant/shared/calendar"
)

func TestCalendars(t *testing.T) {
	sim, c := start(t, Options{})

	t.Run("are created, renamed, listed and deleted", func(t *testing.T) {
		c := c.in(t)
		id := c.do("POST", "/me/calendars", `{"name":"Activity Archive","color":"lightBlue"}`).is(201).has("name", "Activity Archive", "canEdit", "true").field("id")
		c.do("GET", "/users/"+user+"/calendars?$select=name", "").is(200).has("value/0/name", "Calendar", "value/1/name", "Activity Archive",
			"value/1/id", id, "value/1/color", "")
		c.do("GET", "/me/calendars?$filter=name eq 'activity archive'", "").is(200).has("value/0/id", id)
		c.do("PATCH", "/me/calendars/"+id, `{"name":"Archive"}`).is(200).has("name", "Archive")
		c.do("GET", "/me/calendars/"+id, "").is(200).has("name", "Archive")
		c.do("DELETE", "/me/calendars/"+id, "").is(204)
		c.do("GET", "/me/calendars/"+id, "").is(404, "ErrorItemNotFound")
	})
	t.Run("may not take a name twice, be nameless or have what is unknown", func(t *testing.T) {
		c := c.in(t)
		c.do("POST", "/me/calendars", `{"name":"calendar"}`).is(409, "ErrorFolderExists")
		c.do("POST", "/me/calendars", `{"name":" "}`).is(400)
		c.do("POST", "/me/calendars", `{"name":"A","tint":"red"}`).is(400, "RequestBodyRead")
		c.do("POST", "/me/calendars", `{"name":"A","color":"crimson"}`).is(400, "RequestBodyRead")
		c.do("POST", "/me/calendars", `{"name":"A","canEdit":true}`).is(400, "ErrorInvalidPropertySet")
	})
	t.Run("of one name can be set up", func(t *testing.T) {
		c := c.in(t)
		for range 2 {
			if _, err := sim.AddCalendar(user, Calendar{Name: "Twin"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.do("GET", "/me/calendars?$filter=name eq 'Twin'", "").all("name"); got != "Twin Twin" {
			t.Error(got)
		}
	})
	t.Run("that are the default one stay", func(t *testing.T) {
		c := c.in(t)
		id := c.do("GET", "/me/calendar", "").is(200).field("id")
		c.do("DELETE", "/me/calendars/"+id, "").is(403, "ErrorDeleteDistinguishedFolder")
	})
	t.Run("that are read-only or closed answer 403", func(t *testing.T) {
		c := c.in(t)
		readOnly, _ := sim.AddCalendar(user, Calendar{Name: "Holidays", ReadOnly: true})
		closed, _ := sim.AddCalendar(user, Calendar{Name: "Board", Denied: true, Owner: calendar.Person{Name: "Boss", Address: "boss@consulting.example"}})
		event := draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00")
		c.do("GET", "/me/calendars/"+readOnly, "").is(200).has("canEdit", "false")
		c.do("GET", "/me/calendars/"+readOnly+"/events", "").is(200)
		c.do("POST", "/me/calendars/"+readOnly+"/events", event).is(403, "ErrorAccessDenied")
		c.do("GET", "/me/calendars/"+closed+"/calendarView?"+october, "").is(403, "ErrorAccessDenied")
		id, err := sim.PutEvent(user, readOnly, []byte(event))
		if err != nil {
			t.Fatal(err)
		}
		c.do("PATCH", "/me/events/"+id, `{"subject":"y"}`).is(403)
		c.do("DELETE", "/me/calendars/"+readOnly+"/events/"+id, "").is(403)
	})
	t.Run("of others hide what is private", func(t *testing.T) {
		c := c.in(t)
		shared, _ := sim.AddCalendar(user, Calendar{Name: "Shared", HidePrivate: true, Owner: calendar.Person{Address: "maria@acme.example"}})
		id, err := sim.PutEvent(user, shared, []byte(draft("Doctor", "2026-10-05T09:00:00", "2026-10-05T10:00:00", "sensitivity", `"private"`)))
		if err != nil {
			t.Fatal(err)
		}
		c.do("GET", "/me/calendars/"+shared+"/calendarView?"+october, "").is(200).has("value/0/subject", "Private appointment", "value/0/id", id)
		c.do("GET", "/me/calendars/"+shared+"/events/"+id, "").is(403, "ErrorAccessDenied")
		if a := c.do("GET", "/me/calendars/"+shared+"/events?$filter=contains(subject,'Doctor')", "").is(200); a.field("value/0") != "" {
			t.Error(a.text)
		}
	})
}

func TestMasterCategories(t *testing.T) {
	sim, c := start(t, Options{})
	id := c.do("POST", "/me/outlook/masterCategories", `{"displayName":"Acme - billable","color":"preset3"}`).is(201).field("id")
	c.do("POST", "/me/outlook/masterCategories", `{"displayName":"acme - BILLABLE"}`).is(409)
	c.do("POST", "/me/outlook/masterCategories", `{"displayName":"B","color":"red"}`).is(400)
	c.do("PATCH", "/me/outlook/masterCategories/"+id, `{"color":"preset4"}`).is(200).has("color", "preset4")
	c.do("PATCH", "/me/outlook/masterCategories/"+id, `{"displayName":"Other"}`).is(400, "ErrorInvalidPropertySet")
	if _, err := sim.AddCategory(user, "Break - non-billable", "none"); err != nil {
		t.Fatal(err)
	}
	if got := c.do("GET", "/me/outlook/masterCategories", "").is(200).all("displayName"); got != "Acme - billable Break - non-billable" {
		t.Error(got)
	}
	c.do("GET", "/me/outlook/masterCategories/"+id+"?$select=color", "").is(200).has("color", "preset4", "displayName", "")
	c.do("DELETE", "/me/outlook/masterCategories/"+id, "").is(204)
	c.do("DELETE", "/me/outlook/masterCategories/"+id, "").is(404)
}

func TestMailboxSettings(t *testing.T) {
	sim, c := start(t, Options{})
	c.do("GET", "/me/mailboxSettings", "").is(200).has("timeZone", "W. Europe Standard Time",
		"workingHours/daysOfWeek/0", "monday", "workingHours/timeZone/name", "W. Europe Standard Time")
	c.do("GET", "/me/mailboxSettings?$select=timeZone", "").is(200).has("timeZone", "W. Europe Standard Time", "workingHours", "")
	c.do("GET", "/me/mailboxSettings?$select=firstDay", "").is(400)
	if err := sim.AddMailbox(Mailbox{ID: "off@consulting.example", NotEnabled: true}); err != nil {
		t.Fatal(err)
	}
	c.do("GET", "/users/off@consulting.example/calendars", "").is(404, "MailboxNotEnabledForRESTAPI")
	c.do("GET", "/users/nobody@consulting.example/calendars", "").is(404, "ErrorInvalidUser")

	_, asWritten := start(t, Options{ZonesAsWritten: true})
	asWritten.do("GET", "/me/mailboxSettings", "").is(200).has("timeZone", "Europe/Berlin")
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	_, c := start(t, Options{})
	for name, test := range map[string]struct {
		method, path string
		status       int
	}{
		"an unknown segment":      {"GET", "/me/callendars", 400},
		"an unknown subresource":  {"GET", "/me/events/x/attachmentz", 400},
		"an unknown root":         {"GET", "/groups/x/events", 400},
		"the user alone":          {"GET", "/me", 400},
		"an empty segment":        {"GET", "/me//events", 400},
		"the wrong method":        {"PUT", "/me/calendars", 405},
		"an unknown option":       {"GET", "/me/calendars?$search=x", 400},
		"an unknown parameter":    {"GET", "/me/calendars?foo=x", 400},
		"an option twice":         {"GET", "/me/calendars?$top=1&$top=2", 400},
		"an option of elsewhere":  {"GET", "/me/calendars?$expand=events", 400},
		"a page of nothing":       {"GET", "/me/calendars?$top=0", 400},
		"a page too large":        {"GET", "/me/events?$top=1001", 400},
		"a negative skip":         {"GET", "/me/events?$skip=-1", 400},
		"an invented skiptoken":   {"GET", "/me/events?$skiptoken=abc", 400},
		"an unknown property":     {"GET", "/me/events?$select=subject,colour", 400},
		"an order by nothing":     {"GET", "/me/events?$orderby=colour", 400},
		"an order by a structure": {"GET", "/me/events?$orderby=start", 400},
		"a window without ends":   {"GET", "/me/calendarView", 400},
		"a window without end":    {"GET", "/me/calendarView?startDateTime=2026-10-01", 400},
		"a window back to front":  {"GET", "/me/calendarView?startDateTime=2026-10-02&endDateTime=2026-10-01", 400},
		"a window of no time":     {"GET", "/me/calendarView?startDateTime=yesterday&endDateTime=2026-10-01", 400},
		"a window of ten years":   {"GET", "/me/calendarView?startDateTime=2026-10-01&endDateTime=2036-10-01", 400},
		"an id that cannot be":    {"GET", "/me/events/x", 400},
		"an event that is not":    {"GET", "/me/events/AAkALgAAAAnothing=", 404},
		"an unfiltered expansion": {"GET", "/me/events?$expand=singleValueExtendedProperties", 400},
		"an unknown expansion":    {"GET", "/me/events?$expand=colours", 400},
		"an address beyond 16 KB": {"GET", "/me/events?$filter=subject%20eq%20%27" + strings.Repeat("x", 17000) + "%27", 414},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.in(t).do(test.method, test.path, "").is(test.status)
			for _, field := range []string{"error/code", "error/message", "error/innerError/date", "error/innerError/request-id", "error/innerError/client-request-id"} {
				if a.field(field) == "" {
					t.Errorf("no %s in %s", field, a.text)
				}
			}
		})
	}
	c.do("GET", "/me/groups", "", "client-request-id", "mine").is(400).has("error/innerError/client-request-id", "mine")
}

func TestTokens(t *testing.T) {
	sim, c := start(t, Options{Token: "token"})
	c.do("GET", "/me/calendars", "").is(200)
	c.do("GET", "/me/calendars", "", "Authorization", "").is(401, "InvalidAuthenticationToken")
	c.do("GET", "/me/calendars", "", "Authorization", "Basic token").is(401)
	c.do("GET", "/me/calendars", "", "Authorization", "Bearer other").is(401, "InvalidAuthenticationToken")
	sim.SetToken("next")
	c.do("GET", "/me/calendars", "").is(401, "InvalidAuthenticationToken")
	c.do("GET", "/me/calendars", "", "Authorization", "Bearer next").is(200)
}

func TestAnyBasePathIsServed(t *testing.T) {
	_, c := start(t, Options{})
	root := strings.TrimSuffix(c.base, "/v1.0")
	for _, base := range []string{"", "/v1.0", "/beta", "/proxy/graph/v1.0"} {
		a := c.do("GET", root+base+"/me/calendars", "").is(200)
		if context := a.field("@odata.context"); !strings.HasPrefix(context, root+base+"/$metadata#") {
			t.Error(context)
		}
	}
}
