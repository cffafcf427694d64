package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// event is what is needed of an event.
type event struct {
	Version string            `json:"version"`
	Path    string            `json:"rawPath"` // decoded, despite its name
	Query   string            `json:"rawQueryString"`
	Cookies []string          `json:"cookies"`
	Headers map[string]string `json:"headers"` // several values of one header are joined by commas
	Context struct {
		Domain string `json:"domainName"`
		HTTP   struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body   string `json:"body"`
	Base64 bool   `json:"isBase64Encoded"`
}

// What is wrong with an event that is no request.
const (
	notAnEvent    = "it is no event of API Gateway in payload format 2.0"
	noMethod      = "its method is none"
	noPath        = "its path does not begin with /"
	noQuery       = "its query has control characters"
	noHeader      = "a header has characters that none may have"
	noBase64      = "its body is not base64"
	formatVersion = "2.0"
)

// request makes a request of an event, or says why it is none.
func request(ctx context.Context, payload []byte) (r *http.Request, why string) {
	var e event
	if json.Unmarshal(payload, &e) != nil || e.Version != formatVersion {
		return nil, notAnEvent
	}
	switch {
	case !token(e.Context.HTTP.Method):
		return nil, noMethod
	case !strings.HasPrefix(e.Path, "/"):
		return nil, noPath
	case !text(e.Query):
		return nil, noQuery
	}
	body := []byte(e.Body)
	if e.Base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, noBase64
		}
	}
	header, ok := e.header()
	if !ok {
		return nil, noHeader
	}
	r = &http.Request{
		Method: e.Context.HTTP.Method,
		// The path is not parsed: a % in it is a %, and a ? does not begin a query.
		URL:   &url.URL{Path: e.Path, RawQuery: e.Query},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: cmp.Or(e.Context.Domain, header.Get("Host")), RemoteAddr: e.Context.HTTP.SourceIP,
		Body: http.NoBody, ContentLength: int64(len(body)),
	}
	if len(body) > 0 {
		r.Body = readCloser{bytes.NewReader(body)}
	}
	r.RequestURI = r.URL.RequestURI()
	header.Del("Host") // is in the request itself, as everywhere in net/http
	return r.WithContext(ctx), ""
}

// readCloser is a body of a request.
type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// header returns the headers with the cookies, and whether HTTP allows them.
func (e *event) header() (http.Header, bool) {
	h := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if !token(name) || !text(e.Headers[name]) {
			return nil, false
		}
		name, value := textproto.CanonicalMIMEHeaderKey(name), e.Headers[name]
		h[name] = append(h[name], value)
	}
	for _, cookie := range e.Cookies {
		if !text(cookie) {
			return nil, false
		}
		h["Cookie"] = append(h["Cookie"], cookie)
	}
	return h, true
}

// token says whether s may be a method or the name of a header (RFC 9110, 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// text says whether s has no control characters but tabs.
func text(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
