package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/imports"
)

type calendarView struct {
	document
	ID      string `json:"id"`
	Name    string `json:"name"`
	URI     string `json:"uri"`
	Primary bool   `json:"primary"`
	CanEdit bool   `json:"can_edit"`
}

func (p *program) calendarCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "calendar", Short: "Create, fill and read calendars"}
	cmd.AddCommand(p.calendarCreate(), p.calendarList(), p.calendarDelete(), p.calendarImport(), p.calendarSubscribe(), p.calendarSync(),
		p.calendarExport(), p.calendarEvents(), p.calendarOverlaps())
	return cmd
}

// findCalendar returns the calendar that a URI names.
func (p *program) findCalendar(ctx context.Context, c *client, uri string) (calendarView, error) {
	query := url.Values{"uri": {uri}}
	if !strings.Contains(uri, "://") { // a name alone
		query = nil
	}
	found, err := all[calendarView](ctx, c, "/v1/calendars", query, 0)
	if err != nil {
		return calendarView{}, err
	}
	if query == nil {
		found = slices.DeleteFunc(found, func(v calendarView) bool { return calendar.Folded(v.Name) != calendar.Folded(uri) })
		if len(found) > 1 {
			return calendarView{}, fault.New(fault.Invalid, "%s are named %q; write the URI of one, as %s", counted(len(found), "calendar", "calendars"), uri,
				found[0].URI)
		}
		if len(found) == 0 {
			return calendarView{}, fault.New(fault.NotFound, "there is no calendar %q; see: admin-assistant calendar list", uri)
		}
	}
	if len(found) == 0 {
		return calendarView{}, fault.New(fault.NotFound, "calendar %s not found; create it with: admin-assistant calendar create %s", uri, quoted(uri))
	}
	return found[0], nil
}

func (p *program) calendarCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create URI", Short: "Create a calendar", Args: cobra.ExactArgs(1),
		Example: `  admin-assistant calendar create local://me/calendars/Work`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if name := url.PathEscape(args[0]); !strings.Contains(args[0], "://") {
				return fault.New(fault.Invalid, "calendar URI %q does not say where the calendar is to be: on this machine, as in local://me/calendars/%s, or in "+
					"Outlook, as in msgraph://me/calendars/%s", args[0], name, name)
			}
			var made calendarView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/calendars", json: map[string]string{"uri": args[0]}}, &made); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(made)
			}
			_, err := fmt.Fprintf(p.out, "created %s\n", printable(made.URI))
			return err
		}),
	}
}

func (p *program) calendarList() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List calendars", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"account": account})
			return printList(ctx, p, c, "/v1/calendars", query, 0, table.Row{"Calendar", "Name", ""}, func(v calendarView) table.Row {
				return table.Row{v.URI, v.Name, mark(v.Primary, "default") + mark(v.Primary && !v.CanEdit, ", ") + mark(!v.CanEdit, "read only")}
			})
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "only calendars of this account")
	return cmd
}

func mark(yes bool, word string) string {
	if yes {
		return word
	}
	return ""
}

func (p *program) calendarDelete() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "delete URI", Short: "Delete a calendar with all its events", Args: cobra.ExactArgs(1),
		Long: "Delete a calendar with all its events. One that is the source or the archive of a config is refused without --force.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, err := p.findCalendar(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(fmt.Sprintf("This deletes %s with all its events.", v.URI)); err != nil {
				return err
			}
			in := request{method: http.MethodDelete, path: "/v1/calendars/" + v.ID}
			if force {
				in.query = url.Values{"force": {"true"}}
			}
			if _, err = c.do(ctx, in, nil); err != nil {
				return err
			}
			return p.say("deleted %s", v.URI)
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also when it is the source or the archive of a config")
	return cmd
}

