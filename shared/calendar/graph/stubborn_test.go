package graph

import (
	"context"
	"sync"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// stubborn is a provider that makes requests again which failed for a passing reason, as runs do, and lets the service's time go on after each write.
type stubborn struct {
	calendar.Provider
	clock *jumping
}

// jumping is a clock that moves when it is told to.
type jumping struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (j *jumping) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Now().Add(j.ahead)
}

func (j *jumping) Sleep(context.Context, time.Duration) {}

func (j *jumping) jump(d time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ahead += d
}

// again makes a request until it does not fail for a passing reason.
func again[T any](ctx context.Context, s *stubborn, request func() (T, error)) (value T, err error) {
	for range 60 {
		if value, err = request(); err == nil || !fault.Of(err).Transient() || ctx.Err() != nil {
			break
		}
		s.clock.jump(time.Second)
	}
	return value, err
}

// each makes n writes until none of them failed for a passing reason.
func (s *stubborn) each(ctx context.Context, n int, write func(some []int) ([]calendar.WriteResult, error)) ([]calendar.WriteResult, error) {
	results, open := make([]calendar.WriteResult, n), make([]int, n)
	for i := range open {
		open[i] = i
	}
	if n == 0 {
		return write(nil)
	}
	for range 60 {
		some, err := again(ctx, s, func() ([]calendar.WriteResult, error) { return write(open) })
		if err != nil {
			return nil, err
		}
		var left []int
		for i, r := range some {
			if results[open[i]] = r; r.Err != nil && fault.Of(r.Err).Transient() {
				left = append(left, open[i])
			}
		}
		s.clock.jump(time.Minute)
		if open = left; len(open) == 0 || ctx.Err() != nil {
			break
		}
	}
	return results, nil
}

func some[T any](all []T, at []int) []T {
	picked := make([]T, len(at))
	for i, n := range at {
		picked[i] = all[n]
	}
	return picked
}

func (s *stubborn) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	return s.each(ctx, len(drafts), func(at []int) ([]calendar.WriteResult, error) {
		return s.Provider.Create(ctx, account, id, some(drafts, at))
	})
}

func (s *stubborn) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	return s.each(ctx, len(updates), func(at []int) ([]calendar.WriteResult, error) {
		return s.Provider.Update(ctx, account, id, some(updates, at))
	})
}

func (s *stubborn) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	return s.each(ctx, len(ids), func(at []int) ([]calendar.WriteResult, error) {
		return s.Provider.Delete(ctx, account, id, some(ids, at))
	})
}

func (s *stubborn) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	return again(ctx, s, func() ([]calendar.Info, error) { return s.Provider.Calendars(ctx, account) })
}

func (s *stubborn) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	return again(ctx, s, func() (calendar.Info, error) { return s.Provider.Calendar(ctx, uri) })
}

func (s *stubborn) CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	return again(ctx, s, func() (calendar.Info, error) { return s.Provider.CreateCalendar(ctx, uri) })
}

func (s *stubborn) DeleteCalendar(ctx context.Context, account, id string) error {
	_, err := again(ctx, s, func() (struct{}, error) { return struct{}{}, s.Provider.DeleteCalendar(ctx, account, id) })
	return err
}

// patiently repeats failed readings without waiting.
func (s *stubborn) patiently() func() func(context.Context, error) error {
	return func() func(context.Context, error) error {
		tries := 0
		return func(ctx context.Context, failure error) error {
			if tries++; tries == 60 || !fault.Of(failure).Transient() || ctx.Err() != nil {
				return failure
			}
			s.clock.jump(time.Second)
			return nil
		}
	}
}

// newStubborn makes the readings of p patient as well.
func newStubborn(p *Provider, clock *jumping) *stubborn {
	s := &stubborn{clock: clock}
	s.Provider = p.Patiently(s.patiently())
	return s
}
