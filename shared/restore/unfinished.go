package restore

import (
	"bytes"
	"context"
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// restoring is the note of a restore that writes a calendar. It is there from before the restore reads the calendar until it has ended and left
// nothing half written, so that no other restore decides by what this one is still changing. It is stored with the hold on the calendar.
type restoring struct {
	Run   string `json:"run"`
	Scope string `json:"scope"` // what its marks are derived from; see Settings
	// Begun are the things whose writing was begun and is not known to be done, by their keys.
	Begun map[string]Begun `json:"begun,omitempty"`

	unknown store.Unknown
}

// Begun is what is known of a thing whose writing was begun: a series that may lack some of what makes it differ from its rules, or what is
// to take the place of another event.
type Begun struct {
	// ChangeKey is that of the event of the thing's mark before it was written: while it is the same, nothing was. Empty: there was none.
	ChangeKey string `json:"change_key,omitempty"`
	// Replaces is the id of the event that goes once the thing is there.
	Replaces string `json:"replaces,omitempty"`
}

// mostBegun is how many things a note holds besides those that are just being written. Those beyond that are reported as failed by their run alone.
const mostBegun = 500

// restoringPrefix begins the notes of all restores into all calendars of a user.
const restoringPrefix = "RESTORING#"

func (a *attempt) restoringKey(id string) store.Key {
	return store.OfUser(a.run.User, restoringPrefix+a.target.uri.Provider+"#"+a.target.info.ID+"#"+id)
}

func (a *attempt) putNote() store.Op {
	data, err := a.note.unknown.Encode(a.note)
	if err != nil {
		panic(fmt.Sprintf("restore: %v", err)) // plain data
	}
	return store.Op{Put: &store.Item{Key: a.restoringKey(a.run.ID), Data: data}}
}

// closeNote is the operation that removes the note, or keeps it when something is half written.
func (a *attempt) closeNote() store.Op {
	if len(a.note.Begun) > 0 {
		return a.putNote()
	}
	key := a.restoringKey(a.run.ID)
	return store.Op{Delete: &key}
}

// other is another restore into the calendar.
type other struct {
	note restoring
	run  *run.Run // nil: it was erased
}

// ended says whether nothing more will come of it.
func (o *other) ended() bool { return o.run == nil || o.run.State.Ended() }

// others reads the notes of the restores into the calendar: the run's own, and those of others.
func (a *attempt) others(ctx context.Context) (others []other, err error) {
	items, err := store.All(ctx, a.Table, store.Query{PK: store.UserPartition(a.run.User), Prefix: a.restoringKey("").SK})
	if err != nil {
		return nil, fmt.Errorf("look for other restores: %w", err)
	}
	for _, item := range items {
		var o other
		if o.note.unknown, err = store.Decode(item.Data, &o.note); err != nil {
			return nil, fault.New(fault.Malformed, "the note of a restore is unreadable: %v", err)
		}
		if o.note.Run == a.run.ID {
			a.note = &o.note
			continue
		}
		if o.run, err = a.runs().Get(ctx, a.run.User, o.note.Run); err != nil && fault.Of(err) != fault.NotFound {
			return nil, err
		}
		others = append(others, o)
	}
	return others, nil
}

// join finds out which other restores into the calendar concern the run, and its scope. While one of them is under way, a run that is to write
// waits: ErrBusy. Otherwise it takes over what those of its scope left half written. Its note is stored with the next commit of the operations.
func (a *attempt) join(ctx context.Context) (ops []store.Op, err error) {
	if a.drill {
		return nil, nil
	}
	var others []other
	if !a.target.missing() {
		if others, err = a.others(ctx); err != nil {
			return nil, err
		}
	}
	joined := a.note != nil // by an earlier attempt; no other restore has begun since
	for i := range others {
		if o := &others[i]; !o.ended() && !joined {
			a.target.underWay = o.run.ID
		}
	}
	if a.target.underWay != "" && !a.run.Options.DryRun {
		return nil, a.await(ctx)
	}
	if a.progress.Scope == "" {
		if a.progress.Scope, err = a.scope(ctx, others); err != nil {
			return nil, err
		}
	}
	if joined {
		return nil, nil
	}
	a.note = &restoring{Run: a.run.ID, Scope: a.progress.Scope, Begun: map[string]Begun{}}
	for i := range others {
		if others[i].note.Scope != a.note.Scope {
			continue
		}
		for key, b := range others[i].note.Begun {
			if _, known := a.note.Begun[key]; !known && len(a.note.Begun) < mostBegun {
				a.note.Begun[key] = b
			}
		}
		gone := a.restoringKey(others[i].note.Run)
		ops = append(ops, store.Op{Delete: &gone})
	}
	if a.run.Options.DryRun {
		return nil, nil
	}
	return append(ops, a.putNote()), nil
}

// await stores that the run waits for another restore.
func (a *attempt) await(ctx context.Context) error {
	a.run.Progress = run.NewProgress("waiting", 0, 0)
	if err := a.result(); err != nil {
		return err
	}
	if err := a.hold.Commit(ctx); err != nil {
		return err
	}
	return run.ErrBusy
}

// scope is what the run's marks are derived from. A run that tries the failed items of another one again goes on with its marks. So does one that
// makes the same duplicates as another that stopped half way: it finishes them, and makes no copy beside half a copy.
func (a *attempt) scope(ctx context.Context, others []other) (string, error) {
	if a.run.AttemptOf != "" {
		first, err := loadProgress(ctx, a.Table, a.run.AttemptOf)
		if err != nil || first.Scope != "" {
			return first.Scope, err
		}
		return a.ownScope(a.run.AttemptOf), nil
	}
	for i := range others {
		if o := &others[i]; a.input.Policy == Duplicate && o.stopped() && o.sameAs(a.run) {
			return o.note.Scope, nil
		}
	}
	return a.ownScope(a.run.ID), nil
}

// ownScope is the scope of a run that goes on with nobody's marks.
func (a *attempt) ownScope(id string) string {
	if a.input.Policy == Duplicate {
		return "run#" + id
	}
	return "calendar#" + a.target.info.ID
}

// stopped says whether it did not get to its end, or not yet.
func (o *other) stopped() bool {
	return o.run != nil && (!o.run.State.Ended() || o.run.State == run.Failed || o.run.State == run.Cancelled)
}

// sameAs says whether the same was asked for.
func (o *other) sameAs(r *run.Run) bool {
	return o.run.From == r.From && o.run.To == r.To && bytes.Equal(o.run.Input, r.Input)
}

// begun is what the run finishes.
func (a *attempt) begun() map[string]Begun {
	if a.note == nil {
		return nil
	}
	return a.note.Begun
}

// intend notes those of the tasks that would be half written if this worker ended before they are done.
func (a *attempt) intend(ctx context.Context, tasks []*task) error {
	if a.note == nil {
		return nil
	}
	before := len(a.note.Begun)
	for _, t := range tasks {
		key := t.item.Key
		if _, known := a.note.Begun[key]; known || t.done || !t.steps() {
			continue
		}
		if a.note.Begun == nil {
			a.note.Begun = map[string]Begun{}
		}
		b := Begun{ChangeKey: t.item.ChangeKey}
		if t.item.Switch && !t.item.Ours {
			b.Replaces = t.item.Existing
		}
		a.note.Begun[key], t.intended = b, true
	}
	if len(a.note.Begun) == before {
		return nil
	}
	return a.commit(ctx, a.putNote())
}

// written returns the operations that note which of the tasks are no longer half written.
func (a *attempt) written(tasks []*task) []store.Op {
	if a.note == nil || len(a.note.Begun) == 0 || a.run.Options.DryRun {
		return nil
	}
	before := len(a.note.Begun)
	for _, t := range tasks {
		if t.whole() {
			delete(a.note.Begun, t.item.Key)
		}
	}
	for _, t := range tasks {
		if len(a.note.Begun) > mostBegun {
			delete(a.note.Begun, t.item.Key) // it has failed, as its item says
		}
	}
	if len(a.note.Begun) == before {
		return nil
	}
	return []store.Op{a.putNote()}
}

// steps says whether writing the task needs several steps, between which it is half written.
func (t *task) steps() bool {
	k := &t.kept
	return t.item.Switch && !t.item.Ours || k.Event.Type == calendar.Master &&
		(len(k.Exceptions) > 0 || k.Event.Recurrence != nil && len(k.Event.Recurrence.Without) > 0)
}

// whole says whether the calendar is known to have all of the task, or nothing of it through this run.
func (t *task) whole() bool {
	switch t.outcome() {
	case Created, Replaced, Skipped:
		return true
	case Failed:
		return t.intended && !t.begun
	}
	return false
}
