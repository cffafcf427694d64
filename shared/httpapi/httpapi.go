// Package httpapi is the HTTP API: JSON under /v1, described by /openapi.json and /docs. One handler serves the cloud, the local
// server, the command line's in-process mode and the tests.
//
// Every error is a problem (RFC 9457) with a stable code. Lists come in pages: limit and cursor go in, items and next come out. A
// POST with an Idempotency-Key takes effect once, however often it is sent. Everything is keyed by who asks: what is somebody
// else's does not exist.
package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/flag"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/notify"
	places "adminassistant/shared/place"
	"adminassistant/shared/proof"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/signing"
	"adminassistant/shared/stamp"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/undo"
)

// Services are what the handlers call.
type Services struct {
	Configs *archive.Configs
	Runs    *run.Store
	// Customers are those whom categories name.
	Customers *customer.Customers
	// Timesheets are what is billed to them.
	Timesheets *timesheet.Sheets
	// Places are where appointments are.
	Places *places.Places
	// Kinds are those of runs, and Starters start them, by the queues of their kinds.
	Kinds    run.Kinds
	Starters map[run.QueueName]*run.Starter
	// Undo plans the undoing of runs.
	Undo *undo.Undoers
	// Deciding turns what users decide into runs.
	Deciding *archive.Deciding
	// Tryouts say what rules would do.
	Tryouts *archive.Tryouts
	Jobs    *job.Jobs
	Backups *backup.Backups
	// Uploads keeps files until they are restored.
	Uploads *restore.Uploads
	Ledger  *ledger.Ledger
	// Verifier compares ledgers with all that lies around them, and Signing signs their heads.
	Verifier *proof.Verifier
	Signing  *signing.Installed
	Blobs    blob.Blob
	// Stamps are the time-stamps of heads; nil: nobody is asked for them.
	Stamps *stamp.Anchors
	// Provider returns the provider of a calendar URI for a user.
	Provider func(ctx context.Context, user string, uri calendar.URI) (Provider, error)
	// Local returns who imports into a user's local calendars and exports them.
	Local func(user string) Importer
	Users *account.Users
	// Tenants are those whose users are let in; nil: the server is of one machine.
	Tenants *tenant.Tenants
	// Eraser erases all that is kept of a user.
	Eraser *account.Eraser
	// Exporter writes all that is kept of a user into a file.
	Exporter Exporter
	// Flags are what administrators switched on and off.
	Flags *flag.Flags
	// Actions are what needs users, and Notifications what they are told.
	Actions       *action.Actions
	Notifications *notify.Notifications
	// Digests tells users once a day what is open; nil: nobody does.
	Digests Digests
	// Audit records who did what.
	Audit *audit.Log
	// Requests are those with an idempotency key.
	Requests *idempotency.Records
	// Accounts are those of providers in which users named calendars.
	Accounts *account.NamedAccounts
	// Ping says whether the store can be reached.
	Ping  func(context.Context) error
	Clock func() time.Time
	NewID func() string // sortable by time
	Log   zerolog.Logger
	// Authenticate says who makes a request; its errors are of kind fault.Unauthenticated, fault.Forbidden if what shows who it is does not
	// allow enough, or transient.
	Authenticate func(*http.Request) (account.Principal, error)
	// SignIn is where browsers sign in, Attempts are the sign-ins that they began, and Sessions the browsers that have signed in. Without SignIn
	// nobody has to, and the routes of it are not there. Machine is how browsers get their sessions in its place, on one machine; nil: they have none.
	SignIn   SignIn
	Machine  *Machine
	Attempts *session.Attempts
	Sessions *session.Sessions
	// Metrics counts requests of users, panics and credentials that were refused; nil: nobody counts.
	Metrics *telemetry.Metrics
	// Memory is what the process may use, from which the largest bodies and answers follow; 0: limit.OneMachine.
	Memory limit.Memory
	// Limits decides how often a user may ask; nil: as often as anybody likes.
	Limits Limits
	// CLI is answered to whoever asks.
	CLI     CLISignIn
	Version string // of the software
	// Web are the pages for people; nil: there are none, and / leads to the reference.
	Web *Web
}

