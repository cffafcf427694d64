package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/telemetry"
)

const (
	headerIdempotency = "Idempotency-Key"
	headerReplayed    = "Idempotency-Replayed"
	// maxIdempotencyKey is the longest key, in bytes.
	maxIdempotencyKey = 255
	// noteTimeout is how long noting a request's outcome may take after the request itself has ended.
	noteTimeout = 5 * time.Second
)

// once lets a POST take effect once for each key. A repeat gets the first one's answer; another request with the same key, and a
// repeat while the first is under way, are refused. Answers that another try may change, of status 429 and 5xx, are forgotten.
func (s *server) once(w http.ResponseWriter, r *http.Request, to *route, key string) {
	ctx := r.Context()
	if !visible(key, maxIdempotencyKey) {
		detail := fmt.Sprintf("%s must have 1 to %d visible ASCII characters", headerIdempotency, maxIdempotencyKey)
		s.answerProblem(w, r, to, newProblem(ctx, "invalid", headerIdempotency, detail))
		return
	}
	who, err := account.From(ctx)
	if err != nil {
		s.answerProblem(w, r, to, problemOf(ctx, err))
		return
	}
	r = r.WithContext(context.WithValue(ctx, onceKey{}, key))
	body := &hashed{from: r.Body, sum: sha256.New()}
	fmt.Fprintf(body.sum, "%s\n%s\n", r.URL.RequestURI(), r.Header.Get("Content-Type"))
	r.Body = body

	claim, first, err := s.Requests.Claim(ctx, who.Key(), to.pattern, key)
	switch {
	case errors.Is(err, idempotency.ErrUnderWay):
		w.Header().Set("Retry-After", "1")
		detail := "the request with this " + headerIdempotency + " is still under way; ask again for its answer"
		s.answerProblem(w, r, to, newProblem(ctx, codeIdempotencyUnderWay, headerIdempotency, detail))
		return
	case err != nil:
		s.answerProblem(w, r, to, problemOf(ctx, err))
		return
	case first != nil:
		s.repeat(w, r, to, body, first)
		return
	}

	answer := &buffered{header: w.Header().Clone()}
	kept := false
	noting := func() (context.Context, context.CancelFunc) { // also for a caller who hung up
		return context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	}
	defer func() {
		if !kept { // also when the handler panics
			within, cancel := noting()
			defer cancel()
			if err := claim.Drop(within); err != nil {
				telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("idempotency record not removed")
			}
		}
	}()
	s.serve(answer, r, to)
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
	if sum, err := body.hash(); err == nil && answer.status < 500 && answer.status != http.StatusTooManyRequests {
		within, cancel := noting()
		defer cancel()
		err := claim.Keep(within, idempotency.Answer{Request: sum, Status: answer.status, Header: answer.kept(), Body: answer.body.Bytes()})
		if kept = err == nil; !kept {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("idempotency record not stored")
		}
	}
	answer.writeTo(w)
}

type onceKey struct{}

// requestKey is the Idempotency-Key of a request; empty: it has none.
func requestKey(ctx context.Context) string {
	key, _ := ctx.Value(onceKey{}).(string)
	return key
}

// repeat answers a request whose key was used before.
func (s *server) repeat(w http.ResponseWriter, r *http.Request, to *route, body *hashed, first *idempotency.Answer) {
	ctx := r.Context()
	sum, err := body.hash()
	switch {
	case err != nil:
		if p := problemOf(ctx, err); p.Code == codeTooLarge {
			s.answerProblem(w, r, to, p)
			return
		}
		s.answerProblem(w, r, to, newProblem(ctx, codeUnparsable, "", unreadableBody))
	case sum != first.Request:
		s.answerProblem(w, r, to, newProblem(ctx, codeIdempotencyMismatch, headerIdempotency,
			"this "+headerIdempotency+" was used for another request; use a new one"))
	default:
		for name, values := range first.Header {
			w.Header()[name] = values
		}
		w.Header().Set(headerReplayed, "true")
		w.WriteHeader(first.Status)
		_, _ = w.Write(first.Body)
	}
}

// hashed is a body that is hashed while it is read. It can be read to its end after the handler closed it.
type hashed struct {
	from io.Reader
	sum  hash.Hash
	err  error
}

func (b *hashed) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	b.sum.Write(p[:n])
	b.err = err
	return n, err
}

func (b *hashed) Close() error { return nil }

// hash reads the rest of the body and returns the hash of the request.
func (b *hashed) hash() (string, error) {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return "", err
	}
	return hex.EncodeToString(b.sum.Sum(nil)), nil
}

// buffered keeps an answer until it is stored.
type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
	most   int // bytes of the body that are kept; 0: all
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(status int) {
	if b.status == 0 {
		b.status = status
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	if left := b.most - b.body.Len(); b.most > 0 && len(p) > left {
		b.body.Write(p[:left])
		return len(p), nil
	}
	return b.body.Write(p)
}

// kept are the headers that a repeat gets too; the others are its own.
func (b *buffered) kept() http.Header {
	kept := http.Header{}
	for _, name := range []string{"Content-Type", "Etag", "Location"} {
		if values := b.header.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	return kept
}

func (b *buffered) writeTo(w http.ResponseWriter) {
	for name, values := range b.header {
		w.Header()[name] = values
	}
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes())
}
