package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
)

const noSuchMailbox = "no such mailbox, or it was not granted to you"

// The mailboxes of the simulated Microsoft 365, which the application's token reaches all of.
const (
	ownMailbox     = "owner@home.example"
	teamMailbox    = "team@home.example"
	othersMailbox  = "other@home.example"
	foreignMailbox = "foreign@abroad.example"
)

// mailboxIDs are the ids of the mailboxes that there are; those of users are their object ids.
var mailboxIDs = map[string]string{
	ownMailbox: objects[owner], teamMailbox: "99999999-9999-4999-8999-999999999999", othersMailbox: objects[otherUser], foreignMailbox: objects[foreignUser],
}

// reached are accounts by which the owner of the matrix may name a mailbox, with the mailboxes that they mean; refused are others.
var (
	reached = map[string]string{
		"me": ownMailbox, "ME": ownMailbox, objects[owner]: ownMailbox, strings.ToUpper(objects[owner]): ownMailbox, ownMailbox: ownMailbox,
		"Owner@HOME.example": ownMailbox, "team@HOME.example": teamMailbox,
	}
	refused = []string{
		"nobody@home.example", // the first one is not there at all
		othersMailbox, objects[otherUser], mailboxIDs[teamMailbox], foreignMailbox, objects[foreignUser], "nobody", unknownUser, objects[owner] + "/calendars",
	}
)

// mailboxRow is how a route is asked about a calendar of a mailbox. In path, body and header $uri stands for the URI of the mailbox's default calendar,
// $new for that of one which is not there, $account for the mailbox, $id for the default calendar's id in this API, $config, $run and $job for what was
// stored about it before, and $local, $backup and $upload for what is the user's own.
type mailboxRow struct {
	path   string // empty: the route's own
	body   string
	header []string
	want   int
	// later says that the request is answered the same about every mailbox, and that the run which it starts fails.
	later bool
	// quiet says that the request is answered the same about every mailbox, and reaches those alone that the user may name.
	quiet bool
	// stores says that the request need not ask the mailbox for anything.
	stores bool
}

const remoteConfig = `{"name": "in $n", "source": "$uri", "archive": "local://own/calendars/In $n", "timezone": "UTC"}`

const localConfig = `{"name": "in $n", "source": "local://own/calendars/Work", "archive": "$new", "timezone": "UTC"}`

