package archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// about is a rule about events whose subject contains a text.
func about(id, text string, then rule.Effect) rule.Rule {
	return rule.Rule{
		ID: id, Name: id, On: true, Then: then, All: []rule.Condition{{Field: rule.Subject, Op: rule.Contains, Any: []string{text}}},
	}
}

func (w *world) tryouts(table store.Table) *archive.Tryouts {
	return &archive.Tryouts{Ledger: ledger.New(table, w.Blobs, w.Key), Runs: run.NewStore(table), Blobs: w.Blobs}
}

func october(t *testing.T) calendar.Window {
	zone, err := calendar.LoadZone("Europe/Berlin")
	must(t, err)
	return calendar.Window{From: day("2026-10-01"), To: day("2026-10-31"), Zone: zone}
}

// told says what a tryout found.
func told(x *archive.Tryout) (changed, minutes, rules []string) {
	for _, c := range x.Changed {
		changed = append(changed, fmt.Sprintf("%s: %s%s %s -> %s%s %s by %v", c.After.Appointment.Subject, c.Before.Outcome, c.Before.Reason,
			c.Before.Appointment.Customer, c.After.Outcome, c.After.Reason, c.After.Appointment.Customer, c.Rules))
	}
	for _, m := range x.Minutes {
		minutes = append(minutes, fmt.Sprintf("%s %s %v -> %v", m.Customer, m.BillingType, m.Before, m.After))
	}
	for _, r := range x.Rules {
		rules = append(rules, fmt.Sprintf("%s %d/%d %s %v", r.Rule.ID, r.Acted, r.Matched, r.State, r.By))
	}
	return changed, minutes, rules
}

func uncategorised(d *calendar.Draft) { d.Categories = nil }

func TestRulesAreTriedOnWhatTheLedgerHas(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) {
		c.Rules = []rule.Rule{about("globex", "globex", rule.Effect{Category: "Globex - billable"})}
	})
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Globex call", "2026-10-05T11:00", "2026-10-05T11:30", uncategorised)
	w.add("Extended", "2026-10-05T11:30", "2026-10-05T11:45", uncategorised)
	w.add("Initech lunch", "2026-10-05T13:00", "2026-10-05T14:00", uncategorised)
	w.add("Gym", "2026-10-05T13:30", "2026-10-05T14:00", uncategorised, func(d *calendar.Draft) { d.ShowAs = calendar.Tentative })
	w.add("Dropped", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Corrected globex", "2026-10-06T11:00", "2026-10-06T12:00", uncategorised)
	w.add("Elsewhere", "2026-09-30T09:00", "2026-09-30T10:00")
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Dropped":          {Word: decision.Withdraw},
		"Corrected globex": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Umbrella - billable"}}},
	})}})

	counted := &store.Counter{Table: w.Table}
	globex, initech := c.Rules[0], about("initech", "initech", rule.Effect{Category: "Initech - non-billable", Privacy: "confidential"})
	x, err := w.tryouts(counted).Try(t.Context(), user, &c, c.Rules, []rule.Rule{
		about("none", "nobody", rule.Effect{Travel: true}), initech, about("late", "INITECH", rule.Effect{Category: "Other - billable"}),
		about("own", "acme", rule.Effect{Category: "Other - billable"}), about("gym", "initech", rule.Effect{Exclude: true}),
		{ID: "off", Name: "off", All: globex.All, Then: globex.Then},
	}, october(t))
	must(t, err)
	changed, minutes, rules := told(x)
	if want := []string{
		"Globex call: archived Globex -> archived  by [globex]",
		"Initech lunch: archived  -> excludedrule:gym Initech by [gym initech]",
		"Gym: supersededrank  -> archived  by []",
	}; !slices.Equal(changed, want) {
		t.Errorf("changed\n%s\nwant\n%s", strings.Join(changed, "\n"), strings.Join(want, "\n"))
	}
	if want := []string{"  60 -> 75", "Acme billable 60 -> 60", "Globex billable 45 -> 0", "Umbrella billable 60 -> 60"}; !slices.Equal(minutes, want) {
		t.Errorf("minutes %q, want %q", minutes, want)
	}
	if want := []string{
		"none 0/0 dead []", "initech 1/1 acts []", "late 0/1 shadowed [gym]", "own 0/1 idle []", "gym 1/1 acts []", "off 0/0 off []",
	}; !slices.Equal(rules, want) {
		t.Errorf("rules %q, want %q", rules, want)
	}
	if x.Before.Archived != 4 || x.Before.Superseded != 2 || x.After.Excluded != 1 || !x.Before.Balanced() || !x.After.Balanced() {
		t.Errorf("before %v\nafter %v", x.Before, x.After)
	}
	if counted.Requests() > 10 {
		t.Errorf("it took %d requests", counted.Requests())
	}

	t.Run("the same rules change nothing", func(t *testing.T) {
		x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, c.Rules, c.Rules, october(t))
		must(t, err)
		if len(x.Changed) != 0 || !reflect.DeepEqual(x.Before, x.After) {
			t.Errorf("%d changed: %v, %v", len(x.Changed), x.Before, x.After)
		}
	})
	t.Run("a window that is too long", func(t *testing.T) {
		long := october(t)
		long.To = long.From.AddDays(400)
		if _, err := w.tryouts(w.Table).Try(t.Context(), user, &c, nil, nil, long); fault.Of(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
		long.To = long.From.AddDays(399)
		if _, err := w.tryouts(w.Table).Try(t.Context(), user, &c, nil, nil, long); err != nil {
			t.Errorf("400 days: %v", err)
		}
	})
}

