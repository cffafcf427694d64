package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/notice"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/stamp"
	"adminassistant/shared/stamp/authority"
	"adminassistant/shared/stamp/stamptest"
)

var updateExamples = flag.Bool("update", false, "write examples.json anew, of what the story was answered")

// Who and what the story is about: Ana, who works for customers of her own, and Ben, who administers the tenant.
const (
	storyTenant = "8a5e1f0c-2b47-4d19-a3c6-7e9f0b1d2c3a"
	storyClient = "1c3d5e7f-9a0b-4c2d-8e4f-6a8b0c2d4e6f"
	storyAna    = "4f8a2c1e-6b3d-4e7a-9c05-1d2e3f4a5b6c"
	storyBen    = "7b2d9e4a-1c5f-4a80-b6d3-0e8f7a6b5c4d"
	storyCleo   = "e5c3a1f7-8d6b-4029-9f4e-3c2b1a0d9e8f"
	storyOther  = "d2b4f6a8-0c1e-4f3a-8b5d-7e9f1a3c5b7d" // another tenant
	storyBegin  = "2026-11-02T08:00:00Z"
)

// october is what Ana's Outlook has of October 2026.
var october = strings.Join([]string{
	"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//story//EN",
	meeting("kickoff", "Acme kick-off", "20261005T070000Z", "20261005T100000Z", "Acme - billable", "LOCATION:Acme\\, Berlin"),
	meeting("review", "Acme review", "20261006T080000Z", "20261006T090000Z", "Acme - billable", ""),
	meeting("planning", "Acme planning", "20261006T083000Z", "20261006T093000Z", "Acme - billable", ""),
	meeting("workshop", "Acme workshop", "20261007T120000Z", "20261007T150000Z", "Acme - billable", "LOCATION:Acme\\, Berlin"),
	meeting("globex", "Globex call", "20261007T070000Z", "20261007T080000Z", "Globex - billable", "LOCATION:Globex\\, Potsdam"),
	meeting("old", "Acme contract", "20261008T070000Z", "20261008T080000Z", "Acme GmbH - billable", ""),
	meeting("taxes", "Taxes", "20261009T070000Z", "20261009T080000Z", "Admin - non-billable", ""),
	meeting("adviser", "Tax adviser", "20261009T073000Z", "20261009T083000Z", "Admin - non-billable", ""),
	meeting("dentist", "Dentist", "20261012T070000Z", "20261012T080000Z", "", "CLASS:PRIVATE"),
	"END:VCALENDAR", "",
}, "\r\n")

func meeting(uid, subject, start, end, categories, more string) string {
	lines := []string{
		"BEGIN:VEVENT", "UID:" + uid + "@example.com", "DTSTAMP:20260901T000000Z", "SUMMARY:" + subject, "DTSTART:" + start, "DTEND:" + end,
		"ORGANIZER:mailto:ana@example.com",
	}
	if strings.Contains(subject, "Acme") {
		lines = append(lines, "ATTENDEE;CN=Alex:mailto:alex@acme.example")
	}
	if categories != "" {
		lines = append(lines, "CATEGORIES:"+categories)
	}
	if more != "" {
		lines = append(lines, more)
	}
	return strings.Join(append(lines, "END:VEVENT"), "\r\n")
}

// lunch is a small file to be imported.
const lunch = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//story//EN\r\nBEGIN:VEVENT\r\nUID:lunch@example.com\r\nDTSTAMP:20260901T000000Z\r\n" +
	"SUMMARY:Lunch with Alex\r\nDTSTART:20261006T100000Z\r\nDTEND:20261006T110000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// large is that file with 5 MB.
var large = lunch + strings.Repeat(" ", 5<<20-len(lunch))

// step is one request of the story. The first one of a route is its example. In all its texts $name stands for what an earlier step kept.
type step struct {
	route string // its pattern
	path  string // what its parameters are, in their order, separated by blanks
	query string
	body  string // JSON, or what send is of
	send  string // content type of the body; empty: JSON
	head  string // further headers: "If-Match: *"
	by    string // who asks; empty: Ana
	keep  string // what is kept of the answer: "run=id next=items.0.id"; "tag=" is its ETag
	aside bool   // it is part of the story, and no example
	then  func(*story)
}

