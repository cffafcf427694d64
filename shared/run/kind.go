package run

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/telemetry"
)

// Description is all that others have to know of a kind of run: who starts runs, shows them and writes notices of them. How they are carried
// out is its Handler's.
type Description struct {
	Kind  Kind
	Title string // begins what a user is told of a run: "Restore drill"
	Queue QueueName
	// Empty returns a pointer to a result with nothing in it, for Run.Result to be read into.
	Empty func() Result
	// Member is the name of the result in the API, and Reports says there what it is.
	Member, Reports string
	// Words say how a run ended; result is nil where it has none. AsAnyRun says nothing particular.
	Words func(r *Run, result Result) Words
	// Actions are the kinds of actions that Words raise. The next run of the same kind and scope that succeeds resolves them.
	Actions []string
	Command Command
	// Retries says that another run, an attempt of this one, can repeat its failed items.
	Retries bool
	// Undo is who undoes its runs; empty: they write nothing that could be undone. That of an undo is who undid the run that it is about.
	Undo Undoing
	// Counts is the metric that what it wrote is counted by; empty: that is not counted.
	Counts telemetry.Metric
	// Job is which settings jobs that start such runs may have; nil: no job starts any.
	Job *JobTerms
}

// Undoing names who undoes runs.
type Undoing string

const (
	UndoneInLedger   Undoing = "ledger"  // of a config: versions of its ledger, and their copies
	UndoneInCalendar Undoing = "restore" // of a calendar: what the run kept of it
	UndoneImport     Undoing = "import"  // of a calendar of our own: what a file changed in it
)

// QueueName names the queue to whose workers runs go.
type QueueName string

const (
	ArchiveQueue QueueName = "archive"
	BackupQueue  QueueName = "backup"
)

// QueueNames are those that there are.
var QueueNames = []QueueName{ArchiveQueue, BackupQueue}

// Result is what a run reports. The JSON of it is Run.Result.
type Result interface {
	// Wrote is how many events the run wrote to a calendar.
	Wrote() int
	// Sums says in a few words what the run came to, for lists of runs.
	Sums() string
}

// Counted is a number of things, with the word for one or for several: "1 run", "2 runs".
func Counted(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// Words tell a user how a run ended. What is left empty is told as of a run of any kind.
type Words struct {
	// Title goes on after the run's own: ": 2 events differ". Text says what happened and what is safe; see Safe.
	Title phrase.Phrase
	Text  phrase.Text
	// Action is the kind of the action that the run raises, one of Description.Actions. With it a run has not gone well, whatever its state.
	Action string
	// Again is the kind of the run that helps, and Flags are what its command needs. Empty, beside a Text: the user is shown the run.
	Again Kind
	Flags []string
	// Complete says that nothing is left to be done, though the run did not succeed. Known says that it found nothing that its user was not told before, so
	// that of a job's run nothing is told.
	Complete, Known bool
	// Asks says what the run is the first to ask the user, and goes on after the run's title when it succeeded or is complete; AsksText says more. Empty:
	// nothing.
	Asks     phrase.Phrase
	AsksText phrase.Text
	// Waits goes on after the title of a run that went well and asks nothing new: what still waits for the user.
	Waits phrase.Phrase
}

// AsAnyRun are the words of kinds that have none of their own.
func AsAnyRun(*Run, Result) Words { return Words{} }

// Safe says what every failure leaves as it is.
var Safe = phrase.New("safe")

// FoundOtherwise is told of runs whose result says by what else a calendar was found; see calendar.Named.
var FoundOtherwise = phrase.New("found.otherwise")

// Command is how the command line starts a run of a config.
type Command struct {
	Name string // "backup run"; empty: there is none that does without naming a calendar
	// Archive is the flag that says that the config's archive calendar is meant, where it has to be said.
	Archive string
	// OfJob says that only a job can repeat its run: a command has no words for all of it.
	OfJob bool
}

// JobTerms are the settings that jobs of a kind may have besides their config and their schedule.
type JobTerms struct {
	Days      bool // how many days their runs cover
	Calendar  bool // which of the config's calendars they are about
	Retention bool // which backups stay
	// GoesOn says that without days a run goes on where the last one ended; else it is of all days that there are.
	GoesOn bool
	// Without says in words which days these are; empty: it need not be said.
	Without string
	// Means explains the kind's name to who creates a job; empty: it explains itself.
	Means string
}

// Kinds are the kinds of runs that there are.
type Kinds map[Kind]Description

// NewKinds returns the kinds that are described. A description that says too little, or is the second of its kind, is an error which
// names the kind and what is missing.
func NewKinds(descriptions ...Description) (Kinds, error) {
	kinds := Kinds{}
	for _, d := range descriptions {
		for _, part := range []struct {
			name  string
			given bool
		}{
			{"kind", d.Kind != ""}, {"title", d.Title != ""}, {"queue", slices.Contains(QueueNames, d.Queue)},
			{"empty result", d.Empty != nil && json.Unmarshal([]byte("{}"), d.Empty()) == nil},
			{"member", d.Member != ""}, {"what it reports", d.Reports != ""}, {"words", d.Words != nil},
		} {
			if !part.given {
				return nil, fmt.Errorf("run kind %q (%q) is not described: %s", d.Kind, d.Title, part.name)
			}
		}
		for kind, other := range kinds {
			if kind == d.Kind || other.Member == d.Member {
				return nil, fmt.Errorf("run kind %q (%q) is like kind %q", d.Kind, d.Title, kind)
			}
		}
		kinds[d.Kind] = d
	}
	return kinds, nil
}

// MustKinds is NewKinds for kinds that a program cannot do without.
func MustKinds(descriptions ...Description) Kinds {
	kinds, err := NewKinds(descriptions...)
	if err != nil {
		panic(err)
	}
	return kinds
}

// Of describes a kind. One that is not there, as after a newer version was here, is described as any run.
func (k Kinds) Of(kind Kind) Description {
	d, ok := k[kind]
	if !ok {
		d = Description{Kind: kind, Title: "Run", Words: AsAnyRun}
	}
	return d
}

// Names are the kinds by their names, in order.
func (k Kinds) Names() []Kind { return slices.Sorted(maps.Keys(k)) }

// ForJobs are the kinds of which jobs start runs, in order.
func (k Kinds) ForJobs() []Kind {
	return slices.DeleteFunc(k.Names(), func(kind Kind) bool { return k[kind].Job == nil })
}

// Result returns what the run reports; nil if it has no result yet, or its kind is not there. One that is unreadable is of kind
// fault.Malformed.
func (k Kinds) Result(r *Run) (Result, error) {
	d, ok := k[r.Kind]
	if !ok || len(r.Result) == 0 {
		return nil, nil
	}
	result := d.Empty()
	if err := json.Unmarshal(r.Result, result); err != nil {
		return nil, fault.New(fault.Malformed, "the result of run %s is unreadable: %v", r.ID, err)
	}
	return result, nil
}

// Window is the days of the run's window, for a phrase.
func (r *Run) Window() phrase.Value { return phrase.Between(r.From, r.To) }

// Days are those of the run's window, in words.
func (r *Run) Days() string {
	switch {
	case r.From == (calendar.Date{}) && r.To == (calendar.Date{}):
		return "all days"
	case r.From == r.To:
		return r.From.String()
	}
	return r.From.String() + " to " + r.To.String()
}
