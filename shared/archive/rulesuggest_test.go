package archive

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
)

// kept returns the ledger's entries of events that are archived, with changes of each.
func kept(change func(e *ledger.Entry), events ...calendar.Event) []ledger.Entry {
	entries := make([]ledger.Entry, len(events))
	plan := newPlan(events, calendar.Window{From: date("2026-10-01"), To: date("2026-10-31"), Zone: berlin}, keeping, nil)
	for i := range plan.Items {
		it := &plan.Items[i]
		entries[i] = ledger.Entry{
			Key: it.Key, Outcome: ledger.Archived, Appointment: it.Appointment, Changes: it.Changes, Source: *it.Event, SourceHash: it.Hash, State: ledger.Done,
		}
		if change != nil {
			change(&entries[i])
		}
	}
	return entries
}

func organisedBy(address string) with {
	return func(e *calendar.Event) { e.Organizer.Address = address }
}
func inSeries(id string) with { return func(e *calendar.Event) { e.SeriesMasterID = id } }

// on returns an event of a day in October.
func on(day int, subjectText, category string, more ...with) calendar.Event {
	from, to := fmt.Sprintf("2026-10-%02dT09:00:00", day), fmt.Sprintf("2026-10-%02dT10:00:00", day)
	e := busy(fmt.Sprint(subjectText, day), from, to, append([]with{subject(subjectText)}, more...)...)
	if category != "" {
		e.Categories = []string{category}
	}
	return e
}

