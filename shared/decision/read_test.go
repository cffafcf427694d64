package decision

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"adminassistant/shared/fault"
)

const overlap = `[{"id": "d1", "kind": "overlap", "seen": [{"key": "a", "hash": "sha256:1"}, {"key": "b", "hash": "sha256:2"},
			{"key": "c", "hash": "sha256:3"}],
	"verdicts": [{"key": "a", "verdict": "keep"}, {"key": "b", "verdict": "drop", "by": "a"},
		{"key": "c", "verdict": "keep_as", "fields": {"start": "2026-10-05T09:00:00+02:00", "end": "2026-10-05T08:00:00Z", "categories": []}}]}]`

func TestRead(t *testing.T) {
	got, err := Read(strings.NewReader("\ufeff" + overlap))
	if err != nil {
		t.Fatal(err)
	}
	start, end := time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC), time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	v := got[0].Verdicts
	if f := v[2].Fields; !f.Start.Equal(start) || !f.End.Equal(end) || f.Categories == nil || len(*f.Categories) != 0 || f.Has(Subject) || !f.Has(Categories) {
		t.Errorf("fields %+v", f)
	}
	v[2].Fields = nil
	want := []Decision{{
		ID: "d1", Kind: "overlap", Seen: []Seen{{"a", "sha256:1"}, {"b", "sha256:2"}, {"c", "sha256:3"}},
		Verdicts: []Verdict{{Key: "a", Word: Keep}, {Key: "b", Word: Drop, By: "a"}, {Key: "c", Word: KeepAs}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got, err := Read(strings.NewReader(`[]`)); err != nil || len(got) != 0 {
		t.Errorf("no decisions are %v, %v", got, err)
	}
}

// about makes a decision about a, b and c of its verdicts.
func about(verdicts string) string {
	return `[{"id": "d1", "seen": [{"key": "a", "hash": "sha256:1"}, {"key": "b", "hash": "sha256:2"}, {"key": "c", "hash": "sha256:3"}], "verdicts": [` +
		verdicts + `]}]`
}

func made(fields string) string {
	return about(`{"key": "decision:01K6ZXV3N4T9Y8QK7C2M5R1B0D", "verdict": "create", "fields": {` + fields + `}}`)
}

func as(fields string) string {
	return about(`{"key": "a", "verdict": "keep_as", "fields": {` + fields + `}}`)
}

func TestReadTakes(t *testing.T) {
	const hour = `"start": "2026-10-05T07:00:00Z", "end": "2026-10-05T08:00:00Z"`
	for name, text := range map[string]string{
		"exactly one minute": as(`"start": "2026-10-05T07:00:00Z", "end": "2026-10-05T07:01:00Z"`),
		"one time alone":     as(`"end": "2026-10-05T07:01:00Z"`),
		"no category":        as(`"categories": []`),
		"an empty text":      as(`"body": "", "location": ""`),
		"each sensitivity":   as(`"sensitivity": "confidential"`),
		"each status":        as(`"show_as": "workingElsewhere"`),
		"a creation":         made(hour + `, "subject": "x"`),
		"a creation that wins": strings.Replace(made(hour+`, "subject": "x"`), `"verdicts": [`,
			`"verdicts": [{"key": "a", "verdict": "drop", "by": "decision:01K6ZXV3N4T9Y8QK7C2M5R1B0D"}, `, 1),
		"accepting all":                      about(`{"key": "a", "verdict": "accept"}`),
		"accepting two fields":               about(`{"key": "a", "verdict": "accept", "only": ["start", "body"]}`),
		"a merge into one without a verdict": about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"subject": "x"}}`),
		"a merge that the one that stands describes": about(`{"key": "a", "verdict": "merge", "into": "b"},
			{"key": "b", "verdict": "merge", "fields": {"subject": "x"}}`),
		"a merge into one that names itself": about(`{"key": "b", "verdict": "merge", "into": "b"}, {"key": "a", "verdict": "merge", "into": "b"}`),
		"a merge into what is kept": about(`{"key": "b", "verdict": "keep"},
			{"key": "a", "verdict": "merge", "into": "b", "fields": {"subject": "x"}}`),
		"a merge into what is kept with other fields": about(`{"key": "b", "verdict": "keep_as", "fields": {"location": "x"}},
			{"key": "a", "verdict": "merge", "into": "b"}`),
		"a winner that the others are merged into": about(`{"key": "b", "verdict": "merge", "into": "c"}, {"key": "a", "verdict": "drop", "by": "c"}`),
		"a winner about which nothing is decided":  about(`{"key": "a", "verdict": "drop", "by": "c"}`),
		"a winner that merges": about(`{"key": "c", "verdict": "merge"}, {"key": "b", "verdict": "merge", "into": "c"},
			{"key": "a", "verdict": "drop", "by": "c"}`),
		"keeping the archived and withdrawing": about(`{"key": "a", "verdict": "keep_archived"}, {"key": "b", "verdict": "withdraw"}`),
		"an id of 64 letters, and what was created seen": strings.NewReplacer("d1", strings.Repeat("x", 64), `"a"`,
			`"decision:d0"`).Replace(about(`{"key": "a", "verdict": "withdraw"}`)),
	} {
		t.Run(name, func(t *testing.T) {
			list, err := Read(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := list[0].Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	second := func(more string) string {
		return strings.TrimSuffix(about(`{"key": "a", "verdict": "keep"}`), "]") + ", " + more + "]"
	}
	for _, tt := range []struct{ name, text, field, says string }{
		{"nothing", ``, "", "ends too early"},
		{"null", `null`, "", "array"},
		{"an object", `{"id": "d1"}`, "", "array"},
		{"no decision in the list", `[null]`, "[0].id", "1 to 64"},
		{"an unknown member", `[{"id": "d1", "colour": 1}]`, "[0].colour", "not a known field"},
		{"a member in another case", `[{"ID": "d1"}]`, "[0].ID", "not a known field"},
		{"a member twice", `[{"id": "d1", "id": "d2"}]`, "[0].id", "twice"},
		{"no id", `[{"seen": [], "verdicts": []}]`, "[0].id", "1 to 64"},
		{"a long id", strings.Replace(overlap, "d1", strings.Repeat("x", 65), 1), "[0].id", "1 to 64"},
		{"an odd id", strings.Replace(overlap, "d1", "d 1", 1), "[0].id", "letters"},
		{"an odd kind", strings.Replace(overlap, "overlap", "over lap", 1), "[0].kind", "word"},
		{"one id twice", second(`{"id": "d1"}`), "[1].id", "earlier"},
		{"a second one that is wrong", second(`{"id": "d2"}`), "[1].verdicts", "empty"},
		{"no key seen", strings.Replace(overlap, `{"key": "b", "hash": "sha256:2"}`, `{"hash": "sha256:2"}`, 1), "[0].seen[1].key", "missing"},
		{"a key seen twice", strings.Replace(overlap, `"b", "hash"`, `"a", "hash"`, 1), "[0].seen[1].key", "twice"},
		{"no hash", strings.Replace(overlap, `"sha256:2"`, `""`, 1), "[0].seen[1].hash", "sha256"},
		{"a verdict without a key", about(`{"verdict": "keep"}`), "[0].verdicts[0].key", "missing"},
		{"two verdicts about one", about(`{"key": "a", "verdict": "keep"}, {"key": "a", "verdict": "keep"}`), "[0].verdicts[1].key", "already"},
		{"a verdict about no participant", about(`{"key": "z", "verdict": "keep"}`), "[0].verdicts[0].key", "not among"},
		{"no verdict", about(`{"key": "a"}`), "[0].verdicts[0].verdict", "must be one of"},
		{"an unknown verdict", about(`{"key": "a", "verdict": "Keep"}`), "[0].verdicts[0].verdict", "must be one of"},
		{"a winner of what is kept", about(`{"key": "a", "verdict": "keep", "by": "b"}`), "[0].verdicts[0].by", "belongs to drop"},
		{"a target of what is dropped", about(`{"key": "a", "verdict": "drop", "into": "b"}`), "[0].verdicts[0].into", "belongs to merge"},
		{"fields of what is kept", about(`{"key": "a", "verdict": "keep", "fields": {}}`), "[0].verdicts[0].fields", "belongs to"},
		{"named fields of what is kept", about(`{"key": "a", "verdict": "keep", "only": []}`), "[0].verdicts[0].only", "belongs to accept"},
		{"a loser that wins", about(`{"key": "a", "verdict": "drop", "by": "a"}`), "[0].verdicts[0].by", "is dropped"},
		{"a winner that nobody saw", about(`{"key": "a", "verdict": "drop", "by": "z"}`), "[0].verdicts[0].by", "no participant"},
		{"a winner that is dropped", about(`{"key": "a", "verdict": "drop", "by": "b"}, {"key": "b", "verdict": "drop"}`), "[0].verdicts[0].by", "not stand"},
		{"a winner that is withdrawn", about(`{"key": "a", "verdict": "drop", "by": "b"},
			{"key": "b", "verdict": "withdraw"}`), "[0].verdicts[0].by", "not stand"},
		{"a winner that is merged away", about(`{"key": "a", "verdict": "drop", "by": "b"}, {"key": "b", "verdict": "merge", "into": "c"}`),
			"[0].verdicts[0].by", "not stand"},
		{"no field accepted", about(`{"key": "a", "verdict": "accept", "only": []}`), "[0].verdicts[0].only", "empty"},
		{"an unknown field accepted", about(`{"key": "a", "verdict": "accept", "only": ["start", "colour"]}`), "[0].verdicts[0].only[1]", "one of"},
		{"keep_as without fields", about(`{"key": "a", "verdict": "keep_as"}`), "[0].verdicts[0].fields", "one field"},
		{"keep_as with no field", as(``), "[0].verdicts[0].fields", "one field"},
		{"an unknown field", as(`"importance": "high"`), "[0].verdicts[0].fields.importance", "not a known field"},
		{"an end before the start", as(`"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T07:59:59Z"`), "[0].verdicts[0].fields.end", "before the start"},
		{"59 seconds", as(`"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T08:00:59.999Z"`), "[0].verdicts[0].fields.end", "less than one minute"},
		{"a time without an offset", as(`"start": "2026-10-05T08:00:00"`), "[0].verdicts[0].fields.start", ""},
		{"a year before all years", as(`"start": "0001-01-01T00:00:00+01:00"`), "[0].verdicts[0].fields.start", "9999"},
		{"a year after all years", as(`"end": "9999-12-31T23:59:59-01:00"`), "[0].verdicts[0].fields.end", "9999"},
		{"an empty subject", as(`"subject": " "`), "[0].verdicts[0].fields.subject", "empty"},
		{"an empty category", as(`"categories": ["x", ""]`), "[0].verdicts[0].fields.categories[1]", "empty"},
		{"an unknown sensitivity", as(`"sensitivity": "secret"`), "[0].verdicts[0].fields.sensitivity", "normal, personal"},
		{"an unknown status", as(`"show_as": "Busy"`), "[0].verdicts[0].fields.show_as", "free, tentative"},
		{"a merge into what nobody saw", about(`{"key": "a", "verdict": "merge", "into": "z"}`), "[0].verdicts[0].into", "no participant"},
		{"a merge into what is dropped", about(`{"key": "a", "verdict": "merge", "into": "b"},
			{"key": "b", "verdict": "drop"}`), "[0].verdicts[0].into", "cannot"},
		{"a merge into what is merged away", about(`{"key": "a", "verdict": "merge", "into": "b"}, {"key": "b", "verdict": "merge", "into": "c"}`),
			"[0].verdicts[0].into", "cannot"},
		{"two that are merged into each other", about(`{"key": "a", "verdict": "merge", "into": "b"}, {"key": "b", "verdict": "merge", "into": "a"}`),
			"[0].verdicts[0].into", "cannot"},
		{"a merge that is described twice",
			about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"body": ""}}, {"key": "c", "verdict": "merge", "into": "b", "fields": {"body": ""}}`),
			"[0].verdicts[1].fields", "another verdict"},
		{"a merge that the one that stands describes, too",
			about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"body": ""}}, {"key": "b", "verdict": "keep_as", "fields": {"body": ""}}`),
			"[0].verdicts[0].fields", "another verdict"},
		{"a merge with a location", about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"location": ""}}`),
			"[0].verdicts[0].fields.location", "cannot be changed by a merge"},
		{"a merge that ends before it starts",
			about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T07:00:00Z"}}`),
			"[0].verdicts[0].fields.end", "before"},
		{"a creation of what was seen", about(`{"key": "a", "verdict": "create"}`), "[0].verdicts[0].key", "among what was seen"},
		{"a creation with another key", strings.Replace(made(``), "decision:01K6", "01K6", 1), "[0].verdicts[0].key", "decision:"},
		{"a creation without an id", about(`{"key": "decision:", "verdict": "create"}`), "[0].verdicts[0].key", "decision:"},
		{"a creation without fields", about(`{"key": "decision:1", "verdict": "create"}`), "[0].verdicts[0].fields.start", "missing"},
		{"a creation without a start", made(`"end": "2026-10-05T08:00:00Z", "subject": "x"`), "[0].verdicts[0].fields.start", "missing"},
		{"a creation without an end", made(`"start": "2026-10-05T08:00:00Z", "subject": "x"`), "[0].verdicts[0].fields.end", "missing"},
		{"a creation without a subject", made(`"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T09:00:00Z"`), "[0].verdicts[0].fields.subject", "missing"},
		{"a creation of what was created",
			`[{"id": "d1",
			"seen": [], "verdicts": [{"key": "decision:1", "verdict": "create", "fields": {"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T09:00:00Z",
			"subject": "x"}}]}, {"id": "d2", "seen": [], "verdicts": [{"key": "decision:1", "verdict": "create", "fields": {"start": "2026-10-05T08:00:00Z",
			"end": "2026-10-05T09:00:00Z", "subject": "x"}}]}]`,
			"[1].verdicts[0].key", "earlier decision"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := Read(strings.NewReader(tt.text))
			if err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field || !strings.Contains(err.Error(), tt.says) || list != nil {
				t.Errorf("got %v, %v (%v, field %q)", list, err, fault.Of(err), fault.FieldOf(err))
			}
		})
	}
	if _, err := Read(iotest.ErrReader(errors.New("the disk is gone"))); err == nil {
		t.Error("a read that failed is no decision")
	}
}

