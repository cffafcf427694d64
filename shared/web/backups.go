package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/run"
)

const (
	// backupsOnPage is how many backups a page of the list has.
	backupsOnPage = 25
	// fetchWithin is how long the address of a file is good that is elsewhere. The bucket refuses older ones.
	fetchWithin = 2 * time.Minute
)

func (s *web) listBackups(v *view) error { return s.showBackups(v, http.StatusOK, nil) }

// showBackups shows the backups and the form that makes one; wrong is what is wrong with what was filled in.
func (s *web) showBackups(v *view, status int, wrong error) error {
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return err
	}
	v.assume(configs)
	calendars, err := s.calendarsToKeep(v, configs)
	if err != nil {
		return err
	}
	records, next, err := s.Backups.List(v.ctx, v.user, backup.Filter{}, backupsOnPage, v.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.backups"), at: "/backups", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href("/restore"), g.Text(v.t("backups.restore"))),
	}}
	switch {
	case len(calendars) == 0:
		p.body = append(p.body, s.noConfig(v))
	default:
		p.body = append(p.body, s.backupForm(v, calendars, wrong))
	}
	switch {
	case len(records) > 0:
		p.body = append(p.body, backupTable(v, records, configNames(configs)))
	case len(calendars) > 0:
		p.body = append(p.body, empty(v.t("backups.none"), v.t("backups.none.text")))
	}
	if next != "" {
		p.body = append(p.body, P(A(Class("button"), Href(link("/backups", "after", next)), g.Text(v.t("backups.older")))))
	}
	return s.show(v, status, p)
}

// calendarsToKeep are the calendars of which backups can be made: those of the configs, and others that the user may have. Each is a value of a form and
// what is shown for it.
func (s *web) calendarsToKeep(v *view, configs []archive.Config) ([][2]string, error) {
	var all [][2]string
	known := map[string]bool{}
	for i := range configs {
		c := &configs[i]
		all = append(all, [2]string{c.ID + " source", v.t("backups.source", c.Name, c.Source.Calendar)},
			[2]string{c.ID + " archive", v.t("backups.archive", c.Name, c.Archive.Calendar)})
		known[c.Source.String()], known[c.Archive.String()] = true, true
	}
	others, err := s.Sources(v.ctx, v.user)
	for _, uri := range others {
		if !known[uri] {
			all = append(all, [2]string{uri, uri})
		}
	}
	return all, err
}

// calendarAsked is the calendar that a form names as calendarsToKeep does, and the config whose it is, if it is one's. Errors name the field calendar.
func (s *web) calendarAsked(v *view, value string) (uri calendar.URI, c archive.Config, err error) {
	if id, which, ofConfig := strings.Cut(value, " "); ofConfig && !strings.Contains(value, "://") {
		if c, err = s.Configs.Get(v.ctx, v.user, id); err != nil {
			return uri, c, err
		}
		if uri = c.Source; which == "archive" {
			uri = c.Archive
		}
	} else if uri, err = calendar.ParseURI(value); err != nil {
		return uri, c, fault.At("calendar", err)
	}
	if err := s.MayName(v.ctx, v.user, uri); err != nil {
		return uri, c, fault.Field("calendar", "cannot be used: %v", err)
	}
	return uri, c, nil
}

// backupForm makes a backup, or has the newest one proven.
func (s *web) backupForm(v *view, calendars [][2]string, wrong error) g.Node {
	f := v.r.PostForm
	return Section(Class("card"), Aria("labelledby", "new"), H2(ID("new"), g.Text(v.t("backups.new"))),
		v.wrongBeside(wrong, "calendar", "from", "to"),
		s.form(v, "/backups", Class("line"),
			labelled("calendar", v.t("backups.calendar"), "", v.wrongIn(wrong, "calendar"), selectInput(f.Get("calendar"), calendars)),
			v.dayFields(wrong),
			Div(Class("buttons"),
				Button(Type("submit"), Class("primary"), Name("do"), Value("backup"), g.Text(v.t("backups.go"))),
				Button(Type("submit"), Name("do"), Value("drill"), Aria("describedby", "drill-hint"), g.Text(v.t("backups.drill"))),
			),
		),
		P(ID("drill-hint"), Class("hint"), g.Text(v.t("backups.drill.hint"))),
	)
}

