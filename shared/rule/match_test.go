package rule_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"adminassistant/shared/calendar"
	"adminassistant/shared/rule"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// event is an event with the times of its appointment.
type event struct {
	calendar.Event
	at calendar.Appointment
}

func compiled(t testing.TB, rules ...rule.Rule) *rule.Set {
	t.Helper()
	drafts := make([]rule.Draft, len(rules))
	for i, r := range rules {
		drafts[i] = rule.DraftOf(r)
	}
	checked, err := rule.Check(drafts)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(checked)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestConditions(t *testing.T) {
	zone := berlin(t)
	start := time.Date(2026, 10, 5, 7, 30, 45, 0, time.UTC) // Monday 09:30:45 in Berlin
	e := event{Event: calendar.Event{
		Subject: "Acme: Status-Meeting, Mu\u0308nchen", Location: "Room 4", Categories: []string{"Online", "Project X"},
		Organizer: calendar.Person{Address: "ann@Mail.Acme.example"},
		Attendees: []calendar.Attendee{
			{Person: calendar.Person{Address: "bob@globex.example"}}, {Person: calendar.Person{Address: "/o=ExchangeLabs/cn=x@y.example"}},
			{Person: calendar.Person{Name: "nobody"}}, {Person: calendar.Person{Address: "eve@notacme.example"}},
		},
	}, at: calendar.Appointment{Start: start, End: start.Add(90 * time.Minute), ShowAs: calendar.Busy}}
	called := func(subject string) event { return event{Event: calendar.Event{Subject: subject}, at: e.at} }
	day := event{at: calendar.Appointment{
		AllDay: true, StartDate: calendar.Date{Year: 2026, Month: 10, Day: 25}, EndDate: calendar.Date{Year: 2026, Month: 10, Day: 26},
		Start: time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC), End: time.Date(2026, 10, 25, 23, 0, 0, 0, time.UTC), ShowAs: calendar.Free,
	}}
	long := event{Event: calendar.Event{Subject: strings.Repeat("e\u0301", 999) + "ab"}, at: e.at} // 1,001 characters in NFC
	for _, tt := range []struct {
		name  string
		of    event
		field rule.Field
		op    rule.Op
		any   []string
		want  bool
	}{
		{"the whole subject, in any case and normal form", e, rule.Subject, rule.Equals, []string{"x", "ACME: status-meeting, M\u00dcNCHEN"}, true},
		{"a part is not the whole", e, rule.Subject, rule.Equals, []string{"acme"}, false},
		{"a part", e, rule.Subject, rule.Contains, []string{"us-me"}, true},
		{"a part at the end", e, rule.Subject, rule.Contains, []string{"nchen"}, true},
		{"a part of two bytes", e, rule.Subject, rule.Contains, []string{"CM"}, true},
		{"no part", e, rule.Subject, rule.Contains, []string{"us me", "acme2", "zz"}, false},
		{"a letter is not that letter with an accent", e, rule.Subject, rule.Contains, []string{"munchen"}, false},
		{"a word before a colon", e, rule.Subject, rule.Word, []string{"acme"}, true},
		{"a word beside a hyphen", e, rule.Subject, rule.Word, []string{"meeting"}, true},
		{"several words", e, rule.Subject, rule.Word, []string{"status-meeting"}, true},
		{"the last word", e, rule.Subject, rule.Word, []string{"m\u00fcnchen"}, true},
		{"a part of a word", e, rule.Subject, rule.Word, []string{"stat", "eeting", "ünchen"}, false},
		{"a word after the same letters as a part", called("preacme acmex acme"), rule.Subject, rule.Word, []string{"acme"}, true},
		{"a short word after the same letters as a part", called("xab abx ab"), rule.Subject, rule.Word, []string{"ab"}, true},
		{"a short word that is never whole", called("xab abx"), rule.Subject, rule.Word, []string{"ab"}, false},
		{"a word between digits", called("1acme2"), rule.Subject, rule.Word, []string{"acme"}, false},
		{"a word before a low line", called("acme_x"), rule.Subject, rule.Word, []string{"acme"}, true},
		{"full case folding", called("STRASSE"), rule.Subject, rule.Equals, []string{"straße"}, true},
		{"a pattern in any case", e, rule.Subject, rule.Regex, []string{`^acme:\s+s\w+-m`}, true},
		{"a pattern in NFC", e, rule.Subject, rule.Regex, []string{"m.nchen$"}, true},
		{"a pattern that is written decomposed", e, rule.Subject, rule.Regex, []string{"Mu\u0308nchen"}, true},
		{"a pattern with a choice", e, rule.Subject, rule.Regex, []string{"^(globex|acme)"}, true},
		{"a pattern that asks for something else", e, rule.Subject, rule.Regex, []string{"^status", "acme$"}, false},
		{"a pattern with the Kelvin sign", called("\u212aick-off"), rule.Subject, rule.Regex, []string{"kick"}, true},
		{"no subject", event{at: e.at}, rule.Subject, rule.Regex, []string{"^$"}, true},
		{"the thousandth character counts", long, rule.Subject, rule.Contains, []string{"\u00e9a"}, true},
		{"the one after it does not", long, rule.Subject, rule.Contains, []string{"ab"}, false},
		{"nor for a pattern", long, rule.Subject, rule.Regex, []string{"b"}, false},
		{"a place", e, rule.Location, rule.Equals, []string{"ROOM 4"}, true},
		{"a place is no subject", e, rule.Location, rule.Contains, []string{"acme"}, false},
		{"the second category", e, rule.SourceCategory, rule.Equals, []string{"project x"}, true},
		{"white space of a category", e, rule.SourceCategory, rule.Equals, []string{"Project\u00a0 X"}, true},
		{"white space of a subject", e, rule.Subject, rule.Contains, []string{"acme:  status"}, false},
		{"the organiser's domain", e, rule.OrganiserDomain, rule.Equals, []string{"mail.acme.example"}, true},
		{"the organiser's domain is below another", e, rule.OrganiserDomain, rule.Domain, []string{"ACME.example"}, true},
		{"a domain itself", e, rule.AttendeeDomain, rule.Domain, []string{"globex.example"}, true},
		{"a domain that only ends alike", e, rule.AttendeeDomain, rule.Domain, []string{"acme.example"}, false},
		{"a domain below", e, rule.AttendeeDomain, rule.Domain, []string{"mail.globex.example"}, false},
		{"what Exchange uses inside has no domain", e, rule.AttendeeDomain, rule.Contains, []string{"y.ex"}, false},
		{"nobody has a domain", e, rule.AttendeeDomain, rule.Regex, []string{"^$"}, false},
		{"timed", e, rule.AllDay, rule.Equals, []string{"false"}, true},
		{"a day", day, rule.AllDay, rule.Equals, []string{"false"}, false},
		{"busy", e, rule.ShowAs, rule.Equals, []string{"free", "busy"}, true},
		{"free", day, rule.ShowAs, rule.Equals, []string{"busy"}, false},
		{"Monday", e, rule.Weekday, rule.Equals, []string{"Monday"}, true},
		{"the local day", day, rule.Weekday, rule.Equals, []string{"Sunday"}, true},
		{"not the day in UTC", day, rule.Weekday, rule.Equals, []string{"Saturday"}, false},
		{"at that minute", e, rule.StartTime, rule.Equals, []string{"09:30"}, true},
		{"at that minute at the latest", e, rule.StartTime, rule.AtMost, []string{"09:30"}, true},
		{"at that minute at the earliest", e, rule.StartTime, rule.AtLeast, []string{"09:30"}, true},
		{"a minute later at the earliest", e, rule.StartTime, rule.AtLeast, []string{"09:31"}, false},
		{"a minute earlier at the latest", e, rule.StartTime, rule.AtMost, []string{"09:29"}, false},
		{"days start at midnight", day, rule.StartTime, rule.Equals, []string{"00:00"}, true},
		{"the least of several", e, rule.Duration, rule.AtLeast, []string{"1000", "90"}, true},
		{"the most of several", e, rule.Duration, rule.AtMost, []string{"10", "90"}, true},
		{"a minute more", e, rule.Duration, rule.AtLeast, []string{"91"}, false},
		{"a minute less", e, rule.Duration, rule.AtMost, []string{"89"}, false},
		{"so many minutes", e, rule.Duration, rule.Equals, []string{"90"}, true},
		{"the day on which clocks go back has 25 hours", day, rule.Duration, rule.Equals, []string{"1500"}, true},
		{"seconds count", event{at: calendar.Appointment{Start: start, End: start.Add(90 * time.Second)}}, rule.Duration, rule.AtMost, []string{"1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			condition := rule.Condition{Field: tt.field, Op: tt.op, Any: tt.any}
			set := compiled(t, rule.Rule{ID: "a", Name: "A", On: true, All: []rule.Condition{condition}, Then: rule.Effect{Exclude: true}})
			m := set.Matcher(zone)
			for range 2 { // the second time it is remembered
				if got := len(m.Match(&tt.of.Event, &tt.of.at)) == 1; got != tt.want {
					t.Errorf("it is met: %v", got)
				}
			}
		})
	}
}

