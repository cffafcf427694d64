package app

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/proof"
	"adminassistant/shared/stamp"
	"adminassistant/shared/stamp/stamptest"
)

// get is the body of an answer to ann.
func (o *one) get(method, path string, into any) {
	o.t.Helper()
	r := httptest.NewRequestWithContext(o.t.Context(), method, path, nil)
	r.Header.Set("X-Test-User", "ann")
	w := httptest.NewRecorder()
	o.api.ServeHTTP(w, r)
	if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), into) != nil {
		o.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// TestHeadsOfLedgersAreStamped goes from an archive run to a time-stamp that others check, on one machine, and to what is left when the user is erased.
func TestHeadsOfLedgersAreStamped(t *testing.T) {
	now := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	o := openOneAt(t, clock)
	authority := stamptest.Start(t, clock)
	o.settings.StampURL, o.settings.StampTrust = authority.URL, string(authority.PEM)
	must(t, o.openAnchors(nil))
	o.api = o.system.api(asNamed)
	work := o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	config := o.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "Europe/Berlin", "verify": "none"}`, "id")
	o.imports(work, "one", "SUMMARY:Secret review", "DTSTART:20261004T090000Z", "DTEND:20261004T100000Z")
	o.do("ann", "POST", "/v1/runs", `{"kind": "archive", "config": "`+config+`", "period": "2026-10-04"}`, "id")
	o.work()
	dispatcher := o.dispatcher()
	must(t, o.tick(t.Context(), dispatcher))
	now = now.Add(24 * time.Hour)
	for range 2 {
		must(t, o.tick(t.Context(), dispatcher))
	}
	asked := authority.Asked()
	if len(asked) != 1 {
		t.Fatalf("%d time-stamps were asked for", len(asked))
	}
	for _, secret := range []string{"ann", config, "Secret"} {
		if strings.Contains(string(asked[0]), secret) {
			t.Errorf("the authority saw %s", secret)
		}
	}
	var report proof.Verification
	o.get("POST", "/v1/ledger/"+config+"/verify", &report)
	if !report.OK || report.Stamped != 1 || report.StampedAt == nil || !report.StampedAt.Equal(now) || report.Since != 1 {
		t.Errorf("the report is %+v", report)
	}
	var p stamp.Proof
	o.get("GET", "/v1/ledger/"+config+"/stamp", &p)
	checked, err := p.Check("", o.anchors.Trust)
	if err != nil || checked.Links != 1 || !strings.HasSuffix(checked.Origin, config) || !checked.Time.Equal(now) {
		t.Errorf("the proof shows %+v, %v", checked, err)
	}

	for key := range o.kept() { // whoever has the table moves the time-stamp of another day there
		if strings.HasPrefix(key, "ANCHORED#") {
			pk, sk, _ := strings.Cut(key, " ")
			if pk != "ANCHORED#"+config || sk != "2026-10-05" {
				t.Errorf("stamped is %s", key)
			}
		}
	}
	authority.Change = nil
	o.anchors.Trust, err = stamp.ReadTrust(stamptest.Start(t, clock).PEM)
	must(t, err)
	o.get("POST", "/v1/ledger/"+config+"/verify", &report)
	if report.OK || report.First == nil || !strings.Contains(report.First.Problem, "time-stamp of 2026-10-05") {
		t.Errorf("with an authority that is not believed: %+v", report.First)
	}

	o.do("ann", "DELETE", "/v1/me", "", "state", "X-Confirm", "ann")
	for key := range o.kept() {
		if strings.Contains(key, "ANCHOR") && strings.Contains(key, config) {
			t.Errorf("%s is left", key)
		}
	}
}

func TestAnAuthorityThatIsDownKeepsNothingElseFromItsWork(t *testing.T) {
	now := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	o := openOneAt(t, func() time.Time { return now })
	o.settings.StampURL, o.settings.StampTrust = "http://127.0.0.1:1/", string(stamptest.Start(t, o.clock).PEM)
	must(t, o.openAnchors(nil))
	must(t, o.anchors.Keep(t.Context(), "config", calendar.DateOf(now, time.UTC), "no head"))
	now = now.Add(24 * time.Hour)
	must(t, o.tick(t.Context(), o.dispatcher()))
}

func TestCertificatesAreReadAsTheSettingsHaveThem(t *testing.T) {
	authority := stamptest.Start(t, time.Now)
	block, _ := pem.Decode(authority.PEM)
	file := filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(file, authority.PEM, 0o600))
	der := base64.StdEncoding.EncodeToString(block.Bytes)
	for _, text := range []string{string(authority.PEM), file, der, der + "," + der} {
		if _, err := ReadTrust(text); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for _, c := range []struct{ url, trust, field string }{
		{"tsa.example", der, "ADMIN_ASSISTANT_STAMP_URL"}, {authority.URL, "", "ADMIN_ASSISTANT_STAMP_TRUST"},
		{authority.URL, "nobody", "ADMIN_ASSISTANT_STAMP_TRUST"}, {authority.URL, "AAAA", "ADMIN_ASSISTANT_STAMP_TRUST"},
	} {
		y := &system{settings: Settings{StampURL: c.url, StampTrust: c.trust}}
		if err := y.openAnchors(nil); fault.FieldOf(err) != c.field || fault.Of(err) != fault.Invalid {
			t.Errorf("%q, %.10q: %v", c.url, c.trust, err)
		}
	}
	y := &system{}
	if err := y.openAnchors(nil); err != nil || y.anchors != nil || y.sees() != nil || y.stamps() != nil {
		t.Errorf("without an authority: %v", err)
	}
}
