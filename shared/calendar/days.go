package calendar

import "time"

// Days returns the dates that an all-day event means, the last one exclusive, whatever way its provider writes them: as midnights, whose dates count as they
// are written; as instants that are midnights of the zone in which the event was made, or of zone; or with an end a second before midnight. Other times
// count by the days of the zone in which the event was made, without one by those of zone, and the day that the end reaches into counts. Errors are Invalid.
func (e *Event) Days(zone *time.Location) (from, to Date, err error) {
	start, err := e.Start.Wall()
	if err != nil {
		return from, to, err
	}
	end, err := e.End.Wall()
	if err != nil {
		return from, to, err
	}
	switch {
	case start.midnight() && end.midnight():
		return start.Date, end.Date, nil
	case start.midnight() && end.lastSecond():
		return start.Date, end.AddDays(1), nil
	}
	first, err := e.Start.Instant(zone)
	if err != nil {
		return from, to, err
	}
	after, err := e.End.Instant(zone)
	if err != nil {
		return from, to, err
	}
	if after.Nanosecond() > 0 || after.Unix()%60 == 59 { // the moment before the midnight that ends it
		after = after.Truncate(time.Minute).Add(time.Minute)
	}
	made := zone
	for _, name := range []string{e.StartZone, e.EndZone} {
		if loc, err := LoadZone(name); err == nil {
			made = loc
			break
		}
	}
	for _, loc := range []*time.Location{made, zone} {
		from, to = DateOf(first, loc), DateOf(after, loc)
		if StartOfDay(from, loc).Equal(first) && StartOfDay(to, loc).Equal(after) {
			return from, to, nil
		}
	}
	if hours := after.Sub(first); hours > 0 && hours%(24*time.Hour) == 0 { // midnights of a zone that nobody names
		if day := nearestMidnight(first); day.Sub(first).Abs() < 12*time.Hour {
			return DateOf(day, time.UTC), DateOf(day.Add(hours), time.UTC), nil
		}
	}
	from, to = DateOf(first, made), DateOf(after, made)
	if !StartOfDay(to, made).Equal(after) && !after.Before(first) { // the day that it reaches into counts
		to = to.AddDays(1)
	}
	return from, to, nil
}

func nearestMidnight(at time.Time) time.Time {
	return at.Add(12 * time.Hour).Truncate(24 * time.Hour)
}

func (w Wall) midnight() bool { return w == Wall{Date: w.Date} }

func (w Wall) lastSecond() bool { return w.Hour == 23 && w.Minute == 59 && w.Second == 59 }
