package main

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"adminassistant/shared/calendar/graphsim"
)

// heldMailbox is a mailbox whose calendar nobody gets to read until it is let go.
type heldMailbox struct {
	asked chan struct{} // is sent to by each that waits
	gone  chan struct{}
	once  sync.Once
	open  atomic.Bool // it is read as any other, until it is shut
}

func (h *heldMailbox) letGo() { h.once.Do(func() { close(h.gone) }) }

// heldMailbox has a machine archive out of such a mailbox, with config "mail".
func (m *machine) heldMailbox() *heldMailbox {
	m.t.Helper()
	sim := graphsim.New(graphsim.Options{})
	if err := sim.AddMailbox(graphsim.Mailbox{ID: "me", Address: "me@example.com", Name: "Me", TimeZone: "Europe/Berlin"}); err != nil {
		m.t.Fatal(err)
	}
	h := &heldMailbox{asked: make(chan struct{}, 1), gone: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.open.Load() && (strings.Contains(r.URL.Path, "calendarView") || strings.Contains(r.URL.Path, "events")) {
			select {
			case h.asked <- struct{}{}:
			default:
			}
			select {
			case <-h.gone:
			case <-r.Context().Done():
				return
			}
		}
		sim.ServeHTTP(w, r)
	}))
	m.t.Cleanup(server.Close)
	m.t.Cleanup(h.letGo)
	m.more = append(m.more, "ADMIN_ASSISTANT_GRAPH_URL="+server.URL+"/v1.0", "ADMIN_ASSISTANT_GRAPH_TOKEN=t", "ADMIN_ASSISTANT_LEASE=1s")
	m.local("config", "create", "--name", "mail", "--source", "msgraph://me@example.com/calendars/primary", "--archive", "local://me/calendars/Archive",
		"--timezone", "Europe/Berlin", "--verify", "none").ok()
	return h
}

// broken runs a command until it waits for something, presses Ctrl-C, and returns how it ended.
func (m *machine) broken(waits <-chan struct{}, args ...string) result {
	m.t.Helper()
	cmd := m.command(m.t.Context(), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-waits:
	case <-ended:
		m.t.Fatalf("%q ended by itself: %s%s", args, out.String(), errs.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		m.t.Fatal(err)
	}
	<-ended
	return result{t: m.t, line: strings.Join(args, " "), code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// printed finds a command that a text says, and returns what to type behind the program's name.
func printed(t *testing.T, text, pattern string) []string {
	t.Helper()
	found := regexp.MustCompile(`admin-assistant (` + pattern + `)`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no command is said: %s", text)
	}
	return strings.Fields(found[1])
}

func TestCtrlCWhereTheProgramItselfCarriesOut(t *testing.T) {
	m := newMachine(t)
	h := m.heldMailbox()
	for _, args := range [][]string{
		{"--local", "archive", "run", "-c", "mail", "-p", october}, {"--local", "run", "watch", "last"}, {"--local", "backup", "run", "--config", "mail"},
	} {
		r := m.broken(h.asked, args...)
		r.fails(exitFailed, "stopped; run ", " goes on where it was when you ask for the same again, or with: admin-assistant --local run watch ")
		if strings.Contains(r.err, "cancel") {
			t.Errorf("it says more than is true: %s", r.err)
		}
	}
	list := m.local("run", "list").ok().out
	first := regexp.MustCompile(`(\S+).* archive `).FindStringSubmatch(list)[1]
	h.letGo()
	m.local("archive", "run", "-c", "mail", "-p", october).ok().says("succeeded")
	m.local("run", "watch", first).ok().says(first, "succeeded")
}

// TestCtrlCAtARestoreAndAnUndo stops both while they read the mailbox that they write into, and has them go on.
func TestCtrlCAtARestoreAndAnUndo(t *testing.T) {
	m := newMachine(t)
	h := m.heldMailbox()
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("backup", "run", "--calendar", work).ok()
	m.local("config", "create", "--name", "out", "--source", work, "--archive", "msgraph://me@example.com/calendars/Copy", "--create-calendar",
		"--timezone", "Europe/Berlin", "--verify", "none").ok()
	h.open.Store(true)
	m.local("archive", "run", "-c", "out", "-p", october).ok()
	for _, args := range [][]string{
		{"--local", "--yes", "restore", "--backup", "last", "--into", "msgraph://me@example.com/calendars/primary"},
		{"--local", "--yes", "undo", "last", "--config", "out"},
	} {
		h.open.Store(false)
		r := m.broken(h.asked, args...)
		r.fails(exitFailed, "stopped; run ", " goes on where it was when you ask for the same again, or with: admin-assistant --local run watch ")
		h.open.Store(true)
		m.run("", printed(t, r.err, `--local run watch \w+`)...).ok().says("succeeded")
		m.run("", args...).ok()
	}
}

func TestCtrlCWhereAServerCarriesOut(t *testing.T) {
	m := newMachine(t)
	h := m.heldMailbox()
	s := m.serve()
	at := func(args ...string) []string { return append([]string{"--api", s.address}, args...) }
	r := m.broken(h.asked, at("archive", "run", "-c", "mail", "-p", october)...)
	r.fails(exitFailed, "no longer watching; run ", " goes on at the server. Look with: admin-assistant --api "+s.address+" run watch ",
		"; end it with: admin-assistant --api "+s.address+" run cancel ")
	watch := printed(t, r.err, `\S+ \S+ run watch \w+`)
	running := make(chan struct{}) // it is running, since the mailbox was asked
	close(running)
	m.broken(running, watch...)
	h.letGo()
	m.run("", watch...).ok().says("succeeded")
	m.run("", printed(t, r.err, `\S+ \S+ run cancel \w+`)...).fails(exitFailed, "ended")
	s.stop()
}

func TestCtrlCBeforeAServerAnswers(t *testing.T) {
	m := newMachine(t)
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = new(bytes.Buffer).ReadFrom(r.Body)
		}
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	m.more = []string{"ADMIN_ASSISTANT_TOKEN=t"}
	at := "--api=" + server.URL
	m.broken(asked, at, "config", "list").fails(exitFailed, "stopped before the answer came")
	r := m.broken(asked, at, "archive", "run", "-c", "work", "-o", "json")
	if want := `{"error":{"code":"unavailable","detail":"stopped before the answer came; whether the run has begun is not known. Look with: ` +
		`admin-assistant --api ` + server.URL + ` run list"}}` + "\n"; r.err != want || r.code != exitFailed || r.out != "" {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
}

// TestASecondCtrlCEndsAtOnce holds a server up with half a request, for which it waits when it is told to end, and tells it once more.
func TestASecondCtrlCEndsAtOnce(t *testing.T) {
	m := newMachine(t)
	s := m.serve()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for { // until it listens no longer: the first is understood
		other, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
		if err != nil {
			break
		}
		other.Close()
	}
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := s.process.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("the second did not end it: %v", err)
	}
}
