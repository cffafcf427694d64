// Package blobtest is the contract of blob.Blob: every implementation passes it.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/blob"
	"adminassistant/shared/fault"
)

// Run runs the contract. open returns a store that nobody else uses, without objects.
func Run(t *testing.T, open func(t *testing.T) blob.Blob) {
	tests := []struct {
		name string
		test func(*testing.T, blob.Blob)
	}{
		{"an object comes back as it was put", roundTrip},
		{"what is not there is not found", missing},
		{"an object is replaced whole", replaced},
		{"an object whose reader fails is not there", failing},
		{"a reader sees a whole object while it is replaced", whileReplaced},
		{"objects are listed by prefix in order of their keys", list},
		{"a key may be the folder of another", nested},
		{"a sequence of puts and deletes leaves what a model has", sequences},
		{"a malformed key is refused", invalid},
		{"a context that has ended stops every call", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func put(t testing.TB, b blob.Blob, key, data string) {
	t.Helper()
	if err := b.Put(t.Context(), key, strings.NewReader(data)); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

func read(t testing.TB, b blob.Blob, key string) []byte {
	t.Helper()
	r, err := b.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return data
}

func keys(t testing.TB, b blob.Blob, prefix string) []string {
	t.Helper()
	objects, err := b.List(t.Context(), prefix)
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	keys := []string{}
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func roundTrip(t *testing.T, b blob.Blob) {
	long := strings.Repeat("k", blob.MaxPart)
	for key, data := range map[string][]byte{
		"a":                           []byte("text"),
		"empty":                       {},
		"backups/01J/events.jsonl":    bytes.Repeat([]byte{0, 1, 2, 255}, 3<<20/4),
		"-_.=/A=b/...":                []byte("odd"),
		long + "/" + long + "/" + "x": []byte("long"),
	} {
		if err := b.Put(t.Context(), key, bytes.NewReader(data)); err != nil {
			t.Errorf("put %s: %v", key, err)
			continue
		}
		if got := read(t, b, key); !bytes.Equal(got, data) {
			t.Errorf("%s came back with %d bytes, want %d", key, len(got), len(data))
		}
		o, err := b.Stat(t.Context(), key)
		if err != nil || o.Key != key || o.Size != int64(len(data)) || time.Since(o.Modified).Abs() > time.Minute {
			t.Errorf("stat %s: %+v, %v", key, o, err)
		}
	}
}

func missing(t *testing.T, b blob.Blob) {
	put(t, b, "a/b", "")
	for _, key := range []string{"b", "a", "a/b/c", "a/c", "A/b"} {
		if _, err := b.Get(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("get %s: %v, want not found", key, err)
		}
		if _, err := b.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("stat %s: %v, want not found", key, err)
		}
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if got := keys(t, b, "c/"); len(got) != 0 {
		t.Errorf("listed %q", got)
	}
	if got := keys(t, b, ""); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("left are %q", got)
	}
}

func replaced(t *testing.T, b blob.Blob) {
	put(t, b, "a", strings.Repeat("long ", 1000))
	put(t, b, "a", "short")
	if got := string(read(t, b, "a")); got != "short" {
		t.Errorf("got %q", got)
	}
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), "a"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("get after delete: %v, want not found", err)
	}
}

func failing(t *testing.T, b blob.Blob) {
	put(t, b, "old", "before")
	torn := errors.New("torn")
	for _, key := range []string{"new", "old"} {
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), iotest.ErrReader(torn))
		if err := b.Put(t.Context(), key, r); !errors.Is(err, torn) {
			t.Errorf("put %s: %v, want the reader's error", key, err)
		}
	}
	if got := keys(t, b, ""); !slices.Equal(got, []string{"old"}) {
		t.Errorf("there are %q", got)
	}
	if got := string(read(t, b, "old")); got != "before" {
		t.Errorf("got %d bytes", len(got))
	}
}

