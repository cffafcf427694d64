// Package httpapi is the HTTP API: JSON under /v1, described by /openapi.json and /docs. One handler serves the cloud, the local
// server, the command line's in-process mode and the tests.
//
// Every error is a problem (RFC 9457) with a stable code. Lists come in pages: limit and cursor go in, items and next come out. A
// POST with an Idempotency-Key takes effect once, however often it is sent. Everything is keyed by who asks: what is somebody
// else's does not exist.
package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/notify"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Services are what the handlers call.
type Services struct {
	Configs *archive.Configs
	Runs    *run.Store
	// Kinds are those of runs, and Starters start them, by the queues of their kinds.
	Kinds    run.Kinds
	Starters map[run.QueueName]*run.Starter
	Jobs     *job.Jobs
	Backups  *backup.Backups
	// Uploads keeps files until they are restored.
	Uploads *restore.Uploads
	Ledger  *ledger.Ledger
	Blobs   blob.Blob
	// Provider returns the provider of a calendar URI for a user.
	Provider func(ctx context.Context, user string, uri calendar.URI) (calendar.Provider, error)
	// Local returns who imports into a user's local calendars and exports them.
	Local func(user string) Importer
	Users *account.Users
	// Eraser erases all that is kept of a user.
	Eraser *account.Eraser
	// Actions are what needs users, and Notifications what they are told.
	Actions       *action.Actions
	Notifications *notify.Notifications
	// Audit records who did what.
	Audit *audit.Log
	Table store.Table
	Clock func() time.Time
	NewID func() string // sortable by time
	Log   zerolog.Logger
	// Authenticate says who makes a request; its errors are of kind fault.Unauthenticated, or transient.
	Authenticate func(*http.Request) (account.Principal, error)
	// SignIn is where browsers sign in, and Sessions are those that have. Without SignIn nobody has to, and the routes of it are not there.
	SignIn   SignIn
	Sessions *session.Sessions
	// Metrics counts credentials that were refused; nil: nobody counts.
	Metrics *telemetry.Metrics
	// Limits decides how often a user may ask; nil: as often as anybody likes.
	Limits Limits
	// CLI is told to whoever asks.
	CLI     CLISignIn
	Version string // of the software
}

// server is the routes and what surrounds them.
type server struct {
	Services
	mux *http.ServeMux
	// document is the OpenAPI document.
	document []byte
	origins  *http.CrossOriginProtection
}

// New returns the API.
func New(s Services) http.Handler {
	srv := &server{Services: s, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection()}
	api := humago.New(srv.mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Admin Assistant", Version: s.Version, Description: "Keeps a truthful, billable record of a professional's calendar. " +
				"Requests are authenticated by an access token in the header Authorization, or by the session of a browser that signed in at /auth/login; what of a session is not a GET has to carry its token (GET /auth/session) in the header X-CSRF-Token. " +
				"Errors are problem details (RFC 9457) with a stable code. A POST may carry an Idempotency-Key; every request may carry an X-Correlation-Id."},
			Tags: []*huma.Tag{
				{Name: tagMe, Description: "Who is asking."},
				{Name: tagAuth, Description: "Signing in and out with a browser. On one machine nobody signs in, and there are no such routes."},
				{Name: tagCalendars, Description: "Calendars and what is in them."},
				{Name: tagConfigs, Description: "Which calendar is archived into which one, and how."},
				{Name: tagRuns, Description: "Archive runs: start, watch, retry, cancel."},
				{Name: tagJobs, Description: "Schedules that start runs."},
				{Name: tagBackups, Description: "Copies of whole calendars, proven and kept."},
				{Name: tagActions, Description: "What needs you: open until it is resolved or dismissed."},
				{Name: tagNotifications, Description: "What you are told of. By which channels, your settings say (PUT /v1/me/settings)."},
				{Name: tagRestores, Description: "What backups and uploaded files hold, put into a calendar."},
				{Name: tagLedger, Description: "The append-only record of what was archived."},
				{Name: tagUsers, Description: "The users of your tenant, for its administrators."},
				{Name: tagAudit, Description: "What was done, by whom and when: append-only and hash-chained."},
				{Name: tagHealth, Description: "Whether the service works."},
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry(schemaPrefix, schemaNames(s.Kinds)), SecuritySchemes: securitySchemes},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}, // the latter for application/problem+json
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
	srv.meRoutes(api)
	srv.authConfigRoutes(api)
	srv.authRoutes(api)
	srv.calendarRoutes(api)
	srv.configRoutes(api)
	srv.runRoutes(api)
	srv.jobRoutes(api)
	srv.backupRoutes(api)
	srv.actionRoutes(api)
	srv.notificationRoutes(api)
	srv.restoreRoutes(api)
	srv.ledgerRoutes(api)
	srv.userRoutes(api)
	srv.auditRoutes(api)
	srv.healthRoutes(api)

	describeKinds(api.OpenAPI(), s.Kinds)
	document, err := json.Marshal(api.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("httpapi: the OpenAPI document does not encode: %v", err)) // made of plain data
	}
	srv.document = document
	srv.docsRoutes(newReference(api.OpenAPI()))
	return srv
}

