package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/rule"
)

const (
	// shownChanges is how many changed events a page names.
	shownChanges = 100
	// usualTrial is the period on which rules are tried if no other is chosen.
	usualTrial = "last 90 days"
)

// trials are the periods that are offered.
var trials = []string{"this month", "last month", "last 90 days", "last 365 days"}

// periods chooses the days on which rules are tried.
func (v *view) periods(chosen string) g.Node {
	all := trials
	if chosen != "" && !slices.Contains(trials, chosen) {
		all = append([]string{chosen}, trials...)
	}
	return Select(ID("period"), Name("period"), g.Map(all, func(period string) g.Node {
		return Option(Value(period), g.If(period == cmp.Or(chosen, usualTrial), Selected()), g.Text(v.word("trial", strings.ReplaceAll(period, " ", "_"))))
	}))
}

// trial reads the days on which rules are tried.
func (v *view) trial(c *archive.Config, period string) (calendar.Window, error) {
	return archive.ReadWindow(cmp.Or(period, usualTrial), "", "", zoneOf(c.Timezone), v.now, v.Weekday())
}

// tryRules shows what the rules of a config do: they are compared with none.
func (s *web) tryRules(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	p := page{title: v.t("tryout.title"), at: "/rules"}
	if c == nil {
		p.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, p)
	}
	period := v.r.URL.Query().Get("period")
	w, err := v.trial(c, period)
	if err != nil {
		return err
	}
	tried, err := s.Tryouts.Try(v.ctx, v.user, c, nil, c.Rules, w)
	if err != nil {
		return err
	}
	book, err := s.Customers.Book(v.ctx, v.user)
	if err != nil {
		return err
	}
	p.bar = []g.Node{Span(Class("grow")), Form(Class("choose"), Method("get"), Action("/rules/try"), g.If(len(configs) > 1, hidden("config", c.ID)),
		Label(Class("vh"), For("period"), g.Text(v.t("rules.period"))), v.periods(period), Button(Type("submit"), g.Text(v.t("calendar.show")))),
		A(Class("button"), Href(link("/rules", "config", ofConfig(c, configs))), g.Attr("data-key", "Escape"), g.Text(v.t("nav.rules")))}
	p.body = append(p.body, P(Class("fresh muted"), g.Text(v.t("tryout.none", v.days(w.From, w.To)))), v.tryout(tried, w, book))
	return s.show(v, http.StatusOK, p)
}

// tryRule shows what a rule would do that is not saved: the rules with it are compared with those that are saved.
func (s *web) tryRule(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	if c == nil {
		return v.redirect("/rules")
	}
	d, values := v.ruleOf(v.r.PostForm, c.Rules)
	drafts, at := put(c.Rules, d)
	after, err := rule.Check(drafts)
	if err != nil {
		return s.showRule(v, http.StatusUnprocessableEntity, c, configs, values, ofRule(err, at), nil)
	}
	w, err := v.trial(c, values.Get("period"))
	if err != nil {
		return s.showRule(v, http.StatusUnprocessableEntity, c, configs, values, err, nil)
	}
	tried, err := s.Tryouts.Try(v.ctx, v.user, c, c.Rules, after, w)
	if err != nil {
		return err
	}
	book, err := s.Customers.Book(v.ctx, v.user)
	if err != nil {
		return err
	}
	return s.showRule(v, http.StatusOK, c, configs, values, nil, Section(ID("tried"), Class("stacked"), Aria("label", v.t("tryout.title")), Role("status"),
		P(Class("muted"), g.Text(v.t("tryout.saved", v.days(w.From, w.To)))), v.tryout(tried, w, book)))
}

// tryout is what becomes otherwise: hours and buckets before and after, the events that change, and what each rule did.
func (v *view) tryout(t *archive.Tryout, w calendar.Window, book *customer.Book) g.Node {
	if t.Before.Fetched == 0 && t.After.Fetched == 0 {
		return empty(v.t("tryout.nothing"), v.t("tryout.nothing.text"), P(A(Class("button"), Href("/runs"), g.Text(v.t("nav.runs")))))
	}
	return Div(Class("review"), Div(Class("stacked"), v.triedHours(named(t.Minutes, book)), v.triedEvents(t, w)),
		Div(Class("stacked"), v.triedBuckets(t), v.triedRules(t)))
}

