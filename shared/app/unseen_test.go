package app

import (
	"fmt"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/action"
	"adminassistant/shared/job"
	"adminassistant/shared/store"
)

// TestUsersWhoAreNotSeen lives through the weeks in which nobody hears of a user whose mailbox an application reaches.
func TestUsersWhoAreNotSeen(t *testing.T) {
	later := time.Duration(0)
	one := openOneAt(t, func() time.Time { return time.Now().Add(later) })
	who := account.Principal{Tenant: plantedTenant, Object: plantedObject, Name: "Ann"}
	_, err := one.users.Admit(t.Context(), who)
	must(t, err)
	one.alone, one.settings.UnseenDays = false, 60
	pass := func(days int) job.Reason {
		t.Helper()
		later = time.Duration(days) * 24 * time.Hour
		why, err := one.barred(t.Context(), []string{who.Key()})
		must(t, err)
		return why[who.Key()]
	}
	told := func() (n int) {
		list, _, err := one.notice.Notifications.List(t.Context(), who.Key(), false, 100, "")
		must(t, err)
		return len(list)
	}
	for _, step := range []struct {
		day   int
		why   job.Reason
		notes int
	}{{0, "", 0}, {53, "", 0}, {54, "", 1}, {60, "", 1}, {61, job.NotSeen, 1}, {70, job.NotSeen, 1}} {
		if why := pass(step.day); why != step.why || told() != step.notes {
			t.Errorf("after %d days: %q, told %d times", step.day, why, told())
		}
	}
	one.unseen(t.Context(), &job.Job{User: who.Key()})
	open, _, err := one.notice.Actions.List(t.Context(), who.Key(), action.Filter{State: action.Open}, 10, "")
	must(t, err)
	if len(open) != 1 || open[0].Kind != action.NotSeen {
		t.Fatalf("%+v", open)
	}
	later += time.Minute
	_, err = one.users.Admit(t.Context(), who) // the user is back
	must(t, err)
	if open, _, err := one.notice.Actions.List(t.Context(), who.Key(), action.Filter{State: action.Open}, 10, ""); err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
	if why := pass(71); why != "" {
		t.Errorf("back, and %s", why)
	}
	for name, change := range map[string]func(){
		"where users' own sign-ins reach the mailboxes": func() { one.settings.GraphDelegated = true },
		"on one machine": func() { one.alone = true }, "where a setting says so": func() { one.settings.UnseenDays = 0 },
	} {
		before, alone := one.settings, one.alone
		change()
		if why := pass(900); why != "" {
			t.Errorf("%s: %s", name, why)
		}
		one.settings, one.alone = before, alone
	}
	_, err = one.users.Disable(t.Context(), account.Principal{Tenant: plantedTenant, Object: strangerObject}, plantedObject)
	must(t, err)
	if why := pass(900); why != job.UserDisabled {
		t.Errorf("one who is disabled is %q", why)
	}
}

// TestJobsOfATenantThatIsPutOut rest until it is let in again.
func TestJobsOfATenantThatIsPutOut(t *testing.T) {
	one := openOneAt(t, time.Now)
	one.live("ann") // with a job that is due each night
	one.alone = false
	who := account.Principal{Tenant: "tenant", Object: "ann"}.Key()
	barred := func() job.Reason {
		t.Helper()
		why, err := one.barred(t.Context(), []string{who})
		must(t, err)
		return why[who]
	}
	put := func(out bool) {
		t.Helper()
		data := fmt.Sprintf(`{"id": "tenant", "by": "boss", "out": %v}`, out)
		_, err := one.table.Put(t.Context(), store.Item{Key: store.Key{PK: "TENANTS", SK: "TENANT#tenant"}, Data: []byte(data)}, store.Any())
		must(t, err)
		one.tenants = tenant.New(one.table, nil, time.Now) // what was read before is old
	}
	if why := barred(); why != "" {
		t.Errorf("before, %q", why)
	}
	put(true)
	if why := barred(); why != job.TenantOut {
		t.Errorf("put out, %q", why)
	}
	put(false)
	if why := barred(); why != "" {
		t.Errorf("let in again, %q", why)
	}
}
