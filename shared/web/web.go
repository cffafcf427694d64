// Package web is what people see in a browser: pages made here, over the same services as the HTTP API, which guards and records their requests.
//
// Every page works without script. What changes something is a form that is sent and answered with 303; its key makes it take effect once, however often
// it is sent. Nothing is asked of any other site, and no page has a script or a style of its own.
package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	g "maragu.dev/gomponents"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/notify"
	"adminassistant/shared/proof"
	"adminassistant/shared/restore"
	"adminassistant/shared/roster"
	"adminassistant/shared/run"
	"adminassistant/shared/setup"
	"adminassistant/shared/signing"
	"adminassistant/shared/undo"
)

// Services are what the pages call.
type Services struct {
	Configs  *archive.Configs
	Runs     *run.Store
	Kinds    run.Kinds
	Launcher *run.Launcher
	Undo     *undo.Undoers
	Deciding *archive.Deciding
	Jobs     *job.Jobs
	Ledger   *ledger.Ledger
	Blobs    blob.Blob
	Actions  *action.Actions
	Users    *account.Users
	Audit    *audit.Log
	Money

	Notifications *notify.Notifications
	Sessions      *session.Sessions
	// Compare is archive.Engine.Compare, and AsSeen is archive.Engine.AsSeen.
	Compare func(ctx context.Context, user string, c *archive.Config, w calendar.Window, events []calendar.Event) ([]archive.Beside, error)
	AsSeen  func(ctx context.Context, user string, c *archive.Config, w calendar.Window, r *run.Run) ([]archive.Beside, error)
	// Events returns the events of a config's source calendar that overlap a window. readable is false where this process cannot read the calendar.
	Events func(ctx context.Context, user string, c *archive.Config, w calendar.Window) (events []calendar.Event, readable bool, err error)
	Setup  *setup.Setup
	// Sources are the URIs of calendars that a user may want to have archived, as far as they can be known.
	Sources func(ctx context.Context, user string) ([]string, error)
	// Calendars lists the calendars of the account of a URI.
	Calendars func(ctx context.Context, user string, uri calendar.URI) ([]calendar.Info, error)
	// Reach refuses configs with calendars in mailboxes that the user may not name.
	Reach func(ctx context.Context, user string, c *archive.Config) error
	// MayName refuses a calendar in a mailbox that the user may not name.
	MayName func(ctx context.Context, user string, uri calendar.URI) error
	Backups *backup.Backups
	// Uploads keeps files until they are restored.
	Uploads *restore.Uploads
	// Roster changes users, for administrators, and Eraser erases all that is kept of one.
	Roster *roster.Roster
	Eraser *account.Eraser
	// Verifier compares ledgers with all that lies around them, and Signing signs their heads.
	Verifier *proof.Verifier
	Signing  *signing.Installed
	// Accounts are those of providers in which users named calendars.
	Accounts *account.NamedAccounts
	// DigestWanted has to be called when a user's settings have changed.
	DigestWanted func(ctx context.Context, user string, s account.Settings) error
	Clock        func() time.Time
	NewID        func() string
	// SignIn says that people sign in at a sign-in service, and can sign out.
	SignIn bool
}

// web is the pages.
type web struct {
	Services
	static *static
}

// policy lets a page have nothing but what is served here. No script and no style is in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

// New returns the pages.
func New(s Services) *httpapi.Web {
	w := &web{Services: s, static: newStatic()}
	out := &httpapi.Web{Home: "/today", Policy: policy, Refuse: w.refuse}
	get := func(path string, page func(*view) error) {
		out.Pages = append(out.Pages, httpapi.Page{Pattern: "GET " + path, Access: httpapi.Users, Handler: w.handler(page)})
	}
	bulk := func(path string, page func(*view) error) {
		get(path, page)
		out.Pages[len(out.Pages)-1].Class = limit.Bulk
	}
	post := func(path string, class limit.Class, action audit.Action, form func(*view) error) {
		out.Pages = append(out.Pages, httpapi.Page{
			Pattern: "POST " + path, Access: httpapi.Users, Class: class, Action: action, Handler: w.handler(form),
		})
	}
	out.Pages = append(out.Pages, httpapi.Page{Pattern: "GET /static/{name}", Access: httpapi.Anyone, Handler: w.static.serve})
	get("/today", w.today)
	get("/calendar", w.calendar)
	get("/review", w.reviewFirst)
	get("/review/{id}", w.review)
	post("/review/{id}", limit.Starts, "action.resolve", w.decide)
	post("/review/{id}/dismiss", limit.Writes, "action.dismiss", w.dismiss)
	w.moneyPages(out, get, post)
	get("/runs", w.listRuns)
	post("/runs", limit.Starts, "run.start", w.startRun)
	get("/runs/{id}", w.showRun)
	get("/runs/{id}/progress", w.progressOfRun)
	post("/runs/{id}/retry", limit.Starts, "run.retry", w.retryRun)
	post("/runs/{id}/cancel", limit.Writes, "run.cancel", w.cancelRun)
	get("/runs/{id}/undo", w.previewUndo)
	post("/runs/{id}/undo", limit.Starts, "run.undo", w.undoRun)
	get("/jobs", w.listJobs)
	post("/jobs", limit.Writes, "job.create", w.createJob)
	post("/jobs/{id}/pause", limit.Writes, "job.pause", w.pauseJob)
	post("/jobs/{id}/resume", limit.Writes, "job.resume", w.resumeJob)
	post("/jobs/{id}/trigger", limit.Starts, "job.trigger", w.triggerJob)
	post("/jobs/{id}/remove", limit.Removals, "job.remove", w.removeJob)
	get("/ledger", w.ledger)
	get("/ledger/history", w.history)
	post("/ledger/history", limit.Starts, "decision.make", w.correct)
	bulk("/ledger/head", w.ledgerHead)
	get("/ledger/head/file", w.headFile)
	bulk("/ledger/proof", w.proveDay)
	post("/ledger/verify", limit.Starts, "run.start", w.verifyLedger)
	get("/backups", w.listBackups)
	post("/backups", limit.Starts, "backup.start", w.startBackup)
	get("/backups/{id}", w.showBackup)
	bulk("/backups/{id}/proof", w.proveBackup)
	bulk("/backups/{id}/files/{name}", w.downloadBackup)
	get("/backups/{id}/delete", w.confirmDelete)
	post("/backups/{id}/delete", limit.Removals, "backup.delete", w.deleteBackup)
	get("/restore", w.restore)
	post("/restore", limit.Starts, "restore.start", w.startRestore)
	post("/restore/file", limit.Bulk, "upload.create", w.uploadFile)
	out.Pages[len(out.Pages)-1].File = true
	post("/runs/{id}/repair", limit.Starts, "run.start", w.repairRun)
	as := func(access httpapi.Access) { out.Pages[len(out.Pages)-1].Access = access }
	change := func(what string, class limit.Class, action audit.Action, change func(*view, string) error) {
		post("/users/{object}/"+what, class, action, w.changeUser(change))
		as(httpapi.Administrators)
	}
	get("/users", w.listUsers)
	as(httpapi.Administrators)
	get("/users/{object}", w.showUser)
	as(httpapi.Administrators)
	change("disable", limit.Writes, "user.disable", w.disableUser)
	change("enable", limit.Writes, "user.enable", w.enableUser)
	change("role", limit.Writes, "user.role", w.setRole)
	change("grant", limit.Writes, "user.grant", w.grantMailbox)
	change("revoke", limit.Removals, "user.revoke", w.revokeMailbox)
	change("mail", limit.Removals, "user.mail_again", w.mailUserAgain)
	change("erase", limit.Removals, "user.erase", w.eraseUser)
	post("/tenants", limit.Writes, "tenant.add", w.addTenant)
	as(httpapi.Administrators)
	post("/tenants/{tenant}/remove", limit.Removals, "tenant.remove", w.removeTenant)
	as(httpapi.Administrators)
	out.Pages = append(out.Pages,
		httpapi.Page{Pattern: "GET /settings/erase", Access: httpapi.LeavingUsers, Handler: w.leaving(w.eraseMe)},
		httpapi.Page{
			Pattern: "POST /settings/erase", Access: httpapi.LeavingUsers, Class: limit.Removals, Action: "user.erase", Handler: w.leaving(w.erase),
		},
		httpapi.Page{Pattern: "GET /erased", Access: httpapi.Anyone, Handler: w.erased},
	)
	bulk("/audit/export", w.exportAudit)
	get("/notifications", w.notifications)
	post("/notifications/read", limit.Writes, "notification.read", w.readNotifications)
	get("/audit", w.auditLog)
	get("/setup", w.setup)
	post("/setup", limit.Starts, "config.create", w.begin)
	get("/settings", w.settings)
	post("/settings", limit.Writes, "user.settings", w.saveSettings)
	post("/settings/mail", limit.Writes, "user.mail_again", w.mailMeAgain)
	post("/settings/sessions/{id}/end", limit.Removals, "session.end", w.endSession)
	return out
}

// view is one request of a person, and how they want to see things.
type view struct {
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	who  account.Principal
	user string // key
	account.Settings
	chosen bool // the user has chosen the settings
	speech
	now time.Time
}

// handler answers requests with a page.
func (s *web) handler(page func(*view) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.newView(w, r)
		if err != nil {
			return err
		}
		return page(v)
	}
}

func (s *web) newView(w http.ResponseWriter, r *http.Request) (*view, error) {
	who, err := account.From(r.Context())
	if err != nil {
		return nil, err
	}
	profile, err := s.Users.Remembered(r.Context(), who)
	if err != nil {
		return nil, err
	}
	v := &view{w: w, r: r, ctx: r.Context(), who: who, user: who.Key(), Settings: profile.Settings, chosen: profile.SettingsVersion > 0, now: s.Clock()}
	v.speech = speechOf(r, &v.Settings, v.chosen)
	return v, nil
}

// assume has a user who has chosen no settings read times in the zone of the first config.
func (v *view) assume(configs []archive.Config) {
	if !v.chosen && len(configs) > 0 {
		v.Zone = configs[0].Timezone
	}
}

// zone is that of the user's settings.
func (v *view) zone() *time.Location {
	if zone, err := calendar.LoadZone(v.Zone); err == nil {
		return zone
	}
	return time.UTC
}

// write answers with a page or a part of one.
func (v *view) write(status int, n g.Node) error {
	var text bytes.Buffer
	if err := n.Render(&text); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(text.Bytes()) // whoever hung up does not read it
	return nil
}

// redirect answers a form: the browser goes on to a page, and what it shows can be loaded again without sending the form once more.
func (v *view) redirect(to string) error {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}
