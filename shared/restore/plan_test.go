package restore_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
)

// plan returns what is planned about each thing of the file, by its UID and subject.
func plan(t interface{ Fatal(...any) }, s restore.Settings, file, calendar []calendar.Kept) (outcomes []string, items []restore.Item) {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Scope == "" {
		s.Scope = "calendar#1"
	}
	p := restore.NewPlanner(s, loadZone, loadZone)
	for i := range file {
		p.Incoming(&file[i])
	}
	for i := range calendar {
		p.Existing(&calendar[i])
	}
	if err := p.Items(func(it restore.Item) error {
		e := &file[len(items)].Event
		items = append(items, it)
		outcomes = append(outcomes, fmt.Sprintf("%s %q: %s %s", e.ICalUID, e.Subject, it.Outcome, it.Existing))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return outcomes, items
}

func loadZone(name string) (*time.Location, error) { return calendar.LoadZone(name) }

// with returns a thing changed.
func with(k calendar.Kept, change func(*calendar.Event)) calendar.Kept {
	change(&k.Event)
	return k
}

// there is an event of the calendar with another id and UID than the file's.
func there(id string, k calendar.Kept) calendar.Kept {
	return with(k, func(e *calendar.Event) { e.ID, e.ICalUID = id, id+"@elsewhere" })
}

func TestPlan(t *testing.T) {
	lunch := single("lunch@example.com", "Lunch", "2026-10-05T12:00", "2026-10-05T13:00")
	moved := with(lunch, func(e *calendar.Event) { e.ID, e.Start, e.End = "e1", at("2026-10-06T12:00"), at("2026-10-06T13:00") })
	invited := with(lunch, func(e *calendar.Event) {
		e.ID, e.IsOrganizer, e.Attendees = "e1", true, []calendar.Attendee{{Person: calendar.Person{Address: "ann@example.com"}}}
	})
	_, first := plan(t, restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch}, nil)
	if first[0].Outcome != restore.Created {
		t.Fatalf("%+v", first)
	}
	weekly := weekly()
	for _, test := range []struct {
		name           string
		settings       restore.Settings
		file, calendar []calendar.Kept
		want           []restore.Outcome
		existing       []string
	}{
		{"what is missing is created", restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch}, []calendar.Kept{weekly},
			[]restore.Outcome{restore.Created}, []string{""}},
		{"the same UID is the same event, wherever it moved", restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch},
			[]calendar.Kept{moved}, []restore.Outcome{restore.Skipped}, []string{"e1"}},
		{"replace takes the place of the same UID", restore.Settings{Policy: restore.Replace}, []calendar.Kept{lunch}, []calendar.Kept{moved},
			[]restore.Outcome{restore.Replaced}, []string{"e1"}},
		{"duplicate looks at nothing", restore.Settings{Policy: restore.Duplicate}, []calendar.Kept{lunch}, []calendar.Kept{moved},
			[]restore.Outcome{restore.Created}, []string{""}},
		{"the same subject and times are the same, whatever case and space", restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch},
			[]calendar.Kept{there("e1", with(lunch, func(e *calendar.Event) { e.Subject = " LUNCH " }))}, []restore.Outcome{restore.Skipped}, []string{"e1"}},
		{"the same instants in another zone are the same times", restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch},
			[]calendar.Kept{there("e1", with(lunch, func(e *calendar.Event) {
				e.Start, e.End = calendar.DateTime{Local: "2026-10-05T10:00:00Z"}, calendar.DateTime{Local: "2026-10-05T11:00:00", Zone: "UTC"}
			}))}, []restore.Outcome{restore.Skipped}, []string{"e1"}},
		{"another end is another event", restore.Settings{Policy: restore.Skip}, []calendar.Kept{lunch},
			[]calendar.Kept{there("e1", with(lunch, func(e *calendar.Event) { e.End = at("2026-10-05T13:30") }))}, []restore.Outcome{restore.Created}, []string{""}},
		{"a day is not the hours from midnight to midnight", restore.Settings{Policy: restore.Skip}, []calendar.Kept{allDay()},
			[]calendar.Kept{there("e1", with(allDay(), func(e *calendar.Event) { e.AllDay = false }))}, []restore.Outcome{restore.Created}, []string{""}},
		{"events without a subject are not alike", restore.Settings{Policy: restore.Skip}, []calendar.Kept{with(lunch, func(e *calendar.Event) { e.Subject = "" })},
			[]calendar.Kept{there("e1", with(lunch, func(e *calendar.Event) { e.Subject = "" }))}, []restore.Outcome{restore.Created}, []string{""}},
		{"of two that are alike in the file one is missing where the calendar has one", restore.Settings{Policy: restore.Skip},
			[]calendar.Kept{there("f2", lunch), there("f1", lunch)}, []calendar.Kept{there("e1", lunch)}, nil, nil},
		{"an event that one has by its UID is not left for another that is alike", restore.Settings{Policy: restore.Replace},
			[]calendar.Kept{there("f1", lunch), lunch}, []calendar.Kept{with(lunch, func(e *calendar.Event) { e.ID = "e1" })},
			[]restore.Outcome{restore.Created, restore.Replaced}, []string{"", "e1"}},
		{"series are the same when their rules are, however written", restore.Settings{Policy: restore.Skip}, []calendar.Kept{weekly},
			[]calendar.Kept{there("e1", with(weekly, func(e *calendar.Event) {
				e.Recurrence = &calendar.Recurrence{Rules: []string{"freq=weekly;count=12;interval=1;byday=mo;wkst=mo"}}
			}))}, []restore.Outcome{restore.Skipped}, []string{"e1"}},
		{"series of other rules are not", restore.Settings{Policy: restore.Skip}, []calendar.Kept{weekly},
			[]calendar.Kept{there("e1", with(weekly, func(e *calendar.Event) {
				e.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=11;BYDAY=MO"}}
			}))}, []restore.Outcome{restore.Created}, []string{""}},
		{"an event is not replaced when people would be told", restore.Settings{Policy: restore.Replace, Notifies: true}, []calendar.Kept{lunch},
			[]calendar.Kept{invited}, []restore.Outcome{restore.Refused}, []string{"e1"}},
		{"a series is not replaced when people would be told of one of its instances", restore.Settings{Policy: restore.Replace, Notifies: true},
			[]calendar.Kept{weekly},
			[]calendar.Kept{{Event: with(weekly, func(e *calendar.Event) { e.ID, e.IsOrganizer = "e1", true }).Event,
				Exceptions: []calendar.Event{with(invited, func(e *calendar.Event) { e.IsOrganizer = false }).Event}}},
			[]restore.Outcome{restore.Refused}, []string{"e1"}},
		{"nobody is told by a local calendar", restore.Settings{Policy: restore.Replace}, []calendar.Kept{lunch}, []calendar.Kept{invited},
			[]restore.Outcome{restore.Replaced}, []string{"e1"}},
		{"who was invited by somebody else tells nobody", restore.Settings{Policy: restore.Replace, Notifies: true}, []calendar.Kept{lunch},
			[]calendar.Kept{with(invited, func(e *calendar.Event) { e.IsOrganizer = false })}, []restore.Outcome{restore.Replaced}, []string{"e1"}},
		{"the copy of an archive is not replaced", restore.Settings{Policy: restore.Replace}, []calendar.Kept{lunch},
			[]calendar.Kept{with(lunch, func(e *calendar.Event) { e.ID, e.Mark = "e1", "C1/abc/1" })}, []restore.Outcome{restore.Refused}, []string{"e1"}},
		{"times that cannot be read fail alone", restore.Settings{Policy: restore.Skip},
			[]calendar.Kept{with(lunch, func(e *calendar.Event) { e.Start.Zone = "Nowhere" }), there("f1", lunch)}, nil,
			[]restore.Outcome{restore.Failed, restore.Created}, []string{"", ""}},
		{"an end before the start fails", restore.Settings{Policy: restore.Skip},
			[]calendar.Kept{with(lunch, func(e *calendar.Event) { e.End = at("2026-10-05T11:00") })}, nil, []restore.Outcome{restore.Failed}, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, items := plan(t, test.settings, test.file, test.calendar)
			if test.want == nil { // which one does not matter, but that it is one
				got := map[restore.Outcome]int{}
				for _, it := range items {
					got[it.Outcome]++
				}
				if diff := cmp.Diff(map[restore.Outcome]int{restore.Created: 1, restore.Skipped: 1}, got); diff != "" {
					t.Error(diff)
				}
				return
			}
			for i, it := range items {
				if it.Outcome != test.want[i] || it.Existing != test.existing[i] || it.Outcome == restore.Refused && it.Reason == "" {
					t.Errorf("item %d: %+v, want %s %q", i, it, test.want[i], test.existing[i])
				}
			}
		})
	}
}

