package backup

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/fault"
	"adminassistant/shared/plaintext"
)

// What a file may hold at most that somebody hands in.
const (
	MaxBytes  = 1 << 30  // when it is decompressed
	MaxICS    = 32 << 20 // of iCalendar, which is held in memory as a whole
	MaxEvents = 200_000
	maxZones  = ics.MaxZones
)

// place is where an event is in its file.
type place struct{ line int }

// setAside is a thing of a file that cannot be read.
func setAside(a calendar.Aside) calendar.Kept {
	return calendar.Kept{Event: calendar.Event{ID: fmt.Sprintf("line %d", a.Line), ICalUID: a.UID, Subject: a.Subject}, Aside: &a}
}

// Stream is a file of events that is being read.
type Stream struct {
	Format Format
	Name   string          // of the calendar, if the file names it
	Zones  []calendar.Zone // those that only the file explains

	each  func(func(place, calendar.Kept) error) error
	close func()
}

// Read begins to read a file that somebody hands in: JSONL, iCalendar or CSV, also compressed by zstd. What it is shows from what it holds; its
// name does not matter. A byte order mark is passed over. Nothing in it is expanded. Close has to be called.
//
// A line or a row that cannot be read is set aside, and so is an event whose id another one has; the others are read. Time and memory are bounded, whatever
// r holds: by MaxBytes, MaxEvents, and the length and number of values of a line. Errors of what r holds as a whole, of Read and of Each, are of kind
// fault.Invalid and name the line and the field; those of r are handed on.
func Read(r io.Reader) (*Stream, error) { return ReadUpTo(r, 0) }

// ReadUpTo reads as Read does. Of an iCalendar file, which is held as a whole, it takes so many bytes of events, as calendar.Event.Bytes counts them; 0:
// any number.
func ReadUpTo(r io.Reader, most int64) (*Stream, error) {
	u, err := unpack(r, MaxBytes, maxRatio)
	if err != nil {
		return nil, err
	}
	s, err := open(bufio.NewReaderSize(plaintext.NewReader(u), 64<<10), most)
	if err != nil {
		u.Close()
		return nil, err
	}
	s.close = u.Close
	return s, nil
}

// FormatOf reads as much of a file as shows what it is; what it holds besides may be anything. Errors are as those of Read.
func FormatOf(r io.Reader) (Format, error) {
	u, err := unpack(r, MaxBytes, maxRatio)
	if err != nil {
		return "", err
	}
	defer u.Close()
	return formatOf(bufio.NewReaderSize(plaintext.NewReader(u), 64<<10))
}

// formatOf finds out what a file is.
func formatOf(r *bufio.Reader) (Format, error) {
	head, err := r.Peek(4 << 10)
	if err != nil && err != io.EOF {
		return "", err
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	first := head
	if end := bytes.IndexAny(head, "\r\n"); end >= 0 {
		first = head[:end]
	}
	switch {
	case len(head) == 0:
		return "", fault.New(fault.Invalid, "the file is empty")
	case head[0] == '{':
		return JSONL, nil
	case strings.EqualFold(string(bytes.TrimSpace(first)), "BEGIN:VCALENDAR"):
		return ICS, nil
	case bytes.ContainsAny(first, ",") && !bytes.ContainsAny(first, "\x00"):
		return CSV, nil
	case bytes.ContainsAny(first, ";\t") && bytes.Contains(bytes.ToLower(first), []byte("subject")):
		return "", fault.New(fault.Invalid, "the columns of the table are not set apart by commas; save it as CSV with commas")
	}
	return "", fault.New(fault.Invalid, "the file is neither the JSONL, iCalendar or CSV file of a backup, nor one of them compressed by zstd")
}

// open begins to read a file of whatever format.
func open(r *bufio.Reader, most int64) (*Stream, error) {
	format, err := formatOf(r)
	if err != nil {
		return nil, err
	}
	switch format {
	case JSONL:
		j, err := openJSONL(r)
		if err != nil {
			return nil, err
		}
		j.lenient = true
		return &Stream{Format: JSONL, Name: j.Calendar.Name, Zones: j.Zones, each: j.each}, nil
	case ICS:
		return readICS(r, most)
	}
	c, err := openCSV(r)
	if err != nil {
		return nil, err
	}
	return &Stream{Format: CSV, Zones: c.zones, each: c.each}, nil
}

// Close ends the reading.
func (s *Stream) Close() { s.close() }

// Each gives all that the file holds, in its order, once; also what was set aside. It ends with the first error: of what the file holds as a whole, of what
// it is read from, or of each.
func (s *Stream) Each(each func(calendar.Kept) error) error {
	events := 0
	seed := maphash.MakeSeed()
	seen := map[uint64]int{} // the lines of ids
	return s.each(func(at place, k calendar.Kept) error {
		if events += 1 + len(k.Exceptions); events > MaxEvents {
			return fault.New(fault.Invalid, "the file has more than %d events; split it into several", MaxEvents)
		}
		if at.line > 0 && k.Aside == nil {
			id := maphash.String(seed, k.Event.ID)
			if line := seen[id]; line > 0 {
				k = setAside(calendar.Aside{
					Line: at.line, UID: cmp.Or(k.Event.ICalUID, k.Event.ID), Subject: k.Event.Subject, Reason: calendar.Unreadable,
					Detail: fault.Field("event.id", "%.200q is in line %d, too", k.Event.ID, line).Error(),
				})
			} else {
				seen[id] = at.line
			}
		}
		return each(k)
	})
}

// short ends the reading of an iCalendar file that is too long.
type short struct {
	r    io.Reader
	left int
}

func (s *short) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.left -= n; s.left < 0 {
		return 0, fault.New(fault.Invalid, "an iCalendar file may have %d MB; split it into several, or use the JSONL file of a backup", MaxICS>>20)
	}
	return n, err
}

// readICS reads a whole iCalendar file.
func readICS(r io.Reader, most int64) (*Stream, error) {
	f, err := ics.ReadUpTo(&short{r, MaxICS}, most)
	if err != nil {
		return nil, err
	}
	exceptions := map[string][]calendar.Event{}
	masters := map[string]bool{}
	for i := range f.Events {
		if e := &f.Events[i]; e.Type == calendar.Master {
			masters[e.ID] = true
		}
	}
	for _, e := range f.Events {
		if e.Type == calendar.Exception && masters[e.SeriesMasterID] {
			of := append(exceptions[e.SeriesMasterID], e)
			if len(of) > maxExceptions {
				return nil, fault.New(fault.Invalid, "event %.200q: %w", e.SeriesMasterID, errExceptions())
			}
			exceptions[e.SeriesMasterID] = of
		}
	}
	return &Stream{Format: ICS, Name: f.Name, Zones: f.Zones, each: func(each func(place, calendar.Kept) error) error {
		for _, e := range f.Events {
			k := calendar.Kept{Event: e}
			switch {
			case e.Type == calendar.Master:
				k = canonical(calendar.Kept{Event: e, Exceptions: exceptions[e.ID]})
			case e.Type == calendar.Exception && masters[e.SeriesMasterID]:
				continue // came with its series
			}
			if err := each(place{}, k); err != nil {
				return err
			}
		}
		for i := range f.Aside {
			if err := each(place{}, setAside(f.Aside[i])); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
