package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/audit"
	"adminassistant/shared/limit"
)

// serve lets the route's handler answer, and records what it may change.
func (s *server) serve(w http.ResponseWriter, r *http.Request, to *route) {
	named, err := s.byID(r, to)
	if err != nil {
		s.answerProblem(w, r, to, problemOf(r.Context(), err))
		return
	}
	r = named
	if to.action == "" {
		s.guarded(to).ServeHTTP(w, r)
		return
	}
	if err := s.Audit.Serve(w, r, to.pattern, to.action, s.guarded(to)); err != nil {
		s.answerProblem(w, r, to, problemOf(r.Context(), err))
	}
}

func (s *server) auditRoutes() {
	handle(s, route{
		pattern: "GET /v1/audit", access: byUsers, tag: tagAudit, summary: "List what was done by you and for you, the newest first",
		description: "A page may have few records, or none, and still have a next: no more than a thousand are looked at for one.",
	}, s.listAudit)
	handle(s, route{
		pattern: "GET /v1/audit/export", access: byUsers, class: limit.Bulk,
		tag: tagAudit, summary: "Export your audit log, the oldest record first", document: s.auditBody,
	}, s.exportAudit)
	handle(s, route{
		pattern: "POST /v1/audit/verify", access: byUsers, class: limit.Bulk, action: "audit.verify",
		tag: tagAudit, summary: "Recompute the hash chain of your audit log",
	}, s.verifyAudit)
}

// AuditFilter says which records are wanted.
type AuditFilter struct {
	From        time.Time `query:"from" doc:"Only records of this instant or later."`
	To          time.Time `query:"to" doc:"Only records before this instant."`
	Action      string    `query:"action" maxLength:"64" doc:"The action or its first words: run finds run.start and run.archive.finished." example:"run.start"`
	Kind        string    `query:"resource_kind" maxLength:"128" doc:"The kind of what was acted on." example:"config"`
	Resource    string    `query:"resource" maxLength:"128" doc:"The id of what was acted on." example:"01M6DMBE0000000KXTYCBHT424"`
	Correlation string    `query:"correlation_id" maxLength:"128" doc:"Only what this request did, by its X-Correlation-Id." example:"01M6DMBE0000000N3PN1S02V25"`
	Outcome     string    `query:"outcome" enum:"begun,ok,refused,failed,unreadable"`
}

func (f *AuditFilter) filter() audit.Filter {
	return audit.Filter{
		From: f.From, To: f.To, Action: audit.Action(f.Action), Resource: audit.Resource{Kind: f.Kind, ID: f.Resource},
		Correlation: f.Correlation, Outcome: audit.Outcome(f.Outcome),
	}
}

// auditView is a record as a response has it.
type auditView struct {
	Seq         int            `json:"seq" doc:"From 1, without gaps."`
	ID          string         `json:"id"`
	Time        time.Time      `json:"time"`
	Actor       string         `json:"actor" doc:"Who did it: <tenant>#<object>, or system."`
	Action      string         `json:"action"`
	Kind        string         `json:"resource_kind" doc:"What was acted on."`
	Resource    string         `json:"resource"`
	Outcome     string         `json:"outcome" enum:"begun,ok,refused,failed,unreadable"`
	Fault       string         `json:"fault,omitempty" doc:"What sort of failure it was."`
	Begun       string         `json:"begun,omitempty" doc:"The record of the same request's beginning."`
	Duration    int64          `json:"duration_ms"`
	Correlation string         `json:"correlation_id"`
	Details     map[string]any `json:"details,omitempty" doc:"Ids, counts and choices; never content."`
	Name        string         `json:"name,omitempty" doc:"Of the one who acted."`
	IP          string         `json:"ip,omitempty"`
	UserAgent   string         `json:"user_agent,omitempty"`
	Hash        string         `json:"hash"`
}

func viewAudit(r audit.Record) auditView {
	v := auditView{
		Seq: r.Seq, ID: r.ID, Time: r.Time, Actor: r.Actor, Action: string(r.Action), Kind: r.Resource.Kind, Resource: r.Resource.ID,
		Outcome: string(r.Outcome), Fault: r.Fault, Begun: r.Begun, Duration: r.Duration, Correlation: r.Correlation,
		Name: r.Personal.Name, UserAgent: r.Personal.UserAgent, Hash: r.Hash,
	}
	if r.Personal.IP.IsValid() {
		v.IP = r.Personal.IP.String()
	}
	for name, value := range r.Details {
		if v.Details == nil {
			v.Details = map[string]any{}
		}
		v.Details[name] = value
	}
	return v
}

