package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

// withPages adds pages: one that shows who asks, one for administrators, and a form that counts how often it was carried out.
func withPages(done *int) *Web {
	show := func(text string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			_, err := w.Write([]byte(text + " " + FormToken(r.Context())))
			return err
		}
	}
	return &Web{
		Home: "/home", Policy: "default-src 'self'",
		Refuse: func(w http.ResponseWriter, _ *http.Request, why Refusal) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(why.Status)
			_, _ = w.Write([]byte("<p>" + why.Code + " " + why.Detail))
		},
		Pages: []Page{
			{Pattern: "GET /home", Access: Users, Handler: show("home")},
			{Pattern: "GET /open", Access: Anyone, Handler: show("open")},
			{Pattern: "GET /people", Access: Administrators, Handler: show("people")},
			{Pattern: "GET /wrong", Access: Users, Handler: func(http.ResponseWriter, *http.Request) error { return fault.Field("when", "is never") }},
			{Pattern: "GET /broken", Access: Users, Handler: func(http.ResponseWriter, *http.Request) error { return errors.New("secret-detail") }},
			{Pattern: "POST /file", Access: Users, Class: limit.Bulk, Action: "upload.create", File: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
				*done++
				name, content := FileOf(r.Context())
				_, err := fmt.Fprintf(w, "%s: %q %s", r.PostForm.Get("as"), name, content)
				return err
			}},
			{Pattern: "POST /count", Access: Users, Class: limit.Writes, Action: "run.cancel", Handler: func(w http.ResponseWriter, r *http.Request) error {
				*done++
				w.Header().Set("Location", "/home?as="+r.PostForm.Get("as"))
				w.WriteHeader(http.StatusSeeOther)
				return nil
			}},
		},
	}
}

func TestPagesOfWhoIsNotSignedInLeadToTheSignIn(t *testing.T) {
	done := 0
	w := newWeb(t, func(_ *web, s *Services) { s.Web = withPages(&done) })
	b := w.browser()
	to := b.send("GET", "/home?on=2026-10-05&view=week", "").is(303).Header.Get("Location")
	if to != "/auth/login?return="+url.QueryEscape("/home?on=2026-10-05&view=week") {
		t.Fatalf("a stranger is led to %s", to)
	}
	if home := b.send("GET", "/", "").is(302).Header.Get("Location"); home != "/home" {
		t.Errorf("the root leads to %s", home)
	}
	b.send("GET", "/open", "").is(200)
	b.login(ann, "/home")
	page := b.send("GET", "/home", "").is(200)
	if policy := page.Header.Get("Content-Security-Policy"); policy != "default-src 'self'" {
		t.Errorf("the policy is %s", policy)
	}
	token := strings.TrimPrefix(string(page.body), "home ")
	if token == "" {
		t.Fatalf("the page has no token: %s", page.body)
	}
	form := func(token, key string) string {
		return url.Values{fieldCSRF: {token}, fieldOnce: {key}, "as": {"ann"}}.Encode()
	}
	for name, wrong := range map[string]string{"no token": "", "another token": "x"} {
		if p := b.send("POST", "/count", form(wrong, "a"), sendForm...).is(403); !strings.Contains(string(p.body), "<p>"+codeCSRF) {
			t.Errorf("a form with %s: %s", name, p.body)
		}
	}
	if done != 0 {
		t.Errorf("forms without the token were carried out %d times", done)
	}
	for range 2 {
		b.send("POST", "/count", form(token, "a"), sendForm...).is(303)
	}
	if later := strings.TrimPrefix(string(b.send("GET", "/home", "").is(200).body), "home "); later == token {
		t.Error("two pages have the same token, which can be read from their sizes when they are compressed")
	}
	if done != 1 {
		t.Errorf("the form was carried out %d times", done)
	}
	if p := w.browser().send("POST", "/count", form(token, "b"), sendForm...).is(401); !strings.Contains(string(p.body), "<p>unauthenticated") {
		t.Errorf("a stranger's form: %s", p.body)
	}
	if people := b.send("GET", "/people", "").is(403); !strings.Contains(string(people.body), "<p>forbidden") {
		t.Errorf("people: %s", people.body)
	}
	if wrong := b.send("GET", "/wrong", "").is(422); !strings.Contains(string(wrong.body), "<p>invalid when is never") {
		t.Errorf("wrong: %s", wrong.body)
	}
	if text := string(b.send("GET", "/broken", "").is(500).body); strings.Contains(text, "secret-detail") || !strings.Contains(text, "<p>internal") {
		t.Errorf("broken: %s", text)
	}
	if none := b.send("GET", "/none", "", "Accept", "text/html").is(404); !strings.Contains(string(none.body), "<p>no_such_route") {
		t.Errorf("none: %s", none.body)
	}
	if none := b.send("GET", "/none", "").is(404); !strings.Contains(none.Header.Get("Content-Type"), "problem+json") {
		t.Errorf("none, for a program: %s", none.body)
	}
	w.now.Add(int64(5 * time.Hour / time.Second))
	to = b.send("GET", "/home", "").is(303).Header.Get("Location")
	if q, err := url.Parse(to); err != nil || q.Path != "/auth/login" || q.Query().Get("check") != "true" || q.Query().Get("return") != "/home" {
		t.Errorf("after five hours it leads to %s", to)
	}
}

