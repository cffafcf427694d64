package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/adrg/xdg"
	"github.com/pkg/browser"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"adminassistant/shared/app"
	"adminassistant/shared/fault"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2 // wrong words, or wrong input
	exitPartial = 3 // some items failed
)

// program is what all commands share: the global flags, the streams and the way to the API.
type program struct {
	typed     string // for the program, at the beginning of the line; empty: its name
	settings  app.Settings
	local     bool
	profile   string
	apiGiven  bool   // by --api
	dataGiven bool   // by --data
	output    string // what a command prints for: table for people, json for programs, csv where it has one of its own
	form      form
	fields    string
	jq        string
	wide      bool
	yes       bool
	serving   bool     // the command is serve
	place     []string // the flags by which a further command is told the same stores or server
	times     []string // those of this machine's zone that a table which is being made has

	in       io.Reader
	out, err io.Writer
	stopped  <-chan struct{} // closed by Ctrl-C
	flags    *pflag.FlagSet  // of the command that was carried out

	signIns   signIns
	transport http.RoundTripper          // to servers and to the sign-in service
	browse    func(address string) error // opens a page

	opened *app.Local // with --local
	client *client
}

// What libraries keep for the whole process is set once: command lines also run side by side.
func init() {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	cobra.AddTemplateFunc("fitted", fitted)
	cobra.AddTemplateFunc("hanging", hanging)
}

// execute runs one command line, which begins with what was typed for the program, and returns the exit code.
func execute(ctx context.Context, line []string, in io.Reader, out, errs io.Writer) int {
	p := &program{
		typed: line[0], in: in, out: out, err: errs,
		signIns: signIns{filepath.Join(xdg.ConfigHome, "admin-assistant")}, transport: http.DefaultTransport, browse: browser.OpenURL,
	}
	return p.execute(ctx, line[1:])
}

// execute runs one command line and returns the exit code.
func (p *program) execute(ctx context.Context, args []string) int {
	p.stopped = ctx.Done()
	printed := &outlet{Writer: p.out}
	p.out = printed
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := wrongCommand(root, args)
	if err == nil {
		var cmd *cobra.Command
		cmd, err = root.ExecuteContextC(ctx)
		if p.flags = cmd.Flags(); p.place == nil { // it did not come to reading them
			p.place = p.given(cmd)
		}
	}
	if out, ok := p.out.(*counting); ok && err == nil && out.bytes == 0 && p.form.kind != "csv" { // programs get a document from every command
		_, err = io.WriteString(p.out, "{}\n")
	}
	if code := (exitError{}); printed.failed != nil && (err == nil || errors.As(err, &code)) { // tables are printed without a look at whether they can be
		err = printed.failed
	}
	if p.opened != nil {
		err = errors.Join(err, p.opened.Close())
	}
	return p.report(err)
}

// asCSV is the annotation of commands that also have --output csv.
const asCSV = "csv"

// usageError is a command line that makes no sense.
type usageError struct{ error }

// exitError ends the program with a code after everything was said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// report prints an error for the user and returns the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitOK
	}
	var exit exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	said := problem{Code: fault.Of(err).String(), Detail: err.Error(), Field: fault.FieldOf(err)}
	code := exitFailed
	var usage usageError
	var answer *apiError
	switch {
	case errors.As(err, &usage):
		said.Code, code = "usage", exitUsage
	case errors.As(err, &answer):
		said = answer.problem
		said.Detail = err.Error()
		switch answer.Status {
		case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			code = exitUsage
		}
	case fault.Of(err) == fault.Invalid:
		code = exitUsage
	}
	if p.form.kind == "json" || p.form.kind == "yaml" || p.form.kind == "csv" {
		_ = json.NewEncoder(p.err).Encode(map[string]problem{"error": said})
	} else {
		lines := strings.Split(p.flagged(said), "\n")
		for i := range lines {
			lines[i] = printable(p.told(lines[i]))
		}
		fmt.Fprintf(p.err, "admin-assistant: %s\n", strings.Join(lines, "\n"))
	}
	return code
}

