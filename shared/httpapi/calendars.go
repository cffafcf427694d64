package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

// Provider holds calendars, as calendar.Provider does. Errors: calendar.ErrNotFound, ErrAmbiguous, ErrExists, and the kinds of package fault.
type Provider interface {
	// Calendars lists the calendars of an account, by name.
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
	// Calendar finds the one that uri names: by id, else by name (case-insensitive), else the default one for "primary".
	Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	// CreateCalendar makes an empty calendar of uri's name.
	CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	// DeleteCalendar removes a calendar with all its events.
	DeleteCalendar(ctx context.Context, account, calendarID string) error
	// Events returns every event that overlaps [from, to) or starts in it, series expanded, each id once, in no particular order.
	Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error)
	// Walk hands those of them that start at since or later to each, one by one. each returns until when events still matter.
	Walk(ctx context.Context, account, calendarID string, from, to, since time.Time, each func(calendar.Event) (until time.Time, err error)) error
}

// Importer reads whole files into a user's local calendars, and writes calendars as files.
type Importer interface {
	// Import puts a file into a calendar, and says what became of each of its events.
	Import(ctx context.Context, account, calendarID string, f ics.File, how importing.Options) (importing.Report, error)
	// Export returns all of a calendar.
	Export(ctx context.Context, account, calendarID string) (ics.File, error)
}

const (
	contentCalendar = "text/calendar"
	// contentFile is of files as they are, byte by byte. What is sent as text may be damaged on its way.
	contentFile = "application/octet-stream"
)

type calendarView struct {
	ID         string `json:"id" doc:"Names the calendar in this API."`
	Name       string `json:"name"`
	URI        string `json:"uri" doc:"The calendar's URI by its name."`
	Provider   string `json:"provider" enum:"local,msgraph"`
	Account    string `json:"account"`
	ProviderID string `json:"provider_id" doc:"The provider's own id."`
	Primary    bool   `json:"primary" doc:"It is the account's default calendar."`
	CanEdit    bool   `json:"can_edit"`
}

// viewCalendar shows a calendar of the account that uri names.
func viewCalendar(uri calendar.URI, info calendar.Info) calendarView {
	byID, byName := uri, uri
	byID.Calendar, byName.Calendar = info.ID, info.Name
	return calendarView{
		ID: base64.RawURLEncoding.EncodeToString([]byte(byID.String())), Name: info.Name, URI: byName.String(), Provider: uri.Provider,
		Account: uri.Account, ProviderID: info.ID, Primary: info.Primary, CanEdit: info.CanEdit,
	}
}

type calendarAnswer struct {
	Location string `header:"Location" doc:"Of a calendar that was created."`
	Body     calendarView
}

// found is a calendar that a request names.
type found struct {
	Provider
	uri  calendar.URI
	info calendar.Info
}

// find finds the calendar of an id of ours.
func (s *server) find(ctx context.Context, id string) (found, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return found{}, errNoCalendar()
	}
	uri, err := calendar.ParseURI(string(text))
	if err != nil {
		return found{}, errNoCalendar()
	}
	f, err := s.lookUp(ctx, uri)
	if err == nil && f.info.ID != uri.Calendar {
		return found{}, errNoCalendar() // an id names nothing by its name
	}
	return f, err
}

func errNoCalendar() error { return fault.New(fault.NotFound, "there is no such calendar") }

func (s *server) lookUp(ctx context.Context, uri calendar.URI) (found, error) {
	p, err := s.provider(ctx, uri)
	if err != nil {
		return found{}, err
	}
	info, err := p.Calendar(ctx, uri)
	return found{Provider: p, uri: uri, info: info}, err
}

func (s *server) provider(ctx context.Context, uri calendar.URI) (Provider, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return s.providerOf(ctx, who, uri)
}

// providerOf returns the provider of a calendar URI for a user, if the user may name the URI's mailbox, else calendar.ErrNoMailbox. Nothing else in this
// package asks for one.
func (s *server) providerOf(ctx context.Context, who string, uri calendar.URI) (Provider, error) {
	p, err := s.Provider(ctx, who, uri)
	if err != nil {
		return nil, err
	}
	if _, err := calendar.OneName(ctx, p, uri.Account); err != nil {
		return nil, err
	}
	return p, nil
}

