package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

type userView struct {
	document
	Object   string `json:"object"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	State    string `json:"state"`
	Disabled *struct {
		By string    `json:"by"`
		At time.Time `json:"at"`
	} `json:"disabled,omitempty"`
	Created *time.Time `json:"created,omitempty"`
	Seen    string     `json:"seen,omitempty"`
	Erasing *time.Time `json:"erasing,omitempty"`
	Erased  *time.Time `json:"erased,omitempty"`
	// Mailboxes are in the answer about one user alone.
	Mailboxes    []grantView   `json:"mailboxes,omitempty"`
	MailReturned *returnedView `json:"mail_returned,omitempty"`
}

// returnedView says why nothing is mailed to an address.
type returnedView struct {
	Why   string    `json:"why"`
	At    time.Time `json:"at"`
	Admin bool      `json:"needs_administrator"`
}

// rows are what tables show of it.
func (v *returnedView) rows() []table.Row {
	if v == nil {
		return nil
	}
	return []table.Row{{"E-mail", v.Why + " at " + minute(v.At) + ", nothing more is sent"}}
}

// grantView is a mailbox that was granted to a user.
type grantView struct {
	document
	Mailbox string    `json:"mailbox"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

func (p *program) userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "Manage the users of your organisation, as its administrator",
		Long: "Manage the users of your organisation, as its administrator. A user is named by the Entra object id, which list shows.\n" +
			"export and erase are about yourself, and for everybody.",
	}
	cmd.AddCommand(p.userList(), p.userShow(), p.userSwitch("disable", "Shut a user out, and sign the user out of all browsers"),
		p.userSwitch("enable", "Let a user in again"), p.userRole(), p.userGrants(), p.userGrant(), p.userRevokeGrant(), p.userMailAgain(), p.userDelete(),
		p.userExport(), p.userErase())
	return cmd
}

func userPath(object string) string { return "/v1/users/" + url.PathEscape(object) }

func (p *program) showUser(v userView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	rows := []table.Row{{"Object", v.Object}, {"Role", v.Role}, {"State", v.State}, {"Seen", v.Seen}}
	for _, at := range []struct {
		what string
		time *time.Time
	}{{"Since", v.Created}, {"Erasing since", v.Erasing}, {"Erased", v.Erased}} {
		if at.time != nil {
			rows = append(rows, table.Row{at.what, minute(*at.time)})
		}
	}
	if v.Disabled != nil {
		rows = append(rows, table.Row{"Disabled", minute(v.Disabled.At) + " by " + v.Disabled.By})
	}
	for _, g := range v.Mailboxes {
		rows = append(rows, table.Row{"Mailbox", g.Mailbox})
	}
	p.printTable(table.Row{"User", printable(v.Name)}, append(rows, v.MailReturned.rows()...))
	return nil
}

func (p *program) showGrants(grants []grantView) error {
	if p.output == "json" {
		return p.printJSON(grants)
	}
	rows := make([]table.Row, len(grants))
	for i, g := range grants {
		rows[i] = table.Row{g.Mailbox, g.By, minute(g.At)}
	}
	p.printTable(table.Row{"Mailbox", "Granted by", "At"}, rows)
	return nil
}

func (p *program) userGrants() *cobra.Command {
	return &cobra.Command{
		Use: "grants OBJECT", Short: "List the mailboxes that are granted to a user, beside the own one", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var v userView
			if _, err := c.do(ctx, request{method: http.MethodGet, path: userPath(args[0])}, &v); err != nil {
				return err
			}
			return p.showGrants(append([]grantView{}, v.Mailboxes...))
		}),
	}
}

func grantsPath(object string) string { return userPath(object) + "/mailboxes" }

func (p *program) userGrant() *cobra.Command {
	return &cobra.Command{
		Use: "grant OBJECT MAILBOX", Short: "Grant a mailbox of your organisation to a user", Args: cobra.ExactArgs(2),
		Long: "Grant a mailbox of your organisation to a user, whose calendar URIs may name it from then on. MAILBOX is its address, or the Entra object id " +
			"of its user. The user's own mailbox needs no grant.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var made grantView
			r := request{method: http.MethodPost, path: grantsPath(args[0]), json: map[string]string{"mailbox": args[1]}}
			if _, err := c.do(ctx, r, &made); err != nil {
				return err
			}
			return p.showGrants([]grantView{made})
		}),
	}
}

