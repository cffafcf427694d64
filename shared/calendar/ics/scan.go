package ics

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"adminassistant/shared/plaintext"
)

// part is one component that matters, cut out of the stream.
type part struct {
	*ical.Component
	lines []line
}

// line is one content line, unfolded, with the number of the physical line where it begins.
type line struct {
	number int
	text   string
}

// number returns where a property is written, else where the component begins.
func (p part) number(prop *ical.Prop) int {
	if prop != nil {
		for _, l := range p.lines {
			if name, _, _ := cutName(l.text); name == prop.Name && strings.HasSuffix(l.text, prop.Value) {
				return l.number
			}
		}
	}
	return p.lines[0].number
}

// text is the component as it was written, unfolded.
func (p part) text() string {
	var b strings.Builder
	for _, l := range p.lines {
		b.WriteString(l.text)
		b.WriteString("\r\n")
	}
	return b.String()
}

// scanner cuts a stream into lines and lines into parts.
type scanner struct {
	r      *bufio.Reader
	number int // of the physical line read last
	bytes  int
	begun  int // the physical line where the content line begins

	unfolded []byte // room for a content line
}

// scan reads a stream of VCALENDARs. It hands property each property of a calendar itself (its METHOD, its name) and component each
// VEVENT and VTIMEZONE. Whatever else there is (to-dos, journals, alarms, attachments) is passed over.
func scan(r io.Reader, property func(name, value string), component func(part) error) error {
	s := &scanner{r: bufio.NewReaderSize(r, 64<<10)}
	if err := s.checkEncoding(); err != nil {
		return err
	}
	var open []line // the components that are open, by name
	var kept *part  // the component that is being gathered
	size, events, calendars := 0, 0, 0
	for {
		text, err := s.next(kept != nil || len(open) < 2)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		name, value, ok := cutName(text)
		at := line{s.begun, text}
		switch {
		case text == "":
			continue
		case !ok:
			if len(open) == 0 {
				return invalid(at.number, "this is not an iCalendar file: it must begin with BEGIN:VCALENDAR")
			}
			return invalid(at.number, "%.60q is no content line: it has no name and colon", text)
		case name == "BEGIN":
			value = strings.ToUpper(strings.TrimSpace(value))
			at.text = "BEGIN:" + value
			switch {
			case len(open) == 0 && value != "VCALENDAR":
				return invalid(at.number, "BEGIN:%.60s outside of a VCALENDAR", value)
			case len(open) > 0 && value == "VCALENDAR":
				return invalid(at.number, "a VCALENDAR begins inside the %.60s of line %d; an END is missing", open[len(open)-1].text, open[len(open)-1].number)
			case len(open) == MaxDepth:
				return invalid(at.number, "components are nested more than %d deep", MaxDepth)
			}
			open = append(open, line{at.number, value})
			switch {
			case len(open) == 1:
				calendars++
			case len(open) == 2 && (value == "VEVENT" || value == "VTIMEZONE"):
				kept, size = &part{}, 0
				if value == "VEVENT" {
					events++
				}
				if events > MaxEvents {
					return invalid(at.number, "the file has more than %d events", MaxEvents)
				}
			}
		case len(open) == 0:
			return invalid(at.number, "this is not an iCalendar file: %.60q stands outside of a VCALENDAR", text)
		case name == "END":
			value = strings.ToUpper(strings.TrimSpace(value))
			at.text = "END:" + value
			last := open[len(open)-1]
			if value != last.text {
				return invalid(at.number, "END:%.60s does not end the %.60s of line %d", value, last.text, last.number)
			}
			if kept != nil && !alarm(open) {
				kept.lines = append(kept.lines, at)
			}
			if open = open[:len(open)-1]; len(open) == 1 && kept != nil {
				if err := kept.parse(); err != nil {
					return err
				}
				if err := component(*kept); err != nil {
					return err
				}
				kept = nil
			}
			continue
		case len(open) == 1:
			property(name, value)
		}
		if kept == nil || alarm(open) || attached(name) {
			continue
		}
		switch size += len(at.text); {
		case size > MaxComponent:
			return invalid(at.number, "the %s of line %d is larger than %d bytes", open[1].text, open[1].number, MaxComponent)
		case len(kept.lines) == MaxLines:
			return invalid(at.number, "the %s of line %d has more than %d lines", open[1].text, open[1].number, MaxLines)
		}
		if at.text, err = trimParams(at, name); err != nil {
			return err
		}
		kept.lines = append(kept.lines, at)
	}
	switch {
	case len(open) > 0:
		last := open[len(open)-1]
		return invalid(s.number, "the file ends inside the %.60s of line %d: END:%.60s is missing", last.text, last.number, last.text)
	case calendars == 0:
		return invalid(1, "the file is empty: it must begin with BEGIN:VCALENDAR")
	}
	return nil
}

// alarm says whether the innermost open component is one inside of an event: an alarm, of no interest here.
func alarm(open []line) bool { return len(open) > 2 && open[1].text == "VEVENT" }

// attached says whether lines of that name hold what is not kept, and is often large.
func attached(name string) bool { return name == "ATTACH" || name == "IMAGE" }

