package lambdatest

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"
)

const echo = "adminassistant/functions/lambdatest/testdata/echo"

func start(t *testing.T, env map[string]string, o Options) *Function {
	t.Helper()
	return Start(t, Build(t, echo), env, o)
}

// reply is what the program answers.
type reply struct {
	Text        string            `json:"text"`
	RequestID   string            `json:"request_id"`
	ARN         string            `json:"arn"`
	Trace       string            `json:"trace"`
	HasDeadline bool              `json:"has_deadline"`
	Environment map[string]string `json:"environment"`
	Folder      string            `json:"folder"`
	CPUs        int               `json:"cpus"`
}

// do has the function do something that it answers.
func do(t *testing.T, f *Function, command string) (Answer, reply) {
	t.Helper()
	a, err := f.Invoke(t.Context(), []byte(command))
	if err != nil {
		t.Fatalf("%.200s: %v", command, err)
	}
	var r reply
	if err := json.Unmarshal(a.Payload, &r); err != nil {
		t.Fatalf("%.200s: %v in %.200s", command, err, a.Payload)
	}
	return a, r
}

// fails has the function do something that ends in an error of type E.
func fails[E error](t *testing.T, f *Function, command string) E {
	t.Helper()
	a, err := f.Invoke(t.Context(), []byte(command))
	var want E
	if !errors.As(err, &want) {
		t.Fatalf("%s: got %.200s and error %v (%T), want one of type %T", command, a.Payload, err, err, want)
	}
	if a.Payload != nil {
		t.Errorf("%s: answer %.200s beside the error", command, a.Payload)
	}
	return want
}

// eventually waits for something that another process does.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not in 30 s: %s", what)
}

