package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Misfit is something that is not what was written.
type Misfit struct {
	Seq     int    `json:"seq,omitempty" doc:"Number of the link."`
	Run     string `json:"run,omitempty"`
	Entry   string `json:"entry,omitempty" doc:"Where the ledger has the entry: start, key, version. Empty when it is the link itself, or something else."`
	Problem string `json:"problem"`
}

// Report is the outcome of a verification.
type Report struct {
	OK      bool `json:"ok"`
	Links   int  `json:"links"`
	Entries int  `json:"entries" doc:"Sealed ones."`
	Open    int  `json:"open" doc:"Entries of a run that has not ended yet."`
	// First is the first misfit in the order of the chain, nil when all is well.
	First   *Misfit `json:"first,omitempty" doc:"The first thing that is not what was written."`
	Misfits int     `json:"misfits" doc:"How many things are not what was written."`
	Head    string  `json:"head" doc:"Hash of the newest link."`
	// Checkpoint is the signed note of the newest link. Whoever keeps it can prove later that nothing before it changed.
	Checkpoint string `json:"checkpoint,omitempty" doc:"The signed head. Who keeps it can prove later that nothing before it changed."`
}

// Add counts a misfit. Those of a link come before those that belong to none.
func (r *Report) Add(m Misfit) {
	if r.Misfits++; r.First == nil || m.Seq > 0 && (r.First.Seq == 0 || m.Seq < r.First.Seq) {
		r.First = &m
	}
	r.OK = false
}

// Inspection is what Inspect found, for those who compare it with what lies outside the ledger.
type Inspection struct {
	Report Report
	Head   Head
	Links  []Link // as far back from the head as the chain holds
	Hashes []string
	tree   *tree // over the links; nil where the chain is broken
}

// Complete says whether the chain holds from the head to its first link.
func (i *Inspection) Complete() bool { return i.tree != nil }

// RootAt is the root of the tree over the first links, so many of them; false where it cannot be known, because the chain is broken or shorter.
func (i *Inspection) RootAt(size int) (tlog.Hash, bool) {
	if i.tree == nil || size < 0 || int64(size) > i.tree.size {
		return tlog.Hash{}, false
	}
	return i.tree.rootAt(int64(size)), true
}

// inspections is how often Inspect begins again when a run begins, writes or ends meanwhile.
const inspections = 5

// Inspect recomputes the chain from the newest link back, and compares every entry, body, place and head with it. It is of kind
// fault.Unavailable when runs went on to change the ledger meanwhile.
func (l *Ledger) Inspect(ctx context.Context, config string) (*Inspection, error) {
	for range inspections {
		head, err := l.Head(ctx, config)
		if err != nil && fault.Of(err) != fault.Malformed {
			return nil, err
		}
		found, err := l.inspectAll(ctx, config, head, err != nil)
		if err != nil || found.Report.OK {
			return found, err
		}
		if now, err := l.Head(ctx, config); err != nil || now.stored == head.stored {
			return found, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "runs are writing the ledger; verify it when they have ended")
}

func (l *Ledger) inspectAll(ctx context.Context, config string, head Head, unreadable bool) (*Inspection, error) {
	in := &Inspection{Report: Report{OK: true, Links: head.Seq, Head: head.Hash, Checkpoint: head.Checkpoint}, Head: head}
	if unreadable {
		in.Report.Add(Misfit{Problem: "the head is unreadable"})
	}
	links, others, broken, err := l.links(ctx, config, head)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		in.Report.Add(*broken)
	}
	s := &survey{ledger: l, config: config, report: &in.Report, head: &head, entries: map[string]*inspected{}}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	in.tree = newTree()
	for i := range links {
		k := &links[i]
		in.Links, in.Hashes = append(in.Links, k.Link), append(in.Hashes, LinkHash(k.raw))
		in.tree.add(LinkLeaf(k.raw))
		s.sealed(links, i)
	}
	s.unsealed(broken != nil)
	if broken != nil {
		in.tree = nil
	} else {
		s.bookkeeping(links, in.tree)
	}
	if head.stored > 0 {
		problem, err := l.unlike(ctx, config, &head)
		if err != nil {
			return nil, err
		}
		if problem != "" {
			in.Report.Add(Misfit{Problem: problem})
		}
	}
	if head.stored == 0 && !unreadable && s.items+others > 0 {
		in.Report.Add(Misfit{Problem: "there are entries, and no head"})
	}
	return in, nil
}

