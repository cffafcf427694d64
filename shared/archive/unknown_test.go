package archive_test

import (
	"bytes"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
	"adminassistant/shared/store"
)

func TestWhatANewerVersionPutIntoAConfig(t *testing.T) {
	w := newWorld(t)
	configs, made := w.configs(w.Table), w.config()
	key := store.OfUser(user, "CONFIG#"+made.ID)
	item, err := w.Table.Get(t.Context(), key)
	must(t, err)
	unknown := []byte(`"new":{"number":12345678901234567890123},`)
	item.Data = bytes.Replace(item.Data, []byte(`"timezone"`), append(unknown, `"timezone"`...), 1)
	made.Version, err = w.Table.Put(t.Context(), item, store.VersionIs(item.Version))
	must(t, err)

	t.Run("stays when it is replaced by one that was not read", func(t *testing.T) {
		made.Name = "renamed"
		_, err := configs.Update(t.Context(), user, made)
		must(t, err)
		now, err := w.Table.Get(t.Context(), key)
		must(t, err)
		if !bytes.Contains(now.Data, unknown) || !bytes.Contains(now.Data, []byte(`"renamed"`)) {
			t.Errorf("the config is %s", now.Data)
		}
	})
	t.Run("is not of another one that is made like it", func(t *testing.T) {
		read, err := configs.Get(t.Context(), user, made.ID)
		must(t, err)
		read.Name, read.Archive = "another", uri("Another archive")
		other, err := configs.Create(t.Context(), user, read)
		must(t, err)
		now, err := w.Table.Get(t.Context(), store.OfUser(user, "CONFIG#"+other.ID))
		must(t, err)
		if bytes.Contains(now.Data, unknown) {
			t.Errorf("the config is %s", now.Data)
		}
	})
}

func TestAConfigWithRulesOfANewerVersionCanBeChanged(t *testing.T) {
	w := newWorld(t)
	configs, made := w.configs(w.Table), w.config(func(c *archive.Config) {
		c.Rules = []rule.Rule{about("a", "x", rule.Effect{Exclude: true})}
	})
	key := store.OfUser(user, "CONFIG#"+made.ID)
	item, err := w.Table.Get(t.Context(), key)
	must(t, err)
	item.Data = bytes.Replace(item.Data, []byte(`"subject"`), []byte(`"body"`), 1)
	_, err = w.Table.Put(t.Context(), item, store.VersionIs(item.Version))
	must(t, err)
	read, err := configs.Get(t.Context(), user, made.ID)
	must(t, err)
	if _, err := read.RuleSet(); fault.Of(err) != fault.Malformed {
		t.Errorf("its rules for a plan: %v", err)
	}
	read.Active = false
	read, err = configs.Update(t.Context(), user, read)
	must(t, err)
	if read.Rules[0].Version != 1 || read.Active {
		t.Errorf("got %+v", read)
	}
	read.Rules = append(read.Rules, about("b", "x", rule.Effect{Exclude: true}))
	if _, err := configs.Update(t.Context(), user, read); fault.FieldOf(err) != "rules[0].all[0].field" {
		t.Errorf("with another rule beside it: %v", err)
	}
}
