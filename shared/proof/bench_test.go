package proof_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// BenchmarkVerify verifies a ledger of 100,000 entries in a thousand links, each of a run with items. It reports how much memory lives at its end.
func BenchmarkVerify(b *testing.B) {
	const links, perLink = 1000, 100
	h := newHistory(b, 1)
	h.table.forget = true
	l := h.ledger()
	var head ledger.Head
	day := time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)
	for link := range links {
		r := &run.Run{ID: h.newID(), User: user, Kind: run.Archive, Config: h.config.ID, State: run.Queued, Created: h.Now()}
		_, _, err := h.runs().Create(b.Context(), r)
		must(b, err)
		entries := make([]*ledger.Entry, perLink)
		items := make([]run.Item, perLink)
		for i := range entries {
			start := day.Add(time.Duration(link)*24*time.Hour + time.Duration(i)*5*time.Minute)
			key := fmt.Sprintf("040000008200E00074C5B7101A82E008%016d@%s", link*perLink+i, start.Format(time.RFC3339))
			subject := fmt.Sprintf("Customer review, part %d of %s", i, start.Format(time.DateOnly))
			entries[i] = &ledger.Entry{
				Config: h.config.ID, Key: key, Lineage: key, Version: 1, Outcome: ledger.Archived, SourceHash: "sha256:1", Hash: "sha256:1", State: ledger.Done,
				Appointment: calendar.Appointment{Subject: subject, Start: start, End: start.Add(5 * time.Minute), Categories: []string{"Acme - billable"}},
				Source:      calendar.Event{ID: key, Subject: subject}, Run: r.ID, Time: h.Now(), Actor: user, CopyID: key,
			}
			items[i] = run.Item{Key: key, Plan: []byte(`{"outcome":"archived"}`), Written: true}
		}
		places := ledger.Places{}
		for from := 0; from < perLink; from += ledger.MaxWrite {
			must(b, l.Write(b.Context(), &head, &places, ledger.Span{}, entries[from:min(perLink, from+ledger.MaxWrite)]))
		}
		must(b, h.runs().PutItems(b.Context(), r, items))
		r.Ends(run.Succeeded, h.Now())
		r.Result = []byte("{}")
		digest, err := r.Digest()
		must(b, err)
		sealing, err := l.Prepare(b.Context(), h.config.ID, head, ledger.Ending{Run: r.ID, RunDigest: digest, Time: h.Now()}, entries)
		must(b, err)
		r.Result = fmt.Appendf(nil, `{"link":%q}`, sealing.Hash())
		must(b, l.Seal(b.Context(), &head, sealing))
		must(b, h.runs().Finish(b.Context(), r, run.Succeeded, r.Ended))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	for b.Loop() {
		done := make(chan struct{})
		go func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(20 * time.Millisecond):
					runtime.ReadMemStats(&after)
					peak = max(peak, after.HeapInuse-min(after.HeapInuse, before.HeapInuse))
				}
			}
		}()
		report, err := h.verifier().Verify(b.Context(), user, h.config.ID, nil)
		close(done)
		if err != nil || !report.OK || report.Entries != links*perLink || report.Runs != links {
			b.Fatalf("%+v, first %+v, %v", report, report.First, err)
		}
	}
	b.ReportMetric(float64(peak>>20), "peak-MB")
}
