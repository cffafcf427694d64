package archive_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/flag"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// flagged has a run keep flags.
func flagged(flags map[string]bool) func(*run.Run) {
	return func(r *run.Run) { r.Flags = flags }
}

var shadowing = map[string]bool{string(flag.AlikeDuplicates): false, string(flag.AlikeDuplicates) + ":shadow": true}

// twins puts an appointment into the source, and one that differs by a space within its subject.
func (w *world) twins() {
	w.t.Helper()
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Acme\u00a0review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Other", "2026-10-06T09:00", "2026-10-06T10:00")
}

func TestAShadowedVersionIsToldAndNotCarriedOut(t *testing.T) {
	keep := func(c *archive.Config) { c.Overlaps = archive.Keep }
	plain, shadowed := newWorld(t), newWorld(t)
	var counted bytes.Buffer
	results := map[*world]archive.Result{}
	for w, flags := range map[*world]map[string]bool{plain: nil, shadowed: shadowing} {
		w.twins()
		c := w.config(keep)
		r := w.start(c, flagged(flags))
		runner := w.runner(w.Table, w.calendar)
		runner.Metrics = telemetry.NewMetrics(&counted, "test", w.Now)
		must(t, runner.Run(t.Context(), r))
		_, results[w] = w.result(r.ID)
	}
	got, want := results[shadowed], results[plain]
	told := got.Shadow
	if want.Shadow != nil || told == nil {
		t.Fatalf("told are %+v and %+v", want.Shadow, told)
	}
	if got.Counts != want.Counts || got.Written != 3 || want.Written != 3 {
		t.Errorf("with a shadow %+v, without one %+v", got.Counts, want.Counts)
	}
	if told.Flag != "plan.alike_duplicates" ||
		told.Before != want.Counts || told.After.Merged != 1 || told.After.Archived != 2 || told.Changed != 1 || len(told.Events) != 1 {
		t.Errorf("told is %+v", told)
	}
	if diff := cmp.Diff([]archive.HoursChange{{Customer: "Acme", Before: 180, After: 120}}, told.Hours); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(counted.String(), `"PlansDiffer":1`); n != 1 {
		t.Errorf("counted is %s", counted.String())
	}
}

func TestAVersionThatIsOnIsCarriedOutAndShadowsNothing(t *testing.T) {
	w := newWorld(t)
	w.twins()
	c := w.config(func(c *archive.Config) { c.Overlaps = archive.Keep })
	r := w.start(c, flagged(map[string]bool{string(flag.AlikeDuplicates): true, string(flag.AlikeDuplicates) + ":shadow": true}))
	must(t, w.runner(w.Table, w.calendar).Run(t.Context(), r))
	if _, got := w.result(r.ID); got.Counts.Merged != 1 || got.Written != 2 || got.Shadow != nil {
		t.Errorf("it came to %+v", got)
	}
}

func TestWhereBothVersionsDecideTheSameThatIsTold(t *testing.T) {
	w := newWorld(t)
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	var counted bytes.Buffer
	for _, change := range []func(*run.Run){
		flagged(shadowing),
		func(r *run.Run) { r.Flags, r.Options.DryRun = shadowing, true },
	} {
		r := w.start(c, change)
		runner := w.runner(w.Table, w.calendar)
		runner.Metrics = telemetry.NewMetrics(&counted, "test", w.Now)
		must(t, runner.Run(t.Context(), r))
		_, result := w.result(r.ID)
		told := result.Shadow
		if told == nil || told.Changed != 0 || told.Events != nil || told.Hours != nil || told.Before != told.After || told.Before.Fetched != 1 {
			t.Errorf("told is %+v", told)
		}
	}
	if counted.Len() > 0 {
		t.Errorf("counted is %s", counted.String())
	}
}

func TestARetryShadowsNothing(t *testing.T) {
	w := newWorld(t)
	w.twins()
	c := w.config(func(c *archive.Config) { c.Overlaps = archive.Keep })
	first, _ := w.archive(c)
	_, result := w.archive(c, func(r *run.Run) { r.AttemptOf, r.Flags = first.ID, shadowing })
	if result.Shadow != nil {
		t.Errorf("told is %+v", result.Shadow)
	}
}
