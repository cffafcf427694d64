package microsoft

import (
	"fmt"
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	hour := func(name string, from time.Time) held {
		return held{token: name, expires: from.Add(time.Hour), version: 1}
	}
	t.Run("gives out what need not be looked after", func(t *testing.T) {
		for after, want := range map[time.Duration]bool{0: true, lookEvery - 1: true, lookEvery: false, -1: false} {
			m := newMemory(10)
			m.put("a", hour("a", noon), noon)
			if h, ok := m.get("a", noon.Add(after)); ok != want || ok && h.token != "a" {
				t.Errorf("after %s: %t", after, ok)
			}
		}
	})
	t.Run("gives out nothing that ends soon", func(t *testing.T) {
		m := newMemory(10)
		m.put("a", held{token: "a", expires: noon.Add(early + 30*time.Second), version: 1}, noon)
		if _, ok := m.get("a", noon.Add(29*time.Second)); !ok {
			t.Error("it was gone too early")
		}
		if _, ok := m.get("a", noon.Add(30*time.Second)); ok {
			t.Error("it was given out too late")
		}
		if _, ok := m.confirm("a", 1, noon.Add(30*time.Second)); ok {
			t.Error("it was given out too late after a look")
		}
		m.put("a", held{token: "b", expires: noon.Add(early), version: 2}, noon)
		if len(m.users) != 0 {
			t.Error("one that ends soon is held, or the one before it")
		}
	})
	t.Run("a look at the table is good for another minute, for the same version", func(t *testing.T) {
		m := newMemory(10)
		m.put("a", hour("a", noon), noon)
		if _, ok := m.confirm("a", 2, noon.Add(lookEvery)); ok {
			t.Error("another version was confirmed")
		}
		if _, ok := m.confirm("b", 1, noon); ok {
			t.Error("another user's was confirmed")
		}
		if _, ok := m.confirm("a", 1, noon.Add(lookEvery)); !ok {
			t.Error("it was not confirmed")
		}
		if _, ok := m.get("a", noon.Add(2*lookEvery-1)); !ok {
			t.Error("it was not given out")
		}
	})
	t.Run("is bounded, and forgets whoever was not there for the longest time", func(t *testing.T) {
		m := newMemory(10)
		for i := range 100 {
			at := noon.Add(time.Duration(i) * time.Second)
			m.put(fmt.Sprint(i), hour("x", at), at)
			if i > 0 {
				if _, ok := m.confirm("0", 1, at); !ok {
					t.Fatalf("what is in use was forgotten after %d", i)
				}
			}
			if len(m.users) > 10 {
				t.Fatalf("%d are held", len(m.users))
			}
		}
	})
	t.Run("forgets what is idle", func(t *testing.T) {
		m := newMemory(10)
		m.put("a", hour("a", noon), noon)
		m.put("b", hour("b", noon.Add(idleFor)), noon.Add(idleFor))
		if _, held := m.users["a"]; held || len(m.users) != 1 {
			t.Errorf("%d are held", len(m.users))
		}
		m.drop("b")
		if len(m.users) != 0 {
			t.Error("what was dropped is held")
		}
	})
}