func TestFormsOfPagesTakeEffectOnce(t *testing.T) {
	done := 0
	s := newService(t, func(_ *service, s *Services) { s.Web = withPages(&done) })
	form := func(key, as string) string { return url.Values{fieldOnce: {key}, "as": {as}}.Encode() }
	for range 3 {
		if to := s.do("POST", "/count", form("a", "x"), sendForm...).is(303).Header.Get("Location"); to != "/home?as=x" {
			t.Errorf("it leads to %s", to)
		}
	}
	if done != 1 {
		t.Errorf("the form was carried out %d times", done)
	}
	if again := s.do("POST", "/count", form("a", "y"), sendForm...).is(422); !strings.Contains(string(again.body), "<p>"+codeIdempotencyMismatch) {
		t.Errorf("another form with the key: %s", again.body)
	}
	s.do("POST", "/count", form("b", "x"), sendForm...).is(303)
	if done != 2 {
		t.Errorf("two forms were carried out %d times", done)
	}
	if wrong := s.do("POST", "/count", `{}`).is(415); !strings.Contains(string(wrong.body), "<p>"+codeMediaType) {
		t.Errorf("JSON: %s", wrong.body)
	}
	if large := s.do("POST", "/count", strings.Repeat("a", int(maxForm)+1), sendForm...).is(413); !strings.Contains(string(large.body), "<p>"+codeTooLarge) {
		t.Errorf("a form that is too large: %s", large.body)
	}
}

// fileForm is a form with fields, in pairs, and files, by their names.
func fileForm(t *testing.T, boundary string, fields []string, files ...string) (body string, header []string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	check(t, w.SetBoundary(boundary))
	for i := 0; i < len(fields); i += 2 {
		check(t, w.WriteField(fields[i], fields[i+1]))
	}
	for i := 0; i < len(files); i += 2 {
		f, err := w.CreateFormFile("file", files[i])
		check(t, err)
		_, err = f.Write([]byte(files[i+1]))
		check(t, err)
	}
	check(t, w.Close())
	return b.String(), []string{"Content-Type", w.FormDataContentType()}
}

func TestAFormBringsAFile(t *testing.T) {
	done := 0
	w := newWeb(t, func(_ *web, s *Services) { s.Web = withPages(&done) })
	b := w.browser()
	b.login(ann, "/home")
	token := strings.TrimPrefix(string(b.send("GET", "/home", "").is(200).body), "home ")
	fields := func(key string) []string { return []string{fieldCSRF, token, fieldOnce, key, "as", "ann"} }
	for _, boundary := range []string{"one", "another"} { // a browser makes another one each time that a form is sent
		body, header := fileForm(t, boundary, fields("a"), "x\"y.ics", "BEGIN\x00\xff")
		if got := string(b.send("POST", "/file", body, header...).is(200).body); got != `ann: "x\"y.ics" `+"BEGIN\x00\xff" {
			t.Errorf("it brought %q", got)
		}
	}
	if done != 1 {
		t.Errorf("it was carried out %d times", done)
	}
	for name, other := range map[string][]string{"another file": {"x\"y.ics", "END"}, "another name": {"z.ics", "BEGIN\x00\xff"}, "no file": nil} {
		body, header := fileForm(t, "one", fields("a"), other...)
		if p := b.send("POST", "/file", body, header...).is(422); !strings.Contains(string(p.body), codeIdempotencyMismatch) {
			t.Errorf("%s with the key: %s", name, p.body)
		}
	}
	body, header := fileForm(t, "one", fields("b"), "", "")
	if got := string(b.send("POST", "/file", body, header...).is(200).body); got != `ann: "" ` {
		t.Errorf("without a file: %q", got)
	}
	done = 0
	long := strings.Repeat("x", int(maxForm)+1)
	many := fields("c")
	for range mostFields {
		many = append(many, "n", "v")
	}
	for _, c := range []struct {
		name   string
		fields []string
		files  []string
		code   string
	}{
		{"without its token", fields("c")[2:], []string{"x", "y"}, codeCSRF},
		{"with a token that is none", append([]string{fieldCSRF, "x"}, fields("c")[2:]...), []string{"x", "y"}, codeCSRF},
		{"with two files", fields("c"), []string{"x", "y", "z", "y"}, codeUnparsable},
		{"with a long field", append(fields("c"), "n", long), nil, codeUnparsable},
		{"with many fields", many, nil, codeUnparsable},
	} {
		body, header := fileForm(t, "one", c.fields, c.files...)
		p := b.send("POST", "/file", body, header...)
		if p.StatusCode < 400 || !strings.Contains(string(p.body), "<p>"+c.code) {
			t.Errorf("%s: %d %s", c.name, p.StatusCode, p.body)
		}
	}
	body, header = fileForm(t, "one", fields("d"), "x", "y")
	if p := b.send("POST", "/file", body[:len(body)-20], header...).is(400); !strings.Contains(string(p.body), codeUnparsable) {
		t.Errorf("a form that ends too soon: %s", p.body)
	}
	b.send("POST", "/count", body, header...).is(415)
	b.send("POST", "/file", "as=ann", sendForm...).is(415)
	if done != 0 {
		t.Errorf("wrong forms were carried out %d times", done)
	}
}
