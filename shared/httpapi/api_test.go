package httpapi

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/customer"
	"adminassistant/shared/export"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/imports"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/notice"
	"adminassistant/shared/notify"
	places "adminassistant/shared/place"
	"adminassistant/shared/proof"
	"adminassistant/shared/queue"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/signing"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/timesheet/pdf"
	"adminassistant/shared/timesheet/xlsx"
	"adminassistant/shared/undo"
)

// service is the API over the real embedded stores, with a clock that stands still.
type service struct {
	t      testing.TB
	url    string
	table  *sqlite.Table
	queue  *queues.Queue
	worker *run.Worker
	// backupQueue has the messages of backup runs.
	backupQueue  *queues.Queue
	backupWorker *run.Worker
	// dispatcher starts the runs of jobs, when it is told to.
	dispatcher *job.Dispatcher
	services   Services
	log        *logBuffer
	now        atomic.Int64 // seconds since 1970
	document   map[string]any
	routes     *http.ServeMux // of the document, to find the operation of a request
	server     *server
	declared   map[string]*route
	header     []string // of every request, in pairs
	// mailboxes returns a user's provider of Microsoft 365; nil: there is none.
	mailboxes func(user string) (calendar.Provider, error)
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	headerUser = "X-Test-User" // who asks; "nobody" is not signed in
	today      = "2026-10-20T10:00:00Z"
	seeded     = "local://me/calendars/Work"
)

// newService returns a service. change may alter what the handlers call.
func newService(t testing.TB, change ...func(*service, *Services)) *service {
	t.Helper()
	return newServiceWith(t, func(n int64, _ time.Time) string { return fmt.Sprintf("ID%08d", n) }, change...)
}

