package httpapi

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"adminassistant/shared/notice"
	"adminassistant/shared/phrase"
	"adminassistant/shared/store"
)

func TestTheDigestIsEndedByTheAddressOfItsEMail(t *testing.T) {
	s := newService(t)
	const wanted = `{"email": "ana@example.com", "timezone": "Europe/Berlin", "digest_at": "07:30", "letterhead": "Ana\nBerlin",
		"notifications": {"problems": {"in_app": true, "email": true}, "digest": {"in_app": true, "email": true}}}`
	put := s.do("PUT", "/v1/me/settings", wanted, "If-Match", "*").is(200)
	if put.str("digest_at") != "07:30" || put.str("letterhead") != "Ana\nBerlin" {
		t.Errorf("%s", put.body)
	}
	address, err := s.services.Digests.(*notice.Notices).UnsubscribeAddress(t.Context(), "", ana, phrase.German)
	if err != nil || address != "" {
		t.Errorf("without an address of the API: %q, %v", address, err)
	}
	address, err = s.services.Digests.(*notice.Notices).UnsubscribeAddress(t.Context(), "https://example.com", ana, phrase.German)
	check(t, err)
	path, ours := strings.CutPrefix(address, "https://example.com")
	if !ours || !strings.HasPrefix(path, unsubscribePath+"?lang=de&token=") || len(address) > 900 {
		t.Fatalf("%q has %d bytes", address, len(address))
	}
	digest := func() any {
		t.Helper()
		settings := object(object(s.do("GET", "/v1/me", nil).is(200).json)["settings"])
		notifications := object(settings["notifications"])
		if object(notifications["problems"])["email"] != true || settings["digest_at"] != "07:30" {
			t.Errorf("other settings: %v", settings)
		}
		return object(notifications["digest"])["email"]
	}
	nobody := []string{headerUser, "nobody"}
	page := s.do("GET", path, nil, nobody...).is(200)
	if !strings.Contains(string(page.body), `<form method="post"`) || strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action 'none'") ||
		digest() != true {
		t.Errorf("a GET: %s, digest %v", page.body, digest())
	}
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded"}, nobody...)
	for range 2 {
		s.do("POST", path, "List-Unsubscribe=One-Click", form...).is(200)
		if digest() != false {
			t.Error("the digest still comes")
		}
	}
	audited := s.do("GET", "/v1/audit?action=digest.unsubscribe", nil).is(200).items()
	if len(audited) == 0 {
		t.Error("the audit log says nothing")
	}

	// In the application it is wanted still, so that it goes on there; then nowhere.
	if _, err := s.table.Get(t.Context(), store.OfUser(ana, "DIGEST")); err != nil {
		t.Errorf("the record: %v", err)
	}
	s.do("PUT", "/v1/me/settings", `{"email": "ana@example.com"}`, "If-Match", "*").is(200)
	if _, err := s.table.Get(t.Context(), store.OfUser(ana, "DIGEST")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the record of nobody's digest: %v", err)
	}

	note, err := s.services.Signing.Sign(t.Context(), "example.com/other\n"+ana+"\n")
	check(t, err)
	_, token, _ := strings.Cut(path, "=")
	encoded := base64.RawURLEncoding.EncodeToString([]byte(note))
	for _, token := range []string{"", "x", "%00", url.QueryEscape(note), encoded, strings.Repeat("A", 3000), token[:len(token)-6] + "AAAAAA"} {
		s.do("POST", unsubscribePath+"?lang=de&token="+token, "List-Unsubscribe=One-Click", form...).is(422)
		s.do("GET", unsubscribePath+"?lang=de&token="+token, nil, nobody...).is(422)
	}
	for _, at := range []string{"25:00", "8", "08:0", "8:00 am", "08:00:00"} {
		s.do("PUT", "/v1/me/settings", `{"digest_at": "`+at+`"}`, "If-Match", "*").problem(422, "invalid", "digest_at")
	}
	if got := s.do("PUT", "/v1/me/settings", `{}`, "If-Match", "*").is(200).str("digest_at"); got != "08:00" {
		t.Errorf("without a choice: %s", got)
	}
}