// story is the API with all that is around it.
type story struct {
	*service
	sim     *graphsim.Server
	signIn  *entrasim.Server
	anchors *stamp.Anchors
	bucket  *receiving
	kept    map[string]string
}

type storyClock struct{ now func() time.Time }

func (c storyClock) Now() time.Time                     { return c.now() }
func (storyClock) Sleep(context.Context, time.Duration) {}

// storyID makes ids that look like those of the product, and are the same each time.
func storyID(n int64, at time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(at))
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	_ = id.SetEntropy(append(binary.BigEndian.AppendUint32(nil, uint32(n)), sum[:6]...))
	return id.String()
}

func openStory(t *testing.T) *story {
	t.Helper()
	st := &story{kept: map[string]string{}, bucket: &receiving{url: "https://bucket.example"}}
	at, err := time.Parse(time.RFC3339, storyBegin)
	check(t, err)
	now := func() time.Time {
		if st.service == nil {
			return at
		}
		return time.Unix(st.now.Load(), 0).UTC()
	}
	st.sim = graphsim.New(graphsim.Options{Clock: storyClock{now}})
	check(t, st.sim.AddMailbox(graphsim.Mailbox{ID: storyAna, Address: "ana@example.com", Name: "Ana", TimeZone: "Europe/Berlin"}))
	check(t, st.sim.AddMailbox(graphsim.Mailbox{ID: storyCleo, Address: "cleo@example.com"}))
	check(t, st.sim.LoadICS("ana@example.com", "", strings.NewReader(october)))
	for _, name := range []string{"Acme - billable", "Acme GmbH - billable"} {
		_, err := st.sim.AddCategory("ana@example.com", name, "preset4")
		check(t, err)
	}
	remote := httptest.NewServer(st.sim)
	t.Cleanup(remote.Close)
	outlook, err := graph.New(graph.Options{BaseURL: remote.URL + "/v1.0", Token: "token", ForOwners: true})
	check(t, err)
	st.signIn = entrasim.New(entrasim.Options{Apps: []entrasim.App{{Client: storyClient}}, Clock: now, Users: []entrasim.User{
		{Tenant: storyTenant, Object: storyAna, Name: "Ana", Username: "ana@example.com"},
		{Tenant: storyTenant, Object: storyBen, Name: "Ben", Username: "ben@example.com", Roles: []string{"admin"}},
		{Tenant: storyTenant, Object: storyCleo, Name: "Cleo", Username: "cleo@example.com"},
	}})
	entra, err := st.signIn.Start("")
	check(t, err)
	t.Cleanup(func() { _ = entra.Close() })
	verifier, err := bearer.New(bearer.Options{
		Authority: entra.URL, Audiences: []string{storyClient}, Clients: []string{storyClient}, Tenants: []string{storyTenant},
		HTTPClient: entra.Client, Clock: now,
	})
	check(t, err)
	stamps := stamptest.Start(t, now)
	trust, err := stamp.ReadTrust(stamps.PEM)
	check(t, err)
	stamper, err := authority.New(stamps.URL, http.DefaultTransport)
	check(t, err)
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	check(t, err)
	st.service = newServiceWith(t, storyID, func(service *service, s *Services) {
		service.now.Store(at.Unix())
		service.mailboxes = func(user string) (calendar.Provider, error) { return outlook.For(s.Users.Reach(user)) }
		s.Authenticate, s.Sessions, s.Attempts = verifier.Authenticate, session.New(service.table, s.Clock), session.NewAttempts(service.table, s.Clock)
		s.Tenants = tenant.New(service.table, []string{storyTenant}, s.Clock)
		s.SignIn, err = microsoft.New(microsoft.Options{
			Client: storyClient, RedirectURL: "https://admin-assistant.example.com/auth/callback", Tenants: []string{storyTenant},
			Table: service.table, Keeper: secret.New(wrapper, s.Clock, secret.Limits{}), Clock: s.Clock,
		})
		check(t, err)
		s.CLI = CLISignIn{
			Authority: "https://login.microsoftonline.com", Client: storyClient, Scope: "api://" + storyClient + "/access_as_user", Tenants: []string{storyTenant},
		}
		st.bucket.Blob, s.Blobs = s.Blobs, st.bucket
		st.anchors = &stamp.Anchors{
			Table: service.table, Authority: stamper, Name: "https://time-stamps.example.com", Trust: trust, Signer: s.Signing, Clock: s.Clock,
		}
		s.Stamps = st.anchors
		s.Timesheets.Post.Sender = &counted{}
		st.equip(service, s)
	})
	return st
}

