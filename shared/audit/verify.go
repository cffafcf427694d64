package audit

import (
	"bytes"
	"context"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Problem says what is wrong with a record, or with the chain.
type Problem string

const (
	Missing   Problem = "missing"   // the records Seq to Last are not there
	Truncated Problem = "truncated" // the newest ones are missing; the head still counts them
	Altered   Problem = "altered"   // not the bytes that were written
	Reordered Problem = "reordered" // in another record's place
	Unlinked  Problem = "unlinked"  // not written after the record before it as that is now
	Foreign   Problem = "foreign"   // not a record of this chain
	Unerased  Problem = "unerased"  // an erasure has not come to it yet; erase again
	Headless  Problem = "headless"  // the head is gone, unreadable, or not that of the newest record
)

// Misfit is a place where the chain is not what was written.
type Misfit struct {
	Seq     int     `json:"seq,omitempty"`  // as far as it is known
	Last    int     `json:"last,omitempty"` // the last of a range of sequence numbers
	ID      string  `json:"id,omitempty"`   // the sort key at which it was found
	Problem Problem `json:"problem"`
}

// maxMisfits is how many misfits a report names.
const maxMisfits = 100

// Report is the outcome of a verification.
type Report struct {
	OK      bool     `json:"ok"`
	Records int      `json:"records"` // found
	Erased  int      `json:"erased"`  // the personal fields up to this sequence number are erased
	Count   int      `json:"count"`   // of misfits
	Misfits []Misfit `json:"misfits"` // the first 100 in the order of the chain
	// Head is the hash of the newest record, "" of an empty chain. Whoever kept it with Seq can prove later that nothing up to there
	// was rewritten: a chain alone cannot show that all of it was.
	Head string `json:"head"`
	Seq  int    `json:"seq"`
}

// chain follows a chain from its first record on.
type chain struct {
	user   string
	each   func(*Record)
	head   *head // nil: unreadable
	report Report

	erased int // the personal fields up to this record are erased, as a record says
	seq    int // of the last record
	id     string
	hash   string
	sound  bool // hash is what the next record must build on
}

func (c *chain) misfit(m Misfit) {
	c.sound = false
	if c.report.Count++; c.report.Count <= maxMisfits {
		c.report.Misfits = append(c.report.Misfits, m)
	}
}

// take looks at the next item of the partition.
func (c *chain) take(item *store.Item) {
	if item.SK == headSK {
		return
	}
	if _, ok := parseID(item.SK); !ok {
		c.misfit(Misfit{ID: item.SK, Problem: Foreign})
		return
	}
	c.report.Records++
	r, err := decode(item)
	switch {
	case err == nil && r.User != c.user && r.Sum() == r.Hash:
		c.misfit(Misfit{ID: item.SK, Problem: Foreign})
		return
	case err != nil || !bare(item) || !bytes.Equal(mustJSON(r), item.Data) || r.Sum() != r.Hash:
		c.seq, c.id = c.seq+1, item.SK
		c.misfit(Misfit{Seq: c.seq, ID: item.SK, Problem: Altered})
		return
	case r.ID != item.SK:
		c.seq, c.id = c.seq+1, item.SK
		c.misfit(Misfit{Seq: r.Seq, ID: item.SK, Problem: Reordered})
		return
	case r.Seq <= c.seq:
		c.misfit(Misfit{Seq: r.Seq, ID: item.SK, Problem: Reordered})
		return
	}
	if r.Seq > c.seq+1 {
		c.misfit(Misfit{Seq: c.seq + 1, Last: r.Seq - 1, Problem: Missing})
	}
	if c.each != nil {
		c.each(&r)
	}
	linked := !c.sound || r.Prev == c.hash
	c.seq, c.id, c.hash, c.sound = r.Seq, r.ID, r.Hash, true
	erased := len(r.Salt) == 0 && r.Personal == Personal{}
	if upTo, ok := r.Details[erasedDetail].is.(int64); ok {
		c.erased = max(c.erased, int(upTo))
	}
	switch {
	case !linked:
		c.misfit(Misfit{Seq: r.Seq, ID: r.ID, Problem: Unlinked})
	case c.head != nil && r.Seq <= c.head.Erased && !erased:
		c.misfit(Misfit{Seq: r.Seq, ID: r.ID, Problem: Unerased})
	case c.head != nil && r.Seq > c.head.Erased && erased, !erased && r.digest() != r.Digest:
		c.misfit(Misfit{Seq: r.Seq, ID: r.ID, Problem: Altered})
	}
	c.sound = true // its chained part is
}

// end compares the end with the head.
func (c *chain) end() Report {
	h := c.head
	switch {
	case h == nil:
		c.misfit(Misfit{ID: headSK, Problem: Headless})
	case c.seq < h.Seq:
		c.misfit(Misfit{Seq: c.seq + 1, Last: h.Seq, Problem: Truncated})
	case c.seq > h.Seq, c.id != h.ID, c.sound && c.hash != h.Hash:
		c.misfit(Misfit{Seq: c.seq, ID: headSK, Problem: Headless})
	}
	if h != nil && h.Erased != c.erased {
		c.misfit(Misfit{Seq: h.Erased, ID: headSK, Problem: Altered})
	}
	if h != nil {
		c.report.Erased, c.report.Head, c.report.Seq = h.Erased, h.Hash, h.Seq
	}
	c.report.OK = c.report.Count == 0
	return c.report
}

// verifyAttempts is how often Verify begins again when personal fields are erased meanwhile.
const verifyAttempts = 3

// Verify reads a user's chain from its first record to the one that is the newest when it begins, and computes it again. It is of kind
// fault.Unavailable when personal fields go on being erased meanwhile.
func (l *Log) Verify(ctx context.Context, user string) (Report, error) {
	return l.VerifyEach(ctx, user, func() func(*Record) { return nil })
}

// VerifyEach is Verify that shows each record to a visitor, in order, which is another one whenever it has to begin again. Records that are not
// as they were written are not shown.
func (l *Log) VerifyEach(ctx context.Context, user string, visitor func() func(*Record)) (Report, error) {
	for range verifyAttempts {
		c := &chain{user: user, sound: true, report: Report{Misfits: []Misfit{}}, each: visitor()}
		var err error
		if c.head, err = l.head(ctx, user); err != nil {
			return Report{}, err
		}
		changed, err := l.follow(ctx, c)
		if err != nil {
			return Report{}, err
		}
		if c.report.Count > 0 && !changed { // maybe an erasure began behind our back
			now, err := l.head(ctx, user)
			if err != nil {
				return Report{}, err
			}
			changed = c.head != nil && now != nil && now.Erased != c.head.Erased
		}
		if !changed {
			return c.end(), nil
		}
	}
	return Report{}, fault.New(fault.Unavailable, "personal fields are being erased; verify when that has ended")
}

// head returns the head of a chain, nil if it is unreadable.
func (l *Log) head(ctx context.Context, user string) (*head, error) {
	h, _, err := l.look(ctx, user, "", nil)
	if fault.Of(err) == fault.Malformed {
		return nil, nil
	}
	return h, err
}

// follow takes the items of the partition up to the head's record. What comes after that was appended meanwhile, and is left to
// the next verification, or else does not belong there: the head is read again to find out. changed says that an erasure began.
func (l *Log) follow(ctx context.Context, c *chain) (changed bool, err error) {
	q := store.Query{PK: partition(c.user)}
	current := false // nothing was appended meanwhile
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return false, fmt.Errorf("read the audit log: %w", err)
		}
		for i := range page.Items {
			item := &page.Items[i]
			if !current && c.head != nil && item.SK > c.head.ID && item.SK != headSK {
				now, err := l.head(ctx, c.user)
				if err != nil {
					return false, err
				}
				if now != nil && now.Seq > c.head.Seq {
					return now.Erased != c.head.Erased, nil
				}
				current = true
			}
			c.take(item)
		}
		if page.Next == "" {
			return false, nil
		}
		q.Cursor = page.Next
	}
}
