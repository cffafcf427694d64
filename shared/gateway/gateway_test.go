package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

type contextKey struct{}

// handler answers requests with api; what is unreadable, and panics, in one word.
func handler(api http.HandlerFunc) *Handler {
	return &Handler{
		API: api,
		Unreadable: func(_ context.Context, w http.ResponseWriter, why string) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, why)
		},
		TooLarge: func(_ context.Context, w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, "too large")
		},
		Panicked: func(_ context.Context, w http.ResponseWriter, value any) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprint(w, "panic: ", value)
		},
	}
}

// invoke hands an event to h and reads the answer.
func invoke(t testing.TB, h *Handler, payload []byte) (a events.APIGatewayV2HTTPResponse, raw []byte) {
	t.Helper()
	raw, err := h.Invoke(context.WithValue(context.Background(), contextKey{}, "kept"), payload)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return a, raw
}

// marshal makes an event of the text of one; changes are made to its members.
func marshal(t testing.TB, change func(*events.APIGatewayV2HTTPRequest)) []byte {
	t.Helper()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/v1/me", Headers: map[string]string{"host": "api.example.com"}}
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.SourceIP, e.RequestContext.DomainName = "GET", "203.0.113.7", "api.example.com"
	if change != nil {
		change(&e)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// seen returns the request that an event becomes, with its body; nil if it is unreadable.
func seen(t testing.TB, payload []byte) (r *http.Request, body []byte) {
	t.Helper()
	a, _ := invoke(t, handler(func(_ http.ResponseWriter, got *http.Request) {
		var err error
		if body, err = io.ReadAll(got.Body); err != nil {
			t.Error(err)
		}
		r = got
	}), payload)
	if (r == nil) != (a.StatusCode == http.StatusBadRequest) {
		t.Errorf("answered %d", a.StatusCode)
	}
	return r, body
}

func TestPath(t *testing.T) {
	t.Run("a path arrives as it is, whatever is in it", func(t *testing.T) {
		for _, path := range []string{
			"/", "/%", "/%25", "/\n", "/\x00", "/v1/a?b=c", "/v1/a#b", "/a b", "/ü", "//evil.example/x", "/v1/%zz", "/v1/../me", "/:", "/\u202e",
		} {
			r, _ := seen(t, marshal(t, func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = path }))
			if r == nil || r.URL.Path != path || r.URL.RawQuery != "" || r.URL.Fragment != "" || r.URL.Host != "" {
				t.Fatalf("%q arrives as %+v", path, r)
			}
			again, err := http.NewRequest(r.Method, "https://api.example.com"+r.RequestURI, nil)
			if err != nil || again.URL.Path != path || strings.ContainsAny(r.RequestURI, "\n\x00 ?#") {
				t.Errorf("%q is asked for as %q (%v)", path, r.RequestURI, err)
			}
		}
	})
	t.Run("it leads nowhere else", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("/v1/me", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "me") })
		mux.HandleFunc("/v1/runs/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("id")) })
		for path, want := range map[string]string{
			"/v1/me": "me", "/v1/me?": "", "/v1/me#": "", "/v1/me%": "", "/v1/me\n": "", "/v1/me\x00": "", "/v1%2Fme": "", "/v1/%6De": "", "/v1/runs/a?b": "a?b",
			"/v1/runs/%": "%", "/v1/runs/%2F": "%2F", "/v1/runs/a#b": "a#b", "/v1/runs/a%3Fb": "a%3Fb",
		} {
			a, _ := invoke(t, handler(mux.ServeHTTP), marshal(t, func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = path }))
			if want == "" && a.StatusCode != http.StatusNotFound || want != "" && (a.StatusCode != http.StatusOK || a.Body != want) {
				t.Errorf("%q: answered %d with %q", path, a.StatusCode, a.Body)
			}
		}
	})
}

