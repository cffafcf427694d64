package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/app"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/stamp"
)

type entryView struct {
	document
	Key         string               `json:"key"`
	Version     int                  `json:"version"`
	Outcome     ledger.Outcome       `json:"outcome"`
	Reason      string               `json:"reason,omitempty"`
	By          string               `json:"by,omitempty"`
	State       ledger.State         `json:"state"`
	Failure     string               `json:"failure,omitempty"`
	Hash        string               `json:"hash"`
	Appointment calendar.Appointment `json:"appointment"`
	Changes     []ledger.Change      `json:"changes"`
	EventID     string               `json:"event_id"`
	CopyID      string               `json:"copy_id,omitempty"`
	Run         string               `json:"run"`
	Time        time.Time            `json:"time"`
	Actor       string               `json:"actor"`
}

func (p *program) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Read, correct and verify the record of what was archived"}
	cmd.AddCommand(p.ledgerDay(), p.ledgerHistory(), p.ledgerVerify(), p.ledgerHead(), p.ledgerStamp(), p.ledgerProve(),
		p.ledgerAmend(), p.ledgerAdd(), p.ledgerWithdraw())
	return cmd
}

// entries reads a list of ledger entries and prints it.
func (p *program) entries(cmd *cobra.Command, config, path string, query url.Values) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	v, _, err := p.findConfig(cmd.Context(), c, config)
	if err != nil {
		return err
	}
	entries, err := all[entryView](cmd.Context(), c, "/v1/ledger/"+v.ID+path, query, 0)
	if key := query.Get("key"); err == nil && key != "" && len(entries) == 0 {
		return fault.New(fault.NotFound, "the ledger has no appointment with key %q; keys are those that \"ledger day\" shows", key)
	}
	if err != nil || p.output == "json" {
		return errors.Join(err, p.jsonUnless(err, entries))
	}
	zone, err := calendar.LoadZone(v.Timezone)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, e := range entries {
		a := &e.Appointment
		why := e.Reason
		if e.By != "" {
			why += " by " + e.By
		}
		rows = append(rows, table.Row{when(a, zone), a.Subject, a.Customer, string(a.BillingType), string(a.Sensitivity), status(e.Outcome), why,
			e.Version, e.Time.In(zone).Format("2006-01-02 15:04"), e.Key})
	}
	p.printTable(table.Row{"When", "Subject", "Customer", column{"Billing", 2}, column{"Sensitivity", 4}, "Outcome", column{"Why", 3}, column{"Version", 5},
		column{"Recorded", 6}, column{"Key", 1}}, rows)
	_, err = fmt.Fprintf(p.out, "%s, times in %s\n", counted(len(entries), "entry", "entries"), v.Timezone)
	return err
}

func (p *program) ledgerDay() *cobra.Command {
	var config, asOf string
	cmd := &cobra.Command{
		Use: "day DAY", Short: "Show a day as the ledger has it", Args: cobra.ExactArgs(1),
		Long: "Show a day as the ledger has it, or with --as-of had it at an instant.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.api()
			if err != nil {
				return err
			}
			at, err := p.instant(cmd.Context(), c, "as-of", asOf, false)
			if err != nil {
				return err
			}
			return p.entries(cmd, config, "/days/"+url.PathEscape(args[0]), given(map[string]string{"as_of": at}))
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&asOf, "as-of", "", "the end of a day, as in yesterday or 2026-11-02, or an instant as in 2026-11-02T12:00:00Z")
	p.required(cmd, "config")
	return cmd
}

func (p *program) ledgerHistory() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "history KEY", Short: "Show all versions of an appointment, the oldest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.entries(cmd, config, "/history", url.Values{"key": {args[0]}})
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	p.required(cmd, "config")
	return cmd
}

