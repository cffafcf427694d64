package app

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/audit"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/job"
	"adminassistant/shared/limit"
	"adminassistant/shared/queue"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/run"
	"adminassistant/shared/stamp/stamptest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// one is a system of which the test can see everything.
type one struct {
	*system
	t    *testing.T
	file string
	seen *recorder
	api  http.Handler
}

func openOne(t *testing.T) *one { return openOneAt(t, time.Now) }

// openOneAt opens one on a table around which others may be put.
func openOneAt(t *testing.T, clock func() time.Time, around ...func(store.Table) store.Table) *one {
	t.Helper()
	dir := t.TempDir()
	o := &one{system: &system{log: zerolog.Nop(), clock: clock}, t: t, file: filepath.Join(dir, "store.db")}
	o.settings.Lease = time.Minute
	table, err := sqlite.Open(o.file, clock)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	messages, err := queues.Open(filepath.Join(dir, "queue.db"), clock)
	must(t, err)
	t.Cleanup(func() { must(t, messages.Close()) })
	blobs, err := folder.Open(filepath.Join(dir, "blobs"))
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	o.seen = &recorder{Table: table, keys: map[store.Key]bool{}}
	o.table, o.blobs = o.seen, blobs
	for _, put := range around {
		o.table = put(o.table)
	}
	o.archives, o.backups, o.notices = messages.Queue("archive"), messages.Queue("backup"), messages.Queue("notify")
	o.limits = limit.New(o.table, limit.Default(), clock)
	o.keeper = testKeeper()
	o.connect(fromSettings(o.settings))
	o.api = o.system.api(asNamed)
	return o
}

// stamped has an authority asked for time-stamps from now on, and returns it.
func (o *one) stamped() *stamptest.Authority {
	o.t.Helper()
	authority := stamptest.Start(o.t, o.clock)
	o.settings.StampURL, o.settings.StampTrust = authority.URL, string(authority.PEM)
	must(o.t, o.openAnchors(nil))
	o.api = o.system.api(asNamed)
	return authority
}

// recorder is a table that remembers the keys of all items that were written.
type recorder struct {
	store.Table
	mu   sync.Mutex
	keys map[store.Key]bool
}

func (r *recorder) saw(key store.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[key] = true
}

func (r *recorder) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	r.saw(item.Key)
	return r.Table.Put(ctx, item, cond)
}

func (r *recorder) BatchPut(ctx context.Context, items []store.Item) error {
	for i := range items {
		r.saw(items[i].Key)
	}
	return r.Table.BatchPut(ctx, items)
}

func (r *recorder) Transact(ctx context.Context, ops []store.Op) error {
	for i := range ops {
		if ops[i].Put != nil {
			r.saw(ops[i].Put.Key)
		}
	}
	return r.Table.Transact(ctx, ops)
}

// kindOf is the kind of an item: "CONFIG" of USER#<user> / CONFIG#<id>, "RUN" of RUN#<id> / ITEM#<n>.
func stepKindOf(key store.Key) string {
	kind, _, _ := strings.Cut(key.PK, "#")
	if kind == "USER" {
		kind, _, _ = strings.Cut(key.SK, "#")
	}
	return kind
}

// kinds are the kinds of items that were written so far.
func (r *recorder) kinds() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := map[string]bool{}
	for key := range r.keys {
		kinds[stepKindOf(key)] = true
	}
	return kinds
}

