package dynamo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

var key = store.Key{PK: "P", SK: "a"}

// faulty returns a table whose requests f may disturb, the same table undisturbed, and the operations that were sent to the first
// one so far.
func faulty(t *testing.T, f func(r *http.Request, attempt int) awstest.Answer) (table, calm *Table, sent func() []string) {
	t.Helper()
	calm = open(t)
	var mu sync.Mutex
	var operations []string
	cfg := awstest.Faults(t, awstest.DynamoDB(t), func(r *http.Request, attempt int) awstest.Answer {
		mu.Lock()
		operations = append(operations, awstest.Operation(r))
		mu.Unlock()
		return f(r, attempt)
	})
	return New(cfg, calm.name), calm, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(operations)
	}
}

func calmly(*http.Request, int) awstest.Answer { return awstest.Answer{} }

func put(t *testing.T, table *Table, key store.Key, data string) {
	t.Helper()
	if _, err := table.Put(t.Context(), store.Item{Key: key, Data: []byte(data)}, store.Any()); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, table *Table, want store.Item) {
	t.Helper()
	got, err := table.Get(t.Context(), want.Key)
	if err != nil || got.Version != want.Version || !bytes.Equal(got.Data, want.Data) {
		t.Errorf("stored is version %d of %s, %v, want version %d of %s", got.Version, got.Data, err, want.Version, want.Data)
	}
}

func gone(t *testing.T, table *Table) {
	t.Helper()
	if got, err := table.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stored is %+v, %v, want nothing", got, err)
	}
}

// calls are all that a table can do, on an item that was put once.
func calls(table *Table) map[string]func(context.Context) error {
	item := store.Item{Key: key, Data: []byte(`"after"`)}
	return map[string]func(context.Context) error{
		"get":                 func(ctx context.Context) error { _, err := table.Get(ctx, key); return err },
		"get many":            func(ctx context.Context) error { _, err := table.GetMany(ctx, []store.Key{key}); return err },
		"put":                 func(ctx context.Context) error { _, err := table.Put(ctx, item, store.Any()); return err },
		"put of a version":    func(ctx context.Context) error { _, err := table.Put(ctx, item, store.VersionIs(1)); return err },
		"delete":              func(ctx context.Context) error { return table.Delete(ctx, key, store.Any()) },
		"delete of a version": func(ctx context.Context) error { return table.Delete(ctx, key, store.VersionIs(1)) },
		"query":               func(ctx context.Context) error { _, err := table.Query(ctx, store.Query{PK: key.PK}); return err },
		"query of the index": func(ctx context.Context) error {
			_, err := table.Query(ctx, store.Query{PK: key.PK, Index: true})
			return err
		},
		"transaction": func(ctx context.Context) error {
			return table.Transact(ctx, []store.Op{{Put: &item, If: store.VersionIs(1)}})
		},
		"batch":                 func(ctx context.Context) error { return table.BatchPut(ctx, []store.Item{item}) },
		"ping":                  table.Ping,
		"check of nothing only": func(ctx context.Context) error { return table.Transact(ctx, []store.Op{{Check: &key}}) },
	}
}

