package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
	"adminassistant/shared/store"
)

// learnedDays is how far back rules are looked for in what the user did.
const learnedDays = 90

func (s *web) listRules(v *view) error { return s.showRules(v, http.StatusOK, nil) }

// showRules shows the rules of a config in their order; wrong is why they could not be changed.
func (s *web) showRules(v *view, status int, wrong error) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.rules"), at: "/rules"}
	if c == nil {
		p.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, p)
	}
	of := ofConfig(c, configs)
	p.bar = []g.Node{Span(Class("grow")), configChooser(v, "/rules", c, configs),
		A(Class("button"), Href(link("/rules/try", "config", of)), g.Attr("data-key", "t"), g.Text(v.t("rules.try")), key("t")),
		A(Class("button primary"), Href(link("/rules/edit", "config", of)), g.Attr("data-key", "n"), g.Text(v.t("rules.new")), key("n"))}
	if wrong != nil {
		p.body = append(p.body, v.refusedRules(wrong))
	}
	if len(c.Rules) == 0 {
		p.body = append(p.body, empty(v.t("rules.none"), v.t("rules.none.text"), P(Class("buttons"),
			A(Class("button primary"), Href(link("/rules/edit", "config", of)), g.Text(v.t("rules.new"))),
			A(Class("button"), Href(link("/rules", "suggest", "yes", "config", of)), g.Text(v.t("rules.suggest"))))))
	} else {
		p.body = append(p.body, Section(Class("card"), Aria("label", v.t("nav.rules")),
			Ol(Class("rules"), g.Map(numbers(len(c.Rules)), func(i int) g.Node { return s.ruleRow(v, c, of, i) })),
			P(Class("hint"), g.Text(v.t("rules.precedence")))))
	}
	if v.r.URL.Query().Get("suggest") != "" {
		suggested, err := s.suggestions(v, c, of)
		if err != nil {
			return err
		}
		p.body = append(p.body, suggested)
	} else if len(c.Rules) > 0 {
		p.body = append(p.body, P(A(Class("button"), Href(link("/rules", "suggest", "yes", "config", of)), g.Text(v.t("rules.suggest")))))
	}
	return s.show(v, status, p)
}

// refusedRules says why rules could not be changed.
func (v *view) refusedRules(wrong error) g.Node {
	text := v.wrong(wrong)
	if errors.Is(wrong, store.ErrConflict) {
		text = v.t("rules.changed")
	}
	return P(Class("problem"), Role("alert"), g.Text(text))
}

// ruleRow is a rule with what can be done with it.
func (s *web) ruleRow(v *view, c *archive.Config, of string, i int) g.Node {
	r := &c.Rules[i]
	turn, class := "rules.on", "off"
	if r.On {
		turn, class = "rules.off", ""
	}
	button := func(does, label, shown string) g.Node {
		if does == "up" && i == 0 || does == "down" && i == len(c.Rules)-1 {
			return Button(Type("button"), Class("icon"), Disabled(), Aria("label", label+": "+r.Name), g.Text(shown))
		}
		return s.form(v, "/rules", hidden("config", c.ID), hidden("version", strconv.FormatInt(c.Version, 10)), hidden("id", r.ID), hidden("do", does),
			Button(Type("submit"), g.If(len(shown) <= 3, Class("icon")), Aria("label", label+": "+r.Name), g.Text(shown)))
	}
	return Li(g.If(class != "", Class(class)),
		Div(Class("says"), A(Href(link("/rules/edit", "id", r.ID, "config", of)), B(g.Text(r.Name))), g.If(!r.On, g.Group{g.Text(" "), Span(Class("pill queued"),
			g.Text(v.t("rules.isoff")))}), Br(), Span(g.Text(v.ruleWhen(r))), Br(), Span(Class("then"), g.Text("→ "+v.ruleThen(r)))),
		Div(Class("buttons"), button("up", v.t("rules.up"), "↑"), button("down", v.t("rules.down"), "↓"), button("turn", v.t(turn), v.t(turn)),
			button("remove", v.t("rules.remove"), v.t("rules.remove"))))
}