func (p *program) calendarImport() *cobra.Command {
	var dryRun, strict, mirror bool
	cmd := &cobra.Command{
		Use: "import URI FILE", Short: "Import an iCalendar file", Args: cobra.ExactArgs(2),
		Long: "Import an iCalendar file (.ics), as Outlook, Google and Apple export it; \"-\" reads standard input. What is there already, by its UID and, of\n" +
			"one instance of a series, its RECURRENCE-ID, is changed where the file has it otherwise, unless it is newer than the file's. What the file\n" +
			"does not name stays, so that importing a file twice changes nothing. It lists what is added, changed and removed.\n\n" +
			"An event that cannot be read is set aside, with its line and the reason, and does not stop the others: the exit code is 3 then. With --strict\n" +
			"nothing is imported instead.\n\n" +
			"With --mirror the calendar becomes what the file has: what the file does not name is removed, too. It shows what would be removed, and asks.\n" +
			"What was archived into the calendar stays.",
		Example: "  admin-assistant calendar import local://me/calendars/Work work.ics\n" +
			"  admin-assistant calendar import local://me/calendars/Work work.ics --mirror",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, err := p.findCalendar(ctx, c, args[0])
			if err != nil {
				return err
			}
			id, err := p.upload(ctx, c, args[1])
			if err != nil {
				return err
			}
			start := importStart{Calendar: v.URI, Upload: id, DryRun: dryRun || mirror, Strict: strict, Mirror: mirror}
			r, err := p.imported(ctx, c, start, args[1])
			if err != nil || dryRun || !mirror {
				return errors.Join(err, p.shownImport(ctx, c, err, r))
			}
			if r.Import.Removed > 0 {
				if !p.yes && p.output != "json" {
					if err := p.showImport(ctx, c, r); err != nil {
						return err
					}
				}
				if err := p.confirm(fmt.Sprintf("This removes %s from %s.", counted(r.Import.Removed, "event", "events"), v.URI)); err != nil {
					return err
				}
			}
			start.DryRun = false
			r, err = p.imported(ctx, c, start, args[1])
			return errors.Join(err, p.shownImport(ctx, c, err, r))
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be imported, and write nothing")
	cmd.Flags().BoolVar(&strict, "strict", false, "import all of the file or nothing")
	cmd.Flags().BoolVar(&mirror, "mirror", false, "also remove what the file does not have, after a preview")
	return cmd
}

// imported carries an import out, to its end. name is the file, for errors.
func (p *program) imported(ctx context.Context, c *client, start importStart, name string) (runView, error) {
	r, err := p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/imports", json: start})
	if err != nil {
		return r, fmt.Errorf("import %s: %w", name, err)
	}
	if r.Import == nil && r.Problem != nil {
		failure := &apiError{problem: problem{Code: r.Problem.Code, Detail: r.Problem.Detail}}
		if r.Problem.Code == fault.Invalid.String() { // as if it had been refused at once
			failure.Status = http.StatusUnprocessableEntity
		}
		return r, fmt.Errorf("import %s: %w", name, failure)
	}
	return r, nil
}

// shownImport is showImport, unless there is an error.
func (p *program) shownImport(ctx context.Context, c *client, err error, r runView) error {
	if err != nil {
		return nil
	}
	return p.showImport(ctx, c, r)
}

const (
	// fewAdded is how many new events an import lists one by one.
	fewAdded = 20
	// mostListed is how many events an import lists at all.
	mostListed = 500
)

// importStart is what starting an import asks for.
type importStart struct {
	Calendar string `json:"calendar"`
	Upload   string `json:"upload"`
	DryRun   bool   `json:"dry_run,omitempty"`
	Strict   bool   `json:"strict,omitempty"`
	Mirror   bool   `json:"mirror,omitempty"`
}

// importReport reads the account of an import run, with what became of each event.
func (p *program) importReport(ctx context.Context, c *client, r runView) (importing.Report, error) {
	done := importing.Report{Items: []importing.Imported{}, Aside: []calendar.Aside{}}
	if r.Import == nil {
		return done, nil
	}
	done = r.Import.Report()
	done.DryRun, done.Items, done.Aside = r.DryRun, []importing.Imported{}, []calendar.Aside{}
	items, err := all[struct{ Plan imports.Item }](ctx, c, "/v1/runs/"+r.ID+"/items", nil, 0)
	for _, it := range items {
		if it.Plan.Outcome == imports.SetAside {
			done.Aside = append(done.Aside, calendar.Aside{
				Line: it.Plan.Line, UID: it.Plan.UID, Subject: it.Plan.Subject, Reason: it.Plan.Reason, Detail: it.Plan.Detail,
			})
			continue
		}
		done.Items = append(done.Items, it.Plan.Imported)
	}
	return done, err
}

// showImport prints an import run that has ended with the account of it.
func (p *program) showImport(ctx context.Context, c *client, r runView) error {
	if p.output == "json" {
		return p.finish(r, r.exit())
	}
	done, err := p.importReport(ctx, c, r)
	if err != nil {
		return err
	}
	if err := p.printImport(done); err != nil {
		return err
	}
	return r.exit()
}

// printImport prints the account of an import: of many that are new, only how many there are.
func (p *program) printImport(done importing.Report) error {
	var rows []table.Row
	left := 0
	for _, it := range done.Items {
		if it.Outcome == importing.Added && done.Added > fewAdded && !done.DryRun || len(rows) == mostListed {
			left++
			continue
		}
		rows = append(rows, table.Row{string(it.Outcome), it.Subject, it.UID, it.Instance, strings.Join(it.Fields, ", ")})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Outcome", "Subject", least("UID"), less("Instance"), "Differs in"}, rows)
	}
	if left > 0 && len(rows) > 0 {
		fmt.Fprintf(p.out, "%d more are not listed here; --output json lists all.\n", left)
	}
	p.printAside(done.Aside)
	text := done.String()
	if done.DryRun {
		text = "preview: " + text
	}
	_, err := fmt.Fprintln(p.out, text)
	return err
}

// printAside lists what was set aside, and why.
func (p *program) printAside(aside []calendar.Aside) {
	var rows []table.Row
	for _, a := range aside {
		line := ""
		if a.Line > 0 {
			line = strconv.Itoa(a.Line)
		}
		rows = append(rows, table.Row{line, a.UID, a.Subject, a.Reason, a.Detail})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Set aside: line", least("UID"), "Subject", less("Reason"), "Why"}, rows)
	}
}

// unreadable says why a file cannot be opened.
func unreadable(kind fault.Kind, name string, err error) error {
	why := "cannot be read"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "is not there"
	case errors.Is(err, fs.ErrPermission):
		why = "cannot be read: you have no right to it"
	}
	return fault.New(kind, "the file %s %s", strconv.Quote(name), why)
}

