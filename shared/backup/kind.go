package backup

import (
	"encoding/json"
	"time"

	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// RunKind describes backup runs.
var RunKind = run.Description{
	Kind: run.Backup, Title: "Backup", Queue: run.BackupQueue,
	Empty:  func() run.Result { return &Result{} },
	Member: "backup", Reports: "What the run made; of a backup run that has ended.",
	Words:   words,
	Command: run.Command{Name: "backup run", Archive: "--archive", OfJob: true},
	Job:     &run.JobTerms{Days: true, Calendar: true, Retention: true, Without: "all"},
}

// Wrote is 0: a backup writes to no calendar.
func (r *Result) Wrote() int { return 0 }

// ManifestOf is the digest of the manifest that a backup run reports; empty: it made no backup, or its result is unreadable.
func ManifestOf(r *run.Run) string {
	var result Result
	if json.Unmarshal(r.Result, &result) != nil {
		return ""
	}
	return result.Manifest
}

// Sums says how many events the backup holds.
func (r *Result) Sums() string { return run.Counted(r.Counts.Events, "event", "events") }

// words says that a backup is complete even if iCalendar cannot hold all of it, since restores read the other files; and what it lacks if it is not.
func words(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*Result)
	if r.State == run.Succeeded && res != nil && res.Otherwise != "" {
		return run.Words{Text: phrase.Text{phrase.New("backup.otherwise", r.Window()), run.FoundOtherwise}}
	}
	if r.State != run.Partial || res == nil {
		return run.Words{}
	}
	left := r.Failed - len(res.Unread)
	if len(res.Unread) > 0 {
		text := phrase.Text{phrase.New("backup.unread.text", r.Window(), starts(res.Unread)), phrase.New("backup.unread.do").New()}
		if left > 0 {
			text = append(text, phrase.New("backup.left.further", phrase.N(left)))
		}
		return run.Words{Title: phrase.New("backup.unread"), Text: text}
	}
	return run.Words{
		Title: phrase.New("backup.left", phrase.N(left)), Text: phrase.Text{phrase.New("backup.left.text", r.Window(), phrase.N(left))},
		Complete: true,
	}
}

// maxStarts is how many starts a text names.
const maxStarts = 10

// starts names times.
func starts(times []time.Time) phrase.Value {
	var list []phrase.Phrase
	for _, at := range times[:min(len(times), maxStarts)] {
		list = append(list, phrase.New("at", phrase.At(at)))
	}
	if more := len(times) - len(list); more > 0 {
		list = append(list, phrase.New("backup.others", phrase.N(more)))
	}
	return phrase.All(list...)
}
