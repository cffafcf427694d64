package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
	kiotahttp "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// preferences go with every request, those within a batch too: ids that stay when an event is moved, and times in UTC.
const preferences = `IdType="ImmutableId", outlook.timezone="UTC"`

// maxAnswer is the largest answer that is read, in bytes: twenty bodies of the largest size, and to spare.
const maxAnswer = 128 << 20

// client sends one request at a time, once.
type client struct {
	base    *url.URL
	auth    *bearer
	network http.RoundTripper
	adapter kiota.RequestAdapter
	users   *users.UsersRequestBuilder
	timeout time.Duration
	clock   func() time.Time
	counts  *counts
}

func newClient(o *Options) (*client, error) {
	base, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil || base.RawQuery != "" {
		return nil, fault.Field("graph.url", "must be an address like %s", DefaultBaseURL)
	}
	auth, err := newBearer(o, base)
	if err != nil {
		return nil, err
	}
	c := &client{base: base, auth: auth, network: o.Transport, timeout: o.Timeout, clock: o.Clock}
	if c.network == nil {
		c.network = kiotahttp.GetDefaultTransport()
	}
	return c.counting()
}

// counting returns a client with the connections and the sign-in of c that counts from zero.
func (c client) counting() (*client, error) {
	c.counts = &counts{}
	// The SDK's own list is made by ranging over a map, so its order is another one in each process; and it holds a handler that repeats
	// requests, one that follows redirects and one that compresses what is sent. This list is all there is, in this order.
	middleware := []kiotahttp.Middleware{
		graphcore.NewGraphTelemetryHandler(&graphcore.GraphClientOptions{}),
		kiotahttp.NewUserAgentHandlerWithOptions(&kiotahttp.UserAgentHandlerOptions{Enabled: true, ProductName: "AdminAssistant", ProductVersion: "1"}),
		kiotahttp.NewParametersNameDecodingHandler(), // %24select, as the SDK's templates spell it, to $select
		kiotahttp.NewHeadersInspectionHandler(),
		&wire{client: &c},
	}
	sender := &http.Client{
		Transport:     kiotahttp.NewCustomTransportWithParentTransport(c.network, middleware...),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	adapter, err := kiotahttp.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		c.auth, kiotajson.NewJsonParseNodeFactory(), kiotajson.NewJsonSerializationWriterFactory(), sender)
	if err != nil {
		return nil, fmt.Errorf("make the Graph client: %w", err)
	}
	adapter.SetBaseUrl(c.base.String())
	c.adapter = adapter
	c.users = users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": c.base.String()}, adapter)
	return &c, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// request is one to the address of a builder of the SDK.
func request(method kiota.HttpMethod, at kiota.BaseRequestBuilder) *kiota.RequestInformation {
	r := kiota.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, at.UrlTemplate, at.PathParameters)
	r.Headers.Add("Accept", "application/json")
	r.Headers.Add("Prefer", preferences)
	return r
}

// get is a reading request; query is a struct of query parameters of the SDK.
func get(at kiota.BaseRequestBuilder, query any) *kiota.RequestInformation {
	r := request(kiota.GET, at)
	r.AddQueryParameters(query)
	return r
}

// post is a request with a body.
func post(at kiota.BaseRequestBuilder, body any) *kiota.RequestInformation {
	r := request(kiota.POST, at)
	text, _ := json.Marshal(body) // maps of strings always can be
	r.SetStreamContentAndContentType(text, "application/json")
	return r
}

// send sends a request and reads its answer; a success without a body is nil. Errors are classified: see Failure, and fault.Unavailable
// for one that was not answered, or not in full.
func (c *client) send(ctx context.Context, r *kiota.RequestInformation) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, err := c.adapter.SendPrimitive(ctx, r, "[]byte", nil)
	if err != nil {
		unsent, known := idle{}, new(fault.Error)
		switch {
		case errors.As(err, &unsent):
			return nil, unsent
		case errors.As(err, &known):
			return nil, c.challenged(ctx, known)
		}
		return nil, fault.Wrap(fault.Unavailable, fmt.Errorf("Microsoft 365 did not answer: %w", withoutAddress(err)))
	}
	text, _ := answer.([]byte)
	return text, nil
}

