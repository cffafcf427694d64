package rule

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"adminassistant/shared/calendar"
)

// Set is the compiled form of rules. It does not change, and may be shared.
type Set struct {
	Rules  []Rule
	texts  map[Field]*texts
	all    []test // of the fields that are no texts
	ruleOf []uint16
	needs  []int // by rule: how many conditions it has; 0: it is off
}

// test is a condition of a field that is no text, compiled.
type test struct {
	id    uint16
	field Field
	meets func(n int64) bool // n as numberOf gives it
}

// texts are the conditions of a field that holds text, in the forms in which they are found fast.
type texts struct {
	equals   map[string][]uint16
	domains  map[string][]uint16
	parts    parts // of contains and word
	patterns []pattern
}

// part is a text that another one may contain.
type part struct {
	text string
	word bool
	id   uint16
}

// pattern is a regular expression. What it matches contains one of the texts in needs, spelled as plain gives it; nil: it may match anything.
type pattern struct {
	*regexp.Regexp
	needs []string
	id    uint16
}

// Compile compiles rules that Check let pass.
func Compile(rules []Rule) (*Set, error) {
	s := &Set{Rules: rules, texts: map[Field]*texts{}, needs: make([]int, len(rules))}
	for i := range rules {
		if !rules[i].On {
			continue
		}
		s.needs[i] = len(rules[i].All)
		for j := range rules[i].All {
			if err := s.add(i, &rules[i].All[j]); err != nil {
				return nil, fmt.Errorf("rules[%d].all[%d]: %w", i, j, err)
			}
		}
	}
	return s, nil
}

// add adds a condition of a rule.
func (s *Set) add(rule int, c *Condition) error {
	id := uint16(len(s.ruleOf))
	s.ruleOf = append(s.ruleOf, uint16(rule))
	if !slices.Contains(ops[c.Field], c.Op) || len(c.Any) == 0 {
		return fmt.Errorf("%q cannot be compared by %q", c.Field, c.Op)
	}
	switch c.Field {
	case AllDay, ShowAs, Weekday, StartTime, Duration:
		return s.addTest(id, c)
	}
	t := s.texts[c.Field]
	if t == nil {
		t = &texts{equals: map[string][]uint16{}, domains: map[string][]uint16{}}
		s.texts[c.Field] = t
	}
	for _, text := range c.Any {
		same := folded(c.Field, text)
		switch c.Op {
		case Equals:
			t.equals[same] = append(t.equals[same], id)
		case Domain:
			t.domains[same] = append(t.domains[same], id)
		case Regex:
			compiled, err := compile(text)
			if err != nil {
				return err
			}
			t.patterns = append(t.patterns, pattern{compiled, required(compiled.String()), id})
		default:
			t.parts.add(part{text: same, word: c.Op == Word, id: id})
		}
	}
	return nil
}

// addTest adds a condition of a field that is no text.
func (s *Set) addTest(id uint16, c *Condition) error {
	numbers := make([]int64, len(c.Any))
	for i, text := range c.Any {
		n, ok := numberOf(c.Field, text)
		if !ok {
			return fmt.Errorf("%q is no %s", text, c.Field)
		}
		numbers[i] = n
	}
	least, most := slices.Min(numbers), slices.Max(numbers) // any of several will do
	meets := func(n int64) bool { return slices.Contains(numbers, n) }
	switch c.Op {
	case AtLeast:
		meets = func(n int64) bool { return n >= least }
	case AtMost:
		meets = func(n int64) bool { return n <= most }
	}
	s.all = append(s.all, test{id: id, field: c.Field, meets: meets})
	return nil
}

