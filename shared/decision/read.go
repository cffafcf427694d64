package decision

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// Read reads a list of decisions, the oldest first:
//
//	[{"id": "d1", "kind": "overlap", "seen": [{"key": "...", "hash": "sha256:..."}],
//	  "verdicts": [{"key": "...", "verdict": "keep"}, {"key": "...", "verdict": "drop", "by": "..."},
//	    {"key": "...", "verdict": "keep_as", "fields": {"start": "2026-10-05T09:00:00+02:00", "end": "2026-10-05T10:00:00+02:00"}}]}]
//
// and checks it. Errors are of kind fault.Invalid and name the field, as in "[0].verdicts[2].fields.end".
func Read(r io.Reader) ([]Decision, error) {
	var list *[]Decision
	if err := strictjson.Decode(r, &list); err != nil {
		return nil, fmt.Errorf("the decisions: %w", err)
	}
	if list == nil {
		return nil, fault.New(fault.Invalid, "the decisions are null, and should be an array")
	}
	if err := Check(*list); err != nil {
		return nil, fmt.Errorf("the decisions: %w", err)
	}
	return *list, nil
}

// Check says what is wrong with a list of decisions that is to be taken together. Errors are of kind fault.Invalid and name the field.
func Check(list []Decision) error {
	ids := map[string]bool{}
	created := map[string]bool{}
	for i := range list {
		d, at := &list[i], fmt.Sprintf("[%d]", i)
		if ids[d.ID] {
			return fault.Field(at+".id", "is the id of an earlier decision: %q", d.ID)
		}
		ids[d.ID] = true
		if err := d.check(at + "."); err != nil {
			return err
		}
		for j := range d.Verdicts {
			if v := &d.Verdicts[j]; v.Word == Create {
				if created[v.Key] {
					return fault.Field(fmt.Sprintf("%s.verdicts[%d].key", at, j), "is created already, by an earlier decision: %q", v.Key)
				}
				created[v.Key] = true
			}
		}
	}
	return nil
}

// Check says what is wrong with a decision. Errors are of kind fault.Invalid and name the field.
func (d *Decision) Check() error { return d.check("") }

func (d *Decision) check(at string) error {
	if !name(d.ID) {
		return fault.Field(at+"id", "must have 1 to 64 letters, digits, - and _, not %.80q", d.ID)
	}
	if d.Kind != "" && !name(d.Kind) {
		return fault.Field(at+"kind", "must be a word such as overlap or drift, not %.80q", d.Kind)
	}
	seen := map[string]bool{}
	for i, s := range d.Seen {
		at := fmt.Sprintf("%sseen[%d].", at, i)
		switch {
		case s.Key == "":
			return fault.Field(at+"key", "is missing")
		case seen[s.Key]:
			return fault.Field(at+"key", "is there twice: %q", s.Key)
		case !strings.HasPrefix(s.Hash, "sha256:"):
			return fault.Field(at+"hash", "must be a content hash as in sha256:9f2c..., not %.80q", s.Hash)
		}
		seen[s.Key] = true
	}
	if len(d.Verdicts) == 0 {
		return fault.Field(at+"verdicts", "is empty: a decision needs one at least")
	}
	verdicts := map[string]*Verdict{}
	for i := range d.Verdicts {
		v, at := &d.Verdicts[i], fmt.Sprintf("%sverdicts[%d].", at, i)
		switch {
		case v.Key == "":
			return fault.Field(at+"key", "is missing")
		case verdicts[v.Key] != nil:
			return fault.Field(at+"key", "has a verdict already: %q", v.Key)
		case v.Word == Create && seen[v.Key]:
			return fault.Field(at+"key", "is among what was seen, so that it cannot be created: %q", v.Key)
		case v.Word != Create && !seen[v.Key]:
			return fault.Field(at+"key", "is not among what was seen: %q", v.Key)
		}
		verdicts[v.Key] = v
		if err := v.check(at); err != nil {
			return err
		}
	}
	return d.checkTogether(at, seen, verdicts)
}

// name says whether a text can be an id or a word.
func name(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}

