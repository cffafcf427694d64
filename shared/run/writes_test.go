package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// answer is what a calendar does with a write: it takes effect or not, and the worker hears of that or of a failure.
type answer struct {
	effect bool
	err    error
}

func TestEachWrite(t *testing.T) {
	down := fault.New(fault.Unavailable, "down")
	refused := fault.New(fault.Invalid, "not like this")
	forbidden := fault.New(fault.Forbidden, "may not be written")
	busy := func(seconds time.Duration) answer { return answer{err: asking{down, seconds * time.Second}} }
	works, fails, lost := answer{effect: true}, answer{err: down}, answer{effect: true, err: down}
	refuses := answer{err: refused}

	for _, c := range []struct {
		name    string
		answers [][]answer // of each write, its tries one after the other; the last stands for all that follow
		whole   []error    // failures of whole requests, one after the other; nil: the answers count
		there   []int      // took effect in an earlier attempt
		begun   bool
		repeats bool // each may be made twice: nobody looks
		late    bool // the worker has little time left

		want    error
		results map[int]error
		tries   []string // which writes each request made
		looks   []string // which writes each look was for
		copies  []int    // how often each took effect; nil: once
		waits   time.Duration
	}{
		{name: "nothing needs no request", results: map[int]error{}, copies: []int{}},
		{
			name: "each is made once", answers: [][]answer{{works}, {works}},
			results: map[int]error{0: nil, 1: nil}, tries: []string{"[0 1]"},
		},
		{
			name: "an unknown outcome that took effect is found, not made again", answers: [][]answer{{works}, {lost}, {works}},
			results: map[int]error{0: nil, 1: nil, 2: nil}, tries: []string{"[0 1 2]"}, looks: []string{"[1]"},
		},
		{
			name: "an unknown outcome that did not is made again", answers: [][]answer{{works}, {fails, works}},
			results: map[int]error{0: nil, 1: nil}, tries: []string{"[0 1]", "[1]"}, looks: []string{"[1]"},
		},
		{
			name: "a refusal among passing ones is told at once and not tried again", answers: [][]answer{{fails, works}, {refuses, works}, {lost}},
			results: map[int]error{0: nil, 1: refused, 2: nil}, tries: []string{"[0 1 2]", "[0]"}, looks: []string{"[0 2]"}, copies: []int{1, 0, 1},
		},
		{
			name:    "the longest wait that was asked for counts",
			answers: [][]answer{{busy(3), works}, {busy(9), works}, {busy(1), works}, {fails, works}},
			results: map[int]error{0: nil, 1: nil, 2: nil, 3: nil}, tries: []string{"[0 1 2 3]", "[0 1 2 3]"}, looks: []string{"[0 1 2 3]"}, waits: 9 * time.Second,
		},
		{
			name: "a longer wait of a request before counts for that request alone", answers: [][]answer{{busy(9), busy(1), works}},
			results: map[int]error{0: nil}, tries: []string{"[0]", "[0]", "[0]"}, looks: []string{"[0]", "[0]"}, waits: 10 * time.Second,
		},
		{
			name: "what would be too long a wait is for another worker", answers: [][]answer{{works}, {busy(120)}}, want: ErrHandOn,
			results: map[int]error{0: nil}, tries: []string{"[0 1]"}, copies: []int{1, 0},
		},
		{
			name: "as is what would end too late", answers: [][]answer{{busy(30)}}, late: true, want: ErrHandOn,
			results: map[int]error{}, tries: []string{"[0]"}, copies: []int{0},
		},
		{
			name: "after five tries the failure stands", answers: [][]answer{{fails}}, want: down,
			results: map[int]error{}, tries: []string{"[0]", "[0]", "[0]", "[0]", "[0]"}, looks: []string{"[0]", "[0]", "[0]", "[0]"}, copies: []int{0},
		},
		{
			name: "after any number of tries of which something came it goes on",
			answers: [][]answer{
				{works}, {fails, works}, {fails, fails, works}, {fails, fails, fails, works}, {fails, fails, fails, fails, works},
				{fails, fails, fails, fails, fails, works},
			},
			results: map[int]error{0: nil, 1: nil, 2: nil, 3: nil, 4: nil, 5: nil},
			tries:   []string{"[0 1 2 3 4 5]", "[1 2 3 4 5]", "[2 3 4 5]", "[3 4 5]", "[4 5]", "[5]"},
			looks:   []string{"[1 2 3 4 5]", "[2 3 4 5]", "[3 4 5]", "[4 5]", "[5]"},
		},
		{
			name: "after five of which nothing came it does not", answers: [][]answer{{fails, works}, {fails}}, want: down,
			results: map[int]error{0: nil}, tries: []string{"[0 1]", "[0 1]", "[1]", "[1]", "[1]", "[1]"},
			looks: []string{"[0 1]", "[1]", "[1]", "[1]", "[1]"}, copies: []int{1, 0},
		},
		{
			name: "a whole request that failed for a passing reason is made again", answers: [][]answer{{works}, {works}}, whole: []error{down},
			results: map[int]error{0: nil, 1: nil}, tries: []string{"[0 1]", "[0 1]"}, looks: []string{"[0 1]"},
		},
		{
			name: "one that failed for good ends it", answers: [][]answer{{works}, {works}}, whole: []error{forbidden}, want: forbidden,
			results: map[int]error{}, tries: []string{"[0 1]"}, copies: []int{0, 0},
		},
		{
			name: "what an earlier attempt may have made is looked for first", answers: [][]answer{{works}, {works}}, begun: true, there: []int{1},
			results: map[int]error{0: nil, 1: nil}, tries: []string{"[0]"}, looks: []string{"[0 1]"},
		},
		{
			name: "where it made all nothing is written", answers: [][]answer{{works}, {works}}, begun: true, there: []int{0, 1},
			results: map[int]error{0: nil, 1: nil}, looks: []string{"[0 1]"},
		},
		{
			name: "what may be made twice is not looked for", answers: [][]answer{{lost, works}}, begun: true, repeats: true,
			results: map[int]error{0: nil}, tries: []string{"[0]", "[0]"}, copies: []int{2},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.late {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 80*time.Second)
					defer cancel()
				}
				copies, tried := make([]int, len(c.answers)), make([]int, len(c.answers))
				for _, at := range c.there {
					copies[at]++
				}
				var tries, looks []string
				w := Writes{Begun: c.begun, Write: func(_ context.Context, open []int) ([]calendar.WriteResult, error) {
					tries = append(tries, fmt.Sprint(open))
					if n := len(tries); n <= len(c.whole) && c.whole[n-1] != nil {
						return nil, c.whole[n-1]
					}
					results := make([]calendar.WriteResult, len(open))
					for i, at := range open {
						a := c.answers[at][min(tried[at], len(c.answers[at])-1)]
						if tried[at]++; a.effect {
							copies[at]++
						}
						if results[i].Err = a.err; a.err == nil {
							results[i].ID = fmt.Sprint("made ", at)
						}
					}
					return results, nil
				}}
				stumbled := false
				if !c.repeats {
					w.Look = func(_ context.Context, open []int) (map[int]calendar.WriteResult, error) {
						if !stumbled { // a look may fail for a passing reason, too
							stumbled = true
							return nil, asking{down, time.Nanosecond}
						}
						looks = append(looks, fmt.Sprint(open))
						there := map[int]calendar.WriteResult{}
						for _, at := range open {
							if copies[at] > 0 {
								there[at] = calendar.WriteResult{ID: fmt.Sprint("found ", at)}
							}
						}
						return there, nil
					}
				}
				results := map[int]error{}
				began := time.Now()
				err := EachWrite(ctx, &Patience{Clock: time.Now, HandOn: time.Minute}, len(c.answers), w, func(i int, r calendar.WriteResult) {
					if _, told := results[i]; told {
						t.Errorf("%d is told twice", i)
					}
					if (r.ID == "") != (r.Err != nil) {
						t.Errorf("%d: %+v", i, r)
					}
					results[i] = r.Err
				})
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				same := cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) || errors.Is(b, a) })
				if diff := cmp.Diff(c.results, results, same); diff != "" {
					t.Errorf("results (-want +got):\n%s", diff)
				}
				if !slices.Equal(tries, c.tries) || !slices.Equal(looks, c.looks) {
					t.Errorf("tried %v, looked for %v", tries, looks)
				}
				if c.copies == nil {
					c.copies = slices.Repeat([]int{1}, len(c.answers))
				}
				if !slices.Equal(copies, c.copies) {
					t.Errorf("took effect %v times", copies)
				}
				if waited := time.Since(began).Truncate(time.Millisecond); c.waits > 0 && waited != c.waits {
					t.Errorf("it waited %s", waited)
				}
			})
		})
	}

	t.Run("what is not shown at once is looked for until it must be", func(t *testing.T) {
		for after, c := range map[time.Duration]struct {
			copies, looks int
			waits         time.Duration
		}{0: {1, 1, 0}, time.Second: {1, 2, time.Second}, 2500 * time.Millisecond: {1, 4, 4 * time.Second}, 5 * time.Second: {2, 4, 4 * time.Second}} {
			for _, failure := range []error{down, harmlessly{down}} {
				synctest.Test(t, func(t *testing.T) {
					copies, looks := 0, 0
					var shown time.Time
					w := Writes{
						Settles: 4 * time.Second,
						Look: func(context.Context, []int) (map[int]calendar.WriteResult, error) {
							if looks++; copies > 0 && !time.Now().Before(shown) {
								return map[int]calendar.WriteResult{0: {ID: "found"}}, nil
							}
							return nil, nil
						},
						Write: func(context.Context, []int) ([]calendar.WriteResult, error) {
							if copies++; copies > 1 {
								return []calendar.WriteResult{{ID: "made"}}, nil
							}
							shown = time.Now().Add(after)
							return []calendar.WriteResult{{Err: soon{failure}}}, nil
						},
					}
					began := time.Now()
					told := 0
					err := EachWrite(t.Context(), &Patience{Clock: time.Now, HandOn: time.Minute}, 1, w, func(int, calendar.WriteResult) { told++ })
					waited := time.Since(began).Round(time.Second)
					if want := c.copies; err != nil || told != 1 || failure == down && (copies != want || looks != c.looks || waited != c.waits) {
						t.Errorf("shown after %s: made %d times, %d looks in %s, told %d times, %v", after, copies, looks, waited, told, err)
					}
					if failure != down && looks != 1 {
						t.Errorf("what surely had no effect is looked for %d times", looks)
					}
				})
			}
		}
	})

	t.Run("what was given up is looked for until nobody can be at it any more", func(t *testing.T) {
		for after, want := range map[time.Duration]int{20 * time.Second: 1, Working + 4*time.Second: 1, Working + 5*time.Second: 2} {
			synctest.Test(t, func(t *testing.T) {
				copies := 0
				var shown time.Time
				w := Writes{
					Settles: 4 * time.Second,
					Look: func(context.Context, []int) (map[int]calendar.WriteResult, error) {
						if copies > 0 && !time.Now().Before(shown) {
							return map[int]calendar.WriteResult{0: {ID: "found"}}, nil
						}
						return nil, nil
					},
					Write: func(context.Context, []int) ([]calendar.WriteResult, error) {
						if copies++; copies > 1 {
							return []calendar.WriteResult{{ID: "made"}}, nil
						}
						shown = time.Now().Add(after)
						return []calendar.WriteResult{{Err: soon{fault.Wrap(fault.Unavailable, context.DeadlineExceeded)}}}, nil
					},
				}
				err := EachWrite(t.Context(), &Patience{Clock: time.Now, HandOn: time.Minute}, 1, w, func(int, calendar.WriteResult) {})
				if err != nil || copies != want {
					t.Errorf("what took effect after %s was made %d times, %v", after, copies, err)
				}
			})
		}
	})

	t.Run("a worker that has to stop leaves the looking to another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute+500*time.Millisecond)
			defer cancel()
			w := Writes{
				Begun: true, Settles: 4 * time.Second,
				Look:  func(context.Context, []int) (map[int]calendar.WriteResult, error) { return nil, nil },
				Write: func(context.Context, []int) ([]calendar.WriteResult, error) { t.Error("it wrote"); return nil, nil },
			}
			if err := EachWrite(ctx, &Patience{Clock: time.Now, HandOn: time.Minute}, 1, w, nil); !errors.Is(err, ErrHandOn) {
				t.Error(err)
			}
		})
	})

	t.Run("a transaction id that is taken is given up when nothing has it", func(t *testing.T) {
		taken := fault.Wrap(fault.Conflict, calendar.ErrTaken)
		for name, c := range map[string]struct {
			free  int  // the first id that is
			there bool // an event has the id
			renew bool
			want  error
			ids   []int
		}{
			"the second is free":         {free: 2, renew: true, ids: []int{1, 2}},
			"the third is":               {free: 3, renew: true, ids: []int{1, 2, 3}},
			"none is":                    {free: 100, renew: true, want: taken, ids: []int{1, 2, 3, 4}},
			"it is ours":                 {free: 2, renew: true, there: true, ids: []int{1}},
			"there is no other for them": {free: 2, want: taken, ids: []int{1}},
		} {
			synctest.Test(t, func(t *testing.T) {
				id := 1
				var ids []int
				w := Writes{
					Look: func(context.Context, []int) (map[int]calendar.WriteResult, error) {
						if c.there {
							return map[int]calendar.WriteResult{0: {ID: "found"}}, nil
						}
						return nil, nil
					},
					Write: func(context.Context, []int) ([]calendar.WriteResult, error) {
						if ids = append(ids, id); id >= c.free {
							return []calendar.WriteResult{{ID: "made"}}, nil
						}
						return []calendar.WriteResult{{Err: taken}}, nil
					},
				}
				if c.renew {
					w.Renew = func(_, nth int) { id = nth }
				}
				var got error
				told := 0
				err := EachWrite(t.Context(), &Patience{Clock: time.Now, HandOn: time.Minute}, 1, w, func(_ int, r calendar.WriteResult) { told, got = told+1, r.Err })
				if err != nil || told != 1 || !errors.Is(got, c.want) || !slices.Equal(ids, c.ids) {
					t.Errorf("%s: %v, told %d times %v, ids %v", name, err, told, got, ids)
				}
			})
		}
	})

	t.Run("a look that fails for good ends it before anything is written", func(t *testing.T) {
		w := Writes{
			Begun: true,
			Look:  func(context.Context, []int) (map[int]calendar.WriteResult, error) { return nil, forbidden },
			Write: func(context.Context, []int) ([]calendar.WriteResult, error) {
				t.Error("it wrote")
				return nil, nil
			},
		}
		if err := EachWrite(t.Context(), &Patience{Clock: time.Now}, 1, w, nil); !errors.Is(err, forbidden) {
			t.Error(err)
		}
	})
}

// soon is a failure that is to be tried again at once.
type soon struct{ error }

func (s soon) Unwrap() error           { return s.error }
func (soon) RetryAfter() time.Duration { return time.Nanosecond }

// harmlessly is a failure that surely had no effect.
type harmlessly struct{ error }

func (h harmlessly) Unwrap() error { return h.error }
func (harmlessly) NoEffect() bool  { return true }