// once is a clock by which every time is up as soon as the process has written text.
func once(text string) func(*Function, time.Duration) <-chan time.Time {
	return func(f *Function, _ time.Duration) <-chan time.Time {
		up := make(chan time.Time)
		go func() {
			for !strings.Contains(f.Log(), text) {
				select {
				case <-f.exited:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
			close(up)
		}()
		return up
	}
}

// never is a clock that stands still.
func never(*Function, time.Duration) <-chan time.Time { return nil }

func TestBuild(t *testing.T) {
	file := Build(t, echo)
	if again := Build(t, echo); again != file {
		t.Errorf("built as %s, then as %s", file, again)
	}
	if filepath.Base(file) != "bootstrap" {
		t.Errorf("a function's program is named bootstrap, not %s", file)
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, want := range map[string]string{"CGO_ENABLED": "0", "GOOS": runtime.GOOS, "GOARCH": runtime.GOARCH, "-trimpath": "true", "-tags": "lambda.norpc"} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compile(echo); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("what was built already is another file: %v", err)
	}
	for pkg, want := range map[string]string{
		"adminassistant/shared/fault":   "not a program",
		"adminassistant/functions/none": "adminassistant/functions/none",
	} {
		if _, err := compile(pkg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", pkg, err, want)
		}
	}
}

func TestInvoke(t *testing.T) {
	t.Setenv("OF_THE_TEST", "seen by nobody")
	f := start(t, map[string]string{"ADMIN_ASSISTANT_TABLE": "table", "AWS_REGION": "eu-west-1"}, Options{FunctionName: "echo", Memory: 256})

	t.Run("an invocation is answered with what the handler returned", func(t *testing.T) {
		a, first := do(t, f, `{"do": "echo", "text": "Grüße"}`)
		_, second := do(t, f, `{"do": "echo", "text": "again"}`)
		if first.Text != "Grüße" || second.Text != "again" {
			t.Errorf("got %q and %q", first.Text, second.Text)
		}
		if first.RequestID != a.RequestID || first.RequestID == second.RequestID ||
			!regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(a.RequestID) {
			t.Errorf("request ids %q (answer: %q), then %q", first.RequestID, a.RequestID, second.RequestID)
		}
		if first.ARN != "arn:aws:lambda:eu-west-1:111122223333:function:echo" || !first.HasDeadline {
			t.Errorf("ARN %q, deadline %v", first.ARN, first.HasDeadline)
		}
		if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:1$`).MatchString(first.Trace) {
			t.Errorf("trace %q", first.Trace)
		}
	})

	t.Run("the environment is what Lambda sets, and what was given", func(t *testing.T) {
		_, r := do(t, f, `{"do": "environment"}`)
		for name, want := range map[string]string{
			"ADMIN_ASSISTANT_TABLE": "table", "AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": "echo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
			"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "_HANDLER": "bootstrap", "TZ": ":UTC", "LAMBDA_TASK_ROOT": r.Folder,
		} {
			if r.Environment[name] != want {
				t.Errorf("%s is %q, want %q", name, r.Environment[name], want)
			}
		}
		for _, name := range []string{"OF_THE_TEST", "HOME", "GOMAXPROCS", "AWS_EXECUTION_ENV"} {
			if value, ok := r.Environment[name]; ok {
				t.Errorf("%s is %q, and Lambda does not set it", name, value)
			}
		}
		if inside, err := os.ReadDir(r.Folder); err != nil || len(inside) > 0 {
			t.Errorf("the function starts in %s, with %v (%v)", r.Folder, inside, err)
		}
	})

	t.Run("all that was written before an answer is in the log", func(t *testing.T) {
		for i := range 50 {
			do(t, f, fmt.Sprintf(`{"do": "write", "text": "line %d"}`, i))
			for _, want := range []string{fmt.Sprintf("line %d to standard output\n", i), fmt.Sprintf("line %d to standard error\n", i)} {
				if !strings.Contains(f.Log(), want) {
					t.Fatalf("%q is not in the log", want)
				}
			}
		}
	})

	t.Run("an error of the handler is an answer, and the process goes on", func(t *testing.T) {
		failed := fails[*HandlerError](t, f, `{"do": "fail", "text": "no such run"}`)
		if failed.Type != "errorString" || failed.Message != "no such run" || failed.Stack != nil || failed.RequestID == "" {
			t.Errorf("got %+v", failed)
		}
		if failed := fails[*HandlerError](t, f, `"no command"`); failed.Type != "UnmarshalTypeError" {
			t.Errorf("a payload that the handler does not take: %+v", failed)
		}
		do(t, f, `{"do": "echo"}`)
	})

	t.Run("an answer or a payload over 6 MB is refused", func(t *testing.T) {
		do(t, f, `{"do": "large", "size": 6290000}`)
		do(t, f, fmt.Sprintf(`{"do": "echo", "unknown": "%s"}`, strings.Repeat("x", 6290000)))
		if _, err := f.Invoke(t.Context(), bytes.Repeat([]byte{' '}, maxPayload+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a large payload: %v", err)
		}
		if failed := fails[*HandlerError](t, f, `{"do": "large", "size": 6300000}`); failed.Type != "Function.ResponseSizeTooLarge" {
			t.Errorf("a large answer: %+v", failed)
		}
	})
}

func TestTheHandlerPanics(t *testing.T) {
	f := start(t, nil, Options{})
	failed := fails[*HandlerError](t, f, `{"do": "panic", "text": "out of range"}`)
	if failed.Type != "string" || failed.Message != "out of range" ||
		!slices.ContainsFunc(failed.Stack, func(frame messages.InvokeResponse_Error_StackFrame) bool { return frame.Label == "handle" }) {
		t.Errorf("got %+v", failed)
	}
	if _, err := f.Invoke(t.Context(), []byte(`{"do": "echo"}`)); !errors.Is(err, ErrEnded) {
		t.Errorf("after the panic: %v", err)
	}
	if state := f.Stop(); state != "exit status 1" {
		t.Errorf("ended with %s", state)
	}
}

func TestTheProcessEndsWithoutAnAnswer(t *testing.T) {
	f := start(t, nil, Options{})
	crash := fails[*CrashError](t, f, `{"do": "exit", "size": 4}`)
	if crash.State != "exit status 4" || !strings.Contains(crash.Log, "leaving") {
		t.Errorf("got %+v", crash)
	}
	if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, ErrEnded) {
		t.Errorf("after the crash: %v", err)
	}
}

func TestDeadline(t *testing.T) {
	t.Run("what does not answer in time is killed", func(t *testing.T) {
		f := start(t, nil, Options{Timeout: 2 * time.Second, after: once("asleep")})
		late := fails[*TimeoutError](t, f, `{"do": "sleep"}`)
		if late.After != 2*time.Second || late.Log != "asleep\n" {
			t.Errorf("got %+v", late)
		}
		if state := f.Stop(); state != "signal: killed" {
			t.Errorf("ended with %s", state)
		}
		if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, ErrEnded) {
			t.Errorf("after the deadline: %v", err)
		}
	})
	t.Run("what handles SIGTERM gets it before", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		f := start(t, map[string]string{"ECHO_INIT": "terminate", "ECHO_FILE": file}, Options{
			Timeout: 2 * time.Second, Grace: time.Minute,
			after: func(f *Function, d time.Duration) <-chan time.Time {
				if d == time.Minute {
					return nil
				}
				return once("asleep")(f, d)
			},
		})
		fails[*TimeoutError](t, f, `{"do": "sleep"}`)
		if text, err := os.ReadFile(file); err != nil || string(text) != "terminated" {
			t.Errorf("file: %q, %v", text, err)
		}
	})
	t.Run("a handler knows its deadline", func(t *testing.T) {
		f := start(t, nil, Options{Timeout: 100 * time.Millisecond, after: never})
		if failed := fails[*HandlerError](t, f, `{"do": "obey"}`); failed.Message != context.DeadlineExceeded.Error() {
			t.Errorf("got %+v", failed)
		}
	})
}

func TestKillInTheMiddle(t *testing.T) {
	f := start(t, nil, Options{})
	result := make(chan error)
	go func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do": "sleep"}`))
		result <- err
	}()
	eventually(t, "the handler is at it", func() bool { return strings.Contains(f.Log(), "asleep") })
	f.Kill()
	f.Kill()
	var crash *CrashError
	if err := <-result; !errors.As(err, &crash) || crash.State != "signal: killed" {
		t.Errorf("got %v", err)
	}
}

func TestNobodyWaitsForTheAnswer(t *testing.T) {
	f := start(t, nil, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := f.Invoke(ctx, []byte(`{"do": "sleep"}`))
		result <- err
	}()
	eventually(t, "the handler is at it", func() bool { return strings.Contains(f.Log(), "asleep") })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Invoke(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a second one, while the first goes on: %v", err)
	}
}

func TestInvocationsTakeTurns(t *testing.T) {
	f := start(t, nil, Options{})
	const callers, each = 8, 20
	wrong := make(chan string, callers*each)
	done := make(chan struct{})
	for c := range callers {
		go func() {
			for i := range each {
				text := fmt.Sprintf("%d of %d", i, c)
				a, err := f.Invoke(t.Context(), []byte(`{"do": "echo", "text": "`+text+`"}`))
				if err != nil || !strings.Contains(string(a.Payload), `"`+text+`"`) || !strings.Contains(string(a.Payload), a.RequestID) {
					wrong <- fmt.Sprintf("%s: %s, %v", text, a.Payload, err)
				}
			}
			done <- struct{}{}
		}()
	}
	for range callers {
		<-done
	}
	close(wrong)
	for what := range wrong {
		t.Error(what)
	}
}

func TestInit(t *testing.T) {
	t.Run("its time is measured", func(t *testing.T) {
		f := start(t, nil, Options{})
		if took, err := f.InitTime(); err != nil || took <= 0 {
			t.Errorf("took %v, %v", took, err)
		}
	})
	t.Run("it can be kept to one processor, as no other function is", func(t *testing.T) {
		for _, one := range []bool{true, false} {
			f := start(t, nil, Options{OneCPU: one})
			_, r := do(t, f, `{"do": "environment"}`)
			if limited := r.Environment["GOMAXPROCS"] == "1"; limited != one {
				t.Errorf("one processor: %v, environment %v", one, r.Environment)
			}
			if want := runtime.NumCPU(); runtime.GOOS == "linux" && r.CPUs != map[bool]int{true: 1, false: want}[one] {
				t.Errorf("%d processors of %d, one wanted: %v", r.CPUs, want, one)
			}
		}
	})
	for _, c := range []struct {
		name, init    string
		options       Options
		kind, message string
		log           string
	}{
		{"a process that ends", "exit", Options{}, "Runtime.ExitError", "the process ended: exit status 3", "ADMIN_ASSISTANT_TABLE is not set"},
		{
			"a process that takes too long", "hang", Options{InitTimeout: 2 * time.Second, after: once("hanging")},
			"Sandbox.Timedout", "no invocation was asked for in 2s", "hanging",
		},
		{"a process that reports why it cannot start", "report", Options{}, "Settings", "no table", "reported 202"},
	} {
		t.Run(c.name+" has failed", func(t *testing.T) {
			f := start(t, map[string]string{"ECHO_INIT": c.init}, c.options)
			failed := fails[*InitError](t, f, `{"do": "echo"}`)
			if failed.Type != c.kind || failed.Message != c.message {
				t.Errorf("got %+v", failed)
			}
			if c.init != "report" && !strings.Contains(failed.Log, c.log) { // it may be ended before it prints
				t.Errorf("log %q", failed.Log)
			}
			if took, err := f.InitTime(); took != 0 || err == nil {
				t.Errorf("init time %v, %v", took, err)
			}
			select {
			case <-f.exited:
			default:
				t.Error("the process lives on")
			}
		})
	}
}

func TestStop(t *testing.T) {
	t.Run("a process without an extension is killed", func(t *testing.T) {
		if state := start(t, nil, Options{Grace: time.Hour}).Stop(); state != "signal: killed" {
			t.Errorf("ended with %s", state)
		}
	})
	t.Run("a process with an extension is told to terminate", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		f := start(t, map[string]string{"ECHO_INIT": "terminate", "ECHO_FILE": file}, Options{Grace: time.Minute})
		do(t, f, `{"do": "echo"}`)
		if state := f.Stop(); state != "exit status 0" {
			t.Errorf("ended with %s", state)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != "terminated" {
			t.Errorf("file: %q, %v", text, err)
		}
		if state := f.Stop(); state != "exit status 0" {
			t.Errorf("stopped again, it ended with %s", state)
		}
	})
	t.Run("a process that asks for more when it has been told to terminate is left to wait", func(t *testing.T) {
		f := start(t, map[string]string{"ECHO_INIT": "linger"}, Options{after: once("lingering")})
		f.Stop()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		got := httptest.NewRecorder()
		f.api().ServeHTTP(got, httptest.NewRequestWithContext(gone, http.MethodGet, "/2018-06-01/runtime/invocation/next", nil))
		if got.Body.Len() > 0 {
			t.Errorf("got %d: %s", got.Code, got.Body)
		}
	})
	t.Run("a process that stays is killed", func(t *testing.T) {
		f := start(t, map[string]string{"ECHO_INIT": "linger"}, Options{after: once("lingering")})
		if state := f.Stop(); state != "signal: killed" || !strings.Contains(f.Log(), "lingering") {
			t.Errorf("ended with %s; log %q", state, f.Log())
		}
	})
}

func TestRequestsOutOfPlaceAreRefused(t *testing.T) {
	f := start(t, map[string]string{"ECHO_INIT": "requests"}, Options{FunctionName: "echo"})
	do(t, f, `{"do": "echo"}`)
	want := strings.Join([]string{
		"POST /2018-06-01/runtime/invocation/none/response 400 InvalidRequestID",
		"POST /2018-06-01/runtime/invocation/none/error 400 InvalidRequestID",
		"POST /2020-01-01/extension/register 403 Extension.InvalidExtensionName",
		"POST /2020-01-01/extension/register 403 Extension.InvalidEventType",
		"POST /2020-01-01/extension/register 403 InvalidRequestFormat",
		"POST /2020-01-01/extension/register 200 echo",
		"POST /2020-01-01/extension/register 403 Extension.InvalidExtensionState",
		"GET /2020-01-01/extension/event/next 403 Extension.UnknownExtensionIdentifier",
		"GET /2020-01-01/extension/event/next 403 Extension.UnknownExtensionIdentifier",
		"GET /2018-06-01/ping 404 ",
		"",
	}, "\n")
	if diff := cmp.Diff(want, f.Log()); diff != "" {
		t.Error(diff)
	}
}

func TestTheProcessEndsWithItsTest(t *testing.T) {
	var f *Function
	t.Run("a test", func(t *testing.T) {
		f = start(t, nil, Options{})
		go f.Invoke(context.Background(), []byte(`{"do": "sleep"}`))
		eventually(t, "the handler is at it", func() bool { return strings.Contains(f.Log(), "asleep") })
	})
	select {
	case <-f.exited:
	default:
		t.Error("the process lives on")
	}
}

// starterFile names, in the environment of a child process, the file that it writes the function's process id to.
const starterFile = "LAMBDATEST_STARTER_FILE"

// TestStarter is the test that TestTheProcessEndsWithAKilledTest kills.
func TestStarter(t *testing.T) {
	file := os.Getenv(starterFile)
	if file == "" {
		t.Skip("only for a test that kills it")
	}
	f := start(t, nil, Options{Timeout: time.Hour})
	go f.Invoke(t.Context(), []byte(`{"do": "sleep"}`))
	eventually(t, "the handler is at it", func() bool { return strings.Contains(f.Log(), "asleep") })
	if err := errors.Join(os.WriteFile(file+".part", []byte(fmt.Sprint(f.cmd.Process.Pid)), 0o600), os.Rename(file+".part", file)); err != nil {
		t.Fatal(err)
	}
	<-f.exited
}

func TestTheProcessEndsWithAKilledTest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
	}
	Build(t, echo)
	file := filepath.Join(t.TempDir(), "pid")
	child := exec.Command(os.Args[0], "-test.run=^TestStarter$")
	child.Env = append(os.Environ(), starterFile+"="+file)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var pid []byte
	eventually(t, "the function runs", func() (ok bool) {
		pid, _ = os.ReadFile(file)
		return len(pid) > 0
	})
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	eventually(t, "the function's process is gone", func() bool {
		state := processState(string(pid))
		return state == "" || state == "Z"
	})
}