// mailboxRows are all requests that take or imply a calendar, by their routes; several of one route differ by what follows the pattern.
var mailboxRows = map[string]mailboxRow{
	"GET /v1/calendars, by its URI":            {path: "/v1/calendars?uri=$uri", want: 200},
	"GET /v1/calendars, of an account":         {path: "/v1/calendars?provider=msgraph&account=$account", want: 200},
	"POST /v1/calendars":                       {body: `{"uri": "$new"}`, header: sendJSON, want: 201},
	"GET /v1/calendars/{id}":                   {path: "/v1/calendars/$id", want: 200},
	"DELETE /v1/calendars/{id}":                {path: "/v1/calendars/$id?force=true", want: 422}, // those of Outlook are deleted in Outlook
	"GET /v1/calendars/{id}/events":            {path: "/v1/calendars/$id/events?period=last+week", want: 200},
	"GET /v1/calendars/{id}/overlaps":          {path: "/v1/calendars/$id/overlaps?period=last+week", want: 200},
	"POST /v1/calendars/{id}/import":           {path: "/v1/calendars/$id/import", body: week, header: sendFile, want: 422},
	"GET /v1/calendars/{id}/export":            {path: "/v1/calendars/$id/export", want: 422},
	"GET /v1/categories":                       {path: "/v1/categories?calendar=$uri", want: 200},
	"GET /v1/categories, of a config":          {path: "/v1/categories?config=$config", want: 200},
	"POST /v1/categories":                      {body: `{"calendar": "$uri", "name": "Acme $n - billable"}`, header: sendJSON, want: 201},
	"PUT /v1/categories/{id}":                  {path: "/v1/categories/none?calendar=$uri", body: `{"colour": "none"}`, header: sendJSON, want: 404},
	"DELETE /v1/categories/{id}":               {path: "/v1/categories/none?calendar=$uri", want: 404},
	"POST /v1/categories/rename":               {body: `{"calendar": "$uri", "from": "Old", "to": "Acme - billable"}`, header: sendJSON, want: 404},
	"GET /v1/categories/validate":              {path: "/v1/categories/validate?calendar=$uri&period=last+week", want: 200},
	"GET /v1/archive-configs":                  {want: 200, quiet: true},
	"POST /v1/archive-configs, as the source":  {body: remoteConfig, header: sendJSON, want: 201, stores: true},
	"POST /v1/archive-configs, as the archive": {body: localConfig, header: sendJSON, want: 201, stores: true},
	"PUT /v1/archive-configs/{id}":             {path: "/v1/archive-configs/$local", body: localConfig, header: replacing, want: 200, stores: true},
	"POST /v1/archive-configs/{id}/activate":   {path: "/v1/archive-configs/$config/activate", want: 200, quiet: true},
	"POST /v1/archive-configs/{id}/verify":     {path: "/v1/archive-configs/$config/verify", body: `{}`, header: sendJSON, want: 202, stores: true},
	"POST /v1/archive-configs/{id}/repair": {
		path: "/v1/archive-configs/$config/repair", body: `{"mode": "repair"}`, header: sendJSON, want: 202, stores: true,
	},
	"POST /v1/archive-configs/{id}/deactivate": {path: "/v1/archive-configs/$config/deactivate", want: 200, quiet: true},
	"POST /v1/runs": {body: `{"kind": "archive", "config": "$config", "period": "last week"}`, header: sendJSON, want: 202},
	"POST /v1/decisions": {
		body: `{"config": "$config", "decisions": [{"verdicts": [{"verdict": "create", "fields": {"subject": "Call", ` +
			`"start": "2026-10-12T06:00:00Z", "end": "2026-10-12T06:30:00Z"}}]}]}`,
		header: sendJSON, want: 202, stores: true,
	},
	"POST /v1/runs/{id}/retry":             {path: "/v1/runs/$run/retry", want: 202, later: true},
	"POST /v1/runs/{id}/undo":              {path: "/v1/runs/$run/undo?preview=true", body: `{}`, header: sendJSON, want: 409},
	"POST /v1/jobs":                        {body: nightly, header: sendJSON, want: 201, quiet: true},
	"POST /v1/jobs/{id}/trigger":           {path: "/v1/jobs/$job/trigger", want: 202, later: true},
	"POST /v1/backups, by its URI":         {body: `{"calendar": "$uri"}`, header: sendJSON, want: 202},
	"POST /v1/backups, of a config":        {body: `{"config": "$config"}`, header: sendJSON, want: 202},
	"POST /v1/backups/drills, by its URI":  {body: `{"calendar": "$uri"}`, header: sendJSON, want: 202},
	"POST /v1/backups/drills, of a config": {body: `{"config": "$config"}`, header: sendJSON, want: 202},
	"POST /v1/restores, of a backup":       {body: `{"backup": "$backup", "into": "$new", "create_calendar": true}`, header: sendJSON, want: 202},
	"POST /v1/restores, of a file":         {body: `{"upload": "$upload", "into": "$uri"}`, header: sendJSON, want: 202},
}

