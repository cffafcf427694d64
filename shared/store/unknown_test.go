package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// note is a record with all that types of records have.
type note struct {
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"`
	Count  int    `json:",omitempty"`
	author
	Dash   string            `json:"-,omitempty"`
	Made   time.Time         `json:"made,omitzero"`
	Place  *place            `json:"place,omitempty"`
	Steps  []step            `json:"steps,omitempty"`
	Grid   [][]step          `json:"grid,omitempty"`
	Rooms  map[string]place  `json:"rooms,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Raw    json.RawMessage   `json:"raw,omitempty"`
	Any    any               `json:"any,omitempty"`
	Span   span              `json:"span,omitzero"`
	Until  *span             `json:"until,omitempty"`
	Pair   [2]step           `json:"pair,omitzero"`
	Opaque opaque            `json:"opaque,omitzero"`
	Next   *note             `json:"next,omitempty"`
	Secret string            `json:"-"`
	hidden string
}

type author struct {
	Name  string                  `json:"name,omitempty"`
	Title int                     `json:"title"` // gives way to that of the note, as does the place
	Place struct{ Street string } `json:"place"`
}

type place struct {
	Town string `json:"town"`
	Zip  int    `json:"zip,omitempty"`
	Note string `json:"-"`
}

// signed has embedded structs with names.
type signed struct {
	step  `json:"step"`
	Clerk `json:"clerk"`
}

// Clerk is embedded in signed.
type Clerk struct {
	Name string `json:"name"`
}

type step struct {
	What string `json:"what"`
	At   place  `json:"at,omitzero"`
}

// span makes its JSON by methods, and names the members that it has.
type span struct{ days int }

type spanForm struct {
	Days int `json:"days"`
}

func (s span) MarshalJSON() ([]byte, error) { return json.Marshal(spanForm{s.days}) }

func (s *span) UnmarshalJSON(data []byte) error {
	var f spanForm
	err := json.Unmarshal(data, &f)
	s.days = f.Days
	return err
}

func (span) JSONForm() any { return spanForm{} }

// opaque makes its JSON by methods, and says nothing of it.
type opaque struct{ Is string }

func (o opaque) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"is":%q}`, o.Is), nil }

func (o *opaque) UnmarshalJSON(data []byte) error {
	var f struct{ Is string }
	err := json.Unmarshal(data, &f)
	o.Is = f.Is
	return err
}

