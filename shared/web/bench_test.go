package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// busyWeek is a calendar with 100 appointments in the week of 12 October 2026.
func busyWeek() []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for i := range 100 {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:e%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:202610%dT%02d0000Z\r\nDTEND:202610%dT%02d3000Z\r\n"+
			"SUMMARY:Review %d of the quarter with everybody\r\nCATEGORIES:Customer %d - billable\r\nEND:VEVENT\r\n", i, 12+i%5, 6+i/10, 12+i%5, 6+i/10, i, i%7)
	}
	return []byte(b.String() + "END:VCALENDAR\r\n")
}

// onTheLine is how many bytes an answer has as a browser gets it, and its headers.
func (r *reader) onTheLine(path string) (int, http.Header) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	must(r.t, err)
	req.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd") // so that the client leaves it as it is
	res, err := r.client.Do(req)
	must(r.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(r.t, err)
	return len(body), res.Header
}

func TestABusyWeekIsSmall(t *testing.T) {
	m := newMachine(t)
	config := m.fill(busyWeek())
	m.work()
	m.archive(config)
	r := m.reader()
	week := r.page("/calendar?view=week&on=2026-10-15").body
	if n := strings.Count(week, `<li class="e `); n != 100 {
		t.Errorf("%d appointments are drawn", n)
	}
	size, header := r.onTheLine("/calendar?view=week&on=2026-10-15")
	t.Logf("%d bytes, of %d", size, len(week))
	if size > 30<<10 || header.Get("Content-Encoding") != "gzip" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page has %d bytes on the line: %v", size, header)
	}
	for _, file := range regexp.MustCompile(`/static/app\.[0-9a-f]+\.(?:css|js)|/static/htmx\.[0-9a-f]+\.js`).FindAllString(week, -1) {
		size, header := r.onTheLine(file)
		t.Logf("%s: %d bytes", file, size)
		if size > 16<<10 || !strings.Contains(header.Get("Cache-Control"), "immutable") || !strings.Contains(header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s has %d bytes on the line: %v", file, size, header)
		}
	}
}

// BenchmarkAWeek has 200 browsers open a week with 100 appointments, each once in five seconds. Of the time from a request's arrival to the last byte of
// its answer it reports the median and the 99th of a hundred (ms-p50, ms-p99), which has to be under 50 ms on two processors that nobody else uses; and
// how long a page keeps a processor busy, browsers included (ms-cpu), which others do not change much.
func BenchmarkAWeek(b *testing.B) {
	m := newMachine(b)
	config := m.fill(busyWeek())
	m.work()
	m.archive(config)
	r := m.reader()
	transport := &http.Transport{MaxIdleConnsPerHost: 200}
	b.Cleanup(transport.CloseIdleConnections)
	r.client.Transport = transport
	var mu sync.Mutex
	var took []time.Duration
	timed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		m.served.ServeHTTP(w, r)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Since(began))
	}))
	b.Cleanup(timed.Close)
	m.url = timed.URL
	var busy time.Duration
	for b.Loop() {
		const browsers, each, pause = 200, 4, 5 * time.Second
		before := processorTime(b)
		var all sync.WaitGroup
		for i := range browsers {
			all.Go(func() {
				first := time.NewTimer(time.Duration(i) * pause / browsers)
				defer first.Stop()
				<-first.C
				tick := time.NewTicker(pause)
				defer tick.Stop()
				for range each {
					if p := r.get("/calendar?view=week&on=2026-10-15"); p.status != http.StatusOK {
						b.Errorf("answered %d", p.status)
					}
					<-tick.C
				}
			})
		}
		all.Wait()
		busy += processorTime(b) - before
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(took[len(took)/2]), "ms-p50")
	b.ReportMetric(ms(took[len(took)*99/100]), "ms-p99")
	b.ReportMetric(ms(busy)/float64(len(took)), "ms-cpu")
}

// processorTime is how long this process has kept processors busy.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkOneWeek opens a week with 100 appointments, one after the other.
func BenchmarkOneWeek(b *testing.B) {
	m := newMachine(b)
	config := m.fill(busyWeek())
	m.work()
	m.archive(config)
	r := m.reader()
	for b.Loop() {
		if p := r.get("/calendar?view=week&on=2026-10-15"); p.status != http.StatusOK {
			b.Errorf("answered %d", p.status)
		}
	}
}
