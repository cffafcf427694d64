package infratest

import (
	"regexp"
	"strings"
)

// substituted are the names in a text of Fn::Sub.
var substituted = regexp.MustCompile(`\$\{([A-Za-z0-9]+)[.}]`)

// Refers returns the logical ids of resources that a value refers to by a function of CloudFormation, in any order.
func (t Template) Refers(value any) (ids []string) {
	add := func(name any) {
		if id, ok := name.(string); ok {
			if id, _, _ = strings.Cut(id, "."); t.Resources[id].Type != "" {
				ids = append(ids, id)
			}
		}
	}
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			ids = append(ids, t.Refers(one)...)
		}
	case map[string]any:
		for name, one := range v {
			switch name {
			case "Ref":
				add(one)
			case "Fn::GetAtt":
				if parts, ok := one.([]any); ok && len(parts) > 0 {
					one = parts[0]
				}
				add(one)
			case "Fn::Sub":
				text := one
				if parts, ok := one.([]any); ok && len(parts) > 0 {
					text = parts[0]
				}
				if text, ok := text.(string); ok {
					for _, found := range substituted.FindAllStringSubmatch(text, -1) {
						add(found[1])
					}
				}
			}
			ids = append(ids, t.Refers(one)...)
		}
	}
	return ids
}

// Closure returns the logical ids of all that CloudFormation has made before it begins with a resource.
func (t Template) Closure(id string) map[string]bool {
	before := map[string]bool{}
	var walk func(id string)
	walk = func(id string) {
		r := t.Resources[id]
		for _, next := range append(t.Refers(r.Properties), append(t.Refers(r.UpdatePolicy), r.DependsOn...)...) {
			if !before[next] {
				before[next] = true
				walk(next)
			}
		}
	}
	walk(id)
	return before
}

// Texts returns every text in a value, in any order, names of members left out.
func Texts(value any) (all []string) {
	switch v := value.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, one := range v {
			all = append(all, Texts(one)...)
		}
	case map[string]any:
		for _, one := range v {
			all = append(all, Texts(one)...)
		}
	}
	return all
}