func TestRequests(t *testing.T) {
	table, calm, sent := faulty(t, calmly)
	var keys []store.Key
	var items []store.Item
	for i := range 101 {
		items = append(items, store.Item{Key: store.Key{PK: "P", SK: fmt.Sprintf("%03d", i)}, Data: []byte(`{}`)})
		keys = append(keys, items[i].Key)
	}
	if err := calm.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	var ops []store.Op
	for i := range store.MaxTransact {
		ops = append(ops, store.Op{Put: &items[i], If: store.VersionIs(1)})
	}
	other := store.Item{Key: store.Key{PK: "Q", SK: "a"}, Data: []byte(`{}`)}
	another := store.Item{Key: store.Key{PK: "Q", SK: "b"}, Data: []byte(`{}`)}
	ctx := t.Context()
	getMany := func(keys []store.Key) func() error {
		return func() error { _, err := table.GetMany(ctx, keys); return err }
	}
	putOther := func(cond store.Condition) func() error {
		return func() error { _, err := table.Put(ctx, other, cond); return err }
	}
	query := func(q store.Query) func() error {
		return func() error { _, err := table.Query(ctx, q); return err }
	}
	for _, tt := range []struct {
		name string
		call func() error
		want []string
	}{
		{"get", func() error { _, err := table.Get(ctx, keys[0]); return err }, []string{"GetItem"}},
		{"get many, one hundred", getMany(keys[:100]), []string{"BatchGetItem"}},
		{"get many, one more", getMany(keys), []string{"BatchGetItem", "BatchGetItem"}},
		{"get many, one key often", getMany(slices.Repeat(keys[:1], 300)), []string{"BatchGetItem"}},
		{"get many of none", getMany(nil), nil},
		{"put if absent", putOther(store.Absent()), []string{"UpdateItem"}},
		{"put of a version", putOther(store.VersionIs(1)), []string{"UpdateItem"}},
		{"put", putOther(store.Any()), []string{"UpdateItem"}},
		{"delete of a version", func() error { return table.Delete(ctx, other.Key, store.VersionIs(3)) }, []string{"TransactWriteItems"}},
		{"delete", func() error { return table.Delete(ctx, other.Key, store.Any()) }, []string{"DeleteItem"}},
		{"query", query(store.Query{PK: "P"}), []string{"Query"}},
		{"query where nothing can be", query(store.Query{PK: "P", From: "b", To: "a"}), nil},
		{"transaction of one hundred", func() error { return table.Transact(ctx, ops) }, []string{"TransactWriteItems"}},
		{"transaction of nothing", func() error { return table.Transact(ctx, nil) }, nil},
		{"batch, of which two are one", func() error { return table.BatchPut(ctx, []store.Item{other, another, other}) }, []string{"UpdateItem", "UpdateItem"}},
		{"ping", func() error { return table.Ping(ctx) }, []string{"GetItem"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(sent())
			if err := tt.call(); err != nil {
				t.Error(err)
			}
			if got := sent()[before:]; !slices.Equal(got, tt.want) {
				t.Errorf("requests %q, want %q", got, tt.want)
			}
		})
	}
}

// consistent reads from a request whether it asks for what was written last.
func consistent(t *testing.T, r *http.Request) bool {
	t.Helper()
	return strings.Contains(string(awstest.Body(t, r)), `"ConsistentRead":true`)
}

func TestReadsOfTheTableAreStronglyConsistent(t *testing.T) {
	for name, want := range map[string]bool{"get": true, "get many": true, "query": true, "query of the index": false} {
		t.Run(name, func(t *testing.T) {
			asked := false
			table, calm, _ := faulty(t, func(r *http.Request, _ int) awstest.Answer {
				asked = consistent(t, r)
				return awstest.Answer{}
			})
			put(t, calm, key, `{}`)
			if err := calls(table)[name](t.Context()); err != nil {
				t.Fatal(err)
			}
			if asked != want {
				t.Errorf("strongly consistent: %t, want %t", asked, want)
			}
		})
	}
}

