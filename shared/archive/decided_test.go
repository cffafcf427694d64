package archive

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/ledger"
)

// verdictOn returns a verdict about an event, which is named by its id.
func verdictOn(id string, word decision.Word, more ...func(*decision.Verdict)) decision.Verdict {
	v := decision.Verdict{Key: id, Word: word}
	for _, change := range more {
		change(&v)
	}
	return v
}

func by(id string) func(*decision.Verdict)   { return func(v *decision.Verdict) { v.By = id } }
func into(id string) func(*decision.Verdict) { return func(v *decision.Verdict) { v.Into = id } }

func only(fields ...decision.Field) func(*decision.Verdict) {
	return func(v *decision.Verdict) { v.Only = fields }
}

// fields are given as in "start 09:30", "categories x, y" or "sensitivity normal".
func fields(texts ...string) func(*decision.Verdict) {
	f := &decision.Fields{}
	for _, text := range texts {
		name, value, _ := strings.Cut(text, " ")
		switch decision.Field(name) {
		case decision.Start, decision.End:
			at, err := time.ParseInLocation("2006-01-02 15:04", "2026-10-05 "+value, berlin)
			if err != nil {
				panic(err)
			}
			if name == "start" {
				f.Start = &at
			} else {
				f.End = &at
			}
		case decision.Subject:
			f.Subject = &value
		case decision.Location:
			f.Location = &value
		case decision.Categories:
			list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
			f.Categories = &list
		case decision.Sensitivity:
			f.Sensitivity = &value
		case decision.ShowAs:
			f.ShowAs = &value
		case decision.Body:
			f.Body = &value
		}
	}
	return func(v *decision.Verdict) { v.Fields = f }
}

