package graph

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	kiota "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
)

// BenchmarkBatchStrategies compares the two ways that the service's documentation leaves to write in batches: see budget. At a round trip of
// 20 ms and a service time of 60 ms it reports the wall time, in multiples of the bound ceil(N/20) x round trip + N x service time / 4.
func BenchmarkBatchStrategies(b *testing.B) {
	const roundTrip, service = 20 * time.Millisecond, 60 * time.Millisecond
	for _, n := range []int{40, 1000} {
		bound := time.Duration((n+19)/20)*roundTrip + time.Duration(n)*service/4
		for _, strategy := range []struct {
			name  string
			write func(ctx context.Context, w *world, id string, drafts []calendar.Draft) error
		}{
			{"one batch at a time", func(ctx context.Context, w *world, id string, drafts []calendar.Draft) error {
				results, err := w.Create(ctx, me, id, drafts)
				for _, r := range results {
					if err == nil {
						err = r.Err
					}
				}
				return err
			}},
			{"four chained batches at a time", writeChained},
		} {
			b.Run(fmt.Sprintf("%d events, %s", n, strategy.name), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					w := newWorld(b, graphsim.Options{RoundTrip: roundTrip, ServiceTime: service}, nil)
					id := w.archive()
					b.StartTimer()
					began := time.Now()
					if err := strategy.write(b.Context(), w, id, numbered(n)); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(time.Since(began))/float64(bound), "bounds")
				}
			})
		}
	}
}

// writeChained writes in four batches at a time, in each of which a request waits for the one before it. Batches are as large as lets all four work.
func writeChained(ctx context.Context, w *world, id string, drafts []calendar.Draft) error {
	size := min(batchSize, (len(drafts)+3)/4)
	parts := make(chan []calendar.Draft, len(drafts))
	for len(drafts) > 0 {
		n := min(size, len(drafts))
		parts <- drafts[:n]
		drafts = drafts[n:]
	}
	close(parts)
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range 4 {
		wg.Go(func() {
			for part := range parts {
				if err := writeChain(ctx, w, id, part); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func writeChain(ctx context.Context, w *world, id string, drafts []calendar.Draft) error {
	cal, err := w.calendar(ctx, me, id)
	if err != nil {
		return err
	}
	all := graphcore.NewBatchRequest(w.client.adapter)
	for i := range drafts {
		body, _, err := payload(&drafts[i])
		if err != nil {
			return err
		}
		r := request(kiota.POST, cal.Events().BaseRequestBuilder)
		r.Headers.Add("Content-Type", "application/json")
		item, err := all.AddBatchRequestStep(*r)
		if err != nil {
			return err
		}
		item.SetId(new(strconv.Itoa(i)))
		item.SetBody(body)
		if i > 0 {
			item.SetDependsOn([]string{strconv.Itoa(i - 1)})
		}
	}
	r := kiota.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(kiota.POST, "{+baseurl}/$batch",
		map[string]string{"baseurl": w.client.base.String()})
	if err := r.SetContentFromParsable(ctx, w.client.adapter, "application/json", all); err != nil {
		return err
	}
	text, err := w.client.send(ctx, r)
	if err != nil {
		return err
	}
	answers, err := w.client.readBatch(text, len(drafts), "")
	for _, a := range answers {
		if err == nil {
			err = a.err
		}
	}
	return err
}