func (p *program) userRevokeGrant() *cobra.Command {
	return &cobra.Command{
		Use: "revoke-grant OBJECT MAILBOX", Short: "Take a granted mailbox from a user", Args: cobra.ExactArgs(2),
		Long: "Take a granted mailbox from a user. No run that starts from then on reaches it; what was archived and backed up stays the user's.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: grantsPath(args[0]) + "/" + url.PathEscape(args[1])}, nil); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.out, "user %s does not reach %s any more\n", printable(args[0]), printable(args[1]))
			return err
		}),
	}
}

func (p *program) userMailAgain() *cobra.Command {
	return &cobra.Command{
		Use: "mail-again OBJECT", Short: "Have e-mail go to a user's address again, after it came back", Args: cobra.ExactArgs(1),
		Long: "Have e-mail go to a user's address again. After one came back, or was called unwanted, none is sent to it any more; show says so.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: userPath(args[0]) + "/mail-returned"}, nil); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.out, "e-mail goes to the address of %s again\n", printable(args[0]))
			return err
		}),
	}
}

func (p *program) userList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			return printList(ctx, p, c, "/v1/users", nil, 0, table.Row{"User", "Object", "Role", "State", less("Seen")}, func(v userView) table.Row {
				return table.Row{v.Name, v.Object, v.Role, v.State, v.Seen}
			})
		}),
	}
}

func (p *program) userShow() *cobra.Command {
	return &cobra.Command{
		Use: "show OBJECT", Short: "Show a user", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeUser(ctx, c, request{method: http.MethodGet, path: userPath(args[0])})
		}),
	}
}

// changeUser makes a call that is answered with a user, and shows that.
func (p *program) changeUser(ctx context.Context, c *client, r request) error {
	var v userView
	if _, err := c.do(ctx, r, &v); err != nil {
		return err
	}
	return p.showUser(v)
}

func (p *program) userSwitch(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " OBJECT", Short: short, Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if verb == "disable" {
				if err := p.confirm(fmt.Sprintf("This shuts user %s out, in all browsers and programs.", printable(args[0]))); err != nil {
					return err
				}
			}
			return p.changeUser(ctx, c, request{method: http.MethodPost, path: userPath(args[0]) + "/" + verb})
		}),
	}
}

func (p *program) userRole() *cobra.Command {
	return &cobra.Command{
		Use: "role OBJECT user|admin", Short: "Give a user a role", Args: cobra.ExactArgs(2),
		Long: "Give a user a role. One that the sign-in brings stays.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeUser(ctx, c, request{method: http.MethodPut, path: userPath(args[0]) + "/role", json: map[string]string{"role": args[1]}})
		}),
	}
}

// erasureWarning is what is to be known before a user is erased.
type erasureWarning struct {
	Retained   int    `json:"retained"`
	Until      string `json:"until,omitempty"`
	Years      int    `json:"retention_years"`
	Kept       string `json:"kept"`
	Says       string `json:"says"`
	Timesheets []struct {
		ID       string `json:"id"`
		Customer string `json:"customer"`
		From     string `json:"from"`
		To       string `json:"to"`
		Until    string `json:"until"`
	} `json:"timesheets,omitempty"`
	Laws []struct {
		Country string `json:"country"`
		Years   int    `json:"years"`
		What    string `json:"what"`
		Law     string `json:"law"`
		Source  string `json:"source"`
	} `json:"laws"`
}

// erasureState is how far an erasure is.
type erasureState struct {
	State string     `json:"state"`
	Begun *time.Time `json:"begun,omitempty"`
	Step  string     `json:"step,omitempty"`
	Again *time.Time `json:"again,omitempty"`
}

// warnOfErasure asks whether a user is to be erased, after it said what is to be kept. Programs get that in the question alone.
func (p *program) warnOfErasure(ctx context.Context, c *client, path, question string) (kept string, err error) {
	var w erasureWarning
	if _, err := c.do(ctx, request{method: http.MethodGet, path: path}, &w); err != nil {
		return "", err
	}
	if w.Retained == 0 {
		return "", p.confirm(question)
	}
	if p.output != "json" {
		for _, s := range w.Timesheets {
			fmt.Fprintf(p.out, "  %s of %s, %s to %s: until %s\n", s.ID, printable(s.Customer), s.From, s.To, s.Until)
		}
		fmt.Fprintln(p.out, "What the law asks for in countries that are known here; this is no legal advice:")
		for _, l := range w.Laws {
			fmt.Fprintf(p.out, "  %s: %d years, %s (%s)\n      %s\n", l.Country, l.Years, l.What, l.Law, l.Source)
		}
	}
	return w.Kept, p.confirm(printable(w.Says) + " " + question)
}