func TestWhatModificationsDidCountsInATryout(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Late start", "2026-10-05T09:00", "2026-10-05T09:15", uncategorised)
	w.add("Extended", "2026-10-05T10:00", "2026-10-05T10:30", uncategorised)
	w.add("Globex call", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Early start", "2026-10-06T08:30", "2026-10-06T09:00", uncategorised)
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Globex call": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Globex - billable"}}},
	})}})
	long := rule.Rule{
		ID: "long", Name: "long", On: true, Then: rule.Effect{Exclude: true},
		All: []rule.Condition{{Field: rule.Duration, Op: rule.AtLeast, Any: []string{"61"}}}, // longer than any of them was planned
	}
	x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, nil, []rule.Rule{long}, october(t))
	must(t, err)
	if changed, minutes, _ := told(x); len(changed) != 0 || !slices.Equal(minutes, []string{"Acme billable 75 -> 75", "Globex billable 90 -> 90"}) {
		t.Errorf("changed %q, minutes %q", changed, minutes)
	}
}

func TestWhatWasDecidedCountsInATryout(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("Taken out", "2026-10-05T09:00", "2026-10-05T10:00", uncategorised)
	w.add("Long text", "2026-10-06T09:00", "2026-10-06T10:00", uncategorised, func(d *calendar.Draft) {
		d.Body = calendar.Body{ContentType: "text", Content: strings.Repeat("what there is to say ", 4000)} // kept beside the entry
	})
	w.add("Mine", "2026-10-07T09:00", "2026-10-07T10:00", uncategorised)
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Long text": {Word: decision.KeepAs, Fields: &decision.Fields{Categories: &[]string{"Globex - billable"}}},
	})}})
	w.decide(c, "Taken out", ledger.Declined) // by what is not a decision any more
	first, second := about("a", "n", rule.Effect{Category: "Acme - billable"}), about("b", "mine", rule.Effect{Privacy: "confidential"})
	newer := first
	first.Version, newer.Version = 1, 2
	x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, []rule.Rule{first}, []rule.Rule{newer, second}, october(t))
	must(t, err)
	changed, minutes, _ := told(x)
	if want := []string{"Mine: archived Acme -> archived Acme by [b]"}; !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q", changed, want)
	}
	if want := []string{"Acme billable 60 -> 60", "Globex billable 60 -> 60"}; !slices.Equal(minutes, want) {
		t.Errorf("minutes %q, want %q", minutes, want)
	}
}

func TestWhatDoesNotCountAsMinutes(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.Overlaps = archive.Keep })
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Called off", "2026-10-05T11:00", "2026-10-05T12:00")
	w.add("Whole day", "2026-10-06T00:00", "2026-10-07T00:00", func(d *calendar.Draft) { d.AllDay = true })
	w.archiveOver(calledOff{w.calendar}, c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{{Verdicts: []decision.Verdict{{Word: decision.Create, Fields: &decision.Fields{
		Subject: text("By phone"), Start: at("2026-10-08T09:00"), End: at("2026-10-08T09:30"), Categories: &[]string{"Acme - billable"},
	}}}}}})
	x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, nil, nil, october(t))
	must(t, err)
	if _, minutes, _ := told(x); !slices.Equal(minutes, []string{"Acme billable 90 -> 90"}) || x.Before.Created != 1 || x.Before.Fetched != 3 {
		t.Errorf("minutes %q, %v", minutes, x.Before)
	}
}

