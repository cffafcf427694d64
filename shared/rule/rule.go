// Package rule knows the rules that users write about their events: which events one is about, and what it makes of them.
//
// Check reads what somebody wrote, and says of every field what is wrong with it. Compile makes a Set of rules, which anybody may share, and
// Set.Matcher looks at the events of one plan.
package rule

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"

	"adminassistant/shared/calendar"
)

// Rule is one of a config's rules. The first one in the list comes first in everything.
type Rule struct {
	ID   string      `json:"id"`
	Name string      `json:"name"`
	On   bool        `json:"on"`
	All  []Condition `json:"all"` // an event has to meet each of them
	Then Effect      `json:"then"`
	// Version is the number of the change of the config's rules that made this one what it is. No two versions of a config's rules share a number; 0 is
	// that of a rule which no config has.
	Version int `json:"version,omitempty"`
}

// Condition is met by an event of which the field, or one of its values, compares with one of the texts in Any.
type Condition struct {
	Field Field    `json:"field"`
	Op    Op       `json:"op"`
	Any   []string `json:"any"`
}

// Effect is what a rule makes of an event. One of its members is set at least.
type Effect struct {
	// Category is used when the event has none but markers.
	Category string `json:"category,omitempty"`
	// Privacy is the least sensitivity of the archived copy.
	Privacy calendar.Sensitivity `json:"privacy,omitempty"`
	Exclude bool                 `json:"exclude,omitempty"` // it does not belong into the archive
	Travel  bool                 `json:"travel,omitempty"`  // it is travel, as if its subject said so
}

// Field is what of an event a condition looks at.
type Field string

// The fields. Domains are those of addresses, without what is before the @.
const (
	Subject         Field = "subject"
	OrganiserDomain Field = "organiser_domain"
	AttendeeDomain  Field = "attendee_domain" // of each attendee
	Location        Field = "location"
	SourceCategory  Field = "source_category" // each of them
	AllDay          Field = "all_day"         // true or false
	ShowAs          Field = "show_as"
	Weekday         Field = "weekday"    // of the local day on which it starts, in English
	StartTime       Field = "start_time" // local, HH:MM
	Duration        Field = "duration"   // minutes
)

// Op is how a condition compares.
type Op string

const (
	Equals   Op = "equals"
	Contains Op = "contains"
	Word     Op = "word"   // contains as a whole word, by Unicode letters and digits
	Domain   Op = "domain" // is that domain, or one below it
	Regex    Op = "regex"  // RE2, found anywhere, without regard to case
	AtLeast  Op = "at_least"
	AtMost   Op = "at_most"
)

// fields lists them in the order in which they are named, and ops the comparisons that each knows.
var (
	fields = []Field{Subject, OrganiserDomain, AttendeeDomain, Location, SourceCategory, AllDay, ShowAs, Weekday, StartTime, Duration}
	ops    = map[Field][]Op{
		Subject: {Equals, Contains, Word, Regex}, Location: {Equals, Contains, Word, Regex}, SourceCategory: {Equals, Contains, Word, Regex},
		OrganiserDomain: {Equals, Contains, Word, Domain, Regex}, AttendeeDomain: {Equals, Contains, Word, Domain, Regex},
		AllDay: {Equals}, ShowAs: {Equals}, Weekday: {Equals},
		StartTime: {Equals, AtLeast, AtMost}, Duration: {Equals, AtLeast, AtMost},
	}
	allOps = []Op{Equals, Contains, Word, Domain, Regex, AtLeast, AtMost}
	shown  = []calendar.ShowAs{calendar.Free, calendar.Tentative, calendar.Busy, calendar.OutOfOffice, calendar.WorkingElsewhere, calendar.Unknown}
	levels = []calendar.Sensitivity{calendar.Personal, calendar.Private, calendar.Confidential}
)

// Fields returns the names of all fields, and Ops those of all comparisons.
func Fields() []Field { return fields }

// Ops returns the names of all comparisons.
func Ops() []Op { return allOps }

// Draft is a rule as somebody wrote it. A rule that does not say whether it is on is on, and its version is not the writer's to say.
type Draft struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	On      *bool            `json:"on,omitempty"`
	All     []DraftCondition `json:"all"`
	Then    *Effect          `json:"then"`
	Version int              `json:"version,omitempty"`
}

// DraftCondition is a condition as somebody wrote it.
type DraftCondition struct {
	Field Field   `json:"field"`
	Op    Op      `json:"op"`
	Any   []Value `json:"any"`
}

// Value is a text in JSON; true, false and whole numbers count as the texts that they are written with.
type Value string

// UnmarshalJSON reads a value.
func (v *Value) UnmarshalJSON(data []byte) error {
	var any any
	if err := json.Unmarshal(data, &any); err != nil {
		return err
	}
	switch x := any.(type) {
	case string:
		*v = Value(x)
	case bool:
		*v = Value(strconv.FormatBool(x))
	case float64:
		if x != math.Trunc(x) || math.Abs(x) > maxMinutes {
			return errors.New("it must be a text, a whole number, true or false")
		}
		*v = Value(strconv.FormatInt(int64(x), 10))
	default:
		return errors.New("it must be a text, a whole number, true or false")
	}
	return nil
}

// DraftOf returns the draft that Check makes the rule of.
func DraftOf(r Rule) Draft {
	d := Draft{ID: r.ID, Name: r.Name, On: new(r.On), Then: new(r.Then), Version: r.Version}
	for _, c := range r.All {
		values := make([]Value, len(c.Any))
		for i, v := range c.Any {
			values[i] = Value(v)
		}
		d.All = append(d.All, DraftCondition{Field: c.Field, Op: c.Op, Any: values})
	}
	return d
}

// Drafts returns the drafts that Check makes rules of.
func Drafts(rules []Rule) []Draft {
	drafts := make([]Draft, len(rules))
	for i := range rules {
		drafts[i] = DraftOf(rules[i])
	}
	return drafts
}

// Number gives the rules of a config their versions, when they take the place of others. A rule that is what it was keeps its version; every other one gets
// a number that no rule of the config had. changes is how often the config's rules have changed; it returns how often they have then.
func Number(rules, was []Rule, changes int) int {
	old := make(map[string]*Rule, len(was))
	for i := range was {
		old[was[i].ID] = &was[i]
	}
	same := len(rules) == len(was)
	for i := range rules {
		r := &rules[i]
		before := old[r.ID]
		if before != nil {
			r.Version = before.Version
		}
		if before == nil || !reflect.DeepEqual(*r, *before) {
			r.Version, same = changes+1, false
			continue
		}
		same = same && was[i].ID == r.ID
	}
	if same {
		return changes
	}
	return changes + 1
}

// Precedence says in words which rule wins.
const Precedence = "Rules are looked at in their order. A category of the event's own always wins; else the first matching rule that has one does. " +
	"Any matching rule that excludes leaves the event out, and no rule after it does anything. Privacy only rises: of several rules the highest level counts. " +
	"What is archived already changes only in a replace run."
