package proof_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// An edit changes what is stored, as somebody does who can write the table and has no key. It says what it did; "": there was nothing to do.
type edit func(h *history, items []store.Item) string

var edits = map[string]edit{
	"change a member": func(h *history, items []store.Item) string {
		item := pick(h, items)
		var v any
		d := json.NewDecoder(bytes.NewReader(item.Data))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return ""
		}
		var places []func()
		var names []string
		collect(v, "", func(name string, change func()) { names, places = append(names, name), append(places, change) })
		if len(places) == 0 {
			return ""
		}
		n := h.rand.IntN(len(places))
		places[n]()
		data, err := json.Marshal(v)
		must(h.t, err)
		h.put(item, data)
		return fmt.Sprint(item.Key, " ", names[n])
	},
	"change a byte": func(h *history, items []store.Item) string {
		item := pick(h, items)
		data := bytes.Clone(item.Data)
		if len(data) == 0 {
			return ""
		}
		data[h.rand.IntN(len(data))] ^= 1 << h.rand.IntN(7)
		h.put(item, data)
		return fmt.Sprint(item.Key)
	},
	"delete": func(h *history, items []store.Item) string {
		item := pick(h, items)
		must(h.t, h.table.Table.Delete(h.t.Context(), item.Key, store.Any()))
		return fmt.Sprint(item.Key)
	},
	"copy to another key": func(h *history, items []store.Item) string {
		item := pick(h, items)
		was := item.Key
		switch at := strings.IndexAny(item.SK, "0123456789"); h.rand.IntN(3) {
		case 0:
			item.SK += "0"
		case 1:
			if at < 0 {
				return ""
			}
			item.SK = item.SK[:at] + "2" + item.SK[at+1:]
		default:
			item.SK = pick(h, items).SK
		}
		data := item.Data
		if h.rand.IntN(2) == 0 && strings.HasPrefix(was.SK, "RUN#") || strings.HasPrefix(was.SK, "BACKUP#") { // with a new id inside
			data = bytes.ReplaceAll(data, []byte(was.SK[strings.IndexByte(was.SK, '#')+1:]), []byte(item.SK[strings.IndexByte(item.SK, '#')+1:]))
		}
		h.put(item, data)
		return fmt.Sprint(was, " to ", item.Key)
	},
	"swap": func(h *history, items []store.Item) string {
		a, b := pick(h, items), pick(h, items)
		h.put(a, b.Data)
		h.put(b, a.Data)
		return fmt.Sprint(a.Key, " with ", b.Key)
	},
	"move back": func(h *history, items []store.Item) string {
		item := pick(h, items)
		was := h.table.was[item.Key]
		before := was[h.rand.IntN(len(was))]
		h.put(item, before.Data)
		return fmt.Sprint(item.Key, " to version ", before.Version)
	},
	"bring back what was deleted": func(h *history, items []store.Item) string {
		there := map[store.Key]bool{}
		for i := range items {
			there[items[i].Key] = true
		}
		var gone []store.Item
		for key, was := range h.table.was {
			if !there[key] && (strings.HasPrefix(key.SK, "BACKUP#") || strings.HasPrefix(key.PK, "LEDGER#")) {
				gone = append(gone, was[len(was)-1])
			}
		}
		if len(gone) == 0 {
			return ""
		}
		slices.SortFunc(gone, func(a, b store.Item) int { return strings.Compare(a.PK+a.SK, b.PK+b.SK) })
		item := pick(h, gone)
		h.put(item, item.Data)
		return fmt.Sprint(item.Key)
	},
	"redirect a place": func(h *history, items []store.Item) string {
		places := slices.DeleteFunc(slices.Clone(items), func(i store.Item) bool { return !strings.HasPrefix(i.SK, "KEY#") })
		if len(places) == 0 {
			return ""
		}
		item, other := pick(h, places), pick(h, places)
		h.put(item, other.Data)
		return fmt.Sprint(item.Key, " to ", other.Key)
	},
}

func pick(h *history, items []store.Item) store.Item { return items[h.rand.IntN(len(items))] }

// put stores data in the place of an item, past the conditions that the program keeps.
func (h *history) put(item store.Item, data []byte) {
	h.t.Helper()
	item.Data = data
	_, err := h.table.Table.Put(h.t.Context(), item, store.Any())
	must(h.t, err)
}

// collect calls each for every member of a document, with what changes it.
func collect(v any, name string, each func(name string, change func())) {
	change := func(v any, set func(any)) {
		switch v := v.(type) {
		case string:
			set(v + "x")
		case json.Number:
			set(json.Number("1" + strings.TrimPrefix(v.String(), "-")))
		case bool:
			set(!v)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			each(name+"."+member, func() { delete(v, member) })
			each(name+"."+member, func() { change(v[member], func(to any) { v[member] = to }) })
			collect(v[member], name+"."+member, each)
		}
	case []any:
		for i := range v {
			each(fmt.Sprint(name, "[", i, "]"), func() { change(v[i], func(to any) { v[i] = to }) })
			collect(v[i], fmt.Sprint(name, "[", i, "]"), each)
		}
	}
}