// files returns who imports into the calendar and exports it, if it is a local one.
func (s *server) files(ctx context.Context, f found) (Importer, error) {
	if f.uri.Provider != calendar.ProviderLocal {
		return nil, fault.Field("id", "names a calendar of %s; only local calendars are imported into, exported and deleted here", f.uri.Provider)
	}
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return s.Local(who), nil
}

func (s *server) calendarRoutes() {
	handle(s, route{
		pattern: "GET /v1/calendars", access: byUsers, tag: tagCalendars, summary: "List calendars, or find one by its URI",
		description: "Without account: the calendars of all local accounts that you created calendars or archive configs with. Those of msgraph need an account.",
	}, s.listCalendars)
	handle(s, route{
		pattern: "POST /v1/calendars", access: byUsers, class: limit.Writes, action: "calendar.create",
		tag: tagCalendars, summary: "Create a calendar", success: http.StatusCreated,
	}, s.createCalendar)
	handle(s, route{pattern: "GET /v1/calendars/{id}", access: byUsers, tag: tagCalendars, summary: "Show a calendar"}, s.getCalendar)
	handle(s, route{
		pattern: "DELETE /v1/calendars/{id}", access: byUsers, class: limit.Removals, action: "calendar.delete",
		tag: tagCalendars, summary: "Delete a local calendar with all its events",
		description: "One that is the source or the archive of an archive config is deleted only with force=true.",
	}, s.deleteCalendar)
	handle(s, route{
		pattern: "GET /v1/calendars/{id}/events", access: byUsers,
		tag: tagCalendars, summary: "List the events of a period, series expanded",
		description: "A page has fewer events than limit where their texts are long.",
	}, s.listEvents)
	handle(s, route{
		pattern: "GET /v1/calendars/{id}/overlaps", access: byUsers,
		tag: tagCalendars, summary: "List the groups of appointments of a period that share time",
	}, s.listOverlaps)
	handle(s, route{
		pattern: "POST /v1/calendars/{id}/import", access: byUsers, class: limit.Bulk, action: "calendar.import",
		body: body{kinds: []string{contentFile, contentCalendar}, most: ics.MaxBytes, format: "binary"},
		tag:  tagCalendars, summary: "Import an iCalendar file into a local calendar",
		description: "The body is the file. An event that is there already, by its UID, and by its RECURRENCE-ID if it is an instance of a series, is changed " +
			"where the file has it otherwise, unless what is there is newer, by SEQUENCE and then DTSTAMP. What the file does not name stays. An event that " +
			"cannot be read is set aside and does not stop the others; with strict nothing is imported then.",
	}, s.importCalendar)
	handle(s, route{
		pattern: "GET /v1/calendars/{id}/export", access: byUsers, class: limit.Bulk,
		tag: tagCalendars, summary: "Export a local calendar as an iCalendar file", document: exportBody,
	}, s.exportCalendar)
}

func (s *server) listCalendars(ctx context.Context, in *struct {
	Paging
	Provider string `query:"provider" enum:"local,msgraph" default:"local"`
	Account  string `query:"account" doc:"Only calendars of this account." example:"me"`
	URI      string `query:"uri" doc:"Only the calendar that the URI names; without the other two." example:"msgraph://me/calendars/primary"`
}) (*page[calendarView], error) {
	if in.URI != "" {
		if in.Account != "" {
			return nil, fault.Field("uri", "names its account itself; leave account out")
		}
		uri, err := parseURI("uri", in.URI)
		if err != nil {
			return nil, err
		}
		f, err := s.lookUp(ctx, uri)
		if errors.Is(err, calendar.ErrNotFound) {
			return cut(in.Paging, []calendarView(nil), calendarOrder)
		}
		if err != nil {
			return nil, err
		}
		return cut(in.Paging, []calendarView{viewCalendar(uri, f.info)}, calendarOrder)
	}
	accounts := []string{in.Account}
	if in.Account == "" {
		who, err := user(ctx)
		if err != nil {
			return nil, err
		}
		if in.Provider != calendar.ProviderLocal {
			return nil, fault.Field("account", "is missing; it is needed for calendars of %s", in.Provider)
		}
		if accounts, err = s.Accounts.List(ctx, who, in.Provider); err != nil {
			return nil, err
		}
	}
	var views []calendarView
	for _, name := range accounts {
		uri := calendar.URI{Provider: in.Provider, Account: name}
		p, err := s.provider(ctx, uri)
		if err != nil {
			return nil, err
		}
		infos, err := p.Calendars(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			views = append(views, viewCalendar(uri, info))
		}
	}
	return cut(in.Paging, views, calendarOrder)
}

