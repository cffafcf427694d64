package cloudtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"adminassistant/functions/lambdatest"
)

// The quotas of an HTTP API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	MaxHeader = 10240    // bytes of the request line and the headers
	MaxBody   = 10 << 20 // bytes of a request
	// answerWithin is how long the gateway waits for the function.
	answerWithin = 30 * time.Second
)

// Gateway is an HTTP API of API Gateway that passes every request on to one function, in payload format 2.0.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type Gateway struct {
	// Function is invoked with the event of a request.
	Function interface {
		InvokeFrom(ctx context.Context, trace string, payload []byte) (lambdatest.Answer, error)
	}
	// Within is how long the gateway waits for an answer; 30 s, as API Gateway, if 0.
	Within time.Duration
	// Limit says whether a request is one too many for the rate of the stage; nil: none is.
	Limit func() bool
}

// The gateway's own answers have a message alone.
const (
	tooManyRequests  = "Too Many Requests"
	tooLarge         = "Request Entity Too Large"
	headersTooLarge  = "Request Header Fields Too Large"
	internalError    = "Internal Server Error"
	unavailable      = "Service Unavailable"
	accessTimeFormat = "02/Jan/2006:15:04:05 -0700"
)

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.Limit != nil && g.Limit() {
		say(w, http.StatusTooManyRequests, tooManyRequests)
		return
	}
	if headerSize(r) > MaxHeader {
		say(w, http.StatusRequestHeaderFieldsTooLarge, headersTooLarge)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return // whoever asked is gone
	}
	if len(body) > MaxBody {
		say(w, http.StatusRequestEntityTooLarge, tooLarge)
		return
	}
	payload, err := json.Marshal(Event(r, body))
	if err != nil {
		panic(err) // texts and numbers alone
	}
	within := g.Within
	if within == 0 {
		within = answerWithin
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	a, err := g.Function.InvokeFrom(ctx, r.Header.Get("X-Amzn-Trace-Id"), payload)
	switch {
	case errors.Is(err, lambdatest.ErrTooLarge):
		say(w, http.StatusRequestEntityTooLarge, tooLarge)
	case ctx.Err() != nil:
		say(w, http.StatusServiceUnavailable, unavailable)
	case err != nil:
		say(w, http.StatusInternalServerError, internalError)
	default:
		pass(w, r, a.Payload)
	}
}

// say answers as the gateway itself does.
func say(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // fails when whoever asked is gone
}

// headerSize counts the request line and the headers as they are sent.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.URL.RequestURI()) + len(r.Host) + len("Host")
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

// hops are the headers that are of one connection alone.
var hops = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// Routes are the keys of the gateway's routes; a path of which all after a folder is {proxy+} stands for all in it. The tests of infra/service compare
// them with its template.
var Routes = []string{"$default", "GET /readyz", "ANY /auth/{proxy+}", "ANY /unsubscribe"}

// routeOf returns the key of the route that a request takes, and what its path has in the place of {proxy+}.
func routeOf(method, path string) (key string, parameters map[string]string) {
	for _, key := range Routes[1:] {
		of, form, _ := strings.Cut(key, " ")
		if of != "ANY" && of != method {
			continue
		}
		if form == path {
			return key, nil
		}
		folder, all := strings.CutSuffix(form, "{proxy+}")
		if rest, in := strings.CutPrefix(path, folder); all && in && rest != "" {
			return key, map[string]string{"proxy": rest}
		}
	}
	return Routes[0], nil
}

// Event is the event that a request becomes, with its body: the path decoded, a body of text as UTF-8, whatever it was, and any other in base64.
func Event(r *http.Request, body []byte) events.APIGatewayV2HTTPRequest {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	now := time.Now()
	key, parameters := routeOf(r.Method, r.URL.Path)
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: key, PathParameters: parameters, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Headers: map[string]string{},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: key, AccountID: "111122223333", Stage: "$default", RequestID: "JKJaXmPLvHcES1A=", APIID: "a1b2c3d4e5",
			DomainName: r.Host, DomainPrefix: "a1b2c3d4e5", Time: now.Format(accessTimeFormat), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
		},
	}
	for name, values := range r.Header {
		switch {
		case slices.Contains(hops, name):
		case name == "Cookie":
			for _, line := range values {
				e.Cookies = append(e.Cookies, strings.Split(line, "; ")...)
			}
		default:
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	e.Headers["host"], e.Headers["content-length"] = r.Host, strconv.Itoa(len(body))
	e.Headers["x-forwarded-for"], e.Headers["x-forwarded-port"], e.Headers["x-forwarded-proto"] = source, "443", "https"
	if query := r.URL.Query(); len(query) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	switch {
	case len(body) == 0:
	case IsText(r.Header.Get("Content-Type")):
		e.Body = string([]rune(string(body))) // U+FFFD in place of each byte that is not of UTF-8
	default:
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// IsText says whether API Gateway hands bodies of this type over as text.
func IsText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return strings.HasPrefix(kind, "text/") || slices.Contains([]string{
		"application/json", "application/xml", "application/javascript",
	}, kind) || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// pass hands on what the function answered.
func pass(w http.ResponseWriter, r *http.Request, payload []byte) {
	var a events.APIGatewayV2HTTPResponse
	if json.Unmarshal(payload, &a) != nil || a.StatusCode < 100 {
		say(w, http.StatusInternalServerError, internalError)
		return
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			say(w, http.StatusInternalServerError, internalError)
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		w.Header().Set(name, a.Headers[name])
	}
	for _, line := range a.Cookies {
		w.Header().Add("Set-Cookie", line)
	}
	w.Header().Set("Apigw-Requestid", "JKJaXmPLvHcES1A=")
	if r.Method != http.MethodHead && a.StatusCode != http.StatusNoContent && a.StatusCode != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.StatusCode)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(body)) // fails when whoever asked is gone
	}
}
