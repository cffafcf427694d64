package importing

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// Group is what a file says about one UID.
type Group struct {
	UID string
	// ID is of the event or the series in the calendar.
	ID         string
	Base       *calendar.Event  // the event or the series; nil when the file has instances only
	Exceptions []calendar.Event // of the series
}

// Size is how many events of the file it is.
func (g *Group) Size() int {
	if g.Base == nil {
		return len(g.Exceptions)
	}
	return 1 + len(g.Exceptions)
}

// Merger merges files into calendars.
type Merger struct {
	Zones series.Zones
	Now   time.Time
	NewID func() string
	// Mirror removes the instances of a series that the file does not have; see Options.
	Mirror bool
}

// Merge returns what the calendar has under the UID of g afterwards, where it had was, the event or the series first, and what became of each event. was is
// left as it is. Errors are Invalid.
func (m *Merger) Merge(was []calendar.Event, g *Group) (now []calendar.Event, items []Imported, err error) {
	var there *calendar.Event
	exceptions := was
	if len(was) > 0 && was[0].Type != calendar.Exception {
		there, exceptions = &was[0], was[1:]
	}
	base, taken := there, false // taken: the file's series stands
	switch {
	case g.Base == nil:
	case there != nil && g.Base.Revision(there) < 0:
		items = append(items, item(g.Base, Older))
	default:
		taken = true
		merged, fields := m.merge(there, g.Base)
		items = append(items, item(g.Base, outcome(there, fields), fields...))
		base = &merged
	}
	excluded := func(time.Time) bool { return false }
	if base != nil && base.Type == calendar.Master {
		if excluded, err = series.Excluding(base, m.Zones); err != nil {
			return nil, nil, err
		}
	}
	before := make(map[string]*calendar.Event, len(exceptions))
	left := make([]*calendar.Event, 0, len(exceptions))
	for _, e := range exceptions {
		if err := m.Place(&e, base, g.ID); err != nil {
			return nil, nil, err
		}
		before[e.ID] = &e
		left = append(left, &e)
	}
	if base != nil {
		now = append(now, *base)
	}
	named := make(map[string]bool, len(g.Exceptions))
	for _, e := range g.Exceptions {
		if err := m.Place(&e, base, g.ID); err != nil {
			return nil, nil, err
		}
		named[e.ID] = true
		old := before[e.ID]
		switch {
		case excluded(e.OriginalStart):
			items = append(items, item(&e, Excluded))
		case old != nil && e.Revision(old) < 0, old == nil && !taken && base != nil && e.Revision(base) < 0:
			items = append(items, item(&e, Older))
			if old != nil {
				now = append(now, *old)
			}
		default:
			merged, fields := m.merge(old, &e)
			items = append(items, item(&e, outcome(old, fields), fields...))
			now = append(now, merged)
		}
	}
	for _, e := range left {
		switch {
		case named[e.ID] && !excluded(e.OriginalStart):
		case excluded(e.OriginalStart), taken && e.Revision(base) < 0, m.Mirror && g.Base != nil && e.Mark == "":
			items = append(items, item(e, Removed))
		default:
			now = append(now, *e)
		}
	}
	return now, items, nil
}

func outcome(old *calendar.Event, fields []string) Outcome {
	switch {
	case old == nil:
		return Added
	case len(fields) > 0:
		return Changed
	}
	return Unchanged
}

// Place gives an exception the original start and the id that it has in its series, once that is known: a file may name the instance in many ways.
func (m *Merger) Place(e, base *calendar.Event, id string) (err error) {
	if base == nil || base.Type != calendar.Master || e.RecurrenceID.Local == "" {
		return nil
	}
	if e.OriginalStart, err = series.Place(e, base, m.Zones); err != nil {
		return err
	}
	e.RecurrenceID = calendar.DateTime{}
	e.ID = series.InstanceID(id, e.OriginalStart)
	return nil
}

