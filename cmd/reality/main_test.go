package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/app"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

var now = time.Date(2026, 11, 18, 10, 0, 0, 0, time.UTC)

func TestReality(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Token: "token", Switches: graphsim.MustSwitches("no_members")})
	if err := sim.AddMailbox(graphsim.Mailbox{ID: "me@example.com"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	settings := app.Settings{GraphURL: server.URL + "/v1.0", GraphToken: "token"}
	ask := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(t.Context(), settings, args, now, &out)
		return out.String(), err
	}

	text, err := ask("me@example.com")
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"\n30  documented  Is a window of more than 1,825 days refused?", "\n32  as assumed  Does a series tell its instances within its calendar?",
		"\n19  not asked   Do instances tell the attendees of their series?",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	window := graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultError, Status: http.StatusTeapot, Code: "Tea", Nth: 7}
	if err := sim.SetFaults(window); err != nil {
		t.Fatal(err)
	}
	if text, err := ask("me@example.com"); fault.Of(err) != fault.Conflict || !strings.Contains(text, "otherwise") || !strings.Contains(text, "418 Tea") {
		t.Errorf("%v: %s", err, text)
	}
	if _, err := ask(); fault.Of(err) != fault.Invalid {
		t.Error(err)
	}
	if _, err := ask("nobody@example.com"); err == nil {
		t.Error("a mailbox that nobody has was asked")
	}
	settings = app.Settings{}
	if _, err := ask("me@example.com"); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "ADMIN_ASSISTANT_GRAPH_TENANT") {
		t.Error(err)
	}
	sim.AssertNobodyInvited(t)
}
