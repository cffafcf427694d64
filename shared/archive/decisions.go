package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Decided is a decision as the run keeps it that carries it out: in its input, which the run's link seals.
type Decided struct {
	decision.Decision
	Action string `json:"action,omitempty"` // id of the action that it answers
	Note   string `json:"note,omitempty"`
	// AllowOverlap says that what it keeps may share time with what stands.
	AllowOverlap bool `json:"allow_overlap,omitempty"`
	// Supplement says that what is archived of locked days may change. What they were billed at stays, and the customer's next timesheet settles the difference.
	Supplement bool `json:"supplement,omitempty"`
}

// Decisions is the part of a run's input that has what its user decided. Runs of any kind may have it.
type Decisions struct {
	Decisions []Decided `json:"decisions,omitempty"`
}

// DecisionID is the id of a run's decision, the first being number 0. The run can be found by it.
func DecisionID(run string, number int) string { return fmt.Sprintf("%s-%d", run, number+1) }

// RunOf returns the run that a decision belongs to.
func RunOf(decision string) string {
	run, _, _ := strings.Cut(decision, "-")
	return run
}

// DecisionsOf returns what a run's user decided. Errors are of kind fault.Malformed.
func DecisionsOf(r *run.Run) ([]Decided, error) {
	if len(r.Input) == 0 {
		return nil, nil
	}
	var in Decisions
	if err := json.Unmarshal(r.Input, &in); err != nil {
		return nil, fault.New(fault.Malformed, "the decisions of run %s are unreadable: %v", r.ID, err)
	}
	return in.Decisions, nil
}

// decisions returns what was decided about what the ledger has, as far as it was read, and then the run's own, the oldest first. Decisions are read once,
// all those that are new in one request; where there are none, there is no request. A verdict is left out that later versions in the ledger have replaced:
// by an undo, or by another decision.
func (a *Attempt) decisions(ctx context.Context, own []Decided) ([]decision.Decision, error) {
	if err := a.readDecisions(ctx); err != nil {
		return nil, err
	}
	all := counting(a.decided, a.books.newest)
	for i := range own {
		all = append(all, own[i].Decision)
	}
	return all, nil
}

// readDecisions reads the decisions that made what the ledger has, as far as they are not known yet.
func (a *Attempt) readDecisions(ctx context.Context) error {
	unknown := map[string]bool{}
	for _, e := range a.books.newest {
		if id := RunOf(e.Decision); e.Decision != "" && id != a.run.ID {
			if _, known := a.decided[id]; !known {
				unknown[id] = true
			}
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	found, err := decidedIn(ctx, run.NewStore(a.table), a.run.User, unknown)
	if err != nil {
		return err
	}
	if a.decided == nil {
		a.decided = map[string][]Decided{}
	}
	maps.Copy(a.decided, found)
	return nil
}

// decidedIn returns what was decided in some of a user's runs and not refused. A run that is not there has no word any more.
func decidedIn(ctx context.Context, runs *run.Store, user string, ids map[string]bool) (map[string][]Decided, error) {
	decided := make(map[string][]Decided, len(ids))
	for id := range ids {
		decided[id] = nil
	}
	found, err := runs.GetMany(ctx, user, slices.Sorted(maps.Keys(ids)))
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		all, err := DecisionsOf(r)
		if err != nil {
			return nil, err
		}
		refused, err := refusedBy(r)
		if err != nil {
			return nil, err
		}
		decided[r.ID] = slices.DeleteFunc(all, func(d Decided) bool { return refused[d.ID] })
	}
	return decided, nil
}

// refusedBy returns the ids of the decisions of a run that it did not carry out, and that nobody else does.
func refusedBy(r *run.Run) (map[string]bool, error) {
	if r.Kind != run.Decide || len(r.Result) == 0 {
		return nil, nil
	}
	var result DecideResult
	if err := json.Unmarshal(r.Result, &result); err != nil {
		return nil, fault.New(fault.Malformed, "the result of run %s is unreadable: %v", r.ID, err)
	}
	refused := make(map[string]bool, len(result.Refusals))
	for i := range result.Refusals {
		refused[result.Refusals[i].Decision] = true
	}
	return refused, nil
}

// counting returns what of decisions, by run, is the last word about its key, the oldest first.
func counting(decided map[string][]Decided, newest map[string]*ledger.Entry) (all []decision.Decision) {
	for _, id := range slices.Sorted(maps.Keys(decided)) {
		for _, d := range decided[id] {
			d.Verdicts = slices.DeleteFunc(slices.Clone(d.Verdicts), func(v decision.Verdict) bool { return !counts(&d.Decision, newest[v.Key]) })
			if len(d.Verdicts) > 0 {
				all = append(all, d.Decision)
			}
		}
	}
	return all
}

// counts says whether a decision's verdict about a key is the last word about it: the ledger's newest version is the decision's, or older.
func counts(d *decision.Decision, newest *ledger.Entry) bool {
	return newest == nil || newest.Decision == d.ID || newest.Run < RunOf(d.ID)
}
