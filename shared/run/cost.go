package run

import (
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// Cost is what the last attempt at a run asked of the store and of the calendars' provider.
type Cost struct {
	Store   int              `json:"store" doc:"Requests to the store."`
	Retries int              `json:"retries" doc:"Requests to the provider that were made again."`
	Traffic calendar.Traffic `json:"provider"`
}

// metered is a provider that counts what it sends.
type metered interface{ Stats() calendar.Traffic }

// CostOf sums up what an attempt asked of others; storing the result is one more request to the store. A provider that is given twice counts once.
func CostOf(table *store.Counter, patience *Patience, providers ...any) Cost {
	c := Cost{Store: table.Requests() + 1, Retries: patience.Retries}
	for i, p := range providers {
		if m, ok := p.(metered); ok && !slices.Contains(providers[:i], p) {
			c.Traffic.Add(m.Stats())
		}
	}
	return c
}
