package httpapi

import (
	"encoding/json"
	"testing"
)

func TestAuthConfig(t *testing.T) {
	ask := []string{headerUser, "nobody"}
	t.Run("a stranger is told how to sign in", func(t *testing.T) {
		s := newService(t)
		s.header = ask
		got, err := json.Marshal(s.do("GET", "/auth/config", nil).is(200).json)
		check(t, err)
		if want := `{"authority":"https://login.example","client_id":"client","scope":"scope","tenants":["tenant"]}`; string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a server of one machine says that it asks for no sign-in", func(t *testing.T) {
		s := newService(t, func(_ *service, services *Services) { services.CLI = CLISignIn{} })
		s.header = ask
		got := s.do("GET", "/auth/config", nil).is(404)
		if said := object(got.json)["detail"]; said != "this server asks for no sign-in: it is for the account of its machine that started it" {
			t.Errorf("says %q", said)
		}
	})
}
