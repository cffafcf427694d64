package httpapi

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
)

// BenchmarkThousandClients lets 1,000 clients read their configs at once over HTTP, from a SQLite file. It reports how long the slowest
// hundredth of the answers took at least, and fails on any answer that is not 200. Clients and server share the machine.
func BenchmarkThousandClients(b *testing.B) {
	const clients = 1000
	s := newService(b, func(_ *service, services *Services) { services.Log = zerolog.Nop() })
	config := archive.Config{
		Name: "work", Source: calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: "Work"},
		Archive:  calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: "Archive"},
		Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve, OnDrift: archive.AskOnDrift, LookBack: 30,
	}
	_, err := s.services.Configs.Create(context.Background(), "local#ana", config)
	check(b, err)
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var left atomic.Int64
	ask := func() (time.Duration, bool) {
		began := time.Now()
		answer, err := client.Get(s.url + "/v1/archive-configs?limit=50")
		if err != nil {
			b.Error(err)
			return 0, false
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			b.Errorf("status %d, %v", answer.StatusCode, err)
			return 0, false
		}
		return time.Since(began), true
	}
	round := func(requests int64) []time.Duration {
		left.Store(requests)
		took := make([][]time.Duration, clients)
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					d, ok := ask()
					if !ok {
						return
					}
					took[i] = append(took[i], d)
				}
			})
		}
		all.Wait()
		return slices.Sorted(slices.Values(slices.Concat(took...)))
	}
	round(2 * clients) // connects
	b.ReportAllocs()
	b.ResetTimer()
	var took []time.Duration
	for b.Loop() {
		took = append(took, round(20*clients)...)
	}
	b.StopTimer()
	slices.Sort(took)
	if len(took) == 0 {
		b.Fatal("nothing was answered")
	}
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "requests/s")
}