// ruleWhen says in words which events a rule is about.
func (v *view) ruleWhen(r *rule.Rule) string {
	var parts []string
	for _, c := range r.All {
		values := make([]string, len(c.Any))
		for i, text := range c.Any {
			values[i] = v.t("rules.quoted", v.ruleValue(c.Field, text))
		}
		parts = append(parts, v.word("rulefield", string(c.Field))+" "+v.word("ruleop", string(c.Op))+" "+strings.Join(values, " "+v.t("rules.or")+" "))
	}
	return v.t("rules.when", strings.Join(parts, ", "+v.t("rules.and")+" "))
}

// ruleThen says in words what a rule does.
func (v *view) ruleThen(r *rule.Rule) string {
	var parts []string
	if r.Then.Category != "" {
		parts = append(parts, v.t("rules.then.category", r.Then.Category))
	}
	if r.Then.Privacy != "" {
		parts = append(parts, v.t("rules.then.privacy", v.word("privacy", string(r.Then.Privacy))))
	}
	if r.Then.Exclude {
		parts = append(parts, v.t("rules.then.exclude"))
	}
	if r.Then.Travel {
		parts = append(parts, v.t("rules.then.travel"))
	}
	return strings.Join(parts, ", ")
}

// ruleValue is a value of a condition as a person writes it.
func (v *view) ruleValue(f rule.Field, text string) string {
	switch f {
	case rule.Weekday:
		return v.weekdayNamed(text)
	case rule.AllDay:
		return v.word("rulebool", text)
	case rule.ShowAs:
		return v.word("shows", text)
	}
	return text
}

// ruleText is a value of a condition as rules have it.
func (v *view) ruleText(f rule.Field, text string) string {
	text = strings.TrimSpace(text)
	same := func(a string) bool { return calendar.Folded(a) == calendar.Folded(text) }
	switch f {
	case rule.Weekday:
		for d := time.Sunday; d <= time.Saturday; d++ {
			if same(v.weekday(d)) {
				return d.String()
			}
		}
	case rule.AllDay:
		for _, is := range []string{"true", "false"} {
			if same(v.t("rulebool." + is)) {
				return is
			}
		}
	case rule.ShowAs:
		for _, as := range []calendar.ShowAs{
			calendar.Free, calendar.Tentative, calendar.Busy, calendar.OutOfOffice, calendar.WorkingElsewhere, calendar.Unknown,
		} {
			if same(v.word("shows", string(as))) {
				return string(as)
			}
		}
	}
	return text
}

// suggestions are rules that follow from what the user did. None is applied by itself.
func (s *web) suggestions(v *view, c *archive.Config, of string) (g.Node, error) {
	zone := zoneOf(c.Timezone)
	today := calendar.DateOf(v.now, zone)
	w, err := calendar.NewWindow(today.AddDays(1-learnedDays), today, zone)
	if err != nil {
		return nil, err
	}
	all, err := s.Tryouts.Suggest(v.ctx, v.user, c, w)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return Section(Class("card"), Aria("labelledby", "suggested"), H2(ID("suggested"), g.Text(v.t("rules.suggested"))),
			P(Class("muted"), g.Text(v.t("rules.suggested.none", learnedDays)))), nil
	}
	return Section(Class("card"), Aria("labelledby", "suggested"), H2(ID("suggested"), g.Text(v.t("rules.suggested"))),
		Ol(Class("rules"), g.Map(all, func(it archive.RuleSuggestion) g.Node {
			to := url.Values{"name": {it.Rule.Name}, "then.category": {it.Rule.Then.Category}}
			for i, cond := range it.Rule.All {
				row(to, "all", i, "field", string(cond.Field), "op", string(cond.Op), "any", strings.Join(cond.Any, " | "))
			}
			if of != "" {
				to.Set("config", of)
			}
			why := v.t("rules.support", it.Support, it.Of)
			if it.Gets > 0 {
				why += " " + v.n("rules.gets", it.Gets)
			}
			return Li(Div(Class("says"), Span(g.Text(v.ruleWhen(&it.Rule))), Br(), Span(Class("then"), g.Text("→ "+v.ruleThen(&it.Rule))), Br(), Small(g.Text(why))),
				Div(Class("buttons"), A(Class("button"), Href("/rules/edit?"+to.Encode()), Aria("label", v.t("rules.look")+": "+it.Rule.Name), g.Text(v.t("rules.look")))))
		}))), nil
}

