package httpapi

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// vevents makes a file of events, each given by its lines but the stamps.
func vevents(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n")
	for i, e := range events {
		uid := ""
		if !strings.Contains(e, "UID:") {
			uid = fmt.Sprintf("UID:e%d@example.com\r\n", i)
		}
		b.WriteString("BEGIN:VEVENT\r\n" + uid + "DTSTAMP:20261001T000000Z\r\n" + e + "\r\nEND:VEVENT\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// TestPagesOfEventsAreThoseOfOneList lists calendars of all sorts of events page by page, and as a whole.
func TestPagesOfEventsAreThoseOfOneList(t *testing.T) {
	s := newService(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		id := s.calendar(fmt.Sprintf("local://me/calendars/Many%d", n))
		var events []string
		for i := range rapid.IntRange(1, 12).Draw(t, "events") {
			start := time.Date(2026, 10, rapid.IntRange(20, 29).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 30, 0, 0, time.UTC)
			end := start.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 30, 60, 2000, 9000}).Draw(t, "minutes")) * time.Minute)
			rule := rapid.SampledFrom([]string{"", "", "FREQ=HOURLY;INTERVAL=5", "FREQ=DAILY", "FREQ=WEEKLY;COUNT=2", "FREQ=MINUTELY;INTERVAL=170;COUNT=30"}).
				Draw(t, "rule")
			form := rapid.SampledFrom([]string{":20060102T150405Z", ":20060102T150405", ";TZID=Europe/Berlin:20060102T150405", ";VALUE=DATE:20060102"}).Draw(t, "form")
			if strings.Contains(form, "DATE") {
				end = end.AddDate(0, 0, 1)
				if strings.Contains(rule, "LY;INTERVAL") {
					rule = ""
				}
			}
			text := fmt.Sprintf("UID:%d\r\nSUMMARY:%d\r\nDTSTART%s\r\nDTEND%s", i, i, start.Format(form), end.Format(form))
			if rule != "" {
				if rapid.Bool().Draw(t, "moved") {
					moved := start.AddDate(0, 0, 3)
					events = append(events, fmt.Sprintf("UID:%d\r\nSUMMARY:moved\r\nRECURRENCE-ID%s\r\nDTSTART%s\r\nDTEND%s", i, start.Format(form), moved.Format(form),
						moved.Add(end.Sub(start)).Format(form)))
				}
				text += "\r\nRRULE:" + rule
			}
			events = append(events, text)
		}
		s.do("POST", "/v1/calendars/"+id+"/import", vevents(events...), "Content-Type", "text/calendar").is(200)
		path := "/v1/calendars/" + id + "/events?from=2026-10-22&to=2026-10-27&timezone=" +
			rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"}).Draw(t, "zone")
		whole := s.all(path, 200)
		for _, limit := range []int{3, 7} {
			if paged := s.all(path, limit); !slices.Equal(paged, whole) {
				t.Fatalf("by %d:\n%s\nwhole:\n%s", limit, strings.Join(paged, "\n"), strings.Join(whole, "\n"))
			}
		}
	})
}

