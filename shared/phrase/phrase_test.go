package phrase

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
)

var (
	day    = calendar.Date{Year: 2026, Month: 10, Day: 5}
	berlin = For("de-AT", "Europe/Berlin")
	london = For("en", "Europe/London")
)

func TestAPhraseIsPutIntoWords(t *testing.T) {
	instant := time.Date(2026, 10, 4, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		Phrase
		en, de string
	}{
		{New("thing", N(1)), "1 thing", "1 Punkt"},
		{New("thing", N(1234567)), "1,234,567 things", "1.234.567 Punkte"},
		{New("thing", N(-1234)), "-1,234 things", "-1.234 Punkte"},
		{New("thing", N(999)), "999 things", "999 Punkte"},
		{New("wrote", N(2), Between(day, day.AddDays(6))), "The run of 5–11 October 2026 wrote 2 events.",
			"Der Lauf für die Zeit vom 5. bis 11. Oktober 2026 hat 2 Termine geschrieben."},
		{New("nothing.new", Between(day, day)), "The run of 5 October 2026 found nothing new.", "Der Lauf für den 5. Oktober 2026 hat nichts Neues gefunden."},
		{New("nothing.new", Between(calendar.Date{}, calendar.Date{})), "The run of all days found nothing new.",
			"Der Lauf für alle Tage hat nichts Neues gefunden."},
		{New("title.of", Is(New("run.backup")), Name("{1} {2}"), Is(New("end.failed"))),
			`Backup of "{1} {2}" failed`, "Sicherung von „{1} {2}“ gescheitert"},
		{New("as_it_is", All()), "", ""},
		{New("as_it_is", All(AsItIs("a"))), "a", "a"},
		{New("as_it_is", All(AsItIs("a"), AsItIs("b"))), "a and b", "a und b"},
		{New("as_it_is", All(AsItIs("a"), AsItIs("b"), AsItIs("c"))), "a, b and c", "a, b und c"},
		{New("at", At(instant)), "5 October 2026 at 00:30", "5. Oktober 2026 um 01:30 Uhr"},
		{New("at", On(instant)), "5 October 2026", "5. Oktober 2026"},
		{New("at", Day(day)), "5 October 2026", "5. Oktober 2026"},
		{New("at", Value{}), "", ""},
	} {
		stored, err := json.Marshal(c.Phrase)
		if err != nil {
			t.Fatal(err)
		}
		var read Phrase
		if err := json.Unmarshal(stored, &read); err != nil || !cmp.Equal(read, c.Phrase) && len(c.With) > 0 && c.With[0].All == nil {
			t.Errorf("%s was stored as %s: %v", c.en, stored, err)
		}
		for r, want := range map[Reader]string{london: c.en, berlin: c.de} {
			if got, known := read.In(r); got != want || !known {
				t.Errorf("%s is %q, should be %q", stored, got, want)
			}
		}
	}
	if got, _ := New("at", At(instant)).In(For("de", "nowhere")); got != "4. Oktober 2026 um 23:30 Uhr UTC" {
		t.Errorf("nowhere it is %q", got)
	}
	if got := New("at", At(instant)).String(); got != "4 October 2026 at 23:30 UTC" {
		t.Errorf("in UTC it is %q", got)
	}
}

func TestDaysAreWrittenAsInTheLanguage(t *testing.T) {
	for _, c := range []struct{ from, to, en, de string }{
		{"2026-10-05", "2026-10-05", "5 October 2026", "5. Oktober 2026"},
		{"2026-10-05", "2026-10-11", "5–11 October 2026", "5.–11. Oktober 2026"},
		{"2026-09-28", "2026-10-04", "28 September – 4 October 2026", "28. September – 4. Oktober 2026"},
		{"2026-12-28", "2027-01-03", "28 December 2026 – 3 January 2027", "28. Dezember 2026 – 3. Januar 2027"},
		{"2026-03-01", "2027-03-01", "1 March 2026 – 1 March 2027", "1. März 2026 – 1. März 2027"},
	} {
		var from, to calendar.Date
		if from.UnmarshalText([]byte(c.from)) != nil || to.UnmarshalText([]byte(c.to)) != nil {
			t.Fatal(c)
		}
		if en, de := English.Days(from, to), German.Days(from, to); en != c.en || de != c.de {
			t.Errorf("%q, %q", en, de)
		}
	}
	var from, to calendar.Date
	_ = from.UnmarshalText([]byte("2026-12-28"))
	_ = to.UnmarshalText([]byte("2027-01-03"))
	if got, _ := New("nothing.new", Between(from, to)).In(berlin); !strings.Contains(got, "die Zeit vom 28. Dezember 2026 bis 3. Januar 2027") {
		t.Error(got)
	}
	if English.Days(calendar.Date{}, calendar.Date{}) != "all days" || German.Days(calendar.Date{}, calendar.Date{}) != "alle Tage" {
		t.Error("all days")
	}
}

