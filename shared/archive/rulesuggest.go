package archive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/rule"
)

// RuleSuggestion is a rule that follows from what the user did. Nobody applies it but the user.
type RuleSuggestion struct {
	Rule rule.Rule
	Why  string // what speaks for it, and what against it
	// Support is how many of Of events the rule makes what they are. Gets is how many more, which have no category, would get one.
	Support, Of, Gets int
}

const (
	// fewest is how many events have to speak for a suggestion, and share how many of a hundred of those that say anything.
	fewest = 3
	share  = 80
	// maxSuggestions is how many rules are suggested at once, and maxExceptions how many events are named that speak against one.
	maxSuggestions = 20
	maxExceptions  = 3
)

// Suggest proposes rules from the categories that events of a window have, and from what the user decided about them: by the domain of the organiser,
// by series, and by words of the subject. What a rule gave an event says nothing.
func (t *Tryouts) Suggest(ctx context.Context, user string, c *Config, w calendar.Window) ([]RuleSuggestion, error) {
	if w.Days() > limit.RunDays {
		return nil, fault.Field("period", "has %d days; at most %d are looked at", w.Days(), limit.RunDays)
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	set, err := c.RuleSet()
	if err != nil {
		return nil, err
	}
	s, err := t.snapshots(ctx, user, c.ID, w)
	if err != nil {
		return nil, err
	}
	entries := s.entries
	for _, e := range s.left { // they have no category, and are what rules are for
		start, err := e.Start.Instant(settings.Zone)
		if err == nil && !hasCategory(e.Categories) {
			at := calendar.Appointment{Subject: e.Subject, Start: start, End: start}
			entries = append(entries, ledger.Entry{Key: e.ID, Outcome: ledger.Archived, Source: e, Appointment: at})
		}
	}
	return suggestRules(entries, set, settings.Zone, w), nil
}

// sign is what several events have in common.
type sign struct {
	field rule.Field
	op    rule.Op
	value string
}

// observed is an event of which something is known.
type observed struct {
	entry   *ledger.Entry
	says    string // the category that a person gave it, dropped, or empty: nothing
	ruled   bool   // one of the user's rules is about it already
	subject string
}

// dropped is what an event says that the user took out of the archive.
const dropped = "\x00dropped"

// suggestRules is Suggest of what the ledger has.
func suggestRules(entries []ledger.Entry, rules *rule.Set, zone *time.Location, w calendar.Window) []RuleSuggestion {
	var matcher *rule.Matcher
	taken := map[string]bool{}
	if rules != nil {
		matcher = rules.Matcher(zone)
		for i := range rules.Rules {
			taken[strings.ToLower(rules.Rules[i].ID)] = true
		}
	}
	groups := map[sign][]*observed{}
	series := map[string][]*observed{}
	for i := range entries {
		o := observe(&entries[i], matcher, rules)
		if o == nil {
			continue
		}
		e := &o.entry.Source
		if domain := calendar.Folded(rule.DomainOf(e.Organizer.Address)); domain != "" && !e.IsOrganizer {
			groups[sign{rule.OrganiserDomain, rule.Domain, domain}] = append(groups[sign{rule.OrganiserDomain, rule.Domain, domain}], o)
		}
		if e.SeriesMasterID != "" {
			series[e.SeriesMasterID] = append(series[e.SeriesMasterID], o)
		}
		for word := range wordsOf(o.subject) {
			of := sign{rule.Subject, rule.Word, word}
			groups[of] = append(groups[of], o)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(series)) {
		if s, ok := seriesSign(series[id]); ok {
			groups[s] = append(groups[s], series[id]...)
		}
	}
	var all []weighed
	for s, of := range groups {
		if x := weigh(s, of); x != nil {
			all = append(all, *x)
		}
	}
	slices.SortFunc(all, func(a, b weighed) int {
		return cmp.Or(b.support()-a.support(), a.rank()-b.rank(), strings.Compare(a.sign.value, b.sign.value))
	})
	var suggestions []RuleSuggestion
	told := map[string]map[*observed]bool{} // by what is suggested: the events for which another suggestion does so
	for i := range all {
		x := &all[i]
		seen := told[x.says]
		if seen == nil {
			seen = map[*observed]bool{}
			told[x.says] = seen
		}
		if !slices.ContainsFunc(append(slices.Clone(x.agree), x.open...), func(o *observed) bool { return !seen[o] }) || len(suggestions) == maxSuggestions {
			continue
		}
		for _, o := range append(x.agree, x.open...) {
			seen[o] = true
		}
		suggestions = append(suggestions, x.suggestion(taken, zone, w))
	}
	return suggestions
}

// observe says what an event tells about rules; nil: nothing at all.
func observe(e *ledger.Entry, matcher *rule.Matcher, rules *rule.Set) *observed {
	if decision.Created(e.Key) {
		return nil
	}
	o := &observed{entry: e, subject: e.Source.Subject}
	switch e.Outcome {
	case ledger.Archived, ledger.Conflicted, ledger.Superseded:
		byRule := slices.ContainsFunc(e.Changes, func(c ledger.Change) bool { return isRules(&c) && c.Field == "categories" })
		byUser := slices.ContainsFunc(e.Changes, func(c ledger.Change) bool { return c.Reason == ReasonDecision && c.Field == "categories" })
		if byRule && !byUser {
			break
		}
		for _, text := range e.Appointment.Categories {
			if customer, _, err := category.Read(text); err == nil && customer != "" {
				o.says = text
				break
			}
		}
	case ledger.Declined, ledger.Withdrawn:
		if e.Decision == "" || e.By != "" { // an undo, or one of two that shared time
			return nil
		}
		o.says = dropped
	default:
		return nil
	}
	if matcher != nil {
		a := SourceOf(&ledger.Entry{Decision: "d", Appointment: e.Appointment, Source: e.Source})
		for _, i := range matcher.Match(&e.Source, &a) {
			then := &rules.Rules[i].Then
			o.ruled = o.ruled || then.Category != "" || then.Exclude
		}
	}
	return o
}

// wordsOf returns the words of a subject that may stand for a customer: those of letters, with three of them at least, each once.
func wordsOf(subject string) map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsFuncSeq(calendar.Folded(subject), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if utf8.RuneCountInString(word) >= 3 && strings.ContainsFunc(word, unicode.IsLetter) {
			words[word] = true
		}
	}
	return words
}

// seriesSign is the subject that all instances of a series have. A series is known to rules by that alone.
func seriesSign(of []*observed) (sign, bool) {
	subject := calendar.Folded(of[0].subject)
	for _, o := range of {
		if subject == "" || calendar.Folded(o.subject) != subject {
			return sign{}, false
		}
	}
	return sign{rule.Subject, rule.Equals, of[0].subject}, true
}

// weighed is what speaks for a rule.
type weighed struct {
	sign    sign
	says    string
	agree   []*observed
	against []*observed
	open    []*observed // those without a category
}

func (x *weighed) support() int { return len(x.agree) }

// rank puts what says more first.
func (x *weighed) rank() int {
	return slices.Index([]rule.Op{rule.Domain, rule.Equals, rule.Word}, x.sign.op)
}

// weigh says what events with a sign in common are, if that is clear enough, and if no rule of the user's says it already.
func weigh(s sign, of []*observed) *weighed {
	by := map[string][]*observed{}
	for _, o := range of {
		by[folded(o.says)] = append(by[folded(o.says)], o)
	}
	x := &weighed{sign: s, open: by[""]}
	delete(by, "")
	total := 0
	for _, says := range slices.Sorted(maps.Keys(by)) {
		total += len(by[says])
		if len(by[says]) > len(x.agree) {
			x.against = append(x.against, x.agree...)
			x.agree = by[says]
		} else {
			x.against = append(x.against, by[says]...)
		}
	}
	if len(x.agree) < fewest || 100*len(x.agree) < share*total {
		return nil
	}
	if !slices.ContainsFunc(of, func(o *observed) bool { return !o.ruled }) {
		return nil
	}
	x.says = x.agree[0].says
	return x
}

// folded is a category as it is compared.
func folded(says string) string {
	if says == dropped {
		return dropped
	}
	if customer, billing, err := category.Read(says); err == nil && customer != "" {
		return calendar.Folded(customer) + " - " + string(billing) // whichever of the two comes first
	}
	return calendar.Folded(says)
}

// suggestion makes the rule, with an id that no other has.
func (x *weighed) suggestion(taken map[string]bool, zone *time.Location, w calendar.Window) RuleSuggestion {
	r := rule.Rule{On: true, All: []rule.Condition{{Field: x.sign.field, Op: x.sign.op, Any: []string{x.sign.value}}}}
	of, were := "", "were "+x.says
	switch x.sign.op {
	case rule.Domain:
		of = "that " + x.sign.value + " organised"
	case rule.Equals:
		of = fmt.Sprintf("of the series %q", x.sign.value)
	default:
		of = fmt.Sprintf("with the word %q", x.sign.value)
	}
	if x.says == dropped {
		r.Then.Exclude, r.Name, were = true, "Leave out events "+of, "were taken out of the archive by you"
	} else {
		r.Then.Category, r.Name = x.says, "Events "+of
	}
	r.Name = nameOf(r.Name)
	r.ID = freeID(x.sign.value, taken)
	why := fmt.Sprintf("%d of %d events %s in %d days %s", len(x.agree), len(x.agree)+len(x.against), of, w.Days(), were)
	if n := len(x.against); n > 0 {
		why += "; " + map[bool]string{true: "the other one: ", false: "the others: "}[n == 1]
		for i, o := range x.against[:min(n, maxExceptions)] {
			if i > 0 {
				why += ", "
			}
			says := o.says
			if says == dropped {
				says = "taken out"
			}
			why += fmt.Sprintf("%q of %s (%s)", o.subject, o.entry.Appointment.Day(zone), says)
		}
		if n > maxExceptions {
			why += fmt.Sprintf(" and %d more", n-maxExceptions)
		}
	}
	if n := len(x.open); n > 0 {
		why += fmt.Sprintf(". %d more without a category would be met", n)
	}
	return RuleSuggestion{Rule: r, Why: why + ".", Support: len(x.agree), Of: len(x.agree) + len(x.against), Gets: len(x.open)}
}

// nameOf is a text as the name of a rule.
func nameOf(name string) string {
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	return strings.TrimSpace(string([]rune(name)[:maxName]))
}

// freeID makes an id of a text, and takes it.
func freeID(text string, taken map[string]bool) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, strings.ToLower(text))
	id = strings.Trim(id, "-")
	if id = id[:min(len(id), 40)]; id == "" {
		id = "rule"
	}
	free := id
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", id, n)
	}
	taken[free] = true
	return free
}
