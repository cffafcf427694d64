package restore

import (
	"context"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
)

// inPeriod restores of each series the instances that are in the period of the run alone: what is outside of it is neither restored nor replaced.
func (a *attempt) inPeriod() error {
	if a.run.From == (calendar.Date{}) && a.run.To == (calendar.Date{}) {
		return nil
	}
	zone, err := calendar.LoadZone(a.input.Zone)
	if err != nil {
		return err
	}
	w, err := calendar.NewWindow(a.run.From, a.run.To, zone)
	if err != nil {
		return err
	}
	a.source.File = periodFile{File: a.source.File, window: w, zones: ics.Lookup(a.source.zones)}
	return nil
}

// periodFile is a file with the instances of a window in the place of its series.
type periodFile struct {
	File
	window calendar.Window
	zones  series.Zones
}

func (f periodFile) Each(ctx context.Context, each func(calendar.Kept) error) error {
	expander := series.NewExpander(f.window.Start(), f.window.End(), f.zones).In(f.window.Zone)
	return f.File.Each(ctx, func(k calendar.Kept) error {
		if k.Event.Type != calendar.Master || k.Aside != nil {
			return each(k)
		}
		instances, err := expander.Expand(k.Event, k.Exceptions)
		if err != nil || len(instances) == 0 {
			return each(k) // which then is outside of the period, or fails
		}
		for _, e := range instances {
			if e.Type = calendar.Exception; e.ICalUID == "" {
				e.ICalUID = k.Event.ICalUID
			}
			if err := each(calendar.Kept{Event: e}); err != nil {
				return err
			}
		}
		return nil
	})
}
