package archive

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/run"
)

// RepairKind describes repair runs.
var RepairKind = run.Description{
	Kind: run.Repair, Title: "Repair", Queue: run.ArchiveQueue,
	Empty:  func() run.Result { return &RepairResult{} },
	Member: "repair", Reports: "What a repair run made of what differed between ledger and archive calendar.",
	Words:   repairWords,
	Actions: []string{string(action.LedgerDamaged)},
	Undo:    run.UndoneInLedger,
}

// Wrote is how many events of the archive calendar it wrote.
func (r *RepairResult) Wrote() int { return r.Recreated + r.PutBack + r.Removed + r.Created }

// Sums says how many findings were dealt with, and how many were left.
func (r *RepairResult) Sums() string {
	return fmt.Sprintf("%d repaired, %d adopted, %d left", r.Recreated+r.PutBack+r.Removed, r.Adopted+r.Withdrawn+r.Created, r.Left)
}

func repairWords(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*RepairResult)
	switch {
	case res == nil:
		return run.Words{}
	case res.LedgerDamaged:
		return run.Words{
			Title: " stopped: the ledger is not what was written",
			Text: "Somebody or something changed the ledger outside of Admin Assistant, so nothing was repaired from it. Look what does not fit: " +
				"admin-assistant ledger verify --config NAME.",
			Action: string(action.LedgerDamaged),
		}
	case r.State == run.Partial && res.Failed == 0:
		w := run.Words{
			Title:    ": " + run.Counted(res.Left, "thing still differs", "things still differ"),
			Text:     "The repair did what it was asked to do. What it left differs still; the run says why.",
			Complete: true,
		}
		res.Asks.words(&w)
		return w
	}
	return run.Words{}
}
