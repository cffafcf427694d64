package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/blob"
)

// receiving is a store of objects that gives addresses to which a client puts them itself.
type receiving struct {
	blob.Blob
	url   string
	size  int64
	lasts time.Duration
}

func (r *receiving) PresignPut(_ context.Context, key string, bytes int64, lasts time.Duration) (string, error) {
	r.size, r.lasts = bytes, lasts
	return r.url + "/" + key, nil
}

func TestALargeFileIsPutIntoTheBucketByItself(t *testing.T) {
	there := &receiving{}
	s := newService(t, func(_ *service, s *Services) { there.Blob = s.Blobs; s.Blobs = there })
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(t, there.Put(r.Context(), strings.TrimPrefix(r.URL.Path, "/"), r.Body))
	}))
	t.Cleanup(bucket.Close)
	there.url = bucket.URL

	began := s.do("POST", "/v1/uploads/direct", fmt.Sprintf(`{"bytes": %d}`, len(week)), sendJSON...).is(201)
	if there.size != int64(len(week)) || there.lasts != presigned || began.str("until") == "" {
		t.Errorf("signed for %d bytes and %s: %s", there.size, there.lasts, began.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, began.str("url"), bytes.NewReader([]byte(week)))
	check(t, err)
	answer, err := http.DefaultClient.Do(r)
	check(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	sum := sha256.Sum256([]byte(week))
	body := fmt.Sprintf(`{"bytes": %d, "sha256": %q}`, len(week), hex.EncodeToString(sum[:]))
	u := s.do("POST", "/v1/uploads/"+began.str("id")+"/arrived", body, sendJSON...).is(201)
	if u.str("id") != began.str("id") || u.str("format") != "ics" || u.str("unread") != "true" || u.str("sha256") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", u.body)
	}
	s.calendar(seeded)
	started := s.do("POST", "/v1/imports", map[string]any{"calendar": seeded, "upload": u.str("id")}).is(202)
	s.work()
	if done := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200); done.str("state") != "succeeded" {
		t.Errorf("%s", done.body)
	}
	s.do("POST", "/v1/uploads/direct", `{"bytes": 67108865}`, sendJSON...).problem(422, "invalid", "")
	s.do("POST", "/v1/uploads/direct", `{"bytes": 0}`, sendJSON...).problem(422, "invalid", "bytes")
	s.do("POST", "/v1/uploads/"+began.str("id")+"/arrived", `{"bytes": 1, "sha256": "x"}`, sendJSON...).problem(422, "invalid", "sha256")
}

func TestAServerWithoutABucketTakesLargeFilesItself(t *testing.T) {
	s := newService(t)
	if a := s.do("POST", "/v1/uploads/direct", `{"bytes": 5000000}`, sendJSON...).is(201); a.str("url") != "" {
		t.Errorf("%s", a.body)
	}
	large := strings.Replace(week, "BEGIN:VEVENT", strings.Repeat("X-NOTE:"+strings.Repeat("x", 60)+"\r\n", maxBody/60)+"BEGIN:VEVENT", 1)
	if u := s.do("POST", "/v1/uploads", large, sendFile...).is(201); strings.Contains(string(u.body), "unread") {
		t.Errorf("%s", u.body)
	}
}
