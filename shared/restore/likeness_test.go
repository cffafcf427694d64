package restore_test

import (
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

func TestTwoChangesOfOneInstanceAreNotOne(t *testing.T) {
	w := newWorld(t)
	k := weekly()
	twice := k.Exceptions[0]
	twice.ID, twice.Subject = "another", "Changed otherwise"
	k.Exceptions = append(k.Exceptions, twice)
	w.file = memory{things: []calendar.Kept{k}}
	r, result := w.restore(restore.Skip)
	if _, entries := w.items(r); r.State != run.Partial || result.Counts.Failed != 1 || !strings.Contains(entries[0].Reason, "twice") {
		t.Errorf("%s %+v %+v", r.State, result, entries)
	}
}
