package calendar

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

// What DecodeGraph reads at most.
const (
	MaxGraphEvents = 200_000
	MaxGraphBytes  = 256 << 20
)

// ErrIncomplete means that a listing says of itself that there is more of it.
var ErrIncomplete = errors.New("calendar: listing is incomplete")

// DecodeGraph reads events as Microsoft Graph's calendarView returns them: a response object with the array "value", or that array
// alone. Events come in the order of the array, repeated ids included. What we have no use for is skipped.
//
// An event's start or end that is missing or null is the zero DateTime; one without a time zone is in UTC, as is Graph's default.
// Words are known in any case. An unknown showAs is Unknown, an unknown importance NormalImportance, an unknown response NoResponse, an unknown
// sensitivity Private, so that nothing is revealed; one that is missing is empty.
//
// Errors are Invalid and name the element at fault, as in "value[3].start.dateTime must be a string"; more than MaxGraphEvents or MaxGraphBytes is
// one of them. A response with a next link is ErrIncomplete: a part of a calendar must not be mistaken for the whole. If reading itself fails,
// then that error is returned.
func DecodeGraph(r io.Reader) ([]Event, error) {
	return DecodeLargeGraph(r, 0, nil)
}

// DecodeLargeGraph is DecodeGraph for very many events. size is how many bytes there are, by which the room for the events is made at once; 0: not known.
// change is called with each event as soon as it is read, so that what nobody needs of it need not be kept; nil: all is kept.
func DecodeLargeGraph(r io.Reader, size int64, change func(*Event)) ([]Event, error) {
	return (&graphDecoder{maxEvents: MaxGraphEvents, size: size, change: change}).decode(r, MaxGraphBytes)
}

func (d *graphDecoder) decode(r io.Reader, maxBytes int64) ([]Event, error) {
	in := &limitedReader{r: r, left: maxBytes}
	text := bufio.NewReader(in)
	if mark, _ := text.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = text.Discard(len(mark)) // a byte order mark, which editors on Windows put first
	}
	d.Decoder, d.words = json.NewDecoder(text), map[string]string{}
	err := d.document()
	switch {
	case in.err != nil:
		return nil, fmt.Errorf("read events: %w", in.err)
	case in.left < 0:
		return nil, fault.New(fault.Invalid, "the events are more than %d bytes", maxBytes)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault.New(fault.Invalid, "the events are not JSON: the text ends too early")
	case err != nil:
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return nil, fault.New(fault.Invalid, "the events are not JSON: byte %d: %v", syntax.Offset, err)
		}
		return nil, err
	}
	return d.events, nil
}

// limitedReader reads up to left bytes, and ends with left below zero if there are more. It keeps the error that reading met, if any.
type limitedReader struct {
	r    io.Reader
	left int64
	err  error
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// graphDecoder reads a listing token by token, so that one event at a time is in memory as JSON.
type graphDecoder struct {
	*json.Decoder
	maxEvents int
	size      int64        // in bytes; 0: not known
	change    func(*Event) // nil: nothing is changed
	events    []Event
	words     map[string]string // what many events have in common, so that it is kept once
}

// mostWords is of how many texts one copy is kept.
const mostWords = 10_000

// measured is after how many events the size of all of them is known well enough.
const measured = 1000

// makeRoom makes room for as many events as the size lets expect, and a few more: growing step by step would need the room twice.
func (d *graphDecoder) makeRoom() {
	if d.size == 0 || len(d.events) != measured {
		return
	}
	expected := d.size * measured / max(d.InputOffset(), 1)
	d.events = slices.Grow(d.events, max(0, int(min(int64(d.maxEvents), expected+expected/50))-measured))
}

// once returns the copy of a text that is kept.
func (d *graphDecoder) once(text *string) {
	if kept, known := d.words[*text]; known {
		*text = kept
	} else if len(d.words) < mostWords {
		d.words[*text] = *text
	}
}

// keepOnce keeps one copy of the texts that often are those of other events.
func (d *graphDecoder) keepOnce(e *Event) {
	for _, text := range []*string{
		&e.SeriesMasterID, &e.Start.Zone, &e.End.Zone, &e.StartZone, &e.EndZone, &e.Location, &e.OnlineURL, &e.Organizer.Name, &e.Organizer.Address,
	} {
		d.once(text)
	}
	for i := range e.Categories {
		d.once(&e.Categories[i])
	}
	for i := range e.Attendees {
		d.once(&e.Attendees[i].Name)
		d.once(&e.Attendees[i].Address)
	}
}

func (d *graphDecoder) document() error {
	switch start, err := d.Token(); {
	case err != nil:
		return err
	case start == json.Delim('['):
		if err := d.array(); err != nil {
			return err
		}
	case start == json.Delim('{'):
		if err := d.response(); err != nil {
			return err
		}
	default:
		return fault.New(fault.Invalid, "the events must be a JSON array, or an object with the array value")
	}
	switch _, err := d.Token(); err {
	case io.EOF:
		return nil
	case nil:
		return fault.New(fault.Invalid, "there is more text after the events, at byte %d", d.InputOffset())
	default:
		return err
	}
}

// response reads the rest of an object.
func (d *graphDecoder) response() error {
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if key == "value" {
			if found {
				return fault.Field("value", "is there twice")
			}
			found = true
			if start, err := d.Token(); err != nil {
				return err
			} else if start != json.Delim('[') {
				return fault.Field("value", "must be an array")
			}
			if err := d.array(); err != nil {
				return err
			}
			continue
		}
		var other json.RawMessage
		if err := d.Decode(&other); err != nil {
			return err
		}
		if name, _ := key.(string); strings.EqualFold(name, "@odata.nextLink") && string(other) != "null" && string(other) != `""` {
			return Told(fault.Invalid, ErrIncomplete, "the response has an @odata.nextLink; read all pages and put their events into one array")
		}
	}
	if !found {
		return fault.Field("value", "is missing: the events must be a calendarView response, or its array value")
	}
	_, err := d.Token() // the closing brace
	return err
}

