package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// restoreStart is what starting a restore asks for.
type restoreStart struct {
	Backup         string `json:"backup,omitempty"`
	Upload         string `json:"upload,omitempty"`
	Into           string `json:"into"`
	Policy         string `json:"policy"`
	Period         string `json:"period,omitempty"`
	Timezone       string `json:"timezone,omitempty"`
	DryRun         bool   `json:"dry_run,omitempty"`
	CreateCalendar bool   `json:"create_calendar,omitempty"`
	Strict         bool   `json:"strict,omitempty"`
}

func (p *program) restoreCommand() *cobra.Command {
	var start restoreStart
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "restore", Short: "Put what a backup or a file holds into a calendar", Args: cobra.NoArgs,
		Long: "Put what a backup or a file holds into a calendar: JSONL, iCalendar (.ics) or CSV, also compressed (.zst); \"-\" reads standard input.\n" +
			"Nobody is invited or told. It shows what would happen and asks before it happens; --dry-run stops there. The exit code is 0 when all\n" +
			"went well, 3 when some events failed, were refused or set aside because they cannot be read, 1 when the run failed. With --strict nothing\n" +
			"is restored where something would be set aside. With --period of a series only the instances in those days are restored.",
		Example: "  admin-assistant restore --backup 01JF0Z... --into local://me/calendars/Work\n" +
			"  admin-assistant restore --file work.ics --into local://me/calendars/Copy --create --policy duplicate",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			if (start.Backup == "") == (file == "") {
				return usageError{errors.New("give --backup or --file")}
			}
			if file != "" {
				var err error
				if start.Upload, err = p.upload(ctx, c, file); err != nil {
					return err
				}
			}
			start.DryRun = true
			r, err := p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/restores", json: start})
			if err != nil {
				return err
			}
			if dryRun || r.Restore == nil || r.Restore.Counts.Created+r.Restore.Counts.Replaced == 0 && r.Restore.UnderWay == "" && !r.Restore.CreatedCalendar {
				return p.showRestore(ctx, c, r, false)
			}
			if p.output != "json" && !p.yes {
				p.printRestore(r)
				if err := p.printReplaced(ctx, c, &r); err != nil {
					return err
				}
			}
			counts := r.Restore.Counts
			question := fmt.Sprintf("This writes %s to %s, %d of them in the place of what is there.", counted(counts.Created+counts.Replaced, "event", "events"),
				start.Into, counts.Replaced)
			if r.Restore.CreatedCalendar {
				question = fmt.Sprintf("This creates the calendar %s. ", start.Into) + question
			}
			if r.Restore.UnderWay != "" {
				question = "This goes on with that restore if it is the same, and comes after it if not. " + question
			}
			if err := p.confirm(question); err != nil {
				return err
			}
			start.DryRun = false
			if r, err = p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/restores", json: start}); err != nil {
				return err
			}
			return p.showRestore(ctx, c, r, false)
		}),
	}
	cmd.Flags().StringVar(&start.Backup, "backup", "", "id of a backup")
	cmd.Flags().StringVar(&file, "file", "", "a file, instead of a backup")
	cmd.Flags().StringVar(&start.Into, "into", "", "the calendar, by its URI, or its name if it is there")
	cmd.Flags().StringVar(&start.Policy, "policy", string(restore.Skip), "what becomes of an event that is there already: skip, replace or duplicate")
	cmd.Flags().StringVar(&start.Period, "period", "", `only what happens in these days, as in "last month"; default: all there is`)
	cmd.Flags().StringVar(&start.Timezone, "timezone", "", "IANA time zone in which days begin and end (default: that of your settings)")
	cmd.Flags().BoolVar(&start.CreateCalendar, "create", false, "create the calendar if it does not exist")
	cmd.Flags().BoolVar(&start.Strict, "strict", false, "restore all of the file or nothing")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would happen, and write nothing")
	p.required(cmd, "into")
	return cmd
}

// upload hands a file in, compressed unless it is already, and returns its id.
func (p *program) upload(ctx context.Context, c *client, name string) (string, error) {
	from, err := p.read(name)
	if err != nil {
		return "", err
	}
	defer from.Close()
	packed, err := compress(from)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	id, err := c.handIn(ctx, packed)
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", name, err)
	}
	return id, nil
}