func (p *program) ledgerVerify() *cobra.Command {
	var config string
	var since []string
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare the ledger with all that was sealed of it, and name what does not fit", Args: cobra.NoArgs,
		Long: "Recompute the ledger's chain, and compare with it every entry, the runs and backups of the config, and your audit log.\n\n" +
			"With --since it also says whether the ledger continues an earlier head, a file that \"ledger head\" wrote. A file may hold several heads, " +
			"one after the other: the more there are, the closer it says where the ledger was changed.",
		Example: "  admin-assistant ledger verify --config work\n  admin-assistant ledger verify --config work --since head-2026-10-31.txt",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			heads, err := readHeads(since)
			if err != nil {
				return err
			}
			r := request{method: http.MethodPost, path: "/v1/ledger/" + v.ID + "/verify"}
			if len(heads) > 0 {
				r.json = map[string]any{"since": heads}
			}
			var report struct {
				document
				proof.Verification
			}
			if _, err := c.do(ctx, r, &report); err != nil {
				return err
			}
			if p.output == "json" {
				err = p.printJSON(report)
			} else {
				err = p.printVerified(&report.Verification)
			}
			if err == nil && !report.OK {
				err = exitError{exitFailed}
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringArrayVar(&since, "since", nil, "file with earlier heads that the ledger has to continue")
	p.required(cmd, "config")
	return cmd
}

func (p *program) printVerified(r *proof.Verification) error {
	if !r.OK {
		_, err := fmt.Fprintf(p.out, "THE LEDGER DOES NOT HOLD: %s not fit. The first: %s\n", counted(r.Misfits, "thing does", "things do"), misfit(r.First))
		return err
	}
	if _, err := fmt.Fprintf(p.out, "The ledger holds: %s in %s, %s, %s, %s of the audit log.\n",
		counted(r.Entries, "entry", "entries"), counted(r.Links, "link", "links"), counted(r.Runs, "run", "runs"),
		counted(r.Backups, "backup", "backups"), counted(r.Audit, "record", "records")); err != nil {
		return err
	}
	var err error
	if r.Since > 0 {
		_, err = fmt.Fprintf(p.out, "It continues %s.\n", counted(r.Since, "earlier head", "earlier heads"))
	}
	if err == nil && r.StampedAt != nil {
		_, err = fmt.Fprintf(p.out, "An authority outside saw %s of them, the newest at %s.\n", counted(r.Stamped, "head", "heads"), minute(*r.StampedAt))
	}
	if err == nil && r.Unfinished != "" {
		_, err = fmt.Fprintf(p.out, "Run %s was interrupted; the next run finishes what it left.\n", r.Unfinished)
	}
	return err
}

func misfit(m *ledger.Misfit) string {
	var what string
	switch {
	case m.Entry != "" && m.Run != "":
		what = fmt.Sprintf("entry %s of run %s", printable(m.Entry), printable(m.Run))
	case m.Entry != "":
		what = "entry " + printable(m.Entry)
	case m.Seq > 0 && m.Run != "":
		what = fmt.Sprintf("link %d of run %s", m.Seq, printable(m.Run))
	case m.Seq > 0:
		what = fmt.Sprintf("link %d", m.Seq)
	case m.Run != "":
		what = "run " + printable(m.Run)
	default:
		return printable(m.Problem)
	}
	return what + ": " + printable(m.Problem)
}

const (
	// maxHeads is the largest file of heads in bytes; one has some 250.
	maxHeads = 1 << 20
	// headSigned begins the last line of a head.
	headSigned = "\u2014 "
)

// readHeads reads the heads that files hold, one after the other.
func readHeads(files []string) (heads []string, err error) {
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.Field("--since", "is of no use: %w", unreadable(fault.Invalid, name, err))
		}
		if len(data) > maxHeads {
			return nil, fault.Field("--since", "%s is too large for a file of heads", name)
		}
		text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
		var head strings.Builder
		found := 0
		for line := range strings.Lines(text) {
			if head.Len() == 0 && strings.TrimSpace(line) == "" {
				continue
			}
			head.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			if strings.HasPrefix(line, headSigned) {
				heads, found = append(heads, head.String()), found+1
				head.Reset()
			}
		}
		if head.Len() > 0 || found == 0 {
			return nil, fault.Field("--since", "%s holds no signed head, or not the whole of it; \"ledger head\" writes such files", name)
		}
	}
	return heads, nil
}