func TestPassingFaults(t *testing.T) {
	for name, failure := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind // when it does not pass
	}{
		"throttled by the table":      {awstest.Error(400, "ProvisionedThroughputExceededException"), fault.Throttled},
		"throttled by the account":    {awstest.Error(400, "ThrottlingException"), fault.Throttled},
		"too many requests":           {awstest.Error(400, "RequestLimitExceeded"), fault.Throttled},
		"an error of the service":     {awstest.Error(500, "InternalServerError"), fault.Unavailable},
		"unavailable":                 {awstest.Error(503, "ServiceUnavailable"), fault.Unavailable},
		"a gateway's page":            {awstest.Answer{Status: 502, Body: "<html>"}, fault.Unavailable},
		"a transaction that is going": {awstest.Error(400, "TransactionConflictException"), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			for call := range calls(nil) {
				if call == "check of nothing only" {
					continue // sends nothing
				}
				t.Run(call, func(t *testing.T) {
					t.Run("twice is not noticed", func(t *testing.T) {
						table, calm, sent := faulty(t, func(_ *http.Request, attempt int) awstest.Answer {
							if attempt <= 2 {
								return failure.answer
							}
							return awstest.Answer{}
						})
						put(t, calm, key, `"before"`)
						if err := calls(table)[call](t.Context()); err != nil {
							t.Error(err)
						}
						if got := sent(); len(got) != 3 {
							t.Errorf("requests %q, want three", got)
						}
					})
					t.Run("always ends", func(t *testing.T) {
						var sent atomic.Int32
						table := New(awstest.Faults(t, awstest.DynamoDB(t), func(*http.Request, int) awstest.Answer {
							sent.Add(1)
							return failure.answer
						}), "never-reached")
						wantKind(t, "error", calls(table)[call](t.Context()), failure.kind)
						if n := sent.Load(); n < 3 || n > 10 {
							t.Errorf("%d requests", n)
						}
					})
				})
			}
		})
	}
}

// TestLostAnswers loses the answer to the first write, which had its effect.
func TestLostAnswers(t *testing.T) {
	other := store.Key{PK: "P", SK: "b"}
	item := store.Item{Key: key, Data: []byte(`"after"`)}
	for _, tt := range []struct {
		name    string
		before  bool // the item is there, in version 1
		call    func(*Table) (int64, error)
		version int64 // that the call returns and the store has; 0 for no item
	}{
		{"put", true, func(x *Table) (int64, error) { return x.Put(t.Context(), item, store.Any()) }, 2},
		{"put of a new one", false, func(x *Table) (int64, error) { return x.Put(t.Context(), item, store.Any()) }, 1},
		{"put if absent", false, func(x *Table) (int64, error) { return x.Put(t.Context(), item, store.Absent()) }, 1},
		{"put of a version", true, func(x *Table) (int64, error) { return x.Put(t.Context(), item, store.VersionIs(1)) }, 2},
		{"batch", true, func(x *Table) (int64, error) { return 2, x.BatchPut(t.Context(), []store.Item{item}) }, 2},
		{"transaction", true, func(x *Table) (int64, error) {
			return 2, x.Transact(t.Context(), []store.Op{{Put: &item, If: store.VersionIs(1)}, {Check: &other, If: store.Absent()}})
		}, 2},
		{"transaction without conditions", true, func(x *Table) (int64, error) { return 2, x.Transact(t.Context(), []store.Op{{Put: &item}}) }, 2},
		{"transaction that deletes", true, func(x *Table) (int64, error) {
			return 0, x.Transact(t.Context(), []store.Op{{Delete: &key, If: store.VersionIs(1)}})
		}, 0},
		{"delete", true, func(x *Table) (int64, error) { return 0, x.Delete(t.Context(), key, store.Any()) }, 0},
		{"delete of a version", true, func(x *Table) (int64, error) { return 0, x.Delete(t.Context(), key, store.VersionIs(1)) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table, calm, sent := faulty(t, func(_ *http.Request, attempt int) awstest.Answer { return awstest.Answer{Lost: attempt == 1} })
			if tt.before {
				put(t, calm, key, `"before"`)
			}
			if version, err := tt.call(table); err != nil || version != tt.version {
				t.Errorf("version %d, %v, want %d", version, err, tt.version)
			}
			if got := sent(); len(got) != 2 {
				t.Errorf("requests %q, want two", got)
			}
			if tt.version == 0 {
				gone(t, calm)
			} else {
				stored(t, calm, store.Item{Key: key, Version: tt.version, Data: item.Data})
			}
		})
	}
}

