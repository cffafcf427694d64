package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

type notificationView struct {
	document
	ID      string     `json:"id"`
	Class   string     `json:"class"`
	State   string     `json:"state"`
	Percent int        `json:"percent"`
	Title   string     `json:"title"`
	Text    string     `json:"text"`
	Command string     `json:"command,omitempty"`
	Link    string     `json:"link,omitempty"`
	Mail    string     `json:"mail,omitempty"`
	Read    *time.Time `json:"read,omitempty"`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
}

func (p *program) notificationCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "notification", Short: "Read what became of runs and jobs"}
	cmd.AddCommand(p.notificationList(), p.notificationRead(), p.notificationMailAgain())
	return cmd
}

func (p *program) notificationList() *cobra.Command {
	var unread bool
	cmd := &cobra.Command{
		Use: "list", Short: "List notifications, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := url.Values{}
			if unread {
				query.Set("unread", "true")
			}
			return printList(ctx, p, c, "/v1/notifications", query, 0, table.Row{"Notification", "When", least("Class"), less("State"), "What", ""},
				func(v notificationView) table.Row {
					return table.Row{identity(v.ID), p.minute(v.Updated), v.Class, status(v.State), v.Title, status(mark(v.Read == nil, "unread"))}
				})
		}),
	}
	cmd.Flags().BoolVar(&unread, "unread", false, "only those that are not marked as read")
	return cmd
}

func (p *program) notificationRead() *cobra.Command {
	var everything bool
	cmd := &cobra.Command{
		Use: "read [NOTIFICATION]", Short: "Show a notification and mark it as read, or mark all of them", Args: cobra.MaximumNArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if everything == (len(args) > 0) {
				return usageError{errors.New("name one notification, or say --all; see: admin-assistant notification list")}
			}
			if everything {
				var done struct {
					document
					Read int `json:"read"`
				}
				if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/notifications/read"}, &done); err != nil {
					return err
				}
				if p.output == "json" {
					return p.printJSON(done)
				}
				_, err := fmt.Fprintf(p.out, "%d marked as read\n", done.Read)
				return err
			}
			var v notificationView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/notifications/" + url.PathEscape(args[0]) + "/read"}, &v); err != nil {
				return err
			}
			return p.showNotification(v)
		}),
	}
	cmd.Flags().BoolVar(&everything, "all", false, "mark all of them as read")
	return cmd
}

func (p *program) notificationMailAgain() *cobra.Command {
	return &cobra.Command{
		Use: "mail-again", Short: "Have e-mail go to your address again, after it came back", Args: cobra.NoArgs,
		Long: "Have e-mail go to your address again. After one came back, none is sent to it any more; whoami says so. What came back three times, or was " +
			"called unwanted, only an administrator lets through again: user mail-again.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/me/mail-returned"}, nil); err != nil {
				return err
			}
			return p.say("e-mail goes to your address again")
		}),
	}
}

func (p *program) showNotification(v notificationView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	text := v.Title + "\n\n" + v.Text
	if v.Command != "" {
		text += "\n\n    " + p.told(v.Command)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if _, err := fmt.Fprintln(p.out, printable(line)); err != nil {
			return err
		}
	}
	return nil
}