// equip has the worker do what it does in the product: all kinds of runs, and tell who asked of what became of them.
func (st *story) equip(service *service, s *Services) {
	archiver := service.worker.Handlers[run.Archive].(*archive.Runner)
	archiver.Witness = st.anchors
	engine := archive.Engine(*archiver)
	service.worker.Handlers[run.Decide] = (*archive.Decider)(&engine)
	service.worker.Handlers[run.Verify] = &archive.Verifier{Engine: &engine, Chain: func(ctx context.Context, user, config string) (archive.Chain, error) {
		v, err := s.Verifier.Verify(ctx, user, config, nil)
		return archive.Chain{OK: v.OK, Links: v.Links, Entries: v.Entries, Head: v.Head}, err
	}}
	service.worker.Handlers[run.Repair] = &archive.Repairer{Verifier: *service.worker.Handlers[run.Verify].(*archive.Verifier)}
	tells := &notice.Notices{
		Kinds: s.Kinds, Actions: s.Actions, Notifications: s.Notifications, Jobs: s.Jobs, Runs: s.Runs, Configs: s.Configs, Profile: s.Users.Of,
		Records: service.table, Signer: s.Signing, EndDigest: s.Users.EndDigest, Clock: s.Clock,
	}
	ended := func(ctx context.Context, r *run.Run) error {
		if err := s.Deciding.Ended(ctx, r); err != nil {
			return err
		}
		return tells.RunEnded(ctx, r)
	}
	service.worker.Ended, service.backupWorker.Ended = ended, ended
	service.worker.Kinds, service.backupWorker.Kinds = s.Kinds, s.Kinds
}

var variable = regexp.MustCompile(`\$[a-z]+`)

func (st *story) fill(text string) string {
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := st.kept[name[1:]]
		if !ok {
			st.t.Errorf("%s was not kept before %q", name, text)
		}
		return value
	})
}

// play asks for a step and returns the example that it is.
func (st *story) play(s step) *example {
	st.t.Helper()
	method, path, _ := strings.Cut(s.route, " ")
	e := &example{Path: map[string]string{}, Query: map[string]string{}, Header: map[string]string{}, Type: s.send}
	values := strings.Split(s.path, " ")
	for i, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if i >= len(values) || values[i] == "" {
			st.t.Fatalf("%s: no value of %s", s.route, name[1])
		}
		e.Path[name[1]] = st.fill(strings.ReplaceAll(values[i], "+", " "))
	}
	query, err := url.ParseQuery(st.fill(s.query))
	check(st.t, err)
	for name, all := range query {
		e.Query[name] = all[0]
	}
	header := []string{"User-Agent", "curl/8.5.0"}
	e.Session = strings.Contains(s.head, "Cookie: ")
	for line := range strings.SplitSeq(st.fill(s.head), "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			header = append(header, name, value)
			if name != "Cookie" && name != headerCSRF {
				e.Header[name] = value
			}
		}
	}
	who := map[string]string{"": storyAna, "Ben": storyBen, "Cleo": storyCleo}[s.by]
	if who != "" && !e.Session {
		header = append(header, "Authorization", "Bearer "+st.signIn.Token(who))
	}
	var body any
	if s.body != "" {
		in := *st
		in.kept = map[string]string{}
		for name, value := range st.kept { // they go into JSON texts
			escaped, err := json.Marshal(value)
			check(st.t, err)
			in.kept[name] = strings.Trim(string(escaped), `"`)
		}
		body = in.fill(s.body)
		e.Body = json.RawMessage(body.(string))
		if s.send != "" {
			header = append(header, "Content-Type", s.send)
			e.Body, err = json.Marshal(body)
			check(st.t, err)
		}
	}
	a := st.do(method, e.target(path), body, header...)
	if a.StatusCode >= 400 {
		st.t.Errorf("%s: %d %s", s.route, a.StatusCode, a.body)
		return nil
	}
	e.Status = a.StatusCode
	if len(a.body) > 0 {
		e.Answers = strings.Split(a.Header.Get("Content-Type"), ";")[0]
		switch {
		case a.json != nil:
			e.Answer = a.body
		case strings.HasPrefix(e.Answers, "text/"):
			e.Answer, err = json.Marshal(string(a.body))
			check(st.t, err)
		}
	}
	for _, word := range strings.Fields(s.keep) {
		name, member, _ := strings.Cut(word, "=")
		if st.kept[name] = a.Header.Get("ETag"); member != "" {
			st.kept[name] = a.at(member)
		}
	}
	if s.then != nil {
		s.then(st)
	}
	return e
}

