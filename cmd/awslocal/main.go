// Command awslocal runs a command with stand-ins for AWS at its side: DynamoDB Local for the table, and moto for SQS, S3, KMS and
// SES. They listen on free loopback ports, the command finds them by the environment variables that the AWS SDK defines, and they
// end with it. An engine whose address the environment gives already is not started; one that is not installed is left out, with
// one line that says why. `make tools` installs them.
//
//	awslocal go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// engine is one of the stand-ins.
type engine struct {
	name     string
	variable string // where the SDK looks for its address
	needs    string // what has to be there, in the folder of the module
	command  func(root, port string) *exec.Cmd
	ready    string // a path that it answers
}

var engines = []engine{
	{
		name: "DynamoDB Local", variable: "AWS_ENDPOINT_URL_DYNAMODB", needs: ".tools/dynamodb-local/lib", ready: "/",
		command: func(root, port string) *exec.Cmd {
			lib := filepath.Join(root, ".tools", "dynamodb-local", "lib")
			return exec.Command("java", "-Xmx1g", "-Djava.library.path="+lib, "-cp", filepath.Join(lib, "*"),
				filepath.Join(root, "shared", "awstest", "engines", "Loopback.java"), port)
		},
	},
	{
		name: "moto", variable: "AWS_ENDPOINT_URL", needs: ".tools/moto/bin/python", ready: "/moto-api/",
		command: func(root, port string) *exec.Cmd {
			return exec.Command(filepath.Join(root, ".tools", "moto", "bin", "python"), filepath.Join(root, "shared", "awstest", "engines", "loopback.py"), port)
		},
	},
}

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "awslocal:", err)
		code = 1
	}
	os.Exit(code)
}

// run returns the exit code of the command.
func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New("name a command to run, as in: awslocal go test ./...")
	}
	root, err := moduleRoot()
	if err != nil {
		return 1, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	env := append(os.Environ(), "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_EC2_METADATA_DISABLED=true")
	for _, e := range engines {
		if os.Getenv(e.variable) != "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(e.needs))); err != nil {
			if os.Getenv("CI") == "true" {
				return 1, fmt.Errorf("%s is not installed; run: make tools", e.name)
			}
			fmt.Fprintf(os.Stderr, "awslocal: tests with %s are skipped, it is not installed; run: make tools\n", e.name)
			continue
		}
		address, end, err := start(ctx, root, e)
		if err != nil {
			return 1, err
		}
		defer end()
		env = append(env, e.variable+"="+address)
	}

	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr, command.Env = os.Stdin, os.Stdout, os.Stderr, env
	if err := command.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		_ = command.Process.Signal(syscall.SIGTERM)
		err = <-ended
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return max(failed.ExitCode(), 1), nil // -1: a signal
	}
	return 0, err
}

// moduleRoot is the folder with go.mod, here or above.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run it within the module")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// patience is how long an engine may take to answer for the first time.
const patience = 2 * time.Minute

// start starts an engine, waits until it answers, and returns its address and what ends it. An engine ends with its standard
// input, so that none outlives this process however that ends.
func start(ctx context.Context, root string, e engine) (address string, end func(), err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	command := e.command(root, port)
	var said strings.Builder
	command.Stdout, command.Stderr = io.Discard, &said
	input, err := command.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, fmt.Errorf("%s: %w", e.name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	end = func() {
		_ = input.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = command.Process.Kill()
			<-ended
		}
	}
	address = "http://127.0.0.1:" + port
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !answers(ctx, address+e.ready) {
		select {
		case err := <-ended:
			return "", nil, fmt.Errorf("%s ended at once: %v\n%s", e.name, err, said.String())
		case <-ctx.Done():
			end()
			return "", nil, fmt.Errorf("%s does not answer: %w", e.name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return address, end, nil
}

// answers says whether something answers at url, whatever it says.
func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil
}

// freePort asks the operating system for a port that nobody uses.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l.Close()
}
