package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

func (p *program) verifyCommand() *cobra.Command {
	var start verifyStart
	var config, adopt string
	var answers []string
	var repair, noWait bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare the archive calendar with the ledger, and the ledger with its chain", Args: cobra.NoArgs,
		Long: "Compare the archive calendar with the ledger, and the ledger with all that was sealed of it. Nothing is written.\n\n" +
			"With --repair the archive calendar gets what the ledger has: missing copies are created again, altered ones put back, orphans removed. " +
			"With --adopt the ledger takes what you changed in the archive calendar; with --adopt=missing it also withdraws what is missing there. " +
			"With --answer you say it of single findings, by the id that a verification shows; a foreign event is adopted in no other way. " +
			"With --dry-run it is only said what would be done. What was done can be undone.\n\n" +
			"The exit code is 0 when nothing differs, 3 when something does, 1 when it failed or the ledger is not what was written.",
		Example: "  admin-assistant verify --config work\n" +
			"  admin-assistant verify --config work --period \"last month\" --repair --dry-run\n" +
			"  admin-assistant verify --config work --adopt\n" +
			"  admin-assistant verify --config work --answer 1f2e3d4c5b=adopt --answer 6a79880011=repair",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			path := "/v1/archive-configs/" + url.PathEscape(v.ID)
			if err := start.read(repair, adopt, answers); err != nil {
				return err
			}
			if start.Mode == "" && len(start.Answers) == 0 {
				if start.DryRun || start.AllowOverlap {
					return usageError{errors.New("--dry-run and --allow-overlap go with --repair, --adopt or --answer; a verification writes nothing")}
				}
				return p.carryOut(ctx, request{method: http.MethodPost, path: path + "/verify", json: map[string]string{"period": start.Period}}, noWait)
			}
			return p.carryOut(ctx, request{method: http.MethodPost, path: path + "/repair", json: start}, noWait)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().BoolVar(&repair, "repair", false, "bring the archive calendar to what the ledger has")
	cmd.Flags().StringVar(&adopt, "adopt", "", "take over what you changed in the archive calendar; with =missing also withdraw what is missing there")
	cmd.Flags().Lookup("adopt").NoOptDefVal = "altered"
	cmd.Flags().StringArrayVar(&answers, "answer", nil, "what becomes of one finding: its id, and =repair, =adopt or =leave")
	cmd.Flags().BoolVar(&start.AllowOverlap, "allow-overlap", false, "what is adopted may share time with other appointments")
	cmd.Flags().BoolVar(&start.DryRun, "dry-run", false, "say what would be done, and write nothing")
	cmd.Flags().StringVar(&start.Period, "period", "", `days, as in "last month", "2026-10-01 to 2026-10-31" (default: all)`)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	p.required(cmd, "config")
	return cmd
}

// verifyStart is the body of a request for a repair.
type verifyStart struct {
	Period       string                        `json:"period,omitempty"`
	Mode         string                        `json:"mode,omitempty"`
	Missing      bool                          `json:"missing,omitempty"`
	AllowOverlap bool                          `json:"allow_overlap,omitempty"`
	Answers      map[string]string             `json:"answers,omitempty"`
	Actions      map[string]archive.RepairMode `json:"actions,omitempty"`
	DryRun       bool                          `json:"dry_run,omitempty"`
}

// read takes what flags say. adopt is empty, altered or missing.
func (s *verifyStart) read(repair bool, adopt string, answers []string) error {
	switch {
	case repair && adopt != "":
		return usageError{errors.New("give --repair or --adopt, and not both; with --answer single findings are answered otherwise")}
	case adopt != "" && adopt != "altered" && adopt != "missing":
		return usageError{fmt.Errorf("--adopt takes =altered or =missing, not %q", adopt)}
	case repair:
		s.Mode = string(archive.RepairFindings)
	case adopt != "":
		s.Mode, s.Missing = string(archive.AdoptFindings), adopt == "missing"
	}
	for _, answer := range answers {
		id, mode, ok := strings.Cut(answer, "=")
		if !ok || id == "" {
			return usageError{fmt.Errorf("--answer takes the id of a finding and =repair, =adopt or =leave, not %q", answer)}
		}
		if s.Answers == nil {
			s.Answers = map[string]string{}
		}
		s.Answers[id] = mode
	}
	return nil
}

