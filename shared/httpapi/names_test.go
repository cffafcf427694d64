package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// inPath is what the parameters of a route's path are named by, besides ids: by the variable of the matrix that stands there.
var inPath = map[string]string{
	"$calendar": "work", "$config": "WORK", "$customer": "acme%20GMBH", "$category": "acme%20-%20billable", "$job": "every%20NIGHT", "$other": "Bob@Example.com",
	foreignTenant: "abroad",
}

// idsAlone are the routes about things that have no name, and those whose parameters are names or days themselves.
var idsAlone = map[string][]string{
	"runs, by the time": {
		"GET /v1/runs/{id}", "GET /v1/runs/{id}/items", "GET /v1/runs/{id}/plan", "POST /v1/runs/{id}/retry", "POST /v1/runs/{id}/undo", "POST /v1/runs/{id}/cancel",
	},
	"actions are asked by the program": {"GET /v1/actions/{id}", "POST /v1/actions/{id}/dismiss", "POST /v1/actions/{id}/resolve"},
	"notifications are as well":        {"POST /v1/notifications/{id}/read"},
	"backups are of a calendar and a time": {
		"GET /v1/backups/{id}", "GET /v1/backups/{id}/files/{name}", "POST /v1/backups/{id}/verify", "DELETE /v1/backups/{id}",
	},
	"uploads stay a day": {"POST /v1/uploads/{id}/arrived"},
	"timesheets are of a customer and a period": {
		"GET /v1/timesheets/{id}", "DELETE /v1/timesheets/{id}", "POST /v1/timesheets/{id}/approve", "POST /v1/timesheets/{id}/reopen",
		"POST /v1/timesheets/{id}/lock", "PUT /v1/timesheets/{id}/invoice", "POST /v1/timesheets/{id}/send", "GET /v1/timesheets/{id}/export",
	},
	"sessions are of browsers": {"DELETE /auth/sessions/{id}"},
	"flags are names":          {"PUT /v1/flags/{name}"},
}

// withNames is a service of an administrator, with a thing of each kind that has a name.
func withNames(t *testing.T) (s *service, ids map[string]string) {
	t.Helper()
	s = newService(t, func(service *service, s *Services) {
		s.Tenants = tenant.New(service.table, []string{"local"}, s.Clock)
		s.Authenticate = func(r *http.Request) (account.Principal, error) {
			if who := r.Header.Get(headerUser); who != "" {
				return account.Principal{Tenant: "local", Object: who, Name: "Bob", UserName: "bob@example.com", Address: "robert@example.com"}, nil
			}
			return account.Principal{Tenant: "local", Object: "ana", Name: "Ana", UserName: "ana@example.com", Role: account.RoleAdmin}, nil
		}
	})
	calendarID, configID := s.seed("keep")
	s.run(configID)
	s.do("GET", "/v1/me", nil, headerUser, "bob").is(200)
	s.do("POST", "/v1/users/bob/mailboxes", `{"mailbox": "room@example.com"}`).is(201)
	s.do("PUT", "/v1/tenants/"+foreignTenant, `{"name": "Abroad"}`).is(200)
	named := strings.Replace(strings.ReplaceAll(nightly, "$config", configID), "{", `{"name": "Every night", `, 1)
	return s, map[string]string{
		"$calendar": calendarID, "$config": configID, "$other": "bob", foreignTenant: foreignTenant,
		"$job":      s.do("POST", "/v1/jobs", named).is(201).str("id"),
		"$customer": s.do("POST", "/v1/customers", `{"name": "Acme", "aliases": ["Acme GmbH"]}`).is(201).str("id"),
		"$category": s.do("POST", "/v1/categories", `{"config": "`+configID+`", "name": "Acme - billable"}`).is(201).str("id"),
	}
}

func TestARouteSaysByWhatNamesItTakesWhatItIsAbout(t *testing.T) {
	without := slices.Concat(slices.Collect(maps.Values(idsAlone))...)
	s := newService(t)
	for pattern, r := range s.declared {
		_, path := r.split()
		if strings.Contains(path, "{") && path != "/{$}" && (namingOf(path) == nil) != slices.Contains(without, pattern) {
			t.Errorf("%s: find it by names, or say in idsAlone that it is about what has none", pattern)
		}
	}
	for _, pattern := range without {
		if s.declared[pattern] == nil {
			t.Errorf("%s is no route", pattern)
		}
	}
}