// array reads the rest of an array of events.
func (d *graphDecoder) array() error {
	var g graphEvent
	for d.More() {
		g = graphEvent{}
		n := len(d.events)
		if n == d.maxEvents {
			return fault.Field(place(n), "is one too many: at most %d events are read", d.maxEvents)
		}
		if err := d.Decode(&g); err != nil {
			if shape := (*json.UnmarshalTypeError)(nil); errors.As(err, &shape) {
				return fault.Field(strings.TrimSuffix(place(n)+"."+fieldOf(shape), "."), "must be %s", kindOf(shape.Type))
			}
			return err
		}
		d.events = append(d.events, Event{})
		e := &d.events[n]
		if err := g.read(e, n); err != nil {
			return err
		}
		d.keepOnce(e)
		if d.change != nil {
			d.change(e)
		}
		d.makeRoom()
	}
	_, err := d.Token() // the closing bracket
	return err
}

// fieldOf is the path of the field with the wrong shape, within its event; what is in an array has [] for its place.
func fieldOf(shape *json.UnmarshalTypeError) string {
	for _, list := range []string{"attendees", "categories"} {
		if rest, ok := strings.CutPrefix(shape.Field, list); ok && shape.Type.Kind() != reflect.Slice {
			return list + "[]" + rest
		}
	}
	return shape.Field
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "an object"
	case reflect.Slice:
		return "an array"
	case reflect.Bool:
		return "true or false"
	default:
		return "a string"
	}
}

// graphEvent is an event in the names of Graph's type definitions (microsoft.graph.event). Any property may be null.
type graphEvent struct {
	ID                    string        `json:"id"`
	ETag                  string        `json:"@odata.etag"`
	ICalUID               string        `json:"iCalUId"`
	Type                  string        `json:"type"`
	SeriesMasterID        string        `json:"seriesMasterId"`
	OriginalStart         string        `json:"originalStart"`
	Subject               string        `json:"subject"`
	Body                  Body          `json:"body"`
	BodyPreview           string        `json:"bodyPreview"`
	Start                 DateTime      `json:"start"`
	End                   DateTime      `json:"end"`
	OriginalStartTimeZone string        `json:"originalStartTimeZone"`
	OriginalEndTimeZone   string        `json:"originalEndTimeZone"`
	IsAllDay              bool          `json:"isAllDay"`
	IsCancelled           bool          `json:"isCancelled"`
	IsOrganizer           bool          `json:"isOrganizer"`
	ResponseStatus        graphResponse `json:"responseStatus"`
	ShowAs                string        `json:"showAs"`
	Importance            string        `json:"importance"`
	Sensitivity           string        `json:"sensitivity"`
	Location              struct {
		DisplayName string `json:"displayName"`
	} `json:"location"`
	Categories []string `json:"categories"`
	Organizer  struct {
		EmailAddress Person `json:"emailAddress"`
	} `json:"organizer"`
	Attendees []struct {
		EmailAddress Person        `json:"emailAddress"`
		Type         string        `json:"type"`
		Status       graphResponse `json:"status"`
	} `json:"attendees"`
	OnlineMeeting struct {
		JoinURL string `json:"joinUrl"`
	} `json:"onlineMeeting"`
	OnlineMeetingURL     string `json:"onlineMeetingUrl"`
	CreatedDateTime      string `json:"createdDateTime"`
	LastModifiedDateTime string `json:"lastModifiedDateTime"`
	ChangeKey            string `json:"changeKey"`
}

