package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"adminassistant/shared/telemetry"
)

// TestTheEndOfASecretIsCountedDown counts the days, the current one included, on which what Microsoft knows the installation by is still good.
func TestTheEndOfASecretIsCountedDown(t *testing.T) {
	now := time.Date(2026, 10, 5, 15, 30, 0, 0, time.UTC)
	certificate := func(end time.Time) []byte {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.AddDate(-1, 0, 0), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		must(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	for _, c := range []struct {
		name string
		held applicationSecret
		days int // 0: nothing is counted
	}{
		{"a secret of which nobody said when it ends", applicationSecret{Secret: "s"}, 0},
		{"a secret that ends today", applicationSecret{Secret: "s", Expires: "2026-10-05"}, 1},
		{"a secret that ends tomorrow", applicationSecret{Secret: "s", Expires: "2026-10-06"}, 2},
		{"a secret that ended", applicationSecret{Secret: "s", Expires: "2026-09-01"}, 1},
		{"a secret of which nobody can read when it ends", applicationSecret{Secret: "s", Expires: "in autumn"}, 1},
		{"a secret that ends soon", applicationSecret{Secret: "s", Expires: "2026-11-13"}, soon},
		{"a secret that ends a day later", applicationSecret{Secret: "s", Expires: "2026-11-14"}, 0},
		{"a certificate that ends within the hour", applicationSecret{certificate: certificate(now.Add(time.Hour))}, 1},
		{"a certificate that ends in a week", applicationSecret{certificate: certificate(now.AddDate(0, 0, 7))}, 7},
		{"a certificate that ends in a year", applicationSecret{certificate: certificate(now.AddDate(1, 0, 0))}, 0},
		{"a certificate of which somebody said more", applicationSecret{certificate: certificate(now.AddDate(1, 0, 0)), Expires: "2026-10-06"}, 2},
		{"a certificate that is not PEM", applicationSecret{certificate: []byte{1, 2, 3}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.held.expiry(now, telemetry.NewMetrics(&out, "dev", func() time.Time { return now }))
			if c.days == 0 {
				if out.Len() > 0 {
					t.Errorf("counted is %s", out.String())
				}
				return
			}
			var counted map[string]any
			if err := json.Unmarshal(out.Bytes(), &counted); err != nil || counted[string(telemetry.SecretDays)] != float64(c.days) {
				t.Errorf("counted is %s, want %d days", out.String(), c.days)
			}
		})
	}
}
