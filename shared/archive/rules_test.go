package archive

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
)

// ruleSet compiles rules as they are written in a config file, with their versions.
func ruleSet(t fataler, text string) *rule.Set {
	rules, err := rule.Read(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	set, err := rule.Compile(rules)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return set
}

// about writes a rule about events whose subject contains a text.
func about(id, text, then string) string {
	return fmt.Sprintf(`{"id": %q, "name": %q, "on": true, "all": [{"field": "subject", "op": "contains", "any": [%q]}], "then": %s}`, id, id, text, then)
}

func ruledPlan(t fataler, events []calendar.Event, s Settings, rules ...string) Plan {
	return NewPlan(Input{Events: events, Window: monday, Settings: s, Rules: ruleSet(t, "["+strings.Join(rules, ",")+"]")})
}

func TestRules(t *testing.T) {
	const acme, globex, out = `{"category": "Acme - billable"}`, `{"category": "non-billable - Globex"}`, `{"exclude": true}`
	change := func(field, from, to, reason string) ledger.Change {
		return ledger.Change{Field: field, From: from, To: to, Reason: reason}
	}
	private := change("sensitivity", "normal", "private", "personal")
	for _, tt := range []struct {
		name       string
		event      calendar.Event
		rules      []string
		outcome    string // "archived" if empty
		categories []string
		customer   string
		travel     bool
		hides      calendar.Sensitivity // "normal" if empty
		changes    []ledger.Change
		issues     []string
	}{
		{name: "no rule matches", event: busy("x", "09:00", "10:00"), rules: []string{about("a", "y", acme)}, hides: "private", changes: []ledger.Change{private}},
		{
			name: "a category where there is none", event: busy("x", "09:00", "10:00"), rules: []string{about("a", "x", acme)},
			categories: []string{"Acme - billable"}, customer: "Acme", changes: []ledger.Change{change("categories", "", "Acme - billable", "rule:a")},
		},
		{
			name: "a category beside a marker", event: busy("x", "09:00", "10:00", categories("online")), rules: []string{about("a", "x", acme)},
			categories: []string{"online", "Acme - billable"}, customer: "Acme",
			changes: []ledger.Change{change("categories", "online", "online, Acme - billable", "rule:a")},
		},
		{
			name: "an explicit category wins", event: busy("x", "09:00", "10:00", categories("Globex - billable")), rules: []string{about("a", "x", acme)},
			categories: []string{"Globex - billable"}, customer: "Globex",
		},
		{
			name: "an explicit category wins even if it cannot be read", event: busy("x", "09:00", "10:00", categories("Lunch")),
			rules: []string{about("a", "x", acme)}, categories: []string{"Lunch"},
			issues: []string{`invalid category "Lunch": expected "<customer> - billable" or "<customer> - non-billable"`},
		},
		{
			name: "the first matching rule that sets a category wins", event: busy("xy", "09:00", "10:00"),
			rules:      []string{about("t", "x", `{"travel": true}`), about("g", "y", globex), about("a", "x", acme)},
			categories: []string{"non-billable - Globex"}, customer: "Globex", travel: true,
			changes: []ledger.Change{change("categories", "", "non-billable - Globex", "rule:g"), change("travel", "false", "true", "rule:t")},
		},
		{
			name: "a rule that is off does nothing", event: busy("x", "09:00", "10:00"), hides: "private",
			rules: []string{strings.Replace(about("a", "x", acme), `"on": true`, `"on": false`, 1)}, changes: []ledger.Change{private},
		},
		{
			name: "the first exclusion that matches names the reason", event: busy("x", "09:00", "10:00"), outcome: "excluded: rule:b",
			rules: []string{about("a", "y", out), about("b", "x", out), about("c", "x", out)},
		},
		{
			name: "what comes before an exclusion acts, and nothing after it", event: busy("x", "09:00", "10:00"), outcome: "excluded: rule:b",
			rules:      []string{about("a", "x", acme), about("b", "x", out), about("c", "x", `{"travel": true, "privacy": "private"}`)},
			categories: []string{"Acme - billable"}, customer: "Acme", changes: []ledger.Change{change("categories", "", "Acme - billable", "rule:a")},
		},
		{
			name: "a category after an exclusion is not given", event: busy("x", "09:00", "10:00"), outcome: "excluded: rule:b",
			rules: []string{about("b", "x", out), about("a", "x", acme)},
		},
		{
			name: "one that is excluded is neither hidden nor travel", event: busy("x", "09:00", "10:00"), outcome: "excluded: rule:b",
			rules: []string{about("a", "x", `{"travel": true, "privacy": "private"}`), about("b", "x", out)},
		},
		{
			name: "travel without a customer", event: busy("x", "09:00", "10:00"), rules: []string{about("a", "x", `{"travel": true}`)}, travel: true,
			changes: []ledger.Change{change("travel", "false", "true", "rule:a")}, issues: []string{"travel without a customer category"},
		},
		{
			name: "what is travel anyway", event: busy("x", "09:00", "10:00", subject("drive x")), rules: []string{about("a", "x", `{"travel": true}`)}, travel: true,
			issues: []string{"travel without a customer category"},
		},
		{
			name: "privacy rises to the highest level, whatever the order", event: busy("x", "09:00", "10:00", categories("Acme - billable")),
			rules: []string{
				about("p", "x", `{"privacy": "personal"}`), about("c", "x", `{"privacy": "confidential"}`), about("d", "x", `{"privacy": "confidential"}`),
				about("q", "x", `{"privacy": "private"}`),
			},
			categories: []string{"Acme - billable"}, customer: "Acme", hides: "confidential",
			changes: []ledger.Change{change("sensitivity", "normal", "confidential", "rule:c")},
		},
		{
			name: "privacy never falls", event: busy("x", "09:00", "10:00", sensitive("confidential"), categories("Acme - billable")),
			rules: []string{about("p", "x", `{"privacy": "private"}`)}, categories: []string{"Acme - billable"}, customer: "Acme", hides: "confidential",
		},
		{
			name: "what is personal is private at least", event: busy("x", "09:00", "10:00"), rules: []string{about("p", "x", `{"privacy": "personal"}`)},
			hides:   "private",
			changes: []ledger.Change{change("sensitivity", "normal", "personal", "rule:p"), change("sensitivity", "personal", "private", "personal")},
		},
		{
			name: "what is personal and hidden by a rule is hidden by the rule", event: busy("x", "09:00", "10:00"),
			rules: []string{about("p", "x", `{"privacy": "private"}`)}, hides: "private",
			changes: []ledger.Change{change("sensitivity", "normal", "private", "rule:p")},
		},
		{
			name: "what a rule makes travel is not personal", event: busy("x", "09:00", "10:00"), travel: true,
			rules:   []string{about("a", "x", `{"travel": true, "privacy": "personal"}`)},
			hides:   "personal",
			changes: []ledger.Change{change("travel", "false", "true", "rule:a"), change("sensitivity", "normal", "personal", "rule:a")},
			issues:  []string{"travel without a customer category"},
		},
		{
			name: "the version of the rule stands in the changes", event: busy("x", "09:00", "10:00"),
			rules:      []string{strings.Replace(about("a", "x", acme), `"on"`, `"version": 7, "on"`, 1)},
			categories: []string{"Acme - billable"}, customer: "Acme",
			changes: []ledger.Change{{Field: "categories", To: "Acme - billable", Reason: "rule:a", Version: 7}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			was := slices.Clone(tt.event.Categories)
			plan := ruledPlan(t, day(tt.event), settings, tt.rules...)
			it := itemOf(t, plan, tt.event.ID)
			if tt.outcome == "" {
				tt.outcome = "archived"
			}
			if tt.hides == "" {
				tt.hides = calendar.Normal
			}
			a := &it.Appointment
			if got := outcomesOf(plan)[tt.event.ID]; got != tt.outcome {
				t.Errorf("it is %s, want %s", got, tt.outcome)
			}
			if !slices.Equal(a.Categories, tt.categories) || a.Customer != tt.customer || a.Travel != tt.travel || a.Sensitivity != tt.hides {
				t.Errorf("got %q %q, travel %v, %s", a.Categories, a.Customer, a.Travel, a.Sensitivity)
			}
			if !slices.Equal(it.Changes, tt.changes) || !slices.Equal(it.Issues, tt.issues) {
				t.Errorf("changes %+v, want %+v; issues %q", it.Changes, tt.changes, it.Issues)
			}
			if !slices.Equal(it.Event.Categories, was) {
				t.Errorf("the source's categories became %q", it.Event.Categories)
			}
			if without := itemOf(t, planOf(day(tt.event)), tt.event.ID); without.Hash != it.Hash {
				t.Error("the hash of the source depends on the rules")
			}
		})
	}
}

func TestRulesAndTheOtherSteps(t *testing.T) {
	acme, out := about("a", "acme", `{"category": "Acme - billable"}`), about("o", "private", `{"exclude": true}`)
	for _, tt := range []struct {
		name   string
		events []calendar.Event
		of     Settings
		rules  []string
		want   outcomes
	}{
		{
			"a rule's category is what a timesheet needs",
			day(busy("1", "09:00", "10:00", subject("acme review")), busy("2", "11:00", "12:00")), timesheet, []string{acme},
			outcomes{"1": "archived", "2": "excluded: personal"},
		},
		{
			"what is excluded collides with nothing", day(busy("1", "09:00", "10:00", subject("private")), busy("2", "09:00", "10:00")), settings, []string{out},
			outcomes{"1": "excluded: rule:o", "2": "archived"},
		},
		{
			"what is excluded changes nothing",
			day(busy("1", "09:00", "10:00"), busy("2", "10:00", "11:00", subject("Extended: private"))), settings, []string{out},
			outcomes{"1": "archived", "2": "excluded: rule:o"},
		},
		{
			"what is excluded cannot be changed",
			day(busy("1", "09:00", "10:00", subject("private")), busy("2", "10:00", "11:00", subject("Extended"))), settings, []string{out},
			outcomes{"1": "excluded: rule:o", "2": "excluded: orphan_modification"},
		},
		{
			"modification and original are compared with what the rules gave them",
			day(busy("1", "09:00", "10:00", subject("acme")), busy("2", "10:00", "11:00", subject("Extended: Globex"), categories("Globex - billable"))),
			settings, []string{acme}, outcomes{"1": "archived", "2": "excluded: orphan_modification"},
		},
		{
			"a modification that a rule gives the same category fits",
			day(busy("1", "09:00", "10:00", categories("acme -  billable")), busy("2", "10:00", "11:00", subject("Extended: acme"))), settings, []string{acme},
			outcomes{"1": "archived", "2": "absorbed into 1"},
		},
		{
			"rules see the times before modifications", day(busy("1", "09:00", "10:00"), busy("2", "10:00", "11:00", subject("Extended"))), settings,
			[]string{`{"id": "l", "name": "Long", "all": [{"field": "duration", "op": "at_least", "any": [61]}], "then": {"exclude": true}}`},
			outcomes{"1": "archived", "2": "absorbed into 1"},
		},
		{
			"a duplicate is not looked at",
			day(busy("1", "09:00", "10:00", uid("u")), busy("2", "09:00", "10:00", uid("u"), subject("private"))), settings, []string{out},
			outcomes{"1": "archived", "2": "merged into 1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := outcomesOf(ruledPlan(t, tt.events, tt.of, tt.rules...))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestChangedRulesTouchWhatIsArchivedOnlyInAReplaceRun(t *testing.T) {
	events := day(busy("x", "09:00", "10:00"), busy("y", "11:00", "12:00"))
	held := heldAfter(t, planOf(events))
	in := Input{Events: events, Window: monday, Settings: settings, Standing: held, Rules: ruleSet(t, "["+about("a", "x", `{"category": "Acme - billable"}`)+"]")}
	plan := NewPlan(in)
	if got := outcomesOf(plan); !reflect.DeepEqual(got, outcomes{"x": "unchanged", "y": "unchanged"}) || len(plan.Actions) != 0 {
		t.Errorf("got %v, %v", got, plan.Actions)
	}
	in.Replace = true
	plan = NewPlan(in)
	x := itemOf(t, plan, "x")
	if got := outcomesOf(plan); !reflect.DeepEqual(got, outcomes{"x": "drifted", "y": "unchanged"}) || !x.Accept || x.Appointment.Customer != "Acme" {
		t.Errorf("replaced: %v, %+v", got, x)
	}
	in.Rules = ruleSet(t, "["+about("a", "x", `{"exclude": true}`)+"]")
	if got := outcomesOf(NewPlan(in)); !reflect.DeepEqual(got, outcomes{"x": "excluded: rule:a", "y": "unchanged"}) {
		t.Errorf("excluded: %v", got)
	}
	if in.Replace = false; len(NewPlan(in).Actions) != 0 {
		t.Error("a rule that excludes what is archived asks about it")
	}
}

func TestWhatRulesDidIsCounted(t *testing.T) {
	plan := ruledPlan(t, day(
		busy("ax", "09:00", "10:00"), busy("ay", "10:00", "11:00"), busy("az", "11:00", "12:00", categories("Globex - billable")), busy("axq", "12:00", "13:00"),
		busy("p", "14:00", "15:00"),
	), settings,
		about("q", "q", `{"exclude": true}`), about("a", "a", `{"category": "Acme - billable"}`), about("x", "x", `{"category": "Globex - billable"}`),
		about("none", "none", `{"travel": true}`), about("c", "p", `{"privacy": "confidential"}`), about("d", "p", `{"privacy": "private"}`),
	)
	want := []RuleUse{
		{Matched: 1, Acted: 1}, {Matched: 4, Acted: 2, Behind: map[int]int{0: 1}}, {Matched: 2, Behind: map[int]int{0: 1, 1: 1}}, {},
		{Matched: 1, Acted: 1}, {Matched: 1, Behind: map[int]int{4: 1}},
	}
	if !reflect.DeepEqual(plan.Rules, want) {
		t.Errorf("got %+v, want %+v", plan.Rules, want)
	}
	plan = ruledPlan(t, day(busy("x", "09:00", "10:00")), settings,
		about("t", "x", `{"travel": true, "privacy": "private"}`), about("o", "x", `{"exclude": true}`), about("late", "x", `{"exclude": true}`))
	want = []RuleUse{{Matched: 1, Behind: map[int]int{1: 1}}, {Matched: 1, Acted: 1}, {Matched: 1, Behind: map[int]int{1: 1}}}
	if !reflect.DeepEqual(plan.Rules, want) {
		t.Errorf("with an exclusion: %+v, want %+v", plan.Rules, want)
	}
	if planOf(nil).Rules != nil {
		t.Error("a plan without rules says what they did")
	}
}

func TestRulesOutliveWhatIsDecided(t *testing.T) {
	acme := about("a", "x", `{"category": "Acme - billable", "travel": true, "privacy": "private"}`)
	plan := ruledPlan(t, day(busy("x", "09:00", "10:00")), settings, acme)
	it := *itemOf(t, plan, "x")
	v := version{Appointment: it.Appointment, changes: it.Changes, issues: it.Issues}
	a := v.Appointment
	a.Categories = []string{"Globex - billable"}
	v.become(a, false)
	if v.Customer != "Globex" || !v.Travel || v.Sensitivity != calendar.Private {
		t.Errorf("corrected: %+v", v.Appointment)
	}
	a = v.Appointment
	a.Categories = nil
	v.become(a, false)
	if v.Customer != "" || !v.Travel || v.Sensitivity != calendar.Private || !slices.Equal(v.issues, []string{"travel without a customer category"}) {
		t.Errorf("corrected to nothing: %+v, %q", v.Appointment, v.issues)
	}
	// What the source has is what the rules made of it.
	e := ledger.Entry{Decision: "d", Appointment: v.Appointment, Changes: v.changes, Source: *it.Event}
	if got := SourceOf(&e); !reflect.DeepEqual(got, it.Appointment) {
		t.Errorf("the source is %+v, want %+v", got, it.Appointment)
	}
}

func TestThePlanDoesNotDependOnTheOrderOfEventsWithRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		var rules []string
		for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
			text := rapid.SampledFrom([]string{"a", "Extended", "x", "Acme", "t"}).Draw(t, "text")
			then := rapid.SampledFrom([]string{
				`{"category": "Acme - billable"}`, `{"exclude": true}`, `{"travel": true}`, `{"privacy": "confidential"}`, `{"category": "X - billable", "exclude": true}`,
			}).Draw(t, "then")
			rules = append(rules, about(fmt.Sprint("r", i), text, then))
		}
		in := Input{Events: s.events, Window: s.window, Settings: s.settings, Standing: s.held, Rules: ruleSet(t, "["+strings.Join(rules, ",")+"]")}
		plan := NewPlan(in)
		everyEventOnce(t, plan, s.events, s.held)
		in.Events = slices.Clone(s.events)
		slices.Reverse(in.Events)
		if again := NewPlan(in); asJSON(t, again) != asJSON(t, plan) || !reflect.DeepEqual(again.Rules, plan.Rules) {
			t.Fatalf("got\n%s\nand in another order\n%s", asJSON(t, plan), asJSON(t, again))
		}
	})
}