func TestAllConditionsHaveToBeMet(t *testing.T) {
	subject := rule.Condition{Field: rule.Subject, Op: rule.Contains, Any: []string{"a"}}
	domain := rule.Condition{Field: rule.AttendeeDomain, Op: rule.Domain, Any: []string{"x.example", "y.example"}}
	then := rule.Effect{Travel: true}
	set := compiled(t,
		rule.Rule{ID: "both", Name: "n", On: true, All: []rule.Condition{subject, domain}, Then: then},
		rule.Rule{ID: "off", Name: "n", All: []rule.Condition{subject}, Then: then},
		rule.Rule{ID: "one", Name: "n", On: true, All: []rule.Condition{subject}, Then: then},
		rule.Rule{ID: "twice", Name: "n", On: true, All: []rule.Condition{domain, domain}, Then: then},
	)
	m := set.Matcher(time.UTC)
	from := func(hosts ...string) (at []calendar.Attendee) {
		for _, h := range hosts {
			at = append(at, calendar.Attendee{Person: calendar.Person{Address: "p@" + h}})
		}
		return at
	}
	for _, tt := range []struct {
		e    calendar.Event
		want []int
	}{
		{calendar.Event{Subject: "a", Attendees: from("x.example", "y.example", "x.example")}, []int{0, 2, 3}},
		{calendar.Event{Subject: "a"}, []int{2}},
		{calendar.Event{Subject: "b", Attendees: from("x.example", "y.example")}, []int{3}}, // two that meet one condition are not two conditions
		{calendar.Event{Subject: "b"}, nil},
		{calendar.Event{Subject: "a", Attendees: from("z.example", "y.example")}, []int{0, 2, 3}},
	} {
		if got := m.Match(&tt.e, &calendar.Appointment{}); !slices.Equal(got, tt.want) {
			t.Errorf("%q with %d attendees: %v, want %v", tt.e.Subject, len(tt.e.Attendees), got, tt.want)
		}
	}
}

