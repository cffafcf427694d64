package audit

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestWhatANewerVersionPutsIntoAChain(t *testing.T) {
	const unknown = `"new":{"number":12345678901234567890123}`
	// headed is a chain of one record with something more in its head.
	headed := func(t *testing.T, format string) *world {
		w := newWorld(t)
		r := w.append(entry("config.create", "c1"))[0]
		w.put(store.Item{Key: HeadKey(ana), Data: fmt.Appendf(nil, format, r.ID, r.Hash)})
		w.Log = w.another(w.table)
		return w
	}
	for _, format := range []string{
		`{` + unknown + `,"seq":1,"id":%q,"hash":%q}`, `{"seq":1,` + unknown + `,"id":%q,"hash":%q}`, `{"hash":%[2]q,"id":%[1]q,"seq":1,` + unknown + `}`,
	} {
		t.Run("stays in the head, wherever it stands: "+format, func(t *testing.T) {
			w := headed(t, format)
			w.append(entry("config.create", "c2"))
			items := w.items(ana)
			if head := string(items[len(items)-1].Data); !strings.Contains(head, unknown) || !strings.Contains(head, `"seq":2`) {
				t.Errorf("the head is %s", head)
			}
			if _, err := w.Erase(t.Context(), entry("user.erase", "ana")); err != nil {
				t.Fatal(err)
			}
			w.sound(ana, 3)
		})
	}
	for name, format := range map[string]string{
		"a known member twice":      `{"seq":2,"seq":1,"id":%q,"hash":%q,` + unknown + `}`,
		"space":                     `{"seq":1,"id":%q,"hash":%q, ` + unknown + `}`,
		"a member in another case":  `{"Seq":1,"id":%q,"hash":%q,` + unknown + `}`,
		"a number in another form":  `{"seq":1,"id":%q,"hash":%q,"erased":0,` + unknown + `}`,
		"an array in another place": `[{"seq":1,"id":%q,"hash":%q}]`,
	} {
		t.Run("does not excuse "+name, func(t *testing.T) {
			w := headed(t, format)
			if _, err := w.Append(t.Context(), entry("config.create", "c2")); fault.Of(err) != fault.Malformed {
				t.Errorf("appended, %v", err)
			}
		})
	}
	t.Run("stays in a record whose personal fields are erased, but in those", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("config.create", "c1"))
		item := w.items(ana)[0]
		data := strings.Replace(string(item.Data), `"prev"`, unknown+`,"prev"`, 1)
		item.Data = []byte(strings.Replace(data, `"personal":{`, `"personal":{"phone":"555",`, 1))
		w.put(item)
		if n, err := w.Erase(t.Context(), entry("user.erase", "ana")); err != nil || n != 1 {
			t.Fatalf("%d erased, %v", n, err)
		}
		want := strings.Split(data, `,"personal":`)[0] + data[strings.Index(data, `,"digest":`):strings.LastIndex(data, `,"salt"`)] + "}"
		if got := string(w.items(ana)[0].Data); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
