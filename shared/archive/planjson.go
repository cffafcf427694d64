package archive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/strictjson"
)

// The stable JSON form of a plan. Its types are separate from those that the steps work with, so that those can change while the form stays
// the same.

type planJSON struct {
	Window   windowJSON `json:"window"`
	Counts   Counts     `json:"counts"`
	Balanced bool       `json:"balanced"`
	Items    []itemJSON `json:"items"`
	Overlaps []Overlap  `json:"overlaps"`
	Actions  []Action   `json:"actions"`
	Issues   []string   `json:"issues,omitempty"`
}

type windowJSON struct {
	Start string `json:"start"` // in the config's zone
	End   string `json:"end"`   // exclusive
}

func orNone[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

type itemJSON = itemForm[calendar.Appointment]

// itemForm is an item whose appointments are as they are read, or in the form in which they are written.
type itemForm[A calendar.Appointment | calendar.AppointmentForm] struct {
	EventID     string        `json:"event_id"`
	Key         string        `json:"key"`
	Outcome     Outcome       `json:"outcome"`
	Reason      string        `json:"reason"`
	By          string        `json:"by"`
	ByKey       string        `json:"by_key,omitempty"`
	Decision    string        `json:"decision,omitempty"`
	Verdict     decision.Word `json:"verdict,omitempty"`
	Hash        string        `json:"hash"`
	Appointment A             `json:"appointment"`
	// Held is the version of a drifted one that the ledger has.
	Held *A `json:"held,omitempty"`
	// Body is the text that a decision gave the appointment.
	Body    *calendar.Body  `json:"body,omitempty"`
	Changes []ledger.Change `json:"changes"`
	Issues  []string        `json:"issues"`
}

// MarshalJSON returns the stable form.
func (p Plan) MarshalJSON() ([]byte, error) {
	j := p.withoutItems()
	j.Items = make([]itemJSON, len(p.Items))
	for i := range p.Items {
		j.Items[i] = newItemJSON(&p.Items[i])
	}
	return json.Marshal(j)
}

func (p *Plan) withoutItems() planJSON {
	return planJSON{
		Window: windowJSON{Start: p.Window.Start().In(p.Window.Zone).Format(time.RFC3339), End: p.Window.End().In(p.Window.Zone).Format(time.RFC3339)},
		Counts: p.Counts, Balanced: p.Balanced(), Items: []itemJSON{}, Overlaps: orNone(p.Overlaps), Actions: orNone(p.Actions), Issues: p.Issues,
	}
}

// WriteJSON writes the stable form for people and programs to read: each item, overlap and action on a line of its own, one by one, so that the text of a
// large plan is never in memory as a whole.
func (p *Plan) WriteJSON(w io.Writer) error {
	out := &planWriter{Writer: bufio.NewWriter(w)}
	out.enc = json.NewEncoder(&out.text)
	out.enc.SetEscapeHTML(false)
	j := p.withoutItems()
	out.member("{\n  ", "window", j.Window)
	out.member(",\n  ", "counts", j.Counts)
	out.member(",\n  ", "balanced", j.Balanced)
	var written itemForm[calendar.AppointmentForm]
	writeList(out, "items", p.Items, func(it *Item) any {
		written = newItem(it, (*calendar.Appointment).Form)
		return &written
	})
	writeList(out, "overlaps", p.Overlaps, func(o *Overlap) any { return o })
	writeList(out, "actions", p.Actions, func(a *Action) any { return a })
	if len(j.Issues) > 0 {
		writeList(out, "issues", j.Issues, func(issue *string) any { return issue })
	}
	_, _ = out.WriteString("\n}\n")
	if out.err != nil {
		return fmt.Errorf("write a plan: %w", out.err)
	}
	return out.Flush()
}

// planWriter writes JSON value by value. A failure to write is told by Flush.
type planWriter struct {
	*bufio.Writer
	text bytes.Buffer // of one value
	enc  *json.Encoder
	err  error // the first one of encoding
}

func (w *planWriter) value(v any) {
	w.text.Reset()
	if err := w.enc.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	_, _ = w.Write(bytes.TrimRight(w.text.Bytes(), "\n"))
}

func (w *planWriter) member(before, name string, v any) {
	fmt.Fprintf(w, "%s%q: ", before, name)
	w.value(v)
}

func writeList[T any](w *planWriter, name string, list []T, form func(*T) any) {
	fmt.Fprintf(w, ",\n  %q: [", name)
	for i := range list {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		_, _ = w.WriteString("\n    ")
		w.value(form(&list[i]))
	}
	if len(list) > 0 {
		_, _ = w.WriteString("\n  ")
	}
	_ = w.WriteByte(']')
}

func newItemJSON(it *Item) itemJSON {
	return newItem(it, func(a *calendar.Appointment) calendar.Appointment { return *a })
}

func newItem[A calendar.Appointment | calendar.AppointmentForm](it *Item, form func(*calendar.Appointment) A) itemForm[A] {
	j := itemForm[A]{
		EventID: it.EventID, Key: it.Key, Outcome: it.Outcome, Reason: it.Reason, By: it.By, ByKey: it.ByKey, Decision: it.Decision, Verdict: it.Verdict,
		Hash: it.Hash, Appointment: form(&it.Appointment), Body: it.Body, Changes: orNone(it.Changes), Issues: orNone(it.Issues),
	}
	if it.Outcome == Drifted {
		held := form(&it.Held.Appointment)
		j.Held = &held
	}
	return j
}

// MarshalJSON returns the stable form of an item, as a plan has it.
func (it Item) MarshalJSON() ([]byte, error) { return json.Marshal(newItemJSON(&it)) }

// ReadStanding reads an earlier plan and returns what a ledger would have after it was carried out: the items that the plan archives, those that
// were archived before, and those that a decision keeps out. Errors are of kind fault.Invalid and name the item.
func ReadStanding(r io.Reader) ([]Standing, error) {
	var standing []Standing
	seen := map[string]bool{}
	var plan struct {
		Items strictjson.List[itemJSON] `json:"items"`
	}
	plan.Items.Each = func(i int, it *itemJSON) error {
		outcome := it.stands()
		if outcome == "" {
			return nil
		}
		at := fmt.Sprintf("items[%d]", i)
		if it.Key == "" || it.Hash == "" || seen[it.Key] {
			return fault.Field(at, "needs a key of its own and a hash")
		}
		seen[it.Key] = true
		if a := &it.Appointment; outcome == ledger.Archived && (a.Start.IsZero() || a.End.Before(a.Start)) {
			return fault.Field(at+".appointment", "needs a start, and an end that is not before it")
		}
		standing = append(standing, Standing{
			Key: it.Key, SourceHash: it.Hash, Outcome: outcome, Decision: it.Decision, EventID: it.EventID, Appointment: it.Appointment,
		})
		return nil
	}
	if err := strictjson.DecodeKnown(r, &plan); err != nil {
		if fault.FieldOf(err) != "" {
			return nil, fmt.Errorf("the ledger's plan: %w", err)
		}
		return nil, fault.New(fault.Invalid, "the ledger is no plan as \"archive plan --output json\" prints it: %v", err)
	}
	if !plan.Items.Read {
		return nil, fault.New(fault.Invalid, "the ledger is no plan as \"archive plan --output json\" prints it: it has no items")
	}
	return standing, nil
}

// stands is the outcome that a ledger would have of the item after its plan was carried out. Empty: nothing that matters to later plans.
func (it *itemForm[A]) stands() ledger.Outcome {
	switch {
	case it.Outcome == Archived, it.Outcome == Unchanged, it.Outcome == Created:
		return ledger.Archived
	case it.Outcome == Drifted && it.Decision != "": // the decision accepts it
		return ledger.Archived
	case it.Outcome == Vanished && it.Decision != "":
		switch it.Verdict {
		case decision.Drop, decision.Withdraw:
			return ledger.Withdrawn
		case decision.Merge:
			if it.ByKey != "" {
				return ledger.Withdrawn
			}
		}
		return ledger.Archived
	case it.Outcome == Superseded && it.Reason == ReasonDecision:
		return ledger.Declined
	}
	return ""
}