// foundItem is an item of a verify or repair run.
type foundItem struct {
	document
	Key     string          `json:"key"`
	Written bool            `json:"written"`
	Problem *run.Problem    `json:"problem,omitempty"`
	Plan    archive.Finding `json:"plan"`
}

// findings reads what a run found.
func (p *program) findings(ctx context.Context, c *client, r *runView) (items []foundItem, zone *time.Location, name string, err error) {
	config, _, err := p.findConfig(ctx, c, r.Config)
	if err != nil {
		return nil, nil, "", err
	}
	if zone, err = calendar.LoadZone(config.Timezone); err != nil {
		return nil, nil, "", err
	}
	if r.State.Ended() {
		items, err = all[foundItem](ctx, c, "/v1/runs/"+r.ID+"/items", nil, 0)
	}
	return items, zone, config.Name, err
}

// showVerified prints what a verify run found.
func (p *program) showVerified(ctx context.Context, c *client, r runView) error {
	if p.output == "json" {
		return p.finish(r, r.exit())
	}
	items, zone, name, err := p.findings(ctx, c, &r)
	if err != nil {
		return err
	}
	p.printHead(&r, fmt.Sprintf("verify %s of config %s, %s", r.ID, printable(name), r.days()))
	if v := r.Verify; v != nil {
		p.printVerify(v)
		p.printFindings(items, zone)
		if v.NotListed > 0 {
			fmt.Fprintf(p.out, "and %d more\n", v.NotListed)
		}
		p.printTraffic(v.Cost)
		if r.State == run.Partial {
			p.printWhatHelps(&v.View, name)
		}
		p.printAsks(&v.Asks, name)
	}
	return r.exit()
}

// showRepaired prints what a repair run did.
func (p *program) showRepaired(ctx context.Context, c *client, r runView) error {
	if p.output == "json" {
		return p.finish(r, r.exit())
	}
	items, zone, name, err := p.findings(ctx, c, &r)
	if err != nil {
		return err
	}
	kind := "repair"
	if r.DryRun {
		kind = "dry run of a repair"
	}
	p.printHead(&r, fmt.Sprintf("%s %s of config %s, %s", kind, r.ID, printable(name), r.days()))
	if v := r.Repair; v != nil && r.State != run.Failed {
		fmt.Fprintln(p.out, viewLine(&v.Found))
		fmt.Fprintf(p.out, "%d recreated, %d put back, %d removed; %d adopted, %d withdrawn, %d created; %d failed, %d left\n", v.Recreated, v.PutBack, v.Removed,
			v.Adopted, v.Withdrawn, v.Created, v.Failed, v.Left)
		p.printFindings(items, zone)
		p.printTraffic(v.Cost)
		p.printAsks(&v.Asks, name)
	}
	return r.exit()
}

// printVerify prints the three things that a verify run looks at, a line each.
func (p *program) printVerify(v *archive.VerifyResult) {
	chain := fmt.Sprintf("holds: %s in %s", counted(v.Chain.Entries, "entry", "entries"), counted(v.Chain.Links, "link", "links"))
	switch {
	case !v.Chain.OK && v.Chain.First != nil:
		chain = "DOES NOT HOLD: " + misfit(v.Chain.First)
	case !v.Chain.OK:
		chain = "DOES NOT HOLD"
	}
	fmt.Fprintf(p.out, "chain        %s\n", chain)
	if !v.Chain.OK {
		fmt.Fprintln(p.out, "the archive calendar is not compared with such a ledger, and nothing is repaired from it")
		return
	}
	books := "adds up: " + counted(v.Bookkeeping.Runs, "run", "runs")
	if n := v.Bookkeeping.Problems; n > 0 {
		books = "DOES NOT ADD UP: " + counted(n, "run", "runs")
	}
	if v.Chain.Unfinished != "" {
		books += "; run " + v.Chain.Unfinished + " was interrupted, the next run finishes what it left"
	}
	fmt.Fprintf(p.out, "bookkeeping  %s\n", books)
	for _, wrong := range v.Bookkeeping.Wrong {
		fmt.Fprintf(p.out, "             %s\n", printable(wrong))
	}
	fmt.Fprintf(p.out, "calendar     %s\n", viewLine(&v.View))
	if v.View.Missing > 0 && v.View.Retention() {
		fmt.Fprintln(p.out, "             a retention policy or AutoArchive of the mailbox is the likely cause of what is missing")
	}
}

