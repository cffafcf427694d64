package restore_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// TestErase removes a user's traces, and those of nobody else.
func TestErase(t *testing.T) {
	w := newWorld(t)
	w.working()
	w.file = everything()
	w.restore(restore.Skip)
	w.restore(restore.Replace)
	stopped := w.start(restore.Skip, func(r *run.Run, _ *restore.Input) { r.Calendar = uri("Half").String() })
	if err := w.runner(w.Table, w.Blobs, cancelling{w.calendar, w, stopped.ID}).Run(t.Context(), stopped); !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/outlook.ics")
	must(t, err)
	for _, who := range []string{user, "local#other"} {
		_, err := w.uploads().Put(t.Context(), who, strings.NewReader(string(file)))
		must(t, err)
	}
	r := w.startDrill()
	if err := w.drill(w.Table, w.Blobs, cancelling{w.calendar, w, r.ID}).Run(t.Context(), r); !errors.Is(err, store.ErrConflict) || w.notes() != 1 {
		t.Fatal(err)
	}
	left := func(who string) (n int) {
		for _, prefix := range []string{"UPLOAD", "SCRATCH#", "RESTORING#"} {
			items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + who, Prefix: prefix})
			must(t, err)
			n += len(items)
		}
		return n
	}
	objects := func() (n int) {
		for _, prefix := range []string{"uploads/", "restores/"} {
			list, err := w.Blobs.List(t.Context(), prefix)
			must(t, err)
			n += len(list)
		}
		return n
	}
	if left(user) != 4 || left("local#other") != 2 || objects() != 7 { // two uploads, four plans, one of what was replaced
		t.Fatalf("%d and %d items, %d objects", left(user), left("local#other"), objects())
	}
	must(t, restore.Erase(t.Context(), w.Table, w.Blobs, user))
	if left(user) != 0 || left("local#other") != 2 || objects() != 1 {
		t.Errorf("%d and %d items, %d objects are left", left(user), left("local#other"), objects())
	}
	_, err = run.NewStore(w.Table).Get(t.Context(), user, r.ID) // runs are erased by those who keep them
	must(t, err)
}
