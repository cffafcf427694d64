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
	"adminassistant/shared/httpapi"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/restore"
	"adminassistant/shared/telemetry"
)

// eraser returns who erases users. Its steps are all that keep something of one; docs/privacy.md tells what and where.
func (y *system) eraser(users *account.Users) *account.Eraser {
	return account.NewEraser(users,
		account.Step{Name: "sessions", Erase: func(ctx context.Context, e account.Erasure) error { return y.sessions.EndAll(ctx, e.User) }},
		account.Step{Name: "jobs", Erase: func(ctx context.Context, e account.Erasure) error { return job.Erase(ctx, y.table, e.User) }},
		account.Step{Name: "archives", Erase: func(ctx context.Context, e account.Erasure) error {
			before := e.Begun // what ended later tells those that are still at work
			if e.Last {
				before = time.Time{}
			}
			return archive.Erase(ctx, y.table, y.blobs, e.User, before, y.clock())
		}},
		account.Step{Name: "backups", Erase: func(ctx context.Context, e account.Erasure) error { return backup.Erase(ctx, y.table, y.blobs, e.User) }},
		account.Step{Name: "restores", Erase: func(ctx context.Context, e account.Erasure) error {
			return restore.Erase(ctx, y.table, y.blobs, e.User)
		}},
		account.Step{Name: "calendars", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(eraseListings(ctx, y.table, e.User), y.own.For(e.User).Erase(ctx))
		}},
		account.Step{Name: "notifications", Erase: func(ctx context.Context, e account.Erasure) error {
			return errors.Join(action.Erase(ctx, y.table, e.User), notify.Erase(ctx, y.table, e.User))
		}},
		account.Step{Name: "requests", Erase: func(ctx context.Context, e account.Erasure) error {
			return httpapi.EraseRecords(ctx, y.table, e.User)
		}},
		account.Step{Name: "audit", Erase: func(ctx context.Context, e account.Erasure) error {
			_, err := y.audit.Erase(ctx, audit.Entry{
				User: e.User, Actor: e.By, Action: "user.erase", Resource: audit.Resource{Kind: "user", ID: e.User}, Outcome: audit.OK,
				Correlation: telemetry.Correlation(ctx), Details: audit.Details{"last": audit.Bool(e.Last)},
			})
			return err
		}},
	)
}
