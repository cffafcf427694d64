package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"adminassistant/shared/fault"
)

func TestErrorsForTheLog(t *testing.T) {
	at, err := url.Parse("/v1/runs/run%2Fone/plan?calendar=msgraph%3A%2F%2Fana%40example.com%2Fcalendars%2FWork&secret-name=ab&q=%22two%20words%22")
	check(t, err)
	ctx := context.WithValue(t.Context(), askedKey{}, askedFor{at, "GET /v1/runs/{id}/plan"})
	for _, c := range []struct{ text, want string }{
		{"read run run/one: closed", "read run ...: closed"},
		{"list msgraph://ana@example.com/calendars/Work: timeout", "list ...: timeout"},
		{"GET https://graph.example/users/ana@example.com/x", "GET https://graph.example/users/.../x"},
		{"GET https://graph.example/users/ana%40example.com/x", "GET https://graph.example/users/.../x"},
		{`find "\"two words\"": no`, `find "...": no`},
		{"find two+words", "find two+words"}, // is not what was asked for
		{"secret-name is ab", "... is ab"},
		{"the plan of runs in v1", "the plan of runs in v1"},
	} {
		failed := fault.New(fault.Unavailable, "%s", c.text)
		got := forLog(ctx, fmt.Errorf("%w", failed))
		if got.Error() != c.want || fault.Of(got) != fault.Unavailable || !errors.Is(got, failed) {
			t.Errorf("%q is logged as %q, of kind %v", c.text, got, fault.Of(got))
		}
	}
	if err := errors.New("anything"); forLog(t.Context(), err) != err {
		t.Error("without a request an error changes")
	}
}
