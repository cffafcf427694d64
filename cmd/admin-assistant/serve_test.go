package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestServerIsNotHeldUp(t *testing.T) {
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Run("every time that a client may take is bounded", func(t *testing.T) {
		if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= s.ReadHeaderTimeout || s.WriteTimeout <= s.ReadTimeout || s.IdleTimeout <= 0 {
			t.Errorf("%v %v %v %v", s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
		}
	})
	served := httptest.NewUnstartedServer(nil)
	served.Config = s
	served.Start()
	defer served.Close()
	for size, want := range map[int]string{1 << 10: "204", 100 << 10: "431"} {
		t.Run(fmt.Sprintf("a header of %d bytes is answered with %s", size, want), func(t *testing.T) {
			c, err := net.Dial("tcp", served.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", size)); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(c).ReadString('\n')
			if err != nil || !strings.Contains(line, " "+want+" ") {
				t.Errorf("got %q, %v", line, err)
			}
		})
	}
}

// TestADataFolderThatOthersCouldOpenIsTightened has the program find a folder that everybody may read.
func TestADataFolderThatOthersCouldOpenIsTightened(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders have no modes there")
	}
	m := newMachine(t)
	if err := os.MkdirAll(m.data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(m.data, 0o755); err != nil {
		t.Fatal(err)
	}
	first := m.local("calendar", "list")
	want := "admin-assistant: other accounts of this machine could open the data folder " + m.data + "; now only yours can\n"
	if first.code != exitOK || first.err != want {
		t.Errorf("exit code %d: %s", first.code, first.err)
	}
	if about, err := os.Stat(m.data); err != nil || about.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", about, err)
	}
	m.local("calendar", "list").ok()
}

// TestADataFolderOfAnotherAccountIsRefused has the program find a folder that was given away, which takes the administrator's rights.
func TestADataFolderOfAnotherAccountIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only the administrator can give folders away")
	}
	m := newMachine(t)
	if err := errors.Join(os.MkdirAll(m.data, 0o755), os.Chown(m.data, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"--local", "calendar", "list"}, {"serve", "--addr", "127.0.0.1:0"}, {"serve", "--demo", "--addr", "127.0.0.1:0"}} {
		m.run("", line...).fails(exitUsage, "belongs to another account", "--data")
	}
	if files, err := os.ReadDir(m.data); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
}

// keyFile is where the server at an address leaves its key.
func (m *machine) keyFile(address string) string {
	return filepath.Join(m.data, "server-"+strings.ReplaceAll(strings.TrimPrefix(address, "http://"), ":", "-")+".key")
}

// serving is a server of a machine, in a process of its own.
type serving struct {
	*machine
	process *exec.Cmd
	address string   // as in http://127.0.0.1:8080
	first   string   // the address for a browser that it printed
	said    []string // the lines that it printed at its start
	out     *bufio.Reader
	log     bytes.Buffer // all that it logged, when it has ended
}

// serve starts a server that logs all that it can. It is killed at the end of the test, unless it has ended before.
func (m *machine) serve(args ...string) *serving {
	m.t.Helper()
	s := &serving{machine: m, process: m.command(context.Background(), append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)}
	s.process.Env = append(s.process.Env, "ADMIN_ASSISTANT_LOG_LEVEL=debug")
	s.process.Stderr = &s.log
	out, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = s.process.Process.Kill() })
	s.out = bufio.NewReader(out)
	for !strings.HasPrefix(strings.Join(s.said[max(0, len(s.said)-1):], ""), "that address works once") {
		line, err := s.out.ReadString('\n')
		if err != nil {
			m.t.Fatalf("it said %q and no more: %v", s.said, err)
		}
		s.said = append(s.said, strings.TrimSuffix(line, "\n"))
		for word := range strings.FieldsSeq(line) {
			switch at, _, query := strings.Cut(word, "/?key="); {
			case query:
				s.address, s.first = at, word
			}
		}
	}
	return s
}

// get asks the server as a browser would, with headers, and follows no redirect.
func (s *serving) get(address string, header ...string) (status int, answer http.Header, body string) {
	s.t.Helper()
	return s.send(http.MethodGet, address, "", header...)
}

func (s *serving) send(method, address, content string, header ...string) (status int, answer http.Header, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.StatusCode, got.Header, string(text)
}

// getsIn is how the command is printed by which a browser gets in.
var getsIn = regexp.MustCompile(`admin-assistant( --api http://\S+)? browser`)

// stop ends the server as Ctrl-C does and returns what it printed then.
func (s *serving) stop() string {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	rest, err := io.ReadAll(s.out)
	if err := errors.Join(err, s.process.Wait()); err != nil {
		s.t.Fatal(err)
	}
	return string(rest)
}

