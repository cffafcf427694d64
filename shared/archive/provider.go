package archive

import (
	"context"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// Provider is what archive runs need of a provider of calendars. See providertest for the contract.
type Provider interface {
	source
	target
}

// patient is a Provider that can repeat reading requests that failed by itself. A call may need many requests, and when one fails the others
// need not be repeated. Patiently returns such a provider; retry is called for each request, and what it returns waits before the next try or
// returns the error to give up with.
type patient interface {
	Patiently(retry func() func(ctx context.Context, failure error) error) calendar.Provider
}

// everywhere is a Provider of accounts in which an event keeps its id when it is moved from one calendar to another.
type everywhere interface {
	// Anywhere returns those of the events that are in the account, in whatever calendar, without their bodies.
	Anywhere(ctx context.Context, account string, ids []string) (map[string]calendar.Event, error)
}

// knowing is a Provider that has to know something of the user, which is read with the config: see Engine.Beside.
type knowing interface {
	Know(items []store.Item) error
}

// source is what is needed of the provider of the source calendar, which is never written.
type source interface {
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
	Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error)
	Bodies(ctx context.Context, account, calendarID string, ids []string, from, to time.Time) (map[string]calendar.Body, error)
	Find(ctx context.Context, account, calendarID string, ids []string) (map[string]calendar.Event, error)
}

// target is what is needed of the provider of the archive calendar besides.
type target interface {
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	Marked(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error)
	Marks(ctx context.Context, account, calendarID string, each func(id, mark string) error) error
	Walk(ctx context.Context, account, calendarID string, from, to, since time.Time, each func(calendar.Event) (until time.Time, err error)) error
	Create(ctx context.Context, account, calendarID string, drafts []calendar.Draft) ([]calendar.WriteResult, error)
	Update(ctx context.Context, account, calendarID string, updates []calendar.Update) ([]calendar.WriteResult, error)
	Delete(ctx context.Context, account, calendarID string, ids []string) ([]calendar.WriteResult, error)
}
