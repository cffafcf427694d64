// Package functions_test runs the compiled functions as AWS Lambda does, on the engines that stand in for AWS and on simulators of
// Microsoft's services, and hands them the samples of the folder events.
package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/app"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	api := d.start("api")

	t.Run("the token says who asks", func(t *testing.T) {
		d := d.in(t)
		a := d.ask(api, d.request("api-get-me.json"))
		me := read[map[string]any](t, a, http.StatusOK)
		if me["tenant"] != tenant || me["object"] != object || me["name"] != person {
			t.Errorf("got %v", me)
		}
		if id := a.header.Get("X-Correlation-Id"); id != "correlation-1" {
			t.Errorf("correlation id %q came out", id)
		}
		requests := lines(api, "request")
		if last := requests[len(requests)-1]; last["correlation_id"] != "correlation-1" || last["user"] != telemetry.Hash(user) {
			t.Errorf("the log has %v", last)
		}
	})

	t.Run("a long answer is compressed for a client that can read it", func(t *testing.T) {
		d := d.in(t)
		docs := func(changes ...func(*events.APIGatewayV2HTTPRequest)) answer {
			a := d.ask(api, d.request("api-get-me.json", append(changes, func(r *events.APIGatewayV2HTTPRequest) { r.RawPath = "/docs" })...))
			if a.status != http.StatusOK {
				t.Fatalf("answered %d", a.status)
			}
			return a
		}
		small, large := docs(header("accept-encoding", "gzip, br")), docs(header("accept-encoding", ""))
		if small.header.Get("Content-Encoding") != "gzip" || large.header.Get("Content-Encoding") != "" || string(small.body) != string(large.body) {
			t.Errorf("%d bytes %v, and %d bytes %v", len(small.body), small.header, len(large.body), large.header)
		}
	})

	t.Run("without a valid token there is no answer", func(t *testing.T) {
		d := d.in(t)
		hour := int64(time.Hour / time.Second)
		now := time.Now().Unix()
		for _, c := range []struct{ name, authorization string }{
			{"none", ""}, // which is no attempt
			{"of another scheme", "Basic YW5hOnNlY3JldA=="},
			{"no token at all", "Bearer header.payload.signature"},
			{"expired", "Bearer " + d.token(entrasim.Claim("iat", now-2*hour), entrasim.Claim("nbf", now-2*hour), entrasim.Claim("exp", now-hour))},
			{"of a foreign tenant", "Bearer " + d.tokenOf(foreignObject)},
			{"for another application", "Bearer " + d.token(entrasim.Claim("aud", "00000000-0000-4111-8222-333333333333"))},
			{"unsigned", "Bearer " + d.token(entrasim.Unsigned())},
		} {
			t.Run(c.name, func(t *testing.T) {
				d := d.in(t)
				before := counted(api, "SignInFailures")
				refused(t, d.ask(api, d.request("api-get-me.json", header("authorization", c.authorization))), http.StatusUnauthorized, "unauthenticated")
				if n := counted(api, "SignInFailures") - before; (n != 1) != (c.authorization == "") || n > 1 {
					t.Errorf("counted as %d failures", n)
				}
			})
		}
	})

	names := func(t *testing.T) (list []string) {
		t.Helper()
		configs, _, err := d.configs().List(d.ctx, user, 100, "")
		must(t, err)
		for _, c := range configs {
			list = append(list, c.Name)
		}
		slices.Sort(list)
		return list
	}

	t.Run("a body that ends early is refused", func(t *testing.T) {
		d := d.in(t)
		refused(t, d.ask(api, d.request("api-malformed.json")), http.StatusBadRequest, "unparsable")
		if got := names(t); len(got) > 0 {
			t.Errorf("there are configs: %q", got)
		}
	})

	t.Run("a config is created once, however often it is asked for", func(t *testing.T) {
		d := d.in(t)
		first := d.ask(api, d.request("api-create-config.json"))
		made := read[map[string]any](t, first, http.StatusCreated)
		second := d.ask(api, d.request("api-create-config.json"))
		if again := read[map[string]any](t, second, http.StatusCreated); again["id"] != made["id"] || second.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("answered %s, then %s", first.body, second.body)
		}
		if got := names(t); !slices.Equal(got, []string{"work"}) {
			t.Errorf("there are configs %q", got)
		}
		c, err := d.configs().Named(d.ctx, user, "work")
		must(t, err)
		if c.ID != made["id"] || c.Timezone != "Europe/Zurich" || c.Overlaps != archive.Resolve || first.header.Get("Location") != "/v1/archive-configs/"+c.ID {
			t.Errorf("stored as %+v, answered %s", c, first.body)
		}
	})

	t.Run("a body in base64 is read as it was sent", func(t *testing.T) {
		d := d.in(t)
		made := read[map[string]any](t, d.ask(api, d.request("api-base64.json")), http.StatusCreated)
		if made["name"] != "Zürich" || !slices.Contains(names(t), "Zürich") {
			t.Errorf("answered %v; there are %q", made, names(t))
		}
	})

	t.Run("headers with commas arrive whole", func(t *testing.T) {
		d := d.in(t)
		for _, name := range []string{"b", "c"} {
			text := fmt.Sprintf(`{"name": "comma %s", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive%%20%s", `+
				`"timezone": "Europe/Zurich"}`, name, name)
			a := d.ask(api, d.request("api-create-config.json", header("idempotency-key", "a,"+name), body(text)))
			if made := read[map[string]any](t, a, http.StatusCreated); made["name"] != "comma "+name || a.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("answered %s, %v", a.body, a.header)
			}
		}
		a := d.ask(api, d.request("api-get-me.json", header("x-correlation-id", "one,two,three")))
		if id := a.header.Get("X-Correlation-Id"); a.status != http.StatusOK || id != "one,two,three" {
			t.Errorf("answered %d with correlation id %q", a.status, id)
		}
	})

	t.Run("what there is no route for is not found", func(t *testing.T) {
		d := d.in(t)
		refused(t, d.ask(api, d.request("api-unknown-route.json")), http.StatusNotFound, "no_such_route")
	})

	t.Run("no path makes the function fail or gets into its log", func(t *testing.T) {
		d := d.in(t)
		for _, name := range []string{"api-path-percent.json", "api-path-newline.json", "api-path-nul.json", "api-path-question.json"} {
			refused(t, d.ask(api, d.request(name)), http.StatusNotFound, "no_such_route")
		}
		refused(t, d.ask(api, d.request("api-get-me.json", at(http.MethodGet, "/auth/callback%?code=injected"))), http.StatusNotFound, "no_such_route")
		if log := api.Log(); strings.Contains(log, "injected") || strings.Contains(log, "provider=") {
			t.Error(log)
		}
	})

	t.Run("what is no event is refused", func(t *testing.T) {
		d := d.in(t)
		for _, event := range []string{`{}`, `null`, `[]`, `{"version": "2.0", "rawPath": 5}`, `{"Records": []}`} {
			out := invoke[events.APIGatewayV2HTTPResponse](d, api, json.RawMessage(event))
			if out.StatusCode != http.StatusBadRequest || !strings.Contains(out.Body, `"unparsable"`) {
				t.Errorf("%s: answered %d with %s", event, out.StatusCode, out.Body)
			}
		}
	})

	t.Run("an answer that Lambda would not pass on becomes a problem", func(t *testing.T) {
		d := d.in(t)
		for _, c := range []struct {
			id     string
			size   int
			status int
		}{{"01K7KMPQ8C9D3E4F5G6H7J8L01", 4<<20 - 2, http.StatusOK}, {"01K7KMPQ8C9D3E4F5G6H7J8L02", 4 << 20, http.StatusUnprocessableEntity}} {
			d.queued("large", c.id, func(r *run.Run) { r.Config += c.id })
			must(t, d.blobs.Put(d.ctx, archive.PlanKey(c.id), strings.NewReader(`"`+strings.Repeat("x", c.size)+`"`)))
			a := d.ask(api, d.request("api-get-me.json", at(http.MethodGet, "/v1/runs/"+c.id+"/plan"), uncompressed))
			if c.status == http.StatusOK {
				if a.status != c.status || len(a.body) != c.size+2 {
					t.Errorf("%d bytes: answered %d with %d bytes", c.size+2, a.status, len(a.body))
				}
				continue
			}
			refused(t, a, c.status, "answer_too_large")
			if id := a.header.Get("X-Correlation-Id"); id != "correlation-1" {
				t.Errorf("correlation id %q came out", id)
			}
		}
	})

	t.Run("after all that the process is the same", func(t *testing.T) {
		d := d.in(t)
		if n := len(lines(api, "function not started")); n > 0 {
			t.Error(api.Log())
		}
		if a := d.ask(api, d.request("api-get-me.json")); a.status != http.StatusOK {
			t.Errorf("answered %d", a.status)
		}
	})
}

