package rule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// The bounds of a config's rules.
const (
	// MaxRules is how many rules a config may have, MaxConditions how many conditions a rule, and MaxValues how many texts a condition.
	MaxRules      = 100
	MaxConditions = 20
	MaxValues     = 100
	// MaxPattern is how long a regular expression may be, in bytes, and MaxProgram how many instructions the program may have that it compiles to.
	MaxPattern = 200
	MaxProgram = 200
	// MaxText is how many characters of a field are looked at. No other text may be longer.
	MaxText = 1000
	// MaxBytes is how large the rules of a config may be together, in bytes of JSON.
	MaxBytes = 128 << 10

	maxID       = 64
	maxName     = 100
	maxCategory = 255 // of Outlook
	maxMinutes  = 1_000_000
	maxProblems = 20
)

// Problems are the failures of several fields, each of kind fault.Invalid with the field's name.
type Problems []error

func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i, err := range p {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns them one by one.
func (p Problems) Unwrap() []error { return p }

// Read reads a list of rules, and checks it as Check does.
//
//	[{"id": "acme", "name": "Acme by domain", "on": true,
//	  "all": [{"field": "attendee_domain", "op": "domain", "any": ["acme.example"]}], "then": {"category": "Acme - billable"}}]
func Read(r io.Reader) ([]Rule, error) {
	var list *[]Draft
	if err := strictjson.Decode(r, &list); err != nil {
		if field := fault.FieldOf(err); strings.HasPrefix(field, "[") {
			return nil, fault.Field("rules"+field, "%s", strings.TrimPrefix(err.Error(), field+" "))
		}
		return nil, fmt.Errorf("the rules: %w", err)
	}
	if list == nil {
		return nil, fault.New(fault.Invalid, "the rules are null, and should be an array")
	}
	return Check(*list)
}

// Check makes rules of drafts. An error has all that is wrong, up to 20 things, as Problems: each is of kind fault.Invalid and names the field, as
// in "rules[3].all[0].any[1]".
func Check(drafts []Draft) ([]Rule, error) {
	c := &checker{}
	if len(drafts) > MaxRules {
		return nil, Problems{fault.Field("rules", "has %d rules; there may be %d at most", len(drafts), MaxRules)}
	}
	rules := make([]Rule, len(drafts))
	ids := map[string]int{}
	for i := range drafts {
		at := fmt.Sprintf("rules[%d]", i)
		rules[i] = c.rule(at, &drafts[i])
		id := strings.ToLower(drafts[i].ID)
		if other, taken := ids[id]; taken && id != "" {
			c.say(at+".id", "is that of rules[%d], too: %q; each rule needs one of its own", other, drafts[i].ID)
		} else {
			ids[id] = i
		}
	}
	if len(c.problems) == 0 {
		if size := Size(rules); size > MaxBytes {
			c.say("rules", "are too large together: %d KB, at most %d are possible", size>>10, MaxBytes>>10)
		}
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return rules, nil
}

// Size is how large rules are together, in bytes of JSON.
func Size(rules []Rule) int {
	text, err := json.Marshal(rules)
	if err != nil {
		panic("rule: rules do not encode: " + err.Error()) // plain data
	}
	return len(text)
}

// checker collects what is wrong.
type checker struct{ problems Problems }

func (c *checker) say(field, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fault.Field(field, format, args...))
	}
}

func (c *checker) rule(at string, d *Draft) Rule {
	r := Rule{ID: d.ID, Name: d.Name, On: d.On == nil || *d.On, Version: d.Version}
	if !ValidID(d.ID) {
		c.say(at+".id", "must have 1 to %d letters, digits, - and _, not %.80q", maxID, d.ID)
	}
	if !line(d.Name, maxName) {
		c.say(at+".name", "must have 1 to %d characters, without control characters or space around them", maxName)
	}
	if d.Version < 0 {
		c.say(at+".version", "must not be below 0")
	}
	if len(d.All) == 0 {
		c.say(at+".all", "is empty: a rule needs one condition at least")
	}
	if len(d.All) > MaxConditions {
		c.say(at+".all", "has %d conditions; there may be %d at most", len(d.All), MaxConditions)
		d.All = d.All[:MaxConditions]
	}
	for i := range d.All {
		r.All = append(r.All, c.condition(fmt.Sprintf("%s.all[%d]", at, i), &d.All[i]))
	}
	if d.Then == nil || *d.Then == (Effect{}) {
		c.say(at+".then", "is empty: say category, privacy, exclude or travel")
		return r
	}
	r.Then = *d.Then
	c.effect(at+".then", &r.Then)
	return r
}

// ValidID says whether a text can be the id of a rule.
func ValidID(id string) bool {
	return id != "" && len(id) <= maxID && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}

