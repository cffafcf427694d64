package job

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/run"
)

const (
	// failingAfter is after how many failed runs in a row a job counts as failing.
	failingAfter = 3
	// historyPages bounds how many pages of a config's runs one page of History looks through.
	historyPages = 10
	// failingPages, of failingPage runs each, are how far back a job's failed runs are looked for among those of its config.
	failingPages = 5
	failingPage  = 100
)

// History returns runs that the job started, the newest first. A page may be short, or empty, and still have a next one.
func (s *Jobs) History(ctx context.Context, user, id string, limit int, cursor string) (runs []*run.Run, next string, err error) {
	j, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, "", err
	}
	next = cursor
	for range historyPages {
		var page []*run.Run
		if page, next, err = s.runs.List(ctx, j.User, j.Config, limit-len(runs), next); err != nil {
			return nil, "", err
		}
		for _, r := range page {
			if r.Job == j.ID {
				runs = append(runs, r)
			}
		}
		if next == "" || len(runs) >= limit {
			break
		}
	}
	return runs, next, nil
}

// Health says how a user's jobs are.
type Health struct {
	// Late jobs should have started their runs more than five minutes ago.
	Late []*Job
	// Failing jobs had only failed runs of late.
	Failing []*Job
}

// Health looks at a user's jobs.
func (s *Jobs) Health(ctx context.Context, user string) (Health, error) {
	var h Health
	items, err := s.items(ctx, user)
	if err != nil {
		return Health{}, err
	}
	now := s.clock()
	for _, j := range readable(ctx, items) {
		if j.State == Active && now.Sub(j.Starts()) > lateAfter {
			h.Late = append(h.Late, j)
		}
		failing, err := s.failing(ctx, j)
		if err != nil {
			return Health{}, err
		}
		if failing {
			h.Failing = append(h.Failing, j)
		}
	}
	return h, nil
}

// Queues says what waits where the kinds of jobs send their runs to, of all users together.
func (s *Jobs) Queues(ctx context.Context) (map[run.Kind]queue.Stats, error) {
	queues := map[run.Kind]queue.Stats{}
	for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
		stats, err := s.kinds[kind].Queue.Stats(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at the queue of %s runs: %w", kind, err)
		}
		queues[kind] = stats
	}
	return queues, nil
}

// failing says whether the job's last runs all failed. One that has not ended does not count.
func (s *Jobs) failing(ctx context.Context, j *Job) (bool, error) {
	if j.LastRun == "" {
		return false, nil
	}
	last, err := s.runs.Get(ctx, j.User, j.LastRun) // which somebody else may have started
	if fault.Of(err) == fault.NotFound {
		return false, nil
	}
	if err != nil || last.State.Ended() && last.State != run.Failed {
		return false, err
	}
	failed, cursor := 0, ""
	for range failingPages {
		runs, next, err := s.runs.List(ctx, j.User, j.Config, failingPage, cursor)
		if err != nil {
			return false, err
		}
		for _, r := range runs {
			switch {
			case r.Job != j.ID || !r.State.Ended():
			case r.State != run.Failed:
				return false, nil
			default:
				if failed++; failed == failingAfter {
					return true, nil
				}
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return false, nil
}