func calendarOrder(c calendarView) string {
	return strings.ToLower(c.Account) + "\x00" + strings.ToLower(c.Name) + "\x00" + c.ID
}

func (s *server) createCalendar(ctx context.Context, in *struct {
	Body struct {
		URI string `json:"uri" example:"local://me/calendars/Work"`
	}
}) (*calendarAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	uri, err := parseURI("uri", in.Body.URI)
	if err != nil {
		return nil, err
	}
	p, err := s.provider(ctx, uri)
	if err != nil {
		return nil, err
	}
	if err := s.Accounts.Note(ctx, who, uri); err != nil {
		return nil, err
	}
	info, err := p.CreateCalendar(ctx, uri)
	if err != nil {
		return nil, at("uri", err)
	}
	view := viewCalendar(uri, info)
	return &calendarAnswer{Location: "/v1/calendars/" + view.ID, Body: view}, nil
}

func (s *server) getCalendar(ctx context.Context, in *ByIDOrName) (*calendarAnswer, error) {
	f, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &calendarAnswer{Body: viewCalendar(f.uri, f.info)}, nil
}

func (s *server) deleteCalendar(ctx context.Context, in *struct {
	ByIDOrName
	Force bool `query:"force" doc:"Delete it although it is the source or the archive of an archive config."`
}) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !in.Force {
		if err := s.unowned(ctx, who, f); err != nil {
			return nil, err
		}
	}
	if _, err := s.files(ctx, f); err != nil {
		return nil, err
	}
	return &struct{}{}, f.DeleteCalendar(ctx, f.uri.Account, f.info.ID)
}

// Period is the days that a request is about.
type Period struct {
	Period   string `query:"period" doc:"Days in words: today, last 7 days, last month, 2026-10-05, 5-Oct, or two joined by \" to \"." example:"last week"`
	From     string `query:"from" doc:"First day, YYYY-MM-DD; instead of period, with to." example:"2026-10-01"`
	To       string `query:"to" doc:"Last day, included." example:"2026-10-31"`
	Timezone string `query:"timezone" doc:"IANA time zone in which days begin and end; without it, that of your settings." example:"Europe/Berlin"`
}

// window reads the days in the zone that the request names, or else in the user's.
func (p Period) window(now time.Time, user account.Settings) (calendar.Window, error) {
	zone, err := calendar.LoadZone(cmp.Or(p.Timezone, user.Zone))
	if err != nil {
		return calendar.Window{}, at("timezone", err)
	}
	if p.Period == "" && p.From == "" && p.To == "" {
		return calendar.Window{}, fault.Field("period", "is missing; give a period as in \"last week\", or from and to")
	}
	return window(p.Period, p.From, p.To, zone, now, user.Weekday())
}

// window reads a period, or else a first and last day, in zone, with weeks that begin on a day. Errors are of kind fault.Invalid and name period, from or to.
func window(period, from, to string, zone *time.Location, now time.Time, weekStart time.Weekday) (calendar.Window, error) {
	return archive.ReadWindow(period, from, to, zone, now, weekStart)
}

