package chaos_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	queuesqlite "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed of TestChaos")
	seeds     = flag.Uint64("seeds", 3, "how many seeds TestChaos tries, from -seed on")
	runs      = flag.Int("runs", 25, "how many runs TestChaos makes with each seed")
	switches  = flag.String("switches", "", "switches in TestChaos, as in page_504=100,bump_keys; empty: random ones, none for seed 1")
)

// TestChaos archives a mailbox that changes all the time, night after night, while everything fails that can fail. When the failures
// have stopped, one more run brings the archive calendar to what the ledger says.
//
// Time is that of a synctest bubble: nothing really waits. A seed always decides the same. It does not decide which of two goroutines is first,
// so a failure that depends on that may need its seed more than once (-count).
func TestChaos(t *testing.T) {
	warm(t)
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		for _, drift := range []archive.OnDrift{archive.AskOnDrift, archive.AcceptOnDrift} {
			t.Run(fmt.Sprintf("seed %d, drift %s", seed, drift), func(t *testing.T) {
				t.Parallel()
				set := switchesOf(t, seed)
				synctest.Test(t, func(t *testing.T) {
					newChaos(t, seed, drift, set).rage(*runs)
				})
				if t.Failed() {
					t.Logf("to repeat: go test ./shared/archive/chaos -run 'TestChaos/seed_%d,_drift_%s' -seed %d -seeds 1 -runs %d -switches '%v'",
						seed, drift, seed, *runs, set)
				}
			})
		}
	}
}

// switchesOf returns the switches of a seed.
func switchesOf(t *testing.T, seed uint64) graphsim.Switches {
	switch {
	case *switches != "":
		set, err := graphsim.ParseSwitches(strings.Split(*switches, ",")...)
		must(t, err)
		return set
	case seed == 1:
		return nil
	}
	return graphsim.RandomSwitches(rand.New(rand.NewPCG(seed, 2)), 0.3)
}

// TestChaosWithEachSwitch makes a few runs with each switch alone.
func TestChaosWithEachSwitch(t *testing.T) {
	warm(t)
	for i, set := range graphsim.EachSwitch() {
		t.Run(set.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				newChaos(t, uint64(100+i), archive.AskOnDrift, set).rage(5)
			})
		})
	}
}

// warm uses the store's compression once outside of all bubbles, so that the channels that it makes once and keeps belong to no bubble.
func warm(t *testing.T) {
	packed, err := store.Pack(make([]byte, 100<<10))
	must(t, err)
	_, err = store.Unpack(packed)
	must(t, err)
}

// chaos is a world in which things fail.
type chaos struct {
	*world
	random *rand.Rand
	config archive.Config
	queue  *queuesqlite.Queue
	events []string // ids of the single events in Work
	series []string
	next   int    // number of the next event
	broken string // id of an event that the service fails on
	// late makes answers come after the client stopped waiting, and stops workers while others run. The service then still carries out requests
	// whose worker is gone.
	late bool
	// slow means that this night's requests may take longer than the budget's grace. A worker that is stopped then stops alone: another one could not know
	// for how long the service goes on with its requests.
	slow bool
	// rewritten means that the service writes texts anew by itself.
	rewritten bool
}

func newChaos(t *testing.T, seed uint64, drift archive.OnDrift, set graphsim.Switches) *chaos {
	time.Sleep(time.Until(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)))
	sim := graphsim.New(graphsim.Options{
		RoundTrip: 20 * time.Millisecond, ServiceTime: 60 * time.Millisecond, DuplicateStatus: []int{400, 409}[seed%2], TellExisting: seed%3 == 0,
		TextBecomesHTML: seed%5 == 0, Switches: set,
	})
	c := &chaos{world: build(t, sim, "http://localhost", serve(t, sim), time.Now), random: rand.New(rand.NewPCG(seed, uint64(len(drift)))), late: seed%4 == 0}
	c.users, c.gone, c.others = map[string]string{}, map[string]bool{}, map[string]bool{}
	_, c.moved = set["ids_change"]
	_, c.loses = set["retention"]
	_, c.rewritten = set["rewrites"]
	_, err := sim.AddCalendar(me, graphsim.Calendar{Name: "Other"})
	must(t, err)
	c.queue = machinetest.Queues(t, time.Now).Queue("archive")
	c.config = c.world.config(drift)
	for range 45 {
		c.add()
	}
	for i, day := range []string{"monday", "wednesday"} {
		date := time.Date(2026, 9, 7+2*i, 18, 0, 0, 0, time.UTC)
		c.series = append(c.series, c.put(object{
			"subject": "Stand-up on " + day, "showAs": "busy",
			"start": at(date, "W. Europe Standard Time"), "end": at(date.Add(30*time.Minute), "W. Europe Standard Time"),
			"recurrence": object{
				"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []string{day}},
				"range":   object{"type": "noEnd", "startDate": date.Format(time.DateOnly)},
			},
		}))
	}
	return c
}

