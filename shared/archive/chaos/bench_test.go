package chaos_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
)

// The simulator answers the benchmarks as Microsoft's service would in a data centre.
const (
	roundTrip   = 20 * time.Millisecond
	serviceTime = 60 * time.Millisecond
)

// BenchmarkFirstArchive archives N events for the first time. x-bound is the wall time in multiples of the shortest time for writing them, four
// operations at once: ceil(N/20) x round trip + N x service time / 4. Reading events that have a text of their own needs that time once more.
// peak-MB is of the whole process so far, the simulator included, so that it is right only for the first benchmark of a process.
func BenchmarkFirstArchive(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		for _, text := range []bool{false, true} {
			name := fmt.Sprint(n)
			if text {
				name += "/with_texts"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				bound := time.Duration((n+19)/20)*roundTrip + time.Duration(n)*serviceTime/4
				for b.Loop() {
					b.StopTimer()
					w := newWorld(b, graphsim.Options{RoundTrip: roundTrip, ServiceTime: serviceTime})
					for i := range n {
						w.put(backToBack(i, n, text))
					}
					c := w.config(archive.AskOnDrift)
					began := time.Now()
					b.StartTimer()
					r, result := w.archive(c)
					took := time.Since(began)
					if r.State != run.Succeeded || result.Counts.Archived != n {
						b.Fatalf("%s %+v", r.State, result)
					}
					cost := w.cost()
					b.ReportMetric(float64(took)/float64(bound), "x-bound")
					b.ReportMetric(float64(cost.writes), "writes")
					b.ReportMetric(float64(cost.reads), "reads")
					b.ReportMetric(float64(result.Cost.Store), "store-requests")
					w.polite()
				}
				reportPeak(b)
			})
		}
	}
}

// BenchmarkUnchangedNight archives a window of 30 days and 300 events in which nothing changed.
func BenchmarkUnchangedNight(b *testing.B) {
	w := newWorld(b, graphsim.Options{RoundTrip: roundTrip, ServiceTime: serviceTime})
	w.month(300)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	b.ReportAllocs()
	for b.Loop() {
		w.sim.ResetLog()
		r, result := w.archive(c)
		if r.State != run.Succeeded || result.Counts.Unchanged != 300 {
			b.Fatalf("%s %+v", r.State, result)
		}
		b.ReportMetric(float64(len(w.sim.Log())), "graph-requests")
		b.ReportMetric(float64(result.Cost.Store), "store-requests")
	}
	reportPeak(b)
}

// backToBack returns the i-th of n events that fill the window without overlapping.
func backToBack(i, n int, text bool) object {
	each := 29 * 24 * time.Hour / time.Duration(n)
	start := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * each).Truncate(time.Second)
	end := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i+1) * each).Truncate(time.Second)
	e := meeting(i)
	e["start"], e["end"] = at(start, "UTC"), at(end, "UTC")
	if !text {
		delete(e, "body")
	}
	return e
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// reportPeak reports the most memory that the process had, on systems that say it.
func reportPeak(b *testing.B) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	if m := highWater.FindSubmatch(status); m != nil {
		kB, err := strconv.ParseFloat(string(m[1]), 64)
		must(b, err)
		b.ReportMetric(kB/1024, "peak-MB")
	}
}
