package restore

import (
	"context"
	"errors"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// progress is how far a run is: what whoever carries it on has to know.
type progress struct {
	// Scope is what the run's marks are derived from; see Settings.
	Scope string `json:"scope"`
	// Calendar is the id of the calendar that the run writes; empty: it is not known yet, or not there in a dry run.
	Calendar string `json:"calendar,omitempty"`
	// Made says that the calendar was not there before the run.
	Made bool `json:"made,omitempty"`
	// Planned says that the plan is stored, and what it replaces, so that the run may write.
	Planned bool `json:"planned,omitempty"`
	// Total is how many things the file holds, and Done how many of them, in the order of the file, are dealt with.
	Total int `json:"total"`
	Done  int `json:"done"`

	Counts  Counts `json:"counts"`
	Written int    `json:"written"`
	Failed  int    `json:"failed"` // items with a problem
	// Late counts the attempts that ended while they were still reading.
	Late int `json:"late,omitempty"`
	// Drill is how far a drill is beyond that.
	Drill *drillProgress `json:"drill,omitempty"`
	// Undo is what an undo has come to.
	Undo *undoProgress `json:"undo,omitempty"`

	version int64
	unknown store.Unknown
}

func progressKey(run string) store.Key { return store.Key{PK: "RUN#" + run, SK: "RESTORE"} }

// loadProgress returns how far a run is; the zero progress if it has not begun.
func loadProgress(ctx context.Context, t store.Table, run string) (progress, error) {
	var p progress
	item, err := t.Get(ctx, progressKey(run))
	if errors.Is(err, store.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read how far run %s is: %w", run, err)
	}
	if p.unknown, err = store.Decode(item.Data, &p); err != nil {
		return p, fault.New(fault.Malformed, "how far run %s is cannot be read: %v", run, err)
	}
	p.version = item.Version
	return p, nil
}

// put is the operation that stores the progress if nobody else stored another; call stored after it went through.
func (p *progress) put(run string) store.Op {
	data, err := p.unknown.Encode(p)
	if err != nil {
		panic(fmt.Sprintf("restore: %v", err)) // plain data
	}
	cond := store.VersionIs(p.version)
	if p.version == 0 {
		cond = store.Absent()
	}
	return store.Op{Put: &store.Item{Key: progressKey(run), Data: data}, If: cond}
}

func (p *progress) stored() { p.version++ }
