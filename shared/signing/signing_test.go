package signing_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openTable(t testing.TB) *sqlite.Table {
	t.Helper()
	table, err := sqlite.Open(":memory:", time.Now)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	return table
}

func openKeeper(t testing.TB) secret.Keeper {
	t.Helper()
	master, err := keyfile.Open(filepath.Join(t.TempDir(), "master.key"))
	must(t, err)
	return secret.New(master, time.Now, secret.Limits{})
}

func TestAKeyOpensWhatItSigned(t *testing.T) {
	for range 50 { // some keys have a + in them
		private, err := signing.Generate()
		must(t, err)
		key, err := signing.Parse(private)
		must(t, err)
		signed, err := key.Sign(t.Context(), "text\nmore\n")
		must(t, err)
		if text, err := key.Open(t.Context(), signed); err != nil || text != "text\nmore\n" {
			t.Fatalf("%q, %v", text, err)
		}
		if text, err := signing.OpenWith(key.Public(), signed); err != nil || text != "text\nmore\n" {
			t.Fatalf("%q, %v", text, err)
		}
	}
	one, other := newKey(t), newKey(t)
	signed, err := one.Sign(t.Context(), "text\n")
	must(t, err)
	if _, err := other.Open(t.Context(), signed); fault.Of(err) != fault.Malformed || err == nil {
		t.Errorf("another key's: %v", err)
	}
	if _, err := one.Open(t.Context(), strings.Replace(signed, "text", "test", 1)); fault.Of(err) != fault.Malformed || err == nil {
		t.Errorf("changed: %v", err)
	}
	if _, err := signing.OpenWith(other.Public(), signed); fault.Of(err) != fault.Invalid || err == nil {
		t.Errorf("another key's: %v", err)
	}
	for _, bad := range []string{"", "x", "PRIVATE+KEY+a+b+c", one.Public()} {
		if _, err := signing.Parse(bad); fault.Of(err) != fault.Malformed || err == nil {
			t.Errorf("%q: %v", bad, err)
		}
		if bad != one.Public() {
			if _, err := signing.OpenWith(bad, signed); fault.Of(err) != fault.Invalid || err == nil {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
}

func newKey(t testing.TB) *signing.Key {
	t.Helper()
	private, err := signing.Generate()
	must(t, err)
	key, err := signing.Parse(private)
	must(t, err)
	return key
}

// TestASignatureIsWrittenInOneForm puts each other byte in the place of its last character, which has bits that decoding leaves out.
func TestASignatureIsWrittenInOneForm(t *testing.T) {
	key := newKey(t)
	signed, err := key.Sign(t.Context(), "text\n")
	must(t, err)
	last := strings.LastIndex(signed, "=") - 1
	for value := range 256 {
		other := byte(value)
		if other == signed[last] {
			continue
		}
		changed := []byte(signed)
		changed[last] = other
		if _, err := key.Open(t.Context(), string(changed)); err == nil {
			t.Errorf("the key opens it with %q for %q", other, signed[last])
		}
		if _, err := signing.OpenWith(key.Public(), string(changed)); err == nil {
			t.Errorf("its public part opens it with %q for %q", other, signed[last])
		}
	}
}

func TestAllProcessesOfAnInstallationHaveOneKey(t *testing.T) {
	table, keeper := openTable(t), openKeeper(t)
	public := make([]string, 8)
	var all sync.WaitGroup
	for i := range public {
		all.Go(func() {
			if key, err := signing.New(table, keeper).Key(t.Context()); err != nil {
				t.Error(err)
			} else {
				public[i] = key.Public()
			}
		})
	}
	all.Wait()
	for _, p := range public {
		if p == "" || p != public[0] {
			t.Errorf("keys %q", public)
		}
	}
	item, err := table.Get(t.Context(), store.Key{PK: "SIGNING", SK: "KEY"})
	must(t, err)
	if strings.Contains(string(item.Data), "PRIVATE") {
		t.Errorf("the private key is in the table: %s", item.Data)
	}
}

func TestTheKeyIsReadOnce(t *testing.T) {
	table, keeper := openTable(t), openKeeper(t)
	first := signing.New(table, keeper)
	_, err := first.Sign(t.Context(), "text\n")
	must(t, err)
	counter := &store.Counter{Table: table}
	i := signing.New(counter, keeper)
	found, err := table.GetMany(t.Context(), i.Needs())
	must(t, err)
	must(t, i.Use(t.Context(), found))
	signed, err := i.Sign(t.Context(), "text\n")
	must(t, err)
	if text, err := first.Open(t.Context(), signed); err != nil || text != "text\n" || counter.Requests() != 0 || len(i.Needs()) != 0 {
		t.Errorf("%q, %v, %d requests, it needs %v", text, err, counter.Requests(), i.Needs())
	}
	must(t, signing.New(counter, keeper).Use(t.Context(), nil))
}

func TestAKeyThatCannotBeOpenedIsNotReplaced(t *testing.T) {
	table, keeper := openTable(t), openKeeper(t)
	_, err := signing.New(table, keeper).Key(t.Context())
	must(t, err)
	item, err := table.Get(t.Context(), store.Key{PK: "SIGNING", SK: "KEY"})
	must(t, err)
	other := openKeeper(t)
	if _, err := signing.New(table, other).Sign(t.Context(), "text\n"); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "master key") {
		t.Errorf("with another master key: %v", err)
	}
	if err := signing.New(table, other).Use(t.Context(), []store.Item{item}); fault.Of(err) != fault.Invalid || err == nil {
		t.Errorf("with another master key: %v", err)
	}
	now, err := table.Get(t.Context(), item.Key)
	if err != nil || string(now.Data) != string(item.Data) {
		t.Errorf("it is %s, %v", now.Data, err)
	}
	down := errors.New("down")
	if _, err := signing.New(failing{table, down}, keeper).Key(t.Context()); !errors.Is(err, down) {
		t.Errorf("a store that does not answer: %v", err)
	}
}

type failing struct {
	store.Table
	err error
}

func (f failing) Get(context.Context, store.Key) (store.Item, error) { return store.Item{}, f.err }
