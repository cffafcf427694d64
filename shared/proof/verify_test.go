package proof_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
)

// lived is a short history with archive runs, a backup and an audit log.
func lived(t testing.TB) *history {
	t.Helper()
	h := newHistory(t, 7)
	for range 3 {
		h.meet()
		h.meet()
		h.runTo(run.Archive)
		h.runTo(run.Backup)
		h.audited("config.update", "config", h.config.ID)
		h.Advance(24 * time.Hour)
	}
	h.meet()
	h.runTo(run.Archive)
	h.Advance(48 * time.Hour)
	if report := h.verify(); !report.OK || report.Links != 4 || report.Runs != 7 || report.Backups != 3 || report.Entries < 5 {
		t.Fatalf("%+v, first %+v", report, report.First)
	}
	return h
}

// runTo carries a run out to its end.
func (h *history) runTo(kind run.Kind) *run.Run {
	h.t.Helper()
	r := &run.Run{ID: h.newID(), User: user, Kind: kind, Config: h.config.ID, State: run.Queued, Created: h.Now()}
	if kind == run.Backup {
		r.Calendar = uri("Work").String()
	} else {
		r.From.Year, r.From.Month, r.From.Day, r.To.Year, r.To.Month, r.To.Day = 2026, 10, 1, 2026, 10, 31
	}
	r, _, err := h.runs().Create(h.t.Context(), r)
	must(h.t, err)
	must(h.t, h.handler(kind, h.table).Run(h.t.Context(), r))
	must(h.t, h.log().RunEnded(h.t.Context(), r))
	return r
}

func (h *history) item(pk, sk string) store.Item {
	h.t.Helper()
	item, err := h.table.Get(h.t.Context(), store.Key{PK: pk, SK: sk})
	must(h.t, err)
	return item
}

// edits changes members of an item.
func (h *history) edits(item store.Item, change func(members map[string]any)) {
	h.t.Helper()
	var members map[string]any
	must(h.t, json.Unmarshal(item.Data, &members))
	change(members)
	h.put(item, []byte(mustJSON(h.t, members)))
}

func (h *history) delete(keys ...store.Key) {
	h.t.Helper()
	for _, key := range keys {
		must(h.t, h.table.Table.Delete(h.t.Context(), key, store.Any()))
	}
}

// of are the items of a partition of which the sort key begins so.
func (h *history) of(pk, prefix string) []store.Item {
	h.t.Helper()
	items, err := store.All(h.t.Context(), h.table, store.Query{PK: pk, Prefix: prefix})
	must(h.t, err)
	return items
}

func TestWhatIsDoneToALedgerIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *history, ledger string)
		want string // of the first misfit's problem
	}{
		{"an entry is invented under an open run that is invented too", func(h *history, pk string) {
			entry := h.of(pk, "2026")[0]
			var members map[string]any
			must(h.t, json.Unmarshal(entry.Data, &members))
			members["key"], members["lineage"], members["run"], members["version"] = "invented", "invented", "01ZZZZZZZZZZZZZZZZZZZZZZZZ", 1
			start, _, _ := strings.Cut(entry.SK, "#")
			invented := store.Item{Key: store.Key{PK: pk, SK: start + "#invented#000001"}}
			h.put(invented, []byte(mustJSON(h.t, members)))
			h.put(store.Item{Key: store.Key{PK: pk, SK: "KEY#invented"}}, []byte(`[{"key":"invented","version":1,"start":"`+start+`"}]`))
			h.edits(h.item(pk, "HEAD"), func(m map[string]any) {
				m["open"], m["open_from"], m["open_to"] = "01ZZZZZZZZZZZZZZZZZZZZZZZZ", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
			})
		}, "was never sealed by a run"},
		{"a place is deleted", func(h *history, pk string) { h.delete(h.of(pk, "KEY#")[0].Key) }, "its place is missing"},
		{"a place is redirected", func(h *history, pk string) {
			places := h.of(pk, "KEY#")
			h.put(places[0], places[1].Data)
		}, "its place is missing"},
		{"the longest entry is forgotten", func(h *history, pk string) {
			h.edits(h.item(pk, "HEAD"), func(m map[string]any) { m["longest"] = 0 })
		}, "the head's longest entry or last day is not that of the newest link"},
		{"the last day is moved", func(h *history, pk string) {
			h.edits(h.item(pk, "HEAD"), func(m map[string]any) { m["through"] = "2026-12-31" })
		}, "the head's longest entry or last day is not that of the newest link"},
		{"the head goes back, with the entries that came after it deleted", func(h *history, pk string) {
			was := h.table.was[store.Key{PK: pk, SK: "HEAD"}]
			for _, before := range was {
				var head ledger.Head
				if must(h.t, json.Unmarshal(before.Data, &head)); head.Seq != 3 || head.Open != "" {
					continue
				}
				h.put(before, before.Data)
				for _, item := range h.of(pk, "2026") {
					var e ledger.Entry
					if must(h.t, json.Unmarshal(item.Data, &e)); e.Seal == 4 {
						h.delete(item.Key)
						h.delete(store.Key{PK: pk, SK: "KEY#" + e.Lineage})
					}
				}
				h.delete(h.of(pk, "CHAIN#00000004")[0].Key)
			}
		}, "the link that the run added is not in the chain"},
		{"the whole ledger is deleted", func(h *history, pk string) {
			for _, item := range h.of(pk, "") {
				h.delete(item.Key)
			}
		}, "the link that the run added is not in the chain"},
		{"the head is deleted", func(h *history, pk string) { h.delete(store.Key{PK: pk, SK: "HEAD"}) }, "was never sealed by a run"},
		{"what the newest link covers is cut from the audit log, with its head", func(h *history, _ string) {
			const pk = "AUDIT#" + user
			was := h.table.was[store.Key{PK: pk, SK: "HEAD"}]
			h.put(was[1], was[1].Data)
			for _, item := range h.of(pk, "0")[2:] {
				h.delete(item.Key)
			}
		}, "of the audit log is missing; the link covers it"},
		{"names are stripped from the audit log as if they had been erased", func(h *history, _ string) {
			const pk = "AUDIT#" + user
			records := h.of(pk, "0")
			for _, item := range records {
				h.edits(item, func(m map[string]any) { delete(m, "personal"); delete(m, "salt") })
			}
			h.edits(h.item(pk, "HEAD"), func(m map[string]any) { m["erased"] = len(records) })
		}, "audit log"},
		{"the sums of a run are changed", func(h *history, _ string) {
			h.edits(h.of(store.UserPartition(user), "RUN#")[0], func(m map[string]any) { m["result"].(map[string]any)["written"] = 99 })
		}, "the record of the run is not what its link has of it"},
		{"an item of a run is changed", func(h *history, _ string) {
			r := h.of(store.UserPartition(user), "RUN#")[0]
			item := h.item("RUN#"+strings.TrimPrefix(r.SK, "RUN#"), "ITEM#000000")
			h.put(item, []byte(strings.Replace(string(item.Data), "Meeting", "Holiday", 1)))
		}, "its items are not what was written"},
		{"the record of a run is deleted", func(h *history, _ string) {
			h.delete(h.of(store.UserPartition(user), "RUN#")[0].Key)
		}, "the record of the run is missing"},
		{"a run is invented", func(h *history, _ string) {
			item := h.of(store.UserPartition(user), "RUN#")[1] // a backup's: an archive run's link would show it
			was, invented := strings.TrimPrefix(item.SK, "RUN#"), "01ZZZZZZZZZZZZZZZZZZZZZZZZ"
			item.SK = "RUN#" + invented
			h.put(item, []byte(strings.ReplaceAll(strings.ReplaceAll(string(item.Data), was, invented), `"manifest"`, `"other"`)))
		}, "the run has ended, and neither a link nor the audit log says so"},
		{"a backup is rewritten, with a manifest to match", func(h *history, _ string) {
			item := h.of(store.UserPartition(user), "BACKUP#")[0]
			var r backup.Record
			must(h.t, json.Unmarshal(item.Data, &r))
			h.edits(item, func(m map[string]any) { m["manifest"] = strings.Repeat("0", 64) })
		}, "the backup is not the one that its run made"},
		{"a backup is deleted without a word", func(h *history, _ string) {
			h.delete(h.of(store.UserPartition(user), "BACKUP#")[0].Key)
		}, "the backup that the run made is missing"},
		{"a body is changed", func(h *history, _ string) {
			bodies, err := h.blobs.List(h.t.Context(), "ledger/")
			must(h.t, err)
			must(h.t, h.blobs.Put(h.t.Context(), bodies[0].Key, strings.NewReader("another")))
		}, "has lost its "},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := lived(t)
			if strings.Contains(c.name, "body") {
				h.large()
			}
			c.do(h, "LEDGER#"+h.config.ID)
			report := h.verify()
			if report.OK || report.First == nil || !strings.Contains(report.First.Problem, c.want) {
				t.Errorf("%+v, first %+v, want %q", report, report.First, c.want)
			}
		})
	}
}

// large archives an event with a text that is too large for its entry.
func (h *history) large() {
	h.t.Helper()
	for {
		h.meet()
		h.runTo(run.Archive)
		if bodies, err := h.blobs.List(h.t.Context(), "ledger/"); err != nil || len(bodies) > 0 {
			must(h.t, err)
			return
		}
	}
}

