package undo

import (
	"adminassistant/shared/action"
	"adminassistant/shared/phrase"
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
			Title:  phrase.New("ledger.damaged.title"),
			Text:   phrase.Text{phrase.New("ledger.damaged.undo"), phrase.New("ledger.check")},
			Action: string(action.LedgerDamaged),
		}
	case r.Problem != nil && r.Problem.Code == Changed:
		return run.Words{
			Title: phrase.New("undo.changed"), Text: phrase.Text{phrase.New("undo.changed.text")},
		}
	case res != nil && r.State == run.Succeeded && res.Counts.Skipped > 0:
		return run.Words{
			Title: phrase.New("undo.left", phrase.N(res.Counts.Skipped)), Text: phrase.Text{res.Counts.said(), phrase.New("look")},
		}
	}
	return run.Words{}
}

// said are the totals of a run that left something as it is.
func (c *Totals) said() phrase.Phrase {
	if c.Failed > 0 {
		return phrase.New("undo.failed.text", phrase.N(c.Undone), phrase.N(c.Failed), phrase.N(c.Skipped))
	}
	return phrase.New("undo.left.text", phrase.N(c.Undone), phrase.N(c.Skipped))
}
