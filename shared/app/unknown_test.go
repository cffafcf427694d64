package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
)

// A kind of record that is read and written again says keeps; any other says why nothing is kept of it.
const (
	keeps       = ""
	writtenOnce = "it is written once"
	word        = "it has no members"
)

// kindsOfRecords are all that there are; see kindOf.
var kindsOfRecords = map[string]string{
	"ACTIVE":           word,
	"ADDRESS RETURNED": keeps,
	"ANCHOR HEAD":      "a later head of a day takes the place of the earlier one",
	"ANCHORED entry":   writtenOnce,
	"ANCHORS STATE":    keeps,
	"ANCHORS TOKEN":    writtenOnce,
	"AUDIT HEAD":       keeps,
	"AUDIT entry":      keeps,
	"BASELINE entry":   "a verification reads anew what copies show, and what it read takes the place of what was read before",
	"CAL CALENDAR":     writtenOnce,
	"CAL DELETING":     keeps, // what the CALENDAR was
	"CAL NAME":         word,
	"CAL PRIMARY":      word,
	"EVENTS AT":        keeps,
	"EVENTS LONG":      keeps,
	"EVENTS SERIES":    keeps,
	"EVENTS ZONE":      writtenOnce,
	"FLAGS FLAGS":      keeps,
	"IDEMPOTENCY":      "the answer to a request takes the place of the note that it is under way, and neither has anything of the other",
	"KEYS ID":          keeps,
	"KEYS MARK":        writtenOnce,
	"LEASE LEASE":      keeps,
	"LEDGER CHAIN":     writtenOnce,
	"LEDGER HEAD":      sealed,
	"LEDGER KEY":       keeps,
	"LEDGER entry":     sealed,
	"LIMIT":            keeps,
	"LOGIN":            writtenOnce,
	"RUN ITEM":         "whoever begins a run anew knows nothing of its items, and tells them anew",
	"RUN RESTORE":      keeps,
	"SESSION SESSION":  keeps,
	"SIGNING KEY":      writtenOnce,
	"TENANTS TENANT":   keeps,
	"USER ACCOUNT":     word,
	"USER ACTION":      keeps,
	"USER ACTIONASKS":  word,
	"USER ACTIONCOPY":  writtenOnce,
	"USER ACTIONOF":    keeps,
	"USER ACTIONOPEN":  writtenOnce,
	"USER BACKUP":      keeps,
	"USER CATEGORIES":  keeps,
	"USER CONFIG":      keeps,
	"USER CONFIGFOUND": "a run that finds the calendars otherwise notes them anew",
	"USER CONFIGNAME":  word,
	"USER CONFIGS":     keeps,
	"USER CUSTOMER":    keeps,
	"USER CUSTOMERS":   keeps,
	"USER DIGEST":      "when it is due follows from the settings alone",
	"USER JOB":         keeps,
	"USER MAILBOXES":   keeps,
	"USER JOBS":        keeps,
	"USER LISTING":     keeps,
	"USER NOTE":        keeps,
	"USER PLACES":      keeps,
	"USER PROFILE":     keeps,
	"USER RESTORING":   keeps,
	"USER RUN":         keeps,
	"USER SCRATCH":     keeps,
	"USER SECRET":      keeps,
	"USER SHEET":       keeps,
	"USER SHEETS":      keeps,
	"USER SESSIONS":    "its version is all that it says, and one write that reads nothing has to end the sessions of a user",
	"USER UPLOAD":      writtenOnce,
	"USER UPLOADS":     keeps,
}

// sealed records keep what a newer version put into them. It is under that version's seal, so that it cannot be put there from outside; the
// ledger's own test does it as that version would.
const sealed = "TestWhatANewerVersionPutIntoALedgerIsSealedWithIt"

