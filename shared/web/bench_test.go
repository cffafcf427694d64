package web_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
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

// BenchmarkAWeek has 200 browsers open a week with 100 appointments, each once in five seconds, and reports the median and the 99th of a hundred.
func BenchmarkAWeek(b *testing.B) {
	m := newMachine(b)
	config := m.fill(busyWeek())
	m.work()
	m.archive(config)
	r := m.reader()
	r.client.Transport = &http.Transport{MaxIdleConnsPerHost: 200}
	for b.Loop() {
		const browsers, each, pause = 200, 4, 5 * time.Second
		took := make([]time.Duration, browsers*each)
		var all sync.WaitGroup
		for i := range browsers {
			all.Go(func() {
				tick := time.NewTicker(pause)
				defer tick.Stop()
				first := time.NewTimer(time.Duration(i) * pause / browsers)
				defer first.Stop()
				<-first.C
				for j := range each {
					began := time.Now()
					if p := r.get("/calendar?view=week&on=2026-10-15"); p.status != http.StatusOK {
						b.Errorf("answered %d", p.status)
					}
					took[i*each+j] = time.Since(began)
					<-tick.C
				}
			})
		}
		all.Wait()
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "ms-p50")
		b.ReportMetric(float64(took[len(took)*99/100])/float64(time.Millisecond), "ms-p99")
	}
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