// processState is the letter that Linux has for it; empty when the process is gone.
func processState(pid string) string {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}

func TestBetweenInvocationsTheProcessIsFrozen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
	f := start(t, nil, Options{})
	for range 3 {
		eventually(t, "the process is stopped", func() bool { return processState(fmt.Sprint(f.cmd.Process.Pid)) == "T" })
		do(t, f, `{"do": "echo"}`)
	}
}

func TestPeakMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	ballast := bytes.Repeat([]byte{1}, 300<<20) // the test's own memory is not the function's
	f := start(t, nil, Options{})
	before := f.PeakMemory()
	if before < 1<<20 || before > 100<<20 {
		t.Errorf("%d bytes to begin with", before)
	}
	do(t, f, `{"do": "allocate", "size": 67108864}`)
	after := f.PeakMemory()
	if grown := after - before; grown < 50<<20 || grown > 200<<20 {
		t.Errorf("64 MB more made it %d bytes more", grown)
	}
	f.Kill()
	if gone := f.PeakMemory(); gone != after {
		t.Errorf("%d bytes, and %d when the process is gone", after, gone)
	}
	runtime.KeepAlive(ballast)
}

// BenchmarkInit measures what a function of nothing takes to start on one processor.
func BenchmarkInit(b *testing.B) {
	binary := Build(b, echo)
	var total time.Duration
	for b.Loop() {
		f := Start(b, binary, nil, Options{OneCPU: true})
		took, err := f.InitTime()
		if err != nil {
			b.Fatal(err)
		}
		total += took
		f.Kill()
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "init-ms/op")
}

