package proof_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"adminassistant/shared/audit"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

func TestTimesheetsAreComparedWithTheLinksThatLockThem(t *testing.T) {
	h := lived(t)
	h.meet()
	h.runTo(run.Archive)
	head, err := h.ledger().Head(t.Context(), h.config.ID)
	must(t, err)
	const hash = "sha256:0123"
	found, err := h.table.GetMany(t.Context(), []store.Key{audit.HeadKey(user)})
	must(t, err)
	var end ledger.AuditHead
	end.Seq, end.Hash, err = audit.HeadOf(user, found)
	must(t, err)
	days := ledger.Days{From: calendar.Date{Year: 2026, Month: 10, Day: 1}, To: calendar.Date{Year: 2026, Month: 10, Day: 31}}
	ending := ledger.Ending{Run: "SHEET1", Sheet: hash, Time: h.Now(), Audit: end}
	must(t, h.ledger().LockSheet(t.Context(), h.config.ID, &head, []string{"Acme"}, days, ending, func(*ledger.Sealing) ([]store.Op, error) { return nil, nil }))

	for name, tt := range map[string]struct {
		kept map[string]string
		want string
	}{
		"as it was locked": {map[string]string{"SHEET1": hash}, ""},
		"gone":             {map[string]string{}, "the timesheet is missing"},
		"another one":      {map[string]string{"SHEET1": "sha256:4567"}, "is not the one that the link locks"},
		"one more":         {map[string]string{"SHEET1": hash, "SHEET2": hash}, "no link has it"},
	} {
		v := h.verifier()
		v.Sheets = func(context.Context, string, string) (map[string]string, error) { return maps.Clone(tt.kept), nil }
		report, err := v.Verify(t.Context(), user, h.config.ID, nil)
		must(t, err)
		if report.OK != (tt.want == "") || tt.want != "" && !strings.Contains(report.First.Problem, tt.want) {
			t.Errorf("%s: got %+v, %+v", name, report.OK, report.First)
		}
	}

	doc, unsealed, err := proof.ProveSheet(t.Context(), h.ledger(), h.key, h.config.ID, hash, head.Seq, h.october())
	must(t, err)
	checked, err := doc.Check("")
	must(t, err)
	if unsealed != 0 || len(checked.Sheets) != 1 || checked.Sheets[head.Seq] != hash {
		t.Errorf("got %v, %d unsealed", checked.Sheets, unsealed)
	}
	for sheet, link := range map[string]int{"sha256:none": head.Seq, "": head.Seq, hash: head.Seq - 1} {
		if _, _, err := proof.ProveSheet(t.Context(), h.ledger(), h.key, h.config.ID, sheet, link, nil); fault.Of(err) != fault.NotFound {
			t.Errorf("%q by link %d: %v", sheet, link, err)
		}
	}
}