// serve serves a handler within the bubble, and returns the transport that reaches it.
func serve(t *testing.T, handler http.Handler) http.RoundTripper { return wiretest.Serve(t, handler) }

// rage makes runs, night after night, with faults, then without, and checks what they leave.
func (c *chaos) rage(runs int) {
	for i := range runs {
		c.known()
		for range c.random.IntN(7) {
			c.change()
		}
		c.deviate()
		c.meddle()
		must(c.t, c.sim.SetFaults(c.faults()...))
		id := c.night()
		if r, result := c.result(id); r.State.Ended() && r.Result != nil {
			c.conserved(fmt.Sprintf("run %d", i), result)
		} else if !r.State.Ended() && !c.buried(id) {
			c.t.Errorf("run %d is left %s", i, r.State)
		}
		c.verify(c.config)
		c.unharmed()
		if c.t.Failed() {
			c.t.Logf("at run %d, faults %+v", i, c.sim.Faults())
			return
		}
		time.Sleep(time.Hour)
	}
	must(c.t, c.sim.SetFaults())
	c.settle()
	r, result := c.last()
	if r.State != run.Succeeded {
		c.t.Errorf("the run after the faults: %s, %+v, %+v", r.State, r.Problem, result)
	}
	c.conserved("the run after the faults", result)
	c.check(c.config)
	c.verify(c.config)
	c.unharmed()
	c.polite()
	before := c.sim.Changes()
	if r, result := c.last(); r.State != run.Succeeded || result.Written != 0 || result.Counts.Archived != 0 || c.sim.Changes() != before {
		c.t.Errorf("a run after that one still had something to do: %s, %+v", r.State, result)
	}
	if len(c.copies()) < 40 && !c.loses {
		c.t.Errorf("the archive has %d events: the test does not test much", len(c.copies()))
	}
}

// buried says whether the message of a run is a dead letter, because too many workers died while they handled it.
func (c *chaos) buried(id string) bool {
	letters, err := c.queue.DeadLetters(c.t.Context(), 10)
	must(c.t, err)
	return slices.ContainsFunc(letters, func(d queuesqlite.Dead) bool { return strings.Contains(string(d.Body), id) })
}

// last carries out a run in which nothing fails.
func (c *chaos) last() (*run.Run, archive.Result) {
	r := c.newRun(c.config)
	r.Options.Force = true
	r, _, err := run.NewStore(c.Table).Create(c.t.Context(), r)
	must(c.t, err)
	must(c.t, c.runner(c.Table, c.provider).Run(c.t.Context(), r))
	return c.result(r.ID)
}

func (c *chaos) conserved(name string, result archive.Result) {
	n := result.Counts
	if sum := n.Archived + n.Unchanged + n.Merged + n.Absorbed + n.Superseded + n.Conflicted + n.Excluded + n.Drifted; !result.Balanced || sum != n.Fetched {
		c.t.Errorf("%s: %d were fetched, the sum is %d: %+v", name, n.Fetched, sum, result)
	}
}

// one returns true once in n times.
func (c *chaos) one(n int) bool { return c.random.IntN(n) == 0 }

func pick[T any](c *chaos, from ...T) T { return from[c.random.IntN(len(from))] }

// add puts an event into Work at a time that is mostly free.
func (c *chaos) add() {
	e := meeting(c.random.IntN(1800))
	c.next++
	e["subject"] = fmt.Sprintf("Meeting %d", c.next)
	c.events = append(c.events, c.put(e))
}

// unknowable says whether an event may have another id and another iCalUId from one night to the next. One that is then at another time, or has another
// subject, is another event to anybody, and counts as one that is new and one that is missing.
func (c *chaos) unknowable() bool {
	set := c.sim.Switches()
	_, renewed := set["ids_change"]
	return renewed && (set["icaluid"] == "null" || set["icaluid"] == "changed")
}

