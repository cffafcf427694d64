package archive

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// VerifyKind describes verify runs.
var VerifyKind = run.Description{
	Kind: run.Verify, Title: "Verification", Queue: run.ArchiveQueue,
	Empty:  func() run.Result { return &VerifyResult{} },
	Member: "verify", Reports: "What a verify run found in the ledger's chain, its bookkeeping and the archive calendar.",
	Words:   verifyWords,
	Actions: []string{string(action.Altered), string(action.ArchiveMissing), string(action.LedgerDamaged)},
	Command: run.Command{Name: "verify"},
	Job: &run.JobTerms{
		Days: true, Without: "all", Means: "compare the archive calendar with the ledger, and the ledger with all that was sealed of it",
	},
}

// Wrote is 0: it writes to no calendar.
func (r *VerifyResult) Wrote() int { return 0 }

// Sums says how many copies were compared, and how many things differ.
func (r *VerifyResult) Sums() string {
	if !r.Chain.OK {
		return "the ledger is damaged"
	}
	return fmt.Sprintf("%d compared, %s", r.View.Compared, run.Counted(r.View.Differs()+r.Bookkeeping.Problems, "differs", "differ"))
}

func verifyWords(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*VerifyResult)
	if res == nil || r.State != run.Partial && r.State != run.Failed {
		return run.Words{}
	}
	w := differs(res)
	res.Asks.words(&w)
	return w
}

// words add what is asked about copies to the words about a run.
func (q *CopyQuestions) words(w *run.Words) {
	switch {
	case q.Raised > 0:
		w.Asks = phrase.New("asks", phrase.N(q.Raised))
		w.AsksText = phrase.Text{phrase.New("asks.copies", action.Counts(map[action.Kind]int{action.Altered: q.Raised}))}
		if earlier := q.Waiting - q.Raised; earlier > 0 {
			w.AsksText = append(w.AsksText, phrase.New("asks.earlier", phrase.Is(action.Things(earlier))))
		}
	case q.Waiting > 0:
		w.Waits, w.AsksText = phrase.New("waits.copies"), phrase.Text{phrase.New("asks.open", phrase.Is(action.Things(q.Waiting)))}
	}
}

// differs says what a verify run found to differ.
func differs(res *VerifyResult) run.Words {
	v := &res.View
	look := phrase.Text{phrase.New("ledger.has"), phrase.New("things.differ")}
	missing := phrase.New("copies.missing", phrase.N(v.Missing))
	lacks := phrase.New("copies.missing.text", phrase.N(v.Missing))
	n := v.Differs() + res.Bookkeeping.Problems
	// What was asked about one by one needs no action of its own.
	rest := res.Bookkeeping.Problems + v.Unsettled + res.NotListed + res.Asks.NotAsked
	switch {
	case !res.Chain.OK:
		return run.Words{
			Title:  phrase.New("ledger.damaged.found"),
			Text:   phrase.Text{phrase.New("ledger.damaged.all"), phrase.New("ledger.check"), phrase.New("ledger.restore")},
			Action: string(action.LedgerDamaged),
		}
	case v.CalendarMissing:
		return run.Words{
			Title:  phrase.New("archive.gone"),
			Text:   append(phrase.Text{phrase.New("archive.gone.copy")}, look...),
			Action: string(action.ArchiveMissing),
		}
	case v.Missing > 0 && v.Retention():
		return run.Words{
			Title:  missing,
			Text:   append(phrase.Text{lacks, phrase.New("copies.retention")}, look...),
			Action: string(action.ArchiveMissing),
		}
	case n == 0:
		return run.Words{Title: phrase.New("days.unreadable"), Text: phrase.Text{phrase.New("days.unreadable.copies")}}
	}
	w := run.Words{
		Title: phrase.New("copies.differ", phrase.N(n)), Text: append(phrase.Text{phrase.New("copies.differ.text")}, look...),
	}
	switch {
	case rest == 0 && n == v.Altered:
		w.Title = phrase.New("copies.altered", phrase.N(v.Altered))
		w.Text = append(phrase.Text{phrase.New("copies.altered.text", phrase.N(v.Altered))}, look...)
	case rest == 0 && n == v.Missing:
		w.Title, w.Text = missing, append(phrase.Text{lacks}, look...)
	}
	if rest > 0 {
		w.Action = string(action.Altered)
	} else {
		w.Complete, w.Known = true, res.Asks.Raised == 0 && (res.OnEdit == "" || res.OnEdit == AskOnEdit || v.Altered == 0)
	}
	return w
}
