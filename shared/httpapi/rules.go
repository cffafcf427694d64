package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
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
	Category string `json:"category,omitempty" doc:"For events without one but markers. The first matching rule that has one wins." example:"Globex - billable"`
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
		Description: "One of " + words(rule.Ops()) + ". Texts know the first three and regex, domains also domain; times and durations equals, at_least " +
			"and at_most; all_day, show_as and weekday equals alone.",
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
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/rules/try", access: byUsers, class: limit.Bulk, action: "rules.try",
		tag: tagRules, summary: "Say what rules would do, before they are saved",
		description: "Every event that the ledger has, or that runs left out, is planned twice, with what you decided, as if nothing were archived yet: with " +
			"the config's rules, and with those of the request. Without rules in the request those of the config are compared with none. No calendar is " +
			"asked, and nothing is saved.",
	}, s.tryRules)
	handle(s, route{
		pattern: "GET /v1/archive-configs/{id}/rules/suggestions", access: byUsers, class: limit.Bulk,
		tag: tagRules, summary: "Suggest rules from what you did",
		description: "From the categories that your events have and from what you decided: by the domain of the organiser, by series and by words of the " +
			"subject. Each one says what speaks for it and what against it. None is applied by itself: put those that you want among the rules.",
	}, s.suggestRules)
}

