package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"adminassistant/shared/store"
)

// MaxWrite is the largest number of entries that Write takes, so that they, their places and the caller's own operations fit into
// one transaction.
const MaxWrite = 45

// Write puts entries, new ones or such as were read before, and the caller's own operations into one transaction. places must
// cover the lineages of new entries; it is brought up to date, as the entries are. Nothing is written when anything changed
// since it was read (store.ErrConflict), or when a condition of the caller's operations does not hold.
func (l *Ledger) Write(ctx context.Context, places *Places, entries []*Entry, own ...store.Op) error {
	if len(entries) > MaxWrite {
		return fmt.Errorf("ledger: %d entries in one write, the most is %d", len(entries), MaxWrite)
	}
	places.init()
	ops := slices.Clone(own)
	leaves := make([][sha256.Size]byte, len(entries))
	touched := map[string][]place{}
	var order []string
	for i, e := range entries {
		stored, err := l.offload(ctx, *e)
		if err != nil {
			return err
		}
		cond := store.VersionIs(e.stored)
		unknown := e.unknown
		if e.stored == 0 {
			cond, unknown = store.Absent(), store.Unknown{}
			sk := "KEY#" + part(e.Lineage)
			if touched[sk] == nil {
				touched[sk] = slices.Clone(places.of[sk])
				order = append(order, sk)
			}
			touched[sk] = append(touched[sk], place{Key: e.Key, Version: e.Version, Start: e.Appointment.Start})
			e.Blobs = stored.Blobs
		}
		data := encode(unknown, stored)
		leaves[i] = leafHash(data)
		ops = append(ops, store.Op{Put: &store.Item{Key: e.key(), Data: data}, If: cond})
	}
	for _, sk := range order {
		cond := store.VersionIs(places.stored[sk])
		if places.stored[sk] == 0 {
			cond = store.Absent()
		}
		item := &store.Item{Key: store.Key{PK: partition(entries[0].Config), SK: sk}, Data: encode(places.unknown[sk], touched[sk])}
		ops = append(ops, store.Op{Put: item, If: cond})
	}
	if err := l.table.Transact(ctx, ops); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	for i, e := range entries {
		e.stored++
		e.leaf = leaves[i]
	}
	for sk, of := range touched {
		places.of[sk] = of
		places.stored[sk]++
	}
	return nil
}

// Opened returns the operation that notes in the head that a run has entries which are not sealed yet; it is part of the
// transaction that writes the first of them. The head changes when Stored is called after that.
func (h *Head) Opened(config, run string, r Span) store.Op {
	next := *h
	next.Open, next.OpenFrom, next.OpenTo, next.opened = run, r.From, r.To, nil
	h.opened = &next
	return next.put(config)
}

// Stored notes that the transaction which the operation of Opened was part of went through.
func (h *Head) Stored() {
	*h = *h.opened
	h.stored++
}
