package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"adminassistant/shared/localkey"
)

// TestServed has accounts of this machine ask a server that was started by one of them.
func TestServed(t *testing.T) {
	l, dir, _ := openHere(t)
	const address = "127.0.0.1:8080"
	served, err := l.Serve(address, "ask --again")
	must(t, err)
	key, err := localkey.Read(dir, address)
	must(t, err)
	ask := func(handler http.Handler, path string, authorization ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header["Authorization"] = authorization
		if len(authorization) == 0 {
			r.Header.Del("Authorization")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for name, row := range map[string]struct {
		authorization []string
		want          int
	}{
		"with the key":                {[]string{"Bearer " + string(key)}, 200},
		"without":                     {nil, 401},
		"with another key":            {[]string{"Bearer " + strings.Repeat("A", 26)}, 401},
		"with nothing":                {[]string{"Bearer "}, 401},
		"with the key in another way": {[]string{"Basic " + string(key)}, 401},
		"with the key twice":          {[]string{"Bearer " + string(key), "Bearer " + string(key)}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(served, "/v1/me", row.authorization...)
			if w.Code != row.want || row.want == 401 && !strings.Contains(w.Body.String(), "admin-assistant browser") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	t.Run("a browser with an address that is good once", func(t *testing.T) {
		for _, query := range []string{served.Once(), BrowserQuery(key)} {
			if w := ask(served, "/"+query); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Set-Cookie"), "admin-assistant-8080=") {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if w := ask(served, "/"+query); w.Code != 401 || !strings.Contains(w.Body.String(), "ask --again") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
	t.Run("this process needs no key", func(t *testing.T) {
		if w := ask(l.Handler(), "/v1/me"); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	must(t, served.Close())
	if _, err := localkey.Read(dir, address); err == nil {
		t.Error("the key was left behind")
	}
}
