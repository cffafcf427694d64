package graphsim

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// This file has what switches make of writes.

// longestLine is where the switch cuts cuts lines, in UTF-16 units.
const longestLine = 255

// bound makes of a change what the mailbox keeps of it. it is the event that is changed; nil: it is created.
func (c *call) bound(e *eventChange, it *item) error {
	s := c.server
	span, _ := e.recurrence["range"].(object)
	zone, _ := span["recurrenceTimeZone"].(string)
	for _, d := range []*calendar.DateTime{e.start, e.end, {Zone: zone}} {
		if d == nil || d.Zone == "" || !s.on("zones") {
			continue
		}
		if windows, _ := calendar.WindowsName(d.Zone); windows != "UTC" && windows != "W. Europe Standard Time" {
			return badZone(d.Zone)
		}
	}
	instance := it != nil && !it.original.IsZero()
	if s.on("minutes") && (e.recurrence != nil || it != nil && it.Recurrence != nil) {
		for _, d := range []*calendar.DateTime{e.start, e.end} {
			if d == nil {
				continue
			}
			if wall, err := d.Wall(); err == nil {
				wall.Second, wall.Nanosecond = 0, 0
				d.Local = timeOf(wall)
			}
		}
	}
	if instance && s.value("instance_fields") == "master" {
		for _, name := range []string{"sensitivity", "importance", "categories"} {
			delete(e.props, name)
		}
	}
	if s.on("cuts") {
		cutLines(e.props)
	}
	return nil
}

func cutLines(props object) {
	if text, ok := props["subject"].(string); ok {
		if cut := cutAt(text, longestLine); cut != text {
			props["subject"] = cutAt(text, longestLine-3) + "..."
		}
	}
	if location, ok := props["location"].(object); ok {
		if text, ok := location["displayName"].(string); ok {
			location["displayName"] = cutAt(text, longestLine)
		}
	}
	if list, ok := props["categories"].([]any); ok {
		list = slices.Clone(list)
		for i, one := range list {
			if text, ok := one.(string); ok {
				list[i] = cutAt(text, longestLine)
			}
		}
		props["categories"] = list
	}
}

// cutAt returns the beginning of a text with at most so many UTF-16 units.
func cutAt(text string, units int) string {
	n := 0
	for i, r := range text {
		if n += utf16.RuneLen(r); n > units {
			return text[:i]
		}
	}
	return text
}

// loses says whether a change of an instance is forgotten, and counts it.
func (c *call) loses(it *item) bool {
	if !c.server.on("lost_patch") || it.original.IsZero() {
		return false
	}
	if c.mailbox.lost == nil {
		c.mailbox.lost = map[string]int{}
	}
	c.mailbox.lost[it.id]++
	return c.mailbox.lost[it.id]%2 == 1
}

// clone is a record that does not change with r.
func (r *record) clone() *record {
	next := *r
	next.Exceptions = maps.Clone(r.Exceptions)
	for id, own := range next.Exceptions {
		next.Exceptions[id] = new(*own)
	}
	return &next
}

// past is the events of a mailbox as they were before a write.
type past struct {
	until   time.Time // of the write
	records []*record
}

// remember keeps the events as they are before a write, while readings may still show them so.
func (m *mailbox) remember() {
	lag := time.Duration(m.server.number("lag")) * time.Second
	now := m.server.clock.Now()
	m.pasts = slices.DeleteFunc(m.pasts, func(p past) bool { return now.Sub(p.until) >= lag })
	if lag == 0 {
		return
	}
	p := past{until: now}
	for _, r := range m.records {
		p.records = append(p.records, r.clone())
	}
	m.pasts = append(m.pasts, p)
}

// shown runs a reading on the events as they are shown.
func (m *mailbox) shown(read func() (*reply, error)) (*reply, error) {
	m.rewrite()
	lag := time.Duration(m.server.number("lag")) * time.Second
	now := m.server.clock.Now()
	i := slices.IndexFunc(m.pasts, func(p past) bool { return now.Sub(p.until) < lag })
	if i < 0 {
		return read()
	}
	records, byID := m.records, m.byID
	defer func() { m.records, m.byID = records, byID }()
	m.records, m.byID = m.pasts[i].records, map[string]*record{}
	for _, r := range m.records {
		m.byID[r.ID] = r
	}
	return read()
}

