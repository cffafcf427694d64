package httpapi

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
)

// planDocument describes the stable form of a plan, as archive.Plan has it as JSON.
type planDocument struct {
	Window   planWindow    `json:"window"`
	Counts   planCounts    `json:"counts" doc:"Events by outcome. Fetched is the sum of the others but vanished and created."`
	Balanced bool          `json:"balanced" doc:"Whether that is so."`
	Items    []planItem    `json:"items" nullable:"false" doc:"By start, then event id."`
	Overlaps []planOverlap `json:"overlaps" nullable:"false"`
	Actions  []planAction  `json:"actions" nullable:"false" doc:"What the user would be asked."`
	Issues   []string      `json:"issues,omitempty" nullable:"false" doc:"Of decisions that are about nothing here."`
}

// planCounts are archive.Counts by a name of their own in the document.
type planCounts archive.Counts

type planWindow struct {
	Start string `json:"start" doc:"In the config's zone, as in 2026-10-01T00:00:00+02:00."`
	End   string `json:"end" doc:"Excluded."`
}

type planItem struct {
	EventID     string       `json:"event_id"`
	Key         string       `json:"key" doc:"Source key."`
	Outcome     planOutcome  `json:"outcome"`
	Reason      string       `json:"reason" doc:"Why, of excluded and superseded ones."`
	By          string       `json:"by" doc:"Id of the event that merged, absorbed or superseded it."`
	ByKey       string       `json:"by_key,omitempty"`
	Decision    string       `json:"decision,omitempty" doc:"Id of the decision that made it so."`
	Verdict     verdictWord  `json:"verdict,omitempty"`
	Hash        string       `json:"hash" doc:"Content hash of the source."`
	Appointment appointment  `json:"appointment" doc:"As it would stand."`
	Held        *appointment `json:"held,omitempty" doc:"Of a drifted one: as the ledger has it."`
	Body        *planBody    `json:"body,omitempty" doc:"The text that a decision gave it."`
	Changes     []planChange `json:"changes" nullable:"false" doc:"What was made otherwise than the source has it."`
	Issues      []string     `json:"issues" nullable:"false"`
}

type planBody struct {
	ContentType string `json:"contentType,omitempty" enum:"text,html"`
	Content     string `json:"content,omitempty"`
}

type planChange struct {
	Field   string `json:"field"`
	From    string `json:"from"`
	To      string `json:"to"`
	Reason  string `json:"reason" doc:"Such as personal, extension, or rule:ID."`
	Version int    `json:"version,omitempty" doc:"Of that rule."`
}

type planOverlap struct {
	EventIDs []string `json:"event_ids" nullable:"false"`
	Outcome  string   `json:"outcome" enum:"kept,resolved,conflict"`
}

type planAction struct {
	Kind     actionKind    `json:"kind"`
	EventIDs []string      `json:"event_ids" nullable:"false"`
	Seen     []decisionKey `json:"seen" nullable:"false" doc:"The appointments that it is about."`
	Detail   string        `json:"detail"`
}

// planOutcome is archive.Outcome in answers.
type planOutcome string

// Schema implements huma.SchemaProvider.
func (planOutcome) Schema(huma.Registry) *huma.Schema { return wordsOf(archive.Outcomes) }

// itemPlan is what a run planned for an item: an item of the plan, and of runs that are no archive, what their kind has instead.
type itemPlan json.RawMessage

// MarshalJSON returns the text.
func (p itemPlan) MarshalJSON() ([]byte, error) { return json.RawMessage(p).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (itemPlan) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "What was planned for it: of an archive run an item of the plan, of another one what its kind has instead.",
	}
}