// at is a member of the answer; numbers go into lists.
func (a answer) at(path string) string {
	a.t.Helper()
	v := a.json
	for name := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok {
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(list) {
				a.t.Fatalf("no %s in %s", path, a.body)
			}
			v = list[i]
			continue
		}
		v = object(v)[name]
	}
	if v == nil {
		a.t.Fatalf("no %s in %s", path, a.body)
	}
	return fmt.Sprint(v)
}

// works carries out all runs that wait.
func works(st *story) { st.service.work() }

// chance are the parts of texts that are another one each time: keys, signatures, ids that others make, and what is made of them.
var chance = regexp.MustCompile("" +
	`admin-assistant-[0-9a-f]{8}|[0-9a-f]{32,}|[0-9A-HJKMNP-TV-Z]{26}|[A-Za-z0-9+/_-]{40,}={0,2}|AA[A-Za-z0-9_=-]{8,}|` +
	`"(bytes|raw_bytes|duration_ms|store|requests|sub_requests|up|down)": ?[0-9]+`)

// plain is an example without what chance made of it.
func plain(e *example) string {
	var out bytes.Buffer
	text, err := json.Marshal(e)
	if err != nil || json.Indent(&out, text, "", " ") != nil {
		return fmt.Sprint(err)
	}
	return chance.ReplaceAllStringFunc(out.String(), func(found string) string {
		if name, _, ok := strings.Cut(found, ":"); ok {
			return name + ": 0"
		}
		return "…"
	})
}

// TestTheExamplesTellOneStory plays what the document has as examples against the API, in order, and demands that each is answered as the document says.
func TestTheExamplesTellOneStory(t *testing.T) {
	st, recorded := openStory(t), examples()
	played := map[string]*example{}
	for _, s := range theStory {
		if e := st.play(s); e != nil && !s.aside && played[s.route] == nil {
			played[s.route] = e
		}
	}
	for pattern, e := range played {
		if before := recorded[pattern]; before != nil && plain(before) == plain(e) {
			played[pattern] = before // what chance made stays as it was
		} else if !*updateExamples {
			want := "nothing"
			if before != nil {
				want = plain(before)
			}
			t.Errorf("%s is no more as in examples.json; go test -update writes it anew:\n%s", pattern, cmp.Diff(want, plain(e)))
		}
	}
	if !*updateExamples {
		return
	}
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	to.SetIndent("", "\t")
	check(t, to.Encode(played))
	check(t, os.WriteFile("examples.json", out.Bytes(), 0o644))
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// patterns are those of the document's operations.
func patterns(s *service) (all []string) {
	for path, item := range object(s.document["paths"]) {
		for method := range object(item) {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(all)
	return all
}
