package graphsim

import (
	"math"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// maxFilter bounds a filter: its nodes, and how deeply they are nested.
const (
	maxFilterNodes = 500
	maxFilterDepth = 50
)

// node is a condition of a $filter: comparisons of a property with a constant, contains, startswith and endswith, any on
// collections, and, or, not and parentheses.
type node interface {
	holds(on facts) bool
}

// facts are what a condition is about: the value of a property path as JSON has it. A variable's own value has the path "".
type facts func(path string) any

type (
	andNode struct{ a, b node }
	orNode  struct{ a, b node }
	notNode struct{ of node }
	cmpNode struct {
		path, op string
		value    any
		exact    bool // letters count as they are
		instant  bool // a time, however it is written
	}
	textNode struct{ function, path, value string }
	anyNode  struct {
		path string
		of   node // about one element; nil: there is one
	}
)

func (n andNode) holds(on facts) bool { return n.a.holds(on) && n.b.holds(on) }
func (n orNode) holds(on facts) bool  { return n.a.holds(on) || n.b.holds(on) }
func (n notNode) holds(on facts) bool { return !n.of.holds(on) }

func (n textNode) holds(on facts) bool {
	text, _ := on(n.path).(string)
	text, value := strings.ToLower(text), strings.ToLower(n.value)
	switch n.function {
	case "contains":
		return strings.Contains(text, value)
	case "startswith":
		return strings.HasPrefix(text, value)
	}
	return strings.HasSuffix(text, value)
}

func (n anyNode) holds(on facts) bool {
	list, _ := on(n.path).([]any)
	if n.of == nil {
		return len(list) > 0
	}
	for _, element := range list {
		if n.of.holds(factsOf(element)) {
			return true
		}
	}
	return false
}

func (n cmpNode) holds(on facts) bool {
	v := on(n.path)
	if v == nil || n.value == nil {
		same := v == nil && n.value == nil
		return n.op == "eq" && same || n.op == "ne" && !same
	}
	order := compare(v, n.value, n.exact, n.instant)
	switch n.op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	}
	return order <= 0
}

