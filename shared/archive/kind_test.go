package archive

import (
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

func TestRunKind(t *testing.T) {
	day := calendar.Date{Year: 2026, Month: 10, Day: 5}
	r := &run.Run{Kind: run.Archive, From: day, To: day.AddDays(6)}
	for name, c := range map[string]struct {
		state  run.State
		result run.Result
		title  string
		says   []string
		action action.Kind
		again  run.Kind
		flags  []string
	}{
		"a window that shrank": {
			run.Failed, &Result{Shrunk: true}, " stopped: far fewer events than before",
			[]string{"5–11 October 2026", "changed nothing", run.Safe.String(), "with force"}, action.ShrunkWindow, run.Archive, []string{"--force"},
		},
		"an archive calendar that is gone": {
			run.Partial, &Result{ArchiveMissing: true, Written: 3}, ": the archive calendar does not show what was archived",
			[]string{"5–11 October 2026", "are gone", "nothing is lost", "what to do"}, action.ArchiveMissing, "", nil,
		},
		"both, of which the first kept the run from anything": {
			run.Failed, &Result{ArchiveMissing: true, Shrunk: true}, " stopped: far fewer events than before", nil, action.ShrunkWindow, run.Archive,
			[]string{"--force"},
		},
		"events under other ids": {
			run.Failed, &Result{KeysChanged: true}, " stopped: the events have other ids than before",
			[]string{"5–11 October 2026", "changed nothing", run.Safe.String(), "with force"}, action.KeysChanged, run.Archive, []string{"--force"},
		},
		"days that cannot be read": {
			run.Partial, &Result{UnreadableDays: 2, Written: 3}, ": some days could not be read",
			[]string{"In the run of 5–11 October 2026 an event of 2026-10-07 is broken."}, action.UnreadableDays, "", nil,
		},
		"nothing new":              {run.Succeeded, &Result{}, "", []string{"5–11 October 2026", "nothing new"}, "", "", nil},
		"nothing new, no result":   {run.Succeeded, nil, "", []string{"nothing new"}, "", "", nil},
		"something new":            {run.Succeeded, &Result{Written: 1}, "", nil, "", "", nil},
		"a failure":                {run.Failed, nil, "", nil, "", "", nil},
		"events that were refused": {run.Partial, &Result{Failed: 2}, "", nil, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			ended := *r
			ended.State, ended.Problem = c.state, &run.Problem{Detail: "an event of 2026-10-07 is broken"}
			got := RunKind.Words(&ended, c.result)
			if got.Title.String() != c.title || got.Action != string(c.action) || got.Again != c.again || !slices.Equal(got.Flags, c.flags) || got.Complete {
				t.Errorf("got %+v", got)
			}
			if (got.Text == nil) != (c.says == nil && c.action == "") {
				t.Errorf("got the text %q", got.Text)
			}
			for _, part := range c.says {
				if !strings.Contains(got.Text.String(), part) {
					t.Errorf("the text does not say %q: %s", part, got.Text)
				}
			}
			if got.Action != "" && !slices.Contains(RunKind.Actions, got.Action) {
				t.Errorf("no run resolves the action %s", got.Action)
			}
		})
	}
	if result := (&Result{Counts: Counts{Fetched: 9}, Written: 7}); result.Wrote() != 7 || result.Sums() != "9 fetched, 7 written" {
		t.Errorf("wrote %d, %s", result.Wrote(), result.Sums())
	}
}
