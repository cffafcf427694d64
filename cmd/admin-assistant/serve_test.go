package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
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