// newServiceWith is newService, of which the nth id is made by idOf.
func newServiceWith(t testing.TB, idOf func(n int64, at time.Time) string, change ...func(*service, *Services)) *service {
	t.Helper()
	s := &service{t: t, log: &logBuffer{}}
	at, err := time.Parse(time.RFC3339, today)
	check(t, err)
	s.now.Store(at.Unix())
	clock := func() time.Time { return time.Unix(s.now.Load(), 0).UTC() }
	var ids atomic.Int64
	newID := func() string { return idOf(ids.Add(1), clock()) }

	s.table, err = sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	check(t, err)
	t.Cleanup(func() { check(t, s.table.Close()) })
	messages, err := queues.Open(":memory:", clock)
	check(t, err)
	t.Cleanup(func() { check(t, messages.Close()) })
	blobs, err := folder.Open(t.TempDir())
	check(t, err)
	t.Cleanup(func() { check(t, blobs.Close()) })
	s.queue, s.backupQueue = messages.Queue("archive"), messages.Queue("backup")

	calendars := local.New(s.table, newID, clock)
	provider := func(_ context.Context, user string, uri calendar.URI) (calendar.Provider, error) {
		if s.mailboxes != nil && uri.Provider == calendar.ProviderGraph {
			return s.mailboxes(user)
		}
		switch uri.Account {
		case "down":
			return nil, fault.New(fault.Unavailable, "the provider does not answer")
		case "broken":
			return nil, errors.New("secret-detail")
		case "panics":
			panic("secret-panic")
		}
		if uri.Provider != calendar.ProviderLocal {
			return nil, fault.New(fault.Invalid, "no connection to %s", uri.Provider)
		}
		return calendars.For(user), nil
	}
	log := zerolog.New(s.log)
	master, err := keyfile.Open(filepath.Join(t.TempDir(), "master.key"))
	check(t, err)
	key := signing.New(s.table, secret.New(master, clock, secret.Limits{}))
	entries := ledger.New(s.table, blobs, key)
	configs := archive.NewConfigs(s.table, entries, newID, clock)
	runs := run.NewStore(s.table)
	s.worker = &run.Worker{
		Runs: runs, Queue: s.queue, Log: zerolog.Nop(), Clock: clock, Visibility: time.Minute,
		Handlers: map[run.Kind]run.Handler{run.Archive: &archive.Runner{
			Table: s.table, Blobs: blobs, Signer: key, Clock: clock, NewID: newID, LeaseFor: time.Minute,
			Provider: func(ctx context.Context, user string, uri calendar.URI) (archive.Provider, error) {
				return provider(ctx, user, uri)
			},
		}},
	}
	engine := archive.Engine(*s.worker.Handlers[run.Archive].(*archive.Runner))
	described := run.MustKinds(
		archive.RunKind, archive.VerifyKind, archive.RepairKind, archive.DecideKind,
		backup.RunKind, restore.RunKind, restore.DrillKind, imports.RunKind, undo.RunKind,
	)
	undoers := &undo.Undoers{Runs: runs, Kinds: described, Of: map[run.Undoing]undo.Undoer{run.UndoneInLedger: (*archive.Undoer)(&engine)}}
	s.worker.Handlers[run.Undo] = undoers
	s.worker.Handlers[run.Decide] = (*archive.Decider)(&engine)
	deciding := &archive.Deciding{Configs: configs, Ledger: entries, Runs: runs, Actions: action.New(s.table, newID, clock), NewID: newID}
	s.worker.Ended = deciding.Ended
	uploads := restore.NewUploads(s.table, blobs, newID, clock)
	restorer := &restore.Runner{
		Table: s.table, Blobs: blobs, Open: restore.Opener(backup.New(s.table, blobs), uploads), Archives: configs.Archives, Known: configs.Known,
		Clock: clock, NewID: newID, LeaseFor: time.Minute,
		Provider: func(ctx context.Context, user string, uri calendar.URI) (restore.Provider, error) {
			return provider(ctx, user, uri)
		},
	}
	undoers.Of[run.UndoneInCalendar] = &restore.Undoer{Runner: *restorer}
	s.backupWorker = &run.Worker{
		Runs: runs, Queue: s.backupQueue, Log: zerolog.Nop(), Clock: clock, Visibility: time.Minute,
		Handlers: map[run.Kind]run.Handler{
			run.Restore: restorer,
			run.Import: &imports.Runner{
				Table: s.table, Blobs: blobs, Open: uploads.Content, Used: uploads.Used, Folder: restore.KeepIn, Clock: clock, NewID: newID,
				Local: func(user string) imports.Calendars { return calendars.For(user) }, LeaseFor: time.Minute,
			},
			run.Drill: &restore.Drill{Runner: *restorer, Backups: backup.New(s.table, blobs)},
			run.Backup: &backup.Runner{
				Table: s.table, Blobs: blobs, Clock: clock, NewID: newID, Software: "1.2.3",
				Provider: func(ctx context.Context, user string, uri calendar.URI) (backup.Provider, error) {
					return provider(ctx, user, uri)
				},
				Zone: configs.Zone, Known: configs.Known,
			},
		},
	}
	users := account.NewUsers(s.table, clock)
	kinds := job.Kinds(described, configs, map[run.QueueName]queue.Queue{run.ArchiveQueue: s.queue, run.BackupQueue: s.backupQueue})
	s.dispatcher = &job.Dispatcher{Table: s.table, Kinds: kinds, Clock: clock, Log: zerolog.Nop(), Barred: barredBy(users)}
	eraser := account.NewEraser(users,
		account.Step{Name: "archives", Erase: func(ctx context.Context, e account.Erasure) error {
			return archive.Erase(ctx, s.table, blobs, e.User, time.Time{}, clock())
		}},
		account.Step{Name: "calendars", Erase: func(ctx context.Context, e account.Erasure) error { return calendars.For(e.User).Erase(ctx) }},
		account.Step{Name: "requests", Erase: func(ctx context.Context, e account.Erasure) error { return idempotency.Erase(ctx, s.table, e.User) }},
	)
	records := audit.New(s.table, clock, func() string { return ulid.MustNew(ulid.Timestamp(clock()), rand.Reader).String() })
	customers := customer.New(s.table, newID, clock)
	sheets := &timesheet.Sheets{
		Table: s.table, Blobs: blobs, Ledger: entries, Configs: configs, Customers: customers, Actions: action.New(s.table, newID, clock), Signing: key,
		Sender:  func(context.Context, string) (timesheet.Party, error) { return timesheet.Party{Name: "Ana"}, nil },
		Outputs: timesheet.Outputs{PDF: pdf.Write, XLSX: xlsx.Write}, Clock: clock, NewID: newID,
	}
	s.services = Services{
		Timesheets: sheets,
		Flags:      flag.New(s.table, clock), Users: users, Eraser: eraser,
		Exporter: &export.Exporter{
			Table: s.table, Ledger: entries, Sheets: sheets, Audit: records, Signing: key, Clock: clock,
			Configs: func(ctx context.Context, user string) (ids []string, err error) {
				all, _, err := configs.List(ctx, user, 100, "")
				for _, c := range all {
					ids = append(ids, c.ID)
				}
				return ids, err
			},
		},
		Configs: configs, Customers: customers, Places: places.New(s.table), Runs: runs,
		Jobs: job.New(s.table, kinds, newID, clock), Ledger: entries, Signing: key, Blobs: blobs, Kinds: described,
		Undo:     undoers,
		Deciding: deciding, Tryouts: &archive.Tryouts{Ledger: entries, Runs: runs, Blobs: blobs},
		Verifier: &proof.Verifier{
			Ledger: entries, Runs: runs, Audit: records, Backups: backup.New(s.table, blobs), Signer: key, Clock: clock, Sheets: sheets.Hashes,
		},
		Provider: func(ctx context.Context, user string, uri calendar.URI) (Provider, error) {
			return provider(ctx, user, uri)
		},
		Starters: map[run.QueueName]*run.Starter{run.ArchiveQueue: {Runs: runs, Queue: s.queue}, run.BackupQueue: {Runs: runs, Queue: s.backupQueue}},
		Local:    func(user string) Importer { return calendars.For(user) },
		Actions:  action.New(s.table, newID, clock), Notifications: notify.New(s.table, messages.Queue("notify"), clock),
		Digests: &notice.Notices{Records: s.table, Signer: key, EndDigest: users.EndDigest, Clock: clock},
		Backups: backup.New(s.table, blobs), Uploads: uploads,
		Audit:    records,
		Requests: idempotency.New(s.table, clock), Accounts: account.NewNamedAccounts(s.table), Ping: s.table.Ping,
		Clock: clock, NewID: newID, Log: log, Version: "1.2.3",
		CLI: CLISignIn{Authority: "https://login.example", Client: "client", Scope: "scope", Tenants: []string{"tenant"}},
		Authenticate: func(r *http.Request) (account.Principal, error) {
			name := r.Header.Get(headerUser)
			switch name {
			case "":
				name = "ana"
			case "nobody":
				return account.Principal{}, fault.New(fault.Unauthenticated, "nobody is signed in")
			}
			return account.Principal{Tenant: "local", Object: name, Name: name}, nil
		},
	}
	for _, c := range change {
		c(s, &s.services)
	}
	handler := New(s.services)
	httpServer := httptest.NewServer(handler)
	t.Cleanup(httpServer.Close)
	s.url = httpServer.URL
	check(t, json.Unmarshal(handler.(*server).document(), &s.document))
	s.server = handler.(*server)
	s.declared = s.server.routes
	s.routes = http.NewServeMux()
	for path, item := range object(s.document["paths"]) {
		for method := range object(item) {
			s.routes.Handle(strings.ToUpper(method)+" "+path, http.NotFoundHandler())
		}
	}
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

// work carries out all runs that wait.
func (s *service) work() {
	s.t.Helper()
	s.workAt(s.queue, s.worker)
	s.workAt(s.backupQueue, s.backupWorker)
}

func (s *service) workAt(queue *queues.Queue, worker *run.Worker) {
	s.t.Helper()
	for {
		messages, err := queue.Receive(s.t.Context(), 10, time.Minute, 0)
		check(s.t, err)
		if len(messages) == 0 {
			return
		}
		for _, m := range messages {
			if err := worker.Handle(s.t.Context(), m); err != nil {
				s.t.Fatalf("worker: %v", err)
			}
		}
	}
}

// answer is a response.
type answer struct {
	t testing.TB
	*http.Response
	body []byte
	json any
}

// do sends a request, body being text, a value for JSON, a reader, or nil, and further headers in pairs. What is answered must be
// as the OpenAPI document describes it.
func (s *service) do(method, path string, body any, header ...string) answer {
	s.t.Helper()
	var in io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
		kind = ""
	case string:
		in = strings.NewReader(b)
	case io.Reader:
		in = b
	default:
		data, err := json.Marshal(body)
		check(s.t, err)
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, in)
	check(s.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	header = append(slices.Clone(s.header), header...)
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	check(s.t, err)
	defer res.Body.Close()
	a := answer{t: s.t, Response: res}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if strings.HasSuffix(strings.Split(res.Header.Get("Content-Type"), ";")[0], "json") {
		if err := json.Unmarshal(a.body, &a.json); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	if res.Header.Get(headerCorrelation) == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Security-Policy") == "" {
		s.t.Errorf("%s %s: lacks headers: %v", method, path, res.Header)
	}
	s.conforms(req, a)
	return a
}

// is demands a status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: status %d, want %d: %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, status, a.body)
	}
	return a
}

