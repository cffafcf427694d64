package restore

import (
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/run"
)

// RunKind describes restore runs.
var RunKind = run.Description{
	Kind: run.Restore, Title: "Restore", Queue: run.BackupQueue,
	Empty:  func() run.Result { return &Result{} },
	Member: "restore", Reports: "What became of the events; of a restore run, so far.",
	Words:   run.AsAnyRun,
	Retries: true, Undo: run.UndoneInCalendar,
}

// Wrote is how many events and series the run wrote.
func (r *Result) Wrote() int { return r.Written }

// Sums says how many things the run read and wrote.
func (r *Result) Sums() string { return fmt.Sprintf("%d read, %d written", r.Counts.Read, r.Written) }

// DrillKind describes restore drills.
var DrillKind = run.Description{
	Kind: run.Drill, Title: "Restore drill", Queue: run.BackupQueue,
	Empty:  func() run.Result { return &DrillResult{} },
	Member: "drill", Reports: "What differs; of a drill that has ended.",
	Words:   drillWords,
	Command: run.Command{Name: "backup drill", Archive: "--which archive", OfJob: true},
	Job:     &run.JobTerms{Calendar: true, Means: "restore the newest backup of a calendar beside it, compare, and remove what that made"},
}

// Wrote is 0: what a drill writes it removes again.
func (r *DrillResult) Wrote() int { return 0 }

// Sums says how many events the drill compared, and how many differ.
func (r *DrillResult) Sums() string {
	return fmt.Sprintf("%d compared, %s", r.Compared, run.Counted(r.Differing, "differs", "differ"))
}

func drillWords(r *run.Run, result run.Result) run.Words {
	res, _ := result.(*DrillResult)
	switch {
	case res != nil && res.Differing > 0:
		return run.Words{
			Title: phrase.New("drill.differ", phrase.N(res.Differing)), Text: phrase.Text{phrase.New("drill.differ.text")},
		}
	case r.Problem != nil && r.Problem.Code == fault.NotFound.String():
		return run.Words{
			Title: phrase.New("drill.nothing"), Text: phrase.Text{phrase.New("drill.nothing.text")}, Again: run.Backup,
		}
	}
	return run.Words{}
}
