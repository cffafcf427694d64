package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// AsOf returns the entries whose time overlaps or starts in the span, as the ledger had them at that instant: of each key the
// newest version of then, in order of start (to the second) and key. A zero instant means now. What is moving stands at its old
// place until the archive calendar shows it at the new one.
func (l *Ledger) AsOf(ctx context.Context, config string, span Span, at time.Time) ([]Entry, error) {
	head, err := l.Head(ctx, config)
	if err != nil {
		return nil, err
	}
	from := span.From.Add(-head.Longest)
	if head.Open != "" && head.OpenFrom.Before(from) { // the longest does not count what is not sealed
		from = head.OpenFrom
	}
	entries, err := l.Range(ctx, config, from, span.To)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.State != Done || !at.IsZero() && e.Time.After(at) })
	arrived, err := l.arrived(ctx, config, entries)
	if err != nil {
		return nil, err
	}
	entries = Newest(slices.DeleteFunc(entries, func(e Entry) bool { return e.Outcome == Moved && !arrived[version{e.Key, e.Version}] }))
	return slices.DeleteFunc(entries, func(e Entry) bool {
		a := &e.Appointment
		return e.Outcome == Moved || a.Start.Before(span.From) && !a.End.After(span.From)
	}), nil
}

// version names one version under a key, wherever it is.
type version struct {
	key    string
	number int
}

// arrived returns which of the versions that notes among the entries say to have moved do stand elsewhere. Only those that are not among the entries
// are looked for.
func (l *Ledger) arrived(ctx context.Context, config string, entries []Entry) (map[version]bool, error) {
	arrived, moved := map[version]bool{}, map[version]bool{}
	for i := range entries {
		if e := &entries[i]; e.Outcome != Moved { // all are done
			arrived[version{e.Key, e.Version}] = true
		}
	}
	var lineages []string
	for i := range entries {
		if e := &entries[i]; e.Outcome == Moved && !arrived[version{e.Key, e.Version}] {
			moved[version{e.Key, e.Version}] = true
			lineages = append(lineages, e.Lineage)
		}
	}
	places, err := l.Find(ctx, config, lineages)
	if err != nil {
		return nil, err
	}
	there, err := l.at(ctx, config, places, func(p place) bool { return moved[version{p.Key, p.Version}] })
	if err != nil {
		return nil, err
	}
	for i := range there {
		if e := &there[i]; e.Outcome != Moved && e.State == Done {
			arrived[version{e.Key, e.Version}] = true
		}
	}
	return arrived, nil
}

// Version names one version of a key, and the start under which the ledger has it.
type Version struct {
	Key     string    `json:"key"`
	Version int       `json:"version"`
	Start   time.Time `json:"start"`
}

// Place is where the ledger has the entry.
func (e *Entry) Place() Version { return Version{e.Key, e.Version, e.Appointment.Start} }

// Pick returns the versions that are named, in no particular order. Those that the ledger does not have are left out.
func (l *Ledger) Pick(ctx context.Context, config string, wanted []Version) ([]Entry, error) {
	places := Places{of: map[string][]place{}}
	for _, w := range wanted {
		places.of[""] = append(places.of[""], place(w))
	}
	return l.at(ctx, config, places, func(place) bool { return true })
}

// Now returns, of every key of which the links after seq sealed a version that is wanted, the newest version that stands, by key. Wanted is told the start of
// a version and the number of its link. Whatever has another outcome than Archived stands no longer, and keys of which nothing stands have nil. It costs
// four requests to the store, and more where very much changed.
func (l *Ledger) Now(ctx context.Context, config string, seq int, wanted func(start time.Time, seq int) bool) (map[string]*Entry, error) {
	changed := map[string]*Entry{}
	var keys []store.Key
	from := fmt.Sprintf("%s%08d", chainPrefix, seq+1)
	err := l.eachPage(ctx, store.Query{PK: partition(config), From: from, To: afterChain}, func(items []store.Item) error {
		for _, item := range items {
			var p linkPart
			var seq int
			if _, err := fmt.Sscanf(item.SK, chainPrefix+"%d#", &seq); err != nil || json.Unmarshal(item.Data, &p) != nil {
				return damaged("%s is unreadable", item.SK)
			}
			for _, lf := range p.Leaves {
				start, err := time.Parse(startFormat, lf.SK[:min(len(lf.SK), len(startFormat))])
				if err != nil {
					return damaged("%s has an entry without a start", item.SK)
				}
				if wanted(start, seq) {
					keys = append(keys, store.Key{PK: partition(config), SK: lf.SK})
				}
			}
		}
		return nil
	})
	if err != nil || len(keys) == 0 {
		return changed, err
	}
	items, err := l.table.GetMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	sealed, err := decode(items)
	if err != nil {
		return nil, err
	}
	var lineages []string
	seen := map[string]bool{}
	for i := range sealed {
		changed[sealed[i].Key] = nil
		if lineage := sealed[i].Lineage; !seen[lineage] {
			seen[lineage] = true
			lineages = append(lineages, lineage)
		}
	}
	places, err := l.Find(ctx, config, lineages)
	if err != nil {
		return nil, err
	}
	all, err := l.Entries(ctx, config, places)
	if err != nil {
		return nil, err
	}
	newest := map[string]*Entry{}
	for i := range all {
		e := &all[i]
		if _, ok := changed[e.Key]; !ok || e.State != Done || e.Outcome == Moved {
			continue
		}
		if other := newest[e.Key]; other == nil || other.Version < e.Version {
			newest[e.Key] = e
		}
	}
	for key, e := range newest {
		if e.Outcome == Archived {
			changed[key] = e
		}
	}
	return changed, nil
}

