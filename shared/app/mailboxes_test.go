package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

const (
	homeTenant   = "11111111-1111-4111-8111-111111111111"
	abroadTenant = "22222222-2222-4222-8222-222222222222"
	annObject    = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	eveObject    = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"
	teamObject   = "99999999-9999-4999-8999-999999999999"
)

// deployed is the system as it is deployed for two tenants, with an application that reaches all their mailboxes.
type deployed struct {
	*one
	sim    *graphsim.Server
	signIn *graphsim.SignIn
	now    *time.Time
	who    account.Principal // who asks
}

var (
	annAtHome = account.Principal{Tenant: homeTenant, Object: annObject, Name: "Ann", UserName: "ann@home.example"}
	eveAbroad = account.Principal{Tenant: abroadTenant, Object: eveObject, Name: "Eve", UserName: "eve@abroad.example"}
	bossOf    = func(tenant string) account.Principal {
		return account.Principal{Tenant: tenant, Object: "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb", Role: account.RoleAdmin}
	}
)

func deploy(t *testing.T) *deployed {
	t.Helper()
	now := time.Date(2026, 10, 20, 6, 0, 0, 0, time.UTC)
	d := &deployed{one: openOneAt(t, func() time.Time { return now }), sim: graphsim.New(graphsim.Options{}), signIn: &graphsim.SignIn{}, now: &now}
	for _, m := range []graphsim.Mailbox{
		{ID: annObject, Address: "ann@home.example", Tenant: homeTenant}, {ID: teamObject, Address: "team@home.example", Tenant: homeTenant},
		{ID: eveObject, Address: "eve@abroad.example", Tenant: abroadTenant},
	} {
		must(t, d.sim.AddMailbox(m))
	}
	remote := httptest.NewServer(d.sim)
	t.Cleanup(remote.Close)
	t.Cleanup(func() { d.sim.AssertNobodyInvited(t) })
	d.settings.GraphURL, d.settings.GraphClient, d.settings.GraphSecret = remote.URL+"/v1.0", "cccccccc-cccc-4ccc-8ccc-cccccccccccc", "secret"
	d.settings.GraphTenant = abroadTenant // which is not ann's
	d.network = d.signIn
	d.connect(fromSettings(d.settings))
	d.api = d.system.api(func(*http.Request) (account.Principal, error) { return d.who, nil })
	for _, p := range []account.Principal{annAtHome, eveAbroad, bossOf(homeTenant), bossOf(abroadTenant)} {
		d.asks(p, "GET", "/v1/me", "", 200)
	}
	return d
}

// asks sends a request of a user and demands a status.
func (d *deployed) asks(who account.Principal, method, path, body string, status int) map[string]any {
	d.t.Helper()
	d.who = who
	got, v := d.ask(method, path, body)
	if got != status {
		d.t.Fatalf("%s %s: %d %v, want %d", method, path, got, v, status)
	}
	return v
}

// events puts a series into a mailbox's default calendar, of as many days.
func (d *deployed) events(address string, days int) {
	d.t.Helper()
	must(d.t, d.sim.LoadICS(address, "", strings.NewReader(strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//test//EN", "BEGIN:VEVENT", "UID:daily", "DTSTAMP:20261001T000000Z", "SUMMARY:Review",
		"DTSTART:20260901T080000Z", "DTEND:20260901T083000Z", fmt.Sprint("RRULE:FREQ=DAILY;COUNT=", days), "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n"))))
}

// ran carries out all that waits and demands how a run ended.
func (d *deployed) ran(who account.Principal, id string, state run.State) *run.Run {
	d.t.Helper()
	d.work()
	r, err := d.runs.Get(d.t.Context(), who.Key(), id)
	must(d.t, err)
	if r.State != state {
		d.t.Fatalf("the run is %s: %+v", r.State, r.Problem)
	}
	return r
}

func configBody(name, source, archive string) string {
	return fmt.Sprintf(`{"name": %q, "source": %q, "archive": %q, "timezone": "UTC", "overlaps": "keep"}`, name, source, archive)
}