func TestARequestBecomesAnArchive(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(60, 14, "2026-10-01")
	api, worker := d.start("api"), d.start("archive")

	config := read[map[string]any](t, d.ask(api, d.request("api-create-config.json")), http.StatusCreated)["id"].(string)
	started := read[map[string]any](t, d.ask(api, d.request("api-start-run.json")), http.StatusAccepted)
	id := started["id"].(string)
	if r := d.stored(id); r.State != run.Queued || r.Config != config || r.From.String() != "2026-10-01" || r.To.String() != "2026-10-14" {
		t.Fatalf("the run is stored as %+v", r)
	}

	batch := d.take("archive", 10)
	if len(batch.Records) != 1 {
		t.Fatalf("the queue has %+v", batch)
	}
	want := run.Message{RunID: id, Kind: run.Archive, User: user, Correlation: "correlation-3"}
	if got, err := run.ParseMessage([]byte(batch.Records[0].Body)); err != nil || got != want {
		t.Fatalf("the message is %+v (%v), want %+v", got, err, want)
	}

	d.deliverAll(t, worker, "archive", batch)
	if result := d.succeeded(id); result.Counts.Archived != 60 || result.Written != 60 {
		t.Errorf("the run reports %+v", result)
	}
	d.once(config)
	d.empty()
	shown := read[map[string]any](t, d.ask(api, d.request("api-get-me.json", at(http.MethodGet, "/v1/runs/"+id))), http.StatusOK)
	if shown["state"] != "succeeded" {
		t.Errorf("api shows %v", shown)
	}
	if finished := lines(worker, "archive run finished"); len(finished) != 1 || finished[0]["correlation_id"] != "correlation-3" ||
		finished[0]["run"] != id || finished[0]["user"] != telemetry.Hash(user) {
		t.Errorf("the log has %v", finished)
	}

	t.Run("delivered twice it changes nothing", func(t *testing.T) {
		d := d.in(t)
		changes, before := d.sim.Changes(), d.stored(id)
		if failed := d.deliver(worker, "archive", batch); len(failed) > 0 {
			t.Errorf("messages %q have to come again", failed)
		}
		if d.sim.Changes() != changes {
			t.Errorf("the mailbox was changed: %d writes, then %d", changes, d.sim.Changes())
		}
		if after := d.stored(id); !after.Ended.Equal(before.Ended) || string(after.Result) != string(before.Result) {
			t.Errorf("the run was %+v, and is %+v", before, after)
		}
		d.empty()
		if got := counted(worker, "RunsSucceeded"); got != 1 {
			t.Errorf("%d runs were counted", got)
		}
		if got := counted(worker, "AppointmentsArchived"); got != 60 {
			t.Errorf("%d appointments were counted", got)
		}
	})
}

