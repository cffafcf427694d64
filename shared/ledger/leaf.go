package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Facts are what an entry says of an appointment, without its text, place and people: what a proof shows to others. The form is sealed with
// every entry, so that it never changes; what is added is left out where it is empty.
type Facts struct {
	Config      string   `json:"config"`
	Key         string   `json:"key"`
	Version     int      `json:"version"`
	Outcome     Outcome  `json:"outcome"`
	State       State    `json:"state"`
	Subject     string   `json:"subject"`
	Start       string   `json:"start"` // UTC
	End         string   `json:"end"`
	AllDay      bool     `json:"all_day"`
	StartDate   string   `json:"start_date,omitempty"` // of an all-day one
	EndDate     string   `json:"end_date,omitempty"`   // exclusive
	Categories  []string `json:"categories"`
	Customer    string   `json:"customer"`
	BillingType string   `json:"billing_type"`
	Travel      bool     `json:"travel"`
	Sensitivity string   `json:"sensitivity"`
	SourceHash  string   `json:"source_hash"`
	Hash        string   `json:"hash"`
	Run         string   `json:"run"`
	Time        string   `json:"time"` // UTC
	Decision    string   `json:"decision,omitempty"`
	Reverses    string   `json:"reverses,omitempty"`
}

// Facts returns what the entry says of its appointment.
func (e *Entry) Facts() Facts {
	a := &e.Appointment
	f := Facts{
		Config: text(e.Config), Key: text(e.Key), Version: e.Version, Outcome: e.Outcome, State: e.State,
		Subject: text(a.Subject), Start: instant(a.Start), End: instant(a.End), AllDay: a.AllDay,
		Categories: make([]string, len(a.Categories)), Customer: text(a.Customer), BillingType: text(string(a.BillingType)), Travel: a.Travel,
		Sensitivity: text(string(a.Sensitivity)), SourceHash: text(e.SourceHash), Hash: text(e.Hash), Run: text(e.Run), Time: instant(e.Time),
		Decision: text(e.Decision), Reverses: text(e.Reverses),
	}
	for i := range a.Categories {
		f.Categories[i] = text(a.Categories[i])
	}
	if a.AllDay {
		f.StartDate, f.EndDate = a.StartDate.String(), a.EndDate.String()
	}
	return f
}

// JSON is the form in which facts are sealed: members in their order, without white space; <, > and & stay as they are.
func (f Facts) JSON() []byte { return mustJSON(f) }

// text is s as it is read back from JSON: with U+FFFD for each byte that is not UTF-8.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Appointment returns what can be known of the appointment from its facts. Errors are of kind fault.Invalid.
func (f Facts) Appointment() (a calendar.Appointment, err error) {
	a = calendar.Appointment{
		Subject: f.Subject, AllDay: f.AllDay, Categories: f.Categories, Customer: f.Customer, BillingType: calendar.BillingType(f.BillingType),
		Travel: f.Travel, Sensitivity: calendar.Sensitivity(f.Sensitivity),
	}
	if a.Start, err = time.Parse(time.RFC3339Nano, f.Start); err != nil {
		return a, fault.Field("start", "is no instant: %.40q", f.Start)
	}
	if a.End, err = time.Parse(time.RFC3339Nano, f.End); err != nil {
		return a, fault.Field("end", "is no instant: %.40q", f.End)
	}
	if !f.AllDay {
		return a, nil
	}
	if a.StartDate, err = calendar.ParseDate(f.StartDate); err == nil {
		a.EndDate, err = calendar.ParseDate(f.EndDate)
	}
	return a, err
}

// Private says whether the appointment is more than normally sensitive, so that a proof shows its hash alone.
func (f Facts) Private() bool { return f.Sensitivity != string(calendar.Normal) && f.Sensitivity != "" }

// Leaf returns the hash of an entry in its link's tree: the hash of a record, as RFC 6962 has it, of the digests of its facts' JSON and of all
// that is stored of it. So who is shown the facts can compute it without the rest.
func Leaf(facts []byte, stored [sha256.Size]byte) tlog.Hash {
	sum := sha256.Sum256(facts)
	return tlog.RecordHash([]byte("ledger-entry/2\n" + hex.EncodeToString(sum[:]) + "\n" + hex.EncodeToString(stored[:]) + "\n"))
}

func leafHash(e *Entry) tlog.Hash { return Leaf(e.Facts().JSON(), e.sum) }
