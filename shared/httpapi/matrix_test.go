package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/action"
	"adminassistant/shared/notify"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
)

// Who asks. Every route is asked by each of them, in this order.
const (
	nobody       = iota // no token
	disabledUser        // of the same tenant, disabled by its administrator
	otherUser           // of the same tenant
	foreignUser         // of another tenant
	foreignAdmin        // an administrator of another tenant
	tenantAdmin         // an administrator of the same tenant
	owner               // whose calendars, configs, runs and ledger there are
	callers
)

var callerNames = [callers]string{"nobody", "a disabled user", "another user", "a user of another tenant",
	"an administrator of another tenant", "an administrator", "the user"}

const (
	homeTenant    = "11111111-1111-4111-8111-111111111111"
	foreignTenant = "22222222-2222-4222-8222-222222222222"
	apiClient     = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
	unknownUser   = "00000000-0000-4000-8000-000000000000"
)

// objects are the object ids of the callers.
var objects = [callers]string{
	disabledUser: "dddddddd-dddd-4ddd-8ddd-dddddddddddd", otherUser: "aaaaaaaa-1111-4aaa-8aaa-aaaaaaaaaaaa", foreignUser: "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee",
	foreignAdmin: "ffffffff-ffff-4fff-8fff-ffffffffffff", tenantAdmin: "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb", owner: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
}

// statuses are what each caller is answered.
type statuses [callers]int

// everybody is the row of a route that needs no sign-in, users that of one about the caller's own things, and owned that of one about
// things that are the user's: to all others they do not exist, to administrators as well.
func everybody(ok int) statuses { return statuses{ok, ok, ok, ok, ok, ok, ok} }
func users(ok int) statuses     { return statuses{401, 403, ok, ok, ok, ok, ok} }
func owned(ok int) statuses     { return statuses{401, 403, 404, 404, 404, 404, ok} }

// administration is the row of a route about another user of the tenant, who does not exist for administrators of other tenants.
func administration(ok int) statuses { return statuses{401, 403, 403, 403, 404, ok, 403} }

// request is how a route is asked. In path, body and header $calendar, $category, $config, $customer, $timesheet, $run, $job, $backup, $session, $action
// and $notification stand for what is the user's, $other for the other user's object id and $me for the caller's.
type request struct {
	path   string // empty: the route's own
	body   string
	header []string
	want   statuses
}

var (
	sendJSON  = []string{"Content-Type", "application/json"}
	sendForm  = []string{"Content-Type", formKind}
	sendFile  = []string{"Content-Type", "text/calendar"}
	matching  = []string{"If-Match", "*"}
	replacing = append(slices.Clone(sendJSON), matching...)
)

const nightly = `{"kind": "archive", "config": "$config", "schedule": {"repeat": "daily", "at": "23:59", "zone": "UTC"}}`

const lastMonth = `{"period": "last month"}`

const ownConfig = `{"name": "own", "source": "local://own/calendars/Work", "archive": "local://own/calendars/Copy", "timezone": "UTC"}`

