package graphsim

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"adminassistant/shared/fault"
)

// Switch is one way in which Exchange behaves otherwise than it is documented, or than it is hoped. docs/graph.md says what is known of each.
type Switch struct {
	Name string
	Row  int // in docs/graph.md
	// Values are those that it can have; of a Number or a Text those that tests try. None: it is on or off.
	Values []string
	Number bool // any whole number above zero is a value
	Text   bool // any text is a value
	// Loose means that readings may then differ from what was written, so that the contract of providers cannot hold.
	Loose bool
	Does  string
}

// reading are the switches that concern what is read, in the order of their rows.
var reading = []Switch{
	{Name: "retention", Row: 1, Values: []string{"28"}, Number: true, Loose: true, Does: "single events that ended so many days ago are moved away"},
	{Name: "original_start", Row: 4, Values: []string{"null", "zero"}, Does: "exceptions tell their originalStart among the instances of their series alone"},
	{Name: "lone_exception", Row: 5, Does: "an invitation of somebody else is an exception of a series that is not there"},
	{Name: "all_day_original", Row: 6, Values: []string{"utc", "no_zone"}, Does: "all-day instances began at midnight of their series' zone, and say UTC"},
	{Name: "icaluid", Row: 7, Values: []string{"shared", "own", "null", "changed"}, Does: "what the iCalUId of an instance is; changed: Turn changes it"},
	{Name: "ids_change", Row: 11, Does: "Turn gives every event another id"},
	{Name: "body_404", Row: 12, Does: "the body of an event is not found by the event's id"},
	{Name: "get_private", Row: 12, Values: []string{"403"}, Does: "private events are listed, and refused by their ids"},
	{Name: "skips", Row: 16, Values: []string{"3"}, Number: true, Loose: true, Does: "each so many-th reading of a window lacks an event"},
	{Name: "people_change", Row: 18, Does: "Turn changes how people are written, first their names and then their addresses"},
	{Name: "instance_attendees", Row: 19, Values: []string{"none"}, Does: "instances tell no attendees"},
	{Name: "page_504", Row: 25, Values: []string{"100"}, Number: true, Does: "pages for more events than this time out"},
	{Name: "poison", Row: 26, Values: []string{"Broken"}, Text: true, Does: "a reading that meets an event with this subject fails"},
	{Name: "bump_keys", Row: 31, Does: "change keys change with every reading"},
	{Name: "no_members", Row: 32, Does: "a series that is asked for within its calendar does not tell its exceptions"},
}

// writing are the switches that concern what is written, in the order of their rows.
var writing = []Switch{
	{Name: "rewrites", Row: 3, Loose: true, Does: "after a write the service goes on writing: the next two readings find another change key, and HTML of its own"},
	{Name: "series_conflicts", Row: 8, Does: "writes to one series within a batch conflict, and some conflicts pass by themselves, with 409 or 412"},
	{Name: "lost_patch", Row: 9, Loose: true, Does: "the first change of an instance is answered 200, and not stored"},
	{Name: "mailbox_404", Row: 10, Does: "some requests are answered 404 ResourceNotFound or MailboxNotEnabledForRESTAPI, alternately"},
	{Name: "reviewer", Row: 10, Does: "deleting from a calendar that may only be read is answered 204, and deletes nothing"},
	{Name: "transaction_ids", Row: 13, Values: []string{"kept", "dead"}, Loose: true,
		Does: "kept: an id stays taken after its event was deleted, in all calendars of the mailbox; dead: an id does nothing"},
	{Name: "filter", Row: 14, Values: []string{"mailbox", "400", "empty"},
		Does: "a filter by an extended property finds events of all calendars, or is refused, or finds nothing"},
	{Name: "lag", Row: 15, Values: []string{"2"}, Number: true, Does: "what was written is shown after so many seconds"},
	{Name: "calendar_ids_change", Row: 17, Does: "the id that creating a calendar answers is not the one that it has afterwards"},
	{Name: "cuts", Row: 20, Does: "subjects are cut at 255 characters, with dots at the end; categories and locations without"},
	{Name: "zones", Row: 21, Values: []string{"few"}, Does: "only UTC and W. Europe Standard Time are accepted"},
	{Name: "minutes", Row: 22, Does: "series and their instances are kept in whole minutes"},
	{Name: "instance_fields", Row: 23, Values: []string{"master"}, Loose: true, Does: "instances have the sensitivity, importance and categories of their series"},
	{Name: "batch_429", Row: 24, Does: "of a batch four requests are carried out, and the others answered 429"},
	{Name: "permanent_delete", Row: 28, Values: []string{"none"}, Does: "permanentDelete is not offered"},
	{Name: "undeletable", Row: 29, Loose: true, Does: "deleting a calendar is answered 503"},
	{Name: "locked", Row: 33, Does: "some writes are answered 423"},
}

