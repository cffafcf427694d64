package archive

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// RunKind describes archive runs.
var RunKind = run.Description{
	Kind: run.Archive, Title: "Archive run", Queue: run.ArchiveQueue,
	Empty:  func() run.Result { return &Result{} },
	Member: "result", Reports: "What the run found and did; of an archive run that has ended.",
	Words: words, Actions: []string{
		string(action.ShrunkWindow), string(action.ArchiveMissing), string(action.LedgerDamaged), string(action.KeysChanged), string(action.UnreadableDays),
	},
	Command: run.Command{Name: "archive run"},
	Retries: true, Undo: run.UndoneInLedger, Counts: telemetry.AppointmentsArchived,
	Job: &run.JobTerms{Days: true, GoesOn: true, Without: "from the last archived day to yesterday"},
}

// DecideKind describes decide runs.
var DecideKind = run.Description{
	Kind: run.Decide, Title: "Decision", Queue: run.ArchiveQueue,
	Empty:  func() run.Result { return &DecideResult{} },
	Member: "decided", Reports: "What became of what was decided; of a decide run that has ended.",
	Words: decideWords, Actions: []string{string(action.ArchiveMissing), string(action.LedgerDamaged)},
	Counts: telemetry.AppointmentsArchived, Undo: run.UndoneInLedger,
}

func decideWords(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*DecideResult)
	if res == nil { // it ended without a result
		res = &DecideResult{}
	}
	switch {
	case res.LedgerDamaged:
		return damagedWords(r)
	case res.ArchiveMissing:
		return run.Words{
			Title:  ": the archive calendar is gone",
			Text:   "What you decided could not be carried out, because the archive calendar is gone. " + run.Safe,
			Action: string(action.ArchiveMissing),
		}
	case res.Refused > 0 && r.State == run.Failed:
		return run.Words{
			Title: ": nothing was changed",
			Text: fmt.Sprintf("What you decided was not carried out: %s. Nothing was written, and what is open can be decided again.",
				problemText(r)),
		}
	case res.Refused > 0:
		return run.Words{
			Title: ": some of it was not carried out",
			Text: fmt.Sprintf("Of what you decided, %s not carried out, because something changed meanwhile. All others were. "+
				"What is open can be decided again.", run.Counted(len(res.Refusals), "decision was", "decisions were")),
		}
	}
	return run.Words{}
}

func problemText(r *run.Run) string {
	if r.Problem == nil {
		return "something changed meanwhile"
	}
	return r.Problem.Detail
}

// Wrote is how many events the run wrote to the archive calendar.
func (r *Result) Wrote() int { return r.Written }

// Sums says how many events the run read and wrote.
func (r *Result) Sums() string {
	return fmt.Sprintf("%d fetched, %d written", r.Counts.Fetched, r.Written)
}

func words(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*Result)
	if res == nil { // it ended without a result
		res = &Result{}
	}
	w := ending(r, res)
	raised := 0
	for _, n := range res.Raised {
		raised += n
	}
	switch {
	case raised > 0:
		w.Asks = fmt.Sprintf(": %s for you to decide", action.Things(raised))
		w.AsksText = fmt.Sprintf("The run of %s asks: %s. Until you decide, what is archived stays as it is.", r.Days(), action.Counts(res.Raised))
		if earlier := res.Waiting - raised; earlier > 0 {
			w.AsksText += fmt.Sprintf(" Still open from earlier runs: %s.", action.Things(earlier))
		}
	case res.Waiting > 0:
		w.Waits = fmt.Sprintf(" went well; still open: %s for you to decide", action.Things(res.Waiting))
	}
	return w
}

// ending says how a run ended, but for what it asks.
func ending(r *run.Run, res *Result) run.Words {
	switch {
	case res.LedgerDamaged:
		return damagedWords(r)
	case res.Shrunk:
		return run.Words{
			Title: " stopped: far fewer events than before",
			Text: fmt.Sprintf("The calendar shows far fewer events in %s than the archive holds, so the run changed nothing. %s\n"+
				"If the events are really gone, run it again with force. If not, look at the calendar first.", r.Days(), run.Safe),
			Action: string(action.ShrunkWindow), Again: run.Archive, Flags: []string{"--force"},
		}
	case res.KeysChanged:
		return run.Words{
			Title: " stopped: the events have other ids than before",
			Text: fmt.Sprintf("Most of the appointments that were archived of %s are no longer in the calendar, and as many others are new. Outlook may have "+
				"given the same events other ids, so the run changed nothing. %s\nIf they are other events indeed, run it again with force.", r.Days(), run.Safe),
			Action: string(action.KeysChanged), Again: run.Archive, Flags: []string{"--force"},
		}
	case res.UnreadableDays > 0 && r.Problem != nil:
		return run.Words{
			Title:  ": some days could not be read",
			Text:   fmt.Sprintf("In the run of %s %s.", r.Days(), r.Problem.Detail),
			Action: string(action.UnreadableDays),
		}
	case res.ArchiveMissing:
		return run.Words{
			Title: ": the archive calendar does not show what was archived",
			Text: fmt.Sprintf("The run of %s found that the archive calendar, or events that were archived in it, are gone. "+
				"The ledger holds all of them, so that nothing is lost. Look at the run: it says what is missing and what to do.", r.Days()),
			Action: string(action.ArchiveMissing),
		}
	case r.State != run.Succeeded:
		return run.Words{}
	case len(res.Otherwise) > 0:
		return run.Words{Text: fmt.Sprintf("The run of %s wrote %s. %s", r.Days(), run.Counted(res.Written, "event", "events"), run.FoundOtherwise)}
	case res.Written == 0:
		return run.Words{Text: fmt.Sprintf("The run of %s found nothing new.", r.Days())}
	}
	return run.Words{}
}

// damagedWords tell that a run found the ledger to be not what was written.
func damagedWords(r *run.Run) run.Words {
	return run.Words{
		Title: " stopped: the ledger is not what was written",
		Text: fmt.Sprintf("The run of %s found that somebody or something changed the ledger outside of Admin Assistant, so it added nothing to it. "+
			"Look what does not fit: admin-assistant ledger verify --config NAME. Then ask who runs this installation to bring the ledger back from a "+
			"backup of the table.", r.Days()),
		Action: string(action.LedgerDamaged),
	}
}