// printErasure says how far the erasure of a user is.
func (p *program) printErasure(of string, done erasureState) error {
	switch {
	case p.output == "json":
		return p.printJSON(done)
	case done.Again == nil:
		_, err := fmt.Fprintf(p.out, "all is erased that was kept of %s\n", of)
		return err
	}
	_, err := fmt.Fprintf(p.out, "%s is being erased; run this command again at %s for the rest\n", of, minute(*done.Again))
	return err
}

func (p *program) userDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete OBJECT", Short: "Erase all that is kept of a user", Args: cobra.ExactArgs(1),
		Long: "Erase all that is kept of a user. Some minutes later a last pass is needed: run the command again, until all is erased. " +
			"A user who is disabled stays so.\nLocked timesheets whose retention period is not over are counted before; only the user can export them.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			kept, err := p.warnOfErasure(ctx, c, userPath(args[0])+"/erasure",
				fmt.Sprintf("This erases all that is kept of user %s, for good.", printable(args[0])))
			if err != nil {
				return err
			}
			var done erasureState
			r := request{method: http.MethodDelete, path: userPath(args[0]), query: given(map[string]string{"kept": kept})}
			if _, err := c.do(ctx, r, &done); err != nil {
				return err
			}
			return p.printErasure("user "+printable(args[0]), done)
		}),
	}
}

func (p *program) userExport() *cobra.Command {
	return &cobra.Command{
		Use: "export [FILE]", Short: "Export all that is kept of you as a ZIP file", Args: cobra.MaximumNArgs(1),
		Long: "Export all that is kept of you as a ZIP file: records, ledgers, approved timesheets with what proves them, and the audit log. Not in it are\n" +
			"the files of backups (backup download) and local calendars (calendar export).",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.save(ctx, c, request{method: http.MethodGet, path: "/v1/me/export", elsewhere: true}, args)
		}),
	}
}

func (p *program) userErase() *cobra.Command {
	var file, goOn string
	cmd := &cobra.Command{
		Use: "erase", Short: "Export all that is kept of you, and then erase it", Args: cobra.NoArgs,
		Long: "Export all that is kept of you into the file --export, and then erase it, for good. Before that, it says which locked timesheets are in the\n" +
			"retention period of your settings, and what the law asks for in some countries. Some minutes later a last pass is needed, for which the\n" +
			"command says how to go on. What is in Outlook stays there.",
		Example: "  admin-assistant user erase --export everything.zip",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			if goOn != "" {
				return p.eraseMe(ctx, c, goOn, "")
			}
			if file == "" {
				return usageError{errors.New("--export is missing: file into which all is exported before; see: admin-assistant user erase --help")}
			}
			var me struct {
				Object string `json:"object"`
			}
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me); err != nil {
				return err
			}
			kept, err := p.warnOfErasure(ctx, c, "/v1/me/erasure",
				fmt.Sprintf("All that is kept of you is exported into %s, and then erased for good.", printable(file)))
			if err != nil {
				return err
			}
			if err := p.save(ctx, c, request{method: http.MethodGet, path: "/v1/me/export", elsewhere: true}, []string{file}); err != nil {
				return err
			}
			if p.output != "json" {
				fmt.Fprintf(p.out, "exported into %s; keep it\n", printable(file))
			}
			return p.eraseMe(ctx, c, me.Object, kept)
		}),
	}
	cmd.Flags().StringVar(&file, "export", "", "file into which all is exported before")
	cmd.Flags().StringVar(&goOn, "go-on", "", "your object id: go on with an erasure that has begun")
	return cmd
}

// eraseMe erases whoever asks, or goes on with it.
func (p *program) eraseMe(ctx context.Context, c *client, object, kept string) error {
	var done erasureState
	r := request{method: http.MethodDelete, path: "/v1/me", confirm: object, query: given(map[string]string{"kept": kept})}
	if _, err := c.do(ctx, r, &done); err != nil {
		return err
	}
	switch {
	case p.output == "json":
		return p.printJSON(done)
	case done.Again == nil:
		_, err := fmt.Fprintln(p.out, "all is erased that was kept of you")
		return err
	}
	_, err := fmt.Fprintf(p.out, "you are being erased; at %s go on with: %s\n", minute(*done.Again), p.command("user erase --go-on "+quoted(object)))
	return err
}
