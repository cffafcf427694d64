package httpapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/hours"
	"adminassistant/shared/limit"
)

const tagHours = "hours"

// HoursPeriod is the days of an archive that a request is about.
type HoursPeriod struct {
	Config string `query:"config" doc:"Id or name of an archive config; may be left out where there is one alone."`
	Period string `query:"period" doc:"Days in words, in the config's zone: last month, this week, 2026-10-01 to 2026-10-31." example:"last month"`
	From   string `query:"from" doc:"First day, YYYY-MM-DD; instead of period, with to." example:"2026-10-01"`
	To     string `query:"to" doc:"Last day, included." example:"2026-10-31"`
}

// hoursRow is hours.Row in an answer.
type hoursRow struct {
	Key         string  `json:"key" doc:"Customer, day, first day of the week, billing type or category. Empty: travel without a customer."`
	New         bool    `json:"new,omitempty" doc:"Nobody has recorded the customer."`
	Entries     int     `json:"entries"`
	Billable    float64 `json:"billable_minutes" doc:"Without travel."`
	NonBillable float64 `json:"non_billable_minutes" doc:"Without travel."`
	Travel      float64 `json:"travel_minutes"`
	Minutes     float64 `json:"minutes" doc:"All of it."`
}

// hoursEntry names an appointment of the ledger.
type hoursEntry struct {
	Key     string    `json:"key"`
	Subject string    `json:"subject"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
}

// hoursOverlap is hours.Overlap in an answer.
type hoursOverlap struct {
	First   hoursEntry `json:"first"`
	Second  hoursEntry `json:"second"`
	Start   time.Time  `json:"start" doc:"Of the time that they share."`
	End     time.Time  `json:"end"`
	Minutes float64    `json:"minutes"`
}

// hoursGap is hours.Gap in an answer.
type hoursGap struct {
	Date    string    `json:"date" format:"date"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Minutes float64   `json:"minutes"`
}

// hoursView is hours.Report in an answer.
type hoursView struct {
	Config       string               `json:"config" doc:"Name of the archive config."`
	Timezone     string               `json:"timezone"`
	From         string               `json:"from" format:"date"`
	To           string               `json:"to" format:"date" doc:"Last day, included."`
	By           hoursBy              `json:"by"`
	Rows         []hoursRow           `json:"rows" nullable:"false"`
	Total        hoursRow             `json:"total"`
	Worked       float64              `json:"worked_minutes" doc:"In which at least one appointment was counted. Less than the total where they overlap."`
	LeftOut      map[hours.Reason]int `json:"left_out" doc:"Appointments that are not counted, by the reason."`
	Overlaps     []hoursOverlap       `json:"overlaps" nullable:"false" doc:"Appointments that were counted and share time; the first 500."`
	OverlapCount int                  `json:"overlap_count"`
	Gaps         []hoursGap           `json:"gaps" nullable:"false" doc:"Time between the appointments of a day; the first 500."`
	GapCount     int                  `json:"gap_count"`
}

// hoursBy is hours.By in requests and answers.
type hoursBy string

// Schema implements huma.SchemaProvider.
func (hoursBy) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: "What time is added up by."}
	for _, by := range hours.All {
		s.Enum = append(s.Enum, string(by))
	}
	return s
}

func (s *server) hoursRoutes() {
	handle(s, route{
		pattern: "GET /v1/hours", access: byUsers, class: limit.Bulk, tag: tagHours, summary: "Add up the time that stands in an archive",
		description: "Of at most 400 days. An appointment belongs to the local day of its start. Travel is apart; what is private, cancelled, declined, free " +
			"or of no customer is left out and counted. All names of a customer are one.",
	}, s.showHours)
	handle(s, route{
		pattern: "GET /v1/hours/export", access: byUsers, class: limit.Bulk, tag: tagHours, summary: "Export the hours of an archive as a CSV file",
		document: func(op *huma.Operation) {
			op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{
				"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
			}}}
		},
	}, s.exportHours)
}

// oneConfig returns the config of an id or name, or the only one that there is.
func (s *server) oneConfig(ctx context.Context, who, idOrName string) (archive.Config, error) {
	all, _, err := s.Configs.List(ctx, who, limit.Configs, "")
	if err != nil {
		return archive.Config{}, err
	}
	if idOrName == "" {
		switch len(all) {
		case 0:
			return archive.Config{}, fault.New(fault.NotFound, "there is no archive config; create one first")
		case 1:
			return all[0], nil
		}
		names := make([]string, len(all))
		for i := range all {
			names[i] = all[i].Name
		}
		slices.Sort(names)
		return archive.Config{}, fault.Field("config", "is missing; there are several: %s", strings.Join(names, ", "))
	}
	for _, c := range all {
		if c.ID == idOrName || strings.EqualFold(c.Name, idOrName) {
			return c, nil
		}
	}
	return archive.Config{}, fault.New(fault.NotFound, "there is no config %.100q", idOrName)
}

