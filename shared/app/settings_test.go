package app

import (
	"testing"
	"time"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
)

// TestWhoseTokensAreTaken has programs get tokens for the API, as the settings name them or not.
func TestWhoseTokensAreTaken(t *testing.T) {
	const cli, program, stranger = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
	sim := entrasim.New(entrasim.Options{
		Apps: []entrasim.App{{Client: plantedClient, Version: 2}}, Users: []entrasim.User{{Tenant: plantedTenant, Object: plantedObject}}, Clock: time.Now,
	})
	entra, err := sim.Start("")
	must(t, err)
	t.Cleanup(func() { _ = entra.Close() })
	by := func(client string, more ...entrasim.Override) string {
		return sim.Token(plantedObject, append([]entrasim.Override{entrasim.Claim("azp", client)}, more...)...)
	}
	service := []entrasim.Override{entrasim.Claim("scp", nil), entrasim.Claim("idtyp", "app"), entrasim.Claim("roles", []string{"nightly"})}
	least := Settings{SignInAuthority: entra.URL, SignInAudience: plantedClient, SignInTenants: []string{plantedTenant}}
	all := least
	all.SignInClient, all.SignInPrograms, all.SignInServiceRoles = cli, []string{program}, []string{"nightly"}
	for _, row := range []struct {
		name     string
		settings Settings
		token    string
		refused  bool
	}{
		{"the API's own application", least, by(plantedClient), false},
		{"another one", least, by(cli), true},
		{"a service", least, by(plantedClient, service...), true},
		{"the API's own application, beside others", all, by(plantedClient), false},
		{"the command line", all, by(cli), false},
		{"a program that is named", all, by(program), false},
		{"one that is not", all, by(stranger), true},
		{"a service that is named", all, by(program, service...), false},
		{"a service that is not", all, by(stranger, service...), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, err := row.settings.verifier(nil)
			must(t, err)
			if _, err := v.Verify(t.Context(), row.token); (err != nil) != row.refused || err != nil && fault.Of(err) != fault.Unauthenticated {
				t.Errorf("got %v", err)
			}
		})
	}
}
