package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	headerIdempotency = "Idempotency-Key"
	headerReplayed    = "Idempotency-Replayed"
	// maxIdempotencyKey is the longest key, in bytes.
	maxIdempotencyKey = 255
	// replayFor is how long the answer to a request is kept.
	replayFor = 24 * time.Hour
	// claimFor is how long a request may be under way before a repeat of it takes over: whoever worked on it is gone then.
	claimFor = 2 * time.Minute
	// settleTimeout is how long noting a request's outcome may take after the request itself has ended.
	settleTimeout = 5 * time.Second
)

// attempt is what is stored of a request with an idempotency key, at IDEMPOTENCY#<user> / <hash of route and key>: first that it is
// under way, then its answer.
type attempt struct {
	Until  time.Time   `json:"until"`            // while it is under way: when a repeat may take over
	Hash   string      `json:"hash,omitempty"`   // of the request, once it is answered
	Status int         `json:"status,omitempty"` // 0: under way
	Header http.Header `json:"header,omitempty"`
	Body   []byte      `json:"body,omitempty"`
}

func idempotencyPK(user string) string { return "IDEMPOTENCY#" + user }

// once lets a POST take effect once for each key. A repeat gets the first one's answer; another request with the same key, and a
// repeat while the first is under way, are refused. Answers that another try may change, of status 429 and 5xx, are forgotten.
func (s *server) once(w http.ResponseWriter, r *http.Request, to *route, key string) {
	ctx := r.Context()
	if !visible(key, maxIdempotencyKey) {
		writeProblem(w, newProblem(ctx, "invalid", headerIdempotency, fmt.Sprintf("%s must have 1 to %d visible ASCII characters", headerIdempotency, maxIdempotencyKey)))
		return
	}
	who, err := account.From(ctx)
	if err != nil {
		writeProblem(w, problemOf(ctx, err))
		return
	}
	name := sha256.Sum256([]byte(to.pattern + "\x00" + key))
	at := store.Key{PK: idempotencyPK(who.Key()), SK: hex.EncodeToString(name[:])}
	body := &hashed{from: r.Body, sum: sha256.New()}
	fmt.Fprintf(body.sum, "%s\n%s\n", r.URL.RequestURI(), r.Header.Get("Content-Type"))
	r.Body = body

	version, first, err := s.claim(ctx, at)
	if err != nil {
		writeProblem(w, problemOf(ctx, err))
		return
	}
	if first != nil {
		s.repeat(w, r, body, first)
		return
	}

	answer := &buffered{header: w.Header().Clone()}
	settled := false
	settling := func() (context.Context, context.CancelFunc) { // also for a caller who hung up
		return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	}
	defer func() {
		if !settled { // also when the handler panics
			settle, cancel := settling()
			defer cancel()
			if err := s.Table.Delete(settle, at, store.VersionIs(version)); err != nil && !errors.Is(err, store.ErrConflict) {
				telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("idempotency record not removed")
			}
		}
	}()
	s.serve(answer, r, to)
	if answer.status == 0 {
		answer.status = http.StatusOK
	}
	if sum, err := body.hash(); err == nil && answer.status < 500 && answer.status != http.StatusTooManyRequests {
		data, err := json.Marshal(attempt{Hash: sum, Status: answer.status, Header: answer.kept(), Body: answer.body.Bytes()})
		if err == nil {
			settle, cancel := settling()
			defer cancel()
			_, err = s.Table.Put(settle, store.Item{Key: at, Expires: s.Clock().Add(replayFor), Data: data}, store.VersionIs(version))
		}
		if settled = err == nil; !settled {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("idempotency record not stored")
		}
	}
	answer.writeTo(w)
}

// claim notes that a request is under way. If it was made before, it returns what is stored of it.
func (s *server) claim(ctx context.Context, at store.Key) (version int64, first *attempt, err error) {
	now := s.Clock()
	data, err := json.Marshal(attempt{Until: now.Add(claimFor)})
	if err != nil {
		return 0, nil, err
	}
	item := store.Item{Key: at, Expires: now.Add(replayFor), Data: data}
	version, err = s.Table.Put(ctx, item, store.Absent())
	if !errors.Is(err, store.ErrConflict) {
		return version, nil, err
	}
	stored, err := s.Table.Get(ctx, at)
	if errors.Is(err, store.ErrNotFound) { // forgotten just now
		return 0, &attempt{Until: now.Add(claimFor)}, nil
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read the idempotency record: %w", err)
	}
	first = &attempt{}
	if err := json.Unmarshal(stored.Data, first); err != nil {
		return 0, nil, fmt.Errorf("read the idempotency record: %w", err)
	}
	over := first.Status == 0 && !now.Before(first.Until)
	if !over && now.Before(stored.Expires) {
		return 0, first, nil
	}
	version, err = s.Table.Put(ctx, item, store.VersionIs(stored.Version))
	if errors.Is(err, store.ErrConflict) { // another repeat was faster
		return 0, &attempt{Until: now.Add(claimFor)}, nil
	}
	return version, nil, err
}

// repeat answers a request whose key was used before.
func (s *server) repeat(w http.ResponseWriter, r *http.Request, body *hashed, first *attempt) {
	ctx := r.Context()
	if first.Status == 0 {
		w.Header().Set("Retry-After", "1")
		writeProblem(w, newProblem(ctx, codeIdempotencyUnderWay, headerIdempotency, "the request with this "+headerIdempotency+" is still under way; ask again for its answer"))
		return
	}
	sum, err := body.hash()
	switch {
	case err != nil:
		if p := problemOf(ctx, err); p.Code == codeTooLarge {
			writeProblem(w, p)
			return
		}
		writeProblem(w, newProblem(ctx, codeUnparsable, "", unreadableBody))
	case sum != first.Hash:
		writeProblem(w, newProblem(ctx, codeIdempotencyMismatch, headerIdempotency, "this "+headerIdempotency+" was used for another request; use a new one"))
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
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(status int) {
	if b.status == 0 {
		b.status = status
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
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
