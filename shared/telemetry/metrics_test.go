package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkEMF says in what a line is not of the embedded metric format, by the JSON schema that AWS publishes with its specification
// and by what the specification says beyond it.
func checkEMF(line []byte) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		return err
	}
	aws, ok := root["_aws"].(map[string]any)
	if !ok {
		return errors.New("root: _aws is required")
	}
	stamp, ok := aws["Timestamp"].(json.Number)
	if _, err := stamp.Int64(); !ok || err != nil {
		return errors.New("_aws: Timestamp must be an integer")
	}
	sets, ok := aws["CloudWatchMetrics"].([]any)
	if !ok {
		return errors.New("_aws: CloudWatchMetrics must be an array")
	}
	for i, s := range sets {
		if err := checkMetricSet(root, s); err != nil {
			return fmt.Errorf("CloudWatchMetrics[%d]: %w", i, err)
		}
	}
	return nil
}

var emfUnit = regexp.MustCompile(`^(Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|` +
	`Bits|Kilobits|Megabits|Gigabits|Terabits|Percent|Count|` +
	`Bytes\/Second|Kilobytes\/Second|Megabytes\/Second|Gigabytes\/Second|Terabytes\/Second|` +
	`Bits\/Second|Kilobits\/Second|Megabits\/Second|Gigabits\/Second|Terabits\/Second|Count\/Second|None)$`)

func checkMetricSet(root map[string]any, s any) error {
	set, ok := s.(map[string]any)
	if !ok {
		return errors.New("must be an object")
	}
	text := func(v any, most int) (string, error) {
		s, ok := v.(string)
		if !ok || len(s) < 1 || len(s) > most {
			return "", fmt.Errorf("%v must be a text of 1 to %d characters", v, most)
		}
		return s, nil
	}
	if _, err := text(set["Namespace"], 1024); err != nil {
		return fmt.Errorf("Namespace: %w", err)
	}
	dimensions, ok := set["Dimensions"].([]any)
	if !ok || len(dimensions) < 1 {
		return errors.New("Dimensions must be an array of at least one set")
	}
	for _, d := range dimensions {
		names, ok := d.([]any)
		if !ok || len(names) > 30 {
			return errors.New("a set of dimensions must be an array of at most 30")
		}
		for _, n := range names {
			name, err := text(n, 250)
			if err != nil {
				return fmt.Errorf("dimension: %w", err)
			}
			if _, err := text(root[name], 1024); err != nil {
				return fmt.Errorf("value of dimension %s: %w", name, err)
			}
		}
	}
	metrics, ok := set["Metrics"].([]any)
	if !ok || len(metrics) > 100 {
		return errors.New("Metrics must be an array of at most 100")
	}
	for _, m := range metrics {
		metric, ok := m.(map[string]any)
		if !ok {
			return errors.New("a metric must be an object")
		}
		name, err := text(metric["Name"], 1024)
		if err != nil {
			return fmt.Errorf("Name: %w", err)
		}
		if unit, ok := metric["Unit"].(string); !ok || !emfUnit.MatchString(unit) {
			return fmt.Errorf("metric %s: Unit %v is none", name, metric["Unit"])
		}
		number, ok := root[name].(json.Number)
		if v, err := number.Float64(); !ok || err != nil || math.IsInf(v, 0) {
			return fmt.Errorf("value of metric %s: %v is no number", name, root[name])
		}
	}
	return nil
}

