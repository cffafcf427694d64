package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// backupsToRestore is how many backups are offered first.
const backupsToRestore = 10

func (s *web) restore(v *view) error { return s.showRestore(v, http.StatusOK, nil) }

// toRestore is what a request or a form names to be restored.
type toRestore struct{ backup, upload string }

func (v *view) toRestore() toRestore {
	q := v.r.URL.Query()
	if v.r.PostForm != nil {
		q = v.r.PostForm
	}
	return toRestore{q.Get("backup"), q.Get("upload")}
}

// showRestore asks first what is to be restored, and then where to; wrong is what is wrong with the answer.
func (s *web) showRestore(v *view, status int, wrong error) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	p := page{title: v.t("restore.title"), at: "/backups", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href("/backups"), g.Attr("data-key", "Escape"), g.Text(v.t("nav.backups"))),
	}}
	what := v.toRestore()
	if what == (toRestore{}) {
		from, err := s.restoreFrom(v, wrong)
		if err != nil {
			return err
		}
		p.body = append(p.body, from)
		return s.show(v, status, p)
	}
	into, err := s.restoreInto(v, what, wrong)
	if err != nil {
		return err
	}
	p.body = append(p.body, into)
	return s.show(v, status, p)
}

// restoreFrom offers the newest backups, and takes a file.
func (s *web) restoreFrom(v *view, wrong error) (g.Node, error) {
	records, next, err := s.Backups.List(v.ctx, v.user, backup.Filter{}, backupsToRestore, "")
	if err != nil {
		return nil, err
	}
	return Div(Class("columns"),
		Section(Class("card"), Aria("labelledby", "of-backup"), H2(ID("of-backup"), g.Text(v.t("restore.backup"))),
			g.If(len(records) == 0, P(Class("muted"), g.Text(v.t("backups.none")))),
			Ul(Class("rows"), g.Map(records, func(r *backup.Record) g.Node {
				return Li(Div(A(Href(link("/restore", "backup", r.ID)), g.Text(cmp.Or(r.Calendar.Name, r.Calendar.URI.Calendar)+", "+v.moment(r.Made, v.now, v.zone()))),
					Br(), Small(g.Text(v.n("restore.events", r.Counts.Events)+" · "+v.days(r.From, r.To)))))
			})),
			g.If(next != "", P(A(Href("/backups"), g.Text(v.t("backups.all"))))),
		),
		Section(Class("card"), Aria("labelledby", "of-file"), H2(ID("of-file"), g.Text(v.t("restore.file"))),
			s.fileForm(v, "/restore/file",
				labelled("file", v.t("restore.file.label"), v.t("restore.file.hint"), v.fileProblem(wrong), func(more ...g.Node) g.Node {
					return Input(Type("file"), Required(), Accept(".ics,.jsonl,.csv,.zst,text/calendar,text/csv"), g.Group(more))
				}),
				P(Button(Type("submit"), Class("primary"), g.Text(v.t("restore.file.go")))),
			),
			P(Class("hint"), g.Text(v.t("restore.file.large")+" "), Code(g.Text("admin-assistant restore --file"))),
		),
	), nil
}

// fileProblem is what is wrong with a file: whatever is wrong with an upload is.
func (s speech) fileProblem(err error) string {
	if err == nil {
		return ""
	}
	return s.wrong(err)
}

// fileForm is a form that brings a file besides, and takes effect once.
func (s *web) fileForm(v *view, to string, nodes ...g.Node) g.Node {
	return s.form(v, to, g.Attr("enctype", "multipart/form-data"), g.Group(nodes))
}