func (s *server) getRules(ctx context.Context, in *ByIDOrName) (*rulesAnswer, error) {
	c, err := s.config(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answerRules(c), nil
}

func (s *server) putRules(ctx context.Context, in *struct {
	ByIDOrName
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

// tryInput are rules that are tried on a period.
type tryInput struct {
	Rules *[]ruleInput `json:"rules,omitempty" doc:"Rules that are compared with those of the config. Left out: those of the config are compared with none."`

	Period string `json:"period,omitempty" doc:"Days in words, as in \"last month\"; at most 400."`
	From   string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
	To     string `json:"to,omitempty" doc:"Last day, included."`
}

// tryView is what rules would do.
type tryView struct {
	From         string          `json:"from" format:"date"`
	To           string          `json:"to" format:"date" doc:"Last day, included."`
	Before       bucketCounts    `json:"before" doc:"Events by what becomes of them, with the rules before."`
	After        bucketCounts    `json:"after"`
	Minutes      []minutesView   `json:"minutes" nullable:"false" doc:"Of timed appointments that go into the archive, neither cancelled nor declined."`
	Changed      []changedView   `json:"changed" nullable:"false" doc:"Events of which something else becomes, by start; the first 5000."`
	ChangedCount int             `json:"changed_count"`
	Rules        []triedRuleView `json:"rules" nullable:"false" doc:"What each of the rules did, in their order."`
}

// bucketCounts are archive.Counts, also on servers whose runs have no results.
type bucketCounts archive.Counts

type minutesView struct {
	Customer    string  `json:"customer" doc:"Empty: none."`
	BillingType string  `json:"billing_type" enum:",billable,non-billable"`
	Before      float64 `json:"before"`
	After       float64 `json:"after"`
	Difference  float64 `json:"difference"`
}

type changedView struct {
	EventID string      `json:"event_id"`
	Key     string      `json:"key"`
	Rules   []string    `json:"rules" nullable:"false" doc:"Ids of the rules that do it, or do it no longer; none: it follows from what became of other events."`
	Before  becomesView `json:"before"`
	After   becomesView `json:"after"`
}

type becomesView struct {
	Outcome     string          `json:"outcome"`
	Reason      string          `json:"reason,omitempty"`
	Appointment appointment     `json:"appointment"`
	Changes     []ledger.Change `json:"changes" nullable:"false"`
}

type triedRuleView struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Matched int      `json:"matched" doc:"Events that it matches."`
	Acted   int      `json:"acted" doc:"Events of which it made something."`
	State   string   `json:"state" enum:"acts,off,dead,shadowed,idle" doc:"dead: matches nothing. shadowed: others came first. idle: nothing was left to do."`
	By      []string `json:"by" nullable:"false" doc:"Ids of the rules that came first, the most frequent one first."`
}

// maxChanged is how many changed events an answer has at most.
const maxChanged = 5000

func (s *server) tryRules(ctx context.Context, in *struct {
	ByIDOrName
	Body tryInput
}) (*struct{ Body tryView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Named(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	before, after := []rule.Rule(nil), c.Rules
	if in.Body.Rules != nil {
		before = c.Rules
		if after, err = rule.Check(drafts(*in.Body.Rules)); err != nil {
			return nil, err
		}
	}
	w, err := s.daysOf(ctx, &c, in.Body.Period, in.Body.From, in.Body.To)
	if err != nil {
		return nil, err
	}
	tried, err := s.Tryouts.Try(ctx, who, &c, before, after, w)
	if err != nil {
		return nil, err
	}
	return &struct{ Body tryView }{viewTryout(tried, w)}, nil
}

// daysOf is a period in a config's zone.
func (s *server) daysOf(ctx context.Context, c *archive.Config, period, from, to string) (calendar.Window, error) {
	settings, err := c.Settings()
	if err != nil {
		return calendar.Window{}, err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return calendar.Window{}, err
	}
	if period == "" && from == "" && to == "" {
		return calendar.Window{}, fault.Field("period", `is missing; say which days, as in "last month"`)
	}
	return window(period, from, to, settings.Zone, s.Clock(), own.Weekday())
}

func viewTryout(t *archive.Tryout, w calendar.Window) tryView {
	v := tryView{
		From: w.From.String(), To: w.To.String(), Before: bucketCounts(t.Before), After: bucketCounts(t.After), ChangedCount: len(t.Changed),
		Minutes: make([]minutesView, len(t.Minutes)), Changed: []changedView{}, Rules: make([]triedRuleView, len(t.Rules)),
	}
	for i, m := range t.Minutes {
		v.Minutes[i] = minutesView{Customer: m.Customer, BillingType: string(m.BillingType), Before: m.Before, After: m.After, Difference: m.After - m.Before}
	}
	for _, c := range t.Changed[:min(len(t.Changed), maxChanged)] {
		v.Changed = append(v.Changed, changedView{
			EventID: c.After.EventID, Key: c.After.Key, Rules: orNone(c.Rules), Before: viewBecomes(c.Before), After: viewBecomes(c.After),
		})
	}
	for i, r := range t.Rules {
		v.Rules[i] = triedRuleView{
			ID: r.Rule.ID, Name: r.Rule.Name, Matched: r.Matched, Acted: r.Acted, State: string(r.State), By: orNone(r.By),
		}
	}
	return v
}

func viewBecomes(it *archive.Item) becomesView {
	return becomesView{Outcome: string(it.Outcome), Reason: it.Reason, Appointment: appointment{it.Appointment}, Changes: orNone(it.Changes)}
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// suggestedRule is a rule that follows from what the user did.
type suggestedRule struct {
	Rule    ruleView `json:"rule"`
	Why     string   `json:"why" doc:"What speaks for it, and what against it."`
	Support int      `json:"support" doc:"Events that are what the rule would make them."`
	Of      int      `json:"of" doc:"Events that the rule matches and that say anything."`
	Gets    int      `json:"gets" doc:"Events that it matches and that have no category."`
}

type suggestionsView struct {
	Suggestions []suggestedRule `json:"suggestions" nullable:"false" doc:"The best supported one first; 20 at most."`
}

func (s *server) suggestRules(ctx context.Context, in *struct {
	ByIDOrName
	Period string `query:"period" default:"last 90 days" doc:"Days in words, at most 400."`
}) (*struct{ Body suggestionsView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Named(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.daysOf(ctx, &c, in.Period, "", "")
	if err != nil {
		return nil, err
	}
	found, err := s.Tryouts.Suggest(ctx, who, &c, w)
	if err != nil {
		return nil, err
	}
	out := &struct{ Body suggestionsView }{}
	out.Body.Suggestions = make([]suggestedRule, len(found))
	for i := range found {
		f := &found[i]
		out.Body.Suggestions[i] = suggestedRule{Rule: viewRule(&f.Rule), Why: f.Why, Support: f.Support, Of: f.Of, Gets: f.Gets}
	}
	return out, nil
}
