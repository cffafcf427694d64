package httpapi

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// uriBy names a calendar of account me.
func uriBy(name string) string { return "local://me/calendars/" + name }

func TestACalendarOfAConfigIsDeletedWithForceAlone(t *testing.T) {
	s := newService(t)
	work := s.calendar(uriBy("Work")) // the first of an account is its default
	kept := s.calendar(uriBy("Archive"))
	id := s.do("GET", "/v1/calendars/"+kept, nil).is(200).str("provider_id")
	for i, c := range []struct{ source, archive, whose string }{
		{uriBy("Elsewhere"), uriBy("Archive"), `the archive of config "c0"`},
		{uriBy("Elsewhere"), `LOCAL://ME/calendars/"ARCHIVE"`, `the archive of config "c1"`},
		{uriBy("Elsewhere"), uriBy("%41rchive"), `the archive of config "c2"`},
		{uriBy("Elsewhere"), uriBy(id), `the archive of config "c3"`},
		{uriBy("primary"), uriBy("Other"), `the source of config "c4"`},
		{uriBy("work"), uriBy("Other"), `the source of config "c5"`},
	} {
		t.Run(fmt.Sprintf("%s into %s", c.source, c.archive), func(t *testing.T) {
			s.t = t
			made := s.do("POST", "/v1/archive-configs", config(fmt.Sprint("c", i), map[string]any{"source": c.source, "archive": c.archive})).is(201).str("id")
			s.do("POST", "/v1/archive-configs/"+made+"/deactivate", nil).is(200) // it still has its calendars
			named := kept
			if strings.Contains(c.whose, "source") {
				named = work
			}
			refusal := s.do("DELETE", "/v1/calendars/"+named, nil).problem(409, codeCalendarInUse, "").str("detail")
			if !strings.Contains(refusal, c.whose) || !strings.Contains(refusal, "--force") {
				t.Errorf("refused by %s", refusal)
			}
			s.do("DELETE", "/v1/calendars/"+named+"?force=false", nil).problem(409, codeCalendarInUse, "")
			s.do("DELETE", "/v1/archive-configs/"+made, nil, "If-Match", "*").is(204)
		})
	}
	s.t = t
	s.do("POST", "/v1/archive-configs", config("last", nil)).is(201)
	s.do("DELETE", "/v1/calendars/"+kept, nil).is(204)
	s.do("DELETE", "/v1/calendars/"+work, nil).problem(409, codeCalendarInUse, "")
	s.do("DELETE", "/v1/calendars/"+work+"?force=true", nil).is(204)
}

func TestAnArchiveCalendarBelongsToOneConfig(t *testing.T) {
	s := newService(t)
	s.calendar(uriBy("Work"))
	s.calendar(uriBy("Archive"))
	id := s.do("GET", "/v1/calendars?uri="+uriBy("Archive"), nil).is(200).items()[0]
	first := s.do("POST", "/v1/archive-configs", config("first", map[string]any{"archive": uriBy("Archive")})).is(201).str("id")
	second := s.do("POST", "/v1/archive-configs", config("second", nil)).is(201).str("id")
	for name, c := range map[string]map[string]any{
		`the archive calendar is the archive of config "first"`: {"archive": uriBy(fmt.Sprint(object(id)["provider_id"]))},
		`the archive calendar is the source of config "first"`:  {"source": uriBy("Home"), "archive": uriBy("primary")},
		`the source calendar is the archive of config "first"`:  {"source": uriBy(`"archive"`), "archive": uriBy("New")},
	} {
		for _, a := range []answer{
			s.do("POST", "/v1/archive-configs", config("third", c)),
			s.do("PUT", "/v1/archive-configs/"+second, config("second", c), "If-Match", "*"),
		} {
			if got := a.problem(409, "conflict", "").str("detail"); !strings.Contains(got, name) {
				t.Errorf("refused by %s, want %s", got, name)
			}
		}
	}
	itself := map[string]any{"source": uriBy("primary"), "archive": uriBy("WORK")}
	s.do("POST", "/v1/archive-configs", config("third", itself)).problem(422, "invalid", "archive")
	if got := s.all("/v1/archive-configs", 50); len(got) != 2 || strings.Contains(fmt.Sprint(got), "shares") {
		t.Errorf("configs %v", got)
	}

	// Both name the calendar: as an earlier version would have let them.
	key := store.Key{PK: "USER#local#ana", SK: "CONFIG#" + second}
	item, err := s.table.Get(t.Context(), key)
	check(t, err)
	item.Data = []byte(strings.Replace(string(item.Data), `calendars/Archive%20of%20second`, `calendars/`+fmt.Sprint(object(id)["provider_id"]), 1))
	_, err = s.table.Put(t.Context(), item, store.Any())
	check(t, err)
	for _, limit := range []int{1, 50} {
		got := fmt.Sprint(s.all("/v1/archive-configs", limit))
		for of, with := range map[string]string{first: second, second: first} {
			name := map[string]string{first: "first", second: "second"}[with]
			if want := fmt.Sprintf(`"shares":[{"as":"archive","calendar":"archive","config":%q,"name":%q}]`, with, name); !strings.Contains(got, want) {
				t.Errorf("by %d: %s lacks %s: %s", limit, of, want, got)
			}
		}
	}
	s.do("POST", "/v1/archive-configs/"+second+"/deactivate", nil).is(200)
	s.do("POST", "/v1/archive-configs/"+second+"/activate", nil).problem(409, "conflict", "")
	s.do("POST", "/v1/archive-configs/"+first+"/deactivate", nil).is(200)
	s.do("POST", "/v1/archive-configs/"+second+"/activate", nil).is(200)
}

