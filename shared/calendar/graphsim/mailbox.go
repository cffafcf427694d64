package graphsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Mailbox describes a user's mailbox.
type Mailbox struct {
	ID          string   `json:"id"`                     // what users/{id} names, beside Address; any case
	Address     string   `json:"address,omitempty"`      // empty: ID
	Tenant      string   `json:"tenant,omitempty"`       // whose tokens alone reach it; empty: all reach it
	Name        string   `json:"name,omitempty"`         // the user's; empty: Address
	TimeZone    string   `json:"time_zone,omitempty"`    // IANA or Windows; empty: UTC
	WorkingDays []string `json:"working_days,omitempty"` // Graph's words, the first day of the week first; empty: monday to friday
	// NotEnabled mailboxes answer everything with 404 MailboxNotEnabledForRESTAPI.
	NotEnabled bool `json:"not_enabled,omitempty"`
}

// Calendar describes a calendar of a mailbox.
type Calendar struct {
	ID       string          `json:"id"` // empty in AddCalendar: one is made
	Name     string          `json:"name"`
	Color    string          `json:"color,omitempty"` // a word of Graph's calendarColor; empty: auto
	Default  bool            `json:"default,omitempty"`
	ReadOnly bool            `json:"read_only,omitempty"` // writes are answered 403
	Denied   bool            `json:"denied,omitempty"`    // everything is answered 403, but for listing it
	Owner    calendar.Person `json:"owner,omitzero"`      // of a shared one; zero: the mailbox's user
	// HidePrivate serves private and confidential events without their content, and only in lists.
	HidePrivate bool `json:"hide_private,omitempty"`

	Change int64 `json:"change,omitempty"` // counts its changes
}

// Category is a master category.
type Category struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Color string `json:"color"` // a word of Graph's categoryColor
}

// mailbox is a Mailbox and what is in it. Its exported fields are what a saved state has.
type mailbox struct {
	Mailbox
	server   *Server
	gate     gate
	requests meter
	uploads  meter

	mu          sync.Mutex
	calendars   []*Calendar
	categories  []*Category
	records     []*record // no exceptions; in order of creation
	byID        map[string]*record
	mails       []object // that were sent
	pasts       []past
	gone        map[string]bool // transaction ids of events that were deleted
	recoverable int
	lost        map[string]int // changes of each instance, of those that the switch lost_patch counts
	asked       int            // requests, of those that the switch mailbox_404 counts
	tries       map[string]int // writes to each event, of those that the switches locked and series_conflicts count
}

// AddMailbox adds a mailbox with an empty default calendar named Calendar. The first one is what /me means. An id or address that is in use is a Conflict,
// an unknown time zone Invalid.
func (s *Server) AddMailbox(m Mailbox) error {
	fill(&m.Address, m.ID)
	fill(&m.Name, m.Address)
	fill(&m.TimeZone, "UTC")
	if len(m.WorkingDays) == 0 {
		m.WorkingDays = []string{"monday", "tuesday", "wednesday", "thursday", "friday"}
	}
	if m.ID == "" {
		return fault.Field("id", "of the mailbox is missing")
	}
	if _, err := calendar.LoadZone(m.TimeZone); err != nil {
		return err
	}
	for _, name := range []string{m.ID, m.Address} {
		if s.mailbox(name) != nil {
			return fault.New(fault.Conflict, "there is a mailbox %s already", name)
		}
	}
	box := &mailbox{Mailbox: m, server: s, byID: map[string]*record{}}
	box.calendars = []*Calendar{{ID: s.newID(calendarPrefix), Name: "Calendar", Default: true}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mailboxes = append(s.mailboxes, box)
	s.changes.Add(1)
	return nil
}

// Outlook's ids begin like this: those of folders, those of items that are immutable, and those of items that change when the item moves.
const (
	calendarPrefix  = "AAMkAGFolder"
	itemPrefix      = "AAkALgAAAA"
	regularIDPrefix = "AAMkAGItem"
)

// mailbox finds one by id or address; the empty name is the first one. nil: there is none.
func (s *Server) mailbox(name string) *mailbox { return s.mailboxIn("", name) }

// mailboxIn is mailbox, of those that the tokens of a tenant reach. The empty tenant is all of them.
func (s *Server) mailboxIn(tenant, name string) *mailbox {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.mailboxes {
		if tenant != "" && m.Tenant != "" && !strings.EqualFold(m.Tenant, tenant) {
			continue
		}
		if name == "" || strings.EqualFold(m.ID, name) || strings.EqualFold(m.Address, name) {
			return m
		}
	}
	return nil
}

// open finds a mailbox for the Go API and locks it. Errors are NotFound.
func (s *Server) open(name string) (m *mailbox, unlock func(), err error) {
	if m = s.mailbox(name); m == nil || name == "" {
		return nil, nil, fault.New(fault.NotFound, "there is no mailbox %q", name)
	}
	m.mu.Lock()
	return m, m.mu.Unlock, nil
}

// AddCalendar adds a calendar, or replaces the settings of the one that has its id, and returns the id. Two calendars may have the same name.
func (s *Server) AddCalendar(mailbox string, c Calendar) (id string, err error) {
	if c.ID == "" {
		c.ID = s.newID(calendarPrefix)
	}
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return "", err
	}
	defer unlock()
	s.changes.Add(1)
	if old := m.calendar(c.ID); old != nil {
		c.Change, c.Default = old.Change+1, old.Default
		*old = c
		return c.ID, nil
	}
	c.Default = false
	m.calendars = append(m.calendars, &c)
	return c.ID, nil
}