// uploadFile keeps a file for a day, so that it can be looked at first and restored then.
func (s *web) uploadFile(v *view) error {
	_, content := httpapi.FileOf(v.ctx)
	if len(content) == 0 {
		return s.showRestore(v, http.StatusUnprocessableEntity, wrongly("file", v.t("restore.file.none")))
	}
	u, err := s.Uploads.Put(v.ctx, v.user, bytes.NewReader(content))
	if mistaken(err) {
		return s.showRestore(v, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return v.redirect(link("/restore", "upload", u.ID))
}

// restoreInto asks where to, and how.
func (s *web) restoreInto(v *view, what toRestore, wrong error) (g.Node, error) {
	sources, err := s.Sources(v.ctx, v.user)
	if err != nil {
		return nil, err
	}
	var facts []g.Node
	into := "local://me/calendars/Work"
	if len(sources) > 0 {
		into = sources[0]
	}
	if what.backup != "" {
		r, err := s.Backups.Get(v.ctx, v.user, what.backup)
		if err != nil {
			return nil, err
		}
		facts = append(facts, P(Strong(g.Text(v.t("restore.of.backup", cmp.Or(r.Calendar.Name, r.Calendar.URI.Calendar), v.moment(r.Made, v.now, v.zone())))), Br(),
			g.Text(v.n("restore.events", r.Counts.Events)+" · "+v.days(r.From, r.To))))
		into = r.Calendar.URI.String()
		if archived, err := s.isArchive(v, r.Calendar.URI); err != nil {
			return nil, err
		} else if archived {
			uri := r.Calendar.URI
			uri.Calendar += " " + v.t("restore.restored")
			into = uri.String()
			facts = append(facts, P(Class("muted"), g.Text(v.t("restore.archive"))))
		}
	} else {
		u, err := s.Uploads.Get(v.ctx, v.user, what.upload)
		if err != nil {
			return nil, err
		}
		count := v.n("restore.events", u.Events)
		if u.Unread {
			count = v.t("restore.uncounted")
		}
		facts = append(facts, P(Strong(g.Text(v.t("restore.of.file", v.t("backups.format."+string(u.Format))))), Br(),
			g.Text(count+" · "+v.size(u.Bytes)+" · "+v.t("restore.until", v.moment(u.Expires, v.now, v.zone())))),
			g.If(u.Aside > 0, P(Class("problem"), g.Text(v.n("restore.aside", u.Aside)))))
	}
	f := v.r.PostForm
	again := f != nil
	policies := [][2]string{}
	for _, p := range []restore.Policy{restore.Skip, restore.Replace, restore.Duplicate} {
		policies = append(policies, [2]string{string(p), v.t("restore.policy." + string(p))})
	}
	return Div(Class("review"),
		s.form(v, "/restore", Class("card"), hidden("backup", what.backup), hidden("upload", what.upload), g.Group(facts),
			v.wrongBeside(wrong, "into", "from", "to", "policy"),
			labelled("into", v.t("restore.into"), v.t("restore.into.hint"), v.wrongIn(wrong, "into"),
				textInput("text", cmp.Or(f.Get("into"), into), Required(), g.Attr("list", "calendars"), AutoComplete("off"))),
			DataList(ID("calendars"), g.Map(sources, func(uri string) g.Node { return Option(Value(uri)) })),
			Div(Class("field check"), Input(ID("create"), Type("checkbox"), Name("create"), g.If(!again || f.Has("create"), Checked())),
				Label(For("create"), g.Text(v.t("restore.create")))),
			labelled("policy", v.t("restore.policy"), "", v.wrongIn(wrong, "policy"), selectInput(f.Get("policy"), policies)),
			Div(Class("line"), v.dayFields(wrong)),
			P(Class("hint"), g.Text(v.t("restore.days.hint"))),
			P(Button(Type("submit"), Class("primary"), Name("do"), Value("try"), g.Text(v.t("setup.go")))),
		),
		Aside(Class("card"), P(g.Text(v.t("restore.safe"))), P(g.Text(v.t("restore.quiet"))), P(Class("muted"), g.Text(v.t("restore.undo")))),
	), nil
}

// isArchive says whether a calendar is the archive of one of the user's configs, into which nothing is restored.
func (s *web) isArchive(v *view, uri calendar.URI) (bool, error) {
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	for i := range configs {
		if strings.EqualFold(configs[i].Archive.String(), uri.String()) {
			return true, nil
		}
	}
	return false, err
}

// startRestore shows what restoring would do, or does it.
func (s *web) startRestore(v *view) error {
	r, err := s.restoreRun(v)
	if mistaken(err) {
		return s.showRestore(v, http.StatusUnprocessableEntity, err)
	}
	return s.launch(v, r, err)
}

// restoreRun is the run that a form asks for. Errors of kind fault.Invalid name the field.
func (s *web) restoreRun(v *view) (*run.Run, error) {
	f := v.r.PostForm
	uri, err := calendar.ParseURI(strings.TrimSpace(f.Get("into")))
	if err != nil {
		return nil, fault.At("into", err)
	}
	if err := s.MayName(v.ctx, v.user, uri); err != nil {
		return nil, fault.Field("into", "cannot be used: %v", err)
	}
	what := v.toRestore()
	in := restore.Input{
		Backup: what.backup, Upload: what.upload, Policy: restore.Policy(f.Get("policy")), Zone: cmp.Or(f.Get("zone"), v.Zone), CreateCalendar: f.Has("create"),
	}
	if err := in.Check(); err != nil {
		return nil, err
	}
	if in.Upload != "" {
		u, err := s.Uploads.Get(v.ctx, v.user, in.Upload)
		if err != nil {
			return nil, err
		}
		in.SHA256 = u.SHA256
	} else if _, err := s.Backups.Get(v.ctx, v.user, in.Backup); err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Restore, Calendar: uri.String(), Options: run.Options{DryRun: f.Get("do") != "run"}}
	if r.From, r.To, err = v.daysAsked(zoneOf(in.Zone)); err != nil {
		return nil, err
	}
	if r.Input, err = json.Marshal(in); err != nil {
		return nil, err
	}
	return r, s.Accounts.Note(v.ctx, v.user, uri)
}

// restoreForReal is the form that does what a run has shown.
func (s *web) restoreForReal(v *view, r *run.Run) g.Node {
	var in restore.Input
	if err := json.Unmarshal(r.Input, &in); err != nil {
		return nil
	}
	return s.form(v, "/restore", hidden("backup", in.Backup), hidden("upload", in.Upload), hidden("into", r.Calendar), hidden("policy", string(in.Policy)),
		hidden("zone", in.Zone), hidden("from", r.From.String()), hidden("to", r.To.String()), g.If(in.CreateCalendar, hidden("create", "on")), hidden("do", "run"),
		Button(Type("submit"), Class("primary"), g.Attr("data-key", "Enter"), g.Text(v.t("restore.go")), key("Enter")))
}
