package refusal

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func FuzzRead(f *testing.F) {
	f.Add(400, "5", []byte(`{"error":"interaction_required","error_codes":[50076],"claims":"{\"a\":1}"}`))
	f.Add(429, "Mon, 05 Oct 2026 12:00:30 GMT", []byte(`{}`))
	f.Add(503, "1e300", []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, wait string, text []byte) {
		err := Read(status, http.Header{"Retry-After": {wait}}, text, now).Err()
		if got := err.Error(); len(got) > 500 || strings.ContainsAny(got, "<>{}\n") {
			t.Errorf("text is %q", got)
		}
		var waits interface{ RetryAfter() time.Duration }
		if !errors.As(err, &waits) || waits.RetryAfter() < 0 || waits.RetryAfter() > longestWait {
			t.Errorf("told to wait %v", waits)
		}
	})
}