// TestAPageCostsWhatIsOnIt lists a series of which the period has more instances than could be held, beside many others.
func TestAPageCostsWhatIsOnIt(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	events := []string{"SUMMARY:often\r\nDTSTART:20200101T000000Z\r\nDTEND:20200101T000100Z\r\nRRULE:FREQ=MINUTELY;INTERVAL=3"}
	for i := range 5 {
		events = append(events, fmt.Sprintf("SUMMARY:%d\r\nDTSTART:202001%02dT001500Z\r\nDTEND:202001%02dT003000Z\r\nRRULE:FREQ=HOURLY", i, i+1, i+1))
	}
	s.do("POST", "/v1/calendars/"+id+"/import", vevents(events...), "Content-Type", "text/calendar").is(200)
	path := "/v1/calendars/" + id + "/events?timezone=UTC&from=2021-01-01&to=2030-12-31&limit="
	allocated := func(path string) (a answer, bytes uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a = s.do("GET", path, nil).is(200)
		runtime.ReadMemStats(&after)
		return a, after.TotalAlloc - before.TotalAlloc
	}
	starts := func(a answer) (list []string) {
		for _, it := range a.items() {
			list = append(list, object(it)["start"].(string))
		}
		return list
	}
	one, _ := allocated(path + "1")
	if got := starts(one); !slices.Equal(got, []string{"2021-01-01T00:00:00Z"}) {
		t.Errorf("a page of one has %v", got)
	}
	// There are 25 an hour.
	page, bytes := allocated(path + "50")
	if got := starts(page); len(got) != 50 || got[0] != "2021-01-01T00:00:00Z" || got[49] != "2021-01-01T01:57:00Z" {
		t.Errorf("a page has %v", got)
	}
	next, more := allocated(path + "50&cursor=" + page.str("next"))
	if got := starts(next); len(got) != 50 || got[0] != "2021-01-01T02:00:00Z" || got[49] != "2021-01-01T03:57:00Z" {
		t.Errorf("the next page has %v", got)
	}
	far, most := allocated(path + "50&cursor=" + base64.RawURLEncoding.EncodeToString([]byte("2029-10-05T07:00:00\x00")))
	if got := starts(far); len(got) != 50 || got[0] != "2029-10-05T07:00:00Z" {
		t.Errorf("a page far behind has %v", got)
	}
	if most = max(most, bytes, more); most > 50<<20 {
		t.Errorf("a page took %d MB", most>>20)
	}
}

func TestAPageOfLongTextsIsShorter(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	var events []string
	for i := range 20 {
		events = append(events, fmt.Sprintf("SUMMARY:%s\r\nDTSTART:202610%02dT090000Z\r\nDTEND:202610%02dT100000Z", strings.Repeat("long", 100_000), i+1, i+1))
	}
	s.do("POST", "/v1/calendars/"+id+"/import", vevents(events...), "Content-Type", "text/calendar").is(200)
	path := "/v1/calendars/" + id + "/events?from=2026-10-01&to=2026-10-31"
	a := s.do("GET", path+"&limit=50", nil).is(200)
	if n := len(a.items()); n < 2 || n > 6 || a.str("next") == "" {
		t.Errorf("%d events of 400 KB are on a page, next is %q", n, a.str("next"))
	}
	if all := s.all(path, 50); len(all) != 20 {
		t.Errorf("%d events on all pages", len(all))
	}
}

// TestADayComesWhereItsZoneHasIt lists a day that begins, where the reader is, before events that are stored before it.
func TestADayComesWhereItsZoneHasIt(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	events := []string{"SUMMARY:day\r\nDTSTART;VALUE=DATE:20261023\r\nDTEND;VALUE=DATE:20261024"}
	for i := range 5 {
		events = append(events, fmt.Sprintf("SUMMARY:%d\r\nDTSTART:20261022T12%d000Z\r\nDTEND:20261022T130000Z", i, i))
	}
	s.do("POST", "/v1/calendars/"+id+"/import", vevents(events...), "Content-Type", "text/calendar").is(200)
	all := s.all("/v1/calendars/"+id+"/events?from=2026-10-22&to=2026-10-24&timezone=Pacific/Auckland", 1)
	if len(all) != 6 || !strings.Contains(all[0], `"subject":"day"`) {
		t.Errorf("listed are %v", all)
	}
}

func TestPickingPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.StringN(1, 2, -1), 0, 60).Draw(t, "items")
		size := func(item string) int { return int(item[0]) % 5 * pageBytes / 4 }
		in := Paging{Limit: rapid.IntRange(1, 10).Draw(t, "limit")}
		var got []string
		for range len(items) + 1 {
			p, err := newPicked[string](in)
			if err != nil {
				t.Fatal(err)
			}
			p.once = true
			for _, item := range items {
				p.add(item, item, size(item))
			}
			page, bytes := p.page().Body, 0
			for _, item := range page.Items {
				bytes += size(item)
			}
			if n := len(page.Items); n > in.Limit || n > 1 && bytes > pageBytes {
				t.Fatalf("%d items with %d bytes on a page of %d", n, bytes, in.Limit)
			}
			got = append(got, page.Items...)
			if in.Cursor = page.Next; in.Cursor == "" {
				break
			}
		}
		if want := slices.Compact(slices.Sorted(slices.Values(items))); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}
