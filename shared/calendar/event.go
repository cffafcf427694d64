// Package calendar knows what a calendar is: events as a provider returns them, calendar URIs, local days and
// windows in a time zone, and the port behind which Outlook and our own calendars look alike.
package calendar

import (
	"cmp"
	"time"
)

// Type says which of four things a provider returned.
type Type string

const (
	Single     Type = "singleInstance" // an event by itself
	Occurrence Type = "occurrence"     // one instance of a series, as the series has it
	Exception  Type = "exception"      // one instance of a series that was changed by itself
	Master     Type = "seriesMaster"   // the series; it is no event in itself
)

// ShowAs is the free/busy status, in Microsoft Graph's words.
type ShowAs string

const (
	Free             ShowAs = "free"
	Tentative        ShowAs = "tentative"
	Busy             ShowAs = "busy"
	OutOfOffice      ShowAs = "oof"
	WorkingElsewhere ShowAs = "workingElsewhere"
	Unknown          ShowAs = "unknown"
)

// Sensitivity says who may see an event's content; each one hides more than the one before it.
type Sensitivity string

const (
	Normal       Sensitivity = "normal"
	Personal     Sensitivity = "personal"
	Private      Sensitivity = "private"
	Confidential Sensitivity = "confidential"
)

// Importance of an event, in Microsoft Graph's words.
type Importance string

const (
	Low              Importance = "low"
	NormalImportance Importance = "normal"
	High             Importance = "high"
)

// Response is the user's own answer to an invitation, in Microsoft Graph's words.
type Response string

const (
	NoResponse          Response = "none"
	Organizer           Response = "organizer"
	TentativelyAccepted Response = "tentativelyAccepted"
	Accepted            Response = "accepted"
	Declined            Response = "declined"
	NotResponded        Response = "notResponded"
)

// DateTime is a wall-clock time with the name of its zone, as Graph's dateTimeTimeZone has it.
type DateTime struct {
	// Local is the wall-clock time as RFC 3339 without an offset ("2026-10-05T09:00:00", any number of fractional digits).
	// One that does carry Z or an offset is an instant, whatever Zone says. Empty: there is none.
	Local string `json:"dateTime"`
	// Zone is an IANA or Windows zone name. Empty means floating: the time is meant in whatever zone it is read in.
	Zone string `json:"timeZone"`
}

// Body is an event's text.
type Body struct {
	ContentType string `json:"contentType,omitempty"` // "text" or "html"
	Content     string `json:"content,omitempty"`
}

// Person is somebody with an e-mail address.
type Person struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

// Attendee is a person who was invited.
type Attendee struct {
	Person
	Type     string   `json:"type,omitempty"` // "required", "optional" or "resource"
	Response Response `json:"response,omitempty"`
}

// Recurrence is what makes a series, in the words of RFC 5545. Only a Master has one.
type Recurrence struct {
	Rules   []string   `json:"rrule,omitempty"`  // RRULE values, "FREQ=WEEKLY;BYDAY=MO"
	Dates   []DateTime `json:"rdate,omitempty"`  // further starts
	Without []DateTime `json:"exdate,omitempty"` // starts that do not happen
}

// Event is one calendar entry as a provider returns it. Missing text is empty, never a pointer.
type Event struct {
	ID             string `json:"id"`                       // the provider's immutable id
	ICalUID        string `json:"iCalUId,omitempty"`        // the id that all copies of the event share across calendars
	Type           Type   `json:"type,omitempty"`           // empty counts as Single
	SeriesMasterID string `json:"seriesMasterId,omitempty"` // of an Occurrence or Exception
	// OriginalStart is when an Occurrence or Exception would have started by its series; zero for others.
	OriginalStart time.Time `json:"originalStart,omitzero"`
	// RecurrenceID is the start that an Exception replaces as its file writes it, where the series was not there to say which of its occurrences that is. A
	// date has no time of day.
	RecurrenceID DateTime `json:"recurrenceId,omitzero"`
	// Sequence counts the revisions of an event that its organiser made (RFC 5545, 3.8.7.4), and Stamp is when the revision was made or handed out (DTSTAMP).
	// Of two revisions with the same Sequence the one with the later Stamp is newer. Only files have them.
	Sequence int       `json:"sequence,omitempty"`
	Stamp    time.Time `json:"dtstamp,omitzero"`

	Subject     string `json:"subject,omitempty"`
	Body        Body   `json:"body,omitzero"`
	BodyPreview string `json:"bodyPreview,omitempty"`
	// BodyUnread says that the listing left the body out: ask Bodies for it. BodyPreview does not say whether there is one: that of a picture is empty.
	BodyUnread bool `json:"-"`
	// Withheld says that the provider has the event and refuses to show it by its id. Of such an event ID alone is known.
	Withheld bool `json:"-"`
	// BodyDigest stands for the body where a light listing left it out: Digest of the body that is already known. Empty otherwise.
	BodyDigest string `json:"bodyDigest,omitempty"`

	Start DateTime `json:"start,omitzero"`
	End   DateTime `json:"end,omitzero"`
	// StartZone and EndZone name the zones in which the event was made, whatever zone Start and End are written in.
	StartZone string `json:"originalStartTimeZone,omitempty"`
	EndZone   string `json:"originalEndTimeZone,omitempty"`
	AllDay    bool   `json:"isAllDay,omitempty"`

	Cancelled   bool        `json:"isCancelled,omitempty"`
	IsOrganizer bool        `json:"isOrganizer,omitempty"` // the user is the organiser
	Response    Response    `json:"response,omitempty"`
	ShowAs      ShowAs      `json:"showAs,omitempty"`      // empty counts as Unknown
	Importance  Importance  `json:"importance,omitempty"`  // empty counts as NormalImportance
	Sensitivity Sensitivity `json:"sensitivity,omitempty"` // empty counts as Normal

	Location   string      `json:"location,omitempty"`
	Categories []string    `json:"categories,omitempty"`
	Organizer  Person      `json:"organizer,omitzero"`
	Attendees  []Attendee  `json:"attendees,omitempty"`
	OnlineURL  string      `json:"onlineMeetingUrl,omitempty"`
	Recurrence *Recurrence `json:"recurrence,omitempty"` // of a Master only

	Created      time.Time `json:"createdDateTime,omitzero"`
	LastModified time.Time `json:"lastModifiedDateTime,omitzero"`
	// ChangeKey differs after every change of the event. Two readings with the same one are the same event, unchanged; an empty one says nothing.
	ChangeKey string `json:"changeKey,omitempty"`
	ETag      string `json:"etag,omitempty"`
	// Issues are what its file says that had to be understood otherwise, in words for the user.
	Issues []string `json:"-"`
	// Mark is our own extended property on copies that we wrote (see Draft.Mark); empty on everybody else's events.
	Mark string `json:"mark,omitempty"`
}

// Revision compares which revision of one event is newer, by Sequence, then by Stamp where both have one: it is negative if e is the older one.
func (e *Event) Revision(other *Event) int {
	if n := cmp.Compare(e.Sequence, other.Sequence); n != 0 || e.Stamp.IsZero() || other.Stamp.IsZero() {
		return n
	}
	return e.Stamp.Compare(other.Stamp)
}

// Declined says whether the user answered the invitation with no.
func (e *Event) Declined() bool { return e.Response == Declined }