// eventView is an event as the provider has it, with its times as instants.
type eventView struct {
	ID         string   `json:"id"`
	ICalUID    string   `json:"ical_uid"`
	Type       string   `json:"type" enum:"singleInstance,occurrence,exception,seriesMaster"`
	Subject    string   `json:"subject"`
	Start      string   `json:"start" doc:"UTC; empty when the event's own start cannot be read."`
	End        string   `json:"end" doc:"UTC; empty when the event's own end cannot be read."`
	AllDay     bool     `json:"all_day"`
	StartDate  string   `json:"start_date" doc:"Of an all-day event."`
	EndDate    string   `json:"end_date" doc:"Of an all-day event, exclusive."`
	Location   string   `json:"location"`
	Categories []string `json:"categories" nullable:"false"`
	ShowAs     string   `json:"show_as"`
	Importance string   `json:"importance"`
	// Sensitivity is the source's own.
	Sensitivity string `json:"sensitivity"`
	Cancelled   bool   `json:"cancelled"`
	Response    string `json:"response" doc:"The user's own answer to the invitation."`
	Organizer   string `json:"organizer" doc:"The organizer's address."`
}

func viewEvent(e *calendar.Event, zone *time.Location) eventView {
	v := eventView{
		ID: e.ID, ICalUID: e.ICalUID, Type: string(cmp.Or(e.Type, calendar.Single)), Subject: e.Subject, AllDay: e.AllDay, Location: e.Location,
		Categories: append([]string{}, e.Categories...), ShowAs: string(cmp.Or(e.ShowAs, calendar.Unknown)),
		Importance: string(cmp.Or(e.Importance, calendar.NormalImportance)), Sensitivity: string(cmp.Or(e.Sensitivity, calendar.Normal)),
		Cancelled: e.Cancelled, Response: string(cmp.Or(e.Response, calendar.NoResponse)), Organizer: e.Organizer.Address,
	}
	if from, to, err := e.Days(zone); e.AllDay && err == nil {
		v.StartDate, v.EndDate = from.String(), to.String()
		v.Start, v.End = viewInstant(calendar.StartOfDay(from, zone)), viewInstant(calendar.StartOfDay(to, zone))
		return v
	}
	v.Start, v.End = viewTime(e.Start, zone), viewTime(e.End, zone)
	return v
}

// viewTime returns a time as an instant; empty: it cannot be read.
func viewTime(d calendar.DateTime, zone *time.Location) string {
	t, err := d.Instant(zone)
	if err != nil {
		return ""
	}
	return viewInstant(t)
}

func viewInstant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func (s *server) listEvents(ctx context.Context, in *struct {
	ByIDOrName
	Period
	Paging
}) (*page[eventView], error) {
	f, w, err := s.findIn(ctx, in.ID, in.Period)
	if err != nil {
		return nil, err
	}
	p, err := newPicked[eventView](in.Paging)
	if err != nil {
		return nil, err
	}
	p.once = true
	err = f.Walk(ctx, f.uri.Account, f.info.ID, w.Start(), w.End(), startIn(p.after), func(e calendar.Event) (time.Time, error) {
		if !w.Holds(&e) { // a provider gives days and floating times as they would be anywhere
			return startIn(p.beyond), nil
		}
		v := viewEvent(&e, w.Zone)
		if key := eventKey(v.Start, e.ID); p.wants(key) {
			e.Body, e.Attendees = calendar.Body{}, nil // are not shown
			p.add(key, v, int(e.Bytes()))
		}
		return startIn(p.beyond), nil
	})
	if err != nil {
		return nil, err
	}
	return p.page(), nil
}

// eventKey orders events by their start, as it is shown.
func eventKey(start, id string) string { return timeKey(start) + "\x00" + id }

// startIn is the start in an eventKey; zero when there is none.
func startIn(key string) time.Time {
	start, _, _ := strings.Cut(key, "\x00")
	at, _ := time.Parse(time.RFC3339Nano, start+"Z")
	return at
}

// timeKey makes written times comparable as text: a fraction of a second comes after the whole.
func timeKey(t string) string { return strings.TrimSuffix(t, "Z") }

func (s *server) findIn(ctx context.Context, id string, p Period) (found, calendar.Window, error) {
	settings, err := s.settings(ctx)
	if err != nil {
		return found{}, calendar.Window{}, err
	}
	w, err := p.window(s.Clock(), settings)
	if err != nil {
		return found{}, w, err
	}
	f, err := s.find(ctx, id)
	return f, w, err
}

type overlapView struct {
	Start        string          `json:"start" doc:"When the first of them starts, UTC."`
	End          string          `json:"end" doc:"When the last of them ends, UTC."`
	Appointments []overlapMember `json:"appointments" nullable:"false"`
	key          string
}

