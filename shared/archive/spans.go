package archive

import (
	"iter"
	"strings"
)

// spans finds the claims that share time with another one, in logarithmic time. It has the claims by (start, id), under a binary tree of their
// furthest ends. The zero value is empty.
type spans struct {
	claims   []*claim
	furthest []*claim // furthest[1] is the root, furthest[i] the later ending of furthest[2i] and furthest[2i+1]
	leaves   int
}

func newSpans(claims []*claim) spans {
	if len(claims) == 0 {
		return spans{}
	}
	s := spans{claims: sortedClaims(claims, func(a, b *claim) int {
		if order := a.start.Compare(b.start); order != 0 {
			return order
		}
		return strings.Compare(a.eventID, b.eventID)
	})}
	for s.leaves = 1; s.leaves < len(claims); s.leaves *= 2 {
	}
	s.furthest = make([]*claim, 2*s.leaves)
	copy(s.furthest[s.leaves:], s.claims)
	for i := s.leaves - 1; i > 0; i-- {
		s.furthest[i] = s.furthest[2*i]
		if right := s.furthest[2*i+1]; right != nil && right.end.After(s.furthest[i].end) {
			s.furthest[i] = right
		}
	}
	return s
}

// first returns the earliest claim that shares time with c, at the same start the one of the smallest id; nil if there is none.
func (s spans) first(c *claim) *claim {
	for found := range s.all(c) {
		return found
	}
	return nil
}

// all yields the claims that share time with c, in order.
func (s spans) all(c *claim) iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		if s.leaves > 0 {
			s.visit(1, c, yield)
		}
	}
}

func (s spans) visit(node int, c *claim, yield func(*claim) bool) bool {
	switch furthest := s.furthest[node]; {
	case furthest == nil || !furthest.end.After(c.start):
		return true // all claims below end before c starts
	case node >= s.leaves:
		return furthest.start.Before(c.end) && yield(furthest) // if this one starts too late, so do all after it
	}
	return s.visit(2*node, c, yield) && s.visit(2*node+1, c, yield)
}