// noMailbox are the routes that reach no mailbox, whatever they are asked: they are about what is stored here.
var noMailbox = []string{
	"GET /healthz", "GET /readyz", "GET /openapi.json", "GET /docs", "GET /docs/style.css", "GET /{$}",
	"GET /auth/config", "GET /auth/callback", "GET /auth/login", "GET /auth/sign-out", "POST /auth/sign-out", "GET /auth/signed-out",
	"GET /auth/session", "GET /auth/sessions", "DELETE /auth/sessions/{id}", "POST /auth/logout",
	"GET /unsubscribe", "POST /unsubscribe", "GET /v1/me", "PUT /v1/me/settings", "DELETE /v1/me/mail-returned", "DELETE /v1/me",
	"GET /v1/me/erasure", "GET /v1/me/export", "GET /v1/users/{object}/erasure",
	"GET /v1/archive-configs/{id}", "DELETE /v1/archive-configs/{id}", "GET /v1/archive-configs/{id}/window",
	"GET /v1/customers", "POST /v1/customers", "GET /v1/customers/{id}", "PUT /v1/customers/{id}", "DELETE /v1/customers/{id}",
	"POST /v1/customers/{id}/merge", "POST /v1/customers/{id}/mail-again", "GET /v1/customers/new", "GET /v1/hours", "GET /v1/hours/export",
	"GET /v1/hours/working-time", "GET /v1/hours/working-time/export",
	"GET /v1/places", "POST /v1/places/aliases", "DELETE /v1/places/aliases", "GET /v1/travel/gaps", "POST /v1/travel/gaps",
	"GET /v1/archive-configs/{id}/rules", "PUT /v1/archive-configs/{id}/rules", "POST /v1/archive-configs/{id}/rules/try",
	"GET /v1/archive-configs/{id}/rules/suggestions",
	"GET /v1/runs", "GET /v1/runs/{id}", "GET /v1/runs/{id}/items", "GET /v1/runs/{id}/plan", "POST /v1/runs/{id}/cancel",
	"GET /v1/jobs", "GET /v1/jobs/health", "GET /v1/jobs/{id}", "PUT /v1/jobs/{id}", "DELETE /v1/jobs/{id}", "POST /v1/jobs/{id}/pause",
	"POST /v1/jobs/{id}/resume", "GET /v1/jobs/{id}/runs",
	"GET /v1/actions", "GET /v1/actions/{id}", "POST /v1/actions/{id}/dismiss",
	// With verdicts it is as POST /v1/decisions, of the config of an action.
	"POST /v1/actions/{id}/resolve",
	"GET /v1/notifications", "GET /v1/notifications/count", "POST /v1/notifications/{id}/read", "POST /v1/notifications/read",
	"POST /v1/uploads", "POST /v1/uploads/direct", "POST /v1/uploads/{id}/arrived", "POST /v1/imports",
	"GET /v1/backups", "GET /v1/backups/{id}", "GET /v1/backups/{id}/files/{name}", "POST /v1/backups/{id}/verify", "DELETE /v1/backups/{id}",
	"GET /v1/ledger/{config}/days/{date}", "GET /v1/ledger/{config}/history", "GET /v1/ledger/{config}/head",
	"GET /v1/ledger/{config}/proof", "GET /v1/ledger/{config}/stamp", "POST /v1/ledger/{config}/verify",
	"GET /v1/timesheets", "POST /v1/timesheets", "GET /v1/timesheets/{id}", "DELETE /v1/timesheets/{id}", "POST /v1/timesheets/{id}/approve",
	"POST /v1/timesheets/{id}/reopen", "POST /v1/timesheets/{id}/lock", "PUT /v1/timesheets/{id}/invoice", "GET /v1/timesheets/{id}/export",
	"POST /v1/timesheets/{id}/send",
	"GET /v1/audit", "GET /v1/audit/export", "POST /v1/audit/verify",
	"GET /v1/flags", "PUT /v1/flags/{name}",
	"GET /v1/tenants", "PUT /v1/tenants/{tenant}", "DELETE /v1/tenants/{tenant}",
	"GET /v1/users", "GET /v1/users/{object}", "POST /v1/users/{object}/disable", "POST /v1/users/{object}/enable", "PUT /v1/users/{object}/role",
	"DELETE /v1/users/{object}", "DELETE /v1/users/{object}/mail-returned", "POST /v1/users/{object}/mailboxes", "DELETE /v1/users/{object}/mailboxes/{mailbox}",
}

// office is a service of the matrix's owner, with a simulated Microsoft 365.
type office struct {
	*service
	sim       *graphsim.Server
	key       string
	boss      account.Principal
	calendars map[string]string // the default calendars of the mailboxes, by address
	made      int
}

