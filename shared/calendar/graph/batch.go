package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
	kiotahttp "github.com/microsoft/kiota-http-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"

	"adminassistant/shared/fault"
)

const (
	// batchSize is how many requests fit into a batch: https://learn.microsoft.com/graph/json-batching.
	batchSize = 20
	// maxRequest is the largest body of an HTTP request that the service accepts, in bytes.
	maxRequest = 4 << 20
	// stepOverhead is more bytes than a request of a batch needs beside its body: its address, with two ids, and its headers.
	stepOverhead = 2 << 10
	// maxEvent is the largest event that can be written, in bytes of JSON.
	maxEvent = maxRequest - 2*stepOverhead
)

// step is one request of a batch.
type step struct {
	*kiota.RequestInformation
	body graphcore.RequestBody // nil: none
	size int                   // of the body, in bytes
}

// answer is what became of a step.
type answer struct {
	body json.RawMessage // of a success; it may be nil
	err  error           // classified: see Failure
}

// do sends one request that is not a batch, within the mailbox's budget.
func (p *Provider) do(ctx context.Context, account string, r *kiota.RequestInformation) ([]byte, error) {
	budget, err := p.budget(ctx, account)
	if err != nil {
		return nil, err
	}
	leave, err := budget.enter(ctx, 1, int64(len(r.Content)))
	if err != nil {
		return nil, err
	}
	text, err := p.client.send(ctx, r)
	budget.done(err, leave)
	return text, err
}

// batches sends any number of steps, one batch after the other, and hands each batch's answers to each, with the index of the first
// of them. It stops at the first batch that fails as a whole, or when each returns an error, and returns that with how many steps were
// answered. What failed as a whole with fault.Unavailable may have taken effect all the same.
func (p *Provider) batches(ctx context.Context, account string, steps []step, each func(first int, answers []answer) error) (done int, err error) {
	budget, err := p.budget(ctx, account)
	if err != nil {
		return 0, err
	}
	for done < len(steps) {
		n, size := 1, steps[done].size+stepOverhead
		for most := budget.together(); done+n < len(steps) && n < most; {
			if size += steps[done+n].size + stepOverhead; size > maxRequest {
				break
			}
			n++
		}
		answers, err := p.batch(ctx, account, steps[done:done+n])
		if err != nil {
			return done, err
		}
		if err := each(done, answers); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// batch sends up to batchSize steps in one request, without an order among them. There is one answer per step, in order. A sign-in that has
// ended in the middle of it fails the whole batch.
func (p *Provider) batch(ctx context.Context, account string, steps []step) ([]answer, error) {
	all := graphcore.NewBatchRequest(p.client.adapter)
	for i, s := range steps {
		if s.body != nil {
			s.Headers.TryAdd("Content-Type", "application/json")
		}
		item, err := all.AddBatchRequestStep(*s.RequestInformation)
		if err != nil {
			return nil, fmt.Errorf("make a batch: %w", err)
		}
		item.SetId(new(strconv.Itoa(i)))
		item.SetBody(s.body)
	}
	r := kiota.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(kiota.POST, "{+baseurl}/$batch",
		map[string]string{"baseurl": p.client.base.String()})
	r.Headers.Add("Accept", "application/json")
	if err := r.SetContentFromParsable(ctx, p.client.adapter, "application/json", all); err != nil {
		return nil, fmt.Errorf("make a batch: %w", err)
	}
	head := kiotahttp.NewHeadersInspectionOptions()
	head.InspectResponseHeaders = true
	r.AddRequestOptions([]kiota.RequestOption{head})
	budget, err := p.budget(ctx, account)
	if err != nil {
		return nil, err
	}
	leave, err := budget.enter(ctx, len(steps), int64(len(r.Content)))
	if err != nil {
		return nil, err
	}
	p.client.counts.sub.Add(int64(len(steps)))
	text, err := p.client.send(ctx, r)
	budget.done(err, leave)
	if err != nil {
		return nil, err
	}
	answers, err := p.client.readBatch(text, len(steps), strings.Join(head.ResponseHeaders.Get("Date"), ""))
	if err != nil {
		return nil, p.client.challenged(ctx, err)
	}
	budget.learn(answers)
	return answers, nil
}

// readBatch reads the answer to a batch of n, which has that Date header; its parts need not have one of their own. The SDK's own reading of it stops
// the program at a header that is not a string, and fails a whole batch for one body that is no object.
func (c *client) readBatch(text []byte, n int, date string) ([]answer, error) {
	var all struct {
		Responses []struct {
			ID      string                     `json:"id"`
			Status  int                        `json:"status"`
			Headers map[string]json.RawMessage `json:"headers"`
			Body    json.RawMessage            `json:"body"`
		} `json:"responses"`
	}
	if err := readJSON(text, &all); err != nil {
		return nil, err
	}
	answers := make([]answer, n)
	for i := range answers {
		answers[i].err = fault.New(fault.Unavailable, "Microsoft 365 did not answer one of the requests of a batch")
	}
	for _, r := range all.Responses {
		i, err := strconv.Atoi(r.ID)
		if err != nil || i < 0 || i >= n {
			continue // not asked for; what was is then left without an answer
		}
		if r.Status >= 200 && r.Status < 300 {
			answers[i] = answer{body: r.Body}
			continue
		}
		header := headers(r.Headers)
		if header.Get("Date") == "" {
			header.Set("Date", date)
		}
		answers[i] = answer{err: c.refused(r.Status, header, r.Body)}
		if fault.Of(answers[i].err) == fault.Unauthenticated {
			return nil, answers[i].err
		}
	}
	return answers, nil
}

// headers reads the headers of a part of a batch. A value may be a string or a number.
func headers(in map[string]json.RawMessage) http.Header {
	out := http.Header{}
	for name, value := range in {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(bytes.TrimSpace(value))
		}
		out.Add(name, text)
	}
	return out
}
