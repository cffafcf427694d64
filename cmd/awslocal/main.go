// Command awslocal runs a command with stand-ins for AWS at its side: DynamoDB Local for the table, and moto for SQS, S3, KMS and
// SES. They listen on free loopback ports, the command finds them by the environment variables that the AWS SDK defines, and they
// end with it. An engine whose address the environment gives already is not started; one that is not installed is left out, with
// one line that says why. `make tools` installs them.
//
//	awslocal go test ./...
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	variable string                      // where the SDK looks for its address
	needs    string                      // what has to be there, in the folder of the module
	command  func(root string) *exec.Cmd // writes a line with the port when it listens, and ends with its standard input
}

var engines = []engine{
	{
		name: "DynamoDB Local", variable: "AWS_ENDPOINT_URL_DYNAMODB", needs: ".tools/dynamodb-local/lib",
		command: func(root string) *exec.Cmd {
			lib := filepath.Join(root, ".tools", "dynamodb-local", "lib")
			return exec.Command("java", "-Xmx1g", "-Djava.library.path="+lib, "-cp", filepath.Join(lib, "*"),
				filepath.Join(root, "shared", "awstest", "engines", "Loopback.java"))
		},
	},
	{
		name: "moto", variable: "AWS_ENDPOINT_URL", needs: ".tools/moto/bin/python",
		command: func(root string) *exec.Cmd {
			return exec.Command(filepath.Join(root, ".tools", "moto", "bin", "python"), filepath.Join(root, "shared", "awstest", "engines", "loopback.py"))
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
	var started []*process
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
		p, err := e.start(root)
		if err != nil {
			return 1, err
		}
		defer p.end()
		started = append(started, p)
	}
	for _, p := range started {
		address, err := p.address(ctx)
		if err != nil {
			return 1, err
		}
		env = append(env, p.variable+"="+address)
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

// process is an engine that was started.
type process struct {
	engine
	command *exec.Cmd
	input   io.Closer
	said    strings.Builder // complete when it has ended
	port    chan uint64
	ended   chan struct{}
	err     error // how it ended
}

// start starts an engine. The engine chooses a free port itself and writes which: one that was chosen for it could be another's by the time
// it listens.
func (e engine) start(root string) (*process, error) {
	p := &process{engine: e, command: e.command(root), port: make(chan uint64, 1), ended: make(chan struct{})}
	p.command.Stderr = &p.said
	input, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.input = input
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if port, err := strconv.ParseUint(lines.Text(), 10, 16); err == nil { // among what else it has to say
				select {
				case p.port <- port:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, output) // a line may have been too long
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// address waits until the engine listens, however long that takes on a busy machine, and returns where.
func (p *process) address(ctx context.Context) (string, error) {
	select {
	case port := <-p.port:
		return fmt.Sprintf("http://127.0.0.1:%d", port), nil
	case <-p.ended:
		return "", fmt.Errorf("%s ended at once: %v\n%s", p.name, p.err, p.said.String())
	case <-ctx.Done():
		return "", fmt.Errorf("%s does not listen yet: %w", p.name, ctx.Err())
	}
}

// end ends the engine, which ends with its standard input, so that none outlives this process however that ends.
func (p *process) end() {
	_ = p.input.Close()
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}
