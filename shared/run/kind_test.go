package run

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/telemetry"
)

// tally is the result of kinds that were made up.
type tally struct {
	Written int `json:"written"`
}

func (t *tally) Wrote() int   { return t.Written }
func (t *tally) Sums() string { return fmt.Sprintf("%d written", t.Written) }

// described is a kind that was made up, of which nothing is missing.
func described(kind Kind) Description {
	return Description{
		Kind: kind, Title: "A run", Queue: ArchiveQueue, Empty: func() Result { return &tally{} }, Member: string(kind) + "_result",
		Reports: "What it wrote.", Words: AsAnyRun,
	}
}

// madeUp are kinds, of which one is counted.
func madeUp() Kinds {
	archive := described(Archive)
	archive.Counts = telemetry.AppointmentsArchived
	return MustKinds(archive, described(Restore))
}

// plain is a result that nothing can be read into.
type plain struct{}

func (plain) Wrote() int   { return 0 }
func (plain) Sums() string { return "" }

func TestAKindThatIsNotDescribedInFullIsNone(t *testing.T) {
	for missing, change := range map[string]func(*Description){
		"kind":             func(d *Description) { d.Kind = "" },
		"title":            func(d *Description) { d.Title = "" },
		"queue":            func(d *Description) { d.Queue = "" },
		"empty result":     func(d *Description) { d.Empty = nil },
		"member":           func(d *Description) { d.Member = "" },
		"what it reports":  func(d *Description) { d.Reports = "" },
		"words":            func(d *Description) { d.Words = nil },
		"like kind":        func(d *Description) { d.Kind = Backup },
		`kind "backup"`:    func(d *Description) { d.Member = described(Backup).Member },
		"queue ":           func(d *Description) { d.Queue = "nightly" }, // nobody works it off
		"empty result ":    func(d *Description) { d.Empty = func() Result { return nil } },
		"empty result  ":   func(d *Description) { d.Empty = func() Result { return (*tally)(nil) } },
		"empty result    ": func(d *Description) { d.Empty = func() Result { return plain{} } },
	} {
		t.Run(missing, func(t *testing.T) {
			d := described(Drill)
			change(&d)
			kinds, err := NewKinds(described(Backup), d)
			if kinds != nil || err == nil || !strings.Contains(err.Error(), strings.TrimSpace(missing)) || !strings.Contains(err.Error(), d.Title) {
				t.Errorf("got %v, %v", kinds, err)
			}
			defer func() {
				if p := recover(); p == nil {
					t.Error("a program starts with it")
				}
			}()
			MustKinds(described(Backup), d)
		})
	}
}

func TestKinds(t *testing.T) {
	job := described("verify")
	job.Job = &JobTerms{Days: true}
	kinds := MustKinds(described(Drill), job, described(Archive))
	if got := kinds.Names(); !slices.Equal(got, []Kind{Archive, Drill, "verify"}) {
		t.Errorf("the kinds are %v", got)
	}
	if got := kinds.ForJobs(); !slices.Equal(got, []Kind{"verify"}) {
		t.Errorf("those of jobs are %v", got)
	}
	if d := kinds.Of(Drill); d.Title != "A run" || d.Member != "drill_result" {
		t.Errorf("got %+v", d)
	}
	d := kinds.Of("dream")
	if words := d.Words(&Run{}, nil); d.Kind != "dream" || d.Title != "Run" || d.Job != nil || d.Counts != "" || !cmp.Equal(words, Words{}) {
		t.Errorf("one that is not there: %+v", d)
	}
}

func TestResult(t *testing.T) {
	kinds := madeUp()
	for name, c := range map[string]struct {
		run  Run
		want Result
		err  fault.Kind
	}{
		"as its kind has it":       {Run{Kind: Archive, Result: json.RawMessage(`{"written": 7, "more": 1}`)}, &tally{7}, 0},
		"none yet":                 {Run{Kind: Archive}, nil, 0},
		"of a kind that is not":    {Run{Kind: "dream", Result: json.RawMessage(`{"written": 7}`)}, nil, 0},
		"that cannot be read":      {Run{ID: "R1", Kind: Archive, Result: json.RawMessage(`{"written": "x"}`)}, nil, fault.Malformed},
		"that is of another shape": {Run{ID: "R1", Kind: Archive, Result: json.RawMessage(`[]`)}, nil, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kinds.Result(&c.run)
			if !cmp.Equal(got, c.want) || (err == nil) != (c.err == 0) || err != nil && (fault.Of(err) != c.err || !strings.Contains(err.Error(), "R1")) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	first, _ := kinds.Result(&Run{Kind: Archive, Result: json.RawMessage(`{"written": 7}`)})
	second, _ := kinds.Result(&Run{Kind: Archive, Result: json.RawMessage(`{}`)})
	if first.Wrote() != 7 || second.Wrote() != 0 {
		t.Errorf("two results are one: %+v, %+v", first, second)
	}
}

func TestDaysInWords(t *testing.T) {
	day := calendar.Date{Year: 2026, Month: 10, Day: 5}
	for want, r := range map[string]Run{
		"all days": {}, "2026-10-05": {From: day, To: day}, "2026-10-05 to 2026-10-06": {From: day, To: day.AddDays(1)},
	} {
		if got := r.Days(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