// RemoveCalendar deletes a calendar with its events. Errors are NotFound.
func (s *Server) RemoveCalendar(mailbox, id string) error {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return err
	}
	defer unlock()
	if m.calendar(id) == nil {
		return fault.New(fault.NotFound, "mailbox %s has no calendar %q", mailbox, id)
	}
	m.removeCalendar(id)
	return nil
}

// Calendars lists a mailbox's calendars, the default one first.
func (s *Server) Calendars(mailbox string) ([]Calendar, error) {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return nil, err
	}
	defer unlock()
	list := make([]Calendar, len(m.calendars))
	for i, c := range m.calendars {
		list[i] = *c
	}
	return list, nil
}

// AddCategory adds a master category and returns its id.
func (s *Server) AddCategory(mailbox, name, color string) (id string, err error) {
	id = s.newID("")
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return "", err
	}
	defer unlock()
	m.categories = append(m.categories, &Category{ID: id, Name: name, Color: color})
	s.changes.Add(1)
	return id, nil
}

// Mails returns the messages that a mailbox sent, as Graph's message objects.
func (s *Server) Mails(mailbox string) ([]map[string]any, error) {
	m, unlock, err := s.open(mailbox)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return slices.Clone(m.mails), nil
}

func (m *mailbox) defaultID() string {
	for _, c := range m.calendars {
		if c.Default {
			return c.ID
		}
	}
	return ""
}