func TestASampleMessageIsCarriedOut(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(10, 14, "2026-10-01")
	config := d.config()
	r := d.queued(config.ID, "01K7KMPQ8C9D3E4F5G6H7J8K01", nil)
	worker := d.start("archive")
	event := d.replay("sqs-archive.json", "archive")
	for range 2 {
		d.deliverAll(t, worker, "archive", event)
		if result := d.succeeded(r.ID); result.Written != 10 {
			t.Errorf("the run reports %+v", result)
		}
		d.once(config.ID)
		d.empty()
	}
}

// midway has a worker begin a run of 60 appointments, and returns when its nth write waits. ended gets what becomes of the invocation.
func midway(t *testing.T, d *deployment, nth int, after bool) (worker *lambdatest.Function, r *run.Run, batch events.SQSEvent, ended <-chan outcome) {
	t.Helper()
	d.appointments(60, 14, "2026-10-01")
	config := d.config()
	r = d.queued(config.ID, newID(), nil)
	d.send(r, "archive")
	batch = d.take("archive", 1)
	worker = d.start("archive")
	return worker, r, batch, d.hold(t, worker, batch, nth, after)
}

// hold hands messages to a worker and returns when its nth write waits. What it returns gets what becomes of the invocation.
func (d *deployment) hold(t *testing.T, worker *lambdatest.Function, batch events.SQSEvent, nth int, after bool) <-chan outcome {
	t.Helper()
	payload, err := json.Marshal(batch)
	must(t, err)
	held := d.gate.stopAt(nth, after)
	done := make(chan outcome, 1)
	go func() {
		a, err := worker.Invoke(d.ctx, payload)
		done <- outcome{a, err}
	}()
	select {
	case <-held.reached:
	case o := <-done:
		t.Fatalf("the invocation ended before write %d: %s, %v", nth, o.answer.Payload, o.err)
	}
	return done
}

