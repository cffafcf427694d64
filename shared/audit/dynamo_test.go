package audit

import (
	"net/http"
	"testing"

	"adminassistant/shared/awstest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/dynamo"
)

// TestDynamoDB has processes contend for one chain in DynamoDB, where transactions get into each other's way and answers are lost.
func TestDynamoDB(t *testing.T) {
	cfg := awstest.DynamoDB(t)
	name := awstest.Table(t, cfg, dynamo.Schema)
	w := newWorld(t)
	w.table = &store.Counter{Table: dynamo.New(cfg, name)}
	w.Log = w.another(w.table)
	cut := dynamo.New(awstest.Faults(t, cfg, func(_ *http.Request, attempt int) awstest.Answer { return awstest.Answer{Lost: attempt%5 == 1} }), name)
	logs := make([]*Log, 12)
	for i := range logs {
		logs[i] = w.another(w.table)
		if i%4 == 0 {
			logs[i] = w.another(cut)
		}
	}
	contend(t, w, logs, 4)

	if n, err := w.Erase(t.Context(), Entry{User: ana, Action: "user.erase", Outcome: OK}); err != nil || n != 48 {
		t.Errorf("erased %d, %v", n, err)
	}
	w.sound(ana, 49)
	if got := w.all(ana, Filter{From: monday.AddDate(0, 0, 1), To: monday.AddDate(0, 0, 2)}); len(got) != 0 {
		t.Errorf("%d records of tomorrow", len(got))
	}
	page, err := w.List(t.Context(), ana, Filter{Action: "run"}, 20, "")
	if err != nil || len(page.Records) != 20 || page.Next == "" {
		t.Errorf("%d records, next %q, %v", len(page.Records), page.Next, err)
	}
	w.remove(store.Key{PK: partition(ana), SK: page.Records[0].ID})
	if report := w.verify(ana); report.OK || report.Misfits[0].Problem != Missing {
		t.Errorf("got %+v", report)
	}
}
