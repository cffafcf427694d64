package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
)

// page asks for a page, or sends a form, as a user.
func (o *one) page(who, path string, form url.Values) *httptest.ResponseRecorder {
	o.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("X-Test-User", who)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	o.api.ServeHTTP(w, r)
	return w
}

// TestAdministratorsSeeUsersAndNothingOfTheirs does with pages what administrators do, and looks for what they must not see.
func TestAdministratorsSeeUsersAndNothingOfTheirs(t *testing.T) {
	o := openOne(t)
	o.limits = nil
	const operator = "11111111-1111-4111-8111-111111111111"
	o.settings.SignInTenants = []string{operator}
	o.tenants = tenant.New(o.table, o.settings.SignInTenants, o.clock)
	o.api = o.system.api(func(r *http.Request) (account.Principal, error) {
		name := r.Header.Get("X-Test-User")
		p := account.Principal{Tenant: operator, Object: name, Name: "Name of " + name}
		if name == "admin" {
			p.Role = account.RoleAdmin
		}
		if name == "bob" {
			p.Name = `<script>window.ran=1</script>`
		}
		return p, nil
	})
	o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Secret"}`, "id")
	if p := o.page("bob", "/today", nil); p.Code != http.StatusOK || strings.Contains(p.Body.String(), `href="/users"`) {
		t.Errorf("the rail of a user: %d %s", p.Code, p.Body)
	}
	says := func(path string, texts ...string) string {
		t.Helper()
		p := o.page("admin", path, nil)
		for _, want := range texts {
			if p.Code != http.StatusOK || !strings.Contains(p.Body.String(), want) {
				t.Errorf("%s lacks %q: %d %s", path, want, p.Code, p.Body)
			}
		}
		if text := p.Body.String(); strings.Contains(text, "Secret") || strings.Contains(text, "<script>window") {
			t.Errorf("%s shows what it must not: %s", path, text)
		}
		return p.Body.String()
	}
	sends := func(path string, pairs ...string) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		if p := o.page("ann", path, form); p.Code != http.StatusForbidden {
			t.Errorf("%s by a user: %d", path, p.Code)
		}
		if p := o.page("admin", path, form); p.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", path, p.Code, p.Body)
		}
	}
	refused := func(path, field string, status int, pairs ...string) {
		t.Helper()
		p := o.page("admin", path, url.Values{pairs[0]: {pairs[1]}})
		if p.Code != status || field != "" && !strings.Contains(p.Body.String(), `id="`+field+`-problem"`) {
			t.Errorf("%s: %d %s", path, p.Code, p.Body)
		}
	}
	says("/users", `href="/users"`, `href="/users/ann"`, "Name of ann", "&lt;script&gt;", "administrator", "Organisations that are let in")
	says("/users/admin", "That is you.")
	if text := says("/users/admin"); strings.Contains(text, "/disable") || strings.Contains(text, "/users/admin/erase") {
		t.Errorf("an administrator is offered to leave a tenant alone: %s", text)
	}
	refused("/users/admin/disable", "", http.StatusForbidden, "x", "y")
	refused("/users/admin/erase", "", http.StatusForbidden, "confirm", "erase everything")

	sends("/users/ann/disable")
	says("/users/ann", "disabled", "Enable", ", by admin")
	if p := o.page("ann", "/today", nil); p.Code != http.StatusForbidden {
		t.Errorf("who is disabled is let in: %d", p.Code)
	}
	if p := o.page("admin", "/users/ann/enable", url.Values{}); p.Code != http.StatusSeeOther {
		t.Errorf("enabled: %d", p.Code)
	}
	if p := o.page("ann", "/today", nil); p.Code != http.StatusOK {
		t.Errorf("who is enabled is not let in: %d", p.Code)
	}
	sends("/users/bob/role", "role", "admin")
	says("/users/bob", "Take the role away")
	refused("/users/bob/role", "", http.StatusUnprocessableEntity, "role", "king")
	if p := o.page("bob", "/users", nil); p.Code != http.StatusOK {
		t.Errorf("an administrator by role: %d", p.Code)
	}
	sends("/users/ann/grant", "mailbox", "Team@example.com")
	refused("/users/ann/grant", "mailbox", http.StatusUnprocessableEntity, "mailbox", "<b>")
	says("/users/ann", "team@example.com")
	sends("/users/ann/revoke", "mailbox", "team@example.com")
	if text := says("/users/ann"); strings.Contains(text, "team@example.com</") {
		t.Errorf("the mailbox is granted still: %s", text)
	}
	sends("/users/ann/mail")

	const other = "22222222-2222-4222-8222-222222222222"
	sends("/tenants", "tenant", other, "name", "Other <b>")
	says("/users", "Other &lt;b&gt;", "let in")
	refused("/tenants", "", http.StatusUnprocessableEntity, "tenant", "nobody")
	sends("/tenants/"+other+"/remove", "x", "y")
	says("/users", "not let in")

	refused("/users/ann/erase", "confirm", http.StatusUnprocessableEntity, "confirm", "ann")
	sends("/users/ann/erase", "confirm", "erase everything")
	says("/users/ann", "being erased", "Go on")
	if p := o.page("admin", "/users/none", nil); p.Code != http.StatusNotFound {
		t.Errorf("a user who is not there: %d", p.Code)
	}
}
