package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answering is a service that always answers the same.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func TestASecretThatIsNotAcceptedIsReadAgain(t *testing.T) {
	now, made := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), 0
	secret := &once[int]{make: func(context.Context) (int, error) { made++; return made, nil }}
	get := func() int {
		n, err := secret.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ask := func(path string, a answering) (int, string) {
		r, err := http.NewRequest(http.MethodPost, "https://login.example.com"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rotating{a, func() bool { return secret.again(now) }}.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, string(text)
	}
	const at, refused = "/tenant/oauth2/v2.0/token", `{"error":"invalid_client"}`
	for _, c := range []struct {
		name   string
		path   string
		answer answering
		after  time.Duration
		status int
		made   int // then
	}{
		{"another error", at, answering{400, `{"error":"invalid_grant"}`}, 0, 400, 1},
		{"an answer of something else", "/tenant/other", answering{401, refused}, 0, 401, 1},
		{"a token", at, answering{200, refused}, 0, 200, 1},
		{"what is no JSON", at, answering{401, "no"}, 0, 401, 1},
		{"the first refusal", at, answering{401, refused}, 0, 503, 2},
		{"the next one, at once", at, answering{401, refused}, readAgain - 1, 401, 2},
		{"one a minute later", at, answering{400, refused}, 1, 503, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			get()
			now = now.Add(c.after)
			if status, text := ask(c.path, c.answer); status != c.status || text != c.answer.body {
				t.Errorf("answered %d %s, want %d", status, text, c.status)
			}
			if n := get(); n != c.made {
				t.Errorf("it was read %d times, want %d", n, c.made)
			}
		})
	}
}
