package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Repairer carries out repair runs: they bring archive calendar and ledger together where a comparison finds that they differ.
type Repairer struct{ Verifier }

var _ run.Handler = (*Repairer)(nil)

// RepairMode is what becomes of findings that nobody decided by themselves.
type RepairMode string

const (
	RepairFindings RepairMode = "repair" // the archive calendar gets what the ledger has
	AdoptFindings  RepairMode = "adopt"  // the ledger takes what the user changed in the archive calendar
	LeaveFindings  RepairMode = "leave"
)

// Repaired is what a repair made of a finding.
type Repaired string

const (
	Recreated Repaired = "recreated" // the copy is there again
	PutBack   Repaired = "put_back"  // the copy shows again what the ledger has
	Removed   Repaired = "removed"   // the orphan is gone
	Adopted   Repaired = "adopted"   // the ledger has what the copy shows
	TakenOut  Repaired = "withdrawn" // the ledger does not have it in the archive any more
	TakenIn   Repaired = "created"   // the ledger has what was a foreign event
	Left      Repaired = "left"
)

// RepairInput is the input of a repair run. The run adds the decisions that it makes of what it adopts, before it writes anything.
type RepairInput struct {
	Mode RepairMode `json:"mode"`
	// Only are the kinds of findings that Mode is about; none: all that it can do something about.
	Only []FindingKind `json:"only,omitempty"`
	// Missing says that what is missing is to be withdrawn when findings are adopted.
	Missing bool `json:"missing,omitempty"`
	// AllowOverlap says that what is adopted may share time with what stands.
	AllowOverlap bool `json:"allow_overlap,omitempty"`
	// Answers say of single findings what becomes of them, whatever Mode is; by Finding.ID.
	Answers map[string]RepairMode `json:"answers,omitempty"`
	// Actions are the ids of the actions that the answers answer, those of them that do.
	Actions []string `json:"actions,omitempty"`
	Decisions
	// About are the ids of the findings that the decisions are about, in their order.
	About []string `json:"about,omitempty"`
}

// reasonRepair is the reason that the ledger gives for a version by which the archive calendar got what the ledger has.
const reasonRepair = "repair"

const (
	// mostAdopted is how many findings a run adopts at most, and mostInput how many bytes their decisions have together: the run keeps them in its record.
	mostAdopted = 200
	mostInput   = 128 << 10
)

// RepairResult is what a repair run reports.
type RepairResult struct {
	Mode      RepairMode `json:"mode"`
	Recreated int        `json:"recreated" doc:"Copies that are there again."`
	PutBack   int        `json:"put_back" doc:"Copies that show again what the ledger has."`
	Removed   int        `json:"removed" doc:"Orphans that were removed."`
	Adopted   int        `json:"adopted" doc:"Appointments of which the ledger took what the archive calendar shows."`
	Withdrawn int        `json:"withdrawn" doc:"Appointments that the ledger does not have in the archive any more."`
	Created   int        `json:"created" doc:"Foreign events that are appointments of the ledger now."`
	Failed    int        `json:"failed" doc:"Events that the archive calendar refused."`
	Left      int        `json:"left" doc:"Findings that were left as they are."`
	Found     CopyCounts `json:"found" doc:"What the comparison found before."`
	// Asks is about what was left; of a dry run there is nothing.
	Asks CopyQuestions `json:"asks"`

	LedgerDamaged bool     `json:"ledger_damaged,omitempty" doc:"The ledger is not what was written. Nothing was written."`
	Link          string   `json:"link,omitempty" doc:"Hash of the run's link in the ledger's chain."`
	Cost          run.Cost `json:"cost"`
}

func (r *RepairResult) sealed(link string, cost run.Cost) { r.Link, r.Cost = link, cost }

// of returns the number of a kind of repair.
func (r *RepairResult) of(done Repaired) *int {
	switch done {
	case Recreated:
		return &r.Recreated
	case PutBack:
		return &r.PutBack
	case Removed:
		return &r.Removed
	case Adopted:
		return &r.Adopted
	case TakenOut:
		return &r.Withdrawn
	case TakenIn:
		return &r.Created
	}
	return &r.Left
}