func TestPlanOfAPeriod(t *testing.T) {
	berlin, _ := calendar.LoadZone("Europe/Berlin")
	s := restore.Settings{Policy: restore.Skip, From: time.Date(2026, 10, 12, 0, 0, 0, 0, berlin), To: time.Date(2026, 10, 19, 0, 0, 0, 0, berlin), Zone: berlin}
	_, items := plan(t, s, []calendar.Kept{
		single("before", "Before", "2026-10-11T22:00", "2026-10-12T00:00"),
		single("into", "Into it", "2026-10-11T23:00", "2026-10-12T00:30"),
		single("after", "After", "2026-10-19T00:00", "2026-10-19T01:00"),
		single("empty", "A moment", "2026-10-12T00:00", "2026-10-12T00:00"),
		weekly(),
		with(weekly(), func(e *calendar.Event) { e.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=YEARLY"}} }),
	}, nil)
	var got []restore.Outcome
	for _, it := range items {
		got = append(got, it.Outcome)
	}
	// the last one by its exception
	want := []restore.Outcome{restore.Outside, restore.Created, restore.Outside, restore.Created, restore.Created, restore.Created}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// someThings draws what a file or a calendar holds, from few words and times, so that many are alike.
func someThings(t *rapid.T, label string) []calendar.Kept {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) calendar.Kept {
		uid := rapid.SampledFrom([]string{"", "u1", "u2", "u3", "u4"}).Draw(t, "uid")
		day := rapid.IntRange(1, 3).Draw(t, "day")
		k := single(uid, rapid.SampledFrom([]string{"", "Lunch", "lunch ", "Review"}).Draw(t, "subject"), fmt.Sprintf("2026-10-%02dT09:00", day),
			fmt.Sprintf("2026-10-%02dT10:00", day))
		if rapid.Bool().Draw(t, "series") {
			k.Event.Type, k.Event.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=DAILY;COUNT=3"}}
		}
		return k
	}), 0, 8).Draw(t, label)
}

