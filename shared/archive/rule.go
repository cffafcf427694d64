package archive

// Rule is the word of the rule that asks the user.
type Rule string

const (
	RuleEqualRank        Rule = "equal_rank"
	RuleSharedTime       Rule = "shared_time"
	RuleArchivedFirst    Rule = "archived_first"
	RuleChanged          Rule = "changed"
	RuleLeftOut          Rule = "left_out"
	RuleMerged           Rule = "merged"
	RuleAbsorbed         Rule = "absorbed"
	RuleCollides         Rule = "collides"
	RuleLocked           Rule = "locked"
	RuleVanished         Rule = "vanished"
	RuleManyVanished     Rule = "many_vanished"
	RuleNoOriginal       Rule = "no_original"
	RuleStale            Rule = "stale"
	RuleNoCustomer       Rule = "no_customer"
	RuleTravelNoCustomer Rule = "travel_no_customer"
	RuleMissingTravel    Rule = "missing_travel"
)

var reasons = map[Rule]string{
	RuleEqualRank:        "They share time, and none of them ranks higher than the others.",
	RuleSharedTime:       "They share time, and the config asks about all that do.",
	RuleArchivedFirst:    "It shares time with what is archived already, and does not rank lower.",
	RuleChanged:          "The source changed after it was archived.",
	RuleLeftOut:          "The source changed after it was archived, and as it is now it would be left out.",
	RuleMerged:           "It is archived, and the source has it as a duplicate of another one now.",
	RuleAbsorbed:         "It is archived, and as it is now it changes another one and does not stand by itself.",
	RuleCollides:         "The source changed after it was archived, and at its new time it would collide with others.",
	RuleLocked:           "The source changed after it was archived, and its day is locked, so that nothing changes what is archived of it.",
	RuleVanished:         "It is archived, and no longer in the source.",
	RuleManyVanished:     "Many that are archived are missing from the source at once, as when Outlook moves old events away. Then there is nothing to do.",
	RuleNoOriginal:       "Its subject says that it changes another appointment, and there is none that it could change.",
	RuleStale:            "The source changed since you decided about it, so that your decision does not hold any more.",
	RuleNoCustomer:       "No customer can be read from its categories, so that it was left out.",
	RuleTravelNoCustomer: "It is travel, and no customer can be read from its categories.",
	RuleMissingTravel:    "They were at different places on one day, and no journey between them is recorded.",
}

// Why says in a sentence why the rule asks; empty for a rule that is not known.
func (r Rule) Why() string { return reasons[r] }