// matrix is what every route answers to whom.
var matrix = map[string]request{
	"GET /healthz":     {want: everybody(200)},
	"GET /readyz":      {want: everybody(200)},
	"GET /auth/config": {want: everybody(200)},

	"GET /openapi.json":   {want: everybody(200)},
	"GET /docs":           {want: everybody(200)},
	"GET /docs/style.css": {want: everybody(200)},
	"GET /{$}":            {path: "/", want: everybody(302)},

	"GET /auth/callback":         {want: everybody(400)}, // of a sign-in that nobody began
	"GET /auth/login":            {want: everybody(303)},
	"GET /auth/sign-out":         {want: everybody(200)},
	"POST /auth/sign-out":        {body: "access=here", header: sendForm, want: everybody(303)}, // of a session, which a token is none
	"GET /auth/signed-out":       {want: everybody(200)},
	"GET /auth/session":          {want: statuses{401, 403, 404, 404, 404, 404, 404}}, // with a token there is none
	"GET /auth/sessions":         {want: users(200)},
	"DELETE /auth/sessions/{id}": {path: "/auth/sessions/$session", want: owned(204)},
	"POST /auth/logout":          {want: statuses{401, 204, 204, 204, 204, 204, 204}},

	"GET /unsubscribe":  {want: everybody(422)}, // without the token of an e-mail
	"POST /unsubscribe": {body: "List-Unsubscribe=One-Click", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: everybody(422)},

	"GET /v1/me":                  {want: users(200)},
	"PUT /v1/me/settings":         {body: `{"timezone": "Europe/Berlin"}`, header: replacing, want: users(200)},
	"DELETE /v1/me/mail-returned": {want: users(204)},
	"GET /v1/me/erasure":          {want: users(200)},
	"GET /v1/me/export":           {want: users(200)},
	"DELETE /v1/me":               {header: []string{"X-Confirm", "$me"}, want: users(202)},

	"GET /v1/calendars":                        {want: users(200)},
	"POST /v1/calendars":                       {body: `{"uri": "local://own/calendars/New"}`, header: sendJSON, want: users(201)},
	"GET /v1/calendars/{id}":                   {path: "/v1/calendars/$calendar", want: owned(200)},
	"DELETE /v1/calendars/{id}":                {path: "/v1/calendars/$calendar?force=true", want: owned(204)},
	"GET /v1/calendars/{id}/events":            {path: "/v1/calendars/$calendar/events?period=last+week", want: owned(200)},
	"GET /v1/calendars/{id}/overlaps":          {path: "/v1/calendars/$calendar/overlaps?period=last+week", want: owned(200)},
	"POST /v1/calendars/{id}/import":           {path: "/v1/calendars/$calendar/import", body: week, header: sendFile, want: owned(200)},
	"GET /v1/calendars/{id}/export":            {path: "/v1/calendars/$calendar/export", want: owned(200)},
	"GET /v1/archive-configs":                  {want: users(200)},
	"POST /v1/archive-configs":                 {body: ownConfig, header: sendJSON, want: users(201)},
	"GET /v1/archive-configs/{id}":             {path: "/v1/archive-configs/$config", want: owned(200)},
	"PUT /v1/archive-configs/{id}":             {path: "/v1/archive-configs/$config", body: ownConfig, header: replacing, want: owned(409)}, // it has archived
	"DELETE /v1/archive-configs/{id}":          {path: "/v1/archive-configs/$config", header: matching, want: owned(409)},
	"POST /v1/archive-configs/{id}/verify":     {path: "/v1/archive-configs/$config/verify", want: owned(202)},
	"POST /v1/archive-configs/{id}/repair":     {path: "/v1/archive-configs/$config/repair", body: `{"mode": "repair"}`, header: sendJSON, want: owned(202)},
	"POST /v1/archive-configs/{id}/activate":   {path: "/v1/archive-configs/$config/activate", want: owned(200)},
	"POST /v1/archive-configs/{id}/deactivate": {path: "/v1/archive-configs/$config/deactivate", want: owned(200)},
	"GET /v1/archive-configs/{id}/window":      {path: "/v1/archive-configs/$config/window", want: owned(200)},
	"GET /v1/archive-configs/{id}/rules":       {path: "/v1/archive-configs/$config/rules", want: owned(200)},
	"POST /v1/archive-configs/{id}/rules/try":  {path: "/v1/archive-configs/$config/rules/try", body: lastMonth, header: sendJSON, want: owned(200)},
	"GET /v1/archive-configs/{id}/rules/suggestions": {
		path: "/v1/archive-configs/$config/rules/suggestions", want: owned(200),
	},
	"PUT /v1/archive-configs/{id}/rules": {path: "/v1/archive-configs/$config/rules", body: `{"rules": []}`, header: replacing, want: owned(200)},

	"GET /v1/categories":         {path: "/v1/categories?config=$config", want: owned(200)},
	"POST /v1/categories":        {body: `{"config": "$config", "name": "Globex - billable"}`, header: sendJSON, want: owned(201)},
	"PUT /v1/categories/{id}":    {path: "/v1/categories/$category?config=$config", body: `{"colour": "preset1"}`, header: sendJSON, want: owned(200)},
	"DELETE /v1/categories/{id}": {path: "/v1/categories/$category?config=$config", want: owned(204)},
	"POST /v1/categories/rename": {body: `{"config": "$config", "from": "Acme - billable", "to": "Acme - non-billable"}`, header: sendJSON,
		want: owned(200)},
	"GET /v1/categories/validate": {path: "/v1/categories/validate?config=$config&period=last+week", want: owned(200)},

	"GET /v1/timesheets":               {want: users(200)},
	"POST /v1/timesheets":              {body: `{"config": "$config", "customer": "Acme", "period": "last week"}`, header: sendJSON, want: owned(201)},
	"GET /v1/timesheets/{id}":          {path: "/v1/timesheets/$timesheet", want: owned(200)},
	"DELETE /v1/timesheets/{id}":       {path: "/v1/timesheets/$timesheet", want: owned(204)},
	"POST /v1/timesheets/{id}/approve": {path: "/v1/timesheets/$timesheet/approve", body: `{"note": "so"}`, header: sendJSON, want: owned(200)},
	"POST /v1/timesheets/{id}/reopen":  {path: "/v1/timesheets/$timesheet/reopen", body: `{"reason": "so"}`, header: sendJSON, want: owned(409)},
	"POST /v1/timesheets/{id}/lock":    {path: "/v1/timesheets/$timesheet/lock", want: owned(409)}, // it is a draft
	"PUT /v1/timesheets/{id}/invoice":  {path: "/v1/timesheets/$timesheet/invoice", body: `{"invoice_ref": "1"}`, header: sendJSON, want: owned(409)},
	"POST /v1/timesheets/{id}/send":    {path: "/v1/timesheets/$timesheet/send", body: `{"to": "a@acme.example"}`, header: sendJSON, want: owned(409)},
	"GET /v1/timesheets/{id}/export":   {path: "/v1/timesheets/$timesheet/export?format=csv", want: owned(200)},

	"GET /v1/customers":                 {want: users(200)},
	"POST /v1/customers":                {body: `{"name": "Globex"}`, header: sendJSON, want: users(201)},
	"GET /v1/customers/new":             {path: "/v1/customers/new?config=$config&period=2026-10-12", want: owned(200)},
	"GET /v1/places":                    {path: "/v1/places?config=$config", want: owned(200)},
	"POST /v1/places/aliases":           {body: `{"name": "Room 4", "of": "Head office"}`, header: sendJSON, want: users(204)},
	"DELETE /v1/places/aliases":         {path: "/v1/places/aliases?name=Nowhere", want: statuses{401, 403, 404, 404, 404, 404, 404}}, // nobody has it
	"GET /v1/travel/gaps":               {path: "/v1/travel/gaps?config=$config&period=2026-10-12", want: owned(200)},
	"POST /v1/travel/gaps":              {body: `{"config": "$config", "period": "2026-10-12"}`, header: sendJSON, want: owned(200)},
	"GET /v1/hours":                     {path: "/v1/hours?config=$config&period=2026-10-12", want: owned(200)},
	"GET /v1/hours/working-time":        {path: "/v1/hours/working-time?config=$config&period=2026-10-12", want: owned(200)},
	"GET /v1/hours/working-time/export": {path: "/v1/hours/working-time/export?config=$config&period=2026-10-12", want: owned(200)},
	"GET /v1/hours/export":              {path: "/v1/hours/export?config=$config&period=2026-10-12", want: owned(200)},
	"GET /v1/customers/{id}":            {path: "/v1/customers/$customer", want: owned(200)},
	"PUT /v1/customers/{id}":            {path: "/v1/customers/$customer", body: `{"name": "Globex"}`, header: replacing, want: owned(200)},
	"DELETE /v1/customers/{id}":         {path: "/v1/customers/$customer", header: matching, want: owned(204)},
	"POST /v1/customers/{id}/mail-again": { // it has no address
		path: "/v1/customers/$customer/mail-again", body: `{"address": "ap@acme.example"}`, header: sendJSON, want: owned(409),
	},
	"POST /v1/customers/{id}/merge": {path: "/v1/customers/$customer/merge", body: `{"name": "Globex"}`, header: replacing, want: owned(200)},

	"POST /v1/runs":             {body: `{"kind": "archive", "config": "$config", "period": "last week"}`, header: sendJSON, want: owned(202)},
	"GET /v1/runs":              {want: users(200)},
	"GET /v1/runs/{id}":         {path: "/v1/runs/$run", want: owned(200)},
	"GET /v1/runs/{id}/items":   {path: "/v1/runs/$run/items", want: owned(200)},
	"GET /v1/runs/{id}/plan":    {path: "/v1/runs/$run/plan", want: owned(200)},
	"POST /v1/runs/{id}/retry":  {path: "/v1/runs/$run/retry", want: owned(409)},                              // nothing of it failed
	"POST /v1/runs/{id}/undo":   {path: "/v1/runs/$run/undo", body: `{}`, header: sendJSON, want: owned(422)}, // no plan_hash
	"POST /v1/runs/{id}/cancel": {path: "/v1/runs/$run/cancel", want: owned(409)},

	"POST /v1/jobs":       {body: nightly, header: sendJSON, want: owned(201)},
	"GET /v1/jobs":        {want: users(200)},
	"GET /v1/jobs/health": {want: users(200)},
	"GET /v1/jobs/{id}":   {path: "/v1/jobs/$job", want: owned(200)},
	"PUT /v1/jobs/{id}": {path: "/v1/jobs/$job", body: `{"schedule": {"repeat": "daily", "at": "04:00", "zone": "UTC"}}`,
		header: replacing, want: owned(200)},
	"DELETE /v1/jobs/{id}":       {path: "/v1/jobs/$job", header: matching, want: owned(204)},
	"POST /v1/jobs/{id}/pause":   {path: "/v1/jobs/$job/pause", want: owned(200)},
	"POST /v1/jobs/{id}/resume":  {path: "/v1/jobs/$job/resume", want: owned(200)},
	"POST /v1/jobs/{id}/trigger": {path: "/v1/jobs/$job/trigger", want: owned(202)},
	"GET /v1/jobs/{id}/runs":     {path: "/v1/jobs/$job/runs", want: owned(200)},

	"GET /v1/actions":               {want: users(200)},
	"GET /v1/actions/{id}":          {path: "/v1/actions/$action", want: owned(200)},
	"POST /v1/actions/{id}/dismiss": {path: "/v1/actions/$action/dismiss", want: owned(200)},
	"POST /v1/actions/{id}/resolve": {path: "/v1/actions/$action/resolve", want: owned(200)},
	"POST /v1/decisions": {body: `{"config": "$config", "decisions": [{"verdicts": [{"verdict": "create", "fields": {"subject": "Call", ` +
		`"start": "2026-10-12T06:00:00Z", "end": "2026-10-12T06:30:00Z"}}]}]}`, header: sendJSON, want: owned(202)},
	"GET /v1/notifications":            {want: users(200)},
	"GET /v1/notifications/count":      {want: users(200)},
	"POST /v1/notifications/{id}/read": {path: "/v1/notifications/$notification/read", want: owned(200)},
	"POST /v1/notifications/read":      {want: users(200)},

	"POST /v1/backups/drills": {body: `{"config": "$config"}`, header: sendJSON, want: owned(202)},
	"POST /v1/uploads/direct": {body: `{"bytes": 5000000}`, header: sendJSON, want: users(201)},
	"POST /v1/uploads/{id}/arrived": {path: "/v1/uploads/$upload/arrived", body: `{"bytes": 1, "sha256": "` + strings.Repeat("0", 64) + `"}`, header: sendJSON,
		want: owned(409)}, // it has more bytes
	"POST /v1/uploads": {body: week, header: sendFile, want: users(201)},
	"POST /v1/restores": {body: `{"backup": "$backup", "into": "local://own/calendars/New", "create_calendar": true}`,
		header: sendJSON, want: owned(202)},
	"POST /v1/imports":                  {body: `{"calendar": "local://me/calendars/Work", "upload": "$upload"}`, header: sendJSON, want: owned(202)},
	"POST /v1/backups":                  {body: `{"config": "$config"}`, header: sendJSON, want: owned(202)},
	"GET /v1/backups":                   {want: users(200)},
	"GET /v1/backups/{id}":              {path: "/v1/backups/$backup", want: owned(200)},
	"GET /v1/backups/{id}/files/{name}": {path: "/v1/backups/$backup/files/events.jsonl.zst", want: owned(200)},
	"POST /v1/backups/{id}/verify":      {path: "/v1/backups/$backup/verify", want: owned(200)},
	"DELETE /v1/backups/{id}":           {path: "/v1/backups/$backup", want: owned(204)},

	"GET /v1/ledger/{config}/days/{date}": {path: "/v1/ledger/$config/days/2026-10-12", want: owned(200)},
	"GET /v1/ledger/{config}/history":     {path: "/v1/ledger/$config/history?key=a@example.com", want: owned(200)},
	"GET /v1/ledger/{config}/head":        {path: "/v1/ledger/$config/head", want: owned(200)},
	"GET /v1/ledger/{config}/stamp":       {path: "/v1/ledger/$config/stamp", want: owned(404)}, // nobody is asked
	"GET /v1/ledger/{config}/proof":       {path: "/v1/ledger/$config/proof?period=2026-10-12", want: owned(200)},
	"POST /v1/ledger/{config}/verify":     {path: "/v1/ledger/$config/verify", want: owned(200)},

	"GET /v1/audit":         {want: users(200)},
	"GET /v1/audit/export":  {want: users(200)},
	"POST /v1/audit/verify": {want: users(200)},

	"GET /v1/flags": {want: statuses{401, 403, 403, 403, 200, 200, 403}},
	"PUT /v1/flags/{name}": {path: "/v1/flags/job.stuck_action", body: `{"state": "off"}`, header: sendJSON,
		want: statuses{401, 403, 403, 403, 200, 200, 403}},
	"GET /v1/tenants": {want: statuses{401, 403, 403, 403, 403, 200, 403}}, // the operator's is the first one
	"PUT /v1/tenants/{tenant}": {path: "/v1/tenants/" + foreignTenant, body: `{"name": "Abroad"}`, header: sendJSON,
		want: statuses{401, 403, 403, 403, 403, 200, 403}},
	"DELETE /v1/tenants/{tenant}":     {path: "/v1/tenants/" + foreignTenant, want: statuses{401, 403, 403, 403, 403, 204, 403}},
	"GET /v1/users":                   {want: statuses{401, 403, 403, 403, 200, 200, 403}},
	"GET /v1/users/{object}":          {path: "/v1/users/$other", want: administration(200)},
	"POST /v1/users/{object}/disable": {path: "/v1/users/$other/disable", want: administration(200)},
	"POST /v1/users/{object}/enable":  {path: "/v1/users/$other/enable", want: administration(200)},
	"PUT /v1/users/{object}/role":     {path: "/v1/users/$other/role", body: `{"role": "admin"}`, header: sendJSON, want: administration(200)},
	"POST /v1/users/{object}/mailboxes": {path: "/v1/users/$other/mailboxes", body: `{"mailbox": "team@example.com"}`, header: sendJSON,
		want: administration(201)},
	"DELETE /v1/users/{object}/mailboxes/{mailbox}": {path: "/v1/users/$other/mailboxes/room@example.com", want: administration(204)},
	"DELETE /v1/users/{object}/mail-returned":       {path: "/v1/users/$other/mail-returned", want: administration(204)},
	"GET /v1/users/{object}/erasure":                {path: "/v1/users/$other/erasure", want: administration(200)},
	"DELETE /v1/users/{object}":                     {path: "/v1/users/$other", want: administration(202)},
}

