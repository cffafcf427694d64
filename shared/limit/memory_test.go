package limit

import "testing"

// TestLimitsFollowTheMemory looks at the functions' sizes, and at more.
func TestLimitsFollowTheMemory(t *testing.T) {
	before := Memory(0)
	for _, mb := range []int{256, 512, 1024, 4096, 16384} {
		m := Megabytes(mb)
		if m.Soft() >= int64(m)*4/5 || m.Soft() < int64(m)/2 {
			t.Errorf("of %d MB the collector begins at %d", mb, m.Soft())
		}
		if 5*m.Events() > m.Soft() || 50*m.Body() > m.Soft() || 4*m.Answer() > m.Soft() {
			t.Errorf("%d MB are too few for %d bytes of events, bodies of %d, answers of %d", mb, m.Events(), m.Body(), m.Answer())
		}
		if m.Events() <= before.Events() || m.Body() < before.Body() || m.Body() > BodyBytes || m.Answer() <= before.Answer() {
			t.Errorf("%d MB have no more than %d", mb, before)
		}
		before = m
	}
	if m := Megabytes(0); m != OneMachine || m.Body() != BodyBytes {
		t.Errorf("one machine has %d bytes, and bodies of %d", m, m.Body())
	}
}
