package witness

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/awstest"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/signing"
)

const config = "01K7KMPQ8C9D3E4F5G6H7J8K9M"

// now is in the middle of a day.
var now = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// world is a witness on a bucket that tells other times than those at which the test put its objects.
type world struct {
	*Bucket
	t      *testing.T
	client *service.Client // asks without faults
	key    *signing.Key
	put    map[string]time.Time // by key; others were put in the evening of their day
	lists  int                  // requests for a page
	gets   int                  // requests for an object

	mu sync.Mutex
}

// open makes the bucket. fault sees every attempt of what the witness asks; nil lets all through.
func open(t *testing.T, fault func(r *http.Request, attempt int) awstest.Answer) *world {
	t.Helper()
	cfg := awstest.Moto(t)
	private, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, put: map[string]time.Time{}}
	if w.key, err = signing.Parse(private); err != nil {
		t.Fatal(err)
	}
	w.client = service.NewFromConfig(cfg, func(o *service.Options) { o.UsePathStyle = true })
	bucket := strings.ToLower(rand.Text())
	_, err = w.client.CreateBucket(t.Context(), &service.CreateBucketInput{
		Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true), // which keeps versions
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(cfg.Region)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if fault != nil {
		cfg = awstest.Faults(t, cfg, fault)
	}
	cfg.HTTPClient = told{w, cfg.HTTPClient}
	w.Bucket = New(cfg, bucket, w.key, func() time.Time { return now })
	return w
}

// told answers listings with the times that the world tells.
type told struct {
	*world
	below aws.HTTPClient
}

var version = regexp.MustCompile(`(?s)<Version>.*?<Key>(.*?)</Key>.*?<LastModified>(.*?)</LastModified>.*?</Version>`)

func (c told) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.below.Do(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil || r.Method != http.MethodGet:
		return answer, err
	case !r.URL.Query().Has("versions"):
		c.gets++
		return answer, err
	}
	c.lists++
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	body = version.ReplaceAllFunc(body, func(of []byte) []byte {
		m := version.FindSubmatch(of)
		key, _ := url.QueryUnescape(string(m[1]))
		at, ok := c.put[key]
		if day, err := time.Parse("2006-01-02", key[strings.LastIndex(key, "/")+1:]); !ok && err == nil {
			at = day.Add(20 * time.Hour)
		}
		return bytes.Replace(of, m[2], []byte(at.Format("2006-01-02T15:04:05.000Z")), 1)
	})
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, nil
}