// survey compares what is stored of a ledger with what was sealed.
type survey struct {
	ledger  *Ledger
	config  string
	report  *Report
	head    *Head
	entries map[string]*inspected // by sort key
	order   []string              // their sort keys
	longest time.Duration         // of the sealed
	items   int
}

// inspected is what has to be known of a stored entry.
type inspected struct {
	leaf    tlog.Hash
	lineage [16]byte // the start of its hash
	run     string
	seal    int
	time    time.Time
	length  time.Duration
	problem string // what is wrong with it, whatever was sealed
	sealed  bool
	placed  bool // a KEY# item says where it is
}

func lineageHash(sk string) (h [16]byte) {
	sum := sha256.Sum256([]byte(sk))
	copy(h[:], sum[:])
	return h
}

// read looks at all items but those of the chain, page by page. Entries come before their places.
func (s *survey) read(ctx context.Context) error {
	runs := map[string]string{} // so that the id of a run is kept once
	look := func(items []store.Item) error {
		s.items += len(items)
		for i := range items {
			item := &items[i]
			switch {
			case item.SK < ":": // it begins with a year
				found, err := s.ledger.inspectEntry(ctx, item)
				if err != nil {
					return err
				}
				if _, ok := runs[found.run]; !ok {
					runs[found.run] = found.run
				}
				found.run = runs[found.run]
				s.entries[item.SK] = found
				s.order = append(s.order, item.SK)
			case strings.HasPrefix(item.SK, placePrefix):
				s.place(item)
			case item.SK != headSK:
				s.report.Add(Misfit{Entry: item.SK, Problem: "is nothing that a ledger has"})
			}
		}
		return nil
	}
	for _, q := range []store.Query{{To: chainPrefix}, {From: afterChain}} {
		q.PK = partition(s.config)
		if err := s.ledger.eachPage(ctx, q, look); err != nil {
			return err
		}
	}
	for _, sk := range s.order {
		if found := s.entries[sk]; !found.placed && found.problem == "" {
			found.problem = "is not where the ledger looks for it: its place is missing"
		}
	}
	return nil
}

// place compares an item of places with the entries that it names.
func (s *survey) place(item *store.Item) {
	var places []place
	if err := json.Unmarshal(item.Data, &places); err != nil {
		s.report.Add(Misfit{Entry: item.SK, Problem: "is unreadable"})
		return
	}
	lineage := lineageHash(item.SK)
	for _, p := range places {
		e := Entry{Config: s.config, Key: p.Key, Version: p.Version}
		e.Appointment.Start = p.Start
		found := s.entries[e.sortKey()]
		switch {
		case found == nil:
			s.report.Add(Misfit{Entry: e.sortKey(), Problem: "is missing; " + item.SK + " says that it is there"})
		case found.lineage != lineage, found.placed:
			s.report.Add(Misfit{Entry: e.sortKey(), Problem: "is not what " + item.SK + " says that it is"})
		default:
			found.placed = true
		}
	}
	if len(places) == 0 {
		s.report.Add(Misfit{Entry: item.SK, Problem: "names no entry"})
	}
}

// clockSkew is how far the clocks of two workers may be apart.
const clockSkew = time.Minute

