package web

import (
	"regexp"
	"strings"
)

// lineOf says which line of a field a failure is about.
var lineOf = regexp.MustCompile(`^line (\d+) `)

// failure is what is wrong, as a sentence in the person's language.
func (s speech) failure(text string) string {
	if s.lang != "de" {
		return sentence(text)
	}
	before := ""
	if m := lineOf.FindStringSubmatch(text); m != nil {
		before = s.t("failure.line", m[1]) + " "
	}
	for _, f := range failures {
		if strings.Contains(text, f.has) {
			return before + f.de
		}
	}
	return sentence(text)
}
