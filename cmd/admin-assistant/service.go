package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/adrg/xdg"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/fault"
)

// The server of one machine, as something that the operating system starts by itself: a user unit of systemd, an agent of launchd, or a task of
// Windows. What it needs to know lies in its data folder, in a file that this account alone can read.

const (
	// serviceName is what systemd and launchd know it by, and taskName what Windows does.
	serviceName = "admin-assistant"
	taskName    = "Admin Assistant"
	// serviceFile is the file in the data folder.
	serviceFile = "service.json"
	// maxServiceLog is how many bytes of a log are kept when the service starts.
	maxServiceLog = 10 << 20
)

// kept is what the service is told when it starts.
type kept struct {
	Addr string `json:"addr"`
	// Settings are variables of the environment, as they were when it was installed.
	Settings map[string]string `json:"settings"`
}

// notKept are variables that are of one command alone.
var notKept = []string{"ADMIN_ASSISTANT_DATA", "ADMIN_ASSISTANT_API", "ADMIN_ASSISTANT_TOKEN"}

// starter is what starts services on an operating system.
type starter struct {
	name string // for people
	file string // where it is told of the service
	// when says when the service starts, and log where its log is.
	when, log string
	describe  func(program, data, log string) []byte
	// install and remove are commands, in their order. One that begins with "-" may fail.
	install, remove [][]string
	// known is a command that fails if the service is not known.
	known []string
}

// services installs the service on one machine.
type services struct {
	system, home string // as runtime.GOOS has it
	config       string // where programs of this account have their settings
	uid          int
	user         string
	program      string // the file of this program
	environ      []string
	run          func(name string, args ...string) (string, error)
}

func (p *program) serviceCommand() *cobra.Command {
	s := &services{
		system: runtime.GOOS, home: xdg.Home, config: xdg.ConfigHome, uid: os.Getuid(), user: cmp.Or(os.Getenv("USER"), os.Getenv("LOGNAME")),
		environ: os.Environ(),
		run: func(name string, args ...string) (string, error) {
			out, err := exec.Command(name, args...).CombinedOutput()
			return strings.TrimSpace(string(out)), err
		},
	}
	s.program, _ = os.Executable()
	return p.serviceCommands(s)
}

func (p *program) serviceCommands(s *services) *cobra.Command {
	cmd := &cobra.Command{Use: "service", Short: "Have this machine start the server by itself, so that jobs run every night"}
	cmd.AddCommand(p.serviceInstall(s), p.serviceStatus(s), p.serviceRemove(s), p.serviceRun())
	return cmd
}

