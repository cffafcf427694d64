// Package decision knows what a user decided about appointments: the last word, which plans take as given.
//
// A decision answers an action, or corrects something without one. It says what its user saw, and has a verdict for each participant. A verdict holds as
// long as the participant's source is the version that the user saw.
package decision

import (
	"strings"
	"time"
)

// Decision is what a user decided at one time.
type Decision struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind,omitempty"` // of the action that it answers; empty: of none
	Seen     []Seen    `json:"seen"`           // the participants, each once
	Verdicts []Verdict `json:"verdicts"`       // at most one for each participant, and one for each appointment that is created
}

// About returns the verdict about a key; nil if there is none.
func (d *Decision) About(key string) *Verdict {
	for i := range d.Verdicts {
		if d.Verdicts[i].Key == key {
			return &d.Verdicts[i]
		}
	}
	return nil
}

// Seen is the version of a source that the user sees when deciding about it.
type Seen struct {
	Key  string `json:"key"`
	Hash string `json:"hash"` // content hash of the source, as "sha256:<hex>"
}

// Verdict is what becomes of one participant.
type Verdict struct {
	Key  string  `json:"key"`
	Word Word    `json:"verdict"`
	By   string  `json:"by,omitempty"`   // of Drop: the key of the winner; empty: there is none
	Into string  `json:"into,omitempty"` // of Merge: the key of the one that stands; its own key, or empty, for that one itself
	Only []Field `json:"only,omitempty"` // of Accept: the fields that are accepted; empty: all
	// Fields are the new values: of KeepAs, of Create, and of one Merge of those into the same.
	Fields *Fields `json:"fields,omitempty"`
}

// Word is a verdict in a word.
type Word string

const (
	Keep         Word = "keep"          // archived as the source has it
	KeepAs       Word = "keep_as"       // archived with other fields
	Drop         Word = "drop"          // kept out; By won
	Merge        Word = "merge"         // one stands for all those that are merged into it
	Create       Word = "create"        // a new appointment of the user's own, without a source
	Accept       Word = "accept"        // the archive takes what changed in the source
	KeepArchived Word = "keep_archived" // the archive stays as it is, although the source changed
	Withdraw     Word = "withdraw"      // taken out of the archive
)

// Words lists all of them.
var Words = []Word{Keep, KeepAs, Drop, Merge, Create, Accept, KeepArchived, Withdraw}

// Field is the name of something that a verdict can change.
type Field string

const (
	Start       Field = "start"
	End         Field = "end"
	Subject     Field = "subject"
	Location    Field = "location"
	Categories  Field = "categories"
	Sensitivity Field = "sensitivity"
	ShowAs      Field = "show_as"
	Body        Field = "body"
)

// AllFields lists all of them.
var AllFields = []Field{Start, End, Subject, Location, Categories, Sensitivity, ShowAs, Body}

// mergeFields are those that a merge can change.
var mergeFields = []Field{Start, End, Subject, Categories, Body}

// Fields are new values; nil: the value stays.
type Fields struct {
	Start       *time.Time `json:"start,omitempty"` // with an offset, to the second at least
	End         *time.Time `json:"end,omitempty"`   // a minute after Start, or later
	Subject     *string    `json:"subject,omitempty"`
	Location    *string    `json:"location,omitempty"`
	Categories  *[]string  `json:"categories,omitempty"` // empty: none
	Sensitivity *string    `json:"sensitivity,omitempty"`
	ShowAs      *string    `json:"show_as,omitempty"`
	Body        *string    `json:"body,omitempty"` // plain text
}

// Has says whether a field has a new value.
func (f *Fields) Has(field Field) bool {
	if f == nil {
		return false
	}
	switch field {
	case Start:
		return f.Start != nil
	case End:
		return f.End != nil
	case Subject:
		return f.Subject != nil
	case Location:
		return f.Location != nil
	case Categories:
		return f.Categories != nil
	case Sensitivity:
		return f.Sensitivity != nil
	case ShowAs:
		return f.ShowAs != nil
	case Body:
		return f.Body != nil
	}
	return false
}

// AtLeast is how long an appointment is after a decision gave it a time.
const AtLeast = time.Minute

// createdPrefix begins the keys of what decisions created.
const createdPrefix = "decision:"

// Created says whether a key is that of an appointment that a decision created. It has no source.
func Created(key string) bool {
	id, ok := strings.CutPrefix(key, createdPrefix)
	return ok && name(id)
}

// CreatedKey is the key of an appointment that a decision creates, by an id of its own.
func CreatedKey(id string) string { return createdPrefix + id }
