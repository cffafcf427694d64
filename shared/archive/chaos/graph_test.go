package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

func TestAFirstArchive(t *testing.T) {
	const n = 300
	w := newWorld(t, graphsim.Options{})
	w.month(n)
	c := w.config(archive.AskOnDrift)
	r, result := w.archive(c)
	if r.State != run.Succeeded || !result.Balanced || result.Counts.Archived != n || result.Written != n {
		t.Fatalf("%s %+v", r.State, result)
	}
	cost := w.cost()
	if batches := (n + 19) / 20; cost.writes > batches || cost.reads > batches+3 || cost.others > 1 || cost.creates != n {
		t.Errorf("%+v, at most %d writes and %d reads are allowed", cost, batches, batches+3)
	}
	w.check(c)
	w.verify(c)
	w.polite()

	copies := map[string]graphsim.Stored{}
	for _, e := range w.copies() {
		copies[e.Subject] = e
	}
	for i := range n {
		source := meeting(i)
		e, ok := copies[source["subject"].(string)]
		if !ok {
			t.Errorf("there is no copy of %s", source["subject"])
			continue
		}
		start := source["start"].(object)
		if e.StartZone != start["timeZone"] || e.EndZone != start["timeZone"] {
			t.Errorf("%s is at %+v in %s to %s, the source at %v", e.Subject, e.Start, e.StartZone, e.EndZone, start)
		}
		if !slices.Equal(e.Categories, source["categories"].([]string)) || string(e.Sensitivity) != source["sensitivity"] ||
			string(e.Importance) != source["importance"] || e.ShowAs != calendar.Busy || e.Location != source["location"].(object)["displayName"] {
			t.Errorf("%s is %+v", e.Subject, e.Event)
		}
		if len(e.Attendees) != 0 || e.OnlineURL != "" {
			t.Errorf("%s has attendees %v", e.Subject, e.Attendees)
		}
		said := []string{fmt.Sprintf("Agenda %d", i), "Organizer: Olga", "olga@example.com", "Attendee: Ann", "ann@example.com", "accepted"}
		for _, s := range said {
			if !strings.Contains(e.Body.Content, s) {
				t.Errorf("the body of %s does not say %q: %s", e.Subject, s, e.Body.Content)
			}
		}
	}
}

// TestAnUnchangedNight costs at most 2 requests to Graph and 10 to the store.
func TestAnUnchangedNight(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(300)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	w.sim.ResetLog()
	r := w.start(c)
	var stored wiretest.Wire
	must(t, w.runner(stored.Table(w.Table), w.provider).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Succeeded || result.Counts.Unchanged != 300 || result.Written != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	requests := len(w.sim.Log())
	if requests > 2 || stored.Requests() > 10 {
		t.Errorf("%d requests to Graph and %d to the store, at most 2 and 10 are allowed", requests, stored.Requests())
	}
	t.Logf("%d requests to Graph, %d to the store", requests, stored.Requests())
	w.polite()
}

// TestAProcessThatDiesBeforeGraphAnswers leaves events of which nobody knows whether Graph wrote them. The next process finds them.
func TestAProcessThatDiesBeforeGraphAnswers(t *testing.T) {
	for _, nth := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("at the writing of batch %d", nth), func(t *testing.T) {
			sim := graphsim.New(graphsim.Options{})
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			deaf := &deafTransport{nth: nth}
			w := build(t, sim, server.URL, deaf, time.Now)
			w.month(50)
			c := w.config(archive.AskOnDrift)
			r := w.start(c)
			ctx, die := context.WithCancel(t.Context())
			defer die()
			deaf.die = die
			if err := w.runner(w.Table, w.provider).Run(ctx, r); err == nil {
				t.Fatal("the run did not notice that it died")
			}
			if got := len(w.copies()); got != min(nth*20, 50) {
				t.Fatalf("%d copies when the process died", got)
			}
			left, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
			must(t, err)
			w.connect() // a new process knows nothing of the old one's requests
			must(t, w.runner(w.Table, w.provider).Run(t.Context(), left))
			if r, result := w.result(r.ID); r.State != run.Succeeded || !result.Balanced || result.Counts.Archived != 50 || result.Written != 50 {
				t.Errorf("%s %+v", r.State, result)
			}
			if cost := w.cost(); cost.creates != 50 {
				t.Errorf("%d events were created, though some were there already", cost.creates)
			}
			w.check(c)
			w.verify(c)
			w.polite()
		})
	}
}