// TestMailboxesBelongToUsers has users of two tenants archive their mailboxes with one application, and reach for each other's.
func TestMailboxesBelongToUsers(t *testing.T) {
	d := deploy(t)
	d.events("ann@home.example", 60)
	d.events("eve@abroad.example", 60)
	d.events("team@home.example", 60)
	archived := func(who account.Principal, mailbox string) {
		t.Helper()
		c := d.asks(who, "POST", "/v1/archive-configs",
			configBody("of "+mailbox, "msgraph://"+mailbox+"/calendars/primary", "msgraph://"+mailbox+"/calendars/Archive"), 201)["id"]
		r := d.asks(who, "POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "last 3 days"}`, c), 202)["id"]
		d.ran(who, fmt.Sprint(r), run.Succeeded)
	}
	from := func() (entries []graphsim.Entry) {
		for _, e := range d.sim.Log() {
			if entries = append(entries, e.Sub...); len(e.Sub) == 0 {
				entries = append(entries, e)
			}
		}
		return entries
	}
	t.Run("each is asked in the user's own tenant, for the user's own object id", func(t *testing.T) {
		for _, u := range []struct {
			who     account.Principal
			mailbox string
		}{{annAtHome, "ann@home.example"}, {eveAbroad, "me"}} {
			d.sim.ResetLog()
			archived(u.who, u.mailbox)
			for _, e := range from() {
				if e.Tenant != u.who.Tenant || !strings.Contains(e.Path, "/users/"+u.who.Object+"/") {
					t.Errorf("%s: %s in tenant %s", u.mailbox, e.Path, e.Tenant)
				}
			}
			if len(from()) == 0 {
				t.Error("nothing was asked")
			}
		}
		if got := d.signIn.Tenants(); !slices.Equal(got, []string{homeTenant, abroadTenant}) {
			t.Errorf("tokens were asked for at %v", got)
		}
	})
	t.Run("nobody reaches another's", func(t *testing.T) {
		d.sim.ResetLog()
		for _, of := range []string{"eve@abroad.example", eveObject, "team@home.example", teamObject, "nobody@home.example"} {
			v := d.asks(annAtHome, "GET", "/v1/calendars?provider=msgraph&account="+url.QueryEscape(of), "", 404)
			if v["detail"] != calendar.ErrNoMailbox.Error() {
				t.Errorf("%s: %v", of, v)
			}
		}
		if log := from(); len(log) > 0 {
			t.Errorf("%d requests", len(log))
		}
	})
	t.Run("an administrator grants a mailbox of the own tenant alone", func(t *testing.T) {
		grant := func(by account.Principal, object, mailbox string, status int) {
			t.Helper()
			d.asks(by, "POST", "/v1/users/"+object+"/mailboxes", fmt.Sprintf(`{"mailbox": %q}`, mailbox), status)
		}
		grant(bossOf(homeTenant), annObject, "team@home.example", 201)
		archived(annAtHome, "team@home.example")
		grant(bossOf(homeTenant), eveObject, "team@home.example", 404)
		grant(bossOf(abroadTenant), annObject, "eve@abroad.example", 404)
		grant(bossOf(abroadTenant), eveObject, "ann@home.example", 201) // it is looked for abroad, where it is not
		d.sim.ResetLog()
		v := d.asks(eveAbroad, "GET", "/v1/calendars?provider=msgraph&account=ann%40home.example", "", 404)
		if log := from(); v["detail"] != calendar.ErrNoMailbox.Error() || len(log) != 1 || log[0].Tenant != abroadTenant {
			t.Errorf("%v; asked %+v", v, log)
		}
	})
	t.Run("what was granted to a user goes with the user's data", func(t *testing.T) {
		d.asks(bossOf(homeTenant), "DELETE", "/v1/users/"+annObject, "", 202)
		*d.now = d.now.Add(17 * time.Minute)
		d.asks(bossOf(homeTenant), "DELETE", "/v1/users/"+annObject, "", 200)
		*d.now = d.now.Add(2 * time.Minute)
		d.asks(annAtHome, "GET", "/v1/me", "", 200)
		d.asks(annAtHome, "GET", "/v1/calendars?provider=msgraph&account=team%40home.example", "", 404)
		d.asks(annAtHome, "GET", "/v1/calendars?provider=msgraph&account=me", "", 200)
	})
}

// TestAnUnchangedNightInOutlookAsksTwiceAndTheStoreTenTimes counts what a night of each name of a mailbox costs.
func TestAnUnchangedNightInOutlookAsksTwiceAndTheStoreTenTimes(t *testing.T) {
	for name, mailbox := range map[string][2]string{
		"me":                      {"me", "me"},
		"the object id":           {annObject, annObject},
		"the address":             {"ann@home.example", "ann@home.example"},
		"two names of one":        {"ANN@home.example", "me"},
		"a mailbox that is given": {"team@home.example", "team@home.example"},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			d.asks(bossOf(homeTenant), "POST", "/v1/users/"+annObject+"/mailboxes", `{"mailbox": "team@home.example"}`, 201)
			d.events("ann@home.example", 60)
			d.events("team@home.example", 60)
			d.asks(annAtHome, "POST", "/v1/archive-configs",
				configBody("work", "msgraph://"+mailbox[0]+"/calendars/primary", "msgraph://"+mailbox[1]+"/calendars/Archive"), 201)
			job := d.asks(annAtHome, "POST", "/v1/jobs",
				`{"config": "work", "kind": "archive", "schedule": {"repeat": "daily", "at": "02:30", "zone": "UTC"}, "window": {"days": 30}}`, 201)["id"]
			night := func() (requests int, counts map[string]any) {
				*d.now = d.now.Add(time.Minute)
				id := fmt.Sprint(d.asks(annAtHome, "POST", fmt.Sprintf("/v1/jobs/%s/trigger", job), "", 202)["id"])
				messages, err := d.archives.Receive(t.Context(), 1, time.Minute, 0)
				must(t, err)
				counter := &store.Counter{Table: d.table}
				y := &system{
					settings: d.settings, log: d.log, clock: d.clock, table: counter, blobs: d.blobs, archives: d.archives, backups: d.backups,
					notices: d.notices, network: d.network, keeper: d.keeper,
				}
				y.connect(fromSettings(d.settings))
				d.sim.ResetLog()
				must(t, y.worker(run.ArchiveQueue, time.Second, time.Minute).Handle(t.Context(), messages[0]))
				r := d.ran(annAtHome, id, run.Succeeded)
				var result struct{ Counts map[string]any }
				must(t, json.Unmarshal(r.Result, &result))
				return counter.Requests(), result.Counts
			}
			night()
			requests, counts := night()
			if log := d.sim.Log(); counts["unchanged"] != 30. || len(log) != 2 || requests > 10 {
				t.Errorf("%d requests to Microsoft 365 and %d to the store for %v", len(log), requests, counts)
			}
		})
	}
}