// kindOf names the kind of the record at a key by what its parts begin with.
func kindOf(key store.Key) string {
	pk, _, _ := strings.Cut(key.PK, "#")
	sk, _, _ := strings.Cut(key.SK, "#")
	switch {
	case slices.Contains([]string{"ACTIVE", "IDEMPOTENCY", "LIMIT", "LOGIN"}, pk):
		return pk
	case strings.ContainsAny(sk[:1], "0123456789"):
		return pk + " entry"
	}
	return pk + " " + sk
}

// opaque are members that hold what this program does not look into, or names that a user or the program chose.
var opaqueMembers = []string{"input", "result", "plan", "blobs", "details", "header", "flags"}

const plantedName = "of_a_newer_version"

var plantedValue = []byte(`{"number":12345678901234567890123,"list":[{"text":"<a> & \"b\""},null]}`)

// withPlants puts a member that this program does not know into every object of a document.
func withPlants(t *testing.T, document []byte) []byte {
	t.Helper()
	var plant func(v any) any
	plant = func(v any) any {
		switch v := v.(type) {
		case []any:
			for i := range v {
				v[i] = plant(v[i])
			}
		case map[string]any:
			for name := range v {
				if !slices.Contains(opaqueMembers, name) && name != plantedName {
					v[name] = plant(v[name])
				}
			}
			v[plantedName] = json.RawMessage(plantedValue)
		}
		return v
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	must(t, enc.Encode(plant(parsed(t, document))))
	return bytes.TrimSpace(b.Bytes())
}

// parsed is a document with its numbers as they are written.
func parsed(t *testing.T, document []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	must(t, d.Decode(&v))
	return v
}

// lost tells in which objects of a document, by their paths, what was planted is no longer there, although the objects are.
func lost(path string, was, is any) (paths []string) {
	switch was := was.(type) {
	case []any:
		is, _ := is.([]any)
		left := map[string][]any{} // those that are planted, by what is known of them
		for _, v := range was {
			left[withoutPlants(v)] = append(left[withoutPlants(v)], v)
		}
		for i, v := range is { // one that changed is another one
			if of := left[withoutPlants(v)]; len(of) > 0 {
				left[withoutPlants(v)] = of[1:]
				paths = append(paths, lost(fmt.Sprintf("%s[%d]", path, i), of[0], v)...)
			}
		}
	case map[string]any:
		is, _ := is.(map[string]any)
		if is == nil {
			return nil
		}
		if plant, there := was[plantedName]; there && fmt.Sprint(is[plantedName]) != fmt.Sprint(plant) {
			paths = append(paths, path+".")
		}
		for _, name := range slices.Sorted(maps.Keys(was)) {
			if name != plantedName && !slices.Contains(opaqueMembers, name) {
				paths = append(paths, lost(path+"."+name, was[name], is[name])...)
			}
		}
	}
	return paths
}

// withoutPlants is a value without what was planted.
func withoutPlants(v any) string {
	var without func(v any) any
	without = func(v any) any {
		switch v := v.(type) {
		case []any:
			clean := make([]any, len(v))
			for i := range v {
				clean[i] = without(v[i])
			}
			return clean
		case map[string]any:
			clean := map[string]any{}
			for name := range v {
				if name != plantedName {
					clean[name] = without(v[name])
				}
			}
			return clean
		}
		return v
	}
	text, _ := json.Marshal(without(v)) // it was JSON
	return string(text)
}

// observed is a table that looks at what is written in the place of records into which a newer version of the program has put members.
type observed struct {
	store.Table
	t *testing.T

	mu      sync.Mutex
	keys    map[store.Key]bool // of all that was ever written
	again   map[string]bool    // kinds of which a record with such members was written again
	planted map[store.Key]bool
	dies    func(store.Item) bool // the process dies instead of writing that
	dead    bool
	erasing bool // the user's data, of which nothing may stay in the profile
}

func observe(t *testing.T, table store.Table) *observed {
	return &observed{Table: table, t: t, keys: map[store.Key]bool{}, again: map[string]bool{}, planted: map[store.Key]bool{}}
}

// write does what writes the items, and looks at what they were.
func (o *observed) write(ctx context.Context, do func() error, items ...*store.Item) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := make([]store.Item, len(items))
	for i, item := range items {
		if o.dead = o.dead || o.dies != nil && o.dies(*item); o.dead {
			return fault.New(fault.Unavailable, "the process is dead")
		}
		was := item.Key
		if id, deleting := strings.CutPrefix(was.SK, "DELETING#"); deleting {
			was.SK = "CALENDAR#" + id
		}
		if found, err := o.Table.Get(ctx, was); err == nil {
			before[i] = found
		}
	}
	if err := do(); err != nil {
		return err
	}
	for i, item := range items {
		o.keys[item.Key] = true
		kind, was := kindOf(item.Key), before[i]
		switch why := kindsOfRecords[kind]; {
		case was.Version == 0:
		case why == writtenOnce:
			o.t.Errorf("a %s is written again: %s", kind, item.Data)
		case kind == "USER PROFILE" && o.erasing:
			if bytes.Contains(item.Data, []byte(plantedName)) {
				o.t.Errorf("the profile of who is erased: %s", item.Data)
			}
		case why == keeps && o.planted[was.Key]:
			o.again[kind] = true
			if paths := lost("", parsed(o.t, was.Data), parsed(o.t, item.Data)); len(paths) > 0 {
				o.t.Errorf("a %s loses members at %q:\nwas %s\nis  %s", kind, paths, was.Data, item.Data)
			}
		}
	}
	return nil
}

