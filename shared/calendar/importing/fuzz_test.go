package importing_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
)

// seeds are the small files.
func seeds(f *testing.F) (texts [][]byte) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.ics"))
	must(f, err)
	for _, name := range names {
		texts = append(texts, testdata(f, filepath.Base(name)))
	}
	return texts
}

// FuzzExport checks what is written of a file: it keeps to RFC 5545, and is read again as it was.
func FuzzExport(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := ics.Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		first.Events = slices.DeleteFunc(first.Events, func(e calendar.Event) bool { return !ordered(first, e) })
		write := func(file ics.File) string {
			var b bytes.Buffer
			must(t, ics.Write(&b, file, now))
			return b.String()
		}
		once := write(first)
		lint(t, once)
		second, err := ics.Read(strings.NewReader(once))
		must(t, err)
		if len(second.Aside) > 0 || len(second.Events) != len(first.Events) {
			t.Fatalf("%d events became %d, %v\n%s", len(first.Events), len(second.Events), second.Aside, once)
		}
		again := write(second) // with what only a stamp of the writing says
		third, err := ics.Read(strings.NewReader(again))
		must(t, err)
		if more := write(third); more != again {
			t.Fatalf("written again it is\n%s\nit was\n%s", more, again)
		}
		if got, want := starts(t, second), starts(t, first); got != nil && !slices.Equal(got, want) {
			t.Fatalf("it happens at %q, and did at %q\n%s", got, want, once)
		}
	})
}

// ordered says whether an event ends after it starts, or as it does: any other is invalid, and no calendar keeps it.
func ordered(f ics.File, e calendar.Event) bool {
	zones := ics.Lookup(f.Zones)
	at := func(d calendar.DateTime) (time.Time, error) {
		loc := time.UTC
		if d.Zone != "" {
			var err error
			if loc, err = zones(d.Zone); err != nil {
				return time.Time{}, err
			}
		}
		return calendar.DateTime{Local: d.Local}.Instant(loc)
	}
	start, err := at(e.Start)
	if err != nil {
		return false
	}
	end, err := at(e.End)
	return err == nil && !end.Before(start)
}

// starts lists what happens in a month; nil where that cannot be said.
func starts(t *testing.T, f ics.File) []string {
	events, err := ics.Expand(f, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC))
	if err != nil || len(events) > 2000 {
		return nil
	}
	zones := ics.Lookup(f.Zones)
	all := []string{}
	for _, e := range events {
		all = append(all, told(t, e.Start, e.AllDay, zones)+" "+told(t, e.End, e.AllDay, zones))
	}
	slices.Sort(all)
	return all
}

// FuzzImport imports one file, then another, and that one again.
func FuzzImport(f *testing.F) {
	texts := seeds(f)
	for i, text := range texts {
		f.Add(text, texts[(i+1)%len(texts)])
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		var files []ics.File
		for _, text := range [][]byte{one, other, other} {
			file, err := ics.Read(bytes.NewReader(text))
			if err != nil || len(file.Events) > 500 {
				return
			}
			files = append(files, file)
		}
		w := newWorld(t)
		var last importing.Report
		for _, file := range files {
			report, err := w.provider.Import(context.Background(), account, w.id, file, importing.Options{})
			must(t, err)
			sum := report.Added + report.Changed + report.Unchanged + report.Older + report.Excluded + report.SetAside
			if sum != report.Total || report.Total != len(file.Events)+len(file.Aside) || report.Unchanged < 0 {
				t.Fatalf("%d events, and the report %+v", len(file.Events)+len(file.Aside), report)
			}
			last = report
		}
		if last.Added+last.Changed+last.Removed > 0 {
			t.Fatalf("the same file again: %+v", last)
		}
		exported := w.export()
		lint(t, exported)
		read, err := ics.Read(strings.NewReader(exported))
		must(t, err)
		if len(read.Aside) > 0 {
			t.Fatalf("%v\n%s", read.Aside, exported)
		}
	})
}