// check checks a verdict by itself.
func (v *Verdict) check(at string) error {
	if !slices.Contains(Words, v.Word) {
		return fault.Field(at+"verdict", "must be one of %s, not %.80q", list(Words), v.Word)
	}
	for _, m := range []struct {
		name  string
		there bool
		of    []Word
	}{
		{"by", v.By != "", []Word{Drop}}, {"into", v.Into != "", []Word{Merge}}, {"only", v.Only != nil, []Word{Accept}},
		{"fields", v.Fields != nil, []Word{KeepAs, Merge, Create}},
	} {
		if m.there && !slices.Contains(m.of, v.Word) {
			return fault.Field(at+m.name, "belongs to %s, not to %s", list(m.of), v.Word)
		}
	}
	switch v.Word {
	case Drop:
		if v.By == v.Key {
			return fault.Field(at+"by", "is the one that is dropped")
		}
	case Accept:
		for i, f := range v.Only {
			if !slices.Contains(AllFields, f) {
				return fault.Field(fmt.Sprintf("%sonly[%d]", at, i), "must be one of %s, not %.80q", list(AllFields), f)
			}
		}
		if v.Only != nil && len(v.Only) == 0 {
			return fault.Field(at+"only", "is empty: name a field, or leave it out to accept all")
		}
	case KeepAs:
		if !slices.ContainsFunc(AllFields, v.Fields.Has) {
			return fault.Field(at+"fields", "must have one field at least: %s", list(AllFields))
		}
	case Merge:
		for _, f := range AllFields {
			if v.Fields.Has(f) && !slices.Contains(mergeFields, f) {
				return fault.Field(at+"fields."+string(f), "cannot be changed by a merge, which can change %s", list(mergeFields))
			}
		}
	case Create:
		if !Created(v.Key) {
			return fault.Field(at+"key", "of what is created must be %s and an id, as in decision:01K6ZXV3N4T9Y8QK7C2M5R1B0D, not %.80q", createdPrefix, v.Key)
		}
		for _, f := range []Field{Start, End, Subject} {
			if !v.Fields.Has(f) {
				return fault.Field(at+"fields."+string(f), "is missing")
			}
		}
	}
	if v.Fields == nil {
		return nil
	}
	return v.Fields.check(at + "fields.")
}

func (f *Fields) check(at string) error {
	for _, t := range []struct {
		name Field
		at   *time.Time
	}{{Start, f.Start}, {End, f.End}} {
		if t.at == nil {
			continue
		}
		if year := t.at.UTC().Year(); year < 1 || year > 9999 {
			return fault.Field(at+string(t.name), "must be in the years 1 to 9999, in UTC")
		}
	}
	switch {
	case f.Start == nil || f.End == nil:
	case f.End.Before(*f.Start):
		return fault.Field(at+"end", "is before the start")
	case f.End.Sub(*f.Start) < AtLeast:
		return fault.Field(at+"end", "leaves less than one minute")
	}
	if f.Subject != nil && strings.TrimSpace(*f.Subject) == "" {
		return fault.Field(at+"subject", "is empty")
	}
	if f.Categories != nil {
		for i, c := range *f.Categories {
			if strings.TrimSpace(c) == "" {
				return fault.Field(fmt.Sprintf("%scategories[%d]", at, i), "is empty")
			}
		}
	}
	if s := f.Sensitivity; s != nil && !slices.Contains(sensitivities, calendar.Sensitivity(*s)) {
		return fault.Field(at+"sensitivity", "must be one of %s, not %.80q", list(sensitivities), *s)
	}
	if s := f.ShowAs; s != nil && !slices.Contains(statuses, calendar.ShowAs(*s)) {
		return fault.Field(at+"show_as", "must be one of %s, not %.80q", list(statuses), *s)
	}
	return nil
}

var (
	sensitivities = []calendar.Sensitivity{calendar.Normal, calendar.Personal, calendar.Private, calendar.Confidential}
	statuses      = []calendar.ShowAs{calendar.Free, calendar.Tentative, calendar.Busy, calendar.OutOfOffice, calendar.WorkingElsewhere, calendar.Unknown}
)

// checkTogether checks what the verdicts say about each other.
func (d *Decision) checkTogether(at string, seen map[string]bool, verdicts map[string]*Verdict) error {
	changed := map[string]bool{} // merges that have fields
	for i := range d.Verdicts {
		v, at := &d.Verdicts[i], fmt.Sprintf("%sverdicts[%d].", at, i)
		switch v.Word {
		case Drop:
			if v.By == "" {
				continue
			}
			winner := verdicts[v.By]
			if winner == nil && !seen[v.By] {
				return fault.Field(at+"by", "is no participant: %q", v.By)
			}
			if winner != nil && !winner.stands() {
				return fault.Field(at+"by", "does not stand itself, its verdict is %s: %q", winner.Word, v.By)
			}
		case Merge:
			into := v.Target()
			target := verdicts[into]
			switch {
			case !seen[into]:
				return fault.Field(at+"into", "is no participant: %q", into)
			case target != nil && target.Word != Keep && target.Word != KeepAs && (target.Word != Merge || target.Target() != into):
				return fault.Field(at+"into", "cannot be merged into, its verdict is %s: %q", target.Word, into)
			}
			if v.Fields == nil {
				continue
			}
			if changed[into] || target != nil && target != v && target.Fields != nil {
				return fault.Field(at+"fields", "are given by another verdict of the same merge already")
			}
			changed[into] = true
		}
	}
	return nil
}

// Target is the key of the one that a merge leaves standing.
func (v *Verdict) Target() string {
	if v.Into == "" {
		return v.Key
	}
	return v.Into
}

// stands says whether the participant stands after the verdict.
func (v *Verdict) stands() bool {
	return v.Word != Drop && v.Word != Withdraw && (v.Word != Merge || v.Target() == v.Key)
}

func list[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
