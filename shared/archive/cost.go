package archive

import "adminassistant/shared/calendar"

// cost sums up what the attempt asked of others; storing the result is one more request to the store.
func (x *execution) cost() Cost {
	c := Cost{Store: x.table.Requests() + 1, Retries: x.patience.Retries}
	for i, p := range []calendar.Provider{x.source, x.target} {
		m, ok := p.(metered)
		if !ok || i == 1 && x.target == x.source {
			continue
		}
		t := m.Stats()
		c.Traffic.Requests += t.Requests
		c.Traffic.SubRequests += t.SubRequests
		c.Traffic.Up += t.Up
		c.Traffic.Down += t.Down
		c.Traffic.Throttled += t.Throttled
	}
	return c
}
