package httpapi

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/flag"
	"adminassistant/shared/limit"
)

// flagView is a flag as an administrator sees it.
type flagView struct {
	Name    string     `json:"name"`
	What    string     `json:"what" doc:"What it switches."`
	State   string     `json:"state" enum:"off,on,percent,shadow" doc:"For whom of your tenant it is on; shadow: runs tell what it would change."`
	Percent float64    `json:"percent,omitempty" doc:"The share of users for whom it is on, of state percent. Who is in a share stays in when it grows."`
	Allow   []string   `json:"allow" nullable:"false" doc:"Users for whom it is on, whatever the state says."`
	Deny    []string   `json:"deny" nullable:"false" doc:"Users for whom it is off, whatever else says that it is on."`
	Owner   string     `json:"owner" doc:"The part of the program that it is of."`
	Since   string     `json:"since" format:"date" doc:"Since when the program has it."`
	Old     bool       `json:"old" doc:"It is older than 180 days: it should be decided for good."`
	By      string     `json:"by,omitempty" doc:"Object id of the administrator who decided; without one, the program itself did."`
	At      *time.Time `json:"at,omitempty"`
}

func (s *server) viewFlag(name flag.Name, decided *flag.Flag) flagView {
	d := flag.Known[name]
	v := flagView{
		Name: string(name), What: d.What, State: string(flag.Off), Owner: d.Owner, Since: d.Since, Old: d.Old(s.Clock()), Allow: []string{}, Deny: []string{},
	}
	if d.Default {
		v.State = string(flag.On)
	}
	if decided != nil {
		v.State, v.Percent, v.By, v.At = string(decided.State), float64(decided.Percent)/100, decided.By, orNil(decided.At)
		v.Allow, v.Deny = append(v.Allow, decided.Allow...), append(v.Deny, decided.Deny...)
	}
	return v
}

const tagFlags = "flags"

func (s *server) flagRoutes() {
	handle(s, route{
		pattern: "GET /v1/flags", access: byAdministrators, tag: tagFlags, summary: "List what can be switched on and off",
		description: "Each with what was decided for your tenant, or what the program itself says.",
	}, s.listFlags)
	handle(s, route{
		pattern: "PUT /v1/flags/{name}", access: byAdministrators, class: limit.Writes, action: "flag.set", tag: tagFlags,
		summary: "Switch something on or off for users of your tenant",
		description: "Without percent it is 0, and without allow or deny nobody is on that list. It takes effect within 30 seconds. Runs keep the value " +
			"that they started with, until they end.",
	}, s.setFlag)
}

func (s *server) listFlags(ctx context.Context, _ *struct{}) (*struct {
	Body struct {
		Flags []flagView `json:"flags" nullable:"false"`
	}
}, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	decided, err := s.Flags.List(ctx, by.Tenant)
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Flags []flagView `json:"flags" nullable:"false"`
		}
	}{}
	out.Body.Flags = []flagView{}
	for name := range flag.Known {
		var one *flag.Flag
		if d, ok := decided[name]; ok {
			one = &d
		}
		out.Body.Flags = append(out.Body.Flags, s.viewFlag(name, one))
	}
	slices.SortFunc(out.Body.Flags, func(a, b flagView) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *server) setFlag(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"100"`
	Body struct {
		State   string   `json:"state" enum:"off,on,percent,shadow" doc:"shadow, where the flag has it: for nobody, and runs tell what it would change."`
		Percent float64  `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"With the state percent, to a hundredth."`
		Allow   []string `json:"allow,omitempty" nullable:"false" maxItems:"100" doc:"Object ids of users for whom it is on."`
		Deny    []string `json:"deny,omitempty" nullable:"false" maxItems:"100" doc:"Object ids of users for whom it is off."`
	}
}) (*struct{ Body flagView }, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	decided, err := s.Flags.Set(ctx, by.Tenant, by.Object, flag.Flag{
		Name: flag.Name(in.Name), State: flag.State(in.Body.State), Percent: int(math.Round(in.Body.Percent * 100)), Allow: in.Body.Allow, Deny: in.Body.Deny,
	})
	if err != nil {
		return nil, err
	}
	return &struct{ Body flagView }{s.viewFlag(decided.Name, &decided)}, nil
}
