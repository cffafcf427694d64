package main

import (
	"testing"

	"adminassistant/shared/account/entrasim"
)

func TestFlags(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login("--profile", "ann")
	w.user = boss
	w.login("--profile", "boss")
	admin := func(args ...string) result {
		return w.run(append([]string{"--profile", "boss", "admin", "flag"}, args...)...)
	}
	flags := func() map[string]flagView {
		t.Helper()
		var listed struct{ Flags []flagView }
		admin("list", "--output", "json").ok().decode(&listed)
		all := map[string]flagView{}
		for _, f := range listed.Flags {
			all[f.Name] = f
		}
		return all
	}
	if f := flags()["backup.delete_old"]; f.State != "on" || f.By != "" || f.Owner != "backup" || f.Since == "" || f.What == "" {
		t.Errorf("got %+v", f)
	}
	admin("set", "backup.delete_old", "off").ok().says("backup.delete_old", "off")
	admin("set", "job.stuck_action", "2.5%", "--allow", ann, "--deny", eve).ok().says("2.5 %")
	got := flags()
	if f := got["backup.delete_old"]; f.State != "off" || f.By != boss {
		t.Errorf("got %+v", f)
	}
	if f := got["job.stuck_action"]; f.State != "percent" || f.Percent != 2.5 || len(f.Allow) != 1 || f.Allow[0] != ann || len(f.Deny) != 1 || f.Deny[0] != eve {
		t.Errorf("got %+v", f)
	}
	admin("set", "plan.alike_duplicates", "shadow").ok().says("plan.alike_duplicates", "shadow")
	admin("set", "backup.delete_old", "shadow").fails(exitUsage, "nothing tells what backup.delete_old would change")
	admin("list").ok().says("job.stuck_action", "2.5 %", "Users get an action")

	w.run("--profile", "ann", "admin", "flag", "list").fails(exitFailed, "only administrators")
	w.run("--profile", "ann", "admin", "flag", "set", "backup.delete_old", "on").fails(exitFailed, "only administrators")
	admin("set", "plan.dream", "on").fails(exitFailed, "there is no flag", "backup.delete_old")
	admin("set", "backup.delete_old", "maybe").fails(exitUsage, "state")
	admin("set", "backup.delete_old", "101%").fails(exitUsage, "percent")
	admin("set", "backup.delete_old", "some%").fails(exitUsage, "share")
	w.run("--profile", "boss", "audit", "list", "--output", "json").ok().says("flag.set", "backup.delete_old")
}