// asNamed believes whoever asks.
func asNamed(r *http.Request) (account.Principal, error) {
	name := r.Header.Get("X-Test-User")
	return account.Principal{Tenant: "tenant", Object: name, Name: "Name of " + name}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do sends a request of a user and returns a field of the answer.
func (o *one) do(who, method, path, body, field string, header ...string) string {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Test-User", who)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	o.api.ServeHTTP(w, r)
	if w.Code >= 300 {
		o.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	var v map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &v) // an answer without a body has no fields
	return fmt.Sprint(v[field])
}

// live gives a user something of everything that is kept of users. All of it tells of the user's name.
func (o *one) live(who string) {
	t, key := o.t, "tenant#"+who
	t.Helper()
	at := time.Now().UTC().AddDate(0, 0, -1).Format("20060102")
	ics := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n" +
		"BEGIN:VEVENT\r\nUID:" + who + "@example.com\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Review of " + who +
		"\r\nDESCRIPTION:" + strings.Repeat("notes of "+who+" ", 5000) +
		"\r\nDTSTART:" + at + "T070000Z\r\nDTEND:" + at + "T080000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	for _, of := range []string{who, who + "-second"} {
		id := o.do(who, "POST", "/v1/calendars", `{"uri": "local://`+of+`/calendars/Work"}`, "id", "Idempotency-Key", of)
		o.do(who, "POST", "/v1/calendars/"+id+"/import", ics, "", "Content-Type", "text/calendar")
	}
	o.do(who, "PUT", "/v1/me/settings", `{"email": "`+who+`@example.com", "notifications": {"problems": {"in_app": true, "email": true}}}`, "", "If-Match", "*")
	_, err := o.users.Grant(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, who, "team@example.com")
	must(t, err)
	config := o.do(who, "POST", "/v1/archive-configs",
		`{"name": "of `+who+`", "source": "local://`+who+`/calendars/Work", "archive": "local://`+who+`/calendars/Archive", "timezone": "UTC"}`, "id")
	o.do(who, "POST", "/v1/archive-configs",
		`{"name": "second of `+who+`", "source": "local://`+who+`/calendars/Work", "archive": "local://`+who+`/calendars/More", "timezone": "UTC"}`, "id")
	for range 2 { // the second one finds the archive calendar by its id
		o.do(who, "POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "last 3 days"}`, "id")
		o.work()
	}

	o.do(who, "POST", "/v1/archive-configs/"+config+"/verify", `{}`, "id")
	o.work()
	if o.anchors != nil { // a head of yesterday's as well, whose day is over
		yesterday := calendar.DateOf(o.clock(), time.UTC).AddDays(-1)
		must(t, o.anchors.Keep(t.Context(), config, yesterday, o.do(who, "GET", "/v1/ledger/"+config+"/head", "", "head")))
		o.anchors = nil
		must(t, o.openAnchors(nil)) // another process
		must(t, o.anchors.Anchor(t.Context()))
	}
	o.do(who, "POST", "/v1/categories", `{"calendar": "local://`+who+`/calendars/Work", "name": "Customer of `+who+` - billable"}`, "id")
	o.do(who, "POST", "/v1/places/aliases", `{"name": "Room of `+who+`", "of": "Office of `+who+`"}`, "id")
	o.do(who, "POST", "/v1/customers", `{"name": "Customer of `+who+`"}`, "id")
	sheet := o.do(who, "POST", "/v1/timesheets", `{"config": "`+config+`", "customer": "Customer of `+who+`", "period": "2020-01-01"}`, "id")
	for _, step := range []string{"/approve", "/lock"} {
		o.do(who, "POST", "/v1/timesheets/"+sheet+step, "{}", "id")
	}
	o.do(who, "POST", "/v1/timesheets", `{"config": "`+config+`", "customer": "`+who+`", "period": "2020-02-01"}`, "id")
	nowhere := o.do(who, "POST", "/v1/archive-configs",
		`{"name": "third of `+who+`", "source": "local://`+who+`/calendars/Nowhere", "archive": "local://`+who+`/calendars/Third", "timezone": "UTC"}`, "id")
	o.do(who, "POST", "/v1/runs", `{"kind": "archive", "config": "`+nowhere+`", "period": "last 3 days"}`, "id")
	o.work() // it fails, of which the user is told
	backup := o.do(who, "POST", "/v1/backups", `{"config": "`+config+`"}`, "id")
	o.work()
	upload := o.do(who, "POST", "/v1/uploads", ics, "id", "Content-Type", "text/calendar")
	for _, from := range []string{`"upload": "` + upload + `"`, `"backup": "` + backup + `", "policy": "replace"`} {
		o.do(who, "POST", "/v1/restores", `{"into": "local://`+who+`/calendars/Restored", "create_calendar": true, `+from+`}`, "id")
		o.work()
	}
	o.do(who, "POST", "/v1/backups/drills", `{"config": "`+config+`"}`, "id")
	o.work()
	for _, sk := range []string{"SCRATCH#ID", "RESTORING#local#ID#ID"} { // of a drill and a restore that died
		_, err := o.table.Put(t.Context(), store.Item{Key: store.Key{PK: "USER#" + key, SK: sk}, Data: []byte(`{"account": "` + who + `"}`)}, store.Any())
		must(t, err)
	}

	_, err = o.jobs().Create(t.Context(), key, job.Job{Kind: run.Archive, Config: config, Schedule: job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}})
	must(t, err)
	in := session.SignIn{Principal: account.Principal{Tenant: "tenant", Object: who, Name: "Name of " + who}}
	_, _, err = session.New(o.table, time.Now).Start(t.Context(), in, "browser of "+who)
	must(t, err)
	_, err = o.table.Put(t.Context(), store.Item{
		Key: store.Key{PK: "USER#" + key, SK: "SECRET#microsoft"}, Data: []byte(`{"sealed": "of ` + who + `"}`),
	}, store.Any())
	must(t, err)
	_, err = o.providers.listings.Calendars(t.Context(), key, who, o.own.For(key))
	must(t, err)
	_, err = audit.New(o.table, time.Now, o.newID).Append(t.Context(), audit.Entry{
		User: key, Actor: key, Action: "config.create", Outcome: audit.Begun,
		Personal: audit.Personal{Name: "Name of " + who, IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "browser of " + who},
	})
	must(t, err)
	uri, err := calendar.ParseURI("local://" + who + "/calendars/Gone")
	must(t, err)
	_, err = o.own.For(key).CreateCalendar(t.Context(), uri)
	must(t, err)
}