func TestLoops(t *testing.T) {
	// again has a function invoked with what it would hand on itself, until it is not.
	again := func(t *testing.T, f *Function, trace string, most int) (rounds int, last string) {
		t.Helper()
		for ; rounds < most; rounds++ {
			a, err := f.InvokeFrom(t.Context(), trace, []byte(`{"do": "echo"}`))
			if errors.Is(err, ErrLoop) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var r reply
			if err := json.Unmarshal(a.Payload, &r); err != nil {
				t.Fatal(err)
			}
			trace = strings.ReplaceAll(r.Trace, "|", "%7C") // as the SDK sends it
		}
		return rounds, trace
	}
	f, other := start(t, nil, Options{FunctionName: "one"}), start(t, nil, Options{FunctionName: "other"})
	rounds, trace := again(t, f, "", 40)
	if rounds != 16 {
		t.Errorf("it was invoked %d times", rounds)
	}
	if rounds, trace = again(t, other, trace, 40); rounds != 16 {
		t.Errorf("another one on the same way was invoked %d times", rounds)
	}
	if rounds, _ := again(t, f, trace, 40); rounds != 0 {
		t.Errorf("after another one it was invoked %d more times", rounds)
	}
	if rounds, _ := again(t, f, "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=x|y:z|:", 1); rounds != 1 {
		t.Error("a header that says nothing stops it")
	}
	allowed := start(t, nil, Options{FunctionName: "one", AllowLoops: true})
	if rounds, _ := again(t, allowed, trace, 20); rounds != 20 {
		t.Errorf("where loops are allowed it was invoked %d times", rounds)
	}
}

