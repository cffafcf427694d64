package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// sumsOf is what a result comes to, in a few words.
func (v *view) sumsOf(result run.Result) string {
	switch it := result.(type) {
	case *backup.Result:
		return v.t("sums.backup", v.number(it.Counts.Events), v.size(it.Bytes))
	case *restore.Result:
		return v.t("sums.archive", it.Counts.Read, it.Written)
	case *restore.DrillResult:
		return v.t("sums.drill", it.Compared, it.Differing)
	case *archive.VerifyResult:
		return v.t("sums.drill", it.View.Compared, it.View.Differs())
	case *archive.RepairResult:
		return v.t("sums.repair", repaired(it), it.Left)
	case *undo.Result:
		return v.t("sums.undo", it.Counts.Undone, it.Counts.Skipped)
	}
	return result.Sums()
}

// repaired is how many findings a repair has dealt with.
func repaired(it *archive.RepairResult) int {
	return it.Recreated + it.PutBack + it.Removed + it.Adopted + it.Withdrawn + it.Created
}

// report is what a run reports that has ended, of the kinds of which more is to be said than their sums; nil: of others.
func (s *web) report(v *view, r *run.Run, result run.Result) []g.Node {
	switch it := result.(type) {
	case *backup.Result:
		return []g.Node{P(g.Text(v.t("result.backup", v.number(it.Counts.Events), v.size(it.Bytes)))),
			g.If(it.LeftOut > 0, P(g.Text(v.n("backups.leftout", it.LeftOut)))),
			g.If(len(it.Unread) > 0, P(Class("problem"), g.Text(v.n("backups.unread", len(it.Unread))))),
			g.If(it.OwnClocks > 0, P(Class("problem"), g.Text(v.n("backups.clocks", it.OwnClocks))))}
	case *restore.Result:
		return s.restoreReport(v, r, it)
	case *restore.DrillResult:
		return drillReport(v, it)
	case *archive.VerifyResult:
		return verifyReport(v, it)
	case *archive.RepairResult:
		return repairReport(v, r, it)
	}
	return nil
}

// bucket is how many things have an outcome.
type bucket struct {
	name  string
	count int
}

// buckets are a table of what became of things, with their sum, each with a way to those alone.
func (v *view) buckets(r *run.Run, caption, sum string, total int, all []bucket) g.Node {
	all = slices.DeleteFunc(slices.Clone(all), func(b bucket) bool { return b.count == 0 })
	return Table(Class("buckets"), Caption(Class("vh"), g.Text(caption)),
		THead(Tr(Th(Scope("col"), g.Text(v.t("run.bucket"))), Th(Scope("col"), Class("n"), g.Text(v.t("run.events"))), Th(Scope("col"), g.Text(v.t("run.means"))))),
		TBody(g.Map(all, func(b bucket) g.Node {
			means := ""
			if has("means." + b.name) {
				means = v.t("means." + b.name)
			}
			return Tr(Th(Scope("row"), Span(Class("swatch o-"+b.name), Aria("hidden", "true")),
				A(Href(link("/runs/"+r.ID, "outcome", b.name)+"#items"), g.Text(v.word("outcome", b.name)))),
				Td(Class("n"), g.Text(v.number(b.count))), Td(Class("muted"), g.Text(means)))
		})),
		g.If(sum != "", TFoot(Tr(Th(Scope("row"), g.Text(sum)), Td(Class("n"), g.Text(v.number(total))), Td()))),
	)
}

func (s *web) restoreReport(v *view, r *run.Run, it *restore.Result) []g.Node {
	c := &it.Counts
	said := v.t("result.restored", v.number(it.Written))
	if r.Options.DryRun {
		said = v.t("result.preview")
	}
	return []g.Node{
		P(Strong(g.Text(said))),
		g.If(it.CreatedCalendar, P(g.Text(v.t("result.calendar", r.Calendar)))),
		g.If(it.UnderWay != "", P(Class("problem"), g.Text(v.t("result.underway")+" "), A(Href("/runs/"+it.UnderWay), g.Text(v.t("review.run"))))),
		v.buckets(r, v.t("run.buckets"), v.t("run.sum"), c.Read, []bucket{
			{string(restore.Created), c.Created}, {string(restore.Replaced), c.Replaced}, {string(restore.Skipped), c.Skipped},
			{string(restore.Refused), c.Refused}, {string(restore.Failed), c.Failed}, {string(restore.SetAside), c.SetAside},
			{string(restore.Outside), c.OutsidePeriod},
		}),
	}
}