type outcome struct {
	answer lambdatest.Answer
	err    error
}

// goOn redelivers the message to another worker and checks that it finishes the run.
func (d *deployment) goOn(r *run.Run, batch events.SQSEvent) {
	d.t.Helper()
	next := d.redeliver("archive", batch)
	if n := next.Records[0].Attributes["ApproximateReceiveCount"]; n != "2" {
		d.t.Errorf("delivery %s, want the second", n)
	}
	d.deliverAll(d.t, d.start("archive"), "archive", next)
	if result := d.succeeded(r.ID); result.Counts.Archived != 60 || result.Written != 60 {
		d.t.Errorf("the run reports %+v", result)
	}
	d.once(r.Config)
	d.empty()
}

func TestAWorkerIsKilledHalfWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		nth   int // write of twenty
		after bool
		there int // copies when it is killed
	}{
		{"before it wrote anything", 1, false, 0},
		{"before its second write", 2, false, 20},
		{"before it learnt what became of its second write", 2, true, 40},
		{"before it learnt what became of its last write", 3, true, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := deploy(t)
			worker, r, batch, ended := midway(t, d, c.nth, c.after)
			worker.Kill()
			if o := <-ended; !errors.As(o.err, new(*lambdatest.CrashError)) {
				t.Fatalf("the invocation ended with %s, %v", o.answer.Payload, o.err)
			}
			if state, n := d.stored(r.ID).State, len(d.content(d.archiveID())); state != run.Running || n != c.there {
				t.Fatalf("the run is %s, with %d copies, want %d", state, n, c.there)
			}
			d.goOn(r, batch)
		})
	}
}

