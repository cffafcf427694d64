package main

import (
	"context"
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
		Long: "Manage the users of your organisation, as its administrator. A user is named by the Entra object id, which list shows.",
	}
	cmd.AddCommand(p.userList(), p.userShow(), p.userSwitch("disable", "Shut a user out, and sign the user out of all browsers"),
		p.userSwitch("enable", "Let a user in again"), p.userRole(), p.userGrants(), p.userGrant(), p.userRevokeGrant(), p.userMailAgain(), p.userDelete())
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

func (p *program) userDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete OBJECT", Short: "Erase all that is kept of a user", Args: cobra.ExactArgs(1),
		Long: "Erase all that is kept of a user. Some minutes later a last pass is needed: run the command again, until all is erased. " +
			"A user who is disabled stays so.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.confirm(fmt.Sprintf("This erases all that is kept of user %s, for good.", printable(args[0]))); err != nil {
				return err
			}
			var done struct {
				State string     `json:"state"`
				Begun *time.Time `json:"begun,omitempty"`
				Step  string     `json:"step,omitempty"`
				Again *time.Time `json:"again,omitempty"`
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: userPath(args[0])}, &done); err != nil {
				return err
			}
			switch {
			case p.output == "json":
				return p.printJSON(done)
			case done.Again == nil:
				_, err := fmt.Fprintf(p.out, "all is erased that was kept of %s\n", printable(args[0]))
				return err
			}
			_, err := fmt.Fprintf(p.out, "%s is being erased; run this command again at %s for the rest\n", printable(args[0]), minute(*done.Again))
			return err
		}),
	}
}
