// Command echo is a function that does what its environment and its payload say, for the tests of lambdatest.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type command struct {
	Do   string `json:"do"`
	Text string `json:"text"`
	Size int    `json:"size"`
}

type answer struct {
	Text        string            `json:"text,omitempty"`
	RequestID   string            `json:"request_id"`
	ARN         string            `json:"arn"`
	Trace       string            `json:"trace"`
	HasDeadline bool              `json:"has_deadline"`
	Environment map[string]string `json:"environment,omitempty"`
	Folder      string            `json:"folder,omitempty"`
	CPUs        int               `json:"cpus"`
}

var kept []byte // what "allocate" allocated

func handle(ctx context.Context, c command) (*answer, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	_, hasDeadline := ctx.Deadline()
	a := &answer{
		Text: c.Text, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Trace: os.Getenv("_X_AMZN_TRACE_ID"), HasDeadline: hasDeadline,
		CPUs: runtime.NumCPU(),
	}
	switch c.Do {
	case "echo":
	case "environment":
		a.Environment = map[string]string{}
		for _, pair := range os.Environ() {
			name, value, _ := strings.Cut(pair, "=")
			a.Environment[name] = value
		}
		a.Folder, _ = os.Getwd()
	case "write":
		fmt.Println(c.Text + " to standard output")
		fmt.Fprintln(os.Stderr, c.Text+" to standard error")
	case "fail":
		return nil, errors.New(c.Text)
	case "panic":
		panic(c.Text)
	case "exit":
		fmt.Println("leaving")
		os.Exit(c.Size)
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "spin":
		for end := time.Now().Add(time.Duration(c.Size) * time.Millisecond); time.Now().Before(end); {
		}
	case "obey":
		<-ctx.Done()
		return nil, ctx.Err()
	case "allocate":
		kept = bytes.Repeat([]byte{1}, c.Size)
	case "large":
		a.Text = strings.Repeat("x", c.Size)
	default:
		return nil, fmt.Errorf("what is %q?", c.Do)
	}
	return a, nil
}

func main() {
	var options []lambda.Option
	switch does := os.Getenv("ECHO_INIT"); does {
	case "":
	case "exit":
		fmt.Println("ADMIN_ASSISTANT_TABLE is not set")
		os.Exit(3)
	case "hang":
		fmt.Println("hanging")
		time.Sleep(time.Hour)
	case "report":
		body := strings.NewReader(`{"errorType":"Settings","errorMessage":"no table"}`)
		resp, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "application/json", body)
		fmt.Println("reported", resp.StatusCode, err)
		time.Sleep(time.Hour)
	case "terminate":
		options = append(options, lambda.WithEnableSIGTERM(func() {
			err := os.WriteFile(os.Getenv("ECHO_FILE"), []byte("terminated"), 0o600)
			fmt.Println("terminated", err)
			os.Exit(0)
		}))
	case "linger":
		options = append(options, lambda.WithEnableSIGTERM(func() { fmt.Println("lingering") }))
	case "requests":
		requests()
	default:
		panic(does)
	}
	lambda.StartWithOptions(handle, options...)
}

// requests sends what aws-lambda-go never does, and prints what became of it.
func requests() {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	send := func(method, path, body string, header ...string) string {
		req, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			panic(err)
		}
		defer resp.Body.Close()
		var said map[string]string
		_ = json.NewDecoder(resp.Body).Decode(&said)
		fmt.Println(method, path, resp.StatusCode, said["errorType"]+said["functionName"])
		return resp.Header.Get("Lambda-Extension-Identifier")
	}
	send("POST", "/2018-06-01/runtime/invocation/none/response", "{}")
	send("POST", "/2018-06-01/runtime/invocation/none/error", "{}")
	send("POST", "/2020-01-01/extension/register", `{"events":[]}`)
	send("POST", "/2020-01-01/extension/register", `{"events":["SHUTDOWN"]}`, "Lambda-Extension-Name", "a")
	send("POST", "/2020-01-01/extension/register", `no`, "Lambda-Extension-Name", "a")
	id := send("POST", "/2020-01-01/extension/register", `{"events":[]}`, "Lambda-Extension-Name", "a")
	send("POST", "/2020-01-01/extension/register", `{"events":[]}`, "Lambda-Extension-Name", "a")
	send("GET", "/2020-01-01/extension/event/next", "")
	send("GET", "/2020-01-01/extension/event/next", "", "Lambda-Extension-Identifier", id+"0")
	send("GET", "/2018-06-01/ping", "")
}
