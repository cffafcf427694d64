package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// Answer is one decision that a user asks for: about the participants of an action, or about appointments that nobody asked about.
type Answer struct {
	Action string // id; empty: nobody asked
	// Seen are the participants as the user saw them; empty: as the action has them, or as the ledger has them now.
	Seen []decision.Seen
	// Verdicts are about keys; one that creates may be without a key.
	Verdicts []decision.Verdict
	Note     string
	// AllowOverlap needs a note.
	AllowOverlap bool
	// Supplement needs a note, too; see Decided.
	Supplement bool
}

// Asked is what a user asks of one config at once.
type Asked struct {
	Config  string // id
	Answers []Answer
	// Partial says that what can be carried out is carried out when the rest cannot.
	Partial bool
	// DryRun asks for a preview: the run writes nothing.
	DryRun bool
}

const (
	// maxNote is the largest length of a decision's note in characters.
	maxNote = 500
	// maxDecided is the largest size of what one request decides, as its run keeps it, in bytes.
	maxDecided = 192 << 10
	// near is how many days may be between appointments that one survey of a decide run looks at.
	near = 7
)

// Deciding turns what users decide into decide runs.
type Deciding struct {
	Configs *Configs
	Ledger  *ledger.Ledger
	Runs    *run.Store
	Actions *action.Actions
	NewID   func() string
}

