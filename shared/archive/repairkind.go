package archive

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/phrase"
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
			Title:  phrase.New("ledger.damaged.title"),
			Text:   phrase.Text{phrase.New("ledger.damaged.repair"), phrase.New("ledger.check")},
			Action: string(action.LedgerDamaged),
		}
	case r.State == run.Partial && res.Failed == 0:
		w := run.Words{
			Title:    phrase.New("repair.left", phrase.N(res.Left)),
			Text:     phrase.Text{phrase.New("repair.left.text")},
			Complete: true,
		}
		res.Asks.words(&w)
		return w
	}
	return run.Words{}
}
