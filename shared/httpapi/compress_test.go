package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzhttp"
)

// sent is an answer as it is on the line.
type sent struct {
	*http.Response
	body []byte
}

// plain is the body as it was before it was compressed.
func (a sent) plain(t *testing.T) string {
	t.Helper()
	if a.Header.Get("Content-Encoding") == "" {
		return string(a.body)
	}
	r, err := gzip.NewReader(bytes.NewReader(a.body))
	check(t, err)
	text, err := io.ReadAll(r)
	check(t, err)
	return string(text)
}

func TestAnswersAreCompressed(t *testing.T) {
	large := strings.Repeat("<p>A page, with much that comes again.</p>\n", 200)
	page := func(kind, text, etag string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", kind)
			if etag != "" {
				w.Header().Set("ETag", etag)
			}
			_, err := io.WriteString(w, text)
			return err
		}
	}
	s := newService(t, func(_ *service, s *Services) {
		s.Web = &Web{Home: "/large", Policy: "default-src 'self'", Pages: []Page{
			{Pattern: "GET /large", Access: Anyone, Handler: page("text/html; charset=utf-8", large, "")},
			{Pattern: "GET /small", Access: Anyone, Handler: page("text/html; charset=utf-8", "<p>small</p>", "")},
			{Pattern: "GET /style", Access: Anyone, Handler: page("text/css; charset=utf-8", large, "")},
			{Pattern: "GET /tagged", Access: Anyone, Handler: page("text/html; charset=utf-8", large, `"5"`)},
			{Pattern: "GET /packed", Access: Anyone, Handler: page(contentZstd, large, "")},
		}}
	})
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(t *testing.T, method, path string, header ...string) sent {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		check(t, err)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(r)
		check(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		check(t, err)
		return sent{res, body}
	}
	accepts := []string{"Accept-Encoding", "gzip, deflate, br, zstd"}
	for _, c := range []struct {
		name, path string
		header     []string
		shrinks    bool
	}{
		{"a large page", "/large", accepts, true},
		{"a style", "/style", accepts, true},
		{"what the API answers", "/openapi.json", accepts, true},
		{"a small page", "/small", accepts, false},
		{"what is compressed already", "/packed", accepts, false},
		{"for who cannot read it", "/large", nil, false},
		{"for who refuses it", "/large", []string{"Accept-Encoding", "gzip;q=0, identity"}, false},
		{"for a page of ours", "/large", append([]string{"Sec-Fetch-Site", "same-origin"}, accepts...), true},
		{"for an address that somebody typed", "/large", append([]string{"Sec-Fetch-Site", "none"}, accepts...), true},
		{"for a page of another site", "/large", append([]string{"Sec-Fetch-Site", "cross-site"}, accepts...), false},
		{"for a page of a neighbour", "/large", append([]string{"Sec-Fetch-Site", "same-site"}, accepts...), false},
		{"what has a name of its bytes", "/tagged", accepts, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, "GET", c.path, c.header...)
			if encoding := a.Header.Get("Content-Encoding"); (encoding == "gzip") != c.shrinks || !c.shrinks && encoding != "" {
				t.Errorf("it is sent as %q", encoding)
			}
			if vary := strings.Join(a.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Encoding") {
				t.Errorf("it depends on %q", vary)
			}
			if got := a.Header.Get(gzhttp.HeaderNoCompression); got != "" {
				t.Errorf("what is for us alone goes out: %q", got)
			}
			before := ask(t, "GET", c.path)
			if a.StatusCode != 200 || a.plain(t) != string(before.body) || a.Header.Get("Content-Type") != before.Header.Get("Content-Type") ||
				a.Header.Get("ETag") != before.Header.Get("ETag") {
				t.Errorf("%d %v, not as it is otherwise", a.StatusCode, a.Header)
			}
			if c.shrinks && len(a.body)*3 > len(before.body) {
				t.Errorf("%d bytes are %d still", len(before.body), len(a.body))
			}
			if head := ask(t, "HEAD", c.path, c.header...); head.StatusCode != 200 || len(head.body) != 0 {
				t.Errorf("HEAD: %d with %d bytes", head.StatusCode, len(head.body))
			}
		})
	}
}
