package entrasim_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"adminassistant/shared/account/entrasim"
)

// TestMSAL signs in with Microsoft's own library.
func TestMSAL(t *testing.T) {
	for _, tenant := range []string{home, "organizations"} {
		t.Run("a public client gets tokens by code, refreshes them and notices a revocation, at "+tenant, func(t *testing.T) {
			w := startTLS(t, entrasim.Options{})
			client, err := public.New(cli, public.WithAuthority(w.URL+"/"+tenant), public.WithHTTPClient(w.Client), public.WithInstanceDiscovery(false))
			if err != nil {
				t.Fatal(err)
			}
			verifier := oauth2.GenerateVerifier()
			address, err := client.AuthCodeURL(t.Context(), cli, "http://localhost:5555", scopes, public.WithLoginHint("ann@home.example"))
			if err != nil {
				t.Fatal(err)
			}
			back := w.choose(t, wholeScope(t, address)+"&code_challenge_method=S256&code_challenge="+oauth2.S256ChallengeFromVerifier(verifier), ann)
			got, err := client.AcquireTokenByAuthCode(t.Context(), back.Get("code"), "http://localhost:5555", scopes, public.WithChallenge(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if got.Account.HomeAccountID != ann+"."+home || got.Account.PreferredUsername != "ann@home.example" || len(got.DeclinedScopes) != 0 {
				t.Errorf("got the account %+v, declined %q", got.Account, got.DeclinedScopes)
			}
			claims := claimsOf(t, got.AccessToken)
			has(t, claims, "aud", api, "scp", "access_as_user", "tid", home, "oid", ann, "azp", cli, "ver", "2.0", "iss", w.URL+"/"+home+"/v2.0")

			silent := func() (public.AuthResult, error) {
				return client.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(got.Account),
					public.WithClaims(`{"access_token":{"xms_cc":{"values":["cp1"]}}}`))
			}
			again, err := silent() // claims make the library refresh
			if err != nil || again.AccessToken == got.AccessToken {
				t.Fatalf("got the same token or %v", err)
			}
			w.RequireClaims(ann)
			_, err = silent()
			if got := answerOf(err); got.Error != "interaction_required" || !strings.Contains(got.Claims, "capolids") {
				t.Errorf("got %v", err)
			}
			w.Revoke(ann)
			if _, err = silent(); answerOf(err).Error != "invalid_grant" {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a program without a browser gets tokens by device code", func(t *testing.T) {
		w := startTLS(t, entrasim.Options{DeviceInterval: 1e9})
		client, err := public.New(cli, public.WithAuthority(w.URL+"/organizations"), public.WithHTTPClient(w.Client), public.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		flow, err := client.AcquireTokenByDeviceCode(t.Context(), scopes)
		if err != nil {
			t.Fatal(err)
		}
		w.confirm(t, flow.Result.VerificationURL, flow.Result.UserCode, eve)
		got, err := flow.AuthenticationResult(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		has(t, claimsOf(t, got.AccessToken), "tid", abroad, "oid", eve, "iss", w.URL+"/"+abroad+"/v2.0")
	})
	t.Run("a confidential client gets tokens by code and for itself", func(t *testing.T) {
		w := startTLS(t, entrasim.Options{})
		secret, err := confidential.NewCredFromSecret(webSecret)
		if err != nil {
			t.Fatal(err)
		}
		client, err := confidential.New(w.URL+"/"+home, web, secret, confidential.WithHTTPClient(w.Client), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		verifier := oauth2.GenerateVerifier()
		address, err := client.AuthCodeURL(t.Context(), web, webBack, graphScopes)
		if err != nil {
			t.Fatal(err)
		}
		back := w.choose(t, wholeScope(t, address)+"&code_challenge_method=S256&code_challenge="+oauth2.S256ChallengeFromVerifier(verifier), boss)
		got, err := client.AcquireTokenByAuthCode(t.Context(), back.Get("code"), webBack, graphScopes, confidential.WithChallenge(verifier))
		if err != nil {
			t.Fatal(err)
		}
		has(t, claimsOf(t, got.AccessToken), "aud", "https://graph.microsoft.com", "scp", "Calendars.ReadWrite", "appid", web, "ver", "1.0", "iss",
			"https://sts.windows.net/"+home+"/")

		own, err := client.AcquireTokenByCredential(t.Context(), []string{"api://" + api + "/.default"})
		if err != nil {
			t.Fatal(err)
		}
		claims := claimsOf(t, own.AccessToken)
		has(t, claims, "aud", api, "idtyp", "app", "tid", home)
		if claims["scp"] != nil || claims["sub"] != claims["oid"] {
			t.Errorf("got %v", claims)
		}
		wrong, err := confidential.NewCredFromSecret("wrong")
		if err != nil {
			t.Fatal(err)
		}
		client, err = confidential.New(w.URL+"/"+home, web, wrong, confidential.WithHTTPClient(w.Client), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.AcquireTokenByCredential(t.Context(), []string{"api://" + api + "/.default"}); answerOf(err).Error != "invalid_client" {
			t.Errorf("got %v", err)
		}
	})
}

// TestOpenIDConnect signs in with the library that the web sign-in uses: discovery, code with PKCE and nonce, id token.
func TestOpenIDConnect(t *testing.T) {
	w := startTLS(t, entrasim.Options{})
	ctx := oidc.ClientContext(t.Context(), w.Client)
	provider, err := oidc.NewProvider(ctx, w.URL+"/"+home+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: web, ClientSecret: webSecret, Endpoint: provider.Endpoint(), RedirectURL: webBack,
		Scopes: []string{"openid", "profile", "offline_access"},
	}
	verifier := oauth2.GenerateVerifier()
	back := w.choose(t, config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("nonce")), boss)
	if back.Get("state") != "state" {
		t.Errorf("got the state %q", back.Get("state"))
	}
	got, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := got.Extra("id_token").(string)
	token, err := provider.Verifier(&oidc.Config{ClientID: web}).Verify(ctx, raw)
	if err != nil || token.Nonce != "nonce" {
		t.Fatalf("got %+v, %v", token, err)
	}
	has(t, claimsOf(t, raw), "oid", boss, "tid", home, "preferred_username", "boss@home.example", "name", "Boss")
	if _, err := config.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code was good twice")
	}
	if _, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: got.RefreshToken}).Token(); err == nil {
		t.Error("tokens of a code that was used twice go on working")
	}
}

// answerOf is the OAuth error that MSAL reports; it can be read once.
func answerOf(err error) (answer struct{ Error, Claims string }) {
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		_ = json.NewDecoder(call.Resp.Body).Decode(&answer)
	}
	return answer
}

// wholeScope adds the scopes that the library leaves out of its address, and without which there is no refresh token.
func wholeScope(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("scope", q.Get("scope")+" openid profile offline_access")
	u.RawQuery = q.Encode()
	return u.String()
}

// choose signs a user in on the page and returns what the application is sent.
func (w *world) choose(t *testing.T, address, user string) url.Values {
	t.Helper()
	status, page, _ := w.do(t, http.MethodGet, address, nil)
	if status != http.StatusOK || !strings.Contains(page, `name="user" value="`+user+`"`) {
		t.Fatalf("the page is %d %s", status, page)
	}
	status, page, back := w.do(t, http.MethodPost, address, url.Values{"user": {user}})
	if status != http.StatusFound {
		t.Fatalf("answered %d %s", status, page)
	}
	return back
}

// confirm enters a device's code and signs in.
func (w *world) confirm(t *testing.T, address, userCode, user string) {
	t.Helper()
	if _, page, _ := w.do(t, http.MethodGet, address+"?user_code="+url.QueryEscape(userCode), nil); !strings.Contains(page, `value="`+user+`"`) {
		t.Fatalf("the page is %s", page)
	}
	if _, page, _ := w.do(t, http.MethodPost, address, url.Values{"user_code": {userCode}, "user": {user}}); !strings.Contains(page, "You have signed in") {
		t.Fatalf("the page is %s", page)
	}
}

// do sends a request without following where it is sent, and returns the values that it is sent there with.
func (w *world) do(t *testing.T, method, address string, form url.Values) (int, string, url.Values) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := w.browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page strings.Builder
	if _, err := copyTo(&page, answer); err != nil {
		t.Fatal(err)
	}
	var sent url.Values
	if to, err := answer.Location(); err == nil {
		sent = to.Query()
	}
	return answer.StatusCode, page.String(), sent
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// has compares claims, given as name and value in turn.
func has(t *testing.T, claims map[string]any, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if claims[want[i]] != want[i+1] {
			t.Errorf("%s is %v, want %s", want[i], claims[want[i]], want[i+1])
		}
	}
}
