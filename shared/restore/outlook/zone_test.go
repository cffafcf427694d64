package outlook_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

var midnight = regexp.MustCompile(`"originalStart":"(\d{4}-\d\d-\d\d)T00:00:00Z"`)

// TestDaysOfTheFarEast has an all-day series that was made in Auckland, of which the service tells the original starts as Auckland's midnights: in summer
// these are 11:00 of the day before in UTC, nearer to that one's midnight than to their own.
func TestDaysOfTheFarEast(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		as := httptest.NewRecorder()
		w.sim.ServeHTTP(as, r)
		for name, values := range as.Header() {
			if name != "Content-Length" {
				answer.Header()[name] = values
			}
		}
		answer.WriteHeader(as.Code)
		_, _ = answer.Write(midnight.ReplaceAllFunc(as.Body.Bytes(), func(found []byte) []byte {
			day, _ := time.Parse(time.DateOnly, string(midnight.FindSubmatch(found)[1]))
			return []byte(`"originalStart":"` + day.Add(-13*time.Hour).Format(time.RFC3339) + `"`)
		}))
	}))
	defer server.Close()
	var err error
	w.graph, err = graph.New(graph.Options{BaseURL: server.URL + "/v1.0", Token: "token", Clock: time.Now})
	must(t, err)

	work, copied := uri(calendar.ProviderGraph, "Work"), uri(calendar.ProviderGraph, "Copy")
	info, err := w.graph.CreateCalendar(t.Context(), work)
	must(t, err)
	day := func(date string) calendar.DateTime {
		return calendar.DateTime{Local: date + "T00:00:00", Zone: "Pacific/Auckland"}
	}
	bins := calendar.Draft{
		Mark: "m", Subject: "Bins", Start: day("2027-01-04"), End: day("2027-01-05"), AllDay: true,
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;BYDAY=MO;COUNT=6"}},
	}
	made, err := w.graph.Create(t.Context(), me, info.ID, []calendar.Draft{bins})
	must(t, err)
	must(t, made[0].Err)
	instances, err := w.graph.Instances(t.Context(), me, info.ID, made[0].ID, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	if len(instances) != 6 {
		t.Fatalf("%d instances", len(instances))
	}
	changed := calendar.Draft{Mark: "m2", Subject: "Bins and paper", Start: day("2027-01-12"), End: day("2027-01-13"), AllDay: true}
	updated, err := w.graph.Update(t.Context(), me, info.ID, []calendar.Update{{ID: instances[1].ID, Draft: changed}})
	must(t, err)
	must(t, updated[0].Err)
	_, err = w.graph.Delete(t.Context(), me, info.ID, []string{instances[3].ID})
	must(t, err)

	first := w.backUp(work)
	if kept := w.keptOf(info.ID); len(kept) != 1 || len(kept[0].Exceptions) != 1 || kept[0].Exceptions[0].OriginalStart.Format(time.DateOnly) != "2027-01-11" {
		t.Errorf("%+v", kept)
	}
	for _, into := range []calendar.URI{copied, uri(calendar.ProviderLocal, "Copy")} {
		if r, result := w.restore(first, into, restore.Skip); r.State != run.Succeeded || result.Counts.Created != 1 {
			t.Errorf("%s %+v %+v", r.State, result, w.entries(r))
		}
		if diff := cmp.Diff(w.canonical(first), w.canonical(w.backUp(into))); diff != "" {
			t.Errorf("%s (-calendar +copy):\n%s", into, diff)
		}
	}
}
