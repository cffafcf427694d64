package entrasim

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// Listener is a simulator that listens on this machine.
type Listener struct {
	URL string
	// Client reaches it; over TLS it is the one that trusts its certificate.
	Client *http.Client

	server *http.Server
}

// Start serves plain HTTP on loopback until the listener is closed; address is host and port, empty: any free port. If Options.URL is empty,
// tokens and documents name the listener's address from now on.
func (s *Server) Start(address string) (*Listener, error) {
	return s.listen(address, "http", nil, &http.Client{})
}

// StartTLS is Start over TLS, which Microsoft's own libraries insist on.
func (s *Server) StartTLS(address string) (*Listener, error) {
	now := time.Now() // a certificate is for real clients, whatever the simulated time
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("sign-in simulator: key: %w", err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "simulated sign-in"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign-in simulator: certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("sign-in simulator: certificate: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return s.listen(address, "https", config, client)
}

func (s *Server) listen(address, scheme string, config *tls.Config, client *http.Client) (*Listener, error) {
	listener, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("sign-in simulator: %w", err)
	}
	l := &Listener{
		URL: scheme + "://" + listener.Addr().String(), Client: client,
		server: &http.Server{Handler: s, TLSConfig: config, ReadHeaderTimeout: 10 * time.Second},
	}
	if s.options.URL == "" {
		s.mu.Lock()
		s.url = l.URL
		s.mu.Unlock()
	}
	go func() { // ends when the server is closed
		if config != nil {
			_ = l.server.ServeTLS(listener, "", "")
		} else {
			_ = l.server.Serve(listener)
		}
	}()
	return l, nil
}

// Close stops listening and ends all connections.
func (l *Listener) Close() error {
	l.Client.CloseIdleConnections()
	return l.server.Close()
}