func TestCount(t *testing.T) {
	written := func(t *testing.T, counts Counts) string {
		t.Helper()
		var b bytes.Buffer
		NewMetrics(&b, "dev", func() time.Time { return noon.Add(7 * time.Millisecond) }).Count(counts)
		return b.String()
	}
	t.Run("one fact is one line", func(t *testing.T) {
		want := `{"AppointmentsArchived":12,"RunsSucceeded":1,"Stage":"dev","_aws":{"Timestamp":1791194400007,"CloudWatchMetrics":[` +
			`{"Namespace":"AdminAssistant","Dimensions":[["Stage"]],"Metrics":[` +
			`{"Name":"AppointmentsArchived","Unit":"Count"},{"Name":"RunsSucceeded","Unit":"Count"}]}]}}` + "\n"
		if diff := cmp.Diff(want, written(t, Counts{RunsSucceeded: 1, AppointmentsArchived: 12})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("every metric is of the format", func(t *testing.T) {
		all := Counts{RunsSucceeded: 1, RunsPartial: 2, RunsFailed: 3, AppointmentsArchived: math.MaxInt32, MessagesParked: 4, SignInFailures: 5, JobsLate: 6}
		if err := checkEMF([]byte(written(t, all))); err != nil {
			t.Error(err)
		}
		for name, n := range all {
			line := written(t, Counts{name: n})
			if err := checkEMF([]byte(line)); err != nil || !strings.Contains(line, fmt.Sprintf("%q:%d", name, n)) {
				t.Errorf("%s: %v", line, err)
			}
		}
	})
	t.Run("what did not happen is not written", func(t *testing.T) {
		for _, counts := range []Counts{nil, {}, {RunsFailed: 0}, {RunsFailed: -1}} {
			if got := written(t, counts); got != "" {
				t.Errorf("%v: %s", counts, got)
			}
		}
		if got := written(t, Counts{RunsFailed: 1, AppointmentsArchived: 0}); strings.Contains(got, string(AppointmentsArchived)) {
			t.Errorf("zero is written: %s", got)
		}
	})
	t.Run("nobody has to look at metrics", func(t *testing.T) {
		(*Metrics)(nil).Count(Counts{RunsFailed: 1})
		new(Metrics).Count(Counts{RunsFailed: 1})
	})
	t.Run("a line that cannot be written stops nothing", func(t *testing.T) {
		NewMetrics(broken{}, "dev", func() time.Time { return noon }).Count(Counts{RunsFailed: 1})
	})
	t.Run("many at once write whole lines, each with one write", func(t *testing.T) {
		var w writes // not safe for many at once
		m := NewMetrics(&w, "dev", func() time.Time { return noon })
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { m.Count(Counts{AppointmentsArchived: i + 1}) })
		}
		all.Wait()
		seen := map[float64]bool{}
		for _, line := range w {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil || strings.Count(line, "\n") != 1 {
				t.Fatalf("%q: %v", line, err)
			}
			seen[fields["AppointmentsArchived"].(float64)] = true
		}
		if len(w) != 50 || len(seen) != 50 {
			t.Errorf("%d writes of %d counts, want 50", len(w), len(seen))
		}
	})
}

// broken is a writer that cannot.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// writes keeps what each write had.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

// TestCheckEMF shows that lines of another format are found.
func TestCheckEMF(t *testing.T) {
	const good = `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[` +
		`{"Namespace":"N","Dimensions":[["Stage"]],"Metrics":[{"Name":"M","Unit":"Count"}]}]},"Stage":"dev","M":1}`
	if err := checkEMF([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"_aws"`, `"aws"`}, {`"Timestamp":1`, `"Timestamp":1.5`}, {`"Timestamp":1`, `"Timestamp":"1"`}, {`"Timestamp":1,`, ``},
		{`"CloudWatchMetrics"`, `"Metrics"`}, {`"Namespace":"N"`, `"Namespace":""`}, {`"Namespace":"N",`, ``},
		{`[["Stage"]]`, `["Stage"]`}, {`[["Stage"]]`, `[]`}, {`[["Stage"]]`, `[["Other"]]`}, {`"Stage":"dev"`, `"Stage":""`},
		{`"Name":"M"`, `"Name":"X"`}, {`"Unit":"Count"`, `"Unit":"Counts"`}, {`,"M":1`, `,"M":"1"`}, {`,"M":1`, ``}, {`}`, ``},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if checkEMF([]byte(bad)) == nil || bad == good {
			t.Errorf("%s in place of %s is not found", change[1], change[0])
		}
	}
}
