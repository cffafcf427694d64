package restore

import (
	"context"
	"time"

	"adminassistant/shared/calendar"
)

// Provider is what restores and drills ask of a provider of calendars. See calendar.Provider for what each of its methods keeps to.
type Provider interface {
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	DiscardCalendar(ctx context.Context, account, calendarID string) error

	Find(ctx context.Context, account, calendarID string, ids []string) (map[string]calendar.Event, error)
	Marked(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error)
	Kept(ctx context.Context, account, calendarID string, each func(calendar.Kept) error) error
	Instances(ctx context.Context, account, calendarID, masterID string, from, to time.Time) ([]calendar.Event, error)
	Zones(ctx context.Context, account, calendarID string) ([]calendar.Zone, error)

	AdoptZones(ctx context.Context, account, calendarID string, zones []calendar.Zone) (renamed map[string]string, err error)
	Create(ctx context.Context, account, calendarID string, drafts []calendar.Draft) ([]calendar.WriteResult, error)
	Update(ctx context.Context, account, calendarID string, updates []calendar.Update) ([]calendar.WriteResult, error)
	Delete(ctx context.Context, account, calendarID string, ids []string) ([]calendar.WriteResult, error)
}
