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
)

// History returns runs that the job started, the newest first. A page may be short, or empty, and still have a next one.
func (s *Jobs) History(ctx context.Context, user, id string, limit int, cursor string) (runs []*run.Run, next string, err error) {
	j, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, "", err
	}
	return s.history(ctx, j, limit, cursor)
}

func (s *Jobs) history(ctx context.Context, j *Job, limit int, cursor string) (runs []*run.Run, next string, err error) {
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

// Health tells how a user's jobs are.
type Health struct {
	// Late jobs should have started their runs more than five minutes ago.
	Late []*Job
	// Failing jobs had only failed runs of late.
	Failing []*Job
	// Queues are those that the kinds of jobs send their runs to, of all users together.
	Queues map[run.Kind]queue.Stats
}

// Health looks at a user's jobs.
func (s *Jobs) Health(ctx context.Context, user string) (Health, error) {
	h := Health{Queues: map[run.Kind]queue.Stats{}}
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
	for _, kind := range slices.Sorted(maps.Keys(s.kinds)) {
		if h.Queues[kind], err = s.kinds[kind].Queue.Stats(ctx); err != nil {
			return Health{}, fmt.Errorf("look at the queue of %s runs: %w", kind, err)
		}
	}
	return h, nil
}

// failing says whether the job's last runs all failed. One that has not ended does not count.
func (s *Jobs) failing(ctx context.Context, j *Job) (bool, error) {
	if j.LastRun == "" {
		return false, nil
	}
	last, err := s.runs.Get(ctx, j.User, j.LastRun)
	if fault.Of(err) == fault.NotFound {
		return false, nil
	}
	if err != nil || last.State.Ended() && last.State != run.Failed {
		return false, err
	}
	runs, _, err := s.history(ctx, j, failingAfter+1, "") // with the one that may be under way
	if err != nil {
		return false, err
	}
	runs = slices.DeleteFunc(runs, func(r *run.Run) bool { return !r.State.Ended() })
	failed := 0
	for failed < len(runs) && runs[failed].State == run.Failed {
		failed++
	}
	return failed >= failingAfter, nil
}