// decide makes a decision of who saw the plan. It checks it as whoever takes decisions does.
func decide(t fataler, p Plan, id string, verdicts ...decision.Verdict) decision.Decision {
	d := decision.Decision{ID: id, Kind: "overlap"}
	seen := map[string]bool{}
	see := func(name string) string {
		for i := range p.Items {
			if it := &p.Items[i]; it.EventID == name {
				if !seen[it.Key] {
					seen[it.Key] = true
					d.Seen = append(d.Seen, Seen{Key: it.Key, Hash: it.Hash})
				}
				return it.Key
			}
		}
		return name
	}
	for _, v := range verdicts {
		if v.Word != decision.Create {
			v.Key = see(v.Key)
		}
		v.By, v.Into = see(v.By), see(v.Into)
		d.Verdicts = append(d.Verdicts, v)
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	return d
}

func planDecided(events []calendar.Event, s Settings, held []Standing, decisions ...decision.Decision) Plan {
	return NewPlan(Input{Events: events, Window: monday, Settings: s, Standing: held, Decisions: decisions})
}

// said has the changes of an item as in "end 09:30 (decision)", and its issues.
func said(it *Item) string {
	var all []string
	for _, c := range it.Changes {
		to := c.To
		if at, err := time.Parse(time.RFC3339Nano, to); err == nil {
			to = at.In(berlin).Format("15:04")
		}
		all = append(all, fmt.Sprintf("%s %s (%s)", c.Field, to, c.Reason))
	}
	return strings.Join(append(all, it.Issues...), "; ")
}

const stale = `decision "d1" does not hold any more: the source changed since`

func TestDecisions(t *testing.T) {
	pair := day(busy("a", "09:00", "10:00", billed), busy("b", "09:30", "10:30", billed))
	for _, tt := range []struct {
		name     string
		settings Settings // zero: settings
		held     []calendar.Event
		seen     []calendar.Event // nil: events
		events   []calendar.Event
		verdicts []decision.Verdict
		want     outcomes
		actions  []string
		groups   []string
		says     map[string]string // by event, changes and issues of decided ones
	}{
		{
			name: "both of a conflict are kept, and still overlap", events: pair,
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep), verdictOn("b", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "archived: decision"}, groups: []string{"a b: kept"},
		}, {
			name: "one is dropped for the other", events: pair,
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep), verdictOn("b", decision.Drop, by("a"))},
			want:     outcomes{"a": "archived: decision", "b": "superseded by a"},
		}, {
			name: "one is dropped for nobody, and stands in nobody's way", events: pair,
			verdicts: []decision.Verdict{verdictOn("b", decision.Drop)}, want: outcomes{"a": "archived", "b": "superseded: decision"},
		}, {
			name: "one is kept with other times", events: pair,
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep), verdictOn("b", decision.KeepAs, fields("start 10:00"))},
			want:     outcomes{"a": "archived: decision", "b": "archived: decision"}, says: map[string]string{"b": "start 10:00 (decision)"},
		}, {
			name: "who is kept stands before newcomers, as what is held does", events: append(pair, tentative("c", "09:00", "09:10", billed), busy("d",
				"10:20", "11:00", high, billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep), verdictOn("b", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "archived: decision", "c": "superseded by a", "d": "conflicted"},
			actions:  []string{"overlap b d"}, groups: []string{"c a b d: conflict"},
		}, {
			name: "what was moved away is not in the way any more", events: pair,
			verdicts: []decision.Verdict{verdictOn("b", decision.KeepAs, fields("start 12:00", "end 13:00"))},
			want:     outcomes{"a": "archived", "b": "archived: decision"}, says: map[string]string{"b": "start 12:00 (decision); end 13:00 (decision)"},
		}, {
			name: "what was moved onto a newcomer is in its way", events: append(pair, busy("c", "12:00", "13:00", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.KeepAs, fields("start 12:30", "end 13:30"))},
			want:     outcomes{"a": "archived", "b": "archived: decision", "c": "conflicted"}, actions: []string{"overlap b c"}, groups: []string{"c b: conflict"},
			says: map[string]string{"b": "start 12:30 (decision); end 13:30 (decision)"},
		}, {
			name: "a time alone that leaves less than a minute does not apply", events: pair,
			verdicts: []decision.Verdict{verdictOn("b", decision.KeepAs, fields("end 09:30")), verdictOn("a", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "conflicted"}, actions: []string{"overlap a b"}, groups: []string{"a b: conflict"},
			says: map[string]string{"b": `decision "d1" (keep_as) does not apply: it would have no time, or less than one minute`},
		}, {
			name: "a time alone that leaves a minute applies", events: pair,
			verdicts: []decision.Verdict{verdictOn("b", decision.KeepAs, fields("end 09:31"))}, want: outcomes{"a": "conflicted", "b": "archived: decision"},
			actions: []string{"overlap a b"}, groups: []string{"a b: conflict"}, says: map[string]string{"b": "end 09:31 (decision)"},
		}, {
			name: "a category makes what was personal somebody's", events: day(busy("a", "09:00", "10:00")),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("categories Acme - billable"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "categories Acme - billable (decision)"},
		}, {
			name: "what has no category any more is personal", events: day(busy("a", "09:00", "10:00", categories("nonsense"))),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("categories"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "categories  (decision); sensitivity private (personal)"},
		}, {
			name: "issues are those of the new categories", events: day(busy("a", "09:00", "10:00", categories("nonsense"))),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("categories rubbish"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": `categories rubbish (decision); invalid category "rubbish": expected "<customer> - billable" or "<customer> - non-billable"`},
		}, {
			name: "the user has the last word about privacy", events: day(busy("a", "09:00", "10:00")),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("sensitivity normal"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "sensitivity private (personal); sensitivity normal (decision)"},
		}, {
			name: "a day that gets hours is a day no more", events: day(wholeDays("a", "2026-10-05", "2026-10-06", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("start 09:00", "end 17:00"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "start 09:00 (decision); end 17:00 (decision); all_day false (decision)"},
		}, {
			name: "what does not belong here is archived all the same", settings: timesheet, events: day(busy("a", "09:00", "10:00"), busy("b", "11:00",
				"12:00", billed, cancelled)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("categories Acme - billable")), verdictOn("b", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "archived: decision"},
			says:     map[string]string{"a": "categories Acme - billable (decision)"},
		}, {
			name: "an orphan is kept as an appointment, and not asked about", events: day(extendedAt("a", "09:00", "10:00")),
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep)}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "sensitivity private (personal)"},
		}, {
			name: "a duplicate is kept beside its like", events: day(busy("a", "09:00", "10:00", subject("x"), billed), busy("b", "09:00", "10:00",
				subject("x"), billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep), verdictOn("b", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "archived: decision"}, groups: []string{"a b: kept"},
		}, {
			name:     "a duplicate that was kept stays what it is, whatever becomes of its like",
			held:     day(busy("b", "09:00", "10:00", subject("x"), billed)),
			events:   day(busy("a", "09:00", "10:00", subject("x"), high), busy("b", "09:00", "10:00", subject("x"), billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Keep)}, want: outcomes{"a": "conflicted", "b": "unchanged: decision"},
			actions: []string{"overlap a b"}, groups: []string{"a b: conflict"},
		}, {
			name: "two are merged from the first start to the last end", events: pair,
			verdicts: []decision.Verdict{verdictOn("b", decision.Merge, into("a"))},
			want:     outcomes{"a": "archived: decision", "b": "superseded by a"}, says: map[string]string{"a": "end 10:30 (decision)"},
		}, {
			name: "a merge has the fields of any of them", events: append(pair, busy("c", "08:00", "09:10", billed)),
			verdicts: []decision.Verdict{
				verdictOn("b", decision.Merge), verdictOn("a", decision.Merge, into("b"), fields("subject x", "end 11:00")), verdictOn("c", decision.Merge, into("b")),
			},
			want: outcomes{"a": "superseded by b", "b": "archived: decision", "c": "superseded by b"},
			says: map[string]string{"b": "start 08:00 (decision); subject x (decision); end 11:00 (decision)"},
		}, {
			name: "a whole day does not stretch hours", events: append(pair, wholeDays("c", "2026-10-05", "2026-10-06", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Merge, into("a")), verdictOn("c", decision.Merge, into("a"))},
			want:     outcomes{"a": "archived: decision", "b": "superseded by a", "c": "superseded by a"}, says: map[string]string{"a": "end 10:30 (decision)"},
		}, {
			name: "of a merge one that changed is asked about anew, and stretches nothing", seen: pair,
			events:   day(pair[0], busy("b", "09:30", "11:00", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Merge, into("a"))},
			want:     outcomes{"a": "archived: decision", "b": "conflicted"}, actions: []string{"overlap a b"}, groups: []string{"a b: conflict"},
			says: map[string]string{"b": stale},
		}, {
			name: "nothing is merged into what changed", seen: pair, events: day(busy("a", "09:00", "10:10", billed), pair[1]),
			verdicts: []decision.Verdict{verdictOn("b", decision.Merge, into("a"))},
			want:     outcomes{"a": "conflicted", "b": "conflicted"}, actions: []string{"overlap a b"}, groups: []string{"a b: conflict"},
			says: map[string]string{"a": stale, "b": `decision "d1" does not hold: what it merges this into does not stand`},
		}, {
			name: "a drop of what changed is asked about, though nothing is in its way", seen: pair, events: day(pair[0], busy("b", "10:30", "11:00", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Drop, by("a")), verdictOn("a", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "archived"}, actions: []string{"stale_decision b"},
			says: map[string]string{"b": stale},
		}, {
			name: "a drop of what changed is asked about, though another wins by its rank", seen: pair, events: day(pair[0], tentative("b", "09:30", "10:30", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Drop, by("a")), verdictOn("a", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "superseded by a"}, actions: []string{"stale_decision b"},
			says: map[string]string{"b": stale},
		}, {
			name: "what changed and does not belong here any more is not asked about", seen: pair, events: day(pair[0], busy("b", "09:30", "10:30", billed,
				cancelled)), settings: timesheet,
			verdicts: []decision.Verdict{verdictOn("b", decision.Keep), verdictOn("a", decision.Keep)},
			want:     outcomes{"a": "archived: decision", "b": "excluded: cancelled"},
			says:     map[string]string{"b": stale},
		}, {
			name: "drift is accepted", held: pair[:1], events: day(busy("a", "09:00", "11:00", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.Accept)}, want: outcomes{"a": "drifted: decision"},
		}, {
			name: "some of the drift is accepted", held: pair[:1], events: day(busy("a", "08:00", "11:00", billed, subject("x"))),
			verdicts: []decision.Verdict{verdictOn("a", decision.Accept, only("end"))}, want: outcomes{"a": "drifted: decision"},
			says: map[string]string{"a": "subject a (decision); start 09:00 (decision)"},
		}, {
			name: "drift is accepted with other fields", held: pair[:1], events: day(busy("a", "09:00", "11:00", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("end 10:30"))}, want: outcomes{"a": "drifted: decision"},
			says: map[string]string{"a": "end 10:30 (decision)"},
		}, {
			name: "the archived version stays, and is in the way of newcomers", held: pair[:1], events: day(busy("a", "09:00", "09:20", billed), pair[1]),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepArchived)}, want: outcomes{"a": "unchanged: decision", "b": "conflicted"},
			actions: []string{"overlap a b"}, groups: []string{"a b: conflict"}, says: map[string]string{"a": "end 10:00 (decision)"},
		}, {
			name: "an accepted version is in the way of newcomers", held: pair[:1], events: day(busy("a", "09:00", "09:20", billed), pair[1]),
			verdicts: []decision.Verdict{verdictOn("a", decision.Accept)}, want: outcomes{"a": "drifted: decision", "b": "archived"},
		}, {
			name: "drift that goes on is asked about again", held: pair[:1], seen: day(busy("a", "09:00", "11:00", billed)), events: day(busy("a", "09:00",
				"12:00", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepArchived)}, want: outcomes{"a": "drifted"}, actions: []string{"drift a"},
			says: map[string]string{"a": stale},
		}, {
			name: "what a config accepts it does not accept of what was decided", settings: accepting, held: pair[:1],
			events: day(busy("a", "09:00", "12:00", billed)), seen: day(busy("a", "09:00", "11:00", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepArchived)}, want: outcomes{"a": "drifted"}, actions: []string{"drift a"},
			says: map[string]string{"a": stale},
		}, {
			name: "there is no drift of what is new", events: pair[:1], verdicts: []decision.Verdict{verdictOn("a", decision.Accept)},
			want: outcomes{"a": "archived"}, actions: []string{"stale_decision a"},
			says: map[string]string{"a": `decision "d1" (accept) does not apply: there is no other version of it to accept`},
		}, {
			name: "what is new has no archived version", events: pair[:1], verdicts: []decision.Verdict{verdictOn("a", decision.KeepArchived)},
			want: outcomes{"a": "archived"}, actions: []string{"stale_decision a"},
			says: map[string]string{"a": `decision "d1" (keep_archived) does not apply: it is not in the archive`},
		}, {
			name: "what is withdrawn stands in nobody's way", held: pair[:1], events: pair,
			verdicts: []decision.Verdict{verdictOn("a", decision.Withdraw)}, want: outcomes{"a": "superseded: decision", "b": "archived"},
		}, {
			name: "what was archived gives way", held: pair[:1], events: pair,
			verdicts: []decision.Verdict{verdictOn("a", decision.Drop, by("b")), verdictOn("b", decision.Keep)},
			want:     outcomes{"a": "superseded by b", "b": "archived: decision"},
		}, {
			name: "what is archived gets another category", held: day(busy("a", "09:00", "10:00")), events: day(busy("a", "09:00", "10:00")),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("categories Acme - billable"))}, want: outcomes{"a": "unchanged: decision"},
			says: map[string]string{"a": "categories Acme - billable (decision)"},
		}, {
			name: "what vanished is withdrawn", held: pair[:1], seen: day(), events: pair[1:],
			verdicts: []decision.Verdict{verdictOn("a", decision.Withdraw)}, want: outcomes{"a": "vanished: decision", "b": "archived"},
		}, {
			name: "what vanished stays", held: pair[:1], events: pair[1:],
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepArchived)}, want: outcomes{"a": "vanished: decision", "b": "conflicted"},
			actions: []string{"overlap a b"}, groups: []string{"a b: conflict"},
		}, {
			name: "what vanished is corrected", held: pair[:1], events: pair[1:],
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("end 09:30"))}, want: outcomes{"a": "vanished: decision", "b": "archived"},
			says: map[string]string{"a": "end 09:30 (decision)"},
		}, {
			name: "what vanished gives way", held: pair[:1], events: pair[1:],
			verdicts: []decision.Verdict{verdictOn("a", decision.Merge, into("b"))}, want: outcomes{"a": "vanished by b", "b": "archived: decision"},
			says: map[string]string{"b": "start 09:00 (decision)"},
		}, {
			name: "nothing is accepted of what vanished", held: pair[:1], events: day(),
			verdicts: []decision.Verdict{verdictOn("a", decision.Accept)}, want: outcomes{"a": "vanished"}, actions: []string{"drift a"},
			says: map[string]string{"a": `decision "d1" (accept) does not apply: there is no other version of it to accept`},
		}, {
			name: "what is created stands, and is no event of the source", events: pair[:1],
			verdicts: []decision.Verdict{verdictOn("decision:x", decision.Create, fields("start 09:30", "end 10:30", "subject x", "categories Acme - billable"))},
			want:     outcomes{"a": "conflicted", "decision:x": "created: decision"}, actions: []string{"overlap a decision:x"},
			groups: []string{"a decision:x: conflict"},
		}, {
			name: "what is created is private without a category", events: day(),
			verdicts: []decision.Verdict{verdictOn("decision:x", decision.Create, fields("start 09:30", "end 10:30", "subject x"))},
			want:     outcomes{"decision:x": "created: decision"}, says: map[string]string{"decision:x": "sensitivity private (personal)"},
		}, {
			name: "what is created wins", events: pair,
			verdicts: []decision.Verdict{
				verdictOn("decision:x", decision.Create, fields("start 09:00", "end 10:30", "subject x", "categories Acme - billable")),
				verdictOn("a", decision.Drop, by("decision:x")), verdictOn("b", decision.Drop, by("decision:x")),
			},
			want: outcomes{"a": "superseded by decision:x", "b": "superseded by decision:x", "decision:x": "created: decision"},
		}, {
			name: "what belongs to another day is left to that day", events: day(busy("a", "2026-10-04T09:00:00", "2026-10-04T10:00:00", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep)}, want: outcomes{"a": "excluded: outside_window"},
		}, {
			name: "what is merged into one of the day before is merged", events: day(busy("a", "2026-10-04T23:00:00", "2026-10-05T01:00:00", billed), busy("b",
				"00:30", "02:00", billed)),
			verdicts: []decision.Verdict{verdictOn("b", decision.Merge, into("a"))}, want: outcomes{"a": "excluded: outside_window", "b": "superseded by a"},
		}, {
			name: "what can stand at no time is not kept", events: day(busy("a", "", "", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.Keep)}, want: outcomes{"a": "excluded: invalid_time"},
			says: map[string]string{"a": `no start and no end; decision "d1" (keep) does not apply: it would have no time, or less than one minute`},
		}, {
			name: "what has no time gets one", events: day(busy("a", "", "", billed)),
			verdicts: []decision.Verdict{verdictOn("a", decision.KeepAs, fields("start 09:00", "end 10:00"))}, want: outcomes{"a": "archived: decision"},
			says: map[string]string{"a": "start 09:00 (decision); end 10:00 (decision); no start and no end"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.settings
			if s == (Settings{}) {
				s = settings
			}
			held := heldAfter(t, newPlan(tt.held, monday, keeping, nil))
			seen := tt.seen
			if seen == nil {
				seen = tt.events
			}
			d := decide(t, newPlan(seen, monday, s, held), "d1", tt.verdicts...)
			p := planDecided(tt.events, s, held, d)
			everyEventOnce(t, p, tt.events, held)
			if got := outcomesOf(p); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			if got := actionsOf(p); !slices.Equal(got, append([]string{}, tt.actions...)) {
				t.Errorf("actions %q, want %q", got, tt.actions)
			}
			if got := groupsOf(p); tt.groups != nil && !slices.Equal(got, tt.groups) || tt.groups == nil && slices.ContainsFunc(got,
				func(g string) bool { return strings.HasSuffix(g, "conflict") }) {
				t.Errorf("groups %q, want %q", got, tt.groups)
			}
			for i := range p.Items {
				it := &p.Items[i]
				if got := said(it); (it.Decision != "" || tt.says[it.EventID] != "") && got != tt.says[it.EventID] {
					t.Errorf("%s says %q, want %q", it.EventID, got, tt.says[it.EventID])
				}
				if (it.Decision == "d1") != (it.Reason == ReasonDecision) || (it.Decision == "") != (it.Verdict == "") {
					t.Errorf("%s: reason %q, decision %q, verdict %q", it.EventID, it.Reason, it.Decision, it.Verdict)
				}
			}
			if len(p.Issues) > 0 {
				t.Errorf("issues %q", p.Issues)
			}
		})
	}
}

