// Package limit says how much anybody may have and ask for.
//
// Requests of a user are counted in fixed windows, a minute or a day of UTC long, by class. The count is shared by all processes: it
// is kept in the table, and a process reserves its requests there in blocks, by a write that happens only if nobody else counted
// meanwhile. So all processes together never let more through than the limit, and a request usually costs no store request. What a
// process has reserved and does not use is lost with the window: at most a block for each process. A window is fixed, so that around
// the turn of one a user may be let through twice the limit within a minute.
package limit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Class is a sort of request with limits of its own. A request is of one class.
type Class int

const (
	Reads    Class = iota // what changes nothing and costs little; the zero Class
	Writes                // what changes something
	Bulk                  // what reads or writes a whole calendar, ledger or log
	Starts                // what starts a run
	Removals              // what deletes, erases or restores
	Mails                 // e-mails that are sent to the user, which no request asks for, and those that the user sends
	Classes               // how many there are
)

var classNames = [Classes]string{"reads", "writes", "bulk", "starts", "removals", "mails"}

// String is the class's name, as it is in keys.
func (c Class) String() string { return classNames[c] }

// Rule is how many requests there may be in a window.
type Rule struct {
	Most   int
	Window time.Duration // a minute or a day
}

// Rules are the rules of each class. A request must fit all of them.
type Rules [Classes][]Rule

const day = 24 * time.Hour

// Default returns the rules of the deployed system.
func Default() Rules {
	return Rules{
		Reads:    {{600, time.Minute}},
		Writes:   {{120, time.Minute}},
		Bulk:     {{30, time.Minute}},
		Starts:   {{10, time.Minute}, {100, day}},
		Removals: {{5, time.Minute}},
		Mails:    {{100, day}},
	}
}

// strict says whether requests of the class are refused while the store does not answer. To start a run or to remove something cannot be
// taken back and needs the store anyway, so that nothing is gained by letting it through uncounted; an overload that takes the store
// away must not take the limits on the costly requests away with it. All others are let through, up to the limit in each process: a counter
// that fails is no reason to keep a user from reading.
func (c Class) strict() bool { return c == Starts || c == Removals }

// Exceeded says which rule a request went over. Errors of Allow with it are of kind fault.Throttled.
type Exceeded struct {
	Class      Class
	Rule       Rule
	RetryAfter time.Duration // whole seconds, at least one, until the window ends
}

func (e *Exceeded) Error() string {
	window := "minute"
	if e.Rule.Window == day {
		window = "day"
	}
	return fmt.Sprintf("there may be %d requests of this sort (%s) a %s; try again in %d seconds", e.Rule.Most, e.Class, window, e.RetryAfter/time.Second)
}

const (
	// block is how many requests a process reserves at once, and firstBlock the first time in a window: most users are done with few, and
	// many processes may serve one user.
	block, firstBlock = 25, 5
	// attempts is how often a reservation is tried when other processes reserve at that moment. One of them always succeeds.
	attempts = 100
	// maxRemembered is how many windows a process remembers at most, about 300 bytes each.
	maxRemembered = 32768
	// storeTimeout is how long a reservation may take: a counter must not be what a request waits for.
	storeTimeout = 2 * time.Second
	// restAfterFailure is how long the store is left alone, window by window, after it did not answer.
	restAfterFailure = time.Second
	// keep is how long a count outlives its window, for clocks that differ.
	keep = time.Hour
)

// blockOf is how many requests are reserved at once when left are free of a limit of most. With a small limit it is one, so that
// nothing is lost; near the limit it becomes smaller.
func (c Class) blockOf(most, left int, first bool) int {
	if c.strict() {
		return min(1, left)
	}
	n := min(block, max(1, most/20), max(firstBlock, left/2))
	if first {
		n = min(n, firstBlock)
	}
	return min(n, left)
}

// Limiter counts. All its methods may be called from many goroutines at once.
type Limiter struct {
	table store.Table
	rules Rules
	clock func() time.Time

	mu      sync.Mutex
	windows map[name]*window
	most    int // windows that are remembered
}

// New returns who counts in table, by rules.
func New(table store.Table, rules Rules, clock func() time.Time) *Limiter {
	return &Limiter{table: table, rules: rules, clock: clock, windows: map[name]*window{}, most: maxRemembered}
}

// name distinguishes a user's windows of one rule from all others; the next window takes the place of the one before.
type name struct {
	user  string
	class Class
	rule  int
}

// window is what a process knows of one window. All but turn is guarded by Limiter.mu.
type window struct {
	begins  time.Time
	left    int       // reserved and not used
	granted int       // by this process
	full    bool      // nothing is left to reserve
	rest    time.Time // until when the store is left alone

	turn    chan struct{} // holds one value while nobody reserves; who takes it may use the fields below
	used    int           // as it was counted last
	version int64         // of the count; 0 when there is none
	known   bool          // used and version were read or written before
	unknown store.Unknown // of the count
}

// Allow counts one request of a user. The error is of kind fault.Throttled with an Exceeded when there were too many; and
// fault.Unavailable when the store does not answer and the class is strict.
func (l *Limiter) Allow(ctx context.Context, user string, class Class) error {
	now := l.clock()
	rules := l.rules[class]
	for i := range rules {
		if err := l.take(ctx, name{user, class, i}, now); err != nil {
			for j := range i { // it does not happen, so it does not count
				l.giveBack(name{user, class, j}, now)
			}
			return err
		}
	}
	return nil
}

