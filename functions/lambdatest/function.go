// Package lambdatest runs the compiled program of a function as AWS Lambda does, for tests: in a process of its own, with the environment
// that Lambda gives and nothing of the test's, spoken to through the Runtime API and the Extensions API (of extensions inside the process).
//
// A Function is one execution environment. It handles one invocation at a time, and between two it is frozen (on Linux): what a handler
// left running does not go on until the next one. An environment that has ended stays so; where Lambda would start another, a test does.
package lambdatest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// maxPayload is the largest payload of an invocation, in bytes; an answer may be a little larger.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxPayload  = 6 << 20
	maxResponse = maxPayload + 100

	// maxEnvironment is how many bytes the variables of a function have, names and values together.
	maxEnvironment = 4 << 10
	// wholeCPU is the memory, in MB, with which a function has a whole processor.
	wholeCPU = 1769

	account = "111122223333"
	version = "$LATEST"
	handler = "bootstrap"
)

// Options of a function; the zero value works.
type Options struct {
	// FunctionName is the name that the function gets; "function" if empty.
	FunctionName string
	// Timeout is how long an invocation may take; 30 s if 0.
	Timeout time.Duration
	// InitTimeout is how long the process may take until it asks for its first invocation; 10 s, as in Lambda, if 0.
	InitTimeout time.Duration
	// Memory is the size in MB that the function gets. The process is not held to it; 512 if 0.
	Memory int
	// Grace is how long a process that registered an extension may live on after SIGTERM; 500 ms, as in Lambda, if 0.
	Grace time.Duration
	// OneCPU keeps the process on one processor, to measure InitTime as on one vCPU. (On Linux; elsewhere Go code takes turns on one.)
	OneCPU bool
	// CPUShare gives invocations the share of a processor that Memory stands for: 1,769 MB are a whole one. (On Linux alone.)
	CPUShare bool
	// AllowLoops lets messages come round as often as they like, as the function's setting RecursiveLoop: Allow does.
	AllowLoops bool

	// after is time.After. In the tests of this package the time is up when the process has come to a point: on a busy machine that takes
	// as long as it takes.
	after func(f *Function, d time.Duration) <-chan time.Time
}

// Function is a running function.
type Function struct {
	options Options
	arn     string
	cmd     *exec.Cmd
	log     string // the file that the process writes to: after an answer, all that was written before it is there
	began   time.Time

	started chan struct{}    // closed when the process runs
	ready   chan struct{}    // closed when it asks for its first invocation
	exited  chan struct{}    // closed when it is gone
	pending chan *invocation // waits until it asks for the next
	down    sync.Once

	mu         sync.Mutex
	current    *invocation
	extensions map[string]string // name by identifier
	initTime   time.Duration
	initError  *InitError
	ending     bool // on its way down: not to be frozen any more
	frozen     bool
	throttled  bool // stopped until its share of a processor has room again
	peak       int64
}

// Answer is what a handler returned.
type Answer struct {
	RequestID string
	Payload   []byte // JSON
}

type invocation struct {
	id      string
	payload []byte
	trace   string
	done    chan struct{} // closed when the rest is set
	ended   bool
	answer  Answer
	err     error
}

