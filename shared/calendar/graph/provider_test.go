package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/providertest"
	"adminassistant/shared/fault"
)

const me = "me@example.com"

// world is a simulator with one mailbox, and a Provider that talks to it over HTTP.
type world struct {
	*Provider
	t   testing.TB
	sim *graphsim.Server
	url string
}

func newWorld(t testing.TB, options graphsim.Options, change func(*Options)) *world {
	t.Helper()
	sim := graphsim.New(options)
	if err := sim.AddMailbox(graphsim.Mailbox{ID: me, TimeZone: "Europe/Berlin"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		sim.AssertNobodyInvited(t)
		if n := sim.MaxInFlight(me); n > 4 {
			t.Errorf("%d requests were in flight at once", n)
		}
	})
	o := Options{BaseURL: server.URL + "/v1.0", Token: "secret-token", PageSize: 7}
	if change != nil {
		change(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &world{Provider: p, t: t, sim: sim, url: o.BaseURL}
}

// archive makes a calendar and forgets the requests that it took.
func (w *world) archive() string {
	w.t.Helper()
	info, err := w.CreateCalendar(w.t.Context(), calendar.URI{Provider: calendar.ProviderGraph, Account: me, Calendar: "Archive"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.sim.ResetLog()
	return info.ID
}

func (w *world) faults(faults ...graphsim.Fault) {
	w.t.Helper()
	if err := w.sim.SetFaults(faults...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) subjects(id string) []string {
	w.t.Helper()
	w.faults()
	events, err := w.Events(w.t.Context(), me, id, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	if err != nil {
		w.t.Fatal(err)
	}
	list := []string{}
	for _, e := range events {
		list = append(list, e.Subject)
	}
	slices.Sort(list)
	return list
}

func numbered(n int) []calendar.Draft {
	drafts := make([]calendar.Draft, n)
	for i := range drafts {
		at := now.Add(time.Duration(i) * time.Hour)
		drafts[i] = calendar.Draft{
			Mark: fmt.Sprintf("mark-%03d", i), TransactionID: fmt.Sprintf("transaction-%03d", i), Subject: fmt.Sprintf("Event %03d", i),
			Body:  calendar.Body{ContentType: "html", Content: fmt.Sprintf("<p>Text %03d</p>", i)},
			Start: calendar.DateTime{Local: at.Format(wallTime), Zone: "UTC"}, End: calendar.DateTime{Local: at.Add(time.Hour).Format(wallTime), Zone: "UTC"},
		}
	}
	return drafts
}

func TestContract(t *testing.T) {
	for name, tt := range map[string]struct {
		options graphsim.Options
		kept    int
	}{
		"as the service is":        {},
		"zones as written":         {graphsim.Options{ZonesAsWritten: true}, 100},
		"a repeated create is 200": {graphsim.Options{RepeatStatus: http.StatusOK, DuplicateStatus: http.StatusBadRequest}, 100},
		"text becomes HTML":        {graphsim.Options{TextBecomesHTML: true}, 100},
	} {
		t.Run(name, func(t *testing.T) { contract(t, tt.options, tt.kept) })
	}
}

// TestContractWithSwitches runs the contract with every switch alone and with random sets, but for loose ones.
func TestContractWithSwitches(t *testing.T) {
	sets := graphsim.EachSwitch()
	for seed := range uint64(5) {
		sets = append(sets, graphsim.RandomSwitches(rand.New(rand.NewPCG(seed, 0)), 0.4))
	}
	for _, set := range sets {
		if set.Loose() {
			continue
		}
		t.Run(set.String(), func(t *testing.T) { contract(t, graphsim.Options{Switches: set}, 100) })
	}
}

func contract(t *testing.T, options graphsim.Options, kept int) {
	on := func(name string) bool { _, on := options.Switches[name]; return on }
	providertest.Run(t, func(t *testing.T) providertest.Fixture {
		clock := &jumping{}
		if len(options.Switches) > 0 {
			options.Clock = clock
		}
		w := newWorld(t, options, nil)
		var p calendar.Provider = w.Provider
		if len(options.Switches) > 0 {
			p = newStubborn(w.Provider, clock)
		}
		return providertest.Fixture{
			Provider: p, Scheme: calendar.ProviderGraph, Account: me, Kept: kept,
			NoUIDs: options.Switches["icaluid"] == "null", KeysChange: on("bump_keys"), Withholds: on("body_404"),
			Add: func(t *testing.T, calendarID string, events ...calendar.Event) {
				if err := w.sim.Seed(me, calendarID, events); err != nil {
					t.Fatal(err)
				}
				clock.jump(time.Minute)
			},
			Duplicate: func(t *testing.T, name string) string {
				id, err := w.sim.AddCalendar(me, graphsim.Calendar{Name: name})
				if err != nil {
					t.Fatal(err)
				}
				return id
			},
		}
	})
}

func TestEveryRequestAsksForImmutableIDsAndUTC(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	ctx := t.Context()
	results, err := w.Create(ctx, me, id, numbered(3))
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{results[0].ID, results[1].ID}
	_, _ = w.Events(ctx, me, id, now, now.AddDate(0, 0, 7))
	_, _ = w.Bodies(ctx, me, id, ids, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	_, _ = w.Marked(ctx, me, id, []string{"mark-000"})
	_ = w.Marks(ctx, me, id, func(string, string) error { return nil })
	_ = w.Kept(ctx, me, id, func(calendar.Kept) error { return nil })
	_, _ = w.Calendars(ctx, me)
	_, _ = w.Categories(ctx, me)
	_, _ = w.MailboxZone(ctx, me)
	_, _ = w.Update(ctx, me, id, []calendar.Update{{ID: ids[0], Draft: numbered(1)[0]}})
	_, _ = w.Delete(ctx, me, id, ids)
	_ = w.DiscardCalendar(ctx, me, id)
	requests := 0
	for _, e := range w.sim.Log() {
		each := e.Sub
		if e.Path != "/v1.0/$batch" {
			each = []graphsim.Entry{e}
		}
		for _, one := range each {
			requests++
			if got := one.Headers["Prefer"]; got != `IdType="ImmutableId", outlook.timezone="UTC"` {
				t.Errorf("%s %s prefers %q", one.Method, one.Path, got)
			}
			if one.Status >= 400 {
				t.Errorf("%s %s?%s is answered %d", one.Method, one.Path, one.Query, one.Status)
			}
		}
	}
	if requests != 17 {
		t.Errorf("there were %d requests, want 17", requests)
	}
}

func TestAListingIsLightAndReadToItsEnd(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	if _, err := w.Create(t.Context(), me, id, numbered(30)); err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	w.faults(graphsim.Fault{Path: "/users/*/calendars/*/calendarView", Kind: graphsim.FaultRepeat})
	events, err := w.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7))
	if err != nil || len(events) != 30 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, e := range events {
		if e.Body != (calendar.Body{}) || e.Mark == "" || e.ChangeKey == "" || e.BodyPreview == "" {
			t.Errorf("event is %+v", e)
		}
	}
	log := w.sim.Log()
	if len(log) != 5 || !strings.Contains(log[0].Query, "$top=7") || strings.Contains(log[0].Query, "body,") {
		t.Errorf("%d requests, the first one is %s", len(log), log[0].Query)
	}
}

func TestAFailedPageFailsTheRead(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault graphsim.Fault
		kind  fault.Kind
		wait  time.Duration
	}{
		{"throttled", graphsim.Fault{Kind: graphsim.FaultThrottle, RetryAfter: "1.5"}, fault.Throttled, 1500 * time.Millisecond},
		{"unavailable", graphsim.Fault{Kind: graphsim.FaultUnavailable, RetryAfter: "120"}, fault.Unavailable, 2 * time.Minute},
		{"cut", graphsim.Fault{Kind: graphsim.FaultCut}, fault.Unavailable, 0},
		{"cut in the middle", graphsim.Fault{Kind: graphsim.FaultCut, When: graphsim.During}, fault.Unavailable, 0},
		{"an expired token", graphsim.Fault{Kind: graphsim.FaultExpired}, fault.Unauthenticated, 0},
		{"a link to another host", graphsim.Fault{Kind: graphsim.FaultForeignLink}, fault.Internal, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, nil)
			id := w.archive()
			if _, err := w.Create(t.Context(), me, id, numbered(20)); err != nil {
				t.Fatal(err)
			}
			w.sim.ResetLog()
			tt.fault.Path, tt.fault.Nth = "/users/*/calendars/*/calendarView", 2
			w.faults(tt.fault)
			events, err := w.Events(t.Context(), me, id, now, now.AddDate(0, 0, 7))
			f := new(Failure)
			errors.As(err, &f)
			if err == nil || len(events) > 0 || fault.Of(err) != tt.kind || f.RetryAfter() != tt.wait {
				t.Errorf("%d events, error %v of kind %s after %s, want %s after %s", len(events), err, fault.Of(err), f.RetryAfter(), tt.kind, tt.wait)
			}
			if n := len(w.sim.Log()); n != 2 {
				t.Errorf("there were %d requests, want 2: one that failed is not repeated", n)
			}
			if err != nil && (strings.Contains(err.Error(), "secret-token") || strings.Contains(err.Error(), "Event 0") ||
				strings.Contains(err.Error(), "calendarView")) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

func TestNothingPassesForAnEmptyCalendar(t *testing.T) {
	for name, answer := range map[string]string{
		"no value":            `{}`,
		"null":                `{"value":null}`,
		"an object":           `{"value":{}}`,
		"not JSON":            `<html>Sign in to the hotel's network</html>`,
		"nothing":             ``,
		"pages in a circle":   `{"value":[],"@odata.nextLink":"/v1.0/next"}`,
		"an event without id": `{"value":[{"subject":"Secret"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, answer)
			}))
			defer server.Close()
			p, err := New(Options{BaseURL: server.URL + "/v1.0", Token: "t"})
			if err != nil {
				t.Fatal(err)
			}
			if events, err := p.Events(t.Context(), me, "c", now, now.Add(time.Hour)); err == nil {
				t.Errorf("it is mistaken for %d events", len(events))
			}
			if list, err := p.Calendars(t.Context(), me); name != "an event without id" && err == nil {
				t.Errorf("it is mistaken for %d calendars", len(list))
			}
			if found, err := p.Marked(t.Context(), me, "c", []string{"m"}); err == nil {
				t.Errorf("it is mistaken for %d copies", len(found))
			}
		})
	}
}

func TestTheTokenGoesToOneHostAlone(t *testing.T) {
	var stolen atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stolen.Add(1) }))
	defer elsewhere.Close()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"a moved answer": func(w http.ResponseWriter) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusFound)
		},
		"a next link": func(w http.ResponseWriter) {
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":%q}`, elsewhere.URL+"/v1.0/x")
		},
		"a link of no host": func(w http.ResponseWriter) { fmt.Fprintf(w, `{"value":[],"@odata.nextLink":%q}`, "file:///etc/passwd") },
		"no link at all":    func(w http.ResponseWriter) { fmt.Fprint(w, `{"value":[],"@odata.nextLink":"http://%zz"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w) }))
			defer server.Close()
			p, err := New(Options{BaseURL: server.URL + "/v1.0", Token: "t"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Calendars(t.Context(), me); fault.Of(err) != fault.Internal {
				t.Errorf("error is %v of kind %s, want internal", err, fault.Of(err))
			}
			if n := stolen.Load(); n != 0 {
				t.Errorf("%d requests went elsewhere", n)
			}
		})
	}
}

func TestARequestHasADeadlineOfItsOwn(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	p, err := New(Options{BaseURL: server.URL, Token: "t", Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.Calendars(t.Context(), me); fault.Of(err) != fault.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v of kind %s, want unavailable", err, fault.Of(err))
	}
}

func TestABatchThatIsNotAnsweredIsUnavailableAndIsNotRepeated(t *testing.T) {
	for _, f := range []graphsim.Fault{
		{Kind: graphsim.FaultCut}, {Kind: graphsim.FaultCut, When: graphsim.After}, {Kind: graphsim.FaultCut, When: graphsim.During},
		{Kind: graphsim.FaultTimeout}, {Kind: graphsim.FaultTimeout, When: graphsim.After}, {Kind: graphsim.FaultUnavailable, RetryAfter: "1"},
		{Kind: graphsim.FaultThrottle},
	} {
		t.Run(f.Kind+" "+f.When, func(t *testing.T) {
			w := newWorld(t, graphsim.Options{}, func(o *Options) { o.Budgets = NewBudgets(Limits{Grace: 10 * time.Millisecond}, time.Now, nil) })
			id := w.archive()
			f.Path, f.Nth = "/$batch", 1
			w.faults(f)
			_, err := w.Create(t.Context(), me, id, numbered(5))
			if !fault.Of(err).Transient() || err == nil {
				t.Fatalf("error is %v of kind %s, want a transient one", err, fault.Of(err))
			}
			if n := len(w.sim.Log()); n != 1 {
				t.Errorf("there were %d requests, want 1", n)
			}
			// The caller asks what became of it, and repeats the writes of what is not there.
			found, err := w.Marked(t.Context(), me, id, []string{"mark-000", "mark-001", "mark-002", "mark-003", "mark-004"})
			if want := map[bool]int{true: 5}[f.When != ""]; err != nil || len(found) != want {
				t.Fatalf("%d copies are there, %v, want %d", len(found), err, want)
			}
			results, err := w.Create(t.Context(), me, id, numbered(5))
			for _, r := range results {
				err = cmp.Or(err, r.Err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := w.subjects(id); len(got) != 5 {
				t.Errorf("there are %q", got)
			}
		})
	}
}

func TestWhatWasAnsweredBeforeAFailureIsKnown(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	w.faults(graphsim.Fault{Path: "/$batch", Nth: 2, Kind: graphsim.FaultThrottle, RetryAfter: "3"})
	results, err := w.Create(t.Context(), me, id, numbered(50))
	if err != nil || len(results) != 50 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, r := range results {
		f := new(Failure)
		if i < 20 && (r.Err != nil || r.ID == "") || i >= 20 && (fault.Of(r.Err) != fault.Throttled || !errors.As(r.Err, &f) || f.RetryAfter() != 3*time.Second) {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if n := len(w.sim.Log()); n != 2 {
		t.Errorf("there were %d requests, want 2", n)
	}

	w.faults(graphsim.Fault{Path: "/$batch", Nth: 2, Kind: graphsim.FaultExpired})
	if _, err := w.Create(t.Context(), me, id, numbered(50)); fault.Of(err) != fault.Unauthenticated {
		t.Errorf("an expired token in the middle is %v", err)
	}
}

func TestEachEventOfABatchHasItsOwnOutcome(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	events := "/users/*/calendars/*/events"
	w.faults(
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultThrottle, RetryAfter: "0.5"},
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultThrottle},
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultError, Status: 403, Code: "ErrorAccessDenied"},
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultError, Status: 500, Code: "ErrorInternalServerError"},
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultError, Status: 424, Code: "FailedDependency"},
		graphsim.Fault{Path: events, Scope: "sub", Nth: 1, Kind: graphsim.FaultTimeout, When: graphsim.After},
	)
	drafts := numbered(10)
	drafts[9].Body.Content = strings.Repeat("x", 5<<20)
	drafts[8].Start.Zone = "Mars/Olympus"
	results, err := w.Create(t.Context(), me, id, drafts)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range results {
		if (r.Err == nil) == (r.ID == "") {
			t.Errorf("result is %+v", r)
		}
		kind := ""
		if r.Err != nil {
			kind = fault.Of(r.Err).String()
		}
		kinds[kind]++
	}
	want := map[string]int{"": 2, "throttled": 2, "forbidden": 1, "unavailable": 3, "invalid": 2}
	if d := gocmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	if got := len(w.subjects(id)); got != 3 {
		t.Errorf("there are %d events, want 3", got)
	}
	if got := w.Stats(); got.Throttled != 2 || got.SubRequests != 8 || got.Up == 0 || got.Down == 0 {
		t.Errorf("stats are %+v", got)
	}
}

func TestATransactionIDThatWasUsedBefore(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusConflict} {
		for _, named := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, existing event named: %t", status, named), func(t *testing.T) {
				w := newWorld(t, graphsim.Options{DuplicateStatus: status, TellExisting: named}, nil)
				id := w.archive()
				first, err := w.Create(t.Context(), me, id, numbered(2))
				if err != nil {
					t.Fatal(err)
				}
				t.Run("the same content is done", func(t *testing.T) {
					repeated, err := w.Create(t.Context(), me, id, numbered(3))
					if err != nil || repeated[0].ID != first[0].ID || repeated[1].ID != first[1].ID || repeated[2].Err != nil {
						t.Errorf("results are %+v, %v", repeated, err)
					}
				})
				t.Run("other content is put right", func(t *testing.T) {
					changed := numbered(1)
					changed[0].Subject = "Event changed"
					repeated, err := w.Create(t.Context(), me, id, changed)
					if err != nil || repeated[0].Err != nil || repeated[0].ID != first[0].ID || repeated[0].ChangeKey == first[0].ChangeKey {
						t.Errorf("results are %+v, %v", repeated, err)
					}
				})
				t.Run("it is there also when putting it right is refused", func(t *testing.T) {
					w.faults(graphsim.Fault{Method: http.MethodPatch, Scope: "sub", Kind: graphsim.FaultError, Status: http.StatusBadRequest, Code: "ErrorInvalidRequest"})
					changed := numbered(2)
					changed[1].Subject = "Event refused"
					repeated, err := w.Create(t.Context(), me, id, changed[1:])
					if err != nil || repeated[0].Err != nil || repeated[0].ID != first[1].ID {
						t.Errorf("results are %+v, %v", repeated, err)
					}
					w.faults()
				})
				t.Run("somebody else's event is left alone", func(t *testing.T) {
					other := numbered(2)
					other[1].Mark, other[1].Subject = "another mark", "Not this"
					repeated, err := w.Create(t.Context(), me, id, other[1:])
					if err != nil || fault.Of(repeated[0].Err) != fault.Conflict || repeated[0].ID != "" {
						t.Errorf("results are %+v, %v", repeated, err)
					}
				})
				if d := gocmp.Diff([]string{"Event 001", "Event 002", "Event changed"}, w.subjects(id)); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestACommitThatCannotBeSeenYetIsSettledByItsTransactionID(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	w.faults(graphsim.Fault{Path: "/users/*/calendars/*/events", Method: "POST", Nth: 1, Kind: graphsim.FaultLate})
	results, err := w.Create(t.Context(), me, id, numbered(1))
	if err != nil || fault.Of(results[0].Err) != fault.Unavailable {
		t.Fatalf("results are %+v, %v", results, err)
	}
	if found, err := w.Marked(t.Context(), me, id, []string{"mark-000"}); err != nil || len(found) != 0 {
		t.Fatalf("found %v, %v", found, err)
	}
	if results, err = w.Create(t.Context(), me, id, numbered(1)); err != nil || results[0].Err != nil {
		t.Fatalf("results are %+v, %v", results, err)
	}
	if got := w.subjects(id); len(got) != 1 {
		t.Errorf("there are %q", got)
	}
}

func TestMarksMayHoldAnything(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	drafts := numbered(4)
	marks := []string{"it's '' or 1 eq 1", "ledger#ü/ä&b=c+d%20", "a) or (b", `{"key":"x"}`}
	for i := range drafts {
		drafts[i].Mark = marks[i]
	}
	if _, err := w.Create(t.Context(), me, id, drafts); err != nil {
		t.Fatal(err)
	}
	found, err := w.Marked(t.Context(), me, id, marks)
	if err != nil || len(found) != len(marks) {
		t.Fatalf("found %d, %v", len(found), err)
	}
	for i, mark := range marks {
		if found[mark].Subject != drafts[i].Subject {
			t.Errorf("mark %q is on %q", mark, found[mark].Subject)
		}
	}
}

func TestReadsAndWritesOfAMailboxShareItsBudget(t *testing.T) {
	budgets := NewBudgets(Limits{}, time.Now, nil)
	w := newWorld(t, graphsim.Options{RoundTrip: time.Millisecond, ServiceTime: time.Millisecond}, func(o *Options) { o.Budgets = budgets })
	other, err := New(Options{BaseURL: w.url, Token: "t", Budgets: budgets})
	if err != nil {
		t.Fatal(err)
	}
	id := w.archive()
	counting, err := w.Counting()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	drafts := numbered(160)
	for i := range 8 {
		p := []*Provider{w.Provider, other, counting}[i%3]
		wg.Go(func() {
			part := drafts[i*20 : i*20+20]
			results, err := p.Create(t.Context(), me, id, part)
			for _, r := range results {
				err = cmp.Or(err, r.Err)
			}
			if err != nil {
				t.Error(err)
			}
			for range 3 {
				if _, err := p.Events(t.Context(), strings.ToUpper(me), id, now, now.AddDate(0, 0, 7)); err != nil {
					t.Error(err)
				}
				if _, err := p.Marked(t.Context(), me, id, []string{part[0].Mark, part[1].Mark}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := w.Stats().Throttled + other.Stats().Throttled + counting.Stats().Throttled; n != 0 {
		t.Errorf("%d requests were throttled", n)
	}
	if got := counting.Stats().SubRequests; got != 2*(20+3*2*2) {
		t.Errorf("the third of them counted %d requests in batches, want its own 64", got)
	}
	if got := len(w.subjects(id)); got != 160 {
		t.Errorf("there are %d events", got)
	}
}

func TestLargeEventsShareNoBatch(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	id := w.archive()
	drafts := numbered(8)
	for i := range drafts {
		drafts[i].Body.Content = strings.Repeat("x", 1_500_000)
	}
	drafts[3].Body.Content = strings.Repeat("x", maxEvent-1000)
	results, err := w.Create(t.Context(), me, id, drafts)
	for _, r := range results {
		err = cmp.Or(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.sim.Log() {
		if e.Bytes > maxRequest {
			t.Errorf("a request has %d bytes", e.Bytes)
		}
	}
	if n := len(w.sim.Log()); n != 5 {
		t.Errorf("there were %d requests, want 5", n)
	}
}

func TestBadMailboxesAndCalendars(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	if err := w.sim.AddMailbox(graphsim.Mailbox{ID: "old@example.com", NotEnabled: true}); err != nil {
		t.Fatal(err)
	}
	denied, _ := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Boss", Denied: true})
	readOnly, _ := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Holidays", ReadOnly: true})
	hidden, _ := w.sim.AddCalendar(me, graphsim.Calendar{Name: "Colleague", HidePrivate: true})
	private := calendar.Event{Type: calendar.Single, ICalUID: "p", Subject: "Secret", Sensitivity: calendar.Private,
		Start: calendar.DateTime{Local: "2026-10-05T09:00:00", Zone: "UTC"}, End: calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "UTC"}}
	if err := w.sim.Seed(me, hidden, []calendar.Event{private}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()

	_, err := w.Calendars(ctx, "old@example.com")
	if fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), "out of reach") {
		t.Errorf("a mailbox that is not enabled: %v", err)
	}
	if _, err = w.Calendars(ctx, "nobody@example.com"); fault.Of(err) != fault.Invalid || errors.Is(err, calendar.ErrNotFound) {
		t.Errorf("an account that nobody has: %v", err)
	}
	if _, err = w.Calendars(ctx, " "); fault.Of(err) != fault.Invalid {
		t.Errorf("no account: %v", err)
	}
	if _, err = w.Events(ctx, me, "", now, now); fault.Of(err) != fault.Invalid {
		t.Errorf("no calendar: %v", err)
	}
	if _, err = w.Events(ctx, me, denied, now, now.AddDate(0, 0, 1)); fault.Of(err) != fault.Forbidden {
		t.Errorf("a calendar that is not shared with us: %v", err)
	}
	results, err := w.Create(ctx, me, readOnly, numbered(1))
	if err != nil || fault.Of(results[0].Err) != fault.Forbidden {
		t.Errorf("a read-only calendar: %+v, %v", results, err)
	}
	events, err := w.Events(ctx, me, hidden, now, now.AddDate(0, 0, 1))
	if err != nil || len(events) != 1 || strings.Contains(events[0].Subject, "Secret") {
		t.Fatalf("a colleague's private event: %+v, %v", events, err)
	}
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := w.Bodies(ctx, me, hidden, []string{events[0].ID}, from, to); err != nil {
		t.Errorf("the body of a colleague's private event: %v", err)
	}
	if err := w.sim.RemoveCalendar(me, hidden); err != nil {
		t.Fatal(err)
	}
	if _, err = w.Events(ctx, me, hidden, now, now.AddDate(0, 0, 1)); !errors.Is(err, calendar.ErrNotFound) {
		t.Errorf("a calendar that was deleted: %v", err)
	}
}

func TestAnExpiredTokenIsUnauthenticated(t *testing.T) {
	w := newWorld(t, graphsim.Options{Token: "secret-token"}, nil)
	id := w.archive()
	w.sim.SetToken("another")
	if _, err := w.Calendars(t.Context(), me); fault.Of(err) != fault.Unauthenticated {
		t.Errorf("reading: %v", err)
	}
	if _, err := w.Create(t.Context(), me, id, numbered(1)); fault.Of(err) != fault.Unauthenticated {
		t.Errorf("writing: %v", err)
	}
	if n := len(w.sim.Log()); n != 2 {
		t.Errorf("there were %d requests, want 2", n)
	}
}

func TestCategories(t *testing.T) {
	providertest.RunCategories(t, func(t *testing.T) (providertest.Categories, string) {
		return newWorld(t, graphsim.Options{}, nil), me
	})
}

func TestWhoMayNotChangeCategoriesIsToldWhichPermissionIsMissing(t *testing.T) {
	w := newWorld(t, graphsim.Options{Permissions: []string{"MailboxSettings.Read"}}, nil)
	id, err := w.sim.AddCategory(me, "Acme - billable", "preset3")
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Categories(t.Context(), me)
	if want := []calendar.Category{{ID: id, Name: "Acme - billable", Colour: "preset3"}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("categories are %+v, %v", list, err)
	}
	_, create := w.CreateCategory(t.Context(), me, calendar.Category{Name: "Globex - billable", Colour: "none"})
	for what, err := range map[string]error{
		"create": create, "recolour": w.RecolourCategory(t.Context(), me, id, "preset4"), "delete": w.DeleteCategory(t.Context(), me, id),
	} {
		if fault.Of(err) != fault.Forbidden || !strings.Contains(err.Error(), "MailboxSettings.ReadWrite") || !strings.Contains(err.Error(), "only be read") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if again, err := w.Categories(t.Context(), me); err != nil || !slices.Equal(list, again) {
		t.Errorf("after that they are %+v, %v", again, err)
	}
	w.sim.SetPermissions([]string{})
	if _, err = w.Categories(t.Context(), me); fault.Of(err) != fault.Forbidden || !strings.Contains(err.Error(), "permission MailboxSettings.Read of") {
		t.Errorf("without any permission: %v", err)
	}
}

func TestTheTimeZoneOfAMailbox(t *testing.T) {
	w := newWorld(t, graphsim.Options{}, nil)
	if err := w.sim.AddMailbox(graphsim.Mailbox{ID: "you@example.com", TimeZone: "Israel Standard Time"}); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]string{me: "W. Europe Standard Time", "you@example.com": "Israel Standard Time"} {
		if got, err := w.MailboxZone(t.Context(), account); err != nil || got != want {
			t.Errorf("the zone of %s is %q, %v", account, got, err)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options Options
		field   string
	}{
		{"nobody is signed in", Options{}, "graph"},
		{"two ways to sign in", Options{Token: "t", App: App{Tenant: "t"}}, "graph"},
		{"no address", Options{BaseURL: "graph.microsoft.com", Token: "t"}, "graph.url"},
		{"an address of another kind", Options{BaseURL: "ftp://graph.microsoft.com", Token: "t"}, "graph.url"},
		{"an application over http", Options{BaseURL: "http://graph.example.com", App: App{Tenant: "t", Client: "c", Secret: "s"}}, "graph.url"},
		{"an application without a tenant", Options{App: App{Client: "c", Secret: "s"}}, "graph.app.tenant"},
		{"an application without an id", Options{App: App{Tenant: "t", Secret: "s"}}, "graph.app.client"},
		{"an application without a secret", Options{App: App{Tenant: "t", Client: "c"}}, "graph.app"},
		{"an application with a secret and a certificate", Options{App: App{Tenant: "t", Client: "c", Secret: "s", Certificate: []byte("c")}}, "graph.app"},
		{"a certificate that is none", Options{App: App{Tenant: "t", Client: "c", Certificate: []byte("not PEM")}}, "graph.app.certificate"},
		{"a page size that the service has not", Options{Token: "t", PageSize: 1001}, "graph.page_size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.options); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field {
				t.Errorf("error is %v of kind %s on %q, want invalid on %q", err, fault.Of(err), fault.FieldOf(err), tt.field)
			}
		})
	}
	if _, err := New(Options{App: App{Tenant: "contoso.example.com", Client: "11111111-2222-3333-4444-555555555555", Secret: "s"}}); err != nil {
		t.Errorf("an application: %v", err)
	}
}