func (p *program) ledgerHead() *cobra.Command {
	var config string
	var key bool
	cmd := &cobra.Command{
		Use: "head", Short: "Show the signed head of the ledger", Args: cobra.NoArgs,
		Long: "Show the signed head of the ledger. Keep it where nobody who runs this installation can change it, as in an e-mail to somebody else: " +
			"with \"ledger verify --since\" it proves later that nothing before it changed. It says how much there is, and nothing of what it is.",
		Example: "  admin-assistant ledger head --config work > head.txt\n  admin-assistant ledger head --config work --key",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			var head struct {
				document
				Links int    `json:"links"`
				Head  string `json:"head"`
				Key   string `json:"key"`
				Open  bool   `json:"open"`
			}
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/ledger/" + v.ID + "/head"}, &head); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(head)
			}
			if key {
				_, err := fmt.Fprintln(p.out, head.Key)
				return err
			}
			if head.Head == "" {
				return fault.New(fault.NotFound, "config %q has archived nothing yet, so that its ledger has no head", v.Name)
			}
			_, err = io.WriteString(p.out, head.Head)
			return err
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().BoolVar(&key, "key", false, "print the public key that signs here, for those who check proofs")
	p.required(cmd, "config")
	return cmd
}

func (p *program) ledgerStamp() *cobra.Command {
	var config, day, file string
	cmd := &cobra.Command{
		Use: "stamp", Short: "Write a proof of when a head of the ledger was there", Args: cobra.NoArgs,
		Long: "Write a proof of when a head of the ledger was there: the head, and the time-stamp that an authority outside gave for it. Who gets the file checks\n" +
			"it with \"proof verify --trust CERTIFICATES\", without an account and without a connection. There is one for each day on which the ledger grew,\n" +
			"when that is over, where whoever runs the installation has named an authority.",
		Example: "  admin-assistant ledger stamp --config work --file october.stamp.json",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			var doc stamp.Proof
			in := request{method: http.MethodGet, path: "/v1/ledger/" + v.ID + "/stamp", query: given(map[string]string{"day": day})}
			if _, err := c.do(ctx, in, &doc); err != nil {
				return err
			}
			return p.handOut(doc, file, "has a time-stamp of "+printable(doc.Authority), " --trust CERTIFICATES")
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&day, "day", "", "UTC day of the head, as in 2026-10-31; without it, the newest")
	cmd.Flags().StringVar(&file, "file", "", "file to write; without it the proof is printed")
	p.required(cmd, "config")
	return cmd
}

// verifyStamp checks the time-stamp of a head.
func (p *program) verifyStamp(doc *stamp.Proof, key, trusted string, zone *time.Location) error {
	if trusted == "" {
		return usageError{errors.New("--trust is missing: file with the certificates of the authority that you believe; see: admin-assistant proof verify --help")}
	}
	trust, err := app.ReadTrust(trusted)
	if err != nil {
		return fault.Field("--trust", "%w", err)
	}
	checked, err := doc.Check(key, trust)
	if err != nil {
		return fault.New(fault.Malformed, "THE PROOF DOES NOT HOLD: %v", err)
	}
	if p.output == "json" {
		return p.printJSON(checked)
	}
	fmt.Fprintf(p.out, "The proof holds: %s of %s were there at %s (%s).\n", counted(checked.Links, "link", "links"), printable(checked.Origin),
		checked.Time.In(zone).Format("2006-01-02 15:04:05"), zone)
	return p.printKey(checked.Key, key != "")
}

func (p *program) ledgerProve() *cobra.Command {
	var config, period, key, file string
	cmd := &cobra.Command{
		Use: "prove", Short: "Write a proof of entries that anybody can check", Args: cobra.NoArgs,
		Long: "Write a proof of what stands in the archive in a period, or of all versions of one appointment. Who gets the file checks it with " +
			"\"proof verify\", without an account and without a connection.\n\nThe proof shows times, subjects, categories and customers, never texts, places " +
			"or people. Of private appointments it shows that they are there, and nothing else.",
		Example: "  admin-assistant ledger prove --config work --period \"last month\" --file october.proof.json",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			if (period == "") == (key == "") {
				return usageError{errors.New("give --period or --entry, and not both")}
			}
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			var doc proof.Proof
			q := given(map[string]string{"period": period, "key": key})
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/ledger/" + v.ID + "/proof", query: q}, &doc); err != nil {
				return err
			}
			if _, err := doc.Check(""); err != nil { // what we hand out must hold
				return fmt.Errorf("the proof does not hold: %w", err)
			}
			return p.handOut(doc, file, "proves "+counted(len(doc.Entries), "entry", "entries"), "")
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&period, "period", "", "days, as in \"last month\" or \"2026-10-01 to 2026-10-31\"")
	cmd.Flags().StringVar(&key, "entry", "", "key of an appointment, as \"ledger day\" shows it")
	cmd.Flags().StringVar(&file, "file", "", "file to write; without it the proof is printed")
	p.required(cmd, "config")
	return cmd
}