func backupTable(v *view, records []*backup.Record, names map[string]string) g.Node {
	return Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", v.t("nav.backups")), Table(Class("stacks"),
		THead(Tr(g.Map([]string{"backups.made", "backups.calendar", "runs.days"}, func(name string) g.Node { return Th(Scope("col"), g.Text(v.t(name))) }),
			Th(Scope("col"), Class("n"), g.Text(v.t("backups.events"))), Th(Scope("col"), Class("n"), g.Text(v.t("backups.size"))),
			Th(Scope("col"), g.Text(v.t("backups.do"))))),
		TBody(g.Map(records, func(r *backup.Record) g.Node {
			made := v.moment(r.Made, v.now, v.zone())
			of := names[r.Config]
			if r.Job != "" {
				of = strings.Join([]string{of, v.t("run.byjob")}, " · ")
			}
			return Tr(
				Td(Class("when"), A(Href("/backups/"+r.ID), g.Text(made))),
				Td(Class("long"), g.Text(cmp.Or(r.Calendar.Name, r.Calendar.URI.Calendar)), g.If(of != "", g.Group{Br(), Small(g.Text(strings.TrimPrefix(of, " · ")))})),
				Td(g.Text(v.days(r.From, r.To))), v.cell("backups.events", Class("n"), g.Text(v.number(r.Counts.Events))), Td(Class("n"), g.Text(v.size(r.Bytes))),
				Td(Class("does"),
					A(Class("button"), Href(link("/restore", "backup", r.ID)), Aria("label", v.t("backups.restoring", made)), g.Text(v.t("backups.restore")))),
			)
		})),
	))
}

// calendarName is the name of the calendar that an address has; of what is no address, all of it.
func calendarName(address string) string {
	if uri, err := calendar.ParseURI(address); err == nil {
		return uri.Calendar
	}
	return address
}

// number is a whole number with its thousands apart.
func (s speech) number(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + s.t("form.thousands") + text[at:]
	}
	return text
}

// size is how much a file holds.
func (s speech) size(bytes int64) string {
	n, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if n < 1000 {
			break
		}
		n, unit = n/1000, next
	}
	form := "%.1f %s"
	if unit == "B" || n >= 100 {
		form = "%.0f %s"
	}
	return strings.Replace(fmt.Sprintf(form, n, unit), ".", s.t("form.point"), 1)
}

func (s *web) startBackup(v *view) error {
	f := v.r.PostForm
	uri, c, err := s.calendarAsked(v, f.Get("calendar"))
	r := &run.Run{Kind: run.Backup, Config: c.ID, Calendar: uri.String()}
	switch {
	case err != nil:
	case f.Get("do") == "drill":
		r.Kind = run.Drill
	default:
		var input backup.Input
		zone := cmp.Or(c.Timezone, v.Zone)
		if r.From, r.To, err = v.daysAsked(zoneOf(zone)); err == nil {
			if r.From.Valid() {
				input.Timezone = zone
			}
			r.Input, err = json.Marshal(input)
		}
	}
	if mistaken(err) {
		return s.showBackups(v, http.StatusUnprocessableEntity, err)
	}
	return s.launch(v, r, err)
}

func (s *web) showBackup(v *view) error { return s.backupPage(v, nil) }

// proveBackup reads a backup and compares it with its manifest.
func (s *web) proveBackup(v *view) error {
	report, err := s.Backups.Verify(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.backupPage(v, &report)
}

// backupPage shows a backup, and what became of proving it, if that was done.
func (s *web) backupPage(v *view, proven *backup.Report) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	id := v.r.PathValue("id")
	r, err := s.Backups.Get(v.ctx, v.user, id)
	if err != nil {
		return err
	}
	p := page{title: v.t("backups.title", cmp.Or(r.Calendar.Name, r.Calendar.URI.Calendar), v.moment(r.Made, v.now, v.zone())), at: "/backups", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href("/backups"), g.Attr("data-key", "Escape"), g.Text(v.t("backups.all"))),
	}}
	content, err := s.Backups.Open(v.ctx, v.user, id)
	damaged := errors.Is(err, backup.ErrDamaged)
	if err != nil && !damaged {
		return err
	}
	if damaged {
		p.body = append(p.body, P(Class("problem"), Role("alert"), g.Text(v.t("backups.damaged"))))
	}
	if proven != nil {
		p.body = append(p.body, proofOfBackup(v, proven))
	}
	buttons := []g.Node{
		g.If(!damaged, A(Class("button primary"), Href(link("/restore", "backup", id)), g.Text(v.t("backups.restore")))),
		A(Class("button"), Href("/backups/"+id+"/proof"), g.Text(v.t("backups.verify"))),
		A(Class("button"), Href("/runs/"+id), g.Text(v.t("review.run"))),
		A(Class("button"), Href("/backups/"+id+"/delete"), g.Text(v.t("backups.delete"))),
	}
	facts := []g.Node{
		Dt(g.Text(v.t("backups.calendar"))), Dd(g.Text(r.Calendar.URI.String())),
		Dt(g.Text(v.t("runs.days"))), Dd(g.Text(v.days(r.From, r.To))),
		Dt(g.Text(v.t("backups.events"))), Dd(g.Text(v.t("backups.counts", v.number(r.Counts.Events), v.number(r.Counts.Series), v.number(r.Counts.Exceptions)))),
	}
	var files, head g.Node
	if content != nil {
		m := content.Manifest
		facts = append(facts, Dt(g.Text(v.t("backups.software"))), Dd(g.Text(m.Software)))
		if m.LedgerHead != "" {
			head = Details(Summary(g.Text(v.t("ledger.head"))), Pre(Class("head"), Code(g.Text(m.LedgerHead))))
		}
		files = s.backupFiles(v, m)
		if len(m.Unread) > 0 {
			p.body = append(p.body, P(Class("problem"), g.Text(v.n("backups.unread", len(m.Unread)))))
		}
	}
	if r.OwnClocks != nil {
		p.body = append(p.body, P(Class("problem"), g.Text(v.n("backups.clocks", r.OwnClocks.Series))))
	}
	p.body = append(p.body, Section(Class("card"), Aria("labelledby", "facts"), H2(ID("facts"), g.Text(v.t("backups.what"))),
		Dl(Class("facts"), g.Group(facts)), Div(Class("buttons"), g.Group(buttons)), head), files)
	return s.show(v, http.StatusOK, p)
}