func TestADecidedThingStaysDecided(t *testing.T) {
	events := day(busy("a", "09:00", "10:00", billed), busy("b", "09:30", "10:30", billed), busy("c", "12:00", "13:00", billed))
	first := newPlan(events, monday, settings, nil)
	d := decide(t, first, "d1", verdictOn("a", decision.KeepAs, fields("end 09:30", "body new")), verdictOn("b", decision.Drop, by("a")), verdictOn("c",
		decision.Keep),
		verdictOn("decision:x", decision.Create, fields("start 14:00", "end 15:00", "subject x", "categories Acme - billable")))
	second := planDecided(events, settings, nil, d)
	if body := itemOf(t, second, "a").Body; body == nil || *body != (calendar.Body{ContentType: "text", Content: "new"}) {
		t.Errorf("the text is %v", body)
	}
	held := heldAfter(t, second)
	third := planDecided(events, settings, held, d)
	want := outcomes{"a": "unchanged: decision", "b": "superseded by a", "c": "unchanged: decision", "decision:x": "created: decision"}
	if got := outcomesOf(third); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	for i := range third.Items {
		if it := &third.Items[i]; it.Accept || (it.Held == nil) != (it.EventID == "b") {
			t.Errorf("%s: accept %t, held %v", it.EventID, it.Accept, it.Held)
		}
	}
	if got := heldAfter(t, third); asJSON(t, got) != asJSON(t, held) {
		t.Errorf("held %s\nafter %s", asJSON(t, held), asJSON(t, got))
	}

	// What was created stands without the decision, too, and an event that is like it is another one.
	like := append(events, busy("z", "14:00", "15:00", subject("x"), billed))
	fourth := newPlan(like, monday, settings, held)
	if got := outcomesOf(fourth); got["z"] != "conflicted" || fourth.Counts.Vanished != 0 || fourth.Counts.Created != 0 {
		t.Errorf("got %v, %v", got, fourth.Counts)
	}
	if fourth.Counts.Fetched != 4 || !strings.HasSuffix(third.Counts.String(), "vanished 0, created 1") || third.Counts.Fetched != 3 {
		t.Errorf("%v, then %v", third.Counts, fourth.Counts)
	}
}

