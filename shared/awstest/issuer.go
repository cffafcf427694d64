package awstest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is AWS STS as it vouches for roles to others (outbound identity federation), which moto does not. It answers GetWebIdentityToken, of the
// query protocol, for one role.
type Issuer struct {
	URL string // with which its tokens begin
	// Role is for whom tokens are that are asked for over HTTP. Refuses is the code of the error that is answered instead; empty: none.
	Role, Refuses string
	Clock         func() time.Time

	key   *rsa.PrivateKey
	mu    sync.Mutex
	asked []map[string][]string
}

// NewIssuer makes one with a key of its own.
func NewIssuer(url string) *Issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("awstest: " + err.Error())
	}
	return &Issuer{URL: url, key: key, Clock: time.Now}
}

const keyID = "RSA_0"

// Keys are those that it publishes.
func (i *Issuer) Keys() *jose.JSONWebKeySet {
	return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: keyID, Algorithm: string(jose.RS256), Use: "sig"}}}
}

// Token vouches for a role to an audience from a time on.
func (i *Issuer) Token(role, audience string, at time.Time, lasts time.Duration) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key, KeyID: keyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic("awstest: " + err.Error())
	}
	text, err := json.Marshal(map[string]any{
		"iss": i.URL, "sub": role, "aud": audience, "iat": at.Unix(), "exp": at.Add(lasts).Unix(), "jti": rand.Text(),
		"https://sts.amazonaws.com/": map[string]any{"aws_account": "123456789012"},
	})
	if err != nil {
		panic("awstest: " + err.Error())
	}
	signed, err := signer.Sign(text)
	if err != nil {
		panic("awstest: " + err.Error())
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic("awstest: " + err.Error())
	}
	return token
}

// Asked are the forms of the requests so far.
func (i *Issuer) Asked() []map[string][]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// ServeHTTP answers a request of STS's.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	i.asked = append(i.asked, r.PostForm)
	i.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	type failure struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Code    string   `xml:"Error>Code"`
		Message string   `xml:"Error>Message"`
	}
	seconds, err := strconv.Atoi(r.PostForm.Get("DurationSeconds"))
	algorithm := r.PostForm.Get("SigningAlgorithm")
	switch {
	case i.Refuses != "":
		w.WriteHeader(http.StatusForbidden)
		_ = xml.NewEncoder(w).Encode(failure{Code: i.Refuses, Message: "secret text"})
		return
	case r.PostForm.Get("Action") != "GetWebIdentityToken" || err != nil || seconds < 60 || seconds > 3600 || algorithm != "RS256" && algorithm != "ES384":
		w.WriteHeader(http.StatusBadRequest)
		_ = xml.NewEncoder(w).Encode(failure{Code: "ValidationError", Message: "not a request"})
		return
	}
	lasts, now := time.Duration(seconds)*time.Second, i.Clock()
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetWebIdentityTokenResponse"`
		Token   string   `xml:"GetWebIdentityTokenResult>WebIdentityToken"`
		Expires string   `xml:"GetWebIdentityTokenResult>Expiration"`
	}{Token: i.Token(i.Role, r.PostForm.Get("Audience.member.1"), now, lasts), Expires: now.Add(lasts).UTC().Format(time.RFC3339)})
}