// merge is what becomes of an event that was old, or not there, by the event of a file: what a file cannot know stays, marks and what the user answered.
// fields say what differs but for the times of the last change; none: it is old, though perhaps by a newer revision.
func (m *Merger) merge(old, e *calendar.Event) (merged calendar.Event, fields []string) {
	merged = *e
	if old == nil {
		old = &calendar.Event{}
	}
	merged.Mark = old.Mark
	if old.ID != "" {
		merged.IsOrganizer = e.IsOrganizer || old.IsOrganizer
	}
	if e.Response == "" || e.Response == calendar.NoResponse {
		merged.Response = old.Response
	}
	if e.Created.IsZero() {
		merged.Created = old.Created
	}
	if old.ID != "" {
		like := merged
		like.LastModified, like.ChangeKey, like.Sequence, like.Stamp = old.LastModified, old.ChangeKey, old.Sequence, old.Stamp
		if fields = m.differing(old, &like); len(fields) == 0 {
			merged = *old
			merged.Sequence, merged.Stamp = e.Sequence, later(e.Stamp, old.Stamp)
			return merged, nil
		}
	}
	if merged.ChangeKey = m.NewID(); merged.LastModified.IsZero() {
		merged.LastModified = m.Now
	}
	if merged.Created.IsZero() {
		merged.Created = m.Now
	}
	return merged, fields
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// differing names what two events do not have in common.
func (m *Merger) differing(a, b *calendar.Event) (fields []string) {
	if same(a, b) {
		return nil
	}
	if a.Recurrence != nil && b.Recurrence != nil {
		if x, err := series.Strict(a, m.Zones); err == nil {
			if y, err := series.Strict(b, m.Zones); err == nil && same(x, y) { // the same, written in another way
				like := *b
				like.Recurrence = a.Recurrence
				b = &like
			}
		}
	}
	for _, f := range []struct {
		name string
		a, b any
	}{
		{"subject", a.Subject, b.Subject}, {"body", [2]any{a.Body, a.BodyPreview}, [2]any{b.Body, b.BodyPreview}},
		{"start", [2]any{a.Start, a.StartZone}, [2]any{b.Start, b.StartZone}}, {"end", [2]any{a.End, a.EndZone}, [2]any{b.End, b.EndZone}},
		{"all_day", a.AllDay, b.AllDay}, {"recurrence", [2]any{a.Type, a.Recurrence}, [2]any{b.Type, b.Recurrence}}, {"location", a.Location, b.Location},
		{"categories", texts(a.Categories), texts(b.Categories)}, {"show_as", a.ShowAs, b.ShowAs}, {"importance", a.Importance, b.Importance},
		{"sensitivity", a.Sensitivity, b.Sensitivity}, {"cancelled", a.Cancelled, b.Cancelled}, {"response", a.Response, b.Response},
		{"organizer", [2]any{a.Organizer, a.IsOrganizer}, [2]any{b.Organizer, b.IsOrganizer}},
		{"attendees", append([]calendar.Attendee{}, a.Attendees...), append([]calendar.Attendee{}, b.Attendees...)},
		{"online_meeting_url", a.OnlineURL, b.OnlineURL},
	} {
		if !same(f.a, f.b) {
			fields = append(fields, f.name)
		}
	}
	if len(fields) == 0 && !a.Created.Equal(b.Created) {
		fields = []string{"created"}
	}
	return fields
}

func texts(list []string) []string { return append([]string{}, list...) }

// same compares as what is stored.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errors.Join(errX, errY) == nil && bytes.Equal(x, y)
}

// Groups sorts the events of a file by UID; id gives the id that a UID has in the calendar. Of two that are the same event the first one stays, and each
// further one is handed to aside.
func Groups(events []calendar.Event, id func(uid string) string, aside func(*calendar.Event, string)) []*Group {
	var groups []*Group
	byUID := map[string]*Group{}
	instances := map[string]bool{}
	for _, e := range events {
		if e.ICalUID == "" {
			aside(&e, "it has no UID")
			continue
		}
		g := byUID[e.ICalUID]
		if g == nil {
			g = &Group{UID: e.ICalUID, ID: id(e.ICalUID)}
			byUID[e.ICalUID] = g
			groups = append(groups, g)
		}
		e.ChangeKey, e.ETag, e.Mark, e.BodyDigest, e.Issues = "", "", "", "", nil
		if e.Type != calendar.Exception {
			if g.Base != nil {
				aside(&e, "another event of the file has its UID")
				continue
			}
			e.ID, e.SeriesMasterID, e.OriginalStart = g.ID, "", time.Time{}
			if e.Type != calendar.Master {
				e.Type, e.Recurrence = calendar.Single, nil
			}
			g.Base = &e
			continue
		}
		e.ID, e.SeriesMasterID, e.Recurrence = series.InstanceID(g.ID, e.OriginalStart), g.ID, nil
		if instances[e.ID] {
			aside(&e, "another event of the file has its UID and the original start "+e.OriginalStart.UTC().Format(time.RFC3339))
			continue
		}
		instances[e.ID] = true
		g.Exceptions = append(g.Exceptions, e)
	}
	return slices.Clip(groups)
}