// changeRules moves a rule, turns it on or off, or removes it.
func (s *web) changeRules(v *view) error {
	f := v.r.PostForm
	err := s.withRules(v, func(rules []rule.Rule) ([]rule.Rule, error) {
		at := slices.IndexFunc(rules, func(r rule.Rule) bool { return r.ID == f.Get("id") })
		if at < 0 {
			return nil, store.ErrConflict
		}
		switch f.Get("do") {
		case "up":
			if at > 0 {
				rules[at-1], rules[at] = rules[at], rules[at-1]
			}
		case "down":
			if at+1 < len(rules) {
				rules[at+1], rules[at] = rules[at], rules[at+1]
			}
		case "turn":
			rules[at].On = !rules[at].On
		case "remove":
			rules = slices.Delete(rules, at, at+1)
		default:
			return nil, fault.Field("do", "must be up, down, turn or remove, not %.20q", f.Get("do"))
		}
		return rules, nil
	})
	if errors.Is(err, store.ErrConflict) {
		return s.showRules(v, http.StatusConflict, err)
	}
	if refusable(err) {
		return s.showRules(v, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	return v.redirect(s.rulesPage(v))
}

// rulesPage is the page of the rules that a form was about.
func (s *web) rulesPage(v *view) string {
	_, configs, err := s.choose(v)
	if err != nil || len(configs) < 2 {
		return "/rules"
	}
	return link("/rules", "config", v.r.PostForm.Get("config"))
}

// withRules changes the rules of the config that a form is about, if they are what its page showed: else the error is store.ErrConflict.
func (s *web) withRules(v *view, change func([]rule.Rule) ([]rule.Rule, error)) error {
	c, err := s.Configs.Get(v.ctx, v.user, v.r.PostForm.Get("config"))
	if err != nil {
		return err
	}
	if c.Version != v.seen() {
		return store.ErrConflict
	}
	if c.Rules, err = change(slices.Clone(c.Rules)); err != nil {
		return err
	}
	find := archive.NewFinder(func(ctx context.Context, uri calendar.URI) ([]calendar.Info, error) {
		return s.Calendars(ctx, v.user, uri)
	})
	_, err = s.Configs.Finding(find).Update(v.ctx, v.user, c)
	return err
}

// editRule shows a rule to be changed, or a new one, of which the address may say something.
func (s *web) editRule(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	if c == nil {
		return s.show(v, http.StatusOK, page{title: v.t("nav.rules"), at: "/rules", body: []g.Node{s.noConfig(v)}})
	}
	q := v.r.URL.Query()
	values := url.Values{"on": {"yes"}}
	if id := q.Get("id"); id != "" {
		at := slices.IndexFunc(c.Rules, func(r rule.Rule) bool { return r.ID == id })
		if at < 0 {
			return fault.New(fault.NotFound, "there is no rule %.64q", id)
		}
		values = v.ruleValues(&c.Rules[at])
	} else {
		for name := range q {
			values.Set(name, q.Get(name))
		}
	}
	return s.showRule(v, http.StatusOK, c, configs, values, nil, nil)
}

// ruleValues is a rule as the fields of its form have it.
func (v *view) ruleValues(r *rule.Rule) url.Values {
	f := url.Values{"id": {r.ID}, "name": {r.Name}, "then.category": {r.Then.Category}, "then.privacy": {string(r.Then.Privacy)}}
	for name, set := range map[string]bool{"on": r.On, "then.exclude": r.Then.Exclude, "then.travel": r.Then.Travel} {
		if set {
			f.Set(name, "yes")
		}
	}
	for i, c := range r.All {
		texts := make([]string, len(c.Any))
		for n, text := range c.Any {
			texts[n] = v.ruleValue(c.Field, text)
		}
		row(f, "all", i, "field", string(c.Field), "op", string(c.Op), "any", strings.Join(texts, " | "))
	}
	return f
}

// ruleOf reads a rule from a form. Rows without values are left out; values has the form without them.
func (v *view) ruleOf(f url.Values, others []rule.Rule) (d rule.Draft, values url.Values) {
	values = url.Values{}
	for _, name := range []string{"id", "name", "then.category", "then.privacy", "on", "then.exclude", "then.travel", "period"} {
		if text := strings.TrimSpace(f.Get(name)); text != "" {
			values.Set(name, text)
		}
	}
	d = rule.Draft{ID: values.Get("id"), Name: values.Get("name"), On: new(values.Has("on")), Then: &rule.Effect{
		Category: values.Get("then.category"), Privacy: calendar.Sensitivity(values.Get("then.privacy")), Exclude: values.Has("then.exclude"),
		Travel: values.Has("then.travel"),
	}}
	for i, r := range rows(f, "all", []string{"any"}, "field", "op", "any") {
		row(values, "all", i, "field", r["field"], "op", r["op"], "any", r["any"])
		c := rule.DraftCondition{Field: rule.Field(r["field"]), Op: rule.Op(r["op"])}
		texts := []string{r["any"]}
		if c.Op != rule.Regex { // one expression, whatever is in it
			texts = strings.Split(r["any"], "|")
		}
		for _, text := range texts {
			if text = v.ruleText(c.Field, text); text != "" {
				c.Any = append(c.Any, rule.Value(text))
			}
		}
		d.All = append(d.All, c)
	}
	if d.ID == "" {
		d.ID = ruleID(d.Name, others)
	}
	return d, values
}

// ruleID makes an id of a name that no other rule has.
func ruleID(name string, others []rule.Rule) string {
	var b strings.Builder
	for _, r := range calendar.Folded(name) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	base := cmp.Or(strings.Trim(b.String(), "-"), "rule")
	id := base
	for n := 2; slices.ContainsFunc(others, func(r rule.Rule) bool { return strings.EqualFold(r.ID, id) }); n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	return id
}

// put is a list of rules with a draft in its place: that of its id, else the last one. at is where it is.
func put(rules []rule.Rule, d rule.Draft) (drafts []rule.Draft, at int) {
	drafts = rule.Drafts(rules)
	if at = slices.IndexFunc(rules, func(r rule.Rule) bool { return r.ID == d.ID }); at >= 0 {
		drafts[at] = d
		return drafts, at
	}
	return append(drafts, d), len(rules)
}

// ofRule has the problems of a list of rules be about the fields of the form of one of them.
func ofRule(err error, at int) error {
	several, ok := err.(rule.Problems)
	if !ok {
		return err
	}
	mine := rule.Problems{}
	for _, e := range several {
		field := fault.FieldOf(e)
		text := strings.TrimPrefix(e.Error(), field+" ")
		if rest, ok := strings.CutPrefix(field, fmt.Sprintf("rules[%d].", at)); ok {
			if row, _, value := strings.Cut(rest, ".any["); value {
				rest = row + ".any"
			}
			if rest == "all" { // which has no field of its own
				rest = "all[0].any"
			}
			if rest == "then" {
				rest = "then.category"
			}
			mine = append(mine, fault.Field(rest, "%s", text))
			continue
		}
		mine = append(mine, fault.New(fault.Invalid, "%s", e.Error()))
	}
	return mine
}

// showRule shows the form of a rule, and below it what it would do, if that was tried; wrong is what is wrong with it.
func (s *web) showRule(v *view, status int, c *archive.Config, configs []archive.Config, values url.Values, wrong error, tried g.Node) error {
	book, err := s.Customers.Book(v.ctx, v.user)
	if err != nil {
		return err
	}
	title := v.t("rules.new")
	if values.Get("id") != "" {
		title = cmp.Or(values.Get("name"), values.Get("id"))
	}
	p := page{title: title, at: "/rules", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href(link("/rules", "config", ofConfig(c, configs))), g.Attr("data-key", "Escape"), g.Text(v.t("nav.rules"))),
	}}
	changed := errors.Is(wrong, store.ErrConflict)
	if changed {
		p.body = append(p.body, v.refusedRules(wrong))
		wrong = nil
	}
	f := filling(v, values, wrong)
	var categories []string
	for _, one := range book.All() {
		categories = append(categories, one.Name+" - billable", one.Name+" - non-billable")
	}
	check := func(name, label string) g.Node {
		f.said[name] = true
		return Div(Class("field check"), Input(ID(fieldID(name)), Type("checkbox"), Name(name), Value("yes"), g.If(values.Has(name), Checked())),
			Label(For(fieldID(name)), g.Text(label)))
	}
	privacy := [][2]string{{"", v.t("rules.privacy.none")}}
	for _, level := range []calendar.Sensitivity{calendar.Personal, calendar.Private, calendar.Confidential} {
		privacy = append(privacy, [2]string{string(level), v.word("privacy", string(level))})
	}
	fields := g.Group{
		Section(Class("card"),
			f.field("name", v.t("rules.name"), "", f.text("name", "text", Required(), g.Attr("maxlength", "100"), AutoComplete("off"))),
			f.conditions(),
			P(Class("label"), g.Text(v.t("rules.then"))),
			Div(Class("pair"),
				f.field("then.category", v.t("rules.category"), v.t("rules.category.hint"), f.text("then.category", "text", g.Attr("list", "categories"),
					Placeholder("Acme - billable"), AutoComplete("off"))),
				f.field("then.privacy", v.t("rules.privacy"), "", f.choice("then.privacy", privacy...))),
			DataList(ID("categories"), g.Map(categories, func(name string) g.Node { return Option(Value(name)) })),
			check("then.exclude", v.t("rules.exclude")), check("then.travel", v.t("rules.travel")), check("on", v.t("rules.ison")),
		),
		Div(Class("card tryform"),
			Div(Class("buttons"),
				// Only what is saved takes effect once: trying may be done as often as one likes, also from a page that one went back to.
				Button(Type("submit"), Class("primary"), g.Attr("formaction", "/rules/edit"), Name("idempotency_key"), Value(s.NewID()), g.Text(v.t("settings.save"))),
				Button(Type("submit"), g.Text(v.t("rules.trythis"))),
				Label(Class("vh"), For("period"), g.Text(v.t("rules.period"))), v.periods(values.Get("period")))),
	}
	p.body = append(p.body, f.rest(), Form(Method("post"), Action("/rules/try"), Class("stacked"), s.token(v), hidden("config", c.ID),
		hidden("version", strconv.FormatInt(c.Version, 10)), hidden("id", values.Get("id")), fields), tried)
	return s.show(v, status, p)
}

