package stamp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/signing"
	"adminassistant/shared/stamp"
	"adminassistant/shared/stamp/authority"
	"adminassistant/shared/stamp/stamptest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

var day = calendar.Date{Year: 2026, Month: time.October, Day: 5}

// world is an installation whose heads are stamped.
type world struct {
	*stamp.Anchors
	t         testing.TB
	authority *stamptest.Authority
	signing   *signing.Installed
	now       time.Time
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB, usages ...x509.ExtKeyUsage) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	w.signing = signing.New(table, secret.New(wrapper, clock, secret.Limits{}))
	w.authority = stamptest.Start(t, clock, usages...)
	trust, err := stamp.ReadTrust(w.authority.PEM)
	must(t, err)
	w.Anchors = &stamp.Anchors{Table: table, Trust: trust, Signer: w.signing, Clock: clock}
	w.ask(w.authority.URL)
	return w
}

// ask has an authority asked from now on.
func (w *world) ask(url string) {
	client, err := authority.New(url, nil)
	must(w.t, err)
	w.Authority, w.Name = client, url
}

// fresh is another process of the same installation.
func (w *world) fresh() *stamp.Anchors {
	return &stamp.Anchors{Table: w.Table, Trust: w.Trust, Signer: w.Signer, Clock: w.Clock, Authority: w.Authority, Name: w.Name}
}

// keeps notes a head of a config with so many links.
func (w *world) keeps(config string, links int) string {
	w.t.Helper()
	key, err := w.signing.Key(w.t.Context())
	must(w.t, err)
	c := ledger.Checkpoint{Origin: ledger.Origin(config), Size: links}
	copy(c.Root[:], fmt.Sprintf("%-32s", config))
	signed, err := key.Sign(w.t.Context(), c.Text())
	must(w.t, err)
	must(w.t, w.Keep(w.t.Context(), config, calendar.DateOf(w.now, time.UTC), signed))
	return signed
}

// to moves the clock.
func (w *world) to(hour, minute int) { w.now = time.Date(2026, 10, 6, hour, minute, 0, 0, time.UTC) }

// proof is the newest one of a config, with the key of the installation.
func (w *world) proof(config string) *stamp.Proof {
	w.t.Helper()
	p, err := w.Proof(w.t.Context(), config, calendar.Date{})
	must(w.t, err)
	key, err := w.signing.Key(w.t.Context())
	must(w.t, err)
	p.Key = key.Public()
	return p
}

func TestAllHeadsOfADayGetOneTimeStamp(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8, 21} {
		w := newWorld(t)
		w.keeps("config-0", 1)
		heads := map[string]string{}
		for i := range n {
			config := fmt.Sprint("config-", i)
			heads[config] = w.keeps(config, i+2) // of two on one day the newer one
		}
		must(t, w.Anchor(t.Context()))
		w.to(0, 29)
		must(t, w.Anchor(t.Context()))
		if asked := w.authority.Asked(); len(asked) != 0 {
			t.Fatalf("before the day was over %d were asked for", len(asked))
		}
		w.to(0, 30)
		for range 3 {
			must(t, w.Anchor(t.Context()))
			must(t, w.fresh().Anchor(t.Context()))
		}
		asked := w.authority.Asked()
		if len(asked) != 1 {
			t.Fatalf("%d heads: %d time-stamps were asked for", n, len(asked))
		}
		request, err := timestamp.ParseRequest(asked[0])
		must(t, err)
		if len(request.HashedMessage) != 32 || len(asked[0]) > 100 || bytes.Contains(asked[0], []byte("config")) {
			t.Errorf("the authority saw %x", asked[0])
		}
		for config, head := range heads {
			stamped, problems, err := w.Of(t.Context(), config)
			if err != nil || len(problems) != 0 || len(stamped) != 1 || stamped[0].Head != head || stamped[0].Day != day || !stamped[0].Time.Equal(w.now) {
				t.Errorf("%s: %+v %v %v", config, stamped, problems, err)
			}
			p := w.proof(config)
			checked, err := p.Check("", w.Trust)
			if err != nil || checked.Origin != ledger.Origin(config) || !checked.Time.Equal(w.now) {
				t.Errorf("the proof of %s: %+v, %v", config, checked, err)
			}
			data, err := json.Marshal(p)
			must(t, err)
			if again, err := stamp.ParseProof(bytes.NewReader(data)); err != nil || !bytes.Equal(again.Token, p.Token) {
				t.Errorf("read again: %v", err)
			}
		}
		if _, err := w.Proof(t.Context(), "none", calendar.Date{}); fault.Of(err) != fault.NotFound {
			t.Errorf("of another one: %v", err)
		}
		if _, err := w.Proof(t.Context(), "config-0", day.AddDays(1)); fault.Of(err) != fault.NotFound {
			t.Errorf("of another day: %v", err)
		}
	}
}

