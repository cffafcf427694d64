package timesheet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/strictjson"
)

// Entry is what a ledger has of one appointment.
type Entry struct {
	Key     string
	Version int
	Hash    string
	// Leaf is the hash of the entry as the ledger's chain has it; empty for what is of no ledger.
	Leaf        string
	Appointment calendar.Appointment
}

// known are the members that a plan has. They are read again, one by one, by those who know what they mean.
type known struct {
	Window   json.RawMessage `json:"window"`
	Counts   json.RawMessage `json:"counts"`
	Balanced json.RawMessage `json:"balanced"`
	Items    []struct {
		EventID     json.RawMessage  `json:"event_id"`
		Key         json.RawMessage  `json:"key"`
		Outcome     json.RawMessage  `json:"outcome"`
		Reason      json.RawMessage  `json:"reason"`
		By          json.RawMessage  `json:"by"`
		ByKey       json.RawMessage  `json:"by_key"`
		Decision    json.RawMessage  `json:"decision"`
		Verdict     json.RawMessage  `json:"verdict"`
		Hash        json.RawMessage  `json:"hash"`
		Appointment knownAppointment `json:"appointment"`
		Held        json.RawMessage  `json:"held"`
		Body        json.RawMessage  `json:"body"`
		Changes     json.RawMessage  `json:"changes"`
		Issues      json.RawMessage  `json:"issues"`
	} `json:"items"`
	Overlaps json.RawMessage `json:"overlaps"`
	Actions  json.RawMessage `json:"actions"`
	Issues   json.RawMessage `json:"issues"`
}

type knownAppointment struct {
	Subject     string          `json:"subject"`
	Start       string          `json:"start"`
	End         string          `json:"end"`
	AllDay      bool            `json:"all_day"`
	StartDate   string          `json:"start_date"`
	EndDate     string          `json:"end_date"`
	Location    json.RawMessage `json:"location"`
	Categories  json.RawMessage `json:"categories"`
	Customer    string          `json:"customer"`
	BillingType string          `json:"billing_type"`
	Travel      bool            `json:"travel"`
	Sensitivity string          `json:"sensitivity"`
	ShowAs      json.RawMessage `json:"show_as"`
	Importance  json.RawMessage `json:"importance"`
	Cancelled   json.RawMessage `json:"cancelled"`
	Declined    json.RawMessage `json:"declined"`
}

// ReadEntries reads a plan as "archive plan --output json" prints it, and returns what a ledger would have archived after the plan was carried
// out. Errors are of kind fault.Invalid and name the field, as far as it is known.
func ReadEntries(r io.Reader) ([]Entry, error) {
	text, err := io.ReadAll(strictjson.NewReader(r))
	if err != nil {
		return nil, err
	}
	var names known
	if err := strictjson.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("the entries: %w", err)
	}
	standing, err := archive.ReadStanding(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(standing))
	for i := range standing {
		s := &standing[i]
		if s.Outcome != ledger.Archived {
			continue
		}
		if err := checkAppointment(&s.Appointment); err != nil {
			return nil, fmt.Errorf("the entry %.80q: %w", s.Key, err)
		}
		entries = append(entries, Entry{Key: s.Key, Version: 1, Hash: s.SourceHash, Appointment: s.Appointment})
	}
	return entries, nil
}

// checkAppointment says what of an appointment cannot be billed or left out as it says. Errors are of kind fault.Invalid.
func checkAppointment(a *calendar.Appointment) error {
	switch a.Sensitivity {
	case "", calendar.Normal, calendar.Personal, calendar.Private, calendar.Confidential:
	default:
		return fault.Field("appointment.sensitivity", "must be normal, personal, private or confidential, not %.20q", string(a.Sensitivity))
	}
	switch a.BillingType {
	case "", calendar.Billable, calendar.NonBillable:
	default:
		return fault.Field("appointment.billing_type", "must be billable or non-billable, not %.20q", string(a.BillingType))
	}
	if a.AllDay && !a.StartDate.Before(a.EndDate) {
		return fault.Field("appointment.end_date", "of an all-day appointment must be after its start_date")
	}
	return nil
}
