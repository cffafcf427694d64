package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/limit"
)

// small is a process of 32 MB: a body may have 128 KB there, an answer 1 MB, a file 2 MB of events.
func small(_ *service, s *Services) { s.Memory = limit.Megabytes(32) }

func TestBodiesFollowTheMemory(t *testing.T) {
	s := newService(t, small)
	blank := func(n int) string { return `{"uri": "local://me/calendars/X"}` + strings.Repeat(" ", n-33) }
	s.do("POST", "/v1/calendars", blank(128<<10+1)).problem(413, codeTooLarge, "")
	s.do("POST", "/v1/calendars", blank(128<<10)).is(201)
}

func TestImportsFollowTheMemory(t *testing.T) {
	file := func(n int) string {
		var events []string
		for i := range n {
			events = append(events, fmt.Sprintf("SUMMARY:%d\r\nDTSTART:20261020T%02d0000Z", i, i%24))
		}
		return vevents(events...)
	}
	for _, s := range []*service{newService(t), newService(t, small)} {
		id := s.calendar(seeded)
		a := s.do("POST", "/v1/calendars/"+id+"/import", file(4000), "Content-Type", "text/calendar")
		if s.services.Memory == 0 {
			a.is(200)
			continue
		}
		a.problem(422, "invalid", "")
		if detail := a.str("detail"); !strings.Contains(detail, "more than 2 MB of events") || !strings.Contains(detail, "split it") {
			t.Errorf("the answer says %q", detail)
		}
		if events := s.all("/v1/calendars/"+id+"/events?from=2026-10-01&to=2026-10-31", 50); len(events) > 0 {
			t.Errorf("%d events were imported all the same", len(events))
		}
	}
}

// TestWholeAnswersFollowTheMemory asks for what is made as a whole before it is sent.
func TestWholeAnswersFollowTheMemory(t *testing.T) {
	s := newService(t, small)
	id := s.calendar(seeded)
	var events []string
	for i := range 12 {
		events = append(events, fmt.Sprintf("SUMMARY:%s\r\nDTSTART:202610%02dT090000Z", strings.Repeat("x", 90_000), i+1))
	}
	export := "/v1/calendars/" + id + "/export"
	s.do("POST", "/v1/calendars/"+id+"/import", vevents(events[:6]...), "Content-Type", "text/calendar").is(200)
	s.do("GET", export, nil).is(200)
	s.do("POST", "/v1/calendars/"+id+"/import", vevents(events...), "Content-Type", "text/calendar").is(200)
	s.do("GET", export, nil).problem(422, codeAnswerTooLarge, "")

	config := s.do("POST", "/v1/archive-configs", config("work", nil)).is(201).str("id")
	r := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": config, "period": "last week"}).is(202).str("id")
	plan := "/v1/runs/" + r + "/plan"
	planOf := func(bytes int) *strings.Reader {
		text, err := json.Marshal(planDocument{
			Items: []planItem{}, Overlaps: []planOverlap{}, Actions: []planAction{}, Issues: []string{""},
		})
		check(t, err)
		before, after, _ := strings.Cut(string(text), `"issues":["`)
		before += `"issues":["`
		return strings.NewReader(before + strings.Repeat("x", bytes-len(text)) + after)
	}
	check(t, s.services.Blobs.Put(t.Context(), archive.PlanKey(r), planOf(1<<20)))
	s.do("GET", plan, nil).is(200)
	check(t, s.services.Blobs.Put(t.Context(), archive.PlanKey(r), planOf(1<<20+1)))
	s.do("GET", plan, nil).problem(422, codeAnswerTooLarge, "")

	tiny := newService(t, func(_ *service, s *Services) { s.Memory = 64 << 10 }) // an answer may have 2 KB
	for i := range 10 {
		tiny.calendar(fmt.Sprintf("local://me/calendars/%d", i))
	}
	tiny.do("GET", "/v1/audit/export", nil).problem(422, codeAnswerTooLarge, "")
	tiny.do("GET", "/v1/audit/export?action=run", nil).is(200)
}

// TestAnswersThatArePassedOnNowhereAreNotKept looks at what is held of an answer that is too large.
func TestAnswersThatArePassedOnNowhereAreNotKept(t *testing.T) {
	var held *buffered
	api := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		held = w.(*buffered)
		for range 100 {
			if n, err := w.Write(make([]byte, 1000)); n != 1000 || err != nil {
				t.Error(n, err)
			}
		}
	})
	for most, want := range map[int]int{99_999: 422, 100_000: 200} {
		w := httptest.NewRecorder()
		LimitAnswers(api, most).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != want || held.body.Len() > most+1 {
			t.Errorf("of at most %d: answered %d, %d bytes kept", most, w.Code, held.body.Len())
		}
	}
}