// TestACopyThatTheUserCopied: Outlook copies all properties, our mark among them, so that it is an event of the user's like any other.
func TestACopyThatTheUserCopied(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(3)
	c := w.config(archive.AskOnDrift)
	w.archive(c)
	copies := w.copies()
	pasted := meeting(100)
	pasted["singleValueExtendedProperties"] = []object{{"id": markID, "value": mark(&copies[0])}}
	w.put(pasted)
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Archived != 1 || result.Counts.Unchanged != 3 || result.Counts.Excluded != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	for _, e := range w.standing(c) {
		if e.Source.Mark != "" {
			t.Errorf("the ledger has %q as the mark of a source", e.Source.Mark)
		}
	}
	w.check(c)

	t.Run("and one that was moved from another month is our copy all the same", func(t *testing.T) {
		w := newWorld(t, graphsim.Options{})
		e := meeting(0)
		e["start"], e["end"] = at(october(-20, 9), "UTC"), at(october(-20, 10), "UTC")
		w.put(e)
		c := w.config(archive.AskOnDrift)
		r := w.newRun(c)
		r.From, r.To = r.From.AddDays(-30), r.From.AddDays(-1)
		r, _, err := run.NewStore(w.Table).Create(t.Context(), r)
		must(t, err)
		must(t, w.runner(w.Table, w.provider).Run(t.Context(), r))
		moved := w.copies()[0]
		must(t, w.sim.RemoveEvent(me, moved.ID))
		e = meeting(0)
		e["id"], e["singleValueExtendedProperties"] = moved.ID, []object{{"id": markID, "value": mark(&moved)}}
		w.put(e)
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Excluded != 1 || result.Counts.Archived != 0 {
			t.Errorf("%s %+v", r.State, result)
		}
	})
	t.Run("and one that was moved is our copy all the same", func(t *testing.T) {
		for i, at := range []int{0, 1900 + 200} { // at its time, and at another one of the window
			moved := w.copies()[i]
			must(t, w.sim.RemoveEvent(me, moved.ID))
			e := meeting(at)
			e["id"], e["subject"], e["singleValueExtendedProperties"] = moved.ID, "Moved", []object{{"id": markID, "value": mark(&moved)}}
			w.put(e)
		}
		r, result := w.archive(c)
		if r.State != run.Succeeded || result.Counts.Excluded != 2 || result.Counts.Archived != 0 || result.Counts.Unchanged != 4 {
			t.Errorf("%s %+v", r.State, result)
		}
		items, err := run.NewStore(w.Table).Items(t.Context(), r, 0)
		must(t, err)
		if !slices.ContainsFunc(items, func(it run.Item) bool { return strings.Contains(string(it.Plan), `"`+archive.ReasonOwnCopy+`"`) }) {
			t.Errorf("no item says %s", archive.ReasonOwnCopy)
		}
	})
}

// deafTransport calls die after the nth batch that writes was carried out, and does not return its answer.
type deafTransport struct {
	die context.CancelFunc
	nth int
}

func (d *deafTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/$batch") {
		return answer, err
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(strings.NewReader(string(text)))
	if !strings.Contains(string(text), `"status":201`) {
		return answer, nil
	}
	if d.nth--; d.nth != 0 {
		return answer, nil
	}
	d.die()
	return nil, errors.New("the process is dead")
}