// groups are the parts of the first help, from the main job to what is seldom needed, with their commands.
var groups = []struct{ title, commands string }{
	{"Every day:", "archive review action ledger hours timesheet run undo verify"},
	{"Set up:", "calendar config rule customer category place job settings apply export"},
	{"Keep safe:", "backup restore proof audit travel notification"},
	{"Server and sign-in:", "serve service browser login logout whoami doctor mcp user admin"},
}

// grouped puts the commands of the program into their groups.
func grouped(root *cobra.Command) {
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, name := range strings.Fields(g.commands) {
			if sub := child(root, name); sub != nil {
				sub.GroupID = g.title
			}
		}
	}
}

// flagged is what a problem says, with the field that is at fault as the flag that gave it.
func (p *program) flagged(said problem) string {
	if p.flags == nil || said.Field == "" || !strings.HasPrefix(said.Detail, said.Field+" ") {
		return said.Detail
	}
	flag := strings.ReplaceAll(ofDecision.ReplaceAllString(said.Field, ""), "_", "-")
	if list := ofList.FindStringSubmatch(flag); list != nil && p.flags.Lookup(lists[list[1]]) != nil {
		if part := strings.ReplaceAll(list[2], ".", " "); part != "" {
			return "--" + lists[list[1]] + ":" + part + strings.TrimPrefix(said.Detail, said.Field)
		}
		flag = lists[list[1]]
	}
	for _, one := range membersByFlags[said.Field] {
		if f := p.flags.Lookup(one); f != nil && f.Changed {
			flag = one
		}
	}
	if p.flags.Lookup(flag) == nil {
		return said.Detail
	}
	what := strings.TrimPrefix(said.Detail, said.Field)
	if rest, missing := strings.CutPrefix(what, " is missing; "); missing && membersByFlags[said.Field] != nil {
		what = ": " + rest // it is there, and lacks this
	}
	return "--" + flag + what
}

// ofDecision is what stands before the members of a decision that flags give.
var ofDecision = regexp.MustCompile(`^decisions\[\d+\]\.(verdicts\[\d+\]\.fields\.)?`)

// ofList is an entry of a list, or a member of one, and lists are the flags that give the entries one by one.
var (
	ofList = regexp.MustCompile(`^(\w+)(?:\[\d+\])?((?:\.\w+)?)$`)
	lists  = map[string]string{
		"rates": "rate", "rounding": "rounding", "emails": "email", "aliases": "alias", "address": "address", "categories": "category",
	}
)

