// Package roster changes the users of a tenant as its administrators want, and lets in tenants, with what follows from that for jobs, browsers and logs.
package roster

import (
	"context"
	"strings"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/telemetry"
)

// Roster changes users. All of it may be used from many goroutines at once. Errors are those of account.Users, and of what else it calls.
type Roster struct {
	Users    *account.Users
	Jobs     *job.Jobs
	Sessions *session.Sessions // nil: no browser signs in
	Tenants  *tenant.Tenants   // nil: there is one alone
	Audit    *audit.Log
}

const (
	// attempts is how often a change is followed when others change the same at that moment.
	attempts = 5
	// usersAtOnce is how many users' jobs are looked for at a time.
	usersAtOnce = 100
)

// Disable shuts a user of by's tenant out, ends the sessions, which must not go on when the user is let in again, and lets the jobs rest. A repeat
// completes what an earlier call left undone; until then the dispatcher starts no runs of a disabled user anyway.
func (r *Roster) Disable(ctx context.Context, by account.Principal, object string) (account.Profile, error) {
	p, err := r.Users.Disable(ctx, by, object)
	if err == nil && r.Sessions != nil {
		err = r.Sessions.EndAll(ctx, keyOf(p))
	}
	if err != nil {
		return p, err
	}
	return p, r.follow(ctx, p)
}

// Enable lets a user of by's tenant in again, and the jobs go on. A repeat completes what an earlier call left undone.
func (r *Roster) Enable(ctx context.Context, by account.Principal, object string) (account.Profile, error) {
	p, err := r.Users.Enable(ctx, by, object)
	if err != nil {
		return p, err
	}
	return p, r.follow(ctx, p)
}

func keyOf(p account.Profile) string {
	return account.Principal{Tenant: p.Tenant, Object: p.Object}.Key()
}

// follow lets the jobs of a user rest while the user is disabled, and go on when not. It looks again afterwards, so that of two changes at once the jobs
// follow the later one.
func (r *Roster) follow(ctx context.Context, p account.Profile) error {
	for range attempts {
		let := (*job.Jobs).ResumeAll
		if p.Ban != nil {
			let = (*job.Jobs).PauseAll
		}
		if err := let(r.Jobs, ctx, keyOf(p), "", job.UserDisabled); err != nil {
			return err
		}
		now, err := r.Users.Get(ctx, p.Tenant, p.Object)
		if err != nil || (now.Ban == nil) == (p.Ban == nil) {
			return err
		}
		p = now
	}
	return fault.New(fault.Unavailable, "the user is disabled and enabled all the time; try again")
}

// Grant lets a user of by's tenant reach a mailbox of it.
func (r *Roster) Grant(ctx context.Context, by account.Principal, object, mailbox string) (account.Grant, error) {
	g, err := r.Users.Grant(ctx, by, object, mailbox)
	if err != nil {
		return g, err
	}
	return g, r.tell(ctx, by, object, "mailbox.grant", g.Mailbox)
}

// Revoke takes a mailbox from a user of by's tenant.
func (r *Roster) Revoke(ctx context.Context, by account.Principal, object, mailbox string) error {
	if err := r.Users.RevokeGrant(ctx, by, object, mailbox); err != nil {
		return err
	}
	return r.tell(ctx, by, object, "mailbox.revoke", mailbox)
}

// tell records in the user's own log what an administrator did with a mailbox; the administrator's has the request. An address is there by its hash.
func (r *Roster) tell(ctx context.Context, by account.Principal, object string, action audit.Action, mailbox string) error {
	_, err := r.Audit.Append(ctx, audit.Entry{
		User: account.Principal{Tenant: by.Tenant, Object: object}.Key(), Actor: by.Key(), Action: action,
		Resource: audit.Resource{Kind: "mailbox", ID: strings.ToLower(strings.TrimSpace(mailbox))}, Outcome: audit.OK, Correlation: telemetry.Correlation(ctx),
	})
	return err
}

// Operator returns who asks, if it is an administrator of the tenant that runs this installation; else the error is of kind fault.Forbidden.
func (r *Roster) Operator(ctx context.Context) (account.Principal, error) {
	p, err := account.From(ctx)
	if err == nil && (r.Tenants == nil || !r.Tenants.Operator(p.Tenant)) {
		err = fault.New(fault.Forbidden, "only administrators of the tenant that runs this installation may do that")
	}
	return p, err
}

// LetIn lets the users of a tenant in, and the jobs go on that rest since it was out. A repeat completes what an earlier call left undone.
func (r *Roster) LetIn(ctx context.Context, by, id, name string) (tenant.Tenant, error) {
	t, err := r.Tenants.Add(ctx, by, id, name)
	if err != nil {
		return t, err
	}
	for cursor := ""; ; {
		users, next, err := r.Users.List(ctx, t.ID, usersAtOnce, cursor)
		if err != nil {
			return t, err
		}
		for _, p := range users {
			if err := r.Jobs.ResumeAll(ctx, keyOf(p), "", job.TenantOut); err != nil {
				return t, err
			}
		}
		if cursor = next; cursor == "" {
			return t, nil
		}
	}
}
