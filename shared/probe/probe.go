// Package probe shows that new versions of the functions work, before anybody is sent to them: a user who is nobody has a calendar archived,
// verified, backed up and drilled by these versions, with the rights, keys and settings that they are deployed with. Afterwards all of it is erased.
//
// The calendars of that user are local ones. So nothing of a real user is touched, and a deployment does not depend on Microsoft 365.
package probe

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/run"
)

// Tenant is the tenant of users that probes make. No user of Entra ID can have it: it is no id.
const Tenant = "probe"

// Ask is what a version of a function is asked to do, in the place of its usual event. Whatever it is asked, it looks whether it reaches the table.
type Ask struct {
	// Run is a run to carry out, of whoever carries out runs.
	Run *run.Message `json:"run,omitempty"`
	// Verify is a ledger to verify, of the API.
	Verify *Ledger `json:"verify,omitempty"`
}

// Ledger names the ledger of a user's config.
type Ledger struct {
	User   string `json:"user"`
	Config string `json:"config"`
}

// Answer is what a version says.
type Answer struct {
	Version string `json:"version"` // of the software
	// Problem is what kept it from doing what it was asked; empty: nothing.
	Problem string `json:"problem,omitempty"`
}

// head is how an ask begins. No event of API Gateway, SQS or the schedule can begin so.
const head = `{"admin_assistant_probe":`

// Event is the event that asks.
func (a Ask) Event() ([]byte, error) {
	ask, err := json.Marshal(a)
	return fmt.Appendf(nil, "%s%s}", head, ask), err
}

// Read returns what an event asks; false: it is not of a probe.
func Read(event []byte) (a Ask, is bool, err error) {
	rest, is := bytes.CutPrefix(event, []byte(head))
	if !is {
		return a, false, nil
	}
	rest, whole := bytes.CutSuffix(rest, []byte("}"))
	if err = json.Unmarshal(rest, &a); err == nil && !whole {
		err = errors.New("it has no end")
	}
	return a, true, err
}

// Calendars are the local calendars of one user.
type Calendars interface {
	CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error)
	Import(ctx context.Context, account, calendarID string, f ics.File, how importing.Options) (importing.Report, error)
}

// Rehearsal is what a probe needs.
type Rehearsal struct {
	// Functions are those to be asked, and Ask asks the new version of one of them.
	Functions []string
	Ask       func(ctx context.Context, function string, a Ask) (Answer, error)
	Configs   *archive.Configs
	Runs      *run.Store
	Calendars func(user string) Calendars
	// Erase erases all there is of a user.
	Erase func(ctx context.Context, user string) error
	NewID func() string
	Clock func() time.Time
}

// sample is a week with a duplicate, a private appointment, two that collide, and a series.
//
//go:embed sample.ics
var sample []byte

// archived is how many appointments of the sample an archive has.
const archived = 6

// tidyTime is how long erasing may take when the time for the probe itself is up.
const tidyTime = 30 * time.Second

// Run asks all functions, and then has a user archived, verified, backed up and drilled. The error says which of them did not do what it should.
// Whatever happens, the user is erased.
func (r *Rehearsal) Run(ctx context.Context) (err error) {
	for _, function := range r.Functions {
		if err := r.ask(ctx, function, Ask{}); err != nil {
			return err
		}
	}
	user := Tenant + "#" + r.NewID()
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		if gone := r.Erase(tidy, user); gone != nil {
			err = errors.Join(err, fmt.Errorf("erase the user of the probe: %w", gone))
		}
	}()
	config, err := r.furnish(ctx, user)
	if err != nil {
		return err
	}
	for _, want := range []int{archived, 0} { // a second run changes nothing
		if err := r.archive(ctx, user, config, want); err != nil {
			return err
		}
	}
	if err := r.ask(ctx, "api", Ask{Verify: &Ledger{User: user, Config: config.ID}}); err != nil {
		return err
	}
	for _, kind := range []run.Kind{run.Backup, run.Drill} {
		todo := &run.Run{User: user, Kind: kind, Config: config.ID, Calendar: config.Source.String(), Input: []byte(`{}`)}
		if _, err := r.carryOut(ctx, "backup", todo); err != nil {
			return err
		}
	}
	return nil
}

