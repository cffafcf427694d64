package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
)

// Limits are what Microsoft grants one application for one mailbox (https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits).
// A zero is Microsoft's own number.
type Limits struct {
	InFlight    int           // requests at once, those within batches counted; 4
	Requests    int64         // in RequestsPer; 10,000
	RequestsPer time.Duration // 10 minutes
	Upload      int64         // bytes in UploadPer; 150 MB
	UploadPer   time.Duration // 5 minutes
	// Grace is how long the service may still work on a request that was given up, or of which the answer was lost; 30 seconds.
	Grace time.Duration
}

// Budgets are what is left of each mailbox's limits. One is shared by everything in a process that reads or writes through Graph.
type Budgets struct {
	limits Limits
	clock  func() time.Time
	sleep  func(context.Context, time.Duration) error

	mu        sync.Mutex
	mailboxes map[string]*budget
}

// NewBudgets makes full budgets. sleep waits, and returns the context's error if that ends first; nil waits by the machine's clock.
func NewBudgets(limits Limits, clock func() time.Time, sleep func(context.Context, time.Duration) error) *Budgets {
	limits.InFlight = cmp.Or(limits.InFlight, 4)
	limits.Requests = cmp.Or(limits.Requests, 10_000)
	limits.RequestsPer = cmp.Or(limits.RequestsPer, 10*time.Minute)
	limits.Upload = cmp.Or(limits.Upload, 150_000_000)
	limits.UploadPer = cmp.Or(limits.UploadPer, 5*time.Minute)
	limits.Grace = cmp.Or(limits.Grace, 30*time.Second)
	if sleep == nil {
		sleep = pause.For
	}
	return &Budgets{limits: limits, clock: clock, sleep: sleep, mailboxes: map[string]*budget{}}
}

// of returns the budget of a mailbox. An account that is named once by its address and once by its id has two.
func (b *Budgets) of(account string) *budget {
	account = strings.ToLower(strings.TrimSpace(account))
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.mailboxes[account]
	if one == nil {
		one = &budget{
			Budgets:  b,
			slots:    semaphore.NewWeighted(int64(b.limits.InFlight)),
			requests: window{limit: b.limits.Requests, span: b.limits.RequestsPer},
			upload:   window{limit: b.limits.Upload, span: b.limits.UploadPer},
		}
		b.mailboxes[account] = one
	}
	return one
}

// budget is that of one mailbox.
//
// The service carries out at most four requests at once for a mailbox and answers the others with 429, within a batch too. Its documentation
// leaves two ways to stay below that: one batch at a time without dependsOn, of which it carries out four requests at once, or four batches at
// a time in each of which a request waits for the one before it by dependsOn. They need the same time: on the simulator, at a round trip of 20 ms
// and a service time of 60 ms, the first one needs 1.03 times the bound of N/20 round trips + N/4 service times for 40 and for 1,000 creates, the
// second one 1.00 and 1.02 times (BenchmarkBatchStrategies). The first one is used here. A failure in it is that of one event, where in a chain all
// that follow fail as well (424); one connection that is lost leaves the outcome of twenty events unknown, not of eighty; and few
// events need few requests: 40 are 2 batches, where chains only keep up as 4 of 10.
//
// So a batch holds as many slots as it has requests, up to all of them.
type budget struct {
	*Budgets
	slots *semaphore.Weighted // in the order of asking, so that batches do not starve

	mu       sync.Mutex
	requests window
	upload   window
	fewer    int // by how much batches are smaller than batchSize
	filter   filtering
}

// filtering is what is known of how the service filters a mailbox's events by marks.
type filtering int

const (
	filterUnknown filtering = iota
	filterWorks             // it found one
	filterUseless           // it refuses, or does not find one that is there
)

func (b *budget) filters() filtering {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.filter
}

func (b *budget) learnFilter(f filtering) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filter = f
}

// together is how many requests the next batch may have.
func (b *budget) together() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return batchSize - b.fewer
}

