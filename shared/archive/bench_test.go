package archive

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
)

var year = calendar.Window{From: date("2026-01-01"), To: date("2026-12-31"), Zone: berlin}

// told returns the event with a time: it begins minute minutes into 2026, in UTC, and takes minutes.
func told(e calendar.Event, minute, minutes int) calendar.Event {
	start := time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)
	e.Start = calendar.DateTime{Local: start.Format("2006-01-02T15:04:05.0000000"), Zone: "UTC"}
	e.End = calendar.DateTime{Local: start.Add(time.Duration(minutes) * time.Minute).Format("2006-01-02T15:04:05.0000000"), Zone: "UTC"}
	return e
}

// realEvents returns n events of one year, in a mix as calendars have it: bodies and attendees, series, categories, travel, duplicates, and one
// modification in a hundred.
func realEvents(n int) []calendar.Event {
	r := rand.New(rand.NewPCG(1, 2))
	subjects := []string{"Acme review", "Stand-up", "Planning of the quarter", "1:1 with Ann", "Flight to Oslo", "Lunch", "Café with the team"}
	sets := [][]string{nil, {"Acme - billable"}, {"Globex - non-billable"}, {"Online", "Acme - billable"}, {"Admin - non-billable"}}
	events := make([]calendar.Event, 0, n)
	for i := range n {
		e := calendar.Event{
			ID: fmt.Sprintf("AAMkAGI2TG93AAA%08d=", i*7919%n), ICalUID: fmt.Sprintf("040000008200E00074C5B7101A82E008%016d", i), Type: calendar.Single,
			Subject: fmt.Sprintf("%s %d", subjects[r.IntN(len(subjects))], i%500), Categories: sets[r.IntN(len(sets))],
			ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
			Response: calendar.Accepted, StartZone: "W. Europe Standard Time", EndZone: "W. Europe Standard Time", Location: "Room 7",
			Body:      calendar.Body{ContentType: "html", Content: "<html><body><p>Agenda: what there is to say about it, and who says it.</p></body></html>"},
			Organizer: calendar.Person{Name: "Olga", Address: "olga@example.com"}, LastModified: time.Unix(int64(1_760_000_000+i), 0), ChangeKey: "k",
			Attendees: []calendar.Attendee{
				{Person: calendar.Person{Name: "Ann", Address: "ann@example.com"}, Type: "required"},
				{Person: calendar.Person{Name: "Bob", Address: "bob@example.com"}, Type: "optional"},
			},
		}
		minute, minutes := 15*r.IntN(4*24*360), 15*(1+r.IntN(8))
		switch r.IntN(20) {
		case 0:
			e.ShowAs = calendar.Free
		case 1, 2:
			e.ShowAs = calendar.Tentative
		case 3:
			e.Cancelled = true
		case 4:
			e.AllDay = true
			minute, minutes = minute/1440*1440, 1440
		case 5, 6, 7, 8, 9:
			e.Type, e.ICalUID = calendar.Occurrence, fmt.Sprintf("040000008200E00074C5B7101A82E008%016d", i%100)
			e.OriginalStart = time.Date(2026, 1, 1, 0, minute, i, 0, time.UTC)
		}
		if e = told(e, minute, minutes); i%100 == 99 { // the event before it went on for a quarter of an hour
			e.Subject, e.Categories, e.ShowAs, e.AllDay = "Extended: "+e.ID, nil, calendar.Busy, false
			at, err := events[i-1].End.Instant(time.UTC)
			if err != nil {
				panic(err)
			}
			e = told(e, int(at.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Minutes()), 15)
		}
		events = append(events, e)
	}
	return events
}

func benchmark(b *testing.B, events []calendar.Event, s Settings, held []Standing) {
	b.ReportAllocs()
	var plan Plan
	for b.Loop() {
		plan = newPlan(events, year, s, held)
	}
	if !plan.Balanced() {
		b.Fatal(plan.Counts)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(1, len(events))), "ns/event")
}

func BenchmarkPlan(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1k", 1_000}, {"10k", 10_000}, {"100k", 100_000}} {
		b.Run(size.name, func(b *testing.B) { benchmark(b, realEvents(size.n), settings, nil) })
	}
	b.Run("100k unchanged", func(b *testing.B) {
		events := realEvents(100_000)
		benchmark(b, events, settings, heldOf(newPlan(events, year, settings, nil)))
	})
}

// heldOf is heldAfter without JSON in between.
func heldOf(p Plan) (held []Standing) {
	for i := range p.Items {
		if it := &p.Items[i]; it.Outcome == Archived {
			held = append(held, Standing{
				Key: it.Key, SourceHash: it.Hash, Outcome: ledger.Archived, EventID: it.EventID, Lineage: it.Event.ICalUID, Appointment: it.Appointment,
			})
		}
	}
	return held
}

