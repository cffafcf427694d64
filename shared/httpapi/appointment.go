package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/calendar"
)

// appointment is an appointment in its own stable form, described for the document.
type appointment struct{ calendar.Appointment }

// Schema describes the form that calendar.Appointment has as JSON.
func (appointment) Schema(r huma.Registry) *huma.Schema {
	const name = "Appointment"
	if r.Map()[name] == nil {
		text := func(doc string, words ...any) *huma.Schema {
			return &huma.Schema{Type: huma.TypeString, Description: doc, Enum: words}
		}
		flag := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean, Description: doc} }
		r.Map()[name] = &huma.Schema{
			Type: huma.TypeObject, Description: "One event instance with a real start and end.",
			Properties: map[string]*huma.Schema{
				"subject":      text(""),
				"start":        text("UTC, as in 2026-10-05T07:00:00Z."),
				"end":          text("UTC, never before start."),
				"all_day":      flag("It is a span of dates; start and end are local midnights."),
				"start_date":   text("Of an all-day one, as in 2026-10-05."),
				"end_date":     text("Of an all-day one, exclusive."),
				"location":     text(""),
				"categories":   {Type: huma.TypeArray, Items: text("")},
				"customer":     text("Empty: none."),
				"billing_type": text("", "", string(calendar.Billable), string(calendar.NonBillable)),
				"travel":       flag(""),
				"sensitivity":  text("", string(calendar.Normal), string(calendar.Personal), string(calendar.Private), string(calendar.Confidential)),
				"show_as": text("", string(calendar.Free), string(calendar.Tentative), string(calendar.Busy), string(calendar.OutOfOffice),
					string(calendar.WorkingElsewhere), string(calendar.Unknown)),
				"importance": text("", string(calendar.Low), string(calendar.NormalImportance), string(calendar.High)),
				"cancelled":  flag("Left out when it is not."),
				"declined":   flag("The user answered no. Left out when not."),
			},
		}
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}
