package run

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"adminassistant/shared/store"
)

// golden are runs of every kind, and the key under which a version that is deployed notes that they are under way.
var golden = map[string]struct {
	run Run
	key store.Key
}{
	"an archive run": {
		Run{Kind: Archive, Config: "work"},
		store.Key{PK: "ACTIVE#work", SK: "archive#2026-10-01#2026-10-31#{DryRun:false Force:false Adopt:false}#"},
	},
	"an archive run with all options that retries another": {
		Run{Kind: Archive, Config: "work", Options: Options{DryRun: true, Force: true, Adopt: true}, AttemptOf: "R0"},
		store.Key{PK: "ACTIVE#work", SK: "archive#2026-10-01#2026-10-31#{DryRun:true Force:true Adopt:true}#R0"},
	},
	"a backup of a job": {
		Run{Kind: Backup, Config: "work", Calendar: "local://me/calendars/Work", Input: json.RawMessage(`{"job":"J1"}`)},
		store.Key{
			PK: "ACTIVE#work",
			SK: "backup#2026-10-01#2026-10-31#{DryRun:false Force:false Adopt:false}##c97d36d680be91f6669fd90da07efdde2482d4070e11383bb38731638b5083cc",
		},
	},
	"a preview of a restore, of no config": {
		Run{
			Kind: Restore, Calendar: "local://me/calendars/Work", Options: Options{DryRun: true},
			Input: json.RawMessage(`{"backup":"B1","policy":"skip","timezone":"UTC"}`),
		},
		store.Key{
			PK: "ACTIVE#tenant#object#2bf3e02e7057c13c904daefe8ebc1e224e105f9f2fc454b5bcba9e208b07279c",
			SK: "restore#2026-10-01#2026-10-31#{DryRun:true Force:false Adopt:false}##ee0fba13d9b58660ab05a73e099707f493f691cff7d2b49707e5dd7b29f4db0d",
		},
	},
	"a drill": {
		Run{Kind: Drill, Config: "work", Calendar: "local://me/calendars/Work"},
		store.Key{
			PK: "ACTIVE#work",
			SK: "drill#2026-10-01#2026-10-31#{DryRun:false Force:false Adopt:false}##4c1bba637982805b7ff707389f88d6b90c1b0e85ca0899b2a7553c7342151656",
		},
	},
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// october completes a golden run.
func october(r Run, id string) *Run {
	s := sample(id)
	r.ID, r.User, r.From, r.To, r.State, r.Created = s.ID, s.User, s.From, s.To, s.State, s.Created
	return &r
}

func TestARunOfAnEarlierVersionIsFoundUnderWayAndItsNoteGoesWithIt(t *testing.T) {
	for name, g := range golden {
		t.Run(name, func(t *testing.T) {
			ctx, s := t.Context(), NewStore(openTable(t))
			earlier := october(g.run, "1")
			must(t, s.table.Transact(ctx, []store.Op{
				{Put: earlier.item(), If: store.Absent()}, {Put: &store.Item{Key: g.key, Data: []byte(`"1"`)}, If: store.Absent()},
			}))
			r, created, err := s.Create(ctx, october(g.run, "2"))
			must(t, err)
			if created || r.ID != "1" {
				t.Fatalf("run %s, created %t", r.ID, created)
			}
			must(t, s.Finish(ctx, r, Succeeded, monday))
			if _, err := s.table.Get(ctx, g.key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("its note: %v, want not found", err)
			}
			if _, created, err := s.Create(ctx, october(g.run, "2")); err != nil || !created {
				t.Errorf("the next one: created %t, %v", created, err)
			}
			if next := get(t, s, "2"); next.Active != g.key.SK {
				t.Errorf("the next one keeps the key %q", next.Active)
			}
			if _, err := s.table.Get(ctx, g.key); err != nil {
				t.Errorf("the next one's note is not where an earlier version looks for it: %v", err)
			}
		})
	}
	t.Run("runs of all days", func(t *testing.T) {
		r := Run{Kind: Archive, Config: "work"}
		if key := r.activeKey(); key.SK != "archive###{DryRun:false Force:false Adopt:false}#" {
			t.Errorf("got %s", key.SK)
		}
	})
}

// TestEveryOptionMakesAnotherRun looks at the options as they are declared, so that a new one is not forgotten.
func TestEveryOptionMakesAnotherRun(t *testing.T) {
	options := reflect.TypeFor[Options]()
	for i := range options.NumField() {
		r := sample("1")
		field := reflect.ValueOf(&r.Options).Elem().Field(i)
		if field.Kind() != reflect.Bool {
			t.Fatalf("the option %s is no bool: say here what it is when it is set", options.Field(i).Name)
		}
		field.SetBool(true)
		if r.same() == sample("2").same() {
			t.Errorf("a run with the option %s counts as one without", options.Field(i).Name)
		}
	}
}

func TestARunWithAnOptionThatThisVersionDoesNotKnow(t *testing.T) {
	ctx, s := t.Context(), NewStore(openTable(t))
	r := october(Run{Kind: Archive, Config: "work"}, "1")
	r.Active = r.same() + " Replace:true"
	newer := store.Key{PK: "ACTIVE#work", SK: r.Active}
	must(t, s.table.Transact(ctx, []store.Op{
		{Put: r.item(), If: store.Absent()}, {Put: &store.Item{Key: newer, Data: []byte(`"1"`)}, If: store.Absent()},
	}))
	plain, created, err := s.Create(ctx, october(Run{Kind: Archive, Config: "work"}, "2"))
	if err != nil || !created {
		t.Fatalf("a run without it is another one: created %t, %v", created, err)
	}
	must(t, s.Finish(ctx, get(t, s, "1"), Failed, monday))
	if _, err := s.table.Get(ctx, newer); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("its note after its end: %v, want not found", err)
	}
	if again, created, err := s.Create(ctx, october(Run{Kind: Archive, Config: "work"}, "3")); err != nil || created || again.ID != plain.ID {
		t.Errorf("its end took the note of the other run away: %+v, %t, %v", again, created, err)
	}
	t.Run("is erased with its note", func(t *testing.T) {
		ctx, s := t.Context(), NewStore(openTable(t))
		r := october(Run{Kind: Backup, Calendar: "local://me/calendars/Work"}, "1")
		r.Active, r.State, r.Ended = r.same()+" Replace:true", Failed, monday // its note was left behind
		key := store.Key{PK: "ACTIVE#" + r.Scope(), SK: r.Active}
		must(t, s.table.Transact(ctx, []store.Op{
			{Put: r.item(), If: store.Absent()}, {Put: &store.Item{Key: key, Data: []byte(`"1"`)}, If: store.Absent()},
		}))
		must(t, s.Erase(ctx, user, monday.AddDate(1, 0, 0), monday, func(context.Context, *Run) error { return nil }))
		if _, err := s.table.Get(ctx, key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("its note: %v, want not found", err)
		}
	})
}

