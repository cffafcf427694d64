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
	s := &survey{
		ledger: l, config: config, report: &in.Report, head: &head, entries: map[string]*inspected{}, numbers: map[string]int32{},
		problems: map[string]string{},
	}
	if err := s.read(ctx); err != nil {
		return nil, err
	}
	links, others, broken, err := l.links(ctx, config, head, s.same)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		in.Report.Add(*broken)
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
	ledger   *Ledger
	config   string
	report   *Report
	head     *Head
	entries  map[string]*inspected // by sort key
	order    []string              // their sort keys
	runs     []string              // of the entries
	numbers  map[string]int32      // of runs
	problems map[string]string
	longest  time.Duration // of the sealed
	items    int
}

// inspected is what has to be known of a stored entry. There may be very many.
type inspected struct {
	leaf    tlog.Hash
	lineage [16]byte // the start of its hash
	number  int32    // in survey.order
	run     int32    // see survey.runs
	seal    int32
	time    int64 // in nanoseconds of Unix
	length  time.Duration
	bad     bool // survey.problems has what is wrong with it, whatever was sealed
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
	look := func(items []store.Item) error {
		s.items += len(items)
		for i := range items {
			item := &items[i]
			switch {
			case item.SK < ":": // it begins with a year
				found, err := s.inspectEntry(ctx, item)
				if err != nil {
					return err
				}
				found.number = int32(len(s.order))
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
		if found := s.entries[sk]; !found.placed && !found.bad {
			found.bad, s.problems[sk] = true, "is not where the ledger looks for it: its place is missing"
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

// same returns the sort key as it is kept here already, if it is that of an entry.
func (s *survey) same(sk string) string {
	if found := s.entries[sk]; found != nil {
		return s.order[found.number]
	}
	return sk
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
			problem = s.problems[lf.SK]
			switch {
			case found.bad:
			case found.leaf != lf.hash:
				problem = "is not what was sealed"
			case s.runs[found.run] != k.Run, int(found.seal) != k.Seq:
				problem = "belongs to another link"
			case found.time > k.Time.Add(clockSkew).UnixNano(), i > 0 && found.time < after.Add(-clockSkew).UnixNano():
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
		case s.head.Open != "" && s.runs[found.run] == s.head.Open && int(found.seal) == s.head.Seq+1:
			s.report.Open++
			open[sk] = found.leaf
			if found.bad {
				s.report.Add(Misfit{Run: s.head.Open, Entry: sk, Problem: s.problems[sk]})
			}
		case !broken:
			s.report.Add(Misfit{Run: s.runs[found.run], Entry: sk, Problem: "was never sealed by a run"})
		}
	}
	if s.head.Open != "" && !broken && digest(open) != s.head.OpenDigest {
		s.report.Add(Misfit{Run: s.head.Open, Problem: "the entries of the run, which are not sealed yet, are not those that it wrote"})
	}
}

func (s *survey) inspectEntry(ctx context.Context, item *store.Item) (*inspected, error) {
	found := &inspected{}
	problem := func(is string) (*inspected, error) {
		found.bad, s.problems[item.SK] = true, is
		return found, nil
	}
	var e Entry
	if err := json.Unmarshal(item.Data, &e); err != nil {
		found.run = s.number("")
		return problem("is unreadable")
	}
	e.sum = sha256.Sum256(item.Data)
	found.leaf, found.run, found.seal, found.time, found.length = leafHash(&e), s.number(e.Run), int32(e.Seal), e.Time.UnixNano(), e.Appointment.Duration()
	found.lineage = lineageHash(placePrefix + part(e.Lineage))
	if e.key() != item.Key || item.IndexPK != "" || item.IndexSK != "" || !item.Expires.IsZero() {
		return problem("is not what was sealed")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Blobs)) {
		_, err := s.ledger.body(ctx, e.Config, e.Blobs[name])
		switch kind := fault.Of(err); {
		case err == nil:
		case errors.Is(err, blob.ErrNotFound), kind == fault.Malformed, kind == fault.Invalid: // Invalid: a digest that is none
			return problem("has lost its " + name + " body")
		default:
			return nil, err
		}
	}
	return found, nil
}

// number is that of a run, so that its id is kept once.
func (s *survey) number(run string) int32 {
	n, ok := s.numbers[run]
	if !ok {
		n, run = int32(len(s.runs)), strings.Clone(run)
		s.runs, s.numbers[run] = append(s.runs, run), n
	}
	return n
}
