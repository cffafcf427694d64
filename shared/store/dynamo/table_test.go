package dynamo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/storetest"
)

func open(t testing.TB) *Table {
	t.Helper()
	cfg := awstest.DynamoDB(t)
	return New(cfg, awstest.Table(t, cfg, Schema))
}

func TestTable(t *testing.T) {
	awstest.DynamoDB(t)
	storetest.Run(t, func(t *testing.T) store.Table { return open(t) })
}

// raw writes attributes that no Table would.
func raw(t *testing.T, table *Table, key store.Key, attributes map[string]types.AttributeValue) {
	t.Helper()
	all := keyAttributes(key)
	for name, value := range attributes {
		all[name] = value
	}
	if _, err := table.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table.name, Item: all}); err != nil {
		t.Fatal(err)
	}
}

func TestAttributes(t *testing.T) {
	table := open(t)
	key := store.Key{PK: "P", SK: "a"}
	expires := time.Date(2026, 10, 5, 9, 0, 0, 1, time.UTC)
	if _, err := table.Put(t.Context(), store.Item{Key: key, IndexPK: "I", IndexSK: "i", Expires: expires, Data: []byte(`{}`)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	read := func() map[string]types.AttributeValue {
		out, err := table.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table.name, Key: keyAttributes(key)})
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := out.Item["write"].(*types.AttributeValueMemberS); !ok || s.Value == "" {
			t.Errorf("the item does not tell who wrote it: %v", out.Item)
		}
		delete(out.Item, "write")
		return out.Item
	}
	want := map[string]types.AttributeValue{
		"pk": text("P"), "sk": text("a"), "gsi1pk": text("I"), "gsi1sk": text("i"), "version": number(1),
		"ttl": &types.AttributeValueMemberN{Value: "1791190800"}, "data": &types.AttributeValueMemberB{Value: []byte(`{}`)},
	}
	if d := cmp.Diff(want, read(), cmp.Comparer(equal)); d != "" {
		t.Errorf("all attributes (-want +got):\n%s", d)
	}
	if _, err := table.Put(t.Context(), store.Item{Key: key}, store.Any()); err != nil {
		t.Fatal(err)
	}
	want = map[string]types.AttributeValue{"pk": text("P"), "sk": text("a"), "version": number(2), "data": &types.AttributeValueMemberB{Value: []byte{}}}
	if d := cmp.Diff(want, read(), cmp.Comparer(equal)); d != "" {
		t.Errorf("what is left without index, time to live and data (-want +got):\n%s", d)
	}
}

func equal(a, b types.AttributeValue) bool {
	return fmt.Sprintf("%T %v", a, deref(a)) == fmt.Sprintf("%T %v", b, deref(b))
}

func deref(a types.AttributeValue) any {
	switch v := a.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return v.Value
	}
	return a
}

func TestItemsThatCannotBeRead(t *testing.T) {
	table := open(t)
	data := &types.AttributeValueMemberB{Value: []byte(`{}`)}
	for name, attributes := range map[string]map[string]types.AttributeValue{
		"no version":                      {"data": data},
		"a version that is text":          {"data": data, "version": text("1")},
		"a version that is a fraction":    {"data": data, "version": &types.AttributeValueMemberN{Value: "1.5"}},
		"no data":                         {"version": number(1)},
		"data that is text":               {"version": number(1), "data": text("{}")},
		"data that cannot be unpacked":    {"version": number(1), "data": &types.AttributeValueMemberB{Value: []byte("\x28\xb5\x2f\xfd")}},
		"a time to live that is text":     {"version": number(1), "data": data, "ttl": text("tomorrow")},
		"a time to live with a fraction":  {"version": number(1), "data": data, "ttl": &types.AttributeValueMemberN{Value: "0.5"}},
		"a time to live beyond all times": {"version": number(1), "data": data, "ttl": &types.AttributeValueMemberN{Value: "1E30"}},
	} {
		t.Run(name, func(t *testing.T) {
			key := store.Key{PK: name, SK: "a"}
			raw(t, table, key, attributes)
			_, err := table.Get(t.Context(), key)
			wantKind(t, "get", err, fault.Malformed)
			_, err = table.GetMany(t.Context(), []store.Key{key})
			wantKind(t, "get many", err, fault.Malformed)
			_, err = table.Query(t.Context(), store.Query{PK: name})
			wantKind(t, "query", err, fault.Malformed)
		})
	}
}