// TestLostAnswersAndOthers has somebody else write between the write whose answer is lost and the attempt after it.
func TestLostAnswersAndOthers(t *testing.T) {
	item := store.Item{Key: key, Data: []byte(`"after"`)}
	// between carries out do before the second attempt of a write.
	between := func(t *testing.T, lost awstest.Answer, do func(*Table)) (table, calm *Table) {
		var others *Table
		table, calm, _ = faulty(t, func(_ *http.Request, attempt int) awstest.Answer {
			switch attempt {
			case 1:
				return lost
			case 2:
				do(others)
			}
			return awstest.Answer{}
		})
		others = calm
		put(t, calm, key, `"before"`)
		return table, calm
	}
	lost := awstest.Answer{Lost: true}
	t.Run("whether a put with a condition came first cannot be known", func(t *testing.T) {
		table, calm := between(t, lost, func(others *Table) { put(t, others, key, `"theirs"`) })
		_, err := table.Put(t.Context(), item, store.VersionIs(1))
		wantKind(t, "put", err, fault.Unavailable)
		stored(t, calm, store.Item{Key: key, Version: 3, Data: []byte(`"theirs"`)})
	})
	t.Run("a transaction after it is no part of the put", func(t *testing.T) {
		table, calm := between(t, lost, func(others *Table) {
			if err := others.Transact(t.Context(), []store.Op{{Put: &store.Item{Key: key, Data: []byte(`"theirs"`)}}}); err != nil {
				t.Error(err)
			}
		})
		_, err := table.Put(t.Context(), item, store.VersionIs(1))
		wantKind(t, "put", err, fault.Unavailable)
		stored(t, calm, store.Item{Key: key, Version: 3, Data: []byte(`"theirs"`)})
	})
	t.Run("a put without a condition is the last", func(t *testing.T) {
		table, calm := between(t, lost, func(others *Table) { put(t, others, key, `"theirs"`) })
		if v, err := table.Put(t.Context(), item, store.Any()); err != nil || v != 4 {
			t.Errorf("put: version %d, %v, want 4", v, err)
		}
		stored(t, calm, store.Item{Key: key, Version: 4, Data: item.Data})
	})
	t.Run("a delete with a condition succeeded once, and deletes nothing else", func(t *testing.T) {
		table, calm := between(t, lost, func(others *Table) { put(t, others, key, `"theirs"`) })
		if err := table.Delete(t.Context(), key, store.VersionIs(1)); err != nil {
			t.Errorf("delete: %v", err)
		}
		stored(t, calm, store.Item{Key: key, Version: 1, Data: []byte(`"theirs"`)})
	})
	t.Run("a transaction succeeded once", func(t *testing.T) {
		table, calm := between(t, lost, func(others *Table) { put(t, others, key, `"theirs"`) })
		if err := table.Transact(t.Context(), []store.Op{{Put: &item, If: store.VersionIs(1)}}); err != nil {
			t.Errorf("transaction: %v", err)
		}
		stored(t, calm, store.Item{Key: key, Version: 3, Data: []byte(`"theirs"`)})
	})
	t.Run("a put that was refused before is in conflict", func(t *testing.T) {
		table, calm := between(t, awstest.Error(400, "ThrottlingException"), func(others *Table) { put(t, others, key, `"theirs"`) })
		if _, err := table.Put(t.Context(), item, store.VersionIs(1)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("put: %v, want a conflict", err)
		}
		stored(t, calm, store.Item{Key: key, Version: 2, Data: []byte(`"theirs"`)})
	})
}

// cancelled is DynamoDB's answer to a transaction, with the reasons of its operations.
func cancelled(reasons ...string) awstest.Answer {
	answer := awstest.Error(400, "com.amazonaws.dynamodb.v20120810#TransactionCanceledException")
	var list []string
	for _, r := range reasons {
		code, message, _ := strings.Cut(r, ": ")
		list = append(list, fmt.Sprintf(`{"Code":%q,"Message":%q}`, code, message))
	}
	answer.Body = `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled","CancellationReasons":[` +
		strings.Join(list, ",") + `]}`
	return answer
}

