package outlook_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// restoreFile restores an iCalendar file that somebody hands in.
func (w *world) restoreFile(events string, into calendar.URI, policy restore.Policy) (*run.Run, restore.Result) {
	w.t.Helper()
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//test//EN\n" + events + "END:VCALENDAR\n"
	up, err := restore.NewUploads(w.table, w.blobs, w.newID, time.Now).Put(w.t.Context(), user, strings.NewReader(text))
	must(w.t, err)
	var result restore.Result
	runner := w.runner()
	r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: into.String()},
		restore.Input{Upload: up.ID, SHA256: up.SHA256, Policy: policy, Zone: zone, CreateCalendar: true}, &result)
	return r, result
}

// TestInstancesThatAreReplacedAloneAreWhatTheFileSays where the mailbox answers that it changed them and does not store that. All of a series are one item of
// the mailbox, so that each has a request of its own.
func TestInstancesThatAreReplacedAloneAreWhatTheFileSays(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("lost_patch"), func(t *testing.T, w *world) {
		series := "BEGIN:VEVENT\nUID:weekly@example.com\nDTSTART;TZID=Europe/Berlin:20261005T090000\nDTEND;TZID=Europe/Berlin:20261005T093000\n" +
			"RRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY:Stand-up\nEND:VEVENT\n"
		changed := ""
		for _, day := range []string{"20261012", "20261019"} {
			changed += "BEGIN:VEVENT\nUID:weekly@example.com\nRECURRENCE-ID;TZID=Europe/Berlin:" + day + "T090000\nDTSTART;TZID=Europe/Berlin:" + day +
				"T140000\nDTEND;TZID=Europe/Berlin:" + day + "T150000\nSEQUENCE:1\nSUMMARY:Review\nEND:VEVENT\n"
		}
		copied := uri(calendar.ProviderGraph, "Copy")
		if r, _ := w.restoreFile(series, copied, restore.Skip); r.State != run.Succeeded {
			t.Fatalf("%+v %+v", r.Problem, w.entries(r))
		}
		w.sim.ResetLog()
		r, result := w.restoreFile(changed, copied, restore.Replace)
		if r.State != run.Succeeded || result.Counts.Replaced != 2 {
			t.Fatalf("%s %+v %+v", r.State, result, w.entries(r))
		}
		for _, e := range w.sim.Log() {
			patched := 0
			for _, sub := range e.Sub {
				path, err := url.PathUnescape(sub.Path)
				must(t, err)
				if sub.Method == "PATCH" && strings.Contains(path, "@20") {
					patched++
				}
			}
			if patched > 1 {
				t.Errorf("one request writes %d instances of a series", patched)
			}
		}
		info, err := w.graph.Calendar(t.Context(), copied)
		must(t, err)
		events, err := w.graph.Events(t.Context(), me, info.ID, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		must(t, err)
		var subjects []string
		slices.SortFunc(events, func(a, b calendar.Event) int { return strings.Compare(a.Start.Local, b.Start.Local) })
		for _, e := range events {
			subjects = append(subjects, e.Subject)
		}
		if !slices.Equal(subjects, []string{"Stand-up", "Review", "Review", "Stand-up"}) {
			t.Errorf("%q", subjects)
		}
	})
}
