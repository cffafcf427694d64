package stamp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"adminassistant/shared/fault"
)

// Trust are the certificates of authorities that are believed.
type Trust struct{ roots *x509.CertPool }

// ReadTrust reads certificates, as PEM has them. Errors are of kind fault.Invalid.
func ReadTrust(text []byte) (*Trust, error) {
	t := &Trust{roots: x509.NewCertPool()}
	n := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fault.New(fault.Invalid, "a certificate cannot be read: %v", err)
		}
		t.roots.AddCert(c)
		n++
	}
	if n == 0 {
		return nil, fault.New(fault.Invalid, "there is no certificate: PEM begins with -----BEGIN CERTIFICATE-----")
	}
	return t, nil
}

// Check says when an authority that is believed saw a digest of SHA-256. Errors are of kind fault.Malformed.
func (t *Trust) Check(token, digest []byte) (time.Time, error) {
	ts, err := timestamp.Parse(token)
	if err != nil {
		return time.Time{}, fault.New(fault.Malformed, "the time-stamp cannot be read, or its signature is wrong: %v", err)
	}
	if ts.HashAlgorithm != crypto.SHA256 || !bytes.Equal(ts.HashedMessage, digest) {
		return time.Time{}, fault.New(fault.Malformed, "the time-stamp is of something else")
	}
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return time.Time{}, fault.New(fault.Malformed, "the time-stamp cannot be read: %v", err)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return time.Time{}, fault.New(fault.Malformed, "the time-stamp does not come with the certificate of the one who signed it")
	}
	if !slices.Equal(signer.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(signer.UnknownExtKeyUsage) > 0 {
		return time.Time{}, fault.New(fault.Malformed, "the certificate of the one who signed the time-stamp is not for that alone") // RFC 3161, section 2.3
	}
	err = p7.VerifyWithOpts(x509.VerifyOptions{Roots: t.roots, CurrentTime: ts.Time, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return time.Time{}, fault.New(fault.Malformed, "the time-stamp is of no authority that is believed: %v", err)
	}
	return ts.Time.UTC(), nil
}