// TestItemTooLargeForDynamoDB has an item with an attribute that Pack cannot know of.
func TestItemTooLargeForDynamoDB(t *testing.T) {
	table := open(t)
	key := store.Key{PK: "P", SK: "a"}
	raw(t, table, key, map[string]types.AttributeValue{"foreign": text(strings.Repeat("x", 390<<10)), "version": number(1)})
	var data []byte
	for len(data) < 40<<10 { // 20 KB when packed
		data = append(data, rand.Text()...)
	}
	item := store.Item{Key: key, Data: data}
	if _, err := table.Put(t.Context(), item, store.Any()); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("put: %v, want too large", err)
	}
	if err := table.Transact(t.Context(), []store.Op{{Put: &item}}); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("transaction: %v, want too large", err)
	}
}

func TestNoSuchTable(t *testing.T) {
	table := New(awstest.DynamoDB(t), "missing-"+rand.Text())
	_, err := table.Get(t.Context(), store.Key{PK: "P", SK: "a"})
	wantKind(t, "get", err, fault.Internal)
	wantKind(t, "ping", table.Ping(t.Context()), fault.Internal)
}

func TestCursorOfAQueryWithOtherBounds(t *testing.T) {
	table := open(t)
	var items []store.Item
	for _, sk := range []string{"a", "b", "c", "d", "e"} {
		items = append(items, store.Item{Key: store.Key{PK: "P", SK: sk}, IndexPK: "I", IndexSK: sk, Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after    string // the sort key that the page before ended with
		from, to string
		up, down string
	}{
		{"a", "b", "d", "bc", ""},
		{"b", "b", "d", "c", ""},
		{"c", "b", "d", "", "b"},
		{"d", "b", "d", "", "cb"},
		{"e", "b", "d", "", "cb"},
		{"a", "", "", "bcde", ""},
		{"e", "d", "", "", "d"},
		{"a", "d", "", "de", ""},
		{"e", "", "c", "", "ba"},
	} {
		for _, q := range []store.Query{{PK: "P"}, {PK: "P", Desc: true}, {PK: "I", Index: true}, {PK: "I", Index: true, Desc: true}} {
			q.From, q.To = tt.from, tt.to
			q.Cursor = q.After(&store.Item{Key: store.Key{PK: "P", SK: tt.after}, IndexPK: "I", IndexSK: tt.after})
			want := tt.up
			if q.Desc {
				want = tt.down
			}
			got := ""
			found, err := store.All(t.Context(), table, q)
			for _, it := range found {
				got += it.SK
			}
			if err != nil || got != want {
				t.Errorf("%q to %q after %q (index: %t, downwards: %t): %q, %v, want %q", tt.from, tt.to, tt.after, q.Index, q.Desc, got, err, want)
			}
		}
	}
}

// TestManyAtABound has several items of the index share the sort key that a query ends before.
func TestManyAtABound(t *testing.T) {
	table := open(t)
	var items []store.Item
	for i, indexSK := range []string{"a", "b", "c", "c", "c"} {
		items = append(items, store.Item{Key: store.Key{PK: "P", SK: fmt.Sprint(i)}, IndexPK: "I", IndexSK: indexSK, Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, q := range []store.Query{{From: "a", To: "c"}, {From: "a", To: "c", Desc: true}, {To: "c"}, {To: "c", Desc: true}} {
		q.Index, q.PK, q.Limit = true, "I", 1
		got := ""
		for pages := 0; ; pages++ {
			page, err := table.Query(t.Context(), q)
			if err != nil || pages > len(items) {
				t.Fatalf("%+v: page %d, %v", q, pages, err)
			}
			for _, it := range page.Items {
				got += it.IndexSK
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if want := map[bool]string{false: "ab", true: "ba"}[q.Desc]; got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
}

func TestBoundsThatNoKeyCanHave(t *testing.T) {
	table := open(t)
	longest := strings.Repeat("a", store.MaxSK)
	if _, err := table.Put(t.Context(), store.Item{Key: store.Key{PK: "P", SK: longest}}, store.Any()); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]store.Query{"from": {From: longest + "a"}, "to": {To: longest + "a"}, "prefix": {Prefix: longest + "a"}} {
		q.PK = "P"
		_, err := table.Query(t.Context(), q)
		wantKind(t, name, err, fault.Invalid)
	}
	for name, q := range map[string]store.Query{"not UTF-8": {To: "\xff"}, "the last letter": {From: "a", To: "\xf4\x90"}, "as long as a key": {From: longest}} {
		q.PK = "P"
		if page, err := table.Query(t.Context(), q); err != nil || len(page.Items) != 1 {
			t.Errorf("%s: %d items, %v, want one", name, len(page.Items), err)
		}
	}
	if page, err := table.Query(t.Context(), store.Query{PK: "P", From: "\xff"}); err != nil || len(page.Items) != 0 {
		t.Errorf("from beyond all letters: %d items, %v, want none", len(page.Items), err)
	}
}

func TestCeiling(t *testing.T) {
	bytes := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xc3, 0xdf, 0xed, 0xef, 0xf4, 0x8f, 0xff}), 0, 6)
	runes := rapid.StringOfN(rapid.RuneFrom([]rune{0, 'a', 'b', 0x7f, 0x80, 'é', 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}), 0, 4, -1)
	rapid.Check(t, func(r *rapid.T) {
		bound, key := string(bytes.Draw(r, "bound")), runes.Draw(r, "key")
		if rapid.Bool().Draw(r, "near") {
			bound = (key + bound)[:min(len(key+bound), len(key)+rapid.IntRange(0, 2).Draw(r, "more"))]
		}
		got, ok := ceiling(bound)
		if ok != (strings.ToValidUTF8(got, "") == got && got >= bound) {
			r.Fatalf("ceiling of %q is %q, %t", bound, got, ok)
		}
		if within := ok && key >= got; within != (key >= bound) {
			r.Fatalf("%q is not before %q: %t, and not before its ceiling %q: %t", key, bound, key >= bound, got, within)
		}
	})
	for bound, want := range map[string]string{
		"": "", "abc": "abc", "\x80": "\u0080", "a\xc3": "aÀ", "a\xc3\xc0": "aĀ", "\xed\xa0": "\ue000", "a\xff": "b", "a\U0010ffff\xff": "b",
	} {
		if got, ok := ceiling(bound); !ok || got != want {
			t.Errorf("ceiling of %q is %q, %t, want %q", bound, got, ok, want)
		}
	}
	for _, bound := range []string{"\xff", "\xf4\x90", "\U0010ffff\xff"} {
		if got, ok := ceiling(bound); ok {
			t.Errorf("ceiling of %q is %q, want none", bound, got)
		}
	}
}

// TestManyAtOnce has many goroutines on one table, each of which finds what it wrote.
func TestManyAtOnce(t *testing.T) {
	table := open(t)
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			pk := fmt.Sprint(g)
			for n := range 5 {
				item := store.Item{Key: store.Key{PK: pk, SK: fmt.Sprint(n)}, Data: fmt.Appendf(nil, "[%d,%d]", g, n)}
				if v, err := table.Put(t.Context(), item, store.Absent()); err != nil || v != 1 {
					t.Errorf("put: version %d, %v", v, err)
				}
				if got, err := table.Get(t.Context(), item.Key); err != nil || !slices.Equal(got.Data, item.Data) {
					t.Errorf("get: %s, %v, want %s", got.Data, err, item.Data)
				}
			}
			if page, err := table.Query(t.Context(), store.Query{PK: pk}); err != nil || len(page.Items) != 5 {
				t.Errorf("query: %d items, %v, want 5", len(page.Items), err)
			}
		})
	}
	wg.Wait()
}

func wantKind(t testing.TB, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != want {
		t.Errorf("%s: error %v of kind %s, want kind %s", what, err, fault.Of(err), want)
	}
}

func TestWalk(t *testing.T) { storetest.Walks(t, open(t)) }
