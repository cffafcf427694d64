package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/hours"
	"adminassistant/shared/limit"
)

// WorkingTimeQuery says of which days working time is wanted, and of what it warns.
type WorkingTimeQuery struct {
	HoursPeriod
	MostDay     int  `query:"most_day" default:"600" minimum:"0" maximum:"1440" doc:"Warn of more minutes of work on a day; 0: never."`
	MostWeek    int  `query:"most_week" default:"2880" minimum:"0" maximum:"10080" doc:"Warn of more minutes of work in a week; 0: never."`
	LeastRest   int  `query:"least_rest" default:"660" minimum:"0" maximum:"1440" doc:"Warn of fewer minutes without work before a day; 0: never."`
	MostStretch int  `query:"most_stretch" default:"360" minimum:"0" maximum:"1440" doc:"Warn of more minutes of work without a break; 0: never."`
	LeastBreak  int  `query:"least_break" default:"15" minimum:"0" maximum:"1440" doc:"Minutes from which on time without work is a break."`
	Breaks      bool `query:"breaks" default:"true" doc:"Warn of breaks under 30 minutes with more than 6 hours of work, and under 45 with more than 9."`
}

func (q *WorkingTimeQuery) limits() hours.Limits {
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	l := hours.DefaultLimits()
	l.Day, l.Week, l.Rest = minutes(q.MostDay), minutes(q.MostWeek), minutes(q.LeastRest)
	l.Stretch, l.LeastBreak = minutes(q.MostStretch), minutes(q.LeastBreak)
	if !q.Breaks {
		l.Breaks = nil
	}
	return l
}

// workingDay is hours.WorkingDay in an answer.
type workingDay struct {
	Date     string          `json:"date" format:"date"`
	First    time.Time       `json:"first_begin"`
	Last     time.Time       `json:"last_end"`
	Worked   float64         `json:"worked_minutes" doc:"In which at least one appointment was under way."`
	Breaks   float64         `json:"break_minutes" doc:"Of the gaps that are long enough to be breaks."`
	Rest     *float64        `json:"rest_minutes,omitempty" doc:"The longest time without work that ended on the day, where one is known."`
	Stretch  float64         `json:"longest_stretch_minutes" doc:"Of work without a break."`
	Gaps     []hoursGap      `json:"gaps" nullable:"false" doc:"Between the first begin and the last end."`
	Warnings []hours.Warning `json:"warnings" nullable:"false" enum:"long_day,short_rest,short_breaks,long_stretch"`
}

type workingWeek struct {
	From     string          `json:"from" format:"date"`
	Worked   float64         `json:"worked_minutes" doc:"Of its days that are in the period."`
	Warnings []hours.Warning `json:"warnings" nullable:"false" enum:"long_week"`
}

// workingTimeView is hours.WorkingTime in an answer.
type workingTimeView struct {
	Config   string               `json:"config" doc:"Name of the archive config."`
	Timezone string               `json:"timezone"`
	From     string               `json:"from" format:"date"`
	To       string               `json:"to" format:"date" doc:"Last day, included."`
	Days     []workingDay         `json:"days" nullable:"false" doc:"On which there was work."`
	Weeks    []workingWeek        `json:"weeks" nullable:"false"`
	Worked   float64              `json:"worked_minutes"`
	LeftOut  map[hours.Reason]int `json:"left_out" doc:"Appointments of customers that are not counted, by the reason."`
}

func (s *server) workingTimeRoutes() {
	handle(s, route{
		pattern: "GET /v1/hours/working-time", access: byUsers, class: limit.Bulk, tag: tagHours, summary: "Show when there was work on each day",
		description: "Of at most 400 local days. Work that goes on past midnight is split there, unlike in the hours of customers, where an appointment belongs " +
			"to the day of its start. Work is what has a customer, private or not, but for \"Break - non-billable\", and travel. Time that appointments share " +
			"counts once. Warnings keep nobody from anything; their limits are those of the German law on working time, if nothing else is said.",
	}, s.showWorkingTime)
	handle(s, route{
		pattern: "GET /v1/hours/working-time/export", access: byUsers, class: limit.Bulk, tag: tagHours, summary: "Export working time as a CSV file",
		document: func(op *huma.Operation) {
			op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{
				"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
			}}}
		},
	}, s.exportWorkingTime)
}

func (s *server) readWorkingTime(ctx context.Context, in WorkingTimeQuery) (*hours.WorkingTime, archive.Config, calendar.Window, error) {
	_, c, w, weekStart, err := s.ofArchive(ctx, in.HoursPeriod)
	if err != nil {
		return nil, c, w, err
	}
	r, err := s.hours().WorkingTime(ctx, c.ID, w, in.limits(), weekStart)
	return r, c, w, err
}

func viewGap(g hours.Gap, zone *time.Location) hoursGap {
	return hoursGap{Date: calendar.DateOf(g.From, zone).String(), Start: g.From, End: g.To, Minutes: hours.Minutes(g.To.Sub(g.From))}
}

func (s *server) showWorkingTime(ctx context.Context, in *struct{ WorkingTimeQuery }) (*struct{ Body workingTimeView }, error) {
	r, c, w, err := s.readWorkingTime(ctx, in.WorkingTimeQuery)
	if err != nil {
		return nil, err
	}
	v := workingTimeView{
		Config: c.Name, Timezone: c.Timezone, From: w.From.String(), To: w.To.String(), Days: []workingDay{}, Weeks: []workingWeek{},
		Worked: hours.Minutes(r.Worked), LeftOut: r.LeftOut,
	}
	for i := range r.Days {
		d := &r.Days[i]
		day := workingDay{
			Date: d.Date.String(), First: d.First, Last: d.Last, Worked: hours.Minutes(d.Worked), Breaks: hours.Minutes(d.Breaks),
			Stretch: hours.Minutes(d.Stretch), Gaps: []hoursGap{}, Warnings: d.Warnings,
		}
		if d.Rest > 0 {
			rest := hours.Minutes(d.Rest)
			day.Rest = &rest
		}
		for _, g := range d.Gaps {
			day.Gaps = append(day.Gaps, viewGap(g, w.Zone))
		}
		v.Days = append(v.Days, day)
	}
	for _, week := range r.Weeks {
		v.Weeks = append(v.Weeks, workingWeek{From: week.From.String(), Worked: hours.Minutes(week.Worked), Warnings: week.Warnings})
	}
	return &struct{ Body workingTimeView }{v}, nil
}

func (s *server) exportWorkingTime(ctx context.Context, in *struct{ WorkingTimeQuery }) (*fileAnswer, error) {
	r, _, w, err := s.readWorkingTime(ctx, in.WorkingTimeQuery)
	if err != nil {
		return nil, err
	}
	text := s.newWhole()
	if err := r.WriteCSV(text, w.Zone); err != nil {
		return nil, err
	}
	name := "working-time-" + w.From.String() + "-" + w.To.String() + ".csv"
	return &fileAnswer{ContentType: "text/csv; charset=utf-8", Disposition: attachment(name), Body: text.bytes()}, nil
}
