package asked

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

var nine = time.Date(2026, 10, 12, 9, 0, 0, 0, time.UTC)

// one is a participant of a minute span after nine o'clock, with changes.
func one(key string, from, to int, change ...func(*Participant)) Participant {
	at := calendar.Appointment{
		Subject: key, Start: nine.Add(time.Duration(from) * time.Minute), End: nine.Add(time.Duration(to) * time.Minute), ShowAs: calendar.Busy,
		Sensitivity: calendar.Normal,
	}
	p := Participant{Participant: action.Participant{Key: key, Hash: "sha256:" + key}, Source: &at, People: true, Rank: 5}
	for _, c := range change {
		c(&p)
	}
	return p
}

func customer(p *Participant)           { p.Source.Customer = "Acme" }
func organises(p *Participant)          { p.Organiser = true }
func accepted(n int) func(*Participant) { return func(p *Participant) { p.Accepted = n } }
func rank(n int) func(*Participant)     { return func(p *Participant) { p.Rank = n } }
func unknownPeople(p *Participant)      { p.People = false }
func allDay(p *Participant)             { p.Source.AllDay = true }
func changed(p *Participant)            { p.from = "sha256:before" }
func stands(p *Participant)             { p.Archive, p.from = p.Source, p.Hash }
func before(v decision.Verdict) func(*Participant) {
	return func(p *Participant) {
		was := v
		was.Key = p.Key
		p.Earlier = &was
	}
}

// at is an instant so many seconds after nine o'clock.
func at(seconds int) *time.Time {
	t := nine.Add(time.Duration(seconds) * time.Second)
	return &t
}

func about(kind action.Kind, all ...Participant) *Question {
	return &Question{Action: &action.Action{Cause: action.Cause{Kind: kind}}, Participants: all}
}

// words are suggestions in short: "rule: a keep, b drop by a".
func words(all []Suggestion) []string {
	var texts []string
	for _, s := range all {
		var parts []string
		for _, v := range s.Verdicts {
			part := strings.TrimSpace(v.Key + " " + string(v.Word))
			if v.By != "" {
				part += " by " + v.By
			}
			if v.Fields != nil && v.Fields.Start != nil && v.Fields.End != nil {
				part += fmt.Sprintf(" %d-%d", int(v.Fields.Start.Sub(nine).Minutes()), int(v.Fields.End.Sub(nine).Minutes()))
			}
			parts = append(parts, part)
		}
		texts = append(texts, s.Rule+": "+strings.Join(parts, ", "))
	}
	return texts
}

func TestSuggestions(t *testing.T) {
	keep, drop := before(decision.Verdict{Word: decision.Keep}), before(decision.Verdict{Word: decision.Drop, By: "a"})
	for name, c := range map[string]struct {
		of   *Question
		want []string
	}{
		"nothing speaks for either": {about(action.Overlap, one("a", 0, 60), one("b", 30, 90)), nil},
		"the only one with a customer": {
			about(action.Overlap, one("a", 0, 60, customer), one("b", 30, 90)), []string{"only_customer: a keep, b drop by a", "trim: a keep, b keep_as 60-90"},
		},
		"both have customers": {about(action.Overlap, one("a", 0, 60, customer), one("b", 30, 90, customer)), nil},
		"the one that the user organises": {
			about(action.Overlap, one("a", 0, 60), one("b", 30, 90, organises)), []string{"you_organise: a drop by b, b keep", "trim: a keep_as 0-30, b keep"},
		},
		"more attendees accepted": {
			about(action.Overlap, one("a", 0, 60, accepted(3)), one("b", 0, 60, accepted(2))), []string{"more_accepted: a keep, b drop by a"},
		},
		"it is not known who takes part": {about(action.Overlap, one("a", 0, 60, accepted(3), organises), one("b", 0, 60, unknownPeople)), nil},
		"the longest, and what remains in two pieces": {
			about(action.Overlap, one("a", 0, 90), one("b", 30, 60, rank(6))),
			[]string{"longest: a keep, b drop by a", "trim: a keep_as 0-30, create 60-90, b keep"},
		},
		"rules that agree suggest once": {
			about(action.Overlap, one("a", 0, 60, customer, organises, accepted(1)), one("b", 0, 60)), []string{"only_customer: a keep, b drop by a"},
		},
		"rules that disagree, in order": {
			about(action.Overlap, one("a", 0, 60, customer), one("b", 0, 60, organises)),
			[]string{"only_customer: a keep, b drop by a", "you_organise: a drop by b, b keep"},
		},
		"what stands needs no verdict": {
			about(action.Overlap, one("a", 0, 60, stands, customer), one("b", 30, 60)), []string{"only_customer: b drop by a"},
		},
		"what does not share the winner's time stands": {
			about(action.Overlap, one("a", 0, 60), one("b", 30, 90, customer), one("c", 80, 100)),
			[]string{"only_customer: a drop by b, b keep, c drop by b", "trim: a keep_as 0-30, b keep, c keep_as 90-100"},
		},
		"two others share time beside the winner": {
			about(action.Overlap, one("a", 0, 30, customer), one("b", 20, 50), one("c", 45, 90), one("d", 80, 100)),
			[]string{"longest: a keep, b drop by c, c keep, d drop by c"},
		},
		"less than a minute does not remain": {
			about(action.Overlap, one("a", 0, 60, rank(6)), one("b", 0, 60)), nil,
		},
		"a minute remains": {
			about(action.Overlap, one("a", 0, 60, rank(6)), one("b", 0, 61)), []string{"longest: a drop by b, b keep", "trim: a keep, b keep_as 60-61"},
		},
		"what stands and has changed since needs a verdict": {
			about(action.Overlap, one("a", 0, 60, stands, changed, customer), one("b", 30, 60)), []string{"only_customer: a keep, b drop by a"},
		},
		"an earlier time of which less than a minute is left": {
			about(action.StaleDecision, one("a", 0, 60, before(decision.Verdict{Word: decision.KeepAs, Fields: &decision.Fields{Start: at(59*60 + 1)}}))), nil,
		},
		"an earlier time of which a minute is left": {
			about(action.StaleDecision, one("a", 0, 60, before(decision.Verdict{Word: decision.KeepAs, Fields: &decision.Fields{Start: at(59 * 60)}}))),
			[]string{"earlier_decision: a keep_as"},
		},
		"all-day ones are not trimmed": {
			about(action.Overlap, one("a", 0, 60, customer), one("b", 0, 1440, allDay)),
			[]string{"only_customer: a keep, b drop by a", "longest: a drop by b, b keep"},
		},
		"the earlier decision first": {
			about(action.Overlap, one("a", 0, 60, keep), one("b", 0, 90, drop)),
			[]string{"earlier_decision: a keep, b drop by a", "longest: a drop by b, b keep"},
		},
		"an earlier decision about one of them": {about(action.Overlap, one("a", 0, 60, keep), one("b", 0, 60)), nil},
		"an earlier decision that leaves both":  {about(action.Overlap, one("a", 0, 60, keep), one("b", 30, 90, keep)), nil},
		"an earlier merge into something else": {
			about(action.StaleDecision, one("a", 0, 60, before(decision.Verdict{Word: decision.Merge, Into: "z"}))), nil,
		},
		"an earlier winner that is not here": {about(action.StaleDecision, one("b", 0, 60, drop)), []string{"earlier_decision: b drop"}},
		"a change, decided before": {
			about(action.Drift, one("a", 0, 60, before(decision.Verdict{Word: decision.KeepArchived}))), []string{"earlier_decision: a keep_archived"},
		},
		"a change": {about(action.Drift, one("a", 0, 60, customer)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.of.Suggestions()
			if !slices.Equal(words(got), c.want) {
				t.Errorf("%q, want %q", words(got), c.want)
			}
			for _, s := range got {
				if s.Why == "" {
					t.Errorf("%s does not say why", s.Rule)
				}
			}
		})
	}
	unknown := about(action.Overlap, one("a", 0, 60, customer), one("b", 0, 60))
	unknown.Others = 1
	if got := unknown.Suggestions(); got != nil {
		t.Errorf("with others that it does not name: %q", words(got))
	}
	unknown.Others, unknown.Participants[1].Source = 0, nil
	if got := unknown.Suggestions(); got != nil {
		t.Errorf("with one of which nothing is known: %q", words(got))
	}
}