func (o *observed) Put(ctx context.Context, item store.Item, cond store.Condition) (version int64, err error) {
	err = o.write(ctx, func() (err error) {
		version, err = o.Table.Put(ctx, item, cond)
		return err
	}, &item)
	return version, err
}

func (o *observed) BatchPut(ctx context.Context, items []store.Item) error {
	var all []*store.Item
	for i := range items {
		all = append(all, &items[i])
	}
	return o.write(ctx, func() error { return o.Table.BatchPut(ctx, items) }, all...)
}

func (o *observed) Transact(ctx context.Context, ops []store.Op) error {
	var items []*store.Item
	for _, op := range ops {
		if op.Put != nil {
			items = append(items, op.Put)
		}
	}
	return o.write(ctx, func() error { return o.Table.Transact(ctx, ops) }, items...)
}

// plant has a newer version of the program put members into all records that have members, and makes a dead process alive again.
func (o *observed) plant() {
	t := o.t
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dies, o.dead = nil, false
	for key := range o.keys {
		item, err := o.Table.Get(t.Context(), key)
		if err != nil {
			continue // it is gone
		}
		kind := kindOf(key)
		switch _, object := parsed(t, item.Data).(map[string]any); {
		case kindsOfRecords[kind] == word && (object || bytes.HasPrefix(item.Data, []byte("["))):
			t.Errorf("a %s has members: %s", kind, item.Data)
		case kindsOfRecords[kind] == keeps || kind == "CAL CALENDAR":
			version := item.Version
			item.Data = withPlants(t, item.Data)
			_, err := o.Table.Put(t.Context(), item, store.VersionIs(version))
			must(t, err)
			o.planted[key] = true
		}
	}
}

