package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// forgetful is a table that takes one record of the audit log and no more.
type forgetful struct {
	store.Table
	records int
}

func (f *forgetful) Transact(ctx context.Context, ops []store.Op) error {
	for _, op := range ops {
		if op.Put == nil || !strings.HasPrefix(op.Put.PK, "AUDIT#") {
			continue
		}
		if f.records++; f.records > 1 {
			return errors.New("no permission")
		}
		break
	}
	return f.Table.Transact(ctx, ops)
}

func TestALostAuditRecordIsCounted(t *testing.T) {
	o, counts := openOne(t), &heard{}
	o.metrics = telemetry.NewMetrics(counts, "dev", time.Now)
	o.table = &forgetful{Table: o.table}
	o.keeper = testKeeper()
	o.connect(fromSettings(o.settings))
	o.api = o.system.api(asNamed)
	o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	if text := counts.String(); strings.Count(text, `"AuditRecordsLost":1`) != 1 {
		t.Errorf("counted %s", text)
	}
}

// TestEveryKindOfRunIsCarriedOut holds the table of kinds against what else the system is made of.
func TestEveryKindOfRunIsCarriedOut(t *testing.T) {
	o := openOne(t)
	carried := map[run.Kind]bool{}
	for _, name := range run.QueueNames {
		if o.queues()[name] == nil || o.starters()[name] == nil || o.starters()[name].Queue != o.queues()[name] {
			t.Errorf("nobody starts what goes to the queue %s", name)
		}
		w := o.worker(name, time.Second, time.Minute)
		if w.Queue != o.queues()[name] {
			t.Errorf("nobody works off the queue %s", name)
		}
		for kind, handler := range w.Handlers {
			if handler == nil || Kinds[kind].Queue != name || carried[kind] {
				t.Errorf("%s is carried out by %v at the queue %s", kind, handler, name)
			}
			carried[kind] = true
		}
	}
	for _, kind := range []run.Kind{run.Archive, run.Backup, run.Restore, run.Drill, run.Undo} {
		if !carried[kind] {
			t.Errorf("nobody carries out runs of kind %s", kind)
		}
	}
	if len(carried) != len(Kinds) {
		t.Errorf("carried out are %v", carried)
	}
	for kind, d := range Kinds {
		if k, ok := o.jobKinds()[kind]; ok != (d.Job != nil) || ok && k.Queue != o.queues()[d.Queue] {
			t.Errorf("jobs start runs of kind %s: %t", kind, ok)
		}
	}
}

// TestADrillThatIsCancelledLeavesNoScratchCalendar shows that a worker lets the handler of a run clean up, wherever the run was ended.
func TestADrillThatIsCancelledLeavesNoScratchCalendar(t *testing.T) {
	o := openOne(t)
	o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	id := o.do("ann", "POST", "/v1/backups/drills", `{"calendar": "local://ann/calendars/Work"}`, "id")
	scratch := store.Key{PK: "USER#tenant#ann", SK: "SCRATCH#" + id}
	_, err := o.table.Put(t.Context(), store.Item{Key: scratch, Data: []byte(`{"provider": "local", "account": "ann"}`)}, store.Any()) // an attempt died
	must(t, err)
	o.do("ann", "POST", "/v1/runs/"+id+"/cancel", "", "id")
	if _, err := o.table.Get(t.Context(), scratch); err != nil {
		t.Fatal(err)
	}
	o.work()
	if _, err := o.table.Get(t.Context(), scratch); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the worker saw its end: %v", err)
	}
}

// testKeeper seals with a master key that all installations of these tests share, since some have several processes. Its file is gone.
var testKeeper = sync.OnceValue(func() secret.Keeper {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	master, err := keyfile.Open(filepath.Join(folder, "master.key"))
	if err != nil {
		panic(err)
	}
	return secret.New(master, time.Now, secret.Limits{})
})
