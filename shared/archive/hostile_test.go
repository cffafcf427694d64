package archive

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// A hostile calendar has few different times, so that nearly all events tie or collide. They are around the night in which Berlin's clocks go
// back. Every value that a source can have occurs.

// hostileWindow is 24 and 25 October 2026. The second day has 25 hours in Berlin.
func hostileWindow(zone *time.Location) calendar.Window {
	return calendar.Window{From: date("2026-10-24"), To: date("2026-10-25"), Zone: zone}
}

var (
	hostileSubjects = []string{
		"", " ", "Review", "review ", "Straße", "STRASSE", "Trip", "Flight home", "Extended", "Extended", "extension: x",
		"Shortened", "Shortened - y", "Early start", "early start: z", "Late start", "Late start-",
	}
	hostileCategories = [][]string{
		nil, nil, nil, {"Acme - billable"}, {"acme - BILLABLE"}, {"billable - Globex", "Online"}, {"Online", "billable - Globex"},
		{"Online"}, {"Admin - non-billable"}, {"Lunch"}, {"a - b - billable", "Acme - billable"},
	}
	hostileZones    = []string{"UTC", "Europe/Berlin", "W. Europe Standard Time", "", "America/New_York", "UTC"}
	hostileStatuses = []calendar.ShowAs{
		calendar.Busy, calendar.Busy, calendar.Tentative, calendar.Free, calendar.OutOfOffice, calendar.WorkingElsewhere, calendar.Unknown, "",
	}
	hostileDays    = []string{"2026-10-25", "2026-10-25", "2026-10-24", "2026-10-26", "2026-10-23", "2026-10-25"}
	hostileStarts  = []string{"00:00:00", "01:00:00", "01:05:00", "01:30:00", "02:00:00", "02:05:01", "02:30:00.0000000"}
	hostileLengths = []time.Duration{0, 30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 90 * time.Minute, 24 * time.Hour}
)

// upTo draws a number from 0 to most, each as often as the others, unlike rapid.IntRange, which prefers small ones. Zero is the simplest.
func upTo(t *rapid.T, most int, label string) int {
	return int(rapid.Uint64().Draw(t, label) * 0x9E3779B97F4A7C15 >> 32 % uint64(most+1))
}

// one draws an element of a list.
func one[T any](t *rapid.T, label string, of []T) T { return of[upTo(t, len(of)-1, label)] }

// onceIn draws true once in n times.
func onceIn(t *rapid.T, n int, label string) bool { return upTo(t, n-1, label) == n-1 }

func hostileEvent(t *rapid.T, n int) calendar.Event {
	e := calendar.Event{
		ID: fmt.Sprintf("e%d", n), ICalUID: fmt.Sprintf("u%d", n), Type: calendar.Single,
		Subject: one(t, "subject", hostileSubjects), Categories: one(t, "categories", hostileCategories), ShowAs: one(t, "shown", hostileStatuses),
		Importance:  one(t, "importance", []calendar.Importance{calendar.NormalImportance, calendar.High, calendar.Low, ""}),
		Sensitivity: one(t, "sensitivity", []calendar.Sensitivity{calendar.Normal, "", calendar.Personal, calendar.Private, calendar.Confidential}),
		StartZone:   one(t, "made in", []string{"Europe/Berlin", "Tokyo Standard Time", "", "Nowhere/At_All"}),
	}
	if rapid.Bool().Draw(t, "has a subject of its own") {
		e.Subject = e.ID
	}
	zone := one(t, "zone", hostileZones)
	start := one(t, "day", hostileDays) + "T" + one(t, "time", hostileStarts)
	at, err := time.Parse("2006-01-02T15:04:05", start)
	if err != nil {
		panic(err)
	}
	length := one(t, "length", hostileLengths)
	if e.AllDay = onceIn(t, 8, "all day"); e.AllDay && rapid.Bool().Draw(t, "midnights") {
		at, length = at.Truncate(24*time.Hour), max(0, length.Truncate(24*time.Hour))
	}
	e.Start = calendar.DateTime{Local: at.Format("2006-01-02T15:04:05"), Zone: zone}
	e.End = calendar.DateTime{Local: at.Add(length).Format("2006-01-02T15:04:05.0000000"), Zone: zone}
	if onceIn(t, 4, "odd") {
		for range rapid.IntRange(1, 2).Draw(t, "oddities") {
			hostileOddity(t, &e)
		}
	}
	return e
}

