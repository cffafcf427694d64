package assistant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"adminassistant/shared/fault"
)

type fieldsInput struct {
	Start       *time.Time `json:"start,omitempty" jsonschema:"instant, such as 2026-10-05T07:00:00Z"`
	End         *time.Time `json:"end,omitempty" jsonschema:"instant after the start"`
	Subject     *string    `json:"subject,omitempty"`
	Location    *string    `json:"location,omitempty"`
	Categories  *[]string  `json:"categories,omitempty" jsonschema:"all that it has then, each as Customer - billing type, such as: Acme - billable"`
	Sensitivity *string    `json:"sensitivity,omitempty" jsonschema:"normal, personal, private or confidential"`
	ShowAs      *string    `json:"show_as,omitempty"`
	Body        *string    `json:"body,omitempty" jsonschema:"plain text"`
}

type verdictInput struct {
	Key string `json:"key,omitempty" jsonschema:"key of the appointment, as the action or ledger_day has it; left out of create"`
	// The words are those of decision.Words; the API refuses others and names what there is.
	Verdict string `json:"verdict" jsonschema:"keep, keep_as, drop (with by), merge (with into), create, accept, keep_archived or withdraw"`
	By      string `json:"by,omitempty" jsonschema:"of drop: the key of the one that won"`
	Into    string `json:"into,omitempty" jsonschema:"of merge: the key of the one that stands"`

	Only   []string     `json:"only,omitempty" jsonschema:"of accept: the fields that are accepted; all without it"`
	Fields *fieldsInput `json:"fields,omitempty" jsonschema:"of keep_as, create and merge: the new values; what is not given stays"`
}

type decisionInput struct {
	Config       string         `json:"config" jsonschema:"archive config, by name or id"`
	Action       string         `json:"action,omitempty" jsonschema:"id of the action that it answers; left out of a correction that nobody asked for"`
	Verdicts     []verdictInput `json:"verdicts" jsonschema:"one for each appointment that the action is about"`
	Note         string         `json:"note,omitempty" jsonschema:"why, in 500 characters at most; it is kept with the decision"`
	AllowOverlap bool           `json:"allow_overlap,omitempty" jsonschema:"what stands then may share time with others; needs a note"`
}

type undoInput struct {
	Run     string `json:"run" jsonschema:"id of the run whose effects are to be taken back"`
	Cascade bool   `json:"cascade,omitempty" jsonschema:"take back also the later runs that stand in the way, first"`
}

type archiveInput struct {
	Config string `json:"config" jsonschema:"archive config, by name or id"`
	Period string `json:"period" jsonschema:"days in words, such as: yesterday, last week"`
}

type sheetInput struct {
	Customer string `json:"customer" jsonschema:"customer, by name or id"`
	Period   string `json:"period" jsonschema:"days in words, such as: last month"`
	Config   string `json:"config,omitempty" jsonschema:"archive config, by name or id; may be left out where there is one"`
}

type applyInput struct {
	PlanHash string `json:"plan_hash" jsonschema:"that of a preview of this session"`
}

// previewAnswer is what would happen.
type previewAnswer struct {
	PlanHash string `json:"plan_hash"` // to be given to apply
	Would    any    `json:"would"`
}

func (s *server) changeTools(tools *mcp.Server) {
	tool(tools, mcp.Tool{
		Name: "preview_decision", Annotations: reading("Preview of a decision"),
		Description: "Find out what a decision about appointments would do, with hours by customer before and after, and what would be refused. It answers an " +
			"action, or corrects, adds or withdraws appointments of the record. The source calendar is never changed.",
	}, func(ctx context.Context, in decisionInput) (any, error) {
		body := func(preview bool) any {
			decided := map[string]any{"verdicts": in.Verdicts, "note": in.Note, "allow_overlap": in.AllowOverlap}
			if in.Action != "" {
				decided["action"] = in.Action
			}
			return map[string]any{"config": in.Config, "decisions": []any{decided}, "preview": preview}
		}
		return s.preview(ctx, &change{
			see: func(ctx context.Context) (any, error) { return s.dryRun(ctx, "/v1/decisions", body(true)) },
			do:  func(ctx context.Context) (any, error) { return s.api.Follow(ctx, "/v1/decisions", body(false)) },
		})
	})
	tool(tools, mcp.Tool{
		Name: "preview_undo", Annotations: reading("Preview of an undo"),
		Description: "Find out what taking back what a run wrote would do. What was changed since is left as it is, and named.",
	}, func(ctx context.Context, in undoInput) (any, error) {
		path := "/v1/runs/" + url.PathEscape(in.Run) + "/undo"
		hash := ""
		return s.preview(ctx, &change{
			see: func(ctx context.Context) (any, error) {
				would, err := s.api.Do(ctx, http.MethodPost, path, url.Values{"preview": {"true"}}, map[string]any{"cascade": in.Cascade})
				if err != nil {
					return nil, err
				}
				var plan struct {
					Hash string `json:"plan_hash"`
				}
				err = json.Unmarshal(would, &plan)
				hash = plan.Hash
				return would, err
			},
			do: func(ctx context.Context) (any, error) {
				return s.api.Follow(ctx, path, map[string]any{"plan_hash": hash, "cascade": in.Cascade})
			},
		})
	})
	tool(tools, mcp.Tool{
		Name: "preview_archive", Annotations: reading("Preview of archiving"),
		Description: "Find out what archiving the days of a period would do: sums by outcome, and what becomes of each appointment.",
	}, func(ctx context.Context, in archiveInput) (any, error) {
		body := func(dry bool) any {
			return map[string]any{"kind": "archive", "config": in.Config, "period": in.Period, "dry_run": dry}
		}
		return s.preview(ctx, &change{
			see: func(ctx context.Context) (any, error) { return s.dryRun(ctx, "/v1/runs", body(true)) },
			do:  func(ctx context.Context) (any, error) { return s.api.Follow(ctx, "/v1/runs", body(false)) },
		})
	})
	tool(tools, mcp.Tool{
		Name: "preview_timesheet", Annotations: reading("Preview of a timesheet"),
		Description: "Find out the hours of a period by customer, before a timesheet of one of them is made as a draft; apply returns the draft, line by line. " +
			"Approving, locking and sending are the user's own.",
	}, func(ctx context.Context, in sheetInput) (any, error) {
		return s.preview(ctx, &change{
			see: func(ctx context.Context) (any, error) {
				return s.get(ctx, "/v1/hours", query{"config": in.Config, "period": in.Period, "by": "customer"})
			},
			do: func(ctx context.Context) (any, error) {
				return s.api.Do(ctx, http.MethodPost, "/v1/timesheets", nil, query{"customer": in.Customer, "period": in.Period, "config": in.Config}.body())
			},
		})
	})
	yes, no := true, false
	tool(tools, mcp.Tool{
		Name:        "apply",
		Annotations: &mcp.ToolAnnotations{Title: "Carry out what was previewed", DestructiveHint: &yes, OpenWorldHint: &no},
		Description: "Carry out what a preview of this session showed, after the user agreed. It is refused when something changed since, so that what happens is " +
			"what was shown.",
	}, s.apply)
}

