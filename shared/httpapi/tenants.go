package httpapi

import (
	"context"
	"time"

	"adminassistant/shared/account/tenant"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

const tagTenants = "tenants"

// tenantView is a tenant as the operator's administrators see it.
type tenantView struct {
	ID    string     `json:"id" doc:"Entra tenant id."`
	Name  string     `json:"name" doc:"As it was given here, for people."`
	State string     `json:"state" enum:"in,out" doc:"Whether its users are let in."`
	Named bool       `json:"named" doc:"The settings of the deployment name it."`
	By    string     `json:"by,omitempty" doc:"Object id of the administrator who decided last."`
	At    *time.Time `json:"at,omitempty"`
}

func viewTenant(t tenant.Tenant) tenantView {
	v := tenantView{ID: t.ID, Name: t.Name, State: "in", Named: t.Named, By: t.By, At: orNil(t.At)}
	if t.Out {
		v.State = "out"
	}
	return v
}

// ByTenant names a tenant.
type ByTenant struct {
	Tenant string `path:"tenant" doc:"Entra tenant id, or the name that the tenant has here."`
}

func (s *server) tenantRoutes() {
	handle(s, route{
		pattern: "GET /v1/tenants", access: byAdministrators, where: withTenants, tag: tagTenants, summary: "List the tenants whose users are let in",
		description: "For administrators of the first tenant that the deployment's settings name.",
	}, s.listTenants)
	handle(s, route{
		pattern: "PUT /v1/tenants/{tenant}", access: byAdministrators, where: withTenants, class: limit.Writes, action: "tenant.add",
		tag: tagTenants, summary: "Let the users of a tenant in",
		description: "Within 30 seconds everywhere. Jobs that rested while it was out go on; ask again after an error, for the rest of them. The " +
			"registrations in Entra ID have to be multi-tenant, and an administrator of that tenant has to allow them.",
	}, s.addTenant)
	handle(s, route{
		pattern: "DELETE /v1/tenants/{tenant}", access: byAdministrators, where: withTenants, class: limit.Removals, action: "tenant.remove",
		tag: tagTenants, summary: "Let the users of a tenant in no more",
		description: "Within 30 seconds everywhere, also those who are signed in; their jobs start no runs. What they keep here stays. Your own tenant " +
			"cannot be removed.",
	}, s.removeTenant)
}

type tenantList struct {
	Body struct {
		Items []tenantView `json:"items" nullable:"false"`
	}
}

func (s *server) listTenants(ctx context.Context, _ *struct{}) (*tenantList, error) {
	if _, err := s.roster().Operator(ctx); err != nil {
		return nil, err
	}
	all, err := s.Tenants.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &tenantList{}
	out.Body.Items = make([]tenantView, len(all))
	for i, t := range all {
		out.Body.Items[i] = viewTenant(t)
	}
	return out, nil
}

func (s *server) addTenant(ctx context.Context, in *struct {
	ByTenant
	Body struct {
		Name string `json:"name,omitempty" maxLength:"128" doc:"For people; without it, the one before stays."`
	}
}) (*struct{ Body tenantView }, error) {
	by, err := s.roster().Operator(ctx)
	if err != nil {
		return nil, err
	}
	t, err := s.roster().LetIn(ctx, by.Object, in.Tenant, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &struct{ Body tenantView }{viewTenant(t)}, nil
}

func (s *server) removeTenant(ctx context.Context, in *ByTenant) (*struct{}, error) {
	by, err := s.roster().Operator(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Tenants.Remove(ctx, by.Object, in.Tenant)
}

// errTenantOut is answered to users of a tenant that is let in no more, whatever shows who they are.
var errTenantOut = fault.New(fault.Unauthenticated, "users of this tenant are not let in; sign in with another account")

// letsIn says whether the users of a tenant are let in.
func (s *server) letsIn(ctx context.Context, id string) error {
	if s.Tenants == nil {
		return nil
	}
	in, err := s.Tenants.Lets(ctx, id)
	if err == nil && !in {
		err = errTenantOut
	}
	return err
}

// otherTenants says whether more tenants are let in than the settings name.
func (s *server) otherTenants(ctx context.Context) (bool, error) {
	if s.Tenants == nil {
		return false, nil
	}
	return s.Tenants.More(ctx)
}
