package job

import (
	"context"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
)

// barred are the users who are disabled.
func barred(users *account.Users) func(ctx context.Context, keys []string) (map[string]Reason, error) {
	return func(ctx context.Context, keys []string) (map[string]Reason, error) {
		disabled, _, err := users.Barred(ctx, keys, calendar.Date{})
		why := map[string]Reason{}
		for key := range disabled {
			why[key] = UserDisabled
		}
		return why, err
	}
}

func TestJobsOfAUserWhoIsNotSeenPauseAndGoOn(t *testing.T) {
	w := newWorld(t, evening)
	j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
	var told []string
	tick := func(away bool) Report {
		d := w.dispatcher()
		d.Barred = func(_ context.Context, users []string) (map[string]Reason, error) {
			if !away {
				return nil, nil
			}
			return map[string]Reason{user: NotSeen}, nil
		}
		d.Unseen = func(_ context.Context, j *Job) { told = append(told, j.ID) }
		r, err := d.Tick(t.Context())
		must(t, err)
		return r
	}
	w.Advance(time.Hour)
	if r := tick(true); r != (Report{Paused: 1}) || len(w.runs()) != 0 || len(told) != 1 || told[0] != j.ID {
		t.Errorf("%+v, told %q", r, told)
	}
	if got := w.get(j.ID); got.State != Paused || got.Reason != NotSeen || !strings.Contains(got.Detail, "next request or sign-in") {
		t.Errorf("got %+v", got)
	}
	if r := tick(true); r != (Report{}) || len(told) != 1 {
		t.Errorf("once more: %+v, told %q", r, told)
	}
	must(t, w.jobs().ResumeAll(t.Context(), user, "", NotSeen))
	w.Advance(24 * time.Hour)
	if r := tick(false); r != (Report{Started: 1}) {
		t.Errorf("back: %+v", r)
	}
}
