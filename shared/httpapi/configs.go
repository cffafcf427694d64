package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/limit"
	"adminassistant/shared/rule"
	"adminassistant/shared/setup"
	"adminassistant/shared/store"
)

// ConfigInput is an archive config as a request has it; what is left out has its default.
type ConfigInput struct {
	Name           string `json:"name" doc:"Unique among your configs, in any case."`
	Source         string `json:"source" doc:"URI of the calendar that is archived; it is never written." example:"local://me/calendars/Work"`
	Archive        string `json:"archive" doc:"URI of the calendar that it is archived into." example:"local://me/calendars/Archive"`
	Timezone       string `json:"timezone" doc:"IANA time zone in which days begin and end." example:"Europe/Berlin"`
	Purpose        string `json:"purpose,omitempty" enum:"general,timesheet" default:"general" doc:"timesheet archives only travel and what has a customer."`
	Overlaps       string `json:"overlaps,omitempty" enum:"keep,ask,resolve" default:"ask" doc:"What becomes of appointments that share time."`
	AllDayOverlaps bool   `json:"all_day_overlaps,omitempty" doc:"All-day appointments take part in overlaps."`
	OnDrift        string `json:"on_drift,omitempty" enum:"ask,accept" default:"ask" doc:"What becomes of an appointment that changed after it was archived."`
	OnEdit         onEdit `json:"on_edit,omitempty" default:"ask"`
	LookBack       *int   `json:"look_back,omitempty" minimum:"0" maximum:"366" default:"30" doc:"Days that a run without a period covers at least."`
	CreateCalendar *bool  `json:"create_calendar,omitempty" default:"true" doc:"The first run may create the archive calendar."`
	// Rules is nil where a request says nothing of them.
	Rules *[]ruleInput `json:"rules,omitempty" doc:"Rules, in their order. Left out: a new config has none, and an existing one keeps its own."`
}

// onEdit is archive.OnEdit in a request.
type onEdit string

// Schema implements huma.SchemaProvider.
func (onEdit) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Enum: []any{string(archive.AskOnEdit), string(archive.RepairOnEdit), string(archive.AdoptOnEdit)},
		Description: "What becomes of a copy that somebody altered in the archive calendar, when a job's verification finds it. ask: you are asked. " +
			"repair: the copy gets what the ledger has. adopt: the ledger takes what the copy shows, as your decision.",
	}
}

// Check says what is wrong with an input of which nothing is left out, without asking for what there is. Errors are of kind fault.Invalid and name the field.
func (in *ConfigInput) Check() error {
	if in.LookBack == nil || in.CreateCalendar == nil {
		return fault.New(fault.Invalid, "look_back and create_calendar are missing")
	}
	var c archive.Config
	if err := in.apply(&c); err != nil {
		return err
	}
	return c.Validate()
}

// apply puts the input into a config. Errors are of kind fault.Invalid and name the field.
func (in *ConfigInput) apply(c *archive.Config) (err error) {
	if in.Rules != nil {
		if c.Rules, err = rule.Check(drafts(*in.Rules)); err != nil {
			return err
		}
	}
	c.Name, c.Timezone, c.AllDayOverlaps = in.Name, in.Timezone, in.AllDayOverlaps
	c.Purpose, c.Overlaps, c.OnDrift = archive.Purpose(in.Purpose), archive.Policy(in.Overlaps), archive.OnDrift(in.OnDrift)
	c.OnEdit = archive.OnEdit(in.OnEdit)
	c.LookBack, c.CreateCalendar = *in.LookBack, *in.CreateCalendar
	if c.Source, err = parseURI("source", in.Source); err != nil {
		return err
	}
	c.Archive, err = parseURI("archive", in.Archive)
	return err
}

func parseURI(field, text string) (calendar.URI, error) {
	uri, err := calendar.ParseURI(text)
	return uri, at(field, err)
}

// configView is an archive config as a response has it.
type configView struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Source         string      `json:"source"`
	Archive        string      `json:"archive"`
	Timezone       string      `json:"timezone"`
	Purpose        string      `json:"purpose" enum:"general,timesheet"`
	Overlaps       string      `json:"overlaps" enum:"keep,ask,resolve"`
	AllDayOverlaps bool        `json:"all_day_overlaps"`
	OnDrift        string      `json:"on_drift" enum:"ask,accept"`
	OnEdit         string      `json:"on_edit" enum:"ask,repair,adopt"`
	LookBack       int         `json:"look_back"`
	CreateCalendar bool        `json:"create_calendar"`
	Rules          []ruleView  `json:"rules" nullable:"false"`
	Active         bool        `json:"active" doc:"Only an active config starts runs."`
	Shares         []shareView `json:"shares,omitempty" nullable:"false" doc:"Calendars that another config uses, too; never an archive calendar. Only in lists."`
	Created        time.Time   `json:"created"`
	Updated        time.Time   `json:"updated"`
}

// shareView is a calendar of a config that is another config's as well.
type shareView struct {
	Calendar string `json:"calendar" enum:"source,archive" doc:"What the calendar is to this config."`
	As       string `json:"as" enum:"source,archive" doc:"What it is to the other config."`
	Config   string `json:"config" doc:"Id of the other config."`
	Name     string `json:"name" doc:"Name of the other config."`
}