func TestConfigsWhoseProviderDoesNotAnswer(t *testing.T) {
	s := newService(t)
	down := map[string]any{"source": "local://down/calendars/Work", "archive": "local://down/calendars/Archive"}
	s.do("POST", "/v1/archive-configs", config("first", down)).problem(503, "unavailable", "") // what it shares cannot be told yet
	for _, account := range []string{"broken", "nowhere"} {
		own := map[string]any{"source": "local://" + account + "/calendars/Work", "archive": "local://" + account + "/calendars/Archive"}
		s.do("POST", "/v1/archive-configs", config(account, own)).is(201)
		own["source"], own["archive"] = "local://"+account+"/calendars/Home", `local://`+account+`/calendars/"ARCHIVE"`
		s.do("POST", "/v1/archive-configs", config(account+" 2", own)).problem(409, "conflict", "") // by its spelling
	}
	s.do("GET", "/v1/archive-configs", nil).is(200)
	for _, name := range []string{"first", "second"} { // made when it answered
		c := archive.Config{
			Name: name, Source: calendar.URI{Provider: calendar.ProviderLocal, Account: "down", Calendar: "Work"}, Timezone: "UTC", Purpose: archive.General,
			Archive:  calendar.URI{Provider: calendar.ProviderLocal, Account: "down", Calendar: "Archive of " + name},
			Overlaps: archive.Ask, OnDrift: archive.AskOnDrift,
		}
		_, err := s.services.Configs.Create(t.Context(), "local#ana", c)
		check(t, err)
	}
	if got := s.all("/v1/archive-configs", 50); len(got) != 4 { // listing them takes no answer
		t.Errorf("%d configs", len(got))
	}
}

// counting counts how often calendars are listed.
type counting struct {
	Provider
	listed *atomic.Int64
}

func (c counting) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	c.listed.Add(1)
	return c.Provider.Calendars(ctx, account)
}

func TestARequestListsEachAccountOnce(t *testing.T) {
	var listed atomic.Int64
	s := newService(t, func(_ *service, services *Services) {
		provider := services.Provider
		services.Provider = func(ctx context.Context, user string, uri calendar.URI) (Provider, error) {
			p, err := provider(ctx, user, uri)
			return counting{p, &listed}, err
		}
	})
	lists := func(want int64, ask func()) {
		t.Helper()
		listed.Store(0)
		ask()
		if got := listed.Load(); got != want {
			t.Errorf("%d accounts listed, want %d", got, want)
		}
	}
	create := func(name, account string) func() {
		c := map[string]any{"source": "local://" + account + "/calendars/Work", "archive": "local://" + account + "/calendars/Archive of " + name}
		return func() { s.do("POST", "/v1/archive-configs", config(name, c)).is(201) }
	}
	list := func() { s.do("GET", "/v1/archive-configs", nil).is(200) }
	lists(1, create("a", "me"))
	lists(0, list) // it shares nothing with itself
	lists(1, create("b", "ME"))
	lists(1, create("c", "you")) // those of others cannot be its calendars
	lists(2, list)
	lists(0, func() { s.do("GET", "/v1/archive-configs?name=a", nil).is(200) })
}

func TestOfRequestsAtOnceOneGetsTheArchiveCalendar(t *testing.T) {
	s := newService(t)
	const callers = 8
	statuses := make([]int, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			statuses[i] = s.do("POST", "/v1/archive-configs", config(fmt.Sprint("c", i), map[string]any{"archive": uriBy("Wanted")})).StatusCode
		})
	}
	all.Wait()
	made := 0
	for _, status := range statuses {
		if status == 201 {
			made++
		} else if status != 409 {
			t.Errorf("status %d", status)
		}
	}
	if made != 1 {
		t.Errorf("%d were created", made)
	}
}
