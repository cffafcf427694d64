package archive

import (
	"context"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

// books is the ledger's side of an attempt: what the ledger says, and what the attempt adds to it.
type books struct {
	ledger *ledger.Ledger
	config string
	head   ledger.Head
	places ledger.Places
	newest map[string]*ledger.Entry // by key: the newest version that is done
	failed map[string]*ledger.Entry // by key: the newest version that failed
	copied map[string]bool          // the ids of the copies of all versions
	added  []*ledger.Entry          // what the run wrote, to be sealed
}

// remember keeps the newest version of each key. It returns how many keys are new that matter to plans, see stands.
func (b *books) remember(entries []ledger.Entry) (news int) {
	for i := range entries {
		e := &entries[i]
		if f := b.failed[e.Key]; e.State == ledger.Failed && (f == nil || f.Version < e.Version) {
			b.failed[e.Key] = e
		}
		if e.State != ledger.Done || e.Outcome == ledger.Moved {
			continue
		}
		b.copied[e.CopyID] = true
		known := b.newest[e.Key]
		if known == nil || known.Version < e.Version {
			b.newest[e.Key] = e
		}
		if known == nil && stands(e) {
			news++
		}
	}
	return news
}

// refused returns the newest version of the key whose copy the archive calendar refused to create, nil if a later version is done.
func (b *books) refused(key string) *ledger.Entry {
	f, done := b.failed[key], b.newest[key]
	if f == nil || f.Replaces != "" || done != nil && done.Version > f.Version {
		return nil
	}
	return f
}

// learn remembers the versions that the attempt wrote.
func (b *books) learn(entries []*ledger.Entry) {
	for _, e := range entries {
		if e.State == ledger.Done && e.Outcome != ledger.Moved {
			b.newest[e.Key] = e
		}
	}
}

// stands says whether plans start from the entry: it is archived, or the user decided to keep it out.
func stands(e *ledger.Entry) bool {
	return e.Outcome == ledger.Archived || e.Outcome == ledger.Declined || e.Outcome == ledger.Withdrawn
}

// standing returns what plans start from, by key.
func (b *books) standing() []Standing {
	standing := make([]Standing, 0, len(b.newest))
	for _, e := range b.newest {
		if stands(e) || e.Outcome == ledger.Conflicted {
			standing = append(standing, Standing{
				Key: e.Key, Lineage: e.Lineage, SourceHash: e.SourceHash, Outcome: e.Outcome, Decision: e.Decision, EventID: e.Source.ID,
				Appointment: e.Appointment, Source: &e.Source,
			})
		}
	}
	slices.SortFunc(standing, func(a, b Standing) int { return strings.Compare(a.Key, b.Key) })
	return standing
}

// archived returns what the archive has, by key, as far as the ledger was read.
func (b *books) archived() map[string]*calendar.Appointment {
	archived := map[string]*calendar.Appointment{}
	for key, e := range b.newest {
		if e.Outcome == ledger.Archived {
			archived[key] = &e.Appointment
		}
	}
	return archived
}

// copies returns the ids of the copies that the ledger wrote, as far as it was read. One that somebody moved away stays ours when another one stands for
// it in the archive calendar.
func (b *books) copies() map[string]bool {
	delete(b.copied, "") // of versions that have none
	return b.copied
}

// heldIn is how many appointments of the window the archive holds, but for those on days that cannot be read.
func (b *books) heldIn(w calendar.Window, unread *calendar.Unread) (n int) {
	for _, e := range b.newest {
		if start := e.Appointment.Start; e.Outcome == ledger.Archived && w.Contains(start) && (unread == nil || !unread.Has(start)) {
			n++
		}
	}
	return n
}

// find reads what the ledger has under lineages, on whatever day, and remembers it. It returns how many keys are new that matter to plans.
func (b *books) find(ctx context.Context, lineages []string) (news int, err error) {
	places, err := b.ledger.Find(ctx, b.config, lineages)
	if err != nil {
		return 0, err
	}
	entries, err := b.ledger.Entries(ctx, b.config, places)
	if err != nil {
		return 0, err
	}
	b.places.Add(places)
	return b.remember(entries), nil
}

// leftOpen returns all entries of the run that the head says is open, and those among them of which it is unknown whether the calendar shows
// them.
func (b *books) leftOpen(ctx context.Context) (all, open []*ledger.Entry, err error) {
	if all, err = b.ledger.Unsealed(ctx, b.config, &b.head); err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if e.State == ledger.Intended {
			open = append(open, e)
		}
	}
	return all, open, nil
}
