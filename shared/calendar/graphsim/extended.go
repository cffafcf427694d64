package graphsim

import (
	"regexp"
	"slices"
	"strings"
)

// Extended properties are named "{type} {guid} Name {name}", "{type} {guid} Id {id}" or "{type} {proptag}":
// https://learn.microsoft.com/graph/api/resources/extended-properties-overview
var (
	extendedNamed = regexp.MustCompile(`^([A-Za-z]+) \{([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})\} (Name|Id) (.{1,255})$`)
	extendedTag   = regexp.MustCompile(`^([A-Za-z]+) (0x[0-9A-Fa-f]{1,8})$`)
	extendedTypes = []string{"ApplicationTime", "Binary", "Boolean", "CLSID", "Currency", "Double", "Error", "Float", "Integer", "Long", "Null",
		"Object", "Short", "String", "SystemTime"}
)

// extendedID checks the id of an extended property and returns it in its one form: type as documented, GUID in lower case.
func extendedID(text string) (string, error) {
	kind, rest := "", ""
	if m := extendedNamed.FindStringSubmatch(text); m != nil {
		kind, rest = m[1], "{"+strings.ToLower(m[2])+"} "+m[3]+" "+m[4]
	} else if m := extendedTag.FindStringSubmatch(text); m != nil {
		kind, rest = m[1], strings.ToLower(m[2])
	}
	base, array := strings.CutSuffix(kind, "Array")
	i := slices.IndexFunc(extendedTypes, func(t string) bool { return strings.EqualFold(t, base) })
	if i < 0 {
		return "", fail(400, "ErrorInvalidProperty", "The extended property id '%.100s' is not valid.", text)
	}
	if array {
		return extendedTypes[i] + "Array " + rest, nil
	}
	return extendedTypes[i] + " " + rest, nil
}

// readExtended reads singleValueExtendedProperties or multiValueExtendedProperties of a checked event: values by id. A null value removes a property.
func readExtended(list []any) (map[string]any, error) {
	values := map[string]any{}
	for _, one := range list {
		o := one.(object)
		text, _ := o["id"].(string)
		id, err := extendedID(text)
		if err != nil {
			return nil, err
		}
		values[id] = o["value"]
	}
	return values, nil
}
