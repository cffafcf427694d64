package graphsim

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"adminassistant/shared/calendar"
)

// eventTypes are the published definitions of the types that calendars and events are made of (microsoftgraph/msgraph-metadata, MIT License).
//
//go:embed event-types.csdl
var eventTypes []byte

// schema is the type definitions, read: https://docs.oasis-open.org/odata/odata-csdl-xml/v4.01/.
type schema struct {
	types map[string]*structure
	enums map[string][]string
}

// structure is an entity or a complex type with everything that it inherits.
type structure struct {
	name       string
	properties map[string]property
	navigation map[string]property
}

type property struct {
	name     string
	typ      string // "Edm.String", or the bare name of a type of the schema
	many     bool   // a collection of typ
	required bool   // null is not allowed
}

// graphTypes is the schema of the simulator. The definitions are part of the program, so they are known to be readable.
var graphTypes = sync.OnceValue(func() *schema {
	s, err := readSchema(eventTypes)
	if err != nil {
		panic("graphsim: event-types.csdl: " + err.Error())
	}
	return s
})

func readSchema(text []byte) (*schema, error) {
	type xmlProperty struct {
		Name     string `xml:",attr"`
		Type     string `xml:",attr"`
		Nullable string `xml:",attr"`
	}
	type xmlType struct {
		Name       string        `xml:",attr"`
		BaseType   string        `xml:",attr"`
		Properties []xmlProperty `xml:"Property"`
		Navigation []xmlProperty `xml:"NavigationProperty"`
	}
	var doc struct {
		Entities []xmlType `xml:"EntityType"`
		Complex  []xmlType `xml:"ComplexType"`
		Enums    []struct {
			Name    string `xml:",attr"`
			Members []struct {
				Name string `xml:",attr"`
			} `xml:"Member"`
		} `xml:"EnumType"`
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	s := &schema{types: map[string]*structure{}, enums: map[string][]string{}}
	for _, e := range doc.Enums {
		for _, m := range e.Members {
			s.enums[e.Name] = append(s.enums[e.Name], m.Name)
		}
	}
	all := append(doc.Entities, doc.Complex...)
	byName := map[string]xmlType{}
	for _, t := range all {
		byName[t.Name] = t
	}
	add := func(to map[string]property, from []xmlProperty) {
		for _, p := range from {
			inner, many := strings.CutPrefix(p.Type, "Collection(")
			inner = strings.TrimSuffix(inner, ")")
			to[p.Name] = property{name: p.Name, typ: strings.TrimPrefix(inner, "graph."), many: many, required: p.Nullable == "false"}
		}
	}
	for _, t := range all {
		whole := &structure{name: t.Name, properties: map[string]property{}, navigation: map[string]property{}}
		for part, ok := t, true; ok; part, ok = byName[strings.TrimPrefix(part.BaseType, "graph.")] {
			add(whole.properties, part.Properties)
			add(whole.navigation, part.Navigation)
		}
		s.types[t.Name] = whole
	}
	return s, nil
}

// object is a JSON object as encoding/json reads it, with numbers as json.Number.
type object = map[string]any

// checkObject checks value against a structure and returns it in canonical form: words of enumerations spelt as defined, annotations ("@odata.type") left out.
// Navigation properties are allowed where nav says so. Errors are what Graph answers.
func (s *schema) checkObject(typ string, value object, nav func(name string) bool) (object, error) {
	t := s.types[typ]
	checked := make(object, len(value))
	for name, v := range value {
		if strings.HasPrefix(name, "@odata.") || strings.HasSuffix(name, "@odata.type") || strings.HasSuffix(name, "@odata.context") {
			continue
		}
		p, ok := t.properties[name]
		if !ok {
			if p, ok = t.navigation[name]; !ok || nav == nil || !nav(name) {
				return nil, badBody("The property '%.100s' does not exist on type 'microsoft.graph.%s'. "+
					"Make sure to only use property names that are defined by the type.", name, typ)
			}
		}
		c, err := s.check(p, v)
		if err != nil {
			return nil, err
		}
		checked[name] = c
	}
	return checked, nil
}

func (s *schema) check(p property, v any) (any, error) {
	if v == nil {
		if p.required {
			return nil, badBody("A null value was found for the property named '%s', which has the expected type '%s[Nullable=False]'.", p.name, p.typ)
		}
		return nil, nil
	}
	if !p.many {
		return s.checkOne(p, v)
	}
	list, ok := v.([]any)
	if !ok {
		return nil, badBody("The property '%s' must be a collection: expected an array of '%s'.", p.name, p.typ)
	}
	checked := make([]any, len(list))
	for i, element := range list {
		if element == nil {
			return nil, badBody("A null value was found in the collection '%s'.", p.name)
		}
		c, err := s.checkOne(p, element)
		if err != nil {
			return nil, err
		}
		checked[i] = c
	}
	return checked, nil
}

func (s *schema) checkOne(p property, v any) (any, error) {
	wrong := func() (any, error) {
		text, _ := json.Marshal(v)
		return nil, badBody("Cannot convert the literal '%.60s' of property '%s' to the expected type '%s'.", text, p.name, p.typ)
	}
	switch p.typ {
	case "Edm.Boolean":
		if _, ok := v.(bool); !ok {
			return wrong()
		}
		return v, nil
	case "Edm.Int32":
		n, _ := v.(json.Number)
		if _, err := strconv.ParseInt(n.String(), 10, 32); err != nil {
			return wrong()
		}
		return v, nil
	case "Edm.Double":
		n, _ := v.(json.Number)
		if _, err := n.Float64(); err != nil {
			return wrong()
		}
		return v, nil
	}
	if t := s.types[p.typ]; t != nil {
		o, ok := v.(object)
		if !ok {
			return wrong()
		}
		return s.checkObject(p.typ, o, nil)
	}
	text, ok := v.(string)
	if !ok {
		return wrong()
	}
	if members := s.enums[p.typ]; members != nil {
		i := slices.IndexFunc(members, func(m string) bool { return strings.EqualFold(m, text) })
		if i < 0 {
			return nil, badBody("Requested value '%.60s' was not found: the property '%s' is one of %s.", text, p.name, strings.Join(members, ", "))
		}
		return members[i], nil
	}
	switch p.typ {
	case "Edm.DateTimeOffset":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return wrong()
		}
	case "Edm.Date":
		if _, err := calendar.ParseDate(text); err != nil {
			return wrong()
		}
	case "Edm.TimeOfDay":
		if !timeOfDay.MatchString(text) {
			return wrong()
		}
	case "Edm.Binary":
		if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			return wrong()
		}
	default:
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r < ' ' && r != '\t' && r != '\n' && r != '\r' }) {
			return nil, badValue("The property '%s' has control characters.", p.name)
		}
	}
	return text, nil
}

var timeOfDay = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,12})?$`)

// find returns the type of a property path such as start/dateTime.
func (s *schema) find(typ, path string) (property, bool) {
	var p property
	for name := range strings.SplitSeq(path, "/") {
		t := s.types[typ]
		if t == nil || p.many {
			return property{}, false
		}
		var ok bool
		if p, ok = t.properties[name]; !ok {
			return property{}, false
		}
		typ = p.typ
	}
	return p, true
}
