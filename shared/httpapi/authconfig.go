package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/fault"
)

// CLISignIn is how the command line signs its users in. Without a Client nobody signs in: the server is of one machine.
type CLISignIn struct {
	Authority string   // address of the sign-in service, as in https://login.microsoftonline.com
	Client    string   // application id of the command line, a public client
	Scope     string   // what access tokens for this API are asked for by
	Tenants   []string // ids of the tenants whose users are let in
}

type signInView struct {
	Authority string   `json:"authority" doc:"Address of the sign-in service." example:"https://login.microsoftonline.com"`
	Client    string   `json:"client_id" doc:"Application id of the command line, a public client."`
	Scope     string   `json:"scope" doc:"Scope of access tokens for this API."`
	Tenants   []string `json:"tenants" nullable:"false" doc:"Ids of the tenants whose users are let in, as the settings name them."`
	More      bool     `json:"more,omitempty" doc:"Users of other tenants are let in as well."`
}

func alsoNotFound(op *huma.Operation) { op.Errors = append(op.Errors, http.StatusNotFound) }

// authConfigRoutes shows a client that has no token yet where to get one. Nothing of it is secret.
func (s *server) authConfigRoutes() {
	handle(s, route{
		pattern: "GET /auth/config", access: anyone, tag: tagMe, summary: "How do I sign in?", document: alsoNotFound,
		description: "For programs that get access tokens themselves, as the command line does; without a sign-in.",
	}, func(ctx context.Context, _ *struct{}) (*struct{ Body signInView }, error) {
		if s.CLI.Client == "" {
			return nil, fault.New(fault.NotFound, "this server asks for no sign-in: it is for the account of its machine that started it")
		}
		more, err := s.otherTenants(ctx)
		if err != nil {
			return nil, err
		}
		c := s.CLI
		return &struct{ Body signInView }{signInView{Authority: c.Authority, Client: c.Client, Scope: c.Scope, Tenants: c.Tenants, More: more}}, nil
	})
}