// numberOf is a text of a condition as the number that stands for it: of days their number in the week, of times the minutes since midnight, of
// durations nanoseconds, of words their place among all.
func numberOf(f Field, text string) (int64, bool) {
	switch f {
	case AllDay:
		return truth(text == "true"), text == "true" || text == "false"
	case ShowAs:
		i := slices.Index(shown, calendar.ShowAs(text))
		return int64(i), i >= 0
	case Weekday:
		for day := time.Sunday; day <= time.Saturday; day++ {
			if day.String() == text {
				return int64(day), true
			}
		}
		return 0, false
	case StartTime:
		n, ok := clock(text)
		return int64(n), ok
	}
	n, ok := minutes(text)
	return int64(n) * int64(time.Minute), ok
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Matcher says which rules events match. It remembers what it found of each value that a field had, and is for one goroutine.
type Matcher struct {
	set     *Set
	zone    *time.Location
	texts   map[Field]map[string][]uint16
	numbers map[number][]uint16
	asks    [5]bool // by place among numbered: whether any rule asks for it

	event int   // counts those that were looked at
	seen  []int // by condition: the last event that met it
	met   []int // by rule: how many of its conditions the event meets
	in    []int // by rule: the event that met counts for
	found []int
}

// number is a value of a field that is no text.
type number struct {
	field int
	n     int64
}

// numbered are the fields that are no texts.
var numbered = [...]Field{AllDay, ShowAs, Weekday, StartTime, Duration}

// Matcher returns a Matcher for events whose days are those of a zone.
func (s *Set) Matcher(zone *time.Location) *Matcher {
	m := &Matcher{
		set: s, zone: zone, texts: map[Field]map[string][]uint16{}, numbers: map[number][]uint16{},
		seen: make([]int, len(s.ruleOf)), met: make([]int, len(s.Rules)), in: make([]int, len(s.Rules)),
	}
	for f := range s.texts {
		m.texts[f] = map[string][]uint16{}
	}
	for _, t := range s.all {
		m.asks[slices.Index(numbered[:], t.field)] = true
	}
	return m
}

// Match returns the places of the rules that an event matches, in order. a is the event's appointment, with its times and the words that it has. The result
// is good until the next call.
func (m *Matcher) Match(e *calendar.Event, a *calendar.Appointment) []int {
	m.event++
	m.found = m.found[:0]
	m.text(Subject, e.Subject)
	m.text(Location, e.Location)
	m.address(OrganiserDomain, e.Organizer.Address)
	if m.set.texts[AttendeeDomain] != nil {
		for i := range e.Attendees {
			m.address(AttendeeDomain, e.Attendees[i].Address)
		}
	}
	for _, c := range e.Categories {
		m.text(SourceCategory, c)
	}
	for i, asked := range m.asks {
		if asked {
			m.number(i, a)
		}
	}
	slices.Sort(m.found)
	return m.found
}

// number looks at the value of a field that is no text.
func (m *Matcher) number(field int, a *calendar.Appointment) {
	at := number{field: field}
	switch numbered[field] {
	case AllDay:
		at.n = truth(a.AllDay)
	case ShowAs:
		at.n = int64(slices.Index(shown, a.ShowAs))
	case Weekday:
		at.n = int64(a.Day(m.zone).Weekday())
	case StartTime:
		local := a.Start.In(m.zone)
		at.n = int64(local.Hour()*60 + local.Minute())
	case Duration:
		at.n = int64(a.Duration())
	}
	ids, known := m.numbers[at]
	if !known {
		for _, t := range m.set.all {
			if t.field == numbered[field] && t.meets(at.n) {
				ids = append(ids, t.id)
			}
		}
		m.numbers[at] = ids
	}
	m.meet(ids)
}

// address looks at the domain of an address; one that Exchange uses inside has none.
func (m *Matcher) address(f Field, address string) {
	if domain := DomainOf(address); domain != "" {
		m.text(f, domain)
	}
}

// DomainOf returns the domain of an e-mail address, as it is written; empty: it has none.
func DomainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || strings.HasPrefix(address, "/") {
		return ""
	}
	return address[at+1:]
}

// text looks at one value of a field.
func (m *Matcher) text(f Field, text string) {
	t := m.set.texts[f]
	if t == nil {
		return
	}
	ids, known := m.texts[f][text]
	if !known {
		ids = t.find(f, text)
		m.texts[f][text] = ids
	}
	m.meet(ids)
}

// meet notes that the event meets some conditions.
func (m *Matcher) meet(ids []uint16) {
	for _, id := range ids {
		if m.seen[id] == m.event {
			continue // another value of the field does, too
		}
		m.seen[id] = m.event
		r := int(m.set.ruleOf[id])
		if m.in[r] != m.event {
			m.in[r], m.met[r] = m.event, 0
		}
		if m.met[r]++; m.met[r] == m.set.needs[r] {
			m.found = append(m.found, r)
		}
	}
}