func TestRequest(t *testing.T) {
	t.Run("all of an event is in the request", func(t *testing.T) {
		r, body := seen(t, marshal(t, func(e *events.APIGatewayV2HTTPRequest) {
			e.RawQueryString = "b=%20x&a=1&a=2&c=%zz;"
			e.QueryStringParameters = map[string]string{"a": "1,2", "b": " x"}
			e.Headers = map[string]string{"host": "other.example", "accept": "a/b, c/d,e/f", "x-empty": "", "authorization": "Bearer x,y"}
			e.Cookies = []string{"a=1", "b=2; c"}
			e.RequestContext.HTTP.Method, e.Body = "POST", `{"name": "Zürich"}`
		}))
		if r == nil {
			t.Fatal("it is unreadable")
		}
		want := http.Header{"Accept": {"a/b, c/d,e/f"}, "X-Empty": {""}, "Authorization": {"Bearer x,y"}, "Cookie": {"a=1", "b=2; c"}}
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Error(diff)
		}
		if r.Method != "POST" || r.URL.RawQuery != "b=%20x&a=1&a=2&c=%zz;" || r.RequestURI != "/v1/me?b=%20x&a=1&a=2&c=%zz;" || r.Host != "api.example.com" ||
			r.RemoteAddr != "203.0.113.7" || r.Context().Value(contextKey{}) != "kept" || !r.ProtoAtLeast(1, 1) {
			t.Errorf("%+v", r)
		}
		if string(body) != `{"name": "Zürich"}` || r.ContentLength != int64(len(body)) {
			t.Errorf("%d bytes: %q", r.ContentLength, body)
		}
		if c, err := r.Cookie("b"); err != nil || c.Value != "2" {
			t.Errorf("%v, %v", c, err)
		}
	})
	t.Run("without a domain the header says which host", func(t *testing.T) {
		if r, _ := seen(t, marshal(t, func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.DomainName = "" })); r.Host != "api.example.com" {
			t.Errorf("%q", r.Host)
		}
	})
	t.Run("a body in base64 arrives as it was sent", func(t *testing.T) {
		sent := []byte{0, 0xff, 'x', '\n'}
		r, body := seen(t, marshal(t, func(e *events.APIGatewayV2HTTPRequest) {
			e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(sent), true
		}))
		if !bytes.Equal(body, sent) || r.ContentLength != 4 {
			t.Errorf("%q of %d", body, r.ContentLength)
		}
	})
	t.Run("without a body there is none", func(t *testing.T) {
		if r, _ := seen(t, marshal(t, nil)); r.Body != http.NoBody || r.ContentLength != 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("what is no request is refused with the reason", func(t *testing.T) {
		change := func(f func(*events.APIGatewayV2HTTPRequest)) string { return string(marshal(t, f)) }
		head := func(name, value string) string {
			return change(func(e *events.APIGatewayV2HTTPRequest) { e.Headers[name] = value })
		}
		for _, c := range []struct{ payload, why string }{
			{"", notAnEvent}, {"{", notAnEvent}, {"null", notAnEvent}, {"[]", notAnEvent}, {"7", notAnEvent}, {`"/"`, notAnEvent}, {"{}", notAnEvent},
			{`{"version": "2.0", "rawPath": 5}`, notAnEvent}, {`{"Records": []}`, notAnEvent},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.Version = "1.0" }), notAnEvent},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "" }), noMethod},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "GET /" }), noMethod},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = "GÉT" }), noMethod},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "" }), noPath},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "v1/me" }), noPath},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "*" }), noPath},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RawQueryString = "a\nb" }), noQuery},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.RawQueryString = "a\x7f" }), noQuery},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.Body, e.IsBase64Encoded = "*", true }), noBase64},
			{change(func(e *events.APIGatewayV2HTTPRequest) { e.Cookies = []string{"a\r\nb"} }), noHeader},
			{head("x-a", "1\n2"), noHeader}, {head("x-a", "\x00"), noHeader}, {head("x a", "1"), noHeader}, {head("", "1"), noHeader}, {head("ü", "1"), noHeader},
		} {
			a, _ := invoke(t, handler(func(http.ResponseWriter, *http.Request) { t.Errorf("%s: it was handled", c.payload) }), []byte(c.payload))
			if a.StatusCode != http.StatusBadRequest || a.Body != c.why {
				t.Errorf("%s: answered %d with %q, want %q", c.payload, a.StatusCode, a.Body, c.why)
			}
		}
	})
	t.Run("tabs and other letters may be in a header", func(t *testing.T) {
		r, _ := seen(t, marshal(t, func(e *events.APIGatewayV2HTTPRequest) { e.Headers["x-a"] = "a\tü" }))
		if r == nil || r.Header.Get("X-A") != "a\tü" {
			t.Errorf("%+v", r)
		}
	})
}