func TestRulesAreSuggestedFromWhatUsersDid(t *testing.T) {
	october := calendar.Window{From: date("2026-10-01"), To: date("2026-10-31"), Zone: berlin}
	const acme, globex = "Acme - billable", "Globex - billable"
	by := organisedBy("ann@Acme.example")
	out := func(text string) func(e *ledger.Entry) {
		return func(e *ledger.Entry) {
			if strings.Contains(e.Source.Subject, text) {
				e.Outcome, e.Decision = ledger.Withdrawn, "d"
			}
		}
	}
	for _, tt := range []struct {
		name    string
		entries []ledger.Entry
		rules   string
		want    []string // each "<field> <op> <value> -> <effect>: <why>"
	}{
		{
			"the domain of the organiser",
			kept(nil, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by), on(4, "four", acme, by), on(5, "five", globex, by),
				on(6, "six", "", by), on(7, "seven", "Lunch", by)),
			"",
			[]string{`organiser_domain domain acme.example -> Acme - billable: 4 of 5 events that acme.example organised in 31 days were Acme - billable; ` +
				`the other one: "five" of 2026-10-05 (Globex - billable). 2 more without a category would be met.`},
		},
		{"two are too few", kept(nil, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", "", by)), "", nil},
		{
			"three of four are not clear enough",
			kept(nil, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by), on(4, "four", globex, by)), "", nil,
		},
		{
			"what the user organises says nothing of a domain",
			kept(nil, on(1, "one", acme, by, organized), on(2, "two", acme, by, organized), on(3, "three", acme, by, organized)), "", nil,
		},
		{
			"a word of the subject",
			kept(nil, on(1, "Atlas: kick-off", acme), on(2, "Review of ATLAS", acme), on(3, "atlas 3", "BILLABLE – acme"), on(4, "atlases", globex)), "",
			[]string{`subject word atlas -> Acme - billable: 3 of 3 events with the word "atlas" in 31 days were Acme - billable.`},
		},
		{"short words and numbers say nothing", kept(nil, on(1, "QA 2026", acme), on(2, "2026 QA", acme), on(3, "QA of 2026", acme)), "", nil},
		{
			"a series goes before its words",
			kept(nil, on(1, "Stand-up", acme, inSeries("s")), on(2, "stand-up", acme, inSeries("s")), on(3, "Stand-up", acme, inSeries("s"))), "",
			[]string{`subject equals Stand-up -> Acme - billable: 3 of 3 events of the series "Stand-up" in 31 days were Acme - billable.`},
		},
		{
			"what a rule gave says nothing",
			kept(func(e *ledger.Entry) {
				e.Changes = []ledger.Change{{Field: "categories", To: acme, Reason: "rule:a"}}
			}, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by)), "", nil,
		},
		{
			"what a user corrected after a rule does",
			kept(func(e *ledger.Entry) {
				e.Changes = []ledger.Change{
					{Field: "categories", To: globex, Reason: "rule:a"}, {Field: "categories", From: globex, To: acme, Reason: "decision"},
				}
			}, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by)), "",
			[]string{`organiser_domain domain acme.example -> Acme - billable: 3 of 3 events that acme.example organised in 31 days were Acme - billable.`},
		},
		{
			"what was taken out", kept(out("Newsletter"), on(1, "Newsletter", ""), on(2, "Newsletter", ""), on(3, "Newsletter", "")), "",
			[]string{`subject word newsletter -> exclude: 3 of 3 events with the word "newsletter" in 31 days were taken out of the archive by you.`},
		},
		{
			"what an undo took out says nothing",
			kept(func(e *ledger.Entry) { e.Outcome = ledger.Withdrawn }, on(1, "Newsletter", ""), on(2, "Newsletter", ""), on(3, "Newsletter", "")), "", nil,
		},
		{
			"what gave way to another says nothing",
			kept(func(e *ledger.Entry) { e.Outcome, e.Decision, e.By = ledger.Declined, "d", "other" },
				on(1, "News", ""), on(2, "News", ""), on(3, "News", "")), "", nil,
		},
		{
			"what the rules say already is not suggested", kept(nil, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by)),
			`[{"id": "a", "name": "A", "all": [{"field": "organiser_domain", "op": "domain", "any": ["acme.example"]}], "then": {"category": "Acme - billable"}}]`, nil,
		},
		{
			"a rule about a part of them is no reason to be silent", kept(nil, on(1, "one", acme, by), on(2, "two", acme, by), on(3, "three", acme, by)),
			`[{"id": "acme-example", "name": "A", "all": [{"field": "subject", "op": "equals", "any": ["one"]}], "then": {"category": "Acme - billable"}}]`,
			[]string{`organiser_domain domain acme.example -> Acme - billable: 3 of 3 events that acme.example organised in 31 days were Acme - billable.`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var set *rule.Set
			if tt.rules != "" {
				set = ruleSet(t, tt.rules)
			}
			suggested := suggestRules(tt.entries, set, berlin, october)
			var got []string
			for _, s := range suggested {
				c, effect := s.Rule.All[0], s.Rule.Then.Category
				if s.Rule.Then.Exclude {
					effect = "exclude"
				}
				got = append(got, fmt.Sprintf("%s %s %s -> %s: %s", c.Field, c.Op, strings.Join(c.Any, ","), effect, s.Why))
				if _, err := rule.Check(rule.Drafts([]rule.Rule{s.Rule})); err != nil {
					t.Errorf("the rule is none: %v", err)
				}
				if set != nil && slices.ContainsFunc(set.Rules, func(r rule.Rule) bool { return r.ID == s.Rule.ID }) {
					t.Errorf("the id %s is taken", s.Rule.ID)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
	var many []calendar.Event
	for i := range 25 {
		for j := range 3 + i%3 {
			many = append(many, on(1+j, fmt.Sprintf("word%c", 'a'+i), acme))
		}
	}
	entries := kept(nil, many...)
	first := suggestRules(entries, nil, berlin, october)
	if len(first) != maxSuggestions || first[0].Support != 5 || first[maxSuggestions-1].Support > first[0].Support {
		t.Errorf("%d suggestions, the first one with %d", len(first), first[0].Support)
	}
	for range 5 {
		if again := suggestRules(entries, nil, berlin, october); !reflect.DeepEqual(again, first) {
			t.Fatal("the same events suggest other rules")
		}
	}
}