// repair is one attempt at a repair run.
type repair struct {
	*Attempt
	view     *view
	input    RepairInput
	findings []Finding
	more     int                             // findings that are not among them
	taken    map[string]calendar.Appointment // by key: what is adopted
	verdicts map[string]int                  // number of the decision, by the id of its finding
}

// Run carries out a repair run, or continues it where another worker stopped. Errors are those of run.Handler.
func (r *Repairer) Run(ctx context.Context, rn *run.Run) error {
	a, err := r.Open(ctx, rn, accessOf(rn))
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	p := &repair{Attempt: a, taken: map[string]calendar.Appointment{}, verdicts: map[string]int{}}
	if err := json.Unmarshal(rn.Input, &p.input); err != nil {
		return fault.New(fault.Malformed, "the input of run %s is unreadable: %v", rn.ID, err)
	}
	if a.damaged == nil {
		chain, err := r.Chain(ctx, rn.User, rn.Config)
		switch {
		case err != nil:
			return fmt.Errorf("verify the ledger: %w", err)
		case !chain.OK && chain.First != nil:
			a.damaged = fmt.Errorf("%w: %s", ledger.ErrDamaged, chain.First.Problem)
		case !chain.OK:
			a.damaged = ledger.ErrDamaged
		}
	}
	switch {
	case a.damaged != nil:
		return p.refuse(ctx, &RepairResult{LedgerDamaged: true}, LedgerDamaged, a.damaged.Error()+
			"; nothing is repaired from it. See what does not fit: admin-assistant ledger verify --config "+a.config.ID)
	case a.archive.missing:
		return p.refuse(ctx, &RepairResult{Found: CopyCounts{CalendarMissing: a.lost > 0}}, fault.NotFound.String(), fmt.Sprintf(
			"archive calendar %q is gone; bring it back in Outlook from the deleted items, or create an empty one and repair again: "+
				"admin-assistant calendar create %s", a.config.Archive.Calendar, a.config.Archive))
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	if err := p.decide(ctx); err != nil {
		return err
	}
	if err := p.carryOut(ctx); err != nil {
		return err
	}
	return p.end(ctx)
}

// refuse ends a run that may not write.
func (p *repair) refuse(ctx context.Context, result *RepairResult, code, detail string) error {
	p.run.Problem = &run.Problem{Code: code, Detail: detail}
	result.Mode = p.input.Mode
	return p.End(ctx, run.Failed, result, nil)
}

// look compares the archive calendar with the ledger.
func (p *repair) look(ctx context.Context) (err error) {
	if p.view, err = p.newView(); err != nil {
		return err
	}
	p.view.found = func(f Finding) error {
		if len(p.findings) == mostFindings {
			p.more++
			return nil
		}
		p.findings = append(p.findings, f)
		return nil
	}
	return p.view.compare(ctx)
}

// mode is what becomes of a finding.
func (p *repair) mode(f *Finding) RepairMode {
	if answer, ok := p.input.Answers[f.id()]; ok {
		return answer
	}
	if len(p.input.Only) > 0 && !slices.Contains(p.input.Only, f.Outcome) {
		return LeaveFindings
	}
	switch {
	case p.input.Mode == RepairFindings && (f.Outcome == Missing || f.Outcome == Altered || f.Outcome == OrphanCopy):
	case p.input.Mode == AdoptFindings && (f.Outcome == Altered || f.Outcome == Missing && p.input.Missing):
	default:
		return LeaveFindings
	}
	return p.input.Mode
}

// decide says of each finding what becomes of it. What is adopted becomes decisions, which the run keeps before it writes anything.
func (p *repair) decide(ctx context.Context) error {
	for i := range p.input.Decisions.Decisions {
		p.verdicts[p.input.About[i]] = i
	}
	resumed := len(p.verdicts) > 0
	size := 0
	for i := range p.findings {
		f := &p.findings[i]
		f.Done = Left
		mode := p.mode(f)
		if day, locked := p.lockedFor(f, mode); locked {
			f.Reason = fmt.Sprintf("%s is locked, so that nothing changes what is archived of it", day)
			continue
		}
		switch mode {
		case RepairFindings:
			switch f.Outcome {
			case Missing:
				f.Done = Recreated
			case Altered:
				f.Done = PutBack
			case OrphanCopy:
				f.Done = Removed
			default:
				f.Reason = "only its user can take it away, in Outlook"
			}
		case AdoptFindings:
			number, known := p.verdicts[f.id()]
			if !known {
				number = len(p.input.Decisions.Decisions)
			}
			d, done, reason, err := p.adoption(ctx, f, DecisionID(p.run.ID, number))
			if err != nil {
				return err
			}
			text, err := json.Marshal(d)
			if err != nil {
				return fmt.Errorf("keep decisions: %w", err)
			}
			switch {
			case reason != "":
			case known && !sameVerdict(text, &p.input.Decisions.Decisions[number]), !known && resumed:
				reason = "it changed while the run was interrupted; run it again"
			case !known && (number == mostAdopted || size+len(text) > mostInput):
				reason = "there are too many for one run; run it again"
			}
			if reason != "" {
				f.Reason = reason
				delete(p.taken, f.Key)
				continue
			}
			if f.Done = done; !known {
				size += len(text)
				p.verdicts[f.id()] = number
				p.input.Decisions.Decisions, p.input.About = append(p.input.Decisions.Decisions, *d), append(p.input.About, f.id())
			}
		}
	}
	if resumed || len(p.verdicts) == 0 || p.access == ReadOnly {
		return nil
	}
	input, err := json.Marshal(&p.input)
	if err != nil {
		return fmt.Errorf("keep decisions: %w", err)
	}
	p.run.Input = input
	return p.hold.Commit(ctx)
}

// lockedFor is the locked day of which something else would be archived: that of what the ledger has, or of what it would take over. To show again what is
// archived changes nothing of it.
func (p *repair) lockedFor(f *Finding, mode RepairMode) (day calendar.Date, locked bool) {
	if len(p.books.head.Locks) == 0 || mode != AdoptFindings {
		return day, false
	}
	zone := p.view.settings.Zone
	if day, locked = p.lockedDay(&f.Appointment, zone); locked || f.Outcome != Altered || f.event == nil {
		return day, locked
	}
	shown, err := readAppointment(f.event, p.view.settings)
	if err != nil {
		return day, false
	}
	return p.lockedDay(&shown, zone)
}

// sameVerdict says whether a decision is the one that is kept.
func sameVerdict(text []byte, kept *Decided) bool {
	was, err := json.Marshal(kept)
	return err == nil && string(was) == string(text)
}

// carryOut writes what was decided, chunk by chunk.
func (p *repair) carryOut(ctx context.Context) error {
	var todo []*Finding
	for i := range p.findings {
		if p.findings[i].Done != Left {
			todo = append(todo, &p.findings[i])
		}
	}
	if len(todo) == 0 || p.access == ReadOnly {
		return nil
	}
	if err := p.checkShared(ctx); err != nil {
		return err
	}
	begun := 0
	for some := range slices.Chunk(todo, chunk) {
		changes, err := p.changes(ctx, some)
		if err != nil {
			return err
		}
		if _, err := p.write(ctx, changes, func(done int) run.Progress { return run.NewProgress("writing", begun+done, len(todo)) }); err != nil {
			return err
		}
		begun += len(some)
	}
	return nil
}

// changes returns what carries out some findings.
func (p *repair) changes(ctx context.Context, some []*Finding) (changes []Change, err error) {
	var lineages []string
	for _, f := range some {
		if f.held != nil {
			lineages = append(lineages, f.held.lineage)
		} else {
			lineages = append(lineages, p.createdKey(f))
		}
	}
	if _, err := p.books.find(ctx, lineages); err != nil {
		return nil, err
	}
	for _, f := range some {
		var old *ledger.Entry
		if f.held != nil {
			if old = p.books.newest[f.held.key]; old == nil || old.Version != f.held.version {
				f.Done, f.Reason = Left, "the ledger has another version by now"
				continue
			}
			if err := p.books.ledger.Load(ctx, old); err != nil {
				return nil, err
			}
		}
		c := Change{Entry: anew(old)}
		c.Entry.Replaces = f.EventID
		switch f.Done {
		case Recreated:
			c.Kind, c.As, c.Entry.Reason, c.Entry.Replaces = Create, old.Draft, reasonRepair, ""
		case PutBack:
			c.Kind, c.As, c.Entry.Reason = Update, old.Draft, reasonRepair
		case Removed:
			c.Kind, c.Entry.Reason = Remove, reasonRepair
		default:
			if c, err = p.adopted(f, old); err != nil {
				return nil, err
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// anew is a new version like an old one; of nil, one that says nothing yet.
func anew(old *ledger.Entry) ledger.Entry {
	if old == nil {
		return ledger.Entry{}
	}
	return ledger.Entry{
		Key: old.Key, Lineage: old.Lineage, Single: old.Single, Outcome: old.Outcome, Reason: old.Reason, By: old.By, SourceHash: old.SourceHash, Hash: old.Hash,
		Appointment: old.Appointment, Changes: old.Changes, Source: old.Source, BodyDigest: old.BodyDigest, Decision: old.Decision,
	}
}

// end stores what became of each finding, and ends the run.
func (p *repair) end(ctx context.Context) error {
	result := &RepairResult{Mode: p.input.Mode, Found: p.view.counts, Left: p.more}
	listed := map[string]bool{}
	for i := range p.findings {
		listed[p.resultKey(&p.findings[i])] = true
	}
	for _, key := range slices.Sorted(maps.Keys(p.wrote)) { // by an attempt before this one
		if e := p.wroteEntry(key); e != nil && !listed[key] {
			p.findings = append(p.findings, writtenBefore(e))
			*result.Found.count(p.findings[len(p.findings)-1].Outcome)++
		}
	}
	for i := range p.findings {
		f := &p.findings[i]
		w := p.wrote[p.resultKey(f)]
		switch {
		case f.Done != Left && w.Problem != nil:
			result.Failed++
		default:
			*result.of(f.Done)++
		}
	}
	items, err := itemsOf(p.findings)
	if err != nil {
		return err
	}
	for i := range items {
		if f := &p.findings[i]; f.Done != Left {
			w := p.wrote[p.resultKey(f)]
			items[i].Written, items[i].Problem = p.access == Writing && w.Problem == nil && !w.Noted, w.Problem
		}
	}
	if p.access == Writing {
		waits := func(f *Finding) bool { return f.Done == Left || p.wrote[p.resultKey(f)].Problem != nil }
		if result.Asks, err = p.askAboutCopies(ctx, p.view, p.findings, p.more, waits); err != nil {
			return err
		}
	}
	state := run.Succeeded
	if result.Failed > 0 || result.Left > 0 || result.Found.UnreadDays > 0 {
		state = run.Partial
	}
	if err := p.End(ctx, state, result, items); err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Str("mode", string(p.input.Mode)).Int("written", result.Wrote()).Int("adopted", result.Adopted).
		Int("failed", result.Failed).Int("left", result.Left).Msg("repair run finished")
	return nil
}

// resultKey is the ledger's key of what becomes of a finding.
func (p *repair) resultKey(f *Finding) string {
	if f.Done == TakenIn {
		return p.createdKey(f)
	}
	return f.Key
}

// wroteEntry returns the newest version under a key that this run wrote.
func (p *repair) wroteEntry(key string) (newest *ledger.Entry) {
	for _, e := range p.books.added {
		if e.Key == key && e.Outcome != ledger.Moved && (newest == nil || newest.Version < e.Version) {
			newest = e
		}
	}
	return newest
}

// writtenBefore is what an earlier attempt made of a finding.
func writtenBefore(e *ledger.Entry) Finding {
	f := Finding{Outcome: Altered, Done: PutBack, Key: e.Key, Version: e.Version, EventID: e.CopyID, Appointment: e.Appointment}
	decided := e.Reason == ReasonDecision
	switch {
	case decided && e.Outcome == ledger.Withdrawn:
		f.Outcome, f.Done = Missing, TakenOut
	case decided && strings.HasPrefix(e.Key, createdPrefix) && e.Version == 1:
		f.Outcome, f.Done = Foreign, TakenIn
	case decided:
		f.Done = Adopted
	case e.Removes() || e.Draft == nil:
		f.Outcome, f.Done = OrphanCopy, Removed
	case e.Replaces == "":
		f.Outcome, f.Done = Missing, Recreated
	}
	return f
}