func whileReplaced(t *testing.T, b blob.Blob) {
	const size = 256 << 10
	put(t, b, "a", strings.Repeat("0", size))
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 10 {
				if err := b.Put(t.Context(), "a", strings.NewReader(strings.Repeat(fmt.Sprint((w+i)%10), size))); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for {
		data := read(t, b, "a")
		if len(data) != size || bytes.Count(data, data[:1]) != size {
			t.Errorf("read %d bytes that are no object that was put", len(data))
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func list(t *testing.T, b blob.Blob) {
	all := []string{"a", "a-b/c", "a.b", "a/b", "a/b.c", "a/b/c", "a/c", "a/c/d/e", "a=", "ab", "b/a", "B"}
	for _, key := range all {
		put(t, b, key, key)
	}
	slices.Sort(all)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/c/d/e", "a/c/d/", "a.", "a/x", "b", "zz/y/", "."} {
		want := []string{}
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		if got := keys(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q: %q, want %q", prefix, got, want)
		}
	}
	objects, err := b.List(t.Context(), "a/c/d/e")
	if err != nil || len(objects) != 1 || objects[0].Size != 7 || time.Since(objects[0].Modified).Abs() > time.Minute {
		t.Errorf("listed %+v, %v", objects, err)
	}
	many := []string{}
	for i := range 1100 {
		many = append(many, fmt.Sprintf("many/%04d", i))
		put(t, b, many[i], "")
	}
	if got := keys(t, b, "many/"); !slices.Equal(got, many) {
		t.Errorf("listed %d of %d objects", len(got), len(many))
	}
}

func nested(t *testing.T, b blob.Blob) {
	put(t, b, "a/b", "inner")
	put(t, b, "a", "outer")
	put(t, b, "a/b/c", "innermost")
	if got := keys(t, b, ""); !slices.Equal(got, []string{"a", "a/b", "a/b/c"}) {
		t.Errorf("listed %q", got)
	}
	for _, key := range []string{"a/b", "a", "a/b/c"} {
		if err := b.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
		if got := keys(t, b, ""); slices.Contains(got, key) {
			t.Errorf("listed %q after %s was deleted", got, key)
		}
	}
}

func sequences(t *testing.T, b blob.Blob) {
	key := rapid.SampledFrom([]string{"a", "b", "a/a", "a/b", "a/b/a", "c/a"})
	model := map[string]string{}
	rapid.Check(t, func(r *rapid.T) {
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				k, data := key.Draw(r, "key"), rapid.String().Draw(r, "data")
				if err := b.Put(context.Background(), k, strings.NewReader(data)); err != nil {
					r.Fatal(err)
				}
				model[k] = data
			},
			"delete": func(r *rapid.T) {
				k := key.Draw(r, "key")
				if err := b.Delete(context.Background(), k); err != nil {
					r.Fatal(err)
				}
				delete(model, k)
			},
			"": func(r *rapid.T) {
				objects, err := b.List(context.Background(), "")
				if err != nil || len(objects) != len(model) {
					r.Fatalf("listed %+v, %v, want those of %q", objects, err, model)
				}
				for _, o := range objects {
					if data, ok := model[o.Key]; !ok || o.Size != int64(len(data)) {
						r.Fatalf("listed %+v, want those of %q", o, model)
					}
				}
			},
		})
	})
	for k, data := range model {
		if got := string(read(t, b, k)); got != data {
			t.Errorf("%s is %q, want %q", k, got, data)
		}
	}
}

func invalid(t *testing.T, b blob.Blob) {
	ctx := t.Context()
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../../b", "./a", "a/.", `a\b`, "a b", "a+", "ä", "a\x00", "a:b", "~", "a*",
		strings.Repeat("a", blob.MaxPart+1), strings.Repeat("abc/", blob.MaxKey/4) + "a",
	} {
		errs := map[string]error{"put": b.Put(ctx, key, strings.NewReader("")), "delete": b.Delete(ctx, key)}
		_, errs["get"] = b.Get(ctx, key)
		_, errs["stat"] = b.Stat(ctx, key)
		for call, err := range errs {
			if err == nil || fault.Of(err) != fault.Invalid {
				t.Errorf("%s %q: error %v of kind %s, want kind invalid", call, key, err, fault.Of(err))
			}
		}
	}
	for _, prefix := range []string{"/", "../", "a/../b", "a//", "a b", "a\x00"} {
		if _, err := b.List(ctx, prefix); err == nil || fault.Of(err) != fault.Invalid {
			t.Errorf("list %q: error %v, want kind invalid", prefix, err)
		}
	}
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("there are %q", got)
	}
}

func cancelled(t *testing.T, b blob.Blob) {
	put(t, b, "a", "before")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := map[string]error{"put": b.Put(ctx, "a", strings.NewReader("after")), "delete": b.Delete(ctx, "a")}
	_, errs["get"] = b.Get(ctx, "a")
	_, errs["stat"] = b.Stat(ctx, "a")
	_, errs["list"] = b.List(ctx, "")
	for call, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want cancelled", call, err)
		}
	}

	ctx, cancel = context.WithCancel(t.Context())
	half := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "more"), nil
	}))
	if err := b.Put(ctx, "a", half); !errors.Is(err, context.Canceled) {
		t.Errorf("put that is cancelled half way: %v", err)
	}
	if got := string(read(t, b, "a")); got != "before" {
		t.Errorf("the object has %d bytes of a put that was cancelled", len(got))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