func viewConfig(c archive.Config) configView {
	return configView{
		ID: c.ID, Name: c.Name, Source: c.Source.String(), Archive: c.Archive.String(), Timezone: c.Timezone, Purpose: string(c.Purpose),
		Overlaps: string(c.Overlaps), AllDayOverlaps: c.AllDayOverlaps, OnDrift: string(c.OnDrift), LookBack: c.LookBack,
		OnEdit: string(cmp.Or(c.OnEdit, archive.AskOnEdit)), CreateCalendar: c.CreateCalendar, Rules: viewRules(c.Rules), Active: c.Active,
		Created: c.Created, Updated: c.Updated,
	}
}

type configAnswer struct {
	ETag     string `header:"ETag" doc:"Goes into If-Match when the config is changed or deleted."`
	Location string `header:"Location" doc:"Of a config that was created."`
	Body     configView
}

func answerConfig(c archive.Config) *configAnswer {
	return &configAnswer{ETag: etag(c.Version), Body: viewConfig(c)}
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

const headerIfMatch = "If-Match"

// ByID names a thing that has no name of its own.
type ByID struct {
	ID string `path:"id" doc:"The id, as lists and other answers have it."`
}

// ByIDOrName names a thing that has a name, too. What the path has is its id by then; see byID.
type ByIDOrName struct {
	ID string `path:"id" doc:"Id, or name in any case. A name with a slash cannot stand here."`
}

// IfMatch is the header without which nothing that exists is replaced or deleted (RFC 9110, section 13.1.1).
type IfMatch struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the version that you have read, or *."`
}

// check says whether the header allows to change what has this version now.
func (m IfMatch) check(version int64) error {
	if m.IfMatch == "" {
		detail := "the If-Match header is missing; give the ETag of the version that you have read"
		return &coded{code: codeNoPrecondition, field: headerIfMatch, detail: detail}
	}
	for tag := range strings.SplitSeq(m.IfMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) { // a weak one never matches
			return nil
		}
	}
	return errMismatch()
}

func errMismatch() error {
	return &coded{code: codeMismatch, field: headerIfMatch, detail: changedMeanwhile}
}

func (s *server) configRoutes() {
	handle(s, route{pattern: "GET /v1/archive-configs", access: byUsers, tag: tagConfigs, summary: "List archive configs"}, s.listConfigs)
	handle(s, route{
		pattern: "POST /v1/archive-configs", access: byUsers, class: limit.Writes, action: "config.create",
		tag: tagConfigs, summary: "Create an archive config", success: http.StatusCreated,
		description: "A new config is active, and is verified by a job once a week unless verify is none. " +
			"An archive calendar belongs to one config: one that is another config's archive or source is refused, " +
			"as is a source that is another config's archive.",
	}, s.createConfig)
	handle(s, route{pattern: "GET /v1/archive-configs/{id}", access: byUsers, tag: tagConfigs, summary: "Show an archive config"}, s.getConfig)
	handle(s, route{
		pattern: "PUT /v1/archive-configs/{id}", access: byUsers, class: limit.Writes, action: "config.replace", needs: headerIfMatch,
		tag: tagConfigs, summary: "Replace an archive config",
		description: "What is left out gets its default, but for the rules, which stay. Once something is archived, the calendars cannot change. " +
			"They are compared with those of other configs as when a config is created.",
	}, s.putConfig)
	handle(s, route{
		pattern: "DELETE /v1/archive-configs/{id}", access: byUsers, class: limit.Removals, action: "config.delete", needs: headerIfMatch,
		tag: tagConfigs, summary: "Delete an archive config that never archived anything",
		description: "Its jobs go with it.",
	}, s.deleteConfig)
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/activate", access: byUsers, class: limit.Writes, action: "config.activate",
		tag: tagConfigs, summary: "Let a config start runs",
		description: "Its jobs go on at their next times, but for those that you paused yourself. One that shares an archive calendar with an " +
			"active config is refused.",
	}, s.activation(true))
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/deactivate", access: byUsers, class: limit.Writes, action: "config.deactivate",
		tag: tagConfigs, summary: "Keep a config from starting runs",
		description: "Its jobs are paused until it is active again.",
	}, s.activation(false))
	handle(s, route{
		pattern: "GET /v1/archive-configs/{id}/window", access: byUsers,
		tag: tagConfigs, summary: "Show the days that a run without a period would cover",
	}, s.configWindow)
}

