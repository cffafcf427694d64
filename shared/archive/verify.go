package archive

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Verifier carries out verify runs: they look at the ledger's chain, at its bookkeeping, and at the archive calendar, and write to none of them.
type Verifier struct {
	*Engine
	// Chain compares a ledger with all that was sealed of it.
	Chain func(ctx context.Context, user, config string) (Chain, error)
	// Start starts a run that this one asks for; nil: none is.
	Start func(ctx context.Context, r *run.Run) error
}

var _ run.Handler = (*Verifier)(nil)

// Chain is what became of comparing a ledger with all that was sealed of it.
type Chain struct {
	OK      bool `json:"ok"`
	Links   int  `json:"links"`
	Entries int  `json:"entries" doc:"Sealed ones."`
	Misfits int  `json:"misfits" doc:"How many things are not what was written."`
	// First is the first misfit, nil when all is well.
	First      *ledger.Misfit `json:"first,omitempty" doc:"The first thing that is not what was written."`
	Unfinished string         `json:"unfinished,omitempty" doc:"A run that was interrupted. The next run of the config finishes what it left."`
	Head       string         `json:"head" doc:"Hash of the newest link."`
}

// Bookkeeping is whether what runs say of themselves adds up.
type Bookkeeping struct {
	Runs     int      `json:"runs" doc:"Runs whose sums were added up."`
	Problems int      `json:"problems" doc:"Runs whose sums do not balance."`
	Wrong    []string `json:"wrong,omitempty" doc:"The first of them, in words."`
}

// VerifyResult is what a verify run reports.
type VerifyResult struct {
	Clean       bool        `json:"clean" doc:"Nothing differs anywhere."`
	Chain       Chain       `json:"chain"`
	Bookkeeping Bookkeeping `json:"bookkeeping"`
	View        CopyCounts  `json:"view"`
	NotListed   int         `json:"not_listed,omitempty" doc:"Findings that are counted and are not among the run's items, since there are too many."`
	OnEdit      OnEdit      `json:"on_edit,omitempty" doc:"What becomes of altered copies that a job's run finds, by the config."`
	// Asks is about the findings; not about those that on_edit has repaired.
	Asks CopyQuestions `json:"asks"`
	Cost run.Cost      `json:"cost"`
}

func (r *VerifyResult) sealed(_ string, cost run.Cost) { r.Cost = cost }

// mostFindings is how many findings a run lists.
const mostFindings = 5000

// Run carries out a verify run. Errors are those of run.Handler; ErrBusy while another run writes the ledger.
func (r *Verifier) Run(ctx context.Context, rn *run.Run) error {
	a, err := r.Open(ctx, rn, ReadOnly)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	if err := a.waitForOthers(ctx); err != nil {
		return err
	}
	result := &VerifyResult{OnEdit: a.config.onEdit()}
	if result.Chain, err = r.Chain(ctx, rn.User, rn.Config); err != nil {
		return fmt.Errorf("verify the ledger: %w", err)
	}
	if a.damaged == nil && !result.Chain.OK {
		a.damaged = ledger.ErrDamaged
	}
	if a.damaged != nil {
		return a.endUnverified(ctx, result)
	}
	v, err := a.newView()
	if err != nil {
		return err
	}
	var findings []Finding
	v.found = func(f Finding) error {
		if len(findings) == mostFindings {
			result.NotListed++
			return nil
		}
		f.held, f.event = nil, nil
		findings = append(findings, f)
		return nil
	}
	if err := v.compare(ctx); err != nil {
		return err
	}
	result.View = v.counts
	if result.Bookkeeping, err = a.addUp(ctx, v.written); err != nil {
		return err
	}
	result.Clean = result.View.Differs() == 0 && result.Bookkeeping.Problems == 0
	if !result.Clean { // what a run wrote meanwhile is no difference
		if err := a.stillTheSame(ctx); err != nil {
			return err
		}
	}
	if result.Asks, err = a.askAboutCopies(ctx, v, findings, result.NotListed, func(f *Finding) bool { return !leftToJob(rn, &a.config, f) }); err != nil {
		return err
	}
	return a.endVerified(ctx, result, findings)
}

// waitForOthers returns run.ErrBusy while another run has entries open and is at work.
func (a *Attempt) waitForOthers(ctx context.Context) error {
	open := a.books.head.Open
	if open == "" || a.damaged != nil {
		return nil
	}
	runs := run.NewStore(a.table)
	other, err := runs.Get(ctx, a.run.User, open)
	switch kind := fault.Of(err); {
	case kind == fault.NotFound || kind == fault.Malformed:
		return nil
	case err != nil:
		return err
	}
	atWork, err := runs.Reserves(ctx, other, a.Clock())
	if err == nil && atWork {
		err = run.ErrBusy
	}
	return err
}

// stillTheSame returns run.ErrBusy if somebody wrote the ledger since the attempt began.
func (a *Attempt) stillTheSame(ctx context.Context) error {
	now, err := a.books.ledger.Head(ctx, a.config.ID)
	if err != nil {
		return err
	}
	if was := &a.books.head; now.Hash != was.Hash || now.Open != was.Open || now.OpenDigest != was.OpenDigest {
		return run.ErrBusy
	}
	return nil
}

// newView returns what compares the archive calendar in the run's window.
func (a *Attempt) newView() (v *view, err error) {
	v = &view{attempt: a}
	if v.settings, err = a.config.Settings(); err != nil {
		return nil, err
	}
	if a.run.From == (calendar.Date{}) {
		return v, nil
	}
	w, err := calendar.NewWindow(a.run.From, a.run.To, v.settings.Zone)
	if err != nil {
		return nil, err
	}
	v.from, v.to = w.Start().UTC(), w.End().UTC()
	return v, nil
}

