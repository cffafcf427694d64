package graphsim

import (
	"net/http"
	"slices"
	"strings"
)

// route is one kind of request: a method, and a path below the mailbox in which a segment in braces stands for any one.
type route struct {
	method, path string
	handle       func(c *call, args []string) (*reply, error)
}

// eventActions are what a POST can do with an event beside changing it.
var eventActions = []string{"forward", "cancel", "accept", "tentativelyAccept", "decline"}

var routes []route

func init() {
	routes = []route{
		{"GET", "calendars", (*call).listCalendars},
		{"POST", "calendars", (*call).createCalendar},
		{"GET", "calendars/{}", (*call).getCalendar},
		{"PATCH", "calendars/{}", (*call).changeCalendar},
		{"DELETE", "calendars/{}", (*call).deleteCalendar},
		{"POST", "calendars/{}/permanentDelete", (*call).permanentlyDelete},
		{"GET", "calendars/{}/calendarView", (*call).calendarView},
		{"GET", "calendars/{}/events", (*call).listEvents},
		{"POST", "calendars/{}/events", (*call).createEvent},
		{"GET", "calendars/{}/events/{}", (*call).getEvent},
		{"PATCH", "calendars/{}/events/{}", (*call).changeEvent},
		{"DELETE", "calendars/{}/events/{}", (*call).deleteEvent},
		{"GET", "calendars/{}/events/{}/instances", (*call).instances},
		{"GET", "outlook/masterCategories", (*call).listCategories},
		{"POST", "outlook/masterCategories", (*call).createCategory},
		{"GET", "outlook/masterCategories/{}", (*call).getCategory},
		{"PATCH", "outlook/masterCategories/{}", (*call).changeCategory},
		{"DELETE", "outlook/masterCategories/{}", (*call).deleteCategory},
		{"GET", "mailboxSettings", (*call).mailboxSettings},
		{"POST", "sendMail", (*call).sendMail},
	}
	for _, action := range eventActions {
		routes = append(routes, route{"POST", "calendars/{}/events/{}/" + action, func(c *call, args []string) (*reply, error) {
			return c.act(action, args)
		}})
	}
}

// anyCalendar stands for whatever calendar an event is in; no calendar has this id.
const anyCalendar = "\x00any"

// normalPath writes the shorter forms of a path in the one that names a calendar.
func (c *call) normalPath(path []string) []string {
	switch {
	case len(path) == 0:
	case path[0] == "calendar":
		return append([]string{"calendars", c.mailbox.defaultID()}, path[1:]...)
	case path[0] == "calendarView" || path[0] == "events" && len(path) == 1:
		return append([]string{"calendars", c.mailbox.defaultID()}, path...)
	case path[0] == "events":
		return append([]string{"calendars", anyCalendar}, path...)
	}
	return path
}

// route finds what a request asks for and does it, while nobody else reads or changes the mailbox.
func (c *call) route(path []string) (*reply, error) {
	c.mailbox.mu.Lock()
	defer c.mailbox.mu.Unlock()
	c.mailbox.retire()
	path = c.normalPath(path)
	otherMethod, known := false, 0
	for _, r := range routes {
		pattern := strings.Split(r.path, "/")
		args, fits := match(pattern, path)
		known = max(known, fits)
		if fits < len(path) || fits < len(pattern) {
			continue
		}
		if r.method == c.method && !c.server.permits(r.method, r.path) {
			return nil, denied()
		}
		if r.method == c.method && r.method == http.MethodGet {
			return c.mailbox.shown(func() (*reply, error) { return r.handle(c, args) })
		}
		if r.method == c.method {
			c.mailbox.remember()
			return r.handle(c, args)
		}
		otherMethod = true
	}
	switch {
	case otherMethod:
		return nil, fail(http.StatusMethodNotAllowed, "ErrorMethodNotAllowed", "The method %s is not allowed here.", c.method)
	case len(path) == 0:
		return nil, bad("The simulator has no user resource.")
	}
	return nil, bad("Resource not found for the segment '%.100s'.", path[min(known, len(path)-1)])
}

// match compares a path with a pattern: the segments in place of braces, and how many segments fit.
func match(pattern, path []string) (args []string, fits int) {
	for fits < len(pattern) && fits < len(path) {
		switch {
		case pattern[fits] == "{}":
			args = append(args, path[fits])
		case pattern[fits] != path[fits]:
			return args, fits
		}
		fits++
	}
	return args, fits
}

// SetPermissions grants permissions of Microsoft Graph in the place of those that were granted; nil grants all. They matter for the settings and the
// categories of mailboxes: MailboxSettings.Read or MailboxSettings.ReadWrite.
func (s *Server) SetPermissions(granted []string) { s.permissions.Store(&granted) }

// permits says whether whoever asks may do that.
func (s *Server) permits(method, path string) bool {
	granted := *s.permissions.Load()
	if granted == nil || !strings.HasPrefix(path, "outlook/masterCategories") && path != "mailboxSettings" {
		return true
	}
	return slices.Contains(granted, "MailboxSettings.ReadWrite") || method == http.MethodGet && slices.Contains(granted, "MailboxSettings.Read")
}
