package cloudtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"adminassistant/functions/lambdatest"
)

// pool is a function with its environments, each of which handles one invocation at a time.
type pool struct {
	c        *Cloud
	name     string
	binary   string
	settings map[string]string
	room     chan struct{} // has one value for each invocation that there may be at once

	mu      sync.Mutex
	idle    []*lambdatest.Function
	started []*lambdatest.Function
}

func (c *Cloud) newPool(name string, most int) *pool {
	p := &pool{
		c: c, name: name, binary: lambdatest.Build(c.t, "adminassistant/functions/"+name), settings: c.Environment(name), room: make(chan struct{}, most),
	}
	if c.options.Environment != nil {
		c.options.Environment(name, p.settings)
	}
	for range most {
		p.room <- struct{}{}
	}
	p.idle = append(p.idle, p.start())
	return p
}

// start starts one more environment.
func (p *pool) start() *lambdatest.Function {
	d := Functions[p.name]
	o := lambdatest.Options{
		FunctionName: p.name, Memory: d.Memory, Timeout: d.Timeout, AllowLoops: d.AllowLoops,
		InitTimeout: time.Minute, Grace: time.Minute, // the machine may be busy
	}
	if p.c.options.Change != nil {
		p.c.options.Change(p.name, &o)
	}
	f := lambdatest.Start(p.c.t, p.binary, p.settings, o)
	if _, err := f.InitTime(); err != nil {
		p.c.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = append(p.started, f)
	return f
}

func (p *pool) all() []*lambdatest.Function {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.started)
}

// warm returns an environment that waits for something to do; nil: none does.
func (p *pool) warm() *lambdatest.Function {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	f := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return f
}

// InvokeFrom has an environment handle the payload. When ctx ends nobody waits for the answer any more, and the invocation goes on.
func (p *pool) InvokeFrom(ctx context.Context, trace string, payload []byte) (lambdatest.Answer, error) {
	select {
	case <-p.room:
	case <-ctx.Done():
		return lambdatest.Answer{}, context.Cause(ctx)
	}
	type result struct {
		answer lambdatest.Answer
		err    error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { p.room <- struct{}{} }()
		for {
			f := p.warm()
			if f == nil {
				f = p.start()
			}
			a, err := f.InvokeFrom(context.WithoutCancel(ctx), trace, payload)
			if errors.Is(err, lambdatest.ErrEnded) {
				continue // Lambda starts another one
			}
			if !errors.As(err, new(*lambdatest.CrashError)) && !errors.As(err, new(*lambdatest.TimeoutError)) {
				p.mu.Lock()
				p.idle = append(p.idle, f)
				p.mu.Unlock()
			}
			done <- result{a, err}
			return
		}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return lambdatest.Answer{}, context.Cause(ctx)
	}
}
