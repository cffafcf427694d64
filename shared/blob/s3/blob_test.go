package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"adminassistant/shared/awstest"
	"adminassistant/shared/blob"
	"adminassistant/shared/blob/blobtest"
	"adminassistant/shared/fault"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil { // every step asks a server twice; the command line can say otherwise
		panic(err)
	}
	os.Exit(m.Run())
}

// create makes a bucket.
func create(t *testing.T, cfg aws.Config) (bucket string) {
	t.Helper()
	bucket = strings.ToLower(rand.Text())
	_, err := New(cfg, bucket).client.CreateBucket(t.Context(), &service.CreateBucketInput{
		Bucket:                    &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(cfg.Region)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func TestBlob(t *testing.T) {
	cfg := awstest.Moto(t)
	blobtest.Run(t, func(t *testing.T) blob.Blob {
		t.Parallel()
		return New(cfg, create(t, cfg))
	})
}

// shop is a bucket behind faults.
type shop struct {
	*Blob // asks through the faults
	sound *Blob
}

// open makes the bucket. fault sees every attempt of what shop.Blob asks; nil lets all through.
func open(t *testing.T, fault func(r *http.Request, attempt int) awstest.Answer) shop {
	t.Helper()
	cfg := awstest.Moto(t)
	bucket := create(t, cfg)
	if fault == nil {
		fault = func(*http.Request, int) awstest.Answer { return awstest.Answer{} }
	}
	return shop{Blob: New(awstest.Faults(t, cfg, fault), bucket), sound: New(cfg, bucket)}
}

// refused is an answer as S3 gives it.
func refused(status int, code string) awstest.Answer {
	return awstest.Answer{
		Status: status, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: "<Error><Code>" + code + "</Code><Message>injected</Message></Error>",
	}
}

// operation names what a request of a large Put asks for.
func operation(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "create"
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return "part"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "complete"
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return "abort"
	}
	return ""
}

// large is an object of three parts, with a length that its reader does not show.
var large = bytes.Repeat([]byte("0123456789abcdef\n"), (2*partSize+partSize/2)/17)

func unsized(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }

func put(t *testing.T, b *Blob, key string, data []byte) {
	t.Helper()
	if err := b.Put(t.Context(), key, unsized(data)); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, b *Blob, key string, want []byte) {
	t.Helper()
	r, err := b.Get(t.Context(), key)
	if err != nil {
		t.Errorf("get %s: %v", key, err)
		return
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, %v, want the %d that were put", key, len(got), err, len(want))
	}
}

// wantNoUpload wants that nothing is left of a Put.
func wantNoUpload(t *testing.T, b *Blob) {
	t.Helper()
	out, err := b.client.ListMultipartUploads(t.Context(), &service.ListMultipartUploadsInput{Bucket: &b.bucket})
	if err != nil || len(out.Uploads) != 0 {
		t.Errorf("uploads: %+v, %v, want none", out, err)
	}
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Errorf("error %v of kind %s, want kind %s", err, fault.Of(err), kind)
	}
}

func TestPresign(t *testing.T) {
	s := open(t, nil)
	put(t, s.Blob, "backups/1/events.csv.zst", []byte("content"))
	address, err := s.Presign(t.Context(), "backups/1/events.csv.zst", "Ärger \"1\".csv", 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("X-Amz-Expires") != "120" || u.Query().Get("X-Amz-SignedHeaders") != "host" ||
		u.Query().Get("response-cache-control") != "no-store" ||
		u.Query().Get("response-content-disposition") != "attachment; filename*=UTF-8''%C3%84rger%20%221%22.csv" {
		t.Errorf("%s, %v", address, err)
	}
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || string(data) != "content" { // moto does not heed what the address says about the answer
		t.Errorf("%q, %v", data, err)
	}
	_, err = s.Presign(t.Context(), "../other", "x", time.Minute)
	wantKind(t, err, fault.Invalid)
}

func TestPresignPut(t *testing.T) {
	s := open(t, nil)
	address, err := s.PresignPut(t.Context(), "uploads/1/file", 7, 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("X-Amz-Expires") != "120" || u.Query().Get("X-Amz-SignedHeaders") != "content-length;host" ||
		strings.Contains(strings.ToLower(u.RawQuery), "checksum") {
		t.Errorf("%s, %v", address, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	wantContent(t, s.Blob, "uploads/1/file", []byte("content"))
	_, err = s.PresignPut(t.Context(), "../other", 1, time.Minute)
	wantKind(t, err, fault.Invalid)
}

func TestLargeObjects(t *testing.T) {
	t.Run("come back as they were put, whatever fills their last part", func(t *testing.T) {
		s := open(t, nil)
		for _, size := range []int{partSize - 1, partSize, partSize + 1, 2 * partSize, len(large)} {
			put(t, s.Blob, "large", large[:size])
			wantContent(t, s.Blob, "large", large[:size])
			if o, err := s.Stat(t.Context(), "large"); err != nil || o.Size != int64(size) {
				t.Errorf("stat: %+v, %v, want %d bytes", o, err, size)
			}
		}
		wantNoUpload(t, s.Blob)
	})

	torn := errors.New("torn")
	for _, c := range []struct {
		name  string
		fault func(r *http.Request, attempt int) awstest.Answer
		// after is what the reader does after two and a half parts.
		after func(cancel func()) io.Reader
		want  func(t *testing.T, err error)
	}{
		{
			name:  "a reader that fails half way",
			after: func(func()) io.Reader { return iotest.ErrReader(torn) },
			want: func(t *testing.T, err error) {
				if !errors.Is(err, torn) || fault.Of(err) != fault.Internal {
					t.Errorf("put: %v, want the reader's error", err)
				}
			},
		},
		{
			name: "a context that ends half way",
			after: func(cancel func()) io.Reader {
				return readerFunc(func(p []byte) (int, error) { cancel(); return copy(p, "more"), nil })
			},
			want: func(t *testing.T, err error) {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("put: %v, want cancelled", err)
				}
				wantKind(t, err, fault.Unavailable)
			},
		},
		{
			name: "a service that breaks half way",
			fault: func(r *http.Request, _ int) awstest.Answer {
				if r.URL.Query().Get("partNumber") == "2" {
					return refused(500, "InternalError")
				}
				return awstest.Answer{}
			},
			want: func(t *testing.T, err error) { wantKind(t, err, fault.Unavailable) },
		},
		{
			name: "a service that does not put the parts together",
			fault: func(r *http.Request, _ int) awstest.Answer {
				if operation(r) == "complete" {
					return refused(503, "SlowDown")
				}
				return awstest.Answer{}
			},
			want: func(t *testing.T, err error) { wantKind(t, err, fault.Throttled) },
		},
	} {
		t.Run("leave nothing behind "+c.name, func(t *testing.T) {
			s := open(t, c.fault)
			put(t, s.sound, "old", []byte("before"))
			for _, key := range []string{"new", "old"} {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := unsized(large)
				if c.after != nil {
					r = io.MultiReader(r, c.after(cancel))
				}
				c.want(t, s.Put(ctx, key, r))
			}
			if objects, err := s.List(t.Context(), ""); err != nil || len(objects) != 1 {
				t.Errorf("objects: %+v, %v, want the old one", objects, err)
			}
			wantContent(t, s.sound, "old", []byte("before"))
			wantNoUpload(t, s.sound)
		})
	}

	t.Run("are read no further once their context has ended, and say so even if their parts cannot be removed", func(t *testing.T) {
		s := open(t, func(r *http.Request, _ int) awstest.Answer {
			if operation(r) == "abort" {
				return refused(500, "InternalError")
			}
			return awstest.Answer{}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reads := 0
		err := s.Put(ctx, "large", io.MultiReader(unsized(large), readerFunc(func(p []byte) (int, error) {
			cancel()
			reads++
			return copy(p, "more"), nil
		})))
		if !errors.Is(err, context.Canceled) || reads != 1 {
			t.Errorf("put: %v after %d reads, want cancelled after one", err, reads)
		}
	})
	t.Run("are not held in memory", func(t *testing.T) {
		const parts = 20
		var read, answered atomic.Int64
		var most int64
		s := open(t, func(r *http.Request, _ int) awstest.Answer {
			switch operation(r) {
			case "create":
				return awstest.Answer{Status: 200, Body: "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"}
			case "part":
				answered.Add(partSize)
				return awstest.Answer{Status: 200, Header: http.Header{"Etag": {`"e"`}}}
			case "complete":
				return awstest.Answer{Status: 200, Body: "<CompleteMultipartUploadResult/>"}
			}
			return awstest.Answer{}
		})
		zeros := readerFunc(func(p []byte) (int, error) {
			clear(p)
			most = max(most, read.Add(int64(len(p)))-answered.Load())
			return len(p), nil
		})
		if err := s.Put(t.Context(), "large", io.LimitReader(zeros, parts*partSize)); err != nil {
			t.Fatal(err)
		}
		if answered.Load() != parts*partSize || most > (partsAtOnce+2)*partSize {
			t.Errorf("sent %d parts, and held up to %d bytes of them", answered.Load()/partSize, most)
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// calls makes every call once; "there" is an object.
func calls(ctx context.Context, b *Blob) map[string]error {
	errs := map[string]error{
		"put": b.Put(ctx, "new", strings.NewReader("new")), "put large": b.Put(ctx, "large", unsized(large)), "delete": b.Delete(ctx, "other"),
	}
	_, errs["stat"] = b.Stat(ctx, "there")
	_, errs["list"] = b.List(ctx, "")
	var r io.ReadCloser
	if r, errs["get"] = b.Get(ctx, "there"); r != nil {
		_ = r.Close()
	}
	return errs
}

func TestFaults(t *testing.T) {
	t.Run("every request that is slowed down is repeated", func(t *testing.T) {
		var mu sync.Mutex
		attempts := map[string]int{}
		s := open(t, func(r *http.Request, _ int) awstest.Answer {
			mu.Lock()
			defer mu.Unlock()
			request := r.Method + r.URL.Path + operation(r) + r.URL.Query().Get("partNumber")
			if attempts[request]++; attempts[request] <= 2 {
				return refused(503, "SlowDown")
			}
			return awstest.Answer{}
		})
		put(t, s.sound, "there", []byte("there"))
		for call, err := range calls(t.Context(), s.Blob) {
			if err != nil {
				t.Errorf("%s: %v", call, err)
			}
		}
		for request, n := range attempts {
			if n != 3 {
				t.Errorf("%s took %d attempts, want 3", request, n)
			}
		}
		wantContent(t, s.sound, "new", []byte("new"))
		wantContent(t, s.sound, "large", large)
		wantNoUpload(t, s.sound)
	})
	for _, c := range []struct {
		name   string
		answer awstest.Answer
		want   fault.Kind
	}{
		{"a service that goes on slowing down", refused(503, "SlowDown"), fault.Throttled},
		{"a service that is broken", refused(500, "InternalError"), fault.Unavailable},
		{"a service that is down", awstest.Answer{Status: 503, Body: "<html>"}, fault.Unavailable},
		{"answers that are lost", awstest.Answer{Lost: true}, fault.Unavailable},
		{"a permission that is missing", refused(403, "AccessDenied"), fault.Internal},
		{"a bucket that is somewhere else", refused(301, "PermanentRedirect"), fault.Internal},
	} {
		t.Run(c.name+" makes every call "+c.want.String(), func(t *testing.T) {
			s := open(t, func(*http.Request, int) awstest.Answer { return c.answer })
			put(t, s.sound, "there", []byte("there"))
			for call, err := range calls(t.Context(), s.Blob) {
				if err == nil || errors.Is(err, blob.ErrNotFound) {
					t.Errorf("%s: error %v", call, err)
				}
				if call == "stat" && c.want == fault.Throttled {
					continue // the answer to HEAD has no body that would say so
				}
				if fault.Of(err) != c.want {
					t.Errorf("%s: error %v of kind %s", call, err, fault.Of(err))
				}
			}
		})
	}
	t.Run("a bucket that is not there is not mistaken for an empty one", func(t *testing.T) {
		b := New(awstest.Moto(t), "no-such-bucket")
		errs := calls(t.Context(), b)
		delete(errs, "stat") // the answer to HEAD is the same for a missing bucket and a missing object
		for call, err := range errs {
			if err == nil || errors.Is(err, blob.ErrNotFound) || fault.Of(err) != fault.Internal {
				t.Errorf("%s: error %v of kind %s", call, err, fault.Of(err))
			}
		}
	})

	// lost loses the first answer of an operation.
	lost := func(lose func(*http.Request) bool) func(*http.Request, int) awstest.Answer {
		var once atomic.Bool
		return func(r *http.Request, _ int) awstest.Answer {
			return awstest.Answer{Lost: lose(r) && once.CompareAndSwap(false, true)}
		}
	}
	t.Run("a put whose answer is lost is repeated", func(t *testing.T) {
		s := open(t, lost(func(r *http.Request) bool { return r.Method == http.MethodPut }))
		put(t, s.Blob, "a", []byte("data"))
		wantContent(t, s.Blob, "a", []byte("data"))
	})
	t.Run("a part whose answer is lost is repeated", func(t *testing.T) {
		s := open(t, lost(func(r *http.Request) bool { return operation(r) == "part" }))
		put(t, s.Blob, "a", large)
		wantContent(t, s.Blob, "a", large)
	})
	t.Run("a large put whose last answer is lost is there", func(t *testing.T) {
		s := open(t, lost(func(r *http.Request) bool { return operation(r) == "complete" }))
		put(t, s.Blob, "a", large)
		wantContent(t, s.Blob, "a", large)
		wantNoUpload(t, s.Blob)
	})
	t.Run("a large put that S3 has forgotten meanwhile can be repeated", func(t *testing.T) {
		var completions atomic.Int64
		s := open(t, func(r *http.Request, _ int) awstest.Answer {
			if operation(r) != "complete" {
				return awstest.Answer{}
			}
			if completions.Add(1) == 1 {
				return awstest.Answer{Lost: true}
			}
			return refused(404, "NoSuchUpload")
		})
		wantKind(t, s.Put(t.Context(), "a", unsized(large)), fault.Unavailable)
		wantContent(t, s.Blob, "a", large)
		wantNoUpload(t, s.Blob)
	})
	t.Run("a deletion whose answer is lost is repeated without harm", func(t *testing.T) {
		s := open(t, lost(func(r *http.Request) bool { return r.Method == http.MethodDelete }))
		put(t, s.Blob, "a", []byte("data"))
		if err := s.Delete(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), "a"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("get: %v, want not found", err)
		}
	})
}

// changed returns a client below which the content of objects is changed.
func changed(b *Blob, cfg aws.Config, change func(io.ReadCloser) io.Reader) *Blob {
	below := cfg.HTTPClient
	cfg.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		response, err := below.Do(r)
		if err == nil && r.Method == http.MethodGet && response.StatusCode == http.StatusOK {
			response.Body = struct {
				io.Reader
				io.Closer
			}{change(response.Body), response.Body}
		}
		return response, err
	})
	return New(cfg, b.bucket)
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func TestReading(t *testing.T) {
	cfg := awstest.Moto(t)
	b := New(cfg, create(t, cfg))
	objects := map[string][]byte{"small": []byte("small"), "large": large}
	for key, data := range objects {
		put(t, b, key, data)
	}
	read := func(t *testing.T, b *Blob, key string) error {
		t.Helper()
		r, err := b.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
		return err
	}
	for key := range objects {
		t.Run("of a "+key+" object that was changed on its way fails", func(t *testing.T) {
			wantKind(t, read(t, changed(b, cfg, func(r io.ReadCloser) io.Reader {
				return io.MultiReader(strings.NewReader("X"), &skipping{r, 1})
			}), key), fault.Unavailable)
		})
		t.Run("of a "+key+" object ends with its connection", func(t *testing.T) {
			wantKind(t, read(t, changed(b, cfg, func(r io.ReadCloser) io.Reader {
				return io.MultiReader(io.LimitReader(r, int64(len(objects[key])/2)), iotest.ErrReader(io.ErrUnexpectedEOF))
			}), key), fault.Unavailable)
		})
	}
	t.Run("ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := b.Get(ctx, "large")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cancel()
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v, want cancelled", err)
		}
	})
}

// skipping leaves out the first bytes.
type skipping struct {
	r io.Reader
	n int64
}

func (s *skipping) Read(p []byte) (int, error) {
	if s.n > 0 {
		if _, err := io.CopyN(io.Discard, s.r, s.n); err != nil {
			return 0, err
		}
		s.n = 0
	}
	return s.r.Read(p)
}

func TestListLeavesOutWhatIsNotOurs(t *testing.T) {
	s := open(t, nil)
	for _, key := range []string{"a/", "a/b c", "a/ü", "a/b"} {
		if _, err := s.client.PutObject(t.Context(), &service.PutObjectInput{Bucket: &s.bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	if objects, err := s.List(t.Context(), "a/"); err != nil || len(objects) != 1 || objects[0].Key != "a/b" {
		t.Errorf("objects: %+v, %v, want a/b", objects, err)
	}
}

func TestAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint *string
		want     string
	}{
		"a bucket has a host of its own":             {nil, "https://bucket.s3.eu-central-1.amazonaws.com/a/b"},
		"a bucket of a stand-in is part of the path": {aws.String("http://127.0.0.1:1"), "http://127.0.0.1:1/bucket/a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			b := New(aws.Config{
				Region: "eu-central-1", BaseEndpoint: c.endpoint, Credentials: aws.AnonymousCredentials{},
				HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
					r.URL.RawQuery = ""
					got = r.URL.String()
					return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
				}),
			}, "bucket")
			if err := b.Delete(t.Context(), "a/b"); err != nil || got != c.want {
				t.Errorf("asked %s, %v, want %s", got, err, c.want)
			}
		})
	}
}
