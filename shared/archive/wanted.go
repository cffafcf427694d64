package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// Wanted is what a user wants archived.
type Wanted struct {
	// Period is days in words, as in "last week"; From and To are a first and a last day in its place. All empty: what is not archived yet, and the
	// config's look-back days.
	Period, From, To string
	// Future lets the days be some that are still to come.
	Future  bool
	Options run.Options
}

// ErrInactive says that a config is not active. It is of kind fault.Conflict.
var ErrInactive = errors.New("archive: the config is not active")

// inactive is ErrInactive in words.
type inactive struct{ name string }

func (e *inactive) Error() string {
	return fmt.Sprintf("config %q is not active; activate it first", e.name)
}
func (e *inactive) Is(target error) bool { return target == ErrInactive }

// MayRun says whether runs of the config may be started; else ErrInactive.
func (c *Config) MayRun() error {
	if !c.Active {
		return fault.Wrap(fault.Conflict, &inactive{c.Name})
	}
	return nil
}

// NewRun returns the archive run, which is not stored, of what a user wants archived by a config. Weeks begin on weekStart. Days after today are refused,
// unless the user says so or nothing is written. Errors of kind fault.Invalid name period, from or to; ErrInactive.
func (s *Configs) NewRun(ctx context.Context, c *Config, want Wanted, now time.Time, weekStart time.Weekday) (*run.Run, error) {
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Archive, Config: c.ID, Options: want.Options}
	if want.Period == "" && want.From == "" && want.To == "" {
		if want.Options.Replace {
			return nil, fault.Field("period", "is missing: say which days are archived anew")
		}
		if r.From, r.To, err = s.Window(ctx, *c, now); err != nil {
			return nil, err
		}
		return r, c.MayRun()
	}
	w, err := ReadWindow(want.Period, want.From, want.To, settings.Zone, now, weekStart)
	if err != nil {
		return nil, err
	}
	field := cmp.Or(map[bool]string{true: "period"}[want.Period != ""], "to")
	if w.Days() > limit.RunDays {
		return nil, fault.Field(field, "makes it %d days; a run takes at most %d, so start several", w.Days(), limit.RunDays)
	}
	if today := calendar.DateOf(now, settings.Zone); today.Before(w.To) && !want.Future && !want.Options.DryRun {
		if today.Before(w.From) {
			return nil, fault.Field(field, "is still to come: %s to %s. A record is of what was; with --future (in the API future) it is made all the same",
				w.From, w.To)
		}
		return nil, fault.Field(field, "ends on %s, which is still to come. A record is of what was: ask for \"%s to %s\", or say --future (in the API future)",
			w.To, w.From, today)
	}
	r.From, r.To = w.From, w.To
	return r, c.MayRun()
}

// ReadWindow reads a period, or else a first and last day, in zone, with weeks that begin on weekStart: limit.PeriodDays at most. Errors are of kind
// fault.Invalid and name period, from or to.
func ReadWindow(period, from, to string, zone *time.Location, now time.Time, weekStart time.Weekday) (w calendar.Window, err error) {
	var first, last calendar.Date
	of := "from"
	switch {
	case period != "" && (from != "" || to != ""):
		return w, fault.Field("period", "says it all; leave from and to out")
	case period != "":
		of = "period"
		if first, last, err = calendar.ParsePeriod(period, calendar.DateOf(now, zone), weekStart); err != nil {
			return w, fault.At("period", err)
		}
	default:
		if first, err = ReadDay("from", from); err != nil {
			return w, err
		}
		if last, err = ReadDay("to", to); err != nil {
			return w, err
		}
		if last.Before(first) {
			return w, fault.Field("to", "is %s, before from, %s", last, first)
		}
	}
	if w, err = calendar.NewWindow(first, last, zone); err != nil {
		return w, fault.At(of, err)
	}
	if w.Days() > limit.PeriodDays {
		return w, fault.Field(cmp.Or(map[bool]string{true: "period"}[period != ""], "to"), "makes it %d days; at most %d are read at once",
			w.Days(), limit.PeriodDays)
	}
	return w, nil
}

// ReadDay reads a day as in 2026-10-05. Errors are of kind fault.Invalid and name the field.
func ReadDay(field, text string) (calendar.Date, error) {
	if text == "" {
		return calendar.Date{}, fault.Field(field, "is missing; give a day as in 2026-10-05")
	}
	day, err := calendar.ParseDate(text)
	if err != nil {
		return day, fault.Field(field, "must be a day as in 2026-10-05, not %.40q", text)
	}
	return day, nil
}