// AllSwitches returns every switch, in the order of their rows.
func AllSwitches() []Switch {
	all := slices.Concat(reading, writing)
	slices.SortStableFunc(all, func(a, b Switch) int { return a.Row - b.Row })
	return all
}

// Switches are those that are on, by name, each with its value; one that has none has the empty value. Nil: all are off.
type Switches map[string]string

// ParseSwitches reads switches as in "page_504=100" and "bump_keys". Errors are Invalid and name what is wrong.
func ParseSwitches(texts ...string) (Switches, error) {
	set := Switches{}
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		if _, twice := set[name]; twice {
			return nil, fault.Field("switch", "%s is there twice", name)
		}
		set[name] = value
	}
	return set, set.check()
}

// MustSwitches is ParseSwitches for switches that are known to be right.
func MustSwitches(texts ...string) Switches {
	set, err := ParseSwitches(texts...)
	if err != nil {
		panic("graphsim: " + err.Error())
	}
	return set
}

func (s Switches) check() error {
	all := AllSwitches()
	for name, value := range s {
		i := slices.IndexFunc(all, func(one Switch) bool { return one.Name == name })
		if i < 0 {
			return fault.Field("switch", "%.60q is unknown", name)
		}
		switch one := all[i]; {
		case one.Number:
			if n, err := strconv.Atoi(value); err != nil || n < 1 {
				return fault.Field("switch", "%s must be a whole number above zero, not %.40q", name, value)
			}
		case one.Text:
			if value == "" {
				return fault.Field("switch", "%s needs a value", name)
			}
		case len(one.Values) == 0:
			if value != "" {
				return fault.Field("switch", "%s has no value", name)
			}
		case !slices.Contains(one.Values, value):
			return fault.Field("switch", "%s is %.40q: expected one of %s", name, value, strings.Join(one.Values, ", "))
		}
	}
	return nil
}

// String is the text that ParseSwitches reads, in the order of the names and with commas between.
func (s Switches) String() string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if s[name] == "" {
			texts = append(texts, name)
		} else {
			texts = append(texts, name+"="+s[name])
		}
	}
	return strings.Join(texts, ",")
}

// Loose says whether one of the switches is.
func (s Switches) Loose() bool {
	return slices.ContainsFunc(AllSwitches(), func(one Switch) bool { _, on := s[one.Name]; return on && one.Loose })
}

// EachSwitch returns every value of every switch by itself.
func EachSwitch() (sets []Switches) {
	for _, one := range AllSwitches() {
		for _, value := range one.values() {
			sets = append(sets, Switches{one.Name: value})
		}
	}
	return sets
}

func (s Switch) values() []string {
	if len(s.Values) == 0 {
		return []string{""}
	}
	return s.Values
}

// RandomSwitches returns a random set: each switch is on with the probability.
func RandomSwitches(random *rand.Rand, probability float64) Switches {
	set := Switches{}
	for _, one := range AllSwitches() {
		values := one.values()
		if value := values[random.IntN(len(values))]; random.Float64() < probability {
			set[one.Name] = value
		}
	}
	return set
}

// SetSwitches puts other switches in the place of those that are on. Errors are Invalid.
func (s *Server) SetSwitches(set Switches) error {
	if err := set.check(); err != nil {
		return err
	}
	set = maps.Clone(set)
	s.switches.Store(&set)
	return nil
}

// Switches returns those that are on.
func (s *Server) Switches() Switches { return maps.Clone(*s.switches.Load()) }

// Turn lets what some switches change from time to time change once more.
func (s *Server) Turn() { s.turns.Add(1) }

// on says whether a switch is on.
func (s *Server) on(name string) bool {
	_, on := (*s.switches.Load())[name]
	return on
}

// value is that of a switch; empty if it is off.
func (s *Server) value(name string) string { return (*s.switches.Load())[name] }

// number is the value of a switch that is a number; 0 if it is off.
func (s *Server) number(name string) int {
	n, _ := strconv.Atoi(s.value(name)) // it was checked
	return n
}