type graphResponse struct {
	Response string `json:"response"`
}

func (r graphResponse) word() Response {
	return word(r.Response, NoResponse, Organizer, TentativelyAccepted, Accepted, Declined, NotResponded)
}

// place is the path of the nth event.
func place(n int) string { return fmt.Sprintf("value[%d]", n) }

// read reads g, which is the nth event, into e.
func (g *graphEvent) read(e *Event, n int) error {
	if g.ID == "" {
		return fault.Field(place(n)+".id", "is missing")
	}
	*e = Event{
		ID: g.ID, ICalUID: g.ICalUID, SeriesMasterID: g.SeriesMasterID,
		Type:    word(g.Type, "", Single, Occurrence, Exception, Master),
		Subject: g.Subject, BodyPreview: g.BodyPreview,
		Body:      Body{ContentType: word(g.Body.ContentType, "text", "html"), Content: g.Body.Content},
		Start:     graphDateTime(g.Start),
		End:       graphDateTime(g.End),
		StartZone: graphZone(g.OriginalStartTimeZone), EndZone: graphZone(g.OriginalEndTimeZone),
		AllDay: g.IsAllDay, Cancelled: g.IsCancelled, IsOrganizer: g.IsOrganizer,
		Response:    g.ResponseStatus.word(),
		ShowAs:      word(g.ShowAs, Unknown, Free, Tentative, Busy, OutOfOffice, WorkingElsewhere),
		Importance:  word(g.Importance, NormalImportance, Low, High),
		Sensitivity: word(g.Sensitivity, Private, Normal, Personal, Confidential),
		Location:    g.Location.DisplayName, Categories: g.Categories, Organizer: g.Organizer.EmailAddress,
		OnlineURL: cmp.Or(g.OnlineMeeting.JoinURL, g.OnlineMeetingURL),
		ChangeKey: g.ChangeKey, ETag: g.ETag,
	}
	if e.Type == "" && g.Type != "" {
		return fault.Field(place(n)+".type", "is %.40q: expected singleInstance, occurrence, exception or seriesMaster", g.Type)
	}
	if len(g.Attendees) > 0 {
		e.Attendees = make([]Attendee, 0, len(g.Attendees))
	}
	for _, a := range g.Attendees {
		e.Attendees = append(e.Attendees, Attendee{Person: a.EmailAddress, Type: word(a.Type, "required", "optional", "resource"), Response: a.Status.word()})
	}
	for _, t := range []struct {
		name, text string
		to         *time.Time
	}{
		{"originalStart", g.OriginalStart, &e.OriginalStart},
		{"createdDateTime", g.CreatedDateTime, &e.Created},
		{"lastModifiedDateTime", g.LastModifiedDateTime, &e.LastModified},
	} {
		if t.text == "" {
			continue
		}
		w, offset, fixed, ok := parseTime(t.text)
		*t.to = time.Unix(w.utc()-offset, int64(w.Nanosecond)).UTC()
		if year := t.to.Year(); !ok || !fixed || year < 1 || year > 9999 {
			return fault.Field(place(n)+"."+t.name, "is %.40q: expected an instant like 2026-10-05T07:00:00Z", t.text)
		}
	}
	return nil
}

// graphDateTime fills in what is missing.
func graphDateTime(t DateTime) DateTime {
	if t.Local == "" {
		return DateTime{}
	}
	t.Zone = graphZone(cmp.Or(t.Zone, "UTC"))
	return t
}

// graphZone is a zone's name as it may be sent to Exchange: UTC has names there that Exchange returns and does not accept.
func graphZone(name string) string {
	if strings.EqualFold(name, exchangeUTC) {
		return "UTC"
	}
	return name
}

// word finds text among words, in any case; it is otherwise if it is none of them, and empty if it is empty.
func word[T ~string](text string, otherwise T, words ...T) T {
	if text == "" {
		return ""
	}
	for _, w := range words {
		if strings.EqualFold(text, string(w)) {
			return w
		}
	}
	return otherwise
}
