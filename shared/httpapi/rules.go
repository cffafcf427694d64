package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/limit"
	"adminassistant/shared/rule"
)

// ruleInput is one of a config's rules in a request.
type ruleInput struct {
	ID      string           `json:"id" doc:"1 to 64 letters, digits, - and _; unique among the rules of the config, in any case." example:"globex"`
	Name    string           `json:"name" example:"Globex by domain"`
	On      *bool            `json:"on,omitempty" default:"true" doc:"Only a rule that is on does anything."`
	All     []conditionInput `json:"all" nullable:"false" doc:"Conditions, 1 to 20; an event has to meet each of them."`
	Then    effectInput      `json:"then"`
	Version int              `json:"version,omitempty" doc:"Not yours to say: it is passed over."`
}

type conditionInput struct {
	Field ruleField   `json:"field"`
	Op    ruleOp      `json:"op"`
	Any   []ruleValue `json:"any" nullable:"false" doc:"1 to 100 values; the field has to compare with one of them."`
}

type effectInput struct {
	Category string `json:"category,omitempty" doc:"Used when the event has no category but markers. The first matching rule that has one wins." example:"Globex - billable"`
	Privacy  string `json:"privacy,omitempty" doc:"The least sensitivity of the archived copy: personal, private or confidential."`
	Exclude  bool   `json:"exclude,omitempty" doc:"The event is left out."`
	Travel   bool   `json:"travel,omitempty" doc:"The event is travel, as if its subject said so."`
}

// ruleField and ruleOp are words of rules, and ruleValue a value, in requests. What is wrong with them is said by those who know rules.
type (
	ruleField string
	ruleOp    string
	ruleValue rule.Value
)

// Schema implements huma.SchemaProvider.
func (ruleField) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "One of " + words(rule.Fields()) + ".", Examples: []any{string(rule.AttendeeDomain)}}
}

// Schema implements huma.SchemaProvider.
func (ruleOp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Examples: []any{string(rule.Domain)},
		Description: "One of " + words(rule.Ops()) + ". Texts know the first three and regex, domains also domain; times and durations equals, at_least and at_most; " +
			"all_day, show_as and weekday equals alone.",
	}
}

// Schema implements huma.SchemaProvider.
func (ruleValue) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeInteger}, {Type: huma.TypeBoolean}}, Examples: []any{"globex.example"}}
}

// UnmarshalJSON reads a value.
func (v *ruleValue) UnmarshalJSON(data []byte) error { return (*rule.Value)(v).UnmarshalJSON(data) }

func words[T ~string](all []T) (text string) {
	for i, w := range all {
		if i > 0 {
			text += ", "
		}
		text += string(w)
	}
	return text
}

// drafts returns rules as they were written.
func drafts(in []ruleInput) []rule.Draft {
	all := make([]rule.Draft, len(in))
	for i, r := range in {
		then := rule.Effect{Category: r.Then.Category, Privacy: calendar.Sensitivity(r.Then.Privacy), Exclude: r.Then.Exclude, Travel: r.Then.Travel}
		all[i] = rule.Draft{ID: r.ID, Name: r.Name, On: r.On, Then: &then}
		for _, c := range r.All {
			condition := rule.DraftCondition{Field: rule.Field(c.Field), Op: rule.Op(c.Op)}
			for _, v := range c.Any {
				condition.Any = append(condition.Any, rule.Value(v))
			}
			all[i].All = append(all[i].All, condition)
		}
	}
	return all
}

// rulesInput are a config's rules in a request.
type rulesInput struct {
	Rules []ruleInput `json:"rules" nullable:"false"`
}

// rulesView are a config's rules.
type rulesView struct {
	Rules      []ruleView `json:"rules" nullable:"false" doc:"The first one comes first in everything."`
	Precedence string     `json:"precedence" doc:"Which rule wins, in words."`
}

type ruleView struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	On      bool            `json:"on"`
	All     []conditionView `json:"all" nullable:"false"`
	Then    effectInput     `json:"then"`
	Version int             `json:"version" doc:"Which change of the config's rules made it what it is. It stands beside what the rule did."`
}

type conditionView struct {
	Field ruleField `json:"field"`
	Op    ruleOp    `json:"op"`
	Any   []string  `json:"any" nullable:"false"`
}

func viewRules(rules []rule.Rule) []ruleView {
	views := make([]ruleView, len(rules))
	for i := range rules {
		views[i] = viewRule(&rules[i])
	}
	return views
}

func viewRule(r *rule.Rule) ruleView {
	v := ruleView{
		ID: r.ID, Name: r.Name, On: r.On, Version: r.Version, All: make([]conditionView, len(r.All)),
		Then: effectInput{Category: r.Then.Category, Privacy: string(r.Then.Privacy), Exclude: r.Then.Exclude, Travel: r.Then.Travel},
	}
	for i, c := range r.All {
		v.All[i] = conditionView{Field: ruleField(c.Field), Op: ruleOp(c.Op), Any: c.Any}
	}
	return v
}

type rulesAnswer struct {
	ETag string `header:"ETag" doc:"That of the config; goes into If-Match when its rules are replaced."`
	Body rulesView
}

func answerRules(c archive.Config) *rulesAnswer {
	return &rulesAnswer{ETag: etag(c.Version), Body: rulesView{Rules: viewRules(c.Rules), Precedence: rule.Precedence}}
}

func (s *server) ruleRoutes() {
	handle(s, route{
		pattern: "GET /v1/archive-configs/{id}/rules", access: byUsers, tag: tagRules, summary: "List the rules of an archive config",
	}, s.getRules)
	handle(s, route{
		pattern: "PUT /v1/archive-configs/{id}/rules", access: byUsers, class: limit.Writes, action: "rules.replace", needs: headerIfMatch,
		tag: tagRules, summary: "Replace the rules of an archive config",
		description: "All of them, in their order; at most 100. If anything is wrong, errors has each field that is, and nothing is saved. Rules count from the " +
			"next run on. What is archived changes only in a replace run.",
	}, s.putRules)
}

func (s *server) getRules(ctx context.Context, in *ByID) (*rulesAnswer, error) {
	c, err := s.config(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answerRules(c), nil
}

func (s *server) putRules(ctx context.Context, in *struct {
	ByID
	IfMatch
	Body rulesInput
}) (*rulesAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Named(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.check(c.Version); err != nil {
		return nil, err
	}
	if c.Rules, err = rule.Check(drafts(in.Body.Rules)); err != nil {
		return nil, err
	}
	if c, err = s.Configs.Finding(s.finder(who)).Update(ctx, who, c); err != nil {
		return nil, ifChanged(err)
	}
	return answerRules(c), nil
}
