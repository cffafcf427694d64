package backup

import (
	"encoding/json"
	"fmt"

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
func (r *Result) Sums() string { return fmt.Sprintf("%d events", r.Counts.Events) }

// words says that a backup is complete even if iCalendar cannot hold all of it: restores read the other files.
func words(r *run.Run, _ run.Result) run.Words {
	if r.State != run.Partial {
		return run.Words{}
	}
	return run.Words{
		Title: fmt.Sprintf(": %d events are not in its iCalendar file", r.Failed),
		Text: fmt.Sprintf("The backup of %s is complete and was proven. iCalendar cannot hold %d of its events; its other files have them.",
			r.Days(), r.Failed),
		Complete: true,
	}
}