// conditions are the rows of conditions, and one more.
func (f *filled) conditions() g.Node {
	n := 0
	for f.values.Has(fmt.Sprintf("all[%d].any", n)) {
		n++
	}
	var fields, ops [][2]string
	for _, field := range rule.Fields() {
		fields = append(fields, [2]string{string(field), f.word("rulefield", string(field))})
	}
	for _, op := range rule.Ops() {
		ops = append(ops, [2]string{string(op), f.word("ruleop", string(op))})
	}
	return Div(Class("field"), P(Class("label"), g.Text(f.t("rules.all"))), scroll(f.t("rules.all"), Table(Class("inputs"),
		heads(f.view, "rules.field", "", "rules.op", "", "rules.any", ""),
		TBody(g.Map(numbers(n+1), func(i int) g.Node {
			at, nth := fmt.Sprintf("all[%d].", i), fmt.Sprintf(" %d", i+1)
			return Tr(f.cell(at+"field", f.t("rules.field")+nth, f.choice(at+"field", fields...)), f.cell(at+"op", f.t("rules.op")+nth, f.choice(at+"op", ops...)),
				f.cell(at+"any", f.t("rules.any")+nth, f.text(at+"any", "text", AutoComplete("off"))))
		})))),
		P(Class("hint"), g.Text(f.t("rules.any.hint"))))
}

// saveRule puts a rule into the place of the one that it was, or adds it.
func (s *web) saveRule(v *view) error {
	var values url.Values
	err := s.withRules(v, func(rules []rule.Rule) ([]rule.Rule, error) {
		var d rule.Draft
		d, values = v.ruleOf(v.r.PostForm, rules)
		drafts, at := put(rules, d)
		checked, err := rule.Check(drafts)
		return checked, ofRule(err, at)
	})
	if refusable(err) || errors.Is(err, store.ErrConflict) || errors.As(err, new(rule.Problems)) {
		c, configs, missing := s.choose(v)
		if missing != nil {
			return missing
		}
		if values == nil {
			_, values = v.ruleOf(v.r.PostForm, c.Rules)
		}
		status := http.StatusUnprocessableEntity
		if errors.Is(err, store.ErrConflict) {
			status = http.StatusConflict
		}
		return s.showRule(v, status, c, configs, values, err, nil)
	}
	if err != nil {
		return err
	}
	return v.redirect(s.rulesPage(v))
}