func TestTheEnvironmentHasFourKilobytes(t *testing.T) {
	env := map[string]string{"AWS_ENDPOINT_URL": strings.Repeat("x", 5000), "NAME": strings.Repeat("x", 4092)}
	if err := CheckEnvironment(env); err != nil {
		t.Errorf("4,096 bytes: %v", err)
	}
	env["NAME"] += "x"
	if err := CheckEnvironment(env); err == nil || !strings.Contains(err.Error(), "4097 bytes") {
		t.Errorf("4,097 bytes: %v", err)
	}
}

// TestAShareOfAProcessor compares two times of one process, so that it does not matter how busy the machine is.
func TestAShareOfAProcessor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what a process uses")
	}
	for _, memory := range []int{256, 884} {
		f := start(t, nil, Options{Memory: memory, CPUShare: true})
		before, began := cpuTime(f.cmd.Process.Pid), time.Now()
		do(t, f, `{"do": "spin", "size": 1000}`)
		used, most := cpuTime(f.cmd.Process.Pid)-before, time.Duration(float64(time.Since(began))*float64(memory)/1769)
		if used > most+150*time.Millisecond || used == 0 {
			t.Errorf("with %d MB it used %v of a processor, and was to use %v", memory, used, most)
		}
		do(t, f, `{"do": "echo"}`) // goes on
	}
}
