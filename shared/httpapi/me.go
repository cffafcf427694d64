package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
)

type meView struct {
	Tenant  string `json:"tenant" doc:"Entra tenant id; \"local\" on one machine."`
	Object  string `json:"object" doc:"Entra object id; the operating system's account on one machine."`
	Name    string `json:"name"`
	Version string `json:"version" doc:"Of the service."`
}

func (s *server) meRoutes(api huma.API) {
	handle(api, tagMe, "GET /v1/me", "Who am I?", func(ctx context.Context, _ *struct{}) (*struct{ Body meView }, error) {
		p, err := account.From(ctx)
		if err != nil {
			return nil, err
		}
		return &struct{ Body meView }{meView{Tenant: p.Tenant, Object: p.Object, Name: p.Name, Version: s.Version}}, nil
	})
}

type healthView struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version" doc:"Of the service."`
}

func (s *server) healthRoutes(api huma.API) {
	ok := &struct{ Body healthView }{healthView{Status: "ok", Version: s.Version}}
	handle(api, tagHealth, "GET /healthz", "Does the process work?", func(context.Context, *struct{}) (*struct{ Body healthView }, error) {
		return ok, nil
	})
	handle(api, tagHealth, "GET /readyz", "Can the store be reached?", func(ctx context.Context, _ *struct{}) (*struct{ Body healthView }, error) {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		if err := s.Table.Ping(ctx); err != nil {
			return nil, notReady(err)
		}
		return ok, nil
	})
}
