package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/signing"
	"adminassistant/shared/stamp"
	"adminassistant/shared/stamp/authority"
	"adminassistant/shared/stamp/stamptest"
	"adminassistant/shared/store/sqlite"
)

// TestATimeStampIsCheckedOffline checks one that an authority gave for the head of a ledger.
func TestATimeStampIsCheckedOffline(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 10, 6, 1, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	must(err)
	t.Cleanup(func() { must(table.Close()) })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(err)
	signer := signing.New(table, secret.New(wrapper, clock, secret.Limits{}))
	tsa := stamptest.Start(t, clock)
	client, err := authority.New(tsa.URL, nil)
	must(err)
	trust, err := stamp.ReadTrust(tsa.PEM)
	must(err)
	anchors := &stamp.Anchors{Table: table, Authority: client, Name: tsa.URL, Trust: trust, Signer: signer, Clock: clock}
	key, err := signer.Key(t.Context())
	must(err)
	signed, err := key.Sign(t.Context(), ledger.Checkpoint{Origin: ledger.Origin("config"), Size: 7}.Text())
	must(err)
	day := calendar.Date{Year: 2026, Month: time.October, Day: 5}
	must(anchors.Keep(t.Context(), "config", day, signed))
	must(anchors.Anchor(t.Context()))
	p, err := anchors.Proof(t.Context(), "config", day)
	must(err)
	p.Key = key.Public()
	data, err := json.Marshal(p)
	must(err)

	m := newMachine(t)
	file, trusted := m.file("head.stamp.json", string(data)), m.file("authority.pem", string(tsa.PEM))
	m.run("", "proof", "verify", file).fails(exitUsage, "--trust is missing")
	m.run("", "proof", "verify", file, "--trust", trusted, "--timezone", "Europe/Berlin").ok().says(
		"The proof holds: 7 links of admin-assistant/ledger/config were there at 2026-10-06 03:00:00 (Europe/Berlin).", "compare it with the one")
	m.run("", "proof", "verify", file, "--trust", trusted, "--key", key.Public()).ok().says("the key that you named")
	m.run("", "proof", "verify", file, "--trust", trusted, "--output", "json").ok().says(`"links": 7`, `"time": "2026-10-06T01:00:00Z"`)
	m.run("", "proof", "verify", file, "--trust", m.file("other.pem", string(stamptest.Start(t, clock).PEM))).fails(exitFailed, "DOES NOT HOLD")
	changed := m.file("changed.json", strings.Replace(string(data), `\n7\n`, `\n8\n`, 1))
	m.run("", "proof", "verify", changed, "--trust", trusted).fails(exitFailed, "DOES NOT HOLD")
	m.run("", "proof", "verify", file, "--trust", file).fails(exitUsage, "--trust")
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "UTC").ok()
	m.local("ledger", "stamp", "--config", "work").fails(exitFailed, "no authority is asked")
}