func TestAnswer(t *testing.T) {
	answerTo := func(t *testing.T, method string, api http.HandlerFunc) (events.APIGatewayV2HTTPResponse, []byte) {
		t.Helper()
		return invoke(t, handler(api), marshal(t, func(e *events.APIGatewayV2HTTPRequest) { e.RequestContext.HTTP.Method = method }))
	}
	t.Run("all of it is handed back", func(t *testing.T) {
		got, raw := answerTo(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "text/html")
			h.Add("Vary", "A")
			h.Add("Vary", "B, C")
			h.Add("Set-Cookie", "a=1; Secure")
			h.Add("Set-Cookie", "b=2, 3\r\nX-Evil: 1")
			h.Set("Location", "/a\r\nX-Evil: 1")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
			h.Set("X-Late", "1")
			_, _ = io.WriteString(w, "<b>")
			_, _ = io.WriteString(w, "Zürich\x00</b>")
		})
		want := events.APIGatewayV2HTTPResponse{
			StatusCode: 201, Body: "<b>Zürich\x00</b>", Cookies: []string{"a=1; Secure", "b=2, 3  X-Evil: 1"},
			Headers: map[string]string{"Content-Type": "text/html", "Vary": "A, B, C", "Location": "/a  X-Evil: 1"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !bytes.Contains(raw, []byte("<b>")) {
			t.Errorf("%s", raw)
		}
	})
	t.Run("a body that is no text comes in base64, with its type found out", func(t *testing.T) {
		body := "PK\x03\x04\xff\xfe"
		got, _ := answerTo(t, "GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		text, err := base64.StdEncoding.DecodeString(got.Body)
		if err != nil || string(text) != body || !got.IsBase64Encoded || got.StatusCode != http.StatusOK || got.Headers["Content-Type"] != "application/zip" {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("a handler that says nothing says 200", func(t *testing.T) {
		got, _ := answerTo(t, "GET", func(http.ResponseWriter, *http.Request) {})
		if got.StatusCode != http.StatusOK || got.Body != "" || got.IsBase64Encoded || len(got.Cookies) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("where HTTP has no body none is handed back", func(t *testing.T) {
		for method, status := range map[string]int{"HEAD": 200, "GET": 304, "DELETE": 204} {
			got, _ := answerTo(t, method, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "x")
			})
			if got.Body != "" || got.IsBase64Encoded || got.StatusCode != status {
				t.Errorf("%s %d: %+v", method, status, got)
			}
		}
	})
	t.Run("the largest answer passes Lambda, whatever is in it", func(t *testing.T) {
		for _, letter := range []string{"x", `"`, "\\", "<", "\x01", "\u2028", "\xff"} {
			body := strings.Repeat(letter, 4<<20/len(letter))
			got, raw := answerTo(t, "GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			text := []byte(got.Body)
			if got.IsBase64Encoded {
				text, _ = base64.StdEncoding.DecodeString(got.Body)
			}
			if len(raw) > 6<<20 || string(text) != body || got.IsBase64Encoded != (letter != "x" && letter != "<") {
				t.Errorf("%q: %d bytes, base64 %v", letter, len(raw), got.IsBase64Encoded)
			}
		}
	})
	t.Run("a panic is answered, and nothing else of the answer", func(t *testing.T) {
		for _, value := range []any{"oh", http.ErrAbortHandler} {
			got, _ := answerTo(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Half", "1")
				_, _ = io.WriteString(w, "half")
				panic(value)
			})
			if got.StatusCode != http.StatusInternalServerError || got.Body != fmt.Sprint("panic: ", value) || got.Headers["X-Half"] != "" {
				t.Errorf("%+v", got)
			}
		}
	})
}

// FuzzInvoke shows that whatever comes gets an answer, and that a request that is made of it is one that could have come over a network.
func FuzzInvoke(f *testing.F) {
	files, err := filepath.Glob("../../events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, path := range []string{"/%", "/%25", "/\n", "/\x00", "/?", "/#", "//", "/..", ""} {
		f.Add(marshal(f, func(e *events.APIGatewayV2HTTPRequest) { e.RawPath, e.RawQueryString = path, "a=%&b" }))
	}
	f.Add([]byte(`{"version":"2.0","rawPath":"/","headers":null,"cookies":[null],"requestContext":{"http":{"method":"GET"}},"body":"\ud800"}`))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/runs/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("id")) })
	f.Fuzz(func(t *testing.T, payload []byte) {
		handled := false
		a, raw := invoke(t, handler(func(w http.ResponseWriter, r *http.Request) {
			handled = true
			body, err := io.ReadAll(r.Body)
			if err != nil || int64(len(body)) != r.ContentLength {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			again, err := http.NewRequest(r.Method, "https://api.example.com"+r.RequestURI, nil)
			if err != nil || again.URL.Path != r.URL.Path || again.URL.RawQuery != r.URL.RawQuery {
				t.Errorf("%q, %q is asked for as %q: %v", r.URL.Path, r.URL.RawQuery, r.RequestURI, err)
			}
			r.Header.Write(io.Discard)
			mux.ServeHTTP(w, r)
			_, _ = w.Write(body)
		}), payload)
		if handled && a.StatusCode >= 500 || !handled && a.StatusCode != http.StatusBadRequest || !utf8.Valid(raw) {
			t.Errorf("handled %v: %s", handled, raw)
		}
	})
}

func TestAnAnswerIsAsLargeAsLambdaTakes(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		header int
		fits   bool
	}{
		"4 MB of quotes":               {body: strings.Repeat(`"`, 4<<20), fits: true},
		"4 MB of control characters":   {body: strings.Repeat("\x01", 4<<20), fits: true},
		"4 MB that are no text":        {body: strings.Repeat("\xff", 4<<20), fits: true},
		"5 MB of letters":              {body: strings.Repeat("a", 5<<20-2), fits: true},
		"5 MB that are no text":        {body: strings.Repeat("\xff", 5<<20)},
		"7 MB of letters":              {body: strings.Repeat("a", 7<<20)},
		"letters and a large header":   {body: strings.Repeat("a", 5<<20-2), header: 1 << 20},
		"letters and a smaller header": {body: strings.Repeat("a", 5<<20-2), header: 1 << 19, fits: true},
	} {
		t.Run(name, func(t *testing.T) {
			a, raw := invoke(t, handler(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Long", strings.Repeat("x", c.header))
				_, _ = io.WriteString(w, c.body)
			}), marshal(t, nil))
			if len(raw) > 6<<20 || (a.StatusCode == http.StatusOK) != c.fits || !c.fits && a.Body != "too large" {
				t.Errorf("%d bytes, status %d", len(raw), a.StatusCode)
			}
		})
	}
}