// TestWhatWasStoredByAnAddressGoesOn carries out a run of a user who has asked for nothing since names of mailboxes are kept.
func TestWhatWasStoredByAnAddressGoesOn(t *testing.T) {
	d := deploy(t)
	d.events("ann@home.example", 60)
	c := d.asks(annAtHome, "POST", "/v1/archive-configs",
		configBody("work", "msgraph://ann@home.example/calendars/primary", "msgraph://Ann@home.example/calendars/Archive"), 201)["id"]
	job := d.asks(annAtHome, "POST", "/v1/jobs", fmt.Sprintf(
		`{"config": %q, "kind": "archive", "schedule": {"repeat": "daily", "at": "02:30", "zone": "UTC"}}`, c), 201)["id"]
	forgotten := store.OfUser(annAtHome.Key(), "PROFILE")
	item, err := d.table.Get(t.Context(), forgotten)
	must(t, err)
	item.Data = []byte(strings.Replace(string(item.Data), `"user_name":"ann@home.example",`, "", 1))
	_, err = d.table.Put(t.Context(), item, store.Any())
	must(t, err)
	nameless := annAtHome
	nameless.UserName = "" // as the session of a browser
	*d.now = d.now.Add(time.Minute)
	id := d.asks(nameless, "POST", fmt.Sprintf("/v1/jobs/%s/trigger", job), "", 202)["id"]
	d.sim.ResetLog()
	d.ran(annAtHome, fmt.Sprint(id), run.Succeeded)
	for _, e := range d.sim.Log() {
		if !strings.HasSuffix(e.Path, "/$batch") && !strings.Contains(e.Path, "/users/"+annObject+"/") {
			t.Errorf("asked for %s", e.Path)
		}
	}
	d.asks(nameless, "GET", "/v1/calendars?provider=msgraph&account=team%40home.example", "", 404)
}

