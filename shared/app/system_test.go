package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

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
	o.connect(fromSettings(o.settings))
	o.api = o.system.api(asNamed)
	o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	if text := counts.String(); strings.Count(text, `"AuditRecordsLost":1`) != 1 {
		t.Errorf("counted %s", text)
	}
}