func TestAWorkerIsStoppedHalfWay(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("its write took effect: %v", after), func(t *testing.T) {
			d := deploy(t)
			worker, r, batch, ended := midway(t, d, 2, after)
			stopped := make(chan string, 1)
			go func() { stopped <- worker.Stop() }() // SIGTERM
			o := <-ended
			worker.Kill() // as Lambda does soon after
			how := <-stopped
			var response events.SQSEventResponse
			if o.err != nil || json.Unmarshal(o.answer.Payload, &response) != nil || len(response.BatchItemFailures) != 1 ||
				response.BatchItemFailures[0].ItemIdentifier != batch.Records[0].MessageId {
				t.Fatalf("the worker ended with %s and answered %s, %v", how, o.answer.Payload, o.err)
			}
			if r := d.stored(r.ID); r.State != run.Running {
				t.Errorf("the run is %s, %+v", r.State, r.Problem)
			}
			if len(lines(worker, "function stopping")) != 1 || len(lines(worker, "message left for redelivery")) != 1 {
				t.Error("the log does not have, once each, that it stops and that the message stays")
			}
			for line := range strings.Lines(worker.Log()) {
				if strings.Contains(line, `"level":"error"`) {
					t.Errorf("to be stopped is no error: %s", line)
				}
			}
			d.goOn(r, batch)
		})
	}
}

func TestARunIsHandedOn(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(120, 14, "2026-10-01")
	config := d.config()
	r := d.queued(config.ID, newID(), nil)
	d.send(r, "archive")
	// There are 8 s to begin writing in; the first write takes longer than that, and then it is time to hand on.
	worker := d.start("archive", func(o *lambdatest.Options, env map[string]string) {
		o.Timeout = time.Minute
		env["ADMIN_ASSISTANT_HAND_ON"] = "52s"
		env["ADMIN_ASSISTANT_LEASE"] = "15s"
	})
	must(t, d.sim.SetFaults(graphsim.Fault{
		Method: http.MethodPost, Path: "/$batch", Scope: "request", Times: 1, Kind: graphsim.FaultLatency, Delay: graphsim.Duration(9 * time.Second),
	}))
	first := d.take("archive", 1)
	d.deliverAll(t, worker, "archive", first)
	// On a busy machine the 8 s may be over before it comes to write.
	if r, n := d.stored(r.ID), len(d.content(d.archiveID())); r.State != run.Running || n != 0 && (n != 40 || r.Progress.Done != 40 || r.Progress.Total != 120) {
		t.Fatalf("the run is %s, at %+v, with %d copies", r.State, r.Progress, n)
	}
	worker = d.start("archive") // which has time enough for the rest
	for n := 1; ; n++ {
		batch := d.take("archive", 10)
		if len(batch.Records) != 1 || batch.Records[0].MessageId == first.Records[0].MessageId || batch.Records[0].Attributes["ApproximateReceiveCount"] != "1" {
			t.Fatalf("the queue has %+v, want a new message", batch)
		}
		if got, err := run.ParseMessage([]byte(batch.Records[0].Body)); err != nil || got.RunID != r.ID || got.Correlation != r.Correlation {
			t.Fatalf("the message is %+v, %v", got, err)
		}
		d.deliverAll(t, worker, "archive", batch)
		if d.stored(r.ID).State.Ended() {
			break
		}
		if n == 10 {
			t.Fatal("the run does not end")
		}
	}
	if result := d.succeeded(r.ID); result.Counts.Archived != 120 || result.Written != 120 {
		t.Errorf("the run reports %+v", result)
	}
	d.once(config.ID)
	d.empty()
}