func drillReport(v *view, it *restore.DrillResult) []g.Node {
	if it.Backup == "" {
		return nil
	}
	nodes := []g.Node{P(A(Href("/backups/"+it.Backup), g.Text(v.t("result.drilled"))), g.Text(" "+v.t("result.compared", v.number(it.Compared))))}
	if it.Differing == 0 {
		return append(nodes, P(Class("done"), g.Text(v.t("result.alike"))))
	}
	return append(nodes, P(Class("problem"), g.Text(v.n("result.differ", it.Differing))),
		Ul(g.Map(it.Differences, func(d restore.Difference) g.Node {
			return Li(Code(g.Text(d.EventID)), g.Text(": "+strings.Join(d.Fields, ", ")))
		})))
}

func verifyReport(v *view, it *archive.VerifyResult) []g.Node {
	var nodes []g.Node
	if !it.Chain.OK {
		nodes = append(nodes, P(Class("problem"), Role("alert"), g.Text(v.t("result.damaged"))))
		if it.Chain.First != nil {
			nodes = append(nodes, P(g.Text(v.failure(it.Chain.First.Problem))))
		}
		return nodes
	}
	nodes = append(nodes, P(g.Text(v.t("result.chain", v.number(it.Chain.Links), v.number(it.Chain.Entries)))))
	if it.Bookkeeping.Problems > 0 {
		nodes = append(nodes, P(Class("problem"), g.Text(v.n("result.books", it.Bookkeeping.Problems))),
			Ul(g.Map(it.Bookkeeping.Wrong, func(text string) g.Node { return Li(g.Text(v.failure(text))) })))
	}
	view := &it.View
	if view.Differs() == 0 {
		return append(nodes, P(Class("done"), g.Text(v.t("result.same", v.number(view.Compared)))))
	}
	nodes = append(nodes, P(g.Text(v.t("result.compared", v.number(view.Compared)))), findingCounts(v, view),
		g.If(view.Retention(), P(g.Text(v.t("result.retention")))),
		g.If(it.NotListed > 0, P(g.Text(v.n("result.unlisted", it.NotListed)))))
	return nodes
}

// findingCounts is how many findings there are of each kind.
func findingCounts(v *view, c *archive.CopyCounts) g.Node {
	var all []bucket
	for _, b := range []bucket{
		{string(archive.Missing), c.Missing}, {string(archive.Altered), c.Altered}, {string(archive.DuplicateCopy), c.DuplicateCopies},
		{string(archive.OrphanCopy), c.OrphanCopies}, {string(archive.Foreign), c.Foreign}, {string(archive.Unsettled), c.Unsettled},
	} {
		if b.count > 0 {
			all = append(all, b)
		}
	}
	return g.Group{
		g.If(c.CalendarMissing, P(Class("problem"), g.Text(v.t("finding.calendar_missing")))),
		Table(Class("buckets"), THead(Tr(Th(Scope("col"), g.Text(v.t("finding.kind"))), Th(Scope("col"), Class("n"), g.Text(v.t("run.events"))),
			Th(Scope("col"), g.Text(v.t("run.means"))))),
			TBody(g.Map(all, func(b bucket) g.Node {
				return Tr(Th(Scope("row"), Span(Class("swatch o-"+b.name), Aria("hidden", "true")), g.Text(v.word("outcome", b.name))),
					Td(Class("n"), g.Text(v.number(b.count))), Td(Class("muted"), g.Text(v.word("finding", b.name))))
			}))),
	}
}