// Run returns the decide run that carries out what a user asked for, to be started by the caller; its actions are claimed for it. Errors of kind
// fault.Invalid name the field. Those of kind fault.Conflict: a participant is not what the user saw (errors.Is ErrStale), or an action is decided
// already, or is about to be (*action.Taken).
func (d *Deciding) Run(ctx context.Context, user string, asked Asked) (*run.Run, error) {
	switch n := len(asked.Answers); {
	case n == 0:
		return nil, fault.Field("decisions", "is empty: name one at least")
	case n > limit.Decisions:
		return nil, fault.Field("decisions", "are %d; a request takes at most %d, so send several", n, limit.Decisions)
	}
	c, err := d.Configs.Get(ctx, user, asked.Config)
	if err != nil {
		return nil, err
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	r := &run.Run{ID: d.NewID(), User: user, Kind: run.Decide, Config: c.ID, Options: run.Options{DryRun: asked.DryRun}}
	x := &answers{Deciding: d, user: user, config: c.ID, zone: settings.Zone, run: r.ID}
	in := DecideInput{Partial: asked.Partial}
	if err := x.read(ctx, asked.Answers); err != nil {
		return nil, err
	}
	spans := make([]action.Span, len(asked.Answers))
	for i := range asked.Answers {
		decided, span, err := x.decide(&asked.Answers[i], i)
		if err != nil {
			return nil, err
		}
		in.Decisions.Decisions = append(in.Decisions.Decisions, decided)
		spans[i] = span
	}
	if err := checkTogether(in.Decisions.Decisions); err != nil {
		return nil, err
	}
	in.Windows = windows(spans, settings.Zone)
	r.From, r.To = in.Windows[0].From, in.Windows[len(in.Windows)-1].To
	if r.Input, err = json.Marshal(in); err != nil {
		return nil, fmt.Errorf("note the decisions: %w", err)
	}
	if len(r.Input) > maxDecided {
		return nil, fault.Field("decisions", "take %d KB; a request takes at most %d KB, so send several", len(r.Input)>>10, maxDecided>>10)
	}
	if asked.DryRun {
		return r, nil
	}
	return r, d.claim(ctx, user, r.ID, answered(in.Decisions.Decisions))
}

// ErrStale says that a participant is not what the user saw.
var ErrStale = errors.New("archive: not what the user saw")

// staleness is ErrStale in words.
type staleness struct{ text string }

func (s *staleness) Error() string        { return s.text }
func (s *staleness) Is(target error) bool { return target == ErrStale }

func errStale(format string, args ...any) error {
	return fault.Wrap(fault.Conflict, &staleness{fmt.Sprintf(format, args...)})
}

// answers are what one request decides.
type answers struct {
	*Deciding
	user, config, run string
	zone              *time.Location
	actions           map[string]*action.Action
	newest            map[string]*ledger.Entry // by key
	earlier           map[string]*decision.Verdict
}

// read reads the actions and what the ledger has of all keys, and the decisions that made it: four requests at most, however many there are.
func (x *answers) read(ctx context.Context, all []Answer) error {
	var ids, keys []string
	for i := range all {
		if id := all[i].Action; id != "" {
			if slices.Contains(ids, id) {
				return fault.Field(fmt.Sprintf("decisions[%d].action", i), "is answered already by another decision of the request")
			}
			ids = append(ids, id)
		}
	}
	actions, err := x.Actions.Many(ctx, x.user, ids)
	if err != nil {
		return err
	}
	x.actions = map[string]*action.Action{}
	for _, a := range actions {
		x.actions[a.ID] = a
	}
	for i := range all {
		for _, v := range all[i].Verdicts {
			keys = append(keys, v.Key, v.Into, v.By)
		}
		for _, s := range all[i].Seen {
			keys = append(keys, s.Key)
		}
	}
	for _, a := range actions {
		for _, p := range a.Participants {
			keys = append(keys, p.Key)
		}
	}
	return x.readLedger(ctx, keys)
}

// readLedger reads the newest versions of keys, and what was decided about them.
func (x *answers) readLedger(ctx context.Context, keys []string) error {
	x.newest, x.earlier = map[string]*ledger.Entry{}, map[string]*decision.Verdict{}
	wanted := map[string]bool{}
	var lineages []string
	for _, key := range keys {
		if key == "" || wanted[key] {
			continue
		}
		wanted[key] = true
		lineages = append(lineages, ledger.Lineages(key)...)
	}
	places, err := x.Ledger.Find(ctx, x.config, lineages)
	if err != nil {
		return err
	}
	entries, err := x.Ledger.Entries(ctx, x.config, places)
	if err != nil {
		return err
	}
	b := books{newest: x.newest, failed: map[string]*ledger.Entry{}, copied: map[string]bool{}}
	b.remember(entries)
	runs := map[string]bool{}
	for key, e := range x.newest {
		if wanted[key] && e.Decision != "" {
			runs[RunOf(e.Decision)] = true
		}
	}
	if len(runs) == 0 {
		return nil
	}
	ids := make([]string, 0, len(runs))
	for id := range runs {
		ids = append(ids, id)
	}
	found, err := x.Runs.GetMany(ctx, x.user, ids)
	if err != nil {
		return err
	}
	for _, r := range found {
		decided, err := DecisionsOf(r)
		if err != nil {
			return err
		}
		for i := range decided {
			for j := range decided[i].Verdicts {
				v := &decided[i].Verdicts[j]
				if e := x.newest[v.Key]; e != nil && e.Decision == decided[i].ID {
					x.earlier[v.Key] = v
				}
			}
		}
	}
	return nil
}

// decide makes the decision of an answer, and says when the appointments are that it is about.
func (x *answers) decide(a *Answer, number int) (Decided, action.Span, error) {
	at := fmt.Sprintf("decisions[%d].", number)
	d := Decided{Action: a.Action, Note: a.Note, AllowOverlap: a.AllowOverlap, Supplement: a.Supplement}
	d.ID, d.Seen, d.Verdicts = DecisionID(x.run, number), slices.Clone(a.Seen), slices.Clone(a.Verdicts)
	switch {
	case utf8.RuneCountInString(a.Note) > maxNote:
		return d, action.Span{}, fault.Field(at+"note", "must have %d characters at most", maxNote)
	case a.AllowOverlap && strings.TrimSpace(a.Note) == "":
		return d, action.Span{}, fault.Field(at+"note", "is missing: say why the appointments may share time")
	case a.Supplement && strings.TrimSpace(a.Note) == "":
		return d, action.Span{}, fault.Field(at+"note", "is missing: say why what is billed already changes")
	}
	for i := range d.Verdicts {
		if v := &d.Verdicts[i]; v.Word == decision.Create && v.Key == "" {
			v.Key = decision.CreatedKey(x.NewID())
		}
	}
	asked := x.actions[a.Action]
	if err := x.see(&d, asked, at); err != nil {
		return d, action.Span{}, err
	}
	seen := map[string]string{}
	for _, s := range d.Seen {
		seen[s.Key] = s.Hash
	}
	for i := range d.Verdicts {
		x.inherit(&d.Verdicts[i], seen[d.Verdicts[i].Key])
	}
	if err := d.Check(); err != nil {
		return d, action.Span{}, atDecision(number, err)
	}
	return d, x.span(&d, asked), nil
}

// atDecision has an error about a decision name which one it is.
func atDecision(number int, err error) error {
	return fault.Field(fmt.Sprintf("decisions[%d].%s", number, fault.FieldOf(err)), "%s", strings.TrimPrefix(err.Error(), fault.FieldOf(err)+" "))
}

// see fills in what the user saw, and compares it with what is known of it now.
func (x *answers) see(d *Decided, asked *action.Action, at string) error {
	if asked != nil {
		d.Kind = string(asked.Kind)
		switch {
		case asked.Config != x.config:
			return fault.Field(at+"action", "is about another config")
		case asked.Finding != "":
			return fault.Field(at+"action", "is about a copy in the archive calendar, which is repaired or adopted and has no verdicts")
		}
		now := map[string]string{}
		for _, p := range asked.Participants {
			now[p.Key] = p.Hash
		}
		if len(d.Seen) == 0 {
			for _, p := range asked.Participants {
				d.Seen = append(d.Seen, decision.Seen{Key: p.Key, Hash: p.Hash})
			}
		}
		for _, s := range d.Seen {
			hash, takesPart := now[s.Key]
			switch {
			case !takesPart:
				return fault.Field(at+"seen", "has a key that takes no part in action %s: %q", asked.ID, s.Key)
			case hash != s.Hash:
				return errStale("%q is not what was seen when it was decided; look at action %s again", s.Key, asked.ID)
			}
		}
		return nil
	}
	seen := map[string]bool{}
	for _, s := range d.Seen {
		seen[s.Key] = true
		switch e := x.newest[s.Key]; {
		case e == nil:
			return errUnknown(s.Key)
		case stands(e) && !sameSource(e.SourceHash, s.Hash):
			return errStale("%q is not what was seen when it was decided; look at it again", s.Key)
		}
	}
	for i := range d.Verdicts {
		v := &d.Verdicts[i]
		keys := []string{v.Key}
		if v.Word == decision.Merge {
			keys = append(keys, v.Target())
		}
		for _, key := range append(keys, v.By) {
			if key == "" || seen[key] || key == v.Key && v.Word == decision.Create {
				continue
			}
			e := x.newest[key]
			if e == nil {
				return errUnknown(key)
			}
			seen[key] = true
			d.Seen = append(d.Seen, decision.Seen{Key: key, Hash: e.SourceHash})
		}
	}
	return nil
}

func errUnknown(key string) error {
	return fault.New(fault.NotFound, "the ledger has no appointment with key %q", key)
}

// inherit gives a verdict that changes fields also those that earlier decisions changed: a correction of one field keeps the others. One that keeps what was
// corrected keeps it corrected, as long as the source is what it was then; seen is its hash.
func (x *answers) inherit(v *decision.Verdict, seen string) {
	e := x.newest[v.Key]
	if e == nil || e.Decision == "" || e.Outcome != ledger.Archived || decision.Created(v.Key) {
		return
	}
	var fields decision.Fields
	switch {
	case v.Word == decision.KeepAs && v.Fields != nil:
		fields = *v.Fields
	case v.Word != decision.Keep || !sameSource(e.SourceHash, seen):
		return
	}
	a := &e.Appointment
	for _, c := range e.Changes {
		if c.Reason != ReasonDecision {
			continue
		}
		switch c.Field {
		case "start":
			keep(&fields.Start, a.Start)
		case "end":
			keep(&fields.End, a.End)
		case "subject":
			keep(&fields.Subject, a.Subject)
		case "location":
			keep(&fields.Location, a.Location)
		case "categories":
			keep(&fields.Categories, a.Categories)
		case "sensitivity":
			keep(&fields.Sensitivity, string(a.Sensitivity))
		case "show_as":
			keep(&fields.ShowAs, string(a.ShowAs))
		}
	}
	if was := x.earlier[v.Key]; was != nil && was.Fields != nil && was.Fields.Body != nil {
		keep(&fields.Body, *was.Fields.Body)
	}
	if fields != (decision.Fields{}) {
		v.Word, v.Fields = decision.KeepAs, &fields
	}
}

func keep[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// span is when the appointments of a decision are, and will be.
func (x *answers) span(d *Decided, asked *action.Action) (span action.Span) {
	if asked != nil && asked.Span != (action.Span{}) {
		span.Add(asked.Span.From, asked.Span.To)
	}
	for _, s := range d.Seen {
		if e := x.newest[s.Key]; e != nil {
			span.Add(e.Appointment.Start, e.Appointment.End)
		}
	}
	for i := range d.Verdicts {
		if f := d.Verdicts[i].Fields; f != nil {
			for _, t := range []*time.Time{f.Start, f.End} {
				if t != nil {
					span.Add(*t, *t)
				}
			}
		}
	}
	return span
}

// checkTogether checks what decisions of one request say about each other: each key has one verdict.
func checkTogether(decided []Decided) error {
	of := map[string]int{}
	for i := range decided {
		for key := range keysOf(decided[i : i+1]) {
			if other, there := of[key]; there {
				return fault.Field(fmt.Sprintf("decisions[%d].verdicts", i), "has a verdict about %q, which decisions[%d] has too", key, other)
			}
			of[key] = i
		}
	}
	return nil
}

// windows are the days that cover the spans, and a day more on each side, since neighbours may change what is decided about. Spans that are far from each
// other are in different windows, in order.
func windows(spans []action.Span, zone *time.Location) []ledger.Days {
	all := make([]ledger.Days, len(spans))
	for i, s := range spans {
		all[i] = ledger.Days{From: calendar.DateOf(s.From, zone).AddDays(-1), To: calendar.DateOf(s.To, zone).AddDays(1)}
	}
	slices.SortFunc(all, func(a, b ledger.Days) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	joined := all[:1]
	for _, w := range all[1:] {
		last := &joined[len(joined)-1]
		switch {
		case last.To.AddDays(near).Before(w.From):
			joined = append(joined, w)
		case last.To.Before(w.To):
			last.To = w.To
		}
	}
	return joined
}

// claim claims actions for the run that answers them.
func (d *Deciding) claim(ctx context.Context, user, runID string, ids []string) error {
	_, err := d.Actions.Claim(ctx, user, runID, ids, func(ctx context.Context, id string) (there, under bool, err error) {
		r, err := d.Runs.Get(ctx, user, id)
		if fault.Of(err) == fault.NotFound {
			return false, false, nil
		}
		return err == nil, err == nil && !r.State.Ended(), err
	})
	if err != nil {
		return errors.Join(err, d.Actions.Release(ctx, user, runID, ids))
	}
	return nil
}

// answered are the ids of the actions that decisions answer.
func answered(decided []Decided) (ids []string) {
	for i := range decided {
		if decided[i].Action != "" {
			ids = append(ids, decided[i].Action)
		}
	}
	return ids
}

// Ended gives actions what they get of a run that has ended. Those that a decide or repair run answered are resolved, its others can be answered again; those
// whose answers an undo run took back are open again. It may be called any number of times.
func (d *Deciding) Ended(ctx context.Context, r *run.Run) error {
	switch {
	case r.Options.DryRun:
		return nil
	case r.Kind == run.Undo:
		return d.reopen(ctx, r)
	case r.Kind == run.Repair:
		return d.repaired(ctx, r)
	case r.Kind != run.Decide:
		return nil
	}
	decided, err := DecisionsOf(r)
	if err != nil {
		return err
	}
	var result DecideResult
	carriedOut := r.State == run.Succeeded || r.State == run.Partial
	if carriedOut {
		if err := json.Unmarshal(r.Result, &result); err != nil {
			return fault.New(fault.Malformed, "the result of run %s is unreadable: %v", r.ID, err)
		}
	}
	refused := map[string]bool{}
	for _, one := range result.Refusals {
		refused[one.Decision] = true
	}
	done, _ := divide(decided, func(d *Decided) bool { return carriedOut && !refused[d.ID] })
	if ids := answered(done); len(ids) > 0 {
		return d.Actions.AnswerMany(ctx, r.User, r.User, r.ID, ids)
	}
	return nil
}

// reopen opens the actions again whose answers an undo run took back.
func (d *Deciding) reopen(ctx context.Context, r *run.Run) error {
	var result struct {
		Decisions []string `json:"decisions"`
	}
	if len(r.Result) > 0 {
		if err := json.Unmarshal(r.Result, &result); err != nil {
			return fault.New(fault.Malformed, "the result of run %s is unreadable: %v", r.ID, err)
		}
	}
	undone, runs := map[string]bool{}, map[string]bool{}
	for _, id := range result.Decisions {
		undone[id], runs[RunOf(id)] = true, true
	}
	if len(runs) == 0 {
		return nil
	}
	found, err := d.Runs.GetMany(ctx, r.User, slices.Sorted(maps.Keys(runs)))
	if err != nil {
		return err
	}
	for _, of := range found {
		decided, err := DecisionsOf(of)
		if err != nil {
			return err
		}
		for i := range decided {
			if !undone[decided[i].ID] || decided[i].Action == "" {
				continue
			}
			if _, err := d.Actions.Reopen(ctx, r.User, decided[i].Action, r.ID); err != nil && fault.Of(err) != fault.NotFound {
				return err
			}
		}
	}
	return nil
}
