package httpapi

import (
	"context"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	places "adminassistant/shared/place"
)

const tagPlaces = "places"

// placeView is places.Place in an answer.
type placeView struct {
	Name     string   `json:"name" doc:"As most appointments have it, or as you named it."`
	Also     []string `json:"also" nullable:"false" doc:"Other names that you gave it."`
	Entries  int      `json:"entries"`
	Customer string   `json:"customer,omitempty" doc:"Of most of its appointments."`
	Last     string   `json:"last,omitempty" format:"date" doc:"The newest day of an appointment there."`
}

// gapEnd is one of the two appointments of a gap.
type gapEnd struct {
	Key     string    `json:"key"`
	Subject string    `json:"subject"`
	Place   string    `json:"place"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
}

// travelGap is places.Gap in an answer.
type travelGap struct {
	From     gapEnd     `json:"from"`
	To       gapEnd     `json:"to"`
	Minutes  int        `json:"minutes,omitempty" doc:"How long your journeys between the places took: the median. Left out: fewer than two are known."`
	Journeys int        `json:"journeys,omitempty" doc:"How many are known."`
	Start    *time.Time `json:"start,omitempty" doc:"Of the journey that is suggested: as late as there is time for it. Left out: none is."`
	End      *time.Time `json:"end,omitempty"`
	Category string     `json:"category,omitempty" doc:"Of the journey that is suggested, by the travel policy of the customer."`
	// Unreachable is about time alone: whether the user was at both, the record cannot say.
	Unreachable bool `json:"unreachable" doc:"There was not time enough for the journey."`
}

// travelGaps are the gaps of a period.
type travelGaps struct {
	Config string      `json:"config" doc:"Name of the archive config."`
	From   string      `json:"from" format:"date"`
	To     string      `json:"to" format:"date" doc:"Last day, included."`
	Gaps   []travelGap `json:"gaps" nullable:"false"`
	// Open and Resolved are of a request that asks.
	Open     int `json:"open,omitempty" doc:"Actions that are open about these gaps, when they were asked about."`
	Resolved int `json:"resolved,omitempty" doc:"Actions that were resolved, because the journey is recorded now."`
}

func (s *server) placeRoutes() {
	handle(s, route{
		pattern: "GET /v1/places", access: byUsers, class: limit.Bulk, tag: tagPlaces, summary: "List the places of archived appointments",
		description: "As people write them in locations; of the last 400 days, if no period is given.",
	}, s.listPlaces)
	handle(s, route{
		pattern: "POST /v1/places/aliases", access: byUsers, class: limit.Writes, action: "place.alias", tag: tagPlaces,
		summary: "Make a name another name of a place",
	}, s.aliasPlace)
	handle(s, route{
		pattern: "DELETE /v1/places/aliases", access: byUsers, class: limit.Removals, action: "place.unalias", tag: tagPlaces,
		summary: "Make a name a place of its own again",
	}, s.unaliasPlace)
	handle(s, route{
		pattern: "GET /v1/travel/gaps", access: byUsers, class: limit.Bulk, tag: tagPlaces, summary: "List the journeys that are missing from a period",
		description: "Neighbouring appointments of one day at different places, between which no travel is recorded. How long a journey takes is known from those " +
			"that are recorded in the year before, never from a map. Nothing is made.",
	}, s.listGaps)
	handle(s, route{
		pattern: "POST /v1/travel/gaps", access: byUsers, class: limit.Writes, action: "travel.ask", tag: tagPlaces,
		summary: "Ask about the journeys that are missing from a period",
		description: "Opens an action for each for which there is a suggestion, to be decided as any other; those of journeys that are recorded by now are " +
			"resolved. What you dismissed is not asked again.",
	}, s.askGaps)
}

func (s *server) places() *places.Reader {
	return &places.Reader{Ledger: s.Ledger, Customers: s.Customers, Places: s.Places, Questions: s.Actions}
}

func (s *server) listPlaces(ctx context.Context, in *struct {
	Paging
	HoursPeriod
}) (*page[placeView], error) {
	if in.Period == "" && in.From == "" && in.To == "" {
		in.Period = "last 400 days"
	}
	who, c, w, _, err := s.ofArchive(ctx, in.HoursPeriod)
	if err != nil {
		return nil, err
	}
	all, err := s.places().List(ctx, who, c.ID, w)
	if err != nil {
		return nil, err
	}
	p, err := cut(in.Paging, all, func(p places.Place) string { return calendar.Folded(p.Name) })
	if err != nil {
		return nil, err
	}
	return onePage(p.Body.Items, p.Body.Next, func(p places.Place) placeView {
		return placeView{Name: p.Name, Also: append([]string{}, p.Also...), Entries: p.Entries, Customer: p.Customer, Last: p.Last.String()}
	}), nil
}

func (s *server) aliasPlace(ctx context.Context, in *struct {
	Body struct {
		Name string `json:"name" doc:"As locations have it."`
		Of   string `json:"of" doc:"The place, or another name of it."`
	}
}) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Places.Alias(ctx, who, in.Body.Name, in.Body.Of)
}

func (s *server) unaliasPlace(ctx context.Context, in *struct {
	Name string `query:"name" required:"true"`
}) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Places.Unalias(ctx, who, in.Name)
}

func viewGapEnd(e *ledger.Entry, where string) gapEnd {
	return gapEnd{Key: e.Key, Subject: e.Appointment.Subject, Place: where, Start: e.Appointment.Start, End: e.Appointment.End}
}

func viewGaps(name string, w calendar.Window, gaps []places.Gap) travelGaps {
	v := travelGaps{Config: name, From: w.From.String(), To: w.To.String(), Gaps: []travelGap{}}
	for i := range gaps {
		g := &gaps[i]
		v.Gaps = append(v.Gaps, travelGap{
			From: viewGapEnd(g.From, g.FromPlace), To: viewGapEnd(g.To, g.ToPlace), Minutes: g.Minutes, Journeys: g.Journeys,
			Start: orNil(g.Start), End: orNil(g.End), Category: g.Category, Unreachable: g.Unreachable,
		})
	}
	return v
}

func (s *server) listGaps(ctx context.Context, in *struct{ HoursPeriod }) (*struct{ Body travelGaps }, error) {
	who, c, w, _, err := s.ofArchive(ctx, in.HoursPeriod)
	if err != nil {
		return nil, err
	}
	gaps, err := s.places().Gaps(ctx, who, c.ID, w)
	if err != nil {
		return nil, err
	}
	return &struct{ Body travelGaps }{viewGaps(c.Name, w, gaps)}, nil
}

func (s *server) askGaps(ctx context.Context, in *struct {
	Body struct {
		Config string `json:"config,omitempty" doc:"Id or name of an archive config; may be left out where there is one alone."`
		Period string `json:"period,omitempty" doc:"Days in words, in the config's zone." example:"last month"`
		From   string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
		To     string `json:"to,omitempty" doc:"Last day, included."`
	}
}) (*struct{ Body travelGaps }, error) {
	who, c, w, _, err := s.ofArchive(ctx, HoursPeriod{Config: in.Body.Config, Period: in.Body.Period, From: in.Body.From, To: in.Body.To})
	if err != nil {
		return nil, err
	}
	gaps, settled, err := s.places().Ask(ctx, who, c.ID, w)
	if err != nil {
		return nil, err
	}
	v := viewGaps(c.Name, w, gaps)
	v.Open, v.Resolved = settled.Open, settled.Resolved
	return &struct{ Body travelGaps }{v}, nil
}