// Start starts the program and waits until it asks for its first invocation. That it never does is reported by Invoke and InitTime, as
// *InitError. env is added to the variables that Lambda sets, and wins. The process is killed when the test ends, even by a signal (on
// Linux); if the test failed, what it wrote is logged.
func Start(t testing.TB, binary string, env map[string]string, o Options) *Function {
	t.Helper()
	if err := CheckEnvironment(env); err != nil {
		t.Fatal(err)
	}
	if o.FunctionName == "" {
		o.FunctionName = "function"
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.InitTimeout == 0 {
		o.InitTimeout = 10 * time.Second
	}
	if o.Memory == 0 {
		o.Memory = 512
	}
	if o.Grace == 0 {
		o.Grace = 500 * time.Millisecond
	}
	if o.after == nil {
		o.after = func(_ *Function, d time.Duration) <-chan time.Time { return time.After(d) }
	}
	dir := t.TempDir()
	f := &Function{
		options: o, log: filepath.Join(dir, "log"), cmd: exec.Command(binary),
		started: make(chan struct{}), ready: make(chan struct{}), exited: make(chan struct{}), pending: make(chan *invocation),
		extensions: map[string]string{},
	}
	task, temp := filepath.Join(dir, "task"), filepath.Join(dir, "tmp")
	if err := errors.Join(os.Mkdir(task, 0o500), os.Mkdir(temp, 0o700)); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(f.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server := httptest.NewServer(f.api())
	t.Cleanup(server.Close)

	all := f.environment(task, temp)
	maps.Copy(all, env)
	all["AWS_LAMBDA_RUNTIME_API"] = server.Listener.Addr().String()
	f.arn = fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", all["AWS_REGION"], account, o.FunctionName)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f.cmd.Env = append(f.cmd.Env, name+"="+all[name])
	}
	f.cmd.Dir, f.cmd.Stdout, f.cmd.Stderr, f.cmd.SysProcAttr = task, log, log, attributes()

	launched := make(chan error, 1)
	go f.live(launched)
	if err := <-launched; err != nil {
		t.Fatalf("start the function: %v", err)
	}
	t.Cleanup(func() {
		f.Kill()
		if t.Failed() {
			t.Logf("what the function %s wrote:\n%s", o.FunctionName, f.Log())
		}
	})
	f.initialise()
	if o.CPUShare {
		go f.throttle(float64(o.Memory) / wholeCPU)
	}
	return f
}

// CheckEnvironment says whether a function can have these variables: Lambda takes 4 KB of them. Those that begin with AWS_ are not counted; no
// function is deployed with any, and tests say by them where the stand-ins for AWS are.
func CheckEnvironment(env map[string]string) error {
	size := 0
	for name, value := range env {
		if !strings.HasPrefix(name, "AWS_") {
			size += len(name) + len(value)
		}
	}
	if size > maxEnvironment {
		return fmt.Errorf("lambdatest: the variables of the function have %d bytes, Lambda takes %d", size, maxEnvironment)
	}
	return nil
}

// environment is what Lambda sets for a program of the runtime provided.al2023: neither HOME nor AWS_EXECUTION_ENV. The temporary folder
// is there /tmp, and here one that goes with the test.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (f *Function) environment(task, temp string) map[string]string {
	name := f.options.FunctionName
	env := map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME":        name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.options.Memory),
		"AWS_LAMBDA_FUNCTION_VERSION":     version,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "2026/10/01/[" + version + "]0123456789abcdef0123456789abcdef",
		"AWS_LAMBDA_LOG_FORMAT":           "Text",
		"AWS_REGION":                      "eu-central-1",
		"AWS_DEFAULT_REGION":              "eu-central-1",
		"AWS_ACCESS_KEY_ID":               "test",
		"AWS_SECRET_ACCESS_KEY":           "test",
		"AWS_SESSION_TOKEN":               "test",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "127.0.0.1:2000",
		"_HANDLER":                        handler,
		"LAMBDA_TASK_ROOT":                task,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":                 "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
		"TZ":                              ":UTC",
		"TMPDIR":                          temp,
	}
	if f.options.OneCPU {
		env["GOMAXPROCS"] = "1"
	}
	return env
}

// live starts the process and returns when it is gone. It keeps its thread: the kernel kills the process when that thread ends.
func (f *Function) live(launched chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := f.cmd.Start
	if f.options.OneCPU {
		start = func() error { return onOneCPU(f.cmd.Start) }
	}
	f.began = time.Now()
	err := start()
	if err == nil {
		close(f.started)
	}
	launched <- err
	if err != nil {
		return
	}
	_ = f.cmd.Wait() // how it ended is in ProcessState
	close(f.exited)
}

// initialise waits for the end of the init phase.
func (f *Function) initialise() {
	var failed *InitError
	select {
	case <-f.ready:
		return
	case <-f.options.after(f, f.options.InitTimeout):
		f.shutdown()
		failed = &InitError{Type: "Sandbox.Timedout", Message: fmt.Sprintf("no invocation was asked for in %v", f.options.InitTimeout)}
	case <-f.exited:
		failed = &InitError{Type: "Runtime.ExitError", Message: "the process ended: " + f.cmd.ProcessState.String()}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.initTime > 0 {
		return // it was ready, and gone by now
	}
	if f.initError == nil {
		f.initError = failed
	}
	f.initError.Log = f.Log()
}

// InitTime is how long the process took from its start to asking for its first invocation. If it never did, the error is an *InitError.
func (f *Function) InitTime() (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.initError != nil {
		return 0, f.initError
	}
	return f.initTime, nil
}

// Invoke has the function handle the payload, after what it is at. Unless the handler returned a value, the error is
//   - *HandlerError: the handler returned an error or panicked,
//   - *TimeoutError: it had not answered at its deadline, and the process was ended,
//   - *CrashError: the process ended meanwhile, by itself or by Kill and Stop,
//   - *InitError, ErrEnded: there is no process to handle it,
//   - ErrTooLarge: the payload was not sent,
//   - ctx's: nobody waits for the answer any more; the invocation goes on.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Answer, error) {
	return f.InvokeFrom(ctx, "", payload)
}