func (p *program) proofCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "proof", Short: "Check proofs that others wrote"}
	cmd.AddCommand(p.proofVerify())
	return cmd
}

func (p *program) proofVerify() *cobra.Command {
	var key, zoneName, trusted string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check a proof by itself, with no account and no connection", Args: cobra.ExactArgs(1),
		Long: "Check a proof by itself, with no account and no connection. It holds if every entry is in its link, every link in the chain, and the head of the " +
			"chain is signed.\n\nWho signed it is for you to know: compare the key with the one that you were given by another way, or name that one with --key.\n\n" +
			"The time-stamp of a head, which \"ledger stamp\" writes, holds if the authority is one of --trust.",
		Example: "  admin-assistant proof verify october.proof.json --key admin-assistant-1f2e3d4c+5b6a7988+AbC...\n" +
			"  admin-assistant proof verify october.stamp.json --trust authority.pem",
		RunE: func(cmd *cobra.Command, args []string) error {
			zone, err := calendar.LoadZone(zoneName)
			if err != nil {
				return fault.Field("--timezone", "%w", err)
			}
			file, err := os.Open(args[0])
			if err != nil {
				return unreadable(fault.NotFound, args[0], err)
			}
			defer file.Close()
			data, err := io.ReadAll(io.LimitReader(file, proof.MaxSize+1))
			if err != nil {
				return err
			}
			if stamped, err := stamp.ParseProof(bytes.NewReader(data)); err == nil {
				return p.verifyStamp(stamped, key, trusted, zone)
			}
			doc, err := proof.Parse(bytes.NewReader(data))
			if err != nil {
				return err
			}
			checked, err := doc.Check(key)
			if err != nil {
				return fault.New(fault.Malformed, "THE PROOF DOES NOT HOLD: %v", err)
			}
			if p.output == "json" {
				return p.printJSON(checked)
			}
			return p.printChecked(checked, doc.Key, key != "", zone)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key that you trust")
	cmd.Flags().StringVar(&trusted, "trust", "", "file with certificates, as PEM, of the authority whose time-stamps you believe")
	cmd.Flags().StringVar(&zoneName, "timezone", "UTC", "time zone to show times in")
	return cmd
}

func (p *program) printChecked(c *proof.Checked, key string, trusted bool, zone *time.Location) error {
	var rows []table.Row
	for i := range c.Facts {
		f := &c.Facts[i]
		a, err := f.Appointment()
		if err != nil {
			return err
		}
		rows = append(rows, table.Row{when(&a, zone), f.Subject, f.Customer, f.BillingType, string(f.Outcome), f.Version})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"When", "Subject", "Customer", "Billing", "Outcome", "Version"}, rows)
	}
	text := fmt.Sprintf("The proof holds: %s", counted(len(c.Facts), "entry", "entries"))
	if c.Private > 0 {
		text += fmt.Sprintf(" and %d private ones that it does not show", c.Private)
	}
	if !c.From.IsZero() {
		text += fmt.Sprintf(", sealed between %s and %s", c.From.In(zone).Format("2006-01-02 15:04"), c.To.In(zone).Format("2006-01-02 15:04"))
	}
	text += fmt.Sprintf(". Times are in %s.\n", zone)
	if _, err := io.WriteString(p.out, text); err != nil {
		return err
	}
	return p.printKey(key, trusted)
}

// printKey says with which key something is signed, and what is still to be looked at.
func (p *program) printKey(key string, trusted bool) error {
	text := "It is signed with the key that you named.\n"
	if !trusted {
		text = fmt.Sprintf("It is signed with the key %s\n", printable(key)) +
			"That this is the key of whom you think is not proven: compare it with the one that they gave you.\n"
	}
	_, err := io.WriteString(p.out, text)
	return err
}

// handOut prints a document that proves something, or writes it to a file, of which it says what it is and how it is checked.
func (p *program) handOut(doc any, file, is, with string) error {
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if file == "" {
		_, err = p.out.Write(data)
		return err
	}
	if err := p.store(file, bytes.NewReader(data)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s %s. Who gets it checks it with: %s proof verify %s%s\n", file, is, programName, quoted(file), with)
	return err
}