func (s *server) listAudit(ctx context.Context, in *struct {
	Paging
	AuditFilter
}) (*page[auditView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	records, err := s.Audit.List(ctx, who, in.filter(), in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(records.Records, records.Next, viewAudit), nil
}

func (s *server) exportAudit(ctx context.Context, in *struct {
	AuditFilter
	Format string `query:"format" enum:"csv,json" default:"csv"`
}) (*fileAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	text := s.newWhole()
	if err := s.Audit.Export(ctx, who, in.filter(), audit.Format(in.Format), text); err != nil {
		return nil, err
	}
	return &fileAnswer{ContentType: audit.Format(in.Format).ContentType(), Disposition: attachment("audit." + in.Format), Body: text.bytes()}, nil
}

// exportedAuditView is a record as an export in JSON has it: as it is kept, so that its hash can be recomputed.
type exportedAuditView struct {
	Seq         int            `json:"seq"`
	ID          string         `json:"id"`
	Time        time.Time      `json:"time"`
	Behind      int64          `json:"behind_ms,omitempty" doc:"By how much the clock was behind that of the record before."`
	User        string         `json:"user" doc:"Whose record it is: <tenant>#<object>."`
	Actor       string         `json:"actor"`
	Action      string         `json:"action"`
	Resource    exportedThing  `json:"resource,omitzero" doc:"What was acted on."`
	Outcome     string         `json:"outcome" enum:"begun,ok,refused,failed,unreadable"`
	Fault       string         `json:"fault,omitempty"`
	Begun       string         `json:"begun,omitempty"`
	Duration    int64          `json:"duration_ms"`
	Correlation string         `json:"correlation_id,omitempty"`
	Details     map[string]any `json:"details,omitempty"`
	Personal    exportedPerson `json:"personal,omitzero" doc:"Of the one who acted; it can be erased."`
	Digest      string         `json:"digest" doc:"HMAC-SHA-256 of personal under salt, in hex."`
	Prev        string         `json:"prev" doc:"Hash of the record before."`
	Hash        string         `json:"hash"`
	Salt        string         `json:"salt,omitempty" doc:"In base64."`
}

type exportedThing struct {
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
}

type exportedPerson struct {
	Name      string `json:"name,omitempty"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// auditBody describes the answer of an export.
func (s *server) auditBody(op *huma.Operation) {
	record := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[exportedAuditView](), true, "")
	op.Responses = map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{
		"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
		"application/json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: record}},
	}}}
}

// auditReportView is the outcome of a verification.
type auditReportView struct {
	OK      bool              `json:"ok"`
	Records int               `json:"records" doc:"How many were found."`
	Erased  int               `json:"erased" doc:"The personal fields up to this sequence number are erased."`
	Count   int               `json:"count" doc:"Of misfits."`
	Misfits []auditMisfitView `json:"misfits" nullable:"false" doc:"The first 100."`
	Head    string            `json:"head" doc:"Hash of the newest record. Keep it with seq, to prove later that nothing up to there was rewritten."`
	Seq     int               `json:"seq"`
}

type auditMisfitView struct {
	Seq     int    `json:"seq,omitempty" doc:"As far as it is known."`
	Last    int    `json:"last,omitempty" doc:"The last of a range."`
	ID      string `json:"id,omitempty" doc:"Where it was found."`
	Problem string `json:"problem" enum:"missing,truncated,altered,reordered,unlinked,foreign,unerased,headless"`
}

func (s *server) verifyAudit(ctx context.Context, _ *struct{}) (*struct{ Body auditReportView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Audit.Verify(ctx, who)
	if err != nil {
		return nil, err
	}
	view := auditReportView{
		OK: r.OK, Records: r.Records, Erased: r.Erased, Count: r.Count, Misfits: make([]auditMisfitView, len(r.Misfits)), Head: r.Head, Seq: r.Seq,
	}
	for i, m := range r.Misfits {
		view.Misfits[i] = auditMisfitView{Seq: m.Seq, Last: m.Last, ID: m.ID, Problem: string(m.Problem)}
	}
	return &struct{ Body auditReportView }{view}, nil
}