func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{
		sim: graphsim.New(graphsim.Options{}), calendars: map[string]string{},
		boss: account.Principal{Tenant: homeTenant, Object: objects[tenantAdmin], Role: account.RoleAdmin},
	}
	for address, id := range mailboxIDs {
		check(t, o.sim.AddMailbox(graphsim.Mailbox{ID: id, Address: address}))
		list, err := o.sim.Calendars(address)
		check(t, err)
		o.calendars[address] = list[0].ID
		check(t, o.sim.LoadICS(address, "", strings.NewReader(week)))
	}
	remote := httptest.NewServer(o.sim)
	t.Cleanup(remote.Close)
	p, err := graph.New(graph.Options{BaseURL: remote.URL + "/v1.0", Token: "token", ForOwners: true})
	check(t, err)
	who := account.Principal{Tenant: homeTenant, Object: objects[owner], Name: "Owner", UserName: ownMailbox}
	o.key = who.Key()
	o.service = newService(t, func(s *service, services *Services) {
		s.mailboxes = func(user string) (calendar.Provider, error) { return p.For(services.Users.Reach(user)) }
		services.Authenticate = func(*http.Request) (account.Principal, error) { return who, nil }
	})
	o.do("GET", "/v1/me", nil).is(200)
	o.grant(teamMailbox)
	return o
}

func (o *office) grant(mailbox string) {
	o.t.Helper()
	_, err := o.services.Users.Grant(o.t.Context(), o.boss, objects[owner], mailbox)
	check(o.t, err)
}

func (o *office) revoke(mailbox string) {
	o.t.Helper()
	check(o.t, o.services.Users.RevokeGrant(o.t.Context(), o.boss, objects[owner], mailbox))
}

// stored stores a config of a mailbox's default calendar, as one that was stored before its mailbox was anybody's.
func (o *office) stored(source string) archive.Config {
	o.t.Helper()
	o.made++
	uri, err := calendar.ParseURI(source)
	check(o.t, err)
	c, err := o.services.Configs.Create(o.t.Context(), o.key, archive.Config{
		Name: fmt.Sprint("stored ", o.made), Source: uri, Archive: calendar.URI{Provider: "local", Account: "own", Calendar: fmt.Sprint("Stored ", o.made)},
		Timezone: "UTC", Purpose: archive.General, Overlaps: archive.Keep, OnDrift: archive.AskOnDrift, CreateCalendar: true,
	})
	check(o.t, err)
	return c
}

// partial stores a run of a config that ended with a failed item, so that it can be tried again.
func (o *office) partial(c archive.Config) string {
	o.t.Helper()
	o.made++
	day := calendar.DateOf(o.services.Clock(), time.UTC).AddDays(-8)
	r := &run.Run{
		ID: fmt.Sprintf("ID9%07d", o.made), User: o.key, Kind: run.Archive, Config: c.ID, From: day, To: day.AddDays(7), State: run.Queued,
		Progress: run.NewProgress("queued", 0, 0), Created: o.services.Clock(),
	}
	r, _, err := o.services.Runs.Create(o.t.Context(), r)
	check(o.t, err)
	failed := run.Item{Key: "k", Plan: json.RawMessage("{}"), Problem: &run.Problem{Code: "invalid", Detail: "refused"}}
	check(o.t, o.services.Runs.PutItems(o.t.Context(), r, []run.Item{failed}))
	r.Failed = 1
	check(o.t, o.services.Runs.Finish(o.t.Context(), r, run.Partial, o.services.Clock()))
	return r.ID
}

// ask asks a row's request about a mailbox, and carries out what it starts.
func (o *office) ask(pattern string, row mailboxRow, account, calendarID string) answer {
	o.t.Helper()
	method, path, _ := strings.Cut(strings.Split(pattern, ",")[0], " ")
	if row.path != "" {
		path = row.path
	}
	of := func(name string) string {
		return calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: name}.String()
	}
	has := func(name string) bool { return strings.Contains(path+row.body, name) }
	o.made++
	things := []string{
		"$uri", of("primary"), "$new", of(fmt.Sprint("New ", o.made)), "$account", account, "$id", calendarIDOf(of(calendarID)), "$n", fmt.Sprint(o.made),
	}
	if has("$config") || has("$run") || has("$job") {
		c := o.stored(of("primary"))
		things = append(things, "$config", c.ID)
		if has("$run") {
			things = append(things, "$run", o.partial(c))
		}
		if has("$job") {
			things = append(things, "$job", o.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", c.ID)).is(201).str("id"))
		}
	}
	if has("$local") {
		things = append(things, "$local", o.stored("local://own/calendars/Work").ID)
	}
	if has("$backup") {
		things = append(things, "$backup", o.backup(map[string]any{"calendar": "local://own/calendars/Work"}))
	}
	if has("$upload") {
		things = append(things, "$upload", o.do("POST", "/v1/uploads", week, sendFile...).is(201).str("id"))
	}
	fill := strings.NewReplacer(things...)
	var body any
	if row.body != "" {
		body = fill.Replace(row.body)
	}
	o.sim.ResetLog()
	path, query, _ := strings.Cut(path, "?")
	if path = fill.Replace(path); query != "" {
		for i := 1; i < len(things); i += 2 {
			things[i] = strings.NewReplacer(":", "%3A", "/", "%2F", "@", "%40", "%", "%25", " ", "%20").Replace(things[i])
		}
		path += "?" + strings.NewReplacer(things...).Replace(query)
	}
	a := o.do(method, path, body, row.header...)
	o.work()
	return a
}