// trimParams keeps parameters to a size that the library can handle (its time grows with the square). Some programs put a whole page into the
// ALTREP of a text; a text goes without its parameters then.
func trimParams(l line, name string) (string, error) {
	end := paramsEnd(l.text)
	switch {
	case end < 0:
		return "", invalid(l.number, "%.60s has no colon, or a quote that is not closed", name)
	case end <= MaxParams:
		return l.text, nil
	case name == "DESCRIPTION" || name == "SUMMARY" || name == "LOCATION" || name == "COMMENT" || strings.HasPrefix(name, "X-"):
		return name + l.text[end:], nil
	}
	return "", invalid(l.number, "the parameters of %.60s are longer than %d bytes", name, MaxParams)
}

// paramsEnd is the index of the colon before the value: the first one outside of quotes; -1 if there is none.
func paramsEnd(text string) int {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ':' && !quoted:
			return i
		}
	}
	return -1
}

// cutName returns a line's name, in capitals, and what follows the first colon. A name is letters, digits and hyphens.
func cutName(text string) (name, value string, ok bool) {
	end := strings.IndexAny(text, ":;")
	if end <= 0 || strings.Trim(text[:end], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return "", "", false
	}
	_, value, ok = strings.Cut(text[end:], ":")
	return strings.ToUpper(text[:end]), value, ok
}

// parse lets the library read the component.
func (p *part) parse() (err error) {
	defer func() { // the library panics on some malformed parameters
		if r := recover(); r != nil {
			err = invalid(p.lines[0].number, "%s cannot be read: malformed parameters", p.lines[0].text)
		}
	}()
	decoded, err := ical.NewDecoder(strings.NewReader("BEGIN:VCALENDAR\r\n" + p.text() + "END:VCALENDAR\r\n")).Decode()
	if err != nil {
		for _, l := range p.lines { // which one was it?
			if strings.HasPrefix(l.text, "BEGIN:") || strings.HasPrefix(l.text, "END:") {
				continue
			}
			if _, err := ical.NewDecoder(strings.NewReader("BEGIN:VCALENDAR\r\n" + l.text + "\r\nEND:VCALENDAR\r\n")).Decode(); err != nil {
				return invalid(l.number, "%s", strings.TrimPrefix(err.Error(), "ical: "))
			}
		}
		return invalid(p.lines[0].number, "%s cannot be read: %s", p.lines[0].text, strings.TrimPrefix(err.Error(), "ical: "))
	}
	p.Component = decoded.Children[0]
	return nil
}

// checkEncoding looks at how the stream begins: a UTF-8 byte order mark is passed over.
func (s *scanner) checkEncoding() error {
	head, _ := s.r.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte(plaintext.Mark)):
		_, _ = s.r.Discard(len(plaintext.Mark))
	case plaintext.Wide(head):
		return invalid(1, "%w", plaintext.ErrWide)
	}
	return nil
}

// next returns the next content line, unfolded; io.EOF after the last. Lines end in LF or CR LF. What goes on for longer than MaxLine is an
// error. Of an attachment only the name is returned, however long it is; without keep also of all other lines but BEGIN and END.
func (s *scanner) next(keep bool) (string, error) {
	s.begun = s.number + 1
	text, err := s.physical()
	if err != nil {
		return "", err
	}
	unfolded := append(s.unfolded[:0], text...)
	defer func() { s.unfolded = unfolded }() // to reuse its memory
	name, _, _ := cutName(string(unfolded[:min(len(unfolded), 32)]))
	skip := attached(name) || !keep && name != "BEGIN" && name != "END"
	for {
		ahead, err := s.r.Peek(1)
		if err != nil || ahead[0] != ' ' && ahead[0] != '\t' {
			break // the next call returns the error
		}
		more, err := s.physical()
		if err != nil {
			return "", err
		}
		if skip {
			continue
		}
		if unfolded = append(unfolded, more[1:]...); len(unfolded) > MaxLine {
			return "", invalid(s.begun, "the line is longer than %d bytes", MaxLine)
		}
	}
	if skip && name != "" {
		return name + ":", nil
	}
	if !utf8.Valid(unfolded) {
		return "", invalid(s.begun, "the text is not UTF-8 (is it Latin-1?); save the file as UTF-8")
	}
	return string(unfolded), nil
}

// physical returns the next line without its end, good until the next call.
func (s *scanner) physical() ([]byte, error) {
	var text []byte
	for {
		chunk, err := s.r.ReadSlice('\n')
		s.bytes += len(chunk)
		if text == nil {
			text = chunk
		} else {
			text = append(text, chunk...)
		}
		switch {
		case err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("line %d: %w", s.number+1, err)
		case err == io.EOF && len(text) == 0:
			return nil, io.EOF
		case len(text) > MaxLine+2:
			return nil, invalid(s.number+1, "the line is longer than %d bytes", MaxLine)
		case s.bytes > MaxBytes:
			return nil, invalid(s.number+1, "the file is larger than %d bytes", MaxBytes)
		case bytes.IndexByte(chunk, 0) >= 0:
			return nil, invalid(s.number+1, "the file is binary, not an iCalendar file")
		case errors.Is(err, bufio.ErrBufferFull):
			text = append([]byte(nil), text...) // the reader is about to reuse it
			continue
		}
		s.number++
		return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), nil
	}
}
