package httpapi

import (
	"testing"
)

func TestCustomers(t *testing.T) {
	s := newService(t)
	made := s.do("POST", "/v1/customers", `{"name": "Acme", "aliases": ["Acme GmbH"], "currency": "EUR",
		"rates": [{"from": "2026-07-01", "work": "130"}, {"from": "2026-01-01", "work": "120", "travel": "50%"}],
		"rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day", "least": 30}],
		"day_minutes": 480, "buyer_reference": "04", "order_number": "7", "address": ["Berlin"], "emails": ["ap@acme.example"]}`).is(201)
	id := made.str("id")
	if got := made.Header.Get("Location"); got != "/v1/customers/"+id {
		t.Error(got)
	}
	shown := s.do("GET", "/v1/customers/"+id, nil).is(200)
	for field, want := range map[string]string{
		"name": "Acme", "aliases": "[Acme GmbH]", "currency": "EUR", "day_minutes": "480", "travel_policy": "to", "locale": "en", "buyer_reference": "04",
		"order_number": "7", "address": "[Berlin]", "emails": "[ap@acme.example]",
		"rates":    "[map[from:2026-01-01 travel:50% work:120] map[from:2026-07-01 work:130]]",
		"rounding": "[map[from:2026-01-01 increment:15 least:30 mode:up scope:day]]",
	} {
		if got := shown.str(field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	s.do("POST", "/v1/customers", `{"name": "ACME"}`).problem(409, "conflict", "")
	s.do("POST", "/v1/customers", `{"name": "Globex", "aliases": ["acme gmbh"]}`).problem(422, "invalid", "aliases[0]")
	s.do("POST", "/v1/customers", `{"name": "Globex", "currency": "EUR", "rates": [{"from": "someday", "work": "1"}]}`).
		problem(422, "invalid", "rates[0].from")
	s.do("POST", "/v1/customers", `{"name": "Globex", "rounding": [{"from": "", "increment": 1}]}`).problem(422, "invalid", "rounding[0].from")
	s.do("POST", "/v1/customers", `{"name": "Globex", "travel_policy": "far"}`).problem(422, "invalid", "travel_policy")
	globex := s.do("POST", "/v1/customers", `{"name": "Globex"}`).is(201).str("id")

	for query, want := range map[string]int{"": 2, "?name=acme++GMBH": 1, "?name=Nobody": 0, "?limit=1": 1} {
		if got := s.do("GET", "/v1/customers"+query, nil).is(200).items(); len(got) != want {
			t.Errorf("%s lists %v", query, got)
		}
	}
	next := s.do("GET", "/v1/customers?limit=1", nil).is(200).str("next")
	if got := s.do("GET", "/v1/customers?limit=1&cursor="+next, nil).is(200).items(); len(got) != 1 || object(got[0])["name"] != "Globex" {
		t.Errorf("the second page: %v", got)
	}

	s.do("PUT", "/v1/customers/"+id, `{"name": "Acme Ltd"}`).problem(428, "precondition_required", "If-Match")
	changed := s.do("PUT", "/v1/customers/"+id, `{"name": "Acme Ltd", "locale": "de"}`, "If-Match", shown.Header.Get("ETag")).is(200)
	if changed.str("name") != "Acme Ltd" || object(changed.json)["rates"] != nil {
		t.Error(changed.body)
	}
	s.do("PUT", "/v1/customers/"+id, `{"name": "Acme"}`, "If-Match", shown.Header.Get("ETag")).problem(412, "precondition_failed", "If-Match")
	s.do("POST", "/v1/customers/"+id+"/merge", `{"name": "Globex"}`, "If-Match", shown.Header.Get("ETag")).problem(412, "precondition_failed", "If-Match")
	merged := s.do("POST", "/v1/customers/"+id+"/merge", `{"name": "Globex"}`, "If-Match", changed.Header.Get("ETag")).is(200)
	if got := merged.str("aliases"); got != "[Globex]" {
		t.Error(got)
	}
	s.do("GET", "/v1/customers/"+globex, nil).problem(404, "not_found", "")
	s.do("DELETE", "/v1/customers/"+id, nil, "If-Match", changed.Header.Get("ETag")).problem(412, "precondition_failed", "If-Match")
	s.do("DELETE", "/v1/customers/"+id, nil, "If-Match", merged.Header.Get("ETag")).is(204)
	s.do("GET", "/v1/customers/"+id, nil).problem(404, "not_found", "")
}
