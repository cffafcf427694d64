package backup

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
		return run.Words{Text: fmt.Sprintf("The backup of %s is complete and was proven. %s", r.Days(), run.FoundOtherwise)}
	}
	if r.State != run.Partial || res == nil {
		return run.Words{}
	}
	left := r.Failed - len(res.Unread)
	if len(res.Unread) > 0 {
		text := fmt.Sprintf("The backup of %s was proven, but it lacks events that the calendar cannot give out: something in them is broken. "+
			"They start at %s. All others are in it.\nLook for them in Outlook, delete them or save them anew, and back the calendar up again.",
			r.Days(), starts(res.Unread))
		if left > 0 {
			text += fmt.Sprintf(" iCalendar cannot hold %s; the other files have all.", run.Counted(left, "further event", "further events"))
		}
		return run.Words{Title: ": some events could not be read and are not in it", Text: text}
	}
	return run.Words{
		Title: ": " + run.Counted(left, "event is", "events are") + " not in its iCalendar file",
		Text: fmt.Sprintf("The backup of %s is complete and was proven. iCalendar cannot hold %d of its events; its other files have them.",
			r.Days(), left),
		Complete: true,
	}
}

// maxStarts is how many starts a text names.
const maxStarts = 10

// starts names times, as in "2026-10-13 09:00, 2026-10-14 11:30 UTC".
func starts(times []time.Time) string {
	var list []string
	for _, at := range times[:min(len(times), maxStarts)] {
		list = append(list, at.UTC().Format("2006-01-02 15:04"))
	}
	text := strings.Join(list, ", ") + " UTC"
	if more := len(times) - len(list); more > 0 {
		text += fmt.Sprintf(" and %d others", more)
	}
	return text
}