func (s *server) listConfigs(ctx context.Context, in *struct {
	Paging
	Name string `query:"name" doc:"Only the config of this name, any case."`
}) (*page[configView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	if in.Name == "" {
		configs, next, err := s.Configs.List(ctx, who, in.Limit, in.Cursor)
		if err != nil {
			return nil, err
		}
		if len(configs) < 2 && in.Cursor == "" && next == "" {
			return onePage(configs, next, viewConfig), nil
		}
		shares, err := s.shares(ctx, who)
		if err != nil {
			return nil, err
		}
		return onePage(configs, next, func(c archive.Config) configView {
			v := viewConfig(c)
			for _, share := range shares[c.ID] {
				v.Shares = append(v.Shares, shareView{Calendar: string(share.Of), As: string(share.As), Config: share.Config, Name: share.Name})
			}
			return v
		}), nil
	}
	c, err := s.Configs.Named(ctx, who, in.Name)
	switch {
	case err != nil && fault.Of(err) == fault.NotFound, err == nil && !strings.EqualFold(c.Name, in.Name):
		return onePage(nil, "", viewConfig), nil
	case err != nil:
		return nil, err
	}
	return onePage([]archive.Config{c}, "", viewConfig), nil
}

// newConfigInput is a config that is to be created.
type newConfigInput struct {
	ConfigInput
	Verify string `json:"verify,omitempty" enum:"weekly,none" default:"weekly" doc:"weekly: also create a job that verifies the config once a week."`
}

func (s *server) createConfig(ctx context.Context, in *struct{ Body newConfigInput }) (*configAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	var c archive.Config
	if err := in.Body.apply(&c); err != nil {
		return nil, err
	}
	if err := s.reach(ctx, who, c.Source, c.Archive); err != nil {
		return nil, err
	}
	var jobs []func(*archive.Config) job.Job
	if in.Body.Verify == "weekly" {
		jobs = append(jobs, setup.Weekly)
	}
	c, err = (&setup.Setup{Configs: s.Configs, Jobs: s.Jobs, Accounts: s.Accounts}).Create(ctx, who, c, s.finder(who), jobs...)
	if err != nil {
		return nil, err
	}
	out := answerConfig(c)
	out.Location = "/v1/archive-configs/" + c.ID
	return out, nil
}

func (s *server) getConfig(ctx context.Context, in *ByIDOrName) (*configAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return answerConfig(c), nil
}

func (s *server) putConfig(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
	Body ConfigInput
}) (*configAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.check(c.Version); err != nil {
		return nil, err
	}
	was := []calendar.URI{c.Source, c.Archive}
	if err := in.Body.apply(&c); err != nil {
		return nil, err
	}
	for _, uri := range []calendar.URI{c.Source, c.Archive} {
		if slices.Contains(was, uri) { // a grant that was revoked is no reason to refuse another name or a deactivation
			continue
		}
		if err := s.reach(ctx, who, uri); err != nil {
			return nil, err
		}
	}
	if c, err = s.Configs.Finding(s.finder(who)).Update(ctx, who, c); err != nil {
		return nil, ifChanged(err)
	}
	if err := s.Accounts.Note(ctx, who, c.Source, c.Archive); err != nil {
		return nil, err
	}
	return answerConfig(c), nil
}

// ifChanged makes the failure of a conditional write, where somebody else was faster, the one that If-Match has.
func ifChanged(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return errMismatch()
	}
	return err
}

func (s *server) deleteConfig(ctx context.Context, in *struct {
	ByIDOrName
	IfMatch
}) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Get(ctx, who, in.ID)
	if fault.Of(err) == fault.NotFound { // perhaps a request deleted it that did not get to its jobs
		if left := s.follow(ctx, who, in.ID); left != nil {
			return nil, left
		}
	}
	if err != nil {
		return nil, err
	}
	if err := in.check(c.Version); err != nil {
		return nil, err
	}
	if err := s.Configs.Delete(ctx, who, in.ID, c.Version); err != nil {
		return nil, ifChanged(err)
	}
	return &struct{}{}, s.follow(ctx, who, in.ID)
}

// activation switches a config on or off, and its jobs with it. It does not depend on what else changed, so that it tries again when
// somebody was faster.
func (s *server) activation(active bool) func(context.Context, *ByIDOrName) (*configAnswer, error) {
	return func(ctx context.Context, in *ByIDOrName) (*configAnswer, error) {
		who, err := user(ctx)
		if err != nil {
			return nil, err
		}
		var c archive.Config
		for range attempts {
			if c, err = s.Configs.Get(ctx, who, in.ID); err != nil {
				return nil, err
			}
			if c.Active == active {
				break
			}
			c.Active = active
			if c, err = s.Configs.Finding(s.finder(who)).Update(ctx, who, c); !errors.Is(err, store.ErrConflict) {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		if err := s.follow(ctx, who, c.ID); err != nil {
			return nil, err
		}
		return answerConfig(c), nil
	}
}

// attempts is how often a change is tried when others change the same at that moment.
const attempts = 5

type configWindowView struct {
	From     string `json:"from" format:"date" doc:"First day."`
	To       string `json:"to" format:"date" doc:"Last day, included."`
	Timezone string `json:"timezone"`
}

func (s *server) configWindow(ctx context.Context, in *ByIDOrName) (*struct{ Body configWindowView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.Configs.Get(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	from, to, err := s.Configs.Window(ctx, c, s.Clock())
	if err != nil {
		return nil, fmt.Errorf("window of config %s: %w", c.ID, err)
	}
	return &struct{ Body configWindowView }{configWindowView{From: from.String(), To: to.String(), Timezone: c.Timezone}}, nil
}