func TestCreated(t *testing.T) {
	for key, want := range map[string]bool{
		"decision:01K6ZXV3N4T9Y8QK7C2M5R1B0D": true, "decision:d1": true, "decision:": false, "decision": false, "uid@2026-10-05T07:00:00Z": false,
		"decision:d1@2026-10-05T07:00:00Z": false, "x decision:d1": false,
	} {
		if Created(key) != want {
			t.Errorf("%q: %t", key, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		overlap, `[]`, `null`,
		about(`{"key": "a", "verdict": "merge", "into": "b", "fields": {"subject": "x"}}, {"key": "c", "verdict": "accept", "only": ["end"]}`),
		made(`"start": "2026-10-05T08:00:00Z", "end": "2026-10-05T09:00:00Z", "subject": "x", "sensitivity": "private", "show_as": "free", "body": "y"`),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := Read(strings.NewReader(text))
		if err != nil {
			if fault.Of(err) != fault.Invalid || list != nil {
				t.Errorf("%v, %v is %v", list, err, fault.Of(err))
			}
			return
		}
		written, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(strings.NewReader(string(written)))
		if err != nil {
			t.Fatalf("%s is read, and refused when it was written as %s: %v", text, written, err)
		}
		if rewritten, err := json.Marshal(again); err != nil || string(rewritten) != string(written) {
			t.Errorf("%s became %s, %v", written, rewritten, err)
		}
	})
}