func (o *one) work() {
	o.t.Helper()
	must(o.t, o.worked())
}

// worked has the workers carry out what waits, and returns what was left for another time.
func (o *one) worked() error {
	var errs []error
	for _, of := range []struct {
		queue  queue.Queue
		worker *run.Worker
	}{
		{o.archives, o.worker(run.ArchiveQueue, time.Second, time.Minute)},
		{o.backups, o.worker(run.BackupQueue, time.Second, time.Minute)},
	} {
		messages, err := of.queue.Receive(o.t.Context(), 10, time.Minute, 0)
		errs = append(errs, err)
		for _, m := range messages {
			errs = append(errs, of.worker.Handle(o.t.Context(), m))
		}
	}
	return errors.Join(errs...)
}

// kept is all that the stores hold: items by their keys, and blobs.
func (o *one) kept() map[string]string {
	t := o.t
	t.Helper()
	db, err := sql.Open("sqlite", o.file)
	must(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT pk, sk, coalesce(index_pk, x''), coalesce(index_sk, x''), data FROM items")
	must(t, err)
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var pk, sk, indexPK, indexSK, packed []byte
		must(t, rows.Scan(&pk, &sk, &indexPK, &indexSK, &packed))
		data, err := store.Unpack(packed)
		must(t, err)
		all[string(pk)+" "+string(sk)] = fmt.Sprintf("%s %s %s", indexPK, indexSK, data)
	}
	must(t, rows.Err())
	objects, err := o.blobs.List(t.Context(), "")
	must(t, err)
	for _, object := range objects {
		r, err := o.blobs.Get(t.Context(), object.Key)
		must(t, err)
		content, err := io.ReadAll(r)
		must(t, err)
		must(t, r.Close())
		all["blob "+object.Key] = string(content)
	}
	return all
}

