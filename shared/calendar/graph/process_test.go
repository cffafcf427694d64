package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"adminassistant/shared/fault"
)

// processURL names, in the environment of a child process, the server that it is to write to.
const processURL = "GRAPH_TEST_PROCESS_URL"

var processStatuses = []int{http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTemporaryRedirect}

// TestEveryProcessSendsTheSame starts the client in fresh processes. The SDK's own list of middleware is in another order in each of them, so that some
// repeat a POST, and some of those with a header that says it is compressed.
func TestEveryProcessSendsTheSame(t *testing.T) {
	if url := os.Getenv(processURL); url != "" {
		for _, status := range processStatuses {
			p, err := New(Options{BaseURL: fmt.Sprintf("%s/%d", url, status), Token: "t"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Create(t.Context(), me, "c", numbered(3))
			if (err == nil) != (status == http.StatusOK) || status >= 400 && !fault.Of(err).Transient() {
				t.Errorf("answer %d: %v", status, err)
			}
		}
		return
	}

	var mu sync.Mutex
	seen := map[string][]string{} // by process: its requests, each as text
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, process, _ := strings.Cut(r.URL.Path, "/")
		process, path, _ := strings.Cut(process, "/")
		header := r.Header.Clone()
		if header.Get("Client-Request-Id") == "" || !json.Valid(body) || r.ContentLength != int64(len(body)) {
			path += " (broken)"
		}
		header.Del("Client-Request-Id")
		request := r.Method + " " + path
		for _, name := range slices.Sorted(maps.Keys(header)) {
			request += fmt.Sprintf("\n%s: %q", name, header[name])
		}
		mu.Lock()
		seen[process] = append(seen[process], request+"\n"+string(body))
		mu.Unlock()
		var status int
		fmt.Sscan(path, &status)
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "0")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status == http.StatusOK {
			fmt.Fprint(w, `{"responses":[{"id":"0","status":201,"body":{"id":"a"}},
				{"id":"1","status":201,"body":{"id":"b"}},{"id":"2","status":201,"body":{"id":"c"}}]}`)
		}
	}))
	defer server.Close()

	const processes = 50
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range processes {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEveryProcessSendsTheSame$")
			child.Env = append(os.Environ(), fmt.Sprintf("%s=%s/%d", processURL, server.URL, i))
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
			}
		})
	}
	wg.Wait()
	if len(seen) != processes {
		t.Fatalf("%d processes were heard of, want %d", len(seen), processes)
	}
	want := seen["0"]
	if len(want) != len(processStatuses) {
		t.Errorf("a process sent %d requests, want %d", len(want), len(processStatuses))
	}
	for _, request := range want {
		if strings.Contains(request, "Content-Encoding") || strings.Contains(request, "(broken)") || strings.Contains(request, "Retry-Attempt") {
			t.Errorf("a request is %s", request)
		}
	}
	for process, got := range seen {
		if !slices.Equal(got, want) {
			t.Errorf("process %s sent\n%s\nprocess 0 sent\n%s", process, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
