package asked

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/action"
	"adminassistant/shared/decision"
)

func TestEffect(t *testing.T) {
	globex := func(p *Participant) { p.Source.Customer = "Globex" }
	archived := func(p *Participant) { p.Archive, p.from = p.Source, p.Hash }
	longer := func(p *Participant) { // than the archive has it
		was := *p.Source
		was.End = *at(30 * 60)
		p.Archive = &was
	}
	moved := &decision.Fields{Start: at(0), End: at(30 * 60)}
	category := &decision.Fields{Categories: &[]string{"Online", "Umbrella - billable"}}
	name, start, end := "Rest", at(0), at(600)
	for what, c := range map[string]struct {
		of       []Participant
		verdicts []decision.Verdict
		want     string
	}{
		"nothing is decided": {[]Participant{one("a", 0, 60, customer, archived)}, nil, ""},
		"kept":               {[]Participant{one("a", 0, 60, customer)}, []decision.Verdict{{Key: "a", Word: decision.Keep}}, "Acme 0 60"},
		"kept as it stands":  {[]Participant{one("a", 0, 60, customer, archived)}, []decision.Verdict{{Key: "a", Word: decision.Keep}}, ""},
		"shorter":            {[]Participant{one("a", 0, 60, customer)}, []decision.Verdict{{Key: "a", Word: decision.KeepAs, Fields: moved}}, "Acme 0 30"},
		"of another customer": {
			[]Participant{one("a", 0, 60, customer, archived)}, []decision.Verdict{{Key: "a", Word: decision.KeepAs, Fields: category}}, "Acme 60 0, Umbrella 0 60",
		},
		"left out":           {[]Participant{one("a", 0, 60, customer, archived)}, []decision.Verdict{{Key: "a", Word: decision.Drop}}, "Acme 60 0"},
		"withdrawn":          {[]Participant{one("a", 0, 60, customer, archived)}, []decision.Verdict{{Key: "a", Word: decision.Withdraw}}, "Acme 60 0"},
		"accepted":           {[]Participant{one("a", 0, 60, customer, longer)}, []decision.Verdict{{Key: "a", Word: decision.Accept}}, "Acme 30 60"},
		"not accepted":       {[]Participant{one("a", 0, 60, customer, longer)}, []decision.Verdict{{Key: "a", Word: decision.KeepArchived}}, ""},
		"without a customer": {[]Participant{one("a", 0, 60)}, []decision.Verdict{{Key: "a", Word: decision.Keep}}, " 0 60"},
		"all day":            {[]Participant{one("a", 0, 1440, customer, allDay)}, []decision.Verdict{{Key: "a", Word: decision.Keep}}, ""},
		"of two customers, by name": {
			[]Participant{one("a", 0, 60, globex), one("b", 30, 60, customer)},
			[]decision.Verdict{{Key: "a", Word: decision.Keep}, {Key: "b", Word: decision.Keep}}, "Acme 0 30, Globex 0 60",
		},
		"merged": {
			[]Participant{one("a", 0, 60, customer), one("b", 30, 90, globex)},
			[]decision.Verdict{{Key: "a", Word: decision.Merge, Into: "b"}, {Key: "b", Word: decision.Merge, Into: "b"}}, "Globex 0 60",
		},
		"merged, with fields of another verdict": {
			[]Participant{one("a", 0, 60, customer), one("b", 30, 90, globex)},
			[]decision.Verdict{{Key: "a", Word: decision.Merge, Into: "b", Fields: moved}, {Key: "b", Word: decision.Merge, Into: "b"}}, "Globex 0 30",
		},
		"created": {
			[]Participant{one("a", 0, 60)}, []decision.Verdict{{Word: decision.Create, Fields: &decision.Fields{Subject: &name, Start: start, End: end}}}, " 0 10",
		},
	} {
		var got []string
		for _, h := range about(action.Overlap, c.of...).Effect(c.verdicts) {
			got = append(got, fmt.Sprintf("%s %d %d", h.Customer, h.Before, h.After))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", what, strings.Join(got, ", "), c.want)
		}
	}
}
