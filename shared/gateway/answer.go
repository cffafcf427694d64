package gateway

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxText is the longest body in bytes, as JSON writes it, that is handed back as text. JSON writes a quote as two characters, and a
// control character as six; base64 makes a body a third longer, whatever it is. Lambda takes 6 MB.
const maxText = 5 << 20

// maxAnswer is how many bytes an answer may have as the function returns it: JSON, with the body as a string of it. Of a larger one the client would
// get an error without a reason.
const maxAnswer = 6 << 20

// answer keeps what a handler answers.
type answer struct {
	method string
	header http.Header
	// sent are the headers as they were when the status was written; later changes come too late.
	sent   http.Header
	status int // 0: not written
	body   bytes.Buffer
}

func newAnswer(method string) *answer { return &answer{method: method, header: http.Header{}} }

func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status. What comes before it (1xx) cannot be passed on.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		if a.header.Get("Content-Type") == "" {
			a.header.Set("Content-Type", http.DetectContentType(p))
		}
		a.WriteHeader(http.StatusOK)
	}
	return a.body.Write(p)
}

// answered is an answer as API Gateway takes it.
type answered struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Cookies []string          `json:"cookies"` // lines of Set-Cookie
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
}

// oneLine keeps the values of headers to one line, as net/http does.
var oneLine = strings.NewReplacer("\n", " ", "\r", " ")

func (a *answer) event() answered {
	a.WriteHeader(http.StatusOK)
	out := answered{Status: a.status, Headers: map[string]string{}, Cookies: []string{}}
	for name, values := range a.sent {
		if name == "Set-Cookie" {
			for _, v := range values {
				out.Cookies = append(out.Cookies, oneLine.Replace(v))
			}
			continue
		}
		out.Headers[name] = oneLine.Replace(strings.Join(values, ", "))
	}
	body := a.body.Bytes()
	switch {
	case a.method == http.MethodHead, a.status == http.StatusNoContent, a.status == http.StatusNotModified: // has none
	case utf8.Valid(body) && len(encode(string(body))) <= maxText:
		out.Body = string(body)
	default:
		out.Body, out.Base64 = base64.StdEncoding.EncodeToString(body), true
	}
	return out
}