// change is something that can be done in two steps.
type change struct {
	// see says what would happen, without ids and times that differ each time.
	see func(ctx context.Context) (any, error)
	do  func(ctx context.Context) (any, error)
}

// mostPreviews is how many previews a session keeps; the oldest are forgotten first.
const mostPreviews = 100

// previews are those that were shown and not applied, by their hash.
type previews struct {
	mu    sync.Mutex
	order []string
	all   map[string]*change
}

func (p *previews) keep(hash string, c *change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]*change{}
	}
	if p.all[hash] == nil {
		p.order = append(p.order, hash)
	}
	p.all[hash] = c
	if len(p.order) > mostPreviews {
		delete(p.all, p.order[0])
		p.order = p.order[1:]
	}
}

// take returns a preview and forgets it: it is applied once.
func (p *previews) take(hash string) *change {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.all[hash]
	delete(p.all, hash)
	p.order = slices.DeleteFunc(p.order, func(h string) bool { return h == hash })
	return c
}

func (s *server) preview(ctx context.Context, c *change) (any, error) {
	would, err := c.see(ctx)
	if err != nil {
		return nil, err
	}
	_, hash, err := written(would)
	if err != nil {
		return nil, err
	}
	s.previews.keep(hash, c)
	return previewAnswer{PlanHash: hash, Would: would}, nil
}

func (s *server) apply(ctx context.Context, in applyInput) (any, error) {
	c := s.previews.take(in.PlanHash)
	if c == nil {
		return nil, fault.Field("plan_hash", "is of no preview of this session that was not applied yet; preview it first")
	}
	would, err := c.see(ctx)
	if err != nil {
		return nil, fmt.Errorf("nothing was done: %w", err)
	}
	text, hash, err := written(would)
	if err != nil {
		return nil, err
	}
	if hash != in.PlanHash {
		s.previews.keep(hash, c)
		return nil, fault.New(fault.Conflict, "nothing was done: something changed since the preview. Now this would happen, with the plan_hash %s: %s",
			hash, text)
	}
	done, err := c.do(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{"done": done}, nil
}

// written is what would happen as JSON, and the SHA-256 of that.
func written(would any) (text []byte, hash string, err error) {
	if text, err = json.Marshal(would); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	return text, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// runAnswer is what is read of a run. What its kind found out stands under a name of its own.
type runAnswer struct {
	ID      string `json:"id"`
	Problem *struct {
		Detail string `json:"detail"`
	} `json:"problem"`
	Result  json.RawMessage `json:"result"`
	Decided json.RawMessage `json:"decided"`
}

// itemAnswer is what would become of an appointment.
type itemAnswer struct {
	Key  string `json:"key"`
	Plan struct {
		Outcome     string          `json:"outcome,omitempty"`
		Reason      string          `json:"reason,omitempty"`
		Verdict     string          `json:"verdict,omitempty"`
		Appointment json.RawMessage `json:"appointment,omitempty"`
		Changes     json.RawMessage `json:"changes,omitempty"`
	} `json:"plan"`
	Problem *struct {
		Detail string `json:"detail"`
	} `json:"problem,omitempty"`
}

// dryAnswer is what a run found out that wrote nothing. It is the same as long as what would happen is the same.
type dryAnswer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Items  []itemAnswer    `json:"items"`
	// More says that there are more items than are shown.
	More bool `json:"more,omitempty"`
}

// dryRun starts a run that writes nothing, and returns what it found out.
func (s *server) dryRun(ctx context.Context, path string, body any) (any, error) {
	text, err := s.api.Follow(ctx, path, body)
	if err != nil {
		return nil, err
	}
	var r runAnswer
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if r.Problem != nil {
		return nil, errors.New(r.Problem.Detail)
	}
	if text, err = s.list(ctx, "/v1/runs/"+url.PathEscape(r.ID)+"/items", nil); err != nil {
		return nil, err
	}
	var page struct {
		Items []itemAnswer `json:"items"`
		Next  string       `json:"next"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, err
	}
	out := dryAnswer{Result: r.Result, Items: page.Items, More: page.Next != ""}
	if r.Decided != nil {
		out.Result = r.Decided
	}
	return out, nil
}

// body is the JSON of a call; empty members are left out.
func (q query) body() map[string]string {
	maps.DeleteFunc(q, func(_, value string) bool { return value == "" })
	return q
}