func TestTheLocalServerAsksWhoYouAre(t *testing.T) {
	m := newMachine(t)
	s := m.serve()
	key := strings.TrimSpace(string(mustRead(t, m.keyFile(s.address))))
	t.Run("who has no key is refused, and told how to get in", func(t *testing.T) {
		for name, header := range map[string][]string{
			"no key": nil, "another key": {"Authorization", "Bearer " + strings.Repeat("A", 26)}, "another scheme": {"Authorization", "Basic " + key},
			"a key that is good once": {"Authorization", "Bearer " + s.first[strings.Index(s.first, "=")+1:]},
			"the key as a cookie":     {"Cookie", "key=" + key}, "the key in the address": {"X-Key", key},
		} {
			status, h, body := s.get(s.address+"/v1/me", header...)
			if status != 401 || h.Get("Content-Type") != "application/problem+json" || !getsIn.MatchString(body) ||
				!strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer") || strings.Contains(body, key) {
				t.Errorf("%s: %d %v %s", name, status, h, body)
			}
		}
		create := `{"uri": "local://me/calendars/X"}`
		if status, _, _ := s.send(http.MethodPost, s.address+"/v1/calendars", create, "Content-Type", "application/json"); status != 401 {
			t.Errorf("a write: %d", status)
		}
	})
	t.Run("what everybody may see of a deployed server is for everybody", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz", "/docs", "/openapi.json"} {
			if status, _, _ := s.get(s.address + path); status != 200 {
				t.Errorf("%s: %d", path, status)
			}
		}
	})
	t.Run("the command line gets in by itself, by any name of the machine", func(t *testing.T) {
		for _, address := range []string{s.address, strings.Replace(s.address, "127.0.0.1", "localhost", 1)} {
			m.run("", "--api", address, "calendar", "create", "local://me/calendars/"+address[7:10]).ok()
		}
	})
	t.Run("one with another data folder does not, and is told so", func(t *testing.T) {
		m.run("", "--data", t.TempDir(), "--api", s.address, "calendar", "list").fails(exitFailed, "nobody is signed in", "--data")
		m.run("", "--data", t.TempDir(), "--api", s.address, "browser").fails(exitFailed, "no server with data folder", "--data", s.address)
	})
	var cookie, token string
	t.Run("the address that it prints lets a browser in once", func(t *testing.T) {
		status, h, _ := s.get(s.first)
		set, err := http.ParseSetCookie(h.Get("Set-Cookie"))
		if err != nil || status != 303 || h.Get("Location") != "/" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", status, h)
		}
		port := s.address[strings.LastIndex(s.address, ":")+1:]
		if set.Name != "admin-assistant-"+port || set.Path != "/" || !set.HttpOnly || set.SameSite != http.SameSiteStrictMode || set.Secure || set.Domain != "" {
			t.Errorf("cookie %+v", set)
		}
		cookie = set.Name + "=" + set.Value
		if status, _, body := s.get(s.address+"/v1/me", "Cookie", cookie); status != 200 || !strings.Contains(body, `"role":"admin"`) {
			t.Errorf("%d %s", status, body)
		}
		for _, accept := range []string{"text/html", "*/*"} {
			status, h, body := s.get(s.first, "Accept", accept)
			if status != 401 || h.Get("Set-Cookie") != "" || h.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(body, "used already") ||
				!strings.Contains(body, "admin-assistant --api "+s.address+" browser") || strings.Contains(body, "/auth/login") {
				t.Errorf("the second time: %d %v %s", status, h, body)
			}
		}
	})
	t.Run("what such a browser changes needs the session's token", func(t *testing.T) {
		_, _, body := s.get(s.address+"/auth/session", "Cookie", cookie)
		var session struct {
			Token string `json:"csrf_token"`
		}
		if err := json.Unmarshal([]byte(body), &session); err != nil || session.Token == "" {
			t.Fatalf("%v: %s", err, body)
		}
		token = session.Token
		create := func(header ...string) int {
			status, _, _ := s.send(http.MethodPost, s.address+"/v1/calendars", `{"uri": "local://me/calendars/Own"}`,
				append([]string{"Content-Type", "application/json", "Cookie", cookie}, header...)...)
			return status
		}
		for want, header := range map[int][]string{403: nil, 201: {"X-CSRF-Token", token}} {
			if got := create(header...); got != want {
				t.Errorf("%v: %d, want %d", header, got, want)
			}
		}
		if got := create("X-CSRF-Token", token, "Sec-Fetch-Site", "same-site"); got != 403 { // a page of another port
			t.Errorf("from another port: %d", got)
		}
	})
	t.Run("a new address is had by a command, and replaces the browser's session", func(t *testing.T) {
		var printed struct{ Address string }
		m.run("", "--api", s.address, "browser", "--output", "json").ok().decode(&printed)
		plain := strings.TrimSuffix(m.run("", "--api", s.address, "browser").ok().out, "\n")
		if plain == printed.Address || strings.Contains(plain, key) {
			t.Errorf("%s, %s", plain, printed.Address)
		}
		for _, address := range []string{plain, printed.Address} {
			if status, h, body := s.get(address, "Cookie", cookie); status != 303 || h.Get("Set-Cookie") == "" {
				t.Errorf("%s: %d %v %s", address, status, h, body)
			}
		}
		status, h, body := s.get(s.address+"/v1/me", "Cookie", cookie)
		if status != 401 || !strings.Contains(h.Get("Set-Cookie"), "Max-Age=0") || !strings.Contains(body, "admin-assistant browser") {
			t.Errorf("the session before: %d %v %s", status, h, body)
		}
	})
	t.Run("a browser signs out", func(t *testing.T) {
		address := strings.TrimSpace(m.run("", "--api", s.address, "browser").ok().out)
		_, h, _ := s.get(address)
		cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
		_, _, body := s.get(s.address+"/auth/session", "Cookie", cookie)
		token := regexp.MustCompile(`"csrf_token":"([^"]+)"`).FindStringSubmatch(body)
		status, h, _ := s.send(http.MethodPost, s.address+"/auth/logout", "", "Cookie", cookie, "X-CSRF-Token", token[1])
		if status != 204 || !strings.Contains(h.Get("Set-Cookie"), "Max-Age=0") || !strings.HasPrefix(h.Get("Set-Cookie"), "admin-assistant-") {
			t.Errorf("%d %v", status, h)
		}
		if status, _, _ := s.get(s.address+"/v1/me", "Cookie", cookie); status != 401 {
			t.Errorf("%d", status)
		}
	})
	t.Run("asking for the head of the address does not use it up", func(t *testing.T) {
		address := strings.TrimSpace(m.run("", "--api", s.address, "browser").ok().out)
		if status, h, _ := s.send(http.MethodHead, address, ""); status != 302 || h.Get("Location") != "/today" || h.Get("Set-Cookie") != "" {
			t.Errorf("%d %v", status, h)
		}
		if status, _, _ := s.get(address); status != 303 {
			t.Errorf("%d", status)
		}
	})
	t.Run("who gets in with a browser is in the audit log, the keys are not", func(t *testing.T) {
		said := m.run("", "--api", s.address, "audit", "list", "--output", "json").ok().says("session.begin").out
		if strings.Contains(said, key) || strings.Contains(said, s.first[strings.Index(s.first, "=")+1:]) {
			t.Error("a key is in it")
		}
	})
	t.Run("nothing is left of its key when it has ended", func(t *testing.T) {
		if rest := s.stop(); rest != "stopped\n" {
			t.Errorf("it said %q", rest)
		}
		if _, err := os.Stat(m.keyFile(s.address)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		m.run("", "--api", s.address, "browser").fails(exitFailed, "no server with data folder")
	})
	t.Run("no key is in the log", func(t *testing.T) {
		once, value := s.first[strings.Index(s.first, "=")+1:], cookie[strings.Index(cookie, "=")+1:]
		for name, secret := range map[string]string{"the key": key, "the one that was good once": once, "the cookie": value, "the session's token": token} {
			if !strings.Contains(s.log.String(), `"route":"GET /{$}","status":303`) || strings.Contains(s.log.String(), secret) {
				t.Errorf("%s: %s", name, s.log.String())
			}
		}
	})
	t.Run("no key is in any file, but the server's own while it runs", func(t *testing.T) {
		err := filepath.WalkDir(m.data, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			for _, secret := range []string{key, s.first[len(s.first)-43:], cookie[strings.Index(cookie, "=")+1:]} {
				if bytes.Contains(mustRead(t, name), []byte(secret)) {
					t.Errorf("%s has one", name)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAKeyOfAServerThatWasKilledIsGoodForNothing(t *testing.T) {
	m := newMachine(t)
	killed := m.serve()
	old := strings.TrimSpace(string(mustRead(t, m.keyFile(killed.address))))
	if err := killed.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.process.Wait()
	m.run("", "--api", killed.address, "browser").fails(exitFailed, "no server answers")
	m.run("", "--api", killed.address, "calendar", "list").fails(exitFailed, "no server answers")

	next := m.serve()
	for name, ask := range map[string]func() (int, http.Header, string){
		"as a program's": func() (int, http.Header, string) {
			return next.get(next.address+"/v1/me", "Authorization", "Bearer "+old)
		},
		"for one browser": func() (int, http.Header, string) {
			return next.get(strings.Replace(killed.first, killed.address, next.address, 1))
		},
	} {
		if status, _, body := ask(); status != 401 || !getsIn.MatchString(body) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	m.run("", "--api", next.address, "calendar", "list").ok()
}
