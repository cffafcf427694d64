package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"adminassistant/functions/lambdatest"
)

// emulator runs a compiled function under Lambda's own emulator, and returns where it is invoked.
func (d *deployment) emulator(function string) string {
	d.t.Helper()
	name := map[string]string{"amd64": "aws-lambda-rie-x86_64", "arm64": "aws-lambda-rie-arm64"}[runtime.GOARCH]
	rie, err := filepath.Abs(filepath.Join("..", ".tools", "rie", name))
	must(d.t, err)
	if _, err := os.Stat(rie); err != nil || runtime.GOOS != "linux" {
		if os.Getenv("CI") == "true" {
			d.t.Fatalf("there is no aws-lambda-rie: %v", err)
		}
		d.t.Skip("skipped: there is no aws-lambda-rie; run: make tools")
	}
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(d.t, err)
		defer l.Close()
		return l.Addr().String()
	}
	address := free()
	log, err := os.Create(filepath.Join(d.t.TempDir(), "log"))
	must(d.t, err)
	command := exec.Command(rie, "--runtime-interface-emulator-address", address, "--runtime-api-address", free(),
		lambdatest.Build(d.t, "adminassistant/functions/"+function))
	command.Stdout, command.Stderr, command.Dir = log, log, d.t.TempDir()
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_LAMBDA_FUNCTION_TIMEOUT=60", "AWS_LAMBDA_FUNCTION_NAME=" + function}
	for name, value := range d.settings(function) {
		command.Env = append(command.Env, name+"="+value)
	}
	must(d.t, command.Start())
	d.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if d.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			d.t.Logf("%s under the emulator wrote:\n%s", function, text)
		}
	})
	eventually(d.t, "the emulator listens", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "http://" + address + "/2015-03-31/functions/function/invocations"
}

// awsSample is an event of those that AWS publishes with its library.
func awsSample(t *testing.T, name string) []byte {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	must(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "events", "testdata", name))
	must(t, err)
	return text
}

// TestFunctionsUnderLambdasOwnEmulator gives the compiled functions the samples of AWS, through AWS's own implementation of the Runtime API.
func TestFunctionsUnderLambdasOwnEmulator(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	for function, c := range map[string]struct{ sample, want, parks string }{
		"api":        {"apigw-v2-request-no-authorizer.json", `"statusCode":302`, ""}, // of / to the first page
		"dispatcher": {"cloudwatch-logs-event.json", "null", ""},                      // whatever it is called with, it looks what is due
		// the body of the sample is no message of ours
		"archive": {"sqs-event.json", `"batchItemFailures":`, "archive-dead"},
		"backup":  {"sqs-event.json", `"batchItemFailures":`, "backup-dead"},
		"notify":  {"sqs-event.json", `"batchItemFailures":`, "notify-dead"},
	} {
		t.Run(function, func(t *testing.T) {
			d := d.in(t)
			url := d.emulator(function)
			for _, event := range [][]byte{awsSample(t, c.sample), []byte(`{"admin_assistant_probe":{}}`), awsSample(t, c.sample)} {
				client := http.Client{Timeout: 90 * time.Second}
				answer, err := client.Post(url, "application/json", bytes.NewReader(event))
				must(t, err)
				text, err := io.ReadAll(answer.Body)
				must(t, err)
				_ = answer.Body.Close()
				if bytes.Contains(event, []byte("admin_assistant_probe")) {
					var said struct{ Version, Problem string }
					if err := json.Unmarshal(text, &said); err != nil || said.Version == "" || said.Problem != "" {
						t.Errorf("a probe is answered %s", text)
					}
				} else if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), c.want) || strings.Contains(string(text), "errorType") {
					t.Errorf("answered %d: %s", answer.StatusCode, text)
				}
			}
			if c.parks == "" {
				return
			}
			bodies, reasons := d.letters(c.parks)
			if len(bodies) == 0 {
				t.Errorf("nothing was parked in %s", c.parks)
			}
			for i, body := range bodies {
				if body != "Message Body" || reasons[i] != "malformed" {
					t.Errorf("parked is %q, because it is %q", body, reasons[i])
				}
			}
		})
	}
}