// InvokeFrom is Invoke in the course of what trace stands for: the text that an earlier invocation handed on in the header X-Amzn-Trace-Id of
// its requests, or empty. When the function was invoked 16 times on the way, it is not invoked once more: the error is ErrLoop.
func (f *Function) InvokeFrom(ctx context.Context, trace string, payload []byte) (Answer, error) {
	if _, err := f.InitTime(); err != nil {
		return Answer{}, err
	}
	if len(payload) > maxPayload {
		return Answer{}, ErrTooLarge
	}
	way, rounds := lineage(trace).through(f.options.FunctionName)
	if rounds > maxRounds && !f.options.AllowLoops {
		return Answer{}, ErrLoop
	}
	inv := &invocation{id: newID(), payload: payload, done: make(chan struct{})}
	inv.trace = traceHeader(inv.id, way)
	select {
	case f.pending <- inv:
	case <-f.exited:
		return Answer{}, ErrEnded
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("wait for the function: %w", context.Cause(ctx))
	}
	select {
	case <-inv.done:
	case <-f.exited:
		f.end(inv, nil, &CrashError{RequestID: inv.id, State: f.cmd.ProcessState.String(), Log: f.Log()})
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("wait for the answer to %s: %w", inv.id, context.Cause(ctx))
	}
	if late, ok := inv.err.(*TimeoutError); ok {
		<-f.exited
		late.Log = f.Log()
	}
	return inv.answer, inv.err
}

// begin makes inv the current invocation, and starts its deadline, which it returns.
func (f *Function) begin(inv *invocation) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	deadline := time.Now().Add(f.options.Timeout)
	f.current = inv
	late := f.options.after(f, f.options.Timeout)
	go func() {
		select {
		case <-inv.done:
		case <-f.exited:
		case <-late:
			if f.end(inv, nil, &TimeoutError{RequestID: inv.id, After: f.options.Timeout}) {
				f.shutdown()
			}
		}
	}()
	return deadline
}

// end finishes inv, and says whether it was still open.
func (f *Function) end(inv *invocation, payload []byte, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if inv.ended {
		return false
	}
	inv.ended, inv.err = true, err
	if err == nil {
		inv.answer = Answer{RequestID: inv.id, Payload: payload}
	}
	if f.current == inv {
		f.current = nil
	}
	close(inv.done)
	return true
}

// at returns the invocation that the process is at if it has this id, else nil.
func (f *Function) at(id string) *invocation {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil || f.current.id != id {
		return nil
	}
	return f.current
}

// Kill ends the process at once (SIGKILL), in the middle of whatever it is at, and waits until it is gone.
func (f *Function) Kill() {
	_ = f.cmd.Process.Kill() // fails when it is gone already
	<-f.exited
}

// Stop ends the process as Lambda does with an environment that it does not need any more, and returns how it ended, as "exit status 0" or
// "signal: killed". A process that registered an extension gets SIGTERM, and SIGKILL after the grace; another one gets SIGKILL at once.
func (f *Function) Stop() string {
	f.shutdown()
	return f.cmd.ProcessState.String()
}

// shutdown returns when the process is gone.
func (f *Function) shutdown() {
	f.down.Do(func() {
		f.measure()
		f.mu.Lock()
		f.ending = true
		graceful := len(f.extensions) > 0
		f.frozen = false
		f.mu.Unlock()
		if graceful && thaw(f.cmd.Process) == nil && f.cmd.Process.Signal(syscall.SIGTERM) == nil {
			select {
			case <-f.exited:
			case <-f.options.after(f, f.options.Grace):
			}
		}
		f.Kill()
	})
}

// Log is what the process has written to its standard output and error.
func (f *Function) Log() string {
	text, err := os.ReadFile(f.log)
	if err != nil {
		return fmt.Sprintf("(the log is gone: %v)", err)
	}
	return string(text)
}

// PeakMemory is the most memory, in bytes, that the process had resident; once it is gone, up to its last request, or to when it was
// stopped. The system's own record of a process that is gone will not do: it begins with the memory of the process that started it.
// Only Linux shows it; elsewhere it is 0.
func (f *Function) PeakMemory() int64 {
	f.measure()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// measure notes the process's peak of memory.
func (f *Function) measure() {
	select {
	case <-f.exited: // its id may be another's
		return
	default:
	}
	now := peakMemory(f.cmd.Process.Pid)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peak = max(f.peak, now)
}

// newID returns an id of the form that Lambda's request ids have.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// sharePeriod is how long a process may be ahead of its share, and how often that is looked at.
const sharePeriod = 20 * time.Millisecond

// throttle stops the process whenever it has used more than share of a processor, until it has not, as long as it lives. While it is frozen,
// and while it is on its way down, it is left alone.
func (f *Function) throttle(share float64) {
	ticks := time.NewTicker(sharePeriod / 4)
	defer ticks.Stop()
	at, used := time.Now(), cpuTime(f.cmd.Process.Pid)
	room := share * sharePeriod.Seconds() // seconds of a processor that it may use now
	for {
		select {
		case <-f.exited:
			return
		case <-ticks.C:
		}
		f.mu.Lock()
		now, spent := time.Now(), cpuTime(f.cmd.Process.Pid)
		room = min(room+share*now.Sub(at).Seconds(), share*sharePeriod.Seconds()) - (spent - used).Seconds()
		at, used = now, spent
		switch {
		case f.frozen || f.ending:
			f.throttled = false
		case room < 0 && !f.throttled:
			f.throttled = true
			freeze(f.cmd.Process)
		case room >= 0 && f.throttled:
			f.throttled = false
			_ = thaw(f.cmd.Process) // fails when it is gone
		}
		f.mu.Unlock()
	}
}
