package run

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/store"
)

// ended is a run that has ended, with a result that names its link.
func ended() *Run {
	r := sample("R1")
	r.Result = json.RawMessage(`{"written": 2, "link": "abc", "counts": {"fetched": 1}}`)
	r.Started = monday
	r.Ends(Succeeded, monday.Add(time.Minute))
	return r
}

// A run's digest is sealed: it stays the same for ever.
func TestDigest(t *testing.T) {
	digest := func(r *Run) string {
		t.Helper()
		d, err := r.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	r := ended()
	was := digest(r)
	same := map[string]func(*Run){
		"the link":           func(r *Run) { r.Result = json.RawMessage(`{"counts":{"fetched":1},"link":"xyz","written":2}`) },
		"where it was noted": func(r *Run) { r.Active = "x" },
		"its leases":         func(r *Run) { r.Lease, r.FormerLeases = "x", []string{"y"} },
		"the correlation":    func(r *Run) { r.Correlation = "x" },
		"the zone of a time": func(r *Run) { r.Ended = r.Ended.In(time.FixedZone("", 3600)) },
		"how it is stored":   func(r *Run) { r.stored = 7 },
	}
	for what, change := range same {
		changed := *ended()
		if change(&changed); digest(&changed) != was {
			t.Errorf("%s changes the digest", what)
		}
	}
	outside := map[string]bool{"Active": true, "Lease": true, "FormerLeases": true, "Correlation": true}
	for i := range reflect.TypeFor[Run]().NumField() {
		field := reflect.TypeFor[Run]().Field(i)
		if !field.IsExported() || outside[field.Name] {
			continue
		}
		changed := *ended()
		switch v := reflect.ValueOf(&changed).Elem().Field(i).Addr().Interface().(type) {
		case *string:
			*v += "x"
		case *int:
			*v++
		case *Kind:
			*v += "x"
		case *State:
			*v = Partial
		case *time.Time:
			*v = v.Add(time.Nanosecond)
		case *json.RawMessage:
			*v = json.RawMessage(`{"written":3}`)
		case *Options:
			v.Force = true
		case *Progress:
			v.Total++
		case *map[string]bool:
			*v = map[string]bool{"a": true}
		case **Problem:
			*v = &Problem{Code: "x"}
		default:
			next := reflect.ValueOf(v).MethodByName("Elem")
			if !next.IsValid() && strings.HasSuffix(field.Type.String(), "Date") {
				reflect.ValueOf(v).Elem().Field(0).SetInt(1999)
			}
		}
		if digest(&changed) == was {
			t.Errorf("the digest does not cover %s", field.Name)
		}
	}
	r.Result = json.RawMessage("{")
	if _, err := r.Digest(); err == nil {
		t.Error("an unreadable result has a digest")
	}
	if r.Link() != "" || ended().Link() != "abc" {
		t.Errorf("links %q and %q", r.Link(), ended().Link())
	}
}

func TestVerifyItems(t *testing.T) {
	s := NewStore(openTable(t))
	r := ended()
	var items []Item
	for i := range 2*itemsPerPage + 1 {
		items = append(items, Item{Key: fmt.Sprint(i), Plan: json.RawMessage("{}")})
	}
	if err := s.PutItems(t.Context(), r, items); err != nil {
		t.Fatal(err)
	}
	problem := func() string {
		t.Helper()
		p, err := s.VerifyItems(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := problem(); p != "" || r.Pages != 3 {
		t.Fatalf("%d pages: %s", r.Pages, p)
	}
	for page := range 3 {
		item, err := s.table.Get(t.Context(), itemKey(r.ID, page))
		if err != nil {
			t.Fatal(err)
		}
		was := item.Data
		item.Data = []byte(strings.Replace(string(was), `"plan":{}`, `"plan":{"x":1}`, 1))
		put := func(item store.Item) {
			t.Helper()
			if _, err := s.table.Put(t.Context(), item, store.Any()); err != nil {
				t.Fatal(err)
			}
		}
		if put(item); problem() != "its items are not what was written" {
			t.Errorf("page %d was changed: %q", page, problem())
		}
		if err := s.table.Delete(t.Context(), item.Key, store.Any()); err != nil {
			t.Fatal(err)
		}
		if got, want := problem(), fmt.Sprintf("page %d of its items is missing", page+1); got != want {
			t.Errorf("page %d is gone: %q", page, got)
		}
		item.Data = was
		put(item)
	}
	// A worker that lost the run left a page that nobody reads.
	if _, err := s.table.Put(t.Context(), store.Item{Key: itemKey(r.ID, 3), Data: []byte("[]")}, store.Any()); err != nil {
		t.Fatal(err)
	}
	if p := problem(); p != "" {
		t.Error(p)
	}
	added := ended()
	for range 2 {
		if _, err := added.AddPage(items[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if added.Pages != 2 || added.ItemsDigest == "" {
		t.Errorf("%+v", added)
	}
}