// calledOff is a provider that shows appointments as cancelled whose subject says so.
type calledOff struct{ calendar.Provider }

func (p calledOff) Events(ctx context.Context, account, id string, from, to time.Time) ([]calendar.Event, error) {
	events, err := p.Provider.Events(ctx, account, id, from, to)
	for i := range events {
		events[i].Cancelled = events[i].Subject == "Called off"
	}
	return events, err
}

func TestRulesAreTriedOnWhatRunsLeftOut(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.Purpose = archive.Timesheet })
	w.add("Acme review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Globex call", "2026-10-05T11:00", "2026-10-05T11:30", uncategorised)
	w.add("Globex lunch", "2026-10-20T11:00", "2026-10-20T11:30", func(d *calendar.Draft) { d.Categories = []string{"Lunch"} })
	w.add("Globex talk", "2026-10-21T11:00", "2026-10-21T11:30", uncategorised)
	later := w.add("Globex plan", "2026-10-22T11:00", "2026-10-22T11:30", uncategorised)
	// Two runs, each of a half of the month, and one of a few days that looks once more.
	days := func(from, to string) func(*run.Run) {
		return func(r *run.Run) { r.From, r.To = day(from), day(to) }
	}
	w.archive(c, days("2026-10-01", "2026-10-15"))
	w.archive(c, days("2026-10-10", "2026-10-31"))
	w.remove(later)
	w.archive(c, days("2026-10-20", "2026-10-31"))
	globex := about("globex", "globex", rule.Effect{Category: "Globex - billable"})
	x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, nil, []rule.Rule{globex}, october(t))
	must(t, err)
	changed, minutes, _ := told(x)
	if want := []string{
		"Globex call: excludedpersonal  -> archived Globex by [globex]",
		"Globex talk: excludedpersonal  -> archived Globex by [globex]",
		"Globex plan: excludedpersonal  -> archived Globex by [globex]", // as the run saw it that looked furthest back
	}; !slices.Equal(changed, want) {
		t.Errorf("changed\n%s\nwant\n%s", strings.Join(changed, "\n"), strings.Join(want, "\n"))
	}
	if want := []string{"Acme billable 60 -> 60", "Globex billable 0 -> 90"}; !slices.Equal(minutes, want) {
		t.Errorf("minutes %q", minutes)
	}
	if x.Before.Fetched != 5 || x.Before.Excluded != 4 || x.After.Excluded != 1 {
		t.Errorf("before %v, after %v", x.Before, x.After)
	}
	week := october(t)
	week.From, week.To = day("2026-10-05"), day("2026-10-11")
	if x, err = w.tryouts(w.Table).Try(t.Context(), user, &c, nil, []rule.Rule{globex}, week); err != nil || x.Before.Fetched != 2 {
		t.Errorf("a week: %v, %v", x.Before, err)
	}

	// What is archived by the rule is the ledger's, and not among what was left out.
	c.Rules = []rule.Rule{globex}
	c, err = w.configs(w.Table).Update(t.Context(), user, c)
	must(t, err)
	w.archive(c, days("2026-10-01", "2026-10-31"))
	x, err = w.tryouts(w.Table).Try(t.Context(), user, &c, nil, c.Rules, october(t))
	must(t, err)
	if x.Before.Fetched != 4 || x.After.Archived != 3 {
		t.Errorf("archived: before %v, after %v", x.Before, x.After)
	}
}

func TestWhatIsKeptOfEventsThatAreLeftOutNamesNobody(t *testing.T) {
	w := newWorld(t)
	c := w.config(func(c *archive.Config) { c.Rules = []rule.Rule{about("gym", "gym", rule.Effect{Exclude: true})} })
	provider := guests{w.calendar, []calendar.Attendee{
		{Person: calendar.Person{Name: "Ann Smith", Address: "ann@acme.example"}}, {Person: calendar.Person{Name: "Bob", Address: "bob@acme.example"}},
		{Person: calendar.Person{Name: "Inside", Address: "/o=ExchangeLabs/cn=inside"}},
	}}
	w.add("Gym", "2026-10-05T09:00", "2026-10-05T10:00", uncategorised)
	r, _ := w.archiveOver(provider, c)
	file, err := w.Blobs.Get(t.Context(), archive.LeftOutKey(r.ID))
	must(t, err)
	defer file.Close()
	text, err := io.ReadAll(file)
	must(t, err)
	if strings.Count(string(text), "@acme.example") != 2 || !strings.Contains(string(text), `"address":"@acme.example"`) ||
		strings.Contains(strings.ToLower(string(text)), "smith") || strings.Contains(string(text), "ann") || strings.Contains(string(text), "nside") {
		t.Errorf("kept is %s", text)
	}
	x, err := w.tryouts(w.Table).Try(t.Context(), user, &c, c.Rules, []rule.Rule{{
		ID: "acme", Name: "acme", On: true, Then: rule.Effect{Category: "Acme - billable"},
		All: []rule.Condition{{Field: rule.AttendeeDomain, Op: rule.Domain, Any: []string{"acme.example"}}},
	}}, october(t))
	must(t, err)
	if changed, _, _ := told(x); !slices.Equal(changed, []string{"Gym: excludedrule:gym  -> archived Acme by [acme gym]"}) {
		t.Errorf("changed %q", changed)
	}
	must(t, archive.Erase(t.Context(), w.Table, w.Blobs, user, time.Time{}, w.Now()))
	if _, err := w.Blobs.Get(t.Context(), archive.LeftOutKey(r.ID)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("after the user is erased: %v", err)
	}
}