func TestParkedMessages(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(14, 14, "2026-10-01")
	config := d.config()

	t.Run("a malformed message is parked and its batch-mates go on", func(t *testing.T) {
		d := d.in(t)
		var mates []*run.Run
		for i, id := range []string{"01K7KMPQ8C9D3E4F5G6H7J8K02", "01K7KMPQ8C9D3E4F5G6H7J8K04"} {
			mates = append(mates, d.queued(config.ID, id, func(r *run.Run) { r.From = r.From.AddDays(7 * i); r.To = r.From.AddDays(6) }))
		}
		worker := d.start("archive")
		event := d.replay("sqs-batch-with-malformed.json", "archive")
		d.deliverAll(t, worker, "archive", event)
		for _, r := range mates {
			if result := d.succeeded(r.ID); result.Written != 7 {
				t.Errorf("run %s reports %+v", r.ID, result)
			}
		}
		d.once(config.ID)
		bodies, reasons := d.letters("archive-dead")
		if !slices.Equal(bodies, []string{event.Records[1].Body}) || !slices.Equal(reasons, []string{"malformed"}) {
			t.Errorf("parked are %q, because of %q", bodies, reasons)
		}
		told := lines(worker, "message parked")
		if len(told) != 1 || told[0]["level"] != "error" || told[0]["fault"] != "malformed" || counted(worker, "MessagesParked") != 1 {
			t.Errorf("the log has %v", told)
		}
	})

	t.Run("a run of a kind that nobody knows is parked by every worker, and what names a run by the one that sends e-mail", func(t *testing.T) {
		d := d.in(t)
		d.queued(config.ID, "01K7KMPQ8C9D3E4F5G6H7J8K05", func(r *run.Run) { r.Kind = "polish" })
		for function, reason := range map[string]string{
			"archive": "nobody handles runs of this kind",
			"backup":  "nobody handles runs of this kind",
			"notify":  "malformed",
		} {
			t.Run(function, func(t *testing.T) {
				d := d.in(t)
				worker := d.start(function)
				event := d.replay("sqs-unknown-kind.json", function)
				d.deliverAll(t, worker, function, event)
				if bodies, reasons := d.letters(function + "-dead"); !slices.Equal(bodies, []string{event.Records[0].Body}) || !slices.Equal(reasons, []string{reason}) {
					t.Errorf("parked are %q, because of %q", bodies, reasons)
				}
				if n := d.waiting(function); n != 0 {
					t.Errorf("%d messages are left", n)
				}
				told := lines(worker, "message parked")
				if len(told) != 1 || told[0]["level"] != "error" || function != "notify" &&
					(told[0]["kind"] != "polish" || told[0]["run"] != "01K7KMPQ8C9D3E4F5G6H7J8K05") {
					t.Errorf("the log has %v", told)
				}
			})
		}
	})
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	notify := d.start("notify")
	for _, c := range []struct {
		name, queue string
		there       bool // the run that the first letter names
		parked      []int
	}{
		{"a letter that names no run is parked, too", "archive-dead", false, []int{0, 1}},
		{"the run that workers gave up on fails, and a letter that names none is parked", "archive-dead", true, []int{1}},
		{"delivered again it changes nothing", "archive-dead", true, []int{1}},
		{"letters of the backup queue are read as well", "backup-dead", true, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := d.in(t)
			const id = "01K7KMPQ8C9D3E4F5G6H7J8K06"
			var before *run.Run
			if c.there {
				if _, err := run.NewStore(d.items).Get(d.ctx, user, id); err != nil {
					d.queued("config", id, func(r *run.Run) { r.State = run.Running })
				}
				before = d.stored(id)
			}
			counts := counted(notify, "RunsFailed")
			event := d.replay("sqs-dead-letter.json", c.queue)
			d.deliverAll(t, notify, c.queue, event)
			if c.there {
				counts = counted(notify, "RunsFailed") - counts
				r := d.stored(id)
				if r.State != run.Failed || r.Problem == nil || r.Problem.Code != "unavailable" || r.Ended.IsZero() {
					t.Errorf("the run is %s, %+v", r.State, r.Problem)
				}
				if want := before.State == run.Running; (counts == 1) != want || !want && !r.Ended.Equal(before.Ended) {
					t.Errorf("the run was %s and is %s; %d failed runs were counted", before.State, r.State, counts)
				}
			}
			var want []string
			for _, i := range c.parked {
				want = append(want, event.Records[i].Body)
			}
			bodies, reasons := d.letters("notify-dead")
			slices.Sort(bodies)
			slices.Sort(want)
			if !slices.Equal(bodies, want) || slices.ContainsFunc(reasons, func(r string) bool { return r != "names no readable run" }) {
				t.Errorf("parked are %q, because of %q", bodies, reasons)
			}
			if n := d.waiting(c.queue); n != 0 {
				t.Errorf("%d letters are left", n)
			}
			d.drain("notify-dead")
		})
	}
}

