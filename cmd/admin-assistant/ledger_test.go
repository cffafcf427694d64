package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestProvingToOthers(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	m.local("ledger", "verify", "--config", "work").ok().says("The ledger holds", "1 link", "1 run")

	head := m.local("ledger", "head", "--config", "work").ok()
	key := strings.TrimSpace(m.local("ledger", "head", "--config", "work", "--key").ok().out)
	if !strings.HasPrefix(head.out, "admin-assistant/ledger/") || !strings.HasPrefix(key, "admin-assistant-") {
		t.Errorf("the head is %q, the key %q", head.out, key)
	}
	kept := m.file("head.txt", "\ufeff\r\n"+strings.ReplaceAll(head.out, "\n", "\r\n"))
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	later := m.local("ledger", "head", "--config", "work").ok()
	both := m.file("heads.txt", head.out+"\n"+later.out)
	one, three := "1 earlier head", "3 earlier heads"
	if m.token != "" {
		one, three = "2 earlier heads", "4 earlier heads" // of which it has one itself
	}
	m.local("ledger", "verify", "--config", "work", "--since", kept).ok().says("It continues " + one + ".")
	m.local("ledger", "verify", "--config", "work", "--since", both, "--since", kept).ok().says("It continues " + three + ".")

	file := filepath.Join(t.TempDir(), "october.json")
	m.local("ledger", "prove", "--config", "work", "--period", october, "--file", file).ok().says("proves", "proof verify")
	m.run("", "proof", "verify", file).ok().says("The proof holds", "It is signed with the key "+key, "compare it")
	m.run("", "proof", "verify", file, "--key", key, "--timezone", "Europe/Berlin").ok().says("Times are in Europe/Berlin", "the key that you named")
	m.run("", "--output", "json", "proof", "verify", file).ok().says(`"Facts"`)
	if text := string(mustRead(t, file)); strings.Contains(text, "attendee") || strings.Contains(text, "body") {
		t.Errorf("the proof shows too much: %s", text)
	}

	t.Run("what was changed does not hold", func(t *testing.T) {
		text := string(mustRead(t, file))
		changed := m.file("changed.json", strings.Replace(text, `"outcome": "archived"`, `"outcome": "declined"`, 1))
		m.run("", "proof", "verify", changed).fails(exitFailed, "THE PROOF DOES NOT HOLD", "entries[0]")
		m.run("", "proof", "verify", file, "--key", strings.Replace(key, "+", "x+", 1)).fails(exitFailed, "the one that you trust")
	})
	t.Run("what is no proof or no head is refused", func(t *testing.T) {
		m.run("", "proof", "verify", m.file("no.json", "{}")).fails(exitUsage, "format")
		m.run("", "proof", "verify", filepath.Join(t.TempDir(), "none.json")).fails(exitFailed, "is not there")
		m.local("ledger", "verify", "--config", "work", "--since", m.file("no.txt", "hello\n")).fails(exitUsage, "--since")
		half := m.file("half.txt", head.out[:len(head.out)-60])
		m.local("ledger", "verify", "--config", "work", "--since", half).fails(exitUsage, "since")
		forged := strings.Replace(head.out, "\n1\n", "\n2\n", 1)
		m.local("ledger", "verify", "--config", "work", "--since", m.file("forged.txt", forged)).fails(exitUsage, "no head that this installation signed")
		m.local("ledger", "prove", "--config", "work").fails(exitUsage, "--period or --entry")
		m.local("ledger", "prove", "--config", "work", "--entry", "nobody").fails(exitFailed, "no appointment")
	})
	t.Run("one appointment", func(t *testing.T) {
		var day []entryView
		if m.local("--output", "json", "ledger", "day", "2026-10-15", "--config", "work").ok().decode(&day); len(day) == 0 {
			t.Fatalf("%d entries", len(day))
		}
		out := m.local("ledger", "prove", "--config", "work", "--entry", day[0].Key).ok().out
		m.run("", "proof", "verify", m.file("one.json", out)).ok().says("The proof holds")
	})
	t.Run("an earlier state of the table is found by a later head", func(t *testing.T) {
		m.ownData(t)
		late := m.file("late.txt", later.out)
		m.exec("store.db", "DELETE FROM items WHERE CAST(pk AS TEXT) LIKE 'LEDGER#%'")
		broken := m.local("ledger", "verify", "--config", "work", "--since", late)
		if broken.code != exitFailed {
			t.Errorf("exit code %d", broken.code)
		}
		broken.says("THE LEDGER DOES NOT HOLD", "link")
	})
}