const (
	// mostWrong is how many runs are named whose sums do not balance.
	mostWrong = 20
	// runsPerPage is how many runs are read at once.
	runsPerPage = 100
)

// addUp looks whether the sums of the config's archive runs balance. written is how many copies the ledger has of each run; nil: that is not known.
func (a *Attempt) addUp(ctx context.Context, written map[string]int) (b Bookkeeping, err error) {
	runs := run.NewStore(a.table)
	for cursor := ""; ; {
		list, next, err := runs.List(ctx, a.run.User, a.config.ID, runsPerPage, cursor)
		if err != nil {
			return b, err
		}
		for _, r := range list {
			if r.Kind != run.Archive || len(r.Result) == 0 || r.State != run.Succeeded && r.State != run.Partial {
				continue
			}
			b.Runs++
			if problem := wrongSums(r, written); problem != "" {
				if b.Problems++; len(b.Wrong) < mostWrong {
					b.Wrong = append(b.Wrong, "run "+r.ID+": "+problem)
				}
			}
		}
		if cursor = next; cursor == "" {
			return b, nil
		}
	}
}

// wrongSums says what is wrong with the sums of an archive run; empty: nothing.
func wrongSums(r *run.Run, written map[string]int) string {
	var result Result
	if err := json.Unmarshal(r.Result, &result); err != nil {
		return "its result is unreadable"
	}
	switch c := &result.Counts; {
	case !c.Balanced() || !result.Balanced:
		return "its sums do not balance: " + c.String()
	case written != nil && written[r.ID] != result.Written:
		return fmt.Sprintf("it says that it wrote %s, and the ledger has %d of it", run.Counted(result.Written, "copy", "copies"), written[r.ID])
	}
	return ""
}

// endUnverified ends a run that found the ledger to be not what was written. The archive calendar is not compared with such a ledger.
func (a *Attempt) endUnverified(ctx context.Context, result *VerifyResult) error {
	detail := a.damaged.Error()
	if m := result.Chain.First; m != nil {
		detail = "the ledger is not what was written: " + m.Problem
	}
	zerolog.Ctx(ctx).Error().Err(a.damaged).Msg("ledger damaged")
	a.run.Problem = &run.Problem{
		Code:   LedgerDamaged,
		Detail: detail + "; nothing was compared with it or written. See what does not fit: admin-assistant ledger verify --config " + a.config.ID,
	}
	result.Chain.OK = false
	return a.End(ctx, run.Failed, result, nil)
}

// Ended starts the repair of what a job's run found altered, if the config says so. It may be called any number of times: there is one repair.
func (r *Verifier) Ended(ctx context.Context, rn *run.Run) error {
	var result VerifyResult
	if r.Start == nil || rn.Kind != run.Verify || rn.Job == "" || rn.State != run.Partial || json.Unmarshal(rn.Result, &result) != nil {
		return nil
	}
	what := RepairInput{Mode: RepairMode(result.OnEdit), Only: []FindingKind{Altered}}
	if result.View.Altered == 0 || what.Mode != RepairFindings && what.Mode != AdoptFindings {
		return nil
	}
	id := followingID(rn.ID)
	switch there, err := run.NewStore(r.Table).Get(ctx, rn.User, id); {
	case err == nil && there.State != run.Queued: // its own message sees to it
		return nil
	case err != nil && fault.Of(err) != fault.NotFound:
		return err
	}
	input, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("input of a repair: %w", err)
	}
	return r.Start(ctx, &run.Run{
		ID: id, User: rn.User, Kind: run.Repair, Config: rn.Config, From: rn.From, To: rn.To, Input: input, Job: rn.Job, State: run.Queued,
		Progress: run.NewProgress("queued", 0, 0), Correlation: rn.Correlation, Created: r.Clock().UTC(),
	})
}

// followingID is the id of the run that follows a run, always the same one. Like any id it sorts by time: it keeps that of the run, in its first ten letters.
func followingID(id string) string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	h := sha256.Sum256([]byte("repair of " + id))
	at := min(len(id), 10)
	next := []byte(id[:at])
	for i := range 16 {
		next = append(next, letters[h[i]%32])
	}
	return string(next)
}

// endVerified stores the findings and ends the run.
func (a *Attempt) endVerified(ctx context.Context, result *VerifyResult, findings []Finding) error {
	items, err := itemsOf(findings)
	if err != nil {
		return err
	}
	state := run.Succeeded
	if !result.Clean || result.View.UnreadDays > 0 {
		state = run.Partial
	}
	if err := a.End(ctx, state, result, items); err != nil {
		return err
	}
	c := &result.View
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("compared", c.Compared).Int("missing", c.Missing).Int("altered", c.Altered).
		Int("duplicates", c.DuplicateCopies).Int("orphans", c.OrphanCopies).Int("foreign", c.Foreign).Int("unsettled", c.Unsettled).
		Msg("verify run finished")
	return nil
}

func itemsOf(findings []Finding) ([]run.Item, error) {
	items := make([]run.Item, len(findings))
	for i := range findings {
		findings[i].ID = findings[i].id()
		data, err := json.Marshal(&findings[i])
		if err != nil {
			return nil, fmt.Errorf("store findings: %w", err)
		}
		items[i] = run.Item{Key: findings[i].name(), Plan: data}
	}
	return items, nil
}
