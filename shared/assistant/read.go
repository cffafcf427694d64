package assistant

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// mostShown is how many things of a list are shown at once.
const mostShown = 50

type noInput struct{}

type hoursInput struct {
	Config string `json:"config,omitempty" jsonschema:"archive config, by name or id; may be left out where there is one"`
	Period string `json:"period" jsonschema:"days in words, such as: last week, this month, October 2026, 2026-10-05 to 2026-10-09"`
	By     string `json:"by,omitempty" jsonschema:"what time is added up by: customer (the default), day, week, billing or category"`
}

type dayInput struct {
	Config string `json:"config" jsonschema:"archive config, by name or id"`
	Date   string `json:"date" jsonschema:"local day, YYYY-MM-DD"`
	AsOf   string `json:"as_of,omitempty" jsonschema:"instant such as 2026-10-05T07:00:00Z: the day as the record had it then"`
}

type historyInput struct {
	Config string `json:"config" jsonschema:"archive config, by name or id"`
	Key    string `json:"key" jsonschema:"key of the appointment, as ledger_day has it"`
}

type actionsInput struct {
	Config string `json:"config,omitempty" jsonschema:"only those about this archive config"`
	Kind   string `json:"kind,omitempty" jsonschema:"only those of this kind, such as overlap, drift or missing_category"`
	Period string `json:"period,omitempty" jsonschema:"only those about these days, in words"`
}

type runsInput struct {
	Config string `json:"config,omitempty" jsonschema:"only those of this archive config"`
}

type sheetsInput struct {
	Customer string `json:"customer,omitempty" jsonschema:"only those of this customer, by name or id"`
}

type byID struct {
	ID string `json:"id" jsonschema:"id"`
}

func (s *server) readTools(tools *mcp.Server) {
	tool(tools, mcp.Tool{
		Name: "configs", Annotations: reading("Archive configs"),
		Description: "List the archive configs: which calendar is archived where, in which time zone, by which policies. Other tools take their names.",
	}, func(ctx context.Context, _ noInput) (any, error) { return s.list(ctx, "/v1/archive-configs", nil) })
	tool(tools, mcp.Tool{
		Name: "customers", Annotations: reading("Customers"), Description: "List the customers with their names, rates and rounding.",
	}, func(ctx context.Context, _ noInput) (any, error) { return s.list(ctx, "/v1/customers", nil) })
	tool(tools, mcp.Tool{
		Name: "hours", Annotations: reading("Hours"),
		Description: "Add up the time that stands in the archive by customer, day, week, billing type or category, with what it comes to where rates are known, " +
			"what was left out and why, and where appointments share time.",
	}, func(ctx context.Context, in hoursInput) (any, error) {
		return s.get(ctx, "/v1/hours", query{"config": in.Config, "period": in.Period, "by": in.By})
	})
	tool(tools, mcp.Tool{
		Name: "ledger_day", Annotations: reading("A day of the record"),
		Description: "Show what the record has of a local day: each appointment with key, times, customer, outcome and why; now, or as it stood at an instant.",
	}, func(ctx context.Context, in dayInput) (any, error) {
		return s.list(ctx, "/v1/ledger/"+url.PathEscape(in.Config)+"/days/"+url.PathEscape(in.Date), query{"as_of": in.AsOf})
	})
	tool(tools, mcp.Tool{
		Name: "history", Annotations: reading("The history of an appointment"),
		Description: "List all versions of an appointment in the record, the oldest first, with what made each of them.",
	}, func(ctx context.Context, in historyInput) (any, error) {
		return s.list(ctx, "/v1/ledger/"+url.PathEscape(in.Config)+"/history", query{"key": in.Key})
	})
	tool(tools, mcp.Tool{
		Name: "open_actions", Annotations: reading("What waits for a decision"),
		Description: "List what waits for the user to decide, the newest first, each with the appointments that it is about, both sides of them, and suggestions " +
			"whose verdicts preview_decision takes as they are.",
	}, s.openActions)
	tool(tools, mcp.Tool{
		Name: "action", Annotations: reading("An action"), Description: "Show one action with all that it is about, and with suggestions.",
	}, func(ctx context.Context, in byID) (any, error) {
		return s.get(ctx, "/v1/actions/"+url.PathEscape(in.ID), nil)
	})
	tool(tools, mcp.Tool{
		Name: "runs", Annotations: reading("Runs"), Description: "List runs (archiving, decisions, undos, backups and others), the newest first, with their sums.",
	}, func(ctx context.Context, in runsInput) (any, error) {
		return s.list(ctx, "/v1/runs", query{"config": in.Config})
	})
	tool(tools, mcp.Tool{
		Name: "run", Annotations: reading("A run"), Description: "Show one run, and what became of each appointment.",
	}, func(ctx context.Context, in byID) (any, error) {
		path := "/v1/runs/" + url.PathEscape(in.ID)
		shown, err := s.get(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		items, err := s.list(ctx, path+"/items", nil)
		return map[string]any{"run": shown, "items": items}, err
	})
	tool(tools, mcp.Tool{
		Name: "timesheets", Annotations: reading("Timesheets"), Description: "List timesheets, the newest first: drafts, approved and locked ones.",
	}, func(ctx context.Context, in sheetsInput) (any, error) {
		return s.list(ctx, "/v1/timesheets", query{"customer": in.Customer})
	})
	tool(tools, mcp.Tool{
		Name: "timesheet", Annotations: reading("A timesheet"),
		Description: "Show a timesheet with lines, positions and totals. A draft is computed from the record as it is now.",
	}, func(ctx context.Context, in byID) (any, error) {
		return s.get(ctx, "/v1/timesheets/"+url.PathEscape(in.ID), nil)
	})
}

// query has parameters of a call; empty ones are left out.
type query map[string]string

func (q query) values() url.Values {
	v := url.Values{}
	for name, value := range q {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

func (s *server) get(ctx context.Context, path string, q query) (json.RawMessage, error) {
	return s.api.Do(ctx, http.MethodGet, path, q.values(), nil)
}

// list is one page of a list, of which next says whether there is more.
func (s *server) list(ctx context.Context, path string, q query) (json.RawMessage, error) {
	v := q.values()
	v.Set("limit", strconv.Itoa(mostShown))
	return s.api.Do(ctx, http.MethodGet, path, v, nil)
}

// mostAsked is of how many actions all is shown at once.
const mostAsked = 10

// actionsAnswer is what waits for the user.
type actionsAnswer struct {
	Items []json.RawMessage `json:"items"`
	// More are the ids of further ones, of which the tool action shows all.
	More []string `json:"more,omitempty"`
	// Further says that there are still others; ask for a config, a kind or a period.
	Further bool `json:"further,omitempty"`
}

func (s *server) openActions(ctx context.Context, in actionsInput) (any, error) {
	text, err := s.list(ctx, "/v1/actions", query{"state": "open", "config": in.Config, "kind": in.Kind, "period": in.Period})
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []byID `json:"items"`
		Next  string `json:"next"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, err
	}
	out := actionsAnswer{Items: []json.RawMessage{}, Further: page.Next != ""}
	for i, a := range page.Items {
		if i >= mostAsked {
			out.More = append(out.More, a.ID)
			continue
		}
		shown, err := s.get(ctx, "/v1/actions/"+url.PathEscape(a.ID), nil)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, shown)
	}
	return out, nil
}