// TestRecordsKeepWhatANewerVersionPutIntoThem lives through all that writes records again. Whatever is kept in the table and is forgotten here shows.
func TestRecordsKeepWhatANewerVersionPutIntoThem(t *testing.T) {
	kinds, again := map[string]bool{}, map[string]bool{}
	for name, live := range map[string]func(*testing.T) *observed{
		"on one machine": liveOnOneMachine,
		"at Microsoft 365, until the user's access is revoked": func(t *testing.T) *observed {
			return liveAtMicrosoft(t, func(a *acting, s *microsoft.SignIn) error {
				a.entra.Revoke(plantedObject)
				_, _, err := s.Token(t.Context())
				return err
			})
		},
		"at Microsoft 365, until more is wanted of the user": func(t *testing.T) *observed {
			return liveAtMicrosoft(t, func(_ *acting, s *microsoft.SignIn) error {
				_, _, err := s.Token(t.Context())
				must(t, err)
				return s.Refused(t.Context(), `{"access_token":{}}`)
			})
		},
	} {
		lived := t.Run(name, func(t *testing.T) {
			o := live(t)
			for key := range o.keys {
				kinds[kindOf(key)] = true
			}
			maps.Copy(again, o.again)
		})
		if !lived {
			return
		}
	}
	for kind, why := range kindsOfRecords {
		switch {
		case !kinds[kind]:
			t.Errorf("nothing wrote a %s", kind)
		case why == keeps && !again[kind]:
			t.Errorf("nothing wrote a %s again", kind)
		}
	}
	for kind := range kinds {
		if _, there := kindsOfRecords[kind]; !there {
			t.Errorf("a %s is not among the kinds of records: does it keep what its reader does not know?", kind)
		}
	}
}

