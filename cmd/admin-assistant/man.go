package main

import (
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"adminassistant/shared/fault"
)

// manCommand writes the manual pages, for whoever makes a release.
func (p *program) manCommand() *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use: "man FOLDER", Short: "Write a manual page for each command into a folder", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			day, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return fault.Field("date", "%.20q is no day, as in 2026-10-31", date)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := p.root()
			root.DisableAutoGenTag = true // it has the day on which it runs
			literally(root)
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Date: &day, Source: "Admin Assistant " + version, Manual: "Admin Assistant"}, args[0])
		},
	}
	cmd.Flags().StringVar(&date, "date", "2026-01-01", "the day on the pages")
	return cmd
}

// inMarkdown are characters that Markdown, of which pages are made, takes for its own.
var inMarkdown = strings.NewReplacer(`\`, `\\`, "_", `\_`, "*", `\*`, "<", `\<`, "`", "\\`")

// literally has what commands say of themselves come out as it is.
func literally(cmd *cobra.Command) {
	cmd.Short, cmd.Long = inMarkdown.Replace(cmd.Short), inMarkdown.Replace(cmd.Long)
	for _, sub := range cmd.Commands() {
		literally(sub)
	}
}
