package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// instant reads an instant as people write it, for the API: RFC 3339 as it is, a local time of this machine's zone, or days in words, of which it is the
// first instant, or the end. Nothing stays nothing.
func (p *program) instant(ctx context.Context, c *client, flag, text string, first bool) (string, error) {
	if text == "" {
		return "", nil
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return text, nil
	}
	zone := p.zone()
	if t, err := time.ParseInLocation(minuteFormat, strings.Replace(text, "T", " ", 1), zone); err == nil {
		return t.Format(time.RFC3339), nil
	}
	start := time.Monday
	if strings.Contains(strings.ToLower(text), "week") {
		var err error
		if start, err = weekStart(ctx, c); err != nil {
			return "", err
		}
	}
	from, to, err := calendar.ParsePeriod(text, calendar.DateOf(time.Now(), zone), start)
	if err != nil {
		return "", usageError{faultOf(flag, text)}
	}
	day := from
	if !first {
		day = to.AddDays(1)
	}
	return calendar.StartOfDay(day, zone).Format(time.RFC3339), nil
}

// weekStart is the day on which the user's weeks begin.
func weekStart(ctx context.Context, c *client) (time.Weekday, error) {
	var me struct {
		Settings struct {
			WeekStart string `json:"week_start"`
		} `json:"settings"`
	}
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me)
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(day.String(), me.Settings.WeekStart) {
			return day, err
		}
	}
	return time.Monday, err
}

// faultOf says that a text is no instant.
func faultOf(flag, text string) error {
	return fault.Field("--"+flag,
		"is %q: expected a day as in yesterday, October or 2026-11-02, or an instant as in \"2026-11-02 12:00\" or 2026-11-02T12:00:00Z", text)
}

// zone is that of whoever sits at this machine, in which times are shown that are of no config.
func (p *program) zone() *time.Location {
	name := time.Local.String()
	if name == "Local" {
		name = machineZone()
	}
	if zone, err := calendar.LoadZone(name); err == nil {
		return zone
	}
	return time.Local
}

// second is minute with seconds.
func (p *program) second(t time.Time) string {
	return p.shown(t.In(p.zone()).Format(time.DateTime))
}

// minute writes an instant in the time of whoever sits at this machine; tables say below which zone that is.
func (p *program) minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.shown(t.In(p.zone()).Format(minuteFormat))
}

// shown notes a time that a table is to have, which then says in which zone it is.
func (p *program) shown(text string) string {
	p.times = append(p.times, text)
	return text
}
