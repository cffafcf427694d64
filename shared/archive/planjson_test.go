package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

func TestPlanJSON(t *testing.T) {
	window := calendar.Window{From: date("2026-10-01"), To: date("2026-10-31"), Zone: berlin}
	plan := newPlan(day(
		busy("a", "09:00", "10:00", subject("Acme review"), categories("Acme - billable", "Globex - billable"), func(e *calendar.Event) { e.Location = "Oslo" }),
		busy("b", "09:30", "10:30", subject("Lunch")),
		wholeDays("c", "2026-10-10", "2026-10-12", shown(calendar.Free), cancelled),
		busy("d", "", ""),
	), window, settings, nil)
	const want = `{"window":{"start":"2026-10-01T00:00:00+02:00","end":"2026-11-01T00:00:00+01:00"},` +
		`"counts":{"fetched":4,"archived":1,"unchanged":0,"merged":0,"absorbed":0,"superseded":0,"conflicted":2,"excluded":1,"drifted":0,"vanished":0},` +
		`"balanced":true,` +
		`"items":[` +
		`{"event_id":"d","key":"uid-d","outcome":"excluded","reason":"invalid_time","by":"","hash":"HASH",` +
		`"appointment":{"subject":"d","start":"","end":"",` +
		`"all_day":false,"start_date":"","end_date":"","location":"","categories":[],` +
		`"customer":"","billing_type":"","travel":false,"sensitivity":"normal","show_as":"busy","importance":"normal"},` +
		`"changes":[],"issues":["no start and no end"]},` +
		`{"event_id":"a","key":"uid-a@2026-10-05T07:00:00Z","outcome":"conflicted","reason":"","by":"","hash":"HASH",` +
		`"appointment":{"subject":"Acme review","start":"2026-10-05T07:00:00Z","end":"2026-10-05T08:00:00Z",` +
		`"all_day":false,"start_date":"","end_date":"","location":"Oslo","categories":["Acme - billable","Globex - billable"],` +
		`"customer":"Acme","billing_type":"billable","travel":false,"sensitivity":"normal","show_as":"busy","importance":"normal"},` +
		`"changes":[],"issues":["multiple valid categories, using \"Acme - billable\""]},` +
		`{"event_id":"b","key":"uid-b@2026-10-05T07:30:00Z","outcome":"conflicted","reason":"","by":"","hash":"HASH",` +
		`"appointment":{"subject":"Lunch","start":"2026-10-05T07:30:00Z","end":"2026-10-05T08:30:00Z",` +
		`"all_day":false,"start_date":"","end_date":"","location":"","categories":[],` +
		`"customer":"","billing_type":"","travel":false,"sensitivity":"private","show_as":"busy","importance":"normal"},` +
		`"changes":[{"field":"sensitivity","from":"normal","to":"private","reason":"personal"}],"issues":[]},` +
		`{"event_id":"c","key":"uid-c@2026-10-09T22:00:00Z","outcome":"archived","reason":"","by":"","hash":"HASH",` +
		`"appointment":{"subject":"c","start":"2026-10-09T22:00:00Z","end":"2026-10-11T22:00:00Z",` +
		`"all_day":true,"start_date":"2026-10-10","end_date":"2026-10-12","location":"","categories":[],` +
		`"customer":"","billing_type":"","travel":false,"sensitivity":"private","show_as":"free","importance":"normal","cancelled":true},` +
		`"changes":[{"field":"sensitivity","from":"normal","to":"private","reason":"personal"}],"issues":[]}],` +
		`"overlaps":[{"event_ids":["a","b"],"outcome":"conflict"}],` +
		`"actions":[{"kind":"overlap","event_ids":["a","b"],` +
		`"seen":[{"key":"uid-a@2026-10-05T07:00:00Z","hash":"HASH"},{"key":"uid-b@2026-10-05T07:30:00Z","hash":"HASH"}],` +
		`"detail":"they share time, and none ranks higher"}]}`
	got := asJSON(t, plan)
	for _, it := range plan.Items {
		got = strings.ReplaceAll(got, it.Hash, "HASH")
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPlanJSONOfNothingHasListsAndNoNulls(t *testing.T) {
	if got := asJSON(t, planOf(nil)); strings.Contains(got, "null") || !strings.Contains(got, `"items":[],"overlaps":[],"actions":[]`) {
		t.Error(got)
	}
}

func TestReadStandingTakesWhatAPlanLeavesInTheLedger(t *testing.T) {
	first := day(
		busy("kept", "09:00", "10:00", billed), wholeDays("whole", "2026-10-05", "2026-10-07", cancelled), free("free", "09:00", "10:00", declined),
		busy("changed", "11:00", "12:00"), busy("gone", "12:00", "13:00"), tentative("lost", "09:30", "10:00"), busy("asked", "11:30", "12:00"), busy("x", "", ""),
	)
	first[6].Subject = "changed" // another time: no duplicate
	plan := newPlan(day(first[0], first[1], first[2], first[3], first[4]), monday, settings, nil)
	held := heldAfter(t, plan)
	if len(held) != 5 {
		t.Fatalf("%d are held of %v", len(held), outcomesOf(plan))
	}
	for _, h := range held {
		it := itemOf(t, plan, h.EventID)
		if h.Key != it.Key || h.SourceHash != it.Hash || h.single() || !reflect.DeepEqual(withLists(h.Appointment), withLists(it.Appointment)) {
			t.Errorf("%+v\nis held for %+v", h, it)
		}
	}

	now := day(first[0], first[1], first[2], first[3], first[5], first[6], first[7])
	now[3].Subject = "changed since"
	second := newPlan(now, monday, settings, held)
	want := outcomes{
		"kept": "unchanged", "whole": "unchanged", "free": "unchanged", "changed": "drifted", "gone": "vanished", "lost": "superseded by kept",
		"asked": "conflicted", "x": "excluded: invalid_time",
	}
	if got := outcomesOf(second); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	var ids []string
	for _, h := range heldAfter(t, second) {
		ids = append(ids, h.EventID)
	}
	if got := strings.Join(ids, " "); got != "whole free kept" {
		t.Errorf("held are %s", got)
	}
}

// withLists makes no categories and an empty list of them the same.
func withLists(a calendar.Appointment) calendar.Appointment {
	a.Categories = orNone(a.Categories)
	return a
}

func TestReadStandingRefuses(t *testing.T) {
	item := func(more string) string {
		return `{"items": [{"outcome": "vanished"}, {"outcome": "archived", ` + more + `}]}`
	}
	const good = `"start": "2026-10-05T07:00:00Z", "end": "2026-10-05T08:00:00Z"`
	for _, tt := range []struct{ name, text, field, says string }{
		{"nothing", ``, "", "no plan"},
		{"no JSON", `plan`, "", "no plan"},
		{"a list", `[]`, "", "no plan"},
		{"no items", `{"counts": {}}`, "", "no items"},
		{"items that are none", `{"items": null}`, "", "no items"},
		{"items of another sort", `{"items": [1]}`, "items[0]", "must be an object"},
		{"a field twice", `{"items": [], "items": [{}]}`, "items", "twice"},
		{"a field in two cases", item(`"key": "k", "Key": "l", "hash": "h"`), "items[1].Key", "twice"},
		{"a field of an appointment twice", item(`"key": "k", "hash": "h", "appointment": {"subject": "a", "subject": "b", ` + good + `}`),
			"items[1].appointment.subject", "twice"},
		{"items in another case", `{"Items": []}`, "", "no items"},
		{"UTF-16", "{\x00", "", "save it as UTF-8"},
		{"no key", item(`"hash": "h", "appointment": {` + good + `}`), "items[1]", "key"},
		{"no hash", item(`"key": "k", "appointment": {` + good + `}`), "items[1]", "hash"},
		{"no appointment", item(`"key": "k", "hash": "h"`), "items[1].appointment", "start"},
		{"no start", item(`"key": "k", "hash": "h", "appointment": {"end": "2026-10-05T08:00:00Z"}`), "items[1].appointment", "start"},
		{"no end", item(`"key": "k", "hash": "h", "appointment": {"start": "2026-10-05T08:00:00Z"}`), "appointment.end", "must be a time"},
		{"a time that is none", item(`"key": "k", "hash": "h", "appointment": {"start": "nine"}`), "appointment.start", "nine"},
		{
			"an end before the start",
			item(`"key": "k", "hash": "h", "appointment": {"start": "2026-10-05T07:00:00Z", "end": "2026-10-05T06:59:59Z"}`), "items[1].appointment", "not before",
		},
		{"an all-day one without days", item(`"key": "k", "hash": "h", "appointment": {"all_day": true, ` + good + `}`), "appointment.start_date", "day"},
		{
			"one key twice",
			`{"items": [{"outcome": "archived", "key": "k", "hash": "h", "appointment": {` + good + `}}, ` +
				`{"outcome": "unchanged", "key": "k", "hash": "h", "appointment": {` + good + `}}]}`,
			"items[1]", "of its own",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held, err := ReadStanding(strings.NewReader(tt.text))
			if err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field || !strings.Contains(err.Error(), tt.says) || held != nil {
				t.Errorf("got %v, %v (%v, field %q)", held, err, fault.Of(err), fault.FieldOf(err))
			}
		})
	}
	if _, err := ReadStanding(failing{}); err == nil {
		t.Error("a read that failed is an empty ledger")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func FuzzReadStanding(f *testing.F) {
	plan := planOf(day(busy("a", "09:00", "10:00", billed), wholeDays("b", "2026-10-05", "2026-10-06"), tentative("c", "09:00", "10:00"), busy("d", "", "")))
	f.Add(asJSON(f, plan))
	f.Add(`{"items": []}`)
	f.Add(`{"items": [{"outcome": "archived", "key": "k@2026-10-05T07:00:00Z", "hash": "h",
		"appointment": {"start": "2026-10-05T07:00:00Z", "end": "2026-10-05T08:00:00Z"}}]}`)
	f.Add(`{"items": [{"outcome": "unchanged", "key": "k", "hash": "h",
		"appointment": {"all_day": true, "start_date": "2026-10-05", "end_date": "2026-10-05",
		"start": "2026-10-05T07:00:00+14:00", "end": "9999-10-05T08:00:00Z"}}]}`)
	events := day(busy("a", "09:00", "10:00"), tentative("b", "09:30", "10:30"), extendedAt("m", "10:00", "10:10"), busy("k", "11:00", "12:00"))
	f.Fuzz(func(t *testing.T, text string) {
		held, err := ReadStanding(strings.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid {
				t.Errorf("%v is %v", err, fault.Of(err))
			}
			return
		}
		for _, s := range []Settings{settings, asking, accepting} {
			plan := newPlan(events, monday, s, held)
			if !plan.Balanced() || plan.Counts.Fetched != len(events) || plan.Counts.Vanished > len(held) {
				t.Errorf("%v with %d held", plan.Counts, len(held))
			}
			heldAfter(t, plan)
		}
	})
}

func TestAPlanThatIsWrittenItemByItemReadsAsOneThatIsWrittenAtOnce(t *testing.T) {
	hostile := day(
		busy("a", "09:00", "10:00", subject("<b>&\n  \"items\": [")), busy("b", "09:30", "10:30", subject("\n  \"items\": [")), busy("c", "", ""),
	)
	for _, events := range [][]calendar.Event{nil, hostile[:1], hostile} {
		plan := planOf(events)
		want, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if err := plan.WriteJSON(&got); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(got.String())); err != nil {
			t.Fatal(err)
		}
		if got, want := unescaped.Replace(compact.String()), unescaped.Replace(string(want)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if items := strings.Count(got.String(), "\n    {\"event_id\""); items != len(events) {
			t.Errorf("%d items stand on lines of their own, not %d", items, len(events))
		}
		if err := plan.WriteJSON(fullDisk{}); !errors.Is(err, errFull) {
			t.Errorf("where nothing can be written: %v", err)
		}
	}
}

// unescaped writes what package json escapes for web pages.
var unescaped = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

var errFull = errors.New("the disk is full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestAPlanFromFilesIsTheSameWithoutTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostileSituation(t)
		in := Input{Events: slices.Clone(s.events), Window: s.window, Settings: s.settings, Standing: s.held}
		want, err := json.Marshal(NewPlan(in))
		if err != nil {
			t.Fatal(err)
		}
		in.Events = slices.Clone(s.events)
		var lean Lean
		for i := range in.Events {
			lean.Event(&in.Events[i])
		}
		got, err := json.Marshal(NewPlan(in))
		if err != nil || string(got) != string(want) {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	})
}

func TestItemsAreArrangedInTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6}).Draw(t, "order")
		items := make([]Item, len(order))
		for i := range items {
			items[i].EventID = string(rune('a' + i))
		}
		var want, got []string
		for _, at := range order {
			want = append(want, items[at].EventID)
		}
		arrange(items, order)
		for _, it := range items {
			got = append(got, it.EventID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