func TestALedgerContinuesItsEarlierHeads(t *testing.T) {
	h := lived(t)
	h.keepHead()
	honest := h.items()
	h.meet()
	h.runTo(run.Archive)
	h.keepHead()
	if report := h.verify(h.heads...); !report.OK || report.Since != 2 {
		t.Fatalf("%+v, first %+v", report, report.First)
	}
	t.Run("and does not when all of its newest part is gone", func(t *testing.T) {
		h.restore(honest)
		if report := h.verify(); !report.OK {
			t.Fatalf("by itself: %+v", report.First)
		}
		report := h.verify(h.heads...)
		if report.OK || report.First.Seq != 5 || report.First.Problem != "links 5 to 5 are missing; an earlier head has them" || report.Since != 1 {
			t.Errorf("%+v, first %+v", report, report.First)
		}
	})
	t.Run("and does not when that was written anew", func(t *testing.T) {
		h.meet()
		h.runTo(run.Archive)
		if report := h.verify(); !report.OK {
			t.Fatalf("by itself: %+v", report.First)
		}
		report := h.verify(h.heads...)
		if report.OK || report.First.Seq != 5 || report.First.Problem != "one of the links 5 to 5 is not the one that an earlier head has" {
			t.Errorf("%+v, first %+v", report, report.First)
		}
	})
	t.Run("and what is no head of it is refused", func(t *testing.T) {
		foreign, err := signingtest.Key(t).Sign(t.Context(), ledger.Checkpoint{Origin: ledger.Origin(h.config.ID), Size: 1}.Text())
		must(t, err)
		other, err := h.key.Sign(t.Context(), ledger.Checkpoint{Origin: ledger.Origin("other"), Size: 1}.Text())
		must(t, err)
		text, err := h.key.Sign(t.Context(), "hello\n")
		must(t, err)
		for name, head := range map[string]string{"another installation's": foreign, "another ledger's": other, "no checkpoint": text, "nothing": ""} {
			if _, err := h.verifier().Verify(t.Context(), user, h.config.ID, []string{head}); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "since" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestARunAddsNothingToADamagedLedger(t *testing.T) {
	for name, damage := range map[string]func(h *history, pk string){
		"a forged head":             func(h *history, pk string) { h.edits(h.item(pk, "HEAD"), func(m map[string]any) { m["longest"] = 0 }) },
		"an unreadable head":        func(h *history, pk string) { h.put(h.item(pk, "HEAD"), []byte("[")) },
		"no head":                   func(h *history, pk string) { h.delete(store.Key{PK: pk, SK: "HEAD"}) },
		"a newest link that is not": func(h *history, pk string) { h.delete(h.of(pk, "CHAIN#00000004")[0].Key) },
		"a newest link that is another": func(h *history, pk string) {
			item := h.of(pk, "CHAIN#00000004")[0]
			h.edits(item, func(m map[string]any) { m["leaves"] = []any{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := lived(t)
			h.meet()
			pk := "LEDGER#" + h.config.ID
			damage(h, pk)
			before, copies := h.of(pk, ""), h.copies()
			r := h.runTo(run.Archive)
			var result archive.Result
			must(t, json.Unmarshal(r.Result, &result))
			if r.State != run.Failed || r.Problem == nil || r.Problem.Code != archive.LedgerDamaged || !result.LedgerDamaged || result.Link != "" {
				t.Errorf("%s, %+v, %s", r.State, r.Problem, r.Result)
			}
			if after := h.of(pk, ""); len(after) != len(before) || h.copies() != copies {
				t.Errorf("%d items became %d, %d copies %d", len(before), len(after), copies, h.copies())
			}
		})
	}
	t.Run("entries that a dead run left and somebody changed", func(t *testing.T) {
		h := lived(t)
		h.meet()
		r := &run.Run{ID: h.newID(), User: user, Kind: run.Archive, Config: h.config.ID, State: run.Queued, Created: h.Now()}
		r.From.Year, r.From.Month, r.From.Day, r.To.Year, r.To.Month, r.To.Day = 2026, 10, 1, 2026, 10, 31
		_, _, err := h.runs().Create(t.Context(), r)
		must(t, err)
		if err := h.handler(run.Archive, &mortal{Table: h.table, left: 2}).Run(t.Context(), r); !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		h.Advance(time.Hour)
		pk := "LEDGER#" + h.config.ID
		for _, item := range h.of(pk, "2026") {
			if strings.Contains(string(item.Data), `"intended"`) {
				h.put(item, []byte(strings.ReplaceAll(string(item.Data), "Meeting", "Holiday")))
			}
		}
		if report := h.verify(); report.OK || !strings.Contains(report.First.Problem, "which are not sealed yet, are not those that it wrote") {
			t.Errorf("%+v, first %+v", report, report.First)
		}
		r = h.runTo(run.Archive)
		if r.State != run.Failed || r.Problem == nil || r.Problem.Code != archive.LedgerDamaged {
			t.Errorf("%s, %+v", r.State, r.Problem)
		}
	})
}

// copies is how many events the archive calendar has.
func (h *history) copies() int {
	h.t.Helper()
	info, err := h.events.Calendar(h.t.Context(), uri("Archive"))
	must(h.t, err)
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events, err := h.events.Events(h.t.Context(), "me", info.ID, from, from.AddDate(1, 0, 0))
	must(h.t, err)
	return len(events)
}