func TestRecordsKeepMembersThatTheirReaderDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		name, stored string
		change       func(*note)
		want         string
	}{
		{
			"an unknown member stays when another one changes", `{"title":"a","Count":1,"new":true}`,
			func(n *note) { n.Title = "b" }, `{"title":"b","Count":1,"new":true}`,
		},
		{
			"unknown members stay behind those that they were behind", `{"z":1,"y":[],"title":"a","x":2,"Count":1,"w":3,"v":4}`,
			func(n *note) { n.Title = "b" }, `{"z":1,"y":[],"title":"b","x":2,"Count":1,"w":3,"v":4}`,
		},
		{
			"unknown members stay although the known one before them goes", `{"detail":"d","z":1,"title":"a","Count":1,"y":2,"name":"n","x":3,"w":4}`,
			func(n *note) { n.Detail, n.Count, n.Name, n.Dash = "", 0, "", "-" }, `{"z":1,"title":"a","y":2,"x":3,"w":4,"-":"-"}`,
		},
		{
			"known members have the order of their type", `{"Count":1,"z":1,"title":"a","y":2}`,
			func(*note) {}, `{"title":"a","y":2,"Count":1,"z":1}`,
		},
		{
			"an unknown value stays to the byte", `{"title":"","n":12345678901234567890123.10e+2,"s":"<\u0041\/>","o":{"b": [1 , {}],"a":null}}`,
			func(*note) {}, `{"title":"","n":12345678901234567890123.10e+2,"s":"<\u0041\/>","o":{"b": [1 , {}],"a":null}}`,
		},
		{
			"a known member that is cleared goes", `{"title":"a","detail":"d","place":{"town":"x","new":1},"new":1}`,
			func(n *note) { n.Detail, n.Place = "", nil }, `{"title":"a","new":1}`,
		},
		{
			"a known member that is empty and need not be written goes", `{"title":"a","detail":"","new":1}`,
			func(*note) {}, `{"title":"a","new":1}`,
		},
		{
			"a known member is known in any case", `{"TITLE":"a","count":3,"DETAIL":"d","new":1}`,
			func(n *note) { n.Detail = "" }, `{"title":"a","Count":3,"new":1}`,
		},
		{
			"a known member is known however its name is written", `{"ti\u0074le":"a","Count":3,"n\u0065w":1}`,
			func(*note) {}, `{"title":"a","Count":3,"n\u0065w":1}`,
		},
		{
			"a member of the name of a field that is not stored is unknown", `{"title":"a","Secret":"s","hidden":"h","author":1}`,
			func(*note) {}, `{"title":"a","Secret":"s","hidden":"h","author":1}`,
		},
		{
			"a member of an embedded struct is known", `{"title":"a","name":"n","new":1}`,
			func(n *note) { n.Name = "" }, `{"title":"a","new":1}`,
		},
		{
			"an unknown member of an object stays in it",
			`{"title":"a","place":{"new":[1],"town":"x"},"next":{"title":"b","place":{"town":"y","new":2}}}`,
			func(n *note) { n.Place.Zip, n.Next.Count = 7, 8 },
			`{"title":"a","place":{"new":[1],"town":"x","zip":7},"next":{"title":"b","Count":8,"place":{"town":"y","new":2}}}`,
		},
		{
			"an unknown member stays in an object that was written in another case", `{"title":"a","PLACE":{"new":1,"Town":"x"}}`,
			func(*note) {}, `{"title":"a","place":{"new":1,"town":"x"}}`,
		},
		{
			"an object that replaces null has nothing unknown", `{"title":"a","place":null,"new":1}`,
			func(n *note) { n.Place = &place{} }, `{"title":"a","place":{"town":""},"new":1}`,
		},
		{
			"an unknown member of a map's object stays while the key is there",
			`{"title":"","rooms":{"a":{"town":"x","new":1},"B":{"town":"y","new":2},"c":{"town":"z","new":3}}}`,
			func(n *note) {
				delete(n.Rooms, "a")
				n.Rooms["b"] = place{Town: "other"}
				n.Rooms["c"] = place{Town: "w"}
			}, `{"title":"","rooms":{"B":{"town":"y","new":2},"b":{"town":"other"},"c":{"town":"w","new":3}}}`,
		},
		{
			"a map of words knows all its keys", `{"title":"","labels":{"a":"1","b":"2"},"new":1}`,
			func(n *note) { delete(n.Labels, "a") }, `{"title":"","labels":{"b":"2"},"new":1}`,
		},
		{
			"an object in a list is recognised by what is known of it",
			`{"title":"","steps":[{"what":"a","new":1},{"new":2,"what":"b","at":{"town":"x","deep":true}},{"what":"a","new":3}]}`,
			func(n *note) { n.Steps = []step{{What: "first"}, n.Steps[1], n.Steps[0], n.Steps[2], n.Steps[0]} },
			`{"title":"","steps":[{"what":"first"},{"new":2,"what":"b","at":{"town":"x","deep":true}},{"what":"a","new":1},{"what":"a","new":3},{"what":"a"}]}`,
		},
		{
			"in an object of a list that changed nothing stays",
			`{"title":"","steps":[{"what":"a","new":1}],"grid":[[{"what":"b","new":1}],[{"what":"c","new":2}]]}`,
			func(n *note) { n.Steps[0].What, n.Grid[1][0].What = "b", "d" },
			`{"title":"","steps":[{"what":"b"}],"grid":[[{"what":"b","new":1}],[{"what":"d"}]]}`,
		},
		{
			"of a member that is there twice the last one counts", `{"title":"a","place":{"town":"x","new":1},"place":{"town":"y","new":2}}`,
			func(*note) {}, `{"title":"a","place":{"town":"y","new":2}}`,
		},
		{
			"an array of Go has as many elements as it has", `{"title":"","pair":[{"what":"a","new":1}],"new":1}`,
			func(n *note) { n.Pair[1].What = "b" }, `{"title":"","pair":[{"what":"a","new":1},{"what":"b"}],"new":1}`,
		},
		{
			"an array of Go has elements that were not written", `{"title":"","pair":[{"what":"a","new":1}]}`,
			func(*note) {}, `{"title":"","pair":[{"what":"a","new":1},{"what":""}]}`,
		},
		{
			"elements that an array of Go has no room for go", `{"title":"","pair":[{"what":"a","new":1},{"what":"b","new":2},{"what":"c","new":3}]}`,
			func(*note) {}, `{"title":"","pair":[{"what":"a","new":1},{"what":"b","new":2}]}`,
		},
		{
			"a field that is not stored has no name", `{"title":"","place":{"town":"x","-":1}}`,
			func(*note) {}, `{"title":"","place":{"town":"x","-":1}}`,
		},
		{
			"what stands behind objects and lists is looked at", `{"title":"","place":{"town":"x"},"steps":[{"what":"a","at":{"town":"y"}}],"rooms":{},"new":1}`,
			func(*note) {}, `{"title":"","place":{"town":"x"},"steps":[{"what":"a","at":{"town":"y"}}],"new":1}`,
		},
		{
			"a type with methods is the same behind a pointer", `{"title":"","until":{"days":1,"hours":2}}`,
			func(n *note) { n.Until.days = 3 }, `{"title":"","until":{"days":3,"hours":2}}`,
		},
		{
			"a type with methods of its own says what it knows", `{"title":"","span":{"days":1,"hours":2}}`,
			func(n *note) { n.Span.days = 3 }, `{"title":"","span":{"days":3,"hours":2}}`,
		},
		{
			"a type with methods of its own that says nothing knows all", `{"title":"","opaque":{"is":"x","new":1},"new":2}`,
			func(n *note) { n.Opaque.Is = "y" }, `{"title":"","opaque":{"is":"y"},"new":2}`,
		},
		{
			"what is raw, or of any type, is known", `{"title":"","raw":{"a":1},"any":{"b":2},"new":2}`,
			func(n *note) { n.Raw, n.Any = json.RawMessage(`{"c":3}`), nil }, `{"title":"","raw":{"c":3},"new":2}`,
		},
		{
			"space between things does not matter", " {\n\t\"title\" : \"a\" ,\r\"new\" : [ 1, 2 ] , \"place\" : { \"town\" : \"x\" , \"new\" : { } } }\n",
			func(n *note) { n.Title = "b" }, `{"title":"b","new":[ 1, 2 ],"place":{"town":"x","new":{ }}}`,
		},
		{
			"space does not belong to a value", "{\"title\":\"\",\"a\":1\r,\"b\":2\n,\"c\":3\t,\"d\":4 ,\"e\":null\r}",
			func(*note) {}, `{"title":"","a":1,"b":2,"c":3,"d":4,"e":null}`,
		},
		{
			"text is written as it is", `{"title":"a","new":1}`,
			func(n *note) { n.Title = "<a> & \u2028\n" }, `{"title":"<a> & \u2028\n","new":1}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n note
			unknown, err := Decode([]byte(c.stored), &n)
			if err != nil {
				t.Fatal(err)
			}
			if unknown == (Unknown{}) {
				t.Error("nothing is unknown")
			}
			c.change(&n)
			for range 2 { // the same gives the same bytes
				if got := written(t, unknown, &n); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			}
			if got := written(t, unknown, n); got != c.want {
				t.Errorf("of the value, not the pointer: %s", got)
			}
		})
	}
	t.Run("a struct that is embedded under a name is a member", func(t *testing.T) {
		const stored = `{"step":{"what":"a","at":{"town":"x","new":1}},"clerk":{"name":"n","new":2},"name":"unknown"}`
		var v signed
		unknown, err := Decode([]byte(stored), &v)
		if err != nil {
			t.Fatal(err)
		}
		v.At.Town = "y"
		if got, want := written(t, unknown, v), strings.Replace(stored, `"x"`, `"y"`, 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		var pointed struct{ *Clerk }
		if unknown, err := Decode([]byte(`{"name":"n"}`), &pointed); err != nil || unknown != (Unknown{}) {
			t.Errorf("behind a pointer unknown is %v, %v", unknown, err)
		}
		if unknown, err := Decode([]byte(`{"step":{"what":"a","at":{"town":"x"}},"clerk":{"name":"n"}}`), &v); err != nil || unknown != (Unknown{}) {
			t.Errorf("unknown is %v, %v", unknown, err)
		}
	})
	t.Run("a list is a record too", func(t *testing.T) {
		var steps []step
		unknown, err := Decode([]byte(`[{"what":"a","new":1},{"what":"b"}]`), &steps)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step{What: "c"})
		if got, want := written(t, unknown, steps), `[{"what":"a","new":1},{"what":"b"},{"what":"c"}]`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestARecordOfWhichAllIsKnownHasNothingUnknown(t *testing.T) {
	full := note{
		Title: "t", Detail: "d", Count: 3, author: author{Name: "n"}, Made: time.Unix(1, 0).UTC(), Place: &place{Town: "x", Zip: 1}, Secret: "s", hidden: "h",
		Steps: []step{{What: "a", At: place{Town: "y"}}, {}}, Grid: [][]step{{}, {{What: "b"}}}, Rooms: map[string]place{"a": {}},
		Labels: map[string]string{"k": "v"}, Raw: json.RawMessage(`{"new":[{}]}`), Any: map[string]any{"new": 1}, Span: span{1}, Opaque: opaque{"o"},
		Next: &note{Next: &note{}}, Dash: "-",
	}
	for _, n := range []note{{}, full} {
		data := written(t, Unknown{}, n)
		var reread note
		unknown, err := Decode([]byte(data), &reread)
		if err != nil || unknown != (Unknown{}) || !unknown.Equal(Unknown{}) {
			t.Errorf("of %s is unknown %v, %v", data, unknown, err)
		}
		if got := written(t, unknown, reread); got != data {
			t.Errorf("%s became %s", data, got)
		}
	}
	for _, data := range []string{`null`, ` {} `, `{"title":null,"place":null,"steps":null,"rooms":{}}`} {
		if unknown, err := Decode([]byte(data), &note{}); err != nil || unknown != (Unknown{}) {
			t.Errorf("of %s is unknown %v, %v", data, unknown, err)
		}
	}
}

func TestADocumentThatIsNoRecordIsNotDecoded(t *testing.T) {
	for _, data := range []string{``, ` `, `{`, `{"new":`, `{"new":1}}`, `[]`, `"a"`, `{"title":1,"new":2}`} {
		if unknown, err := Decode([]byte(data), &note{}); err == nil || unknown != (Unknown{}) {
			t.Errorf("%q: %v, %v", data, unknown, err)
		}
	}
}

func TestWhatIsUnknownCanBeCompared(t *testing.T) {
	unknownOf := func(data string) Unknown {
		unknown, err := Decode([]byte(data), &note{})
		if err != nil {
			t.Fatal(err)
		}
		return unknown
	}
	if a, b := unknownOf(`{"new":1}`), unknownOf(`{"new":1}`); a != b || !a.Equal(b) || !cmp.Equal(a, b) {
		t.Error("what was read from the same differs")
	}
	if a, b := unknownOf(`{"new":1}`), unknownOf(`{"new":2}`); a == b || a.Equal(b) || cmp.Equal(a, b) {
		t.Error("what was read from others is the same")
	}
}

func written(t testing.TB, unknown Unknown, v any) string {
	t.Helper()
	data, err := unknown.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocuments compares with what encoding/json itself makes of documents.
func TestDocuments(t *testing.T) {
	texts := rapid.StringMatching(`"([a-z{}\[\],: <é]|\\["\\/n]|\\u00e9){0,6}"`)
	leaves := rapid.OneOf(texts, rapid.SampledFrom([]string{"null", "true", "false", "-1.50e+3", "12345678901234567890123"}))
	space := rapid.StringMatching(`[ \n\r\t]?`)
	join := func(r *rapid.T, open string, all []string, end string) string {
		for i, of := range all {
			all[i] = space.Draw(r, "space") + of + space.Draw(r, "space")
		}
		return open + strings.Join(all, ",") + end
	}
	// object makes one of some of its members, in any order, and of some that are not known.
	var object func(known map[string]*rapid.Generator[string], strangers *rapid.Generator[string]) *rapid.Generator[string]
	list := func(of *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Custom(func(r *rapid.T) string { return join(r, "[", rapid.SliceOfN(of, 0, 3).Draw(r, "elements"), "]") })
	}
	object = func(known map[string]*rapid.Generator[string], strangers *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Custom(func(r *rapid.T) string {
			var members []string
			add := func(name string, value *rapid.Generator[string]) {
				members = append(members, fmt.Sprintf("%s%s:%s%s", name, space.Draw(r, "space"), space.Draw(r, "space"), value.Draw(r, name)))
			}
			for _, name := range slices.Sorted(maps.Keys(known)) {
				if rapid.Bool().Draw(r, "has "+name) {
					add(name, known[name])
				}
			}
			if strangers != nil {
				strange := rapid.SampledFrom([]string{`"new"`, `"née"`, `"n\u0065w"`, `"a\"b"`, `""`, `"-"`, `"plac"`})
				for _, name := range rapid.SliceOfN(strange, 0, 1).Draw(r, "names") {
					add(name, strangers)
				}
			}
			return join(r, "{", rapid.Permutation(members).Draw(r, "order"), "}")
		})
	}
	nothing := rapid.Just("null")
	anything := rapid.OneOf(leaves, list(leaves), object(map[string]*rapid.Generator[string]{`"a"`: leaves, `"b\\"`: list(leaves)}, nil))
	places := object(map[string]*rapid.Generator[string]{`"town"`: texts, `"ZIP"`: rapid.SampledFrom([]string{"0", "7"})}, anything)
	steps := object(map[string]*rapid.Generator[string]{`"what"`: texts, `"a\u0074"`: places}, anything)
	documents := object(map[string]*rapid.Generator[string]{
		`"title"`: texts, `"detail"`: anything, `"count"`: anything, `"name"`: texts, `"place"`: rapid.OneOf(places, nothing), `"ſteps"`: list(steps),
		`"grid"`: list(list(steps)), `"rooms"`: object(map[string]*rapid.Generator[string]{`"a"`: places, `"b"`: places}, nil), `"next"`: steps,
	}, anything)
	type plain struct { // without types that have methods: json does not show what is in those
		Title  string `json:"title"`
		Detail any    `json:"detail,omitempty"`
		Count  any
		author
		Place *place           `json:"place,omitempty"`
		Steps []step           `json:"steps,omitempty"`
		Grid  [][]step         `json:"grid,omitempty"`
		Rooms map[string]place `json:"rooms,omitempty"`
		Next  *step            `json:"next,omitempty"`
	}

	t.Run("something is unknown in those that have a member which json does not know", rapid.MakeCheck(func(r *rapid.T) {
		data := []byte(documents.Draw(r, "document"))
		var v plain
		unknown, err := Decode(data, &v)
		if err != nil {
			r.Fatal(err)
		}
		strict := json.NewDecoder(bytes.NewReader(data))
		strict.DisallowUnknownFields()
		if has := strict.Decode(&plain{}) != nil; has != (unknown != Unknown{}) {
			r.Fatalf("unknown members: %v, got: %v", has, unknown)
		}
		reread, err := unknown.Encode(&v)
		if err != nil || !json.Valid(reread) {
			r.Fatalf("wrote %s, %v", reread, err)
		}
		var w plain
		unknown, err = Decode(reread, &w)
		if err != nil || !cmp.Equal(v, w, cmp.AllowUnexported(plain{}), cmpopts.EquateEmpty()) {
			r.Fatalf("read %v, %v", w, err)
		}
		if third, err := unknown.Encode(w); err != nil || string(third) != string(reread) {
			r.Fatalf("wrote %s, then %s, %v", reread, third, err)
		}
	}))
	t.Run("each unknown member stays where it was", rapid.MakeCheck(func(r *rapid.T) {
		members := rapid.MapOfN(rapid.StringMatching(`new[a-z]{0,3}`), anything, 1, 4)
		objects := map[string]map[string]string{} // by path
		at := func(path string, known map[string]any) map[string]any {
			objects[path] = members.Draw(r, path)
			for name, value := range objects[path] {
				known[name] = json.RawMessage(value)
			}
			return known
		}
		document := at("", map[string]any{
			"title": "a", "place": at("place", map[string]any{"town": "x"}), "rooms": map[string]any{"k": at("rooms.k", map[string]any{"town": "y"})},
			"steps": []any{at("steps.0", map[string]any{"what": "one", "at": at("steps.0.at", map[string]any{"town": "z"})})},
			"next":  at("next", map[string]any{"span": at("next.span", map[string]any{"days": 1})}),
		})
		data, err := json.Marshal(document)
		if err != nil {
			r.Fatal(err)
		}
		var n note
		unknown, err := Decode(data, &n)
		if err != nil {
			r.Fatal(err)
		}
		n.Title, n.Count, n.Detail, n.Place.Zip, n.Next.Span.days = "b", 5, "d", 3, 9
		n.Steps = append([]step{{What: "zero"}}, n.Steps...)
		reread, err := unknown.Encode(&n)
		if err != nil {
			r.Fatal(err)
		}
		objects["steps.1"], objects["steps.1.at"] = objects["steps.0"], objects["steps.0.at"]
		delete(objects, "steps.0")
		delete(objects, "steps.0.at")
		for path, want := range objects {
			got := find(r, reread, path)
			maps.DeleteFunc(got, func(name string, _ any) bool { return !strings.HasPrefix(name, "new") })
			wanted := map[string]any{}
			for name, value := range want {
				wanted[name] = parsed(r, []byte(value))
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				r.Fatalf("in %q (-want +got):\n%s", path, diff)
			}
		}
	}))
}