// TestEveryPathTakesNames asks every route about something that has a name by it: it is answered as by the id.
func TestEveryPathTakesNames(t *testing.T) {
	without := slices.Concat(slices.Collect(maps.Values(idsAlone))...)
	reading, readingIDs := withNames(t)
	variable := regexp.MustCompile(`\$\w+|` + foreignTenant)
	for pattern, r := range newService(t).declared {
		method, path := r.split()
		if !strings.Contains(path, "{") || path == "/{$}" || slices.Contains(without, pattern) {
			continue
		}
		row := matrix[pattern]
		t.Run(pattern, func(t *testing.T) {
			s, ids := reading, readingIDs
			if s.t = t; method != http.MethodGet {
				s, ids = withNames(t)
			}
			fill := func(text string, with map[string]string) string {
				return variable.ReplaceAllStringFunc(text, func(v string) string { return with[v] })
			}
			path, query, _ := strings.Cut(row.path, "?")
			if fill(path, inPath) == path {
				t.Fatal("does not say what its parameters are named by")
			}
			path = fill(path, inPath)
			if query != "" {
				path += "?" + fill(query, ids)
			}
			var body any
			if row.body != "" {
				body = fill(row.body, ids)
			}
			want := row.want[owner]
			if r.access == byAdministrators {
				want = row.want[tenantAdmin]
			}
			s.do(method, path, body, row.header...).is(want)
		})
	}
}

func TestPathsWhoseThingsHaveNamesSaySo(t *testing.T) {
	s := newService(t, func(service *service, s *Services) { s.Tenants = tenant.New(service.table, []string{"local"}, s.Clock) })
	without := slices.Concat(slices.Collect(maps.Values(idsAlone))...)
	says := regexp.MustCompile(`\b(name|address)`)
	for path, item := range object(s.document["paths"]) {
		for method, op := range object(item) {
			parameters, _ := object(op)["parameters"].([]any)
			for _, p := range parameters {
				if p := object(p); p["in"] == "path" && p["name"] != "date" && p["name"] != "name" && p["name"] != "mailbox" {
					pattern, text := strings.ToUpper(method)+" "+path, p["description"]
					if got := text != nil && says.MatchString(text.(string)); got == slices.Contains(without, pattern) {
						t.Errorf("%s: %v", pattern, text)
					}
				}
			}
		}
	}
}

func TestANameThatSeveralHaveIsRefusedWithThoseThatHaveIt(t *testing.T) {
	s, _ := withNames(t)
	for _, row := range []struct {
		name, path string
		make       func()
		lists      []string
	}{
		{
			"calendars", "/v1/calendars/work", func() { s.calendar("local://other/calendars/WORK") },
			[]string{"local://me/calendars/Work", "local://other/calendars/WORK"},
		},
		{"users", "/v1/users/bob@example.com", func() { s.do("GET", "/v1/me", nil, headerUser, "bob2").is(200) }, []string{"bob", "bob2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.t = t
			s.do("GET", row.path, nil).is(200)
			row.make()
			detail := s.do("GET", row.path, nil).problem(409, "conflict", "").str("detail")
			for _, one := range row.lists {
				if !strings.Contains(detail, one) {
					t.Errorf("it lacks %s: %s", one, detail)
				}
			}
		})
	}
	t.Run("users of many", func(t *testing.T) {
		s.t = t
		for i := range usersAtOnce + 1 {
			_, err := s.services.Users.Admit(t.Context(), account.Principal{Tenant: "local", Object: fmt.Sprintf("a%03d", i)})
			check(t, err)
		}
		s.do("GET", "/v1/me", nil, headerUser, "zoe").is(200)
		detail := s.do("GET", "/v1/users/Robert@example.com", nil).problem(409, "conflict", "").str("detail")
		if !strings.Contains(detail, "bob, bob2, zoe") {
			t.Error(detail)
		}
	})
	t.Run("tenants", func(t *testing.T) {
		s.t = t
		s.do("PUT", "/v1/tenants/"+homeTenant, `{"name": "ABROAD"}`).is(200)
		if detail := s.do("DELETE", "/v1/tenants/abroad", nil).problem(409, "conflict", "").str("detail"); !strings.Contains(detail, homeTenant+", "+foreignTenant) {
			t.Error(detail)
		}
		s.do("DELETE", "/v1/tenants/"+foreignTenant, nil).is(204)
	})
	t.Run("what nobody has is not there", func(t *testing.T) {
		s.t = t
		for _, path := range []string{"calendars/none", "customers/none", "users/none@example.com", "users/Bob", "archive-configs/none", "jobs/none"} {
			s.do("GET", "/v1/"+path, nil).problem(404, "not_found", "")
		}
	})
}

