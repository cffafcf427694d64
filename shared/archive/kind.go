package archive

import (
	"fmt"

	"adminassistant/shared/action"
	"adminassistant/shared/phrase"
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
			Title:  phrase.New("archive.gone"),
			Text:   phrase.Text{phrase.New("decide.gone"), run.Safe},
			Action: string(action.ArchiveMissing),
		}
	case res.Refused > 0 && r.State == run.Failed:
		return run.Words{
			Title: phrase.New("decide.nothing"), Text: phrase.Text{whyNothing(r), phrase.New("decide.nothing.open")},
		}
	case res.Refused > 0:
		return run.Words{
			Title: phrase.New("decide.some"),
			Text:  phrase.Text{phrase.New("decide.some.text", phrase.N(len(res.Refusals))), phrase.New("decide.some.others")},
		}
	}
	return run.Words{}
}

// whyNothing says why nothing of what was decided was carried out.
func whyNothing(r *run.Run) phrase.Phrase {
	if r.Problem == nil {
		return phrase.New("decide.nothing.meanwhile")
	}
	return phrase.New("decide.nothing.text", phrase.Failed(r.Problem.Detail))
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
		w.Asks = phrase.New("asks", phrase.N(raised))
		w.AsksText = phrase.Text{phrase.New("asks.run", r.Window(), action.Counts(res.Raised)), phrase.New("asks.until")}
		if earlier := res.Waiting - raised; earlier > 0 {
			w.AsksText = append(w.AsksText, phrase.New("asks.earlier", phrase.Is(action.Things(earlier))))
		}
	case res.Waiting > 0:
		w.Waits = phrase.New("waits", phrase.N(res.Waiting))
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
			Title:  phrase.New("shrunk"),
			Text:   phrase.Text{phrase.New("shrunk.text", r.Window()), run.Safe, phrase.New("shrunk.do").New()},
			Action: string(action.ShrunkWindow), Again: run.Archive, Flags: []string{"--force"},
		}
	case res.KeysChanged:
		return run.Words{
			Title:  phrase.New("keys"),
			Text:   phrase.Text{phrase.New("keys.text", r.Window()), run.Safe, phrase.New("keys.do").New()},
			Action: string(action.KeysChanged), Again: run.Archive, Flags: []string{"--force"},
		}
	case res.UnreadableDays > 0 && r.Problem != nil:
		return run.Words{
			Title:  phrase.New("days.unreadable"),
			Text:   phrase.Text{phrase.New("days.unreadable.text", r.Window(), phrase.Failed(r.Problem.Detail))},
			Action: string(action.UnreadableDays),
		}
	case res.ArchiveMissing:
		return run.Words{
			Title:  phrase.New("archive.lacks"),
			Text:   phrase.Text{phrase.New("archive.lacks.text", r.Window()), phrase.New("archive.lacks.look")},
			Action: string(action.ArchiveMissing),
		}
	case r.State != run.Succeeded:
		return run.Words{}
	case len(res.Otherwise) > 0:
		return run.Words{Text: phrase.Text{phrase.New("wrote", phrase.N(res.Written), r.Window()), run.FoundOtherwise}}
	case res.Written == 0:
		return run.Words{Text: phrase.Text{phrase.New("nothing.new", r.Window())}}
	}
	return run.Words{}
}

// damagedWords tell that a run found the ledger to be not what was written.
func damagedWords(r *run.Run) run.Words {
	return run.Words{
		Title:  phrase.New("ledger.damaged.title"),
		Text:   phrase.Text{phrase.New("ledger.damaged", r.Window()), phrase.New("ledger.check"), phrase.New("ledger.restore")},
		Action: string(action.LedgerDamaged),
	}
}
