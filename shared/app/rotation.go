package app

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// readAgain is how long at least lies between two readings of an application's secret because the one that was read is not accepted.
const readAgain = time.Minute

// again has what was made be made anew by whoever asks next, and says whether: not more often than readAgain.
func (o *once[T]) again(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.renewed.IsZero() && now.Sub(o.renewed) < readAgain {
		return false
	}
	o.renewed, o.done = now, false
	return true
}

// rotating passes requests on and notices when the sign-in service does not accept the application's secret, as after it was replaced. If the secret
// is read again then, which refused says, the answer is one that passes: whoever asked tries again, with the new one.
type rotating struct {
	to      http.RoundTripper
	refused func() bool
}

// maxRefusal is how many bytes are read of an answer that refuses.
const maxRefusal = 64 << 10

// RoundTrip implements http.RoundTripper.
func (r rotating) RoundTrip(q *http.Request) (*http.Response, error) {
	answer, err := r.to.RoundTrip(q)
	if err != nil || answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(q.URL.Path, "/token") {
		return answer, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &said) == nil && said.Error == "invalid_client" && r.refused() {
		answer.StatusCode, answer.Status = http.StatusServiceUnavailable, "503 Service Unavailable"
	}
	return answer, nil
}
