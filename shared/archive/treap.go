package archive

import (
	"cmp"
	"hash/maphash"
	"strings"
	"time"
)

// farFuture is after every time of an appointment.
var farFuture = time.Date(1<<20, 1, 1, 0, 0, 0, 0, time.UTC)

// treap is a search tree of appointments by (at, other, id), balanced by priorities that depend on the appointment alone. Each
// node knows the lowest other time and the smallest id below it. nil is the empty tree.
type treap struct {
	at, other   time.Time
	c           *candidate
	priority    uint64
	left, right *treap

	lowestOther time.Time
	smallest    *candidate
}

var treapSeed = maphash.MakeSeed()

// newTreap makes a tree of one node. The seed differs from process to process. The shape of the tree depends on it, what is found does not.
func newTreap(at, other time.Time, c *candidate) *treap {
	return (&treap{at: at, other: other, c: c, priority: maphash.String(treapSeed, c.EventID)}).update()
}

func (t *treap) update() *treap {
	t.lowestOther, t.smallest = t.other, t.c
	for _, below := range [2]*treap{t.left, t.right} {
		if below == nil {
			continue
		}
		t.lowestOther = earlier(t.lowestOther, below.lowestOther)
		t.smallest = smallerID(t.smallest, below.smallest)
	}
	return t
}

func smallerID(a, b *candidate) *candidate {
	if a == nil || b != nil && b.EventID < a.EventID {
		return b
	}
	return a
}

func (t *treap) compare(u *treap) int {
	return cmp.Or(t.at.Compare(u.at), t.other.Compare(u.other), strings.Compare(t.c.EventID, u.c.EventID))
}

// insert returns the tree with the single node n in it.
func (t *treap) insert(n *treap) *treap {
	switch {
	case t == nil:
		return n
	case n.priority > t.priority:
		n.left, n.right = t.split(n)
		return n.update()
	case n.compare(t) < 0:
		t.left = t.left.insert(n)
	default:
		t.right = t.right.insert(n)
	}
	return t.update()
}

// split returns what is below n and the rest.
func (t *treap) split(n *treap) (below, rest *treap) {
	if t == nil {
		return nil, nil
	}
	if t.compare(n) < 0 {
		t.right, rest = t.right.split(n)
		return t.update(), rest
	}
	below, t.left = t.left.split(n)
	return below, t.update()
}

// remove returns the tree without the node that equals n.
func (t *treap) remove(n *treap) *treap {
	if t == nil {
		return nil
	}
	switch order := n.compare(t); {
	case order < 0:
		t.left = t.left.remove(n)
	case order > 0:
		t.right = t.right.remove(n)
	default:
		return t.left.merge(t.right)
	}
	return t.update()
}

// merge joins two trees of which every node of t is below every node of u.
func (t *treap) merge(u *treap) *treap {
	switch {
	case t == nil:
		return u
	case u == nil:
		return t
	case t.priority > u.priority:
		t.right = t.right.merge(u)
		return t.update()
	}
	u.left = t.merge(u.left)
	return u.update()
}

// floor returns the last time not after at.
func (t *treap) floor(at time.Time) (found time.Time, ok bool) {
	for t != nil {
		if t.at.After(at) {
			t = t.left
		} else {
			found, ok, t = t.at, true, t.right
		}
	}
	return found, ok
}

// before returns the last time before at.
func (t *treap) before(at time.Time) (time.Time, bool) { return t.floor(at.Add(-1)) }

// ceilingBelow returns the first time after at of the appointments whose other time is before limit.
func (t *treap) ceilingBelow(at, limit time.Time) (time.Time, bool) {
	if t == nil || !t.lowestOther.Before(limit) {
		return time.Time{}, false
	}
	if !t.at.After(at) {
		return t.right.ceilingBelow(at, limit)
	}
	if found, ok := t.left.ceilingBelow(at, limit); ok {
		return found, true
	}
	if t.other.Before(limit) {
		return t.at, true
	}
	return t.right.ceilingBelow(at, limit)
}

// around returns the last time not after at and the first one after it, those of the two that exist.
func (t *treap) around(at time.Time) []time.Time {
	times := make([]time.Time, 0, 2)
	if found, ok := t.floor(at); ok {
		times = append(times, found)
	}
	if found, ok := t.ceilingBelow(at, farFuture); ok {
		times = append(times, found)
	}
	return times
}

// lowest returns the lowest other time among the appointments at that time, of which there must be one.
func (t *treap) lowest(at time.Time) time.Time {
	return t.edge(at, func(t *treap) *treap { return t.left })
}

// highest returns the highest other time among the appointments at that time, of which there must be one.
func (t *treap) highest(at time.Time) time.Time {
	return t.edge(at, func(t *treap) *treap { return t.right })
}

// edge returns the other time of the last appointment at that time in one direction.
func (t *treap) edge(at time.Time, on func(*treap) *treap) (other time.Time) {
	for t != nil {
		switch order := t.at.Compare(at); {
		case order < 0:
			t = t.right
		case order > 0:
			t = t.left
		default:
			other, t = t.other, on(t)
		}
	}
	return other
}

// smallestID returns, of the appointments at that time whose other time is in [from, to], the one with the smallest id; nil if
// there is none.
func (t *treap) smallestID(at, from, to time.Time) *candidate {
	for t != nil {
		switch {
		case t.at.Before(at) || t.at.Equal(at) && t.other.Before(from):
			t = t.right
		case t.at.After(at) || t.other.After(to):
			t = t.left
		default:
			return smallerID(t.c, smallerID(t.left.smallestFrom(at, from), t.right.smallestTo(at, to)))
		}
	}
	return nil
}

// smallestFrom returns the smallest id among those from (at, from) on.
func (t *treap) smallestFrom(at, from time.Time) (best *candidate) {
	for t != nil {
		if t.at.Before(at) || t.at.Equal(at) && t.other.Before(from) {
			t = t.right
			continue
		}
		best = smallerID(best, t.c)
		if t.right != nil {
			best = smallerID(best, t.right.smallest)
		}
		t = t.left
	}
	return best
}

// smallestTo returns the smallest id among those up to (at, to).
func (t *treap) smallestTo(at, to time.Time) (best *candidate) {
	for t != nil {
		if t.at.After(at) || t.at.Equal(at) && t.other.After(to) {
			t = t.left
			continue
		}
		best = smallerID(best, t.c)
		if t.left != nil {
			best = smallerID(best, t.left.smallest)
		}
		t = t.right
	}
	return best
}