func TestACalendarOfTheOwnMailboxIsFoundByItsName(t *testing.T) {
	o := openOffice(t)
	id := o.do("GET", "/v1/calendars?provider=msgraph&account=me", nil).is(200).items()
	name := object(id[0])["name"].(string)
	if got := o.do("GET", "/v1/calendars/"+strings.ToUpper(name), nil).is(200); got.str("provider_id") != object(id[0])["provider_id"] {
		t.Errorf("found %s", got.body)
	}
	o.calendar("local://own/calendars/" + name)
	o.do("GET", "/v1/calendars/"+name, nil).problem(409, "conflict", "")
}

func TestNoCalendarIsChosenWhereAnotherOneOfTheNameMayBe(t *testing.T) {
	for kind, want := range map[fault.Kind]int{fault.Invalid: 200, fault.Unauthenticated: 200, fault.Forbidden: 200, fault.NotFound: 200, fault.Unavailable: 503} {
		s := newService(t, func(s *service, _ *Services) {
			s.mailboxes = func(string) (calendar.Provider, error) { return nil, fault.New(kind, "no mailbox") }
		})
		s.calendar(seeded)
		s.do("GET", "/v1/calendars/work", nil).is(want)
	}
}

func TestBackupsAreListedByTheNameOfTheirJob(t *testing.T) {
	s, ids := withNames(t)
	s.do("GET", "/v1/backups?job=every%20night", nil).is(200)
	copies := strings.NewReplacer("$config", "work", `"archive"`, `"backup"`, "{\"kind", "{\"name\": \"Copies\", \"kind").Replace(nightly)
	made := s.do("POST", "/v1/jobs", copies).is(201)
	s.do("POST", "/v1/jobs/copies/trigger", nil).is(202)
	s.work()
	for query, want := range map[string]int{"COPIES": 1, made.str("id"): 1, "Every%20night": 0, ids["$job"]: 0, "none": 0} {
		if got := s.do("GET", "/v1/backups?job="+query, nil).is(200).items(); len(got) != want {
			t.Errorf("%s: %d backups, want %d", query, len(got), want)
		}
	}
	s.do("DELETE", "/v1/jobs/copies", nil, headerIfMatch, "*").is(204)
	if got := s.do("GET", "/v1/backups?job="+made.str("id"), nil).is(200).items(); len(got) != 1 {
		t.Errorf("of a job that is gone: %d", len(got))
	}
}

func TestTheAuditLogHasIDsInPlaceOfNames(t *testing.T) {
	s, ids := withNames(t)
	before := len(s.do("GET", "/v1/audit?limit=200", nil).is(200).items())
	s.do("POST", "/v1/archive-configs/WORK/deactivate", nil).is(200)
	s.do("PUT", "/v1/customers/acme%20gmbh", `{"name": "Acme"}`, headerIfMatch, "*").is(200)
	s.do("POST", "/v1/users/bob@example.com/mailboxes", `{"mailbox": "team@example.com"}`).is(201)
	records := s.do("GET", "/v1/audit?limit=200", nil).is(200).items()
	records = records[:len(records)-before]
	want := []string{"bob", "bob", ids["$customer"], ids["$customer"], ids["$config"], ids["$config"]}
	for i, id := range want {
		if len(records) != len(want) || object(records[i])["resource"] != id {
			t.Fatalf("record %d is about %v, want %s of %d", i, object(records[i])["resource"], id, len(records))
		}
	}
}