// starter returns what starts services here, for a data folder.
func (s *services) starter(data string) (*starter, error) {
	log := filepath.Join(data, "service.log")
	switch s.system {
	case "linux":
		return &starter{
			name: "systemd", file: filepath.Join(s.config, "systemd", "user", serviceName+".service"), describe: systemdUnit,
			when: "when the machine starts", log: "journalctl --user -u " + serviceName,
			install: [][]string{
				{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", serviceName + ".service"},
				{"systemctl", "--user", "restart", serviceName + ".service"}, {"-loginctl", "enable-linger"},
			},
			remove: [][]string{{"systemctl", "--user", "disable", "--now", serviceName + ".service"}},
			known:  []string{"systemctl", "--user", "cat", serviceName + ".service"},
		}, nil
	case "darwin":
		domain := fmt.Sprintf("gui/%d", s.uid)
		file := filepath.Join(s.home, "Library", "LaunchAgents", serviceName+".plist")
		return &starter{
			name: "launchd", file: file, when: "when you sign in", log: log, describe: launchdAgent,
			install: [][]string{{"-launchctl", "bootout", domain + "/" + serviceName}, {"launchctl", "bootstrap", domain, file}},
			remove:  [][]string{{"-launchctl", "bootout", domain + "/" + serviceName}},
			known:   []string{"launchctl", "print", domain + "/" + serviceName},
		}, nil
	case "windows":
		file := filepath.Join(data, "service.xml")
		return &starter{
			name: "the task scheduler", file: file, when: "when you sign in", log: log, describe: windowsTask,
			install: [][]string{{"schtasks", "/Create", "/TN", taskName, "/XML", file, "/F"}, {"schtasks", "/Run", "/TN", taskName}},
			remove:  [][]string{{"-schtasks", "/End", "/TN", taskName}, {"schtasks", "/Delete", "/TN", taskName, "/F"}},
			known:   []string{"schtasks", "/Query", "/TN", taskName},
		}, nil
	}
	return nil, fault.New(fault.Invalid, "nothing is known of what starts services on %s; have it start: admin-assistant serve --data %s", s.system, data)
}

// carryOut runs commands, and returns what those said that failed and may.
func (s *services) carryOut(commands [][]string) (failed []string, err error) {
	for _, c := range commands {
		name, may := strings.CutPrefix(c[0], "-")
		out, err := s.run(name, c[1:]...)
		switch line := name + " " + strings.Join(c[1:], " "); {
		case err == nil:
		case may:
			failed = append(failed, line)
		default:
			return failed, fault.New(fault.Unavailable, "%s: %w: %s", line, err, cmp.Or(out, "it said nothing"))
		}
	}
	return failed, nil
}

func (p *program) serviceInstall(s *services) *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use: "install", Short: "Have the server start by itself, from now on", Args: cobra.NoArgs,
		Long: "Have the server start by itself: by systemd when the machine starts, by launchd or the task scheduler of Windows when you sign in. It starts at\n" +
			"once, too. Variables ADMIN_ASSISTANT_... that are set now, such as those for Microsoft 365, are kept in the data folder, which only your\n" +
			"account can read; after a change of them, or of where the program lies, install it again.",
		RunE: func(*cobra.Command, []string) error {
			if err := onlyLoopback(addr); err != nil {
				return err
			}
			return p.installService(s, addr)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on, of this machine only")
	return cmd
}

func (p *program) installService(s *services, addr string) error {
	if strings.Contains(s.program, "go-build") {
		return fault.New(fault.Invalid, "this program lies in a folder that go removes: %s; install it first: make install", s.program)
	}
	if s.system == "linux" && strings.ContainsAny(s.program, "\"'\\") {
		return fault.New(fault.Invalid, "systemd starts no program with quotes or backslashes in its name: %s; put it elsewhere", s.program)
	}
	data, err := p.settings.DataDir()
	if err != nil {
		return err
	}
	by, err := s.starter(data)
	if err != nil {
		return err
	}
	if err := p.folder(); err != nil {
		return err
	}
	k := kept{Addr: addr, Settings: map[string]string{}}
	for _, variable := range s.environ {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ADMIN_ASSISTANT_") && !slices.Contains(notKept, name) {
			k.Settings[name] = value
		}
	}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	if err := private(filepath.Join(data, serviceFile), text); err != nil {
		return err
	}
	log := by.log
	if s.system == "linux" {
		log = ""
	}
	if err := os.MkdirAll(filepath.Dir(by.file), 0o755); err != nil {
		return err
	}
	if err := private(by.file, by.describe(s.program, data, log)); err != nil {
		return err
	}
	failed, err := s.carryOut(by.install)
	if err != nil {
		return fmt.Errorf("tell %s: %w", by.name, err)
	}
	if p.output == "json" {
		return p.showService(s)
	}
	fmt.Fprintf(p.out, "installed: %s starts it %s, and has started it now\nlog: %s\n", by.name, by.when, by.log)
	if names := slices.Sorted(maps.Keys(k.Settings)); len(names) > 0 {
		fmt.Fprintf(p.out, "kept in %s, which only your account can read: %s\n", filepath.Join(data, serviceFile), strings.Join(names, ", "))
	}
	if slices.Contains(failed, "loginctl enable-linger") {
		fmt.Fprintf(p.err, "admin-assistant: it starts only when you sign in, since the system did not let it start before; as its administrator: "+
			"loginctl enable-linger %s\n", s.user)
	}
	return nil
}

