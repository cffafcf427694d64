package app

import (
	"context"
	"errors"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/customer"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/job"
	"adminassistant/shared/limit"
	"adminassistant/shared/notice"
	"adminassistant/shared/notify"
	"adminassistant/shared/place"
	"adminassistant/shared/restore"
	"adminassistant/shared/stamp"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/timesheet"
)

// eraser returns who erases users.
func (y *system) eraser(users *account.Users) *account.Eraser {
	return account.NewEraser(users, y.erasing()...)
}

// erasing are the steps of erasing a user: one or more for each package that keeps something of one. docs/privacy.md says what and where.
func (y *system) erasing() []account.Step {
	return []account.Step{
		{Name: "sessions", Erase: func(ctx context.Context, e account.Erasure) error { return y.sessions.EndAll(ctx, e.User) }},
		{Name: "jobs", Erase: func(ctx context.Context, e account.Erasure) error { return job.Erase(ctx, y.table, e.User) }},
		{Name: "stamps", Erase: func(ctx context.Context, e account.Erasure) error { // while it is known which ledgers are the user's
			ids, err := y.configsOf(ctx, e.User)
			if err != nil {
				return err
			}
			return stamp.Erase(ctx, y.table, calendar.DateOf(y.clock(), time.UTC), ids)
		}},
		{Name: "archives", Erase: func(ctx context.Context, e account.Erasure) error {
			before := e.Begun // a run that ended later stays, so that its worker sees that it ended
			if e.Last {
				before = time.Time{}
			}
			return archive.Erase(ctx, y.table, y.blobs, e.User, before, y.clock())
		}},
		{Name: "timesheets", Erase: func(ctx context.Context, e account.Erasure) error {
			return timesheet.Erase(ctx, y.table, y.blobs, e.User)
		}},
		{Name: "customers", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(customer.Erase(ctx, y.table, e.User), place.Erase(ctx, y.table, e.User))
		}},
		{Name: "backups", Erase: func(ctx context.Context, e account.Erasure) error { return backup.Erase(ctx, y.table, y.blobs, e.User) }},
		{Name: "restores", Erase: func(ctx context.Context, e account.Erasure) error {
			return restore.Erase(ctx, y.table, y.blobs, e.User)
		}},
		{Name: "calendars", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(listing.Erase(ctx, y.table, e.User), account.EraseNamed(ctx, y.table, e.User), account.EraseGrants(ctx, y.table, e.User),
				y.own.For(e.User).Erase(ctx))
		}},
		{Name: "flags", Erase: func(ctx context.Context, e account.Erasure) error { return y.flags.Erase(ctx, e.User) }},
		{Name: "notifications", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(action.Erase(ctx, y.table, e.User), notify.Erase(ctx, y.table, e.User), notice.EraseDigest(ctx, y.table, e.User))
		}},
		{Name: "requests", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(idempotency.Erase(ctx, y.table, e.User), limit.Erase(ctx, y.table, e.User))
		}},
		{Name: "audit", Erase: func(ctx context.Context, e account.Erasure) error {
			_, err := y.audit.Erase(ctx, audit.Entry{
				User: e.User, Actor: e.By, Action: "user.erase", Resource: audit.Resource{Kind: "user", ID: e.User}, Outcome: audit.OK,
				Correlation: telemetry.Correlation(ctx), Details: audit.Details{"last": audit.Bool(e.Last)},
			})
			return err
		}},
	}
}
