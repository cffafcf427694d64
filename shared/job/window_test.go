package job

import (
	"testing"
	"time"
)

func TestAWindowOfOneDayIsYesterday(t *testing.T) {
	w := newWorld(t, evening)
	w.job(w.config("A"), daily("23:00", "Europe/Berlin"), func(j *Job) { j.Window.Days = 1 })
	w.Advance(time.Hour)
	w.tick()
	if r := w.runs()[0]; r.From.String() != "2026-10-04" || r.To != r.From {
		t.Errorf("from %v to %v", r.From, r.To)
	}
}
