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

	"adminassistant/shared/fault"
	"adminassistant/shared/plaintext"
)

// part is one component that matters, cut out of the stream.
type part struct {
	*ical.Component // nil if it is bad
	lines           []line
	name            string // VEVENT or VTIMEZONE
	calendar        int    // which VCALENDAR of the stream it is in, from 1
	bad             error  // why it cannot be read, with the line
	uid, subject    string // as far as they were read, of a bad one
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

// spoil notes the first reason why the part cannot be read.
func (p *part) spoil(err error) {
	if p.bad == nil {
		p.bad = err
	}
}

// handler is given what a stream holds, in its order.
type handler struct {
	property  func(calendar int, name, value string) // of a VCALENDAR itself: its METHOD, its name
	component func(part) error                       // a VEVENT or VTIMEZONE, also one that cannot be read
}

// scanner cuts a stream into lines and lines into parts.
type scanner struct {
	handler
	r      *bufio.Reader
	number int // of the physical line read last
	bytes  int
	begun  int // the physical line where the content line begins

	unfolded []byte // room for a content line

	open                    []line // the components that are open, by name
	kept                    *part  // the component that is being gathered
	size, events, calendars int
}

// scan reads a stream of VCALENDARs. Whatever is neither event nor time zone (to-dos, journals, alarms, attachments) is passed over. What is wrong
// within one component spoils that one alone; an error of scan is of the whole stream: it is no calendar, too large, or cannot be read.
func scan(r io.Reader, h handler) error {
	s := &scanner{handler: h, r: bufio.NewReaderSize(r, 64<<10)}
	if err := s.checkEncoding(); err != nil {
		return err
	}
	for {
		text, bad, err := s.next(s.kept != nil || len(s.open) < 2)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := s.line(line{s.begun, text}, bad); err != nil {
			return err
		}
	}
	switch {
	case len(s.open) > 0:
		last := s.open[len(s.open)-1]
		return invalid(s.number, "the file ends inside the %.60s of line %d: END:%.60s is missing", last.text, last.number, last.text) // much may be missing
	case s.calendars == 0:
		return invalid(1, "the file is empty: it must begin with BEGIN:VCALENDAR")
	}
	return nil
}

// line takes the next content line; bad says what is wrong with it.
func (s *scanner) line(at line, bad error) error {
	name, value, ok := cutName(at.text)
	switch {
	case bad != nil && (len(s.open) == 0 || len(s.open) == 1 && !errors.Is(bad, errEncoding)):
		return bad
	case bad != nil:
		s.spoil(bad)
		return nil
	case at.text == "":
		return nil
	case !ok:
		if len(s.open) == 0 {
			return invalid(at.number, "this is not an iCalendar file: it must begin with BEGIN:VCALENDAR")
		}
		s.spoil(invalid(at.number, "%.60q is no content line: it has no name and colon", at.text))
		return nil
	case name == "BEGIN":
		return s.begin(line{at.number, strings.ToUpper(strings.TrimSpace(value))})
	case len(s.open) == 0:
		return invalid(at.number, "this is not an iCalendar file: %.60q stands outside of a VCALENDAR", at.text)
	case name == "END":
		return s.end(line{at.number, strings.ToUpper(strings.TrimSpace(value))})
	case len(s.open) == 1:
		s.property(s.calendars, name, value)
	}
	if s.kept == nil || alarm(s.open) || attached(name) {
		return nil
	}
	if len(s.open) == 2 && name == "UID" && s.kept.uid == "" {
		s.kept.uid = strings.TrimSpace(unescape(value))
	}
	if len(s.open) == 2 && name == "SUMMARY" && s.kept.subject == "" {
		s.kept.subject = unescape(value)
	}
	if s.kept.bad != nil {
		return nil
	}
	s.gather(at, name)
	return nil
}

// gather adds a line to the component.
func (s *scanner) gather(at line, name string) {
	outer := s.open[1]
	s.size += len(at.text)
	text, err := trimParams(at, name)
	switch {
	case s.size > MaxComponent:
		err = invalid(at.number, "the %s of line %d is larger than %d bytes", outer.text, outer.number, MaxComponent)
	case len(s.kept.lines) == MaxLines:
		err = invalid(at.number, "the %s of line %d has more than %d lines", outer.text, outer.number, MaxLines)
	}
	if err != nil {
		s.kept.spoil(err)
		s.kept.lines = s.kept.lines[:1] // the rest is of no use any more
		return
	}
	s.kept.lines = append(s.kept.lines, line{at.number, text})
}

// spoil notes that the component that is being gathered cannot be read. What is wrong elsewhere does not matter.
func (s *scanner) spoil(err error) {
	if s.kept != nil && !alarm(s.open) {
		s.kept.spoil(err)
	}
}

// begin opens a component.
func (s *scanner) begin(at line) error {
	switch {
	case len(s.open) == 0 && at.text != "VCALENDAR":
		return invalid(at.number, "BEGIN:%.60s outside of a VCALENDAR", at.text)
	case len(s.open) > 0 && at.text == "VCALENDAR":
		if err := s.close(0, at); err != nil {
			return err
		}
	case len(s.open) > 1 && (at.text == "VEVENT" || at.text == "VTIMEZONE"):
		if err := s.close(1, at); err != nil {
			return err
		}
	case len(s.open) == MaxDepth:
		return invalid(at.number, "components are nested more than %d deep", MaxDepth)
	}
	s.open = append(s.open, at)
	switch {
	case len(s.open) == 1:
		s.calendars++
	case len(s.open) == 2 && (at.text == "VEVENT" || at.text == "VTIMEZONE"):
		s.kept, s.size = &part{name: at.text, calendar: s.calendars}, 0
		if at.text == "VEVENT" {
			s.events++
		}
		if s.events > MaxEvents {
			return invalid(at.number, "the file has more than %d events", MaxEvents)
		}
	}
	if s.kept != nil && !alarm(s.open) && s.kept.bad == nil {
		s.gather(line{at.number, "BEGIN:" + at.text}, "BEGIN")
	}
	return nil
}

// end closes a component.
func (s *scanner) end(at line) error {
	depth := len(s.open) - 1
	for depth >= 0 && s.open[depth].text != at.text {
		depth--
	}
	if depth < 0 {
		last := s.open[len(s.open)-1]
		s.spoil(invalid(at.number, "END:%.60s does not end the %.60s of line %d", at.text, last.text, last.number))
		return nil
	}
	if depth < len(s.open)-1 {
		if err := s.close(depth+1, at); err != nil {
			return err
		}
	}
	if s.kept != nil && !alarm(s.open) && s.kept.bad == nil {
		s.kept.lines = append(s.kept.lines, line{at.number, "END:" + at.text})
	}
	if s.open = s.open[:depth]; depth == 1 {
		return s.deliver()
	}
	return nil
}

// close leaves so many components open: the END of the others is missing before the line at.
func (s *scanner) close(depth int, at line) error {
	last := s.open[len(s.open)-1]
	if s.kept != nil {
		s.kept.spoil(invalid(at.number, "END:%.60s is missing before it: the %.60s of line %d goes on", last.text, last.text, last.number))
	}
	s.open = s.open[:depth]
	if depth < 2 {
		return s.deliver()
	}
	return nil
}

// deliver hands over the component that was gathered.
func (s *scanner) deliver() error {
	p := s.kept
	if s.kept = nil; p == nil {
		return nil
	}
	if p.bad == nil {
		p.bad = p.parse()
	}
	return s.component(*p)
}

// alarm says whether the innermost open component is one inside of an event: an alarm, of no interest here.
func alarm(open []line) bool { return len(open) > 2 && open[1].text == "VEVENT" }

// attached says whether lines of that name hold what is not kept, and is often large.
func attached(name string) bool { return name == "ATTACH" || name == "IMAGE" }

// trimParams keeps parameters to a size that the library can handle (its time grows with the square). Some programs put a whole page into the
// ALTREP of a text; a text goes without its parameters then. Two forms that the library cannot read are written as it can: an offset with a colon as the
// name of a zone, and the encoding of vCalendar 1.0 without its name.
func trimParams(l line, name string) (string, error) {
	text := quoteOffset(l.text)
	end := paramsEnd(text)
	switch {
	case end < 0:
		return "", invalid(l.number, "%.60s has no colon, or a quote that is not closed", name)
	case end <= MaxParams:
		if head := strings.ToUpper(text[:end]); strings.Contains(head, ";QUOTED-PRINTABLE") {
			at := strings.Index(head, ";QUOTED-PRINTABLE") + 1
			text = text[:at] + "ENCODING=" + text[at:]
		}
		return text, nil
	case name == "DESCRIPTION" || name == "SUMMARY" || name == "LOCATION" || name == "COMMENT" || strings.HasPrefix(name, "X-"):
		return name + text[end:], nil
	}
	return "", invalid(l.number, "the parameters of %.60s are longer than %d bytes", name, MaxParams)
}

// quoteOffset puts quotes around a TZID such as GMT+05:00: without them its colon seems to begin the value.
func quoteOffset(text string) string {
	at := strings.Index(text, "TZID=")
	if at < 0 || at > MaxParams {
		return text
	}
	at += len("TZID=")
	end := len(text) - len(strings.TrimLeft(text[at:], "GMTUCgmtuc"))
	if rest := text[end:]; len(rest) < len("+05:00:") || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' ||
		strings.Trim(rest[1:3]+rest[4:6], "0123456789") != "" || rest[6] != ':' && rest[6] != ';' {
		return text
	}
	return text[:at] + `"` + text[at:end+6] + `"` + text[end+6:]
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
func (p *part) parse() error {
	decoded, err := decode("BEGIN:VCALENDAR\r\n" + p.text() + "END:VCALENDAR\r\n")
	if err != nil {
		for _, l := range p.lines { // which one was it?
			if strings.HasPrefix(l.text, "BEGIN:") || strings.HasPrefix(l.text, "END:") {
				continue
			}
			if _, err := decode("BEGIN:VCALENDAR\r\n" + l.text + "\r\nEND:VCALENDAR\r\n"); err != nil {
				name, _, _ := cutName(l.text)
				return invalid(l.number, "%.60s cannot be read: %v", name, err)
			}
		}
		return invalid(p.lines[0].number, "%s cannot be read: %v", p.lines[0].text, err)
	}
	p.Component = decoded.Children[0]
	return nil
}

func decode(text string) (c *ical.Calendar, err error) {
	defer func() { // the library panics on some malformed parameters
		if r := recover(); r != nil {
			err = errors.New("malformed parameters")
		}
	}()
	if c, err = ical.NewDecoder(strings.NewReader(text)).Decode(); err != nil {
		err = errors.New(strings.TrimPrefix(err.Error(), "ical: "))
	}
	return c, err
}

const byteOrderMark = "\ufeff"

// checkEncoding looks at how the stream begins. Where lines end in CR alone, as on an old Mac, they are made to end in LF.
func (s *scanner) checkEncoding() error {
	head, _ := s.r.Peek(16 << 10)
	switch {
	case plaintext.Wide(head):
		return invalid(1, "%w", plaintext.ErrWide)
	}
	if end := bytes.IndexAny(head, "\r\n"); end >= 0 && end+1 < len(head) && head[end] == '\r' && head[end+1] != '\n' && head[end+1] != '\r' {
		s.r = bufio.NewReaderSize(lineFeeds{s.r}, 64<<10)
	}
	return nil
}

// lineFeeds reads CR as LF.
type lineFeeds struct{ r io.Reader }

func (l lineFeeds) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// errEncoding is what is wrong with a line that is no text.
var errEncoding = errors.New("the text is not UTF-8 (is it Latin-1?); save the file as UTF-8")

// next returns the next content line, unfolded; io.EOF after the last. Lines end in LF or CR LF. bad says why the line cannot be used: what goes on for
// longer than MaxLine, or is no text. Of an attachment only the name is returned, however long it is; without keep also of all other lines but BEGIN and END.
func (s *scanner) next(keep bool) (text string, bad, err error) {
	s.begun = s.number + 1
	first, bad, err := s.physical()
	if err != nil {
		return "", nil, err
	}
	unfolded := append(s.unfolded[:0], bytes.TrimPrefix(first, []byte(byteOrderMark))...) // one stands in the middle where files were put together
	defer func() { s.unfolded = unfolded }()                                              // to reuse its memory
	name, _, _ := cutName(string(unfolded[:min(len(unfolded), 32)]))
	skip := attached(name) || !keep && name != "BEGIN" && name != "END"
	soft := !skip && printableParam(unfolded) // a line that ends in "=" goes on in the next one
	for {
		ahead, peeked := s.r.Peek(1)
		goesOn := peeked == nil && (ahead[0] == ' ' || ahead[0] == '\t')
		softly := peeked == nil && soft && !goesOn && bytes.HasSuffix(unfolded, []byte("="))
		if !goesOn && !softly {
			break // the next call returns the error
		}
		more, wrong, err := s.physical()
		switch {
		case err != nil:
			return "", nil, err
		case bad == nil && !skip:
			bad = wrong
		}
		if skip || bad != nil {
			continue
		}
		if goesOn {
			more = more[1:]
		} else {
			unfolded = unfolded[:len(unfolded)-1]
		}
		if unfolded = append(unfolded, more...); len(unfolded) > MaxLine {
			bad = invalid(s.begun, "the line is longer than %d bytes", MaxLine)
			if len(s.open) < 2 {
				return "", bad, nil // it ends the reading
			}
		}
	}
	if skip && name != "" {
		return name + ":", nil, nil
	}
	if bad == nil && !utf8.Valid(unfolded) && !soft {
		bad = lineError{s.begun, fault.Wrap(fault.Invalid, errEncoding)}
	}
	return string(unfolded), bad, nil
}

// printableParam says whether a line's value is written as quoted-printable, as vCalendar 1.0 does.
func printableParam(text []byte) bool {
	end := bytes.IndexByte(text, ':')
	return end > 0 && end <= MaxParams && bytes.Contains(bytes.ToUpper(text[:end]), []byte("QUOTED-PRINTABLE"))
}

// physical returns the next line without its end, good until the next call. Of one that is bad nothing is returned.
func (s *scanner) physical() (text []byte, bad, err error) {
	for {
		chunk, err := s.r.ReadSlice('\n')
		s.bytes += len(chunk)
		switch {
		case bad != nil:
		case text == nil:
			text = chunk
		default:
			text = append(text, chunk...)
		}
		switch {
		case err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull):
			return nil, nil, fmt.Errorf("line %d: %w", s.number+1, err)
		case err == io.EOF && len(text) == 0 && bad == nil:
			return nil, nil, io.EOF
		case s.bytes > MaxBytes:
			return nil, nil, invalid(s.number+1, "the file is larger than %d bytes", MaxBytes)
		case bad == nil && len(text) > MaxLine+2:
			bad, text = invalid(s.number+1, "the line is longer than %d bytes", MaxLine), nil
			if len(s.open) < 2 {
				return nil, bad, nil // it ends the reading
			}
		case bad == nil && bytes.IndexByte(chunk, 0) >= 0:
			bad, text = invalid(s.number+1, "the file is binary, not an iCalendar file"), nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			text = append([]byte(nil), text...) // the reader is about to reuse it
			continue
		}
		s.number++
		return bytes.TrimRight(text, "\r\n"), bad, nil
	}
}
