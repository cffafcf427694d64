package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// record is an appointment as the ledger has it, with all its versions.
type record struct {
	*view
	config  archive.Config
	zone    *time.Location
	entries []ledger.Entry // the oldest first
}

func (r *record) newest() *ledger.Entry { return &r.entries[len(r.entries)-1] }

// correction is what can be decided about the appointment though nobody asked: what stands is corrected or left out, what does not is taken in.
// Where a question about it is open, that is answered.
func (s *web) correction(r *record, wrong error) (g.Node, error) {
	e := r.newest()
	at := &e.Appointment
	stands := e.Outcome == ledger.Archived
	asks, _, err := s.Actions.List(r.ctx, r.user, action.Filter{State: action.Open, Config: r.config.ID, From: at.Start, To: at.End}, mostOpen, "")
	if err != nil {
		return nil, err
	}
	for _, a := range asks {
		for _, p := range a.Participants {
			if p.Key == e.Key {
				return Aside(Class("card"), H2(g.Text(r.t("review.question"))), P(g.Text(r.t("correct.asked"))),
					P(A(Class("button primary"), Href("/review/"+a.ID), g.Text(r.t("today.review"))))), nil
			}
		}
	}
	title, do := r.t("correct.title"), r.t("correct.do")
	if !stands {
		title, do = r.t("correct.keep.title"), r.t("correct.keep")
	}
	f := r.r.PostForm
	value := func(name, otherwise string) string {
		if f.Has(name) {
			return f.Get(name)
		}
		return otherwise
	}
	field := func(name, label, kind, now string, extra ...g.Node) g.Node {
		return labelled(name, r.t(label), "", r.wrongIn(wrong, name), textInput(kind, value(name, now), extra...))
	}
	return Aside(Class("card"), Aria("labelledby", "correct"), H2(ID("correct"), g.Text(title)), r.wrongBeside(wrong, "subject", "start", "end", "category"),
		s.form(r.view, "/ledger/history", hidden("config", r.config.ID), hidden("key", e.Key), hidden("version", strconv.Itoa(e.Version)),
			field("subject", "field.subject", "text", at.Subject),
			g.If(!at.AllDay, g.Group{
				field("start", "review.start", "datetime-local", at.Start.In(r.zone).Format(fieldForm)),
				field("end", "review.end", "datetime-local", at.End.In(r.zone).Format(fieldForm)),
			}),
			field("category", "review.category", "text", strings.Join(at.Categories, "; "), Placeholder("Acme - billable")),
			Div(Class("buttons"), Button(Type("submit"), Class("primary"), Name("do"), Value("keep"), g.Text(do)),
				g.If(stands, Button(Type("submit"), Name("do"), Value("drop"), g.Text(r.t("review.drop_all"))))),
		),
		P(Class("muted"), g.Text(r.t("review.safe"))),
	), nil
}

// correct carries out what a user says about an appointment that nobody asked about.
func (s *web) correct(v *view) error {
	r, err := s.record(v)
	if err != nil {
		return err
	}
	if r == nil {
		return fault.New(fault.NotFound, "there is no config")
	}
	again := func(status int, err error) error { return s.showRecord(r, status, err) }
	e := r.newest()
	if v.r.PostForm.Get("version") != strconv.Itoa(e.Version) {
		v.r.PostForm = url.Values{} // what it is now is shown
		return again(http.StatusConflict, fault.New(fault.Conflict, "%s", v.t("sheet.changed")))
	}
	verdict, err := r.verdict(v.r.PostForm)
	if err != nil {
		return again(http.StatusUnprocessableEntity, err)
	}
	if err := r.config.MayRun(); err != nil {
		return again(http.StatusConflict, err)
	}
	if err := s.Reach(v.ctx, v.user, &r.config); err != nil {
		return err
	}
	made, err := s.Deciding.Run(v.ctx, v.user, archive.Asked{Config: r.config.ID, Answers: []archive.Answer{{Verdicts: []decision.Verdict{verdict}}}})
	if mistaken(err) || errors.Is(err, archive.ErrStale) {
		return again(http.StatusUnprocessableEntity, err)
	}
	return s.launch(v, made, err)
}

// verdict is what a form says of the appointment. Errors are of kind fault.Invalid, and name a field or none.
func (r *record) verdict(f url.Values) (decision.Verdict, error) {
	e := r.newest()
	if f.Get("do") == "drop" {
		return decision.Verdict{Key: e.Key, Word: decision.Drop}, nil
	}
	fields, err := changedFields(r.zone, f, "", &e.Appointment)
	if err != nil {
		return decision.Verdict{}, err
	}
	if subject := strings.TrimSpace(f.Get("subject")); f.Has("subject") && subject != e.Appointment.Subject {
		fields.Subject = &subject
	}
	switch {
	case *fields != (decision.Fields{}):
		return decision.Verdict{Key: e.Key, Word: decision.KeepAs, Fields: fields}, nil
	case e.Outcome != ledger.Archived:
		return decision.Verdict{Key: e.Key, Word: decision.Keep}, nil
	}
	return decision.Verdict{}, fault.New(fault.Invalid, "%s", r.t("correct.nothing"))
}

// changedFields are those of a form that are not as an appointment has them; id is what their names end with. Errors are of kind fault.Invalid and name the
// field.
func changedFields(zone *time.Location, f url.Values, id string, at *calendar.Appointment) (*decision.Fields, error) {
	fields := &decision.Fields{}
	start, err := timeIn(zone, f, "start"+id, at.Start)
	if err != nil {
		return nil, err
	}
	end, err := timeIn(zone, f, "end"+id, at.End)
	if err != nil {
		return nil, err
	}
	if !start.Equal(at.Start) || !end.Equal(at.End) { // both, so that they are compared with each other
		fields.Start, fields.End = &start, &end
	}
	if text := f.Get("category" + id); f.Has("category"+id) && text != strings.Join(at.Categories, "; ") {
		categories := []string{}
		for one := range strings.SplitSeq(text, ";") {
			if one = strings.TrimSpace(one); one != "" {
				categories = append(categories, one)
			}
		}
		fields.Categories = &categories
	}
	return fields, nil
}

// timeIn is the time in a field of a form. One that was not changed is the one that it was, to the second.
func timeIn(zone *time.Location, f url.Values, field string, was time.Time) (time.Time, error) {
	text := f.Get(field)
	if text == "" || text == was.In(zone).Format(fieldForm) {
		return was, nil
	}
	read, err := time.ParseInLocation(fieldForm, text, zone)
	if err != nil {
		return was, fault.Field(field, "must be a time as in 2026-10-05T09:30, not %.40q", text)
	}
	return read.UTC(), nil
}

// name is what an appointment is called now.
func (r *record) name() string {
	return cmp.Or(r.newest().Appointment.Subject, r.t("calendar.untitled"))
}