// TestTheNamesOfAMailboxAreOneMailbox stores and runs what must not meet in one calendar, each under another name of the mailbox.
func TestTheNamesOfAMailboxAreOneMailbox(t *testing.T) {
	const address, me, byID = "msgraph://ann@home.example/calendars/", "msgraph://me/calendars/", "msgraph://" + annObject + "/calendars/"
	t.Run("a config is refused another's archive, and its own source", func(t *testing.T) {
		d := deploy(t)
		d.asks(annAtHome, "POST", "/v1/calendars", `{"uri": "`+me+`Archive"}`, 201)
		d.asks(annAtHome, "POST", "/v1/archive-configs", configBody("first", address+"primary", address+"Archive"), 201)
		for _, under := range []string{me, byID, address} {
			d.asks(annAtHome, "POST", "/v1/archive-configs", configBody("second", "local://x/calendars/Work", under+"archive"), 409)
			d.asks(annAtHome, "POST", "/v1/archive-configs", configBody("second", address+"primary", under+"Calendar"), 422)
		}
	})
	stored := func(d *deployed, name, source, to string) archive.Config {
		t.Helper()
		parse := func(text string) calendar.URI {
			uri, err := calendar.ParseURI(text)
			must(t, err)
			return uri
		}
		c, err := d.configs.Create(t.Context(), annAtHome.Key(), archive.Config{ // which compares spellings alone
			Name: name, Source: parse(source), Archive: parse(to), Timezone: "UTC", Purpose: archive.General, Overlaps: archive.Keep,
			OnDrift: archive.AskOnDrift, CreateCalendar: true,
		})
		must(t, err)
		return c
	}
	runs := func(d *deployed, c archive.Config) string {
		return fmt.Sprint(d.asks(annAtHome, "POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "last 3 days"}`, c.ID), 202)["id"])
	}
	t.Run("a run writes no other config's archive, however that one names it", func(t *testing.T) {
		d := deploy(t)
		d.asks(bossOf(homeTenant), "POST", "/v1/users/"+annObject+"/mailboxes", `{"mailbox": "team@home.example"}`, 201)
		d.asks(bossOf(homeTenant), "POST", "/v1/users/"+annObject+"/mailboxes", `{"mailbox": "`+teamObject+`"}`, 201)
		d.events("ann@home.example", 60)
		for i, pair := range [][2]string{
			{address + "Archive", me + "Archive"}, {byID + "Second", address + "second"},
			{"msgraph://team@home.example/calendars/Archive", "msgraph://" + teamObject + "/calendars/Archive"},
		} {
			_, err := d.providerOf(pair[0]).CreateCalendar(t.Context(), mustURI(t, pair[0]))
			must(t, err)
			stored(d, fmt.Sprint("theirs ", i), "local://x/calendars/Work", pair[0])
			r := d.ran(annAtHome, runs(d, stored(d, fmt.Sprint("mine ", i), address+"primary", pair[1])), run.Failed)
			if r.Problem.Code != "conflict" || !strings.Contains(r.Problem.Detail, fmt.Sprintf("the archive of config %q", fmt.Sprint("theirs ", i))) {
				t.Errorf("%v: %+v", pair, r.Problem)
			}
		}
	})
	t.Run("a restore writes no config's archive, however it is named", func(t *testing.T) {
		d := deploy(t)
		d.events("ann@home.example", 60)
		backup := fmt.Sprint(d.asks(annAtHome, "POST", "/v1/backups", `{"calendar": "`+address+`primary"}`, 202)["id"])
		d.ran(annAtHome, backup, run.Succeeded)
		stored(d, "there", "local://x/calendars/Work", address+"There")
		stored(d, "to be", "local://x/calendars/Work", address+"To be")
		for _, mailbox := range []string{"team@home.example", teamObject} { // one mailbox, of which nobody here knows that
			d.asks(bossOf(homeTenant), "POST", "/v1/users/"+annObject+"/mailboxes", `{"mailbox": "`+mailbox+`"}`, 201)
		}
		const team, teamByID = "msgraph://team@home.example/calendars/", "msgraph://" + teamObject + "/calendars/"
		stored(d, "of the team", "local://x/calendars/Work", teamByID+"There")
		d.asks(annAtHome, "POST", "/v1/calendars", `{"uri": "`+team+`There"}`, 201)
		d.asks(annAtHome, "POST", "/v1/calendars", `{"uri": "`+me+`There"}`, 201)
		for _, into := range []string{me + "There", byID + "There", me + "To%20be", byID + "to%20be", team + "There"} {
			id := d.asks(annAtHome, "POST", "/v1/restores", fmt.Sprintf(`{"backup": %q, "into": %q, "create_calendar": true}`, backup, into), 202)["id"]
			if r := d.ran(annAtHome, fmt.Sprint(id), run.Failed); r.Problem.Code != "conflict" || !strings.Contains(r.Problem.Detail, "the archive of one") {
				t.Errorf("%s: %+v", into, r.Problem)
			}
		}
	})
	t.Run("a drill finds the newest backup under any name, and older ones of the name that was given", func(t *testing.T) {
		d := deploy(t)
		d.events("ann@home.example", 60)
		backup := fmt.Sprint(d.asks(annAtHome, "POST", "/v1/backups", `{"calendar": "`+address+`primary"}`, 202)["id"])
		d.ran(annAtHome, backup, run.Succeeded)
		for _, under := range []string{me, byID, address} {
			*d.now = d.now.Add(time.Minute)
			drill := d.asks(annAtHome, "POST", "/v1/backups/drills", `{"calendar": "`+under+`primary"}`, 202)["id"]
			d.ran(annAtHome, fmt.Sprint(drill), run.Succeeded)
		}
	})
	t.Run("who would make a calendar waits for whoever makes it, under whatever name", func(t *testing.T) {
		d := deploy(t)
		d.events("ann@home.example", 60)
		backup := fmt.Sprint(d.asks(annAtHome, "POST", "/v1/backups", `{"calendar": "`+address+`primary"}`, 202)["id"])
		d.ran(annAtHome, backup, run.Succeeded)
		lease := run.LeaseKey(run.LeaseName(annAtHome.Key(), mustURI(t, byID+"Made"), ""))
		held := fmt.Appendf(nil, `{"holder": "another", "until": %q}`, d.now.Add(time.Hour).Format(time.RFC3339))
		_, err := d.table.Put(t.Context(), store.Item{Key: lease, Data: held}, store.Any())
		must(t, err)
		waits := func(id any) {
			t.Helper()
			_ = d.worked() // it goes back to its queue
			if r, err := d.runs.Get(t.Context(), annAtHome.Key(), fmt.Sprint(id)); err != nil || r.State != run.Queued {
				t.Errorf("%s of %s: %s %+v, %v", r.Kind, r.Config+r.Calendar, r.State, r.Problem, err)
			}
		}
		for _, under := range []string{address, me, byID} {
			waits(d.asks(annAtHome, "POST", "/v1/restores", fmt.Sprintf(`{"backup": %q, "into": %q, "create_calendar": true}`, backup, under+"Made"), 202)["id"])
		}
		for _, under := range []string{address, me, byID} {
			waits(runs(d, stored(d, "in "+under, address+"primary", under+"Made")))
		}
	})
}

func mustURI(t *testing.T, text string) calendar.URI {
	t.Helper()
	uri, err := calendar.ParseURI(text)
	must(t, err)
	return uri
}

// providerOf is ann's provider of a calendar URI.
func (d *deployed) providerOf(text string) calendar.Provider {
	d.t.Helper()
	p, err := d.providers.of(d.t.Context(), annAtHome.Key(), mustURI(d.t, text))
	must(d.t, err)
	return p
}