func TestAPieceOfAnAppointmentHasWhatItHad(t *testing.T) {
	q := about(action.Overlap, one("a", 0, 90, func(p *Participant) {
		p.Source.Categories, p.Source.Location, p.Source.Sensitivity, p.Source.Subject = []string{"Acme"}, "Here", calendar.Private, ""
	}), one("b", 30, 60, rank(6)))
	all := q.Suggestions()
	f := all[len(all)-1].Verdicts[1].Fields
	if *f.Subject == "" || (*f.Categories)[0] != "Acme" || *f.Location != "Here" || *f.Sensitivity != "private" || *f.ShowAs != "busy" {
		t.Errorf("%+v", f)
	}
}

func TestSuggestionsLeaveNothingThatSharesTimeAndInventNoTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Participant
		for i := range rapid.IntRange(2, 5).Draw(t, "participants") {
			from := rapid.IntRange(0, 60).Draw(t, "from")
			p := one(string(rune('a'+i)), from, from+rapid.IntRange(1, 90).Draw(t, "minutes"), rank(rapid.IntRange(1, 3).Draw(t, "rank")),
				accepted(rapid.IntRange(0, 2).Draw(t, "accepted")))
			for _, change := range []func(*Participant){
				customer, organises, stands, before(decision.Verdict{Word: decision.Keep}), before(decision.Verdict{Word: decision.Drop}),
			} {
				if rapid.Bool().Draw(t, "change") {
					change(&p)
				}
			}
			all = append(all, p)
		}
		q := about(action.Overlap, all...)
		for _, s := range q.Suggestions() {
			d := decision.Decision{ID: "d", Verdicts: slices.Clone(s.Verdicts)}
			left := map[string]calendar.Appointment{}
			for i := range all {
				d.Seen = append(d.Seen, decision.Seen{Key: all[i].Key, Hash: all[i].Hash})
				left[all[i].Key] = *all[i].Source
			}
			for i := range d.Verdicts {
				v := &d.Verdicts[i]
				switch v.Word {
				case decision.Keep:
					continue
				case decision.Drop:
					delete(left, v.Key)
					continue
				case decision.Create:
					v.Key = decision.CreatedKey(fmt.Sprint(i))
				}
				piece := calendar.Appointment{Start: *v.Fields.Start, End: *v.Fields.End}
				if !slices.ContainsFunc(all, func(p Participant) bool { return !piece.Start.Before(p.Source.Start) && !piece.End.After(p.Source.End) }) {
					t.Fatalf("%s: a time that nobody had: %+v", words([]Suggestion{s}), piece)
				}
				left[v.Key] = piece
			}
			if err := d.Check(); err != nil {
				t.Fatalf("%s: %v", words([]Suggestion{s}), err)
			}
			for a, x := range left {
				for b, y := range left {
					if a != b && x.Overlaps(&y) {
						t.Fatalf("%s: %s and %s share time", words([]Suggestion{s}), a, b)
					}
				}
			}
		}
	})
}