// ofArchive returns what a request about days of an archive is about. Weeks begin as the user's do.
func (s *server) ofArchive(ctx context.Context, in HoursPeriod) (who string, c archive.Config, w calendar.Window, weekStart time.Weekday, err error) {
	p, profile, err := s.me(ctx)
	if err != nil {
		return "", c, w, 0, err
	}
	who, weekStart = p.Key(), profile.Settings.Weekday()
	if c, err = s.oneConfig(ctx, who, in.Config); err != nil {
		return "", c, w, 0, err
	}
	zone, err := calendar.LoadZone(c.Timezone)
	if err != nil {
		return "", c, w, 0, err
	}
	if in.Period == "" && in.From == "" && in.To == "" {
		return "", c, w, 0, fault.Field("period", "is missing; give a period as in \"last month\", or from and to")
	}
	w, err = window(in.Period, in.From, in.To, zone, s.Clock(), weekStart)
	return who, c, w, weekStart, err
}

// hours returns who reads hours.
func (s *server) hours() *hours.Reader {
	return &hours.Reader{Ledger: s.Ledger, Customers: s.Customers}
}

// HoursQuery says which hours are wanted.
type HoursQuery struct {
	HoursPeriod
	By string `query:"by" enum:"customer,day,week,billing,category" default:"customer" doc:"What time is added up by."`
}

func (s *server) readHours(ctx context.Context, in HoursQuery) (*hours.Report, archive.Config, calendar.Window, error) {
	who, c, w, weekStart, err := s.ofArchive(ctx, in.HoursPeriod)
	if err != nil {
		return nil, c, w, err
	}
	r, err := s.hours().Report(ctx, who, c.ID, w, hours.By(in.By), weekStart)
	return r, c, w, err
}

func viewHoursRow(r hours.Row) hoursRow {
	return hoursRow{
		Key: r.Key, New: r.New, Entries: r.Entries, Billable: hours.Minutes(r.Billable), NonBillable: hours.Minutes(r.NonBillable),
		Travel: hours.Minutes(r.Travel), Minutes: hours.Minutes(r.Whole()),
	}
}

func (s *server) showHours(ctx context.Context, in *struct{ HoursQuery }) (*struct{ Body hoursView }, error) {
	r, c, w, err := s.readHours(ctx, in.HoursQuery)
	if err != nil {
		return nil, err
	}
	v := hoursView{
		Config: c.Name, Timezone: c.Timezone, From: w.From.String(), To: w.To.String(), By: hoursBy(in.By), Rows: []hoursRow{}, Total: viewHoursRow(r.Total),
		Worked: hours.Minutes(r.Worked), LeftOut: r.LeftOut, Overlaps: []hoursOverlap{}, OverlapCount: r.OverlapCount, Gaps: []hoursGap{}, GapCount: r.GapCount,
	}
	for _, row := range r.Rows {
		v.Rows = append(v.Rows, viewHoursRow(row))
	}
	for _, o := range r.Overlaps {
		shared := hoursOverlap{Start: o.From, End: o.To, Minutes: hours.Minutes(o.To.Sub(o.From))}
		shared.First = hoursEntry{Key: o.First.Key, Subject: o.First.Appointment.Subject, Start: o.First.Appointment.Start, End: o.First.Appointment.End}
		shared.Second = hoursEntry{Key: o.Second.Key, Subject: o.Second.Appointment.Subject, Start: o.Second.Appointment.Start, End: o.Second.Appointment.End}
		v.Overlaps = append(v.Overlaps, shared)
	}
	for _, g := range r.Gaps {
		v.Gaps = append(v.Gaps, viewGap(g, w.Zone))
	}
	return &struct{ Body hoursView }{v}, nil
}

func (s *server) exportHours(ctx context.Context, in *struct{ HoursQuery }) (*fileAnswer, error) {
	r, _, w, err := s.readHours(ctx, in.HoursQuery)
	if err != nil {
		return nil, err
	}
	text := s.newWhole()
	if err := r.WriteCSV(text, hours.By(in.By)); err != nil {
		return nil, err
	}
	name := "hours-" + w.From.String() + "-" + w.To.String() + ".csv"
	return &fileAnswer{ContentType: "text/csv; charset=utf-8", Disposition: attachment(name), Body: text.bytes()}, nil
}

// newCustomer is hours.Unknown in an answer.
type newCustomer struct {
	Name      string   `json:"name" doc:"As most appointments have it."`
	Spellings []string `json:"spellings" nullable:"false"`
	Entries   int      `json:"entries"`
	Minutes   float64  `json:"minutes" doc:"Of its timed appointments."`
	Last      string   `json:"last" format:"date" doc:"The newest day on which it is named."`
}

func (s *server) newCustomers(ctx context.Context, in *struct {
	Paging
	HoursPeriod
}) (*page[newCustomer], error) {
	who, c, w, _, err := s.ofArchive(ctx, in.HoursPeriod)
	if err != nil {
		return nil, err
	}
	found, err := s.hours().Unknowns(ctx, who, c.ID, w)
	if err != nil {
		return nil, err
	}
	p, err := cut(in.Paging, found, func(u hours.Unknown) string { return calendar.Folded(u.Name) })
	if err != nil {
		return nil, err
	}
	return onePage(p.Body.Items, p.Body.Next, func(u hours.Unknown) newCustomer {
		return newCustomer{Name: u.Name, Spellings: u.Spellings, Entries: u.Entries, Minutes: hours.Minutes(u.Long), Last: u.Last.String()}
	}), nil
}
