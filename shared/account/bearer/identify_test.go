package bearer

import (
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
)

func TestIdentify(t *testing.T) {
	sim, l, c := start(t)
	now := c.now().Unix()
	claim := entrasim.Claim
	const nonce = "5c7e"
	id := func(user string, more ...entrasim.Override) string {
		return sim.Token(user, append([]entrasim.Override{claim("scp", nil), claim("azp", nil), claim("nonce", nonce)}, more...)...)
	}
	for _, row := range []struct {
		name  string
		token string
		nonce string // "-": the right one
		want  error
	}{
		{"a good one", id(ann), "-", nil},
		{"the nonce of another sign-in", id(ann, claim("nonce", "other")), "-", errNonce},
		{"a nonce that begins like ours", id(ann, claim("nonce", nonce+"0")), "-", errNonce},
		{"no nonce", id(ann, claim("nonce", nil)), "-", errNonce},
		{"no nonce where none is asked for", id(ann, claim("nonce", nil)), "", errNonce},
		{"an access token", sim.Token(ann, claim("nonce", nonce)), "-", errNotIdentity},
		{"an id token for another application", id(ann, claim("aud", other)), "-", errNotIdentity},
		{"another version", id(ann, claim("ver", "1.0"), claim("iss", "https://sts.windows.net/"+home+"/")), "-", errNotIdentity},
		{"the issuer of another tenant", id(ann, claim("iss", l.URL+"/"+abroad+"/v2.0")), "-", errNotIdentity},
		{"a user of another tenant", id(eve), "-", errTenant},
		{"no user", id(ann, claim("oid", nil)), "-", errNoUser},
		{"an expired one", id(ann, claim("exp", now-61)), "-", errExpired},
		{"one of the future", id(ann, claim("iat", now+3600), claim("nbf", now+3600)), "-", errNotYet},
		{"an unsigned one", id(ann, entrasim.Unsigned()), "-", errMalformed},
		{"one signed with what everybody knows", id(ann, entrasim.SharedSecret()), "-", errMalformed},
		{"the signature of another", strings.Join(append(strings.Split(id(ann), ".")[:2], strings.Split(id(boss), ".")[2]), "."), "-", errSignature},
		{"an unknown key", id(ann, entrasim.Header("kid", "x")), "-", errUnknownKey},
		{"a long one", strings.Repeat("a", maxToken+1), "-", errLarge},
		{"nothing", "", "-", errMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.nonce == "-" {
				row.nonce = nonce
			}
			got, err := verifier(t, l, c).Identify(t.Context(), row.token, row.nonce)
			if err != row.want || err != nil && got != (Claims{}) {
				t.Errorf("got %+v, %v, want %v", got, err, row.want)
			}
		})
	}
	t.Run("says who signed in", func(t *testing.T) {
		got, err := verifier(t, l, c).Identify(t.Context(), id(boss), nonce)
		want := account.Principal{Tenant: home, Object: boss, Name: "Boss", Role: account.RoleAdmin, UserName: "boss@home.example"}
		if err != nil || got.Principal() != want ||
			got.Client != api || !got.Expires.After(c.now()) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("nobody is let in while the keys cannot be had", func(t *testing.T) {
		sim.Break(entrasim.Keys, 503)
		defer sim.Mend(entrasim.Keys)
		if _, err := verifier(t, l, c).Identify(t.Context(), id(ann), nonce); err != errUnavailable || fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is no access token", func(t *testing.T) {
		if _, err := verifier(t, l, c).Verify(t.Context(), id(ann)); err != errNoScope {
			t.Errorf("got %v", err)
		}
	})
}
