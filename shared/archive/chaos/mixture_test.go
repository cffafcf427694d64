package chaos_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

// mixture fills Work with 300 events of all outcomes that a plan has for new events: archived, merged, absorbed, superseded, conflicted and
// excluded. Some have no category, are cancelled or free, or begin before the window; some texts have a preview and some have none.
func (w *world) mixture() {
	w.t.Helper()
	for i := range 300 {
		e := meeting(i)
		switch i % 10 {
		case 1:
			delete(e, "categories")
		case 2: // a duplicate of the one before
			e = meeting(i - 1)
			e["body"] = object{"contentType": "text", "content": "listed twice"}
		case 3:
			e["showAs"] = "free"
		case 9:
			e["isCancelled"] = true
		case 5: // belongs to the one before it in time
			start := meeting(i - 1)["end"].(object)["dateTime"].(string)
			at, err := time.Parse(wall, start)
			must(w.t, err)
			zone := meeting(i - 1)["end"].(object)["timeZone"].(string)
			e["subject"], e["start"] = "Extended", object{"dateTime": start, "timeZone": zone}
			e["end"] = object{"dateTime": at.Add(5 * time.Minute).Format(wall), "timeZone": zone}
			e["categories"] = meeting(i - 1)["categories"]
		case 6: // at the time of another
			e["start"], e["end"] = meeting(i - 6)["start"], meeting(i - 6)["end"]
			e["importance"] = "low"
		case 7:
			e["categories"] = []string{"Acme"}
		case 8:
			e["body"] = object{"contentType": "html", "content": `<html><body><img src="https://example.com/plan.png"></body></html>`}
		}
		w.put(e)
	}
	night := meeting(0)
	night["start"], night["end"] = at(time.Date(2026, 9, 30, 20, 0, 0, 0, time.UTC), "UTC"), at(time.Date(2026, 10, 1, 4, 0, 0, 0, time.UTC), "UTC")
	night["subject"] = "Night shift"
	w.put(night)
}

// TestAnUnchangedNightOfAllKindsOfEvents may cost 2 requests to Graph and 10 to the store, whatever becomes of the events.
func TestAnUnchangedNightOfAllKindsOfEvents(t *testing.T) {
	for _, purpose := range []archive.Purpose{archive.General, archive.Timesheet} {
		for _, policy := range []archive.Policy{archive.Keep, archive.Ask, archive.Resolve} {
			t.Run(fmt.Sprintf("%s, %s", purpose, policy), func(t *testing.T) {
				w := newWorld(t, graphsim.Options{})
				w.mixture()
				c, err := w.configs(w.Table).Create(t.Context(), user, archive.Config{
					Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: purpose, Overlaps: policy,
					OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
				})
				must(t, err)
				_, first := w.archive(c)
				n := first.Counts
				if n.Absorbed == 0 || n.Merged == 0 || n.Excluded == 0 || n.Archived == 0 || policy == archive.Resolve && n.Superseded == 0 {
					t.Errorf("there is not all in the mixture: %+v", first.Counts)
				}
				w.sim.ResetLog()
				r := w.start(c)
				var stored wiretest.Wire
				must(t, w.runner(stored.Table(w.Table), w.provider).Run(t.Context(), r))
				r, result := w.result(r.ID)
				if r.State != run.Succeeded || result.Written != 0 || result.Counts.Archived+result.Counts.Drifted != 0 || result.Counts.Unchanged != n.Archived {
					t.Errorf("%s %+v after %+v", r.State, result, first)
				}
				if requests := len(w.sim.Log()); requests > 2 || stored.Requests() > 10 {
					t.Errorf("%d requests to Graph and %d to the store, at most 2 and 10 are allowed", requests, stored.Requests())
				}
				w.check(c)
			})
		}
	}
}