// viewLine says how the archive calendar compares.
func viewLine(v *archive.CopyCounts) string {
	if v.CalendarMissing {
		return "IS GONE, though the ledger holds appointments in it"
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{v.Missing, "missing"}, {v.Altered, "altered"}, {v.DuplicateCopies, "duplicates"}, {v.OrphanCopies, "orphans"}, {v.Foreign, "foreign"},
		{v.Unsettled, "unsettled"}, {v.Unread, "not shown by the provider"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if v.UnreadDays > 0 {
		parts = append(parts, counted(v.UnreadDays, "day that cannot be read", "days that cannot be read"))
	}
	if len(parts) == 0 {
		parts = []string{"nothing differs"}
	}
	return counted(v.Compared, "copy", "copies") + " compared: " + strings.Join(parts, ", ")
}

// printFindings prints a line for each finding, and one for each field of it that differs.
func (p *program) printFindings(items []foundItem, zone *time.Location) {
	for i := range items {
		f := &items[i].Plan
		what := string(f.Outcome)
		if f.Done != "" {
			what += ", " + string(f.Done)
		}
		fmt.Fprintf(p.out, "%s  %s  %s: %s\n", f.ID, when(&f.Appointment, zone), clipped(printable(f.Appointment.Subject)), what)
		for _, d := range f.Differences {
			from, to := beside(inZone(d.Ledger, zone), inZone(d.Calendar, zone))
			fmt.Fprintf(p.out, "            %s: %s -> %s\n", d.Field, printable(from), printable(to))
		}
		for _, note := range []string{f.Detail, f.Reason} {
			if note != "" {
				fmt.Fprintf(p.out, "            %s\n", printable(note))
			}
		}
		if it := items[i].Problem; it != nil {
			fmt.Fprintf(p.out, "            failed: %s\n", printable(it.Detail))
		}
	}
}

// shownSubject is how many characters of a subject are shown, so that a row with both values fits.
const shownSubject = 24

func clipped(s string) string {
	if runes := []rune(s); len(runes) > shownSubject {
		return string(runes[:shownSubject-1]) + "…"
	}
	return s
}

// beside shows two values from where they begin to differ, so that what differs is to be seen.
func beside(a, b string) (string, string) {
	x, y := []rune(a), []rune(b)
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	from := 0
	if max(len(x), len(y)) > shownSubject && same > shownSubject/2 {
		from = same - shownSubject/4
	}
	cut := func(s []rune) string {
		if from > 0 {
			return "\"…" + clipped(string(s[min(from, len(s)):])) + "\""
		}
		return "\"" + clipped(string(s)) + "\""
	}
	return cut(x), cut(y)
}

func (p *program) printTraffic(cost run.Cost) {
	if t := cost.Traffic; t.Requests > 0 {
		fmt.Fprintf(p.out, "%s to Microsoft 365, %d made again; %d to the store\n", counted(int(t.Requests), "request", "requests"), cost.Retries, cost.Store)
	}
}

// printWhatHelps says what can be done about findings.
func (p *program) printWhatHelps(v *archive.CopyCounts, name string) {
	verify := p.command("verify --config " + quoted(name))
	if v.CalendarMissing {
		fmt.Fprintf(p.out, "bring it back in Outlook from the deleted items; or create an empty one and fill it:\n  %s --repair\n", verify)
		return
	}
	if v.Missing+v.Altered+v.OrphanCopies > 0 {
		fmt.Fprintf(p.out, "let the calendar show what the ledger has:   %s --repair\n", verify)
	}
	if v.Altered > 0 {
		fmt.Fprintf(p.out, "let the ledger have what the calendar shows: %s --adopt\n", verify)
	}
	if v.Missing > 0 {
		fmt.Fprintf(p.out, "take what is missing out of the ledger too:  %s --adopt=missing\n", verify)
	}
	if v.Foreign+v.DuplicateCopies > 0 {
		fmt.Fprintf(p.out, "take a foreign event into the ledger:        %s --answer ID=adopt\n", verify)
	}
}

// printAsks says that findings wait for an answer each.
func (p *program) printAsks(asks *archive.CopyQuestions, name string) {
	if asks.Waiting > 0 {
		fmt.Fprintf(p.out, "%s for you to decide, one by one: %s\n", action.Things(asks.Waiting), p.command("review --config "+quoted(name)+" --kind altered"))
	}
}