// find returns the conditions that a text meets.
func (t *texts) find(f Field, text string) (ids []uint16) {
	same := folded(f, text)
	ids = append(ids, t.equals[same]...)
	if len(t.domains) > 0 {
		for at := same; ; {
			ids = append(ids, t.domains[at]...)
			_, above, found := strings.Cut(at, ".")
			if !found {
				break
			}
			at = above
		}
	}
	t.parts.find(same, func(id uint16) { ids = append(ids, id) })
	if len(t.patterns) > 0 {
		composed := bounded(text)
		plain := plain(composed)
		for i := range t.patterns {
			if p := &t.patterns[i]; p.possible(plain) && p.MatchString(composed) {
				ids = append(ids, p.id)
			}
		}
	}
	return ids
}

// possible says whether the pattern can match what has that plain spelling.
func (p *pattern) possible(plain string) bool {
	return p.needs == nil || slices.ContainsFunc(p.needs, func(need string) bool { return strings.Contains(plain, need) })
}

// parts finds which of many texts another one contains, at a cost that hardly depends on how many they are: it looks each text up by its first bytes.
type parts struct {
	short []part // those with less than key bytes
	by    map[[key]byte][]part
}

const key = 3

func (p *parts) add(one part) {
	if len(one.text) < key {
		p.short = append(p.short, one)
		return
	}
	if p.by == nil {
		p.by = map[[key]byte][]part{}
	}
	first := [key]byte([]byte(one.text[:key]))
	p.by[first] = append(p.by[first], one)
}

// find calls each for every part of a text, perhaps several times.
func (p *parts) find(text string, each func(id uint16)) {
	for i := range p.short {
		for at := 0; ; {
			next := strings.Index(text[at:], p.short[i].text)
			if next < 0 {
				break
			}
			if at += next; p.short[i].at(text, at) {
				each(p.short[i].id)
				break
			}
			at++
		}
	}
	if len(p.by) == 0 {
		return
	}
	for at := 0; at+key <= len(text); at++ {
		some := p.by[[key]byte([]byte(text[at:at+key]))]
		for i := range some {
			if strings.HasPrefix(text[at:], some[i].text) && some[i].at(text, at) {
				each(some[i].id)
			}
		}
	}
}

// at says whether the part counts where it stands in a text: anywhere, but a word only between what belongs to no word.
func (p *part) at(text string, at int) bool {
	if !p.word {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at+len(p.text):])
	return (at == 0 || !inWord(before)) && (at+len(p.text) == len(text) || !inWord(after))
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// bounded is the beginning of a text as far as it counts, in NFC.
func bounded(text string) string {
	const longest = 4 // code points that are one in NFC
	text = cut(text, longest*MaxText)
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	return cut(text, MaxText)
}

// cut returns the first characters of a text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for at := range text {
		if n++; n > most {
			return text[:at]
		}
	}
	return text
}

// folded is the beginning of a text as it is compared. Of categories no difference of white space counts.
func folded(f Field, text string) string {
	text = bounded(text)
	if f == SourceCategory {
		return calendar.Folded(text)
	}
	if lower, ok := ascii(text); ok {
		return lower
	}
	return norm.NFC.String(cases.Fold().String(text))
}

// ascii returns a text of ASCII in lower case.
func ascii(text string) (string, bool) {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(text), true
}

// plain is a text in which each letter stands for all those that differ from it in case alone, as regular expressions compare them.
func plain(text string) string {
	if lower, ok := ascii(text); ok {
		return lower
	}
	return strings.Map(first, text)
}

// first is the first of the letters that differ in case alone; of those in ASCII the small one.
func first(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if least >= 'A' && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// required returns texts, spelled as plain gives them, of which each match of a pattern contains one. Nil: there are none.
func required(pattern string) []string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return requiredOf(parsed)
}

// fewAlternatives is how many texts are looked for at most before the pattern itself is.
const fewAlternatives = 16

func requiredOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{plain(string(re.Rune))}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredOf(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if found := requiredOf(sub); found != nil && (best == nil || shortest(found) > shortest(best)) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			found := requiredOf(sub)
			if found == nil || len(all)+len(found) > fewAlternatives {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

func shortest(texts []string) int {
	least := len(texts[0])
	for _, t := range texts {
		least = min(least, len(t))
	}
	return least
}
