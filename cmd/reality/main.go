// Command reality asks Microsoft 365 how it behaves, in a mailbox of whoever runs it:
//
//	reality me@example.com
//
// with ADMIN_ASSISTANT_GRAPH_* set as for the program itself. It makes two calendars of its own and removes them again, invites nobody, and writes
// nothing else. It prints each point of docs/graph.md with how the service answered: documented, as assumed, or otherwise. The last one is for us to
// know; the command then ends with status 1.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"adminassistant/shared/app"
	"adminassistant/shared/calendar/reality"
	"adminassistant/shared/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	settings, err := app.FromEnvironment()
	if err == nil {
		err = run(ctx, settings, os.Args[1:], time.Now(), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reality:", err)
		os.Exit(1)
	}
}

// run asks all questions and prints the answers as a table.
func run(ctx context.Context, settings app.Settings, args []string, now time.Time, out io.Writer) error {
	if len(args) != 1 {
		return fault.New(fault.Invalid, "name the mailbox, which must be your own: reality me@example.com")
	}
	service, err := app.Outlook(ctx, settings)
	if err != nil {
		return err
	}
	var findings []reality.Finding
	name := "Admin Assistant asks " + now.UTC().Format("2006-01-02 150405")
	err = reality.Ask(ctx, service, args[0], name, now, func(f reality.Finding) { findings = append(findings, f) })
	slices.SortStableFunc(findings, func(a, b reality.Finding) int { return a.Row - b.Row })
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	otherwise := 0
	for _, f := range findings {
		if f.Verdict == reality.Otherwise {
			otherwise++
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", f.Row, f.Verdict, f.Question, f.Detail)
	}
	_ = table.Flush() // whoever reads it has gone
	if err == nil && otherwise > 0 {
		err = fault.New(fault.Conflict, "Microsoft 365 answered %d of these otherwise than documented and assumed; docs/graph.md tells what relies on them",
			otherwise)
	}
	return err
}