// private writes a file that this account alone may read, at once or not at all.
func private(file string, text []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// serviceView is how the service is.
type serviceView struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	By        string `json:"by,omitempty"`
	Starts    string `json:"starts,omitempty"`
	API       string `json:"api,omitempty"`
	Data      string `json:"data"`
	Log       string `json:"log,omitempty"`
}

func (p *program) serviceStatus(s *services) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Say whether the server is installed, and whether it runs", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.showService(s) },
	}
}

// showService prints how the service is. One that is installed and does not run is an error, after that was said.
func (p *program) showService(s *services) error {
	data, err := p.settings.DataDir()
	if err != nil {
		return err
	}
	by, err := s.starter(data)
	if err != nil {
		return err
	}
	v := serviceView{Data: data}
	if _, err := os.Stat(by.file); err == nil {
		_, err := s.run(by.known[0], by.known[1:]...)
		v.Installed = err == nil
	}
	if k, err := readKept(data); err == nil {
		v.API = "http://" + k.Addr
		own, err := p.machineKey(v.API)
		v.Running = err == nil && own != nil && p.answers(v.API)
	}
	if v.Installed {
		v.By, v.Starts, v.Log = by.name, by.when, by.log
	}
	if p.output == "json" {
		err = p.printJSON(v)
	} else {
		state := map[bool]string{true: "running", false: "not running"}[v.Running]
		if !v.Installed {
			state = "not installed; have it start by itself: " + p.command("service install")
		}
		p.printTable(table.Row{"Service", "Starts", "API", "Data", "Log"}, []table.Row{{state, v.Starts, v.API, v.Data, v.Log}})
	}
	if err == nil && v.Installed && !v.Running {
		return exitError{exitFailed}
	}
	return err
}

// answers says whether a server answers at an address; one that was killed has left its key behind.
func (p *program) answers(api string) bool {
	answer, err := (&http.Client{Transport: p.transport, Timeout: 2 * time.Second}).Get(api + "/readyz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (p *program) serviceRemove(s *services) *cobra.Command {
	return &cobra.Command{
		Use: "remove", Short: "Have the server start by itself no longer, and stop it; its data stays", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			data, err := p.settings.DataDir()
			if err != nil {
				return err
			}
			by, err := s.starter(data)
			if err != nil {
				return err
			}
			if _, err := os.Stat(by.file); errors.Is(err, fs.ErrNotExist) {
				return fault.New(fault.NotFound, "the server is not installed; %s is not there", by.file)
			}
			if _, err := s.carryOut(by.remove); err != nil {
				return fmt.Errorf("tell %s: %w", by.name, err)
			}
			for _, file := range []string{by.file, filepath.Join(data, serviceFile)} {
				if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
			if s.system == "linux" {
				_, _ = s.run("systemctl", "--user", "daemon-reload")
			}
			if p.output == "json" {
				return p.printJSON(struct{}{})
			}
			_, err = fmt.Fprintf(p.out, "removed; its data stays in %s\n", data)
			return err
		},
	}
}

func readKept(data string) (k kept, err error) {
	text, err := os.ReadFile(filepath.Join(data, serviceFile))
	if err != nil {
		return k, fault.New(fault.NotFound, "the server is not installed with this data folder: %w; install it: admin-assistant service install", err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fault.New(fault.Malformed, "%s cannot be read: %w; install it again: admin-assistant service install", filepath.Join(data, serviceFile), err)
	}
	return k, nil
}

// serviceRun is what the operating system starts.
func (p *program) serviceRun() *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use: "run", Short: "Serve as the operating system's service does", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			detach()
			data, err := p.settings.DataDir()
			if err != nil {
				return err
			}
			if log != "" {
				to, err := openLog(log)
				if err != nil {
					return err
				}
				defer to.Close()
				p.err = to
			}
			k, err := readKept(data)
			if err != nil {
				return err
			}
			for name, value := range k.Settings {
				if _, set := os.LookupEnv(name); !set {
					if err := os.Setenv(name, value); err != nil {
						return err
					}
				}
			}
			if err := p.readSettings(cmd); err != nil {
				return err
			}
			p.settings.Data = data
			p.local, p.serving, p.out = true, true, io.Discard // an address that works once is for no log
			fmt.Fprintf(p.err, "admin-assistant: serving on http://%s\n", k.Addr)
			listener, err := p.listen(k.Addr)
			if err != nil {
				return err
			}
			defer listener.Close()
			return p.serve(cmd.Context(), listener, "")
		},
	}
	cmd.Flags().StringVar(&log, "log", "", "file to write the log to")
	return cmd
}