func TestWhatANewerVersionStoredIsNotPutIntoWords(t *testing.T) {
	for _, p := range []Phrase{
		New("of a newer version"), New("nothing.new"), New("thing"), New("thing", Name("one")), New("as_it_is", Is(New("newer"))),
		New("as_it_is", All(New("newer"))), {},
	} {
		if got, known := p.In(berlin); known {
			t.Errorf("%+v is %q", p, got)
		}
		if got, known := (Text{New("safe"), p}).In(berlin); known {
			t.Errorf("a text with %+v is %q", p, got)
		}
	}
	if New("newer").String() != "newer" || (Phrase{}).String() != "" {
		t.Error("a phrase that is not known has to be seen in tests and logs")
	}
}

func TestATextHasParagraphs(t *testing.T) {
	text := Text{New("safe").New(), AsItIs("One."), AsItIs("Two.").New(), AsItIs("Three.")}
	if got, _ := text.In(london); !strings.HasSuffix(got, "from there. One.\nTwo. Three.") || strings.HasPrefix(got, "\n") || text.String() != got {
		t.Errorf("%q", got)
	}
}

func TestTheLanguageIsTheOneThatFitsBest(t *testing.T) {
	for wanted, want := range map[string]Language{
		"": English, "fr": English, "de": German, "de-CH": German, "en-GB": English, "fr;q=0.9, de;q=0.8": German, "en, de": English, "x y z": English,
	} {
		if got := Match(wanted); got != want {
			t.Errorf("%q is read in %s", wanted, got)
		}
	}
}

// source is what the module's programs say, without tests and the words themselves.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") ||
			name == filepath.Join("..", "phrase", "words.go") {
			return err
		}
		text, err := os.ReadFile(name)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

var named = regexp.MustCompile(`(?:phrase\.New|\bl\.say|saysIn\(r\)|unsubscribePage\(w, r, )\(?"([a-z_.]+)"([^"\n]*)`)

// TestEveryWordIsThereInBothLanguages finds phrases without words, words without a language, and words that nobody says.
func TestEveryWordIsThereInBothLanguages(t *testing.T) {
	text := source(t)
	families := []string{"run.", "reason.", "count.", "mail.back.", "sheet.back."}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		name, after := m[1], m[2]
		if strings.HasSuffix(name, ".") && strings.HasPrefix(after, `+`) || strings.HasPrefix(strings.TrimSpace(after), "+") {
			if !slices.Contains(families, name) {
				t.Errorf("%s is the begin of names that no test knows", name)
			}
			continue
		}
		_, one := words[name+".one"]
		_, many := words[name+".many"]
		if !Has(name) && !(one && many) {
			t.Errorf("there are no words %q", name)
		}
	}
	places := regexp.MustCompile(`\{\d\}`)
	for name, w := range words {
		if w.en == "" || w.de == "" {
			t.Errorf("%s is missing in a language", name)
		}
		en, de := places.FindAllString(w.en, -1), places.FindAllString(w.de, -1)
		slices.Sort(en)
		slices.Sort(de)
		if !slices.Equal(en, de) {
			t.Errorf("%s takes %v in English and %v in German", name, en, de)
		}
		if strings.Contains(w.en+w.de, "<") {
			t.Errorf("%s has markup", name)
		}
		stem, one := strings.CutSuffix(name, ".one")
		if one {
			if _, many := words[stem+".many"]; !many {
				t.Errorf("%s is for one thing alone", stem)
			}
		}
		stem = strings.TrimSuffix(stem, ".many")
		if !strings.Contains(text, `"`+stem+`"`) && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(stem, f) }) {
			t.Errorf("nobody says %s", stem)
		}
	}
}