func TestWhatMakesTwoRunsTheSame(t *testing.T) {
	const into = "local://me/calendars/Work"
	restore := func(id, input string) *Run {
		return &Run{ID: id, User: user, Kind: Restore, Calendar: into, Input: json.RawMessage(input), State: Queued, Created: monday}
	}
	t.Run("two restores into one calendar that differ in their input alone are two runs under way", func(t *testing.T) {
		s := NewStore(openTable(t))
		first := create(t, s, restore("1", `{"backup":"B1","policy":"skip"}`))
		second := create(t, s, restore("2", `{"backup":"B1","policy":"replace"}`))
		for id, input := range map[string]string{first.ID: `{"backup":"B1","policy":"skip"}`, second.ID: `{"backup":"B1","policy":"replace"}`} {
			if r, created, err := s.Create(t.Context(), restore("3", input)); err != nil || created || r.ID != id {
				t.Errorf("%s again: %+v, %t, %v", input, r, created, err)
			}
		}
		must(t, s.Finish(t.Context(), first, Succeeded, monday))
		if r, created, err := s.Create(t.Context(), restore("3", `{"backup":"B1","policy":"replace"}`)); err != nil || created || r.ID != "2" {
			t.Errorf("the end of one ended the other: %+v, %t, %v", r, created, err)
		}
	})
	t.Run("a calendar does not run over into the input", func(t *testing.T) {
		a, b := restore("1", `x{}`), restore("2", `{}`)
		b.Calendar += "x"
		if a.Scope() == b.Scope() || a.same() == b.same() {
			t.Error("two runs count as one")
		}
	})
	t.Run("without input a calendar counts all the same", func(t *testing.T) {
		s := NewStore(openTable(t))
		of := func(id, calendar string) *Run {
			return &Run{ID: id, User: user, Kind: Drill, Config: "work", Calendar: calendar, State: Queued, Created: monday}
		}
		create(t, s, of("1", into))
		create(t, s, of("2", into+"2"))
		create(t, s, of("3", ""))
		if r, created, err := s.Create(t.Context(), of("4", into)); err != nil || created || r.ID != "1" {
			t.Errorf("%+v, %t, %v", r, created, err)
		}
	})
	t.Run("input without a calendar counts too", func(t *testing.T) {
		a, b := sample("1"), sample("2")
		a.Input = json.RawMessage(`{}`)
		if a.same() == b.same() {
			t.Error("two runs count as one")
		}
	})
	t.Run("what differs in its result, job, state or times is the same", func(t *testing.T) {
		a, b := sample("1"), sample("2")
		b.Job, b.State, b.Correlation = "J1", Running, "other"
		b.Result, b.Created = json.RawMessage(`{}`), monday.AddDate(0, 0, 1)
		if a.same() != b.same() || a.activeKey() != b.activeKey() {
			t.Error("they count as two")
		}
	})
}
