package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestPack(t *testing.T) {
	t.Run("small data stays as it is", func(t *testing.T) {
		data := []byte(`{"a":1}`)
		if packed, err := Pack(data); err != nil || !bytes.Equal(packed, data) {
			t.Errorf("got %q, %v", packed, err)
		}
	})
	t.Run("large data is compressed", func(t *testing.T) {
		data := bytes.Repeat([]byte("calendar "), 1000)
		packed, err := Pack(data)
		if err != nil || len(packed) > 200 {
			t.Errorf("%d bytes became %d, %v", len(data), len(packed), err)
		}
	})
	t.Run("data over the limit is refused", func(t *testing.T) {
		if _, err := Pack(make([]byte, MaxData+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
		data := make([]byte, MaxData)
		packed, err := Pack(data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Unpack(packed); err != nil || !bytes.Equal(got, data) {
			t.Errorf("data of exactly the limit came back as %d bytes, %v", len(got), err)
		}
	})
	t.Run("a bomb is refused", func(t *testing.T) {
		for name, size := range map[string]int{"that shows its size": 1 << 30, "a little over": MaxData + 1} {
			var bomb bytes.Buffer
			w, err := zstd.NewWriter(&bomb)
			if err != nil {
				t.Fatal(err)
			}
			zeros := make([]byte, 1<<20)
			for left := size; left > 0; left -= len(zeros) {
				_, _ = w.Write(zeros[:min(left, len(zeros))])
			}
			_ = w.Close()
			if _, err := Unpack(bomb.Bytes()); fault.Of(err) != fault.Malformed {
				t.Errorf("%s: %v, want malformed", name, err)
			}
		}
	})
	t.Run("whatever is packed comes back", rapid.MakeCheck(func(r *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(r, "data")
		if rapid.Bool().Draw(r, "looks packed") {
			data = append(bytes.Clone(zstdMagic), data...)
		}
		data = bytes.Repeat(data, rapid.IntRange(1, 500).Draw(r, "times"))
		packed, err := Pack(data)
		if err != nil {
			r.Fatal(err)
		}
		if got, err := Unpack(packed); err != nil || !bytes.Equal(got, data) {
			r.Fatalf("%d bytes came back as %d, %v", len(data), len(got), err)
		}
	}))
}

func FuzzUnpack(f *testing.F) {
	packed, _ := Pack(bytes.Repeat([]byte("calendar "), 1000))
	f.Add(packed)
	f.Add(packed[:20])
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, packed []byte) {
		data, err := Unpack(packed)
		if err != nil && fault.Of(err) != fault.Malformed {
			t.Errorf("error of kind %s: %v", fault.Of(err), err)
		}
		if len(data) > MaxData && len(packed) <= MaxData {
			t.Errorf("%d bytes became %d", len(packed), len(data))
		}
	})
}

func TestItemPackCountsKeys(t *testing.T) {
	item := Item{Key: Key{"P", "s"}}
	_, small, err := item.Pack()
	if err != nil {
		t.Fatal(err)
	}
	item.PK, item.IndexPK, item.IndexSK = "PP", "I", "J"
	if _, size, err := item.Pack(); err != nil || size != small+3 {
		t.Errorf("size %d, %v, want %d", size, err, small+3)
	}
}

func TestBounds(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'b', 'é', '\U0010ffff'}), 0, 4, -1)
	rapid.Check(t, func(r *rapid.T) {
		q := Query{Prefix: text.Draw(r, "prefix"), From: text.Draw(r, "from"), To: text.Draw(r, "to")}
		sk := text.Draw(r, "sort key")
		want := strings.HasPrefix(sk, q.Prefix) && sk >= q.From && (q.To == "" || sk < q.To)
		from, to := q.Bounds()
		if got := sk >= from && (to == "" || sk < to); got != want {
			r.Fatalf("%+v gives %q to %q: %q is within: %t, want %t", q, from, to, sk, got, want)
		}
	})
}

func TestCursor(t *testing.T) {
	text := rapid.StringN(1, 20, -1)
	rapid.Check(t, func(r *rapid.T) {
		want := Item{Key: Key{text.Draw(r, "pk"), text.Draw(r, "sk")}}
		q := Query{PK: want.PK}
		if q.Index = rapid.Bool().Draw(r, "index"); q.Index {
			want.IndexPK, want.IndexSK = text.Draw(r, "index pk"), text.Draw(r, "index sk")
			q.PK = want.IndexPK
		}
		q.Cursor = q.After(&want)
		got, resumed, err := q.Last()
		if err != nil || !resumed || got.Key != want.Key || got.IndexPK != want.IndexPK || got.IndexSK != want.IndexSK {
			r.Fatalf("cursor of %+v is read as %+v, %t, %v", want, got, resumed, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`["P","a"]`)), false)
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`["P","a","Q","b"]`)), true)
	f.Add("null", true)
	f.Fuzz(func(t *testing.T, cursor string, index bool) {
		q := Query{PK: "P", Cursor: cursor, Index: index}
		item, resumed, err := q.Last()
		switch {
		case err != nil && fault.Of(err) != fault.Invalid:
			t.Errorf("error of kind %s: %v", fault.Of(err), err)
		case resumed && item.Check() != nil:
			t.Errorf("keys that cannot be: %+v", item)
		}
	})
}

func TestKeysOfUsers(t *testing.T) {
	key := OfUser("tenant#object", "JOB#1")
	if want := (Key{PK: "USER#tenant#object", SK: "JOB#1"}); key != want || key.PK != UserPartition("tenant#object") {
		t.Errorf("got %+v", key)
	}
	if user := key.User(); user != "tenant#object" {
		t.Errorf("the key is of %q", user)
	}
	if user := (Key{PK: "RUN#1", SK: "ITEM#1"}).User(); user != "" {
		t.Errorf("a key of nobody is of %q", user)
	}
}