// BenchmarkPlanOfHostileCalendars plans calendars of 100,000 events, for which a step that compares all pairs would be slow.
func BenchmarkPlanOfHostileCalendars(b *testing.B) {
	const n = 100_000
	calendarOf := func(event func(i int) calendar.Event) []calendar.Event {
		events := make([]calendar.Event, n)
		for i := range events {
			events[i] = event(i)
		}
		return events
	}
	plain := func(i int, more ...with) calendar.Event { return busy(fmt.Sprintf("e%06d", i), "", "", more...) }
	freeHeld := heldOf(newPlan(calendarOf(func(i int) calendar.Event { return told(plain(i, shown(calendar.Free)), 60+i%2, 60) })[:n/2], year, keeping, nil))
	wholeYear := heldOf(newPlan(calendarOf(func(i int) calendar.Event { return told(plain(i), i%60, 500_000) })[:n/2], year, keeping, nil))

	for _, shape := range []struct {
		name     string
		settings Settings
		held     []Standing
		event    func(i int) calendar.Event
	}{
		{"all at the same time", settings, nil, func(i int) calendar.Event { return told(plain(i), 600, 60) }},
		{"all free at the same time", settings, nil, func(i int) calendar.Event { return told(plain(i, shown(calendar.Free)), 600, 60) }},
		{"all duplicates", settings, nil, func(i int) calendar.Event { return told(plain(i, subject("x")), 600, 60) }},
		{"a chain of collisions", settings, nil, func(i int) calendar.Event { return told(plain(i), 5*i, 6) }},
		{"one long appointment over all others", settings, nil, func(i int) calendar.Event {
			if i == 0 {
				return told(plain(i, high), 0, 500_000)
			}
			return told(plain(i), 5*i, 5)
		}},
		{"half long ones over half short ones, of lower rank", settings, nil, func(i int) calendar.Event {
			if i%2 == 0 {
				return told(plain(i), i/2, 300_000)
			}
			return told(plain(i, shown(calendar.Tentative)), 3*i, 2)
		}},
		{"half modifications on one spot of half originals", keeping, nil, func(i int) calendar.Event {
			if i%2 == 0 {
				return told(plain(i), 600, 60)
			}
			return told(plain(i, subject(fmt.Sprintf("Extended: %d", i))), 660, 0)
		}},
		{"half shortenings of half empty appointments", keeping, nil, func(i int) calendar.Event {
			if i%2 == 0 {
				return told(plain(i), 600, 0)
			}
			return told(plain(i, subject(fmt.Sprintf("Shortened: %d", i))), 600, 0)
		}},
		{"half modifications with other categories than half originals", keeping, nil, func(i int) calendar.Event {
			if i%2 == 0 {
				return told(plain(i, categories(fmt.Sprint(i))), 600, 60)
			}
			return told(plain(i, categories(fmt.Sprint(i)), subject(fmt.Sprintf("Late start: %d", i))), 600, 1)
		}},
		{"all modifications", settings, nil, func(i int) calendar.Event {
			return told(plain(i, subject(fmt.Sprintf("Shortened: %d", i))), 600, 60)
		}},
		{"one iCalUId", settings, nil, func(i int) calendar.Event { return told(plain(i, uid("u")), 5*i, 5) }},
		{"one key", settings, nil, func(i int) calendar.Event {
			return told(plain(i, originally("2026-01-01T00:00:00Z"), uid("u")), 5*i, 5)
		}},
		{"free ones that all drifted onto one spot", accepting, freeHeld, func(i int) calendar.Event { return told(plain(i, shown(calendar.Free)), 61-i%2, 60) }},
		{"conflicts of each with all that is held", settings, wholeYear, func(i int) calendar.Event { return told(plain(n+i), 100+4*i, 4) }},
	} {
		b.Run(shape.name, func(b *testing.B) { benchmark(b, calendarOf(shape.event), shape.settings, shape.held) })
	}
}

