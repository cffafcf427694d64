package phrase

import (
	"regexp"
	"strconv"
	"strings"
)

// lineOf says which line of a field a failure is about.
var lineOf = regexp.MustCompile(`^(?:[\w.\[\]]+ )?line (\d+):? `)

// Failure is what failed, for the text of a failure: in English as it is, else a sentence of its own. A text that there are no words for, such as that of
// another program, is quoted.
func (l Language) Failure(text string) string {
	if l == English || text == "" {
		return text
	}
	before := ""
	if m := lineOf.FindStringSubmatch(text); m != nil {
		before = "Zeile " + m[1] + ": "
	}
	if said, known := german(text); known {
		return before + said
	}
	return before + "Auf Englisch gemeldet: „" + text + "“."
}

// german is the text of a failure in German; false: there is none.
func german(text string) (string, bool) {
	for _, f := range failures {
		if values, fits := match(text, f.has); fits {
			said := f.de
			for i, v := range values {
				said = strings.ReplaceAll(said, "$"+strconv.Itoa(i+1), v)
			}
			return said, true
		}
	}
	return "", false
}

// match says whether a text has what a pattern says, and what stands there for each of its *.
func match(text, pattern string) (values []string, fits bool) {
	parts := strings.Split(pattern, "*")
	at := strings.Index(text, parts[0])
	if at < 0 {
		return nil, false
	}
	rest := text[at+len(parts[0]):]
	for _, part := range parts[1:] {
		end := strings.Index(rest, part)
		switch {
		case part == "":
			end = len(rest)
		case end < 0:
			return nil, false
		}
		values, rest = append(values, rest[:end]), rest[end+len(part):]
	}
	return values, true
}