func (s *web) backupFiles(v *view, m *backup.Manifest) g.Node {
	return Section(Class("card"), Aria("labelledby", "files"), H2(ID("files"), g.Text(v.t("backups.files"))),
		Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("labelledby", "files"), Table(
			THead(Tr(Th(Scope("col"), g.Text(v.t("backups.file"))), Th(Scope("col"), g.Text(v.t("backups.format"))),
				Th(Scope("col"), Class("n"), g.Text(v.t("backups.size"))), Th(Scope("col"), g.Text(v.t("backups.sum"))))),
			TBody(g.Map(m.Files, func(f backup.File) g.Node {
				return Tr(Td(A(Href("/backups/"+m.ID+"/files/"+f.Name), g.Text(f.Name))),
					Td(g.Text(v.t("backups.format."+string(f.Format))), g.If(f.LeftOut > 0, g.Group{Br(), Small(g.Text(v.n("backups.leftout", f.LeftOut)))})),
					Td(Class("n"), g.Text(v.size(f.Compressed.Bytes))), Td(Class("sum"), Code(g.Text(f.Compressed.SHA256))))
			})),
		)),
		P(Class("hint"), g.Text(v.t("backups.files.hint"))),
	)
}

func proofOfBackup(v *view, report *backup.Report) g.Node {
	if report.OK {
		return P(Class("done"), Role("status"), g.Text(v.t("backups.proven")))
	}
	return Section(Class("card"), Role("alert"), H2(g.Text(v.t("backups.unproven"))), Ul(g.Map(report.Files, func(f backup.FileReport) g.Node {
		return Li(Strong(g.Text(f.Name)), g.Text(": "+cmp.Or(f.Problem, v.t("backups.file.ok"))))
	})), P(g.Text(v.t("backups.unproven.text"))))
}

// downloadBackup hands a file over, or leads to where it is to be had.
func (s *web) downloadBackup(v *view) error {
	id, name := v.r.PathValue("id"), v.r.PathValue("name")
	content, err := s.Backups.Open(v.ctx, v.user, id)
	if err != nil {
		return err
	}
	key, err := content.Key(name)
	if err != nil {
		return err
	}
	if elsewhere, ok := s.Blobs.(httpapi.Presigner); ok {
		address, err := elsewhere.Presign(v.ctx, key, id+"-"+name, fetchWithin)
		if err != nil {
			return err
		}
		return v.redirect(address)
	}
	stored, err := s.Blobs.Get(v.ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return fault.New(fault.NotFound, "%s is not there any more; verify the backup", name)
	}
	if err != nil {
		return err
	}
	defer stored.Close()
	at := slices.IndexFunc(content.Manifest.Files, func(f backup.File) bool { return f.Name == name })
	v.attachment(id+"-"+name, "application/zstd")
	if at >= 0 {
		v.w.Header().Set("Content-Length", strconv.FormatInt(content.Manifest.Files[at].Compressed.Bytes, 10))
	}
	_, _ = io.Copy(v.w, stored) // the length shows what is missing
	return nil
}

// attachment has the browser keep what is answered as a file. The name has no other characters than an id and the name of a kind of file have.
func (v *view) attachment(name, contentType string) {
	v.w.Header().Set("Content-Type", contentType)
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// confirmDelete asks once more, since a backup that is deleted does not come back.
func (s *web) confirmDelete(v *view) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	r, err := s.Backups.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.show(v, http.StatusOK, page{title: v.t("backups.delete.title"), at: "/backups", body: []g.Node{
		Section(Class("card empty"),
			P(g.Text(v.t("backups.delete.text", cmp.Or(r.Calendar.Name, r.Calendar.URI.Calendar), v.moment(r.Made, v.now, v.zone()), v.number(r.Counts.Events)))),
			Div(Class("buttons"),
				s.form(v, "/backups/"+r.ID+"/delete", Button(Type("submit"), Class("primary"), g.Text(v.t("backups.delete")))),
				A(Class("button"), Href("/backups/"+r.ID), g.Attr("data-key", "Escape"), g.Text(v.t("undo.back"))))),
	}})
}

func (s *web) deleteBackup(v *view) error {
	if err := s.Backups.Delete(v.ctx, v.user, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.redirect("/backups")
}
