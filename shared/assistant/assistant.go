// Package assistant lets a language model that a user trusts read the record and propose changes, as the Model Context Protocol has it
// (https://modelcontextprotocol.io). All of it goes through the API, with the user's own rights.
//
// A change takes two steps: a preview, which writes nothing and returns a plan_hash, and apply with that hash, which makes sure that what would happen is
// still the same. What is read goes to whoever asked, and nowhere else.
package assistant

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// API is the way to the product. Errors are for the user to read.
type API interface {
	// Do makes a call and returns the answer's JSON.
	Do(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error)
	// Follow makes a call that starts a run, waits for the run's end and returns it.
	Follow(ctx context.Context, path string, body any) (json.RawMessage, error)
}

// Via says in the audit log that a call was made through an assistant: the header X-Via has it.
const Via = "assistant"

// instructions tell the model what this is about.
const instructions = `The user's record of appointments: what an Outlook calendar said, day by day, archived and sealed, for timesheets that clients pay.
Times are instants in UTC; days are local days of the archive config's zone. Say which customer, day and duration you mean when you speak of an appointment.
Look before you propose anything: open_actions has what waits for the user, with suggestions.
A change takes two steps. A preview_ tool writes nothing and returns a plan_hash. Show the user what it says, the hours before and after above all, and call
apply with the plan_hash only after they agreed. Undo can be previewed for every run that wrote something.`

// server answers the calls of one session.
type server struct {
	api      API
	previews previews
}

// New returns a server for one session. Without changes it can only read.
func New(api API, version string, changes bool) *mcp.Server {
	s := &server{api: api}
	who := &mcp.Implementation{Name: "admin-assistant", Title: "Admin Assistant", Version: version}
	tools := mcp.NewServer(who, &mcp.ServerOptions{Instructions: instructions})
	s.readTools(tools)
	if changes {
		s.changeTools(tools)
	}
	return tools
}

// tool adds a tool whose answer is an object.
func tool[In any](tools *mcp.Server, t mcp.Tool, answer func(context.Context, In) (any, error)) {
	mcp.AddTool(tools, &t, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		out, err := answer(ctx, in)
		return nil, out, err
	})
}

// reading is the annotation of tools that change nothing.
func reading(title string) *mcp.ToolAnnotations {
	no := false
	return &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, OpenWorldHint: &no}
}
