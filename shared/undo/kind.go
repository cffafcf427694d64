package undo

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/run"
)

// RunKind describes undo runs.
var RunKind = run.Description{
	Kind: run.Undo, Title: "Undo", Queue: run.ArchiveQueue,
	Empty:  func() run.Result { return &Result{} },
	Member: "undo", Reports: "What was undone and what was left as it is; of an undo run that has ended.",
	Words: words, Actions: []string{string(action.LedgerDamaged)},
}

// Changed is the code of the problem of a run that found other things than the user had seen.
const Changed = "changed"

func words(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*Result)
	switch {
	case res != nil && res.LedgerDamaged:
		return run.Words{
			Title: " stopped: the ledger is not what was written",
			Text: "Somebody or something changed the ledger outside of Admin Assistant, so nothing was undone. " +
				"Look what does not fit: admin-assistant ledger verify --config NAME.",
			Action: string(action.LedgerDamaged),
		}
	case r.Problem != nil && r.Problem.Code == Changed:
		return run.Words{
			Title: " stopped: things have changed",
			Text:  "Since you saw what would be undone, something changed, so nothing was undone. Look again, and start it again.",
		}
	case res != nil && r.State == run.Succeeded && res.Counts.Skipped > 0:
		return run.Words{
			Title: fmt.Sprintf(": %d were left as they are", res.Counts.Skipped),
			Text:  fmt.Sprintf("%s. Look at the run: it says of each why.", res.Counts.String()),
		}
	}
	return run.Words{}
}