// read opens a file, or standard input for "-".
func (p *program) read(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, unreadable(fault.Invalid, name, err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, fault.New(fault.Invalid, "%s is a folder, not a file", name)
	}
	return f, nil
}

func (p *program) calendarExport() *cobra.Command {
	return &cobra.Command{
		Use: "export URI [FILE]", Short: "Export a calendar as an iCalendar file", Args: cobra.RangeArgs(1, 2),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, err := p.findCalendar(ctx, c, args[0])
			if err != nil {
				return err
			}
			return p.save(ctx, c, request{method: http.MethodGet, path: "/v1/calendars/" + v.ID + "/export"}, args[1:])
		}),
	}
}

// save makes a call that is answered with a file, and keeps that under the name given; without one, or for "-", it goes to standard output. A terminal
// gets what is no text for "-" alone.
func (p *program) save(ctx context.Context, c *client, in request, name []string) error {
	answer, err := c.send(ctx, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if text := strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json"); len(name) == 0 && !text && isTerminal(p.out) {
		return usageError{errors.New("the file is not text, and this is a terminal: name a file behind it, or send it on with > FILE")}
	}
	if len(name) == 0 || name[0] == "-" {
		_, err = io.Copy(p.out, answer.Body)
		return err
	}
	return p.store(name[0], answer.Body)
}

