package main

import (
	"testing"

	"adminassistant/shared/account/entrasim"
)

func TestTenants(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login("--profile", "ann")
	w.user = boss
	w.login("--profile", "boss")
	admin := func(args ...string) result {
		return w.run(append([]string{"--profile", "boss", "admin", "tenant"}, args...)...)
	}
	w.run("--profile", "ann", "admin", "tenant", "list").fails(exitFailed, "only administrators")
	w.user = eve
	w.run("login", "--profile", "eve", "--api", w.api, "--tenant", abroad).fails(exitUsage, "--tenant must be one of "+home)

	admin("add", abroad, "--name", "Abroad Ltd").ok().says(abroad, "Abroad Ltd", "in", boss)
	admin("list").ok().says(home, "in the settings", abroad, "Abroad Ltd")
	w.run("login", "--profile", "eve", "--api", w.api, "--tenant", "abroad").fails(exitUsage, "--tenant must be the id of a tenant")
	w.login("--profile", "eve") // where any organisation's users sign in
	w.run("--profile", "eve", "whoami").ok().says("Eve", abroad)
	w.run("--profile", "eve", "admin", "tenant", "list").fails(exitFailed, "only administrators")

	admin("remove", abroad).fails(exitUsage, "shuts all users of tenant "+abroad+" out", "--yes")
	admin("remove", abroad, "--yes").ok().says(abroad, "no more")
	w.run("--profile", "eve", "whoami").fails(exitFailed, "users of this tenant are not let in")
	admin("remove", home, "--yes").fails(exitFailed, "your own tenant")
	admin("add", "example.com").fails(exitUsage, "tenant", "must be the id of a tenant")
	var listed []tenantView
	if admin("list", "--output", "json").ok().decode(&listed); len(listed) != 2 || listed[1].ID != abroad || listed[1].State != "out" || listed[1].Named {
		t.Errorf("listed %+v", listed)
	}
}
