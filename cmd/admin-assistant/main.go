// Command admin-assistant archives calendars from a terminal, and serves the whole system on one machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the program is built for a release.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program wherever it is
	os.Exit(execute(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