// sealed compares the entries of a link with what is stored.
func (s *survey) sealed(links []chainLink, i int) {
	k := &links[i]
	add := func(entry, problem string) {
		s.report.Add(Misfit{Seq: k.Seq, Run: k.Run, Entry: entry, Problem: problem})
	}
	var after time.Time
	if i > 0 {
		after = links[i-1].Time
		if k.Time.Before(after.Add(-clockSkew)) {
			add("", "the link is older than the one before it")
		}
	}
	var last string
	for _, lf := range k.leaves {
		if lf.SK <= last {
			add(lf.SK, "is sealed twice by one link")
		}
		last = lf.SK
		found := s.entries[lf.SK]
		problem := "is missing"
		if found != nil {
			problem = found.problem
			switch {
			case problem != "":
			case fmt.Sprintf("%x", found.leaf[:]) != lf.Hash:
				problem = "is not what was sealed"
			case found.run != k.Run, found.seal != k.Seq:
				problem = "belongs to another link"
			case found.time.After(k.Time.Add(clockSkew)), i > 0 && found.time.Before(after.Add(-clockSkew)):
				problem = "has a time that is not between its link and the one before"
			case found.sealed:
				problem = "is sealed twice"
			}
			found.sealed = true
			s.longest = max(s.longest, found.length)
		}
		s.report.Entries++
		if problem != "" {
			add(lf.SK, problem)
		}
	}
}

// bookkeeping compares what links and head say of the whole ledger with what there is.
func (s *survey) bookkeeping(links []chainLink, all *tree) {
	h := s.head
	if len(links) > 0 {
		newest := &links[len(links)-1]
		if problem := newest.unlike(h); problem != "" {
			s.report.Add(Misfit{Seq: newest.Seq, Run: newest.Run, Problem: problem})
		}
	} else if h.Through != (calendar.Date{}) {
		s.report.Add(Misfit{Problem: "the head says that days are archived, and there is no link"})
	}
	if !slices.Equal(h.Tree, all.frontier()) {
		s.report.Add(Misfit{Problem: "the head's tree is not that of its links"})
	}
	if h.Entries != len(s.order) {
		s.report.Add(Misfit{Problem: fmt.Sprintf("the head counts %d entries, and there are %d", h.Entries, len(s.order))})
	}
	if h.Longest != s.longest {
		s.report.Add(Misfit{Problem: fmt.Sprintf("the head says that the longest entry takes %s, and it takes %s", h.Longest, s.longest)})
	}
}

// unsealed compares the entries that no link seals with what the head has of them. Where the chain is broken, nobody knows which these are.
func (s *survey) unsealed(broken bool) {
	open := map[string]tlog.Hash{}
	for _, sk := range s.order {
		switch found := s.entries[sk]; {
		case found.sealed:
		case s.head.Open != "" && found.run == s.head.Open && found.seal == s.head.Seq+1:
			s.report.Open++
			open[sk] = found.leaf
			if found.problem != "" {
				s.report.Add(Misfit{Run: found.run, Entry: sk, Problem: found.problem})
			}
		case !broken:
			s.report.Add(Misfit{Run: found.run, Entry: sk, Problem: "was never sealed by a run"})
		}
	}
	if s.head.Open != "" && !broken && digest(open) != s.head.OpenDigest {
		s.report.Add(Misfit{Run: s.head.Open, Problem: "the entries of the run, which are not sealed yet, are not those that it wrote"})
	}
}

func (l *Ledger) inspectEntry(ctx context.Context, item *store.Item) (*inspected, error) {
	found := &inspected{}
	var e Entry
	if err := json.Unmarshal(item.Data, &e); err != nil {
		found.problem = "is unreadable"
		return found, nil
	}
	e.sum = sha256.Sum256(item.Data)
	found.leaf, found.run, found.seal, found.time, found.length = leafHash(&e), strings.Clone(e.Run), e.Seal, e.Time, e.Appointment.Duration()
	found.lineage = lineageHash(placePrefix + part(e.Lineage))
	if e.key() != item.Key || item.IndexPK != "" || item.IndexSK != "" || !item.Expires.IsZero() {
		found.problem = "is not what was sealed"
		return found, nil
	}
	for _, name := range slices.Sorted(maps.Keys(e.Blobs)) {
		_, err := l.body(ctx, e.Config, e.Blobs[name])
		switch kind := fault.Of(err); {
		case err == nil:
		case errors.Is(err, blob.ErrNotFound), kind == fault.Malformed, kind == fault.Invalid: // Invalid: a digest that is none
			found.problem = "has lost its " + name + " body"
			return found, nil
		default:
			return nil, err
		}
	}
	return found, nil
}