// asked are the mailboxes that Microsoft 365 was asked for, as the paths name them.
func (o *office) asked() (mailboxes []string) {
	named := regexp.MustCompile(`/users/([^/]+)/`)
	for _, e := range o.sim.Log() {
		for _, one := range append([]graphsim.Entry{e}, e.Sub...) {
			path, err := url.PathUnescape(one.Path)
			check(o.t, err)
			if m := named.FindStringSubmatch(path); m != nil && !slices.Contains(mailboxes, m[1]) {
				mailboxes = append(mailboxes, m[1])
			}
		}
	}
	return mailboxes
}

// failed demands that the run which an answer names failed because its mailbox is none of the user's.
func (o *office) failed(id string) {
	o.t.Helper()
	a := o.do("GET", "/v1/runs/"+id, nil).is(200)
	if a.str("state") != "failed" || a.str("problem.code") != "not_found" || !strings.HasSuffix(a.str("problem.detail"), noSuchMailbox) {
		o.t.Errorf("the run is %s", a.body)
	}
	if asked := o.asked(); len(asked) > 0 {
		o.t.Errorf("it asked for %v", asked)
	}
}

// TestWhoMayDoWhatInWhichMailbox is the matrix's column of mailboxes: it asks every route that takes or implies a calendar about the user's own mailbox
// and one that was granted, by each of their names, and about those of others, of other tenants and of nobody. The last three are one answer.
func TestWhoMayDoWhatInWhichMailbox(t *testing.T) {
	t.Run("every route says whether it reaches mailboxes", func(t *testing.T) {
		reaching := map[string]bool{}
		for pattern := range mailboxRows {
			reaching[strings.Split(pattern, ",")[0]] = true
		}
		for pattern := range newService(t).declared {
			if _, ok := matrix[pattern]; ok && reaching[pattern] == slices.Contains(noMailbox, pattern) {
				t.Errorf("%s belongs into mailboxRows or into noMailbox", pattern)
			}
		}
	})
	t.Run("nothing here asks for a provider but what looks whose mailbox it is", func(t *testing.T) {
		found := 0
		files, err := filepath.Glob("*.go")
		check(t, err)
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || !strings.HasSuffix(file, "_test.go") {
				check(t, err)
				found += strings.Count(string(text), ".Provider(")
			}
		}
		if found != 1 {
			t.Errorf("%d places do", found)
		}
	})
	for _, pattern := range slices.Sorted(maps.Keys(mailboxRows)) {
		row := mailboxRows[pattern]
		t.Run(pattern, func(t *testing.T) {
			o := openOffice(t)
			o.calendar("local://own/calendars/Work")
			if strings.Contains(row.body, "$backup") {
				o.backup(map[string]any{"calendar": "local://own/calendars/Work"})
			}
			for name, mailbox := range reached {
				a := o.ask(pattern, row, name, o.calendars[mailbox])
				if a.StatusCode != row.want {
					t.Errorf("%s: answered %d, want %d: %s", name, a.StatusCode, row.want, a.body)
				}
				id := mailboxIDs[mailbox]
				if mailbox == teamMailbox {
					id = teamMailbox // by the name that was granted
				}
				if asked := o.asked(); !slices.Contains(asked, id) && !row.quiet && !row.stores || slices.ContainsFunc(asked, func(m string) bool {
					return m != objects[owner] && m != teamMailbox
				}) {
					t.Errorf("%s: asked for %v, want %s", name, asked, id)
				}
			}
			first := ""
			for _, name := range refused {
				a := o.ask(pattern, row, name, o.calendars[othersMailbox])
				asked := o.asked()
				if row.quiet { // configs about the user's own mailboxes are there, too
					asked = slices.DeleteFunc(asked, func(m string) bool { return m == objects[owner] || m == teamMailbox })
				}
				if len(asked) > 0 {
					t.Errorf("%s: asked for %v", name, asked)
				}
				switch {
				case row.later || row.quiet:
					if a.is(row.want); row.later {
						o.failed(a.str("id"))
					}
					continue
				}
				a.problem(404, "not_found", "")
				if text := fmt.Sprint(a.StatusCode, a.str("title"), a.str("detail"), a.str("code")); first == "" {
					first = text
				} else if text != first || a.str("detail") != noSuchMailbox {
					t.Errorf("%s can be told from what is not there:\n%s\n%s", name, text, first)
				}
			}
		})
	}
}