func repairReport(v *view, r *run.Run, it *archive.RepairResult) []g.Node {
	if it.LedgerDamaged {
		return []g.Node{P(Class("problem"), Role("alert"), g.Text(v.t("result.damaged")))}
	}
	said := v.n("result.repaired", repaired(it))
	if r.Options.DryRun {
		said = v.t("result.preview")
	}
	var rows []bucket
	for _, b := range []bucket{
		{string(archive.Recreated), it.Recreated}, {string(archive.PutBack), it.PutBack}, {string(archive.Removed), it.Removed},
		{string(archive.Adopted), it.Adopted}, {string(archive.TakenOut), it.Withdrawn}, {string(archive.TakenIn), it.Created},
		{"failed", it.Failed}, {string(archive.Left), it.Left},
	} {
		if b.count > 0 {
			rows = append(rows, b)
		}
	}
	return []g.Node{P(Strong(g.Text(said))), Table(Class("buckets"), Caption(Class("vh"), g.Text(v.t("finding.done"))),
		THead(Tr(Th(Scope("col"), g.Text(v.t("finding.done"))), Th(Scope("col"), Class("n"), g.Text(v.t("run.events"))))),
		TBody(g.Map(rows, func(b bucket) g.Node {
			return Tr(Th(Scope("row"), g.Text(v.word("done", b.name))), Td(Class("n"), g.Text(v.number(b.count))))
		})))}
}

// findings are what a verification found, each with what can be done about it, and all of them together.
func (s *web) findings(v *view, r *run.Run, zone *time.Location, wrong error) (g.Node, error) {
	f := v.r.PostForm
	var rows []g.Node
	more := 0
	for page := range r.Pages {
		items, err := s.Runs.Items(v.ctx, r, page)
		if err != nil {
			return nil, err
		}
		for i := range items {
			var it archive.Finding
			if err := json.Unmarshal(items[i].Plan, &it); err != nil {
				return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", items[i].Key, err)
			}
			if len(rows) == itemsOnPage {
				more++
				continue
			}
			rows = append(rows, findingRow(v, &it, f.Get("answer."+it.ID), zone))
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	modes := [][2]string{}
	for _, mode := range []archive.RepairMode{archive.LeaveFindings, archive.RepairFindings, archive.AdoptFindings} {
		modes = append(modes, [2]string{string(mode), v.t("repair.all." + string(mode))})
	}
	return Section(Class("card"), Aria("labelledby", "items"), H2(ID("items"), g.Text(v.t("finding.title"))),
		v.wrongBeside(wrong, "mode"),
		s.form(v, "/runs/"+r.ID+"/repair",
			Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("labelledby", "items"), Table(Class("findings"),
				THead(Tr(g.Map([]string{"item.when", "item.subject", "finding.kind", "finding.answer"}, func(name string) g.Node {
					return Th(Scope("col"), g.Text(v.t(name)))
				}))),
				TBody(g.Group(rows)))),
			g.If(more > 0, P(Class("muted"), g.Text(v.t("undo.more", more)))),
			labelled("mode", v.t("repair.rest"), v.t("repair.rest.hint"), v.wrongIn(wrong, "mode"), selectInput(f.Get("mode"), modes)),
			Div(Class("field check"), Input(ID("missing"), Type("checkbox"), Name("missing"), g.If(f.Has("missing"), Checked())),
				Label(For("missing"), g.Text(v.t("repair.missing")))),
			Div(Class("field check"), Input(ID("overlap"), Type("checkbox"), Name("overlap"), g.If(f.Has("overlap"), Checked())),
				Label(For("overlap"), g.Text(v.t("repair.overlap")))),
			Div(Class("buttons"), Button(Type("submit"), Class("primary"), Name("do"), Value("try"), g.Text(v.t("setup.go"))),
				Button(Type("submit"), Name("do"), Value("run"), g.Text(v.t("repair.go")))),
		),
		P(Class("hint"), g.Text(v.t("repair.safe"))),
	), nil
}

func findingRow(v *view, it *archive.Finding, chosen string, zone *time.Location) g.Node {
	subject := it.Appointment.Subject
	if subject == "" {
		subject = v.t("calendar.untitled")
	}
	answers := [][2]string{{"", v.t("repair.asrest")}}
	for _, mode := range it.Outcome.Answers() {
		does := v.word("repair.repair", string(it.Outcome))
		if mode == archive.AdoptFindings {
			does = v.word("repair.adopt", string(it.Outcome))
		}
		answers = append(answers, [2]string{string(mode), does})
	}
	answers = append(answers, [2]string{string(archive.LeaveFindings), v.t("repair.leave")})
	var differences []g.Node
	for _, d := range it.Differences {
		differences = append(differences, Div(g.Text(v.word("field", d.Field)+": "), Del(g.Text(v.instant(d.Ledger, zone))), g.Text(" → "),
			Ins(g.Text(v.instant(d.Calendar, zone)))))
	}
	id := "answer-" + it.ID
	return Tr(
		Td(Class("when"), g.Text(v.times(&it.Appointment, zone))), Td(g.Text(subject), g.If(len(differences) > 0, Div(Class("why"), g.Group(differences)))),
		Td(Class("told"), Span(Class("swatch o-"+string(it.Outcome)), Aria("hidden", "true")), g.Text(v.word("outcome", string(it.Outcome)))),
		Td(g.If(len(answers) > 2, g.Group{Label(Class("vh"), For(id), g.Text(v.t("finding.answer")+": "+subject)),
			selectInput(chosen, answers)(ID(id), Name("answer."+it.ID))})),
	)
}

// instant is a value of a field; one that is an instant is a time of the zone.
func (v *view) instant(text string, zone *time.Location) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return v.shortDay(calendar.DateOf(t, zone)) + ", " + clock(t, zone)
	}
	if text == "" {
		return "–"
	}
	return text
}