// slow is the meaning of rules once more, word by word, without indexes and memory.
type slow struct{ zone *time.Location }

func (s slow) matches(r *rule.Rule, e *event) bool {
	for i := range r.All {
		if !s.meets(&r.All[i], e) {
			return false
		}
	}
	return r.On
}

func (s slow) meets(c *rule.Condition, e *event) bool {
	for _, have := range s.values(c.Field, e) {
		for _, want := range c.Any {
			if s.compares(c, have, want, e) {
				return true
			}
		}
	}
	return false
}

func (s slow) values(f rule.Field, e *event) (all []string) {
	domain := func(address string) {
		if parts := strings.Split(address, "@"); len(parts) > 1 && address[0] != '/' {
			all = append(all, parts[len(parts)-1])
		}
	}
	local := e.at.Start.In(s.zone)
	switch f {
	case rule.Subject:
		return []string{e.Subject}
	case rule.Location:
		return []string{e.Location}
	case rule.OrganiserDomain:
		domain(e.Organizer.Address)
	case rule.AttendeeDomain:
		for _, a := range e.Attendees {
			domain(a.Address)
		}
	case rule.SourceCategory:
		return e.Categories
	case rule.AllDay:
		return []string{fmt.Sprint(e.at.AllDay)}
	case rule.ShowAs:
		return []string{string(e.at.ShowAs)}
	case rule.Weekday:
		if e.at.AllDay {
			d := e.at.StartDate
			return []string{time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC).Format("Monday")}
		}
		return []string{local.Format("Monday")}
	case rule.StartTime:
		return []string{local.Format("15:04")}
	case rule.Duration:
		return []string{""} // see compares
	}
	return all
}