// slowRules is the meaning of rules for a single event once more, as the page about them says it. It returns what the plan's item should be.
func slowRules(rules []rule.Rule, e *calendar.Event, start, end time.Time) (it Item) {
	var matching []*rule.Rule
	for i := range rules {
		all := rules[i].On
		for _, c := range rules[i].All {
			any := false
			for _, v := range c.Any {
				switch c.Field {
				case rule.Subject:
					any = any || strings.Contains(strings.ToLower(e.Subject), strings.ToLower(v))
				case rule.SourceCategory:
					any = any || slices.ContainsFunc(e.Categories, func(have string) bool { return strings.EqualFold(have, v) })
				case rule.Duration:
					n, _ := time.ParseDuration(v + "m")
					any = any || c.Op == rule.AtLeast && end.Sub(start) >= n || c.Op == rule.AtMost && end.Sub(start) <= n
				}
			}
			all = all && any
		}
		if all {
			matching = append(matching, &rules[i])
		}
	}
	// No rule after the first exclusion counts.
	excluded := slices.IndexFunc(matching, func(r *rule.Rule) bool { return r.Then.Exclude })
	if excluded >= 0 {
		matching = matching[:excluded+1]
	}
	say := func(field, from, to string, r *rule.Rule) {
		it.Changes = append(it.Changes, ledger.Change{Field: field, From: from, To: to, Reason: "rule:" + r.ID, Version: r.Version})
	}
	all := e.Categories
	if len(all) == 0 || len(all) == 1 && all[0] == "Online" {
		for _, r := range matching {
			if r.Then.Category != "" {
				all = append(slices.Clone(all), r.Then.Category)
				say("categories", strings.Join(e.Categories, ", "), strings.Join(all, ", "), r)
				break
			}
		}
	}
	customer := ""
	for _, c := range slices.Backward(all) {
		if name, _, found := strings.Cut(c, " - "); found {
			customer = name
		}
	}
	travel, hides := strings.Contains(e.Subject, "trip"), string(e.Sensitivity)
	if excluded >= 0 {
		it.Outcome, it.Reason = Excluded, "rule:"+matching[excluded].ID
		travel = false
	} else {
		it.Outcome = Archived
		for _, r := range matching {
			if r.Then.Travel && !travel {
				travel = true
				say("travel", "false", "true", r)
			}
		}
		order := []string{"normal", "personal", "private", "confidential"}
		var by *rule.Rule
		for _, r := range matching {
			if p := string(r.Then.Privacy); p != "" && (by == nil || slices.Index(order, p) > slices.Index(order, string(by.Then.Privacy))) {
				by = r
			}
		}
		if by != nil && slices.Index(order, string(by.Then.Privacy)) > slices.Index(order, hides) {
			say("sensitivity", hides, string(by.Then.Privacy), by)
			hides = string(by.Then.Privacy)
		}
		if len(all) == 0 && !travel && slices.Index(order, hides) < 2 {
			it.Changes = append(it.Changes, ledger.Change{Field: "sensitivity", From: hides, To: "private", Reason: "personal"})
			hides = "private"
		}
	}
	it.Appointment.Categories, it.Appointment.Customer, it.Appointment.Travel = all, customer, travel
	it.Appointment.Sensitivity = calendar.Sensitivity(hides)
	return it
}

