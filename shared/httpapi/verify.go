package httpapi

import (
	"context"
	"net/http"

	"adminassistant/shared/archive"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// verifyInput is what a verify run looks at.
type verifyInput struct {
	Period string `json:"period,omitempty" doc:"Days in words, as in \"last month\"; without it, and from and to, all days."`
	From   string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
	To     string `json:"to,omitempty" doc:"Last day, included."`
}

func (s *server) verifyRoutes() {
	handle(s, route{
		pattern: "POST /v1/archive-configs/{id}/verify", access: byUsers, class: limit.Starts, action: "run.start",
		tag: tagRuns, summary: "Start a run that compares the archive calendar with the ledger", success: http.StatusAccepted, document: alsoOK,
		description: "It writes neither. It also compares the ledger with all that was sealed of it, and adds the sums of runs up. What differs is in the run's " +
			"items: missing, altered (with the fields, and both values), duplicate_copy, orphan_copy, foreign, calendar_missing, unsettled. The run ends " +
			"succeeded if nothing differs, partial if something does, failed if the ledger is not what was written.",
	}, s.startVerify)
}

// days sets the days of a run of a config's, if there are any.
func (in *verifyInput) days(ctx context.Context, s *server, c archive.Config, r *run.Run) error {
	if *in == (verifyInput{}) {
		return nil
	}
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return err
	}
	w, err := window(in.Period, in.From, in.To, settings.Zone, s.Clock(), own.Weekday())
	if err != nil {
		return err
	}
	r.From, r.To = w.From, w.To
	return nil
}

// archiveOf returns the caller's config by its id or name, if the caller may reach its calendars.
func (s *server) archiveOf(ctx context.Context, idOrName string) (c archive.Config, who string, err error) {
	if who, err = user(ctx); err != nil {
		return c, "", err
	}
	if c, err = s.Configs.Named(ctx, who, idOrName); err != nil {
		return c, "", err
	}
	return c, who, s.reach(ctx, who, c.Source, c.Archive)
}

func (s *server) startVerify(ctx context.Context, in *struct {
	ByID
	Body *verifyInput
}) (*runAnswer, error) {
	c, who, err := s.archiveOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Verify, Config: c.ID}
	if in.Body != nil {
		if err := in.Body.days(ctx, s, c, r); err != nil {
			return nil, err
		}
	}
	return s.launch(ctx, who, r)
}