// TestErasingLeavesNothing looks into the stores themselves: whatever is added to them and forgotten by the erasure shows here.
func TestErasingLeavesNothing(t *testing.T) {
	o := openOne(t)
	o.stamped()
	o.do("bob", "GET", "/v1/me", "", "")
	before := o.kept()
	o.live("ann")
	afterAnn := o.kept()
	o.live("bob")
	for _, who := range []string{"ann", "bob"} { // waits
		o.do(who, "POST", "/v1/runs", `{"kind": "archive", "config": "of `+who+`", "period": "last 4 days"}`, "id")
	}
	partitions := map[string]bool{}
	for key := range o.kept() {
		if _, old := before[key]; !old {
			partitions[strings.FieldsFunc(key, func(r rune) bool { return r == '#' || r == '/' })[0]] = true
		}
		if own, is := strings.CutPrefix(key, "USER#tenant#ann "); is {
			partitions[strings.Split(own, "#")[0]] = true
		}
	}
	// What live does not make, the test cannot miss.
	for _, kind := range []string{
		"USER", "AUDIT", "ACTIVE", "RUN", "LEDGER", "BASELINE", "LEASE", "CAL", "EVENTS", "KEYS", "IDEMPOTENCY", "SESSION", "ACTION", "ACTIONOF", "NOTE",
		"CUSTOMER", "CUSTOMERS", "CATEGORIES", "PLACES", "ANCHOR", "ANCHORED",
		"blob ledger", "blob runs", "blob backups", "blob uploads", "blob restores",
	} {
		if !partitions[kind] {
			t.Errorf("the user has no %s", kind)
		}
	}
	others := map[string]bool{} // keys of bob's
	for key, value := range o.kept() {
		if _, anns := afterAnn[key]; (!anns || strings.Contains(key, "bob")) && !strings.Contains(key+value, "tenant#ann") {
			others[key] = true
		}
	}

	kept := o.do("ann", "GET", "/v1/me/erasure", "", "kept")
	if state := o.do("ann", "DELETE", "/v1/me?kept="+kept, "", "state", "X-Confirm", "ann"); state != "erasing" {
		t.Fatalf("after the first pass: %s", state)
	}
	t.Run("the first pass leaves but the run that was under way, cancelled, and what is kept for good", func(t *testing.T) {
		var left []string
		for key, value := range o.kept() {
			if !others[key] && !strings.HasPrefix(key, "AUDIT#") && key != "SIGNING KEY" && !strings.HasPrefix(key, "ANCHORS ") { // the installation's
				left = append(left, key)
				if strings.Contains(value, "Review of ann") || strings.Contains(value, "Name of ann") || strings.Contains(value, "ann@example.com") {
					t.Errorf("%s: %s", key, value)
				}
			}
		}
		slices.Sort(left)
		if len(left) != 3 || left[0] != "USER#tenant#ann PROFILE" || !strings.HasPrefix(left[1], "USER#tenant#ann RUN#") || left[2] != "USER#tenant#ann SESSIONS" {
			t.Errorf("left: %q", left)
		}
	})
	o.work() // bob's run that waited, and the message of ann's
	if letters, err := o.archives.(*queues.Queue).DeadLetters(t.Context(), 10); err != nil || len(letters) != 0 {
		t.Errorf("%d dead letters, %v", len(letters), err)
	}
	bobs := map[string]string{}
	for key, value := range o.kept() {
		if !strings.HasPrefix(key, "USER#tenant#ann ") && !strings.HasPrefix(key, "AUDIT#tenant#ann ") {
			bobs[key] = value
		}
	}

	later := account.NewUsers(o.table, func() time.Time { return time.Now().Add(17 * time.Minute) })
	p, err := o.eraser(later).Erase(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, "ann")
	if err != nil || !p.Done {
		t.Fatalf("%+v, %v", p, err)
	}
	rest := o.kept()
	for key, value := range rest {
		if _, is := bobs[key]; is {
			continue
		}
		switch {
		case key == "USER#tenant#ann PROFILE":
			var left map[string]any
			must(t, json.Unmarshal([]byte(value[strings.IndexByte(value, '{'):]), &left))
			delete(left, "erased")
			if diff := cmp.Diff(map[string]any{"tenant": "tenant", "object": "ann"}, left); diff != "" {
				t.Errorf("the profile: %s", diff)
			}
		case strings.HasPrefix(key, "AUDIT#tenant#ann "):
			for _, personal := range []string{"Name of", "192.0.2.7", "browser"} {
				if strings.Contains(value, personal) {
					t.Errorf("%s tells %s: %s", key, personal, value)
				}
			}
		default:
			t.Errorf("left: %s: %.200s", key, value)
		}
	}
	for key, value := range bobs {
		if rest[key] != value {
			t.Errorf("another user's %s: %.200s, was %.200s", key, rest[key], value)
		}
	}
	if report, err := audit.New(o.table, time.Now, o.newID).Verify(t.Context(), "tenant#ann"); err != nil ||
		!bytes.Contains(mustJSON(t, report), []byte(`"ok":true`)) {
		t.Errorf("the audit chain: %+v, %v", report, err)
	}
}

// privacyRow is a row of the table of docs/privacy.md: kinds of items, folders of blobs, and the step that erases them; empty if none does.
type privacyRow struct {
	kinds []string
	step  string
}

var (
	inTicks  = regexp.MustCompile("`([^`]+)`")
	stepName = regexp.MustCompile("step `([a-z]+)`")
)

