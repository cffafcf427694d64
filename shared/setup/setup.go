// Package setup knows how a calendar begins to be archived: by a config, and by the jobs that go with it.
package setup

import (
	"context"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/archive"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// Setup begins to archive calendars.
type Setup struct {
	Configs  *archive.Configs
	Jobs     *job.Jobs
	Accounts *account.NamedAccounts
}

// Create stores a new config, whose calendars find may find, and then creates jobs of it. A job that cannot be created is none: the config is there all
// the same, and its user can create one. Errors are those of archive.Configs.Create.
func (s *Setup) Create(
	ctx context.Context, user string, c archive.Config, find archive.Finder, jobs ...func(*archive.Config) job.Job,
) (archive.Config, error) {
	c, err := s.Configs.Finding(find).Create(ctx, user, c)
	if err != nil {
		return archive.Config{}, err
	}
	if err := s.Accounts.Note(ctx, user, c.Source, c.Archive); err != nil {
		return archive.Config{}, err
	}
	for _, of := range jobs {
		if _, err := s.Jobs.Create(ctx, user, of(&c)); err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Str("config", c.ID).Msg("new config lacks a job")
		}
	}
	return c, nil
}

// Weekly is the job that verifies a config once a week.
func Weekly(c *archive.Config) job.Job {
	return job.Job{
		Kind: run.Verify, Config: c.ID, Jitter: job.MaxJitter,
		Schedule: job.Schedule{Repeat: job.Weekly, At: "04:30", Weekdays: []string{"sunday"}, Zone: c.Timezone},
	}
}

// Nightly is the job that archives what a day became.
func Nightly(c *archive.Config) job.Job {
	return job.Job{
		Kind: run.Archive, Config: c.ID, Jitter: job.DefaultJitter, Schedule: job.Schedule{Repeat: job.Daily, At: "23:59", Zone: c.Timezone},
	}
}
