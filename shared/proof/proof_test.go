package proof_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/signing/signingtest"
)

// october is what stands in the archive in a month.
func (h *history) october() []ledger.Entry {
	h.t.Helper()
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	entries, err := h.ledger().AsOf(h.t.Context(), h.config.ID, ledger.Span{From: from, To: from.AddDate(0, 1, 0)}, time.Time{})
	must(h.t, err)
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Outcome != ledger.Archived })
}

func (h *history) prove() *proof.Proof {
	h.t.Helper()
	doc, unsealed, err := proof.Prove(h.t.Context(), h.ledger(), h.key, h.config.ID, h.october())
	must(h.t, err)
	if unsealed != 0 {
		h.t.Errorf("%d are not sealed", unsealed)
	}
	return doc
}

// TestTextsOfEverySortAreProven has what programs that write JSON escape in different ways.
func TestTextsOfEverySortAreProven(t *testing.T) {
	h := lived(t)
	subjects := []string{"R&D", "<b>bold</b>", "a/b", "line\u2028break\u2029", "\"quoted\" \\", "Größe 🎉", "tab\t"}
	for i, subject := range subjects {
		start := time.Date(2026, 10, 9+i/2, 6+i, 0, 0, 0, time.UTC)
		wall := func(t time.Time) calendar.DateTime {
			return calendar.DateTime{Local: t.Format("2006-01-02T15:04:05"), Zone: "UTC"}
		}
		d := calendar.Draft{
			Subject: subject, Start: wall(start), End: wall(start.Add(30 * time.Minute)), Categories: []string{"Smith & Sons <East> - billable"}, ShowAs: calendar.Busy,
			Importance: calendar.NormalImportance, Sensitivity: calendar.Normal, TransactionID: h.newID(),
		}
		if i == 0 {
			private := d
			private.Sensitivity, private.Start, private.End = calendar.Private, wall(start.Add(10*time.Hour)), wall(start.Add(11*time.Hour))
			private.TransactionID = h.newID()
			_, err := h.events.Create(t.Context(), "me", h.source, []calendar.Draft{private})
			must(t, err)
		}
		_, err := h.events.Create(t.Context(), "me", h.source, []calendar.Draft{d})
		must(t, err)
	}
	h.runTo(run.Archive)
	doc := h.prove()
	escaped := mustJSON(t, doc)
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	must(t, enc.Encode(doc))
	for name, text := range map[string]string{"escaped": escaped, "plain": plain.String()} {
		read, err := proof.Parse(strings.NewReader(text))
		must(t, err)
		checked, err := read.Check("")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		shown := map[string]string{}
		for _, f := range checked.Facts {
			shown[f.Subject] = f.Customer
		}
		for _, subject := range subjects {
			if shown[subject] != "Smith & Sons <East>" {
				t.Errorf("%s: %q is not proven, of %q", name, subject, shown[subject])
			}
		}
		if checked.Private == 0 {
			t.Errorf("%s: the private one is missing", name)
		}
	}
}