// hostileOddity gives an event something that few events have.
func hostileOddity(t *rapid.T, e *calendar.Event) {
	switch upTo(t, 15, "oddity") {
	case 0:
		e.ID = one(t, "id", []string{"e0", "e1", "u1@2026-10-25T00:00:00Z"}) // somebody else's
	case 1:
		e.ICalUID = one(t, "uid", []string{"u0", "u1"})
	case 2:
		e.ICalUID = ""
	case 3:
		e.Cancelled = true
	case 4:
		e.Response = calendar.Declined
	case 5:
		e.Type = calendar.Master
	case 6:
		e.Start.Local = ""
	case 7:
		e.End.Local = ""
	case 8:
		e.Start.Local = "yesterday"
	case 9:
		e.IsOrganizer = true
	case 10:
		e.LastModified = time.Unix(int64(rapid.IntRange(1, 2).Draw(t, "modified")), 0).UTC()
	case 11, 12:
		e.Type, e.ICalUID = calendar.Occurrence, one(t, "series", []string{"s0", "s1"})
		e.OriginalStart = time.Date(2026, 10, 25, upTo(t, 1, "original hour"), 0, 0, 0, time.UTC)
	case 13:
		e.Mark = "1 k h"
	case 14:
		e.Start.Zone = "Nowhere/At_All"
	case 15:
		e.Start, e.End = e.End, e.Start
	}
}

func hostileCalendar(t *rapid.T) []calendar.Event {
	most := 14
	if onceIn(t, 2, "few") {
		most = 3
	}
	events := make([]calendar.Event, most-upTo(t, most, "events less"))
	for i := range events {
		events[i] = hostileEvent(t, i)
	}
	return events
}

func hostileSettings(t *rapid.T) Settings {
	return Settings{
		Zone:           zoneNamed(one(t, "config zone", []string{"Europe/Berlin", "UTC", "America/Sao_Paulo"})),
		Purpose:        one(t, "purpose", []Purpose{General, General, Timesheet}),
		Overlaps:       one(t, "overlaps", []Policy{Resolve, Resolve, Ask, Keep}),
		AllDayOverlaps: rapid.Bool().Draw(t, "all-day overlaps"),
		OnDrift:        one(t, "on drift", []OnDrift{AskOnDrift, AcceptOnDrift}),
	}
}

// situation is everything that a plan depends on.
type situation struct {
	events   []calendar.Event
	window   calendar.Window
	settings Settings
	held     []Standing
}

func (s situation) plan() Plan { return newPlan(s.events, s.window, s.settings, s.held) }

// hostileSituation draws a calendar, and what the ledger holds of an earlier state of it.
func hostileSituation(t *rapid.T) situation {
	s := situation{events: hostileCalendar(t), settings: hostileSettings(t)}
	s.window = hostileWindow(s.settings.Zone)
	if !rapid.Bool().Draw(t, "has a ledger") {
		return s
	}
	before := slices.Clone(s.events)
	for i := range before {
		switch upTo(t, 5, "since") {
		case 0:
			id, uid := before[i].ID, before[i].ICalUID
			before[i] = hostileEvent(t, i)
			before[i].ID, before[i].ICalUID = id, uid
		case 1:
			before[i].Subject += " changed"
		case 2:
			before[i].ID = fmt.Sprintf("gone%d", i)
		case 3:
			before[i] = hostileEvent(t, i+100)
		}
	}
	earlier := s.settings
	earlier.Overlaps = one(t, "overlaps before", []Policy{Keep, Resolve, Ask})
	earlier.Purpose = one(t, "purpose before", []Purpose{General, s.settings.Purpose})
	plan := newPlan(before, s.window, earlier, nil)
	for i := range plan.Items {
		if it := &plan.Items[i]; it.Outcome == Archived {
			single := it.Event.Type == calendar.Single && rapid.Bool().Draw(t, "known for single")
			lineage := ""
			if single {
				lineage = it.Event.ICalUID
			}
			s.held = append(s.held, Standing{
				Key: it.Key, SourceHash: it.Hash, Outcome: ledger.Archived, EventID: it.EventID, Lineage: lineage, Appointment: it.Appointment,
			})
		}
	}
	return s
}
