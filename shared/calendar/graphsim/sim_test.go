package graphsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	user = "alex@consulting.example"
	mark = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Mark"
)

// client calls a simulator over HTTP.
type client struct {
	t    testing.TB
	base string
	http *http.Client
	sim  *Server
	zone string // of Prefer
}

// start serves a simulator with one mailbox.
func start(t testing.TB, o Options) (*Server, *client) {
	t.Helper()
	sim := New(o)
	if err := sim.AddMailbox(Mailbox{ID: user, Name: "Alex Brandt", TimeZone: "Europe/Berlin"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return sim, &client{t: t, base: server.URL + "/v1.0", http: server.Client(), sim: sim}
}

// in is the client in a subtest.
func (c *client) in(t *testing.T) *client {
	sub := *c
	sub.t = t
	return &sub
}

// answer is what came back. Its fields are looked up by a path, as in "value/0/subject".
type answer struct {
	t      testing.TB
	status int
	header http.Header
	text   string
	json   any
}

// do calls; headers come in pairs. path follows the version, or is a whole address.
func (c *client) do(method, path, body string, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *client) try(method, path, body string, headers ...string) (answer, error) {
	c.t.Helper()
	if !strings.Contains(path, "://") {
		path = c.base + path
	}
	if p, query, ok := strings.Cut(path, "?"); ok {
		path = p + "?" + strings.NewReplacer(" ", "%20", "'", "%27", "{", "%7B", "}", "%7D", "+", "%2B").Replace(query)
	}
	r, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Add("Prefer", `IdType="ImmutableId"`)
	if c.zone != "" {
		r.Header.Add("Prefer", `outlook.timezone="`+c.zone+`"`)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	a := answer{t: c.t, status: response.StatusCode, header: response.Header, text: string(text)}
	if err == nil && len(text) > 0 {
		in := json.NewDecoder(bytes.NewReader(text))
		in.UseNumber()
		if err := in.Decode(&a.json); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return a, err
}

// at looks a path up; what is not there is nil.
func (a answer) at(path string) any {
	v := a.json
	for name := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i := number(name, 0)
			if i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) field(path string) string {
	switch v := a.at(path).(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case nil:
		return ""
	default:
		text, _ := json.Marshal(v)
		return string(text)
	}
}

// all joins a field of every element of value.
func (a answer) all(path string) string {
	list, _ := a.at("value").([]any)
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = answer{json: list[i]}.field(path)
	}
	return strings.Join(texts, " ")
}

// is checks the status, and the code of an error.
func (a answer) is(status int, code ...string) answer {
	a.t.Helper()
	if a.status != status || len(code) > 0 && a.field("error/code") != code[0] {
		a.t.Fatalf("answered %d %s, want %d %v", a.status, a.text, status, code)
	}
	return a
}

// has checks fields; they come in pairs of path and text.
func (a answer) has(fields ...string) answer {
	a.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		if got := a.field(fields[i]); got != fields[i+1] {
			a.t.Errorf("%s is %q, want %q, in %.2000s", fields[i], got, fields[i+1], a.text)
		}
	}
	return a
}

// draft is an event that invites nobody; more are further members.
func draft(subject, start, end string, more ...string) string {
	o := map[string]any{
		"subject": subject, "isReminderOn": false,
		"start": map[string]any{"dateTime": start, "timeZone": "W. Europe Standard Time"},
		"end":   map[string]any{"dateTime": end, "timeZone": "W. Europe Standard Time"},
	}
	for i := 0; i < len(more); i += 2 {
		o[more[i]] = json.RawMessage(more[i+1])
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// post creates an event in the default calendar and returns its id.
func (c *client) post(body string) string {
	c.t.Helper()
	return c.do("POST", "/me/events", body).is(201).field("id")
}

const october = "startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-11-01T00:00:00Z"

func marked(value string) string {
	return `[{"id":"` + mark + `","value":"` + value + `"}]`
}

func byMark(values ...string) string {
	var terms []string
	for _, v := range values {
		terms = append(terms, "singleValueExtendedProperties/Any(ep: ep/id eq '"+mark+"' and ep/value eq '"+v+"')")
	}
	return "$filter=" + strings.Join(terms, " or ")
}