// line says whether a text is one line with 1 to most characters, and no space around it.
func line(text string, most int) bool {
	return text != "" && text == strings.TrimSpace(text) && utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

func (c *checker) effect(at string, e *Effect) {
	if e.Category != "" {
		switch customer, _, err := category.Read(e.Category); {
		case err != nil:
			c.say(at+".category", "cannot be read: %v; it is %.80q", err, e.Category)
		case customer == "":
			c.say(at+".category", "names no customer: %.80q", e.Category)
		case !line(e.Category, maxCategory):
			c.say(at+".category", "must have 1 to %d characters, without control characters or space around them", maxCategory)
		}
	}
	if e.Privacy != "" && !slices.Contains(levels, e.Privacy) {
		c.say(at+".privacy", "must be one of %s, not %.80q", list(levels), e.Privacy)
	}
}

func (c *checker) condition(at string, d *DraftCondition) Condition {
	made := Condition{Field: d.Field, Op: d.Op}
	known := ops[d.Field]
	switch {
	case known == nil:
		c.say(at+".field", "must be one of %s, not %.80q", list(fields), d.Field)
	case !slices.Contains(allOps, d.Op):
		c.say(at+".op", "must be one of %s, not %.80q", list(allOps), d.Op)
	case !slices.Contains(known, d.Op):
		c.say(at+".op", "of %s must be one of %s, not %s", d.Field, list(known), d.Op)
		known = nil
	}
	switch {
	case len(d.Any) == 0:
		c.say(at+".any", "is empty: say with what %s is compared", cut(string(d.Field), 40))
	case len(d.Any) > MaxValues:
		c.say(at+".any", "has %d values; there may be %d at most", len(d.Any), MaxValues)
	case known != nil && slices.Contains(known, d.Op):
		for i, v := range d.Any {
			text, err := value(d.Field, d.Op, string(v))
			if err != nil {
				c.say(fmt.Sprintf("%s.any[%d]", at, i), "%w", err)
			}
			made.Any = append(made.Any, text)
		}
	}
	return made
}

// value checks one text of a condition, and returns it as it is kept.
func value(f Field, op Op, text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("is empty")
	case !utf8.ValidString(text):
		return "", errors.New("is no UTF-8")
	case op == Regex:
		_, err := compile(text)
		return text, err
	case utf8.RuneCountInString(text) > MaxText:
		return "", fmt.Errorf("has more than %d characters", MaxText)
	}
	switch f {
	case AllDay:
		if text = calendar.Folded(text); text != "true" && text != "false" {
			return "", fmt.Errorf("must be true or false, not %.80q", text)
		}
	case ShowAs:
		for _, s := range shown {
			if calendar.Folded(string(s)) == calendar.Folded(text) {
				return string(s), nil
			}
		}
		return "", fmt.Errorf("must be one of %s, not %.80q", list(shown), text)
	case Weekday:
		for day := time.Sunday; day <= time.Saturday; day++ {
			if calendar.Folded(day.String()) == calendar.Folded(text) {
				return day.String(), nil
			}
		}
		return "", fmt.Errorf("must be a day in English as in Monday, not %.80q", text)
	case StartTime:
		if _, ok := clock(text); !ok {
			return "", fmt.Errorf("must be a time of day as in 09:30, not %.80q", text)
		}
	case Duration:
		if _, ok := minutes(text); !ok {
			return "", fmt.Errorf("must be a number of minutes from 0 to %d, not %.80q", maxMinutes, text)
		}
	default:
		return text, ofText(f, op, text)
	}
	return text, nil
}

// ofText says what is wrong with a text with which texts are compared.
func ofText(f Field, op Op, text string) error {
	switch {
	case folded(f, text) == "":
		return errors.New("is white space alone")
	case op == Word && strings.IndexFunc(text, inWord) < 0:
		return fmt.Errorf("is no word: %.80q has neither a letter nor a digit", text)
	case op == Domain && !domain(text):
		return fmt.Errorf("must be a domain as in acme.example, without @ and what is before it, not %.80q", text)
	}
	return nil
}

// domain says whether a text has the form of a domain. Names in other scripts are written as they are read.
func domain(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool { return !inWord(r) && !unicode.IsMark(r) && r != '-' && r != '_' }) {
			return false
		}
	}
	return true
}

// clock reads a time of day as minutes since midnight.
func clock(text string) (int, bool) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil && len(text) == len("15:04")
}

// minutes reads a number of minutes.
func minutes(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= maxMinutes && strconv.Itoa(n) == text
}

// compile compiles a pattern that is within the bounds. It matches text in NFC.
func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > MaxPattern {
		return nil, fmt.Errorf("has %d bytes; a regular expression may have %d at most", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(norm.NFC.String(pattern), syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, fmt.Errorf("is no regular expression of RE2: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("is no regular expression of RE2: %w", err)
	}
	if n := len(program.Inst); n > MaxProgram {
		return nil, fmt.Errorf("is too large: it compiles to %d instructions, at most %d are possible", n, MaxProgram)
	}
	return regexp.Compile("(?i)" + norm.NFC.String(pattern))
}

func list[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
