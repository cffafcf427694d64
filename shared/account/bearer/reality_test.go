package bearer

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"adminassistant/shared/account/entrasim"
)

const guest = "99999999-9999-4999-8999-999999999999" // of home, whose account is abroad

// odd starts a simulator that behaves as the service may, and a verifier of it.
func odd(t *testing.T, sim func(*entrasim.Options), change ...func(*Options)) (*entrasim.Server, *Verifier) {
	t.Helper()
	c := newClock()
	o := entrasim.Options{
		Users: []entrasim.User{
			{Tenant: home, Object: ann, Name: "Ann", Username: "ann@home.example"}, {Tenant: home, Object: guest, Name: "Guest", Home: abroad},
		},
		Apps: []entrasim.App{{Client: api}}, Clock: c.now,
	}
	if sim != nil {
		sim(&o)
	}
	s := entrasim.New(o)
	l, err := s.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return s, verifier(t, l, c, change...)
}

func TestGuestsAreLetInWhereASettingSaysSo(t *testing.T) {
	claim := entrasim.Claim
	for name, row := range map[string]struct {
		user   string
		change []entrasim.Override
		guest  bool
	}{
		"by who vouched for the user":               {guest, nil, true},
		"by the optional claim":                     {guest, []entrasim.Override{claim("idp", nil), claim("acct", 1)}, true},
		"by the optional claim as a text":           {ann, []entrasim.Override{claim("acct", "1")}, true},
		"vouched for by another company":            {ann, []entrasim.Override{claim("idp", "live.com")}, true},
		"not a member of the tenant":                {ann, nil, false},
		"not a member of whom the claim says so":    {ann, []entrasim.Override{claim("acct", 0)}, false},
		"not one whom the tenant has made a member": {guest, []entrasim.Override{claim("acct", 0)}, false},
		"not one for whom the tenant itself vouches": {ann,
			[]entrasim.Override{claim("idp", "https://sts.windows.net/"+home+"/")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			want := error(nil)
			if row.guest {
				want = errGuest
			}
			s, strict := odd(t, nil)
			accepts(t, strict, s.Token(row.user, row.change...), want)
			s, open := odd(t, nil, func(o *Options) { o.Guests = true })
			accepts(t, open, s.Token(row.user, row.change...), nil)
			id := append([]entrasim.Override{
				claim("scp", nil), claim("nonce", "n"), claim("ver", "2.0"), claim("iss", s.URL()+"/"+home+"/v2.0"), claim("aud", api),
			}, row.change...)
			if _, err := open.Identify(t.Context(), s.Token(row.user, id...), "n"); err != nil {
				t.Errorf("a sign-in of one who is let in: %v", err)
			}
			s, strict = odd(t, nil)
			id[3] = claim("iss", s.URL()+"/"+home+"/v2.0")
			if _, err := strict.Identify(t.Context(), s.Token(row.user, id...), "n"); err != want {
				t.Errorf("a sign-in: %v, want %v", err, want)
			}
		})
	}
}

func TestKeysOfAnApplicationsOwnAreFound(t *testing.T) {
	s, v := odd(t, func(o *entrasim.Options) { o.Apps[0].OwnKeys = true })
	accepts(t, v, s.Token(ann), nil)
	accepts(t, v, s.Token(ann), nil)
	if got := s.Requests()[entrasim.Keys]; got != 2 {
		t.Errorf("keys were asked for %d times, want once with and once without the application", got)
	}
	accepts(t, v, s.Token(ann, entrasim.Header("kid", "unknown")), errUnknownKey)
}

func TestIdentifiersOfTheAPI(t *testing.T) {
	const uri = "https://home.example/assistant"
	s, v := odd(t, func(o *entrasim.Options) { o.Apps[0].Audience = uri })
	accepts(t, v, s.Token(ann, entrasim.Claim("aud", uri)), errAudience)
	s, v = odd(t, func(o *entrasim.Options) { o.Apps[0].Audience = uri }, func(o *Options) { o.Identifiers = []string{uri} })
	accepts(t, v, s.Token(ann, entrasim.Claim("aud", uri)), nil)
	accepts(t, v, s.Token(ann, entrasim.Claim("aud", uri+"/more")), errAudience)
	accepts(t, v, s.Token(ann, entrasim.Claim("aud", uri), entrasim.Claim("ver", "2.0"), entrasim.Claim("iss", s.URL()+"/"+home+"/v2.0"),
		entrasim.Claim("azp", api)), errAudience)
	if _, err := New(Options{Audiences: []string{api}, Tenants: []string{home}, Identifiers: []string{""}, Clock: newClock().now}); err == nil {
		t.Error("an empty identifier is one")
	}
}

// TestOtherClouds checks tokens of other clouds' services, whose addresses lead to the simulator.
func TestOtherClouds(t *testing.T) {
	for _, cloud := range []struct{ authority, v1 string }{
		{"https://login.microsoftonline.com", "https://sts.windows.net"}, {"https://login.microsoftonline.us", "https://sts.windows.net"},
		{"https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"}, {"https://login.chinacloudapi.cn", "https://sts.chinacloudapi.cn"},
	} {
		for _, version := range []int{1, 2} {
			c := newClock()
			s := entrasim.New(entrasim.Options{
				URL: cloud.authority, V1Issuer: cloud.v1, Apps: []entrasim.App{{Client: api, Version: version}}, Clock: c.now,
				Users: []entrasim.User{{Tenant: home, Object: ann, Name: "Ann", Username: "ann@home.example"}},
			})
			l, err := s.StartTLS("")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			wire := l.Client.Transport.(*http.Transport).Clone()
			wire.TLSClientConfig.ServerName = "127.0.0.1"
			wire.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(l.URL, "https://"))
			}
			v := verifier(t, l, c, func(o *Options) { o.Authority, o.HTTPClient = cloud.authority, &http.Client{Transport: wire} })
			accepts(t, v, s.Token(ann), nil)
			wire.CloseIdleConnections()
		}
	}
}

func TestALargeTokenSaysWhy(t *testing.T) {
	s, v := odd(t, func(o *entrasim.Options) { o.Users[0].Groups, o.Apps[0].Optional = 400, []string{"groups"} })
	accepts(t, v, s.Token(ann), errLarge)
	if _, err := v.Identify(t.Context(), s.Token(ann), "n"); err != errLarge {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(errLarge.Error(), "groups claim") {
		t.Error(errLarge)
	}
}

// accepts demands that a token is accepted, or what is wrong with it.
func accepts(t *testing.T, v *Verifier, token string, want error) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
}
