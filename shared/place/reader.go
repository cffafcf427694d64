package place

import (
	"context"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

const (
	// MaxDays is the longest period of which places or gaps are asked for.
	MaxDays = 400
	// LookBack is from how many days before a period usual journeys are known.
	LookBack = 365
)

// Ledger is what has the entries.
type Ledger interface {
	AsOf(ctx context.Context, config string, span ledger.Span, at time.Time) ([]ledger.Entry, error)
}

// Customers are those of users.
type Customers interface {
	Book(ctx context.Context, user string) (*customer.Book, error)
}

// Questions are what users are asked.
type Questions interface {
	SettleAlone(ctx context.Context, f action.Findings) (action.Settled, error)
}

// Reader reads places and gaps.
type Reader struct {
	Ledger    Ledger
	Customers Customers
	Places    *Places
	Questions Questions
}

// known is what is needed of a user to understand entries.
func (r *Reader) known(ctx context.Context, user string) (*customer.Book, Aliases, error) {
	book, err := r.Customers.Book(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	aliases, err := r.Places.Aliases(ctx, user)
	return book, aliases, err
}

func checkDays(w calendar.Window) error {
	if w.Days() > MaxDays {
		return fault.Field("period", "has %d days; at most %d are looked at", w.Days(), MaxDays)
	}
	return nil
}

// List returns the places of a user's config in a window of at most MaxDays: else the error is of kind fault.Invalid.
func (r *Reader) List(ctx context.Context, user, config string, w calendar.Window) ([]Place, error) {
	if err := checkDays(w); err != nil {
		return nil, err
	}
	book, aliases, err := r.known(ctx, user)
	if err != nil {
		return nil, err
	}
	entries, err := r.Ledger.AsOf(ctx, config, ledger.Span{From: w.Start(), To: w.End()}, time.Time{})
	if err != nil {
		return nil, err
	}
	return List(entries, w.Zone, book, aliases), nil
}

// Gaps returns the journeys that are missing from a window of a user's config. Errors are List's.
func (r *Reader) Gaps(ctx context.Context, user, config string, w calendar.Window) ([]Gap, error) {
	if err := checkDays(w); err != nil {
		return nil, err
	}
	book, aliases, err := r.known(ctx, user)
	if err != nil {
		return nil, err
	}
	before := calendar.StartOfDay(w.From.AddDays(-LookBack), w.Zone)
	entries, err := r.Ledger.AsOf(ctx, config, ledger.Span{From: before, To: w.End()}, time.Time{})
	if err != nil {
		return nil, err
	}
	return Gaps(entries, w, book, aliases), nil
}

// Ask asks the user about the journeys that are missing from a window and for which there is a suggestion. Questions about journeys of the window that are
// not missing any more are resolved. One that the user dismissed is not asked again. Errors are List's.
func (r *Reader) Ask(ctx context.Context, user, config string, w calendar.Window) ([]Gap, action.Settled, error) {
	gaps, err := r.Gaps(ctx, user, config, w)
	if err != nil {
		return nil, action.Settled{}, err
	}
	start, end := w.Start(), w.End()
	f := action.Findings{
		User: user, Config: config, Subject: action.Subject{Kind: "config", ID: config}, Kinds: []action.Kind{action.MissingTravel},
		Near:   func(s action.Span) bool { return s.From.Before(end) && !s.Last.Before(start) },
		Looked: func(*action.Action) bool { return true },
	}
	for i := range gaps {
		if !gaps[i].Start.IsZero() {
			f.Asked = append(f.Asked, gaps[i].question(config))
		}
	}
	settled, err := r.Questions.SettleAlone(ctx, f)
	return gaps, settled, err
}

// question asks about a gap.
func (g *Gap) question(config string) action.Action {
	q := action.Question{Rule: string(archive.RuleMissingTravel), Travel: &action.Travel{
		Start: g.Start, Minutes: g.Minutes, Journeys: g.Journeys, Category: g.Category,
	}}
	for _, e := range []*ledger.Entry{g.From, g.To} {
		q.Participants = append(q.Participants, action.Participant{Key: e.Key, Version: e.Version, Hash: e.SourceHash})
		q.Span.Add(e.Appointment.Start, e.Appointment.End)
	}
	a := action.Ask(action.MissingTravel, config, q)
	a.Detail = archive.RuleMissingTravel.Why()
	return a
}
