package httpapi

import (
	"runtime"
	"testing"
)

// TestStartingMakesNoDocument counts the bytes that are asked for, which are the same on every machine: a function of the cloud starts for one request, and
// hardly any is for the document.
func TestStartingMakesNoDocument(t *testing.T) {
	s := newService(t)
	var before, started, described runtime.MemStats
	runtime.ReadMemStats(&before)
	api := New(s.services).(*server)
	runtime.ReadMemStats(&started)
	api.document()
	runtime.ReadMemStats(&described)
	if start, document := started.TotalAlloc-before.TotalAlloc, described.TotalAlloc-started.TotalAlloc; start > document/2 {
		t.Errorf("starting took %d bytes, the document %d", start, document)
	}
}

func BenchmarkStarting(b *testing.B) {
	s := newService(b)
	b.ReportAllocs()
	for b.Loop() {
		New(s.services)
	}
}