// named adds up what is of one customer under several names, in the order of the first ones.
func named(all []archive.RuledMinutes, book *customer.Book) (sums []archive.RuledMinutes) {
	for _, m := range all {
		m.Customer = book.Named(m.Customer)
		at := slices.IndexFunc(sums, func(o archive.RuledMinutes) bool {
			return calendar.Folded(o.Customer) == calendar.Folded(m.Customer) && o.BillingType == m.BillingType
		})
		if at < 0 {
			sums = append(sums, m)
			continue
		}
		sums[at].Before, sums[at].After = sums[at].Before+m.Before, sums[at].After+m.After
	}
	return sums
}

// triedHours are the hours of each customer before and after, as bars and as numbers.
func (v *view) triedHours(all []archive.RuledMinutes) g.Node {
	longest := 1.0
	for _, m := range all {
		longest = max(longest, m.Before, m.After)
	}
	bar := func(m *archive.RuledMinutes) g.Node {
		const width = 1000
		return SVG(Class("pair-bar"), g.Attr("viewBox", fmt.Sprintf("0 0 %d 24", width)), g.Attr("preserveAspectRatio", "none"), Aria("hidden", "true"),
			rect("b-before", 0, 2, int(m.Before*width/longest), 9), rect("b-billable", 0, 13, int(m.After*width/longest), 9))
	}
	if len(all) == 0 {
		return nil
	}
	minutes := func(of float64) time.Duration { return time.Duration(of * float64(time.Minute)) }
	return Section(Class("card"), Aria("labelledby", "tried-hours"), H2(ID("tried-hours"), g.Text(v.t("effect.title"))),
		scroll(v.t("effect.title"), Table(Class("tally"),
			heads(v, "hours.customer", "", "nav.hours", "desk", "effect.before", "n", "effect.after", "n", "effect.change", "n"),
			TBody(g.Map(numbers(len(all)), func(i int) g.Node {
				m := &all[i]
				name, class := cmp.Or(m.Customer, v.t("hours.none")), "n"
				if m.BillingType == calendar.NonBillable {
					name += ", " + v.word("billing", string(m.BillingType))
				}
				if m.Before != m.After {
					class = "n differs"
				}
				return Tr(Th(Scope("row"), g.Text(name), Span(Class("phone"), bar(m))), Td(Class("bars desk"), bar(m)), Td(Class("n"), amount(minutes(m.Before))),
					Td(Class("n"), amount(minutes(m.After))), Td(Class(class), changed(minutes(m.After-m.Before))))
			})))),
		Ul(Class("legend"), Li(sample("b-before"), g.Text(v.t("effect.before"))), Li(sample("b-billable"), g.Text(v.t("effect.after")))))
}

// changed is by how much something changes; not at all is a dash.
func changed(d time.Duration) g.Node {
	if d == 0 {
		return amount(0)
	}
	return g.Text(change(d))
}

// triedBuckets are how many events are in which bucket before and after.
func (v *view) triedBuckets(t *archive.Tryout) g.Node {
	stack := func(c archive.Counts) g.Node {
		if c.Fetched == 0 {
			return nil
		}
		return Div(Class("stack"), Aria("hidden", "true"), g.Map(archive.Outcomes, func(o archive.Outcome) g.Node {
			if n := *c.Of(o); n > 0 {
				return Span(Class(fmt.Sprintf("o-%s p%d", o, max(1, min(100, n*100/c.Fetched)))))
			}
			return nil
		}))
	}
	return Section(Class("card"), Aria("labelledby", "buckets"), H2(ID("buckets"), g.Text(v.t("run.events"))),
		Small(g.Text(v.t("effect.before"))), stack(t.Before), Small(g.Text(v.t("effect.after"))), stack(t.After),
		Table(Class("buckets"), heads(v, "run.bucket", "", "effect.before", "n", "effect.after", "n"), TBody(g.Map(archive.Outcomes, func(o archive.Outcome) g.Node {
			before, after := *t.Before.Of(o), *t.After.Of(o)
			if before == 0 && after == 0 {
				return nil
			}
			class := "n"
			if before != after {
				class = "n differs"
			}
			return Tr(Th(Scope("row"), Span(Class("swatch o-"+string(o)), Aria("hidden", "true")), g.Text(v.word("outcome", string(o)))),
				Td(Class("n"), g.Text(strconv.Itoa(before))), Td(Class(class), g.Text(strconv.Itoa(after))))
		}))))
}