// change makes one random change in Work.
func (c *chaos) change() {
	i := c.random.IntN(len(c.events))
	id := c.events[i]
	start := time.Date(2026, 10, 1+c.random.IntN(30), 6+c.random.IntN(12), 15*c.random.IntN(4), 0, 0, time.UTC)
	occurrence := fmt.Sprintf("%s@%s", c.series[0], time.Date(2026, 10, 5+7*c.random.IntN(3), 16, 0, 0, 0, time.UTC).Format("20060102T150405Z"))
	what := c.random.IntN(10)
	if c.unknowable() && slices.Contains([]int{3, 4, 8, 9}, what) {
		what = 0
	}
	switch what {
	case 0, 1, 2:
		c.add()
	case 3:
		c.put(object{"id": id, "start": at(start, "UTC"), "end": at(start.Add(20*time.Minute), "UTC")})
	case 4:
		c.put(object{
			"id": id, "subject": fmt.Sprintf("Edited %d", c.random.IntN(1000)),
			"body": object{"contentType": "text", "content": fmt.Sprint("Edited ", c.random.IntN(1000))},
		})
	case 5:
		c.put(object{"id": id, "isCancelled": true})
	case 6:
		if len(c.events) > 30 {
			must(c.t, c.sim.RemoveEvent(me, id))
			c.events = append(c.events[:i], c.events[i+1:]...)
		}
	case 7:
		c.put(object{"id": id, "categories": []string{pick(c, "Acme - billable", "Globex - billable", "nonsense")}})
	case 8:
		c.put(object{"id": pick(c, c.series...), "subject": fmt.Sprintf("Stand-up %d", c.random.IntN(1000))})
	case 9: // an instance that was deleted by the series' change, or by this, cannot be changed
		if c.one(3) {
			_ = c.sim.RemoveEvent(me, occurrence)
			break
		}
		_, _ = c.sim.PutEvent(me, c.source, fmt.Appendf(nil, `{"id":%q,"subject":"Stand-up by itself %d"}`, occurrence, c.random.IntN(1000)))
	}
}

// known forgets the events that the service moved away.
func (c *chaos) known() {
	all, err := c.sim.Events(me, c.source)
	must(c.t, err)
	there := map[string]bool{}
	for _, e := range all {
		there[e.ID] = true
	}
	c.events = slices.DeleteFunc(c.events, func(id string) bool { return !there[id] })
	for len(c.events) < 10 {
		c.add()
	}
	if !there[c.broken] {
		c.broken = ""
	}
}

// deviate lets happen what the switches are about.
func (c *chaos) deviate() {
	set := c.sim.Switches()
	if c.one(4) {
		c.sim.Turn()
	}
	if _, on := set["lone_exception"]; on && c.one(2) {
		e := meeting(c.random.IntN(1800))
		c.next++
		e["subject"], e["isOrganizer"] = fmt.Sprintf("Invitation %d", c.next), false
		c.put(e)
	}
	if subject, on := set["poison"]; on && c.one(2) {
		c.heal()
		e := meeting(c.random.IntN(1800))
		e["subject"] = subject
		c.broken = c.put(e)
	}
}

// meddle does what users do to copies of ours in Outlook: they copy and move them, with all that the copies have.
func (c *chaos) meddle() {
	set := c.sim.Switches()
	if _, on := set["calendar_ids_change"]; on && c.one(3) {
		must(c.t, c.sim.RenewIDs(me, ""))
		c.source = c.named("Work")
	}
	var ours []graphsim.Stored
	for _, e := range c.copies() {
		if c.users[e.ICalUID] == "" && !c.others[mark(&e)] && !c.unheard(mark(&e)) {
			ours = append(ours, e)
		}
	}
	if len(ours) == 0 || !c.one(3) {
		return
	}
	e := ours[c.random.IntN(len(ours))]
	switch _, renewed := set["ids_change"]; c.random.IntN(4) {
	case 0: // pasted into the archive
		id, err := c.sim.CopyEvent(me, e.ID, c.named("Archive"))
		must(c.t, err)
		c.others[mark(&e)] = true
		c.hold(id)
	case 1: // pasted into another calendar, or moved there
		id := e.ID
		if c.one(2) {
			must(c.t, c.sim.MoveEvent(me, id, c.named("Other")))
			c.gone[mark(&e)] = true
		} else {
			var err error
			id, err = c.sim.CopyEvent(me, id, c.named("Other"))
			must(c.t, err)
			c.others[mark(&e)] = true
		}
		c.hold(id)
	case 2: // pasted into the source, for another meeting
		id, err := c.sim.CopyEvent(me, e.ID, c.source)
		must(c.t, err)
		c.next++
		other := meeting(c.random.IntN(1800))
		c.put(object{"id": id, "subject": fmt.Sprintf("Pasted %d", c.next), "start": other["start"], "end": other["end"]})
		c.others[mark(&e)] = true
		c.events = append(c.events, id)
	case 3: // dragged into the source, or deleted
		if c.gone[mark(&e)] = true; c.one(2) || renewed {
			must(c.t, c.sim.RemoveEvent(me, e.ID))
			break
		}
		must(c.t, c.sim.MoveEvent(me, e.ID, c.source))
		c.hold(e.ID)
	}
}

