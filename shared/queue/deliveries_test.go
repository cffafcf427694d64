package queue

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPausesGrow(t *testing.T) {
	d := &Deliveries{FirstPause: 15 * time.Second}
	var got []time.Duration
	for receives := range MaxReceives + 2 {
		got = append(got, d.pause(receives))
	}
	want := []time.Duration{15 * time.Second, 15 * time.Second, time.Minute, 4 * time.Minute, 16 * time.Minute, time.Hour, time.Hour}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