func (s slow) compares(c *rule.Condition, have, want string, e *event) bool {
	if c.Field == rule.Duration {
		length, err := time.ParseDuration(want + "m")
		if err != nil {
			panic(err)
		}
		long := e.at.End.Sub(e.at.Start)
		return c.Op == rule.Equals && long == length || c.Op == rule.AtLeast && long >= length || c.Op == rule.AtMost && long <= length
	}
	composed := []rune(norm.NFC.String(have))
	composed = composed[:min(1000, len(composed))]
	fold := func(text string) string { return norm.NFC.String(cases.Fold().String(norm.NFC.String(text))) }
	if c.Op == rule.Regex {
		return regexp.MustCompile("(?i:" + norm.NFC.String(want) + ")").MatchString(string(composed))
	}
	have, want = string(composed), norm.NFC.String(want)
	if c.Field == rule.SourceCategory { // of those no white space counts
		have, want = strings.Join(strings.Fields(have), " "), strings.Join(strings.Fields(want), " ")
	}
	have, want = fold(have), fold(want)
	switch c.Op {
	case rule.Equals:
		return have == want
	case rule.Contains:
		return strings.Contains(have, want)
	case rule.Domain:
		return have == want || strings.HasSuffix(have, "."+want)
	case rule.Word:
		return isWordOf([]rune(have), []rune(want))
	case rule.AtLeast:
		return have >= want
	}
	return have <= want
}

func isWordOf(text, word []rune) bool {
	part := func(i int) bool {
		return i >= 0 && i < len(text) && (unicode.IsLetter(text[i]) || unicode.IsDigit(text[i]))
	}
	for at := 0; at+len(word) <= len(text); at++ {
		if slices.Equal(text[at:at+len(word)], word) && !part(at-1) && !part(at+len(word)) {
			return true
		}
	}
	return false
}

// made draws rules and events at random, so that they have much to do with each other.
type made struct{ *rand.Rand }

func pick[T any](m made, of ...T) T { return of[m.IntN(len(of))] }

func (m made) words(most int, of ...string) string {
	var b strings.Builder
	for range m.IntN(most) + 1 {
		b.WriteString(pick(m, of...))
	}
	return b.String()
}

func (m made) text() string {
	return m.words(5, "a", "B", "ab", "é", "e\u0301", "ß", "SS", "K", "\u212a", " ", " ", "  ", "-", "_", "7", "acme", "ACME", "\u00a0", ".", "ſ", "x\u0302")
}

func (m made) host() string {
	return m.words(2, "", "a.", "X.", "b.a.") + pick(m, "acme.example", "ACME.example", "notacme.example", "example")
}