// take uses one request of a window, and reserves more when none is left.
func (l *Limiter) take(ctx context.Context, n name, now time.Time) error {
	rule := l.rules[n.class][n.rule]
	begins := now.Truncate(rule.Window)
	l.mu.Lock()
	w := l.windows[n]
	if w == nil || !w.begins.Equal(begins) {
		w = l.remember(n, begins)
	}
	done, err := l.local(w, n, rule, now)
	l.mu.Unlock()
	if done {
		return err
	}

	select {
	case <-w.turn:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err())
	}
	defer func() { w.turn <- struct{}{} }()
	l.mu.Lock()
	done, err = l.local(w, n, rule, now) // somebody else may have reserved meanwhile
	l.mu.Unlock()
	if done {
		return err
	}
	got, err := l.reserve(ctx, n, rule, w)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, errContended):
		return fault.Wrap(fault.Throttled, &Exceeded{Class: n.class, Rule: rule, RetryAfter: time.Second})
	case err != nil:
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Stringer("class", n.class).Msg("requests not counted")
		w.rest = l.clock().Add(restAfterFailure)
	case got == 0:
		w.full = true
	default:
		w.left += got
	}
	_, err = l.local(w, n, rule, now)
	return err
}

// errContended means that several processes kept reserving at the same moment: the user asks too much at once.
var errContended = errors.New("limit: others count at the same time")

var errNotCounted = fault.New(fault.Unavailable, "requests cannot be counted at the moment, and this one must be; try again in a moment")

// local decides without the store, if it can; else done is false. It is called with l.mu held.
func (l *Limiter) local(w *window, n name, rule Rule, now time.Time) (done bool, err error) {
	switch {
	case w.left > 0:
		w.left--
		w.granted++
		return true, nil
	case w.full:
		return true, exceeded(n.class, rule, now)
	case !now.Before(w.rest):
		return false, nil
	case n.class.strict():
		return true, errNotCounted
	case w.granted >= rule.Most:
		return true, exceeded(n.class, rule, now)
	}
	w.granted++
	return true, nil
}

func exceeded(class Class, rule Rule, now time.Time) error {
	wait := now.Truncate(rule.Window).Add(rule.Window).Sub(now)
	return fault.Wrap(fault.Throttled, &Exceeded{Class: class, Rule: rule, RetryAfter: (wait + time.Second - 1).Truncate(time.Second)})
}

// giveBack returns a request that was taken from a window, if it is still the same one.
func (l *Limiter) giveBack(n name, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.windows[n]; w != nil && w.begins.Equal(now.Truncate(l.rules[n.class][n.rule].Window)) {
		w.left++
		w.granted--
	}
}

// remember makes room for a window and puts it in place of the one before. It is called with l.mu held. A window that is forgotten to
// make room loses what it has reserved, never the count.
func (l *Limiter) remember(n name, begins time.Time) *window {
	if _, there := l.windows[n]; !there && len(l.windows) >= l.most {
		for other, w := range l.windows {
			if w.begins.Add(l.rules[other.class][other.rule].Window).Before(begins) {
				delete(l.windows, other)
			}
		}
		for other := range l.windows { // all are of now: any one goes
			if len(l.windows) < l.most {
				break
			}
			delete(l.windows, other)
		}
	}
	w := &window{begins: begins, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	l.windows[n] = w
	return w
}

// count is what the table holds of a window, at LIMIT#<user> / <class>#<begin of the window>.
type count struct {
	Used int `json:"used"`
}

// partition is where a user's counts are.
func partition(user string) string { return "LIMIT#" + user }

func key(n name, rule Rule, begins time.Time) store.Key {
	layout := "2006-01-02T15:04"
	if rule.Window == day {
		layout = "2006-01-02"
	}
	return store.Key{PK: partition(n.user), SK: n.class.String() + "#" + begins.UTC().Format(layout)}
}

// reserve counts a block of requests in the table and returns how many there are in it; 0 when the window is full. It is called by who
// has the window's turn.
func (l *Limiter) reserve(ctx context.Context, n name, rule Rule, w *window) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	k := key(n, rule, w.begins)
	first := !w.known
	for range attempts {
		free := rule.Most - w.used
		if free <= 0 {
			return 0, nil
		}
		got := n.class.blockOf(rule.Most, free, first)
		cond := store.Absent()
		if w.version > 0 {
			cond = store.VersionIs(w.version)
		}
		data, err := w.unknown.Encode(count{Used: w.used + got})
		if err != nil {
			return 0, notCounted(err)
		}
		version, err := l.table.Put(ctx, store.Item{Key: k, Expires: w.begins.Add(rule.Window + keep), Data: data}, cond)
		if err == nil {
			w.used, w.version, w.known = w.used+got, version, true
			return got, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return 0, notCounted(err)
		}
		item, err := l.table.Get(ctx, k)
		var c count
		var unknown store.Unknown
		switch {
		case errors.Is(err, store.ErrNotFound): // erased with the user, or expired
		case err != nil:
			return 0, notCounted(err)
		default:
			if unknown, err = store.Decode(item.Data, &c); err != nil {
				return 0, fault.New(fault.Malformed, "a count of requests is unreadable: %v", err)
			}
		}
		w.used, w.version, w.known, w.unknown = c.Used, item.Version, true, unknown
	}
	return 0, errContended
}

func notCounted(err error) error { return fmt.Errorf("count requests: %w", err) }

// Erase removes the counts of a user.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: partition(user)}); err != nil {
		return fmt.Errorf("erase counts of requests: %w", err)
	}
	return nil
}