func TestCancelledTransactions(t *testing.T) {
	conflict, large := store.ErrConflict, store.ErrTooLarge
	for _, tt := range []struct {
		name     string
		reasons  []string
		is       error // of a transaction; nil: of that kind
		kind     fault.Kind
		repeated bool       // the transaction is repeated
		alone    fault.Kind // of a delete with a condition, where it is not the same error
		retrying bool       // the delete is repeated
	}{
		{name: "a condition", reasons: []string{"None", "ConditionalCheckFailed: The conditional request failed"}, is: conflict},
		{name: "another transaction", reasons: []string{"TransactionConflict: Transaction is ongoing", "None"}, is: conflict, alone: fault.Unavailable,
			retrying: true},
		{name: "a condition, and another transaction", reasons: []string{"TransactionConflict", "ConditionalCheckFailed"}, is: conflict},
		{name: "a condition, and throttled", reasons: []string{"ThrottlingError", "ConditionalCheckFailed"}, is: conflict},
		{name: "throttled", reasons: []string{"None", "ThrottlingError: Throughput exceeds"}, kind: fault.Throttled, repeated: true, alone: fault.Throttled,
			retrying: true},
		{name: "capacity", reasons: []string{"ProvisionedThroughputExceeded"}, kind: fault.Throttled, repeated: true, alone: fault.Throttled, retrying: true},
		{name: "requests", reasons: []string{"RequestLimitExceeded"}, kind: fault.Throttled, repeated: true, alone: fault.Throttled, retrying: true},
		{name: "size", reasons: []string{"None", "ValidationError: Item size to update has exceeded the maximum allowed size"}, is: large},
		{name: "size, and throttled", reasons: []string{"ThrottlingError", "ValidationError: Item size to update has exceeded the maximum allowed size"}, is: large},
		{name: "validation", reasons: []string{"ValidationError: One or more parameter values were invalid"}, kind: fault.Internal},
		{name: "no reason", kind: fault.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(what string, sent []string, repeated bool, err, is error, kind fault.Kind) {
				t.Helper()
				if is != nil && !errors.Is(err, is) {
					t.Errorf("%s: %v, want %v", what, err, is)
				} else if is == nil {
					wantKind(t, what, err, kind)
				}
				if repeated != (len(sent) > 1) {
					t.Errorf("%s: sent %d times, repeated: %t", what, len(sent), repeated)
				}
			}
			table, _, sent := faulty(t, func(*http.Request, int) awstest.Answer { return cancelled(tt.reasons...) })
			err := table.Transact(t.Context(), []store.Op{{Delete: &key}, {Check: &store.Key{PK: "P", SK: "b"}, If: store.Absent()}})
			check("transaction", sent(), tt.repeated, err, tt.is, tt.kind)

			is, kind := tt.is, tt.kind
			if tt.alone != fault.Internal {
				is, kind = nil, tt.alone
			}
			table, _, sent = faulty(t, func(*http.Request, int) awstest.Answer { return cancelled(tt.reasons...) })
			err = table.Delete(t.Context(), key, store.Absent())
			check("delete", sent(), tt.retrying, err, is, kind)
		})
	}
	t.Run("another transaction that ends is not noticed by a delete with a condition", func(t *testing.T) {
		table, calm, _ := faulty(t, func(_ *http.Request, attempt int) awstest.Answer {
			if attempt <= 2 {
				return cancelled("TransactionConflict")
			}
			return awstest.Answer{}
		})
		put(t, calm, key, `{}`)
		if err := table.Delete(t.Context(), key, store.VersionIs(1)); err != nil {
			t.Error(err)
		}
		gone(t, calm)
	})
}

// meager is DynamoDB that answers for some keys of a BatchGetItem only.
type meager struct {
	below  aws.HTTPClient
	answer func(request, keys int) int // how many keys the request, from 1, is answered for
	mu     sync.Mutex
	asked  []int // for how many keys
}