// membersByFlags are members of what is sent whose flags have other names; of several flags that which was given.
var membersByFlags = map[string][]string{
	"schedule.at": {"daily", "weekly", "monthly"}, "schedule.weekdays": {"weekly"}, "schedule.day": {"monthly"}, "schedule.cron": {"cron"},
	"schedule.zone": {"timezone"}, "window.days": {"days"}, "retention.last": {"keep-last"}, "retention.daily": {"keep-daily"},
	"retention.weekly": {"keep-weekly"}, "retention.monthly": {"keep-monthly"}, "travel_policy": {"travel"},
	"retention": {"keep-last", "keep-daily", "keep-weekly", "keep-monthly"},
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "admin-assistant",
		Short: "Keep a truthful, billable record of your calendar",
		Long: "Keep a truthful, billable record of your calendar.\n\n" +
			"With --local it works by itself; else it asks a server, as \"admin-assistant serve\" is one. To begin:",
		Example: "  admin-assistant --local calendar create local://me/calendars/Work\n  admin-assistant --local calendar import Work work.ics\n" +
			"  admin-assistant --local config create --name work --source Work --archive Archive --timezone Europe/Berlin\n" +
			"  admin-assistant --local archive run --period \"last month\"\n  admin-assistant --local review",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.readForm(cmd); err != nil {
				return err
			}
			for _, name := range []string{"config", "period"} {
				if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" { // as of a variable that is not set
					return wrong(cmd, "--%s is empty: %s", name, f.Usage)
				}
			}
			if p.form.kind != "table" {
				p.out = &counting{Writer: p.out}
			}
			return p.readSettings(cmd)
		},
	}
	flags := root.PersistentFlags()
	flags.BoolVar(&p.local, "local", false, "work on the stores of this machine, without a server")
	flags.String("data", "", "folder of the stores of this machine (ADMIN_ASSISTANT_DATA; default: the system's folder for data)")
	flags.String("api", "", "address of the server (ADMIN_ASSISTANT_API; default http://127.0.0.1:8080)")
	flags.StringVar(&p.profile, "profile", "", "name of a sign-in, which stands for its server, too")
	flags.StringVarP(&p.output, "output", "o", "table", "table for people; json, yaml or csv for programs")
	flags.StringVar(&p.fields, "fields", "", "print these fields of the JSON alone, as in id,state,progress.percent")
	flags.StringVar(&p.jq, "jq", "", "print what a program of jq makes of the JSON, as in .items[].id")
	flags.BoolVar(&p.wide, "wide", false, "print tables whole, however wide they are")
	flags.BoolVarP(&p.yes, "yes", "y", false, "answer every question with yes")
	root.AddCommand(p.loginCommand(), p.logoutCommand(), p.whoamiCommand(), p.doctorCommand(), p.calendarCommand(), p.configCommand(), p.ruleCommand(),
		p.customerCommand(), p.categoryCommand(), p.archiveCommand(), p.runCommand(), p.applyCommand(), p.exportCommand(), p.settingsCommand(),
		p.backupCommand(), p.restoreCommand(), p.undoCommand(), p.jobCommand(),
		p.verifyCommand(), p.ledgerCommand(), p.proofCommand(), p.actionCommand(), p.reviewCommand(), p.hoursCommand(), p.placeCommand(), p.travelCommand(),
		p.timesheetCommand(), p.notificationCommand(), p.auditCommand(), p.userCommand(), p.adminCommand(), p.serveCommand(), p.mcpCommand(), p.browserCommand(),
		p.serviceCommand(), p.manCommand(), p.versionCommand())
	grouped(root)
	root.Version = version
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(p.helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	usage(root)
	room := p.width()
	root.SetUsageTemplate(fittedUsage(root.UsageTemplate(), room))
	root.SetHelpTemplate(fmt.Sprintf(`{{with (or .Long .Short)}}{{fitted %d .}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`, room))
	shorten(root)
	p.ids(root)
	p.completions(root)
	return root
}

// required makes flags of a command required; leaving some out is a usage error that names them all. The one config that there is need not be said.
func (p *program) required(cmd *cobra.Command, names ...string) {
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		var missing []string
		for _, name := range names {
			if f := cmd.Flags().Lookup(name); f.Value.String() == "" {
				missing = append(missing, name)
			}
		}
		if at := slices.Index(missing, "config"); at >= 0 && !cmd.Flags().Changed("events") {
			switch err := p.onlyConfig(cmd); {
			case err == nil:
				missing = slices.Delete(missing, at, at+1)
			case len(missing) == 1:
				return err
			}
		}
		switch last := len(missing) - 1; {
		case len(missing) == 0:
			return nil
		case len(missing) > 1:
			return wrong(cmd, "--%s and --%s are missing%s", strings.Join(missing[:last], ", --"), missing[last], exampleOf(cmd))
		}
		hint := ""
		if missing[0] == "timezone" {
			hint = ", as in " + p.zone().String() + ", which is this machine's"
		}
		return wrong(cmd, "--%s is missing: %s%s", missing[0], cmd.Flags().Lookup(missing[0]).Usage, hint)
	}
}

// exampleOf is the first example of a command, to follow on what is wrong; empty if it has none.
func exampleOf(cmd *cobra.Command) string {
	first, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if first == "" {
		return ""
	}
	return ", as in: " + first
}

// onlyConfig takes the one config that there is for the flag that is missing.
func (p *program) onlyConfig(cmd *cobra.Command) error {
	f := cmd.Flags().Lookup("config")
	said := wrong(cmd, "--config is missing: %s", f.Usage)
	c, err := p.api()
	var found []configView
	if err == nil {
		found, err = all[configView](cmd.Context(), c, configs.path, nil, 0)
	}
	switch {
	case err != nil && (p.local || errors.Is(err, errStopped)):
		return err
	case err != nil:
		return said
	case len(found) == 0:
		return fault.New(fault.NotFound, "there is no config yet; make one with: admin-assistant config create --help")
	case len(found) > 1:
		var names []string
		for _, v := range found[:min(len(found), fewNamed)] {
			names = append(names, v.Name)
		}
		return wrong(cmd, "--config is missing: which of %s? %s", counted(len(found), "config", "configs"), strings.Join(names, ", "))
	}
	return f.Value.Set(found[0].Name)
}

