package run

import (
	"context"
	"testing"

	"adminassistant/shared/fault"
)

func TestARunKeepsTheFlagsThatItStartedWith(t *testing.T) {
	var saw []map[string]bool
	var s *shop
	s = newShop(t, func(ctx context.Context, r *Run) error {
		saw = append(saw, r.Flags)
		r.State = Running
		if err := s.Runs.Update(ctx, r); err != nil {
			return err
		}
		if len(saw) == 1 {
			return fault.New(fault.Unavailable, "down")
		}
		return s.Runs.Finish(ctx, r, Succeeded, s.now)
	})
	value := true
	s.Flags = func(_ context.Context, user string) map[string]bool {
		if user == "" {
			t.Error("asked for nobody")
		}
		return map[string]bool{"a.b": value}
	}
	s.start("1")
	if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
		t.Fatal("no error")
	}
	value = false // switched off between two workers
	s.now = s.now.Add(visibility)
	if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
		t.Fatal(err)
	}
	if len(saw) != 2 || !saw[0]["a.b"] || !saw[1]["a.b"] {
		t.Errorf("the workers saw %v", saw)
	}
}