// store writes a file so that it is there whole or not at all; one that is there already is written over only when the user agrees. What is no file, as
// /dev/null, is written to and stays what it is.
func (p *program) store(name string, from io.Reader) (err error) {
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
		return fault.New(fault.Invalid, "%s is a folder, not a file", name)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return unwritable(name, err)
		}
		_, err = io.Copy(f, from)
		return unwritable(name, cmp.Or(err, f.Close()))
	case err == nil:
		if err := p.confirm(fmt.Sprintf("%s is there already, and would be written over.", name)); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return unwritable(name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".admin-assistant-*")
	if err != nil {
		return unwritable(name, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := io.Copy(f, from); err != nil {
		return unwritable(name, err)
	}
	if err := f.Close(); err != nil {
		return unwritable(name, err)
	}
	return unwritable(name, os.Rename(f.Name(), name))
}

// unwritable says why a file cannot be written. What is wrong with where it comes from stays as it is.
func unwritable(name string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case !errors.As(err, &path) && !errors.As(err, &link):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Invalid, "the file %s cannot be written: its folder is not there", strconv.Quote(name))
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Invalid, "the file %s cannot be written: you have no right to", strconv.Quote(name))
	case errors.Is(err, syscall.ENOSPC):
		return fault.New(fault.Unavailable, "the file %s cannot be written: the disk is full", strconv.Quote(name))
	}
	return fault.New(fault.Unavailable, "the file %s cannot be written", strconv.Quote(name))
}

// formatOf is the format of a file that is to be written: what --format says, else what its name ends with, of formats by those endings. A file that
// has no name, or one without an ending, has the flag's default.
func formatOf(cmd *cobra.Command, formats map[string]string, name []string) (string, error) {
	flag := cmd.Flags().Lookup("format")
	ending := ""
	if len(name) > 0 {
		ending = strings.ToLower(filepath.Ext(name[0]))
	}
	if flag.Changed || ending == "" {
		return flag.Value.String(), nil
	}
	format, known := formats[ending]
	if !known {
		return "", wrong(cmd, "what %s is to be does not show from its name: say it with --format, which is %s", strconv.Quote(name[0]), flag.Usage)
	}
	return format, nil
}