// readSettings reads the environment, over which flags win.
func (p *program) readSettings(cmd *cobra.Command) (err error) {
	if p.settings, err = app.FromEnvironment(); err != nil {
		return err
	}
	for name, into := range map[string]*string{"data": &p.settings.Data, "api": &p.settings.API} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			*into = f.Value.String()
			p.apiGiven, p.dataGiven = p.apiGiven || name == "api", p.dataGiven || name == "data"
		}
	}
	p.place = p.given(cmd)
	return nil
}

// folder opens the data folder, and says so if others could open it before.
func (p *program) folder() error {
	dir, tightened, err := app.OpenFolder(p.settings)
	if tightened {
		fmt.Fprintf(p.err, "admin-assistant: other accounts of this machine could open the data folder %s; now only yours can\n", dir)
	}
	return err
}

// open returns the stores of this machine.
func (p *program) open() (*app.Local, error) {
	if p.opened == nil {
		if p.settings.LogLevel == "" && !p.serving {
			p.settings.LogLevel = "disabled" // a command says what is to be said itself
		}
		if err := p.folder(); err != nil {
			return nil, err
		}
		local, err := app.OpenLocal(p.settings, version, p.err)
		if err != nil {
			return nil, err
		}
		p.opened = local
	}
	return p.opened, nil
}

// api returns the way to the API: in this process with --local, else over HTTP.
func (p *program) api() (*client, error) {
	if p.client != nil {
		return p.client, nil
	}
	if !p.local {
		at, err := p.signInPlace(false)
		if err != nil {
			return nil, err
		}
		var own *machineKey
		if p.settings.Token == "" && p.profile == "" {
			if own, err = p.machineKey(at.api); err != nil {
				return nil, err
			}
		}
		if own != nil {
			at.api = own.api
		}
		c, err := newClient(at.api, p.transport)
		if err != nil {
			return nil, err
		}
		switch {
		case p.settings.Token != "":
			c.credentials = fixedToken{api: at.api, token: p.settings.Token}
		case own != nil:
			c.credentials = own
		default:
			c.credentials = &tokens{place: at, signIns: p.signIns, transport: p.transport}
		}
		p.client = c
		return c, nil
	}
	local, err := p.open()
	if err != nil {
		return nil, err
	}
	p.client, err = newClient("http://local", inProcess{local.Handler()})
	return p.client, err
}

// with opens the API for what a command does.
func (p *program) with(do func(ctx context.Context, c *client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := p.api()
		if err != nil {
			return err
		}
		return do(cmd.Context(), c, args)
	}
}

// confirm asks before something is lost. Without a terminal to ask at, --yes is needed.
func (p *program) confirm(question string) error {
	if p.yes {
		return nil
	}
	if !isTerminal(p.in) || !isTerminal(p.err) {
		return usageError{fmt.Errorf("%s Say --yes to do it", question)}
	}
	fmt.Fprintf(p.err, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() {
		var answer string
		_, _ = fmt.Fscanln(p.in, &answer)
		answered <- strings.ToLower(answer)
	}()
	select {
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-p.stopped:
		fmt.Fprintln(p.err)
	}
	return errors.New("nothing was done")
}

func isTerminal(stream any) bool {
	f := fileOf(stream)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// fileOf is the file that a stream is; nil: it is none.
func fileOf(stream any) *os.File {
	switch s := stream.(type) {
	case *os.File:
		return s
	case *outlet:
		return fileOf(s.Writer)
	}
	return nil
}

// outlet is where output goes. It keeps the first failure.
type outlet struct {
	io.Writer
	failed error
}

func (o *outlet) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = fault.New(fault.Unavailable, "the output cannot be written: the disk is full")
	}
	o.failed = cmp.Or(o.failed, err)
	return n, err
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if p.output == "json" {
				return p.printJSON(map[string]string{"version": version})
			}
			_, err := fmt.Fprintln(p.out, version)
			return err
		},
	}
}
