// Package stamptest is an authority that gives time-stamps over HTTP (RFC 3161), for tests.
package stamptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// Authority is a running one.
type Authority struct {
	URL string
	PEM []byte // of its root
	// Clock is its time.
	Clock func() time.Time
	// Change may change an answer, or refuse one by a status; nil: all is as it should be.
	Change func(*timestamp.Timestamp) (status int)

	mu    sync.Mutex
	asked [][]byte
	cert  *x509.Certificate
	key   crypto.Signer
}

// Start starts an authority that ends with the test. usages are those of its certificate; none: time-stamping alone.
func Start(t testing.TB, clock func() time.Time, usages ...x509.ExtKeyUsage) *Authority {
	t.Helper()
	return StartWith(t, clock, func(leaf *x509.Certificate) {
		if len(usages) > 0 {
			leaf.ExtKeyUsage = usages
		}
	})
}

// StartWith is Start with a certificate that change makes another one before it is signed.
func StartWith(t testing.TB, clock func() time.Time, change func(*x509.Certificate)) *Authority {
	t.Helper()
	a := &Authority{Clock: clock}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of a test"}, NotBefore: clock().AddDate(-1, 0, 0), NotAfter: clock().AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	must(t, err)
	a.PEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "authority of a test"}, NotBefore: clock().AddDate(-1, 0, 0),
		NotAfter: clock().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	change(leaf)
	der, err = x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
	must(t, err)
	a.cert, err = x509.ParseCertificate(der)
	must(t, err)
	a.key = key
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.URL = server.URL + "/tsr"
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Asked are the bodies of all requests.
func (a *Authority) Asked() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([][]byte{}, a.asked...)
}

// ServeHTTP answers a request for a time-stamp.
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	a.asked = append(a.asked, body)
	change := a.Change
	a.mu.Unlock()
	ask, err := timestamp.ParseRequest(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	ts := &timestamp.Timestamp{
		HashAlgorithm: ask.HashAlgorithm, HashedMessage: ask.HashedMessage, Time: a.Clock(), Nonce: ask.Nonce, AddTSACertificate: ask.Certificates,
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4, 1},
	}
	if change != nil {
		if status := change(ts); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(answer)
}