// becomes says what an event becomes: its outcome, and for whom it is.
func (v *view) becomes(it *archive.Item) string {
	text := v.word("outcome", string(it.Outcome))
	if who := it.Appointment.Customer; who != "" && (it.Outcome == archive.Archived || it.Outcome == archive.Created) {
		text = who + ", " + v.word("billing", string(it.Appointment.BillingType))
	}
	if it.Appointment.Travel {
		text += ", " + v.t("calendar.travel")
	}
	if level := it.Appointment.Sensitivity; level != "" && level != calendar.Normal {
		text += ", " + v.word("privacy", string(level))
	}
	return text
}

// triedEvents are the events of which something else becomes.
func (v *view) triedEvents(t *archive.Tryout, w calendar.Window) g.Node {
	names := map[string]string{}
	for _, r := range t.Rules {
		names[r.Rule.ID] = r.Rule.Name
	}
	n := len(t.Changed)
	if n == 0 {
		return Section(Class("card"), H2(g.Text(v.t("tryout.changed"))), P(Class("muted"), g.Text(v.t("tryout.same"))))
	}
	return Section(Class("card"), Aria("labelledby", "changed"), H2(ID("changed"), g.Text(v.t("tryout.changed")), g.Text(" "),
		Span(Class("count"), g.Text(strconv.Itoa(n)))),
		scroll(v.t("tryout.changed"), Table(heads(v, "item.when", "desk", "item.subject", "", "tryout.becomes", "", "tryout.by", "desk"),
			TBody(g.Map(t.Changed[:min(n, shownChanges)], func(c archive.RuledItem) g.Node {
				by := make([]string, len(c.Rules))
				for i, id := range c.Rules {
					by[i] = cmp.Or(names[id], id)
				}
				when := v.times(&c.After.Appointment, w.Zone)
				return Tr(Td(Class("when desk"), g.Text(when)),
					Td(Small(Class("phone"), g.Text(when)), g.Text(cmp.Or(c.After.Appointment.Subject, v.t("calendar.untitled")))),
					Td(g.El("del", g.Text(v.becomes(c.Before))), g.Text(" → "), g.El("ins", g.Text(v.becomes(c.After)))),
					Td(Class("desk"), g.Text(cmp.Or(strings.Join(by, ", "), v.t("tryout.follows")))))
			})))),
		g.If(n > shownChanges, P(Class("muted"), g.Text(v.t("undo.more", n-shownChanges)))))
}

// triedRules says of each rule what it did.
func (v *view) triedRules(t *archive.Tryout) g.Node {
	if len(t.Rules) == 0 {
		return nil
	}
	names := map[string]string{}
	for _, r := range t.Rules {
		names[r.Rule.ID] = r.Rule.Name
	}
	return Section(Class("card"), Aria("labelledby", "hits"), H2(ID("hits"), g.Text(v.t("tryout.rules"))),
		Table(heads(v, "rules.name", "", "tryout.matched", "n", "tryout.acted", "n"), TBody(g.Map(t.Rules, func(r archive.TriedRule) g.Node {
			says := ""
			if r.State != archive.RuleActs {
				says = v.word("rulestate", string(r.State))
			}
			if r.State == archive.RuleShadowed && len(r.By) > 0 {
				says += ": " + cmp.Or(names[r.By[0]], r.By[0])
			}
			return Tr(Th(Scope("row"), g.Text(r.Rule.Name), g.If(says != "", g.Group{Br(), Small(g.Text(says))})), Td(Class("n"), g.Text(strconv.Itoa(r.Matched))),
				Td(Class("n"), g.Text(strconv.Itoa(r.Acted))))
		}))))
}