// rewrite lets the service go on writing what clients wrote.
func (m *mailbox) rewrite() {
	if !m.server.on("rewrites") {
		return
	}
	for _, r := range m.records {
		if r.rewrites == 0 {
			continue
		}
		r.rewrites--
		r.Change++
		r.Modified = m.server.clock.Now().UTC().Truncate(100 * time.Nanosecond)
		for _, one := range append(slices.Collect(maps.Values(r.Exceptions)), r) {
			if body, ok := one.Props["body"].(object); ok {
				one.Props = maps.Clone(one.Props)
				one.Props["body"] = object{"contentType": "html", "content": rewritten(body)}
			}
		}
	}
}

// rewritten is a body as the service writes it anew.
func rewritten(body object) string {
	text, _ := body["content"].(string)
	if body["contentType"] == "text" {
		text = "<div>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\r\n") + "</div>"
	}
	const head = `<meta name="Generator" content="Microsoft Exchange Server">`
	if strings.Contains(text, head) {
		return text
	}
	return head + "\r\n" + text
}

// spent says whether a transaction id stays taken though its event is gone.
func (m *mailbox) spent(transaction string) bool {
	return transaction != "" && m.server.value("transaction_ids") == "kept" && m.gone[transaction]
}

// bury remembers what is deleted: its transaction id, and that the user can still reach it.
func (m *mailbox) bury(r *record) {
	m.recoverable++
	if m.gone == nil {
		m.gone = map[string]bool{}
	}
	m.gone[r.Transaction] = true
}

// Recoverable is how many deleted events a mailbox's user can still reach. Errors are NotFound.
func (s *Server) Recoverable(mailbox string) (int, error) {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return 0, err
	}
	defer unlock()
	return m.recoverable, nil
}

// CopyEvent copies an event into a calendar as a user does in Outlook, with all that it has, extended properties and transaction id among it,
// and returns the copy's id. Errors are NotFound.
func (s *Server) CopyEvent(mailbox, id, calendarID string) (string, error) {
	next := s.newID(itemPrefix) + "="
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return "", err
	}
	defer unlock()
	r := m.byID[id]
	if r == nil || m.calendar(calendarID) == nil {
		return "", fault.New(fault.NotFound, "mailbox %s has no event %q or no calendar %q", mailbox, id, calendarID)
	}
	c := r.clone()
	c.ID, c.Calendar, c.Created = next, calendarID, s.clock.Now().UTC().Truncate(100*time.Nanosecond)
	c.UID = newUID(c.ID, c.Created)
	c.Exceptions = nil // whose ids have the series' in them
	m.touch(c)
	m.add(c)
	return c.ID, nil
}

// MoveEvent moves an event to another calendar of the mailbox, as a user does in Outlook. It keeps its id. Errors are NotFound.
func (s *Server) MoveEvent(mailbox, id, calendarID string) error {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return err
	}
	defer unlock()
	r := m.byID[id]
	if r == nil || m.calendar(calendarID) == nil {
		return fault.New(fault.NotFound, "mailbox %s has no event %q or no calendar %q", mailbox, id, calendarID)
	}
	r.Calendar = calendarID
	m.touch(r)
	return nil
}

// RenewIDs gives all events of a calendar, or all calendars where the id is empty, new ids, as moving a mailbox or importing it again does.
// Errors are NotFound.
func (s *Server) RenewIDs(mailbox, calendarID string) error {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return err
	}
	defer unlock()
	if calendarID == "" {
		for _, c := range m.calendars {
			old := c.ID
			c.ID = fmt.Sprintf("%s%s", calendarPrefix, token("moved "+old))
			for _, r := range m.records {
				if r.Calendar == old {
					r.Calendar = c.ID
				}
			}
		}
		return nil
	}
	for _, r := range m.records {
		if r.Calendar != calendarID {
			continue
		}
		old := r.ID
		delete(m.byID, old)
		r.ID = itemPrefix + token("moved "+old) + "="
		m.byID[r.ID] = r
		exceptions := map[string]*record{}
		for id, own := range r.Exceptions {
			own.ID = r.ID + strings.TrimPrefix(id, old)
			exceptions[own.ID] = own
		}
		r.Exceptions = exceptions
	}
	return nil
}

// permanentlyDelete deletes a calendar with its events so that its user cannot reach them any more.
func (c *call) permanentlyDelete(args []string) (*reply, error) {
	if c.server.value("permanent_delete") == "none" {
		return nil, bad("Resource not found for the segment 'permanentDelete'.")
	}
	before := c.mailbox.recoverable
	answer, err := c.deleteCalendar(args)
	c.mailbox.recoverable = before
	return answer, err
}

// stuck answers that a calendar cannot be deleted.
func (c *call) stuck() error {
	if !c.server.on("undeletable") {
		return nil
	}
	return fail(http.StatusServiceUnavailable, "ErrorInternalServerTransientError", "The operation could not be completed now.")
}