// openLog opens a log to write at its end. One that has become long is put aside, in the place of the one before.
func openLog(file string) (*os.File, error) {
	if about, err := os.Stat(file); err == nil && about.Size() > maxServiceLog {
		if err := os.Rename(file, file+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// arguments are those with which the service is started.
func arguments(data, log string) []string {
	args := []string{"service", "run", "--data", data}
	if log != "" {
		args = append(args, "--log", log)
	}
	return args
}

// systemdUnit is a unit of systemd for this account.
// https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html
func systemdUnit(program, data, log string) []byte {
	var line strings.Builder
	for i, arg := range append([]string{program}, arguments(data, log)...) {
		if i > 0 {
			line.WriteByte(' ')
		}
		line.WriteString(systemdWord(arg, i == 0))
	}
	return []byte("[Unit]\n" +
		"Description=Admin Assistant, which archives and backs up calendars as its jobs say\n" +
		"StartLimitIntervalSec=0\n\n" +
		"[Service]\n" +
		"ExecStart=" + line.String() + "\n" +
		"Restart=on-failure\nRestartSec=30\nTimeoutStopSec=90\nUMask=0077\nNoNewPrivileges=yes\n\n" +
		"[Install]\nWantedBy=default.target\n")
}

// systemdWord quotes a word of a command line of systemd, which replaces % and, but in the program's own name, $.
func systemdWord(word string, first bool) string {
	from := []string{`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "%", "%%"}
	if !first {
		from = append(from, "$", "$$")
	}
	return `"` + strings.NewReplacer(from...).Replace(word) + `"`
}

// launchdAgent is a property list of launchd.
func launchdAgent(program, data, log string) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	b.WriteString("<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\n\t<string>" + serviceName + "</string>\n\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, arg := range append([]string{program}, arguments(data, log)...) {
		b.WriteString("\t\t<string>")
		_ = xml.EscapeText(&b, []byte(arg)) // into memory
		b.WriteString("</string>\n")
	}
	b.WriteString("\t</array>\n\t<key>RunAtLoad</key>\n\t<true/>\n" +
		"\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n" +
		"\t<key>ThrottleInterval</key>\n\t<integer>30</integer>\n\t<key>Umask</key>\n\t<integer>63</integer>\n" +
		"\t<key>ProcessType</key>\n\t<string>Background</string>\n</dict>\n</plist>\n")
	return b.Bytes()
}

// windowsTask is a task of the task scheduler, in UTF-16 as it wants it. Without an administrator it can start when its user signs in, and not before.
// https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema
func windowsTask(program, data, log string) []byte {
	text := func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // into memory
		return b.String()
	}
	var args []string
	for _, arg := range arguments(data, log) {
		args = append(args, windowsWord(arg))
	}
	task := `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Archives and backs up calendars as its jobs say.</Description></RegistrationInfo>
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Principals><Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>255</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author"><Exec><Command>` + text(program) + `</Command><Arguments>` + text(strings.Join(args, " ")) + `</Arguments></Exec></Actions>
</Task>
`
	out := []byte{0xff, 0xfe} // little endian
	for _, unit := range utf16.Encode([]rune(strings.ReplaceAll(task, "\n", "\r\n"))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

// windowsWord quotes a word as programs for Windows take their command line apart.
// https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
func windowsWord(word string) string {
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range word {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}