// compare orders two JSON values of one type.
func compare(a, b any, exact, instant bool) int {
	switch a := a.(type) {
	case bool:
		b, _ := b.(bool)
		switch {
		case a == b:
			return 0
		case a:
			return 1
		}
		return -1
	case string:
		b, _ := b.(string)
		if instant {
			at, _ := calendar.DateTime{Local: a}.Instant(time.UTC)
			bt, _ := calendar.DateTime{Local: b}.Instant(time.UTC)
			return at.Compare(bt)
		}
		if !exact {
			a, b = strings.ToLower(a), strings.ToLower(b)
		}
		return strings.Compare(a, b)
	}
	x, y := float(a), float(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func float(v any) float64 {
	text, ok := v.(interface{ String() string })
	if !ok {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(text.String(), 64)
	return f
}

// factsOf looks paths up in a JSON value.
func factsOf(v any) facts {
	return func(path string) any {
		at := v
		for name := range strings.SplitSeq(path, "/") {
			if name == "" {
				continue
			}
			o, _ := at.(object)
			at = o[name]
		}
		return at
	}
}

// filterParser reads a $filter by recursive descent.
type filterParser struct {
	tokens []lexeme
	nodes  int
	depth  int
	scopes []scope // the innermost one last
}

// scope is what paths are looked up in: the entity, or a variable of any.
type scope struct {
	variable string // empty: the entity itself
	typ      string
	extended bool // extended properties, whose ids have one form
}

type lexeme struct {
	kind byte // 'w' word or path, 's' string, 'n' number, or the sign itself
	text string
}

// parseFilter reads a $filter for an entity.
func parseFilter(entity, text string) (node, error) {
	tokens, err := filterTokens(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{tokens: tokens, scopes: []scope{{typ: entity, extended: strings.HasSuffix(entity, "LegacyExtendedProperty")}}}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, p.syntax()
	}
	return n, nil
}

func badFilter(format string, args ...any) error {
	return fail(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes: "+format, args...)
}

func filterTokens(text string) (tokens []lexeme, err error) {
	for i := 0; i < len(text); {
		switch b := text[i]; {
		case b == ' ' || b == '\t':
			i++
		case b == '(' || b == ')' || b == ',' || b == ':':
			tokens = append(tokens, lexeme{b, text[i : i+1]})
			i++
		case b == '\'':
			var value strings.Builder
			closed := false
			for i++; i < len(text) && !closed; i++ {
				switch {
				case text[i] != '\'':
					value.WriteByte(text[i])
				case i+1 < len(text) && text[i+1] == '\'':
					value.WriteByte('\'')
					i++
				default:
					closed = true
				}
			}
			if !closed {
				return nil, badFilter("a string has no end")
			}
			tokens = append(tokens, lexeme{'s', value.String()})
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t(),'", rune(text[end])) && !(text[end] == ':' && !isDigit(text[i])) {
				end++
			}
			kind := byte('w')
			if isDigit(b) || b == '-' {
				kind = 'n'
			}
			tokens = append(tokens, lexeme{kind, text[i:end]})
			i = end
		}
	}
	return tokens, nil
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func (p *filterParser) syntax() error {
	if len(p.tokens) == 0 {
		return badFilter("it ends too early")
	}
	return badFilter("a syntax error at '%.60s'", p.tokens[0].text)
}

func (p *filterParser) next() lexeme {
	if len(p.tokens) == 0 {
		return lexeme{}
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *filterParser) word(text string) bool {
	if len(p.tokens) > 0 && p.tokens[0].kind == 'w' && strings.EqualFold(p.tokens[0].text, text) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *filterParser) sign(b byte) error {
	if len(p.tokens) == 0 || p.tokens[0].kind != b {
		return p.syntax()
	}
	p.tokens = p.tokens[1:]
	return nil
}

func (p *filterParser) or() (node, error) {
	a, err := p.and()
	for err == nil && p.word("or") {
		var b node
		b, err = p.and()
		a = orNode{a, b}
	}
	return a, err
}

func (p *filterParser) and() (node, error) {
	a, err := p.primary()
	for err == nil && p.word("and") {
		var b node
		b, err = p.primary()
		a = andNode{a, b}
	}
	return a, err
}

func (p *filterParser) primary() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.nodes++; p.nodes > maxFilterNodes || p.depth > maxFilterDepth {
		return nil, badFilter("there are too many")
	}
	if p.word("not") {
		of, err := p.primary()
		return notNode{of}, err
	}
	switch t := p.next(); {
	case t.kind == '(':
		n, err := p.or()
		if err == nil {
			err = p.sign(')')
		}
		return n, err
	case t.kind == 0:
		return nil, badFilter("it ends too early")
	case t.kind != 'w':
		return nil, badFilter("a syntax error at '%.60s'", t.text)
	case t.text == "contains" || t.text == "startswith" || t.text == "endswith":
		return p.function(t.text)
	case len(p.tokens) > 0 && p.tokens[0].kind == '(':
		return p.any(t.text)
	default:
		return p.comparison(t.text)
	}
}

// resolve finds the type of a path in the innermost scope.
func (p *filterParser) resolve(path string) (local string, of property, in scope, err error) {
	in = p.scopes[len(p.scopes)-1]
	local = path
	if in.variable != "" {
		variable, rest, _ := strings.Cut(path, "/")
		if variable != in.variable {
			return "", of, in, badFilter("'%.60s' does not begin with the variable %s", path, in.variable)
		}
		if local = rest; rest == "" {
			return "", property{name: variable, typ: in.typ}, in, nil
		}
	}
	of, ok := graphTypes().find(in.typ, local)
	if !ok {
		return "", of, in, badQuery("Could not find a property named '%.60s' on type 'microsoft.graph.%s'.", local, in.typ)
	}
	return local, of, in, nil
}

func (p *filterParser) function(name string) (node, error) {
	if err := p.sign('('); err != nil {
		return nil, err
	}
	path, of, _, err := p.resolve(p.next().text)
	if err != nil {
		return nil, err
	}
	if of.many || of.typ != "Edm.String" {
		return nil, badFilter("%s needs a text, and '%.60s' is none", name, path)
	}
	if err := p.sign(','); err != nil {
		return nil, err
	}
	value := p.next()
	if value.kind != 's' {
		return nil, badFilter("%s needs a string in quotes", name)
	}
	return textNode{name, path, value.text}, p.sign(')')
}

// any reads collection/any(v:condition); the collection's path has been read.
func (p *filterParser) any(text string) (node, error) {
	at := strings.LastIndex(text, "/")
	if at < 0 || !strings.EqualFold(text[at+1:], "any") || len(p.scopes) > 1 {
		return nil, badFilter("'%.60s' is not a function that is known", text)
	}
	path := text[:at]
	in := p.scopes[0]
	of, known := graphTypes().find(in.typ, path)
	if !known {
		of, known = graphTypes().types[in.typ].navigation[path]
	}
	if !known || !of.many {
		return nil, badQuery("Could not find a collection named '%.60s' on type 'microsoft.graph.%s'.", path, in.typ)
	}
	if err := p.sign('('); err != nil {
		return nil, err
	}
	if p.sign(')') == nil {
		return anyNode{path: path}, nil
	}
	variable := p.next()
	if variable.kind != 'w' || strings.Contains(variable.text, "/") {
		return nil, badFilter("any needs a variable")
	}
	if err := p.sign(':'); err != nil {
		return nil, err
	}
	p.scopes = append(p.scopes, scope{variable.text, of.typ, strings.HasSuffix(of.typ, "LegacyExtendedProperty")})
	n, err := p.or()
	p.scopes = p.scopes[:1]
	if err == nil {
		err = p.sign(')')
	}
	return anyNode{path, n}, err
}

func (p *filterParser) comparison(text string) (node, error) {
	path, of, in, err := p.resolve(text)
	if err != nil {
		return nil, err
	}
	op := p.next().text
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
	default:
		return nil, badFilter("'%.60s' is not followed by a comparison", text)
	}
	n := cmpNode{path: path, op: op, exact: in.extended, instant: of.typ == "Edm.DateTimeOffset" || strings.HasSuffix(path, "/dateTime")}
	value := p.next()
	wrong := func() (node, error) {
		return nil, badFilter("'%.60s' cannot be compared with '%.60s'", text, value.text)
	}
	if value.kind == 'w' && value.text == "null" {
		return n, nil
	}
	switch of.typ {
	case "Edm.Boolean":
		if value.kind != 'w' || value.text != "true" && value.text != "false" {
			return wrong()
		}
		n.value = value.text == "true"
	case "Edm.Int32", "Edm.Double":
		f, err := strconv.ParseFloat(value.text, 64)
		if value.kind != 'n' || err != nil {
			return wrong()
		}
		n.value = filterNumber(f)
	default:
		if graphTypes().types[of.typ] != nil || of.many || value.kind != 's' && !(value.kind == 'n' && n.instant) {
			return wrong()
		}
		n.value = value.text
		if _, err := (calendar.DateTime{Local: value.text}).Instant(time.UTC); n.instant && err != nil {
			return wrong()
		}
		if in.extended && path == "id" {
			if n.value, err = extendedID(value.text); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

// filterNumber is a number as JSON values have it.
type filterNumber float64

func (f filterNumber) String() string { return strconv.FormatFloat(float64(f), 'g', -1, 64) }

// mentions says whether a filter asks for a property, in any of its conditions.
func mentions(n node, path string) bool {
	switch n := n.(type) {
	case andNode:
		return mentions(n.a, path) || mentions(n.b, path)
	case orNode:
		return mentions(n.a, path) || mentions(n.b, path)
	case notNode:
		return mentions(n.of, path)
	case anyNode:
		return n.path == path
	}
	return false
}
