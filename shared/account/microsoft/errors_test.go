package microsoft

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
)

func reply(r *http.Request, status int, text string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r}
}

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

func TestErrorsNobodyKnows(t *testing.T) {
	for text, kind := range map[string]fault.Kind{
		"json decode error: raw message was: SECRET": fault.Unavailable, "no token found": fault.Unauthenticated,
		"token response failed because declined scopes are present: SECRET": fault.Forbidden,
	} {
		if err := explain(errors.New(text), noon); fault.Of(err) != kind || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v of kind %s", text, err, fault.Of(err))
		}
	}
}
