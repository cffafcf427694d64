package asked

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// journeyTo is a question about a journey of 40 minutes between two appointments at the given places.
func journeyTo(change func(q *Question)) *Question {
	at := time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC)
	there := func(key, location string, start time.Time) Participant {
		return Participant{
			Participant: action.Participant{Key: key, Version: 1, Hash: "sha256:" + key}, Newest: 1, Outcome: ledger.Archived,
			Archive: &calendar.Appointment{Subject: key, Start: start, End: start.Add(time.Hour), Location: location, Sensitivity: calendar.Normal},
		}
	}
	q := &Question{Action: &action.Action{Cause: action.Cause{Kind: action.MissingTravel}}, Participants: []Participant{
		there("later", " Acme\n HQ", at.Add(2*time.Hour)), there("earlier", "Office", at),
	}}
	q.Travel = &action.Travel{Start: at.Add(80 * time.Minute), Minutes: 40, Journeys: 3, Category: "Acme - billable"}
	change(q)
	return q
}

func TestAMissingJourneyIsSuggestedAsItUsuallyIs(t *testing.T) {
	const usual = "Travel to Acme HQ 08:20-09:00 [Acme - billable]"
	for name, c := range map[string]struct {
		change func(q *Question)
		want   string
	}{
		"as it was asked":                 {func(*Question) {}, usual},
		"in another order":                {func(q *Question) { slices.Reverse(q.Participants) }, usual},
		"without a customer":              {func(q *Question) { q.Travel.Category = "" }, "Travel to Acme HQ 08:20-09:00 []"},
		"to a private appointment":        {func(q *Question) { q.Participants[0].Archive.Sensitivity = calendar.Private }, "Travel 08:20-09:00 [Acme - billable]"},
		"not when one changed":            {func(q *Question) { q.Participants[0].Newest = 2 }, ""},
		"not when one is not archived":    {func(q *Question) { q.Participants[1].Archive = nil }, ""},
		"not when nothing is known of it": {func(q *Question) { q.Travel = nil }, ""},
		"not of a single appointment":     {func(q *Question) { q.Participants = q.Participants[:1] }, ""},
		"not of another kind of question": {func(q *Question) { q.Kind = action.Drift }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var all []string
			for _, s := range journeyTo(c.change).Suggestions() {
				f := s.Verdicts[0].Fields
				all = append(all, fmt.Sprintf("%s %s-%s %v", *f.Subject, f.Start.Format("15:04"), f.End.Format("15:04"), *f.Categories))
				if s.Rule != ByJourneys || !strings.Contains(s.Why, "3 journeys") || !strings.Contains(s.Why, "40 minutes") || s.Verdicts[0].Key != "" {
					t.Errorf("%+v", s)
				}
			}
			if got := strings.Join(all, "; "); got != c.want {
				t.Errorf("suggests %q, want %q", got, c.want)
			}
		})
	}
}
