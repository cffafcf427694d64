package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/series"
)

// reading is what other software takes an iCalendar file for.
type reading struct {
	Instances [][]string `json:"instances"` // subject, start, end
	Broken    []string   `json:"broken"`
	Again     string     `json:"again"` // the file, written by it
}

// read lets other software (the packages icalendar and recurring-ical-events for Python) read a file.
func read(t *testing.T, file, from, to string) reading {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("..", "..", ".tools", "icalendar", "bin", "python"))
	must(t, err)
	if _, err := os.Stat(python); errors.Is(err, fs.ErrNotExist) {
		const none = "there is no other software to read iCalendar files; make tools installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "reader", "read.py"), from, to)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(file), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var r reading
	must(t, json.Unmarshal(out.Bytes(), &r))
	return r
}

// told writes a time as read.py does.
func told(t *testing.T, d calendar.DateTime, date bool, zones series.Zones) string {
	t.Helper()
	wall, err := d.Wall()
	must(t, err)
	switch {
	case date:
		return wall.Date.String()
	case d.Zone == "" && !strings.HasSuffix(d.Local, "Z"):
		return d.Local[:len("2006-01-02T15:04:05")]
	}
	loc := time.UTC
	if d.Zone != "" {
		loc, err = zones(d.Zone)
		must(t, err)
	}
	at, err := calendar.DateTime{Local: d.Local}.Instant(loc)
	must(t, err)
	return at.UTC().Format("2006-01-02T15:04:05Z")
}

// TestOtherSoftwareReadsTheICalendarFile lets it expand the series of a backup, over the days on which the clocks change too, and write the file again.
func TestOtherSoftwareReadsTheICalendarFile(t *testing.T) {
	w := newWorld(t)
	w.imports(sample)
	for _, name := range []string{"outlook.ics", "google.ics"} {
		text, err := os.ReadFile(filepath.Join("..", "calendar", "ics", "testdata", name))
		must(t, err)
		f, err := ics.Read(bytes.NewReader(text))
		must(t, err)
		_, err = w.calendar.Import(t.Context(), "me", w.work.ID, f, importing.Options{})
		must(t, err)
	}
	r, _ := w.backUp()
	file := w.file(r.ID, ICS)
	const from, to = "2026-01-01", "2027-06-01"
	got := read(t, file, from, to)
	if len(got.Broken) > 0 {
		t.Errorf("it finds broken: %q", got.Broken)
	}

	c := w.open(r.ID)
	own, err := c.Zones(t.Context())
	must(t, err)
	zones := ics.Lookup(own)
	start, err := time.Parse(time.DateOnly, from)
	must(t, err)
	end, err := time.Parse(time.DateOnly, to)
	must(t, err)
	var want [][]string
	must(t, c.Each(t.Context(), func(k calendar.Kept) error {
		events := []calendar.Event{k.Event}
		if k.Event.Type == calendar.Master {
			var err error
			if events, err = series.Expand(k.Event, k.Exceptions, start, end, zones); err != nil {
				return err
			}
		} else if in, err := series.NewExpander(start, end, zones).Contains(k.Event); err != nil || !in {
			return err
		}
		for _, e := range events {
			want = append(want, []string{e.Subject, told(t, e.Start, e.AllDay, zones), told(t, e.End, e.AllDay, zones)})
		}
		return nil
	}))
	slices.SortFunc(want, slices.Compare[[]string])
	if diff := cmp.Diff(want, got.Instances); diff != "" || len(want) < 50 {
		t.Errorf("what happens (-), and what the other software says (+):\n%s\n%d instances", diff, len(want))
	}

	ours, err := ics.Read(strings.NewReader(file))
	must(t, err)
	theirs, err := ics.Read(strings.NewReader(got.Again))
	must(t, err)
	byID := cmpopts.SortSlices(func(a, b calendar.Event) bool { return a.ID < b.ID })
	for _, f := range []ics.File{ours, theirs} { // the parts of a rule may come in any order
		for _, e := range f.Events {
			if e.Recurrence != nil {
				for i, rule := range e.Recurrence.Rules {
					e.Recurrence.Rules[i] = strings.Join(slices.Sorted(strings.SplitSeq(rule, ";")), ";")
				}
			}
		}
	}
	if diff := cmp.Diff(ours.Events, theirs.Events, byID, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("as we wrote the file (-), and as the other software did (+):\n%s", diff)
	}
}