// learn adapts the size of batches: the service may refuse requests of a batch because there are too many in it. After such a batch the next one has
// half as many, and one more after each that had none. No batch has to have fewer than what is allowed at once.
func (b *budget) learn(answers []answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	refused := slices.ContainsFunc(answers, func(a answer) bool { return fault.Of(a.err) == fault.Throttled })
	switch least := min(b.limits.InFlight, batchSize); {
	case refused && len(answers) > least:
		b.fewer = max(b.fewer, batchSize-max(least, len(answers)/2))
	case !refused && len(answers) >= batchSize-b.fewer:
		b.fewer = max(0, b.fewer-1)
	}
}

// enter waits until so many operations at once, with so many bytes of upload, are within the limits. The caller calls leave when they are done.
// Where the wait would outlast ctx it is not begun: the error is Throttled, a Failure with RetryAfter. Errors: that, and ctx's.
func (b *budget) enter(ctx context.Context, operations int, bytes int64) (leave func(), err error) {
	slots := int64(min(operations, b.limits.InFlight))
	if err := b.slots.Acquire(ctx, slots); err != nil {
		return nil, fmt.Errorf("wait for the mailbox: %w", err)
	}
	leave = func() { b.slots.Release(slots) }
	for {
		wait := b.spend(int64(operations), bytes)
		if wait == 0 {
			return leave, nil
		}
		// ctx's deadline is one of the machine's clock, so it is asked by that.
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			leave()
			text := "the mailbox has used up what Microsoft 365 allows it for some minutes"
			return nil, fault.Wrap(fault.Throttled, &Failure{text: text, retryAfter: wait})
		}
		if err := b.sleep(ctx, wait); err != nil {
			leave()
			return nil, fmt.Errorf("wait for the mailbox: %w", err)
		}
	}
}

// done gives slots back when the service is done with a request: at once when it answered, or was never reached.
func (b *budget) done(err error, leave func()) {
	var answered *Failure
	var unreached *net.OpError
	if err == nil || errors.As(err, new(idle)) || errors.As(err, &answered) && answered.Status != 0 || errors.As(err, &unreached) && unreached.Op == "dial" {
		leave()
		return
	}
	time.AfterFunc(b.limits.Grace, leave)
}

// take spends from both windows, or from neither and says how long to wait.
func (b *budget) spend(operations, bytes int64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	if wait := max(b.requests.wait(now, operations), b.upload.wait(now, bytes)); wait > 0 {
		return wait
	}
	b.requests.spend(now, operations)
	b.upload.spend(now, bytes)
	return 0
}

// window is an amount that may be spent in any span of time.
type window struct {
	limit int64
	span  time.Duration
	used  int64
	spent []spending // of the last span, oldest first
}

type spending struct {
	first, last time.Time // of what was spent together
	amount      int64
}

// grain is how close in time spendings are remembered as one, so that a window holds few of them.
const grain = time.Second

// wait says how long it is until amount can be spent; 0 means now. What is over the limit by itself can be spent when nothing else was.
func (w *window) wait(now time.Time, amount int64) time.Duration {
	gone := 0
	for gone < len(w.spent) && !w.spent[gone].last.After(now.Add(-w.span)) {
		w.used -= w.spent[gone].amount
		gone++
	}
	w.spent = w.spent[gone:]
	left := w.limit - w.used
	for _, s := range w.spent {
		if left >= amount {
			break
		}
		left += s.amount
		if left >= amount || left == w.limit {
			return s.last.Add(w.span).Sub(now)
		}
	}
	return 0
}

func (w *window) spend(now time.Time, amount int64) {
	if amount == 0 {
		return
	}
	w.used += amount
	if n := len(w.spent); n > 0 && now.Sub(w.spent[n-1].first) < grain {
		w.spent[n-1].amount += amount
		w.spent[n-1].last = now
		return
	}
	w.spent = append(w.spent, spending{first: now, last: now, amount: amount})
}
