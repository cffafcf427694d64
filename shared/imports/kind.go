package imports

import (
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/run"
)

// RunKind describes import runs.
var RunKind = run.Description{
	Kind: run.Import, Title: "Import", Queue: run.BackupQueue,
	Empty:  func() run.Result { return &Result{} },
	Member: "import", Reports: "What became of the events of the file; the run's items name them.",
	Words: run.AsAnyRun, Undo: run.UndoneImport,
}

// Result is what an import run reports: the sums of importing.Report.
type Result struct {
	Total     int `json:"total" doc:"Events in the file, a series and each of its changed instances as one."`
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Older     int `json:"older" doc:"Events of which the calendar has a newer revision, which stays."`
	Excluded  int `json:"excluded" doc:"Changes of instances that their series leaves out, which are no events."`
	SetAside  int `json:"set_aside" doc:"Events that could not be imported."`
	Removed   int `json:"removed" doc:"What is gone from the calendar: changed instances; of a mirror also what the file lacks."`
}

func newResult(r importing.Report) Result {
	return Result{
		Total: r.Total, Added: r.Added, Changed: r.Changed, Unchanged: r.Unchanged, Older: r.Older, Excluded: r.Excluded, SetAside: r.SetAside,
		Removed: r.Removed,
	}
}

// Report is the result with the words that there are for it, without the events.
func (r *Result) Report() importing.Report {
	return importing.Report{
		Total: r.Total, Added: r.Added, Changed: r.Changed, Unchanged: r.Unchanged, Older: r.Older, Excluded: r.Excluded, SetAside: r.SetAside,
		Removed: r.Removed,
	}
}

// Wrote is how many events are not as they were.
func (r *Result) Wrote() int { return r.Added + r.Changed + r.Removed }

// Sums says what became of the file's events.
func (r *Result) Sums() string { return r.Report().String() }