// server is the routes and what surrounds them.
type server struct {
	Services
	mux *http.ServeMux
	api huma.API
	// routes are all there are, by their patterns.
	routes map[string]*route
	// paths has the paths of the routes, to find the one of a request, and methods what each of them knows.
	paths   *http.ServeMux
	methods map[string][]string
	// described is the document with the examples, and document its JSON. Both are made when somebody asks: that is most of the work of starting.
	described func() described
	document  func() []byte
	origins   *http.CrossOriginProtection
	// shrinking answers requests, with answers that are compressed.
	shrinking http.Handler
}

// New returns the API.
func New(s Services) http.Handler {
	s.Memory = cmp.Or(s.Memory, limit.OneMachine)
	srv := &server{Services: s, mux: http.NewServeMux(), routes: map[string]*route{}, origins: http.NewCrossOriginProtection()}
	srv.api = humago.New(srv.mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Admin Assistant", Version: s.Version, License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
				Description: strings.Join(conventions, "\n\n"),
			},
			Tags: []*huma.Tag{
				{Name: tagMe, Description: "Who is asking."},
				{Name: tagAuth, Description: "" +
					"Signing in and out with a browser. On one machine the address that the server prints at its start begins a session, in the place of " +
					"/auth/login."},
				{Name: tagCalendars, Description: "" +
					"Calendars and what is in them. The URI of a calendar is provider://account/calendars/name. The provider is local, for those that are kept " +
					"here, or msgraph, for Microsoft 365; the account me is your own, and primary is its default calendar. A name in a path is looked for among " +
					"your local calendars and those of your own mailbox."},
				{Name: tagConfigs, Description: "Which calendar is archived into which one, and how."},
				{Name: tagCategories, Description: "The categories that an account keeps for its events, and what is wrong with those of events."},
				{Name: tagCustomers, Description: "Those whom categories name: other names, rates, rounding, where timesheets go."},
				{Name: tagPlaces, Description: "Where appointments are, and the journeys between."},
				{Name: tagRules, Description: "What you say of your events beforehand: their customer, their privacy, and what is left out."},
				{Name: tagHours, Description: "What the time of an archive comes to."},
				{Name: tagRuns, Description: "Runs: start, watch, retry, cancel, undo."},
				{Name: tagJobs, Description: "Schedules that start runs."},
				{Name: tagBackups, Description: "Copies of whole calendars, proven and kept."},
				{Name: tagActions, Description: "What needs you: open until it is resolved or dismissed."},
				{Name: tagNotifications, Description: "What you are told of. By which channels, your settings say (PUT /v1/me/settings)."},
				{Name: tagRestores, Description: "What backups and uploaded files hold, put into a calendar."},
				{Name: tagLedger, Description: "The append-only record of what was archived."},
				{Name: tagTimesheets, Description: "What customers pay: drafts, approved and locked timesheets, and their files."},
				{Name: tagFlags, Description: "What is switched on and off for the users of your tenant, for its administrators."},
				{Name: tagTenants, Description: "The tenants whose users are let in, for administrators of the one that runs the installation."},
				{Name: tagUsers, Description: "The users of your tenant, for its administrators."},
				{Name: tagAudit, Description: "What was done, by whom and when: append-only and hash-chained."},
				{Name: tagHealth, Description: "Whether the service works."},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry(schemaPrefix, schemaNames(s.Kinds)), SecuritySchemes: securitySchemes},
		},
		// the latter for application/problem+json
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
	srv.meRoutes()
	srv.erasureRoutes()
	srv.authConfigRoutes()
	srv.authRoutes()
	srv.calendarRoutes()
	srv.configRoutes()
	srv.categoryRoutes()
	srv.customerRoutes()
	srv.placeRoutes()
	srv.ruleRoutes()
	srv.hoursRoutes()
	srv.workingTimeRoutes()
	srv.runRoutes()
	srv.undoRoutes()
	srv.verifyRoutes()
	srv.jobRoutes()
	srv.backupRoutes()
	srv.actionRoutes()
	srv.decisionRoutes()
	srv.notificationRoutes()
	srv.restoreRoutes()
	srv.ledgerRoutes()
	srv.timesheetRoutes()
	srv.userRoutes()
	srv.tenantRoutes()
	srv.flagRoutes()
	srv.auditRoutes()
	srv.healthRoutes()
	srv.webRoutes()

	describeKinds(srv.api.OpenAPI(), s.Kinds)
	srv.described = sync.OnceValue(func() described {
		shown := examples()
		return described{exemplified(srv.api.OpenAPI(), shown), shown}
	})
	srv.document = sync.OnceValue(func() []byte {
		document, err := json.Marshal(srv.described().document)
		if err != nil {
			panic(fmt.Sprintf("httpapi: the OpenAPI document does not encode: %v", err)) // made of plain data
		}
		return document
	})
	srv.docsRoutes()
	srv.index()
	srv.shrinking = compressed(http.HandlerFunc(srv.answer))
	return srv
}

