package pdf

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// missing stands for a letter that the font does not have.
const missing = '□'

const zeroWidthJoiner = '\u200d'

// longestText is how many letters of a text are shown.
const longestText = 600

// glyphs are the letters that a font has, as bits.
type glyphs [1 << 16 / 64]uint64

func (g *glyphs) has(r rune) bool { return r >= 0 && r < 1<<16 && g[r/64]&(1<<(r%64)) != 0 }

// readGlyphs reads the letters of a TrueType font: the table cmap, of its form 4. A font without one has none.
func readGlyphs(font []byte) *glyphs {
	g := new(glyphs)
	u16 := func(at int) int {
		if at < 0 || at+2 > len(font) {
			return 0
		}
		return int(binary.BigEndian.Uint16(font[at:]))
	}
	u32 := func(at int) int { return u16(at)<<16 | u16(at+2) }
	for i := range u16(4) {
		record := 12 + 16*i
		if record+16 > len(font) || string(font[record:record+4]) != "cmap" {
			continue
		}
		cmap := u32(record + 8)
		for n := range u16(cmap + 2) {
			table := cmap + u32(cmap+4+8*n+4)
			if u16(table) != 4 {
				continue
			}
			segments := u16(table+6) / 2
			ends, starts := table+14, table+16+2*segments
			deltas, offsets := starts+2*segments, starts+4*segments
			for s := range segments {
				for r := u16(starts + 2*s); r <= u16(ends+2*s) && r < 0xffff; r++ {
					glyph := r + u16(deltas+2*s)
					if offset := u16(offsets + 2*s); offset != 0 {
						if glyph = u16(offsets + 2*s + offset + 2*(r-u16(starts+2*s))); glyph != 0 {
							glyph += u16(deltas + 2*s)
						}
					}
					if glyph&0xffff != 0 {
						g[r/64] |= 1 << (r % 64)
					}
				}
			}
		}
	}
	return g
}

// shown is text as the font can show it, on one line: what the font has no letter for is a box.
func (g *glyphs) shown(text string) string {
	var out strings.Builder
	boxed, joined, n := false, false, 0 // whether the letter before is a box, and one that the next letter is joined to
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, string(missing))) {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			r = ' '
		case r == zeroWidthJoiner:
			joined = boxed
			continue
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector) || boxed && (r >= 0x1f3fb && r <= 0x1f3ff || unicode.Is(unicode.Mn, r)):
			continue // changes what stands before
		case joined && !g.has(r):
			joined = false
			continue // of several pictures that are one
		case !g.has(r):
			r = missing
		}
		boxed, joined = r == missing, false
		if n++; n > longestText {
			out.WriteRune('…')
			break
		}
		out.WriteRune(r)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// visual is a line in the order in which its letters stand on the page, from the left: what is written from the right is turned round. The line as a
// whole goes from the left.
func visual(line string) string {
	runes := []rune(line)
	class := func(r rune) bidi.Class {
		p, _ := bidi.LookupRune(r)
		return p.Class()
	}
	fromRight := func(r rune) bool {
		c := class(r)
		return c == bidi.R || c == bidi.AL
	}
	for i := 0; i < len(runes); i++ {
		if !fromRight(runes[i]) {
			continue
		}
		end := i + 1 // after the last such letter of the span, which a letter from the left ends
		for n := i + 1; n < len(runes); n++ {
			c := class(runes[n])
			if c == bidi.L {
				break
			}
			if fromRight(runes[n]) || c == bidi.NSM || c == bidi.EN || c == bidi.AN || closes(runes[i:n+1]) {
				end = n + 1
			}
		}
		turn(runes[i:end])
		i = end
	}
	return string(runes)
}

const brackets = "()[]{}<>«»"

// closes says whether a span ends with a bracket that was opened in it.
func closes(span []rune) bool {
	last := len(span) - 1
	pairs := []rune(brackets)
	n := slices.Index(pairs, span[last])
	return n > 0 && n%2 == 1 && slices.Contains(span[:last], pairs[n-1])
}

// turn turns a span round. Numbers in it keep their order, marks stay behind the letter that they are on, and brackets are mirrored.
func turn(span []rune) {
	slices.Reverse(span)
	for i, r := range span {
		if at := slices.Index([]rune(brackets), r); at >= 0 {
			span[i] = []rune(brackets)[at^1]
		}
	}
	digit := func(r rune) bool {
		p, _ := bidi.LookupRune(r)
		return p.Class() == bidi.EN || p.Class() == bidi.AN
	}
	between := func(r rune) bool { return strings.ContainsRune(".,:/", r) }
	for i := 0; i < len(span); i++ {
		if !digit(span[i]) {
			continue
		}
		end := i + 1
		for end < len(span) && (digit(span[end]) || between(span[end]) && end+1 < len(span) && digit(span[end+1])) {
			end++
		}
		slices.Reverse(span[i:end])
		i = end
	}
	for i := 0; i < len(span); i++ { // marks come before their letter now
		end := i
		for end < len(span) && unicode.Is(unicode.Mn, span[end]) {
			end++
		}
		if end > i && end < len(span) {
			slices.Reverse(span[i : end+1])
			i = end
		}
	}
}

// wrap breaks text into lines that are not wider than width; a word that is too long is broken.
func wrap(text string, width float64, measure func(string) float64) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		for {
			joined := word
			if line != "" {
				joined = line + " " + word
			}
			if measure(joined) <= width {
				line = joined
				break
			}
			if line != "" {
				lines = append(lines, line)
				line = ""
				continue
			}
			cut := 0
			for i, r := range word {
				if next := i + len(string(r)); cut > 0 && measure(word[:next]) > width {
					break
				} else {
					cut = next
				}
			}
			if cut == len(word) { // one letter that is wider than the line
				line = word
				break
			}
			lines, word = append(lines, word[:cut]), word[cut:]
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}