// problem demands a problem of that status, code and field.
func (a answer) problem(status int, code, field string) answer {
	a.t.Helper()
	a.is(status)
	p := object(a.json)
	got := fmt.Sprint(p["status"], p["code"], p["field"])
	var wantField any
	if field != "" {
		wantField = field
	}
	if want := fmt.Sprint(float64(status), code, wantField); got != want || a.Header.Get("Content-Type") != problemContentType {
		a.t.Errorf("%s %s: problem %s of %s, want %s: %s", a.Request.Method, a.Request.URL.Path, got, a.Header.Get("Content-Type"), want, a.body)
	}
	if p["correlation_id"] != a.Header.Get(headerCorrelation) || p["title"] == "" || p["detail"] == "" {
		a.t.Errorf("%s %s: problem lacks something: %s", a.Request.Method, a.Request.URL.Path, a.body)
	}
	return a
}

// str returns a field of the answer's object, as text; dots go down.
func (a answer) str(path string) string {
	a.t.Helper()
	v := a.json
	for name := range strings.SplitSeq(path, ".") {
		v = object(v)[name]
	}
	if v == nil {
		a.t.Fatalf("%s %s: no %s in %s", a.Request.Method, a.Request.URL.Path, path, a.body)
	}
	return fmt.Sprint(v)
}