// throughGateway is how many bytes a file may have that is sent with a request: a gateway takes some more, and none that is larger.
const throughGateway = 4 << 20

// handIn uploads a file and returns its id. A large one goes where the server says, past what is before it.
func (c *client) handIn(ctx context.Context, packed []byte) (string, error) {
	var made struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	if len(packed) > throughGateway {
		size := map[string]any{"bytes": len(packed)}
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/uploads/direct", json: size}, &made); err != nil {
			return "", err
		}
	}
	if made.URL == "" {
		_, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/uploads", file: bytes.NewReader(packed)}, &made)
		return made.ID, err
	}
	to, err := url.Parse(made.URL)
	if err != nil {
		return "", fault.New(fault.Unavailable, "%s sends a file to an address that is none", c.base)
	}
	if err := c.put(ctx, to, packed); err != nil {
		return "", err
	}
	sum := sha256.Sum256(packed)
	arrived := map[string]any{"bytes": len(packed), "sha256": hex.EncodeToString(sum[:])}
	_, err = c.do(ctx, request{method: http.MethodPost, path: "/v1/uploads/" + url.PathEscape(made.ID) + "/arrived", json: arrived}, &made)
	return made.ID, err
}

// compress returns a file compressed by zstd; one that is so already as it is. What is too large to be uploaded is of kind fault.Invalid.
func compress(from io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(from, head)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), from)
	out := &capped{most: limit.UploadBytes}
	if bytes.Equal(head[:n], []byte{0x28, 0xb5, 0x2f, 0xfd}) { // RFC 8878, section 3.1.1
		_, err := io.Copy(out, whole)
		return out.Bytes(), err
	}
	packed, err := zstd.NewWriter(out)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(packed, whole); err != nil {
		packed.Close()
		return nil, err
	}
	err = packed.Close()
	return out.Bytes(), err
}

// capped is a buffer that takes so many bytes.
type capped struct {
	bytes.Buffer
	most int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.Len()+len(b) > c.most {
		return 0, fault.New(fault.Invalid, "it has more than %d MB even when it is compressed; split it into several", c.most>>20)
	}
	return c.Buffer.Write(b)
}

// ReadFrom keeps io.Copy from going around Write.
func (c *capped) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}

// restored is an item of a restore run.
type restored struct {
	Key     string        `json:"key"`
	Written bool          `json:"written"`
	Problem *run.Problem  `json:"problem,omitempty"`
	Plan    restore.Entry `json:"plan"`
}

// showRestore prints a run that has ended with what was refused, failed or replaced or, with details, every event.
func (p *program) showRestore(ctx context.Context, c *client, r runView, details bool) error {
	if p.output == "json" {
		return p.finish(r, r.exit())
	}
	var items []restored
	outcomes := []restore.Outcome{restore.Failed, restore.Refused, restore.SetAside, restore.Replaced}
	if details {
		outcomes = []restore.Outcome{""}
	} else if r.Restore == nil {
		outcomes = nil
	} else {
		outcomes = outcomes[:3] // printReplaced prints some of the others
	}
	for _, outcome := range outcomes {
		if !details && r.Restore.Counts.Has(outcome) == 0 {
			continue
		}
		some, err := all[restored](ctx, c, "/v1/runs/"+r.ID+"/items", given(map[string]string{"outcome": string(outcome)}), 0)
		if err != nil {
			return err
		}
		items = append(items, some...)
	}
	p.printRestore(r)
	var rows []table.Row
	var aside []calendar.Aside
	for _, it := range items {
		if it.Plan.Outcome == restore.SetAside {
			aside = append(aside, calendar.Aside{
				Line: it.Plan.Line, UID: it.Plan.UID, Subject: it.Plan.Subject, Reason: cmp.Or(it.Plan.Aside, string(restore.SetAside)), Detail: it.Plan.Reason,
			})
			continue
		}
		why := it.Plan.Reason
		if why == "" && it.Plan.Outcome == restore.Replaced {
			why = replacedIn(&it.Plan)
		}
		rows = append(rows, table.Row{shortened(it.Plan.Start), it.Plan.Subject, string(it.Plan.Outcome), why})
	}
	if !details {
		if err := p.printReplaced(ctx, c, &r); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"When (UTC)", "Subject", "Outcome", "Why"}, rows)
	}
	p.printAside(aside)
	return r.exit()
}

