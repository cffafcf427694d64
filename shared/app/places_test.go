package app

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
)

// openWithMailbox returns a system that reaches an Outlook mailbox with a second calendar.
func openWithMailbox(t *testing.T) (o *one, archiveID string) {
	t.Helper()
	sim := graphsim.New(graphsim.Options{})
	must(t, sim.AddMailbox(graphsim.Mailbox{ID: "ann", Address: "ann@example.com", Name: "Ann", TimeZone: "UTC"}))
	remote := httptest.NewServer(sim)
	t.Cleanup(remote.Close)
	o = openOne(t)
	o.settings.GraphURL, o.settings.GraphToken, o.alone = remote.URL+"/v1.0", "token", true
	o.keeper = testKeeper()
	o.connect(fromSettings(o.settings))
	o.api = o.system.api(asNamed)
	uri := calendar.URI{Provider: calendar.ProviderGraph, Account: "ann@example.com", Calendar: "My archive"}
	p, err := o.providers.of(t.Context(), "tenant#ann", uri)
	must(t, err)
	info, err := p.CreateCalendar(t.Context(), uri)
	must(t, err)
	return o, info.ID
}

// ask sends a request of ann's, and returns status and body.
func (o *one) ask(method, path, body string) (int, map[string]any) {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Test-User", "ann")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	o.api.ServeHTTP(w, r)
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v) // an answer without a body has no fields
	return w.Code, v
}

func configOf(name, source, archive string) string {
	return fmt.Sprintf(`{"name": %q, "source": %q, "archive": %q, "timezone": "UTC"}`, name, source, archive)
}

// TestCalendarsOfOutlookBelongToOneConfig names calendars of a simulated mailbox in all ways in which they can be.
func TestCalendarsOfOutlookBelongToOneConfig(t *testing.T) {
	o, archiveID := openWithMailbox(t)
	const mine = "msgraph://ann@example.com/calendars/"
	if status, v := o.ask("POST", "/v1/archive-configs", configOf("first", mine+"primary", mine+"My%20archive")); status != 201 {
		t.Fatalf("%d %v", status, v)
	}
	for _, c := range []struct{ name, source, archive, want string }{
		{"in another case, quoted", mine + "Other", `msgraph://ANN@EXAMPLE.COM/calendars/"my ARCHIVE"`, "archive calendar is the archive"},
		{"by its id", mine + "Other", mine + url.PathEscape(archiveID), "archive calendar is the archive"},
		{"by the id of its mailbox", mine + "Other", "msgraph://ann/calendars/My%20archive", "archive calendar is the archive"},
		{"the default calendar by its name", mine + "Other", mine + "calendar", "archive calendar is the source"},
		{"as a source", "msgraph://ann/calendars/" + url.PathEscape(archiveID), mine + "New", "source calendar is the archive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.t = t
			status, v := o.ask("POST", "/v1/archive-configs", configOf("second", c.source, c.archive))
			if text := fmt.Sprint(v["detail"]); status != 409 || !strings.Contains(text, c.want) || !strings.Contains(text, `config "first"`) {
				t.Errorf("%d %v", status, v)
			}
		})
	}
	o.t = t
	if status, v := o.ask("POST", "/v1/archive-configs", configOf("second", mine+"Calendar", mine+"Not%20there%20yet")); status != 201 {
		t.Errorf("calendars of its own: %d %v", status, v)
	}
	if status, v := o.ask("POST", "/v1/archive-configs", configOf("third", mine+"Other", mine+"NOT there yet")); status != 409 {
		t.Errorf("a calendar that is not there yet: %d %v", status, v)
	}
}

// TestACalendarOfOutlookThatAConfigHasIsNotDeleted deletes calendars of a simulated mailbox through the API.
func TestACalendarOfOutlookThatAConfigHasIsNotDeleted(t *testing.T) {
	for _, c := range []struct{ source, archive, named, whose string }{
		{"primary", "My archive", "my archive", `the archive of config "first"`},
		{"primary", "ID", "My archive", `the archive of config "first"`},
		{"primary", "Other", "Calendar", `the source of config "first"`},
	} {
		t.Run(c.source+" into "+c.archive+", "+c.named, func(t *testing.T) {
			o, archiveID := openWithMailbox(t)
			uri := func(account, name string) string {
				return calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: strings.ReplaceAll(name, "ID", archiveID)}.String()
			}
			if status, v := o.ask("POST", "/v1/archive-configs", configOf("first", uri("ann", c.source), uri("ann", c.archive))); status != 201 {
				t.Fatalf("%d %v", status, v)
			}
			status, v := o.ask("GET", "/v1/calendars?uri="+url.QueryEscape(uri("Ann@example.com", c.named)), "")
			items, _ := v["items"].([]any)
			if status != 200 || len(items) != 1 {
				t.Fatalf("%d %v", status, v)
			}
			path := "/v1/calendars/" + items[0].(map[string]any)["id"].(string)
			status, v = o.ask("DELETE", path, "")
			if text := fmt.Sprint(v["detail"]); status != 409 || !strings.Contains(text, c.whose) || strings.Contains(text, "force") {
				t.Errorf("%d %v", status, v)
			}
			if status, v := o.ask("DELETE", path+"?force=true", ""); status != 422 { // calendars of Outlook are deleted in Outlook
				t.Errorf("with force: %d %v", status, v)
			}
			if status, v := o.ask("GET", path, ""); status != 200 {
				t.Errorf("afterwards: %d %v", status, v)
			}
		})
	}
}