// secrets are words of the user's appointments and names, which nobody else may ever read.
var secrets = []string{"Acme", "Dentist", "Flight to Berlin", "Initech", "Archive of work", "a@example.com", "Owner"}

// anyID matches the ids that the service makes, and those of users.
var anyID = regexp.MustCompile(`ID\d{8}|[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// TestWhoMayDoWhat asks every route as everybody there can be, with access tokens of a sign-in service, and demands what the
// matrix says. To whom a thing does not exist, it looks the same as one that does not exist at all.
func TestWhoMayDoWhat(t *testing.T) {
	at, err := time.Parse(time.RFC3339, today)
	check(t, err)
	clock := func() time.Time { return at }
	options := entrasim.Options{Apps: []entrasim.App{{Client: apiClient}}, Clock: clock}
	names := [callers]string{owner: "Owner"}
	for who, object := range objects {
		u := entrasim.User{Tenant: homeTenant, Object: object, Name: names[who]}
		if who == foreignUser || who == foreignAdmin {
			u.Tenant = foreignTenant
		}
		if who == tenantAdmin || who == foreignAdmin {
			u.Roles = []string{"admin"}
		}
		if who != nobody {
			options.Users = append(options.Users, u)
		}
	}
	sim := entrasim.New(options)
	entra, err := sim.Start("")
	check(t, err)
	t.Cleanup(func() { _ = entra.Close() })
	verifier, err := bearer.New(bearer.Options{
		Authority: entra.URL, Audiences: []string{apiClient}, Clients: []string{apiClient}, Tenants: []string{homeTenant, foreignTenant},
		HTTPClient: entra.Client, Clock: clock,
	})
	check(t, err)
	var tokens [callers][]string
	for who, object := range objects {
		if who != nobody {
			tokens[who] = []string{"Authorization", "Bearer " + sim.Token(object)}
		}
	}
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	check(t, err)
	authenticated := func(service *service, s *Services) {
		s.Authenticate, s.Sessions = verifier.Authenticate, session.New(service.table, s.Clock)
		s.Attempts = session.NewAttempts(service.table, s.Clock)
		s.Tenants = tenant.New(service.table, []string{homeTenant, foreignTenant}, s.Clock)
		s.SignIn, err = microsoft.New(microsoft.Options{
			Client: apiClient, RedirectURL: "https://example.com/auth/callback", Tenants: []string{homeTenant},
			Table: service.table, Keeper: secret.New(wrapper, s.Clock, secret.Limits{}), Clock: s.Clock,
		})
		check(t, err)
	}

	declared := newService(t).declared
	t.Run("the matrix has a row for every route and no other", func(t *testing.T) {
		for pattern := range declared {
			if _, ok := matrix[pattern]; !ok {
				t.Errorf("%s has no row", pattern)
			}
		}
		for pattern := range matrix {
			if declared[pattern] == nil {
				t.Errorf("%s is no route", pattern)
			}
		}
	})
	t.Run("each row fits what the route says of who may call it", func(t *testing.T) {
		for pattern, r := range declared {
			fits := map[access]func(statuses) bool{
				anyone:          func(w statuses) bool { return w == everybody(w[nobody]) && w[nobody] != 401 && w[nobody] != 403 },
				byUsers:         func(w statuses) bool { return w[nobody] == 401 && w[disabledUser] == 403 && w[owner] != 403 },
				byLeaving:       func(w statuses) bool { return w[nobody] == 401 && w[disabledUser] == 403 && w[owner] != 403 },
				byAuthenticated: func(w statuses) bool { return w[nobody] == 401 && w[disabledUser] != 403 },
				byAdministrators: func(w statuses) bool {
					return w[nobody] == 401 && w[owner] == 403 && w[otherUser] == 403 && w[tenantAdmin] != 403
				},
			}[r.access]
			if want := matrix[pattern].want; !fits(want) {
				t.Errorf("%s: %v", pattern, want)
			}
		}
	})
	for _, route := range slices.Sorted(maps.Keys(matrix)) {
		row := matrix[route]
		method, path, _ := strings.Cut(route, " ")
		if row.path != "" {
			path = row.path
		}
		t.Run(route, func(t *testing.T) {
			s := newService(t, authenticated)
			for who := range callers { // all have signed in before
				if who != nobody {
					s.do("GET", "/v1/me", nil, tokens[who]...).is(200)
				}
			}
			s.do("POST", "/v1/users/"+objects[disabledUser]+"/disable", nil, tokens[tenantAdmin]...).is(200)
			s.do("POST", "/v1/users/"+objects[otherUser]+"/mailboxes", map[string]any{"mailbox": "room@example.com"}, tokens[tenantAdmin]...).is(201)
			s.header = tokens[owner]
			calendarID, configID := s.seed("keep")
			runID := s.run(configID)
			jobID := s.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", configID)).is(201).str("id")
			backupID := s.backup(map[string]any{"config": configID})
			uploadID := s.do("POST", "/v1/uploads", week, sendFile...).is(201).str("id")
			categoryID := s.do("POST", "/v1/categories", `{"config": "`+configID+`", "name": "Acme - billable"}`, sendJSON...).is(201).str("id")
			customerID := s.do("POST", "/v1/customers", `{"name": "Acme"}`, sendJSON...).is(201).str("id")
			sheet := map[string]any{"config": configID, "customer": "Acme", "period": "2026-10-05"}
			sheetID := s.do("POST", "/v1/timesheets", sheet).is(201).str("id")
			in := session.SignIn{Principal: account.Principal{Tenant: homeTenant, Object: objects[owner], Name: names[owner]}}
			_, began, err := s.services.Sessions.Start(t.Context(), in, "Browser")
			check(t, err)
			s.header = nil

			key := account.Principal{Tenant: homeTenant, Object: objects[owner]}.Key()
			raised, err := s.services.Actions.Raise(t.Context(), action.Action{
				User: key, Cause: action.Cause{Kind: action.RunFailed, Of: configID}, Subject: action.Subject{Kind: "run", ID: runID},
				Detail: "Archive of work failed", At: at,
			})
			check(t, err)
			told := notify.Notification{ID: notify.ID(at, runID), User: key, Class: notify.Problems, State: "failed", Title: "Archive of work failed", Text: "Acme"}
			check(t, s.services.Notifications.Tell(t.Context(), account.DefaultSettings(), told))

			ask := func(who int, things ...string) answer { // each "$name" and its id
				fill := strings.NewReplacer(append(things, "$me", objects[who])...)
				var body any
				if row.body != "" {
					body = fill.Replace(row.body)
				}
				header := slices.Clone(tokens[who])
				for _, h := range row.header {
					header = append(header, fill.Replace(h))
				}
				return s.do(method, fill.Replace(path), body, header...)
			}
			uniform := func(a answer, ids ...string) string {
				text := a.Status + "\n" + strings.Join(slices.Sorted(maps.Keys(a.Header)), " ") + "\n" + string(a.body)
				for _, id := range ids {
					text = strings.ReplaceAll(text, id, "ID")
				}
				return anyID.ReplaceAllString(text, "ID")
			}
			noCalendar := calendarIDOf("local://me/calendars/ID99999999")
			names := regexp.MustCompile(`\$(calendar|category|config|customer|timesheet|run|job|backup|upload|session|action|notification|other)`).
				MatchString(path + row.body)
			for who, want := range row.want {
				var missing answer
				if names {
					missing = ask(who, "$calendar", noCalendar, "$config", "ID99999998", "$run", "ID99999997", "$session", strings.Repeat("0", 64), "$job",
						"ID99999994", "$backup", "ID99999993", "$upload", "ID99999992", "$customer", "ID99999990", "$category", "ID99999989",
						"$timesheet", "ID99999988", "$action", "ID99999996", "$notification", "ID99999995", "$other", unknownUser)
				}
				a := ask(who, "$calendar", calendarID, "$config", configID, "$run", runID, "$job", jobID, "$backup", backupID, "$upload", uploadID, "$session",
					began.ID, "$customer", customerID, "$category", categoryID, "$timesheet", sheetID,
					"$action", raised.ID, "$notification", told.ID, "$other", objects[otherUser])
				if a.StatusCode != want {
					t.Errorf("%s is answered %d, want %d: %s", callerNames[who], a.StatusCode, want, a.body)
				}
				if names && (want == 404 || want == 403 || want == 401) {
					if got, none := uniform(a, calendarID), uniform(missing, noCalendar); got != none {
						t.Errorf("%s can tell what is there from what is not:\n%s\n%s", callerNames[who], got, none)
					}
				}
				for _, word := range secrets {
					if route == "GET /openapi.json" || route == "GET /docs" { // their examples have such words, and are the same for everybody
						break
					}
					if who != owner && !(who == tenantAdmin && word == "Owner") && strings.Contains(string(a.body)+fmt.Sprint(http.Header(a.Header)), word) {
						t.Errorf("%s reads %q: %s", callerNames[who], word, a.body)
					}
				}
			}
		})
	}
}
