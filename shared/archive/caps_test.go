package archive_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

func TestConfigsAreCapped(t *testing.T) {
	w := newWorld(t)
	first := w.config()
	for i := range limit.Configs - 2 {
		w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = fmt.Sprint("c", i), fmt.Sprint("Archive ", i) })
	}
	t.Run("of several that are created at once, one takes the last place", func(t *testing.T) {
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				c := first
				c.Name, c.Archive.Calendar = fmt.Sprint("last", i), fmt.Sprint("Last ", i)
				_, errs[i] = w.configs(w.Table).Create(t.Context(), user, c)
			})
		}
		all.Wait()
		made := 0
		for _, err := range errs {
			switch {
			case err == nil:
				made++
			case fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "delete one first"):
				t.Error(err)
			}
		}
		if made != 1 {
			t.Errorf("%d were created", made)
		}
	})
	t.Run("a name that is taken is reported first, and another user has places of their own", func(t *testing.T) {
		configs := w.configs(w.Table)
		if _, err := configs.Create(t.Context(), user, first); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "named") {
			t.Error(err)
		}
		if _, err := configs.Create(t.Context(), "tenant#other", first); err != nil {
			t.Error(err)
		}
	})
	t.Run("one of as many as there may be can be edited", func(t *testing.T) {
		first.LookBack++
		var err error
		first, err = w.configs(w.Table).Update(t.Context(), user, first)
		must(t, err)
	})
	t.Run("a place becomes free when one is deleted", func(t *testing.T) {
		configs := w.configs(w.Table)
		if err := configs.Delete(t.Context(), user, first.ID, first.Version); err != nil {
			t.Fatal(err)
		}
		if _, err := configs.Create(t.Context(), user, first); err != nil {
			t.Error(err)
		}
	})
}

func TestWindowOfALongPauseIsCapped(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.archive(c)
	configs := w.configs(w.Table)
	now := w.Now()
	_, through, err := configs.Window(t.Context(), c, now)
	must(t, err)
	for _, years := range []int{1, 2, 5} {
		from, to, err := configs.Window(t.Context(), c, now.AddDate(years, 0, 0))
		must(t, err)
		yesterday := through.AddDays(365 * years)
		days := 1
		for d := from; d.Before(to); d = d.AddDays(1) {
			days++
		}
		if days > limit.RunDays || years > 1 && days < limit.RunDays || years == 1 && to.Before(yesterday) {
			t.Errorf("after %d years: from %s to %s, %d days", years, from, to, days)
		}
		if through.Before(from) {
			t.Errorf("after %d years days are left out: archived through %s, goes on from %s", years, through, from)
		}
	}
}

func TestAConfigsNameIsShortAndOfPrintableCharacters(t *testing.T) {
	valid := archive.Config{
		Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Ask, OnDrift: archive.AskOnDrift,
	}
	for name, want := range map[string]bool{
		"a": true, "Büro – Ä": true, strings.Repeat("ä", 100): true,
		"": false, " ": false, " a": false, "a ": false, "a\nb": false, "a\x1fb": false, strings.Repeat("ä", 101): false,
	} {
		c := valid
		c.Name = name
		err := c.Validate()
		if (err == nil) != want || !want && (fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "name") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