func (m *mailbox) calendar(id string) *Calendar {
	for _, c := range m.calendars {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (m *mailbox) removeCalendar(id string) {
	m.calendars = slices.DeleteFunc(m.calendars, func(c *Calendar) bool { return c.ID == id })
	m.records = slices.DeleteFunc(m.records, func(r *record) bool {
		if r.Calendar != id {
			return false
		}
		m.bury(r)
		delete(m.byID, r.ID)
		return true
	})
	m.server.changes.Add(1)
}

// readable finds the calendar that a request is about, if it may be read.
func (m *mailbox) readable(id string) (*Calendar, error) {
	c := m.calendar(id)
	switch {
	case c == nil && len(id) < 8:
		return nil, fail(http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
	case c == nil:
		return nil, notFound()
	case c.Denied:
		return nil, denied()
	}
	return c, nil
}

// writable finds the calendar that a request is about, if it may be written.
func (m *mailbox) writable(id string) (*Calendar, error) {
	c, err := m.readable(id)
	if err == nil && c.ReadOnly {
		return nil, denied()
	}
	return c, err
}

func (c *call) listCalendars([]string) (*reply, error) {
	q, err := c.query("calendar", "$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count")
	if err != nil {
		return nil, err
	}
	var list []object
	for _, one := range c.mailbox.calendars {
		list = append(list, c.mailbox.calendarObject(one))
	}
	return c.list(q, list, "calendars")
}

func (c *call) getCalendar(args []string) (*reply, error) {
	q, err := c.query("calendar", "$select")
	if err != nil {
		return nil, err
	}
	one, err := c.mailbox.readable(args[0])
	if err != nil {
		return nil, err
	}
	return c.one(http.StatusOK, q.pick(c.mailbox.calendarObject(one)), "calendars/$entity"), nil
}

func (m *mailbox) calendarObject(c *Calendar) object {
	owner := c.Owner
	if owner == (calendar.Person{}) {
		owner = calendar.Person{Name: m.Name, Address: m.Address}
	}
	own := c.Owner == (calendar.Person{})
	color := c.Color
	fill(&color, "auto")
	return object{
		"id": c.ID, "name": c.Name, "color": color, "hexColor": "", "isDefaultCalendar": c.Default, "changeKey": fmt.Sprintf("cal%08d", c.Change),
		"canShare": own, "canViewPrivateItems": !c.HidePrivate, "canEdit": !c.ReadOnly && !c.Denied, "isRemovable": own && !c.Default,
		"isTallyingResponses": c.Default, "allowedOnlineMeetingProviders": []any{"teamsForBusiness"}, "defaultOnlineMeetingProvider": "teamsForBusiness",
		"owner": object{"name": owner.Name, "address": owner.Address},
	}
}

// calendarChange reads what a client may set of a calendar.
func (c *call) calendarChange() (object, error) {
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	set, err := graphTypes().checkObject("calendar", raw, nil)
	if err != nil {
		return nil, err
	}
	for name := range set {
		if !slices.Contains([]string{"name", "color", "hexColor", "isDefaultCalendar"}, name) {
			return nil, readOnly(name)
		}
	}
	return set, nil
}

func readOnly(name string) error {
	return fail(http.StatusBadRequest, "ErrorInvalidPropertySet", "Set action is invalid for property '%s'.", name)
}

// rename checks a calendar's new name.
func (m *mailbox) rename(id string, name any) (string, error) {
	text, _ := name.(string)
	if strings.TrimSpace(text) == "" {
		return "", badValue("The property 'name' is required and must not be blank.")
	}
	for _, other := range m.calendars {
		if other.ID != id && strings.EqualFold(other.Name, text) {
			return "", fail(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	return text, nil
}

func (c *call) createCalendar([]string) (*reply, error) {
	set, err := c.calendarChange()
	if err != nil {
		return nil, err
	}
	name, err := c.mailbox.rename("", set["name"])
	if err != nil {
		return nil, err
	}
	color, _ := set["color"].(string)
	one := &Calendar{ID: c.server.newID(calendarPrefix), Name: name, Color: color}
	c.mailbox.calendars = append(c.mailbox.calendars, one)
	c.server.changes.Add(1)
	answer := c.one(http.StatusCreated, c.mailbox.calendarObject(one), "calendars/$entity")
	if c.server.on("calendar_ids_change") {
		one.ID = calendarPrefix + token("settled "+one.ID)
	}
	return answer, nil
}

func (c *call) changeCalendar(args []string) (*reply, error) {
	set, err := c.calendarChange()
	if err != nil {
		return nil, err
	}
	one, err := c.mailbox.writable(args[0])
	if err != nil {
		return nil, err
	}
	if name, there := set["name"]; there {
		if one.Name, err = c.mailbox.rename(one.ID, name); err != nil {
			return nil, err
		}
	}
	if color, _ := set["color"].(string); color != "" {
		one.Color = color
	}
	one.Change++
	c.server.changes.Add(1)
	return c.one(http.StatusOK, c.mailbox.calendarObject(one), "calendars/$entity"), nil
}

func (c *call) deleteCalendar(args []string) (*reply, error) {
	one, err := c.mailbox.writable(args[0])
	if err != nil {
		return nil, err
	}
	if one.Default {
		return nil, fail(http.StatusForbidden, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
	}
	if err := c.stuck(); err != nil {
		return nil, err
	}
	c.mailbox.removeCalendar(one.ID)
	return noContent(), nil
}

func (c *call) mailboxSettings([]string) (*reply, error) {
	q, err := c.query("mailboxSettings", "$select")
	if err != nil {
		return nil, err
	}
	m := c.mailbox
	days := make([]any, len(m.WorkingDays))
	for i, d := range m.WorkingDays {
		days[i] = d
	}
	zone := c.server.zoneName(m.TimeZone)
	return c.one(http.StatusOK, q.pick(object{
		"timeZone": zone, "dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm", "userPurpose": "user", "archiveFolder": nil,
		"delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
		"language":                              object{"locale": "en-GB", "displayName": "English (United Kingdom)"},
		"workingHours": object{"daysOfWeek": days, "startTime": "08:00:00.0000000", "endTime": "17:00:00.0000000",
			"timeZone": object{"name": zone}},
		"automaticRepliesSetting": object{"status": "disabled", "externalAudience": "all", "internalReplyMessage": "", "externalReplyMessage": "",
			"scheduledStartDateTime": nil, "scheduledEndDateTime": nil},
	}), "mailboxSettings"), nil
}

func (c *call) sendMail([]string) (*reply, error) {
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	message, _ := raw["message"].(object)
	if message == nil {
		return nil, badBody("The parameter 'message' is missing.")
	}
	if message, err = graphTypes().checkObject("message", message, func(name string) bool { return name == "attachments" }); err != nil {
		return nil, err
	}
	c.mailbox.mails = append(c.mailbox.mails, message)
	return &reply{status: http.StatusAccepted}, nil
}