// unheard says whether nobody has heard yet that a copy was made, in a mailbox that neither knows transaction ids nor keeps the ids of events. If the user
// moves such a copy away, another one is made, and once their ids change nothing distinguishes it from one that the user pasted.
func (c *chaos) unheard(mark string) bool {
	set := c.sim.Switches()
	if _, renewed := set["ids_change"]; !renewed || set["transaction_ids"] != "dead" {
		return false
	}
	year := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	entries, err := ledger.New(c.Table, c.Blobs, c.Key).Range(c.t.Context(), c.config.ID, year, year.AddDate(1, 0, 0))
	must(c.t, err)
	return !slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.State == ledger.Done && e.Draft != nil && e.Draft.Mark == mark })
}

// hold notes how an event is that is the user's from now on.
func (c *chaos) hold(id string) {
	all, err := c.sim.Events(me, "")
	must(c.t, err)
	e := all[slices.IndexFunc(all, func(e graphsim.Stored) bool { return e.ID == id })]
	c.users[e.ICalUID] = c.seen(&e)
}

// seen is what a user sees of an event, and the mark in it. The service may write the text anew by itself.
func (c *chaos) seen(e *graphsim.Stored) string {
	body := e.Body.Content
	if c.rewritten {
		body = ""
	}
	return fmt.Sprintf("%s %v %v %s %s %s %s", e.Subject, e.Start, e.End, e.Sensitivity, e.Location, body, mark(e))
}

// unharmed checks that nobody changed or removed what is the user's.
func (c *chaos) unharmed() {
	all, err := c.sim.Events(me, "")
	must(c.t, err)
	now := map[string]string{}
	for _, e := range all {
		now[e.ICalUID] = c.seen(&e)
	}
	for uid, was := range c.users {
		if is, there := now[uid]; is != was && (there || !c.loses) {
			c.t.Errorf("an event of the user's was %q and is %q", was, is)
		}
	}
}

// heal removes the broken event.
func (c *chaos) heal() {
	if c.broken != "" {
		must(c.t, c.sim.RemoveEvent(me, c.broken))
		c.broken = ""
	}
}

// settle ends what would keep the last run from seeing everything.
func (c *chaos) settle() {
	c.known()
	c.heal()
	set := c.sim.Switches()
	for _, one := range graphsim.AllSwitches() {
		if one.Loose {
			delete(set, one.Name)
		}
	}
	must(c.t, c.sim.SetSwitches(set))
}

