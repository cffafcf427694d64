// Package authority asks an authority for time-stamps, by HTTP as RFC 3161, section 3.4, has it.
package authority

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/digitorus/timestamp"

	"adminassistant/shared/fault"
	"adminassistant/shared/stamp"
)

// Client asks one authority.
type Client struct {
	address string
	http    *http.Client
}

var _ stamp.Authority = (*Client)(nil)

const (
	// within is how long a request may take, and maxAnswer how large its answer may be.
	within    = 20 * time.Second
	maxAnswer = 256 << 10
)

// New returns a client of the authority at an address, as in https://tsa.example/tsr; one that is none is of kind fault.Invalid. through carries requests;
// nil: the machine's network.
func New(address string, through http.RoundTripper) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return nil, fault.New(fault.Invalid, "must be an address as in https://tsa.example/tsr")
	}
	return &Client{address: address, http: &http.Client{Transport: through, Timeout: within}}, nil
}

// Stamp returns the token of a digest. An answer that is none, or of something else than was asked, is of kind fault.Malformed.
func (c *Client) Stamp(ctx context.Context, digest []byte) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	ask, err := (&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest, Certificates: true, Nonce: nonce}).Marshal()
	if err != nil {
		return nil, fmt.Errorf("write a request for a time-stamp: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(ask))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/timestamp-query")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, fmt.Errorf("ask for a time-stamp: %w", err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fault.New(fault.Unavailable, "ask for a time-stamp: the authority answered %s", answer.Status)
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "application/timestamp-reply" {
		return nil, fault.New(fault.Malformed, "the authority answered with %.60q, and with no time-stamp", kind)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, fmt.Errorf("ask for a time-stamp: %w", err))
	}
	ts, err := timestamp.ParseResponse(data)
	switch {
	case err != nil:
		return nil, fault.New(fault.Malformed, "the authority gave no time-stamp: %v", err)
	case ts.Nonce == nil || ts.Nonce.Cmp(nonce) != 0:
		return nil, fault.New(fault.Malformed, "the authority answered another request")
	case ts.HashAlgorithm != crypto.SHA256 || !bytes.Equal(ts.HashedMessage, digest):
		return nil, fault.New(fault.Malformed, "the authority gave a time-stamp of something else")
	}
	return ts.RawToken, nil
}
