package graphsim

import (
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestSwitches(t *testing.T) {
	t.Run("are read from texts and written as one", func(t *testing.T) {
		set, err := ParseSwitches("page_504=100", "bump_keys")
		if err != nil || set.String() != "bump_keys,page_504=100" {
			t.Errorf("%q, %v", set, err)
		}
		if again, err := ParseSwitches(strings.Split(set.String(), ",")...); err != nil || again.String() != set.String() {
			t.Errorf("%q, %v", again, err)
		}
	})
	for name, texts := range map[string][]string{
		"an unknown name":                   {"gravity"},
		"a number that is none":             {"page_504=many"},
		"a number below one":                {"page_504=0"},
		"a number that is missing":          {"page_504"},
		"a value where there is none":       {"bump_keys=yes"},
		"a switch that is there twice":      {"page_504=1", "page_504=2"},
		"a text that is empty":              {""},
		"a right switch with an unknown on": {"bump_keys", "gravity"},
	} {
		t.Run("refuse "+name, func(t *testing.T) {
			if set, err := ParseSwitches(texts...); err == nil {
				t.Errorf("got %v", set)
			}
		})
	}
	t.Run("are what they say alone and in random sets", func(t *testing.T) {
		alone := map[string]bool{}
		for _, set := range EachSwitch() {
			if len(set) != 1 || set.check() != nil {
				t.Errorf("%v: %v", set, set.check())
			}
			alone[set.String()] = true
		}
		random := rand.New(rand.NewPCG(1, 1))
		seen := map[string]bool{}
		for range 1000 {
			set := RandomSwitches(random, 0.3)
			if err := set.check(); err != nil {
				t.Fatal(set, err)
			}
			for name, value := range set {
				seen[Switches{name: value}.String()] = true
			}
		}
		if len(seen) != len(alone) || len(alone) < len(AllSwitches()) {
			t.Errorf("%d values of switches are in random sets, %d alone", len(seen), len(alone))
		}
	})
	t.Run("each have a row and say what they do", func(t *testing.T) {
		names := map[string]bool{}
		for _, one := range AllSwitches() {
			if one.Row < 1 || one.Does == "" || names[one.Name] || !regexp.MustCompile(`^[a-z0-9_A-Z]+$`).MatchString(one.Name) {
				t.Errorf("%+v", one)
			}
			names[one.Name] = true
		}
	})
}

func TestThePageForReadersNamesEverySwitch(t *testing.T) {
	text, err := os.ReadFile("../../../docs/graph.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		row, rest, _ := strings.Cut(section, ". ")
		sections[row] = rest
	}
	for _, one := range AllSwitches() {
		if section := sections[strconv.Itoa(one.Row)]; !strings.Contains(section, "`"+one.Name+"`") && !strings.Contains(section, "`"+one.Name+"=") {
			t.Errorf("section %d of docs/graph.md does not name %s", one.Row, one.Name)
		}
	}
}

func TestSwitchesOfAServerCanBeChanged(t *testing.T) {
	sim, c := start(t, Options{})
	id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	key := func() string { return c.do("GET", "/me/events/"+id, "").is(200).field("changeKey") }
	if key() != key() {
		t.Error("change keys change though no switch is on")
	}
	if err := sim.SetSwitches(MustSwitches("bump_keys", "page_504=1")); err != nil {
		t.Fatal(err)
	}
	if key() == key() {
		t.Error("change keys do not change")
	}
	c.do("GET", "/me/events?$top=2", "").is(504)
	c.do("GET", "/me/events?$top=1", "").is(200)
	if err := sim.SetSwitches(Switches{"gravity": ""}); err == nil || sim.Switches().String() != "bump_keys,page_504=1" {
		t.Errorf("an unknown switch was accepted: %v", sim.Switches())
	}
	if err := sim.SetSwitches(nil); err != nil || len(sim.Switches()) != 0 {
		t.Errorf("%v, %v", err, sim.Switches())
	}
	c.do("GET", "/me/events?$top=2", "").is(200)
}