// Lineages returns those under which there may be versions of a source key: the key itself, and its iCalUId.
func Lineages(key string) []string {
	lineages := []string{key}
	if i := strings.LastIndexByte(key, '@'); i > 0 {
		lineages = append(lineages, key[:i])
	}
	return lineages
}

// History returns every version under a source key, the oldest first.
func (l *Ledger) History(ctx context.Context, config, key string) ([]Entry, error) {
	places, err := l.Find(ctx, config, Lineages(key))
	if err != nil {
		return nil, err
	}
	entries, err := l.at(ctx, config, places, func(p place) bool { return p.Key == key })
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Version-b.Version, a.Time.Compare(b.Time), strings.Compare(string(a.Outcome), string(b.Outcome)))
	})
	return entries, nil
}

// Shown returns how many appointments the archive calendar is to show: those of which the newest version that is done is archived. It reads the
// whole ledger, page by page.
func (l *Ledger) Shown(ctx context.Context, config string) (int, error) {
	type newest struct {
		version  int
		archived bool
	}
	of := map[string]newest{}
	q := store.Query{PK: partition(config), From: "0", To: ":"} // entries begin with a year
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return 0, fmt.Errorf("read the ledger: %w", err)
		}
		entries, err := decode(page.Items)
		if err != nil {
			return 0, err
		}
		for i := range entries {
			e := &entries[i]
			if e.State == Done && e.Outcome != Moved && e.Version > of[e.Key].version {
				of[e.Key] = newest{e.Version, e.Outcome == Archived}
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	shown := 0
	for _, n := range of {
		if n.archived {
			shown++
		}
	}
	return shown, nil
}

// skew is by how much the clocks of two machines may differ.
const skew = 24 * time.Hour

// OfRun returns all that a run wrote which is sealed, in no particular order: every entry, whatever its state. since is when the run was created. missing
// are the keys, as marks have them, of entries that are no longer there. It reads the chain back to the run.
func (l *Ledger) OfRun(ctx context.Context, config, run string, since time.Time) (entries []Entry, missing []string, err error) {
	var leaves []string
	of := map[string][]string{} // of links of which the first part, which is read last, was not read yet
	sealed := map[string]bool{}
	q := store.Query{PK: partition(config), Prefix: chainPrefix, Desc: true}
reading:
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("read the chain: %w", err)
		}
		for _, item := range page.Items {
			prefix := item.SK[:strings.LastIndexByte(item.SK, '#')+1]
			var p linkPart
			if err := json.Unmarshal(item.Data, &p); err != nil {
				return nil, nil, fault.New(fault.Malformed, "link %s is unreadable: %v", item.SK, err)
			}
			for _, lf := range p.Leaves {
				of[prefix] = append(of[prefix], lf.SK)
			}
			if len(p.Link) == 0 {
				continue
			}
			var link Link
			if err := json.Unmarshal(p.Link, &link); err != nil {
				return nil, nil, fault.New(fault.Malformed, "link %s is unreadable: %v", item.SK, err)
			}
			if link.Time.Before(since.Add(-skew)) {
				break reading
			}
			if link.Run == run {
				leaves = append(leaves, of[prefix]...)
			}
			delete(of, prefix)
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	keys := make([]store.Key, 0, len(leaves))
	for _, sk := range leaves { // a link that was prepared and never added has the same again
		if !sealed[sk] {
			sealed[sk] = true
			keys = append(keys, store.Key{PK: partition(config), SK: sk})
		}
	}
	if len(keys) == 0 {
		return nil, nil, nil
	}
	items, err := l.table.GetMany(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("read the ledger: %w", err)
	}
	for _, item := range items {
		delete(sealed, item.SK)
	}
	for _, sk := range slices.Sorted(maps.Keys(sealed)) {
		if key := keyInSort(sk); !slices.Contains(missing, key) {
			missing = append(missing, key)
		}
	}
	if entries, err = decode(items); err != nil {
		return nil, nil, err
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Run != run }), missing, nil
}

// keyInSort is the key in a sort key of an entry, as part gives it.
func keyInSort(sk string) string {
	_, rest, _ := strings.Cut(sk, "#")
	if i := strings.LastIndexByte(rest, '#'); i >= 0 {
		rest = rest[:i]
	}
	return rest
}