func (a answer) items() []any {
	a.t.Helper()
	items, ok := object(a.json)["items"].([]any)
	if !ok {
		a.t.Fatalf("%s %s: no items in %s", a.Request.Method, a.Request.URL.Path, a.body)
	}
	return items
}

// conforms demands that an answer is one that the OpenAPI document describes.
func (s *service) conforms(req *http.Request, a answer) {
	s.t.Helper()
	_, pattern := s.routes.Handler(req)
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		return
	}
	responses := object(object(object(object(s.document["paths"])[path])[strings.ToLower(method)])["responses"])
	described, ok := responses[fmt.Sprint(a.StatusCode)]
	if !ok {
		if described, ok = responses["default"]; !ok || a.StatusCode < 400 {
			s.t.Errorf("%s answers %d, which is not described", pattern, a.StatusCode)
			return
		}
	}
	content := object(object(described)["content"])
	media := strings.Split(a.Header.Get("Content-Type"), ";")[0]
	if content[media] == nil && len(content) > 0 {
		s.t.Errorf("%s answers %d with %q, described is %v", pattern, a.StatusCode, media, slices.Collect(maps.Keys(content)))
		return
	}
	if a.json != nil && content[media] != nil {
		for _, wrong := range s.misfits("body", object(object(content[media])["schema"]), a.json) {
			s.t.Errorf("%s answers %d: %s", pattern, a.StatusCode, wrong)
		}
	}
}