// parsed is a value with its numbers as they are written.
func parsed(t rapid.TB, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// find returns the object at a path of names and places in lists.
func find(t rapid.TB, data []byte, path string) map[string]any {
	t.Helper()
	v := parsed(t, data)
	for _, name := range slices.DeleteFunc(strings.Split(path, "."), func(s string) bool { return s == "" }) {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil {
				t.Fatal(err)
			}
			v = in[i]
		}
	}
	object, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("there is no object at %q of %s", path, data)
	}
	return object
}

func BenchmarkUnknown(b *testing.B) {
	n := note{Title: "title", Detail: strings.Repeat("detail ", 100), Place: &place{Town: "x"}, Rooms: map[string]place{"a": {}, "b": {}}}
	for i := range 20 {
		n.Steps = append(n.Steps, step{What: fmt.Sprint("step ", i), At: place{Town: "town", Zip: i}})
	}
	data := []byte(written(b, Unknown{}, n))
	foreign := slices.Concat([]byte(`{"new":{"a":1},`), data[1:])
	b.Run("json.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			_ = json.Unmarshal(data, &note{})
		}
	})
	b.Run("json.Marshal", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			_, _ = json.Marshal(&n)
		}
	})
	for name, data := range map[string][]byte{"all known": data, "one unknown": foreign} {
		b.Run("decode, "+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, _ = Decode(data, &note{})
			}
		})
		var read note
		unknown, err := Decode(data, &read)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("encode, "+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				_, _ = unknown.Encode(&read)
			}
		})
	}
}
