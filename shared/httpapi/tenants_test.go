package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
)

const headerTenant = "X-Test-Tenant"

// TestTenants has the operator's administrator let another tenant in, and put it out.
func TestTenants(t *testing.T) {
	s := newService(t, func(service *service, s *Services) {
		s.Tenants = tenant.New(service.table, []string{homeTenant}, s.Clock)
		s.CLI = CLISignIn{Authority: "https://login.example.com", Client: apiClient, Scope: "x", Tenants: []string{homeTenant}}
		plain := s.Authenticate
		s.Authenticate = func(r *http.Request) (account.Principal, error) {
			p, err := plain(r)
			if p.Tenant = homeTenant; r.Header.Get(headerTenant) != "" {
				p.Tenant = r.Header.Get(headerTenant)
			}
			if p.Object == "boss" {
				p.Role = account.RoleAdmin
			}
			return p, err
		}
	})
	boss, eve := []string{headerUser, "boss"}, []string{headerUser, "eve", headerTenant, foreignTenant}
	const path = "/v1/tenants/" + foreignTenant
	s.do("GET", "/v1/me", nil, eve...).problem(401, fault.Unauthenticated.String(), "")
	if a := s.do("GET", "/auth/config", nil).is(200); strings.Contains(string(a.body), `"more"`) {
		t.Errorf("one tenant is let in: %s", a.body)
	}
	added := s.do("PUT", path, map[string]any{"name": "Abroad"}, boss...).is(200)
	if added.str("state") != "in" || added.str("name") != "Abroad" || added.str("by") != "boss" || added.str("named") != "false" {
		t.Errorf("added: %s", added.body)
	}
	if a := s.do("GET", "/auth/config", nil).is(200); a.str("more") != "true" || strings.Contains(string(a.body), foreignTenant) {
		t.Errorf("several are let in: %s", a.body)
	}
	s.do("GET", "/v1/me", nil, eve...).is(200)
	for _, who := range [][]string{nil, {headerUser, "boss", headerTenant, foreignTenant}} { // no administrator; one of another tenant
		s.do("GET", "/v1/tenants", nil, who...).problem(403, fault.Forbidden.String(), "")
		s.do("PUT", "/v1/tenants/"+unknownUser, map[string]any{}, who...).problem(403, fault.Forbidden.String(), "")
		s.do("DELETE", path, nil, who...).problem(403, fault.Forbidden.String(), "")
	}
	var list []string
	for _, item := range s.do("GET", "/v1/tenants", nil, boss...).is(200).items() {
		list = append(list, fmt.Sprint(object(item)["id"], " ", object(item)["state"], " ", object(item)["named"]))
	}
	if text := strings.Join(list, ", "); text != homeTenant+" in true, "+foreignTenant+" in false" {
		t.Errorf("listed: %s", text)
	}

	// eve's job rests while her tenant is out
	s.header = eve
	config := s.do("POST", "/v1/archive-configs", config("work", map[string]any{})).is(201).str("id")
	id := s.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", config)).is(201).str("id")
	s.header = nil
	s.do("DELETE", path, nil, boss...).is(204)
	s.do("GET", "/v1/me", nil, eve...).problem(401, fault.Unauthenticated.String(), "")
	check(t, s.services.Jobs.PauseAll(t.Context(), foreignTenant+"#eve", "", job.TenantOut)) // as the dispatcher does
	s.do("PUT", path, map[string]any{}, boss...).is(200)
	if a := s.do("GET", "/v1/jobs/"+id, nil, eve...).is(200); a.str("state") != "active" {
		t.Errorf("the job is %s", a.body)
	}
	s.do("DELETE", "/v1/tenants/"+homeTenant, nil, boss...).problem(403, fault.Forbidden.String(), "")
	s.do("DELETE", "/v1/tenants/"+unknownUser, nil, boss...).problem(404, "not_found", "")
	s.do("PUT", "/v1/tenants/x", map[string]any{}, boss...).problem(422, "invalid", "tenant")
	if records := s.do("GET", "/v1/audit?action=tenant", nil, boss...).is(200); !strings.Contains(string(records.body), `"tenant.remove"`) {
		t.Errorf("the audit log has %s", records.body)
	}
	t.Run("nobody decides on a server of one machine", func(t *testing.T) {
		s := administered(t)
		s.do("GET", "/v1/tenants", nil, boss...).is(404)
	})
}
