// Package phrase has what people are told besides the pages, in each language that there is.
//
// A Phrase is the name of some words and what belongs into them: numbers, days, names. Records keep phrases, and they are put into words when somebody reads
// them. So a person who chooses another language reads what was stored before in that one.
package phrase

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"adminassistant/shared/calendar"
)

// Language is one that there are words in.
type Language string

const (
	English Language = "en"
	German  Language = "de"
)

// languages are all, the first one for everybody else.
var languages = []Language{English, German}

var matcher = language.NewMatcher([]language.Tag{language.English, language.German})

// Match is the language that fits best: wanted is a locale, as in "de-CH", or what a browser accepts. Where none fits it is English.
func Match(wanted string) Language {
	tags, _, _ := language.ParseAcceptLanguage(wanted)
	_, at, _ := matcher.Match(tags...)
	return languages[at]
}

// Reader is who reads: in which language, and in which zone times are.
type Reader struct {
	Language Language
	Zone     *time.Location // nil: UTC
}

// For is a reader with a locale and a zone of settings. A zone that is not known is UTC.
func For(locale, zone string) Reader {
	r := Reader{Language: Match(locale)}
	if at, err := calendar.LoadZone(zone); err == nil {
		r.Zone = at
	}
	return r
}

// Phrase is a sentence or a part of one. The zero Phrase is nothing.
type Phrase struct {
	// Of names the words. Where there are such for one thing and for several, the first of With says how many there are.
	Of   string  `json:"of"`
	With []Value `json:"with,omitempty"`
	// Begins says that a paragraph begins with it.
	Begins bool `json:"begins,omitempty"`
}

// Value is what belongs into words: one of its members, or nothing, which is an empty name.
type Value struct {
	N    *int   `json:"n,omitempty"`
	Name string `json:"name,omitempty"` // as it is
	Days *Days  `json:"days,omitempty"`
	// Day is a date, and At an instant with its day.
	// On is the day of an instant, where the reader is.
	Day calendar.Date `json:"day,omitzero"`
	At  time.Time     `json:"at,omitzero"`
	On  time.Time     `json:"on,omitzero"`
	// Is is a phrase within, and All are several in a row: "a, b and c".
	Is  *Phrase  `json:"is,omitempty"`
	All []Phrase `json:"all,omitempty"`
	// Failure is the text of a failure, which is English; see Failure.
	Failure string `json:"failure,omitempty"`
}

// Days are a first and a last day; both zero: all days.
type Days struct {
	From calendar.Date `json:"from,omitzero"`
	To   calendar.Date `json:"to,omitzero"`
}

// New is a phrase of words that have a name.
func New(of string, with ...Value) Phrase { return Phrase{Of: of, With: with} }

// New is the phrase at the begin of a paragraph.
func (p Phrase) New() Phrase {
	p.Begins = true
	return p
}

// AsItIs is a phrase that is the same in every language, such as a command.
func AsItIs(text string) Phrase { return New("as_it_is", Name(text)) }

func N(n int) Value                        { return Value{N: &n} }
func Name(name string) Value               { return Value{Name: name} }
func Day(d calendar.Date) Value            { return Value{Day: d} }
func Between(from, to calendar.Date) Value { return Value{Days: &Days{from, to}} }
func At(t time.Time) Value                 { return Value{At: t.UTC()} }
func On(t time.Time) Value                 { return Value{On: t.UTC()} }
func Is(p Phrase) Value                    { return Value{Is: &p} }
func All(of ...Phrase) Value               { return Value{All: of} }
func Failed(text string) Value             { return Value{Failure: text} }

// Has says whether there are words of a name.
func Has(of string) bool { _, ok := words[of]; return ok }

// find is the words of a phrase: for one thing or for several, where there are such.
func (p Phrase) find() (word, bool) {
	if w, ok := words[p.Of]; ok {
		return w, true
	}
	if len(p.With) == 0 || p.With[0].N == nil {
		return word{}, false
	}
	if w, ok := words[p.Of+".one"]; ok && *p.With[0].N == 1 {
		return w, true
	}
	w, ok := words[p.Of+".many"]
	return w, ok
}

// In puts the phrase into words. It returns false where that cannot be done: a newer version of the program stored it.
func (p Phrase) In(r Reader) (string, bool) {
	w, known := p.find()
	if !known {
		return "", false
	}
	text := w.en
	if r.Language == German {
		text = w.de
	}
	values := make([]string, len(p.With))
	for i := range p.With {
		value, known := p.With[i].in(r)
		if !known {
			return "", false
		}
		values[i] = value
	}
	return fill(text, values)
}

// fill puts values into the words' places, {1} and so on; false: there are fewer values than places.
func fill(text string, values []string) (string, bool) {
	if strings.Contains(text, place(len(values))) {
		return "", false
	}
	pairs := make([]string, 0, 2*len(values))
	for i, v := range values {
		pairs = append(pairs, place(i), v)
	}
	return strings.NewReplacer(pairs...).Replace(text), true
}

func place(i int) string { return "{" + strconv.Itoa(i+1) + "}" }

// String is the phrase in English.
func (p Phrase) String() string {
	if p.Of == "" {
		return ""
	}
	text, known := p.In(Reader{Language: English})
	if !known {
		return p.Of
	}
	return text
}

// in puts a value into words; see Phrase.In.
func (v *Value) in(r Reader) (string, bool) {
	switch {
	case v.N != nil:
		return r.Language.Number(*v.N), true
	case v.Days != nil:
		return r.Language.within(v.Days.From, v.Days.To), true
	case v.Day != (calendar.Date{}):
		return r.Language.Day(v.Day), true
	case !v.At.IsZero():
		return r.moment(v.At), true
	case !v.On.IsZero():
		return r.Language.Day(calendar.DateOf(v.On, r.zone())), true
	case v.Is != nil:
		return v.Is.In(r)
	case v.All != nil:
		return r.all(v.All)
	case v.Failure != "":
		return r.Language.Failure(v.Failure), true
	}
	return v.Name, true
}

// all is several phrases in a row.
func (r Reader) all(of []Phrase) (string, bool) {
	parts := make([]string, len(of))
	for i, p := range of {
		part, known := p.In(r)
		if !known {
			return "", false
		}
		parts[i] = part
	}
	last := len(parts) - 1
	if last < 1 {
		return strings.Join(parts, ""), true
	}
	return New("row", Name(strings.Join(parts[:last], ", ")), Name(parts[last])).In(r)
}

// Text is several sentences, in paragraphs.
type Text []Phrase

// In puts the text into words, each paragraph in a line of its own; see Phrase.In.
func (t Text) In(r Reader) (string, bool) {
	var out strings.Builder
	for i, p := range t {
		text, known := p.In(r)
		if !known {
			return "", false
		}
		switch {
		case i == 0:
		case p.Begins:
			out.WriteByte('\n')
		default:
			out.WriteByte(' ')
		}
		out.WriteString(text)
	}
	return out.String(), true
}

// String is the text in English.
func (t Text) String() string {
	text, _ := t.In(Reader{Language: English})
	return text
}
