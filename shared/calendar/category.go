package calendar

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

// Category is one of the categories that an account keeps for its events (Outlook's "master categories"): a name, which stays as it was made, and a colour.
type Category struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Colour string `json:"colour"` // see Colours
}

// NoColour is that of a category without one.
const NoColour = "none"

// Colours are those that a category may have, as Microsoft Graph names them: none, preset0 to preset24.
var Colours = func() []string {
	all := []string{NoColour}
	for i := range 25 {
		all = append(all, "preset"+strconv.Itoa(i))
	}
	return all
}()

// maxCategory is how many characters the name of a category has, as in Outlook.
const maxCategory = 255

// Check checks a category that is to be kept; errors are of kind fault.Invalid and name the field.
func (c *Category) Check() error {
	control := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }
	switch {
	case c.Name == "":
		return fault.Field("name", "is missing")
	case c.Name != strings.TrimSpace(c.Name), !utf8.ValidString(c.Name), utf8.RuneCountInString(c.Name) > maxCategory, strings.ContainsFunc(c.Name, control):
		return fault.Field("name", "must have 1 to %d characters, without control characters or space around them", maxCategory)
	}
	return CheckColour(c.Colour)
}

// CheckColour checks a colour; errors are as of Check.
func CheckColour(colour string) error {
	if !slices.Contains(Colours, colour) {
		return fault.Field("colour", "must be none, or preset0 to preset24, not %.20q", colour)
	}
	return nil
}