// guests is a provider whose events all have the same guests, of whom the first one invites.
type guests struct {
	calendar.Provider
	list []calendar.Attendee
}

func (g guests) Events(ctx context.Context, account, id string, from, to time.Time) ([]calendar.Event, error) {
	events, err := g.Provider.Events(ctx, account, id, from, to)
	for i := range events {
		events[i].Attendees, events[i].Organizer = g.list, g.list[0].Person
	}
	return events, err
}

// BenchmarkTry tries 100 rules on a year of 5,000 entries, from the store on.
func BenchmarkTry(b *testing.B) {
	clock := machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond)
	m := machinetest.New(b, clock.Now)
	c := archive.Config{ID: "c", Name: "c", Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Keep, OnDrift: archive.AskOnDrift}
	l := ledger.New(m.Table, m.Blobs, m.Key)
	head, err := l.Head(b.Context(), c.ID)
	must(b, err)
	start := time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)
	for i := 0; i < 5_000; i += 40 {
		var entries []*ledger.Entry
		for j := i; j < i+40; j++ {
			at := start.Add(time.Duration(j) * 100 * time.Minute)
			e := calendar.Event{
				ID: fmt.Sprint("e", j), ICalUID: fmt.Sprint("u", j), Subject: fmt.Sprintf("Meeting %d about something that matters", j), Type: calendar.Single,
				Start: calendar.DateTime{Local: at.Format("2006-01-02T15:04:05"), Zone: "UTC"},
				End:   calendar.DateTime{Local: at.Add(time.Hour).Format("2006-01-02T15:04:05"), Zone: "UTC"},
				Body:  calendar.Body{ContentType: "html", Content: strings.Repeat("<p>what there is to say</p>", 40)}, ShowAs: calendar.Busy,
			}
			for k := range 8 {
				e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Name: "Somebody", Address: fmt.Sprintf("p%d@c%d.example", k, j%90)}})
			}
			key := e.ICalUID + "@" + at.Format(time.RFC3339)
			entries = append(entries, &ledger.Entry{
				Config: c.ID, Key: key, Lineage: e.ICalUID, Version: 1, Outcome: ledger.Archived, SourceHash: "sha256:x", Hash: "sha256:x", Single: true,
				Appointment: calendar.Appointment{Subject: e.Subject, Start: at, End: at.Add(time.Hour)}, Source: e, State: ledger.Done, Time: at, Actor: user, Run: "r",
			})
		}
		var places ledger.Places
		must(b, l.Write(b.Context(), &head, &places, ledger.Span{}, entries))
	}
	var rules []rule.Rule
	for i := range 100 {
		r := about(fmt.Sprint("r", i), fmt.Sprintf("meeting %d ", i), rule.Effect{Category: fmt.Sprintf("C%d - billable", i)})
		if i%2 == 0 {
			r.All = []rule.Condition{{Field: rule.AttendeeDomain, Op: rule.Domain, Any: []string{fmt.Sprintf("c%d.example", i)}}}
		}
		rules = append(rules, r)
	}
	zone, err := calendar.LoadZone(c.Timezone)
	must(b, err)
	window := calendar.Window{From: day("2026-01-01"), To: day("2026-12-31"), Zone: zone}
	for b.Loop() {
		x, err := (&archive.Tryouts{Ledger: l, Runs: run.NewStore(m.Table), Blobs: m.Blobs}).Try(b.Context(), user, &c, nil, rules, window)
		if err != nil || x.After.Fetched != 5_000 {
			b.Fatal(err, x)
		}
	}
}
