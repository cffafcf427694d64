package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"adminassistant/shared/app"
	"adminassistant/shared/localkey"
)

// odd is a folder whose name has what each of the formats has to write otherwise.
const odd = `/home/ann/Müller & "Söhne" <100%> $HOME \b`

// installing has a system of its own kind, which notes what it is told; what begins with one of refuse fails.
type installing struct {
	*services
	p    *program
	data string
	out  bytes.Buffer
	errs bytes.Buffer
	told []string
}

func newInstalling(t *testing.T, system string, refuse ...string) *installing {
	t.Helper()
	home := t.TempDir()
	i := &installing{data: filepath.Join(home, "data")}
	i.services = &services{
		system: system, home: home, config: filepath.Join(home, ".config"), uid: 501, user: "ann", program: "/opt/admin assistant/admin-assistant",
		environ: []string{"HOME=" + home, "ADMIN_ASSISTANT_GRAPH_SECRET=a=b", "ADMIN_ASSISTANT_TOKEN=t", "ADMIN_ASSISTANT_DATA=d", "ADMIN_ASSISTANT_API=a"},
		run: func(name string, args ...string) (string, error) {
			line := strings.Join(append([]string{name}, args...), " ")
			i.told = append(i.told, line)
			if slices.ContainsFunc(refuse, func(r string) bool { return strings.HasPrefix(line, r) }) {
				return "no such thing", errors.New("exit status 1")
			}
			return "", nil
		},
	}
	i.p = &program{out: &i.out, err: &i.errs, output: "table", settings: app.Settings{Data: i.data}}
	return i
}

func (i *installing) do(t *testing.T, args ...string) error {
	t.Helper()
	cmd := i.p.serviceCommands(i.services)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	i.told = nil
	i.out.Reset()
	i.errs.Reset()
	return cmd.ExecuteContext(t.Context())
}

func TestEachSystemIsToldOfTheService(t *testing.T) {
	for system, want := range map[string]struct {
		file, when      string
		install, remove []string
	}{
		"linux": {".config/systemd/user/admin-assistant.service", "when the machine starts", []string{
			"systemctl --user daemon-reload", "systemctl --user enable admin-assistant.service", "systemctl --user restart admin-assistant.service",
			"loginctl enable-linger",
		}, []string{"systemctl --user disable --now admin-assistant.service", "systemctl --user daemon-reload"}},
		"darwin": {"Library/LaunchAgents/admin-assistant.plist", "when you sign in", []string{
			"launchctl bootout gui/501/admin-assistant", "launchctl bootstrap gui/501 HOME/Library/LaunchAgents/admin-assistant.plist",
		}, []string{"launchctl bootout gui/501/admin-assistant"}},
		"windows": {"data/service.xml", "when you sign in", []string{
			"schtasks /Create /TN Admin Assistant /XML HOME/data/service.xml /F", "schtasks /Run /TN Admin Assistant",
		}, []string{"schtasks /End /TN Admin Assistant", "schtasks /Delete /TN Admin Assistant /F"}},
	} {
		t.Run(system, func(t *testing.T) {
			i := newInstalling(t, system)
			file := filepath.Join(i.home, filepath.FromSlash(want.file))
			here := func(lines []string) (all []string) {
				for _, line := range lines {
					all = append(all, strings.ReplaceAll(line, "HOME", i.home))
				}
				return all
			}
			if err := i.do(t, "remove"); err == nil || len(i.told) > 0 {
				t.Errorf("removed before it was there: %v, told %q", err, i.told)
			}
			for range 2 { // a second time it is installed anew
				if err := i.do(t, "install", "--addr", "127.0.0.1:8181"); err != nil || !slices.Equal(i.told, here(want.install)) {
					t.Fatalf("%v, told %q", err, i.told)
				}
				if said := i.out.String(); !strings.Contains(said, want.when) || !strings.Contains(said, "ADMIN_ASSISTANT_GRAPH_SECRET\n") || i.errs.Len() > 0 {
					t.Errorf("said %s%s", said, i.errs.String())
				}
			}
			text, err := os.ReadFile(file)
			if logs := bytes.Contains(bytes.ReplaceAll(text, []byte{0}, nil), []byte("service.log")); err != nil || logs == (system == "linux") { // which has a journal
				t.Errorf("it has a log of its own: %v, %v", logs, err)
			}
			k, err := readKept(i.data)
			if err != nil || k.Addr != "127.0.0.1:8181" || len(k.Settings) != 1 || k.Settings["ADMIN_ASSISTANT_GRAPH_SECRET"] != "a=b" {
				t.Errorf("kept is %+v, %v", k, err)
			}
			for _, f := range []string{file, filepath.Join(i.data, serviceFile)} {
				if about, err := os.Stat(f); err != nil || runtime.GOOS != "windows" && about.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", f, about, err)
				}
			}
			if err := i.do(t, "status"); !errors.As(err, new(exitError)) || !strings.Contains(i.out.String(), "not running") ||
				!strings.Contains(i.out.String(), want.when) {
				t.Errorf("status: %v, said %s", err, i.out.String())
			}
			if err := i.do(t, "remove"); err != nil || !slices.Equal(i.told, here(want.remove)) {
				t.Errorf("%v, told %q", err, i.told)
			}
			for _, f := range []string{file, filepath.Join(i.data, serviceFile)} {
				if _, err := os.Stat(f); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is still there: %v", f, err)
				}
			}
			if err := i.do(t, "status"); err != nil || !strings.Contains(i.out.String(), "not installed") || len(i.told) > 0 {
				t.Errorf("status: %v, said %s, told %q", err, i.out.String(), i.told)
			}
		})
	}
}

func TestWhatASystemRefusesIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		system, refuse string
		fails          string
		says           string
	}{
		"a unit that does not start":              {"linux", "systemctl --user restart", "tell systemd: systemctl --user restart admin-assistant.service", ""},
		"no start before somebody signs in":       {"linux", "loginctl", "", "as its administrator: loginctl enable-linger ann"},
		"an agent that was not there before":      {"darwin", "launchctl bootout", "", ""},
		"an agent that is refused":                {"darwin", "launchctl bootstrap", "tell launchd: ", ""},
		"a task that is refused":                  {"windows", "schtasks /Create", "tell the task scheduler: ", ""},
		"a system of which nothing is known here": {"plan9", "", "serve --data ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstalling(t, c.system, c.refuse+" ")
			if c.refuse == "" {
				i = newInstalling(t, c.system)
			}
			err := i.do(t, "install")
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(i.errs.String(), c.says) || c.says == "" && i.errs.Len() > 0 {
				t.Errorf("said %s", i.errs.String())
			}
		})
	}
	t.Run("a program that go will remove", func(t *testing.T) {
		i := newInstalling(t, "linux")
		i.program = "/tmp/go-build123/b001/exe/admin-assistant"
		if err := i.do(t, "install"); err == nil || !strings.Contains(err.Error(), "make install") || len(i.told) > 0 {
			t.Errorf("got %v, told %q", err, i.told)
		}
	})
	t.Run("a program with a name that systemd does not take", func(t *testing.T) {
		i := newInstalling(t, "linux")
		i.program = `/opt/"a"/admin-assistant`
		if err := i.do(t, "install"); err == nil || !strings.Contains(err.Error(), "quotes") || len(i.told) > 0 {
			t.Errorf("got %v, told %q", err, i.told)
		}
	})
	t.Run("an address that others reach", func(t *testing.T) {
		i := newInstalling(t, "linux")
		if err := i.do(t, "install", "--addr", "0.0.0.0:8080"); !errors.As(err, new(usageError)) || len(i.told) > 0 {
			t.Errorf("got %v, told %q", err, i.told)
		}
	})
}

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("skipped: there is no systemd-analyze")
	}
	for name, data := range map[string]string{"a plain folder": "/home/ann/data", "an odd one": odd} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			program := filepath.Join(dir, `admin assistant 100% $HOME ü`)
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			verify := func(unit []byte) string {
				file := filepath.Join(dir, "admin-assistant.service")
				if err := os.WriteFile(file, unit, 0o600); err != nil {
					t.Fatal(err)
				}
				command := exec.Command(analyze, "verify", "--user", "--man=no", "--recursive-errors=no", file)
				command.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "HOME="+dir)
				out, err := command.CombinedOutput()
				if err != nil {
					return err.Error() + ": " + string(out)
				}
				return string(out)
			}
			unit := systemdUnit(program, data, "")
			if said := verify(unit); strings.Contains(said, "admin-assistant.service") {
				t.Errorf("%s\n%s", said, unit)
			}
			if said := verify(bytes.Replace(unit, []byte("ExecStart="), []byte("ExecStart=/no/such"), 1)); !strings.Contains(said, "admin-assistant.service") {
				t.Errorf("a unit of nothing passes: %s", said)
			}
			at := 0
			for _, line := range []string{"[Unit]", "StartLimitIntervalSec=0", "[Service]", "Restart=on-failure", "RestartSec=30", "TimeoutStopSec=90", "UMask=0077",
				"NoNewPrivileges=yes", "[Install]", "WantedBy=default.target"} {
				found := strings.Index(string(unit), line+"\n")
				if found < at {
					t.Errorf("%s is not in its place: %s", line, unit)
				}
				at = found
			}
		})
	}
	if got, want := string(systemdWord(odd, false)), `"/home/ann/Müller & \"Söhne\" <100%%> $$HOME \\b"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLaunchdTakesTheAgent(t *testing.T) {
	list := launchdAgent("/opt/a", odd, "/log")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("skipped: there is no python3 to read a property list")
	}
	command := exec.Command(python, "-c", "import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))")
	command.Stdin = bytes.NewReader(list)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, said.String(), list)
	}
	var got struct {
		Label            string
		ProgramArguments []string
		RunAtLoad        bool
		KeepAlive        struct{ SuccessfulExit *bool }
		ThrottleInterval int
		Umask            int
		ProcessType      string
	}
	strict := json.NewDecoder(bytes.NewReader(out)) // what launchd.plist(5) does not know it passes over in silence
	strict.DisallowUnknownFields()
	if err := strict.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.ProgramArguments, []string{"/opt/a", "service", "run", "--data", odd, "--log", "/log"}) || got.Label != "admin-assistant" ||
		!got.RunAtLoad || got.KeepAlive.SuccessfulExit == nil || *got.KeepAlive.SuccessfulExit || got.ThrottleInterval != 30 || got.Umask != 0o077 ||
		got.ProcessType != "Background" {
		t.Errorf("it is %s", out)
	}
}

func TestWindowsTakesTheTask(t *testing.T) {
	file := windowsTask(`C:\Program Files\a & b\admin-assistant.exe`, `C:\Users\Ännchen "A"\data\`, `C:\log`)
	if !bytes.HasPrefix(file, []byte{0xff, 0xfe}) || len(file)%2 != 0 {
		t.Fatal("it is not in UTF-16")
	}
	var units []uint16
	for i := 2; i < len(file); i += 2 {
		units = append(units, uint16(file[i])|uint16(file[i+1])<<8)
	}
	var task struct {
		XMLName  xml.Name `xml:"http://schemas.microsoft.com/windows/2004/02/mit/task Task"`
		Version  string   `xml:"version,attr"`
		Triggers struct{ LogonTrigger *struct{ Enabled bool } }
		Settings struct {
			MultipleInstancesPolicy, ExecutionTimeLimit                            string
			DisallowStartIfOnBatteries, StopIfGoingOnBatteries, StartWhenAvailable *bool
			RestartOnFailure                                                       struct {
				Interval string
				Count    int
			}
		}
		Principals struct {
			Principal struct{ LogonType, RunLevel string }
		}
		Actions struct {
			Exec struct{ Command, Arguments string }
		}
	}
	text := string(utf16.Decode(units))
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasPrefix(text, `<?xml version="1.0" encoding="UTF-16"?>`+"\r\n") {
		t.Errorf("its lines do not end as those of Windows: %q", text)
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is decoded already
	if err := d.Decode(&task); err != nil {
		t.Fatal(err)
	}
	e, s := task.Actions.Exec, task.Settings
	if e.Command != `C:\Program Files\a & b\admin-assistant.exe` ||
		e.Arguments != `"service" "run" "--data" "C:\Users\Ännchen \"A\"\data\\" "--log" "C:\log"` {
		t.Errorf("it starts %s %s", e.Command, e.Arguments)
	}
	if task.Version != "1.2" || task.Triggers.LogonTrigger == nil || !task.Triggers.LogonTrigger.Enabled || s.MultipleInstancesPolicy != "IgnoreNew" ||
		s.ExecutionTimeLimit != "PT0S" || *s.DisallowStartIfOnBatteries || *s.StopIfGoingOnBatteries || !*s.StartWhenAvailable ||
		s.RestartOnFailure.Count != 255 || s.RestartOnFailure.Interval != "PT1M" || // the most and the least that the schema has
		task.Principals.Principal.LogonType != "InteractiveToken" || task.Principals.Principal.RunLevel != "LeastPrivilege" {
		t.Errorf("it is %+v", task)
	}
}

func TestTheServiceServesWithTheSettingsThatWereKept(t *testing.T) {
	if deployed != nil {
		t.Skip("skipped: it is of one machine")
	}
	m := newMachine(t)
	if err := os.MkdirAll(m.data, 0o700); err != nil {
		t.Fatal(err)
	}
	m.run("", "service", "run").fails(exitFailed, "not installed with this data folder", "service install")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	keep := func(settings map[string]string) {
		t.Helper()
		text, err := json.Marshal(kept{Addr: addr, Settings: settings})
		if err == nil {
			err = private(filepath.Join(m.data, serviceFile), text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	keep(map[string]string{"ADMIN_ASSISTANT_LEASE": "nonsense"})
	if r := m.run("", "service", "run"); r.code != exitUsage || !strings.Contains(r.err, "ADMIN_ASSISTANT_LEASE") {
		t.Errorf("a setting that is wrong: %d %s", r.code, r.err)
	}
	keep(map[string]string{"ADMIN_ASSISTANT_LEASE": "15s"})
	m.more = []string{"ADMIN_ASSISTANT_LEASE=nonsense"} // what is set now counts for more
	if r := m.run("", "service", "run"); r.code != exitUsage || !strings.Contains(r.err, "ADMIN_ASSISTANT_LEASE") {
		t.Errorf("a setting that is wrong now: %d %s", r.code, r.err)
	}
	m.more = nil
	m.file("odd.json", "{")
	if err := os.Rename(filepath.Join(m.files, "odd.json"), filepath.Join(m.data, serviceFile)); err != nil {
		t.Fatal(err)
	}
	m.run("", "service", "run").fails(exitFailed, serviceFile+" cannot be read", "install it again: admin-assistant service install")
	keep(map[string]string{"ADMIN_ASSISTANT_LOG_LEVEL": "info"})
	m.local("calendar", "create", "local://me/calendars/Work").ok()

	log := filepath.Join(m.files, "service.log")
	if err := os.WriteFile(log, make([]byte, maxServiceLog+1), 0o600); err != nil {
		t.Fatal(err)
	}
	command := m.command(context.Background(), "service", "run", "--log", log)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	here := program{transport: http.DefaultTransport}
	for deadline := time.Now().Add(time.Minute); !here.answers("http://" + addr); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			t.Fatalf("it does not serve: %s%s", out.String(), text)
		}
	}
	m.run("", "--api", "http://"+addr, "calendar", "list").ok().says("Work")
	var status serviceView
	m.run("", "service", "status", "--output", "json").decode(&status)
	if !status.Running || status.Installed || status.API != "http://"+addr || status.Data != m.data {
		t.Errorf("status is %+v", status)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, out.String())
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "serving on http://"+addr) || out.Len() > 0 {
		t.Errorf("the log is %s, %v; printed was %s", text, err, out.String())
	}
	if strings.Contains(string(text), "/auth/") || strings.Contains(string(text), "works once") {
		t.Errorf("an address that opens it is in the log: %s", text)
	}
	if about, err := os.Stat(log + ".1"); err != nil || about.Size() != maxServiceLog+1 {
		t.Errorf("the long log was not put aside: %v", err)
	}
}

// answering answers every request with one status.
type answering int

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	if a == 0 {
		return nil, errors.New("nobody listens")
	}
	return &http.Response{StatusCode: int(a), Body: http.NoBody}, nil
}

func TestWhetherTheServiceRunsIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		key, known bool
		answers    answering
		running    bool
	}{
		"it runs":                         {key: true, known: true, answers: http.StatusOK, running: true},
		"one that was killed":             {key: true, known: true},
		"another program at its address":  {known: true, answers: http.StatusOK},
		"one that cannot serve":           {key: true, known: true, answers: http.StatusServiceUnavailable},
		"started by hand":                 {key: true, answers: http.StatusOK, running: true},
		"neither known to systemd nor on": {},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstalling(t, "linux")
			if err := i.do(t, "install", "--addr", "127.0.0.1:8181"); err != nil {
				t.Fatal(err)
			}
			i.p.transport = c.answers
			if c.key {
				if _, _, err := localkey.Leave(i.data, "127.0.0.1:8181"); err != nil {
					t.Fatal(err)
				}
			}
			if run := i.run; !c.known {
				i.run = func(name string, args ...string) (string, error) {
					if slices.Contains(args, "cat") {
						return "No files found", errors.New("exit status 1")
					}
					return run(name, args...)
				}
			}
			i.p.output = "json"
			i.p.form.kind = "json"
			err := i.do(t, "status")
			var v serviceView
			if wrong := json.Unmarshal(i.out.Bytes(), &v); wrong != nil {
				t.Fatalf("%v: %s", wrong, i.out.String())
			}
			if v.Running != c.running || v.Installed != c.known || v.API != "http://127.0.0.1:8181" || (err == nil) != (c.running || !c.known) {
				t.Errorf("%v, %+v", err, v)
			}
		})
	}
}

func TestTheLogOfTheServiceGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "service.log")
	for _, line := range []string{"first\n", "second\n"} {
		f, err := openLog(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "first\nsecond\n" {
		t.Errorf("%q, %v", text, err)
	}
	if about, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && about.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", about.Mode(), err)
	}
}