// seen is what a reader can see, by the keys of the items that it is in: it is the same when nothing was changed that matters. Links are not shown
// themselves; what they seal is.
func (h *history) seen() map[store.Key]string {
	h.t.Helper()
	told, pages := map[store.Key]string{}, map[string]int{}
	items := h.all()
	for _, item := range items {
		switch {
		case strings.HasPrefix(item.SK, "CHAIN#"), strings.HasPrefix(item.PK, "RUN#"):
		case strings.HasPrefix(item.SK, "RUN#"):
			var r run.Run
			if json.Unmarshal(item.Data, &r) == nil {
				pages["RUN#"+r.ID] = r.Pages
				if !r.State.Ended() { // it goes on
					continue
				}
				r.Active, r.Lease, r.FormerLeases, r.Correlation = "", "", nil, ""
				told[item.Key] = mustJSON(h.t, r)
			} else {
				told[item.Key] = string(item.Data)
			}
		case strings.HasPrefix(item.SK, "BACKUP#"):
			var r backup.Record
			if json.Unmarshal(item.Data, &r) == nil {
				r.Attempt, r.OwnClocks = "", nil
				told[item.Key] = mustJSON(h.t, r)
			} else {
				told[item.Key] = string(item.Data)
			}
			if r.Going {
				delete(told, item.Key)
			}
		case strings.HasPrefix(item.SK, "KEY#"): // members are read in any case
			var places []struct {
				Key, Start string
				Version    int
			}
			if told[item.Key] = string(item.Data); json.Unmarshal(item.Data, &places) == nil {
				told[item.Key] = mustJSON(h.t, places)
			}
		default:
			var v any
			d := json.NewDecoder(bytes.NewReader(item.Data))
			d.UseNumber()
			if told[item.Key] = string(item.Data); d.Decode(&v) == nil {
				told[item.Key] = mustJSON(h.t, v)
			}
		}
	}
	for _, item := range items {
		if n, err := strconv.Atoi(strings.TrimPrefix(item.SK, "ITEM#")); err == nil && n < pages[item.PK] && len(item.SK) == len("ITEM#000000") {
			told[item.Key] = string(item.Data)
		}
	}
	return told
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return string(data)
}

// all are the items of items, and those that were put there since.
func (h *history) all() []store.Item {
	h.t.Helper()
	var items []store.Item
	parts := map[string]bool{"LEDGER#" + h.config.ID: true, "AUDIT#" + user: true, store.UserPartition(user): true}
	for key := range h.table.was {
		if strings.HasPrefix(key.PK, "RUN#") {
			parts[key.PK] = true
		}
	}
	for pk := range parts {
		some, err := store.All(h.t.Context(), h.table, store.Query{PK: pk})
		must(h.t, err)
		for _, item := range some {
			if pk != store.UserPartition(user) || strings.HasPrefix(item.SK, "RUN#") || strings.HasPrefix(item.SK, "BACKUP#") {
				items = append(items, item)
			}
		}
	}
	return items
}

func TestTamperingIsFound(t *testing.T) {
	found, since, harmless := 0, 0, 0
	names := slices.Sorted(maps.Keys(edits))
	for seed := range many(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, uint64(seed))
			for range 12 + h.rand.IntN(12) {
				h.live()
			}
			h.endAll()
			h.Advance(48 * time.Hour)
			h.keepHead()
			honest := h.items()
			for range 25 {
				before := h.seen()
				var did []string
				for range 1 + h.rand.IntN(2) {
					name := names[h.rand.IntN(len(names))]
					if what := edits[name](h, h.items()); what != "" {
						did = append(did, name+": "+what)
					}
					if len(h.items()) == 0 {
						break
					}
				}
				after := h.seen()
				report := h.verify()
				switch {
				case !report.OK:
					found++
					if report.First == nil || report.First.Problem == "" {
						t.Errorf("%q: found, and not named", did)
					}
				case maps.Equal(before, after):
					harmless++
				case !h.verify(h.heads...).OK:
					since++
				default:
					changed := ""
					for key := range before {
						if before[key] != after[key] {
							changed += fmt.Sprintf("\n%v was %s\n and is %s", key, before[key], after[key])
						}
					}
					for key := range after {
						if _, there := before[key]; !there {
							changed += fmt.Sprintf("\n%v is new: %s", key, after[key])
						}
					}
					t.Errorf("not found: %q%.3000s", did, changed)
				}
				h.restore(honest)
				if report := h.verify(h.heads...); !report.OK {
					t.Fatalf("after it was put back: %+v", report.First)
				}
			}
		})
	}
	t.Logf("%d found, %d by an earlier head, %d changed nothing", found, since, harmless)
}

// restore puts everything back as it was.
func (h *history) restore(honest []store.Item) {
	h.t.Helper()
	want := map[store.Key]bool{}
	for _, item := range honest {
		want[item.Key] = true
		now, err := h.table.Table.Get(h.t.Context(), item.Key)
		if errors.Is(err, store.ErrNotFound) || err == nil && !bytes.Equal(now.Data, item.Data) {
			h.put(item, item.Data)
		} else {
			must(h.t, err)
		}
	}
	for _, item := range h.all() {
		if !want[item.Key] {
			must(h.t, h.table.Table.Delete(h.t.Context(), item.Key, store.Any()))
		}
	}
}