func shortened(at string) string { return strings.TrimSuffix(at, ":00Z") }

// replacedIn says in which fields what was replaced differed.
func replacedIn(e *restore.Entry) string { return cmp.Or(strings.Join(e.Fields, ", "), "nothing") }

// printReplaced lists the first events that a restore replaces, or would, with the fields that it changes.
func (p *program) printReplaced(ctx context.Context, c *client, r *runView) error {
	if r.Restore == nil || r.Restore.Counts.Replaced == 0 {
		return nil
	}
	items, err := all[restored](ctx, c, "/v1/runs/"+r.ID+"/items", given(map[string]string{"outcome": string(restore.Replaced)}), mostListed)
	if err != nil {
		return err
	}
	var rows []table.Row
	for i := range items {
		e := &items[i].Plan
		rows = append(rows, table.Row{shortened(e.Start), e.Subject, shortened(e.Instance), replacedIn(e), e.Reason})
	}
	p.printTable(table.Row{"Replaced: when (UTC)", "Subject", less("Instance"), "Differs in", "Why"}, rows)
	if left := r.Restore.Counts.Replaced - len(items); left > 0 {
		fmt.Fprintf(p.out, "%d more are not listed here; --output json lists all.\n", left)
	}
	return nil
}

func (p *program) printRestore(r runView) {
	kind := "restore"
	if r.DryRun {
		kind = "preview of the restore"
	}
	p.printHead(&r, fmt.Sprintf("%s %s into %s", kind, r.ID, printable(r.Calendar)))
	if r.Restore == nil {
		return
	}
	if r.Restore.UnderWay != "" {
		fmt.Fprintf(p.out, "Restore %s into this calendar is under way; the sums are those of this moment.\n", r.Restore.UnderWay)
	}
	p.printOtherwise(r.Restore.Otherwise)
	c := r.Restore.Counts
	p.printTable(table.Row{"Outcome", "Events"}, []table.Row{
		{string(restore.Created), c.Created}, {string(restore.Skipped), c.Skipped}, {string(restore.Replaced), c.Replaced}, {string(restore.Refused), c.Refused},
		{string(restore.Failed), c.Failed}, {"set aside", c.SetAside}, {"outside the period", c.OutsidePeriod},
	})
	fmt.Fprintf(p.out, "%s\n", c)
}

// backupDrill proves that the newest backup of a calendar restores.
func (p *program) backupDrill() *cobra.Command {
	var start whichCalendar
	cmd := &cobra.Command{
		Use: "drill", Short: "Prove that the newest backup of a calendar restores", Args: cobra.NoArgs,
		Long: "Restore the newest backup of all of a calendar into a new calendar beside it, compare both field by field, and remove the new one.\n" +
			"The exit code is 0 when they are the same, and 1 when anything differs.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			r, err := p.follow(ctx, c, request{method: http.MethodPost, path: "/v1/backups/drills", json: start})
			if err != nil {
				return err
			}
			return p.showDrill(r)
		}),
	}
	cmd.Flags().StringVar(&start.Calendar, "calendar", "", "the calendar, by its name or URI")
	cmd.Flags().StringVar(&start.Config, "config", "", "archive config, by name or id, instead of a calendar")
	cmd.Flags().StringVar(&start.Which, "which", "", "calendar of the config: source or archive (default: source)")
	return cmd
}

// printOtherwise prints by what else a calendar was found than by what it was named by; empty: by that.
func (p *program) printOtherwise(texts ...string) {
	for _, text := range texts {
		if text != "" {
			fmt.Fprintln(p.out, printable(text))
		}
	}
}

// showDrill prints a drill that has ended with what differs.
func (p *program) showDrill(r runView) error {
	p.printHead(&r, fmt.Sprintf("drill %s of %s", r.ID, printable(r.Calendar)))
	if r.Drill == nil {
		return r.exit()
	}
	p.printOtherwise(r.Drill.Otherwise)
	fmt.Fprintf(p.out, "backup %s: %s compared, %s\n", r.Drill.Backup, counted(r.Drill.Compared, "event", "events"),
		counted(r.Drill.Differing, "differs", "differ"))
	var rows []table.Row
	for _, d := range r.Drill.Differences {
		rows = append(rows, table.Row{d.EventID, strings.Join(d.Fields, ", ")})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Event", "Differs in"}, rows)
	}
	return r.exit()
}
