package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

const settingsPath = "/v1/me/settings"

// settingsFlags are those of the settings that are a text each: the flag, the member of the API, and what it means.
var settingsFlags = []struct{ flag, member, usage, shown string }{
	{"timezone", "timezone", "IANA time zone of periods that name none, as in Europe/Berlin", "Time zone"},
	{"week-start", "week_start", "first day of the week: monday, sunday or saturday", "Week begins"},
	{"locale", "locale", "language and region, as in en or de-DE", "Language"},
	{"email", "email", "address that e-mail goes to; empty: none", "E-mail"},
	{"digest-at", "digest_at", "when the daily digest comes, in your time zone, as in 08:00", "Digest at"},
}

// notified are the classes of notifications, as the API names them.
var notified = []string{"runs", "problems", "actions", "sign_in", "digest"}

func (p *program) settingsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "settings", Short: "Show and change your settings: time zone, language, e-mail, what you are told of"}
	cmd.AddCommand(p.settingsShow(), p.settingsSet())
	return cmd
}

// settingsOfUser reads the settings as the API has them, with their ETag.
func settingsOfUser(ctx context.Context, c *client) (fields, string, error) {
	var me struct {
		Settings fields `json:"settings"`
	}
	header, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me)
	return me.Settings, header.Get("ETag"), err
}

func (p *program) settingsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show your settings", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			s, _, err := settingsOfUser(ctx, c)
			if err != nil {
				return err
			}
			return p.showSettings(s)
		}),
	}
}

func (p *program) showSettings(s fields) error {
	if p.output == "json" {
		return p.printJSON(s)
	}
	var rows []table.Row
	for _, f := range settingsFlags {
		rows = append(rows, table.Row{f.shown, s.text(f.member)})
	}
	rows = append(rows, table.Row{"Letterhead", strings.Join(strings.Split(s.text("letterhead"), "\n"), ", ")})
	channels, _ := s["notifications"].(map[string]any)
	for _, class := range notified {
		on, _ := channels[class].(map[string]any)
		by := []string{}
		if on["in_app"] == true {
			by = append(by, "app")
		}
		if on["email"] == true {
			by = append(by, "email")
		}
		rows = append(rows, table.Row{"Told of " + strings.ReplaceAll(class, "_", "-"), strings.Join(by, ", ")})
	}
	p.printTable(table.Row{"Setting", "Value"}, rows)
	return nil
}

func (p *program) settingsSet() *cobra.Command {
	texts := map[string]*string{}
	var letterhead, notify []string
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "set", Short: "Change what the flags name, and leave the rest as it is", Args: cobra.NoArgs,
		Long: "Change what the flags name, and leave the rest as it is. You are told of runs that ended well, of problems, of actions that wait for you, of\n" +
			"sign-ins that Microsoft asks for (sign-in), and once a day of all that is open (digest): in the app, by e-mail, both or not at all.",
		Example: "  admin-assistant settings set --timezone Europe/Berlin --email me@example.com --notify problems=app,email --notify digest=email\n" +
			"  admin-assistant settings set --letterhead \"Ann Example\" --letterhead \"Main Street 1, Berlin\"",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			s, etag, err := settingsOfUser(ctx, c)
			if err != nil {
				return err
			}
			changed := false
			for _, f := range settingsFlags {
				if cmd.Flags().Changed(f.flag) {
					s[f.member], changed = *texts[f.flag], true
				}
			}
			if cmd.Flags().Changed("letterhead") {
				s["letterhead"], changed = strings.TrimSpace(strings.Join(letterhead, "\n")), true
			}
			for _, text := range notify {
				if err := setNotified(s, text); err != nil {
					return err
				}
				changed = true
			}
			if !changed {
				return wrong(cmd, "nothing to change")
			}
			var now fields
			if _, err := c.do(ctx, request{method: http.MethodPut, path: settingsPath, json: s, ifMatch: etag}, &now); err != nil {
				return err
			}
			return p.showSettings(now)
		}),
	}
	for _, f := range settingsFlags {
		texts[f.flag] = cmd.Flags().String(f.flag, "", f.usage)
	}
	cmd.Flags().StringArrayVar(&letterhead, "letterhead", nil, "a line of your name and address as timesheets have them; repeat it for several")
	cmd.Flags().StringArrayVar(&notify, "notify", nil,
		"CLASS=CHANNELS, as in problems=app,email; CLASS is runs, problems, actions, sign-in or digest, CHANNELS app, email or none")
	return cmd
}

// setNotified reads "problems=app,email" into settings.
func setNotified(s fields, text string) error {
	class, by, ok := strings.Cut(text, "=")
	class = strings.ReplaceAll(strings.TrimSpace(class), "-", "_")
	if !ok || !slices.Contains(notified, class) {
		return usageError{fmt.Errorf("--notify is %q: expected one of runs, problems, actions, sign-in and digest with channels, as in problems=app,email", text)}
	}
	channels := map[string]any{"in_app": false, "email": false}
	for channel := range strings.SplitSeq(by, ",") {
		switch strings.TrimSpace(channel) {
		case "app":
			channels["in_app"] = true
		case "email", "mail":
			channels["email"] = true
		case "none", "":
		default:
			return usageError{fmt.Errorf("--notify %s has the channel %q: expected app, email or none", text, channel)}
		}
	}
	all, _ := s["notifications"].(map[string]any)
	if all == nil {
		all = map[string]any{}
		s["notifications"] = all
	}
	all[class] = channels
	return nil
}