type eventView struct {
	document
	Subject    string   `json:"subject"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	AllDay     bool     `json:"all_day"`
	StartDate  string   `json:"start_date"`
	EndDate    string   `json:"end_date"`
	Categories []string `json:"categories"`
	ShowAs     string   `json:"show_as"`
	Cancelled  bool     `json:"cancelled"`
}

// appointment returns the event's times as an appointment has them; unreadable ones are zero.
func (v *eventView) appointment() *calendar.Appointment {
	a := &calendar.Appointment{AllDay: v.AllDay}
	a.Start, _ = time.Parse(time.RFC3339Nano, v.Start)
	a.End, _ = time.Parse(time.RFC3339Nano, v.End)
	a.StartDate, _ = calendar.ParseDate(v.StartDate)
	a.EndDate, _ = calendar.ParseDate(v.EndDate)
	return a
}

// periodFlags are --period and --timezone.
func (p *program) periodFlags(cmd *cobra.Command, period, zone *string) {
	cmd.Flags().StringVar(period, "period", "", `days, as in "last week", "last 7 days", "2026-10-01 to 2026-10-31"`)
	cmd.Flags().StringVar(zone, "timezone", "", "IANA time zone in which days begin and end (default: this machine's)")
	p.required(cmd, "period")
}

// inZone finds the calendar that a command is about and the zone that it names, else this machine's.
func (p *program) inZone(
	name *string, do func(ctx context.Context, c *client, v calendarView, zone *time.Location) error,
) func(*cobra.Command, []string) error {
	return p.with(func(ctx context.Context, c *client, args []string) error {
		named := *name
		if named == "" {
			if named = time.Local.String(); named == "Local" {
				named = machineZone()
			}
		}
		zone, err := calendar.LoadZone(named)
		if err != nil {
			return err
		}
		v, err := p.findCalendar(ctx, c, args[0])
		if err != nil {
			return err
		}
		return do(ctx, c, v, zone)
	})
}

// machineZone reads the zone that the machine is set to; UTC where it does not say.
func machineZone() string {
	if link, err := os.Readlink("/etc/localtime"); err == nil {
		for dir, name := filepath.Dir(link), filepath.Base(link); dir != "/" && dir != "."; dir, name = filepath.Dir(dir), filepath.Base(dir)+"/"+name {
			if _, err := calendar.LoadZone(name); err == nil && filepath.Base(dir) == "zoneinfo" {
				return name
			}
		}
	}
	return "UTC"
}

func (p *program) calendarEvents() *cobra.Command {
	var period, name string
	cmd := &cobra.Command{
		Use: "events URI", Short: "List the events of a period, series expanded", Args: cobra.ExactArgs(1),
		RunE: p.inZone(&name, func(ctx context.Context, c *client, v calendarView, zone *time.Location) error {
			path, query := "/v1/calendars/"+v.ID+"/events", url.Values{"period": {period}, "timezone": {zone.String()}}
			if p.output == "json" {
				events, err := all[eventView](ctx, c, path, query, 0)
				return errors.Join(err, p.jsonUnless(err, events))
			}
			events, err := all[eventView](ctx, c, path, query, 0)
			if err != nil {
				return err
			}
			var rows []table.Row
			for _, e := range events {
				rows = append(rows, table.Row{when(e.appointment(), zone), e.Subject, strings.Join(e.Categories, ", "), e.ShowAs, mark(e.Cancelled, "cancelled")})
			}
			p.printTable(table.Row{"When", "Subject", "Categories", less("Shown as"), ""}, rows)
			_, err = fmt.Fprintf(p.out, "%s, times in %s\n", counted(len(events), "event", "events"), zone)
			return err
		}),
	}
	p.periodFlags(cmd, &period, &name)
	return cmd
}

func (p *program) calendarOverlaps() *cobra.Command {
	var period, name string
	var allDay bool
	cmd := &cobra.Command{
		Use: "overlaps URI", Short: "List the appointments of a period that share time", Args: cobra.ExactArgs(1),
		RunE: p.inZone(&name, func(ctx context.Context, c *client, v calendarView, zone *time.Location) error {
			type group struct {
				document
				Start        string `json:"start"`
				End          string `json:"end"`
				Appointments []struct {
					EventID     string               `json:"event_id"`
					Appointment calendar.Appointment `json:"appointment"`
				} `json:"appointments"`
			}
			query := url.Values{"period": {period}, "timezone": {zone.String()}, "all_day": {strconv.FormatBool(allDay)}}
			groups, err := all[group](ctx, c, "/v1/calendars/"+v.ID+"/overlaps", query, 0)
			if err != nil || p.output == "json" {
				return errors.Join(err, p.jsonUnless(err, groups))
			}
			var rows []table.Row
			for i, g := range groups {
				for _, m := range g.Appointments {
					a := &m.Appointment
					rows = append(rows, table.Row{i + 1, when(a, zone), a.Subject, string(a.ShowAs), string(a.Importance)})
				}
			}
			p.printTable(table.Row{"Group", "When", "Subject", "Shown as", less("Importance")}, rows)
			_, err = fmt.Fprintf(p.out, "%s, times in %s\n", counted(len(groups), "group", "groups"), zone)
			return err
		}),
	}
	p.periodFlags(cmd, &period, &name)
	cmd.Flags().BoolVar(&allDay, "all-day", false, "all-day appointments take part")
	return cmd
}
