package rule_test

import (
	"fmt"
	"slices"
	"testing"

	"adminassistant/shared/rule"
)

func TestVersionsOfRules(t *testing.T) {
	text := func(rules []rule.Rule) (all string) {
		for _, r := range rules {
			all += fmt.Sprint(r.ID, r.Version, " ")
		}
		return all
	}
	of := func(id, name string) rule.Rule { return rule.Rule{ID: id, Name: name, Version: 99} }
	var now []rule.Rule
	changes := 0
	for _, step := range []struct {
		rules   []rule.Rule
		want    string
		changes int
	}{
		{[]rule.Rule{of("a", "A"), of("b", "B")}, "a1 b1 ", 1},
		{[]rule.Rule{of("a", "A"), of("b", "B")}, "a1 b1 ", 1},
		{[]rule.Rule{of("a", "A"), of("b", "B2")}, "a1 b2 ", 2},
		{[]rule.Rule{of("b", "B2"), of("a", "A")}, "b2 a1 ", 3}, // an order is a change, of no rule
		{[]rule.Rule{of("a", "A")}, "a1 ", 4},
		{[]rule.Rule{of("b", "B2"), of("a", "A")}, "b5 a1 ", 5}, // one that comes back is another one
		{[]rule.Rule{of("a", "A"), of("c", "C")}, "a1 c6 ", 6},
		{nil, "", 7},
		{nil, "", 7},
	} {
		rules := slices.Clone(step.rules)
		changes = rule.Number(rules, now, changes)
		if now = rules; text(now) != step.want || changes != step.changes {
			t.Errorf("%v: %s after %d changes, want %s after %d", step.rules, text(now), changes, step.want, step.changes)
		}
	}
}
