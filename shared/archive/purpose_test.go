package archive

import (
	"testing"

	"adminassistant/shared/calendar"
)

func TestPurpose(t *testing.T) {
	general := day(
		busy("cancelled", "09:00", "10:00", cancelled), busy("declined", "10:00", "11:00", declined), free("free", "11:00", "12:00"),
		busy("personal", "12:00", "13:00"), busy("invalid", "13:00", "14:00", categories("Lunch")), busy("online", "14:00", "15:00", categories("Online")),
		busy("billable", "15:00", "16:00", billed), busy("nonbillable", "16:00", "17:00", categories("Break - non-billable")),
		busy("t", "17:00", "18:00", subject("drive")),
	)
	testOutcomes{
		{
			name:   "general archives everything, whatever its status",
			events: general,
			want: outcomes{
				"cancelled": "archived", "declined": "archived", "free": "archived", "personal": "archived", "invalid": "archived", "online": "archived",
				"billable": "archived", "nonbillable": "archived", "t": "archived",
			},
		}, {
			name:     "a timesheet wants a customer or travel",
			settings: timesheet,
			events:   general,
			want: outcomes{
				"cancelled": "excluded: cancelled", "declined": "excluded: declined", "free": "excluded: free", "personal": "excluded: personal",
				"invalid": "excluded: invalid_category", "online": "excluded: invalid_category", "billable": "archived", "nonbillable": "archived", "t": "archived",
			},
		}, {
			name:     "the first reason that fits is given",
			settings: timesheet,
			events: day(
				free("a", "09:00", "10:00", cancelled, declined), free("b", "10:00", "11:00", declined), free("c", "11:00", "12:00"),
				free("d", "12:00", "13:00", categories("Lunch")),
			),
			want: outcomes{"a": "excluded: cancelled", "b": "excluded: declined", "c": "excluded: free", "d": "excluded: free"},
		}, {
			name:     "customer and travel do not make up for a status",
			settings: timesheet,
			events: day(
				busy("a", "09:00", "10:00", billed, cancelled), busy("b", "10:00", "11:00", billed, declined), free("c", "11:00", "12:00", billed),
				busy("d", "12:00", "13:00", subject("Trip"), cancelled),
			),
			want: outcomes{"a": "excluded: cancelled", "b": "excluded: declined", "c": "excluded: free", "d": "excluded: cancelled"},
		}, {
			name:     "tentative, out of office and elsewhere are working time",
			settings: timesheet,
			events: day(
				tentative("a", "09:00", "10:00", billed), busy("b", "10:00", "11:00", billed, shown(calendar.OutOfOffice)),
				busy("c", "11:00", "12:00", billed, shown(calendar.WorkingElsewhere)), busy("d", "12:00", "13:00", billed, shown("")),
			),
			want: outcomes{"a": "archived", "b": "archived", "c": "archived", "d": "archived"},
		}, {
			name:     "travel with an invalid category is still travel",
			settings: timesheet,
			events:   day(busy("a", "09:00", "10:00", subject("Flight"), categories("Lunch"))),
			want:     outcomes{"a": "archived"},
		}, {
			name:     "what is left out collides with nothing",
			settings: timesheet,
			events:   day(busy("a", "09:00", "10:00", high), busy("b", "09:00", "10:00", billed)),
			want:     outcomes{"a": "excluded: personal", "b": "archived"},
		}, {
			name:     "a modification still changes its original",
			settings: timesheet,
			events:   day(busy("a", "09:00", "10:00", billed), busy("m", "10:00", "10:30", subject("Extended"))),
			want:     outcomes{"a": "archived", "m": "absorbed into a"},
		},
	}.run(t)
}
