package httpapi

import (
	"strings"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/calendar/graphsim"
)

// theStory is how Ana, who works for Acme, gets from her Outlook of October 2026 to a timesheet that is paid, and what Ben does, who administers her tenant.
var theStory = []step{
	{route: "GET /healthz", by: "nobody"},
	{route: "GET /readyz", by: "nobody"},
	{route: "GET /auth/config", by: "nobody"},
	{route: "GET /auth/login", query: "return=/docs&login_hint=ana@example.com&tenant=" + storyTenant, by: "nobody"},
	{route: "GET /v1/me", keep: "tag"},
	{route: "PUT /v1/me/settings", head: "If-Match: $tag", body: `{"timezone": "Europe/Berlin", "locale": "de-DE", "email": "ana@example.com",
		"letterhead": "Ana Example\nSample Street 1\n10115 Berlin", "notifications": {"runs": {"in_app": true, "email": false}}}`},

	// Calendars.
	{route: "GET /v1/calendars", query: "provider=msgraph&account=me"},
	{route: "POST /v1/calendars", body: `{"uri": "local://me/calendars/Private"}`},
	{route: "POST /v1/calendars/{id}/import", path: "Private", query: "dry_run=false", body: lunch, send: contentFile},
	{route: "GET /v1/calendars/{id}", path: "Private"},
	{route: "GET /v1/calendars/{id}/events", path: "Private", query: "period=2026-10-06&timezone=Europe/Berlin&limit=10"},
	{route: "GET /v1/calendars/{id}/overlaps", path: "Calendar", query: "from=2026-10-01&to=2026-10-31"},
	{route: "GET /v1/calendars/{id}/export", path: "Private"},

	// What is archived, and how.
	{route: "POST /v1/archive-configs", keep: "config=id", body: `{"name": "work", "source": "msgraph://me/calendars/primary",
		"archive": "msgraph://me/calendars/Activity Archive", "timezone": "Europe/Berlin", "overlaps": "ask"}`},
	{route: "GET /v1/archive-configs", query: "name=work"},
	{route: "GET /v1/archive-configs/{id}", path: "work", keep: "tag"},
	{route: "PUT /v1/archive-configs/{id}", path: "work", head: "If-Match: $tag", keep: "tag", body: `{"name": "work",
		"source": "msgraph://me/calendars/primary", "archive": "msgraph://me/calendars/Activity Archive", "timezone": "Europe/Berlin", "overlaps": "ask",
		"look_back": 45}`},
	{route: "POST /v1/archive-configs/{id}/deactivate", path: "work"},
	{route: "POST /v1/archive-configs/{id}/activate", path: "work", keep: "tag"},
	{route: "GET /v1/archive-configs/{id}/window", path: "work"},
	{route: "PUT /v1/archive-configs/{id}/rules", path: "work", head: "If-Match: $tag", body: `{"rules": [{"id": "acme", "name": "Acme by domain",
		"all": [{"field": "attendee_domain", "op": "domain", "any": ["acme.example"]}], "then": {"category": "Acme - billable"}}]}`},
	{route: "GET /v1/archive-configs/{id}/rules", path: "work"},

	// Customers and categories.
	{route: "POST /v1/customers", keep: "tag", body: `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120.00", "travel": "50%"}],
		"rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day"}], "locale": "en", "emails": ["billing@acme.example"]}`},
	{route: "GET /v1/customers", query: "name=Acme"},
	{route: "GET /v1/customers/{id}", path: "Acme"},
	{route: "PUT /v1/customers/{id}", path: "Acme", head: "If-Match: $tag", keep: "tag", body: `{"name": "Acme", "currency": "EUR",
		"rates": [{"from": "2026-01-01", "work": "120.00", "travel": "50%"}], "rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day"}],
		"travel_policy": "both", "order_number": "PO-4711", "address": ["Acme Inc.", "Main Street 1", "10115 Berlin"], "emails": ["billing@acme.example"]}`},
	{route: "GET /v1/categories", query: "config=work"},
	{route: "POST /v1/categories", body: `{"config": "work", "name": "Globex - billable", "colour": "preset7"}`},
	{route: "PUT /v1/categories/{id}", path: "Globex+-+billable", query: "config=work", body: `{"colour": "preset9"}`},
	{route: "POST /v1/categories/rename", body: `{"config": "work", "from": "Acme GmbH - billable", "to": "Acme - billable"}`},
	{route: "GET /v1/categories/validate", query: "config=work&period=2026-10"},
	{route: "DELETE /v1/categories/{id}", path: "Acme+GmbH+-+billable", query: "config=work"},

	// October is archived. The calendar refuses one appointment at first.
	{route: "POST /v1/runs", body: `{"kind": "archive", "config": "work", "period": "2026-10"}`, keep: "run=id", then: func(st *story) {
		check(st.t, st.sim.AddFaults(graphsim.Fault{Method: "POST", Path: "/users/*/calendars/*/events", Holds: "Acme contract", Times: 1,
			Kind: graphsim.FaultError, Status: 400, Code: "ErrorInvalidRequest"}))
		works(st)
	}},
	{route: "GET /v1/runs/{id}", path: "$run"},
	{route: "GET /v1/runs", query: "config=work&kind=archive&limit=1"},
	{route: "GET /v1/runs/{id}/items", path: "$run", query: "outcome=archived&limit=2"},
	{route: "GET /v1/runs/{id}/plan", path: "$run"},
	{route: "POST /v1/runs/{id}/retry", path: "$run", keep: "again=id", then: works},
	{route: "GET /v1/notifications", query: "unread=true&limit=1", keep: "notification=items.0.id"},
	{route: "GET /v1/notifications/count"},
	{route: "POST /v1/notifications/{id}/read", path: "$notification"},
	{route: "POST /v1/notifications/read"},
	{route: "GET /v1/archive-configs/{id}/rules/suggestions", path: "work", query: "period=2026-10"},
	{route: "POST /v1/archive-configs/{id}/rules/try", path: "work", body: `{"period": "2026-10"}`},

	// Two meetings share half an hour: Ana says which one stands.
	{route: "GET /v1/actions", query: "state=open&kind=overlap&config=work&from=2026-10-06&to=2026-10-06", keep: "action=items.0.id"},
	{route: "GET /v1/actions/{id}", path: "$action", keep: "review=participants.0.key planning=participants.1.key"},
	{route: "POST /v1/actions/{id}/resolve", path: "$action", body: `{"verdicts": [{"key": "$review", "verdict": "keep"},
		{"key": "$planning", "verdict": "keep_as", "fields": {"start": "2026-10-06T09:00:00Z", "end": "2026-10-06T09:30:00Z"}}], "note": "the review ran on"}`,
		then: works},
	{route: "POST /v1/decisions", keep: "decided=id", then: works, body: `{"config": "work", "decisions": [{"verdicts": [{"verdict": "create",
		"fields": {"subject": "Acme call", "start": "2026-11-02T06:00:00Z", "end": "2026-11-02T06:30:00Z", "categories": ["Acme - billable"]}}]}]}`},

	// Hours, places, journeys.
	{route: "GET /v1/hours", query: "config=work&period=2026-10&by=customer"},
	{route: "GET /v1/hours/export", query: "config=work&period=2026-10&by=customer"},
	{route: "GET /v1/hours/working-time", query: "config=work&from=2026-10-05&to=2026-10-07"},
	{route: "GET /v1/hours/working-time/export", query: "config=work&from=2026-10-05&to=2026-10-07"},
	{route: "GET /v1/customers/new", query: "config=work&period=2026-10"},
	{route: "POST /v1/customers/{id}/mail-again", path: "Acme", body: `{"address": "billing@acme.example"}`},
	{route: "POST /v1/customers/{id}/merge", path: "Acme", head: "If-Match: *", body: `{"name": "Acme Incorporated"}`},
	{route: "GET /v1/places", query: "config=work&period=2026-10"},
	{route: "POST /v1/places/aliases", body: `{"name": "Acme HQ", "of": "Acme, Berlin"}`},
	{route: "DELETE /v1/places/aliases", query: "name=Acme HQ"},
	{route: "GET /v1/travel/gaps", query: "config=work&period=2026-10"},
	{route: "POST /v1/travel/gaps", body: `{"config": "work", "period": "2026-10"}`},

	// The timesheet of October.
	{route: "POST /v1/timesheets", keep: "sheet=id", body: `{"config": "work", "customer": "Acme", "period": "2026-10"}`},
	{route: "GET /v1/timesheets/{id}", path: "$sheet"},
	{route: "POST /v1/timesheets/{id}/approve", path: "$sheet", body: `{"note": "Alex has seen it"}`},
	{route: "POST /v1/timesheets/{id}/reopen", path: "$sheet", body: `{"reason": "the workshop took longer"}`},
	{route: "POST /v1/timesheets/{id}/approve", path: "$sheet", body: `{"note": "complete"}`},
	{route: "POST /v1/timesheets/{id}/lock", path: "$sheet"},
	{route: "PUT /v1/timesheets/{id}/invoice", path: "$sheet", body: `{"invoice_ref": "2026-117"}`},
	{route: "POST /v1/timesheets/{id}/send", path: "$sheet", body: `{"to": "billing@acme.example"}`},
	{route: "GET /v1/timesheets/{id}/export", path: "$sheet", query: "format=csv"},
	{route: "GET /v1/timesheets", query: "limit=1"},
	{route: "POST /v1/timesheets", keep: "draft=id", body: `{"config": "work", "customer": "Globex", "period": "2026-10"}`},
	{route: "DELETE /v1/timesheets/{id}", path: "$draft"},

	// What proves it.
	{route: "GET /v1/ledger/{config}/days/{date}", path: "work 2026-10-05", keep: "key=items.0.key"},
	{route: "GET /v1/ledger/{config}/history", path: "work", query: "key=$key"},
	{route: "GET /v1/ledger/{config}/head", path: "work", keep: "head=head"},
	{route: "GET /v1/ledger/{config}/proof", path: "work", query: "period=2026-10-05"},
	{route: "POST /v1/ledger/{config}/verify", path: "work", body: `{"since": ["$head"]}`},
	{route: "POST /v1/archive-configs/{id}/verify", path: "work", body: `{"period": "2026-10"}`, then: works},
	{route: "POST /v1/archive-configs/{id}/repair", path: "work", body: `{"mode": "repair", "dry_run": true}`, then: works},
	{route: "POST /v1/runs/{id}/undo", path: "$decided", query: "preview=true", body: `{}`, keep: "hash=plan_hash", aside: true},
	{route: "POST /v1/runs/{id}/undo", path: "$decided", body: `{"plan_hash": "$hash"}`, then: works},
	{route: "POST /v1/runs", body: `{"kind": "archive", "config": "work", "period": "2026-10", "dry_run": true}`, keep: "dry=id"},
	{route: "POST /v1/runs/{id}/cancel", path: "$dry", then: works},

	// Copies of the calendar.
	{route: "POST /v1/backups", body: `{"config": "work", "period": "2026-10"}`, keep: "backup=id", then: works},
	{route: "GET /v1/backups", query: "config=work&limit=1"},
	{route: "GET /v1/backups/{id}", path: "$backup"},
	{route: "GET /v1/backups/{id}/files/{name}", path: "$backup events.jsonl.zst"},
	{route: "POST /v1/backups/{id}/verify", path: "$backup"},
	{route: "POST /v1/restores", body: `{"backup": "$backup", "into": "msgraph://me/calendars/Restored", "create_calendar": true, "dry_run": true}`, then: works},
	{route: "POST /v1/backups", body: `{"calendar": "local://me/calendars/Private"}`, then: works},
	{route: "POST /v1/backups/drills", body: `{"calendar": "local://me/calendars/Private"}`, then: works},
	{route: "DELETE /v1/backups/{id}", path: "$backup"},
	{route: "POST /v1/uploads", body: lunch, send: contentCalendar, keep: "upload=id"},
	{route: "POST /v1/imports", body: `{"calendar": "local://me/calendars/Private", "upload": "$upload", "dry_run": true}`, then: works},
	{route: "POST /v1/uploads/direct", body: `{"bytes": 5242880}`, keep: "direct=id address=url", then: func(st *story) {
		check(st.t, st.bucket.Put(st.t.Context(), strings.TrimPrefix(st.kept["address"], st.bucket.url+"/"), strings.NewReader(large)))
	}},
	{route: "POST /v1/uploads/{id}/arrived", path: "$direct", body: `{"bytes": 5242880, "sha256": "` + sha(large) + `"}`},
	{route: "DELETE /v1/calendars/{id}", path: "Private", query: "force=true"},

	// Every night from now on.
	{route: "POST /v1/jobs", keep: "tag", body: `{"name": "Every night", "kind": "archive", "config": "work",
		"schedule": {"repeat": "daily", "at": "02:30", "zone": "Europe/Berlin"}}`},
	{route: "GET /v1/jobs", query: "config=work&state=active&limit=1"},
	{route: "GET /v1/jobs/health"},
	{route: "GET /v1/jobs/{id}", path: "Every+night"},
	{route: "PUT /v1/jobs/{id}", path: "Every+night", head: "If-Match: $tag", body: `{"name": "Every night",
		"schedule": {"repeat": "daily", "at": "03:15", "zone": "Europe/Berlin"}, "jitter": 5}`},
	{route: "POST /v1/jobs/{id}/pause", path: "Every+night"},
	{route: "POST /v1/jobs/{id}/resume", path: "Every+night", keep: "tag"},
	{route: "POST /v1/jobs/{id}/trigger", path: "Every+night", then: works},
	{route: "GET /v1/jobs/{id}/runs", path: "Every+night", query: "limit=1"},
	{route: "DELETE /v1/jobs/{id}", path: "Every+night", head: "If-Match: *"},
	{route: "POST /v1/archive-configs", keep: "tag", body: `{"name": "trial", "source": "msgraph://me/calendars/primary",
		"archive": "msgraph://me/calendars/Trial", "timezone": "Europe/Berlin", "verify": "none"}`},
	{route: "DELETE /v1/archive-configs/{id}", path: "trial", head: "If-Match: $tag"},
	{route: "GET /v1/actions", query: "from=2026-10-09&to=2026-10-09", keep: "taxes=items.0.id"},
	{route: "POST /v1/actions/{id}/dismiss", path: "$taxes"},

	// A day later the head of the ledger has its time-stamp.
	{route: "GET /v1/me", aside: true, then: func(st *story) {
		st.now.Add(26 * 3600)
		check(st.t, st.anchors.Anchor(st.t.Context()))
	}},
	{route: "GET /v1/ledger/{config}/stamp", path: "work", query: "day=2026-11-02"},

	{route: "GET /v1/audit", query: "action=timesheet.lock&limit=2"},
	{route: "GET /v1/audit/export", query: "action=timesheet.lock&format=csv"},
	{route: "POST /v1/audit/verify"},

	// Ana's browser.
	{route: "GET /v1/me", aside: true, then: func(st *story) {
		who := session.SignIn{Principal: account.Principal{Tenant: storyTenant, Object: storyAna, Name: "Ana", UserName: "ana@example.com"}}
		for _, name := range []string{"phone", "cookie"} {
			cookie, s, err := st.services.Sessions.Start(st.t.Context(), who, "Mozilla/5.0")
			check(st.t, err)
			st.kept[name], st.kept["session"] = cookie, st.kept["other"]
			st.kept["other"] = s.ID
		}
	}},
	{route: "GET /auth/session", head: "Cookie: " + sessionCookie + "=$cookie", keep: "csrf=csrf_token"},
	{route: "GET /auth/sessions", query: "limit=2"},
	{route: "DELETE /auth/sessions/{id}", path: "$session"},
	{route: "POST /auth/logout", head: "Cookie: " + sessionCookie + "=$cookie\n" + headerCSRF + ": $csrf"},

	// Ben administers the tenant.
	{route: "GET /v1/me", by: "Cleo", aside: true},
	{route: "GET /v1/users", query: "limit=2", by: "Ben"},
	{route: "GET /v1/users/{object}", path: "cleo@example.com", by: "Ben"},
	{route: "PUT /v1/users/{object}/role", path: "cleo@example.com", body: `{"role": "admin"}`, by: "Ben"},
	{route: "POST /v1/users/{object}/mailboxes", path: "ana@example.com", body: `{"mailbox": "team@example.com"}`, by: "Ben"},
	{route: "DELETE /v1/users/{object}/mailboxes/{mailbox}", path: "ana@example.com team@example.com", by: "Ben"},
	{route: "DELETE /v1/users/{object}/mail-returned", path: "cleo@example.com", by: "Ben"},
	{route: "POST /v1/users/{object}/disable", path: "cleo@example.com", by: "Ben"},
	{route: "POST /v1/users/{object}/enable", path: "cleo@example.com", by: "Ben"},
	{route: "GET /v1/users/{object}/erasure", path: "cleo@example.com", by: "Ben"},
	{route: "DELETE /v1/users/{object}", path: "cleo@example.com", by: "Ben"},
	{route: "GET /v1/flags", by: "Ben"},
	{route: "PUT /v1/flags/{name}", path: "job.stuck_action", body: `{"state": "percent", "percent": 10}`, by: "Ben"},
	{route: "PUT /v1/tenants/{tenant}", path: storyOther, body: `{"name": "Globex"}`, by: "Ben"},
	{route: "GET /v1/tenants", by: "Ben"},
	{route: "DELETE /v1/tenants/{tenant}", path: "Globex", by: "Ben"},

	// Ana leaves, and takes everything with her.
	{route: "DELETE /v1/me/mail-returned"},
	{route: "DELETE /v1/customers/{id}", path: "Acme", head: "If-Match: *"},
	{route: "GET /v1/me/erasure", keep: "retained=kept"},
	{route: "GET /v1/me/export"},
	{route: "DELETE /v1/me", query: "kept=$retained", head: "X-Confirm: " + storyAna},
}
