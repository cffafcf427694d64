package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestEveryPathSaysWhichMethodsItKnows asks every path by every method that there is: one that it does not know is answered with those that it does.
func TestEveryPathSaysWhichMethodsItKnows(t *testing.T) {
	s := newService(t)
	known := map[string][]string{}
	for pattern, r := range s.declared {
		if method, path := r.split(); s.server.has(s.declared[pattern]) {
			known[path] = append(known[path], method)
		}
	}
	for path, methods := range known {
		if slices.Contains(methods, http.MethodGet) {
			methods = append(methods, http.MethodHead)
		}
		slices.Sort(methods)
		want := strings.Join(methods, ", ")
		at := strings.NewReplacer("{$}", "", "{", "", "}", "").Replace(path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
			r, err := http.NewRequestWithContext(t.Context(), method, s.url+at, nil)
			check(t, err)
			r.Header.Set(headerUser, "nobody")
			a, err := http.DefaultTransport.RoundTrip(r)
			check(t, err)
			a.Body.Close()
			got, is := a.Header.Get("Allow"), slices.Contains(methods, method)
			if is != (a.StatusCode != http.StatusMethodNotAllowed) || !is && got != want || is && got != "" {
				t.Errorf("%s %s: %d, allowed are %q, want %q", method, path, a.StatusCode, got, want)
			}
		}
	}
}