// faults returns up to three random faults. Each strikes a few times.
func (c *chaos) faults() []graphsim.Fault {
	var faults []graphsim.Fault
	c.slow = false
	for range c.random.IntN(4) {
		f := graphsim.Fault{Times: 1 + c.random.IntN(6), Probability: 0.05 + 0.4*c.random.Float64(), Seed: c.random.Uint64(), Scope: pick(c, "", "sub", "request")}
		switch c.random.IntN(12) {
		case 0, 1:
			f.Kind, f.RetryAfter, f.Times = graphsim.FaultThrottle, pick(c, "", "0.4", "2", "30", "600", "soon"), 40
		case 2:
			f.Kind, f.When, f.RetryAfter = graphsim.FaultUnavailable, pick(c, graphsim.Before, graphsim.After), pick(c, "", "5")
		case 3, 4:
			f.Kind, f.When = graphsim.FaultTimeout, pick(c, graphsim.Before, graphsim.After)
		case 5, 6:
			f.Kind, f.When = graphsim.FaultCut, pick(c, graphsim.Before, graphsim.After, graphsim.During)
			if f.Scope == "sub" && f.When == graphsim.During {
				f.When = graphsim.After
			}
		case 7:
			f.Kind, f.Method = graphsim.FaultLate, http.MethodPost
		case 8:
			f.Kind, f.Times = graphsim.FaultExpired, 1
		case 9:
			f.Kind, f.Delay = graphsim.FaultLatency, graphsim.Duration(pick(c, 300*time.Millisecond, 2*time.Second))
			if c.late {
				// longer than the client waits, and within the budget's grace after that
				f.Scope, f.Delay, c.slow = "request", graphsim.Duration(45*time.Second), true
			}
		case 10:
			f.Kind, f.Path = graphsim.FaultRepeat, "/users/*/calendars/*/calendarView"
		case 11: // refused for good: that event fails, and is tried again the night after
			f.Kind, f.Status, f.Code = graphsim.FaultError, pick(c, 400, 403, 500), "ErrorInvalidRequest"
			f.Scope, f.Method = "sub", pick(c, http.MethodPost, http.MethodPatch)
		}
		faults = append(faults, f)
	}
	return faults
}

// night starts a run and lets workers handle its messages until the queue is empty. It returns the run's id.
func (c *chaos) night() string {
	starter := &run.Starter{Runs: run.NewStore(c.Table), Queue: c.queue}
	r, _, err := starter.Start(c.t.Context(), c.newRun(c.config))
	must(c.t, err)
	if c.one(4) { // delivered twice
		_, _, err := starter.Start(c.t.Context(), c.newRun(c.config))
		must(c.t, err)
	}
	for range 2000 {
		workers := 1
		if c.one(3) {
			workers = 2
		}
		if c.work(workers) > 0 {
			continue
		}
		stats, err := c.queue.Stats(c.t.Context())
		must(c.t, err)
		if stats.Waiting == 0 {
			return r.ID
		}
		time.Sleep(time.Minute)
	}
	c.t.Errorf("the queue does not become empty")
	return r.ID
}

// work lets workers handle a message each, at the same time, and returns how many messages there were.
func (c *chaos) work(workers int) int {
	messages, err := c.queue.Receive(c.t.Context(), workers, 5*time.Minute, 0)
	must(c.t, err)
	var all sync.WaitGroup
	for _, m := range messages {
		ctx, lose := context.WithCancel(c.t.Context())
		var wire wiretest.Wire
		table := wire.Table(c.Table)
		lost := false
		switch c.random.IntN(6) {
		case 0: // the worker is stopped; the service still carries out its requests
			if after := time.Duration(c.random.IntN(4000)) * time.Millisecond; len(messages) == 1 || c.late && !c.slow {
				stop := time.AfterFunc(after, lose)
				defer stop.Stop()
				lost = true
			}
		case 1: // the process ends
			wire.DieAt, wire.After = 1+c.random.IntN(40), c.one(2)
			lost = true
		}
		w := &run.Worker{
			Runs: run.NewStore(table), Queue: c.queue, Handlers: map[run.Kind]run.Handler{run.Archive: mortal{c.runner(table, c.provider)}},
			Log: zerolog.Nop(), Clock: c.clock, BusyDelay: 10 * time.Second, Visibility: 5 * time.Minute,
			Ended: func(ctx context.Context, r *run.Run) error { return c.log().RunEnded(ctx, r) },
		}
		all.Go(func() {
			defer lose()
			if err := w.Handle(ctx, m); err != nil && !lost {
				c.t.Logf("%v a worker gave up: %v", time.Now().Format(wall), err)
			}
		})
	}
	all.Wait()
	if len(messages) > 0 {
		time.Sleep(time.Minute) // the requests of a lost worker are carried out meanwhile
	}
	return len(messages)
}

// mortal is a handler that can die without the run failing: the message of a dead process is delivered again.
type mortal struct{ run.Handler }

func (m mortal) Run(ctx context.Context, r *run.Run) error {
	err := m.Handler.Run(ctx, r)
	if errors.Is(err, wiretest.ErrDied) {
		return context.Canceled
	}
	return err
}