// repairRun brings archive calendar and ledger together as a form says of the findings of a verification; or does what a repair has shown that was tried out.
func (s *web) repairRun(v *view) error {
	r, err := s.Runs.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Config == "" || r.Kind != run.Verify && r.Kind != run.Repair {
		return fault.New(fault.NotFound, "run %s has found nothing that could be repaired", r.ID)
	}
	c, err := s.Configs.Get(v.ctx, v.user, r.Config)
	if err == nil {
		err = s.Reach(v.ctx, v.user, &c)
	}
	if err == nil {
		err = c.MayRun()
	}
	if err != nil {
		return err
	}
	all := archive.CopyAnswers{Config: c, From: r.From, To: r.To, DryRun: v.r.PostForm.Get("do") != "run"}
	if r.Kind == run.Repair {
		if err := json.Unmarshal(r.Input, &all.RepairInput); err != nil {
			return fault.New(fault.Malformed, "the input of run %s is unreadable: %v", r.ID, err)
		}
		all.RepairInput = archive.RepairInput{
			Mode: all.Mode, Only: all.Only, Missing: all.Missing, AllowOverlap: all.AllowOverlap, Answers: all.Answers,
		}
	} else if all.RepairInput, err = repairAsked(v); err != nil {
		return s.showRunWith(v, http.StatusUnprocessableEntity, r, err)
	}
	repair, err := s.Deciding.Repair(v.ctx, v.user, all)
	if mistaken(err) && r.Kind == run.Verify {
		return s.showRunWith(v, http.StatusUnprocessableEntity, r, err)
	}
	return s.launch(v, repair, err)
}

// repairAsked is what a form says of findings. Errors are of kind fault.Invalid and name the field mode.
func repairAsked(v *view) (archive.RepairInput, error) {
	f := v.r.PostForm
	in := archive.RepairInput{Mode: archive.RepairMode(f.Get("mode")), AllowOverlap: f.Has("overlap")}
	in.Missing = f.Has("missing") && in.Mode == archive.AdoptFindings
	in.Answers = map[string]archive.RepairMode{}
	for name, values := range f {
		if id, ok := strings.CutPrefix(name, "answer."); ok && values[0] != "" {
			in.Answers[id] = archive.RepairMode(values[0])
		}
	}
	if !slices.Contains([]archive.RepairMode{archive.LeaveFindings, archive.RepairFindings, archive.AdoptFindings}, in.Mode) ||
		in.Mode == archive.LeaveFindings && len(in.Answers) == 0 {
		return in, wrongly("mode", v.t("repair.nothing"))
	}
	return in, nil
}