// TestABodyWithoutText is kept: that of a picture has an empty preview.
func TestABodyWithoutText(t *testing.T) {
	const picture = `<html><body><img src="https://example.com/plan.png"></body></html>`
	w := newWorld(t, graphsim.Options{})
	e := meeting(1)
	e["body"] = object{"contentType": "html", "content": picture}
	w.put(e)
	empty := meeting(5)
	empty["body"], empty["attendees"], empty["organizer"] = object{"contentType": "html", "content": ""}, []object{}, nil
	delete(empty, "organizer")
	w.put(empty)
	c := w.config(archive.AskOnDrift)
	if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Archived != 2 {
		t.Fatalf("%s %+v", r.State, result)
	}
	copies := w.copies()
	if !slices.ContainsFunc(copies, func(e graphsim.Stored) bool {
		return strings.Contains(e.Body.Content, `src="https://example.com/plan.png"`)
	}) {
		t.Errorf("the picture is in no copy: %+v", copies)
	}
	from := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(t.Context(), c.ID, from, from.AddDate(0, 3, 0))
	must(t, err)
	if !slices.ContainsFunc(entries, func(e ledger.Entry) bool {
		return strings.Contains(e.Source.Body.Content, "plan.png") && e.BodyDigest != ""
	}) {
		t.Error("the picture is not in the ledger")
	}
	w.sim.ResetLog()
	if _, result := w.archive(c); result.Counts.Unchanged != 2 || len(w.sim.Log()) > 2 {
		t.Errorf("the night after: %+v with %d requests", result, len(w.sim.Log()))
	}
}

// TestADryRunAfterARunThatFailedWritesNothing follows a run whose token expired in the middle.
func TestADryRunAfterARunThatFailedWritesNothing(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(2)
	c := w.config(archive.AskOnDrift)
	// The first batch reads texts, since there are few. The second one writes.
	must(t, w.sim.SetFaults(graphsim.Fault{Method: http.MethodPost, Path: "/$batch", Kind: graphsim.FaultExpired, Nth: 2}))
	r := w.start(c)
	err := w.runner(w.Table, w.provider).Run(t.Context(), r)
	if fault.Of(err) != fault.Unauthenticated {
		t.Fatalf("error %v", err)
	}
	must(t, run.NewStore(w.Table).Finish(t.Context(), r, run.Failed, w.clock()))
	must(t, w.sim.SetFaults())
	w.connect()
	before := w.sim.Changes()
	dry := w.newRun(c)
	dry.Options.DryRun = true
	dry, _, err = run.NewStore(w.Table).Create(t.Context(), dry)
	must(t, err)
	must(t, w.runner(w.Table, w.provider).Run(t.Context(), dry))
	r, result := w.result(dry.ID)
	if r.State != run.Succeeded || result.Unsettled != 2 || result.Counts.Archived != 2 || result.Link != "" || w.sim.Changes() != before {
		t.Errorf("%s %+v, %d changes", r.State, result, w.sim.Changes()-before)
	}
	if _, result := w.archive(c); result.Counts.Unchanged != 2 || len(w.copies()) != 2 {
		t.Errorf("the run after: %+v, %d copies", result, len(w.copies()))
	}
	w.check(c)
	w.verify(c)
}

// TestAPageThatFailsIsReadAlone: the window is not read again from its first page.
func TestAPageThatFailsIsReadAlone(t *testing.T) {
	reads := func(faults ...graphsim.Fault) int {
		w := newWorld(t, graphsim.Options{})
		w.month(300)
		c := w.config(archive.AskOnDrift)
		must(t, w.sim.SetFaults(faults...))
		if r, result := w.archive(c); r.State != run.Succeeded || result.Counts.Archived != 300 {
			t.Fatalf("%s %+v", r.State, result)
		}
		return w.cost().reads
	}
	smooth := reads()
	// The listing is one page, and the texts are several pages. The last of those fails once.
	page := graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultUnavailable, RetryAfter: "0.01", Nth: smooth - 3}
	if bumpy := reads(page); bumpy != smooth+1 {
		t.Errorf("%d reads, and %d where one page failed", smooth, bumpy)
	}
}