// TestARevokedMailboxIsReachedByNothing stores what reaches a granted mailbox, has the grant revoked, and carries it out.
func TestARevokedMailboxIsReachedByNothing(t *testing.T) {
	const team = "msgraph://" + teamMailbox + "/calendars/"
	started := map[string]func(o *office, c archive.Config) string{
		"a run that waits": func(o *office, c archive.Config) string {
			return o.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": c.ID, "period": "last week"}).is(202).str("id")
		},
		"a dry run": func(o *office, c archive.Config) string {
			return o.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": c.ID, "period": "last week", "dry_run": true}).is(202).str("id")
		},
		"a retry": func(o *office, c archive.Config) string {
			return o.do("POST", "/v1/runs/"+o.partial(c)+"/retry", nil).is(202).str("id")
		},
		"a job": func(o *office, c archive.Config) string {
			id := o.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", c.ID)).is(201).str("id")
			return o.do("POST", "/v1/jobs/"+id+"/trigger", nil).is(202).str("id")
		},
		"a backup": func(o *office, _ archive.Config) string {
			return o.do("POST", "/v1/backups", map[string]any{"calendar": team + "primary"}).is(202).str("id")
		},
		"a drill": func(o *office, c archive.Config) string {
			o.backup(map[string]any{"config": c.ID})
			return o.do("POST", "/v1/backups/drills", map[string]any{"config": c.ID}).is(202).str("id")
		},
		"a restore of the mailbox's own backup": func(o *office, c archive.Config) string {
			backup := o.backup(map[string]any{"config": c.ID})
			return o.do("POST", "/v1/restores", map[string]any{"backup": backup, "into": team + "primary"}).is(202).str("id")
		},
		"a restore into a calendar that it would make": func(o *office, c archive.Config) string {
			backup := o.backup(map[string]any{"config": c.ID})
			return o.do("POST", "/v1/restores", map[string]any{"backup": backup, "into": team + "New", "create_calendar": true}).is(202).str("id")
		},
	}
	for name, start := range started {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t)
			id := start(o, o.stored(team+"primary"))
			o.revoke(teamMailbox)
			o.sim.ResetLog()
			o.work()
			o.failed(id)
		})
		t.Run(name+", granted again", func(t *testing.T) {
			o := openOffice(t)
			o.revoke(teamMailbox)
			o.grant(teamMailbox)
			id := start(o, o.stored(team+"primary"))
			o.sim.ResetLog()
			o.work()
			if a := o.do("GET", "/v1/runs/"+id, nil).is(200); a.str("state") != "succeeded" || !slices.Equal(o.asked(), []string{teamMailbox}) {
				t.Errorf("asked for %v; the run is %s", o.asked(), a.body)
			}
		})
	}
	t.Run("a job of every night", func(t *testing.T) {
		o := openOffice(t)
		c := o.stored(team + "primary")
		o.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", c.ID)).is(201)
		o.revoke(teamMailbox)
		o.tick(24 * time.Hour)
		o.sim.ResetLog()
		o.work()
		runs := o.do("GET", "/v1/runs", nil).is(200).items()
		if len(runs) != 1 {
			t.Fatalf("runs: %v", runs)
		}
		o.failed(fmt.Sprint(object(runs[0])["id"]))
	})
	t.Run("its config can still be renamed and deactivated, and nothing new be said about it", func(t *testing.T) {
		o := openOffice(t)
		c := o.stored(team + "primary")
		o.revoke(teamMailbox)
		body := map[string]any{"name": "Renamed", "source": c.Source.String(), "archive": c.Archive.String(), "timezone": "UTC"}
		o.do("PUT", "/v1/archive-configs/"+c.ID, body, matching...).is(200)
		body["archive"] = team + "Other"
		o.do("PUT", "/v1/archive-configs/"+c.ID, body, matching...).problem(404, "not_found", "")
		o.do("POST", "/v1/archive-configs/"+c.ID+"/deactivate", nil).is(200)
	})
}