func TestTheNewestVerdictCounts(t *testing.T) {
	events := day(busy("a", "09:00", "10:00", billed), busy("b", "09:30", "10:30", billed))
	seen := newPlan(events, monday, settings, nil)
	create := decide(t, seen, "d0", verdictOn("decision:x", decision.Create, fields("start 14:00", "end 15:00", "subject x")))
	drop := decide(t, seen, "d1", verdictOn("a", decision.Drop), verdictOn("b", decision.Keep))
	keep := decide(t, seen, "d2", verdictOn("a", decision.Keep))
	merge := decide(t, seen, "d3", verdictOn("b", decision.Merge, into("a")))
	for _, tt := range []struct {
		name string
		list []decision.Decision
		want outcomes
	}{
		{"a drop and then a keep", []decision.Decision{drop, keep}, outcomes{"a": "archived: decision", "b": "archived: decision"}},
		{"a keep and then a drop", []decision.Decision{keep, drop}, outcomes{"a": "superseded: decision", "b": "archived: decision"}},
		{"a merge takes along what it merges into", []decision.Decision{drop, merge}, outcomes{"a": "archived: decision", "b": "superseded by a"}},
		{"a later keep does not undo what was merged into it", []decision.Decision{merge, keep}, outcomes{"a": "archived: decision", "b": "superseded by a"}},
		{"a later drop of all", []decision.Decision{merge, drop}, outcomes{"a": "superseded: decision", "b": "archived: decision"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := outcomesOf(planDecided(events, settings, nil, tt.list...)); !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if it := itemOf(t, planDecided(events, settings, nil, merge, keep), "a"); hours(&it.Appointment) != "09:00-10:00" || it.Decision != "d2" {
		t.Errorf("%s by %s", hours(&it.Appointment), it.Decision)
	}

	t.Run("what a ledger keeps out, a later decision lets in", func(t *testing.T) {
		out := []Standing{keptOut(t, events[0], ledger.Withdrawn)}
		if got := outcomesOf(planDecided(events, settings, out, keep))["a"]; got != "archived: decision" {
			t.Errorf("it is %s", got)
		}
		if p := planDecided(nil, settings, out, keep); len(p.Items) != 0 || len(p.Issues) != 0 {
			t.Errorf("%v, issues %q", outcomesOf(p), p.Issues)
		}
	})
	t.Run("what was created is changed and taken back", func(t *testing.T) {
		made := planDecided(events, keeping, nil, create)
		later := decide(t, made, "d4", verdictOn("decision:x", decision.KeepAs, fields("end 16:00")))
		back := decide(t, made, "d5", verdictOn("decision:x", decision.Withdraw))
		p := planDecided(events, keeping, nil, create, later)
		if it := itemOf(t, p, "decision:x"); hours(&it.Appointment) != "14:00-16:00" || it.Decision != "d4" || it.Verdict != decision.KeepAs ||
			it.Hash != later.Seen[0].Hash {
			t.Errorf("%+v", it)
		}
		if p := planDecided(events, keeping, nil, create, later, back); p.Counts.Created != 0 || len(p.Issues) != 0 {
			t.Errorf("%v", outcomesOf(p))
		}
		held := heldAfter(t, made)
		if it := itemOf(t, planDecided(events, keeping, held, later), "decision:x"); hours(&it.Appointment) != "14:00-16:00" || !it.Accept || it.Held == nil {
			t.Errorf("%+v", it)
		}
		if p := planDecided(day(busy("z", "14:00", "15:00")), settings, held, back); outcomesOf(p)["z"] != "archived" || len(p.Issues) > 0 {
			t.Errorf("%v", outcomesOf(p))
		}
		later.Seen[0].Hash = "sha256:00"
		if it := itemOf(t, planDecided(events, keeping, nil, create, later), "decision:x"); hours(&it.Appointment) != "14:00-15:00" || len(it.Issues) != 1 {
			t.Errorf("%+v", it)
		}
		if p := planDecided(events, keeping, held, later); len(p.Issues) != 1 || !strings.Contains(p.Issues[0], "decision:x") {
			t.Errorf("issues %q", p.Issues)
		}
	})
}

func TestADecisionAboutNothingIsAnIssueOfThePlan(t *testing.T) {
	d := decision.Decision{
		ID: "d1", Seen: []Seen{{Key: "nobody", Hash: "sha256:1"}, {Key: "m", Hash: "sha256:1"}, {Key: "other", Hash: "sha256:1"}},
		Verdicts: []decision.Verdict{{Key: "nobody", Word: decision.Keep}, {Key: "m", Word: decision.Keep}},
	}
	master := busy("m", "09:00", "10:00", uid(""), typed(calendar.Master))
	p := planDecided(day(master), settings, nil, d)
	if want := []string{`decision "d1" is about a key that is not here: "nobody"`}; !slices.Equal(p.Issues, want) {
		t.Errorf("issues %q", p.Issues)
	}
	if got := asJSON(t, p); !strings.Contains(got, `"actions":[],"issues":["decision`) {
		t.Error(got)
	}
	if got := outcomesOf(p); !maps.Equal(got, outcomes{"m": "excluded: series_master"}) {
		t.Errorf("got %v", got)
	}
}

func TestTheKeyOfAnEventIsNeverThatOfWhatIsCreated(t *testing.T) {
	events := day(busy("decision:x", "09:00", "10:00", uid("")))
	held := heldAfter(t, newPlan(events, monday, settings, nil))
	if got := outcomesOf(newPlan(events, monday, settings, held)); !maps.Equal(got, outcomes{"decision:x": "unchanged"}) || held[0].Key != "decision:x#" {
		t.Errorf("%v, held %+v", got, held)
	}
}

// A correction of what has no source any more takes back that it was personal, as one of what has a source does.
func TestWhatVanishedAndGetsACategoryIsNotPrivateAnyMore(t *testing.T) {
	event := busy("a", "09:00", "10:00")
	held := heldAfter(t, newPlan(day(event), monday, settings, nil))
	for name, want := range map[string]calendar.Sensitivity{"known": calendar.Normal, "unknown": calendar.Private} {
		if held[0].Source = &event; name == "unknown" {
			held[0].Source = nil
		}
		d := decide(t, newPlan(nil, monday, settings, held), "d1", verdictOn("a", decision.KeepAs, fields("categories Acme - billable")))
		it := itemOf(t, planDecided(nil, settings, held, d), "a")
		if it.Appointment.Sensitivity != want || it.Appointment.Customer != "Acme" || !it.Accept {
			t.Errorf("its source is %s: %+v", name, it.Appointment)
		}
	}
}

func TestPlanJSONTellsDecisions(t *testing.T) {
	events := day(busy("a", "09:00", "10:00", billed))
	d := decide(t, planOf(events), "d1", verdictOn("a", decision.KeepAs, fields("end 09:30", "body x")),
		verdictOn("decision:x", decision.Create, fields("start 14:00", "end 15:00", "subject x", "categories Acme - billable")))
	got := asJSON(t, planDecided(events, settings, nil, d))
	for _, want := range []string{
		`"vanished":0,"created":1}`, `"outcome":"archived","reason":"decision","by":"","decision":"d1","verdict":"keep_as","hash":`,
		`"body":{"contentType":"text","content":"x"}`, `"from":"2026-10-05T08:00:00Z","to":"2026-10-05T07:30:00Z","reason":"decision"}`,
		`"event_id":"decision:x","key":"decision:x","outcome":"created","reason":"decision","by":"","decision":"d1","verdict":"create"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if got := asJSON(t, planOf(events)); strings.Contains(got, "verdict") || strings.Contains(got, "created") || strings.Contains(got, "body") {
		t.Error(got)
	}
}

func TestWhatIsCreatedBelongsToTheDayOfItsStart(t *testing.T) {
	create := verdictOn("decision:x", decision.Create, fields("start 09:00", "end 10:00", "subject x"))
	*create.Fields.Start = create.Fields.Start.AddDate(0, 0, -1)
	p := planDecided(day(busy("a", "09:30", "10:30")), settings, nil, decide(t, planOf(nil), "d1", create))
	if got := outcomesOf(p); !maps.Equal(got, outcomes{"a": "conflicted"}) || p.Counts.Created != 0 || len(p.Issues) != 0 {
		t.Errorf("%v, issues %q", got, p.Issues)
	}
}

func TestACopyOfOursIsNeverKept(t *testing.T) {
	ours := busy("c", "09:00", "10:00", func(e *calendar.Event) { e.Mark = "1 k h" })
	p := planDecided(day(ours), settings, nil, decide(t, planOf(day(ours)), "d1", verdictOn("c", decision.Keep)))
	if got := outcomesOf(p); !maps.Equal(got, outcomes{"c": "excluded: own_copy"}) || len(p.Issues) != 0 {
		t.Errorf("%v, issues %q", got, p.Issues)
	}
}

func TestAnEventKeepsItsVerdictWhileACopyHasItsKey(t *testing.T) {
	events := day(busy("a", "09:00", "10:00", func(e *calendar.Event) { e.Mark = "1 k h" }), busy("b", "09:00", "10:00", uid("uid-a")))
	p := planDecided(events, settings, nil, decide(t, planOf(events[1:]), "d1", verdictOn("b", decision.Drop)))
	if got := outcomesOf(p); !maps.Equal(got, outcomes{"a": "excluded: own_copy", "b": "superseded: decision"}) {
		t.Errorf("%v", got)
	}
}

// A text alone is a change, until the ledger has what the decision says.
func TestANewTextIsWrittenOnce(t *testing.T) {
	events := day(busy("a", "09:00", "10:00", billed))
	held := heldAfter(t, planOf(events))
	d := decide(t, planOf(events), "d1", verdictOn("a", decision.KeepAs, fields("body new")))
	first := planDecided(events, settings, held, d)
	second := planDecided(events, settings, heldAfter(t, first), d)
	if a, b := itemOf(t, first, "a"), itemOf(t, second, "a"); !a.Accept || b.Accept || b.Outcome != Unchanged {
		t.Errorf("written: %t, then %t", a.Accept, b.Accept)
	}
}

func TestOfTwoEventsOfOneKeyTheOneThatBelongsHereIsDecided(t *testing.T) {
	same := originally("2026-10-05T07:00:00Z")
	events := day(busy("a", "09:00", "10:00", uid("u"), same, billed, cancelled), busy("b", "11:00", "12:00", uid("u"), same, billed))
	d := decide(t, newPlan(events, monday, timesheet, nil), "d1", verdictOn("b", decision.Drop))
	if got := outcomesOf(planDecided(events, timesheet, nil, d)); !maps.Equal(got, outcomes{"a": "excluded: cancelled", "b": "superseded: decision"}) {
		t.Errorf("%v", got)
	}
}
