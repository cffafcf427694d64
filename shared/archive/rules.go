package archive

import (
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/ledger"
	"adminassistant/shared/rule"
)

// ReasonRule begins the reason of what one of the user's rules did; the rule's id follows.
const ReasonRule = "rule:"

// none stands for no rule, where others are named by their places.
const none = -1

// ruled is what the user's rules make of a candidate. Rules are named by their places.
type ruled struct {
	matched []int // all that match, in order
	// These did something, none if no rule did.
	category, privacy, travel, exclude int
	level                              calendar.Sensitivity // that privacy asks for
}

// RuleUse says what a rule did in a plan.
type RuleUse struct {
	Matched int // events that it matches
	Acted   int // those of them of which it made something
	// Behind has, by the place of another rule, of how many events it made nothing because that one came first.
	Behind map[int]int
}

// applyRules finds the rules that match each event. What they say of its category, and that it does not belong into the archive, is done here;
// what they say of travel and privacy is done by those steps.
func (p *planner) applyRules(rules *rule.Set) {
	if rules == nil || len(rules.Rules) == 0 {
		return
	}
	p.rules = rules.Rules
	matcher := rules.Matcher(p.Zone)
	var places []int // of all candidates
	for _, c := range p.open() {
		found := matcher.Match(c.Event, &c.Appointment)
		if len(found) == 0 {
			continue
		}
		first := len(places)
		places = append(places, found...)
		c.ruled = &ruled{matched: places[first:len(places):len(places)], category: none, privacy: none, travel: none, exclude: none, level: calendar.Normal}
		p.applyMatching(c)
	}
}

// applyMatching carries out the rules that match a candidate. After the first one that excludes it none does anything.
func (p *planner) applyMatching(c *candidate) {
	own := hasCategory(c.Appointment.Categories)
	for _, i := range c.ruled.matched {
		then := &p.rules[i].Then
		if then.Category != "" && !own && c.ruled.category == none {
			c.ruled.category = i
			categories := append(slices.Clone(c.Appointment.Categories), then.Category)
			c.Changes = append(c.Changes, p.byRule(i, "categories", joined(c.Appointment.Categories), joined(categories)))
			c.Appointment.Categories = categories
		}
		if then.Privacy != "" && secrecy(then.Privacy) > secrecy(c.ruled.level) {
			c.ruled.privacy, c.ruled.level = i, then.Privacy
		}
		if then.Travel && c.ruled.travel == none {
			c.ruled.travel = i
		}
		if then.Exclude {
			c.ruled.exclude = i
			c.exclude(ReasonRule + p.rules[i].ID)
			c.Issues = append(c.Issues, readCategories(&c.Appointment)...)
			return
		}
	}
}

// byRule is a change that a rule made.
func (p *planner) byRule(i int, field, from, to string) ledger.Change {
	return ledger.Change{Field: field, From: from, To: to, Reason: ReasonRule + p.rules[i].ID, Version: p.rules[i].Version}
}

// hasCategory says whether there is a category that is no marker.
func hasCategory(categories []string) bool {
	return slices.ContainsFunc(categories, func(text string) bool {
		customer, _, err := category.Read(text)
		return customer != "" || err != nil
	})
}

func joined(categories []string) string { return strings.Join(categories, ", ") }

// markTravel marks a candidate as travel if a rule says so and its subject does not.
func (p *planner) markTravel(c *candidate) {
	if c.ruled == nil || c.ruled.travel == none {
		return
	}
	if hasTravelWord(c.Appointment.Subject) {
		c.ruled.travel = none
		return
	}
	c.Appointment.Travel = true
	c.Changes = append(c.Changes, p.byRule(c.ruled.travel, "travel", "false", "true"))
}

// hideByRule gives a candidate the least sensitivity that rules ask for.
func (p *planner) hideByRule(c *candidate) {
	if c.ruled == nil || c.ruled.privacy == none {
		return
	}
	a := &c.Appointment
	if secrecy(a.Sensitivity) >= secrecy(c.ruled.level) {
		c.ruled.privacy = none
		return
	}
	c.Changes = append(c.Changes, p.byRule(c.ruled.privacy, "sensitivity", string(a.Sensitivity), string(c.ruled.level)))
	a.Sensitivity = c.ruled.level
}

// ruleUses counts what each rule did; nil without rules.
func (p *planner) ruleUses() []RuleUse {
	if len(p.rules) == 0 {
		return nil
	}
	uses := make([]RuleUse, len(p.rules))
	for _, c := range p.all {
		if c.ruled == nil {
			continue
		}
		for _, i := range c.ruled.matched {
			uses[i].Matched++
			if c.ruled.acted(i) {
				uses[i].Acted++
				continue
			}
			if first := c.ruled.before(i, &p.rules[i].Then); first != none {
				if uses[i].Behind == nil {
					uses[i].Behind = map[int]int{}
				}
				uses[i].Behind[first]++
			}
		}
	}
	return uses
}

// acted says whether a rule made something of the candidate. Of one that is excluded nothing else is done but to give it a category.
func (r *ruled) acted(i int) bool {
	return i == r.exclude || i == r.category || r.exclude == none && (i == r.privacy || i == r.travel)
}

// before returns the rule that came before one which did nothing, none if it was no rule that did.
func (r *ruled) before(i int, then *rule.Effect) int {
	switch {
	case r.exclude != none && r.exclude != i:
		return r.exclude
	case then.Category != "" && r.category != none:
		return r.category
	case then.Travel && r.travel != none:
		return r.travel
	case then.Privacy != "" && r.privacy != none:
		return r.privacy
	}
	return none
}

// isRules says whether one of the user's rules made a change.
func isRules(c *ledger.Change) bool { return strings.HasPrefix(c.Reason, ReasonRule) }

// travelByRule says whether one of the user's rules made an appointment travel.
func travelByRule(changes []ledger.Change) bool {
	return slices.ContainsFunc(changes, func(c ledger.Change) bool { return isRules(&c) && c.Field == "travel" })
}

// ruleAgain does to an appointment as its source has it what the user's rules did when it was archived.
func ruleAgain(a *calendar.Appointment, changes []ledger.Change) {
	for i := range changes {
		c := &changes[i]
		if !isRules(c) {
			continue
		}
		switch c.Field {
		case "categories":
			if joined(a.Categories) == c.From {
				a.Categories = append(slices.Clone(a.Categories), strings.TrimPrefix(strings.TrimPrefix(c.To, c.From), ", "))
			}
		case "sensitivity":
			if to := calendar.Sensitivity(c.To); secrecy(to) > secrecy(a.Sensitivity) {
				a.Sensitivity = to
			}
		}
	}
}