func (m *meager) Do(r *http.Request) (*http.Response, error) {
	type request struct {
		RequestItems map[string]struct {
			Keys           []json.RawMessage
			ConsistentRead bool
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var left request
	for name, items := range in.RequestItems {
		m.mu.Lock()
		m.asked = append(m.asked, len(items.Keys))
		n := m.answer(len(m.asked), len(items.Keys))
		m.mu.Unlock()
		rest := items
		items.Keys, rest.Keys = items.Keys[:n], items.Keys[n:]
		in.RequestItems[name] = items
		left.RequestItems = in.RequestItems
		if len(rest.Keys) > 0 {
			left.RequestItems = map[string]struct {
				Keys           []json.RawMessage
				ConsistentRead bool
			}{name: rest}
		} else {
			left.RequestItems = nil
		}
		if n == 0 {
			text, err := json.Marshal(map[string]any{"Responses": map[string]any{name: []any{}}, "UnprocessedKeys": left.RequestItems})
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, err
		}
	}
	if body, err = json.Marshal(in); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response, err := m.below.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var out map[string]any
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		return nil, err
	}
	out["UnprocessedKeys"] = left.RequestItems
	text, err := json.Marshal(out)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	response.Header.Del("X-Amz-Crc32")
	return response, err
}

func TestKeysThatAreLeftOut(t *testing.T) {
	prepare := func(t *testing.T, answer func(request, keys int) int) (*Table, *meager, []store.Key) {
		calm := open(t)
		var items []store.Item
		var keys []store.Key
		for i := range 100 {
			items = append(items, store.Item{Key: store.Key{PK: "P", SK: fmt.Sprintf("%03d", i)}, Data: []byte(`{}`)})
			keys = append(keys, items[i].Key)
		}
		if err := calm.BatchPut(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		cfg := awstest.DynamoDB(t)
		m := &meager{below: cfg.HTTPClient, answer: answer}
		cfg.HTTPClient = m
		return New(cfg, calm.name), m, keys
	}
	t.Run("are requested anew", func(t *testing.T) {
		table, m, keys := prepare(t, func(request, keys int) int {
			if request == 2 {
				return 0
			}
			return min(keys, 30)
		})
		items, err := table.GetMany(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		got := map[store.Key]bool{}
		for _, it := range items {
			got[it.Key] = true
		}
		if len(items) != len(keys) || len(got) != len(keys) {
			t.Errorf("%d items with %d keys, want %d", len(items), len(got), len(keys))
		}
		if want := []int{100, 70, 70, 40, 10}; !slices.Equal(m.asked, want) {
			t.Errorf("asked for %d keys, want %d", m.asked, want)
		}
	})
	t.Run("every time are throttled", func(t *testing.T) {
		table, m, keys := prepare(t, func(request, keys int) int { return min(1, max(0, 4-request)) })
		_, err := table.GetMany(t.Context(), keys)
		wantKind(t, "get many", err, fault.Throttled)
		if want := 3 + fruitless; len(m.asked) != want {
			t.Errorf("asked %d times, want %d", len(m.asked), want)
		}
	})
	t.Run("are not asked for any more when the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		table, m, keys := prepare(t, func(int, int) int { cancel(); return 1 })
		if _, err := table.GetMany(ctx, keys); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want cancelled", err)
		}
		if len(m.asked) != 1 {
			t.Errorf("asked %d times, want once", len(m.asked))
		}
	})
}

// TestEndedContexts has the context end while a request is under way that fails.
func TestEndedContexts(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			table, calm, sent := faulty(t, func(*http.Request, int) awstest.Answer {
				cancel()
				return awstest.Error(500, "InternalServerError")
			})
			put(t, calm, key, `"before"`)
			call := calls(table)[name]
			if name == "check of nothing only" {
				cancel() // it sends nothing
			}
			err := call(ctx)
			wantKind(t, "error", err, fault.Unavailable)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v does not tell that it was cancelled", err)
			}
			if len(sent()) > 1 {
				t.Errorf("requests %q, want one at most", sent())
			}
			stored(t, calm, store.Item{Key: key, Version: 1, Data: []byte(`"before"`)})
		})
	}
}
