package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/backup"
	"adminassistant/shared/fault"
)

type backupView struct {
	document
	ID       string `json:"id"`
	Config   string `json:"config,omitempty"`
	Job      string `json:"job,omitempty"`
	Calendar struct {
		URI  string `json:"uri"`
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"calendar"`
	From   string        `json:"from,omitempty"`
	To     string        `json:"to,omitempty"`
	Made   time.Time     `json:"made"`
	Counts backup.Counts `json:"counts"`
	Bytes  int64         `json:"bytes"`
}

// days says which days a backup covers.
func (v *backupView) days() string {
	if v.From == "" {
		return "all"
	}
	return v.From + " to " + v.To
}

type backupManifest struct {
	backupView
	Version  int          `json:"version"`
	Software string       `json:"software"`
	Timezone string       `json:"timezone,omitempty"`
	Content  string       `json:"content"`
	Files    []backupFile `json:"files"`

	OwnClocksSeries int               `json:"own_clocks_series"`
	OwnClocks       []backup.OwnClock `json:"own_clocks"`
	Unread          []time.Time       `json:"unread,omitempty"`
}

type backupFile struct {
	Name       string        `json:"name"`
	Format     backup.Format `json:"format"`
	Bytes      int64         `json:"bytes"`
	SHA256     string        `json:"sha256"`
	RawBytes   int64         `json:"raw_bytes"`
	RawSHA256  string        `json:"raw_sha256"`
	LeftOut    int           `json:"left_out"`
	DownloadAt string        `json:"download_at"`
}

func (p *program) backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup", Short: "Back calendars up, and prove and download the backups",
		Long: "Back calendars up, and prove and download the backups. BACKUP is an id, the beginning of one, or \"last\".",
	}
	cmd.AddCommand(p.backupRun(), p.backupList(), p.backupShow(), p.backupDownload(), p.backupVerify(), p.backupDrill(), p.backupDelete())
	return cmd
}

// whichCalendar names a calendar, by itself or as one of an archive config's.
type whichCalendar struct {
	Calendar string `json:"calendar,omitempty"`
	Config   string `json:"config,omitempty"`
	Which    string `json:"which,omitempty"`
}

type backupStart struct {
	whichCalendar
	Period string `json:"period,omitempty"`
}

func (p *program) backupRun() *cobra.Command {
	var start backupStart
	var archived, noWait bool
	cmd := &cobra.Command{
		Use: "run", Short: "Back a calendar up", Args: cobra.NoArgs,
		Long: "Back a calendar up, or what happens in a period. It is read back and compared before it counts.\n" +
			"The exit code is 0 when all went well, 3 when events could not be read or do not fit into the iCalendar file, 1 when the run failed.",
		Example: `  admin-assistant backup run --calendar msgraph://me@example.com/calendars/primary
  admin-assistant backup run --config work --archive --period "last month"`,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if (start.Calendar == "") == (start.Config == "") {
				return wrong(cmd, "give --calendar or --config")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if archived {
				start.Which = "archive"
			}
			return p.carryOut(cmd.Context(), request{method: http.MethodPost, path: "/v1/backups", json: start}, noWait)
		},
	}
	cmd.Flags().StringVar(&start.Calendar, "calendar", "", "the calendar, by its name or URI")
	cmd.Flags().StringVar(&start.Config, "config", "", "archive config, by name or id: its source calendar")
	cmd.Flags().BoolVar(&archived, "archive", false, "with --config: its archive calendar")
	cmd.Flags().StringVar(&start.Period, "period", "", `days, as in "last month" (default: all there is)`)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	return cmd
}

// printBackupRun prints a run that made a backup.
func (p *program) printBackupRun(r runView, items []runItem) {
	p.printHead(&r, fmt.Sprintf("backup %s of %s", r.ID, printable(r.Calendar)))
	if b := r.Backup; b != nil {
		p.printOtherwise(b.Otherwise)
		fmt.Fprintf(p.out, "%s, %s\n", counts(b.Counts), humanize.Bytes(uint64(b.Bytes)))
		if t := b.Cost.Traffic; t.Requests > 0 {
			fmt.Fprintf(p.out, "%s to Microsoft 365, %d made again; %d to the store\n", counted(int(t.Requests), "request", "requests"), b.Cost.Retries, b.Cost.Store)
		}
		if b.LeftOut > 0 {
			fmt.Fprintf(p.out, "%s into iCalendar; the other files have all\n", counted(b.LeftOut, "event does not fit", "events do not fit"))
		}
		if len(b.Unread) > 0 {
			fmt.Fprintln(p.out, unread(b.Unread))
		}
		if b.OwnClocks > 0 {
			fmt.Fprintln(p.out, ownClocks(b.OwnClocks))
			fmt.Fprintf(p.out, "see which: %s\n", p.command("backup show "+r.ID))
		}
	}
	p.printProblems(items)
}

// printProblems prints what is wrong with items of a run.
func (p *program) printProblems(items []runItem) {
	for _, it := range items {
		if it.Problem != nil {
			fmt.Fprintf(p.out, "  %s: %s\n", printable(it.Key), printable(it.Problem.Detail))
		}
	}
}

// unread says which events could not be read.
func unread(starts []time.Time) string {
	list := make([]string, len(starts))
	for i, at := range starts {
		list[i] = minute(at)
	}
	return "events could not be read and are not in it; they start at " + strings.Join(list, ", ")
}

// ownClocks says what there is to know of series that cannot be restored to Microsoft 365.
func ownClocks(series int) string {
	return fmt.Sprintf("%d series cannot be restored to Microsoft 365, which does not accept the time zone in which they repeat; "+
		"in Outlook give each one of the time zones that Outlook lists, and back the calendar up again", series)
}

func counts(c backup.Counts) string {
	return fmt.Sprintf("%s: %d by themselves, %d series, %s", counted(c.Events, "event", "events"), c.Singles, c.Series,
		counted(c.Exceptions, "changed instance", "changed instances"))
}

func (p *program) backupList() *cobra.Command {
	var filter struct{ calendar, config, job string }
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List backups, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"calendar": filter.calendar, "config": filter.config, "job": filter.job})
			head := table.Row{"Backup", "Made", "Calendar", less("Days"), "Events", less("Size"), least("By")}
			return printList(ctx, p, c, "/v1/backups", query, most, head, func(v backupView) table.Row {
				return table.Row{identity(v.ID), p.minute(v.Made), v.Calendar.URI, v.days(), v.Counts.Events, humanize.Bytes(uint64(v.Bytes)), mark(v.Job != "", "a job")}
			})
		}),
	}
	cmd.Flags().StringVar(&filter.calendar, "calendar", "", "only backups of this calendar, by its name or URI")
	cmd.Flags().StringVar(&filter.config, "config", "", "only backups of this archive config's calendars")
	cmd.Flags().StringVar(&filter.job, "job", "", "only backups that this job had made, by its id")
	cmd.Flags().IntVar(&most, "most", 20, "so many at the most; 0: all")
	return cmd
}

func (c *client) backup(ctx context.Context, id string) (m backupManifest, err error) {
	_, err = c.do(ctx, request{method: http.MethodGet, path: "/v1/backups/" + url.PathEscape(id)}, &m)
	return m, err
}

func (p *program) backupShow() *cobra.Command {
	return &cobra.Command{
		Use: "show BACKUP", Short: "Show a backup with what its manifest says", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			m, err := c.backup(ctx, args[0])
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(m)
			}
			fmt.Fprintf(p.out, "backup %s of %s, made %s by version %s\n%s, %s\n", m.ID, printable(m.Calendar.URI), minute(m.Made), m.Software,
				m.days(), counts(m.Counts))
			if len(m.Unread) > 0 {
				fmt.Fprintln(p.out, unread(m.Unread))
			}
			if m.OwnClocksSeries > 0 {
				fmt.Fprintln(p.out, ownClocks(m.OwnClocksSeries))
			}
			for _, s := range m.OwnClocks {
				fmt.Fprintf(p.out, "  %s, in %s\n", printable(s.Subject), printable(s.Zone))
			}
			var rows []table.Row
			for _, f := range m.Files {
				rows = append(rows, table.Row{f.Name, humanize.Bytes(uint64(f.Bytes)), humanize.Bytes(uint64(f.RawBytes)), f.RawSHA256,
					mark(f.LeftOut > 0, fmt.Sprintf("%d left out", f.LeftOut))})
			}
			p.printTable(table.Row{"File", "Size", "Decompressed", less("SHA-256, decompressed"), ""}, rows)
			return nil
		}),
	}
}

// backupFormats are formats of a backup's files by what their names end with.
var backupFormats = map[string]string{".jsonl": string(backup.JSONL), ".ics": string(backup.ICS), ".csv": string(backup.CSV)}

func (p *program) backupDownload() *cobra.Command {
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "download BACKUP [FILE]", Short: "Download a file of a backup, decompressed", Args: cobra.RangeArgs(1, 2),
		Long: "Download a file of a backup, decompressed and compared with the manifest; without a name, or \"-\", to standard output.\n" +
			"docs/backup-format.md describes the files.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			format, err := formatOf(cmd, backupFormats, args[1:])
			if err != nil {
				return err
			}
			m, err := c.backup(ctx, args[0])
			if err != nil {
				return err
			}
			f := m.file(backup.Format(format))
			if f == nil {
				return usageError{fmt.Errorf("--format must be jsonl, ics or csv, not %q", format)}
			}
			answer, err := c.send(ctx, request{method: http.MethodGet, path: f.DownloadAt, elsewhere: true})
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			known := backup.File{
				Name: f.Name, Format: f.Format, Size: backup.Size{Bytes: f.RawBytes, SHA256: f.RawSHA256},
				Compressed: backup.Size{Bytes: f.Bytes, SHA256: f.SHA256},
			}
			file, err := known.Open(answer.Body)
			if err != nil {
				return arrived(err)
			}
			defer file.Close()
			if len(args) == 1 || args[1] == "-" {
				_, err = io.Copy(p.out, file)
			} else {
				err = p.store(args[1], file)
			}
			return arrived(err)
		}),
	}
	cmd.Flags().String("format", string(backup.JSONL), "jsonl (all there is), ics or csv; without it what FILE ends with")
	return cmd
}

// arrived explains a file that did not arrive as it was sent.
func arrived(err error) error {
	if fault.Of(err) == fault.Malformed {
		return fmt.Errorf("%w; try again, and if it stays so: admin-assistant backup verify", err)
	}
	return err
}

func (m *backupManifest) file(format backup.Format) *backupFile {
	for i := range m.Files {
		if m.Files[i].Format == format {
			return &m.Files[i]
		}
	}
	return nil
}

func (p *program) backupVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify BACKUP", Short: "Read a backup and compare it with its manifest", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var report struct {
				document
				OK    bool `json:"ok"`
				Files []struct {
					Name    string `json:"name"`
					OK      bool   `json:"ok"`
					Problem string `json:"problem,omitempty"`
				} `json:"files"`
			}
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/backups/" + url.PathEscape(args[0]) + "/verify"}, &report); err != nil {
				return err
			}
			if p.output == "json" {
				if err := p.printJSON(report); err != nil {
					return err
				}
			} else {
				for _, f := range report.Files {
					said := "proven"
					if !f.OK {
						said = f.Problem
					}
					fmt.Fprintf(p.out, "%s: %s\n", printable(f.Name), printable(said))
				}
			}
			if !report.OK {
				return exitError{exitFailed}
			}
			return nil
		}),
	}
}

func (p *program) backupDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete BACKUP", Short: "Delete a backup", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.confirm(fmt.Sprintf("Delete backup %s?", args[0])); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/backups/" + url.PathEscape(args[0])}, nil); err != nil {
				return err
			}
			return p.say("deleted backup %s", args[0])
		}),
	}
}