// TestPlansHoldToTheMeaningOfRules compares 10,000 random sets of rules with their meaning as slowRules has it.
func TestPlansHoldToTheMeaningOfRules(t *testing.T) {
	zero := time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC)
	reasons := map[string]int{}
	for seed := range uint64(10_000) {
		r := rand.New(rand.NewPCG(seed, 3))
		pick := func(of ...string) string { return of[r.IntN(len(of))] }
		drafts := make([]rule.Draft, 1+r.IntN(6))
		for i := range drafts {
			d := rule.Draft{ID: fmt.Sprint("r", i), Name: "n", Version: r.IntN(3), On: new(r.IntN(6) > 0), Then: &rule.Effect{}}
			for range 1 + r.IntN(2) {
				c := rule.DraftCondition{Field: rule.Subject, Op: rule.Contains, Any: []rule.Value{rule.Value(pick("a", "B", "c", "trip", "ab"))}}
				switch r.IntN(4) {
				case 0:
					c = rule.DraftCondition{Field: rule.Duration, Op: rule.Op(pick("at_least", "at_most")), Any: []rule.Value{rule.Value(pick("15", "30", "45"))}}
				case 1:
					c = rule.DraftCondition{Field: rule.SourceCategory, Op: rule.Equals, Any: []rule.Value{"acme - Billable", rule.Value(pick("online", "Lunch"))}}
				}
				d.All = append(d.All, c)
			}
			for *d.Then == (rule.Effect{}) {
				*d.Then = rule.Effect{
					Category: pick("", "", "Acme - billable", "Globex - non-billable"), Privacy: calendar.Sensitivity(pick("", "", "personal", "private", "confidential")),
					Exclude: r.IntN(5) == 0, Travel: r.IntN(4) == 0,
				}
			}
			drafts[i] = d
		}
		rules, err := rule.Check(drafts)
		if err != nil {
			t.Fatal(err)
		}
		set, err := rule.Compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		var events []calendar.Event
		want := map[string]Item{}
		for i := range 5 {
			start := zero.Add(time.Duration(i) * time.Hour)
			end := start.Add(time.Duration(1+r.IntN(3)) * 15 * time.Minute)
			at := func(t time.Time) calendar.DateTime {
				return calendar.DateTime{Local: t.Format("2006-01-02T15:04:05"), Zone: "UTC"}
			}
			e := busy(fmt.Sprint("e", i), "", "", times(at(start), at(end)), subject(pick("a", "b", "c", "ab", "a trip", "Bc")),
				sensitive(calendar.Sensitivity(pick("normal", "normal", "personal", "private", "confidential"))))
			e.Categories = [][]string{nil, nil, {"Online"}, {"Acme - billable"}, {"Online", "Globex - billable"}, {"Lunch"}}[r.IntN(6)]
			events = append(events, e)
			want[e.ID] = slowRules(rules, &e, start, end)
		}
		plan := NewPlan(Input{Events: events, Window: monday, Settings: settings, Rules: set})
		for i := range plan.Items {
			it, w := &plan.Items[i], want[plan.Items[i].EventID]
			a, b := &it.Appointment, &w.Appointment
			if it.Outcome != w.Outcome || it.Reason != w.Reason || !slices.Equal(it.Changes, w.Changes) || !slices.Equal(a.Categories, b.Categories) ||
				a.Customer != b.Customer || a.Travel != b.Travel || a.Sensitivity != b.Sensitivity {
				text, err := json.MarshalIndent(rules, "", " ")
				t.Fatalf("seed %d\nis   %s\nwant %+v\nof %s, %v", seed, asJSON(t, *it), w, text, err)
			}
			for _, c := range it.Changes {
				reasons[c.Field]++
			}
			reasons[string(it.Outcome)]++
		}
	}
	for _, what := range []string{"categories", "travel", "sensitivity", "archived", "excluded"} {
		if reasons[what] < 1_000 {
			t.Errorf("%s is too rare: %v", what, slices.Collect(maps.Keys(reasons)))
		}
	}
}
