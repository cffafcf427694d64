package main

import (
	"bufio"
	"context"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

type jobResult struct {
	ID, Kind, State, Reason, Calendar string
	Schedule                          struct {
		Repeat, At, Cron, Zone string
		Weekdays               []string
		Day                    int
	}
	Window    struct{ Days int }
	Jitter    int
	Retention struct{ Last, Daily, Weekly, Monthly int }
	Due       time.Time
	LastRun   string `json:"last_run"`
	Next      []struct{ Due, Local time.Time }
}

// made creates a job.
func (m *machine) made(args ...string) (j jobResult) {
	m.t.Helper()
	m.local(append([]string{"job", "create", "--config", "work", "--output", "json"}, args...)...).ok().decode(&j)
	return j
}

func TestJobs(t *testing.T) {
	m := seeded(t)
	t.Run("a schedule is in the config's zone unless another one is named", func(t *testing.T) {
		m.t = t
		for _, c := range []struct {
			args  string
			words string
		}{
			{"--daily 23:59", "daily at 23:59, Europe/Berlin"},
			{"--weekly Mon,thu@04:00 --timezone America/New_York", "weekly on monday, thursday at 04:00, America/New_York"},
			{"--monthly 1@04:00", "monthly on day 1 at 04:00, Europe/Berlin"},
			{"--monthly 31@04:00", "monthly on the last day at 04:00, Europe/Berlin"},
		} {
			j := m.made(strings.Fields(c.args)...)
			m.local("job", "show", j.ID).ok().says(c.words, "Starts", "Next", "active", "up to 10 minutes")
			if m.token == "" { // a deployment lets a user remove five things a minute
				m.local("--yes", "job", "remove", j.ID).ok().says("deleted job " + j.ID)
			}
		}
		j := m.made("--cron", "30 2 * * 1-5")
		m.local("job", "list").ok().says("cron 30 2 * * 1-5", " 02:30 CE", j.ID)
		m.local("--yes", "job", "delete", j.ID).ok()
		if out := m.local("job", "list").ok().out; strings.Contains(out, "cron") {
			t.Errorf("it is still there:\n%s", out)
		}
	})
	t.Run("what is wrong is said", func(t *testing.T) {
		m.t = t
		create := []string{"job", "create", "--config", "work"}
		for args, says := range map[string]string{
			"":                                           "say when",
			"--daily 23:59 --monthly 1@01:00":            "give one of",
			"--daily 24:00":                              `--daily is "24:00"`,
			"--weekly mon":                               "--weekly: give a time of day",
			"--weekly someday@01:00":                     "someday",
			"--monthly first@01:00":                      "--monthly",
			"--monthly 32@01:00":                         "--monthly is 32",
			"--daily 01:00 --timezone Mars":              "--timezone is an unknown time zone",
			"--daily 01:00 --keep-last 3":                "--keep-last does not belong",
			"--daily 01:00 --calendar archive":           "calendar does not belong",
			"--daily 01:00 --kind drill --days 1":        "--days does not belong",
			"--daily 01:00 --kind dream":                 "kind",
			"--daily 01:00 --days 367":                   "--days must be at most 366",
			"--daily 01:00 --jitter 61":                  "jitter",
			"--daily 01:00 --kind backup --keep-last=-1": "--keep-last must be at least 0",
		} {
			m.local(append(slices.Clone(create), strings.Fields(args)...)...).fails(exitUsage, says)
		}
		m.local(append(create, "--cron", "0 0 30 2 *")...).fails(exitUsage, "never comes")
		m.local(append(create, "--cron", "*/4 * * * *")...).fails(exitUsage, "more often than every 5 minutes")
		m.local("job", "create", "--config", "none", "--daily", "01:00").fails(exitFailed, `no config "none"`)
		m.local("job", "show", "none").fails(exitFailed, `no job "none"`)
	})
	t.Run("what flags name is changed, and nothing else", func(t *testing.T) {
		m.t = t
		j := m.made("--kind", "backup", "--calendar", "archive", "--daily", "23:59", "--days", "7", "--keep-last", "7", "--keep-monthly", "12", "--jitter", "5")
		var edited jobResult
		m.local("job", "edit", j.ID, "--keep-last", "3", "--output", "json").ok().decode(&edited)
		if edited.Retention.Last != 3 || edited.Retention.Monthly != 12 || edited.Window.Days != 7 || edited.Calendar != "archive" ||
			edited.Jitter != 5 || !edited.Due.Equal(j.Due) {
			t.Errorf("edited %+v of %+v", edited, j)
		}
		m.local("job", "edit", j.ID, "--weekly", "sun@01:00", "--output", "json").ok().decode(&edited)
		if edited.Schedule.Repeat != "weekly" || edited.Schedule.Zone != "Europe/Berlin" || edited.Retention.Last != 3 ||
			edited.Due.In(time.UTC).Weekday() == time.Monday {
			t.Errorf("edited %+v", edited)
		}
		m.local("job", "edit", j.ID, "--timezone", "UTC", "--days", "0").ok().says("weekly on sunday at 01:00, UTC", "3 last, 12 monthly", "archive", "all")
		m.local("job", "edit", j.ID).fails(exitUsage, "nothing to change")
		m.local("--yes", "job", "delete", j.ID).ok()
	})
	t.Run("a job rests, goes on, and runs when it is told to", func(t *testing.T) {
		m.t = t
		j := m.made("--daily", "23:59", "--days", "366")
		m.local("job", "pause", j.ID).ok().says("paused (user)")
		m.local("job", "list", "--state", "active").ok()
		m.local("job", "trigger", j.ID).ok().says("succeeded", ": balanced")
		m.local("job", "history", j.ID).ok().says("succeeded", "archive", "work")
		var shown jobResult
		m.local("job", "resume", j.ID, "--output", "json").ok().decode(&shown)
		if shown.State != "active" || shown.LastRun == "" || len(shown.Next) != 5 || !shown.Next[0].Due.Equal(shown.Due) {
			t.Errorf("resumed %+v", shown)
		}
		m.local("config", "deactivate", "work").ok()
		m.local("job", "show", j.ID).ok().says("paused (config inactive)")
		m.local("job", "trigger", j.ID).fails(exitFailed, "not active")
		m.local("config", "activate", "work").ok()
		m.local("job", "trigger", j.ID, "--no-wait").ok().says("is queued", "run watch")
		m.local("job", "health").ok().says("0 jobs are late", "0 jobs are failing", "Waiting", "archive", "backup")
		m.local("job", "delete", j.ID).fails(exitUsage, "daily at 23:59", "--yes")
		m.local("--yes", "job", "delete", j.ID).ok()
		m.local("archive", "list").ok().says("succeeded")
	})
}

// TestTheDemoAsksAndIsScheduledOnce starts the demo twice.
func TestTheDemoAsksAndIsScheduledOnce(t *testing.T) {
	m := newMachine(t)
	for range 2 {
		server := m.command(context.Background(), "serve", "--demo", "--addr", "127.0.0.1:0")
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Process.Kill() })
		var said strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), "serving on ") {
				if err := server.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := server.Wait(); err != nil {
			t.Fatalf("%v:\n%s", err, said.String())
		}
		if n := strings.Count(said.String(), "suggested: "); n != 3 {
			t.Errorf("%d suggestions:\n%s", n, said.String())
		}
		for _, text := range []string{"What happens by itself", "daily at 23:59", "daily at 04:00", " 23:59 CE", "stopped",
			"What it asks you", "1 Thu 2026-10-15 09:00-11:00  Initech strategy", `suggested: More attendees accepted "Initech strategy" than the others.`,
			`2 "Globex architecture": left out`, "no rule suggests an answer",
			"The hours of 2026-10-01 to 2026-10-31 by customer", "Globex               8     28:15", " 9:30  new", "Admin               22 ", // one by a rule
			"decide what is open with: admin-assistant --api http://127.0.0.1:", "in another terminal, decide what it asks: admin-assistant --api http://127.0.0.1:",
		} {
			if !strings.Contains(said.String(), text) {
				t.Errorf("it does not say %q:\n%s", text, said.String())
			}
		}
		at := regexp.MustCompile(`serving on (http://\S+),`).FindStringSubmatch(said.String())
		for _, line := range strings.Split(said.String(), "\n") {
			_, command, is := strings.Cut(line, ": admin-assistant ")
			if is && !strings.HasPrefix(command, "timesheet verify ") && !strings.HasPrefix(command, "--api "+at[1]+" ") {
				t.Errorf("this goes to another server than %s: %s", at[1], line)
			}
		}
	}
	m.local("customer", "list").ok().says("120.00 EUR from 2026-01-01, travel 50%", "135.00 EUR from 2026-10-15")
	m.local("ledger", "day", "2026-10-21", "--config", "demo", "--output", "json").ok().says(`"rule:offers`)
	var jobs []jobResult
	m.local("job", "list", "--config", "demo", "--output", "json").ok().decode(&jobs)
	if len(jobs) != 3 || jobs[0].Kind == jobs[1].Kind {
		t.Errorf("jobs %+v", jobs)
	}
}