// hundredRules are as many rules as there may be, of all kinds, with several texts each. Some match a part of realEvents.
func hundredRules(t fataler) *rule.Set {
	var rules []rule.Rule
	for i := range rule.MaxRules {
		c := rule.Condition{Field: rule.Subject}
		switch i % 5 {
		case 0:
			c.Op, c.Any = rule.Contains, []string{fmt.Sprintf("review %d", i), fmt.Sprintf("kick-off %d", i), "retrospective"}
		case 1:
			c.Op, c.Any = rule.Word, []string{fmt.Sprintf("planning %d", i), fmt.Sprint(400 + i)}
		case 2:
			c.Op, c.Any = rule.Regex, []string{fmt.Sprintf(`^(project|task) %d\b.*(review|demo)`, i), fmt.Sprintf(`stand-?up\s+%d$`, i)}
		case 3:
			c.Field, c.Op, c.Any = rule.AttendeeDomain, rule.Domain, []string{fmt.Sprintf("customer%d.example", i), "example.org"}
		case 4:
			c.Field, c.Op, c.Any = rule.StartTime, rule.AtLeast, []string{fmt.Sprintf("%02d:30", i%24)}
		}
		r := rule.Rule{ID: fmt.Sprint("r", i), Name: "n", On: true, All: []rule.Condition{c}, Then: rule.Effect{Category: fmt.Sprintf("Customer %d - billable", i)}}
		if c.Field == rule.StartTime {
			r.All = append(r.All, rule.Condition{Field: rule.OrganiserDomain, Op: rule.Equals, Any: []string{"acme.example"}})
		}
		rules = append(rules, r)
	}
	set, err := rule.Compile(rules)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return set
}

// BenchmarkRules makes the plan of 100,000 events with 100 rules and without any, and tells how many times as long the former takes. Once the subjects of
// events repeat as they do in calendars, once no two are alike.
func BenchmarkRules(b *testing.B) {
	for _, shape := range []struct {
		name    string
		subject func(e *calendar.Event, i int)
	}{
		{"subjects that repeat", func(*calendar.Event, int) {}},
		{"subjects that are all different", func(e *calendar.Event, i int) { e.Subject = fmt.Sprintf("%s, item %d", e.Subject, i) }},
	} {
		b.Run(shape.name, func(b *testing.B) {
			events := realEvents(100_000)
			for i := range events {
				shape.subject(&events[i], i)
			}
			in := Input{Events: events, Window: year, Settings: settings}
			rules := hundredRules(b)
			var without, with time.Duration
			for b.Loop() {
				in.Rules = nil
				start := time.Now()
				NewPlan(in)
				without += time.Since(start)
				in.Rules = rules
				start = time.Now()
				NewPlan(in)
				with += time.Since(start)
			}
			b.ReportMetric(with.Seconds()/without.Seconds(), "times-without")
		})
	}
}

// TestAHundredRulesCostAPlanLittleMemory compares allocations, which are the same on every machine.
func TestAHundredRulesCostAPlanLittleMemory(t *testing.T) {
	in := Input{Events: realEvents(5_000), Window: year, Settings: settings}
	without := testing.AllocsPerRun(1, func() { NewPlan(in) })
	in.Rules = hundredRules(t)
	if with := testing.AllocsPerRun(1, func() { NewPlan(in) }); with > 1.5*without {
		t.Errorf("%.0f allocations with rules, %.0f without", with, without)
	}
}

// TestWritingAPlanTakesLittleMemory counts the bytes that are asked for, which are the same on every machine.
func TestWritingAPlanTakesLittleMemory(t *testing.T) {
	plan := NewPlan(Input{Events: realEvents(5_000), Window: year, Settings: settings})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := plan.WriteJSON(io.Discard)
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(len(plan.Items)); err != nil || each > 300 {
		t.Errorf("writing an item took %d bytes, %v", each, err)
	}
}

// TestPlanningTakesLittleMemory counts the bytes that are asked for where no two events share time, which are the same on every machine.
func TestPlanningTakesLittleMemory(t *testing.T) {
	const n = 5_000
	start := year.Start()
	events := make([]calendar.Event, n)
	for i := range events {
		e := &events[i]
		e.ID, e.ICalUID, e.Subject = fmt.Sprint("id", i), fmt.Sprint("uid", i), "Review"
		e.Start = calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"}
		start = start.Add(5 * time.Minute)
		e.End = calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	NewPlan(Input{Events: events, Window: year, Settings: settings})
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 1100 {
		t.Errorf("an event took %d bytes", each)
	}
}

// TestEventsOfAFileShareTheirAttendees looks at where they are.
func TestEventsOfAFileShareTheirAttendees(t *testing.T) {
	group := func(names ...string) (e calendar.Event) {
		for _, name := range names {
			e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Name: name, Address: name + "@example.com"}})
		}
		return e
	}
	events := []calendar.Event{group("ann", "bob"), group("ann", "bob"), group("bob", "ann"), group("ann"), group(), group("annbob", "")}
	optional, accepted := group("ann"), group("ann")
	optional.Attendees[0].Type, accepted.Attendees[0].Response = "optional", calendar.Accepted
	events = append(events, optional, accepted)
	want := fmt.Sprint(events)
	var lean Lean
	for i := range events {
		lean.Event(&events[i])
	}
	if fmt.Sprint(events) != want {
		t.Errorf("they became %v", events)
	}
	if &events[0].Attendees[0] != &events[1].Attendees[0] {
		t.Error("the same attendees are kept twice")
	}
}
