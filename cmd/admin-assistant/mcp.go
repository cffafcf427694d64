package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"adminassistant/shared/assistant"
	"adminassistant/shared/fault"
)

func (p *program) mcpCommand() *cobra.Command {
	var readOnly bool
	cmd := &cobra.Command{
		Use: "mcp", Short: "Let an assistant that you trust read your record and propose changes", Args: cobra.NoArgs,
		Long: "Speak the Model Context Protocol on standard input and output, for an assistant that starts this program: name the command in its\n" +
			"settings. It reads hours, days of the record, what waits for you, runs and timesheets, with your rights and no others. What it changes\n" +
			"takes two steps: a preview, and after you agreed the same as it was shown, or nothing. The audit log says what an assistant did for you.\n" +
			"Nothing goes anywhere but to the assistant that asks; what that one does with it is up to you and whoever runs it.",
		Example: "  admin-assistant mcp --local\n  admin-assistant mcp --read-only",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.api()
			if err != nil {
				return err
			}
			c.via = assistant.Via
			transport := &mcp.IOTransport{Reader: io.NopCloser(p.in), Writer: writeCloser{p.out}}
			err = assistant.New(overClient{p, c, &sync.Mutex{}}, version, !readOnly).Run(cmd.Context(), transport)
			if errors.Is(err, io.EOF) || cmd.Context().Err() != nil {
				return nil // the assistant has gone
			}
			if err != nil {
				return fault.New(fault.Invalid, "what came on standard input is no message of the Model Context Protocol; an assistant starts this command, "+
					"and speaks it there")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&readOnly, "read-only", false, "offer no tools that change anything")
	return cmd
}

type writeCloser struct{ io.Writer }

func (writeCloser) Close() error { return nil }

// overClient is the API for an assistant.
type overClient struct {
	p *program
	c *client
	// following lets one run at a time be followed: with --local this process carries it out.
	following *sync.Mutex
}

// Do implements assistant.API.
func (o overClient) Do(ctx context.Context, method, path string, query url.Values, body any) (out json.RawMessage, err error) {
	_, err = o.c.do(ctx, request{method: method, path: path, query: query, json: body}, &out)
	return out, err
}

// Follow implements assistant.API.
func (o overClient) Follow(ctx context.Context, path string, body any) (json.RawMessage, error) {
	o.following.Lock()
	defer o.following.Unlock()
	r, err := o.p.follow(ctx, o.c, request{method: http.MethodPost, path: path, json: body})
	if err != nil {
		return nil, err
	}
	return o.Do(ctx, http.MethodGet, "/v1/runs/"+r.ID, nil, nil)
}