func liveOnOneMachine(t *testing.T) *observed {
	var later time.Duration
	var table *observed
	clock := func() time.Time { return time.Now().Add(later) }
	o := openOneAt(t, clock, func(inner store.Table) store.Table { table = observe(t, inner); return table })
	o.stamped()
	post := func(path, body string) string {
		t.Helper()
		return o.do("ann", "POST", path, body, "id")
	}
	// resumed has the process that works die when it writes the nth record of a kind with a text in it, and another one go on.
	resumed := func(n int, kind, text string) {
		t.Helper()
		table.plant() // what waits for the worker
		table.dies = func(item store.Item) bool {
			if kindOf(item.Key) == kind && bytes.Contains(item.Data, []byte(text)) {
				n--
			}
			return n == 0
		}
		if err := o.worked(); err == nil || !table.dead {
			t.Errorf("the process did not die of a %s", kind)
		}
		table.plant()
		later += 2 * time.Minute
		o.work()
	}
	yesterday := clock().UTC().AddDate(0, 0, -1).Format("20060102")
	imports := func(calendarID, subject string) {
		t.Helper()
		event := func(uid string, lines ...string) string {
			lines = append([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20261001T000000Z", "SUMMARY:" + subject}, lines...)
			return strings.Join(append(lines, "END:VEVENT"), "\r\n")
		}
		o.do("ann", "POST", "/v1/calendars/"+calendarID+"/import", strings.Join([]string{
			"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//test//EN",
			"BEGIN:VTIMEZONE", "TZID:Somewhere", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0300", "TZOFFSETTO:+0300", "END:STANDARD", "END:VTIMEZONE",
			event("ann@example.com", "DTSTART:"+yesterday+"T070000Z", "DTEND:"+yesterday+"T080000Z"),
			event("one@example.com", "DTSTART:"+yesterday+"T100000Z", "DTEND:"+yesterday+"T110000Z"),
			event("other@example.com", "DTSTART:"+yesterday+"T103000Z", "DTEND:"+yesterday+"T113000Z"),
			event("long@example.com", "DTSTART:20261005T070000Z", "DTEND:20261008T080000Z"),
			event("series@example.com", "DTSTART;TZID=Somewhere:20261005T100000", "DTEND;TZID=Somewhere:20261005T110000", "RRULE:FREQ=WEEKLY;COUNT=5"),
			event("series@example.com", "RECURRENCE-ID;TZID=Somewhere:20261012T100000",
				"DTSTART;TZID=Somewhere:20261012T120000", "DTEND;TZID=Somewhere:20261012T130000"),
			"END:VCALENDAR", "",
		}, "\r\n"), "", "Content-Type", "text/calendar")
	}

	o.live("ann")
	o.limits = limit.New(table, limit.Default(), clock)
	o.api = o.system.api(asNamed)
	work := post("/v1/calendars", `{"uri": "local://ann/calendars/Busy"}`)
	imports(work, "Review")
	const calendars = `"source": "local://ann/calendars/Busy", "archive": "local://ann/calendars/Shown", "timezone": "UTC", "on_drift": "accept"`
	config := post("/v1/archive-configs", `{"name": "busy", `+calendars+`}`)
	const night = `{"kind": "archive", "config": "busy", "jitter": 0, "schedule": {"repeat": "daily", "at": "02:00", "zone": "UTC"}}`
	post("/v1/jobs", night)
	in := session.SignIn{Principal: account.Principal{Tenant: "tenant", Object: "ann", Name: "Ann"}}
	cookie, _, err := session.New(table, clock).Start(t.Context(), in, "browser")
	must(t, err)
	decide := func(state flag.State) {
		_, err := flag.New(table, clock).Set(t.Context(), "tenant", "boss", flag.Flag{Name: flag.StuckJobAction, State: state})
		must(t, err)
	}
	// a calendar in which the user has events, which a verification asks about
	imports(post("/v1/calendars", `{"uri": "local://ann/calendars/Own"}`), "Own")
	own := post("/v1/archive-configs", `{"name": "own", "source": "local://ann/calendars/Busy", "archive": "local://ann/calendars/Own", "timezone": "UTC"}`)
	post("/v1/archive-configs/"+own+"/verify", `{}`)
	o.work()

	decide(flag.Off)
	const category = `{"calendar": "local://ann/calendars/Busy", "name": "Acme - billable"}`
	post("/v1/categories", category)
	post("/v1/places/aliases", `{"name": "Room 4", "of": "Head office"}`)
	acme := post("/v1/customers", `{"name": "Acme", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120"}]}`)
	known := tenant.New(table, nil, clock)
	const someTenant = "11111111-2222-4333-8444-555555555555"
	_, err = known.Add(t.Context(), "boss", someTenant, "Some")
	must(t, err)
	sheet := post("/v1/timesheets", `{"config": "busy", "customer": "Acme", "period": "2020-01-01"}`)
	post("/v1/timesheets/"+sheet+"/approve", "{}")
	table.plant()
	must(t, known.Remove(t.Context(), "boss", someTenant))

	// what the user does
	post("/v1/timesheets/"+sheet+"/reopen", `{"reason": "so"}`)
	post("/v1/timesheets/"+sheet+"/approve", "{}")
	decide(flag.On)
	const chosen = `{"email": "ann@example.com", "timezone": "Europe/Berlin", "notifications": {"digest": {"in_app": true, "email": false}}}`
	o.do("ann", "PUT", "/v1/me/settings", chosen, "", "If-Match", "*")
	o.do("ann", "PUT", "/v1/archive-configs/"+config, `{"name": "very busy", `+calendars+`}`, "", "If-Match", "*")
	post("/v1/archive-configs", `{"name": "idle", "source": "local://ann/calendars/Busy", "archive": "local://ann/calendars/Other", "timezone": "UTC"}`)
	post("/v1/jobs", strings.Replace(night, "busy", "idle", 1))
	const empty = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\nEND:VCALENDAR\r\n"
	o.do("ann", "POST", "/v1/uploads", empty, "id", "Content-Type", "text/calendar")
	post("/v1/places/aliases", `{"name": "Room 5", "of": "Head office"}`)
	post("/v1/categories", strings.Replace(category, "Acme", "Globex", 1))
	o.do("ann", "PUT", "/v1/customers/"+acme, `{"name": "Acme Ltd", "currency": "EUR", "rates": [{"from": "2026-01-01", "work": "120"}]}`, "", "If-Match", "*")
	imports(work, "Meeting")
	post("/v1/notifications/read", "")
	_, err = account.NewUsers(table, clock).Grant(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, "ann", "room@example.com")
	must(t, err)
	later += 10 * time.Minute
	_, err = session.New(table, clock).Find(t.Context(), cookie)
	must(t, err)

	// runs that stop half-way
	archive := func() { post("/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "last 3 days"}`) }
	archive()
	resumed(1, "LEDGER entry", `"state":"done"`)
	imports(work, "Meeting that changed")
	archive()
	resumed(1, "LEDGER entry", `"state":"done"`)
	post("/v1/backups", `{"config": "`+config+`"}`)
	o.work()
	newest := func() string { return fmt.Sprint(o.list("/v1/backups?config=" + config)[0]["id"]) }
	post("/v1/restores", `{"into": "local://ann/calendars/Again", "create_calendar": true, "backup": "`+newest()+`"}`)
	resumed(3, "RUN RESTORE", "")
	post("/v1/backups/drills", `{"config": "`+config+`"}`)
	resumed(2, "USER SCRATCH", "")
	post("/v1/runs", `{"kind": "archive", "config": "third of ann", "period": "last 3 days"}`)
	table.plant()
	o.work() // it fails once more
	post("/v1/archive-configs/"+config+"/verify", `{}`)
	o.work()
	o.do("ann", "DELETE", "/v1/backups/"+newest(), "", "")

	// a mail comes back twice
	mailer := o.mailer(nil, nil, time.Second, time.Minute)
	for _, id := range []string{"01K7KMPQ8C9D3E4F5G6H7J8K01", "01K7KMPQ8C9D3E4F5G6H7J8K02"} {
		r := mail.Return{ID: id, For: "tenant#ann", To: []string{"ann@example.com"}, Why: mail.Bounced, Sent: clock()}
		must(t, mailer.ComesBack(t.Context(), r))
		table.plant()
		o.do("ann", "DELETE", "/v1/me/mail-returned", "", "")
		later += time.Minute
	}

	// a night, and the next morning
	for range 2 {
		later += 24 * time.Hour
		table.plant()
		must(t, o.anchors.Anchor(t.Context()))
	}
	_, err = o.dispatcher().Tick(t.Context())
	must(t, err)
	o.work()
	o.do("ann", "DELETE", "/v1/calendars/"+work+"?force=true", "", "", "X-Confirm", "Busy")
	table.plant()
	table.erasing = true
	kept := o.do("ann", "GET", "/v1/me/erasure", "", "kept")
	o.do("ann", "DELETE", "/v1/me?kept="+kept, "", "state", "X-Confirm", "ann")
	later += 17 * time.Minute
	table.plant()
	progress, err := o.eraser(account.NewUsers(table, clock)).Erase(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, "ann")
	if err != nil || !progress.Done {
		t.Errorf("erasing: %+v, %v", progress, err)
	}
	return table
}

// liveAtMicrosoft lives until end ends the user's sign-in.
func liveAtMicrosoft(t *testing.T, end func(*acting, *microsoft.SignIn) error) *observed {
	var table *observed
	a := act(t, func(inner store.Table) store.Table { table = observe(t, inner); return table })
	a.signsIn()
	uri, err := calendar.ParseURI("msgraph://ann@example.com/calendars/primary")
	must(t, err)
	for _, name := range []string{"One", "Two", "Three"} {
		_, err := a.mailbox.AddCalendar("ann@example.com", graphsim.Calendar{Name: name})
		must(t, err)
		p, err := a.providers.of(t.Context(), annKey, uri)
		must(t, err)
		_, err = p.Calendars(t.Context(), "ann@example.com")
		must(t, err)
		table.plant()
		a.later += 10 * time.Minute // after which a token has to be refreshed
	}
	client, err := a.providers.users.get(t.Context())
	must(t, err)
	if err := end(a, client.Of(annKey)); !errors.Is(err, microsoft.ErrSignInNeeded) {
		t.Errorf("in the end: %v", err)
	}
	return table
}