func TestTheTableIsOutOfReach(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(14, 14, "2026-10-01")
	config := d.config()
	for i, id := range []string{"01K7KMPQ8C9D3E4F5G6H7J8K02", "01K7KMPQ8C9D3E4F5G6H7J8K04"} {
		d.queued(config.ID, id, func(r *run.Run) { r.From = r.From.AddDays(7 * i); r.To = r.From.AddDays(6) })
	}
	table, err := url.Parse(d.dynamodb)
	must(t, err)
	way := httputil.NewSingleHostReverseProxy(table)
	var open atomic.Bool
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open.Load() {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		way.ServeHTTP(w, r)
	}))
	defer between.Close()
	worker := d.start("archive", func(_ *lambdatest.Options, env map[string]string) { env["AWS_ENDPOINT_URL_DYNAMODB"] = between.URL })

	event := d.replay("sqs-batch-with-malformed.json", "archive")
	event.Records = slices.Delete(event.Records, 1, 2) // the malformed one, which needs no table
	want := []string{event.Records[0].MessageId, event.Records[1].MessageId}
	if failed := d.deliver(worker, "archive", event); !slices.Equal(failed, want) {
		t.Fatalf("messages %q have to come again, want %q", failed, want)
	}
	left := lines(worker, "message left for redelivery")
	if len(left) != 2 || left[0]["fault"] != "unavailable" || left[1]["fault"] != "unavailable" {
		t.Errorf("the log has %v", left)
	}
	if n := len(d.content(d.archiveID())); n > 0 {
		t.Errorf("there are %d copies", n)
	}

	open.Store(true)
	d.deliverAll(t, worker, "archive", d.redeliver("archive", event))
	d.once(config.ID)
}

func TestTheSchedule(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"schedule-minute.json", "schedule-malformed.json"} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			config := d.config()
			// It was due twelve hours ago, and is due again in twelve hours, however long the test takes.
			now := time.Now().UTC()
			yesterday := func() time.Time { return now.Add(-24 * time.Hour) }
			jobs := job.New(d.items, job.Kinds(app.Kinds, d.configs(), nil), newID, yesterday)
			schedule := job.Schedule{Repeat: job.Cron, Cron: now.Add(12 * time.Hour).Format("4 15 * * *"), Zone: "UTC"}
			due, err := jobs.Create(d.ctx, user, job.Job{Kind: run.Archive, Config: config.ID, Schedule: schedule})
			must(t, err)
			dispatcher := d.start("dispatcher")
			tick := sample[json.RawMessage](t, name)
			invoke[any](d, dispatcher, tick)

			batch := d.take("archive", 10)
			if len(batch.Records) != 1 {
				t.Fatalf("the queue has %+v", batch)
			}
			message, err := run.ParseMessage([]byte(batch.Records[0].Body))
			must(t, err)
			if r := d.stored(message.RunID); r.State != run.Queued || r.Job != due.ID || r.Config != config.ID || message.Correlation != r.Correlation {
				t.Errorf("the message %+v names run %+v", message, r)
			}
			if n := counted(dispatcher, "JobsLate"); n != 1 {
				t.Errorf("%d late jobs were counted", n)
			}

			invoke[any](d, dispatcher, tick)
			if more := d.take("archive", 10); len(more.Records) > 0 {
				t.Errorf("a second delivery left %+v", more)
			}
			d.deliverAll(t, d.start("archive"), "archive", batch)
			d.succeeded(message.RunID)
			d.empty()
		})
	}
}