// calendarOf gives the things ids of their own.
func calendarOf(things []calendar.Kept) []calendar.Kept {
	things = slices.Clone(things)
	for i := range things {
		things[i].Event.ID = fmt.Sprintf("e%d", i)
	}
	return things
}

func TestAPlanDependsOnNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, calendar := someThings(t, "file"), calendarOf(someThings(t, "calendar"))
		s := restore.Settings{Policy: rapid.SampledFrom([]restore.Policy{restore.Skip, restore.Replace, restore.Duplicate}).Draw(t, "policy")}
		one, _ := plan(t, s, file, calendar)
		other, _ := plan(t, s, rapid.Permutation(file).Draw(t, "file again"), rapid.Permutation(calendar).Draw(t, "calendar again"))
		count := func(all []string) map[string]int {
			n := map[string]int{}
			for _, o := range all {
				n[o]++
			}
			return n
		}
		if diff := cmp.Diff(count(one), count(other)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEachEventIsTakenByOneThing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file, calendar := someThings(t, "file"), calendarOf(someThings(t, "calendar"))
		_, items := plan(t, restore.Settings{Policy: restore.Replace}, file, calendar)
		taken, keys := map[string]bool{}, map[string]bool{}
		for _, it := range items {
			if keys[it.Key] || it.Existing != "" && taken[it.Existing] {
				t.Fatalf("%+v again", it)
			}
			keys[it.Key] = true
			if it.Existing != "" {
				taken[it.Existing] = true
			}
		}
		if len(items) != len(file) {
			t.Fatalf("%d items of %d things", len(items), len(file))
		}
	})
}

func TestRestoringTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.file = memory{things: someThings(rt, "calendar")}
		w.restore(restore.Duplicate)
		w.file = memory{things: someThings(rt, "file")}
		policy := rapid.SampledFrom([]restore.Policy{restore.Skip, restore.Replace}).Draw(rt, "policy")
		_, result := w.restore(policy)
		if c := result.Counts; !c.Balanced() || c.Read != len(w.file.things) || c.Failed+c.Refused > 0 {
			rt.Fatalf("%+v", c)
		}
		first := w.canonical(w.kept(uri("Copy")))
		_, again := w.restore(policy)
		if c := again.Counts; !c.Balanced() || c.Created > 0 || c.Failed+c.Refused > 0 {
			rt.Fatalf("again %+v", c)
		}
		if diff := cmp.Diff(first, w.canonical(w.kept(uri("Copy")))); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.file = memory{things: someThings(rt, "file")}
		w.restore(restore.Skip)
		count := func(all []string) map[string]int {
			n := map[string]int{}
			for _, told := range all {
				n[told]++
			}
			return n
		}
		if diff := cmp.Diff(count(w.canonical(w.file)), count(w.canonical(w.kept(uri("Copy"))))); diff != "" {
			rt.Fatalf("%v\n%s", slices.Sorted(maps.Keys(count(w.canonical(w.file)))), diff)
		}
	})
}

// BenchmarkPlan decides about the largest file and the largest calendar there may be.
func BenchmarkPlan(b *testing.B) {
	file := make([]calendar.Kept, backup.MaxEvents)
	for i := range file {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
		file[i] = single(fmt.Sprintf("%d@example.com", i), fmt.Sprintf("Work %d", i%500), at.Format("2006-01-02T15:04"), at.Add(time.Hour).Format("2006-01-02T15:04"))
	}
	there := calendarOf(file)
	b.ReportAllocs()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		p := restore.NewPlanner(restore.Settings{Policy: restore.Replace, Scope: "calendar#1", Zone: time.UTC}, loadZone, loadZone)
		for i := range file {
			p.Incoming(&file[i])
		}
		for i := range there {
			p.Existing(&there[i])
		}
		if err := p.Items(func(restore.Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(p)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(file)), "bytes/thing")
	}
}