// head is a signed head of a config's ledger.
func (w *world) head(of string, size int) string {
	w.t.Helper()
	c := ledger.Checkpoint{Origin: ledger.Origin(of), Size: size}
	c.Root[0] = byte(size)
	signed, err := w.key.Sign(w.t.Context(), c.Text())
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func day(n int) calendar.Date {
	return calendar.DateOf(now.AddDate(0, 0, -n), time.UTC)
}

// keep keeps heads of the days that are so many days ago, each with the days as its size.
func (w *world) keep(ago ...int) {
	w.t.Helper()
	for _, n := range ago {
		if err := w.Keep(w.t.Context(), config, day(n), w.head(config, 10000-n)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// plant puts what is no business of ours, as who may put objects can.
func (w *world) plant(key, text string, at time.Time) {
	w.t.Helper()
	w.put[key] = at
	_, err := w.client.PutObject(w.t.Context(), &service.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		w.t.Fatal(err)
	}
}

func key(n int) string { return "heads/" + config + "/" + day(n).String() }

// noon of the day that is n days ago.
func noon(n int) time.Time { return now.AddDate(0, 0, -n) }

// kept returns how many days ago the heads are that are kept.
func (w *world) kept() (ago []int, problems []string) {
	w.t.Helper()
	heads, problems, err := w.Kept(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, signed := range heads {
		text, err := w.key.Open(w.t.Context(), signed)
		if err != nil {
			w.t.Fatal(err)
		}
		c, err := ledger.ParseCheckpoint(text)
		if err != nil {
			w.t.Fatal(err)
		}
		ago = append(ago, 10000-c.Size)
	}
	return ago, problems
}

func (w *world) want(ago []int, problems ...string) {
	w.t.Helper()
	got, said := w.kept()
	if diff := cmp.Diff(ago, got); diff != "" {
		w.t.Errorf("heads: %s", diff)
	}
	if diff := cmp.Diff(problems, said); diff != "" {
		w.t.Errorf("problems: %s", diff)
	}
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestTheFirstHeadOfADayIsKept(t *testing.T) {
	w := open(t, func(r *http.Request, _ int) awstest.Answer {
		if r.Method == http.MethodPut && r.Header.Get("X-Amz-Sdk-Checksum-Algorithm") != "SHA256" {
			t.Errorf("a bucket with Object Lock takes nothing without a checksum: %v", r.Header)
		}
		return awstest.Answer{}
	})
	w.want(nil)
	w.keep(0)
	if err := w.Keep(t.Context(), config, day(0), w.head(config, 1)); err != nil {
		t.Error(err)
	}
	w.want([]int{0})
	out, err := w.client.GetObject(t.Context(), &service.GetObjectInput{Bucket: &w.bucket, Key: aws.String("heads/" + config + "/2026-10-05")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil || string(text) != w.head(config, 10000) || !strings.HasPrefix(aws.ToString(out.ContentType), "text/plain") {
		t.Errorf("it is kept as %q of type %s (%v)", text, aws.ToString(out.ContentType), err)
	}
}

func TestEachLedgerHasItsOwnHeads(t *testing.T) {
	w := open(t, nil)
	w.keep(1)
	for _, other := range []string{config + "1", config[:len(config)-1]} {
		if err := w.Keep(t.Context(), other, day(0), w.head(other, 9)); err != nil {
			t.Fatal(err)
		}
	}
	w.want([]int{1})
}

func TestAnIDThatCannotBePartOfAKeyIsRefused(t *testing.T) {
	w := open(t, func(r *http.Request, _ int) awstest.Answer {
		t.Errorf("%s was asked", r.URL)
		return awstest.Answer{Status: http.StatusForbidden}
	})
	for _, id := range []string{"", "a/b", "..", "a b", "ü", "a\x00", "a_b", strings.Repeat("a", 65)} {
		if err := w.Keep(t.Context(), id, day(0), "head"); fault.Of(err) != fault.Invalid {
			t.Errorf("%q is kept: %v", id, err)
		}
		if _, _, err := w.Kept(t.Context(), id); fault.Of(err) != fault.Invalid {
			t.Errorf("%q is looked for: %v", id, err)
		}
	}
}

func TestTheNewestHeadsComeFirstAndEachEarlierMonthHasOne(t *testing.T) {
	w := open(t, nil)
	all := upTo(110) // back to 2026-06-18
	w.keep(all...)
	w.gets = 0
	want := slices.Concat(upTo(40), []int{40 /* August 26 */, 66 /* July 31 */, 97 /* June 30 */})
	w.want(want)
	if w.gets != len(want) {
		t.Errorf("%d objects were read", w.gets)
	}
}

func TestWhatIsNoHeadIsAProblemAndHidesNoOther(t *testing.T) {
	other, err := signing.Generate()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := signing.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]func(w *world) string{
		"no note":                     func(*world) string { return "hello" },
		"nothing":                     func(*world) string { return "" },
		"a note that somebody signed": func(w *world) string { return (&world{t: w.t, key: stranger}).head(config, 10000) },
		"a changed head":              func(w *world) string { return strings.Replace(w.head(config, 10000), "10000", "10001", 1) },
		"another ledger's head":       func(w *world) string { return w.head("other", 10000) },
		"a head in a large object":    func(w *world) string { return w.head(config, 10000) + strings.Repeat("\n", maxHead) },
		"a signed note that is no head": func(w *world) string {
			signed, _ := w.key.Sign(w.t.Context(), "ledger-head/1\n")
			return signed
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, nil)
			w.keep(1, 2, 44)
			w.plant(key(0), text(w), noon(0))
			w.want([]int{1, 2, 44}, "what the witness has of 2026-10-05 is no head of this ledger that this installation signed")
		})
	}
}

func TestALargeObjectIsNotRead(t *testing.T) {
	w := open(t, nil)
	w.plant(key(0), strings.Repeat("x", maxHead+1), noon(0))
	w.kept()
	if w.gets > 0 {
		t.Errorf("%d objects were read", w.gets)
	}
}

func TestAPlaceThatWasTakenBeforeItsDayIsAProblemOnceThatDayComes(t *testing.T) {
	w := open(t, nil)
	w.keep(1, 3)
	old := w.head(config, 9997)
	w.plant(key(0), old, noon(1))
	w.plant(key(2), old, noon(9))
	w.plant(key(-1), old, noon(0))
	w.plant(key(-4000), old, noon(0))
	w.want([]int{1, 3}, "the place of the head of 2026-10-05 at the witness was taken before that day",
		"the place of the head of 2026-10-03 at the witness was taken before that day")
}

func TestClocksMayBeApartAndAPutMayPassMidnight(t *testing.T) {
	w := open(t, nil)
	w.keep(1, 2, 3, 4)
	midnight := func(n int) time.Time { return noon(n).Add(-12 * time.Hour) }
	w.put[key(1)] = midnight(1).Add(-slack)
	w.put[key(2)] = midnight(1).Add(slack)
	w.put[key(3)] = midnight(3).Add(-slack - time.Second)
	w.put[key(4)] = midnight(3).Add(slack + time.Second)
	w.want([]int{1, 2}, "the place of the head of 2026-10-02 at the witness was taken before that day")
}

func TestWhatCameAfterItsDayIsNoHead(t *testing.T) {
	w := open(t, nil)
	w.keep(5)
	for n := range 60 {
		if n != 5 {
			w.plant(key(n), "hello", noon(n-2))
		}
	}
	w.want([]int{5})
}

func TestOtherObjectsAreNoHeads(t *testing.T) {
	w := open(t, nil)
	w.keep(0)
	for _, name := range []string{"", "2026-10-5", "2026-10-04x", "2026-10-04/x", "2026-02-30", "2026-10-04 ", "%", "a+b", "é&<"} {
		w.plant("heads/"+config+"/"+name, w.head(config, 9999), noon(1))
	}
	w.want([]int{0})
}

func TestAHeadIsNotHiddenByWhatLiesOnIt(t *testing.T) {
	w := open(t, nil)
	w.keep(0, 1, 2)
	for range 3 {
		w.plant(key(0), "hello", noon(0))
	}
	for n := range 2 {
		k := key(n)
		if _, err := w.client.DeleteObject(t.Context(), &service.DeleteObjectInput{Bucket: &w.bucket, Key: &k}); err != nil {
			t.Fatal(err)
		}
	}
	w.keep(1) // S3 takes it, since there seems to be none
	delete(w.put, key(0))
	w.want([]int{0, 1, 2})
}

func TestAMonthWhoseFirstObjectsAreNoHeadsShowsTheNext(t *testing.T) {
	w := open(t, nil)
	w.keep(upTo(40)...)
	w.plant(key(40), "hello", noon(40)) // in August
	w.plant(key(41), "hello", noon(41))
	w.plant(key(42), w.head(config, 1), noon(50))
	w.keep(43, 44)
	for n := 66; n < 72; n++ { // in July
		w.plant(key(n), "hello", noon(n))
	}
	w.keep(72, 97)
	w.gets = 0
	w.want(slices.Concat(upTo(40), []int{43, 97}))
	if w.gets != 40+3+3+1 {
		t.Errorf("%d objects were read", w.gets)
	}
}

// page answers a listing with one version and says that there are more.
func page(key, next string) awstest.Answer {
	return awstest.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}}, Body: fmt.Sprintf(
		"<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextKeyMarker>%s</NextKeyMarker>"+
			"<NextVersionIdMarker>v</NextVersionIdMarker><Version><Key>%s</Key><VersionId>1</VersionId>"+
			"<LastModified>2026-10-05T01:00:00.000Z</LastModified><Size>1</Size></Version></ListVersionsResult>", next, key)}
}

func TestHeadsThatLieBehindOthersAreFound(t *testing.T) {
	var w *world
	w = open(t, func(r *http.Request, _ int) awstest.Answer {
		switch q := r.URL.Query(); {
		case !q.Has("versions"):
		case q.Get("prefix") != "heads/"+config+"/":
			t.Errorf("what is asked for is under %q, which no role may list", q.Get("prefix"))
		case q.Get("encoding-type") != "url":
			t.Error("a key with characters that XML cannot have would break the answer")
		case !q.Has("key-marker"):
			return page("heads%2F"+config+"%2F%01", "heads/"+config+"/%01%2B+")
		case q.Get("key-marker") != "heads/"+config+"/\x01+ " || q.Get("version-id-marker") != "v":
			t.Errorf("the next page is asked for as %v", q)
		default:
			q.Del("key-marker") // all that there is
			q.Del("version-id-marker")
			r.URL.RawQuery = q.Encode()
		}
		return awstest.Answer{}
	})
	w.keep(0, 1)
	w.want([]int{0, 1})
	if w.lists != 2 {
		t.Errorf("%d pages were asked for", w.lists)
	}
}

func TestALedgerWithTooManyObjectsIsListedInPart(t *testing.T) {
	w := open(t, func(r *http.Request, _ int) awstest.Answer {
		if !r.URL.Query().Has("versions") {
			return awstest.Answer{}
		}
		return page("heads%2F"+config+"%2Fx", "x")
	})
	w.want(nil, "the witness has more objects of this ledger than it can have; not all of them were looked at")
	if w.lists != maxPages {
		t.Errorf("%d pages were asked for", w.lists)
	}
}

// refused is an answer as S3 gives it.
func refused(status int, code string) awstest.Answer {
	return awstest.Answer{
		Status: status, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: "<Error><Code>" + code + "</Code><Message>injected</Message></Error>",
	}
}

func TestAHeadThatIsNotKeptIsAnError(t *testing.T) {
	for _, c := range []struct {
		answer awstest.Answer
		want   fault.Kind
	}{
		{refused(http.StatusForbidden, "AccessDenied"), fault.Internal},
		{refused(http.StatusNotFound, "NoSuchBucket"), fault.Internal},
		{refused(http.StatusServiceUnavailable, "ServiceUnavailable"), fault.Unavailable},
		{refused(http.StatusServiceUnavailable, "SlowDown"), fault.Throttled},
	} {
		t.Run(c.answer.Body, func(t *testing.T) {
			w := open(t, func(*http.Request, int) awstest.Answer { return c.answer })
			lost := 0
			w.Unkept = func() { lost++ }
			if err := w.Keep(t.Context(), config, day(0), w.head(config, 1)); fault.Of(err) != c.want || err == nil {
				t.Errorf("got %v of kind %s", err, fault.Of(err))
			}
			if lost != 1 {
				t.Errorf("somebody was told %d times", lost)
			}
			if _, _, err := w.Kept(t.Context(), config); fault.Of(err) != c.want || err == nil {
				t.Errorf("listing: got %v of kind %s", err, fault.Of(err))
			}
		})
	}
}

func TestAHeadThatCannotBeReadIsAnError(t *testing.T) {
	broken := false
	w := open(t, func(r *http.Request, _ int) awstest.Answer {
		if broken && r.Method == http.MethodGet && !r.URL.Query().Has("versions") {
			return refused(http.StatusServiceUnavailable, "ServiceUnavailable")
		}
		return awstest.Answer{}
	})
	w.keep(0)
	broken = true
	if heads, _, err := w.Kept(t.Context(), config); fault.Of(err) != fault.Unavailable || err == nil {
		t.Errorf("got %q, %v", heads, err)
	}
}

// locked cannot open notes.
type locked struct{}

func (locked) Open(context.Context, string) (string, error) {
	return "", fault.New(fault.Unavailable, "no key")
}

func TestWithoutTheKeyNothingIsCalledForeign(t *testing.T) {
	w := open(t, nil)
	w.keep(0)
	w.signer = locked{}
	if heads, problems, err := w.Kept(t.Context(), config); fault.Of(err) != fault.Unavailable || err == nil {
		t.Errorf("got %q, %q, %v", heads, problems, err)
	}
}

func TestAHeadIsKeptWhenAnAttemptFailsOrItsAnswerIsLost(t *testing.T) {
	for name, first := range map[string]awstest.Answer{
		"somebody else puts it":    refused(http.StatusConflict, "ConditionalRequestConflict"),
		"the service fails":        refused(http.StatusInternalServerError, "InternalError"),
		"the answer does not come": {Lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, func(r *http.Request, attempt int) awstest.Answer {
				if r.Method == http.MethodPut && attempt == 1 {
					return first
				}
				return awstest.Answer{}
			})
			w.Unkept = func() { t.Error("somebody was told") }
			w.keep(0)
			w.want([]int{0})
		})
	}
}

func TestKeepDoesNotWaitForEver(t *testing.T) {
	w := open(t, nil)
	var deadline time.Time
	w.Bucket = New(aws.Config{Region: "eu-central-1", HTTPClient: client(func(r *http.Request) (*http.Response, error) {
		deadline, _ = r.Context().Deadline()
		return nil, context.Canceled
	}), Credentials: aws.AnonymousCredentials{}}, "bucket", w.key, nil)
	begin := time.Now()
	if err := w.Keep(t.Context(), config, day(0), "head"); err == nil {
		t.Error("kept")
	}
	if left := deadline.Sub(begin); left < keepWithin || left > keepWithin+time.Minute {
		t.Errorf("it may take %s", left)
	}
}

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }
