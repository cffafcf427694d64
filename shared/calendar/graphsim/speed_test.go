package graphsim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Many clients at once, and changes from outside: each create takes effect once, and nobody sees half of anything.
func TestManyClientsAtOnce(t *testing.T) {
	sim, c := start(t, Options{Queue: true, Faults: []Fault{{Kind: FaultTimeout, When: After, Probability: 0.1, Seed: 5},
		{Kind: FaultUnavailable, Probability: 0.1, Seed: 6}}})
	const clients, each = 8, 20
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			for j := range each {
				body := draft(fmt.Sprint(i, " ", j), "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", fmt.Sprintf(`"%d-%d"`, i, j))
				for c.do("POST", "/me/events", body).status != http.StatusCreated {
				}
				c.do("GET", "/me/calendarView?$top=5&"+october, "")
				c.do("POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/events?$top=2"},{"id":"2","method":"GET","url":"/me/calendars"}]}`)
			}
		})
	}
	group.Go(func() {
		for range 50 {
			id, err := sim.PutEvent(user, "", []byte(draft("outside", "2026-10-06T09:00:00", "2026-10-06T10:00:00")))
			if err == nil {
				err = sim.RemoveEvent(user, id)
			}
			if err != nil {
				t.Error(err)
			}
			if err := sim.SaveFile(t.TempDir() + "/state"); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	events, err := sim.Events(user, "")
	if err != nil || len(events) != clients*each {
		t.Errorf("%d events, %v", len(events), err)
	}
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.Subject] {
			t.Errorf("%s is there twice", e.Subject)
		}
		seen[e.Subject] = true
	}
	sim.AssertNobodyInvited(t)
}

func BenchmarkAPageOf500Among5000Events(b *testing.B) {
	sim, c := start(b, Options{})
	for i := range 5000 {
		body := `{"contentType":"html","content":"` + strings.Repeat("<p>x</p>", 100) + `"}`
		if _, err := sim.PutEvent(user, "", []byte(draft(fmt.Sprint(i), "2026-10-05T09:00:00", "2026-10-05T10:00:00", "body", body))); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		c.do("GET", "/me/calendarView?$top=500&$select=subject,start,end,changeKey&"+october, "").is(200)
	}
}

func BenchmarkABatchOf20Creates(b *testing.B) {
	_, c := start(b, Options{Limits: Limits{Requests: 1 << 40, Uploads: 1 << 40}})
	for i := 0; b.Loop(); i++ {
		c.do("POST", "/$batch", batchOf(20, fmt.Sprint(i, "-"))).is(200)
	}
}
