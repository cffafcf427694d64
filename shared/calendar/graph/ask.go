package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	kiota "github.com/microsoft/kiota-abstractions-go"

	"adminassistant/shared/fault"
)

// Ask sends a request to a path below the account, as in "/events?$top=1", once and as it is. It is for questions about the service itself (package
// reality); whoever wants events asks for them by the other methods. A refusal is an answer, with its status and code, but for one of the sign-in or of
// the rate, which is an error. The status of every success is 200, and its text may be nil.
func (p *Provider) Ask(ctx context.Context, account, method, path string, body any) (status int, code string, answer []byte, err error) {
	if _, err := p.user(ctx, account); err != nil {
		return 0, "", nil, err
	}
	at, err := url.Parse(p.client.base.String() + "/users/" + url.PathEscape(account) + path)
	if err != nil {
		return 0, "", nil, fault.New(fault.Internal, "the address of a question: %v", err)
	}
	methods := map[string]kiota.HttpMethod{http.MethodGet: kiota.GET, http.MethodPost: kiota.POST, http.MethodPatch: kiota.PATCH, http.MethodDelete: kiota.DELETE}
	r := kiota.NewRequestInformation()
	r.Method, r.UrlTemplate = methods[method], "{+address}"
	r.Headers.Add("Accept", "application/json")
	r.Headers.Add("Prefer", preferences)
	r.SetUri(*at)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, "", nil, fmt.Errorf("write a question: %w", err)
		}
		r.SetStreamContentAndContentType(text, "application/json")
	}
	text, err := p.do(ctx, account, r)
	f := new(Failure)
	switch {
	case err == nil:
		return http.StatusOK, "", text, nil
	case !errors.As(err, &f), f.Status == 0, f.Status == http.StatusUnauthorized, f.Status == http.StatusTooManyRequests:
		return 0, "", nil, err
	}
	return f.Status, f.Code, nil, nil
}