func (m made) rule(id int) rule.Rule {
	r := rule.Rule{ID: fmt.Sprint("r", id), Name: "n", On: m.IntN(8) > 0, Then: rule.Effect{Travel: true}}
	for range m.IntN(3) + 1 {
		c := rule.Condition{Field: pick(m, rule.Fields()...)}
		values := func() string { return m.text() }
		switch c.Field {
		case rule.Subject, rule.Location, rule.SourceCategory:
			c.Op = pick(m, rule.Equals, rule.Contains, rule.Word, rule.Regex)
		case rule.OrganiserDomain, rule.AttendeeDomain:
			c.Op, values = pick(m, rule.Equals, rule.Contains, rule.Domain, rule.Word, rule.Regex), m.host
		case rule.AllDay:
			c.Op, values = rule.Equals, func() string { return pick(m, "true", "false") }
		case rule.ShowAs:
			c.Op, values = rule.Equals, func() string { return pick(m, "free", "busy", "oof") }
		case rule.Weekday:
			c.Op, values = rule.Equals, func() string { return time.Weekday(m.IntN(7)).String() }
		case rule.StartTime:
			c.Op, values = pick(m, rule.Equals, rule.AtLeast, rule.AtMost), func() string { return fmt.Sprintf("%02d:%02d", m.IntN(24), m.IntN(4)*15) }
		case rule.Duration:
			c.Op, values = pick(m, rule.Equals, rule.AtLeast, rule.AtMost), func() string { return fmt.Sprint(m.IntN(9) * 30) }
		}
		if c.Op == rule.Regex {
			values = func() string {
				middle := pick(m, "a+", "b", "ab?", "[a-c]", `\w`, "é", "acme|b", "s{2}", "k", "x.", "acme", "(?:ab|k)+e",
					"a(?:acme)?", "(?:acme){0,2}b", "(?:acme)*b", "acme|[ab]", "(?:acme|k?)[ab]", "(?:acme)?", "(?:acme){1,2}")
				return pick(m, "", "^", "(", "(?-i:") + middle + pick(m, "", "$", ")", "")
			}
		}
		for range m.IntN(3) + 1 {
			c.Any = append(c.Any, values())
		}
		r.All = append(r.All, c)
	}
	return r
}

func (m made) event(zone *time.Location) event {
	e := event{Event: calendar.Event{Subject: m.text(), Location: m.text()}}
	if m.IntN(4) > 0 {
		e.Organizer.Address = pick(m, "a@", "b@c@", "/o=", "") + m.host()
	}
	for range m.IntN(4) {
		e.Attendees = append(e.Attendees, calendar.Attendee{Person: calendar.Person{Address: pick(m, "a@", "b@", "/o=x@", "") + m.host()}})
	}
	for range m.IntN(3) {
		e.Categories = append(e.Categories, m.text())
	}
	e.at.Start = time.Date(2026, 10, 19+m.IntN(14), m.IntN(24), m.IntN(4)*15, m.IntN(2)*30, 0, time.UTC)
	e.at.End = e.at.Start.Add(time.Duration(m.IntN(9)) * 15 * time.Minute)
	e.at.ShowAs = pick(m, calendar.Free, calendar.Busy, calendar.OutOfOffice, calendar.Unknown)
	if m.IntN(4) == 0 {
		e.at.AllDay, e.at.StartDate = true, calendar.DateOf(e.at.Start, zone)
		e.at.EndDate = e.at.StartDate.AddDays(1 + m.IntN(2))
		e.at.Start, e.at.End = calendar.StartOfDay(e.at.StartDate, zone).UTC(), calendar.StartOfDay(e.at.EndDate, zone).UTC()
	}
	return e
}

// TestMatchingMeansWhatItSays compares 10,000 random sets of rules with their meaning, word by word.
func TestMatchingMeansWhatItSays(t *testing.T) {
	zone := berlin(t)
	matched, sets := 0, 0
	for seed := uint64(0); sets < 10_000; seed++ {
		m := made{rand.New(rand.NewPCG(seed, 17))}
		var drafts []rule.Draft
		for i := range m.IntN(5) + 1 {
			drafts = append(drafts, rule.DraftOf(m.rule(i)))
		}
		rules, err := rule.Check(drafts)
		if err != nil {
			continue // a pattern or a text that is none
		}
		sets++
		set, err := rule.Compile(rules)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		matcher := set.Matcher(zone)
		for range 4 {
			e := m.event(zone)
			var want []int
			for i := range rules {
				if (slow{zone}).matches(&rules[i], &e) {
					want = append(want, i)
				}
			}
			if got := matcher.Match(&e.Event, &e.at); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %v, want %v\nrules %+v\nevent %+v", seed, got, want, rules, e)
			}
			matched += len(want)
		}
	}
	if matched < 5_000 {
		t.Errorf("only %d rules matched an event: the random ones have too little to do with each other", matched)
	}
}
