package cloudtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"adminassistant/functions/lambdatest"
)

// function is a function of this process.
type function func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (any, error)

func (f function) InvokeFrom(ctx context.Context, _ string, payload []byte) (lambdatest.Answer, error) {
	if len(payload) > 6<<20 {
		return lambdatest.Answer{}, lambdatest.ErrTooLarge
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return lambdatest.Answer{}, err
	}
	out, err := f(ctx, e)
	if err != nil {
		return lambdatest.Answer{}, err
	}
	text, err := json.Marshal(out)
	return lambdatest.Answer{Payload: text}, err
}

func serve(t *testing.T, g *Gateway) string {
	t.Helper()
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return server.URL
}

// became returns the event of a request.
func became(t *testing.T, method, target, body string, header ...string) (e events.APIGatewayV2HTTPRequest) {
	t.Helper()
	base := serve(t, &Gateway{Function: function(func(_ context.Context, got events.APIGatewayV2HTTPRequest) (any, error) {
		e = got
		return events.APIGatewayV2HTTPResponse{StatusCode: 200}, nil
	})})
	r, err := http.NewRequest(method, base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	if got.StatusCode != 200 {
		t.Fatalf("answered %s", got.Status)
	}
	return e
}

func TestARequestBecomesAnEvent(t *testing.T) {
	t.Run("the path is decoded, the query is not", func(t *testing.T) {
		e := became(t, "GET", "/v1/runs/a%2Fb%20c%3F?x=%20y&x=2", "")
		if e.RawPath != "/v1/runs/a/b c?" || e.RequestContext.HTTP.Path != e.RawPath || e.RawQueryString != "x=%20y&x=2" ||
			e.QueryStringParameters["x"] != " y,2" || e.Version != "2.0" || e.RequestContext.HTTP.Method != "GET" || e.Body != "" || e.IsBase64Encoded {
			t.Errorf("%+v", e)
		}
	})
	t.Run("it takes the route that says most of it", func(t *testing.T) {
		for request, want := range map[string]string{
			"GET /readyz": "GET /readyz", "POST /readyz": "$default", "GET /readyz/": "$default", "GET /auth/login": "ANY /auth/{proxy+} login",
			"DELETE /auth/sessions/a%2Fb": "ANY /auth/{proxy+} sessions/a/b", "GET /auth/": "$default", "GET /auth": "$default",
			"POST /unsubscribe": "ANY /unsubscribe", "GET /v1/me": "$default", "GET /": "$default",
		} {
			method, path, _ := strings.Cut(request, " ")
			e := became(t, method, path, "")
			got := strings.TrimSpace(e.RouteKey + " " + e.PathParameters["proxy"])
			if got != want || e.RequestContext.RouteKey != e.RouteKey {
				t.Errorf("%s takes %s, not %s", request, got, want)
			}
		}
	})
	t.Run("headers are in small letters, several values in one, and cookies apart", func(t *testing.T) {
		e := became(t, "GET", "/", "", "X-A", "1", "X-A", "2", "Cookie", "a=1; b=2", "Connection", "keep-alive")
		if e.Headers["x-a"] != "1,2" || e.Headers["cookie"] != "" || !slices.Equal(e.Cookies, []string{"a=1", "b=2"}) || e.Headers["connection"] != "" ||
			e.Headers["x-forwarded-proto"] != "https" || e.RequestContext.HTTP.SourceIP != "127.0.0.1" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a body of text arrives as UTF-8, whatever it was", func(t *testing.T) {
		for _, kind := range []string{"text/calendar", "text/csv; charset=iso-8859-1", "application/json", "application/xml", "application/javascript"} {
			e := became(t, "POST", "/", "Z\xfcrich \xff\xfe", "Content-Type", kind)
			if e.IsBase64Encoded || e.Body != "Z\ufffdrich \ufffd\ufffd" {
				t.Errorf("%s: %q", kind, e.Body)
			}
		}
	})
	t.Run("any other body arrives as it is", func(t *testing.T) {
		for _, kind := range []string{"application/octet-stream", "application/zstd", "application/x-ndjson", "image/png", "", "no type"} {
			e := became(t, "POST", "/", "Z\xfcrich", "Content-Type", kind)
			text, err := base64.StdEncoding.DecodeString(e.Body)
			if !e.IsBase64Encoded || err != nil || string(text) != "Z\xfcrich" {
				t.Errorf("%s: %q, %v", kind, e.Body, err)
			}
		}
	})
}

func TestAnAnswerOfTheFunctionIsPassedOn(t *testing.T) {
	base := serve(t, &Gateway{Function: function(func(context.Context, events.APIGatewayV2HTTPRequest) (any, error) {
		return events.APIGatewayV2HTTPResponse{
			StatusCode: 201, Headers: map[string]string{"Content-Type": "application/zstd", "Location": "/a"}, Cookies: []string{"a=1; Secure", "b=2"},
			Body: base64.StdEncoding.EncodeToString([]byte{0, 0xff}), IsBase64Encoded: true,
		}, nil
	})})
	got, err := http.Post(base, "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != 201 || !bytes.Equal(body, []byte{0, 0xff}) || got.Header.Get("Location") != "/a" ||
		!slices.Equal(got.Header.Values("Set-Cookie"), []string{"a=1; Secure", "b=2"}) {
		t.Errorf("%v, %q, %v", got, body, err)
	}
}

func TestTheGatewayAnswersItself(t *testing.T) {
	answers := events.APIGatewayV2HTTPResponse{StatusCode: 200}
	for name, c := range map[string]struct {
		gateway Gateway
		answer  any
		err     error
		size    int // of the body
		text    bool
		header  int // of a header
		want    int
	}{
		"what is as large as may be":            {answer: answers, size: 4 << 20, want: 200},
		"more than 10 MB":                       {answer: answers, size: MaxBody + 1, want: 413},
		"what is more than 6 MB in base64":      {answer: answers, size: 5 << 20, want: 413},
		"text of 5 MB":                          {answer: answers, size: 5 << 20, text: true, want: 200},
		"headers of 10,240 bytes":               {answer: answers, header: 9000, want: 200},
		"more headers":                          {answer: answers, header: MaxHeader, want: 431},
		"a rate that is exceeded":               {gateway: Gateway{Limit: func() bool { return true }}, answer: answers, want: 429},
		"a function that fails":                 {err: errors.New("no"), want: 500},
		"a function that takes too long":        {gateway: Gateway{Within: time.Nanosecond}, answer: answers, want: 503},
		"an answer that is none":                {answer: "no", want: 500},
		"an answer with a body that is not so":  {answer: events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "*", IsBase64Encoded: true}, want: 500},
		"an answer without a status":            {answer: map[string]string{"body": "x"}, want: 500},
		"an answer whose status is impossible":  {answer: events.APIGatewayV2HTTPResponse{StatusCode: 7}, want: 500},
		"an answer that was to be nothing more": {answer: events.APIGatewayV2HTTPResponse{StatusCode: 204}, want: 204},
	} {
		t.Run(name, func(t *testing.T) {
			c.gateway.Function = function(func(ctx context.Context, _ events.APIGatewayV2HTTPRequest) (any, error) {
				if c.gateway.Within > 0 {
					<-ctx.Done()
				}
				return c.answer, c.err
			})
			kind := "application/octet-stream"
			if c.text {
				kind = "text/plain"
			}
			r, err := http.NewRequest("POST", serve(t, &c.gateway), strings.NewReader(strings.Repeat("x", c.size)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", kind)
			r.Header.Set("X-Long", strings.Repeat("x", c.header))
			got, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			var said struct{ Message string }
			if got.StatusCode >= 400 && (json.NewDecoder(got.Body).Decode(&said) != nil || said.Message == "" || got.Header.Get("Content-Type") != "application/json") {
				t.Errorf("says %q", said.Message)
			}
			if got.StatusCode != c.want {
				t.Errorf("answered %d, want %d", got.StatusCode, c.want)
			}
		})
	}
}

// TestWhoeverGoesAway cuts the connection in the middle of a body: nothing is invoked.
func TestWhoeverGoesAwayInvokesNothing(t *testing.T) {
	invoked := make(chan struct{}, 1)
	base := serve(t, &Gateway{Function: function(func(context.Context, events.APIGatewayV2HTTPRequest) (any, error) {
		invoked <- struct{}{}
		return events.APIGatewayV2HTTPResponse{StatusCode: 200}, nil
	})})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got, err := http.Get(base); err != nil || got.StatusCode != 200 {
		t.Fatalf("%v, %v", got, err)
	}
	if <-invoked; len(invoked) > 0 {
		t.Error("half a request was handed over")
	}
}