// misfits compares a value with a schema of the document: types, required, further and enumerated values.
func (s *service) misfits(at string, schema map[string]any, v any) (wrong []string) {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, schemaPrefix)
		schema = object(object(object(s.document["components"])["schemas"])[name])
		if schema == nil {
			return []string{at + ": no schema " + name}
		}
	}
	kind := ""
	switch v.(type) {
	case map[string]any:
		kind = "object"
	case []any:
		kind = "array"
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
	case nil:
		kind = "null"
	}
	kinds, ok := schema["type"].([]any)
	if !ok && schema["type"] != nil {
		kinds = []any{schema["type"]}
	}
	if kinds != nil && !slices.Contains(kinds, any(kind)) && !(kind == "number" && slices.Contains(kinds, any("integer"))) {
		return []string{fmt.Sprintf("%s is of type %s, not %v", at, kind, kinds)}
	}
	if words, ok := schema["enum"].([]any); ok && !slices.Contains(words, v) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, not one of %v", at, v, words))
	}
	switch v := v.(type) {
	case map[string]any:
		properties := object(schema["properties"])
		for name, value := range v {
			if p, ok := properties[name]; ok {
				wrong = append(wrong, s.misfits(at+"."+name, object(p), value)...)
			} else if schema["additionalProperties"] == false {
				wrong = append(wrong, at+"."+name+" is not described")
			}
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[fmt.Sprint(name)]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s.%v is missing", at, name))
			}
		}
	case []any:
		for i, value := range v {
			wrong = append(wrong, s.misfits(fmt.Sprintf("%s[%d]", at, i), object(schema["items"]), value)...)
		}
	}
	return wrong
}

// file is an iCalendar file with one event for each line "uid|subject|start|end|categories", times in UTC as in 20261005T070000Z.
func file(lines ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	for _, line := range lines {
		f := strings.Split(line, "|")
		fmt.Fprintf(&b,
			"BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:%s\r\nDTSTART:%s\r\nDTEND:%s\r\nCATEGORIES:%s\r\nEND:VEVENT\r\n", f[0],
			f[1], f[2], f[3], f[4])
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// week is five events, two of which share time.
var week = file(
	"a@example.com|Acme review|20261012T070000Z|20261012T080000Z|Acme - billable",
	"b@example.com|Acme planning|20261012T073000Z|20261012T083000Z|Acme - billable",
	"c@example.com|Dentist|20261013T070000Z|20261013T080000Z|Admin - non-billable",
	"d@example.com|Flight to Berlin|20261014T070000Z|20261014T080000Z|Acme - billable",
	"e@example.com|Workshop|20261015T070000Z|20261015T150000Z|Initech - billable",
)

// calendar creates a calendar and returns its id.
func (s *service) calendar(uri string) string {
	s.t.Helper()
	return s.do("POST", "/v1/calendars", map[string]any{"uri": uri}).is(201).str("id")
}

// seed makes a calendar with week's events and a config, and returns the ids of both.
func (s *service) seed(overlaps string) (calendarID, configID string) {
	s.t.Helper()
	calendarID = s.calendar(seeded)
	s.do("POST", "/v1/calendars/"+calendarID+"/import", week, "Content-Type", "text/calendar").is(200)
	configID = s.do("POST", "/v1/archive-configs", config("work", map[string]any{"overlaps": overlaps, "verify": "none"})).is(201).str("id")
	return calendarID, configID
}

// config is the body of a config, with some fields changed.
func config(name string, change map[string]any) map[string]any {
	c := map[string]any{"name": name, "source": seeded, "archive": "local://me/calendars/Archive of " + name, "timezone": "Europe/Berlin"}
	maps.Copy(c, change)
	return c
}

// all follows a list to its end, some items a page, and returns all items as JSON text.
func (s *service) all(path string, limit int) (items []string) {
	s.t.Helper()
	u, err := url.Parse(path)
	check(s.t, err)
	q := u.Query()
	q.Set("limit", fmt.Sprint(limit))
	for range 1000 {
		u.RawQuery = q.Encode()
		a := s.do("GET", u.String(), nil).is(200)
		got := a.items()
		if len(got) > limit {
			s.t.Fatalf("%s: %d items on a page of %d", path, len(got), limit)
		}
		for _, it := range got {
			text, err := json.Marshal(it)
			check(s.t, err)
			items = append(items, string(text))
		}
		next := a.str("next")
		if next == "" {
			return items
		}
		q.Set("cursor", next)
	}
	s.t.Fatalf("%s: has no end", path)
	return nil
}

// barredBy are the users who are disabled.
func barredBy(users *account.Users) func(ctx context.Context, keys []string) (map[string]job.Reason, error) {
	return func(ctx context.Context, keys []string) (map[string]job.Reason, error) {
		disabled, _, err := users.Barred(ctx, keys, calendar.Date{})
		why := map[string]job.Reason{}
		for key := range disabled {
			why[key] = job.UserDisabled
		}
		return why, err
	}
}
