package web

import (
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// labelled is a field of a form with its label, what is wrong with it, and a hint; the latter two may be empty. input makes it of what it has to have besides.
func labelled(id, label, hint, problem string, input func(more ...g.Node) g.Node) g.Node {
	var described []string
	if hint != "" {
		described = append(described, id+"-hint")
	}
	if problem != "" {
		described = append(described, id+"-problem")
	}
	return Div(Class("field"), Label(For(id), g.Text(label)),
		input(ID(id), Name(id), g.If(len(described) > 0, Aria("describedby", strings.Join(described, " "))), g.If(problem != "", Aria("invalid", "true"))),
		fieldProblem(id, problem), g.If(hint != "", P(ID(id+"-hint"), Class("hint"), g.Text(hint))))
}

// textInput is an input of one line.
func textInput(kind, value string, extra ...g.Node) func(more ...g.Node) g.Node {
	return func(more ...g.Node) g.Node { return Input(Type(kind), Value(value), g.Group(extra), g.Group(more)) }
}

// selectInput lets one of several be chosen: pairs of a value and what is shown for it.
func selectInput(chosen string, options [][2]string) func(more ...g.Node) g.Node {
	return func(more ...g.Node) g.Node {
		return Select(g.Group(more), g.Map(options, func(o [2]string) g.Node {
			return Option(Value(o[0]), g.If(o[0] == chosen, Selected()), g.Text(o[1]))
		}))
	}
}

// wrongIn is what is wrong with a field, if that is what err is about; "": nothing.
func (s speech) wrongIn(err error, field string) string {
	if err == nil || fault.FieldOf(err) != field {
		return ""
	}
	return s.wrong(err)
}

// wrongBeside is what is wrong with a form and with none of these fields; nil: nothing.
func (s speech) wrongBeside(err error, fields ...string) g.Node {
	if err == nil {
		return nil
	}
	for _, f := range fields {
		if fault.FieldOf(err) == f {
			return nil
		}
	}
	return P(Class("problem"), Role("alert"), g.Text(s.wrong(err)))
}

// mistaken says whether a form is shown once more with what is wrong with it.
func mistaken(err error) bool {
	kind := fault.Of(err)
	return err != nil && (kind == fault.Invalid || kind == fault.Conflict)
}

// dayFields are a first and a last day, which may both be left out.
func (v *view) dayFields(wrong error) g.Node {
	f := v.r.PostForm
	return g.Group{
		labelled("from", v.t("days.from"), "", v.wrongIn(wrong, "from"), textInput("date", f.Get("from"))),
		labelled("to", v.t("days.to"), "", v.wrongIn(wrong, "to"), textInput("date", f.Get("to"))),
	}
}

// daysAsked are the days of dayFields; of one that was left out, all days. Errors are of kind fault.Invalid and name from or to.
func (v *view) daysAsked(zone *time.Location) (from, to calendar.Date, err error) {
	f := v.r.PostForm
	if f.Get("from") == "" && f.Get("to") == "" {
		return from, to, nil
	}
	w, err := archive.ReadWindow("", f.Get("from"), f.Get("to"), zone, v.now, v.Weekday())
	return w.From, w.To, err
}