// challenged reports to the sign-in why its token was refused, when the service wants more of the user.
func (c *client) challenged(ctx context.Context, err error) error {
	if f := new(Failure); c.auth.refused != nil && errors.As(err, &f) && f.Claims != "" {
		return idle{c.auth.refused(ctx, f.Claims)}
	}
	return err
}

// idle is the error of a request on which the service is not at work, because it was not sent or was answered; a Failure shows that by itself.
type idle struct{ error }

func (i idle) Unwrap() error { return i.error }

// withoutAddress removes the address of the request, which names the user, from an error.
func withoutAddress(err error) error {
	if at := new(url.Error); errors.As(err, &at) {
		return at.Err
	}
	return err
}

// readJSON reads an answer. One that is no JSON, or of another shape, says nothing about what happened: it is Unavailable.
func readJSON(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return fault.New(fault.Unavailable, "the answer of Microsoft 365 cannot be read: %v", err)
	}
	return nil
}

// wire is the last part of the client before the network. It lets requests pass to the one host alone, counts, and turns every answer
// that is no success into a Failure.
type wire struct{ *client }

// Intercept is called by the SDK with each request.
func (w *wire) Intercept(next kiotahttp.Pipeline, index int, r *http.Request) (*http.Response, error) {
	if !strings.EqualFold(r.URL.Host, w.base.Host) || r.URL.Scheme != w.base.Scheme {
		return nil, fault.New(fault.Internal, "the service named an address at %q, which is not its own: not followed", r.URL.Host)
	}
	if body, ok := r.Body.(io.Seeker); ok {
		// The SDK does not say how long a body is.
		size, err := body.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = body.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, err
		}
		r.ContentLength = size
		w.counts.up.Add(size)
	}
	w.counts.requests.Add(1)
	ctx := once(r.Context())
	answer, err := next.Next(r.WithContext(ctx), index)
	if err != nil {
		if errors.Is(context.Cause(ctx), errLost) {
			return nil, errLost
		}
		return nil, err
	}
	answer.Body = &countedBody{ReadCloser: answer.Body, left: maxAnswer, total: &w.counts.down}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return answer, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10)) // what is missing of an error's text is no reason for another error
	return nil, w.refused(answer.StatusCode, answer.Header, text)
}

// errLost means that a connection was cut before the answer came.
var errLost = fault.New(fault.Unavailable, "Microsoft 365 did not answer: the connection was lost")

// once makes net/http send a request once. By itself it repeats a GET, unnoticed, when a connection that it used before is lost.
// What the context holds is released with the one that it is made of.
func once(ctx context.Context) context.Context {
	ctx, stop := context.WithCancelCause(ctx)
	var sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
		GetConn: func(string) {
			if sent.Load() {
				stop(errLost)
			}
		},
	})
}

// refused makes the error of an answer that is no success.
func (c *client) refused(status int, header http.Header, text []byte) error {
	if status == http.StatusTooManyRequests {
		c.counts.throttled.Add(1)
	}
	err := newFailure(status, header, text, c.clock())
	if f := new(Failure); c.auth.app && errors.As(err, &f) && f.Status == http.StatusForbidden && f.text == notAllowed {
		f.text = notReached
	}
	return err
}

// countedBody counts what is read, and reads up to left bytes.
type countedBody struct {
	io.ReadCloser
	left  int64
	total *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.total.Add(int64(n))
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.Internal, "an answer of Microsoft 365 is over %d bytes", maxAnswer)
	}
	return n, err
}

type counts struct{ requests, sub, up, down, throttled atomic.Int64 }

func (c *counts) traffic() calendar.Traffic {
	return calendar.Traffic{Requests: c.requests.Load(), SubRequests: c.sub.Load(), Up: c.up.Load(), Down: c.down.Load(), Throttled: c.throttled.Load()}
}
