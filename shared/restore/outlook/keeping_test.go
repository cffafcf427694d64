package outlook_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// keeping refuses to delete anything.
type keeping struct{ calendar.Provider }

func (keeping) Delete(_ context.Context, _, _ string, ids []string) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(ids))
	for i := range results {
		results[i].Err = fault.New(fault.Forbidden, "this event must stay")
	}
	return results, nil
}

// TestWhatCannotBeDeletedGetsNoSecondOne lets a series take the place of an event that a restore made, and the event that of the series. Microsoft 365 would
// have two of the same mark.
func TestWhatCannotBeDeletedGetsNoSecondOne(t *testing.T) {
	w := newWorld(t)
	uploads := restore.NewUploads(w.table, w.blobs, w.newID, time.Now)
	copied := uri(calendar.ProviderGraph, "Copy")
	put := func(runner restore.Runner, one, other string, policy restore.Policy) (*run.Run, restore.Result) {
		text := strings.NewReplacer("ONE", one, "OTHER", other, "\n", "\r\n").Replace(`BEGIN:VCALENDAR
BEGIN:VEVENT
UID:ONE@example.com
DTSTART:20261006T120000Z
DTEND:20261006T130000Z
SUMMARY:Review
END:VEVENT
BEGIN:VEVENT
UID:OTHER@example.com
DTSTART:20261005T090000Z
DTEND:20261005T091500Z
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10
SUMMARY:Stand-up
END:VEVENT
END:VCALENDAR
`)
		u, err := uploads.Put(t.Context(), user, strings.NewReader(text))
		must(t, err)
		var result restore.Result
		in := restore.Input{Upload: u.ID, SHA256: u.SHA256, Policy: policy, Zone: zone, CreateCalendar: true}
		r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: copied.String()}, in, &result)
		return r, result
	}
	runner := w.runner()
	if r, _ := put(runner, "a", "b", restore.Skip); r.State != run.Succeeded {
		t.Fatalf("%s %+v", r.State, r.Problem)
	}
	before := w.canonical(w.backUp(copied))
	runner.Provider = func(ctx context.Context, who string, u calendar.URI) (restore.Provider, error) {
		p, err := w.provider(ctx, who, u)
		return keeping{p}, err
	}
	r, result := put(runner, "b", "a", restore.Replace)
	if r.State != run.Partial || result.Counts != (restore.Counts{Read: 2, InPeriod: 2, Failed: 2}) || result.Written != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(before, w.canonical(w.backUp(copied))); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