type overlapMember struct {
	EventID     string      `json:"event_id"`
	Appointment appointment `json:"appointment"`
}

func (s *server) listOverlaps(ctx context.Context, in *struct {
	ByIDOrName
	Period
	Paging
	AllDay bool `query:"all_day" doc:"All-day appointments take part."`
}) (*page[overlapView], error) {
	f, w, err := s.findIn(ctx, in.ID, in.Period)
	if err != nil {
		return nil, err
	}
	events, err := f.Events(ctx, f.uri.Account, f.info.ID, w.Start(), w.End())
	if err != nil {
		return nil, err
	}
	plan := archive.NewPlan(archive.Input{Events: events, Window: w, Settings: archive.Settings{
		Zone: w.Zone, Purpose: archive.General, Overlaps: archive.Keep, AllDayOverlaps: in.AllDay, OnDrift: archive.AskOnDrift,
	}})
	appointments := make(map[string]calendar.Appointment, len(plan.Items))
	for i := range plan.Items {
		if it := &plan.Items[i]; it.Outcome == archive.Archived {
			appointments[it.EventID] = it.Appointment
		}
	}
	views := make([]overlapView, 0, len(plan.Overlaps))
	for _, o := range plan.Overlaps {
		var v overlapView
		var start, end time.Time
		for _, id := range o.EventIDs {
			a := appointments[id]
			if start.IsZero() || a.Start.Before(start) {
				start = a.Start
			}
			if a.End.After(end) {
				end = a.End
			}
			v.Appointments = append(v.Appointments, overlapMember{EventID: id, Appointment: appointment{a}})
		}
		v.Start, v.End = start.UTC().Format(time.RFC3339Nano), end.UTC().Format(time.RFC3339Nano)
		v.key = timeKey(v.Start) + "\x00" + o.EventIDs[0]
		views = append(views, v)
	}
	return cut(in.Paging, views, func(v overlapView) string { return v.key })
}

type importView importing.Report

// importInput is a request whose body the handler reads itself, as it comes.
type importInput struct {
	ByIDOrName
	ContentType string `header:"Content-Type" hidden:"true"`

	DryRun bool `query:"dry_run" doc:"Say what would be imported, and write nothing."`
	Strict bool `query:"strict" doc:"Import all of the file or nothing: an event that would be set aside is an error."`

	body io.Reader
}

// Resolve keeps the body for the handler.
func (in *importInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

func (s *server) importCalendar(ctx context.Context, in *importInput) (*struct{ Body importView }, error) {
	if media, _, err := mime.ParseMediaType(in.ContentType); err != nil || media != contentFile && media != contentCalendar {
		return nil, withCode(codeMediaType, "the body must be an iCalendar file, with Content-Type: %s", contentFile)
	}
	f, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	files, err := s.files(ctx, f)
	if err != nil {
		return nil, err
	}
	file, err := ics.ReadUpTo(in.body, s.Memory.Events())
	if err != nil {
		return nil, err
	}
	report, err := files.Import(ctx, f.uri.Account, f.info.ID, file, importing.Options{DryRun: in.DryRun, Strict: in.Strict})
	if err != nil {
		return nil, err
	}
	return &struct{ Body importView }{importView(report)}, nil
}

func exportBody(op *huma.Operation) {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The file.",
		Content:     map[string]*huma.MediaType{contentCalendar: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

type fileAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *server) exportCalendar(ctx context.Context, in *ByIDOrName) (*fileAnswer, error) {
	f, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	files, err := s.files(ctx, f)
	if err != nil {
		return nil, err
	}
	file, err := files.Export(ctx, f.uri.Account, f.info.ID)
	if err != nil {
		return nil, err
	}
	text := s.newWhole()
	if err := ics.Write(text, file, s.Clock()); err != nil {
		return nil, err
	}
	return &fileAnswer{ContentType: contentCalendar + "; charset=utf-8", Disposition: attachment(f.info.Name + ".ics"), Body: text.bytes()}, nil
}

// attachment is a Content-Disposition for a file of that name, in any language (RFC 6266, section 4.3; RFC 8187).
func attachment(name string) string {
	return "attachment; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}