// ask asks one function.
func (r *Rehearsal) ask(ctx context.Context, function string, a Ask) error {
	answer, err := r.Ask(ctx, function, a)
	if err != nil {
		return fmt.Errorf("ask %s: %w", function, err)
	}
	if answer.Problem != "" {
		return fmt.Errorf("%s: %s", function, answer.Problem)
	}
	return nil
}

// furnish gives the user a calendar with the sample, and a config for it.
func (r *Rehearsal) furnish(ctx context.Context, user string) (archive.Config, error) {
	uri := func(name string) calendar.URI {
		return calendar.URI{Provider: calendar.ProviderLocal, Account: "probe", Calendar: name}
	}
	file, err := ics.Read(bytes.NewReader(sample))
	if err != nil {
		return archive.Config{}, fmt.Errorf("read the sample: %w", err)
	}
	calendars := r.Calendars(user)
	info, err := calendars.CreateCalendar(ctx, uri("Work"))
	if err == nil {
		_, err = calendars.Import(ctx, "probe", info.ID, file, importing.Options{Strict: true})
	}
	if err != nil {
		return archive.Config{}, fmt.Errorf("make a calendar: %w", err)
	}
	c, err := r.Configs.Create(ctx, user, archive.Config{
		Name: "probe", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin",
		Purpose: archive.General, Overlaps: archive.Resolve, OnDrift: archive.AskOnDrift, CreateCalendar: true,
	})
	if err != nil {
		return c, fmt.Errorf("make a config: %w", err)
	}
	return c, nil
}

// archive has the sample archived, and compares how many appointments were written.
func (r *Rehearsal) archive(ctx context.Context, user string, c archive.Config, want int) error {
	day := func(d int) calendar.Date { return calendar.Date{Year: 2026, Month: time.October, Day: d} }
	ended, err := r.carryOut(ctx, "archive", &run.Run{User: user, Kind: run.Archive, Config: c.ID, From: day(5), To: day(9)})
	if err != nil {
		return err
	}
	var result archive.Result
	if err := json.Unmarshal(ended.Result, &result); err != nil {
		return fmt.Errorf("archive: read the result of the run: %w", err)
	}
	if result.Written != want {
		return fmt.Errorf("archive: wrote %d appointments, not %d", result.Written, want)
	}
	return nil
}

// carryOut has a function carry a run out, which has to succeed.
func (r *Rehearsal) carryOut(ctx context.Context, function string, todo *run.Run) (*run.Run, error) {
	todo.ID, todo.State, todo.Created = r.NewID(), run.Queued, r.Clock().UTC()
	todo.Correlation, todo.Progress = todo.ID, run.NewProgress("queued", 0, 0)
	if _, _, err := r.Runs.Create(ctx, todo); err != nil {
		return nil, fmt.Errorf("make a run of kind %s: %w", todo.Kind, err)
	}
	err := r.ask(ctx, function, Ask{Run: &run.Message{RunID: todo.ID, Kind: todo.Kind, User: todo.User, Correlation: todo.Correlation}})
	if err != nil {
		return nil, err
	}
	ended, err := r.Runs.Get(ctx, todo.User, todo.ID)
	if err != nil {
		return nil, fmt.Errorf("read the run of kind %s: %w", todo.Kind, err)
	}
	if ended.State != run.Succeeded {
		why := ""
		if ended.Problem != nil {
			why = ": " + ended.Problem.Detail
		}
		return nil, fmt.Errorf("%s: the run of kind %s is %s%s", function, todo.Kind, ended.State, why)
	}
	return ended, nil
}
