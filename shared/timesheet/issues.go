package timesheet

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// IssueKind says what an issue is about.
type IssueKind string

const (
	// Gap is time without any appointment, between the lines of a day.
	Gap IssueKind = "gap"
	// ReachesIn is an entry that began before the period, and goes on in it: it is billed on the day on which it starts.
	ReachesIn IssueKind = "reaches_in"
)

// Issue is something that whoever makes a sheet may want to look at, and that no line says.
type Issue struct {
	Kind  IssueKind     `json:"kind"`
	Date  calendar.Date `json:"date"` // local
	Start time.Time     `json:"start"`
	End   time.Time     `json:"end"`
	Key   string        `json:"key,omitempty"` // of the entry
}

// issuesOf finds what of the entries the sheet does not say. Appointments of whomever, private ones too, fill gaps; none of them is named.
func (c *computation) issuesOf(entries []Entry) (issues []Issue) {
	zone, period := c.terms.Zone, c.terms.Period
	begin := calendar.StartOfDay(period.From, zone)
	var busy []span
	for i := range entries {
		a := &entries[i].Appointment
		if a.AllDay || !a.Start.Before(a.End) || a.Cancelled || a.Declined || a.ShowAs == calendar.Free {
			continue
		}
		busy = append(busy, span{a.Start, a.End})
		other := c.terms.Customer != "" && !c.terms.same(a.Customer, c.terms.Customer)
		if !other && c.leavesOut(a) == "" && a.Start.Before(begin) && begin.Before(a.End) {
			issues = append(issues, Issue{Kind: ReachesIn, Date: period.From, Start: a.Start, End: a.End, Key: entries[i].Key})
		}
	}
	days := c.days()
	slices.SortFunc(busy, func(a, b span) int { return a.from.Compare(b.from) })
	dates := make([]calendar.Date, 0, len(days))
	for day := range days {
		dates = append(dates, day)
	}
	slices.SortFunc(dates, calendar.Date.Compare)
	n := 0
	var end time.Time // until when there was something
	for _, day := range dates {
		d := days[day]
		for ; n < len(busy) && busy[n].from.Before(d.to); n++ {
			if from := later(end, d.from); !end.IsZero() && busy[n].from.After(from) && !busy[n].from.Before(d.from) {
				issues = append(issues, Issue{Kind: Gap, Date: day, Start: from, End: busy[n].from})
			}
			end = later(end, busy[n].to)
		}
	}
	slices.SortStableFunc(issues, func(a, b Issue) int {
		return cmp.Or(a.Date.Compare(b.Date), a.Start.Compare(b.Start), strings.Compare(a.Key, b.Key))
	})
	return issues
}

type span struct{ from, to time.Time }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// days are from when to when the timed lines of each day of the period last, within the day.
func (c *computation) days() map[calendar.Date]span {
	days := map[calendar.Date]span{}
	for i := range c.lines {
		l := &c.lines[i]
		if l.Start == "" || l.Reverses() || !l.start.Before(l.end) || !c.terms.Period.Has(l.Date) {
			continue
		}
		to := l.end
		if midnight := calendar.StartOfDay(l.Date.AddDays(1), c.terms.Zone); midnight.Before(to) {
			to = midnight
		}
		d, ok := days[l.Date]
		if !ok || l.start.Before(d.from) {
			d.from = l.start
		}
		d.to = later(d.to, to)
		days[l.Date] = d
	}
	return days
}