// TestGrantsOfMailboxes is the administration of grants.
func TestGrantsOfMailboxes(t *testing.T) {
	s := newService(t, func(_ *service, services *Services) {
		services.Authenticate = func(r *http.Request) (account.Principal, error) {
			p := account.Principal{Tenant: "local", Object: "ana", Name: "Ana", UserName: "ana@example.com"}
			if r.Header.Get(headerUser) == "boss" {
				p = account.Principal{Tenant: "local", Object: "boss", Role: account.RoleAdmin}
			}
			return p, nil
		}
	})
	s.do("GET", "/v1/me", nil).is(200)
	boss := []string{headerUser, "boss"}
	const grants = "/v1/users/ana/mailboxes"
	made := s.do("POST", grants, map[string]any{"mailbox": " Team@Example.com"}, append(boss, headerIdempotency, "1")...).is(201)
	if made.str("mailbox") != "team@example.com" || made.str("by") != "boss" || made.str("at") != today ||
		made.Header.Get("Location") != grants+"/team@example.com" {
		t.Errorf("made %v %s", made.Header, made.body)
	}
	again := s.do("POST", grants, map[string]any{"mailbox": " Team@Example.com"}, append(boss, headerIdempotency, "1")...).is(201)
	if string(again.body) != string(made.body) {
		t.Errorf("again: %s", again.body)
	}
	s.do("POST", grants, map[string]any{"mailbox": "nobody"}, boss...).problem(422, "invalid", "mailbox")
	s.do("POST", grants, map[string]any{"mailbox": "team@example.com", "by": "ana"}, boss...).problem(422, "invalid", "by")
	s.do("POST", grants, map[string]any{}, boss...).problem(422, "invalid", "mailbox")
	s.do("POST", grants, map[string]any{"mailbox": "ANA@example.com"}, boss...).problem(409, "conflict", "")
	s.do("POST", grants, map[string]any{"mailbox": "mine@example.com"}).problem(403, "forbidden", "")
	shown := s.do("GET", "/v1/users/ana", nil, boss...).is(200)
	if list := object(shown.json)["mailboxes"].([]any); len(list) != 1 || object(list[0])["mailbox"] != "team@example.com" || object(list[0])["by"] != "boss" {
		t.Errorf("shown: %s", shown.body)
	}
	own := func() string {
		return fmt.Sprint(object(s.do("GET", "/v1/me", nil).is(200).json)["mailboxes"])
	}
	if got := own(); got != "[team@example.com]" {
		t.Errorf("the user sees %s", got)
	}
	s.do("DELETE", grants+"/TEAM@example.com", nil, boss...).is(204)
	s.do("DELETE", grants+"/team@example.com", nil, boss...).problem(404, "not_found", "")
	if got := own(); got != "[]" {
		t.Errorf("the user sees %s", got)
	}
	var told []string
	var hashes []any
	for _, r := range s.do("GET", "/v1/audit?resource_kind=mailbox", nil).is(200).items() {
		told = append(told, fmt.Sprint(object(r)["action"], " ", object(r)["actor"]))
		hashes = append(hashes, object(r)["resource"])
	}
	if want := []string{"mailbox.revoke local#boss", "mailbox.grant local#boss"}; !slices.Equal(told, want) || hashes[0] != hashes[1] {
		t.Errorf("the user's log: %v %v", told, hashes)
	}
	log, err := json.Marshal(s.do("GET", "/v1/audit?action=user", nil, boss...).is(200).json)
	check(t, err)
	if text := string(log); !strings.Contains(text, `"user.grant"`) || !strings.Contains(text, `"user.revoke"`) || strings.Contains(text, "example.com") {
		t.Errorf("the administrator's log: %s", text)
	}
}