func privacyRows(t *testing.T) (rows []privacyRow) {
	t.Helper()
	text, err := os.ReadFile("../../docs/privacy.md")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		var row privacyRow
		for _, name := range inTicks.FindAllStringSubmatch(cells[2], -1) {
			kind, _, _ := strings.Cut(name[1], "#")
			if folder, is := strings.CutSuffix(kind, "/"); is {
				kind = "blob " + folder
			}
			if kind != "USER" {
				row.kinds = append(row.kinds, kind)
			}
		}
		if step := stepName.FindStringSubmatch(cells[4]); step != nil {
			row.step = step[1]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestEveryKindOfItemHasItsStep takes the steps one by one and looks what each of them erases. Whatever the store saw has to go by the step that
// docs/privacy.md names, and every step has to erase what it is there for.
func TestEveryKindOfItemHasItsStep(t *testing.T) {
	o := openOne(t)
	o.stamped()
	o.live("ann")
	o.do("ann", "POST", "/v1/runs", `{"kind": "archive", "config": "of ann", "period": "last 4 days"}`, "id") // waits
	kinds := func() map[string]bool {
		left := map[string]bool{}
		for key := range o.kept() {
			pk, sk, _ := strings.Cut(key, " ")
			if pk == "blob" {
				folder, _, _ := strings.Cut(sk, "/")
				left["blob "+folder] = true
			} else {
				left[stepKindOf(store.Key{PK: pk, SK: sk})] = true
			}
		}
		return left
	}
	steps := map[string]bool{"secrets": true}
	must(t, store.Clear(t.Context(), o.table, store.Query{PK: "USER#tenant#ann", Prefix: "SECRET#"})) // the eraser's own first step
	erasedBy := map[string]string{"SECRET": "secrets"}
	for _, step := range o.erasing() {
		steps[step.Name] = true
		before := kinds()
		must(t, step.Erase(t.Context(), account.Erasure{User: "tenant#ann", By: "tenant#ann", Begun: time.Now(), Last: true}))
		after, erased := kinds(), 0
		for kind := range before {
			if !after[kind] {
				erasedBy[kind] = step.Name
				erased++
			}
		}
		// Two take something out of records: TestErasingLeavesNothing, and TestSettingAFlag of the package flag.
		if erased == 0 && step.Name != "audit" && step.Name != "flags" {
			t.Errorf("step %s erases nothing that there was", step.Name)
		}
	}
	documented := map[string]privacyRow{}
	for _, row := range privacyRows(t) {
		for _, kind := range row.kinds {
			documented[kind] = row
		}
		if row.step != "" && !steps[row.step] {
			t.Errorf("docs/privacy.md names step %s, which there is not", row.step)
		}
	}
	// These stay, or go in another way.
	kept := map[string]string{
		"PROFILE":  "the eraser itself marks it, and replaces it at the end",
		"SESSIONS": "a bare count, which goes with the rest of the user's partition at the end",
		"AUDIT":    "step audit takes the personal fields out of it",
		"SIGNING":  "the installation's, and nobody's in particular",
		"ANCHORS":  "time-stamps of hashes of the heads of all ledgers together",
	}
	all := o.seen.kinds()
	for kind := range erasedBy {
		all[kind] = true
	}
	for kind := range all {
		row, told := documented[kind]
		step := erasedBy[kind]
		switch {
		case kept[kind] != "" && step == "" && told:
		case kept[kind] != "":
			t.Errorf("%s: erased by %q, documented %v", kind, step, told)
		case step == "":
			t.Errorf("the store saw %s, and no step erases it: add a step to erasing, or show here that one is there", kind)
		case row.step != step:
			t.Errorf("%s is erased by step %s; docs/privacy.md says %q", kind, step, row.step)
		}
	}
}

// TestEveryStepOfAPackageIsListed reads the source: a package that can erase what it keeps of a user is asked to.
func TestEveryStepOfAPackageIsListed(t *testing.T) {
	called := map[string]bool{}
	file, err := parser.ParseFile(token.NewFileSet(), "erase.go", nil, parser.SkipObjectResolution)
	must(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.SelectorExpr); ok {
				if of, ok := f.X.(*ast.Ident); ok {
					called[of.Name+"."+f.Sel.Name] = true
				}
			}
		}
		return true
	})
	found := 0
	must(t, filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Erase") {
				continue
			}
			found++
			if step := file.Name.Name + "." + f.Name.Name; !called[step] {
				t.Errorf("%s: no step of erasing calls %s", name, step)
			}
		}
		return nil
	}))
	if found < 10 {
		t.Errorf("only %d functions that erase were found", found)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return data
}
