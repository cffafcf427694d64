package limit

// Memory is how many bytes a process may use in all. What it may hold at once of what users store and send follows from it, and is decided here alone:
// a function that is over its memory is killed, with all that it was at.
//
// A process has some 60 MB before it is asked for anything, and the collector lets garbage grow to as much as is in use. So a request may have a third of
// the memory in use at once: then it needs 80 % at most. The benchmark of functions shows what the heaviest requests need.
type Memory int64

// OneMachine is the memory of a process that nobody gave a size.
const OneMachine Memory = 4 << 30

// Megabytes is the memory of a function with so many of them, as Lambda counts; OneMachine for 0.
func Megabytes(n int) Memory {
	if n <= 0 {
		return OneMachine
	}
	return Memory(n) << 20
}

// Soft is from where on the collector works harder rather than let the process grow. What the process has beside its heap comes to some 40 MB.
func (m Memory) Soft() int64 { return int64(m) / 10 * 7 }

// Events is how many bytes of events a reading of a calendar may return (calendar.Gathering). A plan of them, and what is stored of it, takes several
// times as much.
func (m Memory) Events() int64 { return int64(m) / 16 }

// Body is how many bytes a JSON body may have: read, the smallest members take fifty times as much.
func (m Memory) Body() int64 { return min(int64(m)/256, BodyBytes) }

// Answer is how many bytes an answer may have that is made as a whole before it is sent.
func (m Memory) Answer() int64 { return int64(m) / 32 }