func TestAProofDoesNotHoldAfterAnythingInItChanged(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.keeps(fmt.Sprint("config-", i), i+1)
	}
	w.to(1, 0)
	must(t, w.Anchor(t.Context()))
	other := stamptest.Start(t, w.Clock)
	stranger, err := stamp.ReadTrust(other.PEM)
	must(t, err)
	for name, change := range map[string]func(*stamp.Proof){
		"another head":      func(p *stamp.Proof) { p.Head = w.proof("config-2").Head },
		"another index":     func(p *stamp.Proof) { p.Index++ },
		"a negative index":  func(p *stamp.Proof) { p.Index = -1 },
		"another size":      func(p *stamp.Proof) { p.Size = 4 },
		"a size of nothing": func(p *stamp.Proof) { p.Size = 0 },
		"another path":      func(p *stamp.Proof) { p.Path[0][3] ^= 1 },
		"a shorter path":    func(p *stamp.Proof) { p.Path = p.Path[1:] },
		"a longer path":     func(p *stamp.Proof) { p.Path = append(p.Path, p.Path[0]) },
		"half a hash":       func(p *stamp.Proof) { p.Path[0] = p.Path[0][:16] },
		"another token":     func(p *stamp.Proof) { p.Token[len(p.Token)-5] ^= 1 },
		"no token":          func(p *stamp.Proof) { p.Token = nil },
		"another key":       func(p *stamp.Proof) { p.Key = strings.Replace(p.Key, "+A", "+B", 1) },
	} {
		p := w.proof("config-1")
		change(p)
		if _, err := p.Check("", w.Trust); fault.Of(err) != fault.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := w.proof("config-1")
	if _, err := p.Check(p.Key, stranger); fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), "believed") {
		t.Errorf("of an authority that is not believed: %v", err)
	}
	if _, err := p.Check("another", w.Trust); fault.Of(err) != fault.Malformed {
		t.Errorf("of a key that is not believed: %v", err)
	}
	if _, err := p.Check(p.Key, w.Trust); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", "{}", `{"format": "admin-assistant-proof/1"}`, strings.Repeat(" ", 1<<21)} {
		if _, err := stamp.ParseProof(strings.NewReader(text)); fault.Of(err) != fault.Invalid {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestWhatAnAuthorityAnswersIsNotBelievedUnlessItHolds(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		kind   fault.Kind
	}{
		"is down": {func(w *world) { w.ask("http://127.0.0.1:1/") }, fault.Unavailable},
		"refuses": {func(w *world) { w.authority.Change = func(*timestamp.Timestamp) int { return 503 } }, fault.Unavailable},
		"answers with another page": {func(w *world) {
			w.authority.Change = func(*timestamp.Timestamp) int { return 200 }
		}, fault.Malformed},
		"stamps something else": {func(w *world) {
			w.authority.Change = func(ts *timestamp.Timestamp) int { ts.HashedMessage = make([]byte, 32); return 0 }
		}, fault.Malformed},
		"answers another request": {func(w *world) {
			w.authority.Change = func(ts *timestamp.Timestamp) int { ts.Nonce = nil; return 0 }
		}, fault.Malformed},
		"answers with a nonce of its own": {func(w *world) {
			w.authority.Change = func(ts *timestamp.Timestamp) int { ts.Nonce = big.NewInt(7); return 0 }
		}, fault.Malformed},
		"keeps its certificate": {func(w *world) {
			w.authority.Change = func(ts *timestamp.Timestamp) int { ts.AddTSACertificate = false; return 0 }
		}, fault.Malformed},
		"is not believed": {func(w *world) { w.ask(stamptest.Start(w.t, w.Clock).URL) }, fault.Malformed},
		"had no certificate then": {func(w *world) {
			w.authority.Change = func(ts *timestamp.Timestamp) int { ts.Time = w.now.AddDate(5, 0, 0); return 0 }
		}, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keeps("config", 1)
			w.to(1, 0)
			c.change(w)
			if err := w.Anchor(t.Context()); fault.Of(err) != c.kind {
				t.Fatalf("got %v of kind %s", err, fault.Of(err))
			}
			if heads, problems, err := w.Of(t.Context(), "config"); err != nil || len(heads)+len(problems) != 0 {
				t.Errorf("stored are %v %v %v", heads, problems, err)
			}
			must(t, w.fresh().Anchor(t.Context())) // not yet again
			w.authority.Change = nil
			w.ask(w.authority.URL)
			w.now = w.now.Add(15 * time.Minute)
			must(t, w.Anchor(t.Context()))
			if heads, _, err := w.Of(t.Context(), "config"); err != nil || len(heads) != 1 {
				t.Errorf("after that: %v %v", heads, err)
			}
		})
	}
	t.Run("has a certificate for other things too", func(t *testing.T) {
		w := newWorld(t, x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageCodeSigning)
		w.keeps("config", 1)
		w.to(1, 0)
		if err := w.Anchor(t.Context()); fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), "not for that alone") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("has one for what nobody knows", func(t *testing.T) {
		w := newWorld(t)
		other := stamptest.StartWith(t, w.Clock, func(leaf *x509.Certificate) { leaf.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}} })
		trust, err := stamp.ReadTrust(other.PEM)
		must(t, err)
		w.Trust = trust
		w.ask(other.URL)
		w.keeps("config", 1)
		w.to(1, 0)
		if err := w.Anchor(t.Context()); fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), "not for that alone") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("stamps what is of another kind of hash", func(t *testing.T) {
		w := newWorld(t)
		digest := bytes.Repeat([]byte{1}, 32)
		ask, err := (&timestamp.Request{HashAlgorithm: crypto.SHA512, HashedMessage: digest, Certificates: true}).Marshal()
		must(t, err)
		answer, err := http.Post(w.authority.URL, "application/timestamp-query", bytes.NewReader(ask))
		must(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		must(t, err)
		ts, err := timestamp.ParseResponse(body)
		must(t, err)
		if _, err := w.Trust.Check(ts.RawToken, digest); fault.Of(err) != fault.Malformed || !strings.Contains(err.Error(), "something else") {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhileOneProcessIsAtItOthersWait(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.to(1, 0)
	w.authority.Change = func(*timestamp.Timestamp) int {
		if len(w.authority.Asked()) == 1 {
			if err := w.fresh().Anchor(t.Context()); err != nil {
				t.Error(err)
			}
		}
		return 503
	}
	if err := w.Anchor(t.Context()); fault.Of(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	other := w.fresh() // each waits a quarter of an hour before it asks again
	for _, minute := range []int{0, 5, 14} {
		w.to(1, minute)
		must(t, errors.Join(w.Anchor(t.Context()), other.Anchor(t.Context())))
	}
	if asked := w.authority.Asked(); len(asked) != 1 {
		t.Errorf("%d were asked for", len(asked))
	}
	w.to(1, 15)
	if err := other.Anchor(t.Context()); fault.Of(err) != fault.Unavailable {
		t.Errorf("after that: %v", err)
	}
}

func TestADayIsNotStampedBeforeItsHeadsAreThere(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	for _, at := range []string{"2026-10-05T23:45:00Z", "2026-10-06T00:29:59Z"} {
		now, err := time.Parse(time.RFC3339, at)
		must(t, err)
		w.now = now
		must(t, w.fresh().Anchor(t.Context())) // one that has just begun, and has not waited yet
		if asked := w.authority.Asked(); len(asked) != 0 {
			t.Fatalf("at %s %d were asked for", at, len(asked))
		}
	}
	w.now = w.now.Add(time.Second)
	must(t, w.fresh().Anchor(t.Context()))
	if asked := w.authority.Asked(); len(asked) != 1 {
		t.Errorf("after that %d were asked for", len(asked))
	}
}

func TestADayThatIsDoneIsNotLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	counted := &store.Counter{Table: w.Table}
	w.Table = counted
	w.keeps("config", 1)
	requests := func(a *stamp.Anchors) int {
		before := counted.Requests()
		must(t, a.Anchor(t.Context()))
		return counted.Requests() - before
	}
	w.to(0, 30)
	first := requests(w.Anchors)
	if n := requests(w.Anchors); n != 0 {
		t.Errorf("the same process made %d requests more", n)
	}
	other := w.fresh()
	if n, again := requests(other), requests(other); n != 1 || again != 0 {
		t.Errorf("another one made %d, then %d", n, again)
	}
	w.now = time.Date(2026, 10, 7, 0, 29, 59, 0, time.UTC)
	if n := requests(w.Anchors); n != 0 {
		t.Errorf("before the next day was over: %d", n)
	}
	w.now = w.now.Add(time.Second)
	if n := requests(w.Anchors); n == 0 || n > 30 || first < 100 { // of a day without heads, and of a month
		t.Errorf("a day took %d requests, the first month %d", n, first)
	}
	w.now = time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC) // no more days than a month are made up for
	if n := requests(w.Anchors); n > first {
		t.Errorf("after a long time: %d requests, at first %d", n, first)
	}
}

// away is a key that cannot be reached.
type away struct{}

func (away) Open(context.Context, string) (string, error) {
	return "", fault.New(fault.Unavailable, "the key is away")
}

func TestHeadsWaitWhileTheKeyIsAway(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.to(1, 0)
	signer := w.Signer
	w.Signer = away{}
	if err := w.Anchor(t.Context()); fault.Of(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	w.Signer = signer
	w.to(1, 15)
	must(t, w.Anchor(t.Context()))
	if heads, _, err := w.Of(t.Context(), "config"); err != nil || len(heads) != 1 {
		t.Errorf("%v %v", heads, err)
	}
}

func TestSeveralProcessesAskOnce(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.to(1, 0)
	var wg sync.WaitGroup
	for range 6 {
		other := w.fresh()
		wg.Go(func() { must(t, other.Anchor(t.Context())) })
	}
	wg.Wait()
	if asked := w.authority.Asked(); len(asked) != 1 {
		t.Errorf("%d were asked for", len(asked))
	}
}

// breaking is a table that fails at a write.
type breaking struct {
	store.Table
	at int
}

func (b *breaking) BatchPut(ctx context.Context, items []store.Item) error {
	if b.at--; b.at >= 0 {
		return errors.New("the machine died")
	}
	return b.Table.BatchPut(ctx, items)
}

func TestADayThatWasCutOffIsGoneOnWithByTheSameTimeStamp(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.Table = &breaking{w.Table, 1}
	w.to(1, 0)
	if err := w.Anchor(t.Context()); err == nil {
		t.Fatal("nothing broke")
	}
	w.now = w.now.Add(time.Hour)
	must(t, w.Anchor(t.Context()))
	heads, _, err := w.Of(t.Context(), "config")
	if asked := w.authority.Asked(); len(asked) != 1 || len(heads) != 1 || err != nil {
		t.Errorf("%d were asked for, %v %v", len(asked), heads, err)
	}
}

func TestDaysThatWereMissedAreMadeUpFor(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.to(12, 0)
	must(t, w.Anchor(t.Context()))
	for d := range 3 {
		w.now = time.Date(2026, 10, 7+d, 12, 0, 0, 0, time.UTC)
		w.keeps("config", d+2)
	}
	w.now = time.Date(2026, 10, 11, 12, 0, 0, 0, time.UTC)
	must(t, w.Anchor(t.Context()))
	heads, problems, err := w.Of(t.Context(), "config")
	if err != nil || len(problems) != 0 || len(heads) != 4 || heads[0].Day.Day != 9 || heads[3].Day.Day != 5 || len(w.authority.Asked()) != 4 {
		t.Errorf("%v %v %v", heads, problems, err)
	}
}

func TestWhatIsNoHeadIsNotStampedAndWhatWasChangedIsNamed(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	head := w.keeps("config-2", 2)
	must(t, w.Keep(t.Context(), "config-3", day, head)) // another ledger's
	must(t, w.Keep(t.Context(), "config-4", day, "what somebody invented"))
	w.to(1, 0)
	must(t, w.Anchor(t.Context()))
	for config, want := range map[string]int{"config": 1, "config-2": 1, "config-3": 0, "config-4": 0} {
		if heads, problems, err := w.Of(t.Context(), config); err != nil || len(heads) != want || len(problems) != 0 {
			t.Errorf("%s: %v %v %v", config, heads, problems, err)
		}
	}
	key := store.Key{PK: "ANCHORED#config", SK: day.String()}
	item, err := w.Table.Get(t.Context(), key)
	must(t, err)
	for name, data := range map[string]string{
		"another head":  strings.Replace(string(item.Data), "ledger/config", "ledger/confib", 1),
		"another root":  strings.Replace(string(item.Data), `"root":"`, `"root":"0`, 1),
		"another place": strings.Replace(string(item.Data), `"index":0`, `"index":1`, 1), "nonsense": "[]",
	} {
		_, err := w.Table.Put(t.Context(), store.Item{Key: key, Data: []byte(data)}, store.Any())
		must(t, err)
		if heads, problems, err := w.Of(t.Context(), "config"); err != nil || len(heads) != 0 || len(problems) != 1 || !strings.Contains(problems[0], "2026-10-05") {
			t.Errorf("%s: %v %v %v", name, heads, problems, err)
		}
	}
	later := calendar.Date{Year: 2027, Month: time.January, Day: 1}
	_, err = w.Table.Put(t.Context(), store.Item{Key: store.Key{PK: "ANCHORED#config", SK: later.String()}, Data: item.Data}, store.Any())
	must(t, err)
	if _, problems, err := w.Of(t.Context(), "config"); err != nil || len(problems) != 2 {
		t.Errorf("a time-stamp that was moved to a later day: %v %v", problems, err)
	}
	tokens, err := store.All(t.Context(), w.Table, store.Query{PK: "ANCHORS", Prefix: "TOKEN#" + day.String() + "#"})
	must(t, err)
	for _, token := range tokens { // with its token
		token.SK = strings.Replace(token.SK, day.String(), later.String(), 1)
		_, err = w.Table.Put(t.Context(), store.Item{Key: token.Key, Data: token.Data}, store.Any())
		must(t, err)
	}
	if heads, problems, err := w.Of(t.Context(), "config"); err != nil || len(heads) != 0 || len(problems) != 2 ||
		!strings.Contains(problems[0], "2027-01-01 is older than the day") {
		t.Errorf("with its token: %v %v %v", heads, problems, err)
	}
}

func TestErasingTakesHeadsThatWaitAndThoseThatWereStamped(t *testing.T) {
	w := newWorld(t)
	w.keeps("config", 1)
	w.keeps("other", 1)
	w.to(1, 0)
	must(t, w.Anchor(t.Context()))
	w.keeps("config", 2)
	must(t, stamp.Erase(t.Context(), w.Table, calendar.DateOf(w.now, time.UTC), []string{"config"}))
	w.now = w.now.AddDate(0, 0, 1)
	must(t, w.Anchor(t.Context()))
	if heads, _, err := w.Of(t.Context(), "config"); err != nil || len(heads) != 0 {
		t.Errorf("left are %v %v", heads, err)
	}
	if heads, _, err := w.Of(t.Context(), "other"); err != nil || len(heads) != 1 {
		t.Errorf("of the other one: %v %v", heads, err)
	}
}

func TestErasingTakesHeadsThatHaveWaitedForAMonth(t *testing.T) {
	w := newWorld(t)
	today := calendar.DateOf(w.now, time.UTC)
	head := w.keeps("config", 1)
	for back := range 31 {
		must(t, w.Keep(t.Context(), "config", today.AddDays(-back), head))
	}
	must(t, stamp.Erase(t.Context(), w.Table, today, []string{"config"}))
	w.now = w.now.AddDate(0, 0, 1)
	for back := range 31 {
		for shard := range 16 {
			key := store.Key{PK: fmt.Sprintf("ANCHOR#%s#%02d", today.AddDays(-back), shard), SK: "HEAD#config"}
			if _, err := w.Table.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%v is left: %v", key, err)
			}
		}
	}
}

func TestTrustIsReadFromPEM(t *testing.T) {
	for _, text := range []string{"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := stamp.ReadTrust([]byte(text)); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
	w := newWorld(t)
	key := "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
	if _, err := stamp.ReadTrust([]byte(key + string(w.authority.PEM))); err != nil {
		t.Errorf("with something else before it: %v", err)
	}
	if _, err := stamp.ReadTrust([]byte(key)); fault.Of(err) != fault.Invalid {
		t.Errorf("something else alone: %v", err)
	}
	for _, address := range []string{"", "tsa.example", "ftp://tsa.example", "https://", "https://a:b@tsa.example/"} {
		if _, err := authority.New(address, nil); fault.Of(err) != fault.Invalid {
			t.Errorf("%q: %v", address, err)
		}
	}
}