// conventions are what holds for the whole API, a paragraph each.
var conventions = []string{
	"Keeps a truthful, billable record of a professional's calendar.",
	"Sign-in: an access token of Entra ID in the header Authorization says who asks, as in the examples, or the session of a browser that " +
		"signed in at /auth/login. A request of a session that is no GET carries its token (GET /auth/session) in the header X-CSRF-Token. On one " +
		"machine the token is the server's key: the file server-<host>-<port>.key in its data folder.",
	"Names: a thing is named by its id. One that has a name, such as a config, a customer, a job or a calendar, is named by that as well, in " +
		"any case. When several have the name, the answer is 409 and lists them. Wherever a body or a query names a config, its id and its name do.",
	"Values: JSON in UTF-8. Instants are as in 2026-10-05T07:00:00Z, days as in 2026-10-05. A period is said in words, as in last month, " +
		"2026-10 or 2026-10-01 to 2026-10-15. Members and parameters that the API does not know are refused, and null, where the schema does not " +
		"have it.",
	"Lists: items and next come out. While next is not empty, the same request with it as cursor brings the next page.",
	"Changes: PUT replaces the whole, and there is no PATCH: read, change, and send it all. What is left out gets its default, unless the route " +
		"says otherwise. Where If-Match is needed, send the ETag that you have read, so that nobody's change in between is lost; * means whatever " +
		"is there.",
	"Repeats: a POST may carry an Idempotency-Key, and takes effect once however often it is sent.",
	"Runs: work that takes longer is a run. The answer is 202 with it, and GET /v1/runs/{id} says what becomes of it.",
	"Errors: problem details (RFC 9457) with a code that stays as it is; field says what is wrong. 429 and 503 may say in Retry-After when to " +
		"ask again. Every request may carry an X-Correlation-Id, which the answer repeats.",
}

const (
	tagMe        = "me"
	tagCalendars = "calendars"
	tagConfigs   = "archive-configs"
	tagRules     = "rules"
	tagRuns      = "runs"
	tagJobs      = "jobs"
	tagBackups   = "backups"
	tagRestores  = "restores"
	tagLedger    = "ledger"
	tagUsers     = "users"
	tagAudit     = "audit"
	tagHealth    = "health"

	tagActions       = "actions"
	tagNotifications = "notifications"
)

// bodyReadTimeout is how long a client may take to send a JSON body.
const bodyReadTimeout = 30 * time.Second

// headers that belong to several operations are described once in the document.
var idempotencyKeyParam = &huma.Param{
	Name: headerIdempotency, In: "header",
	Description: "A text of 1 to 255 visible characters that names this request: sent again with the same key within 24 hours, it takes no " +
		"further effect and is answered as before.",
	Schema: &huma.Schema{Type: huma.TypeString},
}

var csrfParam = &huma.Param{
	Name: headerCSRF, In: "header", Description: "The token of the session that asks (GET /auth/session); not with an access token.",
	Schema: &huma.Schema{Type: huma.TypeString},
}

const (
	schemeBearer  = "bearer"
	schemeSession = "session"
)

var securitySchemes = map[string]*huma.SecurityScheme{
	schemeBearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token of Entra ID for this API."},
	schemeSession: {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "" +
		"A browser that signed in at /auth/login. On one machine the cookie has another name."},
}

// user is the key of who asks; it is there in every request that authenticate let through.
func user(ctx context.Context) (string, error) {
	p, err := account.From(ctx)
	return p.Key(), err
}
