package archive

import (
	"fmt"

	"adminassistant/shared/action"
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

// retention names the likely cause of copies that are gone.
const retention = " A retention policy or AutoArchive of the mailbox is the likely cause: it takes what is older than a date."

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
		w.Asks = fmt.Sprintf(": %s for you to decide", action.Things(q.Raised))
		w.AsksText = fmt.Sprintf("It asks you about %s: put right, take over, or leave.", action.Counts(map[action.Kind]int{action.Altered: q.Raised}))
		if earlier := q.Waiting - q.Raised; earlier > 0 {
			w.AsksText += fmt.Sprintf(" Still open from earlier runs: %s.", action.Things(earlier))
		}
	case q.Waiting > 0:
		w.Waits, w.AsksText = ": something waits", fmt.Sprintf("Still open from earlier runs: %s for you to decide.", action.Things(q.Waiting))
	}
}

// differs says what a verify run found to differ.
func differs(res *VerifyResult) run.Words {
	v := &res.View
	things := func(n int, one, several string) string {
		if n == 1 {
			return "one " + one
		}
		return fmt.Sprintf("%d %s", n, several)
	}
	look := " The ledger has all that was archived, so that nothing is lost. Look at the run: it says what differs, and what to do."
	n := v.Differs() + res.Bookkeeping.Problems
	// What was asked about one by one needs no action of its own.
	rest := res.Bookkeeping.Problems + v.Unsettled + res.NotListed + res.Asks.NotAsked
	switch {
	case !res.Chain.OK:
		return run.Words{
			Title: " found that the ledger is not what was written",
			Text: "Somebody or something changed the ledger outside of Admin Assistant. No run adds anything to it. Look what does not fit: " +
				"admin-assistant ledger verify --config NAME. Then ask who runs this installation to bring the ledger back from a backup of the table.",
			Action: string(action.LedgerDamaged),
		}
	case v.CalendarMissing:
		return run.Words{
			Title:  ": the archive calendar is gone",
			Text:   "The archive calendar is gone, though the ledger holds appointments in it." + look,
			Action: string(action.ArchiveMissing),
		}
	case v.Missing > 0 && v.Retention():
		return run.Words{
			Title:  fmt.Sprintf(": %s missing", things(v.Missing, "copy is", "copies are")),
			Text:   fmt.Sprintf("The archive calendar lacks %s of the ledger.", things(v.Missing, "appointment", "appointments")) + retention + look,
			Action: string(action.ArchiveMissing),
		}
	case n == 0:
		return run.Words{Title: ": some days could not be read", Text: "Days of the archive calendar could not be read. All others were compared."}
	}
	w := run.Words{
		Title: fmt.Sprintf(": %s", things(n, "thing differs", "things differ")), Text: "The archive calendar is not what the ledger has." + look,
	}
	switch {
	case rest == 0 && n == v.Altered:
		w.Title = fmt.Sprintf(": %s altered", things(v.Altered, "copy was", "copies were"))
		w.Text = fmt.Sprintf("In the archive calendar %s something else than the ledger has.", things(v.Altered, "copy shows", "copies show")) + look
	case rest == 0 && n == v.Missing:
		w.Title = fmt.Sprintf(": %s missing", things(v.Missing, "copy is", "copies are"))
		w.Text = fmt.Sprintf("The archive calendar lacks %s of the ledger.", things(v.Missing, "appointment", "appointments")) + look
	}
	if rest > 0 {
		w.Action = string(action.Altered)
	} else {
		w.Complete, w.Known = true, res.Asks.Raised == 0 && (res.OnEdit == "" || res.OnEdit == AskOnEdit || v.Altered == 0)
	}
	return w
}
