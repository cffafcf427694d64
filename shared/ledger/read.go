package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/store"
)

// AsOf returns the entries whose time overlaps or starts in the span, as the ledger had them at that instant: of each key the
// newest version of then, in order of start and key. A zero instant means now.
func (l *Ledger) AsOf(ctx context.Context, config string, span Span, at time.Time) ([]Entry, error) {
	head, err := l.Head(ctx, config)
	if err != nil {
		return nil, err
	}
	entries, err := l.Range(ctx, config, span.From.Add(-head.Longest), span.To)
	if err != nil {
		return nil, err
	}
	entries = Newest(slices.DeleteFunc(entries, func(e Entry) bool { return e.State != Done || !at.IsZero() && e.Time.After(at) }))
	return slices.DeleteFunc(entries, func(e Entry) bool {
		a := &e.Appointment
		return e.Outcome == Moved || a.Start.Before(span.From) && !a.End.After(span.From)
	}), nil
}

// History returns every version under a source key, the oldest first.
func (l *Ledger) History(ctx context.Context, config, key string) ([]Entry, error) {
	lineages := []string{key}
	if i := strings.LastIndexByte(key, '@'); i > 0 {
		lineages = append(lineages, key[:i])
	}
	places, err := l.Find(ctx, config, lineages)
	if err != nil {
		return nil, err
	}
	var keys []store.Key
	for _, of := range places.of {
		for _, p := range of {
			if p.Key == key {
				e := Entry{Config: config, Key: p.Key, Version: p.Version}
				e.Appointment.Start = p.Start
				keys = append(keys, e.key())
			}
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	items, err := l.table.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	entries, err := decode(items)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Version-b.Version, a.Time.Compare(b.Time), strings.Compare(string(a.Outcome), string(b.Outcome)))
	})
	return entries, nil
}
