package archive

import (
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// octoberAt is a survey of the days from the 5th to the 9th of October 2026, UTC, with some entries of the ledger.
func octoberAt(t *testing.T, entries ...*ledger.Entry) *survey {
	t.Helper()
	w, err := calendar.NewWindow(calendar.Date{Year: 2026, Month: 10, Day: 5}, calendar.Date{Year: 2026, Month: 10, Day: 9}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	s := &survey{attempt: &Attempt{}, window: w, hidden: map[string]bool{}, settings: Settings{Zone: time.UTC, Purpose: Timesheet}}
	s.attempt.books.newest = map[string]*ledger.Entry{}
	for _, e := range entries {
		s.attempt.books.newest[e.Key] = e
	}
	return s
}

func october(day int) time.Time { return time.Date(2026, 10, day, 9, 0, 0, 0, time.UTC) }

func TestLookedAt(t *testing.T) {
	held := &ledger.Entry{Key: "held", Outcome: ledger.Archived, Source: calendar.Event{ID: "H"}, Appointment: calendar.Appointment{Start: october(6)}}
	question := func(kind action.Kind, from, last, others int, keys ...string) *action.Action {
		q := action.Question{Others: others}
		for _, key := range keys {
			q.Participants = append(q.Participants, action.Participant{Key: key})
		}
		q.Span.Add(october(from), october(from))
		q.Span.Add(october(last), october(last))
		a := action.Ask(kind, "work", q)
		return &a
	}
	for _, tt := range []struct {
		name      string
		q         *action.Action
		change    func(*survey)
		planned   string
		retention bool
		want      bool
	}{
		{name: "all its days", q: question(action.Overlap, 5, 9, 0, "a", "held"), want: true},
		{name: "not its last day", q: question(action.Overlap, 5, 10, 0, "a"), want: false},
		{name: "not its first day", q: question(action.Overlap, 4, 9, 0, "a"), want: false},
		{name: "not all its days, but it is in the plan", q: question(action.Drift, 5, 20, 0, "a"), planned: "a", want: true},
		{name: "not all its days, and one of it is in the ledger here", q: question(action.Drift, 5, 20, 0, "held"), want: true},
		{name: "not all its days, and not all of it is named", q: question(action.Drift, 5, 20, 3, "a"), planned: "a", want: false},
		{
			name: "a day that could not be read", q: question(action.Overlap, 5, 7, 0, "a"), want: false,
			change: func(s *survey) {
				s.unread = &calendar.Unread{Spans: []calendar.Span{{From: october(7), To: october(8)}}}
			},
		},
		{
			name: "another day could not be read", q: question(action.Overlap, 5, 6, 0, "a"), want: true,
			change: func(s *survey) {
				s.unread = &calendar.Unread{Spans: []calendar.Span{{From: october(7), To: october(8)}}}
			},
		},
		{
			name: "one of it is in the source and not shown", q: question(action.Overlap, 5, 7, 0, "a", "held"), want: false,
			change: func(s *survey) { s.hidden["H"] = true },
		},
		{name: "many are missing, others than before", q: question(action.Retention, 1, 8, 3, "a"), retention: true, want: true},
		{name: "many were missing, of days before", q: question(action.Retention, 1, 4, 3, "a"), retention: true, want: false},
		{name: "many were missing, and these days say nothing of it", q: question(action.Retention, 1, 8, 3, "a"), want: false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := octoberAt(t, held)
			if tt.change != nil {
				tt.change(s)
			}
			if got := s.lookedAt(tt.q, map[string]bool{tt.planned: true}, tt.retention); got != tt.want {
				t.Errorf("looked at: %v", got)
			}
		})
	}
}

func TestWhatTheUserDecidedLacksNoCategory(t *testing.T) {
	drive := calendar.Appointment{Subject: "Drive", Travel: true}
	corrected := drive
	corrected.Customer = "Acme"
	for _, tt := range []struct {
		name string
		item Item
		want bool
	}{
		{"travel that is archived now", Item{Outcome: Archived, Appointment: drive}, true},
		{"travel that was archived", Item{Outcome: Unchanged, Appointment: drive, Held: &Standing{Appointment: drive}}, true},
		{"travel that was corrected in the archive", Item{Outcome: Unchanged, Appointment: drive, Held: &Standing{Appointment: corrected}}, false},
		{"travel that the user decided about", Item{Outcome: Unchanged, Appointment: drive, Held: &Standing{Appointment: drive, Decision: "D"}}, false},
		{"travel that a decision archives", Item{Outcome: Archived, Appointment: drive, Decision: "D"}, false},
		{"what was left out", Item{Key: "k", Outcome: Excluded, Reason: ReasonInvalidCategory}, true},
		{"what was left out and is archived", Item{Key: "held", Outcome: Excluded, Reason: ReasonInvalidCategory}, false},
		{"what is private", Item{Key: "k", Outcome: Excluded, Reason: ReasonPersonal}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := octoberAt(t, &ledger.Entry{Key: "held", Outcome: ledger.Archived})
			s.plan.Items = []Item{tt.item}
			if s.askForCategories(); (len(s.plan.Actions) == 1) != tt.want {
				t.Errorf("%+v", s.plan.Actions)
			}
		})
	}
}