func TestAProofProvesWhatItShows(t *testing.T) {
	h := lived(t)
	for range 4 {
		h.meet()
	}
	h.runTo(run.Archive)
	doc, entries := h.prove(), h.october()
	checked, err := doc.Check("")
	must(t, err)
	private := 0
	var want []string
	for i := range entries {
		if entries[i].Appointment.Sensitivity != calendar.Normal {
			private++
		} else {
			want = append(want, entries[i].Appointment.Start.Format(time.RFC3339)+" "+entries[i].Appointment.Subject+" "+entries[i].Appointment.Customer)
		}
	}
	var got []string
	for _, f := range checked.Facts {
		got = append(got, f.Start+" "+f.Subject+" "+f.Customer)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || checked.Private != private || private == 0 || len(want) == 0 || checked.Links != 5 {
		t.Errorf("%q, want %q; %d private, want %d; %+v", got, want, checked.Private, private, checked)
	}
	if checked.From.IsZero() || checked.To.Before(checked.From) {
		t.Errorf("sealed from %v to %v", checked.From, checked.To)
	}
	text := mustJSON(t, doc)
	for i := range entries {
		e := &entries[i]
		if e.Appointment.Sensitivity != calendar.Normal && strings.Contains(text, e.Appointment.Subject+`"`) || strings.Contains(text, e.CopyID) {
			t.Errorf("the proof shows more of %q than it may", e.Appointment.Subject)
		}
	}

	t.Run("whatever program wrote the file anew", func(t *testing.T) {
		var v any
		must(t, json.Unmarshal([]byte(text), &v))
		anew, err := json.MarshalIndent(v, "", "\t")
		must(t, err)
		read, err := proof.Parse(bytes.NewReader(append([]byte(" \n"), anew...)))
		must(t, err)
		if again, err := read.Check(h.key.Public()); err != nil || len(again.Facts) != len(checked.Facts) {
			t.Errorf("%+v, %v", again, err)
		}
	})
	t.Run("to whom trusts its key", func(t *testing.T) {
		if _, err := doc.Check(signingtest.Key(t).Public()); fault.FieldOf(err) != "key" {
			t.Errorf("%v", err)
		}
	})
	t.Run("and nothing that was changed", func(t *testing.T) {
		var v any
		must(t, json.Unmarshal([]byte(text), &v))
		n := 0
		collect(v, "", func(string, func()) { n++ })
		for i := range n {
			var v any
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			must(t, d.Decode(&v))
			at, name := 0, ""
			collect(v, "", func(member string, change func()) {
				if at == i {
					name = member
					change()
				}
				at++
			})
			changed := mustJSON(t, v)
			if equal(t, changed, text) {
				continue
			}
			var again *proof.Checked
			read, err := proof.Parse(strings.NewReader(changed))
			if err == nil {
				again, err = read.Check(h.key.Public())
			}
			// A member that is empty may as well be missing.
			if err == nil && name != ".entries" && name != ".links" && mustJSON(t, again) != mustJSON(t, checked) {
				t.Errorf("%s was changed, and the proof holds", name)
			}
			if err != nil && fault.Of(err) != fault.Invalid {
				t.Errorf("%s was changed: %v", name, err)
			}
		}
	})
	t.Run("and is of the ledger whose head it has", func(t *testing.T) {
		other := proof.Proof{Format: doc.Format, Origin: ledger.Origin("another"), Key: doc.Key, Head: doc.Head}
		if _, err := other.Check(""); fault.FieldOf(err) != "origin" {
			t.Errorf("%v", err)
		}
	})
	t.Run("and shows each entry once", func(t *testing.T) {
		twice := *doc
		twice.Entries = append(slices.Clone(doc.Entries), doc.Entries[0])
		if _, err := twice.Check(""); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%v", err)
		}
	})
	t.Run("and none that is not sealed", func(t *testing.T) {
		entries := h.october()
		entries[0].Key = "another"
		_, unsealed, err := proof.Prove(t.Context(), h.ledger(), h.key, h.config.ID, entries)
		if err != nil || unsealed != 1 {
			t.Errorf("%d, %v", unsealed, err)
		}
	})
}

// equal says whether two texts are the same JSON.
func equal(t testing.TB, a, b string) bool {
	t.Helper()
	var v, w any
	must(t, json.Unmarshal([]byte(a), &v))
	must(t, json.Unmarshal([]byte(b), &w))
	return mustJSON(t, v) == mustJSON(t, w)
}

func FuzzAProof(f *testing.F) {
	h := lived(f)
	text := mustJSON(f, h.prove())
	f.Add([]byte(text))
	f.Add([]byte("{}"))
	f.Add([]byte(`{"format":"admin-assistant-proof/1","links":[{"link":{"seq":-1},"path":[""]}],"entries":[{"seq":1,"index":9223372036854775807}]}`))
	trusted := h.key.Public()
	var held proof.Proof
	must(f, json.Unmarshal([]byte(text), &held))
	whole, err := held.Check(trusted)
	must(f, err)
	shown := map[string]bool{}
	for _, facts := range whole.Facts {
		shown[mustJSON(f, facts)] = true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := proof.Parse(bytes.NewReader(data))
		if err == nil {
			var checked *proof.Checked
			if checked, err = doc.Check(trusted); err == nil {
				for _, facts := range checked.Facts {
					if !shown[mustJSON(t, facts)] {
						t.Errorf("it proves %+v, which the ledger does not have", facts)
					}
				}
			}
		}
		if err != nil && fault.Of(err) != fault.Invalid {
			t.Errorf("%v is of kind %s", err, fault.Of(err))
		}
	})
}
