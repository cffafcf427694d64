package app

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/migration"
	"adminassistant/shared/probe"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// lacking has the program read records otherwise than they were written, until the test ends.
func lacking(t *testing.T) {
	t.Helper()
	before := migration.Steps
	t.Cleanup(func() { migration.Steps = before })
	migration.Steps = []migration.Step{{
		Name: "louder", What: "Words are louder.", Of: func(k store.Key) bool { return k.SK == "WORD" },
		Change: func(it store.Item) (store.Item, error) {
			if !bytes.HasSuffix(it.Data, []byte(`!"`)) {
				it.Data = append(bytes.TrimSuffix(it.Data, []byte(`"`)), '!', '"')
			}
			return it, nil
		},
	}}
}

var spoken = store.Item{Key: store.Key{PK: "P", SK: "WORD"}, Data: []byte(`"hello"`)}

func TestOneMachineMigratesItsStoreWhenItIsOpened(t *testing.T) {
	dir := t.TempDir()
	open := func() *Local {
		t.Helper()
		l, err := OpenLocal(Settings{Data: dir}, "v2", io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	if _, err := l.system.table.Put(t.Context(), spoken, store.Any()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lacking(t)
	l = open()
	defer l.Close()
	if item, err := l.system.table.Get(t.Context(), spoken.Key); err != nil || string(item.Data) != `"hello!"` {
		t.Errorf("the record is %s, %v", item.Data, err)
	}
}

func TestAVersionWhoseTableIsNotMigratedGetsNobody(t *testing.T) {
	lacking(t)
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	f := &Function{system: system{table: table, settings: Settings{Stage: "prod"}}}
	if err := f.probe(t.Context(), probe.Ask{}, nil); err == nil || !strings.Contains(err.Error(), "louder; run: make migrate STAGE=prod") {
		t.Errorf("before: %v", err)
	}
	m := &migration.Migration{Table: table, Steps: migration.Steps, Clock: time.Now}
	if _, err := m.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.probe(t.Context(), probe.Ask{}, nil); err != nil {
		t.Errorf("after: %v", err)
	}
}
