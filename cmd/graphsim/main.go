// Command graphsim serves a simulated Outlook mailbox on this machine, in Microsoft Graph's REST dialect.
//
//	graphsim --seed calendar.ics --state mailbox.json
//
// then answers http://127.0.0.1:8081/v1.0/me/calendars. Faults can be added while it runs, and what it was asked is to be seen:
//
//	curl -d '{"kind":"throttle","probability":0.1,"retry_after":"2"}' http://127.0.0.1:8081/_sim/faults
//	curl http://127.0.0.1:8081/_sim/log
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"adminassistant/shared/calendar/graphsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stderr); {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "graphsim:", err)
		os.Exit(1)
	}
}

// errUsage means that the flags are wrong, which has been said.
var errUsage = errors.New("usage")

const (
	saveEvery = 2 * time.Second
	lastCalls = 5 * time.Second // how long requests under way may take at the end
)

// settings are what the flags say.
type settings struct {
	graphsim.Options
	addr, mailbox, zone, seed, state, faults, log, switches string
}

func parse(args []string, out io.Writer) (s settings, err error) {
	f := flag.NewFlagSet("graphsim", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&s.addr, "addr", "127.0.0.1:8081", "where to listen; this machine alone can connect")
	f.StringVar(&s.mailbox, "mailbox", "me@example.com", "address of the mailbox")
	f.StringVar(&s.zone, "zone", "Europe/Berlin", "time zone of the mailbox")
	f.StringVar(&s.seed, "seed", "", "`file` (iCalendar) to fill the default calendar with, unless the state has a mailbox already")
	f.StringVar(&s.state, "state", "", "`file` that keeps the mailbox from one start to the next")
	f.StringVar(&s.faults, "faults", "", "`file` with a fault script: JSON lines")
	f.StringVar(&s.log, "log", "", "`file` to which every request is appended, as JSON lines")
	f.DurationVar(&s.RoundTrip, "rtt", 0, "what each HTTP request costs, as in 20ms")
	f.DurationVar(&s.ServiceTime, "service-time", 0, "what each operation on the mailbox costs, as in 60ms")
	f.StringVar(&s.Token, "token", "", "the bearer token that is accepted; empty: any")
	f.StringVar(&s.switches, "switches", "", "how the service deviates, as in page_504=100,bump_keys; docs/graph.md has the `list`")
	f.BoolVar(&s.Queue, "queue", false, "let requests beyond four at once wait, instead of answering 429")
	f.IntVar(&s.DuplicateStatus, "duplicate-status", http.StatusConflict, "answer to a transactionId with other content: 400 or 409")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return s, err
	} else if err != nil {
		return s, errUsage
	}
	wrong := func(format string, a ...any) (settings, error) {
		fmt.Fprintf(out, "graphsim: "+format+"\n", a...)
		return s, errUsage
	}
	if f.NArg() > 0 {
		return wrong("unexpected argument %q", f.Arg(0))
	}
	if s.DuplicateStatus != http.StatusConflict && s.DuplicateStatus != http.StatusBadRequest {
		return wrong("--duplicate-status must be 400 or 409")
	}
	if s.switches != "" {
		if s.Switches, err = graphsim.ParseSwitches(strings.Split(s.switches, ",")...); err != nil {
			return wrong("--switches: %v", err)
		}
	}
	if !loopback(s.addr) {
		return wrong("--addr %q: only addresses of this machine are allowed, as in 127.0.0.1:8081", s.addr)
	}
	return s, nil
}

// loopback says whether nobody but this machine can connect to addr.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// run serves until ctx ends. It writes the address to out when it listens.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if s.log != "" {
		file, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		s.Log = file
	}
	if s.faults != "" {
		file, err := os.Open(s.faults)
		if err != nil {
			return err
		}
		s.Faults, err = graphsim.ReadFaults(file)
		file.Close()
		if err != nil {
			return err
		}
	}
	sim := graphsim.New(s.Options)
	if s.state != "" {
		if err := sim.LoadFile(s.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := fill(sim, s); err != nil {
		return err
	}
	if s.state != "" {
		keep, done := context.WithCancel(context.WithoutCancel(ctx)) // until the last request is answered
		wait := sim.KeepFile(keep, s.state, saveEvery)
		defer func() {
			done()
			err = errors.Join(err, wait())
		}()
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "graphsim: http://%s/v1.0/me/calendars\n", listener.Addr())
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(stopped)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCalls)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return sim.LogError()
}

// fill makes the mailbox, unless the state had it.
func fill(sim *graphsim.Server, s settings) error {
	if _, err := sim.Calendars(s.mailbox); err == nil {
		return nil
	}
	if err := sim.AddMailbox(graphsim.Mailbox{ID: s.mailbox, TimeZone: s.zone}); err != nil {
		return err
	}
	if s.seed == "" {
		return nil
	}
	file, err := os.Open(s.seed)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := sim.LoadICS(s.mailbox, "", file); err != nil {
		return fmt.Errorf("%s: %w", s.seed, err)
	}
	return nil
}