const (
	tagMe        = "me"
	tagCalendars = "calendars"
	tagConfigs   = "archive-configs"
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

// headers that are not part of any one operation are told apart in the document.
var idempotencyKeyParam = &huma.Param{
	Name: headerIdempotency, In: "header", Description: "A text of 1 to 255 visible characters that names this request: sent again with the same key within 24 hours, it takes no further effect and is answered as before.",
	Schema: &huma.Schema{Type: huma.TypeString},
}

var csrfParam = &huma.Param{
	Name: headerCSRF, In: "header", Description: "The token of the session that asks (GET /auth/session); not with an access token.", Schema: &huma.Schema{Type: huma.TypeString},
}

const (
	schemeBearer  = "bearer"
	schemeSession = "session"
)

var securitySchemes = map[string]*huma.SecurityScheme{
	schemeBearer:  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token of Entra ID for this API."},
	schemeSession: {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A browser that signed in at /auth/login."},
}

// handle registers a route "METHOD /path" whose handler's errors become problems.
func handle[I, O any](api huma.API, tag, route, summary string, handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation)) {
	method, path, _ := strings.Cut(route, " ")
	op := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: -1, BodyReadTimeout: bodyReadTimeout, // the limit of bodies is the server's
	}
	op.Errors = errorsOf(method, path)
	if method == http.MethodPost {
		op.Parameters = append(op.Parameters, idempotencyKeyParam)
	}
	if authenticated(route) {
		op.Security = []map[string][]string{{schemeBearer: {}}, {schemeSession: {}}}
		if unsafe(method) {
			op.Parameters = append(op.Parameters, csrfParam)
		}
	}
	for _, o := range options {
		o(&op)
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemOf(ctx, err)
		}
		return out, nil
	})
}

// errorsOf are the statuses of the problems that a route may answer with.
func errorsOf(method, path string) []int {
	statuses := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if !authenticated(method + " " + path) {
		return statuses
	}
	statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests)
	if method == http.MethodGet {
		return statuses
	}
	statuses = append(statuses, http.StatusConflict, http.StatusLocked, http.StatusRequestEntityTooLarge)
	if hasBody(method) {
		statuses = append(statuses, http.StatusBadRequest, http.StatusUnsupportedMediaType)
	}
	if (strings.HasPrefix(path, "/v1/archive-configs/") || strings.HasPrefix(path, "/v1/jobs/")) && method != http.MethodPost || path == "/v1/me/settings" {
		statuses = append(statuses, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	return statuses
}

// operationID is "post-runs-retry" for POST /v1/runs/{id}/retry.
func operationID(method, path string) string {
	words := []string{strings.ToLower(method)}
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part != "v1" {
			words = append(words, strings.Trim(part, "{}"))
		}
	}
	return strings.Join(words, "-")
}

// status sets the status of a success that is not 200, or 204 without a body.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// describe tells more than the summary.
func describe(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text }
}

// user is the key of who asks; it is there in every request that authenticate let through.
func user(ctx context.Context) (string, error) {
	p, err := account.From(ctx)
	return p.Key(), err
}
