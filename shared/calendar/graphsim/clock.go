package graphsim

import (
	"context"
	"time"

	"adminassistant/shared/pause"
)

// Clock gives the time and lets it pass. A test that wants no real waiting brings its own.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or when ctx ends.
	Sleep(ctx context.Context, d time.Duration)
}

// wallClock is the machine's.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	_ = pause.For(ctx, d) // whoever waits looks at ctx
}
