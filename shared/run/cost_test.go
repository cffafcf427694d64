package run

import (
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

type counting struct{ traffic calendar.Traffic }

func (c *counting) Stats() calendar.Traffic { return c.traffic }

func TestAProviderOfTwoCalendarsCostsOnce(t *testing.T) {
	one, two := &counting{calendar.Traffic{Requests: 1, SubRequests: 2, Up: 3, Down: 4, Throttled: 5}},
		&counting{calendar.Traffic{Requests: 10, SubRequests: 20, Up: 30, Down: 40, Throttled: 50}}
	for _, c := range []struct {
		name      string
		providers []any
		want      calendar.Traffic
	}{
		{"one", []any{one}, one.traffic},
		{"one twice", []any{one, one}, one.traffic},
		{"two", []any{one, two}, calendar.Traffic{Requests: 11, SubRequests: 22, Up: 33, Down: 44, Throttled: 55}},
		{"one that does not count", []any{struct{}{}, two}, two.traffic},
	} {
		if got, want := CostOf(&store.Counter{}, &Patience{Retries: 7}, c.providers...), (Cost{Store: 1, Retries: 7, Traffic: c.want}); got != want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, want)
		}
	}
}
