package backup

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

const (
	// maxLine is the longest line, in bytes: a series with all its exceptions, or a row of CSV.
	maxLine = 32 << 20
	// maxValues is how many values a line may have, and maxExceptions how many changed instances; they bound the memory that reading it takes.
	maxValues     = 1_000_000
	maxExceptions = 20_000
)

func errExceptions() error { return fault.Field("exceptions", "are more than %d", maxExceptions) }

// lineWriter is what a JSONL file is written by.
type lineWriter struct {
	w      io.Writer
	buffer bytes.Buffer
	counts Counts
	digest digest
}

func newLineWriter(w io.Writer, h header) (*lineWriter, error) {
	l := &lineWriter{w: w}
	if err := encode(&l.buffer, h); err != nil {
		return nil, err
	}
	_, err := w.Write(l.buffer.Bytes())
	return l, err
}

// add writes one line. What a provider must not return is an internal error; a line over maxLine is Invalid.
func (l *lineWriter) add(k calendar.Kept) error {
	if err := check(&k); err != nil {
		return fmt.Errorf("the provider returned an event that cannot be: %v", err)
	}
	if err := encode(&l.buffer, canonical(k)); err != nil {
		return err
	}
	line := l.buffer.Bytes()
	if len(line) > maxLine || len(k.Exceptions) > maxExceptions {
		return fault.New(fault.Invalid,
			"event %.200q has %d changed instances and %d bytes, which is too much: end the series and begin another one", k.Event.ID, len(k.Exceptions), len(line))
	}
	l.counts.add(&k)
	l.digest.add(line)
	_, err := l.w.Write(line)
	return err
}

// lineReader reads lines within limits.
type lineReader struct {
	r      *bufio.Reader
	line   []byte
	number int // of the line that was read last, from 1
}

// next returns a line with its end, good until the next call, or io.EOF. Lines without anything are left out. One that is too long is passed over, and is
// errLong.
func (l *lineReader) next() ([]byte, error) {
	for {
		l.line = l.line[:0]
		l.number++
		long := false
		for {
			part, err := l.r.ReadSlice('\n')
			if long = long || len(l.line)+len(part) > maxLine; !long {
				l.line = append(l.line, part...)
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err != nil && (err != io.EOF || len(l.line) == 0) {
				return nil, err
			}
			break
		}
		switch {
		case long:
			return nil, errLong
		case len(bytes.TrimSpace(l.line)) > 0:
			return l.line, nil
		}
	}
}

var errLong = fault.New(fault.Invalid, "is longer than %d MB", maxLine>>20)

// invalid says in which line something is wrong.
func (l *lineReader) invalid(err error) error {
	return fault.New(fault.Invalid, "line %d: %w", l.number, err)
}

// decode reads the line into v.
func (l *lineReader) decode(line []byte, v any) error {
	if !utf8.Valid(line) { // which would be read as other letters
		return fault.New(fault.Invalid, "is not UTF-8")
	}
	if n := values(line); n > maxValues {
		return errValues
	}
	return strictjson.Unmarshal(line, v)
}

var errValues = fault.New(fault.Invalid, "has more than %d values", maxValues)

// kept reads the line as an event with its exceptions. bad is told which of these cannot be read; what it returns ends the reading.
func (l *lineReader) kept(line []byte, version int, bad func(text []byte, err error) error) (k calendar.Kept, err error) {
	var raw struct {
		Event      calendar.Event    `json:"event"`
		Exceptions []json.RawMessage `json:"exceptions"`
	}
	if err := l.decode(line, &raw); err != nil {
		return k, err
	}
	if len(raw.Exceptions) > maxExceptions {
		return k, errExceptions()
	}
	if k.Event = raw.Event; version < 2 {
		loneOfOld(&k.Event)
	}
	if err := check(&k); err != nil {
		return k, err
	}
	if k.Event.Type != calendar.Master && len(raw.Exceptions) > 0 {
		return k, fault.Field("exceptions", "are there, but the event's type is not %q", calendar.Master)
	}
	for i, text := range raw.Exceptions {
		var e calendar.Event
		err := strictjson.Unmarshal(text, &e)
		if err != nil {
			err = fault.New(fault.Invalid, "exceptions[%d]: %w", i, err)
		} else {
			err = checkException(&k, &e, i)
		}
		if err != nil {
			if err = bad(text, err); err != nil {
				return k, err
			}
			continue
		}
		k.Exceptions = append(k.Exceptions, e)
	}
	return k, nil
}

// named is as much of a line that cannot be read as it takes to name it.
func named(text []byte) (id, uid, subject string) {
	if values(text) > maxValues {
		return "", "", ""
	}
	type one struct{ ID, ICalUID, Subject string }
	var e struct {
		one
		Event one
	}
	_ = json.Unmarshal(text, &e) // what can be read
	return cmp.Or(e.Event.ID, e.ID), cmp.Or(e.Event.ICalUID, e.ICalUID), cmp.Or(e.Event.Subject, e.Subject)
}

// values counts the commas between values, so that nothing has to be decoded to know how many there are.
func values(line []byte) (n int) {
	quoted, escaped := false, false
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			n++
		}
	}
	return n
}

// jsonl is a JSONL file of which the header was read.
type jsonl struct {
	header
	lines lineReader
	seen  func(line []byte) // every line after the header; nil: nobody looks
	// lenient sets aside what cannot be read; else it is an error.
	lenient bool
}

func openJSONL(r *bufio.Reader) (*jsonl, error) {
	j := &jsonl{lines: lineReader{r: r}}
	line, err := j.lines.next()
	switch {
	case err == io.EOF:
		return nil, fault.New(fault.Invalid, "the file is empty")
	case err == errLong:
		return nil, j.lines.invalid(err)
	case err != nil:
		return nil, err
	}
	if err := j.lines.decode(line, &j.header); err != nil {
		return nil, fault.New(fault.Invalid, "the file does not begin with the header of a backup: %w", j.lines.invalid(err))
	}
	if err := checkFormat(j.Format, j.Version, formatVersion); err != nil {
		return nil, j.lines.invalid(err)
	}
	return j, nil
}

// each reads all lines that follow, and where they are.
func (j *jsonl) each(each func(place, calendar.Kept) error) error {
	bad := func(text []byte, err error) error {
		if !j.lenient {
			return j.lines.invalid(err)
		}
		id, uid, subject := named(text)
		return each(place{line: j.lines.number}, setAside(calendar.Aside{
			Line: j.lines.number, UID: cmp.Or(uid, id), Subject: subject, Reason: calendar.Unreadable, Detail: err.Error(),
		}))
	}
	for {
		line, err := j.lines.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errLong:
			if err := bad(nil, err); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		if j.seen != nil {
			j.seen(line)
		}
		var stopped error // by bad
		k, err := j.lines.kept(line, j.Version, func(text []byte, err error) error {
			stopped = bad(text, err)
			return stopped
		})
		if err != nil && stopped == nil {
			if stopped = bad(line, err); stopped == nil {
				continue
			}
		}
		if stopped != nil {
			return stopped
		}
		if err := each(place{line: j.lines.number}, k); err != nil {
			return err
		}
	}
}
