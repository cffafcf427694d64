package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
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
