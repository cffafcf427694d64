package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const user = "tenant#object"

var monday = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

func openTable(t testing.TB) *sqlite.Table {
	t.Helper()
	table, err := sqlite.Open(":memory:", func() time.Time { return monday })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return table
}

// sample is a queued run of October.
func sample(id string) *Run {
	return &Run{
		ID: id, User: user, Kind: Archive, Config: "work", From: calendar.Date{Year: 2026, Month: 10, Day: 1}, To: calendar.Date{Year: 2026, Month: 10, Day: 31},
		State: Queued, Correlation: "correlation-" + id, Created: monday,
	}
}

func create(t testing.TB, s *Store, r *Run) *Run {
	t.Helper()
	r, created, err := s.Create(t.Context(), r)
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	return r
}

func get(t testing.TB, s *Store, id string) *Run {
	t.Helper()
	r, err := s.Get(t.Context(), user, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStates(t *testing.T) {
	for state, ended := range map[State]bool{Queued: false, Running: false, Succeeded: true, Partial: true, Failed: true, Cancelled: true} {
		if state.Ended() != ended {
			t.Errorf("%s has ended: %t", state, state.Ended())
		}
	}
}

func TestNewProgress(t *testing.T) {
	for _, c := range []struct{ done, total, want int }{{0, 0, 0}, {0, 3, 0}, {1, 3, 33}, {2, 3, 66}, {3, 3, 100}, {199, 200, 99}} {
		want := Progress{Phase: "writing", Done: c.done, Total: c.total, Percent: c.want}
		if got := NewProgress("writing", c.done, c.total); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestNewProblemTellsNothingInternal(t *testing.T) {
	if got := *NewProblem(errors.New("secret")); got.Code != "internal" || strings.Contains(got.Detail, "secret") || got.Detail == "" {
		t.Errorf("internal: %+v", got)
	}
	away := fault.Wrap(fault.Unavailable, fmt.Errorf("list: %w", calendar.ErrOutOfReach))
	if got := *NewProblem(away); got.Code != OutOfReach || got.Detail != away.Error() {
		t.Errorf("out of reach: %+v", got)
	}
	err := fmt.Errorf("read: %w", fault.New(fault.NotFound, "no calendar %q", "x"))
	if got, want := *NewProblem(err), (Problem{Code: "not_found", Detail: `read: no calendar "x"`}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWhatIsStoredIsRead(t *testing.T) {
	s := NewStore(openTable(t))
	r := sample("1")
	r.AttemptOf, r.Options = "0", Options{DryRun: true, Force: true, Adopt: true}
	r.Result, r.Problem = json.RawMessage(`{"a":1}`), &Problem{Code: "invalid", Detail: "no"}
	r.Started, r.Ended, r.Failed = monday.Add(time.Second), monday.Add(time.Minute), 3
	r.Progress = NewProgress("writing", 1, 2)
	create(t, s, r)
	if diff := cmp.Diff(r, get(t, s, "1"), cmp.AllowUnexported(Run{})); diff != "" {
		t.Errorf("(- written, + read):\n%s", diff)
	}
	if _, err := s.Get(t.Context(), user, "2"); fault.Of(err) != fault.NotFound {
		t.Errorf("another run: %v, want not found", err)
	}
	if _, err := s.Get(t.Context(), "tenant#other", "1"); fault.Of(err) != fault.NotFound {
		t.Errorf("another user's: %v, want not found", err)
	}
	if _, err := s.table.Put(t.Context(), store.Item{Key: runKey(user, "1"), Data: []byte("{")}, store.Any()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), user, "1"); fault.Of(err) != fault.Malformed {
		t.Errorf("unreadable: %v, want malformed", err)
	}
}

func TestCreate(t *testing.T) {
	t.Run("the same window under way is the same run", func(t *testing.T) {
		s := NewStore(openTable(t))
		create(t, s, sample("1"))
		r, created, err := s.Create(t.Context(), sample("2"))
		if err != nil || created || r.ID != "1" {
			t.Fatalf("%+v, %t, %v", r, created, err)
		}
		if _, err := s.Get(t.Context(), user, "2"); fault.Of(err) != fault.NotFound {
			t.Errorf("the second one: %v, want not found", err)
		}
		r.State = Running
		if err := s.Update(t.Context(), r); err != nil {
			t.Fatalf("what was returned cannot be stored: %v", err)
		}
		if r, created, err = s.Create(t.Context(), sample("2")); err != nil || created || r.ID != "1" || r.State != Running {
			t.Errorf("while it is running: %+v, %t, %v", r, created, err)
		}
	})
	t.Run("what differs in", func(t *testing.T) {
		for name, change := range map[string]func(r *Run){
			"kind":         func(r *Run) { r.Kind = "undo" },
			"config":       func(r *Run) { r.Config = "home" },
			"first day":    func(r *Run) { r.From.Day++ },
			"last day":     func(r *Run) { r.To.Day-- },
			"dry run":      func(r *Run) { r.Options.DryRun = true },
			"force":        func(r *Run) { r.Options.Force = true },
			"adopt":        func(r *Run) { r.Options.Adopt = true },
			"what it does": func(r *Run) { r.AttemptOf = "0" },
		} {
			t.Run(name+" is another run", func(t *testing.T) {
				s := NewStore(openTable(t))
				create(t, s, sample("1"))
				r := sample("2")
				change(r)
				create(t, s, r)
			})
		}
	})
	t.Run("when it has ended the window is free", func(t *testing.T) {
		for _, state := range []State{Succeeded, Partial, Failed, Cancelled} {
			s := NewStore(openTable(t))
			r := create(t, s, sample("1"))
			if err := s.Finish(t.Context(), r, state, monday); err != nil {
				t.Fatal(err)
			}
			create(t, s, sample("2"))
		}
	})
	t.Run("a note that outlived its run does not block the window", func(t *testing.T) {
		ctx := t.Context()
		s := NewStore(openTable(t))
		r := create(t, s, sample("1"))
		r.State = Failed
		if err := s.Update(ctx, r); err != nil { // not by End
			t.Fatal(err)
		}
		create(t, s, sample("2"))
		if err := s.table.Delete(ctx, runKey(user, "2"), store.Any()); err != nil {
			t.Fatal(err)
		}
		create(t, s, sample("3"))
		if r, created, err := s.Create(ctx, sample("4")); err != nil || created || r.ID != "3" {
			t.Errorf("%+v, %t, %v", r, created, err)
		}
	})
	t.Run("a run that ends at the same moment is looked for again", func(t *testing.T) {
		ctx := t.Context()
		table := openTable(t)
		s := NewStore(table)
		r := create(t, s, sample("1"))
		ends := &before{Table: table, do: func() {
			if err := s.Finish(ctx, r, Succeeded, monday); err != nil {
				t.Fatal(err)
			}
		}}
		if r, created, err := NewStore(ends).Create(ctx, sample("2")); err != nil || !created || r.ID != "2" {
			t.Errorf("%+v, %t, %v", r, created, err)
		}
	})
	t.Run("an id that is taken by another window's run is refused", func(t *testing.T) {
		s := NewStore(openTable(t))
		create(t, s, sample("1"))
		r := sample("1")
		r.Config = "home"
		if _, _, err := s.Create(t.Context(), r); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
	})
	t.Run("of many at once one is created, and all get it", func(t *testing.T) {
		s := NewStore(openTable(t))
		type answer struct {
			id      string
			created bool
			err     error
		}
		answers := make(chan answer)
		for i := range 10 {
			go func() {
				r, created, err := s.Create(context.WithoutCancel(t.Context()), sample(fmt.Sprint("r", i)))
				if err != nil {
					r = &Run{}
				}
				answers <- answer{r.ID, created, err}
			}()
		}
		created, ids := 0, map[string]bool{}
		for range 10 {
			a := <-answers
			if a.err != nil {
				t.Error(a.err)
			}
			if ids[a.id] = true; a.created {
				created++
			}
		}
		if created != 1 || len(ids) != 1 {
			t.Errorf("%d were created, all got %v", created, ids)
		}
	})
}

// before is a store in which something happens before the first read.
type before struct {
	store.Table
	do func()
}

func (b *before) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Table.Get(ctx, key)
}

func TestUpdate(t *testing.T) {
	ctx := t.Context()
	s := NewStore(openTable(t))
	r := create(t, s, sample("1"))
	other := get(t, s, "1")
	for _, state := range []State{Running, Running} {
		r.State = state
		if err := s.Update(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	other.State = Cancelled
	if err := s.Update(ctx, other); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an old one: %v, want a conflict", err)
	}
	if err := s.Finish(ctx, other, Failed, monday); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the end of an old one: %v, want a conflict", err)
	}
	if got := get(t, s, "1"); got.State != Running {
		t.Errorf("it is %s", got.State)
	}
	if _, created, err := s.Create(ctx, sample("2")); err != nil || created {
		t.Errorf("the window is free after an end that failed: %v", err)
	}
	if err := s.table.Transact(ctx, []store.Op{r.Put()}); err != nil {
		t.Fatal(err)
	}
	r.Stored()
	if err := s.Update(ctx, r); err != nil {
		t.Errorf("after its own put: %v", err)
	}
}

func TestEnd(t *testing.T) {
	at := monday.In(time.FixedZone("", 7200))
	for _, c := range []struct {
		name  string
		state State
		was   Progress
		want  Progress
	}{
		{"what succeeded is complete", Succeeded, NewProgress("writing", 3, 7), Progress{"done", 7, 7, 100}},
		{"what is partial is complete", Partial, NewProgress("writing", 3, 7), Progress{"done", 7, 7, 100}},
		{"nothing to do is complete", Succeeded, Progress{}, Progress{"done", 0, 0, 100}},
		{"what failed stays as far as it came", Failed, NewProgress("writing", 3, 6), Progress{"done", 3, 6, 50}},
		{"what was cancelled too", Cancelled, NewProgress("reading", 0, 0), Progress{"done", 0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewStore(openTable(t))
			r := create(t, s, sample("1"))
			r.Progress = c.was
			if err := s.Finish(t.Context(), r, c.state, at); err != nil {
				t.Fatal(err)
			}
			if _, err := s.table.Get(t.Context(), r.activeKey()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the note of the run under way: %v, want not found", err)
			}
			got := get(t, s, "1")
			if got.State != c.state || got.Progress != c.want || got.Ended != monday {
				t.Errorf("%s, %+v, %s", got.State, got.Progress, got.Ended)
			}
			if err := s.Update(t.Context(), r); err != nil {
				t.Errorf("stored after it: %v", err)
			}
		})
	}
}

func TestList(t *testing.T) {
	ctx := t.Context()
	s := NewStore(openTable(t))
	var all, work, home []string
	for i := range 25 {
		r := sample(fmt.Sprintf("%02d", i))
		r.AttemptOf = r.ID // so that they are all different
		if i%3 == 0 {
			r.Config = "home"
		}
		create(t, s, r)
		all = append(all, r.ID)
		if r.Config == "home" {
			home = append(home, r.ID)
		} else {
			work = append(work, r.ID)
		}
	}
	stranger := sample("99")
	stranger.User = "tenant#other"
	stranger.AttemptOf = "99"
	create(t, s, stranger)
	for _, c := range []struct {
		name, config string
		want         []string
	}{{"all configs", "", all}, {"one config", "work", work}, {"another config", "home", home}, {"no config's", "none", nil}} {
		for _, limit := range []int{0, 1, 4, 100} {
			t.Run(fmt.Sprintf("%s, %d at a time", c.name, limit), func(t *testing.T) {
				var got []string
				cursor := ""
				for {
					runs, next, err := s.List(ctx, user, c.config, limit, cursor)
					if err != nil {
						t.Fatal(err)
					}
					if limit > 0 && len(runs) > limit {
						t.Errorf("%d runs", len(runs))
					}
					for _, r := range runs {
						got = append(got, r.ID)
					}
					if cursor = next; next == "" {
						break
					}
				}
				want := slices.Clone(c.want)
				slices.Reverse(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
	if _, _, err := s.List(ctx, user, "", 1, "?"); fault.Of(err) != fault.Invalid {
		t.Errorf("a wrong cursor: %v, want invalid", err)
	}
	t.Run("what is listed can be stored", func(t *testing.T) {
		runs, _, err := s.List(ctx, user, "work", 0, "")
		if err != nil || len(runs) != len(work) {
			t.Fatalf("%d, %v", len(runs), err)
		}
		if err := s.Update(ctx, runs[0]); err != nil {
			t.Error(err)
		}
	})
}

func TestItems(t *testing.T) {
	s := NewStore(openTable(t))
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		run := sample(fmt.Sprint(n))
		items := make([]Item, rapid.SampledFrom([]int{0, 1, 2, itemsPerPage - 1, itemsPerPage, itemsPerPage + 1, 3*itemsPerPage + 7}).Draw(r, "items"))
		long := rapid.IntRange(0, 3).Draw(r, "long")
		for i := range items {
			items[i] = Item{Key: fmt.Sprint("k", i), Plan: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i)), Written: i%2 == 0}
			if i%3 == 0 {
				items[i].Problem = &Problem{Code: "invalid", Detail: "no"}
			}
			if i%50 == 0 && long > 0 {
				items[i].Key += strings.Repeat("x", long*60<<10)
			}
		}
		if err := s.PutItems(t.Context(), run, items); err != nil {
			r.Fatal(err)
		}
		var got []Item
		for page := range run.Pages {
			some, err := s.Items(t.Context(), run, page)
			if err != nil {
				r.Fatal(err)
			}
			if len(some) == 0 || len(some) > itemsPerPage {
				r.Fatalf("page %d has %d items", page, len(some))
			}
			got = append(got, some...)
		}
		if len(got) != len(items) {
			r.Fatalf("%d items, want %d", len(got), len(items))
		}
		for i := range got {
			if diff := cmp.Diff(items[i], got[i]); diff != "" {
				r.Fatal(diff)
			}
		}
		for _, page := range []int{-1, run.Pages, run.Pages + 1} {
			if some, err := s.Items(t.Context(), run, page); err != nil || len(some) != 0 {
				r.Fatalf("page %d: %d items, %v", page, len(some), err)
			}
		}
	})
	t.Run("items that do not compress do not make a page too large", func(t *testing.T) {
		items := make([]Item, itemsPerPage)
		for i := range items {
			items[i].Key = noise(i, 5<<10)
		}
		r := sample("large")
		if err := s.PutItems(t.Context(), r, items); err != nil || r.Pages < 4 {
			t.Errorf("%d pages, %v", r.Pages, err)
		}
	})
	t.Run("fewer items than before replace them", func(t *testing.T) {
		r := sample("again")
		for _, n := range []int{3 * itemsPerPage, 2} {
			if err := s.PutItems(t.Context(), r, make([]Item, n)); err != nil {
				t.Fatal(err)
			}
		}
		if items, err := s.Items(t.Context(), r, 0); err != nil || len(items) != 2 || r.Pages != 1 {
			t.Errorf("%d items, %d pages, %v", len(items), r.Pages, err)
		}
	})
	t.Run("a page that is unreadable is malformed, one that is gone is not found", func(t *testing.T) {
		r := sample("broken")
		r.Pages = 2
		if _, err := s.table.Put(t.Context(), store.Item{Key: itemKey("broken", 0), Data: []byte("{")}, store.Any()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Items(t.Context(), r, 0); fault.Of(err) != fault.Malformed {
			t.Errorf("unreadable: %v", err)
		}
		if _, err := s.Items(t.Context(), r, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("gone: %v", err)
		}
	})
}

// noise is text of n bytes that does not compress.
func noise(seed, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text := make([]byte, n)
	state := uint64(seed)*2654435761 + 88172645463325252
	for i := range text {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		text[i] = letters[state%64]
	}
	return string(text)
}
