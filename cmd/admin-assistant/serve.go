package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"adminassistant/shared/fault"
)

func (p *program) serveCommand() *cobra.Command {
	var addr string
	var demo bool
	var mailbox, asks string
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the whole system on this machine: API and worker over its stores", Args: cobra.NoArgs,
		Long: "Serve the whole system on this machine: API and worker over its stores. With --demo it shows a sample month, in a data folder of its own beside\n" +
			"yours unless --data names one, so that nothing of it gets into your record.",
		Example: "  admin-assistant serve\n  admin-assistant serve --demo --addr 127.0.0.1:8081",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.local, p.serving = true, true
			if demo {
				if err := p.demoFolder(); err != nil {
					return err
				}
			}
			listener, err := p.listen(addr)
			if err != nil {
				return err
			}
			defer listener.Close()
			if demo {
				closing, waits, err := p.prepareDemo(cmd.Context(), mailbox)
				if err != nil {
					return err
				}
				defer closing()
				if waits {
					asks = "review --config " + demoConfig
				}
			}
			return p.serve(cmd.Context(), listener, asks)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on, of this machine only")
	cmd.Flags().BoolVar(&demo, "demo", false, "archive a sample month first, from a file and from a mailbox, and show what became of it")
	cmd.Flags().StringVar(&mailbox, "mailbox", "", "mailbox of the demo where Microsoft 365 is set up (default: a simulated one)")
	return cmd
}

// demoFolder has the demo keep its data apart from what is true, unless a folder is named.
func (p *program) demoFolder() error {
	if p.settings.Data != "" {
		return nil
	}
	own, err := p.settings.DataDir()
	p.settings.Data, p.dataGiven = own+"-demo", true
	return err
}

// listen listens on an address of this machine. From then on the commands that are printed go to the server there, since only that has the stores.
func (p *program) listen(addr string) (net.Listener, error) {
	if err := onlyLoopback(addr); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		why := err.Error()
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "another program does, perhaps a server that runs already"
		}
		return nil, fault.New(fault.Unavailable, "cannot listen on %s: %s; name another address with --addr", addr, why)
	}
	p.place = nil
	if at := "http://" + listener.Addr().String(); at != p.settings.API {
		p.place = append(p.place, "--api "+at)
	}
	if p.dataGiven {
		p.place = append(p.place, "--data "+quoted(p.settings.Data))
	}
	return listener, nil
}

// serve serves until ctx ends. asks is the command by which what waits for the user is decided; empty: nothing does.
func (p *program) serve(ctx context.Context, listener net.Listener, asks string) error {
	local, err := p.open()
	if err != nil {
		return err
	}
	at, again := listener.Addr().String(), p.command("browser")
	served, err := local.Serve(at, again)
	if err != nil {
		return err
	}
	defer func() {
		if removed := served.Close(); removed != nil {
			fmt.Fprintf(p.err, "admin-assistant: the key of the server, which is of no use any more, was not removed: %v\n", removed)
		}
	}()
	server := newServer(ownHostOnly(served))
	fmt.Fprintf(p.out, "serving on http://%s, its reference on http://%s/docs; Ctrl-C stops\n", at, at)
	fmt.Fprintf(p.out, "in a browser: http://%s/%s\nthat address works once, within the hour; for a new one: %s\n", at, served.Once(), again)
	if asks != "" {
		fmt.Fprintf(p.out, "in another terminal, decide what it asks: %s\n", p.command(asks))
	}

	own, err := newClient("http://local", inProcess{local.Handler()})
	if err != nil {
		return err
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	worked, ended := make(chan error, 1), make(chan error, 1)
	go func() { worked <- local.Work(working) }()
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		p.watchFolders(working, own)
	}()
	go func() { ended <- server.Serve(listener) }()
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	stop() // a run that is interrupted goes on at the next start
	<-worked
	<-looked
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if shut := server.Shutdown(ending); err == nil && shut != nil {
		err = shut
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	fmt.Fprintln(p.out, "stopped")
	return err
}

// newServer returns a server that no client can hold up: each has so long to send a request's header and body, and to take the answer.
// The body may be an import of the largest size, over a slow line; JSON bodies have a shorter time, in httpapi.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// onlyLoopback refuses addresses that other machines can reach: the local server knows one user and speaks in the clear.
func onlyLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return usageError{fmt.Errorf("--addr must be an address as in 127.0.0.1:8080, not %q", addr)}
	}
	if !ownHost(host) {
		return usageError{fmt.Errorf("--addr must be of this machine alone, as in 127.0.0.1:8080, not %q: the local server speaks in the clear", addr)}
	}
	return nil
}

// ownHostOnly refuses requests that name another host than this machine: the page of a web site whose name was made to point here
// must not speak to a server that the browser may have a session with.
func ownHostOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			host = name
		}
		if !ownHost(strings.Trim(host, "[]")) {
			http.Error(w, "this server is for its own machine alone", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownHost says whether a name means this machine and cannot be made to mean another one.
func ownHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
