package graphsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// call is one request: an HTTP request, or one of those in a batch.
type call struct {
	server    *Server
	at        time.Time // of its arrival
	requestID string
	method    string
	base      string   // address of the version that was called, "http://127.0.0.1:8081/v1.0"
	path      []string // decoded segments after the base: "me", "events", "AAkA..."
	rawQuery  string
	header    http.Header
	body      []byte
	tenant    string // of the token; empty: it names none
	mailbox   *mailbox
	entry     *Entry // what the log says about it
	fault     strike // what a fault does to it
	preferences
	applied []string // preferences that were honoured, as the header Preference-Applied has them
}

// reply is an answer. Its body is JSON, or nothing where body is nil.
type reply struct {
	status int
	header http.Header
	body   any
}

func ok(body any) *reply { return &reply{status: http.StatusOK, body: body} }

func (r *reply) set(name, value string) {
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
}

// segments decodes a path. The simulator's clients may call it under any base path: the base ends where users, me or $batch begin.
func segments(escaped string) (base string, path []string, err error) {
	raw := strings.Split(escaped, "/")
	start := len(raw)
	for i, s := range raw {
		if s == "users" || s == "me" || s == "$batch" || s == "%24batch" {
			start = i
			break
		}
	}
	base = strings.TrimSuffix(strings.Join(raw[:start], "/"), "/")
	for _, s := range raw[start:] {
		text, err := url.PathUnescape(s)
		if err != nil || text == "" {
			return base, nil, bad("Resource not found for the segment '%.100s'.", s)
		}
		path = append(path, text)
	}
	if len(path) == 0 {
		return base, nil, bad("Resource not found for the segment '%.100s'.", raw[len(raw)-1])
	}
	return base, path, nil
}

func (c *call) clientRequestID() string {
	if id := c.header.Get("client-request-id"); id != "" {
		return id
	}
	return c.requestID
}

// object reads the body as one JSON object.
func (c *call) object() (object, error) {
	if kind := c.header.Get("Content-Type"); !strings.HasPrefix(strings.ToLower(kind), "application/json") {
		return nil, bad("A valid Content-Type header is required: expected application/json, not '%.60s'.", kind)
	}
	return readObject(c.body)
}

func readObject(text []byte) (object, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var o object
	if err := in.Decode(&o); err != nil || o == nil {
		return nil, bad("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, bad("Unable to read JSON request payload: there is more after the object.")
	}
	return o, nil
}

// preferences are the Prefer headers that the simulator honours (RFC 7240).
type preferences struct {
	zoneName  string // as asked; UTC otherwise
	zone      *time.Location
	immutable bool // ids are immutable ones
	text      bool // bodies are plain text
}

// inUTC are the preferences of a request that has none.
var inUTC = preferences{zoneName: "UTC", zone: time.UTC}

// prefer reads the Prefer headers. What they ask for that is not known is ignored, as RFC 7240 wants it; a time zone that does not exist is an error.
func (c *call) prefer() error {
	p := &c.preferences
	*p = inUTC
	for _, line := range c.header.Values("Prefer") {
		for _, item := range splitOutside(line, ',', '"', '"') {
			item, _, _ = strings.Cut(item, ";")
			name, value, _ := strings.Cut(item, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "outlook.timezone"):
				zone, err := calendar.LoadZone(value)
				if err != nil {
					return badZone(value)
				}
				p.zoneName, p.zone = value, zone
				c.applied = append(c.applied, `outlook.timezone="`+value+`"`)
			case strings.EqualFold(name, "IdType") && strings.EqualFold(value, "ImmutableId"):
				p.immutable = true
				c.applied = append(c.applied, `IdType="ImmutableId"`)
			case strings.EqualFold(name, "outlook.body-content-type") && strings.EqualFold(value, "text"):
				p.text = true
				c.applied = append(c.applied, `outlook.body-content-type="text"`)
			}
		}
	}
	return nil
}

// splitOutside splits text at sep where it is not between open and shut, which may nest if they differ, nor in a 'string'.
func splitOutside(text string, sep, open, shut byte) []string {
	var parts []string
	depth, quoted, from := 0, false, 0
	for i := range len(text) {
		switch b := text[i]; {
		case b == '\'' && open != '"':
			quoted = !quoted
		case quoted:
		case b == open && (open != shut || depth == 0):
			depth++
		case b == shut:
			depth--
		case b == sep && depth == 0:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
