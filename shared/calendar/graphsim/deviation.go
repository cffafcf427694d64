package graphsim

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// This file is what the switches do to readings.

// deviates says whether the view shows what a switch does.
func (v *view) deviates(name string) bool { return !v.plain && v.server.on(name) }

// changeKey is that of the item's version.
func (v *view) changeKey(it *item) string {
	key := it.version().changeKey()
	if v.deviates("bump_keys") {
		key = fmt.Sprintf("%s%08x", key, v.server.served.Add(1))
	}
	return key
}

// kind is the item's type.
func (v *view) kind(it *item) calendar.Type {
	if v.lone(it) {
		return calendar.Exception
	}
	return it.kind
}

// lone says whether an event is shown as an exception of a series that is elsewhere.
func (v *view) lone(it *item) bool {
	return v.deviates("lone_exception") && it.kind == calendar.Single && it.prop("isOrganizer") == false
}

// masterID is the id of the item's series; nil: it has none.
func (v *view) masterID(it *item) any {
	switch {
	case v.lone(it):
		return v.id(itemPrefix + token("series of "+it.ID) + "=")
	case it.original.IsZero():
		return nil
	}
	return v.id(it.ID)
}

// uid is the item's iCalUId.
func (v *view) uid(it *item) any {
	own := !it.original.IsZero()
	uid := it.UID
	if !v.plain {
		odd := v.server.turns.Load()%2 == 1
		switch v.server.value("icaluid") {
		case "null":
			return nil
		case "shared":
			own = false
		case "changed":
			if own = own && !odd; odd && it.original.IsZero() {
				uid += "0A"
			}
		}
	}
	if own {
		return instanceUID(uid, it.original)
	}
	return uid
}

// originalStart is when the item would have begun by its series.
func (v *view) originalStart(it *item) any {
	at := it.original
	switch {
	case v.lone(it):
		at = it.from
	case v.kind(it) == calendar.Exception && v.deviates("original_start") && !v.instances:
		if v.server.value("original_start") == "null" {
			return nil
		}
		return "0001-01-01T00:00:00Z"
	case it.Props["isAllDay"] == true && v.deviates("all_day_original"):
		if zone, err := v.server.loadZone(it.Start.Zone); err == nil {
			at = calendar.StartOfDay(calendar.DateOf(at, time.UTC), zone)
		}
	}
	return at.UTC().Format(time.RFC3339)
}

// madeIn is the zone in which a time of the item was made.
func (v *view) madeIn(it *item, zone string) string {
	if it.prop("isAllDay") == true && v.deviates("all_day_original") {
		return "UTC"
	}
	return v.server.zoneName(zone)
}

// recurrenceZone is the zone of the item's recurrence.
func (v *view) recurrenceZone(it *item) string {
	if it.prop("isAllDay") == true && !v.plain && v.server.value("all_day_original") == "no_zone" {
		return ""
	}
	return v.server.zoneName(it.Recurrence.Range.RecurrenceTimeZone)
}

// attendees are the people who are invited.
func (v *view) attendees(it *item) any {
	list, _ := it.prop("attendees").([]any)
	if !it.original.IsZero() && v.deviates("instance_attendees") {
		return []any{}
	}
	if !v.deviates("people_change") {
		return it.prop("attendees")
	}
	people := make([]any, len(list))
	for i, one := range list {
		person := one.(object)
		changed := object{}
		for name, value := range person {
			changed[name] = v.person(value, name)
		}
		people[i] = changed
	}
	return people
}

func (v *view) organizer(it *item) any {
	o, _ := it.prop("organizer").(object)
	if o == nil || !v.deviates("people_change") {
		return it.prop("organizer")
	}
	return object{"emailAddress": v.person(o["emailAddress"], "emailAddress")}
}

// person is how somebody is written at this turn: as usual, with the address as name, or with the address that Exchange uses inside.
func (v *view) person(value any, name string) any {
	o, _ := value.(object)
	if name != "emailAddress" || o == nil {
		return value
	}
	address, _ := o["address"].(string)
	switch v.server.turns.Load() % 3 {
	case 1:
		return object{"name": address, "address": address}
	case 2:
		before, _, _ := strings.Cut(address, "@")
		return object{"name": o["name"], "address": "/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn=" + before}
	}
	return value
}

// movedID is an id as it is at this turn.
func (s *Server) movedID(id string) string {
	if turn := s.turns.Load(); turn > 0 && s.on("ids_change") {
		return fmt.Sprintf("%s%d.%s", movedPrefix, turn, id)
	}
	return id
}

// settledID undoes movedID. An id of another turn is one that nothing has.
func (s *Server) settledID(id string) string {
	turn := s.turns.Load()
	if turn == 0 || !s.on("ids_change") {
		return id
	}
	if rest, now := strings.CutPrefix(id, fmt.Sprintf("%s%d.", movedPrefix, turn)); now {
		return rest
	}
	return "gone " + id
}

const movedPrefix = "AAkMoved"

// retire moves single events away that are too old.
func (m *mailbox) retire() {
	days := m.server.number("retention")
	if days == 0 {
		return
	}
	oldest := m.server.clock.Now().AddDate(0, 0, int(m.server.turns.Load())-days)
	for _, r := range slices.Clone(m.records) {
		if r.Recurrence == nil && r.to.Before(oldest) {
			m.remove(r)
		}
	}
}

// poisoned says whether whoever reads an event fails.
func (s *Server) poisoned(it *item) bool {
	return s.on("poison") && it.prop("subject") == s.value("poison")
}

func corrupt() error {
	return fail(http.StatusInternalServerError, "ErrorCorruptData", "Data is corrupt.")
}

// skip leaves one event out of some windows.
func (s *Server) skip(items []*item) []*item {
	every := int64(s.number("skips"))
	if every == 0 || len(items) == 0 {
		return items
	}
	if n := s.windows.Add(1); n%every == 0 {
		at := int(n*7) % len(items)
		return slices.Delete(slices.Clone(items), at, at+1)
	}
	return items
}

// withheld says why an event is refused that is asked for by its id.
func (c *call) withheld(it *item, q *query) error {
	switch {
	case c.server.poisoned(it):
		return corrupt()
	case c.server.on("get_private") && it.private():
		return denied()
	case c.server.on("body_404") && q.selected["body"] && sha256.Sum256([]byte(it.id))[0]%3 == 0:
		return notFound()
	}
	return nil
}
